"""Windows (interface.md 1.1, S21): against a reference that looks at every minute, and tables of changed clocks."""

import timeit
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from reconciler.manifests.schedule import CronWindow, Schedule
from reconciler.planning.windows import HORIZON, Outlook, Stretch, outlook, stretches

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
NONE = timedelta()
SCHEDULE: TypeAdapter[Schedule] = TypeAdapter(Schedule)


def read(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


NOW = read("2026-03-04T09:30Z")


def schedule(*windows: dict[str, Any]) -> Schedule:
    return SCHEDULE.validate_python(list(windows))


def repeated(cron: str, duration: str, timezone: str = "UTC", **more: str) -> dict[str, Any]:
    return {"cron": cron, "duration": duration, "timezone": timezone, **more}


def stretch(opens: str | None, closes: str | None, overrun: timedelta = NONE) -> Stretch:
    return Stretch(opens and read(opens), closes and read(closes), overrun)  # type: ignore[arg-type]


# -- the reference: every minute, one by one


def reads(field: str, value: int, low: int, high: int) -> bool:
    """Say whether a value is among those of a part of a cron text."""
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        if value in range(int(first), int(last or first) + 1, int(step or 1)):
            return True
    return False


def fires(cron: str, local: datetime) -> bool:
    minute, hour, day, month, weekday = cron.split()
    if not (reads(minute, local.minute, 0, 59) and reads(hour, local.hour, 0, 23) and reads(month, local.month, 1, 12)):
        return False
    by_day, by_weekday = reads(day, local.day, 1, 31), reads(weekday, local.isoweekday() % 7, 0, 6)
    return by_day and by_weekday if "*" in {day[0], weekday[0]} else by_day or by_weekday


def beginnings(window: CronWindow, since: datetime, until: datetime) -> Iterator[datetime]:
    """Walk through the minutes, and take every local minute as soon as the clock has reached it, and once."""
    zone = ZoneInfo(window.timezone)
    reached = (since - MINUTE).astimezone(zone).replace(tzinfo=None)
    now = since
    while now < until:
        shown = now.astimezone(zone).replace(tzinfo=None)
        while reached < shown:
            reached += MINUTE
            if fires(window.cron, reached):
                yield now
        now += MINUTE


def wanted_minutes(windows: Schedule, since: datetime, until: datetime) -> dict[datetime, timedelta]:
    """Tell the wanted minutes, and for each that is the last of a window how long it may be overrun."""
    wanted: dict[datetime, timedelta] = {}
    for window in windows:
        if isinstance(window, CronWindow):
            parts = [
                (at - window.start_early, at + window.duration)
                for at in beginnings(window, since - 3 * DAY, until + DAY)
            ]
        else:
            parts = [((window.from_ or since) - window.start_early, window.until or until)]
        for opens, closes in parts:
            at = max(opens, since)
            while at < min(closes, until):
                last = at + MINUTE == closes
                wanted[at] = max(wanted.get(at, NONE), window.overrun if last else NONE)
                at += MINUTE
    return wanted


ZONES = {
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Australia/Lord_Howe": ("2026-04-05", "2026-10-04"),
    "Asia/Kathmandu": ("2026-03-29", "1986-01-01"),  # that night it went from +05:30 to +05:45
    "Africa/Cairo": ("2026-04-24", "2026-10-30"),  # clocks are changed at midnight
    "Pacific/Apia": ("2011-12-30", "2011-12-31"),  # a day that never was
    "America/St_Johns": ("2006-10-29", "2007-04-01"),  # one minute after midnight
}
MINUTES = st.sampled_from(["0", "30", "*/20", "10,50", "5-9", "59", "*"])
HOURS = st.sampled_from(["*", "2", "1-3", "*/6", "0", "23", "0,12"])
DAYS = st.sampled_from(["* * *", "* * *", "* * 1-5", "* * 0,6", "1,29 * *", "*/3 * 0", "29-31 3,10,12 6"])
FEW_MINUTES = st.integers(0, 240).map(lambda number: f"{number}m")


@st.composite
def repeating(draw: st.DrawFn, zone: str) -> dict[str, Any]:
    cron = f"{draw(MINUTES)} {draw(HOURS)} {draw(DAYS)}"
    duration = f"{draw(st.integers(1, 200) | st.integers(1, 2 * 24 * 60))}m"
    return repeated(cron, duration, zone, startEarly=draw(FEW_MINUTES), overrun=draw(FEW_MINUTES))


@st.composite
def fixed(draw: st.DrawFn, around: datetime) -> dict[str, Any]:
    opens = around + draw(st.integers(-4000, 4000)) * MINUTE
    closes = opens + draw(st.integers(1, 3000)) * MINUTE
    edges = {"from": opens.isoformat(), "until": closes.isoformat()}
    taken = draw(st.sampled_from([(), (), ("from",), ("until",)]))
    edges = {name: edge for name, edge in edges.items() if name not in taken}
    return {**edges, "startEarly": draw(FEW_MINUTES), "overrun": draw(FEW_MINUTES)}


@st.composite
def situations(draw: st.DrawFn) -> tuple[Schedule, datetime, datetime]:
    """Draw a schedule, and a time of two days in which the clocks of its zone are changed."""
    zone = draw(st.sampled_from(list(ZONES)))
    night = read(draw(st.sampled_from(ZONES[zone]))).replace(hour=12) - DAY
    windows = draw(st.lists(repeating(zone) | repeating("UTC") | fixed(night), min_size=1, max_size=3))
    since = night + draw(st.integers(-600, 600)) * MINUTE
    return schedule(*windows), since, since + 2 * DAY


def within(found: Stretch, since: datetime, until: datetime) -> tuple[datetime, datetime]:
    return max(found.opens or since, since), min(found.closes or until, until)


@settings(max_examples=60, deadline=None)
@given(situations())
def test_the_windows_are_the_minutes_in_which_one_of_them_is_open(case: tuple[Schedule, datetime, datetime]) -> None:
    windows, since, until = case
    wanted = wanted_minutes(windows, since, until)
    found = stretches(windows, since, until, 10_000)

    shown = set()
    for opens, closes in (within(one, since, until) for one in found):
        shown |= {opens + number * MINUTE for number in range(int((closes - opens) / MINUTE))}
    assert shown == set(wanted)
    for one in found:
        assert one.closes is None or since < one.closes
        if one.closes is not None and one.closes <= until:
            assert one.overrun == wanted[one.closes - MINUTE]
    for one, after in pairwise(found):
        assert one.closes is not None
        assert after.opens is not None
        assert one.closes < after.opens  # what touches is one


@settings(max_examples=60, deadline=None)
@given(situations(), st.lists(st.integers(0, 2 * 24 * 60 * 60), min_size=1, max_size=20))
def test_every_moment_has_the_outlook_that_the_windows_around_it_make(
    case: tuple[Schedule, datetime, datetime], seconds: list[int]
) -> None:
    windows, since, until = case
    around = stretches(windows, since - 9 * DAY, until + 9 * DAY, 100_000)
    edges = [edge for one in around for edge in (one.opens, one.closes) if edge and since <= edge < until]
    for now in [since + timedelta(seconds=number) for number in seconds] + edges:
        seen = outlook(windows, now)
        begun = [one for one in around if one.opens is None or one.opens <= now]
        open_now = [one for one in begun if one.closes is None or now < one.closes]
        assert seen.current == (open_now[0] if open_now else None)
        assert len(open_now) <= 1
        newest = begun[-1] if begun and not open_now else None
        lasting = newest is not None and newest.closes is not None and now < newest.closes + newest.overrun
        assert seen.closed == (newest if lasting else None)
        ahead = [one for one in around if one.opens is not None and one.opens > now]
        assert seen.following == ahead[0] if ahead else (not seen.following or seen.following not in around)


@settings(max_examples=40, deadline=None)
@given(situations(), st.integers(1, 4))
def test_of_many_the_first_are_listed(case: tuple[Schedule, datetime, datetime], most: int) -> None:
    windows, since, until = case

    assert stretches(windows, since, until, most) == stretches(windows, since, until, 10_000)[:most]


@settings(max_examples=40, deadline=None)
@given(situations())
def test_the_order_of_windows_says_nothing(case: tuple[Schedule, datetime, datetime]) -> None:
    windows, since, until = case

    assert stretches(windows, since, until, 99) == stretches(tuple(reversed(windows)), since, until, 99)


# -- changed clocks (S21)


@pytest.mark.parametrize(
    ("zone", "cron", "day", "opens"),
    [
        # left out: 02:00 to 03:00
        ("Europe/Berlin", "59 1 * * *", "2026-03-29", "2026-03-29T00:59Z"),
        ("Europe/Berlin", "0 2 * * *", "2026-03-29", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "30 2 * * *", "2026-03-29", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "59 2 * * *", "2026-03-29", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "0 3 * * *", "2026-03-29", "2026-03-29T01:00Z"),
        ("Europe/Berlin", "30 3 * * *", "2026-03-29", "2026-03-29T01:30Z"),
        # twice: 02:00 to 03:00
        ("Europe/Berlin", "59 1 * * *", "2026-10-25", "2026-10-24T23:59Z"),
        ("Europe/Berlin", "0 2 * * *", "2026-10-25", "2026-10-25T00:00Z"),
        ("Europe/Berlin", "59 2 * * *", "2026-10-25", "2026-10-25T00:59Z"),
        ("Europe/Berlin", "0 3 * * *", "2026-10-25", "2026-10-25T02:00Z"),
        ("America/New_York", "30 2 * * *", "2026-03-08", "2026-03-08T07:00Z"),
        ("America/New_York", "30 1 * * *", "2026-11-01", "2026-11-01T05:30Z"),
        ("America/New_York", "0 2 * * *", "2026-11-01", "2026-11-01T07:00Z"),
        # half an hour: 02:00 to 02:30 is left out, 01:30 to 02:00 comes twice
        ("Australia/Lord_Howe", "10 2 * * *", "2026-10-04", "2026-10-03T15:30Z"),
        ("Australia/Lord_Howe", "30 2 * * *", "2026-10-04", "2026-10-03T15:30Z"),
        ("Australia/Lord_Howe", "45 1 * * *", "2026-04-05", "2026-04-04T14:45Z"),
        ("Australia/Lord_Howe", "0 2 * * *", "2026-04-05", "2026-04-04T15:30Z"),
        # never changed
        ("Asia/Kathmandu", "30 2 * * *", "2026-03-29", "2026-03-28T20:45Z"),
        ("Asia/Kathmandu", "30 2 * * *", "2026-10-25", "2026-10-24T20:45Z"),
        # 00:00 to 01:00 is left out
        ("Africa/Cairo", "0 0 * * *", "2026-04-24", "2026-04-23T22:00Z"),
        ("Africa/Cairo", "30 0 * * *", "2026-04-24", "2026-04-23T22:00Z"),
    ],
)
def test_a_local_time_that_does_not_exist_comes_after_the_gap_and_of_two_the_first_counts(
    zone: str, cron: str, day: str, opens: str
) -> None:
    morning = datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    found = stretches(schedule(repeated(cron, "1m", zone)), morning, morning + 20 * HOUR, 9)

    assert found == (Stretch(read(opens), read(opens) + MINUTE, NONE),)


def test_an_hour_that_comes_twice_is_recorded_once() -> None:
    found = stretches(
        schedule(repeated("*/30 2 * * *", "5m", "Europe/Berlin")), read("2026-10-25"), read("2026-10-26"), 9
    )

    assert [one.opens for one in found] == [read("2026-10-25T00:00Z"), read("2026-10-25T00:30Z")]


def test_a_duration_is_elapsed_time_also_while_clocks_are_changed() -> None:
    nights = schedule(repeated("0 1 * * *", "3h", "Europe/Berlin"))

    assert outlook(nights, read("2026-03-29T00:30Z")).current == stretch("2026-03-29T00:00Z", "2026-03-29T03:00Z")
    assert outlook(nights, read("2026-10-25T00:30Z")).current == stretch("2026-10-24T23:00Z", "2026-10-25T02:00Z")


def test_a_day_that_never_was_begins_with_the_next() -> None:
    noon = schedule(repeated("0 12 * * *", "1h", "Pacific/Apia"))
    found = stretches(noon, read("2011-12-29T12:00Z"), read("2011-12-31T12:00Z"), 9)

    # The noon of the 30th is the first instant of the 31st, which comes after the 29th.
    assert found == (
        stretch("2011-12-29T22:00Z", "2011-12-29T23:00Z"),
        stretch("2011-12-30T10:00Z", "2011-12-30T11:00Z"),
        stretch("2011-12-30T22:00Z", "2011-12-30T23:00Z"),
    )


# -- one window


LESSON = schedule(repeated("0 9 * * 1-5", "1h", startEarly="1m", overrun="10m"))
MONDAY = stretch("2026-03-02T08:59Z", "2026-03-02T10:00Z", 10 * MINUTE)
TUESDAY = stretch("2026-03-03T08:59Z", "2026-03-03T10:00Z", 10 * MINUTE)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-02T08:58:59Z", Outlook(None, None, MONDAY)),
        ("2026-03-02T08:59:00Z", Outlook(MONDAY, None, TUESDAY)),
        ("2026-03-02T09:59:59Z", Outlook(MONDAY, None, TUESDAY)),  # who was down starts late
        ("2026-03-02T10:00:00Z", Outlook(None, MONDAY, TUESDAY)),
        ("2026-03-02T10:09:59Z", Outlook(None, MONDAY, TUESDAY)),
        ("2026-03-02T10:10:00Z", Outlook(None, None, TUESDAY)),
        ("2026-03-01T12:00:00Z", Outlook(None, None, MONDAY)),  # over the weekend
    ],
)
def test_a_window_opens_early_closes_on_time_and_may_be_overrun(now: str, expected: Outlook) -> None:
    assert outlook(LESSON, read(now)) == expected


