"""What differs between what a session was last told and what is wanted now, and what each difference asks for."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from reconciler.manifests.values import say_duration
from reconciler.model import Applied


class Consequence(StrEnum):
    """What a changed field asks for on a live recording (interface.md 1.2)."""

    SUBSCRIPTION = "subscription"
    LAYOUT = "layout"
    WEB = "web"
    STORAGE = "storage"
    REPLACE = "replace"
    NOTHING = "nothing"


# The first that fits decides: a path fits its own field and all below it.
_CONSEQUENCES: tuple[tuple[str, Consequence], ...] = (
    ("layout", Consequence.LAYOUT),
    ("capture.subscribe", Consequence.SUBSCRIPTION),
    ("web.paused", Consequence.WEB),
    ("web.publish", Consequence.WEB),
    ("storage.accessKey", Consequence.STORAGE),
    ("storage.secretKey", Consequence.STORAGE),
    ("storage.stsToken", Consequence.STORAGE),
    ("storage.stsExpiration", Consequence.NOTHING),
    ("token", Consequence.NOTHING),
    ("controlFor", Consequence.NOTHING),
    ("restart", Consequence.NOTHING),
    ("replace", Consequence.NOTHING),
    ("priority", Consequence.NOTHING),
    ("onRemoval", Consequence.NOTHING),
    ("schedule", Consequence.NOTHING),
    ("when", Consequence.NOTHING),
    ("suspend", Consequence.NOTHING),
    ("copies", Consequence.NOTHING),
    ("profiles", Consequence.NOTHING),
    # The identity is compared with what the session has, not with how the manifest came to it.
    ("uid", Consequence.NOTHING),
    ("app", Consequence.NOTHING),
)

# What a change of these does is seen from what is started, stopped or replaced.
_TOLD_OTHERWISE = ("uid", "app", "suspend", "copies", "profiles")

# Fields of the spec that one kind of update has told the recorder, by dotted path.
TOLD_BY: Mapping[Consequence, tuple[str, ...]] = {
    Consequence.LAYOUT: ("layout",),
    Consequence.SUBSCRIPTION: ("capture.subscribe",),
    Consequence.WEB: ("web.paused", "web.publish"),
    Consequence.STORAGE: ("storage.accessKey", "storage.secretKey", "storage.stsToken", "storage.stsExpiration"),
}

_DURATIONS = frozenset(
    {"capture.maxIdle", "controlFor", "snapshots.every", "token.ttl"}
    | {"web.maxDuration", "web.segment", "web.readyTimeout"}
    | {"schedule.duration", "schedule.startEarly", "schedule.overrun"}
)
_INDEX = re.compile(r"\[[0-9]+\]")
MASK = "****"


@dataclass(frozen=True, slots=True)
class Change:
    """One field that differs. Values of secrets are never in it."""

    path: str  # e.g. "layout.type"
    before: str
    after: str
    consequence: Consequence

    def __str__(self) -> str:
        return f"{self.path}: {self.before} → {self.after}"


def changes(applied: Applied, wanted: Applied) -> tuple[Change, ...]:
    """Compare field by field; what asks for nothing is left out, the rest is in the order of its path."""
    if applied.spec == wanted.spec and applied.fingerprints == wanted.fingerprints:
        return ()  # nearly always, and asked at every decision: walking both would be most of a decision's cost
    return tuple(change for change in _differences(applied, wanted) if change.consequence is not Consequence.NOTHING)


def later_changes(applied: Applied, wanted: Applied) -> tuple[Change, ...]:
    """List what differs and asks for nothing by itself: it is used from the next session or decision on."""
    return tuple(
        change
        for change in _differences(applied, wanted)
        if change.consequence is Consequence.NOTHING and not change.path.startswith(_TOLD_OTHERWISE)
    )


def _differences(applied: Applied, wanted: Applied) -> list[Change]:
    before, after = dict(_leaves(applied)), dict(_leaves(wanted))
    differing = [path for path in sorted(before.keys() | after.keys()) if _differs(before.get(path), after.get(path))]
    resized = tuple(f"{path}[" for path in differing if isinstance(after.get(path, before.get(path)), _Items))
    return [
        Change(
            path,
            *_worded(path, before.get(path), after.get(path)),
            _consequence(path, before.get(path), after.get(path)),
        )
        for path in differing
        if not path.startswith(resized)
    ]


def _consequence(path: str, before: Any, after: Any) -> Consequence:
    if path == "web.publish" and None in (before, after):
        # A page that was started without a CDN has no such service, and none can be added or taken away later.
        return Consequence.REPLACE
    for field, consequence in _CONSEQUENCES:
        if path == field or path.startswith((f"{field}.", f"{field}[")):
            return consequence
    return Consequence.REPLACE


def _differs(before: Any, after: Any) -> bool:
    if isinstance(before, _Fingerprint) and isinstance(after, _Fingerprint):
        return before.differs(after)
    return bool(before != after)


def _worded(path: str, before: Any, after: Any) -> tuple[str, str]:
    if isinstance(before, _Fingerprint) and isinstance(after, _Fingerprint):
        return MASK, f"{MASK} (another value)"
    return _text(path, before), _text(path, after)


def _text(path: str, value: Any) -> str:
    """Write a value as a manifest would."""
    match value:
        case _Fingerprint():
            return MASK
        case None:
            return "(none)"
        case _Items(count=count):
            return f"{count} item{'' if count == 1 else 's'}"
        case bool():
            return str(value).lower()
        case int() | float() if _INDEX.sub("", path) in _DURATIONS:
            return say_duration(timedelta(seconds=value))
        case _:
            return str(value)


@dataclass(frozen=True, slots=True)
class _Items:
    """How many there are in a list whose items are compared one by one."""

    count: int


@dataclass(frozen=True, slots=True)
class _Fingerprint:
    """`key-id:digest` of a secret value, or nothing where the value could not be read."""

    text: str | None

    def differs(self, other: "_Fingerprint") -> bool:
        if self.text is None or other.text is None:
            return False  # unreadable is not changed: a live recording is left alone
        key_id, _, digest = self.text.partition(":")
        other_key_id, _, other_digest = other.text.partition(":")
        # Made with another key, the two say nothing about each other: a new baseline, no action (S19).
        return key_id == other_key_id and digest != other_digest


def _leaves(applied: Applied) -> Iterator[tuple[str, Any]]:
    yield from _walk("", applied.spec, applied.fingerprints)


def _walk(path: str, value: Any, fingerprints: Mapping[str, str]) -> Iterator[tuple[str, Any]]:
    if path in fingerprints or is_reference(value):
        yield path, _Fingerprint(fingerprints.get(path))
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _walk(f"{path}.{name}" if path else name, inner, fingerprints)
    elif isinstance(value, list) and any(isinstance(item, Mapping) for item in value):
        yield path, _Items(len(value))
        for index, item in enumerate(value):
            yield from _walk(f"{path}[{index}]", item, fingerprints)
    elif value is not None:
        yield path, value


def is_reference(value: Any) -> bool:
    return isinstance(value, Mapping) and value.keys() in ({"env"}, {"file"})
