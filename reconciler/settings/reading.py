"""From variables and the settings file to settings: where each was said, and everything that is wrong at once."""

import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

from reconciler.errors import SettingsError
from reconciler.manifests.values import nearest
from reconciler.model import Secret
from reconciler.settings.file import PREFIX, SettingsFile, read_file
from reconciler.settings.model import SOURCES, Settings

_SECRETS: Final = (
    "customer_id",
    "customer_secret",
    "webhook_secret",
    "page_token",
    "notify_url",
    "notify_secret",
)
_FILE: Final = "_file"
_NEAR: Final = 0.6  # names are short: QSP and QPS are no nearer
_LARGEST_SECRET: Final = 64 * 2**10
_EMPTY_MEANS_SOMETHING: Final = "secrets_env"  # nothing is allowed, which is not the same as unset
# A container platform describes a service called "reconciler" in variables like these.
_OF_OTHERS: Final = re.compile(r"(?:[A-Z0-9_]+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_.+)?|PORT(?:_[0-9]+_.+)?)|NAME|ENV_.+")


@dataclass(slots=True)
class _Heard:
    """What one source says: values by field, where each stands, and what is wrong already."""

    values: dict[str, Any] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


class _Source(PydanticBaseSettingsSource):
    """Hands in what was heard."""

    def __init__(self, heard: _Heard) -> None:
        super().__init__(Settings)
        self._heard = heard

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        return self._heard.values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._heard.values


def load(environ: Mapping[str, str], cwd: Path, warn: Callable[[str], None] | None) -> Settings:
    """See `reconciler.settings.load_settings`."""
    variables = _from_variables(environ)
    file = _from_file(read_file(cwd), overridden=variables.places.keys())
    for line in _slips(environ):
        (warn or _say)(line)
    faults = variables.faults + file.faults
    places = file.places | variables.places
    handed: dict[str, Any] = {SOURCES: (_Source(variables), _Source(file))}
    try:
        settings = Settings(**handed)
    except ValidationError as wrong:
        faults += _faults_of(wrong, places)
    if faults:
        raise SettingsError("\n".join(faults))
    return settings


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _from_variables(environ: Mapping[str, str]) -> _Heard:
    said = {name: environ[_variable(name)] for name in _names() if environ.get(_variable(name), "").strip()}
    if _variable(_EMPTY_MEANS_SOMETHING) in environ:
        said[_EMPTY_MEANS_SOMETHING] = environ[_variable(_EMPTY_MEANS_SOMETHING)]
    return _heard(said, _variable)


def _from_file(file: SettingsFile, overridden: Collection[str]) -> _Heard:
    """Take what no variable says otherwise: a file with a secret that is not needed need not be there."""
    known = tuple(_names())
    said = {key: value for key, value in file.values.items() if key in known}
    heard = _heard({key: value for key, value in said.items() if key.removesuffix(_FILE) not in overridden}, file.place)
    for key in file.values:
        if key not in known:
            near = nearest(key.lower().removeprefix(PREFIX.lower()), known, _NEAR)
            heard.faults.append(
                f"{file.place(key)}: there is no such setting{f'; did you mean {near}?' if near else ''}"
            )
    return heard


def _names() -> Iterator[str]:
    yield from Settings.model_fields
    yield from (name + _FILE for name in _SECRETS)


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _heard(said: Mapping[str, Any], place: Callable[[str], str]) -> _Heard:
    heard = _Heard()
    for name, value in said.items():
        plain = name.removesuffix(_FILE)
        if plain == name:
            heard.values[name] = value.strip() if isinstance(value, str) and name not in _SECRETS else value
            heard.places[name] = place(name)
        elif plain in said:
            heard.faults.append(f"{place(name)}: is given beside {place(plain)}: leave one of them out")
        else:
            read = _read(value)
            if isinstance(read, Secret):
                heard.values[plain] = read
                heard.places[plain] = place(name)
            else:
                heard.faults.append(f"{place(name)}: {read}")
    return heard


def _read(path: object) -> Secret | str:
    """Read a secret; the words for what is wrong leave the path out, for it may be the secret itself, misplaced."""
    if not isinstance(path, str):
        return "must be a path: put quotes around it"
    try:
        with Path(path).open("rb") as file:
            text = file.read(_LARGEST_SECRET + 1).decode("utf-8")
    except (OSError, ValueError) as wrong:
        why = wrong.strerror if isinstance(wrong, OSError) and wrong.strerror else "it is not a text in UTF-8"
        return f"the file with the secret cannot be read: {why[0].lower()}{why[1:]}"
    if len(text) > _LARGEST_SECRET:
        return "the file with the secret is larger than 64 KiB"
    return Secret(text.removesuffix("\n").removesuffix("\r"))


def _faults_of(error: ValidationError, places: Mapping[str, str]) -> Iterator[str]:
    named = set()
    for one in error.errors(include_url=False, include_input=False, include_context=False):
        name = str(one["loc"][0])
        if name in named:
            continue
        named.add(name)
        own_words = one["msg"] if one["type"] == "refused" else f"must be {Settings.model_fields[name].description}"
        yield f"{places.get(name, _variable(name))}: {own_words}"


def _slips(environ: Mapping[str, str]) -> Iterator[str]:
    """Find variables nobody reads; names that container platforms make up are left alone."""
    known = {_variable(name) for name in _names()}
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known or _OF_OTHERS.fullmatch(name.removeprefix(PREFIX)):
            continue
        near = nearest(name.removeprefix(PREFIX), (one.removeprefix(PREFIX) for one in known), _NEAR)
        yield f"warning: {name} is no setting and has no effect{f'; did you mean {PREFIX}{near}?' if near else ''}"
