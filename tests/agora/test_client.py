"""The client against a simulated service: in process, on virtual time, with hosts and answers that fail."""

import asyncio
import contextlib
import json
import logging
import re
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from reconciler.agora.answers import AlreadyStarted, IdentityHeld, StartAccepted, Stopped, Updated
from reconciler.agora.client import Client
from reconciler.agora.exchange import Method
from reconciler.agora.hosts import accepted_url
from reconciler.agora.http import open_http
from reconciler.agora.pace import Pace
from reconciler.agora.quota import Slice
from reconciler.agora.wire import acquire_body, layout_body, start_body, stop_body, update_body
from reconciler.errors import (
    AppRejectedError,
    OutcomeUnknownError,
    RejectedError,
    ServiceError,
    SettingsError,
    ThrottledError,
    TransientError,
)
from reconciler.evidence import Live, Missing
from reconciler.manifests.schema import RecordingSpec
from reconciler.model import Handle, Identity, Secret
from reconciler.simulator.faults import parse_faults
from reconciler.simulator.options import Options
from reconciler.simulator.transport import WorldTransport
from reconciler.simulator.world import World
from tests.virtual_time import run_virtual, virtual_now

APP = "0123456789abcdef0123456789abcdef"
WHO = Identity(APP, "room 1", "900001")
HANDLE = Handle(WHO, "mix", "R/1", "S1")
ONE, TWO, THREE = "https://one.example", "https://two.example", "https://three.example"
SECRETS = ("customer-secret-1", "storage_key_2", "storage_secret_3", "rtc-token-4")
Answering = Callable[[httpx.Request], Awaitable[httpx.Response]]


def spec(**said: Any) -> RecordingSpec:
    storage = {
        "vendor": "s3", "region": 0, "bucket": "b", "accessKey": {"env": "storage_key_2"},
        "secretKey": {"env": "storage_secret_3"},
    }  # fmt: skip
    return RecordingSpec.model_validate({"channel": WHO.channel, "storage": storage} | said)


def reveal(reference: Any) -> str:
    return str(reference.env)


START = start_body(spec(), WHO, reveal, name="n", at=datetime(2026, 1, 1, tzinfo=UTC), token="rtc-token-4")


@dataclass
class Stage:
    """A client, and everything it could be told apart by: what was sent where, and when."""

    answer: Answering
    urls: tuple[str, ...] = (ONE,)
    query_method: Method | None = None
    sent: list[httpx.Request] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    throttled: list[str] = field(default_factory=list)
    drawn: int = 0

    def __post_init__(self) -> None:
        self.http = open_http(timedelta(seconds=30), httpx.MockTransport(self._carry))
        self.client = Client(
            APP, "customer", Secret(SECRETS[0]), self.urls, self.http, Pace(self._draw, self._slow), virtual_now,
            self.query_method,
        )  # fmt: skip

    @property
    def trail(self) -> list[str]:
        return [f"{request.method} {request.url.host} {request.url.path.rpartition('/')[2]}" for request in self.sent]

    async def _carry(self, request: httpx.Request) -> httpx.Response:
        self.sent.append(request)
        self.times.append(asyncio.get_running_loop().time())
        return await self.answer(request)

    async def _draw(self, _app_id: str, _most: int) -> Slice:
        self.drawn += 1
        return Slice(0.1, 0.0)

    async def _slow(self, app_id: str) -> None:
        self.throttled.append(app_id)

    async def call(self, endpoint: str, url: str | None = None) -> object:
        match endpoint:
            case "acquire":
                return await self.client.acquire(WHO, {"cname": WHO.channel}, url=url)
            case "start":
                return await self.client.start(WHO, "mix", "R/1", START, url=url)
            case "query":
                return await self.client.query(HANDLE, url=url)
            case "update":
                return await self.client.update(HANDLE, {}, url=url)
            case "updateLayout":
                return await self.client.update_layout(HANDLE, {}, url=url)
            case _:
                return await self.client.stop(HANDLE, stop_body(WHO), url=url)


ENDPOINTS = ("acquire", "start", "query", "update", "updateLayout", "stop")
BY_WORLD = ("acquire", "query", "update", "updateLayout", "stop")
GOOD: dict[str, Any] = {"resourceId": "R", "sid": "S", "serverResponse": {"status": 5}}
NO_ROUTE = {"message": "no Route matched with those values"}


def says(status: int, body: Any, **headers: str) -> Answering:
    async def answer(_: httpx.Request) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.Response(status, content=content, headers=headers)

    return answer


