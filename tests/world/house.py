"""A daemon on the stage: the real one on virtual time, with a source that offers what the test has written."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import structlog

from reconciler.cli.applying import Outside
from reconciler.cli.keeping import Household, open_household
from reconciler.daemon import Daemon
from reconciler.intake.values import Values
from reconciler.ledger import InlineThread, Ledger, open_ledger
from reconciler.manifests.cache import Cache
from reconciler.manifests.files import read_files
from reconciler.settings import load_settings
from reconciler.simulator.transport import WorldTransport
from reconciler.sources.source import Offer, Trouble, judge
from tests.virtual_time import virtual_now, virtual_seconds
from tests.world.stage import Crash, Stage

Loops = Callable[[Household], Mapping[str, Callable[[], Awaitable[None]]]]


@dataclass(slots=True)
class Written:
    """A source that offers what it is told to."""

    name: str = "the test"
    items: "asyncio.Queue[Offer | Trouble]" = field(default_factory=asyncio.Queue)

    async def offers(self) -> AsyncGenerator[Offer | Trouble, None]:
        while True:
            yield await self.items.get()


@dataclass(slots=True)
class House:
    """A running daemon."""

    stage: Stage
    household: Household
    source: Written
    ledger: Ledger
    stopping: asyncio.Event
    logged: list[Mapping[str, object]]
    cache: Cache = field(default_factory=Cache)

    @property
    def daemon(self) -> Daemon:
        assert self.household.daemon is not None
        return self.household.daemon

    def offer(self) -> None:
        """Let the source see what is in the folder now; what is wrong there is trouble, as a real one would say."""
        reading = read_files([str(self.stage.folder)], confined=False)
        self.source.items.put_nowait(judge(reading, self.household.settings.policy(), self.cache))

    def phases(self) -> dict[str, str]:
        """Say of each recording what it rests on."""
        return {
            key.name: str(keeper.hold.because) if keeper.hold else "acting"
            for key, keeper in self.daemon.controller.keepers.items()
        }


@asynccontextmanager
async def keeping(
    stage: Stage, *, prune: bool = True, offer: bool = True, loops: Loops = lambda _: {}
) -> AsyncIterator[House]:
    """Run a daemon on the stage; leaving ends it as SIGTERM would."""
    settings = load_settings(stage.environ, stage.folder, lambda _: None).model_copy(update={"set": stage.set})
    transport = WorldTransport(stage.world, stage.faults, virtual_seconds, stage.round_trip, on_call=stage.on_call)
    logged: list[Mapping[str, object]] = []

    def keep(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
        logged.append(event)
        return ""

    outside = Outside(
        Values(settings.policy(), stage.environ),
        virtual_now,
        structlog.wrap_logger(structlog.ReturnLogger(), processors=[keep]),
        transport=transport,
        thread=InlineThread,
        on_commit=stage.on_commit,
    )
    ledger = await open_ledger(
        stage.ledger, service=None, now=virtual_now, run=InlineThread(), on_commit=stage.on_commit
    )
    source, stopping = Written(), asyncio.Event()
    try:
        async with open_household(outside, settings, ledger, source, prune=prune, loops=loops) as household:
            house = House(stage, household, source, ledger, stopping, logged)
            running = asyncio.create_task(house.daemon.run(stopping))
            if offer:
                house.offer()
            try:
                await asyncio.sleep(0)
                yield house
            finally:
                stopping.set()
                await running
    finally:
        await ledger.close()


__all__ = ["Crash", "House", "keeping"]
