"""The timing settings that decisions depend on, as interface.md section 3 names them."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Rules:
    """When to ask, when to believe, when to try again."""

    poll_interval: timedelta = timedelta(seconds=15)
    relaxed_interval: timedelta = timedelta(seconds=45)  # while notices arrive without a gap
    missing_grace: timedelta = timedelta(seconds=90)
    confirm_delay: timedelta = timedelta(seconds=5)
    confirm_timeout: timedelta = timedelta(seconds=90)
    retry_delays: tuple[timedelta, ...] = (timedelta(seconds=3), timedelta(seconds=6), timedelta(seconds=9))
    backoff_base: timedelta = timedelta(seconds=10)
    backoff_max: timedelta = timedelta(seconds=300)
    backoff_reset: timedelta = timedelta(seconds=600)