def fails(error: type[httpx.HTTPError], words: str = "oops") -> Answering:
    async def answer(request: httpx.Request) -> httpx.Response:
        raise error(words, request=request) if issubclass(error, httpx.RequestError) else error(words)

    return answer


def by_host(answers: Mapping[str, Answering]) -> Answering:
    async def answer(request: httpx.Request) -> httpx.Response:
        return await answers[f"https://{request.url.host}"](request)

    return answer


# -- against the simulated world


def staged_world(faults: str = "", urls: tuple[str, ...] = (ONE,), **options: Any) -> tuple[World, Stage]:
    world = World(Options(**options))
    return world, Stage(WorldTransport(world, parse_faults(faults)).handle_async_request, urls)


def test_a_whole_life() -> None:
    async def scene() -> None:
        world, stage = staged_world(credentials={"customer": SECRETS[0]})
        client, wanted = stage.client, spec(layout={"type": "bestFit"})
        now = virtual_now()
        resource_id = await client.acquire(WHO, acquire_body(wanted, WHO))
        sent = start_body(wanted, WHO, reveal, name="n", at=now)
        started = await client.start(WHO, "mix", resource_id, sent)
        assert isinstance(started, StartAccepted)
        assert await client.start(WHO, "mix", resource_id, sent) == AlreadyStarted(None)
        assert isinstance(
            await client.start(WHO, "mix", await client.acquire(WHO, acquire_body(wanted, WHO)), sent), IdentityHeld
        )
        handle = Handle(WHO, "mix", resource_id, started.sid)
        await asyncio.sleep(30)
        observed = await client.query(handle)
        assert isinstance(observed, Live)
        assert (observed.status, len(observed.files)) == (5, 1)
        assert (
            await client.update(handle, update_body(wanted, WHO, reveal, "subscription", name="n", at=now)) == Updated()
        )
        assert await client.update_layout(handle, layout_body(wanted, WHO)) == Updated()
        stopped = await client.stop(handle, stop_body(WHO))
        assert isinstance(stopped, Stopped)
        assert (stopped.how, stopped.uploading_status, stopped.files) == ("stopped", "uploaded", observed.files)
        await asyncio.sleep(30)
        assert isinstance(await client.query(handle), Missing)
        assert len(world.recorders) == 1
        assert world.live(asyncio.get_running_loop().time()) == []

    run_virtual(scene())


@pytest.mark.parametrize("mode", ["individual", "web"])
def test_the_other_modes_are_taken_too(mode: Any) -> None:
    async def scene() -> None:
        _, stage = staged_world()
        wanted = spec(mode=mode, **({"web": {"url": "https://x"}} if mode == "web" else {}))
        resource_id = await stage.client.acquire(WHO, acquire_body(wanted, WHO))
        sent = start_body(wanted, WHO, reveal, name="n", at=virtual_now())
        assert isinstance(await stage.client.start(WHO, mode, resource_id, sent), StartAccepted)

    run_virtual(scene())


def test_a_start_whose_answer_is_lost_is_unknown_and_not_repeated() -> None:
    async def scene() -> None:
        world, stage = staged_world("start lose", urls=(ONE, TWO))
        resource_id = await stage.client.acquire(WHO, acquire_body(spec(), WHO))
        with pytest.raises(OutcomeUnknownError) as raised:
            await stage.client.start(WHO, "mix", resource_id, START)
        assert "no answer from https://one.example (ReadError" in str(raised.value)
        assert len(world.recorders) == 1
        assert stage.trail == ["POST one.example acquire", "POST one.example start"]

    run_virtual(scene())


def test_wrong_credentials_are_the_whole_apps_trouble() -> None:
    async def scene() -> None:
        _, stage = staged_world(credentials={"customer": "another"})
        with pytest.raises(AppRejectedError):
            await stage.call("acquire")

    run_virtual(scene())


def test_429_slows_the_pace_down() -> None:
    async def scene() -> None:
        _, stage = staged_world("query refuse 429", urls=(ONE, TWO))
        with pytest.raises(ThrottledError):
            await stage.call("query")
        assert stage.throttled == [APP]
        assert len(stage.sent) == 1

    run_virtual(scene())


def test_an_answer_that_was_cut_is_no_answer() -> None:
    async def scene() -> None:
        _, stage = staged_world("* truncate 20")
        with pytest.raises(TransientError):
            await stage.call("acquire")
        with pytest.raises(OutcomeUnknownError):
            await stage.call("start")
        with pytest.raises(TransientError):
            await stage.call("query")

    run_virtual(scene())


# -- what is sent


