"""Attempts and costs in the store: written with their transition, once, and looked for by one worker at a time."""

import asyncio
from dataclasses import replace

import pytest

from contract.store.rows import PRICE, Rows
from reelway.domain import attempts, decide, outcomes
from reelway.domain.attempts import Attempt, Ending, ProviderTotal, Terms
from reelway.domain.decide import Transition
from reelway.domain.ids import JobId, TaskId
from reelway.domain.outcomes import Cost
from reelway.domain.task import FailureCode, State, Task
from reelway.store.attempts import write_attempts
from reelway.store.commit import Unit
from reelway.store.files import Deletion, Purge
from reelway.store.store import Store
from reelway.store.tasks import apply_transitions
from unit.builders import POLICY, RESULT, US

pytestmark = pytest.mark.anyio

TERMS = Terms("0123456789ab", 350_000)


async def started(rows: Rows, task: Task, terms: Terms = TERMS, provider: str = "scripted") -> Task:
    return await rows.moved(decide.started(await rows.claimed(task), provider, (), rows.clock.now_us(), terms))


async def running(rows: Rows, **changes: object) -> Task:
    task = await started(rows, await rows.created(await rows.account(), **changes))
    return await rows.moved(accepted(rows, task))


def accepted(rows: Rows, task: Task) -> Transition:
    job = outcomes.Accepted(JobId(f"job-{task.id}"), 0.0)
    return decide.submitted(task, job, POLICY, rows.clock.now_us(), keep_lease=True)


def polled(rows: Rows, task: Task, outcome: outcomes.PollOutcome) -> Transition:
    return decide.polled(task, outcome, POLICY, rows.clock.now_us())


async def only(store: Store, task: Task) -> Attempt:
    (attempt,) = await store.attempts.of_task(task.id)
    return attempt


async def given_up(rows: Rows) -> Task:
    return await rows.moved(decide.expired(await running(rows), rows.clock.now_us()))


# --- with a transition ------------------------------------------------------------------------------------------------


async def test_an_attempt_is_written_step_by_step_with_its_task(store: Store, rows: Rows) -> None:
    task = await started(rows, await rows.created(await rows.account()))
    begun = await only(store, task)
    assert (begun.number, begun.provider, begun.credential) == (1, "scripted", "0123456789ab")
    assert (begun.started_at_us, begun.expected_microdollars, begun.ending) == (task.state_at_us, 350_000, None)
    rows.clock.advance(3)
    task = await rows.moved(accepted(rows, task))
    assert await only(store, task) == replace(begun, accepted_at_us=task.state_at_us, job_id=task.job_id)
    rows.clock.advance(40)
    after = await rows.moved(polled(rows, task, outcomes.Finished(Cost(420_000, "3"))))
    ended = await only(store, task)
    assert (ended.ending, ended.ended_at_us) == (Ending.FINISHED, after.state_at_us)
    assert (ended.started_at_us, ended.cost_microdollars, ended.cost_units) == (begun.started_at_us, 420_000, "3")


async def test_a_throttled_attempt_gives_its_number_to_the_next(store: Store, rows: Rows) -> None:
    task = await started(rows, await rows.created(await rows.account()))
    task = await rows.moved(decide.submitted(task, outcomes.Throttled(2.0), POLICY, rows.clock.now_us()))
    assert (await only(store, task)).ending is Ending.THROTTLED
    rows.clock.advance(2)
    task = await started(rows, task, Terms("other", 7), "another")
    attempt = await only(store, task)
    assert (attempt.number, attempt.ending, attempt.ended_at_us) == (1, None, None)
    assert (attempt.provider, attempt.credential, attempt.expected_microdollars) == ("another", "other", 7)


