"""`reconciler wait`: let a script go on when recordings are as it needs them."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, assert_never

import click

from reconciler.cli import completing
from reconciler.cli.naming import known
from reconciler.cli.terminal import Here

if TYPE_CHECKING:
    from reconciler.model import Entry
    from reconciler.planning.status import Status

Goal: TypeAlias = Literal["ready", "recording", "stopped", "deleted"]

_INTERVAL: Final = 0.5  # seconds between two looks into the ledger, which cost no call
_UNSETTLED: Final = 3


def _read_timeout(_: click.Context, __: click.Parameter, value: str) -> timedelta:
    from pydantic_core import PydanticCustomError  # noqa: PLC0415 - not needed for the help

    from reconciler.manifests.values import read_duration  # noqa: PLC0415 - see above

    try:
        return read_duration(value)
    except PydanticCustomError as wrong:
        raise click.BadParameter(wrong.message()) from None


@click.command(short_help="Wait until recordings are as scripts need them.")
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=completing.standing_recordings)
@click.option(
    "--for",
    "goal",
    type=click.Choice(["ready", "recording", "stopped", "deleted"]),
    default="ready",
    show_default=True,
    help="What they are to be.",
)
@click.option("--timeout", callback=_read_timeout, default="5m", show_default=True, help="How long at most: 90, 5m.")
@click.pass_obj
def command(here: Here, names: tuple[str, ...], *, goal: Goal, timeout: timedelta) -> int:
    """Wait until the ledger says it of every NAME: another process, an apply or a daemon, has to make it so.

    ready: as the newest manifest declares, also where that means stopped. recording: confirmed, as the newest manifest
    declares. stopped: nothing runs. deleted: nothing runs and no manifest declares it. Exit code 3 when the time is
    over.
    """
    return asyncio.run(_wait(here, tuple(dict.fromkeys(names)), goal, timeout))


async def _wait(here: Here, names: Sequence[str], goal: Goal, patience: timedelta) -> int:
    from reconciler.ledger import open_ledger  # noqa: PLC0415 - reading the help needs no ledger
    from reconciler.model import Key  # noqa: PLC0415 - see above

    keys = [Key(here.set_name(), name) for name in names]
    ends_at = time.monotonic() + patience.total_seconds()
    ledger = await open_ledger(here.ledger_place(changes=False), service=None, now=_now, create=False)
    try:
        while True:
            entries = await ledger.entries(here.set_name())
            if goal != "deleted":
                known(names, entries, here.set_name())  # what was never applied, no waiting will bring
            waiting = [key for key in keys if not _is(goal, entries.get(key))]
            left = ends_at - time.monotonic()
            if not waiting:
                here.say(f"{', '.join(names)}: {goal}")
                return 0
            if left <= 0:
                for key in waiting:
                    here.say(f"error: {key.name} is not {goal}{_words(entries.get(key))}")
                return _UNSETTLED
            await asyncio.sleep(min(_INTERVAL, left))
    finally:
        await ledger.close()


def _is(goal: Goal, entry: "Entry | None") -> bool:
    if entry is None:
        return goal == "deleted"
    match goal:
        case "ready":
            conditions = {condition.type: condition for condition in _status(entry).conditions}
            return conditions["Ready"].status == "True"
        case "recording":
            status = _status(entry)
            told = not status.revision or status.observed_revision == status.revision
            return status.phase == "Recording" and told
        case "stopped":
            return not entry.open_sessions
        case "deleted":
            return not entry.open_sessions and not entry.declared
        case _:
            assert_never(goal)


def _status(entry: "Entry") -> "Status":
    from reconciler.planning.status import status_of  # noqa: PLC0415 - reading the help needs none of it

    return status_of(entry, _now())


def _words(entry: "Entry | None") -> str:
    if entry is None:
        return ""
    status = _status(entry)
    return f": {status.phase}, {status.message}"


def _now() -> datetime:
    return datetime.now(UTC)
