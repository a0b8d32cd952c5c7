"""What outcomes leave in the entry, where the stories of the world do not pass by."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from reconciler.errors import Problem
from reconciler.evidence import ControlExpired, Live, Missing, RecordedFile
from reconciler.model import (
    Accepted,
    Backoff,
    Confirmed,
    Ended,
    Handle,
    Held,
    Inquiry,
    Intended,
    Refusal,
    Seen,
    Stopping,
)
from reconciler.planning.absorb import absorb
from reconciler.planning.adopting import Adoption, adopt, hindrance
from reconciler.planning.backoff import after_end
from reconciler.planning.facts import forgotten
from reconciler.planning.history import recently_stopped
from reconciler.planning.inquiries import is_gone, with_lapses
from reconciler.planning.intents import declare, intend_probe
from reconciler.planning.outcomes import (
    AppRefused,
    NoRoom,
    NotStarted,
    Observed,
    Outcome,
    Started,
    StartHeld,
    StartRefused,
    StartUnknown,
    UpdateFailed,
)
from tests.planning.situations import (
    RULES,
    A,
    B,
    accepted,
    at,
    confirmed,
    desired,
    doubted,
    ended,
    entry,
    held,
    intended,
    session,
    stopping,
)

BAD = Problem("start", "task conflict", 400, 53)
LATE = Problem("start", "no answer within 30 s")


def test_s4_a_start_without_an_answer_stays_unsettled_under_its_own_uid_and_counts_its_tries() -> None:
    page = entry(session(intended(tries=1, dismissed="deleted")))

    written = absorb(page, StartUnknown(page.sessions[0], LATE, at(30), spent=True), RULES)

    [left] = written.entry.open_sessions
    assert left.identity == A
    assert left.state == Intended(
        ("R1",), at(0), at(30), tries=2, spent=True, problem="start: no answer within 30 s", dismissed="deleted"
    )
    assert [(event.kind, event.session) for event in written.events] == [("recording.unsettled", 1)]


@pytest.mark.parametrize(("tries", "events"), [(0, 1), (3, 1), (4, 0), (500, 0)])
def test_s22_a_start_that_is_asked_about_at_the_poll_interval_is_an_event_no_more(tries: int, events: int) -> None:
    page = entry(session(intended(tries=tries)))

    written = absorb(page, StartUnknown(page.sessions[0], LATE, at(30), spent=True), RULES)

    [left] = written.entry.open_sessions
    assert isinstance(left.state, Intended)
    assert (left.state.tries, left.state.problem) == (tries + 1, "start: no answer within 30 s")
    assert len(written.events) == events


@pytest.mark.parametrize("is_intended", [True, False], ids=["refused at start", "refused at acquire"])
@pytest.mark.parametrize(
    "made",
    [NotStarted, partial(StartRefused, revision="rev"), AppRefused],
    ids=["worth another try", "by the service", "S8: the whole app"],
)
def test_what_certainly_did_not_start_leaves_nothing_open(made: Callable[..., Outcome], *, is_intended: bool) -> None:
    page = entry(session(intended())) if is_intended else entry()
    outcome = made(session=page.sessions[0] if is_intended else None, problem=BAD, at=at(5))

    written = absorb(page, outcome, RULES)

    assert [one.state for one in written.entry.sessions] == [Ended(at(5), "never-started", str(BAD))] * is_intended
    assert written.entry.backoff is None, "nothing ran, so nothing ended"
    [event] = written.events
    assert (event.reason, event.session) == (str(BAD), 1 if is_intended else None)
    assert event.kind == ("recording.delayed" if isinstance(outcome, NotStarted) else "recording.refused")
    assert (written.entry.retry is not None) is isinstance(outcome, NotStarted)
    assert (written.entry.refusal is not None) is isinstance(outcome, StartRefused)


def test_a_refused_start_is_pointless_until_the_manifest_changes() -> None:
    written = absorb(entry(), StartRefused(None, "rev", BAD, at(5)), RULES)

    assert written.entry.refusal == Refusal("rev", str(BAD), at(5))


def test_each_start_that_did_not_happen_puts_the_next_one_off_for_longer() -> None:
    first = absorb(entry(), NotStarted(None, BAD, at(0)), RULES).entry
    second = absorb(first, NotStarted(None, BAD, at(60)), RULES).entry

    assert first.retry
    assert second.retry
    assert second.retry.until - at(60) > first.retry.until - at(0) > timedelta(0)


def test_a_dismissed_start_goes_straight_to_its_stop() -> None:
    page = entry(session(intended(dismissed="deleted")))

    written = absorb(page, Started(page.sessions[0], "R1", "S9", at(5)), RULES)

    [state] = [one.state for one in written.entry.open_sessions]
    assert state == Stopping("R1", "S9", at(5), "deleted")
    assert [event.kind for event in written.events] == ["recording.started", "recording.stopping"]


@pytest.mark.parametrize("state", [accepted, confirmed])
def test_a_clock_that_is_set_back_makes_no_grace_longer(state: Callable[..., Accepted | Confirmed]) -> None:
    """Else a recorder that has ended is waited for as long as the clock was ahead (S20)."""
    page = entry(session(state(3600, doubted(3610, 3610))))
    for moment in (0, 10, 90):
        page = absorb(page, Observed(page.sessions[0], Missing(at(moment))), RULES).entry

    assert is_gone(page.sessions[0], RULES)


def test_the_grace_counts_from_an_answer_to_a_question() -> None:
    """A 404 of before the end of the grace is none of after it, however long it was on its way (S9)."""
    page = entry(session(confirmed()))
    for answered, asked in ((0, 0), (92, 70)):
        page = absorb(page, Observed(page.sessions[0], Missing(at(answered), at(asked))), RULES).entry
    assert not is_gone(page.sessions[0], RULES)

    page = absorb(page, Observed(page.sessions[0], Missing(at(100), at(92))), RULES).entry
    assert is_gone(page.sessions[0], RULES)


@pytest.mark.parametrize("state", [accepted, confirmed, stopping])
def test_a_doubt_that_nobody_asks_about_lapses(state: Callable[..., Accepted | Confirmed | Stopping]) -> None:
    page = entry(session(state(0, doubted(10, 40, 3))))
    lapse = 40 + 90 + 15  # the grace and a poll interval

    assert with_lapses(page, RULES, at(lapse)) == page
    lapsed = with_lapses(page, RULES, at(lapse + 1))
    again = absorb(lapsed, Observed(lapsed.sessions[0], Missing(at(150))), RULES)

    assert not is_gone(again.entry.sessions[0], RULES)
    assert again.entry.sessions[0].state == state(0, doubted(150, 150))
    assert [event.kind for event in again.events] == ["recording.missing"]


@pytest.mark.parametrize("state", [accepted, confirmed, stopping])
def test_a_doubt_that_was_believable_stays_so(state: Callable[..., Accepted | Confirmed | Stopping]) -> None:
    page = entry(session(state(0, doubted(10, 100, 6))))

    assert with_lapses(page, RULES, at(10_000)) == page


def test_since_when_control_is_lost_outlives_every_probe() -> None:
    page = entry(session(held(since=3)))
    probing, asked = intend_probe(page, page.sessions[0], "R2", at(60))

    written = absorb(probing, StartHeld(asked, "ControlLost", BAD, at(61)), RULES)

    [state] = [one.state for one in written.entry.open_sessions]
    assert isinstance(state, Held)
    assert (state.since, state.probed_at) == (at(3), at(61))


@pytest.mark.parametrize(
    ("before", "kinds"), [("ControlLost", []), ("HeldByAnother", ["recording.held"]), (None, ["recording.held"])]
)
def test_s22_a_probe_that_finds_it_held_as_before_is_no_event(before: str | None, kinds: list[str]) -> None:
    page = entry(session(held(before) if before else intended()))
    probing, asked = intend_probe(page, page.sessions[0], "R2", at(60))

    written = absorb(probing, StartHeld(asked, "ControlLost", BAD, at(61)), RULES)

    assert [event.kind for event in written.events] == kinds


@pytest.mark.parametrize(
    ("problem", "kept"),
    [(BAD, ("R1",)), (Problem("start", "already started", 201, 7), ("R1", "R2"))],
    ids=["refused by 53: another one was started", "already started, without a sid: this one was"],
)
def test_only_resource_ids_that_the_recorder_may_have_been_started_with_are_kept(
    problem: Problem, kept: tuple[str, ...]
) -> None:
    page = entry(session(held()))
    probing, asked = intend_probe(page, page.sessions[0], "R2", at(60))

    written = absorb(probing, StartHeld(asked, "ControlLost", problem, at(61)), RULES)

    [state] = [one.state for one in written.entry.open_sessions]
    assert isinstance(state, Held)
    assert state.resource_ids == kept


def test_a_probe_of_an_unsettled_start_keeps_every_resource_id() -> None:
    page = entry(session(intended()))

    _, probing = intend_probe(page, page.sessions[0], "R2", at(400))

    assert isinstance(probing.state, Intended)
    assert probing.state.resource_ids == ("R1", "R2")


def test_control_that_expires_during_a_stop_is_still_to_be_stopped() -> None:
    page = entry(session(stopping()))

    written = absorb(page, Observed(page.sessions[0], ControlExpired(at(9))), RULES)

    [state] = [one.state for one in written.entry.open_sessions]
    assert isinstance(state, Held)
    assert (state.why, state.dismissed) == ("ControlExpired", "its manifest is gone")


def test_an_update_that_is_refused_is_kept_and_one_without_answer_is_paced() -> None:
    page = entry(session(confirmed()))
    failed = UpdateFailed(page.sessions[0], "rev", BAD, refused=True, at=at(1))

    refused = absorb(page, failed, RULES).entry
    delayed = absorb(page, UpdateFailed(page.sessions[0], "rev", BAD, refused=False, at=at(1)), RULES).entry

    assert refused.refusal is not None
    assert delayed.retry is not None
    assert delayed.retry.until == at(4)


@pytest.mark.parametrize(("failures", "events"), [(0, 1), (3, 1), (4, 0), (500, 0)])
def test_s22_what_is_tried_again_at_the_poll_interval_is_an_event_no_more(failures: int, events: int) -> None:
    retry = Backoff(failures, at(0), "no answer") if failures else None
    page = entry(session(confirmed()), retry=retry)
    outcomes: list[Outcome] = [
        NotStarted(None, LATE, at(1)),
        UpdateFailed(page.sessions[0], "rev", LATE, refused=False, at=at(1)),
    ]

    for outcome in outcomes:
        written = absorb(page, outcome, RULES)
        assert written.entry.retry is not None
        assert (written.entry.retry.failures, len(written.events)) == (failures + 1, events)


def test_no_room_changes_nothing_but_the_history() -> None:
    written = absorb(entry(), NoRoom(BAD, at(1)), RULES)

    assert written.entry == entry()
    assert [event.kind for event in written.events] == ["recording.delayed"]


def test_s10_backoff_is_forgotten_after_long_enough_of_status_5() -> None:
    kept = Backoff(4, at(0), "it keeps ending")
    page = entry(session(confirmed(0)), backoff=kept)

    soon = absorb(page, Observed(page.sessions[0], Live(at(599), 5)), RULES).entry
    later = absorb(page, Observed(page.sessions[0], Live(at(600), 5)), RULES).entry

    assert soon.backoff == kept
    assert later.backoff is None


def test_s6_a_failover_is_known_by_its_files_and_not_by_a_name_like_it() -> None:
    page = entry(session(confirmed()))

    def after(name: str) -> bool:
        live = Live(at(20), 5, (RecordedFile(name),))
        return absorb(page, Observed(page.sessions[0], live), RULES).entry.sessions[0].failed_over

    assert after("dir/bak0_S1_standup.m3u8")
    assert not after("bakery/S1_bakery.m3u8")


def test_starts_under_four_are_asked_again_with_growing_delays() -> None:
    page = entry(session(accepted()))

    page = absorb(page, Observed(page.sessions[0], Live(at(5), 2)), RULES).entry

    [state] = [one.state for one in page.open_sessions]
    assert isinstance(state, Accepted)
    assert state.inquiry == Inquiry(Seen(at(5), 2), at(5), 1)


def test_a_recording_that_keeps_ending_waits_longer_each_time_up_to_the_maximum() -> None:
    waits, kept = [], None
    for _ in range(9):
        kept = after_end(kept, "gone", RULES, at(0))
        waits.append((kept.until - at(0)).total_seconds())

    assert waits == [0, 10, 20, 40, 80, 160, 300, 300, 300]


def test_s5_our_own_stop_is_recent_for_a_while_and_under_its_own_identity_only() -> None:
    page = entry(session(ended("stopped", since=10)))

    assert recently_stopped(page, A, at(60), timedelta(seconds=60))
    assert not recently_stopped(page, A, at(71), timedelta(seconds=60))
    assert not recently_stopped(page, A, at(9), timedelta(seconds=60))
    assert not recently_stopped(page, B, at(60), timedelta(seconds=60))


class TestForgetting:
    def test_every_open_session_ends_and_its_handle_is_told(self) -> None:
        written = forgotten(entry(session(confirmed()), session(held(sid="S7"), number=2)), at(5))

        assert written.entry.open_sessions == ()
        assert not written.entry.declared
        assert ["sid S1" in written.events[0].message, "sid S7" in written.events[1].message] == [True, True]

    def test_an_unsettled_start_has_no_sid_to_tell(self) -> None:
        [event] = forgotten(entry(session(intended())), at(5)).events

        assert event.message.endswith("sid (none)")


class TestAdopting:
    HANDLE = Handle(A, "mix", "R7", "S7")
    LIVE = Adoption(HANDLE, "https://api.sd-rtn.com", Live(at(5), 5, (RecordedFile("S7_standup.m3u8"),)))

    def test_a_recorder_becomes_a_session_that_keeps_its_uid(self) -> None:
        written = adopt(entry(), self.LIVE, at(5))

        [ours] = written.entry.open_sessions
        assert isinstance(ours.state, Confirmed)
        assert ours.adopted
        assert (ours.identity, written.entry.next_number) == (A, 2)

    def test_one_that_does_not_record_yet_is_still_to_be_confirmed(self) -> None:
        young = Adoption(self.HANDLE, "https://api.sd-rtn.com", Live(at(5), 2))

        [ours] = adopt(entry(), young, at(5)).entry.open_sessions

        assert isinstance(ours.state, Accepted)

    def test_a_lost_sid_is_given_back_to_its_session(self) -> None:
        written = adopt(entry(session(held())), self.LIVE, at(5))

        [ours] = written.entry.open_sessions
        assert ours.number == 1
        assert isinstance(ours.state, Confirmed)

    def test_what_is_open_under_another_identity_hinders(self) -> None:
        elsewhere = Handle(B, "mix", "R7", "S7")

        assert hindrance(entry(), self.HANDLE, at(5)) == ""
        assert hindrance(entry(session(held())), self.HANDLE, at(5)) == ""
        assert hindrance(entry(session(replace(held(), resource_ids=()))), self.HANDLE, at(5)) == ""
        assert "is open already" in hindrance(entry(session(confirmed())), self.HANDLE, at(5))
        assert "is open already" in hindrance(entry(session(held())), elsewhere, at(5))

    @pytest.mark.parametrize(
        "state", [intended(tried_at=3), held(acquired_at=at(0)), accepted(unsettled=intended(tried_at=3))]
    )
    def test_another_start_that_may_be_on_its_way_hinders_until_it_cannot_be(self, state: Any) -> None:
        page = entry(session(state))

        assert "may still be on its way: import it after" in hindrance(page, self.HANDLE, at(299))
        assert hindrance(page, self.HANDLE, at(300)) == ""
        assert hindrance(page, replace(self.HANDLE, resource_id="R1"), at(299)) == ""

    def test_s23_the_manifest_counts_as_applied_but_for_layout_and_subscription(self) -> None:
        wanted = desired(layout={"type": "bestFit"})
        [ours] = declare(adopt(entry(), self.LIVE, at(5)).entry, wanted).open_sessions

        assert ours.applied.spec["layout"] is None
        assert ours.applied.spec["storage"] == wanted.wanted.spec["storage"]
        assert isinstance(ours.state, Confirmed)
