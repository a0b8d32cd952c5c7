"""The recording service as a state machine: requests in, answers out, the clock handed in with each."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.simulator import handles
from reconciler.simulator.channels import Channels
from reconciler.simulator.checks import check_acquire, check_start, uid_fits
from reconciler.simulator.fleet import Fleet
from reconciler.simulator.listings import channel_page, user_list
from reconciler.simulator.notices import Notice
from reconciler.simulator.options import Options
from reconciler.simulator.quota import Quota
from reconciler.simulator.recorder import Recorder, Reservation, new_recorder
from reconciler.simulator.refusal import Refusal, gateway, refused
from reconciler.simulator.replies import Reply, identified, json_reply
from reconciler.simulator.routes import CHANGING, Endpoint, Route, find_route

_CONTENT_TYPES = ("application/json", "application/json;charset=utf-8")


@dataclass(frozen=True, slots=True)
class Call:
    """One request that arrived, and what became of it; empty texts where the request did not say."""

    at: float
    method: str
    endpoint: Endpoint
    status: int
    code: int | None
    app_id: str
    channel: str
    uid: str
    sid: str


@dataclass(slots=True)
class World:
    """One simulated service; it advances itself to `now` at each entry."""

    options: Options = field(default_factory=Options)
    calls: list[Call] = field(default_factory=list)
    channels: Channels = field(init=False)
    fleet: Fleet = field(init=False)
    _reservations: dict[str, Reservation] = field(default_factory=dict)
    _used: dict[str, Recorder] = field(default_factory=dict)
    _quotas: dict[str, Quota] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.channels = Channels(self.options)
        self.fleet = Fleet(self.options, self.channels)

    @property
    def recorders(self) -> list[Recorder]:
        """Every recorder that ever was, oldest first."""
        return self.fleet.recorders

    @property
    def notices(self) -> list[Notice]:
        return self.fleet.sent

    def live(self, now: float) -> list[Recorder]:
        """List the recorders that have not ended; one that fails over at this moment is among them."""
        self.fleet.advance(now)
        return self.fleet.live()

    def join(self, now: float, channel: str, uid: str, *, publishing: bool = True) -> None:
        self.fleet.advance(now)
        self.channels.join(channel, uid, publishing=publishing)
        self.fleet.channel_changed(channel)

    def leave(self, now: float, channel: str, uid: str | None = None) -> None:
        """Let a user leave, or everybody."""
        self.fleet.advance(now)
        self.channels.leave(channel, uid)
        self.fleet.channel_changed(channel)

    def kick(self, now: float, channel: str, uid: str) -> None:
        """Throw out whoever has that uid in the channel, user or recorder (§5.9)."""
        self.leave(now, channel, uid)
        for recorder in self.fleet.live():
            if recorder.in_channel and (recorder.channel, recorder.current_uid) == (channel, uid):
                self.fleet.end(recorder, self.fleet.now, "kicked", abnormal=True)

    def kill(self, now: float, sid: str) -> None:
        """End a recorder abnormally, with nobody to take over. Raises KeyError: no such recorder."""
        self.fleet.advance(now)
        self.fleet.end(self.fleet.by_sid[sid], self.fleet.now, "killed", abnormal=True, abrupt=True)

    def fail_over(self, now: float, sid: str, hidden_for: float = 30.0) -> None:
        """Lose a recorder's server; another takes over after `hidden_for`. Raises KeyError: no such recorder."""
        self.fleet.advance(now)
        self.fleet.fail_over(self.fleet.by_sid[sid], hidden_for)

    def name(self, method: str, target: str, body: bytes) -> tuple[Endpoint, str]:
        """Say what a request is and which channel it is about, without handling it."""
        route = find_route(method, target, self.options.query_method)
        return route.endpoint, self._identity(route, body)[0]

    def handle(self, now: float, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> Reply:
        """Answer one request; `target` is the path with its query string."""
        self.fleet.advance(now)
        now = self.fleet.now
        route = find_route(method, target, self.options.query_method)
        request_id = self.fleet.fingerprint("request", 32)
        headers = {name.lower(): value for name, value in headers.items()}
        try:
            self._pass_gateway(route, headers, now)
            status, answer, delay = self._serve(route, headers, body, now)
        except Refusal as refusal:
            status, answer, delay = refusal.status, refusal.body, 0.0
        channel, uid = self._identity(route, body)
        sid = route.sid or (answer.get("sid", "") if route.endpoint == "start" else "")
        call = Call(now, method, route.endpoint, status, answer.get("code"), route.app_id, channel, uid, sid)
        self.calls.append(call)
        return json_reply(status, answer, request_id, delay)

    def _identity(self, route: Route, body: bytes) -> tuple[str, str]:
        """Channel and uid of a request: from its handle where there is one, else as it says."""
        reservation = self._reservations.get(route.resource_id)
        if reservation is not None:
            return reservation.channel, reservation.uid
        try:
            said = json.loads(body) if body else {}
        except ValueError:
            said = {}
        said = said if isinstance(said, dict) else {}
        return str(said.get("cname", route.channel)), str(said.get("uid", ""))

    def _pass_gateway(self, route: Route, headers: Mapping[str, str], now: float) -> None:
        """§4.1, in the order a gateway works: route, credentials, quota, App ID."""
        if route.endpoint == "none":
            raise gateway(404, "no Route matched with those values")
        self._authorize(headers.get("authorization"))
        quota = self._quotas.setdefault(route.app_id if self.options.rate_scope == "app" else "", Quota(self.options))
        if not quota.admits(now):
            raise gateway(429, "API rate limit exceeded")
        known = self.options.app_ids
        if route.app_id and known is not None and route.app_id not in known:
            if self.options.invalid_app == "service" and route.endpoint == "acquire":
                raise refused("invalid_appid", code=400)
            raise gateway(400, "appid is invalid")

    def _authorize(self, header: str | None) -> None:
        if header is None:
            raise gateway(401, "Unauthorized")
        wrong = gateway(401, "Invalid authentication credentials")
        scheme, _, encoded = header.partition(" ")
        try:
            customer, colon, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise wrong from None
        if scheme.lower() != "basic" or not customer or not colon:
            raise wrong
        if self.options.credentials is not None and self.options.credentials.get(customer) != secret:
            raise wrong

    def _serve(
        self, route: Route, headers: Mapping[str, str], body: bytes, now: float
    ) -> tuple[int, dict[str, Any], float]:
        match route.endpoint:
            case "ncsIp":
                hosts = [{"primaryIP": "192.0.2.1"}, {"primaryIP": "192.0.2.2"}]
                return 200, {"data": {"service": {"hosts": hosts}}}, 0.0
            case "channels":
                return 200, channel_page(self.fleet, route), 0.0
            case "users" | "hosts":
                return 200, user_list(self.fleet, route), 0.0
            case _:
                pass
        said = self._said(headers, body) if route.endpoint in CHANGING else {}
        match route.endpoint:
            case "acquire":
                return 200, self._acquire(route, said, now), 0.0
            case "start":
                status, answer = self._start(route, said, now)
                return status, answer, 0.0
            case _:
                return handles.serve(self.fleet, route, said, now)

    def _said(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """Read the body of a changing call and check its envelope (§2, V1; error 8 of §4.4)."""
        kind = headers.get("content-type", "")
        old_status = self.options.old_code_status
        if kind.lower() not in _CONTENT_TYPES:
            raise refused("Content-Type error!", code=8, status=old_status)
        try:
            said = json.loads(body)
        except ValueError:
            raise refused("body is no JSON!", code=8, status=old_status) from None
        fits = isinstance(said, dict) and isinstance(said.get("clientRequest"), dict)
        if not fits or not isinstance(said.get("cname"), str) or not isinstance(said.get("uid"), str):
            raise refused("post method api body check failed!")
        return dict(said)

    def _acquire(self, route: Route, said: Mapping[str, Any], now: float) -> dict[str, Any]:
        cname, uid, request = said["cname"], said["uid"], said["clientRequest"]
        if route.app_id in self.options.suspended_app_ids:
            raise refused("no_active_status", code=405)
        check_acquire(cname, uid, request, self.options)
        self.channels.users(cname)  # from now on the channel lists know it
        if self.fleet.count_live(route.app_id) >= self.options.max_recorders:
            raise refused("vendor_over_load", code=406)
        digest = bytes.fromhex(self.fleet.fingerprint("resource", 256))
        resource_id = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        hours = request.get("resourceExpiredHour", 72)
        scene, parameter = request.get("scene", 0), request.get("startParameter")
        self._reservations[resource_id] = Reservation(
            resource_id, route.app_id, cname, uid, now, hours * 3600.0, scene, parameter
        )
        names = {"cname": cname, "uid": uid} if self.options.echo_identity else {}
        return {"resourceId": resource_id} | names

    def _start(self, route: Route, said: Mapping[str, Any], now: float) -> tuple[int, dict[str, Any]]:
        request = said["clientRequest"]
        if not uid_fits(said["uid"], self.options):
            # §3.4, shape 4: no reason, an empty sid (C12).
            names = {"cname": said["cname"], "uid": said["uid"], "resourceId": route.resource_id}
            raise Refusal(400, {**names, "sid": "", "code": 2})
        reservation = self._reservation(route, said)
        used = self._used.get(reservation.resource_id)
        if used is not None:
            return self._start_again(reservation, used, now)
        self._check_age(reservation, now)
        if reservation.start_parameter is not None and reservation.start_parameter != request:
            raise refused("request_hash mismatch!")
        check_start(route.mode, reservation.scene, request, self.options)
        if self.fleet.holds(reservation.app_id, reservation.channel, reservation.uid):
            raise refused("task conflict", code=53)
        if self.fleet.count_live(reservation.app_id) >= self.options.max_recorders:
            raise refused("Failed to allocate worker", code=502, status=500)
        recorder = new_recorder(reservation, route.mode, self.fleet.fingerprint("sid", 32), now, request)
        self._used[reservation.resource_id] = recorder
        self.fleet.launch(recorder)
        if self.options.echo_identity:
            return 200, identified(recorder)
        return 200, {"resourceId": recorder.resource_id, "sid": recorder.sid}

    def _reservation(self, route: Route, said: Mapping[str, Any]) -> Reservation:
        reservation = self._reservations.get(route.resource_id)
        if reservation is None:
            raise refused("resourceId cannot be decrypted!", code=1001, status=self.options.old_code_status)
        bound_to = (reservation.app_id, reservation.channel, reservation.uid)
        if bound_to != (route.app_id, said["cname"], said["uid"]):
            raise refused("resourceId does not match!", code=432, status=self.options.old_code_status)
        return reservation

    def _check_age(self, reservation: Reservation, now: float) -> None:
        if now - reservation.acquired_at > self.options.resource_valid:
            raise refused("resourceId is expired!", code=433, status=self.options.old_code_status)

    def _start_again(self, reservation: Reservation, used: Recorder, now: float) -> tuple[int, dict[str, Any]]:
        """§5.2: a resourceId starts one recorder only, and says 201 from then on."""
        if not used.live:
            self._check_age(reservation, now)
            if not self.options.already_started_of_dead:
                raise refused("resourceId is used!", code=433, status=self.options.old_code_status)
        answer: dict[str, Any] = {"code": 7, "reason": "already started"}
        return 201, identified(used, answer) if self.options.already_started_sid else answer
