"""What the service refuses in a body (§2.10, V1-V21); what is not checked here is ignored there as well."""

import re
from collections.abc import Mapping
from typing import Any, Final

from reconciler.simulator.fields import Fields
from reconciler.simulator.layouts import check_layout, check_video
from reconciler.simulator.options import Options
from reconciler.simulator.refusal import refused

_CHANNEL: Final = re.compile(r"[A-Za-z0-9 !#$%&()+\-:;<=.>?@\[\]^_{}|~,]{1,64}\Z")
_UID: Final = re.compile(r"[0-9]{1,20}\Z")
_PREFIX_PART: Final = re.compile(r"[A-Za-z0-9]+\Z")
_VENDORS: Final = (1, 2, 3, 5, 6, 7, 8, 11)
_VENDOR_WITH_ENDPOINT: Final = 11
_SALTED: Final = (7, 8)
_MAX_AREA: Final = 1920 * 1080
_SERVICES: Final = ("recordingConfig", "recordingFileConfig", "snapshotConfig", "extensionServiceConfig")
_FOREIGN: Final = {
    "mix": ("streamMode", "subscribeUidGroup"),
    "individual": ("transcodingConfig", "audioProfile"),
}
SUBSCRIPTION: Final = ("subscribeAudioUids", "unSubscribeAudioUids", "subscribeVideoUids", "unSubscribeVideoUids")


def uid_fits(uid: object, options: Options) -> bool:
    """V2: the text of an integer from 1."""
    return isinstance(uid, str) and _UID.match(uid) is not None and 1 <= int(uid) <= options.uid_max


def check_acquire(cname: str, uid: str, request: Mapping[str, Any], options: Options) -> None:
    """Refuse by V2, V3, V4."""
    fields = Fields("Acquire", "clientRequest", request)
    if not uid_fits(uid, options):
        with_parameter = fields.has("startParameter")
        raise refused("api body validate failed!" if with_parameter else "post method api body check failed!")
    hours = request.get("resourceExpiredHour", 72)
    if not isinstance(hours, int) or isinstance(hours, bool) or not 1 <= hours <= 720:
        raise refused("Acquire: invalid resourceExpiredHour value!")
    fields.choice("scene", (0, 1, 2))
    fields.choice("region", ("CN", "AP", "EU", "NA"))
    fields.integer("regionAffinity", 0, 4)
    fields.strings("excludeResourceIds", 1_000)
    fields.section("startParameter")
    web = request.get("scene", 0) == 1
    fits = 1 <= len(cname.encode()) <= options.web_cname_max if web else _CHANNEL.match(cname) is not None
    if not fits:
        raise refused("invalid_channel_name", code=401)


def check_start(mode: str, scene: int, request: Mapping[str, Any], options: Options) -> None:
    """Refuse by V8 to V19."""
    fields = Fields("start", "clientRequest", request)
    services = ("extensionServiceConfig",) if mode == "web" else _SERVICES
    if not any(fields.has(name) for name in services):
        raise refused("services not selected!")
    if options.scene_enforced and (scene == 1) != (mode == "web"):
        raise refused("start: scene does not fit the mode!")
    fields.text("token")
    check_storage(fields, required=True)
    _check_files(fields, mode)
    if mode == "web":
        _check_web(fields)
        return
    recording = fields.section("recordingConfig") or Fields("start", "recordingConfig", {})
    _check_recording(recording, mode, options)
    _check_snapshots(fields, recording, mode, options)


def check_storage(fields: Fields, *, required: bool = False) -> None:
    """V16: complete and well-formed; whether keys and bucket are right shows later only."""
    if required:
        fields.require("storageConfig")
    storage = fields.section("storageConfig")
    if storage is None:
        return
    storage.require("vendor", "region", "bucket", "accessKey", "secretKey")
    storage.choice("vendor", _VENDORS)
    storage.integer("region", 0, 1_000)
    storage.text("bucket", "accessKey", "secretKey", "stsToken")
    storage.integer("stsExpiration", 0, 2**53)
    prefix = storage.strings("fileNamePrefix", 128)
    if not all(_PREFIX_PART.match(part) for part in prefix) or len("/".join(prefix)) > 128:
        raise storage.wrong("fileNamePrefix")
    params = storage.section("extensionParams")
    if params is not None:
        params.text("sse", "tag", "endpoint")
    if storage.values["vendor"] == _VENDOR_WITH_ENDPOINT and (params is None or not params.values.get("endpoint")):
        raise Fields("start", "extensionParams", {}).wrong("endpoint")


def _check_files(fields: Fields, mode: str) -> None:
    files = fields.section("recordingFileConfig")
    if files is None or not files.has("avFileType"):
        return
    kinds = files.strings("avFileType", 2)
    allowed = (["hls"],) if mode == "individual" else (["hls"], ["hls", "mp4"], ["mp4", "hls"])
    if kinds not in allowed:
        raise files.wrong("avFileType")


