"""From an accepted set and the ledger to assignments: which recordings are to be kept, and as what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from types import MappingProxyType

from reconciler.agora.token import token_misfit
from reconciler.controller import Assignment
from reconciler.errors import Fault, ManifestError
from reconciler.intake.values import NoValues, ReadValues, Values
from reconciler.manifests.accept import Declared, ManifestSet
from reconciler.manifests.hosts import page_problem
from reconciler.manifests.schema import MintedToken
from reconciler.manifests.secrets import SecretMissing
from reconciler.manifests.values import SecretRef
from reconciler.model import Entry, Held, Intended, Key, Secret, Stopping
from reconciler.planning.desired import Desired, Ground, Unwanted, desire
from reconciler.planning.plan import PlannedAction
from reconciler.planning.situation import app_id_of
from reconciler.planning.slots import UidRange

GONE = "its manifest is gone"
_HEX = frozenset("0123456789abcdefABCDEF")


@dataclass(frozen=True, slots=True)
class Stock:
    """What the ledger holds when a command begins."""

    fingerprint_key: bytes = sha256(b"no ledger yet").digest()  # nothing to compare with: any key will do
    entries: Mapping[Key, Entry] = field(default_factory=dict)  # of every set


@dataclass(frozen=True, slots=True)
class Scope:
    """Which recordings a command is about."""

    set: str
    prune: bool = False
    targets: frozenset[str] = frozenset()  # empty: all

    def covers(self, key: Key) -> bool:
        return key.set == self.set and (not self.targets or key.name in self.targets)


@dataclass(frozen=True, slots=True)
class Completed:
    """One declared recording with its values read, so that the next reading of the set need not do it again."""

    declared: Declared
    read: ReadValues
    desired: Desired
    faults: tuple[Fault, ...]  # secrets that cannot be read, tokens and addresses that do not fit


@dataclass(frozen=True, slots=True)
class Prepared:
    """An accepted set against the ledger."""

    desired: tuple[Desired, ...]
    renames: tuple[tuple[Key, Key], ...]  # what is to be moved first, old to new
    entries: Mapping[Key, Entry]  # of this set, with the renames done
    revision: str
    completed: Mapping[str, Completed]

    @property
    def faults(self) -> tuple[Fault, ...]:
        """List what is wrong with values: plan marks it, apply refuses the set, a daemon holds that recording."""
        return tuple(sorted({fault for one in self.completed.values() for fault in one.faults}))

    @property
    def is_live(self) -> bool:
        """Tell whether a recorder of the set runs, or may run."""
        return any(entry.open_sessions for entry in self.entries.values())

    def assignments(self, scope: Scope) -> tuple[Assignment, ...]:
        """Choose what to keep: the declared, what is still to be stopped, and with prune what nobody declares."""
        declared = {one.key: one for one in self.desired}
        keep = [
            Assignment(one.key, one, app_id_of(self.entries.get(one.key) or Entry(one.key), one))
            for one in self.desired
            if scope.covers(one.key)
        ]
        for key, entry in self.entries.items():
            if key in declared or not scope.covers(key) or not entry.open_sessions:
                continue
            reason = GONE if scope.prune else _unfinished(entry)
            if reason:
                unwanted = Unwanted(reason)
                keep.append(Assignment(key, unwanted, app_id_of(entry, unwanted)))
        return tuple(sorted(keep, key=lambda one: one.key))

    def left_alone(self, scope: Scope) -> tuple[Key, ...]:
        """Name the live recordings of the set that these manifests do not declare and that are not touched."""
        touched = {one.key for one in self.assignments(replace(scope, targets=frozenset()))}
        return tuple(key for key, entry in self.entries.items() if entry.open_sessions and key not in touched)


def prepare(
    manifests: ManifestSet,
    app_ids: Mapping[str, str],
    stock: Stock,
    set_name: str,
    uid_range: UidRange,
    values: Values | NoValues,
    known: Mapping[str, Completed] = MappingProxyType({}),
) -> Prepared:
    """Complete the declared recordings against the ledger. What is `known` and unchanged is taken as it is.

    Raises:
        ManifestError: a recording would record under an identity that another one's live recorder has.
    """
    read = {one.name: _read(one, known.get(one.name), values) for one in manifests.recordings}
    mine = {key: entry for key, entry in stock.entries.items() if key.set == set_name}
    renames = pending_renames(manifests.recordings, mine, set_name)
    for old, new in renames:
        mine[new] = replace(mine.pop(old), key=new)
    ground = Ground(
        set=set_name,
        app_ids=app_ids,
        entries=mine,
        secrets=read,
        fingerprint_key=stock.fingerprint_key,
        uid_range=uid_range,
    )
    desired = desire(manifests.recordings, ground, {name: one.desired for name, one in known.items()})
    _assert_identities_free(desired, stock.entries, {old for old, _ in renames})
    by_name = {one.key.name: one for one in desired}
    completed = {one.name: _completed(one, read[one.name], by_name[one.name]) for one in manifests.recordings}
    return Prepared(desired, renames, mine, manifests.revision, completed)


def _completed(declared: Declared, read: ReadValues, desired: Desired) -> Completed:
    faults = (*_value_faults(declared, read), *_address_faults(declared, read), *_token_faults(declared, desired))
    return Completed(declared, read, desired, faults)


def _read(declared: Declared, known: Completed | None, values: Values | NoValues) -> ReadValues:
    return known.read if known is not None and known.declared is declared else values.of(declared)


def pending_renames(
    recordings: Iterable[Declared], entries: Mapping[Key, Entry], set_name: str
) -> tuple[tuple[Key, Key], ...]:
    """Find the renames that are not done yet."""
    wished = [
        (Key(set_name, one.renamed_from), Key(set_name, one.name))
        for one in recordings
        if one.renamed_from and one.renamed_from != one.name
    ]
    return tuple((old, new) for old, new in wished if old in entries and not entries.get(new, Entry(new)).has_history)


def _assert_identities_free(desired: Sequence[Desired], entries: Mapping[Key, Entry], renamed: set[Key]) -> None:
    """Refuse what another set, or another declared recording, records already; a leaving one's uid gets free."""
    declared = {one.key for one in desired}
    owners = (
        {
            session.identity: key
            for key, entry in entries.items()
            for session in entry.open_sessions
            if key not in renamed and (key in declared or key.set != desired[0].key.set)
        }
        if desired
        else {}
    )
    faults = [
        Fault(
            one.place,
            f"recording {one.key.name} would record channel {identity.channel} under uid {identity.uid}, which the "
            f"live recording {owners[identity].name} of set {owners[identity].set} has: give it another uid, "
            "or manage it in that set",
        )
        for one in desired
        for identity in one.slots.values()
        if owners.get(identity, one.key) != one.key
    ]
    if faults:
        raise ManifestError(tuple(sorted(faults)))


