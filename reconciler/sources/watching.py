"""Hearing of changes on the disk. What has changed is not told: who hears of one reads anew."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Final, TypeAlias

from reconciler.manifests.files import is_manifest

Watch: TypeAlias = Callable[[Sequence[str]], AsyncGenerator[object, None]]

# A change is told some 70 ms after it was made, also while other files change all the time; half of that would cost
# an idle daemon twice as much, and what was saved must rest for longer anyway (S17).
_DEBOUNCE: Final = 50
_STEP: Final = 50
_LONGEST: Final = 2.0  # seconds that a folder which was replaced, or cannot be watched, stays unseen


async def watch_files(paths: Sequence[str]) -> AsyncGenerator[None, None]:
    """Say whenever something under the paths may have changed.

    What is deleted and comes back, and what a link leads to next, is watched again; what cannot be watched is always
    suspect.
    """
    while True:
        watched = _identities(paths)
        there = [path for path, identity in zip(paths, watched, strict=True) if identity is not None]
        is_first = True  # something may have happened while the watch was set up
        async with aclosing(_batches(there)) as batches:
            async for batch in batches:
                if is_first or any(_matters(path, there, gone=gone) for gone, path in batch):
                    yield
                is_first = False
                if _identities(paths) != watched:
                    break
        yield


async def _batches(paths: Sequence[str]) -> AsyncGenerator[list[tuple[bool, str]], None]:
    """Give what has changed, whether it is gone and where it is; an empty batch when a second went by."""
    from watchfiles import Change, awatch  # noqa: PLC0415 - needed by daemons only

    try:
        if paths:
            told = awatch(
                *paths,
                watch_filter=None,
                debounce=_DEBOUNCE,
                step=_STEP,
                rust_timeout=int(_LONGEST * 1000),
                yield_on_timeout=True,
                ignore_permission_denied=True,
            )
            async with aclosing(told) as batches:
                async for changes in batches:
                    yield [(change is Change.deleted, path) for change, path in changes]
    except (OSError, RuntimeError):
        pass  # gone again, or the system has no watches left
    await asyncio.sleep(_LONGEST)


def _identities(paths: Sequence[str]) -> list[tuple[int, int] | None]:
    return [_identity(path) for path in paths]


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - a string is at hand
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino


def _matters(path: str, named: Sequence[str], *, gone: bool) -> bool:
    """Leave out what is certainly no manifest, such as a database in the same folder that is written all the time."""
    return gone or is_manifest(path) or path in named or os.path.isdir(path) or os.path.islink(path)  # noqa: PTH112, PTH114
