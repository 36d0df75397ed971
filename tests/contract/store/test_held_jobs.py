"""What the store does for workers that hold running jobs: claims of many, marks, news of changes, and shared slots."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import event

from contract.store.committing import Held
from contract.store.rows import Rows, url_of
from reelway.domain import decide
from reelway.domain.decide import Transition
from reelway.domain.ids import AccountId, JobId, TaskId, WorkerId
from reelway.domain.task import State, Task
from reelway.store.leases import ClaimRunning, Mark, Watched
from reelway.store.slots import Start, StartOutcome, start_tasks
from reelway.store.store import Store
from reelway.store.tasks import apply_transitions
from support.clock import FakeClock

pytestmark = pytest.mark.anyio

ONE, OTHER = WorkerId("one"), WorkerId("other")
US = 1_000_000

CREDENTIAL = "key-1"


async def running(rows: Rows, account: AccountId, provider: str = "scripted", **changes: object) -> Task:
    """A running task that nobody holds and that is due."""
    task = await rows.in_state(account, State.RUNNING)
    free = replace(
        task,
        version=task.version + 1,
        lease_owner=None,
        lease_until_us=None,
        provider=provider,
        due_at_us=rows.clock.now_us(),
        **changes,  # type: ignore[arg-type]
    )
    return await rows.moved(Transition(free, task.version, None, None))


def claim_of(rows: Rows, *providers: str, limit: int = 1_000) -> ClaimRunning:
    now_us = rows.clock.now_us()
    return ClaimRunning(ONE, watched_of(*providers), now_us, now_us + 30 * US, limit)


def watched_of(*providers: str) -> tuple[Watched, ...]:
    return tuple(Watched(provider, CREDENTIAL) for provider in providers)


async def started_claimed(rows: Rows, *providers: str) -> list[TaskId]:
    now_us, watched = rows.clock.now_us(), watched_of(*providers)
    found = await rows.store.claim(
        OTHER, models=None, now_us=now_us, until_us=now_us + 30 * US, limit=1_000, watched=watched
    )
    return [task.id for task in found]


# --- claims -----------------------------------------------------------------------------------------------------------


async def test_a_running_job_is_for_its_holder_and_any_other_started_task_is_for_a_step(
    store: Store, rows: Rows
) -> None:
    account = await rows.account()
    at_rest = await running(rows, account)
    elsewhere = await running(rows, account, "gone")
    unwanted = await running(rows, account, cancel_requested_at_us=rows.clock.now_us())
    overdue = await running(rows, account)
    rows.change("UPDATE tasks SET deadline_at_us = 1 WHERE id = :id", id=overdue.id)
    assert sorted(await started_claimed(rows, "scripted")) == sorted([elsewhere.id, unwanted.id, overdue.id])
    found = await store.claim_running(claim_of(rows, "scripted"))
    assert [(task.id, task.lease_owner, task.version) for task in found] == [(at_rest.id, ONE, at_rest.version + 1)]


async def test_a_job_of_another_credential_is_not_for_a_holder(store: Store, rows: Rows) -> None:
    account = await rows.account()
    mine = await running(rows, account, credential=CREDENTIAL)
    of_nobody = await running(rows, account, credential=None)
    foreign = await running(rows, account, credential="other")
    assert await started_claimed(rows, "scripted") == [foreign.id]
    found = await store.claim_running(claim_of(rows, "scripted"))
    assert sorted(task.id for task in found) == sorted([mine.id, of_nobody.id])


async def test_without_anybody_who_watches_every_started_task_is_for_a_step(store: Store, rows: Rows) -> None:
    task = await running(rows, await rows.account())
    assert await started_claimed(rows) == [task.id]


async def test_one_claim_brings_as_many_running_jobs_as_it_may(store: Store, rows: Rows) -> None:
    account = await rows.account()
    made = [await running(rows, account) for _ in range(12)]
    found = [*await store.claim_running(claim_of(rows, "scripted", limit=8))]
    assert len(found) == 8
    found += await store.claim_running(claim_of(rows, "scripted"))
    assert [task.id for task in found] == [task.id for task in made]
    assert await store.claim_running(claim_of(rows, "scripted")) == []


async def test_no_claim_reads_the_tasks_that_have_ended(sqlite_store: Store) -> None:
    """There may be millions of them: every claim finds its tasks by an index."""
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        statements.append((statement, values))

    write, watched = sqlite_store.engines.write, watched_of("one", "other")
    event.listen(write, "before_cursor_execute", note)
    await sqlite_store.claim_running(ClaimRunning(ONE, watched, 10, 20, 2_000))
    await sqlite_store.claim(ONE, models=None, now_us=10, until_us=20, limit=64, watched=watched)
    await sqlite_store.claim(
        ONE, models=("a", "b"), now_us=10, until_us=20, limit=64, provider="one", slots_max=5, watched=watched
    )
    event.remove(write, "before_cursor_execute", note)
    plans = []
    with write.connect() as connection:
        for statement, values in statements:
            if "tasks" in statement:
                plans += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert len(plans) >= 4
    assert [plan for plan in plans if plan.startswith("SCAN tasks")] == []


# --- marks and news ---------------------------------------------------------------------------------------------------


async def test_a_holder_reads_what_it_has_to_know_of_many_rows_at_once(store: Store, rows: Rows) -> None:
    account = await rows.account()
    held = await rows.in_state(account, State.RUNNING)
    await rows.moved(decide.cancel_requested(held, rows.clock.now_us()))
    ended = await rows.in_state(account, State.FAILED)
    free = await running(rows, account)
    marks = await store.marks([held.id, ended.id, free.id, TaskId("task_none")])
    assert marks == {
        held.id: Mark(held.lease_owner, True, True, held.due_at_us),
        ended.id: Mark(None, False, False, None),
        free.id: Mark(None, True, False, free.due_at_us),
    }


async def test_a_holder_hears_which_of_its_tasks_changed_and_of_no_others(store: Store, rows: Rows) -> None:
    account = await rows.account()
    mine, others = await rows.created(account), await rows.created(account)
    changed = asyncio.Event()
    async with store.follow({mine.id}, changed) as feed:
        await rows.moved(decide.cancelled(others, rows.clock.now_us()))
        await rows.moved(decide.cancelled(mine, rows.clock.now_us()))
        async with asyncio.timeout(20):
            await changed.wait()
        assert feed.take() == {mine.id}


async def test_a_holder_hears_of_what_another_process_wrote(postgres_store: Store, clock: object) -> None:
    rows = Rows(postgres_store, clock)  # type: ignore[arg-type]
    mine = await rows.created(await rows.account())
    changed = asyncio.Event()
    other = Store(url_of(postgres_store))
    try:
        async with postgres_store.follow({mine.id}, changed) as feed:
            assert await other.apply(decide.cancelled(mine, rows.clock.now_us()))
            async with asyncio.timeout(20):
                await changed.wait()
            assert feed.take() == {mine.id}
    finally:
        await other.aclose()


# --- slots ------------------------------------------------------------------------------------------------------------


async def start(rows: Rows, store: Store, task: Task, slots_max: int | None, provider: str = "kling") -> StartOutcome:
    return await store.start(decide.started(task, provider, (), rows.clock.now_us()), slots_max)


async def test_a_start_is_refused_where_the_provider_has_no_slot_left(store: Store, rows: Rows) -> None:
    account = await rows.account()
    tasks = [await rows.claimed(await rows.created(account)) for _ in range(4)]
    assert [await start(rows, store, task, 2) for task in tasks[:3]] == ["written", "written", "full"]
    assert await start(rows, store, tasks[2], 2, "another") is StartOutcome.WRITTEN
    assert await start(rows, store, tasks[3], None) is StartOutcome.WRITTEN  # it counts its jobs itself
    untouched = await rows.created(account)
    assert await start(rows, store, await rows.claimed(untouched), 2) is StartOutcome.FULL
    row = await store.task(untouched.id)
    assert row is not None
    assert (row.state, row.provider) == (State.QUEUED, None)


async def test_a_slot_is_free_again_when_the_job_has_ended_or_was_never_made(store: Store, rows: Rows) -> None:
    account = await rows.account()
    one = await rows.claimed(await rows.created(account))
    waits = await rows.claimed(await rows.created(account))
    assert await start(rows, store, one, 1) is StartOutcome.WRITTEN
    begun = await store.task(one.id)
    assert begun is not None
    assert await start(rows, store, waits, 1) is StartOutcome.FULL
    at_work = replace(begun, state=State.RUNNING, job_id=JobId("job"), version=begun.version + 1)
    await rows.moved(Transition(at_work, begun.version, None, None))
    assert await start(rows, store, waits, 1) is StartOutcome.FULL
    finished = replace(at_work, state=State.STORING, version=at_work.version + 1)
    await rows.moved(Transition(finished, at_work.version, None, None))
    assert await start(rows, store, waits, 1) is StartOutcome.WRITTEN


async def test_a_start_that_comes_too_late_takes_no_slot(store: Store, rows: Rows) -> None:
    account = await rows.account()
    task = await rows.claimed(await rows.created(account))
    stale = replace(task, version=task.version - 1)
    assert await start(rows, store, stale, 1) is StartOutcome.STALE
    assert await start(rows, store, task, 1) is StartOutcome.WRITTEN


async def test_two_processes_together_never_start_more_jobs_than_there_are_slots(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000_000)
    tasks = [await rows.claimed(task) for task in await rows.many(account, 60)]
    second = Store(url_of(store))
    try:
        found = await asyncio.gather(
            *(start(rows, (store, second)[number % 2], task, 7) for number, task in enumerate(tasks))
        )
    finally:
        await second.aclose()
    assert sorted(found) == sorted([StartOutcome.WRITTEN] * 7 + [StartOutcome.FULL] * 53)
    assert rows.sql("SELECT count(*) FROM tasks WHERE state = 'submitting'") == [(7,)]


async def test_a_claim_brings_no_more_queued_tasks_than_there_are_slots_left(store: Store, rows: Rows) -> None:
    account = await rows.account()
    taken = await rows.claimed(await rows.created(account))
    assert await start(rows, store, taken, 3) is StartOutcome.WRITTEN
    await rows.many(account, 10)

    async def claimed(slots_max: int) -> int:
        now_us = rows.clock.now_us()
        found = await store.claim(
            ONE,
            models=(taken.model,),
            now_us=now_us,
            until_us=now_us + US,
            limit=10,
            provider="kling",
            slots_max=slots_max,
        )
        return len(found)

    assert await claimed(1) == 0
    assert await claimed(3) == 2


async def test_a_round_locks_the_slots_that_it_counts_before_it_touches_a_task(
    postgres_store: Store, clock: FakeClock
) -> None:
    """Two rounds that hold rows and want slots, and the other way round, would wait for each other for ever."""
    rows, engines = Rows(postgres_store, clock), postgres_store.engines
    account = await rows.account()
    first, *tasks = [await rows.claimed(await rows.created(account)) for _ in range(3)]
    statements: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        statements.append((statement, values))

    async with Held(engines) as held:
        starts = [
            Start(decide.started(task, provider, (), clock.now_us()), 5)
            for task, provider in zip(tasks, ("b", "a"), strict=True)
        ]
        event.listen(engines.write, "before_cursor_execute", note)
        writes: list[asyncio.Task[Any]] = [
            asyncio.create_task(held.commit.run(apply_transitions, decide.waiting(first, 1.0, clock.now_us())))
        ]
        writes += [
            asyncio.create_task(held.commit.run(start_tasks, start, slots_of=start.transition.task.provider))
            for start in starts
        ]
        await asyncio.sleep(0)  # each runs up to its place in the queue
        held.gate.opened.set()
        assert await asyncio.gather(*writes) == [True, StartOutcome.WRITTEN, StartOutcome.WRITTEN]
    event.remove(engines.write, "before_cursor_execute", note)
    locks = [number for number, (statement, _) in enumerate(statements) if "advisory" in statement]
    touching = [number for number, (statement, _) in enumerate(statements) if "tasks" in statement]
    assert max(locks) < min(touching)
    assert [statements[number][1]["provider"] for number in locks] == ["a", "b"]
