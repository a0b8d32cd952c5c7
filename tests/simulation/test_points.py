"""Some points of each scene within the suite; `python -m tests.simulation.points` dies at every one."""

import pytest

from tests.simulation.life import live
from tests.simulation.points import ALIKE, FIRST, SCENES, VARIANTS, Coverage, Scene, die, points_of

STRIDE = 45  # of the points of a scene, one in so many


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_whoever_dies_anywhere_breaks_no_promise(scene: Scene, variant: str) -> None:
    found = Coverage()
    first = 1 + (SCENES.index(scene) * 7 + list(VARIANTS).index(variant) * 11) % STRIDE
    for who, count in points_of(scene, variant).items():
        assert count >= 4
        for point in range(min(first, count), count + 1, STRIDE):
            found.add(die(scene, variant, who, point))
    assert not found.wrong, "\n".join(found.wrong)
    assert found.hit == found.points > 0


@pytest.mark.parametrize(
    ("name", "point", "repeated"),
    [("edits, kept by a daemon", 40, False), ("edits, kept by a daemon", 16, True), ("foretold", 20, False)],
)
def test_what_is_lived_once_for_several_variants_is_the_same_in_each(name: str, point: int, *, repeated: bool) -> None:
    scene = next(one for one in SCENES if one.name == name)
    lives = {variant: live(0, scene.case(VARIANTS[variant], ("daemon", point))) for variant in (FIRST, *sorted(ALIKE))}

    assert {told.repeated for told in lives.values()} == {repeated}
    assert (len({told.digest for told in lives.values()}) == 1) is not repeated
