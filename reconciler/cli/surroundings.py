"""What a daemon is surrounded by."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from reconciler.cli.applying import Outside
from reconciler.cli.keeping import Household
from reconciler.cli.terminal import Here
from reconciler.daemon import Outlets
from reconciler.ledger.ledger import Ledger
from reconciler.settings import Settings


@dataclass(slots=True)
class Surroundings:
    outlets: Outlets = field(default_factory=Outlets)

    def loops(self, household: Household) -> Mapping[str, Callable[[], Awaitable[None]]]:
        return {}

    async def announce(self, what: str) -> None:
        pass


@asynccontextmanager
async def surroundings(here: Here, settings: Settings, ledger: Ledger, outside: Outside) -> AsyncIterator[Surroundings]:
    yield Surroundings()
