"""Entries, sessions and events for the ledger's tests: plain ones, and any that the model allows."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from reconciler.evidence import RecordedFile
from reconciler.model import (
    Applied,
    Confirmed,
    Ended,
    Entry,
    Event,
    Identity,
    Intended,
    Key,
    Session,
    SessionState,
    Slot,
)

NOW = datetime(2026, 1, 1, 9, tzinfo=UTC)
APP = "a" * 32
STANDUP = Key("default", "standup")
RETRO = Key("default", "retro")

INTENDED = Intended(("resource-1",), NOW)
CONFIRMED = Confirmed("resource-1", "sid-1", NOW)
ENDED = Ended(NOW, "stopped", "no longer wanted", "resource-1", "sid-1")


def now() -> datetime:
    return NOW


def session(number: int = 1, state: SessionState = CONFIRMED, *, channel: str = "standup", uid: str = "2") -> Session:
    return Session(
        number=number,
        slot=Slot.A,
        identity=Identity(APP, channel, uid),
        mode="mix",
        url="https://api.sd-rtn.com",
        opened_at=NOW + timedelta(minutes=number),
        applied=Applied({"channel": channel, "capture": {"maxIdle": 300}}, {"storage.secretKey": "f" * 64}, "r1"),
        state=state,
        files=(RecordedFile("dir/standup.m3u8", "0", "audio_and_video", NOW),),
    )


def page(key: Key = STANDUP, *sessions: Session) -> Entry:
    return Entry(key, {Slot.A: Identity(APP, key.name, "2")}, sessions, len(sessions) + 1, revision="r1")


def recording(key: Key) -> Entry:
    """An entry with one open session of its own identity."""
    return page(key, session(channel=f"{key.set}.{key.name}"))


def event(key: Key = STANDUP, kind: str = "recording.started", at: datetime = NOW) -> Event:
    return Event(at, key, kind, "no recording exists", session=1)


def anything(hint: Any) -> st.SearchStrategy[Any]:
    """Any value of a type of the model, so that a new field is tested as soon as it exists."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in PLAIN:
        return PLAIN[hint]
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is tuple:
        return st.lists(anything(arguments[0]), max_size=3).map(tuple)
    if origin is Mapping:
        return st.dictionaries(anything(arguments[0]), anything(arguments[1]), max_size=3)
    if origin in (Union, types.UnionType):
        return st.one_of(*(anything(argument) for argument in arguments))
    if is_dataclass(hint):
        assert isinstance(hint, type)
        hints = get_type_hints(hint)
        return st.builds(hint, **{one.name: anything(hints[one.name]) for one in fields(hint)})
    assert issubclass(hint, Enum)
    return st.sampled_from(hint)


_TEXT = st.text(max_size=12)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=5,
)
PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    str: _TEXT,
    int: st.integers(),
    bool: st.booleans(),
    types.NoneType: st.none(),
    datetime: st.datetimes(min_value=datetime(1990, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC)),
    Any: _JSON,
}
