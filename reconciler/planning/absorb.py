"""How an outcome changes the ledger's entry. Pure.

`plan` folds the same functions over predicted outcomes, so that what is printed is what would be written.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal, assert_never

from reconciler.errors import Problem
from reconciler.evidence import ControlExpired, Live, Missing
from reconciler.model import (
    Accepted,
    Applied,
    Confirmed,
    Doubted,
    Ended,
    Entry,
    Event,
    Held,
    Inquiry,
    Intended,
    Refusal,
    Seen,
    Session,
    Stopping,
)
from reconciler.planning import backoff
from reconciler.planning.changes import TOLD_BY, changes
from reconciler.planning.files import with_files
from reconciler.planning.history import Written, ended, event, said
from reconciler.planning.inquiries import RECORDS, is_polled, is_said_to_be_over, outlives_notices
from reconciler.planning.outcomes import (
    AppRefused,
    NoRoom,
    NotStarted,
    Observed,
    Outcome,
    Started,
    StartHeld,
    StartRefused,
    StartUnknown,
    Stopped,
    Unanswered,
    Updated,
    UpdateFailed,
)
from reconciler.planning.proving import MISMATCHED, first_candidate, next_candidate, strays_until, without_notices
from reconciler.planning.rules import Rules

_CONFLICT = 53  # a recorder with this channel and uid lives under another resource id (agora-api.md 5.3)


def absorb(entry: Entry, outcome: Outcome, rules: Rules) -> Written:  # noqa: C901, PLR0912 - one arm per outcome
    """Write an outcome into the entry. The same outcome always gives the same entry."""
    match outcome:
        case Started():
            return _started(entry, outcome)
        case StartUnknown():
            return _start_unknown(entry, outcome, rules)
        case StartHeld():
            return _start_held(entry, outcome)
        case NotStarted(session=None, problem=problem, at=at):
            return _delayed(entry, None, problem, rules, at)
        case NotStarted(session=session, problem=problem, at=at):
            retry = backoff.unanswered(entry.retry, str(problem), rules, at)
            return _withdrawn(replace(entry, retry=retry), session, "recording.delayed", problem, at)
        case StartRefused(session=session, revision=revision, problem=problem, at=at):
            refused = replace(entry, refusal=Refusal(revision, str(problem), at))
            return _withdrawn(refused, session, "recording.refused", problem, at)
        case AppRefused(problem=problem, at=at, session=session):
            return _withdrawn(entry, session, "recording.refused", problem, at)
        case NoRoom(problem=problem, at=at):
            return Written(entry, (said(entry, "recording.delayed", problem, at),))
        case Observed(session=session, observation=observation):
            return _observed(entry, session, observation, rules)
        case Unanswered(session=session, problem=problem, at=at):
            return _unanswered(entry, session, problem, at)
        case Updated():
            return _updated(entry, outcome)
        case UpdateFailed(session=session, revision=revision, problem=problem, refused=True, at=at):
            refused = replace(entry, refusal=Refusal(revision, str(problem), at, "update"))
            return Written(refused, (said(entry, "recording.refused", problem, at, session),))
        case UpdateFailed(session=session, problem=problem, at=at):
            return _delayed(entry, session, problem, rules, at)
        case Stopped():
            return _stopped(entry, outcome, rules)
        case _ as never:
            assert_never(never)


def _delayed(entry: Entry, session: Session | None, problem: Problem, rules: Rules, at: datetime) -> Written:
    """Put off the repetition of a call that certainly had no effect."""
    changed = replace(entry, retry=backoff.unanswered(entry.retry, str(problem), rules, at))
    if entry.retry and is_polled(entry.retry.failures, rules):
        return Written(changed)  # else it would be an event per interval for as long as it lasts (S22)
    return Written(changed, (said(entry, "recording.delayed", problem, at, session),))


def _started(entry: Entry, outcome: Started) -> Written:
    session = outcome.session
    known = session.state.sid if isinstance(session.state, Intended) else ""
    if known != outcome.sid:
        session = without_notices(session)  # they were about another recorder
    applied = outcome.applied or session.applied
    accepted = Accepted(resource_id=outcome.resource_id, sid=outcome.sid, at=outcome.at)
    changed = replace(entry.with_session(replace(session, applied=applied, state=accepted)), retry=None, refusal=None)
    reason = "accepted" if outcome.applied else "it ran already"
    message = f"sid {outcome.sid}, slot {session.slot}, uid {session.identity.uid}"
    started = event(entry, "recording.started", reason, outcome.at, session, message)
    dismissed = session.state.dismissed if isinstance(session.state, Intended | Held) else ""
    if dismissed:
        return _to_be_stopped(changed, replace(session, applied=applied, state=accepted), dismissed, started)
    return Written(changed, (started,))


def _to_be_stopped(entry: Entry, session: Session, why: str, *events: Event) -> Written:
    """Carry the wish to stop it out together with its handle, for the wish outlives the process that had it."""
    assert isinstance(session.state, Accepted)
    found = session.state
    stopping = session.become(Stopping(found.resource_id, found.sid, found.at, why))
    return Written(entry.with_session(stopping), (*events, event(entry, "recording.stopping", why, found.at, session)))


def _start_unknown(entry: Entry, outcome: StartUnknown, rules: Rules) -> Written:
    state = outcome.session.state
    assert isinstance(state, Intended)
    unsettled = replace(
        state, tried_at=outcome.at, tries=state.tries + 1, problem=str(outcome.problem), spent=outcome.spent
    )
    changed = entry.with_session(outcome.session.become(unsettled))
    if is_polled(state.tries, rules):
        return Written(changed)  # as above (S22)
    return Written(changed, (said(entry, "recording.unsettled", outcome.problem, outcome.at, outcome.session),))


def _start_held(entry: Entry, outcome: StartHeld) -> Written:
    state = outcome.session.state
    assert isinstance(state, Intended)
    resource_ids = state.resource_ids
    if outcome.problem.code == _CONFLICT and len(resource_ids) > 1 and not outcome.stray:
        resource_ids = resource_ids[:-1]  # what holds the uid was started with another one
    held = Held(
        since=state.held_since or outcome.at,
        why=outcome.why,
        resource_ids=resource_ids,
        sid=state.sid,
        probed_at=outcome.at,
        problem=str(outcome.problem),
        dismissed=state.dismissed,
        acquired_at=state.since if outcome.stray else None,
    )
    changed = entry.with_session(outcome.session.become(held))
    if state.held == held.why:
        return Written(changed)  # a probe that finds it as it was is no event (S22)
    return Written(changed, (said(entry, "recording.held", outcome.problem, outcome.at, outcome.session),))


def _withdrawn(entry: Entry, session: Session | None, kind: str, problem: Problem, at: datetime) -> Written:
    """Take an intent back: certainly nothing was started."""
    if session is None:
        return Written(entry, (said(entry, kind, problem, at),))
    closed = session.become(Ended(at, "never-started", str(problem)))
    return Written(entry.with_session(closed), (said(entry, kind, problem, at, session),))


def _observed(entry: Entry, session: Session, observation: Live | Missing | ControlExpired, rules: Rules) -> Written:
    state = session.state
    assert isinstance(state, Accepted | Confirmed | Stopping)
    match observation:
        case Live() if isinstance(state, Accepted) and state.unsettled:
            return _proven(entry, session, state, observation, rules)
        case Live():
            return _live(entry, session, state, observation, rules)
        case Missing(at=at, asked_at=asked_at):
            return _missing(entry, session, state, at, asked_at or at)
        case ControlExpired(at=at):
            unsettled = state.unsettled if isinstance(state, Accepted) else None
            dismissed = state.reason if isinstance(state, Stopping) else unsettled.dismissed if unsettled else ""
            held = Held(
                since=at,
                why="ControlExpired",
                resource_ids=unsettled.resource_ids if unsettled else (state.resource_id,),
                sid=state.sid,
                probed_at=at,
                problem="controlFor is over",
                dismissed=dismissed,
                acquired_at=unsettled.since if unsettled and strays_until(unsettled, state.resource_id, at) else None,
            )
            lost = event(entry, "recording.control-lost", "ControlExpired", at, session)
            return Written(entry.with_session(session.become(held)), (lost,))
        case _ as never:
            assert_never(never)


def _proven(entry: Entry, session: Session, state: Accepted, observation: Live, rules: Rules) -> Written:
    """Believe the sid that a notice named: the service knows it together with a resource id of ours."""
    assert state.unsettled is not None
    if strays_until(state.unsettled, state.resource_id, observation.at):
        # Should it end meanwhile, that start is what is left, and as unsettled as it is: so it stays beside the sid.
        seen = replace(state, inquiry=Inquiry(Seen(observation.at, observation.status), observation.at))
        return Written(entry.with_session(with_files(session, observation.files).become(seen)))
    proven = replace(state, unsettled=None)
    settled = replace(entry, retry=None, refusal=None)
    if state.unsettled.dismissed:
        ours = session.become(replace(proven, at=observation.at))
        return _to_be_stopped(settled, ours, state.unsettled.dismissed)
    return _live(settled, session, proven, observation, rules)


def _live(
    entry: Entry, session: Session, state: Accepted | Confirmed | Stopping, observation: Live, rules: Rules
) -> Written:
    inquiry = Inquiry(Seen(observation.at, observation.status), observation.at, 0)
    seen = with_files(session, observation.files)
    if outlives_notices(session, observation, rules):
        # It goes on, whatever notices said: the 404 of a later failover must not be believed for them.
        seen = replace(seen, ending=None)
    if is_said_to_be_over(seen) or (isinstance(state, Accepted) and observation.status < RECORDS):
        inquiry = replace(inquiry, tries=state.inquiry.tries + 1)
    if isinstance(state, Accepted) and observation.status >= RECORDS:
        confirmed = Confirmed(state.resource_id, state.sid, observation.at, inquiry)
        records = event(entry, "recording.confirmed", f"status {observation.status}", observation.at, session)
        return Written(entry.with_session(seen.become(confirmed)), (records,))
    events: tuple[Event, ...] = ()
    if isinstance(state.inquiry.sighting, Doubted):
        events = (event(entry, "recording.found", "the service finds it again", observation.at, session),)
    changed = entry.with_session(seen.become(replace(state, inquiry=inquiry)))
    if entry.backoff and isinstance(state, Confirmed) and observation.at - state.at >= rules.backoff_reset:
        changed = replace(changed, backoff=None)
    return Written(changed, events)


def _missing(
    entry: Entry, session: Session, state: Accepted | Confirmed | Stopping, at: datetime, asked_at: datetime
) -> Written:
    """Doubt it since the answer, and count for the grace when it was asked: an answer may be long on its way."""
    if isinstance(state, Accepted) and state.unsettled:
        another = next_candidate(state)
        if another:
            return Written(entry.with_session(session.become(another)))
        state = first_candidate(state)
    before = state.inquiry.sighting
    if isinstance(before, Doubted) and not before.lapsed:
        # Since a moment that has not come: a clock was set back. The grace begins anew, else it lasts as long as that.
        doubted = replace(before, since=min(before.since, asked_at), at=asked_at)
        inquiry = Inquiry(doubted, asked_at, state.inquiry.tries + 1)
        return Written(entry.with_session(session.become(replace(state, inquiry=inquiry))))
    inquiry = Inquiry(Doubted(since=at, at=asked_at), asked_at, 1)
    missing = event(entry, "recording.missing", "404: failed to find worker", at, session)
    return Written(entry.with_session(session.become(replace(state, inquiry=inquiry))), (missing,))


def _unanswered(entry: Entry, session: Session, problem: Problem, at: datetime) -> Written:
    state = session.state
    assert isinstance(state, Accepted | Confirmed | Stopping)
    if isinstance(state, Accepted) and state.unsettled and problem.code in MISMATCHED:
        return _missing(entry, session, state, at, at)
    first = state.inquiry.tries == 0
    inquiry = replace(state.inquiry, asked_at=at, tries=state.inquiry.tries + 1)
    events = (said(entry, "recording.unanswered", problem, at, session),) if first else ()
    return Written(entry.with_session(session.become(replace(state, inquiry=inquiry))), events)


def _updated(entry: Entry, outcome: Updated) -> Written:
    told = TOLD_BY[outcome.consequence]
    applied = outcome.session.applied
    spec = dict(applied.spec)
    for path in told:
        spec = _grafted(spec, outcome.applied.spec, path.split("."))
    fingerprints = {path: text for path, text in applied.fingerprints.items() if path not in told}
    fingerprints |= {path: text for path, text in outcome.applied.fingerprints.items() if path in told}
    told_now = Applied(spec, fingerprints, applied.revision)
    if not changes(told_now, outcome.applied):
        told_now = outcome.applied
    session = replace(outcome.session, applied=told_now)
    told_so = event(entry, "recording.updated", outcome.reason, outcome.at, session)
    return Written(replace(entry.with_session(session), retry=None, revision=outcome.applied.revision), (told_so,))


def _grafted(spec: dict[str, object], source: object, path: Sequence[str]) -> dict[str, object]:
    name, *rest = path
    inner = source.get(name) if isinstance(source, dict) else None
    mine = spec.get(name)
    if rest and isinstance(mine, dict):
        return {**spec, name: _grafted(mine, inner, rest)}
    return {**spec, name: inner}


def _stopped(entry: Entry, outcome: Stopped, rules: Rules) -> Written:
    session = outcome.session
    state = session.state
    assert isinstance(state, Stopping)
    how: Literal["stopped", "failed"] = "failed" if state.failed else "stopped"
    words = {"stopped": "", "no-data": " (nothing was recorded)", "leaving": " (it was leaving already)"}[outcome.how]
    closed = Ended(
        outcome.at, how, state.reason + words, state.resource_id, state.sid, uploading_status=outcome.uploading_status
    )
    return ended(entry, with_files(session, outcome.files), closed, rules)
