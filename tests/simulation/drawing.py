"""What a seed decides before anything runs: the service, the settings, the sets, and what happens when.

Each seed draws its own probabilities, so that some are calm, some are stormy, and some have one trouble only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final, Literal

from reconciler.simulator.options import Options
from tests.simulation.weather import KINDS, WEBHOOK_KINDS, Weather
from tests.simulation.wishes import FORMATS, LAYOUTS, PAGES, SUBSCRIBES, WINDOWS, Model, Wish

CHANNELS: Final = ("room-a", "room-b", "room-c", "room-d")
EDITS: Final = (
    "layout",
    "subscribe",
    "shape",
    "channel",
    "back",
    "back",
    "rename",
    "rename",
    "remove",
    "add",
    "suspend",
    "window",
    "restart",
)
Item = Literal["good", "bad", "empty"]


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that happens at a time, in seconds since the beginning."""

    at: float
    what: str
    number: int = 0  # which one, of what there is then
    seconds: float = 0.0
    points: int = 0
    model: Model = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A seed, drawn."""

    seed: int
    options: Options
    knobs: tuple[tuple[str, str], ...]
    weather: Weather
    webhooks: bool
    kept: bool  # by a daemon; else by one apply after the other
    prunes: bool
    by_text: bool
    first: Model
    moments: tuple[Moment, ...]
    chaos: float  # seconds until faults cease
    dies: tuple[str, int] | None = None  # a kind of process, and at which of its points one ends
    epilogue: tuple[Model, ...] = ()  # edits that an apply makes true when all is quiet, as its plan says (I8)

    @property
    def settings(self) -> Mapping[str, str]:
        return dict(self.knobs)


def draw(seed: int) -> Case:
    """Draw all of a seed. The same seed draws the same."""
    rng = Random(seed)
    size = rng.choice((2, 3, 4, 4, 5, 5, 6, 7, 8))
    windowed, jumps = rng.random() < 0.4, rng.random() < 0.2
    first = tuple(_wish(rng, number, windowed=windowed) for number in range(1, size + 1))
    kept = rng.random() < 0.85
    chaos = rng.uniform(90, 420)
    knobs = _knobs(rng, size)
    moments = _moments(rng, first, chaos, kept=kept, windowed=windowed, jumps=jumps)
    return Case(
        seed=seed,
        options=_options(rng),
        knobs=knobs,
        weather=_weather(rng, float(dict(knobs)["RECONCILER_HTTP_TIMEOUT"])),
        webhooks=rng.random() < 0.6,
        kept=kept,
        prunes=kept or rng.random() < 0.7,
        by_text=rng.random() < 0.1,
        first=first,
        moments=moments,
        chaos=chaos,
        epilogue=_epilogue(rng, [first, *(one.model for one in moments if one.what == "edit")]),
    )


def _epilogue(rng: Random, models: list[Model]) -> tuple[Model, ...]:
    found: list[Model] = []
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        kind = rng.choice(("layout", "subscribe", "shape", "channel", "back", "rename", "remove", "add", "suspend"))
        models.append(edited(rng, models[-1], kind, models, windowed=False))
        found.append(models[-1])
    return tuple(found)


def _options(rng: Random) -> Options:
    return Options(
        seed=rng.randrange(10**6),
        query_method=rng.choice(("GET", "GET", "POST", "both")),
        rate=0.0,
        max_recorders=rng.choice((50, 50, 50, 3)),
        echo_identity=rng.random() < 0.8,
        already_started_sid=rng.random() < 0.5,
        already_started_of_dead=rng.random() < 0.5,
        conflict_after_stop=rng.choice((0.0, 2.0, 10.0)),
        conflict_while_hidden=rng.random() < 0.7,
        status_after=rng.choice(((0.5, 1.0, 2.0), (1.0, 3.0, 10.0))),
        web_ready=rng.choice((2.0, 5.0)),
        first_slice=rng.choice((5.0, 15.0)),
        recorders_listed=rng.random() < 0.5,
        channel_mode=rng.choice((1, 2)),
        exit_seconds=rng.choice((0.0, 3.0, 8.0)),
        exiting_query=rng.choice(("status", "404", "501")),
        linger=rng.choice((0.0, 0.0, 5.0)),
        upload_seconds=rng.choice((0.0, 2.0, 15.0)),
        stop_wait=rng.choice((5.0, 20.0)),
        stop_timeout_status=rng.choice((206, 400)),
        uploading_status=rng.choice(("uploaded", "backuped", "unknown")),
        no_data_435=rng.random() < 0.5,
        progress_every=rng.choice((0.0, 0.0, 60.0)),
        not_found=rng.choice(("short", "identity", "long")),
        invalid_operation=rng.choice(("short", "long")),
        old_code_status=rng.choice((400, 404)),
    )


def _knobs(rng: Random, size: int) -> tuple[tuple[str, str], ...]:
    """Few combinations, for settings are read once for each."""
    return (
        ("RECONCILER_QPS", rng.choice(("5", "20"))),
        ("RECONCILER_HTTP_TIMEOUT", rng.choice(("5", "30"))),
        ("RECONCILER_POLL_INTERVAL", rng.choice(("15s", "20s..60s"))),
        ("RECONCILER_BACKOFF_BASE", "2s"),
        ("RECONCILER_BACKOFF_MAX", "20s"),
        ("RECONCILER_BACKOFF_RESET", "60s"),
        ("RECONCILER_CONFIRM_TIMEOUT", rng.choice(("30s", "90s"))),
        *((("RECONCILER_MAX_RECORDERS", str(max(1, size - 1))),) if rng.random() < 0.1 else ()),
    )


def _weather(rng: Random, patience: float) -> Weather:
    kinds = tuple(kind for kind in KINDS if rng.random() < 0.6)
    return Weather(
        rng=Random(rng.randrange(2**60)),
        rate=rng.choice((0.0, 0.02, 0.05, 0.05, 0.15, 0.4)),
        kinds=kinds,
        webhook_rate=rng.choice((0.0, 0.2, 0.6)),
        webhook_kinds=tuple(kind for kind in WEBHOOK_KINDS if rng.random() < 0.7),
        patience=patience,
    )


def _wish(rng: Random, lineage: int, *, windowed: bool) -> Wish:
    mode = rng.choice(("mix", "mix", "mix", "individual", "web"))
    wish = Wish(
        lineage=lineage,
        name=f"r{lineage}",
        channel=rng.choice(CHANNELS),
        mode=mode,
        max_idle=rng.choice((20, 60, 60)),
        restart=rng.choice(("always", "always", "always", "onFailure", "never")),
        replace=rng.choice(("gap", "gap", "overlap", "next")),
        on_removal="leave" if rng.random() < 0.08 else "stop",
        window=rng.randrange(len(WINDOWS)) if windowed and rng.random() < 0.5 else None,
        suspend=rng.random() < 0.05,
        priority=rng.choice((0, 0, 5)),
    )
    return _varied(rng, wish)


def _varied(rng: Random, wish: Wish) -> Wish:
    """Draw what is told to a live recorder."""
    if wish.mode == "web":
        return replace(wish, paused=rng.random() < 0.5, layout=0, subscribe=0)
    layout = rng.randrange(len(LAYOUTS)) if wish.mode == "mix" else 0
    return replace(wish, layout=layout, subscribe=rng.randrange(len(SUBSCRIBES)))


def _reshaped(rng: Random, wish: Wish) -> Wish:
    """Draw what only another recorder can have."""
    if wish.mode == "web":
        return replace(wish, page=(wish.page + 1) % len(PAGES))
    if wish.mode == "mix" and rng.random() < 0.5:
        return replace(wish, formats=(wish.formats + 1) % len(FORMATS))
    if rng.random() < 0.3:
        other = "individual" if wish.mode == "mix" else "mix"
        return _varied(rng, replace(wish, mode=other, formats=0))
    return replace(wish, max_idle=20 if wish.max_idle == 60 else 60)


def edited(rng: Random, model: Model, kind: str, before: list[Model], *, windowed: bool) -> Model:
    """Change a set in one way."""
    if kind == "add" or not model:
        gone = {one.lineage: one for other in before for one in other}
        lost = [one for lineage, one in gone.items() if all(lineage != other.lineage for other in model)]
        if lost and rng.random() < 0.5:
            return (*model, rng.choice(lost))
        return (*model, _wish(rng, max(gone, default=0) + 1, windowed=windowed)) if len(model) < 8 else model
    if kind == "back":
        return _returned(model, before[-2] if len(before) > 1 else model)
    index = rng.randrange(len(model))
    wish = model[index]
    match kind:
        case "remove" if len(model) > 1:  # an emptied source is a moment of its own: it is held back
            return (*model[:index], *model[index + 1 :])
        case "rename":
            other = f"r{wish.lineage}" if wish.name.endswith("-b") else f"r{wish.lineage}-b"
            changed = replace(wish, name=other, renamed_from=wish.name)
        case "shape":
            changed = _reshaped(rng, wish)
        case "channel":
            changed = replace(wish, channel=rng.choice(CHANNELS))
        case "suspend":
            changed = replace(wish, suspend=not wish.suspend)
        case "window":
            changed = replace(wish, window=rng.randrange(len(WINDOWS)) if windowed else None)
        case "restart":
            changed = replace(wish, restart=rng.choice(("always", "onFailure", "never")))
        case _:
            changed = _varied(rng, wish)
    return (*model[:index], changed, *model[index + 1 :])


def _returned(model: Model, before: Model) -> Model:
    """Go back to an older set; who has another name now is renamed back, as a person would."""
    names = {one.lineage: one.name for one in model}
    return tuple(
        replace(one, renamed_from=names[one.lineage]) if names.get(one.lineage, one.name) != one.name else one
        for one in before
    )


def _moments(rng: Random, first: Model, chaos: float, *, kept: bool, windowed: bool, jumps: bool) -> tuple[Moment, ...]:
    busy = rng.choice((0.3, 1.0, 1.0, 2.0))  # how much happens at all

    def some(mean: float) -> int:
        return min(int(rng.expovariate(1 / (mean * busy))), 8) if rng.random() < 0.8 else 0

    found: list[Moment] = []
    models, model = [first], first
    for at in sorted(rng.uniform(5, chaos) for _ in range(some(4.0))):
        kind = rng.choice((*EDITS, "bad", "empty"))
        if kind in ("bad", "empty"):
            found.append(Moment(at, kind))
            continue
        model = edited(rng, model, kind, models, windowed=windowed)
        models.append(model)
        found.append(Moment(at, "edit", model=model))
    draws: tuple[tuple[str, float, Callable[[], dict[str, Any]]], ...] = (
        ("death", 0.8, dict),
        ("kick", 0.2, dict),
        ("failover", 0.0 if jumps else 0.7, lambda: {"seconds": rng.uniform(5, 90)}),
        ("empty room", 0.6, lambda: {"seconds": rng.uniform(5, 200)}),
        ("crash", 1.2, lambda: {"points": rng.randint(1, 60), "seconds": _pause(rng)}),
        ("crash now", 0.5, lambda: {"points": rng.randint(0, 5), "seconds": _pause(rng)}),
        ("pause", 0.6, lambda: {"points": rng.randint(1, 60), "seconds": _pause(rng) * 2}),
        ("restart process", 0.3, lambda: {"seconds": _pause(rng)}),
        ("second daemon", 0.2 if kept else 0.0, dict),
        ("apply", 0.5 if kept else 3.0, dict),
        ("delete", 0.1, dict),
        ("suspend", 0.6, dict),
        ("resume", 0.3, dict),
        ("restart", 0.3, dict),
        ("import", 0.5, dict),
        ("clock", 1.0 if jumps else 0.0, lambda: {"seconds": rng.choice((-3600.0, -30.0, 20.0, 300.0))}),
    )
    for what, mean, more in draws:
        found += [
            Moment(rng.uniform(1, chaos), what, rng.randrange(100), **more()) for _ in range(some(mean) if mean else 0)
        ]
    return tuple(sorted(found, key=lambda one: one.at))


def _pause(rng: Random) -> float:
    return rng.choice((0.0, rng.uniform(0, 5), rng.uniform(0, 60), rng.uniform(0, 200)))
