"""What a recorder has recorded, as far as the service has listed it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import replace

from reconciler.evidence import RecordedFile
from reconciler.model import Session

# What a recorder writes after a failover (agora-api.md 5.8); not a channel or folder that is called so.
_BACKUP = re.compile(r"(?:^|/)bak\d+_")


def with_files(session: Session, listed: Sequence[RecordedFile]) -> Session:
    """Add what was listed; its names tell of a failover, too (S6)."""
    failed_over = session.failed_over or any(_BACKUP.search(file.name) for file in listed)
    return replace(session, files=_merged(session.files, listed), failed_over=failed_over)


def _merged(known: Sequence[RecordedFile], listed: Sequence[RecordedFile]) -> tuple[RecordedFile, ...]:
    by_name = {file.name: file for file in known}
    for file in listed:
        by_name[file.name] = _completed(by_name.get(file.name, file), file)
    return tuple(by_name.values())


def _completed(known: RecordedFile, listed: RecordedFile) -> RecordedFile:
    """Keep what one list says and the other, such as a query's for mix, leaves out."""
    return RecordedFile(
        name=listed.name,
        uid=listed.uid or known.uid,
        track_type=listed.track_type or known.track_type,
        sliced_at=listed.sliced_at or known.sliced_at,
    )
