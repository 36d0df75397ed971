"""Who waits for a change is woken by the commit that made it, in this process and, on PostgreSQL, in any other."""

import asyncio

import pytest

from contract.store.rows import Rows, url_of
from reelway.domain import decide
from reelway.domain.errors import UnavailableError
from reelway.domain.ids import TaskId
from reelway.domain.task import State
from reelway.store.store import Store
from support.clock import FakeClock

pytestmark = pytest.mark.anyio

PATIENCE_S = 20


async def woken(changed: asyncio.Event) -> None:
    async with asyncio.timeout(PATIENCE_S):
        await changed.wait()


async def test_a_waiter_is_woken_by_a_change_of_its_task_and_sees_it(store: Store, rows: Rows) -> None:
    account = await rows.account()
    task = await rows.created(account)
    async with store.watch(task.id) as changed:
        changed.clear()
        await rows.moved(decide.cancelled(task, rows.clock.now_us()))
        await woken(changed)
        found = await store.task(task.id)
        assert found is not None
        assert found.state is State.CANCELLED


async def test_a_waiter_sleeps_on_when_another_task_changes(store: Store, rows: Rows) -> None:
    account = await rows.account()
    mine, other = await rows.created(account), await rows.created(account)
    async with store.watch(mine.id) as changed, store.watch(other.id) as others:
        changed.clear()
        others.clear()
        await rows.moved(decide.cancelled(other, rows.clock.now_us()))
        await woken(others)
        assert not changed.is_set()


async def test_the_worker_is_woken_by_any_task(store: Store, rows: Rows) -> None:
    account = await rows.account()
    async with store.watch(None) as changed:
        changed.clear()
        await rows.created(account)
        await woken(changed)


async def test_a_write_that_failed_wakes_nobody(store: Store, rows: Rows) -> None:
    account = await rows.account()
    task = await rows.in_state(account, State.FAILED)
    stale = decide.transition(task, task)
    marker = await rows.created(account)
    async with store.watch(task.id) as changed, store.watch(marker.id) as marked:
        changed.clear()
        marked.clear()
        assert not await store.apply(decide.Transition(stale.task, 999, None, None))
        await rows.moved(decide.cancelled(marker, rows.clock.now_us()))
        await woken(marked)
        assert not changed.is_set()


async def test_many_waiters_of_one_task_are_all_woken(store: Store, rows: Rows) -> None:
    task = await rows.created(await rows.account())

    async def wait() -> State | None:
        async with store.watch(task.id) as changed:
            while True:
                changed.clear()
                found = await store.task(task.id)
                assert found is not None
                if found.is_final:
                    return found.state
                await woken(changed)

    waiters = [asyncio.create_task(wait()) for _ in range(50)]
    await rows.moved(decide.cancelled(task, rows.clock.now_us()))
    assert await asyncio.gather(*waiters) == [State.CANCELLED] * 50


async def test_a_waiter_that_has_gone_leaves_nothing_behind(store: Store, rows: Rows) -> None:
    account = await rows.account()
    task = await rows.created(account)
    for watched in (task.id, None):
        async with store.watch(watched):
            pass
    hub = store._hub
    assert (hub._by_task, hub._any, hub._loops) == ({}, set(), {})
    await rows.moved(decide.cancelled(task, rows.clock.now_us()))


async def test_another_process_hears_of_a_change(postgres_store: Store, clock: FakeClock) -> None:
    rows = Rows(postgres_store, clock)
    account = await rows.account(1_000_000)
    other = Store(url_of(postgres_store))
    try:
        async with other.watch(None) as any_change:
            await _heard(rows, any_change)
            tasks = await rows.many(account, 300)
            async with other.watch(tasks[-1].id) as last, other.watch(tasks[0].id) as first:
                last.clear()
                first.clear()
                now_us = clock.now_us()
                assert all(
                    await asyncio.gather(*(postgres_store.apply(decide.cancelled(task, now_us)) for task in tasks))
                ), "300 ids do not fit one NOTIFY of 8,000 bytes"
                await woken(last)
                await woken(first)
    finally:
        await other.aclose()


async def _heard(rows: Rows, changed: asyncio.Event) -> None:
    """Wait until the other process listens: changes before that are not announced to it, and need not be."""
    account = await rows.account(1_000_000)
    async with asyncio.timeout(PATIENCE_S):
        while not changed.is_set():
            await rows.created(account)
            await asyncio.sleep(0.05)
    changed.clear()


async def test_a_listener_whose_connection_broke_listens_again(postgres_store: Store, clock: FakeClock) -> None:
    rows = Rows(postgres_store, clock)
    other = Store(url_of(postgres_store))
    try:
        async with other.watch(None) as changed:
            await _heard(rows, changed)
            rows.sql(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'LISTEN%'"
            )
            await _heard(rows, changed)
    finally:
        await other.aclose()


async def test_a_closed_store_refuses_and_says_why(tmp_path: object) -> None:
    store = Store.open(f"sqlite:///{tmp_path}/reelway.db")
    rows = Rows(store, FakeClock())
    account = await rows.account()
    await store.aclose()
    with pytest.raises(UnavailableError, match="stopping"):
        await store.create_task(rows.new(account))
    with pytest.raises(UnavailableError, match="stopping"):
        await store.task(TaskId("task_1"))
