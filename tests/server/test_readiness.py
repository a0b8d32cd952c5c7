"""/readyz: ready is who has a set in force and a ledger that answers; the rest is detail (S17)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from reconciler.errors import LedgerError
from reconciler.planning.standing import Standing, Withheld
from reconciler.server.readiness import Readiness
from tests.server.parts import ACCEPTED, AT, Daemon, failing, in_process
from tests.virtual_time import run_virtual

TV = "f" * 32


async def answered(daemon: Daemon) -> tuple[int, dict[str, object]]:
    async with in_process(daemon) as client:
        answer = await client.get("/readyz")
    return answer.status_code, answer.json()


async def test_with_a_set_in_force_and_a_ledger_it_is_ready() -> None:
    assert await answered(Daemon()) == (
        200,
        {
            "ready": True,
            "source": {
                "name": "./manifests",
                "revision": "sha256:5d41402a",
                "acceptedAt": "2026-01-01T08:00:00Z",
                "trouble": None,
                "troubledSince": None,
                "withheld": None,
            },
            "ledger": "ok",
            "apps": {},
        },
    )


async def test_before_the_first_set_is_accepted_it_is_not_ready() -> None:
    troubled = Standing("./manifests", trouble="a.yaml:1:1: not YAML", troubled_since=AT)
    status, said = await answered(Daemon(readiness=Readiness(troubled)))

    assert (status, said["ready"]) == (503, False)
    assert said["source"] == {
        "name": "./manifests",
        "revision": None,
        "acceptedAt": None,
        "trouble": "a.yaml:1:1: not YAML",
        "troubledSince": "2026-01-01T09:00:00Z",
        "withheld": None,
    }


async def test_a_withheld_revision_and_a_troubled_source_are_detail_for_the_last_set_is_in_force() -> None:
    withheld = Withheld("77aa", "main@sha1:77aa", "40 of 100 live recordings would stop", AT)
    held = await answered(Daemon(readiness=Readiness(replace(ACCEPTED, withheld=withheld))))
    troubled = await answered(Daemon(readiness=Readiness(replace(ACCEPTED, trouble="the folder cannot be read"))))

    assert (held[0], held[1]["ready"]) == (200, True)
    assert held[1]["source"] == {
        "name": "./manifests",
        "revision": "sha256:5d41402a",
        "acceptedAt": "2026-01-01T08:00:00Z",
        "trouble": None,
        "troubledSince": None,
        "withheld": {
            "revision": "main@sha1:77aa",
            "reason": "40 of 100 live recordings would stop",
            "since": "2026-01-01T09:00:00Z",
        },
    }
    assert (troubled[0], troubled[1]["ready"]) == (200, True)
    assert "the folder cannot be read" in str(troubled[1]["source"])


async def test_a_ledger_that_fails_is_told_in_its_words_beside_what_is_known() -> None:
    status, said = await answered(Daemon(asked=failing(LedgerError("the disk is full"))))

    assert (status, said["ready"], said["ledger"]) == (503, False, "the disk is full")
    assert "sha256:5d41402a" in str(said["source"])


def test_a_ledger_that_does_not_answer_is_not_waited_for() -> None:
    status, said = run_virtual(answered(Daemon(asked=asyncio.Event().wait)))

    assert (status, said["ready"], said["ledger"]) == (503, False, "no answer within 5 s")


async def test_a_refused_app_is_named_and_the_others_are_kept_all_the_same() -> None:
    status, said = await answered(
        Daemon(readiness=Readiness(ACCEPTED, {TV: "query answered 401: wrong secret"}, {TV: ("tv",)}))
    )

    assert (status, said["apps"]) == (200, {TV: {"names": ["tv"], "refused": "query answered 401: wrong secret"}})


def test_a_set_that_is_named_by_nothing_but_its_content_is_in_force_too() -> None:
    bare = Standing("-", "5d41402a", accepted_at=AT - timedelta(days=1))
    status, said = run_virtual(answered(Daemon(readiness=Readiness(bare))))

    assert (status, said["ready"]) == (200, True)
    assert "'revision': '5d41402a'" in str(said["source"])
