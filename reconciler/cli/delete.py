"""`reconciler delete`: stop recordings and keep their history."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from reconciler.cli import completing
from reconciler.cli.terminal import Here, read_stdin

if TYPE_CHECKING:
    from reconciler.cli.applying import Site
    from reconciler.intake.preparing import Prepared
    from reconciler.model import Key


@click.command(help="Stop recordings; their history stays.")
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completing.standing_recordings)
@click.option(
    "-f",
    "--filename",
    "paths",
    multiple=True,
    metavar="PATH",
    help="What these manifests declare.",
    shell_complete=completing.paths,
)
@click.option("--all", "everything", is_flag=True, help="Every recording of the set.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--timeout", default="5m", show_default=True, metavar="DURATION", help="How long to go on.")
@click.pass_obj
def command(
    here: Here, /, names: tuple[str, ...], paths: tuple[str, ...], timeout: str, *, everything: bool, yes: bool
) -> int:
    from reconciler.cli.apply import duration  # noqa: PLC0415 - only when it is used
    from reconciler.cli.interrupting import run_interruptible  # noqa: PLC0415

    if sum((bool(names), bool(paths), everything)) != 1:
        raise click.UsageError("say which: names, or -f PATH, or --all")
    return run_interruptible(_delete(here, names, paths, duration(timeout), everything=everything, yes=yes))


async def _delete(
    here: Here, names: tuple[str, ...], paths: tuple[str, ...], patience: timedelta, *, everything: bool, yes: bool
) -> int:
    from reconciler.cli.apply import act, report, show_plan  # noqa: PLC0415 - only when it is used
    from reconciler.cli.applying import apps_beside, open_site, outside_of  # noqa: PLC0415
    from reconciler.cli.interrupting import asking  # noqa: PLC0415
    from reconciler.controller import Assignment  # noqa: PLC0415
    from reconciler.manifests.accept import accept  # noqa: PLC0415
    from reconciler.planning.desired import Unwanted  # noqa: PLC0415

    settings = here.settings()
    policy = settings.policy()
    manifests = accept(paths, stdin=read_stdin(paths), policy=policy) if paths else apps_beside(policy)
    place = here.ledger_place(changes=True)
    async with open_site(outside_of(here, settings), settings, manifests, place, settings.set, create=False) as site:
        await site.assert_not_frozen()
        prepared = await site.prepare()
        keys = _chosen(names or tuple(one.name for one in manifests.recordings), prepared, site, everything=everything)
        await site.assert_not_kept(keys)
        live = [(key, prepared.entries[key].open_sessions) for key in keys if prepared.entries[key].open_sessions]
        unwanted = Unwanted("deleted")
        planned = site.plan(
            prepared,
            tuple(Assignment(key, unwanted, sessions[0].identity.app_id) for key, sessions in live),
        )
        show_plan(here, planned, settings.qps)
        if live:
            with asking():
                here.confirm("Stop them?", yes=yes)
            await site.admitted(prepared, planned.app_ids)
        await site.dismiss(keys)
        if not live:
            return report(here, planned, None, "text")
        return report(here, planned, await act(here, site, planned, patience), "text", "nothing of it records any more")


def _chosen(names: tuple[str, ...], prepared: "Prepared", site: "Site", *, everything: bool) -> "tuple[Key, ...]":
    from reconciler.cli.naming import known  # noqa: PLC0415 - only when it is used

    if everything:
        return tuple(prepared.entries)
    return known(names, prepared.entries, site.set)
