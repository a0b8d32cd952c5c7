"""The command line as a whole: help, exit codes, what is imported, and what bad input never shows."""

import asyncio
import importlib.util
import io
import os
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest

from reconciler import __version__
from reconciler.cli.root import COMMANDS, explain, run
from reconciler.cli.terminal import Here
from reconciler.errors import (
    AppRejectedError,
    ClaimLostError,
    Fault,
    LedgerError,
    ManifestError,
    NoRoomError,
    OutcomeUnknownError,
    Place,
    Problem,
    RejectedError,
    SettingsError,
    ThrottledError,
    UnsafePlanError,
)
from reconciler.ledger import open_ledger
from reconciler.model import Secret
from reconciler.settings import StateUnsetError

SECRET = "open-sesame"
MANIFEST = """
apiVersion: recordings.reconciler/v1
kind: Recording
metadata: {name: standup}
spec:
  storage: {vendor: s3, region: us-east-1, bucket: b, accessKey: {env: ACCESS}, secretKey: {env: SECRET}}
"""
PROBLEM = Problem("start", "no")
HEAVY = ("httpx", "pydantic", "pydantic_settings", "structlog", "rich", "yaml", "uvicorn", "starlette", "asyncio")


async def make_ledger(path: Path) -> None:
    ledger = await open_ledger(path, service=None, now=lambda: datetime.now(UTC))
    await ledger.close()


def here(**environ: str) -> Here:
    return Here(environ, Path("/nowhere"))


def process(*argv: str, environ: dict[str, str] | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    surroundings = {"PATH": os.environ["PATH"], "HOME": "/nowhere"} | (environ or {})
    return subprocess.run(
        [sys.executable, *argv],
        env=surroundings,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        **options,
    )


def test_help_names_every_command_with_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"], {}) == 0
    out, err = capsys.readouterr()
    assert err == ""
    width = max(map(len, COMMANDS))
    for name, (_, line) in COMMANDS.items():
        assert f"  {name:{width}}  {line}" in out.replace("\n" + " " * (width + 4), " ")


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "import"])
def test_every_command_has_help_of_its_own(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "-h"], {}) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"Usage: reconciler {name}")
    assert "--set NAME" in out
    assert err == ""


