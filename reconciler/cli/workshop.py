"""Everything a command that acts works with, put together: ledger, service, executor, controller."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
from structlog.typing import FilteringBoundLogger

from reconciler.agora.client import Client
from reconciler.agora.http import Http, open_http
from reconciler.agora.pace import Pace
from reconciler.cli.accounts import Account
from reconciler.controller import Controller
from reconciler.executor.executor import Executor
from reconciler.executor.turns import Service
from reconciler.ledger.ledger import Ledger
from reconciler.reconcile import Reconciler, RulesOf
from reconciler.settings import Settings


def steady_clock() -> Callable[[], datetime]:
    """Make a clock that a change of the system's time cannot move: spans inside a process are monotonic (S20)."""
    began, ticks = datetime.now(UTC), time.monotonic()
    return lambda: began + timedelta(seconds=time.monotonic() - ticks)


@dataclass(frozen=True, slots=True)
class Workshop:
    """The rooms of one process, wired."""

    ledger: Ledger
    settings: Settings
    clock: Callable[[], datetime]
    http: Http
    pace: Pace
    accounts: dict[str, Account]  # by App ID
    services: dict[str, Service]  # by App ID
    reconciler: Reconciler
    controller: Controller
    heard: Callable[[str, str, timedelta, int | None], None] | None = None  # App ID first; see agora.exchange.Heard

    def admit(self, account: Account) -> bool:
        """Have a client for this account; tells whether it is new or another than before."""
        app_id = account.app_id
        if self.accounts.get(app_id) == account and app_id in self.services:
            return False
        self.accounts[app_id] = account
        client = Client(
            app_id,
            account.customer_id,
            account.customer_secret,
            account.urls,
            self.http,
            self.pace,
            self.clock,
            self.settings.query_method,
        )
        if self.heard:
            client.let_hear(partial(self.heard, app_id))
        self.services[app_id] = Service(client, account.max_recorders)
        self.controller.gates.forget(frozenset({app_id}))
        return True


@asynccontextmanager
async def open_workshop(
    ledger: Ledger,
    settings: Settings,
    *,
    rules_of: RulesOf,
    clock: Callable[[], datetime],
    log: FilteringBoundLogger,
    transport: httpx.AsyncBaseTransport | None = None,
    heard: Callable[[str, str, timedelta, int | None], None] | None = None,
) -> AsyncIterator[Workshop]:
    """Wire ledger and service; accounts are admitted afterwards. Connections are closed at the end."""
    accounts: dict[str, Account] = {}
    services: dict[str, Service] = {}
    pace = Pace(lambda app_id, most: ledger.draw(app_id, accounts[app_id].qps, most), ledger.throttled)
    async with open_http(settings.http_timeout, transport) as http:
        reconciler = Reconciler(ledger, Executor(ledger, services, clock), clock, rules_of, log)
        controller = Controller(reconciler, pace, clock, rules_of)
        yield Workshop(ledger, settings, clock, http, pace, accounts, services, reconciler, controller, heard)
