"""The calls over HTTP: paced, failed over, and answered in types. Decides nothing and remembers no recorder."""

from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar
from urllib.parse import quote

from reconciler.agora.answers import (
    StartAnswer,
    StopAnswer,
    UpdateAnswer,
    is_from_service,
    lacks_route,
    read_acquire,
    read_query,
    read_start,
    read_stop,
    read_update,
)
from reconciler.agora.exchange import Call, Exchange, Heard, Method
from reconciler.agora.hosts import Hosts, accepted_url
from reconciler.agora.http import Http
from reconciler.agora.listings import LARGEST_PAGE, ChannelPage, read_channels, read_users
from reconciler.agora.pace import Band, Pace, Rank
from reconciler.agora.reading import HttpAnswer
from reconciler.errors import OutcomeUnknownError, Problem, ServiceError, ThrottledError, TransientError
from reconciler.evidence import Observation, UserList
from reconciler.model import Handle, Identity, Mode, Secret

Answer = TypeVar("Answer")
Reader = Callable[[HttpAnswer], Answer]

_LISTS = frozenset({"channels", "users"})


class Client:
    """Calls the service for one App ID. Every try waits for its turn on the pace, also a try at another host.

    Methods take `url` to say which host is tried first: a session's own. All but `start` go on to the next host at
    once when one cannot be reached or answers 5xx (S16). They raise ServiceError and its kinds.
    """

    def __init__(
        self,
        app_id: str,
        customer_id: str,
        customer_secret: Secret,
        urls: Sequence[str],
        http: Http,
        pace: Pace,
        clock: Callable[[], datetime],
        query_method: Method | None = None,
    ) -> None:
        """Raise SettingsError for a url that is not https, but for loopback addresses."""
        self.app_id = app_id
        self._hosts = Hosts(urls)
        self._pace = pace
        self._query_method = query_method
        self._settled: dict[str, Method] = {}  # host -> the method of query that the service itself has answered
        secret = customer_secret.reveal()
        basic = b64encode(f"{customer_id}:{secret}".encode()).decode()
        self._exchange = Exchange(http, clock, f"Basic {basic}", tuple(filter(None, (secret, basic))))

    def let_hear(self, heard: Heard) -> None:
        """Tell of every exchange from now on."""
        self._exchange = replace(self._exchange, heard=heard)

    @property
    def url(self) -> str:
        """The host that is tried first at the moment: read after `acquire`, it is where `start` belongs.

        To be read inside the event loop, whose time it goes by.
        """
        return self._hosts.in_order()[0]

    async def acquire(
        self,
        identity: Identity,
        body: Mapping[str, Any],
        *,
        rank: Rank = Rank(Band.CHANGE),
        url: str | None = None,
    ) -> str:
        """Get a resource id, which is good for one start within five minutes."""
        path = f"{self._base(identity)}/acquire"
        return await self._anywhere(Call("acquire", path, body, rank), read_acquire, url)

    async def start(
        self,
        identity: Identity,
        mode: Mode,
        resource_id: str,
        body: Mapping[str, Any],
        *,
        rank: Rank = Rank(Band.FOLLOW),
        url: str | None = None,
    ) -> StartAnswer:
        """Start, once, at one host. After OutcomeUnknownError a recorder may run."""
        path = f"{self._base(identity)}/resourceid/{_segment(resource_id)}/mode/{mode}/start"
        host = accepted_url(url) if url else self.url
        return await self._at(host, Call("start", path, body, rank), read_start)

    async def query(self, handle: Handle, *, rank: Rank = Rank(Band.POLL), url: str | None = None) -> Observation:
        """Ask what the service knows; no answer raises TransientError."""
        return await self._anywhere(Call("query", self._path(handle, "query"), None, rank), read_query, url)

    async def update(
        self,
        handle: Handle,
        body: Mapping[str, Any],
        *,
        rank: Rank = Rank(Band.CHANGE),
        url: str | None = None,
    ) -> UpdateAnswer:
        """Change subscription, page or storage."""
        return await self._anywhere(Call("update", self._path(handle, "update"), body, rank), read_update, url)

    async def update_layout(
        self,
        handle: Handle,
        body: Mapping[str, Any],
        *,
        rank: Rank = Rank(Band.CHANGE),
        url: str | None = None,
    ) -> UpdateAnswer:
        """Change the layout, which must be told whole."""
        path = self._path(handle, "updateLayout")
        return await self._anywhere(Call("updateLayout", path, body, rank), read_update, url)

    async def stop(
        self,
        handle: Handle,
        body: Mapping[str, Any],
        *,
        rank: Rank = Rank(Band.STOP),
        url: str | None = None,
    ) -> StopAnswer:
        """Stop; may be repeated until it is answered."""
        return await self._anywhere(Call("stop", self._path(handle, "stop"), body, rank), read_stop, url)

    async def channels(
        self, page: int, size: int = LARGEST_PAGE, *, rank: Rank = Rank(Band.POLL), url: str | None = None
    ) -> ChannelPage:
        """List one page, counted from 0, of the App ID's channels that somebody is in; no answer raises TransientError.

        While users come and go a channel may be on two pages, or on none.
        """
        path = f"/dev/v1/channel/{_segment(self.app_id)}?page_no={page}&page_size={size}"
        return await self._anywhere(Call("channels", path, None, rank), read_channels, url)

    async def users(self, channel: str, *, rank: Rank = Rank(Band.POLL), url: str | None = None) -> UserList:
        """List who is in one channel; no answer raises TransientError, a channel that does not exist has nobody."""
        path = f"/dev/v1/channel/user/{_segment(self.app_id)}/{_segment(channel)}"
        return await self._anywhere(Call("users", path, None, rank), read_users, url)

    def _base(self, identity: Identity) -> str:
        assert identity.app_id == self.app_id, "a client calls for one App ID"
        return f"/v1/apps/{_segment(self.app_id)}/cloud_recording"

    def _path(self, handle: Handle, verb: str) -> str:
        ids = f"resourceid/{_segment(handle.resource_id)}/sid/{_segment(handle.sid)}"
        return f"{self._base(handle.identity)}/{ids}/mode/{handle.mode}/{verb}"

    async def _anywhere(self, call: Call, reader: Reader[Answer], first: str | None) -> Answer:
        """Try host after host until one answers; once a try's outcome is unknown, that is what a failure says."""
        failure: ServiceError | None = None
        for host in self._hosts.in_order(first):
            try:
                return await self._at(host, call, reader)
            except (TransientError, OutcomeUnknownError) as error:
                if failure is None or isinstance(error, OutcomeUnknownError):
                    failure = error
                if not _another_host_may_do(error.problem):
                    break
        assert failure is not None, "there is at least one host"
        raise failure

    async def _at(self, host: str, call: Call, reader: Reader[Answer]) -> Answer:
        try:
            if call.endpoint == "query":
                return reader(await self._query(host, call))
            method: Method = "GET" if call.endpoint in _LISTS else "POST"
            return reader(await self._send(host, method, call))
        except ThrottledError:
            await self._pace.slow(self.app_id)
            raise
        except (TransientError, OutcomeUnknownError) as error:
            if error.problem.http_status is None:
                self._hosts.shun(host)
            raise

    async def _query(self, host: str, call: Call) -> HttpAnswer:
        """Ask with the method this host is known to know: GET today, POST in the reference of 2020."""
        method = self._query_method or self._settled.get(host)
        if method is not None:
            return await self._send(host, method, call)
        answer = await self._send(host, "GET", call)
        if self._settles(host, "GET", answer) or not lacks_route(answer):
            return answer
        other = await self._send(host, "POST", call)
        return other if self._settles(host, "POST", other) else answer

    def _settles(self, host: str, method: Method, answer: HttpAnswer) -> bool:
        if is_from_service(answer):
            self._settled[host] = method
        return host in self._settled

    async def _send(self, host: str, method: Method, call: Call) -> HttpAnswer:
        request = self._exchange.prepare(host, method, call)
        await self._pace.admit(self.app_id, call.rank)
        return await self._exchange.send(host, request, call)


def _segment(text: str) -> str:
    return quote(text, safe="", errors="replace")


def _another_host_may_do(problem: Problem) -> bool:
    """Tell what may be the host's own trouble from what the service would say anywhere."""
    return problem.http_status is None or problem.http_status >= 500
