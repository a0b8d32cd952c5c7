"""What to do about a recording that has no recorder: start one, or say why not (interface.md 1.3)."""

from reconciler.model import Ended
from reconciler.planning.actions import (
    Action,
    Because,
    Finished,
    Hold,
    Learn,
    Start,
)
from reconciler.planning.desired import Desired
from reconciler.planning.inquiries import due
from reconciler.planning.replacing import replacing
from reconciler.planning.situation import Situation, held_by_pace, held_by_secrets
from reconciler.planning.slots import next_slot


def without_recorder(situation: Situation) -> Action:
    if situation.unwanted:
        because = Because.SUSPENDED if situation.declared else Because.STOPPED
        return Hold(None, because, situation.unwanted)
    desired = situation.desired
    assert isinstance(desired, Desired)
    kept_back = [words for words in desired.not_acted_on if not words.startswith("copies")]
    if kept_back:
        return Hold(None, Because.NOT_ACTED_ON, "; ".join(kept_back))
    return _over(situation, desired) or _kept_from_starting(situation, desired) or _start(situation, desired)


def _over(situation: Situation, desired: Desired) -> Action | None:
    """Apply the restart policy to a session that ended by itself (interface.md 1.3)."""
    last = situation.entry.newest
    if last is None or not isinstance(last.state, Ended) or last.state.how not in ("failed", "idle"):
        return None
    if replacing(last, desired):
        return None  # an edit that would replace starts it again (S10)
    policy = desired.spec.restart
    if policy == "never" or (policy == "onFailure" and last.state.how == "idle"):
        why = f"it ended ({last.state.reason}) and restart is {policy}"
        return Hold(None, Because.COMPLETED, why) if situation.entry.completed else Learn(Finished(why), why)
    return None


def _kept_from_starting(situation: Situation, desired: Desired) -> Hold | None:
    held = held_by_secrets(situation)
    if held:
        return held
    refusal, backoff = situation.entry.refusal, situation.entry.backoff
    if refusal and (refusal.of, refusal.revision) == ("start", desired.revision):
        return Hold(None, Because.REFUSED, refusal.problem)
    if backoff:
        until = due(backoff.until, situation.rules.backoff_max, situation.now)
        if situation.now < until:
            return Hold(until, Because.BACKOFF, backoff.reason)
    held = held_by_pace(situation)
    if held:
        return held
    full_until = situation.gate.full_until
    if full_until and situation.now < full_until:
        return Hold(full_until, Because.NO_ROOM, "as many recorders run as the App ID may have (406)")
    return None


def _start(situation: Situation, desired: Desired) -> Start:
    last = situation.entry.newest
    reason = "no recording exists"
    if last is not None and isinstance(last.state, Ended):
        reason = f"the last one ended: {last.state.reason}"
    return Start(desired, next_slot(tuple(desired.slots), situation.entry), reason)
