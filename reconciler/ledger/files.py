"""The ledger's file: where it is, who may read it, and which files are not touched. Not for what is inside."""

import contextlib
import os
import sqlite3
import stat
from collections.abc import Mapping
from pathlib import Path

from reconciler.errors import LedgerError
from reconciler.ledger.migrations import APPLICATION_ID, MIGRATIONS


def default_path(environ: Mapping[str, str]) -> Path:
    """Give the ledger's place in the user's state folder."""
    stated = environ.get("XDG_STATE_HOME", "")
    home = Path(environ.get("HOME") or "~")
    folder = Path(stated) if stated.startswith("/") else home / ".local" / "state"  # the XDG rule: relative is ignored
    return folder / "reconciler" / "ledger.db"


def locate(place: str | os.PathLike[str]) -> Path:
    """Read `sqlite:///FILE` or a plain path (`sqlite:////FILE` is absolute). Raises LedgerError."""
    text = os.fspath(place)
    scheme, separator, rest = text.partition("://")
    if scheme in ("postgresql", "postgres") and separator:
        raise LedgerError("a ledger on PostgreSQL is not supported yet; use sqlite:///FILE")
    if separator:
        if scheme != "sqlite" or not rest.startswith("/"):
            raise LedgerError(f"{scheme}:// is no ledger; use sqlite:///FILE (four slashes before an absolute path)")
        text = rest[1:]
    if not text.strip() or text == ":memory:" or "\0" in text:
        raise LedgerError(f"{text!r} is no path for a ledger; name a file, as in sqlite:///ledger.db")
    return Path(text).expanduser().absolute()


def prepare(path: Path, *, create: bool) -> bool:
    """Make the file if it is missing and may be made, refuse what is no ledger; tell whether it is still empty.

    Never changes what it refuses: a stranger's file is looked at through SQLite's immutable mode, which takes no lock,
    leaves no file and rolls nothing back. (Not with `open`: closing a file drops SQLite's own locks on it.)
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        if not create:
            raise LedgerError(f"there is no ledger at {path}; check RECONCILER_STATE") from None
        _make(path)
        return True
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no file"
        raise LedgerError(f"{path} is {kind}; name a file for the ledger")
    if found.st_size == 0:
        return True
    _recognise(path)
    return False


def is_writable(path: Path) -> bool:
    """Tell whether the file and its folder, for the files beside it, may be written."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def tighten(path: Path) -> None:
    """Take the ledger's files from everybody but their owner; a restored copy may be open to all."""
    for file in (path, *beside(path)):
        with contextlib.suppress(FileNotFoundError, PermissionError):  # gone meanwhile, or somebody else's
            if stat.S_IMODE(file.stat().st_mode) & 0o077:
                file.chmod(0o600)


def beside(path: Path) -> tuple[Path, ...]:
    return tuple(path.with_name(path.name + ending) for ending in ("-wal", "-shm", "-journal"))


def refuse_newer(path: Path, version: int) -> None:
    if version > len(MIGRATIONS):
        raise LedgerError(
            f"{path} was written by a newer reconciler (version {version} of the ledger, this one knows "
            f"{len(MIGRATIONS)}); use that one"
        )


def _make(path: Path) -> None:
    """Make the empty file with its missing folders; whoever was quicker is not disturbed."""
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
    with contextlib.suppress(FileExistsError):
        made = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.fchmod(made, 0o600)  # the umask may have taken even our own rights
        finally:
            os.close(made)


def _recognise(path: Path) -> None:
    if not os.access(path, os.R_OK):
        raise LedgerError(f"{path} may not be read; check its owner and permissions")
    try:
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
            made_by = connection.execute("PRAGMA application_id").fetchone()[0]
            version = connection.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.Error as error:
        raise LedgerError(f"{path} is no ledger, or a damaged one ({error}); nothing in it was changed") from error
    if made_by != APPLICATION_ID:
        raise LedgerError(
            f"{path} is no ledger but a file of another program; nothing in it was changed; name another file"
        )
    refuse_newer(path, version)