async def test_each_try_at_a_provider_is_an_attempt_of_its_own(store: Store, rows: Rows) -> None:
    task = await started(rows, await rows.created(await rows.account()))
    task = await rows.moved(decide.submitted(task, outcomes.Unavailable("away"), POLICY, rows.clock.now_us()))
    task = await started(rows, task, provider="another")
    found = await store.attempts.of_task(task.id)
    assert [(attempt.number, attempt.provider, attempt.ending) for attempt in found] == [
        (1, "scripted", Ending.UNAVAILABLE),
        (2, "another", None),
    ]


async def test_a_transition_that_comes_too_late_writes_no_attempt_and_no_cost(store: Store, rows: Rows) -> None:
    task = await running(rows)
    finished = polled(rows, task, outcomes.Finished(Cost(1)))
    await rows.moved(decide.cancel_requested(task, rows.clock.now_us()))
    assert not await store.apply(finished)
    assert (await only(store, task)).ending is None
    assert await store.attempts.costs_of_task(task.id) == []


async def test_a_task_from_before_attempts_gets_its_row_with_what_happens_next(store: Store, rows: Rows) -> None:
    task = await running(rows)
    rows.change("DELETE FROM attempts")
    rows.change("UPDATE tasks SET credential = NULL")
    task = replace(task, credential=None)
    task = await rows.moved(polled(rows, task, outcomes.Finished()))
    attempt = await only(store, task)
    assert (attempt.ending, attempt.credential, attempt.job_id) == (Ending.FINISHED, None, task.job_id)
    assert await store.attempts.costs_of_task(task.id) == [], "nothing is known of its price"


async def test_several_changes_of_an_attempt_in_one_round_count_in_their_order(store: Store, rows: Rows) -> None:
    task = await rows.claimed(await rows.created(await rows.account()))
    now_us = rows.clock.now_us()
    first = decide.started(task, "scripted", (), now_us, TERMS)
    second = accepted(rows, first.task)
    third = polled(rows, second.task, outcomes.Finished())
    with rows.store.engines.write.begin() as connection:
        assert apply_transitions(Unit(connection), [first, second, third]) == [True, True, True]
    attempt = await only(store, task)
    assert (attempt.job_id, attempt.ending, attempt.credential) == (
        third.task.job_id,
        Ending.FINISHED,
        TERMS.credential,
    )
    (cost,) = await store.attempts.costs_of_task(task.id)
    assert (cost.microdollars, cost.is_estimate) == (350_000, True)


async def test_an_end_and_a_new_beginning_of_one_number_in_one_round_is_a_new_beginning(
    store: Store, rows: Rows
) -> None:
    task = await started(rows, await rows.created(await rows.account()))
    throttled = decide.submitted(task, outcomes.Throttled(0.0), POLICY, rows.clock.now_us())
    again = decide.started(throttled.task, "another", (), rows.clock.now_us(), TERMS)
    changes = [change for change in (throttled.attempt, again.attempt) if change is not None]
    with rows.store.engines.write.begin() as connection:
        write_attempts(connection, changes)
    attempt = await only(store, task)
    assert (attempt.provider, attempt.ending, attempt.ended_at_us) == ("another", None, None)


async def test_many_tasks_in_one_round_are_not_mixed_up(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000_000)
    made = await rows.many(account, 40)
    moved = await asyncio.gather(
        *(started(rows, task, Terms(f"key-{number}", number)) for number, task in enumerate(made))
    )
    for number, task in enumerate(moved):
        attempt = await only(store, task)
        assert (attempt.credential, attempt.expected_microdollars) == (f"key-{number}", number)


# --- costs ------------------------------------------------------------------------------------------------------------


async def test_what_a_provider_says_is_booked_and_a_repeat_is_not(store: Store, rows: Rows) -> None:
    task = await running(rows)
    transition = polled(rows, task, outcomes.Finished(Cost(420_000, "3")))
    assert [await store.apply(transition) for _ in range(2)] == [True, False]
    (cost,) = await store.attempts.costs_of_task(task.id)
    assert (cost.id, cost.kind, cost.microdollars) == (f"{task.id}.1", "final", 420_000)
    assert (cost.units, cost.is_estimate, cost.provider) == ("3", False, "scripted")
    forged = replace(transition, task=replace(transition.task, version=99), expected_version=transition.task.version)
    assert await store.apply(forged)
    assert await store.attempts.costs_of_task(task.id) == [cost], "the same booking once more is the same row"


