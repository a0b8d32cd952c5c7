"""How a recording is, as `get`, the page and the metrics show it: phase, conditions, times and a sentence. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, assert_never

from reconciler.model import Accepted, Confirmed, Entry, Held, Intended, Mode, Rest, Session, Slot, Stopping
from reconciler.planning.conditions import Condition, conditions_of, control_expires_at
from reconciler.planning.inquiries import delay_after, due, next_inquiry
from reconciler.planning.phases import Case, Phase, message_of, phase_of, recorder_of
from reconciler.planning.rules import Rules

if TYPE_CHECKING:
    from reconciler.planning.actions import Hold
    from reconciler.planning.desired import Desired, Unwanted

_DEFAULT_RULES = Rules()


@dataclass(frozen=True, slots=True)
class Status:
    """Everything that is said about one recording; what is not known is None or empty."""

    entry: Entry
    phase: Phase
    message: str
    recorder: Session | None  # the open session that the top-level fields speak of
    channel: str | None
    mode: Mode | None
    app: str | None
    uid: str | None
    revision: str
    observed_revision: str
    next_check_at: datetime | None
    control_expires_at: datetime | None
    conditions: tuple[Condition, ...]

    @property
    def is_live(self) -> bool:
        """A recorder runs, or may run."""
        return self.recorder is not None


def status_of(
    entry: Entry,
    now: datetime,
    *,
    hold: "Hold | Rest | None" = None,
    desired: "Desired | Unwanted | None" = None,
    rules: Rules = _DEFAULT_RULES,
) -> Status:
    """Say how a recording is, from its entry and, where one was made, from the decision to do nothing now.

    Without `hold` and `desired` it says less rather than guesses: what the entry does not hold is Unknown.
    """
    wanted, declared = _wanted(desired, entry)
    hold = hold or entry.rest
    case = Case(entry, recorder_of(entry), now, rules, hold, wanted, declared)
    phase = phase_of(case)
    message = message_of(case, phase)
    shown = case.recorder or entry.newest
    return Status(
        entry=entry,
        phase=phase,
        message=message,
        recorder=case.recorder,
        channel=shown.identity.channel if shown else wanted.spec.channel if wanted else None,
        mode=shown.mode if shown else wanted.spec.mode if wanted else None,
        app=_app(shown, wanted),
        uid=_uid(shown, entry, wanted),
        revision=case.revision,
        observed_revision=_observed_revision(case, shown),
        # What was written down of a live recorder's rest is from the time when it began.
        next_check_at=hold.until if hold and not (case.state and hold is entry.rest) else _next_check_at(case),
        control_expires_at=control_expires_at(case.recorder) if case.recorder else None,
        conditions=conditions_of(case, phase, message),
    )


def resource_id_of(session: Session) -> str:
    """Give the resource id that would be used next; empty if it is not known."""
    state = session.state
    if isinstance(state, Intended | Held):
        return state.resource_ids[-1] if state.resource_ids else ""
    return state.resource_id


def sid_of(session: Session) -> str:
    """Give the sid; empty while it is not known."""
    return "" if isinstance(session.state, Intended) else session.state.sid


def _wanted(desired: "Desired | Unwanted | None", entry: Entry) -> tuple["Desired | None", bool]:
    if desired is None:
        return None, entry.declared
    from reconciler.planning.desired import Desired  # noqa: PLC0415 - loads the schema, which readers never need

    return (desired, True) if isinstance(desired, Desired) else (None, False)


def _app(shown: Session | None, wanted: "Desired | None") -> str | None:
    if shown:
        app = shown.applied.spec.get("app")
        return app if isinstance(app, str) else None
    return wanted.spec.app if wanted else None


def _uid(shown: Session | None, entry: Entry, wanted: "Desired | None") -> str | None:
    if shown:
        return shown.identity.uid
    identity = entry.uids.get(Slot.A) or (wanted.slots.get(Slot.A) if wanted else None)
    return identity.uid if identity else None


def _observed_revision(case: Case, shown: Session | None) -> str:
    """Tell the newest revision that was carried out: a decision for "as declared" carries out what asks for nothing."""
    if case.hold and case.hold.because == "Converged":
        return case.revision
    return shown.applied.revision if shown else ""


def _next_check_at(case: Case) -> datetime | None:
    rules, now = case.rules, case.now
    match case.state:
        case None:
            return case.pause.until if case.pause else None
        case Intended(tried_at=tried_at, tries=tries, spent=spent, since=since):
            delay = rules.poll_interval if spent else delay_after(tries, rules)
            return due(tried_at + delay, delay, now) if tried_at else since
        case Held(probed_at=probed_at, since=since):
            return due((probed_at or since) + rules.poll_interval, rules.poll_interval, now)
        case Accepted() | Confirmed():
            assert case.recorder is not None
            return next_inquiry(case.recorder, rules, now)
        case Stopping(inquiry=inquiry, since=since):
            delay = delay_after(inquiry.tries, rules)
            return due(inquiry.asked_at + delay, delay, now) if inquiry.asked_at else since
        case _ as never:
            assert_never(never)
