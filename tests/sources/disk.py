"""What people and machines do to files, in a word each."""

from pathlib import Path

from tests.manifests.texts import recording


def save(path: str, *names: str) -> None:
    """Write a file that declares these recordings, the way editors do."""
    Path("saved").write_text("---\n".join(recording(name) for name in names))
    Path("saved").rename(path)


def write(path: str, text: str) -> None:
    Path(path).write_text(text)


def remove(path: str) -> None:
    Path(path).unlink()


def link(path: str, to: str) -> None:
    """Make a link, or let the one that is there lead elsewhere."""
    Path("link.new").symlink_to(to)
    Path("link.new").rename(path)


def move(path: str, to: str) -> None:
    Path(path).rename(to)


def make_folder(path: str) -> None:
    """Have a folder there that can be read, whatever was there before."""
    if Path(path).is_dir():
        Path(path).chmod(0o700)
    else:
        Path(path).unlink(missing_ok=True)
        Path(path).mkdir()
