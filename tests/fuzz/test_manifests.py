"""Whatever is written in a manifest: it is accepted and can be acted on, or every fault has its place and words."""

import copy
import json
import time
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from hypothesis import event, given
from hypothesis import strategies as st

from reconciler.agora import wire
from reconciler.cli.accounts import offline_app_ids
from reconciler.errors import ManifestError, Place
from reconciler.intake.preparing import Stock, prepare
from reconciler.intake.values import Values
from reconciler.manifests.accept import ManifestSet, Policy, accept_reading, format_faults
from reconciler.manifests.files import File, Reading
from reconciler.manifests.schema import API_VERSION
from reconciler.model import Entry
from reconciler.planning.desired import Desired
from reconciler.planning.plan import plan_one
from reconciler.settings import load_settings
from tests.fuzz.budgets import budget
from tests.manifests.test_schema import SPECS
from tests.virtual_time import START
from tests.world.stage import STORAGE
from tests.world.test_generated_sets import individual, mix, web

ROOT = Path(__file__).parents[2]
SEEDS = [
    path.read_bytes()
    for folder in ("manifests", "examples", "tests/manifests/good")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".yaml", ".yml", ".json"}
]
POLICY = Policy()
SETTINGS = load_settings({}, ROOT, lambda _: None)
LITERAL = "hunter2-in-plain-sight"
LONGEST = timedelta(seconds=5)  # of processor time, for what takes milliseconds

ODD: st.SearchStrategy[Any] = (
    st.sampled_from(
        [
            None, True, False, 0, -1, 2**31, 2**32, 2**64, 10**39, 10**4000, 1e308, -0.0, float("inf"), float("nan"),
            "", " ", "~", "null", "on", "\u202e", "\U0001f600", "\u0085", "9" * 50, "1e999d", "99999999999d", "-5s",
            "0.0000001s", "5m", "30d", "* * * * *", "0 0 31 2 *", "R/P1D", "2026-02-30T00:00:00Z",
            "9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00+23:59", "Mars/Phobos", "all", "custom", "web", "mix",
            "individual", "https://", "https://[::1", "http://a b", "#ffffff", "{name}", "{", "../..", {}, [], [[]],
            [{}], {"env": "A"}, {"file": "../../etc/passwd"}, {"file": "a\0b"}, {"env": "A", "file": "b"}, {"from": 5},
            {"cron": "@reboot", "duration": 1, "timezone": "UTC"}, {"audio": "all"}, ["1", 1, "01"],
        ]
    )
    | st.text(max_size=8)
    | st.integers()
    | st.floats()
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=3),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
        max_leaves=6,
    )
)  # fmt: skip
TOKENS = st.sampled_from(
    [
        b"\xef\xbb\xbf", b"\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\r\n", b"\r", b"\t",
        b"&a ", b"*a", b"<<: *a\n", b"!!binary ", b"!!set ", b"!x ", b"? ", b"|\n", b">-\n", b"%YAML 1.1\n", b"--- ",
        b"...\n", b"'", b'"', b"\\x", b"[", b"{", b"]", b"}", b": ", b"- ", b"# ", b"\xe2\x80\xa8", b"\xc2\x85",
        b"\xc2\xa0", b"1e9", b"0o7",
    ]
)  # fmt: skip
METADATA = st.fixed_dictionaries(
    {"name": st.sampled_from(["a", "b.c-1", "0" * 63, *(f"room-{number}" for number in range(9))])},
    optional={
        "labels": st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
        "annotations": st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
        "renamedFrom": st.sampled_from(["z", "a"]),
    },
)


def document(kind: str, metadata: Any, spec: Any) -> dict[str, Any]:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec}


APPS = st.fixed_dictionaries(
    {"appId": st.just("a" * 32), "customerId": st.just({"env": "C"}), "customerSecret": st.just({"env": "S"})},
    optional={"apiUrl": st.just("https://api.agora.io"), "qps": st.floats(), "maxRecorders": st.integers()},
)
SOUND = (mix | individual | web).map(lambda spec: {**yaml.safe_load(STORAGE), **spec})
DOCUMENTS = (
    st.builds(document, st.just("Recording"), METADATA, SOUND)
    | st.builds(document, st.just("Recording"), METADATA, SOUND)
    | st.builds(document, st.just("Recording"), METADATA, SPECS)
    | st.builds(document, st.just("Profile"), st.just({"name": "p"}), SPECS)
    | st.builds(document, st.just("App"), st.just({"name": "default"}), APPS)
)


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """List the paths of all values."""
    below = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(place for key, value in below for place in places(value, (*path, key)))]


@st.composite
def nearly_valid(draw: st.DrawFn) -> list[Any]:
    """Draw documents in which a few values are missing, doubled or something else."""
    documents: list[Any] = copy.deepcopy(draw(st.lists(DOCUMENTS, min_size=1, max_size=3)))
    for _ in range(draw(st.integers(0, 3))):
        *above, last = draw(st.sampled_from([place for place in places(documents) if place]))
        holder = documents
        for part in above:
            holder = holder[part]
        match draw(st.sampled_from(("put", "put", "put", "take", "wrap", "repeat"))):
            case "put":
                holder[last] = draw(ODD)
            case "take" if isinstance(holder, dict):
                del holder[last]
            case "wrap":
                holder[last] = draw(st.sampled_from(([holder[last]], {last: holder[last]})))
            case _ if isinstance(holder, list):
                holder.append(copy.deepcopy(holder[last]))
            case _:
                holder[draw(st.text(max_size=6))] = holder[last]
    return documents


