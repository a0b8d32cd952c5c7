"""The loop of one recording, as its owner sees it."""

import asyncio
from dataclasses import dataclass, field

from reconciler.agora.pace import Place
from reconciler.controller.assignments import Assignment
from reconciler.ledger.ledger import Sheet
from reconciler.model import Entry
from reconciler.planning.actions import Hold
from reconciler.reconcile import Noted


@dataclass(slots=True, eq=False)
class Keeper:
    """What one recording is kept as, and how that goes."""

    assignment: Assignment
    rung: asyncio.Event = field(default_factory=asyncio.Event)  # the rest is over: by the alarm, or woken
    is_woken: bool = False  # something is new: the ledger is to be read again
    place: Place | None = None  # among those who wait for a call
    task: asyncio.Task[None] | None = None
    noted: Noted = Noted.NOTHING
    is_let_go: bool = False
    failures: int = 0  # turns in a row that broke off
    sheet: Sheet | None = None  # as the ledger has it, as far as anybody has told
    entry: Entry | None = None  # as it was seen last, brought up to date
    hold: Hold | None = None  # what it rests on; None: it has something to do

    def wake(self) -> None:
        """Have it look again at once; what it waits for may have become less urgent than what it will find."""
        self.is_woken = True
        self.rung.set()
        if self.place is not None:
            self.place.leave()
