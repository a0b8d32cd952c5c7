"""The path that plan, apply and delete share: open the ledger, prepare, refresh, plan, converge. Prints nothing."""

import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import httpx
from structlog.typing import FilteringBoundLogger

from reconciler.cli.accounts import Account, accounts, app_ids, service_of
from reconciler.cli.naming import known
from reconciler.cli.terminal import DEFAULT_PATHS, Here
from reconciler.cli.workshop import Workshop, open_workshop, steady_clock
from reconciler.controller import Assignment, Watch
from reconciler.errors import ManifestError, ReconcilerError, SettingsError, UnsafePlanError
from reconciler.intake.preparing import Prepared, Scope, Stock, prepare, rename_notes
from reconciler.intake.values import Values
from reconciler.ledger import Ledger, WriterThread, open_ledger
from reconciler.ledger.files import locate
from reconciler.ledger.threads import Thread
from reconciler.logs import set_up_logs
from reconciler.manifests.accept import ManifestSet, Policy
from reconciler.manifests.accept import accept as read_manifests
from reconciler.model import Entry, Key
from reconciler.planning.actions import Because, Hold
from reconciler.planning.desired import Desired, Unwanted
from reconciler.planning.guards import assert_apps_kept, assert_not_stale
from reconciler.planning.intents import declare
from reconciler.planning.orders import NO_ORDERS, Orders
from reconciler.planning.plan import DONE, Plan, plan_one
from reconciler.planning.rules import Rules
from reconciler.planning.situation import OPEN_GATE, Around, Gate
from reconciler.planning.standing import NO_SET_ORDERS
from reconciler.settings import Settings

REFUSED = frozenset({Because.REFUSED, Because.APP_REFUSED, Because.SECRET_MISSING})
NO_MANIFESTS = ManifestSet((), {}, "", {})

Refresh = Literal["none", "stale", "all"]
GateOf = Callable[[Assignment], Gate]