@st.composite
def mangled(draw: st.DrawFn, seeds: st.SearchStrategy[bytes]) -> bytes:
    """Draw what bytes become on bad disks, in bad editors and under bad hands."""
    data = bytearray(draw(seeds))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        until = at + draw(st.integers(1, 40))
        match draw(st.sampled_from(("flip", "insert", "cut", "double", "crlf", "utf-16"))):
            case "flip" if data:
                data[at] ^= 1 << draw(st.integers(0, 7))
            case "insert":
                data[at:at] = draw(TOKENS)
            case "cut":
                del data[at:until]
            case "double":
                data[until:until] = data[at:until]
            case "crlf":
                data = data.replace(b"\n", b"\r\n")
            case _:
                data = bytearray(data.decode("utf-8", "replace").encode("utf-16"))
    return bytes(data)


def written(documents: list[Any], *, as_json: bool) -> bytes:
    if as_json:
        return json.dumps(documents[0]).encode("utf-8", "surrogatepass")
    return yaml.safe_dump_all(documents, allow_unicode=True, sort_keys=False).encode("utf-8", "surrogatepass")


def hold(data: bytes, name: str) -> None:
    """Accept or refuse it, in bounded time, and act on it as far as that is possible without the service."""
    # What took long once may have tidied up somebody else's memory; what takes long twice is slow.
    assert held(data, name) < LONGEST or held(data, name) < LONGEST


def held(data: bytes, name: str) -> timedelta:
    """Do that, and tell how much of the processor's time it took."""
    reading = Reading(Place(name, 1, 1), (File(name, data, sha256(data).digest()),), ())
    began = time.process_time()
    try:
        manifests = accept_reading(reading, policy=POLICY)
    except ManifestError as refused:
        event("refused")
        assert_told(refused, name)
    else:
        event("accepted")
        act_on(manifests)
    return timedelta(seconds=time.process_time() - began)


def assert_told(refused: ManifestError, name: str) -> None:
    assert refused.faults
    assert len(format_faults(refused.faults)) <= 101
    for fault in refused.faults:
        assert fault.place.file == name
        assert fault.place.line >= 1
        assert fault.place.column >= 1
        assert fault.message.strip()
        assert len(fault.message) < 1000
        assert LITERAL not in fault.message


def act_on(manifests: ManifestSet) -> None:
    values = Values(POLICY, {"A": "x", "B": "y"})
    apps = offline_app_ids(manifests, SETTINGS)
    prepared = prepare(manifests, apps, Stock(b"k" * 32, {}), "default", SETTINGS.uid_range, values)
    rules = SETTINGS.rules(len(prepared.desired))
    actions = [plan_one(one, Entry(one.key), START, rules) for one in prepared.desired]
    assert len(actions) == len(manifests.recordings)
    for one in prepared.desired:
        json.dumps(bodies(one), allow_nan=False)


def bodies(one: Desired) -> list[Any]:
    identity = next(iter(one.slots.values()))
    start = wire.start_body(one.spec, identity, lambda _: "value", name=one.key.name, at=START, token=None)
    layout = [wire.layout_body(one.spec, identity)] if one.spec.mode == "mix" else []
    return [wire.acquire_body(one.spec, identity), start, *layout]


@budget(250)
@given(nearly_valid(), st.booleans())
def test_what_is_nearly_a_manifest_is_accepted_or_told_in_words(documents: list[Any], as_json: bool) -> None:  # noqa: FBT001
    hold(written(documents, as_json=as_json), "f.json" if as_json else "f.yaml")


@budget(300)
@given(mangled(st.sampled_from(SEEDS)), st.sampled_from(("f.yaml", "f.json")))
def test_a_file_with_any_damage_is_accepted_or_told_in_words(data: bytes, name: str) -> None:
    hold(data, name)


@budget(50)
@given(mangled(nearly_valid().map(lambda documents: written(documents, as_json=False))))
def test_what_is_no_manifest_by_bytes_and_by_values_is_told_in_words(data: bytes) -> None:
    hold(data, "f.yaml")


@budget(100)
@given(
    st.builds(document, st.just("Recording"), METADATA, SPECS),
    st.sampled_from(
        [LITERAL, [LITERAL], {"env": LITERAL}, {"env": [LITERAL]}, {"value": LITERAL}, {"file": {LITERAL: 1}}]
    ),
    st.sampled_from(["accessKey", "secretKey", "stsToken"]),
)
def test_a_secret_that_is_written_out_is_not_repeated(recording: dict[str, Any], said: Any, name: str) -> None:
    recording["spec"]["storage"][name] = said
    hold(written([recording], as_json=False), "f.yaml")
