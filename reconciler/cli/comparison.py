"""From two accepted sets to the plan that leads from one to the other. Reads nothing and calls nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from reconciler.cli.accounts import DEFAULT_APP, offline_app_ids
from reconciler.cli.apply import ALLOW, EMPTY_THEM
from reconciler.errors import UnsafePlanError
from reconciler.intake.preparing import Prepared, Scope, Stock, prepare, rename_notes
from reconciler.intake.values import NoValues
from reconciler.manifests.accept import ManifestSet
from reconciler.model import Applied, Entry, Key
from reconciler.planning.comparing import ALL_RUNNING, always, by_reference, compared, names_references
from reconciler.planning.desired import Desired
from reconciler.planning.guards import assert_apps_kept, assert_no_mass_stop, assert_not_emptied
from reconciler.planning.plan import Plan, PlannedAction, carried_out, plan_one
from reconciler.settings import Settings


def compare(before: ManifestSet, after: ManifestSet, settings: Settings, now: datetime) -> Plan:
    """Plan the second set on recordings that all run as the first one says.

    Raises:
        ManifestError: one would record under an identity that another one has; apply would refuse it, too.
    """
    settings = _with_app_id(before, after, settings)
    rules, scope = settings.rules(len(after.recordings)), Scope(settings.set, prune=True)
    base = _prepared(before, {}, settings)
    running = {one.key: carried_out(always(one), Entry(one.key), now, rules, ALL_RUNNING) for one in base.desired}
    prepared = _prepared(after, running, settings)
    told = _told_before(base, prepared)
    actions = []
    for one in prepared.assignments(scope):
        entry = prepared.entries.get(one.key) or Entry(one.key)
        if isinstance(one.desired, Desired):
            action = plan_one(always(one.desired), entry, now, rules, ALL_RUNNING)
            actions.append(compared(action, told.get(one.key), one.desired))
        else:
            actions.append(plan_one(one.desired, entry, now, rules, ALL_RUNNING))
    notes = (
        *rename_notes(actions, prepared, scope),
        *_reference_notes(actions),
        *_refusals(actions, after, prepared, settings),
    )
    return Plan(tuple(actions), notes)


def _with_app_id(before: ManifestSet, after: ManifestSet, settings: Settings) -> Settings:
    """Take the App ID that one side alone names for the other's, too; no difference is made up."""
    named = [one.apps[DEFAULT_APP].app_id for one in (after, before) if DEFAULT_APP in one.apps]
    return settings.model_copy(update={"app_id": settings.app_id or next(iter(named), None)})


def _prepared(manifests: ManifestSet, running: Mapping[Key, Entry], settings: Settings) -> Prepared:
    app_ids, stock = offline_app_ids(manifests, settings), Stock(entries=running)
    prepared = prepare(manifests, app_ids, stock, settings.set, settings.uid_range, NoValues())
    return replace(prepared, desired=tuple(by_reference(one) for one in prepared.desired))


def _told_before(base: Prepared, prepared: Prepared) -> dict[Key, Applied]:
    """Give what each was told by the older manifests, under the name it has in the newer ones."""
    renamed = dict(prepared.renames)
    return {renamed.get(one.key, one.key): one.wanted for one in base.desired}


def _reference_notes(actions: Sequence[PlannedAction]) -> tuple[str, ...]:
    if any(names_references(change) for action in actions for change in (*action.changes, *action.rest.pending)):
        return ("secrets were not read: a reference to another one counts as another value",)
    return ()


def _refusals(
    actions: Sequence[PlannedAction], after: ManifestSet, prepared: Prepared, settings: Settings
) -> tuple[str, ...]:
    """Say what apply would not do without a person's word."""
    kept = {*offline_app_ids(after, settings).values(), settings.app_id}
    live = {session.identity.app_id for entry in prepared.entries.values() for session in entry.open_sessions}
    try:
        assert_apps_kept(prepared.entries, frozenset(live - kept))
        assert_not_emptied(after.recordings, prepared.entries, EMPTY_THEM)
        assert_no_mass_stop(actions, prepared.entries, settings.max_stop_percent, ALLOW)
    except UnsafePlanError as refused:
        return (f"apply would say: {refused}",)
    return ()
