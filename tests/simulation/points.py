"""Every point a process can die at on the way of each action: before and after each call and each commit.

A scene is a life without chance, told so that all actions happen in it. A life in which nobody dies counts the points;
then one life dies at each of them, and all oracles look on. `python -m tests.simulation.points` does it for every
variant of what is not known about the service. A life in which a variant's answer is never given is lived once only.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context
from os import cpu_count
from random import Random
from typing import Final

from reconciler.simulator.faults import Delay, Effect, Lose, Refuse, Replace
from reconciler.simulator.notices import FILE_INFOS
from reconciler.simulator.options import Options
from reconciler.simulator.replies import json_reply
from tests.simulation.drawing import Case, Moment
from tests.simulation.life import Told, live
from tests.simulation.weather import Weather
from tests.simulation.wishes import Model, Wish

VARIANTS: Final[Mapping[str, Options]] = {
    "201/7 with a sid": Options(rate=0.0, already_started_sid=True),
    "201/7 without a sid": Options(rate=0.0, already_started_sid=False),
    "201/7 also of the dead": Options(rate=0.0, already_started_sid=True, already_started_of_dead=True),
    "53 while it is leaving": Options(rate=0.0, already_started_sid=True, conflict_after_stop=10.0, exit_seconds=3.0),
}
FIRST: Final = next(iter(VARIANTS))
# These answer like the first one all but a start whose resource id was used before.
ALIKE: Final = frozenset({"201/7 without a sid", "201/7 also of the dead"})

_KNOBS: Final = (
    ("RECONCILER_POLL_INTERVAL", "15s"),
    ("RECONCILER_HTTP_TIMEOUT", "5"),
    ("RECONCILER_BACKOFF_BASE", "2s"),
    ("RECONCILER_BACKOFF_MAX", "20s"),
    ("RECONCILER_CONFIRM_TIMEOUT", "30s"),
)

_NOT_DONE: Final = Replace(json_reply(206, {"code": 65, "reason": "request not completed"}, "scene"))
_ALREADY: Final = Replace(json_reply(201, {"code": 7, "reason": "already started"}, "scene"))
_NO_WORKER: Final = Refuse(json_reply(500, {"code": 502, "reason": "Failed to allocate worker"}, "scene"))
_LATE: Final = Delay(45.0, after=False)

A: Final = Wish(1, "r1", "room-a")
B: Final = Wish(2, "r2", "room-b", mode="individual")
W: Final = Wish(3, "r3", "room-c", mode="web")
D: Final = Wish(4, "r4", "room-d")

# What befalls the n-th call of an endpoint, from 1 on.
Strikes = Mapping[tuple[str, int], Effect]


@dataclass(slots=True, kw_only=True)
class _Told(Weather):
    """Goes wrong as it is told to, and not by chance."""

    strikes: Strikes
    made: Counter[str]
    heard: Mapping[int, float] | None

    def strike(self, endpoint: str) -> Effect | None:
        self.made[endpoint] += 1
        return self.strikes.get((endpoint, self.made[endpoint]))

    def waits(self, event_type: int) -> list[float]:
        if self.heard is None:
            return [0.3]
        return [self.heard[event_type]] if event_type in self.heard else []


@dataclass(frozen=True, slots=True)
class Scene:
    """What happens, and which processes of it may die."""

    name: str
    first: Model
    moments: tuple[Moment, ...]
    dying: tuple[str, ...] = ("daemon",)
    kept: bool = True
    webhooks: bool = False
    heard: Mapping[int, float] | None = None  # the types of webhooks that arrive, and after how long; None: all do
    strikes: tuple[tuple[tuple[str, int], Effect], ...] = ()
    lasts: float = 130.0  # seconds: what is polled for longer is not worth dying in
    epilogue: tuple[Model, ...] = ()
    qps: str = "20"

    def case(self, options: Options, dies: tuple[str, int] | None) -> Case:
        calm = _Told(Random(0), 0.0, (), 0.0, (), 5.0, strikes=dict(self.strikes), made=Counter(), heard=self.heard)
        knobs = (("RECONCILER_QPS", self.qps), *_KNOBS)
        return Case(
            0, options, knobs, calm, self.webhooks, self.kept, True, by_text=False, first=self.first,
            moments=self.moments, chaos=self.lasts, dies=dies,
            epilogue=self.epilogue,
        )  # fmt: skip


def _edit(at: float, *model: Wish) -> Moment:
    return Moment(at, "edit", model=model)


_EDITED_A = replace(A, layout=1, subscribe=1)
_EDITS = (
    _edit(20, _EDITED_A, replace(B, max_idle=20), replace(W, paused=True), Wish(5, "r5", "room-d")),
    _edit(60, replace(_EDITED_A, name="r1-b", renamed_from="r1"), B, replace(W, page=1), Wish(5, "r5", "room-d")),
    _edit(100, replace(A, name="r1-b", suspend=True), B, W),
)

SCENES: Final = (
    Scene("edits, kept by a daemon", (A, B, W, D), _EDITS),
    Scene("edits, with webhooks", (A, B, W, D), _EDITS, webhooks=True),
    Scene("edits, by one apply after the other", (A, B, W, D), tuple(
        one for edit in _EDITS for one in (edit, Moment(edit.at + 1, "apply"))
    ), dying=("apply",), kept=False),
    Scene("starts whose answers are lost", (A, B, W), (), strikes=(
        (("start", 1), Lose()), (("start", 2), Refuse(None)), (("start", 3), _NOT_DONE), (("start", 5), Lose()),
    ), lasts=70.0),
    Scene("a start whose resource id runs out", (A,), (), strikes=tuple(
        (("start", number), Lose() if number == 1 else Refuse(None)) for number in range(1, 24)
    ), lasts=420.0),
    Scene("a start that arrives late, and no worker was to be had for it meanwhile", (A,), (
        _edit(30, replace(A, suspend=True)),
    ), strikes=((("start", 1), _LATE), (("start", 2), _NO_WORKER)), lasts=60.0),
    Scene("a probe that arrives when what it asked about has ended", (A,), (
        Moment(35, "death", 0), _edit(48, replace(A, suspend=True)),
    ), strikes=((("start", 1), Lose()), (("start", 2), _ALREADY), (("start", 3), _LATE)), lasts=90.0),
    Scene("a probe that arrives when the one that a webhook gave back has ended", (A,), (
        Moment(30, "death", 0),
    ), webhooks=True, heard={FILE_INFOS: 5.0}, strikes=(
        (("start", 1), Lose()), (("start", 2), _ALREADY), (("start", 3), _LATE),
    ), lasts=180.0),
    Scene("no room, refused and unanswered calls", (A, B), (_edit(30, _EDITED_A, B), _edit(60, B)), strikes=(
        (("acquire", 1), Refuse(None)), (("query", 2), Refuse(None)), (("updateLayout", 1), Lose()),
        (("update", 1), Refuse(None)), (("stop", 1), Lose()), (("stop", 2), _NOT_DONE),
    ), lasts=90.0),
    Scene("deaths and idle ends", (A, replace(B, restart="onFailure", max_idle=20), W), (
        Moment(30, "death", 0), Moment(35, "empty room", 1, seconds=60), Moment(150, "death", 1),
    ), lasts=250.0),
    Scene("deaths that webhooks tell of", (A, B), (Moment(30, "death", 0), Moment(90, "death", 1)), webhooks=True),
    Scene("failovers", (A, B), (
        Moment(30, "failover", 0, seconds=45), Moment(35, "failover", 1, seconds=85),
    ), lasts=150.0),
    Scene("failovers that webhooks tell of", (A, B), (
        Moment(30, "failover", 0, seconds=45), Moment(35, "failover", 1, seconds=85),
    ), webhooks=True, lasts=150.0),
    Scene("failovers while nobody looks", (A,), (
        Moment(30, "failover", 0, seconds=60), Moment(60, "crash", points=1, seconds=275.0),
        Moment(332, "failover", 0, seconds=60),
    ), lasts=460.0),
    Scene("orders beside a daemon", (A, B), tuple(
        Moment(20 + 30 * turn + later, what, number)
        for turn, (what, number) in enumerate((("suspend", 0), ("resume", 0), ("restart", 1)))
        for later in (0, 12)  # somebody whose command was killed gives it again
    ), dying=("daemon", "suspend", "resume", "restart")),
    Scene("deleted and imported", (A, B), (
        Moment(20, "delete", 0), Moment(35, "delete", 0), Moment(50, "import", 0), Moment(65, "import", 0),
    ), dying=("delete", "import"), kept=False, lasts=80.0),
    Scene("what waits for its next session ends", (replace(A, replace="next"), B), (
        _edit(20, replace(A, replace="next", formats=1), B), Moment(40, "death", 1), Moment(42, "death", 0),
    )),
    Scene("taken away while it starts", (A, B), (_edit(0.06, B),), lasts=30.0),
    Scene("a restart by a clock that is ahead", (A,), (
        Moment(20, "clock", seconds=300.0), Moment(25, "restart"), Moment(26, "clock", seconds=-300.0),
    ), dying=("daemon",), lasts=60.0),
    Scene("there and back, and no answer between", (A, B), (_edit(20, _EDITED_A, B), _edit(21, A, B)), strikes=(
        (("updateLayout", 1), Lose()), (("update", 1), Lose()),
    ), lasts=50.0),
    Scene("a rename of what is suspended", (A, B), (
        Moment(20, "suspend", 0), _edit(40, replace(A, name="r1-b", renamed_from="r1"), B),
    ), lasts=70.0),
    Scene("two applies that ask at once", tuple(
        Wish(number, f"r{number}", f"room-{'abcd'[number % 4]}") for number in range(1, 9)
    ), (Moment(60, "apply"), Moment(60.01, "apply")), dying=("apply",), kept=False, qps="5", lasts=80.0),
    Scene("foretold", (A, B), (), lasts=30.0, epilogue=((_EDITED_A, B), (_EDITED_A, replace(B, subscribe=2)), (A,))),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Died:
    """What became of a life that ended at one point."""

    scene: str
    variant: str
    who: str
    point: int
    label: str  # empty: nobody came to that point
    told: Told


def points_of(scene: Scene, variant: str) -> dict[str, int]:
    """Count the points of each kind of process in a life in which nobody dies."""
    told = live(0, scene.case(VARIANTS[variant], None))
    assert not told.violations, f"{scene.name}, {variant}: {told.violations}"
    return {who: told.points[who] for who in scene.dying}


def die(scene: Scene, variant: str, who: str, point: int) -> Died:
    """Live the scene and let the first process of that kind die at the point, counted from 1."""
    told = live(0, scene.case(VARIANTS[variant], (who, point)))
    return Died(scene.name, variant, who, point, told.died_at, told)


@dataclass(slots=True)
class Coverage:
    """How many points there are, how many were died at, and what went wrong."""

    points: int = 0
    hit: int = 0
    shared: int = 0  # hit in the life of another variant, which would be the same here
    kinds: Counter[str] = field(default_factory=Counter)  # of points, by their labels
    wrong: list[str] = field(default_factory=list)

    def share(self, died: Died) -> None:
        """Count for another variant what was lived already."""
        self._count(died)
        self.shared += 1

    def add(self, died: Died) -> None:
        self._count(died)
        where = f"{died.scene}, {died.variant}: {died.who} died at point {died.point} ({died.label or 'never'})"
        if not died.label:
            self.wrong.append(f"{where}: nobody came there")
        for one in died.told.violations:
            self.wrong.append(f"{where}: {one.oracle} at {one.at:.3f} s: {one.words}")
            self.wrong += [f"    {line}" for line in died.told.last[-15:]]

    def _count(self, died: Died) -> None:
        self.points += 1
        self.hit += bool(died.label)
        self.kinds[died.label] += 1


def cover(scenes: Iterable[Scene]) -> Coverage:
    """Die at every point of these scenes, in each variant."""
    found = Coverage()
    with ProcessPoolExecutor(cpu_count(), get_context("spawn")) as pool:
        cases = [(scene, variant) for scene in scenes for variant in VARIANTS]
        counted = pool.map(points_of, *zip(*cases, strict=True))
        deaths = [
            (scene, variant, who, point)
            for (scene, variant), points in zip(cases, counted, strict=True)
            for who, count in points.items()
            for point in range(1, count + 1)
        ]
        lived: dict[tuple[str, str, int], Died] = {}  # in the first variant, and the same in those that are like it
        for died in pool.map(die, *zip(*(one for one in deaths if one[1] not in ALIKE), strict=True), chunksize=8):
            found.add(died)
            if died.variant == FIRST and not died.told.repeated:
                lived[died.scene, died.who, died.point] = died
        further = []
        for scene, variant, who, point in deaths:
            if variant in ALIKE and (scene.name, who, point) in lived:
                found.share(lived[scene.name, who, point])
            elif variant in ALIKE:
                further.append((scene, variant, who, point))
        for died in pool.map(die, *zip(*further, strict=True), chunksize=8):
            found.add(died)
    return found


if __name__ == "__main__":
    began, coverage = time.monotonic(), cover(SCENES)
    print(f"{coverage.points} points in {len(SCENES)} scenes and {len(VARIANTS)} variants, {coverage.hit} died at, "
          f"{coverage.shared} of them once for several variants, in {time.monotonic() - began:.0f} s")  # fmt: skip
    for label, count in sorted(coverage.kinds.items()):
        print(f"  {label or 'not reached':28}{count:>7}")
    print("\n".join(coverage.wrong))
    sys.exit(bool(coverage.wrong) or coverage.hit < coverage.points)
