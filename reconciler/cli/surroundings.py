"""What stands around a daemon: what it serves, whom it notifies, who supervises it. Wired here, and nothing else."""

import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from reconciler import __version__
from reconciler.agora.notices import Aside, Garbled, read_notice, verify
from reconciler.cli.applying import Outside
from reconciler.cli.keeping import Household
from reconciler.cli.notifying import open_notifications
from reconciler.cli.standing import readiness_of, snapshot_of
from reconciler.cli.terminal import Here
from reconciler.daemon import Outlets
from reconciler.evidence import Notice
from reconciler.ledger.ledger import Ledger
from reconciler.notifier import Delivery, Notifier
from reconciler.server.app import make_app
from reconciler.server.health import Pulse
from reconciler.server.metrics import Metrics
from reconciler.server.serving import Server
from reconciler.server.snapshot import Snapshot
from reconciler.server.supervisor import Supervisor
from reconciler.server.webhooks import Inbox, Unreadable
from reconciler.settings import Settings

# The longest silence of a loop that is still healthy; the source's own waits may be long.
_LIMITS: Mapping[str, timedelta] = {
    "listening": timedelta(seconds=30),
    "tending": timedelta(seconds=30),
    "turns": timedelta(minutes=3),  # while somebody waits for one
}

Loops = Mapping[str, Callable[[], Awaitable[None]]]


@dataclass(slots=True)
class Surroundings:
    """Everything that is told how the daemon goes."""

    settings: Settings
    outside: Outside
    ledger: Ledger
    pulse: Pulse
    metrics: Metrics
    supervisor: Supervisor
    notifier: Notifier | None
    told: Delivery = field(default_factory=Delivery)  # how far notifications were counted

    @property
    def outlets(self) -> Outlets:
        metrics = self.metrics
        return Outlets(
            beat=self.pulse.beat,
            took=lambda taken: metrics.turn(type(taken.action).__name__.lower(), taken.duration),
            restarted=metrics.restarted,
            failed=metrics.turn_failed,
            first_action=metrics.first_action,
            revision=metrics.revision,
            written=self.notifier.wake if self.notifier else lambda: None,
        )

    def loops(self, household: Household) -> Loops:
        """Say what runs beside the daemon's own loops.

        Raises:
            SettingsError: nobody can listen at RECONCILER_LISTEN.
        """
        app, (host, port) = self._app(household), self.settings.listen
        bound = [Server(app)]
        self.outside.log.info("server.listening", address=f"{host}:{bound[0].bind(host, port)}")

        async def serve() -> None:
            server = bound.pop() if bound else Server(app)
            if not server.is_bound:
                server.bind(host, port)  # the one before has broken off
            await server.serve()

        loops: dict[str, Callable[[], Awaitable[None]]] = {"server": serve}
        if self.notifier is not None:
            loops["notifier"] = self.notifier.run
        if self.supervisor.period is not None:
            loops["watchdog"] = lambda: self.supervisor.feed(self.pulse.healthy)
        return loops

    def _app(self, household: Household) -> "Callable[..., Awaitable[None]]":
        log = self.outside.log

        def failed(where: str, error: Exception) -> None:
            log.error("server.failed", where=where, error=f"{type(error).__name__}: {error}")

        async def ask() -> None:
            await self.ledger.standing(self.settings.set)

        return make_app(
            pulse=self.pulse,
            metrics=self.metrics,
            snapshot=lambda: self._snapshot(household),
            readiness=lambda: readiness_of(household),
            ledger=ask,
            inbox=self._inbox(household),
            failed=failed,
        )

    def _snapshot(self, household: Household) -> Snapshot:
        if self.notifier is not None:
            before, self.told = self.told, self.notifier.delivery
            for _ in range(self.told.delivered - before.delivered):
                self.metrics.notification("delivered")
            for _ in range(self.told.failed - before.failed):
                self.metrics.notification("failed")
        return snapshot_of(household)

    def _inbox(self, household: Household) -> Inbox[Notice | Aside] | None:
        secret = self.settings.webhook_secret
        if secret is None:
            return None

        def read(body: bytes) -> Notice | Aside | Unreadable:
            found = read_notice(body, self.outside.clock())
            return Unreadable(found.why) if isinstance(found, Garbled) else found

        async def receive(found: Notice | Aside) -> Literal["accepted", "duplicate"]:
            assert household.daemon is not None
            if isinstance(found, Aside):
                return "accepted"  # a test of the console, or about something else: nothing to keep
            return "accepted" if await household.daemon.receive(found) else "duplicate"

        return Inbox(lambda body, headers: verify(secret, body, headers), read, receive)

    def announce(self, what: Literal["ready", "reloading", "stopping"]) -> None:
        """Tell the supervisor."""
        match what:
            case "ready":
                for name, limit in _LIMITS.items():
                    self.pulse.register(name, limit)
                self.supervisor.ready()
            case "reloading":
                self.supervisor.reloading(time.clock_gettime(time.CLOCK_MONOTONIC))
            case "stopping":
                self.supervisor.stopping()


@asynccontextmanager
async def surroundings(here: Here, settings: Settings, ledger: Ledger, outside: Outside) -> AsyncIterator[Surroundings]:
    """Make what stands around a daemon; nothing of it runs before the daemon does."""
    async with open_notifications(ledger, settings.set, settings, outside.log) as notifier:
        yield Surroundings(
            settings=settings,
            outside=outside,
            ledger=ledger,
            pulse=Pulse(time.monotonic),
            metrics=Metrics(__version__),
            supervisor=Supervisor.named_by(here.environ, os.getpid()),
            notifier=notifier,
        )
