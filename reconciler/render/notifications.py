"""What a receiver outside is told of the history: one event of ours is none, one or two CloudEvents 1.0. Pure.

Every session that came to record is told as started once, and as completed when it has ended, with every file. Down and
healed take turns per recording: what fails again and again before it records is told once. `control.lost` is told once,
however often a probe says the same. A completed session is told again when its upload is known: the newest counts.

Not told is what a person has done on purpose without ending anything: `forget`, and `onRemoval: leave`.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal, TypeAlias

from reconciler.model import Ended, Event, Key, Session
from reconciler.planning.status import resource_id_of, sid_of
from reconciler.render import files
from reconciler.render.text import moment, moment_or_none

Type: TypeAlias = Literal[
    "recording.started", "recording.completed", "recording.down", "recording.healed", "control.lost", "source.held"
]

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"  # the structured mode of the HTTP binding

_RECORDS = frozenset({"recording.confirmed", "recording.adopted"})
_IS_DOWN = frozenset({"recording.lost"})
_OUT_OF_CONTROL = frozenset({"recording.held", "recording.control-lost"})
_AGAIN = "recording.started"  # a start was answered with a handle: another recorder than before, or one found again
_UPS_AND_DOWNS = _RECORDS | _IS_DOWN

# Every kind of event that may be told, and the kinds at which looking back from it ends: they say how it stood before.
ANCHORS: Mapping[str, frozenset[str]] = {
    "recording.confirmed": _UPS_AND_DOWNS,
    "recording.adopted": _UPS_AND_DOWNS,
    "recording.lost": _UPS_AND_DOWNS,
    "recording.stopped": frozenset(),
    "recording.ended": frozenset(),
    "recording.uploaded": frozenset(),
    "recording.held": _OUT_OF_CONTROL | _RECORDS | {_AGAIN},
    "recording.control-lost": _OUT_OF_CONTROL | _RECORDS | {_AGAIN},
    "source.held": frozenset(),
}
_OF_A_FILE = ("fileName", "uri", "uid", "trackType", "from", "until", "uploadingStatus")


@dataclass(frozen=True, slots=True)
class Told:
    """An event with its id in the ledger, and all that telling it needs."""

    number: int
    event: Event
    session: Session | None = None  # the event's own
    before: Sequence[Event] = ()  # of the same recording, oldest first, from the newest anchor on


@dataclass(frozen=True, slots=True)
class Notification:
    """One CloudEvent. Its id is the same whenever and however often it is made."""

    id: str
    type: Type
    key: Key
    time: datetime
    data: Mapping[str, Any]

    def body(self) -> bytes:
        """Write it as the JSON of the structured mode."""
        subject = {"subject": self.key.name} if self.key.name else {}
        document = {
            "specversion": "1.0",
            "id": self.id,
            "source": f"/reconciler/sets/{self.key.set}",
            "type": self.type,
            **subject,
            "time": moment(self.time),
            "datacontenttype": "application/json",
            "data": self.data,
        }
        return json.dumps(document, separators=(",", ":")).encode()


def notifications(told: Told, ledger_key: bytes) -> tuple[Notification, ...]:
    """Say what a receiver is told of an event, in the order of telling; `ledger_key` is secret and the ledger's own."""
    event = told.event
    return tuple(
        Notification(_id(told, one, ledger_key), one, event.key, event.at, _data(told, one)) for one in _types(told)
    )


def _types(told: Told) -> tuple[Type, ...]:
    match told.event.kind:
        case "recording.confirmed" | "recording.adopted":
            started: tuple[Type, ...] = () if _recorded_already(told) else ("recording.started",)
            return (*started, "recording.healed") if _stood(told) in _IS_DOWN else started
        case "recording.lost":
            return ("recording.completed",) if _stood(told) in _IS_DOWN else ("recording.down", "recording.completed")
        case "recording.stopped" | "recording.ended":
            return ("recording.completed",)
        case "recording.uploaded" if told.session and not told.session.is_open:
            return ("recording.completed",)
        case "recording.held" | "recording.control-lost":
            return () if _stood(told) in _OUT_OF_CONTROL and _same_session(told) else ("control.lost",)
        case "source.held":
            return ("source.held",)
        case _:
            return ()


def _stood(told: Told) -> str:
    return told.before[0].kind if told.before else ""


def _same_session(told: Told) -> bool:
    return bool(told.before) and told.before[0].session == told.event.session


def _recorded_already(told: Told) -> bool:
    again = any(one.kind == _AGAIN for one in told.before[1:])
    return _stood(told) in _RECORDS and _same_session(told) and not again


def _id(told: Told, kind: Type, ledger_key: bytes) -> str:
    """Make an id that no other ledger makes, nor this one after a backup was restored: its events get other times.

    It has no full stop, for those part what is signed.
    """
    of = f"notification {told.number} {moment(told.event.at)} {told.event.kind} {kind}"
    return f"{told.number}-{hmac.digest(ledger_key, of.encode(), sha256).hex()[:32]}"


def _data(told: Told, kind: Type) -> dict[str, Any]:
    event = told.event
    why = {
        "reason": event.reason,
        "message": event.message,
        "revision": event.revision or None,
        "sourceRevision": event.source_revision or None,
    }
    if not event.key.name:
        return {"set": event.key.set, **why}
    session = told.session
    of_recording = {
        "name": event.key.name,
        "set": event.key.set,
        "session": event.session,
        "channel": session.identity.channel if session else None,
        "mode": session.mode if session else None,
        "uid": session.identity.uid if session else None,
        "resourceId": (resource_id_of(session) or None) if session else None,
        "sid": (sid_of(session) or None) if session else None,
        **why,
    }
    return of_recording | _end(event.key, session) if kind == "recording.completed" else of_recording


def _end(key: Key, session: Session | None) -> dict[str, Any]:
    ended = session.state if session and isinstance(session.state, Ended) else None
    documents = files.documents([(key, session)]) if session else []
    return {
        "how": ended.how if ended else None,
        "startedAt": moment_or_none(session.opened_at) if session else None,
        "endedAt": moment_or_none(ended.at) if ended else None,
        "uploadingStatus": ended.uploading_status if ended else None,
        "files": [{name: one[name] for name in _OF_A_FILE} for one in documents],
    }