async def test_an_estimate_is_what_the_attempt_was_to_cost_when_it_began(store: Store, rows: Rows) -> None:
    task = await running(rows)
    await rows.moved(polled(rows, task, outcomes.Finished()))
    (cost,) = await store.attempts.costs_of_task(task.id)
    assert (cost.microdollars, cost.is_estimate, cost.units) == (350_000, True, None)


async def test_a_providers_cost_does_not_touch_the_customer(store: Store, rows: Rows) -> None:
    account = await rows.account(1_000)
    task = await started(rows, await rows.created(account))
    task = await rows.moved(accepted(rows, task))
    before = rows.wallet(account)
    await rows.moved(polled(rows, task, outcomes.Finished(Cost(420_000))))
    assert rows.wallet(account) == before
    assert await store.unbalanced_accounts() == []


async def test_costs_outlive_their_task_and_attempts_do_not(store: Store, rows: Rows) -> None:
    task = await running(rows)
    task = await rows.moved(polled(rows, task, outcomes.Finished()))
    task = await rows.moved(decide.stored(task, outcomes.Stored(RESULT), POLICY, rows.clock.now_us()))
    far_us = rows.clock.now_us() + US
    await store.note_deletions(Deletion((), (task.id,), far_us))
    assert await store.purge(Purge(now_us=0, events_before_us=0, tasks_before_us=far_us, limit=10)) == 1
    assert await store.attempts.of_task(task.id) == []
    assert len(await store.attempts.costs_of_task(task.id)) == 1


async def test_costs_and_revenue_are_summed_by_provider_and_period(store: Store, rows: Rows) -> None:
    start_us = rows.clock.now_us()
    for cost in (Cost(100, "1"), None):
        task = await rows.moved(polled(rows, await running(rows), outcomes.Finished(cost)))
        await rows.moved(decide.stored(task, outcomes.Stored(RESULT), POLICY, rows.clock.now_us()))
    failed = await running(rows)
    await rows.moved(polled(rows, failed, outcomes.JobFailed(FailureCode.GENERATION_FAILED, "", Cost(7))))
    rows.clock.advance(61)
    lost = await given_up(rows)
    rows.clock.advance(61)
    (taken,) = await store.attempts.take_due(rows.clock.now_us(), rows.clock.now_us() + 1, 10)
    assert taken.task_id == lost.id
    await store.attempts.reconcile(attempts.cleared_up(taken, Ending.LATE, Cost(9), rows.clock.now_us()))
    end_us = rows.clock.now_us() + 1
    assert await store.attempts.totals(start_us, end_us) == [
        ProviderTotal("scripted", 4, 350_116, 350_000, 1, 9, 2, 2 * PRICE)
    ]
    assert await store.attempts.totals(start_us, start_us) == []
    late = await store.attempts.totals(end_us - 30 * US, end_us)
    assert [(total.jobs, total.microdollars, total.succeeded_tasks) for total in late] == [(1, 9, 0)]


# --- reconciliation ---------------------------------------------------------------------------------------------------


async def test_a_given_up_attempt_is_due_after_a_minute_and_taken_once(store: Store, rows: Rows) -> None:
    task = await given_up(rows)
    now_us = rows.clock.now_us()
    assert await store.attempts.take_due(now_us, now_us + US, 10) == ()
    due_us = now_us + 60 * US
    taken = await store.attempts.take_due(due_us, due_us + 300 * US, 10)
    assert [(attempt.task_id, attempt.reconcile_tries) for attempt in taken] == [(task.id, 1)]
    assert await store.attempts.take_due(due_us + US, due_us + 300 * US, 10) == ()
    again = await store.attempts.take_due(due_us + 300 * US, due_us + 600 * US, 10)
    assert [attempt.reconcile_tries for attempt in again] == [2], "whoever took it has died"


