"""`reconciler plan`: what apply would do, and why."""

import asyncio
import sys
from typing import TYPE_CHECKING

import click

from reconciler.cli import completing
from reconciler.cli.terminal import DEFAULT_PATHS, Here, read_stdin

if TYPE_CHECKING:
    from reconciler.cli.applying import Planned, Refresh, Site
    from reconciler.planning.plan import Plan

DIFFERENT = 2


@click.command(help="Show what apply would do, and why. Changes nothing.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=completing.paths)
@click.option("-o", "--output", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("--all", "everything", is_flag=True, help="Show recordings that are as declared, too.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are differences.")
@click.option(
    "--refresh",
    type=click.Choice(["none", "stale", "all"]),
    default="stale",
    show_default=True,
    help="Ask about live recorders first: none, those not asked about lately, or all.",
)
@click.option("--prune", is_flag=True, help="Plan to stop what the manifests no longer declare.")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="Only this recording; may be repeated.",
    shell_complete=completing.standing_recordings,
)
@click.pass_obj
def command(
    here: Here,
    paths: tuple[str, ...],
    output: str,
    *,
    everything: bool,
    detailed_exitcode: bool,
    refresh: "Refresh",
    prune: bool,
    targets: tuple[str, ...],
) -> int:
    plan, rate = asyncio.run(_plan(here, paths or DEFAULT_PATHS, refresh, frozenset(targets), prune=prune))
    show(here, plan, output, rate, everything=everything)
    return DIFFERENT if detailed_exitcode and not plan.converged else 0


def show(here: Here, plan: "Plan", output: str, rate: float, *, everything: bool = False) -> None:
    """Print a plan as text, JSON or Markdown."""
    from reconciler.render.plan import as_json, as_markdown, as_text  # noqa: PLC0415 - only when it is used

    match output:
        case "json":
            text = as_json(plan, everything=everything)
        case "markdown":
            text = as_markdown(plan, everything=everything, rate=rate)
        case _:
            text = as_text(plan, color=here.is_coloured(sys.stdout), everything=everything, rate=rate)
    click.echo(text, nl=False)


async def _plan(
    here: Here, paths: tuple[str, ...], refresh: "Refresh", targets: frozenset[str], *, prune: bool
) -> "tuple[Plan, float]":
    from reconciler.agora.quota import SHARE  # noqa: PLC0415 - only when it is used
    from reconciler.cli.apply import ALLOW, EMPTY_THEM  # noqa: PLC0415
    from reconciler.cli.applying import open_site, outside_of  # noqa: PLC0415
    from reconciler.errors import UnsafePlanError  # noqa: PLC0415
    from reconciler.intake.preparing import Scope  # noqa: PLC0415
    from reconciler.ledger.files import locate  # noqa: PLC0415
    from reconciler.manifests.accept import accept  # noqa: PLC0415
    from reconciler.planning.guards import assert_no_mass_stop, assert_not_emptied  # noqa: PLC0415

    settings = here.settings()
    stdin = read_stdin(paths)
    manifests = accept(paths, stdin=stdin, policy=settings.policy(), allow_empty=True)
    place = here.ledger_place(changes=False)
    async with open_site(outside_of(here, settings), settings, manifests, place, settings.set, create=False) as site:
        if site.ledger is None:
            here.say(f"there is no ledger at {locate(place)} yet: planned as if nothing had been recorded")
        planned = await site.refreshed(Scope(settings.set, prune, targets), refresh)
        refusals = await _refusals(site, planned)
    if not (manifests.recordings or planned.prepared.is_live):
        accept(paths, stdin=stdin, policy=settings.policy())  # says that there are no manifests, if that is why
    for refusal in refusals:
        here.say(f"apply would say: {refusal}")
    try:
        assert_not_emptied(manifests.recordings, planned.prepared.entries, EMPTY_THEM)
        assert_no_mass_stop(planned.plan.actions, planned.prepared.entries, settings.max_stop_percent, ALLOW)
    except UnsafePlanError as held_back:
        here.say(f"apply would say: {held_back}")
    return planned.plan, settings.qps * SHARE


async def _refusals(site: "Site", planned: "Planned") -> list[str]:
    """Say what would keep apply from this: a freeze, or a running daemon with another source."""
    from reconciler.errors import ReconcilerError  # noqa: PLC0415 - only when it is used

    found = []
    for check in (site.assert_not_frozen(), site.assert_within_daemon(), site.assert_pruning_lasts(planned)):
        try:
            await check
        except ReconcilerError as error:
            found.append(str(error))
    return found
