"""Ctrl-C and SIGTERM: the calls in flight are finished, what is left is said, and a second one ends it at once."""

import asyncio
import signal
import sys
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import click

INTERRUPTED = 130


def run_interruptible(main: Coroutine[Any, Any, int]) -> int:
    """Run a command; the first signal cancels it in good order, the second kills: the ledger is made for that."""
    return asyncio.run(_watched(main))


async def _watched(main: Coroutine[Any, Any, int]) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(main)
    signals = (signal.SIGINT, signal.SIGTERM)

    def interrupt() -> None:
        for number in signals:
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)
        # Not by click, which would write past a table that is drawn on the terminal.
        print("interrupted: the calls in flight are finished first; once more ends it at once", file=sys.stderr)
        task.cancel()

    for number in signals:
        loop.add_signal_handler(number, interrupt)
    try:
        return await task
    except asyncio.CancelledError:
        return INTERRUPTED


@contextmanager
def asking() -> Iterator[None]:
    """Let a signal end a question at once: the loop that would hear of it waits for the answer, too."""
    loop = signal.set_wakeup_fd(-1)
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    }
    try:
        yield
    except click.Abort:
        click.echo("\nnothing was changed", err=True)  # the cursor stands behind the question
        raise
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(loop)
