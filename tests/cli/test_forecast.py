"""`forecast`: what is ahead, from manifests and settings alone."""

import json
import subprocess
import sys
from contextlib import chdir
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.root import run
from tests.cli.acting import app
from tests.world.stage import recording

APP_ID = "0123456789abcdef0123456789abcdef"
ACCOUNT = "customerId: {env: ID}, customerSecret: {env: HUSH}"


def schedule(opens: datetime, closes: datetime) -> str:
    return f"  schedule: {{from: '{opens.isoformat()}', until: '{closes.isoformat()}'}}"


class Place:
    """A folder of manifests, and the command run in it without credentials or ledger."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def write(self, *manifests: str) -> None:
        (self.folder / "manifests").mkdir(exist_ok=True)
        (self.folder / "manifests" / "set.yaml").write_text("---\n".join(manifests), encoding="utf-8")

    def __call__(self, *argv: str, **environ: str) -> tuple[int, str, str]:
        self._capsys.readouterr()
        with chdir(self.folder):
            code = run(["forecast", *argv], environ, self.folder)
        return code, *self._capsys.readouterr()

    def apps(self, *argv: str, **environ: str) -> list[dict[str, Any]]:
        code, out, err = self("-o", "json", *argv, **environ)
        assert (code, err) == (0, "")
        apps = json.loads(out)["apps"]
        assert isinstance(apps, list)
        return apps


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Place:
    made = Place(tmp_path, capsys)
    made.write(recording("a"), recording("b"))
    return made


def test_no_credentials_no_app_id_and_no_ledger_are_needed(here: Place) -> None:
    code, out, err = here()

    assert (code, err) == (0, "")
    assert "all is on time.\n\nApp default: 2 recordings\n  Peak    2 recorders at once, now\n" in out
    assert "Agora's own, not known here: set RECONCILER_MAX_RECORDERS" in out
    assert [path.name for path in here.folder.rglob("*")] == ["manifests", "set.yaml"]


def test_it_looks_from_the_present_as_far_as_asked(here: Place) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    days = [schedule(now + timedelta(days=day, hours=-1), now + timedelta(days=day, hours=1)) for day in (0, 1, 2, 3)]
    here.write(*(recording(f"a{day}", window) for day, window in enumerate(days)))

    assert [here.apps(*argv)[0]["starts"] for argv in ([], ["--days", "1"], ["--days", "31"])] == [2, 1, 3]
    said = json.loads(here("-o", "json", "--days", "3")[1])
    since, until = (datetime.fromisoformat(said[edge]) for edge in ("from", "until"))
    assert now <= since <= datetime.now(UTC)
    assert until - since == timedelta(days=3)


@pytest.mark.parametrize("days", ["0", "32", "-1", "many"])
def test_days_are_from_1_to_31(here: Place, days: str) -> None:
    code, out, err = here("--days", days)

    assert (code, out) == (64, "")
    assert "--days" in err


def test_the_settings_say_limit_and_quota(here: Place) -> None:
    [one] = here.apps(RECONCILER_MAX_RECORDERS="1", RECONCILER_QPS="2")

    assert (one["apps"], one["maxRecorders"], one["callsPerSecond"]) == (["default"], 1, 1.9)
    assert [(late["name"], late["seconds"], late["because"]) for late in one["late"]] == [("b", None, "room")]


def test_an_app_says_its_own_limit_and_quota_and_for_the_rest_the_settings_hold(here: Place) -> None:
    here.write(
        recording("a"),
        recording("b", "  app: own"),
        recording("c", "  app: plain"),
        app("own", f"appId: {'a' * 32}, qps: 4.0, maxRecorders: 7, {ACCOUNT}"),
        app("plain", f"appId: {'b' * 32}, {ACCOUNT}"),
    )
    found = here.apps(RECONCILER_MAX_RECORDERS="50")

    assert [(one["apps"], one["callsPerSecond"], one["maxRecorders"]) for one in found] == [
        (["default"], 9.5, 50),
        (["own"], 3.8, 7),
        (["plain"], 9.5, 50),
    ]


def test_apps_with_one_app_id_share_what_it_allows(here: Place) -> None:
    here.write(
        recording("a"),
        recording("b", "  app: same"),
        app("same", f"appId: {APP_ID}, maxRecorders: 7, {ACCOUNT}"),
    )
    [one] = here.apps(RECONCILER_APP_ID=APP_ID)

    assert (one["apps"], one["recordings"], one["peak"]["recorders"], one["maxRecorders"]) == (
        ["default", "same"],
        2,
        2,
        7,
    )


def test_a_manifest_may_come_from_standard_input() -> None:
    argv = [sys.executable, "-m", "reconciler", "forecast", "-", "-o", "json"]
    result = subprocess.run(argv, input=recording("x"), capture_output=True, text=True, check=False, env={})

    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["apps"][0]["recordings"] == 1


def test_bad_manifests_are_1_with_their_place(here: Place) -> None:
    here.write(recording("a", "  schedule: {cron: '0 9 * *', duration: 1h, timezone: UTC}"))
    code, out, err = here()

    assert (code, out) == (1, "")
    assert err.startswith("./manifests/set.yaml:")
    assert "`cron` must have five parts" in err


def test_without_manifests_it_is_1(here: Place) -> None:
    (here.folder / "manifests" / "set.yaml").unlink()
    code, out, err = here()

    assert (code, out) == (1, "")
    assert "there are no manifests here" in err


def test_an_app_alone_has_nothing_ahead(here: Place) -> None:
    here.write(app("own", f"appId: {'a' * 32}, {ACCOUNT}"))

    assert here() == (0, "Nothing is ahead: no recording is declared that is not suspended.\n", "")


def test_help_needs_nothing_heavy() -> None:
    heavy = "{'pydantic', 'yaml', 'cronsim', 'httpx', 'asyncio'}"
    code = (
        "import sys\nfrom reconciler.cli.root import run\nrun(['forecast', '-h'])\n"
        f"assert not {heavy} & set(sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
