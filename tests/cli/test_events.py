"""`events`: the history, of everything or of one, since a time."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.model import Entry, Event, Key
from tests.cli.reading import BEGUN, NOW, Shell, events_of, history, recording, write


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    shell = Shell(tmp_path, capsys)
    write(shell.ledger, [recording("standup"), history("old"), recording("review", "night")])
    return shell


def told(text: str) -> list[tuple[str | None, str]]:
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


# -- --follow


def numbered(first: int, last: int) -> Callable[[Entry], tuple[Event, ...]]:
    """Give events to write, whose reasons are numbers; all of the same moment."""
    return lambda entry: tuple(
        Event(NOW, entry.key, "recording.updated", str(number)) for number in range(first, last + 1)
    )


def reasons(lines: list[str]) -> list[str]:
    return [json.loads(line)["reason"] for line in lines]


def test_following_begins_with_the_newest_and_goes_on_with_what_comes(shell: Shell) -> None:
    write(shell.ledger, [recording("standup")], numbered(1, 50))
    with shell.following("events", "--follow", "-o", "json") as follow:
        assert reasons(follow.lines(20)) == [str(number) for number in range(31, 51)]

        write(shell.ledger, [recording("review", "night")], numbered(51, 51))
        write(shell.ledger, [recording("old")], numbered(52, 54))
        assert reasons(follow.lines(3)) == ["52", "53", "54"]


def test_nothing_is_lost_or_told_twice_while_others_write(shell: Shell) -> None:
    with shell.following("events", "-f", "-o", "json") as follow:
        follow.lines(4)
        for number in range(40):
            write(shell.ledger, [recording("standup")], numbered(number, number))
        assert reasons(follow.lines(40)) == [str(number) for number in range(40)]
        code, out, _ = follow.interrupt()
    assert (code, out) == (130, b"")


def test_following_since_a_time_begins_with_everything_since(shell: Shell) -> None:
    write(shell.ledger, [recording("standup")], numbered(1, 30))
    with shell.following("events", "-f", "--since", "1h", "-o", "json") as follow:
        assert len(follow.lines(2 + 30)) == 32  # the older two of the four at the beginning are left out
        write(shell.ledger, [recording("standup")], numbered(31, 31))
        assert reasons(follow.lines(1)) == ["31"]


def test_following_one_that_has_no_events_since_then_begins_with_its_first_new_one(shell: Shell) -> None:
    with shell.following("events", "standup", "-f", "--since", "5m", "-o", "json") as follow:
        assert follow.process.stderr.readline() == b"no events in set default\n"
        write(shell.ledger, [recording("old")], numbered(1, 1))
        write(
            shell.ledger,
            [recording("standup")],
            lambda entry: (
                Event(BEGUN, entry.key, "recording.updated", "old"),
                Event(datetime.now(UTC), entry.key, "recording.updated", "2"),
            ),
        )
        assert reasons(follow.lines(1)) == ["2"]


def test_lines_that_follow_stand_under_each_other(shell: Shell) -> None:
    with shell.following("events", "-f") as follow:
        before = follow.lines(4)
        write(shell.ledger, [recording("old")], numbered(7, 7))
        line = follow.line()
    assert line.index("recording.updated") == before[0].index("recording.started")
    assert line.index("-  ") == before[0].index("#1")


def test_following_waits_for_the_ledger(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = Shell(tmp_path, capsys)
    with empty.following("events", "-f", "-o", "json") as follow:
        assert b"there is no ledger yet" in follow.process.stderr.readline()
        write(empty.ledger, [recording("standup")], numbered(1, 2))
        assert reasons(follow.lines(2)) == ["1", "2"]


def test_following_what_is_unknown_fails_at_once(shell: Shell) -> None:
    with shell.following("events", "odl", "-f") as follow:
        code, out, _ = follow.end()
    assert (code, out) == (1, b"")


def test_ctrl_c_ends_following_with_130_and_without_a_word(shell: Shell) -> None:
    with shell.following("events", "-f") as follow:
        follow.lines(4)
        code, out, err = follow.interrupt()
    assert (code, out, err.strip()) == (130, b"", b"")


def frozen_by(entry: Entry) -> tuple[Event, ...]:
    return (*events_of(entry), Event(NOW, Key("default", ""), "set.frozen", "maintenance", "by alice"))


def test_what_happened_to_the_set_is_told_of_the_set_alone(empty: Shell) -> None:
    write(empty.ledger, [recording("standup")], frozen_by)

    assert told(empty("events", "-o", "json").out)[-1] == (None, "set.frozen")
    assert empty("events").out.splitlines()[-1].split()[1:] == [
        *("-", "set.frozen", "-", "maintenance:", "by", "alice"),
    ]
    assert "set.frozen" not in empty("events", "standup").out


def test_what_happens_to_the_set_is_followed_unless_one_recording_is(empty: Shell) -> None:
    write(empty.ledger, [recording("standup")])
    with (
        empty.following("events", "-f", "-o", "json") as everything,
        empty.following("events", "standup", "-f", "-o", "json") as one,
    ):
        everything.lines(2)
        one.lines(2)
        write(empty.ledger, [recording("standup")], frozen_by)

        assert told("\n".join(everything.lines(3)))[-1] == (None, "set.frozen")
        assert told("\n".join(one.lines(2))) == [("standup", "recording.started"), ("standup", "recording.found")]
        write(empty.ledger, [recording("standup")])
        assert told(one.line()) == [("standup", "recording.started")]
