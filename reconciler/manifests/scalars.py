"""What a plain YAML scalar means, by the core schema of YAML 1.2; the numbers of JSON are among them."""

import re
from typing import Final

from reconciler.manifests.nodes import Plain

_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_WORDS: Final[dict[str, bool | None]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_NUMERIC_STARTS: Final = frozenset("+-.0123456789")


def read_scalar(text: str) -> Plain:
    """Read a plain scalar by the core schema: `on` and `1:30` are texts, `010` is ten, `1e3` a number.

    Raises ValueError for what is a number but none we take.
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _NUMERIC_STARTS:
        return text
    if _INT.fullmatch(text):
        if len(text) > 40:
            raise ValueError("a number of more than 40 digits")
        return int(text, 0) if text[:2] in {"0o", "0x"} else int(text)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError("a number that is not finite")
    if _FLOAT.fullmatch(text):
        number = float(text)
        if number in {float("inf"), float("-inf")}:
            raise ValueError("too large a number")
        return number
    return text
