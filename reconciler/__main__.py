"""`python -m reconciler` and the `reconciler` script."""

import sys


def main() -> None:
    from reconciler.cli.root import run  # noqa: PLC0415 - keeps `import reconciler.__main__` free of side effects

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
