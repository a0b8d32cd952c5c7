"""One client's connection, which is not waited for longer than the patience."""

import asyncio
from datetime import timedelta

from uvicorn.protocols.http.h11_impl import H11Protocol


def patient(patience: timedelta, most: int) -> type[H11Protocol]:
    """Make the protocol of a server that has at most so many connections."""

    class Connection(_Connection):
        _patience = patience.total_seconds()
        _most = most

    return Connection


class _Connection(H11Protocol):
    """Gives a client so long to send a request, wait for its answer and take that. uvicorn itself waits for ever."""

    _patience: float
    _most: int
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()
        # Answers need descriptors, which the calls to the service need, too.
        if len(self.connections) > self._most:
            transport.abort()

    def data_received(self, data: bytes) -> None:
        self._expect()
        super().data_received(data)

    def on_response_complete(self) -> None:
        if not self.transport.get_write_buffer_size():
            self._expect_nothing()
        super().on_response_complete()
        if not self.cycle.response_complete:
            self._expect()  # the next request had arrived already

    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        super().connection_lost(exc)

    def _expect(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._patience, self.transport.abort)

    def _expect_nothing(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
