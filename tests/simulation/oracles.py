"""What must always be true, looked at after every call that reaches the service, every commit, and at the end.

The oracles know what was declared and what records; of the ledger they read what is on disk, through a connection of
their own. They never ask the product's own decisions.
"""

import json
import sqlite3
from base64 import b64encode
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from reconciler.planning.actions import Because
from reconciler.planning.plan import DONE
from reconciler.simulator.recorder import Recorder
from reconciler.simulator.routes import CHANGING
from tests.simulation.processes import Process
from tests.simulation.wishes import PAGE_KEY, Model, Wish, shape_of
from tests.virtual_time import START
from tests.world.stage import ENVIRON, SECRETS

if TYPE_CHECKING:
    from tests.simulation.life import Life
    from tests.simulation.service import Call

# I3: the intent is on disk before its start, and a session ends in the ledger only after its recorder has: never a
# moment in between. What arrives late is processed when it arrives, so the bound holds for it, too.
UNKNOWN_FOR: Final = 0.0
# I6: a call time is used within a quarter of a second, or drawn anew (agora.pace): so much later, and no more, a call
# may leave than it should, and the next may follow it so much too soon.
LATENESS: Final = 0.25
SHARE: Final = 0.95
RENEWED: Final = "a fresh session is ordered"
_FORESEEN: Final = DONE | {Because.CONFIRMING}
SECRET_BYTES: Final = tuple(
    value.encode()
    for value in (
        *SECRETS.values(),
        PAGE_KEY,
        b64encode(f"{ENVIRON['RECONCILER_CUSTOMER_ID']}:{SECRETS['RECONCILER_CUSTOMER_SECRET']}".encode()).decode(),
    )
)


class ViolatedError(Exception):
    """An oracle's word."""


@dataclass(frozen=True, slots=True)
class Violation:
    """What was found, by which oracle, and when."""

    oracle: str
    at: float
    words: str


@dataclass(slots=True)
class InForce:
    """A set that somebody acts on, and how long he does."""

    model: Model
    since: float
    process: Process | None  # an apply, which ends; None: whatever daemon keeps the set
    until: float = inf

    @property
    def over(self) -> float:
        return min(self.until, self.process.gone_at) if self.process else self.until


@dataclass(slots=True)
class Order:
    """What a person has ordered for one recording."""

    at: float
    name: str  # whose it was then
    what: str
    stamp: float  # the same time by the clock of who gave it
    renewed: str = ""  # the sid of the one recorder, younger than it, that a restart has ended

    def excuses(self, sid: str, opened: float) -> bool:
        """Tell whether a recorder of that age may be stopped for it.

        A restart ends what is older; by a clock that is ahead of the daemon's it comes later, and ends one recorder.
        """
        if self.what == "suspended" or (self.what in ("deleted", RENEWED) and self.at >= opened):
            return True
        if self.what == RENEWED and self.renewed in ("", sid):
            self.renewed = sid
            return True
        return False


def lineage_of(name: str) -> int:
    return int(name.removesuffix("-b")[1:])


