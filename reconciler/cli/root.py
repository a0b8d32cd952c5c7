"""The command line as a whole: which commands there are, what they share, and what each way to fail exits with."""

import copy
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from reconciler import __version__
from reconciler.cli.terminal import Here, printable, silence_stdout

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from reconciler.model import Secret

DONE: Final = 0
FAILED: Final = 1
DIFFERENT: Final = 2
UNSETTLED: Final = 3
REFUSED: Final = 4
MISUSED: Final = 64
INTERRUPTED: Final = 130

PROGRAM: Final = "reconciler"
COMPLETE: Final = "_RECONCILER_COMPLETE"  # set by a shell that wants to know what may come next

# Every command with its one line of help: nothing is imported before it is used.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "validate": ("reconciler.cli.validate:command", "Check manifests offline."),
    "render": ("reconciler.cli.render:command", "Show manifests resolved, or the exact bodies that would be sent."),
    "plan": ("reconciler.cli.plan:command", "Show what apply would do, and why."),
    "diff": ("reconciler.cli.diff:command", "Show what changing the manifests would do: no ledger, no account."),
    "apply": ("reconciler.cli.apply:command", "Plan, ask, and act until what is declared is true."),
    "get": ("reconciler.cli.get:command", "List recordings and their phases."),
    "describe": ("reconciler.cli.describe:command", "Tell everything about one recording."),
    "events": ("reconciler.cli.events:command", "Show the history of decisions and calls."),
    "files": ("reconciler.cli.files:command", "List what was recorded, with its upload status."),
    "delete": ("reconciler.cli.delete:command", "Stop recordings; their history stays."),
    "import": ("reconciler.cli.importing:command", "Adopt a recorder that is already live."),
    "forget": ("reconciler.cli.forget:command", "Drop a handle; nothing is called."),
    "run": ("reconciler.cli.run:command", "Keep what is declared true until told to end: the daemon."),
    "approve": ("reconciler.cli.ordering:approve", "Let the revision through that a daemon holds as a mass stop."),
    "suspend": ("reconciler.cli.ordering:suspend", "Stop recordings and keep them stopped."),
    "resume": ("reconciler.cli.ordering:resume", "Take a suspend back."),
    "restart": ("reconciler.cli.ordering:restart", "Have a fresh session of a recording."),
    "freeze": ("reconciler.cli.ordering:freeze", "Only observe; nothing is started, changed or stopped."),
    "unfreeze": ("reconciler.cli.ordering:unfreeze", "Go on after a freeze."),
    "wait": ("reconciler.cli.wait:command", "Wait until recordings are as scripts need them."),
    "forecast": ("reconciler.cli.forecast:command", "Look at the windows ahead: what is at once, what starts late."),
    "simulate": ("reconciler.cli.simulate:command", "Serve a simulator of the service, or run a command against one."),
    "demo": ("reconciler.cli.demo:command", "Play the whole story on an embedded simulator, without an account."),
    "doctor": ("reconciler.cli.doctor:command", "Check settings, credentials, ledger and clock; say what to do."),
    "schema": ("reconciler.cli.schema:command", "Print the JSON Schema of manifests, for editors."),
    "completion": ("reconciler.cli.completion:command", "Print the script that completes what you type in a shell."),
    "version": ("reconciler.cli.version:command", "Print the version."),
}
_LATER: Final = frozenset({"layout", "state"})


def run(argv: Sequence[str], environ: Mapping[str, str] | None = None, cwd: Path | None = None) -> int:
    """Run one command line and give its exit code; nothing but KeyboardInterrupt's kin leaves it."""
    here = Here(dict(os.environ if environ is None else environ), cwd or Path())
    try:
        answer = root.main(list(argv), prog_name=PROGRAM, complete_var=COMPLETE, standalone_mode=False, obj=here)
        sys.stdout.flush()
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except BrokenPipeError:
        silence_stdout()
        return FAILED
    except SystemExit as end:
        return _code(end.code)
    except Exception as error:  # noqa: BLE001 - the last place where it can be put into words
        # Who presses TAB on a line that is wrong has not asked for a word about it.
        return FAILED if os.environ.get(COMPLETE) else explain(error, here)
    return _code(answer)


def _code(answer: Any) -> int:
    return answer if isinstance(answer, int) else DONE


