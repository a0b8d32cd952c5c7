"""What the client promises of the service's answers: one suite, in process and over HTTP, for each shape of answer."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reconciler.agora.answers import AlreadyStarted, IdentityHeld, StartAccepted, Stopped, Updated
from reconciler.agora.client import Client
from reconciler.agora.http import open_http
from reconciler.agora.pace import Pace
from reconciler.agora.quota import Slice
from reconciler.agora.wire import UpdateKind, acquire_body, layout_body, start_body, stop_body, update_body
from reconciler.errors import AppRejectedError, NoRoomError, RejectedError
from reconciler.evidence import ControlExpired, Live, Missing
from reconciler.manifests.schema import RecordingSpec
from reconciler.model import Handle, Identity, Mode, Secret
from reconciler.simulator.options import Options
from reconciler.simulator.serve import running_simulator
from reconciler.simulator.transport import WorldTransport
from reconciler.simulator.world import World
from tests.virtual_time import run_virtual, virtual_now

APP = "0123456789abcdef0123456789abcdef"
WHO = Identity(APP, "room1", "900001")
AT = datetime(2026, 1, 1, 9, tzinfo=UTC)
LetPass = Callable[[float], Awaitable[None]]
Scene = Callable[[Client, LetPass], Awaitable[None]]


def spec(**said: Any) -> RecordingSpec:
    storage = {"vendor": "s3", "region": 0, "bucket": "b", "accessKey": {"env": "A"}, "secretKey": {"env": "S"}}
    return RecordingSpec.model_validate({"channel": WHO.channel, "storage": storage} | said)


def body(wanted: RecordingSpec, identity: Identity = WHO) -> dict[str, Any]:
    return start_body(wanted, identity, lambda reference: "rtmp://h/key", name="n", at=AT)


async def started(client: Client, wanted: RecordingSpec, identity: Identity = WHO) -> Handle:
    resource_id = await client.acquire(identity, acquire_body(wanted, identity))
    answer = await client.start(identity, wanted.mode, resource_id, body(wanted, identity))
    assert isinstance(answer, StartAccepted)
    return Handle(identity, wanted.mode, resource_id, answer.sid)


async def whole_life(client: Client, let_pass: LetPass) -> None:
    """A recorder is started once, answers while it lives, and is gone once it was stopped."""
    wanted = spec()
    handle = await started(client, wanted)
    again = await client.start(WHO, "mix", handle.resource_id, body(wanted))
    assert again in (AlreadyStarted(None), AlreadyStarted(handle.sid))
    other = await client.acquire(WHO, acquire_body(wanted, WHO))
    assert isinstance(await client.start(WHO, "mix", other, body(wanted)), IdentityHeld)
    await let_pass(30)
    live = await client.query(handle)
    assert isinstance(live, Live)
    assert live.status == 5
    assert len(live.files) == 1
    subscription = update_body(wanted, WHO, lambda reference: "", "subscription", name="n", at=AT)
    assert await client.update(handle, subscription) == Updated()
    assert await client.update_layout(handle, layout_body(wanted, WHO)) == Updated()
    stopped = await client.stop(handle, stop_body(WHO))
    assert isinstance(stopped, Stopped)
    assert stopped.how == "stopped"
    assert stopped.files == (() if stopped.uploading_status == "pending" else live.files)
    again_stopped = await client.stop(handle, stop_body(WHO))
    assert isinstance(again_stopped, Missing) or (isinstance(again_stopped, Stopped) and again_stopped.how == "leaving")
    await let_pass(60)
    assert isinstance(await client.query(handle), Missing)
    assert isinstance(await client.stop(handle, stop_body(WHO)), Missing)
    assert isinstance(await client.update(handle, subscription), Missing)


async def nothing_recorded(client: Client, let_pass: LetPass) -> None:
    """A stop where nobody published is an end without files."""
    handle = await started(client, spec())
    await let_pass(5)
    stopped = await client.stop(handle, stop_body(WHO))
    assert isinstance(stopped, Stopped)
    assert stopped.files == ()


async def control_ends(client: Client, let_pass: LetPass) -> None:
    """After `controlFor` a recorder can no longer be asked or stopped."""
    handle = await started(client, spec(controlFor="1h"))
    await let_pass(3700)
    assert isinstance(await client.query(handle), ControlExpired)
    assert isinstance(await client.stop(handle, stop_body(WHO)), ControlExpired)


async def other_modes(client: Client, let_pass: LetPass) -> None:
    """Individual recorders and pages are taken too, and listed with their files."""
    for number, mode in enumerate[Mode](("individual", "web")):
        identity = Identity(APP, f"room{number}", "900001")
        more = {"web": {"url": "https://x/page"}} if mode == "web" else {"snapshots": {"every": "10s"}}
        handle = await started(client, spec(mode=mode, **more), identity)
        await let_pass(120)
        assert isinstance(await client.query(handle), Live)
        assert isinstance(await client.stop(handle, stop_body(identity)), Stopped)


async def every_field(client: Client, let_pass: LetPass) -> None:
    """Whatever a manifest may say is said in a way the service takes."""
    secret = {"env": "X"}
    storage = {
        "vendor": "s3", "region": "eu-west-1", "bucket": "b", "prefix": ["{name}", "{date}"], "accessKey": secret,
        "secretKey": secret, "stsToken": secret, "stsExpiration": "2026-01-02T00:00:00Z", "sse": "kms", "tag": "a=b",
    }  # fmt: skip
    capture = {
        "channelType": "live", "maxIdle": "1h", "audioProfile": 2, "videoQuality": "low",
        "encryption": {"mode": "aes-256-gcm2", "secret": secret, "salt": secret},
        "subscribe": {"audio": [12345, 2], "exceptVideo": [3]},
    }  # fmt: skip
    layout = {
        "type": "custom", "backgroundColor": "#FF0000", "backgroundImage": "https://i/a.jpg",
        "defaultUserBackgroundImage": "https://i/b.jpg", "maxResolutionUid": 7,
        "regions": [{"uid": 1, "x": 0, "y": 0, "width": 0.5, "height": 1, "alpha": 0.5, "fit": "contain"}],
        "backgrounds": [{"uid": 7, "imageUrl": "https://i/c.jpg", "fit": "contain"}],
    }  # fmt: skip
    video = {"width": 1280, "height": 720, "fps": 30, "bitrate": 2000}
    web = {
        "url": "https://x/y?z=1", "audioProfile": 1, "maxDuration": "4h", "mobile": True, "segment": "30m",
        "paused": True, "readyTimeout": "10s", "publish": secret,
    }  # fmt: skip
    both = {"formats": ["hls", "mp4"]}
    every: list[dict[str, Any]] = [
        {"mode": "mix", "capture": capture, "video": video, "layout": layout, "files": both},
        {"mode": "individual", "capture": capture | {"streamMode": "standard"}},
        {"mode": "individual", "capture": {"subscribe": {"audio": [1]}, "expectedUsers": 9}, "snapshots": {}},
        {"mode": "individual", "files": {"formats": []}, "snapshots": {"every": "1m"}},
        {"mode": "web", "video": video, "web": web, "files": both},
    ]
    for number, said in enumerate(every):
        identity = Identity(APP, f"room{number}", "900001")
        wanted = spec(**said, storage=storage, region="eu", controlFor="24h")
        handle = await started(client, wanted, identity)
        await let_pass(10)
        kind: UpdateKind = "web" if wanted.mode == "web" else "subscription"
        for one in (kind, "storage"):
            update = update_body(wanted, identity, lambda reference: "rtmp://h/key", one, name="n", at=AT)
            assert await client.update(handle, update) == Updated()
        if wanted.mode == "mix":
            assert await client.update_layout(handle, layout_body(wanted, identity)) == Updated()


async def refused_app(client: Client, let_pass: LetPass) -> None:
    """An App ID that is not enabled is refused as a whole."""
    with pytest.raises(AppRejectedError):
        await client.acquire(WHO, acquire_body(spec(), WHO))
    await let_pass(0)


async def no_room(client: Client, let_pass: LetPass) -> None:
    """A recorder too many is told so by acquire."""
    await started(client, spec())
    other = Identity(APP, "room2", "900002")
    with pytest.raises(NoRoomError):
        await client.acquire(other, acquire_body(spec(), other))
    await let_pass(0)


async def refused_body(client: Client, let_pass: LetPass) -> None:
    """A body that is wrong is refused with the service's words."""
    resource_id = await client.acquire(WHO, acquire_body(spec(), WHO))
    wrong = spec(overrides={"start": {"recordingConfig": {"streamTypes": 9}}})
    with pytest.raises(RejectedError, match="streamTypes"):
        await client.start(WHO, "mix", resource_id, body(wrong))
    await let_pass(0)


