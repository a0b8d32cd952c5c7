"""What a change of manifests would do to what runs: what is said beside the plan, and what makes no difference."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.planning.actions import Because
from reconciler.planning.changes import Change, Consequence
from reconciler.planning.comparing import ALL_RUNNING, always, by_reference, compared, names_references
from reconciler.planning.desired import Desired
from reconciler.planning.plan import PlannedAction, carried_out, plan_one
from tests.planning.situations import RULES, STORAGE, at, desired, entry

OVER = {"from": "2020-01-01T00:00:00Z", "until": "2020-01-02T00:00:00Z"}


def changed(before: Desired | None, after: Desired) -> PlannedAction:
    """Plan the newer one where the older one, if there is one, has been carried out."""
    page = carried_out(always(before), entry(), at(0), RULES, ALL_RUNNING) if before else entry()
    action = plan_one(always(after), page, at(0), RULES, ALL_RUNNING)
    return compared(action, before.wanted if before else None, after)


def keyed(name: str) -> Desired:
    """Declare it with a key of that name; no value is read for a comparison."""
    one = desired(storage={**STORAGE, "accessKey": {"env": name}})
    return by_reference(replace(one, wanted=replace(one.wanted, fingerprints={})))


def test_the_same_is_no_difference() -> None:
    assert changed(desired(), desired()).verb == "none"


def test_a_window_that_is_over_and_an_empty_room_make_no_difference() -> None:
    assert changed(desired(schedule=OVER), desired(schedule=OVER)).verb == "none"
    assert changed(None, desired(schedule=OVER)).verb == "start"
    assert changed(desired(when="occupied"), desired(when="occupied", layout={"type": "bestFit"})).verb == "update"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, ()),
        ({"schedule": OVER}, ("it records inside its windows only",)),
        ({"when": "occupied"}, ("it records only while somebody is in the channel",)),
        (
            {"schedule": OVER, "when": "occupied"},
            ("it records inside its windows only", "it records only while somebody is in the channel"),
        ),
    ],
    ids=["always", "windows", "occupied", "both"],
)
def test_a_new_one_says_when_it_does_not_simply_start(fields: dict[str, Any], said: tuple[str, ...]) -> None:
    assert changed(None, desired(**fields)).notes == said


def test_what_is_used_later_only_is_held_and_not_due() -> None:
    action = changed(desired(), desired(priority=5, controlFor="10h"))

    assert (action.verb, action.is_due, action.rest.because) == ("hold", False, Because.PENDING_NEXT)
    assert action.reason.startswith("used from the next session or decision on: ")
    assert action.notes == ("controlFor: 30d → 10h", "priority: 0 → 5")


def test_what_is_used_later_is_said_beside_what_is_done_now() -> None:
    action = changed(desired(), desired(priority=5, layout={"type": "bestFit"}))

    assert action.verb == "update"
    assert action.notes == ("priority: 0 → 5, used from the next session or decision on",)


def test_what_is_seen_from_what_is_done_is_not_said_again() -> None:
    action = changed(desired(), desired(suspend=True))

    assert (action.verb, action.notes) == ("stop", ())


def test_another_reference_counts_as_another_value() -> None:
    assert changed(keyed("ACCESS"), keyed("ACCESS")).verb == "none"

    action = changed(keyed("ACCESS"), keyed("OTHER"))

    assert action.verb == "update"
    [change] = action.changes
    assert (change.before, change.after) == ("{env: ACCESS}", "{env: OTHER}")
    assert names_references(change)


def test_references_stand_for_values_in_lists_and_maps_and_the_rest_is_as_it_was() -> None:
    one = desired()
    nested = {"a": [{"file": "x"}, 1], "b": {"c": {"env": "Y"}}, "d": "{env: Z}", "e": None}

    spelled = by_reference(replace(one, wanted=replace(one.wanted, spec=nested))).wanted.spec

    assert spelled == {"a": ["{file: x}", 1], "b": {"c": "{env: Y}"}, "d": "{env: Z}", "e": None}


def test_a_value_that_is_no_reference_is_not_taken_for_one() -> None:
    assert not names_references(Change("layout.type", "floating", "bestFit", Consequence.LAYOUT))
