"""What the demo plays on: a folder, a simulator, commands as child processes, and looks at what lives at Agora."""

import json
import shlex
import shutil
import subprocess
import sys
import textwrap
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from difflib import unified_diff
from importlib import resources
from pathlib import Path
from typing import Any, Final

import click
import httpx

from reconciler.cli.terminal import Here
from reconciler.render.text import Colour, counted, paint
from reconciler.simulator.faults import FaultPlan, parse_fault
from reconciler.simulator.options import Options
from reconciler.simulator.recorder import Recorder
from reconciler.simulator.serve import running_simulator
from reconciler.simulator.world import World

APP_ID: Final = "0123456789abcdef0123456789abcdef"
# They open nothing but the simulator of this demo; manifests and output are to be without them all the same.
SECRETS: Final[Mapping[str, str]] = {
    "RECONCILER_CUSTOMER_ID": "demo-customer-7f3a",
    "RECONCILER_CUSTOMER_SECRET": "demo-customer-secret-91c4",
    "STORAGE_ACCESS_KEY": "demo-storage-access-key-5d20",
    "STORAGE_SECRET_KEY": "demo-storage-secret-key-b86e",
}
GRACE: Final = 1.5  # seconds; nobody is asked again before, so that whoever looks sees the doubt
_QUICK: Final[Mapping[str, str]] = {
    "RECONCILER_MISSING_GRACE": f"{GRACE}s",
    "RECONCILER_CONFIRM_DELAY": "0.5s",
    "RECONCILER_RETRY_DELAYS": f"{GRACE}",
    "RECONCILER_POLL_INTERVAL": "1s",
    "RECONCILER_BACKOFF_BASE": "0.5s",
}
_OPTIONS: Final = Options(
    credentials={SECRETS["RECONCILER_CUSTOMER_ID"]: SECRETS["RECONCILER_CUSTOMER_SECRET"]},
    app_ids=frozenset({APP_ID}),
    already_started_sid=True,
    status_after=(0.05, 0.1, 0.2),
    first_slice=1.0,
    first_slice_individual=1.0,
    exit_seconds=0.5,
    upload_seconds=0.3,
    conflict_after_stop=0.3,
)
_LAYOUTS: Final = ("floating", "bestFit", "vertical", "custom")
_CHANGES: Final = ("acquire", "start", "update", "updateLayout", "stop")
_WIDTH: Final = 96
_PATIENCE: Final = 20.0  # seconds until a command that does not come to the point is given up
_FAREWELL: Final = 5.0  # seconds a command has to finish the calls in flight when the demo is interrupted
_SHOW_CURSOR: Final = "\x1b[?25h"


