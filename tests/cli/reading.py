"""A ledger for the commands that only read, and a way to run them."""

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.root import run
from reconciler.evidence import RecordedFile
from reconciler.ledger import InlineThread, open_ledger
from reconciler.model import Applied, Confirmed, Ended, Entry, Event, Identity, Inquiry, Key, Seen, Session, Slot
from tests.planning.situations import APP

NOW = datetime.now(UTC).replace(microsecond=0)  # on the beat of the polls, which are due on half seconds
BEGUN = NOW - timedelta(hours=26)
SPEC = {"app": "default", "controlFor": 2592000, "storage": {"vendor": "aliyun", "bucket": "lessons"}}


def recording(name: str, set_name: str = "default", **labels: str) -> Entry:
    """Make a recording that runs since 26 hours."""
    state = Confirmed("R1", f"S-{name}", BEGUN, Inquiry(Seen(NOW, 5), NOW))
    identity = Identity(APP, f"{set_name}.{name}", "2000000001")
    files = (RecordedFile(f"S-{name}.m3u8", "0", "audio_and_video", BEGUN),)
    session = Session(1, Slot.A, identity, "mix", "https://api.sd-rtn.com", BEGUN, Applied(SPEC), state, files)
    return Entry(Key(set_name, name), {Slot.A: identity}, (session,), 2, labels=labels)


def history(name: str) -> Entry:
    """Make a recording that was stopped an hour ago, for nothing declares it any more."""
    entry = recording(name)
    state = Ended(NOW - timedelta(hours=1), "stopped", "its manifest is gone", "R1", f"S-{name}", "uploaded")
    return replace(entry, sessions=(entry.sessions[0].become(state),), declared=False)


def events_of(entry: Entry) -> tuple[Event, ...]:
    return (
        Event(BEGUN, entry.key, "recording.started", "accepted", session=1),
        Event(NOW - timedelta(minutes=10), entry.key, "recording.found", "the service finds it again", session=1),
    )


def asked_again(entry: Entry) -> Entry:
    """Let a recording that runs be asked about once more; nothing is new."""
    [session] = entry.sessions
    assert isinstance(session.state, Confirmed)
    now = datetime.now(UTC)
    return entry.with_session(session.become(replace(session.state, inquiry=Inquiry(Seen(now, 5), now))))


def write(path: Path, entries: Iterable[Entry], events: Callable[[Entry], tuple[Event, ...]] = events_of) -> None:
    asyncio.run(_write(path, entries, events))


async def _write(path: Path, entries: Iterable[Entry], events: Callable[[Entry], tuple[Event, ...]]) -> None:
    ledger = await open_ledger(path, service="agora", now=lambda: NOW, run=InlineThread())
    for entry in entries:
        claim = await ledger.claim(entry.key)
        assert claim
        await ledger.save(claim, entry, events(entry), release=True)
    await ledger.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command has left behind."""

    code: int
    out: str
    err: str


PATIENCE = 30.0  # seconds until a test that waits for what never comes gives up


@dataclass(slots=True)
class Following:
    """A command that goes on, in a process of its own."""

    process: Any
    output: int  # where what it prints can be read
    _unread: bytes = field(default=b"")

    def line(self) -> str:
        """Wait for the next line."""
        until = time.monotonic() + PATIENCE
        while b"\n" not in self._unread:
            ready = select.select([self.output], [], [], max(until - time.monotonic(), 0))[0]
            assert ready, f"nothing more came than {self._unread!r}"
            more = os.read(self.output, 4096)
            assert more, f"it has ended: {self.process.communicate(timeout=PATIENCE)}"
            self._unread += more
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode().rstrip("\r")

    def lines(self, count: int) -> list[str]:
        return [self.line() for _ in range(count)]

    def end(self) -> tuple[int, bytes, bytes]:
        """Wait for the end; give the exit code and what was still printed on either stream."""
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, self._unread + (out or b""), err

    def interrupt(self) -> tuple[int, bytes, bytes]:
        """Press Ctrl-C, and wait for the end."""
        self.process.send_signal(signal.SIGINT)
        return self.end()


class Shell:
    """Runs commands in a folder with a ledger, as a pipe would."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.ledger = folder / "ledger.db"
        self._capsys = capsys

    def __call__(self, *argv: str, **environ: str) -> Answer:
        self._capsys.readouterr()
        code = run(argv, {"RECONCILER_STATE": f"sqlite:///{self.ledger}", **environ}, self.folder)
        return Answer(code, *self._capsys.readouterr())

    @contextmanager
    def following(
        self, *argv: str, program: Sequence[str] = ("-m", "reconciler"), **streams: Any
    ) -> Iterator[Following]:
        """Start a command that goes on; it is killed if it is still there at the end."""
        with subprocess.Popen(
            [sys.executable, *program, *argv],
            cwd=self.folder,
            env={**os.environ, "RECONCILER_STATE": f"sqlite:///{self.ledger}", "COLUMNS": "70"},
            **{"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams},
        ) as process:
            try:
                yield Following(process, process.stdout.fileno() if process.stdout else -1)
            finally:
                process.kill()

    def files(self) -> dict[str, bytes]:
        """Read everything in the folder: what a reading command must leave as it is."""
        return {str(path): path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()}
