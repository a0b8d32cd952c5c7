"""How a notification leaves: over real sockets, to the receiver of the settings and to nobody else."""

import base64
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from reconciler.cli.notifying import open_notifications, open_post, posting, time_of_day
from reconciler.errors import SettingsError
from reconciler.ledger import open_ledger
from reconciler.notifier import Answered, Reply, Unanswered
from reconciler.settings import load_settings
from tests.ledger.pages import now

TOKEN = "path-token-5c1d"
HEADERS = {"Content-Type": "application/cloudevents+json; charset=utf-8", "webhook-id": "7-a"}


class Listener(ThreadingHTTPServer):
    """Answers everything with one status and notes what came, and over how many connections."""

    daemon_threads = True

    def __init__(self, status: int, headers: dict[str, str]) -> None:
        self.status = status
        self.headers = headers
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def get_request(self) -> tuple[socket.socket, Any]:
        self.connections += 1
        return super().get_request()


class Handler(BaseHTTPRequestHandler):
    server: Listener
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.requests.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        for name, value in {"Content-Length": "6", **self.server.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(b"thanks")

    def log_message(self, *args: object) -> None: ...


@contextmanager
def listening(status: int = 200, **headers: str) -> Iterator[Listener]:
    with Listener(status, {name.replace("_", "-"): value for name, value in headers.items()}) as listener:
        thread = threading.Thread(target=listener.serve_forever)
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            thread.join()


async def post(url: str, times: int = 1) -> list[Reply]:
    async with open_post() as http:
        send = posting(httpx.URL(url), http)
        return [await send(b'{"n": 1}', HEADERS) for _ in range(times)]


async def test_what_is_sent_arrives_as_it_is_and_connections_are_kept() -> None:
    with listening() as listener:
        assert await post(f"{listener.url}/in/{TOKEN}?q=1", times=3) == [Answered(200)] * 3
        assert listener.connections == 1
    path, headers, body = listener.requests[0]
    assert (path, body) == (f"/in/{TOKEN}?q=1", b'{"n": 1}')
    assert {name: headers[name] for name in HEADERS} == HEADERS


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with listening() as elsewhere, listening(307, Location=f"{elsewhere.url}/x", Retry_After="7") as listener:
        assert await post(listener.url) == [Answered(307, "7")]
        assert (len(listener.requests), elsewhere.requests) == (1, [])


async def test_an_answer_counts_whatever_becomes_of_its_body() -> None:
    with listening(202, Content_Length="100", Connection="close") as listener:
        assert await post(listener.url) == [Answered(202)]


async def test_a_name_and_password_in_the_address_are_used() -> None:
    with listening() as listener:
        await post(listener.url.replace("//", "//me:geheim@"))
    assert listener.requests[0][1]["Authorization"] == f"Basic {base64.b64encode(b'me:geheim').decode()}"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://a..b/", "https://nobody.invalid/"])
async def test_nobody_there_is_no_answer_and_no_exception(url: str) -> None:
    [reply] = await post(url + TOKEN)
    assert isinstance(reply, Unanswered)
    assert TOKEN not in reply.problem


async def test_the_http_library_does_not_log_the_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with listening() as listener:
        await post(f"{listener.url}/{TOKEN}")
    assert caplog.records
    assert TOKEN not in caplog.text


async def test_an_address_nothing_can_be_sent_to_is_refused_without_repeating_it(tmp_path: Path) -> None:
    url = f"https://example.com/{TOKEN}{'x' * 70_000}"
    settings = load_settings({"RECONCILER_NOTIFY_URL": url}, tmp_path)
    log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[])
    ledger = await open_ledger(tmp_path / "ledger.db", service="agora", now=now)
    try:
        with pytest.raises(SettingsError, match=r"^RECONCILER_NOTIFY_URL: must be") as refused:
            async with open_notifications(ledger, "default", settings, log):
                pass
    finally:
        await ledger.close()
    assert TOKEN not in f"{refused.value!r} {refused.value.__context__!r}"


def test_signatures_are_dated_by_the_time_of_day() -> None:
    assert abs(time_of_day().timestamp() - time.time()) < 1
