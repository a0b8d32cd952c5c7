"""Whether the loops of a daemon make progress, for whoever would begin it anew if they did not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Progress:
    """How long a loop has been silent, and how long is still healthy."""

    age: timedelta
    limit: timedelta

    @property
    def is_stuck(self) -> bool:
        return self.age > self.limit


class Pulse:
    """Hears from the loops. `clock` gives seconds that never go back, such as `time.monotonic`."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._limits: dict[str, timedelta] = {}
        self._heard_at: dict[str, float] = {}

    def register(self, name: str, limit: timedelta) -> None:
        """Expect to hear from a loop from now on, never later than `limit` after the last time."""
        self._limits[name] = limit
        self._heard_at[name] = self._clock()

    def beat(self, name: str) -> None:
        """Note progress. A loop that nobody registered has promised nothing, and is not watched."""
        self._heard_at[name] = self._clock()

    def loops(self) -> dict[str, Progress]:
        """Say of every registered loop how it goes."""
        now = self._clock()
        return {
            name: Progress(timedelta(seconds=now - self._heard_at[name]), limit) for name, limit in self._limits.items()
        }

    def healthy(self) -> bool:
        """Tell whether none of them is stuck."""
        return not any(progress.is_stuck for progress in self.loops().values())
