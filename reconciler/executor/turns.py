"""What an execution is given, and what it gives back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from reconciler.agora.client import Client
from reconciler.agora.pace import Band, Rank, Ticket
from reconciler.ledger.claims import Claim
from reconciler.manifests.values import SecretRef
from reconciler.model import Accepted, Confirmed, Entry, Handle, Secret, Session, Stopping
from reconciler.planning.actions import Action, Forget, Hold, Learn, Observe, Settle, Start, Stop, Update
from reconciler.planning.outcomes import Outcome

Order = tuple[float | str, ...]


@dataclass(frozen=True, slots=True)
class Service:
    """The recording service as one App ID sees it."""

    client: Client
    max_recorders: int | None = None


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: in which order among equals, and with which quota. To ask, one needs no more."""

    order: Order
    ticket: Ticket | None = None
    is_let_go: Callable[[], bool] = lambda: False  # nobody keeps the recording any more: nothing is to begin

    def rank(self, band: Band) -> Rank:
        """Rank the first call, which has its quota already; one after it queues."""
        return Rank(band, self.order, self.ticket)


@dataclass(frozen=True, slots=True)
class Turn:
    """A caller who holds the recording."""

    caller: Caller
    claim: Claim


@dataclass(frozen=True, slots=True)
class Executed:
    """What a call has brought to light, and the entry as its intent left it."""

    entry: Entry
    outcome: Outcome


def handle_of(session: Session) -> Handle:
    """Read what a recorder is asked, told and stopped by."""
    assert isinstance(session.state, Accepted | Confirmed | Stopping)
    return Handle(session.identity, session.mode, session.state.resource_id, session.state.sid)


def revealing(secrets: Mapping[SecretRef, Secret]) -> Callable[[SecretRef], str]:
    return lambda reference: secrets[reference].reveal()


OBSERVING = {"confirming": Band.CONFIRM, "doubted": Band.RETRY, "due": Band.POLL}


def band_of(action: Action) -> Band | None:
    """Rank an action among all that wait for a call (S15); None: it calls nobody."""
    match action:
        case Stop():
            return Band.STOP
        case Start() | Update() | Settle(how="probe"):
            return Band.CHANGE
        case Settle():
            return Band.RETRY
        case Observe(urgency=urgency):
            return OBSERVING[urgency]
        case Learn() | Forget() | Hold():
            return None
        case _ as never:
            assert_never(never)
