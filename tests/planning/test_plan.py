"""The fold: what apply would do, in one summary per recording."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.errors import UnsafePlanError
from reconciler.model import Confirmed, Entry, Key, Slot
from reconciler.planning.actions import Because
from reconciler.planning.changes import changes
from reconciler.planning.desired import Unmanaged, Unwanted, applied
from reconciler.planning.guards import assert_apps_kept, assert_no_mass_stop, assert_not_emptied, assert_not_stale
from reconciler.planning.intents import declare
from reconciler.planning.plan import Plan, PlannedAction, carried_out, plan_one
from tests.planning.situations import (
    APP,
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
    spec,
    stopping,
)

GONE = Unwanted("its manifest is gone")
WEB: dict[str, Any] = {
    "mode": "web",
    "web": {"url": "https://example.com/board"},
    "video": {"width": 1280, "height": 720},
}

TABLE: list[tuple[str, Any, Any, str]] = [
    ("new", desired(), entry(), "start none acquire start"),
    ("as declared", desired(), entry(session(confirmed())), "none none"),
    ("to be polled: predicted to live on", desired(), entry(session(confirmed(-60))), "none none"),
    (
        "to be asked again after a 404: only its answer decides",
        desired(),
        entry(session(confirmed(-60, doubted(-30, -30)))),
        "hold none",
    ),
    ("not confirmed yet: only an answer decides", desired(), entry(session(accepted(-10))), "hold none"),
    (
        "gone: started again",
        desired(),
        entry(session(confirmed(-300, doubted(-200, -20, 9)))),
        "start none acquire start",
    ),
    (
        "gone and never to be restarted",
        desired(restart="never"),
        entry(session(confirmed(-300, doubted(-200, -20, 9)))),
        "none none",
    ),
    (
        "layout and subscription",
        desired(layout={"type": "bestFit"}, capture={"subscribe": {"audio": ["7"]}}),
        entry(session(confirmed())),
        "update none update updateLayout",
    ),
    (
        "replace with a gap",
        desired(mode="individual", replace="gap"),
        entry(session(confirmed())),
        "replace gap stop acquire start",
    ),
    (
        "replace by overlap is done as gap",
        desired(mode="individual"),
        entry(session(confirmed())),
        "replace gap stop acquire start",
    ),
    ("replace next", desired(mode="individual", replace="next"), entry(session(confirmed())), "hold none"),
    ("unwanted", GONE, entry(session(confirmed())), "stop none stop"),
    ("unwanted and left", GONE, entry(session(confirmed()), on_removal="leave"), "forget none"),
    ("unwanted and unsettled: settled, then stopped", GONE, entry(session(intended(-1))), "settle none start stop"),
    ("unsettled", desired(), entry(session(intended(-1))), "settle none start"),
    ("unsettled for long", desired(), entry(session(intended(-600))), "settle none acquire start"),
    ("held, to be probed", desired(), entry(session(held(since=-60))), "settle none acquire start"),
    (
        "held and unwanted, to be probed",
        GONE,
        entry(session(held(since=-60, dismissed="gone"))),
        "settle none acquire start stop",
    ),
    ("held by another and unwanted", GONE, entry(session(held("HeldByAnother", since=-60))), "none none"),
    ("a stop under way", GONE, entry(session(stopping(-1))), "stop none stop"),
    ("a stop under way, wanted again", desired(), entry(session(stopping(-1))), "replace gap stop acquire start"),
    ("ended by itself", desired(), entry(session(ended())), "start none acquire start"),
    ("live and never declared here: looked at only", Unmanaged(), entry(session(confirmed())), "hold none"),
]


@pytest.mark.parametrize(("wanted", "page", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_summary(wanted: Any, page: Any, expected: str) -> None:
    planned = plan_one(wanted, page, at(0), RULES)

    assert " ".join((planned.verb, planned.disruption, *planned.calls)) == expected


def test_a_plan_is_converged_when_nothing_is_due_and_nothing_waits_for_an_answer() -> None:
    def of(*pages: Any) -> Plan:
        return Plan(tuple(plan_one(desired(), page, at(0), RULES) for page in pages))

    assert of(entry(session(confirmed()))).converged
    assert not of(entry()).converged
    assert not of(entry(session(accepted(-1)))).converged
    assert of(entry(), entry()).calls == 4


def test_overlap_is_said_to_be_done_as_gap() -> None:
    planned = plan_one(desired(mode="individual"), entry(session(confirmed())), at(0), RULES)

    assert planned.notes == ("replace: overlap is not acted on by this version: done as gap",)


def test_control_that_ends_soon_is_said_since_nothing_renews_it() -> None:
    page = entry(session(confirmed(), controlFor="10h"))

    early, late = (plan_one(desired(controlFor="10h"), page, at(hours * 3600), RULES) for hours in (8.9, 9.1))

    assert early.notes == ()
    [note] = late.notes
    assert note.startswith("control ends at 2026-01-01 19:00 UTC, and rollover is not acted on by this version")


@pytest.mark.parametrize(
    "page",
    [
        entry(),
        entry(session(intended(-1))),
        entry(session(accepted(-1))),
        entry(session(confirmed())),
        entry(session(confirmed(), mode="individual")),
        entry(session(stopping(-1))),
        entry(session(ended())),
    ],
    ids=["new", "unsettled", "unconfirmed", "to be updated", "to be replaced", "being stopped", "ended"],
)
def test_once_all_that_is_planned_was_done_one_recorder_is_confirmed_and_as_declared(page: Entry) -> None:
    wanted = desired(layout={"type": "bestFit"}, priority=3)

    done = carried_out(wanted, page, at(0), RULES)

    [left] = done.open_sessions
    assert isinstance(left.state, Confirmed)
    assert left.applied == wanted.wanted
    assert plan_one(wanted, done, at(0), RULES).verb == "none"


def test_what_is_suspended_rests_without_a_recorder_once_that_is_carried_out() -> None:
    assert carried_out(desired(suspend=True), entry(session(confirmed())), at(0), RULES).open_sessions == ()


def test_what_the_manifests_would_interrupt_is_counted_and_nothing_else() -> None:
    live = entry(session(confirmed()))
    aims = (GONE, desired(suspend=True), desired(mode="individual"), desired(layout={"type": "bestFit"}), Unmanaged())

    assert [plan_one(aim, live, at(0), RULES).interrupts for aim in aims] == [True, True, True, False, False]
    assert not plan_one(GONE, entry(session(ended())), at(0), RULES).interrupts


def test_an_edit_that_asks_for_nothing_counts_as_carried_out() -> None:
    edited = desired(priority=7)
    page = declare(entry(session(confirmed())), edited)

    assert page.sessions[0].applied.revision == edited.revision


def test_an_ended_session_keeps_what_it_was_told() -> None:
    page = entry(session(ended()))

    assert declare(page, desired(priority=7)).sessions == page.sessions


class TestChanges:
    def test_the_page_behind_a_secret_query_string_is_compared_and_never_shown(self) -> None:
        one, other = (
            applied(spec(**{**WEB, "web": {"url": f"https://example.com/board?key={key}"}}), {}, b"k" * 32)
            for key in ("hidden-1", "hidden-2")
        )

        [change] = changes(one, other)

        assert change.path == "web.url"
        assert "hidden" not in f"{change}{one}{other}"

    def test_a_rotated_secret_is_one_storage_update_and_never_shown(self) -> None:
        old = desired()
        rotated = applied(old.spec, dict.fromkeys(old.secrets, next(iter(old.secrets.values()))), b"k" * 32)

        told = {str(change) for change in changes(rotated, old.wanted)}

        assert told == {"storage.secretKey: **** → **** (another value)"}

    def test_fingerprints_of_another_key_are_a_new_baseline(self) -> None:
        old = desired()

        assert changes(applied(old.spec, old.secrets, b"x" * 32), old.wanted) == ()

    def test_a_secret_that_cannot_be_read_is_not_changed(self) -> None:
        old = desired()

        assert changes(old.wanted, applied(old.spec, {}, b"k" * 32)) == ()

    def test_a_secret_that_comes_or_goes_is_a_change(self) -> None:
        encrypted: dict[str, Any] = {"capture": {"encryption": {"mode": "aes-128-xts", "secret": {"env": "E"}}}}

        told = [str(change) for change in changes(desired().wanted, desired(**encrypted).wanted)]

        assert "capture.encryption.secret: (none) → ****" in told

    def test_a_cdn_that_comes_or_goes_cannot_be_told_to_a_live_page(self) -> None:
        publishing = {**WEB, "web": {**WEB["web"], "publish": {"env": "CDN"}}}

        [change] = changes(desired(**WEB).wanted, desired(**publishing).wanted)

        assert (change.path, str(change.consequence)) == ("web.publish", "replace")

    def test_an_item_of_a_list_is_compared_by_itself(self) -> None:
        def of(*widths: float) -> Any:
            regions = [{"x": 0, "y": 0, "width": width, "height": 1} for width in widths]
            return desired(layout={"type": "custom", "regions": regions}).wanted

        assert [str(change) for change in changes(of(0.5, 0.5), of(0.5, 0.4))] == ["layout.regions[1].width: 0.5 → 0.4"]
        assert [str(change) for change in changes(of(0.5), of(0.5, 0.4))] == ["layout.regions: 1 item → 2 items"]
        assert [str(change) for change in changes(of(0.5, 0.4), of(0.5))] == ["layout.regions: 2 items → 1 item"]

    def test_values_are_written_as_in_a_manifest(self) -> None:
        before, after = desired(**WEB), desired(**{**WEB, "web": {**WEB["web"], "paused": True, "segment": "1h"}})

        told = [str(change) for change in changes(before.wanted, after.wanted)]

        assert told == ["web.paused: false → true", "web.segment: 2h → 1h"]

    def test_saying_a_default_is_no_change(self) -> None:
        said = desired(
            layout={"type": "floating"},
            capture={"subscribe": {"audio": "all"}},
            video={"width": 360, "height": 640, "fps": 15, "bitrate": 500},
        )

        assert changes(desired().wanted, said.wanted) == ()


class TestGuards:
    @staticmethod
    def fleet(stopped: int, kept: int) -> tuple[list[PlannedAction], dict[Key, Any]]:
        pages = {
            Key("default", f"r{number}"): replace(entry(session(confirmed())), key=Key("default", f"r{number}"))
            for number in range(stopped + kept)
        }
        actions = [
            plan_one(GONE if number < stopped else desired(), page, at(0), RULES)
            for number, page in enumerate(pages.values())
        ]
        return actions, pages

    @pytest.mark.parametrize(("stopped", "kept"), [(9, 0), (10, 24), (0, 50)])
    def test_few_are_stopped_without_a_word(self, stopped: int, kept: int) -> None:
        assert_no_mass_stop(*self.fleet(stopped, kept), 30, "say so")

    def test_ten_that_exceed_the_share_are_held_back(self) -> None:
        with pytest.raises(UnsafePlanError, match=r"10 of 33 live recordings \(30 %.*--allow-mass-stop"):
            assert_no_mass_stop(*self.fleet(10, 23), 30, "say --allow-mass-stop")

    def test_the_end_of_what_is_not_live_is_no_interruption(self) -> None:
        actions = [plan_one(GONE, entry(session(ended())), at(0), RULES) for _ in range(50)]

        assert_no_mass_stop(actions, {}, 30, "say so")

    def test_an_emptied_source_is_refused_while_something_lives(self) -> None:
        page = entry(session(confirmed()))

        with pytest.raises(UnsafePlanError, match="no recording in these manifests, while 1"):
            assert_not_emptied([], {page.key: page}, "say so")
        assert_not_emptied([], {page.key: entry(session(ended()))}, "say so")

    def test_what_was_shown_is_what_is_done(self) -> None:
        def planned(wanted: Any, page: Entry, seconds: float = 0) -> Plan:
            return Plan((plan_one(wanted, page, at(seconds), RULES),))

        live = entry(session(confirmed()))
        tiled = desired(layout={"type": "bestFit"})
        shown = planned(tiled, live)
        assert_not_stale(shown, planned(tiled, live, 7))  # time that passes changes nothing
        assert_not_stale(planned(desired(), live), planned(desired(), entry(session(confirmed(20))), 30))
        for wanted, page, then in (
            (tiled, entry(), "start"),
            (desired(), live, "nothing"),
            (desired(layout={"type": "vertical"}), live, "update layout.type: floating → vertical"),
            (GONE, live, "stop"),
        ):
            with pytest.raises(UnsafePlanError, match=rf"standup \(shown: update layout.*bestFit, now: {then}\)"):
                assert_not_stale(shown, planned(wanted, page))
        with pytest.raises(UnsafePlanError, match=r"standup \(shown: .*, now: nothing\)"):
            assert_not_stale(shown, Plan(()))
        with pytest.raises(UnsafePlanError, match=r"standup \(shown: nothing, now: update "):
            assert_not_stale(Plan(()), shown)

    def test_the_app_of_a_live_recording_must_stay_known(self) -> None:
        page = entry(session(confirmed()))

        with pytest.raises(UnsafePlanError, match=f"standup \\(App ID {APP}\\)"):
            assert_apps_kept({page.key: page}, frozenset({APP}))
        assert_apps_kept({page.key: page}, frozenset({"b" * 32}))


def test_another_app_id_is_replaced() -> None:
    other = "b" * 32
    slots = {Slot.A: replace(A, app_id=other), Slot.B: replace(B, app_id=other)}
    moved = replace(desired(replace="gap"), app_id=other, slots=slots)

    planned = plan_one(moved, entry(session(confirmed())), at(0), RULES)

    assert planned.reason == f"cannot be changed in place: app.appId: {APP} → {'b' * 32}"


def test_a_hold_that_waits_for_the_next_session_names_what_waits() -> None:
    planned = plan_one(desired(mode="individual", replace="next"), entry(session(confirmed())), at(0), RULES)

    assert planned.rest.because is Because.PENDING_NEXT
    assert "mode" in [change.path for change in planned.rest.pending]


def test_the_slot_of_a_copy_never_decides_for_the_first_recorder() -> None:
    page = entry(replace(session(ended()), slot=Slot.C))

    assert plan_one(desired(), page, at(0), RULES).verb == "start"
