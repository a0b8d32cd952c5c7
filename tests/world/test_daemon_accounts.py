"""What a daemon does about credentials, identities and secrets that are missing, taken or changed."""

from dataclasses import replace
from pathlib import Path

import pytest

from reconciler.cli.standing import readiness_of, snapshot_of
from reconciler.intake.values import Values
from reconciler.model import Key
from reconciler.planning.standing import SetOrders
from reconciler.server.readiness import document
from reconciler.settings import load_settings
from reconciler.sources.source import Trouble
from tests.cli.acting import app
from tests.virtual_time import virtual_now, virtual_seconds
from tests.world.house import House, keeping
from tests.world.stage import APP_ID, Stage, minutes, played, recording

OTHER_APP = app("other", f"appId: {'f' * 32}, customerId: {{env: OTHER_ID}}, customerSecret: {{env: OTHER_SECRET}}")
IN_OTHER = recording("c", "  app: other")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.environ |= {"OTHER_ID": "id-51ab", "OTHER_SECRET": "other-secret-03fe"}
    return stage


def test_an_app_whose_secret_cannot_be_read_holds_its_recordings_and_no_others(stage: Stage) -> None:
    stage.write(recording("a"), IN_OTHER, OTHER_APP)
    secret = stage.environ.pop("OTHER_SECRET")

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(2)
            assert house.phases() == {"a": "Converged", "c": "SecretMissing"}
            assert stage.live_channels() == ["a"]
            keepers = {key.name: keeper for key, keeper in house.daemon.controller.keepers.items()}
            assert "OTHER_SECRET" in str(keepers["c"].hold)
            assert not house.daemon.intake.standing.trouble
        stage.environ["OTHER_SECRET"] = secret
        async with keeping(stage):
            await minutes(1)
            assert stage.live_channels() == ["a", "c"]

    played(story)


def test_a_live_recording_whose_app_s_secret_is_gone_is_left_alone(stage: Stage) -> None:
    stage.write(recording("a"), IN_OTHER, OTHER_APP)

    async def story() -> None:
        async with keeping(stage):
            await minutes(1)
            assert stage.live_channels() == ["a", "c"]
        del stage.environ["OTHER_SECRET"]
        stops = stage.calls("stop")
        stage.write(recording("a"), recording("c", "  app: other\n  files: {formats: [hls, mp4]}"), OTHER_APP)
        async with keeping(stage) as house:
            await minutes(5)
            assert house.phases()["c"] in ("SecretMissing", "AppRefused")
            assert (stage.live_channels(), stage.calls("stop")) == (["a", "c"], stops)

    played(story)


