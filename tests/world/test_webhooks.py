"""Webhooks lost, late, doubled and out of order: the recordings come to the same, sooner or later."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from reconciler.agora.notices import read_notice
from reconciler.evidence import Notice
from reconciler.model import Ended
from reconciler.simulator.faults import parse_faults
from reconciler.simulator.options import Options
from reconciler.simulator.webhooks import Webhooks
from tests.virtual_time import virtual_now, virtual_seconds
from tests.world.house import House, keeping
from tests.world.stage import Stage, assert_never_two, minutes, played, recording

NONE, ALL = "notice lose", ""


def webhooks(house: House, faults: str) -> Webhooks:
    async def deliver(body: bytes, headers: Mapping[str, str]) -> int:
        del headers
        notice = read_notice(body, virtual_now())
        assert isinstance(notice, Notice)
        await house.daemon.receive(notice)
        return 200

    return Webhooks(house.stage.world, deliver, faults=parse_faults(faults), clock=virtual_seconds)


FAULTS = [
    ALL,
    NONE,
    "notice double",
    "notice delay 400",
    "notice:40 delay 30\nnotice:41 delay 7",
    "notice:11 lose",
    "notice:12 lose\nnotice:40 lose",
    "notice#1 lose\nnotice#3- delay 60",
]
# Not among them: without a sid and without a notice, a failover cannot be known of, and 53 is no fence after it.
TROUBLES = [(faults, with_sid) for faults in FAULTS for with_sid in (True, False) if with_sid or faults != NONE]


@pytest.mark.parametrize(("faults", "with_sid"), TROUBLES)
def test_a_day_of_troubles_ends_with_one_recorder_whatever_is_heard_of_it(
    tmp_path: Path, *, faults: str, with_sid: bool
) -> None:
    stage = Stage(tmp_path, Options(already_started_sid=with_sid, progress_every=60.0))
    stage.write(recording("a", "  capture: {maxIdle: 2m}"), recording("b"))
    stage.fault("start#1 lose", "query#3 lose")

    async def story() -> None:
        async with keeping(stage) as house, webhooks(house, faults).sending():
            await minutes(10)
            for hidden_for in (5, 45, 89):
                for recorder in stage.live():
                    stage.world.fail_over(virtual_seconds(), recorder.sid, hidden_for)
                await minutes(7)
                assert len(stage.world.recorders) == 2
            for recorder in stage.live():
                stage.world.kill(virtual_seconds(), recorder.sid)
            await minutes(60)
            assert stage.live_channels() == ["a", "b"]

    played(story)
    assert_never_two(stage)


@pytest.mark.parametrize(("faults", "seconds"), [(ALL, 20), (NONE, 130)], ids=["told by webhook", "found out by polls"])
def test_a_death_is_answered_within(tmp_path: Path, faults: str, seconds: int) -> None:
    """The grace is what a webhook saves."""
    stage = Stage(tmp_path)
    stage.write(recording("a"))

    async def story() -> float:
        async with keeping(stage) as house, webhooks(house, faults).sending():
            await minutes(5)
            [first] = stage.live()
            stage.world.kill(virtual_seconds(), first.sid)
            died_at = virtual_seconds()
            await minutes(5)
            [second] = stage.live()
            return second.started_at - died_at

    assert played(story) <= seconds


def test_the_cause_of_a_death_and_its_files_are_in_the_history(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Options(bad_access_keys=frozenset({"access-key-77c1"}), storage_death_after=120))
    stage.write(recording("a", "  restart: never"))

    async def story() -> None:
        async with keeping(stage) as house, webhooks(house, ALL).sending():
            await minutes(10)
            [session] = [one for _, one in await house.ledger.sessions()]
            assert isinstance(session.state, Ended)
            assert session.state.how == "failed"
            assert "error 32 of the uploader" in session.state.reason
            assert session.files
            kinds = [event.kind for _, event in await house.ledger.events()]
            assert {"recording.erred", "recording.exited", "recording.lost"} <= set(kinds)
            assert len(kinds) == len([one for one in kinds if one != "recording.erred"]) + 1

    played(story)
