"""What is learnt without a call, and how it is written down. Pure."""

from dataclasses import replace
from datetime import datetime
from typing import Literal, assert_never

from reconciler.model import Accepted, Confirmed, Ended, Entry, Held, Intended, Rest, Session, SessionState, Stopping
from reconciler.planning.actions import Because, Dismissed, Fact, Finished, Forget, Gone, Hold, NotOurs, Recalled
from reconciler.planning.endings import is_idle
from reconciler.planning.history import Written, ended, event
from reconciler.planning.proving import disproven
from reconciler.planning.rules import Rules

_TOLD_BY_THE_HOLD = frozenset(
    {
        Because.NO_ROOM,
        Because.APP_REFUSED,
        Because.SECRET_MISSING,
        Because.WAITING,
        Because.EMPTY,
        Because.FROZEN,
        Because.PENDING_NEXT,
        Because.SUSPENDED,
        Because.UNMANAGED,
    }
)


def learn(entry: Entry, fact: Fact, now: datetime, rules: Rules) -> Written:
    """Write down what needs no call."""
    match fact:
        case Gone(session=session):
            return _gone(entry, session, now, rules)
        case Dismissed(session=session, why=why):
            dismissed = session.become(_dismissed(session.state, why))
            return Written(entry.with_session(dismissed), (event(entry, "recording.dismissed", why, now, session),))
        case Recalled(session=session):
            recalled = event(entry, "recording.recalled", "wanted again", now, session)
            return Written(entry.with_session(session.become(_dismissed(session.state, ""))), (recalled,))
        case NotOurs(session=session):
            closed = session.become(Ended(at=now, how="never-started", reason="another recorder held the uid"))
            withdrawn = event(entry, "recording.withdrawn", "another recorder holds the uid", now, session)
            return Written(entry.with_session(closed), (withdrawn,))
        case Finished(why=why):
            return Written(replace(entry, completed=why), (event(entry, "recording.completed", why, now),))
        case _ as never:
            assert_never(never)


def rested(entry: Entry, hold: Hold, now: datetime) -> Entry:
    """Write down why nothing is done, where nothing else in the ledger would tell it.

    An empty channel is why it kept ending: whoever joins is recorded without a backoff (interface.md 1.3).
    """
    told = hold.because in _TOLD_BY_THE_HOLD
    rest = Rest(hold.because.value, hold.reason, hold.until, now) if told else None
    known = (entry.rest.because, entry.rest.reason) if entry.rest else None
    if known == ((rest.because, rest.reason) if rest else None):
        return entry
    return replace(entry, rest=rest, backoff=None if hold.because is Because.EMPTY else entry.backoff)


def _dismissed(state: SessionState, why: str) -> SessionState:
    if isinstance(state, Accepted) and state.unsettled:
        return replace(state, unsettled=replace(state.unsettled, dismissed=why))
    assert isinstance(state, Intended | Held)
    return replace(state, dismissed=why)


def _gone(entry: Entry, session: Session, now: datetime, rules: Rules) -> Written:
    state = session.state
    assert isinstance(state, Accepted | Confirmed | Stopping)
    if isinstance(state, Accepted) and state.unsettled:
        return disproven(entry, session, state, now)
    how: Literal["stopped", "failed", "idle"] = "failed"
    reason = "the recorder is gone: the service no longer knows it"
    if isinstance(state, Stopping):
        how, reason = ("failed" if state.failed else "stopped"), state.reason
    elif is_idle(session.ending):
        how, reason = "idle", "the recorder ended by itself"
    elif isinstance(state, Accepted):
        reason = "it never came to record: the service does not know it"
    return ended(entry, session, Ended(now, how, reason, state.resource_id, state.sid), rules)


def forget(entry: Entry, action: Forget, now: datetime) -> Written:
    """Leave a live recorder running on purpose; its handle is kept in the history for `import`."""
    left = action.session.become(_closed(action.session.state, "left", action.reason, now))
    said = event(entry, "recording.left", action.reason, now, action.session)
    return Written(replace(entry.with_session(left), completed=action.reason), (said,))


def forgotten(entry: Entry, now: datetime) -> Written:
    """Drop every handle because a person said so; what lives goes on, and nobody looks after it any more."""
    events = []
    for session in entry.open_sessions:
        closed = _closed(session.state, "forgotten", "forgotten by a person", now)
        entry = entry.with_session(session.become(closed))
        handle = f"uid {session.identity.uid}, resourceId {closed.resource_id}, sid {closed.sid or '(none)'}"
        events.append(event(entry, "recording.forgotten", "by a person", now, session, handle))
    return Written(replace(entry, backoff=None, retry=None, refusal=None, declared=False), tuple(events))


def _closed(state: SessionState, how: Literal["left", "forgotten"], reason: str, now: datetime) -> Ended:
    assert not isinstance(state, Ended)
    resource_id = state.resource_ids[-1] if isinstance(state, Intended | Held) else state.resource_id
    sid = "" if isinstance(state, Intended) else state.sid
    return Ended(now, how, reason, resource_id, sid)
