"""`apply`: every exit code, with what records at the service afterwards."""

import json
import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.agora.token import mint_token
from reconciler.model import Secret
from tests.cli.acting import Place, app, kept, place
from tests.world.stage import APP_ID, recording

CERTIFICATE = "c" * 32
OTHER_APP = "f" * 32


@pytest.fixture
def here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Place]:
    with place(tmp_path, capfd) as made:
        yield made


def ten(*extra: str) -> list[str]:
    return [*(recording(f"r{number}") for number in range(10)), *extra]


def token(channel: str, uid: str, app_id: str = APP_ID) -> str:
    return mint_token(
        app_id=app_id,
        certificate=Secret(CERTIFICATE),
        channel=channel,
        uid=uid,
        ttl=timedelta(hours=1),
        salt=7,
        issued_at=datetime.now(UTC),
    )


# -- 0: done


def test_what_is_declared_is_recorded(here: Place) -> None:
    here.write(recording("a"), recording("b"))
    answer = here("apply", "--yes")

    assert answer.code == 0
    assert here.recorded() == ["a", "b"]
    assert answer.out.endswith("Plan: 2 to start; 4 calls (about 1 s at 950 calls/s)\n")
    assert answer.err.splitlines()[-1] == "Done: everything is as declared."
    assert "a: started: accepted" in answer.err


def test_nothing_is_done_twice(here: Place) -> None:
    here("apply", "--yes")
    before = len(here.calls)
    answer = here("apply")  # asks nobody, for there is nothing to ask about

    assert (answer.code, answer.out, answer.err) == (0, "Nothing to do: 1 recording is as declared.\n", "")
    assert len(here.calls) == before


def test_the_json_is_the_plan_with_where_it_ended(here: Place) -> None:
    answer = here("apply", "--yes", "-o", "json")

    assert answer.code == 0
    assert answer.json == {
        "converged": True,
        "calls": 2,
        "actions": [
            {
                "name": "a",
                "action": "start",
                "reason": "no recording exists",
                "disruption": "none",
                "calls": ["acquire", "start"],
            }
        ],
        "left": [],
    }
    assert here("apply", "-o", "json").json == {"converged": True, "calls": 0, "actions": [], "left": []}


@pytest.mark.parametrize(
    ("spec", "calls"),
    [
        ("  layout: {type: bestFit}", ["updateLayout"]),
        ("  capture: {subscribe: {audio: ['7']}}", ["update"]),
        ("  layout: {type: bestFit}\n  capture: {subscribe: {audio: ['7']}}", ["update", "updateLayout"]),
        ("  suspend: true", ["stop"]),
        ("  channel: other", ["stop", "acquire", "start"]),
    ],
)
def test_a_change_makes_the_planned_calls_and_no_other(here: Place, spec: str, calls: list[str]) -> None:
    here("apply", "--yes")
    before = len(here.calls)
    here.write(recording("a", spec))

    assert here("apply", "--yes").code == 0
    assert [call.endpoint for call in here.calls[before:] if call.endpoint != "query"] == calls
    assert here("plan", "--detailed-exitcode").code == 0


def test_without_prune_nothing_is_stopped_and_with_it_what_is_gone_is(here: Place) -> None:
    here("apply", "--yes")
    here.write(recording("b"))

    assert "left alone: a; --prune stops them" in here("apply", "--yes").out
    assert here.recorded() == ["a", "b"]
    assert here("apply", "--yes", "--prune").code == 0
    assert here.recorded() == ["b"]


def test_a_target_leaves_the_others_alone(here: Place) -> None:
    here.write(recording("a"), recording("b"))

    assert here("apply", "--yes", "--target", "b").code == 0
    assert here.recorded() == ["b"]


def test_a_rename_calls_nobody(here: Place) -> None:
    here("apply", "--yes")
    [before], calls = here.live(), here.count()
    here.write(recording("b", "  channel: a", "  renamedFrom: a"))

    assert here("apply", "--yes", "--prune").code == 0
    assert here.count() == calls
    assert here.get("b")["sid"] == before.sid


