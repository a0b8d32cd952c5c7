"""Whose channel somebody must look into, for a decision to know who is there (S11)."""

from collections.abc import Iterable
from datetime import datetime

from reconciler.controller.keeper import Keeper
from reconciler.lookout import Wanted
from reconciler.manifests.values import ChannelType
from reconciler.model import Entry
from reconciler.planning.actions import Because
from reconciler.planning.desired import Desired
from reconciler.planning.rules import Rules
from reconciler.planning.situation import NOTHING_AROUND, Situation

# What no coming and going of people will change, or what lets nobody ask for an App ID (S8).
_INDIFFERENT = frozenset(
    {
        Because.SUSPENDED,
        Because.COMPLETED,
        Because.STOPPED,
        Because.SECRET_MISSING,
        Because.REFUSED,
        Because.FROZEN,
        Because.APP_REFUSED,
    }
)

_NO_TIMING = Rules()  # windows ask for none


def wanted_channels(keepers: Iterable[Keeper], now: datetime) -> Wanted:
    """Name the channels to be looked into, with their profiles: App ID → channel → profile."""
    found: dict[str, dict[str, ChannelType]] = {}
    for keeper in keepers:
        desired = keeper.assignment.desired
        if isinstance(desired, Desired) and depends_on_people(keeper, now):
            found.setdefault(desired.app_id, {})[desired.spec.channel] = desired.spec.capture.channel_type
    return found


def depends_on_people(keeper: Keeper, now: datetime) -> bool:
    """Tell whether people decide: before a start, and in the overrun of a window; a live one has its idle exit."""
    desired = keeper.assignment.desired
    if not isinstance(desired, Desired) or desired.spec.mode == "web":
        return False
    if keeper.hold is not None and keeper.hold.because in _INDIFFERENT:
        return False
    if keeper.hold is None and desired.spec.when == "always":
        return False  # it is about to start: nobody is known to be missing
    entry = keeper.entry or Entry(keeper.assignment.key)
    situation = Situation(desired, entry, now, _NO_TIMING, NOTHING_AROUND)
    if entry.open_sessions:
        ahead = situation.ahead
        return ahead is not None and ahead.closed is not None
    return situation.unwished is None


def recorders_by_channel(entries: Iterable[Entry], app_id: str) -> dict[str, frozenset[str]]:
    """Name by channel the uids under which recorders of ours may be there: they are no people (S11)."""
    found: dict[str, frozenset[str]] = {}
    for entry in entries:
        for session in entry.sessions:
            if session.identity.app_id == app_id:
                uids = found.get(session.identity.channel, frozenset())
                found[session.identity.channel] = uids | {session.identity.uid, *session.joined_as}
    return found
