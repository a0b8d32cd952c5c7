"""`reconciler demo`: the whole story on an embedded simulator, with real commands and without an account."""

import contextlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

import click

from reconciler.cli.terminal import Here

FAILED: Final = 1
_ENDINGS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@click.command(short_help="Play the whole story on an embedded simulator, without an account.")
@click.option("--keep", is_flag=True, help="Keep the folder with manifests, ledger and settings, to go on from there.")
@click.pass_obj
def command(here: Here, *, keep: bool) -> int:
    """Play the whole story in half a minute: declare, change, crash, lose and delete recordings.

    Every command is run for real, against a simulator of the service inside this process. No account is needed, nothing
    leaves this machine, and nothing is left behind.
    """
    # Imported here: reading the help needs no server.
    from reconciler.cli.demo_stage import UntrueError, open_stage  # noqa: PLC0415
    from reconciler.cli.demo_story import NEXT, OPENING, SHORTENED, STEPS  # noqa: PLC0415

    began = time.monotonic()
    with _interruptible(), _folder(keep=keep) as folder, open_stage(here, folder) as stage:
        stage.tell(OPENING)
        stage.tell(SHORTENED)
        for number, step in enumerate(STEPS, 1):
            stage.head(f"{number}/{len(STEPS)}  {step.title}")
            try:
                step.play(stage)
            except UntrueError as untrue:
                stage.say(f"\nstep {number} failed: {step.title}: {untrue}", "red")
                return FAILED
        stage.head(f"All {len(STEPS)} steps came true, in {time.monotonic() - began:.1f} s.")
        if keep:
            stage.say(stage.how_to_go_on())
        stage.say(NEXT)
    return 0


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Take whatever is meant to end us for Ctrl-C, once: what follows is clearing up, and that is not hurried."""

    def hear(_number: int, _frame: FrameType | None) -> NoReturn:
        for number in _ENDINGS:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = [(number, signal.signal(number, hear)) for number in _ENDINGS]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


@contextlib.contextmanager
def _folder(*, keep: bool) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="reconciler-demo-"))
    try:
        yield folder
    finally:
        sys.stdout.flush()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
