"""The processes on the ledger, as people run them: a daemon, an apply, what stops and imports. Each can be killed.

Everything in them is real; only the network is not, and what the command line would print or ask.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import inf
from typing import TYPE_CHECKING, Any

import structlog

from reconciler.cli import importing
from reconciler.cli.applying import NO_MANIFESTS, Outside, Planned, Site, Verdict, open_site
from reconciler.cli.keeping import Household, open_household
from reconciler.cli.ordered import Ordering
from reconciler.controller import Assignment
from reconciler.errors import ReconcilerError
from reconciler.evidence import Notice
from reconciler.intake.preparing import Scope
from reconciler.intake.values import Values
from reconciler.ledger import InlineThread, Ledger, open_ledger
from reconciler.model import Entry, Event, Key
from reconciler.planning.actions import Hold
from reconciler.planning.desired import Unwanted
from reconciler.planning.guards import assert_no_mass_stop, assert_not_emptied
from reconciler.planning.orders import Orders
from reconciler.reconcile import Took
from reconciler.sources.source import Offer, Trouble
from tests.simulation.loop import INSIDE, Body
from tests.virtual_time import START
from tests.world.stage import ENVIRON, Crash

if TYPE_CHECKING:
    from tests.simulation.life import Life

SET = "default"


@dataclass(slots=True, eq=False)
class Process(Body):
    """One process: alive, halted, or gone for ever."""

    life: "Life" = field(kw_only=True)
    offset: float = 0.0  # of its clock, which a change of the system's time does not move (S20)
    began: float = 0.0
    gone_at: float = inf
    dead: bool = False
    done: bool = False
    keeps: bool = False  # it is the daemon of its set
    task: "asyncio.Task[Any] | None" = None
    ledger: Ledger | None = None
    household: Household | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    source: "Offered | None" = None
    armed: list[tuple[int, str, Callable[[], None]]] = field(default_factory=list)  # after how many points, what
    refused: str = ""  # why it did nothing, if it refused
    unanswered: bool = False  # a call was given up
    verdict: Verdict | None = None
    planned: Planned | None = None
    sent: list[tuple[str, str, str]] = field(default_factory=list)  # endpoint, channel, uid of each changing call

    @property
    def runs(self) -> bool:
        return not (self.dead or self.done)

    def clock(self) -> datetime:
        return START + timedelta(seconds=self.life.loop.time() + self.offset)

    @property
    def holder(self) -> str:
        """Its name in the ledger's claims."""
        return self.ledger._holders._id if self.ledger else ""

    def start(self, main: Callable[["Process"], Coroutine[Any, Any, None]]) -> None:
        context = copy_context()
        context.run(INSIDE.set, self)
        self.task = self.life.loop.create_task(self._main(main), name=self.name, context=context)

    async def _main(self, main: Callable[["Process"], Coroutine[Any, Any, None]]) -> None:
        try:
            await main(self)
        except ReconcilerError as error:
            self.refused = str(error)
            self.life.trace("refused", self.name, self.refused.splitlines()[0][:80])
        except Crash:
            return
        except Exception as error:  # noqa: BLE001 - whatever ends a process by itself is a finding
            if not self.dead:
                self.life.oracles.broke(self, error)
        finally:
            if not self.dead:
                self.done, self.gone_at = True, self.life.loop.time()
                self.life.trace("ended", self.name)
                self.life.over(self)

    def do(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have work done inside it, as its server would."""
        assert self.task is not None
        context = copy_context()
        context.run(INSIDE.set, self)
        self.life.loop.create_task(work(), context=context)

    # -- the points at which it can die

    def point(self, label: str) -> None:
        """Pass a point: die here, or be halted soon after, if that was drawn."""
        if self.dead:
            raise Crash(label)
        self.life.passed(self, label)
        if self.dead:
            raise Crash(label)
        if not self.armed:
            return
        left = []
        due = []
        for count, what, act in self.armed:
            if count <= 1:
                due.append((what, act))
            else:
                left.append((count - 1, what, act))
        self.armed = left
        for what, act in due:
            self.life.trace(what, self.name, label)
            act()
        if self.dead:
            raise Crash(label)

    def on_commit(self, label: str) -> None:
        if not self.dead:
            self.life.oracles.committing(self, label)
        self.point(label)

    def outside(self) -> Outside:
        settings = self.life.settings
        return Outside(
            Values(settings.policy(), ENVIRON),
            self.clock,
            structlog.wrap_logger(structlog.ReturnLogger(), processors=[self._keep]),
            transport=self.life.service.transport(self),
            thread=InlineThread,
            on_commit=self.on_commit,
        )

    def _keep(self, _logger: object, method: str, event: structlog.typing.EventDict) -> str:
        if not self.dead:
            self.life.oracles.logged(self, method, event)
        return ""

    async def open(self) -> Ledger:
        self.ledger = await open_ledger(
            self.life.path, service=None, now=self.clock, run=InlineThread(), on_commit=self.on_commit
        )
        return self.ledger

    def held(self, key: Key, hold: Hold, entry: Entry) -> None:
        """Watch a convergence."""

    def took(self, key: Key, taken: Took) -> None:
        """Watch a convergence."""


class Offered:
    """A source that offers what there is when it is asked, and then what it is told to."""

    name = "the simulation"

    def __init__(self, now: Offer | Trouble) -> None:
        self.items: asyncio.Queue[Offer | Trouble] = asyncio.Queue()
        self.items.put_nowait(now)

    async def offers(self) -> AsyncGenerator[Offer | Trouble, None]:
        while True:
            yield await self.items.get()


async def daemon(process: Process) -> None:
    """`reconciler run`."""
    life = process.life
    process.source = Offered(life.item)
    ledger = await process.open()
    try:
        async with open_household(process.outside(), life.settings, ledger, process.source) as household:
            assert household.daemon is not None
            process.household = household
            await household.daemon.run(process.stopping)
    finally:
        await ledger.close()


async def receive(process: Process, notice: Notice, answered: Callable[[bool], None]) -> None:
    """Take a webhook in, as the server does."""
    household = process.household
    if household is None or household.daemon is None or not household.daemon.opened.is_set() or not process.runs:
        answered(False)
        return
    await household.daemon.receive(replace(notice, received_at=process.clock()))
    answered(True)


async def apply(process: Process) -> None:
    """`reconciler apply --yes`, with or without --prune; the steps are those of the command."""
    life = process.life
    model, manifests, prune = life.model, life.readable, life.prunes
    async with open_site(process.outside(), life.settings, manifests, life.path, SET, create=True) as site:
        process.ledger = site.ledger
        await site.assert_not_frozen()
        await site.assert_within_daemon()
        planned = await site.refreshed(Scope(SET, prune), "stale", strict=True)
        await site.assert_pruning_lasts(planned)
        site.assert_apps_kept(planned.prepared)
        assert_not_emptied(manifests.recordings, planned.prepared.entries, "say --allow-mass-stop")
        assert_no_mass_stop(planned.plan.actions, planned.prepared.entries, life.settings.max_stop_percent, "")
        life.oracles.applying(process, model)
        process.sent.clear()
        process.planned = planned
        if not planned.plan.converged:
            await site.admitted(planned.prepared, planned.app_ids)
        await site.accept(planned.prepared)
        if not planned.plan.converged:
            process.verdict = await site.converge(planned, timedelta(minutes=5), process)
        life.oracles.applied(process)


def deleting(names: tuple[str, ...]) -> Callable[[Process], Coroutine[Any, Any, None]]:
    """`reconciler delete --yes NAME…`."""

    async def delete(process: Process) -> None:
        async with _site(process) as site:
            prepared = await site.prepare()
            keys = tuple(key for key in prepared.entries if key.name in names)
            await site.assert_not_kept(keys)
            process.life.oracles.ordered(names, "deleted")
            unwanted = Unwanted("deleted")
            planned = site.plan(
                prepared,
                tuple(
                    Assignment(key, unwanted, prepared.entries[key].open_sessions[0].identity.app_id)
                    for key in keys
                    if prepared.entries[key].open_sessions
                ),
            )
            await site.admitted(prepared, planned.app_ids)
            await site.dismiss(keys)
            await site.converge(planned, timedelta(minutes=5), process)

    return delete


def ordering(name: str, order: Ordering) -> Callable[[Process], Coroutine[Any, Any, None]]:
    """`reconciler suspend`, `resume`, `restart`: an order that stands, for whoever acts next."""

    async def give(process: Process) -> None:
        ledger = await process.open()
        try:
            key, now = Key(SET, name), process.clock()
            process.life.oracles.ordered((name,), order.done)
            event = Event(now, key, order.event, order.reason)
            await ledger.give(key, Orders, lambda orders: order.change(orders, now), event)
        finally:
            await ledger.close()

    return give


def adopting(wish: importing.Wish) -> Callable[[Process], Coroutine[Any, Any, None]]:
    """`reconciler import NAME --resource-id ID --sid SID …`, from the console's list."""

    async def adopt(process: Process) -> None:
        async with _site(process) as site:
            complaint = await importing._adopt(site, await site.prepare(), wish, process.life.settings.app_id)
            process.life.trace("imported", wish.name, complaint or "adopted")

    return adopt


class _site:  # noqa: N801 - a context manager
    """Open the ledger for one command, without manifests."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._opened = open_site(
            process.outside(), process.life.settings, NO_MANIFESTS, process.life.path, SET, create=True
        )

    async def __aenter__(self) -> Site:
        site = await self._opened.__aenter__()
        self._process.ledger = site.ledger
        return site

    async def __aexit__(self, *how: object) -> None:
        await self._opened.__aexit__(*how)  # type: ignore[arg-type] # handed through
