"""Where the service posts its notices (agora-api.md 7.1): who may post, how much, and what is answered.

What a notice means is not known here, and bodies are never logged: details in them may hold secrets.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Generic, Literal, TypeVar

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from reconciler.server.answers import answer, refusal
from reconciler.server.metrics import Metrics

LARGEST_BODY: Final = 64 * 1024  # bytes; a notice with a long list of files has a tenth of that
_MOST_DISCARDED: Final = 1024 * 1024  # bytes read of a body that is too large, so that its sender hears why
_CLOSE: Final = {"Connection": "close"}  # what else was sent is not read

N = TypeVar("N")
Failed = Callable[[str, Exception], None]  # where, and what


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A body that is signed, and no notice."""

    why: str


@dataclass(frozen=True, slots=True)
class Inbox(Generic[N]):
    """What is done with a body, in this order; each only if the one before it went well."""

    verify: Callable[[bytes, Mapping[str, str]], bool]
    read: Callable[[bytes], N | Unreadable]
    receive: Callable[[N], Awaitable[Literal["accepted", "duplicate"]]]  # written down when it returns


class Webhooks(Generic[N]):
    """Takes notices, or says why not. Without an inbox none are taken.

    The service resends what is not answered 200 in 10 s; after `patience` it is told to.
    """

    def __init__(
        self, inbox: Inbox[N] | None, metrics: Metrics, failed: Failed, patience: timedelta = timedelta(seconds=8)
    ) -> None:
        self._inbox = inbox
        self._metrics = metrics
        self._failed = failed
        self._patience = patience

    async def post(self, request: Request) -> Response:
        if self._inbox is None:
            return refusal("no webhooks are taken here: RECONCILER_WEBHOOK_SECRET is not set", 404, _CLOSE)
        deadline = asyncio.get_running_loop().time() + self._patience.total_seconds()
        try:
            async with asyncio.timeout_at(deadline):
                body = await _body(request)
        except ClientDisconnect:
            return self._unusable("the body ended early", 400)
        except TimeoutError:
            return self._unusable("the body did not arrive in time", 408)
        if body is None:
            return self._unusable(f"the body is larger than {LARGEST_BODY} bytes", 413)
        return await self._take(self._inbox, body, request.headers, deadline)

    async def _take(self, inbox: Inbox[N], body: bytes, headers: Mapping[str, str], deadline: float) -> Response:
        if not inbox.verify(body, headers):
            self._metrics.webhook("refused")
            return refusal("the signature is missing or wrong: it is not made with RECONCILER_WEBHOOK_SECRET", 401)
        notice = inbox.read(body)
        if isinstance(notice, Unreadable):
            return self._unusable(notice.why, 400)
        try:
            async with asyncio.timeout_at(deadline):
                outcome = await inbox.receive(notice)
        except Exception as error:  # noqa: BLE001 - whatever it was, the notice is not lost if it is sent again
            self._metrics.webhook("failed")
            self._failed("POST /webhooks/agora", error)
            return refusal("it could not be written down: send it again", 503)
        self._metrics.webhook(outcome)
        return answer({"received": True})

    def _unusable(self, why: str, status: int) -> Response:
        self._metrics.webhook("unusable")
        return refusal(why, status, _CLOSE)


async def _body(request: Request) -> bytes | None:
    """Read the raw body; None: it is too large. What a sender says of its length is not believed."""
    kept, arrived = bytearray(), 0
    async for chunk in request.stream():
        arrived += len(chunk)
        if arrived <= LARGEST_BODY:
            kept += chunk
        elif arrived > _MOST_DISCARDED:
            break
    return bytes(kept) if arrived <= LARGEST_BODY else None
