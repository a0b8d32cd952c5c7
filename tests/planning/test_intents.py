"""What is on disk before anything is done: what is declared, and that what a recorder was told is not known yet."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model import Entry
from reconciler.planning.absorb import absorb
from reconciler.planning.actions import Update
from reconciler.planning.changes import TOLD_BY, changes
from reconciler.planning.decide import decide
from reconciler.planning.desired import Aim, Desired, Unmanaged, Unwanted
from reconciler.planning.intents import declare, intend_update, is_declared_as
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


DECLARED = declare(entry(), desired())
REMOVED = replace(DECLARED, declared=False)
OTHERWISE = declare(entry(), desired(layout={"type": "bestFit"}))


@pytest.mark.parametrize(
    ("page", "aim", "holds"),
    [
        (DECLARED, desired(), True),
        (OTHERWISE, desired(), False),
        (REMOVED, desired(), False),
        (REMOVED, Unwanted("its manifest is gone"), True),
        (DECLARED, Unwanted("its manifest is gone"), False),
        (DECLARED, Unwanted("deleted", removed=False), True),
        (OTHERWISE, Unmanaged(), True),
    ],
    ids=[
        "declared", "declared otherwise since", "taken away since", "gone", "declared again since", "stopped once",
        "left alone",
    ],
)  # fmt: skip
def test_who_has_the_last_word_is_seen_in_the_entry(page: Entry, aim: Aim, *, holds: bool) -> None:
    assert is_declared_as(page, aim) is holds
