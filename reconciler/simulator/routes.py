"""Which call a method and a path are, as the gateway sees it (§1.1, §12); paths and methods are literal."""

import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import parse_qsl, unquote

Endpoint = Literal[
    "acquire", "start", "query", "update", "updateLayout", "stop", "channels", "users", "hosts", "ncsIp", "none"
]
CHANGING: Final[frozenset[Endpoint]] = frozenset({"acquire", "start", "update", "updateLayout", "stop"})

_SERVICE = r"/v1/apps/(?P<app>[^/]+)/cloud_recording"
_MODE = r"mode/(?P<mode>individual|mix|web)"
_ROUTES: Final = tuple(
    re.compile(pattern + r"\Z")
    for pattern in (
        _SERVICE + r"/(?P<call>acquire)",
        _SERVICE + rf"/resourceid/(?P<resource>[^/]+)/{_MODE}/(?P<call>start)",
        _SERVICE
        + rf"/resourceid/(?P<resource>[^/]+)/sid/(?P<sid>[^/]+)/{_MODE}/(?P<call>query|updateLayout|update|stop)",
        r"/dev/v1/channel/user/(?P<app>[^/]+)/(?P<channel>[^/]+)/(?P<call>hosts_only)",
        r"/dev/v1/channel/(?P<call>user)/(?P<app>[^/]+)/(?P<channel>[^/]+)",
        r"/dev/v1/(?P<call>channel)/(?P<app>[^/]+)",
        r"/v[12]/(?P<call>ncs)/ip",
    )
)
_NAMES: Final[dict[str, Endpoint]] = {
    "acquire": "acquire", "start": "start", "query": "query", "update": "update", "updateLayout": "updateLayout",
    "stop": "stop", "hosts_only": "hosts", "user": "users", "channel": "channels", "ncs": "ncsIp",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Route:
    """A call and what its path says; empty texts where the path says nothing."""

    endpoint: Endpoint
    app_id: str = ""
    resource_id: str = ""
    sid: str = ""
    mode: str = ""
    channel: str = ""
    asked: tuple[tuple[str, str], ...] = ()


def find_route(method: str, target: str, query_method: Literal["GET", "POST", "both"]) -> Route:
    """`target` is the path, with its query string if there is one; what matches nothing is the endpoint "none"."""
    path, _, asked = target.partition("?")
    for pattern in _ROUTES:
        match = pattern.match(path)
        if match is None:
            continue
        named = match.groupdict()
        endpoint = _NAMES[named["call"]]
        if method not in _methods(endpoint, query_method):
            return Route("none")
        return Route(
            endpoint,
            app_id=named.get("app") or "",
            resource_id=named.get("resource") or "",
            sid=named.get("sid") or "",
            mode=named.get("mode") or "",
            channel=unquote(named.get("channel") or ""),
            asked=tuple(parse_qsl(asked)),
        )
    return Route("none")


def _methods(endpoint: Endpoint, query_method: Literal["GET", "POST", "both"]) -> tuple[str, ...]:
    if endpoint == "query":
        return ("GET", "POST") if query_method == "both" else (query_method,)
    return ("POST",) if endpoint in CHANGING else ("GET",)
