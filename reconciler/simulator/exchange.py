"""One call to the world with the faults of the plan around it; waits by `asyncio.sleep` only."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from reconciler.simulator.faults import Delay, Effect, FaultPlan, Lose, Refuse, Replace, Truncate
from reconciler.simulator.replies import Reply
from reconciler.simulator.world import World

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Refused:
    """No connection came about; the world knows nothing of the call."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The world has done what was asked, and the answer was dropped."""


Outcome: TypeAlias = Reply | Refused | Lost


def as_it_arrives(reply: Reply, effect: Effect | None) -> Reply | Lost:
    """Tell what becomes of an answer on its way back."""
    match effect:
        case Lose():
            return Lost()
        case Replace(reply=other):
            return other
        case Truncate(length=length):
            return reply.with_body(reply.body[:length])
        case _:
            return reply


@dataclass(frozen=True, slots=True)
class Request:
    """What arrives at the service; `target` is the path with its query string."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Exchange:
    """A world behind its faults; `speed` is how many world seconds pass in one of `asyncio.sleep`."""

    world: World
    faults: FaultPlan
    clock: Clock
    speed: float = 1.0

    async def call(self, request: Request) -> Outcome:
        """Handle one request at the time it gets through; never raises for a fault."""
        endpoint, channel = self.world.name(request.method, request.target, request.body)
        effects = self.faults.strike(endpoint, channel)
        for effect in effects:
            if isinstance(effect, Delay) and not effect.after:
                await self._sleep(effect.seconds)
            elif isinstance(effect, Refuse):
                return effect.reply or Refused()
        reply = self.world.handle(self.clock(), request.method, request.target, request.headers, request.body)
        await self._sleep(reply.delay)
        for effect in effects:
            if isinstance(effect, Delay) and effect.after:
                await self._sleep(effect.seconds)
            arriving = as_it_arrives(reply, effect)
            if isinstance(arriving, Lost):
                return arriving
            reply = arriving
        return reply

    async def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds / self.speed)
