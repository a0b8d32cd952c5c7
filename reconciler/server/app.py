"""Which path is answered with what."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from http import HTTPStatus
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.errors import LedgerError
from reconciler.server.answers import NO_STORE, answer, refusal
from reconciler.server.health import Pulse
from reconciler.server.metrics import CONTENT_TYPE, Metrics
from reconciler.server.readiness import Readiness, document, is_ready
from reconciler.server.snapshot import Snapshot
from reconciler.server.webhooks import Failed, Inbox, Webhooks

LEDGER_PATIENCE: Final = timedelta(seconds=5)


def make_app(
    *,
    pulse: Pulse,
    metrics: Metrics,
    snapshot: Callable[[], Snapshot],
    readiness: Callable[[], Readiness],
    ledger: Callable[[], Awaitable[object]],
    inbox: Inbox[Any] | None,
    failed: Failed,
) -> Starlette:
    """Make what is served.

    `ledger` asks the ledger anything, and raises LedgerError. Without an inbox no webhooks are taken. `failed` hears of
    every failure that is ours, with the place; it is answered 500 or 503, without a word of it.
    """
    probes = _Probes(pulse, metrics, snapshot, readiness, ledger)

    async def broken(request: Request, error: Exception) -> Response:
        failed(f"{request.method} {request.url.path}", error)
        return refusal("this failed here; the log says why", 500)

    app = Starlette(
        routes=[
            Route("/healthz", probes.health),
            Route("/readyz", probes.readiness),
            Route("/metrics", probes.metrics),
            Route("/webhooks/agora", Webhooks(inbox, metrics, failed).post, methods=["POST"]),
        ],
        exception_handlers={HTTPException: _refused, Exception: broken},
    )
    app.router.redirect_slashes = False
    return app


class _Probes:
    """What is asked by machines that watch over the daemon."""

    def __init__(
        self,
        pulse: Pulse,
        metrics: Metrics,
        snapshot: Callable[[], Snapshot],
        readiness: Callable[[], Readiness],
        ledger: Callable[[], Awaitable[object]],
    ) -> None:
        self._pulse = pulse
        self._metrics = metrics
        self._snapshot = snapshot
        self._readiness = readiness
        self._ledger = ledger

    async def health(self, _: Request) -> Response:
        loops = self._pulse.loops()
        stuck = [name for name, progress in loops.items() if progress.is_stuck]
        ages = {
            name: {"age": round(progress.age.total_seconds(), 1), "limit": progress.limit.total_seconds()}
            for name, progress in loops.items()
        }
        if stuck:
            return answer({"status": "stuck", "stuck": stuck, "loops": ages}, 503)
        return answer({"status": "ok", "loops": ages})

    async def readiness(self, _: Request) -> Response:
        trouble = await self._trouble_of_the_ledger()
        readiness = self._readiness()
        return answer(document(readiness, trouble), 200 if is_ready(readiness, trouble) else 503)

    async def metrics(self, _: Request) -> Response:
        return Response(self._metrics.text(self._snapshot()), headers={**NO_STORE, "Content-Type": CONTENT_TYPE})

    async def _trouble_of_the_ledger(self) -> str:
        try:
            async with asyncio.timeout(LEDGER_PATIENCE.total_seconds()):
                await self._ledger()
        except LedgerError as error:
            return str(error)
        except TimeoutError:
            return f"no answer within {LEDGER_PATIENCE.total_seconds():.0f} s"
        return ""


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    words = {
        HTTPStatus.NOT_FOUND: "nothing is served here; try /healthz, /readyz or /metrics",
        HTTPStatus.METHOD_NOT_ALLOWED: "this path does not take that method",
    }
    return refusal(words.get(HTTPStatus(error.status_code), error.detail), error.status_code, error.headers)
