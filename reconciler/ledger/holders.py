"""Which processes hold claims: a locked file each, so that the system itself frees what a dead process held."""

import contextlib
import fcntl
import os
import secrets
from pathlib import Path


class Holders:
    """The folder `<ledger>-holders` beside a ledger, and this ledger's own locked file in it.

    A lock belongs to one opened file, so two ledgers in one process are two holders. Every method but `close` is
    called inside a write transaction of the ledger, which keeps two processes from taking each other's probing
    for a holder.
    """

    def __init__(self, ledger: Path) -> None:
        self._folder = ledger.with_name(f"{ledger.name}-holders")
        self._id = secrets.token_hex(16)
        self._own = os.fspath(self._folder / self._id)
        self._lock: int | None = None

    def own(self) -> str:
        """Give the id of this holder, locked from now on until `close` or the end of the process."""
        if self._lock is None or not os.path.exists(self._own):  # noqa: PTH110  # a person may have cleared the folder
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._folder.chmod(0o700)
            self._sweep()
            self._unlock()
            self._lock = os.open(self._own, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            os.fchmod(self._lock, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return self._id

    def lives(self, holder: str) -> bool:
        """Tell whether that holder's process is there; a file without one is cleared away."""
        if holder == self._id:
            return self._lock is not None
        if not holder.isalnum():
            return False
        path = self._folder / holder
        try:
            probe = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        else:
            path.unlink(missing_ok=True)
            return False
        finally:
            os.close(probe)

    def close(self) -> None:
        """Free every claim of this holder at once."""
        with contextlib.suppress(OSError):  # a folder that is gone or read-only: the lock is freed all the same
            os.unlink(self._own)  # noqa: PTH108
        self._unlock()

    def _unlock(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)

    def _sweep(self) -> None:
        for name in os.listdir(self._folder):  # noqa: PTH208  # names are all that is needed
            if name != self._id:
                self.lives(name)
