"""Whose channel is looked into: only where people decide (S11), for every list read is a call."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.controller import Assignment
from reconciler.controller.keeper import Keeper
from reconciler.controller.looking import depends_on_people, recorders_by_channel, wanted_channels
from reconciler.model import Entry
from reconciler.planning.actions import Because, Hold
from reconciler.planning.desired import Unmanaged, Unwanted
from tests.planning.situations import APP, KEY, at, confirmed, desired, ended, entry, session
from tests.planning.test_decide import WEB

WAITING = Hold(None, Because.WAITING, "nobody is there")
BACKOFF = Hold(None, Because.BACKOFF, "it keeps ending")
WINDOW: dict[str, Any] = {"from": at(100).isoformat(), "until": at(200).isoformat(), "overrun": "50s"}
OCCUPIED, WINDOWED = desired(when="occupied"), desired(schedule=WINDOW)
LIVE = entry(session(confirmed()))


def keeper(aim: Any, hold: Hold | None = None, page: Entry | None = None) -> Keeper:
    return Keeper(Assignment(KEY, aim, APP), entry=page, hold=hold)


@pytest.mark.parametrize(
    ("one", "now", "expected"),
    [
        pytest.param(keeper(OCCUPIED), 0, True, id="when occupied, before its first look"),
        pytest.param(keeper(OCCUPIED, WAITING), 0, True, id="when occupied, and it waits"),
        pytest.param(keeper(desired()), 0, False, id="always, about to start"),
        pytest.param(
            keeper(desired(), WAITING, entry(session(ended("idle")))), 0, True, id="always, after an idle end"
        ),
        pytest.param(keeper(desired(), BACKOFF, entry(session(ended()))), 0, True, id="always, backing off"),
        pytest.param(keeper(OCCUPIED, None, LIVE), 0, False, id="live: it has its idle exit"),
        pytest.param(keeper(WINDOWED, WAITING), 50, False, id="before its window"),
        pytest.param(keeper(WINDOWED, WAITING), 150, True, id="inside its window"),
        pytest.param(keeper(WINDOWED, BACKOFF, LIVE), 150, False, id="live inside its window"),
        pytest.param(keeper(WINDOWED, BACKOFF, LIVE), 210, True, id="live in the overrun of its window"),
        pytest.param(keeper(WINDOWED, BACKOFF, LIVE), 251, False, id="live after its overrun"),
        pytest.param(keeper(desired(**WEB, when="always"), WAITING), 0, False, id="a page has no channel"),
        pytest.param(keeper(Unwanted("gone"), WAITING), 0, False, id="no longer declared"),
        pytest.param(keeper(Unmanaged(), WAITING), 0, False, id="unmanaged"),
        pytest.param(keeper(desired(suspend=True), WAITING), 0, False, id="suspended by its manifest"),
        *(
            pytest.param(keeper(OCCUPIED, Hold(None, because, "")), 0, False, id=f"it rests: {because}")
            for because in (Because.SUSPENDED, Because.COMPLETED, Because.STOPPED, Because.SECRET_MISSING)
        ),
        pytest.param(keeper(OCCUPIED, Hold(None, Because.REFUSED, "")), 0, False, id="it is refused"),
    ],
)
def test_a_channel_is_looked_into_where_people_decide(one: Keeper, now: float, *, expected: bool) -> None:
    assert depends_on_people(one, at(now)) is expected
    assert bool(wanted_channels([one], at(now))) is expected


def test_channels_are_named_once_per_app_with_their_profile() -> None:
    live = desired(when="occupied", channel="hall", capture={"channelType": "live"})
    other = replace(OCCUPIED, app_id="b" * 32)

    assert wanted_channels([keeper(OCCUPIED), keeper(live), keeper(OCCUPIED), keeper(other)], at(0)) == {
        APP: {"standup": "communication", "hall": "live"},
        "b" * 32: {"standup": "communication"},
    }


def test_uids_under_which_recorders_of_ours_may_be_there_are_no_people() -> None:
    moved = replace(session(confirmed(), number=2), joined_as=("77",))
    foreign = replace(session(confirmed()), identity=replace(moved.identity, app_id="b" * 32, uid="9"))

    found = recorders_by_channel([entry(session(ended()), moved), entry(foreign)], APP)
    assert found == {"standup": frozenset({moved.identity.uid, "77"})}
