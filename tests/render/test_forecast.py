"""A forecast as people and programs read it: one sentence, then what supports it, on 80 columns."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from reconciler.planning.forecast import Allowance, AppForecast, Delay, Forecast, Minute
from reconciler.render.forecast import as_json, as_text, headline

NOW = datetime(2026, 3, 4, 9, 30, 12, 500_000, tzinfo=UTC)
EIGHT = datetime(2026, 3, 5, 8, tzinfo=UTC)
LESSONS = AppForecast(
    allowance=Allowance(("default",), 9.5, 50),
    recordings=202,
    peak=63,
    peak_at=EIGHT,
    starts=402,
    minutes=tuple(Minute(EIGHT + timedelta(minutes=number), 10 + number, (10 + number) / 285) for number in range(7)),
    delays=(
        Delay("seminar", 1, EIGHT, None, "room"),
        Delay("stage", 2, EIGHT + timedelta(seconds=30), timedelta(minutes=12, seconds=30), "room"),
        *(Delay(f"room-{number:02}", 1, EIGHT, timedelta(seconds=14), "quota") for number in range(10)),
        Delay("stage", 2, NOW, timedelta(seconds=9), "room"),
        Delay("lobby", 1, NOW, timedelta(seconds=2), "room"),
    ),
)
QUIET = replace(LESSONS, peak=3, peak_at=NOW, starts=0, minutes=(), delays=(), recordings=1)
FULL = Forecast(NOW, NOW + timedelta(days=2), cut_short=False, apps=(LESSONS,), suspended=1, occupied=2)
CALM = replace(FULL, apps=(QUIET,), suspended=0, occupied=0)


def test_a_forecast_for_people() -> None:
    assert as_text(FULL) == (
        "Until Fri 2026-03-06 09:30 UTC 13 recorders start late or not at all.\n"
        "\n"
        "App default: 202 recordings\n"
        "  Peak    63 recorders at once, on Thu 2026-03-05 08:00 UTC\n"
        "  Limit   50, 13 too few\n"
        "  Starts  402, at most 16 in a minute; the quota takes 285 (9.5 calls/s)\n"
        "\n"
        "  BUSIEST MINUTE (UTC)  STARTS  OF QUOTA\n"
        "  Thu 2026-03-05 08:06      16        6%\n"
        "  Thu 2026-03-05 08:05      15        5%\n"
        "  Thu 2026-03-05 08:04      14        5%\n"
        "  Thu 2026-03-05 08:03      13        5%\n"
        "  Thu 2026-03-05 08:02      12        4%\n"
        "  and 2 more\n"
        "\n"
        "  WORST DELAY (UTC)        LATE BY     BECAUSE  TIMES  RECORDER\n"
        "  Thu 2026-03-05 08:00     not at all  no room      1  seminar\n"
        "  Thu 2026-03-05 08:00:30  12m         no room      2  stage (copy 2)\n"
        "  Thu 2026-03-05 08:00     14s         quota        1  room-00\n"
        "  Thu 2026-03-05 08:00     14s         quota        1  room-01\n"
        "  Thu 2026-03-05 08:00     14s         quota        1  room-02\n"
        "  Thu 2026-03-05 08:00     14s         quota        1  room-03\n"
        "  Thu 2026-03-05 08:00     14s         quota        1  room-04\n"
        "  Thu 2026-03-05 08:00     14s         quota        1  room-05\n"
        "  Thu 2026-03-05 08:00     14s         quota        1  room-06\n"
        "  Thu 2026-03-05 08:00     14s         quota        1  room-07\n"
        "  and 3 more\n"
        "\n"
        "2 recordings wait for people; they are counted as if there were always some.\n"
        "1 recording is suspended and not counted.\n"
    )
    assert max(map(len, as_text(FULL).splitlines())) <= 80


def test_where_all_is_well_it_is_short() -> None:
    assert as_text(CALM) == (
        "Until Fri 2026-03-06 09:30 UTC all is on time.\n"
        "\n"
        "App default: 1 recording\n"
        "  Peak    3 recorders at once, now\n"
        "  Limit   50\n"
        "  Starts  none; the quota takes 285 (9.5 calls/s)\n"
    )


def test_a_limit_that_is_not_known_is_said_to_be_agoras_own() -> None:
    unknown = replace(QUIET, allowance=Allowance(("default",), 9.5, None))
    text = as_text(replace(CALM, apps=(unknown,)))

    assert "  Limit   Agora's own, not known here: set RECONCILER_MAX_RECORDERS to compare\n" in text
    assert max(map(len, text.splitlines())) <= 80


def test_apps_of_one_app_id_stand_together_and_others_apart() -> None:
    shared = replace(QUIET, allowance=Allowance(("default", "second"), 9.5, 50), recordings=2)
    other = replace(QUIET, allowance=Allowance(("third",), 0.95, 50), peak=0)
    text = as_text(replace(CALM, apps=(shared, other)))

    assert "\nApps default, second (one App ID): 2 recordings\n" in text
    assert "\nApp third: 1 recording\n  Peak    no recorder\n" in text
    assert "the quota takes 28 (0.95 calls/s)" in text


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (replace(QUIET, starts=1), "the only start is on time."),
        (replace(QUIET, starts=2), "all 2 starts are on time."),
        (replace(QUIET, delays=LESSONS.delays[1:2]), "1 recorder starts late."),
        (replace(QUIET, delays=LESSONS.delays[1:3]), "2 recorders start late."),
        (replace(QUIET, delays=LESSONS.delays[:1]), "1 recorder starts late or not at all."),
        (replace(QUIET, peak=51), "no start is late, but more is wanted at once than there is room for."),
    ],
)
def test_one_sentence_says_it_all(app: AppForecast, said: str) -> None:
    assert headline(replace(CALM, apps=(app,))) == f"Until Fri 2026-03-06 09:30 UTC {said}"


def test_the_sentence_is_about_every_app() -> None:
    third = replace(LESSONS, delays=(Delay("other", 1, EIGHT, timedelta(seconds=2), "quota"),), starts=3)

    assert headline(replace(CALM, apps=(QUIET, third, LESSONS))).endswith(" 14 recorders start late or not at all.")
    assert headline(replace(CALM, apps=(replace(QUIET, starts=2), replace(QUIET, starts=3)))).endswith(
        " all 5 starts are on time."
    )


def test_nothing_declared_is_said() -> None:
    assert as_text(replace(CALM, apps=(), suspended=2)) == (
        "Nothing is ahead: no recording is declared that is not suspended.\n"
        "\n"
        "2 recordings are suspended and not counted.\n"
    )


def test_what_was_left_out_or_assumed_is_said_at_the_end() -> None:
    text = as_text(replace(CALM, cut_short=True, occupied=1))

    assert text.endswith(
        "\n\n"
        "What opens after Fri 2026-03-06 09:30 UTC is not counted: there are too many.\n"
        "1 recording waits for people; it is counted as if there were always some.\n"
    )  # fmt: skip
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize(
    ("forecast", "code"), [(CALM, 32), (FULL, 33), (replace(CALM, apps=(replace(QUIET, peak=51),)), 33)]
)
def test_the_sentence_is_green_where_all_fits_and_yellow_where_not(forecast: Forecast, code: int) -> None:
    assert as_text(forecast, color=True).startswith(f"\x1b[{code}mUntil ")
    assert "\x1b[1mApp default" in as_text(forecast, color=True)
    assert "\x1b" not in as_text(forecast)


def test_a_forecast_for_programs_holds_every_minute_and_every_delay() -> None:
    document = json.loads(as_json(FULL))
    [app] = document["apps"]

    assert {name: value for name, value in document.items() if name != "apps"} == {
        "from": "2026-03-04T09:30:12.500000Z",
        "until": "2026-03-06T09:30:12.500000Z",
        "cutShort": False,
        "suspended": 1,
        "occupied": 2,
    }
    assert {name: value for name, value in app.items() if name not in {"startsPerMinute", "late"}} == {
        "apps": ["default"],
        "recordings": 202,
        "maxRecorders": 50,
        "callsPerSecond": 9.5,
        "peak": {"recorders": 63, "at": "2026-03-05T08:00:00Z"},
        "starts": 402,
    }
    assert len(app["startsPerMinute"]) == 7
    assert app["startsPerMinute"][0] == {"at": "2026-03-05T08:00:00Z", "starts": 10, "quotaShare": 0.0351}
    assert len(app["late"]) == 14
    assert app["late"][:2] == [
        {"name": "seminar", "copy": 1, "due": "2026-03-05T08:00:00Z", "seconds": None, "because": "room"},
        {"name": "stage", "copy": 2, "due": "2026-03-05T08:00:30Z", "seconds": 750.0, "because": "room"},
    ]


def test_each_copy_has_a_row_and_what_is_due_already_is_due_now() -> None:
    delays = (Delay("a", 1, NOW, None, "room"), Delay("a", 2, NOW, timedelta(seconds=9), "room"))
    text = as_text(replace(CALM, apps=(replace(QUIET, delays=delays),)))

    assert text.startswith("Until Fri 2026-03-06 09:30 UTC 2 recorders start late or not at all.\n")
    assert text.endswith(
        "  WORST DELAY (UTC)  LATE BY     BECAUSE  TIMES  RECORDER\n"
        "  now                not at all  no room      1  a\n"
        "  now                9s          no room      1  a (copy 2)\n"
    )


def test_more_is_said_only_where_there_is_more() -> None:
    for number, more in ((5, False), (6, True)):
        text = as_text(replace(CALM, apps=(replace(QUIET, minutes=LESSONS.minutes[:number]),)))
        assert ("  and 1 more\n" in text) == ("more" in text) == more
