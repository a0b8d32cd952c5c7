"""Entries, and what is written together with one: its sessions and events. Statements only."""

import sqlite3
from collections.abc import Iterable, Sequence

from reconciler.errors import ClaimLostError, IdentityTakenError, LedgerError
from reconciler.ledger import documents, orders, standings
from reconciler.ledger.claims import Claim, ClaimedError, Lives, hold, standing
from reconciler.ledger.history import append, open_recorders, owner_of
from reconciler.ledger.threads import Connection
from reconciler.model import Entry, Event, Key, Session


class RoomTakenError(LedgerError):
    """As many recorders of the App ID are open as it may have; nothing was written."""


def entries(connection: Connection, set_name: str | None) -> dict[Key, Entry]:
    where, values = ("", ()) if set_name is None else ("WHERE set_name = ? ", (set_name,))
    rows = connection.execute(
        f"SELECT set_name, name, document, checksum FROM entries {where}ORDER BY set_name, name",  # noqa: S608
        values,
    ).fetchall()
    found = ((Key(row[0], row[1]), row) for row in rows)
    return {key: documents.read_entry(key, row[2], row[3]) for key, row in found}


def entry(connection: Connection, key: Key) -> Entry | None:
    row = connection.execute(
        "SELECT document, checksum FROM entries WHERE set_name = ? AND name = ?", (key.set, key.name)
    ).fetchone()
    return documents.read_entry(key, row[0], row[1]) if row else None


def save(
    connection: Connection,
    claimed: Claim,
    page: Entry,
    happened: Sequence[Event],
    *,
    release: bool,
    room: tuple[str, int] | None,
) -> None:
    if not hold(connection, claimed, release=release):
        raise ClaimLostError(f"{claimed.key} has been taken over by another process; nothing was written")
    write(connection, page, happened, room=room)


def write(
    connection: Connection, page: Entry, happened: Sequence[Event], *, room: tuple[str, int] | None = None
) -> None:
    _refuse_to_forget(connection, page)
    for session in sorted(page.sessions, key=lambda one: one.is_open):  # an ended one makes room for its successor
        _save_session(connection, page.key, session)
    if room is not None and open_recorders(connection, room[0]) > room[1]:
        raise RoomTakenError(f"App ID {room[0]} may have {room[1]} recorders, and as many are open")
    _save_entry(connection, page)
    for event in happened:
        append(connection, event)


def _save_entry(connection: Connection, page: Entry) -> None:
    connection.execute(
        "INSERT INTO entries (set_name, name, document, checksum) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (set_name, name) DO UPDATE SET document = excluded.document, checksum = excluded.checksum "
        "WHERE entries.document <> excluded.document",
        (page.key.set, page.key.name, *documents.write("entry", Entry, page.key, page)),
    )


def _refuse_to_forget(connection: Connection, page: Entry) -> None:
    # An open session that is missing from its entry would be a recorder that nobody stops.
    rows = connection.execute(
        "SELECT number FROM sessions WHERE set_name = ? AND name = ? AND is_open = 1", (page.key.set, page.key.name)
    ).fetchall()
    lost = {row[0] for row in rows} - {session.number for session in page.sessions}
    if lost:
        raise LedgerError(f"the entry of {page.key} leaves out its open session {min(lost)}; nothing was written")


def _save_session(connection: Connection, key: Key, session: Session) -> None:
    identity = session.identity
    try:
        connection.execute(
            "INSERT INTO sessions "
            "(set_name, name, number, app_id, channel, uid, is_open, document, checksum) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (set_name, name, number) DO UPDATE SET app_id = excluded.app_id, channel = excluded.channel, "
            "uid = excluded.uid, is_open = excluded.is_open, "
            "document = excluded.document, checksum = excluded.checksum "
            "WHERE sessions.document <> excluded.document",
            (
                *(key.set, key.name, session.number, identity.app_id, identity.channel, identity.uid),
                int(session.is_open),
                *documents.write("session", Session, key, session),
            ),
        )
    except sqlite3.IntegrityError as error:
        owner = owner_of(connection, identity)
        if owner is None:
            raise
        raise IdentityTakenError(
            f"{key}: App ID {identity.app_id}, channel {identity.channel!r}, uid {identity.uid} is in use by "
            f"{owner.set}/{owner.name}; give one of them another channel or uid"
        ) from error


def rename(connection: Connection, old: Key, new: Key, mine: Iterable[Claim], lives: Lives) -> bool:
    held = {claimed.key: claimed for claimed in mine}
    for key in (old, new):
        if key in held and not hold(connection, held[key], release=False):
            raise ClaimLostError(f"{key} has been taken over by another process; nothing was renamed")
        if key not in held and lives(standing(connection, key)[0]):
            raise ClaimedError(f"{key} is just being worked on; rename {old} to {new} afterwards")
    page = entry(connection, old)
    covered = entry(connection, new)
    if page is None or (covered is not None and covered.has_history):
        return False
    # What never had a recorder has nothing to keep.
    connection.execute("DELETE FROM entries WHERE set_name = ? AND name = ?", (new.set, new.name))
    for table, order in (("entries", "name"), ("sessions", "number"), ("events", "id")):
        _move(connection, table, order, old, new)
    orders.move(connection, old, new)
    standings.move(connection, old, new)
    # Whoever still holds one of the names, dead as he may seem, must not write a page that he has read before.
    connection.execute(
        "UPDATE claims SET holder = '', generation = generation + 1 WHERE set_name = ? AND name IN (?, ?)",
        (old.set, old.name, new.name),
    )
    return True


def _move(connection: Connection, table: str, order: str, old: Key, new: Key) -> None:
    """Move a table's rows: one by one, for the checksum binds each document to its key."""
    rows = connection.execute(
        f"SELECT {order}, document, checksum FROM {table} WHERE set_name = ? AND name = ?",  # noqa: S608
        (old.set, old.name),
    ).fetchall()
    for number, document, check in rows:
        if documents.checksum(old, document) != check:
            raise documents.DocumentError(f"something of {old} in {table} cannot be read: its checksum is wrong")
        connection.execute(
            f"UPDATE {table} SET set_name = ?, name = ?, checksum = ? "  # noqa: S608
            f"WHERE set_name = ? AND name = ? AND {order} = ?",
            (new.set, new.name, documents.checksum(new, document), old.set, old.name, number),
        )
