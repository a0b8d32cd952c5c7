"""From paths to the bytes of a set: which files count, and what is wrong with them as files."""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from reconciler.errors import Fault, Place

MAX_BYTES: Final = 16 * 2**20
_USUAL_BYTES: Final = 32 * 2**10  # a buffer for the largest would cost more than reading the usual
STDIN: Final = "-"
STDIN_NAME: Final = "<stdin>"
_SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})


@dataclass(frozen=True, slots=True)
class File:
    """A file as it was read; equal to every other reading that found the same in it."""

    name: str  # as messages call it
    data: bytes = field(repr=False, compare=False)
    digest: bytes


@dataclass(frozen=True, slots=True)
class Reading:
    """The files of a set at one moment, and what could not be read; equal if nothing is different."""

    place: Place  # to point at where nothing was found
    files: tuple[File, ...]
    faults: tuple[Fault, ...]


def read_files(paths: Sequence[str], *, stdin: bytes | None = None, confined: bool = False, root: str = "") -> Reading:
    """Read files, folders and `-`; the same path twice counts once.

    With `confined`, links that lead out of a folder are faults: a repository must not show files of this machine.
    With `root`, the folder above all paths, files are called by their way from there.
    """
    reader = _Reader(confined=confined, root=root)
    seen: set[str] = set()
    for path in paths:
        whole = path if path == STDIN else os.path.abspath(path)  # noqa: PTH100 - a link is not its target here
        if whole in seen:
            continue
        seen.add(whole)
        if path == STDIN:
            reader.read_stdin(stdin)
        else:
            reader.read_path(path)
    return Reading(reader.place_of(paths[0] if paths else "."), tuple(reader.files), tuple(reader.faults))


class _Reader:
    """One reading on its way over the disk."""

    def __init__(self, *, confined: bool, root: str) -> None:
        self.files: list[File] = []
        self.faults: list[Fault] = []
        self._confined = confined
        self._root = root

    def place_of(self, path: str) -> Place:
        return Place(self._name(path), 1, 1)

    def read_stdin(self, data: bytes | None) -> None:
        if data is None:
            self.faults.append(Fault(Place(STDIN_NAME, 1, 1), "nothing was handed in on standard input"))
        else:
            self._take(STDIN_NAME, data)

    def read_path(self, path: str) -> None:
        try:
            mode = os.stat(path).st_mode  # noqa: PTH116 - also of what is no regular file
        except (OSError, ValueError) as wrong:
            self._fault(path, _why_not(path, wrong))
            return
        if stat.S_ISDIR(mode):
            for file in self._walk(path):
                self._read_file(file)
        else:
            self._read_file(path)

    def _name(self, path: str) -> str:
        return os.path.relpath(path, self._root) if self._root else path

    def _fault(self, path: str, message: str) -> None:
        self.faults.append(Fault(self.place_of(path), message))

    def _read_file(self, path: str) -> None:
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - a string is at hand
                data = file.read(_USUAL_BYTES)
                if len(data) == _USUAL_BYTES:
                    data += file.read(MAX_BYTES + 1 - _USUAL_BYTES)
        except (OSError, ValueError) as wrong:
            self._fault(path, _why_not(path, wrong))
            return
        self._take(self._name(path), data)

    def _take(self, name: str, data: bytes) -> None:
        if len(data) > MAX_BYTES:
            self.faults.append(Fault(Place(name, 1, 1), "larger than 16 MiB: split it"))
        else:
            self.files.append(File(name, data, sha256(data).digest()))

    def _walk(self, top: str) -> Iterator[str]:
        """Find the manifests under a folder in the order of their names, following links but never in a circle."""
        root = os.path.realpath(top)
        waiting: list[tuple[str, tuple[str, ...]]] = [(top, (root,))]  # with the real folders they are in
        while waiting:
            folder, above = waiting.pop()
            try:
                with os.scandir(folder) as found:
                    entries = sorted(found, key=lambda entry: entry.name)
            except OSError as wrong:
                self._fault(folder, _why_not(folder, wrong))
                continue
            below = []
            for entry in entries:
                if entry.name.startswith((".", "_")):
                    continue
                is_plain = entry.is_file(follow_symlinks=False)  # a look at the others costs more
                why, is_folder = ("", False) if is_plain else _kind(entry, above, confined=self._confined)
                if why:
                    self._fault(entry.path, why)
                elif is_folder:
                    below.append((entry.path, (*above, os.path.realpath(entry.path))))
                elif is_manifest(entry.name):
                    yield entry.path
            waiting.extend(reversed(below))


def is_manifest(name: str) -> bool:
    """Tell by its name whether a file in a folder counts."""
    return os.path.splitext(name)[1] in _SUFFIXES  # noqa: PTH122 - a string is at hand


def _kind(entry: os.DirEntry[str], above: tuple[str, ...], *, confined: bool) -> tuple[str, bool]:
    """Say what is wrong with an entry of a folder, if anything, and whether it is a folder itself."""
    path, matters = entry.path, is_manifest(entry.name)
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
