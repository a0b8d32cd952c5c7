"""Builders of situations: a desired recording and what the ledger says about it, with sane defaults."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from reconciler.errors import Place
from reconciler.manifests.schema import RecordingSpec
from reconciler.model import (
    Accepted,
    Confirmed,
    Doubted,
    Ended,
    Entry,
    Held,
    Identity,
    Inquiry,
    Intended,
    Key,
    Secret,
    Seen,
    Session,
    SessionState,
    Slot,
    Stopping,
)
from reconciler.planning.desired import Desired, applied
from reconciler.planning.rules import Rules
from tests.virtual_time import START

APP = "a" * 32
KEY = Key("default", "standup")
RULES = Rules()
HMAC_KEY = b"k" * 32
A = Identity(APP, "standup", "2000000001")
B = Identity(APP, "standup", "2000000002")

STORAGE = {
    "vendor": "s3",
    "region": "us-east-1",
    "bucket": "lessons",
    "accessKey": {"env": "ACCESS"},
    "secretKey": {"env": "SECRET"},
}


def at(seconds: float) -> datetime:
    """Tell the moment so many seconds after the start of the test's world."""
    return START + timedelta(seconds=seconds)


def spec(**fields: Any) -> RecordingSpec:
    return RecordingSpec.model_validate({"channel": "standup", "storage": STORAGE, **fields})


def desired(*, missing: tuple[str, ...] = (), not_acted_on: tuple[str, ...] = (), **fields: Any) -> Desired:
    one = spec(**fields)
    secrets = {ref: Secret(f"value of {ref}") for ref in (one.storage.access_key, one.storage.secret_key)}
    slots = {Slot.A: A, Slot.B: B}
    if one.uid:
        slots = {
            slot: Identity(APP, one.channel, str(uid)) for slot, uid in zip((Slot.A, Slot.B), one.uid, strict=False)
        }
    return Desired(
        key=KEY,
        app_id=APP,
        spec=one,
        slots=slots,
        wanted=applied(one, secrets, HMAC_KEY),
        place=Place("standup.yaml", 1, 1),
        secrets=secrets,
        missing=missing,
        not_acted_on=not_acted_on,
    )


def session(state: SessionState, *, number: int = 1, slot: Slot = Slot.A, **fields: Any) -> Session:
    told = desired(**fields)
    return Session(
        number=number,
        slot=slot,
        identity=told.slots[slot],
        mode=told.spec.mode,
        url="https://api.sd-rtn.com",
        opened_at=START,
        applied=told.wanted,
        state=state,
    )


def entry(*sessions: Session, **fields: Any) -> Entry:
    return replace(
        Entry(KEY, uids={Slot.A: A, Slot.B: B}),
        sessions=sessions,
        next_number=len(sessions) + 1,
        **fields,
    )


def intended(since: float = 0, tried_at: float | None = None, **fields: Any) -> Intended:
    return Intended(("R1",), at(since), at(tried_at) if tried_at is not None else None, **fields)


def held(why: Any = "ControlLost", since: float = 0, **fields: Any) -> Held:
    return Held(at(since), why, ("R1",), **fields)


def accepted(since: float = 0, inquiry: Inquiry | None = None, **fields: Any) -> Accepted:
    return Accepted("R1", "S1", at(since), inquiry or Inquiry(), **fields)


def confirmed(since: float = 0, inquiry: Inquiry | None = None) -> Confirmed:
    return Confirmed("R1", "S1", at(since), inquiry or seen(since))


def stopping(since: float = 0, inquiry: Inquiry | None = None, *, failed: bool = False) -> Stopping:
    return Stopping("R1", "S1", at(since), "its manifest is gone", failed, inquiry or Inquiry())


def ended(how: Any = "failed", since: float = 0) -> Ended:
    return Ended(at(since), how, "the recorder is gone", "R1", "S1")


def seen(when: float, status: int = 5, tries: int = 0) -> Inquiry:
    return Inquiry(Seen(at(when), status), at(when), tries)


def doubted(since: float, when: float, tries: int = 1) -> Inquiry:
    return Inquiry(Doubted(at(since), at(when)), at(when), tries)
