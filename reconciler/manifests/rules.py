"""What every rule about one recording sees, and the rules about modes, identity, time and references."""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from reconciler.manifests.hosts import api_problem
from reconciler.manifests.nodes import Mapping_, find
from reconciler.manifests.schedule import CronWindow, cron_problem, zone_problem
from reconciler.manifests.schema import RecordingSpec, publishes
from reconciler.manifests.secrets import Policy

Path = tuple[str | int, ...]


class Finding(NamedTuple):
    """What is wrong, and with which field."""

    path: Path
    message: str
    at_key: bool = False


class Subject(NamedTuple):
    """One recording: what it means, and what was written, profiles included."""

    name: str
    spec: RecordingSpec
    written: Mapping_

    def says(self, *path: str | int) -> bool:
        """Tell a field that was written from one that has its default."""
        return find(self.written, path) is not None


_MIX, _INDIVIDUAL, _WEB = "mix", "individual", "web"
_OF_MODES: Final[Mapping[Path, tuple[str, ...]]] = {
    ("token",): (_MIX, _INDIVIDUAL),
    ("capture",): (_MIX, _INDIVIDUAL),
    ("capture", "audioProfile"): (_MIX,),
    ("capture", "streamMode"): (_INDIVIDUAL,),
    ("capture", "expectedUsers"): (_INDIVIDUAL,),
    ("video",): (_MIX, _WEB),
    ("layout",): (_MIX,),
    ("snapshots",): (_INDIVIDUAL,),
    ("web",): (_WEB,),
}


def fields_of_other_modes(written: Mapping_, mode: str) -> Iterator[Finding]:
    """Find what only another mode has; known before the rest is, so it is said beside other faults."""
    reported: set[Path] = set()
    for path, modes in _OF_MODES.items():
        if mode not in modes and find(written, path) is not None and path[:1] not in reported:
            reported.add(path)
            of = f"the mode{'s' if len(modes) > 1 else ''} {' and '.join(modes)}"
            yield Finding(path, f"`{'.'.join(map(str, path))}` is a field of {of}, and this recording is {mode}", True)


def identity(subject: Subject) -> Iterator[Finding]:
    """Fit uids, tokens and copies to each other."""
    spec = subject.spec
    wanted = (2, 4) if spec.copies == 2 else (1, 2)
    if spec.uid is not None and len(spec.uid) not in wanted:
        copies = "with `copies: 2`" if spec.copies == 2 else "with one copy"
        yield Finding(("uid",), f"`uid` takes {wanted[0]} or {wanted[1]} uids {copies}")
    if isinstance(spec.token, tuple) and len(spec.token) not in wanted:
        yield Finding(("token",), f"`token` takes {wanted[0]} or {wanted[1]} references here, one for each uid")
    for uid in spec.uid or ():
        for path in _own_uid(spec, uid):
            yield Finding(path, f"uid {uid} is the recorder's own: nobody else in the channel may have it")


def _own_uid(spec: RecordingSpec, uid: int) -> Iterator[Path]:
    layout, subscribe = spec.layout, spec.capture.subscribe
    if layout is not None:
        if layout.max_resolution_uid == uid:
            yield ("layout", "maxResolutionUid")
        yield from (("layout", "regions", n, "uid") for n, one in enumerate(layout.regions) if one.uid == uid)
        yield from (("layout", "backgrounds", n, "uid") for n, one in enumerate(layout.backgrounds) if one.uid == uid)
    if subscribe is not None:
        for name, uids in (("audio", subscribe.audio), ("video", subscribe.video)):
            if isinstance(uids, tuple) and uid in uids:
                yield ("capture", "subscribe", name, uids.index(uid))


def channel(subject: Subject) -> Iterator[Finding]:
    """Allow the 89 characters and 64 bytes that the service allows; in web mode the channel is a label only."""
    name = subject.spec.channel
    path = ("channel",)
    if subject.spec.mode == "web":
        if len(name.encode()) > 1024 or not name.isprintable():
            yield Finding(path, "`channel` must be at most 1024 bytes of printable characters")
        return
    if len(name.encode()) > 64:
        yield Finding(path, "`channel` must be at most 64 bytes")
    odd = sorted({sign for sign in name if not (sign.isascii() and (sign.isalnum() or sign in _CHANNEL_SIGNS))})
    if odd:
        yield Finding(path, f"`channel` must not hold {' '.join(map(repr, odd[:5]))}: the service refuses it")


