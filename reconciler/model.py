"""The nouns that several rooms share. A noun of one room lives where it is made."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal, TypeAlias

from reconciler.evidence import Ending, Heard, RecordedFile

_PAST_SIDS = 64  # uploads end hours later, and what keeps dying is started a dozen times an hour

Mode: TypeAlias = Literal["mix", "individual", "web"]


class Secret:
    """A value that must never be shown: it prints masked, and is opened only where a body is built."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret('****')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash((Secret, self._value))


@dataclass(frozen=True, slots=True, order=True)
class Key:
    """Names one recording in the ledger; names are unique per set."""

    set: str
    name: str

    def __str__(self) -> str:
        return self.name if self.set == "default" else f"{self.set}/{self.name}"


class Slot(StrEnum):
    """One of a recording's own uids: A and B of its first recorder, C and D of its second copy."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"

    @property
    def copy(self) -> int:
        return 1 if self in (Slot.A, Slot.B) else 2


@dataclass(frozen=True, slots=True, order=True)
class Identity:
    """What Agora allows one live recorder for: a second `start` with the same answers 400 code 53."""

    app_id: str
    channel: str
    uid: str  # decimal digits, as on the wire


@dataclass(frozen=True, slots=True)
class Handle:
    """What is needed to query, update and stop a recorder, whatever the manifests say later."""

    identity: Identity
    mode: Mode
    resource_id: str
    sid: str


# -- sessions: one run of a recorder, from start to end. The class of the state is its status.


@dataclass(frozen=True, slots=True)
class Unseen:
    """Never answered about yet."""

    kind: Literal["unseen"] = "unseen"


@dataclass(frozen=True, slots=True)
class Seen:
    """Last answered about as live."""

    at: datetime
    status: int
    kind: Literal["seen"] = "seen"


@dataclass(frozen=True, slots=True)
class Doubted:
    """Answered about as missing since `since`, with no sign of life in between; last at `at`."""

    since: datetime
    at: datetime
    lapsed: bool = False  # nobody asked for long: the next absence is the first one again
    kind: Literal["doubted"] = "doubted"


Sighting: TypeAlias = Unseen | Seen | Doubted


@dataclass(frozen=True, slots=True)
class Inquiry:
    """How asking about a recorder goes: the last answer, and how often nothing useful came since."""

    sighting: Sighting = field(default_factory=Unseen)
    asked_at: datetime | None = None
    tries: int = 0  # calls since the last sign of life: what paces the next


@dataclass(frozen=True, slots=True)
class Intended:
    """`start` may have been sent, its outcome is not known (S4). Only its own uid may be used."""

    resource_ids: tuple[str, ...]  # every one a start was sent with; the newest last
    since: datetime  # of the newest resource id: it is good for five minutes
    tried_at: datetime | None = None  # last answered or given up; None: the process died in between
    tries: int = 0
    spent: bool = False  # no start with the newest resource id is on its way any more: a fresh one is needed
    held: str = ""  # why it was held before this probe (see Held.why)
    held_since: datetime | None = None
    problem: str = ""
    dismissed: str = ""  # why it is no longer wanted: stop it once it is settled
    sid: str = ""  # a sid that is known and does not help
    kind: Literal["intended"] = "intended"


@dataclass(frozen=True, slots=True)
class Held:
    """A recorder lives under our identity that we cannot reach (S5): no usable sid, or control has expired."""

    since: datetime
    why: Literal["ControlLost", "HeldByAnother", "ControlExpired"]
    resource_ids: tuple[str, ...] = ()
    sid: str = ""
    probed_at: datetime | None = None
    problem: str = ""
    dismissed: str = ""
    acquired_at: datetime | None = None  # of its newest resource id, where a start with that may still be on its way
    kind: Literal["held"] = "held"


@dataclass(frozen=True, slots=True)
class Accepted:
    """`start` was answered with a sid, or a notice gave it back; that it records is not confirmed yet."""

    resource_id: str
    sid: str
    at: datetime
    inquiry: Inquiry = field(default_factory=Inquiry)
    unsettled: Intended | None = None  # the sid is a notice's: the start to be settled, until a query proves the sid
    kind: Literal["accepted"] = "accepted"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """A `query` has said that it records (status 4 or 5)."""

    resource_id: str
    sid: str
    at: datetime
    inquiry: Inquiry = field(default_factory=Inquiry)
    kind: Literal["confirmed"] = "confirmed"


@dataclass(frozen=True, slots=True)
class Stopping:
    """`stop` is due, or was sent without an answer; it is repeated until confirmed (S12)."""

    resource_id: str
    sid: str
    since: datetime
    reason: str
    failed: bool = False  # stopped because it never came to record
    inquiry: Inquiry = field(default_factory=Inquiry)
    kind: Literal["stopping"] = "stopping"


@dataclass(frozen=True, slots=True)
class Ended:
    """Nothing runs any more, or it was given away."""

    at: datetime
    how: Literal["stopped", "failed", "idle", "never-started", "forgotten", "left"]
    reason: str
    resource_id: str = ""
    sid: str = ""
    uploading_status: str | None = None
    kind: Literal["ended"] = "ended"


OpenState: TypeAlias = Intended | Held | Accepted | Confirmed | Stopping
SessionState: TypeAlias = OpenState | Ended


@dataclass(frozen=True, slots=True)
class Applied:
    """What a session was last told: the spec as accepted, and keyed fingerprints in place of secret values."""

    spec: Mapping[str, Any]  # RecordingSpec as JSON, by alias; references, never values
    fingerprints: Mapping[str, str] = field(default_factory=dict)  # dotted path -> HMAC of the value
    revision: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a recorder under one identity."""

    number: int  # counts from 1 per recording
    slot: Slot
    identity: Identity
    mode: Mode
    url: str  # the service it runs at, e.g. "https://api.sd-rtn.com"
    opened_at: datetime
    applied: Applied
    state: SessionState
    files: tuple[RecordedFile, ...] = ()
    adopted: bool = False  # imported: it keeps its own uid
    failed_over: bool = False  # rejoined under a random uid: 53 is no fence any more (S6)
    joined_as: tuple[str, ...] = ()  # its random uids, as far as notices name them (S11)
    heard: Heard | None = None
    woken_at: datetime | None = None  # a notice that asks for a question was received
    ending: Ending | None = None

    @property
    def is_open(self) -> bool:
        return not isinstance(self.state, Ended)

    def become(self, state: SessionState) -> "Session":
        return replace(self, state=state)


