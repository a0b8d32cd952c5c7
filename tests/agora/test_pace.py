"""S15: calls leave evenly, the most urgent first, and nobody's absence costs the others a call time."""

import asyncio
import itertools
from datetime import datetime

import pytest

from reconciler.agora.pace import Band, Pace, Rank
from reconciler.agora.quota import Slice, next_slice
from reconciler.errors import LedgerError
from tests.virtual_time import run_virtual, virtual_now

APP = "a" * 32
OTHER = "b" * 32
STEP = 1 / 9.5


class Quota:
    """A quota row in memory, as the ledger keeps one."""

    def __init__(self) -> None:
        self.next_at: dict[str, datetime] = {}
        self.drawn = 0
        self.throttled: list[str] = []

    async def draw(self, app_id: str, most: int) -> Slice:
        self.drawn += 1
        drawn, self.next_at[app_id] = next_slice(virtual_now(), self.next_at.get(app_id), None, 10, most)
        return drawn

    async def slow(self, app_id: str) -> None:
        self.throttled.append(app_id)


class Callers:
    """Callers that write down who was let go, and when."""

    def __init__(self) -> None:
        self.quota = Quota()
        self.pace = Pace(self.quota.draw, self.quota.slow)
        self.log: list[tuple[str, float]] = []

    async def call(self, name: str, band: Band = Band.POLL, order: tuple[int, ...] = (), app_id: str = APP) -> None:
        await self.pace.turn(app_id, band, order)
        self.log.append((name, asyncio.get_running_loop().time()))

    def start(
        self, name: str, band: Band = Band.POLL, order: tuple[int, ...] = (), app_id: str = APP
    ) -> asyncio.Task[None]:
        return asyncio.create_task(self.call(name, band, order, app_id))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.log]


def test_calls_leave_evenly_and_the_first_at_once() -> None:
    async def scene() -> None:
        callers = Callers()
        await asyncio.gather(*(callers.call(str(number)) for number in range(20)))
        assert [time for _, time in callers.log] == pytest.approx([number * STEP for number in range(20)], abs=1e-4)

    run_virtual(scene())


def test_the_more_urgent_goes_first_then_the_smaller_order_then_the_earlier() -> None:
    async def scene() -> None:
        callers = Callers()
        tasks = [
            callers.start("first come, only one there"),
            *[callers.start(band.name, band) for band in reversed(Band)],
            callers.start("low order", Band.CHANGE, (2,)),
            callers.start("high order", Band.CHANGE, (1,)),
            callers.start("equal", Band.POLL),
        ]
        await asyncio.gather(*tasks)
        assert callers.names[:3] == ["STOP", "FOLLOW", "CHANGE"]
        assert callers.names[3:] == [
            "high order", "low order", "CONFIRM", "RETRY", "first come, only one there", "POLL", "equal",
        ]  # fmt: skip

    run_virtual(scene())


def test_an_urgent_caller_that_comes_while_others_wait_takes_the_next_call_time() -> None:
    async def scene() -> None:
        callers = Callers()
        polls = [callers.start(f"poll {number}") for number in range(3)]
        await asyncio.sleep(STEP * 1.5)
        stop = callers.start("stop", Band.STOP)
        await asyncio.gather(stop, *polls)
        assert callers.names == ["poll 0", "poll 1", "stop", "poll 2"]
        assert callers.log[2][1] == pytest.approx(2 * STEP, abs=1e-4)

    run_virtual(scene())


def test_call_times_are_drawn_only_while_somebody_waits() -> None:
    async def scene() -> None:
        callers = Callers()
        assert callers.quota.drawn == 0
        await callers.call("one")
        await asyncio.sleep(10)
        assert callers.quota.drawn == 1
        await callers.call("two")
        assert callers.quota.drawn == 2
        assert callers.log[1][1] == pytest.approx(10)

    run_virtual(scene())


