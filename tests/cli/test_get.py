"""`get`: what it prints, what it exits with, and that it stays quick and changes nothing."""

import ctypes
import json
import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import yaml

from tests.cli.reading import NOW, Shell, asked_again, history, recording, write


@pytest.fixture
def empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


@pytest.fixture
def shell(empty: Shell) -> Shell:
    pages = [recording("standup", team="core"), recording("retro", team="web", floor="3"), history("old")]
    write(empty.ledger, [*pages, recording("standup", "night"), recording("review", "night")])
    return empty


def test_a_table_lists_what_is_declared_or_lives(shell: Shell) -> None:
    answer = shell("get")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == (
        "NAME     PHASE      CHANNEL          MODE  UID         AGE  RESTARTS  MESSAGE\n"
        "retro    Recording  default.retro    mix   2000000001  26h  0         status 5, 1 file\n"
        "standup  Recording  default.standup  mix   2000000001  26h  0         status 5, 1 file\n"
    )


def test_what_is_undeclared_but_lives_is_listed_as_unmanaged(empty: Shell) -> None:
    write(empty.ledger, [history("old").with_session(recording("old").sessions[0])])
    assert "status 5, 1 file; unmanaged: no manifest declares it" in empty("get").out


def test_history_is_shown_when_it_is_named(shell: Shell) -> None:
    answer = shell("get", "old")
    assert answer.code == 0
    assert answer.out.splitlines()[1].split() == [
        *("old", "Stopped", "default.old", "mix", "2000000001", "-", "0", "its", "manifest", "is", "gone"),
    ]


def test_wide_adds_what_calls_need(shell: Shell) -> None:
    header = shell("get", "-o", "wide").out.splitlines()[0].split("  ")
    assert [name.strip() for name in header if name][-7:] == [
        *("APP", "SLOT", "SID", "NEXT CHECK", "CONTROL UNTIL", "LABELS", "MESSAGE"),
    ]


def test_json_and_yaml_are_the_same_list(shell: Shell) -> None:
    documents = json.loads(shell("get", "-o", "json").out)
    assert [(one["name"], one["phase"], one["sid"]) for one in documents] == [
        ("retro", "Recording", "S-retro"),
        ("standup", "Recording", "S-standup"),
    ]
    assert yaml.safe_load(shell("get", "-o", "yaml").out) == documents


def test_names_are_what_other_commands_take(shell: Shell) -> None:
    assert shell("get", "-o", "name").out == "retro\nstandup\n"


def test_another_set_is_asked_for_by_its_name(shell: Shell) -> None:
    assert shell("--set", "night", "get", "-o", "name").out == "review\nstandup\n"
    assert shell("get", "-o", "name", RECONCILER_SET="night").out == "review\nstandup\n"


def test_all_sets_stand_with_their_set_in_front(shell: Shell) -> None:
    assert shell("get", "-A", "-o", "name").out == "default/retro\ndefault/standup\nnight/review\nnight/standup\n"
    assert [line.split()[:2] for line in shell("get", "-A", "standup").out.splitlines()] == [
        ["SET", "NAME"],
        ["default", "standup"],
        ["night", "standup"],
    ]


@pytest.mark.parametrize(
    ("selectors", "names"),
    [
        (["team=core"], ["standup"]),
        (["team==core"], ["standup"]),
        (["team!=core"], ["retro"]),
        (["floor!=3"], ["standup"]),
        (["team=web", "floor=3"], ["retro"]),
        (["team=core", "floor=3"], []),
        (["team="], []),
    ],
)
def test_labels_select(shell: Shell, selectors: list[str], names: list[str]) -> None:
    options = [part for selector in selectors for part in ("-l", selector)]
    assert shell("get", "-o", "name", *options).out.split() == names


def test_nothing_selected_is_said(shell: Shell) -> None:
    answer = shell("get", "-l", "team=nobody")
    assert (answer.code, answer.out, answer.err) == (0, "", "no recordings with these labels in set default\n")


@pytest.mark.parametrize("selector", ["team", "=core", "!=core"])
def test_a_selector_that_selects_nothing_is_wrong_usage(shell: Shell, selector: str) -> None:
    answer = shell("get", "-l", selector)
    assert answer.code == 64
    assert "say label=value or label!=value" in answer.err


def test_an_unknown_name_fails_and_the_others_are_shown(shell: Shell) -> None:
    answer = shell("get", "standpu", "retro", "-o", "name")
    assert (answer.code, answer.out) == (1, "retro\n")
    assert answer.err == "error: there is no recording standpu in set default; did you mean standup?\n"


def test_without_a_ledger_there_is_an_empty_list_and_none_is_made(empty: Shell) -> None:
    answer = empty("get", "-o", "json")
    assert (answer.code, answer.out) == (0, "[]\n")
    assert answer.err == f"there is no ledger yet at {empty.ledger}: `reconciler apply` makes it\n"
    assert list(empty.folder.iterdir()) == []


