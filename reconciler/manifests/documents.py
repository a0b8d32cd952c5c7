"""What a document is: its kind, its name and where its spec begins. What the spec says is checked elsewhere."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

from pydantic import ValidationError

from reconciler.errors import Fault, Place
from reconciler.manifests.cache import Cache
from reconciler.manifests.names import API_NAMES
from reconciler.manifests.nodes import Document, Mapping_, Node, Scalar, key_place, place, plain, step, without_nulls
from reconciler.manifests.schema import API_VERSION, Metadata
from reconciler.manifests.values import nearest
from reconciler.manifests.wording import faults_of
from reconciler.manifests.yamltext import MAX_FAULTS

KINDS: Final = ("Recording", "RecordingSet", "Profile", "App")
_FIELDS: Final = ("apiVersion", "kind", "metadata", "spec")


class Declaration(NamedTuple):
    """One document whose head is in order."""

    kind: str
    metadata: Metadata
    place: Place  # of its name
    spec: Mapping_
    metadata_node: Mapping_


def read_heads(documents: Sequence[Document], faults: list[Fault], cache: Cache) -> list[Declaration]:
    """Read the head of every document; what is wrong goes to `faults`."""
    found = []
    for document in documents:
        if len(faults) > MAX_FAULTS:
            faults.append(Fault(place(document.root), f"more than {MAX_FAULTS} faults; the rest was not checked"))
            break
        declaration, wrong = cache.by_identity("head", (document,), partial(_read_head, document.root))
        faults += wrong
        if declaration is not None:
            found.append(declaration)
    return found


def _read_head(root: Node) -> tuple[Declaration | None, list[Fault]]:
    if not isinstance(root, Mapping_):
        message = f"a manifest is a mapping with apiVersion: {API_VERSION}, kind, metadata and spec"
        return None, [Fault(place(root), message)]
    faults = [*_unknown_fields(root), *_api_version(root)]
    kind = _kind(root, faults)
    metadata, metadata_node = _metadata(root, faults)
    spec = step(root, "spec")
    if spec is None or (isinstance(spec, Scalar) and spec.value is None):
        faults.append(Fault(place(root) if spec is None else key_place(root, "spec"), "`spec` is missing"))
    elif not isinstance(spec, Mapping_):
        faults.append(Fault(place(spec), "`spec` must be a mapping"))
    if kind is None or metadata is None or metadata_node is None or not isinstance(spec, Mapping_):
        return None, faults
    name = metadata_node.entries["name"]
    return Declaration(kind, metadata, place(name), spec, metadata_node), faults


def _unknown_fields(root: Mapping_) -> Iterator[Fault]:
    for key in root.entries.keys() - set(_FIELDS):
        near = nearest(key, _FIELDS)
        hint = f"did you mean `{near}`?" if near else f"a manifest has {', '.join(_FIELDS)}"
        if key in API_NAMES:
            hint = "the fields of a recording are under `spec`"
        yield Fault(key_place(root, key), f"there is no field `{key[:60]}` here; {hint}")


def _api_version(root: Mapping_) -> Iterator[Fault]:
    version = step(root, "apiVersion")
    if version is None:
        yield Fault(place(root), f"`apiVersion` is missing: write apiVersion: {API_VERSION}")
    elif not isinstance(version, Scalar) or version.value != API_VERSION:
        yield Fault(place(version), f"`apiVersion` must be {API_VERSION}")


def _kind(root: Mapping_, faults: list[Fault]) -> str | None:
    kind = step(root, "kind")
    if kind is None:
        faults.append(Fault(place(root), f"`kind` is missing: one of {', '.join(KINDS)}"))
        return None
    if isinstance(kind, Scalar) and kind.value in KINDS:
        if kind.value == "RecordingSet":
            faults.append(Fault(place(kind), "RecordingSet is not supported by this version yet: write Recordings"))
            return None
        return str(kind.value)
    near = nearest(kind.value, KINDS) if isinstance(kind, Scalar) and isinstance(kind.value, str) else None
    message = f"`kind` must be one of {', '.join(KINDS)}" + (f"; did you mean {near}?" if near else "")
    faults.append(Fault(place(kind), message))
    return None


def _metadata(root: Mapping_, faults: list[Fault]) -> tuple[Metadata | None, Mapping_ | None]:
    node = step(root, "metadata")
    if node is None:
        faults.append(Fault(place(root), "`metadata` is missing: it holds the name"))
        return None, None
    if not isinstance(node, Mapping_):
        faults.append(Fault(key_place(root, "metadata"), "`metadata` must be a mapping that holds the name"))
        return None, None
    node = without_nulls(node)
    try:
        return Metadata.model_validate(plain(node)), node
    except ValidationError as wrong:
        # A fault says which block it is about, so the validator is shown the block inside its parent.
        faults += (
            Fault(one.place, one.message.replace("`", "`metadata.", 1) if one.message.startswith("`") else one.message)
            for one in faults_of(wrong, node, Metadata)
        )
        return None, None
