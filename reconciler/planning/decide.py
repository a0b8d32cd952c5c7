"""What to do about one recording now: desired against the ledger's entry, with every observation in it.

One action per turn. The order of the questions is the order of the danger: first a recorder that may live without a
handle, then one that must stop, then one that may be gone, and only then what is merely different or missing.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal, assert_never

from reconciler.model import Accepted, Confirmed, Doubted, Ended, Entry, Held, Intended, Session, Stopping
from reconciler.planning.actions import (
    Action,
    Because,
    Forget,
    Gone,
    Hold,
    Learn,
    NotOurs,
    Observe,
    Settle,
    Stop,
    Update,
)
from reconciler.planning.changes import Consequence, changes
from reconciler.planning.desired import Aim, Desired, Unmanaged, Unwanted
from reconciler.planning.inquiries import (
    delay_after,
    due,
    is_gone,
    is_said_to_be_over,
    is_stalled,
    is_woken,
    next_inquiry,
)
from reconciler.planning.proving import may_come, prove, wish_for
from reconciler.planning.replacing import listed, replace_reason, replacing
from reconciler.planning.restarting import without_recorder
from reconciler.planning.rules import Rules
from reconciler.planning.situation import NOTHING_AROUND, Around, Situation, held_by_pace, held_by_secrets

_UNMANAGED = "unmanaged: no accepted manifest has ever declared it"
UPDATE_ORDER = (Consequence.SUBSCRIPTION, Consequence.LAYOUT, Consequence.WEB, Consequence.STORAGE)


def decide(desired: Aim, entry: Entry, now: datetime, rules: Rules, around: Around = NOTHING_AROUND) -> Action:
    """Choose the one action that is due; to do nothing on purpose is a `Hold` with its alarm.

    The same input always gives the same action. What is not answered justifies no change.
    """
    situation = Situation(desired, entry, now, rules, around)
    if around.gate.refused:
        missing = held_by_secrets(situation) if around.gate.lacking else None  # that may be why nobody has
        return missing or Hold(around.gate.refused_until, Because.APP_REFUSED, around.gate.refused)
    action = _watched(situation) if isinstance(desired, Unmanaged) else _kept(situation)
    if around.frozen:
        action = _frozen(situation, action)
    return _alarmed(situation, action) if isinstance(action, Hold) else action


def _frozen(situation: Situation, action: Action) -> Action:
    """Go on observing, and do nothing else."""
    if isinstance(action, Observe | Learn | Hold):
        return action
    watched = _watched(situation)
    if isinstance(watched, Observe | Learn):
        return watched
    until = watched.until if isinstance(watched, Hold) else None
    due_now = f"{type(action).__name__.lower()}: {action.reason}"
    return Hold(until, Because.FROZEN, f"{situation.around.frozen}; otherwise {due_now}")


def _alarmed(situation: Situation, hold: Hold) -> Hold:
    """Wake it at the latest when a window or an order changes what is wanted."""
    turning_point = situation.turning_point
    if turning_point is None or (hold.until is not None and hold.until <= turning_point):
        return hold
    return replace(hold, until=turning_point)


def _watched(situation: Situation) -> Action:
    """Look after nothing but the facts: what is not ours to keep is neither started nor stopped."""
    session = next(iter(situation.entry.open_sessions), None)
    if session is None or isinstance(session.state, Intended | Held):
        return Hold(None, Because.UNMANAGED, _UNMANAGED)
    if isinstance(session.state, Stopping):
        return _stopping(situation, session, session.state)
    assert isinstance(session.state, Accepted | Confirmed)
    if is_gone(session, situation.rules):
        return Learn(Gone(session), "the service has said for the grace that it does not know it")
    ask_at = next_inquiry(session, situation.rules, situation.now)
    if situation.now >= ask_at:
        return Observe(session, "due")
    return Hold(ask_at, Because.UNMANAGED, _UNMANAGED)


def _kept(situation: Situation) -> Action:
    session = next(iter(situation.entry.open_sessions), None)
    if session is None:
        return without_recorder(situation)
    match session.state:
        case Intended():
            return _unsettled(situation, session, session.state)
        case Held():
            return _held(situation, session, session.state)
        case Stopping():
            return _stopping(situation, session, session.state)
        case Accepted():
            return _accepted(situation, session, session.state)
        case Confirmed():
            return _confirmed(situation, session, session.state)
        case Ended():
            raise AssertionError("an ended session is not open")
        case _ as never:
            assert_never(never)


def _unsettled(situation: Situation, session: Session, state: Intended) -> Action:
    first = wish_for(situation, session, state.dismissed) or held_by_secrets(situation)
    if first:
        return first
    how = _way_to_settle(situation, state)
    if how == "repeat" and not (session.failed_over and len(state.resource_ids) > 1):
        delay = delay_after(state.tries, situation.rules)
        again_at = due(state.tried_at + delay, delay, situation.now) if state.tried_at else situation.now
    else:
        again_at = _next_probe(situation, session, state.tried_at, state.since)
    if situation.now < again_at:
        return Hold(again_at, Because.SETTLING, f"whether it started is not known: {state.problem}")
    why = state.problem or "the process ended before the answer"
    if how == "probe":
        return Settle(session, how, f"start again under the same uid: {why}", situation.declared)
    return Settle(session, how, f"repeat the start to learn what became of it: {why}", situation.declared)


def _way_to_settle(situation: Situation, state: Intended | Held) -> Literal["repeat", "probe"]:
    return "repeat" if may_come(state, situation.now) else "probe"


def _held(situation: Situation, session: Session, state: Held) -> Action:
    how = _way_to_settle(situation, state)
    if situation.unwanted and state.why == "HeldByAnother" and how == "probe":
        return Learn(
            NotOurs(session), f"what holds the uid is not ours, and it is no longer wanted: {situation.unwanted}"
        )
    first = wish_for(situation, session, state.dismissed) or held_by_secrets(situation)
    if first:
        return first
    probe_at = _next_probe(situation, session, state.probed_at or state.since, state.since)
    if situation.now < probe_at:
        return Hold(probe_at, Because.CONTROL_LOST, _held_words(state))
    return Settle(session, how, f"ask whether it still lives: {_held_words(state)}", situation.declared)


def _next_probe(situation: Situation, session: Session, tried_at: datetime | None, since: datetime) -> datetime:
    """Tell when a fresh start under the same uid may be sent: each poll interval, at once if none was tried yet."""
    interval = situation.rules.poll_interval
    if session.failed_over:
        # It has another uid now, which 53 does not guard: only when it must have ended by itself is a start safe (S6).
        interval = max(interval, _longest_idle(session) + situation.rules.missing_grace)
        tried_at = max(tried_at or since, session.heard.at) if session.heard else tried_at or since
    return due(tried_at + interval, interval, situation.now) if tried_at else situation.now


def _longest_idle(session: Session) -> timedelta:
    """Tell how long the recorder stays without users; a web page stays until its longest duration."""
    spec = session.applied.spec
    part, field = ("web", "maxDuration") if session.mode == "web" else ("capture", "maxIdle")
    return timedelta(seconds=(spec.get(part) or {}).get(field, 0))


def _held_words(state: Held) -> str:
    match state.why:
        case "ControlLost":
            return (
                "a recorder lives that cannot be asked or stopped, for its sid was lost; it ends by itself after "
                "maxIdle without users, `reconciler import` with its sid takes it back"
            )
        case "HeldByAnother":
            named = f" (sid {state.sid})" if state.sid else ""
            return (
                f"another recorder that is not ours records under this uid{named}; stop it where it was started, "
                "or `reconciler import` it"
            )
        case "ControlExpired":
            return (
                "its control has expired, so it cannot be asked or stopped any more; it ends by itself after maxIdle "
                "without users"
            )
        case _ as never:
            assert_never(never)


def _stopping(situation: Situation, session: Session, state: Stopping) -> Action:
    if is_gone(session, situation.rules):
        return Learn(Gone(session), "the service no longer knows it")
    asked_at = state.inquiry.asked_at
    if asked_at is None:
        return Stop(session, state.reason, state.failed)
    delay = delay_after(state.inquiry.tries, situation.rules)
    again_at = due(asked_at + delay, delay, situation.now)
    if situation.now < again_at and not is_woken(session, situation.now):
        return Hold(again_at, Because.STOPPING, f"the stop is not confirmed yet: {state.reason}")
    return Stop(session, state.reason, state.failed)


def _accepted(situation: Situation, session: Session, state: Accepted) -> Action:
    if state.unsettled:
        return prove(situation, session, state)
    if situation.unwanted:
        return _end(situation, session)
    if is_gone(session, situation.rules):
        return Learn(Gone(session), "it never came to record: the service does not know it")
    if is_stalled(state, situation.rules):
        return Stop(session, "it did not come to record within the confirm timeout", failed=True)
    assert isinstance(situation.desired, Desired)
    if situation.is_outdated(session.opened_at):
        return Stop(session, str(situation.around.orders.restart))
    disruptive = replacing(session, situation.desired)
    if disruptive and situation.desired.spec.replace != "next" and not situation.desired.missing:
        return Stop(session, replace_reason(disruptive))
    ask_at = next_inquiry(session, situation.rules, situation.now)
    if situation.now >= ask_at:
        return Observe(session, "not confirmed yet", "confirming")
    return Hold(ask_at, Because.CONFIRMING, "started; that it records is asked next")


def _confirmed(situation: Situation, session: Session, state: Confirmed) -> Action:
    if situation.unwanted:
        return _end(situation, session)
    if is_gone(session, situation.rules):
        return Learn(Gone(session), "the service does not know it, and has said so for long enough")
    assert isinstance(situation.desired, Desired)
    ask_at = next_inquiry(session, situation.rules, situation.now)
    if isinstance(state.inquiry.sighting, Doubted):
        if situation.now >= ask_at:
            return Observe(session, "missing: asked again before it is believed", "doubted")
        return Hold(ask_at, Because.DOUBTED, "the service does not find it; a failover hides a recorder for a while")
    change = _checked(situation, session, ask_at) or _change(situation, session, situation.desired)
    if isinstance(change, Stop | Update | Observe):
        return change
    unanswered = state.inquiry.tries > 0
    if situation.now >= ask_at:
        return Observe(session, "the last question had no answer", "doubted") if unanswered else Observe(session, "due")
    if change:
        # What waits for a person or for the next session is looked after all the same.
        return replace(change, until=min(change.until or ask_at, ask_at))
    if unanswered:
        return Hold(ask_at, Because.UNANSWERED, "unknown: the service did not answer when it was asked last")
    return Hold(ask_at, Because.CONVERGED, "as declared")


def _checked(situation: Situation, session: Session, ask_at: datetime) -> Observe | Hold | None:
    """Check what a webhook says of it, before it is told anything: it may have ended."""
    if not (is_woken(session, situation.now) or is_said_to_be_over(session)):
        return None
    if situation.now >= ask_at:
        return Observe(session, "a webhook tells of it: asked whether that is so", "doubted")
    return Hold(ask_at, Because.DOUBTED, "a webhook says that it has ended, and the service still finds it")


def _change(situation: Situation, session: Session, desired: Desired) -> Stop | Update | Hold | None:
    if desired.missing:
        return Hold(None, Because.SECRET_MISSING, "left alone: " + "; ".join(desired.missing))
    if situation.is_outdated(session.opened_at):
        return Stop(session, str(situation.around.orders.restart))
    disruptive = replacing(session, desired)
    if disruptive and desired.spec.replace != "next":
        return Stop(session, replace_reason(disruptive))
    refusal = situation.entry.refusal
    if refusal and (refusal.of, refusal.revision) == ("update", desired.revision):
        return Hold(None, Because.REFUSED, refusal.problem)
    found = changes(session.applied, desired.wanted) if desired.spec.mode == session.mode else ()
    for consequence in UPDATE_ORDER:
        fitting = tuple(change for change in found if change.consequence is consequence)
        if fitting:
            return held_by_pace(situation) or Update(session, desired, consequence, fitting, listed(fitting))
    if disruptive:
        return Hold(None, Because.PENDING_NEXT, f"from the next session on: {listed(disruptive)}", disruptive)
    return None


def _end(situation: Situation, session: Session) -> Stop | Forget:
    desired = situation.desired
    leave = isinstance(desired, Unwanted) and desired.removed and situation.entry.on_removal == "leave"
    if leave:
        return Forget(session, f"{situation.unwanted}, and onRemoval is leave")
    return Stop(session, situation.unwanted)
