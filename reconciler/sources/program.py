"""The `git` program: run without prompts, hooks and foreign transports, and never for longer than it may take."""

import asyncio
import os
import re
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from reconciler.errors import ReconcilerError

_MISSING: Final = "the program git cannot be run: it is not installed. Install it, or give a folder instead of --git."
_SETTINGS: Final = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "fetch.recurseSubmodules": "false",
    "submodule.recurse": "false",
    # Large files stay the pointers they are: no manifest is one.
    "filter.lfs.smudge": "",
    "filter.lfs.process": "",
    "filter.lfs.required": "false",
    # Tidying up is done while we wait, and leaves nothing behind that only we could have wanted.
    "gc.autoDetach": "false",
    "maintenance.autoDetach": "false",
    "gc.pruneExpire": "now",
    # A transfer may take long, but not without getting on.
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "30",
}
_ENVIRON: Final = {
    "GIT_TERMINAL_PROMPT": "0",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
# What binds a git to another repository, or lets it say more than it must.
_FOREIGN: Final = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|NAMESPACE|PREFIX"
    r"|GRAFT_FILE|SHALLOW_FILE|REPLACE_REF_BASE|CURL_VERBOSE|TRACE\w*)"
)
_LONGEST: Final = 2_000  # characters of what git says
_ELAPSED: Final = re.compile(r" after \d+ ms")  # else the same failure would read as another one each time


class GitError(ReconcilerError):
    """Git did not do it; why, in its own words. They may repeat an address: mask it before they are shown."""


class NoGitError(GitError):
    """There is no git on this machine."""


@dataclass(frozen=True, slots=True)
class Program:
    """Git as this machine has it set up: its settings, helpers, agents and keys are used."""

    environ: Mapping[str, str] | None = None  # None: what this process has
    timeout: timedelta = timedelta(minutes=1)  # of one call
    transfer_timeout: timedelta = timedelta(minutes=10)  # of one that may bring much

    async def run(self, *arguments: str, **environ: str) -> str:
        """Run one command and give what it prints. Raises GitError."""
        return await self._run(arguments, environ, self.timeout)

    async def transfer(self, *arguments: str) -> str:
        """Do the same for one that may bring much."""
        return await self._run(arguments, {}, self.transfer_timeout)

    async def _run(self, arguments: Sequence[str], environ: Mapping[str, str], patience: timedelta) -> str:
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        try:
            process = await _started((*settings, *arguments), {**self._environ(), **environ})
        except FileNotFoundError:
            raise NoGitError(_MISSING) from None
        except OSError as wrong:
            raise GitError(f"the program git cannot be run: {(wrong.strerror or 'unknown').lower()}") from None
        out, words = await _finished(process, patience)
        if process.returncode:
            raise GitError(_tidy(words) or f"git ended with {process.returncode}")
        return out.decode("utf-8", "surrogateescape")

    def _environ(self) -> dict[str, str]:
        given = os.environ if self.environ is None else self.environ
        return {name: value for name, value in given.items() if not _FOREIGN.fullmatch(name)} | _ENVIRON


async def _started(arguments: Sequence[str], environ: Mapping[str, str]) -> asyncio.subprocess.Process:
    starting = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            "git",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=environ,
            start_new_session=True,  # no terminal to ask on, and its children end with it
        )
    )
    try:
        return await asyncio.shield(starting)
    except asyncio.CancelledError:
        with suppress(OSError):
            await _end(await starting)  # it may run already, and have children
        raise


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()


async def _finished(process: asyncio.subprocess.Process, patience: timedelta) -> tuple[bytes, bytes]:
    try:
        async with asyncio.timeout(patience.total_seconds()):
            return await process.communicate()
    except TimeoutError:
        raise GitError(f"no answer within {patience.total_seconds():g} s") from None
    finally:
        if process.returncode is None:
            await _end(process)


def _tidy(words: bytes) -> str:
    text = _ELAPSED.sub("", words.decode("utf-8", "replace"))
    lines = ["".join(sign if sign.isprintable() else " " for sign in line).strip() for line in text.splitlines()]
    return "\n".join(line for line in lines if line)[-_LONGEST:]
