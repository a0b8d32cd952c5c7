"""Break the product on purpose, one way after the other, and see which oracle says so.

`python -m tests.simulation.mutations` prints the table. A way that no oracle finds would mean that an oracle is
missing. Each is a change of the source of one function, made in a process of its own.
"""

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from importlib import import_module
from multiprocessing import get_context
from os import cpu_count
from types import ModuleType
from typing import Any, Final

from tests.simulation.life import Told, live
from tests.simulation.points import SCENES, VARIANTS
from tests.simulation.workers import live_through

MOST_DEATHS: Final = 60  # in the first scene: by then everything in it has started
MOST_SEEDS: Final = 300


@dataclass(frozen=True, slots=True)
class Mutation:
    """One way of breaking it: in this function, that text instead of this one."""

    words: str
    where: str  # module:function or module:Class.method
    old: str
    new: str


MUTATIONS: Final = (
    Mutation(
        "the intent is not on disk before the start",
        "reconciler.executor.starting:Starter.start",
        "await self._ledger.save(turn.claim, intended, (starting,), room=room)",
        "pass",
    ),
    Mutation(
        "a 404 is believed at once",
        "reconciler.planning.inquiries:_believed_at",
        "believed_at = sighting.since + rules.missing_grace",
        "believed_at = sighting.since",
    ),
    Mutation(
        "the grace is a tenth of what it should be",
        "reconciler.planning.inquiries:_believed_at",
        "rules.missing_grace",
        "rules.missing_grace / 10",
    ),
    Mutation(
        "a doubt that nobody asked about for long goes on",
        "reconciler.planning.inquiries:with_lapses",
        "lapsed=True",
        "lapsed=False",
    ),
    Mutation(
        "no answer is taken for an end",
        "reconciler.planning.absorb:_unanswered",
        "first = state.inquiry.tries == 0",
        'return Written(entry.with_session(session.become(Ended(at, "failed", "no answer"))))',
    ),
    Mutation(
        "a claim that another process has is taken all the same",
        "reconciler.ledger.claims:claim",
        "if _is_in_hand(other, holder, lives):",
        "if False:",
    ),
    Mutation(
        "a restart uses the uid of the one before",
        "reconciler.planning.slots:next_slot",
        "return next((slot for slot in mine if slot is not last.slot), mine[0])",
        "return last.slot if last.slot in mine else mine[0]",
    ),
    Mutation(
        "an unsettled start is probed under another uid",
        "reconciler.executor.starting:Starter.settle",
        "service = self._services[session.identity.app_id]",
        "service = self._services[session.identity.app_id]; other = str(int(session.identity.uid) - 1); "
        "session = replace(session, identity=replace(session.identity, uid=other))",
    ),
    Mutation(
        "an unsettled start counts as none: the other slot is started",
        "reconciler.planning.decide:_kept",
        "return _unsettled(situation, session, session.state)",
        "return without_recorder(situation)",
    ),
    Mutation(
        "a stop without an answer is not repeated",
        "reconciler.planning.decide:_stopping",
        "delay = delay_after(state.inquiry.tries, situation.rules)",
        'return Learn(Gone(session), "it was told to")',
    ),
    Mutation(
        "a start that a crash left unsettled is forgotten",
        "reconciler.planning.decide:_unsettled",
        "how = _way_to_settle(situation, state)",
        "if state.tried_at is None:\n"
        '        from reconciler.planning.facts import NotOurs\n        return Learn(NotOurs(session), "forgotten")\n'
        "    how = _way_to_settle(situation, state)",
    ),
    Mutation(
        "53 is taken for a failure",
        "reconciler.executor.starting:Starter._held",
        "first = fresh and len(session.state.resource_ids) == 1 and not session.state.held",
        "return NotStarted(session, problem, now)",
    ),
    Mutation(
        "201 without a sid is taken for a failure",
        "reconciler.executor.starting:Starter._start_answered",
        'return StartHeld(session, "ControlLost", said, now)',
        "return NotStarted(session, said, now)",
    ),
    Mutation(
        "another resource id is taken while a start with the one before may be on its way",
        "reconciler.planning.absorb:_start_held",
        "acquired_at=state.since if outcome.stray else None",
        "acquired_at=None",
    ),
    Mutation(
        "where no worker was to be had, no start before can be on its way",
        "reconciler.executor.starting:Starter._start_answered",
        "spent=fresh",
        "spent=True",
    ),
    Mutation(
        "a recorder that a webhook gave back is ours alone while another start may be on its way",
        "reconciler.planning.absorb:_proven",
        "if strays_until(state.unsettled, state.resource_id, observation.at):",
        "if False:",
    ),
    Mutation(
        "an answer 5xx to a start is taken for a refusal",
        "reconciler.executor.starting:Starter._start_failed",
        "return StartUnknown(session, error.problem, now)",
        "return NotStarted(session, error.problem, now)",
    ),
    Mutation(
        "a rename moves nothing",
        "reconciler.intake.preparing:pending_renames",
        "return tuple(",
        "return () if wished else tuple(",
    ),
    Mutation(
        "a rename leaves the orders behind",
        "reconciler.ledger.entries:rename",
        "orders.move(connection, old, new)",
        "pass",
    ),
    Mutation(
        "the quota is not shared",
        "reconciler.ledger.accounts:draw",
        "return drawn",
        "return quota.Slice(0.0, drawn.step, drawn.count)",
    ),
    Mutation(
        "a bad revision counts as an empty one",
        "reconciler.intake.intake:Intake.consider",
        "await self._trouble(words, revision)",
        'return await self._offered(Offer(NOTHING, "bad"), approved=True)',
    ),
    Mutation(
        "an empty source is accepted",
        "reconciler.planning.guards:assert_not_emptied",
        "if not recordings and live:",
        "if False:",
    ),
    Mutation(
        "the end of a window is ignored",
        "reconciler.planning.situation:Situation._outside_its_windows",
        "if ahead is None or ahead.current:",
        "if True:",
    ),
    Mutation(
        "what is removed is not stopped",
        "reconciler.intake.intake:Intake._undeclared",
        'ours = ("Recording", key.name) in self._owned',
        "ours = False",
    ),
    Mutation(
        "the limit to recorders is forgotten",
        "reconciler.cli.workshop:Workshop.admit",
        "Service(client, account.max_recorders)",
        "Service(client, None)",
    ),
    Mutation(
        "restart: never starts again",
        "reconciler.planning.restarting:_over",
        'if policy == "never" or (policy == "onFailure" and end.how == "idle"):',
        "if False:",
    ),
    Mutation(
        "a secret is in an event",
        "reconciler.executor.starting:Starter.start",
        'f"uid {identity.uid}")',
        'f"uid {identity.uid} {[one.reveal() for one in desired.secrets.values()]}")',
    ),
    Mutation(
        "a secret is in a log",
        "reconciler.reconcile:Reconciler._tell",
        "for event in events:",
        "for one in self._executor._services.values():\n"
        '        self._log.info("called", hidden=one.client._exchange.hidden)\n    for event in events:',
    ),
    Mutation(
        "a second daemon may keep the same set",
        "reconciler.ledger.standings:enlist",
        "if other is not None and _holder(connection, set_name) != holder:",
        "if False:",
    ),
    Mutation(
        "a change of the layout replaces",
        "reconciler.planning.replacing:replacing",
        "change.consequence is Consequence.REPLACE]",
        "change.consequence in (Consequence.REPLACE, Consequence.LAYOUT)]",
    ),
    Mutation(
        "an update without an answer counts as done",
        "reconciler.executor.executor:Executor._update",
        "failed = UpdateFailed(",
        "return Executed(entry, Updated(session, action.consequence, desired.wanted, self._clock(), action.reason))\n"
        "        failed = UpdateFailed(",
    ),
    Mutation(
        "an update is not on disk before it is sent",
        "reconciler.executor.executor:Executor._update",
        "intended, unknown = intend_update(entry, action)",
        "intended, unknown = entry, session",
    ),
    Mutation(
        "an answer to a question is written whoever acted meanwhile",
        "reconciler.ledger.claims:pass_by",
        "newest != after or ",
        "",
    ),
    Mutation(
        "a suspension does not hold",
        "reconciler.planning.orders:Orders.suspended",
        "if self.suspension and self.suspension.holds(now)",
        "if False",
    ),
    Mutation(
        "a restart from the future is obeyed again and again",
        "reconciler.planning.orders:Orders.outdates",
        "moment < self.restart.at <= now",
        "moment < self.restart.at",
    ),
    Mutation(
        "what waits for its next session is not asked about",
        "reconciler.planning.decide:_confirmed",
        "return replace(change, until=min(change.until or ask_at, ask_at))",
        "return change",
    ),
    Mutation(
        "a plan forgets what is to be updated",
        "reconciler.planning.plan:plan_one",
        "steps.append(action)",
        "steps += [] if isinstance(action, Update) else [action]",
    ),
)


