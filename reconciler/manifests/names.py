"""What was probably meant by a field we do not know: a slip of the pen, another place, or the API's own name."""

import functools
import inspect
import typing
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.manifests.schema import Metadata, RecordingSpec
from reconciler.manifests.values import Part, nearest

# Names of the service's own fields, and where a manifest says the same. Names we share are not listed.
API_NAMES: Final[Mapping[str, str]] = {
    "cname": "channel",
    "appid": "an App's `appId`",
    "clientRequest": "overrides",
    "scene": "mode",
    "resourceExpiredHour": "controlFor",
    "excludeResourceIds": "copies",
    "regionAffinity": "region",
    "recordingConfig": "capture",
    "streamTypes": "capture.streams",
    "videoStreamType": "capture.videoQuality",
    "maxIdleTime": "capture.maxIdle",
    "decryptionMode": "capture.encryption.mode",
    "subscribeAudioUids": "capture.subscribe.audio",
    "subscribeVideoUids": "capture.subscribe.video",
    "unSubscribeAudioUids": "capture.subscribe.exceptAudio",
    "unSubscribeVideoUids": "capture.subscribe.exceptVideo",
    "unsubscribeAudioUids": "capture.subscribe.exceptAudio",
    "unsubscribeVideoUids": "capture.subscribe.exceptVideo",
    "subscribeUidGroup": "capture.expectedUsers",
    "streamSubscribe": "capture.subscribe",
    "audioUidList": "capture.subscribe.audio",
    "videoUidList": "capture.subscribe.video",
    "transcodingConfig": "video",
    "videoWidth": "video.width",
    "videoHeight": "video.height",
    "videoBitrate": "video.bitrate",
    "videoFps": "video.fps",
    "mixedVideoLayout": "layout.type",
    "layoutConfig": "layout.regions",
    "backgroundConfig": "layout.backgrounds",
    "x_axis": "layout.regions[].x",
    "y_axis": "layout.regions[].y",
    "render_mode": "`fit` of layout.regions[] and layout.backgrounds[]",
    "image_url": "layout.backgrounds[].imageUrl",
    "recordingFileConfig": "files",
    "avFileType": "files.formats",
    "snapshotConfig": "snapshots",
    "captureInterval": "snapshots.every",
    "extensionServiceConfig": "web",
    "extensionServices": "web",
    "serviceParam": "web",
    "web_recorder_service": "web",
    "webRecordingConfig": "web",
    "rtmp_publish_service": "web.publish",
    "rtmpPublishConfig": "web.publish",
    "rtmpUrl": "web.publish",
    "maxRecordingHour": "web.maxDuration",
    "maxVideoDuration": "web.segment",
    "onhold": "web.paused",
    "storageConfig": "storage",
    "fileNamePrefix": "storage.prefix",
    "extensionParams": "storage",
}


@functools.cache
def fields_by_path(model: type[Part]) -> Mapping[tuple[str, ...], tuple[str, ...]]:
    """List what may be written at each path of a model; lists add nothing to a path."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    _collect(model, (), found)
    return found


def _collect(model: type[Part], path: tuple[str, ...], found: dict[tuple[str, ...], tuple[str, ...]]) -> None:
    aliases = [field.alias or name for name, field in model.model_fields.items()]
    found[path] = (*found.get(path, ()), *aliases)
    for alias, field in zip(aliases, model.model_fields.values(), strict=True):
        for part in _parts(field.annotation):
            _collect(part, (*path, alias), found)


def _parts(annotation: Any) -> Iterator[type[Part]]:
    if inspect.isclass(annotation) and issubclass(annotation, Part):
        yield annotation
    for argument in typing.get_args(annotation):
        if typing.get_origin(annotation) is not typing.Literal:
            yield from _parts(argument)


def _elsewhere(key: str) -> str | None:
    for path, names in fields_by_path(RecordingSpec).items():
        if key in names:
            return ".".join((*path, key))
    return None


def unknown_field(key: str, path: Sequence[str | int], model: type[Part]) -> str:
    """Word the fault for a field that a model does not have at this path."""
    where = tuple(part for part in path if isinstance(part, str))
    known = fields_by_path(model).get(where, ())
    shown = key if len(key) <= 60 else f"{key[:60]}…"
    if model is RecordingSpec and key in API_NAMES:
        ours = API_NAMES[key]
        return f"`{shown}` is the API's name; here it is {ours if '`' in ours else f'`{ours}`'}"
    if key in known:
        return f"`{shown}` does not go with the fields beside it: keep one or the other"
    close = nearest(key, known)
    if close:
        return f"there is no field `{shown}` here; did you mean `{close}`?"
    other = _elsewhere(key) if model in {RecordingSpec, Metadata} else None
    if other:
        return f"there is no field `{shown}` here; did you mean `{other}`{' of the spec' if model is Metadata else ''}?"
    return (
        f"there is no field `{shown}` here; there are {', '.join(known)}" if known else f"there is no field `{shown}`"
    )
