"""Notifications arrive: in order, at least once, kept until answered 2xx, the same ids over every death and restart.

The ledger, the HTTP client and the log are real; the receiver is one that checks signatures. Time is virtual.
"""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cli.notifying import open_notifications
from reconciler.errors import LedgerError
from reconciler.evidence import RecordedFile
from reconciler.ledger import InlineThread, Ledger, open_ledger
from reconciler.logs import set_up_logs
from reconciler.model import Event, Key, Session, SessionState
from reconciler.notifier import LONGEST_PAUSE, Answered, Delivery, Notifier, Unanswered, pause_after
from reconciler.settings import load_settings
from tests.ledger.pages import CONFIRMED, ENDED, page, session
from tests.receiver import ADDRESS, SIGNING_SECRET, Receiver
from tests.virtual_time import START, run_virtual, virtual_now
from tests.world.stage import Crash

STANDUP = Key("default", "standup")
TOKENS = ("path-token-5c1d", "query-token-77aa", SIGNING_SECRET, SIGNING_SECRET.removeprefix("whsec_"))
DELAYS = [timedelta(seconds=delay) for delay in (3, 6, 9)]


@dataclass
class Scene:
    """A ledger, a receiver, and notifiers that come and go on them."""

    folder: Path
    receiver: Receiver = field(default_factory=lambda: Receiver(virtual_now))
    log: io.StringIO = field(default_factory=io.StringIO)
    die_at: str = ""

    @asynccontextmanager
    async def ledger(self) -> AsyncIterator[Ledger]:
        opened = await open_ledger(
            self.folder / "ledger.db", service="agora", now=virtual_now, run=InlineThread(), on_commit=self._on_commit
        )
        try:
            yield opened
        finally:
            await opened.close()

    def _on_commit(self, label: str) -> None:
        if label == self.die_at:
            raise Crash(label)

    @asynccontextmanager
    async def notifier(self, ledger: Ledger, set_name: str = "default", **environ: str) -> AsyncIterator[Notifier]:
        """Let one run; what kills it is raised at the end."""
        said = {"RECONCILER_NOTIFY_URL": ADDRESS, "RECONCILER_NOTIFY_SECRET": SIGNING_SECRET, **environ}
        settings = load_settings(said, self.folder, lambda _: None)
        log = set_up_logs("json", "debug", self.log)  # masks nothing: what it says must need no mask
        async with open_notifications(
            ledger, set_name, settings, log, clock=virtual_now, transport=self.receiver.transport
        ) as notifier:
            assert notifier is not None
            running = asyncio.ensure_future(notifier.run())
            try:
                yield notifier
            finally:
                running.cancel()
                with suppress(asyncio.CancelledError):
                    await running

    async def life(self, length: float = 3600) -> None:
        """Let a process of its own tell for a while."""
        async with self.ledger() as ledger, self.notifier(ledger):
            await asyncio.sleep(length)

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]


async def save(ledger: Ledger, key: Key, kind: str, state: SessionState, number: int = 1, **changes: Any) -> None:
    """Write a session and what happened to it, as a turn does."""
    claim = await ledger.claim(key)
    assert claim
    entry = await ledger.entry(key) or page(key)
    one: Session = replace(session(number, state, channel=key.name), **changes)
    happened = Event(virtual_now(), key, kind, "because", session=number, revision="r1")
    await ledger.save(claim, entry.with_session(one), [happened], release=True)


async def started(ledger: Ledger, name: str, number: int = 1) -> None:
    await save(ledger, Key("default", name), "recording.confirmed", CONFIRMED, number)


async def stopped(ledger: Ledger, name: str, number: int = 1) -> None:
    await save(ledger, Key("default", name), "recording.stopped", replace(ENDED, at=virtual_now()), number)


def played(tmp_path: Path, story: Callable[[Scene], Awaitable[None]]) -> Scene:
    async def play() -> Scene:
        scene = Scene(tmp_path)
        await scene.life(0)  # the first time: the history begins here
        await story(scene)
        return scene

    return run_virtual(play())


# -- what arrives


def test_what_happens_is_told_once_each_and_in_order(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger):
            for number in range(1, 4):
                await started(ledger, "a", number)
                await stopped(ledger, "a", number)
            await asyncio.sleep(60)

    receiver = played(tmp_path, story).receiver
    assert [(one.type, one.document["data"]["session"]) for one in receiver.heard] == [
        (kind, number) for number in (1, 2, 3) for kind in ("recording.started", "recording.completed")
    ]
    assert len({one.id for one in receiver.heard}) == 6


