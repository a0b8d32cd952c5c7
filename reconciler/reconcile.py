"""One turn of one recording: claim, load, decide, execute at most one action, save, log."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum
from typing import TypeAlias, assert_never

from structlog.typing import FilteringBoundLogger

from reconciler.executor.executor import Executor
from reconciler.executor.turns import Caller, Turn
from reconciler.ledger.ledger import Ledger, Sheet
from reconciler.model import Accepted, Confirmed, Entry, Event, Key
from reconciler.planning.absorb import absorb
from reconciler.planning.actions import Action, Because, Forget, Hold, Learn, Observe
from reconciler.planning.decide import decide
from reconciler.planning.desired import Aim, Desired, Unmanaged, Unwanted
from reconciler.planning.facts import forget, learn, rested
from reconciler.planning.history import Written
from reconciler.planning.inquiries import with_lapses
from reconciler.planning.intents import declare, is_declared_as
from reconciler.planning.noticing import note
from reconciler.planning.outcomes import AppRefused, NoRoom, Outcome
from reconciler.planning.rules import Rules
from reconciler.planning.situation import Around, Gate, app_id_of

_MOVED = "another process has declared it otherwise, renamed it or let it go meanwhile; apply what is true now"
_MANY_NOTICES = 20  # of others in the same channel


class Noted(Enum):
    """What a process has written down of a recording before it acts: where that is gone, it has been overtaken."""

    NOTHING = "nothing"  # a daemon's own source says what is true
    ENTRY = "entry"
    AIM = "aim"  # what it wants, too

    def is_gone(self, sheet: Sheet, desired: Aim) -> bool:
        if self is Noted.NOTHING:
            return False
        return not sheet.exists or (self is Noted.AIM and not is_declared_as(sheet.entry, desired))


@dataclass(frozen=True, slots=True)
class Busy:
    """Another living process has the recording in hand."""


@dataclass(frozen=True, slots=True)
class Look:
    """What would be done now, and the entry it stands on."""

    sheet: Sheet
    entry: Entry  # brought up to date
    action: Action
    events: tuple[Event, ...] = ()

    @property
    def is_news(self) -> bool:
        """Tell whether there is more to be written than how far the notices were read, unless those are many."""
        if self.entry is self.sheet.entry:
            return False  # nearly always: nothing was noticed, and nothing declared
        read = replace(self.sheet.entry, notices_read=self.entry.notices_read)
        return self.entry != read or len(self.sheet.notices) >= _MANY_NOTICES


@dataclass(frozen=True, slots=True)
class Took:
    """What was done, and the entry as it was saved."""

    action: Action
    sheet: Sheet  # as it is now
    events: tuple[Event, ...] = ()
    app: AppRefused | NoRoom | None = None  # what concerns every recording of the App ID (S8)
    duration: timedelta = timedelta()

    @property
    def entry(self) -> Entry:
        return self.sheet.entry


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

    async def look(self, key: Key, desired: Aim, around: Surroundings, known: Sheet | None, noted: Noted) -> Look:
        """Decide without acting: what the turn would do if it were taken now.

        `known` is the sheet as the last look or turn left it, where nobody has told of anything since.
        """
        return self._looked(known or await self._ledger.sheet(key), desired, around, noted)

    async def turn(self, look: Look, desired: Aim, around: Surroundings, caller: Caller, noted: Noted) -> Taken:
        """Take the turn that was looked ahead to.

        What changes anything is decided anew, on what the ledger says under a claim. A question does no harm, however
        long its quota was waited for.

        Raises:
            LedgerError: the ledger cannot be used, or another process took the recording over.
        """
        if isinstance(look.action, Observe):
            return await self._ask(look, look.action, caller, patient=look.action.urgency == "due")
        began = self._clock()
        held = await self._ledger.take(look.entry.key)
        if held is None:
            return Busy()
        claim, sheet = held
        look = self._looked(sheet, desired, around, noted)
        if _is_overtaken(look.action):
            await self._ledger.release(claim)
            return Took(look.action, sheet)
        entry = self._stamped(look.entry)
        if isinstance(look.action, Hold):
            await self._ledger.save(claim, look.entry, look.events, release=True)
            self._tell(claim.generation, look.action, look.events)
            return Took(look.action, _after(sheet, look.entry), look.events)
        rules = self._rules_of(app_id_of(entry, desired))
        written, app = await self._carry_out(Turn(caller, claim), entry, look.action, rules)
        after = written.entry if isinstance(look.action, Observe) else replace(written.entry, rest=None)
        events = (*look.events, *written.events)
        await self._ledger.save(claim, after, events, release=True)
        self._tell(claim.generation, look.action, events)
        return Took(look.action, _after(sheet, after), events, app, self._clock() - began)

    async def _ask(self, look: Look, action: Observe, caller: Caller, *, patient: bool = False) -> Taken:
        """Ask without a claim: a question changes nothing, and its answer counts only if nobody acted meanwhile.

        Nobody waits for what a mere poll has to say, unless it is news.
        """
        began = self._clock()
        entry = self._stamped(look.entry)
        outcome = await self._executor.ask(caller, action)
        written = absorb(entry, outcome, self._rules_of(action.session.identity.app_id))
        events = (*look.events, *written.events)
        patient = patient and not events
        if not await self._ledger.note(entry.key, look.sheet.generation, written.entry, events, patient=patient):
            return Busy()
        sheet = _after(look.sheet, written.entry, notes=1)
        self._tell(sheet.generation, action, events)
        return Took(action, sheet, events, _of_the_app(outcome), self._clock() - began)

    def _stamped(self, entry: Entry) -> Entry:
        if self.source_revision in ("", entry.source_revision):
            return entry
        return replace(entry, source_revision=self.source_revision)

    def _looked(self, sheet: Sheet, desired: Aim, around: Surroundings, noted: Noted) -> Look:
        if noted.is_gone(sheet, desired):
            return Look(sheet, sheet.entry, Hold(None, Because.MOVED, _MOVED))
        updated = self._updated(sheet, desired)
        now, rules = self._clock(), self._rules_of(app_id_of(updated.entry, desired))
        entry = with_lapses(updated.entry, rules, now)
        if entry is not sheet.entry and entry == sheet.entry:
            sheet = replace(sheet, entry=entry)  # of what is the same, one copy is enough
        surrounded = replace(around(entry, desired), orders=sheet.orders)
        action = decide(desired, entry, now, rules, surrounded)
        return Look(sheet, entry, action, updated.events)

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

    async def note_rest(self, look: Look, hold: Hold) -> Took:
        """Write down why nothing is done, where nothing else in the ledger would tell it, and what was learnt."""
        if _is_overtaken(hold):
            return Took(hold, look.sheet)
        entry = rested(look.entry, hold, self._clock())
        if entry is look.entry and not look.is_news:
            return Took(hold, look.sheet)
        if not await self._ledger.note(entry.key, look.sheet.generation, entry, look.events):
            return Took(hold, look.sheet)  # whoever had it in hand has written what is true then
        sheet = _after(look.sheet, entry, notes=1)
        self._tell(sheet.generation, hold, look.events)
        return Took(hold, sheet, look.events)

    async def refresh(self, key: Key, gate: Gate, caller: Caller, older_than: timedelta) -> Taken:
        """Ask about the recorder if its last answer is older, and write down what was said; nothing else is done."""
        sheet, now = await self._ledger.sheet(key), self._clock()
        entry = with_lapses(sheet.entry, self._rules_of(app_id_of(sheet.entry, Unmanaged())), now)
        action = _inquiry_of(entry, now, older_than)
        if gate.refused or action is None:
            return Took(Hold(None, Because.CONVERGED, "fresh enough"), sheet)
        return await self._ask(Look(sheet, entry, action), action, caller)

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

    def _tell(self, generation: int, action: Action, events: tuple[Event, ...]) -> None:
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
                generation=generation,
            )


def _is_overtaken(action: Action) -> bool:
    """Tell whether there is nothing to write, for what is declared is another process's affair now."""
    return isinstance(action, Hold) and action.because is Because.MOVED


def _after(sheet: Sheet, entry: Entry, *, notes: int = 0) -> Sheet:
    """Give the sheet as it was written; a note is a claim of its own."""
    return Sheet(entry, sheet.orders, generation=sheet.generation + notes)


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
