"""The life of one seed: processes, people and a service, until faults cease and everything rests."""

import asyncio
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import sha256
from math import inf
from pathlib import Path
from typing import Any, Final

from reconciler.cli.importing import Wish as Adoption
from reconciler.cli.ordered import renewal, resumption, suspension
from reconciler.ledger import InlineThread, open_ledger
from reconciler.manifests.accept import ManifestSet
from reconciler.settings import Settings, load_settings
from reconciler.simulator.recorder import Recorder
from reconciler.simulator.world import World
from reconciler.sources.source import Offer, Trouble
from tests.simulation.drawing import CHANNELS, Case, Moment, draw
from tests.simulation.loop import Body, SimulationLoop, run
from tests.simulation.oracles import RENEWED, Oracles, Violation, lineage_of, moment
from tests.simulation.processes import Process, adopting, apply, daemon, deleting, ordering
from tests.simulation.service import Service
from tests.simulation.wishes import Model, Wish, from_pieces, from_text, shape_of
from tests.virtual_time import START
from tests.world.stage import ENVIRON

# I7: what takes longest when nothing fails any more. A start whose outcome is unknown is repeated until its resource id
# is five minutes old, then probed; what has failed over is not probed before maxIdle (1 m here) and the grace (90 s)
# have passed; what was lost then is missed for a grace and confirmed anew, after a pause of at most 20 s (its backoff).
CONVERGED_WITHIN: Final = 5 * 60 + (60 + 90) + (90 + 60 + 20) + 90 + 50
LOOKED_AT_EVERY: Final = 5.0
QUIET_FOR: Final = 50.0
# "none" is a query by the method that this service does not know: a new process finds out which it knows.
SELDOM: Final = 240.0  # seconds from a failover of a recorder to its next
POLLS: Final = frozenset({"query", "channels", "users", "hosts", "none"})

_UNDER_WAY: Final = frozenset({"intended", "accepted", "stopping"})

_SHELF: Final = Path("/dev/shm") if Path("/dev/shm").is_dir() else None  # commits there cost no disk


@dataclass(slots=True)
class Told:
    """What became of a seed."""

    seed: int
    violations: tuple[Violation, ...]
    digest: str
    hours: float
    recordings: int
    calls: int
    events: Counter[str]
    compared: int
    points: Counter[str]
    died_at: str
    repeated: bool  # a start came with a resource id that one had come with before, or that was too old
    last: tuple[str, ...] = ()  # of the trace, where something was violated


