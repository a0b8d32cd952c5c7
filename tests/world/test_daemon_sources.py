"""S17 and the guard: whatever becomes of the source, nothing that is wanted is stopped."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.model import Key
from reconciler.planning.standing import SetOrders
from reconciler.simulator.options import Options
from reconciler.sources.source import Trouble
from tests.virtual_time import virtual_seconds
from tests.world.house import House, keeping
from tests.world.stage import STORAGE, Stage, minutes, played, recording

TWELVE = [f"r{number:02}" for number in range(12)]
MANY = [f"r{number:03}" for number in range(200)]


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path, Options(max_recorders=2000))


def write_each(stage: Stage, names: list[str], spec: str = "") -> None:
    for name in names:
        stage.write(recording(name, spec), file=f"{name}.yaml")


def kinds(house: House) -> list[str]:
    return [str(line["event"]) for line in house.logged if str(line.get("event", "")).startswith("source.")]


async def withheld(house: House) -> str:
    """Name the revision that waits for a person."""
    standing = await house.ledger.standing("default")
    assert standing is not None
    assert standing.withheld is not None
    return standing.withheld.revision


async def approve(house: House) -> None:
    """Do what `reconciler approve` does, in another process."""
    revision = await withheld(house)
    await house.ledger.give(Key("default", ""), SetOrders, lambda orders: replace(orders, approved=revision))
    await house.daemon.hear()


def emptied(stage: Stage) -> None:
    for file in stage.folder.iterdir():
        file.unlink()


def half_a_file(stage: Stage) -> None:
    file = stage.folder / "r00.yaml"
    file.write_text(file.read_text()[:60])


def a_syntax_error(stage: Stage) -> None:
    (stage.folder / "r00.yaml").write_text("kind: [")


def an_unknown_field(stage: Stage) -> None:
    stage.write(recording("r00", "  chanel: x"), file="r00.yaml")


@pytest.mark.parametrize("break_it", [emptied, half_a_file, a_syntax_error, an_unknown_field])
@pytest.mark.parametrize("restarted", [False, True], ids=["while it runs", "and it is restarted"])
def test_a_broken_source_stops_nothing(stage: Stage, break_it: Callable[[Stage], None], *, restarted: bool) -> None:
    write_each(stage, TWELVE)

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            assert stage.live_channels() == TWELVE
            if not restarted:
                break_it(stage)
                house.offer()
                await minutes(5)
        if restarted:
            break_it(stage)
            async with keeping(stage) as house:
                await minutes(5)
        assert stage.live_channels() == TWELVE
        assert stage.calls("stop") == 0
        standing = house.daemon.intake.standing
        assert standing.trouble or standing.withheld
        assert standing.revision

    played(story)


def test_a_source_that_cannot_be_read_changes_nothing_and_dead_recorders_are_still_replaced(stage: Stage) -> None:
    write_each(stage, TWELVE)

    async def story() -> None:
        async with keeping(stage):
            await minutes(1)
        async with keeping(stage, offer=False) as house:
            house.source.items.put_nowait(Trouble("./manifests:1:1: there is no such file or folder"))
            await minutes(1)
            stage.world.kill(virtual_seconds(), stage.live()[0].sid)
            await minutes(4)
            assert stage.live_channels() == TWELVE
            assert len(stage.world.recorders) == 13
            assert kinds(house) == ["source.troubled"]

    played(story)


def test_a_page_whose_query_is_not_in_the_ledger_is_left_alone_until_the_source_is_back(stage: Stage) -> None:
    page = f"""apiVersion: recordings.reconciler/v1
