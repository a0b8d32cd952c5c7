"""`reconciler describe`: everything about one recording, from the ledger alone; nobody is called."""

import click

from reconciler.cli import completing
from reconciler.cli.terminal import Here

_NEWEST_EVENTS = 25


@click.command(
    help="Tell everything about one recording: why it is or isn't recording, conditions, sessions, files and the "
    "newest events. Calls nobody."
)
@click.argument("name", shell_complete=completing.recordings)
@click.pass_obj
def command(here: Here, name: str) -> None:
    from reconciler.cli.ledger_reading import open_reading, rules_of  # noqa: PLC0415
    from reconciler.planning.status import status_of  # noqa: PLC0415
    from reconciler.render.describe import describe  # noqa: PLC0415

    with open_reading(here) as reading:
        entry = reading.named(name)
        rules = rules_of(here, reading.entries().values())
        sessions = [session for _, session in reading.sessions(entry.key)]
        events = reading.events(entry.key, limit=_NEWEST_EVENTS)
        text = describe(status_of(entry, reading.now, rules=rules), sessions, events, reading.now)
    click.echo(text, nl=False)
