"""One HTTP exchange: a call out, its answer in, and what went wrong on the way. Reads no meaning into answers."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, TypeAlias

import httpx

from reconciler.agora.hints import Endpoint
from reconciler.agora.http import Http
from reconciler.agora.pace import Rank
from reconciler.agora.reading import HttpAnswer, tidy
from reconciler.agora.transport import LARGEST_ANSWER
from reconciler.errors import OutcomeUnknownError, Problem, RejectedError, TransientError

Method: TypeAlias = Literal["GET", "POST"]

_CERTAINLY_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_HARMLESS: frozenset[Endpoint] = frozenset({"acquire", "query", "channels", "users"})
# Fields of bodies that hold secrets: should an answer echo one, it is masked.
_SECRET_FIELDS = frozenset({"token", "accessKey", "secretKey", "stsToken", "secret", "salt", "rtmpUrl", "url"})


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

    http: Http
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
                return self.http.request(method, host + call.path, headers)
            headers["Content-Type"] = "application/json;charset=utf-8"
            body = {} if call.body is None else call.body
            content = json.dumps(body, separators=(",", ":"), allow_nan=False).encode()
            return self.http.request(method, host + call.path, headers, content)
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
            # An answer that drips in must not hold its caller for ever.
            async with asyncio.timeout(2 * self.http.timeout):
                answer = await self._round_trip(request, call, began)
        except _CERTAINLY_UNSENT as error:
            problem, harmless = _lost(call, host, error), True
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:  # the second: of a redirect to nowhere
            problem, harmless = _lost(call, host, error), call.endpoint in _HARMLESS
        else:
            self.heard(call.endpoint, self.clock() - began, answer.status)
            return answer
        self.heard(call.endpoint, self.clock() - began, None)
        # Outside of the handlers: what httpx raises knows the request, and with it the credentials.
        raise TransientError(problem) if harmless else OutcomeUnknownError(problem)

    async def _round_trip(self, request: httpx.Request, call: Call, sent_at: datetime) -> HttpAnswer:
        response = await self.http.send(request)
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
            sent_at=sent_at,
        )


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
