"""`plan`: what apply would do, without doing anything."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.acting import Place, app, place
from tests.world.stage import recording

START = {
    "name": "a",
    "action": "start",
    "reason": "no recording exists",
    "disruption": "none",
    "calls": ["acquire", "start"],
}


@pytest.fixture
def here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Place]:
    with place(tmp_path, capfd) as made:
        yield made


def actions(here: Place, *argv: str, **environ: str | None) -> dict[str, str]:
    said = here("plan", "-o", "json", *argv, **environ).json
    return {action["name"]: action["action"] for action in said["actions"]}


def test_the_json_is_as_promised(here: Place) -> None:
    answer = here("plan", "-o", "json")

    assert (answer.code, answer.json) == (0, {"converged": False, "calls": 2, "actions": [START]})
    assert list(answer.json["actions"][0]) == list(START)
    assert here.calls == []


def test_data_goes_to_standard_output_and_words_to_standard_error(here: Place) -> None:
    answer = here("plan")

    assert answer.out == (
        "+  start  a  no recording exists [acquire, start]\n\n"
        "Plan: 1 to start; 2 calls (about 1 s at 950 calls/s)\n"
    )  # fmt: skip
    assert answer.err == f"there is no ledger at {here.folder}/ledger.db yet: planned as if nothing had been recorded\n"
    assert not (here.folder / "ledger.db").exists()


def test_markdown_is_for_pull_requests(here: Place) -> None:
    assert "| `+` | a | start | none | acquire, start | no recording exists |" in here("plan", "-o", "markdown").out


def test_differences_are_2_only_when_asked_for(here: Place) -> None:
    assert here("plan").code == 0
    assert here("plan", "--detailed-exitcode").code == 2
    here("apply", "--yes")
    assert here("plan", "--detailed-exitcode").code == 0


def test_what_is_as_declared_is_shown_when_asked_for(here: Place) -> None:
    here("apply", "--yes")

    assert actions(here) == {}
    assert actions(here, "--all") == {"a": "none"}
    assert here("plan").out == "Nothing to do: 1 recording is as declared.\n"


@pytest.mark.parametrize(("refresh", "asked"), [("none", 0), ("stale", 0), ("all", 1)])
def test_a_fresh_answer_is_asked_again_only_for_all(here: Place, refresh: str, asked: int) -> None:
    here("apply", "--yes")
    before = here.count("query")

    assert here("plan", "--refresh", refresh).code == 0
    assert here.count("query") - before == asked


def test_who_cannot_be_asked_for_want_of_credentials_is_held_as_unknown(here: Place) -> None:
    here("apply", "--yes")
    here.write(recording("a"), recording("new"))
    answer = here("plan", "--refresh", "all", "-o", "json", RECONCILER_CUSTOMER_ID=None)

    assert answer.code == 0
    assert [(one["name"], one["action"]) for one in answer.json["actions"]] == [("a", "hold"), ("new", "start")]
    assert answer.json["actions"][0]["reason"].startswith("unknown, for it could not be asked: RECONCILER_CUSTOMER_ID")
    assert not answer.json["converged"]


@pytest.mark.parametrize(("refresh", "asked"), [("none", 0), ("stale", 1), ("all", 1)])
def test_what_was_never_asked_about_is_asked_unless_told_not_to(here: Place, refresh: str, asked: int) -> None:
    assert here("apply", "--yes", "--timeout", "0.2s", RECONCILER_CONFIRM_DELAY="60").code == 3

    assert here("plan", "--refresh", refresh).code == 0
    assert here.count("query") == asked


def test_what_cannot_be_asked_is_unknown_and_held(here: Place) -> None:
    here("apply", "--yes")
    here.fault("query refuse 503")
    answer = here("plan", "--refresh", "all", "-o", "json")

    [action] = answer.json["actions"]
    assert (answer.code, answer.json["converged"], action["action"]) == (0, False, "hold")
    assert "unknown" in action["reason"]


def test_a_plan_changes_nothing(here: Place) -> None:
    here("apply", "--yes")
    here.write(recording("a", "  channel: other"), recording("b"))
    changing, before = here.count(), here("get", "-o", "json").out
    here("plan", "--prune")

    assert here.count() == changing
    assert here("get", "-o", "json").out == before


@pytest.mark.parametrize(
    ("spec", "action", "calls", "disruption"),
    [
        ("  layout: {type: bestFit}", "update", ["updateLayout"], "none"),
        ("  capture: {subscribe: {audio: ['7']}}", "update", ["update"], "none"),
        ("  channel: other", "replace", ["stop", "acquire", "start"], "gap"),
        ("  suspend: true", "stop", ["stop"], "none"),
    ],
)
def test_every_change_is_told_with_its_calls(
    here: Place, spec: str, action: str, calls: list[str], disruption: str
) -> None:
    here("apply", "--yes")
    here.write(recording("a", spec))
    said = here("plan", "-o", "json").json

    [told] = said["actions"]
    assert (told["action"], told["calls"], told["disruption"]) == (action, calls, disruption)
    assert said["calls"] == len(calls)


def test_prune_stops_what_is_no_longer_declared(here: Place) -> None:
    here("apply", "--yes")
    here.write(recording("b"))

    left_alone = here("plan")
    assert actions(here) == {"b": "start"}
    assert "Note: live, not in these manifests and left alone: a; --prune stops them" in left_alone.out
    assert actions(here, "--prune") == {"a": "stop", "b": "start"}


def test_a_target_leaves_the_others_out(here: Place) -> None:
    here.write(recording("a"), recording("b"), recording("c"))

    assert actions(here, "--target", "a", "--target", "c") == {"a": "start", "c": "start"}


@pytest.mark.parametrize("command", [["plan"], ["apply", "--yes"]])
def test_a_target_that_is_not_there_is_refused(here: Place, command: list[str]) -> None:
    here.write(recording("standup"))
    answer = here(*command, "--target", "standpu")

    assert (answer.code, answer.out) == (1, "")
    assert "there is no recording standpu in set default; did you mean standup?" in answer.err
    assert here.calls == []


@pytest.mark.parametrize(("flags", "promise"), [(["--prune"], "nothing is stopped"), ([], "it is not recorded twice")])
def test_what_looks_like_a_rename_is_pointed_out(here: Place, flags: list[str], promise: str) -> None:
    here("apply", "--yes")
    here.write(recording("b", "  channel: a"))

    assert f"a → b looks like a rename: say `renamedFrom: a` in the metadata of b, and {promise}" in (
        here("plan", *flags).out
    )
    here.write(recording("b", "  channel: a", "  renamedFrom: a"))
    assert here("plan", *flags).out == "Nothing to do: 1 recording is as declared.\n"


def test_what_the_guard_would_say_is_said(here: Place) -> None:
    here.write(*(recording(f"r{number}") for number in range(10)))
    here("apply", "--yes")
    here.write(recording("other"))
    answer = here("plan", "--prune")

    assert answer.code == 0
    assert answer.err.startswith("apply would say: refused: this change would interrupt 10 of 10 live recordings")


def test_a_secret_that_is_missing_is_marked_and_the_rest_is_planned(here: Place) -> None:
    here.write(recording("a"), recording("b", "  token: {env: NOT_THERE}\n  uid: 5"))
    answer = here("plan")

    assert answer.code == 0
    assert actions(here) == {"a": "start", "b": "hold"}
    assert "Note: ./manifests/set.yaml:25:3: " in answer.out
    assert "recording b: the environment variable NOT_THERE is not set" in answer.out


@pytest.mark.parametrize(
    ("manifest", "told"),
    [
        ("kind: Recording\n", "manifests/set.yaml:1:1: "),
        (recording("a", "  chanel: x"), "set.yaml:12:3: there is no field `chanel` here; did you mean `channel`?"),
        (
            recording("a").replace("{env: SECRET_KEY}", "geheim"),
            "set.yaml:11:16: `storage.secretKey` takes a reference",
        ),
    ],
)
def test_manifests_that_are_wrong_are_1_with_the_place(here: Place, manifest: str, told: str) -> None:
    here.write(manifest)
    answer = here("plan")

    assert (answer.code, answer.out) == (1, "")
    assert told in answer.err


def test_a_plan_needs_neither_credentials_nor_a_terminal_nor_a_ledger(here: Place) -> None:
    answer = here(
        "plan",
        "-o",
        "json",
        CI="1",
        HOME=str(here.folder),
        RECONCILER_STATE=None,
        RECONCILER_CUSTOMER_ID=None,
        RECONCILER_CUSTOMER_SECRET=None,
    )

    assert (answer.code, answer.json["calls"]) == (0, 2)


def test_an_app_nobody_names_is_told(here: Place) -> None:
    answer = here("plan", RECONCILER_APP_ID=None)

    assert answer.code == 1
    assert answer.err.startswith("error: RECONCILER_APP_ID is not set, and no App named `default`")


@pytest.mark.parametrize(
    ("host", "code"),
    [("https://api.agora.io", 0), ("http://127.0.0.1:9", 0), ("https://evil.example", 1), ("http://api.agora.io", 1)],
)
def test_an_app_may_be_aimed_only_where_credentials_may_go(here: Place, host: str, code: int) -> None:
    keys = "customerId: {env: ACCESS_KEY}, customerSecret: {env: SECRET_KEY}"
    here.write(app("default", f"appId: {'f' * 32}, {keys}, apiUrl: '{host}'"), recording("a"))
    answer = here("plan")

    assert answer.code == code
    assert ("`apiUrl`" in answer.err) == (code == 1), answer.err


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "[::1]", "169.254.169.254", "printer.local"])
@pytest.mark.parametrize("field", ["publish", "url"])
def test_a_page_or_a_stream_inside_is_refused_and_not_repeated(here: Place, host: str, field: str) -> None:
    web = {"url": "https://pages.example.com/board", field: {"env": "AIMED"}}
    here.write(recording("a", f"  mode: web\n  web: {json.dumps(web)}"))
    address = f"{'rtmp' if field == 'publish' else 'https'}://{host}/live/key-5521"
    planned, applied = here("plan", AIMED=address), here("apply", "--yes", AIMED=address)

    assert (planned.code, applied.code) == (0, 1)
    for told in (planned.out, applied.err):
        assert f"recording a: the value behind web.{field} names a host that is not a public" in told
        assert "key-5521" not in told
    assert here.calls == []


def test_wrong_usage_is_64(here: Place) -> None:
    for argv in (["--refresh", "some"], ["-o", "yaml"], ["--target"]):
        assert here("plan", *argv).code == 64


def test_sets_do_not_see_each_other(here: Place) -> None:
    here("apply", "--yes")
    here.write(recording("b"))

    assert actions(here, "--prune", "--set", "other") == {"b": "start"}


def test_an_identity_of_another_set_is_refused_with_its_owner(here: Place) -> None:
    here.write(recording("a", "  uid: 5"))
    here("apply", "--yes")
    here.write(recording("b", "  uid: 5\n  channel: a"))
    answer = here("plan", "--set", "other")

    assert answer.code == 1
    assert "live recording a of set default has" in answer.err


def test_what_is_piped_in_is_planned(here: Place, tmp_path: Path) -> None:
    manifest = tmp_path / "piped.yaml"
    manifest.write_text(recording("piped"))
    with manifest.open() as stream, here.process("plan", "-o", "json", "-", stdin=stream) as process:
        out, _ = process.communicate()

    said: dict[str, Any] = json.loads(out)
    assert (process.returncode, [action["name"] for action in said["actions"]]) == (0, ["piped"])
