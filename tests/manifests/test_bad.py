"""Every fault a manifest can have, with its exact place and words.

The tables are in `bad/`: a case is what is written, then `=> ` and each fault it must have, then `====`. In `specs.txt`
the text goes under the spec of a recording that has its storage, in `storage.txt` of one that has none.
"""

import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.errors import ManifestError
from reconciler.manifests.accept import Policy, accept

HEAD = """\
apiVersion: recordings.reconciler/v1
kind: Recording
metadata: {name: room}
spec:
"""
STORAGE = "  storage: {vendor: s3, region: us-east-1, bucket: b, accessKey: {env: A}, secretKey: {env: B}}\n"
ABOVE = {"documents": "", "specs": HEAD + STORAGE, "storage": HEAD}


def cases() -> Iterator[tuple[str, list[str], str]]:
    """Give every case: what is written, its faults, and what to call it."""
    for table in sorted((Path(__file__).parent / "bad").glob("*.txt")):
        for case in table.read_text().split("\n====\n"):
            if case.strip():
                text, *faults = case.split("\n=> ")
                indent = "  " if ABOVE[table.stem] else ""
                whole = ABOVE[table.stem] + textwrap.indent(text, indent) + "\n"
                yield whole, faults, f"{table.stem}: {' '.join(text.split())[-60:]}"


@pytest.mark.parametrize(("text", "expected"), [pytest.param(text, faults, id=name) for text, faults, name in cases()])
def test_faults_have_their_places_and_words(
    text: str, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f.yaml").write_text(text)
    with pytest.raises(ManifestError) as refused:
        accept(["f.yaml"], policy=Policy())
    assert [str(fault) for fault in refused.value.faults] == expected
    assert "hunter2" not in str(refused.value).lower(), "a literal secret must not be repeated"
