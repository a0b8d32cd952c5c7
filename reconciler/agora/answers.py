"""What an answer of the service means: a typed answer, or an error named by what to do next. Sends nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from reconciler.agora.reading import (
    HttpAnswer,
    Reading,
    mapping,
    read,
    recorded_files,
    server_response,
    services,
    text_of,
    tidy,
    token_like,
    whole_number,
)
from reconciler.errors import (
    AppRejectedError,
    NoRoomError,
    OutcomeUnknownError,
    Problem,
    RejectedError,
    ServiceError,
    ThrottledError,
    TransientError,
)
from reconciler.evidence import ControlExpired, Live, Missing, Observation, RecordedFile

# -- what start may answer


@dataclass(frozen=True, slots=True)
class StartAccepted:
    """Accepted, which is not yet recording: token, storage and pictures are checked afterwards."""

    sid: str


@dataclass(frozen=True, slots=True)
class AlreadyStarted:
    """The same resource id was started before. Believed when a query with the sid has answered (S4)."""

    sid: str | None


@dataclass(frozen=True, slots=True)
class IdentityHeld:
    """53: a recorder with this channel and uid lives under another resource id."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class ResourceSpent:
    """This resource id cannot be started any more: a fresh one is needed."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class NotAllocated:
    """No worker was to be had: this call has started nothing, and the next needs a fresh resource id."""

    problem: Problem


StartAnswer: TypeAlias = StartAccepted | AlreadyStarted | IdentityHeld | ResourceSpent | NotAllocated


# -- what update, updateLayout and stop may answer, besides Missing and ControlExpired


@dataclass(frozen=True, slots=True)
class Updated:
    """Accepted; no query can show it."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """It does not record any more."""

    files: tuple[RecordedFile, ...]
    uploading_status: str | None  # uploaded, backuped, unknown as Agora says; pending: the upload outlasted the answer
    how: Literal["stopped", "no-data", "leaving"]


UpdateAnswer: TypeAlias = Updated | Missing | ControlExpired
StopAnswer: TypeAlias = Stopped | Missing | ControlExpired


# -- the service's numbers; HTTP status alone classifies nothing

_ALREADY_STARTED = 7
_LEAVING = 49
_UPLOAD_PENDING = 50
_CONFLICT = 53
_NO_WORKER = 404
_NO_DATA = 435
_EXITING = 501
_NO_CAPACITY = 502
_TIMED_OUT = frozenset({62, 65})
_SPENT = frozenset({433, 1001})
_NOT_SUCH = frozenset({2, 8, 432, 1003, 1013, 1028})  # the request is wrong, whatever the HTTP status says
_INTERNAL = frozenset({15, 500, 501, 502, 504}) | _TIMED_OUT
_EXITED = frozenset({8, 20})  # query's `status`
_LAST_STATUS = 99

# What a service's words mean when its code is missing from the body.
_CODES_BY_WORDS: Mapping[str, int] = {
    "already started": _ALREADY_STARTED,
    "invalid operation": _LEAVING,
    "task conflict": _CONFLICT,
    "request timeout": 62,
    "request not completed": 65,
    "invalid_appid": 400,
    "invalid_channel_name": 401,
    "failed to find worker": _NO_WORKER,
    "no_active_status": 405,
    "vendor_over_load": 406,
    "no recorded data": _NO_DATA,
    "internal_error": 500,
    "no_worker_manager_available": 501,
    "failed to allocate worker": _NO_CAPACITY,
    "allocate_timeout": 504,
}


def read_acquire(answer: HttpAnswer) -> str:
    """Give the resource id. Acquire has no effect, so what is unclear is merely transient."""
    reading = read(answer)
    raise_if_refused(reading)
    resource_id = token_like((reading.content or {}).get("resourceId"))
    if _succeeded(reading) and resource_id is not None:
        return resource_id
    if _code(reading) == 62 and _is_client_error(reading):
        raise AppRejectedError(reading.problem)  # said so in older days of an App ID without the service
    raise the_rest(reading, TransientError)


def read_start(answer: HttpAnswer) -> StartAnswer:
    """Say what became of a start.

    Raises OutcomeUnknownError wherever a recorder may have begun: lost, unreadable, 65, 62, 5xx, success without sid.
    """
    reading = read(answer)
    raise_if_refused(reading)
    code = _code(reading)
    sid = token_like((reading.content or {}).get("sid"))
    if code == _ALREADY_STARTED or (reading.status == 201 and code is None and sid is not None):
        return AlreadyStarted(sid)
    if code == _CONFLICT:
        return IdentityHeld(reading.problem)
    if code in _SPENT or _is_expired(reading):
        return ResourceSpent(reading.problem)
    if code == _NO_CAPACITY and _is_about_capacity(reading):
        return NotAllocated(reading.problem)
    if _succeeded(reading) and sid is not None:
        return StartAccepted(sid)
    raise the_rest(reading, OutcomeUnknownError)


def read_query(answer: HttpAnswer) -> Observation:
    """Say what the service knows of a recorder; raises where that is nothing, for no answer is not an absence."""
    reading = read(answer)
    if _is_no_route(reading):
        raise TransientError(reading.problem)
    gone = _missing_or_expired(reading)
    if gone is not None:
        return gone
    raise_if_refused(reading)
    response = server_response(reading.content)
    if _succeeded(reading) and response:
        status = _recorder_status(response)
        if status in _EXITED:
            return Missing(reading.at, reading.sent_at)
        if status is not None:
            return Live(reading.sent_at or reading.at, status, recorded_files(response))
    if reading.status == 404 and not reading.from_service:
        raise TransientError(reading.problem)
    raise the_rest(reading, TransientError)


def read_update(answer: HttpAnswer) -> UpdateAnswer:
    """Say what became of an update or updateLayout; both may be repeated."""
    reading = read(answer)
    gone = _missing_or_expired(reading)
    if gone is not None:
        return gone
    raise_if_refused(reading)
    if _succeeded(reading):
        return Updated()
    if _code(reading) in (_LEAVING, _EXITING):
        raise TransientError(reading.problem)  # without effect, for it leaves; the next query will say so
    raise the_rest(reading, OutcomeUnknownError)


def read_stop(answer: HttpAnswer) -> StopAnswer:
    """Say what became of a stop, which may be repeated until this is an answer (S12)."""
    reading = read(answer)
    gone = _missing_or_expired(reading)
    if gone is not None:
        return gone
    raise_if_refused(reading)
    response = server_response(reading.content)
    code = _code(reading)
    if code == _NO_DATA:
        return Stopped(recorded_files(response), _uploading_status(response), "no-data")
    if code == _LEAVING:
        return Stopped(recorded_files(response), _uploading_status(response), "leaving")
    if code == _UPLOAD_PENDING:
        return Stopped(recorded_files(response), "pending", "stopped")
    if _succeeded(reading):
        return Stopped(recorded_files(response), _uploading_status(response), "stopped")
    raise the_rest(reading, OutcomeUnknownError)


def lacks_route(answer: HttpAnswer) -> bool:
    """Tell the gateway's "no Route matched": a wrong method or path, never a recorder that is gone."""
    return _is_no_route(read(answer))


