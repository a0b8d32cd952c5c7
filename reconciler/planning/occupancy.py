"""Whether somebody is in a channel, from lists that may miss one and may count our own recorders (S11)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.evidence import UserList
from reconciler.manifests.values import ChannelType
from reconciler.planning.slots import UidRange


class Presence(StrEnum):
    """What is believed of a channel now."""

    OCCUPIED = "occupied"
    EMPTY = "empty"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Listing:
    """One whole read of an App ID's channels."""

    at: datetime  # when it began to be read
    users: Mapping[str, int]  # channel -> how many are in it; a channel that is not named is empty


@dataclass(frozen=True, slots=True)
class Asked:
    """A channel somebody wants to know about."""

    channel_type: ChannelType
    # Uids of our recorders that may be in there. One too many costs a call, one too few is taken for a person.
    ours: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Reading:
    """The last read that told something of a channel, and what was believed after it."""

    at: datetime
    somebody: bool
    believed: Presence
    until: datetime  # then it is too old to be believed


@dataclass(frozen=True, slots=True)
class Census:
    """What the reads of one App ID's channels have said so far."""

    uid_range: UidRange  # recorders of ours have these, also those that other ledgers know
    good_for: timedelta  # how long a read is believed
    readings: Mapping[str, Reading] = field(default_factory=dict)
    unclear: tuple[str, ...] = ()  # channels of which only their own user list can tell

    def counted(self, listing: Listing, asked: Mapping[str, Asked]) -> "Census":
        """Take in one read; what is not asked for any more is forgotten."""
        readings: dict[str, Reading] = {}
        unclear: list[str] = []
        for channel, one in asked.items():
            reading = self.readings.get(channel)
            somebody = _told_by(listing.users.get(channel, 0), one)
            if somebody is None:
                unclear.append(channel)
            else:
                reading = self._after(reading, listing.at, somebody=somebody)
            if reading is not None:
                readings[channel] = reading
        return replace(self, readings=readings, unclear=tuple(unclear))

    def uncounted(self, asked: Mapping[str, Asked]) -> "Census":
        """Do without a read: every channel that is asked for is unclear then."""
        readings = {channel: reading for channel, reading in self.readings.items() if channel in asked}
        return replace(self, readings=readings, unclear=tuple(asked))

    def named(self, channel: str, users: UserList, asked: Asked) -> "Census":
        """Take in one channel's user list.

        In a live channel the hosts count alone: without one the service itself calls it idle, and a recorder that
        was started for its audience would leave again with nothing recorded (agora-api.md 5.4).
        """
        people = users.hosts if asked.channel_type == "live" else users.everybody
        low, high = self.uid_range
        somebody = any(not low <= int(uid) <= high for uid in people - asked.ours)
        reading = self._after(self.readings.get(channel), users.at, somebody=somebody)
        return replace(self, readings={**self.readings, channel: reading})

    def presence(self, channel: str, now: datetime) -> Presence:
        """Say what is believed: a read that is too old is none, and until then no answer changes nothing."""
        reading = self.readings.get(channel)
        return reading.believed if reading is not None and now <= reading.until else Presence.UNKNOWN

    def _after(self, before: Reading | None, at: datetime, *, somebody: bool) -> Reading:
        """Believe a person at once, but emptiness only when two reads in a row say it: pages move while people do."""
        if before is not None and at <= before.at:
            return before  # the same read twice is not two
        until = at + self.good_for
        if somebody:
            return Reading(at, True, Presence.OCCUPIED, until)
        if before is None or at > before.at + self.good_for:
            return Reading(at, False, Presence.UNKNOWN, until)
        if before.somebody:
            return Reading(at, False, Presence.OCCUPIED, before.until)
        return Reading(at, False, Presence.EMPTY, until)


def _told_by(count: int, asked: Asked) -> bool | None:
    """Say whether that many users are somebody; None where the count does not tell."""
    if count == 0:
        return False
    if asked.channel_type == "live":
        return None  # it does not say who of them is a host
    return True if count > len(asked.ours) else None