def test_a_cancelled_caller_costs_the_others_nothing() -> None:
    async def scene() -> None:
        callers = Callers()
        await callers.call("zero")
        gone, stays = callers.start("gone", Band.STOP), callers.start("stays")
        await asyncio.sleep(STEP / 2)
        assert callers.pace.waiting(APP).total() == 2
        gone.cancel()
        await stays
        assert callers.names == ["zero", "stays"]
        assert callers.log[1][1] == pytest.approx(STEP, abs=1e-4)
        assert callers.quota.drawn == 2

    run_virtual(scene())


def test_a_call_time_that_was_handed_out_to_a_cancelled_caller_goes_to_the_next() -> None:
    async def scene() -> None:
        callers = Callers()
        first = asyncio.create_task(callers.pace.turn(APP, Band.STOP))
        second = callers.start("second")
        for _ in range(10):
            await asyncio.sleep(0)
            if callers.pace.waiting(APP).total() == 1:
                break
        first.cancel()  # let go, and not yet resumed
        await second
        assert first.cancelled()
        assert callers.log == [("second", 0)]

    run_virtual(scene())


def test_a_drawn_call_time_nobody_used_is_used_again_while_fresh() -> None:
    async def scene() -> None:
        callers = Callers()
        await callers.call("zero")
        gone = callers.start("gone")
        await asyncio.sleep(STEP / 2)
        gone.cancel()
        await asyncio.sleep(STEP / 2 + 0.01)
        await callers.call("late by a moment")
        assert callers.quota.drawn == 2
        gone = callers.start("gone")
        await asyncio.sleep(STEP / 2)
        gone.cancel()
        await asyncio.sleep(5)
        await callers.call("late by far")
        assert callers.quota.drawn == 3, "what was drawn five seconds ago is lost"

    run_virtual(scene())


def test_app_ids_do_not_wait_for_each_other() -> None:
    async def scene() -> None:
        callers = Callers()
        await asyncio.gather(*(callers.call("x", app_id=app_id) for app_id in (APP, OTHER)))
        assert [time for _, time in callers.log] == [0, 0]

    run_virtual(scene())


def test_a_ledger_that_cannot_be_used_reaches_every_caller_and_the_pace_recovers() -> None:
    async def scene() -> None:
        fails = True
        callers = Callers()

        async def draw(app_id: str, most: int) -> Slice:
            if fails:
                raise LedgerError("disk full")
            return await callers.quota.draw(app_id, most)

        callers.pace = Pace(draw)
        results = await asyncio.gather(callers.call("a"), callers.call("b"), return_exceptions=True)
        assert [str(result) for result in results] == ["disk full", "disk full"]
        fails = False
        await callers.call("c")
        assert callers.names == ["c"]

    run_virtual(scene())


def test_busy_callers_draw_in_slices_and_lone_ones_call_by_call() -> None:
    """S15: in slices of at most a second, and only as many call times as will be used."""

    async def scene() -> None:
        callers = Callers()
        await asyncio.gather(*(callers.call(str(number)) for number in range(40)))
        assert callers.quota.drawn == 10
        assert [time for _, time in callers.log] == pytest.approx([number * STEP for number in range(40)], abs=1e-3)
        for _ in range(5):
            await asyncio.sleep(2)
            await callers.call("lone")
        assert callers.quota.drawn == 15

    run_virtual(scene())


def test_callers_that_come_one_by_one_at_a_steady_rate_draw_in_slices() -> None:
    async def scene() -> None:
        callers = Callers()
        for number in range(80):
            await asyncio.sleep(0.12)
            await callers.call(str(number))
        assert callers.quota.drawn < 45
        gaps = [later - earlier for (_, earlier), (_, later) in itertools.pairwise(callers.log)]
        assert min(gaps) >= STEP - 1e-6

    run_virtual(scene())


