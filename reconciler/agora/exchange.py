"""One HTTP exchange: a call out, its answer in, and what went wrong on the way. Reads no meaning into answers."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias
from urllib.request import getproxies

import httpx

from reconciler.agora.hints import Endpoint
from reconciler.agora.pace import Rank
from reconciler.agora.reading import HttpAnswer, tidy
from reconciler.agora.transport import LARGEST_ANSWER, DirectTransport
from reconciler.errors import OutcomeUnknownError, Problem, RejectedError, TransientError

Method: TypeAlias = Literal["GET", "POST"]

_CERTAINLY_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_HARMLESS: frozenset[Endpoint] = frozenset({"acquire", "query", "channels", "users"})
# Fields of bodies that hold secrets: should an answer echo one, it is masked.
_SECRET_FIELDS = frozenset({"token", "accessKey", "secretKey", "stsToken", "secret", "salt", "rtmpUrl", "url"})


def open_http(timeout: timedelta, transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Open the one HTTP client of the process: HTTP/1.1, one TLS context, connections kept for a minute.

    The environment's proxies (HTTPS_PROXY, NO_PROXY) count, for some networks have no other way out; but loopback
    addresses, where only simulators live, are always called directly. Redirects are not followed: the service has
    none, and credentials must not follow one.
    """
    headers = {"User-Agent": "agora-recording-reconciler", "Accept-Encoding": "identity"}
    if transport is not None:
        return httpx.AsyncClient(timeout=timeout.total_seconds(), transport=transport, headers=headers)
    context = httpx.create_ssl_context()
    direct = DirectTransport(context)
    return httpx.AsyncClient(
        timeout=timeout.total_seconds(),
        transport=None if getproxies().keys() - {"no"} else direct,
        mounts={f"all://{host}": direct for host in ("localhost", "127.0.0.1", "[::1]")},
        verify=context,
        limits=httpx.Limits(max_connections=128, max_keepalive_connections=8, keepalive_expiry=60),
        headers=headers,
    )


Heard: TypeAlias = Callable[[str, timedelta, int | None], None]
"""Hears of every exchange: endpoint, how long it took, HTTP status; None: there was no answer."""


def unheard(_endpoint: str, _took: timedelta, _status: int | None) -> None:
    """Hear of nothing."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call before it is sent, apart from its host."""

    endpoint: Endpoint
    path: str
    body: Mapping[str, Any] | None
    rank: Rank


@dataclass(frozen=True, slots=True)
class Exchange:
    """Sends the calls of one account."""

    http: httpx.AsyncClient
    clock: Callable[[], datetime]
    authorization: str
    hidden: tuple[str, ...]
    heard: Heard = unheard

    def __repr__(self) -> str:
        return "Exchange()"

    def prepare(self, host: str, method: Method, call: Call) -> httpx.Request:
        """Write the request; raises RejectedError for what cannot be written."""
        headers = {"Authorization": self.authorization}
        try:
            if method == "GET":
                return self.http.build_request(method, host + call.path, headers=headers)
            headers["Content-Type"] = "application/json;charset=utf-8"
            body = {} if call.body is None else call.body
            content = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
            return self.http.build_request(method, host + call.path, headers=headers, content=content)
        except httpx.InvalidURL:
            problem = Problem(call.endpoint, "the handle cannot be written into an address")
        except (TypeError, ValueError):
            hint = "Look for one under `overrides`"
            problem = Problem(call.endpoint, "the body holds a value that JSON cannot express", hint=hint)
        raise RejectedError(problem)

    async def send(self, host: str, request: httpx.Request, call: Call) -> HttpAnswer:
        """Send, and give whatever was answered.

        Raises TransientError where nothing can have happened, OutcomeUnknownError where it may have.
        """
        began = self.clock()
        try:
            async with asyncio.timeout(self._patience):
                answer = await self._round_trip(request, call)
        except _CERTAINLY_UNSENT as error:
            problem, harmless = _lost(call, host, error), True
        except (httpx.HTTPError, TimeoutError) as error:
            problem, harmless = _lost(call, host, error), call.endpoint in _HARMLESS
        else:
            self.heard(call.endpoint, self.clock() - began, answer.status)
            return answer
        self.heard(call.endpoint, self.clock() - began, None)
        # Outside of the handlers: what httpx raises knows the request, and with it the credentials.
        raise TransientError(problem) if harmless else OutcomeUnknownError(problem)

    async def _round_trip(self, request: httpx.Request, call: Call) -> HttpAnswer:
        response = await self.http.send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > LARGEST_ANSWER:
                    break
        finally:
            await response.aclose()
        return HttpAnswer(
            endpoint=call.endpoint,
            status=response.status_code,
            headers=response.headers,
            body=bytes(body),
            at=self.clock(),
            hidden=(*self.hidden, *secrets_in(call.body)),
        )

    @property
    def _patience(self) -> float | None:
        """The longest one exchange may take: an answer that drips in must not hold its caller for ever."""
        waits = self.http.timeout.as_dict().values()
        return None if None in waits else sum(wait for wait in waits if wait is not None)


def secrets_in(body: object) -> Iterator[str]:
    """Find the values in a body that must never be shown."""
    if isinstance(body, Mapping):
        for key, value in body.items():
            if key in _SECRET_FIELDS and isinstance(value, str) and value:
                yield value
            else:
                yield from secrets_in(value)
    elif isinstance(body, list | tuple):
        for one in body:
            yield from secrets_in(one)


def _lost(call: Call, host: str, error: Exception) -> Problem:
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        said = f"{host} did not answer in time ({type(error).__name__})"
    else:
        said = f"no answer from {host} ({type(error).__name__}: {tidy(str(error)) or 'no further words'})"
    return Problem(call.endpoint, said, hint="Try `reconciler doctor` if this stays so")
