"""`make bench`: every benchmark, or those that are named: `make bench ONLY="polling saving"`."""

import sys

from tests.bench import commands, keeping
from tests.bench.measuring import ROUNDS

BENCHMARKS = {
    work.__name__: work
    for work in (
        commands.starting,
        commands.planning,
        commands.converging,
        keeping.weighing,
        keeping.polling,
        keeping.saving,
    )
}

if __name__ == "__main__":
    chosen = sys.argv[1:] or list(BENCHMARKS)
    unknown = set(chosen) - BENCHMARKS.keys()
    if unknown:
        sys.exit(f"there is no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    print(f"medians of {ROUNDS} alternated rounds; read the ratios")
    for name in chosen:
        BENCHMARKS[name]()