def test_each_app_is_called_with_its_own_credentials_at_its_own_address(tmp_path: Path, capfd: Any) -> None:
    pairs = {"id-of-a": "secret-of-a", "id-of-b": "secret-of-b"}
    with place(tmp_path, capfd, credentials=pairs) as here:
        url = here.environ["RECONCILER_API_URL"]
        apps = [
            app(
                name,
                f"appId: {letter * 32}, customerId: {{env: ID_{name}}}, customerSecret: {{env: SECRET_{name}}}, "
                f"apiUrl: '{url}'",
            )
            for name, letter in (("first", "a"), ("second", "b"))
        ]
        here.write(*apps, recording("a", "  app: first"), recording("b", "  app: second"))
        answer = here(
            "apply",
            "--yes",
            RECONCILER_API_URL=None,
            RECONCILER_APP_ID=None,
            RECONCILER_CUSTOMER_ID=None,
            RECONCILER_CUSTOMER_SECRET=None,
            ID_first="id-of-a",
            SECRET_first="secret-of-a",
            ID_second="id-of-b",
            SECRET_second="secret-of-b",
        )

        assert answer.code == 0, answer.err
        assert [(one.channel, one.app_id) for one in here.live()] == [("a", "a" * 32), ("b", "b" * 32)]


# -- 1: failed


def test_wrong_credentials_end_it_at_once(tmp_path: Path, capfd: Any) -> None:
    with place(tmp_path, capfd, credentials={"id-41d0": "another"}) as here:
        here.write(*ten())
        answer = here("apply", "--yes", "-o", "json")

        assert answer.code == 1
        assert {left["because"] for left in answer.json["left"]} == {"AppRefused"}
        assert answer.json["converged"] is False
        assert "Invalid authentication credentials" in answer.err
        assert here.recorded() == []


def test_what_the_service_refuses_is_left_and_the_rest_is_done(here: Place) -> None:
    here.write(recording("bad", "  overrides: {start: {recordingConfig: {maxIdleTime: 1}}}"), recording("good"))
    answer = here("apply", "--yes", "-o", "json")

    assert answer.code == 1
    assert [(one["name"], one["because"]) for one in answer.json["left"]] == [("bad", "Refused")]
    assert answer.err.splitlines()[-1].startswith("bad: Refused: ")
    assert here.recorded() == ["good"]


def refused_before_any_call(here: Place, *told: str, **environ: str | None) -> None:
    answer = here("apply", "--yes", **environ)
    assert (answer.code, answer.out) == (1, "")
    for words in told:
        assert words in answer.err
    assert here.calls == []
    assert here("get", "-o", "json").json == []


def test_missing_secrets_refuse_the_whole_set_with_their_places(here: Place) -> None:
    here.write(recording("a"), recording("b").replace("SECRET_KEY", "NOT_THERE"))
    refused_before_any_call(
        here, "./manifests/set.yaml:24:5: recording b: the environment variable NOT_THERE is not set\n"
    )


def test_missing_secrets_are_told_before_live_recorders_are_asked_about(here: Place) -> None:
    here("apply", "--yes", "--timeout", "0.2s", RECONCILER_CONFIRM_DELAY="60")
    before = len(here.calls)

    assert here("apply", "--yes", SECRET_KEY=None).code == 1
    assert len(here.calls) == before


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (token("other", "5"), "channel"),
        (token("a", "6"), "uid"),
        (token("a", "5", OTHER_APP), "App ID"),
    ],
    ids=["channel", "uid", "app"],
)
def test_a_token_that_does_not_fit_is_refused_and_not_shown(here: Place, value: str, told: str) -> None:
    here.write(recording("a", "  uid: 5\n  token: {env: TOKEN}"))
    answer = here("apply", "--yes", TOKEN=value)

    assert answer.code == 1
    assert answer.err.startswith("./manifests/set.yaml:13:3: recording a: ")
    assert told in answer.err
    assert value not in answer.err
    assert here.calls == []


