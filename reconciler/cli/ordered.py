"""What each order for single recordings changes, whom it does not concern, and what is said of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from reconciler.planning.orders import Orders, Restart, Suspension

_Spec = Mapping[str, Any]  # as declared, if that is known


@dataclass(frozen=True, slots=True)
class Ordering:
    """One order, for whatever recordings it is given."""

    event: str
    done: str  # e.g. "suspended"
    question: str  # e.g. "Stop"
    change: Callable[[Orders, datetime], Orders]
    reason: str = ""
    needless: Callable[[Orders, datetime], str] = lambda _, __: ""  # why nothing has to be changed, if so
    beside: Callable[[Orders, datetime, _Spec], str] = lambda _, __, ___: ""  # what keeps it from having its effect


def suspension(by: str, reason: str, until: datetime | None) -> Ordering:
    return Ordering(
        "recording.suspended",
        "suspended",
        "Stop them, and keep them stopped?",
        lambda orders, now: replace(orders, suspension=Suspension(by, reason, now, until)),
        reason,
    )


def resumption() -> Ordering:
    return Ordering(
        "recording.resumed",
        "resumed",
        "Let them record again?",
        lambda orders, _: replace(orders, suspension=None),
        needless=lambda orders, now: "" if orders.suspended(now) else "not suspended by an order",
        beside=lambda _, __, spec: "its manifest says suspend: true; that is changed there" if _stays(spec) else "",
    )


def renewal(by: str) -> Ordering:
    return Ordering(
        "recording.restarted",
        "a fresh session is ordered",
        "Interrupt them for a fresh session?",
        lambda orders, now: replace(orders, restart=Restart(by, now)),
        beside=_kept_from_renewal,
    )


def _kept_from_renewal(orders: Orders, now: datetime, spec: _Spec) -> str:
    suspended = orders.suspended(now)
    if suspended:
        return f"{suspended}; it starts after `reconciler resume`"
    return "its manifest says suspend: true; it starts once that is changed there" if _stays(spec) else ""


def _stays(spec: _Spec) -> bool:
    return spec.get("suspend") is True
