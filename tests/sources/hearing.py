"""Listening to a source, with what comes in short words."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager

from reconciler.manifests.accept import ManifestSet
from reconciler.sources.source import Offer, Source, Trouble

PATIENCE = 60.0  # seconds until a test that waits for what never comes gives up


class Heard:
    """What a source says, item by item."""

    def __init__(self, offers: AsyncGenerator[Offer | Trouble, None]) -> None:
        self._offers = offers

    async def item(self) -> Offer | Trouble:
        async with asyncio.timeout(PATIENCE):
            return await anext(self._offers)

    async def offer(self) -> Offer:
        found = await self.item()
        assert isinstance(found, Offer), found
        return found

    async def names(self) -> list[str]:
        """Expect an offer; name its recordings."""
        return names_of((await self.offer()).manifests)

    async def item_names(self) -> list[str]:
        """Name the recordings of an offer; none of a trouble."""
        found = await self.item()
        return names_of(found.manifests) if isinstance(found, Offer) else []

    async def words(self) -> str:
        """Expect a trouble; give its words."""
        found = await self.item()
        assert isinstance(found, Trouble), f"offered {names_of(found.manifests)}"
        return found.words


def names_of(manifests: ManifestSet) -> list[str]:
    return [one.name for one in manifests.recordings]


@asynccontextmanager
async def listening(source: Source) -> AsyncIterator[Heard]:
    async with aclosing(source.offers()) as offers:
        yield Heard(offers)
