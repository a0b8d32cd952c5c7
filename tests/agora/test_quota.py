"""S15: the arithmetic of call times."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.agora.quota import next_slot, slow_until

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=1 / 9.5)
SLOW_STEP = timedelta(seconds=1 / 8)


def test_the_first_call_leaves_at_once_and_the_next_an_interval_later() -> None:
    assert next_slot(NOW, None, None, 10) == (NOW, NOW + STEP)


def test_a_slot_ahead_is_waited_for() -> None:
    ahead = NOW + timedelta(milliseconds=300)
    assert next_slot(NOW, ahead, None, 10) == (ahead, ahead + STEP)


def test_what_was_not_used_is_lost_so_that_no_burst_follows_a_rest() -> None:
    assert next_slot(NOW, NOW - timedelta(hours=1), None, 10) == (NOW, NOW + STEP)


def test_after_429_the_rate_is_lower_for_a_minute() -> None:
    until = slow_until(NOW)
    assert next_slot(NOW, None, until, 10) == (NOW, NOW + SLOW_STEP)
    last = NOW + timedelta(seconds=59.9)
    assert next_slot(last, None, until, 10) == (last, last + SLOW_STEP)
    after = NOW + timedelta(seconds=60)
    assert next_slot(after, None, until, 10) == (after, after + STEP)


def test_a_slowdown_written_by_a_clock_that_jumped_does_not_count() -> None:
    assert next_slot(NOW, None, NOW + timedelta(days=1), 10) == (NOW, NOW + STEP)


def test_a_stored_time_more_than_32_intervals_ahead_is_a_clock_jump() -> None:
    assert next_slot(NOW, NOW + 33 * STEP, None, 10) == (NOW, NOW + STEP)
    ahead = NOW + 31 * STEP
    assert next_slot(NOW, ahead, None, 10) == (ahead, ahead + STEP)


@given(st.lists(st.floats(0, 3), min_size=2, max_size=60), st.floats(0.1, 100))
def test_two_slots_are_never_closer_than_the_interval(pauses: list[float], qps: float) -> None:
    now, next_at, slots = NOW, None, []
    for pause in pauses:
        now += timedelta(seconds=pause)
        slot_at, next_at = next_slot(now, next_at, None, qps)
        assert slot_at >= now
        slots.append(slot_at)
        if slot_at - now > timedelta(seconds=20 / (qps * 0.95)):
            now = slot_at
    steps = [later - earlier for earlier, later in itertools.pairwise(slots)]
    assert all(step >= timedelta(seconds=1 / (qps * 0.95)) for step in steps)