@dataclass(frozen=True, slots=True)
class Outside:
    """What a command takes from outside: handed in, so that tests hand in another world."""

    values: Values
    clock: Callable[[], datetime]
    log: FilteringBoundLogger
    transport: httpx.AsyncBaseTransport | None = None
    thread: Callable[[], Thread] = WriterThread
    on_commit: Callable[[str], None] | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where a command has left its recordings."""

    rests: Mapping[Key, Hold]
    unrested: tuple[Key, ...]  # the time was over before they came to rest

    @property
    def left(self) -> dict[Key, Hold]:
        """Name what rests without being as declared."""
        return {key: hold for key, hold in self.rests.items() if hold.because not in DONE}

    @property
    def is_done(self) -> bool:
        return not self.left and not self.unrested

    @property
    def is_refused(self) -> bool:
        """Tell whether all that is left is refused: waiting longer would not help."""
        return not self.unrested and all(hold.because in REFUSED for hold in self.left.values())


class Site:
    """One command's dealings with one set: the ledger is open, and nothing is called before it is asked for."""

    def __init__(
        self, outside: Outside, settings: Settings, manifests: ManifestSet, ledger: Ledger | None, set_name: str
    ) -> None:
        self.outside = outside
        self.settings = settings
        self.manifests = manifests
        self.ledger = ledger
        self.set = set_name
        self._app_ids = app_ids(manifests, settings)
        self._orders: Mapping[Key, Orders] = {}
        self._noted: set[Key] = set()  # of what is wanted, in the ledger

    async def prepare(self) -> Prepared:
        """Complete the declared recordings against what the ledger holds now."""
        stock, orders = Stock(), dict[Key, Orders]()
        if self.ledger is not None:
            stock = Stock(await self.ledger.fingerprint_key(), await self.ledger.entries())
            orders = await self.ledger.orders(self.set)
        prepared = prepare(self.manifests, self._app_ids, stock, self.set, self.settings.uid_range, self.outside.values)
        self._orders = {**{new: orders[old] for old, new in prepared.renames if old in orders}, **orders}
        return prepared

    async def assert_not_kept(self, keys: Iterable[Key]) -> None:
        """Refuse to take away what a running daemon's source has: it would start again at once (S23).

        Raises:
            ReconcilerError: naming the way that lasts.
        """
        kept = await self.ledger.kept_by_daemon(self.set) if self.ledger else frozenset()
        names = sorted(key.name for key in keys if key.name in kept)
        if names:
            raise ReconcilerError(
                f"{_named(names)}: still in the manifests of the running daemon, which would start it again at once. "
                "Take it out there, or use `reconciler suspend`"
            )

    async def assert_pruning_lasts(self, planned: "Planned") -> None:
        """Refuse to prune what a running daemon's source has. Raises ReconcilerError."""
        await self.assert_not_kept(one.key for one in planned.assignments if isinstance(one.desired, Unwanted))

    async def assert_within_daemon(self) -> None:
        """Refuse beside a daemon what its source lacks: one set has one source.

        Raises:
            UnsafePlanError: naming --set.
        """
        if self.ledger is None:
            return
        source = await self.ledger.keeper(self.set)
        kept = await self.ledger.kept_by_daemon(self.set)
        lacking = sorted(one.name for one in self.manifests.recordings if one.name not in kept)
        if source and lacking:
            raise UnsafePlanError(
                f"refused: a running daemon keeps set {self.set} from {source}, which lacks {_named(lacking)}. "
                "Add it there, or apply it as another set: --set NAME"
            )

    async def assert_not_frozen(self) -> None:
        """Refuse to act on a set that is only to be observed.

        Raises:
            UnsafePlanError: with who has frozen it, and why.
        """
        given = await self.ledger.set_orders(self.set) if self.ledger else NO_SET_ORDERS
        if given.freeze:
            raise UnsafePlanError(f"refused: set {self.set} is {given.freeze}. `reconciler unfreeze` lets it go on")

    def assert_apps_kept(self, prepared: Prepared) -> None:
        """Refuse a set that has lost the App ID of any live recording of its own, also of one that is left alone (S2).

        Raises:
            UnsafePlanError: naming the recordings.
        """
        live = frozenset(
            session.identity.app_id for entry in prepared.entries.values() for session in entry.open_sessions
        )
        assert_apps_kept(prepared.entries, live - {*self._app_ids.values(), self.settings.app_id or ""})

    def rules(self, prepared: Prepared) -> Rules:
        """Hand down the timing; how often is polled depends on how many there are."""
        live = sum(1 for entry in prepared.entries.values() if entry.open_sessions)
        return self.settings.rules(max(live, len(prepared.desired)))

    async def admitted(self, prepared: Prepared, app_ids: frozenset[str]) -> Mapping[str, Account]:
        """Complete the accounts of these App IDs; the ledger belongs to their service from then on.

        Raises:
            UnsafePlanError: nobody has the App ID of a live recording any more (S2).
        """
        assert self.ledger is not None
        found = accounts(app_ids, self.manifests, self.settings, self.outside.values)
        assert_apps_kept(prepared.entries, app_ids - found.keys())
        if found:
            await self.ledger.serve(service_of(found.values(), self.settings), "the ledger")
        return found

    @asynccontextmanager
    async def workshop(self, prepared: Prepared, app_ids: frozenset[str]) -> AsyncIterator[Workshop]:
        """Wire what is needed to call for these App IDs."""
        assert self.ledger is not None
        found = await self.admitted(prepared, app_ids)
        rules, outside = self.rules(prepared), self.outside
        async with open_workshop(
            self.ledger,
            self.settings,
            rules_of=lambda _: rules,
            clock=outside.clock,
            log=outside.log,
            transport=outside.transport,
        ) as workshop:
            for account in found.values():
                workshop.admit(account)
            yield workshop

    async def refreshed(self, scope: Scope, refresh: Refresh, *, strict: bool = False) -> "Planned":
        """Ask about what was not asked about lately, and plan on the answers; who cannot be asked is held as unknown.

        Raises:
            ManifestError: there are secrets that cannot be used, and that is `strict`: nobody is asked then.
            SettingsError: credentials are missing, and that is `strict`.
        """
        prepared = await self.prepare()
        if strict and prepared.faults:
            raise ManifestError(prepared.faults)
        known(scope.targets, {one.key for one in prepared.desired} | prepared.entries.keys(), self.set)
        assignments = prepared.assignments(scope)
        live = [one for one in assignments if one.key in prepared.entries and prepared.entries[one.key].open_sessions]
        if refresh == "none" or not live or self.ledger is None:
            return self._planned(prepared, scope, assignments)
        age = timedelta(0) if refresh == "all" else self.rules(prepared).poll_interval
        try:
            async with self.workshop(prepared, _app_ids_of(live)) as workshop:
                # What is to be renamed is asked about, and noted, under the name it still has.
                before = {new: old for old, new in prepared.renames}
                asking = [replace(one, key=before.get(one.key, one.key)) for one in live]
                await workshop.controller.refresh(asking, older_than=age)
                gate_of = workshop.controller.gate
        except SettingsError as error:
            if strict:
                raise
            unknown = Gate(refused=f"unknown, for it could not be asked: {error}")
            unasked = {one.key for one in live}
            return self._planned(prepared, scope, assignments, lambda one: unknown if one.key in unasked else OPEN_GATE)
        asked = await self._reread(prepared)
        return self._planned(asked, scope, asked.assignments(scope), lambda one: gate_of(one.app_id))

    async def _reread(self, prepared: Prepared) -> Prepared:
        assert self.ledger is not None
        entries = await self.ledger.entries(self.set)
        for old, new in prepared.renames:
            if old in entries and new not in entries:  # else another apply has moved it meanwhile
                entries[new] = replace(entries.pop(old), key=new)
        return replace(prepared, entries=entries)

    def _planned(
        self,
        prepared: Prepared,
        scope: Scope,
        assignments: tuple[Assignment, ...],
        gate_of: GateOf | None = None,
    ) -> "Planned":
        planned = self.plan(prepared, assignments, gate_of)
        notes = [*rename_notes(planned.plan.actions, prepared, scope), *(str(fault) for fault in prepared.faults)]
        ahead = sorted(one.key.name for one in assignments if _only_a_daemon_keeps(one))
        if ahead:
            notes.append(f"windows and empty rooms ahead are kept by `reconciler run` only: {_named(ahead)}")
        left_alone = prepared.left_alone(scope)
        if left_alone:
            names = _named([key.name for key in left_alone])
            notes.append(f"live, not in these manifests and left alone: {names}; --prune stops them")
        return replace(planned, plan=replace(planned.plan, notes=tuple(notes)))

    def plan(self, prepared: Prepared, assignments: tuple[Assignment, ...], gate_of: GateOf | None = None) -> "Planned":
        """Plan these assignments; whom a gate keeps back is held."""
        now, rules = self.outside.clock(), self.rules(prepared)
        actions = tuple(
            plan_one(
                one.desired,
                prepared.entries.get(one.key) or Entry(one.key),
                now,
                rules,
                Around(gate_of(one) if gate_of else OPEN_GATE, self._orders.get(one.key, NO_ORDERS)),
            )
            for one in assignments
        )
        return Planned(prepared, assignments, Plan(actions), gate_of)

    async def assert_not_stale(self, planned: "Planned", scope: Scope) -> None:
        """Plan again on what the ledger holds now, and refuse a plan that comes to something else.

        Raises:
            UnsafePlanError: naming the recordings.
        """
        prepared = await self.prepare()
        assert_not_stale(planned.plan, self.plan(prepared, prepared.assignments(scope), planned.gate_of).plan)

    async def accept(self, prepared: Prepared) -> None:
        """Write down that this set is accepted: renames, labels, who is declared. Nothing is called."""
        assert self.ledger is not None
        for old, new in prepared.renames:
            await self.ledger.rename(old, new)
        declared = {one.key for one in prepared.desired}
        for one in prepared.desired:
            await self._note(one.key, partial(declare, desired=one))
        kept = await self.ledger.kept_by_daemon(self.set)
        await self.dismiss(key for key in prepared.entries.keys() - declared if key.name not in kept)

    async def dismiss(self, keys: Iterable[Key]) -> None:
        """Write down that these are no longer declared."""
        for key in sorted(keys):
            await self._note(key, partial(replace, declared=False))

    async def _note(self, key: Key, noted: Callable[[Entry], Entry]) -> None:
        assert self.ledger is not None
        before = await self.ledger.entry(key)
        if before is None or noted(before) != before:
            claim = await self.ledger.claim(key)
            if claim is None:
                return  # another process has it in hand, and writes what it has read before
            entry = await self.ledger.entry(key) or Entry(key)
            await self.ledger.save(claim, noted(entry), release=True)
        self._noted.add(key)

    async def converge(self, planned: "Planned", patience: timedelta, watch: Watch) -> Verdict:
        """Act until every recording rests or the patience is over."""
        async with self.workshop(planned.prepared, planned.app_ids) as workshop:
            rests = await workshop.controller.converge(planned.assignments, patience, watch, self._noted)
        return Verdict(rests, tuple(one.key for one in planned.assignments if one.key not in rests))


