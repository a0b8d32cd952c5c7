"""A forecast as text and as JSON: whether the windows ahead fit, and what starts late where they do not. Pure."""

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from reconciler.planning.forecast import AppForecast, Delay, Forecast, Minute
from reconciler.render.text import columns, counted, joined, moment, paint, span

_INDENT = "  "
_MOST_MINUTES = 5
_MOST_LATE = 10
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def as_text(forecast: Forecast, *, color: bool = False) -> str:
    """Write a forecast for people: one sentence first, then each App ID, then what was assumed."""
    fits = not any(app.delays or app.excess for app in forecast.apps)
    lines = [paint(headline(forecast), "green" if fits else "yellow", color=color)]
    for app in forecast.apps:
        lines += ["", paint(_title(app), "bold", color=color), *_facts(app, forecast.since)]
        lines += _busiest(app.minutes)
        lines += _late(app.delays, forecast.since)
    notes = list(_notes(forecast))
    return joined([*lines, "", *notes] if notes else lines)


def headline(forecast: Forecast) -> str:
    """Say a whole forecast in one sentence."""
    if not forecast.apps:
        return "Nothing is ahead: no recording is declared that is not suspended."
    ahead = f"Until {_end(forecast)}"
    starts = sum(app.starts for app in forecast.apps)
    late = sum(len(_grouped(app.delays)) for app in forecast.apps)
    if late:
        never = " or not at all" if any(one.late is None for app in forecast.apps for one in app.delays) else ""
        return f"{ahead} {counted(late, 'recorder')} {'starts' if late == 1 else 'start'} late{never}."
    if any(app.excess for app in forecast.apps):
        return f"{ahead} no start is late, but more is wanted at once than there is room for."
    return (
        f"{ahead} {'the only start is' if starts == 1 else f'all {starts} starts are' if starts else 'all is'} on time."
    )


def as_json(forecast: Forecast) -> str:
    """Write a forecast for programs, with every minute and every delay."""
    document = {
        "from": moment(forecast.since),
        "until": moment(forecast.until),
        "cutShort": forecast.cut_short,
        "suspended": forecast.suspended,
        "occupied": forecast.occupied,
        "apps": [_app(app) for app in forecast.apps],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _app(app: AppForecast) -> dict[str, object]:
    return {
        "apps": list(app.allowance.apps),
        "recordings": app.recordings,
        "maxRecorders": app.allowance.limit,
        "callsPerSecond": app.allowance.rate,
        "peak": {"recorders": app.peak, "at": moment(app.peak_at)},
        "starts": app.starts,
        "startsPerMinute": [
            {"at": moment(one.at), "starts": one.starts, "quotaShare": round(one.share, 4)} for one in app.minutes
        ],
        "late": [
            {
                "name": one.name,
                "copy": one.copy,
                "due": moment(one.due),
                "seconds": None if one.late is None else round(one.late.total_seconds(), 1),
                "because": one.because,
            }
            for one in app.delays
        ],
    }


def _title(app: AppForecast) -> str:
    names = app.allowance.apps
    shared = " (one App ID)" if len(names) > 1 else ""
    return f"{'App' if len(names) == 1 else 'Apps'} {', '.join(names)}{shared}: {counted(app.recordings, 'recording')}"


def _facts(app: AppForecast, since: datetime) -> list[str]:
    when = "now" if app.peak_at <= since else f"on {_time(app.peak_at)} UTC"
    rows = [
        ("Peak", f"{counted(app.peak, 'recorder')} at once, {when}" if app.peak else "no recorder"),
        ("Limit", _limit(app)),
        ("Starts", _starts(app)),
    ]
    return columns(rows, indent=_INDENT)


def _limit(app: AppForecast) -> str:
    if app.allowance.limit is None:
        return "Agora's own, not known here: set RECONCILER_MAX_RECORDERS to compare"
    return f"{app.allowance.limit}{f', {app.excess} too few' if app.excess else ''}"


def _starts(app: AppForecast) -> str:
    most = max((one.starts for one in app.minutes), default=0)
    said = f"{app.starts}, at most {most} in a minute" if app.starts else "none"
    return f"{said}; the quota takes {app.allowance.starts_per_minute:.0f} ({app.allowance.rate:g} calls/s)"


def _busiest(minutes: Sequence[Minute]) -> list[str]:
    busiest = sorted(minutes, key=lambda one: (-one.starts, one.at))
    rows = [(_time(one.at), f"{one.starts:6}", f"{one.share:8.0%}") for one in busiest]
    return _table(("BUSIEST MINUTE (UTC)", "STARTS", "OF QUOTA"), rows, _MOST_MINUTES)


def _late(delays: Sequence[Delay], since: datetime) -> list[str]:
    rows = [
        (
            "now" if worst.due <= since else _time(worst.due),
            "not at all" if worst.late is None else span(worst.late),
            "no room" if worst.because == "room" else "quota",
            f"{times:5}",
            worst.name if worst.copy == 1 else f"{worst.name} (copy {worst.copy})",
        )
        for worst, times in _grouped(delays)
    ]
    return _table(("WORST DELAY (UTC)", "LATE BY", "BECAUSE", "TIMES", "RECORDER"), rows, _MOST_LATE)


def _grouped(delays: Iterable[Delay]) -> list[tuple[Delay, int]]:
    """Take each recorder once, with its worst delay, which comes first, and how often it is late."""
    times: dict[tuple[str, int], int] = {}
    worst: dict[tuple[str, int], Delay] = {}
    for one in delays:
        recorder = (one.name, one.copy)
        worst.setdefault(recorder, one)
        times[recorder] = times.get(recorder, 0) + 1
    return [(one, times[recorder]) for recorder, one in worst.items()]


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> list[str]:
    if not rows:
        return []
    rest = len(rows) - most
    more = [f"{_INDENT}and {rest} more"] if rest > 0 else []
    return ["", *columns([heads, *rows[:most]], indent=_INDENT), *more]


def _notes(forecast: Forecast) -> Iterable[str]:
    if forecast.cut_short:
        yield f"What opens after {_end(forecast)} is not counted: there are too many."
    if forecast.occupied:
        waiting = "waits for people; it is" if forecast.occupied == 1 else "wait for people; they are"
        yield f"{counted(forecast.occupied, 'recording')} {waiting} counted as if there were always some."
    if forecast.suspended:
        resting = "is suspended" if forecast.suspended == 1 else "are suspended"
        yield f"{counted(forecast.suspended, 'recording')} {resting} and not counted."


def _end(forecast: Forecast) -> str:
    return f"{_time(forecast.until.replace(second=0))} UTC"


def _time(at: datetime) -> str:
    """Write a time of UTC for people: with the day of the week, and seconds only where there are some."""
    shown = at.astimezone(UTC)
    return f"{_DAYS[shown.weekday()]} {shown:%Y-%m-%d} {shown:{'%H:%M:%S' if shown.second else '%H:%M'}}"
