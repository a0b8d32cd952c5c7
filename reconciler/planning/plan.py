"""What apply would do and why: `decide` folded over the predicted outcome of its own actions, per recording."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias, assert_never

from reconciler.evidence import Live
from reconciler.model import Accepted, Entry, Held, Intended, Key, Session
from reconciler.planning.absorb import absorb
from reconciler.planning.actions import Action, Because, Forget, Hold, Learn, Observe, Settle, Start, Stop, Update
from reconciler.planning.changes import Change, Consequence
from reconciler.planning.conditions import control_expires_at, control_warned_at
from reconciler.planning.decide import decide
from reconciler.planning.desired import Aim, Desired, Unwanted
from reconciler.planning.facts import forget, learn
from reconciler.planning.inquiries import RECORDS
from reconciler.planning.intents import declare, intend_probe, intend_start, intend_stop
from reconciler.planning.outcomes import Observed, Started, Stopped, Updated
from reconciler.planning.replacing import replacing
from reconciler.planning.rules import Rules
from reconciler.planning.situation import NOTHING_AROUND, Around

Verb: TypeAlias = Literal["start", "settle", "update", "replace", "stop", "forget", "hold", "none"]
Disruption: TypeAlias = Literal["none", "overlap", "gap"]

# Nothing is due: the recording is as declared, or rests on purpose.
QUIET = frozenset({Because.CONVERGED, Because.STOPPED, Because.SUSPENDED, Because.COMPLETED})
# Nothing is due now, and the plan says what is kept back.
DONE = QUIET | {Because.WAITING, Because.EMPTY, Because.PENDING_NEXT, Because.UNMANAGED}

# A decision that never comes to rest would be a defect; a replace after a settle takes six steps.
_MOST_STEPS = 16
_PLANNED = "planned"

_ASKED_FOR = {"confirming": Because.CONFIRMING, "doubted": Because.DOUBTED}


@dataclass(frozen=True, slots=True)
class PlannedAction:
    """What is to happen to one recording."""

    key: Key
    verb: Verb
    reason: str
    disruption: Disruption
    calls: tuple[str, ...]  # endpoint names in their order
    rest: Hold  # where it ends
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()
    live: bool = False  # a recorder runs, or may run, before
    interrupts: bool = False  # a change of the manifests stops or replaces what is live: what the guard counts

    @property
    def is_due(self) -> bool:
        return self.verb not in ("hold", "none")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to happen to a whole set."""

    actions: tuple[PlannedAction, ...]
    notes: tuple[str, ...] = ()

    @property
    def converged(self) -> bool:
        return all(not action.is_due and action.rest.because in DONE for action in self.actions)

    @property
    def calls(self) -> int:
        return sum(len(action.calls) for action in self.actions)


def plan_one(desired: Aim, entry: Entry, now: datetime, rules: Rules, around: Around = NOTHING_AROUND) -> PlannedAction:
    """Fold until it rests. Pure: the same input gives the same plan."""
    if isinstance(desired, Desired):
        entry = declare(entry, desired)
    page, steps = entry, list[Action]()
    for _ in range(_MOST_STEPS):
        action = decide(desired, entry, now, rules, around)
        if isinstance(action, Observe) and action.urgency != "due":
            action = Hold(now, _ASKED_FOR[action.urgency], action.reason)  # its answer decides, and is not predicted
        if isinstance(action, Hold):
            return _summary(desired, page, steps, action, _notes(desired, page, steps, now))
        steps.append(action)
        entry = _predicted(entry, action, now, rules)
    raise AssertionError(f"the plan for {page.key} does not come to rest: {[type(step).__name__ for step in steps]}")


def carried_out(desired: Desired, entry: Entry, now: datetime, rules: Rules, around: Around = NOTHING_AROUND) -> Entry:
    """Give the entry as it is once all that is planned has been done, and every start confirmed. Pure."""
    entry = declare(entry, desired)
    for _ in range(_MOST_STEPS):
        action = decide(desired, entry, now, rules, around)
        further = _confirmed(entry, now, rules) if isinstance(action, Hold) else _predicted(entry, action, now, rules)
        if further == entry:
            return entry
        entry = further
    raise AssertionError(f"what is planned for {entry.key} does not come to rest")


def _confirmed(entry: Entry, now: datetime, rules: Rules) -> Entry:
    for session in entry.open_sessions:
        if isinstance(session.state, Accepted):
            entry = absorb(entry, Observed(session, Live(now, RECORDS + 1)), rules).entry
    return entry


