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
_PASSING = frozenset({"AGE", "NEXT CHECK"})
_WIDE_HEADER = ("APP", "SLOT", "SID", "NEXT CHECK", "CONTROL UNTIL", "LABELS")


def table(
    statuses: Sequence[Status], now: datetime, *, wide: bool = False, sets: bool = False, width: int | None = None
) -> str:
    """Write a table for people. `sets` adds the set in front; a width cuts lines, without one nothing is lost."""
    rows = [row(status, now, wide=wide, sets=sets) for status in statuses]
    return joined(columns([header(wide=wide, sets=sets), *rows], width=width)) if rows else ""


def header(*, wide: bool = False, sets: bool = False) -> list[str]:
    return [*(("SET",) if sets else ()), *_HEADER, *(_WIDE_HEADER if wide else ()), "MESSAGE"]


def row(status: Status, now: datetime, *, wide: bool = False, sets: bool = False) -> list[str]:
    """Give one row of the table, for who aligns it with rows that stand above."""
    entry, recorder = status.entry, status.recorder
    cells = [entry.key.set] if sets else []
    cells += [entry.key.name, status.phase, status.channel or "-", status.mode or "-", status.uid or "-"]
    cells += [age(recorder.opened_at, now) if recorder else "-", str(entry.restarts)]
    if wide:
        cells += [status.app or "-", recorder.slot.value if recorder else "-"]
        cells += [(sid_of(recorder) if recorder else "") or "-"]
        cells += [_time(status.next_check_at), _time(status.control_expires_at), labelled(entry.labels)]
    return [*cells, status.message]


def lasting_cells(status: Status, now: datetime, *, wide: bool = False) -> list[str]:
    """Give the row without what changes by itself as time passes: another one is news."""
    cells = zip(header(wide=wide), row(status, now, wide=wide), strict=True)
    return [cell for name, cell in cells if name not in _PASSING]


def lasting_document(status: Status) -> dict[str, Any]:
    """Give the document without what changes with every question that is asked: another one is news."""
    return {name: value for name, value in document(status).items() if name != "nextCheckAt"}


def as_json(statuses: Sequence[Status]) -> str:
    return json.dumps([document(status) for status in statuses], indent=2, ensure_ascii=False) + "\n"


def as_json_lines(statuses: Sequence[Status]) -> str:
    """Write one JSON document a line."""
    return joined([json.dumps(document(status), ensure_ascii=False) for status in statuses])


def as_yaml(statuses: Sequence[Status]) -> str:
    """Write the same list as YAML."""
    return _yaml([document(status) for status in statuses])


def as_yaml_documents(statuses: Sequence[Status]) -> str:
    """Write one YAML document after the other."""
    return "".join(f"---\n{_yaml(document(status))}" for status in statuses)


def _yaml(value: object) -> str:
    import yaml  # noqa: PLC0415 - only this output needs it

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)  # libyaml's is ten times as fast, where it was built in
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=1_000_000)
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


def _time(at: datetime | None) -> str:
    return to_the_second(at) if at else "-"
