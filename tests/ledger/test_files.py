"""The ledger's files: who may read them, which are refused untouched, and what damage does."""

# ruff: noqa: ASYNC240  # files are what is tested

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from reconciler.errors import LedgerError
from reconciler.ledger import Ledger, WriterThread, default_path, open_ledger
from reconciler.ledger.files import locate
from reconciler.ledger.migrations import MIGRATIONS
from reconciler.model import Key
from tests.ledger.pages import ENDED, STANDUP, event, now, page, session


async def opened(path: Path | str, *, create: bool = True) -> Ledger:
    return await open_ledger(path, service="agora", now=now, create=create)


def bytes_beside(path: Path) -> dict[str, bytes]:
    """Read the whole folder. Only while no ledger in it is open: closing a file drops SQLite's locks on it."""
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}


# -- places


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"HOME": "/home/ann"}, "/home/ann/.local/state/reconciler/ledger.db"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "/state"}, "/state/reconciler/ledger.db"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": ""}, "/home/ann/.local/state/reconciler/ledger.db"),
        ({"HOME": "/home/ann", "XDG_STATE_HOME": "relative"}, "/home/ann/.local/state/reconciler/ledger.db"),
    ],
)
def test_the_default_place_follows_the_state_folder(environ: dict[str, str], expected: str) -> None:
    assert default_path(environ) == Path(expected)


def test_a_place_is_a_path_or_a_url(tmp_path: Path) -> None:
    assert locate("sqlite:////var/lib/ledger.db") == Path("/var/lib/ledger.db")
    assert locate("sqlite:///ledger.db") == Path.cwd() / "ledger.db"
    assert locate("state/ledger.db") == Path.cwd() / "state/ledger.db"
    assert locate(tmp_path / "a b?#%41.db") == tmp_path / "a b?#%41.db"


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("", "no path"),
        (" ", "no path"),
        ("sqlite:///", "no path"),
        (":memory:", "no path"),
        ("a\0b", "no path"),
        ("sqlite://ledger.db", "four slashes"),
        ("mysql://host/ledger", "mysql:// is no ledger"),
        ("postgresql://host/ledger", "not supported yet"),
    ],
)
async def test_a_place_that_is_none_is_refused(place: str, words: str) -> None:
    with pytest.raises(LedgerError, match=words):
        await opened(place)


async def test_odd_names_are_only_names(tmp_path: Path) -> None:
    path = tmp_path / "100% ünlikely?mode=memory#.db"
    await (await opened(path)).close()
    await (await opened(path, create=False)).close()
    assert path.stat().st_size > 0


# -- refusals


def text(path: Path) -> None:
    path.write_text("dear diary\n" * 1000)


def zeros(path: Path) -> None:
    path.write_bytes(bytes(8192))


