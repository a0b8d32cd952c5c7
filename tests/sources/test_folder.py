"""What a folder offers, on virtual time: what counts, what is trouble, and that saving never starves anybody (S17)."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from reconciler.manifests.secrets import Policy
from reconciler.sources.folder import CHECK, QUIET, Folder
from reconciler.sources.source import Offer, Trouble
from tests.manifests.texts import profile, recording
from tests.sources.disk import link, make_folder, move, remove, save, write
from tests.sources.hearing import Heard, listening, names_of
from tests.virtual_time import run_virtual

Made = TypeVar("Made")
DEAF = QUIET * 200  # nothing is said so long


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m").mkdir()


async def inline(work: Callable[[], Made]) -> Made:
    return work()


class Bell:
    """A watch that says so when it is told to."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        self._rung.set()

    async def watch(self, _paths: Sequence[str]) -> AsyncGenerator[None, None]:
        while True:
            await self._rung.wait()
            self._rung.clear()
            yield


def play(story: Callable[[Heard, Bell], Awaitable[None]], *paths: str, policy: Policy | None = None) -> None:
    """Tell a story with a source of these paths, on virtual time."""

    async def told() -> None:
        bell = Bell()
        source = Folder(paths or ("m",), policy or Policy(), watch=bell.watch, aside=inline)
        async with listening(source) as heard:
            await story(heard, bell)

    run_virtual(told())


async def says_nothing(heard: Heard, seconds: float = DEAF) -> None:
    """Hold that there is nothing to say for so long. The source is of no use afterwards."""
    assert await all_of(heard, seconds) == []


async def all_of(heard: Heard, seconds: float) -> list[list[str] | str]:
    """Collect what is said in so many seconds. The source is of no use afterwards."""
    found: list[list[str] | str] = []
    try:
        async with asyncio.timeout(seconds):
            while True:
                item = await heard.item()
                found.append(names_of(item.manifests) if isinstance(item, Offer) else item.words)
    except TimeoutError:
        return found


def elapsed() -> float:
    return asyncio.get_running_loop().time()


def test_the_set_is_offered_at_once_under_its_own_revision() -> None:
    save("m/a.yaml", "a")

    async def story(heard: Heard, _: Bell) -> None:
        offer = await heard.offer()
        assert names_of(offer.manifests) == ["a"]
        assert offer.revision == offer.manifests.revision
        assert elapsed() == pytest.approx(QUIET)

    play(story)


def test_a_source_is_called_by_its_paths() -> None:
    assert Folder(["m", "more/x.yaml"], Policy()).name == "m, more/x.yaml"


def test_a_save_is_offered_when_it_has_rested() -> None:
    save("m/a.yaml", "a")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        await asyncio.sleep(5)
        began = elapsed()
        save("m/b.yaml", "b")
        bell.ring()
        assert await heard.names() == ["a", "b"]
        assert elapsed() - began == pytest.approx(2 * QUIET)

    play(story)


def test_half_a_file_does_not_count() -> None:
    save("m/a.yaml", "a", "b")
    whole = Path("m/a.yaml").read_text()

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        writing = asyncio.ensure_future(slowly(bell))
        assert await all_of(heard, 10) == [["a", "b", "c"]]
        await writing

    async def slowly(bell: Bell) -> None:
        text = whole + "---\n" + recording("c")
        for share in (0.1, 0.4, 0.5, 0.8, 1.0):  # among them valid ones, with fewer recordings
            write("m/a.yaml", text[: int(len(text) * share)])
            bell.ring()
            await asyncio.sleep(QUIET * 0.9)

    play(story)


def test_a_file_that_stays_half_is_trouble_until_it_is_whole() -> None:
    save("m/a.yaml", "a")
    text = Path("m/a.yaml").read_text()

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        write("m/a.yaml", text[:-15])
        bell.ring()
        assert "m/a.yaml:6:1: this is not YAML" in await heard.words()
        write("m/a.yaml", "")
        bell.ring()
        assert await heard.words() == "m/a.yaml:1:1: there is no manifest in here"
        write("m/a.yaml", text)
        bell.ring()
        assert await heard.names() == ["a"]

    play(story)


