"""Whatever the service, or what stands before it, answers: it is named by what to do next, and no recorder gets lost.

Who is told that nothing was started, or that it was stopped, has to believe it: so in the midst of an `apply` no answer
is a lie. What an answer says is what its reader makes of it.
"""

import copy
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import event, given
from hypothesis import strategies as st

from reconciler.agora.answers import (
    AlreadyStarted,
    IdentityHeld,
    NotAllocated,
    ResourceSpent,
    StartAccepted,
    Stopped,
    read_acquire,
    read_query,
    read_start,
    read_stop,
    read_update,
)
from reconciler.agora.hints import Endpoint
from reconciler.agora.listings import read_channels, read_users
from reconciler.agora.reading import HttpAnswer
from reconciler.errors import OutcomeUnknownError, ServiceError
from reconciler.model import Held
from reconciler.simulator.faults import Fault, Refuse, Replace
from reconciler.simulator.options import Options
from reconciler.simulator.replies import Reply
from reconciler.simulator.world import World
from tests.fuzz.budgets import budget, folder
from tests.fuzz.life import knows
from tests.fuzz.test_manifests import places
from tests.virtual_time import START, virtual_seconds
from tests.world.house import keeping
from tests.world.stage import Stage, assert_never_two, minutes, played, recording

READERS: dict[Endpoint, Callable[[HttpAnswer], object]] = {
    "acquire": read_acquire,
    "start": read_start,
    "query": read_query,
    "update": read_update,
    "updateLayout": read_update,
    "stop": read_stop,
    "channels": read_channels,
    "users": read_users,
}
PEOPLE: tuple[Endpoint, ...] = ("channels", "users")
BEFORE = (recording("edited"), recording("kept", "  mode: individual"), recording("gone"), recording("remade"))
AFTER = (
    recording("edited", "  layout: {type: bestFit}\n  capture: {subscribe: {audio: ['7'], video: ['7']}}"),
    recording("kept", "  mode: individual"),
    recording("new"),
    recording("remade", "  files: {formats: [hls, mp4]}"),
)
WANTED = {"edited", "kept", "new", "remade"}


