"""Who may call when: one even stream of calls per App ID, the most urgent caller first. Knows no rate itself."""

import asyncio
import heapq
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from reconciler.agora.quota import MOST_AT_ONCE, Slice

_FRESH = 0.05  # seconds; an unused call time older than this is lost, so that no burst follows
_ROUNDING = 1e-6  # seconds
_NOTHING = Slice(0.0, 0.0, 0)
_GOOD_FOR = 0.25  # seconds a ticket lasts: those held up behind a slow ledger must not leave all at once


class Band(IntEnum):
    """How urgent a call is; the smaller goes first (S15)."""

    STOP = 0  # stops, and what a control deadline presses
    FOLLOW = 1  # the start after its acquire: two seconds is all it has
    CHANGE = 2  # acquire, update, updateLayout, a settling start
    CONFIRM = 3
    RETRY = 4
    POLL = 5


@dataclass(slots=True, eq=False)
class Ticket:
    """One call's quota, granted and not used yet: good for one call, or to be given back."""

    app_id: str
    slot: float
    used: bool = False


@dataclass(frozen=True, slots=True)
class Rank:
    """How urgent a call is among all that wait; with an unused ticket it does not wait at all."""

    band: "Band"
    order: tuple[Any, ...] = ()
    ticket: Ticket | None = None


@dataclass(order=True, slots=True)
class _Waiter:
    band: Band
    order: tuple[Any, ...]
    arrival: int
    turn: asyncio.Future[float | None] = field(compare=False)  # the call time it was given; None: it has left


@dataclass(slots=True)
class _Lane:
    """The waiting callers of one App ID."""

    waiters: list[_Waiter] = field(default_factory=list)
    pump: asyncio.Task[None] | None = None
    slot: float | None = None  # a call time that was not needed after all, in loop time
    drawn: Slice = _NOTHING  # the slice in hand
    next_at: float = 0.0  # its next call time
    last_at: float = float("-inf")  # its last one
    used: int = 0  # calls that left in it

    def best(self) -> _Waiter | None:
        """Look at the most urgent one that still waits."""
        while self.waiters and self.waiters[0].turn.done():
            heapq.heappop(self.waiters)
        return self.waiters[0] if self.waiters else None

    def take_up(self, drawn: Slice, now: float) -> float:
        """Go on with a slice that was just drawn; gives its first call time."""
        # However late the ledger answers: two calls never leave closer than a step.
        first = max(now + drawn.wait, self.next_at)
        self.last_at = first + (drawn.count - 1) * drawn.step + _ROUNDING
        self.next_at, self.drawn, self.used = first + drawn.step, drawn, 1
        return first

    def next_slot(self, now: float) -> float | None:
        """Take the next call time of the slice in hand; None: it is used up, or over."""
        slot = max(now, self.next_at)
        if self.used == self.drawn.count or slot > self.last_at:
            return None
        self.next_at, self.used = slot + self.drawn.step, self.used + 1
        return slot

    def wish(self, now: float) -> int:
        """Tell how many call times are worth drawing: for all who wait, and more while one slice follows another."""
        waiting = sum(not waiter.turn.done() for waiter in self.waiters[:MOST_AT_ONCE])
        goes_on = now < self.last_at + 2 * self.drawn.step
        return max(waiting, 2 * self.drawn.count if goes_on else 1)

    def release(self, slot: float) -> None:
        """Let the most urgent one go, or keep the call time for whoever comes in time."""
        waiter = self.best()
        if waiter is None:
            self.slot = slot
            return
        heapq.heappop(self.waiters)
        waiter.turn.set_result(slot)


@dataclass(frozen=True, slots=True)
class Place:
    """A caller's place among those who wait."""

    _app_id: str
    _lane: _Lane
    _waiter: _Waiter

    async def ticket(self) -> Ticket | None:
        """Wait for the call time; None: the place was left meanwhile."""
        turn = self._waiter.turn
        try:
            slot = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                given = turn.result()
                if given is not None:
                    self._lane.release(given)
            raise
        return None if slot is None else Ticket(self._app_id, slot)

    def leave(self) -> None:
        """Give the place up, unless its call time has come already."""
        if not self._waiter.turn.done():
            self._waiter.turn.set_result(None)


