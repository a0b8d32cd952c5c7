"""What the simulation has found, each as a short story with its seed."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.intake.preparing import Scope
from reconciler.model import Event, Key
from reconciler.planning.orders import Orders, Restart, Suspension
from reconciler.simulator.faults import FaultPlan
from reconciler.simulator.options import Options
from tests.virtual_time import virtual_now, virtual_seconds
from tests.world.house import keeping
from tests.world.stage import Crash, CrashAt, Stage, assert_never_two, minutes, played, recording


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_two_applies_may_rename_the_same_recording(stage: Stage) -> None:
    """Seed 340: the slower one had asked about the recorder before the other moved it, and broke off."""
    stage.write(recording("a"))

    async def story() -> None:
        await stage.apply()
        await minutes(1)
        stage.write(recording("b", "  channel: a", "  renamedFrom: a"))

        async def planned() -> None:
            async with stage.process() as site:
                await site.refreshed(Scope("default"), "all")

        slower = asyncio.ensure_future(planned())
        await asyncio.sleep(0)
        async with stage.process() as quicker:
            await quicker.accept(await quicker.prepare())
        await slower
        assert list(await stage.entries()) == ["b"]

    played(story)
    assert len(stage.world.recorders) == 1


def test_a_restart_ordered_by_a_clock_that_is_ahead_is_one_restart(stage: Stage) -> None:
    """Seed 447: until the daemon's clock had caught up, each new recorder was older than the order."""
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            ahead = virtual_now() + timedelta(minutes=5)
            await house.ledger.give(Key("default", "a"), Orders, lambda _: Orders(restart=Restart("alice", ahead)))
            await house.daemon.hear()
            await minutes(10)
            assert stage.live_channels() == ["a"]

    played(story)
    assert len(stage.world.recorders) == 2


def test_what_is_taken_away_while_it_starts_is_stopped(stage: Stage) -> None:
    """Seed 992: whoever is let go in the middle of a first start was kept by nobody until the next change."""
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(0.001)
            assert stage.calls("acquire") == 1
            stage.write(recording("b"))
            house.offer()
            await minutes(5)
            assert stage.live_channels() == ["b"]

    played(story)
    assert len(stage.world.recorders) == 2


