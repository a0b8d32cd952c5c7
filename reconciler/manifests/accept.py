"""The way in: from paths to a set that is accepted whole, or to every fault of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Final, NamedTuple

from pydantic import ValidationError

from reconciler.errors import Fault, ManifestError, Place
from reconciler.manifests import checks
from reconciler.manifests.cache import Cache
from reconciler.manifests.documents import Declaration, read_heads
from reconciler.manifests.files import Reading, read_files
from reconciler.manifests.loading import load
from reconciler.manifests.nodes import Mapping_, find, nearest_place, plain, without_nulls
from reconciler.manifests.profiles import Profiles
from reconciler.manifests.rules import Subject
from reconciler.manifests.schema import AppSpec, RecordingSpec
from reconciler.manifests.secrets import Policy
from reconciler.manifests.wording import faults_of

SHOWN: Final = 100


@dataclass(frozen=True, slots=True)
class Declared:
    """One recording as the set means it, with everything filled in that does not depend on the ledger."""

    name: str
    spec: RecordingSpec
    place: Place  # of its name
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    renamed_from: str | None
    written: Mapping_  # what was said, profiles included

    def place_of(self, *path: str | int) -> Place:
        """Say where a field stands, or what is nearest above it: `place_of("storage", "accessKey")`."""
        return nearest_place(self.written, path) if find(self.written, path[:1]) is not None else self.place


@dataclass(frozen=True, slots=True)
class ManifestSet:
    """A whole set, without a fault."""

    recordings: tuple[Declared, ...]  # by name
    apps: Mapping[str, AppSpec]
    revision: str  # of what the set means: the same for other files, orders and comments
    app_nodes: Mapping[str, Mapping_]

    def app_place(self, name: str, *path: str | int) -> Place:
        """Say where a field of an app stands: `app_place("default", "customerSecret")`."""
        return nearest_place(self.app_nodes[name], path)


def accept(
    paths: Sequence[str], *, stdin: bytes | None = None, policy: Policy, allow_empty: bool = False
) -> ManifestSet:
    """Read and check a whole set; `stdin` is what `-` stands for.

    With `allow_empty` a folder without manifests is a set without recordings.
    Raises ManifestError with every fault, in the order of their places.
    """
    reading = read_files(paths, stdin=stdin, confined=policy.from_git)
    return accept_reading(reading, policy=policy, allow_empty=allow_empty)


def accept_reading(
    reading: Reading, *, policy: Policy, allow_empty: bool = False, cache: Cache | None = None
) -> ManifestSet:
    """Check a whole set that was read.

    With the cache of the readings before, only what is new is worked out, and what is not comes back as the very
    objects it was: a `Declared` that `is` the one of the last set asks for nothing.
    Raises ManifestError with every fault, in the order of their places.
    """
    cache = cache or Cache()
    cache.begin()
    loaded = load(reading, cache)
    faults = list(loaded.faults)
    if not loaded.documents and not faults and not allow_empty:
        faults.append(Fault(reading.place, "there are no manifests here: no .yaml, .yml or .json file"))
    made = _Acceptance(policy, read_heads(loaded.documents, faults, cache), cache, is_whole=not faults)
    result = made.result()
    faults += made.faults
    cache.end(accepted=not faults)
    if faults:
        raise ManifestError(tuple(sorted(set(faults))))
    return result


def format_faults(faults: Iterable[Fault], shown: int = SHOWN) -> list[str]:
    """Write faults as lines, `file:line:col: message`; after so many say only how many more there are."""
    lines = [str(fault) for fault in faults]
    rest = len(lines) - shown
    return lines if rest <= 0 else [*lines[:shown], f"and {rest} more"]


class _Checked(NamedTuple):
    """What one declaration means with its profiles, and what is wrong with it whatever else is in the set."""

    faults: tuple[Fault, ...]
    references: tuple[checks.Reference, ...] = ()
    sound: "_Sound | None" = None


class _Sound(NamedTuple):
    """A recording whose spec could be read."""

    subject: Subject
    declared: Declared
    digest: str


class _App(NamedTuple):
    """The same of an app."""

    written: Mapping_
    faults: tuple[Fault, ...]
    references: tuple[checks.Reference, ...] = ()
    spec: AppSpec | None = None


class _Acceptance:
    """One set on its way through the checks; every fault is kept, and what can still be checked is."""

    def __init__(self, policy: Policy, declarations: Sequence[Declaration], cache: Cache, *, is_whole: bool) -> None:
        self.faults: list[Fault] = [*checks.duplicates(declarations), *checks.renames(declarations)]
        self._policy = policy
        self._declarations = declarations
        self._cache = cache
        self._is_whole = is_whole  # else what seems missing may stand in what could not be read

    def result(self) -> ManifestSet:
        apps = self._apps()
        nodes = {name: app.written for name, app in apps.items()}
        specs = {name: app.spec for name, app in apps.items() if app.spec is not None}
        checked = self._recordings()
        sound = [one.sound for one in checked if one.sound is not None]
        references = chain(*(app.references for app in apps.values()), *(one.references for one in checked))
        self.faults += checks.reference_faults(references, self._policy)
        subjects = [one.subject for one in sound]
        if self._is_whole:
            self.faults += checks.missing_apps(subjects, nodes)
        self.faults += checks.uid_clashes(subjects, specs)
        sound.sort(key=lambda one: one.declared.name)
        revision = _revision([one.digest for one in sound], specs)
        return ManifestSet(tuple(one.declared for one in sound), specs, revision, nodes)

    def _of_kind(self, kind: str) -> dict[str, Mapping_]:
        return {one.metadata.name: one.spec for one in self._declarations if one.kind == kind}

    def _apps(self) -> dict[str, _App]:
        specs = self._of_kind("App")
        apps = {name: self._cache.by_identity("app", (one,), partial(_app, one)) for name, one in specs.items()}
        for app in apps.values():
            self.faults += app.faults
            if app.spec is not None:
                self.faults += checks.host_faults(app.spec, app.written, self._policy)
        return apps

    def _recordings(self) -> list[_Checked]:
        declared = self._of_kind("Profile")
        profiles = Profiles(declared, self._cache, is_whole=self._is_whole)
        for name in declared:
            whole = profiles.whole(name)
            self.faults += self._cache.by_identity("profile", (whole,), partial(_profile_faults, whole))
        found = [self._recording(one, profiles) for one in self._declarations if one.kind == "Recording"]
        self.faults += profiles.faults
        return found

    def _recording(self, one: Declaration, profiles: Profiles) -> _Checked:
        said = profiles.under(one.spec)
        checked = self._cache.by_identity("recording", (one, said), partial(_checked, one, said))
        self.faults += checked.faults
        return checked


def _app(said: Mapping_) -> _App:
    written = without_nulls(said)
    try:
        spec = AppSpec.model_validate(plain(written))
    except ValidationError as wrong:
        return _App(written, tuple(faults_of(wrong, written, AppSpec)))
    return _App(written, (), tuple(checks.named_references(spec, written)), spec)


def _profile_faults(said: Mapping_) -> tuple[Fault, ...]:
    written = without_nulls(said)
    try:
        RecordingSpec.model_validate(plain(written))
    except ValidationError as wrong:
        return tuple(faults_of(wrong, written, RecordingSpec, partial=True))
    return ()


def _checked(one: Declaration, said: Mapping_) -> _Checked:
    name = one.metadata.name
    written = without_nulls(said)
    faults = list(checks.mode_faults(name, written, one.spec))
    try:
        spec = RecordingSpec.model_validate(_completed(plain(written), name))
    except ValidationError as wrong:
        return _Checked((*faults, *faults_of(wrong, written, RecordingSpec)))
    subject = Subject(name, spec.model_copy(update={"profiles": ()}), written)
    faults += checks.recording_faults(subject, one.spec)
    declared = _declared(one, subject)
    references = tuple(checks.named_references(subject.spec, written))
    return _Checked(tuple(faults), references, _Sound(subject, declared, _digest(declared)))


def _completed(said: dict[str, object], name: str) -> dict[str, object]:
    """Fill in what depends on the name and on other fields."""
    said.setdefault("channel", name)
    web = said.get("web")
    if isinstance(web, dict) and "controlFor" in said:
        web.setdefault("maxDuration", said["controlFor"])
    return said


def _declared(one: Declaration, subject: Subject) -> Declared:
    metadata = one.metadata
    return Declared(
        name=metadata.name,
        spec=subject.spec,
        place=one.place,
        labels=metadata.labels,
        annotations=metadata.annotations,
        renamed_from=metadata.renamed_from,
        written=subject.written,
    )


def _digest(one: Declared) -> str:
    spec = one.spec.model_dump(mode="json", by_alias=True)
    return _hash([one.name, one.labels, one.annotations, one.renamed_from, spec])


def _revision(recordings: Sequence[str], apps: Mapping[str, AppSpec]) -> str:
    said = {name: app.model_dump(mode="json", by_alias=True) for name, app in apps.items()}
    return _hash({"recordings": recordings, "apps": said})[:16]


def _hash(said: object) -> str:
    return hashlib.sha256(json.dumps(said, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


__all__ = ["Declared", "ManifestSet", "Policy", "accept", "accept_reading", "format_faults"]
