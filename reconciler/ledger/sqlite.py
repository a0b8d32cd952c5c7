"""The SQLite driver: one connection to one file, transactions with group commit, and errors put into words."""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from reconciler.errors import LedgerError
from reconciler.ledger import files, soundness
from reconciler.ledger.documents import DocumentError, UnwritableError
from reconciler.ledger.migrations import APPLICATION_ID, MIGRATIONS
from reconciler.ledger.threads import Connection, Done, Failed, Job, Outcome

BUSY = 10.0  # seconds that another process may hold the file; its transactions take milliseconds


class Database:
    """An opened ledger file. Used by one thread at a time."""

    def __init__(self, path: Path, *, create: bool, on_commit: Callable[[str], None] | None = None) -> None:
        self._path = path
        self._file = os.fspath(path)
        self._on_commit = on_commit or (lambda _label: None)
        self._history_examined = False
        try:
            self._open(create=create)
        except (sqlite3.Error, OSError, UnicodeError, DocumentError) as error:
            raise self._worded(error) from error

    @property
    def read_only(self) -> bool:
        return self._read_only

    def perform(self, jobs: Sequence[Job[Any]]) -> list[Outcome]:
        """Run jobs in order: a read in a transaction of its own, writes that follow each other in one."""
        outcomes: list[Outcome] = []
        for writes, following in groupby(jobs, key=lambda job: job.writes):
            group = list(following)
            outcomes += self._write(group) if writes else [self._read(job) for job in group]
        return outcomes

    def version(self, connection: Connection) -> int:
        """Read the number that SQLite changes when another connection has committed."""
        self._assert_in_place()
        return int(connection.execute("PRAGMA data_version").fetchone()[0])

    def examine_history(self, connection: Connection) -> None:
        """Hold the events against their indexes, once. Raises DocumentError."""
        if not self._history_examined:
            soundness.examine(connection, soundness.HISTORY)
            self._history_examined = True

    def close(self) -> None:
        try:
            self._connection.close()
        except sqlite3.Error as error:
            raise self._worded(error) from error

    # -- transactions

    def _read(self, job: Job[Any]) -> Outcome:
        try:
            self._connection.execute("BEGIN")
            return Done(job.work(self._connection))
        except BaseException as error:  # noqa: BLE001  # the caller, perhaps in another thread, raises it
            return Failed(self._worded(error))
        finally:
            self._roll_back()

    def _write(self, jobs: Sequence[Job[Any]]) -> list[Outcome]:
        try:
            self._begin()
            outcomes = [self._within(job, alone=len(jobs) == 1) for job in jobs]
            written = [job.name for job, outcome in zip(jobs, outcomes, strict=True) if isinstance(outcome, Done)]
            if written:
                self._commit(written)
        except BaseException as error:  # noqa: BLE001  # the callers, perhaps in another thread, raise it
            return [Failed(self._worded(error)) for _ in jobs]
        else:
            return outcomes
        finally:
            self._roll_back()

    def _begin(self) -> None:
        if self._read_only:
            raise LedgerError(f"{self._path} may only be read; check owner and permissions of the file and its folder")
        self._assert_in_place()
        self._connection.execute("BEGIN IMMEDIATE")

    def _assert_in_place(self) -> None:
        try:
            unchanged = os.stat(self._file).st_ino == self._inode  # noqa: PTH116  # with every transaction
        except FileNotFoundError:
            unchanged = False
        if not unchanged:  # SQLite would go on with a file that no other process sees
            raise LedgerError(f"{self._path} was removed or replaced while it was open; start again")

    def _within(self, job: Job[Any], *, alone: bool) -> Outcome:
        """Run one job so that its failure takes back its own writes only."""
        if not alone:
            self._connection.execute("SAVEPOINT job")
        try:
            outcome: Outcome = Done(job.work(self._connection))
        except Exception as error:
            if not self._connection.in_transaction:  # SQLite has rolled everything back, as with a full disk
                raise
            if not alone:
                self._connection.execute("ROLLBACK TO job")
            outcome = Failed(self._worded(error))
        if not alone:
            self._connection.execute("RELEASE job")
        return outcome

    def _commit(self, names: Sequence[str]) -> None:
        for name in names:
            self._on_commit(f"before {name}")
        self._connection.execute("COMMIT")
        for name in names:
            self._on_commit(f"after {name}")

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with contextlib.suppress(sqlite3.Error):  # what made it necessary is being raised
                self._connection.execute("ROLLBACK")

    # -- opening

    def _open(self, *, create: bool) -> None:
        empty = files.prepare(self._path, create=create)
        self._read_only = not files.is_writable(self._path)
        if empty and (self._read_only or not create):
            raise LedgerError(f"{self._path} is empty, there is no ledger in it; check RECONCILER_STATE")
        self._inode = self._path.stat().st_ino
        self._connection = self._connect()
        try:
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            files.refuse_newer(self._path, version)
            if self._read_only:
                self._refuse_older(version)
            else:
                self._make_ready(version)
            soundness.examine_schema(self._connection)
            soundness.examine(self._connection, soundness.VITAL)
        except BaseException:
            self._connection.close()
            raise

    def _connect(self) -> sqlite3.Connection:
        if not self._read_only:
            return self._connection_to("mode=rw")
        connection = self._connection_to("mode=ro")
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
            if any(file.exists() for file in files.beside(self._path)):
                raise
            # Nobody writes, and nobody can: the files that SQLite wants beside it cannot be made.
            connection = self._connection_to("mode=ro&immutable=1")
        return connection

    def _connection_to(self, options: str) -> sqlite3.Connection:
        return sqlite3.connect(
            f"{self._path.as_uri()}?{options}", uri=True, timeout=BUSY, isolation_level=None, check_same_thread=False
        )

    def _make_ready(self, version: int) -> None:
        files.tighten(self._path)
        connection = self._connection
        connection.execute("PRAGMA synchronous = FULL")  # a lost sid is a recorder that nobody can stop
        connection.execute("PRAGMA cell_size_check = ON")
        if version < len(MIGRATIONS):
            self._migrate()
        if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            # Only after the tables are there: a file that holds our application id is how a ledger is recognised.
            with contextlib.suppress(sqlite3.OperationalError):  # somebody is using it: right without, only slower
                connection.execute("PRAGMA journal_mode = WAL")

    def _migrate(self) -> None:
        connection = self._connection
        for version, steps in enumerate(MIGRATIONS, 1):
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("PRAGMA user_version").fetchone()[0] < version:  # else another process was quicker
                for step in steps:
                    connection.execute(step)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")

    def _refuse_older(self, version: int) -> None:
        if version < len(MIGRATIONS):
            raise LedgerError(
                f"{self._path} must be migrated first and may only be read; run it where it can be written"
            )

    # -- words

    def _worded(self, error: BaseException) -> BaseException:
        if isinstance(error, UnwritableError):
            return self._told(f"{error}; nothing was written, and this is a defect of reconciler", error)
        if isinstance(error, DocumentError):
            return self._told(f"{self._path} is damaged: {error}; restore a backup", error)
        if isinstance(error, OSError):
            return self._told(f"{self._path} cannot be used: {error.strerror or error}: {error.filename}", error)
        if isinstance(error, UnicodeEncodeError):
            return self._told(f"{error.object!r} cannot be written down: {error.reason}", error)
        if isinstance(error, UnicodeDecodeError):  # broken UTF-8 even in SQLite's own words about it
            return self._told(f"{self._path} is damaged ({error}); restore a backup", error)
        if isinstance(error, sqlite3.Error):
            return self._told(f"{self._path} {_words(error)}", error)
        return error

    def _told(self, words: str, cause: BaseException) -> LedgerError:
        told = LedgerError(words)
        told.__cause__ = cause
        return told


def _words(error: sqlite3.Error) -> str:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # Python's own complaints, as about broken UTF-8, have none
    match code:
        case sqlite3.SQLITE_FULL:
            return "could not be written, the disk is full; nothing was changed; make room"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"has been locked by another process for {BUSY:.0f} s; end it, or try again"
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_CANTOPEN:
            return f"cannot be opened or written ({error}); check owner and permissions of the file and its folder"
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return f"is damaged ({error}); restore a backup"
        case sqlite3.SQLITE_IOERR:
            return f"could not be read or written by the disk ({error}); nothing was changed"
        case _:
            return f"cannot be used ({error}); it may be damaged: restore a backup"