@dataclass(frozen=True, slots=True)
class Refusal:
    """The service refused what this revision asks for: pointless until it changes."""

    revision: str
    problem: str
    at: datetime
    of: Literal["start", "update"] = "start"


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often in a row something failed, and when the next try is due."""

    failures: int
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Rest:
    """Why nothing was done last, where the entry does not tell it by itself; as a `Hold` says it."""

    because: str
    reason: str
    until: datetime | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A recording's page in the ledger: its open sessions, the last ended one, and what the next decision needs."""

    key: Key
    uids: Mapping[Slot, Identity] = field(default_factory=dict)  # once used, kept for ever (S1)
    sessions: tuple[Session, ...] = ()  # every open one and the newest ended one, by number
    next_number: int = 1
    restarts: int = 0
    backoff: Backoff | None = None  # of a recorder that keeps ending
    retry: Backoff | None = None  # of a call that certainly had no effect
    refusal: Refusal | None = None
    rest: Rest | None = None
    completed: str = ""  # why it is over by its restart policy or was left running on purpose
    labels: Mapping[str, str] = field(default_factory=dict)
    on_removal: Literal["stop", "leave"] = "stop"
    revision: str = ""  # of the newest accepted manifest that declared it
    source_revision: str = ""  # as a daemon's source calls what it was in, or what took it away
    notices_read: int = 0  # the newest notice of its channels that was taken up
    past_sids: tuple[str, ...] = ()  # of no session above, the newest first: of older ones, or of somebody else
    declared: bool = True  # false once the manifests of its own set no longer name it

    @property
    def has_history(self) -> bool:
        """Tell whether a recorder was ever started for it, or may have been."""
        return self.next_number > 1

    @property
    def open_sessions(self) -> tuple[Session, ...]:
        return tuple(session for session in self.sessions if session.is_open)

    @property
    def newest(self) -> Session | None:
        return self.sessions[-1] if self.sessions else None

    @property
    def last_end(self) -> Ended | None:
        """How the newest session ended; None while it is open, and where there was none."""
        return self.newest.state if self.newest and isinstance(self.newest.state, Ended) else None

    def with_session(self, session: Session) -> "Entry":
        """Put that session in place of the one with its number, or add it; of the ended ones the newest stays."""
        others = (other for other in self.sessions if other.number != session.number)
        ordered = sorted([*others, session], key=lambda one: one.number)
        newest_ended = max((one.number for one in ordered if not one.is_open), default=0)
        kept = tuple(one for one in ordered if one.is_open or one.number == newest_ended)
        past = [one.state.sid for one in reversed(ordered) if one not in kept and one.state.sid]
        return replace(self, sessions=kept).disowning(*past)

    def disowning(self, *sids: str) -> "Entry":
        """Note that these are sids of none of the recorders it has now."""
        return replace(self, past_sids=(*sids, *self.past_sids)[:_PAST_SIDS]) if sids else self


@dataclass(frozen=True, slots=True)
class Event:
    """One line of history: a decision that was carried out, or a fact that was learnt."""

    at: datetime
    key: Key
    kind: str  # noun.verb, e.g. "recording.started"
    reason: str
    message: str = ""
    session: int | None = None
    revision: str = ""
    request_id: str = ""
    source_revision: str = ""  # as the daemon's source calls what was in force, e.g. "main@sha1:5d41…"
