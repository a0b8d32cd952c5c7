"""`files`: what was recorded over every session, of everything or of one."""

import json
from pathlib import Path

import pytest

from tests.cli.reading import Shell, history, recording, write


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    shell = Shell(tmp_path, capsys)
    write(shell.ledger, [recording("standup"), history("old"), recording("review", "night")])
    return shell


def test_json_lists_live_and_ended_sessions_of_the_set(shell: Shell) -> None:
    answer = shell("files", "-o", "json")
    assert (answer.code, answer.err) == (0, "")
    assert sorted((one["name"], one["uri"], one["uploadingStatus"]) for one in json.loads(answer.out)) == [
        ("old", "oss://lessons/S-old.m3u8", "uploaded"),
        ("standup", "oss://lessons/S-standup.m3u8", None),
    ]


def test_the_table_of_one_recording(shell: Shell) -> None:
    header, row = shell("files", "old").out.splitlines()
    assert header.split() == ["NAME", "SESSION", "FROM", "LENGTH", "UID", "TRACK", "UPLOAD", "URI"]
    assert row.split()[3:] == ["25h", "0", "audio_and_video", "uploaded", "oss://lessons/S-old.m3u8"]


def test_another_set_has_other_files(shell: Shell) -> None:
    assert [one["name"] for one in json.loads(shell("files", "-o", "json", "--set", "night").out)] == ["review"]


def test_no_files_are_an_empty_list_and_a_note(shell: Shell) -> None:
    answer = shell("files", "-o", "json", "--set", "day")
    assert (answer.code, answer.out, answer.err) == (0, "[]\n", "no files in set day\n")


def test_without_a_ledger_there_is_an_empty_list_and_a_note(shell: Shell) -> None:
    answer = shell("files", "-o", "json", RECONCILER_STATE=str(shell.folder / "none.db"))
    assert (answer.code, answer.out) == (0, "[]\n")
    assert "there is no ledger yet" in answer.err


def test_an_unknown_name_fails(shell: Shell) -> None:
    answer = shell("files", "odl")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err.endswith("did you mean old?\n")
