"""The ledger as the other rooms see it: each method is one transaction. Not for deciding what to write."""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from typing import TypeVar

from reconciler.agora.quota import Slice
from reconciler.errors import LedgerError
from reconciler.evidence import Notice
from reconciler.ledger import accounts, claims, entries, files, history, notices, orders, standings
from reconciler.ledger.claims import Claim
from reconciler.ledger.holders import Holders
from reconciler.ledger.notices import Numbered
from reconciler.ledger.orders import Given
from reconciler.ledger.sqlite import Database
from reconciler.ledger.standings import Declaration, Declarations
from reconciler.ledger.threads import Connection, InlineThread, Job, Thread
from reconciler.model import Entry, Event, Identity, Key, Session
from reconciler.planning.orders import Orders
from reconciler.planning.standing import SetOrders, Standing

T = TypeVar("T")
SERVICES = {"agora": "Agora", "simulator": "an API simulator"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the ledger holds for one turn of a recording."""

    entry: Entry
    orders: Orders
    notices: tuple[Numbered, ...] = ()  # of its channels, not taken up yet
    exists: bool = True  # somebody has written of it before
    generation: int = 0  # of the newest claim: grows with everything that is written of the recording


async def open_ledger(
    place: str | PathLike[str],
    *,
    service: str | None,
    now: Callable[[], datetime],
    run: Thread | None = None,
    create: bool = True,
    on_commit: Callable[[str], None] | None = None,
) -> "Ledger":
    """Open the ledger at a path or `sqlite:///FILE`, made if it is missing and `create` says so.

    `service` ("agora" or "simulator") is written down at the first opening that names one and must be the same ever
    after; None is for readers that call nobody. `run` defaults to the caller's thread. `on_commit` hears "before NAME"
    and "after NAME" around each COMMIT; what it raises, the caller of that method gets. A ledger that may only be read
    opens, and refuses writes. Raises LedgerError.
    """
    path = files.locate(place)
    database = Database(path, create=create, on_commit=on_commit)
    try:
        ledger = Ledger(database, Holders(path), run or InlineThread(), now)
    except LedgerError:
        database.close()
        raise
    try:
        if service is not None:
            await ledger.serve(service, str(path))
    except BaseException:
        await ledger.close()
        raise
    return ledger


class Ledger:
    """One opened ledger. Every method raises LedgerError when the ledger cannot be used; nothing is written then."""

    def __init__(self, database: Database, holders: Holders, run: Thread, now: Callable[[], datetime]) -> None:
        self._database = database
        self._holders = holders
        self._run = run
        self._now = now
        self._run.start(database.perform)

    async def close(self) -> None:
        """Finish what was begun and free every claim, as the end of the process would."""
        await self._run.stop()
        try:
            self._database.close()
        finally:
            self._holders.close()

    async def serve(self, service: str, path: str) -> None:
        """Bind the ledger to its service, or refuse it."""
        bound = await self._read("service", lambda connection: accounts.fact(connection, "service"))
        if bound is None and not self._database.read_only:
            bound = await self._write(
                "service", lambda connection: accounts.settle_fact(connection, "service", service)
            )
        if bound not in (None, service):
            made, asked = SERVICES.get(bound, bound), SERVICES.get(service, service)
            raise LedgerError(f"{path} was made against {made} and is not used against {asked}; name another ledger")

    async def fingerprint_key(self) -> bytes:
        """Give the 32 random bytes of this ledger, made at the first asking."""
        found = await self._read("fingerprint_key", lambda connection: accounts.fact(connection, "fingerprint_key"))
        if found is None:
            made = secrets.token_hex(32)
            found = await self._write(
                "fingerprint_key", lambda connection: accounts.settle_fact(connection, "fingerprint_key", made)
            )
        return bytes.fromhex(found)

    async def version(self) -> int:
        """Give a number that is another one once another process, or another opened ledger, has written something.

        What is written through this ledger leaves it as it is. Costs next to nothing: ask as often as you like.
        """
        return await self._read("version", self._database.version)

    # -- claims

    async def claim(self, key: Key) -> Claim | None:
        """Take the key for a turn; None while another living holder has it. One's own older claim is void then."""
        holders = self._holders
        return await self._write(
            "claim", lambda connection: claims.claim(connection, key, holders.own(), holders.lives)
        )

    async def release(self, claim: Claim) -> None:
        """Give the key back; a claim that was lost or given back before changes nothing."""
        await self._write("release", lambda connection: claims.release(connection, claim))

    async def take(self, key: Key) -> tuple[Claim, Sheet] | None:
        """Take the key for a turn and read its sheet, in one transaction; None while another living holder has it."""
        holders = self._holders

        def take(connection: Connection) -> tuple[Claim, Sheet] | None:
            claim = claims.claim(connection, key, holders.own(), holders.lives)
            return (claim, _sheet(connection, key)) if claim else None

        return await self._write("claim", take)

    async def sheet(self, key: Key) -> Sheet:
        """Read what a turn of that recording would stand on."""
        return await self._read("sheet", lambda connection: _sheet(connection, key))

    # -- entries

    async def entries(self, set_name: str | None = None) -> dict[Key, Entry]:
        """Read the entries of a set, or of all, in the order of their keys."""
        return await self._read("entries", lambda connection: entries.entries(connection, set_name))

    async def entry(self, key: Key) -> Entry | None:
        return await self._read("entry", lambda connection: entries.entry(connection, key))

    async def save(
        self,
        claim: Claim,
        entry: Entry,
        events: Sequence[Event] = (),
        *,
        release: bool = False,
        room: tuple[str, int] | None = None,
    ) -> None:
        """Write the entry with its sessions and events under the claim, all or nothing; `release` frees the claim too.

        `room=(app_id, limit)` refuses more open sessions of that App ID. Raises ClaimLostError, IdentityTakenError,
        RoomTakenError, and LedgerError for an entry that leaves out an open session.
        """
        assert claim.key == entry.key, f"{claim.key} is claimed, {entry.key} is written"
        await self._write(
            "save", lambda connection: entries.save(connection, claim, entry, events, release=release, room=room)
        )

    async def note(
        self, key: Key, generation: int, entry: Entry, events: Sequence[Event] = (), *, patient: bool = False
    ) -> bool:
        """Write what was learnt without a claim; False if somebody has taken the key since its sheet was read.

        A patient one may take half a second, so that several are written together.
        """
        holders = self._holders

        def note(connection: Connection) -> bool:
            is_free = claims.pass_by(connection, key, holders.own(), holders.lives, after=generation)
            if is_free:
                entries.write(connection, entry, events)
            return is_free

        return await self._write("note", note, patient=patient)

    async def rename(self, old: Key, new: Key, claimed: Sequence[Claim] = ()) -> bool:
        """Move all of a recording to a new key; False if there is nothing to move or `new` has a history.

        Raises ClaimedError while either key is claimed by a living holder other than by `claimed`: the turn under way
        would lose what it is about to write. What was claimed or read before is void.
        """
        lives = self._holders.lives
        return await self._write("rename", lambda connection: entries.rename(connection, old, new, claimed, lives))

    # -- history and identities

    async def owner_of(self, identity: Identity) -> Key | None:
        """Tell whose open session has that App ID, channel and uid."""
        return await self._read("owner_of", lambda connection: history.owner_of(connection, identity))

    async def recording(self, set_name: str) -> frozenset[Key]:
        """Name the recordings of a set that have an open session."""
        return await self._read("recording", lambda connection: history.recording(connection, set_name))

    async def open_recorders(self, app_id: str) -> int:
        return await self._read("open_recorders", lambda connection: history.open_recorders(connection, app_id))

    async def sessions(
        self, key: Key | None = None, set_name: str | None = None, *, number: int | None = None
    ) -> tuple[tuple[Key, Session], ...]:
        """Read every session there ever was of one key, of a set, or of all, oldest first; or those with a number."""
        return await self._read("sessions", lambda connection: history.sessions(connection, key, set_name, number))

    async def events(
        self,
        key: Key | None = None,
        set_name: str | None = None,
        *,
        since: datetime | None = None,
        limit: int | None = None,
        after_id: int | None = None,
        before_id: int | None = None,
    ) -> tuple[tuple[int, Event], ...]:
        """Read events with their ids, oldest first: the newest `limit`, or the next `limit` after an id."""

        def events(connection: Connection) -> tuple[tuple[int, Event], ...]:
            self._database.examine_history(connection)
            return history.events(
                connection, key, set_name, since=since, limit=limit, after_id=after_id, before_id=before_id
            )

        return await self._read("events", events)

    async def append(self, event: Event) -> None:
        """Write down what happened without a turn."""
        await self._write("append", lambda connection: history.append(connection, event))

    async def clear(self, before: datetime, notices_before: datetime) -> None:
        """Drop the history that is older, never that of live recordings; notices may go sooner."""
        await self._write("clear", lambda connection: history.clear(connection, before, notices_before))

    async def last_event(self) -> int:
        """Give the id of the newest event; 0 where there is none."""

        def last_event(connection: Connection) -> int:
            self._database.examine_history(connection)
            return history.last_event(connection)

        return await self._read("last_event", last_event)

    async def cursor(self, name: str) -> int | None:
        """Read how far in the events somebody has come who reads on; None if it never began."""
        return await self._read("cursor", lambda connection: history.cursor(connection, name))

    async def move_cursor(self, name: str, position: int) -> None:
        await self._write("move_cursor", lambda connection: history.move_cursor(connection, name, position))

    async def receive(self, notice: Notice) -> bool:
        """Write a notice of the service down, for whom it concerns; False for one that came before."""
        return await self._write("receive", lambda connection: notices.receive(connection, notice))

    # -- orders of people, which need no claim

    async def orders(self, set_name: str) -> dict[Key, Orders]:
        """Read every order for single recordings of the set."""
        return await self._read("orders", lambda connection: orders.all_orders(connection, set_name))

    async def set_orders(self, set_name: str) -> SetOrders:
        return await self._read(
            "set_orders", lambda connection: orders.orders(connection, Key(set_name, ""), SetOrders)
        )

    async def give(self, key: Key, of: type[Given], change: Callable[[Given], Given], *said: Event) -> None:
        """Change the orders for one recording, or for a set under a key without a name; write down that it was done."""

        def give(connection: Connection) -> None:
            orders.give(connection, key, of, change(orders.orders(connection, key, of)))
            for event in said:
                history.append(connection, event)

        await self._write("give", give)

    # -- the source of a set

    async def enlist(self, set_name: str, source: str) -> None:
        """Write down that this process keeps the set from that source. Raises LedgerError while another one does."""
        holders = self._holders
        await self._write(
            "enlist",
            lambda connection: standings.enlist(connection, set_name, source, holders.own(), holders.lives),
        )

    async def keeper(self, set_name: str) -> str | None:
        """Name the source of the living daemon that keeps the set, if there is one."""
        lives = self._holders.lives
        return await self._write("keeper", lambda connection: standings.keeper(connection, set_name, lives))

    async def kept_by_daemon(self, set_name: str) -> frozenset[str]:
        """Name the recordings that the source of the set's living daemon has; none without one."""
        if await self.keeper(set_name) is None:
            return frozenset()
        kept = await self.declarations(set_name)
        return frozenset(name for (kind, name), one in kept.items() if kind == "Recording" and one.in_force)

    async def standing(self, set_name: str) -> Standing | None:
        """Read how the source of a set stands; None if no daemon ever kept it."""
        return await self._read("standing", lambda connection: standings.standing(connection, set_name))

    async def stand(self, set_name: str, page: Standing) -> None:
        await self._write("stand", lambda connection: standings.stand(connection, set_name, page))

    async def declarations(self, set_name: str) -> dict[standings.Place, Declaration]:
        """Read every manifest that an accepted revision of the set's source has ever had."""
        return await self._read("declarations", lambda connection: standings.declarations(connection, set_name))

    async def declaration(self, key: Key) -> Declaration | None:
        """Read one recording as the newest accepted revision that had it has declared it."""
        return await self._read("declaration", lambda connection: standings.declaration(connection, key))

    async def accept(self, set_name: str, page: Standing, changed: Declarations) -> None:
        """Put a set in force, all or nothing; `changed` is what differs from the one before."""
        await self._write("accept", lambda connection: standings.accept(connection, set_name, page, changed))

    # -- the quota

    async def draw(self, app_id: str, qps: float, most: int = 1) -> Slice:
        """Take the next call times of the App ID, up to `most`; all processes on this ledger share them."""
        return await self._write("draw", lambda connection: accounts.draw(connection, app_id, qps, most, self._now()))

    async def throttled(self, app_id: str) -> None:
        """Slow the App ID's calls down for a minute, after a 429."""
        await self._write("throttled", lambda connection: accounts.throttled(connection, app_id, self._now()))

    # -- transactions

    async def _read(self, name: str, work: Callable[[Connection], T]) -> T:
        return await self._run.run(Job(name, work, writes=False))

    async def _write(self, name: str, work: Callable[[Connection], T], *, patient: bool = False) -> T:
        return await self._run.run(Job(name, work, writes=True, patient=patient))


def _sheet(connection: Connection, key: Key) -> Sheet:
    written = entries.entry(connection, key)
    entry = written or Entry(key)
    channels = {session.identity.channel for session in entry.sessions}
    news = notices.of_channels(connection, channels, entry.notices_read)
    _, generation = claims.standing(connection, key)
    return Sheet(entry, orders.orders(connection, key, Orders), news, written is not None, generation)
