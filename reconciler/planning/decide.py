"""What to do about one recording now: desired against the ledger's entry, with every observation in it.

One action per turn. The order of the questions is the order of the danger: first a recorder that may live without a
handle, then one that must stop, then one that may be gone, and only then what is merely different or missing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from reconciler.model import Accepted, Confirmed, Doubted, Ended, Entry, Held, Intended, Session, Stopping
from reconciler.planning.actions import (
    Action,
    Because,
    Dismissed,
    Finished,
    Forget,
    Gone,
    Hold,
    Learn,
    NotOurs,
    Observe,
    Settle,
    Start,
    Stop,
    Update,
)
from reconciler.planning.changes import Change, Consequence, changes
from reconciler.planning.desired import Desired, Unwanted
from reconciler.planning.inquiries import delay_after, due, is_gone, is_stalled, next_inquiry
from reconciler.planning.rules import Rules
from reconciler.planning.slots import next_slot

RESOURCE_ID_LIFE = timedelta(minutes=5)  # from acquire to start (agora-api.md 5.1)
UPDATE_ORDER = (Consequence.SUBSCRIPTION, Consequence.LAYOUT, Consequence.WEB, Consequence.STORAGE)


@dataclass(frozen=True, slots=True)
class Gate:
    """What keeps a whole App ID from starting anything (S8)."""

    refused: str = ""  # its credentials or account are refused: no call makes sense
    full_until: datetime | None = None  # 406: no room until then


OPEN_GATE = Gate()


@dataclass(frozen=True, slots=True)
class _Case:
    desired: Desired | Unwanted
    entry: Entry
    now: datetime
    rules: Rules
    gate: Gate

    @property
    def unwanted(self) -> str:
        """Why it should not record now; empty when it should."""
        if isinstance(self.desired, Unwanted):
            return self.desired.reason
        return "suspended by its manifest" if self.desired.spec.suspend else ""

    @property
    def declared(self) -> Desired | None:
        return self.desired if isinstance(self.desired, Desired) else None


def decide(desired: Desired | Unwanted, entry: Entry, now: datetime, rules: Rules, gate: Gate = OPEN_GATE) -> Action:
    """Choose the one action that is due; to do nothing on purpose is a `Hold` with its alarm.

    The same input always gives the same action. What is not answered justifies no change.
    """
    case = _Case(desired, entry, now, rules, gate)
    if gate.refused:
        return Hold(None, Because.APP_REFUSED, gate.refused)
    session = next(iter(entry.open_sessions), None)
    if session is None:
        return _without_recorder(case)
    match session.state:
        case Intended():
            return _unsettled(case, session, session.state)
        case Held():
            return _held(case, session, session.state)
        case Stopping():
            return _stopping(case, session, session.state)
        case Accepted():
            return _accepted(case, session, session.state)
        case Confirmed():
            return _confirmed(case, session, session.state)
        case Ended():
            raise AssertionError("an ended session is not open")
        case _ as never:
            assert_never(never)


def _unsettled(case: _Case, session: Session, state: Intended) -> Action:
    if case.unwanted and not state.dismissed:
        return Learn(Dismissed(session, case.unwanted), f"to be stopped once it is settled: {case.unwanted}")
    lacking = _lacking(case)
    if lacking:
        return lacking
    age = case.now - state.since
    # A negative age is a clock that jumped: nothing says that the id is still good (S20).
    expired = not timedelta(0) <= age < RESOURCE_ID_LIFE
    if state.tried_at is not None:
        delay = case.rules.poll_interval if expired or state.spent else delay_after(state.tries, case.rules)
        again_at = due(state.tried_at + delay, delay, case.now)
        if case.now < again_at:
            return Hold(again_at, Because.SETTLING, f"whether it started is not known: {state.problem}")
    why = state.problem or "the process ended before the answer"
    if expired or state.spent:
        return Settle(session, "probe", f"start again under the same uid: {why}", case.declared)
    return Settle(session, "repeat", f"repeat the start to learn what became of it: {why}", case.declared)


def _held(case: _Case, session: Session, state: Held) -> Action:
    if case.unwanted and state.why == "HeldByAnother":
        return Learn(NotOurs(session), f"what holds the uid is not ours, and it is no longer wanted: {case.unwanted}")
    if case.unwanted and not state.dismissed:
        return Learn(Dismissed(session, case.unwanted), f"to be stopped once it can be reached: {case.unwanted}")
    lacking = _lacking(case)
    if lacking:
        return lacking
    interval = case.rules.poll_interval
    if session.failed_over:
        # It has another uid now, which 53 does not guard: only when it must have ended by itself is a start safe (S6).
        interval = max(interval, _longest_idle(session) + case.rules.missing_grace)
    probe_at = due((state.probed_at or state.since) + interval, interval, case.now)
    if case.now < probe_at:
        return Hold(probe_at, Because.CONTROL_LOST, _held_words(state))
    return Settle(session, "probe", f"ask whether it still lives: {_held_words(state)}", case.declared)


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
            return (
                "another recorder that is not ours records under this uid; stop it where it was started, "
                "or `reconciler import` it"
            )
        case "ControlExpired":
            return (
                "its control has expired, so it cannot be asked or stopped any more; it ends by itself after maxIdle "
                "without users"
            )
        case _ as never:
            assert_never(never)


def _lacking(case: _Case) -> Hold | None:
    missing = case.declared.missing if case.declared else ()
    return Hold(None, Because.SECRET_MISSING, "; ".join(missing)) if missing else None


def _stopping(case: _Case, session: Session, state: Stopping) -> Action:
    if is_gone(state, case.rules):
        return Learn(Gone(session), "the service no longer knows it")
    asked_at = state.inquiry.asked_at
    if asked_at is None:
        return Stop(session, state.reason, state.failed)
    delay = delay_after(state.inquiry.tries, case.rules)
    again_at = due(asked_at + delay, delay, case.now)
    if case.now < again_at:
        return Hold(again_at, Because.STOPPING, f"the stop is not confirmed yet: {state.reason}")
    return Stop(session, state.reason, state.failed)


def _accepted(case: _Case, session: Session, state: Accepted) -> Action:
    if case.unwanted:
        return _end(case, session)
    if is_gone(state, case.rules):
        return Learn(Gone(session), "it never came to record: the service does not know it")
    if is_stalled(state, case.rules):
        return Stop(session, "it did not come to record within the confirm timeout", failed=True)
    assert isinstance(case.desired, Desired)
    disruptive = _replacing(session, case.desired)
    if disruptive and case.desired.spec.replace != "next" and not case.desired.missing:
        return Stop(session, _replace_reason(disruptive))
    ask_at = next_inquiry(state, case.rules, case.now)
    if case.now >= ask_at:
        return Observe(session, "not confirmed yet", "confirming")
    return Hold(ask_at, Because.CONFIRMING, "started; that it records is asked next")


def _confirmed(case: _Case, session: Session, state: Confirmed) -> Action:
    if case.unwanted:
        return _end(case, session)
    if is_gone(state, case.rules):
        return Learn(Gone(session), "the service has said for the grace that it does not know it")
    assert isinstance(case.desired, Desired)
    ask_at = next_inquiry(state, case.rules, case.now)
    if isinstance(state.inquiry.sighting, Doubted):
        if case.now >= ask_at:
            return Observe(session, "missing: asked again before it is believed", "doubted")
        return Hold(ask_at, Because.DOUBTED, "the service does not find it; a failover hides a recorder for a while")
    change = _change(case, session, case.desired)
    if isinstance(change, Stop | Update):
        return change
    unanswered = state.inquiry.tries > 0
    if case.now >= ask_at:
        return Observe(session, "the last question had no answer", "doubted") if unanswered else Observe(session, "due")
    if change:
        return change
    if unanswered:
        return Hold(ask_at, Because.UNANSWERED, "unknown: the service did not answer when it was asked last")
    return Hold(ask_at, Because.CONVERGED, "as declared")


def _change(case: _Case, session: Session, desired: Desired) -> Stop | Update | Hold | None:
    if desired.missing:
        return Hold(None, Because.SECRET_MISSING, "left alone: " + "; ".join(desired.missing))
    disruptive = _replacing(session, desired)
    if disruptive and desired.spec.replace != "next":
        return Stop(session, _replace_reason(disruptive))
    if case.entry.refusal and case.entry.refusal.revision == desired.revision:
        return Hold(None, Because.REFUSED, case.entry.refusal.problem)
    found = changes(session.applied, desired.wanted) if desired.spec.mode == session.mode else ()
    for consequence in UPDATE_ORDER:
        fitting = tuple(change for change in found if change.consequence is consequence)
        if fitting:
            return _pace(case) or Update(session, desired, consequence, fitting, _listed(fitting))
    if disruptive:
        return Hold(None, Because.PENDING_NEXT, f"from the next session on: {_listed(disruptive)}", disruptive)
    return None


def _pace(case: _Case) -> Hold | None:
    retry = case.entry.retry
    if retry is None:
        return None
    until = due(retry.until, case.rules.poll_interval, case.now)
    return Hold(until, Because.BACKOFF, retry.reason) if case.now < until else None


def _end(case: _Case, session: Session) -> Stop | Forget:
    leave = isinstance(case.desired, Unwanted) and case.entry.on_removal == "leave"
    if leave:
        return Forget(session, f"{case.unwanted}, and onRemoval is leave")
    return Stop(session, case.unwanted)


def _replacing(session: Session, desired: Desired) -> tuple[Change, ...]:
    found = [change for change in changes(session.applied, desired.wanted) if change.consequence is Consequence.REPLACE]
    identity = session.identity
    if identity.app_id != desired.app_id:
        found.append(Change("app.appId", identity.app_id, desired.app_id, Consequence.REPLACE))
    elif desired.spec.uid and not session.adopted and all(identity.uid != slot.uid for slot in desired.slots.values()):
        uids = " or ".join(slot.uid for slot in desired.slots.values())
        found.append(Change("uid", identity.uid, uids, Consequence.REPLACE))
    return tuple(found)


def _replace_reason(disruptive: tuple[Change, ...]) -> str:
    return f"cannot be changed in place: {_listed(disruptive)}"


def _listed(found: tuple[Change, ...]) -> str:
    # What stands higher in the manifest explains what stands below it: the mode before its fields.
    ordered = sorted(found, key=lambda change: (change.path.count("."), change.path))
    shown = ", ".join(str(change) for change in ordered[:3])
    return shown if len(found) <= 3 else f"{shown} and {len(found) - 3} more"


def _without_recorder(case: _Case) -> Action:
    if case.unwanted:
        because = Because.SUSPENDED if case.declared else Because.STOPPED
        return Hold(None, because, case.unwanted)
    desired = case.desired
    assert isinstance(desired, Desired)
    kept_back = [words for words in desired.not_acted_on if not words.startswith("copies")]
    if kept_back:
        return Hold(None, Because.NOT_ACTED_ON, "; ".join(kept_back))
    return _over(case, desired) or _kept_from_starting(case, desired) or _start(case, desired)


def _over(case: _Case, desired: Desired) -> Action | None:
    """Apply the restart policy to a session that ended by itself (interface.md 1.3)."""
    last = case.entry.newest
    if last is None or not isinstance(last.state, Ended) or last.state.how not in ("failed", "idle"):
        return None
    if _replacing(last, desired):
        return None  # an edit that would replace starts it again (S10)
    policy = desired.spec.restart
    if policy == "never" or (policy == "onFailure" and last.state.how == "idle"):
        why = f"it ended ({last.state.reason}) and restart is {policy}"
        return Hold(None, Because.COMPLETED, why) if case.entry.completed else Learn(Finished(why), why)
    return None


def _kept_from_starting(case: _Case, desired: Desired) -> Hold | None:
    lacking = _lacking(case)
    if lacking:
        return lacking
    refusal, backoff = case.entry.refusal, case.entry.backoff
    if refusal and refusal.revision == desired.revision:
        return Hold(None, Because.REFUSED, refusal.problem)
    if backoff:
        until = due(backoff.until, case.rules.backoff_max, case.now)
        if case.now < until:
            return Hold(until, Because.BACKOFF, backoff.reason)
    paced = _pace(case)
    if paced:
        return paced
    full_until = case.gate.full_until
    if full_until and case.now < full_until:
        return Hold(full_until, Because.NO_ROOM, "as many recorders run as the App ID may have (406)")
    return None


def _start(case: _Case, desired: Desired) -> Start:
    last = case.entry.newest
    reason = "no recording exists"
    if last is not None and isinstance(last.state, Ended):
        reason = f"the last one ended: {last.state.reason}"
    return Start(desired, next_slot(tuple(desired.slots), case.entry), reason)
