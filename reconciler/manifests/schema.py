"""What a manifest may say, field by field; rules between fields are in `checks`.

Built from a manifest's own words: `RecordingSpec.model_validate({"channel": "standup", "storage": {…}})`. Defaults are
filled in; `None` means "not said" where leaving a field out says something else than any value of it.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    JsonValue,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
)

from reconciler.manifests.schedule import Schedule
from reconciler.manifests.storage import Storage
from reconciler.manifests.values import (
    DAY,
    HOUR,
    MINUTE,
    SECOND,
    AudioProfile,
    ChannelType,
    Duration,
    EncryptionMode,
    EnvRef,
    FileRef,
    Fit,
    LayoutType,
    Name,
    Part,
    RecorderUids,
    SecretRef,
    ServiceRegion,
    Streams,
    Subscribed,
    Text,
    TextOrRef,
    UserUid,
    UserUids,
    VideoQuality,
    refuse,
    within,
)

API_VERSION: Final = "recordings.reconciler/v1"


class MintedToken(Part):
    """A token is made for exactly this channel and uid at each start."""

    certificate: SecretRef
    ttl: Annotated[Duration, within(MINUTE, 30 * DAY, "s")] = DAY


def _is_minted(value: object) -> str:
    return "<minted>" if isinstance(value, MintedToken | Mapping) else "<given>"


def _reference_to_list(value: object) -> object:
    alone = isinstance(value, EnvRef | FileRef | str) or (
        isinstance(value, Mapping) and not {"certificate", "ttl"} & {*value}
    )
    return [value] if alone else value


# One given token counts for one uid; several stand in the order of the uids.
Token = Annotated[
    Annotated[MintedToken, Tag("<minted>")]
    | Annotated[tuple[SecretRef, ...], Field(min_length=1, max_length=4), Tag("<given>")],
    Discriminator(_is_minted),
    BeforeValidator(_reference_to_list, json_schema_input_type=MintedToken | SecretRef | list[SecretRef]),
]


class Encryption(Part):
    mode: EncryptionMode
    secret: SecretRef
    salt: SecretRef | None = None


class Subscribe(Part):
    """Whom to record; `all` is everybody but the exceptions."""

    audio: Subscribed = "all"
    video: Subscribed = "all"
    except_audio: UserUids | None = None
    except_video: UserUids | None = None


class Capture(Part):
    channel_type: ChannelType = "communication"
    streams: Streams = "both"
    max_idle: Annotated[Duration, within(5 * SECOND, 30 * DAY, "s")] = 5 * MINUTE
    audio_profile: AudioProfile = 0
    video_quality: VideoQuality = "high"
    stream_mode: Literal["default", "standard", "original"] = "default"
    encryption: Encryption | None = None
    subscribe: Subscribe | None = None
    expected_users: Annotated[StrictInt, Field(ge=1, le=49)] | None = None


class Video(Part):
    width: Annotated[StrictInt, Field(ge=1, le=1920)] | None = None
    height: Annotated[StrictInt, Field(ge=1, le=1920)] | None = None
    fps: Annotated[StrictInt, Field(ge=1, le=60)] | None = None
    bitrate: Annotated[StrictInt, Field(ge=1, le=8000)] | None = None


# The service takes six decimals; a third written with more must still add up.
Share = Annotated[StrictFloat, Field(ge=0, le=1), AfterValidator(lambda value: round(value, 6))]
ImageUrl = Annotated[StrictStr, Field(pattern=r"^https?://[^\s/]+(/\S*)?$", max_length=2048)]


class Region(Part):
    """A rectangle of the canvas in shares of its width and height, from the top left."""

    uid: UserUid | None = None
    x: Share
    y: Share
    width: Share
    height: Share
    alpha: Share = 1.0
    fit: Fit = "crop"


class Background(Part):
    uid: UserUid
    image_url: ImageUrl
    fit: Fit = "crop"


class Layout(Part):
    type: LayoutType = "floating"
    background_color: Annotated[StrictStr, Field(pattern=r"^#[0-9a-fA-F]{6}$")] = "#000000"
    background_image: ImageUrl | None = None
    default_user_background_image: ImageUrl | None = None
    max_resolution_uid: UserUid | None = None
    regions: Annotated[tuple[Region, ...], Field(max_length=17)] = ()
    backgrounds: tuple[Background, ...] = ()


def _hls_first(value: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(value)) != len(value):
        raise refuse("names the same format twice")
    return tuple(sorted(value))


class Files(Part):
    """An empty list of formats is for snapshots alone."""

    formats: Annotated[tuple[Literal["hls", "mp4"], ...], AfterValidator(_hls_first)] = ("hls",)


class Snapshots(Part):
    every: Annotated[Duration, within(5 * SECOND, HOUR, "s")] = 10 * SECOND


class Web(Part):
    url: TextOrRef
    audio_profile: AudioProfile = 0
    # Where a manifest says `controlFor` and not this, it is that.
    max_duration: Annotated[Duration, within(HOUR, 30 * DAY, "h")] = 30 * DAY
    mobile: StrictBool = False
    segment: Annotated[Duration, within(30 * MINUTE, 4 * HOUR, "m")] = 2 * HOUR
    paused: StrictBool = False
    ready_timeout: Annotated[Duration, within(0 * SECOND, MINUTE, "s")] = 0 * SECOND
    publish: SecretRef | None = None


Replace = Literal["next", "overlap", "gap"]


class Overrides(Part):
    """Merge patches (RFC 7386) over the bodies that go out; a null in them takes the service's field away."""

    acquire: dict[str, JsonValue] = Field(default_factory=dict)
    start: dict[str, JsonValue] = Field(default_factory=dict)


