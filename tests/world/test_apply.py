"""What `apply` makes true at the service: asserted on what records there, never on what we meant to do."""

from pathlib import Path

import pytest

from reconciler.planning.actions import Because
from tests.world.stage import Stage, minutes, played, recording


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_declared_recordings_record_and_a_second_apply_changes_nothing(stage: Stage) -> None:
    stage.write(recording("a"), recording("b", "  mode: individual"), recording("c", "  layout: {type: bestFit}"))

    async def story() -> None:
        assert (await stage.apply()).is_done
        assert stage.live_channels() == ["a", "b", "c"]
        assert stage.calls() == 6
        await minutes(10)
        assert (await stage.plan()).plan.converged
        assert (await stage.apply()).is_done
        assert stage.calls() == 6

    played(story)


def test_a_layout_edit_is_one_update_with_the_whole_layout(stage: Stage) -> None:
    stage.write(recording("a", '  layout: {type: bestFit, backgroundColor: "#112233"}'))

    async def story() -> None:
        await stage.apply()
        stage.write(recording("a", '  layout: {type: vertical, maxResolutionUid: "7", backgroundColor: "#112233"}'))
        await stage.apply()
        [recorder] = stage.live()
        assert stage.calls("updateLayout") == 1
        assert stage.calls() == 3
        assert recorder.layout is not None
        assert recorder.layout["mixedVideoLayout"] == 2
        assert recorder.layout["backgroundColor"] == "#112233"

    played(story)


def test_a_renamed_file_is_nothing(stage: Stage) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        await stage.apply()
        (stage.folder / "set.yaml").rename(stage.folder / "other.yaml")
        await stage.apply(prune=True)
        assert stage.calls() == 2
        assert stage.live_channels() == ["a"]

    played(story)


def test_s18_renamed_from_moves_everything_and_calls_nobody(stage: Stage) -> None:
    stage.write(recording("a", "  channel: room"))

    async def story() -> None:
        await stage.apply()
        before = (await stage.entries())["a"].newest
        stage.write(recording("b", "  channel: room", "  renamedFrom: a"))
        assert (await stage.plan(prune=True)).plan.converged
        assert (await stage.apply(prune=True)).is_done
        entries = await stage.entries()
        assert list(entries) == ["b"]
        assert entries["b"].newest is not None
        assert before is not None
        assert entries["b"].newest.identity == before.identity
        assert stage.calls() == 2
        assert (await stage.apply(prune=True)).is_done
        assert stage.calls() == 2

    played(story)


def test_what_cannot_be_changed_in_place_is_replaced_with_a_gap_and_never_doubled(stage: Stage) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        await stage.apply()
        stage.write(recording("a", "  files: {formats: [hls, mp4]}"))
        [action] = (await stage.plan()).plan.actions
        assert (action.verb, action.disruption, action.calls) == ("replace", "gap", ("stop", "acquire", "start"))
        assert (await stage.apply()).is_done
        assert stage.live_channels() == ["a"]
        first, second = stage.world.recorders
        assert first.ended_at is not None
        assert first.ended_at <= second.started_at
        assert second.uid != first.uid

    played(story)


def test_prune_stops_what_is_not_declared_and_nothing_else(stage: Stage) -> None:
    stage.write(recording("a"), recording("b"))

    async def story() -> None:
        await stage.apply()
        stage.write(recording("a"))
        planned = await stage.plan()
        assert planned.plan.converged
        assert "b" in planned.plan.notes[0]
        await stage.apply()
        assert stage.live_channels() == ["a", "b"]
        await stage.apply(prune=True)
        assert stage.live_channels() == ["a"]

    played(story)


def test_suspend_stops_and_resuming_starts_again(stage: Stage) -> None:
    stage.write(recording("a", "  suspend: true"))

    async def story() -> None:
        assert (await stage.apply()).is_done
        assert stage.calls() == 0
        stage.write(recording("a"))
        await stage.apply()
        assert stage.live_channels() == ["a"]
        stage.write(recording("a", "  suspend: true"))
        assert (await stage.apply()).is_done
        assert stage.live_channels() == []

    played(story)


def test_on_removal_leave_is_left_running(stage: Stage) -> None:
    stage.write(recording("a", "  onRemoval: leave"))

    async def story() -> None:
        await stage.apply()
        stage.write()
        assert (await stage.apply(prune=True)).is_done
        assert stage.live_channels() == ["a"]
        assert stage.calls("stop") == 0

    played(story)


def test_a_recorder_that_died_is_healed_in_the_other_slot(stage: Stage) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        await stage.apply()
        stage.world.kill(stage.live()[0].started_at + 60, stage.live()[0].sid)
        await minutes(5)
        assert (await stage.apply()).is_done
        first, second = stage.world.recorders
        assert [recorder.sid for recorder in stage.live()] == [second.sid]
        assert first.uid != second.uid

    played(story)


def test_a_failover_is_waited_for_and_never_doubled(stage: Stage) -> None:
    """S9: a 404 younger than the grace changes nothing."""
    stage.write(recording("a"))

    async def story() -> None:
        await stage.apply()
        await minutes(1)
        [recorder] = stage.live()
        stage.world.fail_over(recorder.started_at + 70, recorder.sid, 60.0)
        await minutes(0.5)
        assert (await stage.apply()).is_done
        assert [one.sid for one in stage.live()] == [recorder.sid]
        assert len(stage.world.recorders) == 1

    played(story)


def test_apply_does_what_is_due_now_and_says_what_only_a_daemon_keeps(stage: Stage) -> None:
    """Future windows count as done (interface.md 2.1); an open one starts, and a closed one stops."""
    stage.write(
        recording("crowd", "  when: occupied"),
        recording("open", "  schedule: {from: 2026-01-01T00:00:00Z, until: 2026-01-01T10:00:00Z}"),
        recording("later", "  schedule: {from: 2026-01-02T00:00:00Z}"),
    )

    async def story() -> None:
        planned = await stage.plan()
        rests = {action.key.name: action.rest.because for action in planned.plan.actions}
        assert rests == {"crowd": Because.WAITING, "open": Because.CONFIRMING, "later": Because.WAITING}
        assert [note for note in planned.plan.notes if "crowd, later, open" in note and "reconciler run" in note]
        assert (await stage.apply()).is_done
        assert stage.live_channels() == ["open"]
        await minutes(60)
        assert (await stage.apply()).is_done
        assert stage.live_channels() == []

    played(story)


def test_s22_polls_that_change_nothing_are_no_events(stage: Stage) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        await stage.apply()
        await minutes(1)
        stage.told.events.clear()
        asked = stage.calls("query")
        for _ in range(5):
            await minutes(1)
            await stage.apply()
        assert stage.calls("query") - asked == 5
        assert stage.told.events == []
        async with stage.process() as site:
            assert site.ledger is not None
            kinds = [event.kind for _, event in await site.ledger.events()]
            assert kinds == ["recording.starting", "recording.started", "recording.confirmed"]

    played(story)
