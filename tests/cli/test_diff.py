"""`diff`: what changing manifests would do to recordings that run as the older ones say, without asking anybody."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import chdir
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.root import run
from tests.cli.acting import app, place
from tests.cli.reading import PATIENCE, Answer
from tests.world.stage import recording

AUTHOR = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
NOWHERE = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "HOME": "/nowhere"}


class Desk:
    """A folder with manifests before and after a change; nothing of the surroundings is set."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys

    def write(self, folder: str, *manifests: str, file: str = "set.yaml") -> None:
        """Make these the whole content of one file; none removes it."""
        path = self.folder / folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if manifests:
            path.write_text("---\n".join(manifests), encoding="utf-8")
        else:
            path.unlink()

    def __call__(self, *argv: str, **environ: str) -> Answer:
        self._capsys.readouterr()
        with chdir(self.folder):
            code = run(["diff", *argv], environ, self.folder)
        return Answer(code, *self._capsys.readouterr())

    def process(self, *argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run it as a process of its own, which has nothing around it but what is said here."""
        return subprocess.run(
            [sys.executable, "-m", "reconciler", "diff", *argv],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **NOWHERE, **environ},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    def actions(self, *argv: str, **environ: str) -> dict[str, str]:
        answer = self(*argv, "-o", "json", **environ)
        assert answer.code == 0, answer.err
        return {action["name"]: action["action"] for action in json.loads(answer.out)["actions"]}

    def changed(self, before: str, after: str) -> dict[str, Any]:
        """Tell what changing one recording would do."""
        self.write("before", before)
        self.write("after", after)
        [action] = json.loads(self("before", "after", "-o", "json").out)["actions"]
        assert isinstance(action, dict)
        return action

    def git(self, *argv: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.folder), *argv],
            env={"PATH": os.environ["PATH"], **AUTHOR, **NOWHERE},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    def commit(self, message: str = "x") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")

    def files(self) -> dict[str, tuple[int, bytes]]:
        found = [path for path in sorted(self.folder.rglob("*")) if path.is_file() and not path.is_symlink()]
        return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in found}


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    return Desk(tmp_path, capsys)


@pytest.fixture
def repository(desk: Desk) -> Desk:
    """A repository with one commit, and a change that is not committed."""
    desk.git("init", "-q", "-b", "main")
    desk.write("manifests", recording("a"))
    desk.commit()
    desk.write("manifests", recording("a", "  channel: other"))
    return desk


# -- what a change does


CHANGES: dict[str, tuple[Sequence[str], Sequence[str]]] = {
    "nothing": ([recording("a")], [recording("a")]),
    "a label": ([recording("a")], [recording("a", metadata="  labels: {team: core}")]),
    "a new one": ([recording("a")], [recording("a"), recording("b")]),
    "one less": ([recording("a"), recording("b")], [recording("b")]),
    "one less that is to be left": ([recording("a", "  onRemoval: leave"), recording("b")], [recording("b")]),
    "the layout": ([recording("a")], [recording("a", "  layout: {type: bestFit}")]),
    "layout and subscription": (
        [recording("a")],
        [recording("a", "  layout: {type: vertical}\n  capture: {subscribe: {audio: ['7']}}")],
    ),
    "the channel": ([recording("a")], [recording("a", "  channel: other")]),
    "the uid": ([recording("a", "  uid: 5")], [recording("a", "  uid: 6")]),
    "the mode": ([recording("a")], [recording("a", "  mode: individual")]),
    "what waits for the next session": (
        [recording("a", "  replace: next")],
        [recording("a", "  replace: next\n  region: eu")],
    ),
    "suspended": ([recording("a")], [recording("a", "  suspend: true")]),
    "no longer suspended": ([recording("a", "  suspend: true")], [recording("a")]),
    "suspended all the time": ([recording("a", "  suspend: true")], [recording("a", "  suspend: true")]),
    "renamed": ([recording("a")], [recording("b", "  channel: a", "  renamedFrom: a")]),
    "renamed and changed": (
        [recording("a")],
        [recording("b", "  channel: a\n  layout: {type: bestFit}", "  renamedFrom: a")],
    ),
    "two change places": (
        [recording("a", "  channel: x"), recording("b", "  channel: y")],
        [recording("a", "  channel: y"), recording("b", "  channel: x")],
    ),
}


@pytest.mark.parametrize("change", CHANGES, ids=str)
def test_what_it_says_is_what_plan_says_where_everything_runs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], change: str
) -> None:
    before, after = CHANGES[change]
    with place(tmp_path, capfd) as here:
        here.write(*before)
        here.write(*before, file="before/set.yaml")
        assert here("apply", "--yes").code == 0
        here.write(*after)
        calls = len(here.calls)
        planned = here("plan", "--prune", "--refresh", "none", "-o", "json")
        told = here("diff", "before", "-o", "json", RECONCILER_STATE=None)

        assert told.out == planned.out
        assert len(here.calls) == calls


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("  restart: never", "restart: always → never"),
        ("  priority: 5", "priority: 0 → 5"),
        ("  controlFor: 24h", "controlFor: 30d → 1d"),
        ("  onRemoval: leave", "onRemoval: stop → leave"),
        ("  token: {certificate: {env: CERTIFICATE}}", "token.certificate: (none) → {env: CERTIFICATE}"),
    ],
)
def test_what_is_used_later_only_is_said(desk: Desk, change: str, told: str) -> None:
    action = desk.changed(recording("a"), recording("a", change))

    assert (action["action"], action["calls"], action["disruption"]) == ("hold", [], "none")
    assert action["reason"].startswith("used from the next session or decision on: ")
    assert told in action["reason"]
    assert desk("before", "after", "--detailed-exitcode").code == 2


def test_what_is_used_later_is_said_beside_what_is_done_now(desk: Desk) -> None:
    desk.write("before", recording("a"))
    desk.write("after", recording("a", "  priority: 5\n  layout: {type: bestFit}"))

    assert desk("before", "after").out == (
        "~  update  a  [updateLayout]\n"
        "      layout.type: floating → bestFit\n"
        "      note: priority: 0 → 5, used from the next session or decision on\n"
        "\n"
        "Plan: 1 to update; 1 call (about 1 s at 9.5 calls/s)\n"
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [("  uid: 5", "  uid: 6"), ("", "  suspend: true"), ("  profiles: [a]", "  profiles: [a, b]"), ("", "  copies: 2")],
)
def test_what_is_seen_from_what_is_done_is_not_said_again(desk: Desk, before: str, after: str) -> None:
    profiles = "".join(
        f"---\napiVersion: recordings.reconciler/v1\nkind: Profile\nmetadata: {{name: {name}}}\nspec: {{}}\n"
        for name in "ab"
    )
    desk.write("before", recording("a", before) + profiles)
    desk.write("after", recording("a", after) + profiles)

    assert "used from the next session or decision on" not in desk("before", "after").out


def test_one_that_is_renamed_is_compared_with_what_it_was(desk: Desk) -> None:
    desk.write("before", recording("a"))
    desk.write("after", recording("b", "  channel: a\n  priority: 5", "  renamedFrom: a"))

    assert ".  hold  b  used from the next session or decision on: priority: 0 → 5\n" in desk("before", "after").out


OVER = "  schedule: {from: 2020-01-01T09:00:00Z, until: 2020-01-01T10:00:00Z}"


@pytest.mark.parametrize("when", [OVER, "  when: occupied", f"{OVER}\n  when: occupied"])
def test_the_moment_it_is_asked_at_makes_no_difference(desk: Desk, when: str) -> None:
    layout = desk.changed(recording("a", when), recording("a", f"{when}\n  layout: {{type: bestFit}}"))
    region = desk.changed(recording("a", when), recording("a", f"{when}\n  region: eu"))

    assert layout["calls"] == ["updateLayout"]
    assert (region["action"], region["calls"]) == ("hold", [])
    assert region["reason"] == "from the next session on: region: (none) → eu"


def test_another_schedule_is_said_and_what_it_does_now_is_not_guessed(desk: Desk) -> None:
    action = desk.changed(recording("a", OVER), recording("a", OVER.replace("10:00", "11:30")))

    assert action["action"] == "hold"
    assert "schedule[0].until: 2020-01-01T10:00:00Z → 2020-01-01T11:30:00Z" in action["reason"]

    early = desk.changed(recording("a", OVER), recording("a", OVER.replace("{from", "{startEarly: 300, from")))
    assert "schedule[0].startEarly: 0 → 5m" in early["reason"]


def test_a_new_one_that_does_not_simply_start_says_when_it_records(desk: Desk) -> None:
    desk.write("before", recording("other"))
    desk.write("after", recording("other"), recording("a", OVER), recording("b", "  when: occupied"))
    out = desk("before", "after").out

    assert desk.actions("before", "after") == {"a": "start", "b": "start"}
    assert "      note: it records inside its windows only\n" in out
    assert "      note: it records only while somebody is in the channel\n" in out


# -- secrets, apps


def other_keys(text: str) -> str:
    return text.replace("env: SECRET_KEY", "env: OTHER_KEY").replace("env: ACCESS_KEY", "file: access-key")


def test_another_reference_counts_as_another_value_and_that_is_said(desk: Desk) -> None:
    action = desk.changed(recording("a"), other_keys(recording("a")))

    assert action["calls"] == ["update"]
    assert "storage.secretKey: {env: SECRET_KEY} → {env: OTHER_KEY}" in action["reason"]
    assert "storage.accessKey: {env: ACCESS_KEY} → {file: access-key}" in action["reason"]
    assert "Note: secrets were not read" in desk("before", "after").out


def test_another_reference_behind_the_encryption_replaces(desk: Desk) -> None:
    spec = "  capture: {encryption: {mode: aes-256-gcm2, secret: {env: %s}, salt: {env: SALT}}}"
    action = desk.changed(recording("a", spec % "ONE"), recording("a", spec % "TWO"))

    assert action["action"] == "replace"
    assert "capture.encryption.secret: {env: ONE} → {env: TWO}" in action["reason"]


def test_no_secret_is_read_no_ledger_is_looked_at_and_nothing_is_written(desk: Desk) -> None:
    desk.write("before", recording("a"))
    desk.write("after", recording("a", "  channel: other\n  token: {env: BAD_TOKEN}\n  uid: 5"))
    before = desk.files()
    silent = desk("before", "after")
    told = desk("before", "after", BAD_TOKEN="no token at all", RECONCILER_STATE="sqlite:////nowhere/ledger.db")

    assert (silent.code, silent.err) == (0, "")
    assert told == silent
    assert desk.files() == before


def test_what_a_page_is_asked_is_compared_and_not_shown(desk: Desk) -> None:
    web = "  mode: web\n  web: {url: 'https://example.com/board?key=%s'}"
    action = desk.changed(recording("a", web % "first-5521"), recording("a", web % "second-5521"))

    assert action["action"] == "replace"
    assert "5521" not in desk("before", "after").out


def account(app_id: str) -> str:
    return app("default", f"appId: {app_id * 32}, customerId: {{env: ID}}, customerSecret: {{env: SECRET}}")


def test_an_app_id_that_nobody_names_is_none_the_less_the_same(desk: Desk) -> None:
    desk.write("before", recording("a"))
    desk.write("after", recording("a"), account("f"))

    assert desk.actions("before", "after") == {}
    assert desk.actions("after", "before") == {}


def test_another_app_id_replaces_and_apply_would_refuse_it(desk: Desk) -> None:
    desk.write("before", recording("a"), account("e"))
    desk.write("after", recording("a"), account("f"))
    answer = desk("before", "after")

    assert f"app.appId: {'e' * 32} → {'f' * 32} [stop, acquire, start]" in answer.out
    assert "Note: apply would say: refused: neither an App of these manifests nor the settings have" in answer.out


# -- the whole set


def test_what_looks_like_a_rename_is_pointed_out(desk: Desk) -> None:
    desk.write("before", recording("a"))
    desk.write("after", recording("b", "  channel: a"))

    assert desk.actions("before", "after") == {"a": "stop", "b": "start"}
    assert "Note: a → b looks like a rename: say `renamedFrom: a`" in desk("before", "after").out


def test_what_the_guards_would_say_is_said(desk: Desk) -> None:
    desk.write("before", *(recording(f"r{number}") for number in range(10)))
    desk.write("after", recording("other"))
    desk.write("empty", recording("x"))
    desk.write("empty")

    assert "apply would say: refused: this change would interrupt 10 of 10 live" in desk("before", "after").out
    emptied = desk("before", "empty", "-o", "markdown")
    assert emptied.code == 0
    assert "&#8203;" not in emptied.out
    assert "> apply would say: refused: there is no recording in these manifests, while 10 of" in emptied.out
    assert set(desk.actions("empty", "before").values()) == {"start"}


def test_nothing_on_either_side_is_a_mistake(desk: Desk) -> None:
    (desk.folder / "one").mkdir()
    (desk.folder / "two").mkdir()
    answer = desk("one", "two")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err == "two:1:1: there are no manifests here: no .yaml, .yml or .json file\n"


def test_the_output_is_that_of_plan(desk: Desk) -> None:
    desk.write("before", recording("a"))
    desk.write("after", recording("a"), recording("b"))

    assert desk("before", "after").out == (
        "+  start  b  no recording exists [acquire, start]\n\n"
        "Plan: 1 to start; 2 calls (about 1 s at 9.5 calls/s)\n"
    )  # fmt: skip
    assert "| `+` | b | start | none | acquire, start | no recording exists |" in (
        desk("before", "after", "-o", "markdown").out
    )
    assert json.loads(desk("before", "after", "-o", "json").out)["calls"] == 2


def test_differences_are_2_only_when_asked_for(desk: Desk) -> None:
    desk.write("before", recording("a"))
    desk.write("after", recording("b"))

    assert desk("before", "after").code == 0
    assert desk("before", "after", "--detailed-exitcode").code == 2
    assert desk("before", "before", "--detailed-exitcode").code == 0
    assert desk("before", "before").out == "Nothing to do: 1 recording is as declared.\n"


@pytest.mark.parametrize("side", ["before", "after"])
def test_manifests_that_are_wrong_are_1_with_the_place(desk: Desk, side: str) -> None:
    desk.write("before", recording("a"))
    desk.write("after", recording("a"))
    desk.write(side, recording("a", "  chanel: x"))
    answer = desk("before", "after")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err == f"{side}/set.yaml:12:3: there is no field `chanel` here; did you mean `channel`?\n"


def test_either_side_may_be_piped_in(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with place(tmp_path, capfd) as here:
        here.write(recording("b"), file="other/set.yaml")
        for argv, actions in (
            (["-", "other"], {"a": "stop", "b": "start"}),
            (["other", "-"], {"a": "start", "b": "stop"}),
        ):
            with (
                (here.folder / "manifests" / "set.yaml").open() as stream,
                here.process("diff", *argv, "-o", "json", stdin=stream) as process,
            ):
                out, _ = process.communicate()
            assert {action["name"]: action["action"] for action in json.loads(out)["actions"]} == actions


def test_standard_input_can_be_read_once(desk: Desk) -> None:
    assert desk("-", "-").code == 64


# -- revisions


@pytest.mark.parametrize("name", ["main", "HEAD", "v1", "refs/heads/main", "hash", "short"])
def test_base_may_be_anything_that_git_has_a_commit_for(repository: Desk, name: str) -> None:
    commit = repository.git("rev-parse", "HEAD")
    repository.git("tag", "-a", "v1", "-m", "one")
    revision = {"hash": commit, "short": commit[:8]}.get(name, name)

    assert repository.actions(revision) == {"a": "replace"}


def test_the_state_of_the_files_counts_not_what_is_committed_or_staged(repository: Desk) -> None:
    repository.git("add", "-A")
    before, status = repository.files(), repository.git("status", "--porcelain")
    assert repository.actions("HEAD") == {"a": "replace"}
    assert repository.git("status", "--porcelain") == status
    assert {name for name in repository.files() if ".git/" not in name} == {
        name for name in before if ".git/" not in name
    }

    repository.commit()
    assert repository.actions("HEAD") == {}
    assert repository.actions("HEAD~1") == {"a": "replace"}


def test_the_same_paths_are_compared_wherever_one_stands(repository: Desk) -> None:
    repository.write("elsewhere", recording("z"))
    repository.commit()
    repository.write("elsewhere", recording("y"))
    (repository.folder / "deep").mkdir()

    assert repository.actions("HEAD") == {}
    assert repository.actions("HEAD", "elsewhere/set.yaml") == {"z": "stop", "y": "start"}
    assert repository.actions("HEAD", "manifests", "elsewhere", "./elsewhere/") == {"z": "stop", "y": "start"}
    assert repository.actions("HEAD", ".") == {"z": "stop", "y": "start"}
    assert repository.actions("HEAD", str(repository.folder / "elsewhere")) == {"z": "stop", "y": "start"}
    repository.folder /= "deep"
    assert repository.actions("HEAD", "../elsewhere") == {"z": "stop", "y": "start"}


def test_what_a_revision_lacks_is_new(repository: Desk) -> None:
    repository.write("added", recording("b"))
    alone, beside = repository("main", "added"), repository("main", "added", "manifests")

    assert "+  start  b" in alone.out
    assert alone.err == "main has no manifests here: everything is new\n"
    assert "replace (gap)  a" in beside.out
    assert beside.err == ""


def test_a_path_that_exists_wins_over_a_revision(repository: Desk) -> None:
    repository.write("main", recording("c"))

    assert repository.actions("main") == {"a": "start", "c": "stop"}
    assert repository.actions("refs/heads/main") == {"a": "replace"}


def test_what_is_wrong_in_a_revision_is_named_as_git_names_it(repository: Desk) -> None:
    repository.write("manifests", "kind: Recording\n", file="bad.yaml")
    repository.commit()
    repository.write("manifests", file="bad.yaml")
    answer = repository("main")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.splitlines()[0].startswith("main:manifests/bad.yaml:1:1: ")


def test_what_is_neither_a_path_nor_a_revision_is_told_with_both_readings(repository: Desk) -> None:
    answer = repository("mian")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        f"error: there is no file or folder mian; in {repository.folder}: there is no revision `mian` in this "
        "repository (fatal: Needed a single revision)\n"
    )


def test_without_a_repository_there_are_no_revisions(desk: Desk) -> None:
    desk.write("manifests", recording("a"))
    answer = desk("main")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith(
        "error: there is no file or folder main, and ./manifests is in no git repository to look into: "
        "fatal: not a git repository"
    )
    assert desk("main", "-").code == 1


def test_a_clone_that_does_not_go_back_that_far_is_told(
    repository: Desk, tmp_path_factory: pytest.TempPathFactory
) -> None:
    repository.commit()
    shallow = tmp_path_factory.mktemp("clone") / "shallow"
    repository.git("clone", "-q", "--depth", "1", f"file://{repository.folder}", str(shallow))
    repository.folder = shallow

    assert "this clone is shallow: fetch that revision first" in repository("HEAD~1").err


def test_git_is_needed_for_revisions_only(repository: Desk) -> None:
    assert repository.process("manifests", "manifests", PATH="/nowhere").returncode == 0
    assert "the program git cannot be run: it is not installed" in repository.process("main", PATH="/nowhere").stderr


def test_nothing_is_left_behind(repository: Desk, tmp_path_factory: pytest.TempPathFactory) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    assert repository.process("main", TMPDIR=str(temporary)).returncode == 0
    repository.write("manifests", "kind: Recording\n", file="bad.yaml")
    repository.commit()
    repository.write("manifests", file="bad.yaml")
    assert repository.process("main", TMPDIR=str(temporary)).returncode == 1

    assert list(temporary.iterdir()) == []
