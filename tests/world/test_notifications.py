"""What a receiver hears of recordings that really start, die and stop: the whole program, and a receiver beside it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import structlog

from reconciler.cli.notifying import open_notifications
from reconciler.ledger import InlineThread, open_ledger
from reconciler.settings import load_settings
from reconciler.simulator.options import Options
from tests.receiver import ADDRESS, SIGNING_SECRET, Heard, Receiver
from tests.virtual_time import virtual_now, virtual_seconds
from tests.world.stage import Stage, minutes, played, recording

SETTINGS = {"RECONCILER_NOTIFY_URL": ADDRESS, "RECONCILER_NOTIFY_SECRET": SIGNING_SECRET}


@asynccontextmanager
async def listening(stage: Stage, receiver: Receiver) -> AsyncIterator[None]:
    """Tell the receiver what other processes write into the ledger of the stage."""
    settings = load_settings({**stage.environ, **SETTINGS}, stage.folder, lambda _: None)
    log = structlog.wrap_logger(structlog.ReturnLogger(), processors=[])
    ledger = await open_ledger(stage.ledger, service=None, now=virtual_now, run=InlineThread())
    try:
        async with open_notifications(
            ledger, stage.set, settings, log, clock=virtual_now, transport=receiver.transport
        ) as notifier:
            assert notifier
            telling = asyncio.ensure_future(notifier.run())
            yield
            telling.cancel()
            with suppress(asyncio.CancelledError):
                await telling
    finally:
        await ledger.close()


def of(told: list[Heard], name: str) -> list[str]:
    return [one.type for one in told if one.document["subject"] == name]


def test_a_life_with_a_death_in_it(tmp_path: Path) -> None:
    stage, receiver = Stage(tmp_path), Receiver(virtual_now)
    stage.write(recording("dies"), recording("lives"))

    async def story() -> None:
        async with listening(stage, receiver):
            await stage.apply()
            await minutes(1)
            await stage.plan(refresh="all")  # its files are known from the last poll: the dead say nothing
            [victim] = [one for one in stage.live() if one.channel == "dies"]
            stage.world.kill(virtual_seconds(), victim.sid)
            await minutes(3)
            await stage.apply()
            await minutes(1)
            stage.write()
            await stage.apply(prune=True)
            await minutes(1)

    played(story)
    told = receiver.told
    assert of(told, "lives") == ["recording.started", "recording.completed"]
    assert of(told, "dies") == [
        "recording.started",
        "recording.down",
        "recording.completed",
        "recording.started",
        "recording.healed",
        "recording.completed",
    ]
    completed = {one.document["data"]["sid"]: one.document["data"] for one in told if one.type == "recording.completed"}
    assert completed.keys() == {recorder.sid for recorder in stage.world.recorders}
    for recorder in stage.world.recorders:
        data = completed[recorder.sid]
        assert data["how"] == ("failed" if recorder.channel == "dies" and data["session"] == 1 else "stopped")
        assert recorder.files
        assert [file["uri"] for file in data["files"]] == [f"s3://lessons/{name}" for name in recorder.files]


def test_a_receiver_that_was_away_all_along_hears_it_all_the_same(tmp_path: Path) -> None:
    stage, receiver = Stage(tmp_path), Receiver(virtual_now, down=httpx.ConnectError("Connection refused"))
    stage.write(recording("a"))

    async def story() -> None:
        async with listening(stage, receiver):
            await stage.apply()
            stage.write()
            await stage.apply(prune=True)
            await minutes(10)
        receiver.down = None
        async with listening(stage, receiver):
            await minutes(10)

    played(story)
    assert receiver.types == ["recording.started", "recording.completed"]


def test_control_that_is_lost_is_told_once_while_it_is_probed(tmp_path: Path) -> None:
    stage, receiver = Stage(tmp_path, Options(already_started_sid=False)), Receiver(virtual_now)
    stage.write(recording("a"))
    stage.fault("start#1 lose")

    async def story() -> None:
        async with listening(stage, receiver):
            await stage.apply()
            for _ in range(5):
                await minutes(2)
                await stage.apply()
            assert stage.calls("start") > 5
            stage.world.leave(virtual_seconds(), "a", None)
            await minutes(10)
            assert (await stage.apply()).is_done
            await minutes(1)

    played(story)
    assert receiver.types == ["control.lost", "recording.started"]
