"""Webhooks as they arrive: which are genuine, and what each says (agora-api.md 7, C19, C53 to C56)."""

import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.agora.notices import Aside, Garbled, read_notice, verify
from reconciler.evidence import (
    Erred,
    Exited,
    FailedOver,
    FirstFiles,
    Left,
    Meaning,
    Notice,
    Other,
    RecordedFile,
    RecorderStarted,
    Uploaded,
    WebStopped,
)
from reconciler.ledger import documents
from reconciler.model import Key, Secret
from tests.ledger.pages import anything

NOW = datetime(2026, 1, 1, 9, tzinfo=UTC)
SECRET = Secret("secret")

# agora-api.md 7.1 [computed]: the body of the older page, and that of the current one
OLDER = (
    b'{"eventMs":1560408533119,"eventType":10,"noticeId":"4eb720f0-8da7-11e9-a43e-53f411c2761f",'
    b'"notifyMs":1560408533119,"payload":{"a":"1","b":2},"productId":1}'
)
OLDER_V1 = "033c62f40f687675f17f0f41f91a40c71c0f134c"
OLDER_V2 = "6d3320c60b11101395b7fc8f9068748808a0aa1bfa064438e39d1bc2c7d74d99"
CURRENT = OLDER.replace(b'"eventMs":1560408533119,', b"")
CURRENT_V1 = "5a3bb6a6d9fad2ea9ae3fb707a14c9d7f3136df1"
CURRENT_V2 = "de96da5acf03b0021ac3b4fa2225e7ae6f3533a30d50bb02c08ea4fa748bda24"

C19 = (
    b'{"notifyMs":1755765617377,"productId":3,"payload":{"serviceType":0,"uid":"999","serviceScene":"mix_record",'
    b'"sendts":1755765617340,"sequence":3,"cname":"show","details":{"stat":0,"errorLevel":5,"errorMsg":"","module":0,'
    b'"errorCode":110,"msgName":"cloud_recording_error"},"sid":"fb9549dbc24a76aefa00739c7172a41b"},"eventType":1,'
    b'"noticeId":"eb63b9b4304ba87769f708800ffc35b3","sid":"fb9549dbc24a76aefa00739c7172a41b"}'
)
C55 = (
    b'{"noticeId":"31aeb35a9245cbd977cfe18b438b75ed","notifyMs":1596555306283,"eventType":40,'
    b'"sid":"d12fdce9024d37862a8f3a88e387c817","payload":{"serviceType":1,"uid":"1001","sequence":1,'
    b'"sendts":1596555306257,"cname":"Testing2","details":{"status":0,"msgName":"recorder_started"},'
    b'"sid":"d12fdce9024d37862a8f3a88e387c817"},"productId":3}'
)


def body(event_type: object = 40, details: Any = None, **changes: Any) -> bytes:
    """An envelope; `changes` go into the payload, None takes a field out."""
    payload = {"cname": "standup", "uid": "77", "sid": "S1", "sequence": 4, "sendts": 1767258000000, **changes}
    payload = {name: value for name, value in payload.items() if value is not None}
    return json.dumps({"noticeId": "N1", "productId": 3, "eventType": event_type, "notifyMs": 1767258000500,
                       "payload": {**payload, "details": details or {}}}).encode()  # fmt: skip


def read(raw: bytes) -> Notice:
    notice = read_notice(raw, NOW)
    assert isinstance(notice, Notice)
    return notice


