"""A ledger's file that was damaged: whatever is read of it is what was written, or it is refused in words."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from hypothesis import given
from hypothesis import strategies as st

from reconciler.agora.notices import read_notice
from reconciler.errors import LedgerError
from reconciler.evidence import Notice
from reconciler.ledger import Ledger, open_ledger
from reconciler.ledger.ledger import Sheet
from reconciler.model import Identity, Key
from reconciler.planning.orders import Freeze, Orders, Suspension
from reconciler.planning.standing import SetOrders
from reconciler.simulator.options import Options
from tests.fuzz.budgets import budget, folder
from tests.virtual_time import virtual_now, virtual_seconds
from tests.world.house import keeping
from tests.world.stage import APP_ID, Stage, minutes, played, recording

PAGE = 4096
SET = "default"
MANIFESTS = (recording("edited"), recording("kept", "  mode: individual"), recording("ended"), recording("taken-away"))

Reads: TypeAlias = Mapping[str, Callable[[Ledger], Awaitable[Any]]]


@dataclass(frozen=True, slots=True)
class Written:
    """A ledger's file, and what every reader says of it."""

    data: bytes
    at: datetime
    reads: Reads
    truth: Mapping[str, Any]


@cache
def written() -> Written:
    """Let a daemon keep a set for a while: every table has rows of its own making."""
    with folder() as place:
        stage = Stage(Path(place), Options(progress_every=60))
        at, keys, identities = played(lambda: _life(stage))
        reads = dict(_reads(keys, identities, at))
        data = stage.ledger.read_bytes()
        truth = asyncio.run(_all_of(stage.ledger, at, reads))
        refused = {name: said for name, said in truth.items() if isinstance(said, LedgerError)}
        assert not refused, refused
        return Written(data, at, reads, truth)


async def _life(stage: Stage) -> tuple[datetime, list[Key], list[Identity]]:
    stage.write(*MANIFESTS)
    async with keeping(stage) as house:
        await minutes(2)
        stage.write(*MANIFESTS[1:3], recording("edited", "  layout: {type: bestFit}"))
        house.offer()
        await minutes(1)
        now, ledger = virtual_now(), house.ledger
        paused = Suspension("ann", "a holiday", now)
        await ledger.give(Key(SET, "ended"), Orders, lambda orders: replace(orders, suspension=paused))
        await ledger.give(Key(SET, ""), SetOrders, lambda orders: replace(orders, freeze=Freeze("bob", "a look", now)))
        for sent in stage.world.notices:
            notice = read_notice(json.dumps(sent.envelope(virtual_seconds())).encode(), now)
            assert isinstance(notice, Notice)
            await ledger.receive(notice)
        await ledger.move_cursor("receiver", 7)
        await ledger.draw(APP_ID, 10)
        await ledger.throttled(APP_ID)
        await minutes(1)
        sessions = await ledger.sessions()
        return now, sorted({key for key, _ in sessions}), [one.identity for _, one in sessions]


def _reads(
    keys: list[Key], identities: list[Identity], at: datetime
) -> Iterator[tuple[str, Callable[[Ledger], Awaitable[Any]]]]:
    """Name every way to read; those that a decision rests on come by key."""
    yield "fingerprint key", lambda ledger: ledger.fingerprint_key()
    yield "entries", lambda ledger: ledger.entries()
    yield "entries of a set", lambda ledger: ledger.entries(SET)
    yield "sessions", lambda ledger: ledger.sessions()
    yield "sessions of a set", lambda ledger: ledger.sessions(set_name=SET)
    yield "events", lambda ledger: ledger.events()
    yield "late events", lambda ledger: ledger.events(since=at - timedelta(minutes=1))
    yield "last event", lambda ledger: ledger.last_event()
    yield "orders", lambda ledger: ledger.orders(SET)
    yield "set orders", lambda ledger: ledger.set_orders(SET)
    yield "standing", lambda ledger: ledger.standing(SET)
    yield "declarations", lambda ledger: ledger.declarations(SET)
    yield "recorders", lambda ledger: ledger.open_recorders(APP_ID)
    yield "cursor", lambda ledger: ledger.cursor("receiver")
    yield "quota", lambda ledger: ledger.draw(APP_ID, 10)
    yield "quota after a call", lambda ledger: ledger.draw(APP_ID, 10)
    for key in keys:
        yield f"entry of {key}", lambda ledger, key=key: ledger.entry(key)  # type: ignore[misc] # a default binds it
        yield f"sheet of {key}", lambda ledger, key=key: ledger.sheet(key)  # type: ignore[misc]
        yield f"sessions of {key}", lambda ledger, key=key: ledger.sessions(key)  # type: ignore[misc]
        yield f"events of {key}", lambda ledger, key=key: ledger.events(key, limit=5)  # type: ignore[misc]
        yield f"declaration of {key}", lambda ledger, key=key: ledger.declaration(key)  # type: ignore[misc]
    for one in identities:
        yield f"owner of {one}", lambda ledger, one=one: ledger.owner_of(one)  # type: ignore[misc]


