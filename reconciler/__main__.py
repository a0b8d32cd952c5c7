"""`python -m reconciler` and the `reconciler` script."""

import io
import sys


def main() -> None:
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


if __name__ == "__main__":
    main()
