"""At least five hundred lives within the suite, the same ones each time; `make proof` lives many more."""

import pytest

from tests.simulation.drawing import draw
from tests.simulation.life import Told
from tests.simulation.wishes import from_pieces, from_text
from tests.simulation.workers import live_through

SEEDS, CHUNK = 500, 50


@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_life_violates_a_promise(first: int) -> None:
    tally = live_through(range(first, first + CHUNK), processes=1)
    assert tally.is_clean, "\n".join(tally.lines())
    assert tally.seeds == CHUNK


def test_lives_are_eventful() -> None:
    """What is calm proves nothing."""
    tally = live_through(range(1000, 1040), processes=1)
    assert tally.recordings >= 4 * tally.seeds
    assert tally.calls >= 60 * tally.seeds
    assert tally.faults >= 5 * tally.seeds


def test_the_same_seed_lives_the_same_life() -> None:
    first, second = ({told.seed: told.digest for told in _told(range(2000, 2010))} for _ in range(2))
    assert first == second
    assert len(set(first.values())) == len(first)


def _told(seeds: range) -> list[Told]:
    return live_through(seeds, processes=1).told


def test_pieces_make_what_text_makes() -> None:
    for seed in range(20):
        for moment in draw(seed).moments:
            pieces, text = from_pieces(moment.model), from_text(moment.model)
            assert [one.spec for one in pieces.recordings] == [one.spec for one in text.recordings]
            assert [one.renamed_from for one in pieces.recordings] == [one.renamed_from for one in text.recordings]