def test_requests_are_exactly_as_the_service_wants_them() -> None:
    async def scene() -> None:
        stage = Stage(says(200, GOOD))
        for endpoint in ENDPOINTS:
            await stage.call(endpoint)
        base = f"/v1/apps/{APP}/cloud_recording"
        assert [(request.method, request.url.raw_path.decode()) for request in stage.sent] == [
            ("POST", f"{base}/acquire"),
            ("POST", f"{base}/resourceid/R%2F1/mode/mix/start"),
            ("GET", f"{base}/resourceid/R%2F1/sid/S1/mode/mix/query"),
            ("POST", f"{base}/resourceid/R%2F1/sid/S1/mode/mix/update"),
            ("POST", f"{base}/resourceid/R%2F1/sid/S1/mode/mix/updateLayout"),
            ("POST", f"{base}/resourceid/R%2F1/sid/S1/mode/mix/stop"),
        ]
        for request in stage.sent:
            assert request.headers["Authorization"] == "Basic Y3VzdG9tZXI6Y3VzdG9tZXItc2VjcmV0LTE="
            posted = request.method == "POST"
            assert request.headers.get("Content-Type") == ("application/json;charset=utf-8" if posted else None)
        assert json.loads(stage.sent[1].content) == START
        assert stage.drawn == len(stage.sent)

    run_virtual(scene())


def test_a_body_that_json_cannot_express_is_refused_before_anything_is_sent() -> None:
    async def scene() -> None:
        stage = Stage(says(200, GOOD))
        for value in (float("nan"), {1, 2}):
            with pytest.raises(RejectedError, match="JSON cannot express"):
                await stage.client.acquire(WHO, {"clientRequest": {"x": value}})
        with pytest.raises(RejectedError, match="handle"):
            await stage.client.query(Handle(WHO, "mix", "R" * 70_000, "S"))
        await stage.client.query(Handle(WHO, "mix", "\ud800", "S"))
        assert stage.drawn == len(stage.sent) == 1
        assert stage.client.url == ONE

    run_virtual(scene())


# -- what does not come back

UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
IN_DOUBT = (
    httpx.ReadTimeout, httpx.ReadError, httpx.WriteError, httpx.WriteTimeout, httpx.RemoteProtocolError,
    httpx.ProxyError, httpx.DecodingError, httpx.HTTPError,
)  # fmt: skip


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("error", [*UNSENT, *IN_DOUBT])
def test_what_failed_on_the_way_had_no_effect_or_may_have_had_one(endpoint: str, error: type[httpx.HTTPError]) -> None:
    async def scene() -> ServiceError:
        with pytest.raises(ServiceError) as raised:
            await Stage(fails(error)).call(endpoint)
        return raised.value

    raised = run_virtual(scene())
    harmless = error in UNSENT or endpoint in ("acquire", "query")
    assert type(raised) is (TransientError if harmless else OutcomeUnknownError)
    assert error.__name__ in str(raised)
    assert raised.__cause__ is None
    assert raised.__context__ is None


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("address", ["A:0", "https://", "//[::1", "http://\xff", "https://elsewhere.example/x"])
def test_a_redirect_to_anywhere_or_nowhere_is_no_answer_and_not_followed(endpoint: str, address: str) -> None:
    async def scene() -> None:
        async def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(302, headers=[(b"Location", address.encode("latin-1"))])

        stage = Stage(answer)
        with pytest.raises(TransientError if endpoint in ("acquire", "query") else OutcomeUnknownError):
            await stage.call(endpoint)
        assert {request.url.host for request in stage.sent} == {"one.example"}

    run_virtual(scene())


class Dripping(httpx.AsyncByteStream):
    """An answer that never quite ends."""

    def __init__(self, chunk: bytes, pause: float) -> None:
        self.chunk, self.pause, self.sent = chunk, pause, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(self.pause)
            self.sent += len(self.chunk)
            yield self.chunk


def test_an_answer_that_drips_in_does_not_hold_its_caller_for_ever() -> None:
    async def scene() -> None:
        async def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=Dripping(b" ", 20))

        with pytest.raises(OutcomeUnknownError, match="did not answer in time"):
            await Stage(answer).call("stop")
        assert asyncio.get_running_loop().time() < 130

    run_virtual(scene())


def test_an_answer_without_end_is_cut() -> None:
    async def scene() -> None:
        stream = Dripping(b"[" * 2**20, 0)

        async def answer(_: httpx.Request) -> httpx.Response:
            return httpx.Response(200, stream=stream)

        with pytest.raises(TransientError):
            await Stage(answer).call("query")
        assert stream.sent < 10 * 2**20

    run_virtual(scene())


