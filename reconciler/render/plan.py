"""A plan as text, as Markdown for pull requests, and as JSON (interface.md 2.1). Pure."""

import json
import math
from collections.abc import Iterable, Sequence

from reconciler.planning.changes import Change
from reconciler.planning.plan import Plan, PlannedAction, Verb
from reconciler.render.text import Colour, columns, counted, joined, paint, printable, to_the_second

RATE = 9.5  # calls per second at the default quota

# The order is that of the disruption: what is stopped or interrupted is read first.
_SIGNS: dict[Verb, tuple[str, Colour]] = {
    "stop": ("-", "red"),
    "replace": ("-/+", "magenta"),
    "forget": ("-", "red"),
    "settle": ("?", "cyan"),
    "update": ("~", "yellow"),
    "start": ("+", "green"),
    "hold": (".", "dim"),
    "none": ("=", "dim"),
}
_ORDER = tuple(_SIGNS)
_COUNTED: tuple[tuple[Verb, str], ...] = (
    ("start", "to start"),
    ("update", "to update"),
    ("replace", "to replace"),
    ("stop", "to stop"),
    ("settle", "to settle"),
    ("forget", "to forget"),
    ("hold", "held"),
)
_MOST_ROWS = 250  # of a Markdown table: a comment on a pull request holds 65,536 characters


def as_text(plan: Plan, *, color: bool = False, everything: bool = False, rate: float = RATE) -> str:
    """Write a plan for people: the most disruptive first, the summary last. `everything` adds what is as declared."""
    shown = _shown(plan, everything=everything)
    heads = columns([_head(action) for action in shown])
    lines: list[str] = []
    for action, head in zip(shown, heads, strict=True):
        lines.append(paint(head, _SIGNS[action.verb][1], color=color))
        lines += [f"      {printable(detail)}" for detail in _details(action)]
    if shown:
        lines.append("")
    if plan.notes:
        lines += [*(paint(f"Note: {printable(note)}", "yellow", color=color) for note in plan.notes), ""]
    lines.append(paint(summary(plan, rate), "bold", color=color))
    return joined(lines)


def summary(plan: Plan, rate: float = RATE) -> str:
    """Say a whole plan in one line."""
    counts = [(len([one for one in plan.actions if one.verb == verb]), words) for verb, words in _COUNTED]
    if any(action.is_due for action in plan.actions):
        what = ", ".join(f"{number} {words}" for number, words in counts if number)
        return f"Plan: {what}; {counted(plan.calls, 'call')}{_lasting(plan.calls, rate)}"
    held, resting = counts[-1][0], len([one for one in plan.actions if one.verb == "none"])
    if not plan.actions:
        return "Nothing to do: nothing is declared."
    if not held:
        return f"Nothing to do: {_are_as_declared(resting)}."
    said = f"{counted(held, 'recording')} {'is' if held == 1 else 'are'} held"
    return f"Nothing to do now: {said}{f', {resting} as declared' if resting else ''}."


def as_json(plan: Plan, *, everything: bool = False) -> str:
    """Write a plan for programs, in the order of the names."""
    actions = [
        {
            "name": action.key.name,
            "action": action.verb,
            "reason": action.reason,
            "disruption": action.disruption,
            "calls": list(action.calls),
        }
        for action in sorted(plan.actions, key=lambda one: one.key)
        if everything or action.verb != "none"
    ]
    document = {"converged": plan.converged, "calls": plan.calls, "actions": actions}
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def as_markdown(plan: Plan, *, everything: bool = False, rate: float = RATE) -> str:
    """Write a plan as a comment on a pull request: summary, table, and the field changes folded away."""
    shown = _shown(plan, everything=everything)
    lines = [f"**{_cell(summary(plan, rate))}**"]
    lines += [line for note in plan.notes for line in ("", f"> {_cell(note)}")]
    if shown:
        lines += ["", "| | Recording | Action | Disruption | Calls | Reason |", "|---|---|---|---|---|---|"]
        lines += [_row(action) for action in shown[:_MOST_ROWS]]
        lines += _and_more(shown[_MOST_ROWS:])
    detailed = [action for action in shown[:_MOST_ROWS] if _details(action)]
    if detailed:
        lines += ["", f"<details><summary>Details of {counted(len(detailed), 'recording')}</summary>", ""]
        lines += [line for action in detailed for line in _section(action)]
        lines.append("</details>")
    return joined(lines)


def _shown(plan: Plan, *, everything: bool) -> list[PlannedAction]:
    shown = [action for action in plan.actions if everything or action.verb != "none"]
    return sorted(shown, key=lambda action: (_ORDER.index(action.verb), action.disruption != "gap", action.key))


def _head(action: PlannedAction) -> Sequence[str]:
    calls = f" [{', '.join(action.calls)}]" if action.calls else ""
    return _SIGNS[action.verb][0], _verb(action), action.key.name, f"{_reason(action)}{calls}".lstrip()


def _verb(action: PlannedAction) -> str:
    return action.verb if action.disruption == "none" else f"{action.verb} ({action.disruption})"


def _reason(action: PlannedAction) -> str:
    """Leave out a reason that only repeats the changes below it."""
    repeats = any(action.reason.startswith(str(change)) for change in action.changes)
    reason = "" if repeats else action.reason
    until = action.rest.until
    return f"{reason}; next look {to_the_second(until)}" if action.verb == "hold" and until else reason


def _details(action: PlannedAction) -> list[str]:
    """Say the field changes, what waits for the next session, and what is noted."""
    pending: Iterable[Change] = action.rest.pending
    return [
        *(str(change) for change in action.changes),
        *(f"{change} (from the next session on)" for change in pending),
        *(f"note: {note}" for note in action.notes if note not in action.reason),
    ]


def _lasting(calls: int, rate: float) -> str:
    if not calls:
        return ""
    seconds = math.ceil(calls / rate)
    lasting = f"{seconds} s" if seconds < 120 else f"{math.ceil(seconds / 60)} min"
    return f" (about {lasting} at {rate:g} calls/s)"


def _are_as_declared(number: int) -> str:
    return "1 recording is as declared" if number == 1 else f"{number} recordings are as declared"


def _row(action: PlannedAction) -> str:
    sign = f"`{_SIGNS[action.verb][0]}`"
    calls = ", ".join(action.calls)
    return f"| {sign} | {_cell(action.key.name)} | {action.verb} | {action.disruption} | {calls} | {_told(action)} |"


def _told(action: PlannedAction) -> str:
    return _cell(_reason(action) or counted(len(action.changes), "field change"))


def _section(action: PlannedAction) -> list[str]:
    return [f"**{_cell(action.key.name)}**", "", *(f"- {_cell(detail)}" for detail in _details(action)), ""]


def _and_more(hidden: Sequence[PlannedAction]) -> list[str]:
    return ["", f"… and {counted(len(hidden), 'more action')}"] if hidden else []


def _cell(text: str) -> str:
    """Keep words from becoming markup or ending a cell."""
    plain = printable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    marked = "".join(f"\\{one}" if one in "\\`*_[]|~" else one for one in plain)
    return marked.replace("@", "@&#8203;")  # nobody is called by a channel's name
