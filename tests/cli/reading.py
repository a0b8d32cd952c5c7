"""A ledger for the commands that only read, and a way to run them."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.cli.root import run
from reconciler.ledger import InlineThread, open_ledger
from reconciler.model import (
    Applied,
    Confirmed,
    Ended,
    Entry,
    Event,
    Identity,
    Inquiry,
    Key,
    RecordedFile,
    Seen,
    Session,
    Slot,
)
from tests.planning.situations import APP

NOW = datetime.now(UTC)
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


def write(path: Path, entries: Iterable[Entry]) -> None:
    asyncio.run(_write(path, entries))


async def _write(path: Path, entries: Iterable[Entry]) -> None:
    ledger = await open_ledger(path, service="agora", now=lambda: NOW, run=InlineThread())
    for entry in entries:
        claim = await ledger.claim(entry.key)
        assert claim
        await ledger.save(claim, entry, events_of(entry), release=True)
    await ledger.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command has left behind."""

    code: int
    out: str
    err: str


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

    def files(self) -> dict[str, bytes]:
        """Read everything in the folder: what a reading command must leave as it is."""
        return {str(path): path.read_bytes() for path in sorted(self.folder.rglob("*")) if path.is_file()}