@pytest.mark.parametrize("argv", [["--version"], ["version"]])
def test_the_version(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(argv, {}) == 0
    assert capsys.readouterr() == (f"reconciler {__version__}\n", "")


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["vlidate"], "error: there is no command 'vlidate'; did you mean validate?\nerror: see 'reconciler --help'\n"),
        (["zzz"], "error: there is no command 'zzz'\nerror: see 'reconciler --help'\n"),
        (["layout"], "error: 'layout' is not in this version\nerror: see 'reconciler --help'\n"),
        (["version", "--nope"], "error: No such option '--nope'\nerror: see 'reconciler version --help'\n"),
        (["version", "x"], "error: Got unexpected extra argument (x)\nerror: see 'reconciler version --help'\n"),
    ],
)
def test_wrong_usage_is_64_and_says_where_help_is(
    argv: Sequence[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(argv, {}) == 64
    assert capsys.readouterr() == ("", told)


def test_without_a_command_help_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([], {}) == 64
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("Usage: reconciler")


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (ManifestError((Fault(Place("a.yaml", 3, 5), "wrong"),)), 1, "a.yaml:3:5: wrong"),
        (
            SettingsError("RECONCILER_QPS: no\nRECONCILER_SET: no"),
            1,
            "error: RECONCILER_QPS: no\nerror: RECONCILER_SET: no",
        ),
        (LedgerError("locked"), 1, "error: locked"),
        (ClaimLostError("lost"), 1, "error: lost"),
        (UnsafePlanError("refused: too many"), 4, "error: refused: too many"),
        (StateUnsetError("nowhere"), 4, "error: nowhere"),
        (RejectedError(PROBLEM), 1, "error: start: no"),
        (AppRejectedError(PROBLEM), 1, "error: start: no"),
        (OutcomeUnknownError(PROBLEM), 3, "error: start: no"),
        (ThrottledError(PROBLEM), 3, "error: start: no"),
        (NoRoomError(PROBLEM), 3, "error: start: no"),
        (click.UsageError("no such thing."), 64, "error: no such thing\nerror: see 'reconciler --help'"),
        (click.ClickException("there is none"), 1, "error: there is none"),
        (ZeroDivisionError("division by zero"), 1, "this is a bug in reconciler: ZeroDivisionError: division by zero"),
        (KeyError(), 1, "this is a bug in reconciler: KeyError"),
    ],
)
def test_each_way_to_fail_has_its_code_and_words(
    error: Exception, code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert explain(error, here()) == code
    assert capsys.readouterr() == ("", f"{told}\n")


def test_of_many_faults_a_hundred_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    faults = tuple(Fault(Place("a.yaml", line, 1), "wrong") for line in range(1, 131))

    assert explain(ManifestError(faults), here()) == 1
    lines = capsys.readouterr().err.splitlines()
    assert (len(lines), lines[-1]) == (101, "and 30 more")


@pytest.mark.parametrize("level", ["debug", "info"])
def test_a_bug_shows_a_traceback_only_when_asked_and_never_a_secret(
    level: str, capsys: pytest.CaptureFixture[str]
) -> None:
    around = here(RECONCILER_LOG_LEVEL=level, S3_SECRET_KEY=SECRET)
    around.secrets.append(Secret("learnt-later"))
    with pytest.raises(ValueError, match=SECRET) as caught:
        int(f"{SECRET} learnt-later")
    assert explain(caught.value, around) == 1
    told = capsys.readouterr().err

    assert told.startswith(
        "this is a bug in reconciler: ValueError: invalid literal for int() with base 10: '**** ****'"
    )
    assert ("Traceback" in told) == (level == "debug")
    assert "sesame" not in told
    assert "learnt" not in told


def test_what_stands_in_a_manifest_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    explain(ManifestError((Fault(Place("a\x1b[2J.yaml", 1, 1), "wrong"),)), here())

    assert capsys.readouterr().err == "a\\x1b[2J.yaml:1:1: wrong\n"


class Interrupted(Sequence[str]):
    """A command line at which Ctrl-C is pressed."""

    def __getitem__(self, _: Any) -> Any:
        raise KeyboardInterrupt

    def __len__(self) -> int:
        return 1


def test_ctrl_c_is_130_without_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(Interrupted(), {}) == 130
    assert capsys.readouterr() == ("", "")


def test_a_reader_that_leaves_is_no_bug() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [sys.executable, "-m", "reconciler", "schema"],
        stdout=writing,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
    os.close(writing)

    assert (result.returncode, result.stderr) == (1, b"")


@pytest.mark.parametrize("argv", [["apply", "--yes"], ["delete", "standup", "--yes"]])
def test_what_would_change_something_wants_a_ledger_that_lasts(argv: list[str], tmp_path: Path) -> None:
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests" / "standup.yaml").write_text(MANIFEST)
    result = process("-m", "reconciler", *argv, cwd=tmp_path, environ={"RECONCILER_APP_ID": "0" * 32})

    assert result.returncode == 4
    assert result.stderr.startswith("error: RECONCILER_STATE is not set")


@pytest.mark.parametrize("argv", [["--set", "team", "wait", "x"], ["wait", "x", "--set", "team"]])
def test_the_set_may_be_named_before_and_behind_the_command(
    argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ledger = tmp_path / "ledger.db"
    asyncio.run(make_ledger(ledger))

    assert run(argv, {"RECONCILER_STATE": str(ledger), "RECONCILER_SET": "other"}, tmp_path) == 1
    assert "set team" in capsys.readouterr().err


def test_wrong_settings_are_1_and_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "reconciler.toml").write_text("qps = 'fast'\n")

    assert run(["validate", str(tmp_path)], {"RECONCILER_LOG_LEVEL": SECRET}, tmp_path) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "error: reconciler.toml:1: qps: must be a number of requests per second, more than 0, at most 10000",
        "error: RECONCILER_LOG_LEVEL: must be debug, info, warning or error",
    ]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("environ", "stream", "coloured"),
    [
        ({}, Terminal(), True),
        ({"NO_COLOR": "1"}, Terminal(), False),
        ({"NO_COLOR": ""}, Terminal(), True),
        ({"TERM": "dumb"}, Terminal(), False),
        ({}, io.StringIO(), False),
    ],
)
def test_colour_is_for_terminals_that_want_it(environ: dict[str, str], stream: io.StringIO, *, coloured: bool) -> None:
    assert here(**environ).is_coloured(stream) == coloured


def test_what_changes_something_is_not_done_unasked(capsys: pytest.CaptureFixture[str]) -> None:
    here().confirm("Do this?", yes=True)
    with pytest.raises(click.UsageError, match="say --yes"):
        here().confirm("Do this?", yes=False)
    assert capsys.readouterr() == ("", "")


# -- start-up: imports decide how a command feels


def imported(code: str) -> set[str]:
    result = process("-c", f"import sys\n{code}\nprint('\\n'.join(sys.modules), file=sys.stderr)")
    return set(result.stderr.split()) & set(HEAVY) | ({"failed"} if result.returncode else set())


@pytest.mark.parametrize(
    "argv",
    [
        ["--help"],
        ["--version"],
        ["version"],
        ["nope"],
        *([name, "--help"] for name in ("get", "validate", "simulate", "schema")),
    ],
)
def test_nothing_heavy_is_imported_to_give_help(argv: list[str]) -> None:
    assert imported(f"from reconciler.cli.root import run\nrun({argv})") == set()


def test_the_version_needs_not_even_the_command_line() -> None:
    code = "import sys\nsys.argv[1:] = ['--version']\nfrom reconciler.__main__ import main\nmain()"
    result = process("-c", f"{code}\nprint('click' in sys.modules)")

    assert result.stdout == f"reconciler {__version__}\nFalse\n"


def test_the_table_names_what_exists() -> None:
    for place, _ in COMMANDS.values():
        module, _, name = place.partition(":")
        if importlib.util.find_spec(module) is not None:
            assert isinstance(getattr(importlib.import_module(module), name), click.Command)
