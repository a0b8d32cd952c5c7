"""The service's answers, by table. Ids name the cases of the public record they come from."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.agora.answers import (
    AlreadyStarted,
    IdentityHeld,
    NotAllocated,
    ResourceSpent,
    StartAccepted,
    Stopped,
    Updated,
    is_from_service,
    lacks_route,
    read_acquire,
    read_query,
    read_start,
    read_stop,
    read_update,
)
from reconciler.agora.hints import Endpoint
from reconciler.agora.reading import HttpAnswer
from reconciler.errors import (
    AppRejectedError,
    NoRoomError,
    OutcomeUnknownError,
    ReconcilerError,
    RejectedError,
    ServiceError,
    ThrottledError,
    TransientError,
)
from reconciler.evidence import ControlExpired, Live, Missing, RecordedFile

AT = datetime(2026, 1, 1, 9, tzinfo=UTC)
READERS: dict[Endpoint, Callable[[HttpAnswer], object]] = {
    "acquire": read_acquire,
    "start": read_start,
    "query": read_query,
    "update": read_update,
    "updateLayout": read_update,
    "stop": read_stop,
}
SID = "993ba05b7a4318557e17288b067884df"
GONE = {"cname": "24080002", "code": 404, "reason": "failed to find worker", "uid": "1"}
NO_ROUTE = {"message": "no Route matched with those values"}
EXPIRED = {"code": 2, "reason": "resourceId exceeded time limit!"}
HTML = b"<html><body>502 Bad Gateway</body></html>"


def answered(endpoint: Endpoint, status: int, body: object, hidden: tuple[str, ...] = ()) -> HttpAnswer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpAnswer(endpoint, status, {"X-Request-Id": "req-1"}, raw, AT, hidden)


def outcome(endpoint: Endpoint, status: int, body: object) -> object:
    """Give what the reader returns, or the class of what it raises."""
    try:
        return READERS[endpoint](answered(endpoint, status, body))
    except ServiceError as error:
        return type(error)


def case(name: str, *values: object) -> Any:
    return pytest.param(*values, id=name)


ACQUIRE = [
    case("C01 only a resource id, as in 2020", 200, {"resourceId": "M__JjrYnkL1fcv-3aAx4wA"}, "M__JjrYnkL1fcv-3aAx4wA"),
    case("C02 with channel and uid", 200, {"cname": "236", "resourceId": "R1", "uid": "518"}, "R1"),
    case("C04 code 2", 400, {"code": 2, "reason": "api body validate failed!"}, RejectedError),
    case("C05 code 2 under HTTP 500", 500, {"code": 2, "reason": "post method api body check failed!"}, RejectedError),
    case(
        "C06 resourceExpiredHour",
        400,
        {"code": 2, "reason": "Acquire: invalid resourceExpiredHour value!"},
        RejectedError,
    ),
    case("C07 not enabled", 400, {"message": "appid is invalid"}, AppRejectedError),
    case("C08 not enabled, by the service", 400, {"code": 400, "reason": "invalid_appid"}, AppRejectedError),
    case("its words without its code", 400, {"reason": "invalid_appid"}, AppRejectedError),
    case("bad channel name", 400, {"code": 401, "reason": "invalid_channel_name"}, RejectedError),
    case("bad channel name, older", 400, {"code": 1013}, RejectedError),
    case("suspended", 400, {"code": 405, "reason": "no_active_status"}, AppRejectedError),
    case("no room", 400, {"code": 406, "reason": "vendor_over_load"}, NoRoomError),
    case("numeric string", 400, {"code": "406", "reason": "vendor_over_load"}, NoRoomError),
    case("internal", 500, {"code": 500, "reason": "internal_error"}, TransientError),
    case("no manager", 500, {"code": 501, "reason": "no_worker_manager_available"}, TransientError),
    case("its code under HTTP 400", 400, {"code": 504, "reason": "allocate_timeout"}, TransientError),
    case("62 in older days", 400, {"code": 62}, AppRejectedError),
    case("62 today", 500, {"code": 62, "reason": "request timeout"}, TransientError),
    case("C52 wrong credentials", 401, {"message": "Invalid authentication credentials"}, AppRejectedError),
    case("no credentials", 401, {"message": "Unauthorized"}, AppRejectedError),
    case("401 in the body too", 401, {"code": 401, "message": "Unauthorized"}, AppRejectedError),
    case("C52 no route", 404, NO_ROUTE, RejectedError),
    case("C52 throttled", 429, {"message": "API rate limit exceeded"}, ThrottledError),
    case("throttled without JSON", 429, b"slow down", ThrottledError),
    case("success without a resource id", 200, {"cname": "x"}, TransientError),
    case("success with an unusable resource id", 200, {"resourceId": "a b\u0000"}, TransientError),
    case("206", 206, {"resourceId": "R"}, TransientError),
    case("truncated", 200, b'{"resourceId": "M__J', TransientError),
    case("html", 502, HTML, TransientError),
    case("403", 403, {"message": "Forbidden"}, RejectedError),
    case("request timeout at the gateway", 408, {"message": "late"}, TransientError),
    case("a list", 200, [1], TransientError),
]

START = [
    case("accepted", 200, {"cname": "c", "uid": "1", "resourceId": "R", "sid": SID}, StartAccepted(SID)),
    case("accepted, as in 2020", 200, {"resourceId": "R", "sid": SID, "new": [1]}, StartAccepted(SID)),
    case("accepted with code 0", 200, {"sid": SID, "code": 0}, StartAccepted(SID)),
    case("201 as documented", 201, {"code": 7, "reason": "already started"}, AlreadyStarted(None)),
    case("201 with a sid", 201, {"code": 7, "reason": "already started", "sid": SID}, AlreadyStarted(SID)),
    case("201 with an empty sid", 201, {"code": "7", "sid": ""}, AlreadyStarted(None)),
    case("201 shaped like a success", 201, {"resourceId": "R", "sid": SID}, AlreadyStarted(SID)),
    case("201 by its words", 201, {"reason": "already started"}, AlreadyStarted(None)),
    case("201 that says nothing", 201, {}, OutcomeUnknownError),
    case("C03 hash", 400, {"code": 2, "reason": "request_hash mismatch!"}, RejectedError),
    case(
        "C12 code 2, no reason",
        400,
        {"cname": "test", "uid": "0", "resourceId": "R", "sid": "", "code": 2},
        RejectedError,
    ),
    case("C12 code 2 whatever the status", 200, {"cname": "test", "uid": "0", "sid": "", "code": 2}, RejectedError),
    case("C13 500 code 15", 500, {"resourceId": "nUwUbQf9", "sid": "", "code": 15}, OutcomeUnknownError),
    case("C14 services", 400, {"code": 2, "reason": "services not selected!"}, RejectedError),
    case(
        "C16 layout",
        400,
        {"code": 2, "reason": "start: width type mismatch or missing under layoutConfig!"},
        RejectedError,
    ),
    case("206/65", 206, {"code": 65, "reason": "request not completed"}, OutcomeUnknownError),
    case("65 under HTTP 400", 400, {"code": 65}, OutcomeUnknownError),
    case("500/62", 500, {"code": 62, "reason": "request timeout"}, OutcomeUnknownError),
    case("gateway 502", 502, HTML, OutcomeUnknownError),
    case("gateway 502 in JSON", 502, {"message": "An invalid response was received"}, OutcomeUnknownError),
    case("a gateway that writes its status as code", 502, {"code": 502, "message": "Bad Gateway"}, OutcomeUnknownError),
    case("success without sid", 200, {"resourceId": "R", "sid": ""}, OutcomeUnknownError),
    case("success with a sid that cannot be one", 200, {"sid": ["x"]}, OutcomeUnknownError),
    case("truncated", 200, b'{"resourceId":"R","sid":"993b', OutcomeUnknownError),
    case("unreadable 404", 404, b"<html>", OutcomeUnknownError),
    case("no route", 404, NO_ROUTE, RejectedError),
    case("no route is no 404 even with a code", 404, {"code": 404, **NO_ROUTE}, RejectedError),
    case("401", 401, {"message": "Unauthorized"}, AppRejectedError),
    case("400 appid", 400, {"message": "appid is invalid"}, AppRejectedError),
    case("400/400", 400, {"code": 400, "reason": "invalid_appid"}, AppRejectedError),
    case("400/400 about something else", 400, {"code": 400, "reason": "bad"}, RejectedError),
    case("405", 400, {"code": 405, "reason": "no_active_status"}, AppRejectedError),
    case("405 about something else", 400, {"code": 405, "reason": "method"}, RejectedError),
    case("406", 400, {"code": 406, "reason": "vendor_over_load"}, NoRoomError),
    case("429", 429, {"message": "API rate limit exceeded"}, ThrottledError),
    case("432", 400, {"code": 432}, RejectedError),
    case("an unknown 4xx", 400, {"code": 777}, RejectedError),
    case("404/404", 404, GONE, RejectedError),
]

M3U8 = "aaaa/432efaf2144e051bb32fb490db89c462_httpClient463224.m3u8"
WEB_FILES = [{"filename": "S32_room1.m3u8", "sliceStartTime": 1562724971626}]
SLICE = datetime(2019, 7, 10, 2, 16, 11, 626000, tzinfo=UTC)


def entry(name: str, uid: str = "0", track: str = "audio_and_video", **more: object) -> dict[str, object]:
    return {"fileName": name, "uid": uid, "trackType": track, "sliceStartTime": 1562724971626, **more}


def recorded(name: str, uid: str = "0", track: str = "audio_and_video") -> RecordedFile:
    return RecordedFile(name, uid, track, SLICE)


def responded(**response: object) -> dict[str, object]:
    return {"cname": "c", "uid": "5035801", "resourceId": "R", "sid": SID, "serverResponse": response}


def web(files: object, status: int = 5, state: str = "inProgress") -> dict[str, object]:
    payload = {"fileList": files, "onhold": False, "state": state}
    outputs = [{"rtmpUrl": "rtmp://1.1.1.1:1935/live/test", "status": "publishing"}]
    publish = {"serviceName": "rtmp_publish_service", "payload": {"state": state, "outputs": outputs}}
    return responded(
        status=status, extensionServiceState=[{"serviceName": "web_recorder_service", "payload": payload}, publish]
    )


QUERY = [
    case(
        "C21 individual soon after start",
        200,
        responded(status=4, fileList=[], fileListMode="json", sliceStartTime=0),
        Live(AT, 4),
    ),
    case(
        "C22 mix, a file name",
        200,
        {"serverResponse": {"status": 5, "fileList": "zzzz.m3u8", "fileListMode": "string"}},
        Live(AT, 5, (RecordedFile("zzzz.m3u8"),)),
    ),
    case("C25 web without files", 200, web([]), Live(AT, 5)),
    case("C26 web, doc example", 200, web([], status=4), Live(AT, 4)),
    case(
        "C27 moderation, an object and no status",
        200,
        responded(
            extensionServiceState={"serviceName": "yitu_voice_async_scan", "streamState": {"status": "inProgress"}},
            subServiceStatus={"mediaDistributeService": "serviceReady", "recordingService": "serviceInProgress"},
        ),
        Live(AT, 5),
    ),
    case("C27 and then gone", 404, {**GONE, "uid": "999"}, Missing(AT)),
    case("C28 expired", 400, EXPIRED, ControlExpired(AT)),
    case("C28 expired, whatever the status", 404, {"message": "resourceId exceeded time limit!"}, ControlExpired(AT)),
    case(
        "C29 mix hls",
        200,
        responded(status=5, fileListMode="string", fileList=M3U8, sliceStartTime=1562724971626),
        Live(AT, 5, (RecordedFile(M3U8),)),
    ),
    case(
        "C30 mix hls and mp4",
        200,
        responded(status=5, fileListMode="json", fileList=[entry("a.m3u8", mixedAllUser=True, isPlayable=True)]),
        Live(AT, 5, (recorded("a.m3u8"),)),
    ),
    case(
        "C30 typed as in 2020",
        200,
        responded(
            status="5",
            fileList=[{"filename": "a.m3u8", "uid": 0, "mixedAllUser": "true", "sliceStartTime": "1562724971626"}],
        ),
        Live(AT, 5, (RecordedFile("a.m3u8", "0", None, SLICE),)),
    ),
    case(
        "C31 individual",
        200,
        responded(
            status=5,
            fileList=[
                entry(f"{uid}_{track}.m3u8", uid, track) for uid in ("123", "456") for track in ("audio", "video")
            ],
        ),
        Live(
            AT,
            5,
            tuple(
                recorded(f"{uid}_{track}.m3u8", uid, track) for uid in ("123", "456") for track in ("audio", "video")
            ),
        ),
    ),
    case("C32 snapshot", 200, responded(status=5, sliceStartTime=1562724971626), Live(AT, 5)),
    case("C33 web and CDN", 200, web(WEB_FILES), Live(AT, 5, (RecordedFile("S32_room1.m3u8", None, None, SLICE),))),
    case(
        "a list in a JSON string, with seconds",
        200,
        responded(status=5, fileList='[{"fileName":"a","sliceStartTime":1562724971}]'),
        Live(AT, 5, (RecordedFile("a", None, None, SLICE.replace(microsecond=0)),)),
    ),
    case(
        "a list of names, one twice",
        200,
        responded(status=5, fileList=["a", "b", "a"]),
        Live(AT, 5, (RecordedFile("a"), RecordedFile("b"))),
    ),
    case(
        "a name that only looks like JSON",
        200,
        responded(status=5, fileList="[a].m3u8"),
        Live(AT, 5, (RecordedFile("[a].m3u8"),)),
    ),
    case(
        "a time beyond all calendars",
        200,
        responded(status=5, fileList=[entry("a") | {"sliceStartTime": 10**17}]),
        Live(AT, 5, (RecordedFile("a", "0", "audio_and_video"),)),
    ),
    case("a server response in a JSON string", 200, {"serverResponse": '{"status":"4"}'}, Live(AT, 4)),
    case("status 8", 200, responded(status=8), Missing(AT)),
    case("status 20", 200, responded(status="20"), Missing(AT)),
    case("404 as a numeric string", 404, {"code": "404", "reason": "failed to find worker"}, Missing(AT)),
    case("404 by the service's words alone", 404, {"reason": "failed to find worker"}, Missing(AT)),
    case(
        "C35 404, long",
        404,
        {"code": 404, "serverResponse": {"payload": {"message": "failed to find worker"}}},
        Missing(AT),
    ),
    case(
        "404 with misprinted payload",
        404,
        {"serverResponse": {"playload": {"message": "failed to find worker"}}},
        Missing(AT),
    ),
    case("C52 no route is not gone", 404, NO_ROUTE, TransientError),
    case("no route is not gone even with a code", 404, {"code": 404, **NO_ROUTE}, TransientError),
    case("a gateway's 404 is not gone", 404, {"message": "failed to find worker"}, TransientError),
    case("a web server's 404 is not gone", 404, b"<html>404</html>", TransientError),
    case("206/65", 206, {"code": 65, "reason": "request not completed"}, TransientError),
    case("504/62", 504, {"code": 62, "reason": "request timeout"}, TransientError),
    case("503", 503, b"", TransientError),
    case("501 exiting", 500, {"code": 501}, TransientError),
    case("2", 400, {"code": 2}, RejectedError),
    case("1003", 400, {"code": 1003}, RejectedError),
    case("401", 401, {"message": "Unauthorized"}, AppRejectedError),
    case("429", 429, {"message": "API rate limit exceeded"}, ThrottledError),
    case("no status", 200, responded(sliceStartTime=1), TransientError),
    case("a status that is none", 200, responded(status=-7), TransientError),
    case("a status beyond numbers", 200, b'{"serverResponse":{"status":1e400}}', TransientError),
    case("no server response", 200, {"sid": SID}, TransientError),
    case("truncated", 200, b'{"serverResponse":{"status":5', TransientError),
    case("nested beyond reason", 200, b"[" * 100_000, TransientError),
]

UPDATE = [
    case("done", 200, {"cname": "c", "uid": "1", "resourceId": "R", "sid": SID}, Updated()),
    case("gone", 404, GONE, Missing(AT)),
    case("expired", 400, EXPIRED, ControlExpired(AT)),
    case("206/65", 206, {"code": 65}, OutcomeUnknownError),
    case("504/62", 504, {"code": 62}, OutcomeUnknownError),
    case("html", 500, HTML, OutcomeUnknownError),
    case("unreadable success", 200, b"ok", OutcomeUnknownError),
    case("leaving", 400, {"code": 49, "reason": "invalid operation"}, TransientError),
    case("exiting", 500, {"code": 501}, TransientError),
    case("2", 400, {"code": 2, "reason": "x"}, RejectedError),
    case("1028", 400, {"code": 1028}, RejectedError),
    case("no route", 404, NO_ROUTE, RejectedError),
    case("429", 429, {"message": "API rate limit exceeded"}, ThrottledError),
]

C36 = {
    "backuped": 0,
    "fileListMode": "string",
    "fileListStr": "quickstart/2354_123456.m3u8",
    "gwWorkerVersion": 1,
    "inProgressBitmask": 1,
    "output": {},
    "payload": {"message": "Failed"},
    "selectionBitmask": 1,
    "subscribeModeBitmask": 1,
}
C35 = {"command": "StopCloudRecorder", "payload": {"message": "failed to find worker"}, "vid": "1209"}
UPLOADED = {"serviceName": "upload_service", "payload": {"uploadingStatus": "uploaded"}}

STOP = [
    case("C34 gone", 404, GONE, Missing(AT)),
    case(
        "C35 gone, long", 404, {"cname": "64ce638a934f", "code": 404, "serverResponse": C35, "sid": "746d"}, Missing(AT)
    ),
    case(
        "C36 leaving, with files",
        400,
        {"cname": "123456", "uid": "10002", "code": 49, "serverResponse": C36},
        Stopped((RecordedFile("quickstart/2354_123456.m3u8"),), None, "leaving"),
    ),
    case("leaving, short", 400, {"code": 49, "reason": "invalid operation"}, Stopped((), None, "leaving")),
    case("leaving by its words", 400, {"reason": "invalid operation"}, Stopped((), None, "leaving")),
    case(
        "C37 backuped",
        200,
        responded(fileList=[], fileListMode="json", uploadingStatus="backuped"),
        Stopped((), "backuped", "stopped"),
    ),
    case("C38 C39 no data", 206, {"code": 435, "reason": "no recorded data"}, Stopped((), None, "no-data")),
    case(
        "C42 mix hls and mp4",
        200,
        responded(fileListMode="json", fileList=[entry("a.m3u8"), entry("a_0.mp4")], uploadingStatus="uploaded"),
        Stopped((recorded("a.m3u8"), recorded("a_0.mp4")), "uploaded", "stopped"),
    ),
    case(
        "C43 web",
        200,
        responded(
            extensionServiceState=[
                {"serviceName": "web_recorder_service", "playload": {"fileList": WEB_FILES, "state": "exit"}},
                UPLOADED,
            ]
        ),
        Stopped((RecordedFile("S32_room1.m3u8", None, None, SLICE),), "uploaded", "stopped"),
    ),
    case("C44 snapshot", 200, responded(uploadingStatus="unknow"), Stopped((), "unknown", "stopped")),
    case("no server response", 200, {"sid": SID}, Stopped((), None, "stopped")),
    case(
        "50, upload pending",
        206,
        {"code": 50, **responded(fileList="a.m3u8")},
        Stopped((RecordedFile("a.m3u8"),), "pending", "stopped"),
    ),
    case("206/65", 206, {"code": 65, "reason": "request not completed"}, OutcomeUnknownError),
    case("206 that says nothing", 206, responded(fileList="a"), OutcomeUnknownError),
    case("504/62", 504, {"code": 62, "reason": "request timeout"}, OutcomeUnknownError),
    case("500", 500, {"message": "oops"}, OutcomeUnknownError),
    case("unreadable success", 200, b"", OutcomeUnknownError),
    case("2", 400, {"code": 2}, RejectedError),
    case("C28 expired", 400, EXPIRED, ControlExpired(AT)),
    case("401", 401, {"message": "Invalid authentication credentials"}, AppRejectedError),
    case("no route", 404, NO_ROUTE, RejectedError),
    case("no route with a code", 404, {"code": 404, **NO_ROUTE}, RejectedError),
    case("a gateway's 404", 404, b"nope", OutcomeUnknownError),
]

SPENT = [
    case("433", 400, {"code": 433}),
    case("1001", 400, {"code": 1001}),
    case("over the limit", 400, EXPIRED | {"code": 3}),
]

NOT_ALLOCATED = [
    case("500/502", 500, {"code": 502, "reason": "Failed to allocate worker"}),
    case("500/502 without words", 500, {"code": 502}),
    case("allocate by its words", 500, {"reason": "Failed to allocate worker"}),
]


@pytest.mark.parametrize(("status", "body", "expected"), ACQUIRE)
def test_acquire(status: int, body: object, expected: object) -> None:
    assert outcome("acquire", status, body) == expected


@pytest.mark.parametrize(("status", "body", "expected"), START)
def test_start(status: int, body: object, expected: object) -> None:
    assert outcome("start", status, body) == expected


@pytest.mark.parametrize(("status", "body"), SPENT)
def test_start_with_a_spent_resource_id(status: int, body: object) -> None:
    answer = outcome("start", status, body)
    assert isinstance(answer, ResourceSpent)
    assert answer.problem.http_status == status


@pytest.mark.parametrize(("status", "body"), NOT_ALLOCATED)
def test_start_for_which_there_is_no_worker(status: int, body: object) -> None:
    answer = outcome("start", status, body)
    assert isinstance(answer, NotAllocated)
    assert answer.problem.http_status == status


def test_start_while_the_identity_is_held() -> None:
    answer = outcome("start", 400, {"code": 53, "reason": "task conflict"})
    assert isinstance(answer, IdentityHeld)
    assert (answer.problem.code, answer.problem.said) == (53, "task conflict")
    assert "reconciler import" in answer.problem.hint


@pytest.mark.parametrize(("status", "body", "expected"), QUERY)
def test_query(status: int, body: object, expected: object) -> None:
    assert outcome("query", status, body) == expected


@pytest.mark.parametrize("endpoint", ["update", "updateLayout"])
@pytest.mark.parametrize(("status", "body", "expected"), UPDATE)
def test_update(endpoint: Endpoint, status: int, body: object, expected: object) -> None:
    assert outcome(endpoint, status, body) == expected


@pytest.mark.parametrize(("status", "body", "expected"), STOP)
def test_stop(status: int, body: object, expected: object) -> None:
    assert outcome("stop", status, body) == expected


def problem_of(endpoint: Endpoint, status: int, body: object, hidden: tuple[str, ...] = ()) -> str:
    with pytest.raises(ServiceError) as raised:
        READERS[endpoint](answered(endpoint, status, body, hidden))
    return str(raised.value)


def test_a_problem_has_words_code_request_id_and_a_cure() -> None:
    assert problem_of("acquire", 400, {"code": 2, "reason": "Acquire: invalid resourceExpiredHour value!"}) == (
        "acquire answered 400 code 2: Acquire: invalid resourceExpiredHour value! (request id req-1). "
        "`controlFor` must be between 1h and 30d"
    )


@pytest.mark.parametrize(
    ("endpoint", "status", "body", "cure"),
    [
        case("credentials", "query", 401, {"message": "Unauthorized"}, "customer id"),
        case("401 without words", "query", 401, b"", "customer id"),
        case("outage", "query", 503, b"", "outage"),
        case("no words", "start", 400, {"code": 2}, "render --wire"),
        case("capacity", "acquire", 500, {"code": 501}, "capacity"),
        case("nothing known", "start", 400, {"code": 777}, ""),
        case("nothing known, no code", "start", 418, {"message": "teapot"}, ""),
    ],
)
def test_a_hint_at_the_cure(endpoint: Endpoint, status: int, body: object, cure: str) -> None:
    assert cure in problem_of(endpoint, status, body)


def test_answer_text_is_short_and_on_one_line() -> None:
    text = problem_of("acquire", 400, {"code": 2, "reason": "a\x1b[31m\n\ud800b\u202e\ud7fc" + "x" * 10_000})
    assert len(text) < 500
    assert text.isprintable()
    assert text.encode()


def test_a_body_without_words_is_described_and_never_shown() -> None:
    assert "not the JSON of the service (41 bytes)" in problem_of("query", 502, HTML)
    assert "an empty body" in problem_of("query", 502, b"")
    assert "no words" in problem_of("query", 502, {})


def test_echoed_secrets_are_masked() -> None:
    said = {"code": 2, "reason": "bad secretKey hunter22-and-more in hunter22"}
    text = problem_of("start", 400, said, hidden=("hunter22", "hunter22-and-more"))
    assert "hunter22" not in text
    assert "bad secretKey **** in ****" in text
    answer = answered("start", 400, said, hidden=("hunter22",))
    assert "hunter22" not in repr(answer)


def test_a_secret_that_is_part_of_the_services_words_changes_no_meaning() -> None:
    masked = answered("acquire", 400, {"message": "appid is invalid"}, hidden=("is",))
    with pytest.raises(AppRejectedError, match=r"appid \*{4} invalid"):
        read_acquire(masked)
    with pytest.raises(TransientError):
        read_query(answered("query", 404, {"code": 404, **NO_ROUTE}, hidden=("Route",)))


def test_who_answered() -> None:
    assert is_from_service(answered("query", 404, GONE))
    assert is_from_service(answered("query", 200, responded(status=5)))
    assert not is_from_service(answered("query", 404, NO_ROUTE))
    assert not is_from_service(answered("query", 404, {"code": 404, **NO_ROUTE}))
    assert not is_from_service(answered("query", 401, {"message": "Unauthorized"}))
    assert not is_from_service(answered("query", 502, HTML))
    assert lacks_route(answered("query", 404, NO_ROUTE))
    assert not lacks_route(answered("query", 404, GONE))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["404", "7", "[1", "{}", SID]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
KNOWN_KEYS = st.sampled_from(
    [
        "code",
        "reason",
        "message",
        "resourceId",
        "sid",
        "status",
        "fileList",
        "fileListStr",
        "extensionServiceState",
        "uploadingStatus",
        "payload",
        "playload",
        "subServiceStatus",
        "fileName",
        "sliceStartTime",
        "uid",
        "serviceName",
    ]
)
OBJECTS = st.dictionaries(KNOWN_KEYS, JSON | st.dictionaries(KNOWN_KEYS, JSON), max_size=6)
BODIES = (
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.builds(lambda top, inner: json.dumps({**top, "serverResponse": inner}).encode(), OBJECTS, OBJECTS | JSON)
)
STATUSES = st.sampled_from([200, 201, 206, 302, 400, 401, 404, 408, 429, 500, 502, 503, 504]) | st.integers(100, 999)


@given(st.sampled_from(sorted(READERS)), STATUSES, BODIES)
def test_no_answer_makes_a_reader_fail_otherwise_than_by_name(endpoint: Endpoint, status: int, body: bytes) -> None:
    result: object
    try:
        result = READERS[endpoint](HttpAnswer(endpoint, status, {}, body, AT))
    except ReconcilerError as error:
        result = error
    assert isinstance(result, ServiceError) or not isinstance(result, Exception)
    assert f"{result} {result!r}".encode()


@given(STATUSES, BODIES)
def test_only_the_service_itself_can_say_that_a_recorder_is_gone(status: int, body: bytes) -> None:
    answer = HttpAnswer("query", status, {}, body, AT)
    try:
        observation = read_query(answer)
    except ServiceError:
        return
    assert isinstance(observation, Live | ControlExpired) or is_from_service(answer)
