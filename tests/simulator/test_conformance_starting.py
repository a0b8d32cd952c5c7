"""Published observations of acquire and start, by their numbers in the notes on the API."""

import asyncio
import json
import re

from reconciler.simulator.exchange import Exchange, Request
from reconciler.simulator.faults import parse_faults
from reconciler.simulator.replies import Reply
from tests.simulator.driver import (
    APP,
    AUTHORIZATION,
    HLS,
    HLS_MP4,
    SNAPSHOTS,
    STORAGE,
    VIDEO,
    driver,
    recording,
)


def test_c01_acquire_in_the_shape_of_2020_answers_with_the_resource_id_only() -> None:
    answer = driver(echo_identity=False).acquire("room1", "900001")

    assert (answer.status, set(answer.body)) == (200, {"resourceId"})
    assert re.fullmatch(r"[A-Za-z0-9_-]{150,330}", answer.body["resourceId"])


def test_c02_acquire_answers_with_channel_and_uid_beside_the_resource_id() -> None:
    answer = driver().acquire("236", "518")

    assert answer.status == 200
    assert answer.body == {"cname": "236", "uid": "518", "resourceId": answer.body["resourceId"]}


def test_c03_start_that_differs_from_the_start_parameter_is_a_hash_mismatch() -> None:
    service = driver()
    acquired = service.acquire("aac", "9527", startParameter=recording(maxIdleTime=120))

    answer = service.start(acquired.body["resourceId"], recording(maxIdleTime=121), cname="aac", uid="9527")

    assert acquired.status == 200
    assert (answer.status, answer.body) == (400, {"code": 2, "reason": "request_hash mismatch!"})


def test_c04_acquire_with_a_uid_too_large_and_a_start_parameter() -> None:
    answer = driver().acquire("10003", "1754556256324", scene=0, startParameter={})

    assert (answer.status, answer.body) == (400, {"code": 2, "reason": "api body validate failed!"})


def test_c05_acquire_with_a_uid_too_large() -> None:
    answer = driver().acquire("myyf797229771", "8810546176", resourceExpiredHour=72)

    assert (answer.status, answer.body) == (400, {"code": 2, "reason": "post method api body check failed!"})


def test_c06_acquire_with_an_expiry_out_of_range() -> None:
    for hours in (0, 721):
        answer = driver().acquire(resourceExpiredHour=hours)

        assert answer.status == 400
        assert answer.body == {"code": 2, "reason": "Acquire: invalid resourceExpiredHour value!"}


def test_c07_acquire_with_an_app_id_that_is_not_enabled() -> None:
    answer = driver(app_ids=frozenset()).acquire()

    assert (answer.status, answer.body) == (400, {"message": "appid is invalid"})


def test_c08_the_same_as_the_reference_prints_it() -> None:
    answer = driver(app_ids=frozenset(), invalid_app="service").acquire()

    assert (answer.status, answer.body) == (400, {"code": 400, "reason": "invalid_appid"})


def test_c09_acquire_as_in_the_official_example() -> None:
    answer = driver().acquire("httpClient463224", "527841", scene=0, resourceExpiredHour=24)

    assert (answer.status, set(answer.body)) == (200, {"cname", "uid", "resourceId"})


def _postman_mix(fps: int, bitrate: int) -> dict[str, object]:
    video = {
        "width": 360,
        "height": 640,
        "fps": fps,
        "bitrate": bitrate,
        "mixedVideoLayout": 1,
        "maxResolutionUid": "1",
    }
    return recording(
        maxIdleTime=120, streamTypes=2, audioProfile=1, channelType=1, videoStreamType=0, transcodingConfig=video
    )


def test_c10_start_of_a_mix_as_in_the_postman_collection() -> None:
    service = driver()

    handle = service.record(_postman_mix(30, 600))

    assert service.after(20).status(handle) == 5


def test_c11_the_same_with_24_fps_and_800_kbps_is_accepted_and_never_runs() -> None:
    service = driver()

    handle = service.record(_postman_mix(24, 800))

    assert service.after(5).status(handle) == 404
    assert service.recorder(handle).files == []


def test_c12_start_with_uid_0_has_no_reason_and_an_empty_sid() -> None:
    service = driver()
    resource_id = service.acquire("test", "1").body["resourceId"]

    answer = service.start(resource_id, cname="test", uid="0")

    assert answer.status == 400
    assert answer.body == {"cname": "test", "uid": "0", "resourceId": resource_id, "sid": "", "code": 2}


