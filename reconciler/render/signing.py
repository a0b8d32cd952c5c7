"""The signature of a message by the Standard Webhooks scheme, which receivers have libraries for. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from reconciler.model import Secret

_PREFIX = "whsec_"


def signing_key(secret: Secret) -> bytes:
    """Give the bytes to sign with: those behind `whsec_` in base64, or else the text itself.

    Raises:
        ValueError: what follows `whsec_` is no base64.
    """
    text = secret.reveal()
    if not text.startswith(_PREFIX):
        return text.encode()
    encoded = text.removeprefix(_PREFIX)
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        key = b""
    if not key:
        raise ValueError("no base64")
    return key


def signed_headers(message_id: str, at: datetime, body: bytes, key: bytes | None) -> Mapping[str, str]:
    """Say which message this is and when it is sent, and vouch for it where there is a key.

    `at` is the time of this very try: receivers refuse what is minutes old.
    """
    timestamp = str(int(at.timestamp()))
    named = {"webhook-id": message_id, "webhook-timestamp": timestamp}
    if key is None:
        return named
    digest = hmac.digest(key, b".".join((message_id.encode(), timestamp.encode(), body)), sha256)
    return {**named, "webhook-signature": f"v1,{base64.b64encode(digest).decode()}"}