@dataclass(slots=True, eq=False)
class Life:
    """All there is in one seed."""

    case: Case
    path: Path
    settings: Settings
    loop: SimulationLoop = field(init=False)
    world: World = field(init=False)
    service: Service = field(init=False)
    oracles: Oracles = field(init=False)
    model: Model = ()  # of the last good set that was offered
    readable: ManifestSet = field(init=False)
    item: Offer | Trouble = field(init=False)
    models: dict[str, Model] = field(default_factory=dict)
    daemon: Process | None = None
    processes: list[Process] = field(default_factory=list)
    bodies: list[Body] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    lines: list[tuple[Any, ...]] = field(default_factory=list)
    drift: float = 0.0  # of the system's clock
    disturbed_at: float = 0.0  # when something last happened by which a plan may come to nothing
    calm_since: float = inf
    is_over: bool = False  # but for what people apply by themselves: no daemon is started any more
    failed_over_at: dict[str, float] = field(default_factory=dict)  # sid → when it came back
    lineages: set[int] = field(default_factory=set)
    compared: int = 0
    points: Counter[str] = field(default_factory=Counter)  # that processes have passed before the calm, by kind
    died_at: str = ""  # where one died that was to die at a certain point

    @property
    def weather(self) -> Any:
        return self.case.weather

    @property
    def prunes(self) -> bool:
        return self.case.prunes

    def trace(self, *what: Any) -> None:
        self.lines.append((round(self.loop.time(), 3), *what))

    # -- processes

    def begin(self, what: Callable[[Process], Any], name: str) -> Process:
        process = Process(f"{name}-{len(self.processes) + 1}", life=self, offset=self.drift, began=self.loop.time())
        self.oracles.offsets.add(self.drift)
        self.processes.append(process)
        self.bodies.append(process)
        self.trace("begin", process.name)
        process.start(what)
        return process

    def begin_daemon(self) -> None:
        if self.daemon is None or not self.daemon.runs:
            self.daemon = self.begin(daemon, "daemon")

    def kill(self, process: Process) -> None:
        """As SIGKILL: nothing of it goes on, and the system closes its files."""
        if not process.runs:
            return
        self.events["crash"] += 1
        self.trace("killed", process.name)
        process.dead, process.gone_at = True, self.loop.time()
        self.disturbed_at = self.loop.time()
        self.loop.halt(process)
        self.service.later(0.0, partial(_closed, process))

    def passed(self, process: Process, label: str) -> None:
        """Count the point, and die there if that was said."""
        if self.calm_since == inf:
            kind = process.name.rpartition("-")[0]
            self.points[kind] += 1
            if self.case.dies == (kind, self.points[kind]):
                self.died_at = label
                self._crash(process, 1.0)

    def over(self, process: Process) -> None:
        """Its main has returned: what it has left behind goes on no more."""
        self.service.later(0.0, partial(self.loop.halt, process))

    def halt(self, process: Process, seconds: float) -> None:
        if not process.runs or process.halted:
            return
        self.events["pause"] += 1
        self.trace("halted", process.name, round(seconds, 3))
        self.disturbed_at = self.loop.time()
        self.loop.halt(process)
        self.service.later(seconds, partial(self._resume, process))

    def _resume(self, process: Process) -> None:
        if process.halted and process.runs:
            self.trace("resumed", process.name)
            self.loop.resume(process)

    def victim(self, number: int) -> Process | None:
        alive = [process for process in self.processes if process.runs]
        return alive[number % len(alive)] if alive else None

    def was_calm_since(self, process: Process) -> bool:
        """Tell whether nothing but time has touched anything since a process began, and nobody else was there."""
        alone = not any(one.runs for one in self.processes if one is not process)
        return alone and process.began > max(self.calm_since, self.disturbed_at)

    # -- manifests

    def offer(self, model: Model) -> None:
        self.model = model
        self.lineages |= {wish.lineage for wish in model}
        self.readable = (from_text if self.case.by_text else from_pieces)(model)
        self.models.setdefault(self.readable.revision, model)
        self._say(Offer(self.readable, self.readable.revision))

    def _say(self, item: Offer | Trouble) -> None:
        self.item = item
        if self.daemon is not None and self.daemon.runs and self.daemon.source is not None:
            process = self.daemon
            source = self.daemon.source

            async def said() -> None:
                source.items.put_nowait(item)

            process.do(said)

    # -- what happens

    def happen(self, one: Moment) -> None:
        self.trace("moment", one.what, one.number, round(one.seconds, 1), one.points)
        match one.what:
            case "edit":
                self.events["edit"] += 1
                self.offer(one.model)
            case "bad":
                self.events["bad revision"] += 1
                self._say(Trouble("set.yaml:1:1: it is not YAML", "bad"))
            case "empty":
                self.events["emptied source"] += 1
                self._say(Offer(ManifestSet((), {}, "emptied", {}), "emptied"))
                self.models.setdefault("emptied", ())
            case "death" | "kick" | "failover" | "empty room":
                self._strike(one)
            case "crash" | "crash now" | "pause" | "restart process":
                self._end_or_halt(one)
            case "clock":
                self.events["clock jump"] += 1
                self.drift += one.seconds
            case _:
                self._use(one)

    def _strike(self, one: Moment) -> None:
        """Let something happen at the service or in a channel."""
        world, now = self.world, self.service.now()
        if one.what == "empty room":
            channel = CHANNELS[one.number % len(CHANNELS)]
            self.events["empty room"] += 1
            world.leave(now, channel)
            self.service.later(one.seconds, lambda: world.join(self.service.now(), channel, "12345"))
            return
        live = world.live(now)
        if not live:
            return
        recorder = live[one.number % len(live)]
        if one.what == "failover":
            # Of one whose sid is not known nobody may hear, and then 53 is no fence any more: this is the one limit
            # that is stated, and kept (ARCHITECTURE.md, crash safety).
            # Nor can anybody who asks now and then tell two failovers in a row from one that lasts for the grace.
            again = self.failed_over_at.get(recorder.sid, -SELDOM) + SELDOM
            if recorder.hidden or not self._is_known(recorder) or self.loop.time() < again:
                return
            self.failed_over_at[recorder.sid] = self.loop.time() + one.seconds
            world.fail_over(now, recorder.sid, one.seconds)
            self.disturbed_at = now - START.timestamp() + one.seconds
        elif one.what == "kick":
            world.kick(now, recorder.channel, recorder.current_uid)
            self.service.later(1.0, lambda: world.join(self.service.now(), recorder.channel, "12345"))
        else:
            world.kill(now, recorder.sid)
        self.events[one.what] += 1
        self.service.look()

    def _is_known(self, recorder: Recorder) -> bool:
        """Tell whether its sid is known, and no other start of it may be on its way."""
        owner = self.oracles._owner(recorder.channel, recorder.uid)
        state = json.loads(owner[1])["state"] if owner else {}
        unsettled = state.get("unsettled")
        is_alone = not unsettled or unsettled["resource_ids"] == [recorder.resource_id]
        return state.get("sid") == recorder.sid and is_alone

    def _end_or_halt(self, one: Moment) -> None:
        process = self.victim(one.number)
        if process is None:
            return
        match one.what:
            case "crash":
                process.armed.append((one.points, "crash", lambda: self._crash(process, one.seconds)))
            case "crash now":
                self._hop(one.points, lambda: self._crash(process, one.seconds))
            case "pause":
                process.armed.append(
                    (one.points, "pause", lambda: self._hop(one.number % 4, lambda: self.halt(process, one.seconds)))
                )
            case _:
                self.events["restart of a process"] += 1
                process.stopping.set()
                self._again(process, one.seconds)

    def _crash(self, process: Process, pause: float) -> None:
        self.kill(process)
        self._again(process, pause)

    def _again(self, process: Process, pause: float) -> None:
        if process is self.daemon:
            self.service.later(pause + 0.01, self._once_gone)

    def _once_gone(self) -> None:
        """Start a daemon once the one before is gone; it may take some seconds to leave."""
        if self.is_over:
            return
        if self.daemon is not None and self.daemon.runs:
            if self.daemon.stopping.is_set():
                self.service.later(1.0, self._once_gone)
            return
        self.begin_daemon()

    def _hop(self, hops: int, act: Callable[[], None]) -> None:
        """Act some turns of the loop later, that is between two awaits of somebody."""
        if hops == 0:
            self.loop.call_soon(act, context=Context())
        else:
            self.loop.call_soon(self._hop, hops - 1, act, context=Context())

    def _use(self, one: Moment) -> None:
        """Let a person do something."""
        names = self._names()
        self.disturbed_at = self.loop.time()
        name = names[one.number % len(names)] if names else ""
        match one.what:
            case "apply":
                self.begin(apply, "apply")
            case "second daemon":
                self._begin_second()
            case "delete" if name:
                self.begin(deleting((name,)), "delete")
            case "suspend" if name:
                self.begin(ordering(name, suspension("somebody", "a break", None)), "suspend")
            case "resume" if name:
                self.begin(ordering(name, resumption()), "resume")
            case "restart" if name:
                self.begin(ordering(name, renewal("somebody")), "restart")
            case "import":
                self._adopt(one.number)
            case _:
                return
        self.events[one.what] += 1

    def _begin_second(self) -> None:
        first = self.daemon
        if first is None or not first.runs or first.household is None or first.stopping.is_set():
            return

        async def second(process: Process) -> None:
            try:
                await daemon(process)
            finally:
                if not process.refused and not process.dead and first.runs and not first.stopping.is_set():
                    self.trace("a second daemon has ended")

        self.begin(second, "second")

    def _adopt(self, number: int) -> None:
        """A person finds a recorder in the console and gives its handle to whom it belongs."""
        live = self.world.live(self.service.now())
        if not live:
            return
        recorder = live[number % len(live)]
        owner = self.oracles._owner(recorder.channel, recorder.uid)
        if owner is not None:
            wish = Adoption(owner[0], recorder.resource_id, recorder.sid, recorder.channel, recorder.uid, recorder.mode)
            self.begin(adopting(wish), "import")

    def _names(self) -> list[str]:
        rows = self.oracles.disk.execute("SELECT name FROM entries ORDER BY name").fetchall()
        return [row[0] for row in rows]

    # -- the story

    async def story(self) -> None:
        self.service.later(0.0, self._look_on)
        self.offer(self.case.first)
        if self.case.kept:
            self.begin_daemon()
        else:
            self.begin(apply, "apply")
        for one in self.case.moments:
            await asyncio.sleep(max(0.0, one.at - self.loop.time()))
            self.happen(one)
            if self.oracles.found:
                return
        await asyncio.sleep(max(0.0, self.case.chaos - self.loop.time()))
        await self._calm()

    def _look_on(self) -> None:
        self.service.look()
        self.oracles.known()
        self.service.later(1.0, self._look_on)

    async def _calm(self) -> None:
        """I7: faults cease; everything converges, and then nobody calls but to poll."""
        self.trace("calm")
        self.weather.calm, self.calm_since = True, self.loop.time()
        for process in self.processes:
            process.armed.clear()
            self._resume(process)
        for channel in CHANNELS:
            self.world.join(self.service.now(), channel, "12345")
        began = self.loop.time()
        if not (isinstance(self.item, Offer) and self.item.manifests is self.readable):
            self._say(Offer(self.readable, self.readable.revision))  # what was wrong with the source is put right
        left = ["nothing was looked at"]
        while left and not self.oracles.found:
            await self._step()
            left = self.unsettled()
            if self.loop.time() - began > CONVERGED_WITHIN:
                self.oracles.violated("I7", f"not converged in {CONVERGED_WITHIN:.0f} s: {'; '.join(left)}")
        if not self.oracles.found:
            await self._quiet()
        if self.case.epilogue and not self.oracles.found:
            await self._foretold()

    async def _foretold(self) -> None:
        """I8: people apply edits while nothing goes wrong, and nobody else is there."""
        self.is_over = True
        while running := [process for process in self.processes if process.runs]:
            for process in running:
                process.stopping.set()
            await asyncio.sleep(1)
        for model in self.case.epilogue:
            if not model or self.unsettled() or self._excused():
                return
            self.offer(model)
            process = self.begin(apply, "apply")
            while process.runs and not self.oracles.found:  # noqa: ASYNC110 - time is virtual
                await asyncio.sleep(1)
            left = self.unsettled()
            if left and not (process.refused or self._excused() or self.crosses_an_edge(process.began)):
                self.oracles.violated("I8", f"an apply has ended and left this to be done: {'; '.join(left)}")

    async def _step(self) -> None:
        if self.case.kept:
            self.begin_daemon()
        elif not any(process.runs for process in self.processes):
            self.begin(apply, "apply")
        await asyncio.sleep(LOOKED_AT_EVERY)

    async def _quiet(self) -> None:
        made, excused, restarted = len(self.service.sent), self._excused(), self._is_restarted_later()
        for _ in range(int(QUIET_FOR / 10)):
            await asyncio.sleep(10)
            if self.oracles.found:
                return
        further = sorted({*self.service.sent[made:]} - POLLS)
        crossed = restarted or self.crosses_an_edge(self.loop.time() - QUIET_FOR - 60)
        if further and not (crossed or excused or self._excused()):
            self.oracles.violated("I7", f"it goes on calling although all is as declared: {further}")
        # An apply that waits for room goes on with its own set, and a sid that was lost may come back.
        if self.unsettled() and not (crossed or excused or self.oracles.found):
            self.oracles.violated("I7", f"it did not stay as declared: {self.unsettled()}")

    def crosses_an_edge(self, since: float) -> bool:
        """Tell whether a window opens or closes between then and now, by anybody's clock, within some seconds."""
        first = moment(since - 5 + min(self.oracles.offsets))
        last = moment(self.loop.time() + 5 + max(self.oracles.offsets))
        return any(first <= edge <= last for wish in self.model for edge in wish.edges())

    def _excused(self) -> bool:
        """What cannot be reached is probed at the poll interval, and where there is no room it is asked for."""
        return self._is_full() or any(kind in ("held", "intended") for _, kind, _ in self._open_states())

    def _is_full(self) -> bool:
        limit = min(self.settings.max_recorders or 1000, self.world.options.max_recorders)
        return len(self.world.live(self.service.now())) >= limit or len(self._open_states()) >= limit

    def _is_kept(self, name: str) -> bool:
        """Tell whether anybody looks after it: without --prune, nobody does after what is not declared."""
        return self._is_pruned(lineage_of(name)) or any(wish.name == name for wish in self.model)

    def _is_pruned(self, lineage: int) -> bool:
        """Tell whether it is ended where nothing declares it: a daemon prunes only what its own source has had."""
        accepted = [one.model for one in self.oracles.in_force if one.process is None]
        is_own = any(wish.lineage == lineage for model in accepted for wish in model)
        return self.prunes and (is_own or not self.case.kept)

    def _open_states(self) -> list[tuple[str, str, str]]:
        """List the open sessions: name, kind of state, sid. What is held is so, too, while it is just being probed."""
        states = [(name, session["state"]) for name, session in self._open_sessions()]
        return [(name, _kind_of(state), state.get("sid", "")) for name, state in states]

    def _open_sessions(self) -> list[tuple[str, Mapping[str, Any]]]:
        rows = self.oracles.disk.execute("SELECT name, document FROM sessions WHERE is_open = 1").fetchall()
        return [(name, json.loads(document)) for name, document in rows]

    def unsettled(self) -> list[str]:
        """Say what is not as it should be."""
        live = self.world.live(self.service.now())
        found: list[str] = []
        for lineage in sorted(self.lineages):
            wish = next((one for one in self.model if one.lineage == lineage), None)
            mine = [one for one in live if self._lineage(one) == lineage]
            words = self._unlike(wish, lineage, mine)
            if words:
                found.append(f"{wish.name if wish else f'r{lineage}'}: {words}")
        found += [f"{name}: what it was told is not known" for name in self._untold()]
        for name, kind, sid in self._open_states():
            recorder = self.world.fleet.by_sid.get(sid)
            if kind in _UNDER_WAY and not self._is_out_of_reach(kind) and self._is_kept(name):
                found.append(f"{name}: its session is {kind}")
            elif kind == "confirmed" and recorder is not None and not recorder.live and self._is_kept(name):
                found.append(f"{name}: it is believed to record, and has ended")
        if not self._is_full():  # else an apply waits for room as long as its patience lasts
            found += [f"{one.name} is under way" for one in self.processes if one.runs and one is not self.daemon]
        return found

    def _is_restarted_later(self) -> bool:
        """Tell whether a restart was ordered that, by the clock of who carries it out, is still to come."""
        acting = self.daemon if self.case.kept else self.processes[-1]
        now = self.loop.time() + (acting.offset if acting else 0.0)
        given = [order for orders in self.oracles.orders.values() for order in orders]
        return any(order.what == RENEWED and order.stamp > now - 2 for order in given)

    def _untold(self) -> list[str]:
        """Name what was told something without an answer, or not yet after it was adopted: it is told again."""
        modes = {wish.name: wish.mode for wish in self.model}
        return [
            name
            for name, session in self._open_sessions()
            if session["state"]["kind"] == "confirmed"
            and session["mode"] == modes.get(name)
            and _misses_something(session["mode"], session["applied"]["spec"])
        ]

    def _lineage(self, recorder: Recorder) -> int | None:
        row = self.oracles.disk.execute(
            "SELECT name FROM sessions WHERE channel = ? AND uid = ?", (recorder.channel, recorder.uid)
        ).fetchone()
        return lineage_of(row[0]) if row else None

    def _unlike(self, wish: Wish | None, lineage: int, mine: list[Recorder]) -> str:
        mine = [one for one in mine if not self.oracles._let_go(one)]
        if self._is_lost(lineage):
            return "two are live" if len(mine) > 1 else ""
        if not self._is_wanted(wish, lineage):
            left_alone = wish is None and not self._is_pruned(lineage)
            return f"{len(mine)} live, and not wanted" if mine and not left_alone else ""
        assert wish is not None
        if not mine:
            return "" if self._may_rest(wish, lineage) else "not live"
        if len(mine) > 1:
            return "two are live"
        if shape_of(mine[0]) != wish.shape and wish.replace != "next":
            return f"records as {shape_of(mine[0])}, not as {wish.shape}"
        if mine[0].mode == wish.mode and not wish.is_told(mine[0]):
            return "was not told its layout or subscription"
        return ""

    def _is_wanted(self, wish: Wish | None, lineage: int) -> bool:
        if wish is None or wish.suspend:
            return False
        names = self._names()
        standing = [
            one.what
            for one in self.oracles.orders.get(lineage, ())
            if one.what in ("suspended", "resumed") and (one.name == wish.name or one.name not in names)
        ]
        if standing and standing[-1] == "suspended":
            return False
        acting = self.daemon if self.case.kept else self.processes[-1]
        return acting is None or wish.is_open(acting.clock())

    def _is_lost(self, lineage: int) -> bool:
        """Nobody can reach what may live: what records is not told, replaced or stopped."""
        return any(lineage_of(name) == lineage and self._is_out_of_reach(kind) for name, kind, _ in self._open_states())

    def _is_out_of_reach(self, kind: str) -> bool:
        """Control is truly lost, or there is no room to find out what became of a start: that takes an acquire."""
        return kind == "held" or (kind == "intended" and self._is_full())

    def _may_rest(self, wish: Wish, lineage: int) -> bool:
        """It may rest without a recorder: over by its policy, or there is no room."""
        if self._is_full():
            return True
        row = self.oracles.disk.execute("SELECT document FROM entries WHERE name = ?", (wish.name,)).fetchone()
        return wish.restart != "always" and row is not None and '"completed":""' not in row[0]


