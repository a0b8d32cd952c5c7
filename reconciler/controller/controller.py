"""Gives turns: until every recording rests, or for ever. Decides only whose turn it is."""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from reconciler.agora.pace import Band, Pace, Ticket
from reconciler.controller.assignments import RESTING, Assignment, Watch
from reconciler.controller.gates import Gates
from reconciler.controller.keeper import Keeper
from reconciler.executor.turns import Caller, band_of
from reconciler.model import Entry, Key
from reconciler.planning.actions import Action, Because, Hold, Observe, Start
from reconciler.planning.backoff import doubled
from reconciler.planning.desired import Aim, Desired
from reconciler.planning.intents import is_declared_as
from reconciler.planning.occupancy import Presence
from reconciler.planning.outcomes import AppRefused, NoRoom
from reconciler.planning.situation import Around, Gate, app_id_of
from reconciler.reconcile import Busy, Look, Noted, Reconciler, RulesOf, Took

T = TypeVar("T")

# Another process has the recording in hand: its turn is a few calls long.
BUSY_PAUSE = timedelta(seconds=0.5)

_ENDS = frozenset({"recording.stopped", "recording.lost", "recording.ended"})

PresenceOf = Callable[[str, str], Presence]  # App ID and channel → who is believed to be there
Failed = Callable[[Key, Exception, datetime], None]  # a turn broke off; when it is tried again


def nobody_looks(_app_id: str, _channel: str) -> Presence:
    return Presence.UNKNOWN


