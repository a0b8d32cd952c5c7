"""Every example is what its README promises: valid, rendered, applied for real, and at rest when applied again.

Examples are found by their folders; a new one is tested without a word here.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconciler.cli.root import run
from reconciler.manifests.schedule import read_schedule
from reconciler.planning.windows import outlook
from reconciler.simulator.options import Options
from reconciler.simulator.recorder import Recorder
from reconciler.simulator.routes import CHANGING
from reconciler.simulator.serve import running_simulator
from reconciler.simulator.world import World

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted(folder for folder in (ROOT / "examples").iterdir() if folder.is_dir())
APP_ID = "0123456789abcdef0123456789abcdef"

# A service that is as quick as it may be: what is tested is where things end, not how long they take.
QUICK = Options(rate=0, status_after=(0.0, 0.0, 0.0), web_ready=0.0)


def manifests_of(example: Path) -> list[Path]:
    return sorted((example / "manifests").rglob("*.y*ml"))


def references_in(value: object, kind: str) -> Iterator[str]:
    """Find what secret references name: variables (`env`) or files (`file`)."""
    if isinstance(value, dict):
        if value.keys() == {kind}:
            yield value[kind]
        for inner in value.values():
            yield from references_in(inner, kind)
    elif isinstance(value, list):
        for inner in value:
            yield from references_in(inner, kind)


def secrets_of(example: Path, kind: str) -> dict[str, str]:
    """Give each reference a value of its own: an address where one belongs, else what could be key or certificate."""
    names = {
        name
        for manifest in manifests_of(example)
        for document in yaml.safe_load_all(manifest.read_text("utf-8"))
        for name in references_in(document, kind)
    }
    digests = {name: hashlib.sha256(name.encode()).hexdigest()[:32] for name in names}
    return {
        name: f"https://example.com/?key={digest}" if name.endswith("_URL") else digest
        for name, digest in digests.items()
    }


@dataclass(frozen=True, slots=True)
class Answer:
    code: int
    out: str
    err: str


class Desk:
    """One person at one example, with a ledger and a service of their own."""

    def __init__(self, example: Path, folder: Path, url: str, world: World, capsys: pytest.CaptureFixture[str]) -> None:
        variables, files = secrets_of(example, "env"), secrets_of(example, "file")
        self.secrets = {**variables, **files}
        for name, value in files.items():
            (folder / name).write_text(f"{value}\n", "utf-8")
        self.world = world
        self.manifests = str(example / "manifests")
        self._folder = folder
        self._capsys = capsys
        self._environ = {
            **variables,
            "RECONCILER_SECRETS_DIR": str(folder),
            "RECONCILER_API_URL": url,
            "RECONCILER_APP_ID": APP_ID,
            "RECONCILER_CUSTOMER_ID": "simulated",
            "RECONCILER_CUSTOMER_SECRET": "simulated-secret",
            "RECONCILER_STATE": f"sqlite:///{folder / 'ledger.db'}",
            "RECONCILER_QPS": "200",
            "RECONCILER_CONFIRM_DELAY": "0.05",
            "RECONCILER_RETRY_DELAYS": "0.05,0.1,0.2",
        }

    def __call__(self, command: str, *options: str) -> Answer:
        self._capsys.readouterr()
        code = run([command, self.manifests, *options], self._environ, self._folder)
        return Answer(code, *self._capsys.readouterr())

    def declared(self) -> list[dict[str, Any]]:
        """List the recordings that are not suspended, as `render` resolves them."""
        documents = json.loads(self("render", "-o", "json").out)
        recordings = [document["spec"] for document in documents if document["kind"] == "Recording"]
        return [spec for spec in recordings if not spec.get("suspend")]

    def wanted(self) -> list[dict[str, Any]]:
        """List those that `apply` runs now: inside a window, and not waiting for people, whom it does not look for."""
        now = datetime.now(UTC)
        return [spec for spec in self.declared() if spec.get("when") != "occupied" and _is_open(spec, now)]

    def live(self) -> list[Recorder]:
        return self.world.live(time.time())


def _is_open(spec: dict[str, Any], now: datetime) -> bool:
    return "schedule" not in spec or outlook(read_schedule(spec["schedule"]), now).current is not None


@pytest.fixture(params=EXAMPLES, ids=lambda example: example.name)
def desk(request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Desk]:
    with running_simulator(QUICK, clock=time.time) as (url, world):
        yield Desk(request.param, tmp_path, url, world, capsys)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_has_a_readme_and_manifests_that_editors_can_check(example: Path) -> None:
    assert (example / "README.md").is_file()
    assert manifests_of(example)
    for manifest in manifests_of(example):
        first, _, _ = manifest.read_text("utf-8").partition("\n")
        comment, _, schema = first.partition("$schema=")
        assert comment == "# yaml-language-server: "
        assert (manifest.parent / schema).is_file()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_an_example_is_named_in_the_list_of_examples(example: Path) -> None:
    assert f"({example.name}/README.md)" in (ROOT / "examples" / "README.md").read_text("utf-8")


def test_it_is_valid(desk: Desk) -> None:
    assert desk("validate").code == 0
    assert desk.world.calls == []


def test_it_renders_the_bodies_without_a_secret_and_without_a_call(desk: Desk) -> None:
    answer = desk("render", "--wire")

    assert answer.code == 0
    assert len(json.loads(answer.out)) >= len(desk.declared()) > 0
    assert not [name for name, value in desk.secrets.items() if value in answer.out]
    assert desk.world.calls == []


def test_it_runs_what_it_declares_and_rests_when_applied_again(desk: Desk) -> None:
    first = desk("apply", "--yes")
    assert first.code == 0, first.err

    wanted = desk.wanted()
    assert len({recorder.uid for recorder in desk.live()}) == len(wanted)
    assert sorted((recorder.channel, recorder.mode) for recorder in desk.live()) == sorted(
        (spec["channel"], spec.get("mode", "mix")) for spec in wanted
    )
    assert not [name for name, value in desk.secrets.items() if value in first.out + first.err]

    calls = len(desk.world.calls)
    again = desk("apply", "--yes")

    assert again.code == 0, again.err
    assert not [call.endpoint for call in desk.world.calls[calls:] if call.endpoint in CHANGING]
    assert len(desk.live()) == len(wanted)


def test_it_can_be_planned_for_a_pull_request(desk: Desk) -> None:
    answer = desk("plan", "--prune", "--refresh", "none", "-o", "markdown", "--detailed-exitcode")

    wanted = desk.wanted()
    assert answer.code == (2 if wanted else 0)
    assert not wanted or f"{len(wanted)} to start" in answer.out
    assert desk.world.calls == []


def test_it_differs_from_nothing_in_everything_and_from_itself_in_nothing(desk: Desk, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    nothing.mkdir()
    gone = desk("diff", str(nothing), "--detailed-exitcode")
    same = desk("diff", desk.manifests, "--detailed-exitcode")

    assert (gone.code, same.code) == (2, 0)
    assert f"{len(desk.declared())} to stop" in gone.out
    assert same.out.startswith("Nothing to do: ")
    assert desk.world.calls == []
