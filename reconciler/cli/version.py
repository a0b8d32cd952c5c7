"""`reconciler version`."""

import click

from reconciler import __version__


@click.command(help="Print the version.")
def command() -> None:
    click.echo(f"reconciler {__version__}")
