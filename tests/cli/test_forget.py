"""`forget`: the handle is dropped, nobody is called, and the recorder goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.acting import Place, kept, place
from tests.world.stage import recording


@pytest.fixture
def here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Place]:
    with place(tmp_path, capfd) as made:
        made("apply", "--yes")
        yield made


def test_the_handle_is_said_and_dropped_and_nobody_is_called(here: Place) -> None:
    [recorder], calls = here.live(), len(here.calls)
    answer = here("forget", "a")

    assert (answer.code, answer.out) == (0, "")
    assert answer.err == (
        f"a: forgotten: uid {recorder.uid}, resourceId {recorder.resource_id}, sid {recorder.sid}\n"
    )  # fmt: skip
    assert len(here.calls) == calls
    assert here.recorded() == ["a"]
    assert here.get("a")["sid"] is None


def test_it_asks_nobody_and_needs_no_credentials(here: Place) -> None:
    assert here("forget", "a", RECONCILER_CUSTOMER_ID=None, RECONCILER_CUSTOMER_SECRET=None).code == 0


def test_what_was_said_takes_it_back(here: Place) -> None:
    [recorder] = here.live()
    here("forget", "a")
    handle = ["--resource-id", recorder.resource_id, "--sid", recorder.sid, "--uid", recorder.uid]

    assert here("import", "a", *handle).code == 0
    assert here("apply", "--yes").code == 0
    assert [one.sid for one in here.live()] == [recorder.sid]


def test_what_has_no_handle_says_so(here: Place) -> None:
    here("delete", "a", "--yes")

    assert here("forget", "a").err == "a: forgotten, it had no live handle\n"


@pytest.mark.parametrize(("argv", "code"), [(["b"], 1), (["a", "--set", "other"], 1), ([], 64)])
def test_what_is_not_there_cannot_be_forgotten(here: Place, argv: list[str], code: int) -> None:
    assert here("forget", *argv).code == code
    assert here.get("a")["sid"]


def test_a_ledger_that_is_not_there_is_told(here: Place) -> None:
    answer = here("forget", "a", RECONCILER_STATE=f"sqlite:///{here.folder}/nowhere.db")

    assert answer.code == 1
    assert "there is no ledger at" in answer.err
    assert not (here.folder / "nowhere.db").exists()


def test_what_a_running_daemon_would_start_again_is_not_forgotten_nor_anything_with_it(here: Place) -> None:
    here.write(recording("a"), recording("b"))
    here("apply", "--yes")
    with kept(here, "b"):
        answer = here("forget", "a", "b")

    assert (answer.code, answer.out) == (1, "")
    assert answer.err.startswith("error: b: still in the manifests of the running daemon")
    assert here.get("a")["sid"]
    assert here("forget", "a", "b").code == 0  # it has ended


def test_beside_a_daemon_what_it_does_not_have_is_forgotten(here: Place) -> None:
    with kept(here, "b"):
        assert here("forget", "a").code == 0


def test_what_is_frozen_can_be_forgotten_for_nobody_is_called(here: Place) -> None:
    here("freeze")

    assert here("forget", "a").code == 0
