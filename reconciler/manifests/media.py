"""The rules about what is recorded, how it looks and where it goes; mostly the service's own."""

import re
from collections.abc import Iterator
from typing import Final

from reconciler.manifests.hosts import host_problem, page_problem
from reconciler.manifests.rules import Finding, Subject
from reconciler.manifests.schema import Layout, Subscribe, Video

MAX_AREA: Final = 1920 * 1080
MIX_FPS: Final = (1, 7, 10, 15, 24, 30, 60)  # the service silently takes 15 for any other
_EDGE: Final = 1 + 1e-9  # shares are rounded to six decimals


def capture(subject: Subject) -> Iterator[Finding]:
    """Subscriptions, snapshots and stream modes must ask for streams that are captured."""
    spec = subject.spec
    if spec.capture.subscribe is not None:
        yield from _subscribe(subject, spec.capture.subscribe)
    if spec.mode == "individual" and spec.capture.stream_mode == "original" and spec.capture.streams != "audio":
        yield Finding(("capture", "streamMode"), "`capture.streamMode: original` needs `capture.streams: audio`")
    encryption = spec.capture.encryption
    if encryption is not None:
        needs_salt = encryption.mode.endswith("gcm2")
        if needs_salt and encryption.salt is None:
            message = f"`capture.encryption.salt` is missing: {encryption.mode} needs one"
            yield Finding(("capture", "encryption"), message)
        if not needs_salt and encryption.salt is not None:
            message = "`capture.encryption.salt` is for aes-128-gcm2 and aes-256-gcm2 only: leave it out"
            yield Finding(("capture", "encryption", "salt"), message, True)


def _subscribe(subject: Subject, subscribe: Subscribe) -> Iterator[Finding]:
    spec = subject.spec
    top = ("capture", "subscribe")
    for medium, other, uids, excepted in (
        ("audio", "video", subscribe.audio, subscribe.except_audio),
        ("video", "audio", subscribe.video, subscribe.except_video),
    ):
        without = f"except{medium.capitalize()}"
        if spec.capture.streams == other:
            for field in (medium, without):
                if subject.says(*top, field):
                    message = f"`capture.subscribe.{field}` is about {medium}, and `capture.streams` is {other}"
                    yield Finding((*top, field), message, True)
        if isinstance(uids, tuple) and excepted is not None:
            message = f"`capture.subscribe.{without}` cannot stand beside a list for {medium}: keep one of the two"
            yield Finding((*top, without), message, True)
    if spec.mode == "individual":
        yield from _expected(subject, subscribe)


def _expected(subject: Subject, subscribe: Subscribe) -> Iterator[Finding]:
    lists = [uids for uids in (subscribe.audio, subscribe.video) if isinstance(uids, tuple)]
    listed = len({uid for uids in lists for uid in uids})
    expected = subject.spec.capture.expected_users
    if listed > 49:
        message = f"`capture.subscribe` lists {listed} different uids; the service takes 49"
        yield Finding(("capture", "subscribe"), message)
    elif expected is not None and expected < listed:
        message = f"`capture.expectedUsers` is {expected}, but `capture.subscribe` lists {listed}: leave it out"
        yield Finding(("capture", "expectedUsers"), message)


def video(subject: Subject) -> Iterator[Finding]:
    """Keep to what the service can make of pictures."""
    spec = subject.spec
    if spec.video is None or spec.mode == "individual":
        return
    said = spec.video
    if said.width and said.height and said.width * said.height > MAX_AREA:
        yield Finding(("video",), f"`video` of {said.width}x{said.height} is larger than 1920x1080")
    yield from _mix_video(said) if spec.mode == "mix" else _web_video(said)


def _mix_video(said: Video) -> Iterator[Finding]:
    missing = [name for name in ("width", "height", "fps", "bitrate") if getattr(said, name) is None]
    if missing:
        message = f"`video` takes all of width, height, fps and bitrate in mode mix: {', '.join(missing)} missing"
        yield Finding(("video",), message, True)
    if said.fps is not None and said.fps not in MIX_FPS:
        yield Finding(("video", "fps"), f"`video.fps` must be one of {', '.join(map(str, MIX_FPS))} in mode mix")
    if said.bitrate is not None and said.bitrate > 6500:
        yield Finding(("video", "bitrate"), "`video.bitrate` must be at most 6500 in mode mix")


def _web_video(said: Video) -> Iterator[Finding]:
    for name, value, least in (
        ("width", said.width, 240),
        ("height", said.height, 240),
        ("fps", said.fps, 5),
        ("bitrate", said.bitrate, 50),
    ):
        if value is not None and value < least:
            yield Finding(("video", name), f"`video.{name}` must be at least {least} in mode web")


def layout(subject: Subject) -> Iterator[Finding]:
    """Regions belong to a custom layout and stay on the canvas."""
    said = subject.spec.layout
    if said is None:
        return
    if said.type == "custom" and not said.regions:
        yield Finding(("layout",), "`layout.type: custom` needs `layout.regions`")
    if said.type != "custom" and said.regions:
        message = f"`layout.regions` is for `layout.type: custom` only, and this one is {said.type}"
        yield Finding(("layout", "regions"), message, True)
    yield from _regions(said)


