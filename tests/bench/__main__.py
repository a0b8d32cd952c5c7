"""`make bench`: each of ours against its yardstick, A B A B, and the median of the pairwise ratios."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from reconciler.simulator.options import Options
from reconciler.simulator.serve import running_simulator
from tests.world.stage import ENVIRON, recording

ROUNDS = 5
MANY = 500


def measured(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(name: str, ours: Callable[[], object], yardstick: Callable[[], object], beside: str) -> None:
    """Alternate the two, and print both medians and the median ratio."""
    pairs = [(measured(ours), measured(yardstick)) for _ in range(ROUNDS)]
    ratio = statistics.median(one / other for one, other in pairs)
    one, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(f"{name:<44} {one * 1000:8.0f} ms   {beside:<34} {other * 1000:8.0f} ms   x{ratio:.2f}", flush=True)


def run(*argv: str, environ: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    answer = subprocess.run(
        [sys.executable, *argv],
        env={**os.environ, **(environ or {})},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-2000:]
    return answer.stdout


def start_up(*argv: str) -> None:
    compare(
        f"reconciler {' '.join(argv)}",
        lambda: run("-m", "reconciler", *argv),
        lambda: run("-c", "pass"),
        "python -c pass",
    )


def written(folder: Path, count: int) -> Path:
    manifests = folder / "manifests"
    manifests.mkdir()
    for number in range(count):
        (manifests / f"r{number:05}.yaml").write_text(recording(f"r{number:05}"))
    return manifests


def environment(folder: Path, url: str, **more: str) -> dict[str, str]:
    return {
        **ENVIRON,
        "RECONCILER_API_URL": url,
        "RECONCILER_STATE": f"sqlite:///{folder}/ledger.db",
        "RECONCILER_QPS": "10000",
        "RECONCILER_CONFIRM_DELAY": "0.1",
        "RECONCILER_POLL_INTERVAL": "1h",
        "RECONCILER_RETRY_DELAYS": "0.5,0.5,0.5",
        **more,
    }


def converging() -> None:
    options = Options(rate=0, max_recorders=10**6, status_after=(0.0, 0.0, 0.01))
    with running_simulator(options) as (url, _):

        def ours() -> None:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                written(folder, MANY)
                environ = environment(folder, url, RECONCILER_UID_RANGE=f"{time.time_ns() % 10**9 + 1}-2147483647")
                run("-m", "reconciler", "apply", "--yes", environ=environ, cwd=folder)

        compare(
            f"apply {MANY} new recordings, no quota",
            ours,
            lambda: run("-m", "tests.bench.bare", url, str(MANY)),
            f"httpx loop, {3 * MANY} calls",
        )


def planning(count: int) -> None:
    with (
        running_simulator(Options(rate=0, max_recorders=10**6, status_after=(0.0, 0.0, 0.01))) as (url, _),
        tempfile.TemporaryDirectory() as name,
    ):
        folder = Path(name)
        manifests = written(folder, count)
        environ = environment(folder, url)
        run("-m", "reconciler", "apply", "--yes", environ=environ, cwd=folder)
        hashing = (
            "import hashlib, pathlib as p, sys; [hashlib.sha256(f.read_bytes()) for f in p.Path(sys.argv[1]).iterdir()]"
        )

        def ours() -> None:
            run("-m", "reconciler", "plan", "--detailed-exitcode", environ=environ, cwd=folder)

        def yardstick() -> None:
            run("-c", hashing, str(manifests))

        compare(f"plan of {count} unchanged recordings", ours, yardstick, "read and hash the files")


if __name__ == "__main__":
    print(f"medians of {ROUNDS} alternated rounds; read the ratios")
    start_up("--version")
    start_up("--help")
    start_up("schema")
    planning(100)
    planning(1000)
    converging()
