"""Whatever is sent, the world answers; and the same requests at the same times get the same answers."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.driver import HLS, SNAPSHOTS, VIDEO, Driver, driver, recording, web

REGION = {"uid": "1", "x_axis": 0, "y_axis": 0, "width": 1, "height": 1}
WHOLE: tuple[tuple[str, dict[str, Any]], ...] = (
    (
        "mix",
        recording(
            files=HLS,
            maxIdleTime=30,
            channelType=1,
            streamTypes=2,
            decryptionMode=7,
            secret="s",
            salt="s",
            subscribeAudioUids=["1"],
            transcodingConfig=VIDEO | {"mixedVideoLayout": 3, "layoutConfig": [REGION], "backgroundConfig": []},
        ),
    ),
    ("individual", recording(files=HLS, streamMode="standard", subscribeUidGroup=0) | {"snapshotConfig": SNAPSHOTS}),
    ("web", web(files=HLS, publish="rtmp://a/b", onhold=False)),
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["hls", "1", 3]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=5), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], to: Any) -> Any:
    if not path:
        return to
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = changed(value[path[0]], path[1:], to)
    return copy


def live_through(service: Driver, mode: str, request: Any) -> list[int]:
    """Start, and if that is taken, do everything else as well."""
    started = service.try_start(request, mode)
    statuses = [started.status]
    if started.status == 200:
        path = f"resourceid/{started.body['resourceId']}/sid/{started.body['sid']}/mode/{mode}"
        body = {"cname": "room1", "uid": "900001", "clientRequest": {"streamSubscribe": request}}
        service.after(100)
        statuses += [service.service("GET", f"{path}/query").status]
        statuses += [service.service("POST", f"{path}/{call}", body).status for call in ("update", "stop")]
        service.after(100).live()
    return statuses


@given(data=st.data())
def test_a_start_with_anything_anywhere_is_answered(data: st.DataObject) -> None:
    mode, request = data.draw(st.sampled_from(WHOLE))
    place = data.draw(st.sampled_from(places(request)))

    statuses = live_through(driver(), mode, changed(request, place, data.draw(ANYTHING)))

    assert set(statuses) <= {200, 206, 400}


@given(
    call=st.sampled_from(["update", "updateLayout", "stop"]),
    request=ANYTHING,
    name=st.sampled_from(
        ["storageConfig", "streamSubscribe", "layoutConfig", "mixedVideoLayout", "backgroundConfig", "async_stop"]
    ),
)
def test_a_change_with_anything_in_it_is_answered(call: str, request: Any, name: str) -> None:
    service = driver()
    handle = service.record()
    body = {"cname": handle.cname, "uid": handle.uid, "clientRequest": {name: request}}

    assert service.service("POST", f"{handle.path}/{call}", body).status in (200, 206, 400)


@given(
    body=st.binary(max_size=20) | ANYTHING.map(lambda value: json.dumps(value).encode()), target=st.text(max_size=30)
)
def test_nonsense_is_answered(body: bytes, target: str) -> None:
    service = driver()

    assert service.service("POST", "acquire", body).status == 400
    assert service.call("GET", "/" + target).status == 404


@given(seed=st.integers(), steps=st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_the_same_story_is_told_twice(seed: int, steps: list[float]) -> None:
    def story() -> list[Any]:
        service = driver(seed=seed)
        handle = service.record(recording(maxIdleTime=30))
        told: list[Any] = [handle]
        for number, step in enumerate(steps):
            service.after(step)
            if number % 3 == 1:
                service.leave()
            if number % 3 == 2:
                service.world.fail_over(service.now, handle.sid, step)
            told.append(service.query(handle).body)
        return [*told, [notice.envelope() for notice in service.world.notices]]

    assert story() == story()