def test_without_a_schedule_it_is_always_open() -> None:
    now = read("2026-03-02")

    assert outlook(None, now) == Outlook(Stretch(None, None, NONE), None, None)
    assert stretches(None, now, now + DAY, 5) == (Stretch(None, None, NONE),)
    assert stretches(None, now, now, 5) == stretches(None, now, now + DAY, 0) == ()


@pytest.mark.parametrize(
    ("window", "now", "expected"),
    [
        ({"from": "2026-03-02T09:00Z"}, "2026-03-02T08:59Z", Outlook(None, None, stretch("2026-03-02T09:00Z", None))),
        ({"from": "2026-03-02T09:00Z"}, "2036-03-02T09:00Z", Outlook(stretch("2026-03-02T09:00Z", None), None, None)),
        ({"until": "2026-03-02T09:00Z"}, "2026-03-02T08:59Z", Outlook(stretch(None, "2026-03-02T09:00Z"), None, None)),
        ({"until": "2026-03-02T09:00Z"}, "2026-03-02T09:00Z", Outlook(None, None, None)),
        ({"until": "2026-03-02T10:00+01:00"}, "2026-03-02T09:00Z", Outlook(None, None, None)),
        (
            {"until": "2026-03-02T09:00Z", "overrun": "1h"},
            "2026-03-02T09:59Z",
            Outlook(None, stretch(None, "2026-03-02T09:00Z", HOUR), None),
        ),
        ({"until": "2026-03-02T09:00Z", "overrun": "1h"}, "2026-03-02T10:00Z", Outlook(None, None, None)),
        (
            {"from": "2026-03-02T09:00Z", "until": "2026-03-02T10:00Z", "startEarly": "30d"},
            "2026-02-20T00:00Z",
            Outlook(stretch("2026-01-31T09:00Z", "2026-03-02T10:00Z"), None, None),
        ),
    ],
)
def test_an_edge_that_is_left_out_is_open(window: dict[str, Any], now: str, expected: Outlook) -> None:
    assert outlook(schedule(window), read(now)) == expected


