"""The kinds of value a manifest is made of: durations, uids, times, names for numbers, references to secrets."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    StrictInt,
    StrictStr,
    Tag,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from reconciler.manifests import codes

SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
LONGEST: Final = timedelta(days=3660)

# The service's pages say 2^32-1, but it refused what lies above 2^31-1 from recorders; users above it were seen.
LARGEST_RECORDER_UID: Final = 2**31 - 1
LARGEST_USER_UID: Final = 2**32 - 1

_UNITS: Final = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND}
_DURATION = re.compile(r"(?:[0-9]{1,12}(?:\.[0-9]{1,9})?[dhms])+|[0-9]{1,12}(?:\.[0-9]{1,9})?")
_UID = re.compile(r"[1-9][0-9]{0,19}")


class Part(BaseModel):
    """A piece of a manifest: frozen, with no fields but its own, named in camelCase on the outside."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        allow_inf_nan=False,
        hide_input_in_errors=True,
    )


def nearest(word: str, among: Iterable[str], cutoff: float = 0.7) -> str | None:
    """Find the word that was probably meant, whatever its case."""
    by_lower = {one.lower(): one for one in among}
    near = difflib.get_close_matches(word.lower()[:100], list(by_lower), n=1, cutoff=cutoff)
    return by_lower[near[0]] if near else None


def refuse(message: str) -> PydanticCustomError:
    """Make the error by which a validator says in its own words what is wrong."""
    return PydanticCustomError("refused", "{message}", {"message": message})


def read_duration(value: object) -> timedelta:
    """Read `90`, `90s`, `5m`, `1h30m`, `24h`, `30d`."""
    if isinstance(value, timedelta):
        return value
    try:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
            return timedelta(seconds=value)
        if isinstance(value, str) and _DURATION.fullmatch(value):
            return _sum_of_parts(value)
    except OverflowError:
        raise refuse("is longer than ten years") from None
    raise refuse("must be a duration such as 90, 90s, 5m, 24h or 30d")


def _sum_of_parts(text: str) -> timedelta:
    if text[-1] not in _UNITS:
        return timedelta(seconds=float(text))
    parts = re.findall(r"([0-9.]+)([dhms])", text)
    return sum((float(number) * _UNITS[unit] for number, unit in parts), timedelta())


def _seconds(value: timedelta) -> int | float:
    seconds = value.total_seconds()
    return int(seconds) if seconds.is_integer() else seconds


def say_duration(value: timedelta) -> str:
    """Write a duration the way a manifest does, in the largest unit that fits."""
    for unit, size in _UNITS.items():
        if value and not value % size:
            return f"{value // size}{unit}"
    return f"{_seconds(value)}s" if value else "0"


def within(low: timedelta, high: timedelta, whole: str = "") -> AfterValidator:
    """Bound a duration, and ask for whole units (`s`, `m`, `h`) where the service counts in them."""

    def check(value: timedelta) -> timedelta:
        if not low <= value <= high:
            raise refuse(f"must be from {say_duration(low)} to {say_duration(high)}")
        if whole and value % _UNITS[whole]:
            raise refuse(f"must be whole {({'s': 'seconds', 'm': 'minutes', 'h': 'hours'})[whole]}")
        return value

    return AfterValidator(check)


Duration = Annotated[
    timedelta,
    BeforeValidator(read_duration),
    PlainSerializer(_seconds, return_type=float | int),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": r"^(([0-9]+(\.[0-9]+)?[dhms])+|[0-9]+(\.[0-9]+)?)$"},
            ]
        }
    ),
]
Span = Annotated[Duration, within(timedelta(), LONGEST)]


