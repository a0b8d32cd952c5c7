"""Where the ledger's work is done: at once in the caller's thread, or in one thread of its own with group commit."""

import contextlib
import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeAlias, TypeVar, cast

from reconciler.errors import LedgerError

if TYPE_CHECKING:
    import asyncio

T = TypeVar("T")
MOST_TOGETHER = 128  # jobs in one COMMIT: bounds what the first of them waits for the last
PATIENCE = 0.5  # seconds that a patient job waits for others to share its COMMIT with


class Cursor(Protocol):
    """What a statement answers."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...


class Connection(Protocol):
    """What statements need of a driver."""

    def execute(self, statement: str, parameters: Sequence[Any] = ..., /) -> Cursor: ...


@dataclass(frozen=True, slots=True)
class Job(Generic[T]):
    """One transaction: read-only, or one that may share its COMMIT with others; a patient one waits for some."""

    name: str
    work: Callable[[Connection], T]
    writes: bool
    patient: bool = False


@dataclass(frozen=True, slots=True)
class Done:
    """The job is through; what it wrote is durable."""

    value: Any


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing of the job was written, or it is not known whether (only when `on_commit` raised after the COMMIT)."""

    error: BaseException


Outcome: TypeAlias = Done | Failed
Perform: TypeAlias = Callable[[Sequence[Job[Any]]], list[Outcome]]  # one outcome for each, in order; never raises


class Thread(Protocol):
    """Runs the jobs of one ledger, one after another; `start` refuses a second one."""

    def start(self, perform: Perform) -> None: ...
    async def run(self, job: Job[T]) -> T: ...
    async def stop(self) -> None: ...


class InlineThread:
    """Runs each job in the caller's thread without ever yielding: what a deterministic simulation needs."""

    def __init__(self) -> None:
        self._perform: Perform | None = None

    def start(self, perform: Perform) -> None:
        if self._perform is not None:
            raise LedgerError("a ledger needs a thread of its own")
        self._perform = perform

    async def run(self, job: Job[T]) -> T:
        if self._perform is None:
            raise LedgerError("the ledger is closed")
        return cast("T", _value(self._perform([job])[0]))

    async def stop(self) -> None:
        self._perform = None


class WriterThread:
    """Runs jobs in one thread of its own; those that queue up while it writes share the next COMMIT.

    A caller that is cancelled takes nothing back: its job is done all the same.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[list[_Queued] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._gathered: list[_Queued] = []  # patient ones: to wake the thread for each is what costs
        self._alarm: asyncio.TimerHandle | None = None

    def start(self, perform: Perform) -> None:
        if self._thread is not None:
            raise LedgerError("a ledger needs a thread of its own")
        self._thread = threading.Thread(target=self._work, args=(perform,), name="ledger", daemon=True)
        self._thread.start()

    async def run(self, job: Job[T]) -> T:
        if self._thread is None:
            raise LedgerError("the ledger is closed")
        import asyncio  # noqa: PLC0415  # 60 ms that commands without a loop of their own do not pay

        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        self._gathered.append(_Queued(job, future))
        if not job.patient or len(self._gathered) >= MOST_TOGETHER:
            self._hand_over()
        elif self._alarm is None:
            self._alarm = loop.call_later(PATIENCE, self._hand_over)
        return cast("T", _value(await future))

    async def stop(self) -> None:
        """Finish what is queued and end the thread."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._hand_over()
            self._queue.put(None)
            thread.join()

    def _hand_over(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._gathered:
            self._queue.put(self._gathered)
            self._gathered = []

    def _work(self, perform: Perform) -> None:
        going = True
        while going:
            together, going = self._taken()
            outcomes = perform([one.job for one in together])
            for loop, landed in groupby(zip(together, outcomes, strict=True), key=lambda pair: pair[0].loop):
                with contextlib.suppress(RuntimeError):  # the loop was closed: nobody waits any more
                    loop.call_soon_threadsafe(_settle, list(landed))

    def _taken(self) -> "tuple[list[_Queued], bool]":
        """Wait for jobs and take what is queued by then; False: `stop` has put its sign, which is the last."""
        taken = list[_Queued]()
        while not taken or (len(taken) < MOST_TOGETHER and not self._queue.empty()):
            queued = self._queue.get()
            if queued is None:
                return taken, False
            taken += queued
        return taken, True


@dataclass(frozen=True, slots=True)
class _Queued:
    job: Job[Any]
    future: "asyncio.Future[Outcome]"

    @property
    def loop(self) -> "asyncio.AbstractEventLoop":
        return self.future.get_loop()


def _settle(landed: "list[tuple[_Queued, Outcome]]") -> None:
    for queued, outcome in landed:
        if not queued.future.done():
            queued.future.set_result(outcome)


def _value(outcome: Outcome) -> Any:
    if isinstance(outcome, Failed):
        raise outcome.error
    return outcome.value
