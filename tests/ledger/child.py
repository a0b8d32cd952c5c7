"""Another process on the same ledger: `python -m tests.ledger.child USER WHAT PATH [...]`; USER 0 stays who it is."""

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine

from reconciler.errors import LedgerError
from reconciler.ledger import WriterThread, open_ledger
from reconciler.model import Key
from tests.ledger.pages import APP, STANDUP, event, now, page, recording


async def hold(path: str, *names: str) -> None:
    """Claim names, say so, and live until killed or told to end."""
    ledger = await open_ledger(path, service="agora", now=now)
    for name in names:
        print(bool(await ledger.claim(Key("default", name))), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await ledger.close()


async def keep(path: str, source: str) -> None:
    """Keep the default set as a daemon does, say so, and live until killed or told to end."""
    ledger = await open_ledger(path, service="agora", now=now)
    await ledger.enlist("default", source)
    print("kept", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await ledger.close()


async def work(path: str, mark: str) -> None:
    """Open, write under own names and under a shared one, draw calls."""
    ledger = await open_ledger(path, service="agora", now=now, run=WriterThread())
    for number in range(30):
        for key in (Key("default", f"{mark}-{number}"), STANDUP):
            claim = await ledger.claim(key)
            if claim is not None:
                await ledger.save(claim, recording(key), [event(key)], release=True)
    waits = [(await ledger.draw(APP, 10)).wait for _ in range(8)]
    await ledger.close()
    print(*waits)


async def look(path: str) -> None:
    """Read, then try to write; print both answers."""
    ledger = await open_ledger(path, service="agora", now=now, create=False)
    print(*[str(key) for key in await ledger.entries()])
    try:
        claim = await ledger.claim(STANDUP)
        assert claim is not None
        await ledger.save(claim, page())
    except LedgerError as error:
        print(error)
    await ledger.close()


TASKS: dict[str, Callable[..., Coroutine[None, None, None]]] = {"hold": hold, "keep": keep, "work": work, "look": look}

if __name__ == "__main__":
    user, what, *arguments = sys.argv[1:]
    if user != "0":  # only now: the interpreter may be where that user may not look
        os.setgroups([])
        os.setgid(int(user))
        os.setuid(int(user))
    try:
        asyncio.run(TASKS[what](*arguments))
    except LedgerError as error:
        print("LedgerError:", error)
