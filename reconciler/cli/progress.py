"""What a person sees while recordings converge: a live table on a terminal, one line per fact elsewhere."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reconciler.cli.terminal import Here
from reconciler.controller import RESTING
from reconciler.model import Entry, Event, Key
from reconciler.planning.actions import Hold
from reconciler.reconcile import Took

if TYPE_CHECKING:
    from reconciler.cli.applying import Planned

_MOST_ROWS = 20
_REFRESHED_PER_SECOND = 8


class PlainProgress:
    """One line on standard error for each fact."""

    def __init__(self, here: Here, planned: "Planned") -> None:
        self._here = here
        self._left = {one.key for one in planned.assignments}

    def held(self, key: Key, hold: Hold, entry: Entry) -> None:
        del entry
        if hold.because in RESTING or hold.until is None:
            self._left.discard(key)

    def took(self, key: Key, taken: Took) -> None:
        del key
        for event in taken.events:
            self._here.say(line_of(event))

    def interrupted(self) -> None:
        """Say what is left after an interruption."""
        say_interrupted(self._here, self._left)


class LiveProgress:
    """A table that is drawn again and again: what each recording waits for, why, and for how long."""

    def __init__(self, planned: "Planned", live: Any, rate: float) -> None:
        self._live = live
        self._rate = rate  # calls per second
        self._began = time.monotonic()
        self._calls_left = planned.plan.calls
        self._total = len(planned.assignments)
        self._rows = {one.key: ("waiting for turn or answer", "", self._began) for one in planned.assignments}
        self._rested: set[Key] = set()
        self.left: set[Key] = set()

    def held(self, key: Key, hold: Hold, entry: Entry) -> None:
        del entry
        if hold.because in RESTING or hold.until is None:
            self._rested.add(key)
            self._rows.pop(key, None)
        else:
            self._row(key, str(hold.because), hold.reason)

    def took(self, key: Key, taken: Took) -> None:
        from reconciler.planning.plan import calls_of  # noqa: PLC0415 - small, and only here

        self._calls_left = max(self._calls_left - len(calls_of(taken.action)), 0)
        for event in taken.events:
            self._live.console.print(line_of(event), markup=False, highlight=False)
            self._row(key, event.kind.partition(".")[2], event.reason)

    def interrupted(self) -> None:
        """Note what is left after an interruption; said under the table it would be wiped away with it."""
        self.left = set(self._rows)

    def _row(self, key: Key, what: str, why: str) -> None:
        before = self._rows.get(key)
        since = before[2] if before and before[0] == what else time.monotonic()
        self._rows[key] = (what, why, since)

    def __rich__(self) -> Any:
        """Draw the present state."""
        from rich.table import Table  # noqa: PLC0415 - imported where it draws

        table = Table(box=None, pad_edge=False, show_header=False)
        for key, (what, why, since) in list(self._rows.items())[:_MOST_ROWS]:
            table.add_row(key.name, what, f"{time.monotonic() - since:.0f} s", why, style="dim")
        hidden = len(self._rows) - _MOST_ROWS
        if hidden > 0:
            table.add_row(f"… and {hidden} more", "", "", "", style="dim")
        done = f"{len(self._rested)} of {self._total} at rest"
        spent = f"{time.monotonic() - self._began:.0f} s"
        quota = f"{self._calls_left} calls to go: {math.ceil(self._calls_left / self._rate)} s of the quota"
        table.add_row(done, quota, spent, "", style="bold")
        return table


@contextmanager
def progress_for(here: Here, planned: "Planned", rate: float) -> Iterator[PlainProgress | LiveProgress]:
    """Choose by where the messages go: the live table needs a terminal."""
    import sys  # noqa: PLC0415 - only to look at the stream

    if not here.is_coloured(sys.stderr):
        yield PlainProgress(here, planned)
        return
    from rich.console import Console  # noqa: PLC0415 - imported where it draws
    from rich.live import Live  # noqa: PLC0415

    live = Live(console=Console(stderr=True), refresh_per_second=_REFRESHED_PER_SECOND, transient=True)
    progress = LiveProgress(planned, live, rate)
    try:
        with live:
            live.update(progress)
            yield progress
    finally:
        say_interrupted(here, progress.left)


def line_of(event: Event) -> str:
    """Say an event in one line."""
    what = event.kind.partition(".")[2]
    rest = ", ".join(text for text in (event.reason, event.message) if text)
    return f"{event.key.name}: {what}{f': {rest}' if rest else ''}"


def say_interrupted(here: Here, left: set[Key]) -> None:
    """Say that nothing is lost, and what is left."""
    if not left:
        return
    names = ", ".join(sorted(key.name for key in left)[:10]) + (" …" if len(left) > 10 else "")
    here.say(f"the calls in flight were finished and written down. Left: {names}; apply again to go on")
