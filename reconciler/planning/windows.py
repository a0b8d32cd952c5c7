"""When a recording is wanted: the windows of a schedule as stretches of time. What follows is decided elsewhere.

Windows that overlap or touch are one (S21); the overrun of what they make is that of the part that closes last.
"""

import functools
import heapq
import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from operator import attrgetter
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from cronsim import CronSim

from reconciler.manifests.schedule import CronWindow, Schedule, Window
from reconciler.manifests.values import DAY, SECOND

# Touching cron windows are followed so far, back and ahead; what goes on for longer is taken for endless until one of
# its edges is nearer. A year and some: a season's end is found.
HORIZON: Final = 400 * DAY

_NO_TIME: Final = timedelta()
_EVER: Final = datetime.min.replace(tzinfo=UTC)
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_FIRST: Final = datetime(1970, 1, 1, tzinfo=UTC)  # no cron text is asked for what was before
_LAST_YEAR: Final = 9900  # nor for what comes then
_YEARS: Final = 51  # a cron text that does not come in 50 years is refused


@dataclass(frozen=True, slots=True)
class Stretch:
    """One stretch of time in which a recording is wanted, in UTC; it holds its first instant and not its last."""

    opens: datetime | None  # with startEarly taken off; None: open at the front
    closes: datetime | None  # None: never
    overrun: timedelta  # so long it may go on after `closes` while somebody is there


@dataclass(frozen=True, slots=True)
class Outlook:
    """What a schedule says of one moment."""

    current: Stretch | None  # the one that the moment is inside
    closed: Stretch | None  # the one that closed last, while its overrun lasts and there is no current one
    following: Stretch | None  # the next that opens after the moment


_ALWAYS: Final = Stretch(None, None, _NO_TIME)


@dataclass(frozen=True, slots=True)
class _Part:
    """A window, or several that touch; with edges that can be compared."""

    opens: datetime
    closes: datetime
    overrun: timedelta
    repeats: bool  # by a cron text


def outlook(schedule: Schedule | None, now: datetime) -> Outlook:
    """Say what is open at `now`, what has just closed, and what opens next. Without a schedule it is always open.

    Cheap to ask again: what is near is kept per schedule and day.
    """
    if schedule is None:
        return Outlook(_ALWAYS, None, None)
    near = _near(schedule, now.date())
    begun = bisect_right(near, now, key=_opening)
    newest = near[begun - 1] if begun else None
    following = near[begun] if begun < len(near) else None
    if newest is None:
        return Outlook(None, None, following)
    if newest.closes is None or now < newest.closes:
        return Outlook(newest, None, following)
    return Outlook(None, newest if now < _shifted(newest.closes, newest.overrun) else None, following)


def stretches(schedule: Schedule | None, since: datetime, until: datetime, most: int) -> tuple[Stretch, ...]:
    """List what overlaps the time from `since` to `until`, in order; of more than `most` the first."""
    if schedule is None:
        return (_ALWAYS,)[:most] if since < until else ()
    ahead = itertools.takewhile(lambda part: part.opens < until, _walk(schedule, since))
    return tuple(map(_stretch, itertools.islice((part for part in ahead if part.closes > since), most)))


@functools.lru_cache(maxsize=4096)
def _near(schedule: Schedule, day: date) -> tuple[Stretch, ...]:
    """List what is not over when a day of UTC begins, up to the first that opens after that day."""
    midnight = datetime.combine(day, time(), UTC)
    found = []
    for part in _walk(schedule, midnight):
        found.append(_stretch(part))
        if part.opens >= _shifted(midnight, DAY):
            break
    return tuple(found)


def _stretch(part: _Part) -> Stretch:
    opens = None if part.opens == _EVER else part.opens
    return Stretch(opens, None, _NO_TIME) if part.closes == _NEVER else Stretch(opens, part.closes, part.overrun)


def _opening(stretch: Stretch) -> datetime:
    return stretch.opens or _EVER


def _shifted(at: datetime, by: timedelta) -> datetime:
    """Add, without leaving the calendar."""
    try:
        return at + by
    except OverflowError:
        return _EVER if by < _NO_TIME else _NEVER


def _walk(schedule: Schedule, since: datetime) -> Iterator[_Part]:
    """Go through the merged parts in order, from the first whose overrun lasts beyond `since`."""
    crons = [window for window in schedule if isinstance(window, CronWindow)]
    longest = max((window.duration for window in crons), default=_NO_TIME)
    near = longest + max((window.overrun for window in crons), default=_NO_TIME) + DAY
    # How far back the first one reaches shows only when nothing before it is left out: seldom is a far look needed.
    for back in (near, near + HORIZON):
        start = max(_shifted(since, -back), _FIRST)
        left_out = _shifted(start, longest) if crons else _EVER  # by then what began before `start` has closed
        parts = itertools.dropwhile(
            lambda part: _shifted(part.closes, part.overrun) <= since, _merged(_parts(schedule, start), since)
        )
        first = list(itertools.islice(parts, 1))
        if all(part.opens == _EVER or part.opens > left_out for part in first):
            break
    else:
        first = [replace(part, opens=_EVER) for part in first]
    return itertools.chain(first, parts)


