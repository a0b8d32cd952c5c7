"""What `get` prints: tables as kubectl's, and the list of interface.md 2.1 as JSON or YAML. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.model import Ended, Session
from reconciler.planning.conditions import Condition
from reconciler.planning.status import Status, resource_id_of, sid_of
from reconciler.render import files
from reconciler.render.text import age, columns, joined, moment_or_none, to_the_second

_HEADER = ("NAME", "PHASE", "CHANNEL", "MODE", "UID", "AGE", "RESTARTS")
_WIDE_HEADER = ("APP", "SLOT", "SID", "NEXT CHECK", "CONTROL UNTIL", "LABELS")


def table(
    statuses: Sequence[Status], now: datetime, *, wide: bool = False, sets: bool = False, width: int | None = None
) -> str:
    """Write a table for people. `sets` adds the set in front; a width cuts lines, without one nothing is lost."""
    header = [*(("SET",) if sets else ()), *_HEADER, *(_WIDE_HEADER if wide else ()), "MESSAGE"]
    rows = [_row(status, now, wide=wide, sets=sets) for status in statuses]
    return joined(columns([header, *rows], width=width)) if rows else ""


def as_json(statuses: Sequence[Status]) -> str:
    return json.dumps([document(status) for status in statuses], indent=2, ensure_ascii=False) + "\n"


def as_yaml(statuses: Sequence[Status]) -> str:
    """Write the same list as YAML."""
    import yaml  # noqa: PLC0415 - only this output needs it

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml's is ten times as fast, where it was built in
    documents = [document(status) for status in statuses]
    text: str = yaml.dump(documents, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
    return text


def names(statuses: Sequence[Status], *, sets: bool = False) -> str:
    """Write the names alone, a line each, as other commands take them."""
    return joined([f"{one.entry.key.set}/{one.entry.key.name}" if sets else one.entry.key.name for one in statuses])


def document(status: Status) -> dict[str, Any]:
    """Make the promised document of one recording, its keys in the promised order."""
    entry, recorder = status.entry, status.recorder
    return {
        "name": entry.key.name,
        "set": entry.key.set,
        "phase": status.phase,
        "channel": status.channel,
        "mode": status.mode,
        "app": status.app,
        "labels": dict(entry.labels),
        "uid": status.uid,
        "resourceId": (resource_id_of(recorder) or None) if recorder else None,
        "sid": (sid_of(recorder) or None) if recorder else None,
        "startedAt": moment_or_none(recorder.opened_at) if recorder else None,
        "restarts": entry.restarts,
        "revision": status.revision or None,
        "observedRevision": status.observed_revision or None,
        "nextCheckAt": moment_or_none(status.next_check_at),
        "controlExpiresAt": moment_or_none(status.control_expires_at),
        "message": status.message,
        "sessions": [_session(session) for session in entry.sessions],
        "conditions": [_condition(condition) for condition in status.conditions],
        "files": files.documents((entry.key, session) for session in entry.sessions),
    }


def labelled(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items())) or "-"


def _session(session: Session) -> dict[str, Any]:
    ended = session.state if isinstance(session.state, Ended) else None
    return {
        "copy": session.slot.copy,
        "slot": session.slot.value,
        "uid": session.identity.uid,
        "resourceId": resource_id_of(session) or None,
        "sid": sid_of(session) or None,
        "startedAt": moment_or_none(session.opened_at),
        "endedAt": moment_or_none(ended.at) if ended else None,
        "reason": ended.reason if ended else None,
    }


def _condition(condition: Condition) -> dict[str, Any]:
    return {
        "type": condition.type,
        "status": condition.status,
        "reason": condition.reason,
        "message": condition.message,
        "lastTransitionTime": moment_or_none(condition.since),
    }


def _row(status: Status, now: datetime, *, wide: bool, sets: bool) -> list[str]:
    entry, recorder = status.entry, status.recorder
    row = [entry.key.set] if sets else []
    row += [entry.key.name, status.phase, status.channel or "-", status.mode or "-", status.uid or "-"]
    row += [age(recorder.opened_at, now) if recorder else "-", str(entry.restarts)]
    if wide:
        row += [status.app or "-", recorder.slot.value if recorder else "-"]
        row += [(sid_of(recorder) if recorder else "") or "-"]
        row += [_time(status.next_check_at), _time(status.control_expires_at), labelled(entry.labels)]
    return [*row, status.message]


def _time(at: datetime | None) -> str:
    return to_the_second(at) if at else "-"
