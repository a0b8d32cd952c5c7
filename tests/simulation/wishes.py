"""What a seed wants recorded: sets of recordings and their edits, as the oracles understand them.

A manifest is made from parsed pieces, read once per process; one seed in ten goes through YAML text instead. A lineage
is a recording over all its names.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final

import yaml

from reconciler.errors import Place
from reconciler.manifests.accept import Declared, ManifestSet, accept_reading
from reconciler.manifests.files import File, Reading
from reconciler.manifests.schema import RecordingSpec
from reconciler.manifests.secrets import Policy
from reconciler.simulator.recorder import Recorder
from tests.virtual_time import START
from tests.world.stage import STORAGE

PAGE_KEY: Final = "page-key-5d2e"
POLICY: Final = Policy(allowed_api_hosts=frozenset({"127.0.0.1"}), secrets_dirs=None, secrets_env=None, from_git=False)

LAYOUTS: Final[tuple[Mapping[str, Any] | None, ...]] = (
    None,
    {"type": "bestFit"},
    {"type": "vertical", "maxResolutionUid": "7"},
    {"type": "custom", "regions": [{"x": 0.0, "y": 0.0, "width": 0.5, "height": 1.0}]},
)
SUBSCRIBES: Final[tuple[Mapping[str, Any] | None, ...]] = (
    None,
    {"audio": ["7", "8"], "video": ["7"]},
    {"audio": "all", "video": ["12345"]},
)
FORMATS: Final = (["hls"], ["hls", "mp4"])
PAGES: Final = ("https://example.com/a", f"https://example.com/b?key={PAGE_KEY}")
# Minutes after the start of the run; None: open.
WINDOWS: Final[tuple[tuple[float | None, float | None], ...]] = (
    (0, 4),
    (3, 9),
    (2, None),
    (None, 6),
    (5, 30),
    (None, 12),
)
_MIXED: Final = {"floating": 0, "bestFit": 1, "vertical": 2, "custom": 3}


@dataclass(frozen=True, slots=True)
class Wish:
    """One recording as it is declared."""

    lineage: int
    name: str
    channel: str
    mode: str = "mix"
    formats: int = 0
    max_idle: int = 60
    layout: int = 0
    subscribe: int = 0
    page: int = 0
    paused: bool = False
    restart: str = "always"
    replace: str = "gap"
    on_removal: str = "stop"
    window: int | None = None
    suspend: bool = False
    priority: int = 0
    renamed_from: str | None = None

    @property
    def shape(self) -> tuple[object, ...]:
        """Give what only another recorder can have."""
        if self.mode == "web":
            return (self.channel, self.mode, PAGES[self.page])
        return (self.channel, self.mode, tuple(FORMATS[self.formats]), self.max_idle)

    def is_open(self, now: datetime) -> bool:
        """Tell whether the moment is inside its window."""
        if self.window is None:
            return True
        first, last = WINDOWS[self.window]
        minute = (now - START) / timedelta(minutes=1)
        return (first is None or first <= minute) and (last is None or minute < last)

    def edges(self) -> tuple[datetime, ...]:
        if self.window is None:
            return ()
        return tuple(START + timedelta(minutes=edge) for edge in WINDOWS[self.window] if edge is not None)

    def is_told(self, recorder: Recorder) -> bool:
        """Tell whether the recorder has been told all that can be told while it runs."""
        if self.mode == "web":
            return recorder.paused == self.paused
        layout = LAYOUTS[self.layout] or {}
        right = self.mode != "mix" or (
            recorder.layout is not None
            and recorder.layout["mixedVideoLayout"] == _MIXED[layout.get("type", "floating")]
        )
        chosen = (SUBSCRIBES[self.subscribe] or {}).get("video", "all")
        said = recorder.subscription.get("subscribeVideoUids", ["#allstream#"])
        return right and said == (["#allstream#"] if chosen == "all" else chosen)


def shape_of(recorder: Recorder) -> tuple[object, ...]:
    """Give the same of what runs."""
    if recorder.mode == "web":
        return (recorder.channel, recorder.mode, recorder.page["url"])
    return (recorder.channel, recorder.mode, tuple(recorder.formats), int(recorder.max_idle))


Model = tuple[Wish, ...]


def document(wish: Wish) -> dict[str, Any]:
    """Write the manifest of a recording."""
    spec: dict[str, Any] = {
        **yaml.safe_load(STORAGE),
        "channel": wish.channel,
        "mode": wish.mode,
        "restart": wish.restart,
        "replace": wish.replace,
        "onRemoval": wish.on_removal,
        "priority": wish.priority,
        "suspend": wish.suspend,
    }
    if wish.mode == "web":
        spec["web"] = {"url": PAGES[wish.page], "paused": wish.paused}
        spec["video"] = {"width": 1280, "height": 720}
    else:
        spec["capture"] = {"maxIdle": wish.max_idle}
        if SUBSCRIBES[wish.subscribe]:
            spec["capture"]["subscribe"] = SUBSCRIBES[wish.subscribe]
        spec["files"] = {"formats": FORMATS[wish.formats]}
    if wish.mode == "mix" and LAYOUTS[wish.layout]:
        spec["layout"] = LAYOUTS[wish.layout]
    if wish.window is not None:
        first, last = WINDOWS[wish.window]
        edges = {"from": first, "until": last}
        said = {name: _moment(minute) for name, minute in edges.items() if minute is not None}
        spec["schedule"] = [said]
    metadata = {"name": wish.name} | ({"renamedFrom": wish.renamed_from} if wish.renamed_from else {})
    return {"apiVersion": "recordings.reconciler/v1", "kind": "Recording", "metadata": metadata, "spec": spec}


def _moment(minute: float) -> str:
    return (START + timedelta(minutes=minute)).isoformat()


def from_text(model: Iterable[Wish]) -> ManifestSet:
    """Accept the set as files would be."""
    text = yaml.safe_dump_all(document(wish) for wish in model).encode()
    files = (File("set.yaml", text, sha256(text).digest()),) if text else ()
    return accept_reading(Reading(Place("set.yaml", 1, 1), files, ()), policy=POLICY, allow_empty=True)


def from_pieces(model: Iterable[Wish]) -> ManifestSet:
    """Make the same set of pieces that were parsed before."""
    recordings = tuple(sorted((_declared(wish) for wish in model), key=lambda one: one.name))
    revision = sha256(repr(sorted(map(repr, model))).encode()).hexdigest()[:16]
    return ManifestSet(recordings, {}, revision, {})


@functools.lru_cache(maxsize=20_000)
def _declared(wish: Wish) -> Declared:
    """A wish declared before comes back as the same object, as it does from a source that keeps what it has read."""
    base = _piece(replace(_PLAIN, mode=wish.mode))
    spec = base.spec
    changed: dict[str, Any] = {
        "channel": wish.channel,
        "restart": wish.restart,
        "replace": wish.replace,
        "on_removal": wish.on_removal,
        "priority": wish.priority,
        "suspend": wish.suspend,
        "schedule": _piece(replace(_PLAIN, window=wish.window)).spec.schedule,
    }
    if wish.mode == "web":
        changed["web"] = _piece(replace(_PLAIN, mode="web", page=wish.page, paused=wish.paused)).spec.web
    else:
        piece = replace(_PLAIN, mode=wish.mode, subscribe=wish.subscribe, max_idle=wish.max_idle)
        changed["capture"] = _piece(piece).spec.capture
        changed["files"] = _piece(replace(_PLAIN, mode=wish.mode, formats=wish.formats)).spec.files
    if wish.mode == "mix":
        changed["layout"] = _piece(replace(_PLAIN, layout=wish.layout)).spec.layout
    whole: RecordingSpec = spec.model_copy(update=changed)
    return replace(base, name=wish.name, spec=whole, renamed_from=wish.renamed_from)


_PLAIN: Final = Wish(0, "plain", "plain")


@functools.lru_cache(maxsize=1_000)
def _piece(wish: Wish) -> Declared:
    return from_text((wish,)).recordings[0]
