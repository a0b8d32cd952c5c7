"""A folder of a revision is written out as it was committed, and the repository is left alone."""

from pathlib import Path

import pytest

from reconciler.manifests.accept import Policy, accept_reading
from reconciler.manifests.files import read_files
from reconciler.sources.checkout import export
from reconciler.sources.program import GitError, Program
from tests.manifests.texts import recording
from tests.sources.hearing import names_of
from tests.sources.repositories import Origin, new_home, new_origin


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    origin = new_origin(tmp_path / "origin", new_home(tmp_path / "home"))
    origin.declare("old")
    origin.git("tag", "v1")
    origin.declare("new")
    origin.git("branch", "side")
    return origin


async def exported(origin: Origin, revision: str, into: Path, path: str = "manifests", at: str = "") -> list[str]:
    await export(str(origin.folder / at), revision, path, into, Program(origin.home.environ))
    reading = read_files([str(into / path)], root=str(into))
    whole = accept_reading(reading, policy=Policy())
    assert all(one.place.file == f"manifests/{one.name}.yaml" for one in whole.recordings)
    return names_of(whole)


@pytest.mark.parametrize(
    ("revision", "names"),
    [("HEAD", ["new"]), ("HEAD~1", ["old"]), ("v1", ["old"]), ("side", ["new"]), ("main", ["new"])],
)
async def test_any_revision_can_be_written_out(revision: str, names: list[str], origin: Origin, tmp_path: Path) -> None:
    assert await exported(origin, revision, tmp_path / "deep" / "into") == names
    assert sorted(path.name for path in (tmp_path / "deep" / "into").rglob("*")) == ["manifests", f"{names[0]}.yaml"]


async def test_the_path_is_from_the_top_wherever_in_the_repository_one_is(origin: Origin, tmp_path: Path) -> None:
    assert await exported(origin, "v1", tmp_path / "into", at="manifests") == ["old"]
    assert await exported(origin, "v1", tmp_path / "all", path=".") == ["old"]


async def test_the_working_copy_is_left_alone_with_what_was_not_committed(origin: Origin, tmp_path: Path) -> None:
    origin.write("manifests/new.yaml", recording("edited"))
    origin.write("manifests/staged.yaml", recording("staged"))
    origin.git("add", "manifests/staged.yaml")
    before = origin.git("status", "--porcelain=v2", "--branch"), (origin.folder / ".git/index").read_bytes()
    assert await exported(origin, "HEAD", tmp_path / "into") == ["new"]
    after = origin.git("status", "--porcelain=v2", "--branch"), (origin.folder / ".git/index").read_bytes()
    assert after == before


@pytest.mark.parametrize(
    ("revision", "path", "words"),
    [
        ("none", "manifests", "there is no revision `none` in this repository"),
        ("--help", "manifests", "`--help` is no revision"),
        ("", "manifests", "`` is no revision"),
        ("HEAD:manifests", "manifests", "there is no revision `HEAD:manifests`"),
        ("HEAD", "none", "there is no folder `none` in commit"),
        ("HEAD", "manifests/new.yaml", "there is no folder `manifests/new.yaml` in commit"),
        ("HEAD", "../home", "--path takes a folder inside the repository"),
    ],
)
async def test_what_is_not_there_is_said(revision: str, path: str, words: str, origin: Origin, tmp_path: Path) -> None:
    with pytest.raises(GitError) as refused:
        await export(str(origin.folder), revision, path, tmp_path / "into", Program(origin.home.environ))
    assert str(refused.value).startswith(words)


async def test_a_folder_that_is_no_repository_is_said(tmp_path: Path, origin: Origin) -> None:
    with pytest.raises(GitError, match="not a git repository"):
        await export(str(tmp_path / "home"), "HEAD", ".", tmp_path / "into", Program(origin.home.environ))
