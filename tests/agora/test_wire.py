"""What is sent, whole. Secret values come from `reveal` and stand nowhere else."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.agora.wire import (
    acquire_body,
    layout_body,
    masked_url,
    merge_patch,
    prefix,
    start_body,
    stop_body,
    update_body,
)
from reconciler.manifests.schema import RecordingSpec
from reconciler.manifests.values import EnvRef, FileRef
from reconciler.model import Identity

AT = datetime(2026, 1, 31, 23, 30, tzinfo=UTC)
WHO = Identity("a" * 32, "Daily standup", "2000000123")
STORAGE = {
    "vendor": "s3", "region": "eu-west-1", "bucket": "b", "accessKey": {"env": "KEY"}, "secretKey": {"file": "secret"},
}  # fmt: skip
STORED = {"vendor": 1, "region": 4, "bucket": "b", "accessKey": "<KEY>", "secretKey": "<secret>"}
HEARD = {"channelType": 0, "streamTypes": 2, "videoStreamType": 0, "maxIdleTime": 300}


def reveal(reference: EnvRef | FileRef) -> str:
    return f"<{reference.env if isinstance(reference, EnvRef) else reference.file}>"


def spec(**said: Any) -> RecordingSpec:
    return RecordingSpec.model_validate({"channel": "Daily standup", "storage": STORAGE} | said)


def body(request: Mapping[str, Any]) -> dict[str, Any]:
    return {"cname": "Daily standup", "uid": "2000000123", "clientRequest": request}


def started(token: str | None = None, **said: Any) -> Any:
    sent = start_body(spec(**said), WHO, reveal, name="daily.standup", at=AT, token=token)
    assert (sent["cname"], sent["uid"]) == ("Daily standup", "2000000123")
    return sent["clientRequest"]


def recording(**said: Any) -> Any:
    return started(**said)["recordingConfig"]


# -- acquire


def test_acquire() -> None:
    assert acquire_body(spec(), WHO) == body({"scene": 0, "resourceExpiredHour": 720})


def test_acquire_for_a_page_in_a_region_beside_another_copy() -> None:
    page = spec(mode="web", web={"url": "https://x"}, region="ap", controlFor="24h")
    assert acquire_body(page, WHO, exclude=("R1",)) == body(
        {"scene": 1, "resourceExpiredHour": 24, "region": "AP", "excludeResourceIds": ["R1"]}
    )


def test_acquire_overridden() -> None:
    patched = spec(overrides={"acquire": {"regionAffinity": 2, "resourceExpiredHour": None}})
    assert acquire_body(patched, WHO) == body({"scene": 0, "regionAffinity": 2})


# -- start, whole, in the three modes


def test_mix_with_defaults() -> None:
    assert started() == {
        "recordingConfig": {**HEARD, "audioProfile": 0},
        "recordingFileConfig": {"avFileType": ["hls"]},
        "storageConfig": STORED,
    }


def test_mix_with_everything() -> None:
    sent = started(
        token="T",
        capture={
            "channelType": "live", "streams": "both", "maxIdle": "2h", "audioProfile": 2, "videoQuality": "low",
            "encryption": {"mode": "aes-256-gcm2", "secret": {"env": "E"}, "salt": {"env": "SALT"}},
            "subscribe": {"audio": [1, 2], "exceptVideo": [3]},
        },
        video={"width": 1280, "height": 720, "fps": 30, "bitrate": 2000},
        layout={
            "type": "custom", "backgroundColor": "#FF0000", "backgroundImage": "https://i/a.jpg",
            "defaultUserBackgroundImage": "https://i/b.jpg", "maxResolutionUid": 4294967295,
            "regions": [
                {"uid": 1, "x": 0, "y": 0.5, "width": 1, "height": 0.5, "alpha": 0.5, "fit": "contain"},
                {"x": 0.1, "y": 0.1, "width": 0.1, "height": 0.1},
            ],
            "backgrounds": [{"uid": 7, "imageUrl": "https://i/c.jpg", "fit": "contain"}],
        },
        files={"formats": ["mp4", "hls"]},
        storage={
            "vendor": "aliyun", "region": "cn-shanghai", "bucket": "b", "prefix": ["{channel}", "{name}-{date}", "--"],
            "accessKey": {"env": "KEY"}, "secretKey": {"env": "SECRET"}, "stsToken": {"env": "STS"},
            "stsExpiration": 1800000000, "endpoint": "h", "sse": "kms", "tag": "RETENTION_DAYS=30",
        },
    )  # fmt: skip
    assert sent == {
        "token": "T",
        "recordingConfig": {
            "channelType": 1, "streamTypes": 2, "videoStreamType": 1, "maxIdleTime": 7200, "audioProfile": 2,
            "decryptionMode": 8, "secret": "<E>", "salt": "<SALT>",
            "subscribeAudioUids": ["1", "2"], "unSubscribeVideoUids": ["3"],
            "transcodingConfig": {
                "width": 1280, "height": 720, "fps": 30, "bitrate": 2000,
                "mixedVideoLayout": 3, "backgroundColor": "#FF0000", "backgroundImage": "https://i/a.jpg",
                "defaultUserBackgroundImage": "https://i/b.jpg", "maxResolutionUid": "4294967295",
                "layoutConfig": [
                    {"uid": "1", "x_axis": 0.0, "y_axis": 0.5, "width": 1.0, "height": 0.5, "alpha": 0.5,
                     "render_mode": 1},
                    {"x_axis": 0.1, "y_axis": 0.1, "width": 0.1, "height": 0.1, "alpha": 1.0, "render_mode": 0},
                ],
                "backgroundConfig": [{"uid": "7", "image_url": "https://i/c.jpg", "render_mode": 1}],
            },
        },
        "recordingFileConfig": {"avFileType": ["hls", "mp4"]},
        "storageConfig": {
            "vendor": 2, "region": 1, "bucket": "b", "accessKey": "<KEY>", "secretKey": "<SECRET>",
            "stsToken": "<STS>", "stsExpiration": 1800000000,
            "fileNamePrefix": ["Dailystandup", "dailystandup20260131"],
            "extensionParams": {"sse": "kms", "tag": "RETENTION_DAYS=30", "endpoint": "h"},
        },
    }  # fmt: skip


def test_individual_with_snapshots() -> None:
    sent = started(
        mode="individual",
        capture={"streams": "video", "streamMode": "standard", "expectedUsers": 10},
        snapshots={"every": "1m"},
        storage=STORAGE | {"vendor": "gcs", "region": None},
    )
    assert sent == {
        "recordingConfig": {**HEARD, "streamTypes": 1, "streamMode": "standard", "subscribeUidGroup": 2},
        "recordingFileConfig": {"avFileType": ["hls"]},
        "snapshotConfig": {"captureInterval": 60, "fileType": ["jpg"]},
        "storageConfig": {**STORED, "vendor": 6, "region": 0},
    }


def test_snapshots_alone_leave_the_files_out() -> None:
    sent = started(mode="individual", files={"formats": []}, snapshots={})
    assert "recordingFileConfig" not in sent
    assert sent["snapshotConfig"] == {"captureInterval": 10, "fileType": ["jpg"]}


def test_web_with_defaults() -> None:
    assert started(token="T", mode="web", web={"url": {"env": "PAGE"}}) == {
        "recordingFileConfig": {"avFileType": ["hls"]},
        "extensionServiceConfig": {
            "errorHandlePolicy": "error_abort",
            "extensionServices": [
                {
                    "serviceName": "web_recorder_service",
                    "errorHandlePolicy": "error_abort",
                    "serviceParam": {
                        "url": "<PAGE>", "audioProfile": 0, "videoWidth": 1280, "videoHeight": 720,
                        "maxRecordingHour": 720, "mobile": False, "maxVideoDuration": 120, "onhold": False,
                        "readyTimeout": 0,
                    },
                }
            ],
        },
        "storageConfig": STORED,
    }  # fmt: skip


def test_web_with_everything() -> None:
    services = started(
        mode="web",
        video={"width": 1920, "height": 1080, "fps": 30, "bitrate": 4000},
        web={
            "url": "https://x/y?z=1", "audioProfile": 1, "maxDuration": "4h", "mobile": True, "segment": "30m",
            "paused": True, "readyTimeout": "10s", "publish": {"env": "RTMP"},
        },
    )["extensionServiceConfig"]["extensionServices"]  # fmt: skip
    assert services[0]["serviceParam"] == {
        "url": "https://x/y?z=1", "audioProfile": 1, "videoWidth": 1920, "videoHeight": 1080, "videoFps": 30,
        "videoBitrate": 4000, "maxRecordingHour": 4, "mobile": True, "maxVideoDuration": 30, "onhold": True,
        "readyTimeout": 10,
    }  # fmt: skip
    assert services[1:] == [
        {
            "serviceName": "rtmp_publish_service",
            "errorHandlePolicy": "error_ignore",
            "serviceParam": {"outputs": [{"rtmpUrl": "<RTMP>"}]},
        }
    ]


# -- start, in parts


PICTURE = {"width": 360, "height": 640, "fps": 15, "bitrate": 500}


def test_a_layout_without_a_picture_size_sends_the_four_defaults() -> None:
    sent = recording(layout={"type": "bestFit"})["transcodingConfig"]
    assert sent == {**PICTURE, "mixedVideoLayout": 1, "backgroundColor": "#000000"}


def test_a_picture_size_without_a_layout_sends_the_default_layout() -> None:
    sent = recording(video={"width": 640, "height": 360, "fps": 30, "bitrate": 600})["transcodingConfig"]
    assert sent == {
        "width": 640, "height": 360, "fps": 30, "bitrate": 600, "mixedVideoLayout": 0, "backgroundColor": "#000000",
    }  # fmt: skip


def test_regions_are_sent_with_the_custom_layout_only() -> None:
    region = {"x": 0, "y": 0, "width": 1, "height": 1}
    assert "layoutConfig" not in recording(layout={"type": "vertical", "regions": [region]})["transcodingConfig"]


@pytest.mark.parametrize(
    ("streams", "subscribe", "sent"),
    [
        ("both", {}, {"subscribeAudioUids": ["#allstream#"], "subscribeVideoUids": ["#allstream#"]}),
        ("both", {"audio": [5]}, {"subscribeAudioUids": ["5"], "subscribeVideoUids": ["#allstream#"]}),
        ("both", {"exceptAudio": [5]}, {"unSubscribeAudioUids": ["5"], "subscribeVideoUids": ["#allstream#"]}),
        ("audio", {"audio": [5]}, {"subscribeAudioUids": ["5"]}),
        ("video", {"video": [5]}, {"subscribeVideoUids": ["5"]}),
    ],
)
def test_a_medium_beside_a_named_one_is_named_too(streams: str, subscribe: Any, sent: dict[str, Any]) -> None:
    told = recording(capture={"streams": streams, "subscribe": subscribe})
    assert {key: value for key, value in told.items() if "ubscribe" in key} == sent


@pytest.mark.parametrize(
    ("users", "group"),
    [(1, 0), (2, 0), (3, 1), (7, 1), (8, 2), (12, 2), (13, 3), (17, 3), (18, 4), (32, 4), (33, 5), (49, 5)],
)
def test_the_group_of_expected_users(users: int, group: int) -> None:
    assert recording(mode="individual", capture={"expectedUsers": users})["subscribeUidGroup"] == group


def test_the_group_is_derived_from_the_lists() -> None:
    lists = {"audio": [100, 101, 102], "video": [101, 102, 103]}
    capture = {"subscribe": lists, "expectedUsers": 40}
    assert recording(mode="individual", capture=capture)["subscribeUidGroup"] == 1
    half = {"subscribe": {"audio": [100]}, "expectedUsers": 40}
    assert recording(mode="individual", capture=half)["subscribeUidGroup"] == 5
    assert recording(mode="individual", capture={**half, "streams": "audio"})["subscribeUidGroup"] == 0
    assert "subscribeUidGroup" not in recording(mode="individual")


def test_encryption_without_salt() -> None:
    sent = recording(capture={"encryption": {"mode": 1, "secret": {"env": "E"}}})
    assert sent == {**HEARD, "decryptionMode": 1, "secret": "<E>", "audioProfile": 0}


def test_start_overridden() -> None:
    patch = {"recordingConfig": {"privateParams": "{}", "maxIdleTime": None}, "appsCollection": {"x": 1, "y": None}}
    sent = started(overrides={"start": patch})
    assert sent["recordingConfig"]["privateParams"] == "{}"
    assert "maxIdleTime" not in sent["recordingConfig"]
    assert sent["appsCollection"] == {"x": 1}


def test_the_date_of_a_prefix_is_in_utc() -> None:
    here = AT.astimezone(timezone(timedelta(hours=9)))
    dated = spec(storage=STORAGE | {"prefix": ["{date}", "ä_/é", "a{other}"]})
    assert prefix(dated, "c", "n", here) == ("20260131", "aother")


# -- update, updateLayout, stop


def updated(kind: Any, **said: Any) -> Any:
    sent = update_body(spec(**said), WHO, reveal, kind, name="n", at=AT)
    assert sent == body(sent["clientRequest"])
    return sent["clientRequest"]


def test_update_of_the_subscription_is_always_whole() -> None:
    assert updated("subscription") == {
        "streamSubscribe": {
            "audioUidList": {"subscribeAudioUids": ["#allstream#"]},
            "videoUidList": {"subscribeVideoUids": ["#allstream#"]},
        }
    }
    capture = {"streams": "video", "subscribe": {"exceptVideo": [444, 555]}}
    assert updated("subscription", capture=capture) == {
        "streamSubscribe": {"videoUidList": {"unSubscribeVideoUids": ["444", "555"]}}
    }


def test_update_of_a_page() -> None:
    web = {"url": "https://x", "paused": True}
    assert updated("web", mode="web", web=web) == {"webRecordingConfig": {"onhold": True}}
    assert updated("web", mode="web", web=web | {"publish": {"env": "RTMP"}}) == {
        "webRecordingConfig": {"onhold": True},
        "rtmpPublishConfig": {"outputs": [{"rtmpUrl": "<RTMP>"}]},
    }


def test_update_of_the_storage_is_the_whole_storage_of_the_start() -> None:
    said: dict[str, Any] = {
        "storage": STORAGE | {"prefix": ["{date}"], "stsToken": {"env": "STS"}},
        "overrides": {"start": {"storageConfig": {"extensionParams": {"new": 1}}}},
    }
    assert updated("storage", **said) == {
        "storageConfig": {
            **STORED, "stsToken": "<STS>", "fileNamePrefix": ["20260131"], "extensionParams": {"new": 1},
        }
    }  # fmt: skip
    assert updated("storage", **said)["storageConfig"] == started(**said)["storageConfig"]


def test_layout_is_always_whole() -> None:
    assert layout_body(spec(), WHO) == body({"mixedVideoLayout": 0, "backgroundColor": "#000000"})
    assert layout_body(spec(layout={"type": "vertical", "maxResolutionUid": 9}), WHO) == body(
        {"mixedVideoLayout": 2, "backgroundColor": "#000000", "maxResolutionUid": "9"}
    )


def test_layout_keeps_what_was_overridden_at_the_start() -> None:
    patch = {"recordingConfig": {"transcodingConfig": {"width": 1, "newLayoutField": 2}}}
    assert layout_body(spec(overrides={"start": patch}), WHO) == body(
        {"mixedVideoLayout": 0, "backgroundColor": "#000000", "newLayoutField": 2}
    )
    assert layout_body(spec(overrides={"start": {"recordingConfig": 1}}), WHO) == layout_body(spec(), WHO)


def test_stop_waits_for_the_upload() -> None:
    assert stop_body(WHO) == body({"async_stop": False})


# -- RFC 7386 and addresses


@pytest.mark.parametrize(
    ("target", "patch", "merged"),
    [
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({"a": "foo"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_the_examples_of_rfc_7386(target: Any, patch: Any, merged: Any) -> None:
    before = repr(target)
    assert merge_patch(target, patch) == merged
    assert repr(target) == before


JSON = st.recursive(
    st.none() | st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner), max_leaves=8
)


@given(st.dictionaries(st.sampled_from("abc"), JSON), st.dictionaries(st.sampled_from("abc"), JSON))
def test_a_patch_applied_twice_changes_nothing_more(target: dict[str, Any], patch: dict[str, Any]) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://x/y", "https://x/y"),
        ("https://me:pass@x:8/y?token=1#z", "https://x:8/y?****"),
        ("https://x/#/room?token=1", "https://x/?****"),
        ("https://[bad", "****"),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert masked_url(url) == shown
