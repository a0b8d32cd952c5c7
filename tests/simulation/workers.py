"""Many seeds in several processes; one that dies or hangs is a failure, too."""

import faulthandler
import multiprocessing
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final

from tests.simulation.life import Told, live

HANGS_AFTER: Final = (
    300.0  # seconds that a single seed may take, however busy the machine; the usual is a quarter of one
)

# Words of the trace by which faults and crashes are counted; edits and orders are no faults.
FAULTS: Final = (
    "call ", "webhook ", "failover", "death", "kick", "empty room", "crash", "pause", "clock jump", "bad revision",
    "emptied source",
)  # fmt: skip


@dataclass(slots=True)
class Tally:
    """What all seeds came to."""

    seeds: int = 0
    recordings: int = 0
    calls: int = 0
    hours: float = 0.0
    compared: int = 0
    events: Counter[str] = field(default_factory=Counter)
    told: list[Told] = field(default_factory=list)
    violated: list[Told] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, told: Told) -> None:
        self.seeds += 1
        self.told.append(told)
        self.recordings += told.recordings
        self.calls += told.calls
        self.hours += told.hours
        self.compared += told.compared
        self.events += told.events
        if told.violations:
            self.violated.append(told)

    @property
    def faults(self) -> int:
        return sum(count for kind, count in self.events.items() if kind.startswith(FAULTS))

    @property
    def is_clean(self) -> bool:
        return not (self.violated or self.broken)

    def lines(self) -> Iterator[str]:
        """Say it, for people."""
        seeds = max(self.seeds, 1)
        yield (
            f"{self.seeds} seeds in {self.seconds:.0f} s, {self.seeds / max(self.seconds, 0.001) * 60:.0f} a minute; "
            f"{self.hours:.0f} virtual hours"
        )
        yield (
            f"a seed on average: {self.recordings / seeds:.1f} recordings, {self.calls / seeds:.0f} calls, "
            f"{self.faults / seeds:.1f} faults and crashes; {self.compared} plans compared with what was done"
        )
        for kind, count in sorted(self.events.items()):
            yield f"  {kind:24}{count:>9}"
        for told in self.violated:
            for violation in told.violations:
                yield f"seed {told.seed}: {violation.oracle} at {violation.at:.3f} s: {violation.words}"
            yield from (f"    {line}" for line in told.last[-25:])
            yield f"  again: make simulate SEED={told.seed}"
        yield from self.broken


def live_through(
    seeds: Iterable[int],
    processes: int | None = None,
    most_violations: int = 5,
    hear: Callable[[Tally, Told], None] = lambda _tally, _told: None,
) -> Tally:
    """Live all these seeds, each in one of several processes; no more are begun once so many were violated.

    `hear` is told of each, with what all of them have come to.
    """
    began, tally = time.monotonic(), Tally()
    waiting = deque(seeds)
    # Sets of texts have the same order in every process, so that a seed is the same wherever it is lived.
    os.environ["PYTHONHASHSEED"] = "0"
    workers = [_Worker.begun() for _ in range(min(processes or os.cpu_count() or 1, len(waiting)))]
    try:
        while workers:
            for worker in workers:
                if worker.seed is None and waiting and len(tally.violated) < most_violations:
                    worker.give(waiting.popleft())
            workers = [worker for worker in workers if worker.seed is not None or worker.left()]
            for worker in _heard(workers):
                told = worker.told()
                if told is None:
                    tally.broken.append(
                        f"seed {worker.seed}: its process died; again: make simulate SEED={worker.seed}"
                    )
                    workers.remove(worker)
                    if waiting:
                        workers.append(_Worker.begun())
                else:
                    tally.add(told)
                    tally.seconds = time.monotonic() - began
                    hear(tally, told)
    finally:
        for worker in workers:
            worker.process.kill()
    tally.seconds = time.monotonic() - began
    return tally


@dataclass(eq=False, slots=True)
class _Worker:
    """A process that lives one seed after the other."""

    process: BaseProcess
    line: Connection
    seed: int | None = None

    @classmethod
    def begun(cls) -> "_Worker":
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=_work, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        return cls(process, ours)

    def give(self, seed: int) -> None:
        self.seed = seed
        self.line.send(seed)

    def told(self) -> Told | None:
        """Take what became of its seed; None: the process is gone."""
        try:
            told: Told = self.line.recv()
        except EOFError:
            return None
        self.seed = None
        return told

    def left(self) -> bool:
        """Let it go: there is nothing more to do."""
        self.line.close()
        self.process.join()
        return False


def _heard(workers: list[_Worker]) -> list[_Worker]:
    ready = wait([worker.line for worker in workers]) if workers else []
    return [worker for worker in workers if worker.line in ready]


def _work(line: Connection) -> None:
    while True:
        try:
            seed = line.recv()
        except EOFError:
            return
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
        line.send(live(seed))
        faulthandler.cancel_dump_traceback_later()
