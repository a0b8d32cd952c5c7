"""`reconciler demo`: the whole story on an embedded simulator, with real commands and without an account."""

import contextlib
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final, NoReturn

import click

from reconciler.cli.terminal import Here

if TYPE_CHECKING:
    from reconciler.cli.demo_stage import Stage
    from reconciler.cli.demo_story import Step

DONE, FAILED = 0, 1
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
    from reconciler.cli.demo_stage import open_stage  # noqa: PLC0415
    from reconciler.cli.demo_story import NEXT, STEPS  # noqa: PLC0415

    with _interruptible(), _folder(keep=keep) as folder, open_stage(here, folder) as stage:
        code = perform(stage, STEPS)
        if keep:
            stage.say(stage.how_to_go_on())
        if not code:
            stage.say(NEXT)
    return code


def perform(stage: "Stage", steps: "Sequence[Step]") -> int:
    """Play the steps in their order, up to the first that does not come true."""
    from reconciler.cli.demo_stage import UntrueError  # noqa: PLC0415 - see command
    from reconciler.cli.demo_story import OPENING, SHORTENED  # noqa: PLC0415

    began = time.monotonic()
    stage.tell(OPENING)
    stage.tell(SHORTENED)
    for number, step in enumerate(steps, 1):
        stage.head(f"{number}/{len(steps)}  {step.title}")
        try:
            step.play(stage)
        except UntrueError as untrue:
            stage.say(f"\nstep {number} failed: {step.title}: {untrue}", "red")
            return FAILED
    stage.head(f"All {len(steps)} steps came true, in {time.monotonic() - began:.1f} s.")
    return DONE


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
