"""What notices say of how a recorder ended: idle or failed (S10), why, and what became of its files. Pure.

Whatever the order in which notices come, and however often, the same is made of them.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final

from reconciler.evidence import Ending, Erred, Exited, Left, Notice, Uploaded, WebStopped
from reconciler.model import Ended, Session

FATAL: Final = 5
_NOBODY: Final = 4  # a bit of leaveCode
_MEANS_NOTHING: Final = 8  # "to be ignored" (agora-api.md 7.3)
_MOST_ERRORS: Final = 4
_WHY: Final = "; a webhook says why: "

# The best that was said of the upload counts; what is not named here is less.
_UPLOADS: Final = ("backuped", "uploaded")

# agora-api.md 4.4, by module and code
_ERRORS: Final[Mapping[tuple[int, int], str]] = {
    (0, 109): "the RTC token has expired",
    (0, 110): "the RTC token is wrong: it must be made for exactly this channel and uid",
    (1, 32): "the storage is configured wrongly: check vendor, region, bucket and keys",
    (1, 47): "the upload failed: check that the keys may write to the bucket, and its region",
    (1, 51): "the uploader failed while it processed files",
    (2, 50): "the upload took too long",
    (2, 52): "the start took too long",
}
_MODULES: Final[Mapping[int, str]] = {0: "recorder", 1: "uploader", 2: "service", 6: "web page"}
# agora-api.md 7.3
_LEAVES: Final = (
    (_NOBODY, "nobody was in the channel"),
    (16, "it left the channel, as after a kick or a stop from elsewhere"),
    (2, "its process was interrupted"),
)
_WEB_STOPS: Final[Mapping[int, str]] = {
    0: "the page's recorder stopped in good order",
    1: "its longest duration is over",
    2: "the page asks for more than can be recorded",
    3: "the page's recorder could not start",
    4: "the page did not get ready in time",
    5: "the page cannot be reached",
    6: "the page's recorder failed",
}


def with_evidence(session: Session, notice: Notice) -> Session:
    """Write down what a notice says of the recorder's end, if anything."""
    changed = _merged(session.ending or Ending(), notice)
    return session if changed == Ending() else replace(session, ending=changed)


def _merged(ending: Ending, notice: Notice) -> Ending:
    match notice.meaning:
        case Exited(normal=normal):
            both = normal if ending.normal is None else normal and ending.normal
            return replace(ending, normal=both, exited_at=_first(ending.exited_at, notice.received_at))
        case WebStopped() as stopped:
            # One that said more is kept, should two differ.
            stops = [replace(stopped, files=()), *([ending.web] if ending.web else [])]
            web = max(stops, key=lambda stop: (-1 if stop.code is None else stop.code, stop.words))
            return replace(ending, web=web, exited_at=_first(ending.exited_at, notice.received_at))
        case Left(code=code) as left if code != _MEANS_NOTHING:
            sequence = -1 if notice.sequence is None else notice.sequence
            known = (ending.left_sequence, ending.left.code if ending.left else -1)
            return replace(ending, left=left, left_sequence=sequence) if (sequence, code) > known else ending
        case Erred() as erred:
            errors = {*ending.errors, erred}
            worst = sorted(errors, key=lambda one: (-one.level, one.module, one.code, one.words))
            return replace(ending, errors=tuple(worst[:_MOST_ERRORS]))
        case Uploaded(status=status):
            return replace(ending, uploading_status=_better_upload(ending.uploading_status, status))
        case _:
            return ending


def _first(known: datetime | None, received_at: datetime) -> datetime:
    return min(known, received_at) if known else received_at


def _better_upload(known: str | None, told: str | None) -> str | None:
    return max((known, told), key=lambda status: (_UPLOADS.index(status) if status in _UPLOADS else -1, status or ""))


def is_idle(ending: Ending | None) -> bool:
    """Tell whether it ended because nobody was left, or because its time was over (S10); unknown is a failure."""
    if ending is None or _failed(ending):
        return False
    stopped = ending.web is not None and ending.web.code in (0, 1)
    return ending.normal is True or ending.left is not None or stopped


def _failed(ending: Ending) -> bool:
    """Tell what contradicts an idle end, although the exit itself may be called normal."""
    dead = any(error.level >= FATAL for error in ending.errors)
    left_otherwise = ending.left is not None and not ending.left.code & _NOBODY
    stopped_otherwise = ending.web is not None and ending.web.code not in (0, 1)
    return ending.normal is False or dead or left_otherwise or stopped_otherwise


def cause(ending: Ending | None) -> str:
    """Say why it ended, in words; empty where no notice says it."""
    if ending is None:
        return ""
    if ending.errors and (ending.errors[0].level >= FATAL or not is_idle(ending)):
        return "; ".join(dict.fromkeys(error_words(error) for error in ending.errors))
    if ending.web:
        return _web_words(ending.web)
    if ending.left:
        return _leave_words(ending.left)
    if ending.normal is None:
        return ""
    return "it exited in good order" if ending.normal else "it exited abnormally"


def error_words(error: Erred) -> str:
    """Say what event 1 means."""
    module = _MODULES.get(error.module, f"module {error.module}")
    known = _ERRORS.get((error.module, error.code))
    said = f": {error.words}" if error.words else ""
    return (
        f"{known} (error {error.code} of the {module}{said})" if known else f"error {error.code} of the {module}{said}"
    )


def _web_words(stopped: WebStopped) -> str:
    known = _WEB_STOPS.get(-1 if stopped.code is None else stopped.code, "the page's recorder stopped")
    return f"{known} ({stopped.words})" if stopped.words else known


def _leave_words(left: Left) -> str:
    words = next((words for bit, words in _LEAVES if left.code & bit), "")
    return words or ("it could not be initialised" if left.code == 0 else f"it left the channel: code {left.code}")


def explained(state: Ended, ending: Ending | None) -> Ended:
    """Complete how a session ended by what notices say; an explanation that was there before is replaced."""
    uploading_status = _better_upload(state.uploading_status, ending.uploading_status if ending else None)
    why = cause(ending) if state.how in ("failed", "idle") else ""
    reason = state.reason.partition(_WHY)[0] + _WHY + why if why else state.reason
    return replace(state, reason=reason, uploading_status=uploading_status)
