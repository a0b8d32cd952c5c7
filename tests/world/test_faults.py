"""What goes wrong on the way and at the service: nothing doubled, nothing lost, and the rest goes on."""

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from reconciler.model import Held, Key, Refusal
from reconciler.planning.actions import Because
from reconciler.simulator.options import Options
from tests.virtual_time import virtual_seconds
from tests.world.stage import Crash, CrashAt, Stage, assert_never_two, minutes, played, recording


@pytest.mark.parametrize("with_sid", [True, False], ids=["201 with a sid", "201 without a sid"])
def test_s4_a_lost_start_answer_is_never_a_second_recorder(tmp_path: Path, *, with_sid: bool) -> None:
    stage = Stage(tmp_path, Options(already_started_sid=with_sid))
    stage.write(recording("a"), recording("b"))
    stage.fault("start#1 lose")

    async def story() -> None:
        verdict = await stage.apply()
        assert stage.live_channels() == ["a", "b"]
        assert len(stage.world.recorders) == 2
        if with_sid:
            assert verdict.is_done
        else:
            [left] = verdict.left.values()
            assert left.because is Because.CONTROL_LOST
            assert not verdict.is_refused
        await minutes(10)
        await stage.apply()
        assert len(stage.world.recorders) == 2

    played(story)


def test_s5_a_recorder_whose_sid_is_lost_is_probed_until_it_ends_and_then_replaced(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Options(already_started_sid=False))
    stage.write(recording("a"))
    stage.fault("start#1 lose")

    async def story() -> None:
        await stage.apply()
        [session] = (await stage.entries())["a"].open_sessions
        assert isinstance(session.state, Held)
        stage.world.leave(virtual_seconds(), "a", None)
        await minutes(10)
        assert stage.live_channels() == []
        assert (await stage.apply()).is_done
        assert stage.live_channels() == ["a"]
        assert_never_two(stage)

    played(story)


@pytest.mark.parametrize(
    "fault",
    [
        "start#1 refuse",
        "start#1-3 refuse 503",
        "start#1 refuse 429",
        "start#1-2 replace 206/65",
        "start#1 replace 500/62",
        "start#1 truncate 20",
        "start#1 delay 40 after",
        "start#1 lose",
        "acquire#1-2 lose",
        "acquire#1 refuse 503",
        "acquire#1 refuse 429",
        "acquire#1 replace 500/504",
        "query#1-2 refuse 503",
        "query#1 lose",
        "query#1 truncate 10",
        "query#1 replace 206/65",
    ],
)
def test_every_fault_of_a_start_ends_in_one_recorder(tmp_path: Path, fault: str) -> None:
    stage = Stage(tmp_path, Options(already_started_sid=True))
    stage.write(recording("a"))
    stage.fault(fault)

    async def story() -> None:
        assert (await stage.apply()).is_done
        assert stage.live_channels() == ["a"]
        assert len(stage.world.recorders) == 1

    played(story)


@pytest.mark.parametrize("refusal", ["401", "400"])
def test_a_repeated_start_that_is_refused_says_nothing_of_the_first(tmp_path: Path, refusal: str) -> None:
    """The process died after its start was accepted; what refuses the repetition does not end the recorder."""
    stage = Stage(tmp_path, Options(already_started_sid=True))
    stage.write(recording("a"))
    stage.fault(f"start#2 refuse {refusal}")

    async def story() -> None:
        stage.crash = CrashAt()
        stage.crash.die_at("after start")
        with suppress(Crash):
            await stage.apply()
        stage.crash = None
        await stage.apply()
        await minutes(1)
        assert (await stage.apply()).is_done
        assert len(stage.world.recorders) == 1

    played(story)


@pytest.mark.parametrize(
    "fault",
    [
        "stop#1 lose",
        "stop#1-2 refuse 503",
        "stop#1 replace 206/65",
        "stop#1 refuse",
        "stop#1 truncate 5",
        "stop#1 delay 40 after",
    ],
)
def test_s12_a_stop_is_repeated_until_it_is_confirmed(tmp_path: Path, fault: str) -> None:
    stage = Stage(tmp_path)
    stage.write(recording("a"), recording("b"))
    stage.fault(fault)

    async def story() -> None:
        await stage.apply()
        await minutes(2)
        stage.write(recording("b"))
        assert (await stage.apply(prune=True)).is_done
        assert stage.live_channels() == ["b"]
        entries = await stage.entries()
        assert entries["a"].open_sessions == ()
        assert entries["a"].newest is not None
        assert entries["a"].newest.files

    played(story)


@pytest.mark.parametrize(
    "options",
    [Options(no_data_435=True), Options(no_data_435=False), Options(snapshot_435=True)],
    ids=["435", "200 without files", "435 with snapshots"],
)
def test_promise_5_every_answer_to_a_stop_ends_in_stopped(tmp_path: Path, options: Options) -> None:
    stage = Stage(tmp_path, options)
    stage.write(recording("a"))

    async def story() -> None:
        await stage.apply()
        stage.write()
        assert (await stage.apply(prune=True)).is_done
        assert stage.live_channels() == []

    played(story)


@pytest.mark.parametrize("fault", ["updateLayout#1 lose", "updateLayout#1-2 refuse 503", "updateLayout#1 refuse 429"])
def test_an_update_without_an_answer_is_repeated(tmp_path: Path, fault: str) -> None:
    stage = Stage(tmp_path)
    stage.write(recording("a"))
    stage.fault(fault)

    async def story() -> None:
        await stage.apply()
        stage.write(recording("a", "  layout: {type: bestFit}"))
        assert (await stage.apply()).is_done
        [recorder] = stage.live()
        assert recorder.layout is not None
        assert recorder.layout["mixedVideoLayout"] == 1

    played(story)


