"""The service as the processes reach it: calls travel on whatever becomes of who sent them."""

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import httpx

from reconciler.agora.notices import read_notice
from reconciler.evidence import Notice
from reconciler.simulator.exchange import Outcome, Refused, as_it_arrives
from reconciler.simulator.faults import Delay, Effect, Refuse, Replace
from reconciler.simulator.notices import Notice as SentNotice
from reconciler.simulator.replies import Reply
from reconciler.simulator.routes import CHANGING, Route, find_route
from reconciler.simulator.transport import delivered
from reconciler.simulator.webhooks import signed
from reconciler.simulator.world import World
from tests.simulation.processes import Process, receive
from tests.virtual_time import START

if TYPE_CHECKING:
    from tests.simulation.life import Life

ROUND_TRIP = 0.05
_RESENT_AFTER = (0.0, 5.0, 30.0)


@dataclass(frozen=True, slots=True)
class Call:
    """A request on its way."""

    process: Process
    route: Route
    channel: str
    uid: str
    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def endpoint(self) -> str:
        return self.route.endpoint


class Service:
    """The world, the way there with its faults, and the webhooks back."""

    def __init__(self, life: "Life", world: World) -> None:
        self.life = life
        self.world = world
        self._context = Context()  # nobody's: what is under way does not die with a process
        self._heard = 0
        self.sent: list[str] = []  # endpoints, in order; what is late arrives in another

    def now(self) -> float:
        return START.timestamp() + self.life.loop.time()

    def transport(self, process: Process) -> "_Transport":
        return _Transport(self, process)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self.life.loop.call_later(seconds, act, context=self._context)

    # -- calls

    def depart(self, call: Call, arrived: "asyncio.Future[Outcome]") -> None:
        self.sent.append(call.endpoint)
        effect = self.life.weather.strike(call.endpoint)
        if effect is not None:
            self.life.trace("fault", call.endpoint, call.channel, type(effect).__name__, _words(effect))
        if isinstance(effect, Refuse):
            self.later(ROUND_TRIP, partial(_arrive, arrived, effect.reply or Refused()))
            return
        late = effect.seconds if isinstance(effect, Delay) and not effect.after else 0.0
        self.later(ROUND_TRIP / 2 + late, partial(self._reach, call, effect, arrived))

    def _reach(self, call: Call, effect: Effect | None, arrived: "asyncio.Future[Outcome]") -> None:
        world = self.world
        known = len(world.recorders)
        reply = world.handle(self.now(), call.method, call.target, call.headers, call.body)
        if len(world.recorders) > known:
            self.life.oracles.launched(call, world.recorders[-1])
        said = world.calls[-1]
        self.life.trace("handled", call.process.name, call.endpoint, call.channel, call.uid, said.status, said.code)
        self.look()
        late, outcome = reply.delay, as_it_arrives(reply, effect if call.endpoint != "none" else None)
        if isinstance(effect, Delay) and effect.after:
            late += effect.seconds
        self.later(ROUND_TRIP / 2 + late, partial(_arrive, arrived, outcome))

    # -- webhooks

    def look(self) -> None:
        """Send the webhooks of what has happened since the last look."""
        self.world.live(self.now())
        news = self.world.notices[self._heard :]
        self._heard += len(news)
        if not self.life.case.webhooks:
            return
        for notice in news:
            for wait in self.life.weather.waits(notice.event_type):
                self.later(wait, partial(self._deliver, notice, 0))

    def _deliver(self, notice: SentNotice, tries: int) -> None:
        process = self.life.daemon
        again = partial(self._again, notice, tries)
        if process is None or not process.runs:
            again(taken=False)
            return
        body, _ = signed(notice, self.now(), "signed")
        read = read_notice(body, process.clock())
        assert isinstance(read, Notice)
        process.do(lambda: receive(process, read, lambda taken: again(taken=taken)))

    def _again(self, notice: SentNotice, tries: int, *, taken: bool) -> None:
        if not taken and tries < len(_RESENT_AFTER):
            self.later(_RESENT_AFTER[tries], partial(self._deliver, notice, tries + 1))


def _words(effect: Effect) -> str:
    match effect:
        case Refuse(reply=Reply(status=status)) | Replace(reply=Reply(status=status)):
            return str(status)
        case Delay(seconds=seconds, after=after):
            return f"{seconds:.1f} {'after' if after else 'before'}"
        case _:
            return ""


def _arrive(arrived: "asyncio.Future[Outcome]", outcome: Outcome) -> None:
    if not arrived.done():
        arrived.set_result(outcome)


class _Transport(httpx.AsyncBaseTransport):
    """What a process calls the service through."""

    def __init__(self, service: Service, process: Process) -> None:
        self._service = service
        self._process = process

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        service, process = self._service, self._process
        target, body = request.url.raw_path.decode("ascii"), request.content
        route = find_route(request.method, target, service.world.options.query_method)
        channel, uid = service.world._identity(route, body)
        call = Call(process, route, channel, uid, request.method, target, dict(request.headers), body)
        process.point(f"before {call.endpoint}")
        if call.endpoint in CHANGING:
            process.sent.append((call.endpoint, channel, uid))
        service.life.oracles.leaving(call)
        arrived: asyncio.Future[Outcome] = service.life.loop.create_future()
        service.depart(call, arrived)
        patience = request.extensions.get("timeout", {}).get("read")
        try:
            async with asyncio.timeout(patience):
                outcome = await arrived
        except TimeoutError:
            process.unanswered = True
            raise httpx.ReadTimeout("the service did not answer in time", request=request) from None
        process.point(f"after {call.endpoint}")
        return delivered(outcome, request)
