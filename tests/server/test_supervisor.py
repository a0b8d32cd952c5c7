"""What systemd hears, on a real socket."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.server.supervisor import Supervisor
from tests.virtual_time import run_virtual


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(address)
        systemd.setblocking(False)
        yield systemd


def heard(systemd: socket.socket) -> list[str]:
    words = []
    while True:
        try:
            words.append(systemd.recv(4096).decode())
        except BlockingIOError:
            return words


@pytest.mark.parametrize("abstract", [False, True])
def test_systemd_hears_how_the_process_goes(tmp_path: Path, abstract: bool) -> None:  # noqa: FBT001
    name = f"reconciler-{os.getpid()}" if abstract else str(tmp_path / "notify")
    supervisor = Supervisor.named_by({"NOTIFY_SOCKET": f"@{name}" if abstract else name}, 1)
    with listening(f"\0{name}" if abstract else name) as systemd:
        told = [
            supervisor.ready(),
            supervisor.status("keeps 3 recordings;\n1 waits — at 10:00"),
            supervisor.reloading(12.5),
            supervisor.watchdog(),
            supervisor.stopping(),
        ]
        words = heard(systemd)

    assert all(told)
    assert words == [
        "READY=1",
        "STATUS=keeps 3 recordings; 1 waits — at 10:00",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "WATCHDOG=1",
        "STOPPING=1",
    ]


@pytest.mark.parametrize("address", ["", "vsock:2:1234", "notify", "/there/is/none", "/" + "long" * 40])
def test_where_nobody_listens_nothing_happens(address: str) -> None:
    supervisor = Supervisor.named_by({"NOTIFY_SOCKET": address}, 1)

    assert not supervisor.ready()
    assert not supervisor.status("anything")


def test_a_supervisor_too_busy_to_listen_holds_nobody_up(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with listening(address) as systemd:
        supervisor = Supervisor(address)
        told = sum(1 for _ in iter(supervisor.watchdog, False))  # until its queue is full

        assert told == len(heard(systemd)) > 0


@pytest.mark.parametrize(
    ("environ", "period"),
    [
        ({"WATCHDOG_USEC": "30000000"}, timedelta(seconds=15)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "77"}, timedelta(seconds=15)),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "78"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "18446744073709551615"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_twice_as_often_as_it_asks_for(environ: dict[str, str], period: timedelta | None) -> None:
    assert Supervisor.named_by({"NOTIFY_SOCKET": "/run/systemd/notify", **environ}, 77).period == period


def test_only_a_process_that_was_started_by_systemd_has_a_watchdog() -> None:
    assert Supervisor.named_by({"WATCHDOG_USEC": "30000000"}, 1) == Supervisor()


def test_the_watchdog_is_fed_by_progress_only(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    well = True

    async def story(systemd: socket.socket) -> list[int]:
        nonlocal well
        feeding = asyncio.create_task(Supervisor(address, timedelta(seconds=15)).feed(lambda: well))
        counts = []
        for well in (True, False, True):  # noqa: B007 - the feeder looks at it
            await asyncio.sleep(60)
            counts.append(len(heard(systemd)))
        feeding.cancel()
        return counts

    with listening(address) as systemd:
        assert run_virtual(story(systemd)) == [4, 0, 4]


def test_feeding_without_a_watchdog_is_over_at_once() -> None:
    run_virtual(Supervisor("/nowhere").feed(lambda: True))
