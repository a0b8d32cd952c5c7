"""`reconciler validate`: check manifests offline."""

import click

from reconciler.cli import completing
from reconciler.cli.terminal import DEFAULT_PATHS, Here, printable, read_stdin
from reconciler.errors import ManifestError


@click.command(short_help="Check manifests offline.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=completing.paths)
@click.pass_obj
def command(here: Here, paths: tuple[str, ...]) -> int:
    """Check manifests offline, as a whole set: nothing is called, no secret is read.

    A PATH is a file, a folder or - for standard input; ./manifests if none is named. What is wrong is printed to
    standard output, file:line:column: message; the exit code is 1 then.
    """
    # Imported here: reading the help of a command needs none of it.
    from reconciler.manifests.accept import accept, format_faults  # noqa: PLC0415

    chosen = paths or DEFAULT_PATHS
    try:
        manifests = accept(chosen, stdin=read_stdin(chosen), policy=here.settings().policy())
    except ManifestError as error:
        click.echo(printable("\n".join(format_faults(error.faults))))
        here.say(f"{_count(len(error.faults), 'fault')}: not valid")
        return 1
    apps = f", {_count(len(manifests.apps), 'app')}" if manifests.apps else ""
    here.say(f"{_count(len(manifests.recordings), 'recording')}{apps}: valid")
    return 0


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
