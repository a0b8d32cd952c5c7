"""`events`: the history, of everything or of one, since a time."""

import json
from datetime import timedelta
from pathlib import Path

import pytest

from tests.cli.reading import NOW, Shell, history, recording, write


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    shell = Shell(tmp_path, capsys)
    write(shell.ledger, [recording("standup"), history("old"), recording("review", "night")])
    return shell


def told(text: str) -> list[tuple[str, str]]:
    documents = [json.loads(line) for line in text.splitlines()]
    return [(one["name"], one["event"]) for one in documents]


def test_lines_tell_time_name_event_session_and_reason(shell: Shell) -> None:
    answer = shell("events", "old")
    assert (answer.code, answer.err) == (0, "")
    assert [line.split(maxsplit=4)[1:] for line in answer.out.splitlines()] == [
        ["old", "recording.started", "#1", "accepted"],
        ["old", "recording.found", "#1", "the service finds it again"],
    ]


def test_json_lines_hold_the_whole_set(shell: Shell) -> None:
    assert told(shell("events", "-o", "json").out) == [
        ("standup", "recording.started"),
        ("standup", "recording.found"),
        ("old", "recording.started"),
        ("old", "recording.found"),
    ]


@pytest.mark.parametrize(
    ("since", "events"),
    [
        ("5m", []),
        ("1h", ["recording.found"]),
        ("1h30m", ["recording.found"]),
        ("2d", ["recording.started", "recording.found"]),
        pytest.param((NOW - timedelta(hours=2)).isoformat(), ["recording.found"], id="a time two hours ago"),
        ("2020-01-31T09:00:00Z", ["recording.started", "recording.found"]),
    ],
)
def test_since_leaves_the_older_ones_out(shell: Shell, since: str, events: list[str]) -> None:
    assert [event for _, event in told(shell("events", "standup", "--since", since, "-o", "json").out)] == events


@pytest.mark.parametrize("since", ["yesterday", "5", "", "2026-01-31", "2026-01-31T09:00:00", "999999999d"])
def test_a_time_that_is_none_is_wrong_usage(shell: Shell, since: str) -> None:
    answer = shell("events", "--since", since)
    assert (answer.code, answer.out) == (64, "")
    assert "say 30m, 24h, 7d, or one with its zone" in answer.err


def test_no_events_are_nothing_and_a_note(shell: Shell) -> None:
    answer = shell("events", "--set", "day")
    assert (answer.code, answer.out, answer.err) == (0, "", "no events in set day\n")


def test_without_a_ledger_there_is_nothing_and_a_note(shell: Shell) -> None:
    answer = shell("events", RECONCILER_STATE=str(shell.folder / "none.db"))
    assert (answer.code, answer.out) == (0, "")
    assert "there is no ledger yet" in answer.err


def test_an_unknown_name_fails(shell: Shell) -> None:
    answer = shell("events", "odl")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.endswith("did you mean old?\n")
