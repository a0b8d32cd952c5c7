"""`completion`: what bash really offers with the script, and what zsh and fish are answered."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from reconciler.cli.root import COMMANDS
from tests.cli.reading import PATIENCE, Shell, history, recording, write

# The function that the script registers is called as bash calls it; the words are those of the command line.
ASKING = """
source <(reconciler completion bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_reconciler_completion reconciler
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    shell = Shell(tmp_path, capsys)
    write(shell.ledger, [recording("standup"), recording("retro"), history("start-up"), recording("review", "night")])
    return shell


def environ(shell: Shell, **more: str) -> dict[str, str]:
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return {"PATH": programs, "HOME": str(shell.folder), "RECONCILER_STATE": str(shell.ledger), **more}


def ask(shell: Shell, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "--norc", "-c", ASKING, "bash", "reconciler", *words],
        cwd=shell.folder,
        env=environ(shell, **more),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )


def offered(shell: Shell, *words: str, **more: str) -> list[str]:
    """Press TAB behind the last word, in bash; nothing may be said beside what is offered."""
    answer = ask(shell, *words, **more)
    assert (answer.returncode, answer.stderr) == (0, "")
    return answer.stdout.split()


def test_commands_are_offered(shell: Shell) -> None:
    assert offered(shell, "") == list(COMMANDS)
    assert offered(shell, "ver") == ["version"]
    assert offered(shell, "--set", "night", "des") == ["describe"]


def test_options_are_offered_with_their_values(shell: Shell) -> None:
    assert offered(shell, "get", "--wa") == ["--watch"]
    assert offered(shell, "get", "--se") == ["--set"]
    assert offered(shell, "get", "-o", "j") == ["json"]
    assert offered(shell, "completion", "") == ["bash", "zsh", "fish"]


@pytest.mark.parametrize("command", ["get", "describe", "events", "files"])
def test_names_are_offered_also_of_history_to_who_reads(shell: Shell, command: str) -> None:
    assert offered(shell, command, "sta") == ["standup", "start-up"]


@pytest.mark.parametrize(
    "command", [["delete"], ["forget"], ["suspend"], ["wait"], ["plan", "--target"], ["apply", "--target"]]
)
def test_only_what_stands_is_offered_to_who_acts(shell: Shell, command: list[str]) -> None:
    assert offered(shell, *command, "") == ["retro", "standup"]


def test_a_name_is_offered_once(shell: Shell) -> None:
    assert offered(shell, "get", "standup", "") == ["retro", "start-up"]
    assert offered(shell, "describe", "standup", "") == []


@pytest.mark.parametrize(
    ("words", "more"),
    [
        (["--set", "night", "get", ""], {}),
        (["get", "--set", "night", ""], {}),
        (["get", ""], {"RECONCILER_SET": "night"}),
    ],
)
def test_names_are_those_of_the_set_that_is_meant(shell: Shell, words: list[str], more: dict[str, str]) -> None:
    assert offered(shell, *words, **more) == ["review"]


@pytest.mark.parametrize(
    "words",
    [
        ["gte", ""],
        ["gte", "--"],
        ["get", "--nope", ""],
        ["--nope", ""],
        ["wait", "--timeout", "never", "zzz"],
        ["'", ""],
    ],
)
def test_a_line_that_is_wrong_is_no_reason_to_complain(shell: Shell, words: list[str]) -> None:
    answer = ask(shell, *words)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("state", ["none.db", "broken.db", "postgresql://nowhere/x"])
def test_a_ledger_that_cannot_be_read_offers_nothing_and_says_nothing(shell: Shell, state: str) -> None:
    (shell.folder / "broken.db").write_text("no ledger\n" * 1000)
    before = shell.files()

    assert offered(shell, "get", "", RECONCILER_STATE=state) == []
    assert shell.files() == before


@pytest.mark.parametrize(
    "words",
    [
        ["validate"],
        ["render"],
        ["plan"],
        ["apply"],
        ["run"],
        ["delete", "-f"],
        ["import", "--manifests"],
        ["import", "-f"],
    ],
)
def test_paths_are_left_to_the_shell(shell: Shell, words: list[str]) -> None:
    answer = ask(shell, *words, "mani")
    assert answer.stdout.split() == []
    assert "compopt" in answer.stderr  # which works only where bash itself asks, as below


@contextmanager
def bash_at_a_terminal(shell: Shell) -> Iterator[int]:
    screen, inside = pty.openpty()
    with subprocess.Popen(
        ["bash", "--norc", "--noprofile", "-i"],
        cwd=shell.folder,
        env=environ(shell, TERM="dumb", PS1="ready> "),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        start_new_session=True,
    ) as bash:
        os.close(inside)
        try:
            yield screen
        finally:
            bash.kill()
            os.close(screen)


def see(screen: int, words: str) -> str:
    shown, until = "", time.monotonic() + PATIENCE
    while words not in shown:
        assert select.select([screen], [], [], max(until - time.monotonic(), 0))[0], shown
        shown += os.read(screen, 4096).decode()
    return shown


def test_a_person_at_bash_presses_tab(shell: Shell) -> None:
    (shell.folder / "manifests").mkdir()
    with bash_at_a_terminal(shell) as screen:
        see(screen, "ready> ")
        os.write(screen, b"source <(reconciler completion bash); echo sour''ced\n")
        see(screen, "sourced")
        os.write(screen, b"reconciler desc\t")
        see(screen, "reconciler describe ")
        os.write(screen, b"stan\t")
        see(screen, "standup ")
        os.write(screen, b"\x15reconciler validate mani\t")  # after ^U, which clears the line
        see(screen, "validate manifests/")


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_is_for_its_shell(shell: Shell, name: str) -> None:
    answer = shell("completion", name)

    assert (answer.code, answer.err) == (0, "")
    assert f"_RECONCILER_COMPLETE={name}_complete" in answer.out
    assert "_reconciler_completion" in answer.out


@pytest.mark.parametrize(
    ("instruction", "words", "at", "told"),
    [
        ("zsh_complete", "reconciler get stan", "2", "plain\nstandup\n_\n"),
        ("zsh_complete", "reconciler vers", "1", f"plain\nversion\n{COMMANDS['version'][1]}\n"),
        ("fish_complete", "reconciler get stan", "stan", "plain,standup\n"),
        ("fish_complete", "reconciler vers", "vers", f"plain,version\t{COMMANDS['version'][1]}\n"),
    ],
)
def test_zsh_and_fish_are_answered_as_their_scripts_expect(
    shell: Shell, instruction: str, words: str, at: str, told: str
) -> None:
    answer = subprocess.run(
        ["reconciler"],
        env=environ(shell, _RECONCILER_COMPLETE=instruction, COMP_WORDS=words, COMP_CWORD=at),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, told, "")


def test_another_shell_is_wrong_usage(shell: Shell) -> None:
    answer = shell("completion", "tcsh")
    assert answer.code == 64
    assert "'bash', 'zsh', 'fish'" in answer.err
