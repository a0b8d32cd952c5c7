"""`make simulate SEEDS=200`, `SEEDS=1000..1500` or `SEED=4711`: live these seeds, and say what became of them."""

import re
import sys

from tests.simulation.life import Told
from tests.simulation.workers import Tally, live_through


def seeds_of(said: str) -> range:
    """Read a count, a span with both ends, or `=` and a single seed."""
    match = re.fullmatch(r"=(\d+)|(\d+)\.\.(\d+)|(\d+)", said)
    if match is None:
        sys.exit(f"{said!r} are no seeds: say SEEDS=200, SEEDS=1000..1500 or SEED=4711")
    single, first, last, count = match.groups()
    if single is not None:
        return range(int(single), int(single) + 1)
    return range(int(first), int(last) + 1) if first is not None else range(int(count))


def hear(tally: Tally, told: Told) -> None:
    """Say on the way what was violated, and how it goes."""
    for violation in told.violations[:1]:
        print(f"seed {told.seed}: {violation.oracle}: {violation.words[:200]}", file=sys.stderr, flush=True)
    if tally.seeds % 1000 == 0:
        print(f"{tally.seeds} seeds in {tally.seconds:.0f} s", file=sys.stderr, flush=True)


if __name__ == "__main__":
    tally = live_through(seeds_of(sys.argv[1] if len(sys.argv) > 1 else "200"), hear=hear)
    print("\n".join(tally.lines()))
    sys.exit(0 if tally.is_clean else 1)
