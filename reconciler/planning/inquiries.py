"""When to ask about a recorder again, and when its absence is believed."""

import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reconciler.evidence import Live
from reconciler.model import Accepted, Confirmed, Doubted, Entry, Inquiry, Seen, Session, Stopping
from reconciler.planning.rules import Rules

RECORDS = 4  # status 4 and 5 both mean "started successfully" (agora-api.md 3.2)
_LEAVING = 6  # from here on it is on its way out

# Progress is told every minute while a recorder uploads (event 33): three silent minutes are no stream of notices.
_TALKING = timedelta(minutes=3)

_STALL = timedelta(seconds=30)  # a slow machine is no absence, however short the grace

_BEAT = timedelta(seconds=0.5)  # polls are due on it: several wake the process once, and waking is what costs
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def delay_after(tries: int, rules: Rules) -> timedelta:
    """Tell how long to wait after that many tries in a row: the retry delays, then the poll interval."""
    if tries == 0 or is_polled(tries, rules):
        return rules.poll_interval
    return rules.retry_delays[tries - 1]


def is_polled(tries: int, rules: Rules) -> bool:
    """Tell whether it was tried so often that it is tried at the poll interval by now."""
    return tries > len(rules.retry_delays)


def due(at: datetime, interval: timedelta, now: datetime) -> datetime:
    """Correct a due time that a clock jump has put further off than its own interval: it is due now (S20)."""
    return now if at - now > interval else at


def next_inquiry(session: Session, rules: Rules, now: datetime) -> datetime:
    """Tell when to ask next about a recorder with a handle that is to go on."""
    state = session.state
    assert isinstance(state, Accepted | Confirmed)
    inquiry = state.inquiry
    if inquiry.asked_at is None:
        return due(state.at + rules.confirm_delay, rules.confirm_delay, now)
    if is_woken(session, now):
        return now
    interval = _interval(session, inquiry, rules)
    at = due(inquiry.asked_at + interval, interval, now)
    if isinstance(inquiry.sighting, Doubted):
        believed_at = _believed_at(session, inquiry.sighting, rules)
        return min(at, believed_at) if inquiry.asked_at < believed_at else at
    return _on_beat(at) if _is_settled(session, inquiry) and at > now else at


def _is_settled(session: Session, inquiry: Inquiry) -> bool:
    """Tell whether it was seen to record, and nothing since has raised a doubt."""
    is_seen = isinstance(inquiry.sighting, Seen) and inquiry.sighting.status >= RECORDS
    return is_seen and not inquiry.tries and not is_said_to_be_over(session)


def _on_beat(at: datetime) -> datetime:
    return at + (_EPOCH - at) % _BEAT


def _interval(session: Session, inquiry: Inquiry, rules: Rules) -> timedelta:
    if _is_settled(session, inquiry):
        return _relaxed(session, inquiry, rules) * _phase(session, inquiry)
    tries = max(inquiry.tries, 1) if is_said_to_be_over(session) else inquiry.tries
    interval = delay_after(tries, rules)
    if isinstance(inquiry.sighting, Doubted) and is_polled(tries, rules):
        return min(interval, rules.missing_grace / 3)
    return interval


def _phase(session: Session, inquiry: Inquiry) -> float:
    """Shorten the first interval by a share of its own, so that what was confirmed together is not polled together."""
    if not isinstance(session.state, Confirmed) or inquiry.asked_at != session.state.at:
        return 1.0
    identity = session.identity
    digest = zlib.crc32(f"{identity.app_id}/{identity.channel}/{identity.uid}".encode())
    return 0.5 + digest / 2**33


def _relaxed(session: Session, inquiry: Inquiry, rules: Rules) -> timedelta:
    """Poll less often while notices come without a gap: an end would be among them (interface.md 3)."""
    heard, asked_at = session.heard, inquiry.asked_at
    if heard is None or asked_at is None or len(heard.sequences) < 2 or heard.has_gap:
        return rules.poll_interval
    talking_for = heard.at + _TALKING - asked_at
    return max(rules.poll_interval, min(rules.relaxed_interval, talking_for))


def is_woken(session: Session, now: datetime) -> bool:
    """Tell whether a notice asks for a question that was not asked since; one from the future has no say (S20)."""
    state = session.state
    assert isinstance(state, Accepted | Confirmed | Stopping)
    asked_at, woken_at = state.inquiry.asked_at, session.woken_at
    return asked_at is not None and woken_at is not None and asked_at < woken_at <= now


def is_said_to_be_over(session: Session) -> bool:
    """Tell whether a notice of its exit stands (S9)."""
    return session.ending is not None and session.ending.exited_at is not None


def outlives_notices(session: Session, answer: Live, rules: Rules) -> bool:
    """Tell whether the service finds it recording although it was asked often enough since the notices of its end."""
    if answer.status >= _LEAVING:
        return False
    return session.woken_at is None or answer.at >= session.woken_at + sum(rules.retry_delays, timedelta())


def is_gone(session: Session, rules: Rules) -> bool:
    """Believe an absence only when it was answered again at or after the grace (S9), and a start only S7's way.

    A notice of the exit replaces both: the first answer after it is believed.
    """
    state = session.state
    assert isinstance(state, Accepted | Confirmed | Stopping)
    sighting = state.inquiry.sighting
    return isinstance(sighting, Doubted) and sighting.at >= _believed_at(session, sighting, rules)


def with_lapses(entry: Entry, rules: Rules, now: datetime) -> Entry:
    """Let those doubts lapse that nobody has asked about for long: what hides it now may be another failover.

    Two absences that lie a grace apart are one only where somebody asked in between. What was believable stays so.
    """
    longest = max(rules.missing_grace + rules.poll_interval, _STALL)
    for session in entry.open_sessions:
        state = session.state
        if isinstance(state, Accepted | Confirmed | Stopping) and not is_gone(session, rules):
            sighting = state.inquiry.sighting
            if isinstance(sighting, Doubted) and now - sighting.at > longest:
                inquiry = replace(state.inquiry, sighting=replace(sighting, lapsed=True))
                entry = entry.with_session(session.become(replace(state, inquiry=inquiry)))
    return entry


def _believed_at(session: Session, sighting: Doubted, rules: Rules) -> datetime:
    believed_at = sighting.since + rules.missing_grace
    if isinstance(session.state, Accepted):
        # After a clock was set back, the start seems to lie ahead.
        begun = session.state.at if session.state.at <= sighting.at else sighting.since
        believed_at = max(believed_at, begun + rules.confirm_timeout)
    exited_at = session.ending.exited_at if session.ending else None
    return min(believed_at, exited_at) if exited_at else believed_at


def is_stalled(state: Accepted, rules: Rules) -> bool:
    """Tell whether it is there but still does not record when the confirm timeout is over (S7)."""
    sighting = state.inquiry.sighting
    return isinstance(sighting, Seen) and sighting.status < RECORDS and sighting.at >= state.at + rules.confirm_timeout