async def test_workers_that_take_at_the_same_time_share_what_is_due(store: Store, rows: Rows) -> None:
    made = [(await given_up(rows)).id for _ in range(6)]
    due_us = rows.clock.now_us() + 60 * US
    rounds = await asyncio.gather(*(store.attempts.take_due(due_us, due_us + 300 * US, 2) for _ in range(4)))
    taken = [attempt.task_id for found in rounds for attempt in found]
    assert sorted(taken) == sorted(made)


async def test_of_two_who_looked_at_an_attempt_the_one_that_took_it_last_writes(store: Store, rows: Rows) -> None:
    task = await given_up(rows)
    due_us = rows.clock.now_us() + 60 * US
    (first,) = await store.attempts.take_due(due_us, due_us + 1, 10)
    (second,) = await store.attempts.take_due(due_us + 1, due_us + 300 * US, 10)
    late = [attempts.cleared_up(taken, Ending.LATE, Cost(9), due_us) for taken in (first, second)]
    assert [await store.attempts.reconcile(found) for found in (*late, *late)] == [False, True, False, False]
    assert len(await store.attempts.costs_of_task(task.id)) == 1


async def test_a_late_success_changes_neither_task_nor_ledger(store: Store, rows: Rows) -> None:
    task = await given_up(rows)
    kinds, wallet = rows.kinds(task.id), rows.wallet(task.account_id)
    due_us = rows.clock.now_us() + 60 * US
    (taken,) = await store.attempts.take_due(due_us, due_us + 1, 10)
    assert await store.attempts.reconcile(attempts.cleared_up(taken, Ending.LATE, None, due_us))
    assert await store.task(task.id) == task
    assert (rows.kinds(task.id), rows.wallet(task.account_id)) == (kinds, wallet)
    (cost,) = await store.attempts.costs_of_task(task.id)
    assert (cost.kind, cost.microdollars, cost.is_estimate) == ("late", 350_000, True)
    attempt = await only(store, task)
    assert (attempt.ending, attempt.reconcile_at_us) == (Ending.LATE, None)


async def test_a_job_that_turned_up_is_kept_on_the_attempt_while_it_goes_on(store: Store, rows: Rows) -> None:
    task = await started(rows, await rows.created(await rows.account()))
    task = await rows.moved(decide.expired(task, rows.clock.now_us()))
    due_us = rows.clock.now_us() + 60 * US
    (taken,) = await store.attempts.take_due(due_us, due_us + 1, 10)
    seen = replace(taken, job_id=JobId("job-late"), accepted_at_us=due_us)
    assert await store.attempts.reconcile(attempts.looked_for(seen, 86_400, due_us))
    attempt = await only(store, task)
    assert (attempt.job_id, attempt.ending) == ("job-late", Ending.GIVEN_UP)
    assert attempt.reconcile_at_us is not None
    assert attempt.reconcile_at_us > due_us


# --- credentials ------------------------------------------------------------------------------------------------------


async def test_unfinished_jobs_are_counted_by_the_credential_that_they_are_tied_to(store: Store, rows: Rows) -> None:
    account = await rows.account()
    for credential in ("new", "old", "old"):
        await started(rows, await rows.created(account), Terms(credential))
    ended = await started(rows, await rows.created(account), Terms("old"))
    await rows.moved(decide.expired(ended, rows.clock.now_us()))
    await rows.in_state(account, State.QUEUED)
    assert await store.attempts.pinned_tasks() == {("scripted", "new"): 1, ("scripted", "old"): 2}


async def test_a_task_that_is_not_there_has_no_attempts(store: Store) -> None:
    assert await store.attempts.of_task(TaskId("task_none")) == []
    assert await store.attempts.costs_of_task(TaskId("task_none")) == []
