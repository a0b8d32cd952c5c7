"""Orders that people gave, per recording and per set. Statements only: no claim is needed to give one."""

from typing import TypeVar

from reconciler.ledger import documents
from reconciler.ledger.threads import Connection
from reconciler.model import Key
from reconciler.planning.orders import NO_ORDERS, Orders
from reconciler.planning.standing import SetOrders

Given = TypeVar("Given", Orders, SetOrders)

_WHOLE_SET = ""  # in place of a name, which is never empty


def orders(connection: Connection, key: Key, of: type[Given]) -> Given:
    """Read what was ordered for one recording, or for the whole set under a key without a name."""
    found = connection.execute(
        "SELECT document, checksum FROM orders WHERE set_name = ? AND name = ?", (key.set, key.name)
    ).fetchone()
    return documents.read("orders", of, key, found[0], found[1]) if found else of()


def all_orders(connection: Connection, set_name: str) -> dict[Key, Orders]:
    rows = connection.execute(
        "SELECT name, document, checksum FROM orders WHERE set_name = ? AND name <> ?", (set_name, _WHOLE_SET)
    ).fetchall()
    keys = ((Key(set_name, row[0]), row) for row in rows)
    return {key: documents.read("orders", Orders, key, row[1], row[2]) for key, row in keys}


def give(connection: Connection, key: Key, of: type[Given], given: Given) -> None:
    connection.execute(
        "INSERT INTO orders (set_name, name, document, checksum) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (set_name, name) DO UPDATE SET document = excluded.document, checksum = excluded.checksum",
        (key.set, key.name, *documents.write("orders", of, key, given)),
    )


def move(connection: Connection, old: Key, new: Key) -> None:
    """Let what was ordered for a recording hold under its new name, unless that one has orders of its own."""
    given = orders(connection, old, Orders)
    if given != NO_ORDERS and orders(connection, new, Orders) == NO_ORDERS:
        give(connection, new, Orders, given)
    connection.execute("DELETE FROM orders WHERE set_name = ? AND name = ?", (old.set, old.name))
