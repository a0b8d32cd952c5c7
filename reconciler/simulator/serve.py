"""The simulated service on 127.0.0.1, for people, for the demo and for tests over real sockets."""

import asyncio
import contextlib
import errno
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, NamedTuple

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from reconciler.server.serving import listen
from reconciler.simulator.app import DROP, make_app
from reconciler.simulator.exchange import Clock
from reconciler.simulator.faults import FaultPlan
from reconciler.simulator.options import Options
from reconciler.simulator.posting import posting
from reconciler.simulator.webhooks import DEFAULT_SECRET, Webhooks
from reconciler.simulator.world import World

HOST = "127.0.0.1"


class PortInUseError(OSError):
    """Somebody listens there already; the text is for people."""

    def __str__(self) -> str:
        return str(self.strerror)


class Destination(NamedTuple):
    """Where the world's webhooks go, and with which secret they are signed."""

    url: str
    secret: str = DEFAULT_SECRET


class Running(NamedTuple):
    """A simulator in the background."""

    url: str
    world: World


def scaled_clock(speed: float, clock: Clock = time.time) -> Clock:
    """Make a clock that begins at the present moment of `clock` and runs `speed` times as fast."""
    begin = clock()
    return lambda: begin + (clock() - begin) * speed


def serve(
    port: int,
    options: Options | None = None,
    faults: FaultPlan | None = None,
    speed: float = 1.0,
    *,
    on_ready: Callable[[str], None] | None = None,
    webhooks: Destination | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; `on_ready` hears the URL once calls are taken. Raises PortInUseError."""
    world = World(options or Options())
    with _listen(port) as listener:
        server = _server(world, faults or FaultPlan(), scaled_clock(speed), speed, webhooks)
        # Ctrl-C is the way to end a simulator, not a failure.
        with contextlib.suppress(KeyboardInterrupt):
            if on_ready is not None:
                on_ready(_url(listener))
            server.run(sockets=[listener])


@contextlib.contextmanager
def running_simulator(
    options: Options | None = None,
    faults: FaultPlan | None = None,
    *,
    clock: Clock | None = None,
    speed: float = 1.0,
    port: int = 0,
    webhooks: Destination | None = None,
) -> Iterator[Running]:
    """Serve in a background thread, on a free port unless one is named. Raises PortInUseError."""
    world = World(options or Options())
    with _listen(port) as listener:
        server = _server(world, faults or FaultPlan(), clock or scaled_clock(speed), speed, webhooks)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, name="simulator", daemon=True)
        # Calls made before the server is up wait in the socket's queue.
        thread.start()
        try:
            yield Running(_url(listener), world)
        finally:
            server.should_exit = True
            thread.join()


def _url(listener: socket.socket) -> str:
    return f"http://{HOST}:{listener.getsockname()[1]}"


def _listen(port: int) -> socket.socket:
    try:
        [listener] = listen([(socket.AF_INET, (HOST, port))])
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortInUseError(error.errno, f"port {port} of {HOST} is in use; choose another with --port") from None
        raise
    return listener


def _server(
    world: World, faults: FaultPlan, clock: Clock, speed: float, webhooks: Destination | None
) -> uvicorn.Server:
    @contextlib.asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        # On the loop of the server, for the world is used by one thread.
        assert webhooks is not None
        async with posting(webhooks.url) as deliver:
            sender = Webhooks(world, deliver, webhooks.secret, faults=faults, clock=clock, speed=speed)
            async with sender.sending():
                yield

    return uvicorn.Server(
        uvicorn.Config(
            make_app(world, faults, clock, speed, lifespan if webhooks else None),
            http=_Dropping,
            ws="none",
            loop="asyncio",
            lifespan="on" if webhooks else "off",
            log_config=None,
            log_level="critical",
            access_log=False,
            # A call that a fault keeps waiting must not keep the simulator from ending.
            timeout_graceful_shutdown=1,
        )
    )


class _Dropping(H11Protocol):
    """Lets the app drop its connection, which ASGI has no word for."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = self.app

        async def with_drop(scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("extensions", {})[DROP] = transport.abort
            await app(scope, receive, send)

        self.app = with_drop