class Overheard(World):
    """A service that keeps what it answers."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.answers: dict[str, list[bytes]] = {}

    def handle(self, now: float, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        reply = super().handle(now, method, target, headers, body)
        self.answers.setdefault(self.name(method, target, body)[0], []).append(reply.body)
        return reply


@cache
def real() -> Mapping[str, list[bytes]]:
    """Collect what the service really answers at each endpoint, in a life without troubles."""
    with folder() as place:
        stage = Stage(Path(place))
        world = stage.world = Overheard(Options(recorders_listed=True))
        # Where nobody is but a recorder of ours, only the list of users tells.
        people = (recording("people", "  when: occupied"), recording("alone", "  channel: people"))
        stage.write(*BEFORE, *people)

        async def story() -> None:
            world.leave(virtual_seconds(), "people")
            async with keeping(stage) as house:
                await minutes(2)
                stage.write(*AFTER, *people)
                house.offer()
                await minutes(2)

        played(story)
    assert set(READERS) <= world.answers.keys()
    return world.answers


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.integers(-(2**70), 2**70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
CODES = st.sampled_from(
    [0, 2, 7, 8, 15, 49, 50, 53, 62, 65, 200, 404, 405, 406, 429, 432, 433, 435, 500, 501, 502, 1001]
)
WORDS = st.sampled_from(
    [
        "failed to find worker",
        "task conflict",
        "no Route matched",
        "resourceId exceeded time limit!",
        "already started",
        "",
    ]
)
NAMED = st.fixed_dictionaries(
    {},
    optional={
        "code": CODES | JSON,
        "reason": WORDS | JSON,
        "message": WORDS | JSON,
        "sid": st.text(max_size=8) | JSON,
        "resourceId": st.text(max_size=8) | JSON,
        "serverResponse": JSON
        | st.dictionaries(st.sampled_from(["status", "fileList", "extensionServiceState"]), JSON),
        "data": JSON
        | st.dictionaries(st.sampled_from(["channels", "users", "mode", "total_size", "channel_exist"]), JSON),
        "success": JSON,
    },
)
STATUSES = st.sampled_from([200, 201, 206, 302, 400, 401, 403, 404, 408, 429, 500, 502, 503, 504]) | st.integers(
    200, 599
)
HEADERS = st.dictionaries(
    st.sampled_from(["X-Request-Id", "Content-Type", "Retry-After", "Location", "Content-Encoding", "Set-Cookie"]),
    st.sampled_from(
        [
            "",
            "gzip",
            "deflate, gzip",
            "-1",
            "999999999999",
            "https://elsewhere.example",
            "A:0",
            "//[",
            "text/html; charset=x",
        ]
    )
    | st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200),
    max_size=3,
)


@st.composite
def bodies(draw: st.DrawFn, endpoint: Endpoint) -> bytes:
    """Draw what is really answered there, with something changed, or anything else."""
    match draw(st.sampled_from(("values", "values", "bytes", "named", "json", "binary", "deep"))):
        case "values":
            said: Any = {"": copy.deepcopy(json.loads(draw(st.sampled_from(real()[endpoint]))))}
            for _ in range(draw(st.integers(0, 3))):
                *above, last = draw(st.sampled_from([place for place in places(said) if place]))
                holder = said
                for part in above:
                    holder = holder[part]
                holder[last] = draw(JSON | st.just(json.dumps(holder[last])))
            return json.dumps(said[""]).encode()
        case "bytes":
            data = bytearray(draw(st.sampled_from(real()[endpoint])))
            for _ in range(draw(st.integers(1, 4))):
                data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
            return bytes(data[: draw(st.none() | st.integers(0, len(data)))])
        case "named":
            return json.dumps(draw(NAMED)).encode()
        case "json":
            return json.dumps(draw(JSON)).encode()
        case "binary":
            return draw(st.binary(max_size=60))
        case _:
            return draw(
                st.sampled_from(
                    [b"[" * 100_000, b'{"code":' + b"9" * 5_000 + b"}", b'{"sid":' * 2_000, b"\xef\xbb\xbf{}"]
                )
            )


ANSWERS = st.sampled_from(sorted(READERS)).flatmap(
    lambda endpoint: st.tuples(st.just(endpoint), st.builds(Reply, STATUSES, HEADERS, bodies(endpoint)))
)


def meaning(endpoint: Endpoint, reply: Reply) -> object:
    """Read an answer; whatever else than a named error is raised goes on."""
    try:
        return READERS[endpoint](HttpAnswer(endpoint, reply.status, reply.headers, reply.body, START, ("hush",)))
    except ServiceError as error:
        return error


def fault(endpoint: Endpoint, nth: int, reply: Reply, *, processed: bool) -> Fault:
    """Let a call be answered so; where the answer says whether it was processed, so it was."""
    match endpoint, meaning(endpoint, reply):
        case "stop", Stopped():
            processed = True
        case "start", OutcomeUnknownError() | IdentityHeld() | ResourceSpent() | NotAllocated() | AlreadyStarted(
            sid=None
        ):
            pass
        case "start", StartAccepted() | AlreadyStarted():
            reply = reply.with_body(b"")  # another sid than the recorder has would be a lie
        case "start", ServiceError():
            processed = False  # and so would be a refusal of what was started
        case _:
            pass
    return Fault(endpoint, Replace(reply) if processed else Refuse(reply), ((nth, nth),))


@budget(400)
@given(ANSWERS)
def test_any_answer_is_understood_or_named_by_what_to_do_next(answer: tuple[Endpoint, Reply]) -> None:
    endpoint, reply = answer
    said = meaning(endpoint, reply)
    event(f"{endpoint} {type(said).__name__}")
    assert str(said).isprintable() or not isinstance(said, ServiceError)
    f"{said} {said!r}".encode()  # as logs and the ledger take it


@budget(40)
@given(st.lists(st.tuples(ANSWERS, st.integers(1, 6), st.booleans()), min_size=1, max_size=4), st.booleans())
def test_no_answer_in_the_midst_of_an_apply_loses_or_doubles_a_recorder(
    answers: list[tuple[tuple[Endpoint, Reply], int, bool]],
    with_sid: bool,  # noqa: FBT001
) -> None:
    with folder() as place:
        stage = Stage(Path(place), Options(already_started_sid=with_sid))
        for (endpoint, reply), nth, processed in answers:
            stage.faults.add(fault(endpoint, nth, reply, processed=processed))

        async def story() -> None:
            stage.write(*BEFORE)
            await stage.apply()
            stage.write(*AFTER)
            await stage.apply(prune=True)
            stage.faults.faults.clear()
            await minutes(1)
            await stage.apply(prune=True)
            sessions = [one for entry in (await stage.entries()).values() for one in entry.open_sessions]
            unknown = [one for one in stage.live() if not any(knows(session, one) for session in sessions)]
            assert not unknown, "nobody would ever stop it"
            unreachable = {one.identity.channel for one in sessions if isinstance(one.state, Held)}
            assert set(stage.live_channels()) <= WANTED | unreachable

        played(story)
        assert_never_two(stage)


@budget(20)
@given(st.lists(st.tuples(st.sampled_from(PEOPLE).flatmap(lambda one: st.tuples(st.just(one), bodies(one))), STATUSES)))
def test_no_list_of_people_stops_a_recorder(lists: list[tuple[tuple[Endpoint, bytes], int]]) -> None:
    with folder() as place:
        stage = Stage(Path(place), Options(recorders_listed=True))
        stage.write(recording("always"), recording("with-people", "  when: occupied"))

        async def story() -> None:
            async with keeping(stage) as house:
                stage.world.join(virtual_seconds(), "with-people", "7")
                await minutes(2)
                assert stage.live_channels() == ["always", "with-people"]
                for (endpoint, body), status in lists:
                    stage.faults.add(Fault(endpoint, Replace(Reply(status, {}, body))))
                    await minutes(1)
                    stage.faults.faults.clear()
                await minutes(3)
                assert stage.live_channels() == ["always", "with-people"]
                assert stage.calls("stop") == 0
                assert not [one for one in house.logged if "bug" in str(one) or one["event"] == "loop.failed"]

        played(story)
        assert_never_two(stage)
