"""The plan of faults: how it is written, and what each fault does to a call."""

import asyncio
import json

import pytest

from reconciler.simulator.exchange import Exchange, Lost, Refused, Request
from reconciler.simulator.faults import Delay, FaultPlan, Lose, Refuse, Replace, Truncate, parse_fault, parse_faults
from reconciler.simulator.replies import Reply
from tests.simulator.driver import APP, AUTHORIZATION, T0, Driver, driver
from tests.virtual_time import run_virtual

HEADERS = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}


def acquire(cname: str = "room1") -> Request:
    body = {"cname": cname, "uid": "1", "clientRequest": {}}
    return Request("POST", f"/v1/apps/{APP}/cloud_recording/acquire", HEADERS, json.dumps(body).encode())


def call(service: Driver, faults: FaultPlan, request: Request) -> tuple[Reply | Refused | Lost, float, float]:
    """The outcome, when it came, and when the world saw the call (or -1); seconds from now."""

    async def main() -> tuple[Reply | Refused | Lost, float, float]:
        loop = asyncio.get_running_loop()
        outcome = await Exchange(service.world, faults, lambda: T0 + loop.time()).call(request)
        seen = [logged.at - T0 for logged in service.world.calls]
        return outcome, loop.time(), round(seen[-1], 3) if seen else -1

    return run_virtual(main())


def test_without_faults_a_call_is_answered_at_once() -> None:
    outcome, at, seen = call(driver(), FaultPlan(), acquire())

    assert isinstance(outcome, Reply)
    assert (outcome.status, at, seen) == (200, 0, 0)


def test_a_refused_connection_is_unknown_to_the_world() -> None:
    assert call(driver(), parse_faults("acquire refuse"), acquire()) == (Refused(), 0, -1)


def test_a_refusal_with_a_status_is_unknown_to_the_world() -> None:
    outcome, _, seen = call(driver(), parse_faults("acquire refuse 429"), acquire())

    assert isinstance(outcome, Reply)
    assert (outcome.status, json.loads(outcome.body), seen) == (429, {"message": "API rate limit exceeded"}, -1)


def test_a_lost_answer_belongs_to_a_call_that_happened() -> None:
    assert call(driver(), parse_faults("acquire lose"), acquire()) == (Lost(), 0, 0)


def test_a_delay_before_is_seen_late_and_a_delay_after_is_answered_late() -> None:
    _, before, seen_late = call(driver(), parse_faults("acquire delay 2.5"), acquire())
    _, after, seen_early = call(driver(), parse_faults("acquire delay 2.5 after"), acquire())

    assert (before, seen_late, after, seen_early) == (2.5, 2.5, 2.5, 0)


def test_a_replaced_answer_belongs_to_a_call_that_happened() -> None:
    outcome, _, seen = call(driver(), parse_faults("acquire replace 206/65"), acquire())

    assert isinstance(outcome, Reply)
    assert (outcome.status, json.loads(outcome.body)) == (206, {"code": 65, "reason": "request not completed"})
    assert seen == 0


def test_a_truncated_answer_is_cut() -> None:
    outcome, _, _ = call(driver(), parse_faults("acquire truncate 5"), acquire())

    assert isinstance(outcome, Reply)
    assert (outcome.status, len(outcome.body)) == (200, 5)


def test_several_faults_strike_one_call() -> None:
    assert call(driver(), parse_faults("acquire delay 3\nacquire delay 2 after\n* lose"), acquire()) == (Lost(), 5, 3)


def test_a_stop_waits_for_its_uploads_in_world_time() -> None:
    service = driver(upload_seconds=15.0)
    handle = service.record()
    service.after(20).live()
    body = {"cname": handle.cname, "uid": handle.uid, "clientRequest": {}}
    target = f"/v1/apps/{APP}/cloud_recording/{handle.path}/stop"

    _, at, _ = call(service, FaultPlan(), Request("POST", target, HEADERS, json.dumps(body).encode()))

    assert at == 15


@pytest.mark.parametrize(
    ("nth", "struck"),
    [("", [1, 2, 3, 4]), ("#2", [2]), ("#1,3", [1, 3]), ("#2-3", [2, 3]), ("#3-", [3, 4]), ("#1,4-", [1, 4])],
)
def test_occurrences_are_counted_from_1(nth: str, struck: list[int]) -> None:
    plan = parse_faults(f"start{nth} lose")

    assert [number for number in range(1, 5) if plan.strike("start", "room1")] == struck


def test_only_calls_that_fit_are_counted() -> None:
    plan = parse_faults("start#2 @room1 lose")

    calls = [("start", "room1"), ("stop", "room1"), ("start", "room2"), ("start", "room1")]
    assert [plan.strike(*one) for one in calls] == [[], [], [], [Lose()]]


def test_a_fault_may_be_added_while_it_runs() -> None:
    plan = FaultPlan()
    plan.add(parse_fault("query lose"))

    assert plan.strike("query", "") == [Lose()]


def test_lines_blank_lines_and_remarks() -> None:
    plan = parse_faults("# all of them\n\nstart#1 delay 3 # slow\n* @room1 truncate\nstop delay 1 before\n")

    assert [fault.effect for fault in plan.faults] == [Delay(3, after=False), Truncate(10), Delay(1, after=False)]


def test_json_is_the_same_in_two_forms() -> None:
    text = '["start#1 @room1 lose", {"call": "start", "nth": 1, "channel": "room1", "fault": "lose"}]'

    first, second = parse_faults(text).faults
    assert first == second == parse_fault("start#1 @room1 lose")


def test_an_answer_with_a_code_is_the_services_and_one_without_the_gateways() -> None:
    service, gateway = (parse_fault(f"start replace {answer}").effect for answer in ("504/62", "503"))

    assert isinstance(service, Replace)
    assert isinstance(gateway, Replace)
    assert json.loads(service.reply.body) == {"code": 62, "reason": "request timeout"}
    assert set(json.loads(gateway.reply.body)) == {"message"}
    assert parse_fault("start refuse").effect == Refuse(None)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("start", "line 1: 'start' is not of the form"),
        ("\nbegin lose", "line 2: unknown call 'begin'; known are acquire, start"),
        ("start explode", "unknown fault 'explode'; known are refuse"),
        ("start delay", "unknown fault 'delay'"),
        ("start delay soon", "'soon' is no number"),
        ("start delay 3 later", "unknown fault"),
        ("start refuse 99", "'99' is no answer; write a status as in 503"),
        ("start#0 lose", "'0' is no count of calls"),
        ("start#x lose", "'x' is no count of calls"),
        ("[1]", "entry 1: expected a text or an object"),
        ("[", "no valid JSON"),
        ('[{"call": "start"}]', "expected the keys call, fault"),
        ('[{"call": "start", "fault": "lose", "when": 1}]', "expected the keys call, fault"),
    ],
)
def test_a_bad_plan_says_what_is_wrong_and_where(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match="faults") as refusal:
        parse_faults(text)

    assert problem in str(refusal.value)
