"""Windows, orders of people, and the pace of a thousand recordings."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from reconciler.model import Key
from reconciler.planning.orders import Freeze, Orders, Restart, Suspension
from reconciler.planning.standing import SetOrders
from reconciler.simulator.options import Options
from tests.virtual_time import START, virtual_now, virtual_seconds
from tests.world.house import House, keeping
from tests.world.stage import Stage, assert_never_two, minutes, played, recording


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, Options(max_recorders=2000))


async def until(true: Callable[[], bool]) -> None:
    """Let time pass until it is so, at most an hour."""
    for _ in range(1200):
        if true():
            return
        await minutes(0.05)
    pytest.fail("it never came to be so")


async def order(house: House, name: str, orders: Orders) -> None:
    """Do what `suspend`, `resume` and `restart` do, in another process."""
    await house.ledger.give(Key("default", name), Orders, lambda _: orders)
    await house.daemon.hear()


# -- windows


def test_a_window_starts_and_stops_at_its_edges(stage: Stage) -> None:
    stage.write(recording("a", "  schedule: {from: 2026-01-01T09:10:00Z, until: 2026-01-01T09:20:00Z, startEarly: 1m}"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(8.9)
            assert stage.live_channels() == []
            assert house.phases() == {"a": "Waiting"}
            await minutes(0.2)
            assert stage.live_channels() == ["a"]
            await minutes(10.85)
            assert stage.live_channels() == ["a"]
            await minutes(0.2)
            assert stage.live_channels() == []

    played(story)
    [recorder] = stage.world.recorders
    assert timedelta(minutes=9) <= timedelta(seconds=recorder.started_at - START.timestamp()) < timedelta(minutes=9.02)
    assert recorder.ended_at is not None
    assert timedelta(minutes=20) <= timedelta(seconds=recorder.ended_at - START.timestamp()) < timedelta(minutes=20.02)


def test_a_daemon_that_was_down_starts_late_inside_the_window(stage: Stage) -> None:
    stage.write(recording("a", "  schedule: {cron: '0 10 * * *', duration: 30m, timezone: UTC}"))

    async def story() -> None:
        async with keeping(stage):
            await minutes(50)
        await minutes(20)
        async with keeping(stage):
            await minutes(5)
            assert stage.live_channels() == ["a"]
            await minutes(20)
            assert stage.live_channels() == []

    played(story)


def test_never_starts_again_only_in_a_new_window(stage: Stage) -> None:
    """S10."""
    stage.write(recording("a", "  restart: never\n  schedule: {cron: '0 * * * *', duration: 30m, timezone: UTC}"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(5)
            stage.world.kill(virtual_seconds(), stage.live()[0].sid)
            await minutes(20)
            assert stage.live_channels() == []
            assert house.phases() == {"a": "Completed"}
            await minutes(40)
            assert stage.live_channels() == ["a"]

    played(story)


def test_when_room_is_short_priority_goes_first_then_the_earlier_window(stage: Stage) -> None:
    """S8."""
    stage.environ = {**stage.environ, "RECONCILER_MAX_RECORDERS": "2", "RECONCILER_BACKOFF_BASE": "1s"}
    late, early = "from: 2026-01-01T08:30:00Z", "from: 2026-01-01T08:00:00Z"
    stage.write(
        recording("a-later", f"  schedule: {{{late}}}"),
        recording("b-sooner", f"  schedule: {{{early}}}"),
        recording("z-first", f"  priority: 5\n  schedule: {{{late}}}"),
    )

    async def story() -> None:
        stage.world.join(virtual_seconds(), "a-later", "77")
        async with keeping(stage) as house:
            await minutes(2)
            assert stage.live_channels() == ["b-sooner", "z-first"]
            assert house.phases()["a-later"] == "NoRoom"

    played(story)


@pytest.mark.parametrize(
    ("spec", "ended_after"),
    [("  schedule: {until: 2026-01-01T09:15:00Z}", 0.2), ("  restart: never", 3)],
    ids=["its window is over", "it dies, and is over by its policy"],
)
def test_what_waits_for_room_starts_as_soon_as_a_recorder_has_ended(
    tmp_path: Path, spec: str, ended_after: float
) -> None:
    """S8: after some minutes without room it would be asked for every five minutes only."""
    stage = Stage(tmp_path, environ={"RECONCILER_MAX_RECORDERS": "1"})
    stage.write(recording("a-first", spec), recording("b-next"))

    async def story() -> None:
        stage.world.join(virtual_seconds(), "a-first", "77")
        stage.world.join(virtual_seconds(), "b-next", "77")
        async with keeping(stage) as house:
            await minutes(14.9)
            assert stage.live_channels() == ["a-first"]
            assert house.phases()["b-next"] == "NoRoom"
            if "never" in spec:
                stage.world.kill(virtual_seconds(), stage.live()[0].sid)
            await minutes(ended_after)
            assert stage.live_channels() == ["b-next"]

    played(story)
    assert stage.calls("acquire") < 20


@pytest.mark.parametrize("how", ["it is replaced", "it dies"])
def test_what_is_replaced_or_has_died_keeps_its_place_though_others_wait_for_room(tmp_path: Path, how: str) -> None:
    """S8: neither does it wait for as long as they do, nor does one of them begin in its stead."""
    stage = Stage(tmp_path, environ={"RECONCILER_MAX_RECORDERS": "1"})
    stage.write(recording("m-first"))

    async def story() -> None:
        stage.world.join(virtual_seconds(), "m-first", "77")
        stage.world.join(virtual_seconds(), "a-waits", "77")
        async with keeping(stage) as house:
            await minutes(1)
            stage.write(recording("m-first"), recording("a-waits"))
            house.offer()
            await minutes(15)
            assert house.phases()["a-waits"] == "NoRoom"
            if how == "it dies":
                stage.world.kill(virtual_seconds(), stage.live()[0].sid)
            else:
                stage.write(
                    recording("m-first", "  video: {width: 640, height: 360, fps: 15, bitrate: 500}"),
                    recording("a-waits"),
                )
                house.offer()
            await minutes(4)
            assert stage.live_channels() == ["m-first"]

    played(story)
    assert len(stage.world.recorders) == 2


def test_room_that_another_process_makes_is_taken_at_once(stage: Stage) -> None:
    """S8: who deletes a recording to make room for another one does not wait for five minutes."""
    stage.environ = {**stage.environ, "RECONCILER_MAX_RECORDERS": "1"}
    stage.write(recording("by-hand"))

    async def story() -> None:
        stage.world.join(virtual_seconds(), "urgent", "77")
        await stage.apply()
        stage.write(recording("urgent"))
        async with keeping(stage) as house:
            await minutes(15)
            assert stage.live_channels() == ["by-hand"]
            assert house.phases()["urgent"] == "NoRoom"
            await stage.apply(prune=True, targets=frozenset({"by-hand"}))
            await minutes(0.1)
            assert stage.live_channels() == ["urgent"]

    played(story)


# -- orders


def test_suspend_stops_now_and_stays_stopped_over_edits_and_restarts_until_resume(stage: Stage) -> None:
    stage.write(recording("a"), recording("b"))
    suspended = Orders(suspension=Suspension("alice", "privacy", START))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            await order(house, "a", suspended)
            await minutes(1)
            assert stage.live_channels() == ["b"]
            assert house.phases()["a"] == "Suspended"
            stage.write(recording("a", "  files: {formats: [hls, mp4]}"), recording("b"))
            house.offer()
            await minutes(2)
            assert stage.live_channels() == ["b"]
        assert (await stage.apply()).is_done
        assert stage.live_channels() == ["b"]
        async with keeping(stage) as house:
            await minutes(1)
            assert stage.live_channels() == ["b"]
            await order(house, "a", Orders())
            await minutes(1)
            assert stage.live_channels() == ["a", "b"]

    played(story)


def test_a_suspension_with_a_time_ends_by_itself(stage: Stage) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            until = virtual_now() + timedelta(minutes=10)
            await order(house, "a", Orders(suspension=Suspension("alice", "break", virtual_now(), until)))
            await minutes(9)
            assert stage.live_channels() == []
            await minutes(1.1)
            assert stage.live_channels() == ["a"]

    played(story)


def test_restart_gives_one_fresh_session_and_no_second_one(stage: Stage) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            await order(house, "a", Orders(restart=Restart("alice", virtual_now())))
            await minutes(10)
            assert stage.live_channels() == ["a"]
            assert len(stage.world.recorders) == 2

    played(story)
    assert_never_two(stage)


def test_restart_starts_what_has_completed(stage: Stage) -> None:
    stage.write(recording("a", "  restart: never"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            stage.world.kill(virtual_seconds(), stage.live()[0].sid)
            await minutes(5)
            assert house.phases() == {"a": "Completed"}
            await order(house, "a", Orders(restart=Restart("alice", virtual_now())))
            await minutes(1)
            assert stage.live_channels() == ["a"]

    played(story)


def test_a_frozen_set_is_observed_and_nothing_else(stage: Stage) -> None:
    stage.write(recording("a"), recording("b"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            freeze = Freeze("alice", "maintenance", virtual_now())
            await house.ledger.give(Key("default", ""), SetOrders, lambda orders: replace(orders, freeze=freeze))
            await house.daemon.hear()
            changing, asked = stage.calls(), stage.calls("query")
            stage.write(recording("b", "  layout: {type: bestFit}"), recording("c"))
            house.offer()
            await minutes(5)
            assert stage.calls() == changing
            assert stage.calls("query") > asked
            assert house.phases()["c"] == "Frozen"
            await house.ledger.give(Key("default", ""), SetOrders, lambda orders: replace(orders, freeze=None))
            await house.daemon.hear()
            await minutes(1)
            assert stage.live_channels() == ["b", "c"]

    played(story)


# -- restart policy


def test_a_recorder_that_keeps_dying_is_restarted_after_growing_pauses(stage: Stage) -> None:
    """S10: 10 s, doubling to 300 s; each time under the other uid."""
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage) as house:
            for _ in range(8):
                await until(lambda: bool(stage.live()))
                await minutes(0.5)
                stage.world.kill(virtual_seconds(), stage.live()[0].sid)
                await minutes(0.4)
            assert house.daemon.drifting.keys() == {Key("default", "a")}

    played(story)
    recorders = stage.world.recorders
    pauses = [
        later.started_at - earlier.ended_at for earlier, later in pairwise(recorders) if earlier.ended_at is not None
    ]
    waited = [round(pause - 90) for pause in pauses]  # the grace is what a death takes to be believed
    assert max(waited[:2]) < 30  # at once, then 10 s, and up to a poll interval until the death is noticed
    assert waited[2:] == sorted(waited[2:])
    assert max(pauses) > 300
    assert all(one.uid != other.uid for one, other in pairwise(recorders))
    assert_never_two(stage)


def test_refused_credentials_cease_all_calls_but_one_probe_per_backoff(stage: Stage) -> None:
    """S8."""
    stage.write(*(recording(f"r{number:02}") for number in range(20)))
    stage.fault("acquire replace 401")

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(0.5)
            early = len(stage.world.calls)
            await minutes(10)
            assert len(stage.world.calls) - early <= 5
            assert set(house.phases().values()) == {"AppRefused"}
            stage.faults.faults.clear()
            await minutes(6)
            assert len(stage.live_channels()) == 20

    played(story)


def test_a_suspended_recording_stays_suspended_under_another_name(stage: Stage) -> None:
    stage.write(recording("a"), recording("b"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            await order(house, "a", Orders(Suspension("ann", "privacy", virtual_now())))
            await minutes(1)
            stage.write(recording("c", "  channel: a", "  renamedFrom: a"), recording("b"))
            assert (await stage.plan()).plan.converged
            house.offer()
            await minutes(2)
            assert stage.live_channels() == ["b"]
            assert house.phases() == {"b": "Converged", "c": "Suspended"}

    played(story)
