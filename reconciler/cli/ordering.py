"""`reconciler suspend`, `resume`, `restart`, `freeze`, `unfreeze`, `approve`: what people order beside the manifests.

An order stands in the ledger and needs no daemon: whoever acts next, a daemon within a second or the next apply, obeys.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from reconciler.cli import completing
from reconciler.cli.terminal import Here, refuse

if TYPE_CHECKING:
    from reconciler.cli.ordered import Ordering
    from reconciler.ledger import Ledger
    from reconciler.ledger.orders import Given
    from reconciler.model import Key

_NAMES = click.argument(
    "names", nargs=-1, required=True, metavar="NAME...", shell_complete=completing.standing_recordings
)
_YES = click.option("--yes", is_flag=True, help="Do not ask.")


@click.command(short_help="Stop recordings now, and keep them stopped whatever the manifests say.")
@_NAMES
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is shown wherever the recording is.")
@click.option("--until", metavar="TIME", help="2026-05-01T08:00:00Z, or how long: 90m, 2h. Default: until `resume`.")
@_YES
@click.pass_obj
def suspend(here: Here, /, names: tuple[str, ...], reason: str, until: str | None, *, yes: bool) -> int:
    """Stop recordings now, and keep them stopped whatever the manifests say, until `resume` or the time."""
    from reconciler.cli.interrupting import run_interruptible  # noqa: PLC0415 - only when it is used

    if not reason.strip():
        raise click.BadParameter("say why: it is shown wherever the recording is", param_hint="--reason")
    moment = _moment(until) if until is not None else None
    return run_interruptible(_suspend(here, names, reason, moment, yes=yes))


@click.command(help="Take `suspend` back.")
@_NAMES
@_YES
@click.pass_obj
def resume(here: Here, /, names: tuple[str, ...], *, yes: bool) -> int:
    from reconciler.cli.ordered import resumption  # noqa: PLC0415 - not needed for the help

    asyncio.run(_order(here, names, resumption(), yes=yes))
    return 0


@click.command(help="Have a fresh session in place of the present one, or start what has completed or is backing off.")
@_NAMES
@_YES
@click.pass_obj
def restart(here: Here, /, names: tuple[str, ...], *, yes: bool) -> int:
    from reconciler.cli.ordered import renewal  # noqa: PLC0415 - not needed for the help

    asyncio.run(_order(here, names, renewal(here.user()), yes=yes))
    return 0


@click.command(help="Only observe the recordings of the set: nothing is started, changed or stopped until `unfreeze`.")
@click.option("--reason", default="", metavar="TEXT", help="Why; it is shown wherever something waits for it.")
@click.pass_obj
def freeze(here: Here, /, reason: str) -> int:
    asyncio.run(_freeze(here, reason, thaw=False))
    return 0


@click.command(help="Go on after `freeze`.")
@click.pass_obj
def unfreeze(here: Here) -> int:
    asyncio.run(_freeze(here, "", thaw=True))
    return 0


@click.command(help="Let the revision through, once, that a daemon holds as a mass stop.")
@_YES
@click.pass_obj
def approve(here: Here, *, yes: bool) -> int:
    asyncio.run(_approve(here, yes=yes))
    return 0


async def _suspend(here: Here, names: tuple[str, ...], reason: str, until: datetime | None, *, yes: bool) -> int:
    from reconciler.cli.ordered import suspension  # noqa: PLC0415 - not needed for the help

    chosen, is_kept = await _order(here, names, suspension(here.user(), reason, until), yes=yes)
    if until and not is_kept:
        here.say(f"the first apply after {until:%Y-%m-%d %H:%M} UTC starts them again; a daemon does so by itself")
    return 0 if is_kept else await _stop(here, chosen, f"suspended by {here.user()}: {reason}")


async def _stop(here: Here, names: tuple[str, ...], reason: str) -> int:
    """Stop what runs, for no daemon does."""
    from reconciler.cli.apply import act, report  # noqa: PLC0415 - only when it is used
    from reconciler.cli.applying import apps_beside, open_site, outside_of  # noqa: PLC0415
    from reconciler.controller import Assignment  # noqa: PLC0415
    from reconciler.planning.desired import Unwanted  # noqa: PLC0415

    settings = here.settings()
    place, manifests = here.ledger_place(changes=True), apps_beside(settings.policy())
    async with open_site(outside_of(here, settings), settings, manifests, place, settings.set, create=False) as site:
        await site.assert_not_frozen()
        prepared = await site.prepare()
        live = [(key, entry.open_sessions) for key, entry in prepared.entries.items() if key.name in names]
        unwanted = Unwanted(reason, removed=False)
        planned = site.plan(
            prepared, tuple(Assignment(key, unwanted, open_[0].identity.app_id) for key, open_ in live if open_)
        )
        if not planned.assignments:
            return 0
        await site.admitted(prepared, planned.app_ids)
        verdict = await act(here, site, planned, timedelta(minutes=5))
        return report(here, planned, verdict, "text", "nothing of it records any more")


async def _order(
    here: Here, names: tuple[str, ...], ordering: "Ordering", *, yes: bool
) -> tuple[tuple[str, ...], bool]:
    """Write an order down for each; gives whom it is for, and whether a daemon carries it out."""
    from reconciler.cli.naming import known  # noqa: PLC0415 - only when it is used
    from reconciler.planning.orders import NO_ORDERS  # noqa: PLC0415

    async with _ledger(here) as ledger:
        set_name, now = here.set_name(), datetime.now(UTC)
        kept = await ledger.declarations(set_name)
        declared = {_key(set_name, name): one.spec for (kind, name), one in kept.items() if kind == "Recording"}
        chosen = known(names, declared.keys() | (await ledger.entries(set_name)).keys(), set_name)
        standing, is_kept = await ledger.orders(set_name), await ledger.keeper(set_name) is not None
        needless = {key: ordering.needless(standing.get(key, NO_ORDERS), now) for key in chosen}
        for key in chosen:
            said = needless[key] or ordering.beside(standing.get(key, NO_ORDERS), now, declared.get(key, {}))
            if said:
                here.say(f"{key.name}: {said}")
        meant = tuple(key for key in chosen if not needless[key])
        if meant:
            _ask(here, f"{', '.join(key.name for key in meant)}: {ordering.question}", yes=yes)
            await _hand_out(here, ledger, meant, ordering)
        return tuple(key.name for key in meant), is_kept


async def _hand_out(here: Here, ledger: "Ledger", keys: "tuple[Key, ...]", ordering: "Ordering") -> None:
    """Write the order down, and say who carries it out."""
    from reconciler.planning.orders import Orders  # noqa: PLC0415 - not needed for the help

    set_name = here.set_name()
    for key in keys:
        await _write_down(here, ledger, key, Orders, ordering.change, ordering.event, ordering.reason)
    source = await ledger.keeper(set_name)
    freeze = (await ledger.set_orders(set_name)).freeze
    if freeze:
        carried = f"set {set_name} is {freeze}, so nothing is done before `reconciler unfreeze`"
    elif source:
        carried = f"the daemon that keeps {source} obeys at once"
    elif ordering.done == "suspended":
        carried = "no daemon keeps this set, so what records is stopped from here"
    else:
        carried = "no daemon keeps this set: the next `reconciler apply` carries it out"
    here.say(f"{', '.join(key.name for key in keys)}: {ordering.done}; {carried}")


def _ask(here: Here, question: str, *, yes: bool) -> None:
    from reconciler.cli.interrupting import asking  # noqa: PLC0415 - only when it is used

    with asking():
        here.confirm(question, yes=yes)


async def _freeze(here: Here, reason: str, *, thaw: bool) -> None:
    from dataclasses import replace  # noqa: PLC0415 - not needed for the help

    from reconciler.planning.orders import Freeze  # noqa: PLC0415
    from reconciler.planning.standing import SetOrders  # noqa: PLC0415

    def change(orders: SetOrders, now: datetime) -> SetOrders:
        return replace(orders, freeze=None if thaw else Freeze(here.user(), reason, now))

    async with _ledger(here) as ledger:
        set_name = here.set_name()
        if thaw and not (await ledger.set_orders(set_name)).freeze:
            here.say(f"set {set_name} is not frozen")
            return
        kind = "set.unfrozen" if thaw else "set.frozen"
        await _write_down(here, ledger, _key(set_name, ""), SetOrders, change, kind, reason)
        here.say(f"set {set_name} is {'no longer ' if thaw else ''}frozen{'' if thaw else ': it is only observed'}")


async def _approve(here: Here, *, yes: bool) -> None:
    from dataclasses import replace  # noqa: PLC0415 - not needed for the help

    from reconciler.planning.standing import SetOrders  # noqa: PLC0415

    async with _ledger(here) as ledger:
        set_name = here.set_name()
        standing = await ledger.standing(set_name)
        held = standing.withheld if standing else None
        if standing is None or held is None:
            trouble = standing.trouble if standing else ""
            beside = f"; its source has a fault, which no approval mends:\n{trouble}" if trouble else ""
            refuse(f"no revision of set {set_name} is held{beside}")
        here.say(f"{standing.source} has held revision {held.label} since {held.since:%Y-%m-%d %H:%M} UTC:")
        here.say(held.reason)
        if not held.approvable:
            refuse("no approval lets it through: do what is said there")
        _ask(here, "Let it through?", yes=yes)

        def change(orders: SetOrders, _: datetime) -> SetOrders:
            return replace(orders, approved=held.revision)

        await _write_down(here, ledger, _key(set_name, ""), SetOrders, change, "source.approved", held.reason)
        if await ledger.keeper(set_name):
            here.say(f"approved: the daemon takes {held.label} in within a second")
        else:
            here.say(f"approved: the next `reconciler run` takes {held.label} in, if its source still has it then")


@asynccontextmanager
async def _ledger(here: Here) -> "AsyncIterator[Ledger]":
    from reconciler.ledger import open_ledger  # noqa: PLC0415 - only when it is used

    place = here.ledger_place(changes=True)
    ledger = await open_ledger(place, service=None, now=lambda: datetime.now(UTC), create=False)
    try:
        yield ledger
    finally:
        await ledger.close()


def _key(set_name: str, name: str) -> "Key":
    from reconciler.model import Key  # noqa: PLC0415 - not needed for the help

    return Key(set_name, name)


async def _write_down(
    here: Here,
    ledger: "Ledger",
    key: "Key",
    of: "type[Given]",
    change: "Callable[[Given, datetime], Given]",
    kind: str,
    reason: str,
) -> None:
    """Give an order; the history says what, why, and who has given it."""
    from reconciler.model import Event  # noqa: PLC0415 - not needed for the help

    now = datetime.now(UTC)
    await ledger.give(key, of, lambda orders: change(orders, now), Event(now, key, kind, reason, f"by {here.user()}"))


def _moment(text: str) -> datetime:
    """Read a time with its zone, or how long from now."""
    now = datetime.now(UTC)
    try:
        moment = _read_moment(text, now)
    except OverflowError:
        raise _refused(text, "is too far off") from None
    if moment <= now:
        raise _refused(text, "is over")
    return moment


def _read_moment(text: str, now: datetime) -> datetime:
    from reconciler.manifests.values import read_duration  # noqa: PLC0415 - only when it is used

    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        try:
            return now + read_duration(text)
        except ValueError:
            raise _refused(text, "is neither a time such as 2026-05-01T08:00:00Z nor a duration such as 2h") from None
    if moment.tzinfo is None:
        raise _refused(text, "has no zone: say 2026-05-01T08:00:00Z for UTC, or …+02:00")
    return moment.astimezone(UTC)


def _refused(text: str, why: str) -> click.BadParameter:
    return click.BadParameter(f"{text!r} {why}", param_hint="--until")
