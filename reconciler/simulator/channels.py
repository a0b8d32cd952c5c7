"""Who is in which channel, and what the channel management API says of it (§12). Recorders are known elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.simulator.options import Options


@dataclass(slots=True)
class Channels:
    """Users by channel name; all App IDs see the same ones, which is all a simulator needs.

    A list names only channels that were spoken of: joined, left, asked for, or reserved.
    """

    options: Options
    _users: dict[str, dict[str, bool]] = field(default_factory=dict)

    def users(self, channel: str) -> Mapping[str, bool]:
        """Say of each uid whether it publishes, in the order of joining."""
        return self._of(channel)

    def join(self, channel: str, uid: str, *, publishing: bool) -> None:
        self._of(channel)[uid] = publishing

    def leave(self, channel: str, uid: str | None) -> None:
        """`uid` None: everybody leaves."""
        users = self._of(channel)
        if uid is None:
            users.clear()
        else:
            users.pop(uid, None)

    def publishers(self, channel: str) -> list[str]:
        return [uid for uid, publishing in self._of(channel).items() if publishing]

    def idle(self, channel: str, *, live: bool) -> bool:
        """§5.4: no host in the live profile, nobody at all in communication (a silent user keeps it alive)."""
        return not (self.publishers(channel) if live else self._of(channel))

    def names(self) -> list[str]:
        return list(self._users)

    def _of(self, channel: str) -> dict[str, bool]:
        if channel not in self._users:
            resident = {self.options.resident_uid: True} if self.options.channels_occupied else {}
            self._users[channel] = resident
        return self._users[channel]
