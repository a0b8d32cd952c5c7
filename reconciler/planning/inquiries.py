"""When to ask about a recorder again, and when its absence is believed."""

from datetime import datetime, timedelta

from reconciler.model import Accepted, Confirmed, Doubted, Inquiry, Seen, Stopping
from reconciler.planning.rules import Rules

RECORDS = 4  # status 4 and 5 both mean "started successfully" (agora-api.md 3.2)


def delay_after(tries: int, rules: Rules) -> timedelta:
    """Tell how long to wait after that many tries in a row: the retry delays, then the poll interval."""
    if 0 < tries <= len(rules.retry_delays):
        return rules.retry_delays[tries - 1]
    return rules.poll_interval


def due(at: datetime, interval: timedelta, now: datetime) -> datetime:
    """Correct a due time that a clock jump has put further off than its own interval: it is due now (S20)."""
    return now if at - now > interval else at


def next_inquiry(state: Accepted | Confirmed, rules: Rules, now: datetime) -> datetime:
    """Tell when to ask next."""
    inquiry = state.inquiry
    if inquiry.asked_at is None:
        return due(state.at + rules.confirm_delay, rules.confirm_delay, now)
    interval = _interval(inquiry, rules)
    at = due(inquiry.asked_at + interval, interval, now)
    if isinstance(inquiry.sighting, Doubted):
        believed_at = _believed_at(state, inquiry.sighting, rules)
        return min(at, believed_at) if inquiry.asked_at < believed_at else at
    return at


def _interval(inquiry: Inquiry, rules: Rules) -> timedelta:
    interval = delay_after(inquiry.tries, rules)
    match inquiry.sighting:
        case Doubted() if inquiry.tries > len(rules.retry_delays):
            return min(interval, rules.missing_grace / 3)
        case Seen(status=status) if status >= RECORDS and not inquiry.tries:
            return rules.poll_interval
        case _:
            return interval


def is_gone(state: Accepted | Confirmed | Stopping, rules: Rules) -> bool:
    """Believe an absence only when it was answered again at or after the grace (S9), and a start only S7's way."""
    sighting = state.inquiry.sighting
    return isinstance(sighting, Doubted) and sighting.at >= _believed_at(state, sighting, rules)


def _believed_at(state: Accepted | Confirmed | Stopping, sighting: Doubted, rules: Rules) -> datetime:
    believed_at = sighting.since + rules.missing_grace
    if isinstance(state, Accepted):
        return max(believed_at, state.at + rules.confirm_timeout)
    return believed_at


def is_stalled(state: Accepted, rules: Rules) -> bool:
    """Tell whether it is there but still does not record when the confirm timeout is over (S7)."""
    sighting = state.inquiry.sighting
    return isinstance(sighting, Seen) and sighting.status < RECORDS and sighting.at >= state.at + rules.confirm_timeout