def test_nothing_of_the_past_is_told_when_somebody_is_first_to_be_told(tmp_path: Path) -> None:
    async def story() -> Receiver:
        scene = Scene(tmp_path)
        async with scene.ledger() as ledger:
            await started(ledger, "old")
            async with scene.notifier(ledger):
                await started(ledger, "new")
                await asyncio.sleep(60)
        return scene.receiver

    assert [one.document["subject"] for one in run_virtual(story()).told] == ["new"]


def test_what_happened_while_nobody_ran_is_told_by_the_next(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger:
            await started(ledger, "a")
        await scene.life()
        async with scene.ledger() as ledger:
            await stopped(ledger, "a")
        await scene.life()
        await scene.life()

    assert played(tmp_path, story).receiver.types == ["recording.started", "recording.completed"]


def test_another_set_is_another_receivers_business(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger), scene.notifier(ledger, "lessons"):
            await save(ledger, Key("lessons", "b"), "recording.confirmed", CONFIRMED)
            await started(ledger, "a")
            await asyncio.sleep(60)

    told = played(tmp_path, story).receiver.told
    assert sorted((one.document["source"], one.document["subject"]) for one in told) == [
        ("/reconciler/sets/default", "a"),
        ("/reconciler/sets/lessons", "b"),
    ]


def test_a_held_source_is_told(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger):
            await ledger.append(Event(virtual_now(), Key("default", ""), "source.held", "MassStop", revision="r2"))
            await asyncio.sleep(60)

    [told] = played(tmp_path, story).receiver.told
    assert (told.type, told.document["data"]["reason"]) == ("source.held", "MassStop")


def test_down_and_healed_take_turns_however_often_it_fails_between(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger):
            for number in range(1, 5):
                if number in (1, 4):
                    await started(ledger, "a", number)
                failed = replace(ENDED, how="failed", at=virtual_now())
                await save(ledger, Key("default", "a"), "recording.lost", failed, number)
            await asyncio.sleep(60)

    types = played(tmp_path, story).receiver.types
    ups_and_downs = [kind for kind in types if kind in ("recording.down", "recording.healed")]
    assert ups_and_downs == ["recording.down", "recording.healed", "recording.down"]
    assert types.count("recording.completed") == 4


def test_control_is_lost_once_however_many_probes_say_so(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger):
            for _ in range(15):
                for kind in ("recording.held", *["recording.unanswered"] * 30):
                    await ledger.append(Event(virtual_now(), STANDUP, kind, "53", session=1))
                await asyncio.sleep(15)
            await ledger.append(Event(virtual_now(), STANDUP, "recording.held", "53", session=2))
            await asyncio.sleep(15)

    assert played(tmp_path, story).receiver.types == ["control.lost", "control.lost"]


# -- when


def test_it_is_told_at_once_when_woken_and_within_seconds_else(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger) as notifier:
            for wakes in (True, False):
                await asyncio.sleep(61.7)
                written = virtual_now()
                await started(ledger, f"woken-{wakes}".lower())
                if wakes:
                    notifier.wake()
                await asyncio.sleep(10)
                late = (scene.receiver.told[-1].at - written).total_seconds()
                assert late == 0 if wakes else 0 < late <= 5

    assert len(played(tmp_path, story).receiver.told) == 2


# -- not answered 2xx

FAILURES: dict[str, httpx.Response | Exception] = {
    "500": httpx.Response(500),
    "503": httpx.Response(503),
    "429": httpx.Response(429),
    "408": httpx.Response(408),
    "a broken connection": httpx.ReadError(f"{ADDRESS} is gone"),
    "no way there": httpx.ConnectError("All connection attempts failed"),
    "no answer in time": httpx.ReadTimeout(f"{ADDRESS} is slow"),
    "302": httpx.Response(302, headers={"Location": "https://elsewhere.example.com/"}),
    "400": httpx.Response(400),
    "401": httpx.Response(401),
    "404": httpx.Response(404),
    "410": httpx.Response(410),
}


@pytest.mark.parametrize("failure", FAILURES)
def test_whatever_is_not_2xx_is_repeated_until_it_is_and_nothing_is_skipped(tmp_path: Path, failure: str) -> None:
    async def story(scene: Scene) -> None:
        scene.receiver.down = FAILURES[failure]
        async with scene.ledger() as ledger:
            async with scene.notifier(ledger):
                await started(ledger, "a")
                await stopped(ledger, "a")
                await started(ledger, "b")
                await asyncio.sleep(86400)
            async with scene.notifier(ledger):
                await asyncio.sleep(3600)
                scene.receiver.down = None
                await asyncio.sleep(3600)

    receiver = played(tmp_path, story).receiver
    assert receiver.types == ["recording.started", "recording.completed", "recording.started"]
    refused = receiver.heard[: -len(receiver.told)]
    assert len(refused) > 86400 / 300
    assert {one.id for one in refused} == {receiver.told[0].id}
    assert {one.body for one in refused} == {receiver.told[0].body}


def gaps(receiver: Receiver) -> list[float]:
    return [(later.at - sooner.at).total_seconds() for sooner, later in pairwise(receiver.heard)]


def test_pauses_grow_from_the_retry_delays_to_five_minutes(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.receiver.down = httpx.Response(502)
        async with scene.ledger() as ledger, scene.notifier(ledger, RECONCILER_RETRY_DELAYS="1,4"):
            await started(ledger, "a")
            await asyncio.sleep(3600)

    waited = gaps(played(tmp_path, story).receiver)
    for wait, longest in zip(waited, [1, 4, 8, 16, 32, 64, 128, 256, *[300] * 100], strict=False):
        assert 0.8 * longest <= wait <= longest
    assert len(set(waited[8:])) > 1, "there is no jitter"


def test_the_next_outage_begins_with_short_pauses_again(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger):
            scene.receiver.answers = [httpx.Response(502)] * 10
            await started(ledger, "a")
            await asyncio.sleep(3600)
            scene.receiver.answers = [httpx.Response(502)]
            await started(ledger, "b")
            await asyncio.sleep(3600)

    assert gaps(played(tmp_path, story).receiver)[-1] <= 3


def test_a_receiver_that_is_set_up_wrongly_is_tried_slower_and_complained_about_once(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.receiver.down = httpx.Response(410)
        async with scene.ledger() as ledger, scene.notifier(ledger):
            await started(ledger, "a")
            await asyncio.sleep(3600)
            scene.receiver.down = None
            await asyncio.sleep(3600)

    scene = played(tmp_path, story)
    for wait, longest in zip(gaps(scene.receiver), [60, 120, 240, *[300] * 100], strict=False):
        assert 0.8 * longest <= wait <= longest
    [complaint] = scene.logged("notification.refused")
    assert complaint["level"] == "error"
    assert (complaint["reason"], complaint["receiver"]) == ("answered 410", "hooks.example.com")
    assert "RECONCILER_NOTIFY_URL" in complaint["hint"]
    assert len(scene.logged("notification.resumed")) == 1


def test_an_outage_is_one_line_until_its_reason_changes(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger) as notifier:
            assert notifier.delivery == Delivery()
            scene.receiver.down = httpx.Response(503)
            began = virtual_now()
            await started(ledger, "a")
            notifier.wake()
            await asyncio.sleep(3600)
            tries = len(scene.receiver.heard)
            assert notifier.delivery == Delivery(0, tries, "answered 503", began)
            scene.receiver.down = httpx.ConnectError("Connection refused")
            await asyncio.sleep(3600)
            tries = len(scene.receiver.heard)
            assert notifier.delivery == Delivery(0, tries, "cannot be reached: Connection refused", began)
            scene.receiver.down = None
            await asyncio.sleep(3600)
            assert notifier.delivery == Delivery(1, tries)

    scene = played(tmp_path, story)
    warnings = [line["reason"] for line in scene.logged("notification.delayed") if line["level"] == "warning"]
    assert warnings == ["answered 503", "cannot be reached: Connection refused"]


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        ("40", 40),
        ("100000", 300),
        ("99999999999999999999", 3),
        (format_datetime(START + timedelta(seconds=100), usegmt=True), 100),
        ("Thu, 01 Jan 2026 09:01:40 -0000", 100),
        (format_datetime(START - timedelta(days=1), usegmt=True), 3),
        ("soon", 3),
        ("", 3),
    ],
)
def test_what_the_receiver_asks_for_is_kept_up_to_five_minutes(tmp_path: Path, asked: str, waits: float) -> None:
    async def story(scene: Scene) -> None:
        scene.receiver.answers = [httpx.Response(429, headers={"Retry-After": asked})]
        async with scene.ledger() as ledger, scene.notifier(ledger) as notifier:
            await started(ledger, "a")
            notifier.wake()
            await asyncio.sleep(3600)

    [waited] = gaps(played(tmp_path, story).receiver)
    assert 0.8 * waits <= waited <= waits if waits == 3 else waited == waits


@given(
    st.one_of(
        st.builds(Answered, st.integers(100, 599), st.text() | st.from_regex(r"[A-Z][a-z]{2}, \d+ [A-Z][a-z]{2} .*")),
        st.just(Unanswered("gone")),
    ),
    st.integers(1, 10**9),
    st.lists(st.timedeltas(timedelta(milliseconds=1), timedelta(days=1)), min_size=1),
)
def test_no_pause_is_nothing_or_longer_than_five_minutes(
    reply: Answered | Unanswered, tries: int, delays: list[timedelta]
) -> None:
    pause = pause_after(reply, tries, delays, "7-a", datetime(2026, 1, 1, tzinfo=UTC))
    assert timedelta() < pause <= LONGEST_PAUSE
    assert pause == pause_after(reply, tries, delays, "7-a", datetime(2026, 1, 1, tzinfo=UTC))


# -- what changes while the receiver is down


def test_files_that_become_known_meanwhile_are_told(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.receiver.down = httpx.Response(500)
        over = replace(ENDED, uploading_status=None)
        async with scene.ledger() as ledger, scene.notifier(ledger):
            await save(ledger, STANDUP, "recording.stopped", over, files=())
            await asyncio.sleep(60)
            later = replace(over, uploading_status="uploaded")
            await save(ledger, STANDUP, "recording.noted", later, files=(RecordedFile("late.m3u8"),))
            scene.receiver.down = None
            await asyncio.sleep(3600)

    receiver = played(tmp_path, story).receiver
    [told] = receiver.told
    assert receiver.heard[0].document["data"]["files"] == []
    assert [(one["fileName"], one["uploadingStatus"]) for one in told.document["data"]["files"]] == [
        ("late.m3u8", "uploaded")
    ]
    assert {one.id for one in receiver.heard} == {told.id}


def test_a_recording_that_is_renamed_meanwhile_is_told_under_its_new_name(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        scene.receiver.down = httpx.Response(500)
        async with scene.ledger() as ledger, scene.notifier(ledger):
            await started(ledger, "a")
            await stopped(ledger, "a")
            await asyncio.sleep(60)
            await ledger.rename(Key("default", "a"), Key("default", "z"))
            scene.receiver.down = None
            await asyncio.sleep(3600)

    receiver = played(tmp_path, story).receiver
    assert [one.document["subject"] for one in receiver.told] == ["z", "z"]
    assert receiver.told[1].document["data"]["files"]
    assert receiver.heard[0].id == receiver.told[0].id


# -- deaths


def ids(receiver: Receiver) -> list[str]:
    return [one.id for one in receiver.heard]


async def killed(scene: Scene) -> None:
    with pytest.raises(Crash):
        await scene.life(60)


def test_killed_between_answer_and_cursor_it_is_told_twice_with_one_id(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger:
            await started(ledger, "a")
            await stopped(ledger, "a")
        scene.die_at = "before move_cursor"
        await killed(scene)
        scene.die_at = ""
        await scene.life()

    receiver = played(tmp_path, story).receiver
    assert receiver.types == ["recording.started", "recording.started", "recording.completed"]
    assert ids(receiver)[0] == ids(receiver)[1] != ids(receiver)[2]
    assert receiver.heard[0].body == receiver.heard[1].body


def test_killed_before_it_was_sent_it_is_told_once_later(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger:
            await started(ledger, "a")
        scene.receiver.now = dead
        await killed(scene)
        scene.receiver.now = virtual_now
        await scene.life()

    def dead() -> datetime:
        raise Crash("before it arrived")

    assert played(tmp_path, story).receiver.types == ["recording.started"]


def test_killed_after_the_cursor_it_is_not_told_again(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger:
            await started(ledger, "a")
        scene.die_at = "after move_cursor"
        await killed(scene)
        scene.die_at = ""
        await scene.life()

    assert played(tmp_path, story).receiver.types == ["recording.started"]


def test_killed_between_the_two_of_one_event_both_are_told(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger:
            await save(ledger, STANDUP, "recording.lost", replace(ENDED, how="failed"))
        scene.receiver.answers = [httpx.Response(204), httpx.Response(500)]
        await scene.life(1)
        await scene.life()

    receiver = played(tmp_path, story).receiver
    assert receiver.types == ["recording.down", "recording.down", "recording.completed"]
    assert len(set(ids(receiver))) == 2


def test_a_pause_between_the_two_of_one_event_does_not_repeat_the_first(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger:
            await save(ledger, STANDUP, "recording.lost", replace(ENDED, how="failed"))
        scene.receiver.answers = [httpx.Response(204), httpx.Response(500)]
        await scene.life()

    receiver = played(tmp_path, story).receiver
    assert [one.type for one in receiver.heard] == ["recording.down", *["recording.completed"] * 2]


@pytest.mark.parametrize("doing", ["resting", "pausing", "sending"])
def test_it_ends_at_once_when_it_is_cancelled_and_the_next_goes_on(tmp_path: Path, doing: str) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger:
            async with scene.notifier(ledger) as notifier:
                await asyncio.sleep(1)
                scene.receiver.slow = 5 if doing == "sending" else 0
                scene.receiver.down = httpx.Response(500) if doing == "pausing" else None
                await started(ledger, "a")
                if doing != "resting":
                    notifier.wake()
                    await asyncio.sleep(1)
                before = virtual_now()
            assert virtual_now() == before
            scene.receiver.slow, scene.receiver.down = 0, None
            async with scene.notifier(ledger):
                await asyncio.sleep(60)

    receiver = played(tmp_path, story).receiver
    assert receiver.types[-1] == "recording.started"
    assert len(set(ids(receiver))) == 1
    assert len(receiver.heard) == (1 if doing == "resting" else 2)


def test_an_answer_that_takes_too_long_is_none(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger) as notifier:
            scene.receiver.slow = 10.5
            await started(ledger, "a")
            await asyncio.sleep(60)
            assert notifier.delivery.trouble == "did not answer within 10 s"
            scene.receiver.slow = 9.5
            await asyncio.sleep(3600)
            assert notifier.delivery.delivered == 1

    played(tmp_path, story)


def test_a_ledger_that_cannot_be_used_ends_it(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger):
            await asyncio.sleep(1)
            await ledger.close()
            await asyncio.sleep(60)

    with pytest.raises(LedgerError, match="the ledger is closed"):
        played(tmp_path, story)


# -- how it treats the ledger


def test_a_long_history_of_which_nothing_is_told_is_read_once(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger:
            for _ in range(250):
                await ledger.append(Event(virtual_now(), STANDUP, "recording.unanswered", "504"))
        await scene.life(1)
        async with scene.ledger() as ledger:
            assert await ledger.last_event() == 250
            assert await ledger.cursor("notify:default") in range(200, 251)

    assert played(tmp_path, story).receiver.heard == []


def test_what_is_not_told_writes_nothing(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger) as notifier:
            await asyncio.sleep(1)
            scene.die_at = "before move_cursor"
            await ledger.append(Event(virtual_now(), STANDUP, "recording.unanswered", "504"))
            notifier.wake()
            await asyncio.sleep(60)

    played(tmp_path, story)


# -- secrets


def test_neither_address_nor_key_is_ever_shown(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def story(scene: Scene) -> None:
        async with scene.ledger() as ledger, scene.notifier(ledger) as notifier:
            scene.receiver.answers = list(FAILURES.values())
            await started(ledger, "a")
            await asyncio.sleep(86400)
            assert not scene.receiver.answers
            said = repr((notifier, notifier.delivery, vars(notifier))) + str(vars(notifier))
            assert not [token for token in TOKENS if token in said]

    caplog.set_level(logging.DEBUG)
    scene = played(tmp_path, story)
    for token in TOKENS:
        assert token not in scene.log.getvalue()
        assert token not in caplog.text
    assert "hooks.example.com" in scene.log.getvalue()
    for path in tmp_path.glob("ledger.db*"):
        if path.is_file():
            assert not [token for token in TOKENS if token.encode() in path.read_bytes()]


def test_that_nothing_is_signed_is_said_once_at_the_start(tmp_path: Path) -> None:
    async def story(scene: Scene) -> None:
        settings = load_settings({"RECONCILER_NOTIFY_URL": ADDRESS}, tmp_path, lambda _: None)
        log = set_up_logs("json", "debug", scene.log)
        async with scene.ledger() as ledger:
            async with open_notifications(ledger, "default", settings, log) as notifier:
                assert notifier
            nobody = load_settings({}, tmp_path, lambda _: None)
            async with open_notifications(ledger, "default", nobody, log) as notifier:
                assert notifier is None

    [warning] = played(tmp_path, story).logged("notification.unsigned")
    assert warning["level"] == "warning"
    assert "RECONCILER_NOTIFY_SECRET" in warning["hint"]
