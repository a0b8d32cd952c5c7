"""Whose turn it is: one loop per recording, one turn at a time, most urgent first. Not for what a turn does."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from reconciler.agora.pace import Band, Pace, Ticket
from reconciler.executor import Order, band_of
from reconciler.model import Entry, Key
from reconciler.planning.actions import Action, Because, Hold
from reconciler.planning.decide import OPEN_GATE, Gate
from reconciler.planning.desired import Desired, Unwanted
from reconciler.planning.outcomes import AppRefused
from reconciler.planning.plan import DONE
from reconciler.planning.rules import Rules
from reconciler.reconcile import Busy, Reconciler

Wanted: TypeAlias = Mapping[Key, Desired | Unwanted]
Watcher: TypeAlias = Callable[[Key, Action, Entry], None]

# Another process has the recording in hand: its turn is a few calls long.
BUSY_PAUSE = timedelta(seconds=0.5)

# What a one-shot run does not wait for: it rests on purpose, or only a person or a long time can help.
RESTING = DONE | {
    Because.REFUSED,
    Because.APP_REFUSED,
    Because.SECRET_MISSING,
    Because.CONTROL_LOST,
}


@dataclass(slots=True)
class _AppGate:
    gate: Gate = field(default_factory=lambda: OPEN_GATE)
    refusals: int = 0


class Controller:
    """Gives turns until every recording rests, or until it is told to end."""

    def __init__(
        self, reconciler: Reconciler, pace: Pace, clock: Callable[[], datetime], rules: Rules, watch: Watcher
    ) -> None:
        self._reconciler = reconciler
        self._pace = pace
        self._clock = clock
        self._rules = rules
        self._watch = watch
        self._gates: dict[str, _AppGate] = {}

    async def converge(self, wanted: Wanted, app_ids: Mapping[Key, str], patience: timedelta) -> dict[Key, Hold]:
        """Give turns until every recording rests, and say where each one rests.

        Those that do not rest when the time is over, or when this is cancelled, are missing in the answer; the turns
        in hand are finished, and no new one begins.
        """
        rests: dict[Key, Hold] = {}
        loops = [
            asyncio.create_task(self._keep(key, wanted[key], app_ids[key], rests), name=str(key)) for key in wanted
        ]
        if not loops:
            return rests
        try:
            await asyncio.wait(loops, timeout=patience.total_seconds(), return_when=asyncio.FIRST_EXCEPTION)
        finally:
            # A turn in hand shields itself: cancelling ends the waiting only.
            for loop in loops:
                loop.cancel()
            results = await asyncio.gather(*loops, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return rests

    async def _keep(self, key: Key, desired: Desired | Unwanted, app_id: str, rests: dict[Key, Hold]) -> None:
        order = _order(key, desired)
        while True:
            entry, action = await self._reconciler.look(key, desired, self._gate(app_id))
            self._watch(key, action, entry)
            if isinstance(action, Hold):
                if action.because in RESTING or action.until is None:
                    rests[key] = action
                    return
                await self._sleep_until(action.until)
                continue
            band = band_of(action)
            ticket = await self._pace.turn(app_id, band, order) if band is not None else None
            await self._shielded_turn(key, desired, app_id, order, ticket)

    async def _shielded_turn(
        self, key: Key, desired: Desired | Unwanted, app_id: str, order: Order, ticket: Ticket | None
    ) -> None:
        turn = asyncio.ensure_future(self._turn(key, desired, app_id, order, ticket))
        try:
            await asyncio.shield(turn)
        except asyncio.CancelledError:
            await turn  # between a call and its write nothing is cancelled
            raise

    async def _turn(
        self, key: Key, desired: Desired | Unwanted, app_id: str, order: Order, ticket: Ticket | None
    ) -> None:
        try:
            taken = await self._reconciler.turn(key, desired, self._gate(app_id), order, ticket)
        finally:
            if ticket is not None:
                self._pace.give_back(ticket)
        if isinstance(taken, Busy):
            await asyncio.sleep(BUSY_PAUSE.total_seconds())
            return
        self._watch(key, taken.action, taken.entry)
        if taken.app is not None:
            self._close_gate(app_id, refused=taken.app if isinstance(taken.app, AppRefused) else None)
        elif band_of(taken.action) is Band.CHANGE:
            self._gates.pop(app_id, None)

    def _gate(self, app_id: str) -> Gate:
        return self._gates[app_id].gate if app_id in self._gates else OPEN_GATE

    def _close_gate(self, app_id: str, refused: AppRefused | None) -> None:
        kept = self._gates.setdefault(app_id, _AppGate())
        if refused is not None:
            kept.gate = Gate(refused=str(refused.problem))
            return
        now = self._clock()
        if kept.gate.full_until is not None and now < kept.gate.full_until:
            return  # a call that left before the gate closed says nothing new
        wait = min(self._rules.backoff_base * 2 ** min(kept.refusals, 30), self._rules.backoff_max)
        kept.refusals += 1
        kept.gate = Gate(full_until=now + wait)

    async def _sleep_until(self, at: datetime) -> None:
        await asyncio.sleep(max((at - self._clock()).total_seconds(), 0.0))


def _order(key: Key, desired: Desired | Unwanted) -> Order:
    priority = desired.spec.priority if isinstance(desired, Desired) else 0
    return (-priority, key.set, key.name)
