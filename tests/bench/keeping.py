"""A daemon at rest: what it weighs, what it costs, and how soon it hears of a saved file. Reads /proc: Linux only."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler.simulator.options import Options
from reconciler.simulator.serve import running_simulator
from reconciler.simulator.world import World
from tests.bench.measuring import environment, run, written
from tests.world.stage import recording

COUNT = 1000
POLLED_EVERY = 120  # seconds, by the default settings with so many
WINDOW = 60.0  # seconds
WINDOWS = 2  # together one poll interval: polls come in waves
SAVES = 20
PATIENCE = 180.0
IDLE_LIMIT, KEPT_LIMIT, CPU_LIMIT = 80.0, 120.0, 3.0  # MiB, MiB, percent of a core


@dataclass(frozen=True, slots=True)
class Kept:
    """A daemon that has nothing to do but to poll."""

    process: int
    folder: Path
    url: str
    world: World
    environ: dict[str, str]

    def polls(self) -> int:
        return sum(call.endpoint == "query" for call in self.world.calls)

    def started(self, channel: str) -> float | None:
        """Tell when the service heard the start of that channel."""
        times = [call.at for call in self.world.calls[-200:] if (call.endpoint, call.channel) == ("start", channel)]
        return times[-1] if times else None


def memory(process: int) -> float:
    """Give the resident memory of a process, in MiB."""
    [line] = [one for one in Path(f"/proc/{process}/status").read_text().splitlines() if one.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


def cpu(process: int) -> float:
    """Give the seconds of a core that a process has used so far, by itself and by the system for it."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def spawned(*argv: str, folder: Path, environ: dict[str, str]) -> Iterator["subprocess.Popen[str]"]:
    with (
        (folder / "said").open("w") as said,
        subprocess.Popen(
            [sys.executable, *argv],
            cwd=folder,
            env={**os.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()
            process.wait()


@contextmanager
def kept(count: int, **settings: str) -> Iterator[Kept]:
    """Have a daemon keep so many recordings that run already."""
    options = Options(rate=0, max_recorders=10**6, status_after=(0.0, 0.0, 0.01), first_slice=0.0)
    with running_simulator(options) as (url, world), tempfile.TemporaryDirectory() as name, ExitStack() as opened:
        folder = Path(name)
        written(folder, count)
        defaults = {"RECONCILER_QPS": "10", "RECONCILER_POLL_INTERVAL": "15s..120s"}
        environ = environment(folder, url, RECONCILER_LISTEN="127.0.0.1:0", RECONCILER_LOG_FORMAT="json")
        if count:
            run("-m", "reconciler", "apply", "--yes", environ=environ, cwd=folder)
        environ |= {**defaults, **settings}
        daemon = opened.enter_context(spawned("-m", "reconciler", "run", folder=folder, environ=environ))
        _wait_for_rest(folder)
        yield Kept(daemon.pid, folder, url, world, environ)


def _wait_for_rest(folder: Path) -> None:
    """Wait until the source has been read and everything was looked at."""
    end = time.monotonic() + PATIENCE
    while "source.accepted" not in (folder / "said").read_text():
        assert time.monotonic() < end, (folder / "said").read_text()[-2000:]
        time.sleep(0.2)
    time.sleep(10)


def _wait_for_polls(full: Kept) -> None:
    """Wait until the pace of the polls is that of the settings: after a start all answers are equally young."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        asked = full.polls()
        time.sleep(5)
        if full.polls() - asked > 0.8 * 5 * COUNT / POLLED_EVERY:
            return
    raise AssertionError("the polls have not begun")


def within(value: float, limit: float) -> str:
    return "ok" if value <= limit else "TOO MUCH"


def weighing() -> None:
    """Weigh a daemon, and see what an idle one costs."""
    with kept(0) as idle:
        before = cpu(idle.process)
        time.sleep(WINDOW / 2)
        percent = (cpu(idle.process) - before) / (WINDOW / 2) * 100
        resident = memory(idle.process)
    print(f"idle daemon, resident                     {resident:8.1f} MiB   limit {IDLE_LIMIT:.0f}   ", end="")
    print(f"{within(resident, IDLE_LIMIT)}; {percent:.2f} % of a core", flush=True)
    with kept(COUNT) as full:
        resident = memory(full.process)
    print(f"daemon with {COUNT} at rest, resident       {resident:8.1f} MiB   limit {KEPT_LIMIT:.0f}   ", end="")
    print(within(resident, KEPT_LIMIT), flush=True)


def polling() -> None:
    """Take the CPU of a daemon that polls steadily, beside a bare httpx loop at the same pace and time."""
    shares, ratios = list[float](), list[float]()
    with kept(COUNT) as full:
        _wait_for_polls(full)
        for _ in range(WINDOWS):
            asked, before, began = full.polls(), cpu(full.process), time.monotonic()
            bare = float(
                run("-m", "tests.bench.bare", "pace", full.url, str(COUNT / POLLED_EVERY), str(WINDOW)).strip()
            )
            took = time.monotonic() - began
            ours = (cpu(full.process) - before) / took * 100
            rate = (full.polls() - asked) / took - COUNT / POLLED_EVERY * WINDOW / took
            shares.append(ours)
            ratios.append(ours / (bare / WINDOW * 100))
            print(
                f"steady, {COUNT} recordings, {rate:4.1f} polls/s      {ours:8.2f} %     "
                f"bare httpx at {COUNT / POLLED_EVERY:.1f}/s {bare / WINDOW * 100:6.2f} %   x{ratios[-1]:.2f}",
                flush=True,
            )
    mean = statistics.mean(shares)
    print(
        f"{'over one poll interval':<40} {mean:8.2f} %     limit {CPU_LIMIT:.0f}   {within(mean, CPU_LIMIT)}",
        flush=True,
    )


def saving() -> None:
    """Take the time from a saved file to its start at the service, beside a bare watch of the same folder."""
    with kept(COUNT, RECONCILER_QPS="1000", RECONCILER_POLL_INTERVAL=f"{POLLED_EVERY}s") as full:
        folder = full.folder / "manifests"
        ours, bare = [], []
        with spawned("-m", "tests.bench.bare", "watch", str(folder), folder=full.folder, environ={}) as watching:
            assert watching.stdout is not None
            assert watching.stdout.readline() == "ready\n"
            for number in range(SAVES):
                name = f"new{number}"
                beside = folder / f".{name}.swp"
                beside.write_text(recording(name))
                time.sleep(0.8 + number * 0.0371)  # at any moment between two polls
                told = time.time()
                beside.replace(folder / f"{name}.yaml")
                while f"{name}.yaml" not in (line := watching.stdout.readline()):
                    assert line
                bare.append((float(line.split()[0]) - told) * 1000)
                ours.append((_started(full, name) - told) * 1000)
    tenths = [(statistics.median(one), statistics.quantiles(one, n=10)[-1]) for one in (ours, bare)]
    (ours_50, ours_90), (bare_50, bare_90) = tenths
    print(
        f"save to start beside {COUNT}, p50 / p90        {ours_50:5.0f} / {ours_90:.0f} ms   "
        f"bare awatch {bare_50:5.0f} / {bare_90:.0f} ms   x{ours_50 / bare_50:.2f}",
        flush=True,
    )


def _started(full: Kept, channel: str) -> float:
    end = time.monotonic() + PATIENCE
    while (at := full.started(channel)) is None:
        assert time.monotonic() < end, f"{channel} was never started"
        time.sleep(0.01)
    return at
