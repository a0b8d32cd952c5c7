"""A sid that a notice gives back: it is tried, and believed when a query has found it (S5)."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.errors import Problem
from reconciler.evidence import ControlExpired, Exited, Heard, Left, Live, Meaning, Notice, Other, RecorderStarted
from reconciler.model import Accepted, Confirmed, Handle, Held, Intended, Stopping
from reconciler.planning.absorb import absorb
from reconciler.planning.actions import Dismissed, Gone, Hold, Recalled
from reconciler.planning.adopting import Adoption, adopt, hindrance
from reconciler.planning.decide import decide
from reconciler.planning.facts import learn
from reconciler.planning.intents import intend_probe
from reconciler.planning.noticing import concerns, note
from reconciler.planning.outcomes import Observed, Started, StartHeld, Unanswered
from reconciler.planning.status import status_of
from tests.planning.notices import GONE, WANTED, decided, noted, notice, observed, only
from tests.planning.situations import (
    RULES,
    A,
    B,
    at,
    desired,
    doubted,
    entry,
    held,
    intended,
    session,
)

LOST: list[tuple[str, Any]] = [
    ("the process died after the intent", intended()),
    ("the answer was lost", intended(tried_at=9, tries=3)),
    ("a probe is under way", intended(tried_at=9, tries=1, held="ControlLost", held_since=at(1))),
    ("201 came without a sid", held(probed_at=at(9))),
]


class TestALostSid:
    """S5: it comes from a webhook that names channel and uid, and is believed when a query has found it."""

    @pytest.mark.parametrize("state", [row[1] for row in LOST], ids=[row[0] for row in LOST])
    @pytest.mark.parametrize("meaning", [RecorderStarted(), Other(), Left(4)], ids=["40", "33", "41"])
    def test_it_is_given_back_by_any_notice(self, state: Any, meaning: Meaning) -> None:
        written = note(entry(session(state)), notice(meaning, sid="S9"), at(60))

        [found] = written.entry.open_sessions
        assert isinstance(found.state, Accepted)
        assert (found.state.resource_id, found.state.sid) == ("R1", "S9")
        assert [event.kind for event in written.events] == ["recording.named"]
        assert decided(written.entry, 65) == "observe, confirming"
        confirmed_then = observed(written.entry, 65, 5)
        assert isinstance(only(confirmed_then).state, Confirmed)
        assert decided(confirmed_then, 65) == "hold Converged until 75.5"

    @pytest.mark.parametrize(
        "stranger",
        [
            notice(RecorderStarted(), uid=B.uid, sid="S9"),
            notice(RecorderStarted(), sid="S9", channel="retro"),
            notice(RecorderStarted(), sid="S9", channel=""),
            notice(RecorderStarted(), sid="S9", uid=""),
            notice(RecorderStarted(), sid="S9", sent_at=at(-61)),
        ],
        ids=["another uid", "another channel", "no channel", "no uid", "of a recorder before ours"],
    )
    def test_a_notice_that_does_not_fit_gives_nothing_back(self, stranger: Notice) -> None:
        page = entry(session(intended()))

        assert note(page, stranger, at(60)).entry == page

    def test_the_clocks_may_differ_a_little(self) -> None:
        page = entry(session(intended()))

        assert concerns(page, notice(RecorderStarted(), sid="S9", sent_at=at(-59))) is not None

    def test_each_resource_id_is_tried_before_anything_is_doubted(self) -> None:
        page = noted(entry(session(replace(held(), resource_ids=("R1", "R2", "R3")))), notice(Other(), sid="S9"))
        asked = []
        for _ in range(3):
            state = only(page).state
            assert isinstance(state, Accepted)
            asked.append((state.resource_id, decided(page, 65)))
            assert not isinstance(state.inquiry.sighting, type(doubted(0, 0).sighting))
            page = observed(page, 65, None)

        assert asked == [(name, "observe, confirming") for name in ("R1", "R2", "R3")]
        assert decided(page, 65) == "hold Confirming until 68"

    def test_after_a_round_the_first_is_asked_again_for_a_failover_may_hide_it(self) -> None:
        page = noted(entry(session(replace(held(), resource_ids=("R1", "R2")))), notice(Other(), sid="S9"))
        page = observed(observed(page, 65, None), 65, None)
        page = observed(page, 68, None)
        assert decided(page, 68) == "observe, confirming"  # the second again, and it is that one
        page = observed(page, 68, 4)

        state = only(page).state
        assert isinstance(state, Confirmed)
        assert (state.resource_id, state.sid) == ("R2", "S9")

    @pytest.mark.parametrize(
        "state", [intended(60, 63, tries=1), held(acquired_at=at(60), probed_at=at(63))], ids=["intended", "held"]
    )
    def test_while_another_start_may_be_on_its_way_the_recorder_keeps_its_uid_from_it(self, state: Any) -> None:
        """Seed 31482: what was stopped at once let a start through that had been on its way for 53 seconds."""
        page = noted(entry(session(replace(state, resource_ids=("R1", "R2")))), notice(Other(), 64, sid="S9"))
        page = observed(page, 65, 5)
        waiting = only(page).state
        assert isinstance(waiting, Accepted)
        assert waiting.unsettled is not None

        assert decided(page, 70) == "hold Confirming until 80"
        assert decided(page, 70, GONE) == "learn Dismissed"
        later = observed(page, 350, 5)
        assert decided(later, 351) == "hold Confirming until 360"  # when no start with R2 can begin anything any more
        assert decided(later, 360) == "observe, confirming"
        silent = absorb(later, Unanswered(only(later), Problem("query", "no answer"), at(361)), RULES).entry
        assert decided(silent, 361) == "hold Confirming until 364"
        assert isinstance(only(observed(later, 361, 5)).state, Confirmed)
        words = status_of(later, at(351), rules=RULES).message
        assert words == "it lives, and keeps its uid from another start of it that may still be on its way"

    def test_and_where_it_ends_meanwhile_the_other_start_is_what_is_left(self) -> None:
        lost = replace(intended(60, 63, tries=1), resource_ids=("R1", "R2"))
        page = noted(entry(session(lost)), notice(Other(), 64, sid="S9"))
        page = observed(page, 65, 5)
        page = noted(page, notice(Exited(normal=True), 100, sid="S9"))
        page = observed(observed(page, 100, None), 100, None)  # neither with R1 nor with R2
        assert decided(page, 100) == "learn Gone"

        back = learn(page, Gone(only(page)), at(100), RULES).entry

        left = only(back).state
        assert isinstance(left, Intended)
        assert left == replace(lost, tried_at=at(100), tries=0, problem=left.problem)
        assert decided(back, 115) == "settle by repeat"

    @pytest.mark.parametrize(
        ("state", "why"),
        [
            (intended(60, 63, tries=1), "it is the newest that it was started with"),
            (intended(60, 63, tries=1, spent=True), "the newest was refused"),
            (intended(-300, 63, tries=1), "the newest is too old"),
            (intended(70, 63, tries=1), "the clock was set back"),
            (held(probed_at=at(63)), "the newest was refused before"),
        ],
        ids=lambda one: one if isinstance(one, str) else "",
    )
    def test_a_start_that_cannot_come_any_more_puts_nothing_off(self, state: Any, why: str) -> None:
        ids = ("R2", "R1") if why.startswith("it is the newest") else ("R1", "R2")
        page = noted(entry(session(replace(state, resource_ids=ids))), notice(Other(), 64, sid="S9"))
        if ids[0] != "R1":
            page = observed(page, 65, None)

        assert isinstance(only(observed(page, 65, 5)).state, Confirmed)

    @pytest.mark.parametrize(("stray", "left"), [(False, ("R1",)), (True, ("R1", "R2"))])
    def test_a_start_that_was_refused_at_once_is_over_and_one_without_an_answer_is_not(
        self, *, stray: bool, left: tuple[str, ...]
    ) -> None:
        page = entry(session(replace(intended(30, 60, held="ControlLost"), resource_ids=("R1", "R2"))))

        problem = Problem("start", "task conflict", 400, 53)
        said = StartHeld(page.sessions[0], "ControlLost", problem, at(66), stray=stray)

        state = only(absorb(page, said, RULES).entry).state
        assert isinstance(state, Held)
        assert (state.resource_ids, state.acquired_at) == (left, at(30) if stray else None)

    @pytest.mark.parametrize("code", [2, 432, 433, 1001, 1003])
    def test_a_refusal_of_the_pair_is_not_this_pair(self, code: int) -> None:
        page = noted(entry(session(replace(held(), resource_ids=("R1", "R2")))), notice(Other(), sid="S9"))

        page = absorb(page, Unanswered(only(page), Problem("query", "no match", 400, code), at(65)), RULES).entry

        state = only(page).state
        assert isinstance(state, Accepted)
        assert state.resource_id == "R2"

    def test_no_answer_says_nothing_about_the_pair(self) -> None:
        page = noted(entry(session(replace(held(), resource_ids=("R1", "R2")))), notice(Other(), sid="S9"))

        page = absorb(page, Unanswered(only(page), Problem("query", "bad gateway", 502), at(65)), RULES).entry

        state = only(page).state
        assert isinstance(state, Accepted)
        assert state.resource_id == "R1"

    @pytest.mark.parametrize("state", [row[1] for row in LOST], ids=[row[0] for row in LOST])
    def test_a_sid_that_no_query_finds_is_no_end_but_leaves_the_start_unsettled(self, state: Any) -> None:
        """What was named may be another App ID's: to believe that ours is gone would start a second recorder."""
        page = noted(entry(session(state)), notice(Other(), sid="S9"))
        page = observed(observed(page, 65, None), 155, None)
        assert decided(page, 155) == "learn Gone"

        written = learn(page, Gone(only(page)), at(155), RULES)

        back = only(written.entry).state
        assert isinstance(back, Intended)
        assert (back.resource_ids, back.sid, back.spent) == (("R1",), "", isinstance(state, Held))
        assert [event.kind for event in written.events] == ["recording.unsettled"]
        assert decided(written.entry, 155) == "hold Settling until 170"
        assert decided(written.entry, 170) == f"settle by {'probe' if back.spent else 'repeat'}"

    def test_an_exit_of_that_sid_is_no_end_of_ours_either(self) -> None:
        page = noted(entry(session(held())), notice(Other(), sid="S9"), notice(Exited(normal=True), 61, sid="S9"))
        page = observed(page, 66, None)
        assert decided(page, 66) == "learn Gone"

        back = learn(page, Gone(only(page)), at(66), RULES).entry

        assert isinstance(only(back).state, Intended)
        assert only(back).ending is None

    def test_the_same_sid_is_not_tried_twice_and_is_no_sign_of_life_of_ours(self) -> None:
        """Else one that lives on in the same channel would put the next probe off for ever."""
        page = noted(entry(session(intended(tried_at=5))), notice(Other(), sid="S9"))
        page = observed(observed(page, 65, None), 155, None)
        page = learn(page, Gone(only(page)), at(155), RULES).entry

        assert noted(page, notice(Other(), 400, sid="S9")) == page

    def test_nor_after_a_probe_that_found_the_uid_held(self) -> None:
        page = entry(session(replace(intended(), sid="S9", spent=True)))
        probing, asked = intend_probe(page, only(page), "R2", at(170))
        held_then = absorb(
            probing, StartHeld(asked, "ControlLost", Problem("start", "", 400, 53), at(171)), RULES
        ).entry
        again, _ = intend_probe(held_then, only(held_then), "R3", at(190))

        for one in (held_then, again):
            assert not isinstance(only(noted(one, notice(Other(), 200, sid="S9"))).state, Accepted)

    def test_what_was_told_of_a_wrong_sid_is_not_told_of_the_next_recorder(self) -> None:
        page = entry(replace(session(replace(intended(), sid="S9")), heard=Heard(at(1), (3,))))
        page = noted(page, notice(Exited(normal=True), sid="S9"))
        assert only(page).ending is not None

        started = absorb(page, Started(only(page), "R1", "S10", at(70), WANTED.wanted), RULES).entry
        same = absorb(page, Started(only(page), "R1", "S9", at(70)), RULES).entry

        assert (only(started).ending, only(started).heard, only(started).woken_at) == (None, None, None)
        assert only(same).ending is not None

    def test_nor_of_the_next_sid(self) -> None:
        page = noted(entry(session(replace(intended(), sid="S9"))), notice(Exited(normal=True), sid="S9"))
        page = noted(page, notice(Other(), 61, sid="S10"))

        assert isinstance(only(page).state, Accepted)
        assert only(page).ending is None

    def test_s12_the_wish_to_stop_it_survives_and_is_carried_out_once_it_is_found(self) -> None:
        page = noted(entry(session(held(dismissed="suspended"))), notice(RecorderStarted(), sid="S9"))
        assert decided(page, 65, GONE) == "observe, confirming"

        written = absorb(page, Observed(only(page), Live(at(65), 4)), RULES)

        assert only(written.entry).state == Stopping("R1", "S9", at(65), "suspended")
        assert [event.kind for event in written.events] == ["recording.stopping"]

    def test_s12_a_wish_that_comes_meanwhile_survives_too(self) -> None:
        page = noted(entry(session(held())), notice(RecorderStarted(), sid="S9"))
        assert decided(page, 60, GONE) == "learn Dismissed"

        page = learn(page, Dismissed(only(page), "its manifest is gone"), at(60), RULES).entry
        assert decided(page, 65, GONE) == "observe, confirming"
        lost = observed(observed(page, 65, None), 155, None)
        lost = learn(lost, Gone(only(lost)), at(155), RULES).entry

        back, found = only(lost).state, only(observed(page, 65, 5)).state
        assert isinstance(back, Intended)
        assert back.dismissed == "its manifest is gone"
        assert isinstance(found, Stopping)

    def test_s12_a_wish_is_taken_back_when_it_is_wanted_again(self) -> None:
        page = noted(entry(session(held(dismissed="its manifest is gone"))), notice(RecorderStarted(), sid="S9"))
        assert decided(page, 60, desired()) == "learn Recalled"

        page = learn(page, Recalled(only(page)), at(60), RULES).entry

        assert decided(page, 65, desired()) == "observe, confirming"
        assert isinstance(only(observed(page, 65, 5)).state, Confirmed)

    def test_it_is_told_nothing_and_not_replaced_before_it_is_found(self) -> None:
        page = noted(entry(session(held())), notice(RecorderStarted(), sid="S9"))

        assert decided(page, 60, desired(mode="individual")) == "hold Confirming until 65"

    def test_its_control_may_be_over_as_well(self) -> None:
        lost = replace(held(dismissed="suspended"), resource_ids=("R1", "R2"))
        page = noted(entry(session(lost)), notice(RecorderStarted(), sid="S9"))

        page = absorb(page, Observed(only(page), ControlExpired(at(65))), RULES).entry

        state = only(page).state
        assert isinstance(state, Held)
        assert (state.why, state.resource_ids, state.dismissed) == ("ControlExpired", ("R1", "R2"), "suspended")
        assert state.acquired_at is None

    def test_and_another_start_may_be_on_its_way_then(self) -> None:
        lost = replace(intended(60, 63, tries=1), resource_ids=("R1", "R2"))
        page = noted(entry(session(lost)), notice(RecorderStarted(), 64, sid="S9"))

        state = only(absorb(page, Observed(only(page), ControlExpired(at(65))), RULES).entry).state

        assert isinstance(state, Held)
        assert state.acquired_at == at(60)

    def test_until_it_is_found_its_phase_is_what_it_was(self) -> None:
        phases = [
            status_of(noted(entry(session(state)), notice(Other(), sid="S9")), at(61), rules=RULES).phase
            for state in (intended(), intended(dismissed="x"), held())
        ]
        lost = status_of(noted(entry(session(held(dismissed="x"))), notice(Other(), sid="S9")), at(61), rules=RULES)

        assert phases == ["Starting", "Stopping", "Unknown"]
        assert lost.message.startswith(
            "a webhook named its sid, whether it is this recorder is being asked; to be stopped"
        )
        assert ("ControlLost", "True") in [(one.type, one.status) for one in lost.conditions]

    def test_a_person_may_import_it_meanwhile(self) -> None:
        page = noted(entry(session(held())), notice(Exited(normal=True), sid="S9"))
        handle = Handle(A, "mix", "R7", "S7")

        assert hindrance(page, handle, at(61)) == ""
        ours = only(adopt(page, Adoption(handle, "https://api.sd-rtn.com", Live(at(61), 5)), at(61)).entry)
        assert isinstance(ours.state, Confirmed)
        assert ours.ending is None

    def test_what_another_started_is_not_taken_but_its_sid_is_said(self) -> None:
        """The resource id is with whoever started it, so nobody can prove that it is ours, and it is not."""
        page = entry(session(held("HeldByAnother", probed_at=at(50))))

        written = note(page, notice(RecorderStarted(), sid="S9"), at(60))

        state = only(written.entry).state
        assert state == replace(held("HeldByAnother", probed_at=at(50)), sid="S9")
        assert [event.message for event in written.events] == ["sid S9"]
        assert note(written.entry, notice(Other(), sid="S9"), at(61)).events == ()
        action = decide(WANTED, written.entry, at(61), RULES)
        assert isinstance(action, Hold)
        assert "sid S9" in action.reason
        assert "sid S9" in status_of(written.entry, at(61)).message
        probing, asked = intend_probe(written.entry, only(written.entry), "R2", at(65))
        answer = StartHeld(asked, "HeldByAnother", Problem("start", "task conflict", 400, 53), at(66))
        still = only(absorb(probing, answer, RULES).entry).state
        assert isinstance(still, Held)
        assert still.sid == "S9"

    def test_without_a_resource_id_it_can_only_be_said(self) -> None:
        state = only(noted(entry(session(replace(held(), resource_ids=()))), notice(Other(), sid="S9"))).state

        assert isinstance(state, Held)
        assert state.sid == "S9"