def test_an_app_at_another_service_than_the_ledger_s_holds_its_recordings(stage: Stage) -> None:
    stage.write(recording("a"), IN_OTHER, OTHER_APP.replace("appId:", "apiUrl: 'https://api.agora.io', appId:"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(2)
            assert house.phases() == {"a": "Converged", "c": "SecretMissing"}
            keepers = {key.name: keeper for key, keeper in house.daemon.controller.keepers.items()}
            assert "one is Agora and one a simulator" in str(keepers["c"].hold)

    played(story)


def test_a_set_that_drops_the_app_of_what_is_live_is_held_and_no_approval_helps(stage: Stage) -> None:
    """S2."""
    stage.write(recording("a"), IN_OTHER, OTHER_APP)

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            stage.write(recording("a"))
            house.offer()
            await minutes(1)
            withheld = house.daemon.intake.standing.withheld
            assert withheld is not None
            assert not withheld.approvable
            assert "could not be stopped any more: c" in withheld.reason
            await house.ledger.give(
                Key("default", ""), SetOrders, lambda orders: replace(orders, approved=withheld.revision)
            )
            await house.daemon.hear()
            await minutes(1)
            assert house.daemon.intake.standing.withheld == withheld
            assert stage.live_channels() == ["a", "c"]
            stage.write(recording("a"), OTHER_APP)
            house.offer()
            await minutes(1)
            assert stage.live_channels() == ["a"]
            stage.write(recording("a"))
            house.offer()
            await minutes(1)
            assert house.daemon.intake.standing.withheld is None

    played(story)


def retold(house: House, **changes: str | None) -> None:
    """Read the settings again as SIGHUP would; None takes one away."""
    told = {**house.stage.environ, **changes}
    environ = {name: value for name, value in told.items() if value is not None}
    settings = load_settings(environ, house.stage.folder, lambda _: None)
    house.household.reload(settings, Values(settings.policy(), environ))


def trouble(house: House) -> str:
    """Say what `/readyz` says is wrong with the source."""
    found = document(readiness_of(house.household), "")["source"]["trouble"]
    return str(found or "")


UNSET = "RECONCILER_APP_ID is not set, and no App named `default` is among the manifests"


def test_s17_a_start_without_the_app_id_of_what_is_live_stops_nothing_and_heals_with_the_settings(stage: Stage) -> None:
    stage.write(recording("a"), recording("b"))

    async def story() -> None:
        async with keeping(stage):
            await minutes(1)
        app_id = stage.environ.pop("RECONCILER_APP_ID")
        changing = stage.calls()
        async with keeping(stage) as house:
            await minutes(5)
            assert stage.live_channels() == ["a", "b"]
            assert trouble(house).startswith(UNSET)
            assert [line["said"] for line in house.logged if line["event"] == "source.troubled"] == [trouble(house)]
            assert [event.kind for _, event in await house.ledger.events() if not event.key.name][1:] == [
                "source.troubled"
            ]
            retold(house, RECONCILER_APP_ID=app_id)
            await minutes(1.01)  # not just while it is asked
            assert trouble(house) == ""
            assert house.phases() == {"a": "Converged", "b": "Converged"}
            assert stage.calls() == changing

    played(story)


def test_s17_settings_that_lose_an_app_id_while_it_runs_leave_the_set_in_force_and_what_is_live(stage: Stage) -> None:
    stage.write(recording("a"), IN_OTHER, OTHER_APP)

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            changing = stage.calls()
            retold(house, RECONCILER_APP_ID=None)
            await minutes(5)
            assert trouble(house).startswith(UNSET)
            assert (stage.live_channels(), stage.calls()) == (["a", "c"], changing)
            assert not [line for line in house.logged if line["event"] == "loop.failed"]
            retold(house)
            await minutes(1)
            assert trouble(house) == ""
            stage.world.kill(virtual_seconds(), next(one.sid for one in stage.live() if one.channel == "a"))
            await minutes(4)
            assert stage.live_channels() == ["a", "c"]

    played(story)


def test_s2_settings_with_another_app_id_are_held_while_recorders_of_the_one_before_are_live(stage: Stage) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            changing = stage.calls()
            retold(house, RECONCILER_APP_ID="e" * 32)
            await minutes(5)
            withheld = house.daemon.intake.standing.withheld
            assert withheld is not None
            assert not withheld.approvable
            assert (stage.live_channels(), stage.calls()) == (["a"], changing)
            retold(house)
            await minutes(1.01)  # not just while it is asked
            assert house.daemon.intake.standing.withheld is None
            assert (house.phases(), stage.calls()) == ({"a": "Converged"}, changing)

    played(story)


@pytest.mark.parametrize("words", ["", "./manifests:1:1: there is no such file or folder"], ids=["silent", "broken"])
def test_s17_the_last_accepted_set_is_kept_again_once_its_app_id_is_there_whatever_the_source_does(
    stage: Stage, words: str
) -> None:
    stage.write(recording("a"))

    async def story() -> None:
        async with keeping(stage):
            await minutes(1)
        app_id = stage.environ.pop("RECONCILER_APP_ID")
        async with keeping(stage, offer=False) as house:
            if words:
                house.source.items.put_nowait(Trouble(words))
            await minutes(1)
            retold(house, RECONCILER_APP_ID=app_id)
            await minutes(1)
            stage.world.kill(virtual_seconds(), stage.live()[0].sid)
            await minutes(4)
            assert stage.live_channels() == ["a"]
            assert trouble(house) == words

    played(story)


def test_quota_is_told_by_app_id_though_two_apps_share_one_and_one_name_has_two(stage: Stage) -> None:
    stage.write(recording("a"), IN_OTHER, OTHER_APP, OTHER_APP.replace("name: other", "name: third"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            named = {app_id: usage.names for app_id, usage in snapshot_of(house.household).apps.items()}
            assert named == {APP_ID: ("default",), "f" * 32: ("other", "third")}
            stage.write(recording("a"), IN_OTHER, OTHER_APP, OTHER_APP.replace("name: other", "name: default"))
            house.offer()
            await minutes(2)
            apps = snapshot_of(house.household).apps
            assert {app_id: (usage.names, usage.recorders) for app_id, usage in apps.items()} == {
                APP_ID: ((), 0),
                "f" * 32: (("default", "other"), 2),
            }

    played(story)


def test_an_identity_that_another_set_has_no_more_is_taken_without_an_edit(stage: Stage, tmp_path: Path) -> None:
    night = Stage(tmp_path, set_name="night")
    night.world = stage.world
    night.write(recording("theirs", "  channel: hall\n  uid: 5"))

    async def story() -> None:
        assert (await night.apply()).is_done
        stage.write(recording("ours", "  channel: hall\n  uid: 5"))
        async with keeping(stage) as house:
            await minutes(1)
            assert "the live recording theirs of set night" in trouble(house)
            night.write()
            assert (await night.apply(prune=True)).is_done
            await minutes(2)
            assert trouble(house) == ""
            assert house.phases() == {"ours": "Converged"}

    played(story)


def test_an_identity_that_another_set_has_is_a_trouble_that_names_it(stage: Stage, tmp_path: Path) -> None:
    night = Stage(tmp_path, set_name="night")
    night.world = stage.world
    night.write(recording("theirs", "  channel: hall\n  uid: 5"))

    async def story() -> None:
        assert (await night.apply()).is_done
        stage.write(recording("a"))
        async with keeping(stage) as house:
            await minutes(1)
            stage.write(recording("a"), recording("ours", "  channel: hall\n  uid: 5"))
            house.offer()
            await minutes(1)
            assert "the live recording theirs of set night" in house.daemon.intake.standing.trouble
            assert stage.live_channels() == ["a", "hall"]
            assert stage.calls("stop") == 0

    played(story)


def test_s22_a_uid_that_a_stranger_holds_for_an_hour_is_told_once(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    theirs = Stage(tmp_path / "theirs")
    theirs.world = stage.world
    theirs.write(recording("a", "  uid: 77"))
    stage.write(recording("a", "  uid: 77"))

    async def story() -> None:
        assert (await theirs.apply()).is_done
        async with keeping(stage) as house:
            await minutes(1)
            probes = stage.calls("start")
            await minutes(60)
            assert stage.calls("start") > probes + 10
            events = [event for _, event in await house.ledger.events()]
            assert [event.kind for event in events if event.key.name] == ["recording.starting", "recording.held"]

    played(story)


def test_a_secret_that_is_rotated_on_disk_is_seen_and_sent_once(stage: Stage, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "storage").write_text("first-key-aa10\n")
    stage.environ["RECONCILER_SECRETS_DIR"] = str(secrets)
    stage.write(recording("a").replace("secretKey: {env: SECRET_KEY}", "secretKey: {file: storage}"))

    async def story() -> None:
        async with keeping(stage) as house:
            await minutes(1)
            assert stage.calls("update") == 0
            (secrets / "storage").write_text("second-key-bb20\n")
            began = virtual_now()
            await minutes(1)
            assert stage.calls("update") == 1
            assert house.phases() == {"a": "Converged"}
            await minutes(5)
            assert (stage.calls("update"), stage.calls("stop")) == (1, 0)
            assert virtual_now() > began

    played(story)
    assert "second-key-bb20" not in stage.ledger.read_bytes().decode("latin-1")
