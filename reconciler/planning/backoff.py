"""How long to wait before a recording that keeps ending is started again."""

from datetime import datetime, timedelta

from reconciler.model import Backoff
from reconciler.planning.inquiries import delay_after
from reconciler.planning.rules import Rules


def doubled(times: int, rules: Rules) -> timedelta:
    """Give the base, doubled so many times, up to the maximum."""
    # 2**30 seconds are more than any maximum: the power is capped so that it cannot overflow.
    wait: timedelta = min(rules.backoff_base * 2 ** min(times, 30), rules.backoff_max)
    return wait


def after_end(backoff: Backoff | None, reason: str, rules: Rules, now: datetime) -> Backoff:
    """Pace the next start: at once after the first end, then the base, doubling up to the maximum."""
    failures = (backoff.failures if backoff else 0) + 1
    wait = doubled(failures - 2, rules) if failures > 1 else timedelta(0)
    return Backoff(failures=failures, until=now + wait, reason=reason)


def unanswered(backoff: Backoff | None, reason: str, rules: Rules, now: datetime) -> Backoff:
    """Pace the repetition of a call that certainly had no effect."""
    failures = (backoff.failures if backoff else 0) + 1
    return Backoff(failures=failures, until=now + delay_after(failures, rules), reason=reason)