def case(name: str, scene: Scene, **options: Any) -> Any:
    return pytest.param(scene, Options(**options), id=name)


CASES = [
    case("as documented", whole_life),
    case("as in 2020", whole_life, echo_identity=False, query_method="POST"),
    case(
        "201 with sid, short errors", whole_life, already_started_sid=True, not_found="short", invalid_operation="short"
    ),
    case("long errors", whole_life, not_found="long", exiting_query="404"),
    case("status 8 lingers", whole_life, linger=600.0),
    case("upload pending", whole_life, stop_wait=0.0, uploading_status="backuped"),
    case("nobody publishes, 435", nothing_recorded, channels_occupied=False),
    case("nobody publishes, 200", nothing_recorded, channels_occupied=False, no_data_435=False),
    case("control ends", control_ends),
    case("control ends, otherwise", control_ends, expired_status=404, expired_code=2),
    case("other modes", other_modes),
    case("every field", every_field, scene_enforced=True, foreign_fields="refuse"),
    case("pages list no files", other_modes, web_files=False),
    case("not enabled, says the gateway", refused_app, app_ids=frozenset()),
    case("not enabled, says the service", refused_app, app_ids=frozenset(), invalid_app="service"),
    case("suspended", refused_app, suspended_app_ids=frozenset({APP})),
    case("no room", no_room, max_recorders=1),
    case("wrong body", refused_body),
]


