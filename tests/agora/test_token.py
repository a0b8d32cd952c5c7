"""Tokens, against the vectors that Agora publishes with its token builders (github.com/AgoraIO/Tools)."""

import base64
import struct
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.agora.token import Grant, TokenFacts, inspect_token, mint_token, token_misfit
from reconciler.model import Secret

APP = "970CA35de60c44645bbae8a215061b33"
CERTIFICATE = Secret("5CFd2fd1755d40ecb72977518be15d3b")
CHANNEL = "7d72365eb983485397e3e3f9d460bdda"
UID = "2882341273"
ISSUED = datetime.fromtimestamp(1111111, UTC)

RTC = (
    "007eJxTYBBbsMMnKq7p9Hf/HcIX5kce9b518kCiQgSr5Zrp4X1Tu6UUGCzNDZwdjU1TUs0Mkk1MzExMk5ISUy0SjQxNDcwMk4yN3"
    "b8IMEQwMTAwMoAwBIL4CgzmKeZGxmamqUmWFsYmFqbGluapxqnGaZYpJmYGSSkpiVwMRhYWRsYmhkbmxgDCaiTj"
)
RTC_ANYBODY = (
    "007eJxTYLhzZP08Lxa1Pg57+TcXb/3cZ3wi4V6kbpbOog0G2dOYk20UGCzNDZwdjU1TUs0Mkk1MzExMk5ISUy0SjQxNDcwMk4yN3"
    "b8IMEQwMTAwMoAwBIL4CgzmKeZGxmamqUmWFsYmFqbGluapxqnGaZYpJmYGSSkpiQwMADacImo="
)
SEVERAL_SERVICES = (
    "007eJxTYHh8IPKzTvBdf9ce8bk7G61vs06oca1e815/ot4+x7rfjDIKDJbmBs6OxqYpqWYGySYmZiamSUmJqRaJRoamBmaGScbG7"
    "l8EGCKYGBgYGRgYWIEkCxCD+ExgkhlMsoBJBQbzFHMjYzPT1CRLC2MTC1NjS/NU41TjNMsUEzODpJSURC4GIwsLI2MTQyNzYyagO"
    "RCTkEVZ4KKsWOXZgWIQm1HF//8HAL01L5I="
)
CHAT = (
    "007eJxTYNAIsnbS3v/A5t2TC6feR15r+6cq8bqAvfaW+tk/Vzz+p6xTYLA0N3B2NDZNSTUzSDYxMTMxTUpKTLVINDI0NTAzTDI2d"
    "v8iwBDBxMDAyADCrEDMCOZzMRhZWBgZmxgamRsDAB+lHrg="
)
OLDER = f"006{APP}IACV0fZUBw+72cVoL9eyGGh3Q6Poi8bgjwVLnyKSJyOXR7dIfRBXoFHlEAABAAAAR/QQAAEAAQCvKDdW"


def minted(uid: str = UID, **more: object) -> str:
    said: dict[str, object] = {
        "app_id": APP, "certificate": CERTIFICATE, "channel": CHANNEL, "uid": uid, "ttl": timedelta(seconds=600),
        "salt": 1, "issued_at": ISSUED,
    }  # fmt: skip
    return mint_token(**(said | more))  # type: ignore[arg-type]


def unpacked(token: str) -> bytes:
    """Compare what is signed and how, not how well it was squeezed."""
    return zlib.decompress(base64.b64decode(token[3:]))


def test_the_published_vector() -> None:
    assert unpacked(minted()) == unpacked(RTC)
    assert minted().startswith("007")


def test_the_published_vector_for_anybody() -> None:
    assert unpacked(minted(uid="0")) == unpacked(RTC_ANYBODY)


def test_a_token_reads_as_it_was_made() -> None:
    end = ISSUED + timedelta(seconds=600)
    assert inspect_token(minted()) == TokenFacts("007", APP, (Grant(CHANNEL, UID, end),))
    assert inspect_token(minted(channel="жизнь", privileges=(4, 1))) == TokenFacts(
        "007", APP, (Grant("жизнь", UID, end),)
    )


