"""`render`: what manifests mean, and what would be sent, without a secret in either."""

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.cli.root import run
from reconciler.manifests.accept import accept
from reconciler.manifests.secrets import Policy

APP_ID = "0123456789abcdef0123456789abcdef"
SET = """
apiVersion: recordings.reconciler/v1
kind: Profile
metadata: {name: base}
spec:
  capture: {maxIdle: 5m}
  storage: {vendor: s3, region: us-east-1, bucket: b, accessKey: {env: ACCESS}, secretKey: {env: HUSH}}
---
apiVersion: recordings.reconciler/v1
kind: App
metadata: {name: second}
spec: {appId: ffffffffffffffffffffffffffffffff, customerId: {env: ID}, customerSecret: {env: HUSH}}
---
apiVersion: recordings.reconciler/v1
kind: Recording
metadata:
  name: standup
  labels: {"on": "yes", n: "1e3", o: "0o17", d: "2024-01-01", e: ""}
  annotations: {a: "ü: x\\n"}
spec:
  channel: "1e3"
  uid: "42"
  profiles: [base]
  storage: {prefix: ["{name}"]}
  token: {env: HUSH}
  capture: {encryption: {mode: 1, secret: {env: HUSH}}}
  overrides: {start: {recordingConfig: {maxIdleTime: null}}}
---
apiVersion: recordings.reconciler/v1
kind: Recording
metadata: {name: page}
spec:
  mode: web
  app: second
  profiles: [base]
  capture: null
  web: {url: "https://example.com/x?key=literal-key", publish: {env: HUSH}}
"""
ENVIRON = {"RECONCILER_APP_ID": APP_ID, "HUSH": "open-sesame", "ACCESS": "open-sesame"}


@pytest.fixture
def folder(tmp_path: Path) -> str:
    (tmp_path / "set.yaml").write_text(SET)
    return str(tmp_path)


def shown(argv: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert run(["render", *argv], ENVIRON, Path("/nowhere")) == 0
    out, err = capsys.readouterr()
    assert err == ""
    for secret in ("open-sesame", "literal-key"):
        assert secret not in out
    return out


def test_what_is_shown_means_the_same(folder: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rendered = tmp_path / "rendered.yaml"
    rendered.write_text(shown([folder], capsys))
    before = accept([str(tmp_path / "set.yaml")], policy=Policy())
    after = accept([str(rendered)], policy=Policy())

    assert [one.name for one in after.recordings] == ["page", "standup"]
    (page, standup), (page_before, standup_before) = after.recordings, before.recordings
    assert standup.spec == standup_before.spec
    # What is masked is masked; all else is what was meant.
    assert page.spec.model_copy(update={"web": page_before.spec.web}) == page_before.spec
    assert (standup.labels, standup.annotations) == (standup_before.labels, standup_before.annotations)
    assert after.apps == before.apps


def test_profiles_are_merged_and_references_stay(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    documents: list[dict[str, Any]] = json.loads(shown([folder, "-o", "json"], capsys))

    assert [(one["kind"], one["metadata"]["name"]) for one in documents] == [
        ("App", "second"),
        ("Recording", "page"),
        ("Recording", "standup"),
    ]
    spec = documents[2]["spec"]
    assert "profiles" not in spec
    assert spec["capture"]["maxIdle"] == "5m"
    assert spec["storage"]["secretKey"] == {"env": "HUSH"}
    assert spec["overrides"] == {"start": {"recordingConfig": {"maxIdleTime": None}}}
    assert documents[1]["spec"]["web"]["url"] == "https://example.com/x?****"


def test_the_wire_is_exact_but_for_secrets(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    page, standup = json.loads(shown([folder, "--wire"], capsys))

    assert list(page) == ["name", "acquire", "start"]
    assert list(standup) == ["name", "acquire", "start", "updateLayout"]
    assert standup["acquire"] == {
        "cname": "1e3",
        "uid": "42",
        "clientRequest": {"scene": 0, "resourceExpiredHour": 720},
    }
    request = standup["start"]["clientRequest"]
    assert request["token"] == "****"
    assert "maxIdleTime" not in request["recordingConfig"]  # an override took it away
    assert request["recordingConfig"]["secret"] == "****"
    assert request["storageConfig"] == {
        "vendor": 1,
        "region": 0,
        "bucket": "b",
        "accessKey": "****",
        "secretKey": "****",
        "fileNamePrefix": ["standup"],
    }
    assert standup["updateLayout"]["clientRequest"] == {"mixedVideoLayout": 0, "backgroundColor": "#000000"}
    services = page["start"]["clientRequest"]["extensionServiceConfig"]["extensionServices"]
    assert services[0]["serviceParam"]["url"] == "https://example.com/x?****"
    assert services[1]["serviceParam"]["outputs"] == [{"rtmpUrl": "****"}]


def test_derived_uids_are_the_same_at_every_look(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    page, _ = json.loads(shown([folder, "--wire"], capsys))

    assert 2_000_000_000 <= int(page["start"]["uid"]) <= 2_147_483_647
    assert shown([folder, "--wire"], capsys) == shown([folder, "--wire"], capsys)


def test_the_wire_as_yaml(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown([folder, "--wire", "-o", "yaml"], capsys).startswith("---\nname: page\nacquire:\n")


def test_it_works_offline_without_an_account(folder: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["render", folder, "--wire"], {}, Path("/nowhere")) == 0
    assert json.loads(capsys.readouterr().out)[0]["start"]["uid"].isdigit()


def test_what_is_not_valid_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("a: 1\n")

    assert run(["render", str(tmp_path)], {}, tmp_path) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"{tmp_path}/a.yaml:1:1: ")