def test_only_what_closed_last_can_be_overrun() -> None:
    long = {"from": "2026-03-02T08:00Z", "until": "2026-03-02T09:00Z", "overrun": "5h"}
    short = {"from": "2026-03-02T10:00Z", "until": "2026-03-02T11:00Z"}
    both = schedule(long, short)

    assert outlook(both, read("2026-03-02T09:30Z")).closed == stretch(
        "2026-03-02T08:00Z", "2026-03-02T09:00Z", 5 * HOUR
    )
    assert outlook(both, read("2026-03-02T11:30Z")) == Outlook(None, None, None)


@pytest.mark.parametrize(("first", "second", "overrun"), [("1h", "2h", 2 * HOUR), ("2h", "1h", 2 * HOUR)])
def test_of_windows_that_close_together_the_longer_overrun_counts(first: str, second: str, overrun: timedelta) -> None:
    closes = "2026-03-02T10:00Z"
    windows = schedule(
        {"from": "2026-03-02T08:00Z", "until": closes, "overrun": first},
        {"from": "2026-03-02T09:00Z", "until": closes, "overrun": second},
    )
    assert outlook(windows, read("2026-03-02T09:30Z")).current == stretch("2026-03-02T08:00Z", closes, overrun)


def test_a_window_inside_another_changes_nothing() -> None:
    windows = schedule(
        {"from": "2026-03-02T08:00Z", "until": "2026-03-02T12:00Z"}, repeated("0 9 * * *", "1h", overrun="1h")
    )
    assert outlook(windows, read("2026-03-02T11:30Z")).current == stretch("2026-03-02T08:00Z", "2026-03-02T12:00Z")


