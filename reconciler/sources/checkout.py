"""One folder of one commit, written to the disk as the commit has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from reconciler.sources.program import GitError, Program
from reconciler.sources.remote import path_problem


async def export(repository: str, revision: str, path: str, into: Path, program: Program | None = None) -> None:
    """Write a folder of a revision of a repository on this machine under `into`, by its way from the top.

    `manifests` of `main` is then in `into/manifests`. Neither the repository nor a working copy of it is touched.
    Raises GitError, also where there is no such revision or folder.
    """
    program = program or Program()
    if revision.startswith("-") or not revision:
        raise GitError(f"`{revision}` is no revision")
    if (problem := path_problem(path)) is not None:
        raise GitError(problem)
    found = await program.run("-C", repository, "rev-parse", "--absolute-git-dir")
    folder = found.removesuffix("\n")
    commit = await commit_of(folder, revision, program)
    await write_out(folder, commit, path, into, program)


async def commit_of(folder: str, revision: str, program: Program) -> str:
    """Find the commit of a revision. Raises GitError."""
    try:
        found = await program.run(f"--git-dir={folder}", "rev-parse", "--verify", f"{revision}^{{commit}}")
    except GitError as wrong:
        raise GitError(f"there is no revision `{revision}` in this repository ({wrong})") from None
    return found.strip()


async def write_out(folder: str, commit: str, path: str, into: Path, program: Program) -> None:
    """Do what `export` does with the commit of a repository whose own folder is known."""
    inside = "/".join(PurePosixPath(path).parts)  # without dots and double slashes
    tree = f"{commit}:{inside}"
    try:
        kind = await program.run(f"--git-dir={folder}", "cat-file", "-t", tree)
    except GitError:
        kind = ""
    if kind.strip() != "tree":
        raise GitError(f"there is no folder `{path}` in commit {commit[:12]}: --path names a folder of the repository")
    with _index_in(into) as index:
        prefix = [f"--prefix={inside}/"] if inside else []
        for command in (["read-tree", *prefix, tree], ["checkout-index", "--all", "--force"]):
            try:
                await program.run(f"--git-dir={folder}", f"--work-tree={into}", *command, GIT_INDEX_FILE=index)
            except GitError as wrong:
                raise GitError(f"commit {commit[:12]} cannot be written out: git {command[0]}: {wrong}") from None


@contextmanager
def _index_in(into: Path) -> Iterator[str]:
    into.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=into, prefix=".index-") as beside:
        yield str(Path(beside) / "index")
