"""What every rendering shares: times, ages, tables, colours, and text that cannot steer a terminal. Pure."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from typing import Literal, TypeAlias

Colour: TypeAlias = Literal["red", "green", "yellow", "magenta", "cyan", "dim", "bold"]

_CODES: dict[Colour, str] = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "cyan": "36",
    "dim": "2",
    "bold": "1",
}
_GAP = "  "


def printable(text: str) -> str:
    """Escape what would steer a terminal or break a line: names and the service's words come from outside."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode("ascii") for one in text)


def paint(text: str, colour: Colour, *, color: bool) -> str:
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if color and text else text


def moment(at: datetime) -> str:
    """Write a time as RFC 3339 in UTC, with fractions only where there are some."""
    return at.astimezone(UTC).isoformat(timespec="auto").replace("+00:00", "Z")


def moment_or_none(at: datetime | None) -> str | None:
    return moment(at) if at else None


def to_the_second(at: datetime) -> str:
    """Write a time for people."""
    return moment(at.replace(microsecond=0))


def age(since: datetime, now: datetime) -> str:
    """Say how long ago, as kubectl does: 45s, 3m20s, 15m, 3h5m, 26h, 4d; a clock that jumped back makes it 0s."""
    return span(max(now - since, timedelta()))


def span(length: timedelta) -> str:
    """Say a length in at most two units, the second one only where it matters."""
    seconds = int(length.total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return f"{minutes}m{_more(seconds % 60, 's')}"
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{_more(minutes % 60, 'm')}"
    if hours < 48:
        return f"{hours}h"
    return f"{days}d{_more(hours % 24, 'h')}" if days < 8 else f"{days}d"


def _more(number: int, unit: str) -> str:
    return f"{number}{unit}" if number else ""


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def columns(
    rows: Sequence[Sequence[str]], *, width: int | None = None, indent: str = "", widths: Sequence[int] = ()
) -> list[str]:
    """Align rows; the last column is free. With a width every line is cut to it, without one nothing is lost.

    Columns are at least as wide as `widths` says: those of lines that stand above already.
    """
    cells = [[printable(cell) for cell in row] for row in rows]
    widths = widths_of(rows, widths)
    lines = (
        indent + _GAP.join([*(cell.ljust(wide) for cell, wide in zip(row, widths, strict=False)), row[-1]])
        for row in cells
    )
    return [clip(line.rstrip(), width) for line in lines]


def widths_of(rows: Sequence[Sequence[str]], least: Sequence[int] = ()) -> list[int]:
    """Tell how wide the columns of these rows are, all but the free last one; none is narrower than in `least`."""
    needed = [max(len(printable(cell)) for cell in column) for column in zip(*rows, strict=True)][:-1]
    return [max(pair) for pair in zip_longest(needed, least, fillvalue=0)]


def clip(line: str, width: int | None) -> str:
    return line if width is None or len(line) <= width else line[: max(width - 1, 0)] + "…"


def joined(lines: Sequence[str]) -> str:
    """Make a text of lines, each ended."""
    return "".join(f"{line}\n" for line in lines)
