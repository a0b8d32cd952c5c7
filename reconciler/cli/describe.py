"""`reconciler describe`: everything about one recording, from the ledger alone; nobody is called."""

from typing import TYPE_CHECKING

import click

from reconciler.cli import completing
from reconciler.cli.terminal import Here

if TYPE_CHECKING:
    from datetime import datetime

    from reconciler.cli.ledger_reading import Reading
    from reconciler.model import Entry
    from reconciler.planning.windows import Stretch
    from reconciler.render.describe import Beside

_NEWEST_EVENTS = 25
_MOST_WINDOWS = 4


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
        status = status_of(entry, reading.now, rules=rules)
        text = describe(status, sessions, events, reading.now, _beside(reading, entry))
    click.echo(text, nl=False)


def _beside(reading: "Reading", entry: "Entry") -> "Beside":
    """Read what people have ordered, where the manifests come from, and the windows ahead."""
    from reconciler.cli.ledger_reading import finish  # noqa: PLC0415
    from reconciler.render.describe import Beside  # noqa: PLC0415

    ledger = reading.ledger
    assert ledger is not None, "there is an entry"
    sheet = finish(ledger.sheet(entry.key))
    declaration = finish(ledger.declaration(entry.key))
    newest = entry.newest
    spec = declaration.spec if declaration and declaration.in_force else newest.applied.spec if newest else {}
    return Beside(
        sheet.orders,
        finish(ledger.set_orders(reading.set)),
        finish(ledger.standing(reading.set)),
        _windows(spec.get("schedule"), reading.now) if entry.declared else (),
    )


def _windows(schedule: object, now: "datetime") -> "tuple[Stretch, ...]":
    """Work out the present window and the next; only who has a schedule pays for loading the schema."""
    if not schedule:
        return ()
    from reconciler.manifests.schedule import read_schedule  # noqa: PLC0415
    from reconciler.planning.windows import HORIZON, stretches  # noqa: PLC0415

    return stretches(read_schedule(schedule), now, now + HORIZON, _MOST_WINDOWS)
