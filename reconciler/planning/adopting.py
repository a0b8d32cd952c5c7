"""How a recorder that somebody else started becomes ours: `import`, after a query has confirmed it. Pure."""

from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.evidence import Live
from reconciler.model import Accepted, Applied, Confirmed, Entry, Handle, Held, Inquiry, Intended, Seen, Session, Slot
from reconciler.planning.history import Written, event
from reconciler.planning.inquiries import RECORDS
from reconciler.planning.proving import as_unsettled, strays_until, without_notices


@dataclass(frozen=True, slots=True)
class Adoption:
    """A live recorder as the service has just confirmed it."""

    handle: Handle
    url: str
    seen: Live


def hindrance(entry: Entry, handle: Handle, now: datetime) -> str:
    """Say why this recorder cannot be adopted under that name; empty if it can."""
    for session in entry.open_sessions:
        lost = _unsettled(session)
        if lost and session.identity == handle.identity:
            # It is the very recorder whose sid we lost, or that held our uid.
            until = strays_until(lost, handle.resource_id, now)
            if until is None:
                continue
            return (
                f"another start of {entry.key.name} had no answer and may still be on its way: import it after "
                f"{until:%H:%M:%S} UTC, when it can begin nothing any more"
            )
        return (
            f"session {session.number} of {entry.key.name} is open already, under uid {session.identity.uid}: "
            "delete or forget it first"
        )
    return ""


def adopt(entry: Entry, adoption: Adoption, now: datetime) -> Written:
    """Write the recorder down as ours; a session whose sid was lost gets it back, else a new one is opened."""
    handle = adoption.handle
    held = next((one for one in entry.open_sessions if one.identity == handle.identity), None)
    session = held or Session(
        number=entry.next_number,
        slot=_slot(entry, handle),
        identity=handle.identity,
        mode=handle.mode,
        url=adoption.url,
        opened_at=now,
        applied=Applied({}),
        state=Intended((handle.resource_id,), now),
        adopted=True,
    )
    inquiry = Inquiry(Seen(adoption.seen.at, adoption.seen.status), adoption.seen.at)
    kind = Confirmed if adoption.seen.status >= RECORDS else Accepted
    state = kind(handle.resource_id, handle.sid, now, inquiry)
    ours = replace(without_notices(session), mode=handle.mode, state=state, files=adoption.seen.files)
    changed = entry if held else replace(entry, next_number=entry.next_number + 1)
    told = event(entry, "recording.adopted", "imported by a person", now, ours, f"sid {handle.sid}")
    return Written(replace(changed.with_session(ours), backoff=None, refusal=None, completed=""), (told,))


def _unsettled(session: Session) -> Intended | None:
    match session.state:
        case Intended() | Held() as state:
            return as_unsettled(state)
        case Accepted(unsettled=unsettled):
            return unsettled
        case _:
            return None


def _slot(entry: Entry, handle: Handle) -> Slot:
    return next((slot for slot, identity in entry.uids.items() if identity == handle.identity), Slot.A)
