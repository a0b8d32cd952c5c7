"""The transport against sockets that answer in every way: an answer is whole, or an error, and never another's."""

import asyncio
import itertools
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import pytest
import trustme

from reconciler.agora import transport
from reconciler.agora.transport import DirectTransport

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@dataclass
class Site:
    """A server that follows a script for each connection, and a client of it."""

    url: str
    http: httpx.AsyncClient
    heard: list[bytes] = field(default_factory=list)
    connections: int = 0
    asked: asyncio.Event = field(default_factory=asyncio.Event)

    async def get(self, path: str = "/") -> httpx.Response:
        return await self.http.get(self.url + path)


@asynccontextmanager
async def site(
    *answers: bytes, hang_up: bool = False, script: Script | None = None, tls: bool = False
) -> AsyncIterator[Site]:
    """Serve these answers, one a request, over however many connections; hang up after each, or keep them."""
    left = iter(answers)
    made: list[Site] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made[0].connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.split(b"\r\n") if line.lower()[:15] == b"content-length:"), 0
                )
                made[0].heard.append(head + await reader.readexactly(length))
                made[0].asked.set()
                if script is not None:
                    await script(reader, writer)
                    continue
                writer.write(next(left))
                await writer.drain()
                if hang_up:
                    break
        except (asyncio.IncompleteReadError, StopIteration, ConnectionError):
            pass
        finally:
            writer.close()

    context, trusted = None, ssl.create_default_context()
    if tls:
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        authority.configure_trust(trusted)
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    url = f"https://localhost:{port}" if tls else f"http://127.0.0.1:{port}"
    async with server, httpx.AsyncClient(transport=DirectTransport(trusted), timeout=5) as http:
        made.append(Site(url, http))
        yield made[0]


async def test_a_connection_is_kept_for_the_next_call() -> None:
    async with site(OK, OK, OK) as there:
        answers = [await there.get(f"/{number}") for number in range(3)]
        assert [answer.text for answer in answers] == ["hi", "hi", "hi"]
        assert there.connections == 1
        assert [head.split(b" ")[1] for head in there.heard] == [b"/0", b"/1", b"/2"]


async def test_a_body_is_sent_whole_with_its_length() -> None:
    async with site(OK) as there:
        await there.http.post(f"{there.url}/a%2Fb?c=1", content=b'{"cname":"\xc3\xa4"}', headers={"X-One": "1"})
        [heard] = there.heard
        assert heard.startswith(b"POST /a%2Fb?c=1 HTTP/1.1\r\nHost: 127.0.0.1:")
        assert b"\r\nX-One: 1\r\n" in heard
        assert b"\r\nContent-Length: 14\r\n" in heard
        assert heard.endswith(b'\r\n\r\n{"cname":"\xc3\xa4"}')


async def test_calls_at_once_have_a_connection_each() -> None:
    async with site(*[OK] * 24) as there:
        await asyncio.gather(*(there.get() for _ in range(12)))
        assert there.connections == 12
        await asyncio.gather(*(there.get() for _ in range(8)))
        assert there.connections == 12, "eight of them were kept"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nh\r\n1\r\ni\r\n0\r\n\r\n", "hi"),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", "hi"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nhi", "hi"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", ""),
        (b"HTTP/1.1 200\r\ncontent-length:2\r\n\r\nhi", "hi"),
    ],
)  # fmt: skip
async def test_answers_come_in_many_forms(answer: bytes, said: str) -> None:
    async with site(answer, OK) as there:
        answered = await there.get()
        assert answered.text == said
        assert "Link" not in answered.headers
        assert (await there.get()).text == "hi"
        assert there.connections == 1


async def test_an_answer_comes_in_pieces() -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for byte in OK:
            writer.write(bytes([byte]))
            await writer.drain()

    async with site(script=drip) as there:
        assert (await there.get()).text == "hi"


