"""`reconciler completion`: the script that lets a shell complete commands, options and names."""

import click


@click.command(
    short_help="Print the script that completes commands, options and names in a shell.",
    help="Print the script that lets a shell complete commands, options, and names of recordings from the ledger.\n\n"
    "\b\n"
    "bash:  echo 'source <(reconciler completion bash)' >> ~/.bashrc\n"
    "zsh:   echo 'source <(reconciler completion zsh)' >> ~/.zshrc\n"
    "fish:  reconciler completion fish > ~/.config/fish/completions/reconciler.fish",
)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]), metavar="bash|zsh|fish")
@click.pass_context
def command(ctx: click.Context, /, shell: str) -> None:
    from click.shell_completion import get_completion_class  # noqa: PLC0415 - only this command needs it

    from reconciler.cli.root import COMPLETE, PROGRAM  # noqa: PLC0415 - what calls this is not known from here

    made = get_completion_class(shell)
    assert made is not None, "these three are click's own"
    click.echo(made(ctx.find_root().command, {}, PROGRAM, COMPLETE).source(), nl=False)
