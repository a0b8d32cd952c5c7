"""Real processes: a simulated service on a socket, a folder, a ledger, and `reconciler run` in charge of them."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, TypeVar

import httpx

from reconciler.simulator.faults import FaultPlan, parse_fault
from reconciler.simulator.options import Options
from reconciler.simulator.serve import Destination, running_simulator
from tests.cli.acting import QUICK, Answer
from tests.world.stage import APP_ID

PATIENCE = 30.0  # seconds until a test that waits for what never comes gives up
PORTS = range(20_000, 30_000)  # below those that a system gives to callers, so that nobody takes one meanwhile
WEBHOOK_SECRET = "webhook-secret-00d4"
CHANGING = ("acquire", "start", "update", "updateLayout", "stop")

T = TypeVar("T")


def until(found: Callable[[], T], what: str | Callable[[], str], patience: float = PATIENCE) -> T:
    """Look again and again until something true is found; else say what should have been."""
    end = time.monotonic() + patience
    while not (value := found()):
        assert time.monotonic() < end, what if isinstance(what, str) else what()
        time.sleep(0.02)
    return value


def free_port() -> int:
    for number in PORTS[os.getpid() * 7 % 9_000 :]:
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", number))
            except OSError:
                continue
            return number
    raise AssertionError("no port is free")


@dataclass(slots=True)
class Daemon:
    """One process of `reconciler run`, and what it has written."""

    process: subprocess.Popen[bytes]
    log: Path

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Give the lines of the log that say so."""
        text = self.log.read_text("utf-8")
        written = [json.loads(line) for line in text.splitlines(keepends=True) if line[:1] == "{" and line[-1] == "\n"]
        return [line for line in written if line["event"] == event]

    def said(self, event: str, count: int = 1) -> dict[str, Any]:
        """Wait for a line of the log."""

        def found() -> list[dict[str, Any]]:
            lines = self.lines(event)
            assert len(lines) >= count or self.process.poll() is None, self.log.read_text("utf-8")
            return lines[count - 1 :]

        return until(found, f"{event} was not logged")[0]

    def ready(self) -> "Daemon":
        self.said("daemon.started")
        return self

    @property
    def url(self) -> str:
        return f"http://{self.said('server.listening')['address']}"

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=PATIENCE)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ends(self, patience: float = PATIENCE) -> int:
        return self.process.wait(patience)

    def end(self) -> int:
        """End it as a supervisor would."""
        self.signal(signal.SIGTERM)
        return self.ends()


class Receiver(ThreadingHTTPServer):
    """Takes notifications."""

    daemon_threads = True

    def __init__(self) -> None:
        self.documents: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Taking)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/in"

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [one for one in self.documents if one["type"].endswith(kind)]


