"""Published webhooks, by their numbers in the notes on the API."""

from typing import Any

from tests.simulator.driver import HLS_MP4, T0, Driver, driver, recording, running, web

JOINED_MS = int(T0 * 1000) + 2000


def details(service: Driver, event_type: int) -> list[dict[str, Any]]:
    service.live()
    return [notice.payload["details"] for notice in service.world.notices if notice.event_type == event_type]


def test_c19_a_bad_token_is_told_by_event_1() -> None:
    service = driver(bad_tokens=frozenset({"wrong"}))
    handle = running(service, recording() | {"token": "wrong"}, seconds=5)
    notice = next(notice.envelope() for notice in service.world.notices if notice.event_type == 1)

    assert service.status(handle) == 404
    assert (notice["productId"], notice["eventType"], notice["sid"]) == (3, 1, handle.sid)
    assert notice["payload"]["serviceType"] == 0
    assert notice["payload"]["serviceScene"] == "mix_record"
    assert notice["payload"]["details"] == {
        "stat": 0, "errorLevel": 5, "errorMsg": "", "module": 0, "errorCode": 110, "msgName": "cloud_recording_error",
    }  # fmt: skip


def test_c53_event_31_lists_what_was_uploaded_but_for_web() -> None:
    shapes = []
    for request, mode in ((recording(), "individual"), (recording(files=HLS_MP4), "mix"), (web(), "web")):
        service = driver()
        service.stop(running(service, request, mode))
        service.after(5)
        shapes += [[file["trackType"] for file in event.get("fileList", [])] for event in details(service, 31)]

    assert shapes == [["audio", "video"], ["audio_and_video", "audio_and_video"], []]


def test_c54_event_71_tells_that_the_hours_are_over() -> None:
    service = driver()
    handle = service.record(web(maxRecordingHour=4, files=HLS_MP4), "web")
    service.after(4 * 3600)

    event = details(service, 71)[0]
    assert (event["code"], event["message"], event["details"]) == (1, "max_recording_hour", "max recording hour is 4")
    names = [file["filename"] for file in event["fileList"]]
    assert names == [f"dir/{handle.sid}_room1.m3u8", f"dir/{handle.sid}_room1_0.mp4"]


def test_c55_event_40_tells_that_a_recorder_is_in_the_channel() -> None:
    service = driver()
    handle = running(service, recording(), seconds=3)
    notice = service.world.notices[0].envelope()

    assert (notice["eventType"], notice["sid"], notice["notifyMs"]) == (40, handle.sid, JOINED_MS)
    assert notice["payload"]["serviceType"] == 1
    assert notice["payload"]["details"] == {"status": 0, "msgName": "recorder_started"}
