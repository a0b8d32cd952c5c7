"""/metrics: what is counted, how it stands, and what never stands in a label."""

import re
from dataclasses import replace
from datetime import timedelta
from typing import get_args

from reconciler.agora.pace import Band
from reconciler.planning.phases import Phase
from reconciler.planning.standing import Standing, Withheld
from reconciler.server.metrics import Metrics
from reconciler.server.snapshot import Snapshot, Usage
from tests.server.parts import ACCEPTED, AT, Daemon, in_process, samples

SECONDS = timedelta(seconds=1)
APP, TV = "a" * 32, "f" * 32
USAGE = Usage(9.5, {Band.STOP: 2, Band.POLL: 40}, timedelta(), 17, 200, is_refused=False, names=("default", "night"))
RUNNING = Snapshot(
    AT,
    ACCEPTED,
    apps={APP: USAGE, TV: Usage(7.6, {}, 42 * SECONDS, 3, None, is_refused=True)},
    phases={"Recording": 18, "Backoff": 2},
    drifting_for=75 * SECONDS,
    control_left=timedelta(days=2),
    unheard_for=31 * SECONDS,
)


def shown(snapshot: Snapshot, metrics: Metrics | None = None) -> dict[str, float]:
    return samples((metrics or Metrics("1")).text(snapshot).decode())


async def test_it_is_prometheus_text_with_help_and_a_unit_where_one_is() -> None:
    async with in_process(Daemon(snapshot=lambda: RUNNING)) as client:
        answer = await client.get("/metrics")

    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", answer.text, re.MULTILINE))
    helped = dict(re.findall(r"^# HELP (\S+) (.+)$", answer.text, re.MULTILINE))
    assert kinds.keys() == helped.keys()
    for name, kind in kinds.items():
        assert name.startswith(("reconciler_", "process_"))
        assert name.endswith("_total") == (kind == "counter")
        assert kind != "histogram" or name.endswith("_seconds")
        assert name.startswith("process_") or helped[name].endswith(".")
    assert not re.search(r"_(created|ms|milliseconds|minutes)\b", answer.text)
    assert samples(answer.text)['reconciler_build_info{version="1.2.3"}'] == 1


def test_memory_and_cpu_of_the_process_are_among_them() -> None:
    values = shown(RUNNING)

    assert values["process_resident_memory_bytes"] > 2**20
    assert values["process_cpu_seconds_total"] > 0


def test_every_phase_is_always_there() -> None:
    values = shown(RUNNING)
    phases = {phase: values[f'reconciler_recordings{{phase="{phase}"}}'] for phase in get_args(Phase)}

    assert phases == dict.fromkeys(get_args(Phase), 0) | {"Recording": 18, "Backoff": 2}


def test_how_an_app_id_is_named_is_told_once_beside_what_is_told_of_it() -> None:
    values = shown(RUNNING)

    assert {name: value for name, value in values.items() if name.startswith("reconciler_app_info")} == {
        f'reconciler_app_info{{app="{APP}",name="default"}}': 1,
        f'reconciler_app_info{{app="{APP}",name="night"}}': 1,
    }


def test_quota_and_room_are_told_by_app() -> None:
    values = shown(RUNNING)
    queued = {band: values[f'reconciler_queue_depth{{app="{APP}",band="{band}"}}'] for band in ("stop", "poll")}

    assert queued == {"stop": 2, "poll": 40}
    assert sum(name.startswith("reconciler_queue_depth") for name in values) == 2 * len(Band)
    told = {
        name: {app: values.get(f'reconciler_{name}{{app="{app}"}}') for app in (APP, TV)}
        for name in (
            "quota_calls_per_second",
            "quota_waiting_calls",
            "quota_slowed_seconds",
            "recorders",
            "recorders_limit",
            "app_refused",
        )
    }
    assert told == {
        "quota_calls_per_second": {APP: 9.5, TV: 7.6},
        "quota_waiting_calls": {APP: 42, TV: 0},
        "quota_slowed_seconds": {APP: 0, TV: 42},
        "recorders": {APP: 17, TV: 3},
        "recorders_limit": {APP: 200, TV: None},
        "app_refused": {APP: 0, TV: 1},
    }


