"""One turn of one recording: claim, load, decide, execute at most one action, save, log."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias, assert_never

from structlog.typing import FilteringBoundLogger

from reconciler.agora.pace import Ticket
from reconciler.executor.executor import Executor
from reconciler.executor.turns import Order, Turn
from reconciler.ledger.claims import Claim
from reconciler.ledger.ledger import Ledger, Sheet
from reconciler.model import Accepted, Confirmed, Entry, Event, Key, Rest
from reconciler.planning.absorb import absorb
from reconciler.planning.actions import Action, Because, Forget, Hold, Learn, Observe
from reconciler.planning.decide import decide
from reconciler.planning.desired import Aim, Desired, Unmanaged, Unwanted
from reconciler.planning.facts import forget, learn
from reconciler.planning.history import Written
from reconciler.planning.intents import declare
from reconciler.planning.noticing import note
from reconciler.planning.outcomes import AppRefused, NoRoom, Outcome
from reconciler.planning.rules import Rules
from reconciler.planning.situation import Around, Gate, app_id_of

_TOLD_BY_THE_HOLD = frozenset(
    {
        Because.NO_ROOM,
        Because.APP_REFUSED,
        Because.SECRET_MISSING,
        Because.WAITING,
        Because.FROZEN,
        Because.PENDING_NEXT,
        Because.SUSPENDED,
        Because.UNMANAGED,
    }
)

_MANY_NOTICES = 20  # of others in the same channel


@dataclass(frozen=True, slots=True)
class Busy:
    """Another living process has the recording in hand."""


@dataclass(frozen=True, slots=True)
class Look:
    """What would be done now, and the entry it stands on."""

    entry: Entry
    action: Action
    is_news: bool = False  # the entry holds what is not written down yet


@dataclass(frozen=True, slots=True)
class Took:
    """What was done, and the entry as it was saved."""

    action: Action
    entry: Entry
    events: tuple[Event, ...] = ()
    app: AppRefused | NoRoom | None = None  # what concerns every recording of the App ID (S8)
    duration: timedelta = timedelta()


Taken: TypeAlias = Busy | Took
Surroundings: TypeAlias = Callable[[Entry, Aim], Around]  # what is around a recording; orders are added here
RulesOf: TypeAlias = Callable[[str], Rules]  # by App ID: how often is asked depends on how many share its quota


class Reconciler:
    """Takes turns. A turn is never cancelled between a call and its write: shield it."""

    def __init__(
        self,
        ledger: Ledger,
        executor: Executor,
        clock: Callable[[], datetime],
        rules_of: RulesOf,
        log: FilteringBoundLogger,
    ) -> None:
        self._ledger = ledger
        self._executor = executor
        self._clock = clock
        self._rules_of = rules_of
        self._log = log
        self.source_revision = ""  # as a daemon's source calls what is in force: on every event

    async def look(self, key: Key, desired: Aim, around: Surroundings) -> "Look":
        """Decide without acting: what the turn would do if it were taken now."""
        sheet = await self._ledger.sheet(key)
        updated = self._updated(sheet, desired)
        action = self._decide(updated.entry, sheet, desired, around)
        return Look(updated.entry, action, is_news=_is_news(sheet, updated.entry))

    async def turn(self, key: Key, desired: Aim, around: Surroundings, order: Order, ticket: Ticket | None) -> Taken:
        """Take one turn; the decision is made anew on what the ledger says under the claim.

        Raises:
            LedgerError: the ledger cannot be used, or another process took the recording over.
        """
        began = self._clock()
        held = await self._ledger.take(key)
        if held is None:
            return Busy()
        claim, sheet = held
        updated = self._updated(sheet, desired)
        entry = replace(updated.entry, source_revision=self.source_revision or updated.entry.source_revision)
        action = self._decide(entry, sheet, desired, around)
        if isinstance(action, Hold):
            await self._ledger.save(claim, updated.entry, updated.events, release=True)
            return Took(action, entry, updated.events)
        rules = self._rules_of(app_id_of(entry, desired))
        written, app = await self._carry_out(Turn(claim, order, ticket), entry, action, rules)
        after = written.entry if isinstance(action, Observe) else replace(written.entry, rest=None)
        events = (*updated.events, *written.events)
        await self._ledger.save(claim, after, events, release=True)
        self._tell(claim, action, events)
        return Took(action, after, events, app, self._clock() - began)

    def _decide(self, entry: Entry, sheet: Sheet, desired: Aim, around: Surroundings) -> Action:
        surrounded = replace(around(entry, desired), orders=sheet.orders)
        return decide(desired, entry, self._clock(), self._rules_of(app_id_of(entry, desired)), surrounded)

    def _updated(self, sheet: Sheet, desired: Aim) -> Written:
        """Bring the entry up to date with what is declared, and with what the service has told by itself."""
        entry, events = sheet.entry, list[Event]()
        for number, notice in sheet.notices:
            noted = note(entry, notice, self._clock())
            entry, events = replace(noted.entry, notices_read=number), [*events, *noted.events]
        match desired:
            case Desired():
                entry = declare(entry, desired)
            case Unwanted(removed=removed):
                entry = replace(entry, declared=entry.declared and not removed)
            case Unmanaged():
                pass
            case _ as never:
                assert_never(never)
        return Written(entry, tuple(events))

    async def note_rest(self, key: Key, desired: Aim, look: "Look", hold: Hold) -> tuple[Event, ...]:
        """Write down why nothing is done, where nothing else in the ledger would tell it, and what was learnt."""
        rest = (
            Rest(hold.because.value, hold.reason, hold.until, self._clock())
            if hold.because in _TOLD_BY_THE_HOLD
            else None
        )
        known = (look.entry.rest.because, look.entry.rest.reason) if look.entry.rest else None
        if not look.is_news and known == ((rest.because, rest.reason) if rest else None):
            return ()
        held = await self._ledger.take(key)
        if held is None:
            return ()  # whoever has it in hand writes what is true then
        claim, sheet = held
        updated = self._updated(sheet, desired)
        await self._ledger.save(claim, replace(updated.entry, rest=rest), updated.events, release=True)
        self._tell(claim, hold, updated.events)
        return updated.events

    async def refresh(self, key: Key, gate: Gate, order: Order, ticket: Ticket, older_than: timedelta) -> Taken:
        """Ask about the recorder if its last answer is older, and write down what was said; nothing else is done."""
        held = await self._ledger.take(key)
        if held is None:
            return Busy()
        claim, entry = held[0], held[1].entry
        action = _inquiry_of(entry, self._clock(), older_than)
        if gate.refused or action is None:
            await self._ledger.release(claim)
            return Took(Hold(None, Because.CONVERGED, "fresh enough"), entry)
        rules = self._rules_of(action.session.identity.app_id)
        written, app = await self._carry_out(Turn(claim, order, ticket), entry, action, rules)
        await self._ledger.save(claim, written.entry, written.events, release=True)
        return Took(action, written.entry, written.events, app)

    async def _carry_out(
        self, turn: Turn, entry: Entry, action: Action, rules: Rules
    ) -> tuple[Written, AppRefused | NoRoom | None]:
        match action:
            case Learn(fact=fact):
                return learn(entry, fact, self._clock(), rules), None
            case Forget():
                return forget(entry, action, self._clock()), None
            case Hold():
                raise AssertionError("a hold is not carried out")
            case _:
                executed = await self._executor.execute(turn, entry, action)
                return absorb(executed.entry, executed.outcome, rules), _of_the_app(executed.outcome)

    def _tell(self, claim: Claim, action: Action, events: tuple[Event, ...]) -> None:
        for event in events:
            self._log.info(
                event.kind,
                recording=event.key.name,
                set=event.key.set,
                action=type(action).__name__.lower(),
                reason=event.reason,
                message=event.message,
                session=event.session,
                revision=event.revision,
                source_revision=event.source_revision or None,
                request_id=event.request_id or None,
                generation=claim.generation,
            )


def _is_news(sheet: Sheet, entry: Entry) -> bool:
    """Tell whether there is more to be written than how far the notices were read, unless those are many."""
    read = replace(sheet.entry, notices_read=entry.notices_read)
    return entry != read or len(sheet.notices) >= _MANY_NOTICES


def _of_the_app(outcome: Outcome) -> AppRefused | NoRoom | None:
    return outcome if isinstance(outcome, AppRefused | NoRoom) else None


def _inquiry_of(entry: Entry, now: datetime, older_than: timedelta) -> Observe | None:
    """Ask about the recorder that can be asked, if its last answer is older than that; for a refresh before a plan."""
    for session in entry.open_sessions:
        if isinstance(session.state, Accepted | Confirmed):
            asked_at = session.state.inquiry.asked_at
            fresh = asked_at is not None and timedelta(0) <= now - asked_at < older_than
            return None if fresh else Observe(session, "refreshed for a plan")
    return None
