"""What an accepted set means: every field, profiles, defaults, places, and what its revision depends on."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from reconciler.errors import Fault, ManifestError, Place
from reconciler.manifests.accept import Policy, accept, format_faults
from reconciler.manifests.schedule import CronWindow, Window
from reconciler.manifests.schema import MintedToken, RecordingSpec
from reconciler.manifests.secrets import secret_references
from reconciler.manifests.values import EnvRef, FileRef
from tests.manifests.texts import API, STORAGE, accepted, profile, recording

GOOD = Path(__file__).parent / "good"


def spec_of(*documents: str, policy: Policy | None = None) -> RecordingSpec:
    return accepted(*documents, policy=policy).recordings[0].spec


def test_every_field_of_a_mixed_recording_is_understood() -> None:
    whole = accept([str(GOOD / "mix.yaml")], policy=Policy())
    (declared,) = whole.recordings
    spec = declared.spec
    assert (declared.name, declared.labels, declared.renamed_from) == (
        "everything",
        {"team": "core", "on": "yes"},
        "old",
    )
    assert declared.annotations == {"note": "for people"}
    assert (spec.channel, spec.mode, spec.uid, spec.app) == ("town hall #1", "mix", (1001, 1002, 1003, 1004), "second")
    assert spec.token == MintedToken(certificate=EnvRef(env="CERTIFICATE"), ttl=timedelta(hours=12))
    assert (spec.region, spec.control_for) == ("eu", timedelta(days=7))
    assert (spec.capture.channel_type, spec.capture.streams) == ("live", "both")
    assert (spec.capture.max_idle, spec.capture.audio_profile) == (timedelta(minutes=10), 2)
    assert spec.capture.video_quality == "low"
    assert spec.capture.encryption is not None
    assert spec.capture.encryption.mode == "aes-128-gcm2"
    assert spec.capture.encryption.salt == FileRef(file="salt")
    assert spec.capture.subscribe is not None
    assert (spec.capture.subscribe.audio, spec.capture.subscribe.video) == ("all", (7, 8, 4294967295))
    assert spec.capture.subscribe.except_audio == (9,)
    assert spec.video is not None
    assert (spec.video.width, spec.video.height, spec.video.fps, spec.video.bitrate) == (1280, 720, 30, 2260)
    assert spec.layout is not None
    assert (spec.layout.type, spec.layout.max_resolution_uid) == ("custom", 7)
    assert [region.fit for region in spec.layout.regions] == ["contain", "crop"]
    assert [region.alpha for region in spec.layout.regions] == [0.5, 1.0]
    assert spec.layout.regions[1].width == 0.333333
    assert spec.layout.backgrounds[0].image_url == "https://example.com/7.jpg"
    assert spec.files.formats == ("hls", "mp4")
    assert (spec.storage.vendor, spec.storage.region, spec.storage.prefix) == (
        "aliyun",
        "cn-shanghai",
        ("{name}", "a1"),
    )
    assert (spec.storage.sts_expiration, spec.storage.tag) == (1893456000, "RETENTION_DAYS=30")
    assert spec.schedule == (
        Window.model_validate({"from": "2026-01-31T09:00:00+01:00", "until": "2026-01-31T10:00:00Z", "startEarly": 60}),
        CronWindow(
            cron="0 9 * * MON-FRI", duration=timedelta(minutes=15), timezone="Asia/Shanghai", overrun=timedelta(hours=1)
        ),
    )
    first = spec.schedule[0]
    assert isinstance(first, Window)
    assert first.from_ == datetime(2026, 1, 31, 8, tzinfo=UTC)
    assert (spec.when, spec.restart, spec.replace, spec.copies) == ("occupied", "onFailure", "overlap", 2)
    assert (spec.priority, spec.suspend, spec.on_removal) == (-100, True, "leave")
    assert spec.overrides.start == {"recordingConfig": {"privateParams": None, "new": [1, 2.5, {"on": "yes"}]}}
    app = whole.apps["second"]
    assert app.api_url == ("https://api.agora.io", "https://api.sd-rtn.com", "http://127.0.0.1:8787")
    assert (app.qps, app.max_recorders, app.customer_id) == (20, 50, EnvRef(env="ID"))
    assert str(whole.app_place("second", "customerSecret")).endswith(":11:3")


def test_every_field_of_the_other_modes_is_understood() -> None:
    whole = accept([str(GOOD / "individual.yaml"), str(GOOD / "web.yaml")], policy=Policy())
    single, page = (one.spec for one in whole.recordings)
    assert (single.capture.stream_mode, single.capture.expected_users) == ("original", 49)
    assert single.token == (EnvRef(env="TOKEN_A"), EnvRef(env="TOKEN_B"))
    assert single.replace == "overlap"
    assert (single.storage.vendor, single.storage.region, single.storage.endpoint) == (
        "s3compatible",
        None,
        "s3.example.com",
    )
    assert page.web is not None
    assert page.web.url == "https://example.com/?room=1"
    assert page.web.publish == EnvRef(env="RTMP_URL")
    assert (page.web.max_duration, page.web.segment) == (timedelta(hours=24), timedelta(hours=1))
    assert (page.web.mobile, page.web.paused, page.web.ready_timeout) == (True, True, timedelta(seconds=30))
    assert page.video is not None
    assert (page.video.width, page.video.fps) == (1280, None)
    assert page.replace == "gap"


def test_snapshots_may_stand_alone_or_beside_files() -> None:
    both = spec_of(recording("a", "mode: individual", "snapshots: {every: 5s}"))
    alone = spec_of(recording("a", "mode: individual", "snapshots: {}", "files: {formats: []}"))
    assert (both.files.formats, alone.files.formats) == (("hls",), ())
    assert both.snapshots is not None
    assert both.snapshots.every == timedelta(seconds=5)


@pytest.mark.parametrize(
    ("lines", "replace"),
    [
        ([], "overlap"),
        (["uid: [1, 2]"], "overlap"),
        (["uid: 1"], "gap"),
        (["token: {env: T}"], "gap"),
        (["token: {certificate: {env: T}}"], "overlap"),
        (["copies: 2", "uid: [1, 2]"], "gap"),
        (["copies: 2", "uid: [1, 2, 3, 4]"], "overlap"),
        (["when: occupied"], "next"),
        (["schedule: {from: '2026-01-01T00:00:00Z'}"], "next"),
        (["uid: 1", "replace: next"], "next"),
        (["mode: web", "web: {url: 'https://example.com'}"], "overlap"),
        (["mode: web", "web: {url: 'https://example.com', publish: {env: P}}"], "gap"),
    ],
)
def test_how_to_replace_follows_from_what_is_said(lines: list[str], replace: str) -> None:
    assert spec_of(recording("a", *lines)).replace == replace


def test_defaults_come_from_the_name_and_from_other_fields() -> None:
    assert spec_of(recording("a.b-c")).channel == "a.b-c"
    page = spec_of(recording("a", "mode: web", "controlFor: 5h", "web: {url: 'https://example.com'}"))
    assert page.web is not None
    assert page.web.max_duration == timedelta(hours=5)


def test_profiles_merge_left_to_right_below_the_recording() -> None:
    spec = spec_of(
        profile("a", f"storage: {STORAGE}", "capture: {maxIdle: 1m, audioProfile: 1, streams: video}", "priority: 1"),
        profile(
            "b", "capture: {maxIdle: 2m}", "storage: {prefix: [x, y]}", "layout: {type: vertical}", "video: {fps: 7}"
        ),
        recording(
            "r",
            "profiles: [a, b]",
            "capture: {streams: null}",
            "layout: null",
            "video:",
            "storage: {prefix: [z], accessKey: {file: key}}",
            storage="",
        ),
    )
    assert (spec.capture.max_idle, spec.capture.audio_profile, spec.capture.streams) == (
        timedelta(minutes=2),
        1,
        "both",
    )
    assert (spec.layout, spec.video, spec.priority) == (None, None, 1)
    assert (spec.storage.prefix, spec.storage.bucket) == (("z",), "b")
    assert (spec.storage.access_key, spec.storage.secret_key) == (FileRef(file="key"), EnvRef(env="B"))
    assert spec.profiles == (), "what profiles are called means nothing"


def test_profiles_may_stand_on_profiles() -> None:
    documents = [profile("p0", f"storage: {STORAGE}", "priority: 7")]
    documents += [profile(f"p{n}", f"profiles: [p{n - 1}, p{n - 1}]") for n in range(1, 40)]
    assert spec_of(*documents, recording("r", "profiles: [p39]", storage="")).priority == 7


@pytest.mark.parametrize("backwards", [False, True])
def test_a_chain_of_profiles_ends_somewhere(backwards: bool) -> None:  # noqa: FBT001
    chain = [profile("p0", f"storage: {STORAGE}"), *(profile(f"p{n}", f"profiles: [p{n - 1}]") for n in range(1, 66))]
    accepted(*(chain[63::-1] if backwards else chain[:64]), recording("r", "profiles: [p63]"))
    with pytest.raises(ManifestError, match="more than 64 profiles under each other"):
        accepted(*(chain[::-1] if backwards else chain))


def test_nulls_in_overrides_are_words_of_the_patch() -> None:
    spec = spec_of(
        profile("a", "overrides: {start: {x: 1, y: {z: 2}}}"),
        recording("r", "profiles: [a]", "overrides: {start: {x: null, y: {w: null}}}"),
    )
    assert spec.overrides.start == {"x": None, "y": {"z": 2, "w": None}}


def test_a_fault_in_a_profile_is_said_once_where_it_stands() -> None:
    with pytest.raises(ManifestError) as refused:
        accepted(
            profile("a", "capture: {maxIdle: 1s}"),
            *(recording(f"r{n}", "profiles: [a]") for n in range(3)),
        )
    assert [str(fault) for fault in refused.value.faults] == ["<stdin>:5:22: `capture.maxIdle` must be from 5s to 30d"]


def test_places_lead_to_what_was_written() -> None:
    whole = accepted(
        profile("a", "capture:", "  maxIdle: 6m", "web: null"),
        recording("r", "profiles: [a]", "priority: 5"),
    )
    (declared,) = whole.recordings
    assert declared.place == Place("<stdin>", 11, 18)
    assert declared.place_of("capture", "maxIdle") == Place("<stdin>", 6, 14)
    assert declared.place_of("priority") == Place("<stdin>", 15, 13)
    assert declared.place_of("storage", "accessKey", "env") == Place("<stdin>", 13, 72)
    assert declared.place_of("storage", "stsToken") == Place("<stdin>", 13, 3), "the nearest that was written"
    assert declared.place_of("video") == declared.place


def test_every_reference_is_listed_with_its_path() -> None:
    (declared,) = accept([str(GOOD / "mix.yaml")], policy=Policy()).recordings
    assert secret_references(declared.spec) == (
        ("token.certificate", EnvRef(env="CERTIFICATE")),
        ("capture.encryption.secret", EnvRef(env="SECRET")),
        ("capture.encryption.salt", FileRef(file="salt")),
        ("storage.accessKey", EnvRef(env="ACCESS_KEY")),
        ("storage.secretKey", FileRef(file="/run/secrets/storage")),
        ("storage.stsToken", EnvRef(env="STS")),
    )
    single = accept([str(GOOD / "individual.yaml")], policy=Policy()).recordings[0].spec
    assert secret_references(single)[:2] == (("token[0]", EnvRef(env="TOKEN_A")), ("token[1]", EnvRef(env="TOKEN_B")))


def test_the_revision_depends_on_what_is_meant_only() -> None:
    written = accepted(
        recording("a", "profiles: [p]", "capture: {channelType: 1, maxIdle: 300}"),
        recording("b"),
        profile("p", "priority:"),
    )
    otherwise = accepted(
        "# another order, other words\n" + recording("b"),
        profile("q", "capture: {maxIdle: 5m}"),
        recording("a", "capture:", "  channelType: live # the same", "profiles: [q]", "priority: 0", "channel: a"),
    )
    assert written.revision == otherwise.revision
    for changed in ("priority: 1", "layout: {}", "overrides: {start: {x: null}}"):
        assert (
            accepted(recording("a", changed), recording("b")).revision
            != accepted(recording("a"), recording("b")).revision
        )
    assert accepted(recording("a", metadata=", labels: {x: y}")).revision != accepted(recording("a")).revision


@pytest.mark.parametrize("seed", range(10))
def test_the_revision_does_not_depend_on_files_or_order(seed: int, tmp_path: Path) -> None:
    shuffled = random.Random(seed)
    documents = [recording(f"r{n}", f"priority: {n}", "capture: {maxIdle: 1m, streams: audio}") for n in range(5)]
    expected = accepted(*documents).revision
    shuffled.shuffle(documents)
    for number, document in enumerate(documents):
        lines = document.splitlines()
        spec = lines[4:]
        shuffled.shuffle(spec)
        name = f"{shuffled.random()}.yaml"
        (tmp_path / name).write_text("\n".join([f"# {number}", *lines[:4], *spec]) + "\n")
    assert accept([str(tmp_path)], policy=Policy()).revision == expected


def test_hosts_that_the_settings_name_are_allowed() -> None:
    app = f"{API}kind: App\nmetadata: {{name: default}}\nspec: {{appId: {'a' * 32}, customerId: {{env: I}}, "
    app += "customerSecret: {env: S}, "
    ours = app + "apiUrl: 'https://agora.example.com/'}\n"
    with pytest.raises(ManifestError, match="may not see the credentials"):
        accepted(ours)
    allowed = accepted(ours, policy=Policy(allowed_api_hosts=frozenset({"agora.example.com"})))
    assert allowed.apps["default"].api_url == ("https://agora.example.com",)


def test_two_apps_with_one_app_id_are_one_place_for_uids() -> None:
    apps = [
        f"{API}kind: App\nmetadata: {{name: {name}}}\n"
        f"spec: {{appId: {app_id}, customerId: {{env: I}}, customerSecret: {{env: S}}}}\n"
        for name, app_id in (("x", "a" * 32), ("y", "A" * 32), ("z", "b" * 32))
    ]
    rooms = [recording(name, f"app: {app}", "channel: c", "uid: 5") for name, app in (("r", "x"), ("s", "z"))]
    accepted(*apps, *rooms)
    with pytest.raises(ManifestError, match="uid 5 in channel `c` is already that of recording `r`"):
        accepted(*apps, *rooms, recording("t", "app: y", "channel: c", "uid: [4, 5]"))


def test_at_most_a_hundred_faults_are_written_out() -> None:
    many = [Fault(Place("f.yaml", line, 1), "wrong") for line in range(1, 151)]
    lines = format_faults(many)
    assert (len(lines), lines[0], lines[-1]) == (101, "f.yaml:1:1: wrong", "and 50 more")
    assert format_faults(many[:100])[-1] == "f.yaml:100:1: wrong"


def test_all_faults_of_a_set_come_sorted_by_place(tmp_path: Path) -> None:
    for name in ("b", "a"):
        (tmp_path / f"{name}.yaml").write_text(
            recording(name, "priority: 500", "chanel: x") + "---\n" + profile(name, "x: 1")
        )
    with pytest.raises(ManifestError) as refused:
        accept([str(tmp_path)], policy=Policy())
    places = [(Path(fault.place.file).name, fault.place.line) for fault in refused.value.faults]
    assert places == [("a.yaml", 6), ("a.yaml", 7), ("a.yaml", 13), ("b.yaml", 6), ("b.yaml", 7), ("b.yaml", 13)]
