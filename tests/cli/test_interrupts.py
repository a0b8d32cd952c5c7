"""Questions at a terminal, Ctrl-C and `kill -9` in the middle of an apply: nothing is lost, nothing is doubled."""

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.cli.acting import PATIENCE, Place, place
from tests.world.stage import recording


@pytest.fixture
def here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Place]:
    with place(tmp_path, capfd) as made:
        yield made


@dataclass(slots=True)
class AtTerminal:
    """A process with a terminal for its input and its messages; its data goes to a pipe."""

    process: Any
    terminal: int
    shown: str = field(default="")

    def see(self, words: str) -> None:
        """Wait until the terminal has shown this."""
        until = time.monotonic() + PATIENCE
        while words not in self.shown:
            assert select.select([self.terminal], [], [], max(until - time.monotonic(), 0))[0], self.shown
            self.shown += os.read(self.terminal, 4096).decode()

    def type(self, text: str) -> None:
        os.write(self.terminal, text.encode())

    def end(self) -> tuple[int, str]:
        """Wait for the end; what was still shown is read, as a terminal would."""
        out, _ = self.process.communicate(timeout=PATIENCE)
        while select.select([self.terminal], [], [], 0)[0]:
            self.shown += os.read(self.terminal, 4096).decode()
        return self.process.returncode, out


@contextmanager
def at_terminal(here: Place, *argv: str, **environ: str) -> Iterator[AtTerminal]:
    terminal, inside = pty.openpty()
    try:
        surroundings = {"TERM": "xterm", "COLUMNS": "100", **environ}
        with here.process(*argv, environ=surroundings, stdin=inside, stderr=inside) as process:
            yield AtTerminal(process, terminal)
    finally:
        os.close(inside)
        os.close(terminal)


# -- questions


@pytest.mark.parametrize(
    ("answer", "code", "recorded"), [("y\n", 0, ["a"]), ("n\n", 1, []), ("\n", 1, []), ("\x04", 130, [])]
)
def test_a_person_is_asked_first(here: Place, answer: str, code: int, recorded: list[str]) -> None:
    with at_terminal(here, "apply") as terminal:
        terminal.see("Do this? [y/N]: ")
        assert here.calls == []
        terminal.type(answer)
        ended, out = terminal.end()

    assert ended == code
    assert "Plan: 1 to start; 2 calls" in out
    assert here.recorded() == recorded
    assert ("nothing was changed" in terminal.shown) == (code != 0)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_ctrl_c_ends_a_question(here: Place, number: signal.Signals, code: int) -> None:
    with at_terminal(here, "apply") as terminal:
        terminal.see("Do this? [y/N]: ")
        ended = None
        while ended is None:  # a signal between the question and the reading of its answer is heard by the next one
            terminal.process.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                ended = terminal.process.wait(timeout=3)
        terminal.end()

    assert ended == code
    assert ("nothing was changed" in terminal.shown) == (code == 130)
    assert "interrupted" not in terminal.shown
    assert here.calls == []


def test_who_is_asked_sees_the_plan_also_where_the_output_is_json(here: Place) -> None:
    with at_terminal(here, "apply", "-o", "json", NO_COLOR="1") as terminal:
        terminal.see("Do this? [y/N]: ")
        assert "+  start  a  no recording exists" in terminal.shown
        terminal.type("n\n")
        ended, out = terminal.end()

    assert (ended, out) == (1, "")


def test_what_was_not_shown_is_not_done(here: Place) -> None:
    with at_terminal(here, "apply") as terminal:
        terminal.see("Do this? [y/N]: ")
        here.write(recording("a"), recording("b"))
        here("apply", "--yes")
        applied = list(here.calls)
        terminal.type("y\n")
        ended, _ = terminal.end()

    assert ended == 4
    assert "not what was shown any more: a (shown: start, now: nothing)." in terminal.shown.replace("\r\n", " ")
    assert here.calls == applied
    assert here.recorded() == ["a", "b"]


def test_a_long_thought_does_not_make_a_plan_stale(here: Place) -> None:
    here("apply", "--yes")
    here.write(recording("a"), recording("b"))
    with at_terminal(here, "apply") as terminal:
        terminal.see("Do this? [y/N]: ")
        here("plan", "--refresh", "all")  # what is asked and written down meanwhile changes nothing
        terminal.type("y\n")
        ended, _ = terminal.end()

    assert ended == 0
    assert here.recorded() == ["a", "b"]