ONE_OF_EACH = list({one.values[0]: one for one in reversed(CASES)}.values())


async def at_once(_app_id: str, _most: int) -> Slice:
    return Slice(0.0, 0.0)


@pytest.mark.parametrize(("scene", "options"), CASES)
def test_in_process(scene: Scene, options: Options) -> None:
    async def play() -> None:
        async with open_http(timedelta(seconds=30), WorldTransport(World(options), round_trip=0.2)) as http:
            client = Client(
                APP, "customer", Secret("customer-secret"), ("https://one.example",), http, Pace(at_once), virtual_now
            )
            await scene(client, asyncio.sleep)

    run_virtual(play())


@pytest.mark.parametrize(("scene", "options"), ONE_OF_EACH)
async def test_over_http(scene: Scene, options: Options) -> None:
    now = 0.0

    async def let_pass(seconds: float) -> None:
        nonlocal now
        now += seconds

    def clock() -> datetime:
        return AT + timedelta(seconds=now)

    # Nothing waits here for uploads: the world's clock stands still unless it is moved.
    quick = Options(
        **{name: getattr(options, name) for name in options.__slots__} | {"upload_seconds": 0.0, "rate": 0.0}
    )
    with running_simulator(quick, clock=lambda: now) as (url, _):
        async with open_http(timedelta(seconds=30)) as http:
            client = Client(APP, "customer", Secret("customer-secret"), (url,), http, Pace(at_once), clock)
            await scene(client, let_pass)
