"""Forecasts (interface.md 2): what is wanted at once, what the quota takes, what starts late (S8, S15)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.manifests.accept import Declared, accept
from reconciler.manifests.secrets import Policy
from reconciler.planning.forecast import Allowance, AppForecast, Delay, Forecast, Minute, forecast

NOW = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLENTY = Allowance(("default",), rate=9.5, limit=None)
SLOW = Allowance(("default",), rate=1.0, limit=None)  # a call a second: a start every two


def recording(name: str, *windows: str, **fields: Any) -> str:
    said = {"schedule": f"[{', '.join(windows)}]", **fields} if windows else fields
    spec = ", ".join(f"{field}: {value}" for field, value in said.items())
    storage = "storage: {vendor: s3, region: us-east-1, bucket: b, accessKey: {env: A}, secretKey: {env: S}}"
    head = "apiVersion: recordings.reconciler/v1\nkind: Recording\n"
    return f"{head}metadata: {{name: {name}}}\nspec: {{{spec + ', ' if spec else ''}{storage}}}\n"


def app(name: str) -> str:
    head = "apiVersion: recordings.reconciler/v1\nkind: App\n"
    account = "{appId: 0123456789abcdef0123456789abcdef, customerId: {env: A}, customerSecret: {env: S}}"
    return f"{head}metadata: {{name: {name}}}\nspec: {account}\n"


def window(opens: str, closes: str, **more: str) -> str:
    """Write a window of the fourth of March; a day may stand before the time."""
    said = {
        name: at if "T" in at else f"2026-03-04T{at}Z" for name, at in (("from", opens), ("until", closes)) if at
    } | more
    return "{" + ", ".join(f"{name}: {value}" for name, value in said.items()) + "}"


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-03-04T{clock}Z")


def declared(*manifests: str) -> tuple[Declared, ...]:
    return accept(["-"], stdin="---\n".join(manifests).encode(), policy=Policy()).recordings


def seen(*manifests: str, allowance: Allowance = PLENTY, hours: int = 48) -> Forecast:
    return forecast(declared(*manifests), {"default": allowance}, NOW, NOW + hours * HOUR)


def only(*manifests: str, allowance: Allowance = PLENTY, hours: int = 48) -> AppForecast:
    [one] = seen(*manifests, allowance=allowance, hours=hours).apps
    return one


def delays(*manifests: str, allowance: Allowance = SLOW) -> dict[str, float | None]:
    """Tell by how many seconds each recorder starts late."""
    found = only(*manifests, allowance=allowance).delays
    return {f"{one.name}/{one.copy}": seconds(one) for one in found}


def seconds(delay: Delay) -> float | None:
    return None if delay.late is None else delay.late.total_seconds()


# -- at once


def test_recordings_without_a_schedule_are_always_there_and_need_no_start() -> None:
    one = only(recording("a"), recording("b"))

    assert (one.recordings, one.peak, one.peak_at, one.starts, one.minutes, one.delays) == (2, 2, NOW, 0, (), ())


def test_the_peak_is_when_first_the_most_are_wanted() -> None:
    one = only(
        recording("a"),
        recording("b", window("10:00", "12:00")),
        recording("c", window("11:00", "13:00")),
        recording("d", window("12:00", "14:00")),
    )
    assert (one.peak, one.peak_at) == (3, at("11:00"))


def test_what_ends_when_another_begins_makes_room_for_it() -> None:
    assert only(recording("a", window("10:00", "11:00")), recording("b", window("11:00", "12:00"))).peak == 1


def test_what_is_wanted_already_counts_from_now() -> None:
    one = only(recording("a", window("08:00", "09:31")), recording("b", window("08:00", "09:30")))

    assert (one.peak, one.peak_at, one.starts) == (1, NOW, 0)


def test_an_overrun_is_counted_to_its_end() -> None:
    after = recording("b", window("11:30", "12:00"))

    assert only(recording("a", window("10:00", "11:00", overrun="31m")), after).peak == 2
    assert only(recording("a", window("10:00", "11:00", overrun="30m")), after).peak == 1


def test_an_overrun_that_lasts_already_is_counted_too() -> None:
    always = recording("b")

    assert only(recording("a", window("08:00", "09:00", overrun="31m")), always).peak == 2
    assert only(recording("a", window("08:00", "09:00", overrun="30m")), always).peak == 1


def test_an_overrun_ends_where_the_next_window_opens() -> None:
    one = only(recording("a", window("10:00", "11:00", overrun="5h"), window("12:00", "13:00")))

    assert (one.peak, one.starts) == (1, 2)


def test_two_copies_are_two_recorders_and_two_starts() -> None:
    one = only(recording("a", window("10:00", "11:00"), copies=2), recording("b", copies=2))

    assert (one.recordings, one.peak, one.starts) == (2, 4, 2)


def test_what_waits_for_people_is_counted_as_if_there_were_some_and_what_is_suspended_not_at_all() -> None:
    both = seen(recording("a", when="occupied"), recording("b", suspend="true"), recording("c"))

    assert (both.occupied, both.suspended) == (1, 1)
    assert [(one.recordings, one.peak) for one in both.apps] == [(2, 2)]


def test_nothing_declared_is_nothing_ahead() -> None:
    assert seen(recording("a", suspend="true")) == Forecast(
        NOW, NOW + 48 * HOUR, cut_short=False, apps=(), suspended=1, occupied=0
    )


@pytest.mark.parametrize(("limit", "excess"), [(None, 0), (3, 0), (2, 0), (1, 1)])
def test_the_excess_is_what_the_peak_is_above_the_limit(limit: int | None, excess: int) -> None:
    assert only(recording("a"), recording("b"), allowance=Allowance(("default",), 9.5, limit)).excess == excess


def test_only_what_opens_before_the_end_is_ahead() -> None:
    manifest = recording("a", window("10:30", "11:00"), window("11:30", "12:00"))

    assert [only(manifest, hours=hours).starts for hours in (1, 2, 3)] == [0, 1, 2]


def test_apps_that_share_an_app_id_are_one_and_others_are_apart() -> None:
    shared, own = Allowance(("default", "second"), 9.5, None), Allowance(("third",), 1.0, 5)
    recordings = declared(
        recording("a"), recording("b", app="second"), recording("c", app="third"), app("second"), app("third")
    )
    found = forecast(recordings, {"default": shared, "second": shared, "third": own}, NOW, NOW + HOUR)

    assert [(one.allowance, one.recordings) for one in found.apps] == [(shared, 2), (own, 1)]


# -- starts per minute


def test_starts_are_counted_by_the_minute_against_two_calls_each() -> None:
    one = only(
        *(recording(f"a{number}", window("10:00:30", "11:00")) for number in range(19)),
        recording("b", window("10:01", "11:00")),
    )
    # 9.5 calls a second are 285 starts a minute.
    assert one.minutes == (Minute(at("10:00"), 19, 19 / 285), Minute(at("10:01"), 1, 1 / 285))
    assert one.starts == 20


# -- late


def test_what_starts_at_one_instant_queues_by_priority_then_window_then_name() -> None:
    assert delays(
        recording("a", window("10:00", "11:00", startEarly="1s")),  # its window is the earlier
        recording("b", window("10:00", "11:00")),
        recording("c", window("10:00", "11:00")),
        recording("d", window("10:00", "11:00"), priority=5),
        recording("e", window("10:00", "11:00"), priority="-5"),
    ) == {"d/1": 2, "b/1": 4, "c/1": 6, "e/1": 8}  # a left at 09:59:59, and is not late


def test_a_start_leaves_behind_its_acquire_and_the_next_after_both() -> None:
    manifests = [recording(f"a{number}", window("10:00", "11:00")) for number in range(7)]
    found = only(*manifests).delays

    # At 9.5 calls a second: what is less than a second is the way to the service.
    assert [(one.name, one.because) for one in found] == [("a6", "quota"), ("a5", "quota")]
    assert [seconds(one) for one in found] == pytest.approx([13 / 9.5, 11 / 9.5], abs=1e-4)


def test_start_early_is_there_to_be_used_up_by_waiting() -> None:
    many = [recording(f"a{number}", window("10:00", "11:00", startEarly="5s")) for number in range(4)]

    assert delays(*many) == {"a3/1": 2}


def test_of_windows_with_different_start_early_the_first_that_opens_by_its_own_words_is_meant() -> None:
    early = window("11:00", "12:00", startEarly="2h")  # from 09:00: it runs already
    soon = window("14:00", "15:00", startEarly="10s")
    busy = [recording(f"a{number}", window("13:59:50", "15:00"), priority=1) for number in range(5)]

    assert delays(recording("b", early, soon), *busy) == {
        "a0/1": 1,
        "a1/1": 3,
        "a2/1": 5,
        "a3/1": 7,
        "a4/1": 9,
        "b/1": 1,
    }


def test_stops_go_first() -> None:
    ending = [recording(f"a{number}", window("08:00", "10:00")) for number in range(4)]

    assert delays(*ending, recording("b", window("10:00", "11:00"))) == {"b/1": 5}


def test_calls_that_were_not_used_are_lost() -> None:
    assert delays(recording("a", window("10:00", "11:00")), recording("b", window("10:30", "11:00"))) == {
        "a/1": 1,
        "b/1": 1,
    }


def test_without_room_a_start_waits_until_something_ends() -> None:
    one = only(
        recording("a", window("08:00", "10:20")),
        recording("b", window("10:00", "11:00")),
        recording("c", window("10:25", "12:00")),
        allowance=Allowance(("default",), 1.0, 1),
    )
    assert one.delays == (
        Delay("c", 1, at("10:25"), timedelta(minutes=35, seconds=2), "room"),
        Delay("b", 1, at("10:00"), timedelta(minutes=20, seconds=2), "room"),
    )


def test_a_window_that_closes_before_there_is_room_is_not_recorded_at_all() -> None:
    one = only(
        recording("a", window("08:00", "11:00")),
        recording("b", window("10:00", "10:30")),
        allowance=Allowance(("default",), 1.0, 1),
    )
    assert one.delays == (Delay("b", 1, at("10:00"), None, "room"),)


def test_where_everything_is_always_there_the_last_find_no_room() -> None:
    one = only(
        recording("a"),
        recording("b", priority=1),
        recording("c", window("08:00", "11:00"), copies=2),
        allowance=Allowance(("default",), 1.0, 2),
    )
    # By priority, then window: c's opened, a's was always open.
    assert one.delays == (Delay("c", 1, NOW, None, "room"), Delay("c", 2, NOW, None, "room"))
    assert one.excess == 2


def test_of_what_is_wanted_already_the_most_urgent_is_taken_to_be_recording() -> None:
    one = only(
        recording("a"),
        recording("b", window("08:00", "11:00"), priority=1),
        allowance=Allowance(("default",), 1.0, 1),
    )
    assert [(delay.name, delay.late) for delay in one.delays] == [
        ("a", 90 * timedelta(minutes=1) + timedelta(seconds=2))
    ]


def test_what_opens_this_very_moment_is_wanted_already() -> None:
    one = only(recording("a", window("09:30", "11:00")), allowance=SLOW)

    assert (one.starts, one.peak, one.delays) == (0, 1, ())


def test_what_begins_when_another_ends_waits_for_its_stop_and_not_for_room() -> None:
    one = only(
        recording("a", window("08:00", "10:00")),
        recording("b", window("10:00", "11:00")),
        allowance=Allowance(("default",), 1.0, 1),
    )
    assert one.delays == (Delay("b", 1, at("10:00"), timedelta(seconds=2), "quota"),)


def test_an_overrun_that_finds_no_room_is_let_go() -> None:
    one = only(
        recording("a"),
        recording("b", window("08:00", "09:00", overrun="1h")),
        allowance=Allowance(("default",), 1.0, 1),
    )
    assert (one.peak, one.excess, one.delays) == (2, 1, ())


def test_what_follows_a_wait_for_room_waits_for_the_quota_only() -> None:
    one = only(
        recording("a", window("08:00", "10:00")),
        recording("b", window("09:59", "10:30")),
        recording("c", window("11:00", "12:00")),
        allowance=Allowance(("default",), 1.0, 1),
    )
    assert {delay.name: delay.because for delay in one.delays} == {"b": "room", "c": "quota"}


def test_a_window_shorter_than_the_queue_is_lost_to_the_quota() -> None:
    many = [recording(f"a{number}", window("10:00:00", "10:00:03")) for number in range(3)]
    found = only(*many, allowance=SLOW).delays

    assert [(one.name, one.late, one.because) for one in found] == [
        ("a2", None, "quota"),
        ("a1", timedelta(seconds=3), "quota"),
        ("a0", timedelta(seconds=1), "quota"),
    ]


# -- against a clock that ticks second by second


def ticking(runs: list[tuple[int, int, int, str]], limit: int | None) -> dict[str, int | None]:
    """Work through `(priority, opens, closes, name)` with one call a second; the answer is who starts late."""
    waiting: list[tuple[int, int, int, str]] = []
    live: list[int] = []
    busy = False
    late: dict[str, int | None] = {}
    for second in range(2000):
        waiting += [run for run in runs if run[1] == second]
        if busy:  # the start behind its acquire
            busy = False
            continue
        over = [closes for closes in live if closes <= second]
        if over:
            live.remove(min(over))
            continue
        while waiting and (limit is None or len(live) < limit):
            run = min(waiting, key=lambda run: (-run[0], run[1], run[3]))
            waiting.remove(run)
            _, opens, closes, name = run
            if closes <= second:
                late[name] = None
                continue
            late[name] = second + 1 - opens
            live.append(closes)
            busy = True
            break
    assert not waiting
    return late


@st.composite
def crowds(draw: st.DrawFn) -> list[tuple[int, int, int, str]]:
    count = draw(st.integers(1, 12))
    opens = [draw(st.integers(1, 40)) for _ in range(count)]
    return [
        (draw(st.integers(-1, 1)), at_second, at_second + draw(st.integers(1, 60)), f"r{number:02}")
        for number, at_second in enumerate(opens)
    ]


@settings(max_examples=60, deadline=None)
@given(crowds(), st.sampled_from([None, 1, 2, 5]))
def test_who_is_late_is_what_a_clock_that_ticks_says(cases: list[tuple[int, int, int, str]], limit: int | None) -> None:
    def clock(second: int) -> str:
        return (NOW + timedelta(seconds=second)).isoformat()

    manifests = [
        recording(name, window(clock(opens), clock(closes)), priority=priority)
        for priority, opens, closes, name in cases
    ]
    found = only(*manifests, allowance=Allowance(("default",), 1.0, limit), hours=1).delays
    expected = ticking(cases, limit)

    assert {one.name: seconds(one) for one in found} == expected


@settings(max_examples=60, deadline=None)
@given(crowds())
def test_the_peak_is_the_most_that_any_second_wants(cases: list[tuple[int, int, int, str]]) -> None:
    wanted = [sum(opens <= second < closes for _, opens, closes, _ in cases) for second in range(200)]
    manifests = [
        recording(
            name, window((NOW + timedelta(seconds=opens)).isoformat(), (NOW + timedelta(seconds=closes)).isoformat())
        )
        for _, opens, closes, name in cases
    ]
    one = only(*manifests)

    assert (one.peak, one.peak_at) == (max(wanted), NOW + timedelta(seconds=wanted.index(max(wanted))))


# -- too much to look at


MINUTELY = '{cron: "* * * * *", duration: 30s, timezone: UTC}'


def test_where_there_are_too_many_windows_it_ends_earlier_and_says_so() -> None:
    recordings = declared(recording("a", MINUTELY), recording("b", MINUTELY), recording("c"))
    found = forecast(recordings, {"default": PLENTY}, NOW, NOW + 48 * HOUR, most=600)

    assert found.cut_short
    assert found.until == NOW + timedelta(minutes=200)
    assert found.apps[0].starts == 2 * 199  # all up to there but the first, which is open now


def test_many_recordings_get_a_hundred_windows_each() -> None:
    recordings = declared(recording("a", MINUTELY), recording("b"))

    assert forecast(recordings, {"default": PLENTY}, NOW, NOW + 48 * HOUR, most=3).until == NOW + timedelta(minutes=100)


def test_two_days_of_every_minute_are_not_too_many() -> None:
    found = seen(recording("a", MINUTELY))

    assert (found.cut_short, found.until) == (False, NOW + 48 * HOUR)
    assert found.apps[0].starts == 48 * 60 - 1
