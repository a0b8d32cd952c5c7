"""What the service refuses in a body, by the rules of §2.10, and what it lets pass."""

from typing import Any

import pytest

from tests.simulator.driver import HLS_MP4, SNAPSHOTS, STORAGE, VIDEO, driver, recording, web

REGION = {"x_axis": 0, "y_axis": 0, "width": 1, "height": 1}


def storage(**other: Any) -> dict[str, Any]:
    return recording() | {"storageConfig": STORAGE | other}


def video(**other: Any) -> dict[str, Any]:
    return recording(transcodingConfig=VIDEO | other)


def without(values: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}


def snapshots(
    files: dict[str, Any] | None = None, config: dict[str, Any] | None = None, **other: Any
) -> dict[str, Any]:
    return recording(files=files, **other) | {"snapshotConfig": SNAPSHOTS if config is None else config}


REFUSED: dict[str, tuple[str, dict[str, Any], str]] = {
    "V8 mp4 alone": ("mix", recording(files={"avFileType": ["mp4"]}), "avFileType"),
    "V8 mp4 in individual": ("individual", recording(files=HLS_MP4), "avFileType"),
    "V9 snapshots in mix": ("mix", snapshots(), "snapshotConfig"),
    "V9 snapshots of audio": ("individual", snapshots(streamTypes=0), "streamTypes"),
    "V9 snapshots as png": ("individual", snapshots(config={"fileType": ["png"]}), "fileType"),
    "V9 snapshots without a file type": ("individual", snapshots(config={}), "fileType"),
    "V9 snapshots too often": ("individual", snapshots(config=SNAPSHOTS | {"captureInterval": 4}), "captureInterval"),
    "V9 snapshots with audio uids only": ("individual", snapshots(subscribeAudioUids=["1"]), "subscribeVideoUids"),
    "V12 too wide": ("mix", video(width=1921), "width"),
    "V12 too large": ("mix", video(width=1920, height=1088), "width"),
    "V12 bitrate": ("mix", video(bitrate=6501), "bitrate"),
    "V12 a number as text": ("mix", video(fps="15"), "fps"),
    "V12 three of four": ("mix", recording(transcodingConfig=without(VIDEO, "fps")), "fps"),
    "V13 custom without regions": ("mix", video(mixedVideoLayout=3), "layoutConfig"),
    "V13 regions without custom": ("mix", video(mixedVideoLayout=1, layoutConfig=[REGION]), "layoutConfig"),
    "V13 eighteen regions": ("mix", video(mixedVideoLayout=3, layoutConfig=[REGION] * 18), "layoutConfig"),
    "V13 no y_axis": ("mix", video(mixedVideoLayout=3, layoutConfig=[without(REGION, "y_axis")]), "y_axis"),
    "V13 beyond the edge": ("mix", video(mixedVideoLayout=3, layoutConfig=[REGION | {"x_axis": 0.1}]), "width"),
    "V13 alpha": ("mix", video(mixedVideoLayout=3, layoutConfig=[REGION | {"alpha": 1.5}]), "alpha"),
    "V13 render mode": ("mix", video(mixedVideoLayout=3, layoutConfig=[REGION | {"render_mode": 2}]), "render_mode"),
    "layout 4": ("mix", video(mixedVideoLayout=4), "mixedVideoLayout"),
    "a color by name": ("mix", video(backgroundColor="red"), "backgroundColor"),
    "a background without an image": ("mix", video(backgroundConfig=[{"uid": "1"}]), "image_url"),
    "V14 both lists": (
        "mix",
        recording(subscribeAudioUids=["1"], unSubscribeAudioUids=["2"]),
        "unSubscribeAudioUids",
    ),
    "V14 33 uids": ("mix", recording(subscribeVideoUids=[str(n) for n in range(33)]), "subscribeVideoUids"),
    "V14 uids as numbers": ("mix", recording(subscribeVideoUids=[1]), "subscribeVideoUids"),
    "V14 video uids of audio": ("mix", recording(streamTypes=0, subscribeVideoUids=["1"]), "subscribeVideoUids"),
    "V15 no secret": ("mix", recording(decryptionMode=1), "secret"),
    "V15 no salt": ("mix", recording(decryptionMode=7, secret="s"), "salt"),
    "V16 no storage": ("mix", without(recording(), "storageConfig"), "storageConfig"),
    "V16 half a storage": ("mix", recording() | {"storageConfig": without(STORAGE, "bucket")}, "bucket"),
    "V16 vendor 4": ("mix", storage(vendor=4), "vendor"),
    "V16 vendor 11 without endpoint": ("mix", storage(vendor=11), "endpoint"),
    "V16 prefix with a dash": ("mix", storage(fileNamePrefix=["a-b"]), "fileNamePrefix"),
    "V16 prefix too long": ("mix", storage(fileNamePrefix=["a" * 64, "b" * 64]), "fileNamePrefix"),
    "V17 idle too short": ("mix", recording(maxIdleTime=4), "maxIdleTime"),
    "V17 idle too long": ("mix", recording(maxIdleTime=2_592_001), "maxIdleTime"),
    "V17 idle as a flag": ("mix", recording(maxIdleTime=True), "maxIdleTime"),
    "V18 no url": ("web", web(url=None), "url"),
    "V18 no hours": ("web", web(maxRecordingHour=0), "maxRecordingHour"),
    "V18 too narrow": ("web", web(videoWidth=239), "videoWidth"),
    "V18 bitrate": ("web", web(videoBitrate=49), "videoBitrate"),
    "V18 fps": ("web", web(videoFps=4), "videoFps"),
    "V18 too large": ("web", web(videoWidth=1920, videoHeight=1088), "videoWidth"),
    "V18 no page": ("web", web() | {"extensionServiceConfig": {"extensionServices": []}}, "services not selected"),
    "V19 ready timeout": ("web", web(readyTimeout=-1), "readyTimeout"),
    "V19 ready timeout in halves": ("web", web(readyTimeout=1.5), "readyTimeout"),
    "web pushed to a page": ("web", web(publish="https://example.com"), "rtmpUrl"),
    "channel type 2": ("mix", recording(channelType=2), "channelType"),
    "uid group 6": ("individual", recording(subscribeUidGroup=6), "subscribeUidGroup"),
    "original with video": ("individual", recording(streamMode="original"), "streamMode"),
    "a token as a number": ("mix", recording() | {"token": 1}, "token"),
}

