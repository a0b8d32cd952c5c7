"""The calls that name a running recorder by resourceId and sid: query, update, updateLayout, stop (§3, §4.2, §5)."""

from collections.abc import Mapping
from typing import Any

from reconciler.simulator.checks import check_update
from reconciler.simulator.fields import Fields
from reconciler.simulator.fleet import Fleet
from reconciler.simulator.layouts import check_layout, layout_from
from reconciler.simulator.recorder import Recorder, publish_url, subscription_from
from reconciler.simulator.refusal import Refusal, gateway, refused
from reconciler.simulator.replies import identified, invalid_operation, not_found, query_body, stop_body
from reconciler.simulator.routes import Route

_COMMANDS = {
    "query": "QueryCloudRecorder",
    "update": "UpdateCloudRecorder",
    "updateLayout": "UpdateLayout",
    "stop": "StopCloudRecorder",
}
Answer = tuple[int, dict[str, Any], float]


def serve(fleet: Fleet, route: Route, said: Mapping[str, Any], now: float) -> Answer:
    """Give status, body, and how long the answer takes, or refuse."""
    if route.endpoint == "updateLayout" and route.mode != "mix":
        if fleet.options.layout_elsewhere == "route":
            raise gateway(404, "no Route matched with those values")
        raise refused("updateLayout: only for mode mix!")
    recorder = _find(fleet, route, said, now)
    match route.endpoint:
        case "query":
            return _query(fleet, recorder, now)
        case "stop":
            return _stop(fleet, recorder, said, now)
        case "update":
            _update(fleet, recorder, said["clientRequest"])
        case _:
            _update_layout(fleet, recorder, said["clientRequest"])
    return 200, identified(recorder), 0.0


def _find(fleet: Fleet, route: Route, said: Mapping[str, Any], now: float) -> Recorder:
    """Find the recorder of a handle, as far as the service can still reach it."""
    options, command = fleet.options, _COMMANDS[route.endpoint]
    recorder = fleet.by_sid.get(route.sid)
    if recorder is None or (recorder.resource_id, recorder.app_id) != (route.resource_id, route.app_id):
        raise not_found(command, None, options)
    if said and (said["cname"], said["uid"]) != (recorder.channel, recorder.uid):
        raise refused("cname or uid does not match!", code=432, status=options.old_code_status)
    if now >= recorder.control_until:
        # The recorder lives on; only its handle is dead (§5.5).
        reason = "resourceId exceeded time limit!"
        raise refused(reason, code=options.expired_code, status=options.expired_status)
    lingers = options.linger if route.endpoint == "query" else 0.0
    gone = recorder.gone_at is not None and now >= recorder.gone_at + lingers
    if gone or recorder.hidden or recorder.mode != route.mode:
        raise not_found(command, recorder, options)
    return recorder


def _query(fleet: Fleet, recorder: Recorder, now: float) -> Answer:
    if not recorder.live:
        match fleet.options.exiting_query:
            case "404":
                raise not_found(_COMMANDS["query"], recorder, fleet.options)
            case "501":
                raise refused("service is exiting", code=501)
            case "status":
                pass
    return 200, query_body(recorder, now, fleet.options), 0.0


def _stop(fleet: Fleet, recorder: Recorder, said: Mapping[str, Any], now: float) -> Answer:
    options, request = fleet.options, said["clientRequest"]
    fields = Fields("stop", "clientRequest", request)
    fields.flag("async_stop")
    if not recorder.live:
        raise invalid_operation(recorder, options)
    fleet.end(recorder, now, "stopped")
    empty = recorder.mode != "web" and not recorder.tracks
    if (empty and options.no_data_435) or (recorder.snapshot_only and options.snapshot_435):
        body = {"cname": recorder.channel, "code": 435, "reason": "no recorded data", "uid": recorder.uid}
        raise Refusal(206, body)
    if request.get("async_stop", False):
        return 200, stop_body(recorder, now, options.async_uploading_status), 0.0
    if options.upload_seconds > options.stop_wait:
        body = {"cname": recorder.channel, "code": 50, "reason": "upload timeout", "uid": recorder.uid}
        return options.stop_timeout_status, body, options.stop_wait
    return 200, stop_body(recorder, now, options.uploading_status), options.upload_seconds


def _update(fleet: Fleet, recorder: Recorder, request: Mapping[str, Any]) -> None:
    _require_live(fleet, recorder, "update")
    check_update(recorder.mode, recorder.recording.get("streamTypes", 2), request)
    if "storageConfig" in request:
        recorder.storage = request["storageConfig"]
    if recorder.mode == "web":
        if "webRecordingConfig" in request:
            recorder.paused = request["webRecordingConfig"].get("onhold", False)
        if "rtmpPublishConfig" in request:
            recorder.publish_url = publish_url(request["rtmpPublishConfig"])
    elif "streamSubscribe" in request:
        lists = request["streamSubscribe"]
        recorder.subscription = subscription_from(lists.get("audioUidList", {}), lists.get("videoUidList", {}))
    fleet.look_around(recorder)


def _update_layout(fleet: Fleet, recorder: Recorder, request: Mapping[str, Any]) -> None:
    _require_live(fleet, recorder, "updateLayout")
    check_layout(Fields("updateLayout", "clientRequest", request))
    recorder.layout = layout_from(request)


def _require_live(fleet: Fleet, recorder: Recorder, endpoint: str) -> None:
    if not recorder.live:
        raise not_found(_COMMANDS[endpoint], recorder, fleet.options)
