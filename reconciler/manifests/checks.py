"""Every rule, run over one recording, one app, or the whole set; findings become faults with places here."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from reconciler.errors import Fault, Place
from reconciler.manifests import media, rules
from reconciler.manifests.documents import Declaration
from reconciler.manifests.nodes import Mapping_, dotted, find, nearest_place
from reconciler.manifests.rules import Finding, Subject
from reconciler.manifests.schema import AppSpec
from reconciler.manifests.secrets import Policy, question, reference_problem, references
from reconciler.manifests.values import EnvRef, Part, SecretRef, nearest

_RULES: Final[tuple[Callable[[Subject], Iterator[Finding]], ...]] = (
    rules.identity,
    rules.channel,
    rules.replacing,
    rules.lasting,
    rules.overrides,
    media.capture,
    media.video,
    media.layout,
    media.files,
    media.web,
    media.storage,
)


class Reference(NamedTuple):
    """A secret that a spec names, and where."""

    path: str  # dotted
    ref: SecretRef
    place: Place
    question: tuple[str, ...]  # references with the same one are allowed, or not, together


def recording_faults(subject: Subject, own: Mapping_) -> Iterator[Fault]:
    """Check one recording but for its references; `own` is what it says without its profiles."""
    for rule in _RULES:
        yield from placed(rule(subject), subject.name, subject.written, own)


def placed(findings: Iterator[Finding], name: str, written: Mapping_, own: Mapping_) -> Iterator[Fault]:
    """Give findings their places; one in a profile's line says for which recording it is wrong."""
    for path, message, at_key in findings:
        place = nearest_place(written, path, key=at_key)
        is_shared = place != nearest_place(own, path, key=at_key)
        yield Fault(place, f"{message} (in recording `{name}`)" if is_shared else message)


def mode_faults(name: str, written: Mapping_, own: Mapping_) -> Iterator[Fault]:
    """Find fields of other modes, also where other things are wrong."""
    mode = find(written, ("mode",))
    word = getattr(mode, "value", None) if mode is not None else "mix"
    if isinstance(word, str) and word in {"mix", "individual", "web"}:
        yield from placed(rules.fields_of_other_modes(written, word), name, written, own)


def named_references(spec: Part, written: Mapping_) -> Iterator[Reference]:
    """Find the references of a spec with their places."""
    for path, ref in references(spec):
        place = nearest_place(written, (*path, "env" if isinstance(ref, EnvRef) else "file"))
        yield Reference(dotted(path), ref, place, question(ref, place))


def reference_faults(named: Iterable[Reference], policy: Policy) -> Iterator[Fault]:
    """Find references that the settings do not allow; links on the disk count, so each set asks anew."""
    answers: dict[tuple[str, ...], str | None] = {}
    for path, ref, place, asked in named:
        if asked not in answers:
            answers[asked] = reference_problem(ref, place, policy)
        problem = answers[asked]
        if problem:
            yield Fault(place, f"`{path}` {problem}")


def host_faults(spec: AppSpec, written: Mapping_, policy: Policy) -> Iterator[Fault]:
    """Find hosts of one app that may not see its credentials."""
    for path, message, _ in rules.api_hosts(spec.api_url or (), policy):
        yield Fault(nearest_place(written, path), message)


def duplicates(declarations: Sequence[Declaration]) -> Iterator[Fault]:
    """Find names that are declared twice."""
    first: dict[tuple[str, str], Place] = {}
    for one in declarations:
        name = one.metadata.name
        if (one.kind, name) in first:
            other = first[one.kind, name]
            yield Fault(one.place, f"{one.kind} `{name}` is declared twice; the other one is at {other}")
        else:
            first[one.kind, name] = one.place


def renames(declarations: Sequence[Declaration]) -> Iterator[Fault]:
    """Find old names that cannot be old names."""
    declared = {one.metadata.name: one.place for one in declarations if one.kind == "Recording"}
    taken: dict[str, Place] = {}
    for one in declarations:
        old = one.metadata.renamed_from
        if old is None:
            continue
        place = nearest_place(one.metadata_node, ("renamedFrom",))
        if one.kind != "Recording":
            yield Fault(place, f"`metadata.renamedFrom` is for Recordings; a {one.kind} has no history")
        elif old in declared:
            yield Fault(place, f"`{old}` is still declared at {declared[old]}: a name that is in use cannot move")
        elif old in taken:
            yield Fault(place, f"`{old}` can move to one recording only; the other one is at {taken[old]}")
        else:
            taken[old] = place


def missing_apps(subjects: Sequence[Subject], apps: Mapping[str, object]) -> Iterator[Fault]:
    """Find apps that are not in the set; `default` may come from the settings."""
    for subject in subjects:
        app = subject.spec.app
        if app != "default" and app not in apps:
            near = nearest(app, apps)
            hint = f"; did you mean `{near}`?" if near else ""
            yield Fault(nearest_place(subject.written, ("app",)), f"there is no app `{app}` in this set{hint}")


def uid_clashes(subjects: Sequence[Subject], apps: Mapping[str, AppSpec]) -> Iterator[Fault]:
    """Find two recordings that would throw each other out of one channel."""
    taken: dict[tuple[str, str, int], tuple[str, Place]] = {}
    for subject in subjects:
        spec = subject.spec
        app = apps[spec.app].app_id.lower() if spec.app in apps else spec.app
        for index, uid in enumerate(spec.uid or ()):
            place = nearest_place(subject.written, ("uid", index))
            name, other = taken.setdefault((app, spec.channel, uid), (subject.name, place))
            if name != subject.name:
                message = f"uid {uid} in channel `{spec.channel}` is already that of recording `{name}` at {other}"
                yield Fault(place, message)
