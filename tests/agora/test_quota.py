"""S15: the arithmetic of call times."""

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from reconciler.agora.quota import MOST_AT_ONCE, Slice, next_slice, slow_until

NOW = datetime(2026, 1, 1, tzinfo=UTC)
STEP = timedelta(seconds=1 / 9.5)
SLOW_STEP = timedelta(seconds=1 / 8)


def test_the_first_call_leaves_at_once_and_the_next_an_interval_later() -> None:
    assert next_slice(NOW, None, None, 10) == (Slice(0, STEP.total_seconds()), NOW + STEP)


def test_a_slot_ahead_is_waited_for() -> None:
    ahead = NOW + timedelta(milliseconds=300)
    assert next_slice(NOW, ahead, None, 10) == (
        Slice((ahead - NOW).total_seconds(), STEP.total_seconds()),
        ahead + STEP,
    )


def test_what_was_not_used_is_lost_so_that_no_burst_follows_a_rest() -> None:
    assert next_slice(NOW, NOW - timedelta(hours=1), None, 10) == (Slice(0, STEP.total_seconds()), NOW + STEP)


def test_after_429_the_rate_is_lower_for_a_minute() -> None:
    until = slow_until(NOW)
    assert next_slice(NOW, None, until, 10) == (Slice(0, SLOW_STEP.total_seconds()), NOW + SLOW_STEP)
    last = NOW + timedelta(seconds=59.9)
    assert next_slice(last, None, until, 10) == (Slice(0, SLOW_STEP.total_seconds()), last + SLOW_STEP)
    after = NOW + timedelta(seconds=60)
    assert next_slice(after, None, until, 10) == (Slice(0, STEP.total_seconds()), after + STEP)


def test_a_slowdown_written_by_a_clock_that_jumped_does_not_count() -> None:
    assert next_slice(NOW, None, NOW + timedelta(days=1), 10) == (Slice(0, STEP.total_seconds()), NOW + STEP)


def test_a_stored_time_more_than_32_intervals_ahead_is_a_clock_jump() -> None:
    assert next_slice(NOW, NOW + 33 * STEP, None, 10) == (Slice(0, STEP.total_seconds()), NOW + STEP)
    ahead = NOW + 31 * STEP
    assert next_slice(NOW, ahead, None, 10) == (
        Slice((ahead - NOW).total_seconds(), STEP.total_seconds()),
        ahead + STEP,
    )


def test_a_slice_is_as_long_as_is_wished_four_calls_or_a_second() -> None:
    assert next_slice(NOW, None, None, 10, 3) == (Slice(0, STEP.total_seconds(), 3), NOW + 3 * STEP)
    assert next_slice(NOW, None, None, 10, 100)[0].count == MOST_AT_ONCE
    assert next_slice(NOW, None, None, 2, 100)[0].count == 1
    assert next_slice(NOW, None, None, 0.1, 100)[0].count == 1


@given(
    st.lists(st.tuples(st.floats(0, 3), st.integers(1, 9)), min_size=2, max_size=60),
    st.floats(0.1, 100),
)
def test_two_calls_are_never_closer_than_the_interval(draws: list[tuple[float, int]], qps: float) -> None:
    now, next_at, calls = NOW, None, []
    for pause, wished in draws:
        now += timedelta(seconds=pause)
        drawn, next_at = next_slice(now, next_at, None, qps, wished)
        assert drawn.wait >= 0
        assert 1 <= drawn.count <= wished
        calls += [now + timedelta(seconds=drawn.wait + number * drawn.step) for number in range(drawn.count)]
        if calls[-1] - now > timedelta(seconds=20 / (qps * 0.95)):
            now = calls[-1]
    steps = [later - earlier for earlier, later in itertools.pairwise(calls)]
    assert min(steps) >= timedelta(seconds=1 / (qps * 0.95)) - timedelta(microseconds=5)
