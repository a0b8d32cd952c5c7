"""An event loop whose time jumps to the next timer: a day passes in a moment, and always the same way."""

import asyncio
import selectors
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

Result = TypeVar("Result")

START = datetime(2026, 1, 1, 9, 0, tzinfo=UTC)


class _JumpingSelector(selectors.DefaultSelector):
    """Never waits: what would have been a wait moves the loop's clock instead."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = super().select(0)
        if not ready:
            if timeout is None:
                raise RuntimeError("everybody waits and nothing is due: this would hang for ever")
            self.elapsed += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop on virtual time. Threads have no place in it."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed


def virtual_now() -> datetime:
    """Tell the time inside `run_virtual`: UTC, beginning at START."""
    return START + timedelta(seconds=asyncio.get_running_loop().time())


def virtual_seconds() -> float:
    """Tell the same as Unix seconds."""
    return virtual_now().timestamp()


def run_virtual(main: Coroutine[Any, Any, Result]) -> Result:
    """Run to the end in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(main)
