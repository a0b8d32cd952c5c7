"""Entries to render: a recording that runs, one that was lost, one that never started."""

from dataclasses import replace

from reconciler.evidence import RecordedFile
from reconciler.model import Backoff, Ended, Entry, Event, Session, Slot
from tests.planning.situations import KEY, STORAGE, at, confirmed, entry, seen, session

M3U8 = RecordedFile("lessons/S1_standup.m3u8", "0", "audio_and_video", at(15))
MP4 = RecordedFile("lessons/S1_standup_0.mp4", "0", "audio_and_video", at(15))
NEXT_MP4 = RecordedFile("lessons/S1_standup_1.mp4", "0", "audio_and_video", at(7215))
UNTIMED = RecordedFile("lessons/S1_standup_2.mp4")
FILES = (M3U8, MP4, NEXT_MP4, UNTIMED)

BLACKOUT = Ended(at(-100), "failed", "the recorder is gone: the service no longer knows it", "R0", "S0", "backuped")
FIRST: Session = replace(session(BLACKOUT), opened_at=at(-4000), files=(RecordedFile("S0_standup.m3u8"),))
SECOND: Session = replace(session(confirmed(6, seen(95)), number=2, slot=Slot.B), files=(M3U8, MP4))

RUNNING: Entry = replace(
    entry(FIRST, SECOND), restarts=1, labels={"team": "core", "floor": "3"}, revision=SECOND.applied.revision
)
LOST: Entry = replace(
    entry(FIRST), key=replace(KEY, name="lost"), restarts=1, backoff=Backoff(2, at(150), BLACKOUT.reason)
)
NEVER: Entry = Entry(replace(KEY, name="never"))

EVENTS = (
    Event(at(0), KEY, "recording.started", "accepted", "sid S1, slot B, uid 2000000002", 2, "r1"),
    Event(at(6), KEY, "recording.confirmed", "status 5", "", 2, "r1"),
    Event(at(60), KEY, "recording.unanswered", "query answered 504: \x1b[31mgateway\ntimeout", request_id="Q1"),
)


def stored_at(vendor: str, bucket: str = "lessons") -> Session:
    """Make a session whose files go to that vendor."""
    told = replace(SECOND.applied, spec={**SECOND.applied.spec, "storage": {**STORAGE, "vendor": vendor}})
    storage = {**told.spec["storage"], "bucket": bucket}
    return replace(SECOND, applied=replace(told, spec={**told.spec, "storage": storage}))