@pytest.mark.parametrize("value", [token("a", "5"), "opaque-token-of-another-kind"])
def test_a_token_that_fits_or_cannot_be_read_is_used(here: Place, value: str) -> None:
    here.write(recording("a", "  uid: 5\n  token: {env: TOKEN}"))

    assert here("apply", "--yes", TOKEN=value).code == 0
    assert [one.token for one in here.live()] == [value]


def test_a_certificate_that_is_none_is_refused(here: Place) -> None:
    here.write(recording("a", "  token: {certificate: {env: CERTIFICATE}}"))
    refused_before_any_call(
        here, "recording a: the certificate behind token.certificate is not 32 hex", CERTIFICATE="no-certificate"
    )


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"RECONCILER_CUSTOMER_SECRET": None}, "RECONCILER_CUSTOMER_SECRET not set"),
        (
            {"RECONCILER_CUSTOMER_ID": None, "RECONCILER_CUSTOMER_SECRET": None},
            "RECONCILER_CUSTOMER_ID and RECONCILER_CUSTOMER_SECRET not set",
        ),
    ],
)
def test_without_credentials_nothing_is_written_down(here: Place, environ: dict[str, str | None], told: str) -> None:
    answer = here("apply", "--yes", **environ)

    assert answer.code == 1
    assert told in answer.err
    assert here("get", "-o", "json").json == []


def test_an_apps_own_secret_is_told_with_its_place(here: Place) -> None:
    keys = "customerId: {env: ACCESS_KEY}, customerSecret: {env: NOT_THERE}"
    here.write(app("default", f"appId: {APP_ID}, {keys}"), recording("a"))
    answer = here("apply", "--yes")

    assert answer.code == 1
    assert "./manifests/set.yaml:4:" in answer.err
    assert "App default: customerSecret: the environment variable NOT_THERE is not set" in answer.err
    assert here.calls == []


def test_two_apps_at_a_simulator_and_at_agora_are_refused(here: Place) -> None:
    keys = "customerId: {env: ACCESS_KEY}, customerSecret: {env: SECRET_KEY}"
    aimed = app("else", f"appId: {OTHER_APP}, {keys}, apiUrl: 'https://api.agora.io'")
    here.write(aimed, recording("a"), recording("b", "  app: else"))
    answer = here("apply", "--yes")

    assert answer.code == 1
    assert "one is Agora and one a simulator" in answer.err
    assert here.calls == []


@pytest.mark.parametrize("argv", [["apply"], ["apply", "--prune"], ["delete", "a"], ["plan", "--refresh", "all"]])
def test_a_ledger_of_a_simulator_is_never_used_against_agora(here: Place, argv: list[str]) -> None:
    here("apply", "--yes")
    before, known = len(here.calls), here("get", "-o", "json").out
    here.write(recording("a", "  channel: other"))
    answer = here(*argv, *([] if "plan" in argv else ["--yes"]), RECONCILER_API_URL="https://api.sd-rtn.com")

    assert answer.code == 1
    assert "was made against an API simulator and is not used against Agora" in answer.err
    assert len(here.calls) == before
    assert here("get", "-o", "json").out == known


@pytest.mark.parametrize("place_of_it", ["sqlite:////proc/nowhere/ledger.db", "sqlite:////dev/full", "{folder}"])
def test_a_ledger_that_cannot_be_kept_is_told_before_any_call(here: Place, place_of_it: str) -> None:
    answer = here("apply", "--yes", RECONCILER_STATE=place_of_it.format(folder=here.folder))

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("error: ")
    assert here.calls == []


def test_an_app_that_leaves_while_its_recording_is_live_is_4(here: Place) -> None:
    """S2: also where the recording itself stays declared."""
    here("apply", "--yes")
    keys = "customerId: {env: ACCESS_KEY}, customerSecret: {env: SECRET_KEY}"
    here.write(app("default", f"appId: {OTHER_APP}, {keys}"), recording("a"))
    answer = here("apply", "--yes", RECONCILER_APP_ID=OTHER_APP)

    assert answer.code == 4, answer.err
    assert "they could not be stopped any more: a (App ID 0123" in answer.err
    assert here.recorded() == ["a"]


