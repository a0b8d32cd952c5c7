"""From JSON text to nodes with their places; YAML readers refuse its pairs of surrogate escapes."""

import json
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from reconciler.errors import Fault, Place
from reconciler.manifests.nodes import Document, Listing, Mapping_, Node, Scalar
from reconciler.manifests.scalars import read_scalar
from reconciler.manifests.yamltext import MAX_DEPTH, MAX_NODES, Unreadable

_BLANK = re.compile(r"[ \t\n\r]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_STRINGS: Final = json.JSONDecoder()
_WORD = re.compile(r"true|false|null")
_WORDS: Final[dict[str, bool | None]] = {"true": True, "false": False, "null": None}


def read_json(text: str, file: str) -> Iterator[Document | Fault]:
    """Read one value after the other; after a fault in the text the rest is not read."""
    reader = _Reader(text, file)
    at = reader.skip(0)
    try:
        while at < len(text):
            reader.nodes, reader.faults = 0, []
            root, at = reader.value(at, 0)
            at = reader.skip(at)
            yield from reader.faults
            if not reader.faults and not (isinstance(root, Scalar) and root.value is None):
                yield Document(root, reader.nodes, reader.nodes)
    except Unreadable as wrong:
        yield wrong.fault


class _Reader:
    """Reads values from positions of one text."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.nodes = 0
        self.faults: list[Fault] = []
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def mark(self, at: int) -> tuple[int, int]:
        line = bisect_right(self._lines, at)
        return line, at - self._lines[line - 1] + 1

    def skip(self, at: int) -> int:
        blank = _BLANK.match(self.text, at)
        assert blank is not None, "nothing is blank too"
        return blank.end()

    def value(self, at: int, depth: int) -> tuple[Node, int]:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.wrong(at, f"a document of more than {MAX_NODES} values is too large: split it")
        if depth >= MAX_DEPTH and self.text[at : at + 1] in {"{", "["}:
            raise self.wrong(at, f"nested more than {MAX_DEPTH} deep")
        match self.text[at : at + 1]:
            case "{":
                return self._mapping(at, depth)
            case "[":
                return self._listing(at, depth)
            case '"':
                text, end = self._string(at)
                return Scalar(self.file, *self.mark(at), text), end
            case _:
                return self._bare(at)

    def wrong(self, at: int, message: str) -> Unreadable:
        return Unreadable(self.file, self.mark(at), message)

    def _mapping(self, at: int, depth: int) -> tuple[Node, int]:
        entries: dict[str, Node] = {}
        marks: dict[str, tuple[int, int]] = {}
        here = self.skip(at + 1)
        if self.text[here : here + 1] == "}":
            return Mapping_(self.file, *self.mark(at), entries, marks), here + 1
        while True:
            here = self.skip(here)
            if self.text[here : here + 1] != '"':
                raise self.wrong(here, 'this is not JSON: a key in "quotes" must stand here')
            mark = self.mark(here)
            key, here = self._string(here)
            if key in marks:
                self.faults.append(
                    Fault(Place(self.file, *mark), f"`{key[:40]}` is given twice; the first is in line {marks[key][0]}")
                )
            here = self._expect(self.skip(here), ":")
            entries[key], here = self.value(self.skip(here), depth + 1)
            marks[key] = mark
            here, more = self._more(here, "}")
            if not more:
                return Mapping_(self.file, *self.mark(at), entries, marks), here

    def _listing(self, at: int, depth: int) -> tuple[Node, int]:
        items: list[Node] = []
        here = self.skip(at + 1)
        if self.text[here : here + 1] == "]":
            return Listing(self.file, *self.mark(at), ()), here + 1
        while True:
            item, here = self.value(self.skip(here), depth + 1)
            items.append(item)
            here, more = self._more(here, "]")
            if not more:
                return Listing(self.file, *self.mark(at), tuple(items)), here

    def _more(self, at: int, end: str) -> tuple[int, bool]:
        at = self.skip(at)
        if self.text[at : at + 1] == end:
            return at + 1, False
        return self._expect(at, ","), True

    def _expect(self, at: int, sign: str) -> int:
        if self.text[at : at + 1] != sign:
            raise self.wrong(at, f"this is not JSON: a {sign} is missing here")
        return at + 1

    def _string(self, at: int) -> tuple[str, int]:
        text: str
        try:
            text, end = _STRINGS.raw_decode(self.text, at)
        except ValueError:
            raise self.wrong(at, "this is not JSON: the text that begins here is not well-formed") from None
        if any("\ud800" <= sign <= "\udfff" for sign in text):
            raise self.wrong(at, "this text holds half of a surrogate pair")
        return text, end

    def _bare(self, at: int) -> tuple[Node, int]:
        mark = self.mark(at)
        if word := _WORD.match(self.text, at):
            return Scalar(self.file, *mark, _WORDS[word.group()]), word.end()
        number = _NUMBER.match(self.text, at)
        if number is None:
            raise self.wrong(at, "this is not JSON: a value must stand here")
        try:
            return Scalar(self.file, *mark, read_scalar(number.group())), number.end()
        except ValueError as wrong:
            raise self.wrong(at, f"{wrong} cannot be used here") from None
