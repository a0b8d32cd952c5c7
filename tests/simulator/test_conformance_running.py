"""Published observations of query, update and stop, by their numbers in the notes on the API."""

from typing import Any

from tests.simulator.driver import HLS, HLS_MP4, SNAPSHOTS, T0, VIDEO, Driver, Handle, driver, recording, running, web

JOINED_MS = int(T0 * 1000) + 2000


def test_c21_an_individual_recording_has_an_empty_list_until_status_5() -> None:
    service = driver()
    handle = running(service, recording(), "individual", seconds=10)

    assert service.query(handle).said == {"status": 4, "fileList": [], "fileListMode": "json", "sliceStartTime": 0}
    assert len(service.after(60).query(handle).said["fileList"]) == 2


def test_c22_a_mix_in_progress_names_its_one_file() -> None:
    service = driver()
    handle = running(service, recording())

    assert service.query(handle).said == {
        "status": 5,
        "fileList": f"dir/{handle.sid}_room1.m3u8",
        "fileListMode": "string",
        "sliceStartTime": JOINED_MS,
    }


def test_c23_a_recorder_with_a_users_uid_is_at_4_for_seconds_and_then_gone() -> None:
    service = driver()
    service.join("14")
    handle = service.record(uid="14")

    assert service.after(4).status(handle) == 4
    assert service.after(20).status(handle) == 404


def test_c24_without_anybody_publishing_it_stays_at_4_and_then_is_gone() -> None:
    service = driver(channels_occupied=False)
    handle = service.record(recording(channelType=1, maxIdleTime=60))
    service.join("5", publishing=False)

    assert [service.after(15).status(handle) for _ in range(4)] == [4, 4, 4, 4]
    assert service.after(15).status(handle) == 404


def test_c25_a_web_recording_may_never_list_its_files() -> None:
    service = driver(web_files=False)
    handle = running(service, web(), "web")

    said = service.query(handle).said
    assert said["status"] == 5
    assert said["extensionServiceState"][0]["payload"]["fileList"] == []
    assert service.recorder(handle).files


def test_c26_a_web_recording_soon_after_its_start() -> None:
    service = driver()
    handle = running(service, web(), "web", seconds=6)

    assert service.query(handle).said == {
        "status": 4,
        "extensionServiceState": [
            {
                "serviceName": "web_recorder_service",
                "payload": {"fileList": [], "onhold": False, "state": "inProgress"},
            }
        ],
    }


def test_c28_after_its_expiry_a_handle_is_refused() -> None:
    service = driver()
    acquired = service.acquire(resourceExpiredHour=1).body["resourceId"]
    handle = Handle(acquired, service.start(acquired).body["sid"], "mix", "room1", "900001")

    service.after(3600)

    assert service.query(handle).reason == "resourceId exceeded time limit!"
    assert service.live() == 1


def test_c29_the_official_query_of_a_mix() -> None:
    service = driver()
    handle = running(service, recording(files=HLS))

    answer = service.query(handle).body
    assert set(answer) == {"cname", "uid", "resourceId", "sid", "serverResponse"}
    assert answer["serverResponse"]["fileList"] == f"dir/{handle.sid}_room1.m3u8"


def test_c30_the_official_query_of_a_mix_with_mp4_lists_one_object() -> None:
    service = driver()
    handle = running(service, recording(files=HLS_MP4))

    said = service.query(handle).said
    assert (said["status"], said["fileListMode"], said["sliceStartTime"]) == (5, "json", JOINED_MS)
    assert said["fileList"] == [
        {
            "fileName": f"dir/{handle.sid}_room1.m3u8",
            "trackType": "audio_and_video",
            "uid": "0",
            "mixedAllUser": True,
            "isPlayable": True,
            "sliceStartTime": JOINED_MS,
        }
    ]


def test_c31_the_official_query_of_an_individual_recording_lists_two_files_a_user() -> None:
    service = driver(channels_occupied=False)
    service.join("123")
    service.join("456")
    handle = running(service, recording(), "individual")

    files = service.query(handle).said["fileList"]
    assert [(file["uid"], file["trackType"], file["isPlayable"], file["mixedAllUser"]) for file in files] == [
        ("123", "audio", True, False),
        ("123", "video", False, False),
        ("456", "audio", True, False),
        ("456", "video", False, False),
    ]
    assert files[0]["fileName"] == f"dir/{handle.sid}_room1__uid_s_123__uid_e_audio.m3u8"


def test_c32_the_official_query_of_snapshots_lists_no_files() -> None:
    service = driver()
    handle = running(service, recording() | {"snapshotConfig": SNAPSHOTS}, "individual")

    assert service.query(handle).said == {"status": 5, "sliceStartTime": JOINED_MS}


def test_c33_the_official_query_of_a_web_recording_pushed_to_a_cdn() -> None:
    service = driver()
    handle = running(service, web(publish="rtmp://192.0.2.1:1935/live/test"), "web")

    states = service.query(handle).said["extensionServiceState"]
    assert [state["serviceName"] for state in states] == ["web_recorder_service", "rtmp_publish_service"]
    assert (states[0]["payload"]["state"], states[0]["payload"]["onhold"]) == ("inProgress", False)
    assert states[1]["payload"] == {
        "state": "inProgress",
        "outputs": [{"rtmpUrl": "rtmp://192.0.2.1:1935/live/test", "status": "publishing"}],
    }


def gone(**options: Any) -> tuple[Driver, Handle]:
    service = driver(**options)
    handle = running(service, recording())
    service.world.kill(service.now, handle.sid)
    return service, handle


