"""`reconciler run`: the daemon. Watches a source of manifests and keeps converging until it is told to end."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from reconciler.cli import completing
from reconciler.cli.terminal import DEFAULT_PATHS, Here

if TYPE_CHECKING:
    from reconciler.cli.keeping import Household
    from reconciler.cli.surroundings import Surroundings
    from reconciler.settings import Settings
    from reconciler.sources.source import Source

_ENDINGS = (signal.SIGTERM, signal.SIGINT)


@click.command(short_help="Keep what is declared true until told to end: the daemon.")
@click.argument("paths", nargs=-1, metavar="[PATH]...", shell_complete=completing.paths)
@click.option("--git", "url", metavar="URL", help="A repository in place of paths.")
@click.option("--branch", metavar="NAME", help="Its branch. Default: the one it calls its own.")
@click.option("--tag", metavar="NAME", help="Its tag.")
@click.option("--commit", metavar="ID", help="One commit of it, for ever.")
@click.option("--path", "folder", metavar="FOLDER", help="The folder of the manifests inside the repository.")
@click.option("--verify-signatures", is_flag=True, help="Only what is signed by a key that git trusts here.")
@click.option("--no-prune", is_flag=True, help="Leave alone what the source no longer has.")
@click.pass_obj
def command(here: Here, /, paths: tuple[str, ...], *, no_prune: bool, **options: Any) -> int:
    """Watch the manifests and keep converging until SIGTERM. Recordings go on without it.

    A revision with a fault, or one that would interrupt too much at once, is not taken: the last accepted one stays in
    force. SIGHUP reads the settings again.
    """
    repository = {name: options[name] for name in ("branch", "tag", "commit", "folder") if options[name]}
    if "-" in paths:
        raise click.UsageError("a daemon watches files: standard input has only one content")
    if options["url"] and paths:
        raise click.UsageError("a daemon has one source: paths, or --git")
    if not options["url"] and (repository or options["verify_signatures"]):
        raise click.UsageError("--branch, --tag, --commit, --path and --verify-signatures are for --git")
    if sum(name in repository for name in ("branch", "tag", "commit")) > 1:
        raise click.UsageError("name one of --branch, --tag and --commit")
    return asyncio.run(_run(here, paths or DEFAULT_PATHS, options, prune=not no_prune))


async def _run(here: Here, paths: tuple[str, ...], options: Mapping[str, Any], *, prune: bool) -> int:
    from reconciler.cli.applying import Outside  # noqa: PLC0415 - reading the help needs none of this
    from reconciler.cli.keeping import open_household  # noqa: PLC0415
    from reconciler.cli.surroundings import surroundings  # noqa: PLC0415
    from reconciler.cli.workshop import steady_clock  # noqa: PLC0415
    from reconciler.intake.values import Values  # noqa: PLC0415
    from reconciler.ledger import WriterThread, open_ledger  # noqa: PLC0415

    signals = Signals.heard()  # before anything is opened; what comes earlier ends the process (see __main__)
    settings = here.settings()
    place = here.ledger_place(changes=True)
    source = _source(here, settings, paths, options)
    log, clock = here.log(settings), steady_clock()
    policy = settings.policy(from_git=bool(options["url"]))
    outside = Outside(Values(policy, here.environ, here.secrets), clock, log)
    ledger = await open_ledger(place, service=None, now=clock, run=WriterThread())
    try:
        async with surroundings(here, settings, ledger, outside) as around:
            household_of = open_household(
                outside,
                settings,
                ledger,
                source,
                prune=prune,
                outlets=around.outlets,
                loops=around.loops,
                heard=around.metrics.call,
            )
            async with household_of as household:
                if not signals.stopping.is_set():
                    reload = partial(_reload, here, household, around, from_git=bool(options["url"]))
                    await _kept(household, around, signals, reload)
                return 0
    finally:
        await ledger.close()


@dataclass(slots=True)
class Signals:
    """What a supervisor has said."""

    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    by: str = ""  # the signal's name
    reload: Callable[[], None] | None = None
    is_reload_due: bool = False  # it was said while nobody could yet

    @classmethod
    def heard(cls) -> "Signals":
        """Listen from now on; a second signal to end does so at once, which the ledger is made for."""
        found, loop = cls(), asyncio.get_running_loop()

        def end(number: int) -> None:
            for one in _ENDINGS:
                loop.remove_signal_handler(one)
                signal.signal(one, signal.SIG_DFL)
            found.by = signal.Signals(number).name
            found.stopping.set()

        def reload() -> None:
            if found.reload is None:
                found.is_reload_due = True
            else:
                found.reload()

        for number in _ENDINGS:
            loop.add_signal_handler(number, end, number)
        loop.add_signal_handler(signal.SIGHUP, reload)
        return found


async def _kept(household: "Household", around: "Surroundings", signals: Signals, reload: Callable[[], None]) -> None:
    """Run until a signal."""
    assert household.daemon is not None
    log, stopping = household.daemon.log, signals.stopping
    log.info("daemon.started", set=household.settings.set, source=household.daemon.source.name)
    running = asyncio.create_task(household.daemon.run(stopping))
    for moment in (household.daemon.opened, stopping):
        waiting = asyncio.create_task(moment.wait())
        await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not running.done() and moment is household.daemon.opened:
            around.announce("ready")
            signals.reload = reload
            if signals.is_reload_due:
                reload()
    if stopping.is_set():
        log.info("daemon.ending", signal=signals.by)
    around.announce("stopping")
    await running
    log.info("daemon.ended")


def _reload(here: Here, household: "Household", around: "Surroundings", *, from_git: bool) -> None:
    """Read the settings again; with a fault in them the old ones stay."""
    from reconciler.errors import SettingsError  # noqa: PLC0415 - see _run
    from reconciler.intake.values import Values  # noqa: PLC0415

    assert household.daemon is not None
    log = household.daemon.log
    around.announce("reloading")
    try:
        settings = here.settings()
    except SettingsError as error:
        log.warning("settings.refused", said=str(error))
    else:
        household.reload(settings, Values(settings.policy(from_git=from_git), here.environ, here.secrets))
        log.info("settings.reread")
    around.announce("ready")


def _source(here: Here, settings: "Settings", paths: tuple[str, ...], options: Mapping[str, Any]) -> "Source":
    from reconciler.sources.folder import Folder  # noqa: PLC0415 - watchfiles is for the daemon only
    from reconciler.sources.git import Git  # noqa: PLC0415
    from reconciler.sources.remote import Branch, Commit, Head, Remote, Tag  # noqa: PLC0415

    if not options["url"]:
        return Folder(paths, settings.policy())
    wanted: Head | Branch | Tag | Commit = Head()
    if options["branch"]:
        wanted = Branch(options["branch"])
    elif options["tag"]:
        wanted = Tag(options["tag"])
    elif options["commit"]:
        wanted = Commit(options["commit"])
    remote = Remote(options["url"], wanted, options["folder"] or ".", verified=options["verify_signatures"])
    folder = here.cache_folder() / "git" / settings.set
    return Git(remote, settings.policy(from_git=True), folder=folder, interval=settings.git_interval)
