"""References to secrets: which are allowed, where they are in a spec, and how the value behind one is read."""

import fnmatch
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.errors import Place
from reconciler.manifests.files import STDIN_NAME
from reconciler.manifests.nodes import dotted
from reconciler.manifests.values import EnvRef, FileRef, Part, SecretRef
from reconciler.model import Secret

MAX_BYTES: Final = 64 * 2**10
_OWN_PREFIX: Final = "RECONCILER_"
_DEFAULT_FOLDER: Final = "/run/secrets"


@dataclass(frozen=True, slots=True)
class Policy:
    """What the settings allow manifests to name."""

    allowed_api_hosts: frozenset[str] = frozenset()
    secrets_dirs: tuple[str, ...] | None = None  # None: not set
    secrets_env: str | None = None  # globs with commas between them; None: not set
    from_git: bool = False


@dataclass(frozen=True, slots=True)
class SecretMissing:
    """A reference behind which there is no usable value."""

    ref: SecretRef
    place: Place
    why: str  # e.g. "the environment variable KEY is not set"


def secret_references(spec: Part) -> tuple[tuple[str, SecretRef], ...]:
    """List every reference of a spec with its dotted path, e.g. `storage.accessKey` or `token[0]`."""
    return tuple((dotted(path), ref) for path, ref in references(spec))


def references(value: object, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], SecretRef]]:
    """Walk every reference of a spec with its path."""
    if isinstance(value, EnvRef | FileRef):
        yield path, value
    elif isinstance(value, Part):
        for name, field in type(value).model_fields.items():
            yield from references(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, tuple):
        for index, item in enumerate(value):
            yield from references(item, (*path, index))


def reference_problem(ref: SecretRef, place: Place, policy: Policy) -> str | None:
    """Say why a manifest may not name this, if so; whether there is a value behind it is not asked."""
    if isinstance(ref, EnvRef):
        return _env_problem(ref.env, policy)
    found = _located(ref, place, policy)
    return None if isinstance(found, _Found) else found


def question(ref: SecretRef, place: Place) -> tuple[str, ...]:
    """Say what the answer of `reference_problem` depends on, besides the policy and the disk."""
    return (ref.env,) if isinstance(ref, EnvRef) else (ref.file, _folder_of(place))


def _env_problem(name: str, policy: Policy) -> str | None:
    if name.startswith(_OWN_PREFIX):
        return f"must not name {_OWN_PREFIX}… variables: they are this program's own"
    globs = policy.secrets_env if policy.secrets_env is not None else ("" if policy.from_git else "*")
    if any(fnmatch.fnmatchcase(name, glob.strip()) for glob in globs.split(",")):
        return None
    return "names a variable that RECONCILER_SECRETS_ENV does not allow"


@dataclass(frozen=True, slots=True)
class _Found:
    """Where a file reference leads, and the folder it must not leave."""

    path: str
    folder: str


def _folders(place: Place, policy: Policy) -> tuple[str, ...]:
    if policy.secrets_dirs is not None:
        return policy.secrets_dirs
    if policy.from_git:
        return ()
    return (_DEFAULT_FOLDER, _folder_of(place))


def _folder_of(place: Place) -> str:
    return "." if place.file == STDIN_NAME else os.path.dirname(place.file) or "."  # noqa: PTH120 - a string is at hand


def _located(ref: FileRef, place: Place, policy: Policy) -> _Found | str:
    inside = []
    for folder in _folders(place, policy):
        base = os.path.abspath(folder)  # noqa: PTH100 - its links are looked at below
        path = os.path.normpath(os.path.join(base, ref.file))  # noqa: PTH118 - `..` must be worked out first
        if "\0" not in path and _is_inside(path, base):
            inside.append(_Found(path, base))
    if not inside:
        return "must name a file inside RECONCILER_SECRETS_DIR" + _or_beside(policy)
    found = next((one for one in inside if os.path.lexists(one.path)), inside[0])
    if not _is_inside(os.path.realpath(found.path), os.path.realpath(found.folder)):
        return "is a link that leads out of the folder of secrets"
    return found


def _or_beside(policy: Policy) -> str:
    if policy.secrets_dirs is not None:
        return ""
    return ", which is not set" if policy.from_git else f" ({_DEFAULT_FOLDER}) or in the folder of the manifest"


def _is_inside(path: str, folder: str) -> bool:
    return path != folder and os.path.commonpath([path, folder]) == folder


def read_secret(ref: SecretRef, *, place: Place, policy: Policy, environ: Mapping[str, str]) -> Secret | SecretMissing:
    """Read the value behind a reference that stands at `place`; one newline at the end of a file is not part of it."""
    problem = reference_problem(ref, place, policy)
    if problem is not None:
        return SecretMissing(ref, place, f"the reference {problem}")
    value = _read_env(ref, environ) if isinstance(ref, EnvRef) else _read_file(ref, place, policy)
    return value if isinstance(value, Secret) else SecretMissing(ref, place, value)


def _read_env(ref: EnvRef, environ: Mapping[str, str]) -> Secret | str:
    value = environ.get(ref.env)
    if value:
        return Secret(value)
    return f"the environment variable {ref.env} is {'not set' if value is None else 'empty'}"


def _read_file(ref: FileRef, place: Place, policy: Policy) -> Secret | str:
    found = _located(ref, place, policy)
    assert isinstance(found, _Found), "asked a moment ago"
    value = _read(found.path)
    return value if isinstance(value, Secret) else f"the file {ref.file} {value}"


def _read(path: str) -> Secret | str:
    try:
        # Not blocking: a pipe nobody writes to would never be read.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return "is not a regular file"
            data = file.read(MAX_BYTES + 1)
    except OSError as wrong:
        return f"cannot be read: {(wrong.strerror or 'unknown').lower()}"
    if len(data) > MAX_BYTES:
        return "is larger than 64 KiB"
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "is not UTF-8"
    text = text.removesuffix("\r\n") if text.endswith("\r\n") else text.removesuffix("\n")
    return Secret(text) if text else "is empty"
