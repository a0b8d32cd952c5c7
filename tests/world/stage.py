"""The whole program against a simulated world, on virtual time: real manifests, ledger, executor and client.

Only the network is not real: calls go straight to the simulator's world. A crash is an exception that nothing catches,
thrown at a chosen call or commit; what the ledger holds then is all that the next process knows.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

import structlog

from reconciler.cli.applying import Outside, Planned, Site, Verdict, open_site
from reconciler.intake.preparing import Scope
from reconciler.intake.values import Values
from reconciler.ledger import InlineThread
from reconciler.manifests.accept import accept
from reconciler.model import Entry, Key
from reconciler.planning.actions import Hold
from reconciler.reconcile import Took
from reconciler.settings import load_settings
from reconciler.simulator.faults import FaultPlan, parse_fault
from reconciler.simulator.options import Options
from reconciler.simulator.recorder import Recorder
from reconciler.simulator.routes import CHANGING
from reconciler.simulator.transport import WorldTransport
from reconciler.simulator.world import World
from tests.virtual_time import VirtualLoop, virtual_now, virtual_seconds

Result = TypeVar("Result")

APP_ID = "0123456789abcdef0123456789abcdef"
SECRETS = {
    "RECONCILER_CUSTOMER_SECRET": "customer-secret-9f3a",
    "ACCESS_KEY": "access-key-77c1",
    "SECRET_KEY": "secret-key-b20e",
}
ENVIRON = {
    "RECONCILER_APP_ID": APP_ID,
    "RECONCILER_CUSTOMER_ID": "customer-id-41d0",
    "RECONCILER_API_URL": "http://127.0.0.1:8787",
    **SECRETS,
}

STORAGE = """
  storage:
    vendor: s3
    region: us-east-1
    bucket: lessons
    accessKey: {env: ACCESS_KEY}
    secretKey: {env: SECRET_KEY}
