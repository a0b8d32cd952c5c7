"""Group commit, and what a failure at any instant of it leaves behind."""

import asyncio
import threading
from pathlib import Path

import pytest

from reconciler.errors import IdentityTakenError, LedgerError
from reconciler.ledger import InlineThread, Ledger, WriterThread, open_ledger
from reconciler.model import Key
from tests.ledger.conftest import Opener
from tests.ledger.pages import STANDUP, event, now, page, recording, session


class Gate:
    """Hears every COMMIT, and keeps the first save waiting while others queue up behind it."""

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.reached = threading.Event()
        self.opened = threading.Event()

    def __call__(self, label: str) -> None:
        self.labels.append(label)
        if label == "before save" and not self.reached.is_set():
            self.reached.set()
            assert self.opened.wait(10)


async def save(ledger: Ledger, key: Key, **changes: str) -> None:
    claim = await ledger.claim(key)
    assert claim is not None
    await ledger.save(claim, page(key, session(channel=changes.get("channel", key.name))), [event(key)])


async def together(ledger: Ledger, gate: Gate, *saves: tuple[Key, str]) -> list[BaseException | None]:
    """Queue saves up behind a first one, so that they share one COMMIT."""
    claims = [await ledger.claim(key) for key, _ in saves]
    first = asyncio.create_task(save(ledger, STANDUP))
    await asyncio.to_thread(gate.reached.wait, 10)
    rest = [
        asyncio.create_task(ledger.save(claim, page(key, session(channel=channel)), [event(key)]))
        for claim, (key, channel) in zip(claims, saves, strict=True)
        if claim
    ]
    await asyncio.sleep(0)  # lets the tasks queue their jobs
    gate.opened.set()
    return await asyncio.gather(first, *rest, return_exceptions=True)


async def test_writes_that_queue_up_share_a_commit(path: Path) -> None:
    gate = Gate()
    ledger = await open_ledger(path, service="agora", now=now, run=WriterThread(), on_commit=gate)
    keys = [Key("default", f"room-{number}") for number in range(4)]
    assert await together(ledger, gate, *((key, key.name) for key in keys)) == [None] * 5
    assert gate.labels[-10:] == ["before save", "after save", *["before save"] * 4, *["after save"] * 4]
    assert list(await ledger.entries()) == [*keys, STANDUP]
    await ledger.close()


async def test_a_failure_takes_back_its_own_writes_only(path: Path) -> None:
    gate = Gate()
    ledger = await open_ledger(path, service="agora", now=now, run=WriterThread(), on_commit=gate)
    a, thief, b = Key("default", "a"), Key("default", "thief"), Key("default", "b")
    outcomes = await together(ledger, gate, (a, "a"), (thief, "a"), (b, "b"))
    assert [type(outcome) for outcome in outcomes] == [type(None), type(None), IdentityTakenError, type(None)]
    assert gate.labels[-4:] == ["before save", "before save", "after save", "after save"]
    assert list(await ledger.entries()) == [a, b, STANDUP]
    assert {one.key for _, one in await ledger.events()} == {a, b, STANDUP}
    assert {key for key, _ in await ledger.sessions()} == {a, b, STANDUP}
    await ledger.close()


async def test_a_commit_that_fails_fails_for_all_that_share_it(path: Path) -> None:
    class Breaking(Gate):
        def __call__(self, label: str) -> None:
            super().__call__(label)
            if self.labels.count("before save") == 3:
                raise OSError(5, "the disk is gone", str(path))

    gate = Breaking()
    ledger = await open_ledger(path, service="agora", now=now, run=WriterThread(), on_commit=gate)
    outcomes = await together(ledger, gate, (Key("default", "a"), "a"), (Key("default", "b"), "b"))
    assert [type(outcome) for outcome in outcomes] == [type(None), LedgerError, LedgerError]
    assert list(await ledger.entries()) == [STANDUP]
    await ledger.close()


class Crash(BaseException):
    """The process is gone here."""


@pytest.mark.parametrize(("moment", "written"), [("before save", False), ("after save", True)])
async def test_a_crash_at_a_commit_leaves_all_or_nothing(opener: Opener, moment: str, written: bool) -> None:  # noqa: FBT001
    def crash(label: str) -> None:
        if label == moment:
            raise Crash

    ledger = await opener(on_commit=crash)
    with pytest.raises(Crash):
        await save(ledger, STANDUP)
    await ledger.close()
    again = await opener()
    assert await again.claim(STANDUP) is not None
    expected = page(STANDUP, session(channel="standup"))
    assert await again.entry(STANDUP) == (expected if written else None)
    assert len(await again.sessions()) == len(await again.events()) == int(written)


