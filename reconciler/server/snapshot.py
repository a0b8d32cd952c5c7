"""How a daemon stands at one moment, as gauges. Everything here is known already: nothing is asked for a scrape."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import get_args

from prometheus_client.metrics_core import GaugeMetricFamily, Metric

from reconciler.agora.pace import Band
from reconciler.planning.phases import Phase
from reconciler.planning.standing import Standing


@dataclass(frozen=True, slots=True)
class Usage:
    """How much of an App ID's quota and room is used."""

    rate: float  # calls per second that may leave now
    waiting: Mapping[Band, int]  # calls that wait for their time
    slowed_for: timedelta  # how long the rate stays lowered after a 429; 0: it is not
    recorders: int  # that live, or may live
    most_recorders: int | None  # None: nobody has set a limit
    is_refused: bool  # its calls have ceased
    names: tuple[str, ...] = ()  # of the Apps that have this App ID; none where a session outlived its App


@dataclass(frozen=True, slots=True)
class Snapshot:
    """How a daemon stands at `at`."""

    at: datetime
    standing: Standing
    apps: Mapping[str, Usage] = field(default_factory=dict)  # by App ID: it has the quota, whatever Apps are named
    phases: Mapping[Phase, int] = field(default_factory=dict)
    drifting_for: timedelta = timedelta()  # of the recording that is other than declared for longest; 0: none is
    control_left: timedelta | None = None  # of the recorder whose control ends first; None: nothing runs
    unheard_for: timedelta | None = None  # of the recorder that was last heard of longest ago; None: nothing runs
    is_frozen: bool = False


def gauges(snapshot: Snapshot) -> Iterator[Metric]:
    yield _labelled(
        "reconciler_recordings",
        "Recordings of the set, by phase.",
        "phase",
        {phase: snapshot.phases.get(phase, 0) for phase in get_args(Phase)},
    )
    yield _gauge(
        "reconciler_drift_seconds",
        "How long the longest drifting recording has been other than declared; 0 when none is.",
        snapshot.drifting_for,
    )
    yield _gauge(
        "reconciler_control_expires_seconds",
        "Until the first of the running recorders can no longer be asked, updated or stopped.",
        snapshot.control_left,
    )
    yield _gauge(
        "reconciler_poll_age_seconds",
        "How long ago the service last answered about the recorder that was answered for longest ago.",
        snapshot.unheard_for,
    )
    yield _gauge("reconciler_frozen", "1 while a person has ordered to observe only.", snapshot.is_frozen)
    yield from _of_the_source(snapshot.standing, snapshot.at)
    yield from _of_the_apps(snapshot.apps)


def _of_the_source(standing: Standing, at: datetime) -> Iterator[Metric]:
    accepted_at = standing.accepted_at
    yield _gauge(
        "reconciler_source_accepted_timestamp_seconds",
        "When the revision in force was accepted, in Unix time.",
        accepted_at.timestamp() if accepted_at else None,
    )
    yield _gauge(
        "reconciler_source_revision_age_seconds",
        "How long the revision in force has been in force.",
        max(at - accepted_at, timedelta()) if accepted_at else None,
    )
    yield _gauge(
        "reconciler_source_withheld",
        "1 while a revision waits for a person to approve it.",
        standing.withheld is not None,
    )
    yield _gauge(
        "reconciler_source_troubled",
        "1 while the source cannot be read, or what it has cannot be accepted.",
        bool(standing.trouble),
    )


def _of_the_apps(apps: Mapping[str, Usage]) -> Iterator[Metric]:
    queued = GaugeMetricFamily(
        "reconciler_queue_depth", "Calls that wait for quota, by how urgent they are.", labels=["app", "band"]
    )
    named = GaugeMetricFamily("reconciler_app_info", "How manifests name an App ID.", labels=["app", "name"])
    for app, usage in apps.items():
        for name in usage.names:
            named.add_metric([app, name], 1)
    yield named
    for app, usage in apps.items():
        for band in Band:
            queued.add_metric([app, band.name.lower()], usage.waiting.get(band, 0))
    yield queued
    yield _labelled(
        "reconciler_quota_calls_per_second",
        "Calls per second that may leave now; the rate of reconciler_calls_total is what this process uses of it.",
        "app",
        {app: usage.rate for app, usage in apps.items()},
    )
    yield _labelled(
        "reconciler_quota_waiting_calls",
        "Calls that wait for quota.",
        "app",
        {app: sum(usage.waiting.values()) for app, usage in apps.items()},
    )
    yield _labelled(
        "reconciler_quota_slowed_seconds",
        "How long the rate stays lowered after the service said that it was too high; 0 when it is not.",
        "app",
        {app: usage.slowed_for.total_seconds() for app, usage in apps.items()},
    )
    yield _labelled(
        "reconciler_recorders",
        "Recorders that live, or may live.",
        "app",
        {app: usage.recorders for app, usage in apps.items()},
    )
    yield _labelled(
        "reconciler_recorders_limit",
        "Recorders that may live at the same time, where a limit is set.",
        "app",
        {app: usage.most_recorders for app, usage in apps.items() if usage.most_recorders is not None},
    )
    yield _labelled(
        "reconciler_app_refused",
        "1 while calls have ceased because the service refuses the App ID or its credentials.",
        "app",
        {app: usage.is_refused for app, usage in apps.items()},
    )


def _gauge(name: str, words: str, value: timedelta | float | None) -> Metric:
    """Make a gauge, without a value where there is nothing to say."""
    number = value.total_seconds() if isinstance(value, timedelta) else value
    return GaugeMetricFamily(name, words, value=None if number is None else float(number))


def _labelled(name: str, words: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for of, value in values.items():
        family.add_metric([of], float(value))
    return family
