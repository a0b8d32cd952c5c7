"""`simulate`: served to people, or lent to one command with everything that could reach a real account replaced."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

RECONCILER = [sys.executable, "-m", "reconciler"]
REAL = {
    "RECONCILER_API_URL": "https://api.agora.io",
    "RECONCILER_APP_ID": "f" * 32,
    "RECONCILER_CUSTOMER_ID_FILE": "/run/secrets/id",
    "RECONCILER_CUSTOMER_SECRET": "open-sesame",
    "RECONCILER_NOTIFY_URL": "https://hooks.example.com",
    "RECONCILER_WEBHOOK_SECRET_FILE": "/run/secrets/webhooks",
    "RECONCILER_STATE": "sqlite:////var/lib/reconciler/real.db",
    "RECONCILER_SET": "team",
    "HTTP_PROXY": "http://proxy.example.com:3128",
}
SHOW = "import json, os; print(json.dumps(dict(os.environ)))"


def around(tmp_path: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TMPDIR": str(tmp_path)} | REAL | more


def simulate(tmp_path: Path, *argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*RECONCILER, "simulate", *argv],
        env=around(tmp_path),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@contextmanager
def started(tmp_path: Path, *argv: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*RECONCILER, "simulate", *argv],
        env=around(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def test_a_command_sees_the_simulator_and_nothing_real(tmp_path: Path) -> None:
    result = simulate(tmp_path, "--", sys.executable, "-c", SHOW)
    seen = {name: value for name, value in json.loads(result.stdout).items() if name.startswith("RECONCILER_")}

    assert (result.returncode, result.stderr) == (0, "")
    assert seen.pop("RECONCILER_API_URL").startswith("http://127.0.0.1:")
    assert seen.pop("RECONCILER_STATE").startswith(f"sqlite:///{tmp_path}/reconciler-")
    assert seen == {
        "RECONCILER_APP_ID": "0123456789abcdef0123456789abcdef",
        "RECONCILER_CUSTOMER_ID": "simulated",
        "RECONCILER_CUSTOMER_SECRET": "simulated",
        "RECONCILER_WEBHOOK_SECRET": "simulated",
        "RECONCILER_SET": "team",
    }
    assert json.loads(result.stdout)["NO_PROXY"] == "127.0.0.1"


def test_reconciler_works_against_it_and_leaves_nothing_behind(tmp_path: Path) -> None:
    result = simulate(tmp_path, "reconciler", "doctor", "-o", "json")

    assert result.returncode == 0, result.stdout
    assert {finding["status"] for finding in json.loads(result.stdout)} == {"good"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "code", "told"),
    [
        ([sys.executable, "-c", "raise SystemExit(7)"], 7, ""),
        ([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"], 137, ""),
        (["reconciler", "version", "--nope"], 64, "--nope"),
        (["no-such-command"], 127, "error: there is no command 'no-such-command'"),
        ([str(Path(__file__).parent)], 126, "cannot be run"),
    ],
)
def test_its_exit_code_is_that_of_the_command(command: list[str], code: int, told: str, tmp_path: Path) -> None:
    result = simulate(tmp_path, "--", *command)

    assert result.returncode == code
    assert told in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_who_ends_it_ends_the_command_first(number: signal.Signals, tmp_path: Path) -> None:
    code = (
        "import signal, sys\n"
        "def hear(number, frame):\n"
        "    print('heard', number); sys.exit(5)\n"
        f"signal.signal({number:d}, hear)\n"
        "print('ready', flush=True)\n"
        "signal.pause()\n"
    )
    with started(tmp_path, "--", sys.executable, "-c", code) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)

    assert (process.returncode, out, err) == (5, f"heard {number:d}\n", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_serves_until_it_is_ended_and_says_what_to_paste(number: signal.Signals, tmp_path: Path) -> None:
    port = free_port()
    with started(tmp_path, "--port", str(port)) as process:
        assert process.stderr is not None
        assert f"http://127.0.0.1:{port}" in process.stderr.readline()
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(b"GET /_world/recorders HTTP/1.0\r\n\r\n")
            assert connection.recv(1024).startswith(b"HTTP/1.1 200")
        process.send_signal(number)
        out, _ = process.communicate(timeout=60)

    assert process.returncode == 0
    *lines, state = out.splitlines()
    assert lines == [
        "unset RECONCILER_CUSTOMER_ID_FILE RECONCILER_WEBHOOK_SECRET_FILE RECONCILER_NOTIFY_URL",
        f"export RECONCILER_API_URL=http://127.0.0.1:{port}",
        "export RECONCILER_APP_ID=0123456789abcdef0123456789abcdef",
        "export RECONCILER_CUSTOMER_ID=simulated",
        "export RECONCILER_CUSTOMER_SECRET=simulated",
        "export RECONCILER_WEBHOOK_SECRET=simulated",
    ]
    ledger = Path(state.removeprefix("export RECONCILER_STATE=sqlite:///"))
    assert ledger.name == "ledger.db"
    assert not ledger.parent.exists(), "it goes with its world"


def test_a_port_in_use_is_told(tmp_path: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        result = simulate(tmp_path, "--port", str(port))

    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == f"error: port {port} of 127.0.0.1 is in use; choose another with --port\n"


@pytest.mark.parametrize(
    ("argv", "code", "told"),
    [
        (["--faults", "{folder}/nowhere"], 1, "nowhere: cannot be read: no such file or directory"),
        (["--faults", "{folder}/faults"], 1, "faults, line 2: 'what?' is not of the form"),
        (["--speed", "0"], 64, "--speed"),
        (["--port", "70000"], 64, "--port"),
        (["--webhooks", "daemon:8088"], 64, "'daemon:8088' is no http:// or https:// address"),
    ],
)
def test_what_it_cannot_use_is_told(argv: list[str], code: int, told: str, tmp_path: Path) -> None:
    (tmp_path / "faults").write_text("start#1 lose\nwhat?\n")
    result = simulate(tmp_path, *(part.format(folder=tmp_path) for part in argv))

    assert result.returncode == code
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_faults_strike(tmp_path: Path) -> None:
    (tmp_path / "faults").write_text("query refuse 401\n")
    result = simulate(tmp_path, "--faults", str(tmp_path / "faults"), "--", "reconciler", "doctor")

    assert result.returncode == 1
    assert "Invalid authentication credentials" in result.stdout


HEAR = """
import hmac, http.server, json, os, sys, urllib.request
port = int(sys.argv[1])

