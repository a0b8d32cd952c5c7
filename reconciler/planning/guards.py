"""What is not done without a person's word: mass stops (RECONCILER_MAX_STOP_PERCENT), and what nobody was shown."""

from collections.abc import Mapping, Sequence

from reconciler.errors import UnsafePlanError
from reconciler.manifests.accept import Declared
from reconciler.model import Entry, Key
from reconciler.planning.plan import Plan, PlannedAction

FEWEST = 10  # fewer interruptions than this are never held back


def assert_no_mass_stop(
    actions: Sequence[PlannedAction], entries: Mapping[Key, Entry], max_stop_percent: float, way: str
) -> None:
    """Refuse when ten or more live recordings, and more than the share, would be stopped or replaced.

    Counts only what the manifests ask for: a vanished or suspended manifest, and a replace. `way` allows it.

    Raises:
        UnsafePlanError: with the counts and the way to allow it.
    """
    interrupted = [action for action in actions if action.interrupts]
    live = sum(1 for entry in entries.values() if entry.open_sessions)
    if len(interrupted) < FEWEST or len(interrupted) * 100 <= live * max_stop_percent:
        return
    names = ", ".join(str(action.key) for action in interrupted[:5])
    raise UnsafePlanError(
        f"refused: this change would interrupt {len(interrupted)} of {live} live recordings "
        f"({len(interrupted) * 100 // live} %, the limit is {max_stop_percent:g} %): {names} and "
        f"{len(interrupted) - 5} more. If that is meant: {way}"
    )


def assert_not_emptied(recordings: Sequence[Declared], entries: Mapping[Key, Entry], way: str) -> None:
    """Refuse a source that declares nothing while recordings of its set are live: it is probably lost (S17).

    Raises:
        UnsafePlanError: with the count.
    """
    live = sum(1 for entry in entries.values() if entry.open_sessions)
    if not recordings and live:
        raise UnsafePlanError(
            f"refused: there is no recording in these manifests, while {live} of this set {_verb(live)} live. "
            f"If they are all to go: {way}"
        )


def _verb(count: int) -> str:
    return "is" if count == 1 else "are"


def assert_apps_kept(entries: Mapping[Key, Entry], unknown: frozenset[str]) -> None:
    """Refuse a set that has lost the app of a live session: nobody could stop it any more (S2).

    `unknown` are the App IDs that neither the manifests nor the settings have credentials for.

    Raises:
        UnsafePlanError: naming the recordings.
    """
    lost = [
        f"{entry.key} (App ID {session.identity.app_id})"
        for entry in entries.values()
        for session in entry.open_sessions
        if session.identity.app_id in unknown
    ]
    if lost:
        raise UnsafePlanError(
            "refused: neither an App of these manifests nor the settings have the App ID of these live recordings, so "
            f"they could not be stopped any more: {_listed(lost)}. Keep that App "
            "until they are stopped"
        )


def assert_not_stale(shown: Plan, now: Plan) -> None:
    """Refuse to do what is not what a person has agreed to: somebody has acted, or a time has come, meanwhile.

    Raises:
        UnsafePlanError: naming the recordings, with what was shown and what would be done now.
    """
    before, after = ({action.key: action for action in plan.actions} for plan in (shown, now))
    moved = [
        f"{key.name} (shown: {_told(before.get(key))}, now: {_told(after.get(key))})"
        for key in sorted(before.keys() | after.keys())
        if _deed(before.get(key)) != _deed(after.get(key))
    ]
    if moved:
        raise UnsafePlanError(
            f"refused: what would be done is not what was shown any more: {_listed(moved)}. "
            "Nothing was changed; look at the new plan"
        )


def _deed(action: PlannedAction | None) -> object:
    return (action.verb, action.calls, action.changes) if action and action.is_due else None


def _told(action: PlannedAction | None) -> str:
    if action is None or not action.is_due:
        return "nothing"
    return " ".join([action.verb, *(str(change) for change in action.changes)])


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:5]) + (" …" if len(words) > 5 else "")
