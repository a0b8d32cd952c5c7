"""The official client drives the simulator over real HTTP: what it sends is taken, what it gets it can read."""

from collections.abc import Iterator
from typing import Any

import pytest
from agora_rest_client.core.domain import Domain, EndpointRegion
from agora_rest_client.services.cloud_recording.v1 import api_start
from agora_rest_client.services.cloud_recording.v1.individual_recording import api_start as individual_start
from agora_rest_client.services.cloud_recording.v1.individual_recording import api_update as individual_update
from agora_rest_client.services.cloud_recording.v1.individual_recording.individual_recording_client import (
    IndividualRecordingClient,
)
from agora_rest_client.services.cloud_recording.v1.mix_recording import api_update as mix_update
from agora_rest_client.services.cloud_recording.v1.mix_recording.mix_recording_client import MixRecordingClient
from agora_rest_client.services.cloud_recording.v1.web_recording import api_update as web_update
from agora_rest_client.services.cloud_recording.v1.web_recording.web_recording_client import WebRecordingClient

from reconciler.simulator.options import Options
from reconciler.simulator.serve import running_simulator
from reconciler.simulator.world import World
from tests.simulator.driver import APP, T0

EVERYBODY = ["#allstream#"]


class Loopback(Domain):  # type: ignore[misc]
    """The one exception to using the client as it is: it knows only its own hosts, asks DNS for them, and leaves a
    thread behind that does so for ever."""

    def __init__(self, host: str) -> None:
        super().__init__(EndpointRegion.US.value)
        self._host = host

    def get_domain_list(self) -> list[str]:
        return [self._host]

    def run(self, logger: Any) -> None:
        self.set_logger(logger)


class PlainHttp:
    """The same exception: it hard-codes https."""

    def get_api_url(self, host: str, url: str, service_region: str | None = None) -> str:
        assert service_region is None
        return f"http://{host}{url}"


class Mix(PlainHttp, MixRecordingClient):  # type: ignore[misc]
    pass


class Individual(PlainHttp, IndividualRecordingClient):  # type: ignore[misc]
    pass


class Web(PlainHttp, WebRecordingClient):  # type: ignore[misc]
    pass


class Clock:
    """World time moves when a test says so."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> float:
        return self.now


class Simulator:
    def __init__(self, url: str, world: World, clock: Clock) -> None:
        self.host = url.removeprefix("http://")
        self.world = world
        self.clock = clock

    def connect(self, client: Any) -> Any:
        client.with_app_id(APP).with_credential_basic_auth("customer", "secret").with_domain(Loopback(self.host))
        return client.build()

    def after(self, seconds: float) -> None:
        self.clock.now += seconds

    def calls(self) -> list[tuple[str, int]]:
        return [(call.endpoint, call.status) for call in self.world.calls]


@pytest.fixture(name="simulator")
def fixture_simulator() -> Iterator[Simulator]:
    clock = Clock()
    with running_simulator(Options(upload_seconds=0), clock=clock) as (url, world):
        yield Simulator(url, world, clock)


def storage() -> Any:
    return api_start.StorageConfig(
        vendor=1, region=0, bucket="b", accessKey="key", secretKey="secret", fileNamePrefix=["dir"]
    )


def test_a_mix(simulator: Simulator) -> None:
    client = simulator.connect(Mix())
    resource_id = client.acquire("room1", "1", resource_expired_hour=24).resourceId
    video = api_start.TranscodingConfig(
        width=640, height=640, fps=15, bitrate=800, mixedVideoLayout=0, backgroundColor="#000000"
    )
    config = api_start.RecordingConfig(
        channelType=1, streamTypes=2, audioProfile=2, maxIdleTime=30, subscribeAudioUids=EVERYBODY,
        subscribeVideoUids=EVERYBODY, transcodingConfig=video,
    )  # fmt: skip
    sid = client.start(resource_id, "room1", "1", "", storage(), config).sid
    simulator.after(20)

    assert client.query(resource_id, sid).serverResponse["status"] == 5
    lists = mix_update.StreamSubscribe(
        audioUidList=mix_update.AudioUidList(subscribeAudioUids=EVERYBODY),
        videoUidList=mix_update.VideoUidList(subscribeVideoUids=["5"]),
    )
    client.update(resource_id, sid, "room1", "1", stream_subscribe=lists)
    client.update_layout(resource_id, sid, "room1", "1", mixed_video_layout=1, background_color="#FF0000")
    recorder = simulator.world.recorders[0]
    assert recorder.layout == {"mixedVideoLayout": 1, "backgroundColor": "#FF0000"}
    assert recorder.subscription == {"subscribeAudioUids": EVERYBODY, "subscribeVideoUids": ["5"]}
    stopped = client.stop(resource_id, sid, "room1", "1")

    assert stopped.serverResponse["uploadingStatus"] == "uploaded"
    assert [file["fileName"].rpartition(".")[2] for file in stopped.serverResponse["fileList"]] == ["m3u8", "mp4"]
    names = ["acquire", "start", "query", "update", "updateLayout", "stop"]
    assert simulator.calls() == [(name, 200) for name in names]
    assert recorder.end_reason == "stopped"


def test_an_individual_recording(simulator: Simulator) -> None:
    client = simulator.connect(Individual())
    resource_id = client.acquire("room1", "1").resourceId
    config = api_start.RecordingConfig(channelType=1, streamTypes=2, subscribeUidGroup=0)
    snapshots = individual_start.SnapshotConfig(captureInterval=5, fileType=["jpg"])
    sid = client.start(resource_id, "room1", "1", "", storage(), config, snapshot_type=1, snapshot_config=snapshots).sid
    simulator.after(90)

    assert client.query(resource_id, sid).serverResponse["status"] == 5
    lists = individual_update.StreamSubscribe(audioUidList=individual_update.AudioUidList(subscribeAudioUids=EVERYBODY))
    client.update(resource_id, sid, "room1", "1", stream_subscribe=lists)
    assert client.stop(resource_id, sid, "room1", "1").serverResponse == {"uploadingStatus": "uploaded"}
    assert simulator.calls() == [(name, 200) for name in ("acquire", "start", "query", "update", "stop")]


def test_a_web_page(simulator: Simulator) -> None:
    client = simulator.connect(Web())
    resource_id = client.acquire("page", "1").resourceId
    page = api_start.ServiceParam(
        url="https://example.com", audioProfile=0, videoWidth=1280, videoHeight=720, maxRecordingHour=1
    )
    service = api_start.ExtensionServices(
        serviceName="web_recorder_service", errorHandlePolicy="error_abort", serviceParam=page
    )
    config = api_start.ExtensionServiceConfig(errorHandlePolicy="error_abort", extensionServices=[service])
    sid = client.start(resource_id, "page", "1", storage(), config).sid
    simulator.after(30)

    assert client.query(resource_id, sid).serverResponse["status"] == 5
    hold = web_update.WebRecordingConfig(onhold=True)
    client.update(resource_id, sid, "page", "1", web_recording_config=hold)
    assert simulator.world.recorders[0].paused
    states = client.stop(resource_id, sid, "page", "1").serverResponse["extensionServiceState"]

    assert [state["serviceName"] for state in states] == ["web_recorder_service", "upload_service"]
    assert simulator.calls() == [(name, 200) for name in ("acquire", "start", "query", "update", "stop")]