class Controller:
    """Runs one loop per recording; calls compete for the quota by how urgent they are."""

    def __init__(self, reconciler: Reconciler, pace: Pace, clock: Callable[[], datetime], rules_of: RulesOf) -> None:
        self._reconciler = reconciler
        self._pace = pace
        self._clock = clock
        self._rules_of = rules_of
        self.gates = Gates()
        self.presence_of: PresenceOf = nobody_looks
        self.frozen = ""  # why nothing may be done but to observe
        self.lacking: Mapping[str, str] = {}  # App ID → why nobody can call for it
        self._keepers: dict[Key, Keeper] = {}
        self._leaving: set[asyncio.Task[None]] = set()

    # -- once

    async def converge(
        self,
        assignments: Iterable[Assignment],
        patience: timedelta,
        watch: Watch,
        noted: Collection[Key],
    ) -> dict[Key, Hold]:
        """Give turns until every recording rests, and say where each one rests.

        Those that do not rest when the patience is over are missing in the answer. When this is cancelled, or out of
        patience, the turns in hand are finished, questions are broken off, and no new one begins. Of what is `noted`,
        what is wanted was written down: who declares it otherwise meanwhile has overtaken us.
        """
        rests: dict[Key, Hold] = {}

        async def keep(one: Assignment) -> None:
            keeper = Keeper(one, noted=Noted.AIM if one.key in noted else Noted.ENTRY)
            while True:
                keeper.rung.clear()
                keeper.sheet = None  # nobody tells of what other processes write
                until = await self._step(keeper, watch)
                if keeper.sheet is not None and is_declared_as(keeper.sheet.entry, one.desired):
                    keeper.noted = Noted.AIM
                hold = keeper.hold
                if hold and (hold.because in RESTING or hold.until is None):
                    rests[one.key] = hold
                    return
                await self._rest(keeper, until)

        await _together([keep(one) for one in assignments], patience)
        return rests

    async def refresh(self, assignments: Iterable[Assignment], *, older_than: timedelta) -> None:
        """Ask about every recorder whose last answer is older; nothing else is done."""

        async def ask(one: Assignment) -> None:
            ticket = await self._pace.turn(one.app_id, Band.POLL, one.order(self._clock()))
            await _finished(self._refreshed(one, ticket, older_than))

        await _together([ask(one) for one in assignments], None)

    def gate(self, app_id: str) -> Gate:
        """Tell what keeps the whole App ID back."""
        return self.gates.of(app_id, self._clock())

    # -- for ever

    @property
    def keepers(self) -> Mapping[Key, Keeper]:
        return self._keepers

    def assign(self, assignments: Iterable[Assignment], watch: Watch, failed: Failed) -> None:
        """Keep exactly these from now on: what is new begins, what differs looks again, what is gone is let go."""
        wanted = {one.key: one for one in assignments}
        for key in self._keepers.keys() - wanted.keys():
            self._let_go(self._keepers.pop(key))
        for key, one in wanted.items():
            keeper = self._keepers.get(key)
            if keeper is None:
                keeper = self._keepers[key] = Keeper(one)
                keeper.task = asyncio.create_task(self._keep(keeper, watch, failed), name=f"keep {key}")
            elif keeper.assignment != one:
                keeper.assignment = one
                keeper.wake()

    def wake(self, keys: Iterable[Key]) -> None:
        """Have these look again at once; those in hand do so afterwards."""
        for key in keys:
            keeper = self._keepers.get(key)
            if keeper is not None:
                keeper.wake()

    def make_room(self, app_id: str) -> None:
        """Let those try at once who wait for room, however long there was none."""
        self.gates.open_room(app_id)
        self.wake(key for key, keeper in self._keepers.items() if _waits_for_room(keeper, app_id))

    def in_channel(self, app_id: str | None, channel: str) -> list[Key]:
        """Name the recordings that record, or would record, that channel; None: of any App ID."""
        return [key for key, keeper in self._keepers.items() if _records(keeper, app_id, channel)]

    def waiting(self, app_ids: Iterable[str]) -> dict[str, Mapping[Band, int]]:
        """Count the calls that wait for quota, by App ID and band."""
        return {app_id: self._pace.waiting(app_id) for app_id in app_ids}

    async def close(self, patience: timedelta) -> None:
        """Begin no new turn and finish those in hand; after the patience they are abandoned, as a kill would."""
        tasks = {keeper.task for keeper in self._keepers.values() if keeper.task} | self._leaving
        self._keepers.clear()
        for _ in range(2):  # the first ends the waiting, the second what still waits for an answer
            for task in tasks:
                task.cancel()
            if tasks:
                _, tasks = await asyncio.wait(tasks, timeout=patience.total_seconds())

    async def let_go(self, key: Key) -> None:
        """Stop keeping one, and return when its turn in hand is finished."""
        keeper = self._keepers.pop(key, None)
        if keeper is not None and keeper.task is not None:
            keeper.task.cancel()
            await asyncio.wait({keeper.task})

    def _let_go(self, keeper: Keeper) -> None:
        keeper.is_let_go = True
        task = keeper.task
        if task is not None:
            task.cancel()
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _keep(self, keeper: Keeper, watch: Watch, failed: Failed) -> None:
        while True:
            keeper.rung.clear()
            if keeper.is_woken:
                keeper.is_woken, keeper.sheet = False, None
            try:
                until = await self._step(keeper, watch)
                keeper.failures = 0
            except Exception as error:  # noqa: BLE001 - one bad recording must not stop the others
                keeper.sheet = None
                until = self._pause_after_failure(keeper)
                failed(keeper.assignment.key, error, until)
            await self._rest(keeper, until)

    def _pause_after_failure(self, keeper: Keeper) -> datetime:
        wait = doubled(keeper.failures, self._rules_of(keeper.assignment.app_id))
        keeper.failures += 1
        return self._clock() + wait

    async def _rest(self, keeper: Keeper, until: datetime | None) -> None:
        """Wait for the alarm or for being woken."""
        seconds = None if until is None else (until - self._clock()).total_seconds()
        if seconds is not None and seconds <= 0:
            return
        # A timer rather than a time-out: to cancel a task a thousand times a minute is what costs.
        alarm = None if seconds is None else asyncio.get_running_loop().call_later(seconds, keeper.rung.set)
        try:
            await keeper.rung.wait()
        finally:
            if alarm is not None:
                alarm.cancel()

    # -- one step: look, and take a turn if there is something to do

    async def _step(self, keeper: Keeper, watch: Watch) -> datetime | None:
        """Look once, and act once if something is due; gives the time of the next look, None for when it is woken."""
        one = keeper.assignment
        look = await self._reconciler.look(one.key, one.desired, self._around, keeper.sheet, keeper.noted)
        entry, action = look.entry, look.action
        keeper.sheet, keeper.entry, keeper.hold = look.sheet, entry, action if isinstance(action, Hold) else None
        app_id = app_id_of(entry, one.desired)
        if isinstance(action, Hold):
            if self.gates.let_probe(app_id, one.key, self._clock()):
                return self._clock()
            self.gates.give_up_probe(app_id, one.key)
            rested = await self._reconciler.note_rest(look, action)
            keeper.sheet, keeper.entry = rested.sheet, rested.entry
            watch.held(one.key, action, rested.entry)
            if rested.events:
                watch.took(one.key, rested)
            return action.until
        band = band_of(action)
        ticket = None
        if band is not None:
            ticket = await self._ticket(keeper, app_id, band)
            if ticket is None:
                return self._clock()  # woken meanwhile: what is due may have changed
        turn = self._turn(keeper, look, app_id, ticket, watch)
        # A question may be broken off: it has changed nothing, and is asked again.
        return await (turn if isinstance(action, Observe) else _finished(turn))

    async def _ticket(self, keeper: Keeper, app_id: str, band: Band) -> Ticket | None:
        keeper.place = self._pace.queue(app_id, band, keeper.assignment.order(self._clock()))
        try:
            return await keeper.place.ticket()
        finally:
            keeper.place = None

    async def _turn(self, keeper: Keeper, look: Look, app_id: str, ticket: Ticket | None, watch: Watch) -> datetime:
        one = keeper.assignment
        try:
            caller = Caller(one.order(self._clock()), ticket, lambda: keeper.is_let_go)
            taken = await self._reconciler.turn(look, one.desired, self._around, caller, keeper.noted)
        finally:
            if ticket is not None:
                self._pace.give_back(ticket)
        if isinstance(taken, Busy):
            keeper.sheet = None
            return self._clock() + BUSY_PAUSE
        keeper.sheet, keeper.entry = taken.sheet, taken.entry
        self._note(one.key, app_id, taken)
        if any(event.kind in _ENDS for event in taken.events):
            await self._note_end(one, app_id, taken, keeper.noted)
        watch.took(one.key, taken)
        if isinstance(taken.action, Hold):
            keeper.hold = taken.action
            watch.held(one.key, taken.action, taken.entry)
        return self._clock()

    async def _note_end(self, one: Assignment, app_id: str, taken: Took, noted: Noted) -> None:
        """Let others have the place of what has ended, unless it is to come back to it."""
        self.gates.open_room(app_id)
        look = await self._reconciler.look(one.key, one.desired, self._around, taken.sheet, noted)
        if not _comes_back(look.action):
            self.make_room(app_id)

    async def _refreshed(self, one: Assignment, ticket: Ticket, older_than: timedelta) -> None:
        try:
            caller = Caller(one.order(self._clock()), ticket)
            taken = await self._reconciler.refresh(one.key, self.gate(one.app_id), caller, older_than)
        finally:
            self._pace.give_back(ticket)
        if isinstance(taken, Took):
            self._note(one.key, one.app_id, taken)

    def _around(self, entry: Entry, desired: Aim) -> Around:
        app_id = app_id_of(entry, desired)
        presence, gate = Presence.UNKNOWN, self.gates.of(app_id, self._clock(), entry.key)
        if isinstance(desired, Desired):
            presence = self.presence_of(desired.app_id, desired.spec.channel)
        if app_id in self.lacking:
            gate = Gate(refused=self.lacking[app_id], lacking=True)
        return Around(gate, presence=presence, frozen=self.frozen)

    def _note(self, key: Key, app_id: str, taken: Took) -> None:
        """Close the gate of an App ID that was refused or is full, and open it when the service says otherwise (S8)."""
        now, rules = self._clock(), self._rules_of(app_id)
        match taken.app:
            case AppRefused(problem=problem):
                self.gates.refuse(app_id, str(problem), now, rules)
            case NoRoom():
                self.gates.no_room(app_id, now, rules)
            case None:
                if any(event.kind == "recording.started" for event in taken.events):
                    self.gates.open_room(app_id)
                if band_of(taken.action) is not None and self.gates.answered(app_id, key):
                    self.wake(other for other, keeper in self._keepers.items() if app_id in keeper.assignment.app_ids)


def _comes_back(action: Action) -> bool:
    return isinstance(action, Start) or (isinstance(action, Hold) and action.because is Because.BACKOFF)


def _waits_for_room(keeper: Keeper, app_id: str) -> bool:
    return keeper.hold is not None and keeper.hold.because is Because.NO_ROOM and app_id in keeper.assignment.app_ids


def _records(keeper: Keeper, app_id: str | None, channel: str) -> bool:
    desired, entry = keeper.assignment.desired, keeper.entry
    if app_id is not None and app_id not in keeper.assignment.app_ids:
        return False
    if isinstance(desired, Desired) and desired.spec.channel == channel:
        return True
    return entry is not None and any(session.identity.channel == channel for session in entry.sessions)


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


async def _finished(turn: Coroutine[Any, Any, T]) -> T:
    """Let a turn finish though its loop is cancelled: between a call and its write nothing is."""
    task = asyncio.ensure_future(turn)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