def _misses_something(mode: str, spec: Mapping[str, Any]) -> bool:
    if mode == "web":
        return spec["web"]["paused"] is None
    return spec["capture"]["subscribe"] is None or (mode == "mix" and spec["layout"] is None)


def _kind_of(state: Mapping[str, Any]) -> str:
    """Name a session's state: until its sid is proven, a start is what it was before."""
    unsettled = state.get("unsettled")
    if unsettled:
        return "held" if unsettled.get("held") else "intended"
    return "held" if state.get("held") else str(state["kind"])


def _closed(process: Process) -> None:
    if process.ledger is not None:
        process.ledger._holders._unlock()
        process.ledger._database._connection.close()


# -- one seed


@cache
def _settings(knobs: tuple[tuple[str, str], ...]) -> Settings:
    return load_settings({**ENVIRON, **dict(knobs)}, Path("/nonexistent"), lambda _: None)


@cache
def _blank() -> Path:
    """Make a ledger that was opened once, to be copied: making one costs more than a seed has."""
    folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=_SHELF))

    async def make() -> None:
        ledger = await open_ledger(folder / "blank.db", service="simulator", now=lambda: START, run=InlineThread())
        await ledger.fingerprint_key()
        await ledger.close()

    asyncio.run(make())
    return folder / "blank.db"


