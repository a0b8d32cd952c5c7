"""The history as lines for people and as JSON lines."""

import json

import pytest

from reconciler.model import Event, Key
from reconciler.render.events import as_json, lines
from tests.planning.situations import at
from tests.render.pages import EVENTS


def test_a_line_says_when_what_happened_and_why_and_steers_no_terminal() -> None:
    assert lines(EVENTS) == (
        "2026-01-01T09:00:00Z  standup  recording.started     #2  accepted: sid S1, slot B, uid 2000000002\n"
        "2026-01-01T09:00:06Z  standup  recording.confirmed   #2  status 5\n"
        "2026-01-01T09:01:00Z  standup  recording.unanswered  -   "
        "query answered 504: \\x1b[31mgateway; timeout\n"
    )


def test_lines_are_cut_on_a_terminal() -> None:
    assert lines(EVENTS[:1], width=50) == "2026-01-01T09:00:00Z  standup  recording.started …\n"


def test_json_is_one_document_a_line() -> None:
    assert as_json(EVENTS[1:]) == (
        '{"at": "2026-01-01T09:00:06Z", "set": "default", "name": "standup", "event": "recording.confirmed", '
        '"reason": "status 5", "message": "", "session": 2, "revision": "r1", '
        '"sourceRevision": null, "requestId": null}\n'
        '{"at": "2026-01-01T09:01:00Z", "set": "default", "name": "standup", "event": "recording.unanswered", '
        '"reason": "query answered 504: \\u001b[31mgateway\\ntimeout", "message": "", "session": null, '
        '"revision": null, "sourceRevision": null, "requestId": "Q1"}\n'
    )


def test_no_history_is_nothing() -> None:
    assert (lines(()), as_json(())) == ("", "")


def of_set(kind: str, reason: str, message: str = "", source_revision: str = "") -> Event:
    return Event(at(0), Key("default", ""), kind, reason, message, revision="r1", source_revision=source_revision)


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (of_set("set.frozen", "maintenance", "by alice"), "set.frozen  -  maintenance: by alice"),
        (of_set("set.unfrozen", "", "by alice"), "set.unfrozen  -  by alice"),
        (
            of_set("source.accepted", "3 recordings", source_revision="main@sha1:5d41"),
            "source.accepted  -  3 recordings (revision main@sha1:5d41)",
        ),
        (
            of_set("source.troubled", "a.yaml:1:1: is none", "a.yaml:1:1: is none\nb.yaml:2:1: nor this"),
            "source.troubled  -  a.yaml:1:1: is none; b.yaml:2:1: nor this",
        ),
        (of_set("source.held", "12 of 20", source_revision="r9"), "source.held  -  12 of 20 (revision r9)"),
    ],
    ids=lambda value: value.kind if isinstance(value, Event) else "",
)
def test_what_happened_to_a_set_stands_on_one_line_of_its_own(event: Event, line: str) -> None:
    assert lines([event]) == f"2026-01-01T09:00:00Z  -  {line}\n"


def test_what_happened_to_a_set_has_no_name_in_json() -> None:
    document = json.loads(as_json([of_set("source.accepted", "1 recording", source_revision="main@sha1:5d41")]))
    assert (document["set"], document["name"], document["sourceRevision"]) == ("default", None, "main@sha1:5d41")