class _Taking(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.documents.append(json.loads(body))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def receiver() -> Iterator[Receiver]:
    with Receiver() as made:
        serving = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield made
        finally:
            made.shutdown()
            serving.join()


@dataclass(slots=True)
class Estate:
    """A folder of manifests, a ledger, a service, and processes that work on them."""

    folder: Path
    service: str
    faults: FaultPlan
    environ: dict[str, str]
    daemons: list[Daemon] = field(default_factory=list)

    # -- manifests

    @property
    def manifests(self) -> Path:
        return self.folder / "manifests"

    def write(self, name: str, text: str) -> None:
        """Save a file as editors do that write another one and rename it over."""
        beside = self.manifests / f".{name}.swp"
        beside.write_text(text, encoding="utf-8")
        beside.replace(self.manifests / f"{name}.yaml")

    def remove(self, name: str) -> None:
        (self.manifests / f"{name}.yaml").unlink()

    # -- processes

    @contextmanager
    def run(self, *argv: str, **environ: str) -> Iterator[Daemon]:
        """Have a daemon; it is killed if it is still there at the end."""
        log = self.folder / f"daemon-{len(self.daemons)}.log"
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "reconciler", "run", *argv],
                cwd=self.folder,
                env=self._around(environ),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
            )
        daemon = Daemon(process, log)
        self.daemons.append(daemon)
        try:
            yield daemon
        finally:
            process.kill()
            process.wait()

    def command(self, *argv: str, **environ: str) -> Answer:
        """Run another command, as a process of its own."""
        ended = subprocess.run(
            [sys.executable, "-m", "reconciler", *argv],
            cwd=self.folder,
            env=self._around(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE * 2,
            check=False,
        )
        return Answer(ended.returncode, ended.stdout, ended.stderr)

    def _around(self, changes: Mapping[str, str]) -> dict[str, str]:
        return {**self.environ, **changes, "PATH": os.environ["PATH"], "HOME": str(self.folder), "USER": "tester"}

    def entries(self) -> dict[str, dict[str, Any]]:
        """Say what the ledger knows, by name."""
        answer = self.command("get", "-o", "json")
        assert answer.code == 0, answer.err
        return {one["name"]: one for one in answer.json}

    # -- the service

    def fault(self, line: str) -> None:
        self.faults.add(parse_fault(line))

    def _world(self, what: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self.service}/_world/{what}", trust_env=False, timeout=30).json()
        return found

    def recorders(self) -> list[dict[str, Any]]:
        """Give every recorder that ever was."""
        return self._world("recorders")

    def live(self, channel: str | None = None) -> list[dict[str, Any]]:
        return [one for one in self.recorders() if one["live"] and channel in (None, one["channel"])]

    def recorded(self) -> list[str]:
        """Name the channels that are recorded, once for each recorder."""
        return sorted(one["channel"] for one in self.live())

    def calls(self, *endpoints: str, channel: str | None = None) -> list[dict[str, Any]]:
        wanted = endpoints or CHANGING
        return [one for one in self._world("calls") if one["endpoint"] in wanted and channel in (None, one["channel"])]

    def notices(self) -> list[dict[str, Any]]:
        return self._world("notices")

    def play(self, act: str, **said: Any) -> None:
        httpx.post(f"{self.service}/_world/{act}", json=said, trust_env=False).raise_for_status()

    def follows(self, *channels: str) -> None:
        """Wait until exactly these are recorded, each by one recorder."""
        wanted = sorted(channels)
        until(lambda: self.recorded() == wanted, f"{wanted} should be recorded")

    def settled(self, *names: str) -> dict[str, dict[str, Any]]:
        """Wait until the ledger calls these recorded; give what it says then."""

        def found() -> dict[str, dict[str, Any]]:
            known = self.entries()
            return known if all(known.get(name, {}).get("phase") == "Recording" for name in names) else {}

        return until(found, lambda: f"{names} should be confirmed: {json.dumps(self.entries(), indent=1)}")


@contextmanager
def estate(folder: Path, *, port: int = 0, hears: bool = False, **options: Any) -> Iterator[Estate]:
    """Serve a quick simulator, and keep it from an empty folder; `hears`: webhooks are sent to that port."""
    faults = FaultPlan()
    webhooks = Destination(f"http://127.0.0.1:{port}/webhooks/agora", WEBHOOK_SECRET) if hears else None
    with running_simulator(Options(**{**QUICK, **options}), faults, webhooks=webhooks) as running:
        made = Estate(
            folder,
            running.url,
            faults,
            {
                "RECONCILER_API_URL": running.url,
                "RECONCILER_APP_ID": APP_ID,
                "RECONCILER_CUSTOMER_ID": "id-41d0",
                "RECONCILER_CUSTOMER_SECRET": "customer-secret-9f3a",
                "RECONCILER_WEBHOOK_SECRET": WEBHOOK_SECRET,
                "RECONCILER_STATE": f"sqlite:///{folder}/ledger.db",
                "RECONCILER_LISTEN": f"127.0.0.1:{port}",
                "RECONCILER_QPS": "1000",
                "RECONCILER_CONFIRM_DELAY": "0.05",
                "RECONCILER_CONFIRM_TIMEOUT": "10",
                "RECONCILER_RETRY_DELAYS": "0.2,0.2,0.2",
                "RECONCILER_POLL_INTERVAL": "1",
                "RECONCILER_MISSING_GRACE": "0.6",
                "RECONCILER_BACKOFF_BASE": "0.3",
                "RECONCILER_LOG_FORMAT": "json",
                "ACCESS_KEY": "access-key-77c1",
                "SECRET_KEY": "secret-key-b20e",
            },
        )
        made.manifests.mkdir()
        yield made
