"""Every body the service answers with, by mode (§3); what is said, not when."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from reconciler.simulator.notices import milliseconds
from reconciler.simulator.options import Options
from reconciler.simulator.recorder import Recorder, Track
from reconciler.simulator.refusal import Refusal, refused


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; `delay` is how many seconds of world time the service takes to give it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0.0

    def with_body(self, body: bytes) -> "Reply":
        return replace(self, body=body)


def json_reply(status: int, body: Mapping[str, Any], request_id: str, delay: float = 0.0) -> Reply:
    """Keys come sorted, as in real bodies (§3.1): nobody may depend on their order."""
    headers = {"Content-Type": "application/json", "X-Request-Id": request_id}
    return Reply(status, headers, json.dumps(body, sort_keys=True).encode(), delay)


def identified(recorder: Recorder, rest: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Add the four names every good answer carries; the uid is the identity, also after a failover."""
    names = {
        "cname": recorder.channel,
        "uid": recorder.uid,
        "resourceId": recorder.resource_id,
        "sid": recorder.sid,
    }
    return names | dict(rest or {})


def query_body(recorder: Recorder, now: float, options: Options) -> dict[str, Any]:
    shown = [track for track in recorder.tracks if track.shown_at <= now]
    answer: dict[str, Any] = {"status": recorder.status(now, options.status_after)}
    if recorder.mode == "web":
        state = "init" if recorder.joined_at is None else "inProgress"
        answer["extensionServiceState"] = _web_states(recorder, shown if options.web_files else [], state)
    else:
        if not recorder.snapshots:
            answer |= _file_list(recorder, shown)
        answer["sliceStartTime"] = milliseconds(shown[0].since) if shown else 0
    return identified(recorder, {"serverResponse": answer})


def stop_body(recorder: Recorder, now: float, uploading: str) -> dict[str, Any]:
    if recorder.mode == "web":
        states = _web_states(recorder, recorder.tracks, "exit", with_mp4=True)
        upload = {"payload": {"uploadingStatus": uploading}, "serviceName": "upload_service"}
        return identified(recorder, {"serverResponse": {"extensionServiceState": [states[0], upload]}})
    answer: dict[str, Any] = {"uploadingStatus": uploading}
    if not recorder.snapshots:
        answer |= _file_list(recorder, recorder.tracks, mp4_until=now)
    return identified(recorder, {"serverResponse": answer})


def file_entries(recorder: Recorder, tracks: list[Track], mp4_until: float | None = None) -> list[dict[str, Any]]:
    """Write the objects of a `json` file list; MP4 files are listed by stop only (§3.2)."""
    entries = [_entry(track, f"{track.name}.m3u8") for track in tracks]
    if mp4_until is not None and "mp4" in recorder.formats:
        for track in tracks:
            # §2.7: a new MP4 about every two hours.
            count = 1 + int((mp4_until - track.since) // 7200)
            entries += [_entry(track, f"{track.name}_{number}.mp4") for number in range(count)]
    return entries


def web_files(recorder: Recorder, tracks: list[Track], *, with_mp4: bool = False) -> list[dict[str, Any]]:
    """List the files of a web recording, whose key has a small n (§3.2)."""
    endings = [".m3u8", *(["_0.mp4"] if with_mp4 and "mp4" in recorder.formats else [])]
    return [
        {"filename": track.name + ending, "sliceStartTime": milliseconds(track.since)}
        for track in tracks
        for ending in endings
    ]


def _entry(track: Track, name: str) -> dict[str, Any]:
    mixed = track.kind == "audio_and_video"
    return {
        "fileName": name,
        "trackType": track.kind,
        "uid": track.uid,
        "mixedAllUser": mixed,
        # The official individual example says so of every video index.
        "isPlayable": track.kind != "video",
        "sliceStartTime": milliseconds(track.since),
    }


def _file_list(recorder: Recorder, tracks: list[Track], mp4_until: float | None = None) -> dict[str, Any]:
    if recorder.mode == "mix" and "mp4" not in recorder.formats:
        return {"fileListMode": "string", "fileList": f"{tracks[-1].name}.m3u8" if tracks else ""}
    return {"fileListMode": "json", "fileList": file_entries(recorder, tracks, mp4_until)}


def _web_states(recorder: Recorder, tracks: list[Track], state: str, *, with_mp4: bool = False) -> list[dict[str, Any]]:
    files = web_files(recorder, tracks, with_mp4=with_mp4)
    payload = {"state": state, "onhold": recorder.paused, "fileList": files}
    states: list[dict[str, Any]] = [{"payload": payload, "serviceName": "web_recorder_service"}]
    if recorder.publish_url is not None:
        status = "onhold" if recorder.paused else "connecting" if state == "init" else "publishing"
        outputs = [{"rtmpUrl": recorder.publish_url, "status": status}]
        states.append({"payload": {"state": state, "outputs": outputs}, "serviceName": "rtmp_publish_service"})
    return states


def not_found(command: str, recorder: Recorder | None, options: Options) -> Refusal:
    """§3.4, shapes 2, 3 and 6; of a handle nobody knows there is no identity to tell."""
    reason = "failed to find worker"
    if recorder is None or options.not_found == "short":
        return refused(reason, code=404, status=404)
    if options.not_found == "identity":
        body = {"cname": recorder.channel, "code": 404, "reason": reason, "uid": recorder.uid}
        return Refusal(404, body)
    answer = {"command": command, "payload": {"message": reason}, "subscribeModeBitmask": 1, "vid": "1209"}
    return Refusal(404, identified(recorder, {"code": 404, "serverResponse": answer}))


def invalid_operation(recorder: Recorder, options: Options) -> Refusal:
    """§3.4, shapes 2 and 5 of code 49."""
    if options.invalid_operation == "short":
        return refused("invalid operation", code=49)
    answer = {
        "backuped": 0,
        "fileListMode": "string",
        "fileListStr": recorder.files[-1] if recorder.files else "",
        "gwWorkerVersion": 1,
        "inProgressBitmask": 1,
        "output": {},
        "payload": {"message": "Failed"},
        "selectionBitmask": 1,
        "subscribeModeBitmask": 1,
    }
    return Refusal(400, identified(recorder, {"code": 49, "serverResponse": answer}))
