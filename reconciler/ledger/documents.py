"""Nouns of the model to JSON documents and back, strictly: what does not fit is never guessed. Not for the wire.

Built from the type hints of `reconciler.model`: pydantic's TypeAdapter would cost `get` some 90 ms to import and build,
this 1 ms; both then decode 1,000 entries in 35 to 40 ms.
"""

import json
import types
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from reconciler.model import Entry, Event, Key, Session

T = TypeVar("T")
Step = Callable[[Any], Any]
_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
MISFITS = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)


class DocumentError(ValueError):
    """A document cannot be read or written; says which one and why."""


class UnwritableError(DocumentError):
    """A noun holds what no document can: a defect of the program, not of the file."""


@dataclass(frozen=True, slots=True)
class Codec:
    """Both directions for one type hint. Either raises one of MISFITS."""

    encode: Step
    decode: Step


def stamp(at: datetime) -> str:
    """Write a time so that texts sort as times do."""
    if at.tzinfo is None:
        raise ValueError(f"the time {at} has no zone")
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def unstamp(text: Any) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"the time {text!r} has no zone")
    return at


def checksum(key: Key, document: str) -> int:
    """Bind a document to its key: SQLite notices a broken page, not a flipped bit in a text."""
    return zlib.crc32(f"{key.set}\0{key.name}\0{document}".encode("utf-8", "surrogatepass"))


def write(what: str, kind: type, key: Key, value: Any) -> tuple[str, int]:
    """Make the document of `value`, without its key, and the checksum."""
    try:
        document = _ENCODER.encode(_codec(kind).encode(value))
    except MISFITS as error:
        raise UnwritableError(f"the {what} of {key} cannot be written down: {error}") from error
    return document, checksum(key, document)


def read_entry(key: Key, document: str, check: int) -> Entry:
    return read("entry", Entry, key, document, check)


def read_session(key: Key, document: str, check: int) -> Session:
    return read("session", Session, key, document, check)


def read_event(key: Key, document: str, check: int) -> Event:
    return read("event", Event, key, document, check)


def read(what: str, kind: Callable[..., T], key: Key, document: str, check: int) -> T:
    """Make the noun of its document. Raises DocumentError, saying which one and why."""
    if checksum(key, document) != check:
        raise DocumentError(f"the {what} of {key} cannot be read: its checksum is wrong")
    try:
        value = json.loads(document)
        return cast("T", _codec(kind).decode({**value, "key": key} if "key" in _hints(kind) else value))
    except MISFITS as error:
        raise DocumentError(f"the {what} of {key} cannot be read: {error}") from error


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


@cache
def _codec(hint: Any) -> Codec:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return Codec(_same, _same)
    if hint is datetime:
        return Codec(stamp, unstamp)
    if hint is Key:  # stands in the row's columns
        return Codec(_same, _same)
    if origin is Literal:
        return _literal(arguments)
    if origin is tuple:
        return _tuple(_codec(arguments[0]))
    if origin is Mapping:
        return _mapping(_codec(arguments[0]), _codec(arguments[1]))
    if origin in (Union, types.UnionType):
        return _union(arguments)
    if is_dataclass(hint):
        return _dataclass(cast("type", hint))
    if issubclass(hint, Enum):
        return Codec(lambda value: hint(value).value, hint)
    return _plain(hint)


def _same(value: Any) -> Any:
    return value


def _plain(kind: type) -> Codec:
    def check(value: Any) -> Any:
        if type(value) is not kind:  # not isinstance: True is no number here
            raise TypeError(f"{value!r} is not {kind.__name__}")
        return value

    return Codec(check, check)


def _literal(allowed: tuple[Any, ...]) -> Codec:
    def check(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(map(str, allowed))}")
        return value

    return Codec(check, check)


def _tuple(item: Codec) -> Codec:
    def decode(values: Any) -> Any:
        if type(values) is not list:
            raise TypeError(f"{values!r} is not a list")
        return tuple([item.decode(value) for value in values])

    def encode(values: Any) -> Any:
        if type(values) is not tuple:
            raise TypeError(f"{values!r} is not a tuple")
        return [item.encode(value) for value in values]

    return Codec(encode, decode)


def _mapping(name: Codec, value: Codec) -> Codec:
    return Codec(
        lambda values: {name.encode(key): value.encode(one) for key, one in values.items()},
        lambda values: {name.decode(key): value.decode(one) for key, one in values.items()},
    )


def _union(members: tuple[Any, ...]) -> Codec:
    """`X | None`, or dataclasses told apart by the literal of their `kind`."""
    classes = [member for member in members if member is not types.NoneType]
    if len(classes) == 1:
        one = _codec(classes[0])
        return Codec(
            lambda value: None if value is None else one.encode(value),
            lambda value: None if value is None else one.decode(value),
        )
    tagged = {get_args(_hints(member)["kind"])[0]: (member, _codec(member)) for member in classes}

    def encode(value: Any) -> Any:
        member, codec = tagged[value.kind]
        if type(value) is not member:
            raise TypeError(f"{value!r} is not {member.__name__}")
        return codec.encode(value)

    return Codec(encode, lambda value: tagged[value["kind"]][1].decode(value))


def _dataclass(kind: type) -> Codec:
    codecs = {one.name: _codec(_hints(kind)[one.name]) for one in fields(kind)}
    written = [(name, codec.encode) for name, codec in codecs.items() if name != "key"]
    decoders = {name: codec.decode for name, codec in codecs.items()}

    def encode(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError(f"{value!r} is not {kind.__name__}")
        return {name: step(getattr(value, name)) for name, step in written}

    def decode(document: Any) -> Any:
        # A field that is not known fails here; one that is missing takes its default, if it has one.
        return kind(**{name: decoders[name](value) for name, value in document.items()})

    return Codec(encode, decode)
