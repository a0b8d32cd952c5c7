"""Delivers webhooks over HTTP, as the service does (§7.1)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import httpx

from reconciler.simulator.webhooks import Deliver

_PATIENCE: Final = 10.0  # real seconds: who answers does not live faster in a fast world


@asynccontextmanager
async def posting(url: str) -> AsyncIterator[Deliver]:
    """Give what posts to that URL. An answer without JSON counts as none, as the service has it."""
    async with httpx.AsyncClient(timeout=_PATIENCE, trust_env=False) as client:

        async def deliver(body: bytes, headers: Mapping[str, str]) -> int:
            try:
                answer = await client.post(url, content=body, headers=dict(headers))
                answer.json()
            except (httpx.HTTPError, ValueError):
                return 0
            return answer.status_code

        yield deliver
