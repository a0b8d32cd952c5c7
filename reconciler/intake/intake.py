"""What a daemon keeps: sets are taken in whole or not at all, and written down before they are acted on (S17)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.controller.assignments import Assignment
from reconciler.errors import ManifestError, SettingsError, UnsafePlanError
from reconciler.intake.declaring import changed_declarations, lacks_address, manifests_of
from reconciler.intake.known import Known
from reconciler.intake.preparing import GONE, Completed, Prepared, Stock, pending_renames, prepare
from reconciler.intake.values import Values
from reconciler.ledger.ledger import Ledger
from reconciler.ledger.standings import Declaration, Place
from reconciler.manifests.accept import ManifestSet
from reconciler.model import Entry, Event, Key
from reconciler.planning.desired import Aim, Desired, Unmanaged, Unwanted
from reconciler.planning.guards import assert_apps_kept, assert_no_mass_stop, assert_not_emptied
from reconciler.planning.plan import PlannedAction, plan_one
from reconciler.planning.situation import app_id_of
from reconciler.planning.slots import UidRange
from reconciler.planning.standing import SetOrders, Standing, Withheld
from reconciler.reconcile import RulesOf
from reconciler.sources.source import Offer, Trouble

NOTHING = ManifestSet((), {}, "", {})
APPROVE = "`reconciler approve` lets it through, once"


@dataclass(frozen=True, slots=True)
class Terms:
    """What the settings say about taking a set in."""

    values: Values
    app_ids_of: Callable[[ManifestSet], Mapping[str, str]]  # app name → App ID; raises SettingsError
    problem_of: Callable[[str, ManifestSet], str]  # App ID → why nobody can call for it; empty if one can
    uid_range: UidRange
    max_stop_percent: float
    prune: bool = True


@dataclass(slots=True)
class Intake:
    """The set in force, and what its source has said since."""

    ledger: Ledger
    set: str
    source: str  # for people
    clock: Callable[[], datetime]
    rules_of: RulesOf
    terms: Terms
    manifests: ManifestSet = NOTHING
    standing: Standing = field(default_factory=lambda: Standing(""))
    entries: dict[Key, Entry] = field(default_factory=dict)  # of every set, as they were seen last
    prepared: Prepared | None = None
    withheld: Offer | None = None
    said: Offer | Trouble | None = None  # by the source, last
    _app_ids: Mapping[str, str] = field(default_factory=dict)  # of the set in force
    _hindrance: str = ""  # why that could not be prepared
    _owned: Mapping[Place, Declaration] = field(default_factory=dict)
    _fingerprint_key: bytes = b""
    _known: Known | None = None

    async def open(self) -> None:
        """Put the last accepted set in force again, whatever has become of its source; see `resume`.

        Raises:
            LedgerError: the ledger cannot be used.
        """
        self._fingerprint_key = await self.ledger.fingerprint_key()
        self.entries = await self.ledger.entries()
        self._owned = await self.ledger.declarations(self.set)
        self.standing = replace(await self.ledger.standing(self.set) or Standing(""), source=self.source)
        self.manifests = manifests_of(self._owned, self.standing.revision)
        await self.resume()

    async def resume(self) -> bool:
        """Prepare the last accepted set, if that was not done yet; tells whether it is done now.

        Where it cannot be, because settings say no App ID or because of what another set records, that is trouble:
        what is live is looked at only, until it can.
        """
        if self.prepared is not None or not self.standing.revision:
            return True
        try:
            app_ids = self.terms.app_ids_of(self.manifests)
            self._put_in_force(self.manifests, self._prepare(self.manifests, app_ids))
            self._app_ids = app_ids
        except (ManifestError, SettingsError) as error:
            self._hindrance = str(error)
            await self._trouble(self._hindrance, self.standing.label)
            return False
        if self._hindrance and self._hindrance == self.standing.trouble:
            self.standing = replace(self.standing, trouble="", troubled_since=None)
            await self.ledger.stand(self.set, self.standing)
        return True

    @property
    def is_stuck(self) -> bool:
        """Tell whether something outside of the manifests keeps a set from being in force, which may be over later."""
        return (self.prepared is None and bool(self.standing.revision)) or (
            bool(self.standing.trouble) and isinstance(self.said, Offer)
        )

    async def consider(self, item: Offer | Trouble) -> bool:
        """Take an offer in, or say why not; tells whether another set is in force now."""
        self.said = item
        match item:
            case Trouble(words=words, revision=revision):
                await self._trouble(words, revision)
                return False
            case Offer():
                return await self._offered(item)

    def renames_of(self, item: Offer | Trouble) -> tuple[tuple[Key, Key], ...]:
        """Name what an offer would move to another name: nobody may be working on it then."""
        return pending_renames(item.manifests.recordings, self.entries, self.set) if isinstance(item, Offer) else ()

    async def approve(self, revision: str) -> bool:
        """Let the withheld revision through, once, if that is the one a person has approved."""
        offer = self.withheld
        if offer is None or offer.manifests.revision != revision:
            return False
        await self.ledger.give(Key(self.set, ""), SetOrders, lambda orders: replace(orders, approved=""))
        return await self._offered(offer, approved=True)

    async def reread(self) -> bool:
        """Read every value behind a reference anew; tells whether something is different."""
        if self.prepared is None:
            return False
        before = self.prepared.completed
        if self._known is None or self._known.of is not before:
            self._known = Known.those_of(before)
        if not self._known.differs(self.terms.values):
            return False
        known = {name: replace(one, read=self.terms.values.of(one.declared)) for name, one in before.items()}
        try:
            self._put_in_force(self.manifests, self._prepare(self.manifests, self._app_ids, known))
        except ManifestError as error:
            await self._trouble(str(error), self.standing.label)
            return False
        return True

    def assignments(self) -> tuple[Assignment, ...]:
        """Say what is to be kept, and as what: the declared, what is to go, and what is only looked at."""
        prepared = self.prepared
        found = {one.key: self._held_back(one) for one in prepared.desired} if prepared else {}
        aims: dict[Key, Aim] = dict(found)
        for key, entry in self.entries.items():
            if key.set == self.set and key not in aims and (entry.open_sessions or entry.declared):
                aims[key] = self._undeclared(key)
        return tuple(
            Assignment(key, aim, app_id_of(self.entries.get(key) or Entry(key), aim)) for key, aim in aims.items()
        )

    def _undeclared(self, key: Key) -> Aim:
        ours = ("Recording", key.name) in self._owned
        return Unwanted(GONE) if ours and self.terms.prune and self.prepared is not None else Unmanaged()

    def _held_back(self, desired: Desired) -> Desired:
        """Hold a recording whose values, page or account cannot be used; a live one is then left alone."""
        assert self.prepared is not None
        one = self.prepared.completed[desired.key.name]
        problems = [str(fault) for fault in one.faults]
        if lacks_address(one.declared):
            problems.append(f"{desired.place}: its page's address is known again once the manifests can be read")
        account = self.terms.problem_of(desired.app_id, self.manifests)
        if account:
            problems.append(account)
        return replace(desired, missing=tuple(problems)) if problems else desired

    # -- taking in

    async def _offered(self, offer: Offer, *, approved: bool = False) -> bool:
        await self._catch_up()
        try:
            app_ids = self.terms.app_ids_of(offer.manifests)
            prepared = self._prepare(offer.manifests, app_ids)
        except (ManifestError, SettingsError) as error:
            await self._trouble(str(error), offer.revision)
            return False
        approvable = False
        try:
            self._assert_apps_kept(offer, prepared, app_ids)
            approvable = True
            if not approved:
                self._assert_calm(offer, prepared)
        except UnsafePlanError as error:
            await self._withhold(offer, str(error), approvable=approvable)
            return False
        await self._accept(offer, prepared)
        self._app_ids = app_ids
        return True

    async def _catch_up(self) -> None:
        """Know of the starts under way, too: what is told when a turn is over comes too late for a guard."""
        for key in await self.ledger.recording(self.set):
            if key not in self.entries or not self.entries[key].open_sessions:
                self.entries[key] = await self.ledger.entry(key) or Entry(key)

    def _prepare(
        self, manifests: ManifestSet, app_ids: Mapping[str, str], known: Mapping[str, Completed] | None = None
    ) -> Prepared:
        before = self.prepared.completed if self.prepared else {}
        stock = Stock(self._fingerprint_key, self.entries)
        return prepare(manifests, app_ids, stock, self.set, self.terms.uid_range, self.terms.values, known or before)

    def _put_in_force(self, manifests: ManifestSet, prepared: Prepared) -> None:
        """Keep what is declared, not the entries that it was held against: they change from now on."""
        self.manifests, self.prepared = manifests, replace(prepared, entries={})

    def _assert_apps_kept(self, offer: Offer, prepared: Prepared, app_ids: Mapping[str, str]) -> None:
        mine = prepared.entries
        known = frozenset(app_ids.values())
        live = frozenset(one.identity.app_id for entry in mine.values() for one in entry.open_sessions)
        unknown = {app_id for app_id in live - known if self.terms.problem_of(app_id, offer.manifests)}
        assert_apps_kept(mine, frozenset(unknown))

    def _assert_calm(self, offer: Offer, prepared: Prepared) -> None:
        mine = prepared.entries
        assert_not_emptied(offer.manifests.recordings, mine, APPROVE)
        assert_no_mass_stop(self._interrupting(prepared), mine, self.terms.max_stop_percent, APPROVE)

    def _interrupting(self, prepared: Prepared) -> list[PlannedAction]:
        """Plan what is live and would be something else than it is now."""
        before = {one.key: one for one in self.prepared.desired} if self.prepared else {}
        after: dict[Key, Aim] = {one.key: one for one in prepared.desired}
        now = self.clock()
        return [
            plan_one(aim, entry, now, self.rules_of(app_id_of(entry, aim)))
            for key, entry in prepared.entries.items()
            if entry.open_sessions and (aim := after.get(key) or self._undeclared(key)) != before.get(key)
        ]

    async def _accept(self, offer: Offer, prepared: Prepared) -> None:
        changed = offer.manifests.revision != self.standing.revision
        for old, new in prepared.renames:
            await self.ledger.rename(old, new)
            self.entries[new] = replace(self.entries.pop(old), key=new)
        if (
            not changed
            and self.manifests is not NOTHING
            and not self.standing.trouble
            and not self.standing.withheld
            and offer.revision == self.standing.label
        ):
            self._put_in_force(offer.manifests, prepared)
            self.withheld = None
            return
        at = self.clock() if changed else self.standing.accepted_at
        self.standing = Standing(self.source, offer.manifests.revision, offer.revision, at)
        differing = changed_declarations(offer.manifests, self.manifests, self._owned)
        await self.ledger.accept(self.set, self.standing, differing)
        self._owned = {**self._owned, **differing}
        self._put_in_force(offer.manifests, prepared)
        self.withheld = None
        if changed:
            counted = len(offer.manifests.recordings)
            await self._say("source.accepted", f"{counted} recording{'' if counted == 1 else 's'}", offer.revision)

    async def _withhold(self, offer: Offer, reason: str, *, approvable: bool) -> None:
        self.withheld = offer
        before = self.standing.withheld
        same = (offer.manifests.revision, offer.revision, approvable)
        if before and (before.revision, before.label, before.approvable) == same:
            return
        withheld = Withheld(offer.manifests.revision, offer.revision, reason, self.clock(), approvable)
        self.standing = replace(self.standing, withheld=withheld, trouble="", troubled_since=None)
        await self.ledger.stand(self.set, self.standing)
        await self._say("source.held", reason, offer.revision)

    async def _trouble(self, words: str, revision: str) -> None:
        if words == self.standing.trouble:
            return
        since = self.standing.troubled_since or self.clock()
        self.standing = replace(self.standing, trouble=words, troubled_since=since, withheld=None)
        self.withheld = None
        await self.ledger.stand(self.set, self.standing)
        await self._say("source.troubled", words.splitlines()[0] if words else "", revision, words)

    async def _say(self, kind: str, reason: str, revision: str, message: str = "") -> None:
        event = Event(self.clock(), Key(self.set, ""), kind, reason, message, source_revision=revision)
        await self.ledger.append(replace(event, revision=self.standing.revision))
