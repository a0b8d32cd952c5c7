"""Orders that people gave, per recording and per set. Statements only: no claim is needed to give one."""

from reconciler.ledger import documents
from reconciler.ledger.threads import Connection
from reconciler.model import Key
from reconciler.planning.orders import NO_ORDERS, Orders
from reconciler.planning.standing import NO_SET_ORDERS, SetOrders

_WHOLE_SET = ""  # in place of a name, which is never empty


def orders(connection: Connection, key: Key) -> Orders:
    found = _document(connection, key)
    return documents.read("orders", Orders, key, *found) if found else NO_ORDERS


def all_orders(connection: Connection, set_name: str) -> dict[Key, Orders]:
    rows = connection.execute(
        "SELECT name, document, checksum FROM orders WHERE set_name = ? AND name <> ?", (set_name, _WHOLE_SET)
    ).fetchall()
    keys = ((Key(set_name, row[0]), row) for row in rows)
    return {key: documents.read("orders", Orders, key, row[1], row[2]) for key, row in keys}


def give(connection: Connection, key: Key, given: Orders) -> None:
    _write(connection, key, *documents.write("orders", Orders, key, given))


def set_orders(connection: Connection, set_name: str) -> SetOrders:
    key = Key(set_name, _WHOLE_SET)
    found = _document(connection, key)
    return documents.read("orders", SetOrders, key, *found) if found else NO_SET_ORDERS


def give_set(connection: Connection, set_name: str, given: SetOrders) -> None:
    key = Key(set_name, _WHOLE_SET)
    _write(connection, key, *documents.write("orders", SetOrders, key, given))


def _document(connection: Connection, key: Key) -> tuple[str, int] | None:
    row = connection.execute(
        "SELECT document, checksum FROM orders WHERE set_name = ? AND name = ?", (key.set, key.name)
    ).fetchone()
    return (row[0], row[1]) if row else None


def _write(connection: Connection, key: Key, document: str, checksum: int) -> None:
    connection.execute(
        "INSERT INTO orders (set_name, name, document, checksum) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (set_name, name) DO UPDATE SET document = excluded.document, checksum = excluded.checksum",
        (key.set, key.name, document, checksum),
    )
