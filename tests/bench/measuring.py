"""How things are run and compared: ours and a yardstick alternately, and the median of the pairwise ratios."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.world.stage import ENVIRON, recording

ROUNDS = 5


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
