"""Folders and files as a revision of a repository on this machine has them: for comparing, not for following."""

import os
import posixpath
from pathlib import Path

from reconciler.sources.checkout import commit_of, kind_of, write_file, write_out
from reconciler.sources.program import GitError, Program


async def repository_of(path: str, program: Program) -> tuple[str, str]:
    """Find the repository a file or folder is in, and its way from the top of it. Raises GitError."""
    folder, name = _split(Path(path))
    said = await program.run("-C", str(folder), "rev-parse", "--show-toplevel", "--show-prefix")
    top, prefix, *_ = [*said.splitlines(), ""]
    return top, posixpath.join(prefix, name).rstrip("/")


def _split(path: Path) -> tuple[Path, str]:
    return (path, "") if path.is_dir() else (path.parent, path.name)


async def export(repository: str, revision: str, path: str, into: Path, program: Program) -> None:
    """Write a folder or a file of a revision under `into`, by its way from the top; an empty path is everything.

    `manifests` of `main` is then in `into/manifests`, with what links in it lead to inside the repository. What the
    revision does not have is not written. Neither the repository nor its working copy is touched. Raises GitError.
    """
    if revision.startswith("-") or not revision:
        raise GitError(f"`{revision}` is no revision")
    found = await program.run("-C", repository, "rev-parse", "--absolute-git-dir")
    folder = found.removesuffix("\n")
    try:
        commit = await commit_of(folder, revision, program)
    except GitError as wrong:
        shallow = await program.run(f"--git-dir={folder}", "rev-parse", "--is-shallow-repository")
        advice = "; this clone is shallow: fetch that revision first" if shallow.strip() == "true" else ""
        raise GitError(f"{wrong}{advice}") from None
    await _write(folder, commit, path, into, program)


async def _write(folder: str, commit: str, path: str, into: Path, program: Program) -> None:
    match await kind_of(folder, f"{commit}:{path}", program):
        case "tree":
            await write_out(folder, commit, path, into, program)
        case "blob":
            await write_file(folder, commit, path, into, program)
        case "none":
            return
    for target in _targets(into, path):
        await _write(folder, commit, target, into, program)


def _targets(into: Path, path: str) -> frozenset[str]:
    """Name what links lead to and is not there yet, by its way from the top, where that is inside the repository."""
    links = [file for file in (into / path, *(into / path).rglob("*")) if file.is_symlink()]
    ways = {
        posixpath.normpath(posixpath.join(link.parent.relative_to(into).as_posix(), link.readlink())) for link in links
    }
    return frozenset(way for way in ways if not way.startswith(("/", "..")) and not os.path.lexists(into / way))
