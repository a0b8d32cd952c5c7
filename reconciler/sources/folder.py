"""Manifests in files and folders of this machine, read whole whenever they may have changed."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from functools import partial
from typing import Final

from reconciler.manifests.accept import ManifestSet, Policy, format_faults
from reconciler.manifests.cache import Cache
from reconciler.manifests.files import Reading, read_files
from reconciler.sources.resting import rested, restless_faults
from reconciler.sources.source import Aside, Offer, Trouble, is_new, judge
from reconciler.sources.watching import Watch, watch_files

QUIET: Final = 0.1  # seconds that a set must rest before it counts: half a file is no file (S17)
CHECK: Final = 30.0  # seconds after which it is read though nobody told of a change: not every mount tells
_ROUNDS: Final = 20  # of QUIET, until a set that does not rest is looked at file by file


class Folder:
    """A source of paths: files, folders, or both.

    A set counts when two readings, QUIET apart, found the same. If it does not rest for 2 s because some files are
    saved all the time, these count as they last did, and what the others say is offered, unless that would take a
    recording away: it may be on its way from one file to the other.
    """

    def __init__(
        self, paths: Sequence[str], policy: Policy, *, watch: Watch = watch_files, aside: Aside = asyncio.to_thread
    ) -> None:
        self.name = ", ".join(paths)
        self._paths = tuple(paths)
        self._policy = policy
        self._watch = watch
        self._aside = aside
        self._cache = Cache()
        self._last: Reading | None = None  # what was judged last
        self._accepted: tuple[Reading, ManifestSet] | None = None
        self._held: Trouble | None = None  # said because the set does not rest

    async def offers(self) -> AsyncGenerator[Offer | Trouble, None]:
        """See `Source`."""
        bell = asyncio.Event()
        listener = asyncio.create_task(self._listen(bell), name=f"watch {self.name}")
        said: Offer | Trouble | None = None
        try:
            while True:
                bell.clear()
                found = await self._look(said)
                if found is not None and is_new(found, said):
                    said = found
                    yield found
                await asyncio.sleep(QUIET)  # however often the bell rings
                if listener.done():
                    listener.result()
                with suppress(TimeoutError):
                    await asyncio.wait_for(bell.wait(), CHECK)
        finally:
            listener.cancel()
            await asyncio.gather(listener, return_exceptions=True)

    async def _listen(self, bell: asyncio.Event) -> None:
        async with aclosing(self._watch(self._paths)) as changes:
            async for _ in changes:
                bell.set()

    async def _look(self, said: Offer | Trouble | None) -> Offer | Trouble | None:
        """Find out what is to be said now, if anything."""
        reading = await self._read()
        if reading != self._last:
            before, reading = await self._twice(reading)
            if before != reading:
                return await self._meanwhile(before, reading, said)
        if reading == self._last and not isinstance(said, Trouble):
            return None  # a trouble is judged again: what its references lead to may have changed
        return await self._judged(reading)

    async def _read(self) -> Reading:
        return await self._aside(partial(read_files, self._paths, confined=self._policy.from_git))

    async def _twice(self, reading: Reading) -> tuple[Reading, Reading]:
        """Read until two readings in a row are the same, or patience is over; give the last two."""
        before = reading
        for _ in range(_ROUNDS):
            await asyncio.sleep(QUIET)
            before, reading = reading, await self._read()
            if before == reading:
                break
        return before, reading

    async def _judged(self, reading: Reading) -> Offer | Trouble:
        found = await self._aside(partial(judge, reading, self._policy, self._cache))
        self._last = reading
        if isinstance(found, Offer):
            self._accepted = reading, found.manifests
        return found

    async def _meanwhile(self, before: Reading, now: Reading, said: Offer | Trouble | None) -> Offer | Trouble | None:
        """Offer what rests while other files keep changing, or say that the set does not rest."""
        if self._accepted is not None:
            accepted, manifests = self._accepted
            partly = rested(accepted, before, now)
            if {*partly.files} == {*accepted.files} and not (partly.faults or isinstance(said, Trouble)):
                return None
            found = await self._aside(partial(judge, partly, self._policy, self._cache))
            if isinstance(found, Offer) and _names(manifests) <= _names(found.manifests):
                self._last, self._accepted = partly, (partly, found.manifests)
                return found
        if self._held is None or said is not self._held:
            self._held = Trouble("\n".join(format_faults(restless_faults(before, now, QUIET))))
        return self._held


def _names(manifests: ManifestSet) -> set[str]:
    return {one.name for one in manifests.recordings}
