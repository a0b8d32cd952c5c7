"""S11: who is in a channel, by table; and what holds for every sequence of reads."""

from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.evidence import UserList
from reconciler.planning.occupancy import Asked, Census, Listing, Presence
from tests.planning.situations import at

INTERVAL = 15.0
GOOD_FOR = 3 * INTERVAL
RANGE = (2_000_000_000, 2_147_483_647)
OURS = frozenset({"900001"})
ROOM = Asked("communication", OURS)
SHOW = Asked("live", OURS)
NEW = Census(RANGE, timedelta(seconds=GOOD_FOR))


def after(*reads: tuple[float, int | UserList | None], asked: Asked = ROOM) -> Census:
    """Take in reads of the channel `room`: its count, its user list, or None for a read that did not answer."""
    census = NEW
    for seconds, said in reads:
        if isinstance(said, UserList):
            census = census.named("room", UserList(at(seconds), said.hosts, said.audience), asked)
        elif said is not None:
            census = census.counted(Listing(at(seconds), {"room": said} if said else {}), {"room": asked})
    return census


def users(*hosts: str, audience: tuple[str, ...] = ()) -> UserList:
    return UserList(at(0), frozenset(hosts), frozenset(audience))


OCCUPIED, EMPTY, UNKNOWN = Presence

TABLE: list[tuple[str, Census, float, Presence]] = [
    # A row is a situation, the census, the moment, and what is believed then.
    ("nothing read: unknown", NEW, 0, UNKNOWN),
    ("more users than recorders of ours: occupied at the first read", after((0, 2)), 0, OCCUPIED),
    ("no recorder of ours: one user is enough", after((0, 1), asked=Asked("communication")), 0, OCCUPIED),
    ("one empty read: not believed", after((0, 0)), 0, UNKNOWN),
    ("two empty reads in a row: empty", after((0, 0), (15, 0)), 15, EMPTY),
    ("one empty read after somebody was there: still occupied", after((0, 2), (15, 0)), 15, OCCUPIED),
    ("two empty reads after somebody was there: empty", after((0, 2), (15, 0), (30, 0)), 30, EMPTY),
    ("somebody between two empty reads: not in a row", after((0, 0), (15, 2), (30, 0)), 30, OCCUPIED),
    ("somebody came after it was empty: occupied at once", after((0, 0), (15, 0), (30, 2)), 30, OCCUPIED),
    ("a read without an answer between two empty ones: in a row", after((0, 0), (15, None), (30, 0)), 30, EMPTY),
    ("three intervals between two empty reads: in a row", after((0, 0), (45, 0)), 45, EMPTY),
    ("more than three: the first is too old", after((0, 0), (46, 0)), 46, UNKNOWN),
    ("the same read twice is one", after((0, 0), (0, 0)), 0, UNKNOWN),
    ("an older read says nothing new", after((15, 2), (0, 0), (1, 0)), 15, OCCUPIED),
    # Age:
    ("no answer changes nothing for three intervals: occupied", after((0, 2)), 45, OCCUPIED),
    ("a person seen longer ago than three intervals: unknown", after((0, 2)), 46, UNKNOWN),
    ("no answer changes nothing for three intervals: empty", after((0, 0), (15, 0)), 60, EMPTY),
    ("empty longer ago than three intervals: unknown", after((0, 0), (15, 0)), 61, UNKNOWN),
    ("one empty read does not make a person look younger", after((0, 2), (30, 0)), 46, UNKNOWN),
    ("two empty reads long after a person: empty", after((0, 2), (30, 0), (60, 0)), 60, EMPTY),
    ("one empty read long after a person: unknown", after((0, 2), (46, 0)), 46, UNKNOWN),
    ("a clock a moment behind the read: believed", after((1, 2)), 0, OCCUPIED),
    # Recorders of ours may be in the count:
    ("as many users as recorders of ours: says nothing", after((0, 1)), 0, UNKNOWN),
    ("as many users as recorders of ours: changes nothing", after((0, 0), (15, 0), (30, 1)), 30, EMPTY),
    ("the user list names only our recorder: empty, by two reads", after((0, 1), (1, users("900001"))), 1, UNKNOWN),
    ("an empty list and one with our recorder: empty", after((0, 0), (15, 1), (16, users("900001"))), 16, EMPTY),
    ("the user list names a person: occupied", after((0, 1), (1, users("5"))), 1, OCCUPIED),
    ("a person beside our recorder: occupied", after((0, 1), (1, users("5", "900001"))), 1, OCCUPIED),
    ("a uid of the range is a recorder, of whatever ledger", after((0, users("2000000000")), (1, users())), 1, EMPTY),
    ("so is the last of the range", after((0, users("2147483647")), (1, users())), 1, EMPTY),
    ("a uid below the range is a person", after((0, users("1999999999"))), 0, OCCUPIED),
    ("a uid above the range is a person", after((0, users("2147483648"))), 0, OCCUPIED),
    ("audience in a channel declared as communication: somebody", after((0, users(audience=("6",)))), 0, OCCUPIED),
    # Live channels:
    ("live, nobody in it: empty", after((0, 0), (15, 0), asked=SHOW), 15, EMPTY),
    ("live, many in it: the count says nothing of hosts", after((0, 99), asked=SHOW), 0, UNKNOWN),
    ("live with a host: occupied", after((0, 2), (1, users("5", audience=("6",))), asked=SHOW), 1, OCCUPIED),
    ("live with audience only: empty", after((0, 0), (15, users(audience=("6",))), asked=SHOW), 15, EMPTY),
    ("live with our recorder as host: empty", after((0, 0), (15, users("900001")), asked=SHOW), 15, EMPTY),
]


