"""For any valid set: what is declared records, a second apply changes nothing, and the plan said what was done."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.simulator.options import Options
from tests.world.stage import STORAGE, Stage, assert_never_two, minutes, played

layouts = st.fixed_dictionaries(
    {"type": st.sampled_from(["floating", "bestFit", "vertical"])},
    optional={"backgroundColor": st.sampled_from(["#000000", "#a0b1c2"]), "maxResolutionUid": st.just("7")},
) | st.just(
    {
        "type": "custom",
        "regions": [{"x": 0, "y": 0, "width": 0.5, "height": 1}, {"x": 0.5, "y": 0, "width": 0.5, "height": 1}],
    }
)
subscriptions = st.fixed_dictionaries({"audio": st.sampled_from(["all", ["7", "8"]]), "video": st.just("all")})
captures = st.fixed_dictionaries(
    {},
    optional={
        "channelType": st.sampled_from(["communication", "live"]),
        "maxIdle": st.sampled_from(["10m", "1h"]),
        "videoQuality": st.sampled_from(["high", "low"]),
        "subscribe": subscriptions,
    },
)
shared: dict[str, Any] = {
    "controlFor": st.sampled_from(["24h", "30d"]),
    "priority": st.integers(-100, 100),
    "restart": st.sampled_from(["always", "onFailure", "never"]),
    "replace": st.sampled_from(["gap", "next"]),
    "suspend": st.booleans(),
    "region": st.sampled_from(["na", "eu"]),
}
mix = st.fixed_dictionaries(
    {},
    optional={
        **shared,
        "layout": layouts,
        "capture": captures,
        "files": st.sampled_from([{"formats": ["hls"]}, {"formats": ["hls", "mp4"]}]),
        "video": st.just({"width": 1280, "height": 720, "fps": 15, "bitrate": 1200}),
    },
)
individual = st.fixed_dictionaries({"mode": st.just("individual")}, optional={**shared, "capture": captures})
web = st.fixed_dictionaries(
    {
        "mode": st.just("web"),
        "web": st.fixed_dictionaries(
            {"url": st.sampled_from(["https://example.com/a", "https://example.com/b?key=hidden"])},
            optional={"paused": st.booleans(), "mobile": st.booleans(), "maxDuration": st.just("12h")},
        ),
        "video": st.just({"width": 1280, "height": 720}),
    },
    optional=shared,
)
sets = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True), mix | individual | web, min_size=1, max_size=5
)


def write(stage: Stage, specs: dict[str, Any]) -> None:
    documents = [
        {
            "apiVersion": "recordings.reconciler/v1",
            "kind": "Recording",
            "metadata": {"name": name},
            "spec": {**yaml.safe_load(STORAGE), **spec},
        }
        for name, spec in specs.items()
    ]
    stage.write(*(yaml.safe_dump(document) for document in documents))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(before=sets, after=sets)
def test_any_set_converges_and_then_rests(before: dict[str, Any], after: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder), Options(max_recorders=20))

        async def story() -> None:
            for specs in (before, after):
                write(stage, specs)
                planned = await stage.plan(prune=True)
                made = stage.calls()
                assert (await stage.apply(prune=True)).is_done
                assert stage.calls() - made == planned.plan.calls, "the plan says what is done"
                wanted = sorted(name for name, spec in specs.items() if not spec.get("suspend"))
                assert stage.live_channels() == wanted
                made = stage.calls()
                assert (await stage.plan(prune=True)).plan.converged
                assert (await stage.apply(prune=True)).is_done
                await minutes(3)
                assert (await stage.apply(prune=True)).is_done
                assert stage.calls() == made
            await asyncio.sleep(0)

        played(story)
        assert_never_two(stage)
