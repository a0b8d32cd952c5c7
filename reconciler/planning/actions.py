"""The things that can be done about one recording. Each carries what the executor needs, and why."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal, TypeAlias

from reconciler.model import Session, Slot
from reconciler.planning.changes import Change, Consequence
from reconciler.planning.desired import Desired


class Because(StrEnum):
    """Why nothing is done, as far as a program must tell one reason from another."""

    CONVERGED = "Converged"
    STOPPED = "Stopped"
    SUSPENDED = "Suspended"
    COMPLETED = "Completed"
    WAITING = "Waiting"
    EMPTY = "Empty"  # nobody is in the channel
    PENDING_NEXT = "PendingNext"
    CONFIRMING = "Confirming"
    SETTLING = "Settling"
    DOUBTED = "Doubted"
    UNANSWERED = "Unanswered"
    STOPPING = "Stopping"
    BACKOFF = "Backoff"
    NO_ROOM = "NoRoom"
    REFUSED = "Refused"
    APP_REFUSED = "AppRefused"
    SECRET_MISSING = "SecretMissing"  # noqa: S105 - a reason, not a secret
    CONTROL_LOST = "ControlLost"
    FROZEN = "Frozen"
    UNMANAGED = "Unmanaged"
    MOVED = "Moved"


@dataclass(frozen=True, slots=True)
class Start:
    """Acquire and start a recorder in a free slot."""

    desired: Desired
    slot: Slot
    reason: str


@dataclass(frozen=True, slots=True)
class Settle:
    """Find out what became of a `start` without an answer: repeat it, or probe with a fresh resource id (S4, S5)."""

    session: Session
    how: Literal["repeat", "probe"]
    reason: str
    desired: Desired | None = None  # None: no longer declared; the session's own spec is what was started


@dataclass(frozen=True, slots=True)
class Observe:
    """Ask the service about a recorder."""

    session: Session
    reason: str
    urgency: Literal["confirming", "doubted", "due"] = "due"  # confirming ranks with changes, before polls (S7)


@dataclass(frozen=True, slots=True)
class Update:
    """Tell a live recorder one kind of change."""

    session: Session
    desired: Desired
    consequence: Consequence
    changes: tuple[Change, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a recorder; repeated until confirmed."""

    session: Session
    reason: str
    failed: bool = False  # it never came to record


@dataclass(frozen=True, slots=True)
class Gone:
    """The recorder is not there any more: the service has said so for the grace (S9)."""

    session: Session


@dataclass(frozen=True, slots=True)
class Dismissed:
    """An unsettled recorder is no longer wanted: stop it as soon as there is a handle (S12)."""

    session: Session
    why: str


@dataclass(frozen=True, slots=True)
class Recalled:
    """What was dismissed and could not be stopped yet is wanted again."""

    session: Session


@dataclass(frozen=True, slots=True)
class NotOurs:
    """What holds our identity was never started by us, and is no longer wanted by us either."""

    session: Session


@dataclass(frozen=True, slots=True)
class Finished:
    """By its restart policy it does not start again."""

    why: str


Fact: TypeAlias = Gone | Dismissed | Recalled | NotOurs | Finished


@dataclass(frozen=True, slots=True)
class Learn:
    """Write a fact down; nobody is called."""

    fact: Fact
    reason: str


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop the handle of a live recorder on purpose and touch nothing at Agora."""

    session: Session
    reason: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Do nothing, on purpose, until then; None: until something changes."""

    until: datetime | None
    because: Because
    reason: str
    pending: tuple[Change, ...] = field(default=())  # differences that wait for the next session


Action: TypeAlias = Start | Settle | Observe | Update | Stop | Learn | Forget | Hold
