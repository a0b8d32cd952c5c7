"""From references to the values behind them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from reconciler.errors import Place
from reconciler.manifests.accept import Declared
from reconciler.manifests.secrets import Policy, SecretMissing, read_secret, secret_references
from reconciler.manifests.values import SecretRef
from reconciler.model import Secret

ReadValues: TypeAlias = Mapping[SecretRef, Secret | SecretMissing]
References: TypeAlias = tuple[tuple[SecretRef, Place], ...]


@dataclass(frozen=True, slots=True)
class Values:
    """Where the values behind references come from."""

    policy: Policy
    environ: Mapping[str, str]
    seen: list[Secret] = field(default_factory=list)  # every value that was read: masked wherever something is said

    def read(self, ref: SecretRef, place: Place) -> Secret | SecretMissing:
        value = read_secret(ref, place=place, policy=self.policy, environ=self.environ)
        if isinstance(value, Secret) and value not in self.seen:
            self.seen.append(value)
        return value

    def of(self, declared: Declared) -> dict[SecretRef, Secret | SecretMissing]:
        """Read every value one recording refers to."""
        return {ref: self.read(ref, place) for ref, place in places_of(declared)}


@dataclass(frozen=True, slots=True)
class NoValues:
    """Reads nothing, for who compares manifests alone: no value is known, and none is missed."""

    def of(self, declared: Declared) -> ReadValues:
        del declared
        return {}


def places_of(declared: Declared) -> References:
    """List the references of a recording with where each stands."""
    return tuple((ref, declared.place_of(*steps(path))) for path, ref in secret_references(declared.spec))


def steps(path: str) -> tuple[str | int, ...]:
    """Take `token[0].certificate` apart as places are asked for."""
    found: list[str | int] = []
    for part in path.replace("]", "").split("."):
        name, *indexes = part.split("[")
        found.append(name)
        found += [int(index) for index in indexes]
    return tuple(found)
