"""A plan of what goes wrong around calls and notices: what is refused, lost, late or mangled, and which it strikes.

One fault per line, `#` after a blank begins a remark:

    CALL[#NTH] [@CHANNEL] FAULT

CALL is acquire, start, query, update, updateLayout, stop, channels, users, hosts, ncsIp or `*`. NTH counts the calls
that fit CALL and CHANNEL, from 1: `#2`, `#1,3`, `#2-5`, `#3-` (from the third on); without it every one is struck.
FAULT is one of

    refuse                 the connection is refused, nothing is processed
    refuse STATUS[/CODE]   answered so, nothing is processed:          start#1 refuse 503
    lose                   processed, then the connection is dropped:  start#1 lose
    replace STATUS[/CODE]  processed, then answered so:                start @room1 replace 206/65
    delay SECONDS [after]  late before it is processed, or after:      stop delay 35 after
    truncate [BYTES]       processed, the answer cut (default 10):     query#3- truncate 20

STATUS alone is the gateway's answer, STATUS/CODE the service's. Several faults may strike one call, in their order.

For the webhooks CALL is notice, or notice:TYPE for one type of event; `*` means calls only. FAULT is then one of

    lose                   it never arrives:                           notice:40#1 @room1 lose
    delay SECONDS          it arrives late, perhaps after later ones:  notice#2- delay 30
    double                 it arrives twice:                           notice double

The same as JSON: a list of such texts, or of objects like
`{"call": "start", "nth": "1", "channel": "room1", "fault": "lose"}`.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.simulator.replies import Reply, json_reply

_CALLS: Final = ("acquire", "start", "query", "update", "updateLayout", "stop", "channels", "users", "hosts", "ncsIp")
_EVERY: Final = "*"
_NOTICE: Final = "notice"
_REASONS: Final = {
    7: "already started", 15: "", 49: "invalid operation", 50: "upload timeout", 53: "task conflict",
    62: "request timeout", 65: "request not completed", 404: "failed to find worker", 405: "no_active_status",
    406: "vendor_over_load", 435: "no recorded data", 500: "internal_error", 501: "no_worker_manager_available",
    502: "Failed to allocate worker", 504: "allocate_timeout",
}  # fmt: skip
_MESSAGES: Final = {
    401: "Invalid authentication credentials",
    404: "no Route matched with those values",
    429: "API rate limit exceeded",
    502: "An invalid response was received from the upstream server",
    503: "name resolution failed",
    504: "The upstream server is timing out",
}
_LINE: Final = re.compile(
    r"(?P<call>[A-Za-z*]+(?::\d+)?)(?:#(?P<nth>\S+))?(?:\s+@(?P<channel>\S+))?\s+(?P<fault>[a-z]+(?:\s.*)?)\Z"
)
_STRIKES: Final = re.compile(r"(\d+)(-(\d*))?\Z")


@dataclass(frozen=True, slots=True)
class Refuse:
    """The call is not processed; `reply` None: the connection is refused."""

    reply: Reply | None


@dataclass(frozen=True, slots=True)
class Lose:
    """The call is processed and its answer never arrives."""


@dataclass(frozen=True, slots=True)
class Replace:
    """The call is processed and another answer arrives."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Delay:
    """The call is processed late, or its answer is."""

    seconds: float
    after: bool


@dataclass(frozen=True, slots=True)
class Truncate:
    """Only the first bytes of the answer arrive."""

    length: int


@dataclass(frozen=True, slots=True)
class Double:
    """The notice is sent twice."""


Effect = Refuse | Lose | Replace | Delay | Truncate | Double


@dataclass(frozen=True, slots=True)
class Fault:
    """One effect and the calls it strikes; `nth` are spans of occurrences, empty for all of them."""

    call: str
    effect: Effect
    nth: tuple[tuple[int, int | None], ...] = ()
    channel: str | None = None

    def fits(self, call: str, channel: str) -> bool:
        name, colon, _ = call.partition(":")
        return self.call in (call, name if colon else _EVERY) and self.channel in (None, channel)

    def strikes(self, occurrence: int) -> bool:
        spans = self.nth or ((1, None),)
        return any(first <= occurrence and (last is None or occurrence <= last) for first, last in spans)


@dataclass(slots=True)
class FaultPlan:
    """Faults, and how many calls each has seen go by."""

    faults: list[Fault] = field(default_factory=list)
    _seen: dict[int, int] = field(default_factory=dict)

    def add(self, fault: Fault) -> None:
        self.faults.append(fault)

    def strike(self, call: str, channel: str) -> list[Effect]:
        """Count a call, or a notice as `notice:TYPE`, and say what strikes it."""
        effects = []
        for number, fault in enumerate(self.faults):
            if fault.fits(call, channel):
                self._seen[number] = occurrence = self._seen.get(number, 0) + 1
                if fault.strikes(occurrence):
                    effects.append(fault.effect)
        return effects


