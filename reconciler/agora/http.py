"""The way out of this process: which transport a request takes, and what every request has in common."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from types import TracebackType
from typing import Final, Self
from urllib.request import getproxies

import httpx

from reconciler.agora.hosts import is_loopback
from reconciler.agora.transport import DirectTransport

_HEADERS: Final = {
    "User-Agent": "agora-recording-reconciler",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "Connection": "keep-alive",
}


_LIMITS: Final = httpx.Limits(max_connections=128, max_keepalive_connections=8, keepalive_expiry=60)


@lru_cache(maxsize=2048)
def _address(url: str) -> httpx.URL:
    """Read an address; the same ones are called again and again, and to read one is most of writing a request."""
    return httpx.URL(url)


class WayOut(httpx.AsyncBaseTransport):
    """The environment's proxies (HTTPS_PROXY, NO_PROXY) count, for some networks have no other way out.

    But loopback addresses, where only simulators live, are always called directly. Redirects are not followed: the
    service has none, and credentials must not follow one.
    """

    def __init__(self, direct: httpx.AsyncBaseTransport | None = None) -> None:
        self._direct = direct or DirectTransport()
        self._proxied = httpx.AsyncClient(limits=_LIMITS) if getproxies().keys() - {"no"} else None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self._proxied is None or is_loopback(request.url.host):
            return await self._direct.handle_async_request(request)
        return await self._proxied.send(request, stream=True)

    async def aclose(self) -> None:
        await self._direct.aclose()
        if self._proxied is not None:
            await self._proxied.aclose()


@dataclass(frozen=True, slots=True)
class Http:
    """Sends requests, without what a browser would add: the service has no cookies, logins and redirects."""

    transport: httpx.AsyncBaseTransport
    timeout: float  # seconds: to connect, and then for the answer
    answered: Callable[[httpx.Response], None]  # hears of every answer
    _timeouts: Mapping[str, float | None]

    def request(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None = None) -> httpx.Request:
        """Write a request. Raises httpx.InvalidURL."""
        extensions = {"timeout": self._timeouts}
        return httpx.Request(
            method, _address(url), headers={**_HEADERS, **headers}, content=content, extensions=extensions
        )

    async def send(self, request: httpx.Request) -> httpx.Response:
        """Send; the answer is to be read and closed. Raises httpx.TransportError."""
        response = await self.transport.handle_async_request(request)
        self.answered(response)
        return response

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.transport.aclose()


def open_http(
    timeout: timedelta,
    transport: httpx.AsyncBaseTransport | None = None,
    answered: Callable[[httpx.Response], None] = lambda _: None,
) -> Http:
    """Open the one way to the service; connections are kept for a minute."""
    seconds = timeout.total_seconds()
    return Http(transport or WayOut(), seconds, answered, httpx.Timeout(seconds).as_dict())
