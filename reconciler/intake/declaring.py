"""An accepted set as the ledger keeps it, and back: references only, so a secret part of an address is left out."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from reconciler.errors import Place
from reconciler.ledger.standings import Declaration
from reconciler.ledger.standings import Place as Row
from reconciler.manifests.accept import Declared, ManifestSet
from reconciler.manifests.nodes import Mapping_, said
from reconciler.manifests.schema import AppSpec, RecordingSpec
from reconciler.planning.changes import MASK
from reconciler.planning.desired import shown_address


def changed_declarations(
    manifests: ManifestSet, before: ManifestSet, kept: Mapping[Row, Declaration]
) -> dict[Row, Declaration]:
    """Write down what differs from what is kept; what is no longer in the set stays as a name of the source's own."""
    same = {one.name: one for one in before.recordings}
    found: dict[Row, Declaration] = {}
    for one in manifests.recordings:
        row: Row = ("Recording", one.name)
        if row not in kept or not kept[row].in_force or same.get(one.name) is not one:
            found[row] = _recording(one)
    for name, app in manifests.apps.items():
        node = manifests.app_nodes[name]
        dumped = app.model_dump(mode="json", by_alias=True)
        found["App", name] = Declaration(dumped, node.file, node.line, node.column)
    present = {("Recording", one.name) for one in manifests.recordings} | found.keys()
    found |= {row: replace(one, in_force=False) for row, one in kept.items() if row not in present and one.in_force}
    return {row: one for row, one in found.items() if kept.get(row) != one}


def _recording(one: Declared) -> Declaration:
    """Pages are kept without their query strings, which often carry a key."""
    spec = one.spec.model_dump(mode="json", by_alias=True)
    if one.spec.web is not None and isinstance(one.spec.web.url, str):
        spec["web"]["url"] = shown_address(one.spec.web.url)
    place = one.place
    return Declaration(spec, place.file, place.line, place.column, one.labels, one.annotations, one.renamed_from)


def manifests_of(kept: Mapping[Row, Declaration], revision: str) -> ManifestSet:
    """Read the set in force; what is no longer in it is left out."""
    in_force = {place: one for place, one in kept.items() if one.in_force}
    apps = {name: one for (kind, name), one in in_force.items() if kind == "App"}
    return ManifestSet(
        recordings=tuple(sorted(_recordings(in_force), key=lambda one: one.name)),
        apps={name: AppSpec.model_validate(said(one.spec)) for name, one in apps.items()},
        revision=revision,
        app_nodes={name: _node(one) for name, one in apps.items()},
    )


def lacks_address(declared: Declared) -> bool:
    """Tell whether the page's query string was left out when the recording was written down."""
    web = declared.spec.web
    return web is not None and isinstance(web.url, str) and web.url.endswith(f"?{MASK}")


def _recordings(kept: Mapping[Row, Declaration]) -> Iterator[Declared]:
    for (kind, name), one in kept.items():
        if kind == "Recording":
            yield Declared(
                name=name,
                # In a patch a null means something.
                spec=RecordingSpec.model_validate({**said(one.spec), "overrides": one.spec["overrides"]}),
                place=Place(one.file, one.line, one.column),
                labels=one.labels,
                annotations=one.annotations,
                renamed_from=one.renamed_from,
                written=_node(one),
            )


def _node(one: Declaration) -> Mapping_:
    return Mapping_(one.file, one.line, one.column, {}, {})
