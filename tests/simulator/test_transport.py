"""The world behind httpx without sockets: virtual latency, and failures in the words of httpx."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import httpx
import pytest

from reconciler.simulator.faults import FaultPlan, parse_faults
from reconciler.simulator.transport import OnCall, WorldTransport
from reconciler.simulator.world import World
from tests.simulator.driver import APP
from tests.virtual_time import run_virtual, virtual_seconds

Result = TypeVar("Result")
ACQUIRE = f"/v1/apps/{APP}/cloud_recording/acquire"
BODY = {"cname": "room1", "uid": "1", "clientRequest": {}}


def talk(
    act: Callable[[httpx.AsyncClient, World], Awaitable[Result]],
    faults: str = "",
    round_trip: float = 0.0,
    on_call: OnCall | None = None,
) -> Result:
    async def main() -> Result:
        world = World()
        plan = parse_faults(faults) if faults else FaultPlan()
        transport = WorldTransport(world, plan, virtual_seconds, round_trip=round_trip, on_call=on_call)
        async with httpx.AsyncClient(
            transport=transport, base_url="https://api.sd-rtn.com", auth=("customer", "secret"), timeout=30
        ) as client:
            return await act(client, world)

    return run_virtual(main())


def test_a_call_is_answered_after_its_round_trip_and_seen_in_the_middle() -> None:
    async def act(client: httpx.AsyncClient, world: World) -> tuple[int, float, float]:
        begin = virtual_seconds()
        response = await client.post(ACQUIRE, json=BODY)
        return response.status_code, virtual_seconds() - begin, world.calls[0].at - begin

    status, took, seen = talk(act, round_trip=0.2)

    assert status == 200
    assert (took, seen) == pytest.approx((0.2, 0.1), abs=1e-6)


def test_calls_overlap() -> None:
    async def act(client: httpx.AsyncClient, world: World) -> float:
        begin = virtual_seconds()
        await asyncio.gather(*(client.post(ACQUIRE, json=BODY | {"uid": str(uid)}) for uid in range(1, 6)))
        assert len(world.calls) == 5
        return virtual_seconds() - begin

    assert talk(act, round_trip=0.2) == pytest.approx(0.2, abs=1e-6)


@pytest.mark.parametrize(
    ("fault", "error", "seen"),
    [
        ("acquire refuse", httpx.ConnectError, 0),
        ("acquire lose", httpx.ReadError, 1),
        ("acquire delay 31 after", httpx.ReadTimeout, 1),
        ("acquire delay 31", httpx.ReadTimeout, 0),
    ],
)
def test_failures_are_those_of_httpx(fault: str, error: type[Exception], seen: int) -> None:
    async def act(client: httpx.AsyncClient, world: World) -> int:
        with pytest.raises(error):
            await client.post(ACQUIRE, json=BODY)
        return len(world.calls)

    assert talk(act, fault) == seen


def test_a_call_that_timed_out_still_arrives() -> None:
    async def act(client: httpx.AsyncClient, world: World) -> list[int]:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(ACQUIRE, json=BODY)
        await asyncio.sleep(5)
        return [call.status for call in world.calls]

    assert talk(act, "acquire delay 31") == [200]


def test_a_caller_that_is_cancelled_does_not_take_its_call_back() -> None:
    async def act(client: httpx.AsyncClient, world: World) -> list[int]:
        task = asyncio.create_task(client.post(ACQUIRE, json=BODY))
        await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.sleep(1)
        assert task.cancelled()
        return [call.status for call in world.calls]

    assert talk(act, round_trip=0.2) == [200]


def test_a_listener_hears_before_and_after_and_may_crash_the_caller_there() -> None:
    heard: list[tuple[str, str, str]] = []

    def crash_after(when: str, endpoint: str, channel: str) -> None:
        heard.append((when, endpoint, channel))
        if when == "after":
            raise KeyboardInterrupt

    async def act(client: httpx.AsyncClient, world: World) -> int:
        with pytest.raises(KeyboardInterrupt):
            await client.post(ACQUIRE, json=BODY)
        return len(world.calls)

    assert talk(act, on_call=crash_after) == 1
    assert heard == [("before", "acquire", "room1"), ("after", "acquire", "room1")]
