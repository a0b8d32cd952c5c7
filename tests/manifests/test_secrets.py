"""Which references are allowed, and what is read behind them."""

import os
from pathlib import Path

import pytest

from reconciler.errors import Place
from reconciler.manifests.secrets import MAX_BYTES, Policy, SecretMissing, read_secret, reference_problem
from reconciler.manifests.values import EnvRef, FileRef
from reconciler.model import Secret

OPEN, GIT = Policy(), Policy(from_git=True)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    (tmp_path / "m").mkdir()
    return Place(str(tmp_path / "m" / "room.yaml"), 7, 3)


def why(ref: EnvRef | FileRef, place: Place, policy: Policy, environ: dict[str, str] | None = None) -> str:
    found = read_secret(ref, place=place, policy=policy, environ=environ or {})
    assert isinstance(found, SecretMissing), "a secret was read"
    assert (found.ref, found.place) == (ref, place)
    return found.why


@pytest.mark.parametrize(
    ("name", "policy", "allowed"),
    [
        ("KEY", OPEN, True),
        ("KEY", GIT, False),
        ("APP_KEY", Policy(secrets_env="APP_*", from_git=True), True),
        ("KEY", Policy(secrets_env="APP_*"), False),
        ("KEY", Policy(secrets_env="APP_*, KEY"), True),
        ("key", Policy(secrets_env="KEY"), False),
        ("KEY", Policy(secrets_env=""), False),
        ("RECONCILER_CUSTOMER_SECRET", Policy(secrets_env="*"), False),
        ("RECONCILER_CUSTOMER_SECRET", Policy(secrets_env="RECONCILER_*"), False),
    ],
)
def test_variables_must_match_the_settings(name: str, policy: Policy, allowed: bool, place: Place) -> None:  # noqa: FBT001
    assert (reference_problem(EnvRef(env=name), place, policy) is None) == allowed
    found = read_secret(EnvRef(env=name), place=place, policy=policy, environ={name: "value"})
    assert isinstance(found, Secret) == allowed


def test_variables_are_read_as_they_are(place: Place) -> None:
    found = read_secret(EnvRef(env="KEY"), place=place, policy=OPEN, environ={"KEY": "hunter2\n"})
    assert found == Secret("hunter2\n")
    assert why(EnvRef(env="KEY"), place, OPEN) == "the environment variable KEY is not set"
    assert why(EnvRef(env="KEY"), place, OPEN, {"KEY": ""}) == "the environment variable KEY is empty"
    assert why(EnvRef(env="KEY"), place, GIT, {"KEY": "x"}) == (
        "the reference names a variable that RECONCILER_SECRETS_ENV does not allow"
    )


@pytest.mark.parametrize(
    ("written", "read"), [("a\n", "a"), ("a\n\n", "a\n"), ("a\r\n", "a"), ("a", "a"), (" a\r", " a\r"), ("ü", "ü")]
)
def test_one_newline_at_the_end_of_a_file_is_not_part_of_it(written: str, read: str, place: Place) -> None:
    Path(place.file).with_name("key").write_text(written, newline="")
    assert read_secret(FileRef(file="key"), place=place, policy=OPEN, environ={}) == Secret(read)


@pytest.mark.parametrize("file", ["../key", "/etc/passwd", "a/../../key", "..", ".", "", "x\0y", "../m2/key"])
def test_files_stay_inside_the_folder(file: str, place: Place, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter2")
    (tmp_path / "m2").mkdir()
    (tmp_path / "m2" / "key").write_text("hunter2")
    problem = "must name a file inside RECONCILER_SECRETS_DIR (/run/secrets) or in the folder of the manifest"
    ref = FileRef.model_construct(file=file)
    assert reference_problem(ref, place, OPEN) == problem
    assert why(ref, place, OPEN) == f"the reference {problem}"


def test_a_link_out_of_the_folder_is_refused(place: Place, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter2")
    Path(place.file).with_name("link").symlink_to("../key")
    Path(place.file).with_name("up").symlink_to("..")
    for file in ("link", "up/key"):
        assert why(FileRef(file=file), place, OPEN) == "the reference is a link that leads out of the folder of secrets"


def test_mounted_secrets_are_links_inside_their_folder(place: Place, tmp_path: Path) -> None:
    secrets = tmp_path / "secrets"
    (secrets / "..2026").mkdir(parents=True)
    (secrets / "..2026" / "key").write_text("hunter2\n")
    (secrets / "..data").symlink_to("..2026")
    (secrets / "key").symlink_to("..data/key")
    policy = Policy(secrets_dirs=(str(secrets),), from_git=True)
    for file in ("key", str(secrets / "key")):
        assert read_secret(FileRef(file=file), place=place, policy=policy, environ={}) == Secret("hunter2")


def test_a_set_folder_replaces_that_of_the_manifest(place: Place, tmp_path: Path) -> None:
    Path(place.file).with_name("key").write_text("hunter2")
    policy = Policy(secrets_dirs=(str(tmp_path / "elsewhere"),))
    assert why(FileRef(file="key"), place, policy) == "the file key cannot be read: no such file or directory"
    beside = FileRef(file=str(Path(place.file).with_name("key")))
    assert why(beside, place, policy) == "the reference must name a file inside RECONCILER_SECRETS_DIR"
    assert why(beside, place, GIT).endswith("RECONCILER_SECRETS_DIR, which is not set")


def test_what_cannot_be_a_secret_is_said_and_never_waited_for(place: Place) -> None:
    folder = Path(place.file).parent
    (folder / "large").write_bytes(b"x" * (MAX_BYTES + 1))
    (folder / "empty").write_text("\n")
    (folder / "binary").write_bytes(b"\xff")
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    assert [
        why(FileRef(file=name), place, OPEN) for name in ("large", "empty", "binary", "folder", "pipe", "none")
    ] == [
        "the file large is larger than 64 KiB",
        "the file empty is empty",
        "the file binary is not UTF-8",
        "the file folder cannot be read: is a directory",
        "the file pipe is not a regular file",
        "the file none cannot be read: no such file or directory",
    ]


def test_standard_input_lies_in_the_folder_one_is_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("key").write_text("hunter2")
    found = read_secret(FileRef(file="key"), place=Place("<stdin>", 1, 1), policy=OPEN, environ={})
    assert found == Secret("hunter2")


def test_references_can_be_keys() -> None:
    assert {EnvRef(env="A"): 1, FileRef(file="A"): 2}[EnvRef(env="A")] == 1