class UntrueError(Exception):
    """The story did not come true; the text says what is the case instead."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One performance: nothing on it outlives it but the folder, if that is to be kept."""

    folder: Path
    environ: Mapping[str, str]
    url: str
    world: World
    faults: FaultPlan
    color: bool
    width: int
    _seen: list[int] = field(default_factory=lambda: [0])

    def say(self, text: str, colour: Colour | None = None) -> None:
        """Write for the reader, after everything that commands have written so far."""
        click.echo(paint(text, colour, color=self.color) if colour else text, color=self.color)
        sys.stdout.flush()

    def tell(self, text: str) -> None:
        """Write a paragraph, however it is broken in the source."""
        self.say("\n" + textwrap.fill(" ".join(text.split()), self.width, break_on_hyphens=False))

    def head(self, text: str) -> None:
        self.say(f"\n\n{paint(f'── {text} '.ljust(self.width, '─'), 'bold', color=self.color)}")

    def prompt(self, command_line: str) -> None:
        self.say(f"\n{paint('$', 'dim', color=self.color)} {paint(command_line, 'bold', color=self.color)}")

    def lay_out(self, *names: str) -> None:
        """Put manifests of the demo into the folder."""
        for name in names:
            text = resources.files("reconciler.cli").joinpath("demo_manifests", f"{name}.yaml").read_text("utf-8")
            self.manifest(name).write_text(text, "utf-8")

    def manifest(self, name: str) -> Path:
        return self.folder / "manifests" / f"{name}.yaml"

    def show(self, name: str) -> None:
        self.prompt(f"cat manifests/{name}.yaml")
        self.say(self.manifest(name).read_text("utf-8").rstrip())

    def remove(self, name: str) -> None:
        self.prompt(f"rm manifests/{name}.yaml")
        self.manifest(name).unlink()

    def edit(self, name: str, old: str, new: str) -> None:
        """Change one line of a manifest and show the change."""
        path = self.manifest(name)
        before = path.read_text("utf-8")
        after = before.replace(old, new)
        path.write_text(after, "utf-8")
        self.say(f"\nmanifests/{name}.yaml:")
        for line in list(unified_diff(before.splitlines(), after.splitlines(), n=0))[3:]:
            self.say(line, "green" if line.startswith("+") else "red")

    def run(self, *arguments: str) -> None:
        """Run a command to its end. Raises UntrueError: it did not succeed."""
        self.prompt(shlex.join(("reconciler", *arguments)))
        with _child(arguments, self.folder, self.environ) as running:
            code = running.wait()
        if code:
            raise UntrueError(f"`{shlex.join(('reconciler', *arguments))}` ended with {code}")

    def answer(self, *arguments: str) -> Any:
        """Run a command for its JSON, to compare it with what is true. Raises UntrueError: it did not succeed."""
        with _child(arguments, self.folder, self.environ, stdout=subprocess.PIPE) as running:
            told = running.communicate()[0]
        if running.returncode:
            raise UntrueError(f"`{shlex.join(('reconciler', *arguments))}` ended with {running.returncode}")
        return json.loads(told)

    def crash(self, *arguments: str, once: Callable[[], object]) -> None:
        """Kill a command with SIGKILL as soon as something is the case. Raises UntrueError: it never was."""
        self.prompt(shlex.join(("reconciler", *arguments)))
        deadline = time.monotonic() + _PATIENCE
        with _child(arguments, self.folder, self.environ) as running:
            while not once():
                if running.poll() is not None or time.monotonic() > deadline:
                    raise UntrueError("the command was not there to be killed at the right moment")
                time.sleep(0.005)
            running.kill()
        if self.color:  # a live table hides the cursor, and nobody was left to show it again
            click.echo(_SHOW_CURSOR, color=True)
        self.say("Killed (SIGKILL)")

    def never_answer(self, call: str, channel: str) -> None:
        """Let the simulator process the next such call and keep its answer to itself."""
        self.faults.add(parse_fault(f"{call}#1 @{channel} delay 600 after"))

    def kill(self, recorder: Recorder) -> None:
        """Let a recorder die at the service, as anybody can: the service itself stays in one thread."""
        httpx.post(f"{self.url}/_world/kill", json={"sid": recorder.sid}, trust_env=False).raise_for_status()

    def told(self) -> Counter[str]:
        """Count the calls that changed something, or tried to, since this was asked last."""
        calls = list(self.world.calls)
        new, self._seen[0] = calls[self._seen[0] :], len(calls)
        return Counter(call.endpoint for call in new if call.endpoint in _CHANGES)

    def expect_told(self, **calls: int) -> None:
        """Compare the changing calls since the last look with these. Raises UntrueError: they are others."""
        told = self.told()
        if told != Counter(calls):
            raise UntrueError(f"Agora was told {_counts(told)} instead of {_counts(Counter(calls))}")

    def prove(self, names: Sequence[str], fact: str) -> dict[str, Recorder]:
        """Show who lives at Agora, and say `fact` if it is one recorder for each name. Raises UntrueError."""
        self.say("\n  At Agora now:", "cyan")
        for recorder in sorted(living(self.world), key=lambda one: one.channel):
            self.say(f"    {describe(recorder)}")
        found = one_for_each(self.world, names)
        self.proved(fact)
        return found

    def proved(self, fact: str) -> None:
        """Say what has been found to be true."""
        self.say(textwrap.fill(f"✓ {fact}", self.width, initial_indent="  ", subsequent_indent="    "), "green")

    def how_to_go_on(self) -> str:
        port = self.url.rpartition(":")[2]
        return (
            "\nThe folder is kept, its simulator ends now. To go on:\n\n"
            f"  cd {shlex.quote(str(self.folder))} && . ./environment\n"
            "  reconciler describe interviews     # like get, events and files: needs no service\n"
            f"  {f'reconciler simulate --port {port}':<33}  # in another terminal: it knows none of these recorders,\n"
            "  reconciler apply                   # which is noticed, doubted, and then mended\n"
            f"  rm -r {shlex.quote(str(self.folder))}"
        )


