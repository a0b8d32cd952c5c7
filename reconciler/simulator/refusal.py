"""A request the service does not carry out, with the answer it gives instead."""

from collections.abc import Mapping
from typing import Any


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """Raised inside the world only; `World.handle` turns it into its answer."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        super().__init__(f"{status} {dict(body)}")
        self.status = status
        self.body = dict(body)


def refused(reason: str, code: int = 2, status: int = 400) -> Refusal:
    """§3.4, shape 2: code and reason."""
    return Refusal(status, {"code": code, "reason": reason})


def gateway(status: int, message: str) -> Refusal:
    """§3.4, shape 1: the gateway knows no codes."""
    return Refusal(status, {"message": message})
