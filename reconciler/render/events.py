"""The history of decisions and calls: a line for each event, for people or as JSON lines. Pure."""

import json
from collections.abc import Sequence

from reconciler.model import Event
from reconciler.render.text import columns, joined, moment, to_the_second

_WHOLE_SET = "-"  # in place of a name


def lines(events: Sequence[Event], *, width: int | None = None) -> str:
    """Write events in columns, oldest first: time, name, what happened, to which session, and why."""
    return joined(columns(rows(events), width=width))


def rows(events: Sequence[Event]) -> list[tuple[str, ...]]:
    """Give the cells of those lines, for who aligns them with lines that stand above."""
    return [
        (to_the_second(event.at), event.key.name or _WHOLE_SET, event.kind, session_of(event), why(event))
        for event in events  # no header: lines are what grep and tail work on
    ]


def why(event: Event) -> str:
    """Say why it happened, and of a source at which revision it stood; faults of several lines as one."""
    said = [event.message] if event.message.startswith(event.reason) else [event.reason, event.message]
    words = "; ".join(": ".join(filter(None, said)).splitlines())
    told = event.source_revision if event.kind.startswith("source.") else ""
    return f"{words} (revision {told})" if told else words


def session_of(event: Event) -> str:
    return f"#{event.session}" if event.session is not None else "-"


def as_json(events: Sequence[Event]) -> str:
    """Write one JSON document a line."""
    return joined([json.dumps(_document(event), ensure_ascii=False) for event in events])


def _document(event: Event) -> dict[str, object]:
    return {
        "at": moment(event.at),
        "set": event.key.set,
        "name": event.key.name or None,
        "event": event.kind,
        "reason": event.reason,
        "message": event.message,
        "session": event.session,
        "revision": event.revision or None,
        "sourceRevision": event.source_revision or None,
        "requestId": event.request_id or None,
    }
