"""Everything a command that acts works with, put together: ledger, service, executor, controller."""

import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
from structlog.typing import FilteringBoundLogger

from reconciler.agora.client import Client, open_http
from reconciler.agora.pace import Pace
from reconciler.cli.accounts import Account
from reconciler.controller import Controller
from reconciler.executor.executor import Executor
from reconciler.executor.turns import Service
from reconciler.ledger.ledger import Ledger
from reconciler.planning.rules import Rules
from reconciler.reconcile import Reconciler
from reconciler.settings import Settings


def steady_clock() -> Callable[[], datetime]:
    """Make a clock that a change of the system's time cannot move: spans inside a process are monotonic (S20)."""
    began, ticks = datetime.now(UTC), time.monotonic()
    return lambda: began + timedelta(seconds=time.monotonic() - ticks)


@dataclass(frozen=True, slots=True)
class Workshop:
    """The rooms of one process, wired."""

    ledger: Ledger
    rules: Rules
    clock: Callable[[], datetime]
    services: Mapping[str, Service]  # by App ID
    controller: Controller


@asynccontextmanager
async def open_workshop(
    ledger: Ledger,
    accounts: Mapping[str, Account],
    settings: Settings,
    *,
    rules: Rules,
    clock: Callable[[], datetime],
    log: FilteringBoundLogger,
    transport: httpx.AsyncBaseTransport | None = None,
) -> AsyncIterator[Workshop]:
    """Wire ledger and service for these accounts, by App ID; connections are closed at the end."""
    pace = Pace(lambda app_id: ledger.draw(app_id, accounts[app_id].qps), ledger.throttled)
    async with open_http(settings.http_timeout, transport) as http:
        services = {
            account.app_id: Service(
                Client(
                    account.app_id,
                    account.customer_id,
                    account.customer_secret,
                    account.urls,
                    http,
                    pace,
                    clock,
                    settings.query_method,
                ),
                account.max_recorders,
            )
            for account in accounts.values()
        }
        reconciler = Reconciler(ledger, Executor(ledger, services, clock), clock, lambda _: rules, log)
        yield Workshop(ledger, rules, clock, services, Controller(reconciler, pace, clock, lambda _: rules))
