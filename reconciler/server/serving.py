"""Serves an app in a loop that has other things to do."""

import asyncio
import contextlib
import errno
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

import uvicorn
from starlette.types import ASGIApp

from reconciler.errors import SettingsError
from reconciler.server.connections import patient

FamilyAddress: TypeAlias = tuple[socket.AddressFamily, tuple[str, int]]

_WORDS = {
    errno.EADDRINUSE: "another process listens there; end it, or name another port",
    errno.EACCES: "the system does not let this user listen there; ports from 1024 on are for everybody",
    errno.EADDRNOTAVAIL: "this machine has no such address; 0.0.0.0 stands for every one it has",
}
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


@dataclass(frozen=True, slots=True)
class Limits:
    """What clients may cost."""

    patience: timedelta = timedelta(seconds=20)  # to send a request, wait for the answer and take it
    idle: timedelta = timedelta(seconds=30)  # between two requests; the service asks for 10 s at least
    farewell: timedelta = timedelta(seconds=1)  # for requests in hand when the server stops
    connections: int = 128  # with more, requests are answered 503; twice as many are dropped
    header: int = 16 * 1024  # bytes


class Server:
    """Serves one app on one address, until it is told to stop."""

    def __init__(self, app: ASGIApp, limits: Limits = Limits()) -> None:
        self._listeners: list[socket.socket] = []
        self._server = _Quiet(_config(app, limits))

    @property
    def is_bound(self) -> bool:
        return bool(self._listeners)

    def bind(self, host: str, port: int) -> int:
        """Listen, and tell the port: 0 takes a free one. Clients wait until `serve`.

        Raises:
            SettingsError: nobody can listen there.
        """
        try:
            self._listeners = listen(addresses_of(host, port))
        except OSError as error:
            words = _WORDS.get(error.errno or 0) or error.strerror or str(error)
            raise SettingsError(f"RECONCILER_LISTEN: {_address(host, port)}: {words}") from None
        number: int = self._listeners[0].getsockname()[1]
        return number

    async def serve(self) -> None:
        """Answer until `stop`, or until cancelled; requests in hand are then finished, within two seconds."""
        assert self._listeners, "who serves has bound"
        running = asyncio.ensure_future(self._server.serve(self._listeners))
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            self.stop()
            await running
            raise
        finally:
            self._drop_all()

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.told.set()

    def close(self) -> None:
        """Listen no more; for who has bound and does not serve after all."""
        for listener in self._listeners:
            listener.close()

    def _drop_all(self) -> None:
        # Clients that do not take their answers would be waited for.
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()


class _Quiet(uvicorn.Server):
    """uvicorn for a process that has other things to do."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.told = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave SIGTERM and SIGINT to the daemon, which stops the server by itself."""
        yield

    async def main_loop(self) -> None:
        """Set the date of answers as each second begins, and end when told; uvicorn's own wakes ten times as often."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1 - time.time() % 1):
                    await self.told.wait()


def _config(app: ASGIApp, limits: Limits) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=patient(limits.patience, 2 * limits.connections),
        ws="none",
        lifespan="off",
        interface="asgi3",
        workers=1,
        # What a client says of where it comes from is not believed, and no variable is read.
        proxy_headers=False,
        forwarded_allow_ips=[],
        server_header=False,
        # Nothing is printed: the app tells of its failures itself.
        log_config=None,
        log_level="critical",
        access_log=False,
        limit_concurrency=limits.connections,
        h11_max_incomplete_event_size=limits.header,
        # asyncio takes fractions, whatever uvicorn's types say.
        timeout_keep_alive=limits.idle.total_seconds(),  # type: ignore[arg-type]
        timeout_graceful_shutdown=limits.farewell.total_seconds(),  # type: ignore[arg-type]
    )


def listen(addresses: Iterable[FamilyAddress]) -> list[socket.socket]:
    """Listen on every address that this machine has, of several with port 0 on the first. Raises OSError."""
    listeners: list[socket.socket] = []
    problem: OSError | None = None
    with contextlib.ExitStack() as opened:
        for family, address in addresses:
            try:
                listener = opened.enter_context(socket.create_server(address, family=family))
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                problem = error
            else:
                # asyncio does so only where a socket's protocol was named; without it each answer waits for 40 ms.
                listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                listeners.append(listener)
                if not address[1]:
                    break  # another address would get another port
        if problem and not listeners:
            raise problem
        opened.pop_all()
    return listeners


def addresses_of(host: str, port: int) -> list[FamilyAddress]:
    """Look a host's name up. Raises OSError: gaierror where nobody knows it."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except UnicodeError:
        raise OSError(errno.EINVAL, "the host's name cannot be read") from None
    return list(dict.fromkeys((family, (str(at[0]), int(at[1]))) for family, _, _, _, at in found))


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
