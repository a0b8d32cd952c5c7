"""`describe`: one recording, also one that is only history."""

import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.ledger import Ledger, open_ledger
from reconciler.ledger.standings import Declaration, Declarations
from reconciler.model import Applied, Key
from reconciler.planning.orders import Freeze, Orders, Restart, Suspension
from reconciler.planning.standing import SetOrders, Standing, Withheld
from tests.cli.reading import BEGUN, NOW, Shell, history, recording, write


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


# -- what stands beside it


def declared(**spec: object) -> Declarations:
    return {("Recording", "standup"): Declaration(spec, "there/set.yaml", 1, 1)}


EVERY_DAY = [{"cron": "0 9 * * *", "duration": 3600, "timezone": "UTC", "startEarly": 0, "overrun": 300}]


def section(text: str, title: str) -> list[str]:
    """Give the lines below a title."""
    return text.partition(f"\n{title}:\n")[2].partition("\n\n")[0].splitlines()


async def standing(shell: Shell, page: Standing, changed: Declarations) -> Ledger:
    ledger = await open_ledger(shell.ledger, service=None, now=lambda: NOW)
    await ledger.enlist("default", page.source)
    await ledger.accept("default", page, changed)
    return ledger


async def test_orders_are_told_with_who_why_and_since_when(shell: Shell) -> None:
    ledger = await open_ledger(shell.ledger, service=None, now=lambda: NOW)
    long_ago = NOW - timedelta(hours=20, minutes=5)  # told by the hour, however slow the machine
    orders = Orders(Suspension("alice", "privacy", long_ago), Restart("bob", long_ago))
    await ledger.give(Key("default", "standup"), Orders, lambda _: orders)
    await ledger.give(Key("default", ""), SetOrders, lambda _: SetOrders(Freeze("carol", "maintenance", long_ago)))
    await ledger.close()

    assert section(shell("describe", "standup").out, "Orders") == [
        "  the set is frozen by carol: maintenance; `reconciler unfreeze` lets it go on",
        "  suspended by alice: privacy (20h ago); `reconciler resume` takes it back",
        "  restart ordered by bob 20h ago, not carried out yet",
    ]


async def test_an_order_that_is_over_is_told_as_such_or_no_more(shell: Shell) -> None:
    ledger = await open_ledger(shell.ledger, service=None, now=lambda: NOW)
    past = BEGUN - timedelta(hours=1)
    orders = Orders(Suspension("alice", "privacy", past, NOW - timedelta(hours=1)), Restart("bob", past))
    await ledger.give(Key("default", "standup"), Orders, lambda _: orders)
    await ledger.close()

    assert section(shell("describe", "standup").out, "Orders") == ["  restart ordered by bob 27h ago"]


async def test_the_next_windows_are_those_of_the_declaration(shell: Shell) -> None:
    await (await standing(shell, Standing("./there", "r1", "r1", NOW), declared(schedule=EVERY_DAY))).close()
    windows = section(shell("describe", "standup").out, "Windows")

    assert len(windows) == 4
    assert all("T09:00:00Z  to  " in line and "T10:00:00Z, up to 5m longer" in line for line in windows)


def test_without_a_declaration_they_are_those_that_the_newest_session_was_told(shell: Shell) -> None:
    entry = recording("board")
    [told] = entry.sessions
    ahead = (NOW + timedelta(days=30)).isoformat()
    spec = {**told.applied.spec, "schedule": [{"from": ahead, "until": None, "startEarly": 0, "overrun": 0}]}
    write(shell.ledger, [entry.with_session(replace(told, applied=Applied(spec)))])

    [window] = section(shell("describe", "board").out, "Windows")
    assert window.startswith("  in ")
    assert window.endswith("to  for ever")


async def test_what_is_no_longer_declared_has_no_windows(shell: Shell) -> None:
    gone = {place: replace(one, in_force=False) for place, one in declared(schedule=EVERY_DAY).items()}
    await (await standing(shell, Standing("./there", "r1", "r1", NOW), gone)).close()

    assert section(shell("describe", "standup").out, "Windows") == []


async def test_how_the_source_stands_is_told(shell: Shell) -> None:
    page = Standing(
        *("./there", "r1", "main@sha1:0a1b", NOW - timedelta(hours=2)),
        withheld=Withheld("r2", "main@sha1:5d41", "refused: 12 of 20", NOW - timedelta(hours=20, minutes=5)),
        trouble="a.yaml:1:1: is none\nb.yaml:1:1: nor this",
        troubled_since=NOW - timedelta(hours=1),
    )
    ledger = await standing(shell, page, declared())
    lines = [line.split(":", 1) for line in section(shell("describe", "standup").out, "Source")]
    await ledger.close()

    said = {title.strip(): words.strip() for title, words in lines}
    assert [*said] == ["From", "In force", "Since", "Held back", "Trouble"]
    assert (said["From"], said["In force"]) == ("./there", "main@sha1:0a1b")
    assert said["Held back"] == "main@sha1:5d41, 20h ago: refused: 12 of 20"
    assert said["Trouble"] == "a.yaml:1:1: is none; b.yaml:1:1: nor this"


def test_only_what_has_windows_loads_the_schema(shell: Shell) -> None:
    program = (
        "import sys, pathlib; from reconciler.cli.root import run; "
        f"run(['describe', 'standup'], {{'RECONCILER_STATE': 'sqlite:///{shell.ledger}'}}, pathlib.Path('.')); "
        "print(sorted({'asyncio', 'pydantic', 'cronsim'} & sys.modules.keys()))"
    )
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert shown.stdout.splitlines()[-1] == "[]"
