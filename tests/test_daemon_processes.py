"""`reconciler run` as people run it: processes, sockets, signals, editors; judged by what records at the service."""

import hmac
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli.test_secrets import forms
from tests.daemons import WEBHOOK_SECRET, Daemon, Estate, estate, free_port, receiver, until
from tests.world.stage import recording


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Estate]:
    with estate(tmp_path) as made:
        yield made


def coloured(name: str, colour: str) -> str:
    return recording(name, f"  layout: {{backgroundColor: '{colour}'}}")


# -- editors


def renamed_over(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.swp")
    beside.write_text(text)
    beside.replace(path)


def with_backup(path: Path, text: str) -> None:
    """Save as vim does: the old file is renamed first, so that for a moment there is none."""
    backup = path.with_name(f"{path.name}~")
    path.rename(backup)
    with path.open("w") as stream:
        stream.write(text[: len(text) // 2])
        stream.flush()
        os.fsync(stream.fileno())
        stream.write(text[len(text) // 2 :])
    backup.unlink()


def in_place(path: Path, text: str) -> None:
    path.write_text(text)


def shown(here: Estate, colour: str) -> bool:
    return [one["layout"]["backgroundColor"] for one in here.live("a")] == [colour]


def test_the_world_follows_what_editors_save(here: Estate) -> None:
    for name in ("a", "b"):
        here.write(name, coloured(name, "#111111"))
    with here.run() as daemon:
        here.follows("a", "b")
        [before] = here.live("a")

        for number, save in enumerate((renamed_over, with_backup, in_place, with_backup, renamed_over)):
            colour = f"#22222{number}"
            save(here.manifests / "a.yaml", coloured("a", colour))
            until(partial(shown, here, colour), f"{save} was not followed")

        here.write("c", recording("c"))
        here.follows("a", "b", "c")
        here.remove("b")
        here.follows("a", "c")
        assert [one["sid"] for one in here.recorders() if one["channel"] == "a"] == [before["sid"]]
        assert daemon.end() == 0


# -- kill -9

KILLING = 50.0  # seconds in which the daemon is killed again and again, for each variant of the service
NAMES = tuple(f"r{number}" for number in range(8))


@dataclass(slots=True)
class Author:
    """Edits manifests at random; `replace: gap`, for otherwise two recorders of a channel are as they should be."""

    here: Estate
    chance: random.Random
    declared: dict[str, str] = field(default_factory=dict)

    def write(self, name: str, spec: str = "") -> None:
        self.declared[name] = spec
        self.here.write(name, recording(name, f"  replace: gap\n{spec}"))

    def edit(self) -> None:
        name = self.chance.choice(NAMES)
        match self.chance.randrange(4):
            case 0 if len(self.declared) > 4:
                if self.declared.pop(name, None) is not None:
                    self.here.remove(name)
            case 1:
                self.write(name, f"  layout: {{backgroundColor: '#{self.chance.randrange(10**6):06}'}}")
            case 2:
                self.write(name, f"  capture: {{maxIdle: {self.chance.randrange(300, 900)}}}")  # a replace
            case _:
                self.write(name)


def overlaps(recorders: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Name the pairs of recorders that were in one channel at a time."""
    found = []
    for channel in {one["channel"] for one in recorders}:
        ordered = sorted((one for one in recorders if one["channel"] == channel), key=lambda one: one["startedAt"])
        found += [(one, after) for one, after in pairwise(ordered) if (one["endedAt"] or inf) > after["startedAt"]]
    return found


def kept_as_known(here: Estate, names: Iterable[str]) -> bool:
    """Tell whether each of these, and nothing else, is recorded by the recorder that the ledger calls confirmed."""
    known = here.settled(*names)
    return {(one["channel"], one["sid"]) for one in here.live()} == {(name, known[name]["sid"]) for name in names}


@pytest.mark.parametrize("teller", ["201", "webhooks"])
def test_kill_9_again_and_again_while_manifests_are_edited(tmp_path: Path, teller: str) -> None:
    """Where a start is repeated, its sid is told by the answer, or by webhooks only."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    chance, port = random.Random(seed), free_port()
    answers = {"already_started_sid": teller == "201", "progress_every": 1.0}
    with estate(tmp_path, port=port, hears=teller == "webhooks", **answers) as here:
        for line in ("acquire delay 0.05", "start delay 0.3 after", "stop delay 0.2 after", "updateLayout delay 0.1"):
            here.fault(line)
        author = Author(here, chance)
        for name in NAMES[:6]:
            author.write(name)
        end, kills = time.monotonic() + KILLING, 0
        while time.monotonic() < end:
            with here.run() as daemon:
                daemon.ready()
                dies_at = time.monotonic() + chance.uniform(0.1, 4)
                while (left := dies_at - time.monotonic()) > 0:
                    author.edit()
                    time.sleep(min(left, chance.uniform(0.1, 0.6)))
                assert daemon.process.poll() is None, daemon.log.read_text()
            kills += 1

        with here.run() as daemon:
            daemon.ready()
            # The last edit may be taken in when the set before it has long settled.
            until(partial(kept_as_known, here, author.declared), "what records should be what the ledger knows")
            assert daemon.end() == 0
        assert overlaps(here.recorders()) == []
        print(f"{kills} kills, {len(here.recorders())} recorders, {len(here.calls('start'))} starts")


# -- signals


def test_sigterm_while_200_start_leaves_them_recording_and_the_next_run_calls_for_none_of_them(tmp_path: Path) -> None:
    with estate(tmp_path, max_recorders=1000) as here:
        here.fault("start delay 0.5 after")
        names = [f"r{number:03}" for number in range(200)]
        (here.manifests / "all.yaml").write_text("---\n".join(recording(name) for name in names))
        with here.run(RECONCILER_QPS="60") as daemon:
            until(lambda: len(here.live()) >= 60, "60 should have started")
            began = time.monotonic()
            assert daemon.end() == 0
            assert time.monotonic() - began < 10
            assert daemon.lines("daemon.ended")

        left = here.recorded()
        assert 60 <= len(left) < 200
        assert not here.calls("stop")
        before = len(here.calls())
        with here.run() as daemon:
            here.follows(*names)
            here.settled(*names)
            assert daemon.end() == 0
        assert {call["channel"] for call in here.calls()[before:]} == set(names) - set(left)
        assert len(here.recorders()) == 200


def test_a_second_sigint_ends_it_at_once_and_the_next_run_settles(tmp_path: Path) -> None:
    with estate(tmp_path, already_started_sid=True) as here:
        here.write("a", recording("a"))
        here.fault("start#1 delay 9 after")
        with here.run() as daemon:
            until(here.live, "it should have been started")
            daemon.signal(signal.SIGINT)
            assert daemon.said("daemon.ending")["signal"] == "SIGINT"
            daemon.signal(signal.SIGINT)
            assert daemon.ends(5) == -signal.SIGINT
            assert not daemon.lines("daemon.ended")

        with here.run() as daemon:
            known = here.settled("a")
            assert daemon.end() == 0
        assert [one["sid"] for one in here.recorders()] == [known["a"]["sid"]]


def test_sighup_rereads_what_may_change_and_keeps_the_old_where_the_new_is_broken(here: Estate) -> None:
    del here.environ["RECONCILER_POLL_INTERVAL"], here.environ["RECONCILER_QPS"]
    file = here.folder / "reconciler.toml"
    file.write_text("poll_interval = '1h'\nqps = 1000\n")
    here.write("a", recording("a"))
    with here.run() as daemon:
        here.settled("a")
        asked = len(here.calls("query"))

        file.write_text("poll_interval = '1s'\nqps = 5\n")
        daemon.signal(signal.SIGHUP)
        daemon.said("settings.reread")
        until(lambda: len(here.calls("query")) >= asked + 3, "it should be polled now")

        file.write_text("poll_interval = 'often'\n")
        daemon.signal(signal.SIGHUP)
        assert "reconciler.toml:1: poll_interval" in daemon.said("settings.refused")["said"]
        asked = len(here.calls("query"))
        until(lambda: len(here.calls("query")) >= asked + 3, "it should be polled as before")

        for number in range(5):
            here.write(f"b{number}", recording(f"b{number}"))
        here.follows("a", *(f"b{number}" for number in range(5)))
        times = [call["at"] for call in here.calls("acquire", "start", "query")[asked:]]
        assert len(times) / (times[-1] - times[0]) < 5.5, "the quota should be that of the file"
        assert daemon.end() == 0


def test_sighup_without_the_app_id_of_what_is_live_is_told_where_people_look_and_mended_by_the_next(
    here: Estate,
) -> None:
    file, told = here.folder / "reconciler.toml", f"app_id = '{here.environ.pop('RECONCILER_APP_ID')}'\n"
    file.write_text(told)
    here.write("a", recording("a"))
    with here.run() as daemon:
        here.settled("a")
        [before] = here.live("a")

        file.write_text("")
        daemon.signal(signal.SIGHUP)
        words = daemon.said("source.troubled")["said"]
        assert words.startswith("RECONCILER_APP_ID is not set")
        ready = daemon.get("/readyz")
        assert (ready.status_code, ready.json()["source"]["trouble"]) == (200, words)

        file.write_text(told)
        daemon.signal(signal.SIGHUP)
        daemon.said("source.accepted", 2)
        assert daemon.get("/readyz").json()["source"]["trouble"] is None
        assert [one["sid"] for one in here.live()] == [before["sid"]]
        assert daemon.end() == 0
        assert "Traceback" not in daemon.log.read_text()


def catches(daemon: Daemon, number: signal.Signals) -> bool:
    """Tell whether the process has a handler of its own for that signal."""
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("later", [0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8])
def test_a_signal_that_comes_while_it_begins_ends_it_in_good_order(
    here: Estate, number: signal.Signals, later: float
) -> None:
    here.write("a", recording("a"))
    with here.run() as daemon:
        until(lambda: catches(daemon, signal.SIGTERM), "it should hear of signals")
        assert daemon.log.read_text() == "", "as the first thing of all"
        time.sleep(later)
        daemon.signal(number)
        assert daemon.ends() == 0
        assert "Traceback" not in daemon.log.read_text()
        assert bool(daemon.lines("daemon.started")) is bool(daemon.lines("daemon.ended"))


def test_sighup_while_it_begins_does_not_end_it(here: Estate) -> None:
    here.write("a", recording("a"))
    with here.run() as daemon:
        until(lambda: catches(daemon, signal.SIGTERM), "it should hear of signals")
        daemon.signal(signal.SIGHUP)
        here.follows("a")
        assert daemon.end() == 0


@pytest.mark.parametrize(
    ("argv", "is_daemon"),
    [
        (["run", "-"], True),
        (["--no-color", "--set", "x", "run", "-"], True),
        (["--set=x", "run", "-"], True),
        (["get", "run"], False),
        (["--set", "run", "get"], False),
        (["--set"], False),
    ],
)
def test_only_a_daemon_takes_a_signal_for_a_good_end(here: Estate, argv: list[str], *, is_daemon: bool) -> None:
    program = """
import signal
from reconciler.__main__ import main
try:
    main()
finally:
    print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
"""
    ended = subprocess.run(
        [sys.executable, "-c", program, *argv], capture_output=True, text=True, check=False, cwd=here.folder
    )
    assert ended.stdout.splitlines()[-1] == str(not is_daemon)


# -- who else is there


def test_one_daemon_keeps_a_set_and_one_process_a_port(here: Estate) -> None:
    here.write("a", recording("a"))
    with here.run() as daemon:
        here.follows("a")
        again = here.command("run")
        assert again.code == 1
        assert "already" in again.err or "daemon" in again.err

        there = daemon.url.removeprefix("http://")
        elsewhere = here.command("run", RECONCILER_SET="other", RECONCILER_LISTEN=there)
        assert elsewhere.code == 1
        assert f"RECONCILER_LISTEN: {there}: another process listens there" in elsewhere.err
        assert len(here.recorders()) == 1
        assert daemon.end() == 0


def test_orders_of_other_processes_are_obeyed_within_a_second_or_two(here: Estate) -> None:
    for name in ("a", "b"):
        here.write(name, recording(name))
    with here.run() as daemon:
        here.follows("a", "b")

        asked_at = time.time()
        assert here.command("suspend", "a", "--reason", "maintenance", "--until", "8s", "--yes").code == 0
        here.follows("b")

        assert here.command("freeze", "--reason", "looking closer").code == 0
        daemon.said("set.frozen")
        here.write("c", recording("c"))
        until(lambda: here.entries().get("c", {}).get("phase") == "Pending", "c should wait")
        here.remove("b")
        daemon.said("source.accepted", 3)
        assert here.recorded() == ["b"]
        assert here.command("unfreeze").code == 0
        here.follows("a", "c")
        assert here.live("a")[0]["startedAt"] >= asked_at + 8
        assert daemon.end() == 0


def test_a_mass_stop_waits_for_approve(here: Estate) -> None:
    names = [f"r{number:02}" for number in range(12)]
    for name in names:
        here.write(name, recording(name))
    with here.run() as daemon:
        here.follows(*names)
        for name in names[2:]:
            here.remove(name)
        assert "would interrupt 10 of 12" in daemon.said("source.held")["reason"]
        assert here.recorded() == names
        assert daemon.get("/readyz").json()

        assert here.command("approve", "--yes").code == 0
        here.follows(*names[:2])
        assert daemon.end() == 0


def test_what_the_source_of_a_daemon_has_is_not_deleted_and_what_it_lacks_is_not_applied(here: Estate) -> None:
    for name in ("a", "b"):
        here.write(name, recording(name))
    (here.folder / "more.yaml").write_text(recording("more"))
    with here.run() as daemon:
        here.follows("a", "b")
        here.settled("a", "b")
        for command in (["delete", "a", "--yes"], ["delete", "--all", "--yes"], ["forget", "a"]):
            refused = here.command(*command)
            assert refused.code == 1
            assert "manifests of the running daemon" in refused.err
        refused = here.command("apply", "--yes", "more.yaml")
        assert refused.code == 4
        assert "--set" in refused.err
        assert here.recorded() == ["a", "b"]

        assert here.command("apply", "--yes", "more.yaml", "--set", "other").code == 0
        here.follows("a", "b", "more")
        here.remove("b")
        here.follows("a", "more")
        assert daemon.end() == 0
    assert here.recorded() == ["a", "more"]


# -- over HTTP


def signed(notice: dict[str, Any], secret: str) -> tuple[bytes, dict[str, str]]:
    body = json.dumps(notice).encode()
    return body, {"Agora-Signature-V2": hmac.new(secret.encode(), body, "sha256").hexdigest()}


def test_it_tells_how_it_is_and_hears_webhooks(here: Estate) -> None:
    here.write("a", recording("a"))
    with here.run(RECONCILER_POLL_INTERVAL="1h") as daemon:
        here.settled("a")
        assert daemon.get("/healthz").json()["status"] == "ok"
        assert daemon.get("/readyz").status_code == 200
        assert 'reconciler_recordings{phase="Recording"' in daemon.get("/metrics").text

        [lost] = here.live()
        here.play("kill", sid=lost["sid"])
        notice = here.notices()[-1]
        address = f"{daemon.url}/webhooks/agora"
        asked = len(here.calls("query"))
        for secret, status in (("another", 401), (WEBHOOK_SECRET, 200), (WEBHOOK_SECRET, 200)):
            body, headers = signed(notice, secret)
            answer = httpx.post(address, content=body, headers=headers, trust_env=False)
            assert answer.status_code == status
            if status == 401:
                assert len(here.calls("query")) == asked
        until(lambda: here.live("a"), "it should have been started again")
        assert len(here.recorders()) == 2
        assert daemon.end() == 0


def test_a_receiver_is_told_of_starts_and_of_files(here: Estate) -> None:
    here.write("a", recording("a"))
    here.write("b", recording("b"))
    with receiver() as told, here.run(RECONCILER_NOTIFY_URL=told.url) as daemon:
        here.follows("a", "b")
        here.settled("a", "b")
        here.remove("a")
        [completed] = until(lambda: told.of("recording.completed"), "it should be told")
        assert completed["data"]["files"]
        assert all(one["uri"].startswith("s3://lessons/") for one in completed["data"]["files"])
        assert len(told.of("recording.started")) == 2
        assert daemon.end() == 0


# -- secrets

SECRETS = {
    "RECONCILER_CUSTOMER_SECRET": "customer-secret-9f3a",
    "RECONCILER_WEBHOOK_SECRET": WEBHOOK_SECRET,
    "RECONCILER_NOTIFY_SECRET": "notify-secret-6e21-6e21-6e21-6e21",
    "RECONCILER_PAGE_TOKEN": "page-token-1b1b",
    "ACCESS_KEY": "access-key-77c1",
    "SECRET_KEY": 'secret/key+b20e="quoted"',
    "PAGE": "https://pages.example.com/board?ticket=page-ticket-81be",
}
PARTS = ("page-ticket-81be", "query-literal-3e9a")


def test_no_secret_is_logged_kept_or_served(here: Estate) -> None:
    sought = {form for value in (*SECRETS.values(), *PARTS) for form in forms(value)}
    here.write("a", recording("a"))
    here.write("board", recording("board", "  mode: web\n  web: {url: {env: PAGE}}"))
    page = "https://pages.example.com/x?key=query-literal-3e9a"
    here.write("page", recording("page", f"  mode: web\n  web: {{url: '{page}'}}"))
    served: list[bytes] = []
    with (
        receiver() as told,
        here.run(
            RECONCILER_LOG_LEVEL="debug", RECONCILER_NOTIFY_URL=f"{told.url}?key=query-literal-3e9a", **SECRETS
        ) as daemon,
    ):

        def look() -> None:
            served.extend(daemon.get(path).content for path in ("/healthz", "/readyz", "/metrics", "/"))
            files = (path for path in here.folder.rglob("*") if path.is_file() and path.parent != here.manifests)
            served.extend(path.read_bytes() for path in files)

        here.follows("a", "board", "page")
        here.settled("a", "board", "page")
        look()
        here.write("broken", recording("broken").replace("{env: SECRET_KEY}", "query-literal-3e9a"))
        daemon.said("source.troubled")
        here.remove("broken")
        here.fault("updateLayout refuse 400/2")
        here.write("a", coloured("a", "#123123"))
        daemon.said("recording.refused")
        here.fault("query refuse 401")
        until(lambda: "answered 401" in daemon.get("/readyz").text + daemon.log.read_text(), "it should be refused")
        look()
        assert told.of("recording.started")
        assert daemon.end() == 0
    look_at = served + [json.dumps(one).encode() for one in told.documents]
    assert sum(str(here.recorders()[0]["sid"]).encode() in text for text in look_at) > 4, "the search finds nothing"
    assert [form for form in sought for text in look_at if form in text] == []
