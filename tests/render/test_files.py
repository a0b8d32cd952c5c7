"""What was recorded: the place of every file at every vendor, and the promised JSON."""

import json
from dataclasses import replace

import pytest

from reconciler.manifests.codes import VENDORS
from reconciler.model import Applied
from reconciler.render.files import as_json, table, uri
from tests.planning.situations import KEY, at, ended
from tests.render.pages import FILES, FIRST, M3U8, SECOND, stored_at

URIS = {
    "s3": "s3://lessons/lessons/S1_standup.m3u8",
    "s3compatible": "s3://lessons/lessons/S1_standup.m3u8",
    "aliyun": "oss://lessons/lessons/S1_standup.m3u8",
    "tencent": "cos://lessons/lessons/S1_standup.m3u8",
    "azure": "az://lessons/lessons/S1_standup.m3u8",
    "gcs": "gs://lessons/lessons/S1_standup.m3u8",
    "huawei": "obs://lessons/lessons/S1_standup.m3u8",
    "baidu": "bos://lessons/lessons/S1_standup.m3u8",
}


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_vendor_has_its_uri(vendor: str) -> None:
    assert uri(stored_at(vendor), M3U8) == URIS[vendor]


def test_a_place_that_is_not_known_is_not_made_up() -> None:
    assert uri(replace(SECOND, applied=Applied({})), M3U8) is None
    assert uri(stored_at("floppy"), M3U8) is None


def test_a_name_stays_as_the_vendors_tools_take_it() -> None:
    assert uri(SECOND, replace(M3U8, name="a b/S1_é&x.m3u8")) == "s3://lessons/a b/S1_é&x.m3u8"


def test_json_has_the_promised_keys_in_their_order() -> None:
    assert (
        as_json([(KEY, replace(SECOND, files=(M3U8,)))])
        == """\
[
  {
    "name": "standup",
    "session": 2,
    "sid": "S1",
    "fileName": "lessons/S1_standup.m3u8",
    "uri": "s3://lessons/lessons/S1_standup.m3u8",
    "uid": "0",
    "trackType": "audio_and_video",
    "from": "2026-01-01T09:00:15Z",
    "until": null,
    "uploadingStatus": null
  }
]
"""
    )


def test_a_file_lasts_until_the_next_of_its_kind_and_the_last_until_the_end() -> None:
    over = replace(SECOND, state=replace(ended(since=9000), uploading_status="uploaded"), files=FILES)
    told = [(one["fileName"][-6:], one["from"], one["until"]) for one in json.loads(as_json([(KEY, over)]))]
    assert told == [
        ("p.m3u8", "2026-01-01T09:00:15Z", "2026-01-01T11:30:00Z"),
        ("_0.mp4", "2026-01-01T09:00:15Z", "2026-01-01T11:00:15Z"),
        ("_1.mp4", "2026-01-01T11:00:15Z", "2026-01-01T11:30:00Z"),
        ("_2.mp4", None, None),
    ]
    assert {one["uploadingStatus"] for one in json.loads(as_json([(KEY, over)]))} == {"uploaded"}


def test_the_table_is_for_people() -> None:
    over = replace(SECOND, state=ended(since=9000), files=FILES[1:])
    bare = replace(FIRST, applied=Applied({}))
    assert table([(KEY, bare), (KEY, over)]) == (
        "NAME     SESSION  FROM                  LENGTH  UID  TRACK            UPLOAD    URI\n"
        "standup  1        -                     -       -    -                backuped  S0_standup.m3u8\n"
        "standup  2        2026-01-01T09:00:15Z  120m    0    audio_and_video  -         "
        "s3://lessons/lessons/S1_standup_0.mp4\n"
        "standup  2        2026-01-01T11:00:15Z  29m     0    audio_and_video  -         "
        "s3://lessons/lessons/S1_standup_1.mp4\n"
        "standup  2        -                     -       -    -                -         "
        "s3://lessons/lessons/S1_standup_2.mp4\n"
    )


def test_nothing_recorded_is_an_empty_table_and_an_empty_list() -> None:
    nothing = replace(SECOND, files=(), opened_at=at(1))
    assert (table([(KEY, nothing)]), as_json([(KEY, nothing)])) == ("", "[]\n")
