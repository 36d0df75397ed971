"""The queue: due tasks are leased in order, to one worker only, and taken back from workers that fell silent."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy import text

from contract.store.rows import LEASE_S, Rows, url_of
from reelway.domain import decide
from reelway.domain.ids import TaskId, WorkerId
from reelway.domain.task import STARTED_STATES, State, Task
from reelway.store.store import Store
from unit.builders import US

pytestmark = pytest.mark.anyio

ONE, OTHER = WorkerId("one"), WorkerId("other")
MODELS = ("kling-3-0",)


async def claim(
    rows: Rows,
    worker: WorkerId = ONE,
    models: tuple[str, ...] | None = MODELS,
    limit: int = 100,
    store: Store | None = None,
) -> Sequence[Task]:
    now_us = rows.clock.now_us()
    return await (store or rows.store).claim(
        worker, models=models, now_us=now_us, until_us=now_us + LEASE_S * US, limit=limit
    )


def ids(tasks: Sequence[Task]) -> list[TaskId]:
    return [task.id for task in tasks]


# --- what is claimed --------------------------------------------------------------------------------------------------


async def test_a_claimed_task_is_leased_and_has_moved_on(store: Store, rows: Rows) -> None:
    task = await rows.created(await rows.account())
    now_us = rows.clock.now_us()
    (claimed,) = await store.claim(ONE, models=MODELS, now_us=now_us, until_us=now_us + 7, limit=5)
    assert (claimed.lease_owner, claimed.lease_until_us, claimed.version) == (ONE, now_us + 7, task.version + 1)
    assert claimed.state is State.QUEUED
    assert await store.task(task.id) == claimed


async def test_a_claim_may_be_for_some_routes_only(store: Store, rows: Rows) -> None:
    account = await rows.account()
    made = {route: (await rows.created(account, route=route)).id for route in ("official", "auto", "value")}
    now_us = rows.clock.now_us()
    for routes, found in ((("auto", "value"), {made["auto"], made["value"]}), (None, {made["official"]})):
        claimed = await store.claim(
            ONE, models=MODELS, now_us=now_us, until_us=now_us + LEASE_S * US, limit=5, routes=routes
        )
        assert set(ids(claimed)) == found


async def test_the_longest_due_comes_first_and_so_many_only(rows: Rows) -> None:
    account = await rows.account()
    base_us = rows.clock.now_us() - 1_000
    tasks = [await rows.created(account, due_at_us=base_us + delay) for delay in (40, 10, 30, 20, 50)]
    assert ids(await claim(rows, limit=2)) == [tasks[1].id, tasks[3].id]
    assert ids(await claim(rows, limit=2)) == [tasks[2].id, tasks[0].id]
    assert ids(await claim(rows, limit=2)) == [tasks[4].id]
    assert await claim(rows, limit=2) == []


async def test_a_task_is_claimed_from_the_very_moment_on_that_it_is_due(store: Store, rows: Rows) -> None:
    due_us = rows.clock.now_us() + US
    task = await rows.created(await rows.account(), due_at_us=due_us)
    assert await store.claim(ONE, models=MODELS, now_us=due_us - 1, until_us=due_us + US, limit=5) == []
    assert ids(await store.claim(ONE, models=MODELS, now_us=due_us, until_us=due_us + US, limit=5)) == [task.id]


async def test_a_leased_task_is_not_claimed_again_not_even_by_its_holder(rows: Rows) -> None:
    await rows.created(await rows.account())
    assert len(await claim(rows)) == 1
    assert await claim(rows) == []
    assert await claim(rows, OTHER) == []


@pytest.mark.parametrize("state", list(State))
async def test_a_worker_with_slots_gets_queued_tasks_and_nothing_else(rows: Rows, state: State) -> None:
    task = await rows.in_state(await rows.account(), state)
    await rows.store.end_leases_of(WorkerId("worker-1"), rows.clock.now_us())
    assert ids(await claim(rows)) == ([task.id] if state is State.QUEUED else [])


@pytest.mark.parametrize("state", list(State))
async def test_tasks_under_way_are_claimed_whatever_their_model(rows: Rows, state: State) -> None:
    task = await rows.in_state(await rows.account(), state)
    await rows.store.end_leases_of(WorkerId("worker-1"), rows.clock.now_us())
    assert ids(await claim(rows, models=None)) == ([task.id] if state in STARTED_STATES else [])


async def test_queued_tasks_are_claimed_by_their_model(rows: Rows) -> None:
    account = await rows.account()
    one, other = await rows.created(account, model="a"), await rows.created(account, model="b")
    assert await claim(rows, models=("c",)) == []
    assert await claim(rows, models=()) == []
    assert ids(await claim(rows, models=("b", "c"))) == [other.id]
    assert ids(await claim(rows, models=("a", "b"))) == [one.id]


async def test_two_workers_never_get_the_same_task(store: Store, rows: Rows) -> None:
    tasks = await rows.many(await rows.account(1_000_000), 300)
    second = Store(url_of(store))
    try:
        found = await asyncio.gather(
            *(claim(rows, WorkerId(f"w{number}"), limit=7, store=(store, second)[number % 2]) for number in range(60))
        )
        left = await claim(rows, limit=1_000)
    finally:
        await second.aclose()
    claimed = [task.id for batch in found for task in batch] + ids(left)
    assert sorted(claimed) == sorted(ids(tasks))
    for number, batch in enumerate(found):
        assert {task.lease_owner for task in batch} <= {f"w{number}"}


async def test_a_row_that_somebody_else_is_changing_is_passed_over(postgres_store: Store, clock: object) -> None:
    """PostgreSQL only: SQLite has one writer at a time."""
    rows = Rows(postgres_store, clock)  # type: ignore[arg-type]
    tasks = await rows.many(await rows.account(), 3)
    with postgres_store.engines.read.connect().execution_options(isolation_level="READ COMMITTED") as connection:
        connection.execute(text("SELECT 1 FROM tasks WHERE id = :id FOR UPDATE"), {"id": tasks[0].id})
        async with asyncio.timeout(5):
            assert sorted(ids(await claim(rows))) == sorted(ids(tasks[1:]))
        connection.rollback()
    assert ids(await claim(rows)) == [tasks[0].id]


# --- keeping a lease --------------------------------------------------------------------------------------------------


async def test_a_heartbeat_prolongs_the_named_leases_of_its_worker_and_moves_no_version(
    store: Store, rows: Rows
) -> None:
    account = await rows.account()
    mine, unnamed, others = [await rows.claimed(await rows.created(account), worker) for worker in (ONE, ONE, OTHER)]
    ended = await rows.in_state(account, State.FAILED)
    until_us = rows.clock.now_us() + 900 * US
    await store.prolong_leases(ONE, (mine.id, others.id, ended.id, TaskId("task_none")), until_us)
    kept = {task.id: await store.task(task.id) for task in (mine, unnamed, others, ended)}
    assert (kept[mine.id].lease_until_us, kept[mine.id].version) == (until_us, mine.version)  # type: ignore[union-attr]
    assert (kept[unnamed.id], kept[others.id], kept[ended.id]) == (unnamed, others, ended)


async def test_a_step_decided_before_a_heartbeat_can_still_be_written(store: Store, rows: Rows) -> None:
    task = await rows.claimed(await rows.created(await rows.account()), ONE)
    await store.prolong_leases(ONE, (task.id,), rows.clock.now_us() + 900 * US)
    assert await store.apply(decide.started(task, "scripted", (), rows.clock.now_us()))


# --- losing a lease ---------------------------------------------------------------------------------------------------


async def test_a_lease_is_lost_after_its_very_last_moment(store: Store, rows: Rows) -> None:
    task = await rows.claimed(await rows.created(await rows.account()))
    assert task.lease_until_us is not None
    assert await store.end_lost_leases(task.lease_until_us) == []
    assert await store.end_lost_leases(task.lease_until_us + 1) == [task.id]


async def test_a_task_of_a_silent_worker_is_free_due_and_out_of_that_workers_reach(store: Store, rows: Rows) -> None:
    account = await rows.account()
    task = await rows.in_state(account, State.RUNNING)
    await rows.claimed(await rows.created(account), OTHER)
    rows.clock.advance(LEASE_S - 1)
    fresh = await rows.claimed(await rows.created(account), OTHER)
    rows.clock.advance(2)
    now_us = rows.clock.now_us()
    lost = await store.end_lost_leases(now_us)
    assert task.id in lost
    assert fresh.id not in lost
    freed = await store.task(task.id)
    assert freed is not None
    assert (freed.lease_owner, freed.lease_until_us, freed.due_at_us) == (None, None, now_us)
    assert freed.state is State.RUNNING
    late = decide.cancelled(task, rows.clock.now_us())
    assert not await store.apply(late)
    assert rows.kinds(task.id) == ["reserve"]


async def test_a_worker_that_stops_gives_back_its_own_leases_only(store: Store, rows: Rows) -> None:
    account = await rows.account()
    mine = [await rows.claimed(await rows.created(account), ONE) for _ in range(3)]
    others = await rows.claimed(await rows.created(account), OTHER)
    assert sorted(await store.end_leases_of(ONE, rows.clock.now_us())) == sorted(ids(mine))
    assert await store.task(others.id) == others
    assert await store.lease_owners() == [OTHER]
    assert await store.end_leases_of(ONE, rows.clock.now_us()) == []


async def test_those_who_hold_leases_are_known_each_once(store: Store, rows: Rows) -> None:
    account = await rows.account()
    assert await store.lease_owners() == []
    for worker in (ONE, ONE, OTHER):
        await rows.claimed(await rows.created(account), worker)
    await rows.created(account)
    assert sorted(await store.lease_owners()) == [ONE, OTHER]


async def test_a_lost_lease_is_taken_back_once_when_two_sweep(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000_000)
    tasks = [await rows.claimed(task) for task in await rows.many(account, 50)]
    rows.clock.advance(LEASE_S + 1)
    second = Store(url_of(store))
    try:
        found = await asyncio.gather(
            *((store, second)[number % 2].end_lost_leases(rows.clock.now_us()) for number in range(8))
        )
    finally:
        await second.aclose()
    assert sorted(task_id for freed in found for task_id in freed) == sorted(ids(tasks))


# --- deadlines and counts ---------------------------------------------------------------------------------------------


async def test_overdue_tasks_are_the_unfinished_ones_that_nobody_holds_the_oldest_first(
    store: Store, rows: Rows
) -> None:
    account = await rows.account()
    now_us = rows.clock.now_us()
    late = await rows.created(account, deadline_at_us=now_us - 5)
    later = await rows.created(account, deadline_at_us=now_us - 9)
    at_once = await rows.created(account, deadline_at_us=now_us)
    await rows.created(account, deadline_at_us=now_us + 1)
    await rows.claimed(await rows.created(account, deadline_at_us=now_us - 7))
    await rows.in_state(account, State.FAILED, deadline_at_us=now_us - 7)
    assert await store.overdue_tasks(now_us, 10) == [later.id, late.id, at_once.id]
    assert await store.overdue_tasks(now_us, 1) == [later.id]


async def test_the_length_of_the_queue_counts_what_waits_to_be_started(store: Store, rows: Rows) -> None:
    account = await rows.account()
    assert await store.queued_tasks() == 0
    await rows.many(account, 3)
    await rows.claimed(await rows.created(account))
    await rows.in_state(account, State.RUNNING)
    await rows.in_state(account, State.FAILED)
    assert await store.queued_tasks() == 3
