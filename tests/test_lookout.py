"""The lookout against a simulated service, on virtual time: what is known, when, and at how many calls."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from reconciler.agora.client import Client
from reconciler.agora.http import open_http
from reconciler.agora.pace import Band, Pace
from reconciler.agora.quota import Slice, next_slice
from reconciler.agora.wire import acquire_body, start_body
from reconciler.errors import LedgerError
from reconciler.lookout import Lookout
from reconciler.manifests.schema import RecordingSpec
from reconciler.manifests.values import ChannelType
from reconciler.model import Identity, Secret
from reconciler.planning.occupancy import Presence
from reconciler.simulator.faults import FaultPlan, parse_fault
from reconciler.simulator.options import Options
from reconciler.simulator.transport import WorldTransport
from reconciler.simulator.world import World
from tests.virtual_time import START, run_virtual, virtual_now, virtual_seconds

APP, OTHER = "a" * 32, "b" * 32
INTERVAL = 15
OCCUPIED, EMPTY, UNKNOWN = Presence
RECORDERS_LISTED = pytest.mark.parametrize("recorders_listed", [False, True], ids=["unlisted", "listed"])


@dataclass
class Service:
    """The service as one App ID sees it."""

    world: World
    faults: FaultPlan
    client: Client


@dataclass
class Scene:
    """A lookout over two App IDs with a service each, and what it has told so far."""

    interval: float = INTERVAL
    services: dict[str, Service] = field(default_factory=dict)
    wanted: dict[str, dict[str, ChannelType]] = field(default_factory=dict)
    ours: dict[str, frozenset[str]] = field(default_factory=dict)
    changes: list[tuple[str, Presence]] = field(default_factory=list)
    refusals: list[tuple[float, str]] = field(default_factory=list)
    ledger_fails: bool = False
    on_call: Callable[[str], None] = lambda _: None
    _next_at: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.pace = Pace(self._draw)
        self.lookout = Lookout(
            lambda app_id: self.services[app_id].client if app_id in self.services else None,
            lambda: self.wanted,
            lambda _: self.ours,
            uid_range=(2_000_000_000, 2_147_483_647),
            interval=lambda _: timedelta(seconds=self.interval),
            clock=virtual_now,
            changed=lambda app_id, channel: self.changes.append((channel, self.presence(channel, app_id))),
            refused=lambda _, problem: self.refusals.append((self.seconds, problem.endpoint)),
        )

    @property
    def seconds(self) -> float:
        return round(asyncio.get_running_loop().time(), 1)

    async def _draw(self, app_id: str, most: int) -> Slice:
        if self.ledger_fails:
            raise LedgerError("disk full")
        drawn, self._next_at[app_id] = next_slice(virtual_now(), self._next_at.get(app_id), None, 10, most)
        return drawn

    def heard(self, when: str, endpoint: str, _: str) -> None:
        if when == "before":
            self.on_call(endpoint)

    def want(self, *channels: str, app_id: str = APP, profile: ChannelType = "communication") -> None:
        self.wanted = {**self.wanted, app_id: dict.fromkeys(channels, profile)}
        self.lookout.wake()

    def fault(self, *lines: str, app_id: str = APP) -> None:
        for line in lines:
            self.services[app_id].faults.add(parse_fault(line))

    def join(self, channel: str, uid: str = "5", *, app_id: str = APP, publishing: bool = True) -> None:
        self.services[app_id].world.join(virtual_seconds(), channel, uid, publishing=publishing)

    def leave(self, channel: str, uid: str | None = None) -> None:
        self.services[APP].world.leave(virtual_seconds(), channel, uid)

    async def record(self, channel: str, uid: str = "900001") -> None:
        storage = {"vendor": "s3", "region": 0, "bucket": "b", "accessKey": {"env": "A"}, "secretKey": {"env": "S"}}
        spec = RecordingSpec.model_validate({"channel": channel, "storage": storage, "capture": {"maxIdle": "1h"}})
        client, who = self.services[APP].client, Identity(APP, channel, uid)
        resource_id = await client.acquire(who, acquire_body(spec, who))
        body = start_body(spec, who, lambda _: "s", name="n", at=virtual_now())
        await client.start(who, "mix", resource_id, body)

    def presence(self, channel: str, app_id: str = APP) -> Presence:
        return self.lookout.presence(app_id, channel)

    def calls(self, *endpoints: str, app_id: str = APP) -> list[float]:
        """Tell when such calls reached the service, in seconds."""
        return [
            round(call.at - START.timestamp(), 1)
            for call in self.services[app_id].world.calls
            if call.endpoint in endpoints
        ]

    async def until(self, seconds: float) -> None:
        await asyncio.sleep(seconds - asyncio.get_running_loop().time())


Story = Callable[[Scene], Awaitable[None]]


def play(story: Story, *, interval: float = INTERVAL, patience: float = 30, **said: Any) -> None:
    """Play a story beside a lookout, which must not have ended by itself, and must end when told to."""

    async def main() -> None:
        scene = Scene(interval)
        async with AsyncExitStack() as stack:
            for app_id in (APP, OTHER):
                world = World(Options(**{"channels_occupied": False} | said))
                faults = FaultPlan()
                transport = WorldTransport(world, faults, virtual_seconds, 0.2, on_call=scene.heard)
                http = await stack.enter_async_context(open_http(timedelta(seconds=patience), transport))
                urls = ("https://one.example",)
                client = Client(app_id, "customer", Secret("secret"), urls, http, scene.pace, virtual_now)
                scene.services[app_id] = Service(world, faults, client)
            keeping = asyncio.create_task(scene.lookout.keep())
            await story(scene)
            assert not keeping.done()
            keeping.cancel()
            with pytest.raises(asyncio.CancelledError):
                await keeping
            assert not [task for task in asyncio.all_tasks() if "lookout" in task.get_name()]
        for service in scene.services.values():
            assert 429 not in {call.status for call in service.world.calls}

    run_virtual(main())


# -- what is known


def test_a_person_is_seen_at_the_next_read_and_emptiness_after_two() -> None:
    async def story(scene: Scene) -> None:
        scene.want("room")
        await scene.until(16)
        assert scene.presence("room") is EMPTY
        scene.join("room")
        await scene.until(29)
        assert scene.presence("room") is EMPTY
        await scene.until(31)
        assert scene.presence("room") is OCCUPIED
        scene.leave("room")
        await scene.until(46)
        assert scene.presence("room") is OCCUPIED
        await scene.until(61)
        assert scene.presence("room") is EMPTY
        assert scene.changes == [("room", EMPTY), ("room", OCCUPIED), ("room", EMPTY)]
        assert scene.calls("channels") == [0.1, 15.1, 30.1, 45.1, 60.1]
        assert scene.calls("users") == []

    play(story)


@RECORDERS_LISTED
def test_our_own_recorder_is_nobody_whether_it_is_listed_or_not(*, recorders_listed: bool) -> None:
    async def story(scene: Scene) -> None:
        scene.join("room")
        await scene.record("room")
        await asyncio.sleep(5)
        scene.ours = {"room": frozenset({"900001", "900002"})}  # of its two slots one is free
        scene.want("room")
        await asyncio.sleep(2)
        assert scene.presence("room") is OCCUPIED
        scene.leave("room")
        await asyncio.sleep(2 * INTERVAL)
        assert scene.presence("room") is EMPTY
        assert len(scene.services[APP].world.live(virtual_seconds())) == 1
        scene.join("room", "6")
        await asyncio.sleep(INTERVAL)
        assert scene.presence("room") is OCCUPIED

    play(story, recorders_listed=recorders_listed)


@pytest.mark.parametrize("profile", ["communication", "live"])
def test_a_recorder_that_joins_during_a_read_is_nobody(profile: ChannelType) -> None:
    async def story(scene: Scene) -> None:
        scene.join("room", "900001")  # what a recorder looks like to the lists, here from its first moment on

        def it_is_ours(endpoint: str) -> None:
            if endpoint == ("channels" if profile == "communication" else "users"):
                scene.ours = {"room": frozenset({"900001"})}

        scene.on_call = it_is_ours
        scene.want("room", profile=profile)
        await scene.until(16)
        assert scene.changes == [("room", EMPTY)]

    play(story, channel_mode=1 if profile == "communication" else 2)


@RECORDERS_LISTED
def test_a_recorder_of_another_ledger_is_nobody_by_its_uid(*, recorders_listed: bool) -> None:
    async def story(scene: Scene) -> None:
        await scene.record("room", "2000000017")
        await asyncio.sleep(5)
        scene.ours = {"room": frozenset({"900001"})}
        scene.want("room")
        await asyncio.sleep(2 + INTERVAL)
        assert scene.presence("room") is EMPTY

    play(story, recorders_listed=recorders_listed)


def test_user_lists_are_read_only_where_the_count_does_not_tell() -> None:
    async def story(scene: Scene) -> None:
        scene.ours = {"full": frozenset({"900001"}), "doubtful": frozenset({"900001"})}
        for channel, uid in (("full", "5"), ("full", "6"), ("doubtful", "7")):
            scene.join(channel, uid)
        scene.want("full", "doubtful", "empty")
        await scene.until(16)
        asked = [call.channel for call in scene.services[APP].world.calls if call.endpoint == "users"]
        assert asked == ["doubtful", "doubtful"]
        assert [scene.presence(channel) for channel in ("full", "doubtful", "empty")] == [OCCUPIED, OCCUPIED, EMPTY]

    play(story)


def test_a_live_channel_is_occupied_while_it_has_a_host() -> None:
    async def story(scene: Scene) -> None:
        scene.join("show", "6", publishing=False)
        scene.want("show", profile="live")
        await scene.until(16)
        assert scene.presence("show") is EMPTY
        scene.join("show", "5")
        await scene.until(31)
        assert scene.presence("show") is OCCUPIED
        scene.leave("show", "5")
        await scene.until(61)
        assert scene.presence("show") is EMPTY

    play(story, channel_mode=2)


def test_501_channels_are_two_pages() -> None:
    async def story(scene: Scene) -> None:
        names = [f"room{number:03}" for number in range(501)]
        for name in names:
            scene.join(name)
        scene.want("room000", "room500")
        await scene.until(2)
        assert scene.presence("room000") is scene.presence("room500") is OCCUPIED
        assert len(scene.calls("channels")) == 2
        scene.leave("room250")
        await scene.until(17)
        assert len(scene.calls("channels")) == 3  # 500 channels are one
        assert scene.presence("room500") is OCCUPIED

    play(story)


def test_a_channel_that_a_page_shift_has_hidden_is_not_taken_for_empty() -> None:
    async def story(scene: Scene) -> None:
        for number in range(502):
            scene.join(f"room{number:03}")
        scene.want("room500")

        def somebody_leaves_between_the_pages(endpoint: str) -> None:
            pages = len(scene.calls("channels"))
            if endpoint == "channels" and pages == 3:
                scene.leave("room000")

        scene.on_call = somebody_leaves_between_the_pages
        await scene.until(28)
        assert len(scene.calls("channels")) == 4
        assert scene.presence("room500") is OCCUPIED
        await scene.until(60)
        assert scene.changes == [("room500", OCCUPIED)]

    play(story)


def test_a_list_that_takes_long_to_read_is_as_old_as_its_first_page() -> None:
    async def story(scene: Scene) -> None:
        for number in range(501):
            scene.join(f"room{number:03}")
        scene.fault("channels#2 delay 20", "channels#3- refuse 503")
        scene.want("room500")
        await scene.until(45)
        assert scene.presence("room500") is OCCUPIED
        await scene.until(46)
        assert scene.presence("room500") is UNKNOWN

    play(story)


def test_of_thousands_of_channels_the_few_that_are_asked_about_are_asked_one_by_one() -> None:
    async def story(scene: Scene) -> None:
        for number in range(1501):
            scene.join(f"room{number:04}")
        scene.want("room1500", "nobodys")
        await scene.until(16)
        assert scene.presence("room1500") is OCCUPIED
        assert scene.presence("nobodys") is EMPTY
        assert (len(scene.calls("channels")), len(scene.calls("users"))) == (2, 4)
        scene.want("room1500", "room0000", "nobodys")
        await scene.until(18)
        assert (len(scene.calls("channels")), len(scene.calls("users"))) == (6, 4)

    play(story)


# -- who is asked, and how often


def test_nobody_asks_and_nobody_is_called() -> None:
    async def story(scene: Scene) -> None:
        scene.join("room")
        await scene.until(1000)
        scene.want("room")
        await scene.until(1001)
        assert scene.presence("room") is OCCUPIED
        scene.want()
        await scene.until(2000)
        assert scene.presence("room") is UNKNOWN
        assert scene.calls("channels", "users") == [1000.1]
        assert scene.calls("channels", "users", app_id=OTHER) == []

    play(story)


def test_what_is_new_is_read_soon_and_waking_for_nothing_new_reads_nothing() -> None:
    async def story(scene: Scene) -> None:
        scene.want("room0")
        for number in range(1, 50):
            await scene.until(5 + number / 10)
            scene.want(*[f"room{one}" for one in range(number)])
        times = scene.calls("channels")
        assert len(times) == pytest.approx(7, abs=1)
        assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 1
        await scene.until(14)
        before = len(scene.calls("channels"))
        for _ in range(10):
            scene.lookout.wake()
            await asyncio.sleep(0.05)
        assert len(scene.calls("channels")) == before

    play(story)


def test_what_is_wanted_is_looked_up_before_each_read_also_without_being_woken() -> None:
    async def story(scene: Scene) -> None:
        scene.join("hall")
        scene.want("room")
        await scene.until(1)
        scene.wanted = {APP: {"room": "communication", "hall": "communication"}}
        await scene.until(16)
        assert scene.presence("hall") is OCCUPIED

    play(story)


def test_lookouts_and_polls_share_the_quota_and_what_is_urgent_goes_first() -> None:
    async def story(scene: Scene) -> None:
        waits: list[float] = []

        async def poll() -> None:
            while True:
                await scene.pace.turn(APP, Band.POLL, ("standup",))
                await scene.services[APP].client.channels(0, 1)

        polls = [asyncio.create_task(poll()) for _ in range(20)]
        channels = [f"room{number}" for number in range(30)]
        for channel in channels:
            scene.join(channel)
        scene.want(*channels, profile="live")
        for _ in range(40):
            await asyncio.sleep(2.3)
            began = scene.seconds
            ticket = await scene.pace.turn(APP, Band.CHANGE)
            ticket.used = True
            waits.append(scene.seconds - began)
        assert max(waits) <= 0.3
        assert {scene.presence(channel) for channel in channels} == {OCCUPIED}
        for task in polls:
            task.cancel()
        await asyncio.gather(*polls, return_exceptions=True)

    play(story)


def test_user_lists_that_the_interval_has_no_time_for_come_in_turn_and_do_not_hold_the_channel_list_up() -> None:
    async def story(scene: Scene) -> None:
        channels = [f"room{number:02}" for number in range(60)]
        for channel in channels:
            scene.join(channel)
        scene.want(*channels, profile="live")
        await scene.until(20)
        assert len(scene.calls("channels")) >= 4
        asked = [call.channel for call in scene.services[APP].world.calls if call.endpoint == "users"]
        assert asked[:60] == channels

    play(story, interval=5)


# -- what goes wrong


def test_no_answer_changes_nothing_for_three_intervals() -> None:
    async def story(scene: Scene) -> None:
        scene.join("room")
        scene.want("room")
        await scene.until(5)
        scene.fault("channels#1-5 refuse 503")
        scene.leave("room")
        await scene.until(45)
        assert scene.presence("room") is OCCUPIED
        await scene.until(46)
        assert scene.presence("room") is UNKNOWN
        await scene.until(75)
        assert scene.changes == [("room", OCCUPIED), ("room", UNKNOWN)]
        await scene.until(106)
        assert scene.presence("room") is EMPTY
        assert scene.refusals == []

    play(story)


def test_while_a_read_hangs_what_is_known_still_grows_old() -> None:
    async def story(scene: Scene) -> None:
        scene.join("room")
        scene.want("room")
        await scene.until(5)
        scene.fault("channels#1 delay 500")
        await scene.until(61)
        assert scene.changes == [("room", OCCUPIED), ("room", UNKNOWN)]
        await scene.until(600)
        assert scene.presence("room") is OCCUPIED

    play(story, patience=1000)


def test_one_app_id_that_fails_does_not_stop_the_other() -> None:
    async def story(scene: Scene) -> None:
        scene.fault("* lose", app_id=OTHER)
        scene.join("room")
        scene.join("room", app_id=OTHER)
        for app_id in (OTHER, APP):
            scene.want("room", app_id=app_id)
        await scene.until(60)
        assert scene.presence("room") is OCCUPIED
        assert scene.presence("room", OTHER) is UNKNOWN
        assert len(scene.calls("channels")) == 4
        assert len(scene.calls("channels", app_id=OTHER)) == 4

    play(story)


REFUSALS = ["refuse 401", "refuse 403", "refuse 404", "replace 400/405"]


@pytest.mark.parametrize("how", REFUSALS)
def test_lists_that_are_refused_are_unknown_said_once_and_asked_for_seldom(how: str) -> None:
    async def story(scene: Scene) -> None:
        scene.join("room")
        scene.want("room")
        await scene.until(5)
        assert scene.presence("room") is OCCUPIED
        scene.fault(f"channels#1-3,6 {how}")
        await scene.until(16)
        assert scene.presence("room") is UNKNOWN
        assert scene.changes == [("room", OCCUPIED), ("room", UNKNOWN)]
        scene.want("room", "hall")  # news do not make it ask sooner
        await scene.until(400)
        assert scene.refusals == [(15.2, "channels")]
        assert scene.presence("room") is UNKNOWN
        await scene.until(470)
        assert scene.presence("room") is OCCUPIED
        await scene.until(500)
        assert [when for when, _ in scene.refusals] == [15.2, 495.8]

    play(story)


def test_a_user_list_that_is_refused_costs_the_other_channels_nothing() -> None:
    async def story(scene: Scene) -> None:
        scene.fault("users @bad refuse 403")
        for channel in ("bad", "good"):
            scene.join(channel)
        scene.want("bad", "good", profile="live")
        await scene.until(100)
        assert scene.presence("good") is OCCUPIED
        assert scene.presence("bad") is UNKNOWN
        assert [endpoint for _, endpoint in scene.refusals] == ["users"]
        asked = [call.at for call in scene.services[APP].world.calls if call.channel == "bad"]
        assert asked == []
        assert scene.services[APP].faults._seen == {0: 1}
        await scene.until(160)
        assert scene.services[APP].faults._seen == {0: 2}
        assert [endpoint for _, endpoint in scene.refusals] == ["users"]

    play(story)


def test_a_user_list_refused_for_the_whole_app_id_makes_it_unknown() -> None:
    async def story(scene: Scene) -> None:
        scene.fault("users refuse 401")
        scene.join("show")
        scene.join("room")
        scene.want("show", profile="live")
        scene.wanted[APP]["room"] = "communication"
        await scene.until(100)
        assert scene.presence("room") is UNKNOWN
        assert scene.calls("channels") == [0.1]
        assert [endpoint for _, endpoint in scene.refusals] == ["users"]

    play(story)


def test_user_lists_without_an_answer_change_nothing_and_after_three_the_service_is_left_alone() -> None:
    async def story(scene: Scene) -> None:
        channels = [f"room{number}" for number in range(9)]
        for channel in channels:
            scene.join(channel)
        scene.want(*channels, profile="live")
        scene.fault("users#1-3,5,7,9 lose")  # three in a row, then every other one
        await scene.until(14)
        assert len(scene.calls("users")) == 3
        await scene.until(29)
        asked = [call.channel for call in scene.services[APP].world.calls if call.endpoint == "users"]
        assert asked[3:] == [*channels[3:], *channels[:3]]
        known = {channel for channel in channels if scene.presence(channel) is OCCUPIED}
        assert known == set(channels) - {"room4", "room6", "room8"}

    play(story)


def test_an_app_id_without_an_account_is_unknown_until_it_has_one() -> None:
    async def story(scene: Scene) -> None:
        account = scene.services.pop(APP)
        scene.want("room")
        await scene.until(5)
        assert scene.presence("room") is UNKNOWN
        scene.services[APP] = account
        scene.join("room")
        await scene.until(16)
        assert scene.presence("room") is OCCUPIED

    play(story)


def page(first: int, last: int, total: object, count: int = 1) -> dict[str, object]:
    channels = [{"channel_name": f"room{number:04}", "user_count": count} for number in range(first, last)]
    return {"success": True, "data": {"channels": channels, "total_size": total}}


@pytest.mark.parametrize(
    ("pages", "calls", "found"),
    [
        pytest.param([page(0, 499, None)], 1, {"room0498"}, id="no total: a page that is not full is the last"),
        pytest.param([page(0, 500, None), page(500, 501, None)], 2, {"room0500"}, id="no total: a full one is not"),
        pytest.param([page(0, 500, 1), page(500, 501, 1)], 2, {"room0500"}, id="a total below what is listed is none"),
        pytest.param([page(0, 500, 500)], 1, {"room0499"}, id="a full page that is all"),
        pytest.param([page(0, 300, 900), page(300, 900, 900)], 2, {"room0300"}, id="pages shorter than asked for"),
        pytest.param([page(0, 500, 3000), page(0, 500, 3000)], 2, set(), id="the same page again"),
        pytest.param([page(0, 500, 3000), page(0, 0, 3000)], 2, set(), id="a page of nothing"),
        pytest.param([page(0, 500, 900, 2), page(1, 501, 900, 1)], 2, {"room0500", "room0001"}, id="on two pages"),
    ],
)
def test_pages_are_read_to_the_last_whatever_they_say_of_the_total(
    pages: list[dict[str, object]], calls: int, found: set[str]
) -> None:
    sent: list[str] = []

    async def carry(request: httpx.Request) -> httpx.Response:
        sent.append(request.url.path)
        number = int(request.url.params["page_no"])
        return httpx.Response(200, json=pages[number])

    async def main() -> None:
        scene = Scene()
        async with open_http(timedelta(seconds=30), httpx.MockTransport(carry)) as http:
            client = Client(APP, "customer", Secret("s"), ("https://one.example",), http, scene.pace, virtual_now)
            scene.services[APP] = Service(World(), FaultPlan(), client)
            scene.ours = {"room0001": frozenset({"900001"})}
            scene.want("room0300", "room0498", "room0499", "room0500", "room0001", "nobodys")
            keeping = asyncio.create_task(scene.lookout.keep())
            await scene.until(5)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        assert len([path for path in sent if "/user/" not in path]) == calls
        assert found <= {channel for channel, presence in scene.changes if presence is OCCUPIED}

    run_virtual(main())


def test_it_ends_at_once_when_cancelled_and_can_be_kept_again() -> None:
    async def story(scene: Scene) -> None:
        scene.join("room")
        other = Scene(services=scene.services)
        other.want("room")
        scene.fault("channels#1 delay 500")
        keeping = asyncio.create_task(other.lookout.keep())
        await scene.until(5)
        keeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await keeping
        assert scene.seconds == 5
        keeping = asyncio.create_task(other.lookout.keep())
        await scene.until(6)
        assert other.presence("room") is OCCUPIED
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    play(story, patience=1000)


def test_an_interval_that_grows_makes_reads_good_for_longer() -> None:
    async def story(scene: Scene) -> None:
        scene.join("room")
        scene.want("room")
        await scene.until(14)
        scene.interval = 100
        await scene.until(16)
        scene.fault("channels refuse 503")
        await scene.until(300)
        assert scene.presence("room") is OCCUPIED
        assert scene.calls("channels") == [0.1, 15.1]
        await scene.until(320)
        assert scene.presence("room") is UNKNOWN

    play(story)


def test_a_ledger_that_cannot_be_used_ends_it() -> None:
    async def story(scene: Scene) -> None:
        scene.want("room")
        scene.want("room", app_id=OTHER)
        keeping = asyncio.create_task(scene.lookout.keep())
        scene.ledger_fails = True
        with pytest.raises(LedgerError, match="disk full"):
            await keeping

    async def main() -> None:
        scene = Scene()
        async with open_http(timedelta(seconds=30), WorldTransport(World())) as http:
            for app_id in (APP, OTHER):
                client = Client(app_id, "c", Secret("s"), ("https://one.example",), http, scene.pace, virtual_now)
                scene.services[app_id] = Service(World(), FaultPlan(), client)
            await story(scene)

    run_virtual(main())
