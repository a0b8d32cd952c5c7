"""What was recorded, file by file, with the place of each as a URI. Pure.

The URI is the one that the vendor's own tools take: `s3://` (S3 and what is compatible with it), `oss://` (Alibaba),
`cos://` (Tencent), `gs://` (Google), `obs://` (Huawei), `bos://` (Baidu), each followed by bucket and file name, and
nothing is percent-encoded, as those tools expect. Azure is `az://container/file`: an https address would need the name
of the storage account, which is among the secrets.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from reconciler.evidence import RecordedFile
from reconciler.model import Ended, Key, Session
from reconciler.planning.status import sid_of
from reconciler.render.text import columns, joined, moment_or_none, span, to_the_second

_SCHEMES: Mapping[str, str] = {
    "s3": "s3",
    "s3compatible": "s3",
    "aliyun": "oss",
    "tencent": "cos",
    "azure": "az",
    "gcs": "gs",
    "huawei": "obs",
    "baidu": "bos",
}
_HEADER = ("NAME", "SESSION", "FROM", "LENGTH", "UID", "TRACK", "UPLOAD", "URI")


def as_json(sessions: Iterable[tuple[Key, Session]]) -> str:
    """Write the files of these sessions as a list (interface.md 2.1)."""
    return json.dumps(documents(sessions), indent=2, ensure_ascii=False) + "\n"


def documents(sessions: Iterable[tuple[Key, Session]]) -> list[dict[str, Any]]:
    """Make one document for each file, with the promised keys in the promised order."""
    return [_document(key, session, file) for key, session in sessions for file in session.files]


def table(sessions: Sequence[tuple[Key, Session]], *, width: int | None = None) -> str:
    """Write a table for people; nothing at all where there is no file."""
    rows = [_row(key, session, file) for key, session in sessions for file in session.files]
    return joined(columns([_HEADER, *rows], width=width)) if rows else ""


def uri(session: Session, file: RecordedFile) -> str | None:
    """Say where a file is, by the storage that its session was told; None if that is not known."""
    storage = session.applied.spec.get("storage")
    if not isinstance(storage, Mapping):
        return None
    scheme, bucket = _SCHEMES.get(str(storage.get("vendor"))), storage.get("bucket")
    return f"{scheme}://{bucket}/{file.name}" if scheme and bucket else None


def until(session: Session, file: RecordedFile) -> datetime | None:
    """Tell when a file ends: where the next of its kind begins, else with its session; None while it grows."""
    if file.sliced_at is None:
        return None
    later = [
        other.sliced_at
        for other in session.files
        if other.sliced_at and other.sliced_at > file.sliced_at and _kind(other) == _kind(file)
    ]
    ended_at = session.state.at if isinstance(session.state, Ended) else None
    return min(later) if later else ended_at


def _kind(file: RecordedFile) -> tuple[str, str | None, str | None]:
    return file.name.rpartition(".")[2], file.uid, file.track_type


def _uploading_status(session: Session) -> str | None:
    return session.state.uploading_status if isinstance(session.state, Ended) else None


def _document(key: Key, session: Session, file: RecordedFile) -> dict[str, Any]:
    return {
        "name": key.name,
        "session": session.number,
        "sid": sid_of(session) or None,
        "fileName": file.name,
        "uri": uri(session, file),
        "uid": file.uid,
        "trackType": file.track_type,
        "from": moment_or_none(file.sliced_at),
        "until": moment_or_none(until(session, file)),
        "uploadingStatus": _uploading_status(session),
    }


def _row(key: Key, session: Session, file: RecordedFile) -> Sequence[str]:
    ends = until(session, file)
    return (
        key.name,
        str(session.number),
        to_the_second(file.sliced_at) if file.sliced_at else "-",
        span(ends - file.sliced_at) if ends and file.sliced_at else "-",
        file.uid or "-",
        file.track_type or "-",
        _uploading_status(session) or "-",
        uri(session, file) or file.name,
    )
