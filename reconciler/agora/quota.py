"""When the next call of an App ID may leave, by the service's rate. The ledger keeps the times; nothing waits here."""

from dataclasses import dataclass
from datetime import datetime, timedelta

SHARE = 0.95  # of the App ID's rate: two clocks and one network lie between us and Agora's count
SLOW_SHARE = 0.8  # for a while after a 429
SLOW_FOR = timedelta(minutes=1)
MOST_AHEAD = 32  # intervals; a stored time further off than this was written by a clock that has jumped
MOST_AT_ONCE = 4  # calls in one slice: what the other processes on the ledger wait for it
LONGEST_SLICE = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of an App ID's time that one process may call in: evenly, the first call after `wait`."""

    wait: float  # seconds from now
    step: float  # seconds between two calls
    count: int = 1  # calls, if each leaves at its time; one that leaves later costs one of those after it


def interval(now: datetime, slow_until: datetime | None, qps: float) -> timedelta:
    """Tell the time between two calls of one App ID at `now`."""
    slowed = slow_until is not None and now < slow_until <= now + SLOW_FOR
    return timedelta(seconds=1 / (qps * (SLOW_SHARE if slowed else SHARE)))


def next_slice(
    now: datetime, next_at: datetime | None, slow_until: datetime | None, qps: float, most: int = 1
) -> tuple[Slice, datetime]:
    """Draw call times, up to `most` of them; the second value is the new `next_at`, to be stored.

    They are even and never made up for: what was not used is lost, so that no burst follows a rest.
    """
    step = interval(now, slow_until, qps)
    jumped = next_at is not None and next_at - now > MOST_AHEAD * step
    first_at = now if next_at is None or jumped else max(now, next_at)
    count = max(min(most, MOST_AT_ONCE, LONGEST_SLICE // step), 1)
    return Slice((first_at - now).total_seconds(), step.total_seconds(), count), first_at + count * step


def slow_until(now: datetime) -> datetime:
    """Say until when the rate stays lowered after a 429 at `now`."""
    return now + SLOW_FOR
