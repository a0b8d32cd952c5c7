"""The exact bodies that go to the service, from a resolved spec. Sends nothing, and knows secrets only by `reveal`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, TypeAlias, assert_never
from urllib.parse import urlsplit

from reconciler.manifests import codes
from reconciler.manifests.schema import Capture, Layout, RecordingSpec, Subscribe, Video, Web
from reconciler.manifests.storage import Storage, region_number
from reconciler.manifests.values import EnvRef, FileRef
from reconciler.model import Identity

Body: TypeAlias = dict[str, Any]
Reveal: TypeAlias = Callable[[EnvRef | FileRef], str]
UpdateKind: TypeAlias = Literal["subscription", "web", "storage"]

EVERYBODY = "#allstream#"

# The service's own values where a manifest has a layout but no picture size: they are asked for together or not at all.
_PICTURE = {"width": 360, "height": 640, "fps": 15, "bitrate": 500}
_PAGE = {"videoWidth": 1280, "videoHeight": 720}  # the service wants a size and has no default
_LARGEST_GROUPS = (2, 7, 12, 17, 32)  # users of subscribeUidGroup 0 to 4; 5 is what is more
_STARTS_ONLY = frozenset(_PICTURE)  # fields of transcodingConfig that updateLayout does not take


def acquire_body(spec: RecordingSpec, identity: Identity, exclude: Sequence[str] = ()) -> Body:
    """Ask for a resource id; `exclude` names those of the other copy, so that this one is placed elsewhere.

    Never sends startParameter: any difference to the start that follows would have that refused.
    """
    request: Body = {"scene": 1 if spec.mode == "web" else 0, "resourceExpiredHour": _hours(spec.control_for)}
    if spec.region is not None:
        request["region"] = spec.region.upper()
    if exclude:
        request["excludeResourceIds"] = list(exclude)
    return _body(identity, merge_patch(request, spec.overrides.acquire))


def start_body(
    spec: RecordingSpec, identity: Identity, reveal: Reveal, *, name: str, at: datetime, token: str | None = None
) -> Body:
    """Ask for a recorder; `name` and the UTC day of `at` fill the prefix of its files."""
    request: Body = {"storageConfig": _storage(spec.storage, reveal, prefix(spec, identity.channel, name, at))}
    if spec.files.formats:  # none where there are only snapshots, which forbid it
        request["recordingFileConfig"] = {"avFileType": list(spec.files.formats)}
    match spec.mode:
        case "mix":
            request["recordingConfig"] = _capture(spec.capture, reveal) | _mixing(spec)
        case "individual":
            request["recordingConfig"] = _capture(spec.capture, reveal) | _separating(spec.capture)
            if spec.snapshots is not None:
                interval = _seconds(spec.snapshots.every)
                request["snapshotConfig"] = {"captureInterval": interval, "fileType": ["jpg"]}
        case "web":
            request["extensionServiceConfig"] = _page(spec, reveal)
        case _:
            assert_never(spec.mode)
    if token is not None and spec.mode != "web":
        request["token"] = token
    return _body(identity, merge_patch(request, spec.overrides.start))


def update_body(
    spec: RecordingSpec, identity: Identity, reveal: Reveal, kind: UpdateKind, *, name: str, at: datetime
) -> Body:
    """Change one kind of thing in place. `at` is when the session was started: its files keep their prefix."""
    match kind:
        case "subscription":
            request: Body = {"streamSubscribe": _resubscription(spec.capture)}
        case "web":
            web = _web(spec)
            request = {"webRecordingConfig": {"onhold": web.paused}}
            if web.publish is not None:
                request["rtmpPublishConfig"] = {"outputs": [{"rtmpUrl": reveal(web.publish)}]}
        case "storage":
            plain = _storage(spec.storage, reveal, prefix(spec, identity.channel, name, at))
            request = {"storageConfig": merge_patch(plain, _part(spec.overrides.start, "storageConfig"))}
        case _:
            assert_never(kind)
    return _body(identity, request)


def layout_body(spec: RecordingSpec, identity: Identity) -> Body:
    """Tell the whole layout: updateLayout sets back to its default whatever it is not told."""
    patch = _part(_part(spec.overrides.start, "recordingConfig"), "transcodingConfig")
    ours = {key: value for key, value in patch.items() if key not in _STARTS_ONLY}
    return _body(identity, merge_patch(_layout(spec.layout or Layout()), ours))


def stop_body(identity: Identity) -> Body:
    """End it; the answer waits for the upload, some 15 s, and so can say which files there are."""
    return _body(identity, {"async_stop": False})


def prefix(spec: RecordingSpec, channel: str, name: str, at: datetime) -> tuple[str, ...]:
    """Fill the folders of the files; the service takes letters and digits only, so the rest is dropped."""
    values = {"{name}": name, "{channel}": channel, "{date}": at.astimezone(UTC).strftime("%Y%m%d")}
    return tuple(filter(None, (_filled(part, values) for part in spec.storage.prefix)))


def masked_url(url: str) -> str:
    """Give an address without what may be secret in it: user, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "****"
    host = parts.netloc.rpartition("@")[2]
    tail = "?****" if parts.query or parts.fragment else ""
    return f"{parts.scheme}://{host}{parts.path}{tail}"


