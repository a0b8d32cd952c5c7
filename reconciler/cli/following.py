"""Looking into the ledger again and again: what `get --watch` and `events --follow` share. Calls nobody."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from reconciler.cli.ledger_reading import Reading, finish, open_reading, width_of_terminal
from reconciler.cli.terminal import Here
from reconciler.ledger.files import locate
from reconciler.render.text import columns, joined, widths_of

INTERVAL: Final = 0.25  # seconds between two questions whether something was written
_LONGEST: Final = 5.0  # seconds without a look: time alone changes something, too, such as the end of a backoff
_RESTS: Final = 9  # times as long as the last look took: however large the set, a tenth of a processor is enough


def looks(here: Here) -> Iterator[Reading]:
    """Look into the ledger now, and again whenever another process has written to it; this never ends by itself.

    The first look is one into nothing where there is no ledger yet; it is waited for then.
    """
    with open_reading(here) as reading:
        if reading.ledger is None:
            yield reading
        else:
            yield from _looks(reading)
    _wait_for_ledger(here)
    with open_reading(here) as reading:
        yield from _looks(reading)


def _looks(reading: Reading) -> Iterator[Reading]:
    assert reading.ledger is not None
    while True:
        version = finish(reading.ledger.version())  # before the look: what is written meanwhile is seen by the next
        began = time.process_time()
        yield replace(reading, now=datetime.now(UTC))
        took = time.process_time() - began
        until = time.monotonic() + _LONGEST
        time.sleep(min(max(INTERVAL, took * _RESTS), _LONGEST))
        while time.monotonic() < until and finish(reading.ledger.version()) == version:
            time.sleep(INTERVAL)


def _wait_for_ledger(here: Here) -> None:
    path = locate(here.ledger_place(changes=False))
    while not (path.exists() and path.stat().st_size):
        time.sleep(INTERVAL)
    time.sleep(INTERVAL)  # who makes it needs some milliseconds from the first byte to the last table


class Columns:
    """Aligns rows that are printed one after the other: no column gets narrower than in the lines above."""

    def __init__(self) -> None:
        self._widths: Sequence[int] = ()

    @property
    def is_begun(self) -> bool:
        return bool(self._widths)

    def lines(self, rows: Sequence[Sequence[str]], *, clipped: bool = True) -> str:
        """Write these below the others, on a terminal cut to its width."""
        if not rows:
            return ""
        self._widths = widths_of(rows, self._widths)
        return joined(columns(rows, width=width_of_terminal() if clipped else None, widths=self._widths))
