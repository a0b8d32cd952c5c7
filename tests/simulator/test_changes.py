"""What update and updateLayout do to a live recorder, and what they leave alone."""

from typing import Any

import pytest

from tests.simulator.driver import STORAGE, VIDEO, driver, recording, web

RED = {"mixedVideoLayout": 1, "backgroundColor": "#FF0000", "backgroundImage": "https://example.com/a.jpg"}


def test_a_layout_is_replaced_whole() -> None:
    service = driver()
    handle = service.record(recording(transcodingConfig=VIDEO | RED))

    service.update_layout(handle, maxResolutionUid="5")

    assert service.recorder(handle).layout == {
        "mixedVideoLayout": 0,
        "backgroundColor": "#000000",
        "maxResolutionUid": "5",
    }


def test_regions_and_backgrounds_have_their_defaults() -> None:
    service = driver()
    handle = service.record()
    region = {"x_axis": 0, "y_axis": 0, "width": 0.5, "height": 1}
    picture = {"uid": "5", "image_url": "https://example.com/a.jpg"}

    service.update_layout(handle, mixedVideoLayout=3, layoutConfig=[region], backgroundConfig=[picture])

    layout = service.recorder(handle).layout
    assert layout is not None
    assert layout["layoutConfig"] == [region | {"alpha": 1, "render_mode": 0}]
    assert layout["backgroundConfig"] == [picture | {"render_mode": 0}]


@pytest.mark.parametrize(
    "request_", [{"mixedVideoLayout": 3}, {"layoutConfig": []}, {"backgroundColor": 1}, {"mixedVideoLayout": "1"}]
)
def test_a_bad_layout_changes_nothing(request_: dict[str, Any]) -> None:
    service = driver()
    handle = service.record(recording(transcodingConfig=VIDEO | RED))

    assert service.update_layout(handle, **request_).code == 2
    assert service.recorder(handle).layout == RED


def test_a_layout_belongs_to_mix_only() -> None:
    answers = []
    for option in ("code", "route"):
        service = driver(layout_elsewhere=option)
        handle = service.record(mode="individual")
        answers.append(service.update_layout(handle))

    assert [(answer.status, answer.code) for answer in answers] == [(400, 2), (404, None)]


def test_a_subscription_is_replaced_whole_and_files_follow_it() -> None:
    service = driver(channels_occupied=False, first_slice_individual=0)
    service.join("1")
    service.join("2")
    lists = {"subscribeAudioUids": ["1"], "subscribeVideoUids": ["1"]}
    handle = service.record(recording(**lists), mode="individual")  # type: ignore[arg-type]
    service.after(5)
    assert service.update(handle, streamSubscribe={"audioUidList": {"subscribeAudioUids": ["2"]}}).status == 200

    recorder = service.recorder(handle)
    assert recorder.subscription == {"subscribeAudioUids": ["2"]}
    assert [(track.uid, track.kind) for track in recorder.tracks] == [("1", "audio"), ("1", "video"), ("2", "audio")]


@pytest.mark.parametrize(
    "lists",
    [
        {"audioUidList": {"subscribeAudioUids": []}},
        {"videoUidList": {"subscribeVideoUids": ["1"], "unSubscribeVideoUids": ["2"]}},
        {"audioUidList": {"subscribeAudioUids": ["1"] * 33}},
        {"audioUidList": []},
    ],
)
def test_a_bad_subscription_changes_nothing(lists: dict[str, Any]) -> None:
    service = driver()
    handle = service.record(recording(subscribeAudioUids=["1"]))

    assert service.update(handle, streamSubscribe=lists).code == 2
    assert service.recorder(handle).subscription == {"subscribeAudioUids": ["1"]}


def test_an_update_of_a_medium_that_is_not_recorded_is_refused() -> None:
    service = driver()
    handle = service.record(recording(streamTypes=0))

    answer = service.update(handle, streamSubscribe={"videoUidList": {"subscribeVideoUids": ["1"]}})

    assert answer.code == 2


def test_storage_is_replaced_whole_or_not_at_all() -> None:
    service = driver()
    handle = service.record()

    assert service.update(handle, storageConfig={"stsToken": "new"}).code == 2
    assert service.recorder(handle).storage == STORAGE
    assert service.update(handle, storageConfig=STORAGE | {"stsToken": "new"}).status == 200
    assert service.recorder(handle).storage["stsToken"] == "new"


def test_files_keep_the_prefix_they_began_with() -> None:
    service = driver()
    handle = service.record()
    before = service.after(20).recorder(handle).files

    service.update(handle, storageConfig=STORAGE | {"fileNamePrefix": ["other"]})

    assert service.after(20).recorder(handle).files == before


def test_a_web_recording_is_paused_and_goes_on() -> None:
    service = driver()
    handle = service.record(web(onhold=True, publish="rtmp://a/b"), "web")
    assert service.after(60).recorder(handle).files == []
    assert service.query(handle).said["extensionServiceState"][0]["payload"]["onhold"] is True

    service.update(handle, webRecordingConfig={"onhold": False})

    assert service.after(15).status(handle) == 5
    service.update(handle, webRecordingConfig={"onhold": True})
    assert service.recorder(handle).paused
    service.update(handle, webRecordingConfig={})
    assert not service.recorder(handle).paused


def test_where_a_web_recording_is_pushed_is_replaced_and_the_pause_is_left_alone() -> None:
    service = driver()
    handle = service.record(web(onhold=True, publish="rtmp://a/b"), "web")

    assert service.update(handle, rtmpPublishConfig={"outputs": [{"rtmpUrl": "rtmp://c/d"}]}).status == 200

    recorder = service.recorder(handle)
    assert (recorder.publish_url, recorder.paused) == ("rtmp://c/d", True)


def test_what_belongs_to_another_mode_is_ignored() -> None:
    service = driver()
    mix, page = service.record(uid="1"), service.record(web(), "web", uid="2")

    assert service.update(mix, webRecordingConfig={"onhold": True}).status == 200
    assert service.update(page, streamSubscribe={"audioUidList": []}).status == 200
    assert not service.recorder(mix).paused
    assert service.recorder(page).subscription == {}


def test_what_is_leaving_takes_no_changes() -> None:
    service = driver()
    handle = service.record()
    service.stop(handle)

    assert (service.update(handle).code, service.update_layout(handle).code) == (404, 404)
