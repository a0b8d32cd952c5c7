"""What to do about a recording that has no recorder: start one, or say why not (interface.md 1.3)."""

from reconciler.planning.actions import (
    Action,
    Because,
    Finished,
    Hold,
    Learn,
    Start,
)
from reconciler.planning.changes import Consequence, changes
from reconciler.planning.desired import Desired
from reconciler.planning.inquiries import due
from reconciler.planning.occupancy import Presence
from reconciler.planning.replacing import replacing
from reconciler.planning.situation import Situation, held_by_pace, held_by_secrets
from reconciler.planning.slots import next_slot


def without_recorder(situation: Situation) -> Action:
    unwished = situation.unwished
    if unwished:
        return Hold(unwished.until, unwished.because, unwished.reason)
    desired = situation.desired
    assert isinstance(desired, Desired)
    return (
        _over(situation, desired)
        or held_by_secrets(situation)
        or _nobody_there(situation, desired)
        or _kept_from_starting(situation, desired)
        or _start(situation, desired)
    )


def _over(situation: Situation, desired: Desired) -> Action | None:
    """Apply the restart policy to a session that ended by itself (interface.md 1.3)."""
    end = situation.entry.last_end
    if end is None or end.how not in ("failed", "idle"):
        return None
    if _begins_anew(situation, desired):
        return None
    policy = desired.spec.restart
    if policy == "never" or (policy == "onFailure" and end.how == "idle"):
        why = f"it ended ({end.reason}) and restart is {policy}"
        return Hold(None, Because.COMPLETED, why) if situation.entry.completed else Learn(Finished(why), why)
    return None


def _begins_anew(situation: Situation, desired: Desired) -> bool:
    """Tell whether something has happened since the last session ended by which another one is due (S10).

    An edit that would have replaced it, a new window, or an order.
    """
    last = situation.entry.newest
    is_replaced = last is not None and bool(replacing(last, desired))
    return is_replaced or _in_a_new_window(situation) or _ordered_anew(situation)


def _has_other_keys(situation: Situation, desired: Desired) -> bool:
    """Tell whether the keys of its storage have changed since: the wrong ones may be why it kept ending."""
    last = situation.entry.newest
    found = changes(last.applied, desired.wanted) if last else ()
    return any(change.consequence is Consequence.STORAGE for change in found)


def _in_a_new_window(situation: Situation) -> bool:
    end, current = situation.entry.last_end, situation.ahead.current if situation.ahead else None
    return end is not None and current is not None and current.opens is not None and end.at < current.opens


def _ordered_anew(situation: Situation) -> bool:
    """Tell whether a person has ordered a restart since the last session ended."""
    end = situation.entry.last_end
    return end is not None and situation.is_outdated(end.at)


def _nobody_there(situation: Situation, desired: Desired) -> Hold | None:
    """Start nothing into a channel that is known to be empty, whatever the restart policy (interface.md 1.3)."""
    presence = situation.around.presence
    if desired.spec.mode == "web" or presence is Presence.OCCUPIED:
        return None
    if presence is Presence.EMPTY:
        return Hold(None, Because.EMPTY, "nobody is in the channel: it starts when somebody joins")
    if desired.spec.when == "occupied":
        return Hold(None, Because.WAITING, "who is in the channel is not known: it starts when somebody is seen there")
    end = situation.entry.last_end
    if end is None or end.how != "idle" or _ordered_anew(situation):
        return None
    # It has just ended for want of users: two reads of the channel's list can tell whether somebody is back.
    wait = min(2 * situation.rules.poll_interval, situation.rules.backoff_max)
    until = due(end.at + wait, wait, situation.now)
    return (
        Hold(until, Because.WAITING, "the channel was empty: it starts when somebody joins")
        if (situation.now < until)
        else None
    )


def _kept_from_starting(situation: Situation, desired: Desired) -> Hold | None:
    refusal, backoff = situation.entry.refusal, situation.entry.backoff
    if (
        refusal
        and (refusal.of, refusal.revision) == ("start", desired.revision)
        and not situation.is_outdated(refusal.at)
    ):
        return Hold(None, Because.REFUSED, refusal.problem)
    if backoff and not (_begins_anew(situation, desired) or _has_other_keys(situation, desired)):
        until = due(backoff.until, situation.rules.backoff_max, situation.now)
        if situation.now < until:
            return Hold(until, Because.BACKOFF, backoff.reason)
    held = held_by_pace(situation)
    if held:
        return held
    full_until = situation.around.gate.full_until
    if full_until and situation.now < full_until:
        return Hold(full_until, Because.NO_ROOM, "as many recorders run as the App ID may have (406)")
    return None


def _start(situation: Situation, desired: Desired) -> Start:
    end = situation.entry.last_end
    reason = f"the last one ended: {end.reason}" if end else "no recording exists"
    return Start(desired, next_slot(tuple(desired.slots), situation.entry), reason)
