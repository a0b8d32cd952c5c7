"""What a git repository offers: real repositories, real keys, and the git program as it is installed."""

import asyncio
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.manifests.secrets import Policy
from reconciler.sources.git import Git
from reconciler.sources.program import Program
from reconciler.sources.remote import Branch, Commit, Remote, Tag, Wanted
from reconciler.sources.source import Trouble
from tests.manifests.texts import API, recording
from tests.sources.hearing import listening, names_of
from tests.sources.repositories import Home, Origin, need, new_home, new_origin

INTERVAL = timedelta(seconds=60)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return new_home(tmp_path / "home")


@pytest.fixture
def origin(tmp_path: Path, home: Home) -> Origin:
    return new_origin(tmp_path / "origin", home)


class EnoughError(Exception):
    """So many looks have found nothing new."""


class Pauses:
    """Passes no time between two looks, and ends what has nothing new to say."""

    def __init__(self, most: int = 50) -> None:
        self.most = most
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        if len(self.asked) > self.most:
            raise EnoughError


class Place:
    """Where the tests' sources keep their copies, and how they are made."""

    def __init__(self, folder: Path, home: Home, origin: Origin) -> None:
        self.folder, self.home, self.origin = folder, home, origin

    def source(
        self,
        wanted: Wanted | None = None,
        *,
        url: str | None = None,
        path: str = "manifests",
        verified: bool = False,
        pauses: Pauses | None = None,
        program: Program | None = None,
    ) -> Git:
        remote = Remote(url or self.origin.url, path=path, verified=verified)
        if wanted is not None:
            remote = Remote(remote.url, wanted, path, verified)
        return Git(
            remote,
            Policy(from_git=True, secrets_env="*"),
            folder=self.folder,
            interval=INTERVAL,
            program=program or Program(self.home.environ),
            pause=pauses or Pauses(),
        )


@pytest.fixture
def place(tmp_path: Path, home: Home, origin: Origin) -> Place:
    return Place(tmp_path / "cache", home, origin)


async def first(source: Git) -> tuple[list[str], str] | str:
    """Give what a source says first: names and revision, or words."""
    async with listening(source) as heard:
        item = await heard.item()
        return item.words if isinstance(item, Trouble) else (names_of(item.manifests), item.revision)


# -- what is offered


async def test_the_default_branch_is_offered_at_once_with_places_inside_the_repository(place: Place) -> None:
    commit = place.origin.declare("b", "a")
    async with listening(place.source()) as heard:
        offer = await heard.offer()
    assert (names_of(offer.manifests), offer.revision) == (["a", "b"], f"main@sha1:{commit}")
    assert str(offer.manifests.recordings[0].place) == "manifests/a.yaml:3:18"


async def test_every_way_to_say_what_is_wanted(place: Place) -> None:
    origin = place.origin
    old = origin.declare("old")
    origin.git("tag", "light")
    origin.git("tag", "--annotate", "--message=x", "heavy")
    origin.git("branch", "feature/x")
    new = origin.declare("new")
    assert await first(place.source(Branch("feature/x"))) == (["old"], f"feature/x@sha1:{old}")
    assert await first(place.source(Tag("light"))) == (["old"], f"light@sha1:{old}")
    assert await first(place.source(Tag("heavy"))) == (["old"], f"heavy@sha1:{old}")
    assert await first(place.source(Commit(old))) == (["old"], f"sha1:{old}")
    assert await first(place.source(Branch("main"))) == (["new"], f"main@sha1:{new}")


async def test_a_branch_is_not_a_tag_of_the_same_name(place: Place) -> None:
    place.origin.declare("tagged")
    place.origin.git("tag", "main")
    place.origin.declare("branched")
    assert (await first(place.source(Branch("main"))))[0] == ["branched"]
    assert (await first(place.source(Tag("main"))))[0] == ["tagged"]


@pytest.mark.parametrize(("path", "names"), [(".", ["a", "b"]), ("", ["a", "b"]), ("./b/", ["b"]), ("b//c", ["b"])])
async def test_the_path_is_a_folder_inside(path: str, names: list[str], place: Place) -> None:
    place.origin.write("a.yaml", recording("a"))
    place.origin.write("b/c/b.yaml", recording("b"))
    place.origin.commit()
    async with listening(place.source(path=path)) as heard:
        offer = await heard.offer()
    assert names_of(offer.manifests) == names
    assert offer.manifests.recordings[-1].place.file == "b/c/b.yaml"


