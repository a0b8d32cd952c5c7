"""`wait`: what the ledger says decides, at once or within the time."""

import asyncio
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.cli.root import run
from reconciler.ledger import open_ledger
from reconciler.model import (
    Accepted,
    Applied,
    Confirmed,
    Doubted,
    Ended,
    Entry,
    Identity,
    Inquiry,
    Key,
    Seen,
    Session,
    SessionState,
    Slot,
)

NOW = datetime.now(UTC) - timedelta(minutes=10)
KEY = Key("default", "standup")
RECORDING = Confirmed("r", "s", NOW, Inquiry(Seen(NOW, 5), NOW))
STARTING = Accepted("r", "s", NOW)
DOUBTED = Confirmed("r", "s", NOW, Inquiry(Doubted(NOW, NOW), NOW, 1))
STOPPED = Ended(NOW, "stopped", "suspended in the manifest")


def entry(state: SessionState | None, revision: str = "1", *, declared: bool = True) -> Entry:
    found = Entry(KEY, revision="1", declared=declared)
    if state is None:
        return found
    identity = Identity("a" * 32, "standup", "1")
    applied = Applied({"app": "default"}, {}, revision)
    return replace(
        found.with_session(Session(1, Slot.A, identity, "mix", "http://127.0.0.1:1", NOW, applied, state)),
        next_number=2,
        uids={Slot.A: identity},
    )


async def write(path: Path, *entries: Entry) -> None:
    ledger = await open_ledger(path, service="simulator", now=lambda: datetime.now(UTC))
    for one in entries:
        claim = await ledger.claim(one.key)
        assert claim is not None
        await ledger.save(claim, one, release=True)
    await ledger.close()


def wait(path: Path, *argv: str) -> int:
    return run(["wait", *argv], {"RECONCILER_STATE": str(path)}, path.parent)


@pytest.mark.parametrize(
    ("one", "reached"),
    [
        (entry(RECORDING), {"ready", "recording"}),
        (entry(RECORDING, "0"), set()),  # it still is what an older manifest declared
        (entry(STARTING), set()),
        (entry(DOUBTED), {"recording"}),
        (entry(STOPPED), {"ready", "stopped"}),
        (entry(None), {"stopped"}),
        (entry(STOPPED, declared=False), {"ready", "stopped", "deleted"}),
        (entry(RECORDING, declared=False), {"recording"}),
        (entry(None, declared=False), {"ready", "stopped", "deleted"}),
    ],
    ids=[
        "records as declared",
        "records as it was declared before",
        "starts",
        "in doubt",
        "suspended",
        "never started",
        "stopped and undeclared",
        "records and undeclared",
        "only declared once",
    ],
)
@pytest.mark.parametrize("goal", ["ready", "recording", "stopped", "deleted"])
def test_what_is_true_is_told_at_once_and_what_is_not_is_3(
    goal: str, one: Entry, reached: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(write(tmp_path / "ledger.db", one))

    assert wait(tmp_path / "ledger.db", "standup", "--for", goal, "--timeout", "0") == (0 if goal in reached else 3)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"standup: {goal}\n" if goal in reached else f"error: standup is not {goal}: ")


def test_it_waits_until_another_process_has_made_it_so(tmp_path: Path) -> None:
    place = tmp_path / "ledger.db"
    asyncio.run(write(place, entry(STARTING)))
    other = threading.Timer(0.05, lambda: asyncio.run(write(place, entry(RECORDING))))
    other.start()

    assert wait(place, "standup", "--for", "recording", "--timeout", "60") == 0
    other.join()


def test_the_time_may_be_over_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(write(tmp_path / "ledger.db", entry(STARTING), replace(entry(None), key=Key("default", "other"))))

    assert wait(tmp_path / "ledger.db", "standup", "other", "standup", "--timeout", "0.05") == 3
    assert capsys.readouterr().err.splitlines() == [
        "error: standup is not ready: Starting, started, not confirmed yet",
        "error: other is not ready: Pending, to be started",
    ]


def test_what_was_never_applied_is_told_at_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(write(tmp_path / "ledger.db", entry(RECORDING)))

    assert wait(tmp_path / "ledger.db", "standpu") == 1
    assert capsys.readouterr().err == "error: there is no recording standpu in set default; did you mean standup?\n"
    assert wait(tmp_path / "ledger.db", "standpu", "--for", "deleted") == 0


def test_without_a_ledger_there_is_nothing_to_wait_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wait(tmp_path / "ledger.db", "standup") == 1
    assert "there is no ledger" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("argv", [[], ["standup", "--for", "happy"], ["standup", "--timeout", "soon"]])
def test_wrong_usage(argv: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert wait(tmp_path / "ledger.db", *argv) == 64
    assert capsys.readouterr().err.startswith("error: ")
