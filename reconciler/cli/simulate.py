"""`reconciler simulate`: serve a simulator of the service, or run one command against a throw-away one."""

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, Literal

import click

from reconciler.cli.terminal import Here, refuse

if TYPE_CHECKING:
    from reconciler.simulator.faults import FaultPlan

_APP_ID: Final = "0123456789abcdef0123456789abcdef"
_PLACEHOLDER: Final = "simulated"  # the simulator takes any credentials
# What would contradict, or reach somebody outside: the child gets none of them.
_NOT_HANDED_ON: Final = (
    "RECONCILER_CUSTOMER_ID_FILE",
    "RECONCILER_CUSTOMER_SECRET_FILE",
    "RECONCILER_WEBHOOK_SECRET_FILE",
    "RECONCILER_NOTIFY_URL",
    "RECONCILER_NOTIFY_URL_FILE",
)
_PROGRESS: Final = 60.0  # seconds between two notices of a recorder that goes on, as the service has it
_ENDINGS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_NOT_FOUND: Final = 127  # as shells have it
_NOT_RUNNABLE: Final = 126


@click.command(
    short_help="Serve a simulator of the service, or run a command against one.",
    context_settings={"allow_interspersed_args": False},
)
@click.argument("command_line", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND...]")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: 8787; with a COMMAND, a free one.")
@click.option(
    "--speed",
    type=click.FloatRange(0, 100_000, min_open=True),
    default=1.0,
    help="How many seconds pass there in one of ours.",
)
@click.option("--faults", type=click.Path(dir_okay=False, path_type=Path), help="What is to go wrong, a line each.")
@click.option(
    "--query-method",
    type=click.Choice(["GET", "POST", "both"]),
    default="GET",
    help="How the service wants to be asked; the reference of 2020 says POST.",
)
@click.option("--rate", type=click.FloatRange(0), default=10.0, help="Requests a second per App ID; 0: no limit.")
@click.option("--max-recorders", type=click.IntRange(1), default=50, help="Live recorders per App ID.")
@click.option(
    "--webhooks",
    metavar="URL",
    help="Send webhooks there; `run` hears them at http://127.0.0.1:8088/webhooks/agora. Default: none are sent.",
)
@click.option("--webhook-secret", default=_PLACEHOLDER, help="What they are signed with. Default: simulated.")
@click.pass_obj
def command(  # noqa: PLR0913 - one for each option
    here: Here,
    command_line: tuple[str, ...],
    *,
    port: int | None,
    speed: float,
    faults: Path | None,
    query_method: Literal["GET", "POST", "both"],
    rate: float,
    max_recorders: int,
    webhooks: str | None,
    webhook_secret: str,
) -> int:
    """Serve a simulator of the service on 127.0.0.1 until Ctrl-C, and print what points reconciler to it.

    With a COMMAND, run it against a simulator and a ledger of its own, which are gone afterwards, and exit as it does:

    reconciler simulate -- reconciler apply --yes
    """
    # Imported here: reading the help needs no server.
    from reconciler.simulator.options import Options  # noqa: PLC0415
    from reconciler.simulator.serve import Destination, PortInUseError, running_simulator  # noqa: PLC0415

    destination = Destination(_checked(webhooks), webhook_secret) if webhooks is not None else None
    options = Options(
        query_method=query_method,
        rate=rate,
        max_recorders=max_recorders,
        progress_every=_PROGRESS if destination else 0.0,
    )
    chosen = port if port is not None else 0 if command_line else 8787
    try:
        with running_simulator(options, _plan(faults), speed=speed, port=chosen, webhooks=destination) as running:
            if command_line:
                return _run(command_line, running.url, webhook_secret, here.environ)
            return _serve(running.url, webhook_secret, here)
    except PortInUseError as error:
        refuse(str(error))


def _checked(url: str) -> str:
    from reconciler.manifests.hosts import split_url  # noqa: PLC0415 - see command

    parts = split_url(url)
    if parts is None or parts.scheme not in ("http", "https"):
        raise click.BadParameter(f"{url!r} is no http:// or https:// address", param_hint="--webhooks")
    return url


