"""Whether a daemon can do its work, and what stands beside that. Calls nobody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from reconciler.planning.standing import Standing
from reconciler.render.text import moment, moment_or_none


@dataclass(frozen=True, slots=True)
class Readiness:
    """What a daemon stands on. Its words are shown to anyone who asks: they hold no secret."""

    standing: Standing
    refused: Mapping[str, str] = field(default_factory=dict)  # by App ID: why its calls have ceased
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)  # of Apps, by App ID


def is_ready(readiness: Readiness, ledger: str) -> bool:
    """Tell whether a set is in force, and the ledger answers; `ledger` says why it does not.

    What is withheld or wrong at the source does not count: the last accepted set stays in force (S17). Nor does a
    refused App: the recordings of the others are kept all the same.
    """
    return bool(readiness.standing.revision) and not ledger


def document(readiness: Readiness, ledger: str) -> dict[str, Any]:
    """Make the document that `/readyz` answers."""
    standing = readiness.standing
    withheld = standing.withheld
    return {
        "ready": is_ready(readiness, ledger),
        "source": {
            "name": standing.source,
            "revision": standing.label or standing.revision or None,
            "acceptedAt": moment_or_none(standing.accepted_at),
            "trouble": standing.trouble or None,
            "troubledSince": moment_or_none(standing.troubled_since),
            "withheld": {
                "revision": withheld.label or withheld.revision,
                "reason": withheld.reason,
                "since": moment(withheld.since),
            }
            if withheld
            else None,
        },
        "ledger": ledger or "ok",
        "apps": {
            app_id: {"names": list(readiness.names.get(app_id, ())), "refused": said}
            for app_id, said in readiness.refused.items()
        },
    }
