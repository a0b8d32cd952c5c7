"""The conditions of a recording, as Kubernetes writes them: each with status, reason, words and the time of the fact.

Pure. A transition time is always that of a fact in the ledger, never the time of asking.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias, assert_never

from reconciler.model import Accepted, Confirmed, Doubted, Held, Intended, OpenState, Seen, Session, Stopping
from reconciler.planning.inquiries import RECORDS
from reconciler.planning.phases import Case, Phase

Truth: TypeAlias = Literal["True", "False", "Unknown"]

_HOUR = timedelta(hours=1)
_LONGEST_CONTROL = timedelta(days=30)

# The status of Ready by the reason of a hold; what is not named here is False.
_READY_BY_HOLD: dict[str, Truth] = {
    "Converged": "True",
    "Stopped": "True",
    "Suspended": "True",
    "Completed": "True",
    "Waiting": "True",
    "Empty": "True",
    "Settling": "Unknown",
    "Doubted": "Unknown",
    "ControlLost": "Unknown",
    "Frozen": "Unknown",
    "Unmanaged": "Unknown",
}
_NEEDS_A_PERSON = frozenset({"Refused", "AppRefused", "SecretMissing"})


@dataclass(frozen=True, slots=True)
class Condition:
    """One statement about a recording. `since` is None where nothing was ever written down about it."""

    type: str
    status: Truth
    reason: str  # CamelCase, for programs
    message: str
    since: datetime | None


def conditions_of(case: Case, phase: Phase, message: str) -> tuple[Condition, ...]:
    """State them all, in a fixed order; `Orphaned` only while it is true."""
    always = (
        _ready(case, phase, message),
        _recording(case, phase, message),
        _control_expiring(case),
        _control_lost(case, message),
        _stalled(case, message),
    )
    orphaned = _orphaned(case)
    return (*always, orphaned) if orphaned else always


def control_for(session: Session) -> timedelta:
    """Tell how long a session's recorder obeys, as it was told at its start."""
    seconds = session.applied.spec.get("controlFor")
    return timedelta(seconds=seconds) if isinstance(seconds, int | float) else _LONGEST_CONTROL


def control_expires_at(session: Session) -> datetime:
    """Tell when control ends, counted from the intent to start: rather a moment early than too late."""
    return session.opened_at + control_for(session)


def control_warned_at(session: Session) -> datetime:
    """Warn in the last tenth, in the last hour where that is longer, but never before half of it is over."""
    length = control_for(session)
    return control_expires_at(session) - min(max(length / 10, _HOUR), length / 2)


def since(case: Case) -> datetime | None:
    """Tell when what is known now became so."""
    match case.state:
        case None:
            return case.entry.last_end.at if case.entry.last_end else None
        case Intended(since=moment) | Held(since=moment) | Stopping(since=moment):
            return moment
        case (Accepted(at=moment) | Confirmed(at=moment)) as state:
            sighting = state.inquiry.sighting
            return sighting.since if isinstance(sighting, Doubted) else moment
        case _ as never:
            assert_never(never)


def _ready(case: Case, phase: Phase, message: str) -> Condition:
    moment = case.refusal.at if case.refusal else since(case)
    if case.hold:
        because = str(case.hold.because)
        reason = "Confirmed" if because == "Converged" else because
        return Condition("Ready", _READY_BY_HOLD.get(because, "False"), reason, message, moment)
    truth, reason = _ready_by_phase(case, phase)
    if reason == "RevisionPending":
        message = "the recorder was told another revision than the one declared; `plan` says what differs"
    return Condition("Ready", truth, reason, message, moment)


def _ready_by_phase(case: Case, phase: Phase) -> tuple[Truth, str]:
    match phase:
        case "Recording":
            return _ready_while_recording(case)
        case "Updating":
            return "False", "UpdateRefused" if case.refusal else "UpdateRetried"
        case "Suspended" | "Completed":
            return "True", phase
        case "Stopped":
            # Whether a declared recording should record now, only a decision can tell.
            return "Unknown" if case.declared else "True", phase
        case "Unknown":
            return "Unknown", _lost(case) or phase
        case _:
            return "False", "Refused" if phase == "Failed" else phase


