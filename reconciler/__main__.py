"""`python -m reconciler` and the `reconciler` script."""

import io
import os
import signal
import sys
from collections.abc import Sequence


def main() -> None:
    if _command(sys.argv[1:]) == "run":
        _expect_signals()
    if sys.argv[1:] in (["--version"], ["version"]):  # needs nothing that takes time to import
        from reconciler import __version__  # noqa: PLC0415 - keeps `import reconciler.__main__` free of side effects

        sys.stdout.write(f"reconciler {__version__}\n")
        return
    try:
        from reconciler.cli.root import run  # noqa: PLC0415 - see above

        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a file's name need not fit the terminal's encoding
        sys.exit(run(sys.argv[1:]))
    except KeyboardInterrupt:  # while importing, or while leaving
        sys.exit(130)


def _command(argv: Sequence[str]) -> str:
    """Name the command of a line: the first word that is neither an option nor the value of `--set`."""
    words = iter(argv)
    for word in words:
        if word == "--set":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return ""


def _expect_signals() -> None:
    """Let a supervisor end a daemon in good order while it is still importing: there is nothing to finish yet.

    `run` listens for itself before it opens anything. An exception would not do: imports may swallow it.
    """
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the settings are yet to be read
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: os._exit(0))


if __name__ == "__main__":
    main()
