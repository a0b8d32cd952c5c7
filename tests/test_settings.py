"""Settings: what each may be, where it may stand, what wins, and how wrong ones are told."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from reconciler.errors import SettingsError, UnsafePlanError
from reconciler.model import Secret
from reconciler.settings import Settings, StateUnsetError, load_settings, set_name, state_url
from reconciler.settings.values import Address, PollInterval

SECRET = "open-sesame"
APP_ID = "0123456789abcdef0123456789abcdef"


def seconds(*values: float) -> tuple[timedelta, ...]:
    return tuple(timedelta(seconds=value) for value in values)


def load(tmp_path: Path, toml: str = "", **variables: str) -> Settings:
    (tmp_path / "reconciler.toml").write_text(toml)
    said: list[str] = []
    settings = load_settings({f"RECONCILER_{name}": value for name, value in variables.items()}, tmp_path, said.append)
    assert said == []
    return settings


def faults(tmp_path: Path, toml: str = "", **variables: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, toml, **variables)
    assert SECRET not in str(caught.value)
    return str(caught.value).splitlines()


def test_every_default_is_the_promised_one(tmp_path: Path) -> None:
    settings = load_settings({}, tmp_path)

    assert {name: getattr(settings, name) for name in Settings.model_fields} == {
        "app_id": None,
        "customer_id": None,
        "customer_secret": None,
        "api_url": ("https://api.sd-rtn.com",),
        "state": None,
        "set": "default",
        "qps": 10,
        "max_recorders": None,
        "poll_interval": PollInterval(*seconds(15, 120)),
        "missing_grace": timedelta(seconds=90),
        "confirm_delay": timedelta(seconds=5),
        "confirm_timeout": timedelta(seconds=90),
        "retry_delays": seconds(3, 6, 9),
        "backoff_base": timedelta(seconds=10),
        "backoff_max": timedelta(seconds=300),
        "backoff_reset": timedelta(seconds=600),
        "http_timeout": timedelta(seconds=30),
        "query_method": None,
        "max_stop_percent": 30,
        "secrets_dir": None,
        "secrets_env": None,
        "uid_range": (2_000_000_000, 2_147_483_647),
        "retention": timedelta(days=400),
        "listen": Address("127.0.0.1", 8088),
        "webhook_secret": None,
        "page_token": None,
        "notify_url": None,
        "notify_secret": None,
        "git_interval": timedelta(seconds=60),
        "lease": timedelta(seconds=15),
        "log_format": "auto",
        "log_level": "info",
    }


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("APP_ID", APP_ID, APP_ID),
        ("API_URL", "https://api.agora.io/", ("https://api.agora.io",)),
        ("API_URL", "https://a.agora.io, https://b.agora.io,", ("https://a.agora.io", "https://b.agora.io")),
        ("API_URL", "http://127.0.0.1:8787", ("http://127.0.0.1:8787",)),
        ("API_URL", "http://[::1]:80", ("http://[::1]:80",)),
        ("API_URL", "https://recorder.internal.example", ("https://recorder.internal.example",)),
        ("SET", "team-a", "team-a"),
        ("QPS", "2.5", 2.5),
        ("MAX_RECORDERS", "50", 50),
        ("MAX_RECORDERS", "", None),
        ("MAX_RECORDERS", " 50\r", 50),
        ("POLL_INTERVAL", "15s..2m", PollInterval(*seconds(15, 120))),
        ("POLL_INTERVAL", "1.5", PollInterval(*seconds(1.5, 1.5))),
        ("MISSING_GRACE", "90", timedelta(seconds=90)),
        ("MISSING_GRACE", "0", timedelta()),
        ("CONFIRM_DELAY", "0.25s", timedelta(seconds=0.25)),
        ("CONFIRM_TIMEOUT", "1m30s", timedelta(seconds=90)),
        ("RETRY_DELAYS", "1, 2.5s,1m", seconds(1, 2.5, 60)),
        ("QUERY_METHOD", "post", "POST"),
        ("MAX_STOP_PERCENT", "12.5%", 12.5),
        ("SECRETS_DIR", "/run/secrets", ("/run/secrets",)),
        ("SECRETS_ENV", "", ""),
        ("UID_RANGE", "100000 - 200000", (100_000, 200_000)),
        ("RETENTION", "30d", timedelta(days=30)),
        ("LISTEN", ":9000", Address("0.0.0.0", 9000)),
        ("LISTEN", "[::1]:9000", Address("::1", 9000)),
        ("CUSTOMER_SECRET", SECRET, Secret(SECRET)),
        ("NOTIFY_URL", "http://hooks.internal/x?t=1", Secret("http://hooks.internal/x?t=1")),
        ("NOTIFY_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")),
        ("NOTIFY_SECRET", "any text", Secret("any text")),
        ("LOG_LEVEL", "DEBUG", "debug"),
    ],
)
def test_a_variable_may_say(tmp_path: Path, name: str, text: str, value: object) -> None:
    assert getattr(load(tmp_path, **{name: text}), name.lower()) == value


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("APP_ID", "my-app", "must be an App ID: 32 digits of 0-9 and a-f"),
        ("API_URL", "api.agora.io", "must be an address such as https://api.sd-rtn.com"),
        ("API_URL", "http://api.agora.io", "must begin with https://: credentials are sent there"),
        ("API_URL", "http://127.0.0.1.example.com", "must begin with https://: credentials are sent there"),
        ("API_URL", f"https://me:{SECRET}@api.agora.io", "must not hold a name or password"),
        ("API_URL", "https://api.agora.io/v1", "must end after the host: no path, no query"),
        (
            "API_URL",
            "https://api.agora.io,http://localhost:1",
            "must not name this machine beside the service: a ledger belongs to one of them",
        ),
        ("QPS", "0", "must be a number of requests per second, more than 0, at most 10000"),
        ("QPS", "nan", "must be a number of requests per second, more than 0, at most 10000"),
        ("MAX_RECORDERS", "0", "must be a whole number, at least 1"),
        ("POLL_INTERVAL", "2m..15s", "must begin with the shorter of the two, as in 15s..120s"),
        ("POLL_INTERVAL", "0", "must be at least 1s"),
        ("POLL_INTERVAL", "fast", "must be a duration such as 90, 90s, 5m, 24h or 30d"),
        ("MISSING_GRACE", "-1", "must be a duration such as 90, 90s, 5m, 24h or 30d"),
        ("RETRY_DELAYS", "3;6", "must be a duration such as 90, 90s, 5m, 24h or 30d"),
        ("HTTP_TIMEOUT", "0", "must be from 0.001s to 1d"),
        ("BACKOFF_BASE", "10m", "must be at least RECONCILER_BACKOFF_BASE, which is 10m"),
        ("QUERY_METHOD", "PUT", "must be GET or POST"),
        ("MAX_STOP_PERCENT", "101", "must be a number from 0 to 100"),
        ("UID_RANGE", "2-1", "must go upwards, from 1 at the least to 2147483647 at the most"),
        ("UID_RANGE", "1-4294967295", "must go upwards, from 1 at the least to 2147483647 at the most"),
        ("UID_RANGE", "1-10", "must hold at least 1000 uids"),
        ("UID_RANGE", "all", "must be two uids such as 2000000000-2147483647"),
        ("LISTEN", "8088", "must be an address such as 127.0.0.1:8088"),
        ("LISTEN", "a:70000", "must be an address such as 127.0.0.1:8088"),
        ("CUSTOMER_SECRET", f"{SECRET}\nx", "must be one line, without control characters"),
        ("NOTIFY_URL", f"ftp://{SECRET}", "must be an http:// or https:// address"),
        (
            "NOTIFY_SECRET",
            f"whsec_{SECRET}!",
            "must have base64 after whsec_, as `openssl rand -base64 32` prints it",
        ),
        ("LOG_FORMAT", "xml", "must be auto, console or json"),
        (
            "SET",
            "Team A",
            "must be a name: up to 63 of a-z, 0-9, - and ., beginning and ending with a letter or digit",
        ),
    ],
)
def test_a_variable_may_not_say(tmp_path: Path, name: str, text: str, told: str) -> None:
    said = "BACKOFF_MAX" if name == "BACKOFF_BASE" else name

    assert faults(tmp_path, **{name: text}) == [f"RECONCILER_{said}: {told}"]


@pytest.mark.parametrize(
    ("toml", "name", "value"),
    [
        ("qps = 5", "qps", 5),
        ("missing_grace = 30.5", "missing_grace", timedelta(seconds=30.5)),
        ('missing_grace = "30s"', "missing_grace", timedelta(seconds=30)),
        ('retry_delays = [1, "2s"]', "retry_delays", seconds(1, 2)),
        ('api_url = ["https://a.agora.io"]', "api_url", ("https://a.agora.io",)),
        ("uid_range = [100000, 200000]", "uid_range", (100_000, 200_000)),
        (f'customer_secret = "{SECRET}"', "customer_secret", Secret(SECRET)),
        ('\ufeffset = "a"\r\n', "set", "a"),
    ],
)
def test_the_file_may_say(tmp_path: Path, toml: str, name: str, value: object) -> None:
    assert getattr(load(tmp_path, toml), name) == value


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    settings = load(tmp_path, 'qps = 5\nset = "a"', QPS="7")

    assert (settings.qps, settings.set) == (7, "a")


def test_everything_wrong_is_told_at_once_with_its_place(tmp_path: Path) -> None:
    toml = f'# mine\nqpz = 5\nlog_level = "loud"\n"customer_secret" = ["{SECRET}"]\n\n[listen]\nport = 1\n'

    assert faults(tmp_path, toml, QPS="x") == [
        "reconciler.toml:2: qpz: there is no such setting; did you mean qps?",
        "reconciler.toml:4: customer_secret: must be a text that is not empty",
        "RECONCILER_QPS: must be a number of requests per second, more than 0, at most 10000",
        "reconciler.toml:6: listen: must be an address such as 127.0.0.1:8088",
        "reconciler.toml:3: log_level: must be debug, info, warning or error",
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"qps = 5\nset = oops\n", "reconciler.toml:2:7: this is not TOML: Invalid value"),
        (b"set = '\xff'", "reconciler.toml: this is not UTF-8: save the file as UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_with_the_place(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "reconciler.toml").write_bytes(content)

    with pytest.raises(SettingsError, match=f"^{told}$"):
        load_settings({}, tmp_path)


@pytest.mark.parametrize("content", [SECRET, f"{SECRET}\n", f"{SECRET}\r\n"])
def test_a_secret_may_stand_in_a_file(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret").write_text(content, newline="")

    assert load(tmp_path, CUSTOMER_SECRET_FILE=str(tmp_path / "secret")).customer_secret == Secret(SECRET)
    assert load(tmp_path, NOTIFY_SECRET_FILE=str(tmp_path / "secret")).notify_secret == Secret(SECRET)
    assert load(tmp_path, f'page_token_file = "{tmp_path}/secret"').page_token == Secret(SECRET)


def test_a_secret_given_twice_is_an_error(tmp_path: Path) -> None:
    assert faults(tmp_path, CUSTOMER_SECRET=SECRET, CUSTOMER_SECRET_FILE="/x") == [
        "RECONCILER_CUSTOMER_SECRET_FILE: is given beside RECONCILER_CUSTOMER_SECRET: leave one of them out"
    ]


def test_a_secret_put_where_its_path_belongs_is_not_repeated(tmp_path: Path) -> None:
    assert faults(tmp_path, CUSTOMER_SECRET_FILE=SECRET) == [
        "RECONCILER_CUSTOMER_SECRET_FILE: the file with the secret cannot be read: no such file or directory"
    ]


def test_a_variable_spares_the_file_a_secret_that_is_not_there(tmp_path: Path) -> None:
    assert load(tmp_path, 'customer_secret_file = "/nowhere"', CUSTOMER_SECRET=SECRET).customer_secret


def test_secrets_never_print(tmp_path: Path) -> None:
    settings = load(
        tmp_path,
        CUSTOMER_ID=SECRET,
        CUSTOMER_SECRET=SECRET,
        NOTIFY_URL=f"https://x/{SECRET}",
        NOTIFY_SECRET=SECRET,
        STATE=f"x://{SECRET}",
    )

    assert SECRET not in repr(settings) + str(settings)
    assert len(settings.secrets()) == 4


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("RECONCILER_QSP", ["warning: RECONCILER_QSP is no setting and has no effect; did you mean RECONCILER_QPS?"]),
        (
            "RECONCILER_PAGE_TOKENS",
            ["warning: RECONCILER_PAGE_TOKENS is no setting and has no effect; did you mean RECONCILER_PAGE_TOKEN?"],
        ),
        ("RECONCILER_WHATEVER", ["warning: RECONCILER_WHATEVER is no setting and has no effect"]),
        ("RECONCILER_SERVICE_HOST", []),
        ("RECONCILER_SERVICE_PORT_HTTP", []),
        ("RECONCILER_PORT_8088_TCP_ADDR", []),
        ("RECONCILER_PORT", []),
        ("reconciler_qps", []),
        ("OTHER", []),
    ],
)
def test_a_slip_of_the_pen_is_pointed_out(tmp_path: Path, variable: str, told: list[str]) -> None:
    said: list[str] = []
    load_settings({variable: SECRET}, tmp_path, said.append)

    assert said == told


def test_a_slip_is_pointed_out_on_standard_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    load_settings({"RECONCILER_QSP": "1"}, tmp_path)

    assert capsys.readouterr() == (
        "",
        "warning: RECONCILER_QSP is no setting and has no effect; did you mean RECONCILER_QPS?\n",
    )


@pytest.mark.parametrize(
    ("live", "said", "every"),
    [
        (0, {}, 15),
        (71, {}, 15),
        (95, {}, 20),
        (10_000, {}, 120),
        (95, {"QPS": "20"}, 15),
        (95, {"POLL_INTERVAL": "1s..1h"}, 20),
        (10_000, {"POLL_INTERVAL": "30"}, 30),
    ],
)
def test_polls_take_half_of_the_paced_rate(tmp_path: Path, live: int, said: Mapping[str, str], every: float) -> None:
    assert load(tmp_path, **said).rules(live).poll_interval == timedelta(seconds=every)


def test_rules_carry_the_settings(tmp_path: Path) -> None:
    rules = load(tmp_path, MISSING_GRACE="1", CONFIRM_DELAY="2", RETRY_DELAYS="4", BACKOFF_RESET="5").rules(1)

    assert (rules.missing_grace, rules.confirm_delay, rules.backoff_reset) == seconds(1, 2, 5)
    assert rules.retry_delays == seconds(4)


@pytest.mark.parametrize(
    ("urls", "kind"),
    [("http://127.0.0.1:1,http://localhost:2", "simulator"), ("https://api.agora.io", "agora"), ("", "agora")],
)
def test_a_service_on_this_machine_is_a_simulator(tmp_path: Path, urls: str, kind: str) -> None:
    assert load(tmp_path, API_URL=urls).service_kind == kind


def test_what_manifests_may_name_comes_from_the_settings(tmp_path: Path) -> None:
    policy = load(tmp_path, API_URL="https://x.example", SECRETS_DIR="/s", SECRETS_ENV="A_*").policy(from_git=True)

    assert policy.allowed_api_hosts == {"x.example"}
    assert (policy.secrets_dirs, policy.secrets_env, policy.from_git) == (("/s",), "A_*", True)


# -- without the rest


@pytest.mark.parametrize(
    ("variables", "toml", "is_terminal", "place"),
    [
        ({"RECONCILER_STATE": "sqlite:///a.db"}, "", False, "sqlite:///a.db"),
        ({}, 'state = "sqlite:///b.db"', False, "sqlite:///b.db"),
        ({"RECONCILER_STATE": "a"}, 'state = "b"', False, "a"),
        ({"XDG_STATE_HOME": "/state"}, "", True, "/state/reconciler/ledger.db"),
        ({"HOME": "/home/me", "RECONCILER_STATE": ""}, "", True, "/home/me/.local/state/reconciler/ledger.db"),
    ],
)
def test_where_the_ledger_is(
    tmp_path: Path, variables: dict[str, str], toml: str, *, is_terminal: bool, place: str
) -> None:
    (tmp_path / "reconciler.toml").write_text(toml)

    assert state_url(variables, is_terminal, tmp_path) == place


def test_without_a_place_and_a_terminal_the_ledger_is_nowhere(tmp_path: Path) -> None:
    with pytest.raises(StateUnsetError, match="RECONCILER_STATE is not set"):
        state_url({"HOME": "/home/me"}, is_terminal=False, cwd=tmp_path)
    assert issubclass(StateUnsetError, UnsafePlanError)


@pytest.mark.parametrize(
    ("variables", "toml", "name"), [({}, "", "default"), ({"RECONCILER_SET": "b"}, 'set="a"', "b")]
)
def test_which_set_is_meant(tmp_path: Path, variables: dict[str, Any], toml: str, name: str) -> None:
    (tmp_path / "reconciler.toml").write_text(toml)

    assert set_name(variables, tmp_path) == name


def test_what_is_no_text_is_told_also_without_the_rest(tmp_path: Path) -> None:
    (tmp_path / "reconciler.toml").write_text("state = 1")

    with pytest.raises(SettingsError, match=r"^reconciler\.toml:1: state: must be a text: put quotes around it$"):
        state_url({}, is_terminal=True, cwd=tmp_path)
