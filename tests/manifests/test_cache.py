"""With what is kept of the readings before, the same sets and faults come out, and what is unchanged is the same."""

import gc
import random
import weakref
from pathlib import Path

import pytest

from reconciler.errors import Fault, ManifestError
from reconciler.manifests.accept import Declared, ManifestSet, Policy, accept_reading
from reconciler.manifests.cache import Cache
from reconciler.manifests.files import read_files
from tests.manifests.test_bad import cases
from tests.manifests.texts import API, profile, recording

GOOD = Path(__file__).parent / "good"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m").mkdir()


def outcome(cache: Cache | None, policy: Policy | None = None) -> ManifestSet | tuple[Fault, ...]:
    try:
        return accept_reading(read_files(["m"]), policy=policy or Policy(), allow_empty=True, cache=cache)
    except ManifestError as refused:
        return refused.faults


def accepted(cache: Cache) -> dict[str, Declared]:
    found = outcome(cache)
    assert isinstance(found, ManifestSet), found
    return {one.name: one for one in found.recordings}


def texts() -> list[str]:
    return [path.read_text() for path in sorted(GOOD.iterdir())] * 5 + [text for text, _, _ in cases()]


@pytest.mark.parametrize("seed", range(3))
def test_every_set_there_is_means_the_same_through_a_warm_cache(seed: int) -> None:
    chance = random.Random(seed)
    cache = Cache()
    order = texts() * 2
    chance.shuffle(order)
    assert len(order) > 500
    refused = 0
    for text in order:
        Path("m/f.yaml").write_text(text)
        expected = outcome(None)
        assert outcome(cache) == expected
        refused += isinstance(expected, tuple)
    assert 20 <= len(order) - refused < refused


def document(chance: random.Random) -> str:
    """Write something that fits together with the others, or does not."""
    name = chance.choice("abcdefgh")
    wrong = chance.random() < 0.08
    lines = [f"profiles: [{', '.join(chance.sample('pqr', chance.randint(1, 2)))}]"] if chance.random() < 0.6 else []
    match chance.randrange(10):
        case 0 | 1:
            below = ["profiles: [p]"] if chance.random() < 0.3 else []
            return profile(chance.choice("pqr"), *below, f"priority: {chance.randint(0, 3) if not wrong else 500}")
        case 2:
            who = f"{{env: I}}, customerSecret: {{env: {'RECONCILER_X' if wrong else 'S'}}}"
            spec = f"{{appId: {chance.choice('ab') * 32}, customerId: {who}}}"
            return f"{API}kind: App\nmetadata: {{name: {chance.choice('xy')}}}\nspec: {spec}\n"
        case _:
            lines += ["app: x"] if chance.random() < 0.2 else []
            lines += [f"channel: c\n  uid: {chance.randint(1, 40)}"] if chance.random() < 0.4 else []
            lines += ["chanel: c"] if wrong else []
            metadata = f", renamedFrom: {chance.choice('ijk')}" if chance.random() < 0.1 else ""
            return recording(name, *lines, metadata=metadata)


@pytest.mark.parametrize("seed", range(8))
def test_a_folder_that_is_edited_file_by_file_means_the_same_through_a_warm_cache(seed: int) -> None:
    chance = random.Random(seed)
    cache = Cache()
    kinds = set()
    for _ in range(150):
        file = Path("m") / f"{chance.choice('123456')}.yaml"
        if chance.random() < 0.3:
            file.unlink(missing_ok=True)
        else:
            file.write_text("---\n".join(document(chance) for _ in range(chance.choice((1, 1, 1, 2)))))
        expected = outcome(None)
        assert outcome(cache) == expected
        kinds.add(type(expected))
    assert kinds == {ManifestSet, tuple}


def write_three() -> None:
    Path("m/p.yaml").write_text(profile("p", "priority: 3"))
    Path("m/a.yaml").write_text(recording("a"))
    Path("m/b.yaml").write_text(recording("b", "profiles: [p]") + "---\n" + recording("c"))


def test_what_is_not_edited_is_the_very_same_recording() -> None:
    write_three()
    cache = Cache()
    before = accepted(cache)
    Path("m/a.yaml").write_text(recording("a", "priority: 1"))
    Path("m/d.yaml").write_text(recording("d"))
    after = accepted(cache)
    assert after["a"].spec.priority == 1
    assert after["b"] is before["b"]
    assert after["c"] is before["c"]


def test_an_edited_profile_makes_anew_what_stands_on_it_and_nothing_else() -> None:
    write_three()
    cache = Cache()
    before = accepted(cache)
    Path("m/p.yaml").write_text(profile("p", "priority: 4"))
    after = accepted(cache)
    assert after["b"].spec.priority == 4
    assert (after["a"] is before["a"], after["c"] is before["c"]) == (True, True)


def test_a_set_that_is_refused_in_between_makes_nothing_anew() -> None:
    write_three()
    cache = Cache()
    before = accepted(cache)
    for text in ("a: [", "", recording("a", "chanel: x")):
        Path("m/a.yaml").write_text(text)
        Path("m/p.yaml").unlink(missing_ok=True)
        assert isinstance(outcome(cache), tuple)
    write_three()
    after = accepted(cache)
    assert all(after[name] is before[name] for name in before)


def test_a_renamed_file_has_its_new_name_in_every_place() -> None:
    write_three()
    cache = Cache()
    accepted(cache)
    Path("m/a.yaml").rename("m/z.yaml")
    assert accepted(cache)["a"].place.file == "m/z.yaml"
    assert outcome(cache) == outcome(None)


def test_what_is_not_in_the_set_any_more_is_forgotten() -> None:
    write_three()
    cache = Cache()
    gone = weakref.ref(accepted(cache)["a"].spec)
    Path("m/a.yaml").unlink()
    outcome(cache)
    gc.collect()
    assert gone() is None


def test_what_one_refused_set_had_is_forgotten_with_the_next() -> None:
    cache = Cache()
    for number in range(20):
        Path("m/a.yaml").write_text(recording("a", f"channel: forgotten-{number}"))
        Path("m/b.yaml").write_text("a: [")
        outcome(cache)
    gc.collect()
    kept = {one.channel for one in gc.get_objects() if type(one).__name__ == "RecordingSpec"}
    assert "forgotten-19" in kept
    assert not kept & {f"forgotten-{number}" for number in range(19)}


def test_references_are_judged_anew_for_links_and_settings_may_have_changed() -> None:
    Path("secret").write_text("x")
    Path("m/key").write_text("x")
    storage = "{vendor: s3, region: us-east-1, bucket: b, accessKey: {file: key}, secretKey: {env: B}}"
    Path("m/a.yaml").write_text(recording("a", storage=storage))
    cache = Cache()
    accepted(cache)
    Path("m/key").unlink()
    Path("m/key").symlink_to("../secret")
    (fault,) = outcome(cache)  # type: ignore[misc]
    assert "is a link that leads out of the folder of secrets" in str(fault)
    Path("m/key").unlink()
    accepted(cache)
    (fault,) = outcome(cache, Policy(secrets_env="C"))  # type: ignore[misc]
    assert "names a variable that RECONCILER_SECRETS_ENV does not allow" in str(fault)


def test_the_same_file_named_twice_is_still_a_fault() -> None:
    write_three()
    with pytest.raises(ManifestError, match="declared twice"):
        accept_reading(read_files(["m", "m/a.yaml"]), policy=Policy(), cache=Cache())
