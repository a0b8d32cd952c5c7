"""Who is in a channel decides (interface.md 1.3, S11), and what webhooks tell makes it quicker, never different."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reconciler.agora.notices import read_notice
from reconciler.evidence import Notice
from reconciler.model import Held, Key
from reconciler.planning.orders import Freeze
from reconciler.planning.standing import SetOrders
from reconciler.simulator.options import Options
from reconciler.simulator.webhooks import Webhooks
from tests.virtual_time import virtual_now, virtual_seconds
from tests.world.house import House, keeping
from tests.world.stage import Stage, assert_never_two, minutes, played, recording


@pytest.fixture(params=[False, True], ids=["recorders not listed", "recorders listed"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    return Stage(tmp_path, Options(channels_occupied=False, recorders_listed=request.param))


def join(stage: Stage, channel: str) -> None:
    stage.world.join(virtual_seconds(), channel, "77")


def leave(stage: Stage, channel: str) -> None:
    stage.world.leave(virtual_seconds(), channel, None)


def webhooks(house: House, lost: frozenset[int] = frozenset()) -> Webhooks:
    """Deliver the world's notices to the daemon, but those of the lost kinds."""

    async def deliver(body: bytes, headers: Mapping[str, str]) -> int:
        del headers
        notice = read_notice(body, virtual_now())
        if isinstance(notice, Notice) and notice.event_type not in lost:
            await house.daemon.receive(notice)
        return 200

    return Webhooks(house.stage.world, deliver, clock=virtual_seconds)


def test_occupied_records_while_somebody_is_there_and_never_in_an_empty_room(stage: Stage) -> None:
    stage.write(recording("a", "  when: occupied\n  capture: {maxIdle: 30s}"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(5)
            assert house.phases() == {"a": "Empty"}
            assert stage.world.recorders == []
            join(stage, "a")
            await minutes(1)
            assert stage.live_channels() == ["a"]
            leave(stage, "a")
            await minutes(10)
            assert stage.live_channels() == []
            assert len(stage.world.recorders) == 1
            join(stage, "a")
            await minutes(1)
            assert stage.live_channels() == ["a"]

    played(story)
    assert_never_two(stage)


def test_no_recorder_is_started_again_into_a_room_that_is_known_to_be_empty(stage: Stage) -> None:
    """Whatever the restart policy: always, and without webhooks, the list tells."""
    stage.write(recording("a", "  capture: {maxIdle: 30s}"))

    async def story() -> None:
        async with keeping(stage) as house:
            join(stage, "a")
            await minutes(2)
            leave(stage, "a")
            await minutes(60)
            assert house.phases() == {"a": "Empty"}
            assert len(stage.world.recorders) <= 3  # until two reads of the list have said that it is empty
            join(stage, "a")
            await minutes(1)
            assert stage.live_channels() == ["a"]

    played(story)
    assert_never_two(stage)


def test_who_joins_is_recorded_at_once_however_often_the_room_was_empty_before(stage: Stage) -> None:
    """Interface.md 1.3: it is waiting until somebody joins; the backoff is for where that cannot be known."""
    stage.write(recording("a", "  capture: {maxIdle: 30s}"))

    async def story() -> None:
        async with keeping(stage) as house, webhooks(house).sending():
            for _ in range(7):
                join(stage, "a")
                await minutes(1.5)
                assert stage.live_channels() == ["a"], virtual_now()
                leave(stage, "a")
                await minutes(4)
                assert house.phases() == {"a": "Empty"}

    played(story)
    assert_never_two(stage)


def test_an_overrun_goes_on_while_somebody_is_there_and_at_most_so_long(stage: Stage) -> None:
    schedule = "  schedule: {until: 2026-01-01T09:10:00Z, overrun: 10m}"
    stage.write(recording("left", schedule), recording("stays", schedule))

    async def story() -> None:
        join(stage, "left")
        join(stage, "stays")
        async with keeping(stage):
            await minutes(12)
            assert stage.live_channels() == ["left", "stays"]
            leave(stage, "left")
            await minutes(3)
            assert stage.live_channels() == ["stays"]
            await minutes(6)
            assert stage.live_channels() == []

    played(story)


def test_a_webhook_gives_a_lost_sid_back(stage: Stage) -> None:
    """S5, where 201 has no sid: without webhooks it would be Unknown until it ends by itself."""
    stage.write(recording("a"))
    stage.fault("start#1 lose")

    async def story() -> None:
        join(stage, "a")
        async with keeping(stage) as house, webhooks(house).sending():
            await minutes(2)
            assert house.phases() == {"a": "Converged"}
            assert len(stage.world.recorders) == 1
            assert [one.sid for one in stage.live()] == [
                session.state.sid for session in house.daemon.intake.entries.popitem()[1].open_sessions
            ]

    played(story)
    assert_never_two(stage)


def test_an_exit_told_by_webhook_is_believed_at_the_first_404(stage: Stage) -> None:
    stage.write(recording("a", "  restart: onFailure\n  capture: {maxIdle: 30s}"))

    async def story() -> None:
        join(stage, "a")
        async with keeping(stage) as house, webhooks(house).sending():
            await minutes(2)
            leave(stage, "a")
            await minutes(0.8)
            assert house.phases() == {"a": "Completed"}  # idle, and within seconds of it

    played(story)


def test_a_failover_before_the_first_query_is_seen_by_its_webhook(stage: Stage) -> None:
    """S6: the old uid is no fence then, so no probe may start a second recorder."""
    stage.write(recording("a"))
    stage.fault("start#1 lose")

    async def story() -> None:
        join(stage, "a")
        async with keeping(stage) as house, webhooks(house, lost=frozenset({40})).sending():
            await minutes(0.05)
            stage.world.fail_over(virtual_seconds(), stage.live()[0].sid, 10)
            await minutes(20)
            assert len(stage.world.recorders) == 1
            states: list[Any] = [session.state for session in house.daemon.intake.entries.popitem()[1].open_sessions]
            assert not isinstance(states[0], Held)

    played(story)


def test_while_a_set_is_frozen_nobody_looks_who_is_there_and_afterwards_it_starts_as_ever(stage: Stage) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            freeze = Freeze("alice", "maintenance", virtual_now())
            await house.ledger.give(Key("default", ""), SetOrders, lambda orders: replace(orders, freeze=freeze))
            await house.daemon.hear()
            stage.write(recording("a"), recording("b"))
            house.offer()
            looked = stage.calls("channels")
            await minutes(5)
            assert stage.calls("channels") == looked
            await house.ledger.give(Key("default", ""), SetOrders, lambda orders: replace(orders, freeze=None))
            await house.daemon.hear()
            await minutes(0.5)
            assert "b" in stage.live_channels()

    played(story)
