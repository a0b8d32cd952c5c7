"""`reconciler get`: what is known of recordings, from the ledger alone; nobody is called."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

import click

from reconciler.cli import completing
from reconciler.cli.terminal import Here

if TYPE_CHECKING:
    from reconciler.cli.ledger_reading import Reading
    from reconciler.model import Entry, Key
    from reconciler.planning.status import Status

FAILED = 1

_Selector: TypeAlias = tuple[str, bool, str]  # a label, whether it must be equal, and its value


@click.command(
    help="List recordings and their phases, as the ledger knows them: declared ones, and whatever still lives. "
    "A NAME is also found when it is only history. Calls nobody."
)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completing.recordings)
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
@click.option(
    "-w",
    "--watch",
    is_flag=True,
    help="Go on with a line for each change, until Ctrl-C; with -o json that is one object a line from the beginning, "
    "with -o yaml one document each. Another time of the next check is no change.",
)
@click.pass_obj
def command(
    here: Here, names: tuple[str, ...], output: str, labels: tuple[str, ...], *, every_set: bool, watch: bool
) -> int:
    choice = _Choice(names, tuple(_selector(text) for text in labels), every_set=every_set)
    if watch:
        return _watch(here, choice, output)
    from reconciler.cli.ledger_reading import open_reading, rules_of  # noqa: PLC0415
    from reconciler.planning.status import status_of  # noqa: PLC0415

    with open_reading(here) as reading:
        entries = reading.entries(every_set=every_set)
        rules = rules_of(here, entries.values())
        shown = [status_of(one, reading.now, rules=rules) for one in entries.values() if choice.includes(one)]
        click.echo(_rendered(shown, output, reading.now, every_set=every_set), nl=False)
    return _noted(here, choice, reading, entries, shown)


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which recordings are asked for."""

    names: tuple[str, ...]
    selectors: tuple[_Selector, ...]
    every_set: bool

    def includes(self, entry: "Entry") -> bool:
        """Choose what was named, else what is declared or may live; the rest is history."""
        asked = entry.key.name in self.names if self.names else bool(entry.declared or entry.open_sessions)
        return asked and all(_fits(entry.labels, one) for one in self.selectors)


def _noted(
    here: Here, choice: _Choice, reading: "Reading", entries: "Mapping[Key, Entry]", shown: Sequence[object]
) -> int:
    """Say which names are unknown, and that nothing is shown; give the exit code."""
    from reconciler.cli.ledger_reading import note_if_empty  # noqa: PLC0415
    from reconciler.cli.naming import unknown  # noqa: PLC0415

    known = {key.name for key in entries}
    missing = [name for name in choice.names if name not in known]
    for name in missing:
        here.say(f"error: {unknown(name, reading.set, known)}")
    if reading.ledger and not choice.names:
        note_if_empty(here, shown, "recordings with these labels" if choice.selectors else "recordings")
    return FAILED if missing else 0


def _watch(here: Here, choice: _Choice, output: str) -> int:
    """Print what is chosen, and from then on each that has changed; a name that is unknown ends it at once."""
    from reconciler.cli.following import looks  # noqa: PLC0415
    from reconciler.cli.ledger_reading import timing  # noqa: PLC0415
    from reconciler.planning.status import status_of  # noqa: PLC0415

    rules_of, page = timing(here), _Page(output, sets=choice.every_set)
    told: dict[Key, object] = {}  # what was last printed of each
    for number, reading in enumerate(looks(here)):
        entries = reading.entries(every_set=choice.every_set)
        rules = rules_of(entries.values())
        # What was shown once is shown to its end, also where it is history then.
        shown = [
            status_of(entry, reading.now, rules=rules)
            for key, entry in entries.items()
            if key in told or choice.includes(entry)
        ]
        changed = [status for status in shown if page.news(status, reading.now) != told.get(status.entry.key)]
        told |= {status.entry.key: page.news(status, reading.now) for status in changed}
        click.echo(page.lines(changed, reading.now), nl=False)
        if number == 0 and _noted(here, choice, reading, entries, shown):
            break
    return FAILED


class _Page:
    """What a watch prints: what is worth a line, and how it looks."""

    def __init__(self, output: str, *, sets: bool) -> None:
        from reconciler.cli.following import Columns  # noqa: PLC0415

        self._output = output
        self._sets = sets
        self._columns = Columns()

    def news(self, status: "Status", now: datetime) -> object:
        """Give what is worth a line once it is another."""
        from reconciler.render.status import lasting_cells, lasting_document  # noqa: PLC0415

        if self._output in ("json", "yaml"):
            return lasting_document(status)
        return lasting_cells(status, now, wide=self._output == "wide")

    def lines(self, statuses: "Sequence[Status]", now: datetime) -> str:
        from reconciler.render.status import as_json_lines, as_yaml_documents, header, names, row  # noqa: PLC0415

        match self._output:
            case "json":
                return as_json_lines(statuses)
            case "yaml":
                return as_yaml_documents(statuses)
            case "name":
                return names(statuses, sets=self._sets)
            case _:
                wide = self._output == "wide"
                rows = [row(status, now, wide=wide, sets=self._sets) for status in statuses]
                if rows and not self._columns.is_begun:
                    rows.insert(0, header(wide=wide, sets=self._sets))
                return self._columns.lines(rows, clipped=not wide)


def _selector(text: str) -> _Selector:
    """Read `label=value`, `label==value` or `label!=value`."""
    label, equals, value = text.partition("=")
    if not equals or not label.strip("! "):
        raise click.BadParameter(f"{text!r} is no selector: say label=value or label!=value", param_hint="'-l'")
    return label.removesuffix("!").strip(), not label.endswith("!"), value.removeprefix("=").strip()


def _fits(labels: Mapping[str, str], selector: _Selector) -> bool:
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
