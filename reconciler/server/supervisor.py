"""Tells systemd how the process goes, in the words of sd_notify(3). Without it, everything here does nothing."""

import asyncio
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

_PATIENCE = 0.2  # seconds; systemd that is too busy to listen must not hold up the loops
_MOST_DIGITS = 15  # thirty years


@dataclass(frozen=True, slots=True)
class Supervisor:
    """Who started this process and waits to hear from it."""

    address: str = ""  # of its socket; empty: nobody waits
    period: timedelta | None = None  # how often to feed its watchdog; None: it has none

    @classmethod
    def named_by(cls, environ: Mapping[str, str], pid: int) -> "Supervisor":
        """Read what systemd has put into the environment of the process with that id."""
        period = _half(environ.get("WATCHDOG_USEC", ""))
        if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
            period = None  # it watches another process, whose environment we were given
        address = environ.get("NOTIFY_SOCKET", "")
        return cls(address, period) if address[:1] in {"/", "@"} else cls()

    def ready(self) -> bool:
        """Say that the service is up, or that it has taken up new settings. Tells whether that was heard, as all do."""
        return self._tell("READY=1")

    def reloading(self, monotonic: float) -> bool:
        """Say that settings are read again, at that time of CLOCK_MONOTONIC; `ready` ends it."""
        return self._tell(f"RELOADING=1\nMONOTONIC_USEC={int(monotonic * 1_000_000)}")

    def stopping(self) -> bool:
        return self._tell("STOPPING=1")

    def watchdog(self) -> bool:
        return self._tell("WATCHDOG=1")

    def status(self, text: str) -> bool:
        """Show a line to whoever asks systemd how the service is."""
        return self._tell(f"STATUS={' '.join(text.split())}")

    async def feed(self, healthy: Callable[[], bool]) -> None:
        """Feed the watchdog for ever while things are healthy; returns at once where there is none."""
        while self.period is not None:
            if healthy():
                self.watchdog()
            await asyncio.sleep(self.period.total_seconds())

    def _tell(self, words: str) -> bool:
        if not self.address:
            return False
        # An address with @ is not a file but a name of the system's own, which begins with a zero byte.
        address = f"\0{self.address[1:]}" if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as way:
                way.settimeout(_PATIENCE)
                return way.sendto(words.encode(), address) > 0
        except OSError:
            return False


def _half(microseconds: str) -> timedelta | None:
    # systemd writes "for ever" as the largest number there is.
    is_span = microseconds.isascii() and microseconds.isdigit() and len(microseconds) <= _MOST_DIGITS
    return timedelta(microseconds=int(microseconds) / 2) if is_span and int(microseconds) else None
