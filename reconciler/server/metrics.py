"""What a daemon counts, in Prometheus' text format. Labels are bounded: no recording, channel or secret is in them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal, TypeAlias, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from reconciler.server.snapshot import Snapshot, gauges

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Arrived: TypeAlias = Literal["accepted", "duplicate", "refused", "unusable", "failed"]
Told: TypeAlias = Literal["delivered", "failed"]
Offered: TypeAlias = Literal["accepted", "withheld", "troubled"]

_CALLS: Final = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)  # seconds
_TURNS: Final = (0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600)

# Else every counter has a twin that says when it was made, for which nobody asks in this format.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """Counts what happens, from the start of the process on. Nothing here waits or fails."""

    def __init__(self, version: str) -> None:
        registry = self._registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge("reconciler_build_info", "The version that runs.", ["version"], registry=registry).labels(version).set(1)
        self._turns = Histogram(
            "reconciler_turn_duration_seconds",
            "How long turns took, by what was done in them.",
            ["action"],
            buckets=_TURNS,
            registry=registry,
        )
        self._turn_failures = Counter(
            "reconciler_turn_failures", "Turns that broke off; they are tried again.", registry=registry
        )
        self._calls = Counter(
            "reconciler_calls",
            "Calls to the service, by what was answered: an HTTP status, or none.",
            ["app", "endpoint", "status"],
            registry=registry,
        )
        self._call_durations = Histogram(
            "reconciler_call_duration_seconds",
            "How long the service took to answer.",
            ["endpoint"],
            buckets=_CALLS,
            registry=registry,
        )
        self._restarts = Counter(
            "reconciler_restarts", "Recorders started again after one that ended by itself.", registry=registry
        )
        self._first_actions = Histogram(
            "reconciler_first_action_seconds",
            "From accepting a changed manifest to the first call made for it.",
            buckets=_TURNS,
            registry=registry,
        )
        self._webhooks = _outcomes(
            "reconciler_webhooks", "Notices that the service has posted.", get_args(Arrived), registry
        )
        self._notifications = _outcomes(
            "reconciler_notifications", "Tries to tell the receiver of notifications.", get_args(Told), registry
        )
        self._revisions = _outcomes(
            "reconciler_source_revisions", "What became of what the source offered.", get_args(Offered), registry
        )

    def turn(self, action: str, took: timedelta) -> None:
        """Count a turn; `action` is the kind of what was done in it, such as "start"."""
        self._turns.labels(action).observe(took.total_seconds())

    def turn_failed(self) -> None:
        self._turn_failures.inc()

    def call(self, app_id: str, endpoint: str, took: timedelta, status: int | None) -> None:
        """Count a call for an App ID; no status: no answer came."""
        self._calls.labels(app_id, endpoint, "none" if status is None else str(status)).inc()
        self._call_durations.labels(endpoint).observe(took.total_seconds())

    def restarted(self) -> None:
        self._restarts.inc()

    def first_action(self, waited: timedelta) -> None:
        self._first_actions.observe(waited.total_seconds())

    def webhook(self, outcome: Arrived) -> None:
        self._webhooks.labels(outcome).inc()

    def notification(self, outcome: Told) -> None:
        self._notifications.labels(outcome).inc()

    def revision(self, outcome: Offered) -> None:
        self._revisions.labels(outcome).inc()

    def text(self, snapshot: Snapshot) -> bytes:
        """Write everything down, as it is counted and as it stands now."""
        return generate_latest(self._registry) + generate_latest(_Standing(snapshot))


@dataclass(frozen=True, slots=True)
class _Standing(Collector):
    snapshot: Snapshot

    def collect(self) -> Iterable[Metric]:
        return gauges(self.snapshot)


def _outcomes(name: str, words: str, outcomes: tuple[str, ...], registry: CollectorRegistry) -> Counter:
    """Make a counter whose outcomes are all there from the start: a rate has to begin at 0."""
    counter = Counter(name, words, ["outcome"], registry=registry)
    for outcome in outcomes:
        counter.labels(outcome)
    return counter