def _check_recording(fields: Fields, mode: str, options: Options) -> None:
    if options.foreign_fields == "refuse":
        for name in _FOREIGN[mode]:
            if fields.has(name):
                raise refused(f"start: {name} cannot be set in mode {mode}!")
    fields.choice("channelType", (0, 1))
    fields.choice("streamTypes", (0, 1, 2))
    fields.choice("videoStreamType", (0, 1))
    fields.integer("maxIdleTime", 5, 2_592_000)
    fields.text("secret", "salt", "privateParams")
    fields.integer("decryptionMode", 0, 8)
    decryption = fields.values.get("decryptionMode", 0)
    if decryption != 0 and not fields.values.get("secret"):
        raise fields.wrong("secret")
    if decryption in _SALTED and not fields.values.get("salt"):
        raise fields.wrong("salt")
    check_subscription(fields, fields.values.get("streamTypes", 2))
    if mode == "individual":
        _check_individual(fields)
        return
    fields.choice("audioProfile", (0, 1, 2))
    video = fields.section("transcodingConfig")
    if video is not None:
        check_video(video, all_four=options.all_four)
        check_layout(video)


def _check_individual(fields: Fields) -> None:
    fields.choice("streamMode", ("default", "standard", "original"))
    fields.integer("subscribeUidGroup", 0, 5)
    if fields.values.get("streamMode") == "original" and fields.values.get("streamTypes", 2) != 0:
        raise fields.wrong("streamMode")


def check_subscription(fields: Fields, streams: int, *, may_be_empty: bool = True) -> None:
    """V14: one list per medium, at most 32 uids, only for media that are recorded."""
    for medium, other in (("Audio", 1), ("Video", 0)):
        chosen, left_out = f"subscribe{medium}Uids", f"unSubscribe{medium}Uids"
        for name in (chosen, left_out):
            fields.strings(name, 32, may_be_empty=may_be_empty)
            if fields.has(name) and streams == other:
                raise fields.wrong(name)
        if fields.has(chosen) and fields.has(left_out):
            raise fields.wrong(left_out)


def _check_snapshots(fields: Fields, recording: Fields, mode: str, options: Options) -> None:
    snapshots = fields.section("snapshotConfig")
    if snapshots is None:
        return
    if mode != "individual":
        raise fields.wrong("snapshotConfig")
    snapshots.require("fileType")
    if snapshots.values["fileType"] != ["jpg"]:
        raise snapshots.wrong("fileType")
    snapshots.integer("captureInterval", options.capture_interval_min, 3600)
    if recording.values.get("streamTypes", 2) == 0:
        raise recording.wrong("streamTypes")
    if recording.has("subscribeAudioUids") and not recording.has("subscribeVideoUids"):
        raise recording.wrong("subscribeVideoUids")


def _check_web(fields: Fields) -> None:
    extension = fields.section("extensionServiceConfig")
    assert extension is not None
    extension.choice("errorHandlePolicy", ("error_abort",))
    services: dict[str, Fields] = {}
    for service in extension.objects("extensionServices", 8):
        service.require("serviceName")
        service.text("serviceName")
        services[service.values["serviceName"]] = service
    recorder = services.get("web_recorder_service")
    if recorder is None:
        raise refused("services not selected!")
    recorder.choice("errorHandlePolicy", ("error_abort",))
    recorder.require("serviceParam")
    page = recorder.section("serviceParam")
    assert page is not None
    _check_page(page)
    publisher = services.get("rtmp_publish_service")
    if publisher is not None:
        publisher.choice("errorHandlePolicy", ("error_ignore",))
        publisher.require("serviceParam")
        check_outputs(publisher.section("serviceParam"))


def _check_page(page: Fields) -> None:
    page.require("url", "audioProfile", "videoWidth", "videoHeight", "maxRecordingHour")
    page.text("url")
    if not re.match(r"https?://.", page.values["url"]):
        raise page.wrong("url")
    page.choice("audioProfile", (0, 1, 2))
    page.integer("videoWidth", 240, 1920)
    page.integer("videoHeight", 240, 1920)
    if page.values["videoWidth"] * page.values["videoHeight"] > _MAX_AREA:
        raise page.wrong("videoWidth")
    page.integer("maxRecordingHour", 1, 720)
    page.integer("videoBitrate", 50, 8000)
    page.integer("videoFps", 5, 60)
    page.integer("maxVideoDuration", 30, 240)
    page.integer("readyTimeout", 0, 60)
    page.flag("mobile")
    page.flag("onhold")


def check_outputs(publishing: Fields | None) -> None:
    """At most one address to push to."""
    if publishing is None:
        return
    for output in publishing.objects("outputs", 1):
        output.require("rtmpUrl")
        output.text("rtmpUrl")
        if not re.match(r"rtmps?://.", output.values["rtmpUrl"]):
            raise output.wrong("rtmpUrl")


def check_update(mode: str, streams: int, request: Mapping[str, Any]) -> None:
    """Refuse by V14 and V16; what belongs to another mode is ignored."""
    fields = Fields("update", "clientRequest", request)
    check_storage(fields)
    if mode == "web":
        web = fields.section("webRecordingConfig")
        if web is not None:
            web.flag("onhold")
        check_outputs(fields.section("rtmpPublishConfig"))
        return
    subscribe = fields.section("streamSubscribe")
    for name in ("audioUidList", "videoUidList") if subscribe is not None else ():
        uids = subscribe.section(name) if subscribe is not None else None
        if uids is not None:
            check_subscription(uids, streams, may_be_empty=False)
