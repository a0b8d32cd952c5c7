"""From YAML 1.2 text to nodes with their places; nothing is executed, and nothing grows without bound.

Built on the events of libyaml rather than on its composer: depth, aliases and sizes are checked before anything is
built from them, and scalars are read by YAML 1.2's core schema, not by 1.1's.
"""

import re
from collections.abc import Iterator
from typing import Final

import yaml

from reconciler.errors import Fault, Place
from reconciler.manifests.nodes import Document, Listing, Mapping_, Node, Plain, Scalar
from reconciler.manifests.scalars import read_scalar

MAX_DEPTH: Final = 64
MAX_NODES: Final = 100_000  # of one document, as written
MAX_GROWTH: Final = 10
MAX_FAULTS: Final = 1_000  # of one file; who has more has one mistake many times

_CORE: Final = "tag:yaml.org,2002:"
_CONTROL = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


class Unreadable(Exception):  # noqa: N818 - carries a fault, is none itself
    """Why a document, or the rest of a file, cannot be read."""

    def __init__(self, file: str, mark: tuple[int, int], message: str) -> None:
        super().__init__(message)
        self.fault = Fault(Place(file, *mark), message)


def _mark(event: yaml.Event) -> tuple[int, int]:
    begin = event.start_mark
    assert begin is not None, "libyaml marks every event"
    return begin.line + 1, begin.column + 1


class _Open:
    """A list or mapping whose end has not come yet."""

    __slots__ = ("anchor", "before", "entries", "height", "is_mapping", "items", "key", "mark", "marks", "merges")

    def __init__(self, mark: tuple[int, int], anchor: str | None, before: int, *, is_mapping: bool) -> None:
        self.mark, self.anchor, self.before, self.is_mapping = mark, anchor, before, is_mapping
        self.height = 0  # levels below this one
        self.items: list[Node] = []
        self.entries: dict[str, Node] = {}
        self.marks: dict[str, tuple[int, int]] = {}
        self.merges: list[Node] = []
        self.key: tuple[str, tuple[int, int], bool] | None = None  # the key that waits for its value


