"""How a recorder ends that notices tell of: when that is believed, why it was, and what became of its files."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from reconciler.evidence import (
    Erred,
    Exited,
    FirstFiles,
    Left,
    Live,
    Meaning,
    Other,
    RecordedFile,
    RecorderStarted,
    Uploaded,
    WebStopped,
)
from reconciler.model import Ended, Inquiry
from reconciler.planning.absorb import absorb
from reconciler.planning.actions import Gone
from reconciler.planning.facts import learn
from reconciler.planning.history import recently_stopped
from reconciler.planning.noticing import note
from reconciler.planning.outcomes import Observed
from reconciler.planning.status import status_of
from tests.planning.notices import DETAILED, FILE, GONE, RECORDING, decided, ending_of, noted, notice, observed, only
from tests.planning.situations import (
    RULES,
    A,
    accepted,
    at,
    confirmed,
    desired,
    ended,
    entry,
    seen,
    session,
    stopping,
)


class TestAnExit:
    """S9: an exit with that sid, and a 404 answered after it, replace the grace."""

    @pytest.mark.parametrize("meaning", [Exited(normal=True), WebStopped(0)], ids=["11", "71"])
    def test_it_is_asked_at_once_and_the_first_404_is_believed(self, meaning: Meaning) -> None:
        page = noted(RECORDING, notice(meaning))

        assert decided(RECORDING, 60) == "hold Converged until 70"
        assert decided(page, 60) == "observe, doubted"
        assert decided(observed(page, 61, None), 61) == "learn Gone"

    @pytest.mark.parametrize("meaning", [Left(4), Uploaded("uploaded"), Uploaded("backuped"), Erred(5, 0, 110)])
    def test_what_only_tells_of_an_end_wakes_and_leaves_the_grace(self, meaning: Meaning) -> None:
        page = noted(RECORDING, notice(meaning))

        assert decided(page, 60) == "observe, doubted"
        page = observed(page, 61, None)
        assert decided(page, 61) == "hold Doubted until 64"
        assert decided(observed(page, 150, None), 150) == "hold Doubted until 151"
        assert decided(observed(page, 151, None), 151) == "learn Gone"

    @pytest.mark.parametrize("meaning", [Other(), FirstFiles((FILE,)), Erred(3, 1, 47), RecorderStarted()])
    def test_what_tells_of_no_end_does_not_wake(self, meaning: Meaning) -> None:
        assert decided(noted(RECORDING, notice(meaning)), 60) == "hold Converged until 70"

    def test_a_404_from_before_the_exit_is_not_enough(self) -> None:
        page = observed(entry(session(confirmed(0, seen(40)))), 59, None)

        page = noted(page, notice(Exited(normal=True)))

        assert decided(page, 60) == "observe, doubted"
        assert decided(observed(page, 61, None), 61) == "learn Gone"

    def test_an_exit_of_another_sid_is_nothing_to_it(self) -> None:
        page = noted(RECORDING, notice(Exited(normal=True), sid="S0"))

        assert page == RECORDING

    def test_while_it_leaves_it_is_asked_after_the_retry_delays(self) -> None:
        page = noted(RECORDING, notice(Exited(normal=True)))
        due = []
        for when, status in ((61, 6), (64, 7), (70, 7), (79, 6)):
            page = observed(page, when, status)
            due.append(decided(page, when))

        assert due == [f"hold Doubted until {when}" for when in (64, 70, 79, 94)]
        assert decided(observed(page, 94, None), 94) == "learn Gone"

    def test_an_answer_that_was_under_way_does_not_delay_the_next_question(self) -> None:
        page = noted(observed(RECORDING, 61, 5), notice(Exited(normal=True), 60))

        assert decided(page, 62) == "hold Doubted until 64"

    def test_one_that_goes_on_recording_outlives_the_notice(self) -> None:
        """A 404 long after it is a failover, not what the notice told."""
        page = noted(RECORDING, notice(Exited(normal=True)))
        for when in (61, 64, 70, 79):
            page = observed(page, when, 5)

        assert decided(page, 79) == "hold Converged until 94"
        page = observed(page, 94, None)
        assert decided(page, 94) == "hold Doubted until 97"
        assert ending_of(observed(page, 184, None), 184).how == "failed"

    def test_the_evidence_of_a_failover_is_no_cause_of_a_later_death(self) -> None:
        page = noted(RECORDING, notice(Left(2)))
        page = observed(observed(page, 61, None), 90, 5)

        assert only(page).ending is None

    def test_a_stop_of_ours_ends_at_the_first_404_after_it(self) -> None:
        page = entry(session(stopping(0, Inquiry(asked_at=at(55), tries=4))))
        assert decided(page, 60, GONE) == "hold Stopping until 70"

        page = noted(page, notice(Exited(normal=True)))

        assert decided(page, 60, GONE) == "Stop"
        page = observed(page, 61, None)
        assert decided(page, 61, GONE) == "learn Gone"
        assert ending_of(page, 61).how == "stopped"

    def test_a_start_that_died_is_believed_before_the_confirm_timeout(self) -> None:
        page = noted(entry(session(accepted())), notice(Erred(5, 0, 110), 2), notice(Exited(normal=False), 3))

        assert decided(page, 4) == "hold Confirming until 5"
        page = observed(page, 5, None)
        assert decided(page, 5) == "learn Gone"
        assert ending_of(page, 5).reason == (
            "it never came to record: the service does not know it; a webhook says why: the RTC token is wrong: "
            "it must be made for exactly this channel and uid (error 110 of the recorder)"
        )

    def test_a_notice_from_the_future_does_not_ask_for_ever(self) -> None:
        """S20: the clock was set back since it came."""
        page = noted(RECORDING, notice(Left(4), 3600))

        assert decided(page, 60) == "hold Converged until 70"

    def test_an_update_waits_until_it_is_known_to_live(self) -> None:
        page = noted(RECORDING, notice(Left(4)))

        assert decided(RECORDING, 60, desired(layout={"type": "bestFit"})) == "Update"
        assert decided(page, 60, desired(layout={"type": "bestFit"})) == "observe, doubted"

    def test_a_recording_that_is_said_to_be_over_says_so(self) -> None:
        page = observed(noted(RECORDING, notice(Exited(normal=True))), 61, 6)

        status = status_of(page, at(62), rules=RULES)

        assert status.message.startswith("status 6, 0 files; a webhook says that it has ended")
        assert status.next_check_at == at(64)


BAD_UPLOAD = "the upload failed: check that the keys may write to the bucket, and its region"
IDLE: list[tuple[str, Sequence[Meaning], str, str]] = [
    # A row is what was told, how the session ended, and why in words.
    ("11 with exitStatus 0: idle", [Exited(normal=True)], "idle", "it exited in good order"),
    ("11 with exitStatus 1: failed", [Exited(normal=False)], "failed", "it exited abnormally"),
    ("41 without users: idle", [Left(4), Exited(normal=True)], "idle", "nobody was in the channel"),
    ("41 without users, and nothing else came: idle", [Left(4)], "idle", "nobody was in the channel"),
    ("41 without users, and another bit: idle", [Left(20)], "idle", "nobody was in the channel"),
    (
        "41 by leaving the channel, though it exited in good order: a kick, or somebody's stop",
        [Left(16), Exited(normal=True)],
        "failed",
        "it left the channel, as after a kick or a stop from elsewhere",
    ),
    ("41 by a signal", [Left(2)], "failed", "its process was interrupted"),
    ("41 for no start", [Left(0), Exited(normal=False)], "failed", "it could not be initialised"),
    ("41 with code 8 is to be ignored", [Left(8), Exited(normal=True)], "idle", "it exited in good order"),
    ("41 with an unknown code", [Left(32)], "failed", "it left the channel: code 32"),
    ("71 with code 0: idle", [WebStopped(0)], "idle", "the page's recorder stopped in good order"),
    (
        "71 with code 1: its time was over",
        [WebStopped(1, "max_recording_hour")],
        "idle",
        "its longest duration is over (max_recording_hour)",
    ),
    (
        "71 with code 5, though 11 says normal",
        [WebStopped(5, "access_url_failed"), Exited(normal=True)],
        "failed",
        "the page cannot be reached (access_url_failed)",
    ),
    ("71 without a code", [WebStopped(None)], "failed", "the page's recorder stopped"),
    ("71 with an unknown code", [WebStopped(9)], "failed", "the page's recorder stopped"),
    (
        "1 with a bad token",
        [Erred(5, 0, 110), Exited(normal=False)],
        "failed",
        "the RTC token is wrong: it must be made for exactly this channel and uid (error 110 of the recorder)",
    ),
    (
        "1 with a token that has expired, though it left an empty channel",
        [Erred(5, 0, 109), Left(4), Exited(normal=True)],
        "failed",
        "the RTC token has expired (error 109 of the recorder)",
    ),
    (
        "1 with bad storage, twice",
        [Erred(5, 1, 47, "no such bucket"), Erred(5, 1, 47, "no such bucket"), Erred(5, 1, 32)],
        "failed",
        (
            "the storage is configured wrongly: check vendor, region, bucket and keys (error 32 of the uploader); "
            f"{BAD_UPLOAD} (error 47 of the uploader: no such bucket)"
        ),
    ),
    ("1 that is not known", [Erred(5, 9, 7, "boom")], "failed", "error 7 of the module 9: boom"),
    (
        "1 that is not fatal explains what nothing else does",
        [Erred(3, 1, 47)],
        "failed",
        f"{BAD_UPLOAD} (error 47 of the uploader)",
    ),
    ("1 that is not fatal, and an idle end", [Erred(3, 1, 47), Left(4)], "idle", "nobody was in the channel"),
    ("31 alone tells no cause", [Uploaded("uploaded")], "failed", ""),
]


@pytest.mark.parametrize(("meanings", "how", "why"), [row[1:] for row in IDLE], ids=[row[0] for row in IDLE])
def test_s10_how_it_ended_and_why(meanings: Sequence[Meaning], how: str, why: str) -> None:
    told_of = [notice(meaning, sequence=number) for number, meaning in enumerate(meanings)]
    page = observed(observed(noted(RECORDING, *told_of), 61, None), 151, None)

    state = ending_of(page, 151)

    assert (state.how, state.reason.partition("; a webhook says why: ")[2]) == (how, why)


def test_without_a_notice_it_has_failed_for_no_known_reason() -> None:
    state = ending_of(observed(observed(RECORDING, 61, None), 151, None), 151)

    assert (state.how, state.reason) == ("failed", "the recorder is gone: the service no longer knows it")


def test_the_newest_leave_counts_for_a_failover_leaves_too() -> None:
    early, late = notice(Left(2), 10, sequence=3), notice(Left(4), 60, sequence=9)

    for order in ((early, late), (late, early)):
        assert ending_of(observed(observed(noted(RECORDING, *order), 61, None), 151, None), 151).how == "idle"


def test_of_two_exits_the_worse_counts() -> None:
    normal, abnormal = notice(Exited(normal=True)), notice(Exited(normal=False))

    for order in ((normal, abnormal), (abnormal, normal)):
        assert ending_of(observed(noted(RECORDING, *order), 61, None), 61).how == "failed"


def test_what_is_stopped_by_us_is_stopped_whatever_its_exit_says() -> None:
    told_of = [notice(Left(16)), notice(Exited(normal=False))]
    page = observed(noted(entry(session(stopping(0))), *told_of), 61, None)

    assert (ending_of(page, 61).how, ending_of(page, 61).reason) == ("stopped", "its manifest is gone")


def test_what_is_stopped_for_it_never_recorded_has_failed_whatever_its_exit_says() -> None:
    page = entry(session(stopping(0, failed=True)))
    page = observed(noted(page, notice(Erred(5, 0, 110), 5), notice(Exited(normal=True))), 61, None)

    state = ending_of(page, 61)

    assert state.how == "failed"
    assert "the RTC token is wrong" in state.reason


def test_s10_an_idle_end_is_over_for_on_failure_and_starts_again_for_always() -> None:
    page = observed(noted(RECORDING, notice(Left(4)), notice(Exited(normal=True))), 61, None)
    page = learn(page, Gone(only(page)), at(61), RULES).entry

    assert decided(page, 62, desired(restart="onFailure")) == "learn Finished"
    assert decided(page, 62) == "hold Waiting until 91"  # so long two reads of the channel can tell who is there
    assert decided(page, 91) == "Start"


def test_s5_a_recorder_that_has_just_exited_may_still_hold_its_uid() -> None:
    """The exit is believed at once now; where there is one uid only, its next start is near."""
    page = entry(session(ended("idle", since=61)))

    assert recently_stopped(page, A, at(62), timedelta(seconds=60))


class TestFiles:
    def test_they_are_added_and_what_one_list_leaves_out_is_kept(self) -> None:
        page = observed(noted(RECORDING, notice(FirstFiles((DETAILED,)))), 70, 5)
        page = absorb(page, Observed(only(page), Live(at(80), 5, (FILE,))), RULES).entry
        page = noted(page, notice(Uploaded("uploaded", (FILE, RecordedFile("b.mp4"))), 90))

        assert only(page).files == (DETAILED, RecordedFile("b.mp4"))

    def test_they_and_the_upload_come_after_the_end_too(self) -> None:
        page = entry(session(replace(ended("stopped"), uploading_status="pending")))
        files = notice(Uploaded("backuped", (FILE,)), 300)

        written = note(page, files, at(300))

        [session_then] = written.entry.sessions
        assert session_then.files == (FILE,)
        assert session_then.state == replace(ended("stopped"), uploading_status="backuped")
        assert [(event.kind, event.reason) for event in written.events] == [("recording.uploaded", "backuped")]

    @pytest.mark.parametrize(
        ("known", "meanings", "status"),
        [
            (None, ["uploaded"], "uploaded"),
            ("unknown", ["uploaded"], "uploaded"),
            ("pending", ["backuped"], "backuped"),
            ("uploaded", ["backuped"], "uploaded"),
            ("backuped", ["uploaded"], "uploaded"),
            ("unknown", [], "unknown"),
            (None, ["uploaded", "backuped"], "uploaded"),
            (None, ["backuped", "uploaded"], "uploaded"),
        ],
    )
    def test_the_best_that_is_told_of_the_upload_counts(self, known: Any, meanings: list[Any], status: str) -> None:
        page = entry(session(replace(ended("stopped"), uploading_status=known)))

        page = noted(page, *(notice(Uploaded(meaning)) for meaning in meanings), notice(Exited(normal=True)))

        [last] = page.sessions
        assert isinstance(last.state, Ended)
        assert last.state.uploading_status == status

    def test_what_was_told_before_the_end_is_in_it(self) -> None:
        page = noted(RECORDING, notice(Uploaded("uploaded")), notice(Exited(normal=True)))

        assert ending_of(observed(page, 61, None), 61).uploading_status == "uploaded"

    def test_why_it_ended_may_be_told_afterwards_and_how_it_ended_stays(self) -> None:
        page = entry(session(ended("failed")))

        once = noted(page, notice(Left(16), 200), notice(Erred(5, 0, 109), 300))
        other = noted(page, notice(Erred(5, 0, 109), 300), notice(Left(16), 200), notice(Left(16), 200))

        [last] = once.sessions
        assert isinstance(last.state, Ended)
        assert (last.state.how, last.state.reason) == (
            "failed",
            "the recorder is gone; a webhook says why: the RTC token has expired (error 109 of the recorder)",
        )
        assert once == other

    def test_the_wake_of_our_own_stop_is_no_news(self) -> None:
        page = entry(session(ended("stopped")))

        for meaning in (Left(16), Exited(normal=True), Other()):
            assert note(page, notice(meaning), at(60)).events == ()
