"""Manifests as written: values that know where they stand. What they mean is not known here."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from reconciler.errors import Place

Plain: TypeAlias = str | int | float | bool | None
Path: TypeAlias = Sequence[str | int]


class Scalar(NamedTuple):
    """A text, a number, true, false or null."""

    file: str
    line: int
    column: int
    value: Plain


class Listing(NamedTuple):
    """A list."""

    file: str
    line: int
    column: int
    items: tuple["Node", ...]


class Mapping_(NamedTuple):  # noqa: N801 - Mapping is the word, and taken
    """A mapping with text keys; `marks` says where each key stands, always in the file of its value."""

    file: str
    line: int
    column: int
    entries: Mapping[str, "Node"]
    marks: Mapping[str, tuple[int, int]]


Node: TypeAlias = Scalar | Listing | Mapping_


class Document(NamedTuple):
    """One document of a file."""

    root: Node
    nodes: int  # as written
    expanded: int  # with every alias and merge key written out


def place(node: Node) -> Place:
    """Say where a value begins."""
    return Place(node.file, node.line, node.column)


def key_place(mapping: Mapping_, key: str) -> Place:
    """Say where a key of the mapping stands."""
    return Place(mapping.entries[key].file, *mapping.marks[key])


def plain(node: Node) -> Any:
    """Forget the places: dicts, lists and scalars, as validators want them."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Listing):
        return [plain(item) for item in node.items]
    return {key: plain(value) for key, value in node.entries.items()}


def step(node: Node, part: str | int) -> Node | None:
    """Go one step down; None where there is nothing of that name."""
    if isinstance(node, Mapping_):
        return node.entries.get(part) if isinstance(part, str) else None
    if isinstance(node, Listing) and isinstance(part, int) and part < len(node.items):
        return node.items[part]
    return None


def find(node: Node, path: Path) -> Node | None:
    """Go down a path; None where it is not written."""
    for part in path:
        below = step(node, part)
        if below is None:
            return None
        node = below
    return node


def nearest_place(root: Node, path: Path, *, key: bool = False) -> Place:
    """Point at what a path names, or at the nearest thing above it that is written.

    At the value if it is a scalar, else (or with `key`) at its key: a block's value stands a line below it.
    Parts that lead nowhere are passed over: a validator's names for the branch it took are among them.
    """
    found, at = root, place(root)
    for part in path:
        below = step(found, part)
        if below is None:
            continue
        at = place(below)
        if isinstance(found, Mapping_) and isinstance(part, str) and (key or not isinstance(below, Scalar)):
            at = key_place(found, part)
        found = below
    return at


def without_nulls(mapping: Mapping_) -> Mapping_:
    """Take away what is null, at every depth but in overrides, where a null is a word of the merge patch."""
    entries = {
        key: value if key == "overrides" else _without_nulls(value)
        for key, value in mapping.entries.items()
        if not (isinstance(value, Scalar) and value.value is None)
    }
    return mapping._replace(entries=entries)


def _without_nulls(node: Node) -> Node:
    if isinstance(node, Mapping_):
        return without_nulls(node)
    if isinstance(node, Listing):
        return node._replace(items=tuple(_without_nulls(item) for item in node.items))
    return node


def dotted(path: tuple[int | str, ...]) -> str:
    """Write a path the way people say it: `layout.regions[0].x`."""
    return re.sub(r"\.\[", "[", ".".join(f"[{part}]" if isinstance(part, int) else part for part in path))


def said(written: object) -> Any:
    """Leave out of a JSON document what was not said: null stands for it, and some fields take no null."""
    if isinstance(written, Mapping):
        return {name: said(value) for name, value in written.items() if value is not None}
    return [said(value) for value in written] if isinstance(written, list) else written