class Ear(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        right = hmac.new(os.environ["RECONCILER_WEBHOOK_SECRET"].encode(), body, "sha256").hexdigest()
        print(self.path, json.loads(body)["eventType"], self.headers["Agora-Signature-V2"] == right)

    def log_message(self, *_): pass

def call(path, request):
    url = os.environ["RECONCILER_API_URL"] + "/v1/apps/" + os.environ["RECONCILER_APP_ID"] + "/cloud_recording/" + path
    body = json.dumps({"cname": "room1", "uid": "1", "clientRequest": request}).encode()
    headers = {"Authorization": "Basic YTpi", "Content-Type": "application/json"}
    return json.load(urllib.request.urlopen(urllib.request.Request(url, body, headers)))

with http.server.HTTPServer(("127.0.0.1", port), Ear) as server:
    storage = {"vendor": 1, "region": 0, "bucket": "b", "accessKey": "k", "secretKey": "s"}
    call("resourceid/" + call("acquire", {})["resourceId"] + "/mode/mix/start",
         {"recordingConfig": {}, "storageConfig": storage})
    server.handle_request()
"""


@pytest.mark.parametrize("more", [[], ["--webhook-secret", "hush"]], ids=["as it comes", "with a secret of one's own"])
def test_webhooks_go_where_they_are_sent_and_the_command_can_check_them(more: list[str], tmp_path: Path) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/webhooks/agora"
    result = simulate(tmp_path, "--speed", "60", "--webhooks", url, *more, "--", sys.executable, "-c", HEAR, str(port))

    assert (result.returncode, result.stderr, result.stdout) == (0, "", "/webhooks/agora 40 True\n")
