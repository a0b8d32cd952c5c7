"""A sid that a notice gives back to a lost recorder: a guess until a query with it is answered. Pure.

Nobody vouches that the notice is about our recorder: notices name no App ID, and after several starts it is open which
resource id belongs to it. So nothing is told to it, and nothing believed of it, before the service finds it; and where
the service does not, the start is as unsettled as before.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from reconciler.model import Accepted, Entry, Held, Intended, Seen, Session
from reconciler.planning.actions import Action, Because, Dismissed, Gone, Hold, Learn, Observe, Recalled
from reconciler.planning.history import Written, event
from reconciler.planning.inquiries import is_gone, next_inquiry
from reconciler.planning.situation import Situation

RESOURCE_ID_LIFE = timedelta(minutes=5)  # from acquire to start (agora-api.md 5.1)

# What the service says of a resource id and a sid that do not belong together, besides 404 (agora-api.md 3.2, 4.4).
MISMATCHED = frozenset({2, 432, 433, 1001, 1003})


def may_come(state: Intended | Held, now: datetime) -> bool:
    """Tell whether a start with the newest resource id may still be carried out: until then no other one is taken.

    One that arrives after all then starts the same recorder, or none. So whatever has a handle has no start on its way.
    A negative age is a clock that jumped: nothing says that the id is still good (S20).
    """
    unsettled = as_unsettled(state)
    return not unsettled.spent and timedelta(0) <= now - unsettled.since < RESOURCE_ID_LIFE


def strays_until(state: Intended, resource_id: str, now: datetime) -> datetime | None:
    """Tell until when a start with another resource id than that one may be carried out; None: none can be.

    Only the newest can, for no other is taken before that is settled.
    """
    stray = may_come(state, now) and state.resource_ids[-1] != resource_id
    return state.since + RESOURCE_ID_LIFE if stray else None


def to_be_proven(session: Session, sid: str, now: datetime) -> Session:
    """Let a session without a usable handle try that sid, with the resource id of its first start first.

    A recorder that runs under the uid refuses every later start, so the first is the likeliest.
    """
    state = session.state
    assert isinstance(state, Intended | Held)
    unsettled = as_unsettled(state)
    return without_notices(session).become(Accepted(unsettled.resource_ids[0], sid, now, unsettled=unsettled))


def as_unsettled(state: Intended | Held) -> Intended:
    """Take what is held for a start to be settled again; since when and why it is held stays known."""
    if isinstance(state, Intended):
        return state
    return Intended(
        resource_ids=state.resource_ids,
        since=state.acquired_at or state.since,
        tried_at=state.probed_at,
        spent=state.acquired_at is None,
        held=state.why,
        held_since=state.since,
        problem=state.problem,
        dismissed=state.dismissed,
        sid=state.sid,
    )


def without_notices(session: Session) -> Session:
    """Forget what notices said of another recorder than the one the session has now."""
    return replace(session, heard=None, woken_at=None, ending=None)


def next_candidate(state: Accepted) -> Accepted | None:
    """Give the next resource id that the sid may belong to, to be asked at once; None: every one was tried."""
    assert state.unsettled is not None
    later = state.unsettled.resource_ids[state.unsettled.resource_ids.index(state.resource_id) + 1 :]
    return replace(state, resource_id=later[0]) if later else None


def first_candidate(state: Accepted) -> Accepted:
    assert state.unsettled is not None
    return replace(state, resource_id=state.unsettled.resource_ids[0])


def wish_for(situation: Situation, session: Session, dismissed: str) -> Learn | None:
    """Note that what cannot be stopped yet is to be, once it is found, or that it is wanted after all (S12)."""
    if situation.unwanted and not dismissed:
        return Learn(Dismissed(session, situation.unwanted), f"to be stopped once it is found: {situation.unwanted}")
    if dismissed and not situation.unwanted:
        return Learn(Recalled(session), "it is wanted again")
    return None


def prove(situation: Situation, session: Session, state: Accepted) -> Action:
    """Ask about it, whatever else there is to do: only with an answer it can be told anything, or be stopped."""
    assert state.unsettled is not None
    wish = wish_for(situation, session, state.unsettled.dismissed)
    if wish:
        return wish
    if is_gone(session, situation.rules):
        return Learn(Gone(session), "the service does not know the sid that a webhook named")
    ask_at = next_inquiry(session, situation.rules, situation.now)
    believed_at = state.unsettled.since + RESOURCE_ID_LIFE
    if state.inquiry.asked_at and state.inquiry.asked_at < believed_at:
        ask_at = min(ask_at, believed_at)
    if situation.now >= ask_at:
        return Observe(session, "a webhook named its sid: asked whether it is this recorder", "confirming")
    if isinstance(state.inquiry.sighting, Seen):
        return Hold(ask_at, Because.CONFIRMING, "it lives, and keeps its uid from a start that may still be on its way")
    return Hold(ask_at, Because.CONFIRMING, "a webhook named its sid; whether it is this recorder is asked next")


def disproven(entry: Entry, session: Session, state: Accepted, now: datetime) -> Written:
    """Go back to the unsettled start.

    What is told of that sid from now on is told of another recorder, and no sign of life of ours.
    """
    assert state.unsettled is not None
    why = f"a webhook named sid {state.sid}, and the service does not know it"
    unsettled = replace(state.unsettled, tried_at=now, tries=0, problem=why)
    changed = entry.with_session(without_notices(session).become(unsettled)).disowning(state.sid)
    return Written(changed, (event(entry, "recording.unsettled", why, now, session),))
