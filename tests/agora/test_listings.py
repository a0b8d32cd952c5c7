"""Who is in a channel (agora-api.md 12): answers by table, calls against the simulator, in process and over HTTP."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.agora.client import Client
from reconciler.agora.hints import Endpoint
from reconciler.agora.http import Http, open_http
from reconciler.agora.listings import ChannelPage, read_channels, read_users
from reconciler.agora.pace import Band, Pace, Rank
from reconciler.agora.quota import Slice
from reconciler.agora.reading import HttpAnswer
from reconciler.agora.wire import acquire_body, start_body
from reconciler.errors import AppRejectedError, RejectedError, ServiceError, ThrottledError, TransientError
from reconciler.evidence import UserList
from reconciler.manifests.schema import RecordingSpec
from reconciler.model import Identity, Secret
from reconciler.simulator.faults import FaultPlan, parse_faults
from reconciler.simulator.options import Options
from reconciler.simulator.serve import running_simulator
from reconciler.simulator.transport import WorldTransport
from reconciler.simulator.world import World
from tests.virtual_time import run_virtual, virtual_now

APP = "0123456789abcdef0123456789abcdef"
AT = datetime(2026, 1, 1, 9, tzinfo=UTC)
NO_COUNTS: tuple[object, ...] = (None, True, "two", "", 1.5, -1, [], {}, float("nan"), float("inf"), 10**30)
NO_CHANNELS: tuple[object, ...] = (None, "room1", [], {}, {"channel_name": "room1"}, {"user_count": 1})
NO_NAMES: tuple[object, ...] = (None, "", True, [])
NO_UIDS: tuple[object, ...] = (None, True, "alice", 1.5, -1, 2**32, [6], {}, float("nan"))
NO_MODES: tuple[object, ...] = (None, 0, 3, True, "live", [])
NO_ROUTE = {"message": "no Route matched with those values"}
READERS: dict[Endpoint, Callable[[HttpAnswer], object]] = {"channels": read_channels, "users": read_users}


def answered(endpoint: Endpoint, status: int, body: object) -> HttpAnswer:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpAnswer(endpoint, status, {"X-Request-Id": "req-1"}, raw, AT)


def outcome(endpoint: Endpoint, status: int, body: object) -> object:
    """Give what the reader returns, or the class of what it raises."""
    try:
        return READERS[endpoint](answered(endpoint, status, body))
    except ServiceError as error:
        return type(error)


def good(**data: Any) -> dict[str, Any]:
    return {"success": True, "data": data}


def page(*channels: object, **data: Any) -> dict[str, Any]:
    return good(channels=list(channels), **data)


def one(name: object = "room1", count: object = 1) -> dict[str, object]:
    return {"channel_name": name, "user_count": count}


def listed(users: dict[str, int], total: int | None = None) -> ChannelPage:
    return ChannelPage(AT, users, total)


def hosts(*uids: str, audience: tuple[str, ...] = ()) -> UserList:
    return UserList(AT, frozenset(uids), frozenset(audience))


def case(name: str, *values: object) -> Any:
    return pytest.param(*values, id=name)


PAGES = [
    case("as documented", page(one("lkj144", 3), total_size=3), listed({"lkj144": 3}, 3)),
    case("no channel at all", page(total_size=0), listed({}, 0)),
    case("no total", page(one()), listed({"room1": 1})),
    case("a total that is no number", page(one(), total_size="many"), listed({"room1": 1})),
    case("a total below nothing", page(one(), total_size=-1), listed({"room1": 1})),
    case("a channel whose users just left", page(one(count=0), total_size=1), listed({"room1": 0}, 1)),
    case("a number in quotes", page(one(count="2")), listed({"room1": 2})),
    case("a name of digits, without quotes", page(one(name=144)), listed({"144": 1})),
    case("keys that nobody knows", page(one() | {"x": 1}, y=2) | {"z": 3}, listed({"room1": 1})),
    *[case(f"a count that is {count!r}", page(one("other"), one(count=count)), TransientError)
      for count in NO_COUNTS],
    *[case(f"a channel that is {channel!r}", page(one("other"), channel), TransientError)
      for channel in NO_CHANNELS],
    *[case(f"a name that is {name!r}", page(one("other"), one(name=name)), TransientError) for name in NO_NAMES],
    case("no list", good(total_size=0), TransientError),
    case("another thing for a list", good(channels={"room1": 1}), TransientError),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), PAGES)
def test_a_page_names_channels_with_their_counts_or_is_no_answer(body: object, expected: object) -> None:
    assert outcome("channels", 200, body) == expected


USERS = [
    case("communication", good(channel_exist=True, mode=1, total=2, users=[5, 6]), hosts("5", "6")),
    case(
        "live",
        good(channel_exist=True, mode=2, broadcasters=[5], audience=[6, 7], audience_total=2),
        hosts("5", audience=("6", "7")),
    ),
    case("live without a host", good(mode=2, broadcasters=[], audience=[6]), hosts(audience=("6",))),
    case("no such channel", good(channel_exist=False), hosts()),
    case("a total that counts more than it names", good(channel_exist=True, mode=1, total=9, users=[]), hosts()),
    case("the largest uid, and one in quotes", good(mode=1, users=[2**32 - 1, "7"]), hosts("4294967295", "7")),
    *[case(f"a uid that is {uid!r}", good(mode=1, users=[5, uid]), TransientError)
      for uid in NO_UIDS],
    *[case(f"a mode that is {mode!r}", good(channel_exist=True, mode=mode, users=[5]), TransientError)
      for mode in NO_MODES],
    case("no users", good(channel_exist=True, mode=1, total=0), TransientError),
    case("no hosts", good(channel_exist=True, mode=2, audience=[6]), TransientError),
    case("no audience", good(channel_exist=True, mode=2, broadcasters=[5]), TransientError),
    case("users that are nothing", good(channel_exist=True, mode=1, users=None), TransientError),
    case("only by the word false a channel does not exist", good(channel_exist=0), TransientError),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), USERS)
def test_a_user_list_names_uids_or_is_no_answer(body: object, expected: object) -> None:
    assert outcome("users", 200, body) == expected


REFUSALS = [
    case("success false", 200, {"success": False, "data": {}}, TransientError),
    case("success that is merely something", 200, {"success": 1, "data": {"channels": []}}, TransientError),
    case("no data", 200, {"success": True}, TransientError),
    case("data that is a list", 200, {"success": True, "data": []}, TransientError),
    case("an empty object", 200, {}, TransientError),
    case("an empty body", 200, b"", TransientError),
    case("a page of a proxy", 200, b"<html>", TransientError),
    case("not yet", 202, {"success": True, "data": {"channels": [], "channel_exist": False}}, TransientError),
    case("wrong credentials", 401, {"message": "Invalid authentication credentials"}, AppRejectedError),
    case("an App ID of another account", 400, {"message": "appid is invalid"}, AppRejectedError),
    case("not enabled", 403, {"message": "Forbidden"}, RejectedError),
    case("not enabled, says a proxy", 403, b"<html>", RejectedError),
    case("no such path", 404, NO_ROUTE, RejectedError),
    case("a page of a proxy that has nothing", 404, b"<html>", TransientError),
    case("a bad page number", 400, {"message": "invalid page_no or page_size"}, RejectedError),
    case("too fast", 429, {"message": "API rate limit exceeded"}, ThrottledError),
    case("an outage", 503, {"message": "name resolution failed"}, TransientError),
    case("an outage with data", 500, good(channels=[], channel_exist=False), TransientError),
]


@pytest.mark.parametrize("endpoint", READERS)
@pytest.mark.parametrize(("status", "body", "expected"), REFUSALS)
def test_anything_but_yes_is_no_answer_or_a_refusal(
    endpoint: Endpoint, status: int, body: object, expected: object
) -> None:
    assert outcome(endpoint, status, body) is expected


def test_what_is_refused_is_said_with_a_cure_and_what_is_unreadable_with_its_field() -> None:
    with pytest.raises(RejectedError, match=r"channels answered 403: Forbidden .*req-1.*ask Agora"):
        read_channels(answered("channels", 403, {"message": "Forbidden"}))
    with pytest.raises(TransientError, match="users answered 200: `broadcasters` of the list cannot be read"):
        read_users(answered("users", 200, good(mode=2, broadcasters=["x"], audience=[])))


FIELDS: st.SearchStrategy[str] = st.sampled_from(
    ["channels", "channel_name", "user_count", "total_size", "mode", "users", "broadcasters", "audience"]
)
JSON: st.SearchStrategy[object] = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | FIELDS, inner),
    max_leaves=20,
)
DATA = st.dictionaries(FIELDS | st.just("channel_exist"), JSON)


@given(
    endpoint=st.sampled_from(list(READERS)),
    status=st.sampled_from([200, 201, 206, 400, 401, 403, 404, 429, 500, 503]),
    body=JSON | st.binary() | DATA.map(lambda data: {"success": True, "data": data}),
)
def test_nothing_that_can_arrive_does_more_than_be_no_answer(endpoint: Endpoint, status: int, body: object) -> None:
    assert isinstance(outcome(endpoint, status, body), ChannelPage | UserList | type)


# -- the calls, against the simulator


@dataclass
class Service:
    """A simulated service, the client that calls it, and the time."""

    world: World
    client: Client
    now: Callable[[], float]
    let_pass: Callable[[float], Awaitable[None]]

    def join(self, channel: str, uid: str, *, publishing: bool = True) -> None:
        self.world.join(self.now(), channel, uid, publishing=publishing)

    async def record(self, identity: Identity, channel_type: str = "communication") -> None:
        storage = {"vendor": "s3", "region": 0, "bucket": "b", "accessKey": {"env": "A"}, "secretKey": {"env": "S"}}
        said = {"channel": identity.channel, "storage": storage, "capture": {"channelType": channel_type}}
        spec = RecordingSpec.model_validate(said)
        resource_id = await self.client.acquire(identity, acquire_body(spec, identity))
        body = start_body(spec, identity, lambda _: "s", name="n", at=AT)
        await self.client.start(identity, spec.mode, resource_id, body)
        await self.let_pass(5)


Scene = Callable[[Service], Awaitable[None]]


async def the_channel_list(service: Service) -> None:
    """Channels come with their counts, in pages; one that everybody has left is not among them."""
    for number in range(3):
        service.join(f"room{number}", "5")
    service.join("room 2/%3F", "5")
    service.join("room1", "6")
    service.world.leave(service.now(), "room0")
    first, second, third = [await service.client.channels(number, 2) for number in range(3)]
    assert (first.users, first.total) == ({"room 2/%3F": 1, "room1": 2}, 3)
    assert (second.users, second.total) == ({"room2": 1}, 3)
    assert third.users == {}
    assert (await service.client.channels(0)).users == {**first.users, **second.users}


async def both_profiles(service: Service) -> None:
    """In communication everybody may publish; a live channel tells hosts from audience."""
    service.join("quiet", "5", publishing=False)
    service.join("show", "5")
    service.join("show", "6", publishing=False)
    await service.record(Identity(APP, "show", "900001"), "live")
    quiet, show, nobody = [await service.client.users(channel) for channel in ("quiet", "show", "no one's")]
    assert (set(quiet.hosts), set(quiet.audience)) == ({"5"}, set())
    assert (set(show.hosts), set(show.audience) - {"900001"}) == ({"5"}, {"6"})
    assert nobody.everybody == frozenset()


async def recorders_counted(service: Service) -> None:
    """Where recorders are listed, they are in the count and among the uids."""
    await service.record(Identity(APP, "room1", "900001"))
    assert (await service.client.channels(0)).users == {"room1": 1}
    assert (await service.client.users("room1")).everybody == {"900001"}


async def recorders_uncounted(service: Service) -> None:
    """Where they are not, a channel with nothing but a recorder does not exist."""
    await service.record(Identity(APP, "room1", "900001"))
    assert (await service.client.channels(0)).users == {}
    assert (await service.client.users("room1")).everybody == frozenset()


async def refused_app(service: Service) -> None:
    """An App ID that is not enabled is refused as a whole."""
    with pytest.raises(AppRejectedError):
        await service.client.channels(0)
    with pytest.raises(AppRejectedError):
        await service.client.users("room1")


SCENES = [
    case("the channel list", the_channel_list, {}),
    case("both profiles", both_profiles, {}),
    case("both profiles, recorders listed", both_profiles, {"recorders_listed": True}),
    case("recorders counted", recorders_counted, {"recorders_listed": True}),
    case("recorders not counted", recorders_uncounted, {}),
    case("refused", refused_app, {"app_ids": frozenset()}),
]


def client_of(http: Http, urls: tuple[str, ...], clock: Callable[[], datetime], pace: Pace) -> Client:
    return Client(APP, "customer", Secret("customer-secret"), urls, http, pace, clock)


async def at_once(_app_id: str, _most: int) -> Slice:
    return Slice(0.0, 0.0)


def play_in_process(
    scene: Scene, faults: str = "", urls: tuple[str, ...] = ("https://one.example",), **said: Any
) -> World:
    """Play a scene in virtual time, and give the world it has left."""
    world = World(Options(**{"rate": 0.0, "channels_occupied": False} | said))

    async def play() -> None:
        def now() -> float:
            return asyncio.get_running_loop().time()

        transport = WorldTransport(world, parse_faults(faults) if faults else FaultPlan(), now, round_trip=0.2)
        async with open_http(timedelta(seconds=30), transport) as http:
            await scene(Service(world, client_of(http, urls, virtual_now, Pace(at_once)), now, asyncio.sleep))

    run_virtual(play())
    return world


@pytest.mark.parametrize(("scene", "said"), SCENES)
def test_in_process(scene: Scene, said: dict[str, Any]) -> None:
    play_in_process(scene, **said)


@pytest.mark.parametrize(("scene", "said"), SCENES)
async def test_over_http(scene: Scene, said: dict[str, Any]) -> None:
    now = 0.0

    async def let_pass(seconds: float) -> None:
        nonlocal now
        now += seconds

    options = Options(**{"rate": 0.0, "channels_occupied": False} | said)
    with running_simulator(options, clock=lambda: now) as (url, world):
        async with open_http(timedelta(seconds=30)) as http:
            client = client_of(http, (url,), lambda: AT + timedelta(seconds=now), Pace(at_once))
            await scene(Service(world, client, lambda: now, let_pass))


@pytest.mark.parametrize("fault", ["refuse", "lose", "refuse 503", "truncate 20", "replace 206/65"])
def test_a_list_that_does_not_arrive_is_merely_no_answer(fault: str) -> None:
    async def scene(service: Service) -> None:
        with pytest.raises(TransientError):
            await service.client.channels(0)
        with pytest.raises(TransientError):
            await service.client.users("room1")

    play_in_process(scene, f"channels {fault}\nusers {fault}")


def test_another_host_is_asked_when_one_has_an_outage() -> None:
    async def scene(service: Service) -> None:
        service.join("room1", "5")
        assert (await service.client.channels(0)).users == {"room1": 1}
        assert (await service.client.users("room1")).everybody == {"5"}

    world = play_in_process(
        scene, "channels#1 refuse 503\nusers#1 lose", ("https://one.example", "https://two.example")
    )
    assert [call.endpoint for call in world.calls] == ["channels", "users", "users"]


def test_lists_wait_for_their_turn_as_polls_and_slow_the_pace_when_told_so() -> None:
    async def scene() -> None:
        sent: list[str] = []
        throttled: list[str] = []

        async def carry(request: httpx.Request) -> httpx.Response:
            sent.append(request.url.raw_path.decode())
            return httpx.Response(429, json={"message": "API rate limit exceeded"})

        async def draw(_app_id: str, _most: int) -> Slice:
            return Slice(0.1, 0.0)

        async def slow(app_id: str) -> None:
            throttled.append(app_id)

        pace = Pace(draw, slow)
        async with open_http(timedelta(seconds=30), httpx.MockTransport(carry)) as http:
            client = client_of(http, ("https://one.example",), virtual_now, pace)
            calls = [
                client.channels(3),
                client.users("a b/c?"),
                client.channels(0, 100, rank=Rank(Band.STOP)),
            ]
            pace_order = asyncio.gather(*calls, return_exceptions=True)
            confirm = asyncio.create_task(pace.turn(APP, Band.CONFIRM))
            assert {type(failure) for failure in await pace_order} == {ThrottledError}
            assert confirm.done()
        assert sent == [
            f"/dev/v1/channel/{APP}?page_no=0&page_size=100",
            f"/dev/v1/channel/{APP}?page_no=3&page_size=500",
            f"/dev/v1/channel/user/{APP}/a%20b%2Fc%3F",
        ]
        assert throttled == [APP] * 3
        assert asyncio.get_running_loop().time() == pytest.approx(0.4)

    run_virtual(scene())