def test_an_app_that_leaves_with_its_live_recording_is_4_though_nothing_is_pruned(here: Place) -> None:
    """S2: what is left alone must be stoppable, too."""
    here("apply", "--yes")
    keys = "customerId: {env: ACCESS_KEY}, customerSecret: {env: SECRET_KEY}"
    here.write(app("default", f"appId: {OTHER_APP}, {keys}"), recording("b"))
    answer = here("apply", "--yes", RECONCILER_APP_ID=OTHER_APP)

    assert answer.code == 4, answer.err
    assert here.recorded() == ["a"]


@pytest.mark.parametrize("refresh", ["stale", "all"])
def test_a_recording_moves_to_another_app_while_both_are_known(here: Place, refresh: str) -> None:
    here("apply", "--yes")
    keys = "customerId: {env: ACCESS_KEY}, customerSecret: {env: SECRET_KEY}"
    here.write(app("second", f"appId: {OTHER_APP}, {keys}"), recording("a", "  app: second"))

    assert here("plan", "--refresh", refresh).code == 0
    assert here("apply", "--yes").code == 0
    assert [(one.channel, one.app_id) for one in here.live()] == [("a", OTHER_APP)]


# -- 3: not converged


def test_out_of_time_is_3_and_the_next_apply_goes_on(here: Place) -> None:
    here.fault("start refuse 503")
    answer = here("apply", "--yes", "--timeout", "0.3s", "-o", "json")

    assert answer.code == 3
    assert answer.json["left"] == [{"name": "a", "because": "Unfinished", "reason": "the time was over"}]
    assert "a: not at rest yet when the time was over; the next apply goes on from here" in answer.err


def test_nobody_there_is_3(here: Place) -> None:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        answer = here("apply", "--yes", "--timeout", "0.3s", RECONCILER_API_URL=url)

    assert answer.code == 3
    assert "no answer from http://127.0.0.1" in answer.err


def test_a_recorder_that_may_live_is_3_and_never_doubled(here: Place) -> None:
    here.fault("start#1 lose")
    answer = here("apply", "--yes", "-o", "json")

    assert answer.code == 3
    assert [one["because"] for one in answer.json["left"]] == ["ControlLost"]
    assert here.get("a")["phase"] == "Unknown"
    here("apply", "--yes")
    assert len(here.world.recorders) == 1


# -- 4: refused by a safety limit


def test_a_mass_stop_is_refused_until_it_is_allowed(here: Place) -> None:
    here.write(*ten(recording("stays")))
    here("apply", "--yes")
    here.write(recording("stays"))
    answer = here("apply", "--yes", "--prune")

    assert answer.code == 4
    assert "Plan: 10 to stop; 10 calls" in answer.out
    assert answer.err.startswith("error: refused: this change would interrupt 10 of 11 live recordings (90 %, the")
    assert len(here.live()) == 11
    assert here("apply", "--yes", "--prune", RECONCILER_MAX_STOP_PERCENT="91", RECONCILER_SET="default").code == 0
    assert here.recorded() == ["stays"]


@pytest.mark.parametrize("spec", ["  suspend: true", "  video: {width: 640, height: 360, fps: 15, bitrate: 500}"])
def test_suspending_and_replacing_count_and_a_layout_does_not(here: Place, spec: str) -> None:
    here.write(*ten())
    here("apply", "--yes")
    here.write(*(recording(f"r{number}", spec) for number in range(10)))

    assert here("apply", "--yes").code == 4
    here.write(*(recording(f"r{number}", "  layout: {type: bestFit}") for number in range(10)))
    assert here("apply", "--yes").code == 0
    here.write(*(recording(f"r{number}", spec) for number in range(10)))
    assert here("apply", "--yes", "--allow-mass-stop").code == 0


@pytest.mark.parametrize("flags", [[], ["--prune"]])
def test_an_emptied_folder_is_refused_until_it_is_allowed(here: Place, flags: list[str]) -> None:
    here("apply", "--yes")
    here.write()

    assert here("apply", "--yes", *flags).code == 4
    assert here.recorded() == ["a"]
    assert here("apply", "--yes", "--allow-mass-stop", *flags).code == 0
    assert here.recorded() == ([] if flags else ["a"])