def _ready_while_recording(case: Case) -> tuple[Truth, str]:
    if _doubted(case.state):
        return "Unknown", "Missing"
    if not case.declared:
        return "Unknown", "Unmanaged"
    told = case.recorder.applied.revision if case.recorder else ""
    if case.revision and told != case.revision:
        return "Unknown", "RevisionPending"
    return "True", "Confirmed"


def _recording(case: Case, phase: Phase, message: str) -> Condition:
    truth, reason = _records(case.state, phase)
    return Condition("Recording", truth, reason, message, since(case))


def _records(state: OpenState | None, phase: Phase) -> tuple[Truth, str]:
    """Say whether it records; what was not answered since is unknown, not false."""
    if state is None:
        return "False", phase
    if isinstance(state, Held):
        return "Unknown", state.why
    if _doubted(state):
        return "Unknown", "Missing"
    if not isinstance(state, Confirmed):
        return "Unknown", phase
    sighting = state.inquiry.sighting
    if isinstance(sighting, Seen) and sighting.status < RECORDS:
        return "False", "NotRecording"
    return "True", "Confirmed"


def _doubted(state: OpenState | None) -> bool:
    return isinstance(state, Confirmed) and isinstance(state.inquiry.sighting, Doubted)


def _control_expiring(case: Case) -> Condition:
    recorder = case.recorder
    if recorder is None:
        return Condition("ControlExpiring", "False", "NoRecorder", "nothing runs", since(case))
    ends_at, warned_at = control_expires_at(recorder), control_warned_at(recorder)
    if case.now >= ends_at:
        words = "control has ended: the recorder cannot be asked or stopped any more"
        return Condition("ControlExpiring", "True", "Expired", words, ends_at)
    if case.now >= warned_at:
        words = "control ends soon, afterwards the recorder cannot be asked or stopped: `delete` and `apply` renew it"
        return Condition("ControlExpiring", "True", "Expiring", words, warned_at)
    return Condition("ControlExpiring", "False", "InControl", "control lasts", recorder.opened_at)


def _control_lost(case: Case, message: str) -> Condition:
    lost = _lost(case)
    if lost:
        return Condition("ControlLost", "True", lost, message, since(case))
    reason, words = ("InControl", "it can be asked and stopped") if case.recorder else ("NoRecorder", "nothing runs")
    if isinstance(case.state, Intended):
        reason, words = "Settling", "whether it started is being settled"
    return Condition("ControlLost", "False", reason, words, since(case))


def _lost(case: Case) -> str:
    match case.state:
        case Held(why=why):
            return why
        case Intended(held=held) | Accepted(unsettled=Intended(held=held)):
            return held
        case _:
            return ""


def _stalled(case: Case, message: str) -> Condition:
    """Say whether it waits for a person: then no waiting helps."""
    if case.hold and case.hold.because in _NEEDS_A_PERSON:
        moment = case.refusal.at if case.refusal else since(case)
        return Condition("Stalled", "True", str(case.hold.because), case.hold.reason, moment)
    if case.refusal and (case.state is None or isinstance(case.state, Confirmed)):
        return Condition("Stalled", "True", "Refused", case.refusal.problem, case.refusal.at)
    if _lost(case) == "HeldByAnother":
        return Condition("Stalled", "True", "HeldByAnother", message, since(case))
    return Condition("Stalled", "False", "Progressing", "it needs nobody", since(case))


def _orphaned(case: Case) -> Condition | None:
    end = case.entry.last_end
    if case.recorder is None and end and case.given_away:
        words = f"a recorder may go on without us: {end.reason}; `reconciler import` takes it back"
        return Condition("Orphaned", "True", "GivenAway", words, end.at)
    return None
