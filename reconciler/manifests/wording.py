"""What validators found, in words a person can act on. No value that was written is repeated but a misspelt name."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from reconciler.errors import Fault
from reconciler.manifests.names import unknown_field
from reconciler.manifests.nodes import Mapping_, Node, dotted, nearest_place, step
from reconciler.manifests.values import NAME_PATTERN, Part, nearest
from reconciler.manifests.yamltext import MAX_FAULTS

_TYPES: Final[Mapping[str, str]] = {
    "string_type": "must be a text",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping",
    "model_attributes_type": "must be a mapping",
    "string_too_short": "must not be empty",
}
_BOUNDS: Final[Mapping[str, str]] = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be more than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "string_too_long": "must be at most {max_length} characters",
    "too_short": "must have at least {min_length} item",
    "too_long": "must have at most {max_length} items",
}
_NAMES_OF_BOUNDS: Final = frozenset({"ge", "gt", "le", "lt", "min_length", "max_length"})
_PATTERNS: Final[Mapping[str, str]] = {
    NAME_PATTERN: "must be a name: up to 63 of a-z, 0-9, - and ., beginning and ending with a letter or digit",
    r"^[A-Za-z_][A-Za-z0-9_]*$": "must be the name of an environment variable: letters, digits and _",
    r"^#[0-9a-fA-F]{6}$": "must be a colour such as #FF0000 (in quotes, for # begins a comment)",
    r"^[0-9a-fA-F]{32}$": "must be an App ID: 32 digits of 0-9 and a-f",
    r"^[^\s/]{1,255}$": "must be the name of a bucket, without blanks and slashes",
    r"^https?://[^\s/]+(/\S*)?$": "must be an http:// or https:// address",
}


def faults_of(error: ValidationError, root: Mapping_, model: type[Part], *, partial: bool = False) -> Iterator[Fault]:
    """Turn what a validator found into faults that point into the file.

    With `partial`, what is missing is no fault: a profile need not be complete.
    """
    found = error.errors(include_url=False, include_context=True, include_input=True)[:MAX_FAULTS]
    for one in found:
        kind, location = one["type"], one["loc"]
        follows = kind == "too_short" and any(_is_below(other["loc"], location) for other in found)
        if kind == "default_factory_not_called" or follows or (partial and kind in {"missing", "needed"}):
            continue
        path = _written(root, location)
        if kind == "extra_forbidden":
            place = nearest_place(root, location, key=True)
            yield Fault(place, unknown_field(str(location[-1]), path[:-1], model))
        elif kind == "missing":
            yield Fault(nearest_place(root, location, key=True), f"`{dotted(path)}` is missing")
        else:
            yield Fault(nearest_place(root, location), f"`{dotted(path)}` {_problem(kind, one)}")


def _is_below(location: tuple[int | str, ...], above: tuple[int | str, ...]) -> bool:
    return len(location) > len(above) and location[: len(above)] == above


def _written(root: Node, location: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Leave out what nobody wrote: the branches a validator took (`<this>`), and the index of a list of one."""
    path: list[int | str] = []
    node: Node | None = root
    for part in location:
        below = step(node, part) if node is not None else None
        if below is not None or not (isinstance(part, int) or part.startswith("<")):
            path.append(part)
            node = below
    return tuple(path)


def _problem(kind: str, error: Any) -> str:
    context = error.get("ctx", {})
    if kind == "literal_error":
        return _choice(context["expected"], error.get("input"))
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(
            **{name: f"{bound:g}" for name, bound in context.items() if name in _NAMES_OF_BOUNDS}
        )
    if kind == "string_type" and isinstance(error.get("input"), bool | int | float):
        return "must be a text: put quotes around it"
    if kind == "string_pattern_mismatch":
        return _PATTERNS[context["pattern"]]
    return _TYPES.get(kind) or str(error["msg"])


def _choice(expected: str, given: object) -> str:
    words = re.findall(r"'([^']*)'", expected)
    near = nearest(given, words) if isinstance(given, str) and words else None
    choices = expected.replace("'", "")
    return f"must be {choices}" + (f"; did you mean {near}?" if near else "")
