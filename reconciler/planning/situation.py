"""Everything one decision looks at, and the holds that several decisions begin with."""

from dataclasses import dataclass
from datetime import datetime

from reconciler.model import Entry
from reconciler.planning.actions import (
    Because,
    Hold,
)
from reconciler.planning.desired import Desired, Unwanted
from reconciler.planning.inquiries import due
from reconciler.planning.rules import Rules


@dataclass(frozen=True, slots=True)
class Gate:
    """What keeps a whole App ID from starting anything (S8)."""

    refused: str = ""  # its credentials or account are refused: no call makes sense
    full_until: datetime | None = None  # 406: no room until then


OPEN_GATE = Gate()


def app_id_of(entry: Entry, desired: Desired | Unwanted) -> str:
    """Tell whose quota and gate the next call stands under: the live recorder's own App ID, else the declared one."""
    session = next(iter(entry.open_sessions), None)
    if session is not None:
        return session.identity.app_id
    return desired.app_id if isinstance(desired, Desired) else ""


@dataclass(frozen=True, slots=True)
class Situation:
    """What is wanted, what the ledger says, and the moment."""

    desired: Desired | Unwanted
    entry: Entry
    now: datetime
    rules: Rules
    gate: Gate

    @property
    def unwanted(self) -> str:
        """Why it should not record now; empty when it should."""
        if isinstance(self.desired, Unwanted):
            return self.desired.reason
        return "suspended by its manifest" if self.desired.spec.suspend else ""

    @property
    def declared(self) -> Desired | None:
        return self.desired if isinstance(self.desired, Desired) else None


def held_by_secrets(situation: Situation) -> Hold | None:
    """Hold what cannot be told without secrets that cannot be read."""
    missing = situation.declared.missing if situation.declared else ()
    return Hold(None, Because.SECRET_MISSING, "; ".join(missing)) if missing else None


def held_by_pace(situation: Situation) -> Hold | None:
    """Hold until a call that certainly had no effect is to be repeated."""
    retry = situation.entry.retry
    if retry is None:
        return None
    until = due(retry.until, situation.rules.poll_interval, situation.now)
    return Hold(until, Because.BACKOFF, retry.reason) if situation.now < until else None
