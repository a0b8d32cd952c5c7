"""Reading one JSON object of a request body, each fault in the service's own words (§4.3)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.simulator.refusal import Refusal, refused


def is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Fields:
    """The members of one object; what is not asked for is ignored, as the service ignores unknown names (V21)."""

    call: str
    where: str
    values: Mapping[str, Any]

    def wrong(self, name: str) -> Refusal:
        """Out of range is reported as a wrong type, too (C16)."""
        return refused(f"{self.call}: {name} type mismatch or missing under {self.where}!")

    def has(self, name: str) -> bool:
        return name in self.values

    def require(self, *names: str) -> None:
        for name in names:
            if name not in self.values:
                raise self.wrong(name)

    def integer(self, name: str, low: int, high: int) -> None:
        if name in self.values:
            value = self.values[name]
            if not is_integer(value) or not low <= value <= high:
                raise self.wrong(name)

    def fraction(self, name: str) -> None:
        if name in self.values:
            value = self.values[name]
            if not (is_integer(value) or isinstance(value, float)) or not 0 <= value <= 1:
                raise self.wrong(name)

    def choice(self, name: str, allowed: Collection[Any]) -> None:
        if name in self.values:
            value = self.values[name]
            if isinstance(value, bool | list | dict) or value not in allowed:
                raise self.wrong(name)

    def text(self, *names: str) -> None:
        for name in names:
            if name in self.values and not isinstance(self.values[name], str):
                raise self.wrong(name)

    def flag(self, name: str) -> None:
        if name in self.values and not isinstance(self.values[name], bool):
            raise self.wrong(name)

    def strings(self, name: str, at_most: int, *, may_be_empty: bool = True) -> list[str]:
        values = self.array(name, at_most)
        if not all(isinstance(value, str) for value in values):
            raise self.wrong(name)
        if name in self.values and not values and not may_be_empty:
            raise self.wrong(name)
        return values

    def array(self, name: str, at_most: int) -> list[Any]:
        values = self.values.get(name, [])
        if not isinstance(values, list) or len(values) > at_most:
            raise self.wrong(name)
        return values

    def objects(self, name: str, at_most: int) -> list["Fields"]:
        values = self.array(name, at_most)
        if not all(isinstance(value, dict) for value in values):
            raise self.wrong(name)
        return [Fields(self.call, name, value) for value in values]

    def section(self, name: str) -> "Fields | None":
        if name not in self.values:
            return None
        value = self.values[name]
        if not isinstance(value, dict):
            raise self.wrong(name)
        return Fields(self.call, name, value)
