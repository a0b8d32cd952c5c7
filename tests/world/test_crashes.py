"""Killed before and after every call and every commit: the next apply finds one recorder per recording, and no orphan.

S3 to S5, S12. The points are counted by a run that survives; then one run dies at each of them.
"""

from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.model import Held, Intended
from reconciler.simulator.options import Options
from tests.virtual_time import virtual_seconds
from tests.world.stage import Crash, CrashAt, Stage, assert_never_two, minutes, played, recording

BEFORE = (
    recording("edited"),
    recording("kept", "  mode: individual"),
    recording("removed"),
    recording("replaced"),
    recording("suspended"),
)
AFTER = (
    recording("edited", "  layout: {type: bestFit}\n  capture: {subscribe: {audio: ['7'], video: ['7']}}"),
    recording("kept", "  mode: individual"),
    recording("new"),
    recording("replaced", "  files: {formats: [hls, mp4]}"),
    recording("suspended", "  suspend: true"),
)
DESIRED = ["edited", "kept", "new", "replaced"]

VARIANTS = {
    "201 with a sid": Options(already_started_sid=True),
    "201 without a sid": Options(already_started_sid=False),
}


def life(folder: Path, options: Options, crash: CrashAt) -> Stage:
    """Apply, edit, apply and die, apply again: what a user does whose machine fails once."""
    stage = Stage(folder, options)
    stage.write(*BEFORE)

    async def story() -> None:
        await stage.apply()
        stage.write(*AFTER)
        stage.crash = crash
        with suppress(Crash):
            await stage.apply(prune=True)
        stage.crash = None
        await minutes(1)
        await stage.apply(prune=True)
        entries = await stage.entries()
        if any(isinstance(session.state, Held) for entry in entries.values() for session in entry.open_sessions):
            # The resource id was on disk before the start, so a service that repeats the sid has given it back.
            assert not options.already_started_sid, f"a handle was lost: died {crash.seen[-1]}"
            await once_it_has_ended_by_itself(stage)

    played(story)
    return stage


async def once_it_has_ended_by_itself(stage: Stage) -> None:
    """A recorder whose sid is lost ends after maxIdle without users; the next probe says so (S5)."""
    for channel in stage.live_channels():
        stage.world.leave(virtual_seconds(), channel, None)
    await minutes(10)
    await stage.apply(prune=True)
    await minutes(10)
    await stage.apply(prune=True)


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> int:
    counting = CrashAt()
    life(tmp_path_factory.mktemp("counting"), Options(), counting)
    print(f"\n{len(counting.seen)} points at which the process can die: before and after every call and every commit")
    return len(counting.seen)


@pytest.mark.parametrize("variant", VARIANTS)
def test_one_recorder_each_and_none_orphaned(
    tmp_path_factory: pytest.TempPathFactory, points: int, variant: str
) -> None:
    assert points > 60
    hit = 0
    for point in range(points):
        crash = CrashAt(point)
        stage = life(tmp_path_factory.mktemp("life"), VARIANTS[variant], crash)
        hit += crash.dead
        check(stage, DESIRED, f"died {crash.seen[-1] if crash.seen else 'never'} (point {point})")
    print(f"\n{variant}: died at {hit} of {points} points")
    assert hit == points


def check(stage: Stage, desired: list[str], when: str) -> None:
    async def look() -> None:
        known = {
            session.state.sid
            for entry in (await stage.entries()).values()
            for session in entry.open_sessions
            if not isinstance(session.state, Intended)
        }
        live = stage.world.live(stage.world.calls[-1].at)
        assert sorted(recorder.channel for recorder in live) == desired, when
        assert {recorder.sid for recorder in live} == known, when

    played(look)
    assert_never_two(stage, when)
