"""A folder or a file of one commit, written to the disk as the commit has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Literal

from reconciler.sources.program import GitError, Program


async def commit_of(folder: str, revision: str, program: Program) -> str:
    """Find the commit of a revision. Raises GitError."""
    try:
        found = await program.run(f"--git-dir={folder}", "rev-parse", "--verify", f"{revision}^{{commit}}")
    except GitError as wrong:
        raise GitError(f"there is no revision `{revision}` in this repository ({wrong})") from None
    return found.strip()


async def write_out(folder: str, commit: str, path: str, into: Path, program: Program) -> None:
    """Write a folder of a commit under `into`, by its way from the top; `folder` is the repository's own.

    Neither the repository nor a working copy of it is touched. Raises GitError.
    """
    inside = "/".join(PurePosixPath(path).parts)  # without dots and double slashes
    tree = f"{commit}:{inside}"
    if await kind_of(folder, tree, program) != "tree":
        raise GitError(f"there is no folder `{path}` in commit {commit[:12]}: --path names a folder of the repository")
    prefix = [f"--prefix={inside}/"] if inside else []
    await _check_out(folder, commit, ("read-tree", *prefix, tree), into, program)


async def write_file(folder: str, commit: str, path: str, into: Path, program: Program) -> None:
    """Do the same for one file, or one link. Raises GitError."""
    listed = await program.run(f"--git-dir={folder}", "ls-tree", "--full-tree", commit, "--", path)
    mode, _, identity = listed.partition("\t")[0].split(" ")
    entry = f"{mode},{identity},{path}"
    await _check_out(folder, commit, ("update-index", "--add", "--cacheinfo", entry), into, program)


async def kind_of(folder: str, name: str, program: Program) -> Literal["tree", "blob", "none"]:
    """Tell what a name such as `main:manifests` stands for."""
    try:
        kind = (await program.run(f"--git-dir={folder}", "cat-file", "-t", name)).strip()
    except GitError:
        return "none"
    return "tree" if kind == "tree" else "blob" if kind == "blob" else "none"


async def _check_out(folder: str, commit: str, taking: tuple[str, ...], into: Path, program: Program) -> None:
    with _index_in(into) as index:
        for command in (taking, ("checkout-index", "--all", "--force")):
            try:
                await program.run(f"--git-dir={folder}", f"--work-tree={into}", *command, GIT_INDEX_FILE=index)
            except GitError as wrong:
                raise GitError(f"commit {commit[:12]} cannot be written out: git {command[0]}: {wrong}") from None


@contextmanager
def _index_in(into: Path) -> Iterator[str]:
    into.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=into, prefix=".index-") as beside:
        yield str(Path(beside) / "index")
