"""The gate of an App ID (S8): one probe per backoff, doubling, opened by the prober's answer alone."""

from datetime import timedelta

import pytest

from reconciler.controller.gates import Gates
from reconciler.model import Key
from reconciler.planning.rules import Rules
from reconciler.planning.situation import OPEN_GATE, Gate
from tests.planning.situations import APP, at

RULES = Rules(backoff_base=timedelta(seconds=10), backoff_max=timedelta(seconds=35))
ONE, OTHER = Key("default", "one"), Key("default", "other")


@pytest.fixture
def gates() -> Gates:
    gates = Gates()
    gates.refuse(APP, "401", at(0), RULES)
    return gates


def test_an_app_that_nobody_refused_is_open() -> None:
    assert Gates().of(APP, at(0), ONE) is OPEN_GATE


def test_a_refusal_keeps_everybody_of_that_app_back_and_nobody_else(gates: Gates) -> None:
    assert gates.of(APP, at(1), ONE) == Gate(refused="401", refused_until=at(10))
    assert gates.of("b" * 32, at(1), ONE) is OPEN_GATE
    assert gates.refused() == {APP: "401"}


def test_nobody_probes_before_the_backoff_is_over_and_one_does_then(gates: Gates) -> None:
    assert not gates.let_probe(APP, ONE, at(9))
    assert gates.let_probe(APP, ONE, at(10))
    assert not gates.let_probe(APP, OTHER, at(10))
    assert gates.of(APP, at(10), ONE) is OPEN_GATE
    assert gates.of(APP, at(10), OTHER) == Gate(refused="401", refused_until=at(20))


def test_a_probe_that_had_nothing_to_call_about_is_another_s(gates: Gates) -> None:
    gates.let_probe(APP, ONE, at(10))
    gates.give_up_probe(APP, OTHER)
    assert not gates.let_probe(APP, OTHER, at(10))
    gates.give_up_probe(APP, ONE)
    assert gates.let_probe(APP, OTHER, at(10))


def test_each_refused_probe_doubles_the_wait_up_to_the_longest(gates: Gates) -> None:
    due, waits = 10.0, []
    for _ in range(4):
        assert gates.let_probe(APP, ONE, at(due))
        gates.refuse(APP, "401", at(due), RULES)
        until = gates.of(APP, at(due), ONE).refused_until
        assert until is not None
        waits.append((until - at(due)).total_seconds())
        due += waits[-1]
    assert waits == [20, 35, 35, 35]


def test_calls_that_left_before_the_gate_closed_lengthen_nothing(gates: Gates) -> None:
    for second in range(5):
        gates.refuse(APP, "401", at(second), RULES)
    assert gates.of(APP, at(5), ONE).refused_until == at(10)


def test_only_the_answer_to_the_prober_opens_it(gates: Gates) -> None:
    assert not gates.answered(APP, ONE)
    gates.let_probe(APP, ONE, at(10))
    assert not gates.answered(APP, OTHER)
    gates.open_room(APP)
    assert gates.refused() == {APP: "401"}
    assert gates.answered(APP, ONE)
    assert (gates.of(APP, at(11), OTHER), gates.refused()) == (OPEN_GATE, {})
    gates.refuse(APP, "401", at(20), RULES)
    assert gates.of(APP, at(20)).refused_until == at(30)  # anew from the shortest


def test_a_changed_account_begins_anew(gates: Gates) -> None:
    gates.forget(frozenset({APP, "b" * 32}))
    assert gates.of(APP, at(1), ONE) is OPEN_GATE


def test_without_room_starts_wait_and_nobody_probes() -> None:
    gates = Gates()
    gates.no_room(APP, at(0), RULES)
    assert gates.of(APP, at(1), ONE) == Gate(full_until=at(10))
    assert (gates.refused(), gates.let_probe(APP, ONE, at(10)), gates.answered(APP, ONE)) == ({}, False, False)
    gates.no_room(APP, at(10), RULES)
    assert gates.of(APP, at(11), ONE) == Gate(full_until=at(30))
    gates.open_room(APP)
    assert gates.of(APP, at(11), ONE) is OPEN_GATE


def test_a_refusal_counts_apart_from_what_had_no_room(gates: Gates) -> None:
    gates.no_room(APP, at(1), RULES)
    assert gates.of(APP, at(1), ONE) == Gate(full_until=at(11))
    gates.refuse(APP, "405", at(2), RULES)
    assert gates.of(APP, at(2), ONE) == Gate(refused="405", refused_until=at(12))
