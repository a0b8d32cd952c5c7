"""How a change of the ledger's entry is written: the entry itself, and the events that tell why. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.errors import Problem
from reconciler.model import Ended, Entry, Event, Identity, Session
from reconciler.planning import backoff
from reconciler.planning.endings import explained
from reconciler.planning.rules import Rules


@dataclass(frozen=True, slots=True)
class Written:
    """An entry as it is to be saved, with the events that tell why it changed."""

    entry: Entry
    events: tuple[Event, ...] = ()


def event(
    entry: Entry, kind: str, reason: str, at: datetime, session: Session | None = None, message: str = ""
) -> Event:
    return Event(
        at=at,
        key=entry.key,
        kind=kind,
        reason=reason,
        message=message,
        session=session.number if session else None,
        revision=entry.revision,
        source_revision=entry.source_revision,
    )


def said(entry: Entry, kind: str, problem: Problem, at: datetime, session: Session | None = None) -> Event:
    """Make the event of something the service said."""
    return replace(event(entry, kind, str(problem), at, session), request_id=problem.request_id or "")


def ended(entry: Entry, session: Session, state: Ended, rules: Rules) -> Written:
    """Close a session, with what notices say of its end; what ended by itself paces the next start."""
    state = explained(state, session.ending)
    changed = entry.with_session(session.become(state))
    if state.how in ("failed", "idle"):
        pace = backoff.after_end(entry.backoff, state.reason, rules, state.at)
        changed = replace(changed, restarts=entry.restarts + 1, backoff=pace)
    else:
        changed = replace(changed, backoff=None, refusal=None)
    kind = {"stopped": "recording.stopped", "failed": "recording.lost"}.get(state.how, "recording.ended")
    return Written(changed, (event(entry, kind, state.reason, state.at, session),))


def recently_stopped(entry: Entry, identity: Identity, now: datetime, within: timedelta) -> bool:
    """Tell whether our own recorder under that identity ended so recently that it may still be leaving (S5)."""
    return any(
        isinstance(session.state, Ended)
        and session.identity == identity
        and session.state.how in ("stopped", "failed", "idle")
        and timedelta(0) <= now - session.state.at <= within
        for session in entry.sessions
    )
