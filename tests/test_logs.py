"""Logs: what a line holds, and what it never does."""

import io
import json
from typing import Any, Literal, TypeAlias

import pytest

from reconciler.logs import set_up_logs
from reconciler.model import Secret

Format: TypeAlias = Literal["json", "console"]

KEY = 'pa/ss"wörd'


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_away_from_a_terminal_and_begins_with_time_level_and_event() -> None:
    stream = io.StringIO()
    set_up_logs("auto", "info", stream).info("recording.started", name="standup", sid="s1", restarts=0)

    (line,) = lines(stream)
    assert list(line)[:3] == ["timestamp", "level", "event"]
    assert line["timestamp"].endswith("Z")
    assert (line["level"], line["event"], line["name"], line["restarts"]) == ("info", "recording.started", "standup", 0)


def test_a_line_is_for_people_on_a_terminal() -> None:
    stream = Terminal()
    set_up_logs("auto", "info", stream).info("recording.started", name="standup")

    assert "recording.started" in stream.getvalue()
    assert "name=standup" in stream.getvalue()
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(("log_format", "stream"), [("json", Terminal()), ("console", io.StringIO())])
def test_the_format_can_be_chosen(log_format: Format, stream: io.StringIO) -> None:
    set_up_logs(log_format, "info", stream).info("recording.started")

    assert stream.getvalue().startswith("{") == (log_format == "json")


def test_what_is_below_the_level_is_not_said() -> None:
    stream = io.StringIO()
    log = set_up_logs("json", "warning", stream)
    log.info("recording.polled")
    log.warning("recording.missing")

    assert [line["event"] for line in lines(stream)] == ["recording.missing"]


@pytest.mark.parametrize(
    "value",
    [
        KEY,
        f"start refused: key {KEY} is wrong",
        {"deep": [{"deeper": (f"x{KEY}y",)}]},
        {KEY: 1},
        Secret(KEY),
        [Secret(KEY)],
        {"body": json.dumps({"k": KEY})},
        {"url": "https://h/?k=pa%2Fss%22w%C3%B6rd"},
        KEY.encode(),
        ValueError(KEY),
        {KEY},
    ],
)
def test_a_known_secret_is_masked_wherever_it_stands(value: object) -> None:
    stream = io.StringIO()
    set_up_logs("json", "info", stream, [Secret(KEY)]).info("call.sent", said=value)

    assert "****" in stream.getvalue()
    assert "ss" not in json.dumps(lines(stream)[0]["said"])


@pytest.mark.parametrize(
    "name",
    ["customerSecret", "token", "stsToken", "access_key", "accessKey", "Authorization", "password", "certificate"],
)
def test_what_is_named_like_a_secret_is_masked_unknown(name: str) -> None:
    stream = io.StringIO()
    set_up_logs("json", "info", stream).info("call.sent", **{name: "hush"}, body={name: ["hush", {"a": "hush"}]})

    assert "hush" not in stream.getvalue()


def test_what_is_no_secret_is_left_alone() -> None:
    stream = io.StringIO()
    set_up_logs("json", "info", stream, [Secret("abc")]).info(
        "recording.held", key="default/standup", keys=["a"], token=None, why="abcdef", until=1.5
    )

    (line,) = lines(stream)
    assert (line["key"], line["keys"], line["token"], line["why"], line["until"]) == (
        "default/standup",
        ["a"],
        None,
        "abcdef",
        1.5,
    )


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_a_secret_in_an_exception_is_masked(log_format: Format) -> None:
    stream = io.StringIO()
    log = set_up_logs(log_format, "info", stream, [Secret("open-sesame")])
    try:
        int("open-sesame is no door")
    except ValueError:
        log.exception("turn.failed")

    assert "'**** is no door'" in stream.getvalue()
    assert "sesame" not in stream.getvalue()


def test_a_secret_that_is_learnt_later_is_masked_from_then_on() -> None:
    stream = io.StringIO()
    secrets: list[Secret] = []
    log = set_up_logs("json", "info", stream, secrets)
    secrets.append(Secret("open-sesame"))
    log.info("call.sent", said="open-sesame")

    assert "sesame" not in stream.getvalue()


def test_who_is_named_in_an_address_is_masked() -> None:
    stream = io.StringIO()
    set_up_logs("json", "info", stream).info("ledger.opened", at="postgresql://me:hush@db/x")

    assert lines(stream)[0]["at"] == "postgresql://****@db/x"


def test_a_value_that_contains_itself_does_not_hang() -> None:
    stream = io.StringIO()
    loop: dict[str, Any] = {}
    loop["again"] = loop
    set_up_logs("json", "info", stream).info("odd", loop=loop)

    assert "…" in lines(stream)[0]["loop"]["again"]["again"].__repr__()
