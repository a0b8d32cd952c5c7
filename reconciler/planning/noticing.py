"""What a notice changes in the ledger's entry: it wakes, explains, and gives a lost sid back. Pure.

A notice ends and starts nothing by itself: a recorder is gone, or is found, by an answer of the service. So a lost,
late, doubled or foreign one can cost a question or a delay, and no more. In whatever order, they come to the same.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from reconciler.evidence import (
    Ending,
    Erred,
    Exited,
    FailedOver,
    FirstFiles,
    Heard,
    Left,
    Notice,
    Other,
    RecordedFile,
    RecorderStarted,
    Uploaded,
    WebStopped,
)
from reconciler.model import Accepted, Confirmed, Ended, Entry, Event, Held, Intended, Session, Stopping
from reconciler.planning.endings import FATAL, error_words, explained, with_evidence
from reconciler.planning.files import with_files
from reconciler.planning.history import Written, event
from reconciler.planning.inquiries import is_said_to_be_over
from reconciler.planning.proving import to_be_proven

# How far the service's clock and ours may differ, before a notice is taken for one of an older recorder.
_CLOCKS = timedelta(minutes=1)
_MOST_SEQUENCES = 16


def concerns(entry: Entry, notice: Notice) -> Session | None:
    """Find the session a notice is about: by its sid, else the one that misses its sid and fits."""
    for session in reversed(entry.sessions):
        if _sid(session) == notice.sid:
            return session
    if notice.sid in entry.past_sids:
        return None  # of a recorder that had this uid before, for uploads end late, or of one that is not ours
    return next((session for session in entry.open_sessions if _may_be(session, entry, notice)), None)


def _sid(session: Session) -> str:
    return session.state.sid


def _may_be(session: Session, entry: Entry, notice: Notice) -> bool:
    if not _is_lost(session) or notice.channel != session.identity.channel:
        return False
    if notice.sent_at < session.opened_at - _CLOCKS:
        return False  # of a recorder that was there before
    if notice.uid == session.identity.uid:
        return True
    # The sender of this one has just got a uid that nobody knows: only the channel is left to go by.
    ours = {identity.uid for identity in entry.uids.values()}
    another = isinstance(session.state, Held) and session.state.why == "HeldByAnother"
    return isinstance(notice.meaning, FailedOver) and session.mode != "web" and notice.uid not in ours and not another


def _is_lost(session: Session) -> bool:
    """Tell whether it has a recorder, or may have, without a sid that helps; one whose control is over needs none."""
    match session.state:
        case Intended():
            return True
        case Held(why=why):
            return why != "ControlExpired"
        case _:
            return False


def note(entry: Entry, notice: Notice, now: datetime) -> Written:
    """Write down what a notice says. The same one twice changes nothing the second time, and is told once."""
    session = concerns(entry, notice)
    if session is None:
        return Written(entry)
    state = session.state
    match state:
        case Held(why="HeldByAnother"):
            # Who started it has the resource id, we do not: it can be imported by a person, and not be taken by us.
            noted = session.become(replace(state, sid=notice.sid))
        case Held() if not state.resource_ids:
            noted = session.become(replace(state, sid=notice.sid))
        case Intended() | Held() if _sid(session) != notice.sid:
            noted = _told(to_be_proven(session, notice.sid, now), notice)
        case Ended():
            noted = with_evidence(with_files(session, _files(notice)), notice)
            noted = noted.become(explained(state, noted.ending))
        case Intended() | Held() | Accepted() | Confirmed() | Stopping():
            noted = _told(session, notice)
        case _ as never:
            assert_never(never)
    if noted == session:
        return Written(entry)
    return Written(entry.with_session(noted), tuple(_events(entry, session, noted, notice)))


def _told(session: Session, notice: Notice) -> Session:
    told = replace(with_files(session, _files(notice)), heard=_heard(session.heard, notice))
    told = with_evidence(_with_uids(told, notice), notice)
    if _wakes(notice, told):
        woken_at = max(session.woken_at, notice.received_at) if session.woken_at else notice.received_at
        told = replace(told, woken_at=woken_at)
    return told


def _heard(heard: Heard | None, notice: Notice) -> Heard:
    known = set(heard.sequences) if heard else set()
    if notice.sequence is not None:
        known.add(notice.sequence)
    at = max(heard.at, notice.received_at) if heard else notice.received_at
    return Heard(at, tuple(sorted(known, reverse=True)[:_MOST_SEQUENCES]))


def _with_uids(session: Session, notice: Notice) -> Session:
    """Note under which uids it has joined: another than its own is one that a failover gave it."""
    told = {notice.uid}
    failed_over = session.failed_over
    if isinstance(notice.meaning, FailedOver):
        told.add(notice.meaning.new_uid)
        failed_over = True
    strange = told - {"", session.identity.uid} if session.mode != "web" else set()
    joined_as = tuple(sorted({*session.joined_as, *strange}))
    return replace(session, joined_as=joined_as, failed_over=failed_over or bool(strange))


def _files(notice: Notice) -> tuple[RecordedFile, ...]:
    match notice.meaning:
        case FirstFiles(files=files) | Uploaded(files=files) | WebStopped(files=files):
            return files
        case _:
            return ()


def _wakes(notice: Notice, session: Session) -> bool:
    """Tell whether it is worth a question at once."""
    match notice.meaning:
        case Exited() | WebStopped() | Left() | Uploaded() | FailedOver():
            return True
        case Erred(level=level):
            return level >= FATAL
        case RecorderStarted():
            return isinstance(session.state, Accepted)
        case FirstFiles() | Other():
            return False
        case _ as never:
            assert_never(never)


def _events(entry: Entry, before: Session, after: Session, notice: Notice) -> Iterable[Event]:
    """Tell what has become known by this notice."""

    def told(kind: str, reason: str, message: str = "") -> Event:
        return event(entry, kind, reason, notice.received_at, after, message)

    if _sid(after) != _sid(before):
        yield told("recording.named", "a webhook names the recorder under this uid", f"sid {notice.sid}")
    if (after.failed_over and not before.failed_over) or after.joined_as != before.joined_as:
        yield told("recording.failed-over", "a webhook says so", f"uid {', '.join(after.joined_as) or 'unknown'}")
    ending, known = after.ending or Ending(), before.ending or Ending()
    for error in ending.errors:
        if error not in known.errors:
            yield told("recording.erred", error_words(error))
    if after.is_open and is_said_to_be_over(after) and not is_said_to_be_over(before):
        yield told("recording.exited", "a webhook says so; believed once the service does not find it")
    if ending.uploading_status != known.uploading_status:
        yield told("recording.uploaded", ending.uploading_status or "")
