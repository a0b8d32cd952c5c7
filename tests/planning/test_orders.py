"""The table of what stands around a recording: orders of people, windows, freeze, people in the channel, no source."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model import Backoff, Entry, Inquiry, Refusal, Slot
from reconciler.planning.decide import decide
from reconciler.planning.desired import Unmanaged, Unwanted
from reconciler.planning.occupancy import Presence
from reconciler.planning.orders import Freeze, Orders, Restart, Suspension
from reconciler.planning.situation import Around, Gate, app_id_of
from tests.planning.situations import (
    APP,
    RULES,
    accepted,
    at,
    confirmed,
    desired,
    doubted,
    ended,
    entry,
    held,
    intended,
    seen,
    session,
    stopping,
)
from tests.planning.test_decide import GONE, WEB, told

SUSPENDED = Around(orders=Orders(Suspension("alice", "privacy", at(0))))
UNTIL_30 = Around(orders=Orders(Suspension("alice", "privacy", at(0), at(30))))
RESTART = Around(orders=Orders(restart=Restart("alice", at(5))))
FROZEN = Around(frozen=str(Freeze("alice", "", at(0))))
EMPTY, THERE = Around(presence=Presence.EMPTY), Around(presence=Presence.OCCUPIED)
NOBODY_KNOWS = Around()
STOPPED_ALONE = Unwanted("suspended by alice: privacy", removed=False)

WINDOW = {"from": at(100).isoformat(), "until": at(200).isoformat()}
IN_WINDOW = desired(schedule=WINDOW)
OVERRUN = desired(schedule={**WINDOW, "overrun": "50s"})
TWO_WINDOWS = desired(schedule=[WINDOW, {"from": at(300).isoformat(), "until": at(400).isoformat()}])
OPEN_END = desired(schedule={"from": at(100).isoformat()})
CLOSED = "outside of its windows: its last window is over"

TABLE: list[tuple[str, Any, Entry, Around, float, str]] = [
    # Windows:
    ("before its window: wait for it", IN_WINDOW, entry(), NOBODY_KNOWS, 10, "hold Waiting until 100"),
    ("inside its window: start", IN_WINDOW, entry(), NOBODY_KNOWS, 100, "start A: no recording exists"),
    ("after its last window: rest", IN_WINDOW, entry(), NOBODY_KNOWS, 200, "hold Waiting"),
    ("between two windows: wait for the next", TWO_WINDOWS, entry(), NOBODY_KNOWS, 250, "hold Waiting until 300"),
    (
        "recording in its window: woken at its end at the latest",
        IN_WINDOW,
        entry(session(confirmed(0, seen(195)), schedule=WINDOW)),
        NOBODY_KNOWS,
        196,
        "hold Converged until 200",
    ),
    (
        "recording in a window without an end: polled as ever",
        OPEN_END,
        entry(session(confirmed(0, seen(195)), schedule={"from": at(100).isoformat()})),
        NOBODY_KNOWS,
        196,
        "hold Converged until 210",
    ),
    (
        "its window has closed: stop",
        IN_WINDOW,
        entry(session(confirmed(0, seen(195)))),
        NOBODY_KNOWS,
        200,
        f"stop: {CLOSED}",
    ),
    ("its window closes while accepted: stop", IN_WINDOW, entry(session(accepted(195))), THERE, 200, f"stop: {CLOSED}"),
    (
        "its window closes while a start is unsettled: note the wish",
        IN_WINDOW,
        entry(session(intended(195))),
        NOBODY_KNOWS,
        200,
        "learn dismissed",
    ),
    (
        "its window closes while it is held: note the wish",
        IN_WINDOW,
        entry(session(held(since=195))),
        NOBODY_KNOWS,
        200,
        "learn dismissed",
    ),
    (
        "its window closes while it is being stopped: repeat the stop as it was",
        IN_WINDOW,
        entry(session(stopping(190, Inquiry(asked_at=at(190), tries=1)))),
        NOBODY_KNOWS,
        200,
        "stop: its manifest is gone",
    ),
    (
        "the overrun has begun and somebody may be there: go on until it is over",
        OVERRUN,
        entry(session(confirmed(0, seen(245)), schedule={**WINDOW, "overrun": 50})),
        NOBODY_KNOWS,
        246,
        "hold Converged until 250",
    ),
    (
        "the overrun has begun and nobody is there: stop",
        OVERRUN,
        entry(session(confirmed(0, seen(205)))),
        EMPTY,
        206,
        f"stop: {CLOSED}",
    ),
    (
        "the overrun is over: stop, whoever is there",
        OVERRUN,
        entry(session(confirmed(0, seen(245)))),
        THERE,
        250,
        f"stop: {CLOSED}",
    ),
    ("the overrun starts nothing", OVERRUN, entry(), THERE, 210, "hold Waiting until 250"),
    # Suspension, which wins over schedule and restart policy (S12):
    ("suspended: not started", desired(), entry(), SUSPENDED, 10, "hold Suspended"),
    ("suspended until a time: looked at again then", desired(), entry(), UNTIL_30, 10, "hold Suspended until 30"),
    (
        "suspended until a time, and it has come: start",
        desired(),
        entry(),
        UNTIL_30,
        30,
        "start A: no recording exists",
    ),
    ("suspended inside its window: not started", IN_WINDOW, entry(), SUSPENDED, 150, "hold Suspended until 200"),
    (
        "suspended while it records: stop",
        desired(),
        entry(session(confirmed())),
        SUSPENDED,
        1,
        "stop: suspended by alice: privacy",
    ),
    (
        "suspended while it records, onRemoval leave: stop all the same",
        desired(onRemoval="leave"),
        entry(session(confirmed()), on_removal="leave"),
        SUSPENDED,
        1,
        "stop: suspended by alice: privacy",
    ),
    (
        "stopped by the command itself, onRemoval leave: stop all the same",
        STOPPED_ALONE,
        entry(session(confirmed()), on_removal="leave"),
        NOBODY_KNOWS,
        1,
        "stop: suspended by alice: privacy",
    ),
    (
        "suspended while unsettled: note the wish",
        desired(),
        entry(session(intended())),
        SUSPENDED,
        1,
        "learn dismissed",
    ),
    (
        "suspended and completed: suspended",
        desired(restart="never"),
        entry(session(ended())),
        SUSPENDED,
        1,
        "hold Suspended",
    ),
    # Restart:
    (
        "restart ordered: the older recorder is stopped",
        desired(),
        entry(session(confirmed())),
        RESTART,
        6,
        "stop: restart ordered by alice",
    ),
    (
        "restart ordered by a clock that is ahead: it has no say before its time (S20)",
        desired(),
        entry(session(confirmed(0, seen(3)))),
        RESTART,
        4,
        "hold Converged until 5",
    ),
    (
        "restart ordered before it is confirmed: stopped as well",
        desired(),
        entry(session(accepted())),
        RESTART,
        6,
        "stop: restart ordered by alice",
    ),
    (
        "restart ordered and carried out: the younger recorder goes on",
        desired(),
        entry(replace(session(confirmed(6, seen(6))), opened_at=at(5))),
        RESTART,
        7,
        "hold Converged until 16.5",
    ),
    (
        "restart ordered while a start is unsettled: settled first",
        desired(),
        entry(session(intended())),
        RESTART,
        6,
        "settle by repeat",
    ),
    (
        "restart ordered and its secret is missing: the live one is left alone",
        desired(missing=("x",)),
        entry(session(confirmed())),
        RESTART,
        6,
        "hold SecretMissing until 10.5",
    ),
    (
        "restart ordered and stopped: the fresh session takes the other slot",
        desired(),
        entry(session(ended("stopped", 6))),
        RESTART,
        7,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "restart ordered, one uid only: the same slot",
        desired(uid=5),
        entry(session(ended("stopped", 6), uid=5)),
        RESTART,
        7,
        "start A: the last one ended: the recorder is gone",
    ),
    (
        "restart ordered after it completed: start",
        desired(restart="never"),
        entry(session(ended()), completed="over"),
        RESTART,
        6,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "it completed after the restart was ordered: over",
        desired(restart="never"),
        entry(session(ended(since=6))),
        RESTART,
        7,
        "learn finished",
    ),
    (
        "restart ordered during backoff: start",
        desired(),
        entry(session(ended()), backoff=Backoff(3, at(100), "it keeps ending")),
        RESTART,
        6,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "restart ordered after a refusal: try again",
        desired(),
        entry(refusal=Refusal(desired().revision, "bad", at(0))),
        RESTART,
        6,
        "start A: no recording exists",
    ),
    (
        "refused after the restart was ordered: rest",
        desired(),
        entry(refusal=Refusal(desired().revision, "bad", at(6))),
        RESTART,
        7,
        "hold Refused",
    ),
    (
        "restart ordered after an idle end: start at once",
        desired(),
        entry(session(ended("idle"))),
        RESTART,
        6,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "restart ordered, but nobody is in the channel: wait",
        desired(),
        entry(session(ended("idle"))),
        replace(RESTART, presence=Presence.EMPTY),
        6,
        "hold Empty",
    ),
    (
        "it kept ending in the window before: start as the next one opens",
        TWO_WINDOWS,
        entry(session(ended(since=199)), backoff=Backoff(9, at(490), "it keeps ending")),
        NOBODY_KNOWS,
        300,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "it keeps ending in this window: wait",
        TWO_WINDOWS,
        entry(session(ended(since=301)), backoff=Backoff(9, at(390), "it keeps ending")),
        NOBODY_KNOWS,
        310,
        "hold Backoff until 390",
    ),
    # People in the channel, by policy and `when` (interface.md 1.3):
    (
        "always, never recorded, nobody known: start",
        desired(),
        entry(),
        NOBODY_KNOWS,
        1,
        "start A: no recording exists",
    ),
    ("always, and the channel is empty: wait", desired(), entry(), EMPTY, 1, "hold Empty"),
    ("a page has no channel: start", desired(**WEB), entry(), EMPTY, 1, "start A: no recording exists"),
    ("when occupied, nobody known: wait", desired(when="occupied"), entry(), NOBODY_KNOWS, 1, "hold Waiting"),
    ("when occupied, empty: wait", desired(when="occupied"), entry(), EMPTY, 1, "hold Empty"),
    (
        "when occupied, and somebody is there: start",
        desired(when="occupied"),
        entry(),
        THERE,
        1,
        "start A: no recording exists",
    ),
    (
        "when occupied, it records and the list says empty: its own idle exit ends it",
        desired(when="occupied"),
        entry(session(confirmed(), when="occupied")),
        EMPTY,
        1,
        "hold Converged until 10.5",
    ),
    (
        "always after an idle end: wait for two reads of the list",
        desired(),
        entry(session(ended("idle"))),
        NOBODY_KNOWS,
        1,
        "hold Waiting until 30",
    ),
    (
        "always after an idle end, and no list tells: start",
        desired(),
        entry(session(ended("idle"))),
        NOBODY_KNOWS,
        30,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "always after an idle end, and somebody is there: start",
        desired(),
        entry(session(ended("idle"))),
        THERE,
        1,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "never after a failure, somebody is there: over",
        desired(restart="never"),
        entry(session(ended())),
        THERE,
        1,
        "learn finished",
    ),
    (
        "onFailure after a failure, empty: wait",
        desired(restart="onFailure"),
        entry(session(ended())),
        EMPTY,
        1,
        "hold Empty",
    ),
    (
        "never, but a new window has opened: start",
        desired(restart="never", schedule=WINDOW),
        entry(session(ended(since=50))),
        NOBODY_KNOWS,
        101,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "never, and it ended in this very window: over",
        desired(restart="never", schedule=WINDOW),
        entry(session(ended(since=150), schedule=WINDOW)),
        NOBODY_KNOWS,
        151,
        "learn finished",
    ),
    # Frozen: observed, and nothing else.
    ("frozen: not started", desired(), entry(), FROZEN, 1, "hold Frozen"),
    ("frozen: not stopped", GONE, entry(session(confirmed())), FROZEN, 1, "hold Frozen until 10.5"),
    ("frozen: still asked when due", GONE, entry(session(confirmed())), FROZEN, 15, "observe, due"),
    ("frozen: a new start is still confirmed", desired(), entry(session(accepted())), FROZEN, 5, "observe, confirming"),
    (
        "frozen: what is gone is still learnt",
        desired(),
        entry(session(confirmed(0, doubted(0, 90)))),
        FROZEN,
        90,
        "learn gone",
    ),
    ("frozen: an unsettled start is not repeated", desired(), entry(session(intended())), FROZEN, 1, "hold Frozen"),
    ("frozen: a held one is not probed", desired(), entry(session(held())), FROZEN, 15, "hold Frozen"),
    ("frozen: a stop is not repeated", GONE, entry(session(stopping())), FROZEN, 1, "hold Frozen"),
    (
        "frozen: an update is not sent",
        desired(layout={"type": "bestFit"}),
        entry(session(confirmed())),
        FROZEN,
        1,
        "hold Frozen until 10.5",
    ),
    ("frozen: what rests anyway says why it rests", desired(suspend=True), entry(), FROZEN, 1, "hold Suspended"),
    # Unmanaged: looked at, never started, changed or stopped.
    ("unmanaged and nothing runs: rest", Unmanaged(), entry(), NOBODY_KNOWS, 1, "hold Unmanaged"),
    (
        "unmanaged, unsettled: left to who started it",
        Unmanaged(),
        entry(session(intended())),
        NOBODY_KNOWS,
        1,
        "hold Unmanaged",
    ),
    ("unmanaged, held: left alone", Unmanaged(), entry(session(held())), NOBODY_KNOWS, 60, "hold Unmanaged"),
    ("unmanaged, accepted: asked", Unmanaged(), entry(session(accepted())), NOBODY_KNOWS, 5, "observe, due"),
    (
        "unmanaged, recording: left to record",
        Unmanaged(),
        entry(session(confirmed())),
        SUSPENDED,
        1,
        "hold Unmanaged until 10.5",
    ),
    ("unmanaged, recording: polled", Unmanaged(), entry(session(confirmed())), NOBODY_KNOWS, 15, "observe, due"),
    (
        "unmanaged, gone for the grace: learnt",
        Unmanaged(),
        entry(session(confirmed(0, doubted(0, 90)))),
        NOBODY_KNOWS,
        90,
        "learn gone",
    ),
    (
        "unmanaged, its stop was begun: it is finished (S12)",
        Unmanaged(),
        entry(session(stopping())),
        NOBODY_KNOWS,
        1,
        "stop: its manifest is gone",
    ),
]


@pytest.mark.parametrize(
    ("wanted", "page", "around", "now", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_situation(wanted: Any, page: Entry, around: Around, now: float, expected: str) -> None:
    assert told(decide(wanted, page, at(now), RULES, around)) == expected


@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_a_refused_app_comes_first_whatever_is_around(row: tuple[str, Any, Entry, Around, float, str]) -> None:
    around = replace(row[3], gate=Gate(refused="401"))
    assert told(decide(row[1], row[2], at(row[4]), RULES, around)) == "hold AppRefused"


def test_what_is_frozen_says_what_it_keeps_from_being_done() -> None:
    action = decide(GONE, entry(session(confirmed())), at(1), RULES, FROZEN)
    assert action.reason == "frozen by alice; otherwise stop: its manifest is gone"


def test_orders_read_as_sentences() -> None:
    assert str(Suspension("alice", "privacy", at(0))) == "suspended by alice: privacy"
    assert str(Suspension("alice", "x", at(0), at(0))) == "suspended by alice until 2026-01-01 09:00 UTC: x"
    assert str(Restart("bob", at(0))) == "restart ordered by bob"
    assert str(Freeze("carol", "maintenance", at(0))) == "frozen by carol: maintenance"
    assert str(Freeze("carol", "", at(0))) == "frozen by carol"


def test_a_call_stands_under_the_app_id_of_what_is_live_else_of_what_is_declared() -> None:
    other = replace(session(confirmed(), slot=Slot.A), identity=replace(session(confirmed()).identity, app_id="b" * 32))
    assert app_id_of(entry(other), desired()) == "b" * 32
    assert app_id_of(entry(), desired()) == APP
    assert app_id_of(entry(session(ended())), GONE) == ""