def test_c34_a_stop_of_what_is_gone_names_channel_and_uid() -> None:
    service, handle = gone()

    answer = service.stop(handle)
    assert answer.status == 404
    assert answer.body == {"cname": "room1", "code": 404, "reason": "failed to find worker", "uid": "900001"}


def test_c35_the_same_in_its_long_form() -> None:
    service, handle = gone(not_found="long")

    answer = service.stop(handle)
    assert (answer.status, answer.code, answer.reason) == (404, 404, None)
    assert (answer.said["command"], answer.said["payload"]) == (
        "StopCloudRecorder",
        {"message": "failed to find worker"},
    )


def test_c36_a_second_stop_is_code_49_in_its_long_form() -> None:
    service = driver()
    handle = running(service, recording())
    service.stop(handle, async_stop=True)

    answer = service.after(1).stop(handle)
    assert (answer.status, answer.code) == (400, 49)
    assert answer.said["fileListStr"] == f"dir/{handle.sid}_room1.m3u8"
    assert answer.said["payload"] == {"message": "Failed"}


def test_c37_a_stop_may_be_backed_up_and_list_nothing() -> None:
    service = driver(channels_occupied=False, no_data_435=False, uploading_status="backuped")
    handle = running(service, recording(maxIdleTime=300), "individual")

    said = service.stop(handle).said
    assert said == {"fileList": [], "fileListMode": "json", "uploadingStatus": "backuped"}


def test_c38_a_stop_of_snapshots_may_say_no_recorded_data() -> None:
    service = driver(snapshot_435=True)
    handle = running(service, recording() | {"snapshotConfig": SNAPSHOTS}, "individual")

    assert service.status(handle) == 5
    answer = service.stop(handle)
    assert (answer.status, answer.code, answer.reason) == (206, 435, "no recorded data")


def test_c39_a_stop_without_publishers_says_no_recorded_data() -> None:
    service = driver(channels_occupied=False)
    handle = running(service, recording(maxIdleTime=300))

    answer = service.stop(handle)
    assert (answer.status, answer.code) == (206, 435)


def test_c40_the_same_stop_is_sometimes_200_and_sometimes_400() -> None:
    service = driver()
    handle = running(service, recording())

    assert [service.stop(handle).status for _ in range(2)] == [200, 400]


def test_c41_a_synchronous_stop_takes_as_long_as_its_uploads() -> None:
    service = driver(upload_seconds=15.0)
    handle = running(service, recording())

    assert service.stop(handle).delay == 15.0


def test_c42_the_official_stop_of_a_mix_with_mp4() -> None:
    service = driver()
    handle = running(service, recording(files=HLS_MP4))

    said = service.stop(handle).said
    names = [file["fileName"] for file in said["fileList"]]
    assert names == [f"dir/{handle.sid}_room1.m3u8", f"dir/{handle.sid}_room1_0.mp4"]
    assert (said["fileListMode"], said["uploadingStatus"]) == ("json", "uploaded")


def test_c43_the_official_stop_of_a_web_recording() -> None:
    service = driver()
    handle = running(service, web(), "web")

    states = service.stop(handle).said["extensionServiceState"]
    assert [state["serviceName"] for state in states] == ["web_recorder_service", "upload_service"]
    assert (states[0]["payload"]["state"], states[1]["payload"]) == ("exit", {"uploadingStatus": "uploaded"})


def test_c44_a_stop_of_snapshots_tells_the_upload_only() -> None:
    service = driver()
    handle = running(service, recording() | {"snapshotConfig": SNAPSHOTS}, "individual")

    assert service.stop(handle).said == {"uploadingStatus": "uploaded"}


def test_c50_a_layout_of_two_regions_is_taken() -> None:
    service = driver()
    handle = running(service, recording(transcodingConfig=VIDEO))
    sizes = {"alpha": 1.0, "render_mode": 1, "width": 0.1, "height": 0.1}
    regions = [{"uid": "1", "x_axis": 0.1, "y_axis": 0.1} | sizes, {"uid": "2", "x_axis": 0.2, "y_axis": 0.2} | sizes]

    answer = service.update_layout(handle, mixedVideoLayout=3, backgroundColor="#FF0000", layoutConfig=regions)

    names = {"cname": "room1", "uid": "900001", "resourceId": handle.resource_id, "sid": handle.sid}
    assert (answer.status, answer.body) == (200, names)


def test_c51_an_update_takes_a_white_and_a_black_list() -> None:
    service = driver()
    handle = running(service, recording())
    lists = {
        "audioUidList": {"subscribeAudioUids": ["#allstream#"]},
        "videoUidList": {"unSubscribeVideoUids": ["444", "555", "666"]},
    }

    assert service.update(handle, streamSubscribe=lists).status == 200
    assert service.recorder(handle).subscription == lists["audioUidList"] | lists["videoUidList"]


def test_c52_what_the_gateway_says() -> None:
    service = driver(rate=1, burst=1)
    service.headers["Authorization"] = "nonsense"
    wrong = service.acquire()
    service.headers["Authorization"] = "Basic YTpi"

    assert (wrong.status, wrong.body) == (401, {"message": "Invalid authentication credentials"})
    missing = service.service("GET", "acquire")
    assert (missing.status, missing.body) == (404, {"message": "no Route matched with those values"})
    assert service.acquire().status == 200
    refused = service.acquire()
    assert (refused.status, refused.body) == (429, {"message": "API rate limit exceeded"})
