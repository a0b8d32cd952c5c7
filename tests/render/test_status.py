"""What `get` prints: tables, and JSON with every promised key in its order."""

import json

import pytest
import yaml

from reconciler.planning.status import Status, status_of
from reconciler.render.status import as_json, as_yaml, names, table
from tests.planning.situations import at, entry, held, intended, session
from tests.render.pages import LOST, NEVER, RUNNING

NOW = at(100)


def statuses() -> list[Status]:
    return [status_of(page, NOW) for page in (LOST, NEVER, RUNNING)]


def test_the_table_reads_as_kubectls() -> None:
    assert table(statuses(), NOW) == (
        "NAME     PHASE      CHANNEL  MODE  UID         AGE   RESTARTS  MESSAGE\n"
        "lost     Backoff    standup  mix   2000000001  -     1         "
        "the recorder is gone: the service no longer knows it\n"
        "never    Pending    -        -     -           -     0         to be started\n"
        "standup  Recording  standup  mix   2000000002  100s  1         status 5, 2 files\n"
    )


def test_the_wide_table_adds_what_calls_need() -> None:
    header, lost, _, running = table(statuses(), NOW, wide=True).splitlines()
    assert header.split()[-1] == "MESSAGE"
    assert "APP      SLOT  SID  NEXT CHECK            CONTROL UNTIL         LABELS" in header
    assert "default  B     S1   2026-01-01T09:01:50Z  2026-01-31T09:00:00Z  floor=3,team=core  status 5" in running
    assert "default  -     -    2026-01-01T09:02:30Z  -                     -" in lost


def test_over_all_sets_the_set_stands_in_front() -> None:
    assert table(statuses()[1:2], NOW, sets=True).splitlines()[1].startswith("default  never  Pending")
    assert names(statuses(), sets=True) == "default/lost\ndefault/never\ndefault/standup\n"


def test_names_are_what_other_commands_take() -> None:
    assert names(statuses()) == "lost\nnever\nstandup\n"


def test_a_terminal_cuts_lines_and_nothing_else_does() -> None:
    cut = table(statuses(), NOW, width=70).splitlines()
    assert {len(line) for line in cut} == {70}
    assert cut[1].endswith("  the re…")
    assert "no longer knows it" in table(statuses(), NOW)


def test_nothing_is_an_empty_table_and_an_empty_list() -> None:
    assert (table([], NOW), as_json([]), as_yaml([]), names([])) == ("", "[]\n", "[]\n", "")


GOLDEN = """\
[
  {
    "name": "standup",
    "set": "default",
    "phase": "Recording",
    "channel": "standup",
    "mode": "mix",
    "app": "default",
    "labels": {
      "team": "core",
      "floor": "3"
    },
    "uid": "2000000002",
    "resourceId": "R1",
    "sid": "S1",
    "startedAt": "2026-01-01T09:00:00Z",
    "restarts": 1,
    "revision": "REVISION",
    "observedRevision": "REVISION",
    "nextCheckAt": "2026-01-01T09:01:50Z",
    "controlExpiresAt": "2026-01-31T09:00:00Z",
    "message": "status 5, 2 files",
    "sessions": [
      {
        "copy": 1,
        "slot": "A",
        "uid": "2000000001",
        "resourceId": "R0",
        "sid": "S0",
        "startedAt": "2026-01-01T07:53:20Z",
        "endedAt": "2026-01-01T08:58:20Z",
        "reason": "the recorder is gone: the service no longer knows it"
      },
      {
        "copy": 1,
        "slot": "B",
        "uid": "2000000002",
        "resourceId": "R1",
        "sid": "S1",
        "startedAt": "2026-01-01T09:00:00Z",
        "endedAt": null,
        "reason": null
      }
    ],
    "conditions": [
      {
        "type": "Ready",
        "status": "True",
        "reason": "Confirmed",
        "message": "status 5, 2 files",
        "lastTransitionTime": "2026-01-01T09:00:06Z"
      },
"""


def test_json_has_every_promised_key_in_the_promised_order() -> None:
    text = as_json(statuses()[2:])
    assert text.startswith(GOLDEN.replace("REVISION", RUNNING.revision))
    (document,) = json.loads(text)
    assert list(document) == [
        *("name", "set", "phase", "channel", "mode", "app", "labels", "uid", "resourceId", "sid", "startedAt"),
        *("restarts", "revision", "observedRevision", "nextCheckAt", "controlExpiresAt", "message", "sessions"),
        *("conditions", "files"),
    ]
    assert [one["type"] for one in document["conditions"]] == [
        *("Ready", "Recording", "ControlExpiring", "ControlLost", "Stalled"),
    ]
    assert [one["fileName"] for one in document["files"]] == [
        "S0_standup.m3u8",
        "lessons/S1_standup.m3u8",
        "lessons/S1_standup_0.mp4",
    ]


def test_what_is_not_known_is_null() -> None:
    (document,) = json.loads(as_json(statuses()[1:2]))
    unknown = ("channel", "mode", "app", "uid", "resourceId", "sid", "startedAt", "revision", "observedRevision")
    assert {document[key] for key in unknown} == {None}
    assert {one["lastTransitionTime"] for one in document["conditions"]} == {None}


@pytest.mark.parametrize(("state", "resource_id"), [(intended(), "R1"), (held(), "R1")])
def test_a_recorder_without_a_sid_says_so(state: object, resource_id: str) -> None:
    page = entry(session(state))  # type: ignore[arg-type]
    (document,) = json.loads(as_json([status_of(page, NOW)]))
    assert (document["resourceId"], document["sid"]) == (resource_id, None)


def test_yaml_is_the_same_list() -> None:
    assert yaml.safe_load(as_yaml(statuses())) == json.loads(as_json(statuses()))
