"""Any course of events, told in small steps: whatever happens to a set, nothing is doubled, lost or orphaned."""

import asyncio
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from reconciler.simulator.options import Options
from tests.fuzz.budgets import budget, folder
from tests.fuzz.life import Life, Manifest

SPECS = (
    "  capture: {maxIdle: 1m}",
    "  capture: {maxIdle: 1m}\n  layout: {type: bestFit}",
    "  capture: {maxIdle: 1m, subscribe: {audio: ['7'], video: ['7']}}",
    "  capture: {maxIdle: 1m}\n  files: {formats: [hls, mp4]}",
    "  capture: {maxIdle: 1m}\n  when: occupied",
)
CALLS = ("start", "stop", "query", "acquire", "update", "updateLayout", "channels", "users")
HARMS = (
    "lose", "refuse", "refuse 503", "refuse 429", "refuse 206/65", "replace 503", "replace 206/65",
    "delay 35", "delay 35 after", "delay 20", "truncate",
)  # fmt: skip
NOTICES = ("", "notice lose", "notice double", "notice delay 40", "notice:11 lose", "notice:12 lose")

SPANS = st.sampled_from((2.0, 0.1, 10.0, 60.0, 120.0, 400.0))
NAMES = ("first", "second")
FIRST = NAMES[0]  # never taken away: a set that became empty would wait for a person
DECLARED: st.SearchStrategy[str] = st.runner().flatmap(lambda machine: st.sampled_from(sorted(machine.life.manifests)))


class AnyCourse(RuleBasedStateMachine):
    """Rules are what people, the service and the machine do; invariants what must hold after each."""

    life: Life

    def __init__(self) -> None:
        super().__init__()
        self.folder = folder()
        self.channels: dict[str, str] = {}  # a name that comes back has its channel back
        self.retired: set[str] = set()  # names that were given up for others

    @initialize(with_sid=st.booleans(), recorders_listed=st.booleans())
    def begin(self, *, with_sid: bool, recorders_listed: bool) -> None:
        self.life = Life(
            Path(self.folder.name), Options(already_started_sid=with_sid, recorders_listed=recorders_listed)
        )
        for name in NAMES:
            self.edit(name, SPECS[0])
        self.life.play(self.life.begin())

    def edit(self, name: str, spec: str) -> None:
        channel = self.channels.setdefault(name, f"room-{len(self.channels) + len(self.retired)}")
        before = self.life.manifests.get(name, Manifest(channel, spec))
        self.life.manifests[name] = replace(before, spec=spec)
        self.life.play(self.life.declare())

    @rule(seconds=SPANS)
    def time_passes(self, seconds: float) -> None:
        self.life.play(asyncio.sleep(seconds))

    # -- people

    @rule(name=st.sampled_from((*NAMES, "third")), spec=st.sampled_from(SPECS))
    def write(self, name: str, spec: str) -> None:
        if name not in self.retired:
            self.edit(name, spec)

    @rule(name=DECLARED)
    def remove(self, name: str) -> None:
        if name != FIRST:
            del self.life.manifests[name]
            self.life.play(self.life.declare())

    @rule(name=DECLARED)
    def rename(self, name: str) -> None:
        before = self.life.manifests[name]
        if name == FIRST or before.renamed_from:
            return
        self.retired.add(name)
        new = f"{name}-renamed"
        self.channels[new] = self.channels.pop(name)
        self.life.manifests[new] = replace(self.life.manifests.pop(name), renamed_from=name)
        if name in self.life.suspended:
            self.life.suspended = self.life.suspended - {name} | {new}
        self.life.play(self.life.declare())

    @rule(name=DECLARED, suspend=st.booleans())
    def order(self, name: str, *, suspend: bool) -> None:
        self.life.play(self.life.order(name, suspend=suspend))

    # -- the service

    @rule(name=DECLARED)
    def kill(self, name: str) -> None:
        self.life.play(self.life.kill(name))

    @rule(name=DECLARED, hidden_for=st.sampled_from((5.0, 45.0, 89.0)))
    def fail_over(self, name: str, hidden_for: float) -> None:
        self.life.play(self.life.fail_over(name, hidden_for))

    @rule(name=DECLARED)
    def empty(self, name: str) -> None:
        self.life.play(self.life.empty(name))

    @rule(name=DECLARED)
    def fill(self, name: str) -> None:
        self.life.play(self.life.fill(name))

    @rule(call=st.sampled_from(CALLS), nth=st.sampled_from(("1", "2", "1-3")), harm=st.sampled_from(HARMS))
    def break_calls(self, call: str, nth: str, harm: str) -> None:
        self.life.break_calls(f"{call}#{nth} {harm}")

    @rule(line=st.sampled_from(NOTICES))
    def break_notices(self, line: str) -> None:
        self.life.break_notices(line)

    # -- the machine

    @rule(point=st.integers(0, 15), within=SPANS, pause=SPANS)
    def crash(self, point: int, within: float, pause: float) -> None:
        self.life.play(self.life.crash(point, within, pause))

    @rule(pause=SPANS)
    def leave(self, pause: float) -> None:
        self.life.play(self.life.leave(pause))

    # -- what must hold

    @invariant()
    def nothing_is_doubled_or_orphaned(self) -> None:
        self.life.check()

    def teardown(self) -> None:
        try:
            if hasattr(self, "life"):
                self.life.play(self.life.settle())
                self.life.check()
        finally:
            if hasattr(self, "life"):
                self.life.close()
            self.folder.cleanup()


TestAnyCourse = AnyCourse.TestCase
TestAnyCourse.settings = budget(40, steps=25)