def test_an_emptied_folder_is_an_empty_offer() -> None:
    save("m/a.yaml", "a")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        remove("m/a.yaml")
        bell.ring()
        assert await heard.names() == []

    play(story)


def _deleted() -> None:
    shutil.rmtree("m")


def _dangling() -> None:
    shutil.rmtree("m")
    link("m", "unmounted")


def _file() -> None:
    shutil.rmtree("m")
    write("m", "not a folder of manifests")


def _unreadable() -> None:
    Path("m").chmod(0)


GONE: dict[str, tuple[Callable[[], None], str]] = {
    "deleted mount": (_deleted, "m:1:1: there is no such file or folder"),
    "dangling link": (_dangling, "m:1:1: a dangling link: what it points to does not exist"),
    "file in its place": (_file, "m:1:1: a manifest is a mapping with apiVersion"),
    "without permission": (_unreadable, "m:1:1: permission to read it is denied"),
}


NOBODY = 65534


@pytest.fixture(params=GONE)
def gone(request: pytest.FixtureRequest) -> Iterator[tuple[Callable[[], None], str]]:
    root = os.geteuid() == 0
    if root:  # who reads everything: the test is played by nobody
        for path in (Path(), *Path().rglob("*")):
            os.chown(path, NOBODY, -1)
        os.seteuid(NOBODY)
    try:
        yield GONE[request.param]
    finally:
        if root:
            os.seteuid(0)
        if Path("m").is_dir():
            Path("m").chmod(0o700)


def test_a_folder_that_cannot_be_read_is_trouble_and_never_empty(gone: tuple[Callable[[], None], str]) -> None:
    remove, words = gone
    save("m/a.yaml", "a")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        remove()
        bell.ring()
        assert (await heard.words()).startswith(words)
        make_folder("m")
        save("m/a.yaml", "a")
        bell.ring()
        assert await heard.names() == ["a"]

    play(story)


def test_a_folder_below_that_cannot_be_read_is_trouble() -> None:
    save("m/a.yaml", "a")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        link("m/sub", "unmounted")
        bell.ring()
        assert await heard.words() == "m/sub:1:1: a dangling link: what it points to does not exist"

    play(story)


def test_one_missing_path_of_several_is_trouble() -> None:
    save("m/a.yaml", "a")

    async def story(heard: Heard, bell: Bell) -> None:
        assert await heard.words() == "n:1:1: there is no such file or folder"
        make_folder("n")
        bell.ring()
        assert await heard.names() == ["a"]

    play(story, "m", "n")


def test_a_folder_that_is_away_for_a_moment_was_never_away() -> None:
    save("m/a.yaml", "a")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        move("m", "n")
        bell.ring()
        asyncio.get_running_loop().call_later(QUIET / 2, move, "n", "m")
        await says_nothing(heard)

    play(story)


def test_every_fault_is_said_but_at_most_a_hundred() -> None:
    write("m/a.yaml", recording("a", "chanel: x") + "---\n" + recording("b", "priority: x"))

    async def story(heard: Heard, bell: Bell) -> None:
        assert [line.split(": ")[0] for line in (await heard.words()).splitlines()] == [
            "m/a.yaml:6:3",
            "m/a.yaml:13:13",
        ]
        write("m/a.yaml", "---\n".join(recording(f"a{n}", "chanel: x") for n in range(150)))
        bell.ring()
        lines = (await heard.words()).splitlines()
        assert (len(lines), lines[-1]) == (101, "and 50 more")

    play(story)


def test_the_same_trouble_is_said_once() -> None:
    write("m/a.yaml", "a: [")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.words()
        write("m/a.yaml", "b: [")
        bell.ring()
        await says_nothing(heard, 3 * CHECK)

    play(story)


def test_what_is_offered_already_is_not_offered_again_but_after_a_trouble() -> None:
    save("m/a.yaml", "a")

    async def story(heard: Heard, bell: Bell) -> None:
        first = await heard.offer()
        save("m/b.yaml", "a")
        bell.ring()
        assert "declared twice" in await heard.words()
        remove("m/b.yaml")
        bell.ring()
        again = await heard.offer()
        assert again.manifests.recordings[0] is first.manifests.recordings[0]
        os.utime("m/a.yaml")
        save("m/a.yaml", "a")
        bell.ring()
        await says_nothing(heard, 3 * CHECK)

    play(story)


