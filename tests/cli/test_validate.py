"""`validate`: faults are data, the summary is a message."""

import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.root import run

GOOD = """
apiVersion: recordings.reconciler/v1
kind: Recording
metadata: {name: standup}
spec:
  storage: {vendor: s3, region: us-east-1, bucket: b, accessKey: {env: ACCESS}, secretKey: {file: key}}
"""
APP = """
apiVersion: recordings.reconciler/v1
kind: App
metadata: {name: default}
spec: {appId: 0123456789abcdef0123456789abcdef, customerId: {env: ID}, customerSecret: {env: SECRET}}
"""


def write(folder: Path, **texts: str) -> str:
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    return str(folder)


@pytest.mark.parametrize(
    ("texts", "summary"),
    [
        ({"a": GOOD}, "1 recording: valid\n"),
        ({"a": GOOD, "b": GOOD.replace("standup", "other"), "c": APP}, "2 recordings, 1 app: valid\n"),
    ],
)
def test_what_is_valid_is_summed_up_on_standard_error(
    texts: dict[str, str], summary: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["validate", write(tmp_path, **texts)], {}, tmp_path) == 0
    assert capsys.readouterr() == ("", summary)


def test_faults_are_printed_with_their_places_and_exit_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write(tmp_path, a=GOOD.replace("bucket", "bucet"), b=GOOD.replace("standup", "Standup"))

    assert run(["validate", folder], {}, tmp_path) == 1
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert [line.split(" ", 1)[0] for line in lines if "bucet" in line] == [f"{folder}/a.yaml:6:44:"]
    assert any(line.startswith(f"{folder}/b.yaml:4:18: ") for line in lines)
    assert err == f"{len(lines)} faults: not valid\n"


def test_of_many_faults_a_hundred_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = "\n".join(f"  field{number}: 1" for number in range(130))

    assert run(["validate", write(tmp_path, a=f"{GOOD}{wrong}\n")], {}, tmp_path) == 1
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 101
    assert out.endswith("and 30 more\n")
    assert err == "130 faults: not valid\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "there is no manifest in here"),
        ("a: [", ""),
        ("- 1\n", ""),
        ("\x00", ""),
        ("x: &a [*a]", ""),
    ],
)
def test_no_bad_file_is_a_bug(content: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path, a=content)

    assert run(["validate", folder], {}, tmp_path) == 1
    out, err = capsys.readouterr()
    assert out.startswith(f"{folder}/a.yaml:")
    assert told in out
    assert "Traceback" not in out + err
    assert "bug" not in err


def test_a_path_that_does_not_exist_is_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["validate", str(tmp_path / "nowhere")], {}, tmp_path) == 1
    assert capsys.readouterr().out == f"{tmp_path}/nowhere:1:1: there is no such file or folder\n"


def test_settings_say_what_manifests_may_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write(tmp_path, a=GOOD)

    assert run(["validate", folder], {"RECONCILER_SECRETS_ENV": "AWS_*"}, tmp_path) == 1
    assert "RECONCILER_SECRETS_ENV" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "text", "code", "out"),
    [
        (["-"], GOOD, 0, ""),
        (["-"], GOOD.replace("bucket", "bucet"), 1, "<stdin>:6:44: "),
        ([], "", 1, "./manifests:1:1: there is no such file or folder"),
    ],
)
def test_standard_input_and_the_default_folder(argv: list[str], text: str, code: int, out: str, tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "reconciler", "validate", *argv],
        input=text,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
        timeout=60,
    )

    assert result.returncode == code
    assert out in result.stdout
    assert result.stderr.endswith("valid\n")