def is_from_service(answer: HttpAnswer) -> bool:
    """Tell whether the service itself answered, not the gateway in front of it."""
    reading = read(answer)
    return reading.from_service and not _is_no_route(reading)


# -- what several endpoints share


def _is_no_route(reading: Reading) -> bool:
    return "no route matched" in reading.said


def _code(reading: Reading) -> int | None:
    return _CODES_BY_WORDS.get(reading.service_words) if reading.code is None else reading.code


def _succeeded(reading: Reading) -> bool:
    accepted = 200 <= reading.status < 300 and reading.status != 206
    return accepted and reading.content is not None and _code(reading) in (None, 0, 200)


def _is_client_error(reading: Reading) -> bool:
    return 400 <= reading.status < 500 and reading.status not in (408, 425)


def _is_expired(reading: Reading) -> bool:
    return "resourceid exceeded time limit" in reading.said


def _is_about_capacity(reading: Reading) -> bool:
    """Tell the service's 502 from a gateway's that wrote its HTTP status into the body."""
    return reading.service_words in ("", "failed to allocate worker") and "message" not in (reading.content or {})


def _missing_or_expired(reading: Reading) -> Missing | ControlExpired | None:
    if _is_expired(reading):
        return ControlExpired(reading.at)
    if _code(reading) == _NO_WORKER and not _is_no_route(reading):
        return Missing(reading.at, reading.sent_at)
    return None


def raise_if_refused(reading: Reading) -> None:
    """Raise what means the same at every endpoint and is certainly without effect."""
    code, said, problem = _code(reading), reading.said, reading.problem
    if 429 in (code, reading.status) and code in (None, 429):
        raise ThrottledError(problem)
    if _is_app_refused(reading, code, said):
        raise AppRejectedError(problem)
    if code == 406:
        raise NoRoomError(problem)
    if code in _NOT_SUCH or code == 401 or _is_no_route(reading):
        raise RejectedError(problem)


def _is_app_refused(reading: Reading, code: int | None, said: str) -> bool:
    if reading.status == 401 and code in (None, 401):
        return True
    if code is None:
        return "appid is invalid" in said
    acquiring = reading.endpoint == "acquire"
    return (code == 400 and (acquiring or "appid" in said)) or (
        code == 405 and (acquiring or "no_active_status" in said)
    )


def the_rest(reading: Reading, unsure: type[ServiceError]) -> ServiceError:
    """Give what the endpoint makes of doubt; only a readable refusal is one."""
    refused = _is_client_error(reading) and reading.content is not None and _code(reading) not in _INTERNAL
    return (RejectedError if refused else unsure)(reading.problem)


def _recorder_status(response: Mapping[str, object]) -> int | None:
    status = whole_number(response.get("status"))
    if status is not None:
        return status if 0 <= status <= _LAST_STATUS else None
    states = {text_of(payload.get("state")) for _, payload in services(response)}
    states |= {text_of(state) for state in mapping(response.get("subServiceStatus")).values()}
    return 5 if states & {"inProgress", "serviceInProgress"} else None


def _uploading_status(response: Mapping[str, object]) -> str | None:
    said = [response.get("uploadingStatus"), *(payload.get("uploadingStatus") for _, payload in services(response))]
    for status in (tidy(text_of(one), 40) for one in said):
        if status:
            return "unknown" if status == "unknow" else status
    return None
