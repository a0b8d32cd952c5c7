"""Every way of breaking the product can still be made. What catches each: `python -m tests.simulation.mutations`."""

import pytest

from tests.simulation.mutations import MUTATIONS, Mutation, broken


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.words)
def test_it_still_changes_something_that_runs(mutation: Mutation) -> None:
    compile(broken(mutation), mutation.where, "exec")
    assert mutation.old != mutation.new
