"""Documents: whatever the model can say comes back as it was, and nothing else is read."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.ledger import documents
from reconciler.ledger.documents import DocumentError
from reconciler.model import Entry, Event, Session, SessionState
from tests.ledger.pages import NOW, STANDUP, anything, page, session


@given(anything(Entry))
def test_any_entry_comes_back_as_it_was(entry: Entry) -> None:
    assert documents.read_entry(entry.key, *documents.write("entry", Entry, entry.key, entry)) == entry


@given(anything(Event))
def test_any_event_comes_back_as_it_was(event: Event) -> None:
    assert documents.read_event(event.key, *documents.write("event", Event, event.key, event)) == event


@pytest.mark.parametrize("state", get_args(SessionState), ids=lambda state: state.__name__)
@given(st.data())
def test_every_state_of_a_session_comes_back_as_it_was(state: type, data: st.DataObject) -> None:
    one = session(state=data.draw(anything(state)))
    read = documents.read_session(STANDUP, *documents.write("session", Session, STANDUP, one))
    assert read == one
    assert type(read.state) is state


def damaged(change: dict[str, Any]) -> str:
    document, _ = documents.write("entry", Entry, STANDUP, page(STANDUP, session()))
    return json.dumps({**json.loads(document), **change})


@pytest.mark.parametrize(
    "document",
    [
        "",
        "{",
        "null",
        "[]",
        damaged({"next_number": "1"}),
        damaged({"next_number": True}),
        damaged({"next_number": None}),
        damaged({"from_the_future": 1}),
        damaged({"on_removal": "explode"}),
        damaged({"sessions": {}}),
        damaged({"sessions": [{}]}),
        damaged({"sessions": [{"state": {"kind": "unheard-of"}}]}),
        damaged({"uids": {"Z": {"app_id": "a", "channel": "c", "uid": "1"}}}),
        damaged({"backoff": {"failures": 1, "until": "2026-01-01T00:00:00", "reason": "a time without a zone"}}),
        damaged({"backoff": {"failures": 1, "until": "soon", "reason": ""}}),
    ],
)
def test_a_document_that_does_not_fit_is_refused_by_name(document: str) -> None:
    with pytest.raises(DocumentError, match="entry of standup"):
        documents.read_entry(STANDUP, document, documents.checksum(STANDUP, document))


def test_a_document_belongs_to_its_key() -> None:
    document, check = documents.write("entry", Entry, STANDUP, page())
    with pytest.raises(DocumentError, match="checksum"):
        documents.read_entry(replace(STANDUP, name="standuq"), document, check)


def test_a_field_that_an_older_version_did_not_know_takes_its_default() -> None:
    document = '{"labels": {"team": "core"}}'
    read = documents.read_entry(STANDUP, document, documents.checksum(STANDUP, document))
    assert read == Entry(STANDUP, labels={"team": "core"})


@pytest.mark.parametrize(
    "wrong",
    [
        replace(page(), next_number="1"),  # type: ignore[arg-type]
        replace(page(), sessions=[]),  # type: ignore[arg-type]
        page(STANDUP, replace(session(), opened_at=datetime(2026, 1, 1))),
        page(STANDUP, replace(session(), state=None)),  # type: ignore[arg-type]
        page(STANDUP, replace(session(), applied=replace(session().applied, spec={"at": NOW}))),
        page(STANDUP, replace(session(), applied=replace(session().applied, spec={"fps": float("nan")}))),
    ],
)
def test_what_could_not_be_read_again_is_not_written(wrong: Entry) -> None:
    with pytest.raises(DocumentError, match="entry of standup cannot be written down"):
        documents.write("entry", Entry, STANDUP, wrong)


def test_times_sort_as_texts() -> None:
    early, late = NOW, NOW.replace(microsecond=1)
    assert documents.stamp(early) < documents.stamp(late)
    assert documents.unstamp(documents.stamp(late)) == late
