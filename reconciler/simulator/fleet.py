"""Every recorder and what befalls it as time goes by; the clock is handed in, and moves forward only."""

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from reconciler.simulator import notices
from reconciler.simulator.channels import Channels
from reconciler.simulator.notices import Notice, make_notice
from reconciler.simulator.options import Options
from reconciler.simulator.recorder import Recorder, Track
from reconciler.simulator.replies import file_entries, web_files

Happening = Callable[[float], None]
_HOUR = 3600.0
# §7.3, event 71: code → message
_WEB_ENDINGS = {0: "", 1: "max_recording_hour", 5: "access_url_failed"}


@dataclass(slots=True)
class Fleet:
    """The recorders, the channels they listen to, and what is going to happen to them."""

    options: Options
    channels: Channels
    now: float = 0.0
    recorders: list[Recorder] = field(default_factory=list)
    by_sid: dict[str, Recorder] = field(default_factory=dict)
    sent: list[Notice] = field(default_factory=list)
    _live: dict[str, dict[str, Recorder]] = field(default_factory=lambda: defaultdict(dict))
    _alive: dict[str, Recorder] = field(default_factory=dict)
    _count: Counter[str] = field(default_factory=Counter)
    _leaving: dict[tuple[str, str, str], float] = field(default_factory=dict)
    _due: list[tuple[float, int, Happening]] = field(default_factory=list)
    _counter: int = 0

    def advance(self, now: float) -> None:
        """Let everything happen that was due up to `now`, each at its own time."""
        while self._due and self._due[0][0] <= now:
            at, _, happening = heapq.heappop(self._due)
            self.now = max(self.now, at)
            happening(at)
        self.now = max(self.now, now)

    def fingerprint(self, purpose: str, length: int) -> str:
        """Give the next of a row of hex texts that look random and are the same for the same seed."""
        self._counter += 1
        text = ""
        while len(text) < length:
            text += hashlib.sha256(f"{self.options.seed}/{purpose}/{self._counter}/{len(text)}".encode()).hexdigest()
        return text[:length]

    def live(self) -> list[Recorder]:
        return list(self._alive.values())

    def count_live(self, app_id: str) -> int:
        return self._count[app_id]

    def in_channel(self, app_id: str, channel: str) -> list[Recorder]:
        return [one for one in self._live[channel].values() if one.in_channel and one.app_id == app_id]

    def holds(self, app_id: str, channel: str, uid: str) -> bool:
        """§5.3: whether a start under this identity is a conflict."""
        if self._leaving.get((app_id, channel, uid), 0.0) > self.now:
            return True
        return any(
            recorder.app_id == app_id
            and recorder.current_uid == uid
            and (self.options.conflict_while_hidden or not recorder.hidden)
            for recorder in self._live[channel].values()
        )

    def launch(self, recorder: Recorder) -> None:
        self.recorders.append(recorder)
        self.by_sid[recorder.sid] = recorder
        self._alive[recorder.sid] = recorder
        self._count[recorder.app_id] += 1
        self._live[recorder.channel][recorder.sid] = recorder
        web = recorder.mode == "web"
        if not web:
            self.channels.users(recorder.channel)  # from now on the channel lists know it
        joins_after = self.options.web_ready if web else self.options.status_after[2]
        self._later(recorder.started_at + joins_after, lambda at: self._enter(recorder, at))
        if web:
            hours = recorder.page["maxRecordingHour"]
            ending = f"max recording hour is {hours}"
            self._later(recorder.started_at + hours * _HOUR, lambda at: self.end(recorder, at, ending, web_code=1))

    def channel_changed(self, channel: str) -> None:
        """Tell the recorders of a channel that somebody came, went, or began to publish."""
        for recorder in list(self._live[channel].values()):
            self.look_around(recorder)

    def look_around(self, recorder: Recorder) -> None:
        """Let a recorder act on who is there: new files, idleness, a clash of uids."""
        if not recorder.live or recorder.joined_at is None or recorder.hidden:
            return
        self._open_files(recorder)
        if recorder.mode == "web":
            return
        if recorder.current_uid in self.channels.users(recorder.channel):
            at = self.now + self.options.uid_clash_after
            self._later(at, lambda at: self.end(recorder, at, "uid clash", abnormal=True))
        live_profile = recorder.recording.get("channelType", 0) == 1
        if not self.channels.idle(recorder.channel, live=live_profile):
            recorder.idle_since = None
        elif recorder.idle_since is None:
            since = recorder.idle_since = self.now
            self._later(since + recorder.max_idle, lambda at: self._idle_exit(recorder, since, at))

    def end(
        self,
        recorder: Recorder,
        at: float,
        reason: str,
        *,
        abnormal: bool = False,
        abrupt: bool = False,
        leave_code: int = 16,
        web_code: int = 0,
    ) -> None:
        """Make a recorder leave; unless `abrupt`, it takes its time and keeps its uid a moment longer."""
        if not recorder.live:
            return
        options = self.options
        recorder.ended_at, recorder.end_reason, recorder.abnormal = at, reason, abnormal
        recorder.gone_at = at if abrupt else at + max(options.exit_seconds, options.upload_seconds)
        del self._alive[recorder.sid]
        self._count[recorder.app_id] -= 1
        del self._live[recorder.channel][recorder.sid]
        if not abrupt:
            identity = (recorder.app_id, recorder.channel, recorder.current_uid)
            self._leaving[identity] = at + options.conflict_after_stop
        if recorder.mode == "web":
            message, details = _WEB_ENDINGS[web_code], reason if web_code else ""
            files = web_files(recorder, recorder.tracks, with_mp4=True)
            self._notify(
                recorder, at, notices.WEB_STOPPED, code=web_code, message=message, details=details, fileList=files
            )
        elif recorder.joined_at is not None and not abrupt:
            self._notify(recorder, at, notices.LEFT, leaveCode=leave_code)
        self._later(recorder.gone_at, lambda at: self._farewell(recorder, at))

    def fail_over(self, recorder: Recorder, hidden_for: float) -> None:
        """§5.8: gone for a while, then back under another uid; the fourth time for good."""
        if recorder.hidden or not recorder.live:
            return
        if recorder.failovers >= self.options.max_failovers:
            self.end(recorder, self.now, "one failover too many", abnormal=True, abrupt=True)
            return
        recorder.hidden_until = self.now + hidden_for
        recorder.idle_since = None
        self._later(recorder.hidden_until, lambda at: self._come_back(recorder, at))

    def _later(self, at: float, happening: Happening) -> None:
        self._counter += 1
        heapq.heappush(self._due, (at, self._counter, happening))

    def _enter(self, recorder: Recorder, at: float) -> None:
        """Join the channel or open the page, unless what the recorder was given does not carry that far."""
        if not recorder.live or recorder.hidden or recorder.joined_at is not None:
            return
        options = self.options
        video = recorder.recording.get("transcodingConfig", {}) if recorder.mode == "mix" else {}
        if recorder.mode == "web" and recorder.page["url"] in options.bad_urls:
            self.end(recorder, at, "access url failed", abnormal=True, abrupt=True, web_code=5)
        elif recorder.mode != "web" and recorder.token in options.bad_tokens:
            self._die(recorder, at, "bad token", module=0, code=110)
        elif (video.get("fps", 15), video.get("bitrate", 500)) in options.bad_video:
            self.end(recorder, at, "fps and bitrate do not match", abnormal=True, abrupt=True)
        else:
            recorder.joined_at = at
            if recorder.mode == "web":
                self._notify(recorder, at, notices.WEB_STARTED, recorderStartTime=notices.milliseconds(at))
            else:
                self._notify(recorder, at, notices.STARTED, status=0)
            self.look_around(recorder)
            if options.progress_every > 0:
                self._later(at + options.progress_every, lambda at: self._progress(recorder, at))
            self._later(at + options.storage_death_after, lambda at: self._try_storage(recorder, at))

    def _try_storage(self, recorder: Recorder, at: float) -> None:
        if recorder.storage["accessKey"] in self.options.bad_access_keys:
            self._die(recorder, at, "bad storage keys", module=1, code=32)
        elif recorder.storage["bucket"] in self.options.bad_buckets:
            self._die(recorder, at, "bad bucket", module=1, code=47)

    def _die(self, recorder: Recorder, at: float, reason: str, *, module: int, code: int) -> None:
        if recorder.live:
            self._notify(recorder, at, notices.ERROR, module=module, errorLevel=5, errorCode=code, stat=0, errorMsg="")
            self.end(recorder, at, reason, abnormal=True, abrupt=True)

    def _idle_exit(self, recorder: Recorder, since: float, at: float) -> None:
        if recorder.live and recorder.idle_since == since:
            self.end(recorder, at, "idle", leave_code=4)

    def _come_back(self, recorder: Recorder, at: float) -> None:
        if not recorder.live:
            return
        recorder.hidden_until = None
        recorder.failovers += 1
        if recorder.mode != "web":
            recorder.current_uid = str(1 + int(self.fingerprint("uid", 12), 16) % (2**31 - 1))
        self._notify(recorder, at, notices.FAILOVER, newUid=int(recorder.current_uid))
        if recorder.joined_at is None:
            self._enter(recorder, at)
        else:
            self.look_around(recorder)

    def _open_files(self, recorder: Recorder) -> None:
        """Begin the files that the media of the moment need and that this stretch of the recorder has not begun."""
        if recorder.mode == "individual":
            wanted: list[tuple[str, str, Any]] = [
                (f"{recorder.file_base()}__uid_s_{uid}__uid_e_{medium}", uid, medium)
                for uid in self.channels.publishers(recorder.channel)
                for medium in recorder.media
                if recorder.subscribes(medium, uid)
            ]
        else:
            wanted = [(recorder.file_base(), "0", "audio_and_video")] if self._hears(recorder) else []
        individual = recorder.mode == "individual"
        slice_after = self.options.first_slice_individual if individual else self.options.first_slice
        begun = {track.name for track in recorder.tracks}
        for name, uid, kind in wanted:
            if name not in begun:
                if not recorder.tracks:
                    self._later(self.now + slice_after, lambda at: self._first_file(recorder, at))
                recorder.tracks.append(Track(name, uid, kind, self.now, self.now + slice_after))

    def _hears(self, recorder: Recorder) -> bool:
        if recorder.mode == "web":
            return not recorder.paused
        publishers = self.channels.publishers(recorder.channel)
        return any(recorder.subscribes(medium, uid) for uid in publishers for medium in recorder.media)

    def _first_file(self, recorder: Recorder, at: float) -> None:
        if recorder.live and not recorder.hidden:
            files = file_entries(recorder, recorder.tracks)
            self._notify(recorder, at, notices.FILE_INFOS, fileList=files)

    def _progress(self, recorder: Recorder, at: float) -> None:
        if not recorder.live:
            return
        if recorder.tracks and not recorder.hidden:
            self._notify(recorder, at, notices.PROGRESS, progress=10_000)
        self._later(at + self.options.progress_every, lambda at: self._progress(recorder, at))

    def _farewell(self, recorder: Recorder, at: float) -> None:
        if recorder.tracks and not recorder.abnormal:
            files = {} if recorder.mode == "web" else {"fileList": file_entries(recorder, recorder.tracks, at)}
            backuped = self.options.uploading_status == "backuped"
            self._notify(recorder, at, notices.BACKUPED if backuped else notices.UPLOADED, status=0, **files)
        self._notify(recorder, at, notices.SESSION_EXIT, exitStatus=int(recorder.abnormal))

    def _notify(self, recorder: Recorder, at: float, event_type: int, **details: Any) -> None:
        self.sent.append(make_notice(recorder, at, event_type, self.fingerprint("notice", 32), details))
