"""Tells a receiver outside what has happened: in order, at least once, kept until it is answered 2xx.

The ledger's history is the outbox, and a cursor in it says how far everything was delivered. Not for what is told.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from hashlib import sha256
from typing import TypeAlias

from structlog.typing import FilteringBoundLogger

from reconciler.ledger.ledger import Ledger
from reconciler.model import Event
from reconciler.render.notifications import ANCHORS, CONTENT_TYPE, Notification, Told, notifications
from reconciler.render.signing import signed_headers

LONGEST_PAUSE = timedelta(minutes=5)
LOOK_EVERY = timedelta(seconds=5)  # other processes write into the same history, and wake nobody
_AFTER_REFUSAL = timedelta(minutes=1)  # a receiver that is set up wrongly is not mended within seconds
_JITTER = 0.2  # of a pause: the receiver's other senders were refused in the same moment
_MOST_DOUBLED = 20  # a millisecond is then longer than any pause may be, and a day does not overflow
_WORTH_REPEATING = frozenset({408, 425, 429})
_PAGE = 50
_LOOKED_BACK = 20
_HINT = (
    "check RECONCILER_NOTIFY_URL, RECONCILER_NOTIFY_SECRET and the receiver; nothing is lost: this and all that "
    "follows is kept and repeated, minutes apart, until answered 2xx"
)


@dataclass(frozen=True, slots=True)
class Answered:
    """The receiver, or something before it, has answered."""

    status: int
    retry_after: str = ""  # the header, as it came


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No answer: it may have arrived all the same. The words never hold the address."""

    problem: str


Reply: TypeAlias = Answered | Unanswered
Post: TypeAlias = Callable[[bytes, Mapping[str, str]], Awaitable[Reply]]  # never raises


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is told. Only its host may be named: the address may hold a secret."""

    host: str
    post: Post = field(repr=False)
    signing_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Delivery:
    """How telling goes, since this process began."""

    delivered: int = 0
    failed: int = 0  # tries without a 2xx
    trouble: str = ""  # why the last try failed; empty: it did not
    troubled_since: datetime | None = None


async def open_notifier(
    ledger: Ledger,
    set_name: str,
    receiver: Receiver,
    *,
    retry_delays: Sequence[timedelta],
    clock: Callable[[], datetime],
    log: FilteringBoundLogger,
) -> "Notifier":
    """Make the notifier of a set. Nothing is told of what was before the first time; later it goes on where it was.

    `clock` is the time of day as others have it, for receivers refuse signatures of another time.
    Raises LedgerError.
    """
    name = f"notify:{set_name}"
    position = await ledger.cursor(name)
    if position is None:
        position = await ledger.last_event()
        await ledger.move_cursor(name, position)
    ledger_key = await ledger.fingerprint_key()
    return Notifier(_Outbox(ledger, set_name, name, ledger_key, position), receiver, retry_delays, clock, log)


@dataclass(slots=True)
class _Outbox:
    """What is still to be told of a set's history, and how far telling has come."""

    ledger: Ledger
    set: str
    cursor: str
    ledger_key: bytes = field(repr=False)
    position: int

    async def next(self) -> tuple[int, tuple[Notification, ...]] | None:
        """Find the next event there is something to tell of, always afresh: files may have become known since."""
        while True:
            page = await self.ledger.events(set_name=self.set, after_id=self.position, limit=_PAGE)
            for number, event in page:
                owed = await self._owed(number, event)
                if owed:
                    return number, owed
                self.position = number
            if len(page) < _PAGE:
                return None
            await self.pass_by(self.position)  # or each start would read again what nobody needs to be told

    async def pass_by(self, number: int) -> None:
        """Write down that everything up to that event was told."""
        await self.ledger.move_cursor(self.cursor, number)
        self.position = number

    async def _owed(self, number: int, event: Event) -> tuple[Notification, ...]:
        anchors = ANCHORS.get(event.kind)
        if anchors is None:
            return ()
        session = None
        if event.session is not None:
            found = await self.ledger.sessions(event.key, number=event.session)
            session = found[0][1] if found else None
        before = await self._before(number, event, anchors) if anchors else ()
        return notifications(Told(number, event, session, before), self.ledger_key)

    async def _before(self, number: int, event: Event, anchors: frozenset[str]) -> tuple[Event, ...]:
        """Look back in the recording's own history until it is clear how it stood before."""
        found: list[Event] = []
        while True:
            page = await self.ledger.events(event.key, before_id=number, limit=_LOOKED_BACK)
            for _, earlier in reversed(page):
                found.insert(0, earlier)
                if earlier.kind in anchors:
                    return tuple(found)
            if len(page) < _LOOKED_BACK:
                return ()
            number = page[0][0]