@contextmanager
def open_stage(here: Here, folder: Path) -> Iterator[Stage]:
    """Serve a simulator, and write the settings that point to it into the folder."""
    faults = FaultPlan()
    with running_simulator(_OPTIONS, faults) as running:
        said = {
            "RECONCILER_API_URL": running.url,
            "RECONCILER_APP_ID": APP_ID,
            "RECONCILER_STATE": f"sqlite:///{folder / 'ledger.db'}",
            **SECRETS,
            **_QUICK,
        }
        (folder / "manifests").mkdir()
        _write_environment(folder / "environment", said, [name for name in here.environ if _is_ours(name)])
        yield Stage(
            folder,
            _without_ours(here.environ) | said,
            running.url,
            running.world,
            faults,
            here.is_coloured(sys.stdout),
            _width(),
        )


def _width() -> int:
    return min(_WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else _WIDTH


def _without_ours(environ: Mapping[str, str]) -> dict[str, str]:
    """Keep the settings of a real account out, and a proxy from what stays on this machine."""
    kept = {name: value for name, value in environ.items() if not _is_ours(name)}
    direct = {name: ",".join(filter(None, (kept.get(name), "127.0.0.1"))) for name in ("NO_PROXY", "no_proxy")}
    return kept | direct


def _is_ours(variable: str) -> bool:
    return variable.startswith("RECONCILER_")


def _write_environment(path: Path, said: Mapping[str, str], unwanted: Sequence[str]) -> None:
    path.touch(0o600)
    lines = [f"unset {shlex.quote(name)}" for name in unwanted if name not in said]
    lines += [f"export {name}={shlex.quote(value)}" for name, value in said.items()]
    path.write_text("\n".join(lines) + "\n", "utf-8")


@contextmanager
def _child(
    arguments: Sequence[str], folder: Path, environ: Mapping[str, str], stdout: int | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run reconciler itself; whatever it writes goes where we write, in its order. It does not outlive the block."""
    running = subprocess.Popen(  # noqa: S603 - ourselves
        [sys.executable, "-P", "-m", "reconciler", *arguments],
        cwd=folder,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=sys.stdout.fileno(),
    )
    try:
        yield running
    except BaseException:
        running.terminate()
        with suppress(subprocess.TimeoutExpired):
            running.wait(_FAREWELL)
        running.kill()
        raise
    finally:
        running.wait()
        if running.stdout:
            running.stdout.close()


def living(world: World) -> list[Recorder]:
    """List who lives at Agora; reading moves no clock, so it may be done beside the thread that serves."""
    return [recorder for recorder in list(world.recorders) if recorder.live]


def one_for_each(world: World, names: Sequence[str]) -> dict[str, Recorder]:
    """Find the one recorder of each channel. Raises UntrueError: one is missing, is there twice, or is not wanted."""
    found = living(world)
    counts = Counter(recorder.channel for recorder in found)
    wrong = [
        f"{counted(counts[name], 'recorder')} in channel {name} instead of {int(name in names)}"
        for name in sorted({*names, *counts})
        if counts[name] != (name in names)
    ]
    if wrong:
        raise UntrueError("; ".join(wrong))
    return {recorder.channel: recorder for recorder in found}


def describe(recorder: Recorder) -> str:
    """Say a recorder in one line."""
    layout = f"layout {_LAYOUTS[recorder.layout['mixedVideoLayout']]}" if recorder.layout else ""
    return f"{recorder.channel:<12}{recorder.mode:<12}uid {recorder.uid}  sid {recorder.sid[:8]}…  {layout}".rstrip()


def _counts(told: Counter[str]) -> str:
    return ", ".join(f"{number} {call}" for call, number in told.items()) or "nothing"
