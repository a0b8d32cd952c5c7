"""What we wrote down: entries, sessions, events, claims and the quota, on SQLite."""

from reconciler.ledger.claims import Claim, ClaimedError
from reconciler.ledger.entries import RoomTakenError
from reconciler.ledger.files import default_path
from reconciler.ledger.ledger import Ledger, open_ledger
from reconciler.ledger.threads import InlineThread, Thread, WriterThread

__all__ = [
    "Claim",
    "ClaimedError",
    "InlineThread",
    "Ledger",
    "RoomTakenError",
    "Thread",
    "WriterThread",
    "default_path",
    "open_ledger",
]
