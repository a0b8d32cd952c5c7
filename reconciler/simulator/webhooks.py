"""Sends a world's notices to whoever hears its webhooks: signed, and late, doubled or lost as the faults say."""

import asyncio
import contextlib
import hmac
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from reconciler.simulator.exchange import Clock
from reconciler.simulator.faults import Delay, Double, FaultPlan, Lose
from reconciler.simulator.notices import Notice
from reconciler.simulator.world import World

Deliver: TypeAlias = Callable[[bytes, Mapping[str, str]], Awaitable[int]]
"""Takes body and headers, and gives the HTTP status of the answer; 0: there was none."""

DEFAULT_SECRET: Final = "simulated"  # noqa: S105 - nothing is kept secret by it

# §7.1: resent at once, then at growing intervals, three times in all. Seconds of world time.
_RESENT_AFTER: Final = (0.0, 5.0, 30.0)
_LOOK_EVERY: Final = 0.5
_TAKEN: Final = 200


def signed(notice: Notice, at: float, secret: str) -> tuple[bytes, dict[str, str]]:
    """Write a notice as it is sent at that time: body and headers."""
    body = json.dumps(notice.envelope(at), separators=(",", ":"), ensure_ascii=False).encode()
    key = secret.encode()
    return body, {
        "Content-Type": "application/json",
        "Agora-Signature": hmac.new(key, body, "sha1").hexdigest(),
        "Agora-Signature-V2": hmac.new(key, body, "sha256").hexdigest(),
    }


class Webhooks:
    """The notification service of one world. Lives on one event loop, the one that the world is used on."""

    def __init__(
        self,
        world: World,
        deliver: Deliver,
        secret: str = DEFAULT_SECRET,
        *,
        faults: FaultPlan | None = None,
        clock: Clock,
        speed: float = 1.0,
    ) -> None:
        """`speed` is how many world seconds pass in one of `asyncio.sleep`."""
        self._world = world
        self._deliver = deliver
        self._secret = secret
        self._faults = faults or FaultPlan()
        self._clock = clock
        self._speed = speed
        self._seen = 0

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Send what happens in the world, as it happens; at the end nothing more is sent."""
        watching = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching

    async def _watch(self) -> None:
        async with asyncio.TaskGroup() as deliveries:
            while True:
                self._world.live(self._clock())
                news = self._world.notices[self._seen :]
                self._seen += len(news)
                for notice in news:
                    for wait in self._waits(notice):
                        deliveries.create_task(self._send(notice, wait))
                await asyncio.sleep(_LOOK_EVERY / self._speed)

    def _waits(self, notice: Notice) -> list[float]:
        """Say how late it arrives, for each time it does."""
        effects = self._faults.strike(f"notice:{notice.event_type}", notice.channel)
        if any(isinstance(effect, Lose) for effect in effects):
            return []
        late = sum(effect.seconds for effect in effects if isinstance(effect, Delay))
        return [late] * (1 + sum(isinstance(effect, Double) for effect in effects))

    async def _send(self, notice: Notice, wait: float) -> None:
        for pause in (wait, *_RESENT_AFTER):
            await self._sleep(pause)
            body, headers = signed(notice, self._clock(), self._secret)
            if await self._deliver(body, headers) == _TAKEN:
                return

    async def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            await asyncio.sleep(seconds / self._speed)
