"""Webhooks of the simulator: signed over what is sent, repeated as the service does, and struck by faults."""

import asyncio
import json
import queue
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from reconciler.agora.answers import read_query
from reconciler.agora.notices import read_notice, verify
from reconciler.agora.reading import HttpAnswer
from reconciler.evidence import Live, Missing, Notice
from reconciler.model import Accepted, Confirmed, Secret
from reconciler.planning.absorb import absorb
from reconciler.planning.noticing import note
from reconciler.planning.outcomes import Observed
from reconciler.simulator.faults import parse_faults
from reconciler.simulator.options import Options
from reconciler.simulator.serve import Destination, running_simulator
from reconciler.simulator.webhooks import Webhooks
from reconciler.simulator.world import World
from tests.planning.situations import RULES, A, entry, intended, session
from tests.simulator.driver import AUTHORIZATION, HLS_MP4, Driver, recording, web
from tests.virtual_time import START, run_virtual, virtual_seconds

SECRET = "hush"
Arrived = tuple[float, bytes, Mapping[str, str]]


def played(
    story: Callable[[Driver], Awaitable[Any]],
    *,
    faults: str = "",
    answers: list[int] | None = None,
    **options: Any,
) -> list[Arrived]:
    """Play a story on virtual time and give what arrived; `answers` are the first statuses, then it is 200."""
    arrived: list[Arrived] = []
    statuses = iter(answers or [])

    async def deliver(body: bytes, headers: Mapping[str, str]) -> int:
        arrived.append((asyncio.get_running_loop().time(), body, headers))
        return next(statuses, 200)

    async def play() -> None:
        world = World(Options(**{"rate": 0, **options}))
        sender = Webhooks(world, deliver, SECRET, faults=parse_faults(faults), clock=virtual_seconds)
        async with sender.sending():
            await story(Driver(world, now=virtual_seconds()))

    run_virtual(play())
    return arrived


async def pass_time(service: Driver, seconds: float) -> None:
    await asyncio.sleep(seconds)
    service.now = virtual_seconds()


async def stopped(service: Driver) -> None:
    """A recorder that records for a minute and is stopped: 40, 4, 41, 31, 11."""
    handle = service.record(recording())
    await pass_time(service, 60)
    service.stop(handle)
    await pass_time(service, 120)


def types(arrived: list[Arrived]) -> list[int]:
    return [json.loads(body)["eventType"] for _, body, _ in arrived]


def test_each_is_sent_once_when_it_happens_and_signed_both_ways() -> None:
    arrived = played(stopped)

    assert types(arrived) == [40, 4, 41, 31, 11]
    assert [when for when, _, _ in arrived] == pytest.approx([2, 17, 60, 63, 63], abs=0.51)
    for _, body, headers in arrived:
        assert verify(Secret(SECRET), body, headers)
        assert {"Agora-Signature", "Agora-Signature-V2"} <= set(headers)
        assert headers["Content-Type"] == "application/json"


def test_what_is_sent_is_what_a_reader_expects() -> None:
    notices = [read_notice(body, START + timedelta(seconds=when)) for when, body, _ in played(stopped)]

    assert all(isinstance(notice, Notice) for notice in notices)
    assert [notice.sequence for notice in notices if isinstance(notice, Notice)] == [0, 1, 2, 3, 4]


def test_what_is_not_answered_200_is_sent_again_at_once_then_later_and_given_up() -> None:
    async def begin(service: Driver) -> None:
        service.record(recording(), "individual")
        await pass_time(service, 58)

    arrived = played(begin, answers=[500, 0, 404, 503, 500, 500])
    first = [json.loads(body) for _, body, _ in arrived]

    assert [round(when - arrived[0][0]) for when, _, _ in arrived] == [0, 0, 5, 35]
    assert len({notice["noticeId"] for notice in first}) == 1
    assert [notice["notifyMs"] - first[0]["notifyMs"] for notice in first] == [0, 0, 5000, 35000]
    assert {json.dumps(notice["payload"]) for notice in first} == {json.dumps(first[0]["payload"])}


def test_the_first_200_ends_it() -> None:
    assert types(played(stopped, answers=[500])) == [40, 40, 4, 41, 31, 11]


@pytest.mark.parametrize(
    ("faults", "arriving"),
    [
        ("notice lose", []),
        ("notice:40 lose", [4, 41, 31, 11]),
        ("notice:11 lose\nnotice:31 lose", [40, 4, 41]),
        ("notice#2-3 lose", [40, 31, 11]),
        ("notice @elsewhere lose", [40, 4, 41, 31, 11]),
        ("* lose", [40, 4, 41, 31, 11]),
        ("notice:41 double", [40, 4, 41, 41, 31, 11]),
        ("notice:40 delay 20", [4, 40, 41, 31, 11]),
        ("notice:41 delay 10 before", [40, 4, 31, 11, 41]),
        ("notice:40 double\nnotice:40 delay 20", [4, 40, 40, 41, 31, 11]),
        ("notice:40 double\nnotice:40 lose", [4, 41, 31, 11]),
    ],
)
def test_faults_drop_double_delay_and_reorder_them(faults: str, arriving: list[int]) -> None:
    assert types(played(stopped, faults=faults)) == arriving


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("notice refuse", "cannot strike notices: lose, delay SECONDS, double"),
        ("notice delay 3 after", "cannot strike notices"),
        ("notice truncate", "cannot strike notices"),
        ("start double", "cannot strike calls: double is for notices"),
        ("start:40 lose", "unknown call 'start:40'; known are acquire"),
        ("notice:forty lose", "is not of the form"),
    ],
)
def test_what_cannot_strike_a_notice_is_told(line: str, problem: str) -> None:
    with pytest.raises(ValueError, match="faults, line 1") as refusal:
        parse_faults(line)

    assert problem in str(refusal.value)