def short(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0")


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE entries (mine)")
    connection.close()


def foreign_with_a_log(path: Path) -> None:
    """Leave another program's database as a crash leaves it: with writes that are in its log only."""
    original = path.with_suffix(".original")
    connection = sqlite3.connect(original)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE mine (x)")
    connection.execute("PRAGMA wal_checkpoint")
    connection.execute("INSERT INTO mine VALUES (1)")
    connection.commit()
    shutil.copy(original, path)
    shutil.copy(f"{original}-wal", f"{path}-wal")
    connection.close()


def foreign_and_empty(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


@pytest.mark.parametrize("make", [text, zeros, short, foreign, foreign_with_a_log, foreign_and_empty])
async def test_what_is_no_ledger_is_refused_and_not_touched(tmp_path: Path, make: Callable[[Path], None]) -> None:
    path = tmp_path / "ledger.db"
    make(path)
    before = bytes_beside(path)
    modes = path.stat().st_mode
    with pytest.raises(LedgerError, match=f"{path} is no ledger"):
        await opened(path)
    assert bytes_beside(path) == before
    assert path.stat().st_mode == modes


async def test_a_newer_ledger_is_refused_and_not_touched(path: Path) -> None:
    await (await opened(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    connection.close()
    before = bytes_beside(path)
    with pytest.raises(LedgerError, match="newer reconciler"):
        await opened(path)
    assert bytes_beside(path) == before


async def test_a_newer_version_that_is_only_in_the_log_is_seen_too(path: Path, tmp_path: Path) -> None:
    await (await opened(path)).close()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    copy = tmp_path / "copy.db"
    shutil.copy(path, copy)
    shutil.copy(f"{path}-wal", f"{copy}-wal")
    connection.close()
    with pytest.raises(LedgerError, match="newer reconciler"):
        await opened(copy)


async def test_folders_and_devices_are_refused(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="is a folder"):
        await opened(tmp_path)
    with pytest.raises(LedgerError, match="is no file"):
        await opened("/dev/null")
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="Not a directory"):
        await opened(tmp_path / "file" / "ledger.db")
    with pytest.raises(LedgerError, match="File name too long"):
        await opened(tmp_path / ("x" * 300))
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(LedgerError):
        await opened(tmp_path / "link")


async def test_a_missing_ledger_is_made_only_if_asked_for(path: Path) -> None:
    with pytest.raises(LedgerError, match="there is no ledger at"):
        await opened(path, create=False)
    assert not path.parent.exists()


async def test_an_empty_file_becomes_a_ledger_only_if_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.touch()
    with pytest.raises(LedgerError, match="is empty"):
        await opened(path, create=False)
    assert path.stat().st_size == 0
    await (await opened(path)).close()
    await (await opened(path, create=False)).close()


@pytest.mark.parametrize("create", [True, False])
async def test_a_ledger_that_is_removed_or_replaced_under_us_is_not_used(path: Path, create: bool) -> None:  # noqa: FBT001
    ledger = await opened(path)
    path.unlink()
    if create:
        for file in path.parent.iterdir():
            if file.is_file():
                file.unlink()
        path.touch()
    with pytest.raises(LedgerError, match="was removed or replaced"):
        await ledger.claim(STANDUP)
    with pytest.raises(LedgerError, match="was removed or replaced"):
        await ledger.version()
    await ledger.close()


async def test_reading_makes_no_holder(path: Path) -> None:
    ledger = await opened(path)
    await ledger.entries()
    await ledger.events()
    assert not path.with_name("ledger.db-holders").exists()
    await ledger.close()
    assert [file.name for file in path.parent.iterdir()] == ["ledger.db"]


# -- permissions


@contextmanager
def umask(mask: int) -> Iterator[None]:
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o277])
async def test_every_file_is_the_owner_s_alone(path: Path, mask: int) -> None:
    with umask(mask):
        ledger = await open_ledger(path, service="agora", now=now, run=WriterThread())
        claim = await ledger.claim(STANDUP)
        assert claim is not None
        await ledger.save(claim, page())
        found = {file.relative_to(path.parent).parts[0]: mode(file) for file in path.parent.rglob("*")}
        folders = {name: found.pop(name) for name in list(found) if name.endswith("-holders")}
        (holder,) = path.with_name("ledger.db-holders").iterdir()
        await ledger.close()
    assert found == {"ledger.db": 0o600, "ledger.db-wal": 0o600, "ledger.db-shm": 0o600}
    assert len(folders) == 1
    assert not holder.exists()
    assert mode(path.parent) == 0o700


async def test_holders_are_the_owner_s_alone(path: Path) -> None:
    with umask(0):
        ledger = await opened(path)
        await ledger.claim(STANDUP)
        folder = path.with_name("ledger.db-holders")
        (holder,) = folder.iterdir()
        assert (mode(folder), mode(holder)) == (0o700, 0o600)
        await ledger.close()


async def test_a_copy_that_is_open_to_all_is_closed(path: Path) -> None:
    await (await opened(path)).close()
    path.chmod(0o644)
    await (await opened(path)).close()
    assert mode(path) == 0o600


async def test_writes_are_durable(path: Path) -> None:
    ledger = await opened(path)
    connection = ledger._database._connection
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
    await ledger.close()


def mode(file: Path) -> int:
    return file.stat().st_mode & 0o777


# -- damage


async def filled(path: Path) -> Ledger:
    ledger = await opened(path)
    for number in range(20):
        key = Key("default", f"room-{number:02}")
        claim = await ledger.claim(key)
        assert claim is not None
        entry = page(key, session(1, ENDED, channel=key.name), session(2, channel=key.name))
        await ledger.save(claim, entry, [event(key)] * 3, release=True)
    return ledger


async def read(ledger: Ledger) -> dict[str, object]:
    """Read everything that can be read."""
    found: dict[str, object] = {}
    with suppress(LedgerError):
        found["entries"] = await ledger.entries()
    with suppress(LedgerError):
        found["sessions"] = await ledger.sessions()
    with suppress(LedgerError):
        found["events"] = [one for _, one in await ledger.events()]
    return found


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, dict[str, object]]:
    path = tmp_path_factory.mktemp("intact") / "ledger.db"

    async def fill() -> dict[str, object]:
        ledger = await filled(path)
        everything = await read(ledger)
        await ledger.close()
        return everything

    everything = asyncio.run(fill())
    return path.read_bytes(), everything


