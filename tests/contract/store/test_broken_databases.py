"""A SQLite file that is damaged stops the start with a clear word; it is never written over."""

import asyncio
import random
import sqlite3
from pathlib import Path

import pytest

from contract.store.rows import Rows
from reelway.store import migrate
from reelway.store.engine import DatabaseError, make_engines
from reelway.store.store import Store
from support.clock import FakeClock

pytestmark = pytest.mark.anyio

PAGE_BYTES = 4096
LEAF_OF_A_TABLE = 0x0D
"""First byte of such a page. Source: sqlite.org/fileformat2.html, section 1.6."""


def url(path: Path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A database with some life in it, closed properly."""
    path = tmp_path / "reelway.db"

    async def fill() -> None:
        store = Store.open(url(path))
        rows = Rows(store, FakeClock())
        await rows.many(await rows.account(1_000_000), 200)
        await store.aclose()

    asyncio.run(fill())
    assert [entry.name for entry in tmp_path.iterdir()] == ["reelway.db"]
    return path


def refusal(path: Path) -> str:
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(DatabaseError) as refused:
        Store.open(url(path)).close()
    if path.is_file():
        assert path.read_bytes() == before, "a damaged file must be left to those who can rescue it"
    return str(refused.value)


def test_a_sound_database_is_taken(used: Path) -> None:
    Store.open(url(used)).close()


@pytest.mark.parametrize("content", [b"this is no database\n" * 300, random.Random(1).randbytes(8 * PAGE_BYTES)])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "reelway.db"
    path.write_bytes(content)
    assert "not a database" in refusal(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_refused(used: Path, share: float) -> None:
    whole = used.read_bytes()
    used.write_bytes(whole[: int(len(whole) * share)])
    assert "database" in refusal(used)


def test_a_file_that_lost_its_last_page_is_refused(used: Path) -> None:
    used.write_bytes(used.read_bytes()[:-PAGE_BYTES])
    refusal(used)


def page_numbers() -> list[int]:
    return [1, 2, 3, 5, 8, 13, 21]


@pytest.mark.parametrize("number", page_numbers())
@pytest.mark.parametrize("damage", ["zeros", "noise"])
def test_a_page_that_was_overwritten_is_found(used: Path, number: int, damage: str) -> None:
    content = bytearray(used.read_bytes())
    assert len(content) > (number + 1) * PAGE_BYTES
    page = bytes(PAGE_BYTES) if damage == "zeros" else random.Random(number).randbytes(PAGE_BYTES)
    content[number * PAGE_BYTES : (number + 1) * PAGE_BYTES] = page
    used.write_bytes(content)
    assert "database" in refusal(used)


def test_two_pages_of_tasks_that_changed_places_are_found(used: Path) -> None:
    content = bytearray(used.read_bytes())
    pages = [slice(start, start + PAGE_BYTES) for start in range(0, len(content), PAGE_BYTES)]
    leaves = [page for page in pages if content[page.start] == LEAF_OF_A_TABLE and b'"prompt"' in content[page]]
    assert len(leaves) > 10
    one, other = leaves[2], leaves[-3]
    content[one], content[other] = content[other], content[one]
    used.write_bytes(content)
    refusal(used)


def test_a_broken_first_page_is_refused(used: Path) -> None:
    content = bytearray(used.read_bytes())
    content[100:PAGE_BYTES] = bytes(PAGE_BYTES - 100)
    used.write_bytes(content)
    refusal(used)


def test_an_empty_file_is_an_empty_database(tmp_path: Path) -> None:
    path = tmp_path / "reelway.db"
    path.touch()
    Store.open(url(path)).close()
    assert path.stat().st_size > 0


def test_a_folder_in_the_place_of_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "reelway.db"
    path.mkdir()
    assert "database file cannot be used" in refusal(path)


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "database file cannot be used" in refusal(tmp_path / "nowhere" / "reelway.db")


async def test_what_was_committed_last_is_found_after_a_stop_without_a_goodbye(tmp_path: Path) -> None:
    """The write-ahead log beside the file holds it; copied away as a crash would leave it."""
    store = Store.open(url(tmp_path / "reelway.db"))
    rows = Rows(store, FakeClock())
    account = await rows.account()
    tasks = [await rows.created(account) for _ in range(5)]
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("reelway.db", "reelway.db-wal"):
        (crashed / name).write_bytes((tmp_path / name).read_bytes())
    await store.aclose()
    again = Store.open(url(crashed / "reelway.db"))
    assert [await again.task(task.id) for task in tasks] == tasks
    assert await again.unbalanced_accounts() == []
    await again.aclose()


async def test_a_log_that_was_cut_in_the_middle_of_a_commit_loses_that_commit_only(tmp_path: Path) -> None:
    store = Store.open(url(tmp_path / "reelway.db"))
    rows = Rows(store, FakeClock())
    account = await rows.account(PAGE_BYTES * 90)
    kept = await rows.many(account, 20)
    log = tmp_path / "reelway.db-wal"
    size_before = log.stat().st_size
    torn = await rows.many(account, 20)
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    (crashed / "reelway.db").write_bytes((tmp_path / "reelway.db").read_bytes())
    (crashed / "reelway.db-wal").write_bytes(log.read_bytes()[: size_before + 100])
    await store.aclose()
    again = Store.open(url(crashed / "reelway.db"))
    assert [await again.task(task.id) for task in kept] == kept
    assert [await again.task(task.id) for task in torn] == [None] * 20
    assert await again.unbalanced_accounts() == []
    await again.aclose()


def test_the_thorough_check_reads_all_of_it(used: Path) -> None:
    engines = make_engines(url(used), 1)
    migrate.check_integrity(engines, thorough=True)
    engines.dispose()


def test_a_foreign_key_that_leads_nowhere_does_not_stop_the_quick_check(used: Path) -> None:
    """The start checks that the file is sound, not what stands in it; `unbalanced_accounts` and tests do that."""
    connection = sqlite3.connect(used)
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("UPDATE tasks SET account_id = 'acct_none' WHERE rowid = 1")
    connection.commit()
    connection.close()
    Store.open(url(used)).close()
