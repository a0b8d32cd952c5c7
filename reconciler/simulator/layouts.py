"""The picture of a mix (§2.5): what a transcodingConfig or an updateLayout may say, and what then holds."""

import re
from collections.abc import Mapping
from typing import Any, Final

from reconciler.simulator.fields import Fields
from reconciler.simulator.refusal import refused

_COLOR: Final = re.compile(r"#[0-9A-Fa-f]{6}\Z")
_CUSTOM: Final = 3
_MAX_REGIONS: Final = 17
_MAX_AREA: Final = 1920 * 1080
_SUM_SLACK: Final = 1e-6
_LAYOUT_FIELDS: Final = (
    "mixedVideoLayout", "maxResolutionUid", "backgroundColor", "backgroundImage", "defaultUserBackgroundImage",
    "layoutConfig", "backgroundConfig",
)  # fmt: skip
_DEFAULTS: Final[Mapping[str, Any]] = {"mixedVideoLayout": 0, "backgroundColor": "#000000"}


def check_video(fields: Fields, *, all_four: bool) -> None:
    """Refuse by V12 and, where `all_four`, §11.9."""
    if all_four:
        fields.require("width", "height", "fps", "bitrate")
    fields.integer("width", 1, 1920)
    fields.integer("height", 1, 1920)
    # Any other fps becomes 15 without a word, so only its type counts.
    fields.integer("fps", 1, 1_000)
    fields.integer("bitrate", 1, 6500)
    if fields.values.get("width", 360) * fields.values.get("height", 640) > _MAX_AREA:
        raise fields.wrong("width")


def check_layout(fields: Fields) -> None:
    """Refuse by V13."""
    fields.choice("mixedVideoLayout", (0, 1, 2, _CUSTOM))
    fields.text("maxResolutionUid", "backgroundColor", "backgroundImage", "defaultUserBackgroundImage")
    if fields.has("backgroundColor") and not _COLOR.match(fields.values["backgroundColor"]):
        raise fields.wrong("backgroundColor")
    custom = fields.values.get("mixedVideoLayout", 0) == _CUSTOM
    regions = fields.objects("layoutConfig", _MAX_REGIONS)
    if custom and not regions:
        raise fields.wrong("layoutConfig")
    if fields.has("layoutConfig") and not custom:
        raise refused(f"{fields.call}: layoutConfig is for mixedVideoLayout 3 only!")
    for region in regions:
        _check_region(region)
    for background in fields.objects("backgroundConfig", _MAX_REGIONS):
        background.require("uid", "image_url")
        background.text("uid", "image_url")
        background.choice("render_mode", (0, 1))


def _check_region(region: Fields) -> None:
    region.require("x_axis", "y_axis", "width", "height")
    region.text("uid")
    for name in ("x_axis", "y_axis", "width", "height", "alpha"):
        region.fraction(name)
    region.choice("render_mode", (0, 1))
    for edge, size in (("x_axis", "width"), ("y_axis", "height")):
        if region.values[edge] + region.values[size] > 1 + _SUM_SLACK:
            raise region.wrong(size)


def layout_from(values: Mapping[str, Any]) -> dict[str, Any]:
    """Make the whole layout of these values: what they leave out is back at its default, never kept (EN-layout)."""
    layout = dict(_DEFAULTS) | {name: values[name] for name in _LAYOUT_FIELDS if name in values}
    if "layoutConfig" in layout:
        layout["layoutConfig"] = [{"alpha": 1, "render_mode": 0} | region for region in layout["layoutConfig"]]
    if "backgroundConfig" in layout:
        layout["backgroundConfig"] = [{"render_mode": 0} | picture for picture in layout["backgroundConfig"]]
    return layout
