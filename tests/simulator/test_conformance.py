"""That every published observation of the service is either repeated by a test or left out for a reason."""

import re

from tests.simulator import test_conformance_running, test_conformance_starting, test_conformance_webhooks

LEFT_OUT = {
    "C15": "why that body was refused is unknown; there is nothing to repeat",
    "C20": "the world reads no tokens, it is told which are bad: the same as C19",
    "C27": "moderation services are withdrawn; reading such a body belongs to tests/agora",
    "C56": "signing belongs to the sender and the receiver of webhooks, and the world sends nothing",
}


def test_every_case_is_tested_or_left_out_for_a_reason() -> None:
    modules = (test_conformance_starting, test_conformance_running, test_conformance_webhooks)
    names = [name for module in modules for name in vars(module)]
    tested = {match[1].upper() for name in names if (match := re.match(r"test_(c\d\d)_", name))}

    assert tested | set(LEFT_OUT) == {f"C{number:02}" for number in range(1, 57)}
    assert not tested & set(LEFT_OUT)
