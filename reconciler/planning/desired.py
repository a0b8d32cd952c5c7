"""What should be: one declared recording with its app, its uids and the values behind its references."""

import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias

from reconciler.errors import Place
from reconciler.manifests.accept import Declared
from reconciler.manifests.schema import Layout, RecordingSpec, Subscribe, Video
from reconciler.manifests.secrets import SecretMissing, secret_references
from reconciler.manifests.values import SecretRef
from reconciler.model import Applied, Entry, Identity, Key, Secret, Slot
from reconciler.planning.changes import MASK
from reconciler.planning.slots import UidRange, derived_uids, given_slots, remembered_slots

DEFAULT_VIDEO = Video(width=360, height=640, fps=15, bitrate=500)  # the service's own (agora-api.md 2.5)


@dataclass(frozen=True, slots=True)
class Desired:
    """One recording that should exist, complete: nothing has to be looked up to act on it."""

    key: Key
    app_id: str
    spec: RecordingSpec
    slots: Mapping[Slot, Identity]
    wanted: Applied  # what a session is compared with
    place: Place
    labels: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[SecretRef, Secret] = field(default_factory=dict)
    missing: tuple[str, ...] = ()  # secret references that could not be read, in words
    not_acted_on: tuple[str, ...] = ()  # fields this version accepts but does not act on, in words

    @property
    def revision(self) -> str:
        return self.wanted.revision


@dataclass(frozen=True, slots=True)
class Unwanted:
    """What should not be (any more), and why."""

    reason: str
    removed: bool = True  # no longer declared, so `onRemoval` counts; False: only stopped, by an order


@dataclass(frozen=True, slots=True)
class Unmanaged:
    """What the set's source has never declared: it is looked at, and neither started nor stopped."""


Aim: TypeAlias = Desired | Unwanted | Unmanaged


@dataclass(frozen=True, slots=True)
class Ground:
    """What the desired recordings of one set stand on, besides the manifests."""

    set: str
    app_ids: Mapping[str, str]  # app name -> App ID
    entries: Mapping[Key, Entry]
    secrets: Mapping[str, Mapping[SecretRef, Secret | SecretMissing]]  # by name: a file reference is relative
    fingerprint_key: bytes
    uid_range: UidRange


def desire(
    recordings: Sequence[Declared], ground: Ground, known: Mapping[str, Desired] = MappingProxyType({})
) -> tuple[Desired, ...]:
    """Complete the declared recordings, in the order of their names; one that is as it was known stays the same."""
    ordered = sorted(recordings, key=lambda one: one.name)
    taken = _taken_uids(ordered, ground)
    return tuple(_complete(declared, ground, taken, known.get(declared.name)) for declared in ordered)


def _taken_uids(recordings: Sequence[Declared], ground: Ground) -> dict[tuple[str, str], set[str]]:
    taken: dict[tuple[str, str], set[str]] = {}
    for declared in recordings:
        room = taken.setdefault(_room(declared, ground), set())
        room.update(str(uid) for uid in declared.spec.uid or ())
        room.update(_named_uids(declared.spec))
    for entry in ground.entries.values():
        for identity in entry.uids.values():
            taken.setdefault((identity.app_id, identity.channel), set()).add(identity.uid)
    return taken


def _named_uids(spec: RecordingSpec) -> set[str]:
    """Collect the people a manifest names: a recorder under a person's uid would kick that person out."""
    layout, subscribe = spec.layout or Layout(), spec.capture.subscribe or Subscribe()
    named: set[object] = {layout.max_resolution_uid}
    named |= {region.uid for region in layout.regions}
    named |= {background.uid for background in layout.backgrounds}
    for uids in (subscribe.audio, subscribe.video, subscribe.except_audio, subscribe.except_video):
        named |= set(uids) if isinstance(uids, tuple) else set()
    return {str(uid) for uid in named if uid is not None}


def _room(declared: Declared, ground: Ground) -> tuple[str, str]:
    return ground.app_ids[declared.spec.app], declared.spec.channel