def read_moment(value: object) -> datetime:
    """Read ISO 8601 with a zone; the answer is in UTC."""
    if isinstance(value, datetime):
        moment = value
    elif isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise refuse("must be a time such as 2026-01-31T09:00:00+01:00") from None
    else:
        raise refuse("must be a time such as 2026-01-31T09:00:00+01:00")
    if moment.tzinfo is None:
        raise refuse("needs a zone: end it with Z or an offset such as +01:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise refuse("is a time beyond the calendar") from None


Moment = Annotated[
    datetime, BeforeValidator(read_moment), WithJsonSchema({"type": "string", "examples": ["2026-01-31T09:00:00Z"]})
]


def _read_expiry(value: object) -> object:
    return int(read_moment(value).timestamp()) if isinstance(value, str | datetime) else value


UnixSeconds = Annotated[StrictInt, BeforeValidator(_read_expiry, json_schema_input_type=int | str), Field(gt=0)]


def _uid_up_to(largest: int, why: str) -> BeforeValidator:
    def read(value: object) -> int:
        if isinstance(value, str) and _UID.fullmatch(value):
            value = int(value)
        if not isinstance(value, int) or isinstance(value, bool):
            raise refuse("must be an integer uid; the service knows no other kind")
        if not 1 <= value <= largest:
            raise refuse(f"must be from 1 to {largest}{why if value > largest else ''}")
        return value

    return BeforeValidator(read, json_schema_input_type=int | str)


RecorderUid = Annotated[int, _uid_up_to(LARGEST_RECORDER_UID, ": the service refuses larger uids from recorders")]
UserUid = Annotated[int, _uid_up_to(LARGEST_USER_UID, "")]


def _alone_to_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _uid_count(value: tuple[int, ...]) -> tuple[int, ...]:
    if len(value) not in {1, 2, 4}:
        raise refuse("takes one uid, two (slots A and B), or four with `copies: 2`")
    if len(set(value)) != len(value):
        raise refuse("names the same uid twice; each slot needs its own")
    return value


RecorderUids = Annotated[
    tuple[RecorderUid, ...],
    AfterValidator(_uid_count),
    BeforeValidator(_alone_to_list, json_schema_input_type=int | str | list[int | str]),
]


def _distinct(value: tuple[int, ...]) -> tuple[int, ...]:
    if len(set(value)) != len(value):
        raise refuse("names the same uid twice")
    return value


UserUids = Annotated[tuple[UserUid, ...], Field(min_length=1, max_length=32), AfterValidator(_distinct)]


def _all_or_list(value: object) -> str | None:
    if isinstance(value, list | tuple):
        return "<uids>"
    return "<all>" if value == "all" else None


Subscribed = Annotated[
    Annotated[Literal["all"], Tag("<all>")] | Annotated[UserUids, Tag("<uids>")],
    Discriminator(_all_or_list, custom_error_type="refused", custom_error_message="must be all, or a list of uids"),
]


def _or_number(numbers: Mapping[str, int]) -> BeforeValidator:
    names = {number: name for name, number in numbers.items()}

    def read(value: object) -> object:
        return names.get(value, value) if isinstance(value, int) and not isinstance(value, bool) else value

    return BeforeValidator(read, json_schema_input_type=Literal[*numbers, *numbers.values()])


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


ChannelType = Annotated[Literal["communication", "live"], _or_number(codes.CHANNEL_TYPES)]
Streams = Annotated[Literal["audio", "video", "both"], _or_number(codes.STREAM_TYPES)]
VideoQuality = Annotated[Literal["high", "low"], _or_number(codes.VIDEO_QUALITIES)]
LayoutType = Annotated[Literal["floating", "bestFit", "vertical", "custom"], _or_number(codes.LAYOUT_TYPES)]
Fit = Annotated[Literal["crop", "contain"], _or_number(codes.FITS)]
EncryptionMode = Annotated[
    Literal[
        "aes-128-xts",
        "aes-128-ecb",
        "aes-256-xts",
        "sm4-128-ecb",
        "aes-128-gcm",
        "aes-256-gcm",
        "aes-128-gcm2",
        "aes-256-gcm2",
    ],
    _or_number(codes.ENCRYPTION_MODES),
]
Vendor = Annotated[
    Literal["s3", "aliyun", "tencent", "azure", "gcs", "huawei", "baidu", "s3compatible"],
    _or_number(codes.VENDORS),
]
ServiceRegion = Annotated[
    Literal["cn", "ap", "eu", "na"],
    BeforeValidator(_lower, json_schema_input_type=Literal["cn", "ap", "eu", "na", "CN", "AP", "EU", "NA"]),
]
AudioProfile = Annotated[Literal[0, 1, 2], BeforeValidator(lambda value: None if isinstance(value, bool) else value)]


Text = Annotated[StrictStr, Field(min_length=1)]
NAME_PATTERN: Final = r"^[a-z0-9]([-a-z0-9.]{0,61}[a-z0-9])?$"
Name = Annotated[StrictStr, Field(pattern=NAME_PATTERN)]


class EnvRef(Part):
    """A secret in an environment variable."""

    env: Annotated[StrictStr, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class FileRef(Part):
    """A secret in a file; one newline at its end is not part of it."""

    file: Text


def _kind_of_reference(value: object) -> str | None:
    if isinstance(value, EnvRef) or (isinstance(value, Mapping) and "env" in value):
        return "<env>"
    if isinstance(value, FileRef) or (isinstance(value, Mapping) and "file" in value):
        return "<file>"
    return None


SecretRef = Annotated[
    Annotated[EnvRef, Tag("<env>")] | Annotated[FileRef, Tag("<file>")],
    Discriminator(
        _kind_of_reference,
        custom_error_type="refused",
        custom_error_message="takes a reference to a secret, never the secret: write {env: NAME} or {file: PATH}",
    ),
]


def _text_or_reference(value: object) -> str:
    return "<text>" if isinstance(value, str) else "<reference>"


TextOrRef = Annotated[
    Annotated[Text, Tag("<text>")] | Annotated[SecretRef, Tag("<reference>")], Discriminator(_text_or_reference)
]
