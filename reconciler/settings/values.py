"""The kinds of value a setting has, and how each is read from a text or from TOML."""

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from reconciler.manifests.hosts import api_problem, is_loopback, split_url
from reconciler.manifests.values import LARGEST_RECORDER_UID, read_duration, refuse, within
from reconciler.model import Secret
from reconciler.render.signing import signing_key

_FEWEST_UIDS: Final = 1000  # fewer would soon be used up, and collide with people
_LARGEST_PORT: Final = 65535
_MILLISECOND: Final = timedelta(milliseconds=1)


@dataclass(frozen=True, slots=True)
class PollInterval:
    """How often a recorder that is at rest is asked about: never sooner than `low`, never later than `high`."""

    low: timedelta
    high: timedelta


class Address(NamedTuple):
    """Where to listen."""

    host: str
    port: int


def _read_poll_interval(value: Any) -> Any:
    if isinstance(value, PollInterval):
        return value
    low, _, high = str(value).partition("..")
    interval = PollInterval(_read_span(low), _read_span(high or low))
    if interval.low < timedelta(seconds=1):
        raise refuse("must be at least 1s")
    if interval.low > interval.high:
        raise refuse("must begin with the shorter of the two, as in 15s..120s")
    return interval


def _read_span(value: Any) -> timedelta:
    return read_duration(value.strip() if isinstance(value, str) else value)


def _read_list(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _read_urls(value: Any) -> Any:
    return [part.rstrip("/") for part in _read_list(value) if part] if isinstance(value, str) else value


def _check_urls(urls: tuple[str, ...]) -> tuple[str, ...]:
    local = set()
    for url in urls:
        parts = split_url(url)
        problem = api_problem(url, {parts.hostname} if parts and parts.hostname else ())
        if problem:
            raise refuse(problem)
        assert parts is not None
        assert parts.hostname is not None, "an address without a problem has a host"
        local.add(is_loopback(parts.hostname))
    if len(local) > 1:
        raise refuse("must not name this machine beside the service: a ledger belongs to one of them")
    return tuple(dict.fromkeys(url.rstrip("/") for url in urls))


def _read_uid_range(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"\s*([0-9]{1,12})\s*-\s*([0-9]{1,12})\s*", value)
    return (int(found[1]), int(found[2])) if found else value


def _check_uid_range(value: tuple[int, int]) -> tuple[int, int]:
    low, high = value
    if not 1 <= low <= high <= LARGEST_RECORDER_UID:
        raise refuse(f"must go upwards, from 1 at the least to {LARGEST_RECORDER_UID} at the most")
    if high - low + 1 < _FEWEST_UIDS:
        raise refuse(f"must hold at least {_FEWEST_UIDS} uids")
    return value


def _read_address(value: Any) -> Any:
    found = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]]*):([0-9]{1,5})", value) if isinstance(value, str) else None
    if found is None or int(found[2]) > _LARGEST_PORT:
        return value
    return Address(found[1].strip("[]") or "0.0.0.0", int(found[2]))  # noqa: S104 - no host means every one


def _read_secret(value: Any) -> Secret:
    if isinstance(value, str):
        value = Secret(value)
    if not isinstance(value, Secret) or not value.reveal():
        raise refuse("must be a text that is not empty")
    if not value.reveal().isprintable():
        raise refuse("must be one line, without control characters")
    return value


def _check_notify(value: Secret) -> Secret:
    parts = split_url(value.reveal())
    if parts is None or parts.scheme not in {"http", "https"}:
        raise refuse("must be an http:// or https:// address")
    return value


def _check_signing(value: Secret) -> Secret:
    try:
        signing_key(value)
    except ValueError:
        raise refuse("must have base64 after whsec_, as `openssl rand -base64 32` prints it") from None
    return value


def _read_percent(value: Any) -> Any:
    return value.strip().removesuffix("%") if isinstance(value, str) else value


def _read_folder(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _in_lower_case(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _in_upper_case(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


_Span = Annotated[timedelta, BeforeValidator(_read_span)]
Span = Annotated[_Span, within(timedelta(), timedelta(days=3660))]  # may be nothing
Wait = Annotated[_Span, within(_MILLISECOND, timedelta(days=1))]
Retention = Annotated[_Span, within(timedelta(days=1), timedelta(days=36600))]
PollIntervalField = Annotated[PollInterval, PlainValidator(_read_poll_interval)]
Waits = Annotated[tuple[Wait, ...], BeforeValidator(_read_list), Field(min_length=1, max_length=20)]
Urls = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_check_urls), BeforeValidator(_read_urls)]
UidRangeField = Annotated[tuple[int, int], AfterValidator(_check_uid_range), BeforeValidator(_read_uid_range)]
SecretText = Annotated[Secret, PlainValidator(_read_secret)]
SecretUrl = Annotated[SecretText, AfterValidator(_check_notify)]
SigningSecret = Annotated[SecretText, AfterValidator(_check_signing)]
Listen = Annotated[Address, BeforeValidator(_read_address)]
Percent = Annotated[float, Field(ge=0, le=100), BeforeValidator(_read_percent)]
Folders = Annotated[tuple[str, ...], Field(min_length=1), BeforeValidator(_read_folder)]
LowerCase = BeforeValidator(_in_lower_case)
UpperCase = BeforeValidator(_in_upper_case)
