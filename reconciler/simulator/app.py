"""The simulated service as a Starlette app, with a few paths under `/_world/` for people to play with the world."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request as WebRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Lifespan, Receive, Scope, Send

from reconciler.simulator.exchange import Clock, Exchange, Request
from reconciler.simulator.faults import FaultPlan
from reconciler.simulator.recorder import Recorder
from reconciler.simulator.replies import Reply
from reconciler.simulator.world import World

DROP = "simulator.drop"
"""Scope extension of a server that can drop a connection: a callable without arguments."""


class AnswerLost(Exception):  # noqa: N818 - what happened, not a fault of ours
    """The connection was dropped; raised where no server can drop it, as under `httpx.ASGITransport`."""


def make_app(
    world: World, faults: FaultPlan, clock: Clock, speed: float = 1.0, lifespan: Lifespan[Starlette] | None = None
) -> Starlette:
    """`clock` gives world time; with `speed` N, N world seconds pass in one second of waiting."""
    play = _Play(world, clock)
    posts = {"join": play.join, "leave": play.leave, "kick": play.kick, "kill": play.kill, "failover": play.fail_over}
    return Starlette(
        routes=[
            Route("/_world/recorders", play.recorders),
            Route("/_world/calls", play.calls),
            Route("/_world/notices", play.notices),
            *(Route(f"/_world/{name}", _posted(act), methods=["POST"]) for name, act in posts.items()),
            Route("/{path:path}", _Service(Exchange(world, faults, clock, speed))),
        ],
        lifespan=lifespan,
    )


class _Service:
    """Everything outside `/_world/`, as raw ASGI, because a dropped connection is no response."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        arrived = WebRequest(scope, receive)
        path = scope.get("raw_path") or scope["path"].encode()
        asked = b"?" + scope["query_string"] if scope.get("query_string") else b""
        target = (path.partition(b"?")[0] + asked).decode("latin-1")
        outcome = await self._exchange.call(
            Request(arrived.method, target, dict(arrived.headers), await arrived.body())
        )
        if isinstance(outcome, Reply):
            response = Response(outcome.body, outcome.status, dict(outcome.headers))
            await response(scope, receive, send)
        else:
            await _drop(scope, receive)


async def _drop(scope: Scope, receive: Receive) -> None:
    drop = scope.get("extensions", {}).get(DROP)
    if drop is None:
        raise AnswerLost
    drop()
    # A server that still believed in the connection would answer 500 for us.
    while (await receive())["type"] != "http.disconnect":
        pass


class _Play:
    """The controls of the world, by HTTP."""

    def __init__(self, world: World, clock: Clock) -> None:
        self._world = world
        self._clock = clock

    async def recorders(self, _: WebRequest) -> Response:
        now = self._clock()
        self._world.live(now)
        return JSONResponse([self._describe(recorder, now) for recorder in self._world.recorders])

    async def calls(self, _: WebRequest) -> Response:
        names = ("at", "method", "endpoint", "status", "code", "app_id", "channel", "uid", "sid")
        return JSONResponse([{name: getattr(call, name) for name in names} for call in self._world.calls])

    async def notices(self, _: WebRequest) -> Response:
        self._world.live(self._clock())
        return JSONResponse([notice.envelope() for notice in self._world.notices])

    def join(self, said: dict[str, Any]) -> None:
        publishing = bool(said.get("publishing", True))
        self._world.join(self._clock(), said["channel"], str(said["uid"]), publishing=publishing)

    def leave(self, said: dict[str, Any]) -> None:
        self._world.leave(self._clock(), said["channel"], str(said["uid"]) if "uid" in said else None)

    def kick(self, said: dict[str, Any]) -> None:
        self._world.kick(self._clock(), said["channel"], str(said["uid"]))

    def kill(self, said: dict[str, Any]) -> None:
        self._world.kill(self._clock(), said["sid"])

    def fail_over(self, said: dict[str, Any]) -> None:
        self._world.fail_over(self._clock(), said["sid"], float(said.get("hiddenFor", 30)))

    def _describe(self, recorder: Recorder, now: float) -> dict[str, Any]:
        """Write down a recorder without its token, keys and push address."""
        return {
            "appId": recorder.app_id,
            "channel": recorder.channel,
            "uid": recorder.uid,
            "currentUid": recorder.current_uid,
            "mode": recorder.mode,
            "resourceId": recorder.resource_id,
            "sid": recorder.sid,
            "live": recorder.live,
            "hidden": recorder.hidden,
            "status": recorder.status(now, self._world.options.status_after),
            "startedAt": recorder.started_at,
            "endedAt": recorder.ended_at,
            "endReason": recorder.end_reason,
            "paused": recorder.paused,
            "layout": recorder.layout,
            "subscription": recorder.subscription,
            "files": recorder.files,
        }


def _posted(act: Callable[[dict[str, Any]], None]) -> Callable[[WebRequest], Awaitable[Response]]:
    async def endpoint(request: WebRequest) -> Response:
        try:
            said = json.loads(await request.body() or b"{}")
            act(said if isinstance(said, dict) else {})
        except (KeyError, TypeError, ValueError) as problem:
            return JSONResponse({"message": f"missing or unknown: {problem}"}, status_code=400)
        return JSONResponse({"done": True})

    return endpoint
