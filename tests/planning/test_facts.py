"""What is learnt by doing nothing."""

from reconciler.model import Backoff, Rest
from reconciler.planning.actions import Because, Hold
from reconciler.planning.facts import rested
from tests.planning.situations import at, ended, entry, session

KEEPS_ENDING = Backoff(5, at(300), "it keeps ending")
NOBODY = Hold(None, Because.EMPTY, "nobody is there")


def test_an_empty_channel_explains_why_it_kept_ending() -> None:
    page = rested(entry(session(ended("idle")), backoff=KEEPS_ENDING), NOBODY, at(60))

    assert (page.backoff, page.rest) == (None, Rest("Empty", "nobody is there", None, at(60)))
    assert rested(page, NOBODY, at(120)) is page, "the same again is nothing to write"


def test_any_other_rest_leaves_the_backoff_as_it_is() -> None:
    page = entry(session(ended()), backoff=KEEPS_ENDING)

    assert rested(page, Hold(at(300), Because.BACKOFF, "it keeps ending"), at(60)) is page, "the entry tells it itself"
    full = rested(page, Hold(at(90), Because.NO_ROOM, "no room"), at(60))
    assert (full.backoff, full.rest) == (KEEPS_ENDING, Rest("NoRoom", "no room", at(90), at(60)))
    assert rested(full, Hold(None, Because.CONVERGED, "as declared"), at(70)).rest is None
