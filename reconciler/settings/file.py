"""The settings file as text: its values, and the line of each. Not for what they mean."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from reconciler.errors import SettingsError

PREFIX: Final = "RECONCILER_"
FILE_NAME: Final = "reconciler.toml"


@dataclass(frozen=True, slots=True)
class SettingsFile:
    """`reconciler.toml`; without one, nothing is said."""

    values: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    def place(self, key: str) -> str:
        """Say where a key stands, for messages."""
        name = rf"[\"']?{re.escape(key)}[\"']?"
        found = re.search(rf"^[ \t]*(?:{name}[ \t]*[=.]|\[+[ \t]*{name}[ \t]*[\].])", self.text, re.MULTILINE)
        line = f":{self.text.count(chr(10), 0, found.start()) + 1}" if found else ""
        return f"{FILE_NAME}{line}: {key}"


def read_file(folder: Path) -> SettingsFile:
    """Read the settings file of a folder, if it has one. Raises SettingsError, with the place."""
    try:
        text = (folder / FILE_NAME).read_bytes().decode("utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        return SettingsFile()
    except OSError as wrong:
        raise SettingsError(f"{FILE_NAME}: cannot be read: {(wrong.strerror or 'unknown').lower()}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"{FILE_NAME}: this is not UTF-8: save the file as UTF-8") from None
    import tomllib  # noqa: PLC0415 - most folders have no such file

    text = text.replace("\r\n", "\n")
    try:
        return SettingsFile(tomllib.loads(text), text)
    except tomllib.TOMLDecodeError as wrong:
        said = str(wrong)
        at = re.search(r" \(at line (\d+), column (\d+)\)$", said)
        place = f":{at[1]}:{at[2]}" if at else ""
        raise SettingsError(f"{FILE_NAME}{place}: this is not TOML: {said[: at.start()] if at else said}") from None