class _Builder:
    """Builds one document from events; never deeper, larger or more grown than allowed."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.faults: list[Fault] = []
        self.root: Node | None = None
        self.nodes = 0
        self.expanded = 0
        self._open: list[_Open] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}  # with size and height

    def fault(self, mark: tuple[int, int], message: str) -> None:
        self.faults.append(Fault(Place(self.file, *mark), message))

    def add(self, event: yaml.Event) -> None:
        mark = _mark(event)
        if isinstance(event, yaml.ScalarEvent):
            self._count(mark)
            self._scalar(event, mark)
        elif isinstance(event, yaml.AliasEvent):
            self._count(mark)
            self._alias(event.anchor or "", mark)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._count(mark)
            self._start(event, mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()

    def _count(self, mark: tuple[int, int]) -> None:
        self.nodes += 1
        self.expanded += 1
        if self.nodes > MAX_NODES:
            raise Unreadable(self.file, mark, f"a document of more than {MAX_NODES} values is too large: split it")

    def _grow(self, by: int, mark: tuple[int, int], *, slack: int) -> None:
        self.expanded += by
        if self.expanded > MAX_GROWTH * self.nodes + slack:
            raise Unreadable(
                self.file, mark, f"aliases grow this document more than {MAX_GROWTH} times: write the values out"
            )

    def _scalar(self, event: yaml.ScalarEvent, mark: tuple[int, int]) -> None:
        if self._wants_key():
            self._take_key(event, mark)
            return
        node = Scalar(self.file, *mark, self._value(event, mark))
        if event.anchor:
            self._anchors[event.anchor] = (node, 1, 0)
        self._attach(node, mark, 0)

    def _value(self, event: yaml.ScalarEvent, mark: tuple[int, int]) -> Plain:
        text: str = event.value
        if event.tag not in {None, "!", f"{_CORE}str"}:
            return self._tagged(event.tag, text, mark)
        if event.tag is not None or not event.implicit[0]:
            return text
        try:
            return read_scalar(text)
        except ValueError as wrong:
            self.fault(mark, f"{wrong} cannot be used here; put quotes around it if it is a text")
            return None

    def _tagged(self, tag: str, text: str, mark: tuple[int, int]) -> Plain:
        kinds: dict[str, type | tuple[type, ...]] = {
            "int": int,
            "float": (int, float),
            "bool": bool,
            "null": type(None),
        }
        wanted = kinds.get(tag.removeprefix(_CORE)) if tag.startswith(_CORE) else None
        if wanted is None:
            self.fault(mark, f"the tag {_tag(tag)} means nothing here: take it away")
            return None
        try:
            value = read_scalar(text)
        except ValueError:
            value = text
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            self.fault(mark, f"this is not what its tag {_tag(tag)} says")
        return value

    def _wants_key(self) -> bool:
        return bool(self._open) and self._open[-1].is_mapping and self._open[-1].key is None

    def _take_key(self, event: yaml.ScalarEvent, mark: tuple[int, int]) -> None:
        merges = event.tag is None and event.implicit[0] and event.value == "<<"
        if event.anchor:
            self._anchors[event.anchor] = (Scalar(self.file, *mark, event.value), 1, 0)
        if not merges and not isinstance(self._value(event, mark), str):
            self.fault(mark, f"a key must be a text: put quotes around {_shown(event.value)}")
        self._await_value(event.value, mark, merges=merges)

    def _await_value(self, key: str, mark: tuple[int, int], *, merges: bool = False) -> None:
        top = self._open[-1]
        if not merges and key in top.marks:
            self.fault(mark, f"`{_shown(key)}` is given twice; the first is in line {top.marks[key][0]}")
        top.key = (key, mark, merges)

    def _alias(self, anchor: str, mark: tuple[int, int]) -> None:
        if anchor not in self._anchors:
            inside = any(one.anchor == anchor for one in self._open)
            why = "refers to itself" if inside else "refers to an anchor that is not defined above"
            raise Unreadable(self.file, mark, f"the alias *{_shown(anchor)} {why}")
        node, size, height = self._anchors[anchor]
        self._grow(size - 1, mark, slack=1_000)
        if self._wants_key():
            if not (isinstance(node, Scalar) and isinstance(node.value, str)):
                raise Unreadable(self.file, mark, "a key must be a text")
            self._await_value(node.value, mark)
            return
        if len(self._open) + height > MAX_DEPTH:
            raise Unreadable(self.file, mark, f"nested more than {MAX_DEPTH} deep")
        self._attach(node, mark, height)

    def _start(self, event: yaml.CollectionStartEvent, mark: tuple[int, int]) -> None:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        if self._wants_key():
            raise Unreadable(self.file, mark, "a key must be a text, not a list or a mapping")
        if len(self._open) >= MAX_DEPTH:
            raise Unreadable(self.file, mark, f"nested more than {MAX_DEPTH} deep")
        if event.tag not in {None, "!", f"{_CORE}{'map' if is_mapping else 'seq'}"}:
            self.fault(mark, f"the tag {_tag(event.tag)} means nothing here: take it away")
        self._open.append(_Open(mark, event.anchor, self.expanded, is_mapping=is_mapping))

    def _end(self) -> None:
        done = self._open.pop()
        if done.is_mapping:
            self._merge(done)
            node: Node = Mapping_(self.file, *done.mark, done.entries, done.marks)
        else:
            node = Listing(self.file, *done.mark, tuple(done.items))
        if done.anchor:
            self._anchors[done.anchor] = (node, self.expanded - done.before + 1, done.height + 1)
        self._attach(node, done.mark, done.height + 1)

    def _merge(self, done: _Open) -> None:
        for source in done.merges:
            for one in source.items if isinstance(source, Listing) else (source,):
                if not isinstance(one, Mapping_):
                    raise Unreadable(self.file, done.mark, "a merge key takes a mapping, or a list of mappings")
                self._grow(len(one.entries), done.mark, slack=1_000)
                for key, value in one.entries.items():
                    if key not in done.entries:
                        done.entries[key], done.marks[key] = value, one.marks[key]

    def _attach(self, node: Node, mark: tuple[int, int], height: int) -> None:
        if not self._open:
            self.root = node
            return
        top = self._open[-1]
        top.height = max(top.height, height)
        if not top.is_mapping:
            top.items.append(node)
            return
        assert top.key is not None, f"a value without a key at {mark}"
        key, key_mark, merges = top.key
        top.key = None
        if merges:
            top.merges.append(node)
        elif key not in top.marks:
            top.entries[key], top.marks[key] = node, key_mark

    def document(self, mark: tuple[int, int]) -> Document | None:
        self._grow(0, mark, slack=0)
        if self.root is None or (isinstance(self.root, Scalar) and self.root.value is None):
            return None
        return Document(self.root, self.nodes, self.expanded)


def _tag(tag: str | None) -> str:
    return _shown((tag or "!").replace(_CORE, "!!", 1))


def _shown(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"


def read_yaml(text: str, file: str) -> Iterator[Document | Fault]:
    """Read every document that is not empty; after a fault in the text itself the rest is not read."""
    odd = _CONTROL.search(text)
    if odd is not None:
        line = text.count("\n", 0, odd.start()) + 1
        column = odd.start() - text.rfind("\n", 0, odd.start())
        yield Fault(Place(file, line, column), f"the character U+{ord(odd.group()):04X} cannot stand in a manifest")
        return
    try:
        yield from _documents(yaml.CSafeLoader(text), file)
    except yaml.MarkedYAMLError as wrong:
        mark = wrong.problem_mark or wrong.context_mark
        at = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        yield Fault(Place(file, *at), f"this is not YAML: {_said(wrong)}")
    except yaml.YAMLError:
        yield Fault(Place(file, 1, 1), "this is not YAML")
    except Unreadable as wrong:
        yield wrong.fault


def _said(wrong: yaml.MarkedYAMLError) -> str:
    if "cannot start any token" in (wrong.problem or ""):
        return (
            "a tab, % or other character that cannot begin a value here (indent with spaces, or put quotes around it)"
        )
    return " ".join(str(part) for part in (wrong.problem, wrong.context) if part)


def _documents(parser: yaml.CSafeLoader, file: str) -> Iterator[Document | Fault]:
    builder = _Builder(file)
    faults = 0
    while (event := parser.get_event()) is not None:
        if isinstance(event, yaml.DocumentStartEvent):
            builder = _Builder(file)
        elif isinstance(event, yaml.DocumentEndEvent):
            document = builder.document(_mark(event))
            yield from builder.faults
            faults += len(builder.faults)
            if document is not None and not builder.faults:
                yield document
            if faults > MAX_FAULTS:
                raise Unreadable(file, _mark(event), f"more than {MAX_FAULTS} faults; the rest was not read")
        else:
            builder.add(event)
