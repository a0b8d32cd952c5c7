"""What of a change cannot be told to a live recorder, and how that is said."""

from reconciler.model import Session
from reconciler.planning.changes import Change, Consequence, changes
from reconciler.planning.desired import Desired


def replacing(session: Session, desired: Desired) -> tuple[Change, ...]:
    found = [change for change in changes(session.applied, desired.wanted) if change.consequence is Consequence.REPLACE]
    identity = session.identity
    if identity.app_id != desired.app_id:
        found.append(Change("app.appId", identity.app_id, desired.app_id, Consequence.REPLACE))
    elif desired.spec.uid and not session.adopted and all(identity.uid != slot.uid for slot in desired.slots.values()):
        uids = " or ".join(slot.uid for slot in desired.slots.values())
        found.append(Change("uid", identity.uid, uids, Consequence.REPLACE))
    return tuple(found)


def replace_reason(disruptive: tuple[Change, ...]) -> str:
    return f"cannot be changed in place: {listed(disruptive)}"


def listed(found: tuple[Change, ...]) -> str:
    # What stands higher in the manifest explains what stands below it: the mode before its fields.
    ordered = sorted(found, key=lambda change: (change.path.count("."), change.path))
    shown = ", ".join(str(change) for change in ordered[:3])
    return shown if len(found) <= 3 else f"{shown} and {len(found) - 3} more"
