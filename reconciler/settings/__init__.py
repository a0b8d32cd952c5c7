"""What the environment and `reconciler.toml` say, read once and handed down: nothing below reads them.

Importing this is cheap: commands that only read the ledger ask for its place and never load the rest.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reconciler.errors import SettingsError, UnsafePlanError
from reconciler.settings.file import PREFIX, read_file

if TYPE_CHECKING:
    from reconciler.settings.model import Settings

__all__ = ["Settings", "StateUnsetError", "load_settings", "set_name", "state_url"]


class StateUnsetError(UnsafePlanError):
    """Nobody said where the ledger is, and nobody is there to find it again."""


def load_settings(environ: Mapping[str, str], cwd: Path, warn: Callable[[str], None] | None = None) -> "Settings":
    """Read every setting; the environment wins over the file in `cwd`.

    `warn` is told of variables that look like a slip of the pen; without it they go to standard error.

    Raises:
        SettingsError: naming everything that is wrong, a line each, and never a value.
    """
    from reconciler.settings.reading import load  # noqa: PLC0415 - pydantic costs more than most commands

    return load(environ, cwd, warn)


def state_url(environ: Mapping[str, str], is_terminal: bool, cwd: Path = Path()) -> str:  # noqa: FBT001 - a fact
    """Say where the ledger is: as set, or on a terminal the file in the user's state folder.

    A command that only reads may say that it is on a terminal.

    Raises:
        StateUnsetError: it is not set and there is no terminal.
        SettingsError: it is not a text.
    """
    said = _said("state", environ, cwd)
    if said:
        return said
    if not is_terminal:
        raise StateUnsetError(
            "RECONCILER_STATE is not set, and this does not run on a terminal. The ledger is the only handle on "
            "running recordings: say where it is kept, e.g. RECONCILER_STATE=sqlite:////var/lib/reconciler/ledger.db "
            "on a disk that outlives this container or pipeline"
        )
    from reconciler.ledger import default_path  # noqa: PLC0415 - not needed where it is set

    return str(default_path(environ))


def set_name(environ: Mapping[str, str], cwd: Path = Path()) -> str:
    """Say which set is meant. Raises SettingsError if it is not a text."""
    return _said("set", environ, cwd) or "default"


def _said(name: str, environ: Mapping[str, str], cwd: Path) -> str:
    said = environ.get(PREFIX + name.upper(), "").strip()
    if said:
        return said
    file = read_file(cwd)
    value = file.values.get(name, "")
    if not isinstance(value, str):
        raise SettingsError(f"{file.place(name)}: must be a text: put quotes around it")
    return value.strip()


def __getattr__(name: str) -> Any:
    if name == "Settings":
        from reconciler.settings.model import Settings  # noqa: PLC0415 - see load_settings

        return Settings
    raise AttributeError(name)
