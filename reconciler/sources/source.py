"""What a source says: a whole set, or why there is none. Whether a set is taken is decided elsewhere."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from reconciler.errors import ManifestError
from reconciler.manifests.accept import ManifestSet, Policy, accept_reading, format_faults
from reconciler.manifests.cache import Cache
from reconciler.manifests.files import Reading

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Offer:
    """A set of manifests as the source has it now, without a fault; it may be empty."""

    manifests: ManifestSet
    revision: str  # for people and events: the set's own for a folder, `main@sha1:…` for git


@dataclass(frozen=True, slots=True)
class Trouble:
    """The source cannot be read, or what it has is not acceptable: the last accepted set stays in force (S17)."""

    words: str  # one or more lines; holds no credential
    revision: str = ""  # of what was looked at, if that is known


class Source(Protocol):
    """Somewhere manifests come from."""

    @property
    def name(self) -> str:
        """What people call it; holds no credential."""
        ...

    def offers(self) -> AsyncGenerator[Offer | Trouble, None]:
        """Say at once what there is, then whenever that has changed.

        It ends only when it is cancelled or closed, and raises nothing for what is wrong outside. Of one source it is
        asked for once; close it (`contextlib.aclosing`), for it watches until then.
        """
        ...


class Aside(Protocol):
    """Does work that would keep the loop from everything else: `asyncio.to_thread`, or inline on virtual time."""

    def __call__(self, work: Callable[[], Made], /) -> Awaitable[Made]: ...


def judge(reading: Reading, policy: Policy, cache: Cache, revision: str = "") -> Offer | Trouble:
    """Accept what was read as a whole, or say every fault; the set's own revision stands in for a missing one."""
    try:
        manifests = accept_reading(reading, policy=policy, allow_empty=True, cache=cache)
    except ManifestError as refused:
        return Trouble("\n".join(format_faults(refused.faults)), revision)
    return Offer(manifests, revision or manifests.revision)


def is_new(found: Offer | Trouble, said: Offer | Trouble | None) -> bool:
    """Tell whether there is something to say: the same trouble is said once, the same offer again after a trouble."""
    return found is not said and (isinstance(found, Offer) or found != said)
