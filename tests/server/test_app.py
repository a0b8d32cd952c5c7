"""What every path has in common: JSON that nobody keeps, and no word of a failure of ours."""

import pytest

from reconciler.errors import LedgerError
from reconciler.server.snapshot import Snapshot
from tests.server.parts import NOTICE, Daemon, in_process, signed


async def test_no_answer_may_be_kept() -> None:
    async with in_process(Daemon()) as client:
        answers = [await client.get(path) for path in ("/healthz", "/readyz", "/metrics", "/nowhere")]
        answers += [
            await client.post("/healthz"),
            await client.post("/webhooks/agora", content=NOTICE),
            await client.post("/webhooks/agora", content=NOTICE, headers=signed()),
        ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 405, 401, 200]
    assert {answer.headers["cache-control"] for answer in answers} == {"no-store"}


@pytest.mark.parametrize("path", ["/nowhere", "/healthz/", "/webhooks", "/webhooks/agora/", "//healthz"])
async def test_what_is_not_served_is_told_as_json(path: str) -> None:
    async with in_process(Daemon()) as client:
        answer = await client.get(f"http://daemon{path}")

    assert answer.status_code == 404
    assert "/healthz" in answer.json()["error"]


async def test_a_wrong_method_is_told_with_the_right_ones() -> None:
    async with in_process(Daemon()) as client:
        posted = await client.post("/metrics", content=b"x" * 100_000)
        got = await client.get("/webhooks/agora")

    assert (posted.status_code, got.status_code) == (405, 405)
    assert {one.strip() for one in posted.headers["allow"].split(",")} == {"GET", "HEAD"}
    assert got.headers["allow"] == "POST"
    assert posted.json() == {"error": "this path does not take that method"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
async def test_head_is_answered_where_get_is(path: str) -> None:
    async with in_process(Daemon()) as client:
        assert (await client.head(path)).status_code == 200


async def test_a_failure_of_ours_is_reported_and_answered_without_a_word_of_it() -> None:
    problem = LedgerError("password=hunter2")

    def broken() -> Snapshot:
        raise problem

    daemon = Daemon(snapshot=broken)
    async with in_process(daemon) as client:
        answer = await client.get("/metrics?x=1")
        assert (await client.get("/healthz")).status_code == 200

    assert (answer.status_code, answer.json()) == (500, {"error": "this failed here; the log says why"})
    assert daemon.failures == [("GET /metrics", problem)]
