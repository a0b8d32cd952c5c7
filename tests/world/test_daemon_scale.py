"""A thousand recordings on one quota: new work never waits for polls, and no call is wasted (S15)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.simulator.options import Options
from tests.virtual_time import virtual_seconds
from tests.world.house import keeping
from tests.world.stage import Stage, minutes, played, recording

COUNT, QPS, ROUND_TRIP, TRIES = 1000, 10, 0.2, 100


@pytest.fixture
def in_memory() -> Iterator[Path]:
    """Give a folder that needs no disk, where the machine has one: what is measured is turns, not fsync."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def test_a_thousand_start_at_the_floor_of_the_quota_and_a_new_one_starts_within_a_second(
    tmp_path: Path, in_memory: Path
) -> None:
    """Last start of 1,000 within 1.06 of the floor; then, polled steadily, p99 of 100 new ones within 0.8 s."""
    stage = Stage(tmp_path, Options(max_recorders=10**6, burst=1), round_trip=ROUND_TRIP)
    stage.ledger = in_memory / "ledger.db"
    stage.write(*(recording(f"r{number:04}") for number in range(COUNT)))
    waits: list[float] = []

    async def story() -> None:
        async with keeping(stage) as house:
            began = virtual_seconds()
            await minutes(6)
            starts = [call.at - began for call in stage.world.calls if call.endpoint == "start"]
            assert len(starts) == COUNT
            print(f"\nlast of {COUNT} starts after {max(starts):.1f} s, the floor is {2 * COUNT / QPS:.1f} s")
            assert max(starts) - ROUND_TRIP <= 1.06 * 2 * COUNT / QPS
            await minutes(2)
            polled = len([call for call in stage.world.calls if call.endpoint == "query"])
            for number in range(TRIES):
                await minutes(0.03 + (number * 37 % 100) / 1000)  # at any moment between two calls
                saved = virtual_seconds()
                stage.write(recording("new", f"  channel: new{number}"), file="new.yaml")
                house.offer()
                await minutes(0.05)
                [start] = [c for c in stage.world.calls if c.endpoint == "start" and c.channel == f"new{number}"]
                waits.append(start.at + ROUND_TRIP / 2 - saved)
                stage.write(file="new.yaml")
                house.offer()
                await minutes(0.05)
            polls = len([call for call in stage.world.calls if call.endpoint == "query"]) - polled
            print(
                f"save to accepted start: p99 {sorted(waits)[98]:.3f} s, max {max(waits):.3f} s; {polls} polls beside"
            )
            assert polls > TRIES * 10

    played(story)
    assert sorted(waits)[98] <= 0.8
    assert not [call for call in stage.world.calls if call.status == 429]