@pytest.mark.parametrize(
    ("census", "seconds", "expected"), [row[1:] for row in TABLE], ids=[row[0].replace(" ", "_") for row in TABLE]
)
def test_what_is_believed(census: Census, seconds: float, expected: Presence) -> None:
    assert census.presence("room", at(seconds)) is expected


CLEAR = [
    ("nobody", ROOM, 0),
    ("more than recorders of ours", ROOM, 2),
    ("one where no recorder of ours can be", Asked("communication"), 1),
    ("nobody in a live channel", SHOW, 0),
]
UNCLEAR = [
    ("as many as recorders of ours", ROOM, 1),
    ("fewer than recorders of ours", Asked("communication", frozenset({"1", "2"})), 1),
    ("one in a live channel", Asked("live"), 1),
    ("many in a live channel", SHOW, 99),
]


@pytest.mark.parametrize(("asked", "count"), [row[1:] for row in CLEAR], ids=[row[0] for row in CLEAR])
def test_a_count_that_tells_needs_no_user_list(asked: Asked, count: int) -> None:
    assert after((0, count), asked=asked).unclear == ()


@pytest.mark.parametrize(("asked", "count"), [row[1:] for row in UNCLEAR], ids=[row[0] for row in UNCLEAR])
def test_a_count_that_does_not_tell_needs_the_user_list(asked: Asked, count: int) -> None:
    assert after((0, count), asked=asked).unclear == ("room",)


def test_a_channel_that_is_not_listed_is_read_as_empty_and_others_do_not_matter() -> None:
    listing = Listing(at(0), {"other": 5})
    census = NEW.counted(listing, {"room": ROOM})
    census = census.counted(Listing(at(15), {"other": 5}), {"room": ROOM})
    assert census.presence("room", at(15)) is EMPTY
    assert census.presence("other", at(15)) is UNKNOWN


def test_what_is_not_asked_for_any_more_is_forgotten() -> None:
    census = after((0, 2)).counted(Listing(at(15), {"room": 2, "hall": 1}), {"hall": Asked("communication")})
    assert census.presence("room", at(15)) is UNKNOWN
    assert census.presence("hall", at(15)) is OCCUPIED
    assert after((0, 2)).uncounted({"hall": ROOM}).presence("room", at(0)) is UNKNOWN


def test_without_a_read_everything_is_unclear_and_what_is_known_stays() -> None:
    census = after((0, 2)).uncounted({"room": ROOM, "hall": ROOM})
    assert census.unclear == ("room", "hall")
    assert census.presence("room", at(0)) is OCCUPIED


# -- for every sequence of reads


@dataclass(frozen=True)
class Read:
    """What one read has truly shown, and when."""

    seconds: float
    somebody: bool
    by_list: bool  # told by the user list, not by the count


@st.composite
def reads(draw: st.DrawFn) -> tuple[list[Read], float]:
    gaps = draw(st.lists(st.floats(0.001, 4 * INTERVAL), max_size=8))
    seconds, found = 0.0, []
    for gap in gaps:
        seconds += gap
        found.append(Read(seconds, draw(st.booleans()), draw(st.booleans())))
    return found, seconds + draw(st.floats(0, 4 * INTERVAL))


def said(read: Read) -> tuple[float, int | UserList]:
    if read.by_list:
        return read.seconds, users("5", "900001") if read.somebody else users("900001")
    return read.seconds, 2 if read.somebody else 0


@given(reads())
def test_emptiness_needs_two_reads_in_a_row_and_a_person_only_one(history: tuple[list[Read], float]) -> None:
    found, now = history
    presence = after(*map(said, found)).presence("room", at(now))
    recent = timedelta(seconds=GOOD_FOR)
    newest = found[-1] if found else None
    if newest is not None and newest.somebody and at(now) - at(newest.seconds) <= recent:
        assert presence is OCCUPIED
    if presence is EMPTY:
        first, second = found[-2:]
        assert not first.somebody
        assert not second.somebody
        assert at(second.seconds) - at(first.seconds) <= recent
    if presence is OCCUPIED:
        assert any(one.somebody for one in found[-2:])
        person = next(one for one in reversed(found) if one.somebody)
        assert at(now) - at(person.seconds) <= recent
    if presence is not UNKNOWN:
        assert newest is not None
        assert at(now) - at(newest.seconds) <= recent
    elif found and at(now) - at(found[-1].seconds) <= recent:
        # Unknown in spite of a read that is young enough: it was the first empty one.
        assert not found[-1].somebody
        assert len(found) == 1 or found[-2].somebody or at(found[-1].seconds) - at(found[-2].seconds) > recent


@given(reads())
def test_reads_that_say_nothing_change_nothing(history: tuple[list[Read], float]) -> None:
    found, now = history
    plain: list[tuple[float, int | UserList | None]] = [said(one) for one in found]
    with_silence: list[tuple[float, int | UserList | None]] = []
    for (seconds, told), (following, _) in pairwise([*plain, (now, None)]):
        with_silence += [(seconds, told), ((seconds + following) / 2, 1)]
    for seconds in (now, now + INTERVAL):
        silent = after(*with_silence).presence("room", at(seconds))
        assert silent is after(*plain).presence("room", at(seconds))
