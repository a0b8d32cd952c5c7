"""Several real processes on one ledger file."""

# ruff: noqa: ASYNC240  # files are what is tested

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.ledger import Ledger, open_ledger
from reconciler.model import Key
from tests.ledger.pages import RETRO, STANDUP, now, page, session

ROOT = Path(__file__).parents[2]
NOBODY = 65534


class Child:
    def __init__(self, *arguments: str | Path, user: int = 0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.ledger.child", str(user), *map(str, arguments)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def rest(self) -> list[str]:
        output, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return output.splitlines()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


async def opened(path: Path) -> Ledger:
    return await open_ledger(path, service="agora", now=now)


async def test_a_killed_process_holds_nothing(path: Path) -> None:
    ledger = await opened(path)
    child = Child("hold", path, "standup", "retro")
    assert [child.line(), child.line()] == ["True", "True"]
    assert await ledger.claim(STANDUP) is None
    child.kill()
    claim = await ledger.claim(STANDUP)
    assert claim is not None
    assert claim.generation == 2
    await ledger.save(claim, page(STANDUP, session()))
    assert await ledger.claim(RETRO) is not None
    assert len(list(holders(path).iterdir())) == 1
    await ledger.close()
    assert list(holders(path).iterdir()) == []


async def test_files_of_dead_holders_are_cleared_away_by_the_next(path: Path) -> None:
    child = Child("hold", path, "unrelated")
    assert child.line() == "True"
    child.kill()
    ledger = await opened(path)
    await ledger.claim(STANDUP)
    assert len(list(holders(path).iterdir())) == 1
    await ledger.close()


async def test_a_holder_whose_file_is_gone_is_no_deadlock(path: Path) -> None:
    ledger = await opened(path)
    child = Child("hold", path, "standup")
    assert child.line() == "True"
    for file in holders(path).iterdir():
        file.unlink()
    holders(path).rmdir()
    assert await ledger.claim(STANDUP) is not None
    child.kill()
    await ledger.close()


async def test_a_living_holder_makes_its_file_anew(path: Path) -> None:
    ours, theirs = await opened(path), await opened(path)
    await ours.claim(STANDUP)
    for file in holders(path).iterdir():
        file.unlink()
    claim = await ours.claim(RETRO)
    assert await theirs.claim(STANDUP) is None
    assert claim is not None
    await ours.save(claim, page(RETRO))
    await ours.close()
    await theirs.close()


async def test_processes_that_start_on_a_missing_ledger_together_lose_nothing(path: Path) -> None:
    children = [Child("work", path, mark) for mark in ("a", "b", "c", "d")]
    waits = sorted(float(wait) for child in children for wait in child.rest()[0].split())
    assert waits == pytest.approx([number / 9.5 for number in range(32)], abs=1e-3)  # all at one instant
    ledger = await opened(path)
    expected = {Key("default", f"{mark}-{number}") for mark in "abcd" for number in range(30)}
    assert set(await ledger.entries()) == {*expected, STANDUP}
    await ledger.close()
    assert list(holders(path).iterdir()) == []


# -- ledgers that may only be read


@pytest.fixture
def open_to_all() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def reader() -> int:
    """Nobody may write what root may; everybody else may not write what is not theirs to write."""
    return NOBODY if os.getuid() == 0 else 0


@pytest.mark.parametrize("what", ["file", "folder"])
async def test_a_ledger_that_may_only_be_read_is_read_and_refuses_writes(open_to_all: Path, what: str) -> None:
    path = open_to_all / "ledger.db"
    ledger = await opened(path)
    claim = await ledger.claim(STANDUP)
    assert claim is not None
    await ledger.save(claim, page(STANDUP, session()))
    await ledger.close()
    if os.getuid() == 0:
        for owned in (open_to_all, path):
            os.chown(owned, NOBODY, NOBODY)
    holders(path).rmdir()
    path.chmod(0o400 if what == "file" else 0o600)
    open_to_all.chmod(0o500 if what == "folder" else 0o700)
    before = path.read_bytes()
    names, refusal = Child("look", path, user=reader()).rest()
    open_to_all.chmod(0o700)
    assert names == "standup"
    assert refusal.startswith(f"{path} may only be read")
    assert path.read_bytes() == before


async def test_a_ledger_that_may_not_even_be_read_says_so(open_to_all: Path) -> None:
    path = open_to_all / "ledger.db"
    await (await opened(path)).close()
    path.chmod(0o000)
    open_to_all.chmod(0o755)
    assert Child("look", path, user=reader()).rest() == [
        f"LedgerError: {path} may not be read; check its owner and permissions"
    ]


def test_a_ledger_is_not_made_in_a_folder_that_may_only_be_read(open_to_all: Path) -> None:
    open_to_all.chmod(0o555)
    (answer,) = Child("hold", open_to_all / "ledger.db", "standup", user=reader()).rest()
    assert answer.startswith("LedgerError: ")
    assert "Permission denied" in answer


def holders(path: Path) -> Path:
    return path.with_name(f"{path.name}-holders")
