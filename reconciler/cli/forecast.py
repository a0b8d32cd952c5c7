"""`reconciler forecast`: the windows ahead against limits and quota, from manifests and settings alone."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from reconciler.cli.terminal import DEFAULT_PATHS, Here, read_stdin

if TYPE_CHECKING:
    from reconciler.manifests.accept import ManifestSet
    from reconciler.planning.forecast import Allowance
    from reconciler.settings import Settings


@click.command(short_help="Look at the windows ahead: what is at once, what starts late.")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--days", type=click.IntRange(1, 31), default=2, show_default=True, help="How far to look ahead.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def command(here: Here, paths: tuple[str, ...], *, days: int, output: str) -> None:
    """Say whether the windows ahead fit: recorders at once against the limit, starts against the quota, what is late.

    A PATH is a file, a folder or - for standard input; ./manifests if none is named. Nothing is called and no ledger
    is read: what is wanted now is taken to be recording. A window that may be overrun is counted to the end of its
    overrun, and `when: occupied` as if somebody were always there.
    """
    # Imported here: reading the help of a command needs none of it.
    from reconciler.manifests.accept import accept  # noqa: PLC0415
    from reconciler.planning.forecast import forecast  # noqa: PLC0415
    from reconciler.render.forecast import as_json, as_text  # noqa: PLC0415

    chosen = paths or DEFAULT_PATHS
    settings = here.settings()
    manifests = accept(chosen, stdin=read_stdin(chosen), policy=settings.policy())
    now = datetime.now(UTC)
    ahead = forecast(manifests.recordings, _allowances(manifests, settings), now, now + timedelta(days=days))
    text = as_json(ahead) if output == "json" else as_text(ahead, color=here.is_coloured(sys.stdout))
    click.echo(text, nl=False)


def _allowances(manifests: "ManifestSet", settings: "Settings") -> Mapping[str, "Allowance"]:
    """Tell what each app allows; apps with one App ID share what the last of them says, as when they are called."""
    from reconciler.agora.quota import SHARE  # noqa: PLC0415 - see command
    from reconciler.cli.accounts import DEFAULT_APP  # noqa: PLC0415 - see command
    from reconciler.planning.forecast import Allowance  # noqa: PLC0415 - see command

    # No App ID has to be known to look ahead: without one the settings' own app is just another.
    app_ids = {DEFAULT_APP: settings.app_id or "", **{name: app.app_id for name, app in manifests.apps.items()}}
    last = {app.app_id: app for app in manifests.apps.values()}
    allowances = {}
    for app_id in set(app_ids.values()):
        said = last.get(app_id)
        allowances[app_id] = Allowance(
            apps=tuple(sorted(name for name, other in app_ids.items() if other == app_id)),
            rate=((said and said.qps) or settings.qps) * SHARE,
            limit=(said and said.max_recorders) or settings.max_recorders,
        )
    return {name: allowances[app_id] for name, app_id in app_ids.items()}
