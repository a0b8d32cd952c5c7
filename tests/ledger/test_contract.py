"""What a ledger promises, whatever it is kept in and whichever thread does the work."""

import itertools
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from reconciler.errors import ClaimLostError, IdentityTakenError, LedgerError
from reconciler.ledger import Claim, ClaimedError, Ledger, RoomTakenError
from reconciler.ledger.standings import Declaration
from reconciler.model import Entry, Identity, Key
from reconciler.planning.standing import Standing
from tests.ledger.conftest import Opener
from tests.ledger.pages import APP, CONFIRMED, ENDED, INTENDED, NOW, RETRO, STANDUP, event, page, recording, session


async def claimed(ledger: Ledger, key: Key = STANDUP) -> Claim:
    claim = await ledger.claim(key)
    assert claim is not None
    return claim


# -- claims


async def test_a_living_holder_keeps_others_out_until_it_releases(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    claim = await claimed(ours)
    assert await theirs.claim(STANDUP) is None
    assert await theirs.claim(RETRO) is not None
    await ours.release(claim)
    assert await theirs.claim(STANDUP) is not None
    assert await ours.claim(STANDUP) is None


async def test_a_closed_ledger_holds_nothing(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    first = await claimed(ours)
    await ours.close()
    second = await claimed(theirs)
    assert second.generation > first.generation


async def test_saving_may_release(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    await ours.save(await claimed(ours), page(), release=True)
    assert await theirs.claim(STANDUP) is not None


async def test_a_claim_that_another_took_over_writes_nothing(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    late = await claimed(ours)
    await ours.close()
    await theirs.save(await claimed(theirs), page(STANDUP, session()))
    again = await opener()
    with pytest.raises(ClaimLostError, match="standup"):
        await again.save(late, page(), [event()])
    assert await again.entry(STANDUP) == page(STANDUP, session())
    assert await again.events() == ()


async def test_claiming_again_voids_the_older_claim_of_the_same_holder(ledger: Ledger) -> None:
    older, newer = await claimed(ledger), await claimed(ledger)
    with pytest.raises(ClaimLostError):
        await ledger.save(older, page())
    await ledger.release(older)
    await ledger.save(newer, page())


async def test_a_released_claim_writes_nothing(ledger: Ledger) -> None:
    claim = await claimed(ledger)
    await ledger.release(claim)
    await ledger.release(claim)
    with pytest.raises(ClaimLostError):
        await ledger.save(claim, page())


async def test_a_claim_alone_makes_no_entry(ledger: Ledger) -> None:
    await ledger.claim(STANDUP)
    assert await ledger.entry(STANDUP) is None
    assert await ledger.entries() == {}


# -- entries


async def test_an_entry_is_read_as_it_was_saved_by_every_holder(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    entry = page(STANDUP, session(1, ENDED), session(2))
    await ours.save(await claimed(ours), entry)
    assert await theirs.entry(STANDUP) == entry
    assert await theirs.entries("default") == {STANDUP: entry}


async def test_entries_are_those_of_the_set_in_the_order_of_their_names(ledger: Ledger) -> None:
    keys = [Key("default", "b"), Key("default", "a"), Key("other", "c")]
    for key in keys:
        await ledger.save(await claimed(ledger, key), recording(key))
    assert list(await ledger.entries("default")) == [keys[1], keys[0]]
    assert list(await ledger.entries()) == [keys[1], keys[0], keys[2]]
    assert await ledger.entries("nobody's") == {}


async def test_what_is_saved_last_stands(ledger: Ledger) -> None:
    claim = await claimed(ledger)
    await ledger.save(claim, page(STANDUP, session(1, INTENDED)))
    changed = replace(page(STANDUP, session(1, CONFIRMED)), restarts=3, labels={"team": "core"})
    await ledger.save(claim, changed)
    assert await ledger.entry(STANDUP) == changed
    assert await ledger.sessions(STANDUP) == ((STANDUP, session(1, CONFIRMED)),)


async def test_an_entry_may_not_leave_out_an_open_session(ledger: Ledger) -> None:
    claim = await claimed(ledger)
    await ledger.save(claim, page(STANDUP, session(1), session(2, uid="3")))
    with pytest.raises(LedgerError, match="leaves out its open session 2"):
        await ledger.save(claim, page(STANDUP, session(1)))
    assert await ledger.entry(STANDUP) == page(STANDUP, session(1), session(2, uid="3"))


async def test_what_cannot_be_written_down_is_refused_whole(ledger: Ledger) -> None:
    claim = await claimed(ledger)
    with pytest.raises(LedgerError, match="event of standup cannot be written down"):
        await ledger.save(claim, page(STANDUP, session()), [event(), replace(event(), message=7)])  # type: ignore[arg-type]
    assert await ledger.entry(STANDUP) is None
    assert await ledger.sessions() == ()
    assert await ledger.events() == ()


# -- identities and room


async def test_an_identity_has_one_open_session(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    other = Key("other", "retro")
    await ours.save(await claimed(ours), page(STANDUP, session()))
    with pytest.raises(IdentityTakenError, match="default/standup"):
        await theirs.save(await claimed(theirs, other), page(other, session()), [event(other)])
    assert await theirs.entry(other) is None
    assert await theirs.owner_of(session().identity) == STANDUP
    assert await theirs.events(other) == ()


async def test_an_ended_session_frees_its_identity_for_its_successor_and_for_others(ledger: Ledger) -> None:
    claim = await claimed(ledger)
    await ledger.save(claim, page(STANDUP, session(1)))
    await ledger.save(claim, page(STANDUP, session(1, ENDED), session(2)))
    await ledger.save(claim, page(STANDUP, session(1, ENDED), session(2, ENDED)))
    assert await ledger.owner_of(session().identity) is None
    await ledger.save(await claimed(ledger, RETRO), page(RETRO, session()))
    assert await ledger.owner_of(session().identity) == RETRO


async def test_identities_differ_by_any_part(ledger: Ledger) -> None:
    one = session()
    entry = page(STANDUP, one, session(2, uid="3"), session(3, channel="retro"))
    other_app = replace(session(4), identity=replace(one.identity, app_id="b" * 32))
    await ledger.save(await claimed(ledger), entry.with_session(other_app))
    assert await ledger.owner_of(Identity("c" * 32, "standup", "2")) is None
    assert await ledger.open_recorders(APP) == 3
    assert await ledger.open_recorders("b" * 32) == 1


async def test_room_is_counted_over_all_holders(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    await ours.save(await claimed(ours), recording(STANDUP), room=(APP, 2))
    await theirs.save(await claimed(theirs, RETRO), recording(RETRO), room=(APP, 2))
    third = Key("default", "third")
    with pytest.raises(RoomTakenError, match="2 recorders"):
        await ours.save(await claimed(ours, third), recording(third), room=(APP, 2))
    assert await ours.entry(third) is None
    assert await ours.open_recorders(APP) == 2
    await ours.save(await claimed(ours, third), recording(third), room=("another app", 0))


# -- history


async def test_sessions_outlive_their_entry_s_page(ledger: Ledger) -> None:
    claim = await claimed(ledger)
    for number in range(1, 5):
        kept = [session(number - 1, ENDED)] if number > 1 else []
        await ledger.save(claim, page(STANDUP, *kept, session(number)))
    await ledger.save(await claimed(ledger, RETRO), recording(RETRO))
    states = [(one.number, one.state) for _, one in await ledger.sessions(STANDUP)]
    assert states == [(1, ENDED), (2, ENDED), (3, ENDED), (4, CONFIRMED)]
    assert [key for key, _ in await ledger.sessions(set_name="default")].count(RETRO) == 1
    assert await ledger.sessions(set_name="nobody's") == ()
    assert [(key, one.number) for key, one in await ledger.sessions(STANDUP, number=2)] == [(STANDUP, 2)]
    assert await ledger.sessions(STANDUP, number=99) == ()


async def test_events_keep_their_order_and_are_found_by_key_set_time_and_number(ledger: Ledger) -> None:
    other = Key("other", "retro")
    happened = [event(kind=f"recording.{number}", at=NOW + timedelta(seconds=number)) for number in range(5)]
    await ledger.save(await claimed(ledger), page(), happened)
    await ledger.save(await claimed(ledger, other), page(other), [event(other)])
    everything = await ledger.events()
    assert [one for _, one in everything] == [*happened, event(other)]
    assert [one for _, one in await ledger.events(STANDUP)] == happened
    assert [one for _, one in await ledger.events(None, "other")] == [event(other)]
    assert [one for _, one in await ledger.events(STANDUP, since=NOW + timedelta(seconds=3))] == happened[3:]
    assert await ledger.events(limit=2) == everything[-2:]
    third = everything[2][0]
    assert await ledger.events(after_id=third) == everything[3:]
    assert await ledger.events(after_id=third, limit=1) == everything[3:4]
    assert await ledger.events(after_id=everything[-1][0]) == ()
    assert await ledger.events(before_id=third) == everything[:2]
    assert await ledger.events(before_id=third, limit=1) == everything[1:2]
    assert await ledger.events(before_id=everything[0][0]) == ()


# -- renaming


async def test_a_renamed_recording_keeps_everything(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    entry = page(STANDUP, session(1, ENDED), session(2))
    await ours.save(await claimed(ours), entry, [event()], release=True)
    assert await theirs.rename(STANDUP, RETRO)
    assert await ours.entries() == {RETRO: replace(entry, key=RETRO)}
    assert await ours.sessions() == ((RETRO, session(1, ENDED)), (RETRO, session(2)))
    assert [one for _, one in await ours.events()] == [event(RETRO)]
    assert await ours.owner_of(session().identity) == RETRO
    assert not await theirs.rename(STANDUP, RETRO)


async def test_what_a_source_has_declared_is_its_own_under_the_new_name(ledger: Ledger) -> None:
    kept, other = Declaration({}, "a.yaml", 1, 1), Declaration({}, "b.yaml", 1, 1, in_force=False)
    await ledger.accept("default", Standing("ann"), {("Recording", STANDUP.name): kept})
    await ledger.save(await claimed(ledger), page(), release=True)
    assert await ledger.rename(STANDUP, RETRO)
    assert await ledger.declarations("default") == {("Recording", RETRO.name): kept}
    await ledger.accept("default", Standing("ann"), {("Recording", STANDUP.name): other})
    assert await ledger.rename(RETRO, STANDUP)
    assert (await ledger.declarations("default"))["Recording", STANDUP.name] == other


async def test_renaming_never_covers_an_entry_with_a_history(ledger: Ledger) -> None:
    pages = {STANDUP: recording(STANDUP), RETRO: replace(recording(RETRO), next_number=2)}
    for key, kept in pages.items():
        await ledger.save(await claimed(ledger, key), kept, release=True)
    assert not await ledger.rename(STANDUP, RETRO)
    assert not await ledger.rename(Key("default", "never"), Key("default", "new"))
    assert await ledger.entries() == pages


async def test_a_name_under_which_nothing_was_ever_started_is_no_obstacle(ledger: Ledger) -> None:
    """Seed 3546 of the simulation: an acquire that came to nothing under the new name kept the old one's recorder."""
    await ledger.save(await claimed(ledger), page(), release=True)
    await ledger.save(await claimed(ledger, RETRO), Entry(RETRO), release=True)
    before = (await ledger.sheet(RETRO)).generation
    assert await ledger.rename(STANDUP, RETRO)
    assert await ledger.entries() == {RETRO: replace(page(), key=RETRO)}
    assert not await ledger.note(RETRO, before, Entry(RETRO))


@pytest.mark.parametrize("key", [STANDUP, RETRO], ids=["old", "new"])
async def test_a_recording_that_is_being_worked_on_is_not_renamed(opener: Opener, key: Key) -> None:
    ours, theirs = await opener(), await opener()
    await ours.save(await claimed(ours), page(STANDUP, session()), release=True)
    claim = await claimed(ours, key)
    for ledger in (ours, theirs):
        with pytest.raises(ClaimedError, match=key.name):
            await ledger.rename(STANDUP, RETRO)
    assert await ours.rename(STANDUP, RETRO, [claim])
    with pytest.raises(ClaimLostError):
        await ours.rename(RETRO, STANDUP, [replace(claim, generation=99)])


async def test_the_old_name_s_claim_is_void_after_renaming(ledger: Ledger) -> None:
    claim = await claimed(ledger)
    await ledger.save(claim, page(STANDUP, session()))
    assert await ledger.rename(STANDUP, RETRO, [claim])
    with pytest.raises(ClaimLostError):
        await ledger.save(claim, page(STANDUP))


# -- the quota


class Clock:
    def __init__(self) -> None:
        self.at = NOW

    def __call__(self) -> datetime:
        return self.at


async def test_two_holders_share_one_rate_evenly(opener: Opener) -> None:
    clock = Clock()
    ledgers = [await opener(now=clock), await opener(now=clock)]
    leaves: list[float] = []
    for number in range(200):
        wait = (await ledgers[number % 2].draw(APP, 10)).wait
        leaves.append((clock.at - NOW).total_seconds() + wait)
        clock.at += timedelta(seconds=wait if number % 3 else 0)
    gaps = [later - earlier for earlier, later in itertools.pairwise(leaves)]
    assert min(gaps) == pytest.approx(1 / 9.5, abs=2e-6)
    assert max(gaps) == pytest.approx(1 / 9.5, abs=2e-6)


async def test_an_app_id_does_not_wait_for_another(ledger: Ledger) -> None:
    assert [(await ledger.draw(app, 1)).wait for app in ("one", "two", "three")] == [0, 0, 0]
    assert (await ledger.draw("one", 1)).wait > 0


async def test_a_429_slows_every_holder_for_a_minute(opener: Opener) -> None:
    clock = Clock()
    ours, theirs = await opener(now=clock), await opener(now=clock)
    await ours.throttled(APP)
    await theirs.draw(APP, 10)
    assert (await theirs.draw(APP, 10)).wait == pytest.approx(1 / 8, abs=2e-6)
    clock.at += timedelta(seconds=61)
    await theirs.draw(APP, 10)
    assert (await ours.draw(APP, 10)).wait == pytest.approx(1 / 9.5, abs=2e-6)


# -- the ledger as a whole


async def test_the_fingerprint_key_is_made_once(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    made = await ours.fingerprint_key()
    assert len(made) == 32
    assert await theirs.fingerprint_key() == made
    await ours.close()
    assert await (await opener()).fingerprint_key() == made


async def test_a_ledger_serves_one_service(opener: Opener) -> None:
    first = await opener(service=None)
    await opener(service="simulator")
    with pytest.raises(LedgerError, match=r"made against an API simulator and is not used against Agora"):
        await opener(service="agora")
    assert await (await opener(service=None)).entries() == await first.entries()
    await opener(service="simulator")


async def test_the_version_is_another_one_only_after_others_have_written(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    seen = await ours.version()
    await ours.save(await claimed(ours), page(), [event()], release=True)
    await theirs.entries()
    assert await ours.version() == seen

    await theirs.save(await claimed(theirs), page(STANDUP, session()), release=True)
    written = await ours.version()
    assert written != seen
    assert (await ours.entry(STANDUP), await ours.version()) == (page(STANDUP, session()), written)


async def test_a_closed_ledger_says_so(ledger: Ledger) -> None:
    await ledger.close()
    with pytest.raises(LedgerError, match="closed"):
        await ledger.entries()
    await ledger.close()
