"""From paths to documents: which files count, how they are read, and what is wrong with them as files."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from reconciler.errors import Fault, Place
from reconciler.manifests.jsontext import read_json
from reconciler.manifests.nodes import Document, place
from reconciler.manifests.yamltext import read_yaml

MAX_BYTES: Final = 16 * 2**20
MAX_DOCUMENTS: Final = 50_000  # of one file; more can only be a mistake
STDIN: Final = "-"
STDIN_NAME: Final = "<stdin>"
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


@dataclass(slots=True)
class Loaded:
    """Everything that could be read, and everything that could not."""

    documents: list[Document] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    files: int = 0


def load(paths: Sequence[str], *, stdin: bytes | None = None, confined: bool = False) -> Loaded:
    """Read files, folders and `-`; the same path twice counts once.

    With `confined`, links that lead out of a folder are faults: a repository must not show files of this machine.
    """
    loaded = Loaded()
    seen: set[str] = set()
    for path in paths:
        whole = path if path == STDIN else os.path.abspath(path)  # noqa: PTH100 - a link is not its target here
        if whole in seen:
            continue
        seen.add(whole)
        if path == STDIN:
            _read_stdin(stdin, loaded)
        else:
            _read_path(path, loaded, confined=confined)
    return loaded


def _read_stdin(data: bytes | None, loaded: Loaded) -> None:
    loaded.files += 1
    if data is None:
        loaded.faults.append(Fault(Place(STDIN_NAME, 1, 1), "nothing was handed in on standard input"))
    else:
        _take(data, STDIN_NAME, loaded)


def _read_path(path: str, loaded: Loaded, *, confined: bool) -> None:
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - also of what is no regular file
    except (OSError, ValueError) as wrong:
        loaded.faults.append(Fault(Place(path, 1, 1), _why_not(path, wrong)))
        return
    if stat.S_ISDIR(mode):
        for file in _walk(path, loaded, confined=confined):
            _read_file(file, loaded)
    else:
        _read_file(path, loaded)


def _walk(top: str, loaded: Loaded, *, confined: bool) -> Iterator[str]:
    """Find the manifests under a folder in the order of their names, following links but never in a circle."""
    root = os.path.realpath(top)
    waiting: list[tuple[str, tuple[str, ...]]] = [(top, (root,))]  # with the real folders they are in
    while waiting:
        folder, above = waiting.pop()
        try:
            names = sorted(os.listdir(folder))  # noqa: PTH208 - names, not paths
        except OSError as wrong:
            loaded.faults.append(Fault(Place(folder, 1, 1), _why_not(folder, wrong)))
            continue
        below = []
        for name in names:
            if name.startswith((".", "_")):
                continue
            path = os.path.join(folder, name)  # noqa: PTH118 - as written, not normalised
            why, is_folder = _kind(path, name, above, confined=confined)
            if why:
                loaded.faults.append(Fault(Place(path, 1, 1), why))
            elif is_folder:
                below.append((path, (*above, os.path.realpath(path))))
            elif Path(name).suffix in _SUFFIXES:
                yield path
        waiting.extend(reversed(below))


def _kind(path: str, name: str, above: tuple[str, ...], *, confined: bool) -> tuple[str, bool]:
    """Say what is wrong with an entry of a folder, if anything, and whether it is a folder itself."""
    matters = Path(name).suffix in _SUFFIXES
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - also of what is no regular file
    except OSError as wrong:
        is_link = os.path.islink(path)  # noqa: PTH114 - a string is at hand
        return (_why_not(path, wrong) if matters or is_link else ""), False
    real = os.path.realpath(path)
    if confined and not (real + os.sep).startswith(above[0] + os.sep) and (matters or stat.S_ISDIR(mode)):
        return "this link leads out of the folder, which a source from git must not", False
    if stat.S_ISDIR(mode):
        return ("a circular link: this folder contains itself" if real in above else ""), True
    if matters and not stat.S_ISREG(mode):
        return "not a regular file", False
    return "", False


def _why_not(path: str, wrong: OSError | ValueError) -> str:
    match wrong:
        case FileNotFoundError() if os.path.islink(path):  # noqa: PTH114 - a string is at hand
            return "a dangling link: what it points to does not exist"
        case FileNotFoundError():
            return "there is no such file or folder"
        case PermissionError():
            return "permission to read it is denied"
        case OSError():
            text = (wrong.strerror or "cannot be read").lower()
            return "a circular link: it points to itself" if "symbolic links" in text else text
        case _:
            return "this is not a path"


def _read_file(path: str, loaded: Loaded) -> None:
    loaded.files += 1
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - a string is at hand
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as wrong:
        loaded.faults.append(Fault(Place(path, 1, 1), _why_not(path, wrong)))
        return
    _take(data, path, loaded)


def _take(data: bytes, name: str, loaded: Loaded) -> None:
    if len(data) > MAX_BYTES:
        loaded.faults.append(Fault(Place(name, 1, 1), "larger than 16 MiB: split it"))
        return
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        loaded.faults.append(
            Fault(_place_of_byte(data, wrong.start, name), "this is not UTF-8: save the file as UTF-8")
        )
        return
    found, faults = _read_text(text, name)
    loaded.documents += found
    loaded.faults += faults
    if not found and not faults:
        loaded.faults.append(Fault(Place(name, 1, 1), "there is no manifest in here"))


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
