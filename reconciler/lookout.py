"""Keeps looking who is in the channels that somebody asks about. Decides nothing, and knows no recording."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from reconciler.agora.client import Client
from reconciler.agora.listings import LARGEST_PAGE, ChannelPage
from reconciler.errors import AppRejectedError, Problem, RejectedError, ServiceError
from reconciler.manifests.values import ChannelType
from reconciler.planning.occupancy import Asked, Census, Listing, Presence
from reconciler.planning.slots import UidRange

GOOD_FOR = 3  # intervals: so long a read is believed
REFUSED_FOR = 10  # intervals: so long nothing is asked again that was refused

_MOST_FAILURES = 3  # user lists without an answer in a row: then the service is left alone until the next read
_LEAST_APART = timedelta(seconds=1)  # reads of one App ID, however often something new is asked

Wanted: TypeAlias = Mapping[str, Mapping[str, ChannelType]]  # App ID -> channel -> its profile


@dataclass(frozen=True, slots=True)
class _Try:
    """The last time that a channel's user list was asked for."""

    at: datetime
    refused: bool = False


@dataclass(slots=True)
class _Post:
    """What is known of one App ID's channels, and how reading them goes."""

    census: Census
    due: datetime
    began: datetime | None = None
    reading: asyncio.Task[None] | None = None
    closed: bool = False  # its lists are refused
    asked: Mapping[str, ChannelType] = field(default_factory=dict)
    told: dict[str, Presence] = field(default_factory=dict)
    tries: dict[str, _Try] = field(default_factory=dict)  # by channel


