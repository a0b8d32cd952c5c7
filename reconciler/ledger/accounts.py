"""What belongs to the ledger as a whole: its facts, and the quota row of each App ID. Statements only."""

from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.agora import quota
from reconciler.ledger import documents
from reconciler.ledger.threads import Connection
from reconciler.model import Key


@dataclass(frozen=True, slots=True)
class Rate:
    """How far the calls of an App ID have come."""

    next_at: datetime | None = None
    slow_until: datetime | None = None  # after a 429


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
    rate = _rate(connection, app_id)
    drawn, next_at = quota.next_slice(now, rate.next_at, rate.slow_until, qps, most)
    _keep(connection, app_id, replace(rate, next_at=next_at))
    return drawn


def throttled(connection: Connection, app_id: str, now: datetime) -> None:
    _keep(connection, app_id, replace(_rate(connection, app_id), slow_until=quota.slow_until(now)))


def _rate(connection: Connection, app_id: str) -> Rate:
    row = connection.execute("SELECT document, checksum FROM quota WHERE app_id = ?", (app_id,)).fetchone()
    return documents.read("quota", Rate, Key("", app_id), row[0], row[1]) if row else Rate()


def _keep(connection: Connection, app_id: str, rate: Rate) -> None:
    connection.execute(
        "INSERT INTO quota (app_id, document, checksum) VALUES (?, ?, ?) "
        "ON CONFLICT (app_id) DO UPDATE SET document = excluded.document, checksum = excluded.checksum",
        (app_id, *documents.write("quota", Rate, Key("", app_id), rate)),
    )