@pytest.mark.parametrize("answer", [b"HTTP/1.0 200 OK\r\n\r\nhi", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhi"])
async def test_without_a_length_the_answer_ends_with_the_connection(answer: bytes) -> None:
    async with site(answer, OK, hang_up=True) as there:
        assert (await there.get()).text == "hi"
        assert (await there.get()).text == "hi"
        assert there.connections == 2


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhi",
     b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n", b"gibberish\r\n\r\n", b"\x16\x03\x01\x00\x02",
     b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\nhi",
     b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
     b"HTTP/1.1 100 Continue\r\n\r\n"],
)  # fmt: skip
async def test_what_is_no_whole_answer_is_an_error_and_its_connection_is_given_up(answer: bytes) -> None:
    async with site(answer, OK, hang_up=True) as there:
        with pytest.raises(httpx.RemoteProtocolError):
            await there.get()
        assert (await there.get()).text == "hi"
        assert there.connections == 2


async def test_what_nobody_asked_for_is_not_taken_for_the_next_answer() -> None:
    stray = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nstray"
    for cut in range(len(stray) + 1):
        async with site(OK + stray[:cut], OK) as there:
            assert (await there.get()).text == "hi"
            assert (await there.get()).text == "hi"
            assert there.connections == (2 if cut else 1)


async def test_an_answer_that_comes_after_its_caller_gave_up_is_nobodys() -> None:
    release = asyncio.Event()
    first = itertools.count()

    async def late(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if next(first) == 0:
            await release.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate")
        else:
            writer.write(OK)
        await writer.drain()

    async with site(script=late) as there:
        call = asyncio.create_task(there.get())
        await there.asked.wait()
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        release.set()
        assert (await there.get()).text == "hi"


async def test_a_connection_that_was_closed_meanwhile_is_not_used() -> None:
    closed = asyncio.Event()

    async def once(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        closed.set()

    async with site(script=once) as there:
        for count in (1, 2):
            assert (await there.get()).text == "hi"
            await closed.wait()
            closed.clear()
            for _ in range(10):  # rounds of the loop: the client's end hears of it
                await asyncio.sleep(0)
            assert there.connections == count


async def test_an_old_connection_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with site(OK, OK) as there:
        await there.get()
        monkeypatch.setattr(transport, "_IDLE", -1.0)
        await there.get()
        assert there.connections == 2


async def test_an_endless_answer_is_cut_and_its_connection_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 1000)
    length = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
    async with site(length + b"x" * 5000, OK) as there:
        assert 1000 < len((await there.get()).content) <= 5000
        assert (await there.get()).text == "hi"
        assert there.connections == 2


async def test_time_outs_and_refusals_say_which_is_certainly_unsent() -> None:
    async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()  # until the other end has given up

    async with site(script=silence) as there:
        with pytest.raises(httpx.ReadTimeout):
            await there.http.get(there.url, timeout=httpx.Timeout(5, read=0.05))
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))  # and nobody listens
    async with httpx.AsyncClient(transport=DirectTransport(ssl.create_default_context())) as http:
        with taken, pytest.raises(httpx.ConnectError):
            await http.get(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(httpx.ConnectError):
            await http.get("http://no-such-host.invalid")


async def test_a_reset_connection_is_an_error() -> None:
    async def reset(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with site(script=reset) as there:
        with pytest.raises((httpx.ReadError, httpx.RemoteProtocolError)):
            await there.get()


async def test_no_header_can_hold_another() -> None:
    async with site(OK) as there:
        with pytest.raises(httpx.LocalProtocolError):
            await there.http.get(there.url, headers={"X-One": "1\r\nX-Two: 2"})
        assert not there.heard


async def test_tls_is_spoken_and_checked() -> None:
    async with site(OK, OK, tls=True) as there:
        assert (await there.get()).text == "hi"
        assert (await there.get()).text == "hi"
        assert there.connections == 1
        elsewhere = there.url.replace("localhost", "127.0.0.1")
        with pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
            await there.http.get(elsewhere)
        async with httpx.AsyncClient(transport=DirectTransport(ssl.create_default_context())) as stranger:
            with pytest.raises(httpx.ConnectError, match=r"(?i)certificate"):
                await stranger.get(there.url)
