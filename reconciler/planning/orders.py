"""What people have ordered beside the manifests: suspend, restart, freeze. Pure.

Orders stand until they are taken back or run out; nothing has to be ticked off. A restart is carried out once no
recorder is older than it.
"""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Suspension:
    """Stay stopped, whatever the manifests say."""

    by: str
    reason: str
    at: datetime
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until

    def __str__(self) -> str:
        until = f" until {self.until:%Y-%m-%d %H:%M} UTC" if self.until else ""
        return f"suspended by {self.by}{until}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Restart:
    """A fresh session in place of every one that was opened before."""

    by: str
    at: datetime

    def __str__(self) -> str:
        return f"restart ordered by {self.by}"


@dataclass(frozen=True, slots=True)
class Orders:
    """What was ordered for one recording."""

    suspension: Suspension | None = None
    restart: Restart | None = None

    def suspended(self, now: datetime) -> Suspension | None:
        """Give the suspension that holds at this moment."""
        return self.suspension if self.suspension and self.suspension.holds(now) else None

    def outdates(self, moment: datetime, now: datetime) -> bool:
        """Tell whether what began, or ended, at that moment is made void by a restart.

        One from the future was given by a clock that is ahead: it has no say before its time, for whatever is opened
        until then would be older than it (S20).
        """
        return self.restart is not None and moment < self.restart.at <= now


NO_ORDERS = Orders()


@dataclass(frozen=True, slots=True)
class Freeze:
    """Only observe the recordings of a set."""

    by: str
    reason: str
    at: datetime

    def __str__(self) -> str:
        return f"frozen by {self.by}{f': {self.reason}' if self.reason else ''}"
