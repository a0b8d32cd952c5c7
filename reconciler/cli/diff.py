"""`reconciler diff`: what changing from one state of the manifests to another would do; nobody is called or asked."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import completing
from reconciler.cli.terminal import DEFAULT_PATHS, Here, read_stdin, refuse

if TYPE_CHECKING:
    from reconciler.errors import Fault
    from reconciler.manifests.accept import ManifestSet
    from reconciler.manifests.secrets import Policy

DIFFERENT = 2


@click.command(short_help="Show what changing the manifests would do: no ledger, no account.")
@click.argument("base", shell_complete=completing.paths)
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=completing.paths)
@click.option("-o", "--output", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 when there are differences.")
@click.pass_obj
def command(here: Here, base: str, paths: tuple[str, ...], output: str, *, detailed_exitcode: bool) -> int:
    """Show what changing from BASE to PATH would do to recordings that run as BASE says.

    BASE is a folder or a file, or a revision of the git repository that PATH is in: a branch, a tag, a commit. Needs no
    ledger, no credentials and no secrets, and calls nobody. A reference to another secret counts as another value.
    Whether a window is open just now, or somebody is in a channel, makes no difference.
    """
    # Imported here: reading the help of a command needs none of it.
    from reconciler.agora.quota import SHARE  # noqa: PLC0415
    from reconciler.cli.comparison import compare  # noqa: PLC0415
    from reconciler.cli.plan import show  # noqa: PLC0415
    from reconciler.manifests.accept import accept  # noqa: PLC0415

    chosen = paths or DEFAULT_PATHS
    if base == "-" and "-" in chosen:
        raise click.UsageError("standard input can be read once: as BASE or as PATH")
    settings, stdin = here.settings(), read_stdin((base, *chosen))
    policy = settings.policy()
    after = accept(chosen, stdin=stdin, policy=policy, allow_empty=True)
    before = _base(here, base, chosen, stdin, policy)
    if not (before.recordings or after.recordings):
        accept(chosen, stdin=stdin, policy=policy)  # says that there are no manifests, if that is why
    plan = compare(before, after, settings, datetime.now(UTC))
    show(here, plan, output, settings.qps * SHARE)
    return DIFFERENT if detailed_exitcode and any(action.verb != "none" for action in plan.actions) else 0


def _base(here: Here, base: str, paths: Sequence[str], stdin: bytes | None, policy: "Policy") -> "ManifestSet":
    """Read what is compared with: what exists under that name, else what git has."""
    from reconciler.manifests.accept import accept  # noqa: PLC0415 - see command

    if base == "-" or os.path.exists(base):  # noqa: PTH110 - answers, also where a name is no path
        return accept([base], stdin=stdin, policy=policy, allow_empty=True)
    if "-" in paths:
        refuse(f"there is no file or folder {base}, and standard input has no revisions")
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - see command

    with TemporaryDirectory(prefix="reconciler-") as folder:
        return _of_revision(here, base, paths, folder, policy)


def _of_revision(here: Here, revision: str, paths: Sequence[str], folder: str, policy: "Policy") -> "ManifestSet":
    """Read the same paths as a revision of their repository has them; one that it lacks declares nothing there."""
    import asyncio  # noqa: PLC0415 - see command

    from reconciler.errors import ManifestError  # noqa: PLC0415
    from reconciler.manifests.accept import accept  # noqa: PLC0415

    once = {os.path.abspath(path): path for path in paths}  # noqa: PTH100 - a link is not its target here
    exported = [asyncio.run(_exported(revision, path, Path(folder, str(n)))) for n, path in enumerate(once.values())]
    there = [str(path) for path in exported if path.exists()]
    if not there:
        here.say(f"{revision} has no manifests here: everything is new")
    try:
        return accept(there, policy=policy, allow_empty=True)
    except ManifestError as error:
        raise ManifestError(tuple(_renamed(fault, revision, folder) for fault in error.faults)) from None


async def _exported(revision: str, path: str, into: Path) -> Path:
    """Write a path of the revision out; what cannot be found is told with everything that BASE could have been."""
    from reconciler.sources.program import GitError, Program  # noqa: PLC0415 - see command
    from reconciler.sources.revisions import export, repository_of  # noqa: PLC0415

    program = Program()
    try:
        repository, inside = await repository_of(path, program)
    except GitError as wrong:
        refuse(f"there is no file or folder {revision}, and {path} is in no git repository to look into: {wrong}")
    try:
        await export(repository, revision, inside, into, program)
    except GitError as wrong:
        refuse(f"there is no file or folder {revision}; in {repository}: {wrong}")
    return into / inside


def _renamed(fault: "Fault", revision: str, folder: str) -> "Fault":
    """Call a file of a revision as git does: main:manifests/standup.yaml."""
    _, _, path = fault.place.file.removeprefix(f"{folder}/").partition("/")
    return replace(fault, place=replace(fault.place, file=f"{revision}:{path}"))
