"""`make simulate SEEDS=200`, `SEEDS=1000..1500` or `SEED=4711`: live these seeds, and say what became of them."""

import re
import sys

from tests.simulation.workers import live_through


def seeds_of(said: str) -> range:
    """Read a count, a span with both ends, or `=` and a single seed."""
    match = re.fullmatch(r"=(\d+)|(\d+)\.\.(\d+)|(\d+)", said)
    if match is None:
        sys.exit(f"{said!r} are no seeds: say SEEDS=200, SEEDS=1000..1500 or SEED=4711")
    single, first, last, count = match.groups()
    if single is not None:
        return range(int(single), int(single) + 1)
    return range(int(first), int(last) + 1) if first is not None else range(int(count))


if __name__ == "__main__":
    tally = live_through(seeds_of(sys.argv[1] if len(sys.argv) > 1 else "200"))
    print("\n".join(tally.lines()))
    sys.exit(0 if tally.is_clean else 1)
