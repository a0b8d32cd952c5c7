"""`reconciler doctor`: whether settings, ledger, service, credentials and clock will do, and what to do if not."""

import asyncio
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from reconciler.cli.terminal import Here, print_json
from reconciler.errors import AppRejectedError, LedgerError, ServiceError, SettingsError, UnsafePlanError

if TYPE_CHECKING:
    from reconciler.ledger import Ledger
    from reconciler.model import Secret
    from reconciler.settings import Settings

_MOST_OFF: Final = timedelta(seconds=30)  # beyond, tokens begin in the future and windows at the wrong time
_NO_HANDLE: Final = "reconciler-doctor-asks"  # cannot exist: the service's own ids look otherwise
_ADVICE_ON_ACCOUNT: Final = (
    "Agora's console shows the App ID under Project Management, customer id and secret under RESTful API. "
    "Without an account: reconciler simulate"
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look has shown."""

    check: Literal["settings", "ledger", "credentials", "service", "clock"]
    status: Literal["good", "bad", "skipped"]
    message: str
    advice: str = ""


@click.command(short_help="Check settings, credentials, ledger and clock; say what to do.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.pass_obj
def command(here: Here, *, output: str) -> int:
    """Check settings, ledger, credentials, the way to the service, and the clock; say what to do about each.

    One query per host is sent, for a recorder that cannot exist. The exit code is 1 if anything is bad.
    """
    findings = asyncio.run(_examine(here))
    if output == "json":
        print_json([{key: here.masked(value) for key, value in asdict(finding).items()} for finding in findings])
    else:
        for finding in findings:
            click.echo(here.masked(f"{finding.status:7}  {finding.check:11}  {finding.message}"))
            if finding.advice:
                click.echo(here.masked(f"{'':22}→ {finding.advice}"))
    return 1 if any(finding.status == "bad" for finding in findings) else 0


async def _examine(here: Here) -> list[Finding]:
    try:
        settings = here.settings()
    except SettingsError as error:
        wrong = [Finding("settings", "bad", line, "Correct it and ask again") for line in str(error).splitlines()]
        return [*wrong, Finding("service", "skipped", "nobody is asked with settings that are wrong")]
    read = Finding("settings", "good", f"read; the service is {', '.join(settings.api_url)}")
    ledger, about_ledger = await _open(here, settings)
    try:
        return [read, about_ledger, *await _ask(settings, ledger)]
    finally:
        if ledger is not None:
            await ledger.close()


# -- the ledger


async def _open(here: Here, settings: "Settings") -> tuple["Ledger | None", Finding]:
    """Open the ledger if there is one; none is made."""
    from reconciler.ledger import open_ledger  # noqa: PLC0415 - reading the help needs no ledger
    from reconciler.ledger.files import is_writable, locate  # noqa: PLC0415 - see above

    try:
        path = locate(here.ledger_place(changes=True))
        if not path.exists():
            return None, _unmade(path)
        # A ledger that was made against another service is refused here, in words.
        ledger = await open_ledger(path, service=settings.service_kind, now=_now, create=False)
    except UnsafePlanError as error:
        return None, Finding("ledger", "bad", str(error), "Set RECONCILER_STATE")
    except (LedgerError, OSError) as error:
        return None, Finding("ledger", "bad", str(error), "Set RECONCILER_STATE, or mend the file it names")
    kind = "Agora" if settings.service_kind == "agora" else "a simulator"
    if not is_writable(path):
        advice = "Give the user this runs as the right to write the file and its folder"
        return ledger, Finding("ledger", "bad", f"{path} may be read, but not written", advice)
    return ledger, Finding("ledger", "good", f"{path}, used against {kind}")


def _unmade(path: Path) -> Finding:
    nearest = next(folder for folder in path.parents if folder.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Finding("ledger", "good", f"{path} is not there yet; the first apply makes it")
    return Finding("ledger", "bad", f"{path} cannot be made", f"Let {nearest} be a folder that may be written")


# -- the service


async def _ask(settings: "Settings", ledger: "Ledger | None") -> list[Finding]:
    missing = [
        name
        for name, value in (
            ("RECONCILER_APP_ID", settings.app_id),
            ("RECONCILER_CUSTOMER_ID", settings.customer_id),
            ("RECONCILER_CUSTOMER_SECRET", settings.customer_secret),
        )
        if value is None
    ]
    if settings.app_id is None or settings.customer_id is None or settings.customer_secret is None:
        said = f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set"
        return [
            Finding("credentials", "bad", said, _ADVICE_ON_ACCOUNT),
            Finding("service", "skipped", "it answers nobody without credentials"),
        ]
    account = (settings.app_id, settings.customer_id, settings.customer_secret)
    return [finding for url in settings.api_url for finding in await _ask_at(url, account, settings, ledger)]


async def _ask_at(
    url: str, account: tuple[str, "Secret", "Secret"], settings: "Settings", ledger: "Ledger | None"
) -> list[Finding]:
    """Query a recorder that cannot exist (S24): whoever may ask is told that it is not there."""
    from reconciler.agora.client import Client  # noqa: PLC0415 - httpx
    from reconciler.agora.http import open_http  # noqa: PLC0415 - httpx
    from reconciler.agora.pace import Pace  # noqa: PLC0415 - see above
    from reconciler.agora.quota import Slice  # noqa: PLC0415 - see above
    from reconciler.model import Handle, Identity  # noqa: PLC0415 - see above

    app_id, customer_id, customer_secret = account
    heard: list[tuple[str, datetime]] = []

    async def draw(one: str, most: int) -> Slice:
        # The call counts for every process on this ledger; without a usable one there is nobody to share with.
        try:
            return await ledger.draw(one, settings.qps, most) if ledger else Slice(0.0, 0.0)
        except LedgerError:
            return Slice(0.0, 0.0)

    def note(response: Any) -> None:
        heard.append((response.headers.get("Date", ""), _now()))

    async with open_http(settings.http_timeout, answered=note) as http:
        pace = Pace(draw)
        client = Client(app_id, customer_id.reveal(), customer_secret, (url,), http, pace, _now, settings.query_method)
        handle = Handle(Identity(app_id, "reconciler-doctor", "1"), "mix", _NO_HANDLE, _NO_HANDLE)
        try:
            await client.query(handle, url=url)
        except ServiceError as error:
            findings = list(_read_refusal(url, error))
        else:
            findings = [
                Finding("service", "good", f"{url} answers"),
                Finding("credentials", "good", f"{url} takes them for App ID {app_id}"),
            ]
    return findings + compare_clocks(heard)


def _read_refusal(url: str, error: ServiceError) -> Iterator[Finding]:
    problem = error.problem
    advice = problem.hint.replace("; try `reconciler doctor`", "")
    if isinstance(error, AppRejectedError):
        yield Finding("service", "good", f"{url} answers")
        yield Finding("credentials", "bad", f"{url} refuses them: {problem.said}", advice or _ADVICE_ON_ACCOUNT)
    elif problem.code is not None and problem.http_status is not None and problem.http_status < 500:
        # The service itself has looked at the handle, and it asks for credentials first.
        yield Finding("service", "good", f"{url} answers")
        yield Finding("credentials", "good", f"{url} takes them ({problem.said})")
    elif problem.http_status is None:
        yield Finding("service", "bad", problem.said, "Check the network, a proxy, DNS, and RECONCILER_API_URL")
        yield Finding("credentials", "skipped", f"{url} could not be asked")
    else:
        yield Finding(
            "service", "bad", str(replace(problem, hint="")), advice or "Ask again later, and see Agora's status page"
        )
        yield Finding("credentials", "skipped", f"{url} did not say")


# -- the clock


def compare_clocks(heard: Sequence[tuple[str, datetime]]) -> list[Finding]:
    """Compare the last Date header with the moment it was heard; it counts whole seconds."""
    for text, at in reversed(heard):
        try:
            said = parsedate_to_datetime(text)
        except ValueError:
            continue
        off = at - said.astimezone(UTC)
        if abs(off) <= _MOST_OFF:
            return [Finding("clock", "good", "agrees with the service's")]
        direction = "ahead of" if off > timedelta() else "behind"
        message = f"{abs(off).total_seconds():.0f} s {direction} the service's"
        return [Finding("clock", "bad", message, "Let the machine keep time, e.g. by NTP: tokens and windows need it")]
    return [Finding("clock", "skipped", "no answer told the time")]


def _now() -> datetime:
    return datetime.now(UTC)
