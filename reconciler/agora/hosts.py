"""Which addresses calls may go to, and which of several is tried first."""

import asyncio
import ipaddress
from collections.abc import Sequence
from functools import cache
from urllib.parse import urlsplit

from reconciler.errors import SettingsError

_SHUNNED_FOR = 60.0  # seconds; then a host that could not be reached gets its chance again


@cache
def accepted_url(url: str) -> str:
    """Give the address in its one spelling.

    Raises SettingsError for anything but https, or http to a loopback address: credentials must not go in clear.
    """
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except (ValueError, UnicodeError):
        raise SettingsError("an API URL cannot be read: write https://host") from None
    if parts.username is not None or parts.query or parts.fragment or not host:
        raise SettingsError(f"the API URL of {host or 'no host'} must be https://host, without user, query or fragment")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_loopback(host)):
        raise SettingsError(f"the API URL of {host} must begin with https://; http:// is for loopback addresses only")
    name = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{name}{'' if port is None else f':{port}'}{parts.path.rstrip('/')}"


def is_loopback(host: str) -> bool:
    """Tell whether a host is this machine itself, as simulators are."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Hosts:
    """The hosts of one App ID in the order to try them; one that cannot be reached is tried last for a minute."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(dict.fromkeys(accepted_url(url) for url in urls))
        if not self._urls:
            raise SettingsError("no API URL is given")
        self._failed_at: dict[str, float] = {}

    def in_order(self, first: str | None = None) -> list[str]:
        """List them, `first` in front, which need not be among them."""
        hosts = dict.fromkeys(((accepted_url(first),) if first else ()) + self._urls)
        now = asyncio.get_running_loop().time()
        return sorted(hosts, key=lambda host: now - self._failed_at.get(host, now - _SHUNNED_FOR) < _SHUNNED_FOR)

    def shun(self, host: str) -> None:
        """Note that a host could not be reached."""
        self._failed_at[host] = asyncio.get_running_loop().time()
