"""`doctor`: every trouble is told apart, with what to do, and nothing is changed by asking."""

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.doctor import compare_clocks
from reconciler.cli.root import run
from reconciler.ledger import open_ledger
from reconciler.simulator.faults import parse_faults
from reconciler.simulator.options import Options
from reconciler.simulator.serve import running_simulator

SECRET = "open-sesame"
APP_ID = "0123456789abcdef0123456789abcdef"
NOW = datetime(2026, 1, 1, 9, tzinfo=UTC)


def account(url: str, tmp_path: Path) -> dict[str, str]:
    return {
        "RECONCILER_API_URL": url,
        "RECONCILER_APP_ID": APP_ID,
        "RECONCILER_CUSTOMER_ID": "5b1e2c",
        "RECONCILER_CUSTOMER_SECRET": SECRET,
        "RECONCILER_STATE": str(tmp_path / "state" / "ledger.db"),
    }


def examine(environ: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    code = run(["doctor", "-o", "json"], environ, tmp_path)
    out, err = capsys.readouterr()
    assert err == ""
    assert SECRET not in out
    return code, {finding["check"]: finding for finding in json.loads(out)}


def statuses(findings: dict[str, Any]) -> dict[str, str]:
    return {check: finding["status"] for check, finding in findings.items()}


def test_all_is_well(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running_simulator(Options(credentials={"5b1e2c": SECRET})) as running:
        code, findings = examine(account(running.url, tmp_path), tmp_path, capsys)

        assert [call.endpoint for call in running.world.calls] == ["query"]
    assert code == 0
    assert set(statuses(findings).values()) == {"good"}
    assert findings["ledger"]["message"].endswith("is not there yet; the first apply makes it")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("options", "faults", "bad", "message", "advice"),
    [
        (
            Options(credentials={"5b1e2c": "another"}),
            "",
            {"credentials"},
            "Invalid authentication credentials",
            "Check customer id and secret",
        ),
        (
            Options(app_ids=frozenset()),
            "",
            {"credentials"},
            "appid is invalid",
            "Enable Cloud Recording for this App ID",
        ),
        (Options(), "query refuse 404", {"service"}, "no Route matched", "RECONCILER_API_URL"),
        (Options(), "query refuse 503", {"service"}, "503", ""),
        (Options(), "query refuse 429", {"service"}, "429", ""),
        (Options(), "query truncate 3", {"service"}, "404", ""),
        (Options(), "query refuse", {"service"}, "no answer", "Check the network"),
        (Options(), "query lose", {"service"}, "no answer", "Check the network"),
        (Options(query_method="POST"), "", set(), "", ""),
        (Options(), "query refuse 400/2", set(), "", ""),
    ],
)
def test_what_the_service_says_is_told_apart(
    options: Options,
    faults: str,
    bad: set[str],
    message: str,
    advice: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """S24: a handle that cannot exist proves credentials."""
    with running_simulator(options, parse_faults(faults)) as running:
        code, findings = examine(account(running.url, tmp_path), tmp_path, capsys)

    assert {check for check, status in statuses(findings).items() if status == "bad"} == bad
    assert code == (1 if bad else 0)
    for check in bad:
        assert message in findings[check]["message"]
        assert advice in findings[check]["advice"]


def test_a_service_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        code, findings = examine(account(url, tmp_path), tmp_path, capsys)

    assert code == 1
    assert statuses(findings) == {
        "settings": "good",
        "ledger": "good",
        "service": "bad",
        "credentials": "skipped",
        "clock": "skipped",
    }


def test_missing_credentials_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"RECONCILER_STATE": str(tmp_path / "ledger.db"), "RECONCILER_CUSTOMER_SECRET": SECRET}
    code, findings = examine(environ, tmp_path, capsys)

    assert code == 1
    assert findings["credentials"]["message"] == "RECONCILER_APP_ID, RECONCILER_CUSTOMER_ID are not set"
    assert "console" in findings["credentials"]["advice"]
    assert findings["service"]["status"] == "skipped"


def test_wrong_settings_are_all_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"], {"RECONCILER_QPS": SECRET, "RECONCILER_SET": SECRET.upper()}, tmp_path) == 1
    out, err = capsys.readouterr()

    assert err == ""
    assert [line.split()[:2] for line in out.splitlines() if "→" not in line] == [
        ["bad", "settings"],
        ["bad", "settings"],
        ["skipped", "service"],
    ]


async def make_ledger(path: Path, service: str) -> None:
    ledger = await open_ledger(path, service=service, now=lambda: NOW)
    await ledger.close()


@pytest.mark.parametrize(("service", "status"), [("simulator", "good"), ("agora", "bad")])
def test_a_ledger_belongs_to_one_service(
    service: str, status: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state").mkdir()
    asyncio.run(make_ledger(tmp_path / "state" / "ledger.db", service))
    with running_simulator() as running:
        _, findings = examine(account(running.url, tmp_path), tmp_path, capsys)

    assert findings["ledger"]["status"] == status
    assert ("was made against Agora" in findings["ledger"]["message"]) == (status == "bad")


@pytest.mark.parametrize("content", ["", "no database at all, but long enough to be one: " + "x" * 200])
def test_a_file_that_is_no_ledger(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "ledger.db"
    place.write_text(content)
    with running_simulator() as running:
        environ = account(running.url, tmp_path) | {"RECONCILER_STATE": str(place)}
        code, findings = examine(environ, tmp_path, capsys)

    assert (code, findings["ledger"]["status"]) == (1, "bad")
    assert place.read_text() == content


def test_a_ledger_nobody_has_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, findings = examine({"CI": "true"}, tmp_path, capsys)

    assert (code, findings["ledger"]["status"]) == (1, "bad")
    assert "RECONCILER_STATE" in findings["ledger"]["advice"]


@pytest.mark.parametrize(
    ("off", "status", "message"),
    [
        (0, "good", "agrees with the service's"),
        (-29, "good", "agrees with the service's"),
        (95, "bad", "95 s ahead of the service's"),
        (-3600, "bad", "3600 s behind the service's"),
    ],
)
def test_a_clock_that_is_off(off: int, status: str, message: str) -> None:
    (finding,) = compare_clocks([("", NOW), (format_datetime(NOW, usegmt=True), NOW + timedelta(seconds=off))])

    assert (finding.status, finding.message) == (status, message)


@pytest.mark.parametrize("text", ["", "soon", "Thu, 99 Jan 2026 09:00:00 GMT"])
def test_a_date_nobody_can_read(text: str) -> None:
    (finding,) = compare_clocks([(text, NOW)])

    assert finding.status == "skipped"