"""


def recording(name: str, spec: str = "", metadata: str = "") -> str:
    """Write a manifest; `spec` and `metadata` are lines of YAML, indented by two."""
    extra = f"\n{metadata}" if metadata else ""
    head = f"apiVersion: recordings.reconciler/v1\nkind: Recording\nmetadata:\n  name: {name}{extra}\n"
    return f"{head}spec:{STORAGE}{spec}\n"


class Crash(BaseException):
    """The process is gone, here and now."""


@dataclass(slots=True)
class CrashAt:
    """Counts the points a process can die at, and lets it die at one of them."""

    at: int | None = None  # None: count only
    seen: list[str] = field(default_factory=list)
    dead: bool = False
    named: str | None = None
    death: asyncio.Event = field(default_factory=asyncio.Event)

    def die_at(self, point: str) -> None:
        self.named = point

    def __call__(self, point: str) -> None:
        if self.dead:
            raise Crash(point)  # a dead process does nothing more, whatever task still runs
        self.seen.append(point)
        if len(self.seen) - 1 == self.at or point == self.named:
            self.dead = True
            self.death.set()
            raise Crash(point)


@dataclass(slots=True)
class Told:
    """What happened, for tests that look at the way and not only at the end."""

    events: list[str] = field(default_factory=list)
    holds: list[tuple[Key, Hold]] = field(default_factory=list)

    def held(self, key: Key, hold: Hold, entry: Entry) -> None:
        del entry
        self.holds.append((key, hold))

    def took(self, key: Key, taken: Took) -> None:
        self.events += [f"{key.name} {event.kind}" for event in taken.events]


class Stage:
    """A folder of manifests, a ledger on disk and a world; each `apply` is a process of its own."""

    def __init__(
        self,
        folder: Path,
        options: Options | None = None,
        *,
        environ: Mapping[str, str] | None = None,
        round_trip: float = 0.05,
        set_name: str = "default",
    ) -> None:
        self.folder = folder / "manifests"
        self.folder.mkdir(exist_ok=True)
        self.ledger = folder / "ledger.db"
        self.world = World(options or Options())
        self.faults = FaultPlan()
        self.environ = {**ENVIRON, **(environ or {})}
        self.round_trip = round_trip
        self.set = set_name
        self.told = Told()
        self.crash: CrashAt | None = None

    # -- manifests

    def write(self, *manifests: str, file: str = "set.yaml") -> None:
        """Make these the whole content of one file; none removes it."""
        if manifests:
            (self.folder / file).write_text("---\n".join(manifests), encoding="utf-8")
        else:
            (self.folder / file).unlink()

    def fault(self, *lines: str) -> None:
        for line in lines:
            self.faults.add(parse_fault(line))

    # -- one process

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Site]:
        settings = load_settings(self.environ, self.folder, lambda _: None)
        manifests = accept([str(self.folder)], policy=settings.policy(), allow_empty=True)
        transport = WorldTransport(self.world, self.faults, virtual_seconds, self.round_trip, on_call=self.on_call)
        outside = Outside(
            Values(settings.policy(), self.environ),
            virtual_now,
            structlog.wrap_logger(structlog.ReturnLogger(), processors=[]),
            transport=transport,
            thread=InlineThread,
            on_commit=self.on_commit,
        )
        async with open_site(outside, settings, manifests, self.ledger, self.set, create=True) as site:
            yield site

    def on_call(self, when: str, endpoint: str, channel: str | None) -> None:
        del channel
        if self.crash is not None:
            self.crash(f"{when} {endpoint}")

    def on_commit(self, label: str) -> None:
        if self.crash is not None:
            self.crash(label)

    async def plan(self, *, prune: bool = False, refresh: str = "stale") -> Planned:
        async with self.process() as site:
            return await site.refreshed(Scope(self.set, prune), refresh)  # type: ignore[arg-type] # a literal's name

    async def apply(self, *, prune: bool = False, minutes: float = 5, targets: frozenset[str] = frozenset()) -> Verdict:
        """Do what `reconciler apply --yes` does; raises Crash when the process dies on the way."""
        applying = asyncio.ensure_future(self._apply(minutes, targets, prune=prune))
        if self.crash is None:
            return await applying
        death = asyncio.ensure_future(self.crash.death.wait())
        await asyncio.wait([applying, death], return_when=asyncio.FIRST_COMPLETED)
        if not self.crash.dead:
            death.cancel()
            return await applying
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        raise Crash(self.crash.seen[-1])

    async def _apply(self, minutes: float, targets: frozenset[str], *, prune: bool) -> Verdict:
        async with self.process() as site:
            planned = await site.refreshed(Scope(self.set, prune, targets), "stale")
            assert not planned.prepared.faults
            await site.accept(planned.prepared)
            return await site.converge(planned, timedelta(minutes=minutes), self.told)

    async def entries(self) -> dict[str, Entry]:
        async with self.process() as site:
            assert site.ledger is not None
            return {key.name: entry for key, entry in (await site.ledger.entries(self.set)).items()}

    # -- what is true at the service

    def live(self) -> list[Recorder]:
        return self.world.live(virtual_seconds())

    def live_channels(self) -> list[str]:
        return sorted(recorder.channel for recorder in self.live())

    def calls(self, *endpoints: str) -> int:
        """Count calls that reached the service; without names: all that change something."""
        wanted = set(endpoints) or CHANGING
        return sum(1 for call in self.world.calls if call.endpoint in wanted)


def assert_never_two(stage: Stage, when: str = "") -> None:
    """Look over the whole history: no channel was ever recorded by two recorders at once."""
    for channel in {recorder.channel for recorder in stage.world.recorders}:
        runs = sorted(
            (recorder.started_at, recorder.ended_at or float("inf"))
            for recorder in stage.world.recorders
            if recorder.channel == channel
        )
        for (_, ended_at), (started_at, _) in pairwise(runs):
            assert ended_at <= started_at, f"two recorders in {channel}: {when}"


async def minutes(count: float) -> None:
    """Let time pass."""
    await asyncio.sleep(count * 60)


def played(story: Callable[[], Awaitable[Result]]) -> Result:
    """Play a story from its first second on; what a crash left unfinished is dropped without a word."""
    loop = VirtualLoop()
    loop.set_exception_handler(lambda *_: None)
    try:
        return loop.run_until_complete(story())
    finally:
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