async def _all_of(path: Path, at: datetime, reads: Reads) -> Mapping[str, Any]:
    """Read all there is; what is refused is told by its error."""
    try:
        ledger = await open_ledger(path, service="simulator", now=lambda: at, create=False)
    except LedgerError as error:
        return {"opening": error}
    found: dict[str, Any] = {}
    try:
        for name, read in reads.items():
            try:
                found[name] = await read(ledger)
            except LedgerError as error:
                found[name] = error
    finally:
        await ledger.close()
    return found


class Damaged:
    """A file that is not what it was; shown by how it came to that, for its bytes are many."""

    def __init__(self, how: str, data: bytes) -> None:
        self.how = how
        self.data = data

    def __repr__(self) -> str:
        return f"Damaged({self.how!r})"


@st.composite
def damages(draw: st.DrawFn) -> Damaged:
    """Draw what a disk, a copy or a hand does to a file."""
    data = bytearray(written().data)
    pages = len(data) // PAGE
    page = st.integers(0, pages - 1)
    start = draw(page) * PAGE
    how = draw(st.sampled_from(("flip", "flip", "flip", "flips", "cut", "overwrite", "copy", "swap", "shift")))
    match how:
        case "flip":
            data[start + draw(st.integers(0, PAGE - 1))] ^= 1 << draw(st.integers(0, 7))
        case "flips":
            for _ in range(draw(st.integers(2, 20))):
                data[draw(page) * PAGE + draw(st.integers(0, PAGE - 1))] ^= draw(st.integers(1, 255))
        case "cut":
            del data[draw(st.sampled_from((start, start + draw(st.integers(0, PAGE - 1))))) :]
        case "overwrite":
            length = draw(st.sampled_from((1, 8, 512, PAGE)))
            data[start : start + length] = draw(st.binary(min_size=1, max_size=4)).ljust(length, b"\0")[:length]
        case "copy":
            other = draw(page) * PAGE
            data[start : start + PAGE] = data[other : other + PAGE]
        case "swap":
            other = draw(page) * PAGE
            data[start : start + PAGE], data[other : other + PAGE] = (
                data[other : other + PAGE],
                data[start : start + PAGE],
            )
        case _:  # shift
            data[start:start] = draw(st.binary(min_size=1, max_size=8))
    return Damaged(f"{how} in page {start // PAGE + 1}", bytes(data))


@budget(400)
@given(damages())
def test_what_is_read_of_a_damaged_file_is_what_was_written_or_it_is_refused(damaged: Damaged) -> None:
    whole = written()
    with folder() as place:
        path = Path(place) / "ledger.db"
        path.write_bytes(damaged.data)
        found = asyncio.run(_all_of(path, whole.at, whole.reads))
    wrong = {name: (said, whole.truth[name]) for name, said in found.items() if not _is_right(whole, name, said)}
    assert not wrong


def _is_right(whole: Written, name: str, said: Any) -> bool:
    if isinstance(said, LedgerError):
        return bool(str(said))
    truth = whole.truth[name]
    if isinstance(said, Sheet):
        # A notice that is lost is one that never came: it costs a delay. A generation is only compared with itself.
        same = replace(said, notices=truth.notices, generation=truth.generation)
        return set(said.notices) <= set(truth.notices) and same == truth
    return bool(said == truth)