def live(seed: int, case: Case | None = None) -> Told:
    """Live one seed and tell what became of it."""
    case = case or draw(seed)
    with tempfile.TemporaryDirectory(prefix="simulation-", dir=_SHELF) as folder:
        path = Path(folder) / "ledger.db"
        shutil.copyfile(_blank(), path)
        path.chmod(0o600)
        life = Life(case, path, _settings(case.knobs))
        bodies: list[Body] = []
        life.bodies = bodies

        async def story() -> None:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, SimulationLoop)
            life.loop = loop
            life.world = World(case.options)
            life.oracles = Oracles(life, path)
            life.service = Service(life, life.world)
            await life.story()
            life.oracles.silent(path)
            life.oracles.disk.close()

        run(story, bodies)
    return _told(life)


def _told(life: Life) -> Told:
    lines = [" ".join(map(str, line)) for line in life.lines]
    return Told(
        seed=life.case.seed,
        violations=tuple(life.oracles.found),
        digest=sha256("\n".join(lines).encode()).hexdigest()[:16],
        hours=life.loop.time() / 3600,
        recordings=len(life.lineages),
        calls=len(life.service.sent),
        events=life.events + life.weather.counted,
        compared=life.compared,
        points=life.points,
        died_at=life.died_at,
        repeated=any(call.endpoint == "start" and call.code in (7, 433) for call in life.world.calls),
        last=tuple(lines[-60:]) if life.oracles.found else (),
    )
