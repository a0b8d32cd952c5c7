"""When a recording is wanted: windows, and what cron texts and zones are; when they fall is decided elsewhere."""

import functools
import zoneinfo
from collections.abc import Mapping
from datetime import datetime, timedelta
from importlib import resources
from typing import Annotated

from cronsim import CronSim, CronSimError
from pydantic import BeforeValidator, Discriminator, Field, Tag, TypeAdapter

from reconciler.manifests.nodes import said
from reconciler.manifests.values import LONGEST, SECOND, Duration, Moment, Part, Span, Text, nearest, within


class Window(Part):
    """From one moment to another, both in UTC; either edge may be open."""

    from_: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None
    start_early: Span = timedelta()
    overrun: Span = timedelta()


class CronWindow(Part):
    cron: Text
    duration: Annotated[Duration, within(SECOND, LONGEST)]
    timezone: Text
    start_early: Span = timedelta()
    overrun: Span = timedelta()


def _kind_of_window(value: object) -> str:
    repeats = isinstance(value, CronWindow) or (
        isinstance(value, Mapping) and bool({"cron", "duration", "timezone"} & {*value})
    )
    return "<cron>" if repeats else "<window>"


def _window_to_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


_Window = Annotated[
    Annotated[Window, Tag("<window>")] | Annotated[CronWindow, Tag("<cron>")], Discriminator(_kind_of_window)
]
Schedule = Annotated[
    tuple[_Window, ...],
    Field(min_length=1),
    BeforeValidator(_window_to_list, json_schema_input_type=_Window | list[_Window]),
]


def read_schedule(written: object) -> Schedule:
    """Read a schedule as it was written down as JSON."""
    read: Schedule = TypeAdapter(Schedule).validate_python(said(written))
    return read


@functools.lru_cache(maxsize=1024)
def cron_problem(text: str) -> str | None:
    """Say what is wrong with a cron text, if anything."""
    if len(text.split()) != 5:
        return "must have five parts: minute, hour, day of month, month, day of week"
    try:
        next(CronSim(text, datetime(2024, 1, 1)))  # noqa: DTZ001 - any moment will do, no zone is meant
    except CronSimError as wrong:
        return f"is not a cron text: {str(wrong).lower()}"
    except (StopIteration, ValueError, OverflowError):
        return "never comes: there is no such day"
    return None


@functools.lru_cache(maxsize=1024)
def zone_problem(name: str) -> str | None:
    """Say what is wrong with the name of a zone, if anything."""
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        known = resources.files("tzdata").joinpath("zones").read_text("utf-8").split()
        near = nearest(name, known)
        return "is no zone of the IANA database" + (f"; did you mean {near}?" if near else ", such as Europe/Berlin")
    return None
