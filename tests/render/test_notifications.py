"""What a receiver is told: every event of the history against what stood before it, and the form of CloudEvents 1.0."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from standardwebhooks import Webhook

from reconciler.model import Ended, Event, Key, Secret, Session
from reconciler.render.notifications import ANCHORS, CONTENT_TYPE, Notification, Told, notifications
from reconciler.render.signing import signed_headers, signing_key
from tests.planning.situations import KEY, accepted, at, confirmed, held, session
from tests.render.pages import FIRST, M3U8, SECOND, UNTIMED
from tests.virtual_time import START

LEDGER_KEY = b"k" * 32
STOPPED = Ended(at(900), "stopped", "its manifest is gone", "R1", "S1", "uploaded")


def event(kind: str, session: int | None = 2, seconds: float = 0) -> Event:
    return Event(at(seconds), KEY, kind, "because", "in other words", session, "r1")


def types(kind: str, *before: Event, session: Session | None = SECOND) -> list[str]:
    return [one.type for one in notifications(Told(7, event(kind), session, before), LEDGER_KEY)]


def one(told: Told) -> Notification:
    [single] = notifications(told, LEDGER_KEY)
    return single


CONFIRMED, ADOPTED, LOST = event("recording.confirmed"), event("recording.adopted"), event("recording.lost")
STARTED, HELD = event("recording.started"), event("recording.held")


def of_session_one(happened: Event) -> Event:
    return replace(happened, session=1)


TABLE: dict[str, tuple[str, tuple[Event, ...], list[str]]] = {
    "it records: started": ("recording.confirmed", (), ["recording.started"]),
    "it records after a session that ended well: started": (
        "recording.confirmed",
        (of_session_one(CONFIRMED), STARTED),
        ["recording.started"],
    ),
    "it records after one that failed: started, and healed": (
        "recording.confirmed",
        (of_session_one(LOST), STARTED),
        ["recording.started", "recording.healed"],
    ),
    "an adopted one counts as recording": ("recording.adopted", (), ["recording.started"]),
    "an adopted one heals": (
        "recording.adopted",
        (of_session_one(LOST),),
        ["recording.started", "recording.healed"],
    ),
    "what was adopted is not started again when it is confirmed": ("recording.confirmed", (ADOPTED,), []),
    "what records and is adopted again is not started again": ("recording.adopted", (CONFIRMED, HELD), []),
    "another recorder of the same session is started": (
        "recording.confirmed",
        (CONFIRMED, HELD, STARTED),
        ["recording.started"],
    ),
    "it failed: down, and completed": ("recording.lost", (CONFIRMED,), ["recording.down", "recording.completed"]),
    "the first of all failed: down": ("recording.lost", (), ["recording.down", "recording.completed"]),
    "it failed again before it recorded: still down, told once": (
        "recording.lost",
        (of_session_one(LOST), STARTED),
        ["recording.completed"],
    ),
    "we stopped it: completed": ("recording.stopped", (), ["recording.completed"]),
    "it ended idle: completed": ("recording.ended", (), ["recording.completed"]),
    "it lives and cannot be reached: control lost": ("recording.held", (STARTED,), ["control.lost"]),
    "a probe that says the same is not told": ("recording.held", (HELD,), []),
    "a probe after the end of control is not told": ("recording.held", (event("recording.control-lost"),), []),
    "another session is held: told": ("recording.held", (of_session_one(HELD),), ["control.lost"]),
    "control has ended: control lost": ("recording.control-lost", (CONFIRMED,), ["control.lost"]),
    "the source is held": ("source.held", (), ["source.held"]),
    "that it rests is no end of a session": ("recording.completed", (), []),
    "a start that was only accepted is not told": ("recording.started", (), []),
    "what a person gave away is not told": ("recording.left", (), []),
    "what a person forgot is not told": ("recording.forgotten", (), []),
    "a doubt is not told": ("recording.missing", (), []),
    "an unsettled start is not told": ("recording.unsettled", (), []),
}


@pytest.mark.parametrize("case", TABLE)
def test_what_is_told(case: str) -> None:
    kind, before, expected = TABLE[case]
    assert types(kind, *before) == expected
    assert expected == [] or kind in ANCHORS


def test_an_upload_that_becomes_known_completes_again_what_has_ended() -> None:
    over = replace(SECOND, state=STOPPED)
    assert types("recording.uploaded", session=over) == ["recording.completed"]
    assert types("recording.uploaded", session=SECOND) == []
    first = one(Told(7, event("recording.stopped"), over))
    second = one(Told(8, event("recording.uploaded"), over))
    assert first.id != second.id
    assert first.data["session"] == second.data["session"]


def test_completed_names_every_file_with_its_uri() -> None:
    over = replace(SECOND, state=STOPPED, files=(M3U8, UNTIMED))
    happened = replace(event("recording.stopped", seconds=900), source_revision="main@sha1:5d41")
    told = Told(7, happened, over)
    assert json.loads(one(told).body()) == {
        "specversion": "1.0",
        "id": one(told).id,
        "source": "/reconciler/sets/default",
        "type": "recording.completed",
        "subject": "standup",
        "time": "2026-01-01T09:15:00Z",
        "datacontenttype": "application/json",
        "data": {
            "name": "standup",
            "set": "default",
            "session": 2,
            "channel": "standup",
            "mode": "mix",
            "uid": "2000000002",
            "resourceId": "R1",
            "sid": "S1",
            "reason": "because",
            "message": "in other words",
            "revision": "r1",
            "sourceRevision": "main@sha1:5d41",
            "how": "stopped",
            "startedAt": "2026-01-01T09:00:00Z",
            "endedAt": "2026-01-01T09:15:00Z",
            "uploadingStatus": "uploaded",
            "files": [
                {
                    "fileName": "lessons/S1_standup.m3u8",
                    "uri": "s3://lessons/lessons/S1_standup.m3u8",
                    "uid": "0",
                    "trackType": "audio_and_video",
                    "from": "2026-01-01T09:00:15Z",
                    "until": "2026-01-01T09:15:00Z",
                    "uploadingStatus": "uploaded",
                },
                {
                    "fileName": "lessons/S1_standup_2.mp4",
                    "uri": "s3://lessons/lessons/S1_standup_2.mp4",
                    "uid": None,
                    "trackType": None,
                    "from": None,
                    "until": None,
                    "uploadingStatus": "uploaded",
                },
            ],
        },
    }


def test_a_failed_session_is_completed_with_the_files_until_then() -> None:
    down, completed = notifications(Told(7, event("recording.lost", 1), FIRST), LEDGER_KEY)
    assert "files" not in down.data
    assert completed.data["how"] == "failed"
    assert [file["fileName"] for file in completed.data["files"]] == ["S0_standup.m3u8"]


def test_a_held_source_has_no_subject() -> None:
    told = Told(7, Event(at(0), Key("lessons", ""), "source.held", "MassStop", "12 of 20 would be stopped", None, "r9"))
    document = json.loads(one(told).body())
    assert "subject" not in document
    assert document["source"] == "/reconciler/sets/lessons"
    assert document["data"] == {
        "set": "lessons",
        "reason": "MassStop",
        "message": "12 of 20 would be stopped",
        "revision": "r9",
        "sourceRevision": None,
    }


@pytest.mark.parametrize("state", [accepted(), confirmed(), held(), STOPPED], ids=lambda state: state.kind)
def test_the_handle_is_told_as_far_as_it_is_known(state: object) -> None:
    data = one(Told(7, event("recording.held", 1), session(state))).data  # type: ignore[arg-type]
    assert (data["resourceId"], data["sid"]) == ("R1", None if state == held() else "S1")


def test_a_session_that_retention_has_dropped_is_told_as_far_as_the_event_goes() -> None:
    data = one(Told(7, event("recording.stopped"), None)).data
    assert (data["name"], data["session"], data["reason"]) == ("standup", 2, "because")
    assert (data["channel"], data["sid"], data["endedAt"], data["files"]) == (None, None, None, [])


# -- ids


def test_ids_are_stable_and_no_two_notifications_share_one() -> None:
    told = Told(7, event("recording.lost"), SECOND, (CONFIRMED,))
    first, again = notifications(told, LEDGER_KEY), notifications(told, LEDGER_KEY)
    assert [single.id for single in first] == [single.id for single in again]
    others = [
        notifications(replace(told, number=8), LEDGER_KEY),
        notifications(replace(told, event=replace(told.event, at=at(1))), LEDGER_KEY),  # after a restored backup
        notifications(told, b"x" * 32),  # another ledger
    ]
    ids = [single.id for made in (first, *others) for single in made]
    assert len(set(ids)) == len(ids) == 8
    assert all(re.fullmatch(r"[0-9]+-[0-9a-f]{32}", one_id) for one_id in ids)


def test_an_id_outlives_renaming_and_what_is_learnt_later() -> None:
    told = Told(7, event("recording.stopped"), replace(SECOND, state=STOPPED))
    renamed = replace(told, event=replace(told.event, key=Key("default", "daily")), session=SECOND)
    assert one(told).id == one(renamed).id


# -- how it is written and signed, read by the libraries that receivers have


def test_the_body_is_a_cloud_event_to_its_own_library() -> None:
    for told in (
        Told(7, event("recording.stopped"), replace(SECOND, state=STOPPED, files=(M3U8,))),
        Told(8, Event(at(0.5), Key("lessons", ""), "source.held", "Emptied")),
    ):
        made = one(told)
        read = from_http_event(HTTPMessage({"content-type": CONTENT_TYPE}, made.body()))
        assert (read.get_id(), read.get_type(), read.get_time()) == (made.id, made.type, told.event.at)
        assert read.get_source() == f"/reconciler/sets/{told.event.key.set}"
        assert read.get_subject() == (told.event.key.name or None)
        assert read.get_data() == made.data


def test_the_body_survives_any_name() -> None:
    strange = replace(event("recording.stopped"), reason='"\ud800 \x00 é\n')
    assert json.loads(one(Told(7, strange, SECOND)).body())["data"]["reason"] == strange.reason


@pytest.mark.parametrize(
    ("secret", "verifier"),
    [
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
        ("whsec_AAECAwQFBgcICQ", Webhook("AAECAwQFBgcICQ==")),  # padding may be left out
        ("any other text, as it is: é", Webhook("any other text, as it is: é".encode())),
    ],
)
def test_signatures_are_those_of_standard_webhooks(secret: str, verifier: Webhook) -> None:
    body = one(Told(7, event("recording.stopped"), SECOND)).body()
    headers = signed_headers("7-a", START + timedelta(seconds=0.9), body, signing_key(Secret(secret)))
    assert headers["webhook-timestamp"] == str(int(START.timestamp()))
    assert headers["webhook-signature"] == verifier.sign("7-a", START, body.decode())


def test_without_a_key_nothing_is_signed() -> None:
    assert signed_headers("7-a", START, b"{}", None) == {
        "webhook-id": "7-a",
        "webhook-timestamp": str(int(START.timestamp())),
    }


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64!", "whsec_a"])
def test_a_key_that_is_no_base64_is_refused(secret: str) -> None:
    with pytest.raises(ValueError, match="no base64"):
        signing_key(Secret(secret))