def test_a_page_tells_that_it_has_started_and_files_in_the_backup_have_an_event_of_their_own() -> None:
    async def page(service: Driver) -> None:
        handle = service.record(web(), "web")
        await pass_time(service, 30)
        service.stop(handle)
        await pass_time(service, 30)

    assert types(played(page)) == [70, 4, 71, 31, 11]
    assert types(played(stopped, uploading_status="backuped")) == [40, 4, 41, 32, 11]


def test_progress_is_told_every_minute_while_it_uploads_and_no_longer() -> None:
    async def hidden_for_a_while(service: Driver) -> None:
        handle = service.record(recording(files=HLS_MP4))
        await pass_time(service, 110)
        service.world.fail_over(service.now, handle.sid, 30)
        await pass_time(service, 100)
        service.stop(handle)
        await pass_time(service, 300)

    arrived = played(hidden_for_a_while, progress_every=60.0)

    told = [round(when) for (when, _, _), type_of in zip(arrived, types(arrived), strict=True) if type_of == 33]
    assert told == [62, 182]


def test_one_that_cannot_deliver_is_heard_of() -> None:
    async def broken(body: bytes, headers: Mapping[str, str]) -> int:
        raise RuntimeError("a defect of the test")

    async def play() -> None:
        world = World()
        async with Webhooks(world, broken, clock=virtual_seconds).sending():
            Driver(world, now=virtual_seconds()).record(recording())
            await asyncio.sleep(10)

    with pytest.raises(ExceptionGroup, match="unhandled errors"):
        run_virtual(play())


# -- over real sockets


@contextmanager
def hearing(statuses: list[tuple[int, bytes]] | None = None) -> Iterator[tuple[str, "queue.Queue[Arrived]"]]:
    """Hear webhooks on a free port; the first answers are those given, then it is 200 with JSON."""
    heard: queue.Queue[Arrived] = queue.Queue()
    answers = iter(statuses or [])

    class Ear(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.put((0.0, body, dict(self.headers.items())))
            status, answer = next(answers, (200, b"{}"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Ear) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/webhooks/agora", heard
        finally:
            server.shutdown()
            thread.join()


def start_one(url: str) -> None:
    app = "0" * 32
    body: dict[str, Any] = {"cname": "room 1", "uid": "1", "clientRequest": {}}
    with httpx.Client(base_url=f"{url}/v1/apps/{app}/cloud_recording", auth=("customer", "secret")) as client:
        resource_id = client.post("acquire", json=body).json()["resourceId"]
        body["clientRequest"] = recording()
        assert client.post(f"resourceid/{resource_id}/mode/mix/start", json=body).status_code == 200


def test_over_a_socket_the_bytes_that_were_signed_arrive() -> None:
    with (
        hearing() as (ear, heard),
        running_simulator(speed=60, webhooks=Destination(ear, "käse")) as (url, _),
    ):
        start_one(url)
        told = [heard.get(timeout=30) for _ in range(2)]

    assert sorted(types(told)) == [4, 40]
    assert all(verify(Secret("käse"), body, headers) for _, body, headers in told)
    assert not any(verify(Secret("other"), body, headers) for _, body, headers in told)


def test_over_a_socket_an_answer_without_json_is_none() -> None:
    with (
        hearing([(200, b"thanks"), (500, b"{}")]) as (ear, heard),
        running_simulator(Options(channels_occupied=False), speed=60, webhooks=Destination(ear)) as (url, _),
    ):
        start_one(url)
        told = [heard.get(timeout=30) for _ in range(3)]

    assert types(told) == [40, 40, 40]


def test_nobody_who_hears_is_no_trouble() -> None:
    with running_simulator(speed=600, webhooks=Destination("http://127.0.0.1:9/")) as (url, _):
        start_one(url)
        assert httpx.get(f"{url}/_world/recorders").json()

    assert "simulator" not in {thread.name for thread in threading.enumerate()}


# -- what a lost sid is worth at the service


@pytest.mark.parametrize("lost", [0, 1], ids=["the first start's answer was lost", "the probe's answer was lost"])
def test_s5_a_lost_sid_is_proven_with_the_resource_id_it_belongs_to(lost: int) -> None:
    """Two starts were sent so long ago that neither is on its way, one was accepted, and no answer told which."""
    service = Driver(World(Options(rate=0)), now=START.timestamp())
    ids = [service.acquire("standup", A.uid).body["resourceId"] for _ in range(2)]
    service.start(ids[lost], recording(), cname="standup", uid=A.uid)
    service.after(10).live()
    page = entry(session(replace(intended(-300, tried_at=9, tries=3), resource_ids=tuple(ids))))
    [told] = service.world.notices
    notice = read_notice(json.dumps(told.envelope()).encode(), page.sessions[0].opened_at + timedelta(seconds=3))
    assert isinstance(notice, Notice)

    page = note(page, notice, notice.received_at).entry
    asked = 0
    while isinstance(state := page.sessions[0].state, Accepted):
        assert asked < len(ids)
        asked += 1
        target = f"/v1/apps/{service.app}/cloud_recording/resourceid/{state.resource_id}/sid/{state.sid}/mode/mix/query"
        reply = service.world.handle(service.now, "GET", target, {"Authorization": AUTHORIZATION})
        answer = read_query(HttpAnswer("query", reply.status, reply.headers, reply.body, notice.received_at))
        assert isinstance(answer, Live | Missing)
        page = absorb(page, Observed(page.sessions[0], answer), RULES).entry

    assert isinstance(state, Confirmed)
    assert (state.resource_id, asked) == (ids[lost], lost + 1)