def test_processes_that_draw_slices_keep_the_rate_together() -> None:
    async def scene() -> None:
        one, other = Callers(), Callers()
        other.quota = one.quota
        other.pace = Pace(one.quota.draw, one.quota.slow)
        await asyncio.gather(*(who.call(str(number)) for number in range(30) for who in (one, other)))
        times = sorted(time for who in (one, other) for _, time in who.log)
        assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= STEP - 1e-5
        assert times[-1] <= 59 * STEP + 3 * STEP, "at most what is left of one slice is lost"

    run_virtual(scene())


def test_a_ledger_that_answers_late_brings_no_two_calls_together() -> None:
    async def scene() -> None:
        callers = Callers()

        async def slowly(app_id: str, most: int) -> Slice:
            drawn = await callers.quota.draw(app_id, most)
            await asyncio.sleep(0.7)
            return drawn

        callers.pace = Pace(slowly)
        await asyncio.gather(*(callers.call(str(number)) for number in range(12)))
        gaps = [later - earlier for (_, earlier), (_, later) in itertools.pairwise(callers.log)]
        assert min(gaps) >= STEP - 1e-6

    run_virtual(scene())


def test_a_429_ends_the_slice_in_hand() -> None:
    async def scene() -> None:
        callers = Callers()
        first = [callers.start(str(number)) for number in range(8)]
        await first[0]
        await callers.pace.slow(APP)
        before = callers.quota.drawn
        await first[1]
        assert callers.quota.drawn == before + 1
        await asyncio.gather(*first)

    run_virtual(scene())


def test_a_429_is_passed_on() -> None:
    async def scene() -> None:
        callers = Callers()
        await callers.pace.slow(APP)
        assert callers.quota.throttled == [APP]
        await Pace(callers.quota.draw).slow(APP)
        assert callers.pace.waiting(APP).total() == 0

    run_virtual(scene())


def test_a_ticket_is_good_for_one_call_at_once() -> None:
    async def scene() -> None:
        callers = Callers()
        ticket = await callers.pace.turn(APP, Band.POLL)
        await callers.pace.admit(APP, Rank(Band.POLL, (), ticket))
        assert asyncio.get_running_loop().time() == 0
        await callers.pace.admit(APP, Rank(Band.POLL, (), ticket))
        assert asyncio.get_running_loop().time() == pytest.approx(STEP, abs=1e-4)
        assert callers.quota.drawn == 2

    run_virtual(scene())


def test_tickets_that_were_held_up_do_not_leave_in_a_burst() -> None:
    async def scene() -> None:
        callers = Callers()
        tickets = [await callers.pace.turn(APP, Band.POLL) for _ in range(5)]
        await asyncio.sleep(10)

        async def send(rank: Rank) -> float:
            await callers.pace.admit(APP, rank)
            return asyncio.get_running_loop().time()

        times = await asyncio.gather(*(send(Rank(Band.POLL, (), ticket)) for ticket in tickets))
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert gaps == pytest.approx([STEP] * 4, abs=1e-4)

    run_virtual(scene())


def test_a_ticket_that_is_given_back_goes_to_the_next() -> None:
    async def scene() -> None:
        callers = Callers()
        ticket = await callers.pace.turn(APP, Band.POLL)
        waiting = callers.start("next")
        await asyncio.sleep(0.01)
        callers.pace.give_back(ticket)
        callers.pace.give_back(ticket)
        await waiting
        assert callers.names == ["next"]
        assert callers.log[0][1] == pytest.approx(0.01)

    run_virtual(scene())


def test_a_ticket_that_is_given_back_late_or_used_is_nobodys() -> None:
    async def scene() -> None:
        callers = Callers()
        used = await callers.pace.turn(APP, Band.POLL)
        await callers.pace.admit(APP, Rank(Band.POLL, (), used))
        late = await callers.pace.turn(APP, Band.POLL)
        await asyncio.sleep(0.06)
        waiting = callers.start("next")
        await asyncio.sleep(0)
        callers.pace.give_back(used)
        callers.pace.give_back(late)
        await waiting
        assert callers.names == ["next"]
        assert callers.log[0][1] == pytest.approx(2 * STEP, abs=1e-4)

    run_virtual(scene())
