"""What the lists of channels and users mean: they are the RTC API's, with a shape of their own (agora-api.md 12)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reconciler.agora.answers import raise_if_refused, the_rest
from reconciler.agora.reading import HttpAnswer, Reading, read, text_of, whole_number
from reconciler.errors import RejectedError, TransientError
from reconciler.evidence import UserList

LARGEST_PAGE = 500  # channels: more are refused

_UIDS_END = 2**32


@dataclass(frozen=True, slots=True)
class ChannelPage:
    """Some of an App ID's channels that somebody is in."""

    at: datetime
    users: Mapping[str, int]  # channel -> how many are in it
    total: int | None  # channels on all pages; None: not said in numbers


def read_channels(answer: HttpAnswer) -> ChannelPage:
    """Read one page. One channel that cannot be read spoils the page: what is left out of it would look empty."""
    reading = read(answer)
    data = _data(reading)
    total = whole_number(data.get("total_size"))
    return ChannelPage(reading.at, dict(_channels(reading, data)), total if total is None or total >= 0 else None)


def read_users(answer: HttpAnswer) -> UserList:
    """Read a channel's user list, of either profile; the totals beside the uids are not looked at.

    Whether they count recorders that the list does not name, nobody says.
    """
    reading = read(answer)
    data = _data(reading)
    if data.get("channel_exist") is False:
        return UserList(reading.at, frozenset())
    match whole_number(data.get("mode")):
        case 1:
            return UserList(reading.at, _uids(reading, data, "users"))
        case 2:
            return UserList(reading.at, _uids(reading, data, "broadcasters"), _uids(reading, data, "audience"))
        case _:
            raise _unreadable(reading, "mode")


def _data(reading: Reading) -> Mapping[str, Any]:
    """Give what was asked for. These calls have no effect, so what is unclear is merely transient."""
    raise_if_refused(reading)
    content = reading.content or {}
    data = content.get("data")
    if reading.status == 200 and content.get("success") is True and isinstance(data, dict):
        return data
    if reading.status == 403:
        raise RejectedError(reading.problem)
    raise the_rest(reading, TransientError)


def _channels(reading: Reading, data: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    channels = data.get("channels")
    if not isinstance(channels, list):
        raise _unreadable(reading, "channels")
    for one in channels:
        entry = one if isinstance(one, dict) else {}
        name, count = text_of(entry.get("channel_name")), whole_number(entry.get("user_count"))
        if not name or count is None or count < 0:
            raise _unreadable(reading, "channels")
        yield name, count


def _uids(reading: Reading, data: Mapping[str, Any], field: str) -> frozenset[str]:
    listed = data.get(field)
    if not isinstance(listed, list):
        raise _unreadable(reading, field)
    uids = [whole_number(uid) for uid in listed]
    if any(uid is None or not 0 <= uid < _UIDS_END for uid in uids):
        raise _unreadable(reading, field)
    return frozenset(str(uid) for uid in uids)


def _unreadable(reading: Reading, field: str) -> TransientError:
    return TransientError(replace(reading.problem, said=f"`{field}` of the list cannot be read", hint=""))
