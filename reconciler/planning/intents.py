"""What is on disk before a call that must not be repeated blindly: a crash at any point is settled from it. Pure."""

from dataclasses import replace
from datetime import datetime
from typing import Any, assert_never

from reconciler.model import Accepted, Confirmed, Entry, Event, Held, Intended, Session, Stopping
from reconciler.planning.actions import Start, Stop, Update
from reconciler.planning.changes import TOLD_BY, Consequence, changes
from reconciler.planning.desired import Aim, Desired, Unmanaged, Unwanted
from reconciler.planning.history import event
from reconciler.planning.proving import as_unsettled


def intend_start(entry: Entry, action: Start, resource_id: str, url: str, now: datetime) -> tuple[Entry, Session]:
    """Open a session for a start that is about to be sent (S3)."""
    desired = action.desired
    session = Session(
        number=entry.next_number,
        slot=action.slot,
        identity=desired.slots[action.slot],
        mode=desired.spec.mode,
        url=url,
        opened_at=now,
        applied=desired.wanted,
        state=Intended(resource_ids=(resource_id,), since=now),
    )
    opened = replace(
        entry,
        uids={**entry.uids, **desired.slots},
        next_number=entry.next_number + 1,
        retry=None,
        completed="",
        revision=desired.revision,
    )
    return opened.with_session(session), session


def intend_probe(entry: Entry, session: Session, resource_id: str, now: datetime) -> tuple[Entry, Session]:
    """Note a fresh resource id for a session whose start is unsettled or whose handle is lost."""
    assert isinstance(session.state, Intended | Held)
    state = as_unsettled(session.state)
    ids = (*state.resource_ids, resource_id)
    probing = session.become(replace(state, resource_ids=ids, since=now, tried_at=None, spent=False))
    return entry.with_session(probing), probing


def intend_stop(entry: Entry, action: Stop, now: datetime) -> tuple[Entry, Session, tuple[Event, ...]]:
    """Note that a stop is due, so that it is repeated until confirmed whatever happens to the manifests (S12)."""
    session = action.session
    if isinstance(session.state, Stopping):
        return entry, session, ()
    assert isinstance(session.state, Accepted | Confirmed)
    stopping = session.become(
        Stopping(
            resource_id=session.state.resource_id,
            sid=session.state.sid,
            since=now,
            reason=action.reason,
            failed=action.failed,
        )
    )
    return entry.with_session(stopping), stopping, (event(entry, "recording.stopping", action.reason, now, session),)


def intend_update(entry: Entry, action: Update) -> tuple[Entry, Session]:
    """Note that what the recorder has been told is about to be another thing, or is not: only an answer tells.

    Without one it is told again, also if the manifest is by then what it was before.
    """
    session = action.session
    told = session.applied
    spec, fingerprints = dict(told.spec), dict(told.fingerprints)
    match action.consequence:
        case Consequence.LAYOUT:
            spec["layout"] = None
        case Consequence.SUBSCRIPTION:
            spec["capture"] = {**spec["capture"], "subscribe": None}
        case Consequence.WEB:
            spec["web"] = {**spec["web"], "paused": None}
        case Consequence.STORAGE:
            # What was told is known by its digest, and no value has this one.
            told_so = {path: text.partition(":")[0] for path, text in fingerprints.items()}
            fingerprints |= {path: f"{told_so[path]}:" for path in told_so.keys() & {*TOLD_BY[Consequence.STORAGE]}}
        case Consequence.REPLACE | Consequence.NOTHING:
            raise AssertionError("nothing of this is told to a live recorder")
        case _ as never:
            assert_never(never)
    unknown = replace(session, applied=replace(told, spec=spec, fingerprints=fingerprints))
    return entry.with_session(unknown), unknown


def declare(entry: Entry, desired: Desired) -> Entry:
    """Note what an accepted manifest says about a recording besides what its recorder is told."""
    said: dict[str, Any] = {
        "labels": desired.labels,
        "on_removal": desired.spec.on_removal,
        "revision": desired.revision,
        "declared": True,
    }
    sessions = tuple(_based(session, desired) for session in entry.sessions)
    based = all(one is before for one, before in zip(sessions, entry.sessions, strict=True))
    known = based and all(getattr(entry, name) == value for name, value in said.items())
    return entry if known else replace(entry, sessions=sessions, **said)


def is_declared_as(entry: Entry, aim: Aim) -> bool:
    """Tell whether an entry says what this aim has noted there: it does not once another one was declared since."""
    match aim:
        case Desired(revision=revision):
            return entry.declared and entry.revision == revision
        case Unwanted(removed=removed):
            return not (removed and entry.declared)
        case Unmanaged():
            return True
        case _ as never:
            assert_never(never)


def _based(session: Session, desired: Desired) -> Session:
    """Move what a session was told on to what is declared now, where nothing has to be done for it.

    For an adopted recorder the whole manifest counts as applied but layout and subscription, which are sent once (S23).
    """
    if not session.is_open or session.applied is desired.wanted:
        return session
    if session.applied.spec:
        # What differs and asks for nothing is carried out by being known; of what is the same, one copy is enough.
        return session if changes(session.applied, desired.wanted) else replace(session, applied=desired.wanted)
    spec = dict(desired.wanted.spec)
    spec["layout"] = None
    spec["capture"] = {**spec["capture"], "subscribe": None}
    return replace(session, applied=replace(desired.wanted, spec=spec))
