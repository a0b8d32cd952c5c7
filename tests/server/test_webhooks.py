"""POST /webhooks/agora: who may post and how much, and what the service hears (agora-api.md 7.1)."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from reconciler.errors import LedgerError
from reconciler.server.webhooks import LARGEST_BODY
from tests.server.parts import NOTICE, Daemon, in_process, signed
from tests.virtual_time import run_virtual

PATH = "/webhooks/agora"


async def posted(daemon: Daemon, body: bytes | AsyncIterator[bytes], headers: dict[str, str]) -> httpx.Response:
    async with in_process(daemon) as client:
        return await client.post(PATH, content=body, headers=headers)


async def pieces(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_a_signed_notice_is_written_down_before_it_is_answered() -> None:
    daemon = Daemon()
    answer = await posted(daemon, NOTICE, signed())

    assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert answer.headers["content-type"] == "application/json"
    assert daemon.notices == [NOTICE.decode()]
    assert daemon.arrived("accepted") == 1


async def test_a_duplicate_is_answered_as_taken_so_that_it_is_not_sent_again() -> None:
    daemon = Daemon()
    await posted(daemon, NOTICE, signed())
    answer = await posted(daemon, NOTICE, signed())

    assert (answer.status_code, answer.json()) == (200, {"received": True})
    assert (daemon.arrived("accepted"), daemon.arrived("duplicate")) == (1, 1)


@pytest.mark.parametrize("headers", [{}, signed(secret=b"another"), signed(NOTICE + b" ")])
async def test_a_missing_or_wrong_signature_is_refused_before_anything_is_read(headers: dict[str, str]) -> None:
    daemon = Daemon()
    for body in (NOTICE, b"not json"):
        answer = await posted(daemon, body, headers)
        assert answer.status_code == 401
        assert "RECONCILER_WEBHOOK_SECRET" in answer.json()["error"]

    assert daemon.notices == []
    assert daemon.arrived("refused") == 2


async def test_what_is_signed_and_no_notice_is_refused_with_the_reason() -> None:
    daemon = Daemon()
    answer = await posted(daemon, b"[1]", signed(b"[1]"))

    assert (answer.status_code, answer.json()) == (400, {"error": "not a JSON object"})
    assert daemon.arrived("unusable") == 1


async def test_the_signature_is_that_of_the_raw_bytes() -> None:
    daemon = Daemon()
    body = '{ "cname" : "café",\r\n "x": 1.0 }'.encode()

    assert (await posted(daemon, body, signed(body))).status_code == 200
    assert daemon.notices == [body.decode()]


async def test_a_body_of_the_largest_size_is_taken_and_one_byte_more_is_not() -> None:
    daemon = Daemon()
    largest = b"{" + b"x" * (LARGEST_BODY - 1)
    taken = await posted(daemon, largest, signed(largest))
    refused = await posted(daemon, largest + b"x", signed(largest + b"x"))

    assert (taken.status_code, refused.status_code) == (200, 413)
    assert str(LARGEST_BODY) in refused.json()["error"]
    assert len(daemon.notices) == 1
    assert daemon.arrived("unusable") == 1


@pytest.mark.parametrize("claimed", ["10", "-1", "none", None])
async def test_how_long_a_sender_says_its_body_is_does_not_count(claimed: str | None) -> None:
    daemon = Daemon()
    headers = {"Content-Length": claimed} if claimed else {}

    assert (await posted(daemon, pieces(100, 1024), headers)).status_code == 413


async def test_without_an_end_a_body_is_read_no_further() -> None:
    daemon = Daemon()
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 4096
            yield b"x" * 4096

    assert (await posted(daemon, endless(), {})).status_code == 413
    assert sent <= 2 * 2**20


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    daemon = Daemon()

    async def late() -> AsyncIterator[bytes]:
        yield NOTICE[:5]
        await asyncio.sleep(60)
        yield NOTICE[5:]

    async def story() -> tuple[int, float]:
        answer = await posted(daemon, late(), signed())
        return answer.status_code, asyncio.get_running_loop().time()

    assert run_virtual(story()) == (408, 8.0)
    assert daemon.arrived("unusable") == 1


async def test_what_could_not_be_written_down_is_asked_for_again() -> None:
    daemon = Daemon(write_problem=LedgerError("the disk is full"))
    answer = await posted(daemon, NOTICE, signed())

    assert answer.status_code == 503
    assert "disk" not in answer.text
    assert daemon.failures == [("POST /webhooks/agora", daemon.write_problem)]
    assert daemon.arrived("failed") == 1


def test_within_ten_seconds_the_service_has_its_answer_whatever_happens() -> None:
    daemon = Daemon(write_hangs=True)

    async def slow() -> AsyncIterator[bytes]:
        await asyncio.sleep(5)
        yield NOTICE

    async def story() -> tuple[int, float]:
        answer = await posted(daemon, slow(), signed())
        return answer.status_code, asyncio.get_running_loop().time()

    status, seconds = run_virtual(story())
    assert status == 503
    assert seconds < 10


async def test_without_a_secret_none_are_taken_and_the_setting_is_named() -> None:
    daemon = Daemon(has_inbox=False)
    answer = await posted(daemon, NOTICE, signed())

    assert answer.status_code == 404
    assert "RECONCILER_WEBHOOK_SECRET" in answer.json()["error"]
    assert daemon.notices == []


async def test_nothing_of_a_body_comes_back_in_an_answer_or_a_failure() -> None:
    secret = b'{"rtmpUrl":"rtmp://host/live/stream-key-55"}'
    daemon = Daemon(write_problem=LedgerError("no"))
    answers = [
        await posted(daemon, secret, signed(secret)),
        await posted(daemon, secret, {}),
        await posted(daemon, b"[" + secret, signed(b"[" + secret)),
    ]

    assert [answer.status_code for answer in answers] == [503, 401, 400]
    assert "stream-key-55" not in " ".join([*(answer.text for answer in answers), str(daemon.failures)])