def _only_a_daemon_keeps(one: Assignment) -> bool:
    """Tell whether time or people alone will change what is wanted."""
    desired = one.desired
    return isinstance(desired, Desired) and (desired.spec.schedule is not None or desired.spec.when == "occupied")


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (" …" if len(names) > 5 else "")


def _app_ids_of(assignments: Iterable[Assignment]) -> frozenset[str]:
    return frozenset(app_id for one in assignments for app_id in one.app_ids)


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan with what it stands on."""

    prepared: Prepared
    assignments: tuple[Assignment, ...]
    plan: Plan
    gate_of: GateOf | None = None  # whom it holds back

    @property
    def app_ids(self) -> frozenset[str]:
        return _app_ids_of(self.assignments)


@asynccontextmanager
async def open_site(
    outside: Outside,
    settings: Settings,
    manifests: ManifestSet,
    place: str | Path,
    set_name: str,
    *,
    create: bool,
) -> AsyncIterator[Site]:
    """Open the ledger for one set; without `create` a missing one is as good as an empty one."""
    ledger = None
    if create or locate(place).exists():
        ledger = await open_ledger(
            place, service=None, now=outside.clock, run=outside.thread(), create=create, on_commit=outside.on_commit
        )
    try:
        yield Site(outside, settings, manifests, ledger, set_name)
    finally:
        if ledger is not None:
            await ledger.close()


def apps_beside(policy: Policy) -> ManifestSet:
    """Read the Apps beside us: a recording is stopped with the credentials of its App."""
    try:
        return replace(read_manifests(DEFAULT_PATHS, policy=policy, allow_empty=True), recordings=())
    except ManifestError:
        return NO_MANIFESTS  # what is wrong there, or missing, keeps nobody from stopping


def outside_of(here: Here, settings: Settings) -> Outside:
    """Take what a real command takes. Logs are for the daemon: a one-shot command tells its progress instead."""
    level = settings.log_level if "log_level" in settings.model_fields_set else "warning"
    log = set_up_logs(settings.log_format, level, sys.stderr, here.secrets, colour=here.is_coloured(sys.stderr))
    return Outside(Values(settings.policy(), here.environ, here.secrets), steady_clock(), log)