def _plan(faults: Path | None) -> "FaultPlan | None":
    if faults is None:
        return None
    from reconciler.simulator.faults import parse_faults  # noqa: PLC0415 - see command

    try:
        return parse_faults(faults.read_text("utf-8"))
    except OSError as error:
        refuse(f"{faults}: cannot be read: {(error.strerror or 'unknown').lower()}")
    except ValueError as error:
        refuse(f"{faults}: {error}")


def _serve(url: str, webhook_secret: str, here: Here) -> int:
    ended = threading.Event()
    # Its ledger lives as long as its world: recorders of an earlier simulator would only be doubted.
    with (
        _heard(lambda _: ended.set()),
        tempfile.TemporaryDirectory(prefix="reconciler-", ignore_cleanup_errors=True) as folder,
    ):
        unset = [name for name in _NOT_HANDED_ON if name in here.environ]
        if unset:
            click.echo(f"unset {' '.join(unset)}")
        for name, value in _variables(url, webhook_secret, Path(folder) / "ledger.db").items():
            click.echo(f"export {name}={shlex.quote(value)}")
        sys.stdout.flush()
        here.say(f"the simulator serves on {url} until Ctrl-C; paste the lines above into another terminal")
        ended.wait()
    return 0


def _variables(url: str, webhook_secret: str, ledger: Path) -> dict[str, str]:
    return {
        "RECONCILER_API_URL": url,
        "RECONCILER_APP_ID": _APP_ID,
        "RECONCILER_CUSTOMER_ID": _PLACEHOLDER,
        "RECONCILER_CUSTOMER_SECRET": _PLACEHOLDER,
        "RECONCILER_WEBHOOK_SECRET": webhook_secret,
        "RECONCILER_STATE": f"sqlite:///{ledger}",
    }


def _run(command_line: Sequence[str], url: str, webhook_secret: str, environ: Mapping[str, str]) -> int:
    """Run a command in our place, with a ledger that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="reconciler-", ignore_cleanup_errors=True) as folder:
        kept = {name: value for name, value in environ.items() if name not in _NOT_HANDED_ON}
        direct = {name: _with_loopback(environ.get(name, "")) for name in ("NO_PROXY", "no_proxy")}
        surroundings = kept | direct | _variables(url, webhook_secret, Path(folder) / "ledger.db")
        try:
            return _wait_for(_own(command_line), surroundings)
        except FileNotFoundError:
            click.echo(f"error: there is no command {command_line[0]!r}", err=True)
            return _NOT_FOUND
        except OSError as error:
            click.echo(f"error: {command_line[0]!r} cannot be run: {(error.strerror or '').lower()}", err=True)
            return _NOT_RUNNABLE


def _own(command_line: Sequence[str]) -> list[str]:
    """Let `reconciler` be this one, whatever the search path has; -P: not a folder of that name, either."""
    if command_line[0] == "reconciler":
        return [sys.executable, "-P", "-m", "reconciler", *command_line[1:]]
    return list(command_line)


def _with_loopback(hosts: str) -> str:
    return ",".join(filter(None, (hosts, "127.0.0.1")))


def _wait_for(command_line: Sequence[str], environ: Mapping[str, str]) -> int:
    """Wait for the command to end by itself, also when we are told to: what it does then is its own affair."""
    running: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int) -> None:
        # A terminal has told the command already, and a second Ctrl-C means something else to many.
        if running and not (number == signal.SIGINT and os.isatty(0)):
            running[0].send_signal(number)

    with _heard(pass_on):
        running.append(subprocess.Popen(command_line, env=environ))  # noqa: S603 - what the user asked for
        code = running[0].wait()
    return code if code >= 0 else 128 - code


@contextlib.contextmanager
def _heard(act: Callable[[int], object]) -> Iterator[None]:
    """Act on what is meant to end us instead of ending."""

    def hear(number: int, _: FrameType | None) -> None:
        act(number)

    before = [(number, signal.signal(number, hear)) for number in _ENDINGS]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)