def _complete(
    declared: Declared, ground: Ground, taken: dict[tuple[str, str], set[str]], known: Desired | None
) -> Desired:
    spec = declared.spec
    key = Key(ground.set, declared.name)
    app_id, channel = _room(declared, ground)
    values = ground.secrets.get(declared.name, {})
    secrets = {ref: value for ref, value in values.items() if isinstance(value, Secret)}
    slots = _slots(declared, ground.entries.get(key), app_id, ground.uid_range, taken[app_id, channel])
    same = known is not None and known.spec is spec and known.secrets == secrets
    wanted = known.wanted if known is not None and same else applied(spec, secrets, ground.fingerprint_key)
    return Desired(
        key=key,
        app_id=app_id,
        spec=spec,
        slots=slots,
        wanted=wanted,
        place=declared.place,
        labels=declared.labels,
        secrets=secrets,
        missing=tuple(f"{one.place}: {one.why}" for one in values.values() if isinstance(one, SecretMissing)),
        not_acted_on=_not_acted_on(spec),
    )


def _slots(
    declared: Declared, entry: Entry | None, app_id: str, uid_range: UidRange, taken: set[str]
) -> dict[Slot, Identity]:
    spec, channel = declared.spec, declared.spec.channel
    if spec.uid:
        given = given_slots(spec.uid, spec.copies)
        return {slot: Identity(app_id, channel, str(uid)) for slot, uid in given}
    remembered = remembered_slots(entry, app_id, channel)
    fresh = derived_uids(app_id, channel, declared.name, uid_range, taken)
    slots = {
        slot: remembered.get(slot) or Identity(app_id, channel, next(fresh))
        for slot in Slot
        if slot.copy <= spec.copies
    }
    # A ready-made token fits one uid: where one is missing, that slot is not free.
    free = tuple(slots)[: len(spec.token)] if isinstance(spec.token, tuple) else tuple(slots)
    return {slot: slots[slot] for slot in free}


def applied(spec: RecordingSpec, secrets: Mapping[SecretRef, Secret], fingerprint_key: bytes) -> Applied:
    """Describe a spec without its secrets: references stay, values become keyed fingerprints (S19)."""
    shape: dict[str, Any] = _as_sent(spec).model_dump(mode="json", by_alias=True)
    fingerprints = {
        path: fingerprint(secrets[ref].reveal(), fingerprint_key)
        for path, ref in secret_references(spec)
        if ref in secrets
    }
    if spec.web is not None and isinstance(spec.web.url, str) and "?" in spec.web.url:
        # The query string of a page often carries its key: it is compared, but never shown or stored.
        fingerprints["web.url"] = fingerprint(spec.web.url, fingerprint_key)
        shape["web"]["url"] = shown_address(spec.web.url)
    return Applied(spec=shape, fingerprints=fingerprints, revision=_revision(shape, fingerprints))


def shown_address(url: str) -> str:
    """Leave out a page's query string, which often carries its key."""
    page, asked, _ = url.partition("?")
    return f"{page}?{MASK}" if asked else page


def _as_sent(spec: RecordingSpec) -> RecordingSpec:
    """Write out what is sent for a field left out, so that saying it later is no change."""
    if spec.mode == "web":
        return spec
    capture = spec.capture.model_copy(update={"subscribe": spec.capture.subscribe or Subscribe()})
    said: dict[str, object] = {"capture": capture}
    if spec.mode == "mix":
        said["layout"] = spec.layout or Layout()
        said["video"] = spec.video or DEFAULT_VIDEO
    return spec.model_copy(update=said)


def fingerprint(value: str, key: bytes) -> str:
    """Make `key-id:digest`; the key's own id tells whether two fingerprints can be compared at all."""
    key_id = hashlib.sha256(key).hexdigest()[:8]
    return f"{key_id}:{hmac.new(key, value.encode(), hashlib.sha256).hexdigest()}"


def _revision(shape: Mapping[str, Any], fingerprints: Mapping[str, str]) -> str:
    text = json.dumps([shape, fingerprints], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _not_acted_on(spec: RecordingSpec) -> tuple[str, ...]:
    """Name what is accepted but kept back: it is said, never silently ignored."""
    return ("copies: only the first recorder is kept by this version",) if spec.copies > 1 else ()
