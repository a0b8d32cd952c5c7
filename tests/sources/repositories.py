"""Real git repositories in a folder, with real keys, apart from the settings of whoever runs the tests."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.manifests.texts import recording


def need(program: str) -> None:
    """Skip a test where what it acts on is missing."""
    if not shutil.which(program):
        pytest.skip(f"there is no {program}")


@dataclass(frozen=True, slots=True)
class Home:
    """Somebody with a git of their own: its settings are in `home/.gitconfig`."""

    folder: Path

    @property
    def environ(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "XDG_CONFIG_HOME": str(self.folder),
            "GNUPGHOME": str(self.folder / "gnupg"),
            "GIT_CONFIG_NOSYSTEM": "1",
        }

    def git(self, *arguments: str, at: Path | None = None) -> str:
        answer = subprocess.run(
            ["git", *arguments], cwd=at or self.folder, env=self.environ, capture_output=True, text=True, check=False
        )
        assert answer.returncode == 0, f"git {' '.join(arguments)}: {answer.stderr}"
        return answer.stdout.strip()

    def configure(self, name: str, value: str) -> None:
        self.git("config", "--global", name, value)

    def key(self, name: str) -> Path:
        """Make an SSH key to sign with."""
        need("ssh-keygen")
        path = self.folder / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, env=self.environ)
        return path

    def trust(self, *keys: Path) -> None:
        """Let git accept what these keys sign, and nothing else."""
        signers = self.folder / "signers"
        public = [key.with_suffix(".pub").read_text().rsplit(" ", 1)[0] for key in keys]
        signers.write_text("".join(f"dev@example.com {key}\n" for key in public))
        self.configure("gpg.ssh.allowedSignersFile", str(signers))

    def sign_with(self, key: Path) -> None:
        self.configure("gpg.format", "ssh")
        self.configure("user.signingKey", str(key))


@dataclass(frozen=True, slots=True)
class Origin:
    """A repository that people push to: their working copy is the repository."""

    folder: Path
    home: Home

    @property
    def url(self) -> str:
        return f"file://{self.folder}"

    def git(self, *arguments: str) -> str:
        return self.home.git(*arguments, at=self.folder)

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, *options: str) -> str:
        """Commit everything there is; give the id."""
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--allow-empty", "--message=x", *options)
        return self.git("rev-parse", "HEAD")

    def declare(self, *names: str, path: str = "manifests") -> str:
        """Commit a set of exactly these recordings, a file each."""
        self.git("rm", "-rqf", "--ignore-unmatch", path)
        for name in names:
            self.write(f"{path}/{name}.yaml", recording(name))
        return self.commit()


def new_home(folder: Path) -> Home:
    folder.mkdir()
    home = Home(folder)
    home.configure("user.name", "Dev")
    home.configure("user.email", "dev@example.com")
    home.configure("init.defaultBranch", "main")
    return home


def new_origin(folder: Path, home: Home, *options: str) -> Origin:
    folder.mkdir()
    home.git("init", "--quiet", *options, str(folder))
    return Origin(folder, home)
