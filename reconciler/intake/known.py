"""What the values behind references were when they were read last. A thousand recordings may share a few."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from reconciler.errors import Place
from reconciler.intake.preparing import Completed
from reconciler.intake.values import Values, places_of
from reconciler.manifests.secrets import SecretMissing
from reconciler.manifests.values import SecretRef
from reconciler.model import Secret


@dataclass(frozen=True, slots=True)
class Known:
    """Each value that the recordings of a set were completed with, once."""

    of: Mapping[str, Completed]
    values: tuple["_Value", ...]

    @classmethod
    def those_of(cls, completed: Mapping[str, Completed]) -> "Known":
        return cls(completed, tuple(_distinct(completed.values())))

    def differs(self, values: Values) -> bool:
        """Read them all again; tell whether one is different."""
        return any(not _same(values.read(one.ref, one.place), one.value) for one in self.values)


@dataclass(frozen=True, slots=True)
class _Value:
    ref: SecretRef
    place: Place  # one of those where it is referred to
    value: Secret | SecretMissing


def _distinct(completed: Iterable[Completed]) -> Iterable[_Value]:
    found: dict[tuple[SecretRef, str], list[_Value]] = {}
    for one in completed:
        for ref, place in places_of(one.declared):
            # A reference to a file is relative to the folder of its manifest.
            shared = found.setdefault((ref, place.file.rpartition("/")[0]), [])
            if not any(_same(known.value, one.read[ref]) for known in shared):
                shared.append(_Value(ref, place, one.read[ref]))
    return chain.from_iterable(found.values())


def _same(one: Secret | SecretMissing, other: Secret | SecretMissing) -> bool:
    if isinstance(one, SecretMissing) and isinstance(other, SecretMissing):
        return one.why == other.why  # wherever it is missed
    return one == other
