"""What the documents say is true: commands, settings, links, targets, manifests, and every transcript line by line."""

import contextlib
import io
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

import click
import pytest
import yaml

from reconciler.cli.root import COMMANDS, root, run
from reconciler.cli.terminal import Here
from reconciler.settings import Settings
from reconciler.simulator.options import Options
from reconciler.simulator.serve import running_simulator

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
READMES = [ROOT / "README.md", *sorted(EXAMPLES.rglob("*.md"))]
DOCUMENTS = [*READMES, ROOT / "ARCHITECTURE.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
APP_ID = "0123456789abcdef0123456789abcdef"

_FENCE = re.compile(r"^```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)")
_SETTING = re.compile(r"\bRECONCILER_[A-Z_]+\b")
_SPAN = re.compile(r"`([^`\n]+)`")
_ANY = "…"  # what differs from run to run, or is left out


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def fences(document: Path, *languages: str) -> list[str]:
    return [found["text"] for found in _FENCE.finditer(document.read_text("utf-8")) if found["language"] in languages]


def workflow_lines() -> Iterator[tuple[Path, str]]:
    for path in sorted(EXAMPLES.rglob("workflows/*.y*ml")):
        jobs = yaml.safe_load(path.read_text("utf-8"))["jobs"].values()
        for step in (step for job in jobs for step in job["steps"]):
            for line in step.get("run", "").splitlines():
                yield path, line


def command_lines() -> Iterator[tuple[Path, str]]:
    """Find every line that somebody may type: in blocks of shell, after the prompt of transcripts, in workflows."""
    for document in DOCUMENTS:
        for text in fences(document, "sh"):
            for line in text.splitlines():
                yield document, line
        for text in fences(document, "console"):
            for line in text.splitlines():
                if line.startswith("$ "):
                    yield document, line[2:]
    yield from workflow_lines()


def invocations(line: str) -> Iterator[list[str]]:
    """Find the calls of reconciler in a line of shell, also those another command runs."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words = list(lexer)
    while "reconciler" in words:
        words = words[words.index("reconciler") + 1 :]
        ends = [index for index, word in enumerate(words) if set(word) <= set("|&;<>()") or word == ">>"]
        yield words[: min(ends, default=len(words))]


INVOCATIONS = [
    pytest.param(argv, id=f"{name_of(document)}: {' '.join(argv)}")
    for document, line in command_lines()
    for argv in invocations(line)
]


@pytest.mark.parametrize("argv", INVOCATIONS)
def test_every_command_that_is_shown_exists_with_its_options(argv: list[str]) -> None:
    name, *rest = argv
    assert name in COMMANDS
    here = Here({}, Path())
    with click.Context(root, obj=here) as parent:
        command = root.get_command(parent, name)
        assert command is not None
        command.make_context(name, rest, parent=parent)


def commands_named() -> Iterator[tuple[Path, str]]:
    for document in DOCUMENTS:
        for span in _SPAN.findall(document.read_text("utf-8")):
            words = span.split()
            if words[0] == "reconciler" and len(words) > 1:
                yield document, words[1]


@pytest.mark.parametrize(("document", "word"), sorted(set(commands_named())), ids=str)
def test_every_command_that_is_named_exists_or_is_said_to_come(
    document: Path, word: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if word not in COMMANDS:
        assert run([word], {}) == 64
        assert "is not in this version" in capsys.readouterr().err, f"{name_of(document)} names {word}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_setting_exists(document: Path) -> None:
    known = {f"RECONCILER_{field.upper()}" for field in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}

    assert set(_SETTING.findall(document.read_text("utf-8"))) <= known


def test_the_defaults_of_settings_are_those_in_the_table() -> None:
    settings = Settings()
    rows = re.findall(r"^\| `RECONCILER_(\w+)` \| ([^|]+) \|", (ROOT / "README.md").read_text("utf-8"), re.MULTILINE)
    said = {name.lower(): default.strip("` ") for name, default in rows}

    assert len(said) == len(rows) > 0
    assert said["api_url"] == settings.api_url[0]
    assert said["set"] == settings.set
    assert float(said["qps"]) == settings.qps
    assert said["max_recorders"] == "none"
    assert settings.max_recorders is None
    assert said["missing_grace"] == f"{settings.missing_grace.total_seconds():g} s"
    assert float(said["max_stop_percent"]) == settings.max_stop_percent


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_every_link_within_the_repository_leads_somewhere(document: Path) -> None:
    text = _FENCE.sub("", document.read_text("utf-8"))
    for target in (found["target"] for found in _LINK.finditer(text)):
        if target.startswith(("https://", "http://")):
            continue
        path, _, anchor = target.partition("#")
        linked = document.parent / path if path else document
        assert linked.exists(), target
        if anchor:
            assert anchor in headings(linked), target


def headings(document: Path) -> set[str]:
    """Name the anchors of a document as hosts of git repositories do."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", document.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_make_target_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for document in DOCUMENTS:
        lines = [line for text in fences(document, "sh") for line in text.splitlines()]
        spans = _SPAN.findall(document.read_text("utf-8"))
        named = {words[1] for words in map(str.split, lines + spans) if words[:1] == ["make"] and len(words) > 1}
        assert named <= targets, name_of(document)

    readme = "\n".join(fences(ROOT / "README.md", "sh"))
    assert "make demo" in readme
    assert "make test" in readme


def manifests_shown() -> list[tuple[Path, str]]:
    return [(document, text) for document in DOCUMENTS for text in fences(document, "yaml") if "apiVersion:" in text]


@pytest.mark.parametrize(("document", "text"), manifests_shown(), ids=lambda value: str(value)[:20])
def test_every_manifest_that_is_shown_is_valid(document: Path, text: str, tmp_path: Path) -> None:
    del document
    manifest = tmp_path / "shown.yaml"
    manifest.write_text(text, "utf-8")

    assert run(["validate", str(manifest)], {}, tmp_path) == 0


# -- transcripts


@dataclass(frozen=True, slots=True)
class Step:
    """A command with the lines it is said to answer."""

    command: str
    expected: tuple[str, ...]


def steps_of(document: Path) -> list[Step]:
    steps: list[Step] = []
    for text in fences(document, "console"):
        for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
            command, *lines = part.rstrip("\n").split("\n")
            steps.append(Step(command, tuple(lines)))
    return steps


def desk_of(document: Path, folder: Path) -> Path:
    """Make the folder a reader is in: a copy of the example, or what the README of the whole says to write."""
    desk = folder / "desk"
    if document.parent != ROOT:
        shutil.copytree(document.parent, desk)
        return desk
    (desk / "manifests").mkdir(parents=True)
    shown = next(text for where, text in manifests_shown() if where == document)
    named = re.search(r"^# (manifests/\S+)$", shown, re.MULTILINE)
    assert named
    (desk / named[1]).write_text(shown, "utf-8")
    return desk


def answer(command: str, environ: dict[str, str]) -> list[str]:
    """Run a command as a reader would, in the folder we are in; `> FILE` takes its standard output away."""
    if not command.startswith("reconciler "):
        done = subprocess.run(command, shell=True, check=True, capture_output=True, text=True)
        return (done.stdout + done.stderr).splitlines()
    (argv,) = invocations(command)
    shown = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO() if " > " in command else shown), contextlib.redirect_stderr(shown):
        run(argv, environ, Path())
    return shown.getvalue().splitlines()


