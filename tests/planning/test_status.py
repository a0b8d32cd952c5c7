"""What is said of a recording: its phase, its words, its times and its conditions, one situation per line."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.evidence import RecordedFile
from reconciler.model import Applied, Backoff, Ended, Entry, Identity, Inquiry, Refusal, Rest, Seen, Slot
from reconciler.planning.actions import Because, Hold
from reconciler.planning.conditions import Condition
from reconciler.planning.desired import Unwanted
from reconciler.planning.phases import AT_REST
from reconciler.planning.status import Status, resource_id_of, sid_of, status_of
from tests.planning.situations import (
    APP,
    KEY,
    A,
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

NOW = at(100)
WANTED = desired()
REVISION = WANTED.revision
PAST, FUTURE = Backoff(3, at(50), "it keeps ending"), Backoff(3, at(150), "it keeps ending")
REFUSED = Refusal(REVISION, "start answered 400 code 2: bad storage", at(20))
RESTS = {"revision": REVISION}
LOST_WORDS = "a recorder lives that cannot be asked or stopped, for its sid was lost; it ends by itself"
STOPPED = Ended(at(10), "stopped", "its manifest is gone", "R1", "S1")
SUSPENDED = Ended(at(10), "stopped", "suspended by its manifest (nothing was recorded)", "R1", "S1")
LEFT = Ended(at(10), "left", "its manifest is gone, and onRemoval is leave", "R1", "S1")


def hold(because: Because, until: float | None = None) -> Hold:
    return Hold(at(until) if until is not None else None, because, f"because {because}")


def with_files(number: int) -> Entry:
    files = tuple(RecordedFile(f"{one}.m3u8") for one in range(number))
    return entry(replace(session(confirmed()), files=files), **RESTS)


def truth(status: Status, kind: str) -> Condition:
    return next(condition for condition in status.conditions if condition.type == kind)


PHASES: list[tuple[str, Entry, str, str]] = [
    # A row is a situation, the entry, the phase, and how the words begin.
    ("never started: Pending", entry(), "Pending", "to be started"),
    ("ended by itself, start due: Pending", entry(session(ended())), "Pending", "to be started; the last one ended"),
    ("backoff is over: Pending", entry(session(ended()), backoff=PAST), "Pending", "to be started; the last one ended"),
    ("ended, waits: Backoff", entry(session(ended()), backoff=FUTURE), "Backoff", "it keeps ending"),
    ("a start had no effect: Backoff", entry(retry=FUTURE), "Backoff", "it keeps ending"),
    ("start sent: Starting", entry(session(intended())), "Starting", "the start is being sent"),
    (
        "start without an answer: Starting",
        entry(session(intended(problem="no answer within 30 s"))),
        "Starting",
        "whether it started is not known: no answer within 30 s",
    ),
    (
        "unsettled and no longer wanted: Stopping",
        entry(session(intended(dismissed="its manifest is gone"))),
        "Stopping",
        "the start is being sent; to be stopped then: its manifest is gone",
    ),
    ("probing a lost one: Unknown", entry(session(intended(held="ControlLost"))), "Unknown", LOST_WORDS),
    ("sid lost: Unknown", entry(session(held())), "Unknown", LOST_WORDS),
    ("held by another: Unknown", entry(session(held("HeldByAnother"))), "Unknown", "another recorder that is not ours"),
    ("control expired: Unknown", entry(session(held("ControlExpired"))), "Unknown", "its control has expired"),
    ("lost and unwanted: still Unknown", entry(session(held(dismissed="gone"))), "Unknown", LOST_WORDS),
    ("accepted, not asked yet: Starting", entry(session(accepted())), "Starting", "started, not confirmed yet"),
    (
        "accepted at status 2: Starting",
        entry(session(accepted(inquiry=seen(10, status=2)))),
        "Starting",
        "started, status 2: it does not record yet",
    ),
    (
        "accepted, 404 inside the grace: Starting",
        entry(session(accepted(inquiry=doubted(10, 20)))),
        "Starting",
        "started, but the service does not find it (404)",
    ),
    ("confirmed, no file yet: Recording", with_files(0), "Recording", "status 5, 0 files"),
    ("confirmed, one file: Recording", with_files(1), "Recording", "status 5, 1 file"),
    ("confirmed, two files: Recording", with_files(2), "Recording", "status 5, 2 files"),
    (
        "404 inside the grace: Recording",
        entry(session(confirmed(inquiry=doubted(10, 20))), **RESTS),
        "Recording",
        "the service does not find it (404): believed only after the grace",
    ),
    (
        "questions without answers: Recording",
        entry(session(confirmed(inquiry=seen(10, tries=3))), **RESTS),
        "Recording",
        "status 5, 0 files; no answer to the last 3 questions",
    ),
    (
        "adopted and not asked yet: Recording",
        entry(session(confirmed(inquiry=Inquiry())), **RESTS),
        "Recording",
        "not asked yet",
    ),
    (
        "undeclared and live: Recording, and unmanaged",
        entry(session(confirmed()), declared=False),
        "Recording",
        "status 5, 0 files; unmanaged: no manifest declares it",
    ),
    (
        "an update that had no effect: Updating",
        entry(session(confirmed()), retry=FUTURE, **RESTS),
        "Updating",
        "status 5, 0 files; the update is tried again: it keeps ending",
    ),
    (
        "an update that was refused: Updating",
        entry(session(confirmed()), refusal=REFUSED, **RESTS),
        "Updating",
        "status 5, 0 files; goes on as it was, the update was refused: start answered 400 code 2: bad storage",
    ),
    (
        "a refusal of an older revision is void: Recording",
        entry(session(confirmed()), refusal=replace(REFUSED, revision="older"), **RESTS),
        "Recording",
        "status 5, 0 files",
    ),
    ("stop not confirmed: Stopping", entry(session(stopping())), "Stopping", "the stop is not confirmed yet: its mani"),
    (
        "undeclared and stopping: Stopping, without more words",
        entry(session(stopping()), declared=False),
        "Stopping",
        "the stop is not confirmed yet: its manifest is gone",
    ),
    ("a start was refused: Failed", entry(refusal=REFUSED, **RESTS), "Failed", "start answered 400 code 2: bad stor"),
    ("stopped, manifest gone: Stopped", entry(session(STOPPED), declared=False), "Stopped", "its manifest is gone"),
    ("undeclared, never started: Stopped", entry(declared=False), "Stopped", "never started"),
    ("stopped, yet declared: Stopped", entry(session(STOPPED)), "Stopped", "its manifest is gone"),
    ("stopped by suspend: Suspended", entry(session(SUSPENDED)), "Suspended", "suspended by its manifest"),
    ("over by its policy: Completed", entry(session(ended("idle")), completed="restart is never"), "Completed", "rest"),
    (
        "forgotten by a person: Completed, for nobody stopped it",
        entry(session(Ended(at(10), "forgotten", "forgotten by a person")), declared=False),
        "Completed",
        "forgotten by a person",
    ),
    ("forgotten and declared again: Pending", entry(session(replace(LEFT, how="forgotten"))), "Pending", "to be st"),
    ("left running on purpose: Completed", entry(session(LEFT), completed="left", declared=False), "Completed", "left"),
]


@pytest.mark.parametrize(("page", "phase", "words"), [pytest.param(*row[1:], id=row[0]) for row in PHASES])
def test_phase_and_words_come_from_the_entry(page: Entry, phase: str, words: str) -> None:
    status = status_of(page, NOW)
    assert (status.phase, status.message[: len(words)]) == (phase, words)


def test_every_reason_to_hold_has_its_phase() -> None:
    assert set(AT_REST) == set(Because)


@pytest.mark.parametrize("because", list(Because))
def test_without_a_recorder_a_hold_decides_the_phase(because: Because) -> None:
    status = status_of(entry(), NOW, hold=hold(because, 130), desired=WANTED)
    assert (status.phase, status.message, status.next_check_at) == (AT_REST[because], f"because {because}", at(130))


@pytest.mark.parametrize(
    ("because", "message"),
    [
        (Because.CONVERGED, "status 5, 0 files"),
        (Because.DOUBTED, "status 5, 0 files"),
        (Because.PENDING_NEXT, "status 5, 0 files; because PendingNext"),
        (Because.SECRET_MISSING, "status 5, 0 files; because SecretMissing"),
        (Because.APP_REFUSED, "status 5, 0 files; because AppRefused"),
    ],
)
def test_a_recorder_keeps_its_phase_and_the_hold_is_told_beside(because: Because, message: str) -> None:
    status = status_of(entry(session(confirmed())), NOW, hold=hold(because), desired=WANTED)
    assert (status.phase, status.message) == ("Recording", message)


def test_what_is_desired_speaks_where_nothing_was_ever_started() -> None:
    status = status_of(Entry(KEY), NOW, desired=WANTED)
    assert (status.phase, status.channel, status.mode, status.app) == ("Pending", "standup", "mix", "default")
    assert (status.uid, status.revision, status.observed_revision) == (A.uid, REVISION, "")


def test_what_is_desired_knows_better_than_the_last_end() -> None:
    stopped = entry(session(STOPPED))
    assert status_of(stopped, NOW, desired=WANTED).phase == "Pending"
    assert status_of(stopped, NOW, desired=desired(suspend=True)).phase == "Suspended"
    assert status_of(stopped, NOW, desired=Unwanted("its manifest is gone")).phase == "Stopped"


def test_nothing_is_made_up_where_nothing_is_known() -> None:
    status = status_of(Entry(KEY), NOW)
    assert (status.channel, status.mode, status.app, status.uid) == (None, None, None, None)
    assert (status.next_check_at, status.control_expires_at, status.is_live) == (None, None, False)
    assert {condition.since for condition in status.conditions} == {None}


def test_uids_that_were_used_once_are_shown_before_the_next_start() -> None:
    assert status_of(entry(), NOW).uid == A.uid


def test_an_app_that_was_not_written_down_is_not_guessed() -> None:
    bare = replace(session(confirmed()), applied=Applied({}))
    assert status_of(entry(bare), NOW).app is None


def test_of_two_recorders_the_one_that_records_speaks() -> None:
    both = entry(session(confirmed()), session(accepted(50), number=2, slot=Slot.B))
    assert status_of(both, NOW).recorder == both.sessions[0]


def test_the_second_copy_speaks_only_where_it_is_alone() -> None:
    second = replace(session(confirmed(), number=2), slot=Slot.C, identity=Identity(APP, "standup", "3"))
    assert status_of(entry(session(accepted()), second), NOW).uid == A.uid
    assert status_of(entry(second), NOW).uid == "3"


CHECKS: list[tuple[str, Entry, float | None]] = [
    ("nothing runs and nothing waits: none", entry(), None),
    ("backoff: its end", entry(backoff=FUTURE), 150),
    ("backoff and retry: the later", entry(backoff=FUTURE, retry=replace(FUTURE, until=at(170))), 170),
    ("backoff is over: none", entry(backoff=PAST), None),
    ("died before the answer: at once", entry(session(intended(90))), 90),
    ("unsettled: after the retry delay", entry(session(intended(90, 99, tries=2))), 105),
    ("unsettled with a spent id: after the poll interval", entry(session(intended(90, 99, tries=1, spent=True))), 114),
    ("lost: a poll interval after the last probe", entry(session(held(since=10, probed_at=at(95)))), 110),
    ("lost and never probed: a poll interval later", entry(session(held(since=90))), 105),
    ("accepted: after the confirm delay", entry(session(accepted(98))), 103),
    ("confirmed: the poll interval", entry(session(confirmed(inquiry=seen(95)))), 110),
    ("stop not sent: at once", entry(session(stopping(99))), 99),
    ("stop unanswered: after the retry delay", entry(session(stopping(90, Inquiry(asked_at=at(99), tries=1)))), 102),
]


@pytest.mark.parametrize(("page", "moment"), [pytest.param(*row[1:], id=row[0]) for row in CHECKS])
def test_the_next_check_is(page: Entry, moment: float | None) -> None:
    assert status_of(page, NOW).next_check_at == (None if moment is None else at(moment))


READY: list[tuple[str, Status, str, str]] = [
    ("records as declared", status_of(entry(session(confirmed()), **RESTS), NOW), "True", "Confirmed"),
    ("records, revision unknown", status_of(entry(session(confirmed())), NOW), "True", "Confirmed"),
    (
        "records another revision",
        status_of(entry(session(confirmed()), revision="new"), NOW),
        "Unknown",
        "RevisionPending",
    ),
    ("missing", status_of(entry(session(confirmed(inquiry=doubted(10, 20)))), NOW), "Unknown", "Missing"),
    ("records, undeclared", status_of(entry(session(confirmed()), declared=False), NOW), "Unknown", "Unmanaged"),
    ("update refused", status_of(entry(session(confirmed()), refusal=REFUSED, **RESTS), NOW), "False", "UpdateRefused"),
    ("update retried", status_of(entry(session(confirmed()), retry=FUTURE), NOW), "False", "UpdateRetried"),
    ("starting", status_of(entry(session(accepted())), NOW), "False", "Starting"),
    ("start refused", status_of(entry(refusal=REFUSED, **RESTS), NOW), "False", "Refused"),
    ("backoff", status_of(entry(backoff=FUTURE), NOW), "False", "Backoff"),
    ("stopped as wanted", status_of(entry(session(STOPPED), declared=False), NOW), "True", "Stopped"),
    ("stopped, yet declared", status_of(entry(session(STOPPED)), NOW), "Unknown", "Stopped"),
    ("suspended", status_of(entry(session(SUSPENDED)), NOW), "True", "Suspended"),
    ("completed", status_of(entry(completed="restart is never"), NOW), "True", "Completed"),
    ("lost", status_of(entry(session(held())), NOW), "Unknown", "ControlLost"),
    ("decided: as declared", status_of(entry(), NOW, hold=hold(Because.CONVERGED)), "True", "Confirmed"),
    ("decided: stopped", status_of(entry(), NOW, hold=hold(Because.STOPPED)), "True", "Stopped"),
    ("decided: settling", status_of(entry(), NOW, hold=hold(Because.SETTLING)), "Unknown", "Settling"),
    ("decided: no room", status_of(entry(), NOW, hold=hold(Because.NO_ROOM)), "False", "NoRoom"),
    ("decided: waits for the next", status_of(entry(), NOW, hold=hold(Because.PENDING_NEXT)), "False", "PendingNext"),
]


@pytest.mark.parametrize(("status", "is_true", "reason"), [pytest.param(*row[1:], id=row[0]) for row in READY])
def test_ready_means_as_declared(status: Status, is_true: str, reason: str) -> None:
    ready = truth(status, "Ready")
    assert (ready.status, ready.reason) == (is_true, reason)


RECORDING: list[tuple[str, Any, str, str, float]] = [
    ("confirmed", confirmed(30), "True", "Confirmed", 30),
    ("adopted and not asked yet", confirmed(30, Inquiry()), "True", "Confirmed", 30),
    ("fallen back to status 3", confirmed(30, Inquiry(Seen(at(40), 3), at(40))), "False", "NotRecording", 30),
    ("not found for 20 s", confirmed(30, doubted(60, 80)), "Unknown", "Missing", 60),
    ("accepted", accepted(20), "Unknown", "Starting", 20),
    ("accepted and not found", accepted(20, doubted(40, 50)), "Unknown", "Starting", 40),
    ("unsettled", intended(10), "Unknown", "Starting", 10),
    ("lost", held(since=15), "Unknown", "ControlLost", 15),
    ("stopping", stopping(70), "Unknown", "Stopping", 70),
    ("ended", ended(since=80), "False", "Pending", 80),
]


@pytest.mark.parametrize(
    ("state", "is_true", "reason", "since"), [pytest.param(*row[1:], id=row[0]) for row in RECORDING]
)
def test_recording_is_what_was_answered_since_when(state: Any, is_true: str, reason: str, since: float) -> None:
    recording = truth(status_of(entry(session(state)), NOW), "Recording")
    assert (recording.status, recording.reason, recording.since) == (is_true, reason, at(since))


@pytest.mark.parametrize(
    ("control_for", "after", "expected"),
    [
        pytest.param("30d", 26.9 * 86400, ("False", "InControl", 0), id="30d: nothing to say before the last tenth"),
        pytest.param("30d", 27 * 86400, ("True", "Expiring", 27 * 86400), id="30d: the last three days"),
        pytest.param("2h", 3599, ("False", "InControl", 0), id="2h: nothing to say before the last hour"),
        pytest.param("2h", 3600, ("True", "Expiring", 3600), id="2h: the last hour"),
        pytest.param("1h", 1799, ("False", "InControl", 0), id="1h: never before half of it is over"),
        pytest.param("1h", 1800, ("True", "Expiring", 1800), id="1h: the last half"),
        pytest.param("1h", 3600, ("True", "Expired", 3600), id="1h: over"),
    ],
)
def test_control_expires(control_for: str, after: float, expected: tuple[str, str, float]) -> None:
    status = status_of(entry(session(confirmed(), controlFor=control_for)), at(after))
    expiring = truth(status, "ControlExpiring")
    assert (expiring.status, expiring.reason, expiring.since) == (*expected[:2], at(expected[2]))


def test_control_ends_its_length_after_the_intent() -> None:
    assert status_of(entry(session(confirmed(7), controlFor="2h")), NOW).control_expires_at == at(7200)


def test_control_that_was_not_written_down_is_the_longest() -> None:
    bare = replace(session(confirmed()), applied=Applied({}))
    assert status_of(entry(bare), NOW).control_expires_at == at(0) + timedelta(days=30)


@pytest.mark.parametrize(
    ("page", "is_true", "reason"),
    [
        pytest.param(entry(session(held("ControlExpired"))), "True", "ControlExpired", id="lost, and why"),
        pytest.param(entry(session(intended(held="ControlLost"))), "True", "ControlLost", id="lost while it is probed"),
        pytest.param(entry(session(intended())), "False", "Settling", id="not yet while a start is settled"),
        pytest.param(entry(session(confirmed())), "False", "InControl", id="not while it records"),
        pytest.param(entry(), "False", "NoRecorder", id="not where nothing runs"),
    ],
)
def test_control_is_lost(page: Entry, is_true: str, reason: str) -> None:
    lost = truth(status_of(page, NOW), "ControlLost")
    assert (lost.status, lost.reason) == (is_true, reason)


@pytest.mark.parametrize(
    ("status", "is_true", "reason", "since"),
    [
        pytest.param(status_of(entry(refusal=REFUSED, **RESTS), NOW), "True", "Refused", 20, id="a refused start"),
        pytest.param(
            status_of(entry(session(confirmed()), refusal=REFUSED, **RESTS), NOW),
            *("True", "Refused", 20),
            id="a refused update",
        ),
        pytest.param(
            status_of(entry(session(accepted(30)), refusal=REFUSED, **RESTS), NOW),
            *("False", "Progressing", 30),
            id="not while a start is under way again",
        ),
        pytest.param(
            status_of(entry(session(held("HeldByAnother"))), NOW), "True", "HeldByAnother", 0, id="held by another"
        ),
        pytest.param(
            status_of(entry(session(held())), NOW),
            "False",
            "Progressing",
            0,
            id="not when lost: it is probed, and ends",
        ),
        pytest.param(
            status_of(entry(session(ended())), NOW, hold=hold(Because.SECRET_MISSING)),
            *("True", "SecretMissing", 0),
            id="a secret is missing",
        ),
        pytest.param(
            status_of(entry(refusal=REFUSED, **RESTS), NOW, hold=hold(Because.REFUSED)),
            *("True", "Refused", 20),
            id="decided: refused",
        ),
    ],
)
def test_stalled_waits_for_a_person(status: Status, is_true: str, reason: str, since: float) -> None:
    stalled = truth(status, "Stalled")
    assert (stalled.status, stalled.reason, stalled.since) == (is_true, reason, at(since))


def test_orphaned_is_said_only_of_what_was_given_away() -> None:
    assert [one.type for one in status_of(entry(session(LEFT), completed="left"), NOW).conditions][-1] == "Orphaned"
    assert [one.type for one in status_of(entry(session(STOPPED)), NOW).conditions] == [
        "Ready",
        "Recording",
        "ControlExpiring",
        "ControlLost",
        "Stalled",
    ]


def test_the_same_situation_reads_the_same_later() -> None:
    page = entry(session(confirmed(30, seen(40))), **RESTS)
    assert status_of(page, at(50)).conditions == status_of(page, at(5000)).conditions


def test_a_change_that_asks_for_nothing_counts_as_observed_once_decided() -> None:
    page = entry(session(confirmed()), revision="new")
    assert status_of(page, NOW).observed_revision == REVISION
    assert status_of(page, NOW, hold=hold(Because.CONVERGED)).observed_revision == "new"


@pytest.mark.parametrize(
    ("state", "handle"),
    [
        (intended(), ("R1", "")),
        (held(), ("R1", "")),
        (replace(held(), resource_ids=(), sid="S9"), ("", "S9")),
        (accepted(), ("R1", "S1")),
        (ended(), ("R1", "S1")),
    ],
)
def test_a_session_shows_the_handle_it_has(state: Any, handle: tuple[str, str]) -> None:
    assert (resource_id_of(session(state)), sid_of(session(state))) == handle


def test_what_a_daemon_does_not_manage_says_so_whether_it_lives_or_not() -> None:
    unmanaged = "unmanaged: no accepted manifest has ever declared it"
    rest = Rest("Unmanaged", unmanaged, at(15), at(0))
    live = status_of(entry(session(confirmed(0, seen(60))), rest=rest), at(61))

    assert live.phase == "Recording"
    assert live.message == f"status 5, 0 files; {unmanaged}"
    assert live.next_check_at == at(75)
    assert status_of(entry(rest=rest), at(1)).message == unmanaged


def test_an_old_rest_does_not_say_when_a_live_recorder_is_asked_next() -> None:
    page = entry(session(confirmed(0, seen(600))), rest=Rest("Frozen", "frozen by alice", at(15), at(0)))

    assert status_of(page, at(601)).next_check_at == at(615)
