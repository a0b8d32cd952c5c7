"""Sessions and events: every run of every recorder, and every line of history. Statements only."""

from datetime import datetime
from typing import Any

from reconciler.ledger import documents
from reconciler.ledger.threads import Connection
from reconciler.model import Event, Identity, Key, Session


def owner_of(connection: Connection, identity: Identity) -> Key | None:
    row = connection.execute(
        "SELECT set_name, name FROM sessions WHERE app_id = ? AND channel = ? AND uid = ? AND is_open = 1",
        (identity.app_id, identity.channel, identity.uid),
    ).fetchone()
    return Key(row[0], row[1]) if row else None


def recording(connection: Connection, set_name: str) -> frozenset[Key]:
    rows = connection.execute("SELECT name FROM sessions WHERE set_name = ? AND is_open = 1", (set_name,)).fetchall()
    return frozenset(Key(set_name, row[0]) for row in rows)


def open_recorders(connection: Connection, app_id: str) -> int:
    row = connection.execute("SELECT count(*) FROM sessions WHERE app_id = ? AND is_open = 1", (app_id,)).fetchone()
    return int(row[0])


def sessions(
    connection: Connection, key: Key | None, set_name: str | None, number: int | None
) -> tuple[tuple[Key, Session], ...]:
    where, values = _of(key, set_name)
    if number is not None:
        where, values = f"{where} AND number = ?", [*values, number]
    rows = connection.execute(
        f"SELECT set_name, name, document, checksum FROM sessions {where}",  # noqa: S608  # constants only
        values,
    ).fetchall()
    found = ((Key(row[0], row[1]), row) for row in rows)
    read = ((key, documents.read_session(key, row[2], row[3])) for key, row in found)
    return tuple(sorted(read, key=lambda one: (one[1].opened_at, one[0], one[1].number)))


def events(
    connection: Connection,
    key: Key | None,
    set_name: str | None,
    *,
    since: datetime | None,
    limit: int | None,
    after_id: int | None,
    before_id: int | None,
) -> tuple[tuple[int, Event], ...]:
    where, values = _of(key, set_name)
    where, values = f"{where} AND id > ?", [*values, after_id or 0]
    if before_id is not None:
        where, values = f"{where} AND id < ?", [*values, before_id]
    if since is not None:
        where, values = f"{where} AND at >= ?", [*values, documents.stamp(since)]
    newest_first = limit is not None and after_id is None
    order = f"ORDER BY id {'DESC' if newest_first else 'ASC'} {'' if limit is None else 'LIMIT ?'}"
    rows = connection.execute(
        f"SELECT id, set_name, name, document, checksum FROM events {where} {order}",  # noqa: S608  # constants only
        values if limit is None else [*values, limit],
    ).fetchall()
    found = ((row[0], Key(row[1], row[2]), row) for row in (reversed(rows) if newest_first else rows))
    return tuple((number, documents.read_event(key, row[3], row[4])) for number, key, row in found)


def append(connection: Connection, event: Event) -> None:
    connection.execute(
        "INSERT INTO events (set_name, name, at, document, checksum) VALUES (?, ?, ?, ?, ?)",
        (
            *(event.key.set, event.key.name, documents.stamp(event.at)),
            *documents.write("event", Event, event.key, event),
        ),
    )


def _of(key: Key | None, set_name: str | None) -> tuple[str, list[Any]]:
    if key is not None:
        return "WHERE set_name = ? AND name = ?", [key.set, key.name]
    return ("WHERE set_name = ?", [set_name]) if set_name is not None else ("WHERE 1 = 1", [])


def clear(connection: Connection, before: datetime, notices_before: datetime) -> None:
    """Drop older history, but of recordings that are live, and never the newest session of one (S22)."""
    moment = documents.stamp(before)
    connection.execute(
        "DELETE FROM events WHERE at < ? AND NOT EXISTS (SELECT 1 FROM sessions AS live "
        "WHERE live.is_open = 1 AND live.set_name = events.set_name AND live.name = events.name)",
        (moment,),
    )
    connection.execute(
        "DELETE FROM sessions WHERE json_extract(document, '$.opened_at') < ? AND NOT EXISTS "
        "(SELECT 1 FROM sessions AS live "
        "WHERE live.is_open = 1 AND live.set_name = sessions.set_name AND live.name = sessions.name) "
        "AND number < (SELECT max(number) FROM sessions AS later "
        "WHERE later.set_name = sessions.set_name AND later.name = sessions.name)",
        (moment,),
    )
    connection.execute("DELETE FROM notices WHERE received_at < ?", (documents.stamp(notices_before),))


def cursor(connection: Connection, name: str) -> int | None:
    """Read how far in the history somebody has come who reads on; None if it never began."""
    row = connection.execute("SELECT position, checksum FROM cursors WHERE name = ?", (name,)).fetchone()
    if row is not None and documents.checksum(Key("", name), str(row[0])) != row[1]:
        raise documents.DocumentError(f"the cursor of {name} cannot be read: its checksum is wrong")
    return int(row[0]) if row else None


def move_cursor(connection: Connection, name: str, position: int) -> None:
    connection.execute(
        "INSERT INTO cursors (name, position, checksum) VALUES (?, ?, ?) "
        "ON CONFLICT (name) DO UPDATE SET position = excluded.position, checksum = excluded.checksum",
        (name, position, documents.checksum(Key("", name), str(position))),
    )


def last_event(connection: Connection) -> int:
    """Give the id of the newest event; 0 where there is none."""
    row = connection.execute("SELECT max(id) FROM events").fetchone()
    return int(row[0] or 0)
