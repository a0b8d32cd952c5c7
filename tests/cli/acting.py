"""A folder of manifests, a ledger and a simulator on a real socket, and ways to run commands against them."""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, chdir, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.root import run
from reconciler.ledger import Ledger, open_ledger
from reconciler.ledger.standings import Declaration
from reconciler.planning.standing import Standing
from reconciler.simulator.faults import FaultPlan, parse_fault
from reconciler.simulator.options import Options
from reconciler.simulator.recorder import Recorder
from reconciler.simulator.routes import CHANGING
from reconciler.simulator.serve import running_simulator
from reconciler.simulator.world import Call, World
from tests.world.stage import APP_ID, recording

PATIENCE = 30.0  # seconds until a test that waits for what never comes gives up

# Nothing here waits for what only a real service needs: joining, uploading, leaving.
QUICK: dict[str, Any] = {
    "rate": 0.0,
    "status_after": (0.0, 0.0, 0.0),
    "upload_seconds": 0.0,
    "exit_seconds": 0.0,
    "conflict_after_stop": 0.0,
}


def app(name: str, spec: str) -> str:
    """Write the manifest of an App; `spec` is what stands between the braces."""
    return f"apiVersion: recordings.reconciler/v1\nkind: App\nmetadata: {{name: {name}}}\nspec: {{{spec}}}\n"


class Heard(list[Call]):
    """The calls of a world, for who waits for one."""

    def __init__(self) -> None:
        super().__init__()
        self._more = threading.Condition()

    def append(self, call: Call) -> None:
        with self._more:
            super().append(call)
            self._more.notify_all()

    def wait_for(self, endpoint: str, count: int = 1) -> None:
        """Wait until so many of these calls have been processed."""
        with self._more:
            arrived = self._more.wait_for(lambda: sum(call.endpoint == endpoint for call in self) >= count, PATIENCE)
        assert arrived, f"{endpoint} was never called"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command has left behind."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Place:
    """Where commands are run: in this process as a pipe would, or as processes of their own."""

    def __init__(self, folder: Path, url: str, world: World, faults: FaultPlan, capfd: pytest.CaptureFixture[str]):
        self.folder = folder
        self.world = world
        self.calls = Heard()
        self.world.calls = self.calls
        self._faults = faults
        self._capfd = capfd
        self.environ = {
            "RECONCILER_API_URL": url,
            "RECONCILER_APP_ID": APP_ID,
            "RECONCILER_CUSTOMER_ID": "id-41d0",
            "RECONCILER_CUSTOMER_SECRET": "customer-secret-9f3a",
            "RECONCILER_STATE": f"sqlite:///{folder}/ledger.db",
            "RECONCILER_QPS": "1000",
            "RECONCILER_CONFIRM_DELAY": "0.02",
            "RECONCILER_RETRY_DELAYS": "0.05,0.05,0.05",
            "RECONCILER_MISSING_GRACE": "0.2",
            "ACCESS_KEY": "access-key-77c1",
            "SECRET_KEY": "secret-key-b20e",
        }

    # -- what is declared

    def write(self, *manifests: str, file: str = "manifests/set.yaml") -> None:
        """Make these the whole content of one file; none leaves its folder empty."""
        path = self.folder / file
        path.parent.mkdir(exist_ok=True)
        if manifests:
            path.write_text("---\n".join(manifests), encoding="utf-8")
        else:
            path.unlink()

    def fault(self, *lines: str) -> None:
        for line in lines:
            self._faults.add(parse_fault(line))

    # -- commands

    def __call__(self, *argv: str, **environ: str | None) -> Answer:
        """Run a command in this process; None takes a variable away."""
        self._capfd.readouterr()
        with chdir(self.folder):
            code = run(argv, self._around(environ), self.folder)
        return Answer(code, *self._capfd.readouterr())

    @contextmanager
    def process(self, *argv: str, environ: dict[str, str] | None = None, **streams: Any) -> Iterator[Any]:
        """Start a command as a process of its own; it is killed if it is still there at the end."""
        piped = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        with subprocess.Popen(
            [sys.executable, "-m", "reconciler", *argv],
            cwd=self.folder,
            env=self._around(environ or {}) | {"PATH": os.environ["PATH"], "HOME": str(self.folder)},
            **{**piped, **streams},
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def _around(self, changes: Any) -> dict[str, str]:
        return {name: value for name, value in {**self.environ, **changes}.items() if value is not None}

    # -- what is true at the service

    def live(self) -> list[Recorder]:
        return sorted(self.world.live(time.time()), key=lambda recorder: recorder.channel)

    def recorded(self) -> list[str]:
        """Name the channels that are recorded, once for each recorder."""
        return [recorder.channel for recorder in self.live()]

    def count(self, *endpoints: str) -> int:
        """Count calls that reached the service; without names: all that change something."""
        wanted = set(endpoints) or CHANGING
        return sum(1 for call in self.calls if call.endpoint in wanted)

    def ledger_files(self) -> list[Path]:
        return [path for path in self.folder.rglob("*") if "ledger.db" in str(path) and path.is_file()]

    def get(self, name: str) -> dict[str, Any]:
        [found] = self("get", name, "-o", "json").json
        assert isinstance(found, dict)
        return found


@contextmanager
def place(folder: Path, capfd: pytest.CaptureFixture[str], **options: Any) -> Iterator[Place]:
    """Serve a quick simulator, and work against it in an empty folder."""
    faults = FaultPlan()
    with running_simulator(Options(**{**QUICK, **options}), faults) as running:
        made = Place(folder, running.url, running.world, faults, capfd)
        made.write(recording("a"))
        yield made


@asynccontextmanager
async def ledger_of(here: Place) -> AsyncIterator[Ledger]:
    """Open the ledger as another holder."""
    ledger = await open_ledger(here.folder / "ledger.db", service=None, now=lambda: datetime.now(UTC))
    try:
        yield ledger
    finally:
        await ledger.close()


@contextmanager
def kept(here: Place, *names: str, **spec: object) -> Iterator[Ledger]:
    """Have somebody keep the set as a daemon does whose source declares these; nothing is done for it."""
    with asyncio.Runner() as runner:
        opened = ledger_of(here)
        ledger = runner.run(opened.__aenter__())
        declared = {("Recording", name): Declaration(spec, "there/set.yaml", 1, 1) for name in names}
        runner.run(ledger.enlist("default", "./there"))
        runner.run(ledger.accept("default", Standing("./there", "r1", "r1"), declared))  # type: ignore[arg-type] # its keys
        try:
            yield ledger
        finally:
            runner.run(opened.__aexit__(None, None, None))
