"""A daemon that can die and come back, told in steps on virtual time: what happens to it, and what must hold.

Between two steps time stands still. Each channel belongs to one recording for ever, whatever it is called, so two
recorders in one channel are always one too many.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field, replace
from math import inf
from pathlib import Path
from typing import Any, TypeVar

from reconciler.agora.notices import read_notice
from reconciler.daemon import LISTENING
from reconciler.errors import LedgerError
from reconciler.evidence import Notice
from reconciler.ledger import Ledger, open_ledger
from reconciler.model import Accepted, Held, Intended, Key, Session
from reconciler.planning.orders import Orders, Suspension
from reconciler.simulator.faults import FaultPlan, parse_fault
from reconciler.simulator.options import Options
from reconciler.simulator.recorder import Recorder
from reconciler.simulator.webhooks import Webhooks
from tests.simulation.life import SELDOM
from tests.virtual_time import VirtualLoop, virtual_now, virtual_seconds
from tests.world.house import House, keeping
from tests.world.stage import Crash, CrashAt, Stage, assert_never_two, minutes, recording

Result = TypeVar("Result")

_OUTLIVE_A_PROCESS = ("WorldTransport._travel", "Webhooks.")


@dataclass(frozen=True, slots=True)
class Manifest:
    """One recording as it is written."""

    channel: str
    spec: str
    renamed_from: str = ""


@dataclass(slots=True)
class Life:
    """A set, its daemon, its service, and what people do to them; every method is one step, but the checks."""

    folder: Path
    options: Options
    manifests: dict[str, Manifest] = field(default_factory=dict)
    suspended: set[str] = field(default_factory=set)
    house: House | None = None  # None: no process runs
    stage: Stage = field(init=False)
    notices: FaultPlan = field(default_factory=FaultPlan)
    back_since: dict[str, float] = field(default_factory=dict)  # sid → end of its last failover
    _loop: VirtualLoop = field(default_factory=VirtualLoop)
    _process: "asyncio.Task[None] | None" = None
    _leaving: asyncio.Event = field(default_factory=asyncio.Event)
    _outside: AsyncExitStack = field(default_factory=AsyncExitStack)

    def __post_init__(self) -> None:
        self._loop.set_exception_handler(lambda *_: None)
        self.stage = Stage(self.folder, self.options)

    def play(self, step: Coroutine[Any, Any, Result]) -> Result:
        return self._loop.run_until_complete(step)

    def close(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()

    # -- the process

    async def begin(self) -> None:
        """Start the daemon for the first time, and the service's webhooks with it."""
        webhooks = Webhooks(self.stage.world, self._deliver, faults=self.notices, clock=virtual_seconds)
        await self._outside.enter_async_context(webhooks.sending())
        await self.start()

    async def start(self) -> None:
        assert self.house is None
        self._leaving.clear()
        opened = asyncio.Event()
        self._process = asyncio.create_task(self._keep(opened))
        await opened.wait()

    async def _keep(self, opened: asyncio.Event) -> None:
        async with keeping(self.stage) as self.house:
            opened.set()
            await self._leaving.wait()

    async def leave(self, pause: float) -> None:
        """End the daemon as SIGTERM would, and start it again after a pause."""
        assert self._process is not None
        self._leaving.set()
        await self._process
        self._assert_no_bug()
        self.house = None
        await asyncio.sleep(pause)
        await self.start()

    async def crash(self, point: int, within: float, pause: float) -> None:
        """Kill the process at that call or commit from now on, or when the time is over; start it after a pause."""
        crash = self.stage.crash = CrashAt(point)
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await crash.death.wait()
        crash.dead = True
        self._assert_no_bug()
        while others := {task for task in asyncio.all_tasks() if not _outlives(task)} - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        self.house = self.stage.crash = None
        await asyncio.sleep(pause)
        await self.start()

    async def _deliver(self, body: bytes, headers: Mapping[str, str]) -> int:
        del headers
        if self.house is None:
            return 0
        notice = read_notice(body, virtual_now())
        assert isinstance(notice, Notice)
        try:
            await self.house.daemon.receive(notice)
        except LedgerError:
            return 503
        except Crash:
            return 0
        return 200

    # -- people

    async def declare(self) -> None:
        """Write the manifests down, and let the daemon see them."""
        documents = [
            recording(
                name,
                f"  channel: {one.channel}\n{one.spec}",
                f"  renamedFrom: {one.renamed_from}" if one.renamed_from else "",
            )
            for name, one in sorted(self.manifests.items())
        ]
        self.stage.write(*documents)
        if self.house is not None:
            self.house.offer()

    async def order(self, name: str, *, suspend: bool) -> None:
        """Suspend or resume as another process would, and let it be heard."""
        self.suspended = self.suspended | {name} if suspend else self.suspended - {name}
        given = Orders(Suspension("ann", "tests", virtual_now()) if suspend else None)
        ledger = await self._ledger()
        try:
            await ledger.give(Key("default", name), Orders, lambda orders: replace(orders, suspension=given.suspension))
        finally:
            await ledger.close()
        await asyncio.sleep(LISTENING.total_seconds())

    # -- the service

    def recorder_of(self, name: str) -> Recorder | None:
        channel = self.manifests[name].channel
        return next((one for one in self.stage.live() if one.channel == channel), None)

    async def kill(self, name: str) -> None:
        recorder = self.recorder_of(name)
        if recorder is not None:
            self.stage.world.kill(virtual_seconds(), recorder.sid)

    async def fail_over(self, name: str, hidden_for: float) -> None:
        """Move a recorder to another server, within the stated limits (ARCHITECTURE.md).

        Not one whose sid is lost, for then 53 is no fence any more (S6); and not one that has just come back, for who
        asks now and then cannot tell two failovers from one that lasts.
        """
        recorder, now = self.recorder_of(name), virtual_seconds()
        if recorder is None or now < self.back_since.get(recorder.sid, -inf) + SELDOM:
            return
        if any(_has_sid(one, recorder) for one in await self._open_sessions()):
            self.back_since[recorder.sid] = now + hidden_for
            self.stage.world.fail_over(now, recorder.sid, hidden_for)

    async def empty(self, name: str) -> None:
        self.stage.world.leave(virtual_seconds(), self.manifests[name].channel)

    async def fill(self, name: str) -> None:
        self.stage.world.join(virtual_seconds(), self.manifests[name].channel, "12345")

    def break_calls(self, line: str) -> None:
        self.stage.faults.add(parse_fault(line))

    def break_notices(self, line: str) -> None:
        self.notices.faults[:] = [parse_fault(line)] if line else []

    # -- what must hold

    def check(self) -> None:
        assert_never_two(self.stage)
        self._assert_no_bug()
        self.play(self._assert_all_known())

    async def _assert_all_known(self) -> None:
        """The bound is nothing at all: the intent and the resource id are on disk before a start is sent."""
        known = await self._open_sessions()
        unknown = [one for one in self.stage.live() if not any(knows(session, one) for session in known)]
        assert not unknown, f"nobody would ever stop {unknown}"

    def _assert_no_bug(self) -> None:
        logged = self.house.logged if self.house else []
        assert not [event for event in logged if "bug" in str(event.get("error")) or "exc_info" in event]

    async def settle(self) -> None:
        """When faults cease there is one recorder for each that is wanted, and none else."""
        self.stage.faults.faults.clear()
        self.break_notices("")
        for name in self.manifests:
            await self.fill(name)
        await minutes(20)
        unreachable = {one.identity.channel for one in await self._open_sessions() if isinstance(one.state, Held)}
        assert set(self.stage.live_channels()) - unreachable == self._wanted() - unreachable
        if unreachable:  # they end by themselves once nobody is there, and the next probe says so (S5)
            for channel in unreachable:
                self.stage.world.leave(virtual_seconds(), channel)
            await minutes(10)
            for channel in unreachable:
                self.stage.world.join(virtual_seconds(), channel, "12345")
            await minutes(20)
        assert set(self.stage.live_channels()) == self._wanted()
        calls = self.stage.calls()
        await minutes(5)
        assert self.stage.calls() == calls, "what is as wanted is left alone"

    def _wanted(self) -> set[str]:
        return {one.channel for name, one in self.manifests.items() if name not in self.suspended}

    async def _open_sessions(self) -> list[Session]:
        ledger = await self._ledger()
        try:
            return [one for _, one in await ledger.sessions() if one.is_open]
        finally:
            await ledger.close()

    async def _ledger(self) -> Ledger:
        return await open_ledger(self.stage.ledger, service=None, now=virtual_now)


def _outlives(task: "asyncio.Task[Any]") -> bool:
    """Tell what goes on when the process is gone: the calls under way at the service, and its webhooks."""
    return str(getattr(task.get_coro(), "__qualname__", "")).startswith(_OUTLIVE_A_PROCESS)


def _has_sid(session: Session, recorder: Recorder) -> bool:
    state = session.state
    return not isinstance(state, Intended | Held) and state.sid == recorder.sid


def knows(session: Session, recorder: Recorder) -> bool:
    """Tell whether the recorder can be reached, or will be settled, by what is written down of this session."""
    state = session.state
    if isinstance(state, Accepted) and state.unsettled is not None:
        state = state.unsettled
    if isinstance(state, Intended | Held):
        return recorder.resource_id in state.resource_ids
    return state.sid == recorder.sid
