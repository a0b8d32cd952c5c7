"""The way out of notifications: who is told by the settings, and how a message is posted."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx
from structlog.typing import FilteringBoundLogger

from reconciler.agora.http import WayOut
from reconciler.agora.reading import tidy
from reconciler.errors import SettingsError
from reconciler.ledger.ledger import Ledger
from reconciler.model import Secret
from reconciler.notifier import Answered, Notifier, Post, Receiver, Reply, Unanswered, open_notifier
from reconciler.render.signing import signing_key
from reconciler.settings import Settings

_PATIENCE: Final = timedelta(seconds=10)  # for the whole answer
_LARGEST_ANSWER: Final = 64 * 2**10  # read to keep the connection; nobody looks at it


def time_of_day() -> datetime:
    """Tell the time as receivers have it, also after the machine slept or its clock was set right."""
    return datetime.now(UTC)


@asynccontextmanager
async def open_notifications(
    ledger: Ledger,
    set_name: str,
    settings: Settings,
    log: FilteringBoundLogger,
    *,
    clock: Callable[[], datetime] = time_of_day,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Notifier | None]:
    """Make the notifier that the settings ask for, if they do; what happens from now on is told.

    Raises:
        SettingsError: nothing can be sent to that address.
        LedgerError: the ledger cannot be used.
    """
    url, secret = settings.notify_url, settings.notify_secret
    if url is None:
        yield None
        return
    address = _address(url)
    if secret is None:
        log.warning(
            "notification.unsigned",
            receiver=address.host,
            hint="set RECONCILER_NOTIFY_SECRET, or the receiver cannot tell them from forged ones",
        )
    async with open_post(transport) as http:
        receiver = Receiver(address.host, posting(address, http), signing_key(secret) if secret else None)
        yield await open_notifier(ledger, set_name, receiver, retry_delays=settings.retry_delays, clock=clock, log=log)


def open_post(transport: httpx.AsyncBaseTransport | None = None) -> httpx.AsyncClient:
    """Open a client for receivers: their answers count as soon as they begin, so they are streamed."""
    way_out = transport or WayOut(httpx.AsyncHTTPTransport())
    return httpx.AsyncClient(transport=way_out, timeout=_PATIENCE.total_seconds())


def _address(url: Secret) -> httpx.URL:
    try:
        return httpx.URL(url.reveal())
    except httpx.InvalidURL:
        pass
    # Outside of the handler: what httpx raises holds the address.
    raise SettingsError("RECONCILER_NOTIFY_URL: must be an http:// or https:// address")


def posting(address: httpx.URL, http: httpx.AsyncClient) -> Post:
    """Make what posts to that address. Redirects are not followed: the signature is for this receiver only."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # below, it writes every address with all that is in it

    async def post(body: bytes, headers: Mapping[str, str]) -> Reply:
        reply: Reply | None = None
        try:
            async with (
                asyncio.timeout(_PATIENCE.total_seconds()),
                http.stream("POST", address, content=body, headers=dict(headers)) as response,
            ):
                reply = Answered(response.status_code, response.headers.get("Retry-After", ""))
                await _drain(response)
        except (httpx.HTTPError, TimeoutError) as error:
            return reply or Unanswered(_words(error))
        return reply

    return post


async def _drain(response: httpx.Response) -> None:
    length = 0
    async for chunk in response.aiter_raw():
        length += len(chunk)
        if length > _LARGEST_ANSWER:
            return


def _words(error: Exception) -> str:
    """Say what went wrong without the address."""
    if isinstance(error, httpx.TimeoutException | TimeoutError):
        return f"did not answer within {_PATIENCE.total_seconds():g} s"
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return f"cannot be reached: {tidy(str(error)) or type(error).__name__}"
    return f"the connection broke ({type(error).__name__})"
