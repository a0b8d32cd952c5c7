"""`reconciler schema`: the JSON Schema of manifests."""

from typing import Final

import click

from reconciler.cli.terminal import print_json

# Written here too, so that the help needs no models; a test holds the two together.
KINDS: Final = ("Recording", "Profile", "App")


@click.command(short_help="Print the JSON Schema of manifests, for editors.")
@click.argument("kind", required=False, type=click.Choice(KINDS, case_sensitive=False))
def command(kind: str | None) -> None:
    """Print the JSON Schema (draft-07) of one KIND, or of any document.

    An editor with the YAML language server reads it from a comment at the top of a file:
    # yaml-language-server: $schema=recordings.json
    """
    from reconciler.manifests.json_schema import json_schema  # noqa: PLC0415 - builds every model

    print_json(json_schema(kind))
