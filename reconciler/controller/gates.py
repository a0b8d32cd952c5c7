"""What keeps a whole App ID back (S8): refused credentials, and no room for more recorders."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.model import Key
from reconciler.planning.backoff import doubled
from reconciler.planning.rules import Rules
from reconciler.planning.situation import OPEN_GATE, Gate


@dataclass(slots=True)
class _Shut:
    """Why an App ID is kept back, until when, and how often in a row."""

    until: datetime
    wait: timedelta
    times: int
    refused: str = ""  # empty: there is no room
    prober: Key | None = None  # who asks once whether it is still refused


class Gates:
    """The gate of each App ID. A refused one lets a single recording through per backoff, to ask again."""

    def __init__(self) -> None:
        self._shut: dict[str, _Shut] = {}

    def of(self, app_id: str, now: datetime, key: Key | None = None) -> Gate:
        """Tell what keeps the App ID, or this recording of it, back."""
        shut = self._shut.get(app_id)
        if shut is None:
            return OPEN_GATE
        if not shut.refused:
            return Gate(full_until=shut.until)
        if key is not None and key == shut.prober:
            return OPEN_GATE
        # While somebody asks, the others look again later; an answer wakes them.
        return Gate(refused=shut.refused, refused_until=shut.until if now < shut.until else now + shut.wait)

    def refused(self) -> dict[str, str]:
        """Name the App IDs whose calls have ceased, with what the service said."""
        return {app_id: shut.refused for app_id, shut in self._shut.items() if shut.refused}

    def let_probe(self, app_id: str, key: Key, now: datetime) -> bool:
        """Let this recording be the one that asks again, if it is time and nobody else does."""
        shut = self._shut.get(app_id)
        if shut is None or not shut.refused or shut.prober is not None or now < shut.until:
            return False
        shut.prober = key
        return True

    def give_up_probe(self, app_id: str, key: Key) -> None:
        """Let another one ask: this one had nothing to call about after all."""
        shut = self._shut.get(app_id)
        if shut is not None and shut.prober == key:
            shut.prober = None

    def refuse(self, app_id: str, said: str, now: datetime, rules: Rules) -> None:
        self._close(app_id, now, rules, said)

    def no_room(self, app_id: str, now: datetime, rules: Rules) -> None:
        self._close(app_id, now, rules, "")

    def _close(self, app_id: str, now: datetime, rules: Rules, refused: str) -> None:
        shut = self._shut.get(app_id)
        times = shut.times if shut is not None and bool(shut.refused) == bool(refused) else 0
        if shut is not None and shut.prober is None and times and now < shut.until:
            return  # a call that left before the gate closed says nothing new
        wait = doubled(times, rules)
        self._shut[app_id] = _Shut(now + wait, wait, times + 1, refused)

    def answered(self, app_id: str, key: Key) -> bool:
        """Open a gate that was refused, for its prober was answered; tell whether that was so."""
        shut = self._shut.get(app_id)
        if shut is None or not shut.refused or shut.prober != key:
            return False
        del self._shut[app_id]
        return True

    def open_room(self, app_id: str) -> None:
        """There may be room, for one has started or ended: forget how often there was none."""
        shut = self._shut.get(app_id)
        if shut is not None and not shut.refused:
            del self._shut[app_id]

    def forget(self, app_ids: frozenset[str]) -> None:
        """Begin anew: the account was changed."""
        for app_id in app_ids:
            self._shut.pop(app_id, None)
