"""Profiles laid under a recording: on what was written, before it is checked, so that every value keeps its place."""

from collections.abc import Mapping
from functools import reduce
from typing import Final

from reconciler.errors import Fault
from reconciler.manifests.cache import Cache
from reconciler.manifests.nodes import Listing, Mapping_, Node, Scalar, key_place, place
from reconciler.manifests.values import nearest

MAX_CHAIN: Final = 64
NOT_SHARED: Final = ("channel", "uid", "schedule")  # what makes a recording itself
_REFERENCE: Final = ("env", "file")


def merge(below: Mapping_, above: Mapping_) -> Mapping_:
    """Lay one mapping over another: maps merge, lists and scalars replace, a null stays to take away.

    A reference to a secret is one value: `{file: …}` over `{env: …}` replaces it.
    """
    entries, marks = dict(below.entries), dict(below.marks)
    for key, value in above.entries.items():
        under = entries.get(key)
        if isinstance(value, Mapping_) and isinstance(under, Mapping_) and not _is_reference(value, under):
            entries[key] = merge(under, value)
        else:
            entries[key] = value
        marks[key] = above.marks[key]
    return above._replace(entries=entries, marks=marks)


def _is_reference(*nodes: Mapping_) -> bool:
    return any(isinstance(node.entries.get(key), Scalar) for node in nodes for key in _REFERENCE)


def _shared(spec: Mapping_) -> Mapping_:
    return spec._replace(entries={key: value for key, value in spec.entries.items() if key not in NOT_SHARED})


class Profiles:
    """The profiles of one set, each worked out once."""

    def __init__(self, declared: Mapping[str, Mapping_], cache: Cache, *, is_whole: bool = True) -> None:
        """Take the specs by name, as written; unless these are all, a missing one is no fault."""
        self._declared = declared
        self._cache = cache
        self._is_whole = is_whole
        self._whole: dict[str, Mapping_] = {}
        self._heights: dict[str, int] = {}  # how many profiles are under each other, this one included
        self.faults: list[Fault] = []

    def under(self, spec: Mapping_, trail: tuple[str, ...] = ()) -> Mapping_:
        """Lay the profiles that a spec names under it, left to right; what is wrong goes to `faults`."""
        named = spec.entries.get("profiles")
        if not isinstance(named, Listing):
            return spec
        found = [profile for item in named.items if (profile := self._named(item, trail)) is not None]
        layers = (*found, spec)
        return self._cache.by_identity("layers", layers, lambda: reduce(merge, layers))

    def whole(self, name: str, trail: tuple[str, ...] = ()) -> Mapping_:
        """Work out a profile with the profiles under it, without what no profile may say."""
        if name not in self._whole:
            spec = self._declared[name]
            for key in NOT_SHARED:
                if key in spec.entries:
                    self.faults.append(
                        Fault(key_place(spec, key), f"`{key}` belongs to one recording; a profile cannot set it")
                    )
            whole = self.under(self._cache.by_identity("shared", (spec,), lambda: _shared(spec)), (*trail, name))
            self._whole[name], self._heights[name] = whole, 1 + self._height_below(spec)
        return self._whole[name]

    def _height_below(self, spec: Mapping_) -> int:
        named = spec.entries.get("profiles")
        items = named.items if isinstance(named, Listing) else ()
        names = [item.value for item in items if isinstance(item, Scalar) and isinstance(item.value, str)]
        return max((self._heights.get(name, 0) for name in names), default=0)

    def _named(self, item: Node, trail: tuple[str, ...]) -> Mapping_ | None:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            return None  # the schema says so
        name = item.value
        if name in trail:
            self.faults.append(Fault(place(item), f"profile `{name}` leads back to itself"))
        elif len(trail) + self._heights.get(name, 1) > MAX_CHAIN:
            # Looked at from both ends, so that the order of the documents does not decide.
            self.faults.append(Fault(place(item), f"more than {MAX_CHAIN} profiles under each other"))
        elif name not in self._declared and self._is_whole:
            near = nearest(name, self._declared)
            hint = f"; did you mean `{near}`?" if near else ""
            self.faults.append(Fault(place(item), f"there is no profile `{name}`{hint}"))
        elif name in self._declared:
            return self.whole(name, trail)
        return None