def test_what_waits_for_its_next_session_is_looked_after(stage: Stage) -> None:
    """Seed 36: with a change pending nobody asked about the recorder any more, and its death was never noticed."""
    stage.write(recording("a", "  replace: next"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            stage.write(recording("a", "  replace: next\n  files: {formats: [hls, mp4]}"))
            house.offer()
            await minutes(1)
            stage.world.kill(virtual_seconds(), stage.live()[0].sid)
            await minutes(5)
            [recorder] = stage.live()
            assert recorder.formats == ["hls", "mp4"]

    played(story)


def test_who_leaves_begins_nothing_any_more(stage: Stage) -> None:
    """Seed 321: what another process wrote meanwhile made a leaving daemon keep everything again."""
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            stage.fault("query delay 30 after")
            await minutes(0.25)
            house.stopping.set()
            await asyncio.sleep(0)
            async with stage.process() as other:
                assert other.ledger is not None
                await other.ledger.append(Event(virtual_now(), Key("default", "a"), "recording.noted", "by somebody"))
            await minutes(0.02)
            assert not house.daemon.controller.keepers

    played(story)


def test_a_suspension_goes_with_a_rename_and_the_plan_knows(stage: Stage) -> None:
    """Seed 562: the plan said that it starts under its new name."""
    stage.write(recording("a"))

    async def story() -> None:
        await stage.apply()
        async with stage.process() as site:
            assert site.ledger is not None
            suspended = Orders(Suspension("alice", "privacy", virtual_now()))
            await site.ledger.give(Key("default", "a"), Orders, lambda _: suspended)
        await stage.apply()
        stage.write(recording("b", "  channel: a", "  renamedFrom: a"))
        assert (await stage.plan()).plan.calls == 0
        await stage.apply()
        assert stage.live() == []

    played(story)


def test_an_answer_that_was_long_on_its_way_tells_nothing_of_the_confirm_timeout(tmp_path: Path) -> None:
    """Seed 61: a status of the first seconds was taken for one of the end, and a good recorder stopped (S7)."""
    stage = Stage(
        tmp_path, Options(status_after=(1.0, 3.0, 20.0)), environ={"RECONCILER_CONFIRM_TIMEOUT": "30s"}, round_trip=0.05
    )
    stage.write(recording("a"))
    stage.fault("query#1 delay 26 after")

    async def story() -> None:
        async with keeping(stage):
            await minutes(5)
            assert stage.live_channels() == ["a"]

    played(story)
    assert len(stage.world.recorders) == 1


@pytest.mark.parametrize("way", ["no answer", "a death of the process"])
def test_a_change_that_was_taken_back_before_it_was_answered_is_taken_back_at_the_recorder(
    stage: Stage, way: str
) -> None:
    """Seed 2309: the service had the new layout, the ledger the old one, and the manifest was as before."""
    one, other = recording("a"), recording("a", "  layout: {type: bestFit}")

    def layout() -> object:
        [recorder] = stage.live()
        return (recorder.layout or {})["mixedVideoLayout"]

    stage.write(one)

    async def story() -> None:
        await stage.apply()
        stage.write(other)
        if way == "no answer":
            stage.fault("updateLayout lose")
            await stage.apply(minutes=0.01)
        else:
            stage.crash = CrashAt()
            stage.crash.die_at("after updateLayout")
            with suppress(Crash):
                await stage.apply()
            stage.crash = None
        assert layout() == 1
        stage.write(one)
        await minutes(1)  # a change without an answer has a backoff
        assert (await stage.plan()).plan.calls == 1
        await stage.apply()
        assert layout() == 0
        assert (await stage.plan()).plan.calls == 0

    played(story)


def test_an_apply_does_not_start_under_its_old_name_what_another_has_renamed(stage: Stage) -> None:
    """Seed 1665: the older apply found no entry any more, took the recording for new, and there were two recorders."""
    stage.write(recording("a"))

    async def story() -> None:
        await stage.apply()
        await minutes(1)
        stage.world.kill(virtual_seconds(), stage.live()[0].sid)
        older = asyncio.ensure_future(stage.apply())
        await minutes(0.5)
        stage.write(recording("b", "  channel: a", "  renamedFrom: a"))
        younger = asyncio.ensure_future(stage.apply())
        assert [hold.because for hold in (await older).rests.values()] == ["Moved"]
        assert (await younger).is_done
        assert stage.live_channels() == ["a"]

    played(story)
    assert_never_two(stage)


def test_an_apply_gives_way_to_what_is_declared_after_it(stage: Stage) -> None:
    """Seed 12921: an apply and a daemon with different sets replaced each other's recorder every five seconds."""
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            stage.write(recording("a", "  channel: older"))
            older = asyncio.ensure_future(stage.apply())
            await asyncio.sleep(0.2)
            stage.write(recording("a", "  channel: newer"))
            house.offer()
            assert [hold.because for hold in (await older).rests.values()] == ["Moved"]
            await minutes(1)
            assert stage.live_channels() == ["newer"]

    played(story)
    assert len(stage.world.recorders) <= 3


def test_of_two_applies_the_one_that_declared_last_wins(stage: Stage) -> None:
    """Both have noted what they want before either has acted: they do not take turns at one recorder."""
    stage.write(recording("a"))

    async def story() -> None:
        await stage.apply()
        await minutes(1)
        stage.write(recording("a", "  channel: older"))
        older = asyncio.ensure_future(stage.apply())
        await asyncio.sleep(0.2)
        stage.write(recording("a", "  channel: newer"))
        assert (await stage.apply()).is_done
        assert [hold.because for hold in (await older).rests.values()] == ["Moved"]
        assert stage.live_channels() == ["newer"]

    played(story)
    assert len(stage.world.recorders) <= 3


def test_what_is_wanted_again_is_not_stopped_when_it_is_found(stage: Stage) -> None:
    """Seed 23306: what was dismissed while nobody could reach it was stopped by the probe that started it."""
    stage.write(recording("a"), recording("b"))
    stage.fault(*(f"start#{number} @a refuse 503" for number in range(1, 60)))

    async def story() -> None:
        await stage.apply(minutes=0.2)
        stage.write(recording("b"))
        await stage.apply(prune=True, minutes=0.2)
        stage.write(recording("a"), recording("b"))
        await stage.apply(minutes=0.2)
        stage.faults = FaultPlan()
        assert (await stage.apply(minutes=10)).is_done
        assert stage.live_channels() == ["a", "b"]

    played(story)
    assert len(stage.world.recorders) == 2


def test_what_is_renamed_is_asked_about_before_it_is_planned(stage: Stage) -> None:
    """Seed 21593: its death came to light only after the plan, for under its new name there was nobody to ask about."""
    stage.write(recording("a"))

    async def story() -> None:
        await stage.apply()
        await minutes(1)
        stage.world.kill(virtual_seconds(), stage.live()[0].sid)
        stage.write(recording("b", "  channel: a", "  renamedFrom: a"))
        asked = stage.calls("query")
        async with stage.process() as site:
            await site.refreshed(Scope("default"), "all")
        assert stage.calls("query") == asked + 1

    played(story)


def test_what_an_apply_has_renamed_stays_the_daemons_own(stage: Stage) -> None:
    """Seed 34170: under its new name nobody owned it, and nobody stopped it when its manifest was gone."""
    stage.write(recording("a"), recording("c"))

    async def story() -> None:
        async with keeping(stage):
            await minutes(1)
        stage.write(recording("b", "  channel: a", "  renamedFrom: a"), recording("c"))
        assert (await stage.apply()).is_done
        stage.write(recording("c"))
        async with keeping(stage):
            await minutes(1)
            assert stage.live_channels() == ["c"]

    played(story)
    assert_never_two(stage)
    assert len(stage.world.recorders) == 2