def _value_faults(declared: Declared, read: Mapping[SecretRef, Secret | SecretMissing]) -> list[Fault]:
    return [
        Fault(value.place, f"recording {declared.name}: {value.why}")
        for value in read.values()
        if isinstance(value, SecretMissing)
    ]


def _address_faults(declared: Declared, read: Mapping[SecretRef, Secret | SecretMissing]) -> list[Fault]:
    """Check addresses behind references as literal ones are checked; what they are is never said."""
    web = declared.spec.web
    if web is None:
        return []
    page = None if isinstance(web.url, str) else web.url
    aimed = (("url", page, ("http", "https")), ("publish", web.publish, ("rtmp", "rtmps")))
    return [
        Fault(declared.place_of("web", field), f"recording {declared.name}: the value behind web.{field} {problem}")
        for field, ref, schemes in aimed
        if ref is not None
        and isinstance(value := read.get(ref), Secret)
        and (problem := page_problem(value.reveal(), schemes))
    ]


def _token_faults(declared: Declared, desired: Desired) -> list[Fault]:
    """Find tokens that can be read and do not fit, and certificates that are none."""
    return [Fault(declared.place_of("token"), f"recording {declared.name}: {misfit}") for misfit in _misfits(desired)]


def _misfits(desired: Desired) -> Iterable[str]:
    token = desired.spec.token
    if isinstance(token, MintedToken):
        certificate = desired.secrets.get(token.certificate)
        if certificate is not None and not (len(certificate.reveal()) == 32 and _HEX.issuperset(certificate.reveal())):
            yield "the certificate behind token.certificate is not 32 hexadecimal digits"
        return
    for ref, identity in zip(token or (), desired.slots.values(), strict=False):
        value = desired.secrets.get(ref)
        if value is not None:
            misfit = token_misfit(value.reveal(), app_id=desired.app_id, channel=identity.channel, uid=identity.uid)
            if misfit:
                yield misfit


def _unfinished(entry: Entry) -> str:
    """Say why something of it is still to be stopped though nobody declares it any more (S12)."""
    for session in entry.open_sessions:
        match session.state:
            case Stopping(reason=reason):
                return reason
            case Intended(dismissed=reason) | Held(dismissed=reason) if reason:
                return reason
    return ""


def rename_notes(actions: Sequence[PlannedAction], prepared: Prepared, scope: Scope) -> tuple[str, ...]:
    """Point out a new name that records what a leaving one records: probably a rename."""
    starting = {action.key for action in actions if action.verb == "start"}
    stopping = {action.key for action in actions if action.verb == "stop"}
    leaving = sorted(stopping.union(prepared.left_alone(scope)))
    arriving = {
        (one.spec.channel, one.spec.mode, one.app_id): one.key for one in prepared.desired if one.key in starting
    }
    notes = []
    for key in leaving:
        session = prepared.entries[key].open_sessions[0]
        new = arriving.get((session.identity.channel, session.mode, session.identity.app_id))
        if new is not None:
            notes.append(
                f"{key.name} → {new.name} looks like a rename: say `renamedFrom: {key.name}` in the metadata of "
                f"{new.name}, and {'nothing is stopped' if key in stopping else 'it is not recorded twice'}"
            )
    return tuple(notes)
