"""A receiver of notifications: answers as a test says, and checks every signature as a real one would."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

import httpx
from standardwebhooks import Webhook

SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ADDRESS = "https://hooks.example.com/in/path-token-5c1d?key=query-token-77aa"
Answer: TypeAlias = httpx.Response | Exception


@dataclass(frozen=True, slots=True)
class Heard:
    """One request as it arrived."""

    at: datetime
    id: str
    document: dict[str, Any]
    body: bytes
    answered: int | None  # None: no answer reached the sender

    @property
    def type(self) -> str:
        return str(self.document["type"])


@dataclass
class Receiver:
    """Takes everything unless `answers`, from the first on, say otherwise; `told` is what it has answered 2xx."""

    now: Callable[[], datetime]
    answers: list[Answer] = field(default_factory=list)
    down: Answer | None = None  # while it is set, nothing else is answered
    slow: float = 0.0  # seconds that each answer takes
    heard: list[Heard] = field(default_factory=list)
    arrived: Callable[[], object] = lambda: None

    @property
    def transport(self) -> httpx.MockTransport:
        return httpx.MockTransport(self._take)

    @property
    def told(self) -> list[Heard]:
        return [one for one in self.heard if one.answered in range(200, 300)]

    @property
    def types(self) -> list[str]:
        return [one.type for one in self.told]

    async def _take(self, request: httpx.Request) -> httpx.Response:
        assert str(request.url) == ADDRESS
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/cloudevents+json; charset=utf-8"
        answer = self.down or (self.answers.pop(0) if self.answers else httpx.Response(204))
        self._note(request, answer)
        self.arrived()
        if self.slow:
            await asyncio.sleep(self.slow)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, stream=httpx.ByteStream(b"thanks"))

    def _note(self, request: httpx.Request, answer: Answer) -> None:
        headers, body, now = request.headers, request.content, self.now()
        signed_at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), now.tzinfo)
        expected = Webhook(SIGNING_SECRET).sign(headers["webhook-id"], signed_at, body.decode())
        assert headers["webhook-signature"] == expected
        assert abs((now - signed_at).total_seconds()) <= 1, "the time of another try was signed"
        document = json.loads(body)
        assert document["id"] == headers["webhook-id"]
        answered = answer.status_code if isinstance(answer, httpx.Response) else None
        self.heard.append(Heard(now, document["id"], document, body, answered))
