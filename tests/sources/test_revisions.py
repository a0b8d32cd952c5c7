"""What a revision has is written out as it was committed, and the repository is left alone."""

from pathlib import Path

import pytest

from reconciler.manifests.accept import Policy, accept_reading
from reconciler.manifests.files import read_files
from reconciler.sources.program import GitError, Program
from reconciler.sources.revisions import export, repository_of
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


@pytest.fixture
def into(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "into"


async def exported(origin: Origin, revision: str, into: Path, path: str = "manifests", at: str = "") -> list[str]:
    await export(str(origin.folder / at), revision, path, into, Program(origin.home.environ))
    reading = read_files([str(into / path)], root=str(into))
    whole = accept_reading(reading, policy=Policy())
    assert all(one.place.file == f"manifests/{one.name}.yaml" for one in whole.recordings)
    return names_of(whole)


def written(into: Path) -> list[str]:
    return sorted(str(path.relative_to(into)) for path in into.rglob("*") if not path.is_dir() or path.is_symlink())


@pytest.mark.parametrize(
    ("revision", "names"),
    [("HEAD", ["new"]), ("HEAD~1", ["old"]), ("v1", ["old"]), ("side", ["new"]), ("main", ["new"])],
)
async def test_any_revision_can_be_written_out(revision: str, names: list[str], origin: Origin, into: Path) -> None:
    origin.write("other/x.yaml", "x")
    assert await exported(origin, revision, into) == names
    assert written(into) == [f"manifests/{names[0]}.yaml"]


async def test_the_path_is_from_the_top_wherever_in_the_repository_one_is(origin: Origin, tmp_path: Path) -> None:
    assert await exported(origin, "v1", tmp_path / "into", at="manifests") == ["old"]
    assert await exported(origin, "v1", tmp_path / "all", path="") == ["old"]


async def test_a_file_is_written_alone(origin: Origin, into: Path) -> None:
    origin.write("manifests/zwei und ü.yaml", recording("zwei"))
    origin.commit()
    await export(str(origin.folder), "HEAD", "manifests/zwei und ü.yaml", into, Program(origin.home.environ))
    assert written(into) == ["manifests/zwei und ü.yaml"]
    assert (into / "manifests/zwei und ü.yaml").read_text() == recording("zwei")


@pytest.mark.parametrize("path", ["none", "manifests/none.yaml", "manifests/new.yaml/deeper"])
async def test_what_the_revision_does_not_have_is_not_written(path: str, origin: Origin, into: Path) -> None:
    await export(str(origin.folder), "HEAD", path, into, Program(origin.home.environ))
    assert written(into) == []


async def test_the_working_copy_is_left_alone_with_what_was_not_committed(origin: Origin, into: Path) -> None:
    origin.write("manifests/new.yaml", recording("edited"))
    origin.write("manifests/staged.yaml", recording("staged"))
    origin.git("add", "manifests/staged.yaml")
    before = origin.git("status", "--porcelain=v2", "--branch"), (origin.folder / ".git/index").read_bytes()
    assert await exported(origin, "HEAD", into) == ["new"]
    assert await exported(origin, "HEAD", into / "alone", "manifests/new.yaml") == ["new"]
    after = origin.git("status", "--porcelain=v2", "--branch"), (origin.folder / ".git/index").read_bytes()
    assert after == before


async def test_what_is_left_out_of_archives_is_written(origin: Origin, into: Path) -> None:
    origin.write(".gitattributes", "manifests export-ignore\n")
    origin.write("manifests/.gitattributes", "*.yaml export-ignore\n")
    origin.commit()
    assert await exported(origin, "HEAD", into) == ["new"]


async def test_links_lead_to_what_they_led_to(origin: Origin, into: Path) -> None:
    origin.write("shared/deep/base.yaml", "base")
    origin.write("unused/x.yaml", "x")
    for link, target in (
        ("manifests/base.yaml", "../shared/link.yaml"),
        ("shared/link.yaml", "deep/base.yaml"),
        ("manifests/folder", "../shared/deep"),
        ("manifests/again.yaml", "new.yaml"),
        ("manifests/away.yaml", "/etc/hostname"),
        ("manifests/above.yaml", "../../above.yaml"),
        ("manifests/circle.yaml", "circle.yaml"),
        ("manifests/nowhere.yaml", "gone.yaml"),
    ):
        (origin.folder / link).symlink_to(target)
    origin.commit()
    program = Program(origin.home.environ)
    await export(str(origin.folder), "main", "manifests", into, program)

    assert (into / "manifests/base.yaml").read_text() == "base"
    assert (into / "manifests/folder/base.yaml").read_text() == "base"
    assert (into / "manifests/again.yaml").read_bytes() == (into / "manifests/new.yaml").read_bytes()
    assert str((into / "manifests/away.yaml").readlink()) == "/etc/hostname"
    assert {path.partition("/")[0] for path in written(into)} == {"manifests", "shared"}

    await export(str(origin.folder), "main", "manifests/base.yaml", into / "alone", program)
    assert written(into / "alone") == ["manifests/base.yaml", "shared/deep/base.yaml", "shared/link.yaml"]


@pytest.mark.parametrize("name", ["..", ".git"])
async def test_a_path_that_leads_out_is_refused(origin: Origin, into: Path, name: str) -> None:
    blob = origin.git("rev-parse", "HEAD:manifests/new.yaml")
    (origin.folder / "raw").write_bytes(b"100644 evil.yaml\0" + bytes.fromhex(blob))
    inner = origin.git("hash-object", "-w", "-t", "tree", "--literally", "raw")
    (origin.folder / "raw").write_bytes(f"40000 {name}\0".encode() + bytes.fromhex(inner))
    tree = origin.git("hash-object", "-w", "-t", "tree", "--literally", "raw")
    commit = origin.git("commit-tree", tree, "-m", "x")

    with pytest.raises(GitError, match=r"cannot be written out: git read-tree: .*evil\.yaml"):
        await export(str(origin.folder), commit, "", into, Program(origin.home.environ))
    assert written(into.parent) == []


async def test_a_file_that_git_cannot_read_is_told(origin: Origin, into: Path) -> None:
    blob = origin.git("rev-parse", "main:manifests/new.yaml")
    (origin.folder / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    with pytest.raises(GitError, match="cannot be written out: git checkout-index: "):
        await export(str(origin.folder), "main", "manifests", into, Program(origin.home.environ))


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("none", "there is no revision `none` in this repository"),
        ("--help", "`--help` is no revision"),
        ("", "`` is no revision"),
        ("HEAD:manifests", "there is no revision `HEAD:manifests`"),
    ],
)
async def test_a_revision_that_is_none_is_told(revision: str, words: str, origin: Origin, into: Path) -> None:
    with pytest.raises(GitError) as refused:
        await export(str(origin.folder), revision, "manifests", into, Program(origin.home.environ))
    assert str(refused.value).startswith(words)


async def test_a_folder_that_is_no_repository_is_said(tmp_path: Path, origin: Origin, into: Path) -> None:
    program = Program(origin.home.environ)
    with pytest.raises(GitError, match="not a git repository"):
        await export(str(tmp_path / "home"), "HEAD", "", into, program)
    with pytest.raises(GitError, match="not a git repository"):
        await repository_of(str(tmp_path / "home"), program)


async def test_a_path_knows_its_repository(origin: Origin) -> None:
    program, top = Program(origin.home.environ), str(origin.folder)

    assert await repository_of(top, program) == (top, "")
    assert await repository_of(f"{top}/manifests", program) == (top, "manifests")
    assert await repository_of(f"{top}/manifests/new.yaml", program) == (top, "manifests/new.yaml")
    assert await repository_of(f"{top}/manifests/none.yaml", program) == (top, "manifests/none.yaml")
