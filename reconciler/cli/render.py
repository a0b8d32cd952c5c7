"""`reconciler render`: manifests resolved, or the exact bodies that would be sent."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import completing
from reconciler.cli.terminal import DEFAULT_PATHS, Here, print_json, printable, read_stdin
from reconciler.logs import MASK

if TYPE_CHECKING:
    from reconciler.manifests.accept import Declared, ManifestSet
    from reconciler.planning.desired import Desired
    from reconciler.settings import Settings


@click.command(short_help="Show manifests resolved, or the exact bodies that would be sent.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=completing.paths)
@click.option("--wire", is_flag=True, help="The bodies of acquire, start and updateLayout instead, secrets masked.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), help="Default: yaml; with --wire, json.")
@click.pass_obj
def command(here: Here, paths: tuple[str, ...], *, wire: bool, output: str | None) -> None:
    """Show every recording with its profiles merged in; secrets stay references, and nothing is called.

    A PATH is a file, a folder or - for standard input; ./manifests if none is named. With --wire, uids are those of a
    first start: the ledger is not read.
    """
    # Imported here: reading the help of a command needs none of it.
    from reconciler.manifests.accept import accept  # noqa: PLC0415

    chosen = paths or DEFAULT_PATHS
    settings = here.settings()
    manifests = accept(chosen, stdin=read_stdin(chosen), policy=settings.policy())
    if wire:
        shown = [_bodies(desired, datetime.now(UTC)) for desired in _desired(manifests, settings)]
    else:
        shown = [*_apps(manifests), *(_resolved(declared) for declared in manifests.recordings)]
    if (output or ("json" if wire else "yaml")) == "json":
        print_json(shown)
    else:
        _print_yaml(shown)


def _apps(manifests: "ManifestSet") -> Iterator[dict[str, Any]]:
    from reconciler.manifests.nodes import plain  # noqa: PLC0415 - see command

    for name in sorted(manifests.apps):
        yield _document("App", {"name": name}, plain(manifests.app_nodes[name]))


def _resolved(declared: "Declared") -> dict[str, Any]:
    from reconciler.manifests.nodes import plain  # noqa: PLC0415 - see command

    said = {"name": declared.name, "labels": dict(declared.labels), "renamedFrom": declared.renamed_from}
    metadata = {key: value for key, value in (said | {"annotations": dict(declared.annotations)}).items() if value}
    spec = {"channel": declared.spec.channel} | plain(declared.written)
    spec.pop("profiles", None)
    if isinstance(spec.get("web"), dict):
        spec["web"] = _masked(spec["web"])
    return _document("Recording", metadata, spec)


def _document(kind: str, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> dict[str, Any]:
    from reconciler.manifests.schema import API_VERSION  # noqa: PLC0415 - see command

    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


def _desired(manifests: "ManifestSet", settings: "Settings") -> tuple["Desired", ...]:
    """Derive uids as a first start would: without a ledger there is nothing to remember."""
    from reconciler.cli.accounts import offline_app_ids  # noqa: PLC0415 - see command
    from reconciler.planning.desired import Ground, desire  # noqa: PLC0415 - see command

    ground = Ground(
        set=settings.set,
        app_ids=offline_app_ids(manifests, settings),
        entries={},
        secrets={declared.name: {} for declared in manifests.recordings},
        fingerprint_key=b"",
        uid_range=settings.uid_range,
    )
    return desire(manifests.recordings, ground)


def _bodies(desired: "Desired", now: datetime) -> dict[str, Any]:
    from reconciler.agora import wire  # noqa: PLC0415 - see command

    spec, identity = desired.spec, next(iter(desired.slots.values()))
    token = MASK if spec.token is not None else None
    start = wire.start_body(spec, identity, lambda _: MASK, name=desired.key.name, at=now, token=token)
    bodies = {"name": desired.key.name, "acquire": wire.acquire_body(spec, identity), "start": start}
    if spec.mode == "mix":
        bodies["updateLayout"] = wire.layout_body(spec, identity)
    shown = _masked(bodies)
    assert isinstance(shown, dict)
    return shown


def _masked(value: Any, name: str = "") -> Any:
    """Hide what a page's address has behind its question mark: often a key."""
    if isinstance(value, Mapping):
        return {key: _masked(below, key) for key, below in value.items()}
    if isinstance(value, list):
        return [_masked(one, name) for one in value]
    if name == "url" and isinstance(value, str) and value != MASK:
        from reconciler.agora.wire import masked_url  # noqa: PLC0415 - see command

        return masked_url(value)
    return value


def _print_yaml(documents: list[dict[str, Any]]) -> None:
    import yaml  # noqa: PLC0415 - see command

    from reconciler.manifests.scalars import read_scalar  # noqa: PLC0415 - see command

    class Writer(yaml.SafeDumper):
        """Quotes also what only YAML 1.2 takes for a number, such as 1e3."""

        def ignore_aliases(self, data: Any) -> bool:
            del data
            return True

    def text(writer: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        try:
            plain = read_scalar(value) == value
        except ValueError:
            plain = False
        return writer.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else "'")

    Writer.add_representer(str, text)
    for document in documents:
        written = yaml.dump(document, Dumper=Writer, sort_keys=False, allow_unicode=True, width=120)
        click.echo(printable(f"---\n{written}"), nl=False)
