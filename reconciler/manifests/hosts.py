"""Which hosts an address may name: the service's own, public ones, or this machine."""

import ipaddress
import re
from collections.abc import Collection
from typing import Final
from urllib.parse import SplitResult, urlsplit

SERVICE_SUFFIXES: Final = (".agora.io", ".sd-rtn.com")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})+\.?")
_LOCAL_SUFFIXES: Final = (".localhost", ".local", ".internal", ".lan", ".home.arpa")
_ODD = re.compile(r"[\s\\\x00-\x1f\x7f]")


def split_url(text: str) -> SplitResult | None:
    """Take an address apart; None if it is none or holds what programs read in different ways."""
    if _ODD.search(text):
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises where it is no port
    except ValueError:
        return None
    return parts if parts.hostname else None


def is_loopback(host: str) -> bool:
    """Say whether the host is this machine for certain."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def host_problem(host: str) -> str | None:
    """Say why the service could not, or must not, reach a host by this name; None if it is a public one."""
    address = _address(host)
    if address is not None:
        return None if address.is_global and not address.is_multicast else "is not a public address"
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(_LOCAL_SUFFIXES):
        return "is not a public host"
    if not _NAME.fullmatch(host) or len(host) > 253:
        return "is not a host name such as storage.example.com"
    # 127.1 and 0x7f.1 are addresses to some resolvers.
    if re.fullmatch(r"[0-9]+|0x[0-9a-f]*", name.rsplit(".", 1)[-1]):
        return "is not a host name such as storage.example.com"
    return None


def page_problem(text: str, schemes: Collection[str]) -> str | None:
    """Say what is wrong with an address that the service is to open; it never repeats the address."""
    parts = split_url(text)
    if parts is None or parts.scheme not in schemes or parts.hostname is None:
        return f"must be an address that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
    if "@" in parts.netloc:
        return "holds a name or password: put the whole address behind a reference, {env: NAME} or {file: PATH}"
    problem = host_problem(parts.hostname)
    return f"names a host that {problem}: the service could not reach it" if problem else None


def api_problem(text: str, allowed: Collection[str]) -> str | None:
    """Say what is wrong with the address of the service: credentials are sent there."""
    parts = split_url(text)
    if parts is None or parts.scheme not in {"http", "https"} or parts.hostname is None:
        return "must be an address such as https://api.sd-rtn.com"
    if "@" in parts.netloc:
        return "must not hold a name or password"
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        return "must end after the host: no path, no query"
    host = parts.hostname
    known = host in allowed or host.endswith(SERVICE_SUFFIXES) or is_loopback(host)
    if not known:
        return "names a host that may not see the credentials: *.agora.io, *.sd-rtn.com, or one in RECONCILER_API_URL"
    if parts.scheme == "http" and not is_loopback(host):
        return "must begin with https://: credentials are sent there"
    return None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped if isinstance(mapped, ipaddress.IPv4Address) else address