def test_a_stretch_holds_its_first_instant_and_not_its_last() -> None:
    window = schedule({"from": "2026-03-02T09:00Z", "until": "2026-03-02T10:00Z", "overrun": "1h"})

    assert stretches(window, read("2026-03-02T08:00Z"), read("2026-03-02T09:00Z"), 9) == ()
    assert stretches(window, read("2026-03-02T10:00Z"), read("2026-03-02T11:00Z"), 9) == ()
    assert len(stretches(window, read("2026-03-02T08:00Z"), read("2026-03-02T09:00:01Z"), 9)) == 1
    assert len(stretches(window, read("2026-03-02T09:59:59Z"), read("2026-03-02T11:00Z"), 9)) == 1


def test_what_never_closes_is_never_overrun() -> None:
    assert outlook(schedule({"from": "2026-03-02T09:00Z", "overrun": "1h"}), NOW).current == stretch(
        "2026-03-02T09:00Z", None
    )


def test_a_window_of_many_days_is_found_from_its_last() -> None:
    weeks = schedule(repeated("0 9 1 * *", "10d", overrun="12d"))
    march = stretch("2026-03-01T09:00Z", "2026-03-11T09:00Z", 12 * DAY)

    assert outlook(weeks, read("2026-03-11T08:59Z")).current == march
    assert outlook(weeks, read("2026-03-23T08:59Z")).closed == march
    assert outlook(weeks, read("2026-03-23T09:00Z")).closed is None


