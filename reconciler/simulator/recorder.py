"""What runs at Agora: one recorder from its start to its end, and the subscription and files it has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from reconciler.simulator.checks import SUBSCRIPTION
from reconciler.simulator.layouts import layout_from

Medium = Literal["audio", "video"]
MEDIA: Final[Mapping[int, tuple[Medium, ...]]] = {0: ("audio",), 1: ("video",), 2: ("audio", "video")}
_EVERYBODY: Final = "#allstream#"


@dataclass(frozen=True, slots=True)
class Reservation:
    """What an acquire reserved."""

    resource_id: str
    app_id: str
    channel: str
    uid: str
    acquired_at: float
    control_seconds: float
    scene: int
    start_parameter: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Track:
    """One index file: who and what is in it, and from when a query shows it."""

    name: str
    uid: str
    kind: Literal["audio", "video", "audio_and_video"]
    since: float
    shown_at: float


@dataclass(slots=True, eq=False)
class Recorder:
    """One recorder; not frozen, because it is the thing that changes.

    `uid` is its identity, `current_uid` its name in the channel, which a failover changes.
    """

    app_id: str
    channel: str
    uid: str
    mode: str
    resource_id: str
    sid: str
    started_at: float
    control_until: float
    request: Mapping[str, Any]
    layout: dict[str, Any] | None
    subscription: dict[str, list[str]]
    storage: Mapping[str, Any]
    paused: bool = False
    publish_url: str | None = None
    current_uid: str = ""
    joined_at: float | None = None
    idle_since: float | None = None
    hidden_until: float | None = None
    failovers: int = 0
    ended_at: float | None = None
    gone_at: float | None = None
    end_reason: str | None = None
    abnormal: bool = False
    tracks: list[Track] = field(default_factory=list)
    notices_sent: int = 0

    @property
    def token(self) -> str | None:
        return self.request.get("token")

    @property
    def live(self) -> bool:
        """Not ended; a hidden recorder is live, because it comes back."""
        return self.ended_at is None

    @property
    def hidden(self) -> bool:
        return self.hidden_until is not None and self.ended_at is None

    @property
    def in_channel(self) -> bool:
        return self.live and self.joined_at is not None and self.hidden_until is None and self.mode != "web"

    @property
    def recording(self) -> Mapping[str, Any]:
        said: Mapping[str, Any] = {} if self.mode == "web" else self.request.get("recordingConfig", {})
        return said

    @property
    def page(self) -> Mapping[str, Any]:
        """The serviceParam of a web recording."""
        return service_param(self.request, "web_recorder_service")

    @property
    def media(self) -> tuple[Medium, ...]:
        return MEDIA[self.recording.get("streamTypes", 2)]

    @property
    def formats(self) -> list[str]:
        formats: list[str] = self.request.get("recordingFileConfig", {}).get("avFileType", ["hls"])
        return formats

    @property
    def snapshots(self) -> bool:
        return "snapshotConfig" in self.request

    @property
    def snapshot_only(self) -> bool:
        return self.snapshots and "recordingFileConfig" not in self.request

    @property
    def max_idle(self) -> float:
        return float(self.recording.get("maxIdleTime", 30))

    @property
    def files(self) -> list[str]:
        """The index files so far, shown by a query or not."""
        return [f"{track.name}.m3u8" for track in self.tracks]

    def subscribes(self, medium: Medium, uid: str) -> bool:
        """§2.4: lists for one medium only mean that the other is not recorded at all."""
        if medium not in self.media:
            return False
        name = medium.capitalize()
        chosen = self.subscription.get(f"subscribe{name}Uids")
        left_out = self.subscription.get(f"unSubscribe{name}Uids")
        if chosen is not None:
            return _EVERYBODY in chosen or uid in chosen
        if left_out is not None:
            return uid not in left_out
        return not self.subscription

    def file_base(self) -> str:
        """§5.13, §5.8: prefix, then `bak<n>_` after the n-th failover, then sid and channel."""
        channel = self.channel
        if self.mode == "web":
            channel = "".join(letter if letter.isalnum() else "-" for letter in channel)
        backup = f"bak{self.failovers - 1}_" if self.failovers else ""
        prefix = self.request["storageConfig"].get("fileNamePrefix", [])
        return "/".join([*prefix, f"{backup}{self.sid}_{channel}"])

    def status(self, now: float, after: tuple[float, float, float]) -> int:
        """§3.2: 1 to 4 by age, 5 from the first slice, 6 and 7 on the way out, then 8 or 20."""
        if self.ended_at is not None and self.gone_at is not None:
            if now >= self.gone_at:
                return 20 if self.abnormal else 8
            return 6 if now < (self.ended_at + self.gone_at) / 2 else 7
        if any(track.shown_at <= now for track in self.tracks):
            return 5
        return 1 + sum(now - self.started_at >= age for age in after)


def service_param(request: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Find what a web start says to one of its services; empty if that service is not asked for."""
    services = request.get("extensionServiceConfig", {}).get("extensionServices", [])
    for service in services:
        if service["serviceName"] == name:
            param: Mapping[str, Any] = service.get("serviceParam", {})
            return param
    return {}


def publish_url(outputs: Mapping[str, Any]) -> str | None:
    found = outputs.get("outputs", [])
    return found[0]["rtmpUrl"] if found else None


def new_recorder(reservation: Reservation, mode: str, sid: str, now: float, request: Mapping[str, Any]) -> Recorder:
    """Make a recorder as its start asks for it."""
    recording = request.get("recordingConfig", {})
    return Recorder(
        app_id=reservation.app_id,
        channel=reservation.channel,
        uid=reservation.uid,
        mode=mode,
        resource_id=reservation.resource_id,
        sid=sid,
        started_at=now,
        control_until=now + reservation.control_seconds,
        request=request,
        layout=layout_from(recording.get("transcodingConfig", {})) if mode == "mix" else None,
        subscription={} if mode == "web" else subscription_from(recording),
        storage=request["storageConfig"],
        paused=service_param(request, "web_recorder_service").get("onhold", False),
        publish_url=publish_url(service_param(request, "rtmp_publish_service")),
        current_uid=reservation.uid,
    )


def subscription_from(*lists: Mapping[str, Any]) -> dict[str, list[str]]:
    """Collect the uid lists under the names the service reads (§2.4: those with a small s are ignored)."""
    return {name: list(values[name]) for values in lists for name in SUBSCRIPTION if name in values}
