"""Names of recordings on the command line: which are known, and which was probably meant."""

from collections.abc import Collection, Iterable

from reconciler.cli.terminal import refuse
from reconciler.model import Key


def known(names: Iterable[str], keys: Iterable[Key], set_name: str) -> tuple[Key, ...]:
    """Find the recordings of the set by name; one that is unknown ends the command, with a guess at what was meant."""
    mine = {key.name: key for key in keys if key.set == set_name}
    found = []
    for name in dict.fromkeys(names):
        if name not in mine:
            refuse(unknown(name, set_name, mine))
        found.append(mine[name])
    return tuple(found)


def unknown(name: str, set_name: str, names: Collection[str]) -> str:
    """Say that there is no such recording, and what may have been meant."""
    import difflib  # noqa: PLC0415 - only for a slip of the pen

    near = difflib.get_close_matches(name, names, n=1)
    return f"there is no recording {name} in set {set_name}{f'; did you mean {near[0]}?' if near else ''}"