def break_it(mutation: Mutation) -> None:
    """Make the change in this process, wherever the function is known."""
    module, owner, name = _place(mutation.where)
    kept = inspect.getattr_static(owner, name)
    before = _plain(kept)
    room: dict[str, Any] = dict(vars(module))
    exec(compile(broken(mutation), mutation.where, "exec"), room)
    after = room[name]
    setattr(owner, name, staticmethod(after.__func__) if isinstance(kept, staticmethod) else after)
    if isinstance(owner, ModuleType):
        for other in list(sys.modules.values()):
            if other.__name__.startswith("reconciler") and getattr(other, name, None) is before:
                setattr(other, name, after)


def broken(mutation: Mutation) -> str:
    """Give the text of the function with the change made; it must still be there to be made."""
    _, owner, name = _place(mutation.where)
    source = textwrap.dedent(inspect.getsource(_plain(inspect.getattr_static(owner, name))))
    assert mutation.old in source, f"{mutation.where} has no {mutation.old!r} any more"
    return source.replace(mutation.old, mutation.new)


def _place(where: str) -> tuple[ModuleType, Any, str]:
    """Find the module of a function, what it is an attribute of, and its name there."""
    module_name, _, path = where.partition(":")
    *owners, name = path.split(".")
    module = import_module(module_name)
    owner: Any = module
    for one in owners:
        owner = getattr(owner, one)
    return module, owner, name