class Notifier:
    """Tells one receiver; see `open_notifier`."""

    def __init__(
        self,
        outbox: _Outbox,
        receiver: Receiver,
        retry_delays: Sequence[timedelta],
        clock: Callable[[], datetime],
        log: FilteringBoundLogger,
    ) -> None:
        self._outbox = outbox
        self._receiver = receiver
        self._retry_delays = retry_delays
        self._clock = clock
        self._log = log.bind(set=outbox.set, receiver=receiver.host)
        self._written = asyncio.Event()
        self._told: set[str] = set()  # of the event in hand: a pause between two is no reason to repeat the first
        self._tries = 0
        self._delivery = Delivery()

    @property
    def delivery(self) -> Delivery:
        return self._delivery

    def wake(self) -> None:
        """Look at once: something was written. What nobody says is seen within seconds all the same."""
        self._written.set()

    async def run(self) -> None:
        """Tell, for ever. May be cancelled at any time: what was not answered then is told again by the next one.

        Raises:
            LedgerError: the ledger cannot be used.
        """
        while True:
            self._written.clear()
            owed = await self._outbox.next()
            if owed is not None:
                await self._tell(*owed)
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY.total_seconds()):
                    await self._written.wait()

    async def _tell(self, number: int, owed: Sequence[Notification]) -> None:
        """Tell what is owed for one event; after a failure pause and leave it owed."""
        for one in owed:
            if one.id in self._told:
                continue
            reply = await self._post(one)
            if not isinstance(reply, Answered) or not 200 <= reply.status < 300:
                await self._pause(one, reply)
                return
            self._told.add(one.id)
            self._note_delivered(one)
        await self._outbox.pass_by(number)
        self._told.clear()

    async def _post(self, one: Notification) -> Reply:
        body = one.body()
        headers = signed_headers(one.id, self._clock(), body, self._receiver.signing_key)
        return await self._receiver.post(body, {"Content-Type": CONTENT_TYPE, **headers})

    async def _pause(self, one: Notification, reply: Reply) -> None:
        self._tries += 1
        pause = pause_after(reply, self._tries, self._retry_delays, one.id, self._clock())
        self._note_failed(one, reply, pause)
        await asyncio.sleep(pause.total_seconds())

    def _note_delivered(self, one: Notification) -> None:
        if self._delivery.trouble:
            self._log.info("notification.resumed", tries=self._tries + 1)
        self._log.debug("notification.delivered", recording=one.key.name, type=one.type, id=one.id)
        self._tries = 0
        self._delivery = Delivery(self._delivery.delivered + 1, self._delivery.failed)

    def _note_failed(self, one: Notification, reply: Reply, pause: timedelta) -> None:
        trouble = _trouble(reply)
        said = {"recording": one.key.name, "type": one.type, "id": one.id, "reason": trouble}
        if trouble == self._delivery.trouble:
            self._log.debug("notification.delayed", **said, tries=self._tries, pause=pause.total_seconds())
        elif is_refused(reply):
            self._log.error("notification.refused", **said, hint=_HINT)
        else:
            self._log.warning("notification.delayed", **said, hint="nothing is lost: it is repeated until answered 2xx")
        since = self._delivery.troubled_since or self._clock()
        failed = self._delivery.failed + 1
        self._delivery = replace(self._delivery, failed=failed, trouble=trouble, troubled_since=since)


def _trouble(reply: Reply) -> str:
    return f"answered {reply.status}" if isinstance(reply, Answered) else reply.problem


def is_refused(reply: Reply) -> bool:
    """Tell whether a person has to mend something: waiting seconds will not help."""
    return isinstance(reply, Answered) and reply.status < 500 and reply.status not in _WORTH_REPEATING


def pause_after(reply: Reply, tries: int, delays: Sequence[timedelta], seed: str, now: datetime) -> timedelta:
    """Say how long to wait after so many failed tries, never longer than LONGEST_PAUSE.

    The delays come first, then twice the last one, and so on; after a refusal it begins with a minute. What the
    receiver asks for is kept. The same seed gives the same jitter.
    """
    if is_refused(reply):
        pause = _AFTER_REFUSAL * (1 << min(tries - 1, _MOST_DOUBLED))
    elif tries <= len(delays):
        pause = delays[tries - 1]
    else:
        pause = delays[-1] * (1 << min(tries - len(delays), _MOST_DOUBLED))
    share = int.from_bytes(sha256(f"{seed} {tries}".encode()).digest()[:4]) / 2**32
    jittered = min(pause, LONGEST_PAUSE) * (1 - _JITTER * share)
    asked = _asked_for(reply.retry_after, now) if isinstance(reply, Answered) else timedelta()
    return max(jittered, min(asked, LONGEST_PAUSE))


def _asked_for(retry_after: str, now: datetime) -> timedelta:
    """Read the header Retry-After: seconds, or a date; what is neither asks for nothing."""
    if re.fullmatch(r"[0-9]{1,9}", retry_after):
        return timedelta(seconds=int(retry_after))
    try:
        at = parsedate_to_datetime(retry_after)
    except ValueError:
        return timedelta()
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
