"""Every setting with its default and what it must look like; the words of `description` follow "must be"."""

from datetime import timedelta
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from reconciler.agora.quota import SHARE
from reconciler.manifests.hosts import is_loopback, split_url
from reconciler.manifests.secrets import Policy
from reconciler.manifests.values import NAME_PATTERN, refuse, say_duration
from reconciler.model import Secret
from reconciler.planning.rules import Rules
from reconciler.settings.file import PREFIX
from reconciler.settings.values import (
    Address,
    Folders,
    Listen,
    LowerCase,
    Percent,
    PollInterval,
    PollIntervalField,
    Retention,
    SecretText,
    SecretUrl,
    SigningSecret,
    Span,
    UidRangeField,
    UpperCase,
    Urls,
    Wait,
    Waits,
)

SOURCES: Final = "sources"
POLL_SHARE: Final = 0.5  # of the quota; the rest is for changes
_A_DURATION: Final = "a duration such as 90, 90s, 1.5s or 5m"


class Settings(BaseSettings):
    """What the environment and the settings file say. Frozen; secrets print masked."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False
    )

    app_id: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{32}$")] | None = Field(
        None, description="an App ID: 32 digits of 0-9 and a-f"
    )
    customer_id: SecretText | None = Field(None, description="the customer id of the account's RESTful API")
    customer_secret: SecretText | None = Field(None, description="the customer secret of the account's RESTful API")
    api_url: Urls = Field(
        ("https://api.sd-rtn.com",), description="an address such as https://api.sd-rtn.com, or several with commas"
    )
    state: str | None = Field(None, description="sqlite:///FILE", repr=False)
    set: Annotated[str, Field(pattern=NAME_PATTERN)] = Field(
        "default", description="a name: up to 63 of a-z, 0-9, - and ., beginning and ending with a letter or digit"
    )
    qps: Annotated[float, Field(gt=0, le=10_000)] = Field(
        10.0, description="a number of requests per second, more than 0, at most 10000"
    )
    max_recorders: Annotated[int, Field(ge=1)] | None = Field(None, description="a whole number, at least 1")
    poll_interval: PollIntervalField = Field(
        PollInterval(timedelta(seconds=15), timedelta(seconds=120)),
        description="two durations such as 15s..120s, or one",
    )
    missing_grace: Span = Field(timedelta(seconds=90), description=_A_DURATION)
    confirm_delay: Span = Field(timedelta(seconds=5), description=_A_DURATION)
    confirm_timeout: Span = Field(timedelta(seconds=90), description=_A_DURATION)
    retry_delays: Waits = Field(
        (timedelta(seconds=3), timedelta(seconds=6), timedelta(seconds=9)),
        description="durations with commas between them, such as 3,6,9",
    )
    backoff_base: Wait = Field(timedelta(seconds=10), description=_A_DURATION)
    backoff_max: Wait = Field(timedelta(seconds=300), description=_A_DURATION)
    backoff_reset: Wait = Field(timedelta(seconds=600), description=_A_DURATION)
    http_timeout: Wait = Field(timedelta(seconds=30), description=_A_DURATION)
    query_method: Annotated[Literal["GET", "POST"], UpperCase] | None = Field(None, description="GET or POST")
    max_stop_percent: Percent = Field(30.0, description="a number from 0 to 100")
    secrets_dir: Folders | None = Field(None, description="a folder")
    secrets_env: str | None = Field(None, description="names of variables with commas between them; * stands for any")
    uid_range: UidRangeField = Field(
        (2_000_000_000, 2_147_483_647), description="two uids such as 2000000000-2147483647"
    )
    retention: Retention = Field(timedelta(days=400), description="a duration such as 400d, at least 1d")
    listen: Listen = Field(Address("127.0.0.1", 8088), description="an address such as 127.0.0.1:8088")
    webhook_secret: SecretText | None = Field(None, description="the secret of the console's notifications")
    page_token: SecretText | None = Field(None, description="a text that is hard to guess")
    notify_url: SecretUrl | None = Field(None, description="an http:// or https:// address")
    notify_secret: SigningSecret | None = Field(None, description="a text, or whsec_ and base64")
    git_interval: Wait = Field(timedelta(seconds=60), description=_A_DURATION)
    lease: Wait = Field(timedelta(seconds=15), description=_A_DURATION)
    log_format: Annotated[Literal["auto", "console", "json"], LowerCase] = Field(
        "auto", description="auto, console or json"
    )
    log_level: Annotated[Literal["debug", "info", "warning", "error"], LowerCase] = Field(
        "info", description="debug, info, warning or error"
    )

    @field_validator("backoff_max")
    @classmethod
    def _not_below_the_base(cls, value: timedelta, info: ValidationInfo) -> timedelta:
        base = info.data.get("backoff_base")
        if base is not None and value < base:
            raise refuse(f"must be at least RECONCILER_BACKOFF_BASE, which is {say_duration(base)}")
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what was handed in and nothing else: not the environment of this process, not its folder."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        assert isinstance(init_settings, InitSettingsSource)
        return (init_settings, *init_settings.init_kwargs.pop(SOURCES, ()))

    @property
    def service_kind(self) -> Literal["agora", "simulator"]:
        """Say whom a ledger is used against: what runs on this machine is a simulator."""
        hosts = [parts.hostname or "" for url in self.api_url if (parts := split_url(url))]
        return "simulator" if all(is_loopback(host) for host in hosts) else "agora"

    def rules(self, live_recordings: int, qps: float | None = None) -> Rules:
        """Hand down what decisions depend on, with the poll interval for so many live recordings of one App ID."""
        poll_interval = self.poll_every(live_recordings, qps)
        return Rules(
            poll_interval=poll_interval,
            relaxed_interval=min(poll_interval * 3, self.poll_interval.high),
            missing_grace=self.missing_grace,
            confirm_delay=self.confirm_delay,
            confirm_timeout=self.confirm_timeout,
            retry_delays=self.retry_delays,
            backoff_base=self.backoff_base,
            backoff_max=self.backoff_max,
            backoff_reset=self.backoff_reset,
        )

    def poll_every(self, live_recordings: int, qps: float | None = None) -> timedelta:
        """Poll each of N recordings every N / (half of the paced rate) seconds, within the range.

        With 10 requests a second that is N / 4.75: 15 s up to 71 recordings, 120 s from 570 on.
        """
        fitting = timedelta(seconds=live_recordings / ((qps or self.qps) * SHARE * POLL_SHARE))
        return min(max(fitting, self.poll_interval.low), self.poll_interval.high)

    def policy(self, *, from_git: bool = False) -> Policy:
        """Say which secrets and hosts manifests may name."""
        hosts = (parts.hostname for url in self.api_url if (parts := split_url(url)))
        return Policy(
            allowed_api_hosts=frozenset(host for host in hosts if host),
            secrets_dirs=self.secrets_dir,
            secrets_env=self.secrets_env,
            from_git=from_git,
        )

    def secrets(self) -> tuple[Secret, ...]:
        """List every secret value among the settings, for whoever masks output."""
        return tuple(value for name in type(self).model_fields if isinstance(value := getattr(self, name), Secret))
