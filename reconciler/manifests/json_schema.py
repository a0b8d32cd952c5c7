"""JSON Schema (draft-07) for editors, made from the models. It knows fields and values, not the rules between them."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from reconciler.manifests.documents import KINDS
from reconciler.manifests.profiles import NOT_SHARED
from reconciler.manifests.schema import API_VERSION, AppSpec, Metadata, RecordingSpec

_DIALECT: Final = "http://json-schema.org/draft-07/schema#"
_DEFINITIONS: Final = "#/definitions/{model}"
# Parts of a recording that a profile may give one half of, so that nothing in them is required of one document.
_MERGED: Final = frozenset(
    {
        "RecordingSpec",
        "Capture",
        "Encryption",
        "MintedToken",
        "Subscribe",
        "Video",
        "Layout",
        "Files",
        "Snapshots",
        "Web",
        "Storage",
    }
)
SUPPORTED: Final = tuple(kind for kind in KINDS if kind != "RecordingSet")


def json_schema(kind: str | None = None) -> dict[str, Any]:
    """Make the schema of one kind, or of any document when no kind is named."""
    definitions = _definitions()
    for one in SUPPORTED:
        definitions[one] = _document(one)
    top = {"$ref": _ref(kind)} if kind is not None else _by_kind()
    reachable = _reachable(top, definitions)
    return {
        "$schema": _DIALECT,
        "title": f"{kind or 'Manifest'} of {API_VERSION}",
        **({"allOf": [top]} if kind is not None else top),
        "definitions": {name: definitions[name] for name in sorted(reachable)},
    }


def _by_kind() -> dict[str, Any]:
    # By if and then, not oneOf: an editor then complains about the field, not about the whole document.
    return {
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {"kind": {"enum": list(SUPPORTED)}},
        "allOf": [
            {"if": {"properties": {"kind": {"const": kind}}, "required": ["kind"]}, "then": {"$ref": _ref(kind)}}
            for kind in SUPPORTED
        ],
    }


def _document(kind: str) -> dict[str, Any]:
    spec = {"Recording": "RecordingSpec", "Profile": "ProfileSpec", "App": "AppSpec"}[kind]
    return {
        "type": "object",
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
        "properties": {
            "apiVersion": {"const": API_VERSION},
            "kind": {"const": kind},
            "metadata": {"$ref": _ref("Metadata")},
            "spec": {"$ref": _ref(spec)},
        },
    }


def _ref(name: str) -> str:
    return _DEFINITIONS.format(model=name)


def _definitions() -> dict[str, Any]:
    _, made = models_json_schema(
        [(RecordingSpec, "validation"), (AppSpec, "validation"), (Metadata, "validation")],
        by_alias=True,
        ref_template=_DEFINITIONS,
    )
    definitions: dict[str, Any] = {name: _draft_07(definition) for name, definition in made["$defs"].items()}
    for name in _MERGED:
        definitions[name].pop("required", None)
        for field, said in definitions[name]["properties"].items():
            definitions[name]["properties"][field] = _or_null(said)
    recording = definitions["RecordingSpec"]
    shared = {field: said for field, said in recording["properties"].items() if field not in NOT_SHARED}
    definitions["ProfileSpec"] = {**recording, "title": "ProfileSpec", "properties": shared}
    return definitions


def _or_null(said: Mapping[str, Any]) -> Mapping[str, Any]:
    """Allow null, which takes away what a profile says."""
    if {"type": "null"} in said.get("anyOf", ()):
        return said
    notes = {key: said[key] for key in ("default", "title", "description") if key in said}
    return {"anyOf": [{key: part for key, part in said.items() if key not in notes}, {"type": "null"}], **notes}


def _draft_07(said: Any) -> Any:
    """Write tuples and constants the way the older draft does, which editors know best."""
    if isinstance(said, list):
        return [_draft_07(part) for part in said]
    if not isinstance(said, dict):
        return said
    plain = {key: _draft_07(part) for key, part in said.items() if key != "discriminator"}
    if "prefixItems" in plain:
        plain["items"] = plain.pop("prefixItems")
    return plain


def _reachable(top: Any, definitions: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting = [top]
    while waiting:
        said = waiting.pop()
        if isinstance(said, dict):
            name = str(said.get("$ref", "")).rsplit("/", 1)[-1]
            if name and name not in found:
                found.add(name)
                waiting.append(definitions[name])
            waiting.extend(said.values())
        elif isinstance(said, list):
            waiting.extend(said)
    return found
