"""`suspend`, `resume`, `restart`, `freeze`, `unfreeze`, `approve`: with a daemon that keeps the set, and without."""

import asyncio
import os
import pty
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reconciler.planning.standing import Standing, Withheld
from tests.cli.acting import PATIENCE, Place, kept, ledger_of, place
from tests.world.stage import recording

MOMENT = datetime(2026, 1, 1, 9, tzinfo=UTC)
HELD = Withheld("r2", "main@sha1:5d41", "refused: this change would interrupt 12 of 20", MOMENT)


@pytest.fixture
def here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Place]:
    with place(tmp_path, capfd) as made:
        made.environ["LOGNAME"] = "alice"
        made.write(recording("a"), recording("b"))
        assert made("apply", "--yes").code == 0
        yield made


def suspend(here: Place, *more: str) -> None:
    assert here("suspend", "a", "--reason", "privacy", "--yes", *more).code == 0


# -- without a daemon


def test_suspend_stops_at_once_and_apply_keeps_it_stopped(here: Place) -> None:
    answer = here("suspend", "a", "--reason", "privacy", "--yes")

    assert (answer.code, answer.out) == (0, "")
    assert answer.err.splitlines()[0] == (
        "a: suspended; no daemon keeps this set, so what records is stopped from here"
    )
    assert answer.err.splitlines()[-1] == "Done: nothing of it records any more."
    assert here.recorded() == ["b"]
    here.write(recording("a", "  layout: {type: bestFit}"), recording("b"))
    assert here("apply", "--yes").code == 0
    assert here.recorded() == ["b"]


def test_what_is_suspended_stays_declared_and_is_listed_with_who_and_why(here: Place) -> None:
    suspend(here)

    assert here("get", "-o", "name").out == "a\nb\n"
    shown = here.get("a")
    assert (shown["phase"], shown["message"]) == ("Suspended", "suspended by alice: privacy")
    assert "recording.suspended" in here("events", "a").out


@pytest.mark.parametrize("removal", ["stop", "leave"])
def test_suspend_stops_also_what_removal_would_leave(here: Place, removal: str) -> None:
    here.write(recording("a", f"  onRemoval: {removal}"), recording("b"))
    here("apply", "--yes")
    suspend(here)

    assert here.recorded() == ["b"]


def test_suspend_of_what_does_not_run_keeps_it_from_starting(here: Place) -> None:
    here("delete", "a", "--yes")
    stops = here.count("stop")
    suspend(here)

    assert here("apply", "--yes").code == 0
    assert (here.recorded(), here.count("stop")) == (["b"], stops)


def test_a_stop_that_is_refused_is_repeated(here: Place) -> None:
    here.fault("stop#1-2 refuse 503")
    suspend(here)

    assert here.recorded() == ["b"]


def test_without_credentials_the_order_stands_and_the_failure_is_told(here: Place) -> None:
    answer = here("suspend", "a", "--reason", "privacy", "--yes", RECONCILER_CUSTOMER_SECRET=None)

    assert answer.code == 1
    assert here.recorded() == ["a", "b"]
    assert here("apply", "--yes").code == 0
    assert here.recorded() == ["b"]


def test_resume_is_carried_out_by_the_next_apply(here: Place) -> None:
    suspend(here)
    answer = here("resume", "a", "--yes")

    assert (answer.code, answer.out, answer.err) == (
        *(0, "", "a: resumed; no daemon keeps this set: the next `reconciler apply` carries it out\n"),
    )
    assert here("apply", "--yes").code == 0
    assert here.recorded() == ["a", "b"]


def test_what_is_not_suspended_is_not_resumed(here: Place) -> None:
    answer = here("resume", "a")

    assert (answer.code, answer.err) == (0, "a: not suspended by an order\n")
    assert "recording.resumed" not in here("events").out


def test_resume_names_the_recordings_it_is_needless_for_and_takes_the_others(here: Place) -> None:
    suspend(here)
    answer = here("resume", "a", "b", "--yes")

    assert (answer.code, answer.err.splitlines()[0]) == (0, "b: not suspended by an order")
    assert answer.err.splitlines()[1].startswith("a: resumed; ")


def test_restart_gives_a_fresh_session_with_the_next_apply_and_only_once(here: Place) -> None:
    before = here.get("a")["sid"]
    answer = here("restart", "a", "--yes")

    assert (answer.code, answer.err) == (
        *(0, "a: a fresh session is ordered; no daemon keeps this set: the next `reconciler apply` carries it out\n"),
    )
    assert here.get("a")["sid"] == before
    planned = here("plan", "-o", "json").json["actions"]
    assert [(one["name"], one["action"], one["reason"]) for one in planned] == [
        ("a", "replace", "restart ordered by alice")
    ]
    assert here("apply", "--yes").code == 0
    fresh = here.get("a")["sid"]
    assert fresh != before
    assert here("apply", "--yes").code == 0
    assert (here.get("a")["sid"], here.recorded()) == (fresh, ["a", "b"])