def agrees(expected: tuple[str, ...], lines: list[str]) -> bool:
    """Compare line by line; `…` stands for anything in a line, and alone in one for any lines."""
    pattern = "\n".join(expected)
    literal = "".join("*" if one == _ANY else f"[{one}]" if one in "*?[" else one for one in pattern)
    return fnmatchcase("\n".join(line.rstrip() for line in lines), literal)


@pytest.mark.parametrize("document", [one for one in READMES if steps_of(one)], ids=name_of)
def test_a_transcript_is_what_really_happens(document: Path, tmp_path: Path) -> None:
    desk = desk_of(document, tmp_path)
    # A recorder that joins at once: how long one takes is not in the transcripts.
    quick = Options(status_after=(0.0, 0.0, 0.0), web_ready=0.0)
    with running_simulator(quick) as (url, _), contextlib.chdir(desk):
        environ = {
            "RECONCILER_API_URL": url,
            "RECONCILER_APP_ID": APP_ID,
            "RECONCILER_CUSTOMER_ID": "simulated",
            "RECONCILER_CUSTOMER_SECRET": "simulated-secret",
            "RECONCILER_STATE": f"sqlite:///{tmp_path / 'ledger.db'}",
            "RECONCILER_CONFIRM_DELAY": "0.1",
            "STORAGE_ACCESS_KEY": "any-access-key",
            "STORAGE_SECRET_KEY": "any-storage-secret",
            "EVENTS_CUSTOMER_ID": "any-customer",
            "EVENTS_CUSTOMER_SECRET": "any-customer-secret",
            "AGORA_APP_CERTIFICATE": APP_ID,
            "DASHBOARD_URL": "https://example.com/board?key=any-key",
        }
        for step in steps_of(document):
            lines = answer(step.command, environ)
            assert agrees(step.expected, lines), "\n".join([step.command, *lines])