def test_a_chain_of_windows_is_followed_back_also_where_it_is_still_yesterday() -> None:
    first = repeated("0 19 1 * *", "23h", "Pacific/Honolulu")  # to the 3rd, 04:00 in UTC
    second = repeated("0 17 2 * *", "23h", "Pacific/Honolulu")

    assert outlook(schedule(first, second), read("2026-03-04T00:00Z")).current == stretch(
        "2026-03-02T05:00Z", "2026-03-04T02:00Z"
    )


# -- seldom, often, for ever


@pytest.mark.parametrize(
    ("cron", "opens"),
    [
        ("0 0 29 2 *", "2028-02-29T00:00Z"),
        ("0 0 29 2 */7", "2032-02-29T00:00Z"),  # and a Sunday
        ("0 0 * 2 MON#5", "2044-02-29T00:00Z"),
    ],
)
def test_what_comes_seldom_is_found(cron: str, opens: str) -> None:
    assert outlook(schedule(repeated(cron, "1h")), NOW) == Outlook(
        None, None, Stretch(read(opens), read(opens) + HOUR, NONE)
    )
    assert stretches(schedule(repeated(cron, "1h")), NOW, NOW + DAY, 9) == ()


@pytest.mark.parametrize(
    "windows",
    [
        [repeated("* * * * *", "24h", "Europe/Berlin")],
        [repeated("* * * * *", "1m")],
        [repeated("0 0 * * *", "24h")],
        [repeated("0 9 * * *", "3660d", "America/New_York")],
        [repeated("0 0 29 2 *", "3660d")],
        [repeated("0 0 * * *", "12h"), repeated("0 12 * * *", "12h")],
    ],
)
def test_what_never_pauses_is_open_at_both_ends(windows: list[dict[str, Any]]) -> None:
    assert outlook(schedule(*windows), NOW) == Outlook(Stretch(None, None, NONE), None, None)
    assert stretches(schedule(*windows), NOW, NOW + 31 * DAY, 9) == (Stretch(None, None, NONE),)


