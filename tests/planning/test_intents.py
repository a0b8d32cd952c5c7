"""What is on disk before a recorder is told something: that what it was told is not known, until there is an answer."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model import Entry
from reconciler.planning.absorb import absorb
from reconciler.planning.actions import Update
from reconciler.planning.changes import TOLD_BY, changes
from reconciler.planning.decide import decide
from reconciler.planning.desired import Desired
from reconciler.planning.intents import intend_update
from reconciler.planning.outcomes import Updated
from tests.planning.situations import RULES, at, confirmed, desired, entry, session

PAGE: dict[str, Any] = {"mode": "web", "web": {"url": "https://example.com/a"}, "video": {"width": 1280, "height": 720}}

EDITS: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("layout", {}, {"layout": {"type": "bestFit"}}),
    ("subscription", {}, {"capture": {"subscribe": {"audio": ["7"]}}}),
    ("web", PAGE, {**PAGE, "web": {**PAGE["web"], "paused": True}}),
]


def updated(page: Entry, wanted: Desired) -> Update:
    action = decide(wanted, page, at(30), RULES)
    assert isinstance(action, Update), action
    return action


@pytest.mark.parametrize(("before", "after"), [row[1:] for row in EDITS], ids=[row[0] for row in EDITS])
def test_a_change_that_was_taken_back_unanswered_is_told_again(before: dict[str, Any], after: dict[str, Any]) -> None:
    page = entry(session(confirmed(), **before))
    action = updated(page, desired(**after))

    intended, unknown = intend_update(page, action)

    assert updated(intended, desired(**before)).consequence is action.consequence
    assert updated(intended, desired(**after)).consequence is action.consequence
    done = absorb(
        intended, Updated(action.session, action.consequence, action.desired.wanted, at(31), action.reason), RULES
    )
    assert not changes(done.entry.sessions[0].applied, action.desired.wanted)
    assert unknown.state == action.session.state


def test_a_key_that_may_have_been_told_is_told_again_whichever_it_is_now() -> None:
    page = entry(session(confirmed()))
    told = page.sessions[0].applied
    other = replace(
        desired(),
        wanted=replace(
            told,
            fingerprints={
                path: f"{text[:-1]}{'0' if text[-1] != '0' else '1'}" for path, text in told.fingerprints.items()
            },
        ),
    )
    action = updated(page, other)

    intended, unknown = intend_update(page, action)

    assert action.consequence.value == "storage"
    assert set(unknown.applied.fingerprints) == set(told.fingerprints) <= set(TOLD_BY[action.consequence])
    assert updated(intended, replace(desired(), wanted=told)).consequence is action.consequence
    assert updated(intended, other).consequence is action.consequence
