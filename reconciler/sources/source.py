"""What a source offers."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol

from reconciler.manifests.accept import ManifestSet


@dataclass(frozen=True, slots=True)
class Offer:
    manifests: ManifestSet
    revision: str


@dataclass(frozen=True, slots=True)
class Trouble:
    words: str
    revision: str = ""


class Source(Protocol):
    name: str

    def offers(self) -> AsyncIterator[Offer | Trouble]: ...
