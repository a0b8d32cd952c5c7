"""One event loop for the service and every process on the ledger, which can be halted and killed one by one.

Time is virtual, there is no thread, and no order depends on addresses: the same seed goes the same way. What runs is
told apart by the context it runs in, for tasks and timers inherit it.
"""

import asyncio
import itertools
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

Result = TypeVar("Result")


@dataclass(slots=True, eq=False)
class Body:
    """What of a process the loop knows: its tasks, and what they would do next while they are halted."""

    name: str
    halted: bool = False
    backlog: list[asyncio.Handle] = field(default_factory=list)
    tasks: list["asyncio.Task[Any]"] = field(default_factory=list)


INSIDE: ContextVar[Body | None] = ContextVar("process", default=None)


def _inside(context: Context | None) -> Body | None:
    """Tell whose that context is; None: the one that runs."""
    return context.get(INSIDE) if context is not None else INSIDE.get()


class _TimeOnly(selectors.DefaultSelector):
    """Looks at no file: what would have been a wait moves the clock."""

    elapsed = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("everybody waits and nothing is due: this would hang for ever")
        if timeout > 0:
            self.elapsed += timeout
        return []


class _Task(asyncio.Task[Any]):
    """A task whose place in a set does not depend on its address."""

    def __init__(self, number: int, coroutine: Coroutine[Any, Any, Any], **how: Any) -> None:
        self._number = number
        super().__init__(coroutine, **how)

    def __hash__(self) -> int:
        return self._number


class SimulationLoop(asyncio.SelectorEventLoop):
    """A loop on virtual time."""

    def __init__(self) -> None:
        self._elapsing = _TimeOnly()
        super().__init__(self._elapsing)
        self._numbers = itertools.count(1)
        self._halted: set[str] = set()
        self.set_task_factory(self._new_task)

    def time(self) -> float:
        return self._elapsing.elapsed

    def _new_task(
        self, _loop: asyncio.AbstractEventLoop, coroutine: Any, *, context: Context | None = None, **how: Any
    ) -> _Task:
        task = _Task(next(self._numbers), coroutine, loop=self, context=context, **how)
        body = _inside(context)
        if body is not None:
            body.tasks.append(task)
        return task

    # -- halting

    def halt(self, body: Body) -> None:
        """Let nothing of it go on, as SIGSTOP would, until `resume`; for ever, as SIGKILL would, without it."""
        if body.halted:
            return
        body.halted = True
        self._halted.add(body.name)
        ready: Any = self._ready  # type: ignore[attr-defined] # asyncio's own queues: there is no public way
        scheduled: Any = self._scheduled  # type: ignore[attr-defined]
        for handle in (*ready, *scheduled):
            if not handle._cancelled and handle._context.get(INSIDE) is body and handle._callback != self._due:
                handle._args = (body, handle._callback, handle._args, handle._context)
                handle._callback = self._due
        self.call_soon = self._sort_soon  # type: ignore[assignment,method-assign] # costs nothing while nobody is halted

    def resume(self, body: Body) -> None:
        body.halted = False
        self._halted.discard(body.name)
        for handle in body.backlog:
            if not handle.cancelled():
                self._ready.append(handle)  # type: ignore[attr-defined]
        body.backlog.clear()
        if not self._halted:
            del self.call_soon

    def _due(self, body: Body, callback: Callable[..., Any], arguments: tuple[Any, ...], context: Context) -> None:
        if body.halted:
            body.backlog.append(asyncio.Handle(callback, list(arguments), self, context))
        else:
            callback(*arguments)

    def _sort_soon(
        self, callback: Callable[..., Any], *arguments: Any, context: Context | None = None
    ) -> asyncio.Handle:
        body = _inside(context)
        if body is not None and body.halted:
            handle = asyncio.Handle(callback, list(arguments), self, context)
            body.backlog.append(handle)
            return handle
        return super().call_soon(callback, *arguments, context=context)


def run(story: Callable[[], Coroutine[Any, Any, Result]], bodies: list[Body]) -> Result:
    """Run a story to its end on a loop of its own, then clear away what its processes have left."""
    loop = SimulationLoop()
    loop.set_exception_handler(lambda *_: None)
    asyncio.set_event_loop(loop)
    try:
        return loop.run_until_complete(story())
    finally:
        loop.run_until_complete(_cleared(loop, bodies))
        asyncio.set_event_loop(None)
        loop.close()


async def _cleared(loop: SimulationLoop, bodies: list[Body]) -> None:
    for body in bodies:
        if body.halted:
            loop.resume(body)
    for _ in range(3):
        tasks = [task for task in asyncio.all_tasks(loop) if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=60)