def _default_replace(said: dict[str, Any]) -> Replace:
    """Choose by what ends the sessions anyway, then by whether a second slot is free."""
    if said["schedule"] is not None or said["when"] == "occupied":
        return "next"
    return (
        "overlap"
        if second_slot_free(said["uid"], said["token"], said["copies"]) and not publishes(said["web"])
        else "gap"
    )


def second_slot_free(uid: tuple[int, ...] | None, token: MintedToken | tuple[Any, ...] | None, copies: int) -> bool:
    """Say whether every copy has a second uid to start under before the first is stopped."""
    wanted = 2 * copies
    return (uid is None or len(uid) == wanted) and (not isinstance(token, tuple) or len(token) == wanted)


def publishes(web: Web | None) -> bool:
    """Say whether a page is also sent to a CDN, which takes one sender only."""
    return web is not None and web.publish is not None


class RecordingSpec(Part):
    """One recording. Fields of other modes stay at their defaults; `replace` is filled in from the others."""

    channel: Text
    mode: Literal["mix", "individual", "web"] = "mix"
    uid: RecorderUids | None = None
    profiles: tuple[Name, ...] = ()
    app: Name = "default"
    token: Token | None = None
    region: ServiceRegion | None = None
    control_for: Annotated[Duration, within(HOUR, 30 * DAY, "h")] = 30 * DAY
    capture: Capture = Capture()
    video: Video | None = None
    layout: Layout | None = None
    files: Files = Files()
    snapshots: Snapshots | None = None
    web: Web | None = None
    storage: Storage
    schedule: Schedule | None = None
    when: Literal["always", "occupied"] = "always"
    restart: Literal["always", "onFailure", "never"] = "always"
    copies: Annotated[Literal[1, 2], BeforeValidator(lambda value: None if isinstance(value, bool) else value)] = 1
    replace: Replace = Field(default_factory=_default_replace)
    priority: Annotated[StrictInt, Field(ge=-100, le=100)] = 0
    suspend: StrictBool = False
    on_removal: Literal["stop", "leave"] = "stop"
    overrides: Overrides = Overrides()


def _addresses(value: object) -> object:
    """Take one address, several with commas between them, or a list; the slash at the end means nothing."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple):
        return parts
    return [part.strip().removesuffix("/") if isinstance(part, str) else part for part in parts]


class AppSpec(Part):
    """An account with an App ID; `None` means that the settings decide."""

    app_id: Annotated[StrictStr, Field(pattern=r"^[0-9a-fA-F]{32}$")]
    customer_id: SecretRef
    customer_secret: SecretRef
    # In the order in which hosts are tried.
    api_url: (
        Annotated[
            tuple[Text, ...],
            Field(min_length=1),
            BeforeValidator(_addresses, json_schema_input_type=str | list[str]),
        ]
        | None
    ) = None
    qps: Annotated[float, Field(gt=0, le=10_000, strict=True)] | None = None
    max_recorders: Annotated[StrictInt, Field(ge=1)] | None = None


class Metadata(Part):
    name: Name
    labels: dict[StrictStr, StrictStr] = Field(default_factory=dict)
    renamed_from: Name | None = None
    annotations: dict[StrictStr, StrictStr] = Field(default_factory=dict)