_CHANNEL_SIGNS: Final = frozenset(" !#$%&()+-:;<=.>?@[]^_{}|~,")


def replacing(subject: Subject) -> Iterator[Finding]:
    """Refuse an overlap without a second uid, and two senders to one CDN address."""
    spec = subject.spec
    if spec.replace != "overlap" or not subject.says("replace"):
        return
    path = ("replace",)
    wanted = 2 * spec.copies
    each = "each copy needs two uids" if spec.copies == 2 else "it needs two uids"
    if publishes(spec.web):
        yield Finding(path, "`replace: overlap` cannot be while `web.publish` sends to one address: use gap or next")
    elif spec.uid is not None and len(spec.uid) < wanted:
        yield Finding(path, f"`replace: overlap` cannot be with so few uids, {each}: use gap or next, or add uids")
    elif isinstance(spec.token, tuple) and len(spec.token) < wanted:
        yield Finding(path, "`replace: overlap` needs a token for each uid: add references, or use a certificate")


def lasting(subject: Subject) -> Iterator[Finding]:
    """Check when a recording is wanted."""
    spec = subject.spec
    if spec.mode == "web" and spec.when == "occupied":
        yield Finding(("when",), "`when: occupied` is for the modes mix and individual: a page has no channel")
    for index, window in enumerate(spec.schedule or ()):
        path: Path = ("schedule", index)
        if window.overrun and spec.mode == "web":
            yield Finding((*path, "overrun"), "`overrun` is for the modes mix and individual: a page has no channel")
        if isinstance(window, CronWindow):
            yield from _cron(window, path)
        elif window.from_ is None and window.until is None:
            yield Finding(path, "a window needs `from`, `until` or both; leave `schedule` out for always")
        elif window.from_ is not None and window.until is not None and window.from_ >= window.until:
            yield Finding((*path, "until"), "`until` must be later than `from`")


def _cron(window: CronWindow, path: Path) -> Iterator[Finding]:
    problem = cron_problem(window.cron)
    if problem:
        yield Finding((*path, "cron"), f"`cron` {problem}")
    problem = zone_problem(window.timezone)
    if problem:
        yield Finding((*path, "timezone"), f"`timezone` {problem}")


# A field the tool must know of, in the body of either call, and where to say it instead.
_OWN_FIELDS: Final[Mapping[str, str]] = {
    "cname": "`channel`",
    "uid": "`uid`",
    "token": "`token`",
    "resourceExpiredHour": "`controlFor`",
    "excludeResourceIds": "`copies`",
}
_SECRET_FIELDS: Final = frozenset(
    {"accesskey", "secretkey", "ststoken", "secret", "salt", "token", "rtmpurl", "password", "authorization"}
)


def overrides(subject: Subject) -> Iterator[Finding]:
    """Let patches add what is new, not what the tool itself must know, and never a secret."""
    for call, patch in (("acquire", subject.spec.overrides.acquire), ("start", subject.spec.overrides.start)):
        for key in patch.keys() & _OWN_FIELDS.keys():
            yield Finding(("overrides", call, key), f"`{key}` cannot be overridden: use {_OWN_FIELDS[key]}", True)
        for path, key in _keys(patch):
            if key.lower() in _SECRET_FIELDS and not (len(path) == 1 and key in _OWN_FIELDS):
                message = f"`{key}` is a secret, and overrides are written out: use the field that takes a reference"
                yield Finding(("overrides", call, *path), message, True)


def _keys(value: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield (*path, key), key
            yield from _keys(below, (*path, key))
    elif isinstance(value, list):
        for index, below in enumerate(value):
            yield from _keys(below, (*path, index))


def api_hosts(urls: tuple[str, ...], policy: Policy) -> Iterator[Finding]:
    """Send credentials to no host that nobody allowed."""
    for index, url in enumerate(urls):
        problem = api_problem(url, policy.allowed_api_hosts)
        if problem:
            yield Finding(("apiUrl", index), f"`apiUrl` {problem}")
