"""Carries one action out. Not for deciding which."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import assert_never

from reconciler.agora import wire
from reconciler.agora.answers import Stopped as StopConfirmed
from reconciler.agora.answers import Updated as UpdateDone
from reconciler.agora.client import Client
from reconciler.agora.pace import Band
from reconciler.errors import (
    AppRejectedError,
    RejectedError,
    ServiceError,
)
from reconciler.evidence import ControlExpired, Missing
from reconciler.executor.starting import Starter
from reconciler.executor.turns import OBSERVING, Caller, Executed, Service, Turn, handle_of, revealing
from reconciler.ledger.ledger import Ledger
from reconciler.model import Entry, Handle
from reconciler.planning.actions import Observe, Settle, Start, Stop, Update
from reconciler.planning.changes import Consequence
from reconciler.planning.intents import intend_stop, intend_update
from reconciler.planning.outcomes import (
    AppRefused,
    Observed,
    Outcome,
    Stopped,
    Unanswered,
    Updated,
    UpdateFailed,
)

Call = Start | Settle | Observe | Update | Stop

_UPDATE_KINDS: Mapping[Consequence, wire.UpdateKind] = {
    Consequence.SUBSCRIPTION: "subscription",
    Consequence.WEB: "web",
    Consequence.STORAGE: "storage",
}


class Executor:
    """Carries out actions against the service; writes the intent of those that must not be repeated blindly."""

    def __init__(self, ledger: Ledger, services: Mapping[str, Service], clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._services = services
        self._clock = clock
        self._starter = Starter(ledger, services, clock)

    async def execute(self, turn: Turn, entry: Entry, action: Call) -> Executed:
        """Carry one action out.

        Raises:
            LedgerError: when the intent could not be written; nothing was sent then.
        """
        match action:
            case Start():
                return await self._starter.start(turn, entry, action)
            case Settle():
                return await self._starter.settle(turn, entry, action)
            case Observe():
                return Executed(entry, await self.ask(turn.caller, action))
            case Update():
                return await self._update(turn, entry, action)
            case Stop():
                return await self._stop(turn, entry, action)
            case _ as never:
                assert_never(never)

    async def ask(self, caller: Caller, action: Observe) -> Outcome:
        """Ask about a recorder. It changes nothing, so nobody has to hold the recording for it."""
        session = action.session
        service = self._services[session.identity.app_id]
        try:
            observation = await service.client.query(
                handle_of(session), rank=caller.rank(OBSERVING[action.urgency]), url=session.url
            )
        except AppRejectedError as error:
            return AppRefused(error.problem, self._clock())
        except ServiceError as error:
            return Unanswered(session, error.problem, self._clock())
        return Observed(session, observation)

    async def _update(self, turn: Turn, entry: Entry, action: Update) -> Executed:
        desired, session = action.desired, action.session
        intended, unknown = intend_update(entry, action)
        await self._ledger.save(turn.claim, intended)
        client = self._services[session.identity.app_id].client
        handle, call = handle_of(session), self._update_call(client, action)
        try:
            answer = await call(handle, turn)
        except AppRejectedError as error:
            return Executed(entry, AppRefused(error.problem, self._clock()))
        except RejectedError as error:
            return Executed(entry, UpdateFailed(session, desired.revision, error.problem, True, self._clock()))
        except ServiceError as error:
            failed = UpdateFailed(unknown, desired.revision, error.problem, False, self._clock())
            return Executed(intended, failed)
        if isinstance(answer, UpdateDone):
            done = Updated(session, action.consequence, desired.wanted, self._clock(), action.reason)
            return Executed(intended, done)
        return Executed(intended, Observed(unknown, answer))

    @staticmethod
    def _update_call(
        client: Client, action: Update
    ) -> Callable[[Handle, Turn], Awaitable[UpdateDone | Missing | ControlExpired]]:
        desired, session = action.desired, action.session
        if action.consequence is Consequence.LAYOUT:
            send, body = client.update_layout, wire.layout_body(desired.spec, session.identity)
        else:
            send = client.update
            body = wire.update_body(
                desired.spec,
                session.identity,
                revealing(desired.secrets),
                _UPDATE_KINDS[action.consequence],
                name=desired.key.name,
                at=session.opened_at,
            )
        return lambda handle, turn: send(handle, body, rank=turn.caller.rank(Band.CHANGE), url=session.url)

    async def _stop(self, turn: Turn, entry: Entry, action: Stop) -> Executed:
        stopping, session, events = intend_stop(entry, action, self._clock())
        if events:
            await self._ledger.save(turn.claim, stopping, events)
        client = self._services[session.identity.app_id].client
        body = wire.stop_body(session.identity)
        try:
            answer = await client.stop(handle_of(session), body, rank=turn.caller.rank(Band.STOP), url=session.url)
        except AppRejectedError as error:
            return Executed(stopping, AppRefused(error.problem, self._clock()))
        except ServiceError as error:
            return Executed(stopping, Unanswered(session, error.problem, self._clock()))
        if isinstance(answer, StopConfirmed):
            now = self._clock()
            return Executed(stopping, Stopped(session, answer.how, now, answer.files, answer.uploading_status))
        return Executed(stopping, Observed(session, answer))
