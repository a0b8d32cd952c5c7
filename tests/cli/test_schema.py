"""`schema`: what editors are given."""

import json

import jsonschema
import pytest

from reconciler.cli.root import run
from reconciler.cli.schema import KINDS
from reconciler.manifests.json_schema import SUPPORTED


def test_the_kinds_are_those_there_are() -> None:
    assert set(KINDS) == set(SUPPORTED)


@pytest.mark.parametrize("argv", [[], *([kind] for kind in KINDS), ["recording"]])
def test_it_is_a_json_schema(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", *argv], {}) == 0
    out, err = capsys.readouterr()
    jsonschema.Draft7Validator.check_schema(json.loads(out))
    assert err == ""


def test_another_kind_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["schema", "Pod"], {}) == 64
    assert "'recording', 'profile', 'app'" in capsys.readouterr().err
