"""The models: tables and names agree, what is dumped reads back, editors are told the same."""

import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.manifests import codes, values
from reconciler.manifests.accept import Policy, accept
from reconciler.manifests.json_schema import SUPPORTED, json_schema
from reconciler.manifests.names import API_NAMES, fields_by_path
from reconciler.manifests.nodes import Document, plain
from reconciler.manifests.schema import API_VERSION, RecordingSpec
from reconciler.manifests.storage import REGIONS, region_name, region_number
from reconciler.manifests.values import read_duration, say_duration
from reconciler.manifests.yamltext import read_yaml

ROOT = Path(__file__).parents[2]
REFERENCES: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.from_regex(r"[A-Z_]{1,8}", fullmatch=True).map(lambda name: {"env": name}),
    st.text(min_size=1, max_size=8).map(lambda name: {"file": name}),
)
USERS = st.lists(st.integers(1, 2**32 - 1), min_size=1, max_size=5, unique=True)
SHARES = st.floats(0, 1)


def table(numbers: Any) -> st.SearchStrategy[str | int]:
    return st.sampled_from([*numbers, *numbers.values()])


def some(**fields: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Draw a mapping in which each field may be missing; `from_` is `from`."""
    return st.fixed_dictionaries({}, optional={name.rstrip("_"): field for name, field in fields.items()})


def spans(low: int, high: int) -> st.SearchStrategy[int | str]:
    whole = st.integers(low, high)
    return whole | whole.map(lambda number: f"{number}s")


@st.composite
def storages(draw: st.DrawFn) -> dict[str, Any]:
    vendor = draw(st.sampled_from(sorted(REGIONS)))
    said = draw(some(prefix=st.lists(st.from_regex("[a-z0-9]{1,5}", fullmatch=True)), stsToken=REFERENCES))
    if REGIONS[vendor]:
        said["region"] = draw(table(REGIONS[vendor]))
    number = draw(st.booleans())
    said["vendor"] = codes.VENDORS[vendor] if number else vendor
    return {**said, "bucket": "b", "accessKey": draw(REFERENCES), "secretKey": draw(REFERENCES)}


WINDOWS = some(
    from_=st.just("2026-01-01T00:00:00.5+08:00"), until=st.just("2027-01-01T00:00:00Z"), overrun=spans(0, 99)
)
CRONS = st.fixed_dictionaries(
    {"cron": st.just("0 9 * * *"), "duration": st.floats(1, 10**6), "timezone": st.just("Europe/Berlin")},
    optional={"startEarly": spans(0, 99)},
)
REGIONS_OF_LAYOUT = st.fixed_dictionaries(
    {"x": SHARES, "y": SHARES, "width": SHARES, "height": SHARES},
    optional={"uid": st.integers(1, 99), "alpha": SHARES, "fit": table(codes.FITS)},
)
SPECS = st.builds(
    lambda required, optional: {**required, **optional},
    st.fixed_dictionaries({"channel": st.text(min_size=1, max_size=10), "storage": storages()}),
    some(
        mode=st.sampled_from(["mix", "individual", "web"]),
        uid=st.integers(1, 2**31 - 1) | st.just([1, "2"]) | st.just(["1", 2, 3, 4]),
        token=REFERENCES
        | st.lists(REFERENCES, min_size=1, max_size=2)
        | some(ttl=spans(60, 99)).flatmap(lambda said: REFERENCES.map(lambda ref: {**said, "certificate": ref})),
        region=st.sampled_from(["cn", "AP"]),
        controlFor=st.sampled_from(["1h", "30d", 7200]),
        capture=some(
            channelType=table(codes.CHANNEL_TYPES),
            streams=table(codes.STREAM_TYPES),
            maxIdle=spans(5, 2592000),
            audioProfile=st.integers(0, 2),
            videoQuality=table(codes.VIDEO_QUALITIES),
            streamMode=st.sampled_from(["default", "standard", "original"]),
            encryption=st.fixed_dictionaries({"mode": table(codes.ENCRYPTION_MODES), "secret": REFERENCES}),
            subscribe=some(audio=st.just("all") | USERS, video=USERS, exceptAudio=USERS),
            expectedUsers=st.integers(1, 49),
        ),
        video=some(width=st.integers(1, 1920), fps=st.integers(1, 60)),
        layout=some(
            type=table(codes.LAYOUT_TYPES),
            backgroundColor=st.just("#aB0123"),
            maxResolutionUid=st.integers(1, 99),
            regions=st.lists(REGIONS_OF_LAYOUT, max_size=3),
        ),
        files=some(formats=st.sampled_from([["hls"], ["mp4", "hls"], []])),
        snapshots=some(every=spans(5, 3600)),
        web=st.fixed_dictionaries(
            {"url": st.just("https://example.com") | REFERENCES}, optional={"publish": REFERENCES}
        ),
        schedule=WINDOWS | CRONS | st.lists(WINDOWS | CRONS, min_size=1, max_size=3),
        when=st.sampled_from(["always", "occupied"]),
        replace=st.sampled_from(["next", "overlap", "gap"]),
        copies=st.integers(1, 2),
        overrides=some(start=st.dictionaries(st.text(max_size=5), st.none() | st.integers() | st.lists(st.text()))),
    ),
)


@given(SPECS)
def test_what_is_dumped_reads_back_the_same_and_editors_accept_both(said: dict[str, Any]) -> None:
    spec = RecordingSpec.model_validate(said)
    dumped = spec.model_dump(mode="json", by_alias=True)
    assert RecordingSpec.model_validate(dumped) == spec
    assert RecordingSpec.model_validate(json.loads(json.dumps(dumped))) == spec
    for one in (said, dumped):
        document = {"apiVersion": API_VERSION, "kind": "Recording", "metadata": {"name": "x"}, "spec": one}
        EDITOR.validate(document)


EDITOR = jsonschema.Draft7Validator(json_schema())


@pytest.mark.parametrize("kind", [None, *SUPPORTED])
def test_schemas_are_schemas(kind: str | None) -> None:
    jsonschema.Draft7Validator.check_schema(json_schema(kind))


def test_the_schema_for_editors_is_the_committed_one() -> None:
    committed = json.loads((ROOT / "manifests/_schema/recordings.schema.json").read_text())
    assert committed == json_schema(), "write it anew: reconciler schema > manifests/_schema/recordings.schema.json"


SAMPLES = [*sorted((ROOT / "manifests").glob("*.yaml")), *sorted((Path(__file__).parent / "good").glob("*.yaml"))]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_editors_accept_the_samples(path: Path) -> None:
    for document in read_yaml(path.read_text(), path.name):
        assert isinstance(document, Document)
        EDITOR.validate(plain(document.root))


def test_the_sample_set_is_accepted_and_sets_an_example() -> None:
    whole = accept([str(ROOT / "manifests")], policy=Policy())
    assert [one.name for one in whole.recordings] == ["interviews", "lobby-page", "standup"]
    assert {one.spec.mode for one in whole.recordings} == {"mix", "individual", "web"}
    for path in (ROOT / "manifests").glob("*.yaml"):
        assert path.read_text().startswith("# yaml-language-server: $schema=_schema/recordings.schema.json\n")


@pytest.mark.parametrize(
    "spec",
    [
        {"cname": "x"},
        {"mode": "webb"},
        {"capture": {"maxIdle": "soon"}},
        {"storage": {"accessKey": "hunter2"}},
        {"layout": {"regions": [{"x": 2, "y": 0, "width": 1, "height": 1}]}},
        {"uid": {}},
    ],
)
def test_editors_refuse_what_we_refuse(spec: dict[str, Any]) -> None:
    document = {"apiVersion": API_VERSION, "kind": "Profile", "metadata": {"name": "x"}, "spec": spec}
    assert not EDITOR.is_valid(document)


@pytest.mark.parametrize(
    ("annotation", "numbers"),
    [
        (values.ChannelType, codes.CHANNEL_TYPES),
        (values.Streams, codes.STREAM_TYPES),
        (values.VideoQuality, codes.VIDEO_QUALITIES),
        (values.LayoutType, codes.LAYOUT_TYPES),
        (values.Fit, codes.FITS),
        (values.EncryptionMode, codes.ENCRYPTION_MODES),
        (values.Vendor, codes.VENDORS),
    ],
)
def test_names_and_numbers_agree(annotation: object, numbers: dict[str, int]) -> None:
    assert get_args(get_args(annotation)[0]) == tuple(numbers)


def test_regions_have_the_numbers_of_the_service() -> None:
    assert set(REGIONS) == set(codes.VENDORS)
    for vendor, region, number in (
        ("s3", "us-east-1", 0),
        ("s3", "cn-north-1", 15),
        ("s3", "af-south-1", 18),
        ("s3", "ap-southeast-3", 24),
        ("s3", "il-central-1", 28),
        ("aliyun", "cn-hangzhou", 0),
        ("aliyun", "cn-southeast-7", 27),
        ("tencent", "ap-shanghai", 2),
        ("tencent", "eu-moscow", 19),
        ("huawei", "cn-north-4", 1),
        ("huawei", "sa-chile-1", 15),
        ("baidu", "baoding", 1),
        ("baidu", "shanghai", 7),
    ):
        assert region_number(vendor, region) == number
        assert region_name(vendor, number) == region_name(vendor, region.upper().replace("-", "_")) == region
    assert region_number("gcs", None) == 0
    assert region_name("s3", 26) is None


def test_our_names_for_the_services_names_exist() -> None:
    known = {".".join((*path, name)) for path, names in fields_by_path(RecordingSpec).items() for name in names}
    for theirs, ours in API_NAMES.items():
        assert theirs not in known
        assert "`" in ours or ours.replace("[]", "") in known


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        (90, 90),
        ("90", 90),
        ("90s", 90),
        ("5m", 300),
        ("24h", 86400),
        ("30d", 2592000),
        ("1h30m", 5400),
        (0.5, 0.5),
        ("1.5h", 5400),
    ],
)
def test_durations(written: object, seconds: float) -> None:
    assert read_duration(written) == timedelta(seconds=seconds)


@given(st.integers(0, 10**9))
def test_durations_are_said_as_they_are_read(seconds: int) -> None:
    assert read_duration(say_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


def test_the_schema_is_light_to_import() -> None:
    code = "import sys, reconciler.manifests.schema; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"httpx", "structlog", "rich", "yaml", "asyncio"} & set(loaded)
