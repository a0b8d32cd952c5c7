"""Opens ledgers for the contract, which every driver keeps: a second driver is a second parameter here."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from pathlib import Path

import pytest

from reconciler.ledger import InlineThread, Ledger, WriterThread, open_ledger
from tests.ledger.pages import now as noon


class Opener:
    """Opens the same ledger again and again, each time as another holder; a fixture closes what is left open."""

    def __init__(self, place: str, thread: type[InlineThread] | type[WriterThread]) -> None:
        self.place = place
        self._thread = thread
        self._opened: list[Ledger] = []

    async def __call__(
        self,
        *,
        service: str | None = "agora",
        now: Callable[[], datetime] = noon,
        on_commit: Callable[[str], None] | None = None,
    ) -> Ledger:
        ledger = await open_ledger(self.place, service=service, run=self._thread(), now=now, on_commit=on_commit)
        self._opened.append(ledger)
        return ledger

    async def close_all(self) -> None:
        for ledger in self._opened:
            await ledger.close()


@pytest.fixture(params=["sqlite"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/state/ledger.db"


@pytest.fixture(params=[InlineThread, WriterThread])
async def opener(request: pytest.FixtureRequest, place: str) -> AsyncIterator[Opener]:
    opener = Opener(place, request.param)
    yield opener
    await opener.close_all()


@pytest.fixture
async def ledger(opener: Opener) -> Ledger:
    return await opener()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "ledger.db"
