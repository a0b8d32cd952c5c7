"""`reconciler get`: what is known of recordings, from the ledger alone; nobody is called."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from reconciler.cli.terminal import Here

if TYPE_CHECKING:
    from reconciler.model import Entry, Key
    from reconciler.planning.status import Status

FAILED = 1


@click.command(
    help="List recordings and their phases, as the ledger knows them: declared ones, and whatever still lives. "
    "A NAME is also found when it is only history. Calls nobody."
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "wide", "json", "yaml", "name"]),
    default="table",
    show_default=True,
)
@click.option(
    "-l",
    "--label",
    "labels",
    multiple=True,
    metavar="LABEL=VALUE",
    help="Only recordings with this label, or with LABEL!=VALUE without it; may be repeated, all must fit.",
)
@click.option("-A", "--all-sets", "every_set", is_flag=True, help="Recordings of every set.")
@click.pass_obj
def command(here: Here, names: tuple[str, ...], output: str, labels: tuple[str, ...], *, every_set: bool) -> int:
    from reconciler.cli.ledger_reading import note_if_empty, open_reading, rules_of  # noqa: PLC0415
    from reconciler.cli.naming import unknown  # noqa: PLC0415
    from reconciler.planning.status import status_of  # noqa: PLC0415

    wanted = [_selector(text) for text in labels]
    with open_reading(here) as reading:
        entries = reading.entries(every_set=every_set)
        shown = [entry for entry in _chosen(entries, names) if all(_fits(entry.labels, one) for one in wanted)]
        rules = rules_of(here, entries.values())
        statuses = [status_of(entry, reading.now, rules=rules) for entry in shown]
        click.echo(_rendered(statuses, output, reading.now, every_set=every_set), nl=False)
    known = {key.name for key in entries}
    missing = [name for name in names if name not in known]
    for name in missing:
        here.say(f"error: {unknown(name, reading.set, known)}")
    if reading.ledger and not names:
        note_if_empty(here, shown, "recordings" if not labels else "recordings with these labels")
    return FAILED if missing else 0


def _chosen(entries: "Mapping[Key, Entry]", names: Sequence[str]) -> "Iterable[Entry]":
    """Choose what was named, else what is declared or may live; the rest is history."""
    if names:
        return [entry for key, entry in entries.items() if key.name in names]
    return [entry for entry in entries.values() if entry.declared or entry.open_sessions]


def _selector(text: str) -> tuple[str, bool, str]:
    """Read `label=value`, `label==value` or `label!=value`."""
    label, equals, value = text.partition("=")
    if not equals or not label.strip("! "):
        raise click.BadParameter(f"{text!r} is no selector: say label=value or label!=value", param_hint="'-l'")
    return label.removesuffix("!").strip(), not label.endswith("!"), value.removeprefix("=").strip()


def _fits(labels: Mapping[str, str], selector: tuple[str, bool, str]) -> bool:
    label, equal, value = selector
    return (labels.get(label) == value) is equal


def _rendered(statuses: "Sequence[Status]", output: str, now: datetime, *, every_set: bool) -> str:
    from reconciler.cli.ledger_reading import width_of_terminal  # noqa: PLC0415
    from reconciler.render.status import as_json, as_yaml, names, table  # noqa: PLC0415

    match output:
        case "json":
            return as_json(statuses)
        case "yaml":
            return as_yaml(statuses)
        case "name":
            return names(statuses, sets=every_set)
        case _:
            width = width_of_terminal() if output == "table" else None
            return table(statuses, now, wide=output == "wide", sets=every_set, width=width)
