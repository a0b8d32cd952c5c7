"""What an executed action has brought to light, as facts with their time; `absorb` writes them into the entry."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias

from reconciler.errors import Problem
from reconciler.evidence import Observation, RecordedFile
from reconciler.model import Applied, Session
from reconciler.planning.changes import Consequence


@dataclass(frozen=True, slots=True)
class Started:
    """`start` gave a sid."""

    session: Session
    resource_id: str
    sid: str
    at: datetime
    applied: Applied | None = None  # what the recorder was started with; None: it ran already (201)


@dataclass(frozen=True, slots=True)
class StartUnknown:
    """`start` had no answer that settles anything; `spent` where nothing can come of its resource id any more."""

    session: Session
    problem: Problem
    at: datetime
    spent: bool = False


@dataclass(frozen=True, slots=True)
class StartHeld:
    """A recorder lives under the identity, and we have no handle of it (53, or 201 without a sid)."""

    session: Session
    why: Literal["ControlLost", "HeldByAnother"]
    problem: Problem
    at: datetime
    stray: bool = False  # refused was a repetition: the start before it had no answer, and may still be on its way


@dataclass(frozen=True, slots=True)
class NotStarted:
    """Certainly nothing was started, and it is worth another try; `session` if an intent was written."""

    session: Session | None
    problem: Problem
    at: datetime


@dataclass(frozen=True, slots=True)
class StartRefused:
    """The service refuses what the manifest asks for."""

    session: Session | None
    revision: str
    problem: Problem
    at: datetime


@dataclass(frozen=True, slots=True)
class Observed:
    """The service answered about a handle; a `stop` or an update that is told 404 observes too."""

    session: Session
    observation: Observation


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No answer that says anything about the recorder: nothing changes but when to ask again."""

    session: Session
    problem: Problem
    at: datetime


@dataclass(frozen=True, slots=True)
class Updated:
    """The recorder was told one kind of change."""

    session: Session
    consequence: Consequence
    applied: Applied
    at: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class UpdateFailed:
    """The recorder goes on as it was; refused for good, or worth another try."""

    session: Session
    revision: str
    problem: Problem
    refused: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Stopped:
    """The service confirmed the end."""

    session: Session
    how: Literal["stopped", "no-data", "leaving"]
    at: datetime
    files: tuple[RecordedFile, ...] = ()
    uploading_status: str | None = None


@dataclass(frozen=True, slots=True)
class AppRefused:
    """The service refuses the whole App ID (S8); `session` if an intent of a start has to be taken back."""

    problem: Problem
    at: datetime
    session: Session | None = None


@dataclass(frozen=True, slots=True)
class NoRoom:
    """406: as many recorders run as may (S8)."""

    problem: Problem
    at: datetime


Outcome: TypeAlias = (
    Started
    | StartUnknown
    | StartHeld
    | NotStarted
    | StartRefused
    | Observed
    | Unanswered
    | Updated
    | UpdateFailed
    | Stopped
    | AppRefused
    | NoRoom
)