def merge_patch(target: Mapping[str, Any], patch: Mapping[str, Any]) -> Body:
    """Merge as RFC 7386 says: maps deeply, null takes away, everything else replaces."""
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge_patch(below if isinstance(below, Mapping) else {}, value)
        else:
            merged[key] = value
    return merged


def _body(identity: Identity, request: Body) -> Body:
    return {"cname": identity.channel, "uid": identity.uid, "clientRequest": request}


def _hours(span: timedelta) -> int:
    return span // timedelta(hours=1)


def _seconds(span: timedelta) -> int:
    return span // timedelta(seconds=1)


def _part(patch: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = patch.get(key)
    return part if isinstance(part, Mapping) else {}


def _filled(part: str, values: Mapping[str, str]) -> str:
    for placeholder, value in values.items():
        part = part.replace(placeholder, value)
    return "".join(char for char in part if char.isascii() and char.isalnum())


# -- recordingConfig


def _capture(capture: Capture, reveal: Reveal) -> Body:
    request: Body = {
        "channelType": codes.CHANNEL_TYPES[capture.channel_type],
        "streamTypes": codes.STREAM_TYPES[capture.streams],
        "videoStreamType": codes.VIDEO_QUALITIES[capture.video_quality],
        "maxIdleTime": _seconds(capture.max_idle),
    }
    if capture.encryption is not None:
        request["decryptionMode"] = codes.ENCRYPTION_MODES[capture.encryption.mode]
        request["secret"] = reveal(capture.encryption.secret)
        if capture.encryption.salt is not None:
            request["salt"] = reveal(capture.encryption.salt)
    if capture.subscribe is not None:
        for chosen in _chosen(capture).values():
            request |= chosen
    return request


def _mixing(spec: RecordingSpec) -> Body:
    request: Body = {"audioProfile": spec.capture.audio_profile}
    if spec.video is not None or spec.layout is not None:
        said = (spec.video or Video()).model_dump(exclude_none=True)
        request["transcodingConfig"] = _PICTURE | said | _layout(spec.layout or Layout())
    return request


def _separating(capture: Capture) -> Body:
    request: Body = {"streamMode": capture.stream_mode}
    users = _expected_users(capture)
    if users is not None:
        request["subscribeUidGroup"] = sum(users > largest for largest in _LARGEST_GROUPS)
    return request


def _expected_users(capture: Capture) -> int | None:
    """Count the users that are named, where everybody who is recorded is named."""
    named: set[int] = set()
    subscribe = capture.subscribe or Subscribe()
    for medium in _media(capture):
        listed = subscribe.audio if medium == "audio" else subscribe.video
        if listed == "all":
            return capture.expected_users
        named |= set(listed)
    return len(named)


def _media(capture: Capture) -> tuple[str, ...]:
    return ("audio", "video") if capture.streams == "both" else (capture.streams,)


def _chosen(capture: Capture) -> dict[str, Body]:
    """Say for each recorded medium whom to subscribe to: what is not named beside a named one is not recorded."""
    subscribe = capture.subscribe or Subscribe()
    every = {
        "audio": _choice("Audio", subscribe.audio, subscribe.except_audio),
        "video": _choice("Video", subscribe.video, subscribe.except_video),
    }
    return {medium: every[medium] for medium in _media(capture)}


def _choice(medium: str, listed: Literal["all"] | tuple[int, ...], excepted: tuple[int, ...] | None) -> Body:
    if listed != "all":
        return {f"subscribe{medium}Uids": [str(uid) for uid in listed]}
    if excepted:
        # A capital S, whatever the service's tables print: it ignores `unsubscribe…` without a word.
        return {f"unSubscribe{medium}Uids": [str(uid) for uid in excepted]}
    return {f"subscribe{medium}Uids": [EVERYBODY]}


def _resubscription(capture: Capture) -> Body:
    return {f"{medium}UidList": chosen for medium, chosen in _chosen(capture).items()}


def _layout(layout: Layout) -> Body:
    request: Body = {
        "mixedVideoLayout": codes.LAYOUT_TYPES[layout.type],
        "backgroundColor": layout.background_color,
    }
    if layout.background_image is not None:
        request["backgroundImage"] = layout.background_image
    if layout.default_user_background_image is not None:
        request["defaultUserBackgroundImage"] = layout.default_user_background_image
    if layout.max_resolution_uid is not None:
        request["maxResolutionUid"] = str(layout.max_resolution_uid)
    if layout.type == "custom":
        request["layoutConfig"] = [
            ({} if region.uid is None else {"uid": str(region.uid)})
            | {"x_axis": region.x, "y_axis": region.y, "width": region.width, "height": region.height}
            | {"alpha": region.alpha, "render_mode": codes.FITS[region.fit]}
            for region in layout.regions
        ]
    if layout.backgrounds:
        request["backgroundConfig"] = [
            {"uid": str(one.uid), "image_url": one.image_url, "render_mode": codes.FITS[one.fit]}
            for one in layout.backgrounds
        ]
    return request


# -- extensionServiceConfig


def _web(spec: RecordingSpec) -> Web:
    assert spec.web is not None, "a spec of mode web has its page"
    return spec.web


def _page(spec: RecordingSpec, reveal: Reveal) -> Body:
    web = _web(spec)
    said = (spec.video or Video()).model_dump(exclude_none=True)
    parameters: Body = {
        "url": web.url if isinstance(web.url, str) else reveal(web.url),
        "audioProfile": web.audio_profile,
        **_PAGE,
        **{f"video{field.capitalize()}": value for field, value in said.items()},
        "maxRecordingHour": _hours(web.max_duration),
        "mobile": web.mobile,
        "maxVideoDuration": web.segment // timedelta(minutes=1),
        "onhold": web.paused,
        "readyTimeout": _seconds(web.ready_timeout),
    }
    recorder = _service("web_recorder_service", "error_abort", parameters)
    if web.publish is None:
        return {"errorHandlePolicy": "error_abort", "extensionServices": [recorder]}
    publisher = _service("rtmp_publish_service", "error_ignore", {"outputs": [{"rtmpUrl": reveal(web.publish)}]})
    return {"errorHandlePolicy": "error_abort", "extensionServices": [recorder, publisher]}


def _service(name: str, policy: str, parameters: Body) -> Body:
    return {"serviceName": name, "errorHandlePolicy": policy, "serviceParam": parameters}


# -- storageConfig


def _storage(storage: Storage, reveal: Reveal, folders: Sequence[str]) -> Body:
    request: Body = {
        "vendor": codes.VENDORS[storage.vendor],
        "region": region_number(storage.vendor, storage.region),
        "bucket": storage.bucket,
        "accessKey": reveal(storage.access_key),
        "secretKey": reveal(storage.secret_key),
    }
    if storage.sts_token is not None:
        request["stsToken"] = reveal(storage.sts_token)
    if storage.sts_expiration is not None:
        request["stsExpiration"] = storage.sts_expiration
    if folders:
        request["fileNamePrefix"] = list(folders)
    extension = {"sse": storage.sse, "tag": storage.tag, "endpoint": storage.endpoint}
    said = {key: value for key, value in extension.items() if value is not None}
    if said:
        request["extensionParams"] = said
    return request
