"""What can be read from an answer's bytes, whatever their shape: code, words, files. Judges nothing."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from reconciler.agora.hints import Endpoint, hint_for
from reconciler.errors import Problem
from reconciler.evidence import RecordedFile

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TEXT = 300
_LONGEST_NAME = 1024
_SECONDS_END = 10**11  # every published time is in milliseconds; what is smaller can only be seconds


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer as it arrived."""

    endpoint: Endpoint
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    at: datetime
    hidden: tuple[str, ...] = field(default=(), repr=False)  # secrets that were sent: masked should they be echoed
    sent_at: datetime | None = None  # of its question: what it says may be as old as that


@dataclass(frozen=True, slots=True)
class Reading:
    """The same, understood as far as it can be."""

    endpoint: Endpoint
    status: int
    at: datetime
    content: Mapping[str, Any] | None = field(repr=False)  # None: not a JSON object
    code: int | None
    said: str = field(
        repr=False
    )  # in lower case; to be judged, never shown: what is shown is the problem, with secrets masked
    service_words: str = field(
        repr=False
    )  # the same, from where only the service itself writes: `reason`, or a payload's `message`
    problem: Problem
    sent_at: datetime | None  # of its question

    @property
    def from_service(self) -> bool:
        """Tell the service's own answer from a gateway's, which has a `message` at most."""
        content = self.content or {}
        return self.code is not None or any(key in content for key in ("resourceId", "sid", "serverResponse", "reason"))


def read(answer: HttpAnswer) -> Reading:
    """Understand an answer; nothing that can arrive makes this fail."""
    content = json_object(answer.body)
    code = None if content is None else whole_number(content.get("code"))
    words = "" if content is None else _service_words(content)
    message = "" if content is None else text_of(content.get("message"))
    said = tidy(words or message).lower()
    headers = {name.lower(): value for name, value in answer.headers.items()}
    problem = Problem(
        endpoint=answer.endpoint,
        said=tidy(_masked(words or message, answer.hidden)) or _description(answer, content),
        http_status=answer.status,
        code=code,
        request_id=tidy(_masked(headers.get("x-request-id", ""), answer.hidden), 128) or None,
        hint=hint_for(answer.endpoint, code, said, answer.status),
    )
    return Reading(
        answer.endpoint,
        answer.status,
        answer.at,
        content,
        code,
        said,
        tidy(words).lower(),
        problem,
        answer.sent_at,
    )


def json_object(body: bytes) -> Mapping[str, Any] | None:
    """Read a JSON object; None: it is none."""
    parsed = _json(body)
    return parsed if isinstance(parsed, dict) else None


def tidy(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Cut to a sane length, on one line, without what steers a terminal, turns the writing, or is no character."""
    shown = text[: 4 * longest]
    if not shown.isprintable():
        shown = "".join(char if char.isprintable() else " " for char in shown)
    words = " ".join(shown.split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


def whole_number(value: object) -> int | None:
    """Read a number or a numeric string; anything else, or beyond what a code can be, is none."""
    if isinstance(value, str):
        text = value.strip()
        value = int(text) if text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 19 else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if abs(value) < 10**18 and value == int(value) else None


def text_of(value: object) -> str:
    """Read a string, or a number as its digits; anything else is empty."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18 else ""


def token_like(value: object) -> str | None:
    """Read a resource id or sid: visible ASCII, not empty, of a length that can be sent in a path."""
    text = text_of(value).strip()
    return text if 0 < len(text) <= 2048 and text.isascii() and text.isprintable() and " " not in text else None


def mapping(value: object) -> Mapping[str, Any]:
    """Read an object, also one that was sent as a JSON string; anything else is empty."""
    value = _unwrapped(value)
    return value if isinstance(value, dict) else {}


def server_response(content: Mapping[str, Any] | None) -> Mapping[str, Any]:
    return mapping((content or {}).get("serverResponse"))


def services(response: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and payload of the extension services (web); one may come without a list around it."""
    state = _unwrapped(response.get("extensionServiceState"))
    for one in state if isinstance(state, list) else [state]:
        service = mapping(one)
        if service:
            yield text_of(service.get("serviceName")), _payload(service)


def recorded_files(response: Mapping[str, Any]) -> tuple[RecordedFile, ...]:
    """List the files of a query or stop answer, of any mode, without doubles."""
    found = [*_files(response.get("fileList")), *_files(response.get("fileListStr"))]
    for _, payload in services(response):
        found += _files(payload.get("fileList"))
    return tuple(dict.fromkeys(found))


def _files(value: object) -> Iterator[RecordedFile]:
    value = _unwrapped(value)
    for one in value if isinstance(value, list) else [value]:
        entry = one if isinstance(one, dict) else {"fileName": one}
        name = tidy(text_of(entry.get("fileName")) or text_of(entry.get("filename")), _LONGEST_NAME)
        if name:
            yield RecordedFile(
                name=name,
                uid=tidy(text_of(entry.get("uid")), 64) or None,
                track_type=tidy(text_of(entry.get("trackType")), 64) or None,
                sliced_at=moment(entry.get("sliceStartTime")),
            )


def moment(value: object) -> datetime | None:
    """Read a time in Unix milliseconds or seconds; 0 is what is said before the first slice."""
    number = whole_number(value)
    if number is None or number <= 0:
        return None
    try:
        return _EPOCH + (timedelta(seconds=number) if number < _SECONDS_END else timedelta(milliseconds=number))
    except OverflowError:
        return None


def _service_words(content: Mapping[str, Any]) -> str:
    return text_of(content.get("reason")) or text_of(_payload(server_response(content)).get("message"))


def _payload(holder: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(holder.get("payload")) or mapping(holder.get("playload"))  # as one official page misprints it


def _unwrapped(value: object) -> object:
    if isinstance(value, str) and value.lstrip()[:1] in {"[", "{"}:
        parsed = _json(value)
        return value if parsed is None else parsed
    return value


def _json(text: str | bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _masked(text: str, hidden: tuple[str, ...]) -> str:
    for secret in sorted(hidden, key=len, reverse=True):
        text = text.replace(secret, "****")
    return text


def _description(answer: HttpAnswer, content: Mapping[str, Any] | None) -> str:
    if content is not None:
        return "no words"
    return f"not the JSON of the service ({len(answer.body)} bytes)" if answer.body else "an empty body"
