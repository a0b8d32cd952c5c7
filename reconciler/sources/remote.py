"""Which place of which repository manifests come from, and how it is called without its credentials."""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final, TypeAlias
from urllib.parse import unquote, urlsplit

MASK: Final = "****"
_SHORTEST: Final = 4  # masking less inside a text would blot out words
_OTHER_TRANSPORT: Final = re.compile(r"^[A-Za-z0-9+.-]+::")
_NO_REF: Final = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.$|\.lock$|^$")
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_USER_IN_URL: Final = re.compile(r"(?<=://)[^/?#\s\"'@]*@")


@dataclass(frozen=True, slots=True)
class Head:
    """The branch that the repository itself calls its default."""

    def __str__(self) -> str:
        return "HEAD"


@dataclass(frozen=True, slots=True)
class Branch:
    """The newest commit of a branch."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Tag:
    """The commit of a tag, wherever it is moved."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit, for ever."""

    id: str

    def __str__(self) -> str:
        return self.id[:12]


Wanted: TypeAlias = Head | Branch | Tag | Commit


@dataclass(frozen=True, slots=True)
class Remote:
    """A folder in a repository somewhere."""

    url: str
    wanted: Wanted = Head()
    path: str = "."
    verified: bool = False  # only what is signed by a key that git trusts here

    @property
    def name(self) -> str:
        """Call it by its address, without user, password and query."""
        return f"git {shown_url(self.url)} ({self.wanted})"

    @property
    def address(self) -> str:
        """Give the address for git, from whatever folder it is run."""
        is_path = "://" not in self.url and ":" not in self.url.partition("/")[0]
        return os.path.abspath(self.url) if is_path else self.url  # noqa: PTH100 - its links are git's business


def remote_problem(remote: Remote) -> str | None:
    """Say what is wrong with what was asked for, by option, if anything; whether it is there is not asked."""
    return url_problem(remote.url) or _wanted_problem(remote.wanted) or path_problem(remote.path)


def url_problem(url: str) -> str | None:
    """Refuse what git would take for an option or for a program to run."""
    if not url or not url.isprintable() or url.startswith("-"):
        return "--git takes the address of a repository: https://…, ssh://…, user@host:path, file://… or a folder"
    if _OTHER_TRANSPORT.match(url):
        return "--git takes no address of the form transport::address, for that can run any program"
    return None


def _wanted_problem(wanted: Wanted) -> str | None:
    match wanted:
        case Branch(name) if _NO_REF.search(name):
            return "--branch takes the name of a branch, such as main"
        case Tag(name) if _NO_REF.search(name):
            return "--tag takes the name of a tag, such as v1.0"
        case Commit(id) if not _COMMIT.fullmatch(id):
            return "--commit takes the whole id of a commit, 40 digits of 0-9 and a-f"
        case _:
            return None


def path_problem(path: str) -> str | None:
    """Keep a path inside its repository."""
    if path.startswith("/") or ".." in PurePosixPath(path).parts or not path.isprintable():
        return "--path takes a folder inside the repository, such as manifests"
    return None


def shown_url(url: str) -> str:
    """Give an address without user, password, query and fragment; `git@host:path` holds none of them."""
    if "://" not in url:
        return url
    scheme, _, rest = url.partition("://")
    address = re.split(r"[?#]", rest, maxsplit=1)[0]
    host, slash, path = address.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"


def masked(text: str, url: str) -> str:
    """Put stars over the credentials of an address, wherever a text repeats them."""
    for secret in sorted(_secrets(url), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return _USER_IN_URL.sub(f"{MASK}@", text)


def _secrets(url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    # Without a password the user of an https address is a token; that of ssh is an account's name.
    said = [parts.password, parts.query, parts.fragment]
    said += [parts.username] if parts.scheme in {"http", "https"} and not parts.password else []
    for value in said:
        for form in {value or "", unquote(value or "")}:
            if len(form) >= _SHORTEST:
                yield form
