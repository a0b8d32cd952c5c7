"""What lives for ever: the source, the recordings that are kept, and what other processes write. Decides nothing."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from structlog.typing import FilteringBoundLogger

from reconciler.controller import Assignment, Controller
from reconciler.controller.looking import depends_on_people
from reconciler.errors import LedgerError
from reconciler.evidence import Notice
from reconciler.intake.intake import Intake, Terms
from reconciler.ledger.ledger import Ledger
from reconciler.model import Entry, Key
from reconciler.planning.actions import Hold
from reconciler.planning.orders import Orders
from reconciler.planning.plan import DONE, calls_of
from reconciler.reconcile import Reconciler, Took
from reconciler.sources.source import Offer, Source, Trouble

Offered: TypeAlias = Literal["accepted", "withheld", "troubled"]

LISTENING = timedelta(seconds=0.5)  # between two looks at what other processes have written
TENDING = timedelta(seconds=1)
REREADING = timedelta(seconds=30)  # between two readings of the values behind references
CLEARING = timedelta(days=1)
NOTICES_KEPT = timedelta(days=7)  # what they said is in sessions and events by then
LEAVING = timedelta(seconds=4)  # for the turns in hand, and as long again for answers that do not come
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_RESTART_PAUSE = timedelta(seconds=1)  # before a loop that broke off begins again, doubled up to a minute
_LONGEST_PAUSE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Outlets:
    """Who is told how the daemon goes, besides the log; each may do nothing."""

    beat: Callable[[str], None] = lambda _loop: None
    took: Callable[[Took], None] = lambda _taken: None
    restarted: Callable[[], None] = lambda: None
    failed: Callable[[], None] = lambda: None
    first_action: Callable[[timedelta], None] = lambda _waited: None
    revision: Callable[[Offered], None] = lambda _outcome: None
    written: Callable[[], None] = lambda: None  # events were appended


@dataclass(slots=True)
class Daemon:
    """One set, kept true until it is told to end. Recordings go on without it."""

    ledger: Ledger
    intake: Intake
    controller: Controller
    reconciler: Reconciler
    source: Source
    admit: Callable[[Iterable[Assignment]], None]  # has clients for every App ID these may call for
    clock: Callable[[], datetime]
    log: FilteringBoundLogger
    accounts_changed: Callable[[], bool] = lambda: False  # reads credentials again; tells whether some are others
    waiting: Callable[[], None] = lambda: None  # somebody waits for people in a channel
    retention: timedelta = timedelta(days=400)
    outlets: Outlets = field(default_factory=Outlets)
    loops: Mapping[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)  # beside the daemon's own
    drifting: dict[Key, datetime] = field(default_factory=dict)  # since when a recording is not as declared
    counts: dict[str, int] = field(default_factory=dict)  # recorders that run, or may run, by App ID
    _terms: Terms | None = None  # under which was taken in what the source said last
    _changed_at: dict[Key, datetime] = field(default_factory=dict)  # accepted, and not acted on yet
    _orders: dict[Key, Orders] = field(default_factory=dict)
    opened: asyncio.Event = field(default_factory=asyncio.Event)  # the last accepted set is known
    _taking: asyncio.Lock = field(default_factory=asyncio.Lock)  # one set is taken in at a time
    _acted: bool = False  # a turn was taken since that was last looked at
    _is_counted: bool = False  # nothing has happened since that could change the counts
    _seen: int = 0  # the newest event that was looked at
    _leaving: bool = False
    _moving: bool = False  # recordings get other names: nobody may work on them meanwhile

    async def run(self, stopping: asyncio.Event) -> None:
        """Keep the set until told to end; then finish the turns in hand, within seconds.

        Raises:
            LedgerError: the ledger cannot be used at the start.
        """
        await self.intake.open()
        if self.intake.is_stuck:
            self._tell_standing()
        self._terms = self.intake.terms
        self.opened.set()
        self._seen = await self.ledger.last_event()
        self._orders = await self.ledger.orders(self.intake.set)
        await self._read_set_orders()
        self._count()
        self.reassign()
        async with self._going():
            await stopping.wait()
            self._leaving = True
            await self.controller.close(LEAVING)

    @asynccontextmanager
    async def _going(self) -> AsyncIterator[None]:
        own: dict[str, Callable[[], Awaitable[None]]] = {
            "source": self._follow_source,
            "listening": self._listen,
            "tending": self._tend,
        }
        loops = own | dict(self.loops)
        tasks = [asyncio.create_task(self._lasting(name, loop), name=name) for name, loop in loops.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _lasting(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Begin a loop again that has broken off: none of them may end the others."""
        pause = _RESTART_PAUSE
        while True:
            began = self.clock()
            try:
                await loop()
            except Exception as error:
                self.log.exception("loop.failed", loop=name, error=f"{type(error).__name__}: {error}")
            if self.clock() - began > _LONGEST_PAUSE:
                pause = _RESTART_PAUSE
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, _LONGEST_PAUSE)

    # -- what is to be kept

    def reassign(self) -> None:
        """Keep what is in force now; who leaves begins nothing any more."""
        if self._leaving:
            return
        self._is_counted = False
        assignments = self.intake.assignments()
        self.admit(assignments)
        now = self.clock()
        for one in assignments:
            keeper = self.controller.keepers.get(one.key)
            if keeper is None or keeper.assignment != one:
                self._changed_at.setdefault(one.key, now)
        self.reconciler.source_revision = self.intake.standing.label
        self.controller.assign(assignments, self, self._failed)
        for gone in self.drifting.keys() - self.controller.keepers.keys():
            del self.drifting[gone]

    async def _follow_source(self) -> None:
        async with aclosing(self.source.offers()) as offers:
            async for item in offers:
                await self._taken(item)

    async def _taken(self, item: Offer | Trouble) -> None:
        """Take an item in, and again while the ledger cannot be written."""
        pause = _RESTART_PAUSE
        while True:
            try:
                await self._take(item)
            except LedgerError as error:
                self.log.error("source.delayed", error=str(error))  # noqa: TRY400 - it is no bug
            except Exception as error:
                # A set that we cannot digest must not keep the next one out.
                self.log.exception("source.failed", error=f"this is a bug in reconciler: {error!r}")
                return
            else:
                return
            await asyncio.sleep(pause.total_seconds())
            pause = min(pause * 2, _LONGEST_PAUSE)

    async def _take(self, item: Offer | Trouble) -> None:
        async with self._taking:
            await self._take_in(item)
        if self.intake.standing.withheld:
            await self._read_set_orders()  # a person may have approved it before this process began

    async def _take_in(self, item: Offer | Trouble) -> None:
        before = self.intake.standing
        moved = self.intake.renames_of(item)
        self._moving = bool(moved)
        taken = False
        try:
            for old, _ in moved:
                await self.controller.let_go(old)
            taken = await self.intake.consider(item)
        finally:
            self._moving = False
            if taken or moved:
                self.reassign()  # the old name is kept on where a new one was not taken
        if self.intake.standing != before:
            self._tell_standing()

    def _tell_standing(self) -> None:
        standing = self.intake.standing
        self.outlets.written()
        if standing.trouble:
            self.outlets.revision("troubled")
            self.log.warning("source.troubled", source=standing.source, said=standing.trouble, in_force=standing.label)
        elif standing.withheld:
            self.outlets.revision("withheld")
            held = standing.withheld
            self.log.warning("source.held", source=standing.source, revision=held.label, reason=held.reason)
        else:
            self.outlets.revision("accepted")
            self.log.info("source.accepted", source=standing.source, revision=standing.label)

    # -- what other processes write

    async def _listen(self) -> None:
        version = await self.ledger.version()
        await self.hear()  # what was written since we began and before we listened
        while True:
            await self._beat(LISTENING)
            self.outlets.beat("listening")
            now = await self.ledger.version()
            if now != version:
                version = now
                await self.hear()

    async def hear(self) -> None:
        """Take up what other processes have written: orders, approvals, adopted and forgotten recorders."""
        news = await self.ledger.events(after_id=self._seen)
        self._seen = max((number for number, _ in news), default=self._seen)
        orders = await self.ledger.orders(self.intake.set)
        differing = {key for key in orders.keys() | self._orders.keys() if orders.get(key) != self._orders.get(key)}
        self._orders = orders
        touched = differing | {event.key for _, event in news if event.key.name}
        for key in touched:
            entry = await self.ledger.entry(key)
            if entry is not None:
                before, self.intake.entries[key] = self.intake.entries.get(key), entry
                self._is_counted = False
                for app_id in _ended_since(before, entry):
                    self.controller.make_room(app_id)
        unkept = any(key not in self.controller.keepers for key in touched if key.set == self.intake.set)
        if unkept and not self._moving:
            self.reassign()
        self.controller.wake(touched)
        await self._read_set_orders()
        self.outlets.written()

    async def receive(self, notice: Notice) -> bool:
        """Keep a notice of the service and wake whom it may concern; False for one that came before.

        Raises:
            LedgerError: it could not be kept; to be sent again.
        """
        if not await self.ledger.receive(notice):
            return False
        self.controller.wake(self.controller.in_channel(None, notice.channel))
        return True

    async def _read_set_orders(self) -> None:
        given = await self.ledger.set_orders(self.intake.set)
        frozen = str(given.freeze) if given.freeze else ""
        if frozen != self.controller.frozen:
            self.controller.frozen = frozen
            self.controller.wake(self.controller.keepers)
            self.log.warning("set.frozen", reason=frozen) if frozen else self.log.info("set.unfrozen")
        if not given.approved:
            return
        async with self._taking:
            if await self.intake.approve(given.approved):
                self.reassign()
                self._tell_standing()

    # -- what time brings

    async def _tend(self) -> None:
        reread_at = self.clock() + REREADING
        clear_at = self.clock() + TENDING
        while True:
            await self._beat(TENDING)
            self.outlets.beat("tending")
            if self._acted or not any(keeper.place for keeper in self.controller.keepers.values()):
                self._acted = False
                self.outlets.beat("turns")
            if not self._is_counted and not self._moving:
                self._count()
                self._pick_up()
            now = self.clock()
            if self._terms is not self.intake.terms or now >= reread_at:
                reread_at = now + REREADING
                await self._reread()
            if now >= clear_at:
                clear_at = now + CLEARING
                await self.ledger.clear(now - self.retention, now - min(self.retention, NOTICES_KEPT))

    async def _beat(self, every: timedelta) -> None:
        """Wait until the clock shows a multiple of that: what comes together wakes the process once."""
        await asyncio.sleep((every - (self.clock() - _EPOCH) % every).total_seconds())

    async def _reread(self) -> None:
        """Look again at all that manifests stand on: settings, credentials, values, what other sets record."""
        terms = self.intake.terms
        if self._terms is not terms or self.intake.is_stuck:
            async with self._taking:
                before = self.intake.standing
                is_prepared = await self.intake.resume()
                if self.intake.standing != before:
                    self._tell_standing()
            self.reassign()
            if is_prepared and self.intake.said is not None:
                await self._take(self.intake.said)
            self._terms = terms
        async with self._taking:
            is_other = await self.intake.reread()
        if self.accounts_changed() or is_other:
            self.reassign()

    def _pick_up(self) -> None:
        """Keep what has a recorder and no keeper: one let go in the middle of its first start gets there later."""
        left = (key for key, entry in self.intake.entries.items() if entry.open_sessions)
        if any(key.set == self.intake.set and key not in self.controller.keepers for key in left):
            self.reassign()

    def _count(self) -> None:
        self._is_counted, counts = True, dict[str, int]()
        for entry in self.intake.entries.values():
            for session in entry.open_sessions:
                counts[session.identity.app_id] = counts.get(session.identity.app_id, 0) + 1
        self.counts = counts

    # -- what the controller tells

    def held(self, key: Key, hold: Hold, entry: Entry) -> None:
        """Hear that there is nothing to do."""
        self.intake.entries[key] = entry
        if hold.because in DONE:
            self.drifting.pop(key, None)
            self._changed_at.pop(key, None)
        else:
            self.drifting.setdefault(key, self.clock())
        keeper = self.controller.keepers.get(key)
        if keeper is not None and depends_on_people(keeper, self.clock()):
            self.waiting()

    def took(self, key: Key, taken: Took) -> None:
        """Hear what was done."""
        self._acted = True
        before = self.intake.entries.get(key)
        self.intake.entries[key] = taken.entry
        if before is not None and taken.entry.restarts > before.restarts:
            self.outlets.restarted()
        changed_at = self._changed_at.pop(key, None) if calls_of(taken.action) else None
        if changed_at is not None:
            self.outlets.first_action(self.clock() - changed_at)
        self.outlets.took(taken)
        if taken.events:
            self._is_counted = False
            self.outlets.written()

    def _failed(self, key: Key, error: Exception, again_at: datetime) -> None:
        """Say that a turn broke off; the others go on."""
        self.outlets.failed()
        named = self.log.bind(recording=key.name, set=key.set, again_at=again_at)
        if isinstance(error, LedgerError):
            named.error("turn.failed", error=str(error))
        else:
            named.error("turn.failed", error=f"this is a bug in reconciler: {error!r}", exc_info=error)


def _ended_since(before: Entry | None, entry: Entry) -> set[str]:
    """Name the App IDs of recorders that were there before and are no more."""
    left = {session.number for session in entry.open_sessions}
    return {one.identity.app_id for one in before.open_sessions if one.number not in left} if before else set()
