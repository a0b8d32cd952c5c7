"""What a shell completes besides commands and options: recordings and paths.

Errors are raised as ever: `root.run` keeps them from whoever has only pressed TAB.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.terminal import Here

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from reconciler.model import Entry


def recordings(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer every recording of the set, also what is only history."""
    return _names(ctx, param, incomplete, lambda _: True)


def standing_recordings(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Offer what is declared or may live."""
    return _names(ctx, param, incomplete, lambda entry: bool(entry.declared or entry.open_sessions))


def paths(_: click.Context, __: click.Parameter, incomplete: str) -> "list[CompletionItem]":
    """Leave it to the shell, which knows the files."""
    from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks for it

    return [CompletionItem(incomplete, type="file")]


def _names(ctx: click.Context, param: click.Parameter, incomplete: str, offers: "Callable[[Entry], bool]") -> list[str]:
    said = ctx.params.get(param.name or "") or ()
    names = [entry.key.name for entry in _entries(ctx.obj) if offers(entry)]
    return [name for name in names if name.startswith(incomplete) and name not in said]


def _entries(here: Here) -> "Iterable[Entry]":
    from reconciler.cli.ledger_reading import open_reading  # noqa: PLC0415 - only a shell asks for it
    from reconciler.ledger.files import locate  # noqa: PLC0415 - see above

    if not Path(locate(here.ledger_place(changes=False))).exists():
        return ()
    with open_reading(here) as reading:
        return reading.entries().values()