def test_how_it_stands_is_told_in_seconds() -> None:
    values = shown(RUNNING)

    assert values["reconciler_drift_seconds"] == 75
    assert values["reconciler_control_expires_seconds"] == 172800
    assert values["reconciler_poll_age_seconds"] == 31
    assert values["reconciler_source_accepted_timestamp_seconds"] == AT.timestamp() - 3600
    assert values["reconciler_source_revision_age_seconds"] == 3600
    assert (values["reconciler_source_withheld"], values["reconciler_source_troubled"]) == (0, 0)
    assert values["reconciler_frozen"] == 0


def test_a_source_that_is_held_or_troubled_and_a_frozen_set_are_seen() -> None:
    held = replace(ACCEPTED, withheld=Withheld("77aa", "77aa", "too many", AT))
    troubled = replace(ACCEPTED, trouble="unreadable")

    assert shown(Snapshot(AT, held))["reconciler_source_withheld"] == 1
    assert shown(Snapshot(AT, held))["reconciler_source_troubled"] == 0
    assert shown(Snapshot(AT, troubled))["reconciler_source_troubled"] == 1
    assert shown(Snapshot(AT, ACCEPTED, is_frozen=True))["reconciler_frozen"] == 1


def test_what_there_is_nothing_to_say_of_has_no_value() -> None:
    values = shown(Snapshot(AT, Standing("./manifests")))

    assert values["reconciler_drift_seconds"] == 0
    for name in ("control_expires", "poll_age", "source_accepted_timestamp", "source_revision_age"):
        assert f"reconciler_{name}_seconds" not in values


def test_a_clock_that_jumped_back_makes_no_negative_age() -> None:
    assert shown(Snapshot(AT - timedelta(days=1), ACCEPTED))["reconciler_source_revision_age_seconds"] == 0


def test_what_happens_is_counted() -> None:
    metrics = Metrics("1")
    metrics.turn("start", 400 * SECONDS / 1000)
    metrics.turn("start", 700 * SECONDS)
    metrics.turn_failed()
    metrics.call(APP, "query", 120 * SECONDS / 1000, 200)
    metrics.call(APP, "query", 30 * SECONDS, None)
    metrics.restarted()
    metrics.first_action(2 * SECONDS)
    metrics.webhook("duplicate")
    metrics.notification("failed")
    metrics.revision("withheld")
    values = shown(RUNNING, metrics)

    assert values['reconciler_turn_duration_seconds_count{action="start"}'] == 2
    assert values['reconciler_turn_duration_seconds_sum{action="start"}'] == 700.4
    assert values['reconciler_turn_duration_seconds_bucket{action="start",le="0.5"}'] == 1
    assert values['reconciler_turn_duration_seconds_bucket{action="start",le="600.0"}'] == 1
    assert values["reconciler_turn_failures_total"] == 1
    assert values[f'reconciler_calls_total{{app="{APP}",endpoint="query",status="200"}}'] == 1
    assert values[f'reconciler_calls_total{{app="{APP}",endpoint="query",status="none"}}'] == 1
    assert values['reconciler_call_duration_seconds_bucket{endpoint="query",le="0.2"}'] == 1
    assert values["reconciler_restarts_total"] == 1
    assert values['reconciler_first_action_seconds_bucket{le="2.0"}'] == 1
    assert values['reconciler_webhooks_total{outcome="duplicate"}'] == 1
    assert values['reconciler_notifications_total{outcome="failed"}'] == 1
    assert values['reconciler_source_revisions_total{outcome="withheld"}'] == 1


def test_outcomes_that_have_not_come_yet_are_0_so_that_the_first_one_is_an_increase() -> None:
    values = shown(RUNNING)
    outcomes = {name: value for name, value in values.items() if "outcome=" in name}

    assert len(outcomes) == 5 + 2 + 3
    assert set(outcomes.values()) == {0}


def test_two_daemons_in_a_process_count_apart() -> None:
    one, other = Metrics("1"), Metrics("1")
    one.restarted()

    assert shown(RUNNING, other)["reconciler_restarts_total"] == 0


def test_a_hostile_name_cannot_forge_a_line() -> None:
    forged = 'x"} 1\nreconciler_restarts_total 99\nx{a="\\'
    values = shown(replace(RUNNING, apps={forged: USAGE}))

    assert values["reconciler_restarts_total"] == 0
    assert values[f'reconciler_recorders{{app="{forged}"}}'] == 17