def test_without_a_ledger_a_name_is_unknown(empty: Shell) -> None:
    assert empty("get", "standup").code == 1


def test_an_empty_set_is_said(shell: Shell) -> None:
    answer = shell("get", "--set", "day")
    assert (answer.code, answer.out, answer.err) == (0, "", "no recordings in set day\n")


def test_what_is_no_ledger_is_an_error(empty: Shell) -> None:
    empty.ledger.write_text("not a database, and longer than a header would be\n" * 100)
    answer = empty("get")
    assert (answer.code, answer.out) == (1, "")
    assert "is no ledger" in answer.err


def test_reading_leaves_everything_as_it_was(shell: Shell) -> None:
    before = shell.files()
    for argv in (["get"], ["get", "-o", "json"], ["describe", "standup"], ["files"], ["events"]):
        assert shell(*argv).code == 0
    assert shell.files() == before


def _obey_permissions() -> None:
    """Take from root, for the program that is executed next, what lets it pass over the permissions of files."""
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


def test_a_ledger_that_may_only_be_read_is_read(shell: Shell) -> None:
    for path in shell.folder.rglob("*"):
        path.chmod(0o500 if path.is_dir() else 0o400)
    shell.folder.chmod(0o500)
    command = [sys.executable, "-m", "reconciler", "get", "-o", "name"]
    environ = {**os.environ, "RECONCILER_STATE": str(shell.ledger)}
    try:
        answer = subprocess.run(
            command, env=environ, preexec_fn=_obey_permissions, capture_output=True, text=True, check=False
        )
    finally:
        shell.folder.chmod(0o700)
    assert answer.stdout == "retro\nstandup\n"


def next_check(shell: Shell, **environ: str) -> timedelta:
    document = json.loads(shell("get", "-o", "json", **environ).out)[0]
    return datetime.fromisoformat(document["nextCheckAt"]) - NOW


def test_the_next_check_follows_the_settings_where_they_say_so(shell: Shell) -> None:
    assert next_check(shell) == timedelta(seconds=15)
    assert next_check(shell, RECONCILER_POLL_INTERVAL="60") == timedelta(seconds=60)
    (shell.folder / "reconciler.toml").write_text('poll_interval = "40s"\n')
    assert next_check(shell) == timedelta(seconds=40)


def test_the_next_check_follows_the_size_of_a_large_set(empty: Shell) -> None:
    write(empty.ledger, [recording(f"lesson-{number:02}") for number in range(95)])
    assert next_check(empty) == timedelta(seconds=20)


def test_a_wrong_setting_stops_only_who_needs_it(shell: Shell) -> None:
    assert shell("get", RECONCILER_APP_ID="nonsense").code == 0
    assert shell("get", RECONCILER_POLL_INTERVAL="nonsense").code == 1


SLOW = [
    *("asyncio", "httpx", "structlog", "rich", "starlette", "prometheus_client"),
    *("pydantic", "yaml", "reconciler.manifests"),
]


@pytest.mark.parametrize("module", SLOW)
def test_nothing_slow_is_loaded(shell: Shell, module: str) -> None:
    program = (
        "import sys; from reconciler.cli.root import run; code = run(['get']); "
        f"sys.exit(code or (99 if {module!r} in sys.modules else 0))"
    )
    environ = {**os.environ, "RECONCILER_STATE": str(shell.ledger)}
    assert subprocess.run([sys.executable, "-c", program], env=environ, check=False).returncode == 0


def test_only_a_terminal_cuts_lines_to_its_width(empty: Shell) -> None:
    write(empty.ledger, [history("old")])
    ours, theirs = os.openpty()
    environ = {**os.environ, "RECONCILER_STATE": str(empty.ledger), "COLUMNS": "70"}
    with os.fdopen(ours, "rb", buffering=0) as screen:
        subprocess.run([sys.executable, "-m", "reconciler", "get", "old"], stdout=theirs, env=environ, check=True)
        os.close(theirs)
        shown = screen.read(4096).decode().splitlines()
    assert shown[1] == "old   Stopped  default.old  mix   2000000001  -    0         its mani…"
    assert empty("get", "old").out.endswith("its manifest is gone\n")


# -- --watch


def test_a_watch_prints_the_table_and_then_a_line_for_each_change(shell: Shell) -> None:
    with shell.following("get", "--watch") as watch:
        assert watch.lines(3) == shell("get").out.splitlines()

        write(shell.ledger, [history("retro")])
        assert (
            watch.line() == "retro    Stopped    default.retro    mix   2000000001  -    0         its manifest is gone"
        )
        write(shell.ledger, [recording("seminar-in-the-garden")])
        wide = watch.line()
        write(shell.ledger, [recording("retro")])
        narrow = watch.line()
    assert wide.split()[:3] == ["seminar-in-the-garden", "Recording", "default.seminar-in-the-garden"]
    assert narrow.split()[:3] == ["retro", "Recording", "default.retro"]
    assert wide.index("  mix  ") == narrow.index("  mix  ")


