"""Manners every command shares: what surrounds it, what a terminal may see, when people are asked."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn

import click

# The rest is imported where it is used: help is given without it.
if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

    from reconciler.model import Secret
    from reconciler.settings import Settings

DEFAULT_PATHS: Final = ("./manifests",)
_PLAIN: Final = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


@dataclass(frozen=True, slots=True)
class Here:
    """What surrounds a command. Options of the whole program are already in `environ`."""

    environ: Mapping[str, str]
    cwd: Path
    secrets: "list[Secret]" = field(default_factory=list)  # what this run has read: masked wherever it says something

    @property
    def is_terminal(self) -> bool:
        """Say whether a person is here, who would find a file in the own state folder again."""
        return not self.environ.get("CI") and (_is_terminal(sys.stdin) or _is_terminal(sys.stderr))

    def is_coloured(self, stream: IO[str]) -> bool:
        """Say whether colour and progress belong on this stream."""
        return _is_terminal(stream) and not self.environ.get("NO_COLOR") and self.environ.get("TERM") != "dumb"

    def settings(self) -> "Settings":
        """Read every setting; what they keep secret is masked from here on. Raises SettingsError."""
        from reconciler.settings import load_settings  # noqa: PLC0415

        settings = load_settings(self.environ, self.cwd)
        self.secrets.extend(settings.secrets())
        return settings

    def set_name(self) -> str:
        from reconciler.settings import set_name  # noqa: PLC0415

        return set_name(self.environ, self.cwd)

    def ledger_place(self, *, changes: bool) -> str:
        """Say where the ledger is. Raises StateUnsetError for a command that changes things, where nobody is here."""
        from reconciler.settings import state_url  # noqa: PLC0415

        return state_url(self.environ, self.is_terminal or not changes, self.cwd)

    def log(self, settings: "Settings") -> "FilteringBoundLogger":
        """Make the logger of this run; it masks what `secrets` holds, also what is added later."""
        from reconciler.logs import set_up_logs  # noqa: PLC0415

        colour = self.is_coloured(sys.stderr)
        return set_up_logs(settings.log_format, settings.log_level, sys.stderr, self.secrets, colour=colour)

    def say(self, text: str) -> None:
        """Write a message for people: standard error, secrets masked."""
        click.echo(self.masked(text), err=True)

    def masked(self, text: str) -> str:
        """Make a text fit to be shown: secrets masked, control characters written out."""
        if self.secrets:
            from reconciler.logs import mask  # noqa: PLC0415

            text = mask(text, self.secrets)
        return printable(text)

    def cache_folder(self) -> Path:
        """Say where what can be fetched again is kept: $XDG_CACHE_HOME, else in the user's home."""
        stated = self.environ.get("XDG_CACHE_HOME", "")
        home = Path(self.environ.get("HOME") or "~").expanduser()
        return (Path(stated) if stated.startswith("/") else home / ".cache") / "reconciler"

    def user(self) -> str:
        """Name who types, for the history."""
        environ = self.environ
        name = environ.get("SUDO_USER") or environ.get("LOGNAME") or environ.get("USER")
        if name:
            return name
        import pwd  # noqa: PLC0415 - a service's environment names nobody

        try:
            return pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            return f"uid {os.getuid()}"

    def confirm(self, question: str, *, yes: bool) -> None:
        """Ask before something changes. A no ends the command with 1; UsageError where nobody can be asked."""
        if yes:
            return
        if not (_is_terminal(sys.stdin) and _is_terminal(sys.stderr)):
            raise click.UsageError("this would change something and there is no terminal to ask at: say --yes")
        if not click.confirm(question, err=True):
            self.say("nothing was changed")
            raise SystemExit(1)


def refuse(message: str) -> NoReturn:
    """End with exit code 1 and a message."""
    raise click.ClickException(message)


def printable(text: str) -> str:
    """Write control characters out: what stands in a manifest must not steer a terminal."""
    return text.translate(_PLAIN)


def print_json(value: Any) -> None:
    """Write data as JSON for programs."""
    import json  # noqa: PLC0415

    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def read_stdin(paths: Sequence[str]) -> bytes | None:
    """Read standard input if it is one of the paths."""
    return sys.stdin.buffer.read() if "-" in paths else None


def silence_stdout() -> None:
    """Let nothing more be written to a reader that has gone, also not at the end of the process."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _is_terminal(stream: IO[str] | None) -> bool:
    return stream is not None and not stream.closed and stream.isatty()
