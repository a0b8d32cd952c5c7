"""What is written without a claim: orders of people, how a source stands, who keeps a set, notices, and the tidying."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.errors import LedgerError
from reconciler.evidence import Notice, RecorderStarted
from reconciler.ledger import Ledger, open_ledger
from reconciler.ledger.notices import MOST_AT_ONCE
from reconciler.ledger.standings import Declaration
from reconciler.ledger.standings import Place as Row
from reconciler.model import Key
from reconciler.planning.orders import NO_ORDERS, Freeze, Orders, Restart, Suspension
from reconciler.planning.standing import NO_SET_ORDERS, SetOrders, Standing, Withheld
from tests.ledger.conftest import Opener
from tests.ledger.pages import ENDED, NOW, RETRO, STANDUP, event, now, page, recording, session
from tests.ledger.test_contract import claimed
from tests.ledger.test_processes import Child

SUSPENDED = Orders(Suspension("alice", "privacy", NOW, NOW + timedelta(hours=1)))
STANDING = Standing("./manifests", "r1", "main@sha1:5d41", NOW)
DECLARED = Declaration({"channel": "standup"}, "set.yaml", 1, 1, {"team": "core"})
OTHER = replace(DECLARED, spec={"channel": "retro"})
A: Row = ("Recording", "a")
B: Row = ("Recording", "b")
APP: Row = ("App", "a")


def notice(number: int, channel: str = "standup", **changes: object) -> Notice:
    made = Notice(f"n{number}", "sid-1", channel, "2", number, 40, NOW, NOW, RecorderStarted())
    return replace(made, **changes)  # type: ignore[arg-type] # fields of it


# -- orders


async def test_orders_are_given_to_one_recording_though_another_process_has_it_in_hand(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    await claimed(theirs)
    await ours.give(STANDUP, Orders, lambda orders: replace(orders, suspension=SUSPENDED.suspension), event(kind="x.y"))
    await ours.give(STANDUP, Orders, lambda orders: replace(orders, restart=Restart("bob", NOW)))

    given = replace(SUSPENDED, restart=Restart("bob", NOW))
    assert await theirs.orders("default") == {STANDUP: given}
    assert (await theirs.sheet(STANDUP)).orders == given
    assert (await theirs.sheet(RETRO)).orders == NO_ORDERS
    assert await theirs.orders("other") == {}
    assert [one.kind for _, one in await theirs.events(STANDUP)] == ["x.y"]


async def test_orders_move_with_a_rename_unless_something_was_ordered_for_the_new_name(ledger: Ledger) -> None:
    third = Key("default", "third")
    await ledger.save(await claimed(ledger), page(), release=True)
    await ledger.give(STANDUP, Orders, lambda _: SUSPENDED)
    assert await ledger.rename(STANDUP, RETRO)
    assert await ledger.orders("default") == {RETRO: SUSPENDED}

    restarted = Orders(restart=Restart("bob", NOW))
    await ledger.give(third, Orders, lambda _: restarted)
    assert await ledger.rename(RETRO, third)
    assert await ledger.orders("default") == {third: restarted}


async def test_orders_of_a_set_are_no_orders_of_its_recordings(ledger: Ledger) -> None:
    freeze = Freeze("alice", "maintenance", NOW)
    await ledger.give(
        Key("default", ""), SetOrders, lambda orders: replace(orders, freeze=freeze), event(Key("default", ""))
    )
    await ledger.give(Key("default", ""), SetOrders, lambda orders: replace(orders, approved="r2"))

    assert await ledger.set_orders("default") == SetOrders(freeze, "r2")
    assert await ledger.set_orders("other") == NO_SET_ORDERS
    assert await ledger.orders("default") == {}


async def test_an_order_that_cannot_be_made_leaves_no_event(ledger: Ledger) -> None:
    def refuse(orders: Orders) -> Orders:
        raise LookupError(str(orders))

    with pytest.raises(LookupError):
        await ledger.give(STANDUP, Orders, refuse, event())
    assert await ledger.events() == ()


# -- the source of a set


async def test_how_a_source_stands_is_kept_per_set_over_openings(opener: Opener) -> None:
    first = await opener()
    assert await first.standing("default") is None
    withheld = replace(STANDING, withheld=Withheld("r2", "x", "12 of 20", NOW, approvable=False))
    await first.stand("default", withheld)
    await first.close()
    assert await (await opener()).standing("default") == withheld
    assert await (await opener()).standing("other") is None


async def test_accepting_writes_what_differs_and_leaves_the_rest(ledger: Ledger) -> None:
    await ledger.accept("default", STANDING, {A: DECLARED, B: DECLARED, APP: DECLARED})
    await ledger.accept("default", replace(STANDING, revision="r2"), {A: OTHER})

    assert await ledger.declarations("default") == {A: OTHER, B: DECLARED, APP: DECLARED}
    assert await ledger.declarations("other") == {}
    assert (await ledger.standing("default")) == replace(STANDING, revision="r2")


async def test_accepting_is_all_or_nothing(ledger: Ledger) -> None:
    await ledger.accept("default", STANDING, {A: DECLARED})
    with pytest.raises(LedgerError):
        await ledger.accept("default", replace(STANDING, revision="r2"), {B: replace(DECLARED, spec={"x": object()})})

    assert await ledger.declarations("default") == {A: DECLARED}
    assert await ledger.standing("default") == STANDING


async def test_a_name_that_is_no_longer_in_force_stays_the_source_s_own(opener: Opener) -> None:
    ledger = await opener()
    await ledger.enlist("default", "./manifests")
    await ledger.accept("default", STANDING, {A: DECLARED, B: DECLARED, APP: DECLARED})
    await ledger.accept("default", STANDING, {B: replace(DECLARED, in_force=False)})

    assert (await ledger.declarations("default"))[B] == replace(DECLARED, in_force=False)
    assert await ledger.kept_by_daemon("default") == {"a"}


# -- who keeps a set


async def test_a_set_has_one_living_keeper(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    await ours.enlist("default", "./manifests")
    await ours.enlist("default", "./others")  # the same process may think again
    with pytest.raises(LedgerError, match=r"another daemon keeps set default .* from \./others; .*--set"):
        await theirs.enlist("default", "./theirs")
    await theirs.enlist("night", "./theirs")

    assert [await theirs.keeper(name) for name in ("default", "night", "other")] == ["./others", "./theirs", None]


async def test_a_keeper_that_has_ended_keeps_nothing(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    await ours.enlist("default", "./manifests")
    await ours.accept("default", STANDING, {A: DECLARED})
    assert await theirs.kept_by_daemon("default") == {"a"}
    await ours.close()

    assert await theirs.keeper("default") is None
    assert await theirs.kept_by_daemon("default") == frozenset()
    await theirs.enlist("default", "./theirs")
    assert await theirs.keeper("default") == "./theirs"


async def test_a_keeper_that_was_killed_keeps_nothing(path: Path) -> None:
    ledger = await open_ledger(path, service="agora", now=now)
    child = Child("keep", path, "./manifests")
    assert child.line() == "kept"
    assert await ledger.keeper("default") == "./manifests"
    with pytest.raises(LedgerError, match="another daemon"):
        await ledger.enlist("default", "./ours")
    child.kill()

    assert await ledger.keeper("default") is None
    await ledger.enlist("default", "./ours")
    await ledger.close()


# -- notices


async def test_a_notice_is_kept_once(opener: Opener) -> None:
    ours, theirs = await opener(), await opener()
    await ours.save(await claimed(ours), page(STANDUP, session()), release=True)
    assert await ours.receive(notice(1))
    assert not await theirs.receive(notice(1))
    assert not await ours.receive(notice(1, sequence=7))

    assert [one for _, one in (await theirs.sheet(STANDUP)).notices] == [notice(1)]


async def test_a_recording_reads_the_notices_of_its_own_channels_from_where_it_left_off(ledger: Ledger) -> None:
    entry = page(STANDUP, session())
    await ledger.save(await claimed(ledger), entry, release=True)
    for number in range(MOST_AT_ONCE + 5):
        await ledger.receive(notice(number))
        await ledger.receive(notice(number + 1000, "elsewhere"))

    first = (await ledger.sheet(STANDUP)).notices
    assert [one.notice_id for _, one in first] == [f"n{number}" for number in range(MOST_AT_ONCE)]
    held = await ledger.take(STANDUP)
    assert held is not None
    assert held[1].notices == first
    await ledger.save(held[0], replace(entry, notices_read=first[-1][0]), release=True)
    rest = (await ledger.sheet(STANDUP)).notices
    assert [one.notice_id for _, one in rest] == [f"n{MOST_AT_ONCE + number}" for number in range(5)]


async def test_a_recording_without_sessions_reads_none(ledger: Ledger) -> None:
    await ledger.receive(notice(1))

    assert (await ledger.sheet(RETRO)).notices == ()


# -- tidying, as S22 says


async def test_older_history_is_dropped_but_never_of_what_is_live_nor_the_newest_session(ledger: Ledger) -> None:
    old, new = NOW - timedelta(days=2), NOW
    for key, newest in ((STANDUP, session(2)), (RETRO, replace(session(2, ENDED), opened_at=old))):
        first = replace(session(1, ENDED), opened_at=old)
        claim = await claimed(ledger, key)
        await ledger.save(claim, page(key, first), [event(key, "old.one", old), event(key, "new.one", new)])
        await ledger.save(claim, page(key, first, newest), release=True)
    await ledger.append(event(Key("default", ""), "set.old", old))
    await ledger.append(event(Key("default", ""), "set.new", new))
    await ledger.clear(NOW - timedelta(days=1), NOW)

    assert [one.number for _, one in await ledger.sessions(STANDUP)] == [1, 2]
    assert [one.number for _, one in await ledger.sessions(RETRO)] == [2]
    assert [one.kind for _, one in await ledger.events(STANDUP)] == ["old.one", "new.one"]
    assert [one.kind for _, one in await ledger.events(RETRO)] == ["new.one"]
    assert [one.kind for _, one in await ledger.events(Key("default", ""))] == ["set.new"]
    assert set(await ledger.entries()) == {STANDUP, RETRO}


async def test_notices_go_by_a_time_of_their_own(ledger: Ledger) -> None:
    await ledger.save(await claimed(ledger), recording(STANDUP), release=True)
    channel = f"{STANDUP.set}.{STANDUP.name}"
    await ledger.receive(notice(1, channel, received_at=NOW - timedelta(seconds=1)))
    await ledger.receive(notice(2, channel))
    await ledger.clear(NOW - timedelta(days=1), NOW)

    assert [one.notice_id for _, one in (await ledger.sheet(STANDUP)).notices] == ["n2"]


async def test_what_happens_without_a_turn_is_appended(ledger: Ledger) -> None:
    await ledger.append(event(Key("default", ""), "set.frozen"))

    assert [one for _, one in await ledger.events(None, "default")] == [event(Key("default", ""), "set.frozen")]
