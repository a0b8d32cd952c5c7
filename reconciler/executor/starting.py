"""Starting a recorder, and finding out what became of a start (S3 to S5): where recordings are doubled or lost."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import randbelow
from typing import assert_never

from reconciler.agora import wire
from reconciler.agora.answers import (
    AlreadyStarted,
    IdentityHeld,
    NotAllocated,
    ResourceSpent,
    StartAccepted,
    StartAnswer,
)
from reconciler.agora.pace import Band
from reconciler.agora.token import mint_token
from reconciler.errors import (
    AppRejectedError,
    IdentityTakenError,
    NoRoomError,
    Problem,
    RejectedError,
    ServiceError,
)
from reconciler.executor.turns import Executed, Service, Turn, revealing
from reconciler.ledger.entries import RoomTakenError
from reconciler.ledger.ledger import Ledger
from reconciler.manifests.schema import MintedToken, RecordingSpec
from reconciler.manifests.values import SecretRef
from reconciler.model import Entry, Held, Identity, Intended, Session
from reconciler.planning.actions import Settle, Start
from reconciler.planning.changes import MASK
from reconciler.planning.desired import Desired
from reconciler.planning.history import event, recently_stopped
from reconciler.planning.intents import intend_probe, intend_start
from reconciler.planning.outcomes import (
    AppRefused,
    NoRoom,
    NotStarted,
    Outcome,
    Started,
    StartHeld,
    StartRefused,
    StartUnknown,
)
from reconciler.planning.proving import as_unsettled

# A recorder that we stopped may go on leaving for so long, and its uid is not free yet (S5).
LEAVING = timedelta(seconds=60)


class Starter:
    """Sends starts. The intent is on disk before each; what may live stays unsettled until an answer settles it."""

    def __init__(self, ledger: Ledger, services: Mapping[str, Service], clock: Callable[[], datetime]) -> None:
        self._ledger = ledger
        self._services = services
        self._clock = clock

    async def start(self, turn: Turn, entry: Entry, action: Start) -> Executed:
        desired, identity = action.desired, action.desired.slots[action.slot]
        service = self._services[desired.app_id]
        full = await self._full(service, desired.app_id)
        if full:
            return Executed(entry, NoRoom(full, self._clock()))
        body = wire.acquire_body(desired.spec, identity)
        resource_id = await self._acquire(turn, service, identity, body, desired.revision)
        if not isinstance(resource_id, str):
            return Executed(entry, resource_id)
        if turn.caller.is_let_go():  # under another name it may have been started by now
            return Executed(entry, NotStarted(None, Problem("start", "it is kept no more"), self._clock()))
        now = self._clock()
        intended, session = intend_start(entry, action, resource_id, service.client.url, now)
        starting = event(intended, "recording.starting", action.reason, now, session, f"uid {identity.uid}")
        room = (desired.app_id, service.max_recorders) if service.max_recorders else None
        try:
            await self._ledger.save(turn.claim, intended, (starting,), room=room)
        except RoomTakenError as error:
            return Executed(entry, NoRoom(Problem("start", str(error)), now))
        except IdentityTakenError as error:
            return Executed(entry, NotStarted(None, Problem("start", str(error)), now))
        return Executed(intended, await self._send_start(turn, intended, session, desired, fresh=True))

    async def _full(self, service: Service, app_id: str) -> Problem | None:
        if service.max_recorders is None or await self._ledger.open_recorders(app_id) < service.max_recorders:
            return None
        said = f"{service.max_recorders} recorders run or may run already, as many as RECONCILER_MAX_RECORDERS allows"
        return Problem("start", said)

    async def _acquire(
        self, turn: Turn, service: Service, identity: Identity, body: wire.Body, revision: str
    ) -> str | Outcome:
        try:
            return await service.client.acquire(identity, body, rank=turn.caller.rank(Band.CHANGE))
        except AppRejectedError as error:
            return AppRefused(error.problem, self._clock())
        except NoRoomError as error:
            return NoRoom(error.problem, self._clock())
        except RejectedError as error:
            return StartRefused(None, revision, error.problem, self._clock())
        except ServiceError as error:  # acquire has no effect: whatever it was, it may be repeated (S3)
            return NotStarted(None, error.problem, self._clock())

    async def settle(self, turn: Turn, entry: Entry, action: Settle) -> Executed:
        session = action.session
        desired = action.desired if action.desired and _fits(action.desired, session) else None
        if action.how == "repeat":
            return Executed(entry, await self._send_start(turn, entry, _probing(session), desired, fresh=False))
        service = self._services[session.identity.app_id]
        spec = desired.spec if desired else _own_spec(session)
        body = wire.acquire_body(spec, session.identity)
        resource_id = await self._acquire(turn, service, session.identity, body, session.applied.revision)
        if not isinstance(resource_id, str):
            return Executed(entry, self._still_unsettled(session, resource_id))
        intended, probing = intend_probe(entry, session, resource_id, self._clock())
        await self._ledger.save(turn.claim, intended)
        return Executed(intended, await self._send_start(turn, intended, probing, desired, fresh=True))

    def _still_unsettled(self, session: Session, outcome: Outcome) -> Outcome:
        """Keep what may live unsettled, whatever kept us from asking about it."""
        match outcome:
            case (
                NoRoom(problem=problem, at=at)
                | NotStarted(problem=problem, at=at)
                | StartRefused(problem=problem, at=at)
            ):
                return self._unsettled(session, problem, at)
            case _:
                return outcome

    def _unsettled(self, session: Session, problem: Problem, at: datetime) -> Outcome:
        match session.state:
            case Held(why=why) if why != "ControlExpired":
                return StartHeld(_probing(session), why, problem, at)
            case Held():
                return StartHeld(_probing(session), "ControlLost", problem, at)
            case _:
                return StartUnknown(session, problem, at, spent=True)

    async def _send_start(
        self, turn: Turn, entry: Entry, session: Session, desired: Desired | None, *, fresh: bool
    ) -> Outcome:
        assert isinstance(session.state, Intended)
        resource_id = session.state.resource_ids[-1]
        service = self._services[session.identity.app_id]
        body = self._start_body(entry.key.name, session, desired)
        # The start that follows its acquire goes before any other acquire: two seconds are all it has (S3, S15).
        rank = turn.caller.rank(Band.FOLLOW if fresh else Band.RETRY)
        # Settling may go to another host than the first try did (S16).
        url = session.url if fresh else service.client.url
        try:
            answer = await service.client.start(session.identity, session.mode, resource_id, body, rank=rank, url=url)
        except ServiceError as error:
            return self._start_failed(session, error, desired, fresh=fresh)
        return self._start_answered(entry, session, answer, desired, fresh=fresh)

    def _start_failed(self, session: Session, error: ServiceError, desired: Desired | None, *, fresh: bool) -> Outcome:
        assert isinstance(session.state, Intended)
        now = self._clock()
        # Only when this very turn has written the intent is it certain that no earlier start was sent with it.
        first = fresh and len(session.state.resource_ids) == 1
        match error:
            case AppRejectedError() if first:
                return AppRefused(error.problem, now, session)
            case AppRejectedError():
                return AppRefused(error.problem, now)
            case RejectedError() if first:
                # What was refused outright was not started; only a first try is sure of that.
                revision = desired.revision if desired else session.applied.revision
                return StartRefused(session, revision, error.problem, now)
            case _:
                return StartUnknown(session, error.problem, now)

    def _start_answered(
        self, entry: Entry, session: Session, answer: StartAnswer, desired: Desired | None, *, fresh: bool
    ) -> Outcome:
        assert isinstance(session.state, Intended)
        state, now = session.state, self._clock()
        started_with = desired.wanted if desired else session.applied
        match answer:
            case StartAccepted(sid=sid):
                return Started(session, state.resource_ids[-1], sid, now, started_with)
            case AlreadyStarted(sid=str(sid)) if sid:
                return Started(session, state.resource_ids[-1], sid, now)
            case AlreadyStarted():
                said = Problem("start", "already started, and the answer has no sid", 201, 7)
                return StartHeld(session, "ControlLost", said, now)
            case IdentityHeld(problem=problem):
                return self._held(entry, session, problem, now, fresh=fresh)
            case ResourceSpent(problem=problem):
                return StartUnknown(session, problem, now, spent=True)
            case NotAllocated(problem=problem):
                # It says nothing of a start before it that had no answer.
                return StartUnknown(session, problem, now, spent=fresh)
            case _ as never:
                assert_never(never)

    def _held(self, entry: Entry, session: Session, problem: Problem, now: datetime, *, fresh: bool) -> Outcome:
        assert isinstance(session.state, Intended)
        first = fresh and len(session.state.resource_ids) == 1 and not session.state.held
        if first and recently_stopped(entry, session.identity, now, LEAVING):
            return NotStarted(session, replace(problem, hint="our own recorder is still leaving"), now)
        another = session.state.held == "HeldByAnother" or first
        return StartHeld(session, "HeldByAnother" if another else "ControlLost", problem, now, stray=not fresh)

    def _start_body(self, name: str, session: Session, desired: Desired | None) -> wire.Body:
        now = self._clock()
        if desired is None:
            return wire.start_body(_own_spec(session), session.identity, _mask, name=name, at=now)
        token = _token(desired, session.identity, now)
        reveal = revealing(desired.secrets)
        return wire.start_body(desired.spec, session.identity, reveal, name=name, at=now, token=token)


def _token(desired: Desired, identity: Identity, now: datetime) -> str | None:
    """Mint a token for exactly this channel and uid, or take the given one of this slot."""
    token = desired.spec.token
    if token is None:
        return None
    if isinstance(token, MintedToken):
        return mint_token(
            app_id=identity.app_id,
            certificate=desired.secrets[token.certificate],
            channel=identity.channel,
            uid=identity.uid,
            ttl=token.ttl,
            salt=randbelow(99_999_999) + 1,
            issued_at=now,
        )
    index = list(desired.slots.values()).index(identity)
    return desired.secrets[token[index]].reveal()


def _fits(desired: Desired, session: Session) -> bool:
    return desired.spec.mode == session.mode and session.identity in desired.slots.values()


def _own_spec(session: Session) -> RecordingSpec:
    return RecordingSpec.model_validate(session.applied.spec)


def _mask(_: SecretRef) -> str:
    # Only a start that is to be stopped at once is settled without its manifest: it needs a body, not its storage.
    return MASK


def _probing(session: Session) -> Session:
    assert isinstance(session.state, Intended | Held)
    return session.become(as_unsettled(session.state))
