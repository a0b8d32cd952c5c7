"""The daemon on virtual time: what it keeps, what it never stops, and how quickly it acts."""

from pathlib import Path

import pytest

from reconciler.simulator.options import Options
from tests.virtual_time import virtual_seconds
from tests.world.house import keeping
from tests.world.stage import Stage, assert_never_two, minutes, played, recording


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, Options(max_recorders=2000))


def names(count: int) -> list[str]:
    return [f"r{number:04}" for number in range(count)]


def test_it_starts_changes_and_stops_as_the_manifests_say(stage: Stage) -> None:
    stage.write(recording("a"), recording("b"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            assert stage.live_channels() == ["a", "b"]
            stage.write(recording("a", "  layout: {type: bestFit}"), recording("c"))
            house.offer()
            await minutes(1)
            assert stage.live_channels() == ["a", "c"]
            assert stage.calls("updateLayout") == 1
            assert set(house.phases().values()) <= {"Converged", "Stopped"}

    played(story)
    assert_never_two(stage)


def test_when_nothing_changes_it_only_polls_at_the_interval(stage: Stage) -> None:
    stage.write(*(recording(name) for name in names(20)))

    async def story() -> None:
        async with keeping(stage):
            await minutes(2)
            changing, asked = stage.calls(), stage.calls("query")
            await minutes(10)
            assert stage.calls() == changing
            polls = stage.calls("query") - asked
            assert 0.9 * 20 * 40 <= polls <= 1.1 * 20 * 40  # every 15 s

    played(story)


def test_a_recorder_that_dies_is_replaced_and_one_is_live_at_the_end(stage: Stage) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage):
            await minutes(1)
            stage.world.kill(virtual_seconds(), stage.live()[0].sid)
            await minutes(3)
            assert stage.live_channels() == ["a"]

    played(story)
    assert_never_two(stage)
    assert len(stage.world.recorders) == 2


@pytest.mark.parametrize(("is_dead", "count"), [(False, 1), (True, 2)])
@pytest.mark.parametrize("by_apply", [False, True])
def test_what_was_missing_before_a_long_absence_of_ours_is_doubted_anew(
    stage: Stage, *, is_dead: bool, count: int, by_apply: bool
) -> None:
    """Nobody asked between two failovers: together they are no absence that lasts (S9)."""
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            [recorder] = stage.live()
            stage.world.fail_over(virtual_seconds(), recorder.sid, 60)
            await minutes(0.5)
            assert house.phases() == {"a": "Doubted"}
        await minutes(10)
        if is_dead:
            stage.world.kill(virtual_seconds(), recorder.sid)
        else:
            stage.world.fail_over(virtual_seconds(), recorder.sid, 60)
        if by_apply:
            assert (await stage.apply()).is_done
        else:
            async with keeping(stage):
                await minutes(3)
        assert stage.live_channels() == ["a"]

    played(story)
    assert_never_two(stage)
    assert len(stage.world.recorders) == count


@pytest.mark.parametrize("hidden_for", [5, 30, 60, 89])
def test_no_failover_makes_a_second_recorder(stage: Stage, hidden_for: float) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage):
            await minutes(1)
            stage.world.fail_over(virtual_seconds(), stage.live()[0].sid, hidden_for)
            await minutes(5)
            assert stage.live_channels() == ["a"]
            assert len(stage.world.recorders) == 1

    played(story)
