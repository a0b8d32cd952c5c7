"""From the bytes of files to documents, and what is wrong with them as texts."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from reconciler.errors import Fault, Place
from reconciler.manifests.cache import Cache
from reconciler.manifests.files import STDIN_NAME, File, Reading
from reconciler.manifests.jsontext import read_json
from reconciler.manifests.nodes import Document, place
from reconciler.manifests.yamltext import read_yaml

MAX_DOCUMENTS: Final = 50_000  # of one file; more can only be a mistake


@dataclass(slots=True)
class Loaded:
    """Everything that could be read, and everything that could not."""

    documents: list[Document] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


def load(reading: Reading, cache: Cache) -> Loaded:
    """Read the documents of every file; those of an unchanged one are the same objects as the last time."""
    loaded = Loaded(faults=list(reading.faults))
    for file in reading.files:
        documents, faults = cache.by_value((file.name, file.digest), partial(_documents, file))
        loaded.documents += documents
        loaded.faults += faults
    return loaded


def _documents(file: File) -> tuple[list[Document], list[Fault]]:
    try:
        text = file.data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        where = _place_of_byte(file.data, wrong.start, file.name)
        return [], [Fault(where, "this is not UTF-8: save the file as UTF-8")]
    found, faults = _read_text(text, file.name)
    if not found and not faults:
        faults = [Fault(Place(file.name, 1, 1), "there is no manifest in here")]
    return found, faults


def _read_text(text: str, name: str) -> tuple[list[Document], list[Fault]]:
    if name.endswith(".json"):
        return _sorted_out(read_json(text, name))
    if name == STDIN_NAME and text.lstrip()[:1] in {"{", "["}:
        # Programs write JSON into a pipe, people write YAML that may begin the same way.
        found, faults = _sorted_out(read_json(text, name))
        if not faults:
            return found, faults
    return _sorted_out(read_yaml(text, name))


def _sorted_out(parts: Iterator[Document | Fault]) -> tuple[list[Document], list[Fault]]:
    found: list[Document] = []
    faults: list[Fault] = []
    for part in parts:
        if isinstance(part, Fault):
            faults.append(part)
        elif len(found) < MAX_DOCUMENTS:
            found.append(part)
        else:
            faults.append(Fault(place(part.root), f"more than {MAX_DOCUMENTS} documents in one file: split it"))
            break
    return found, faults


def _place_of_byte(data: bytes, at: int, name: str) -> Place:
    begin = data.rfind(b"\n", 0, at) + 1
    return Place(name, data.count(b"\n", 0, at) + 1, len(data[begin:at].decode("utf-8", "replace")) + 1)