def test_a_change_that_nobody_told_of_is_found_by_the_check() -> None:
    for number in ("1", "2"):
        Path(f"m/..{number}").mkdir()
        write(f"m/..{number}/a.yaml", recording(f"a{number}"))
    link("m/..data", "..1")
    link("m/a.yaml", "..data/a.yaml")

    async def story(heard: Heard, _: Bell) -> None:
        assert await heard.names() == ["a1"]
        link("m/..data", "..2")
        assert await heard.names() == ["a2"]
        assert CHECK <= elapsed() <= CHECK + 1

    play(story)


def test_a_trouble_that_lies_behind_a_reference_is_looked_at_again() -> None:
    write("secret", "x")
    link("m/key", "../secret")
    storage = "{vendor: s3, region: us-east-1, bucket: b, accessKey: {file: key}, secretKey: {env: B}}"
    write("m/a.yaml", recording("a", storage=storage))

    async def story(heard: Heard, _: Bell) -> None:
        assert "leads out of the folder of secrets" in await heard.words()
        remove("m/key")
        write("m/key", "x")
        assert await heard.names() == ["a"]

    play(story)


async def hammer(bell: Bell, seconds: float, name: str = "h.yaml", *, changing: bool = True) -> None:
    """Save one file every 20 ms."""
    for number in range(int(seconds / 0.02)):
        write("saved", recording("h", f"priority: {number % 97 if changing else 0}"))
        move("saved", f"m/{name}")
        bell.ring()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", ["h.txt", ".h.yaml.swp", "_h.yaml"])
def test_files_that_do_not_count_may_be_saved_all_the_time(name: str) -> None:
    save("m/a.yaml", "a")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        noise = asyncio.ensure_future(hammer(bell, 10, name))
        await asyncio.sleep(1)
        began = elapsed()
        save("m/b.yaml", "b")
        assert await heard.names() == ["a", "b"]
        assert elapsed() - began < 4 * QUIET
        await noise

    play(story)


def test_a_file_saved_again_and_again_as_it_is_does_not_matter() -> None:
    save("m/a.yaml", "a")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        noise = asyncio.ensure_future(hammer(bell, 5, changing=False))
        assert await all_of(heard, 4) == [["a", "h"]]
        await noise

    play(story)


def test_a_file_that_keeps_changing_counts_as_it_last_rested_and_the_others_as_they_are() -> None:
    save("m/a.yaml", "a")
    write("m/h.yaml", recording("h", "priority: -1"))

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        write("m/h.yaml", recording("h", "priority: -2"))
        bell.ring()
        await heard.offer()
        noise = asyncio.ensure_future(hammer(bell, 10))
        await asyncio.sleep(1)
        save("m/b.yaml", "b")
        offer = await heard.offer()
        assert names_of(offer.manifests) == ["a", "b", "h"]
        assert offer.manifests.recordings[2].spec.priority == -2
        assert elapsed() < 6
        rest = asyncio.ensure_future(heard.offer())
        await noise
        ended = elapsed()
        last = await rest
        assert (names_of(last.manifests), last.manifests.recordings[2].spec.priority) == (["a", "b", "h"], 499 % 97)
        assert elapsed() - ended <= 3 * QUIET

    play(story)


def test_nothing_is_taken_away_while_files_keep_changing() -> None:
    """It may be on its way from the file it is gone from to the one that is being written."""
    save("m/a.yaml", "a", "moving")
    save("m/h.yaml", "h")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        noise = asyncio.ensure_future(hammer(bell, 10))
        await asyncio.sleep(1)
        save("m/a.yaml", "a")
        assert await heard.words() == (
            "m/h.yaml:1:1: keeps changing: the set is taken when all of it has rested for 0.1 s"
        )
        assert elapsed() < 6
        noise.add_done_callback(lambda _: save("m/h.yaml", "h", "moving"))
        assert await all_of(heard, 30) == [["a", "h", "moving"]]

    play(story)


