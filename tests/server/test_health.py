"""/healthz: how long the loops have been silent, and not a constant."""

from datetime import timedelta

from reconciler.server.health import Pulse
from tests.server.parts import Daemon, in_process


async def test_health_names_the_loop_that_makes_no_progress_until_it_does() -> None:
    daemon = Daemon()
    daemon.pulse.register("controller", timedelta(seconds=30))
    daemon.pulse.register("source", timedelta(seconds=90))
    async with in_process(daemon) as client:
        daemon.seconds = 30.0
        fine = await client.get("/healthz")
        daemon.seconds = 30.06
        stuck = await client.get("/healthz")
        daemon.pulse.beat("controller")
        daemon.seconds = 31.0
        again = await client.get("/healthz")

    assert (fine.status_code, fine.json()["status"]) == (200, "ok")
    assert stuck.status_code == 503
    assert stuck.json() == {
        "status": "stuck",
        "stuck": ["controller"],
        "loops": {"controller": {"age": 30.1, "limit": 30.0}, "source": {"age": 30.1, "limit": 90.0}},
    }
    assert again.status_code == 200
    assert again.json()["loops"] == {
        "controller": {"age": 0.9, "limit": 30.0},
        "source": {"age": 31.0, "limit": 90.0},
    }


def test_a_loop_is_expected_from_the_moment_it_is_registered() -> None:
    now = [100.0]
    pulse = Pulse(lambda: now[0])
    pulse.register("controller", timedelta(seconds=30))

    assert pulse.loops()["controller"].age == timedelta()
    assert pulse.healthy()
    now[0] += 31
    assert not pulse.healthy()


def test_a_loop_that_nobody_registered_is_not_watched() -> None:
    now = [0.0]
    pulse = Pulse(lambda: now[0])
    pulse.beat("extra")
    now[0] += 1000

    assert pulse.loops() == {}
    assert pulse.healthy()


def test_what_is_registered_anew_has_the_new_limit() -> None:
    now = [0.0]
    pulse = Pulse(lambda: now[0])
    pulse.register("source", timedelta(seconds=1))
    now[0] += 60
    pulse.register("source", timedelta(seconds=10))
    now[0] += 5

    assert pulse.healthy()
