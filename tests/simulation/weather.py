"""What goes wrong between us and the service: drawn for each call and each webhook, until faults cease."""

from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import Final

from reconciler.simulator.faults import Delay, Effect, Lose, Refuse, Replace, Truncate
from reconciler.simulator.replies import json_reply

_GATEWAY: Final = {
    429: "API rate limit exceeded",
    500: "An unexpected error occurred",
    502: "bad upstream",
    503: "down",
}


def _gateway(status: int) -> Refuse:
    return Refuse(json_reply(status, {"message": _GATEWAY[status]}, "fault"))


def _service(status: int, code: int, reason: str) -> Replace:
    return Replace(json_reply(status, {"code": code, "reason": reason}, "fault"))


KINDS: Final = (
    "lost before",
    "lost after",
    "late before",
    "late after",
    "5xx before",
    "5xx after",
    "429",
    "65",
    "62",
    "truncated",
)
UPDATES: Final = frozenset({"update", "updateLayout"})
WEBHOOK_KINDS: Final = ("dropped", "doubled", "late")


@dataclass(slots=True)
class Weather:
    """How often what goes wrong; a seed has its own."""

    rng: Random
    rate: float  # of calls that are struck
    kinds: tuple[str, ...]
    webhook_rate: float
    webhook_kinds: tuple[str, ...]
    patience: float  # RECONCILER_HTTP_TIMEOUT: what is late is later than that
    calm: bool = False
    counted: Counter[str] = field(default_factory=Counter)

    def strike(self, endpoint: str) -> Effect | None:
        """Draw what befalls a call, if anything."""
        if self.calm or not self.kinds or self.rng.random() >= self.rate:
            return None
        kind = self.rng.choice(self.kinds)
        if kind == "late before" and endpoint in UPDATES:
            kind = "late after"  # a stated limit: what arrives after its successor undoes it, and nobody is told
        self.counted[f"call {kind}"] += 1
        return self._effect(kind)

    def _effect(self, kind: str) -> Effect:
        rng = self.rng
        match kind:
            case "lost before":
                return Refuse(None)
            case "lost after":
                return Lose()
            case "late before":
                return Delay(self.patience * rng.uniform(0.5, 2.5), after=False)
            case "late after":
                return Delay(self.patience * rng.uniform(0.5, 2.5), after=True)
            case "5xx before":
                return _gateway(rng.choice((500, 502, 503)))
            case "5xx after":
                return _service(500, 500, "internal_error")
            case "429":
                return _gateway(429)
            case "65":
                return _service(206, 65, "request not completed")
            case "62":
                return _service(400, 62, "request timeout")
            case _:
                return Truncate(rng.choice((0, 1, 10, 40)))

    def waits(self, event_type: int) -> list[float]:
        """Draw how late a webhook arrives, for each time it does."""
        wait = self.rng.uniform(0.1, 1.0)
        if self.calm or not self.webhook_kinds or self.rng.random() >= self.webhook_rate:
            return [wait]
        kind = self.rng.choice(self.webhook_kinds)
        self.counted[f"webhook {kind}"] += 1
        if kind == "dropped":
            return []
        return [wait, wait + self.rng.uniform(0, 60)] if kind == "doubled" else [wait + self.rng.uniform(1, 120)]
