"""What the windows ahead will ask of each App ID: recorders at once, starts per minute, and what starts late.

A forecast knows manifests and limits only: what is wanted now is taken to be recording, as far as there is room for it.
Whatever depends on people is counted as the most that may be.
"""

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from reconciler.manifests.accept import Declared
from reconciler.manifests.schedule import Schedule
from reconciler.manifests.values import SECOND
from reconciler.planning.windows import Stretch, outlook, stretches

CALLS_OF_A_START: Final = 2  # acquire and start
LATE_FROM: Final = SECOND  # what is less is the way to the service
MOST_WINDOWS: Final = 200_000  # in all: seconds of work
_FEWEST_WINDOWS: Final = 100  # of one recording

_EVER: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one App ID allows; apps with the same App ID share it."""

    apps: tuple[str, ...]
    rate: float  # calls per second
    limit: int | None  # recorders at once; None: unknown

    @property
    def starts_per_minute(self) -> float:
        return self.rate * 60 / CALLS_OF_A_START


@dataclass(frozen=True, slots=True)
class Minute:
    """A minute in which something is due to start."""

    at: datetime
    starts: int
    share: float  # of the calls that the quota allows in a minute


@dataclass(frozen=True, slots=True)
class Delay:
    """A recorder that starts late, or not at all."""

    name: str
    copy: int
    due: datetime  # as the window says, without startEarly; what is due already is due now
    late: timedelta | None  # None: not at all, its window closes before
    because: Literal["quota", "room"]


@dataclass(frozen=True, slots=True)
class AppForecast:
    """What is ahead of one App ID."""

    allowance: Allowance
    recordings: int
    peak: int  # recorders that are wanted at once
    peak_at: datetime  # when first so many are
    starts: int
    minutes: tuple[Minute, ...]  # in order
    delays: tuple[Delay, ...]  # the worst first

    @property
    def excess(self) -> int:
        """Tell how many recorders the peak is above the limit."""
        return 0 if self.allowance.limit is None else max(self.peak - self.allowance.limit, 0)


@dataclass(frozen=True, slots=True)
class Forecast:
    since: datetime
    until: datetime
    cut_short: bool  # it was asked for longer, but there are too many windows
    apps: tuple[AppForecast, ...]
    suspended: int  # recordings that are left out for that
    occupied: int  # recordings that wait for people, counted as if somebody were there


@dataclass(frozen=True, slots=True)
class _Run:
    """One recorder over one window."""

    name: str
    copy: int
    priority: int
    opens: datetime
    due: datetime
    closes: datetime
    ends: datetime  # with its overrun

    @property
    def rank(self) -> tuple[int, datetime, str, int]:
        """Order what waits: by priority, then window, then name (S8)."""
        return -self.priority, self.opens, self.name, self.copy


def forecast(
    recordings: Iterable[Declared],
    allowances: Mapping[str, Allowance],
    now: datetime,
    until: datetime,
    most: int = MOST_WINDOWS,
) -> Forecast:
    """Look ahead from `now` to `until`; `allowances` are by the name of the app, equal ones are shared.

    With more than about `most` windows it ends earlier, and says so.
    """
    declared = list(recordings)
    counted = [one for one in declared if not one.spec.suspend]
    each = max(most // max(len(counted), 1), _FEWEST_WINDOWS)
    schedules = {one.spec.schedule for one in counted}
    ahead = {schedule: stretches(schedule, now, until, each + 1) for schedule in schedules}
    seen_until = min((found[each].opens or now for found in ahead.values() if len(found) > each), default=until)
    by_allowance: dict[Allowance, list[Declared]] = {}
    for one in counted:
        by_allowance.setdefault(allowances[one.spec.app], []).append(one)
    return Forecast(
        since=now,
        until=seen_until,
        cut_short=seen_until < until,
        apps=tuple(
            _app_forecast(allowance, by_allowance[allowance], ahead, now, seen_until)
            for allowance in sorted(by_allowance, key=lambda one: one.apps)
        ),
        suspended=len(declared) - len(counted),
        occupied=sum(one.spec.when == "occupied" for one in counted),
    )


def _app_forecast(
    allowance: Allowance,
    recordings: Sequence[Declared],
    ahead: Mapping[Schedule | None, Sequence[Stretch]],
    now: datetime,
    until: datetime,
) -> AppForecast:
    runs = [run for one in recordings for run in _runs(one, ahead[one.spec.schedule], now, until)]
    runs.sort(key=lambda run: (run.opens, run.rank))
    peak, peak_at = _peak(runs, now)
    minutes = Counter(run.opens.replace(second=0, microsecond=0) for run in runs if run.opens > now)
    return AppForecast(
        allowance=allowance,
        recordings=len(recordings),
        peak=peak,
        peak_at=peak_at,
        starts=minutes.total(),
        minutes=tuple(Minute(at, minutes[at], minutes[at] / allowance.starts_per_minute) for at in sorted(minutes)),
        delays=_delays(runs, allowance, now),
    )


def _runs(one: Declared, ahead: Sequence[Stretch], now: datetime, until: datetime) -> Iterable[_Run]:
    """Make of a recording's windows what may run; an overrun ends where the next window opens."""
    closed = None if one.spec.schedule is None else outlook(one.spec.schedule, now).closed
    wanted = [stretch for stretch in ([closed] if closed else []) + list(ahead) if (stretch.opens or now) < until]
    for stretch, following in zip(wanted, [*wanted[1:], None], strict=False):
        closes = stretch.closes or _NEVER
        ends = min(_overrun(closes, stretch.overrun), (following.opens or closes) if following else _NEVER)
        due = _due(one.spec.schedule, stretch) or now
        for copy in range(1, one.spec.copies + 1):
            yield _Run(one.name, copy, one.spec.priority, stretch.opens or _EVER, max(due, now), closes, ends)