def test_restart_says_what_keeps_it_from_starting(here: Place) -> None:
    suspend(here)

    assert here("restart", "a", "--yes").err.splitlines()[0] == (
        "a: suspended by alice: privacy; it starts after `reconciler resume`"
    )


# -- how long


@pytest.mark.parametrize("until", ["2h", "90m", "3600", "2120-05-01T08:00:00Z", "2120-05-01T08:00:00+02:00"])
def test_a_time_may_be_given_as_moment_or_as_length(here: Place, until: str) -> None:
    answer = here("suspend", "a", "--reason", "x", "--until", until, "--yes")

    assert answer.code == 0
    assert re.search(r"the first apply after 2\d{3}-\d\d-\d\d \d\d:\d\d UTC starts them again", answer.err)
    assert re.search(r"suspended by alice until 2\d{3}-\d\d-\d\d \d\d:\d\d UTC: x", here("plan", "--all").out)


def test_a_zone_is_counted(here: Place) -> None:
    answer = here("suspend", "a", "--reason", "x", "--until", "2120-05-01T08:00:00+02:00", "--yes")

    assert "2120-05-01 06:00 UTC" in answer.err


@pytest.mark.parametrize(
    ("until", "told"),
    [
        ("tomorrow", "is neither a time such as"),
        ("", "is neither a time such as"),
        ("2120-05-01T08:00:00", "has no zone"),
        ("2120-05-01", "has no zone"),
        ("2020-05-01T08:00:00Z", "is over"),
        ("0s", "is over"),
        ("0001-01-01T00:00:00+14:00", "is too far off"),
        ("9999-12-31T23:59:59-12:00", "is too far off"),
        ("9999999d", "is"),
    ],
)
def test_a_time_that_is_none_is_wrong_usage(here: Place, until: str, told: str) -> None:
    answer = here("suspend", "a", "--reason", "x", "--until", until, "--yes")

    assert answer.code == 64
    assert "--until" in answer.err
    assert told in answer.err
    assert here.recorded() == ["a", "b"]


def test_a_suspension_that_is_over_counts_no_more(here: Place) -> None:
    suspend(here, "--until", "0.001s")

    assert here("resume", "a").err == "a: not suspended by an order\n"
    assert here("apply", "--yes").code == 0
    assert here.recorded() == ["a", "b"]


# -- manners


@pytest.mark.parametrize(
    "argv",
    [
        ["suspend", "a"],
        ["suspend", "a", "--reason", " "],
        ["suspend", "--reason", "x"],
        ["resume"],
        ["restart"],
        ["freeze", "a"],
        ["approve", "a"],
    ],
)
def test_wrong_usage_is_64(here: Place, argv: list[str]) -> None:
    assert here(*argv).code == 64


@pytest.mark.parametrize("argv", [["suspend", "a", "--reason", "x"], ["restart", "a"]])
def test_nothing_is_ordered_unasked(here: Place, argv: list[str]) -> None:
    answer = here(*argv)

    assert answer.code == 64
    assert "there is no terminal to ask at: say --yes" in answer.err
    assert here("plan", "-o", "json").json["converged"]
    assert here.recorded() == ["a", "b"]


def test_resume_is_not_ordered_unasked(here: Place) -> None:
    suspend(here)

    assert here("resume", "a").code == 64
    assert "Suspended" in here("get", "a").out


@pytest.mark.parametrize("argv", [["suspend", "--reason", "x"], ["resume"], ["restart"]])
def test_an_unknown_name_is_told_and_nothing_is_ordered(here: Place, argv: list[str]) -> None:
    answer = here(argv[0], "a", "aa", *argv[1:], "--yes")

    assert answer.code == 1
    assert "there is no recording aa in set default; did you mean a?" in answer.err
    assert here("plan", "-o", "json").json["converged"]


@pytest.mark.parametrize(
    "argv",
    [["suspend", "a", "--reason", "x"], ["resume", "a"], ["restart", "a"], ["freeze"], ["unfreeze"], ["approve"]],
)
def test_an_order_makes_no_ledger(here: Place, argv: list[str]) -> None:
    answer = here(*argv, RECONCILER_STATE=f"sqlite:///{here.folder}/nowhere.db")

    assert answer.code == 1
    assert "there is no ledger at" in answer.err
    assert not (here.folder / "nowhere.db").exists()


def test_on_a_terminal_it_is_asked_and_a_no_changes_nothing(here: Place) -> None:
    screen, inside = pty.openpty()
    try:
        with here.process("restart", "a", stdin=inside, stderr=inside) as process:
            os.write(screen, b"n\n")
            assert process.wait(PATIENCE) == 1
    finally:
        said = os.read(screen, 4096).decode()
        os.close(screen)
        os.close(inside)
    assert "a: Interrupt them for a fresh session? [y/N]" in said
    assert here("plan", "-o", "json").json["converged"]


# -- beside a daemon


