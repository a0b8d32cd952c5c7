"""The clock the other tests stand on."""

import asyncio

import pytest

from tests.virtual_time import START, run_virtual, virtual_now


def test_a_day_passes_at_once_and_exactly() -> None:
    async def main() -> float:
        await asyncio.sleep(86_400)
        return (virtual_now() - START).total_seconds()

    assert run_virtual(main()) == 86_400


def test_sleepers_wake_in_the_order_of_their_times() -> None:
    woken: list[int] = []

    async def sleeper(seconds: int) -> None:
        await asyncio.sleep(seconds)
        woken.append(seconds)

    async def main() -> None:
        await asyncio.gather(sleeper(3), sleeper(1), sleeper(2))

    run_virtual(main())

    assert woken == [1, 2, 3]


def test_waiting_for_nothing_is_an_error_and_no_hang() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(RuntimeError, match="hang"):
        run_virtual(main())
