"""Manifests in a git repository somewhere, fetched when what is wanted there has moved."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

from reconciler.manifests.accept import Policy
from reconciler.manifests.cache import Cache
from reconciler.manifests.files import Reading
from reconciler.sources.copy import Copy
from reconciler.sources.program import GitError, Program
from reconciler.sources.remote import Remote, masked, remote_problem
from reconciler.sources.source import Aside, Offer, Trouble, is_new, judge


class Git:
    """A source of one folder in a repository.

    A branch that was pushed by force is a new revision like any other.
    """

    def __init__(
        self,
        remote: Remote,
        policy: Policy,
        *,
        folder: Path,
        interval: timedelta,
        program: Program | None = None,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        aside: Aside = asyncio.to_thread,
    ) -> None:
        """Look every `interval`; `folder` is this source's own, and keeps a copy of what was fetched."""
        assert policy.from_git, "a repository must not name files and variables of this machine"
        self.name = remote.name
        self._remote = remote
        self._policy = policy
        self._folder = folder
        self._interval = interval
        self._copy = Copy(remote, folder, program or Program(), aside)
        self._pause = pause
        self._aside = aside
        self._cache = Cache()
        self._looked_at = ""  # the revision
        self._reading: tuple[str, Reading] | None = None  # of the commit
        self._offer: tuple[tuple[str, str], Offer] | None = None  # of branch or tag, and object

    async def offers(self) -> AsyncGenerator[Offer | Trouble, None]:
        """See `Source`."""
        said: Offer | Trouble | None = None
        while True:
            found = await self._look()
            if is_new(found, said):
                said = found
                yield found
            await self._pause(self._interval.total_seconds())

    async def _look(self) -> Offer | Trouble:
        self._looked_at = ""
        problem = remote_problem(self._remote)
        if problem is not None:
            return Trouble(problem)
        try:
            return await self._found()
        except GitError as wrong:
            return Trouble(masked(str(wrong), self._remote.url), self._looked_at)
        except OSError as wrong:
            why = (wrong.strerror or "it cannot be used").lower()
            return Trouble(f"{self._folder}, where the copy of the repository is kept: {why}", self._looked_at)

    async def _found(self) -> Offer | Trouble:
        tip = await self._copy.tip()
        self._looked_at = tip.revision(tip.object)
        if self._offer is not None and self._offer[0] == (tip.label, tip.object):
            return self._offer[1]
        held = await self._copy.hold(tip)
        self._looked_at = tip.revision(held.commit)
        if self._remote.verified:
            await self._copy.verify(held)
        if self._reading is None or self._reading[0] != held.commit:
            self._reading = held.commit, await self._copy.read(held)
        reading = self._reading[1]
        found = await self._aside(partial(judge, reading, self._policy, self._cache, self._looked_at))
        if isinstance(found, Offer):
            self._offer = (tip.label, held.object), found
        return found
