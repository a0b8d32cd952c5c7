"""Saves are heard of as people and machines make them: on a real disk, by a real watch, in real time."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from reconciler.manifests.secrets import Policy
from reconciler.sources.folder import CHECK, Folder
from reconciler.sources.watching import watch_files
from tests.manifests.texts import recording
from tests.sources.disk import link, make_folder, move, save, write
from tests.sources.hearing import Heard, listening


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("m").mkdir()
    Path("m/a.yaml").write_text(recording("a"))


def in_place() -> None:
    with Path("m/a.yaml").open("r+") as file:
        file.write(recording("b"))
        file.truncate()


def renamed_over() -> None:
    Path("m/.a.yaml.new").write_text(recording("b"))
    Path("m/.a.yaml.new").rename("m/a.yaml")


def as_vim_does() -> None:
    Path("m/a.yaml").rename("m/a.yaml~")
    Path("m/a.yaml").write_text(recording("b"))
    Path("m/a.yaml~").unlink()


def in_a_new_folder() -> None:
    Path("m/a.yaml").unlink()
    Path("m/some.new/folder").mkdir(parents=True)
    Path("m/some.new/folder/b.yaml").write_text(recording("b"))


def by_a_folder_moved_in() -> None:
    Path("other.folder").mkdir()
    Path("other.folder/b.yaml").write_text(recording("b"))
    Path("m/a.yaml").unlink()
    Path("other.folder").rename("m/other.folder")


def by_another_folder() -> None:
    Path("n").mkdir()
    Path("n/b.yaml").write_text(recording("b"))
    shutil.rmtree("m")
    Path("n").rename("m")


SAVES = (in_place, renamed_over, as_vim_does, in_a_new_folder, by_a_folder_moved_in, by_another_folder)


async def heard_of(change: Callable[[], object], *paths: str, then: Callable[[], object] | None = None) -> None:
    """Hold that a change from `a` to `b` is offered, long before the check would find it; then one more."""
    async with listening(Folder(paths, Policy())) as heard:
        assert await heard.names() == ["a"]
        await _quickly(heard, change, "b")
        if then is not None:
            await _quickly(heard, then, "c")


async def _quickly(heard: Heard, change: Callable[[], object], name: str) -> None:
    change()
    async with asyncio.timeout(CHECK / 2):
        while await heard.item_names() != [name]:
            pass


@pytest.mark.parametrize("change", SAVES, ids=lambda save: save.__name__)
async def test_every_way_to_save_is_heard_of(change: Callable[[], None]) -> None:
    await heard_of(change, "m")


@pytest.mark.parametrize("change", [in_place, renamed_over, as_vim_does], ids=lambda save: save.__name__)
async def test_a_file_that_is_named_is_heard_of_again_and_again(change: Callable[[], None]) -> None:
    await heard_of(change, "m/a.yaml", then=lambda: save("m/a.yaml", "c"))


async def test_a_folder_that_was_deleted_is_watched_when_it_is_back() -> None:
    async with listening(Folder(["m"], Policy())) as heard:
        await heard.offer()
        shutil.rmtree("m")
        assert await heard.words() == "m:1:1: there is no such file or folder"
        make_folder("m")
        await _quickly(heard, lambda: save("m/b.yaml", "b"), "b")
        await _quickly(heard, lambda: save("m/b.yaml", "c"), "c")


async def test_a_folder_that_is_not_there_at_the_start_is_watched_when_it_is() -> None:
    async with listening(Folder(["n"], Policy())) as heard:
        assert await heard.words() == "n:1:1: there is no such file or folder"
        make_folder("n")
        await _quickly(heard, lambda: save("n/b.yaml", "b"), "b")
        await _quickly(heard, lambda: save("n/b.yaml", "c"), "c")


async def test_a_mounted_config_map_is_heard_of_when_its_data_is_swapped() -> None:
    for number, name in (("1", "a"), ("2", "b"), ("3", "c")):
        make_folder(f"m/..{number}")
        save(f"m/..{number}/a.yaml", name)
    link("m/..data", "..1")
    link("m/a.yaml", "..data/a.yaml")
    await heard_of(lambda: link("m/..data", "..2"), "m", then=lambda: link("m/..data", "..3"))


async def test_a_link_to_a_folder_is_followed_to_where_it_leads_next() -> None:
    make_folder("2")
    save("2/a.yaml", "b")
    link("link", "m")
    await heard_of(lambda: link("link", "2"), "link", then=lambda: save("2/a.yaml", "c"))


async def test_a_file_saved_every_20_ms_keeps_nobody_waiting() -> None:
    """By rename, and really in time; what is decided meanwhile is told in test_folder."""
    async with listening(Folder(["m"], Policy())) as heard:
        await heard.offer()
        noise = asyncio.create_task(_save_often())
        await _quickly_with(heard, lambda: save("m/b.yaml", "b"))
        noise.cancel()
        await asyncio.gather(noise, return_exceptions=True)
        async with asyncio.timeout(CHECK / 2):
            while await heard.item_names() != ["a", "b", "h"]:
                pass


async def _quickly_with(heard: Heard, change: Callable[[], object]) -> None:
    change()
    async with asyncio.timeout(CHECK / 2):
        while "b" not in await heard.item_names():
            pass


async def _save_often() -> None:
    number = 0
    while True:
        write("changing", recording("h", f"priority: {number % 97}"))
        move("changing", "m/h.yaml")
        number += 1
        await asyncio.sleep(0.02)


async def test_a_database_in_the_folder_wakes_nobody() -> None:
    """Else a ledger that lies among the manifests would have them read at each of its writes."""
    with sqlite3.connect("m/ledger.db", isolation_level=None) as ledger:
        ledger.execute("pragma journal_mode = wal")
        ledger.execute("create table t (x)")
        async with aclosing(watch_files(["m"])) as changes:
            await anext(changes)  # it stands
            waiting = asyncio.ensure_future(anext(changes))
            for _ in range(40):
                ledger.execute("insert into t values (1)")
                await asyncio.sleep(0.01)
            assert not waiting.done()
            save("m/b.yaml", "b")
            async with asyncio.timeout(CHECK):
                await waiting
    ledger.close()


async def test_a_watch_ends_at_once_when_nobody_listens_any_more() -> None:
    loop = asyncio.get_running_loop()
    async with listening(Folder(["m"], Policy())) as heard:
        await heard.offer()
        began = loop.time()
    assert loop.time() - began < 2
    assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("watch")]