class TestSignature:
    @pytest.mark.parametrize(
        ("raw", "headers"),
        [
            (OLDER, {"Agora-Signature": OLDER_V1}),
            (OLDER, {"Agora-Signature-V2": OLDER_V2}),
            (OLDER, {"Agora-Signature": OLDER_V1, "Agora-Signature-V2": OLDER_V2, "Content-Type": "application/json"}),
            (CURRENT, {"Agora-Signature": CURRENT_V1, "Agora-Signature-V2": CURRENT_V2}),
            (OLDER, {"agora-signature-v2": OLDER_V2}),
            (OLDER, {"AGORA-SIGNATURE": OLDER_V1.upper()}),
        ],
        ids=["SHA1 alone", "SHA256 alone", "both", "the current page's body", "lower-case header", "upper case"],
    )
    def test_what_the_service_signed_is_genuine(self, raw: bytes, headers: dict[str, str]) -> None:
        assert verify(SECRET, raw, headers)

    @pytest.mark.parametrize(
        ("raw", "headers"),
        [
            (OLDER, {}),
            (OLDER, {"Agora-Signature": ""}),
            (OLDER, {"Agora-Signature": OLDER_V2}),
            (OLDER, {"Agora-Signature": OLDER_V1, "Agora-Signature-V2": CURRENT_V2}),
            (OLDER, {"Agora-Signature": CURRENT_V1, "Agora-Signature-V2": OLDER_V2}),
            (OLDER, {"Agora-Signature": OLDER_V1, "Agora-Signature-V2": ""}),
            (OLDER + b" ", {"Agora-Signature": OLDER_V1}),
            (json.dumps(json.loads(OLDER)).encode(), {"Agora-Signature": OLDER_V1}),
            (OLDER, {"Agora-Signature": "Ä" + OLDER_V1[1:]}),
            (OLDER, {"Agora-Signature": f"{OLDER_V1}, {OLDER_V1}"}),
        ],
        ids=[
            "unsigned", "empty", "the other's digest", "right V1, wrong V2", "wrong V1, right V2", "right V1, empty V2",
            "one byte more", "the same, written anew", "no hex", "twice in one header",
        ],
    )  # fmt: skip
    def test_of_the_signatures_one_is_there_and_each_is_right(self, raw: bytes, headers: dict[str, str]) -> None:
        assert not verify(SECRET, raw, headers)

    def test_another_secret_signs_otherwise_and_an_empty_one_nothing(self) -> None:
        assert not verify(Secret("other"), OLDER, {"Agora-Signature": OLDER_V1})
        by_anybody = hmac.new(b"", OLDER, "sha1").hexdigest()
        assert not verify(Secret(""), OLDER, {"Agora-Signature": by_anybody})


