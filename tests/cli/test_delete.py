"""`delete`: stopped, and the history stays."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.acting import Place, app, kept, place
from tests.world.stage import recording


@pytest.fixture
def here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Place]:
    with place(tmp_path, capfd) as made:
        made.write(recording("a"), recording("b"))
        assert made("apply", "--yes").code == 0
        yield made


def test_what_is_named_is_stopped_and_its_history_stays(here: Place) -> None:
    sid = here.get("a")["sid"]
    answer = here("delete", "a", "--yes")

    assert answer.code == 0
    assert here.recorded() == ["b"]
    assert answer.err.splitlines()[-1] == "Done: nothing of it records any more."
    assert here.get("a")["phase"] == "Stopped"
    [session] = here.get("a")["sessions"]
    assert (session["sid"], session["reason"]) == (sid, "deleted")
    assert "recording.stopped" in here("events", "a").out


@pytest.mark.parametrize("argv", [["--all"], ["-f", "manifests"], ["a", "b", "a"]])
def test_every_way_to_say_which(here: Place, argv: list[str]) -> None:
    assert here("delete", *argv, "--yes").code == 0
    assert here.recorded() == []
    assert here.count("stop") == 2


def test_another_delete_has_nothing_to_do(here: Place) -> None:
    here("delete", "--all", "--yes")
    answer = here("delete", "--all")

    assert (answer.code, answer.err) == (0, "")
    assert here.count("stop") == 2


@pytest.mark.parametrize("broken", [False, True])
def test_the_credentials_of_an_app_are_found_beside_us(here: Place, *, broken: bool) -> None:
    keys = "customerId: {env: ACCESS_KEY}, customerSecret: {env: SECRET_KEY}"
    here.write(app("other", f"appId: {'f' * 32}, {keys}"), recording("c", "  app: other"), file="manifests/c.yaml")
    here("apply", "--yes")
    if broken:
        here.write("kind: Nonsense\n")

    assert here("delete", "a", "--yes").code == 0
    assert here("delete", "c", "--yes").code == (4 if broken else 0)
    assert here.recorded() == (["b", "c"] if broken else ["b"])


def test_many_by_name_are_no_mass_stop(here: Place) -> None:
    here.write(*(recording(f"r{number}") for number in range(12)))
    here("apply", "--yes")

    assert here("delete", "--all", "--yes").code == 0
    assert here.recorded() == []


def test_what_is_still_declared_starts_again(here: Place) -> None:
    here("delete", "a", "--yes")

    assert here("apply", "--yes").code == 0
    assert here.recorded() == ["a", "b"]


def test_what_is_to_be_left_is_left(here: Place) -> None:
    here.write(recording("a", "  onRemoval: leave"), recording("b"))
    here("apply", "--yes")

    assert here("delete", "a", "--yes").code == 0
    assert here.recorded() == ["a", "b"]
    assert here.count("stop") == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("c", "there is no recording c in set default"),
        ("aa", "there is no recording aa in set default; did you mean a?"),
    ],
)
def test_an_unknown_name_stops_nothing(here: Place, name: str, told: str) -> None:
    answer = here("delete", "b", name, "--yes")

    assert (answer.code, answer.out) == (1, "")
    assert told in answer.err
    assert here.recorded() == ["a", "b"]


def test_another_sets_recordings_are_not_found(here: Place) -> None:
    assert here("delete", "a", "--yes", "--set", "other").code == 1
    assert here("delete", "--all", "--yes", "--set", "other").code == 0
    assert here.recorded() == ["a", "b"]


def test_without_credentials_nothing_is_written_down(here: Place) -> None:
    known = here("get", "-o", "json").out
    answer = here("delete", "a", "--yes", RECONCILER_CUSTOMER_SECRET=None)

    assert answer.code == 1
    assert here("get", "-o", "json").out == known
    assert here.recorded() == ["a", "b"]


def test_what_does_not_confirm_the_stop_is_3_and_stopped_by_the_next(here: Place) -> None:
    here.fault("stop#1-2 refuse 503")
    answer = here("delete", "a", "--yes", "--timeout", "0.5s", RECONCILER_RETRY_DELAYS="5,5,5")

    assert answer.code == 3
    assert here.get("a")["phase"] == "Stopping"
    assert here("delete", "a", "--yes").code == 0
    assert here.recorded() == ["b"]


def test_an_apply_of_the_rest_finishes_a_stop_that_was_begun(here: Place) -> None:
    here.fault("stop#1 refuse 503")
    assert here("delete", "a", "--yes", "--timeout", "0.5s", RECONCILER_RETRY_DELAYS="5,5,5").code == 3
    here.write(recording("b"))

    assert here("apply", "--yes").code == 0
    assert here.recorded() == ["b"]


@pytest.mark.parametrize("argv", [[], ["a", "--all"], ["-f", "manifests", "a"], ["a", "--timeout", "soon"]])
def test_wrong_usage_is_64(here: Place, argv: list[str]) -> None:
    assert here("delete", *argv, "--yes").code == 64
    assert here.recorded() == ["a", "b"]


def test_nothing_is_stopped_unasked(here: Place) -> None:
    assert here("delete", "a").code == 64
    assert here.recorded() == ["a", "b"]


@pytest.mark.parametrize("argv", [["a"], ["--all"], ["-f", "manifests"], ["b", "a"]])
def test_what_a_running_daemon_would_start_again_is_not_deleted_nor_anything_with_it(
    here: Place, argv: list[str]
) -> None:
    """S23."""
    with kept(here, "a"):
        answer = here("delete", *argv, "--yes")

    assert answer.code == 1
    assert "a: still in the manifests of the running daemon, which would start it again at once." in answer.err
    assert "`reconciler suspend`" in answer.err
    assert here.recorded() == ["a", "b"]


def test_beside_a_daemon_what_it_does_not_have_is_deleted(here: Place) -> None:
    with kept(here, "a"):
        assert here("delete", "b", "--yes").code == 0
    assert here.recorded() == ["a"]


def test_a_daemon_that_has_ended_keeps_nobody_from_deleting(here: Place) -> None:
    with kept(here, "a", "b"):
        pass

    assert here("delete", "--all", "--yes").code == 0
    assert here.recorded() == []
