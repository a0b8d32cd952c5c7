"""Builders of notices, and what is made of them: folded into an entry, answered, decided, written down."""

from typing import Any

from reconciler.evidence import Live, Meaning, Missing, Notice, RecordedFile
from reconciler.model import Ended, Entry, Session
from reconciler.planning.absorb import absorb
from reconciler.planning.actions import Action, Hold, Learn, Observe, Settle
from reconciler.planning.decide import decide
from reconciler.planning.desired import Unwanted
from reconciler.planning.facts import learn
from reconciler.planning.noticing import note
from reconciler.planning.outcomes import Observed
from tests.planning.situations import (
    RULES,
    A,
    at,
    confirmed,
    desired,
    entry,
    seen,
    session,
)
from tests.virtual_time import START

WANTED = desired()
GONE = Unwanted("its manifest is gone")
WEB: dict[str, Any] = {
    "mode": "web",
    "web": {"url": "https://example.com/board"},
    "video": {"width": 1280, "height": 720},
}
FILE = RecordedFile("dir/S1_standup.m3u8")
DETAILED = RecordedFile("dir/S1_standup.m3u8", "0", "audio_and_video", at(3))


def notice(
    meaning: Meaning, when: float = 60, *, sid: str = "S1", uid: str = A.uid, sequence: int | None = None, **more: Any
) -> Notice:
    fields: dict[str, Any] = {"channel": "standup", "event_type": 0, "sent_at": at(when), **more}
    return Notice("N", sid, uid=uid, sequence=sequence, received_at=at(when), meaning=meaning, **fields)


def noted(page: Entry, *notices: Notice) -> Entry:
    for one in notices:
        page = note(page, one, one.received_at).entry
    return page


def only(page: Entry) -> Session:
    [one] = page.open_sessions
    return one


def observed(page: Entry, when: float, status: int | None) -> Entry:
    """Let a query be answered; None: 404."""
    answer = Missing(at(when)) if status is None else Live(at(when), status)
    return absorb(page, Observed(only(page), answer), RULES).entry


def decided(page: Entry, when: float, wanted: Any = WANTED) -> str:
    return told(decide(wanted, page, at(when), RULES))


def told(action: Action) -> str:
    match action:
        case Observe(urgency=urgency):
            return f"observe, {urgency}"
        case Hold(until=until, because=because):
            return f"hold {because}" + (f" until {(until - START).total_seconds():g}" if until else "")
        case Settle(how=how):
            return f"settle by {how}"
        case Learn(fact=fact):
            return f"learn {type(fact).__name__}"
        case _:
            return type(action).__name__


def ending_of(page: Entry, when: float) -> Ended:
    """Let what is believed gone be written down."""
    action = decide(WANTED, page, at(when), RULES)
    assert isinstance(action, Learn), action
    written = learn(page, action.fact, at(when), RULES).entry
    assert written.newest is not None
    assert isinstance(written.newest.state, Ended)
    return written.newest.state


RECORDING = entry(session(confirmed(0, seen(55))))