def test_delete_asks_too(here: Place) -> None:
    here("apply", "--yes")
    with at_terminal(here, "delete", "a") as terminal:
        terminal.see("Stop them? [y/N]: ")
        terminal.type("y\n")
        ended, _ = terminal.end()

    assert ended == 0
    assert here.recorded() == []


# -- Ctrl-C


def test_ctrl_c_finishes_the_call_in_flight_and_the_next_apply_makes_the_missing_ones(here: Place) -> None:
    here.write(recording("a"), recording("b"), recording("c"))
    here.fault("start#1 delay 0.5 after")
    with here.process("apply", "--yes", environ={"RECONCILER_QPS": "2"}) as process:
        here.calls.wait_for("start")
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=PATIENCE)

    assert process.returncode == 130
    lines = told.splitlines()
    assert "interrupted: the calls in flight are finished first; once more ends it at once" in lines
    assert lines[-1].startswith("the calls in flight were finished and written down. Left: a, b, c; apply again")
    [recorder] = [one for one in here.live() if one.channel == "a"]
    assert here.get("a")["sid"] == recorder.sid

    due, before = here("plan", "-o", "json").json["calls"], here.count()
    assert here("apply", "--yes").code == 0
    assert here.count() - before == due
    assert here.recorded() == ["a", "b", "c"]
    assert here.count("start") == 3


def test_a_second_ctrl_c_ends_it_at_once_and_the_next_apply_settles(tmp_path: Path, capfd: Any) -> None:
    with place(tmp_path, capfd, already_started_sid=True) as here:
        here.fault("start#1 delay 5 after")
        with here.process("apply", "--yes") as process:
            here.calls.wait_for("start")
            process.send_signal(signal.SIGINT)
            assert process.stderr.readline().startswith("interrupted: the calls in flight are finished first")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=PATIENCE)

        assert process.returncode == -signal.SIGINT
        assert here("apply", "--yes").code == 0
        assert len(here.world.recorders) == len(here.live()) == 1


def test_what_is_left_is_said_below_a_table_that_is_gone(here: Place) -> None:
    here.write(recording("a"), recording("b"))
    here.fault("start delay 0.5 after")
    with at_terminal(here, "apply", "--yes") as terminal:
        here.calls.wait_for("start")
        terminal.process.send_signal(signal.SIGINT)
        ended, _ = terminal.end()

    assert ended == 130
    assert "0 of 2 at rest" in terminal.shown
    assert terminal.shown.rindex("were finished and written down") > terminal.shown.rindex("\x1b[1A")


def test_the_table_leaves_nothing_but_facts_behind(here: Place) -> None:
    with at_terminal(here, "apply", "--yes") as terminal:
        ended, out = terminal.end()

    assert ended == 0
    assert "\x1b" not in out
    after = terminal.shown[terminal.shown.rindex("\x1b[") :]
    assert after.endswith("Done: everything is as declared.\r\n")


# -- kill -9


def killed_after_its_start(here: Place) -> None:
    here.fault("start#1 delay 5 after")
    with here.process("apply", "--yes") as process:
        here.calls.wait_for("start")
        process.kill()
        process.communicate(timeout=PATIENCE)
    assert here.get("a")["phase"] == "Starting"


def test_what_was_started_before_a_kill_is_found_again(tmp_path: Path, capfd: Any) -> None:
    with place(tmp_path, capfd, already_started_sid=True) as here:
        killed_after_its_start(here)

        assert [one["action"] for one in here("plan", "-o", "json").json["actions"]] == ["settle"]
        assert here("apply", "--yes").code == 0
        [recorder] = here.live()
        assert here.world.recorders == [recorder]
        assert here.get("a")["sid"] == recorder.sid


def test_what_cannot_be_found_again_is_unknown_and_not_doubled(here: Place) -> None:
    killed_after_its_start(here)

    assert here("apply", "--yes").code == 3
    assert here.get("a")["phase"] == "Unknown"
    assert len(here.world.recorders) == 1


def test_a_kill_between_the_stops_stops_the_rest_next_time(here: Place) -> None:
    here.write(*(recording(name) for name in "abc"))
    here("apply", "--yes")
    here.fault("stop#1 delay 5 after")
    with here.process("delete", "--all", "--yes") as process:
        here.calls.wait_for("stop")
        process.kill()
        process.communicate(timeout=PATIENCE)

    assert here("delete", "--all", "--yes").code == 0
    assert here.recorded() == []
    assert {here.get(name)["phase"] for name in "abc"} == {"Stopped"}
