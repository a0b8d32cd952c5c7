"""RTC tokens: made for one channel and uid, and read as far as they can be. Time and chance are handed in."""

import base64
import binascii
import hashlib
import hmac
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from reconciler.model import Secret

# Source of both formats: github.com/AgoraIO/Tools, DynamicKey/AgoraDynamicKey (AccessToken2 "007", AccessToken "006").
_RTC = 1  # service type
JOIN_CHANNEL = 1  # privilege; 2, 3 and 4 publish audio, video and data, which a recorder never does
_HEX_ID = re.compile(r"[0-9a-fA-F]{32}")
_LARGEST = 64 * 1024  # bytes of a token unpacked; real ones have some hundred
_ANY_CHANNEL = "*"


@dataclass(frozen=True, slots=True)
class Grant:
    """Whom a token lets in, and where. An older token has checksums (CRC-32) only, which stand here as numbers."""

    channel: str | int
    uid: str | int  # empty: anybody
    expires_at: datetime | None  # None: it does not say

    def fits_channel(self, channel: str) -> bool:
        return any(_is(self.channel, text) for text in (channel, _ANY_CHANNEL))

    def fits_uid(self, uid: str) -> bool:
        return any(_is(self.uid, text) for text in (uid, ""))


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a token says of itself; whether its signature is right only the service knows."""

    version: Literal["006", "007"]
    app_id: str
    grants: tuple[Grant, ...]  # to RTC channels; empty: it is for another service


def mint_token(
    *,
    app_id: str,
    certificate: Secret,
    channel: str,
    uid: str,
    ttl: timedelta,
    salt: int,
    issued_at: datetime,
    privileges: Sequence[int] = (JOIN_CHANNEL,),
) -> str:
    """Make an AccessToken2. `salt` is any number from 1 to 99999999, best a random one.

    Raises ValueError, which names no secret, for an App ID or certificate that is not 32 hexadecimal digits.
    """
    key = certificate.reveal()
    if not _HEX_ID.fullmatch(app_id) or not _HEX_ID.fullmatch(key):
        raise ValueError("App ID and certificate are 32 hexadecimal digits each")
    issued, lasts = int(issued_at.timestamp()), int(ttl.total_seconds())
    granted = b"".join(struct.pack("<HI", privilege, lasts) for privilege in sorted(privileges))
    service = struct.pack("<HH", _RTC, len(privileges)) + granted + _text(channel) + _text("" if uid == "0" else uid)
    content = _text(app_id) + struct.pack("<IIIH", issued, lasts, salt, 1) + service
    signing = hmac.digest(struct.pack("<I", issued), key.encode(), hashlib.sha256)
    signing = hmac.digest(struct.pack("<I", salt), signing, hashlib.sha256)
    signature = hmac.digest(signing, content, hashlib.sha256)
    packed = zlib.compress(struct.pack("<H", len(signature)) + signature + content)
    return "007" + base64.b64encode(packed).decode()


def inspect_token(text: str) -> TokenFacts | None:
    """Read a token; None for one that cannot be read, which may be right all the same."""
    try:
        if text.startswith("007"):
            return _read_007(text)
        if text.startswith("006"):
            return _read_006(text)
    except (ValueError, IndexError, struct.error, zlib.error, binascii.Error):
        return None
    return None


def token_misfit(text: str, *, app_id: str, channel: str, uid: str, now: datetime | None = None) -> str | None:
    """Say why a readable token will not do, without showing it; None: nothing speaks against it."""
    facts = inspect_token(text)
    if facts is None:
        return None
    if facts.app_id.lower() != app_id.lower():
        return "the token is for another App ID"
    if not facts.grants:
        return "the token does not let anybody join a channel"
    here = [grant for grant in facts.grants if grant.fits_channel(channel)]
    if not here:
        return f"the token is not for channel {channel}"
    ours = [grant for grant in here if grant.fits_uid(uid)]
    if not ours:
        return f"the token is not for uid {uid}"
    ends = [grant.expires_at for grant in ours]
    if now is not None and all(end is not None and end <= now for end in ends):
        return f"the token expired at {max(end for end in ends if end is not None).isoformat()}"
    return None


def _is(written: str | int, text: str) -> bool:
    return written == (zlib.crc32(text.encode()) if isinstance(written, int) else text)


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<H", len(encoded)) + encoded


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


class _Reader:
    """Takes little-endian numbers and counted texts from the front of bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    def number(self, kind: Literal["H", "I"]) -> int:
        (value,) = struct.unpack_from(f"<{kind}", self._content, self._position)
        self._position += struct.calcsize(f"<{kind}")
        return int(value)

    def counted(self) -> bytes:
        length = self.number("H")
        piece = self._content[self._position : self._position + length]
        if len(piece) < length:
            raise ValueError("cut short")
        self._position += length
        return piece

    def privileges(self) -> dict[int, int]:
        return {self.number("H"): self.number("I") for _ in range(self.number("H"))}


def _read_007(text: str) -> TokenFacts:
    packed = base64.b64decode(text[3:], validate=True)
    reader = _Reader(zlib.decompressobj().decompress(packed, _LARGEST))
    reader.counted()  # the signature
    app_id = reader.counted().decode()
    issued, lasts = reader.number("I"), reader.number("I")
    reader.number("I")  # the salt
    grants = []
    for _ in range(reader.number("H")):
        if reader.number("H") != _RTC:
            break  # services stand in the order of their types, and RTC is the first
        privileges = reader.privileges()
        channel, uid = reader.counted().decode(), reader.counted().decode()
        spans = [span for span in (lasts, privileges.get(JOIN_CHANNEL, 0)) if span]
        if JOIN_CHANNEL in privileges:
            grants.append(Grant(channel, uid, _moment(issued + min(spans)) if spans else None))
    return TokenFacts("007", app_id, tuple(grants))


def _read_006(text: str) -> TokenFacts:
    app_id, content = text[3:35], base64.b64decode(text[35:], validate=True)
    if not _HEX_ID.fullmatch(app_id):
        raise ValueError("no App ID")
    reader = _Reader(content)
    reader.counted()  # the signature
    channel, uid = reader.number("I"), reader.number("I")
    message = _Reader(reader.counted())
    message.number("I")  # the salt
    message.number("I")  # a time that builders do not agree about
    privileges = message.privileges()
    if JOIN_CHANNEL not in privileges:
        return TokenFacts("006", app_id, ())
    end = privileges[JOIN_CHANNEL]
    return TokenFacts("006", app_id, (Grant(channel, uid, _moment(end) if end else None),))
