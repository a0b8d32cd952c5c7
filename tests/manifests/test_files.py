"""Which files count as manifests, and what is wrong with a file as such."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.manifests.cache import Cache
from reconciler.manifests.files import MAX_BYTES, read_files
from reconciler.manifests.loading import MAX_DOCUMENTS, Loaded, load
from tests.manifests.texts import API, accepted, faults, recording


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def loaded(*paths: str, confined: bool = False) -> Loaded:
    return load(read_files(paths, confined=confined), Cache())


def names(*paths: str) -> list[str]:
    found = loaded(*paths)
    assert found.faults == []
    return [document.root.file for document in found.documents]


def test_folders_are_read_whole_in_order_without_hidden_names() -> None:
    for path in (
        "m/b.yaml",
        "m/a.yml",
        "m/c/d.json",
        "m/.e.yaml",
        "m/_f.yaml",
        "m/.g/h.yaml",
        "m/_i/j.yaml",
        "m/k.txt",
    ):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text('{"x": 1}')
    assert names("m") == ["m/a.yml", "m/b.yaml", "m/c/d.json"]


def test_a_named_file_is_read_whatever_it_is_called() -> None:
    Path("_hidden.conf").write_text("x: 1")
    assert names("_hidden.conf") == ["_hidden.conf"]


def test_the_same_path_twice_counts_once_but_a_file_in_a_named_folder_twice() -> None:
    Path("m").mkdir()
    Path("m/a.yaml").write_text(recording("room"))
    assert names("m", "m/", "./m") == ["m/a.yaml"]
    assert faults("m", "m/a.yaml") == [
        "m/a.yaml:3:18: Recording `room` is declared twice; the other one is at m/a.yaml:3:18"
    ]


def test_links_are_followed_as_mounted_volumes_need_it() -> None:
    Path("m/..2026").mkdir(parents=True)
    Path("m/..2026/a.yaml").write_text("x: 1")
    Path("m/..data").symlink_to("..2026")
    Path("m/a.yaml").symlink_to("..data/a.yaml")
    assert names("m") == ["m/a.yaml"]


def _circle() -> None:
    Path("m/a.yaml").symlink_to("b.yaml")
    Path("m/b.yaml").symlink_to("a.yaml")


def _folder_in_itself() -> None:
    Path("m/deep").mkdir()
    Path("m/deep/up").symlink_to("..")


CASES: dict[str, tuple[Callable[[], object], list[str]]] = {
    "dangling link": (
        lambda: Path("m/a.yaml").symlink_to("nowhere"),
        ["m/a.yaml:1:1: a dangling link: what it points to does not exist"],
    ),
    "circular link": (
        _circle,
        [
            "m/a.yaml:1:1: a circular link: it points to itself",
            "m/b.yaml:1:1: a circular link: it points to itself",
        ],
    ),
    "folder in itself": (_folder_in_itself, ["m/deep/up:1:1: a circular link: this folder contains itself"]),
    "pipe": (lambda: os.mkfifo("m/a.yaml"), ["m/a.yaml:1:1: not a regular file"]),
    "folder named like a file": (
        lambda: Path("m/a.yaml").mkdir(),
        ["m:1:1: there are no manifests here: no .yaml, .yml or .json file"],
    ),
    "no bytes": (lambda: Path("m/a.yaml").write_bytes(b""), ["m/a.yaml:1:1: there is no manifest in here"]),
    "comments only": (
        lambda: Path("m/a.yaml").write_text("# nothing\n---\n---\n~\n"),
        ["m/a.yaml:1:1: there is no manifest in here"],
    ),
    "too large": (
        lambda: Path("m/a.yaml").write_bytes(b"# " * (MAX_BYTES // 2 + 1)),
        ["m/a.yaml:1:1: larger than 16 MiB: split it"],
    ),
    "latin 1": (
        lambda: Path("m/a.yaml").write_bytes("a: 1\nname: Müller\n".encode("latin-1")),
        ["m/a.yaml:2:8: this is not UTF-8: save the file as UTF-8"],
    ),
    "utf-16": (
        lambda: Path("m/a.yaml").write_bytes("a: 1\n".encode("utf-16")),
        ["m/a.yaml:1:1: this is not UTF-8: save the file as UTF-8"],
    ),
    "nothing": (lambda: None, ["m:1:1: there are no manifests here: no .yaml, .yml or .json file"]),
}


@pytest.mark.parametrize("case", CASES)
def test_what_is_no_manifest_is_one_clear_fault(case: str) -> None:
    Path("m").mkdir()
    make, expected = CASES[case]
    make()
    assert faults("m") == expected


def test_paths_that_are_not_there() -> None:
    assert faults("nowhere") == ["nowhere:1:1: there is no such file or folder"]
    assert faults("") == [":1:1: there is no such file or folder"]
    assert faults("a\0b") == ["a\0b:1:1: this is not a path"]
    assert faults("-") == ["<stdin>:1:1: nothing was handed in on standard input"]


def test_a_file_larger_than_allowed_is_not_read_whole() -> None:
    with Path("big.yaml").open("wb") as file:
        file.truncate(64 * 2**30)
    assert faults("big.yaml") == ["big.yaml:1:1: larger than 16 MiB: split it"]


def test_an_empty_folder_may_be_an_empty_set() -> None:
    Path("m").mkdir()
    assert faults("m", allow_empty=True) == []


def test_a_byte_order_mark_is_no_text() -> None:
    Path("a.yaml").write_bytes(b"\xef\xbb\xbf" + recording("room").encode())
    assert faults("a.yaml") == []


def test_a_repository_shows_no_files_of_the_machine(tmp_path: Path) -> None:
    Path("secret.yaml").write_text("password: 5")
    Path("m").mkdir()
    Path("m/a.yaml").symlink_to("../secret.yaml")
    Path("m/b").symlink_to("..")
    Path("m/c.yaml").write_text("x: 1")
    found = loaded("m", confined=True)
    assert [str(fault) for fault in found.faults] == [
        "m/a.yaml:1:1: this link leads out of the folder, which a source from git must not",
        "m/b:1:1: this link leads out of the folder, which a source from git must not",
    ]
    assert [document.root.file for document in found.documents] == ["m/c.yaml"]


def test_one_unreadable_file_does_not_hide_the_faults_of_others() -> None:
    Path("m").mkdir()
    Path("m/a.yaml").write_text("a: [\n")
    Path("m/b.yaml").write_text(recording("room", "profiles: [perhaps-in-a]", "app: perhaps-in-a-too", "chanel: x"))
    found = faults("m")
    assert [fault.split(": ")[0] for fault in found] == ["m/a.yaml:2:1", "m/b.yaml:8:3"]
    assert "chanel" in found[1]


def test_json_is_read_as_json() -> None:
    said = {
        "apiVersion": "recordings.reconciler/v1",
        "kind": "Recording",
        "metadata": {"name": "room", "annotations": {"note": "😀 a/b\t\u2028"}},
        "spec": {
            "storage": {
                "vendor": 1,
                "region": 0,
                "bucket": "b",
                "accessKey": {"env": "A"},
                "secretKey": {"env": "B"},
            }
        },
    }
    text = json.dumps(said, indent="\t").replace("a/b", "a\\/b")
    assert "\\ud83d" in text
    Path("a.json").write_text(text)
    assert faults("a.json") == []
    for stdin in (text, json.dumps(said, ensure_ascii=False), API[:-1].join(["", "\n"]) + recording("x")[len(API) :]):
        assert faults("-", stdin=stdin.encode()) == []


JSON_CASES = {
    '{"a": 1, "a": 2}': "f.json:1:10: `a` is given twice; the first is in line 1",
    '{\n\t"a": 1,\n\t"b" 2}': "f.json:3:6: this is not JSON: a : is missing here",
    '{"a": 1,}': 'f.json:1:9: this is not JSON: a key in "quotes" must stand here',
    "{'a': 1}": 'f.json:1:2: this is not JSON: a key in "quotes" must stand here',
    '["a"': "f.json:1:5: this is not JSON: a , is missing here",
    '["a]': "f.json:1:2: this is not JSON: the text that begins here is not well-formed",
    '"\\ud800"': "f.json:1:1: this text holds half of a surrogate pair",
    "[NaN]": "f.json:1:2: this is not JSON: a value must stand here",
    "[1e999]": "f.json:1:2: too large a number cannot be used here",
    "[" * 100_000: "f.json:1:65: nested more than 64 deep",
    "[" + "9" * 5000 + "]": "f.json:1:2: a number of more than 40 digits cannot be used here",
}


@pytest.mark.parametrize("text", JSON_CASES, ids=lambda text: text[:20])
def test_json_faults_have_their_places(text: str) -> None:
    Path("f.json").write_text(text)
    assert faults("f.json") == [JSON_CASES[text]]


def test_a_file_of_endless_documents_is_not_read_to_its_end() -> None:
    Path("f.yaml").write_text("--- a\n" * (MAX_DOCUMENTS + 1_000))
    found = loaded("f.yaml")
    assert len(found.documents) == MAX_DOCUMENTS
    assert [str(fault) for fault in found.faults] == [
        f"f.yaml:{MAX_DOCUMENTS + 1}:5: more than {MAX_DOCUMENTS} documents in one file: split it"
    ]
    assert len(faults("f.yaml")) < 1_100


def test_nothing_is_left_of_the_order_of_documents() -> None:
    whole = accepted(recording("b"), recording("a"))
    assert [one.name for one in whole.recordings] == ["a", "b"]
