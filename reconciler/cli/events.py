"""`reconciler events`: the history of decisions and calls; nobody is called."""

import re
from datetime import datetime, timedelta

import click

from reconciler.cli import completing
from reconciler.cli.terminal import Here

_NEWEST = 20  # that following begins with
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_SPAN = re.compile(r"(?:[0-9]{1,9}[dhms])+")


@click.command(help="Show the history of decisions and calls, oldest first. Calls nobody.")
@click.argument("name", required=False, shell_complete=completing.recordings)
@click.option("--since", metavar="TIME", help="Only newer ones: 30m, 24h, 7d, or a time such as 2026-01-31T09:00:00Z.")
@click.option(
    "-f",
    "--follow",
    is_flag=True,
    help=f"Begin with the newest {_NEWEST}, or with those since a time, and go on with new ones as they come, until "
    "Ctrl-C.",
)
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="json: JSON lines."
)
@click.pass_obj
def command(here: Here, name: str | None, since: str | None, output: str, *, follow: bool) -> None:
    if follow:
        return _follow(here, name, since, output)
    from reconciler.cli.ledger_reading import note_if_empty, open_reading, width_of_terminal  # noqa: PLC0415
    from reconciler.render.events import as_json, lines  # noqa: PLC0415

    with open_reading(here) as reading:
        after = _moment(since, reading.now) if since is not None else None
        key = reading.named(name).key if name is not None else None
        events = reading.events(key, after)
    click.echo(as_json(events) if output == "json" else lines(events, width=width_of_terminal()), nl=False)
    if reading.ledger:
        note_if_empty(here, events, "events")
    return None


def _follow(here: Here, name: str | None, since: str | None, output: str) -> None:
    """Print what there is, and whatever is written from then on: in its order, nothing twice."""
    from reconciler.cli.following import Columns, looks  # noqa: PLC0415
    from reconciler.cli.ledger_reading import note_if_empty  # noqa: PLC0415
    from reconciler.render.events import as_json, rows  # noqa: PLC0415

    key = after = last = None
    columns = Columns()
    for reading in looks(here):
        if last is None:
            after = _moment(since, reading.now) if since is not None else None
            key = reading.named(name).key if name is not None else None
            found = reading.numbered_events(key, after, limit=None if after else _NEWEST)
            if reading.ledger:
                note_if_empty(here, found, "events")
        else:
            found = reading.numbered_events(key, after, after=last)
        last = found[-1][0] if found else last or 0
        events = [event for _, event in found]
        click.echo(as_json(events) if output == "json" else columns.lines(rows(events)), nl=False)


def _moment(text: str, now: datetime) -> datetime:
    if _SPAN.fullmatch(text):
        parts = re.findall(r"([0-9]+)([dhms])", text)
        try:
            return now - sum((timedelta(**{_UNITS[unit]: int(number)}) for number, unit in parts), timedelta())
        except OverflowError:
            raise _refused(text) from None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise _refused(text) from None
    if at.tzinfo is None:
        raise _refused(text)
    return at


def _refused(text: str) -> click.BadParameter:
    words = f"{text!r} is no time: say 30m, 24h, 7d, or one with its zone such as 2026-01-31T09:00:00Z"
    return click.BadParameter(words, param_hint="'--since'")
