"""The nouns of what the service tells: of recorders, by answer or notice, and of channels. Believes nothing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class RecordedFile:
    """One file as the service listed it."""

    name: str  # with its prefix, e.g. "dir/S32_room1.m3u8"
    uid: str | None = None  # "0" in mix
    track_type: str | None = None  # audio, video or audio_and_video
    sliced_at: datetime | None = None


# -- observations: what Agora said about a handle, with its time. No answer justifies no change.


@dataclass(frozen=True, slots=True)
class Live:
    """The service knows the recorder."""

    at: datetime  # it was asked: an answer that was long on its way says nothing of later
    status: int  # 0-7; 4 and 5 mean that it records
    files: tuple[RecordedFile, ...] = ()
    kind: Literal["live"] = "live"


@dataclass(frozen=True, slots=True)
class Missing:
    """The service itself said 404 (or status 8 or 20); true only after the grace, for a failover hides a recorder."""

    at: datetime  # it answered
    asked_at: datetime | None = None  # None: at once
    kind: Literal["missing"] = "missing"


@dataclass(frozen=True, slots=True)
class ControlExpired:
    """The handle is older than `controlFor`: the recorder may go on, but we can no longer ask or stop it."""

    at: datetime
    kind: Literal["control-expired"] = "control-expired"


Observation: TypeAlias = Live | Missing | ControlExpired


# -- notices: what the service told by webhook. They wake and explain; only its answers end or prove anything.


@dataclass(frozen=True, slots=True)
class RecorderStarted:
    """40, 70: it is in the channel, or on the page."""

    kind: Literal["recorder-started"] = "recorder-started"


@dataclass(frozen=True, slots=True)
class FirstFiles:
    """4: its first files are there."""

    files: tuple[RecordedFile, ...] = ()
    kind: Literal["first-files"] = "first-files"


@dataclass(frozen=True, slots=True)
class FailedOver:
    """12: another server has taken over, under a random uid."""

    new_uid: str  # empty: not said
    kind: Literal["failed-over"] = "failed-over"


@dataclass(frozen=True, slots=True)
class Erred:
    """1: something failed in it."""

    level: int  # 1 debug to 5 fatal
    module: int  # 0 recorder, 1 uploader, 2 service, 6 web page
    code: int
    words: str = ""
    kind: Literal["erred"] = "erred"


@dataclass(frozen=True, slots=True)
class Left:
    """41: it left the channel."""

    code: int  # a bit mask; 4: nobody was there
    kind: Literal["left"] = "left"


@dataclass(frozen=True, slots=True)
class WebStopped:
    """71: the recorder of a page stopped."""

    code: int | None  # 0 in good order, 1 its longest duration is over; None: not said
    words: str = ""
    files: tuple[RecordedFile, ...] = ()
    kind: Literal["web-stopped"] = "web-stopped"


@dataclass(frozen=True, slots=True)
class Uploaded:
    """31, 32: nothing is left to upload."""

    status: Literal["uploaded", "backuped"]
    files: tuple[RecordedFile, ...] = ()
    kind: Literal["uploaded"] = "uploaded"


@dataclass(frozen=True, slots=True)
class Exited:
    """11: the recorder is over."""

    normal: bool
    kind: Literal["exited"] = "exited"


@dataclass(frozen=True, slots=True)
class Other:
    """Whatever else it tells; that it tells something is all we use."""

    kind: Literal["other"] = "other"


Meaning: TypeAlias = RecorderStarted | FirstFiles | FailedOver | Erred | Left | WebStopped | Uploaded | Exited | Other


@dataclass(frozen=True, slots=True)
class Notice:
    """One webhook about one recorder."""

    notice_id: str  # the same when it is sent again
    sid: str
    channel: str  # empty: not said
    uid: str  # in the channel at that moment: a failover changes it; empty: not said
    sequence: int | None  # counts from 0 per recorder; None: not said
    event_type: int
    sent_at: datetime  # by the service's clock
    received_at: datetime
    meaning: Meaning


@dataclass(frozen=True, slots=True)
class Heard:
    """Which notices of a recorder have come: a lost one shows as a gap in their numbers."""

    at: datetime  # the newest was received
    sequences: tuple[int, ...] = ()  # the highest few, falling

    @property
    def has_gap(self) -> bool:
        return bool(self.sequences) and self.sequences[0] - self.sequences[-1] >= len(self.sequences)


@dataclass(frozen=True, slots=True)
class Ending:
    """What notices say of a recorder's end. It has not ended by that: the service's own 404 is still needed."""

    exited_at: datetime | None = None  # an exit (11, 71) was received: a 404 answered since needs no grace (S9)
    normal: bool | None = None  # by 11
    left: Left | None = None  # the newest 41
    left_sequence: int = -1
    web: WebStopped | None = None
    errors: tuple[Erred, ...] = ()  # the worst few, worst first
    uploading_status: str | None = None


# -- channels


@dataclass(frozen=True, slots=True)
class UserList:
    """Who the service says is in a channel. Whether recorders are named, too, is not documented."""

    at: datetime
    hosts: frozenset[str]  # uids of those who may publish: in the communication profile everybody
    audience: frozenset[str] = frozenset()  # of a live channel; the first 10,000

    @property
    def everybody(self) -> frozenset[str]:
        return self.hosts | self.audience