def explain(error: Exception, here: Here) -> int:
    """Put what went wrong into words, on standard error, and give its exit code."""
    match error:
        case click.exceptions.NoArgsIsHelpError():
            here.say(error.format_message())
            return MISUSED
        case click.UsageError():
            _complain(_usage(error), here)
            return MISUSED
        case click.ClickException():
            _complain(error.format_message(), here)
            return FAILED
        case _:
            return _explain_own(error, here)


def _explain_own(error: Exception, here: Here) -> int:
    from reconciler import errors  # noqa: PLC0415 - help is given without them

    match error:
        case errors.ManifestError():
            from reconciler.manifests.accept import format_faults  # noqa: PLC0415 - whoever raised it has loaded this

            here.say("\n".join(format_faults(error.faults)))
            return FAILED
        case errors.UnsafePlanError():
            code = REFUSED
        case errors.ServiceError() if not isinstance(error, errors.RejectedError):
            code = UNSETTLED
        case errors.ReconcilerError():
            code = FAILED
        case _:
            return _surprised(error, here)
    _complain(str(error), here)
    return code


def _complain(message: str, here: Here) -> None:
    for line in message.splitlines():
        here.say(f"error: {line}")


def _usage(error: click.UsageError) -> str:
    where = error.ctx.command_path if error.ctx else "reconciler"
    return f"{error.format_message().rstrip('.')}\nsee '{where} --help'"


def _surprised(error: Exception, here: Here) -> int:
    from reconciler.logs import mask  # noqa: PLC0415 - only for a bug

    secrets = [*here.secrets, *_likely_secrets(here.environ)]
    told = " ".join(str(error).split())
    message = f"this is a bug in reconciler: {type(error).__name__}{': ' if told else ''}{told}"
    click.echo(printable(mask(message, secrets)), err=True)
    if here.environ.get("RECONCILER_LOG_LEVEL", "").strip().lower() == "debug":
        import traceback  # noqa: PLC0415 - only for a bug

        click.echo(printable(mask("".join(traceback.format_exception(error)), secrets)), err=True)
    return FAILED


def _likely_secrets(environ: Mapping[str, str]) -> "list[Secret]":
    """Collect what manifests may have referred to: a bug can show any of it."""
    from reconciler.model import Secret  # noqa: PLC0415 - only for a bug

    words = ("SECRET", "TOKEN", "PASSWORD", "KEY", "CERTIFICATE", "CREDENTIAL", "CUSTOMER_ID", "SALT")
    return [Secret(value) for name, value in environ.items() if any(word in name.upper() for word in words)]


class _Commands(click.Group):
    """Finds commands by the table; importing one is left until it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = copy.copy(getattr(importlib.import_module(module), name))
        assert isinstance(command, click.Command)
        command.name = cmd_name
        command.params = [*command.params, *_shared_options()]
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in COMMANDS:
            raise click.UsageError(_unknown(args[0]), ctx)
        return super().resolve_command(ctx, args)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks for it

        names = [CompletionItem(name, help=line) for name, (_, line) in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


def _unknown(word: str) -> str:
    if word in _LATER:
        return f"'{word}' is not in this version"
    import difflib  # noqa: PLC0415 - only for a slip of the pen

    near = difflib.get_close_matches(word.lower(), COMMANDS, n=1)
    return f"there is no command '{word}'{f'; did you mean {near[0]}?' if near else ''}"


def _choose_set(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        _put(ctx, "RECONCILER_SET", value)


def _choose_no_color(ctx: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's callback
    if value:
        _put(ctx, "NO_COLOR", "1")
    if ctx.obj.environ.get("NO_COLOR"):
        ctx.color = False


def _put(ctx: click.Context, variable: str, value: str) -> None:
    ctx.obj = replace(ctx.obj, environ={**ctx.obj.environ, variable: value})


def _shared_options() -> list[click.Parameter]:
    """Make the options that may stand before a command and behind it."""
    return [
        click.Option(
            ["--set"],
            metavar="NAME",
            expose_value=False,
            callback=_choose_set,
            help="The set that is meant (RECONCILER_SET, else default).",
        ),
        click.Option(
            ["--no-color"],
            is_flag=True,
            expose_value=False,
            callback=_choose_no_color,
            help="No colour, as with NO_COLOR.",
        ),
    ]


root = _Commands(
    name="reconciler",
    help="Declare which Agora Cloud Recordings should exist; this makes it true and keeps it true.",
    params=_shared_options(),
    context_settings={"help_option_names": ["-h", "--help"]},
    no_args_is_help=True,
)
click.version_option(__version__, "--version", prog_name="reconciler", message="%(prog)s %(version)s")(root)
