"""Whose turn it is: one loop per recording, one turn at a time, most urgent first. Not for what a turn does."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from reconciler.agora.pace import Band, Pace, Ticket
from reconciler.executor.turns import Order, band_of
from reconciler.model import Entry, Key
from reconciler.planning.actions import Because, Hold
from reconciler.planning.desired import Desired, Unwanted
from reconciler.planning.outcomes import AppRefused, NoRoom
from reconciler.planning.plan import DONE
from reconciler.planning.rules import Rules
from reconciler.planning.situation import OPEN_GATE, Gate, app_id_of
from reconciler.reconcile import Busy, Reconciler, Took

# Another process has the recording in hand: its turn is a few calls long.
BUSY_PAUSE = timedelta(seconds=0.5)

# What a one-shot run does not wait for: it rests on purpose, or only a person or a long time can help.
RESTING = DONE | {Because.REFUSED, Because.APP_REFUSED, Because.SECRET_MISSING, Because.CONTROL_LOST}


class Watch(Protocol):
    """Who is told what happens, while it happens."""

    def held(self, key: Key, hold: Hold, entry: Entry) -> None: ...

    def took(self, key: Key, taken: Took) -> None: ...


@dataclass(frozen=True, slots=True)
class Assignment:
    """One recording to be kept: what it should be, and whose quota its calls use."""

    key: Key
    desired: Desired | Unwanted
    app_id: str  # of its next call: a live recorder's own

    @property
    def app_ids(self) -> frozenset[str]:
        """Name every App ID it may call for: a live recorder's may differ from the declared one."""
        declared = (self.desired.app_id,) if isinstance(self.desired, Desired) else ()
        return frozenset({self.app_id, *declared})

    @property
    def order(self) -> Order:
        """Rank among equals: by priority, then by name."""
        priority = self.desired.spec.priority if isinstance(self.desired, Desired) else 0
        return (-priority, self.key.set, self.key.name)


class Controller:
    """Gives turns until every recording rests, or until it is told to end."""

    def __init__(self, reconciler: Reconciler, pace: Pace, clock: Callable[[], datetime], rules: Rules) -> None:
        self._reconciler = reconciler
        self._pace = pace
        self._clock = clock
        self._rules = rules
        self._gates: dict[str, Gate] = {}
        self._refusals: dict[str, int] = {}  # 406 in a row, per App ID

    async def converge(self, assignments: Iterable[Assignment], patience: timedelta, watch: Watch) -> dict[Key, Hold]:
        """Give turns until every recording rests, and say where each one rests.

        Those that do not rest when the patience is over are missing in the answer. When this is cancelled, or out of
        patience, the turns in hand are finished and no new one begins.
        """
        rests: dict[Key, Hold] = {}
        await _together([self._keep(one, rests, watch) for one in assignments], patience)
        return rests

    async def refresh(self, assignments: Iterable[Assignment], *, older_than: timedelta) -> None:
        """Ask about every recorder whose last answer is older; nothing else is done."""

        async def ask(one: Assignment) -> None:
            ticket = await self._pace.turn(one.app_id, Band.POLL, one.order)
            await _finished(self._refreshed(one, ticket, older_than))

        await _together([ask(one) for one in assignments], None)

    def gate(self, app_id: str) -> Gate:
        """Tell what keeps the whole App ID back."""
        return self._gates.get(app_id, OPEN_GATE)

    async def _keep(self, one: Assignment, rests: dict[Key, Hold], watch: Watch) -> None:
        while True:
            entry, action = await self._reconciler.look(one.key, one.desired, self.gate)
            if isinstance(action, Hold):
                watch.held(one.key, action, entry)
                await self._reconciler.note_rest(one.key, entry, action)
                if action.because in RESTING or action.until is None:
                    rests[one.key] = action
                    return
                await asyncio.sleep(max((action.until - self._clock()).total_seconds(), 0.0))
                continue
            band = band_of(action)
            app_id = app_id_of(entry, one.desired)
            ticket = await self._pace.turn(app_id, band, one.order) if band is not None else None
            await _finished(self._turn(one, app_id, ticket, watch))

    async def _turn(self, one: Assignment, app_id: str, ticket: Ticket | None, watch: Watch) -> None:
        try:
            taken = await self._reconciler.turn(one.key, one.desired, self.gate, one.order, ticket)
        finally:
            if ticket is not None:
                self._pace.give_back(ticket)
        if isinstance(taken, Busy):
            await asyncio.sleep(BUSY_PAUSE.total_seconds())
            return
        self._note(app_id, taken)
        watch.took(one.key, taken)

    async def _refreshed(self, one: Assignment, ticket: Ticket, older_than: timedelta) -> None:
        try:
            taken = await self._reconciler.refresh(one.key, self.gate(one.app_id), one.order, ticket, older_than)
        finally:
            self._pace.give_back(ticket)
        if isinstance(taken, Took):
            self._note(one.app_id, taken)

    def _note(self, app_id: str, taken: Took) -> None:
        """Close the gate of an App ID that was refused or is full, and open it when a start succeeds (S8)."""
        match taken.app:
            case AppRefused(problem=problem):
                self._gates[app_id] = Gate(refused=str(problem))
            case NoRoom():
                self._no_room(app_id)
            case None if any(event.kind == "recording.started" for event in taken.events):
                self._refusals.pop(app_id, None)
                self._gates.pop(app_id, None)
            case None:
                pass

    def _no_room(self, app_id: str) -> None:
        now, until = self._clock(), self.gate(app_id).full_until
        if until is not None and now < until:
            return  # a call that left before the gate closed says nothing new
        refusals = self._refusals.get(app_id, 0)
        self._refusals[app_id] = refusals + 1
        # 2**30 is more than any maximum: the power is capped so that it cannot overflow.
        wait = min(self._rules.backoff_base * 2 ** min(refusals, 30), self._rules.backoff_max)
        self._gates[app_id] = Gate(full_until=now + wait)


async def _together(loops: list[Coroutine[Any, Any, None]], patience: timedelta | None) -> None:
    """Run all until they end, one fails, or the patience is over; what still waits is then cancelled."""
    tasks = [asyncio.ensure_future(loop) for loop in loops]
    if not tasks:
        return
    seconds = patience.total_seconds() if patience is not None else None
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        # A turn in hand finishes all the same: cancelling ends the waiting only.
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
            raise result


async def _finished(turn: Coroutine[Any, Any, None]) -> None:
    """Let a turn finish though its loop is cancelled: between a call and its write nothing is."""
    task = asyncio.ensure_future(turn)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
