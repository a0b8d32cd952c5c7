"""How the gateway counts a second (§1.4): three ways, because the sources name only the number."""

import math
from collections import deque
from dataclasses import dataclass, field

from reconciler.simulator.options import Options

# Calls that leave exactly 1/rate apart must pass however their times, ten digits long before the point, are rounded.
_SLACK = 1e-4


@dataclass(slots=True)
class Quota:
    """What one App ID (or account) has left."""

    options: Options
    _tokens: float = field(init=False)
    _filled_at: float = -math.inf
    _second: int = -1
    _in_second: int = 0
    _passed: deque[float] = field(default_factory=deque)

    def __post_init__(self) -> None:
        self._tokens = float(self.options.burst)

    def admits(self, now: float) -> bool:
        """Let a call pass and count it, or refuse it."""
        if self.options.rate <= 0:
            return True
        match self.options.rate_window:
            case "bucket":
                return self._from_bucket(now)
            case "second":
                return self._in_calendar_second(now)
            case "sliding":
                return self._in_any_second(now)

    def _from_bucket(self, now: float) -> bool:
        if now > self._filled_at:
            grown = self._tokens + (now - self._filled_at) * self.options.rate
            self._tokens = min(float(self.options.burst), grown)
            self._filled_at = now
        if self._tokens < 1 - _SLACK:
            return False
        self._tokens -= 1
        return True

    def _in_calendar_second(self, now: float) -> bool:
        second = math.floor(now)
        if second != self._second:
            self._second, self._in_second = second, 0
        if self._in_second + 1 > self.options.rate:
            return False
        self._in_second += 1
        return True

    def _in_any_second(self, now: float) -> bool:
        while self._passed and self._passed[0] <= now - 1 + _SLACK:
            self._passed.popleft()
        if len(self._passed) + 1 > self.options.rate:
            return False
        self._passed.append(now)
        return True
