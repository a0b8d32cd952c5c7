"""Which phase a recording is in: one word for what the ledger knows of it, and a sentence beside it. Pure.

Works from the entry alone, for commands that read and decide nothing; a decision's own `Hold` makes it sharper. Nothing
here needs the manifests' schema, because loading it would cost the reading commands most of their time.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, TypeAlias, assert_never

from reconciler.model import (
    Accepted,
    Backoff,
    Confirmed,
    Doubted,
    Ended,
    Entry,
    Held,
    Intended,
    OpenState,
    Refusal,
    Rest,
    Seen,
    Session,
    Stopping,
)
from reconciler.planning.inquiries import is_said_to_be_over
from reconciler.planning.rules import Rules

if TYPE_CHECKING:
    from reconciler.planning.actions import Hold
    from reconciler.planning.desired import Desired

Phase: TypeAlias = Literal[
    "Pending",
    "Starting",
    "Recording",
    "Updating",
    "Stopping",
    "Stopped",
    "Suspended",
    "Waiting",
    "Completed",
    "Backoff",
    "Failed",
    "Unknown",
]

# The phase of a recording without a recorder, by the reason (`Because`) of the hold that was decided for it.
AT_REST: Mapping[str, Phase] = {
    "Converged": "Stopped",
    "Stopped": "Stopped",
    "Suspended": "Suspended",
    "Completed": "Completed",
    "Waiting": "Waiting",
    "Empty": "Waiting",
    "PendingNext": "Waiting",
    "Confirming": "Starting",
    "Settling": "Starting",
    "Doubted": "Recording",
    "Unanswered": "Recording",
    "Stopping": "Stopping",
    "Backoff": "Backoff",
    "NoRoom": "Pending",
    "Refused": "Failed",
    "AppRefused": "Failed",
    "SecretMissing": "Failed",
    "ControlLost": "Unknown",
    "Frozen": "Pending",
    "Unmanaged": "Stopped",
    "Moved": "Stopped",
}

# What such a hold says is added to what is known of a recorder that goes on meanwhile.
_TOLD_BESIDE = frozenset({"AppRefused", "SecretMissing", "PendingNext", "Frozen", "Unmanaged"})

_HELD_WORDS: Mapping[str, str] = {
    "ControlLost": "a recorder lives that cannot be asked or stopped, for its sid was lost; it ends by itself after "
    "maxIdle without users; probed until then, and `reconciler import` with its sid takes it back",
    "HeldByAnother": "another recorder that is not ours records under this uid; stop it where it was started, or "
    "`reconciler import` it; probed until then",
    "ControlExpired": "its control has expired, so it cannot be asked or stopped any more; it ends by itself after "
    "maxIdle without users; probed until then",
}


@dataclass(frozen=True, slots=True)
class Case:
    """What a status is made of: the entry, the recorder that speaks for it, and what was decided, where it was."""

    entry: Entry
    recorder: Session | None  # the open session that speaks for the recording
    now: datetime
    rules: Rules
    hold: "Hold | Rest | None"
    desired: "Desired | None"
    declared: bool

    @property
    def state(self) -> OpenState | None:
        """How that recorder is; None: nothing runs."""
        state = self.recorder.state if self.recorder else None
        return None if isinstance(state, Ended) else state

    @property
    def revision(self) -> str:
        return self.desired.revision if self.desired else self.entry.revision

    @property
    def refusal(self) -> Refusal | None:
        """What the service refused of this very revision; a refusal of an older one is void."""
        refusal = self.entry.refusal
        return refusal if refusal and refusal.revision == self.revision else None

    @property
    def pause(self) -> Backoff | None:
        """The backoff that keeps it from starting now: the later one."""
        pauses = [one for one in (self.entry.backoff, self.entry.retry) if one and one.until > self.now]
        return max(pauses, key=lambda one: one.until, default=None)

    @property
    def given_away(self) -> bool:
        """Nothing stopped the last recorder: it was left or forgotten on purpose, and may go on without us."""
        return self.entry.last_end is not None and self.entry.last_end.how in ("left", "forgotten")

    @property
    def suspended(self) -> bool:
        if self.desired:
            return self.desired.spec.suspend
        return self.entry.last_end is not None and self.entry.last_end.reason.startswith("suspended")


def recorder_of(entry: Entry) -> Session | None:
    """Choose the open session that speaks for the recording: of copy 1, the one that records, else the newest."""
    sessions = entry.open_sessions
    first = [session for session in sessions if session.slot.copy == 1] or sessions
    recording = [session for session in first if isinstance(session.state, Confirmed)]
    return next(iter(recording), None) or (first[-1] if first else None)


def phase_of(case: Case) -> Phase:
    """Name the phase by what runs, or may run; only where nothing does, by what was decided or is known."""
    match case.state:
        case None:
            return AT_REST[case.hold.because] if case.hold else _at_rest(case)
        case Held():
            return "Unknown"
        case Intended(held=held, dismissed=dismissed) | Accepted(unsettled=Intended(held=held, dismissed=dismissed)):
            return "Unknown" if held else "Stopping" if dismissed else "Starting"
        case Accepted():
            return "Starting"
        case Confirmed():
            return "Updating" if case.entry.retry or case.refusal else "Recording"
        case Stopping():
            return "Stopping"
        case _ as never:
            assert_never(never)


def _at_rest(case: Case) -> Phase:
    if case.suspended:
        return "Suspended"
    if case.entry.completed:
        return "Completed"
    if not case.declared:
        return "Completed" if case.given_away else "Stopped"
    if case.refusal:
        return "Failed"
    if case.pause:
        return "Backoff"
    # That it is wanted again, only a decision can tell.
    end = case.entry.last_end
    stopped = end is not None and end.how == "stopped" and case.desired is None
    return "Stopped" if stopped else "Pending"


def message_of(case: Case, phase: Phase) -> str:
    """Say in plain words how it is; without times, so that the same situation reads the same at every look."""
    state = case.state
    if state is None:
        return case.hold.reason if case.hold else _words_at_rest(case, phase)
    words = _recorder_words(case, state)
    if case.hold and case.hold.because in _TOLD_BESIDE:
        words = f"{words}; {case.hold.reason}"
        if case.hold.because == "Unmanaged":
            return words
    return words if case.declared or phase == "Stopping" else f"{words}; unmanaged: no manifest declares it"


def _words_at_rest(case: Case, phase: Phase) -> str:
    last = case.entry.last_end.reason if case.entry.last_end else ""
    match phase:
        case "Completed":
            return case.entry.completed or last
        case "Failed":
            return case.refusal.problem if case.refusal else last
        case "Backoff":
            return case.pause.reason if case.pause else last
        case "Pending":
            return f"to be started; the last one ended: {last}" if last else "to be started"
        case _:
            return last or "never started"


def _recorder_words(case: Case, state: OpenState) -> str:
    match state:
        case Intended(dismissed=dismissed):
            words = _intended_words(state)
            return f"{words}; to be stopped then: {dismissed}" if dismissed else words
        case Held(why=why, dismissed=dismissed, sid=sid):
            words = f"{_HELD_WORDS[why]}; it has the sid {sid}" if why == "HeldByAnother" and sid else _HELD_WORDS[why]
            return f"{words}; to be stopped then: {dismissed}" if dismissed else words
        case Accepted(unsettled=Intended(dismissed=dismissed)):
            if isinstance(state.inquiry.sighting, Seen):
                words = "it lives, and keeps its uid from another start of it that may still be on its way"
            else:
                words = "a webhook named its sid, whether it is this recorder is being asked"
            return f"{words}; to be stopped then: {dismissed}" if dismissed else words
        case Accepted():
            return _accepted_words(state)
        case Confirmed():
            return _confirmed_words(case, state)
        case Stopping(reason=reason):
            return f"the stop is not confirmed yet: {reason}"
        case _ as never:
            assert_never(never)


def _intended_words(state: Intended) -> str:
    if state.held:
        return _HELD_WORDS[state.held]
    return f"whether it started is not known: {state.problem}" if state.problem else "the start is being sent"


def _accepted_words(state: Accepted) -> str:
    match state.inquiry.sighting:
        case Seen(status=status):
            return f"started, status {status}: it does not record yet"
        case Doubted():
            return "started, but the service does not find it (404)"
        case _:
            return "started, not confirmed yet"


def _confirmed_words(case: Case, state: Confirmed) -> str:
    inquiry = state.inquiry
    files = case.recorder.files if case.recorder else ()
    match inquiry.sighting:
        case Doubted():
            words = "the service does not find it (404): believed only after the grace, a failover hides a recorder"
        case Seen(status=status):
            words = f"status {status}, {_counted(len(files), 'file')}"
            if case.recorder and is_said_to_be_over(case.recorder):
                words = f"{words}; a webhook says that it has ended, the service still finds it"
            elif inquiry.tries:
                words = f"{words}; no answer to the last {_counted(inquiry.tries, 'question')}"
        case _:
            words = "not asked yet"
    if case.refusal:
        return f"{words}; goes on as it was, the update was refused: {case.refusal.problem}"
    if case.entry.retry:
        return f"{words}; the update is tried again: {case.entry.retry.reason}"
    return words


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
