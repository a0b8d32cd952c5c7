"""A caller of the world with a clock in its hand, and the bodies the tests start from."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.simulator.options import Options
from reconciler.simulator.recorder import Recorder
from reconciler.simulator.world import World

T0 = 1_700_000_000.0
APP = "0123456789abcdef0123456789abcdef"
AUTHORIZATION = "Basic Y3VzdG9tZXI6c2VjcmV0"  # customer:secret

STORAGE: dict[str, Any] = {
    "vendor": 1, "region": 0, "bucket": "recordings", "accessKey": "key", "secretKey": "secret",
    "fileNamePrefix": ["dir"],
}  # fmt: skip
VIDEO: dict[str, Any] = {"width": 360, "height": 640, "fps": 15, "bitrate": 500}
HLS: dict[str, Any] = {"avFileType": ["hls"]}
HLS_MP4: dict[str, Any] = {"avFileType": ["hls", "mp4"]}
SNAPSHOTS: dict[str, Any] = {"captureInterval": 5, "fileType": ["jpg"]}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: dict[str, Any]
    headers: Mapping[str, str]
    delay: float

    @property
    def code(self) -> int | None:
        return self.body.get("code")

    @property
    def reason(self) -> str | None:
        return self.body.get("reason")

    @property
    def said(self) -> dict[str, Any]:
        response: dict[str, Any] = self.body["serverResponse"]
        return response


@dataclass(frozen=True, slots=True)
class Handle:
    resource_id: str
    sid: str
    mode: str
    cname: str
    uid: str

    @property
    def path(self) -> str:
        return f"resourceid/{self.resource_id}/sid/{self.sid}/mode/{self.mode}"


def recording(*, files: dict[str, Any] | None = None, **config: Any) -> dict[str, Any]:
    """A start clientRequest that is good for mix and individual; `config` goes into recordingConfig."""
    request: dict[str, Any] = {"recordingConfig": config, "storageConfig": STORAGE}
    return request | ({"recordingFileConfig": files} if files else {})


def web(*, publish: str | None = None, files: dict[str, Any] | None = None, **param: Any) -> dict[str, Any]:
    page = {
        "url": "https://example.com/page", "audioProfile": 0, "videoWidth": 1280, "videoHeight": 720,
        "maxRecordingHour": 4,
    } | param  # fmt: skip
    services: list[dict[str, Any]] = [
        {"serviceName": "web_recorder_service", "errorHandlePolicy": "error_abort", "serviceParam": page}
    ]
    if publish is not None:
        outputs = {"outputs": [{"rtmpUrl": publish}]}
        services.append(
            {"serviceName": "rtmp_publish_service", "errorHandlePolicy": "error_ignore", "serviceParam": outputs}
        )
    extension = {"errorHandlePolicy": "error_abort", "extensionServices": services}
    request: dict[str, Any] = {"extensionServiceConfig": extension, "storageConfig": STORAGE}
    return request | ({"recordingFileConfig": files} if files else {})


def driver(**options: Any) -> "Driver":
    """A driver of a fresh world; without a quota unless one is named."""
    return Driver(World(Options(**{"rate": 0, **options})))


@dataclass(slots=True)
class Driver:
    world: World
    now: float = T0
    app: str = APP
    headers: dict[str, str] = field(
        default_factory=lambda: {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
    )

    def after(self, seconds: float) -> "Driver":
        self.now += seconds
        return self

    def call(self, method: str, target: str, body: Any = None) -> Answer:
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        reply = self.world.handle(self.now, method, target, self.headers, content)
        return Answer(reply.status, json.loads(reply.body), reply.headers, reply.delay)

    def service(self, method: str, path: str, body: Any = None) -> Answer:
        return self.call(method, f"/v1/apps/{self.app}/cloud_recording/{path}", body)

    def acquire(self, cname: str = "room1", uid: str = "900001", **request: Any) -> Answer:
        return self.service("POST", "acquire", {"cname": cname, "uid": uid, "clientRequest": request})

    def start(
        self, resource_id: str, request: Any = None, mode: str = "mix", cname: str = "room1", uid: str = "900001"
    ) -> Answer:
        body = {"cname": cname, "uid": uid, "clientRequest": recording() if request is None else request}
        return self.service("POST", f"resourceid/{resource_id}/mode/{mode}/start", body)

    def try_start(self, request: Any = None, mode: str = "mix", cname: str = "room1", uid: str = "900001") -> Answer:
        """Acquire and start; the answer to the start."""
        scene = {"scene": 1} if mode == "web" else {}
        return self.start(self.acquire(cname, uid, **scene).body["resourceId"], request, mode, cname, uid)

    def record(self, request: Any = None, mode: str = "mix", cname: str = "room1", uid: str = "900001") -> Handle:
        """Acquire and start, which must succeed."""
        answer = self.try_start(request, mode, cname, uid)
        assert answer.status == 200, answer
        return Handle(answer.body["resourceId"], answer.body["sid"], mode, cname, uid)

    def query(self, handle: Handle) -> Answer:
        return self.service("GET", f"{handle.path}/query")

    def status(self, handle: Handle) -> int:
        """The status a query shows, or the HTTP status of a refusal."""
        answer = self.query(handle)
        return int(answer.said["status"]) if answer.status == 200 else answer.status

    def stop(self, handle: Handle, **request: Any) -> Answer:
        return self._change(handle, "stop", request)

    def update(self, handle: Handle, **request: Any) -> Answer:
        return self._change(handle, "update", request)

    def update_layout(self, handle: Handle, **request: Any) -> Answer:
        return self._change(handle, "updateLayout", request)

    def join(self, uid: str, cname: str = "room1", *, publishing: bool = True) -> None:
        self.world.join(self.now, cname, uid, publishing=publishing)

    def leave(self, uid: str | None = None, cname: str = "room1") -> None:
        self.world.leave(self.now, cname, uid)

    def recorder(self, handle: Handle) -> Recorder:
        self.world.live(self.now)
        return next(recorder for recorder in self.world.recorders if recorder.sid == handle.sid)

    def live(self) -> int:
        return len(self.world.live(self.now))

    def _change(self, handle: Handle, call: str, request: Any) -> Answer:
        body = {"cname": handle.cname, "uid": handle.uid, "clientRequest": request}
        return self.service("POST", f"{handle.path}/{call}", body)


def running(service: Driver, request: dict[str, Any], mode: str = "mix", seconds: float = 90) -> Handle:
    """A recorder that has been at it for a while."""
    handle = service.record(request, mode)
    service.after(seconds).live()
    return handle
