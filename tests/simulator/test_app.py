"""The simulated service over HTTP: in process through ASGI, and over a real socket."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reconciler.simulator.app import AnswerLost, make_app
from reconciler.simulator.faults import parse_faults
from reconciler.simulator.options import Options
from reconciler.simulator.serve import PortInUseError, running_simulator, scaled_clock
from reconciler.simulator.world import World
from tests.simulator.driver import APP, T0, recording

SERVICE = f"/v1/apps/{APP}/cloud_recording"


def start(client: httpx.Client, channel: str = "room1") -> dict[str, Any]:
    body: dict[str, Any] = {"cname": channel, "uid": "1", "clientRequest": {}}
    resource_id = client.post(f"{SERVICE}/acquire", json=body).json()["resourceId"]
    body["clientRequest"] = recording()
    started: dict[str, Any] = client.post(f"{SERVICE}/resourceid/{resource_id}/mode/mix/start", json=body).json()
    return started


@pytest.fixture(name="client")
def fixture_client() -> Iterator[httpx.Client]:
    faults = parse_faults("stop lose\nupdate refuse\nupdateLayout truncate 4\nusers refuse 503")
    with (
        running_simulator(Options(upload_seconds=0), faults, clock=lambda: T0) as (url, _),
        httpx.Client(base_url=url, auth=("customer", "secret")) as client,
    ):
        yield client


async def test_in_process_a_lost_answer_is_an_exception_that_comes_through() -> None:
    app = make_app(World(), parse_faults("acquire#1 lose"), lambda: T0)
    transport = httpx.ASGITransport(app)
    body = {"cname": "room1", "uid": "1", "clientRequest": {}}
    async with httpx.AsyncClient(transport=transport, base_url="http://simulator", auth=("a", "b")) as client:
        with pytest.raises(AnswerLost):
            await client.post(f"{SERVICE}/acquire", json=body)
        assert (await client.post(f"{SERVICE}/acquire", json=body)).status_code == 200


def test_over_a_socket_a_lost_or_refused_call_is_a_dropped_connection(client: httpx.Client) -> None:
    started = start(client)
    handle = f"{SERVICE}/resourceid/{started['resourceId']}/sid/{started['sid']}/mode/mix"
    body = {"cname": "room1", "uid": "1", "clientRequest": {}}

    for call in ("stop", "update"):
        with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
            client.post(f"{handle}/{call}", json=body)

    assert [one["live"] for one in client.get("/_world/recorders").json()] == [False]
    assert [call["endpoint"] for call in client.get("/_world/calls").json()] == ["acquire", "start", "stop"]


def test_over_a_socket_a_cut_answer_is_no_json_and_a_refusal_has_its_status(client: httpx.Client) -> None:
    started = start(client)
    handle = f"{SERVICE}/resourceid/{started['resourceId']}/sid/{started['sid']}/mode/mix"

    cut = client.post(f"{handle}/updateLayout", json={"cname": "room1", "uid": "1", "clientRequest": {}})

    assert (cut.status_code, len(cut.content)) == (200, 4)
    assert client.get(f"/dev/v1/channel/user/{APP}/room1").status_code == 503
    assert client.get(f"/dev/v1/channel/{APP}?page_size=1").json()["data"]["total_size"] == 1


def test_an_answer_does_not_wait_for_an_acknowledgement_of_its_head(client: httpx.Client) -> None:
    client.get("/_world/calls")
    began = time.perf_counter()
    for _ in range(100):
        client.get("/_world/calls")

    assert time.perf_counter() - began < 100 * 0.03  # an acknowledgement that is put off comes after 0.04 s


def test_people_can_play_with_the_world(client: httpx.Client) -> None:
    first, second = start(client)["sid"], start(client, "room2")["sid"]

    def play(act: str, **said: Any) -> int:
        return client.post(f"/_world/{act}", json=said).status_code

    assert play("join", channel="room1", uid="5") == 200
    assert play("leave", channel="room1", uid="5") == 200
    assert play("leave", channel="room1") == 200
    assert play("kick", channel="room1", uid="12345") == 200
    assert play("failover", sid=first, hiddenFor=5) == 200
    assert play("kill", sid=second) == 200
    seen = {one["sid"]: (one["live"], one["hidden"]) for one in client.get("/_world/recorders").json()}
    assert seen == {first: (True, True), second: (False, False)}
    assert client.get("/_world/notices").json()[0]["eventType"] == 11


def test_a_wrong_wish_is_told(client: httpx.Client) -> None:
    answers = [client.post("/_world/kill", content=content) for content in (b'{"sid": "unheard"}', b"{}", b"{", b"[]")]

    assert {answer.status_code for answer in answers} == {400}
    assert "unheard" in answers[0].json()["message"]


def test_what_is_shown_of_a_recorder_holds_no_secret(client: httpx.Client) -> None:
    start(client)

    assert "secret" not in client.get("/_world/recorders").text


def test_a_port_in_use_is_told_in_words() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(PortInUseError) as refusal, running_simulator(port=port):
            pass

    assert str(refusal.value) == f"port {port} of 127.0.0.1 is in use; choose another with --port"


def test_a_simulator_leaves_nothing_behind() -> None:
    with running_simulator() as (url, _):
        assert httpx.get(f"{url}/_world/recorders").json() == []

    assert "simulator" not in {thread.name for thread in threading.enumerate()}
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def test_served_in_the_foreground_it_says_where_and_ends_with_ctrl_c() -> None:
    program = "from reconciler.simulator.serve import serve; serve(0, on_ready=lambda url: print(url, flush=True))"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        assert httpx.get(f"{url}/_world/recorders").json() == []
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)

    assert (process.returncode, said) == (0, b"")


def test_a_scaled_clock_runs_n_times_as_fast() -> None:
    times = iter([100.0, 100.0, 101.0, 102.5])
    clock = scaled_clock(60, lambda: next(times))

    assert [clock(), clock(), clock()] == [100, 160, 250]