def _regions(said: Layout) -> Iterator[Finding]:
    for index, region in enumerate(said.regions):
        for start, size, from_, length in (
            ("x", "width", region.x, region.width),
            ("y", "height", region.y, region.height),
        ):
            if from_ + length > _EDGE:
                message = (
                    f"`{start}` + `{size}` is {round(from_ + length, 6)}: the region leaves the canvas, which ends at 1"
                )
                yield Finding(("layout", "regions", index, size), message)


def files(subject: Subject) -> Iterator[Finding]:
    """MP4 is made from HLS, and single users' recordings are HLS only."""
    spec = subject.spec
    formats = spec.files.formats
    path = ("files", "formats")
    if formats == ("mp4",):
        yield Finding(path, "`files.formats` must hold hls too: mp4 is made from it")
    elif spec.mode == "individual" and "mp4" in formats:
        yield Finding(path, "`files.formats` takes only hls in mode individual")
    if not formats and spec.snapshots is None:
        yield Finding(path, "`files.formats` is empty, so nothing would be kept: that is for `snapshots` alone")
    if spec.snapshots is not None and spec.mode == "individual":
        yield from _snapshots(subject)


def _snapshots(subject: Subject) -> Iterator[Finding]:
    subscribe = subject.spec.capture.subscribe
    if subject.spec.capture.streams == "audio":
        yield Finding(("snapshots",), "`snapshots` needs pictures, and `capture.streams` is audio", True)
    elif subscribe is not None and isinstance(subscribe.audio, tuple) and subscribe.except_video is not None:
        message = (
            "`capture.subscribe.exceptVideo` cannot stand beside a list for audio with `snapshots`: list the video too"
        )
        yield Finding(("capture", "subscribe", "exceptVideo"), message, True)


def web(subject: Subject) -> Iterator[Finding]:
    """Ask for a page that the service can open, for no longer than we can stop it."""
    spec = subject.spec
    if spec.mode != "web":
        return
    if spec.web is None:
        yield Finding(("mode",), "`web` is missing: mode web needs `web.url`", True)
        return
    if isinstance(spec.web.url, str):
        problem = page_problem(spec.web.url, ("http", "https"))
        if problem:
            yield Finding(("web", "url"), f"`web.url` {problem}")
    if spec.web.max_duration > spec.control_for and subject.says("web", "maxDuration"):
        message = "`web.maxDuration` is longer than `controlFor`: after that nobody can stop it"
        yield Finding(("web", "maxDuration"), message)


def storage(subject: Subject) -> Iterator[Finding]:
    """Keep to what the vendor takes, and to what files may be called."""
    said = subject.spec.storage
    if said.vendor == "s3compatible" and said.endpoint is None:
        yield Finding(
            ("storage",), "`storage.endpoint` is missing: s3compatible needs the host name of the storage", True
        )
    for field, value, vendors in (
        ("endpoint", said.endpoint, ("s3compatible",)),
        ("sse", said.sse, ("s3",)),
        ("tag", said.tag, ("s3", "aliyun")),
        ("stsToken", said.sts_token, ("s3", "aliyun", "tencent")),
    ):
        if value is not None and said.vendor not in vendors:
            message = f"`storage.{field}` is for {', '.join(vendors)} only, and this is {said.vendor}"
            yield Finding(("storage", field), message, True)
    if said.sts_expiration is not None and said.sts_token is None:
        yield Finding(("storage", "stsExpiration"), "`storage.stsExpiration` needs `storage.stsToken`", True)
    problem = host_problem(said.endpoint) if said.endpoint is not None else None
    if problem:
        yield Finding(("storage", "endpoint"), f"`storage.endpoint` {problem}; write it without scheme, port and path")
    yield from _prefix(subject)


_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_PLACEHOLDERS: Final = ("name", "channel", "date")


def _prefix(subject: Subject) -> Iterator[Finding]:
    spec = subject.spec
    known = {"name": _plain(subject.name), "channel": _plain(spec.channel), "date": "20260131"}
    parts = []
    for index, part in enumerate(spec.storage.prefix):
        path = ("storage", "prefix", index)
        unknown = [name for name in _PLACEHOLDER.findall(part) if name not in known]
        if unknown:
            names = ", ".join(f"{{{name}}}" for name in _PLACEHOLDERS)
            yield Finding(path, f"`storage.prefix` knows {names} only, not {{{unknown[0][:40]}}}")
            continue
        if _plain(_PLACEHOLDER.sub("", part)) != _PLACEHOLDER.sub("", part):
            message = "`storage.prefix` takes letters and digits only, and each item is one folder"
            yield Finding(path, message)
            continue
        parts.append(_PLACEHOLDER.sub(lambda found: known[found[1]], part))
        if not parts[-1]:
            message = "`storage.prefix` would be empty here: no letter or digit is left of what is filled in"
            yield Finding(path, message)
    if len("/".join(parts)) > 128:
        yield Finding(("storage", "prefix"), "`storage.prefix` must be at most 128 characters in all, slashes included")


def _plain(text: str) -> str:
    """Drop what the service does not take in a prefix."""
    return "".join(sign for sign in text if sign.isascii() and sign.isalnum())