def test_a_token_for_several_services_reads_as_far_as_rtc() -> None:
    facts = inspect_token(SEVERAL_SERVICES)
    assert facts == TokenFacts("007", APP, (Grant(CHANNEL, UID, ISSUED + timedelta(seconds=600)),))


def test_an_older_token_has_checksums() -> None:
    end = datetime.fromtimestamp(1446455471, UTC)
    assert inspect_token(OLDER) == TokenFacts(
        "006", APP, (Grant(zlib.crc32(CHANNEL.encode()), zlib.crc32(UID.encode()), end),)
    )


def older(uid: str, privileges: dict[int, int]) -> str:
    message = struct.pack("<IIH", 1, 2, len(privileges))
    message += b"".join(struct.pack("<HI", *pair) for pair in privileges.items())
    sums = struct.pack("<II", zlib.crc32(CHANNEL.encode()), zlib.crc32(uid.encode()))
    content = struct.pack("<H", 2) + b"xx" + sums + struct.pack("<H", len(message)) + message
    return f"006{APP}{base64.b64encode(content).decode()}"


@pytest.mark.parametrize("token", [RTC, RTC_ANYBODY, OLDER, older("", {1: 0}), minted(), minted(channel="*")])
def test_a_token_that_fits(token: str) -> None:
    assert token_misfit(token, app_id=APP.lower(), channel=CHANNEL, uid=UID) is None


@pytest.mark.parametrize("token", ["", "secret", "007", "007eJ", "007!!", RTC[:-9], OLDER[:-9], "006" + "x" * 60, APP])
def test_an_opaque_token_is_accepted(token: str) -> None:
    assert inspect_token(token) is None
    assert token_misfit(token, app_id=APP, channel=CHANNEL, uid=UID, now=datetime.now(UTC)) is None


@pytest.mark.parametrize("token", [RTC, OLDER])
def test_what_does_not_fit_is_named_without_the_token(token: str) -> None:
    def misfit(app_id: str = APP, channel: str = CHANNEL, uid: str = UID) -> str | None:
        return token_misfit(token, app_id=app_id, channel=channel, uid=uid)

    assert misfit(app_id="0" * 32) == "the token is for another App ID"
    assert misfit(channel="other") == "the token is not for channel other"
    assert misfit(uid="7") == "the token is not for uid 7"


def test_a_token_for_another_service_lets_nobody_in() -> None:
    words = "the token does not let anybody join a channel"
    for token in (CHAT, minted(privileges=(2,)), older(UID, {2: 9})):
        assert token_misfit(token, app_id=APP, channel=CHANNEL, uid=UID) == words


def test_expiry() -> None:
    def misfit(token: str, seconds: int) -> str | None:
        now = ISSUED + timedelta(seconds=seconds)
        return token_misfit(token, app_id=APP, channel=CHANNEL, uid=UID, now=now)

    assert misfit(RTC, 599) is None
    assert misfit(RTC, 600) == "the token expired at 1970-01-13T20:48:31+00:00"
    assert misfit(minted(ttl=timedelta()), 10**6) is None
    assert misfit(older(UID, {1: 0}), 10**6) is None


def test_a_certificate_of_the_wrong_form_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits") as raised:
        minted(certificate=Secret("certainly-secret"))
    assert "certainly-secret" not in str(raised.value)
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        minted(app_id="short")


def test_a_token_that_unpacks_to_far_too_much_is_opaque() -> None:
    bomb = "007" + base64.b64encode(zlib.compress(b"\xff" * 10**8)).decode()
    assert inspect_token(bomb) is None


@given(st.text() | st.binary().map(lambda raw: "007" + base64.b64encode(zlib.compress(raw)).decode()))
def test_reading_never_fails(text: str) -> None:
    inspect_token(text)
    inspect_token("006" + text)


@given(st.text(max_size=64), st.integers(1, 2**32 - 1), st.integers(1, 99_999_999))
def test_what_is_minted_fits(channel: str, uid: int, salt: int) -> None:
    token = minted(uid=str(uid), channel=channel, salt=salt)
    assert token_misfit(token, app_id=APP, channel=channel, uid=str(uid)) is None