kind: Recording
metadata: {{name: page}}
spec:
  mode: web
  web: {{url: "https://example.com/room?key=hush-1234"}}
{STORAGE}"""
    (stage.folder / "page.yaml").write_text(page)

    async def story() -> None:
        async with keeping(stage):
            await minutes(1)
        async with keeping(stage, offer=False) as house:
            house.source.items.put_nowait(Trouble("gone"))
            await minutes(3)
            assert house.phases() == {"page": "SecretMissing"}
            house.offer()
            await minutes(1)
            assert house.phases() == {"page": "Converged"}
        assert len(stage.world.recorders) == 1
        assert stage.calls("stop") == 0

    played(story)
    assert b"hush-1234" not in stage.ledger.read_bytes()


def test_one_file_removed_stops_exactly_that_one(stage: Stage) -> None:
    write_each(stage, TWELVE)

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            (stage.folder / "r07.yaml").unlink()
            house.offer()
            await minutes(1)
            assert stage.live_channels() == [name for name in TWELVE if name != "r07"]
            assert stage.calls("stop") == 1

    played(story)


def test_without_prune_what_is_removed_goes_on(stage: Stage) -> None:
    write_each(stage, ["a", "b"])

    async def story() -> None:
        async with keeping(stage, prune=False) as house:
            await minutes(1)
            stage.write(file="b.yaml")
            house.offer()
            await minutes(3)
            assert stage.live_channels() == ["a", "b"]
            assert house.phases()["b"] == "Unmanaged"

    played(story)


def test_a_profile_edited_under_two_hundred_is_held_until_approved(stage: Stage) -> None:
    def profile(bucket: str) -> str:
        storage = STORAGE.replace("lessons", bucket)
        return f"apiVersion: recordings.reconciler/v1\nkind: Profile\nmetadata: {{name: p}}\nspec:{storage}"

    head = "apiVersion: recordings.reconciler/v1\nkind: Recording\nmetadata: {{name: {}}}\nspec: {{profiles: [p]}}\n"
    stage.write(profile("lessons"), *(head.format(name) for name in MANY))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(3)
            assert stage.live_channels() == MANY
            stage.write(profile("elsewhere"), *(head.format(name) for name in MANY))
            house.offer()
            await minutes(3)
            assert stage.calls("stop") == 0
            held = house.daemon.intake.standing.withheld
            assert held
            assert "200 of 200" in held.reason
            assert "approve" in held.reason
            assert kinds(house)[-1] == "source.held"
            await approve(house)
            await minutes(5)
            assert stage.live_channels() == MANY
            assert stage.calls("stop") == 200
            assert {recorder.storage["bucket"] for recorder in stage.live()} == {"elsewhere"}
            assert await house.ledger.set_orders("default") == SetOrders()

    played(story)


def test_an_approval_is_for_one_revision_only(stage: Stage) -> None:
    write_each(stage, TWELVE)

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            emptied(stage)
            house.offer()
            await minutes(1)
            stale = await withheld(house)
            write_each(stage, TWELVE[:2])
            house.offer()
            await minutes(1)
            await house.ledger.give(Key("default", ""), SetOrders, lambda orders: replace(orders, approved=stale))
            await house.daemon.hear()
            await minutes(1)
            assert stage.live_channels() == TWELVE

    played(story)


def test_an_approval_that_was_given_while_no_daemon_ran_counts(stage: Stage) -> None:
    write_each(stage, TWELVE)

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            emptied(stage)
            house.offer()
            await minutes(1)
            revision = await withheld(house)
        async with keeping(stage, offer=False) as house:
            await house.ledger.give(Key("default", ""), SetOrders, lambda orders: replace(orders, approved=revision))
            house.offer()
            await minutes(1)
            assert stage.live_channels() == []

    played(story)


def test_what_is_to_go_waits_while_nobody_has_its_credentials(stage: Stage) -> None:
    """And the others go on: a missing account is no defect of the program."""
    app = """apiVersion: recordings.reconciler/v1
kind: App
metadata: {name: second}
spec:
  appId: fedcba9876543210fedcba9876543210
  customerId: {env: SECOND_ID}
  customerSecret: {env: SECOND_SECRET}
"""
    stage.environ = {**stage.environ, "SECOND_ID": "second-id", "SECOND_SECRET": "second-secret-31"}
    stage.write(app, recording("a"), recording("b", "  app: second"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            assert stage.live_channels() == ["a", "b"]
        secret = stage.environ.pop("SECOND_SECRET")
        stage.write(app, recording("a", "  layout: {type: bestFit}"))
        async with keeping(stage) as house:
            await minutes(2)
            assert house.phases()["a"] == "Converged"
            assert stage.live_channels() == ["a", "b"]
            assert not [line for line in house.logged if line["event"] == "turn.failed"]
        stage.environ = {**stage.environ, "SECOND_SECRET": secret}
        async with keeping(stage) as house:
            await minutes(1)
            assert stage.live_channels() == ["a"]

    played(story)


def test_two_hundred_windows_that_end_in_the_same_second_are_all_stopped_and_the_guard_is_silent(stage: Stage) -> None:
    stage.write(*(recording(name, "  schedule: {until: 2026-01-01T09:05:00Z}") for name in MANY))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(4)
            assert stage.live_channels() == MANY
            await minutes(2)
            assert stage.live_channels() == []
            assert "source.held" not in kinds(house)
            assert set(house.phases().values()) == {"Waiting"}
            assert stage.calls("start") == stage.calls("stop") == 200

    played(story)


def test_what_another_set_or_an_import_has_put_into_the_ledger_is_never_stopped(stage: Stage) -> None:
    stage.write(recording("theirs"), recording("before"))

    async def story() -> None:
        await stage.apply()  # the same set, by hand and before any daemon: no accepted revision has ever had these
        stage.set = "other"
        stage.write(recording("foreign"))
        await stage.apply()
        stage.set = "default"
        stage.write(recording("mine"))
        async with keeping(stage) as house:
            await minutes(2)
            stage.write(recording("mine", "  layout: {type: bestFit}"))
            house.offer()
            await minutes(2)
            assert stage.live_channels() == ["before", "foreign", "mine", "theirs"]
            assert house.phases() == {"before": "Unmanaged", "mine": "Converged", "theirs": "Unmanaged"}
            assert stage.calls("stop") == 0
            stage.world.kill(virtual_seconds(), next(one.sid for one in stage.live() if one.channel == "theirs"))
            await minutes(4)
            assert stage.live_channels() == ["before", "foreign", "mine"]

    played(story)


def test_a_rename_moves_the_live_session_and_calls_nobody(stage: Stage) -> None:
    stage.write(recording("old"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            calls = stage.calls()
            stage.write(recording("new", "  channel: old", "  renamedFrom: old"))
            house.offer()
            await minutes(2)
            assert stage.calls() == calls
            assert house.phases() == {"new": "Converged"}

    played(story)


def test_the_revision_of_the_source_is_on_every_event(stage: Stage) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            first = house.daemon.intake.standing.label
            stage.write(recording("a", "  layout: {type: bestFit}"))
            house.offer()
            await minutes(1)
            second = house.daemon.intake.standing.label
            events = [event for _, event in await house.ledger.events()]
            assert {event.source_revision for event in events} == {first, second}
            assert next(one for one in events if one.kind == "recording.updated").source_revision == second

    played(story)
