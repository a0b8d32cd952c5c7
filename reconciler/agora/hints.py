"""What to do about an answer that is not yes: one short sentence per code. Not for deciding anything."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

Endpoint: TypeAlias = Literal["acquire", "start", "query", "update", "updateLayout", "stop", "channels", "users"]

_CREDENTIALS = (
    "Check customer id and secret, and that they belong to the account of this App ID; try `reconciler doctor`"
)
_NOT_ENABLED = (
    "Enable Cloud Recording for this App ID in Agora's console, and check that the credentials are its account's"
)
_BODY = "The manifest asks for something the service does not take; compare with `reconciler render --wire`"
_AGAIN = "It is tried again by itself"
_BUG = "This is probably a defect of this program: please report it with the request id"
_CHANNEL = "Channel names have less than 64 bytes, of letters, digits, space and !#$%&()+-:;<=.>?@[]^_{}|~,"
_NOT_LISTED = (
    "Who is in a channel cannot be read with these credentials: ask Agora to open channel management for this App ID"
)
_SETTLE = "Its outcome is not known; it is settled under the same uid, by itself"

# From agora-api.md 4.1: the gateway has words but no codes.
_BY_TEXT: tuple[tuple[str, str], ...] = (
    ("appid is invalid", _NOT_ENABLED),
    (
        "no route matched",
        "The host does not know this path or method; check RECONCILER_API_URL and RECONCILER_QUERY_METHOD",
    ),
    ("rate limit exceeded", "The pace slows down for a minute; if others share this App ID, lower RECONCILER_QPS"),
    ("invalid authentication credentials", _CREDENTIALS),
    ("unauthorized", _CREDENTIALS),
    (
        "exceeded time limit",
        "`controlFor` has passed: it can no longer be asked or stopped, and ends by itself when idle",
    ),
    ("request_hash mismatch", _BUG),
    ("services not selected", f"{_BODY}; `mode` may not fit the rest"),
    ("invalid resourceexpiredhour", "`controlFor` must be between 1h and 30d"),
    ("api body", "`uid` must be between 1 and 4294967295; values up to 2147483647 are safe"),
    ("under layoutconfig", "Regions have numbers from 0 to 1, and end inside the picture"),
)

# From agora-api.md 4.2 and 4.4; the numbers mean different things at different endpoints.
_BY_ENDPOINT: Mapping[tuple[Endpoint, int], str] = {
    ("acquire", 62): _NOT_ENABLED,
    ("acquire", 400): _NOT_ENABLED,
    ("acquire", 401): _CHANNEL,
    ("acquire", 500): _AGAIN,
    ("acquire", 501): f"No capacity at the moment. {_AGAIN}",
    ("acquire", 504): f"No capacity at the moment. {_AGAIN}",
    ("start", 15): _SETTLE,
    ("start", 62): _SETTLE,
    ("start", 65): _SETTLE,
    ("start", 433): "The resource id was older than five minutes: a fresh one is acquired",
    ("start", 502): "No capacity at the moment: a fresh resource id is acquired",
    ("start", 1001): "The resource id was not understood: a fresh one is acquired",
    ("query", 501): "It is leaving",
    ("stop", 49): "It is leaving already",
    ("stop", 50): "It has stopped; the upload goes on",
    ("stop", 435): "Nobody published anything that was to be recorded",
}
_BY_CODE: Mapping[int, str] = {
    2: _BODY,
    7: "It runs already under this resource id",
    8: "A proxy on the way may change headers or bodies",
    49: "It is leaving already",
    53: "Another recorder with the same channel and uid lives: wait for its end, adopt it with `reconciler import`, "
    "or choose another `uid`",
    62: f"Agora's backend did not answer in time. {_AGAIN}",
    65: f"Agora's backend did not answer in time. {_AGAIN}",
    109: "The token has expired: use `token.certificate`, or a fresh token",
    110: "The token is not for this App ID, channel and uid",
    400: _NOT_ENABLED,
    401: _CHANNEL,
    404: "It has ended, never began, or is moving to another server",
    405: "The App ID is suspended or its account overdue; see Agora's console",
    406: "As many recorders run as this App ID may have; look for forgotten ones, or ask Agora for more",
    432: "App ID, channel or uid are not those of the resource id",
    433: "The resource id was older than five minutes",
    501: "It is leaving",
    1001: "The resource id was not understood",
    1003: "App ID or sid do not belong to this resource id; was the handle imported wrongly?",
    1013: _CHANNEL,
    1028: "The layout is not accepted; compare with `reconciler render --wire`",
}


def hint_for(endpoint: Endpoint, code: int | None, text: str, status: int | None) -> str:
    """Find the cure, or nothing where none is known."""
    lowered = text.lower()
    for words, hint in _BY_TEXT:
        if words in lowered:
            return hint
    if code is not None:
        return _BY_ENDPOINT.get((endpoint, code)) or _BY_CODE.get(code, "")
    if status == 401:
        return _CREDENTIALS
    if status in (403, 404) and endpoint in ("channels", "users"):
        return _NOT_LISTED
    return "A proxy or an outage is on the way" if status is not None and status >= 500 else ""
