"""When the next call of an App ID may leave, by the service's rate. The ledger keeps the times; nothing waits here."""

from datetime import datetime, timedelta

SHARE = 0.95  # of the App ID's rate: two clocks and one network lie between us and Agora's count
SLOW_SHARE = 0.8  # for a while after a 429
SLOW_FOR = timedelta(minutes=1)
MOST_AHEAD = 32  # intervals; a stored time further off than this was written by a clock that has jumped


def interval(now: datetime, slow_until: datetime | None, qps: float) -> timedelta:
    """Tell the time between two calls of one App ID at `now`."""
    slowed = slow_until is not None and now < slow_until <= now + SLOW_FOR
    return timedelta(seconds=1 / (qps * (SLOW_SHARE if slowed else SHARE)))


def next_slot(
    now: datetime, next_at: datetime | None, slow_until: datetime | None, qps: float
) -> tuple[datetime, datetime]:
    """Draw one call time: `(slot_at, new_next_at)`; the first is never before `now`, the second is to be stored.

    Slots are even and never made up for: what was not used is lost, so that no burst follows a rest.
    """
    step = interval(now, slow_until, qps)
    jumped = next_at is not None and next_at - now > MOST_AHEAD * step
    slot_at = now if next_at is None or jumped else max(now, next_at)
    return slot_at, slot_at + step


def slow_until(now: datetime) -> datetime:
    """Say until when the rate stays lowered after a 429 at `now`."""
    return now + SLOW_FOR
