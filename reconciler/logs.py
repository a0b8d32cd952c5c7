"""Logs: one line per thing that happened, with every secret masked. Set up once by the command line."""

import json
import re
from collections.abc import Collection, Mapping, MutableMapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal, TextIO
from urllib.parse import quote

from reconciler.model import Secret

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger, Processor

MASK: Final = "****"
_SHORTEST: Final = 4  # masking less inside a text would blot out words
_DEEPEST: Final = 12
_SECRET_NAME: Final = re.compile(
    r"(?:secret|token|passw(?:or)?d|authorization|credentials?|(?:access|secret|api|private)[_-]?key|certificate|salt"
    r"|cookie|signature)$",
    re.IGNORECASE,
)
_USER_IN_URL: Final = re.compile(r"(?<=://)[^/?#\s\"'@]*@")


def set_up_logs(
    log_format: Literal["auto", "console", "json"],
    level: str,
    stream: TextIO,
    secrets: Collection[Secret] = (),
    *,
    colour: bool = False,
) -> "FilteringBoundLogger":
    """Make the logger of this process: console lines on a terminal, JSON otherwise, times in UTC.

    `secrets` may be a list that grows later: what it holds when a line is written is masked in that line.
    """
    import structlog  # noqa: PLC0415 - costs more than most commands take

    console = log_format == "console" or (log_format == "auto" and stream.isatty())
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Redaction(secrets),
        structlog.dev.ConsoleRenderer(colors=colour) if console else structlog.processors.JSONRenderer(),
    ]
    made: FilteringBoundLogger = structlog.wrap_logger(
        structlog.WriteLogger(stream),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(level),
        context_class=dict,
    )
    return made


class Redaction:
    """Masks known secrets and what is named like one, at any depth, and makes every value fit for JSON."""

    def __init__(self, secrets: Collection[Secret]) -> None:
        self._secrets = secrets

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> Mapping[str, Any]:
        first = ("timestamp", "level", "event")
        ordered = {key: event[key] for key in first if key in event} | dict(event)
        return {key: self._clean(key, value, 0) for key, value in ordered.items()}

    def _clean(self, name: str, value: Any, depth: int) -> Any:
        if value is None or isinstance(value, bool):
            return value
        if _SECRET_NAME.search(name) or isinstance(value, Secret):
            return MASK
        if isinstance(value, int | float):
            return MASK if any(secret.reveal() == str(value) for secret in self._secrets) else value
        return self._clean_whole(name, value, depth)

    def _clean_whole(self, name: str, value: Any, depth: int) -> Any:
        if depth >= _DEEPEST:
            return "…"
        if isinstance(value, Mapping):
            return {self._text(key): self._clean(str(key), one, depth + 1) for key, one in value.items()}
        if isinstance(value, Sequence | AbstractSet) and not isinstance(value, str | bytes | bytearray):
            return [self._clean(name, one, depth + 1) for one in value]
        return self._text(value)

    def _text(self, value: Any) -> str:
        if isinstance(value, bytes | bytearray):
            value = value.decode("utf-8", "replace")
        text = value.isoformat() if isinstance(value, date) else str(value)
        return _USER_IN_URL.sub(f"{MASK}@", mask(text, self._secrets))


def mask(text: str, secrets: Collection[Secret]) -> str:
    """Put stars in place of every secret, the longest first, also where it is quoted for JSON or an address."""
    values = {form for secret in secrets for form in _forms(secret.reveal())}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= _SHORTEST or value == text:
            text = text.replace(value, MASK)
    return text


def _forms(value: str) -> set[str]:
    quoted = {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)[1:-1]}
    return ({value, quote(value, safe=""), quote(value)} | quoted) - {""}