def _overrun(closes: datetime, overrun: timedelta) -> datetime:
    return closes + overrun if closes < _NEVER - overrun else _NEVER


def _due(schedule: Schedule | None, stretch: Stretch) -> datetime | None:
    """Say when a window opens by its own words: `startEarly` is there to be used up by waiting."""
    if schedule is None or stretch.opens is None:
        return stretch.opens
    early = {window.start_early for window in schedule}
    if len(early) == 1:
        return stretch.opens + early.pop()
    punctual = tuple(window.model_copy(update={"start_early": timedelta()}) for window in schedule)
    [first] = stretches(punctual, stretch.opens, stretch.closes or _NEVER, 1)
    return first.opens


def _peak(runs: Sequence[_Run], now: datetime) -> tuple[int, datetime]:
    """Find the most recorders that are wanted at once, and when first."""
    live: list[datetime] = []
    peak, peak_at = 0, now
    for run in runs:
        begins = max(run.opens, now)
        while live and live[0] <= begins:
            heapq.heappop(live)
        heapq.heappush(live, run.ends)
        if len(live) > peak:
            peak, peak_at = len(live), begins
    return peak, peak_at


def _delays(runs: Sequence[_Run], allowance: Allowance, now: datetime) -> tuple[Delay, ...]:
    line = _Line(allowance, now)
    begun = [run for run in runs if run.opens <= now]
    line.settle(sorted(begun, key=lambda run: run.rank))
    line.serve(runs[len(begun) :])
    return tuple(sorted(line.delays, key=_from_the_worst))


def _from_the_worst(delay: Delay) -> tuple[bool, timedelta, datetime, str, int]:
    return delay.late is not None, -(delay.late or timedelta()), delay.due, delay.name, delay.copy


@dataclass(slots=True)
class _Line:
    """The calls of one App ID on their way: even steps, stops first, then the most urgent start for which is room."""

    allowance: Allowance
    now: datetime  # when the next call may leave
    delays: list[Delay] = field(default_factory=list)
    waiting: list[tuple[tuple[int, datetime, str, int], _Run]] = field(default_factory=list)
    live: list[datetime] = field(default_factory=list)  # when the recorders end
    full_until: datetime = _EVER  # when somebody last waited for room

    @property
    def has_room(self) -> bool:
        return self.allowance.limit is None or len(self.live) < self.allowance.limit

    @property
    def step(self) -> timedelta:
        return timedelta(seconds=1 / self.allowance.rate)

    def settle(self, begun: Iterable[_Run]) -> None:
        """Take what is wanted already for recording; what finds no room waits."""
        for run in begun:
            if self.has_room:
                heapq.heappush(self.live, run.ends)
            elif run.closes > self.now:
                heapq.heappush(self.waiting, (run.rank, run))

    def serve(self, arrivals: Sequence[_Run]) -> None:
        """Go through the time ahead, until nobody waits or nobody will ever find room."""
        ahead = list(reversed(arrivals))
        while True:
            ending = self.live[0] if self.live else _NEVER
            opening = ahead[-1].opens if ahead else _NEVER
            if self.waiting and self.has_room and self.now < min(ending, opening):
                self._start()
            elif not ahead and (not self.waiting or ending == _NEVER):
                break
            elif ending <= opening:
                self._stop(ending)
            else:
                self.now = max(self.now, opening)
                run = ahead.pop()
                heapq.heappush(self.waiting, (run.rank, run))
        for _, run in self.waiting:
            self.delays.append(Delay(run.name, run.copy, run.due, None, self._cause(run)))

    def _start(self) -> None:
        _, run = heapq.heappop(self.waiting)
        if run.closes <= self.now:
            self.delays.append(Delay(run.name, run.copy, run.due, None, self._cause(run)))
            return
        late = self.now + self.step - run.due
        if late >= LATE_FROM:
            self.delays.append(Delay(run.name, run.copy, run.due, late, self._cause(run)))
        self.now += CALLS_OF_A_START * self.step
        heapq.heappush(self.live, run.ends)

    def _stop(self, ending: datetime) -> None:
        if self.waiting and not self.has_room:
            self.full_until = ending
        heapq.heappop(self.live)
        self.now = max(self.now, ending) + self.step

    def _cause(self, run: _Run) -> Literal["quota", "room"]:
        return "quota" if self.has_room and run.opens > self.full_until else "room"
