"""How the source of a set stands: which revision is in force, and which one waits for a person. Pure."""

from dataclasses import dataclass
from datetime import datetime

from reconciler.planning.orders import Freeze


@dataclass(frozen=True, slots=True)
class Withheld:
    """A revision that is not taken before a person approves it."""

    revision: str  # of what the set means
    label: str  # how its source calls it
    reason: str
    since: datetime
    approvable: bool = True  # False: no person's word makes it safe (S2)


@dataclass(frozen=True, slots=True)
class Standing:
    """What a daemon has written down about its source; the last accepted set stays in force, also over restarts."""

    source: str  # for people, e.g. "./manifests"
    revision: str = ""  # of what the accepted set means; empty: none was accepted yet
    label: str = ""  # how the source calls it, e.g. "main@sha1:5d41…"
    accepted_at: datetime | None = None
    withheld: Withheld | None = None
    trouble: str = ""  # why the source cannot be read, or what it has cannot be accepted
    troubled_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class SetOrders:
    """What people have ordered for a whole set."""

    freeze: Freeze | None = None
    approved: str = ""  # the withheld revision that may pass, once


NO_SET_ORDERS = SetOrders()
