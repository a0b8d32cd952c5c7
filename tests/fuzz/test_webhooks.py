"""Whatever is posted as a webhook, signed or not: it is answered, and no recorder that is wanted is stopped by it."""

import asyncio
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeAlias

import httpx
from hypothesis import event, given
from hypothesis import strategies as st
from starlette.applications import Starlette

from reconciler.cli.surroundings import Surroundings
from reconciler.model import Held, Intended, Secret
from reconciler.server.health import Pulse
from reconciler.server.metrics import Metrics
from reconciler.server.supervisor import Supervisor
from reconciler.server.webhooks import LARGEST_BODY
from reconciler.simulator.options import Options
from tests.fuzz.budgets import budget, folder
from tests.virtual_time import virtual_seconds
from tests.world.house import House, keeping
from tests.world.stage import Stage, assert_never_two, minutes, played, recording

SECRET = Secret("signing-secret")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.integers(0, 2**70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
Signature: TypeAlias = Literal["right", "old", "wrong", "half", "none", "odd"]
SIGNATURES: st.SearchStrategy[Signature] = st.sampled_from(
    ("right", "right", "right", "old", "wrong", "half", "none", "odd")
)


@dataclass(frozen=True, slots=True)
class Forged:
    """A notice of our recorder that the service has not sent; what is left out is as it should be."""

    event_type: Any
    details: Any
    changes: dict[str, Any]
    payload: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Mangled:
    """A notice that the service has sent, some of its bytes others."""

    which: int
    put: tuple[tuple[int, int], ...]
    cut: int | None


Body: TypeAlias = bytes | Forged | Mangled
DETAILS = st.fixed_dictionaries(
    {},
    optional={
        "exitStatus": st.sampled_from([0, 1]) | JSON,
        "newUid": st.sampled_from([1, "77", 2**32]) | JSON,
        "leaveCode": st.sampled_from([4, 16, 2]) | JSON,
        "code": st.sampled_from([0, 1, 5]) | JSON,
        "errorLevel": st.sampled_from([1, 5]) | JSON,
        "errorCode": JSON,
        "errorMsg": JSON,
        "module": JSON,
        "message": JSON,
        "fileList": JSON | st.just([{"fileName": "a.m3u8", "sliceStartTime": 10**18}]),
    },
)
FORGED = st.builds(
    Forged,
    st.sampled_from([1, 4, 11, 12, 31, 32, 40, 41, 70, 71]) | JSON,
    DETAILS | JSON,
    st.dictionaries(
        st.sampled_from(["sid", "noticeId", "notifyMs", "productId", "payload", "eventType"]), JSON, max_size=1
    ),
    st.dictionaries(st.sampled_from(["sid", "cname", "uid", "sequence", "sendts"]), JSON, max_size=2),
)
MANGLED = st.builds(
    Mangled,
    st.integers(0, 9),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=4).map(tuple),
    st.none() | st.integers(0, 400),
)
BODIES: st.SearchStrategy[Body] = (
    FORGED
    | MANGLED
    | st.binary(max_size=60)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.sampled_from([b"", b"[" * 50_000, b" " * (LARGEST_BODY + 1), b'{"eventType": ' + b"9" * 5_000 + b"}"])
)
POSTS = st.lists(st.tuples(BODIES, SIGNATURES, st.sampled_from((0.0, 0.3, 2.0, 20.0, 100.0))), min_size=1, max_size=6)
STARTS = st.sampled_from(("", "start#1 lose", "start#1 delay 35 after", "start#1 replace 206/65"))


@budget(25)
@given(POSTS, STARTS, st.booleans())
def test_no_webhook_stops_or_doubles_a_recorder_or_is_answered_as_a_failure(
    posts: list[tuple[Body, Signature, float]],
    start: str,
    with_sid: bool,  # noqa: FBT001
) -> None:
    with folder() as place:
        stage = Stage(Path(place), Options(already_started_sid=with_sid))
        stage.write(recording("a"))
        if start:
            stage.fault(start)

        async def story() -> None:
            async with keeping(stage) as house:
                app = served(house)
                await minutes(0.1)
                [recorder] = stage.world.recorders
                for body, signature, pause in posts:
                    await post(app, house, body, signature)
                    await asyncio.sleep(pause)
                await minutes(3)
                assert stage.live() == [recorder], "what is posted starts, ends and stops nothing"
                assert stage.calls("stop") == 0
                [session] = [one for _, one in await house.ledger.sessions() if one.is_open]
                if isinstance(session.state, Intended | Held):
                    assert recorder.resource_id in session.state.resource_ids
                else:
                    assert session.state.sid == recorder.sid
                stage.world.kill(virtual_seconds(), recorder.sid)
                await minutes(15)
                assert stage.live_channels() == ["a"], "and nothing that was posted keeps a dead one in the books"
                assert not [one for one in house.logged if "bug" in str(one) or one["event"] == "server.failed"]

        played(story)
        assert_never_two(stage)


async def post(app: Starlette, house: House, body: Body, signature: Signature) -> None:
    """Post it where the daemon listens, and hold the answer against what may be answered."""
    raw = written(house.stage, body)
    before = notices(house)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://daemon") as client:
        answer = await client.post("/webhooks/agora", content=raw, headers=signatures(raw, signature))
    event(f"{type(body).__name__} {answer.status_code}")
    if len(raw) > LARGEST_BODY:
        assert answer.status_code == 413
    elif signature not in ("right", "old"):
        assert answer.status_code == 401
    else:
        assert answer.status_code in (200, 400)
    if answer.status_code != 200:
        assert notices(house) == before


def notices(house: House) -> list[Any]:
    connection = house.ledger._database._connection
    return connection.execute("SELECT id, document FROM notices ORDER BY id").fetchall()


def written(stage: Stage, body: Body) -> bytes:
    match body:
        case Forged():
            recorder = stage.world.recorders[0]
            payload = {
                "sid": recorder.sid, "cname": recorder.channel, "uid": recorder.uid, "sequence": 3,
                "details": body.details, **body.payload,
            }  # fmt: skip
            envelope = {"eventType": body.event_type, "productId": 3, "sid": recorder.sid, "payload": payload}
            return json.dumps({**envelope, **body.changes}).encode()
        case Mangled():
            sent = stage.world.notices
            real = bytearray(json.dumps(sent[body.which % len(sent)].envelope()).encode() if sent else b"{}")
            for at, byte in body.put:
                real[at % len(real)] = byte
            return bytes(real[: body.cut])
        case _:
            return body


def signatures(raw: bytes, kind: Signature) -> dict[str, str]:
    old, new = (hmac.new(SECRET.reveal().encode(), raw, how).hexdigest() for how in ("sha1", "sha256"))
    match kind:
        case "right":
            return {"Agora-Signature": old, "Agora-Signature-V2": new}
        case "old":
            return {"Agora-Signature": old}
        case "wrong":
            return {"Agora-Signature-V2": new[:-1] + ("0" if new[-1] != "0" else "1")}
        case "half":
            return {"Agora-Signature": old, "Agora-Signature-V2": "0" * 64}
        case "none":
            return {}
        case "odd":
            return {"Agora-Signature": "", "Agora-Signature-V2": "\t"}


def served(house: House) -> Starlette:
    """Make what a daemon with a webhook secret serves."""
    household = house.household
    settings = household.settings.model_copy(update={"webhook_secret": SECRET})
    around = Surroundings(
        settings, household.outside, house.ledger, Pulse(virtual_seconds), Metrics("1"), Supervisor(), None
    )
    app = around._app(household)
    assert isinstance(app, Starlette)
    return app
