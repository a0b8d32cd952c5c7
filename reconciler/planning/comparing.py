"""What a change of manifests would do to recordings that run as the older manifests say. Pure; no value is known."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.model import Applied
from reconciler.planning.actions import Because, Hold
from reconciler.planning.changes import Change, is_reference, later_changes
from reconciler.planning.desired import Desired
from reconciler.planning.occupancy import Presence
from reconciler.planning.plan import PlannedAction
from reconciler.planning.replacing import listed
from reconciler.planning.situation import Around

_LATER = "from the next session or decision on"

# Everything runs: people are in every channel, and whether a window is open just now is nobody's concern.
ALL_RUNNING = Around(presence=Presence.OCCUPIED)


def always(desired: Desired) -> Desired:
    """Take the windows from a recording: the comparison must not depend on the moment it is made at."""
    return replace(desired, spec=desired.spec.model_copy(update={"schedule": None}))


def by_reference(desired: Desired) -> Desired:
    """Let references stand for the values that are not known: another reference counts as another value."""
    return replace(desired, wanted=replace(desired.wanted, spec=_spelled(desired.wanted.spec)))


def _spelled(value: Any) -> Any:
    if is_reference(value):
        [(kind, name)] = value.items()
        return f"{{{kind}: {name}}}"
    if isinstance(value, Mapping):
        return {name: _spelled(inner) for name, inner in value.items()}
    return [_spelled(inner) for inner in value] if isinstance(value, list) else value


def compared(action: PlannedAction, before: Applied | None, desired: Desired) -> PlannedAction:
    """Add to what is planned for a recording what its change means for later; `before` is None for a new one."""
    if before is None:
        return replace(action, notes=(*action.notes, *_conditions(desired)))
    later = later_changes(before, desired.wanted)
    if not later:
        return action
    if action.verb != "none":
        return replace(action, notes=(*action.notes, *(f"{change}, used {_LATER}" for change in later)))
    reason = f"used {_LATER}: {listed(later)}"
    rest = Hold(None, Because.PENDING_NEXT, reason)
    return replace(action, verb="hold", reason=reason, rest=rest, notes=tuple(map(str, later)))


def _conditions(desired: Desired) -> tuple[str, ...]:
    """Say when a new recording does not simply start."""
    spec = desired.spec
    said = ("it records inside its windows only",) if spec.schedule else ()
    return (*said, "it records only while somebody is in the channel") if spec.when == "occupied" else said


def names_references(change: Change) -> bool:
    return any(text.startswith(("{env: ", "{file: ")) for text in (change.before, change.after))