class TestReading:
    def test_c19_a_bad_token(self) -> None:
        assert read(C19) == Notice(
            notice_id="eb63b9b4304ba87769f708800ffc35b3",
            sid="fb9549dbc24a76aefa00739c7172a41b",
            channel="show",
            uid="999",
            sequence=3,
            event_type=1,
            sent_at=datetime(2025, 8, 21, 8, 40, 17, 340000, tzinfo=UTC),
            received_at=NOW,
            meaning=Erred(level=5, module=0, code=110),
        )

    def test_c55_a_recorder_has_started(self) -> None:
        notice = read(C55)
        assert (notice.channel, notice.uid, notice.sequence) == ("Testing2", "1001", 1)
        assert notice.meaning == RecorderStarted()

    @pytest.mark.parametrize(
        ("event_type", "details", "meaning"),
        [
            (11, {"exitStatus": 0}, Exited(normal=True)),
            (11, {"exitStatus": "0"}, Exited(normal=True)),
            (11, {"exitStatus": 1}, Exited(normal=False)),
            (11, {}, Exited(normal=False)),
            (12, {"newUid": 1234567890}, FailedOver("1234567890")),
            (12, {"newUid": "nobody"}, FailedOver("")),
            (41, {"leaveCode": 4}, Left(4)),
            (41, {}, Other()),
            (70, {"recorderStartTime": 1}, RecorderStarted()),
            (71, {"code": 1, "message": "max_recording_hour", "details": "max recording hour is 4",
                  "fileList": [{"filename": "t.m3u8", "sliceStartTime": 1627613641393}]},
             WebStopped(1, "max_recording_hour",
                        (RecordedFile("t.m3u8", sliced_at=datetime(2021, 7, 30, 2, 54, 1, 393000, tzinfo=UTC)),))),
            (71, {}, WebStopped(None)),
            (31, {"status": 0, "fileList": [{"fileName": "a.m3u8", "trackType": "audio", "uid": "5"}]},
             Uploaded("uploaded", (RecordedFile("a.m3u8", "5", "audio"),))),
            (31, {"status": 0}, Uploaded("uploaded")),
            (32, {"status": 0, "fileList": "a.m3u8"}, Uploaded("backuped", (RecordedFile("a.m3u8"),))),
            (4, {"fileList": '[{"fileName":"a.m3u8"}]'}, FirstFiles((RecordedFile("a.m3u8"),))),
            (1, {"module": 1, "errorLevel": 5, "errorCode": 32, "errorMsg": "no such bucket"},
             Erred(5, 1, 32, "no such bucket")),
            (33, {"progress": 10000}, Other()),
            (4711, {"whatever": {"is": "new"}}, Other()),
        ],
    )  # fmt: skip
    def test_what_an_event_means(self, event_type: int, details: dict[str, Any], meaning: Meaning) -> None:
        assert read(body(event_type, details)).meaning == meaning

    def test_numbers_may_be_texts_and_texts_numbers(self) -> None:
        notice = read(body("40", uid=77, sequence="4"))

        assert (notice.uid, notice.sequence, notice.event_type) == ("77", 4, 40)

    def test_before_2019_the_id_had_another_name(self) -> None:
        old = body(sequence="7").replace(b'"noticeId"', b'"notificationId"').replace(b'"productId": 3, ', b"")

        assert read(old).notice_id == "N1"

    def test_a_notice_without_an_id_gets_the_same_one_each_time(self) -> None:
        nameless = body().replace(b'"noticeId": "N1", ', b"")

        assert read(nameless).notice_id == "S1/40/4"

    def test_the_sid_may_stand_beside_the_payload(self) -> None:
        envelope = json.loads(body(sid=None))

        assert read(json.dumps({**envelope, "sid": "S9"}).encode()).sid == "S9"

    def test_what_is_not_said_is_empty_and_never_guessed(self) -> None:
        notice = read(body(cname=None, uid=None, sequence=None, sendts=None))

        assert (notice.channel, notice.uid, notice.sequence) == ("", "", None)
        assert notice.sent_at == datetime(2026, 1, 1, 9, 0, 0, 500000, tzinfo=UTC)
        assert read(body(uid="somebody", cname="a\nb", sequence=-1)) == read(body(uid=None, cname=None, sequence=None))

    def test_a_channel_keeps_its_blanks(self) -> None:
        assert read(body(cname=" room  1 ")).channel == " room  1 "

    @pytest.mark.parametrize(
        "raw",
        [body(sid=None), body(10, {"channelName": "test_webhook"}, sid=None, cname=None), OLDER],
        ids=["no sid", "a test event", "another product's"],
    )
    def test_what_is_about_no_recorder_is_set_aside(self, raw: bytes) -> None:
        assert isinstance(read_notice(raw, NOW), Aside)

    @pytest.mark.parametrize(
        "raw",
        [
            b"", b"\xff\xfe", b"null", b"[]", b'"notice"', b"{}", b'{"eventType": 40}', b'{"payload": {}}',
            b'{"eventType": "forty", "payload": {}}', b'{"eventType": true, "payload": {}}',
            b'{"eventType": 40, "payload": "{}"}', b"[" * 100_000, C19[:-1],
        ],
    )  # fmt: skip
    def test_what_is_no_notice_at_all_is_told_apart(self, raw: bytes) -> None:
        assert isinstance(read_notice(raw, NOW), Garbled)

    def test_addresses_are_masked_for_they_may_hold_a_token(self) -> None:
        error = read(body(1, {"errorLevel": 5, "errorMsg": "cannot open https://example.com/?token=hush now"}))
        stop = read(body(71, {"code": 5, "message": "rtmps://h/live/hush failed", "details": "https://x/?hush"}))
        push = read(body(100, {"rtmpUrl": "rtmp://h/live/hush"}))

        assert "hush" not in f"{error} {stop} {push}"
        assert error.meaning == Erred(5, 0, 0, "cannot open **** now")


@given(st.binary() | st.text().map(str.encode))
def test_nothing_that_arrives_fails(raw: bytes) -> None:
    read_notice(raw, NOW)
    assert not verify(SECRET, raw, {"Agora-Signature": "0" * 40})


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_NAMES = ("cname", "uid", "sid", "sequence", "sendts", "details")
_DETAILS = ("exitStatus", "newUid", "leaveCode", "code", "message", "fileList", "errorLevel", "errorCode", "errorMsg")


@given(
    st.sampled_from([1, 4, 11, 12, 31, 32, 40, 41, 70, 71, 99]),
    st.dictionaries(st.sampled_from(_NAMES), _JSON),
    st.dictionaries(st.sampled_from(_DETAILS), _JSON),
)
def test_whatever_is_in_it_a_notice_can_be_written_down(
    event_type: int, payload: dict[str, Any], details: dict[str, Any]
) -> None:
    envelope = {"eventType": event_type, "sid": "S1", "payload": {"details": details, **payload}}

    notice = read(json.dumps(envelope).encode())

    key = Key("default", "standup")
    assert documents.read("notice", Notice, key, *documents.write("notice", Notice, key, notice)) == notice
    f"{notice.sid}{notice.channel}{notice.notice_id}".encode()  # as SQL takes texts


@given(anything(Notice))
def test_any_notice_comes_back_from_the_ledger_as_it_was(notice: Notice) -> None:
    key = Key("default", "standup")
    assert documents.read("notice", Notice, key, *documents.write("notice", Notice, key, notice)) == notice
