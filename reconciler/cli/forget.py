"""`reconciler forget`: drop a handle on purpose; nothing is called, and the recorder goes on if it lives."""

import asyncio

import click

from reconciler.cli import completing
from reconciler.cli.terminal import Here


@click.command(help="Drop a handle; nothing is called, and a live recorder goes on.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completing.standing_recordings)
@click.pass_obj
def command(here: Here, /, names: tuple[str, ...]) -> int:
    return asyncio.run(_forget(here, names))


async def _forget(here: Here, names: tuple[str, ...]) -> int:
    from reconciler.cli.naming import known  # noqa: PLC0415 - only when it is used
    from reconciler.cli.workshop import steady_clock  # noqa: PLC0415
    from reconciler.ledger import open_ledger  # noqa: PLC0415
    from reconciler.model import Key  # noqa: PLC0415
    from reconciler.planning.facts import forgotten  # noqa: PLC0415

    clock, set_name = steady_clock(), here.set_name()
    ledger = await open_ledger(here.ledger_place(changes=True), service=None, now=clock, create=False)
    try:
        kept = await ledger.kept_by_daemon(set_name)
        chosen = known(names, await ledger.entries(set_name), set_name)
        refused = [key.name for key in chosen if key.name in kept]
        if refused:
            raise click.ClickException(
                f"{', '.join(refused)}: still in the manifests of the running daemon, which would start it again at "
                "once. Take it out there first"
            )
        for key in chosen:
            claim = await ledger.claim(Key(set_name, key.name))
            if claim is None:
                raise click.ClickException(f"{key.name}: another process has it in hand just now; try again")
            entry = await ledger.entry(key)
            assert entry is not None, "it was listed a moment ago"
            written = forgotten(entry, clock())
            await ledger.save(claim, written.entry, written.events, release=True)
            dropped = [event.message for event in written.events]
            here.say(f"{key.name}: forgotten{': ' + '; '.join(dropped) if dropped else ', it had no live handle'}")
    finally:
        await ledger.close()
    return 0