def _predicted(entry: Entry, action: Action, now: datetime, rules: Rules) -> Entry:
    match action:
        case Start():
            intended, session = intend_start(entry, action, _PLANNED, _PLANNED, now)
            started = Started(session, _PLANNED, _PLANNED, now, action.desired.wanted)
            return absorb(intended, started, rules).entry
        case Settle():
            return _predicted_settle(entry, action, now, rules)
        case Observe(session=session):
            return absorb(entry, Observed(session, Live(now, RECORDS + 1)), rules).entry
        case Update(session=session, desired=desired, consequence=consequence, reason=reason):
            return absorb(entry, Updated(session, consequence, desired.wanted, now, reason), rules).entry
        case Stop():
            stopping, session, _ = intend_stop(entry, action, now)
            return absorb(stopping, Stopped(session, "stopped", now), rules).entry
        case Learn(fact=fact):
            return learn(entry, fact, now, rules).entry
        case Forget():
            return forget(entry, action, now).entry
        case Hold():
            raise AssertionError("a hold changes nothing")
        case _ as never:
            assert_never(never)


def _predicted_settle(entry: Entry, action: Settle, now: datetime, rules: Rules) -> Entry:
    session: Session = action.session
    applied = None
    if action.how == "probe":
        entry, session = intend_probe(entry, session, _PLANNED, now)
        applied = action.desired.wanted if action.desired else None
    assert isinstance(session.state, Intended | Held)
    resource_id = session.state.resource_ids[-1]
    return absorb(entry, Started(session, resource_id, _PLANNED, now, applied), rules).entry


def _control_notes(entry: Entry, now: datetime) -> tuple[str, ...]:
    """Say that control ends soon: rollover, which would renew it, is not acted on by this version."""
    return tuple(
        f"control ends at {control_expires_at(session):%Y-%m-%d %H:%M} UTC, and rollover is not acted on by this "
        "version: `delete` and `apply` renew it"
        for session in entry.open_sessions
        if now >= control_warned_at(session)
    )


def _summary(desired: Aim, entry: Entry, steps: Sequence[Action], rest: Hold, notes: tuple[str, ...]) -> PlannedAction:
    telling = [step for step in steps if isinstance(step, Start | Settle | Update | Stop | Forget)]
    verb = _verb(telling, rest)
    live = bool(entry.open_sessions)
    return PlannedAction(
        key=entry.key,
        verb=verb,
        reason=telling[0].reason if telling else rest.reason,
        disruption="gap" if verb == "replace" else "none",
        calls=tuple(call for step in telling for call in calls_of(step)),
        rest=rest,
        changes=tuple(change for step in telling if isinstance(step, Update) for change in step.changes),
        notes=notes,
        live=live,
        interrupts=live and _interrupts(desired, entry, verb),
    )


def _interrupts(desired: Aim, entry: Entry, verb: Verb) -> bool:
    """Tell whether it is the manifests that stop or replace: not a window's end, an order, or a recorder's own."""
    match desired:
        case Unwanted():
            return verb == "stop"
        case Desired(spec=spec):
            replaced = any(replacing(session, desired) for session in entry.open_sessions)
            return (verb == "stop" and spec.suspend) or (verb == "replace" and replaced)
        case _:
            return False


def _notes(desired: Aim, entry: Entry, steps: Sequence[Action], now: datetime) -> tuple[str, ...]:
    if not isinstance(desired, Desired):
        return ()
    said = [*desired.not_acted_on, *_control_notes(entry, now)]
    if desired.spec.replace == "overlap" and {Stop, Start} <= {type(step) for step in steps}:
        said.append("replace: overlap is not acted on by this version: done as gap")
    return tuple(said)


def _verb(telling: Sequence[Action], rest: Hold) -> Verb:
    kinds = {type(step) for step in telling}
    if {Stop, Start} <= kinds:
        return "replace"
    for kind, verb in _VERBS:
        if kind in kinds:
            return verb
    return "none" if rest.because in QUIET else "hold"


_VERBS: tuple[tuple[type[Action], Verb], ...] = (
    (Settle, "settle"),
    (Stop, "stop"),
    (Start, "start"),
    (Forget, "forget"),
    (Update, "update"),
)


def calls_of(action: Action) -> tuple[str, ...]:
    """Name the changing calls an action makes; asking is not one of them."""
    match action:
        case Start() | Settle(how="probe"):
            return ("acquire", "start")
        case Settle():
            return ("start",)
        case Update(consequence=Consequence.LAYOUT):
            return ("updateLayout",)
        case Update():
            return ("update",)
        case Stop():
            return ("stop",)
        case _:
            return ()