# -- several hosts (S16)


@pytest.mark.parametrize("endpoint", BY_WORLD)
@pytest.mark.parametrize("trouble", [fails(httpx.ConnectError), fails(httpx.ReadTimeout), says(503, b"")])
def test_another_host_is_tried_at_once_and_each_try_is_paced(endpoint: str, trouble: Answering) -> None:
    async def scene() -> None:
        stage = Stage(by_host({ONE: trouble, TWO: says(200, GOOD)}), urls=(ONE, TWO))
        await stage.call(endpoint)
        assert [request.url.host for request in stage.sent] == ["one.example", "two.example"]
        assert stage.times == pytest.approx([0.1, 0.2])

    run_virtual(scene())


@pytest.mark.parametrize("trouble", [fails(httpx.ConnectError), fails(httpx.ReadTimeout), says(503, b"")])
def test_start_is_never_tried_at_another_host(trouble: Answering) -> None:
    async def scene() -> None:
        stage = Stage(by_host({ONE: trouble, TWO: says(200, GOOD)}), urls=(ONE, TWO))
        with pytest.raises(ServiceError):
            await stage.call("start")
        assert stage.trail == ["POST one.example start"]

    run_virtual(scene())


@pytest.mark.parametrize(
    "answer",
    [
        says(206, {"code": 65}),
        says(400, {"code": 2}),
        says(401, {}),
        says(404, NO_ROUTE),
        says(404, GOOD | {"code": 404}),
    ],
)
def test_what_the_service_would_say_anywhere_is_not_asked_again(answer: Answering) -> None:
    async def scene() -> None:
        stage = Stage(answer, urls=(ONE, TWO))
        with contextlib.suppress(ServiceError):
            await stage.call("stop")
        assert len(stage.sent) == 1

    run_virtual(scene())


def test_a_session_asks_its_own_host_first() -> None:
    async def scene() -> None:
        answers = {ONE: says(200, GOOD), TWO: says(200, GOOD), THREE: fails(httpx.ConnectError)}
        stage = Stage(by_host(answers), urls=(ONE, TWO))
        await stage.call("query", url=TWO + "/")
        await stage.call("start", url=TWO)
        await stage.call("query", url=THREE)
        assert [request.url.host for request in stage.sent] == ["two.example"] * 2 + ["three.example", "one.example"]
        with pytest.raises(SettingsError):
            await stage.call("query", url="http://two.example")

    run_virtual(scene())


def test_a_host_that_cannot_be_reached_is_tried_last_for_a_minute() -> None:
    async def scene() -> None:
        stage = Stage(by_host({ONE: fails(httpx.ConnectError), TWO: says(200, GOOD)}), urls=(ONE, TWO))
        assert stage.client.url == ONE
        await stage.call("acquire")
        assert stage.client.url == TWO
        await stage.call("start")
        await stage.call("query", url=ONE)
        assert [request.url.host for request in stage.sent] == ["one.example", *["two.example"] * 3]
        await asyncio.sleep(60)
        assert stage.client.url == ONE

    run_virtual(scene())


def test_once_an_outcome_is_unknown_no_later_try_makes_it_certain() -> None:
    async def scene(first: Answering, second: Answering) -> ServiceError:
        stage = Stage(by_host({ONE: first, TWO: second}), urls=(ONE, TWO))
        with pytest.raises(ServiceError) as raised:
            await stage.call("stop")
        return raised.value

    unknown, unsent = fails(httpx.ReadTimeout), fails(httpx.ConnectError)
    assert type(run_virtual(scene(unknown, unsent))) is OutcomeUnknownError
    assert type(run_virtual(scene(unsent, unknown))) is OutcomeUnknownError
    assert type(run_virtual(scene(unsent, unsent))) is TransientError
    assert type(run_virtual(scene(unknown, says(429, {})))) is OutcomeUnknownError
    assert type(run_virtual(scene(unknown, says(400, {"code": 2})))) is RejectedError


# -- the method of query


def test_a_service_of_2020_is_asked_by_post_from_then_on() -> None:
    async def scene() -> None:
        _, stage = staged_world(query_method="POST")
        for _ in range(2):
            assert isinstance(await stage.call("query"), Missing)
        assert stage.trail == ["GET one.example query", "POST one.example query", "POST one.example query"]
        assert stage.drawn == 3

    run_virtual(scene())