def test_what_the_service_refuses_is_not_asked_again_until_it_changes(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write(recording("bad", "  overrides: {start: {recordingConfig: {maxIdleTime: 1}}}"), recording("good"))

    async def story() -> None:
        verdict = await stage.apply()
        assert verdict.is_refused
        assert verdict.left[Key("default", "bad")].because is Because.REFUSED
        assert stage.live_channels() == ["good"]
        before = stage.calls()
        assert (await stage.apply()).is_refused
        assert stage.calls() == before
        assert isinstance((await stage.entries())["bad"].refusal, Refusal)
        stage.write(recording("bad"), recording("good"))
        assert (await stage.apply()).is_done
        assert stage.live_channels() == ["bad", "good"]

    played(story)


def test_s8_a_refused_app_ends_at_once_and_starts_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Options(credentials={"customer-id-41d0": "another secret"}))
    stage.write(*(recording(f"r{number}") for number in range(20)))

    async def story() -> None:
        began = virtual_seconds()
        verdict = await stage.apply()
        assert verdict.is_refused
        assert "Invalid authentication credentials" in next(iter(verdict.left.values())).reason
        assert virtual_seconds() - began < 2
        assert stage.world.recorders == []
        assert stage.calls() <= 4

    played(story)


def test_s8_no_room_waits_by_priority_and_starts_as_room_gets_free(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Options(max_recorders=2))
    stage.write(
        recording("low", "  priority: -5"),
        recording("high", "  priority: 5"),
        recording("middle"),
    )

    async def story() -> None:
        verdict = await stage.apply(minutes=1)
        assert stage.live_channels() == ["high", "middle"]
        assert verdict.unrested == (Key("default", "low"),)
        assert not verdict.is_refused
        stage.write(recording("low", "  priority: -5"), recording("high", "  priority: 5"))
        assert (await stage.apply(prune=True, minutes=10)).is_done
        assert stage.live_channels() == ["high", "low"]

    played(story)


def test_max_recorders_caps_before_a_call_is_wasted(tmp_path: Path) -> None:
    stage = Stage(tmp_path, environ={"RECONCILER_MAX_RECORDERS": "1"})
    stage.write(recording("a"), recording("b"))

    async def story() -> None:
        await stage.apply(minutes=1)
        assert stage.live_channels() == ["a"]
        assert stage.calls("acquire") == 1

    played(story)


def test_a_uid_held_by_a_stranger_is_said_and_never_stopped(tmp_path: Path) -> None:
    ours, theirs = Stage(tmp_path), Stage(_made(tmp_path / "theirs"))
    theirs.world = ours.world
    ours.write(recording("a", "  uid: 77"))
    theirs.write(recording("a", "  uid: 77"))

    async def story() -> None:
        await theirs.apply()
        verdict = await ours.apply()
        [left] = verdict.left.values()
        assert left.because is Because.CONTROL_LOST
        assert "not ours" in left.reason
        assert len(ours.world.recorders) == 1
        ours.write()
        assert (await ours.apply(prune=True)).is_done
        assert len(ours.live()) == 1
        theirs.write()
        await theirs.apply(prune=True)
        await minutes(5)
        ours.write(recording("a", "  uid: 77"))
        assert (await ours.apply()).is_done
        assert_never_two(ours)

    played(story)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def test_two_applies_on_one_ledger_start_each_recording_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, Options(burst=1))
    stage.write(*(recording(f"r{number:02}") for number in range(15)))

    async def story() -> None:
        verdicts = await asyncio.gather(stage.apply(), stage.apply())
        assert all(verdict.is_done for verdict in verdicts)
        assert len(stage.live()) == 15
        assert len(stage.world.recorders) == 15
        assert stage.calls("start") == 15
        assert not [call for call in stage.world.calls if call.status == 429]

    played(story)


def test_another_set_with_the_same_identity_is_refused_with_the_owners_name(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    first.write(recording("a", "  channel: room\n  uid: 5"))

    async def story() -> None:
        await first.apply()
        second = Stage(tmp_path, set_name="other")
        second.world = first.world
        second.write(recording("b", "  channel: room\n  uid: 5"))
        with pytest.raises(Exception, match=r"set\.yaml:4:9: .* recording a of set default has"):
            await second.apply()
        assert len(first.world.recorders) == 1

    played(story)


def test_another_sets_recordings_are_never_pruned(tmp_path: Path) -> None:
    first = Stage(tmp_path)
    first.write(recording("a"))

    async def story() -> None:
        await first.apply()
        second = Stage(tmp_path, set_name="other")
        second.world = first.world
        second.write(recording("b"))
        await second.apply(prune=True)
        assert first.live_channels() == ["a", "b"]

    played(story)


def test_control_that_has_expired_is_said_and_nothing_is_doubled(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write(recording("a", "  controlFor: 1h"))

    async def story() -> None:
        await stage.apply()
        await minutes(70)
        verdict = await stage.apply()
        [left] = verdict.left.values()
        assert left.because is Because.CONTROL_LOST
        assert "expired" in left.reason
        assert len(stage.world.recorders) == 1

    played(story)


def test_a_recorder_that_never_comes_to_record_is_failed_by_answers_only(tmp_path: Path) -> None:
    """S7: a bad storage key passes `start`, and kills the recorder afterwards."""
    stage = Stage(tmp_path, Options(bad_access_keys=frozenset({"access-key-77c1"}), storage_death_after=3))
    stage.write(recording("a"))

    async def story() -> None:
        verdict = await stage.apply(minutes=10)
        assert verdict.unrested == (Key("default", "a"),)
        assert stage.live() == [] or len(stage.live()) == 1
        entry = (await stage.entries())["a"]
        assert entry.restarts >= 1
        assert entry.backoff is not None
        assert_never_two(stage)

    played(story)
