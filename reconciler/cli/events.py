"""`reconciler events`: the history of decisions and calls; nobody is called."""

import re
from datetime import datetime, timedelta

import click

from reconciler.cli.terminal import Here

_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
_SPAN = re.compile(r"(?:[0-9]{1,9}[dhms])+")


@click.command(help="Show the history of decisions and calls, oldest first. Calls nobody.")
@click.argument("name", required=False)
@click.option("--since", metavar="TIME", help="Only newer ones: 30m, 24h, 7d, or a time such as 2026-01-31T09:00:00Z.")
@click.option(
    "-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="json: JSON lines."
)
@click.pass_obj
def command(here: Here, name: str | None, since: str | None, output: str) -> None:
    from reconciler.cli.ledger_reading import note_if_empty, open_reading, width_of_terminal  # noqa: PLC0415
    from reconciler.render.events import as_json, lines  # noqa: PLC0415

    with open_reading(here) as reading:
        after = _moment(since, reading.now) if since is not None else None
        key = reading.named(name).key if name is not None else None
        events = reading.events(key, after)
    click.echo(as_json(events) if output == "json" else lines(events, width=width_of_terminal()), nl=False)
    if reading.ledger:
        note_if_empty(here, events, "events")


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