def test_what_the_service_has_answered_once_is_settled() -> None:
    async def scene() -> None:
        answers = [says(200, GOOD), says(404, NO_ROUTE)]

        async def answer(request: httpx.Request) -> httpx.Response:
            return await answers.pop(0)(request)

        stage = Stage(answer)
        await stage.call("query")
        with pytest.raises(TransientError):
            await stage.call("query")
        assert stage.trail == ["GET one.example query"] * 2

    run_virtual(scene())


@pytest.mark.parametrize("other", [says(404, NO_ROUTE), says(401, {"message": "Unauthorized"}), says(502, b"")])
def test_the_other_method_is_not_kept_for_what_a_gateway_says(other: Answering) -> None:
    async def scene() -> None:
        gets = says(404, NO_ROUTE)

        async def answer(request: httpx.Request) -> httpx.Response:
            return await (gets if request.method == "GET" else other)(request)

        stage = Stage(answer)
        for _ in range(2):
            with pytest.raises(TransientError, match="no Route matched"):
                await stage.call("query")
        assert stage.trail == ["GET one.example query", "POST one.example query"] * 2

    run_virtual(scene())


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_method_that_was_set_is_never_left(method: Method) -> None:
    async def scene() -> None:
        stage = Stage(says(404, NO_ROUTE), query_method=method)
        with pytest.raises(TransientError):
            await stage.call("query")
        assert stage.trail == [f"{method} one.example query"]

    run_virtual(scene())


# -- addresses


@pytest.mark.parametrize(
    ("url", "spelled"),
    [
        ("https://api.sd-rtn.com", "https://api.sd-rtn.com"),
        (" https://API.sd-rtn.com:8443/ ", "https://api.sd-rtn.com:8443"),
        ("http://127.0.0.1:8787", "http://127.0.0.1:8787"),
        ("http://localhost:8787/", "http://localhost:8787"),
        ("http://[::1]:8787", "http://[::1]:8787"),
    ],
)
def test_an_address_has_one_spelling(url: str, spelled: str) -> None:
    assert accepted_url(url) == spelled


@pytest.mark.parametrize(
    "url",
    ["", "api.agora.io", "http://api.agora.io", "ftp://127.0.0.1", "https://", "https://me:hush@api.agora.io",
     "https://api.agora.io?hush=1", "https://api.agora.io#x", "https://[::1", "https://a:b", "http://127.0.0.1.evil.io",
     "https://" + "a" * 70 + ".io"],
)  # fmt: skip
def test_any_other_address_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as raised:
        accepted_url(url)
    assert "hush" not in str(raised.value)


def test_there_must_be_an_address() -> None:
    with pytest.raises(SettingsError, match="no API URL"):
        Stage(says(200, GOOD), urls=())


# -- secrets


def test_no_secret_is_in_an_error_a_repr_or_a_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    seen: list[str] = []

    async def echo(request: httpx.Request) -> httpx.Response:
        said = f"{request.headers.get('Authorization')} {request.content.decode()} {SECRETS[0]}"
        return httpx.Response(400, json={"code": 2, "reason": said}, headers={"X-Request-Id": SECRETS[0]})

    async def scene(answer: Answering) -> None:
        stage = Stage(answer)
        for endpoint in ENDPOINTS:
            try:
                seen.append(repr(await stage.call(endpoint)))
            except ServiceError as error:
                seen.append("".join(traceback.TracebackException.from_exception(error, capture_locals=False).format()))
                seen.append(f"{error} {error!r} {error.problem!r}")
        seen.append(repr(stage.client) + repr(stage.client._exchange) + repr(vars(stage.client)))

    for answer in (echo, says(200, GOOD), says(502, b"x"), fails(httpx.ReadError), fails(httpx.ConnectError)):
        run_virtual(scene(answer))
    seen.append(caplog.text)
    shown = "\n".join(seen)
    assert "****" in shown
    for secret in (*SECRETS, "Y3VzdG9tZXI6"):
        assert secret not in shown


# -- over a real socket


async def test_loopback_is_called_over_plain_http() -> None:
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        body = json.dumps(GOOD).encode()
        head = f"HTTP/1.1 200 OK\r\nX-Request-Id: q\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    async def at_once(_app_id: str, _most: int) -> Slice:
        return Slice(0.0, 0.0)

    def clock() -> datetime:
        return datetime.now(UTC)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with open_http(timedelta(seconds=10)) as http:
            client = Client(APP, "customer", Secret("s"), (url,), http, Pace(at_once), clock)
            observed = await client.query(HANDLE)
    assert isinstance(observed, Live)
    assert observed.status == 5
    assert re.match(
        rb"GET /v1/apps/\w+/cloud_recording/resourceid/R%2F1/sid/S1/mode/mix/query HTTP/1.1\r\n", requests[0]
    )
