"""What a webhook of the service says (agora-api.md 7): whether it is genuine, and which notice it is.

The raw body must not be kept: details that are not read here may hold secrets, such as the key in a push address.
"""

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from reconciler.agora.reading import (
    json_object,
    mapping,
    moment,
    recorded_files,
    text_of,
    tidy,
    token_like,
    whole_number,
)
from reconciler.evidence import (
    Erred,
    Exited,
    FailedOver,
    FirstFiles,
    Left,
    Meaning,
    Notice,
    Other,
    RecorderStarted,
    Uploaded,
    WebStopped,
)
from reconciler.model import Secret

CLOUD_RECORDING: Final = 3  # productId

_SIGNATURES: Final = {"agora-signature": "sha1", "agora-signature-v2": "sha256"}
_ADDRESS: Final = re.compile(r"\S*://\S*")  # may hold a token or a stream key


@dataclass(frozen=True, slots=True)
class Aside:
    """A notice that is about no recorder: a test event, or another product's. To be answered as taken."""

    why: str


@dataclass(frozen=True, slots=True)
class Garbled:
    """No notice at all."""

    why: str


Arrival: TypeAlias = Notice | Aside | Garbled


def verify(secret: Secret, body: bytes, headers: Mapping[str, str]) -> bool:
    """Tell whether the raw body was signed with the secret: of the two signatures one is there, and each that is fits.

    Takes the same time whatever is wrong with a signature. An empty secret verifies nothing.
    """
    key = secret.reveal().encode()
    given = {name.lower(): value.strip().lower().encode() for name, value in headers.items()}
    fits = [
        hmac.compare_digest(given[name], hmac.new(key, body, algorithm).hexdigest().encode())
        for name, algorithm in _SIGNATURES.items()
        if name in given
    ]
    return bool(key) and bool(fits) and all(fits)


def read_notice(body: bytes, at: datetime) -> Arrival:
    """Understand what arrived at that time; nothing that can arrive makes this fail."""
    envelope = json_object(body)
    if envelope is None:
        return Garbled("not a JSON object")
    event_type = whole_number(envelope.get("eventType"))
    payload = envelope.get("payload")
    if event_type is None or not isinstance(payload, dict):
        return Garbled("no notice: eventType and payload are missing or wrong")
    product = whole_number(envelope.get("productId"))
    if product not in (None, CLOUD_RECORDING):
        return Aside(f"productId {product} is not cloud recording")
    sid = token_like(payload.get("sid")) or token_like(envelope.get("sid"))
    if sid is None:
        return Aside("it names no sid, as a test event does")
    return _notice(envelope, payload, event_type, sid, at)


def _notice(envelope: Mapping[str, Any], payload: Mapping[str, Any], event_type: int, sid: str, at: datetime) -> Notice:
    sequence = whole_number(payload.get("sequence"))
    stamps = (payload.get("sendts"), envelope.get("notifyMs"), envelope.get("eventMs"))
    uid = text_of(payload.get("uid"))
    return Notice(
        notice_id=_id(envelope) or f"{sid}/{event_type}/{sequence}",
        sid=sid,
        channel=_channel(payload.get("cname")),
        uid=uid if _is_uid(uid) else "",
        sequence=sequence if sequence is not None and sequence >= 0 else None,
        event_type=event_type,
        sent_at=next((sent for stamp in stamps if (sent := moment(stamp))), at),
        received_at=at,
        meaning=_meaning(event_type, mapping(payload.get("details"))),
    )


def _id(envelope: Mapping[str, Any]) -> str | None:
    return token_like(envelope.get("noticeId")) or token_like(envelope.get("notificationId"))  # its name before 2019


def _channel(value: object) -> str:
    """Read a channel's name exactly, or not at all: one that is nearly right is another channel."""
    name = text_of(value)
    return name if len(name) <= 1024 and name.isprintable() else ""


def _is_uid(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 10


def _meaning(event_type: int, details: Mapping[str, Any]) -> Meaning:
    match event_type:
        case 1:
            return _erred(details)
        case 4:
            return FirstFiles(recorded_files(details))
        case 11:
            return Exited(normal=whole_number(details.get("exitStatus")) == 0)
        case 12:
            new_uid = text_of(details.get("newUid"))
            return FailedOver(new_uid if _is_uid(new_uid) else "")
        case 31:
            return Uploaded("uploaded", recorded_files(details))
        case 32:
            return Uploaded("backuped", recorded_files(details))
        case 40 | 70:
            return RecorderStarted()
        case 41:
            code = whole_number(details.get("leaveCode"))
            return Other() if code is None else Left(code)
        case 71:
            words = _words(details.get("message"))
            return WebStopped(whole_number(details.get("code")), words, recorded_files(details))
        case _:
            return Other()


def _erred(details: Mapping[str, Any]) -> Erred:
    level, module, code = (whole_number(details.get(name)) or 0 for name in ("errorLevel", "module", "errorCode"))
    return Erred(level, module, code, _words(details.get("errorMsg")))


def _words(value: object) -> str:
    return tidy(_ADDRESS.sub("****", text_of(value)))
