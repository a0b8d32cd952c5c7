"""Times, ages and tables, as every rendering writes them."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from reconciler.render.text import age, clip, columns, counted, moment, paint, printable, span, to_the_second

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (900, "15m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 300, "3h5m"),
        (8 * 3600 + 300, "8h"),
        (47 * 3600, "47h"),
        (49 * 3600, "2d1h"),
        (48 * 3600, "2d"),
        (9 * 86400 + 3600, "9d"),
    ],
)
def test_a_span_is_told_as_kubectl_does(seconds: float, words: str) -> None:
    assert span(timedelta(seconds=seconds)) == words


def test_an_age_is_never_negative() -> None:
    assert age(NOON + timedelta(hours=1), NOON) == "0s"
    assert age(NOON - timedelta(hours=1), NOON) == "60m"


def test_times_are_rfc_3339_in_utc() -> None:
    assert moment(NOON.astimezone(timezone(timedelta(hours=2)))) == "2026-01-01T12:00:00Z"
    assert moment(NOON.replace(microsecond=250_000)) == "2026-01-01T12:00:00.250000Z"
    assert to_the_second(NOON.replace(microsecond=250_000)) == "2026-01-01T12:00:00Z"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain → text", "plain → text"),
        ("\x1b[2J", r"\x1b[2J"),
        ("two\nlines", r"two\nlines"),
        ("\u202eright to left", r"\u202eright to left"),
        ("\udc80 half a character", r"\udc80 half a character"),
    ],
)
def test_text_from_outside_is_shown_not_obeyed(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_colour_is_added_only_on_demand_and_never_to_nothing() -> None:
    assert (paint("x", "red", color=True), paint("x", "red", color=False)) == ("\x1b[31mx\x1b[0m", "x")
    assert paint("", "red", color=True) == ""


def test_columns_are_aligned_and_the_last_is_free() -> None:
    assert columns([("A", "LONG", "END"), ("wide", "x", "any length of words")], indent="> ") == [
        "> A     LONG  END",
        "> wide  x     any length of words",
    ]


def test_lines_are_cut_to_a_width_and_only_to_one_that_is_known() -> None:
    rows = [("name", "a message that is long")]
    assert columns(rows, width=14) == ["name  a messa…"]
    assert columns(rows) == ["name  a message that is long"]
    assert (clip("abc", 3), clip("abcd", 3), clip("abc", 0)) == ("abc", "ab…", "…")


def test_one_is_no_plural() -> None:
    assert (counted(1, "call"), counted(0, "call"), counted(2, "call")) == ("1 call", "0 calls", "2 calls")