def _merged(parts: Iterable[_Part], since: datetime) -> Iterator[_Part]:
    """Make one of what overlaps or touches; the parts come in the order in which they open."""
    run: _Part | None = None
    for part in parts:
        if run is None:
            run = part
        elif part.opens > run.closes:
            yield run
            run = part
        elif part.repeats and part.opens > _shifted(max(run.opens, since), HORIZON):
            yield replace(run, closes=_NEVER) if run.repeats else run
            return
        elif (part.closes, part.overrun) > (run.closes, run.overrun):
            run = _Part(run.opens, part.closes, part.overrun, part.repeats)
        if run.closes == _NEVER:
            break
    if run is not None:
        yield run


def _parts(schedule: Schedule, start: datetime) -> Iterator[_Part]:
    """Yield the windows one by one as they open: all that are fixed, and of cron texts what begins after `start`."""
    fixed = sorted((_fixed(window) for window in schedule if isinstance(window, Window)), key=attrgetter("opens"))
    merged = _merged(fixed, start)  # before the others: they are exact at any distance
    repeated = (_repeated(window, start) for window in schedule if isinstance(window, CronWindow))
    return heapq.merge(merged, *repeated, key=attrgetter("opens"))


def _fixed(window: Window) -> _Part:
    opens = _EVER if window.from_ is None else _shifted(window.from_, -window.start_early)
    return _Part(opens, window.until or _NEVER, window.overrun, repeats=False)


def _repeated(window: CronWindow, start: datetime) -> Iterator[_Part]:
    for midnight in _midnights(window.cron, start.date() - DAY):  # west of Greenwich it is still yesterday
        for first, last in _runs(window.cron, window.timezone, window.duration, midnight):
            opens, closes = _shifted(first, -window.start_early), _shifted(last, window.duration)
            yield _Part(opens, closes, window.overrun, repeats=True)


def _midnights(cron: str, since: date) -> Iterator[datetime]:
    """Yield the beginnings of the days that a cron text names, without a zone."""
    days = " ".join(cron.split()[2:])
    start = datetime.combine(since, time())
    for year in range(start.year, min(start.year + _YEARS, _LAST_YEAR)):
        named = _midnights_of_year(days, year)
        yield from named[bisect_left(named, start) :]


@functools.lru_cache(maxsize=512)
def _midnights_of_year(days: str, year: int) -> tuple[datetime, ...]:
    midnights = CronSim(f"0 0 {days}", datetime(year, 1, 1) - SECOND)  # noqa: DTZ001 - no zone is meant
    return tuple(itertools.takewhile(lambda midnight: midnight.year == year, midnights))


_Run: TypeAlias = tuple[datetime, datetime]  # the first and the last beginning of windows of one length that touch


def _runs(cron: str, timezone: str, length: timedelta, midnight: datetime) -> Iterable[_Run]:
    """Find the runs of one local day, given without a zone, in UTC."""
    zone = ZoneInfo(timezone)
    offset = midnight.replace(tzinfo=zone).utcoffset()
    if offset is None or offset != (midnight + DAY).replace(tzinfo=zone).utcoffset():
        return _runs_of_change(cron, timezone, length, midnight)
    begun = midnight.replace(tzinfo=UTC) - offset
    return [(begun + first, begun + last) for first, last in _runs_of_day(cron, length)]


@functools.lru_cache(maxsize=256)
def _runs_of_day(cron: str, length: timedelta) -> tuple[tuple[timedelta, timedelta], ...]:
    """Find the runs of a day that has 24 hours, counted from its midnight."""
    day = _FIRST
    return tuple((first - day, last - day) for first, last in _touching([day + at for at in _times(cron)], length))


@functools.lru_cache(maxsize=256)
def _runs_of_change(cron: str, timezone: str, length: timedelta, midnight: datetime) -> tuple[_Run, ...]:
    """Find the runs of a day on which the clocks are changed."""
    zone = ZoneInfo(timezone)
    return tuple(_touching([_instant(midnight + at, zone) for at in _times(cron)], length))


def _touching(beginnings: Sequence[datetime], length: timedelta) -> Iterator[_Run]:
    first = 0
    for index in range(1, len(beginnings) + 1):
        if index == len(beginnings) or beginnings[index] - beginnings[index - 1] > length:
            yield beginnings[first], beginnings[index - 1]
            first = index


@functools.lru_cache(maxsize=256)
def _times(cron: str) -> tuple[timedelta, ...]:
    """List the times of day of a cron text; they are the same on each of its days."""
    midnight = datetime(2024, 1, 1)  # noqa: DTZ001 - any day will do, no zone is meant
    minute, hour, *_ = cron.split()
    ahead = CronSim(f"{minute} {hour} * * *", midnight - SECOND)
    return tuple(at - midnight for at in itertools.takewhile(lambda at: at < midnight + DAY, ahead))


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    """Say when a local time is (S21): the first of two; for one that is left out, the first instant after the gap."""
    before, after = (local.replace(tzinfo=zone, fold=fold).utcoffset() or _NO_TIME for fold in (0, 1))
    moment = local.replace(tzinfo=UTC)
    if before >= after:
        return moment - before
    # The clocks jump over it somewhere between what either offset makes of it.
    low = moment - after
    passed = bisect_left(
        range(int((after - before) / SECOND)),
        True,
        key=lambda seconds: (low + seconds * SECOND).astimezone(zone).replace(tzinfo=None) >= local,
    )
    return low + passed * SECOND