def test_an_empty_folder_of_a_set_that_runs_nothing_is_1(here: Place) -> None:
    here.write()
    answer = here("apply", "--yes")

    assert answer.code == 1
    assert "there are no manifests here" in answer.err


@pytest.mark.parametrize("argv", [["apply", "--yes"], ["delete", "--all", "--yes"], ["forget", "a"]])
def test_without_a_place_for_the_ledger_nothing_is_changed(here: Place, argv: list[str]) -> None:
    answer = here(*argv, RECONCILER_STATE=None, HOME=str(here.folder))

    assert (answer.code, answer.out) == (4, "")
    assert answer.err.startswith("error: RECONCILER_STATE is not set, and this does not run on a terminal.")
    assert here.calls == []


# -- 64: wrong usage


def test_nothing_is_done_unasked_where_nobody_can_be_asked(here: Place) -> None:
    answer = here("apply", "-o", "json")

    assert (answer.code, answer.out) == (64, "")
    assert "Plan: 1 to start" in answer.err
    assert "there is no terminal to ask at: say --yes" in answer.err
    assert here.calls == []


@pytest.mark.parametrize("argv", [["--timeout", "soon"], ["--timeout", "-1s"], ["-o", "yaml"], ["--nope"]])
def test_wrong_usage_is_64(here: Place, argv: list[str]) -> None:
    assert here("apply", "--yes", *argv).code == 64
    assert here.calls == []


# -- two at once


def test_two_applies_at_once_start_everything_once(here: Place) -> None:
    here.write(*ten())
    with here.process("apply", "--yes", "-o", "json") as first, here.process("apply", "--yes", "-o", "json") as second:
        answers = [process.communicate() for process in (first, second)]

    assert [first.returncode, second.returncode] == [0, 0], answers
    assert all(json.loads(out)["converged"] for out, _ in answers)
    assert len(here.live()) == len(here.world.recorders) == 10
    assert here.count("start") == 10


# -- beside a daemon: one set has one source


def test_what_a_daemon_s_source_lacks_is_refused_and_another_set_is_the_way_out(here: Place) -> None:
    here.write(recording("a"), recording("b"))
    with kept(here, "a"):
        answer = here("apply", "--yes")
        assert answer.code == 4
        assert answer.err.startswith(
            "error: refused: a running daemon keeps set default from ./there, which lacks b. "
            "Add it there, or apply it as another set: --set NAME"
        )
        assert here.recorded() == []
        planned = here("plan")
        assert planned.code == 0
        assert "apply would say: refused: a running daemon keeps set default from ./there" in planned.err
        assert here("apply", "--yes", "--set", "other").code == 0
    assert here.recorded() == ["a", "b"]


def test_what_a_daemon_s_source_has_is_applied(here: Place) -> None:
    with kept(here, "a", "b"):
        assert here("apply", "--yes").code == 0
    assert here.recorded() == ["a"]


def test_beside_a_daemon_nothing_it_has_is_pruned_or_called_undeclared(here: Place) -> None:
    here.write(recording("a"), recording("b"), recording("c"))
    here("apply", "--yes")
    here.write(recording("a"))
    with kept(here, "a", "b"):
        pruned = here("apply", "--yes", "--prune")
        assert pruned.code == 1
        assert "b: still in the manifests of the running daemon" in pruned.err
        assert "apply would say: b: still in the manifests" in here("plan", "--prune").err
        assert here.recorded() == ["a", "b", "c"]
        assert here("apply", "--yes").code == 0

    told = {one["name"]: "unmanaged" in one["message"] for one in here("get", "-o", "json").json}
    assert told == {"a": False, "b": False, "c": True}


def test_once_the_daemon_has_ended_its_source_counts_no_more(here: Place) -> None:
    with kept(here, "b"):
        pass

    assert here("apply", "--yes").code == 0
    assert here.recorded() == ["a"]