async def test_a_folder_of_the_machine_is_a_repository_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = place.origin.declare("a")
    monkeypatch.chdir(place.origin.folder.parent)
    for url in (str(place.origin.folder), "origin", "./home/../origin"):
        assert await first(place.source(url=url)) == (["a"], f"main@sha1:{commit}")


async def test_the_repository_one_stands_in_has_no_say(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.origin.declare("a")
    here = new_origin(place.home.folder / "here", place.home)
    here.git("config", "url./nowhere.insteadOf", place.origin.url)
    monkeypatch.chdir(here.folder)
    for folder in (place.folder, here.folder / "cache"):
        place.folder = folder
        assert (await first(place.source()))[0] == ["a"]


async def test_the_environment_of_another_git_has_no_say(place: Place) -> None:
    place.origin.declare("a")
    foreign = {"GIT_DIR": "/nowhere", "GIT_INDEX_FILE": "/nowhere", "GIT_WORK_TREE": "/nowhere", "GIT_TRACE": "1"}
    program = Program({**place.home.environ, **foreign})
    assert (await first(place.source(program=program)))[0] == ["a"]
    assert "trace" not in str(await first(place.source(Branch("none"), program=program)))


async def test_a_repository_of_sha_256_is_one_too(tmp_path: Path, place: Place) -> None:
    place.origin = new_origin(tmp_path / "new", place.home, "--object-format=sha256")
    commit = place.origin.declare("a")
    assert len(commit) == 64
    assert await first(place.source()) == (["a"], f"main@sha256:{commit}")


async def test_an_emptied_repository_is_an_empty_offer_and_an_emptied_folder_is_gone(place: Place) -> None:
    place.origin.declare("a")
    place.origin.declare()
    place.origin.write("README.txt", "x")
    commit = place.origin.commit()
    assert await first(place.source(path=".")) == ([], f"main@sha1:{commit}")
    assert await first(place.source()) == (
        f"there is no folder `manifests` in commit {commit[:12]}: --path names a folder of the repository"
    )


# -- what is new


async def test_a_new_commit_is_offered_with_what_has_not_changed_as_it_was(place: Place) -> None:
    place.origin.declare("a", "b")
    pauses = Pauses()
    async with listening(place.source(pauses=pauses)) as heard:
        before = (await heard.offer()).manifests
        place.origin.write("manifests/b.yaml", recording("b", "priority: 1"))
        commit = place.origin.commit()
        offer = await heard.offer()
    assert offer.revision == f"main@sha1:{commit}"
    assert [one.spec.priority for one in offer.manifests.recordings] == [0, 1]
    assert offer.manifests.recordings[0] is before.recordings[0]
    assert set(pauses.asked) == {60.0}


async def test_a_commit_that_changes_no_manifest_is_a_revision_all_the_same(place: Place) -> None:
    place.origin.declare("a")
    async with listening(place.source()) as heard:
        before = await heard.offer()
        place.origin.write("README.txt", "x")
        commit = place.origin.commit()
        after = await heard.offer()
    assert after.revision == f"main@sha1:{commit}"
    assert after.manifests == before.manifests


def state(folder: Path) -> dict[Path, int]:
    return {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}


async def test_nothing_is_said_and_nothing_fetched_while_nothing_moves(place: Place) -> None:
    place.origin.declare("a")
    place.origin.git("branch", "other")
    async with listening(place.source(pauses=Pauses(3))) as heard:
        await heard.offer()
        before = state(place.folder)
        with pytest.raises(EnoughError):
            await heard.item()
        assert state(place.folder) == before
    async with listening(place.source(Branch("other"))) as heard:  # the next process
        await heard.offer()
    assert {path: at for path, at in state(place.folder).items() if path.is_file()} == {
        path: at for path, at in before.items() if path in state(place.folder) and path.is_file()
    }


async def test_a_forced_push_is_a_new_revision(place: Place) -> None:
    old = place.origin.declare("a", "b")
    place.origin.declare("a", "b", "c")
    async with listening(place.source()) as heard:
        assert await heard.names() == ["a", "b", "c"]
        place.origin.git("reset", "--quiet", "--hard", old)
        assert (await heard.offer()).revision == f"main@sha1:{old}"
        place.origin.git("update-ref", "-d", "HEAD")
        other = place.origin.declare("a", "b", "d")
        assert place.origin.git("rev-list", "--count", "HEAD") == "1"
        assert (await heard.offer()).revision == f"main@sha1:{other}"


async def test_a_tag_that_is_moved_is_a_new_revision(place: Place) -> None:
    place.origin.declare("a")
    place.origin.git("tag", "v1")
    async with listening(place.source(Tag("v1"))) as heard:
        assert await heard.names() == ["a"]
        place.origin.declare("b")
        place.origin.git("tag", "--force", "--annotate", "--message=x", "v1")
        assert await heard.names() == ["b"]


async def test_a_commit_is_for_ever_and_asks_nobody_again(place: Place) -> None:
    commit = place.origin.declare("a")
    async with listening(place.source(Commit(commit), pauses=Pauses(3))) as heard:
        assert await heard.names() == ["a"]
        shutil.rmtree(place.origin.folder)
        with pytest.raises(EnoughError):
            await heard.item()
    assert (await first(place.source(Commit(commit))))[0] == ["a"]


async def test_the_default_branch_is_followed_where_it_leads_next(place: Place) -> None:
    place.origin.declare("a")
    async with listening(place.source()) as heard:
        await heard.offer()
        place.origin.git("checkout", "--quiet", "-b", "trunk")
        commit = place.origin.declare("b")
        assert (await heard.offer()).revision == f"trunk@sha1:{commit}"


# -- trouble


async def test_a_revision_with_a_fault_is_trouble_with_its_place_in_the_repository(place: Place) -> None:
    place.origin.declare("a")
    async with listening(place.source()) as heard:
        await heard.offer()
        place.origin.write("manifests/a.yaml", recording("a", "chanel: x"))
        place.origin.write("manifests/b.yaml", "a: [")
        commit = place.origin.commit()
        trouble = await heard.item()
        assert isinstance(trouble, Trouble)
        assert trouble.revision == f"main@sha1:{commit}"
        assert [line.split(" ")[0] for line in trouble.words.splitlines()] == [
            "manifests/a.yaml:6:3:",
            "manifests/b.yaml:2:1:",
        ]
        mended = place.origin.declare("a", "b")
        assert (await heard.offer()).revision == f"main@sha1:{mended}"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Branch("none"), "there is no branch `none` in file://{origin}: push it, or name another one."),
        (Tag("none"), "there is no tag `none` in file://{origin}: push it, or name another one."),
        (Tag("main"), "there is no tag `main` in file://{origin}: push it, or name another one."),
        (Commit("a" * 40), "git fetch: fatal: "),
    ],
)
async def test_what_is_not_there_is_trouble(wanted: Wanted, words: str, place: Place) -> None:
    place.origin.declare("a")
    said = await first(place.source(wanted))
    assert isinstance(said, str)
    assert said.startswith(words.format(origin=place.origin.folder)), said
    if isinstance(wanted, Commit):  # git words it in one of two ways, as its processes happen to end
        assert f"not our ref {wanted.id}" in said