def test_c13_start_answered_500_with_code_15() -> None:
    service = driver()
    resource_id = service.acquire().body["resourceId"]
    body = {"cname": "room1", "uid": "900001", "clientRequest": recording()}
    request = Request(
        "POST",
        f"/v1/apps/{APP}/cloud_recording/resourceid/{resource_id}/mode/mix/start",
        {"Authorization": AUTHORIZATION, "Content-Type": "application/json"},
        json.dumps(body).encode(),
    )

    exchange = Exchange(service.world, parse_faults("start refuse 500/15"), lambda: service.now)
    reply = asyncio.run(exchange.call(request))

    assert isinstance(reply, Reply)
    assert (reply.status, json.loads(reply.body)) == (500, {"code": 15})
    assert service.live() == 0


def test_c14_a_body_for_acquire_sent_to_start_selects_no_service() -> None:
    answer = driver().try_start({"resourceExpiredHour": 24, "scene": 0})

    assert (answer.status, answer.body) == (400, {"code": 2, "reason": "services not selected!"})


def test_c16_a_region_in_pixels_is_a_type_mismatch() -> None:
    region = {"x_axis": 0.0, "y_axis": 0.0, "width": 720.0, "height": 1280.0}
    video = VIDEO | {"mixedVideoLayout": 3, "layoutConfig": [region]}

    answer = driver().try_start(recording(transcodingConfig=video))

    assert answer.status == 400
    assert answer.body == {"code": 2, "reason": "start: width type mismatch or missing under layoutConfig!"}


def test_c17_start_gives_a_sid_of_32_hex_digits_and_a_late_stop_gives_none() -> None:
    service = driver()
    handle = service.record()
    service.leave()
    stopped = service.after(1118).stop(handle)

    assert re.fullmatch(r"[0-9a-f]{32}", handle.sid)
    assert stopped.status != 200
    assert "sid" not in stopped.body


def test_c18_the_same_identity_twice_is_a_task_conflict_every_time() -> None:
    service = driver()
    service.record()

    for _ in range(3):
        answer = service.after(10).try_start()
        assert (answer.status, answer.body) == (400, {"code": 53, "reason": "task conflict"})


def test_c45_a_black_list_with_a_small_s_is_ignored() -> None:
    service = driver(channels_occupied=False, first_slice_individual=15)
    service.join("1000408")
    handle = service.record(recording(unsubscribeVideoUids=["1000408"]), mode="individual")

    files = service.after(60).query(handle).said["fileList"]

    assert {"1000408"} == {entry["uid"] for entry in files if entry["trackType"] == "video"}


def test_c46_the_uids_of_the_documents_record_nothing() -> None:
    service = driver()
    uids = ["123", "456"]
    request = recording(channelType=1, maxIdleTime=300, subscribeAudioUids=uids, subscribeVideoUids=uids)
    handle = service.record(request)

    assert service.after(300).status(handle) == 4
    assert service.stop(handle).code == 435


def test_c47_a_mix_that_nobody_publishes_to_is_gone_for_query_and_stop() -> None:
    service = driver(channels_occupied=False)
    video = VIDEO | {"mixedVideoLayout": 1, "backgroundColor": "#FF0000"}
    request = recording(channelType=1, streamTypes=2, maxIdleTime=30, transcodingConfig=video)
    handle = service.record(request | {"storageConfig": STORAGE | {"region": 5}})

    service.after(60)

    assert service.query(handle).body == service.stop(handle).body
    assert service.query(handle).reason == "failed to find worker"


def test_c48_the_flow_of_the_official_mix_example() -> None:
    service = driver()
    everybody = ["#allstream#"]
    video = {
        "width": 640,
        "height": 640,
        "fps": 15,
        "bitrate": 800,
        "mixedVideoLayout": 0,
        "backgroundColor": "#000000",
    }
    handle = service.record(
        recording(
            channelType=1, streamTypes=2, audioProfile=2, maxIdleTime=30, transcodingConfig=video,
            subscribeAudioUids=everybody, subscribeVideoUids=everybody, files=HLS_MP4,
        )
    )  # fmt: skip
    lists = {"audioUidList": {"subscribeAudioUids": everybody}, "videoUidList": {"subscribeVideoUids": everybody}}

    assert [service.after(10).status(handle) for _ in range(3)] == [4, 5, 5]
    assert service.update(handle, streamSubscribe=lists).status == 200
    assert service.update_layout(handle, mixedVideoLayout=1, backgroundColor="#FF0000").status == 200
    assert [service.after(10).status(handle) for _ in range(3)] == [5, 5, 5]
    assert service.stop(handle, async_stop=False).status == 200


def test_c49_the_flow_of_the_official_individual_example_with_and_without_files() -> None:
    for files in ({}, {"recordingFileConfig": HLS}):
        service = driver()
        request = recording(channelType=1, streamTypes=2) | {"snapshotConfig": SNAPSHOTS} | files
        handle = service.record(request, mode="individual")

        assert service.after(90).status(handle) == 5
        assert service.stop(handle).status == 200
