"""What the sources leave open about the service, as one frozen value; § numbers point into the notes on the API."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The knobs of a simulated service; each default is what is documented or likeliest. Times are seconds."""

    seed: int = 0
    """Same seed, same handles, uids and request ids."""

    # The gateway (§1.3, §1.4, §4.1)
    credentials: Mapping[str, str] | None = None
    """Customer id → secret. None: any well-formed Basic header is taken."""
    app_ids: frozenset[str] | None = None
    """App IDs the service is enabled for. None: every one."""
    suspended_app_ids: frozenset[str] = frozenset()
    """App IDs whose acquire says 400/405 `no_active_status`."""
    invalid_app: Literal["gateway", "service"] = "gateway"
    """Who refuses an App ID that is not enabled: `{"message"}` (C07) or code 400 `invalid_appid` at acquire (C08)."""
    query_method: Literal["GET", "POST", "both"] = "GET"
    """§1.1: the 2020 reference says POST."""
    rate: float = 10.0
    """Requests per second; 0: no limit."""
    burst: int = 10
    rate_window: Literal["bucket", "second", "sliding"] = "bucket"
    """How a second is counted: token bucket, calendar second, or any span of one second."""
    rate_scope: Literal["app", "account"] = "app"
    """§11.3."""
    max_recorders: int = 50
    """Live recorders per App ID before acquire says 406 (and start 502). §1.4 prints 50, 200, 300 and 1000."""

    # Bodies (§2, §11)
    echo_identity: bool = True
    """False: acquire and start answer with the ids only, as in 2020 (C01)."""
    uid_max: int = 2**32 - 1
    """§11.4: support says 2**31 - 1."""
    web_cname_max: int = 1024
    """§11.10: 128 in other editions."""
    capture_interval_min: int = 5
    """§11.10: 1 in other editions."""
    all_four: bool = True
    """§11.9: a transcodingConfig without width, height, fps or bitrate is refused."""
    foreign_fields: Literal["ignore", "refuse"] = "ignore"
    """V11: fields of another mode."""
    scene_enforced: bool = True
    """V18: web needs acquire.scene 1, and only web has it."""
    layout_elsewhere: Literal["code", "route"] = "code"
    """V20: updateLayout outside mix is 400/2, or has no route."""
    old_code_status: int = 400
    """§11.2: the HTTP status beside 8, 432, 433 and 1001."""

    # Starting (§5)
    resource_valid: float = 300.0
    already_started_sid: bool = False
    """§11.1: whether 201/7 carries the sid."""
    already_started_of_dead: bool = True
    """§5.2, §11.6: 201/7 is said of a recorder that has ended since, while the resourceId is young."""
    conflict_after_stop: float = 2.0
    """§11.6: how long 53 is still said after a recorder has ended in good order."""
    conflict_while_hidden: bool = True
    """Whether 53 is said while a failover is under way; afterwards the old uid is free."""
    status_after: tuple[float, float, float] = (0.5, 1.0, 2.0)
    """When status becomes 2, 3 and 4; the last is when the recorder joins."""
    web_ready: float = 5.0
    """§2.8: a web recording begins about 5 s after start."""
    first_slice: float = 15.0
    first_slice_individual: float = 60.0
    """§3.2: how long after the first media a query shows status 5 and a file."""

    # Who is in a channel (§5.4, §12)
    channels_occupied: bool = True
    """True: every channel nobody was told about holds one publishing user."""
    resident_uid: str = "12345"
    channel_mode: Literal[1, 2] = 1
    """What the user list says of a channel without a recorder: 1 communication, 2 live."""
    recorders_listed: bool = False
    """§12: whether recorders count among the users of a channel."""
    uid_clash_after: float = 3.0
    """C23: how long a recorder lasts that has the uid of a user."""

    # What dies soon after its 200 (§2.1, §2.6, C11)
    bad_tokens: frozenset[str] = frozenset()
    bad_access_keys: frozenset[str] = frozenset()
    bad_buckets: frozenset[str] = frozenset()
    bad_urls: frozenset[str] = frozenset()
    bad_video: frozenset[tuple[int, int]] = frozenset({(24, 800)})
    """Pairs of fps and bitrate with which a recording never runs."""
    storage_death_after: float = 5.0

    # Ending (§2.11, §3.3, §5.7)
    exit_seconds: float = 3.0
    """From leaving the channel to 404."""
    exiting_query: Literal["status", "404", "501"] = "status"
    """§11.5: what query says meanwhile: status 6 and 7, nothing any more, or code 501."""
    linger: float = 0.0
    """§11.5: how long query says status 8 or 20 before the first 404."""
    upload_seconds: float = 2.0
    """What a synchronous stop waits for; users measured about 15 (C41)."""
    stop_wait: float = 20.0
    stop_timeout_status: int = 206
    """§11.2: the HTTP status beside code 50."""
    uploading_status: Literal["uploaded", "backuped", "unknown"] = "uploaded"
    async_uploading_status: Literal["uploaded", "backuped", "unknown"] = "unknown"
    no_data_435: bool = True
    """False: a stop without data is 200 with an empty list (C37)."""
    snapshot_435: bool = False
    """C38: 435 is said although snapshots were taken."""
    progress_every: float = 0.0
    """§7.3, event 33: how often a recorder tells that it uploads, really every minute. 0: never."""
    web_files: bool = True
    """False: the file list of a web query stays empty (C25)."""
    not_found: Literal["short", "identity", "long"] = "identity"
    """§3.4: shapes 2, 3 and 6 of a 404."""
    invalid_operation: Literal["short", "long"] = "long"
    """§3.4: shapes 2 and 5 of code 49."""
    expired_status: int = 400
    expired_code: int = 433
    """§11.2: what goes with `resourceId exceeded time limit!`."""
    max_failovers: int = 3
