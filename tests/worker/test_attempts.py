"""Attempts along the life of a task: what an operator sees of each try, and what it cost."""

import pytest

from reelway.domain import outcomes
from reelway.domain.attempts import Attempt, Ending
from reelway.domain.errors import NotFoundError
from reelway.domain.ids import KeyId, TaskId
from reelway.domain.intents import Caller
from reelway.domain.outcomes import Cost
from reelway.domain.records import ALL_SCOPES
from reelway.domain.task import FailureCode, State
from reelway.gateway.attempts import attempts_of
from reelway.gateway.core import Core
from reelway.gateway.costs import provider_costs
from support.gateway import CREDITS, Account, TestGateway
from support.provider import ScriptedProvider
from worker.lives import PRICE, assert_released, cancel, settled, until_end

pytestmark = pytest.mark.anyio

DEADLINE_S = 3_600


async def tried(gateway: TestGateway, task_id: TaskId) -> tuple[Attempt, ...]:
    return (await attempts_of(gateway.core, None, task_id)).attempts


async def cost_rows(core: Core, task_id: TaskId) -> list[tuple[str, int, bool]]:
    found = (await attempts_of(core, None, task_id)).costs
    return [(cost.kind.value, cost.microdollars, cost.is_estimate) for cost in found]


async def test_a_success_leaves_one_attempt_with_its_job_and_its_cost(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.Finished(Cost(350_000, "2.5"))
    task_id = await gateway.created(account)
    await gateway.ended(account, task_id)
    (attempt,) = await tried(gateway, task_id)
    assert (attempt.number, attempt.provider, attempt.job_id) == (1, "scripted", f"job-{task_id}")
    assert (attempt.ending, attempt.credential) == (Ending.FINISHED, provider.credential)
    assert attempt.accepted_at_us is not None
    assert attempt.ended_at_us is not None
    assert attempt.started_at_us <= attempt.accepted_at_us <= attempt.ended_at_us
    assert (attempt.mode, attempt.duration_s) == ("pro", 5)
    assert await cost_rows(gateway.core, task_id) == [("final", 350_000, False)]


async def test_every_try_is_kept_with_how_it_ended(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits += [
        outcomes.Unavailable("down"),
        outcomes.Throttled(0.01),
        outcomes.Throttled(0.01),
        outcomes.SubmitUnknown("timeout"),
    ]
    provider.finds.append(outcomes.Absent())
    provider.default_poll = outcomes.JobFailed(FailureCode.GENERATION_FAILED, "")
    task_id = await gateway.created(account)
    await until_end(gateway, task_id)
    found = await tried(gateway, task_id)
    assert [(attempt.number, attempt.ending) for attempt in found] == [
        (1, Ending.UNAVAILABLE),
        (2, Ending.ABSENT),
        (3, Ending.FAILED),
    ]
    assert await cost_rows(gateway.core, task_id) == []


async def test_a_job_that_was_stopped_for_the_caller_is_cancelled(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.InProgress(0.5, 60.0)
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count == 1)
    await settled(gateway)
    await cancel(gateway, account, task_id)
    await until_end(gateway, task_id, step_s=0)
    (attempt,) = await tried(gateway, task_id)
    assert (attempt.ending, attempt.reconcile_at_us) == (Ending.CANCELLED, None)


async def test_a_result_that_cannot_be_kept_was_paid_for_all_the_same(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.Finished(Cost(350_000))
    provider.fetches.append(outcomes.StoreFailed("gone", is_final=True))
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert task.failure_code is FailureCode.STORAGE_FAILED
    (attempt,) = await tried(gateway, task_id)
    assert attempt.ending is Ending.FINISHED
    assert await cost_rows(gateway.core, task_id) == [("final", 350_000, False)]
    await assert_released(gateway, account, task_id, CREDITS)


async def test_costs_stand_beside_what_callers_were_charged(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.Finished(Cost(350_000))
    await gateway.ended(account, await gateway.created(account))
    now_us = gateway.clock.now_us()
    (total,) = await provider_costs(gateway.core, now_us - 10**9, now_us + 1)
    assert (total.provider, total.jobs, total.microdollars) == ("scripted", 1, 350_000)
    assert (total.succeeded_tasks, total.revenue_credits) == (1, PRICE)


async def test_a_stranger_is_not_told_of_attempts(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await gateway.created(account)
    await gateway.ended(account, task_id)
    stranger = await gateway.account()
    owner = Caller(account.id, KeyId("key"), ALL_SCOPES)
    assert len((await attempts_of(gateway.core, owner, task_id)).attempts) == 1
    with pytest.raises(NotFoundError):
        await attempts_of(gateway.core, Caller(stranger.id, KeyId("key"), ALL_SCOPES), task_id)


# --- the deadline -----------------------------------------------------------------------------------------------------


async def test_a_cancel_that_nobody_confirms_does_not_outlast_the_deadline(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.InProgress(0.5, 60.0)
    provider.cancels += [outcomes.CancelUnknown("timeout")] * 10_000
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count == 1)
    await settled(gateway)
    await cancel(gateway, account, task_id)
    await gateway.until(lambda: len(provider.cancelled) >= 1)
    await settled(gateway)
    gateway.clock.advance(DEADLINE_S + 1)
    task = await until_end(gateway, task_id, step_s=0.5)
    assert (task.state, task.failure_code) == (State.EXPIRED, FailureCode.TIMEOUT)
    (attempt,) = await tried(gateway, task_id)
    assert attempt.ending is Ending.GIVEN_UP, "the provider never said that the job has stopped"
    await assert_released(gateway, account, task_id, CREDITS)


async def test_a_job_that_the_provider_stops_at_the_deadline_is_not_looked_for(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.InProgress(0.5, 60.0)
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count == 1)
    await settled(gateway)
    gateway.clock.advance(DEADLINE_S + 1)
    assert (await until_end(gateway, task_id)).state is State.EXPIRED
    (attempt,) = await tried(gateway, task_id)
    assert (attempt.ending, attempt.reconcile_at_us) == (Ending.CANCELLED, None)
