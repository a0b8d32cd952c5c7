"""What is to be kept, and who is told what happens to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from reconciler.executor.turns import Order
from reconciler.model import Entry, Key
from reconciler.planning.actions import Because, Hold
from reconciler.planning.desired import Aim, Desired
from reconciler.planning.plan import DONE
from reconciler.planning.windows import outlook
from reconciler.reconcile import Took

# What a one-shot run does not wait for: it rests on purpose, or only a person or a long time can help.
RESTING = DONE | {
    Because.REFUSED,
    Because.APP_REFUSED,
    Because.SECRET_MISSING,
    Because.CONTROL_LOST,
    Because.FROZEN,
    Because.MOVED,
}


class Watch(Protocol):
    """Who is told what happens, while it happens."""

    def held(self, key: Key, hold: Hold, entry: Entry) -> None: ...

    def took(self, key: Key, taken: Took) -> None: ...


@dataclass(frozen=True, slots=True)
class Assignment:
    """One recording to be kept: what it should be, and whose quota its calls use."""

    key: Key
    desired: Aim
    app_id: str  # of its next call: a live recorder's own

    @property
    def app_ids(self) -> frozenset[str]:
        """Name every App ID it may call for: a live recorder's may differ from the declared one."""
        declared = (self.desired.app_id,) if isinstance(self.desired, Desired) else ()
        return frozenset({self.app_id, *declared})

    def order(self, now: datetime) -> Order:
        """Rank among equals: by priority, then by the earlier window, then by name (S8)."""
        if not isinstance(self.desired, Desired):
            return (0, 0.0, self.key.set, self.key.name)
        spec = self.desired.spec
        window = outlook(spec.schedule, now).current if spec.schedule else None
        opened = window.opens.timestamp() if window and window.opens else 0.0
        return (-spec.priority, opened, self.key.set, self.key.name)