async def test_an_empty_repository_is_trouble(place: Place) -> None:
    assert await first(place.source()) == (
        f"there is no commit yet in {place.origin.url}: push it, or name another one."
    )


async def test_a_branch_that_vanishes_is_trouble_until_it_is_back(place: Place) -> None:
    place.origin.declare("a")
    place.origin.git("branch", "live")
    async with listening(place.source(Branch("live"))) as heard:
        before = await heard.offer()
        place.origin.git("branch", "-m", "live", "gone")
        assert "there is no branch `live`" in await heard.words()
        place.origin.git("branch", "-m", "gone", "live")
        assert await heard.item() is before


async def test_a_repository_that_cannot_be_reached_is_trouble_once_in_the_words_of_git(place: Place) -> None:
    place.origin.declare("a")
    moved = place.origin.folder.with_name("moved")
    async with listening(place.source()) as heard:
        before = await heard.offer()
        place.origin.folder.rename(moved)
        words = await heard.words()
        assert words.startswith(f"git ls-remote: fatal: '{place.origin.folder}' does not appear to be a git repository")
        assert words.endswith("Check the address, the network, and the credentials that git has on this machine.")
        moved.rename(place.origin.folder)
        assert await heard.item() is before


async def test_the_same_failure_is_said_once_whatever_time_it_took(place: Place) -> None:
    async with listening(place.source(url="http://127.0.0.1:1/x.git", pauses=Pauses(5))) as heard:
        words = await heard.words()
        assert re.search(r"Failed to connect to 127\.0\.0\.1( port |:)1\b", words)  # as curl says it, old and new
        assert " ms" not in words
        with pytest.raises(EnoughError):
            await heard.item()


