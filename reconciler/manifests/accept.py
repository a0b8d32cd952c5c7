"""The way in: from paths to a set that is accepted whole, or to every fault of it."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from reconciler.errors import Fault, ManifestError, Place
from reconciler.manifests import checks
from reconciler.manifests.documents import Declaration, read_heads
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
    loaded = load(paths, stdin=stdin, confined=policy.from_git)
    faults = list(loaded.faults)
    if not loaded.documents and not faults and not allow_empty:
        where = paths[0] if paths else "."
        faults.append(Fault(Place(where, 1, 1), "there are no manifests here: no .yaml, .yml or .json file"))
    made = _Acceptance(policy, read_heads(loaded.documents, faults), is_whole=not faults)
    result = made.result()
    faults += made.faults
    if faults:
        raise ManifestError(tuple(sorted(set(faults))))
    return result


def format_faults(faults: Iterable[Fault], shown: int = SHOWN) -> list[str]:
    """Write faults as lines, `file:line:col: message`; after so many say only how many more there are."""
    lines = [str(fault) for fault in faults]
    rest = len(lines) - shown
    return lines if rest <= 0 else [*lines[:shown], f"and {rest} more"]


class _Acceptance:
    """One set on its way through the checks; every fault is kept, and what can still be checked is."""

    def __init__(self, policy: Policy, declarations: Sequence[Declaration], *, is_whole: bool) -> None:
        self.faults: list[Fault] = [*checks.duplicates(declarations), *checks.renames(declarations)]
        self._policy = policy
        self._declarations = declarations
        self._is_whole = is_whole  # else what seems missing may stand in what could not be read

    def result(self) -> ManifestSet:
        nodes = self._of_kind("App")
        apps = {name: app for name, node in nodes.items() if (app := self._app(node)) is not None}
        subjects = [subject for subject in self._recordings() if subject is not None]
        if self._is_whole:
            self.faults += checks.missing_apps([subject for _, subject in subjects], nodes)
        self.faults += checks.uid_clashes([subject for _, subject in subjects], apps)
        recordings = tuple(sorted((_declared(*one) for one in subjects), key=lambda one: one.name))
        return ManifestSet(recordings, apps, _revision(recordings, apps), nodes)

    def _of_kind(self, kind: str) -> dict[str, Mapping_]:
        return {
            one.metadata.name: without_nulls(one.spec) if kind == "App" else one.spec
            for one in self._declarations
            if one.kind == kind
        }

    def _app(self, node: Mapping_) -> AppSpec | None:
        try:
            app = AppSpec.model_validate(plain(node))
        except ValidationError as wrong:
            self.faults += faults_of(wrong, node, AppSpec)
            return None
        self.faults += checks.app_faults(app, node, self._policy)
        return app

    def _recordings(self) -> list[tuple[Declaration, Subject] | None]:
        profiles = Profiles(self._of_kind("Profile"), is_whole=self._is_whole)
        for name in self._of_kind("Profile"):
            self._profile(profiles.whole(name))
        found = [self._recording(one, profiles) for one in self._declarations if one.kind == "Recording"]
        self.faults += profiles.faults
        return found

    def _profile(self, spec: Mapping_) -> None:
        written = without_nulls(spec)
        try:
            RecordingSpec.model_validate(plain(written))
        except ValidationError as wrong:
            self.faults += faults_of(wrong, written, RecordingSpec, partial=True)

    def _recording(self, one: Declaration, profiles: Profiles) -> tuple[Declaration, Subject] | None:
        name = one.metadata.name
        written = without_nulls(profiles.under(one.spec))
        self.faults += checks.mode_faults(name, written, one.spec)
        try:
            spec = RecordingSpec.model_validate(_completed(plain(written), name))
        except ValidationError as wrong:
            self.faults += faults_of(wrong, written, RecordingSpec)
            return None
        subject = Subject(name, spec.model_copy(update={"profiles": ()}), written)
        self.faults += checks.recording_faults(subject, one.spec, self._policy)
        return one, subject


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


def _revision(recordings: Sequence[Declared], apps: Mapping[str, AppSpec]) -> str:
    said = {
        "recordings": [
            [one.name, one.labels, one.annotations, one.renamed_from, one.spec.model_dump(mode="json", by_alias=True)]
            for one in recordings
        ],
        "apps": {name: app.model_dump(mode="json", by_alias=True) for name, app in apps.items()},
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


__all__ = ["Declared", "ManifestSet", "Policy", "accept", "format_faults"]
