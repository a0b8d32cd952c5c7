"""The history as lines for people and as JSON lines."""

from reconciler.render.events import as_json, lines
from tests.render.pages import EVENTS


def test_a_line_says_when_what_happened_and_why_and_steers_no_terminal() -> None:
    assert lines(EVENTS) == (
        "2026-01-01T09:00:00Z  standup  recording.started     #2  accepted: sid S1, slot B, uid 2000000002\n"
        "2026-01-01T09:00:06Z  standup  recording.confirmed   #2  status 5\n"
        "2026-01-01T09:01:00Z  standup  recording.unanswered  -   "
        "query answered 504: \\x1b[31mgateway\\ntimeout\n"
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