def _plain(kept: Any) -> Any:
    return kept.__func__ if isinstance(kept, staticmethod) else kept


@dataclass(frozen=True, slots=True)
class Caught:
    """Which oracle has found a mutation, in which scene or after how many seeds; an empty one: none has."""

    mutation: Mutation
    oracle: str
    seeds: int
    words: str = ""
    scene: str = ""


def hunt(number: int) -> Caught:
    """Live the scenes, then deaths in the first of them, then seeds, until an oracle says something."""
    mutation = MUTATIONS[number]
    break_it(mutation)
    for where, seeds, told in lives():
        if told.violations:
            first = told.violations[0]
            return Caught(mutation, first.oracle, seeds, first.words, where)
    return Caught(mutation, "", MOST_SEEDS)


def lives() -> Iterator[tuple[str, int, Told]]:
    """Live one after the other: in which scene, or after how many seeds, and what became of it."""
    for scene in SCENES:
        for options in VARIANTS.values():
            yield scene.name, 0, live(0, scene.case(options, None))
    first, options = SCENES[0], next(iter(VARIANTS.values()))
    for point in range(1, MOST_DEATHS + 1):
        yield f"{first.name}; it dies at point {point}", 0, live(0, first.case(options, ("daemon", point)))
    for seed in range(MOST_SEEDS):
        yield "", seed + 1, live(seed)


def rows(found: list[Caught]) -> list[str]:
    return [
        "| mutation | where | caught by | in the scene, or after seeds |",
        "|---|---|---|---|",
        *(
            f"| {one.mutation.words} | `{one.mutation.where.partition(':')[2]}` | {one.oracle or '**nothing**'} | "
            f"{one.scene or one.seeds} |"
            for one in found
        ),
    ]


def main(show: Callable[[str], None] = print) -> int:
    context = get_context("spawn")
    with ProcessPoolExecutor(cpu_count(), mp_context=context, max_tasks_per_child=1) as pool:
        hunts = [pool.submit(hunt, number) for number in range(len(MUTATIONS))]
        for done in as_completed(hunts):
            one = done.result()
            where = one.scene or f"after {one.seeds}"
            print(f"{one.oracle or '--'} {where}: {one.mutation.words}: {one.words[:100]}", file=sys.stderr)
        found = [one.result() for one in hunts]
    show("\n".join(rows(found)))
    sound = live_through({one.seeds - 1 for one in found if one.oracle and not one.scene}, most_violations=len(found))
    for told in sound.violated:
        show(f"seed {told.seed} is violated without any mutation, too: it proves nothing")
    unsound = {told.seed for told in sound.violated}
    missed = [one for one in found if not one.oracle or (not one.scene and one.seeds - 1 in unsound)]
    show(f"{len(found) - len(missed)} of {len(found)} mutations are caught")
    return 1 if missed else 0


if __name__ == "__main__":
    import os

    if os.environ.get("PYTHONHASHSEED") != "0":
        os.execve(
            sys.executable, [sys.executable, "-m", "tests.simulation.mutations"], {**os.environ, "PYTHONHASHSEED": "0"}
        )
    sys.exit(main())
