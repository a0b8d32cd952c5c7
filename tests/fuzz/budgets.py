"""How much is tried: a little and always the same within the suite, much and always something else as a proof.

`RECONCILER_FUZZ=proof` asks for the second.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from hypothesis import HealthCheck, Phase, settings

_PROFILE: Final = os.environ.get("RECONCILER_FUZZ", "ci")
_MORE: Final = {"ci": 1, "proof": 10}[_PROFILE]  # examples of a proof for each one in the suite
_MEMORY: Final = Path("/dev/shm")
_CHECKS: Final = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)

settings.register_profile("ci", derandomize=True, database=None, deadline=None, suppress_health_check=_CHECKS)
settings.register_profile("proof", deadline=None, suppress_health_check=_CHECKS, print_blob=True)


def budget(examples: int, *, steps: int = 50, explain: bool = False) -> settings:
    """Try so many examples within the suite, and ten times as many in a proof."""
    phases = [phase for phase in Phase if explain or phase is not Phase.explain]  # explaining runs many more
    profile = settings.get_profile(_PROFILE)
    return settings(profile, max_examples=examples * _MORE, stateful_step_count=steps, phases=phases)


def folder() -> "TemporaryDirectory[str]":
    """Make a folder for one example, in memory where there is one: no disk is on trial here."""
    return TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None)
