"""Everything about one recording, in sections: first why it is or isn't recording. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from reconciler.model import Confirmed, Ended, Entry, Event, Key, Session
from reconciler.planning.orders import NO_ORDERS, Orders
from reconciler.planning.standing import NO_SET_ORDERS, SetOrders, Standing
from reconciler.planning.status import Status, resource_id_of, sid_of
from reconciler.render import files
from reconciler.render.events import session_of, why
from reconciler.render.status import labelled
from reconciler.render.text import age, columns, joined, span, to_the_second

if TYPE_CHECKING:
    from reconciler.planning.windows import Stretch  # loads the schema, which readers seldom need

_INDENT = "  "
_SESSIONS = ("#", "SLOT", "UID", "STATE", "STARTED", "LASTED", "SID", "REASON")
_CONDITIONS = ("TYPE", "STATUS", "REASON", "SINCE", "MESSAGE")


@dataclass(frozen=True, slots=True)
class Beside:
    """What decides about a recording besides its own page of the ledger."""

    orders: Orders = NO_ORDERS
    set_orders: SetOrders = NO_SET_ORDERS
    standing: Standing | None = None  # of the source that a daemon keeps the set from
    windows: "tuple[Stretch, ...]" = ()  # the present one and the next


NOTHING_BESIDE = Beside()


def describe(
    status: Status,
    sessions: Sequence[Session],
    events: Sequence[Event],
    now: datetime,
    beside: Beside = NOTHING_BESIDE,
) -> str:
    """Tell everything about one recording: its status, every session there was, and its newest events."""
    key = status.entry.key
    lines = [
        *_facts(status, now),
        *_section("Orders", _orders(beside, status.entry, now)),
        *_section("Windows", _windows(beside, now)),
        *_section("Source", _source(beside.standing, now)),
        *_section("Likely causes", [_INDENT + cause for cause in likely_causes(status)]),
        *_section("Conditions", _conditions(status, now)),
        *_section("Sessions", _sessions(sessions, now)),
        *_section("Files", _files(key, sessions)),
        *_section("Events", _events(events, now)),
    ]
    return joined(lines)


def _orders(beside: Beside, entry: Entry, now: datetime) -> list[str]:
    """Say what people have ordered, as far as it still counts."""
    suspension, restart = beside.orders.suspended(now), beside.orders.restart
    said = []
    if beside.set_orders.freeze:
        said.append(f"the set is {beside.set_orders.freeze}; `reconciler unfreeze` lets it go on")
    if suspension:
        said.append(f"{suspension} ({age(suspension.at, now)} ago); `reconciler resume` takes it back")
    if restart:
        waits = entry.newest is not None and beside.orders.outdates(entry.newest.opened_at, now)
        said.append(f"{restart} {age(restart.at, now)} ago{', not carried out yet' if waits else ''}")
    return [_INDENT + words for words in said]


def _windows(beside: Beside, now: datetime) -> list[str]:
    rows = []
    for window in beside.windows:
        overrun = f", up to {span(window.overrun)} longer while occupied" if window.overrun else ""
        opens = to_the_second(window.opens) if window.opens else "always open"
        closes = to_the_second(window.closes) if window.closes else "for ever"
        present = "now" if window.opens is None or window.opens <= now else f"in {span(window.opens - now)}"
        rows.append((present, opens, "to", f"{closes}{overrun}"))
    return columns(rows, indent=_INDENT)


def _source(standing: Standing | None, now: datetime) -> list[str]:
    if standing is None:
        return []
    rows = [("From:", standing.source), ("In force:", standing.label or "nothing yet")]
    if standing.accepted_at:
        rows.append(("Since:", _when(standing.accepted_at, now)))
    if standing.withheld:
        held = standing.withheld
        rows.append(("Held back:", f"{held.label}, {age(held.since, now)} ago: {held.reason}"))
    if standing.trouble:
        rows.append(("Trouble:", "; ".join(standing.trouble.splitlines())))
    return columns(rows, indent=_INDENT)


def likely_causes(status: Status) -> list[str]:
    """Rank what may be behind an end that the service explains with a 404 alone (agora-api.md 2, 5.4, 5.12)."""
    newest = status.entry.newest
    if newest is None or status.is_live or not isinstance(newest.state, Ended) or newest.state.how != "failed":
        return []
    if newest.state.reason.startswith("it "):  # it never came to record
        return [
            "the token does not fit channel, uid or App ID, or has expired",
            "the storage's keys, bucket or region are wrong: the service looks at them only after the start",
            "video: width, height, fps and bitrate do not go together",
        ]
    idle = _max_idle(newest)
    causes = ["the token expired"] if newest.applied.spec.get("token") else []
    causes += ["another recorder or person joined under its uid, or it was kicked", "the storage refused the files"]
    if newest.state.at - newest.opened_at < idle:
        return causes
    return [f"nobody was in the channel (live: no host) for maxIdle ({span(idle)}), so the service ended it", *causes]


def _max_idle(session: Session) -> timedelta:
    capture = session.applied.spec.get("capture")
    seconds = capture.get("maxIdle") if isinstance(capture, dict) else None
    return timedelta(seconds=seconds if isinstance(seconds, int | float) else 300)


def _facts(status: Status, now: datetime) -> list[str]:
    entry, recorder = status.entry, status.recorder
    ready = next(condition for condition in status.conditions if condition.type == "Ready")
    facts = [
        ("Name", entry.key.name),
        ("Set", entry.key.set),
        ("Phase", status.phase),
        ("Why", status.message),
        ("As declared", f"{ready.status} ({ready.reason})"),
        ("Next check", _when(status.next_check_at, now)),
        ("Channel", status.channel or "-"),
        ("Mode", status.mode or "-"),
        ("App", status.app or "-"),
        ("App ID", recorder.identity.app_id if recorder else "-"),
        ("Uid", status.uid or "-"),
        ("Resource id", (resource_id_of(recorder) if recorder else "") or "-"),
        ("Sid", (sid_of(recorder) if recorder else "") or "-"),
        ("Started", _when(recorder.opened_at if recorder else None, now)),
        ("Control until", _when(status.control_expires_at, now)),
        ("Restarts", str(entry.restarts)),
        ("Labels", labelled(entry.labels)),
        ("Declared", "yes" if entry.declared else "no"),
        ("On removal", entry.on_removal),
        ("Revision", status.revision or "-"),
        ("Carried out", status.observed_revision or "-"),
        ("Uids kept", ", ".join(f"{slot} {one.uid}" for slot, one in entry.uids.items()) or "-"),
    ]
    return columns([(f"{name}:", value) for name, value in facts])


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"{title}:", *lines] if lines else []


def _conditions(status: Status, now: datetime) -> list[str]:
    rows = [
        (one.type, one.status, one.reason, age(one.since, now) if one.since else "-", one.message)
        for one in status.conditions
    ]
    return columns([_CONDITIONS, *rows], indent=_INDENT)


def _sessions(sessions: Sequence[Session], now: datetime) -> list[str]:
    rows = [_session(session, now) for session in sessions]
    return columns([_SESSIONS, *rows], indent=_INDENT) if rows else [f"{_INDENT}none yet"]


def _session(session: Session, now: datetime) -> Sequence[str]:
    state = session.state
    lasted_until = state.at if isinstance(state, Ended) else now
    return (
        str(session.number),
        session.slot.value,
        session.identity.uid,
        state.how if isinstance(state, Ended) else "recording" if isinstance(state, Confirmed) else state.kind,
        to_the_second(session.opened_at),
        age(session.opened_at, lasted_until),
        sid_of(session) or "-",
        state.reason if isinstance(state, Ended) else "-",
    )


def _files(key: Key, sessions: Sequence[Session]) -> list[str]:
    text = files.table([(key, session) for session in sessions])
    return [_INDENT + line for line in text.splitlines()]


def _events(events: Sequence[Event], now: datetime) -> list[str]:
    rows = [(age(event.at, now), event.kind, session_of(event), why(event)) for event in events]
    return columns([("AGE", "EVENT", "SESSION", "WHY"), *rows], indent=_INDENT) if rows else []


def _when(at: datetime | None, now: datetime) -> str:
    if at is None:
        return "-"
    away = f"in {span(at - now)}" if at > now else f"{age(at, now)} ago"
    return f"{to_the_second(at)} ({away})"
