"""What was worked out for one reading of a set, kept for the next: only what is new in it costs anything."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

Made = TypeVar("Made")
_Key: TypeAlias = tuple[object, ...]
_Kept: TypeAlias = tuple[tuple[object, ...], Any]


class Cache:
    """Of one source, for one reading at a time.

    It holds what the last accepted set and the last refused one after it were made of, and no more. What comes out of
    it is the very object that was made before.
    """

    def __init__(self) -> None:
        self._accepted: dict[_Key, _Kept] = {}
        self._refused: dict[_Key, _Kept] = {}
        self._used: dict[_Key, _Kept] = {}

    def begin(self) -> None:
        """Forget what a reading that came to no end has used."""
        self._used = {}

    def end(self, *, accepted: bool) -> None:
        """Keep what the reading has used; after a refused one also what the last accepted set is made of."""
        if accepted:
            self._accepted, self._refused = self._used, {}
        else:
            self._refused = self._used
        self._used = {}

    def by_value(self, key: tuple[str | bytes, ...], make: Callable[[], Made]) -> Made:
        """Give what was made for an equal key, or make it."""
        return self._recall(key, (), make)

    def by_identity(self, purpose: str, of: tuple[object, ...], make: Callable[[], Made]) -> Made:
        """Give what was made for this purpose of the very same objects, or make it."""
        # While an entry is kept, so are the objects: their ids are nobody else's.
        return self._recall((purpose, *map(id, of)), of, make)

    def _recall(self, key: _Key, of: tuple[object, ...], make: Callable[[], Made]) -> Made:
        kept = self._used.get(key) or self._accepted.get(key) or self._refused.get(key)
        if kept is None:
            kept = of, make()
        self._used[key] = kept
        made: Made = kept[1]
        return made
