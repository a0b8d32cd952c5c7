"""The demo as a newcomer starts it, what it says when its story does not come true, and what it leaves behind."""

import base64
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reconciler.cli.demo import DONE, FAILED, perform
from reconciler.cli.demo_stage import SECRETS, UntrueError, one_for_each, open_stage
from reconciler.cli.demo_story import STEPS
from reconciler.cli.terminal import Here
from tests.simulator.driver import Driver, driver

DEMO = [sys.executable, "-m", "reconciler", "demo"]
FOREIGN = {"RECONCILER_API_URL": "https://api.agora.io", "RECONCILER_STATE": "sqlite:////nowhere/ledger.db"}
STORY = (
    "Time is shortened",
    "1/7  Declare three recordings",
    "$ reconciler apply --yes",
    "Plan: 3 to start; 6 calls",
    "Done: everything is as declared.",
    "✓ Each of the three has exactly one recorder.",
    "2/7  See what is known",
    "$ reconciler get",
    "standup     Recording",
    "3/7  Change a layout",
    "-    type: bestFit",
    "+    type: vertical",
    "$ reconciler plan",
    "~  update  standup  [updateLayout]",
    "Plan: 1 to update; 1 call ",
    "$ reconciler apply --yes",
    "standup: updated",
    "layout vertical",
    "✓ One updateLayout and no other change.",
    "4/7  Crash",
    "+  start  townhall",
    "Killed (SIGKILL)",
    "✓ Agora did start it",
    "townhall  Starting",
    "?  settle  townhall",
    "townhall: started: it ran already",
    "✓ Settled by itself: still exactly one recorder of townhall",
    "5/7  Lose a recorder",
    "$ reconciler plan --refresh all",
    "+  start  interviews",
    "slot B",
    "✓ interviews records again, under its other uid",
    "6/7  Delete one",
    "$ rm manifests/webinar.yaml",
    "$ reconciler delete webinar --yes",
    "webinar: stopped",
    "$ reconciler files",
    "    s3://acme-recordings/webinar/",
    "7/7  Apply twice",
    "$ reconciler apply --yes\nNothing to do: 3 recordings are as declared.",
    "$ reconciler apply --yes\nNothing to do: 3 recordings are as declared.",
    "All 7 steps came true, in ",
    "reconciler doctor",
)


@pytest.fixture
def rubbish(tmp_path: Path) -> Path:
    """Where the demo puts what it throws away."""
    folder = tmp_path / "rubbish"
    folder.mkdir()
    return folder


def environ(rubbish: Path) -> dict[str, str]:
    """Variables of somebody who has an account, which the demo must not touch."""
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    return kept | FOREIGN | {"TMPDIR": str(rubbish), "PYTHONIOENCODING": "utf-8"}


def test_tells_the_whole_story_in_order_and_leaves_nothing_behind(rubbish: Path) -> None:
    done = subprocess.run(DEMO, env=environ(rubbish), capture_output=True, text=True, check=False, timeout=120)

    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    told = 0
    for fact in STORY:
        assert fact in done.stdout[told:], f"{fact!r} is missing after {done.stdout[:told][-300:]!r}"
        told = done.stdout.index(fact, told) + len(fact)
    assert "\x1b" not in done.stdout, "a pipe gets no colour"
    assert "Traceback" not in done.stdout
    assert not [name for name, secret in SECRETS.items() if secret in done.stdout]
    assert list(rubbish.iterdir()) == []


def test_keeps_the_folder_when_asked_and_the_commands_go_on_there(rubbish: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--keep"], env=environ(rubbish), capture_output=True, text=True, check=True, timeout=120
    )

    (folder,) = rubbish.iterdir()
    assert f"cd {folder} && . ./environment" in done.stdout
    assert (folder / "environment").stat().st_mode & 0o777 == 0o600
    get = f'. ./environment && "{sys.executable}" -P -m reconciler get -o name'
    names = subprocess.run(
        ["sh", "-c", get], cwd=folder, env=environ(rubbish), capture_output=True, text=True, check=True
    )
    assert names.stdout.split() == ["interviews", "standup", "townhall"]


@pytest.mark.parametrize(("until", "number"), [("$ reconciler apply", signal.SIGINT), ("Killed", signal.SIGTERM)])
def test_ends_when_interrupted_and_clears_up(rubbish: Path, until: str, number: signal.Signals) -> None:
    with subprocess.Popen(
        DEMO, env=environ(rubbish), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        assert any(until in line for line in demo.stdout)
        demo.send_signal(number)
        rest, complaints = demo.communicate(timeout=30)

    assert demo.returncode == 130
    assert "Traceback" not in rest + complaints
    assert "7/7" not in rest
    assert list(rubbish.iterdir()) == []


def test_says_which_step_failed_and_fails(rubbish: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = rubbish / "stage"
    folder.mkdir()
    with open_stage(Here(environ(rubbish), rubbish), folder) as stage:
        # Somebody else records where the story says that there is one recorder.
        account = f"{SECRETS['RECONCILER_CUSTOMER_ID']}:{SECRETS['RECONCILER_CUSTOMER_SECRET']}"
        authorized = {"Authorization": f"Basic {base64.b64encode(account.encode()).decode()}"}
        somebody = Driver(stage.world, time.time(), headers=authorized | {"Content-Type": "application/json"})
        somebody.record(cname="standup", uid="7")
        stage.told()
        code = perform(stage, STEPS)

    told = capfd.readouterr().out
    assert code == FAILED
    assert told.endswith("\nstep 1 failed: Declare three recordings: 2 recorders in channel standup instead of 1\n")
    assert "✓" not in told
    assert "2/7" not in told


def test_a_story_of_no_steps_comes_true(rubbish: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with open_stage(Here(environ(rubbish), rubbish), rubbish) as stage:
        assert perform(stage, ()) == DONE

    assert re.search(r"All 0 steps came true, in 0\.\d s\.", capfd.readouterr().out)


def test_a_command_that_fails_is_no_story(rubbish: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with (
        open_stage(Here(environ(rubbish), rubbish), rubbish) as stage,
        pytest.raises(UntrueError, match="`reconciler validate nowhere` ended with 1"),
    ):
        stage.run("validate", "nowhere")
    shown = capfd.readouterr()
    assert shown.out.startswith("\n$ reconciler validate nowhere\n")
    assert "there is no such file" in shown.out, "what a command complains of stands below it"
    assert shown.err == ""


def test_calls_that_the_story_does_not_tell_are_found(rubbish: Path) -> None:
    with (
        open_stage(Here(environ(rubbish), rubbish), rubbish) as stage,
        pytest.raises(UntrueError, match="Agora was told nothing instead of 1 updateLayout"),
    ):
        stage.expect_told(updateLayout=1)


def test_two_recorders_of_one_recording_are_found() -> None:
    agora = driver()
    agora.record(cname="standup", uid="1")
    assert one_for_each(agora.world, ["standup"])["standup"].uid == "1"

    agora.record(cname="standup", uid="2")
    with pytest.raises(UntrueError, match=r"^2 recorders in channel standup instead of 1$"):
        one_for_each(agora.world, ["standup"])


def test_a_missing_recorder_and_an_unwanted_one_are_found() -> None:
    agora = driver()
    gone = agora.record(cname="standup", uid="1")
    agora.world.kill(agora.now, gone.sid)
    agora.record(cname="webinar", uid="2")

    with pytest.raises(UntrueError) as found:
        one_for_each(agora.world, ["standup"])

    assert str(found.value) == (
        "0 recorders in channel standup instead of 1; 1 recorder in channel webinar instead of 0"
    )
