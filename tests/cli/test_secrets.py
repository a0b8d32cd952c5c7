"""Promise 7: secrets appear nowhere; every byte that commands write or keep is searched, whatever goes wrong."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from reconciler.agora.token import mint_token
from reconciler.model import Secret
from tests.cli.acting import Answer, Place, app, place
from tests.world.stage import APP_ID, recording

CERTIFICATE = "c0ffee5ec2e7" + "d" * 20
TOKEN = mint_token(
    app_id=APP_ID,
    certificate=Secret(CERTIFICATE),
    channel="talk",
    uid="5",
    ttl=timedelta(hours=1),
    salt=7,
    issued_at=datetime.now(UTC),
)
VALUES = {
    "RECONCILER_CUSTOMER_SECRET": "customer-secret-9f3a",
    "RECONCILER_WEBHOOK_SECRET": "webhook-secret-00d4",
    "OTHER_SECRET": "other-customer-2b77",
    "ACCESS_KEY": "access-key-77c1",
    "SECRET_KEY": 'secret/key+b20e="quoted"',
    "STS_TOKEN": "sts-token-ff31",
    "ENCRYPTION_SECRET": "encryption-secret-4a5c",
    "ENCRYPTION_SALT": base64.b64encode(b"encryption-salt-of-32-bytes-9c1d").decode(),
    "CERTIFICATE": CERTIFICATE,
    "TOKEN": TOKEN,
    "PAGE": "https://pages.example.com/board?ticket=page-ticket-81be",
    "STREAM": "rtmp://live.example.com/app/stream-key-d6f0",
}
PAGE_LITERAL = "query-literal-3e9a"
OTHER_APP = "f" * 32
PARTS = ("page-ticket-81be", "stream-key-d6f0", PAGE_LITERAL)


def forms(value: str) -> set[bytes]:
    """Say how a value may be written: plain, quoted for JSON, an address or Python, and as base64."""
    pair = f"id-41d0:{value}"
    encoded = {base64.b64encode(text.encode()).decode().rstrip("=") for text in (value, pair)}
    plain = {value, json.dumps(value)[1:-1], repr(value)[1:-1], quote(value), quote(value, safe="")}
    return {form.encode() for form in plain | encoded}


MANIFESTS = (
    app("other", f"appId: {OTHER_APP}, customerId: {{env: ACCESS_KEY}}, customerSecret: {{env: OTHER_SECRET}}"),
    recording(
        "lecture",
        "  token: {certificate: {env: CERTIFICATE}}\n"
        "  capture:\n"
        "    encryption: {mode: aes-128-gcm2, secret: {env: ENCRYPTION_SECRET}, salt: {env: ENCRYPTION_SALT}}",
    ).replace("bucket: lessons", "bucket: lessons\n    stsToken: {env: STS_TOKEN}"),
    recording("talk", "  uid: 5\n  token: {env: TOKEN}"),
    recording("board", "  mode: web\n  web: {url: {env: PAGE}, publish: {env: STREAM}}"),
    recording("page", f"  mode: web\n  web: {{url: 'https://pages.example.com/x?key={PAGE_LITERAL}'}}"),
    recording("elsewhere", "  app: other"),
)
NAMES = ["board", "elsewhere", "lecture", "page", "talk"]


class Searched:
    """Runs commands at the most talkative level, and searches what they say and keep."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.place.environ |= VALUES | {"RECONCILER_LOG_LEVEL": "debug"}
        self.place.write(*MANIFESTS)
        self.sought: set[bytes] = set()
        self.seek(*VALUES.values(), *PARTS)

    def seek(self, *values: str) -> None:
        for value in values:
            self.sought |= forms(value)

    def __call__(self, *argv: str, **environ: str | None) -> Answer:
        answer = self.place(*argv, **environ)
        self.seek(*(one.token for one in self.place.world.recorders if one.token))
        told = {"standard output": answer.out.encode(), "standard error": answer.err.encode()}
        kept = {path.name: path.read_bytes() for path in self.place.ledger_files()}
        for where, content in (told | kept).items():
            found = [value for value in self.sought if value in content]
            assert not found, f"{argv}: {where} shows {found}"
        assert "this is a bug" not in answer.err
        return answer

    def look_around(self) -> None:
        """Run every command that only reads."""
        for argv in (
            ["plan"],
            ["plan", "--refresh", "all", "-o", "json", "--all"],
            ["plan", "-o", "markdown"],
            ["get", "-o", "wide"],
            ["get", "-o", "json"],
            ["get", "-o", "yaml"],
            *(["describe", name] for name in NAMES),
            ["events"],
            ["events", "-o", "json"],
            ["files", "-o", "json"],
            ["render"],
            ["render", "--wire"],
            ["validate"],
            ["doctor"],
            ["doctor", "-o", "json"],
        ):
            self(*argv)