async def _silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        writer.close()


async def test_a_server_that_never_answers_is_trouble_in_time(place: Place) -> None:
    server = await asyncio.start_server(_silent, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x.git"
    program = Program(place.home.environ, timeout=timedelta(seconds=0.5))
    assert await first(place.source(url=url, program=program)) == (
        "git ls-remote: no answer within 0.5 s\n"
        "Check the address, the network, and the credentials that git has on this machine."
    )
    server.close()


async def test_no_process_is_left_behind_when_nobody_listens_any_more(place: Place, tmp_path: Path) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text(f"#!/bin/sh\nexec sleep 600.{os.getpid()}\n")
    ssh.chmod(0o755)
    program = Program({**place.home.environ, "GIT_SSH_COMMAND": str(ssh), "GIT_SSH_VARIANT": "simple"})
    waiting = asyncio.ensure_future(first(place.source(url="ssh://git@host/x", program=program)))
    await until(lambda: bool(_processes(f"600.{os.getpid()}")))
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await until(lambda: not _processes(f"600.{os.getpid()}"))


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it never came true")


def _processes(word: str) -> list[str]:
    """List the processes that were started with a word, and are not yet gone."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes()
        except OSError:
            continue
        found += [line.decode()] if word.encode() in line else []
    return found


async def test_a_machine_without_git_is_trouble(place: Place) -> None:
    assert await first(place.source(program=Program({"PATH": "/nowhere"}))) == (
        "the program git cannot be run: it is not installed. Install it, or give a folder instead of --git."
    )


async def test_a_copy_that_cannot_be_kept_is_trouble(place: Place) -> None:
    place.origin.declare("a")
    place.folder.write_text("in the way")
    assert await first(place.source()) == (f"{place.folder}, where the copy of the repository is kept: file exists")


# -- the copy


async def test_only_the_owner_sees_the_copy_and_no_commit_is_left_lying_about(place: Place) -> None:
    place.origin.declare("a")
    async with listening(place.source()) as heard:
        await heard.offer()
        place.origin.declare("b")
        await heard.offer()
    assert stat.S_IMODE(place.folder.stat().st_mode) == 0o700
    assert [path.name for path in place.folder.iterdir()] == ["sha1.git"]


def _locked(copy: Path) -> None:
    (copy / "shallow.lock").touch()


def _without_objects(copy: Path) -> None:
    shutil.rmtree(copy / "objects")


def _without_head(copy: Path) -> None:
    (copy / "HEAD").unlink()


@pytest.mark.parametrize("damage", [_locked, _without_objects, _without_head], ids=lambda damage: damage.__name__)
async def test_a_copy_that_a_kill_has_left_broken_is_made_anew(damage: Callable[[Path], None], place: Place) -> None:
    place.origin.declare("a")
    (place.folder / "checkout" / "manifests").mkdir(parents=True)
    (place.folder / "checkout" / "manifests" / "left.yaml").write_text(recording("left"))
    async with listening(place.source()) as heard:
        assert await heard.names() == ["a"]
        damage(place.folder / "sha1.git")
        place.origin.declare("b")
        assert await heard.names() == ["b"]


async def test_the_copy_holds_on_to_one_commit_only(place: Place) -> None:
    """So that git, when it tidies up, throws the others away."""
    place.origin.declare("a")
    async with listening(place.source()) as heard:
        await heard.offer()
        for number in range(4):
            place.origin.write("manifests/a.yaml", recording("a", f"priority: {number + 1}"))
            place.origin.commit()
            await heard.offer()
    copy = place.folder / "sha1.git"
    place.home.git(f"--git-dir={copy}", "-c", "gc.pruneExpire=now", "gc", "--quiet")
    held = place.home.git(f"--git-dir={copy}", "count-objects", "-v").splitlines()
    assert {"count: 0", "in-pack: 4"} <= {*held}, "a commit, two folders, a file"


# -- signatures


@pytest.fixture
def trusted(home: Home) -> Path:
    key = home.key("trusted")
    home.trust(key)
    home.sign_with(key)
    return key


async def test_an_unsigned_commit_is_trouble_and_a_signed_one_after_it_is_not(place: Place, trusted: Path) -> None:
    place.origin.declare("a")
    signed = place.origin.commit("-S")
    async with listening(place.source(verified=True)) as heard:
        assert (await heard.offer()).revision == f"main@sha1:{signed}"
        unsigned = place.origin.declare("b")
        trouble = await heard.item()
        assert isinstance(trouble, Trouble)
        assert trouble.revision == f"main@sha1:{unsigned}"
        assert trouble.words.startswith(f"commit {unsigned[:12]} is not signed by a key that git trusts here")
        assert "git commit -S" in trouble.words
        again = place.origin.commit("-S")
        assert (await heard.offer()).revision == f"main@sha1:{again}"


async def test_a_commit_signed_by_a_stranger_is_trouble_until_the_key_is_known(place: Place, trusted: Path) -> None:
    stranger = place.home.key("stranger")
    place.home.sign_with(stranger)
    place.origin.declare("a")
    place.origin.commit("-S")
    async with listening(place.source(verified=True)) as heard:
        assert "No principal matched" in await heard.words()
        place.home.trust(trusted, stranger)
        assert await heard.names() == ["a"]


async def test_without_a_list_of_signers_nobody_is_trusted(place: Place, trusted: Path) -> None:
    place.origin.declare("a")
    place.origin.commit("-S")
    place.home.git("config", "--global", "--unset", "gpg.ssh.allowedSignersFile")
    said = await first(place.source(verified=True))
    assert "gpg.ssh.allowedSignersFile needs to be configured" in str(said)


async def test_signatures_do_not_matter_unless_they_are_asked_for(place: Place, trusted: Path) -> None:
    place.origin.declare("a")
    assert (await first(place.source()))[0] == ["a"]


async def test_a_tag_stands_for_itself_and_a_light_one_for_its_commit(place: Place, trusted: Path) -> None:
    origin = place.origin
    origin.declare("a")
    origin.git("tag", "--sign", "--message=x", "signed-on-unsigned")
    origin.git("tag", "light-on-unsigned")
    origin.commit("-S")
    origin.git("tag", "light-on-signed")
    origin.git("tag", "--annotate", "--message=x", "unsigned-on-signed")
    said = {name: await first(place.source(Tag(name), verified=True)) for name in origin.git("tag").split()}
    assert {name for name, one in said.items() if not isinstance(one, str)} == {"signed-on-unsigned", "light-on-signed"}
    assert str(said["unsigned-on-signed"]).startswith("tag unsigned-on-signed is not signed by a key")
    assert "light-on-unsigned" not in str(said["light-on-unsigned"])


async def test_a_signed_tag_does_not_vouch_for_another_name(place: Place, trusted: Path) -> None:
    place.origin.declare("old")
    place.origin.git("tag", "--sign", "--message=x", "v1")
    place.origin.git("update-ref", "refs/tags/v2", "refs/tags/v1")
    said = await first(place.source(Tag("v2"), verified=True))
    assert str(said).startswith("tag v2 was signed as the tag `v1`: somebody has moved it.")


@pytest.fixture
def gpg(home: Home) -> Iterator[str]:
    need("gpg")
    folder = home.folder / "gnupg"
    folder.mkdir(mode=0o700)
    making = ["gpg", "--batch", "--quiet", "--passphrase", "", "--quick-generate-key", "Dev <dev@example.com>"]
    subprocess.run(making, env=home.environ, check=True, capture_output=True)
    yield "dev@example.com"
    subprocess.run(["gpgconf", "--kill", "all"], env=home.environ, check=False)


async def test_commits_signed_with_gpg_are_verified_with_it(place: Place, gpg: str, tmp_path: Path) -> None:
    place.home.configure("user.signingKey", gpg)
    place.origin.declare("a")
    place.origin.commit("-S")
    assert (await first(place.source(verified=True)))[0] == ["a"]
    stranger = Program(new_home(tmp_path / "stranger").environ)
    assert "No public key" in str(await first(place.source(verified=True, program=stranger)))


# -- what a repository may not do


async def test_links_that_lead_out_are_refused_and_others_followed(place: Place, tmp_path: Path) -> None:
    (tmp_path / "secret.yaml").write_text(recording("secret"))
    place.origin.declare("a")
    place.origin.write("manifests/_parts/b.yaml", recording("b"))
    (place.origin.folder / "manifests" / "b.yaml").symlink_to("_parts/b.yaml")
    place.origin.commit()
    async with listening(place.source()) as heard:
        assert await heard.names() == ["a", "b"]
        (place.origin.folder / "manifests" / "c.yaml").symlink_to(tmp_path / "secret.yaml")
        (place.origin.folder / "manifests" / "d").symlink_to("../../../..")
        place.origin.commit()
        assert (await heard.words()).splitlines() == [
            "manifests/c.yaml:1:1: this link leads out of the folder, which a source from git must not",
            "manifests/d:1:1: this link leads out of the folder, which a source from git must not",
        ]


@pytest.mark.parametrize("driver", ["evil", "lfs"])
async def test_no_filter_hook_or_submodule_of_a_repository_is_run(driver: str, place: Place, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    script = tmp_path / "home" / "template" / "hooks"
    script.mkdir(parents=True)
    for hook in ("post-checkout", "post-index-change", "reference-transaction"):
        (script / hook).write_text(f"#!/bin/sh\necho {hook} >> {ran}\n")
        (script / hook).chmod(0o755)
    inner = new_origin(tmp_path / "inner", place.home)
    inner.declare("inner")
    place.origin.declare("a")
    place.origin.write("manifests/.gitattributes", f"a.yaml filter={driver} eol=crlf working-tree-encoding=UTF-16\n")
    place.origin.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", inner.url, "manifests/inner")
    place.origin.git("add", "manifests/.gitattributes")
    place.origin.git("commit", "--quiet", "--message=x")
    place.home.configure("init.templateDir", str(script.parent))
    place.home.configure("core.hooksPath", str(script))
    place.home.configure("submodule.recurse", "true")
    place.home.configure(f"filter.{driver}.smudge", f"sh -c 'echo {driver} >> {ran}; cat'")
    place.home.configure(f"filter.{driver}.required", "true")
    assert (await first(place.source()))[0] == ["a"]
    assert not ran.exists()


@pytest.mark.parametrize(
    "path", ["../origin", "/etc", "manifests/../..", "manifests/a.yaml", "none", "link", "link/sub"]
)
async def test_a_path_that_is_no_folder_of_the_repository_is_trouble(path: str, place: Place) -> None:
    place.origin.declare("a")
    (place.origin.folder / "link").symlink_to("manifests")
    place.origin.commit()
    said = await first(place.source(path=path))
    assert isinstance(said, str)
    assert "--path" in said


async def test_an_address_is_never_an_option_or_a_program(place: Place, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    for url in (f"--upload-pack=touch {ran}", f"ext::touch {ran}", "-", ""):
        assert str(
            await first(Git(Remote(url), Policy(from_git=True), folder=place.folder, interval=INTERVAL))
        ).startswith("--git takes")
    place.home.configure("protocol.ext.allow", "always")
    place.home.configure(f"url.ext::touch {ran} .insteadOf", "file:///evil")
    assert "transport 'ext' not allowed" in str(await first(place.source(url="file:///evil")))
    assert not ran.exists()


async def test_a_repository_reads_no_variable_that_the_settings_do_not_name(place: Place) -> None:
    place.origin.declare("a")
    place.origin.write("manifests/app.yaml", f"{API}kind: App\nmetadata: {{name: x}}\nspec: {{}}\n")
    remote = Remote(place.origin.url, path="manifests")
    source = Git(
        remote, Policy(from_git=True), folder=place.folder, interval=INTERVAL, program=Program(place.home.environ)
    )
    assert "RECONCILER_SECRETS_ENV does not allow" in str(await first(source))


# -- credentials


async def test_credentials_in_an_address_are_said_nowhere(place: Place) -> None:
    for user in ("me:hunter2secret", "hunter2secret", "oauth2:hunter%32secret"):
        source = place.source(url=f"http://{user}@127.0.0.1:1/x.git?key=hunter2secret#hunter2secret")
        assert source.name == "git http://127.0.0.1:1/x.git (HEAD)"
        words = str(await first(source))
        assert "127.0.0.1" in words
        assert "secret" not in words
