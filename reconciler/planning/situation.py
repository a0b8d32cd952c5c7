"""Everything one decision looks at, and the holds that several decisions begin with."""

from dataclasses import dataclass
from datetime import datetime

from reconciler.model import Entry
from reconciler.planning.actions import Because, Hold
from reconciler.planning.desired import Aim, Desired, Unwanted
from reconciler.planning.inquiries import due
from reconciler.planning.occupancy import Presence
from reconciler.planning.orders import NO_ORDERS, Orders
from reconciler.planning.rules import Rules
from reconciler.planning.windows import Outlook, outlook


@dataclass(frozen=True, slots=True)
class Gate:
    """What keeps a whole App ID from starting anything (S8)."""

    refused: str = ""  # its credentials or account are refused: no call makes sense
    refused_until: datetime | None = None  # when one call asks again; None: nobody does
    full_until: datetime | None = None  # 406: no room until then
    lacking: bool = False  # it is not the service that refuses: nobody has an account for it


OPEN_GATE = Gate()


@dataclass(frozen=True, slots=True)
class Around:
    """What a decision depends on besides what is wanted and what the ledger says."""

    gate: Gate = OPEN_GATE
    orders: Orders = NO_ORDERS
    presence: Presence = Presence.UNKNOWN  # of people in the channel
    frozen: str = ""  # why nothing may be done but to observe


NOTHING_AROUND = Around()


def app_id_of(entry: Entry, desired: Aim) -> str:
    """Tell whose quota and gate the next call stands under: the live recorder's own App ID, else the declared one."""
    session = next(iter(entry.open_sessions), None)
    if session is not None:
        return session.identity.app_id
    return desired.app_id if isinstance(desired, Desired) else ""


@dataclass(frozen=True, slots=True)
class Unwished:
    """Why it should not record now, and until when."""

    because: Because
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Situation:
    """What is wanted, what the ledger says, and the moment."""

    desired: Aim
    entry: Entry
    now: datetime
    rules: Rules
    around: Around

    def is_outdated(self, moment: datetime) -> bool:
        """Tell whether a restart was ordered since."""
        return self.around.orders.outdates(moment, self.now)

    @property
    def unwished(self) -> Unwished | None:
        """Say why it should not record now, if it should not. Suspension wins over the schedule (S12)."""
        match self.desired:
            case Unwanted(reason=reason):
                return Unwished(Because.STOPPED, reason)
            case Desired(spec=spec):
                suspension = self.around.orders.suspended(self.now)
                if suspension:
                    return Unwished(Because.SUSPENDED, str(suspension), suspension.until)
                if spec.suspend:
                    return Unwished(Because.SUSPENDED, "suspended by its manifest")
                return self._outside_its_windows()
            case _:
                return None

    def _outside_its_windows(self) -> Unwished | None:
        ahead = self.ahead
        if ahead is None or ahead.current:
            return None
        lasting = bool(self.entry.open_sessions) and self.around.presence is not Presence.EMPTY
        if ahead.closed and lasting:
            return None  # it goes on while somebody is there, at most as long as `overrun` says
        opens = ahead.following.opens if ahead.following else None
        words = f"its next window opens at {opens:%Y-%m-%d %H:%M} UTC" if opens else "its last window is over"
        return Unwished(Because.WAITING, f"outside of its windows: {words}", opens)

    @property
    def unwanted(self) -> str:
        """Why it should not record now; empty when it should."""
        return self.unwished.reason if self.unwished else ""

    @property
    def ahead(self) -> Outlook | None:
        """Look at the windows around this moment; None: it has none."""
        schedule = self.declared.spec.schedule if self.declared else None
        return outlook(schedule, self.now) if schedule else None

    @property
    def turning_point(self) -> datetime | None:
        """Tell when windows or orders next change what is wanted, though nothing else happens."""
        moments = [self.unwished.until] if self.unwished else []
        if self.around.orders.restart:
            moments.append(self.around.orders.restart.at)
        ahead = self.ahead
        if ahead and ahead.current:
            moments.append(ahead.current.closes)
        elif ahead and ahead.closed and ahead.closed.closes:
            moments.append(ahead.closed.closes + ahead.closed.overrun)
        return min((moment for moment in moments if moment and moment > self.now), default=None)

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