class Oracles:
    """The judges of one life."""

    def __init__(self, life: "Life", path: Path) -> None:
        self.life = life
        self.found: list[Violation] = []
        self.disk = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None)
        self.in_force: list[InForce] = []
        self.orders: dict[int, list[Order]] = {}
        self.offsets: set[float] = {0.0}
        self.left_at: dict[str, deque[float]] = {}
        self.logs: list[str] = []
        self._ended: set[tuple[str, ...]] = set()  # channel, uid and beginning of sessions, whatever their name now

    def violated(self, oracle: str, words: str) -> None:
        if len(self.found) < 3:
            self.found.append(Violation(oracle, self.life.loop.time(), words))
            self.life.trace("VIOLATED", oracle, words)

    # -- what is in force

    def accepted(self) -> None:
        [row] = self.disk.execute("SELECT document FROM standings").fetchall()
        model = self.life.models.get(json.loads(row[0])["revision"])
        if model is None:
            self.violated("I2", "a set is in force that no source has offered as good")
        else:
            self._put_in_force(model)

    def applying(self, process: Process, model: Model) -> None:
        self._put_in_force(model, process)

    def _put_in_force(self, model: Model, process: Process | None = None) -> None:
        now = self.life.loop.time()
        before = [one for one in self.in_force if one.process is None]
        if process is None and before:
            before[-1].until = now
        if not model and (process or not before or before[-1].model) and self._open():
            self.violated("I2", "an empty source was accepted while recordings are live")
        self.in_force.append(InForce(model, now, process))
        self.life.trace("in force", len(self.in_force))

    def ordered(self, names: Iterable[str], what: str) -> None:
        for name in names:
            now = self.life.loop.time()
            self.orders.setdefault(lineage_of(name), []).append(Order(now, name, what, now + self.life.drift))
            self.life.trace("ordered", name, what)

    # -- calls

    def leaving(self, call: "Call") -> None:
        """Look at a call as it is sent."""
        self._within_quota(call)
        if call.endpoint not in CHANGING or call.endpoint == "acquire":
            return
        owner = self._owner(call.channel, call.uid)
        if owner is None:
            self.violated("I3", f"{call.endpoint} is sent for {call.channel}/{call.uid}, which no open session has")
            return
        name, document = owner
        self._claimed(call, name)
        if call.endpoint == "start" and call.route.resource_id not in document:
            self.violated("I3", f"start of {name} is sent before its resource id is on disk")
        if call.endpoint == "stop":
            recorder = self.life.world.fleet.by_sid.get(call.route.sid)
            if recorder is not None and recorder.live:
                self._justified(call, name, json.loads(document), recorder)

    def _within_quota(self, call: "Call") -> None:
        """I6: no more calls in any second, and in any ten, than the App ID may make."""
        if len(self.offsets) > 1:
            return  # processes whose clocks differ cannot agree on call times
        qps = self.life.settings.qps
        now = self.life.loop.time()
        times = self.left_at.setdefault(call.route.app_id, deque())
        times.append(now)
        while times[0] < now - 10:
            times.popleft()
        recent = sum(1 for at in times if at > now - 1 + 1e-6)
        most = SHARE * qps * (1 + LATENESS) + 1
        if recent > max(most, 2) + 1e-6 or len(times) > SHARE * qps * (10 + LATENESS) + 1:
            self.violated("I6", f"{recent} calls in a second, {len(times)} in ten, at {qps} per second")

    def _claimed(self, call: "Call", name: str) -> None:
        """I4: who calls has the recording in hand."""
        row = self.disk.execute("SELECT holder FROM claims WHERE name = ?", (name,)).fetchone()
        if row is None or row[0] != call.process.holder:
            self.violated("I4", f"{call.process.name} sends {call.endpoint} for {name} without its claim")

    def launched(self, call: "Call", recorder: Recorder) -> None:
        """Look at the recorders when there is one more."""
        live = [one for one in self.life.world.fleet.live() if not self._let_go(one)]
        limit = self.life.settings.max_recorders
        if limit is not None and len(live) > limit:
            self.violated("I6", f"{len(live)} recorders are live, {limit} are allowed")
        owner = self._owner(recorder.channel, recorder.uid)
        if owner is None:
            self.violated("I3", f"{call.process.name} has started what no open session knows: {_named(recorder)}")
            return
        name = owner[0]
        mine = set(self.disk.execute("SELECT channel, uid FROM sessions WHERE name = ?", (name,)).fetchall())
        others = [one for one in live if one is not recorder and (one.channel, one.uid) in mine]
        self._after_its_end(name, recorder)
        if others:
            self.violated("I1", f"{name} has two live recorders: {_named(recorder)} beside {_named(others[0])}")

    def _after_its_end(self, name: str, recorder: Recorder) -> None:
        """Look at what starts after a session that has ended by itself: under the other uid, and as its policy says."""
        rows = self.disk.execute(
            "SELECT document FROM sessions WHERE name = ? ORDER BY number DESC LIMIT 2", (name,)
        ).fetchall()
        if len(rows) < 2:
            return
        before = json.loads(rows[1][0])
        if before["state"].get("how") not in ("failed", "idle"):
            return
        if (before["identity"]["channel"], before["identity"]["uid"]) == (recorder.channel, recorder.uid):
            self.violated("I1", f"{name} starts again under the uid of the one that may come back")
        if self._is_over(lineage_of(name), before, recorder):
            self.violated("I2", f"{name} starts again although its restart policy is never")

    def _is_over(self, lineage: int, before: Mapping[str, Any], recorder: Recorder) -> bool:
        """Tell whether it was `never` all the time, and nothing has happened that would start it again (S10)."""
        opened = (datetime.fromisoformat(before["opened_at"]) - START).total_seconds() - max(self.offsets)
        wishes = [
            next((wish for wish in one.model if wish.lineage == lineage), None)
            for one in self.in_force
            if one.over >= opened - 1
        ]
        return lineage not in self.orders and all(
            wish is not None and wish.restart == "never" and wish.window is None and wish.shape == shape_of(recorder)
            for wish in wishes
        )

    def _justified(self, call: "Call", name: str, session: Mapping[str, Any], recorder: Recorder) -> None:
        """I2: what is stopped was, at some time since it was opened, not wanted as it is."""
        wish_words = self._why_unwanted(name, session, recorder)
        self.life.trace("stop", name, wish_words or "?")
        if not wish_words:
            said = session["state"].get("reason", session["state"]["kind"])
            self.violated("I2", f"{name} is stopped ({said}) although it is wanted: {_named(recorder)}")

    def _why_unwanted(self, name: str, session: Mapping[str, Any], recorder: Recorder) -> str:
        now, lineage = self.life.loop.time(), lineage_of(name)
        opened = min(recorder.started_at - START.timestamp(), now) - 10
        for order in self.orders.get(lineage, ()):
            if order.excuses(recorder.sid, opened):
                return order.what
        if session["state"].get("failed") and not _records(recorder, self.life.service.now()):
            return "it does not record"
        for one in self.in_force:
            if one.over < opened:
                continue
            wish = next((wish for wish in one.model if wish.lineage == lineage), None)
            if wish is not None and wish.name != name and self._was_kept_apart(wish.name):
                return "its other name was kept by somebody meanwhile, and is what is declared"
            why = self._unwanted_by(wish, recorder, max(one.since, opened), min(one.over, now))
            if why:
                return why
        return ""

    def _unwanted_by(self, wish: Wish | None, recorder: Recorder, since: float, until: float) -> str:
        if wish is None:
            return "removed"
        if wish.suspend:
            return "suspended by its manifest"
        if shape_of(recorder) != wish.shape and wish.replace != "next":
            return "replaced"
        begin, end = START + timedelta(seconds=since), START + timedelta(seconds=until)
        for offset in self.offsets:
            moved = timedelta(seconds=offset)
            edges = [edge for edge in wish.edges() if begin + moved <= edge <= end + moved]
            if not all(wish.is_open(moment) for moment in (begin + moved, end + moved, *edges)):
                return "outside of its windows"
        return ""

    # -- commits

    def committing(self, process: Process, label: str) -> None:
        """Look at the ledger when it has changed."""
        when, _, what = label.partition(" ")
        if what in ("save", "accept", "rename"):
            self.life.trace(label, process.name)
        if when != "after":
            return
        if what == "accept":
            self.accepted()
        elif what == "enlist":
            process.keeps = True
            keepers = [one.name for one in self.life.processes if one.keeps and one.runs]
            if len(keepers) > 1:
                self.violated("I4", f"two daemons keep one set: {keepers}")
        elif what in ("save", "note", "rename"):
            self.known()
            self._stays_ended()

    def known(self) -> None:
        """I3: every live recorder has an open session, but those let go on purpose."""
        known = self._open()
        for recorder in self.life.world.fleet.live():
            if (recorder.channel, recorder.uid) not in known and not self._let_go(recorder):
                self.violated("I3", f"nothing in the ledger knows {_named(recorder)} any more")

    def _stays_ended(self) -> None:
        """I3: what the ledger says has ended never lives again: it would be asked and told in vain."""
        rows = self.disk.execute(
            "SELECT channel, uid, json_extract(document, '$.opened_at'), name, number, is_open FROM sessions"
        ).fetchall()
        for *session, name, number, is_open in rows:
            if is_open and tuple(session) in self._ended:
                self.violated("I3", f"session {number} of {name} had ended and is open again")
            elif not is_open:
                self._ended.add(tuple(session))

    def _let_go(self, recorder: Recorder) -> bool:
        rows = self.disk.execute(
            "SELECT document FROM sessions WHERE channel = ? AND uid = ? ORDER BY number DESC",
            (recorder.channel, recorder.uid),
        ).fetchall()
        states = [json.loads(row[0])["state"] for row in rows]
        let_go = any(one.get("how") in ("left", "forgotten") and one.get("sid") == recorder.sid for one in states)
        return let_go and any(wish.on_removal == "leave" for one in self.in_force for wish in one.model)

    def _was_kept_apart(self, name: str) -> bool:
        """Tell whether both names came to be kept: a daemon, or another apply, acts on an older set beside an apply."""
        applies = any(one.name.startswith("apply") for one in self.life.processes)
        return applies and self.disk.execute("SELECT 1 FROM entries WHERE name = ?", (name,)).fetchone() is not None

    def _open(self) -> set[tuple[str, str]]:
        return set(self.disk.execute("SELECT channel, uid FROM sessions WHERE is_open = 1").fetchall())

    def _owner(self, channel: str, uid: str) -> tuple[str, str] | None:
        row: tuple[str, str] | None = self.disk.execute(
            "SELECT name, document FROM sessions WHERE is_open = 1 AND channel = ? AND uid = ?", (channel, uid)
        ).fetchone()
        return row

    # -- what breaks, and what is written

    def broke(self, process: Process, error: Exception) -> None:
        self.violated("I0", f"{process.name} ended by itself: {type(error).__name__}: {error}")

    def logged(self, process: Process, method: str, event: Mapping[str, Any]) -> None:
        words = f"{process.name} {method} {dict(event)}"
        self.logs.append(words)
        if event.get("event") in ("turn.failed", "loop.failed", "source.failed"):
            self.violated("I0", words)

    def silent(self, path: Path) -> None:
        """I5: no secret is in any byte that was written, or in a log."""
        self.disk.execute("SELECT count(*) FROM events").fetchone()
        written = {file.name: file.read_bytes() for file in sorted(path.parent.rglob("*")) if file.is_file()} | {
            "the log": "\n".join(self.logs).encode()
        }
        for name, data in written.items():
            for secret in SECRET_BYTES:
                if secret in data:
                    self.violated("I5", f"a secret is in {name}")

    # -- a plan and what was done

    def applied(self, process: Process) -> None:
        """I8: where nothing went wrong, the calls are those that were planned."""
        planned, verdict = process.planned, process.verdict
        if (
            planned is None
            or process.unanswered
            or (verdict and not verdict.is_done)
            or not self.life.was_calm_since(process)
            or self.life.crosses_an_edge(process.began)
        ):
            return
        if any(action.rest.because not in _FORESEEN for action in planned.plan.actions):
            return  # what is waited for, and what is only asked about, is not foretold
        expected = {action.key.name: list(action.calls) for action in planned.plan.actions if action.calls}
        made: dict[str, list[str]] = {}
        for endpoint, channel, uid in process.sent:
            rows = self.disk.execute(
                "SELECT name FROM sessions WHERE channel = ? AND uid = ? ORDER BY is_open DESC", (channel, uid)
            ).fetchall()
            calls = made.setdefault(rows[0][0] if rows else f"{channel}/{uid}", [])
            if endpoint != "stop" or calls[-1:] != ["stop"]:  # one that is not confirmed is repeated
                calls.append(endpoint)
        if made != expected:
            self.violated("I8", f"planned {expected}, done {made}, {verdict}")
        self.life.compared += 1


def _named(recorder: Recorder) -> str:
    hidden = ", hidden" if recorder.hidden else ""
    return f"{recorder.channel}/{recorder.uid} of {recorder.started_at - START.timestamp():.1f} s{hidden}"


def _records(recorder: Recorder, now: float) -> bool:
    return recorder.joined_at is not None and not recorder.hidden and now - recorder.joined_at > 30


def moment(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)