@pytest.mark.parametrize("seed", range(100))
async def test_flipped_bits_are_refused_or_do_not_matter(
    tmp_path: Path, intact: tuple[bytes, dict[str, object]], seed: int
) -> None:
    chance = random.Random(seed)
    damaged = bytearray(intact[0])
    for _ in range(chance.choice([1, 1, 8, 64])):
        damaged[chance.randrange(len(damaged))] ^= 1 << chance.randrange(8)
    path = tmp_path / "ledger.db"
    path.write_bytes(damaged)
    try:
        ledger = await opened(path)
    except LedgerError:
        return
    found = await read(ledger)
    key = Key("default", "room-07")
    try:
        claim = await ledger.claim(key)
        assert claim is not None
        await ledger.save(claim, page(key, session(1, ENDED, channel=key.name), session(2, channel=key.name)))
        await ledger.draw("a", 10)
    except LedgerError as error:
        assert str(path) in str(error) or "room-" in str(error)  # noqa: PT017
    await ledger.close()
    assert found == {name: intact[1][name] for name in found}


@pytest.mark.parametrize("kept", [1, 99, 100, 4095, 4096, 5000, 50_000])
async def test_a_ledger_that_was_cut_off_is_refused(
    tmp_path: Path, intact: tuple[bytes, dict[str, object]], kept: int
) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(intact[0][:kept])
    with pytest.raises(LedgerError, match=r"damaged|no ledger"):
        await read_all(path)


async def read_all(path: Path) -> None:
    ledger = await opened(path)
    try:
        await ledger.entries()
        await ledger.events()
    finally:
        await ledger.close()


async def test_a_page_that_was_tampered_with_is_named(path: Path) -> None:
    await (await filled(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE entries SET document = replace(document, 'sid-1', 'sid-2') WHERE name = 'room-03'")
    connection.close()
    ledger = await opened(path)
    with pytest.raises(LedgerError, match=rf"{path} is damaged: the entry of room-03 .*restore a backup"):
        await ledger.entries()
    assert await ledger.entry(Key("default", "room-04")) is not None
    await ledger.close()


def rewrite(path: Path, of: str, found: bytes, put: bytes) -> None:
    """Write other bytes into the one page of a small table or index, as a disk would that forgets a bit."""
    with sqlite3.connect(path) as connection:
        (number,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (of,)).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    data = bytearray(path.read_bytes())
    page = data[(number - 1) * size : number * size]
    assert page.count(found) == 1
    data[(number - 1) * size : number * size] = page.replace(found, put)
    path.write_bytes(data)


@pytest.mark.parametrize(
    ("index", "found", "table"),
    [
        ("sqlite_autoindex_entries_1", b"room-03", "entries"),  # would get a second recorder
        ("sessions_identity", b"room-03", "sessions"),  # the identity would count as free
        ("sqlite_autoindex_facts_1", b"fingerprint_key", "facts"),  # every secret would count as rotated
    ],
)
async def test_a_row_that_its_index_has_lost_is_not_taken_for_missing(
    path: Path, index: str, found: bytes, table: str
) -> None:
    ledger = await filled(path)
    await ledger.fingerprint_key()
    await ledger.close()
    rewrite(path, index, found, found[:-1] + bytes([found[-1] ^ 1]))
    with pytest.raises(LedgerError, match=rf"{path} is damaged: its table {table} does not hold together"):
        await opened(path)


async def test_tables_that_are_not_as_they_were_made_are_refused(path: Path) -> None:
    await (await filled(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute("UPDATE sqlite_master SET sql = replace(sql, '= 1', '= 3') WHERE name LIKE 'sessions_%'")
    connection.close()
    with pytest.raises(LedgerError, match="its tables are not those of a ledger"):
        await opened(path)


async def test_history_whose_index_is_damaged_is_refused_and_the_rest_goes_on(path: Path) -> None:
    ledger = await opened(path)
    claim = await ledger.claim(STANDUP)
    assert claim is not None
    await ledger.save(claim, page(), [event()])
    await ledger.close()
    rewrite(path, "events_key", b"standup", b"standuq")
    ledger = await opened(path)
    assert await ledger.entry(STANDUP) == page()
    for reading in (ledger.events(STANDUP), ledger.events(), ledger.last_event()):
        with pytest.raises(LedgerError, match="its table events does not hold together"):
            await reading
    await ledger.close()


async def test_a_call_time_or_a_cursor_that_was_changed_is_refused(path: Path) -> None:
    ledger = await opened(path)
    await ledger.draw("a", 10)
    await ledger.move_cursor("receiver", 7)
    await ledger.close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE quota SET document = replace(document, '2026', '2027')")
        connection.execute("UPDATE cursors SET position = 23")
    connection.close()
    ledger = await opened(path)
    with pytest.raises(LedgerError, match=r"the quota of .*a cannot be read: its checksum is wrong"):
        await ledger.draw("a", 10)
    with pytest.raises(LedgerError, match="the cursor of receiver cannot be read: its checksum is wrong"):
        await ledger.cursor("receiver")
    await ledger.close()
