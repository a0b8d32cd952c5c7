"""HTTP/1.1 straight over asyncio: a steady poll costs half of what it costs over httpx's own transport.

For few connections and many small calls; not for proxies and streams. Requests are sent and answers read whole.
"""

import asyncio
import ssl
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

import httptools
import httpx

LARGEST_ANSWER: Final = 8 * 2**20  # bytes; what is longer is cut, and its connection given up

_Origin: TypeAlias = tuple[str, str, int]
_Header: TypeAlias = tuple[bytes, bytes]

_KEPT = 8  # idle connections to one origin
_IDLE = 60.0  # seconds; older ones may be gone at the other end without a word
_LATE = "no whole answer in time"
_NEXT_ADDRESS = 0.25  # seconds until another address of the same host is tried beside the first (RFC 8305)


class DirectTransport(httpx.AsyncBaseTransport):
    """Keeps connections for later calls; how many there are at once is bounded by who calls."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._context = context  # made when it is needed first: that takes 20 ms
        self._idle: dict[_Origin, list[_Line]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request, and give its answer.

        Raises httpx.ConnectError and ConnectTimeout where certainly nothing was sent, other kinds of
        httpx.TransportError where it may have been.
        """
        message = _message(request, await request.aread())
        timeouts = request.extensions.get("timeout", {})
        origin = _origin(request.url)
        line = self._kept(origin) or await self._connected(origin, timeouts.get("connect"))
        try:
            return await line.exchange(message, timeouts.get("read"))
        finally:
            self._keep(origin, line)

    async def aclose(self) -> None:
        for lines in self._idle.values():
            for line in lines:
                line.close()
        self._idle.clear()

    def _kept(self, origin: _Origin) -> "_Line | None":
        """Take the connection that was used last: it is the likeliest to be alive."""
        lines, oldest = self._idle.get(origin, []), asyncio.get_running_loop().time() - _IDLE
        while lines:
            line = lines.pop()
            if line.is_free and line.used_at > oldest:
                return line
            line.close()
        return None

    def _keep(self, origin: _Origin, line: "_Line") -> None:
        lines = self._idle.setdefault(origin, [])
        if line.is_free and len(lines) < _KEPT:
            lines.append(line)
        else:
            line.close()

    async def _connected(self, origin: _Origin, patience: float | None) -> "_Line":
        scheme, host, port = origin
        if scheme == "https" and self._context is None:
            self._context = httpx.create_ssl_context()
        context = self._context if scheme == "https" else None
        connect = asyncio.get_running_loop().create_connection
        try:
            async with asyncio.timeout(patience):
                _, line = await connect(_Line, host, port, ssl=context, happy_eyeballs_delay=_NEXT_ADDRESS)
        except TimeoutError:
            raise httpx.ConnectTimeout(f"no connection to {host}:{port} in time") from None
        except (OSError, UnicodeError) as error:  # a name that cannot be one is a UnicodeError
            raise httpx.ConnectError(str(error)) from error
        return line


class _Line(asyncio.Protocol):
    """One connection: a request out, its answer in, then the next. Its callbacks are the parser's and the loop's."""

    def __init__(self) -> None:
        self.used_at = 0.0  # loop time
        self._transport: asyncio.WriteTransport | None = None
        self._answer: asyncio.Future[httpx.Response] | None = None
        self._is_spent = False
        self._begin()

    @property
    def is_free(self) -> bool:
        return self._answer is None and not self._is_spent

    def close(self) -> None:
        self._is_spent = True
        if self._transport is not None:
            self._transport.abort()

    async def exchange(self, message: bytes, patience: float | None) -> httpx.Response:
        """Send a request and give its whole answer; what is not there in time, in seconds, is not waited for."""
        assert self.is_free, "one exchange after another"
        assert self._transport is not None, "the loop has connected it"
        loop = asyncio.get_running_loop()
        self._begin()
        self._answer = loop.create_future()
        timer = None if patience is None else loop.call_later(patience, self._fail, httpx.ReadTimeout(_LATE))
        self._transport.write(message)
        try:
            return await self._answer
        except BaseException:
            self.close()  # an answer that still comes would be taken for that of the next request
            raise
        finally:
            self._answer, self.used_at = None, loop.time()
            if timer is not None:
                timer.cancel()

    # -- asyncio's

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._answer.done():
            self.close()  # nobody has asked for this
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(httpx.RemoteProtocolError(f"the answer is no HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_spent = True
        if exc is not None:
            self._fail(httpx.ReadError(str(exc)))
        elif self._is_open_ended:
            self._complete()
        elif self._status:
            self._fail(httpx.RemoteProtocolError("the connection was closed before the whole answer was there"))
        else:
            self._fail(httpx.RemoteProtocolError("the connection was closed without an answer"))

    # -- the parser's

    def on_message_begin(self) -> None:
        self._is_spent |= self._answer is None or self._answer.done()  # a second answer to one request

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()
        named = {name.lower() for name, _ in self._headers}
        # Without a length the answer ends where the connection does.
        self._is_open_ended = not named & {b"content-length", b"transfer-encoding"}

    def on_body(self, body: bytes) -> None:
        self._body += body
        if len(self._body) > LARGEST_ANSWER:
            self._complete()
            self.close()

    def on_message_complete(self) -> None:
        if self._status < httpx.codes.OK:  # "continue" and its like: the answer comes after it
            self._headers.clear()
            self._status, self._is_open_ended = 0, False
            return
        self._is_spent |= not self._parser.should_keep_alive()
        self._complete()

    # -- one answer

    def _begin(self) -> None:
        self._parser: Any = httptools.HttpResponseParser(self)
        self._headers: list[_Header] = []
        self._body = bytearray()
        self._status = 0
        self._is_open_ended = False

    def _complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            headers, body = tuple(self._headers), httpx.ByteStream(bytes(self._body))
            self._answer.set_result(httpx.Response(self._status, headers=headers, stream=body))

    def _fail(self, error: httpx.TransportError) -> None:
        self._is_spent = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)


def _origin(url: httpx.URL) -> _Origin:
    return url.scheme, url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)


def _message(request: httpx.Request, body: bytes) -> bytes:
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path), *_lines(request.headers.raw)]
    if any(b"\n" in line or b"\r" in line for line in lines):
        raise httpx.LocalProtocolError("a header holds a line break")
    return b"\r\n".join([*lines, b"", body])


def _lines(headers: Iterable[_Header]) -> Iterable[bytes]:
    return (b"%b: %b" % header for header in headers)
