"""What belongs to the ledger as a whole: its facts, and the quota row of each App ID. Statements only."""

from datetime import datetime
from typing import Any

from reconciler.agora import quota
from reconciler.ledger import documents
from reconciler.ledger.threads import Connection
from reconciler.model import Key


def fact(connection: Connection, name: str) -> str | None:
    row = connection.execute("SELECT value, checksum FROM facts WHERE name = ?", (name,)).fetchone()
    if row is None:
        return None
    if not isinstance(row[0], str) or documents.checksum(Key("", name), row[0]) != row[1]:
        raise documents.DocumentError(f"the fact {name!r} cannot be read: its checksum is wrong")
    return row[0]


def settle_fact(connection: Connection, name: str, value: str) -> str:
    """Write a fact down once; gives the one that stands."""
    connection.execute(
        "INSERT INTO facts (name, value, checksum) VALUES (?, ?, ?) ON CONFLICT (name) DO NOTHING",
        (name, value, documents.checksum(Key("", name), value)),
    )
    return fact(connection, name) or value


def draw(connection: Connection, app_id: str, qps: float, most: int, now: datetime) -> quota.Slice:
    row = connection.execute("SELECT next_at, slow_until FROM quota WHERE app_id = ?", (app_id,)).fetchone()
    next_at, slow_until = (_time(app_id, text) for text in row or (None, None))
    drawn, next_at = quota.next_slice(now, next_at, slow_until, qps, most)
    connection.execute(
        "INSERT INTO quota (app_id, next_at) VALUES (?, ?) "
        "ON CONFLICT (app_id) DO UPDATE SET next_at = excluded.next_at",
        (app_id, documents.stamp(next_at)),
    )
    return drawn


def throttled(connection: Connection, app_id: str, now: datetime) -> None:
    connection.execute(
        "INSERT INTO quota (app_id, slow_until) VALUES (?, ?) "
        "ON CONFLICT (app_id) DO UPDATE SET slow_until = excluded.slow_until",
        (app_id, documents.stamp(quota.slow_until(now))),
    )


def _time(app_id: str, text: Any) -> datetime | None:
    try:
        return None if text is None else documents.unstamp(text)
    except (ValueError, TypeError) as error:
        raise documents.DocumentError(f"the quota of App ID {app_id} cannot be read: {error}") from error