@pytest.fixture
def here(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Iterator[Searched]:
    with place(tmp_path, capfd) as made:
        yield Searched(made)


def test_the_search_finds_what_is_there() -> None:
    wire = b"authorization: Basic " + base64.b64encode(b"id-41d0:customer-secret-9f3a")
    assert any(form in wire for form in forms("customer-secret-9f3a"))
    assert b'"quoted"' in b"".join(forms(VALUES["SECRET_KEY"]))


def test_while_all_goes_well(here: Searched) -> None:
    assert here("apply", "--yes", "-o", "json").code == 0
    assert here.place.recorded() == NAMES
    [minted] = [one.token for one in here.place.live() if one.channel == "lecture"]
    assert minted
    assert minted.encode() in here.sought
    assert [one.publish_url for one in here.place.live() if one.channel == "board"] == [VALUES["STREAM"]]
    here.look_around()
    assert here("delete", "--all", "--yes").code == 0
    here.look_around()


def test_what_a_kill_leaves_behind(here: Searched) -> None:
    here.place.fault("start#3 delay 5 after")
    with here.place.process("apply", "--yes") as process:
        here.place.calls.wait_for("start", 3)
        process.kill()
        told = "".join(process.communicate())

    assert (here.place.folder / "ledger.db-wal").exists()
    assert [form for form in here.sought if form in told.encode()] == []
    for path in here.place.ledger_files():
        assert [form for form in here.sought if form in path.read_bytes()] == []
        assert path.stat().st_mode & 0o077 == 0
    here("get")


def test_after_every_value_has_been_changed(here: Searched) -> None:
    here("apply", "--yes")
    before = dict(here.place.environ)
    changed = {"SECRET_KEY": "rotated-key-e2", "ENCRYPTION_SECRET": "rotated-secret-e3", "ACCESS_KEY": "rotated-key-e4"}
    here.seek(*changed.values())
    here.place.environ |= changed
    assert "**** (another value)" in here("plan").out
    assert here("apply", "--yes").code == 0
    here.place.environ = before
    here.look_around()


@pytest.mark.parametrize(
    "fault",
    [
        "start refuse 400/2",
        "start replace 206/65",
        "start refuse 503",
        "start lose",
        "start truncate 40",
        "acquire refuse 401",
        "acquire refuse",
        "query refuse 503",
        "query refuse 404",
    ],
)
def test_while_the_service_fails(here: Searched, fault: str) -> None:
    here.place.fault(fault)
    assert here("apply", "--yes", "--timeout", "0.5s", "-o", "json").code in (1, 3)
    here.look_around()


def test_where_credentials_are_wrong(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with place(tmp_path, capfd, credentials={"id-41d0": "another"}) as made:
        here = Searched(made)
        assert here("apply", "--yes").code == 1
        here.look_around()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TOKEN", TOKEN[:-9]),
        ("TOKEN", TOKEN.swapcase()),
        ("CERTIFICATE", "not-a-certificate-5d"),
        ("CERTIFICATE", "z" * 31 + "5"),
        ("PAGE", "https://user:pass-word-88@pages.example.com/"),
        ("PAGE", "https://127.0.0.1/board?ticket=inner-ticket-4e"),
        ("PAGE", "file:///etc/inner-ticket-4f"),
        ("STREAM", "rtmp://10.0.0.1/app/inner-stream-77"),
        ("STREAM", "rtmp://live.example.com:nope/app/inner-stream-78"),
        ("ENCRYPTION_SALT", "short-salt-9"),
        ("SECRET_KEY", None),
        ("OTHER_SECRET", None),
    ],
)
def test_where_a_value_is_wrong_or_missing(here: Searched, name: str, value: str | None) -> None:
    if value:
        here.seek(value)
    for argv in (["plan"], ["apply", "--yes", "--timeout", "0.5s"], ["plan", "-o", "json"], ["doctor"], ["get"]):
        here(*argv, **{name: value})


@pytest.mark.parametrize(
    "manifest",
    [
        recording("a").replace("{env: SECRET_KEY}", "literal-key-90af"),
        recording("a", "  token: literal-key-90af"),
        recording("a", "  mode: web\n  web: {url: 'https://name:literal-key-90af@example.com'}"),
        recording("a", "  mode: web\n  web: {url: 'https://localhost/?key=literal-key-90af'}"),
        recording("a", "  overrides: {start: {token: literal-key-90af}}"),
    ],
)
def test_a_secret_where_none_belongs_is_refused_and_not_repeated(here: Searched, manifest: str) -> None:
    here.seek("literal-key-90af")
    here.place.write(manifest)
    for command in (["validate"], ["plan"], ["apply", "--yes"], ["render"]):
        assert here(*command).code == 1


def test_while_handles_are_forgotten_and_imported(here: Searched) -> None:
    here("apply", "--yes")
    for recorder in here.place.live():
        here("forget", recorder.channel)
        handle = ["--resource-id", recorder.resource_id, "--sid", recorder.sid, "--uid", recorder.uid]
        assert here("import", recorder.channel, *handle[:3], "0" * 32, *handle[4:]).code == 1
        assert here("import", recorder.channel, *handle).code == 0
    assert here("apply", "--yes").code == 0
    here.look_around()


def test_where_settings_are_wrong(here: Searched) -> None:
    address = "postgres://user:access-key-77c1@127.0.0.1/reconciler"
    for name, value in (
        ("RECONCILER_QPS", VALUES["SECRET_KEY"]),
        ("RECONCILER_APP_ID", VALUES["SECRET_KEY"]),
        ("RECONCILER_API_URL", VALUES["SECRET_KEY"]),
        ("RECONCILER_API_URL", "https://user:access-key-77c1@api.agora.io"),
        ("RECONCILER_STATE", address),
        ("RECONCILER_STATE", address.replace("postgres", "postgress")),
    ):
        for command in (["plan"], ["apply", "--yes"], ["get"], ["doctor"]):
            here(*command, **{name: value})