def test_a_question_that_brought_nothing_new_is_no_line(shell: Shell) -> None:
    with shell.following("get", "-w") as table, shell.following("get", "-w", "-o", "json") as documents:
        table.lines(3)
        documents.lines(2)
        write(shell.ledger, [asked_again(recording("standup")), recording("review", "night")])
        write(shell.ledger, [history("standup")])

        assert table.line().split()[:2] == ["standup", "Stopped"]
        assert json.loads(documents.line())["phase"] == "Stopped"


def test_only_what_was_chosen_is_watched(shell: Shell) -> None:
    with shell.following("get", "-w", "-l", "team=core", "-o", "name") as watch:
        assert watch.line() == "standup"
        write(shell.ledger, [history("retro"), recording("planning", team="core")])
        assert watch.line() == "planning"
        write(shell.ledger, [history("standup")])  # its labels have gone, too: it is shown to its end
        assert watch.line() == "standup"


def test_a_watch_over_all_sets_names_them(shell: Shell) -> None:
    with shell.following("get", "-w", "-A", "review") as watch:
        assert [line.split()[:3] for line in watch.lines(2)] == [
            ["SET", "NAME", "PHASE"],
            ["night", "review", "Recording"],
        ]


def test_a_watch_for_programs_is_one_document_after_the_other(shell: Shell) -> None:
    with shell.following("get", "standup", "-w", "-o", "json") as lines:
        assert [json.loads(lines.line())] == json.loads(shell("get", "standup", "-o", "json").out)
        write(shell.ledger, [history("standup")])
        assert json.loads(lines.line())["sessions"][0]["reason"] == "its manifest is gone"

    with shell.following("get", "standup", "-w", "-o", "yaml") as documents:
        assert documents.lines(3) == ["---", "name: standup", "set: default"]


def test_ctrl_c_ends_a_watch_with_130_and_without_a_word(shell: Shell) -> None:
    with shell.following("get", "-w") as watch:
        watch.lines(3)
        code, out, err = watch.interrupt()
    assert (code, out, err.strip()) == (130, b"", b"")


def test_a_watch_for_a_name_that_is_unknown_fails_at_once(shell: Shell) -> None:
    with shell.following("get", "standpu", "-w") as watch:
        code, out, err = watch.end()
    assert (code, out) == (1, b"")
    assert b"did you mean standup?" in err


def test_a_watch_waits_for_the_first_recording_and_for_the_ledger_itself(empty: Shell) -> None:
    with empty.following("get", "-w") as watch:
        assert b"there is no ledger yet" in watch.process.stderr.readline()
        write(empty.ledger, [])
        write(empty.ledger, [recording("standup")])
        assert [line.split()[0] for line in watch.lines(2)] == ["NAME", "standup"]
    with empty.following("get", "-w", "--set", "day") as watch:
        assert watch.process.stderr.readline() == b"no recordings in set day\n"
        write(empty.ledger, [recording("retro", "day")])
        assert [line.split()[0] for line in watch.lines(2)] == ["NAME", "retro"]


def test_a_watch_says_when_its_ledger_is_replaced(shell: Shell) -> None:
    with shell.following("get", "-w") as watch:
        watch.lines(3)
        shell.ledger.unlink()
        code, _, err = watch.end()
    assert code == 1
    assert b"was removed or replaced" in err


def test_a_watch_changes_nothing(shell: Shell) -> None:
    before = shell.files()
    with shell.following("get", "-w") as watch:
        watch.lines(3)
        watch.interrupt()
    assert shell.files() == before


@pytest.mark.parametrize(("output", "is_cut"), [("table", True), ("wide", False)])
def test_on_a_terminal_a_watch_appends_lines_too(shell: Shell, output: str, *, is_cut: bool) -> None:
    ours, theirs = os.openpty()
    with os.fdopen(ours, "rb", buffering=0), shell.following("get", "-w", "-o", output, stdout=theirs) as watch:
        os.close(theirs)
        watch.output = ours
        shown = watch.lines(3)
        write(shell.ledger, [history("retro")])
        shown += watch.lines(1)
    assert [line.split()[0] for line in shown] == ["NAME", "retro", "standup", "retro"]
    assert "\x1b" not in "".join(shown)
    assert all(len(line) <= 70 for line in shown) == is_cut


def test_nothing_slow_is_loaded_to_watch(shell: Shell) -> None:
    program = (
        "import sys; from reconciler.cli.root import run; code = run(sys.argv[1:]); "
        f"print([name for name in {SLOW} if name in sys.modules]); sys.exit(code)"
    )
    with shell.following("get", "-w", program=("-c", program)) as watch:
        watch.lines(3)
        code, out, _ = watch.interrupt()
    assert (code, out) == (130, b"[]\n")
