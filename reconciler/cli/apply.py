"""`reconciler apply`: plan, ask, act until everything rests."""

import asyncio
import sys
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import completing
from reconciler.cli.terminal import DEFAULT_PATHS, Here, print_json, read_stdin

if TYPE_CHECKING:
    from reconciler.cli.applying import Planned, Site, Verdict
    from reconciler.intake.preparing import Scope

DONE, FAILED, NOT_CONVERGED = 0, 1, 3
ALLOW = "say --allow-mass-stop"
EMPTY_THEM = f"`reconciler delete --all`, or {ALLOW} with --prune"


@click.command(help="Plan, ask, and act until what is declared is true.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=completing.paths)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--prune", is_flag=True, help="Stop what the manifests no longer declare.")
@click.option("--allow-mass-stop", is_flag=True, help="Interrupt more than RECONCILER_MAX_STOP_PERCENT.")
@click.option("--timeout", default="5m", show_default=True, metavar="DURATION", help="How long to go on.")
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="NAME",
    help="Only this recording; may be repeated.",
    shell_complete=completing.standing_recordings,
)
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def command(here: Here, /, paths: tuple[str, ...], timeout: str, output: str, **options: Any) -> int:
    from reconciler.cli.interrupting import run_interruptible  # noqa: PLC0415 - only when it is used

    return run_interruptible(_apply(here, paths or DEFAULT_PATHS, duration(timeout), output, options))


async def _apply(here: Here, paths: tuple[str, ...], patience: timedelta, output: str, options: dict[str, Any]) -> int:
    from reconciler.cli.applying import open_site, outside_of  # noqa: PLC0415 - only when it is used
    from reconciler.intake.preparing import Scope  # noqa: PLC0415
    from reconciler.manifests.accept import accept  # noqa: PLC0415
    from reconciler.planning.guards import assert_no_mass_stop, assert_not_emptied  # noqa: PLC0415

    settings = here.settings()
    stdin = read_stdin(paths)
    manifests = accept(paths, stdin=stdin, policy=settings.policy(), allow_empty=True)
    place = here.ledger_place(changes=True)
    async with open_site(outside_of(here, settings), settings, manifests, place, settings.set, create=True) as site:
        await site.assert_not_frozen()
        await site.assert_within_daemon()
        scope = Scope(settings.set, options["prune"], frozenset(options["targets"]))
        planned = await site.refreshed(scope, "stale", strict=True)
        if not (manifests.recordings or planned.prepared.is_live):
            accept(paths, stdin=stdin, policy=settings.policy())  # says that there are no manifests, if that is why
        if output == "text" or not (options["yes"] or planned.plan.converged):
            show_plan(here, planned, settings.qps, err=output == "json")
        await site.assert_pruning_lasts(planned)
        site.assert_apps_kept(planned.prepared)
        if not options["allow_mass_stop"]:
            assert_not_emptied(manifests.recordings, planned.prepared.entries, EMPTY_THEM)
            assert_no_mass_stop(planned.plan.actions, planned.prepared.entries, settings.max_stop_percent, ALLOW)
        if not planned.plan.converged:  # also what is only held now may start or stop something before it rests
            if not options["yes"]:
                await _ask(here, site, planned, scope)
            await site.admitted(planned.prepared, planned.app_ids)
        await site.accept(planned.prepared)
        if planned.plan.converged:
            return report(here, planned, None, output)
        return report(here, planned, await act(here, site, planned, patience), output)


async def _ask(here: Here, site: "Site", planned: "Planned", scope: "Scope") -> None:
    """Ask whether to do it; what was shown is what was agreed to, however long the answer took."""
    from reconciler.cli.interrupting import asking  # noqa: PLC0415 - only when somebody is asked

    with asking():
        here.confirm("Do this?", yes=False)
    await site.assert_not_stale(planned, scope)


def duration(text: str) -> timedelta:
    """Read a duration from the command line, as manifests and settings write them."""
    from reconciler.manifests.values import read_duration  # noqa: PLC0415 - only when it is used

    try:
        return read_duration(text)
    except ValueError as wrong:
        raise click.BadParameter(f"{text!r} {wrong}", param_hint="--timeout") from None


def show_plan(here: Here, planned: "Planned", qps: float, *, err: bool = False) -> None:
    """Show the plan: it is the output, or with `err` only what a person is asked about."""
    from reconciler.agora.quota import SHARE  # noqa: PLC0415 - only when it is used
    from reconciler.render.plan import as_text  # noqa: PLC0415

    color = here.is_coloured(sys.stderr if err else sys.stdout)
    click.echo(as_text(planned.plan, color=color, rate=qps * SHARE), nl=False, err=err)


async def act(here: Here, site: "Site", planned: "Planned", patience: timedelta) -> "Verdict":
    """Converge with progress; when interrupted, say what is left."""
    from reconciler.agora.quota import SHARE  # noqa: PLC0415 - only when it is used
    from reconciler.cli.progress import progress_for  # noqa: PLC0415

    with progress_for(here, planned, site.settings.qps * SHARE) as progress:
        try:
            return await site.converge(planned, patience, progress)
        except asyncio.CancelledError:
            progress.interrupted()
            raise


def report(
    here: Here, planned: "Planned", verdict: "Verdict | None", output: str, done: str = "everything is as declared"
) -> int:
    """Say where everything rests, and exit with what that means."""
    if output == "json":
        print_json(as_document(planned, verdict))
    if verdict is None or verdict.is_done:
        if verdict is not None:
            here.say(f"Done: {done}.")
        return DONE
    for key, hold in sorted(verdict.left.items()):
        here.say(f"{key.name}: {hold.because}: {hold.reason}")
    for key in verdict.unrested:
        here.say(f"{key.name}: not at rest yet when the time was over; the next apply goes on from here")
    return FAILED if verdict.is_refused else NOT_CONVERGED


def as_document(planned: "Planned", verdict: "Verdict | None") -> dict[str, Any]:
    """Make the plan's JSON, with where it ended."""
    import json  # noqa: PLC0415 - only when it is used

    from reconciler.render.plan import as_json  # noqa: PLC0415

    document: dict[str, Any] = json.loads(as_json(planned.plan))
    document["converged"] = verdict is None or verdict.is_done
    document["left"] = (
        []
        if verdict is None
        else [
            *(
                {"name": key.name, "because": str(hold.because), "reason": hold.reason}
                for key, hold in sorted(verdict.left.items())
            ),
            *({"name": key.name, "because": "Unfinished", "reason": "the time was over"} for key in verdict.unrested),
        ]
    )
    return document