class Pace:
    """Hands out call times. All calls of a process go through one of these.

    `draw` gives the App ID's next call times, up to so many; it is asked only while somebody waits. `throttled` hears
    of a 429.
    """

    def __init__(
        self, draw: Callable[[str, int], Awaitable[Slice]], throttled: Callable[[str], Awaitable[None]] | None = None
    ) -> None:
        self._draw = draw
        self._throttled = throttled
        self.slowed_at: dict[str, float] = {}  # App ID → when its last 429 came, in loop time
        self._lanes: dict[str, _Lane] = {}
        self._arrivals: Iterator[int] = itertools.count()

    async def admit(self, app_id: str, rank: Rank) -> None:
        """Return when a call of that rank may be sent: at once with an unused, fresh ticket, which is used up then."""
        ticket = rank.ticket
        if ticket is None or ticket.used or ticket.slot < asyncio.get_running_loop().time() - _GOOD_FOR:
            ticket = await self.turn(app_id, rank.band, rank.order)
        ticket.used = True

    def give_back(self, ticket: Ticket) -> None:
        """Let the next one have a call's quota that was not needed after all."""
        if not ticket.used:
            ticket.used = True
            if ticket.slot >= asyncio.get_running_loop().time() - _FRESH:
                self._lanes[ticket.app_id].release(ticket.slot)

    async def turn(self, app_id: str, band: Band, order: tuple[Any, ...] = ()) -> Ticket:
        """Return when the caller may send. Among the waiting, the smaller `(band, order)` goes first, then the earlier.

        Who waits is chosen when the call time has come, not when it was drawn. A caller may be cancelled at any time
        without a call time being lost for the others. Raises what `draw` raises.
        """
        ticket = await self.queue(app_id, band, order).ticket()
        assert ticket is not None, "only who holds the place can leave it"
        return ticket

    def queue(self, app_id: str, band: Band, order: tuple[Any, ...] = ()) -> "Place":
        """Join those who wait; the place may be left again, as when another call has become more urgent."""
        lane = self._lanes.setdefault(app_id, _Lane())
        waiter = _Waiter(band, order, next(self._arrivals), asyncio.get_running_loop().create_future())
        heapq.heappush(lane.waiters, waiter)
        self._keep_pumping(app_id, lane)
        return Place(app_id, lane, waiter)

    async def slow(self, app_id: str) -> None:
        """Say that the service has answered 429."""
        self.slowed_at[app_id] = asyncio.get_running_loop().time()
        if app_id in self._lanes:
            self._lanes[app_id].last_at = float("-inf")  # its slice was drawn at the pace that was too much
        if self._throttled is not None:
            await self._throttled(app_id)

    def waiting(self, app_id: str) -> Counter[Band]:
        """Count the callers that wait, by how urgent they are."""
        lane = self._lanes.get(app_id)
        return Counter(waiter.band for waiter in lane.waiters if not waiter.turn.done()) if lane else Counter()

    def _keep_pumping(self, app_id: str, lane: _Lane) -> None:
        if lane.pump is None:
            lane.pump = asyncio.create_task(self._pump(app_id, lane), name=f"pace of {app_id}")

    async def _pump(self, app_id: str, lane: _Lane) -> None:
        try:
            while lane.best() is not None:
                slot = await self._next_slot(app_id, lane)
                await asyncio.sleep(max(0.0, slot - asyncio.get_running_loop().time()))
                lane.release(slot)
        except Exception as error:  # noqa: BLE001 - the callers are told, each in its own task
            while (waiter := lane.best()) is not None:
                waiter.turn.set_exception(error)
        finally:
            lane.pump = None

    async def _next_slot(self, app_id: str, lane: _Lane) -> float:
        now = asyncio.get_running_loop().time
        kept, lane.slot = lane.slot, None
        if kept is not None and kept >= now() - _FRESH:
            return kept
        slot = lane.next_slot(now())
        if slot is None:
            slot = lane.take_up(await self._draw(app_id, lane.wish(now())), now())
        return slot
