"""A served app with small real parts, in process or on a socket, and ways to read what it answers."""

import asyncio
import hashlib
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

import httpx
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from reconciler.planning.standing import Standing
from reconciler.server.app import make_app
from reconciler.server.health import Pulse
from reconciler.server.metrics import Metrics
from reconciler.server.readiness import Readiness
from reconciler.server.serving import Limits, Server
from reconciler.server.snapshot import Snapshot
from reconciler.server.webhooks import Inbox, Unreadable

AT = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
ACCEPTED = Standing("./manifests", "5d41402a", "sha256:5d41402a", AT - timedelta(hours=1))
LIMITS = Limits()
SECRET = b"secret"
NOTICE = b'{"eventType":10,"noticeId":"one"}'


def signed(body: bytes = NOTICE, secret: bytes = SECRET) -> dict[str, str]:
    return {"Agora-Signature-V2": hmac.new(secret, body, hashlib.sha256).hexdigest()}


def verify(body: bytes, headers: Mapping[str, str]) -> bool:
    return hmac.compare_digest(headers.get("agora-signature-v2", ""), signed(body)["Agora-Signature-V2"])


def read(body: bytes) -> str | Unreadable:
    return body.decode() if body.startswith(b"{") else Unreadable("not a JSON object")


@dataclass(slots=True)
class Daemon:
    """What stands behind the app; tests change it."""

    seconds: float = 0.0
    readiness: Readiness = field(default_factory=lambda: Readiness(ACCEPTED))
    snapshot: Callable[[], Snapshot] = lambda: Snapshot(AT, ACCEPTED)
    metrics: Metrics = field(default_factory=lambda: Metrics("1.2.3"))
    has_inbox: bool = True
    asked: Callable[[], Awaitable[object]] | None = None  # what the ledger does when it is asked
    write_problem: Exception | None = None
    write_hangs: bool = False
    notices: list[str] = field(default_factory=list)
    failures: list[tuple[str, Exception]] = field(default_factory=list)
    pulse: Pulse = field(init=False)

    def __post_init__(self) -> None:
        self.pulse = Pulse(lambda: self.seconds)

    def app(self) -> Starlette:
        return make_app(
            pulse=self.pulse,
            metrics=self.metrics,
            snapshot=self.snapshot,
            readiness=lambda: self.readiness,
            ledger=self.asked or self.ask,
            inbox=Inbox(verify, read, self.receive) if self.has_inbox else None,
            failed=lambda where, error: self.failures.append((where, error)),
        )

    async def ask(self) -> None:
        """Do as a ledger that is well."""

    async def receive(self, notice: str) -> Literal["accepted", "duplicate"]:
        if self.write_hangs:
            await asyncio.sleep(3600)
        if self.write_problem:
            raise self.write_problem
        known = notice in self.notices
        self.notices.append(notice)
        return "duplicate" if known else "accepted"

    def counted(self) -> dict[str, float]:
        return samples(self.metrics.text(self.snapshot()).decode())

    def arrived(self, outcome: str) -> float:
        return self.counted()[f'reconciler_webhooks_total{{outcome="{outcome}"}}']


def failing(problem: Exception) -> Callable[[], Awaitable[object]]:
    """Make a ledger that fails."""

    async def ask() -> None:
        raise problem

    return ask


@asynccontextmanager
async def in_process(daemon: Daemon) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(daemon.app(), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://daemon") as client:
        yield client


@dataclass(frozen=True, slots=True)
class Served:
    server: Server
    port: int
    running: "asyncio.Task[None]"
    client: httpx.AsyncClient

    async def end(self) -> float:
        """Stop, and tell how long that took."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.server.stop()
        await self.running
        return loop.time() - began


@asynccontextmanager
async def served(daemon: Daemon, limits: Limits = LIMITS) -> AsyncIterator[Served]:
    """Serve on a free port of this machine."""
    server = Server(daemon.app(), limits)
    port = server.bind("127.0.0.1", 0)
    running = asyncio.create_task(server.serve())
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as client:
            yield Served(server, port, running, client)
    finally:
        server.stop()
        await asyncio.gather(running, return_exceptions=True)


def samples(text: str) -> dict[str, float]:
    """Read an exposition as its own parser does: a line's name and labels → its value."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            name = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert name not in found
            found[name] = sample.value
    return found
