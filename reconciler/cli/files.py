"""`reconciler files`: what was recorded, over every session there was; nobody is called."""

import click

from reconciler.cli import completing
from reconciler.cli.terminal import Here


@click.command(
    help="List what was recorded, over every session, also of recordings that are only history, with upload status. "
    "Calls nobody."
)
@click.argument("name", required=False, shell_complete=completing.recordings)
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@click.pass_obj
def command(here: Here, name: str | None, output: str) -> None:
    from reconciler.cli.ledger_reading import note_if_empty, open_reading  # noqa: PLC0415
    from reconciler.render.files import as_json, table  # noqa: PLC0415

    with open_reading(here) as reading:
        key = reading.named(name).key if name is not None else None
        sessions = reading.sessions(key)
    click.echo(as_json(sessions) if output == "json" else table(sessions), nl=False)
    if reading.ledger:
        note_if_empty(here, [file for _, session in sessions for file in session.files], "files")
