"""`import`: what is live already is adopted after the service has confirmed it; nothing is changed there."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.simulator.recorder import Recorder
from tests.cli.acting import Place, place
from tests.world.stage import recording


@pytest.fixture
def here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Place]:
    with place(tmp_path, capfd) as made:
        yield made


def started_elsewhere(here: Place, *names: str) -> list[Recorder]:
    """Let recorders be live of which the ledger knows nothing."""
    here.write(*(recording(name) for name in names))
    assert here("apply", "--yes", RECONCILER_STATE=f"sqlite:///{here.folder}/elsewhere.db").code == 0
    return here.live()


def handle(recorder: Recorder, **said: str) -> list[str]:
    fields = {"resource-id": recorder.resource_id, "sid": recorder.sid, "uid": recorder.uid, **said}
    return [word for name, value in fields.items() for word in (f"--{name}", value)]


def test_it_is_adopted_and_not_started_again(here: Place) -> None:
    [recorder] = started_elsewhere(here, "a")
    changing = here.count()
    answer = here("import", "a", *handle(recorder))

    assert (answer.code, answer.out, answer.err) == (0, "", "a: adopted\n")
    assert here.count() == changing
    assert here.get("a")["sid"] == recorder.sid
    assert here("apply", "--yes").code == 0
    assert [one.sid for one in here.live()] == [recorder.sid]
    assert here.count("start") == 1


def test_no_manifest_is_needed_where_all_is_said(here: Place) -> None:
    [recorder] = started_elsewhere(here, "a")
    here.write(recording("b"))

    assert here("import", "a", *handle(recorder)).err == (
        "a: say --channel, --mode: no manifest of that name says it\n"
    )  # fmt: skip
    assert here("import", "a", *handle(recorder, channel="a", mode="mix")).code == 0
    assert here("delete", "a", "--yes").code == 0
    assert here.recorded() == []


def test_many_at_once_and_what_fails_does_not_hinder_the_rest(here: Place) -> None:
    recorders = started_elsewhere(here, "a", "b", "c")
    wishes = [{"name": one.channel, "resourceId": one.resource_id, "sid": one.sid, "uid": one.uid} for one in recorders]
    wishes[1]["sid"] = "0" * 32
    (here.folder / "many.jsonl").write_text("\n".join(json.dumps(wish) for wish in wishes) + "\n\n")
    answer = here("import", "-f", "many.jsonl")

    assert answer.code == 1
    assert answer.err.splitlines()[0] == "a: adopted"
    assert answer.err.splitlines()[1].startswith("b: ")
    assert answer.err.splitlines()[2] == "c: adopted"
    assert [here.get(name)["sid"] for name in "ac"] == [recorders[0].sid, recorders[2].sid]
    assert here("get", "b", "-o", "json").json == [] or here.get("b")["sid"] is None


def test_what_the_service_does_not_know_is_not_adopted(here: Place) -> None:
    [recorder] = started_elsewhere(here, "a")
    answer = here("import", "a", *handle(recorder, sid="0" * 32))

    assert answer.code == 1
    assert "the service does not know such a recorder" in answer.err
    assert here("get", "-o", "json").json == []


def test_what_cannot_be_asked_is_not_adopted(here: Place) -> None:
    [recorder] = started_elsewhere(here, "a")
    here.fault("query refuse 503")

    assert here("import", "a", *handle(recorder)).code == 1
    assert here("get", "-o", "json").json == []


def test_what_contradicts_the_manifest_is_not_adopted(here: Place) -> None:
    [recorder] = started_elsewhere(here, "a")
    before = len(here.calls)
    answer = here("import", "a", *handle(recorder, channel="other"))

    assert answer.code == 1
    assert "its manifest declares channel a in mode mix, not other in mode mix" in answer.err
    assert len(here.calls) == before


def test_one_that_has_a_recorder_takes_no_other(here: Place) -> None:
    here.write(recording("a"))
    here("apply", "--yes")
    [own] = here.live()
    other = next(one for one in started_elsewhere(here, "b") if one.channel == "b")
    here.write(recording("a"))

    assert here("import", "a", *handle(other, channel="a")).code == 1
    assert here.get("a")["sid"] == own.sid


def test_credentials_are_needed(here: Place) -> None:
    [recorder] = started_elsewhere(here, "a")
    before = len(here.calls)

    assert here("import", "a", *handle(recorder), RECONCILER_CUSTOMER_SECRET=None).code == 1
    assert len(here.calls) == before


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("{", 'many.jsonl:2: must be a JSON object with "name", "resourceId" and "sid"'),
        ('["a"]', "many.jsonl:2: must be a JSON object"),
        ('{"name": "a", "resourceId": "R"}', "many.jsonl:2: must be a JSON object"),
        ('{"name": "a", "resourceId": "R", "sid": "S", "chanel": "c"}', "many.jsonl:2: unknown field chanel"),
        ('{"name": "a", "resourceId": "R", "sid": "S", "mode": "mixed"}', "many.jsonl:2: mode must be mix, indiv"),
        ('{"name": "a", "resourceId": "R", "sid": "S", "mode": []}', "many.jsonl:2: mode must be mix, indiv"),
    ],
)
def test_a_file_with_a_wrong_line_adopts_nothing(here: Place, line: str, told: str) -> None:
    (here.folder / "many.jsonl").write_text(f"\n{line}\n")
    answer = here("import", "-f", "many.jsonl")

    assert (answer.code, answer.out) == (1, "")
    assert told in answer.err
    assert here.calls == []


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        ([], 64),
        (["a"], 64),
        (["a", "--resource-id", "R"], 64),
        (["a", "--resource-id", "R", "--sid", "S", "--mode", "mixed"], 64),
        (["a", "-f", "many.jsonl"], 64),
        (["-f", "nowhere.jsonl"], 1),
    ],
)
def test_what_is_missing_is_told(here: Place, argv: list[str], code: int) -> None:
    assert here("import", *argv).code == code
    assert here.calls == []
