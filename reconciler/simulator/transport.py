"""The world as a transport of httpx: no sockets, the latency virtual, lost answers as httpx would report them."""

import asyncio
from collections.abc import Callable
from typing import Literal

import httpx

from reconciler.simulator.exchange import Clock, Exchange, Lost, Outcome, Refused, Request
from reconciler.simulator.faults import FaultPlan
from reconciler.simulator.replies import Reply
from reconciler.simulator.world import World

OnCall = Callable[[Literal["before", "after"], str, str], None]


class WorldTransport(httpx.AsyncBaseTransport):
    """Calls the world in process, whatever the host of the request.

    `round_trip` is split before and after the world's work. `on_call` hears "before" or "after", the endpoint and the
    channel, in the caller's task: what it raises reaches the caller, as if the process had died there. A caller that
    is cancelled or times out does not undo the call: it goes on behind its back, as it would at the service.
    """

    def __init__(
        self,
        world: World,
        faults: FaultPlan | None = None,
        clock: Clock | None = None,
        round_trip: float = 0.0,
        on_call: OnCall | None = None,
    ) -> None:
        self._clock = clock or _loop_time
        self._exchange = Exchange(world, faults or FaultPlan(), self._clock)
        self._round_trip = round_trip
        self._on_call = on_call
        self._under_way: set[asyncio.Task[Outcome]] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        arrived = Request(
            request.method, request.url.raw_path.decode("ascii"), dict(request.headers), await request.aread()
        )
        endpoint, channel = self._exchange.world.name(arrived.method, arrived.target, arrived.body)
        if self._on_call is not None:
            self._on_call("before", endpoint, channel)
        task = asyncio.create_task(self._travel(arrived))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        patience = request.extensions.get("timeout", {}).get("read")
        try:
            outcome = await asyncio.wait_for(asyncio.shield(task), patience)
        except TimeoutError:
            raise httpx.ReadTimeout("the service did not answer in time", request=request) from None
        if self._on_call is not None:
            self._on_call("after", endpoint, channel)
        return delivered(outcome, request)

    async def _travel(self, request: Request) -> Outcome:
        await asyncio.sleep(self._round_trip / 2)
        outcome = await self._exchange.call(request)
        await asyncio.sleep(self._round_trip / 2)
        return outcome


def delivered(outcome: Outcome, request: httpx.Request) -> httpx.Response:
    """Give the answer, or raise what httpx would."""
    match outcome:
        case Refused():
            raise httpx.ConnectError("the service refused the connection", request=request)
        case Lost():
            raise httpx.ReadError("the service dropped the connection", request=request)
        case Reply():
            return httpx.Response(outcome.status, headers=dict(outcome.headers), content=outcome.body, request=request)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
