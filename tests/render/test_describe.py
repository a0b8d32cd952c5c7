"""What `describe` tells: first why, then everything else in sections."""

from dataclasses import replace
from typing import Any

import pytest

from reconciler.model import Ended, Entry
from reconciler.planning.status import status_of
from reconciler.render.describe import describe, likely_causes
from tests.planning.situations import at, ended, entry, session
from tests.render.pages import EVENTS, FIRST, LOST, NEVER, RUNNING, SECOND

NOW = at(100)

TEXT = """\
Name:           standup
Set:            default
Phase:          Recording
Why:            status 5, 2 files
As declared:    True (Confirmed)
Next check:     2026-01-01T09:01:50Z (in 10s)
Channel:        standup
Mode:           mix
App:            default
App ID:         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
Uid:            2000000002
Resource id:    R1
Sid:            S1
Started:        2026-01-01T09:00:00Z (100s ago)
Control until:  2026-01-31T09:00:00Z (in 29d)
Restarts:       1
Labels:         floor=3,team=core
Declared:       yes
On removal:     stop
Revision:       REVISION
Carried out:    REVISION
Uids kept:      A 2000000001, B 2000000002

Conditions:
  TYPE             STATUS  REASON       SINCE  MESSAGE
  Ready            True    Confirmed    94s    status 5, 2 files
  Recording        True    Confirmed    94s    status 5, 2 files
  ControlExpiring  False   InControl    100s   control lasts
  ControlLost      False   InControl    94s    it can be asked and stopped
  Stalled          False   Progressing  94s    it needs nobody

Sessions:
  #  SLOT  UID         STATE      STARTED               LASTED  SID  REASON
  1  A     2000000001  failed     2026-01-01T07:53:20Z  65m     S0   the recorder is gone: the service no longer \
knows it
  2  B     2000000002  recording  2026-01-01T09:00:00Z  100s    S1   -

Files:
  NAME     SESSION  FROM                  LENGTH  UID  TRACK            UPLOAD    URI
  standup  1        -                     -       -    -                backuped  s3://lessons/S0_standup.m3u8
  standup  2        2026-01-01T09:00:15Z  -       0    audio_and_video  -         s3://lessons/lessons/S1_standup.m3u8
  standup  2        2026-01-01T09:00:15Z  -       0    audio_and_video  -         s3://lessons/lessons/S1_standup_0.mp4

Events:
  AGE   EVENT                 SESSION  WHY
  100s  recording.started     #2       accepted: sid S1, slot B, uid 2000000002
  94s   recording.confirmed   #2       status 5
  40s   recording.unanswered  -        query answered 504: \\x1b[31mgateway; timeout
"""


def test_everything_about_one_that_records() -> None:
    text = describe(status_of(RUNNING, NOW), [FIRST, SECOND], EVENTS, NOW)
    assert text == TEXT.replace("REVISION", RUNNING.revision)


def test_one_that_never_started_says_what_there_is() -> None:
    text = describe(status_of(NEVER, NOW), [], [], NOW)
    assert "Why:            to be started\n" in text
    assert text.endswith("\nSessions:\n  none yet\n")


def test_one_that_was_lost_names_the_likely_causes_before_all_else() -> None:
    text = describe(status_of(LOST, NOW), [FIRST], [], NOW)
    assert (
        """
Likely causes:
  nobody was in the channel (live: no host) for maxIdle (5m), so the service ended it
  another recorder or person joined under its uid, or it was kicked
  the storage refused the files

Conditions:
"""
        in text
    )


def over(how: Any = "failed", reason: str = "the recorder is gone", lasted: float = 3600, **fields: Any) -> Entry:
    state = Ended(at(lasted), how, reason, "R1", "S1")
    return entry(replace(session(ended(), **fields), state=state))


@pytest.mark.parametrize(
    ("page", "first"),
    [
        pytest.param(
            over(reason="it never came to record: the service does not know it"), "the token", id="never joined"
        ),
        pytest.param(over(lasted=299), "another recorder", id="ended before maxIdle could be over"),
        pytest.param(over(lasted=300), "nobody was", id="ended when maxIdle can have been over"),
        pytest.param(over(lasted=300, capture={"maxIdle": "6m"}), "another recorder", id="maxIdle as declared"),
        pytest.param(
            over(lasted=10, token={"certificate": {"env": "CERTIFICATE"}}), "the token expired", id="with a token"
        ),
        pytest.param(over("stopped"), None, id="stopped by us"),
        pytest.param(RUNNING, None, id="still there"),
        pytest.param(NEVER, None, id="never started"),
    ],
)
def test_the_likeliest_cause_of_an_unexplained_end_is(page: Entry, first: str | None) -> None:
    causes = likely_causes(status_of(page, NOW))
    assert causes[0].startswith(first) if first else causes == []


def test_idle_time_that_was_not_written_down_is_the_default() -> None:
    bare = over(lasted=300)
    (only,) = bare.sessions
    without = replace(bare, sessions=(replace(only, applied=replace(only.applied, spec={})),))
    assert "maxIdle (5m)" in likely_causes(status_of(without, NOW))[0]
