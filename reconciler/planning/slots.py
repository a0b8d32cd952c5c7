"""Which uids a recording may record under: given, remembered, or derived from app, channel and name (S1)."""

import hashlib
from collections.abc import Iterator, Sequence
from itertools import count

from reconciler.model import Ended, Entry, Identity, Slot

UidRange = tuple[int, int]  # both ends included


def given_slots(uids: Sequence[int], copies: int) -> tuple[tuple[Slot, int], ...]:
    """Spread the uids that a manifest names: with two copies, two uids are one for each and no overlap."""
    slots = (Slot.A, Slot.C) if copies == 2 and len(uids) == 2 else tuple(Slot)
    return tuple(zip(slots, uids, strict=False))


def remembered_slots(entry: Entry | None, app_id: str, channel: str) -> dict[Slot, Identity]:
    """Recall the uids already used for this app and channel: they win over a new derivation or range."""
    if entry is None:
        return {}
    return {
        slot: identity
        for slot, identity in entry.uids.items()
        if identity.app_id == app_id and identity.channel == channel
    }


def derived_uids(app_id: str, channel: str, name: str, uid_range: UidRange, taken: set[str]) -> Iterator[str]:
    """Yield uids for this recording, always in the same order, leaving out the taken ones."""
    low, high = uid_range
    numbers = count()
    while True:
        seed = "\x00".join((app_id, channel, name, str(next(numbers))))
        uid = str(low + int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8]) % (high - low + 1))
        if uid not in taken:
            taken.add(uid)
            yield uid


def next_slot(slots: Sequence[Slot], entry: Entry | None) -> Slot:
    """Choose the slot for a new first recorder: another than the last one's, so that the two cannot kick each other.

    What was let go on purpose may live: only in its own slot does the service itself refuse a second one (53).
    """
    mine = [slot for slot in slots if slot.copy == 1]
    last = next((one for one in reversed(entry.sessions) if one.slot.copy == 1), None) if entry else None
    if last is None:
        return mine[0]
    if isinstance(last.state, Ended) and last.state.how in ("forgotten", "left") and last.slot in mine:
        return last.slot
    return next((slot for slot in mine if slot is not last.slot), mine[0])
