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
    """Take the key, unless a living holder has it."""
    other, _ = standing(connection, key)
    if _is_in_hand(other, holder, lives):
        return None
    return Claim(key, _count(connection, key, holder))


def pass_by(connection: Connection, key: Key, holder: str, lives: Lives, *, after: int) -> bool:
    """Take the key and give it back at once, unless another has it, or somebody has taken it `after` that."""
    other, newest = standing(connection, key)
    if newest != after or _is_in_hand(other, holder, lives):
        return False
    _count(connection, key, "")
    return True


def _is_in_hand(other: str, holder: str, lives: Lives) -> bool:
    """Tell whether another living holder has it."""
    return other not in ("", holder) and lives(other)


def _count(connection: Connection, key: Key, holder: str) -> int:
    rows = connection.execute(
        "INSERT INTO claims (set_name, name, holder, generation) VALUES (?, ?, ?, 1) "
        "ON CONFLICT (set_name, name) DO UPDATE SET holder = excluded.holder, generation = claims.generation + 1 "
        "RETURNING generation",
        (key.set, key.name, holder),
    ).fetchall()
    return int(rows[0][0])


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


def standing(connection: Connection, key: Key) -> tuple[str, int]:
    """Tell who holds the key, empty for nobody, and the generation of its newest claim."""
    row = connection.execute(
        "SELECT holder, generation FROM claims WHERE set_name = ? AND name = ?", (key.set, key.name)
    ).fetchone()
    return (str(row[0]), row[1]) if row else ("", 0)