def test_that_nothing_rests_is_said_once_whichever_file_it_is() -> None:
    save("m/a.yaml", "a", "gone")
    save("m/h.yaml", "h")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        save("m/a.yaml", "a")
        noise = asyncio.ensure_future(hammer_in_turn(bell))
        words, names = await all_of(heard, 30)
        assert "keeps changing" in words
        assert names == ["a", "h"]
        await noise

    async def hammer_in_turn(bell: Bell) -> None:
        for number in range(3):
            await hammer(bell, 3, f"h{number}.yaml")
            remove(f"m/h{number}.yaml")
        bell.ring()

    play(story)


def test_a_mended_fault_is_taken_back_also_while_files_keep_changing() -> None:
    save("m/a.yaml", "a")
    save("m/h.yaml", "h")

    async def story(heard: Heard, bell: Bell) -> None:
        before = await heard.offer()
        write("m/a.yaml", "a: [")
        bell.ring()
        assert "this is not YAML" in await heard.words()
        noise = asyncio.ensure_future(hammer(bell, 10))
        save("m/a.yaml", "a")
        assert (await heard.offer()).manifests == before.manifests
        assert not noise.done()
        noise.cancel()

    play(story)


def test_what_cannot_be_read_is_not_passed_over_while_files_keep_changing() -> None:
    save("m/a.yaml", "a")
    save("m/h.yaml", "h")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        noise = asyncio.ensure_future(hammer(bell, 6))
        save("m/b.yaml", "b")
        link("m/c.yaml", "nowhere")
        assert "m/h.yaml:1:1: keeps changing" in await heard.words()
        assert not noise.done()
        assert await heard.words() == "m/c.yaml:1:1: a dangling link: what it points to does not exist"

    play(story)


def test_a_change_that_is_told_of_while_the_set_is_looked_at_is_not_missed() -> None:
    save("m/a.yaml", "a")

    async def told() -> None:
        bell = Bell()
        looks = []

        async def meddling(work: Callable[[], Made]) -> Made:
            made = work()
            looks.append(1)
            if len(looks) == 3:  # twice read, and judged
                save("m/b.yaml", "b")
                bell.ring()
                await asyncio.sleep(0.01)
            return made

        async with listening(Folder(["m"], Policy(), watch=bell.watch, aside=meddling)) as heard:
            assert await heard.names() == ["a"]
            assert await heard.names() == ["a", "b"]
            assert elapsed() < 1

    run_virtual(told())


def test_faults_that_only_rest_would_mend_are_not_said() -> None:
    save("m/a.yaml", "a")
    write("m/h.yaml", recording("h"))

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        noise = asyncio.ensure_future(hammer(bell, 6))
        write("m/b.yaml", recording("b", "profiles: [p]"))
        assert "m/h.yaml:1:1: keeps changing" in await heard.words()
        noise.add_done_callback(lambda _: write("m/h.yaml", recording("h") + "---\n" + profile("p", "priority: 1")))
        assert await heard.names() == ["a", "b", "h"]

    play(story)


def test_a_set_that_does_not_rest_at_the_start_is_trouble_until_it_does() -> None:
    save("m/a.yaml", "a")

    async def story(heard: Heard, bell: Bell) -> None:
        noise = asyncio.ensure_future(hammer(bell, 10))
        found = await all_of(heard, 30)
        assert [one if isinstance(one, list) else one.split(": ")[1] for one in found] == ["keeps changing", ["a", "h"]]
        await noise

    play(story)


def test_a_change_that_is_taken_back_at_once_was_none() -> None:
    save("m/a.yaml", "a")

    async def story(heard: Heard, bell: Bell) -> None:
        await heard.offer()
        save("m/b.yaml", "b")
        bell.ring()
        asyncio.get_running_loop().call_later(QUIET / 2, remove, "m/b.yaml")
        await says_nothing(heard)

    play(story)


def test_a_watch_that_fails_is_not_kept_quiet() -> None:
    save("m/a.yaml", "a")

    async def broken(_paths: Sequence[str]) -> AsyncGenerator[None, None]:
        raise LookupError("a bug")
        yield

    async def told() -> None:
        async with listening(Folder(["m"], Policy(), watch=broken, aside=inline)) as heard:
            await heard.offer()
            with pytest.raises(LookupError):
                await heard.item()

    run_virtual(told())


def test_troubles_are_equal_by_their_words() -> None:
    assert Trouble("x", "1") == Trouble("x", "1")
    assert Trouble("x", "1") != Trouble("x", "2")
