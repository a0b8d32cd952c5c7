"""The table of situations: what the manifests want, what the ledger says, and the one action that follows."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.model import Backoff, Inquiry, Refusal, Seen, Slot
from reconciler.planning.actions import (
    Action,
    Because,
    Forget,
    Hold,
    Learn,
    NotOurs,
    Observe,
    Settle,
    Start,
    Stop,
    Update,
)
from reconciler.planning.decide import decide
from reconciler.planning.desired import Unwanted
from reconciler.planning.situation import Around, Gate
from tests.planning.situations import (
    RULES,
    STORAGE,
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
from tests.virtual_time import START

GONE = Unwanted("its manifest is gone")
BEST_FIT = desired(layout={"type": "bestFit"})
WEB: dict[str, Any] = {
    "mode": "web",
    "web": {"url": "https://example.com/board"},
    "video": {"width": 1280, "height": 720},
}


def told(action: Action) -> str:
    """Say an action as one line, as the tests compare it."""
    match action:
        case Start(slot=slot, reason=reason):
            return f"start {slot}: {reason}"
        case Settle(how=how, desired=wanted):
            return f"settle by {how}" + ("" if wanted else ", no longer declared")
        case Observe(urgency=urgency):
            return f"observe, {urgency}"
        case Update(consequence=consequence, reason=reason):
            return f"update {consequence}: {reason}"
        case Stop(reason=reason, failed=failed):
            return f"stop{' as failed' if failed else ''}: {reason}"
        case Learn(fact=fact):
            names: dict[type, str] = {NotOurs: "not ours"}
            return f"learn {names.get(type(fact), type(fact).__name__.lower())}"
        case Forget(reason=reason):
            return f"forget: {reason}"
        case Hold(until=until, because=because):
            return f"hold {because}" + (f" until {(until - START).total_seconds():g}" if until else "")


def backoff(until: float) -> Backoff:
    return Backoff(3, at(until), "it keeps ending")


TABLE: list[tuple[str, Any, Any, float, str]] = [
    # A row is a situation, what is desired, the entry, the moment, and the action that follows.
    ("nothing recorded yet: start in slot A", desired(), entry(), 0, "start A: no recording exists"),
    ("not wanted and nothing runs: rest", GONE, entry(), 0, "hold Stopped"),
    ("suspended and nothing runs: rest", desired(suspend=True), entry(), 0, "hold Suspended"),
    (
        "suspended while it records: stop",
        desired(suspend=True),
        entry(session(confirmed())),
        1,
        "stop: suspended by its manifest",
    ),
    ("no longer declared while it records: stop", GONE, entry(session(confirmed())), 1, "stop: its manifest is gone"),
    (
        "no longer declared, onRemoval leave: forget",
        GONE,
        entry(session(confirmed()), on_removal="leave"),
        1,
        "forget: its manifest is gone, and onRemoval is leave",
    ),
    (
        "suspended with onRemoval leave: stop all the same",
        desired(suspend=True, onRemoval="leave"),
        entry(session(confirmed()), on_removal="leave"),
        1,
        "stop: suspended by its manifest",
    ),
    # An unsettled start, S4:
    (
        "the process died after the intent: repeat the same start at once",
        desired(),
        entry(session(intended())),
        1,
        "settle by repeat",
    ),
    (
        "an unanswered start waits for its retry delay",
        desired(),
        entry(session(intended(tried_at=0, tries=1))),
        2,
        "hold Settling until 3",
    ),
    (
        "then the same start is repeated",
        desired(),
        entry(session(intended(tried_at=0, tries=1))),
        3,
        "settle by repeat",
    ),
    (
        "the third repetition waits nine seconds",
        desired(),
        entry(session(intended(tried_at=9, tries=3))),
        12,
        "hold Settling until 18",
    ),
    (
        "later repetitions come once per poll interval",
        desired(),
        entry(session(intended(tried_at=18, tries=4))),
        20,
        "hold Settling until 33",
    ),
    (
        "a resource id of five minutes is not repeated: probe with a fresh one",
        desired(),
        entry(session(intended(tried_at=280, tries=9))),
        300,
        "settle by probe",
    ),
    (
        "a probe comes at most once per poll interval",
        desired(),
        entry(session(intended(tried_at=295, tries=9))),
        300,
        "hold Settling until 310",
    ),
    (
        "a spent resource id is probed, too, once per poll interval",
        desired(),
        entry(session(intended(tried_at=0, tries=1, spent=True))),
        14,
        "hold Settling until 15",
    ),
    (
        "a spent resource id is probed",
        desired(),
        entry(session(intended(tried_at=0, tries=1, spent=True))),
        15,
        "settle by probe",
    ),
    (
        "a resource id of negative age is expired (S20)",
        desired(),
        entry(session(intended(since=60))),
        0,
        "settle by probe",
    ),
    (
        "a due time further off than its interval is due now (S20)",
        desired(),
        entry(session(intended(tried_at=1000, tries=1))),
        1,
        "settle by repeat",
    ),
    ("unsettled and no longer wanted: note the wish first", GONE, entry(session(intended())), 1, "learn dismissed"),
    (
        "unsettled and dismissed: settle it, to be able to stop it",
        GONE,
        entry(session(intended(dismissed="gone"))),
        1,
        "settle by repeat, no longer declared",
    ),
    (
        "unsettled, dismissed and wanted again: it is not to be stopped once it is found",
        desired(),
        entry(session(intended(dismissed="gone"))),
        1,
        "learn recalled",
    ),
    (
        "unsettled while another slot is free: never another slot",
        desired(),
        entry(session(intended(tried_at=0, tries=1))),
        2,
        "hold Settling until 3",
    ),
    (
        "unsettled and a secret is missing: hold, and say which",
        desired(missing=("storage.accessKey: not set",)),
        entry(session(intended())),
        1,
        "hold SecretMissing",
    ),
    # A recorder we cannot reach, S5:
    (
        "held: its fate is asked once per poll interval",
        desired(),
        entry(session(held(probed_at=at(0)))),
        5,
        "hold ControlLost until 15",
    ),
    ("held by another: say so", desired(), entry(session(held("HeldByAnother"))), 5, "hold ControlLost until 15"),
    ("control expired: say so", desired(), entry(session(held("ControlExpired"))), 5, "hold ControlLost until 15"),
    ("held: probe when due", desired(), entry(session(held(probed_at=at(0)))), 15, "settle by probe"),
    (
        "held, and a start with its newest resource id may be on its way: that one is repeated",
        desired(),
        entry(session(held(probed_at=at(0), acquired_at=at(-284)))),
        15,
        "settle by repeat",
    ),
    (
        "held, and none of its starts can be on its way any more: probe",
        desired(),
        entry(session(held(probed_at=at(0), acquired_at=at(-285)))),
        15,
        "settle by probe",
    ),
    (
        "held by another and not wanted, but a start of ours may be on its way: it is not let go",
        GONE,
        entry(session(held("HeldByAnother", acquired_at=at(0)))),
        1,
        "learn dismissed",
    ),
    ("held and no longer wanted: note the wish", GONE, entry(session(held())), 1, "learn dismissed"),
    (
        "held, dismissed: probe on, so that it can be stopped",
        GONE,
        entry(session(held(dismissed="gone"))),
        15,
        "settle by probe, no longer declared",
    ),
    (
        "held, dismissed and wanted again: a probe that starts it must not stop it",
        desired(),
        entry(session(held(dismissed="gone"))),
        15,
        "learn recalled",
    ),
    (
        "held by another and not wanted: let it go, it was never ours",
        GONE,
        entry(session(held("HeldByAnother"))),
        1,
        "learn not ours",
    ),
    ("held and a secret is missing: hold", desired(missing=("x",)), entry(session(held())), 60, "hold SecretMissing"),
    (
        "held after a failover: 53 is no fence, so it is asked only when it must have ended (S6)",
        desired(),
        entry(replace(session(held()), failed_over=True)),
        60,
        "hold ControlLost until 390",
    ),
    (
        "unsettled after a failover of an earlier one: no start of it is sent, not even the same again (S6)",
        desired(),
        entry(replace(session(replace(intended(tried_at=60, tries=1), resource_ids=("R1", "R2"))), failed_over=True)),
        70,
        "hold Settling until 450",
    ),
    (
        "held after a failover, and it must have ended: probe",
        desired(),
        entry(replace(session(held()), failed_over=True)),
        390,
        "settle by probe",
    ),
    (
        "a page held after a failover stays for its longest duration",
        desired(**WEB),
        entry(replace(session(held(), **WEB), failed_over=True)),
        60,
        "hold ControlLost until 2.59209e+06",
    ),
    # Confirming, S7:
    (
        "accepted: the first question comes after the confirm delay",
        desired(),
        entry(session(accepted())),
        1,
        "hold Confirming until 5",
    ),
    ("accepted: then it is asked, before any poll", desired(), entry(session(accepted())), 5, "observe, confirming"),
    (
        "status 2: asked again after the retry delay",
        desired(),
        entry(session(accepted(0, seen(5, 2, 1)))),
        7,
        "hold Confirming until 8",
    ),
    (
        "unanswered so far: unasked is unconfirmed, not failed",
        desired(),
        entry(session(accepted(0, Inquiry(asked_at=at(85), tries=2)))),
        300,
        "observe, confirming",
    ),
    (
        "404 soon after the start: not believed",
        desired(),
        entry(session(accepted(0, doubted(5, 5)))),
        6,
        "hold Confirming until 8",
    ),
    (
        "404 after the confirm timeout but within the grace: not believed",
        desired(),
        entry(session(accepted(0, doubted(60, 95, 9)))),
        96,
        "hold Confirming until 110",
    ),
    (
        "404 with the grace passed but asked before the confirm timeout: not believed",
        desired(),
        entry(session(accepted(10, doubted(5, 96, 9)))),
        97,
        "hold Confirming until 100",
    ),
    (
        "404 answered after grace and confirm timeout: gone",
        desired(),
        entry(session(accepted(0, doubted(5, 95, 9)))),
        95,
        "learn gone",
    ),
    (
        "status under 4 after the confirm timeout: stop it first",
        desired(),
        entry(session(accepted(0, seen(90, 3, 9)))),
        91,
        "stop as failed: it did not come to record within the confirm timeout",
    ),
    (
        "status under 4 before the confirm timeout: wait on",
        desired(),
        entry(session(accepted(0, seen(89, 3, 9)))),
        90,
        "hold Confirming until 104",
    ),
    ("accepted and no longer wanted: stop", GONE, entry(session(accepted())), 1, "stop: its manifest is gone"),
    (
        "accepted and changed beyond repair: stop at once",
        desired(mode="individual"),
        entry(session(accepted())),
        1,
        (
            "stop: cannot be changed in place: mode: mix → individual, video.bitrate: 500 → (none), "
            "video.fps: 15 → (none) and 2 more"
        ),
    ),
    (
        "accepted and changed, replace next: confirm on",
        desired(mode="individual", replace="next"),
        entry(session(accepted())),
        1,
        "hold Confirming until 5",
    ),
    # Recording:
    (
        "as declared: rest until the first poll, which a share of its own brings forward",
        desired(),
        entry(session(confirmed())),
        1,
        "hold Converged until 10.5",
    ),
    (
        "as declared: from then on polled at the interval",
        desired(),
        entry(session(confirmed(0, seen(11)))),
        12,
        "hold Converged until 26",
    ),
    (
        "as declared: on the next beat, so that several polls wake the process once",
        desired(),
        entry(session(confirmed(0, seen(11.01)))),
        20,
        "hold Converged until 26.5",
    ),
    (
        "as declared: a clock that was set back does not put the poll off",
        desired(),
        entry(session(confirmed(0, seen(11.01)))),
        11,
        "observe, due",
    ),
    ("as declared: asked once per poll interval", desired(), entry(session(confirmed())), 15, "observe, due"),
    (
        "no answer: asked again after the retry delay",
        desired(),
        entry(session(confirmed(0, Inquiry(Seen(at(0), 5), at(15), 1)))),
        16,
        "hold Unanswered until 18",
    ),
    (
        "no answer: and then before any poll",
        desired(),
        entry(session(confirmed(0, Inquiry(Seen(at(0), 5), at(15), 1)))),
        18,
        "observe, doubted",
    ),
    (
        "404: asked again after the retry delay, nothing else is done",
        desired(layout={"type": "bestFit"}),
        entry(session(confirmed(0, doubted(15, 15)))),
        16,
        "hold Doubted until 18",
    ),
    ("404: asked again when due", desired(), entry(session(confirmed(0, doubted(15, 15)))), 18, "observe, doubted"),
    (
        "404 for less than the grace: asked again at its end at the latest",
        desired(),
        entry(session(confirmed(0, doubted(15, 100, 9)))),
        101,
        "hold Doubted until 105",
    ),
    (
        "404 answered at the end of the grace: gone",
        desired(),
        entry(session(confirmed(0, doubted(15, 105, 9)))),
        105,
        "learn gone",
    ),
    (
        "404 long ago and not asked since: not gone",
        desired(),
        entry(session(confirmed(0, doubted(15, 15)))),
        9000,
        "observe, doubted",
    ),
    (
        "the layout differs: one update with the reason",
        desired(layout={"type": "bestFit"}),
        entry(session(confirmed())),
        1,
        "update layout: layout.type: floating → bestFit",
    ),
    (
        "subscription before layout",
        desired(layout={"type": "bestFit"}, capture={"subscribe": {"audio": ["7"]}}),
        entry(session(confirmed())),
        1,
        "update subscription: capture.subscribe.audio: all → [7]",
    ),
    (
        "the page is to pause",
        desired(**{**WEB, "web": {"url": "https://example.com/board", "paused": True}}),
        entry(session(confirmed(), **WEB)),
        1,
        "update web: web.paused: false → true",
    ),
    (
        "an update that was refused is not repeated for the same revision",
        desired(layout={"type": "bestFit"}),
        entry(
            session(confirmed()), refusal=Refusal(desired(layout={"type": "bestFit"}).revision, "bad", at(0), "update")
        ),
        1,
        "hold Refused until 10.5",
    ),
    (
        "an update that had no answer waits for its retry",
        desired(layout={"type": "bestFit"}),
        entry(session(confirmed()), retry=backoff(4)),
        1,
        "hold Backoff until 4",
    ),
    (
        "an update that had no answer is repeated when due",
        desired(layout={"type": "bestFit"}),
        entry(session(confirmed()), retry=backoff(4)),
        4,
        "update layout: layout.type: floating → bestFit",
    ),
    (
        "the bucket differs, replace gap: stop first",
        desired(files={"formats": ["hls", "mp4"]}, replace="gap"),
        entry(session(confirmed())),
        1,
        "stop: cannot be changed in place: files.formats: ['hls'] → ['hls', 'mp4']",
    ),
    (
        "replace next: the change waits for the next session",
        desired(files={"formats": ["hls", "mp4"]}, replace="next"),
        entry(session(confirmed())),
        1,
        "hold PendingNext until 10.5",
    ),
    (
        "replace next: what can be changed in place is changed",
        desired(files={"formats": ["hls", "mp4"]}, replace="next", layout={"type": "bestFit"}),
        entry(session(confirmed())),
        1,
        "update layout: layout.type: floating → bestFit",
    ),
    (
        "replace next: it is still polled",
        desired(files={"formats": ["hls", "mp4"]}, replace="next"),
        entry(session(confirmed())),
        15,
        "observe, due",
    ),
    (
        "another uid: replace",
        desired(uid=[5, 6]),
        entry(session(confirmed())),
        1,
        "stop: cannot be changed in place: uid: 2000000001 → 5 or 6",
    ),
    (
        "a uid of the same pair: nothing",
        desired(uid=[2000000001, 6]),
        entry(session(confirmed())),
        1,
        "hold Converged until 10.5",
    ),
    (
        "a secret is missing: the live one is left alone",
        desired(missing=("x",), mode="individual"),
        entry(session(confirmed())),
        1,
        "hold SecretMissing until 10.5",
    ),
    (
        "labels and the restart policy differ: nothing",
        desired(restart="never", priority=5, controlFor="48h"),
        entry(session(confirmed())),
        1,
        "hold Converged until 10.5",
    ),
    # Stopping, S12:
    ("a stop that was intended is sent", GONE, entry(session(stopping())), 0, "stop: its manifest is gone"),
    (
        "a stop without an answer is repeated after the retry delay",
        GONE,
        entry(session(stopping(0, Inquiry(asked_at=at(0), tries=1)))),
        2,
        "hold Stopping until 3",
    ),
    (
        "a stop without an answer is repeated also when the manifest is back",
        desired(),
        entry(session(stopping(0, Inquiry(asked_at=at(0), tries=1)))),
        3,
        "stop: its manifest is gone",
    ),
    (
        "a stop answered 404 within the grace is repeated",
        GONE,
        entry(session(stopping(0, doubted(0, 50, 4)))),
        80,
        "stop: its manifest is gone",
    ),
    (
        "a stop answered 404 after the grace: gone",
        GONE,
        entry(session(stopping(0, doubted(0, 90, 9)))),
        90,
        "learn gone",
    ),
    # Starting again:
    (
        "a recorder that died is started in the other slot",
        desired(),
        entry(session(ended())),
        1,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "and then in the first again",
        desired(),
        entry(session(ended(), slot=Slot.B)),
        1,
        "start A: the last one ended: the recorder is gone",
    ),
    (
        "what was forgotten may live: its own slot again, where the service refuses a second one",
        desired(),
        entry(session(ended("forgotten"))),
        1,
        "start A: the last one ended: the recorder is gone",
    ),
    (
        "what was forgotten under another uid: a slot of ours",
        desired(uid=5),
        entry(session(ended("forgotten"), slot=Slot.B)),
        1,
        "start A: the last one ended: the recorder is gone",
    ),
    (
        "one uid only: the same slot again",
        desired(uid=5),
        entry(session(ended(), uid=5)),
        1,
        "start A: the last one ended: the recorder is gone",
    ),
    ("it keeps ending: wait", desired(), entry(session(ended()), backoff=backoff(40)), 1, "hold Backoff until 40"),
    (
        "it kept ending, and an edit would have replaced it: start",
        desired(video={"width": 640, "height": 360, "fps": 15, "bitrate": 500}),
        entry(session(ended()), backoff=backoff(40)),
        1,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "it kept ending, and the keys of its storage are others: start",
        desired(storage={**STORAGE, "accessKey": {"env": "OTHER"}}),
        entry(session(ended()), backoff=backoff(40)),
        1,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "it keeps ending, and its layout is another: wait",
        desired(layout={"type": "vertical"}),
        entry(session(ended()), backoff=backoff(40)),
        1,
        "hold Backoff until 40",
    ),
    (
        "a backoff further off than its maximum is over (S20)",
        desired(),
        entry(session(ended()), backoff=backoff(9e6)),
        1,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "an acquire that had no answer waits for its retry",
        desired(),
        entry(retry=backoff(3)),
        1,
        "hold Backoff until 3",
    ),
    ("restart never: over", desired(restart="never"), entry(session(ended())), 1, "learn finished"),
    (
        "restart never, known: rest",
        desired(restart="never"),
        entry(session(ended()), completed="over"),
        1,
        "hold Completed",
    ),
    (
        "restart onFailure after a failure: start",
        desired(restart="onFailure"),
        entry(session(ended())),
        1,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "restart onFailure after an idle exit: over",
        desired(restart="onFailure"),
        entry(session(ended("idle"))),
        1,
        "learn finished",
    ),
    (
        "restart never, but we stopped it ourselves: start",
        desired(restart="never"),
        entry(session(ended("stopped"))),
        1,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "restart never, but an edit that would replace: start",
        desired(restart="never", mode="individual"),
        entry(session(ended()), completed="over"),
        1,
        "start B: the last one ended: the recorder is gone",
    ),
    (
        "refused for this revision: rest until it changes",
        desired(),
        entry(refusal=Refusal(desired().revision, "bad", at(0))),
        1,
        "hold Refused",
    ),
    (
        "refused for another revision: start",
        desired(),
        entry(refusal=Refusal("other", "bad", at(0))),
        1,
        "start A: no recording exists",
    ),
    ("a secret is missing: not started", desired(missing=("x",)), entry(), 1, "hold SecretMissing"),
    (
        "two copies are declared: the first is started",
        desired(not_acted_on=("copies: …",)),
        entry(),
        1,
        "start A: no recording exists",
    ),
]


@pytest.mark.parametrize(
    ("wanted", "page", "now", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_situation(wanted: Any, page: Any, now: float, expected: str) -> None:
    assert told(decide(wanted, page, at(now), RULES)) == expected


def test_a_refused_app_stops_every_call_of_its_recordings() -> None:
    around = Around(Gate(refused="401: Invalid authentication credentials"))

    for page in (entry(), entry(session(intended())), entry(session(confirmed())), entry(session(stopping()))):
        action = decide(desired(), page, at(100), RULES, around)
        assert told(action) == "hold AppRefused"


def test_no_room_holds_starts_only_and_until_then_only() -> None:
    around = Around(Gate(full_until=at(10)))

    assert told(decide(desired(), entry(), at(1), RULES, around)) == "hold NoRoom until 10"
    assert told(decide(desired(), entry(), at(10), RULES, around)) == "start A: no recording exists"
    assert told(decide(GONE, entry(session(confirmed())), at(1), RULES, around)) == "stop: its manifest is gone"


def test_a_hold_that_waits_ends_in_the_future() -> None:
    for _, wanted, page, now, _ in TABLE:
        action = decide(wanted, page, at(now), RULES)
        if isinstance(action, Hold) and action.until is not None:
            assert action.until > at(now)


def test_unknown_reasons_say_what_is_to_be_done() -> None:
    words = {
        why: decide(desired(), entry(session(held(why))), at(1), RULES)
        for why in ("ControlLost", "HeldByAnother", "ControlExpired")
    }

    for action in words.values():
        assert isinstance(action, Hold)
        assert action.because is Because.CONTROL_LOST
        assert action.until == at(15)
    assert "import" in str(words["ControlLost"])
    assert "not ours" in str(words["HeldByAnother"])
    assert "expired" in str(words["ControlExpired"])
    assert timedelta(0) < RULES.poll_interval