async def test_every_write_is_heard_and_no_read(opener: Opener) -> None:
    labels: list[str] = []
    ledger = await opener(on_commit=labels.append)
    labels.clear()
    await save(ledger, STANDUP)
    await ledger.draw("a", 10)
    await ledger.entries()
    await ledger.events()
    assert labels == [f"{when} {name}" for name in ("claim", "save", "draw") for when in ("before", "after")]


async def test_a_caller_that_is_cancelled_takes_nothing_back(path: Path) -> None:
    gate = Gate()
    ledger = await open_ledger(path, service="agora", now=now, run=WriterThread(), on_commit=gate)
    turn = asyncio.create_task(save(ledger, STANDUP))
    await asyncio.to_thread(gate.reached.wait, 10)
    turn.cancel()
    gate.opened.set()
    with pytest.raises(asyncio.CancelledError):
        await turn
    assert await ledger.entry(STANDUP) is not None
    await ledger.close()


async def test_a_full_disk_is_said_and_changes_nothing(opener: Opener) -> None:
    ledger = await opener()
    await save(ledger, STANDUP)
    connection = ledger._database._connection
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")

    async def fill() -> None:
        for number in range(1000):
            await save(ledger, Key("default", f"room-{number}"))

    with pytest.raises(LedgerError, match="the disk is full"):
        await fill()
    assert await ledger.entry(STANDUP) is not None
    connection.execute("PRAGMA max_page_count = 1000000")
    await ledger.close()
    again = await opener()
    entries = await again.entries()
    assert {key for key, _ in await again.sessions()} == {one.key for _, one in await again.events()} == set(entries)
    await save(again, Key("default", "later"))


async def test_the_thread_ends_with_the_ledger_and_finishes_what_is_queued(path: Path) -> None:
    before = threading.active_count()
    ledger = await open_ledger(path, service="agora", now=now, run=WriterThread())
    assert threading.active_count() == before + 1
    claims = [await ledger.claim(Key("default", f"room-{number}")) for number in range(300)]
    saves = [asyncio.create_task(ledger.save(claim, recording(claim.key))) for claim in claims if claim]
    await asyncio.sleep(0)
    await ledger.close()
    assert threading.active_count() == before
    await asyncio.gather(*saves)
    again = await open_ledger(path, service="agora", now=now, run=InlineThread())
    assert len(await again.entries()) == 300
    await again.close()


async def test_what_may_wait_is_written_together_with_the_next_that_may_not(path: Path) -> None:
    labels: list[str] = []
    ledger = await open_ledger(path, service="agora", now=now, run=WriterThread(), on_commit=labels.append)
    keys = [Key("default", f"room-{number}") for number in range(3)]
    labels.clear()
    notes = [asyncio.create_task(ledger.note(key, 0, recording(key), patient=True)) for key in keys]
    await asyncio.sleep(0)
    assert not any(note.done() for note in notes)
    await ledger.draw("a", 10)
    assert all([await note for note in notes])
    assert labels == [*["before note"] * 3, "before draw", *["after note"] * 3, "after draw"]
    await ledger.close()


async def test_what_waits_is_written_before_the_ledger_is_closed(path: Path) -> None:
    ledger = await open_ledger(path, service="agora", now=now, run=WriterThread())
    note = asyncio.create_task(ledger.note(STANDUP, 0, recording(STANDUP), patient=True))
    await asyncio.sleep(0)
    await ledger.close()
    assert await note
    again = await open_ledger(path, service="agora", now=now, run=InlineThread())
    assert list(await again.entries()) == [STANDUP]
    await again.close()


@pytest.mark.parametrize("kind", [InlineThread, WriterThread])
async def test_two_ledgers_never_share_a_thread(path: Path, kind: type[InlineThread | WriterThread]) -> None:
    thread = kind()
    ledger = await open_ledger(path, service="agora", now=now, run=thread)
    with pytest.raises(LedgerError, match="a thread of its own"):
        await open_ledger(path.with_name("other.db"), service="agora", now=now, run=thread)
    assert await ledger.entries() == {}
    await ledger.close()


def test_a_loop_that_is_gone_does_not_hold_the_thread_up(path: Path) -> None:
    gate = Gate()

    async def leave() -> Ledger:
        ledger = await open_ledger(path, service="agora", now=now, run=WriterThread(), on_commit=gate)
        task = asyncio.create_task(save(ledger, STANDUP))
        await asyncio.to_thread(gate.reached.wait, 10)
        task.cancel()
        return ledger

    ledger = asyncio.run(leave())
    gate.opened.set()

    async def come_back() -> None:
        assert await ledger.entry(STANDUP) is not None
        await ledger.close()

    asyncio.run(come_back())
