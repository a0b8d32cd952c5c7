"""Notices of the service as they came in, for the recordings of their channels to take up. Statements only."""

from collections.abc import Iterable
from typing import TypeAlias

from reconciler.evidence import Notice
from reconciler.ledger import documents
from reconciler.ledger.threads import Connection
from reconciler.model import Key

MOST_AT_ONCE = 100
Numbered: TypeAlias = tuple[int, Notice]
_NOBODY = Key("", "")  # a notice names a channel; whose it is, each recording finds out


def receive(connection: Connection, notice: Notice) -> bool:
    """Write a notice down; False for one that came before."""
    row = connection.execute(
        "INSERT INTO notices (notice_id, channel, received_at, document, checksum) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (notice_id) DO NOTHING RETURNING id",
        (
            *(notice.notice_id, notice.channel, documents.stamp(notice.received_at)),
            *documents.write("notice", Notice, _NOBODY, notice),
        ),
    ).fetchall()
    return bool(row)


def of_channels(connection: Connection, channels: Iterable[str], after: int) -> tuple[Numbered, ...]:
    """Read the next notices of these channels, oldest first."""
    found: list[Numbered] = []
    for channel in sorted(channels):
        rows = connection.execute(
            "SELECT id, document, checksum FROM notices WHERE channel = ? AND id > ? ORDER BY id LIMIT ?",
            (channel, after, MOST_AT_ONCE),
        ).fetchall()
        found += [(row[0], _notice(channel, row[1], row[2])) for row in rows]
    return tuple(sorted(found, key=lambda one: one[0])[:MOST_AT_ONCE])


def _notice(channel: str, document: str, check: int) -> Notice:
    notice = documents.read("notice", Notice, _NOBODY, document, check)
    if notice.channel != channel:
        raise documents.DocumentError(f"a notice of channel {channel!r} cannot be read: it is another one's")
    return notice
