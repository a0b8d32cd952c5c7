"""Our own copy of a repository: the one commit that is wanted, fetched, verified and read. It may be lost any time."""

import asyncio
import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, assert_never

from reconciler.manifests.files import Reading, read_files
from reconciler.sources.checkout import commit_of, write_out
from reconciler.sources.program import GitError, NoGitError, Program
from reconciler.sources.remote import Branch, Commit, Head, Remote, Tag, shown_url
from reconciler.sources.source import Aside

_HELD: Final = "refs/source/tip"  # what was fetched last
# Contents come as the repository has them: what its attributes ask for could run a program of this machine.
_ATTRIBUTES: Final = "* -text -ident -filter !working-tree-encoding\n"
_FETCHING: Final = ("fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--force", "--")
_UNREACHABLE: Final = "Check the address, the network, and the credentials that git has on this machine."
_NO_COMMIT: Final = "Check that the commit is in the repository; a server that gives no single commits needs --tag."
_UNSIGNED: Final = (
    "Sign it (git commit -S, git tag -s), or let git on this machine know the key "
    "(gpg --import; for SSH the file that gpg.ssh.allowedSignersFile names)."
)


@dataclass(frozen=True, slots=True)
class Tip:
    """What the repository says is wanted: where it stands there, and the object it is now."""

    ref: str  # what to fetch
    label: str  # what people call it, e.g. main; nothing for a commit
    object: str  # a commit's id, or that of a tag which is an object of its own

    def revision(self, commit: str) -> str:
        """Name a commit as Flux does: `main@sha1:…`."""
        kind = "sha1" if len(commit) == 40 else "sha256"
        return f"{self.label}@{kind}:{commit}" if self.label else f"{kind}:{commit}"


@dataclass(frozen=True, slots=True)
class Held:
    """What was fetched: the tip may have moved since it was asked for."""

    repository: str
    object: str
    commit: str


class Copy:
    """A folder of this machine that belongs to one source; only its owner may see it."""

    def __init__(self, remote: Remote, folder: Path, program: Program, aside: Aside = asyncio.to_thread) -> None:
        self._remote = remote
        self._folder = folder
        self._program = program
        self._aside = aside

    async def tip(self) -> Tip:
        """Ask where the repository stands, without fetching anything. Raises GitError."""
        wanted = self._remote.wanted
        match wanted:
            case Commit(id):
                return Tip(id, "", id)
            case Branch(name):
                ref, missing = f"refs/heads/{name}", f"there is no branch `{name}`"
            case Tag(name):
                ref, missing = f"refs/tags/{name}", f"there is no tag `{name}`"
            case Head():
                ref, missing = "HEAD", "there is no commit yet"
            case _:
                assert_never(wanted)
        listed = [line.partition("\t") for line in (await self._list(ref)).splitlines()]
        branches = [value.removeprefix("ref: refs/heads/") for value, _, _ in listed if value.startswith("ref: ")]
        objects = {name: value for value, _, name in listed if not value.startswith("ref: ")}
        if ref not in objects:
            raise GitError(f"{missing} in {shown_url(self._remote.url)}: push it, or name another one.")
        return Tip(ref, branches[0] if branches else str(wanted), objects[ref])

    async def _list(self, ref: str) -> str:
        self._make_folder()
        try:
            # From our own folder, so that no repository that this process happens to stand in has a say.
            return await self._program.run(
                *("-C", str(self._folder), "ls-remote", "--symref", "--", self._remote.address, ref),
                GIT_CEILING_DIRECTORIES=str(self._folder.parent),
            )
        except NoGitError:
            raise
        except GitError as wrong:
            raise GitError(f"git ls-remote: {wrong}\n{_UNREACHABLE}") from None

    async def hold(self, tip: Tip) -> Held:
        """Have what is wanted here; nothing is fetched that is here already. Raises GitError."""
        repository = self._folder / ("sha1.git" if len(tip.object) == 40 else "sha256.git")
        is_old = repository.is_dir()
        if not is_old or await self._object(repository) != tip.object:
            try:
                await self._fetch(repository, tip)
            except NoGitError:
                raise
            except GitError as wrong:
                if is_old:  # it may be the copy that is broken, or locked by a process that was killed
                    await self._aside(partial(shutil.rmtree, repository))
                    return await self.hold(tip)
                advice = _NO_COMMIT if isinstance(self._remote.wanted, Commit) else _UNREACHABLE
                raise GitError(f"git fetch: {wrong}\n{advice}") from None
        commit = await commit_of(str(repository), _HELD, self._program)
        return Held(str(repository), await self._object(repository), commit)

    async def _object(self, repository: Path) -> str:
        try:
            return (await self._program.run(f"--git-dir={repository}", "rev-parse", "--verify", _HELD)).strip()
        except GitError:
            return ""

    async def _fetch(self, repository: Path, tip: Tip) -> None:
        self._make_folder()
        kind = f"--object-format={repository.stem}"
        await self._program.run("init", "--quiet", "--bare", "--template=", kind, str(repository))
        (repository / "info").mkdir(exist_ok=True)
        (repository / "info" / "attributes").write_text(_ATTRIBUTES)
        what = (self._remote.address, f"+{tip.ref}:{_HELD}")
        await self._program.transfer(f"--git-dir={repository}", *_FETCHING, *what)

    def _make_folder(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder.chmod(0o700)

    async def verify(self, held: Held) -> None:
        """Hold a tag that is an object of its own to its own signature, all else to the commit's. Raises GitError."""
        is_tag = held.object != held.commit
        what = f"tag {self._remote.wanted}" if is_tag else f"commit {held.commit[:12]}"
        verb = ("verify-tag", "--format=%(tag)") if is_tag else ("verify-commit",)
        try:
            said = await self._program.run(f"--git-dir={held.repository}", *verb, held.object)
        except GitError as wrong:
            words = f"{what} is not signed by a key that git trusts here: git {verb[0]}: {wrong}\n{_UNSIGNED}"
            raise GitError(words) from None
        if is_tag and said.strip() != str(self._remote.wanted):
            raise GitError(f"{what} was signed as the tag `{said.strip()}`: somebody has moved it. {_UNSIGNED}")

    async def read(self, held: Held) -> Reading:
        """Read the manifests of the commit, called by their way from the top of the repository. Raises GitError."""
        into = self._folder / "checkout"
        clear = partial(shutil.rmtree, into, ignore_errors=True)
        await self._aside(clear)  # a process that was killed may have left it
        try:
            await write_out(held.repository, held.commit, self._remote.path, into, self._program)
            paths = [str(into / self._remote.path)]
            return await self._aside(partial(read_files, paths, confined=True, root=str(into)))
        finally:
            await self._aside(clear)
