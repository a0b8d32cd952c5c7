"""What notices change in the entry, and what is decided then: they wake, explain, and give a lost sid back."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.agora.notices import read_notice
from reconciler.evidence import FailedOver, FirstFiles, Meaning, Notice, Other, RecordedFile, RecorderStarted, Uploaded
from reconciler.model import Accepted, Ended, Entry, Intended, SessionState, Slot, Stopping
from reconciler.planning.actions import Dismissed, Gone, Hold, Learn, Observe, Start, Stop
from reconciler.planning.decide import decide
from reconciler.planning.facts import learn
from reconciler.planning.inquiries import next_inquiry
from reconciler.planning.noticing import concerns, note
from tests.ledger.pages import anything
from tests.planning.notices import (
    GONE,
    RECORDING,
    WANTED,
    WEB,
    decided,
    noted,
    notice,
    observed,
    only,
)
from tests.planning.situations import (
    RULES,
    A,
    B,
    accepted,
    at,
    confirmed,
    doubted,
    ended,
    entry,
    held,
    intended,
    seen,
    session,
    stopping,
)
from tests.simulator.driver import HLS_MP4, T0, Driver, driver, recording, web
from tests.virtual_time import START


class TestAFailover:
    """S6, S11: the recorder goes on under a random uid, and 53 is no fence any more."""

    def test_it_is_known_by_12_with_the_uid_it_has_now(self) -> None:
        page = noted(RECORDING, notice(FailedOver("555"), uid="555"))

        assert (only(page).failed_over, only(page).joined_as) == (True, ("555",))
        assert decided(page, 60) == "observe, doubted"

    def test_every_later_notice_tells_of_it_too(self) -> None:
        page = noted(RECORDING, notice(Other(), uid="555"))

        assert (only(page).failed_over, only(page).joined_as) == (True, ("555",))

    def test_a_file_with_its_prefix_tells_of_it_too(self) -> None:
        page = noted(RECORDING, notice(FirstFiles((RecordedFile("dir/bak0_S1_standup.m3u8"),))))

        assert only(page).failed_over

    def test_a_page_has_no_uid_in_a_channel(self) -> None:
        page = noted(entry(session(confirmed(), **WEB)), notice(Other(), uid="555"))

        assert (only(page).failed_over, only(page).joined_as) == (False, ())

    def test_that_nothing_is_said_of_a_uid_says_nothing(self) -> None:
        assert not only(noted(RECORDING, notice(Other(), uid=""))).failed_over

    def test_it_is_told_once(self) -> None:
        first = note(RECORDING, notice(FailedOver("555"), uid="555"), at(60))
        again = note(first.entry, notice(FailedOver("555"), uid="555"), at(60))

        assert [event.kind for event in first.events] == ["recording.failed-over"]
        assert again.events == ()

    def test_of_a_start_without_an_answer_it_is_known_by_the_channel(self) -> None:
        """The hole between a lost answer and the first query: a probe would start a second recorder."""
        page = noted(entry(session(intended(tried_at=9, tries=3))), notice(FailedOver("555"), uid="555", sid="S9"))

        state = only(page).state
        assert isinstance(state, Accepted)
        assert (state.sid, only(page).failed_over) == ("S9", True)

    def test_and_where_that_was_another_recorder_only_the_next_probe_is_late(self) -> None:
        page = noted(entry(session(intended(tried_at=9, tries=3))), notice(FailedOver("555"), uid="555", sid="S9"))
        page = observed(observed(page, 65, None), 155, None)
        page = learn(page, Gone(only(page)), at(155), RULES).entry

        assert isinstance(only(page).state, Intended)
        assert decided(page, 300) == "hold Settling until 545"  # maxIdle 300 and the grace after 155
        assert decided(page, 545) == "settle by probe"

    def test_a_start_that_failed_over_may_still_be_repeated_but_not_probed(self) -> None:
        failed_over = replace(session(intended(tried_at=100, tries=3)), failed_over=True)

        assert decided(entry(failed_over), 109) == "settle by repeat"
        assert decided(entry(failed_over), 300) == "hold Settling until 490"

    def test_the_answer_of_a_process_that_died_counts_from_its_intent(self) -> None:
        failed_over = replace(session(intended(spent=True)), failed_over=True)

        assert decided(entry(failed_over), 1) == "hold Settling until 390"

    def test_a_notice_is_a_sign_of_life_of_what_is_held(self) -> None:
        state = held("ControlExpired", sid="S1", probed_at=at(0))
        page = noted(entry(replace(session(state), failed_over=True)), notice(Other(), 200, uid="555"))

        assert decided(page, 400) == "hold ControlLost until 590"

    @pytest.mark.parametrize(
        ("state", "uid"),
        [(held("HeldByAnother"), "555"), (intended(), B.uid), (confirmed(), "555"), (held("ControlExpired"), "555")],
        ids=["held by another", "of our other slot", "not lost", "control is over"],
    )
    def test_whom_an_unknown_failover_does_not_concern(self, state: Any, uid: str) -> None:
        assert concerns(entry(session(state)), notice(FailedOver(uid), uid=uid, sid="S9")) is None

    def test_of_a_page_the_uid_stays_and_is_asked_for(self) -> None:
        page = entry(session(intended(), **WEB))

        assert concerns(page, notice(FailedOver("555"), uid="555", sid="S9")) is None


@pytest.mark.parametrize("recorders", [2, 60])
def test_a_late_notice_of_an_older_recorder_under_the_same_uid_is_not_about_the_new_start(recorders: int) -> None:
    """Its upload may end long after others came and went; to take it for ours costs the confirm timeout."""
    page = entry()
    for number in range(1, recorders + 1):
        slot, sid = (Slot.B if number % 2 == 0 else Slot.A), f"S{number}"
        page = page.with_session(session(replace(confirmed(), sid=sid), slot=slot, number=number))
        page = page.with_session(session(replace(ended(), sid=sid), slot=slot, number=number))
    page = page.with_session(session(intended(), number=recorders + 1))

    assert noted(page, notice(Uploaded("uploaded"), sid="S1")) == page
    ours = noted(page, notice(Uploaded("uploaded"), sid=f"S{recorders + 1}"))
    assert isinstance(ours.sessions[-1].state, Accepted)


def test_the_newest_ended_session_is_found_by_its_sid() -> None:
    page = entry(session(ended()), session(intended(), number=2))
    found = concerns(page, notice(Uploaded("uploaded")))

    assert found is not None
    assert found.number == 1


class TestPolling:
    """interface.md 3: relaxed while notices arrive, back to normal after a gap in their sequence."""

    @staticmethod
    def asked_next(*sequences: int | None, heard_at: float = 55) -> float:
        page = noted(RECORDING, *(notice(Other(), heard_at, sequence=sequence) for sequence in sequences))
        return (next_inquiry(only(page), RULES, at(60)) - START).total_seconds()

    def test_a_stream_without_a_gap_relaxes_it(self) -> None:
        assert self.asked_next(7, 8) == 55 + 45
        assert self.asked_next(8, 7) == 55 + 45
        assert self.asked_next(7, 8, 8) == 55 + 45

    @pytest.mark.parametrize(
        "sequences", [(), (7,), (7, 9), (None, None), (0, 40)], ids=["none", "one", "a gap", "unnumbered", "a wide gap"]
    )
    def test_anything_less_does_not(self, sequences: tuple[int | None, ...]) -> None:
        assert self.asked_next(*sequences) == 55 + 15

    def test_a_gap_that_is_filled_is_none(self) -> None:
        assert self.asked_next(7, 9, 8) == 55 + 45

    def test_an_old_gap_is_forgotten_after_enough_in_order(self) -> None:
        assert self.asked_next(1, *range(3, 18)) == 55 + 15
        assert self.asked_next(1, *range(3, 19)) == 55 + 45

    @pytest.mark.parametrize(("heard_at", "asked_at"), [(-100, 80), (-150, 70), (-1000, 70)])
    def test_it_lasts_as_long_as_they_come(self, heard_at: float, asked_at: float) -> None:
        """A quiet healthy recorder may say nothing for hours: silence is no reason to relax."""
        assert self.asked_next(7, 8, heard_at=heard_at) == asked_at

    def test_what_is_doubted_is_not_relaxed(self) -> None:
        page = observed(noted(RECORDING, notice(Other(), sequence=7), notice(Other(), sequence=8)), 61, None)

        assert decided(page, 61) == "hold Doubted until 64"

    def test_a_start_that_said_that_it_began_is_asked_again_at_once(self) -> None:
        page = entry(session(accepted(0, seen(5, 2, 3))))
        assert decided(page, 6) == "hold Confirming until 14"

        assert decided(noted(page, notice(RecorderStarted(), 6)), 6) == "observe, confirming"


# -- what holds for all of them, with the notices of simulated recorders


def idle_exit(service: Driver) -> str:
    handle = service.record(recording(maxIdleTime=30))
    service.after(30).leave()
    service.after(60).live()
    return handle.sid


def bad_token(service: Driver) -> str:
    handle = service.record({**recording(), "token": "bad"})
    service.after(30).live()
    return handle.sid


def stopped(service: Driver) -> str:
    handle = service.record(recording(files=HLS_MP4))
    service.after(60).stop(handle)
    service.after(30).live()
    return handle.sid


def page_over(service: Driver) -> str:
    handle = service.record(web(maxRecordingHour=1), "web")
    service.after(3700).live()
    return handle.sid


def failover(service: Driver) -> str:
    handle = service.record(recording())
    service.after(30).world.fail_over(service.now, handle.sid, 20)
    service.after(60).world.kill(service.now, handle.sid)
    service.after(10).live()
    return handle.sid


STORIES = [idle_exit, bad_token, stopped, page_over, failover]


@cache
def heard_of(story: Any) -> tuple[str, list[Notice]]:
    """Play a story in the simulator, and read what it sends."""
    service = driver(bad_tokens=frozenset({"bad"}))
    sid = story(service)
    read = []
    for sent in service.world.notices:
        body = json.dumps(sent.envelope() | {"payload": {**sent.payload, "cname": "standup"}}).encode()
        received = at(sent.at - T0 + 0.3)
        arrival = read_notice(body.replace(b'"900001"', f'"{A.uid}"'.encode()), received)
        assert isinstance(arrival, Notice)
        read.append(replace(arrival, sent_at=received))
    assert len(read) >= 2
    return sid, read


def unordered(page: Entry) -> Entry:
    """The order in which files were listed is no fact."""
    sessions = tuple(replace(one, files=tuple(sorted(one.files, key=lambda file: file.name))) for one in page.sessions)
    return replace(page, sessions=sessions)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
@pytest.mark.parametrize("state", ["confirmed", "accepted", "stopping", "ended", "intended", "held"])
@given(data=st.data())
def test_in_any_order_and_however_often_they_come_to_the_same(story: Any, state: str, data: st.DataObject) -> None:
    sid, notices = heard_of(story)
    if story is failover and state in ("intended", "held"):
        notices = [
            one for one in notices if one.uid == A.uid
        ]  # of a recorder without a sid only 12 is known by channel
    states: dict[str, SessionState] = {
        "confirmed": replace(confirmed(), sid=sid),
        "accepted": replace(accepted(), sid=sid),
        "stopping": replace(stopping(), sid=sid),
        "ended": replace(ended(), sid=sid),
        "intended": intended(),
        "held": replace(held(), resource_ids=("R1", "R2")),
    }
    page = entry(session(states[state], **(WEB if story is page_over else {})))
    more = data.draw(st.lists(st.sampled_from(notices), max_size=4))
    shuffled = data.draw(st.permutations([*notices, *more]))

    def folded(order: Sequence[Notice]) -> tuple[Entry, list[tuple[str, str]]]:
        entry_then, events = page, []
        for one in order:
            written = note(entry_then, one, at(5000))
            entry_then = written.entry
            events += [(event.kind, event.reason) for event in written.events]
        return unordered(entry_then), sorted(events)

    then, events = folded(notices)
    assert then != unordered(page)
    assert folded(shuffled)[0] == then
    assert set(folded(shuffled)[1]) == set(events)
    assert folded([*notices, *notices]) == (then, events)


_STATES = st.sampled_from([
    intended(), intended(tried_at=9, tries=3), held(), held("HeldByAnother"), held("ControlExpired", sid="S1"),
    accepted(), accepted(0, doubted(5, 50)), confirmed(), confirmed(0, doubted(30, 50)), stopping(),
    stopping(0, doubted(30, 50)), ended("failed"), ended("stopped"),
])  # fmt: skip


_NOTICES = st.builds(
    Notice,
    notice_id=st.just("N"),
    sid=st.sampled_from(["S1", "S9"]),
    channel=st.sampled_from(["standup", "retro", ""]),
    uid=st.sampled_from([A.uid, B.uid, "555", ""]),
    sequence=st.none() | st.integers(0, 50),
    event_type=st.just(0),
    sent_at=st.integers(-100, 60).map(at),
    received_at=st.integers(51, 60).map(at),  # since the last answer
    meaning=anything(Meaning),
)


@given(_STATES, st.lists(_NOTICES, max_size=6), st.sampled_from([WANTED, GONE]))
def test_no_notice_ends_or_starts_anything_by_itself(state: Any, notices: list[Notice], desired_then: Any) -> None:
    """Whatever is told, forged or stale: what is decided then is to ask, to wait, or what was due without it."""
    page = entry(session(state))
    before = decide(desired_then, page, at(60), RULES)

    for one in notices:
        page = note(page, one, at(60)).entry

    after = decide(desired_then, page, at(60), RULES)
    assert [one.is_open for one in page.sessions] == [not isinstance(state, Ended)]
    repeated = isinstance(after, Stop) and isinstance(state, Stopping)
    assert isinstance(after, Observe | Hold) or type(after) is type(before) or repeated
    assert not isinstance(after, Start) or isinstance(before, Start)
    if isinstance(after, Learn):
        assert type(after.fact) in (Dismissed, *([type(before.fact)] if isinstance(before, Learn) else []))
