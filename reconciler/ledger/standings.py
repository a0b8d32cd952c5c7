"""The accepted set of a source, which stays in force over restarts, and the daemon that keeps it. Statements only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from reconciler.errors import LedgerError
from reconciler.ledger import documents
from reconciler.ledger.threads import Connection
from reconciler.model import Key
from reconciler.planning.standing import Standing

Lives = Callable[[str], bool]
Kind: TypeAlias = Literal["Recording", "App"]


@dataclass(frozen=True, slots=True)
class Declaration:
    """One manifest of an accepted set, with references in place of secrets."""

    spec: Mapping[str, Any]  # as JSON, by alias
    file: str
    line: int
    column: int
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    renamed_from: str | None = None
    in_force: bool = True  # false once an accepted revision no longer has it: the name stays the source's own


Place: TypeAlias = tuple[Kind, str]
Declarations: TypeAlias = Mapping[Place, Declaration]


def standing(connection: Connection, set_name: str) -> Standing | None:
    row = connection.execute("SELECT document, checksum FROM standings WHERE set_name = ?", (set_name,)).fetchone()
    return documents.read("standing", Standing, Key(set_name, ""), row[0], row[1]) if row else None


def stand(connection: Connection, set_name: str, page: Standing) -> None:
    connection.execute(
        "INSERT INTO standings (set_name, document, checksum) VALUES (?, ?, ?) "
        "ON CONFLICT (set_name) DO UPDATE SET document = excluded.document, checksum = excluded.checksum",
        (set_name, *documents.write("standing", Standing, Key(set_name, ""), page)),
    )


def declarations(connection: Connection, set_name: str) -> dict[Place, Declaration]:
    rows = connection.execute(
        "SELECT kind, name, document, checksum FROM declarations WHERE set_name = ?", (set_name,)
    ).fetchall()
    return {
        (row[0], row[1]): documents.read("declaration", Declaration, Key(set_name, row[1]), row[2], row[3])
        for row in rows
    }


def declaration(connection: Connection, key: Key) -> Declaration | None:
    row = connection.execute(
        "SELECT document, checksum FROM declarations WHERE set_name = ? AND kind = 'Recording' AND name = ?",
        (key.set, key.name),
    ).fetchone()
    return documents.read("declaration", Declaration, key, row[0], row[1]) if row else None


def accept(connection: Connection, set_name: str, page: Standing, changed: Declarations) -> None:
    """Put a set in force; only what differs from the one before is written."""
    for (kind, name), declaration in changed.items():
        connection.execute(
            "INSERT INTO declarations (set_name, kind, name, document, checksum) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (set_name, kind, name) DO UPDATE "
            "SET document = excluded.document, checksum = excluded.checksum",
            (set_name, kind, name, *documents.write("declaration", Declaration, Key(set_name, name), declaration)),
        )
    stand(connection, set_name, page)


def move(connection: Connection, old: Key, new: Key) -> None:
    """Let what a source has declared be its own under the new name, too, unless it has declared that one itself."""
    declared = declaration(connection, old)
    if declared is not None and declaration(connection, new) is None:
        connection.execute(
            "UPDATE declarations SET name = ?, checksum = ? WHERE set_name = ? AND kind = 'Recording' AND name = ?",
            (new.name, documents.write("declaration", Declaration, new, declared)[1], old.set, old.name),
        )


def enlist(connection: Connection, set_name: str, source: str, holder: str, lives: Lives) -> None:
    """Write down who keeps the set; one daemon does. Raises LedgerError while another living one does."""
    other = keeper(connection, set_name, lives)
    if other is not None and _holder(connection, set_name) != holder:
        raise LedgerError(
            f"another daemon keeps set {set_name} on this ledger already, from {other}; end it, or name another set "
            "with --set"
        )
    connection.execute(
        "INSERT INTO daemons (set_name, holder, source) VALUES (?, ?, ?) "
        "ON CONFLICT (set_name) DO UPDATE SET holder = excluded.holder, source = excluded.source",
        (set_name, holder, source),
    )


def keeper(connection: Connection, set_name: str, lives: Lives) -> str | None:
    """Name the source of the living daemon that keeps the set."""
    row = connection.execute("SELECT holder, source FROM daemons WHERE set_name = ?", (set_name,)).fetchone()
    return str(row[1]) if row and lives(row[0]) else None


def _holder(connection: Connection, set_name: str) -> str:
    row = connection.execute("SELECT holder FROM daemons WHERE set_name = ?", (set_name,)).fetchone()
    return str(row[0]) if row else ""