def test_a_daemon_stops_what_is_suspended_and_the_command_says_so(here: Place) -> None:
    with kept(here, "a", "b"):
        answer = here("suspend", "a", "--reason", "privacy", "--yes")
        resumed = here("resume", "a", "--yes")

    assert (answer.code, answer.err) == (0, "a: suspended; the daemon that keeps ./there obeys at once\n")
    assert resumed.err == "a: resumed; the daemon that keeps ./there obeys at once\n"
    assert here.count("stop") == 0


def test_what_a_daemon_only_declares_can_be_ordered(here: Place) -> None:
    with kept(here, "a", "b", "c"):
        assert here("suspend", "c", "--reason", "x", "--yes").code == 0


def test_resume_does_not_undo_what_the_manifest_says(here: Place) -> None:
    with kept(here, "a", "b", suspend=True):
        assert here("resume", "a").err == "a: not suspended by an order\n"
        suspend(here)
        assert here("resume", "a", "--yes").err.splitlines()[0] == (
            "a: its manifest says suspend: true; that is changed there"
        )
        assert here("restart", "a", "--yes").err.splitlines()[0] == (
            "a: its manifest says suspend: true; it starts once that is changed there"
        )


# -- freeze


def test_freeze_says_what_it_means_and_unfreeze_takes_it_back(here: Place) -> None:
    assert here("freeze", "--reason", "maintenance").err == "set default is frozen: it is only observed\n"
    assert here("unfreeze").err == "set default is no longer frozen\n"
    assert here("unfreeze").err == "set default is not frozen\n"
    assert [line.split(maxsplit=1)[1] for line in here("events").out.splitlines() if "set." in line] == [
        "-  set.frozen           -   maintenance: by alice",
        "-  set.unfrozen         -   by alice",
    ]


def test_nothing_acts_on_a_frozen_set(here: Place) -> None:
    here("freeze", "--reason", "maintenance")
    here.write(recording("a", "  layout: {type: bestFit}"))
    refusal = "refused: set default is frozen by alice: maintenance. `reconciler unfreeze` lets it go on"
    calls = here.count()

    for argv in (["apply", "--yes"], ["delete", "a", "--yes"], ["suspend", "b", "--reason", "x", "--yes"]):
        answer = here(*argv)
        assert answer.code == 4, argv
        assert refusal in answer.err
    assert here.count() == calls
    planned = here("plan")
    assert planned.code == 0
    assert f"apply would say: {refusal}" in planned.err
    assert "layout" in planned.out


def test_an_order_for_a_frozen_set_says_what_it_waits_for(here: Place) -> None:
    here("freeze")

    assert here("restart", "a", "--yes").err == (
        "a: a fresh session is ordered; "
        "set default is frozen by alice, so nothing is done before `reconciler unfreeze`\n"
    )


def test_another_set_is_not_frozen_with_it(here: Place) -> None:
    here("freeze", "--set", "other")

    assert here("apply", "--yes").code == 0


# -- approve


async def hold(here: Place, **changes: object) -> None:
    async with ledger_of(here) as ledger:
        standing = Standing("./there", "r1", "main@sha1:0a1b", MOMENT, HELD)
        await ledger.stand("default", replace(standing, **changes))  # type: ignore[arg-type] # fields of it


def test_with_nothing_held_there_is_nothing_to_approve(here: Place) -> None:
    answer = here("approve", "--yes")

    assert (answer.code, answer.err) == (1, "error: no revision of set default is held\n")


def test_a_fault_of_the_source_is_told_for_no_approval_mends_it(here: Place) -> None:
    asyncio.run(hold(here, withheld=None, trouble="a.yaml:1:1: is no manifest"))
    answer = here("approve", "--yes")

    assert answer.code == 1
    assert answer.err.endswith("a.yaml:1:1: is no manifest\n")


def test_what_is_held_is_told_and_let_through(here: Place) -> None:
    asyncio.run(hold(here))
    assert here("approve").code == 64
    answer = here("approve", "--yes")

    assert answer.code == 0
    assert answer.err == (
        "./there has held revision main@sha1:5d41 since 2026-01-01 09:00 UTC:\n"
        "refused: this change would interrupt 12 of 20\n"
        "approved: the next `reconciler run` takes main@sha1:5d41 in, if its source still has it then\n"
    )

    async def approved() -> str:
        async with ledger_of(here) as ledger:
            return (await ledger.set_orders("default")).approved

    assert asyncio.run(approved()) == "r2"
    assert "source.approved" in here("events").out


def test_a_daemon_takes_in_what_is_approved(here: Place) -> None:
    with kept(here, "a"):
        asyncio.run(hold(here))
        assert "the daemon takes main@sha1:5d41 in within a second" in here("approve", "--yes").err


def test_what_no_approval_makes_safe_is_not_approved(here: Place) -> None:
    asyncio.run(hold(here, withheld=replace(HELD, reason="refused: Keep that App", approvable=False)))
    answer = here("approve", "--yes")

    assert answer.code == 1
    assert "refused: Keep that App" in answer.err
    assert "no approval lets it through" in answer.err
