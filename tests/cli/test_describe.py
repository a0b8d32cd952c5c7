"""`describe`: one recording, also one that is only history."""

from pathlib import Path

import pytest

from tests.cli.reading import Shell, history, recording, write


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    shell = Shell(tmp_path, capsys)
    write(shell.ledger, [recording("standup", team="core"), history("old")])
    return shell


def test_it_says_first_why_and_then_everything_else(shell: Shell) -> None:
    answer = shell("describe", "standup")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(
        "Name:           standup\nSet:            default\nPhase:          Recording\n"
        "Why:            status 5, 1 file\nAs declared:    True (Confirmed)\n"
    )
    titles = [line for line in answer.out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Conditions:", "Sessions:", "Files:", "Events:"]
    assert "oss://lessons/S-standup.m3u8" in answer.out
    assert "recording.found    #1       the service finds it again" in answer.out


def test_history_can_still_be_described(shell: Shell) -> None:
    answer = shell("describe", "old")
    assert answer.code == 0
    assert "Phase:          Stopped\nWhy:            its manifest is gone\n" in answer.out
    assert "Declared:       no\n" in answer.out


def test_an_unknown_name_fails_with_what_may_have_been_meant(shell: Shell) -> None:
    answer = shell("describe", "standpu")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "error: there is no recording standpu in set default; did you mean standup?\n"


def test_without_a_ledger_there_is_nothing_to_describe(shell: Shell) -> None:
    answer = shell("describe", "standup", RECONCILER_STATE=str(shell.folder / "none.db"))
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.splitlines()[1] == "error: there is no recording standup in set default"


def test_a_name_is_needed(shell: Shell) -> None:
    assert shell("describe").code == 64
