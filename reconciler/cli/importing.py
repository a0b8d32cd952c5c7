"""`reconciler import`: adopt recorders that are live already, after the service has confirmed each."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import click

from reconciler.cli import completing
from reconciler.cli.terminal import DEFAULT_PATHS, Here, read_stdin, refuse

if TYPE_CHECKING:
    from reconciler.cli.applying import Site
    from reconciler.intake.preparing import Prepared
    from reconciler.model import Handle, Mode
    from reconciler.planning.desired import Desired

MODES = ("mix", "individual", "web")
_FIELDS = {"name", "resourceId", "sid", "channel", "uid", "mode"}


@dataclass(frozen=True, slots=True)
class Wish:
    """One recorder to adopt, as it was asked for."""

    name: str
    resource_id: str
    sid: str
    channel: str | None = None
    uid: str | None = None
    mode: str | None = None


@click.command(help="Adopt a recorder that is already live.")
@click.argument("name", required=False)
@click.option("--resource-id", metavar="ID")
@click.option("--sid", metavar="SID")
@click.option("--channel", metavar="CHANNEL", help="Else the manifest's.")
@click.option("--uid", metavar="UID", help="The recorder's own uid; else the manifest's, where it names one.")
@click.option("--mode", type=click.Choice(MODES), help="Else the manifest's.")
@click.option(
    "-f",
    "--filename",
    metavar="FILE.jsonl",
    shell_complete=completing.paths,
    help="Many: a JSON object with these fields on each line.",
)
@click.option(
    "--manifests",
    "paths",
    multiple=True,
    metavar="PATH",
    shell_complete=completing.paths,
    help="Where they are declared (./manifests).",
)
@click.pass_obj
def command(here: Here, /, **options: Any) -> int:
    paths = options["paths"] or (DEFAULT_PATHS if Path(here.cwd, DEFAULT_PATHS[0]).exists() else ())
    return asyncio.run(_import(here, wishes(options), paths))


def wishes(options: dict[str, Any]) -> tuple[Wish, ...]:
    """Read what is to be adopted, from the options or from the file."""
    filename = options["filename"]
    if filename is not None:
        if options["name"]:
            raise click.UsageError("say either a name or -f FILE.jsonl")
        return _from_file(filename)
    missing = [
        flag
        for flag, value in (
            ("NAME", options["name"]),
            ("--resource-id", options["resource_id"]),
            ("--sid", options["sid"]),
        )
        if not value
    ]
    if missing:
        raise click.UsageError(f"missing {', '.join(missing)}")
    fields = ("name", "resource_id", "sid", "channel", "uid", "mode")
    return (Wish(**{field: options[field] for field in fields}),)


def _from_file(filename: str) -> tuple[Wish, ...]:
    try:
        lines = Path(filename).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as wrong:
        refuse(f"{filename} cannot be read: {wrong}")
    return tuple(_from_line(line, f"{filename}:{number}") for number, line in enumerate(lines, 1) if line.strip())


def _from_line(line: str, place: str) -> Wish:
    try:
        said = json.loads(line)
    except ValueError:
        said = None
    if not isinstance(said, dict) or {"name", "resourceId", "sid"} - said.keys():
        refuse(f'{place}: must be a JSON object with "name", "resourceId" and "sid"')
    unknown = said.keys() - _FIELDS
    if unknown or said.get("mode") not in (None, *MODES):
        refuse(f"{place}: {f'unknown field {min(unknown)}' if unknown else 'mode must be mix, individual or web'}")
    text = {key: str(value) for key, value in said.items() if value is not None}
    return Wish(text["name"], text["resourceId"], text["sid"], text.get("channel"), text.get("uid"), text.get("mode"))


async def _import(here: Here, wished: tuple[Wish, ...], paths: tuple[str, ...]) -> int:
    from reconciler.cli.applying import NO_MANIFESTS, open_site, outside_of  # noqa: PLC0415 - only when it is used
    from reconciler.manifests.accept import accept  # noqa: PLC0415

    settings = here.settings()
    manifests = accept(paths, stdin=read_stdin(paths), policy=settings.policy()) if paths else NO_MANIFESTS
    place = here.ledger_place(changes=True)
    async with open_site(outside_of(here, settings), settings, manifests, place, settings.set, create=True) as site:
        prepared = await site.prepare()
        failed = 0
        for wish in wished:
            complaint = await _adopt(site, prepared, wish, settings.app_id)
            here.say(f"{wish.name}: {complaint or 'adopted'}")
            failed += bool(complaint)
    return 1 if failed else 0


async def _adopt(site: "Site", prepared: "Prepared", wish: Wish, default_app_id: str | None) -> str:
    """Adopt one; a complaint says why not."""
    from reconciler.errors import ServiceError  # noqa: PLC0415 - only when it is used
    from reconciler.evidence import Live  # noqa: PLC0415
    from reconciler.model import Entry, Key  # noqa: PLC0415
    from reconciler.planning.adopting import Adoption, adopt, hindrance  # noqa: PLC0415

    assert site.ledger is not None
    desired = next((one for one in prepared.desired if one.key.name == wish.name), None)
    handle = _handle(wish, desired, default_app_id)
    if isinstance(handle, str):
        return handle
    key = Key(site.set, wish.name)
    app_id = handle.identity.app_id
    async with site.workshop(prepared, frozenset({app_id})) as workshop:
        if app_id not in workshop.services:
            return f"nobody has credentials for App ID {app_id}"
        client = workshop.services[app_id].client
        claim = await site.ledger.claim(key)
        if claim is None:
            return "another process has it in hand just now; try again"
        entry = await site.ledger.entry(key) or Entry(key, declared=desired is not None)
        complaint = hindrance(entry, handle, site.outside.clock())
        try:
            seen = None if complaint else await client.query(handle)
        except ServiceError as error:
            complaint = str(error)
        if not complaint and not isinstance(seen, Live):
            complaint = "the service does not know such a recorder (404): nothing was adopted"
        if complaint or not isinstance(seen, Live):
            await site.ledger.release(claim)
            return complaint
        written = adopt(entry, Adoption(handle, client.url, seen), site.outside.clock())
        await site.ledger.save(claim, written.entry, written.events, release=True)
    return ""


def _handle(wish: Wish, desired: "Desired | None", default_app_id: str | None) -> "Handle | str":
    """Put together what the recorder is asked by; words say what is missing or contradicts the manifest."""
    from reconciler.model import Handle, Identity  # noqa: PLC0415 - only when it is used

    spec = desired.spec if desired else None
    app_id = desired.app_id if desired else default_app_id
    channel = wish.channel or (spec.channel if spec else None)
    mode = wish.mode or (spec.mode if spec else None)
    uid = wish.uid or (str(spec.uid[0]) if spec and spec.uid and len(spec.uid) == 1 else None)
    lacking = [
        flag
        for flag, value in (
            ("--channel", channel),
            ("--mode", mode),
            ("--uid", uid),
            ("RECONCILER_APP_ID or a manifest", app_id),
        )
        if not value
    ]
    if not (channel and mode and uid and app_id):
        return f"say {', '.join(lacking)}: no manifest of that name says it"
    if spec and (spec.channel, spec.mode) != (channel, mode):
        return f"its manifest declares channel {spec.channel} in mode {spec.mode}, not {channel} in mode {mode}"
    return Handle(Identity(app_id, channel, uid), cast("Mode", mode), wish.resource_id, wish.sid)
