"""Who may write which key: claims with a fencing generation. Statements only; what a living holder is, is handed in."""

from collections.abc import Callable
from dataclasses import dataclass

from reconciler.errors import LedgerError
from reconciler.ledger.threads import Connection
from reconciler.model import Key

Lives = Callable[[str], bool]


class ClaimedError(LedgerError):
    """A recording is just being worked on: try again."""


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to write a key's entry, until another process takes it over."""

    key: Key
    generation: int  # grows with every claim of the key: what fences a late writer off


def claim(connection: Connection, key: Key, holder: str, lives: Lives) -> Claim | None:
    other = holder_of(connection, key)
    if other not in ("", holder) and lives(other):
        return None
    row = connection.execute(
        "INSERT INTO claims (set_name, name, holder, generation) VALUES (?, ?, ?, 1) "
        "ON CONFLICT (set_name, name) DO UPDATE SET holder = excluded.holder, generation = claims.generation + 1 "
        "RETURNING generation",
        (key.set, key.name, holder),
    ).fetchall()
    return Claim(key, row[0][0])


def release(connection: Connection, claimed: Claim) -> None:
    """Give a claim back; one that was lost or given back before is left as it is."""
    hold(connection, claimed, release=True)


def hold(connection: Connection, claimed: Claim, *, release: bool) -> bool:
    """Check the fencing generation, and free the claim if asked to, in one statement."""
    holder = "''" if release else "holder"
    cursor = connection.execute(
        f"UPDATE claims SET holder = {holder} "  # noqa: S608  # one of two constants
        "WHERE set_name = ? AND name = ? AND generation = ? AND holder <> ''",
        (claimed.key.set, claimed.key.name, claimed.generation),
    )
    return cursor.rowcount == 1


def holder_of(connection: Connection, key: Key) -> str:
    row = connection.execute(
        "SELECT holder FROM claims WHERE set_name = ? AND name = ?", (key.set, key.name)
    ).fetchone()
    return str(row[0]) if row else ""
