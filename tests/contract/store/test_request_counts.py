"""The request counts that processes share: added up, told back, forgotten with their window."""

import asyncio

import pytest

from contract.store.rows import Rows, url_of
from reelway.store.store import Store

pytestmark = pytest.mark.anyio


async def test_what_processes_count_is_added_up(store: Store, rows: Rows) -> None:
    assert await store.add_requests(7, {"a": 3, "b": 1}) == {"a": 3, "b": 1}
    second = Store(url_of(store))
    try:
        assert await second.add_requests(7, {"a": 2}) == {"a": 5}
    finally:
        await second.aclose()
    assert rows.sql("SELECT account_id, requests FROM request_counts ORDER BY 1") == [("a", 5), ("b", 1)]


async def test_only_the_accounts_that_were_named_are_told(store: Store) -> None:
    await store.add_requests(7, {"a": 3})
    assert await store.add_requests(7, {"b": 1}) == {"b": 1}
    assert await store.add_requests(7, {}) == {}


async def test_a_new_window_begins_at_zero_and_forgets_the_old_ones(store: Store, rows: Rows) -> None:
    await store.add_requests(7, {"a": 3, "b": 1})
    assert await store.add_requests(8, {"a": 1}) == {"a": 1}
    assert rows.sql("SELECT account_id, window_number, requests FROM request_counts") == [("a", 8, 1)]


async def test_counts_of_processes_that_tell_at_once_are_not_lost(store: Store, rows: Rows) -> None:
    second = Store(url_of(store))
    accounts = [f"account {number}" for number in range(20)]
    try:
        await asyncio.gather(
            *(
                (store, second)[number % 2].add_requests(
                    7, dict.fromkeys(accounts if number % 3 else reversed(accounts), 1)
                )
                for number in range(60)
            )
        )
    finally:
        await second.aclose()
    found = rows.sql("SELECT account_id, requests FROM request_counts")
    assert dict(found) == dict.fromkeys(accounts, 60)  # type: ignore[arg-type]


def test_only_a_database_for_several_processes_is_shared(store: Store) -> None:
    assert store.is_shared == (not store.engines.is_sqlite)
