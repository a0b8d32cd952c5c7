"""The webhooks the service would send (§7); delivering them is somebody else's job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.simulator.recorder import Recorder

ERROR: Final = 1
FILE_INFOS: Final = 4
SESSION_EXIT: Final = 11
FAILOVER: Final = 12
UPLOADED: Final = 31
BACKUPED: Final = 32
PROGRESS: Final = 33
STARTED: Final = 40
LEFT: Final = 41
WEB_STARTED: Final = 70
WEB_STOPPED: Final = 71

# §7.3: event type → msgName, serviceType
_NAMES: Final[Mapping[int, tuple[str, int]]] = {
    ERROR: ("cloud_recording_error", 0),
    FILE_INFOS: ("cloud_recording_file_infos", 0),
    SESSION_EXIT: ("session_exit", 0),
    FAILOVER: ("session_failover", 0),
    UPLOADED: ("uploaded", 2),
    BACKUPED: ("backuped", 2),
    PROGRESS: ("uploading_progress", 2),
    STARTED: ("recorder_started", 1),
    LEFT: ("recorder_leave", 1),
    WEB_STARTED: ("web_recorder_started", 6),
    WEB_STOPPED: ("web_recorder_stopped", 6),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice as it leaves the service."""

    at: float
    event_type: int
    notice_id: str
    sid: str
    payload: Mapping[str, Any]

    @property
    def channel(self) -> str:
        return str(self.payload["cname"])

    def envelope(self, at: float | None = None) -> dict[str, Any]:
        """§7.2: the body of the request, before it is signed; `notifyMs` is when it is sent, each time anew."""
        return {
            "noticeId": self.notice_id,
            "productId": 3,
            "eventType": self.event_type,
            "notifyMs": milliseconds(self.at if at is None else at),
            "payload": self.payload,
            "sid": self.sid,
        }


def milliseconds(at: float) -> int:
    return round(at * 1000)


def make_notice(recorder: Recorder, at: float, event_type: int, notice_id: str, details: Mapping[str, Any]) -> Notice:
    """Write the next notice of a recorder; `sequence` counts from 0 per recorder."""
    name, service_type = _NAMES[event_type]
    payload = {
        "cname": recorder.channel,
        "uid": recorder.current_uid,
        "sid": recorder.sid,
        "sequence": recorder.notices_sent,
        "sendts": milliseconds(at),
        "serviceType": service_type,
        "serviceScene": _scene(recorder),
        "details": {"msgName": name, **details},
    }
    recorder.notices_sent += 1
    return Notice(at, event_type, notice_id, recorder.sid, payload)


def _scene(recorder: Recorder) -> str:
    if recorder.mode == "web":
        return "web_record"
    if recorder.mode == "mix":
        return "mix_record"
    return "rtc_snapshot" if recorder.snapshot_only else "rtc_record"
