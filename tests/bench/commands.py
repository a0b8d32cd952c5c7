"""Commands that end: how long they take, beside the least that could do it."""

import itertools
import tempfile
import time
from pathlib import Path

from reconciler.manifests.accept import Policy, accept_reading
from reconciler.manifests.cache import Cache
from reconciler.manifests.files import read_files
from reconciler.simulator.options import Options
from reconciler.simulator.serve import running_simulator
from tests.bench.measuring import compare, environment, run, written
from tests.world.stage import recording

MANY = 500


def starting() -> None:
    """Load the program, for next to nothing."""
    for argv in (["--version"], ["--help"], ["schema"]):
        compare(
            f"reconciler {' '.join(argv)}",
            lambda argv=argv: run("-m", "reconciler", *argv),  # type: ignore[misc]
            lambda: run("-c", "pass"),
            "python -c pass",
        )


def planning() -> None:
    """Plan where nothing is to be done."""
    for count in (100, 1000):
        _plan(count)


def _plan(count: int) -> None:
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


def reading_again() -> None:
    """Do what a daemon does at each save: all files are read, and one is another than the last time."""
    with tempfile.TemporaryDirectory() as name:
        manifests = written(Path(name), 1000)
        cache, edits = Cache(), itertools.count(1)

        def ours() -> None:
            (manifests / "r00000.yaml").write_text(recording("r00000", f"  priority: {next(edits)}\n"))
            accept_reading(read_files([str(manifests)]), policy=Policy(), cache=cache)

        ours()  # the first time everything is new
        compare(
            "read 1000 manifests again, one edited",
            ours,
            lambda: read_files([str(manifests)]),
            "read and hash the files",
        )


def converging() -> None:
    """Start many recordings where no quota holds back."""
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
            lambda: run("-m", "tests.bench.bare", "converge", url, str(MANY)),
            f"httpx loop, {3 * MANY} calls",
        )
