"""One call to the world with the faults of the plan around it; waits by `asyncio.sleep` only."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from reconciler.simulator.faults import Delay, FaultPlan, Lose, Refuse, Replace, Truncate
from reconciler.simulator.replies import Reply
from reconciler.simulator.world import World

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Refused:
    """No connection came about; the world knows nothing of the call."""


@dataclass(frozen=True, slots=True)
class Lost:
    """The world has done what was asked, and the answer was dropped."""


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

    async def call(self, request: Request) -> Reply | Refused | Lost:
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
            match effect:
                case Delay(after=True):
                    await self._sleep(effect.seconds)
                case Lose():
                    return Lost()
                case Replace():
                    reply = effect.reply
                case Truncate():
                    reply = reply.with_body(reply.body[: effect.length])
                case _:
                    pass
        return reply

    async def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds / self.speed)
