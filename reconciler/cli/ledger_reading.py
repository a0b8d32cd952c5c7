"""What the commands that only read share: the ledger opened without making one, names looked up, timing, the clock.

They start in a tenth of a second because they load neither asyncio nor pydantic: the ledger's inline thread never
waits, so its coroutines run to their end without a loop.
"""

import sys
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final, TypeVar

from reconciler.cli.naming import unknown
from reconciler.cli.terminal import Here, refuse
from reconciler.ledger.files import locate
from reconciler.ledger.ledger import Ledger, open_ledger
from reconciler.model import Entry, Event, Key, Session
from reconciler.planning.rules import Rules
from reconciler.settings.file import PREFIX, read_file

T = TypeVar("T")

# What decides when is asked again; where none of it is set and the set is small, the defaults are right.
_TIMING: Final = ("poll_interval", "missing_grace", "confirm_delay", "retry_delays", "qps")
_POLLED_OFTEN: Final = 71  # recordings that fit into half of the default quota at the shortest interval


@dataclass(frozen=True, slots=True)
class Reading:
    """One look into the ledger of a set; without a ledger it holds nothing."""

    ledger: Ledger | None
    set: str
    now: datetime

    def entries(self, *, every_set: bool = False) -> dict[Key, Entry]:
        return finish(self.ledger.entries(None if every_set else self.set)) if self.ledger else {}

    def sessions(self, key: Key | None = None) -> tuple[tuple[Key, Session], ...]:
        """Read the sessions of one recording, or of the whole set, oldest first."""
        return finish(self.ledger.sessions(key, self.set)) if self.ledger else ()

    def events(
        self, key: Key | None = None, since: datetime | None = None, limit: int | None = None
    ) -> tuple[Event, ...]:
        """Read the events of one recording, or of the whole set, oldest first; with a limit the newest so many."""
        return tuple(one for _, one in self.numbered_events(key, since, limit=limit))

    def numbered_events(
        self,
        key: Key | None = None,
        since: datetime | None = None,
        *,
        limit: int | None = None,
        after: int | None = None,
    ) -> tuple[tuple[int, Event], ...]:
        """Read the same with their numbers, which rise; `after` one of them, only what was written later."""
        if self.ledger is None:
            return ()
        return finish(self.ledger.events(key, self.set, since=since, limit=limit, after_id=after))

    def named(self, name: str) -> Entry:
        """Find one recording of the set, also one that is only history. Ends with 1 where there is none."""
        entries = self.entries()
        found = entries.get(Key(self.set, name))
        return found if found is not None else refuse(unknown(name, self.set, [key.name for key in entries]))


@contextmanager
def open_reading(here: Here) -> Iterator[Reading]:
    """Open the ledger for reading; where there is none yet, say so and read nothing."""
    place, now = here.ledger_place(changes=False), datetime.now(UTC)
    path = locate(place)
    if not path.exists():
        here.say(f"there is no ledger yet at {path}: `reconciler apply` makes it")
        yield Reading(None, here.set_name(), now)
        return
    ledger = finish(open_ledger(place, service=None, now=lambda: now, create=False))
    try:
        yield Reading(ledger, here.set_name(), now)
    finally:
        finish(ledger.close())


def finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what never waits to its end, without a loop."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: T = end.value
        return value
    raise AssertionError("the ledger's inline thread does not wait")


def rules_of(here: Here, entries: Collection[Entry]) -> Rules:
    """Give the timing that is in force for these recordings of a set."""
    return timing(here)(entries)


def timing(here: Here) -> Callable[[Collection[Entry]], Rules]:
    """Make what gives the timing in force, again and again.

    Reading every setting costs more than the rest, so it is done only where it matters, and once.
    """
    said = read_file(here.cwd).values
    timed = any(name in said or here.environ.get(PREFIX + name.upper()) for name in _TIMING)
    settings = cache(here.settings)

    def rules(entries: Collection[Entry]) -> Rules:
        live = sum(1 for entry in entries if entry.open_sessions)
        return settings().rules(live) if timed or live > _POLLED_OFTEN else Rules()

    return rules


def width_of_terminal() -> int | None:
    """Give the width that tables are cut to; None where nobody looks on, and nothing may be lost."""
    if not sys.stdout.isatty():
        return None
    import shutil  # noqa: PLC0415 - only on a terminal

    return shutil.get_terminal_size().columns


def note_if_empty(here: Here, found: Sequence[object], what: str) -> None:
    """Say on standard error that there is nothing to list, as an empty answer looks like a mistake."""
    if not found:
        here.say(f"no {what} in set {here.set_name()}")