class Lookout:
    """Reads the channel list of each App ID once per interval, and the user lists of channels it leaves unclear.

    Every call waits for its turn as a poll. `wanted` is what somebody needs to know: looked up before each read, and
    after `wake`. `ours` gives, by channel of an App ID, the uids under which recorders of ours may be there: one too
    many costs a call per interval at most, one too few may be taken for a person. `changed` hears of each wanted
    channel whose presence has changed, also when it has become unknown. `refused` hears once that lists are refused,
    and again only after they were not.
    """

    def __init__(
        self,
        clients: Callable[[str], Client | None],
        wanted: Callable[[], Wanted],
        ours: Callable[[str], Mapping[str, frozenset[str]]],
        *,
        uid_range: UidRange,
        interval: Callable[[str], timedelta],
        clock: Callable[[], datetime],
        changed: Callable[[str, str], None],
        refused: Callable[[str, Problem], None],
    ) -> None:
        self._clients = clients
        self._wanted = wanted
        self._ours = ours
        self._uid_range = uid_range
        self._interval = interval
        self._clock = clock
        self._changed = changed
        self._refused = refused
        self._posts: dict[str, _Post] = {}
        self._woken = asyncio.Event()

    def presence(self, app_id: str, channel: str) -> Presence:
        """Say what is believed of a channel now; of one that is not wanted, nothing."""
        post = self._posts.get(app_id)
        return Presence.UNKNOWN if post is None else post.census.presence(channel, self._clock())

    def wake(self) -> None:
        """Look up at once what is wanted, and read soon if that is new. While nothing is wanted, this alone helps."""
        self._woken.set()

    async def keep(self) -> None:
        """Keep looking until cancelled; a service that fails or refuses ends nothing.

        Raises:
            LedgerError: no call time can be drawn.
        """
        try:
            while True:
                self._man_posts()
                for app_id, post in self._posts.items():
                    self._tell(app_id, post)
                    if post.reading is None and post.due <= self._clock():
                        self._begin(app_id, post)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._rest()):
                        await self._woken.wait()
                self._woken.clear()
        finally:
            await self._leave_posts()

    # -- whose read is due

    def _man_posts(self) -> None:
        """Have a post for each App ID that is asked about, and for no other; raise what a read must not survive."""
        now = self._clock()
        wanted = {app_id: channels for app_id, channels in self._wanted().items() if channels}
        for app_id in wanted.keys() - self._posts.keys():
            self._posts[app_id] = _Post(self._nothing_known(app_id), due=now)
        for app_id, post in list(self._posts.items()):
            if post.reading is not None and post.reading.done():
                done, post.reading = post.reading, None
                done.result()
            asked = wanted.get(app_id, {})
            if asked.keys() - post.asked.keys() and not post.closed:
                post.due = min(post.due, now if post.began is None else max(now, post.began + _LEAST_APART))
            post.asked = asked
            if not asked and post.reading is None:
                del self._posts[app_id]

    def _rest(self) -> float | None:
        """Tell the seconds until there is something to do: also while a read hangs, what is known grows old."""
        now = self._clock()
        waits = [
            self._interval(app_id) if post.reading is not None else post.due - now
            for app_id, post in self._posts.items()
        ]
        return max(min(waits).total_seconds(), 0.0) if waits else None

    def _begin(self, app_id: str, post: _Post) -> None:
        post.began = self._clock()
        post.due = post.began + self._interval(app_id)
        post.reading = asyncio.create_task(self._read(app_id, post), name=f"lookout of {app_id}")
        post.reading.add_done_callback(lambda _: self._woken.set())

    async def _leave_posts(self) -> None:
        readings = [post.reading for post in self._posts.values() if post.reading is not None]
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)
        self._posts.clear()

    # -- one read

    async def _read(self, app_id: str, post: _Post) -> None:
        client = self._clients(app_id)
        if client is None:
            return
        channels = post.asked
        try:
            await self._count(client, app_id, post, channels)
            await self._name(client, app_id, post, channels)
        except RejectedError as error:
            post.due = self._clock() + REFUSED_FOR * self._interval(app_id)
            post.census = self._nothing_known(app_id)
            self._tell(app_id, post)
            if not post.closed:
                post.closed = True
                self._refused(app_id, error.problem)
        except ServiceError:
            pass  # no answer changes nothing, until what is known is too old
        else:
            post.closed = False

    async def _count(self, client: Client, app_id: str, post: _Post, channels: Mapping[str, ChannelType]) -> None:
        first = await client.channels(0)
        census = replace(post.census, good_for=GOOD_FOR * self._interval(app_id))
        if (first.total or 0) > LARGEST_PAGE * (1 + len(channels)):
            # The user lists are fewer calls than the other pages.
            post.census = census.uncounted(self._asked(app_id, channels))
        else:
            listing = await _whole(client, first)
            post.census = census.counted(listing, self._asked(app_id, channels))
        self._tell(app_id, post)

    async def _name(self, client: Client, app_id: str, post: _Post, channels: Mapping[str, ChannelType]) -> None:
        """Read the user lists that are needed, the longest untried first, as many as the interval has time for."""
        began, interval = self._clock(), self._interval(app_id)
        post.tries = {channel: last for channel, last in post.tries.items() if channel in channels}
        failures = 0
        for channel in sorted(post.census.unclear, key=lambda one: _tried(post, one)):
            last = post.tries.get(channel)
            if last is not None and last.refused and self._clock() < last.at + REFUSED_FOR * interval:
                continue
            if failures == _MOST_FAILURES or self._clock() >= began + interval:
                break
            answered = await self._ask(client, app_id, post, channel, channels[channel])
            failures = 0 if answered else failures + 1

    async def _ask(self, client: Client, app_id: str, post: _Post, channel: str, profile: ChannelType) -> bool:
        """Read one user list, and say whether there was an answer. Only a refusal of the whole App ID is raised."""
        now = self._clock()
        try:
            users = await client.users(channel)
        except AppRejectedError:
            raise
        except RejectedError as error:
            if not any(one.refused for one in post.tries.values()):
                self._refused(app_id, error.problem)
            post.tries[channel] = _Try(now, refused=True)
            return True
        except ServiceError:
            post.tries[channel] = _Try(now)
            return False
        post.tries[channel] = _Try(now)
        post.census = post.census.named(channel, users, self._asked(app_id, {channel: profile})[channel])
        self._tell(app_id, post)
        return True

    # -- what is known

    def _asked(self, app_id: str, channels: Mapping[str, ChannelType]) -> dict[str, Asked]:
        """Look up our recorders after what they are compared with was read: one may have joined meanwhile."""
        ours = self._ours(app_id)
        return {channel: Asked(profile, ours.get(channel, frozenset())) for channel, profile in channels.items()}

    def _nothing_known(self, app_id: str) -> Census:
        return Census(self._uid_range, GOOD_FOR * self._interval(app_id))

    def _tell(self, app_id: str, post: _Post) -> None:
        now = self._clock()
        before = post.told
        post.told = {channel: post.census.presence(channel, now) for channel in post.asked}
        for channel, presence in post.told.items():
            if presence is not before.get(channel, Presence.UNKNOWN):
                self._changed(app_id, channel)


async def _whole(client: Client, first: ChannelPage) -> Listing:
    """Read the pages after the first. A channel that is on two pages has the larger of its counts."""
    users, page = dict(first.users), first
    for pages in itertools.count(1):
        if _is_last(page, pages, len(users)):
            break
        page = await client.channels(pages)
        if not page.users.keys() - users.keys():
            break
        users |= {channel: max(count, users.get(channel, 0)) for channel, count in page.users.items()}
    return Listing(first.at, users)


def _is_last(page: ChannelPage, pages: int, named: int) -> bool:
    if page.total is None or page.total < named:
        return len(page.users) < LARGEST_PAGE
    return page.total <= pages * LARGEST_PAGE


def _tried(post: _Post, channel: str) -> tuple[bool, datetime, str]:
    last = post.tries.get(channel)
    return (last is not None, post.due if last is None else last.at, channel)
