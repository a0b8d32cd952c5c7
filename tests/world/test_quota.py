"""S15: the quota is the physics. What is won is that nothing is wasted and starts go first."""

from pathlib import Path
from typing import Literal

import pytest

from reconciler.simulator.options import Options
from tests.virtual_time import virtual_seconds
from tests.world.stage import Stage, minutes, played, recording

COUNT, QPS = 100, 10


def hundred(folder: Path, window: Literal["bucket", "second", "sliding"], round_trip: float) -> Stage:
    stage = Stage(folder, Options(max_recorders=COUNT, burst=1, rate_window=window), round_trip=round_trip)
    stage.write(*(recording(f"r{number:03}") for number in range(COUNT)))
    return stage


@pytest.mark.parametrize("round_trip", [0.0, 0.05, 0.2], ids="round trip {} s".format)
def test_a_hundred_start_at_the_floor_of_the_quota(tmp_path: Path, round_trip: float) -> None:
    stage = hundred(tmp_path, "bucket", round_trip)

    async def story() -> None:
        began = virtual_seconds()
        assert (await stage.apply()).is_done
        starts = [call.at - began for call in stage.world.calls if call.endpoint == "start"]
        queries = [call.at - began for call in stage.world.calls if call.endpoint == "query"]
        assert len(starts) == len(queries) == COUNT
        print(f"\nlast start after {max(starts):.2f} s, last confirmation after {max(queries):.2f} s")
        assert max(starts) - round_trip <= 1.06 * 2 * COUNT / QPS
        assert max(queries) - round_trip <= 1.06 * 3 * COUNT / QPS
        assert not [call for call in stage.world.calls if call.status == 429]

    played(story)


@pytest.mark.parametrize("window", ["second", "sliding"])
def test_other_ways_to_count_a_second_cost_no_recording(tmp_path: Path, window: Literal["second", "sliding"]) -> None:
    stage = hundred(tmp_path, window, 0.05)

    async def story() -> None:
        assert (await stage.apply()).is_done
        assert len(stage.live()) == len(stage.world.recorders) == COUNT

    played(story)


def test_each_start_follows_its_acquire_within_two_seconds(tmp_path: Path) -> None:
    """S3: also with two hundred waiting, and with a slow service."""
    stage = hundred(tmp_path, "bucket", 0.3)

    async def story() -> None:
        await stage.apply()
        acquired = {call.uid: call.at for call in stage.world.calls if call.endpoint == "acquire"}
        started = {call.uid: call.at for call in stage.world.calls if call.endpoint == "start"}
        assert max(started[uid] - acquired[uid] for uid in acquired) < 2

    played(story)


def test_a_stop_goes_before_every_start_that_waits(tmp_path: Path) -> None:
    stage = hundred(tmp_path, "bucket", 0.05)

    async def story() -> None:
        stage.write(recording("old"), file="old.yaml")
        await stage.apply(targets=frozenset({"old"}))
        await minutes(2)
        stage.write(file="old.yaml")
        before = len(stage.world.calls)
        await stage.apply(prune=True)
        endpoints = [call.endpoint for call in stage.world.calls[before:]]
        assert "stop" in endpoints[:4]

    played(story)