ACCEPTED: dict[str, tuple[str, dict[str, Any]]] = {
    "V10 snapshots with and without files": ("individual", snapshots(files={"avFileType": ["hls"]})),
    "V11 fields of another mode": ("mix", recording(streamMode="standard", subscribeUidGroup=0)),
    "V12 the largest": ("mix", video(width=1920, height=1080, fps=60, bitrate=6500)),
    "V12 an odd fps becomes 15": ("mix", video(fps=50)),
    "V13 regions that fill the canvas": ("mix", video(mixedVideoLayout=3, layoutConfig=[REGION] * 17)),
    "V14 everybody": ("mix", recording(subscribeAudioUids=["#allstream#"], subscribeVideoUids=["#allstream#"])),
    "V15 with salt": ("mix", recording(decryptionMode=7, secret="s", salt="c2FsdA==")),
    "V16 vendor 11": ("mix", storage(vendor=11, extensionParams={"endpoint": "s3.example.com"})),
    "V21 unknown names": ("mix", recording(nonsense=1) | {"nonsense": {}}),
    "a uid for layout 2 beside layout 1": ("mix", video(mixedVideoLayout=1, maxResolutionUid="1")),
    "files by default": ("mix", recording(files={})),
    "a page with everything": ("web", web(mobile=True, onhold=True, readyTimeout=60, maxVideoDuration=240)),
}


@pytest.mark.parametrize(("mode", "request_", "field"), REFUSED.values(), ids=REFUSED.keys())
def test_start_refuses(mode: str, request_: dict[str, Any], field: str) -> None:
    service = driver()

    answer = service.try_start(request_, mode)

    assert (answer.status, answer.code) == (400, 2)
    assert field in str(answer.reason)
    assert service.live() == 0


@pytest.mark.parametrize(("mode", "request_"), ACCEPTED.values(), ids=ACCEPTED.keys())
def test_start_accepts(mode: str, request_: dict[str, Any]) -> None:
    assert driver().try_start(request_, mode).status == 200


@pytest.mark.parametrize("uid", ["0", "", "-1", "1.5", "alice", str(2**32)])
def test_v2_a_uid_is_the_text_of_an_integer_from_1(uid: str) -> None:
    assert driver().acquire(uid=uid).code == 2


def test_v2_the_ceiling_of_a_uid_is_an_option() -> None:
    assert driver().acquire(uid=str(2**32 - 1)).status == 200
    assert driver(uid_max=2**31 - 1).acquire(uid=str(2**31)).code == 2


@pytest.mark.parametrize("cname", ["", "ä", "a/b", "x" * 65])
def test_v4_a_bad_channel_name(cname: str) -> None:
    answer = driver().acquire(cname)

    assert (answer.status, answer.body) == (400, {"code": 401, "reason": "invalid_channel_name"})


def test_v4_for_web_a_channel_is_any_label_up_to_a_length() -> None:
    assert driver().acquire("ä/b", scene=1).status == 200
    assert driver(web_cname_max=128).acquire("x" * 129, scene=1).code == 401


@pytest.mark.parametrize(
    "body",
    [
        {"uid": "1", "clientRequest": {}},
        {"cname": "a", "uid": 1, "clientRequest": {}},
        {"cname": "a", "uid": "1"},
        {"cname": "a", "uid": "1", "clientRequest": []},
        [],
    ],
)
def test_v1_the_envelope_of_a_body(body: Any) -> None:
    assert driver().service("POST", "acquire", body).code == 2


@pytest.mark.parametrize("request_", [{"scene": 3}, {"region": "XX"}, {"excludeResourceIds": "x"}])
def test_acquire_refuses(request_: dict[str, Any]) -> None:
    assert driver().acquire(**request_).code == 2


def test_a_body_that_is_no_json_and_a_content_type_that_is_no_json_are_error_8() -> None:
    service = driver()
    assert service.service("POST", "acquire", b"{").code == 8

    service.headers["Content-Type"] = "text/plain"
    assert service.acquire().code == 8
    service.headers["Content-Type"] = "application/json;charset=utf-8"
    assert service.acquire().status == 200


def test_options_move_the_uncertain_rules() -> None:
    assert driver(all_four=False).try_start(recording(transcodingConfig={"width": 640})).status == 200
    often = snapshots(config=SNAPSHOTS | {"captureInterval": 1})
    assert driver(capture_interval_min=1).try_start(often, "individual").status == 200
    assert driver(foreign_fields="refuse").try_start(recording(streamMode="standard")).code == 2


def test_start_equal_to_its_start_parameter_is_taken() -> None:
    service = driver()
    resource_id = service.acquire(startParameter=recording()).body["resourceId"]

    assert service.start(resource_id, recording()).status == 200