def test_a_season_has_its_edges() -> None:
    season = schedule(repeated("0 9 * 2-11 *", "24h"))

    assert outlook(season, NOW) == Outlook(
        stretch("2026-02-01T09:00Z", "2026-12-01T09:00Z"), None, stretch("2027-02-01T09:00Z", "2027-12-01T09:00Z")
    )


def test_what_lasts_beyond_the_horizon_is_taken_for_endless_until_its_end_is_nearer() -> None:
    years = schedule(repeated("0 0 1 1 *", "365d"))  # with a day between where a leap year ends

    assert outlook(years, read("2026-06-01")).current == Stretch(None, None, NONE)
    assert outlook(years, read("2028-06-01")).current == stretch(None, "2028-12-31T00:00Z")
    assert outlook(years, read("2029-01-01")).current == Stretch(read("2029-01-01T00:00Z"), None, NONE)
    assert outlook(years, read("2028-12-31T12:00Z")).current is None


def test_fixed_windows_are_exact_however_long_they_are() -> None:
    windows = [
        {"from": "2010-01-01T00:00Z", "until": "2028-01-01T00:00Z"},
        {"from": "2028-01-01T00:00Z", "until": "2040-01-01T00:00Z"},
    ]
    assert outlook(schedule(*windows), NOW).current == stretch("2010-01-01T00:00Z", "2040-01-01T00:00Z")
    # A cron window that touched its beginning would count, too, and nobody looks so far back.
    seen = outlook(schedule(*windows, repeated("0 9 * * *", "1h")), NOW).current
    assert seen == stretch(None, "2040-01-01T00:00Z")


@pytest.mark.parametrize("now", ["0001-01-01T00:00Z", "0001-01-02T00:00Z", "9999-12-31T23:59Z"])
@pytest.mark.parametrize(
    "window",
    [
        repeated("0 9 * * *", "3660d", startEarly="3660d", overrun="3660d"),
        {"from": "0001-01-01T00:00Z", "until": "9999-12-31T23:59:59Z", "startEarly": "3660d", "overrun": "3660d"},
    ],
)
def test_the_ends_of_the_calendar_are_no_danger(window: dict[str, Any], now: str) -> None:
    seen = outlook(schedule(window), read(now))

    assert seen.closed is None
    assert len(stretches(schedule(window), read(now), datetime.max.replace(tzinfo=UTC), 9)) <= 1


def test_asking_again_is_quick() -> None:
    windows = [schedule(repeated(f"{number % 60} {number // 60} * * 1-5", "1h")) for number in range(1000)]
    for one in windows:
        outlook(one, NOW)
    seconds = min(timeit.repeat(lambda: [outlook(one, NOW) for one in windows], number=1, repeat=3))

    assert seconds / len(windows) < 100e-6


def test_the_horizon_is_longer_than_a_year() -> None:
    assert HORIZON > 366 * DAY


def test_a_schedule_that_is_written_again_is_the_same() -> None:
    again = schedule(repeated("0 9 * * 1-5", "60m", startEarly="60s", overrun="600"))

    assert outlook(again, read("2026-03-02T09:00Z")) == outlook(LESSON, read("2026-03-02T09:00Z"))
