"""How a daemon stands, from what it holds in memory: for readiness and metrics. Asks nobody."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from reconciler.agora.quota import SHARE, SLOW_FOR, SLOW_SHARE
from reconciler.cli.keeping import Household
from reconciler.controller.keeper import Keeper
from reconciler.model import Accepted, Confirmed, Doubted, Seen, Session
from reconciler.planning.conditions import control_expires_at
from reconciler.planning.desired import Unmanaged
from reconciler.planning.phases import Phase
from reconciler.planning.status import status_of
from reconciler.server.readiness import Readiness
from reconciler.server.snapshot import Snapshot, Usage


def readiness_of(household: Household) -> Readiness:
    """Say what the daemon stands on."""
    assert household.daemon is not None
    refused = household.daemon.controller.gates.refused()
    names = {app_id: household.app_names(app_id) for app_id in refused}
    return Readiness(household.daemon.intake.standing, refused, names)


def snapshot_of(household: Household) -> Snapshot:
    """Count how everything is at this moment."""
    daemon, now = household.daemon, household.outside.clock()
    assert daemon is not None
    keepers = list(daemon.controller.keepers.values())
    sessions = [one for keeper in keepers if keeper.entry for one in keeper.entry.open_sessions]
    return Snapshot(
        at=now,
        standing=daemon.intake.standing,
        apps=_usage(household),
        phases=Counter(_phase(household, keeper, now) for keeper in keepers if keeper.entry),
        drifting_for=max((now - since for since in daemon.drifting.values()), default=timedelta()),
        control_left=min((control_expires_at(one) - now for one in sessions), default=None),
        unheard_for=max((now - at for at in _heard(sessions)), default=None),
        is_frozen=bool(daemon.controller.frozen),
    )


def _phase(household: Household, keeper: Keeper, now: datetime) -> Phase:
    assert keeper.entry is not None
    one = keeper.assignment
    desired = None if isinstance(one.desired, Unmanaged) else one.desired
    rules = household.rules_of(one.app_id)
    return status_of(keeper.entry, now, hold=keeper.hold, desired=desired, rules=rules).phase


def _heard(sessions: list[Session]) -> Iterator[datetime]:
    for session in sessions:
        match session.state:
            case Accepted(inquiry=inquiry) | Confirmed(inquiry=inquiry):
                if isinstance(inquiry.sighting, Seen | Doubted):
                    yield inquiry.sighting.at
            case _:
                pass


def _usage(household: Household) -> dict[str, Usage]:
    daemon, workshop = household.daemon, household.workshop
    assert daemon is not None
    assert workshop is not None
    refused = daemon.controller.gates.refused()
    now = asyncio.get_running_loop().time()
    found = {}
    for app_id, account in workshop.accounts.items():
        slowed_at = workshop.pace.slowed_at.get(app_id)
        left = SLOW_FOR - timedelta(seconds=now - slowed_at) if slowed_at is not None else timedelta()
        slowed_for = max(left, timedelta())
        found[app_id] = Usage(
            rate=account.qps * (SLOW_SHARE if slowed_for else SHARE),
            waiting=workshop.pace.waiting(app_id),
            slowed_for=slowed_for,
            recorders=daemon.counts.get(app_id, 0),
            most_recorders=account.max_recorders,
            is_refused=app_id in refused,
            names=household.app_names(app_id),
        )
    return found
