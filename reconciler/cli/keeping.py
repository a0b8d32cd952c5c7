"""Everything a daemon works with, put together from settings that may be read again while it runs. Prints nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from reconciler.agora.client import Client
from reconciler.cli.accounts import DEFAULT_APP, Account, accounts, app_ids, service_of
from reconciler.cli.applying import Outside
from reconciler.cli.workshop import Workshop, open_workshop
from reconciler.controller import Assignment
from reconciler.controller.looking import recorders_by_channel, wanted_channels
from reconciler.daemon import Daemon, Outlets
from reconciler.errors import ManifestError, Problem, SettingsError
from reconciler.intake.intake import Intake, Terms
from reconciler.intake.values import Values
from reconciler.ledger.ledger import Ledger
from reconciler.lookout import Lookout
from reconciler.manifests.accept import ManifestSet
from reconciler.planning.rules import Rules
from reconciler.settings import Settings
from reconciler.sources.source import Source


@dataclass(slots=True)
class Household:
    """What the daemon is told by its settings; `reload` gives it others."""

    outside: Outside
    settings: Settings
    values: Values
    workshop: Workshop | None = None
    daemon: Daemon | None = None
    _found: dict[str, Account | str] = field(default_factory=dict)  # by App ID; a text says why there is none
    _of: ManifestSet | None = None  # whose accounts those are
    _rules: dict[tuple[int, float], Rules] = field(default_factory=dict)

    def rules_of(self, app_id: str) -> Rules:
        """Give the timing of an App ID: how often is asked depends on how many share its quota."""
        account = self.workshop.accounts.get(app_id) if self.workshop else None
        qps = account.qps if account else self.settings.qps
        live = self.daemon.counts.get(app_id, 0) if self.daemon else 0
        if (live, qps) not in self._rules:
            self._rules = {(live, qps): self.settings.rules(live, qps)} | (self._rules if len(self._rules) < 64 else {})
        return self._rules[live, qps]

    def app_names(self, app_id: str) -> tuple[str, ...]:
        """Name the Apps of the set in force that have this App ID."""
        assert self.daemon is not None
        apps = self.daemon.intake.manifests.apps
        named = {name for name, spec in apps.items() if spec.app_id == app_id}
        if DEFAULT_APP not in apps and app_id == self.settings.app_id:
            named.add(DEFAULT_APP)
        return tuple(sorted(named))

    def terms(self, *, prune: bool) -> Terms:
        return Terms(
            values=self.values,
            app_ids_of=lambda manifests: app_ids(manifests, self.settings),
            problem_of=self.problem_of,
            uid_range=self.settings.uid_range,
            max_stop_percent=self.settings.max_stop_percent,
            prune=prune,
        )

    def problem_of(self, app_id: str, manifests: ManifestSet) -> str:
        """Say why nobody can call for that App ID; empty if one can."""
        found = self._account(app_id, manifests)
        return found if isinstance(found, str) else ""

    def _account(self, app_id: str, manifests: ManifestSet) -> Account | str:
        if self._of is not manifests:
            self._of, self._found = manifests, {}
        if app_id not in self._found:
            self._found[app_id] = self._look_up(app_id, manifests)
        return self._found[app_id]

    def _look_up(self, app_id: str, manifests: ManifestSet) -> Account | str:
        try:
            found = accounts(frozenset({app_id}), manifests, self.settings, self.values).get(app_id)
            if found is None:
                return f"neither an App of the manifests nor the settings have credentials for App ID {app_id}"
            if service_of([found], self.settings) != self.settings.service_kind:
                return "its App is at another service than this ledger: give it a ledger and a daemon of its own"
        except ManifestError as error:
            return "; ".join(str(fault) for fault in error.faults)
        except SettingsError as error:
            return str(error)
        return found

    def admit(self, assignments: Iterable[Assignment]) -> None:
        """Have a client for every App ID that may be called for."""
        assert self.workshop is not None
        assert self.daemon is not None
        lacking = {}
        for app_id in {app_id for one in assignments for app_id in one.app_ids if app_id}:
            account = self._account(app_id, self.daemon.intake.manifests)
            if isinstance(account, Account):
                self.workshop.admit(account)
            else:
                lacking[app_id] = account
        self.workshop.controller.lacking = lacking

    def reread_accounts(self) -> bool:
        """Read the credentials again; tells whether some are others, or are there or gone."""
        before, self._found = self._found, {}
        assert self.daemon is not None
        manifests = self.daemon.intake.manifests
        return any(self._account(app_id, manifests) != account for app_id, account in before.items())

    def reload(self, settings: Settings, values: Values) -> None:
        """Go on with other settings: what they say of calls counts at once, of the set within a second."""
        assert self.daemon is not None
        self.settings, self.values = settings, values
        self._found, self._rules = {}, {}
        self.daemon.retention = settings.retention
        self.daemon.intake.terms = self.terms(prune=self.daemon.intake.terms.prune)
        self.daemon.reassign()
        self.daemon.controller.wake(self.daemon.controller.keepers)


@asynccontextmanager
async def open_household(
    outside: Outside,
    settings: Settings,
    ledger: Ledger,
    source: Source,
    *,
    prune: bool = True,
    outlets: Outlets | None = None,
    heard: Callable[[str, str, timedelta, int | None], None] | None = None,
    loops: Callable[[Household], Mapping[str, Callable[[], Awaitable[None]]]] = lambda _: {},
) -> AsyncIterator[Household]:
    """Wire a daemon for the settings' set; nothing runs before `daemon.run`.

    Raises:
        LedgerError: another daemon keeps the set, or the ledger cannot be used. Nobody listens or calls then.
        SettingsError: what runs beside it cannot.
    """
    household = Household(outside, settings, outside.values)
    await ledger.serve(settings.service_kind, "the ledger")
    await ledger.enlist(settings.set, source.name)
    async with open_workshop(
        ledger,
        settings,
        rules_of=household.rules_of,
        clock=outside.clock,
        log=outside.log,
        transport=outside.transport,
        heard=heard,
    ) as workshop:
        intake = Intake(
            ledger, settings.set, source.name, outside.clock, household.rules_of, household.terms(prune=prune)
        )
        household.workshop = workshop
        lookout = _lookout(household, intake, workshop)
        workshop.controller.presence_of = lookout.presence
        household.daemon = Daemon(
            ledger=ledger,
            intake=intake,
            controller=workshop.controller,
            reconciler=workshop.reconciler,
            source=source,
            admit=household.admit,
            clock=outside.clock,
            log=outside.log,
            retention=settings.retention,
            outlets=outlets or Outlets(),
            accounts_changed=household.reread_accounts,
            waiting=lookout.wake,
        )
        household.daemon.loops = {"lookout": lookout.keep, **loops(household)}
        yield household


def _lookout(household: Household, intake: Intake, workshop: Workshop) -> Lookout:
    """Have somebody look who is in the channels where that decides."""
    controller, log = workshop.controller, household.outside.log

    def client(app_id: str) -> Client | None:
        service = workshop.services.get(app_id)
        return service.client if service else None

    def changed(app_id: str, channel: str) -> None:
        controller.wake(controller.in_channel(app_id, channel))

    def refused(app_id: str, problem: Problem) -> None:
        log.warning("channels.refused", app_id=app_id, said=str(problem))

    return Lookout(
        client,
        lambda: wanted_channels(controller.keepers.values(), workshop.clock()),
        lambda app_id: recorders_by_channel(intake.entries.values(), app_id),
        uid_range=household.settings.uid_range,
        interval=lambda app_id: household.rules_of(app_id).poll_interval,
        clock=workshop.clock,
        changed=changed,
        refused=refused,
    )
