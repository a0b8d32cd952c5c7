"""The server on real sockets: where it listens, what clients may cost, and how it ends."""

import asyncio
import itertools
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from reconciler.errors import SettingsError
from reconciler.server.serving import Limits, Server, listen
from tests.server.parts import LIMITS, NOTICE, Daemon, failing, served, signed

SHORT = replace(LIMITS, patience=timedelta(seconds=0.3))
SHORTEST = replace(SHORT, idle=timedelta(seconds=0.3))
PATIENCE = 20.0  # seconds until a test that waits for what never comes gives up


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


async def until_closed(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(PATIENCE):
        try:
            return await reader.read()
        except ConnectionResetError:
            return b""


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Look again until it is so; the client's side cannot be told when the server's has noticed."""
    async with asyncio.timeout(PATIENCE):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_it_answers_on_the_port_it_tells() -> None:
    daemon = Daemon()
    async with served(daemon) as one:
        health = await one.client.get("/healthz")
        ready = await one.client.get("/readyz")
        metrics = await one.client.get("/metrics")
        taken = await one.client.post("/webhooks/agora", content=NOTICE, headers=signed())

    assert [answer.status_code for answer in (health, ready, metrics, taken)] == [200] * 4
    assert health.headers["cache-control"] == "no-store"
    assert "server" not in health.headers
    assert health.headers["date"]
    assert daemon.notices == [NOTICE.decode()]


async def test_head_has_the_length_and_no_body() -> None:
    async with served(Daemon()) as one:
        got, asked = await one.client.get("/readyz"), await one.client.head("/readyz")

    assert asked.status_code == 200
    assert asked.content == b""
    assert asked.headers["content-length"] == str(len(got.content))


async def test_calls_made_before_it_serves_are_answered_then() -> None:
    server = Server(Daemon().app())
    port = server.bind("127.0.0.1", 0)
    reader, writer = await connect(port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    running = asyncio.create_task(server.serve())

    assert (await until_closed(reader)).startswith(b"HTTP/1.1 200")
    writer.close()
    server.stop()
    await running


async def test_it_listens_where_a_name_leads() -> None:
    server = Server(Daemon().app())
    port = server.bind("localhost", 0)
    running = asyncio.create_task(server.serve())
    host = socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)[0][4][0]
    async with httpx.AsyncClient(trust_env=False) as client:
        address = f"[{host}]" if ":" in str(host) else host
        assert (await client.get(f"http://{address}:{port}/healthz")).status_code == 200
    server.stop()
    await running


def test_of_several_addresses_those_that_are_here_are_listened_on() -> None:
    here, there = [(socket.AF_INET, (host, free_port())) for host in ("127.0.0.1", "203.0.113.7")]
    listeners = listen([there, here])
    assert [one.getsockname() for one in listeners] == [here[1]]
    with pytest.raises(OSError, match="in use"):
        listen([there, here])
    for one in listeners:
        one.close()


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is this machine only on Linux")
def test_all_addresses_of_this_machine_are_listened_on_but_port_0_is_one_port() -> None:
    port = free_port()
    listeners = listen([(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET, ("127.0.0.2", port))])
    listeners += listen([(socket.AF_INET, ("127.0.0.1", 0)), (socket.AF_INET, ("127.0.0.2", 0))])

    assert [one.getsockname()[0] for one in listeners] == ["127.0.0.1", "127.0.0.2", "127.0.0.1"]
    for one in listeners:
        one.close()


async def test_an_address_in_use_is_told_in_words_and_nothing_is_left_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError) as refusal:
            Server(Daemon().app()).bind("127.0.0.1", port)

    assert str(refusal.value) == (
        f"RECONCILER_LISTEN: 127.0.0.1:{port}: another process listens there; end it, or name another port"
    )
    again = Server(Daemon().app())
    assert again.bind("127.0.0.1", port) == port
    again.close()


@pytest.mark.parametrize("host", ["203.0.113.7", "2001:db8::7", "no.such.host.invalid", "a" * 64 + ".example", "x..y"])
def test_an_address_that_is_not_ours_is_told_in_words(host: str) -> None:
    with pytest.raises(SettingsError, match=r"^RECONCILER_LISTEN: \S+:8088: \w"):
        Server(Daemon().app()).bind(host, 8088)


async def test_signals_stay_with_the_daemon() -> None:
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        async with served(Daemon()) as one:
            assert (await one.client.get("/healthz")).status_code == 200
            assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before
            os.kill(os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(PATIENCE):
                await told.wait()
            assert (await one.client.get("/healthz")).status_code == 200
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def test_a_connection_is_kept_for_the_next_request_and_none_waits_for_an_acknowledgement() -> None:
    assert LIMITS.idle >= timedelta(seconds=10)  # agora-api.md 7.1
    async with served(Daemon()) as one, asyncio.timeout(150 * 0.02):
        reader, writer = await connect(one.port)
        for _ in range(150):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b"}}")
        writer.close()


async def test_a_connection_may_rest_longer_than_a_request_may_take() -> None:
    async with served(Daemon(), SHORT) as one:
        reader, writer = await connect(one.port)
        for pause in (0.6, 0.0):
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
            await reader.readuntil(b"}}")
            await asyncio.sleep(pause)
        writer.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /healthz HT",
        b"POST /webhooks/agora HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /heal",
    ],
)
async def test_a_client_that_stops_in_the_middle_is_dropped(sent: bytes) -> None:
    async with served(Daemon(), SHORTEST) as one:
        reader, writer = await connect(one.port)
        writer.write(sent)
        await until_closed(reader)
        writer.close()


@pytest.mark.parametrize("first", [b"", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_client_that_sends_byte_by_byte_gets_no_more_time(first: bytes) -> None:
    async with served(Daemon(), SHORT) as one:
        reader, writer = await connect(one.port)
        if first:
            writer.write(first)
            await reader.readuntil(b"}}")
        closed = asyncio.create_task(until_closed(reader))
        async with asyncio.timeout(PATIENCE):
            while not closed.done():
                writer.write(b"x")
                await asyncio.sleep(0.02)
        writer.close()


async def test_a_client_that_asks_on_and_takes_no_answer_is_dropped() -> None:
    async with served(Daemon(), SHORT) as one:
        _, writer = await connect(one.port)
        request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        with pytest.raises(ConnectionError):  # noqa: PT012 - it may come with any of them
            async with asyncio.timeout(PATIENCE):
                while True:
                    writer.write(request * 100)
                    await writer.drain()
                    await asyncio.sleep(0)
        writer.close()


LARGE = b"x" * 64 * 2**20  # more than any socket holds


async def large(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(LARGE)(scope, receive, send)


async def test_a_client_that_does_not_take_its_answer_is_dropped() -> None:
    server = Server(large, SHORT)
    port = server.bind("127.0.0.1", 0)
    running = asyncio.create_task(server.serve())
    reader, writer = await connect(port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await asyncio.sleep(1)  # takes nothing, for longer than the patience

    assert len(await until_closed(reader)) < len(LARGE)
    writer.close()
    server.stop()
    await running


async def test_who_does_not_take_its_answer_is_not_waited_for_at_the_end() -> None:
    server = Server(large)
    port = server.bind("127.0.0.1", 0)
    running = asyncio.create_task(server.serve())
    reader, writer = await connect(port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await reader.readexactly(100)
    server.stop()
    await running

    assert len(await until_closed(reader)) < len(LARGE) - 100
    writer.close()


async def test_beside_slow_clients_others_are_answered() -> None:
    async with served(Daemon()) as one:
        slow = [await connect(one.port) for _ in range(50)]
        for _, writer in slow:
            writer.write(b"POST /webhooks/agora HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        async with asyncio.timeout(2):
            assert (await one.client.get("/healthz")).status_code == 200
        for _, writer in slow:
            writer.close()


async def test_with_too_many_connections_requests_are_refused_and_then_dropped() -> None:
    async with served(Daemon(), Limits(connections=4, patience=timedelta(hours=1))) as one:
        held = [await connect(one.port) for _ in range(4)]
        assert (await one.client.get("/healthz")).status_code == 503
        held += [await connect(one.port) for _ in range(20)]
        dropped = [asyncio.create_task(until_closed(reader)) for reader, _ in held]
        async with asyncio.timeout(PATIENCE):
            for next_one in itertools.islice(asyncio.as_completed(dropped), 16):
                assert await next_one == b""
        for task in dropped:
            task.cancel()
        for _, writer in held:
            writer.close()
        await asyncio.gather(*dropped, return_exceptions=True)

        async def answered() -> bool:
            return (await one.client.get("/healthz")).status_code == 200

        await until(answered)


async def test_headers_have_a_largest_size() -> None:
    async with served(Daemon(), Limits(patience=timedelta(hours=1))) as one:
        reader, writer = await connect(one.port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000)
        answer = await until_closed(reader)
        assert not answer or answer.startswith(b"HTTP/1.1 400")  # or it was gone before it could be read
        writer.close()


async def test_a_body_that_is_too_large_is_answered_on_the_wire() -> None:
    async with served(Daemon()) as one:
        answer = await one.client.post("/webhooks/agora", content=b"x" * 200_000)

    assert answer.status_code == 413
    assert answer.headers["connection"] == "close"


async def test_what_is_not_http_is_no_failure_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    daemon = Daemon()
    async with served(daemon) as one:
        reader, writer = await connect(one.port)
        writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n")
        assert (await until_closed(reader)).startswith(b"HTTP/1.1 400")
        writer.close()
        upgrade = {"Connection": "Upgrade", "Upgrade": "websocket"}
        assert (await one.client.get("/healthz", headers=upgrade)).status_code == 200
        assert (await one.client.get("/readyz")).status_code == 200

    assert daemon.failures == []
    assert caplog.records == []


async def test_a_failure_of_ours_prints_nothing(caplog: pytest.LogCaptureFixture) -> None:
    daemon = Daemon(asked=failing(ZeroDivisionError("secret")))
    async with served(daemon) as one:
        answer = await one.client.get("/readyz")

    assert answer.status_code == 500
    assert [where for where, _ in daemon.failures] == ["GET /readyz"]
    assert caplog.records == []


async def test_a_client_that_goes_away_early_is_no_failure_of_ours() -> None:
    daemon = Daemon()
    async with served(daemon) as one:
        _, writer = await connect(one.port)
        writer.write(b"POST /webhooks/agora HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        await writer.drain()
        writer.close()

        async def noticed() -> bool:
            return daemon.arrived("unusable") == 1

        await until(noticed)

    assert daemon.failures == []


async def test_it_ends_within_two_seconds_whoever_is_connected() -> None:
    daemon = Daemon(write_hangs=True)
    async with served(daemon) as one:
        _, idle = await connect(one.port)
        reader, half = await connect(one.port)
        half.write(b"POST /webhooks/agora HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{")
        _, greedy = await connect(one.port)
        greedy.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" * 2000)
        writing = asyncio.create_task(one.client.post("/webhooks/agora", content=NOTICE, headers=signed()))
        await one.client.get("/healthz")

        assert await one.end() < 2
        await until_closed(reader)
        with pytest.raises(httpx.HTTPError):
            await one.client.get("/healthz")
        await asyncio.gather(writing, return_exceptions=True)
        for writer in (idle, half, greedy):
            writer.close()


async def test_with_nobody_waiting_it_ends_at_once() -> None:
    async with served(Daemon()) as one:
        await one.client.get("/healthz")
        assert await one.end() < 0.6


async def test_a_request_in_hand_is_finished_when_it_ends() -> None:
    daemon = Daemon()
    entered, going_on = asyncio.Event(), asyncio.Event()

    async def ask() -> None:
        entered.set()
        await going_on.wait()

    daemon.asked = ask
    async with served(daemon) as one:
        asking = asyncio.create_task(one.client.get("/readyz"))
        await entered.wait()
        one.server.stop()
        await asyncio.sleep(0.3)
        going_on.set()
        assert (await asking).status_code == 200


async def test_cancelled_it_leaves_no_socket_open() -> None:
    async with served(Daemon()) as one:
        await one.client.get("/healthz")
        one.running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await one.running
        again = Server(Daemon().app())
        assert again.bind("127.0.0.1", one.port) == one.port
        again.close()
