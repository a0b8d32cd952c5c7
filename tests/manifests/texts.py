"""Manifests that several tests start from."""

from pathlib import Path
from typing import Any

from reconciler.errors import ManifestError
from reconciler.manifests.accept import ManifestSet, Policy, accept

API = "apiVersion: recordings.reconciler/v1\n"
STORAGE = "{vendor: s3, region: us-east-1, bucket: b, accessKey: {env: A}, secretKey: {env: B}}"


def recording(name: str, *lines: str, storage: str = STORAGE, metadata: str = "") -> str:
    """Write a recording; the lines are fields of its spec."""
    head = f"{API}kind: Recording\nmetadata: {{name: {name}{metadata}}}\nspec:\n"
    return head + (f"  storage: {storage}\n" if storage else "") + "".join(f"  {line}\n" for line in lines)


def profile(name: str, *lines: str) -> str:
    return f"{API}kind: Profile\nmetadata: {{name: {name}}}\nspec:\n" + "".join(f"  {line}\n" for line in lines)


def accepted(*documents: str, policy: Policy | None = None) -> ManifestSet:
    return accept(["-"], stdin="---\n".join(documents).encode(), policy=policy or Policy())


def faults(*paths: Path | str, **more: Any) -> list[str]:
    """List what is wrong; nothing if all is well."""
    try:
        accept([str(path) for path in paths], **{"policy": Policy(), **more})
    except ManifestError as refused:
        return [str(fault) for fault in refused.faults]
    return []
