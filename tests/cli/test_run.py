"""`run`: what it refuses before anything is read, and how quickly."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.acting import PATIENCE, Place, kept, place

URL = "https://example.com/lessons.git"


@pytest.fixture
def here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Place]:
    with place(tmp_path, capfd) as made:
        yield made


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["-"], "standard input has only one content"),
        (["manifests", "-"], "standard input has only one content"),
        (["manifests", "--git", URL], "a daemon has one source: paths, or --git"),
        (["--git", URL, "--branch", "main", "--tag", "v1"], "name one of --branch, --tag and --commit"),
        (["--git", URL, "--branch", "main", "--commit", "5d41"], "name one of --branch, --tag and --commit"),
        (["--git", URL, "--tag", "v1", "--commit", "5d41"], "name one of --branch, --tag and --commit"),
        (["--branch", "main"], "are for --git"),
        (["--tag", "v1"], "are for --git"),
        (["--commit", "5d41"], "are for --git"),
        (["--path", "lessons"], "are for --git"),
        (["--verify-signatures"], "are for --git"),
        (["--prune"], "No such option '--prune'"),
    ],
)
def test_wrong_usage_is_64_before_anything_else_is_looked_at(here: Place, argv: list[str], told: str) -> None:
    answer = here("run", *argv, RECONCILER_STATE=None, RECONCILER_QPS="many")

    assert (answer.code, answer.out) == (64, "")
    assert told in answer.err


def test_without_a_terminal_a_ledger_must_be_named(here: Place) -> None:
    answer = here("run", RECONCILER_STATE=None)

    assert answer.code == 4
    assert answer.err.startswith("error: RECONCILER_STATE is not set")


def test_settings_with_a_fault_are_1(here: Place) -> None:
    answer = here("run", RECONCILER_QPS="many")

    assert answer.code == 1
    assert "RECONCILER_QPS" in answer.err


def test_a_set_has_one_daemon(here: Place) -> None:
    with kept(here, "a"), here.process("run", environ={"RECONCILER_LISTEN": "127.0.0.1:0"}) as process:
        said = process.communicate(timeout=PATIENCE)[1]

    assert process.returncode == 1
    assert "error: another daemon keeps set default on this ledger already, from ./there" in said
    assert "--set" in said


def test_a_daemon_that_is_refused_has_neither_listened_nor_begun(here: Place) -> None:
    with kept(here, "a"), socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"  # who tries to listen there is refused for that
        with here.process("run", environ={"RECONCILER_LISTEN": listen, "RECONCILER_LOG_FORMAT": "json"}) as process:
            said = process.communicate(timeout=PATIENCE)[1]

    assert process.returncode == 1
    assert said.startswith("error: another daemon keeps set default")
    assert len(said.splitlines()) == 1, "no line of the log"


def test_help_comes_without_loading_the_daemon(here: Place) -> None:
    program = (
        "import sys; from reconciler.cli.root import run; code = run(['run', '--help'], {}, None); "
        "print(sorted({'asyncio', 'httpx', 'pydantic', 'starlette', 'watchfiles'} & sys.modules.keys()), code)"
    )
    began = time.perf_counter()
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert time.perf_counter() - began < 5
    assert shown.stdout.splitlines()[-1] in ("[] 0", "['asyncio'] 0")
    assert "--verify-signatures" in shown.stdout