def parse_faults(text: str) -> FaultPlan:
    """Read a plan in one of the two forms of this module. Raises ValueError: says what and where."""
    if text.lstrip().startswith("["):
        try:
            entries = json.loads(text)
        except ValueError as error:
            raise ValueError(f"faults: no valid JSON: {error}") from None
        return FaultPlan([_parse_entry(entry, f"faults, entry {n}") for n, entry in enumerate(entries, 1)])
    faults = []
    for number, line in enumerate(text.splitlines(), 1):
        said = re.sub(r"(^|\s)#.*", "", line).strip()
        if said:
            faults.append(parse_fault(said, f"faults, line {number}"))
    return FaultPlan(faults)


def parse_fault(line: str, place: str = "fault") -> Fault:
    """Read one line. Raises ValueError: says what and where."""
    match = _LINE.match(line)
    if match is None:
        raise ValueError(f"{place}: {line!r} is not of the form CALL[#NTH] [@CHANNEL] FAULT, as in 'start#1 lose'")
    call, nth, channel = match["call"], match["nth"], match["channel"]
    name, colon, _ = call.partition(":")
    if name not in (*_CALLS, _EVERY, _NOTICE) or (colon and name != _NOTICE):
        raise ValueError(f"{place}: unknown call {call!r}; known are {', '.join(_CALLS)}, * and notice[:TYPE]")
    effect = _parse_effect(match["fault"].split(), place)
    if (name == _NOTICE) != isinstance(effect, Double) and not _strikes_both(effect):
        whom = "notices: lose, delay SECONDS, double" if name == _NOTICE else "calls: double is for notices"
        raise ValueError(f"{place}: {match['fault']!r} cannot strike {whom}")
    return Fault(call, effect, _parse_nth(nth, place), channel)


def _strikes_both(effect: Effect) -> bool:
    return isinstance(effect, Lose) or (isinstance(effect, Delay) and not effect.after)


def _parse_entry(entry: Any, place: str) -> Fault:
    if isinstance(entry, str):
        return parse_fault(entry, place)
    if not isinstance(entry, dict):
        raise ValueError(f"{place}: expected a text or an object")  # noqa: TRY004 - callers catch one class
    unknown = set(entry) - {"call", "nth", "channel", "fault"}
    if unknown or not {"call", "fault"} <= set(entry):
        raise ValueError(f"{place}: expected the keys call, fault, and perhaps nth and channel; got {sorted(entry)}")
    nth = f"#{entry['nth']}" if "nth" in entry else ""
    fault = parse_fault(f"{entry['call']}{nth} {entry['fault']}", place)
    return Fault(fault.call, fault.effect, fault.nth, entry.get("channel"))


def _parse_nth(nth: str | None, place: str) -> tuple[tuple[int, int | None], ...]:
    spans: list[tuple[int, int | None]] = []
    for part in nth.split(",") if nth else ():
        match = _STRIKES.match(part)
        first = int(match[1]) if match else 0
        if match is None or first < 1:
            raise ValueError(f"{place}: {nth!r} is no count of calls; write 2, 1,3, 2-5 or 3-")
        last = first if match[2] is None else int(match[3]) if match[3] else None
        spans.append((first, last))
    return tuple(spans)


def _parse_effect(words: list[str], place: str) -> Effect:
    match words:
        case ["refuse"]:
            return Refuse(None)
        case ["refuse", answer]:
            return Refuse(_parse_answer(answer, place))
        case ["lose"]:
            return Lose()
        case ["double"]:
            return Double()
        case ["replace", answer]:
            return Replace(_parse_answer(answer, place))
        case ["delay", seconds, *when] if when in ([], ["before"], ["after"]):
            return Delay(_parse_number(seconds, place), after=when == ["after"])
        case ["truncate", *length] if len(length) <= 1:
            return Truncate(int(_parse_number(length[0] if length else "10", place)))
        case _:
            raise ValueError(
                f"{place}: unknown fault {' '.join(words)!r}; known are refuse [STATUS[/CODE]], lose, "
                "replace STATUS[/CODE], delay SECONDS [after], truncate [BYTES]"
            )


def _parse_number(text: str, place: str) -> float:
    if not re.match(r"\d+(\.\d+)?\Z", text):
        raise ValueError(f"{place}: {text!r} is no number")
    return float(text)


def _parse_answer(text: str, place: str) -> Reply:
    match = re.match(r"([2-5]\d\d)(?:/(\d+))?\Z", text)
    if match is None:
        raise ValueError(f"{place}: {text!r} is no answer; write a status as in 503, or status/code as in 206/65")
    status = int(match[1])
    if match[2] is None:
        return json_reply(status, {"message": _MESSAGES.get(status, "An unexpected error occurred")}, "fault")
    code = int(match[2])
    reason = _REASONS.get(code, "fault")
    return json_reply(status, {"code": code} | ({"reason": reason} if reason else {}), "fault")
