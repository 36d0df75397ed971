"""Every answer of a provider to a submit, from the request to the money."""

import asyncio
from itertools import repeat

import pytest

from reelway.domain import decide, outcomes
from reelway.domain.ids import JobId
from reelway.domain.task import FailureCode, State
from support.gateway import CREDITS, Account, TestGateway
from support.provider import ScriptedProvider
from worker.lives import assert_charged, assert_held, assert_released, settled, status, until_end, until_state

pytestmark = pytest.mark.anyio


async def test_an_accepted_task_succeeds_and_is_charged_once(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await gateway.created(account)
    answer = await gateway.ended(account, task_id)
    assert (answer.json()["status"], answer.json()["final_credits"]) == ("succeeded", 42)
    assert answer.headers["x-reelway-state"] == "succeeded"
    await assert_charged(gateway, account, task_id, CREDITS)
    assert provider.jobs == {task_id: 1}
    await gateway.until(lambda: provider.discarded == [f"job-{task_id}"])


async def test_an_order_says_all_that_the_caller_wanted_under_the_tasks_own_reference(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    params = {"duration": "10", "aspect_ratio": "9:16", "negative_prompt": "blur", "cfg_scale": 0.7}
    task_id = await gateway.created(account, prompt="ایک بوتل", params=params)
    await gateway.ended(account, task_id)
    (order,) = provider.orders
    generation = order.generation
    assert (order.task_id, order.inputs) == (task_id, ())
    assert (generation.prompt, generation.duration_s, generation.aspect_ratio) == ("ایک بوتل", 10, "9:16")
    assert (generation.negative_prompt, generation.cfg_scale, generation.mode) == ("blur", 0.7, "pro")


@pytest.mark.parametrize("code", [FailureCode.CONTENT_REJECTED, FailureCode.PROVIDER_REJECTED])
async def test_a_refused_task_fails_at_once_and_costs_nothing(
    gateway: TestGateway, provider: ScriptedProvider, account: Account, code: FailureCode
) -> None:
    provider.submits.append(outcomes.Refused(code, "too wild"))
    task_id = await gateway.created(account)
    answer = await gateway.ended(account, task_id)
    assert (answer.json()["status"], answer.headers["x-reelway-failure"]) == ("failed", code)
    assert answer.json()["error"]["code"] == "generation_failed"
    await assert_released(gateway, account, task_id, CREDITS)
    assert (len(provider.orders), provider.jobs, provider.poll_count) == (1, {}, 0)


async def test_an_unavailable_provider_is_asked_again_and_makes_one_job(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits += [outcomes.Unavailable("down")] * 2
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, task.attempt, len(provider.orders)) == (State.SUCCEEDED, 3, 3)
    assert provider.jobs == {task_id: 1}
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_provider_that_stays_away_ends_the_task_after_all_attempts(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_submit = outcomes.Unavailable("down")
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.PROVIDER_UNAVAILABLE)
    assert len(provider.orders) == gateway.settings.submit_tries_max
    await assert_released(gateway, account, task_id, CREDITS)


async def test_a_throttle_does_not_count_as_an_attempt(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    number = gateway.settings.submit_tries_max * 2
    provider.submits += repeat(outcomes.Throttled(0.03), number)
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, task.attempt, len(provider.orders)) == (State.SUCCEEDED, 1, number + 1)
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_reference_that_our_storage_does_not_give_uses_up_no_attempt(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits += [outcomes.Unavailable("a reference could not be read from the storage", is_ours=True)] * 9
    task = await until_end(gateway, await gateway.created(account), step_s=5)
    assert (task.state, task.attempt, len(provider.orders)) == (State.SUCCEEDED, 1, 10)


async def test_a_throttled_task_waits_as_long_as_the_provider_says(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits.append(outcomes.Throttled(7.0))
    before_us = gateway.clock.now_us()
    task_id = await gateway.created(account)
    await gateway.until(lambda: len(provider.orders) == 1)
    await settled(gateway)
    task = await gateway.task(task_id)
    assert task.due_at_us is not None
    assert 7_000_000 <= task.due_at_us - before_us < 7_100_000
    assert (await status(gateway, account, task_id))["status"] == "queued"
    gateway.clock.advance(7.1)
    await gateway.ended(account, task_id)


# --- the answer was lost ----------------------------------------------------------------------------------------------


async def test_a_job_that_is_found_after_a_lost_answer_is_not_made_again(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits.append(outcomes.SubmitUnknown("timeout"))
    provider.finds.append(outcomes.Accepted(JobId("job-lost"), 0.0))
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, task.job_id, len(provider.orders)) == (State.SUCCEEDED, "job-lost", 1)
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_submit_that_never_arrived_is_made_again(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits.append(outcomes.SubmitUnknown("timeout"))
    provider.finds.append(outcomes.Absent())
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, task.attempt, len(provider.orders)) == (State.SUCCEEDED, 2, 2)
    assert provider.jobs == {task_id: 1}


async def test_an_unanswered_submit_keeps_the_hold_and_is_not_repeated(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits.append(outcomes.SubmitUnknown("timeout"))
    provider.finds += [outcomes.FindUnknown("timeout")] * 6
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.SUBMITTING)
    async with asyncio.timeout(10):
        while len(provider.finds) > 2:
            await assert_held(gateway, account, task_id, CREDITS)
            assert (await status(gateway, account, task_id))["status"] == "queued"
            gateway.clock.advance(0.05)
            await asyncio.sleep(0.01)
    assert len(provider.orders) == 1
    provider.finds.clear()
    provider.finds.append(outcomes.Accepted(JobId("job-lost"), 0.0))
    task = await until_end(gateway, task_id)
    assert (task.state, task.attempt, len(provider.orders)) == (State.SUCCEEDED, 1, 1)


async def test_an_unanswered_submit_is_given_up_when_its_window_is_over(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits.append(outcomes.SubmitUnknown("timeout"))
    provider.finds += [outcomes.FindUnknown("timeout")] * 500
    task_id = await gateway.created(account)
    task = await until_state(gateway, task_id, State.SUBMITTING)
    await settled(gateway)
    gateway.clock.advance(gateway.settings.unknown_window_seconds - 1)
    asked = len(provider.finds)
    await gateway.until(lambda: len(provider.finds) < asked)
    await assert_held(gateway, account, task_id, CREDITS)
    gateway.clock.advance(2)
    task = await until_end(gateway, task_id)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.PROVIDER_UNAVAILABLE)
    assert len(provider.orders) == 1
    await assert_released(gateway, account, task_id, CREDITS)


# --- our own mistakes -------------------------------------------------------------------------------------------------


async def test_a_submit_that_raises_is_looked_for_and_the_task_ends_with_its_money_back(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    async def break_down(_order: object) -> None:
        raise ZeroDivisionError

    provider.before_submit = break_down
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, provider.orders) == (State.FAILED, [])
    await assert_released(gateway, account, task_id, CREDITS)


async def test_a_submit_that_raises_once_does_not_end_the_task(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    faults = iter([ZeroDivisionError()])

    async def break_down(_order: object) -> None:
        if fault := next(faults, None):
            raise fault

    provider.before_submit = break_down
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, provider.jobs) == (State.SUCCEEDED, {task_id: 1})
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_find_that_raises_is_tried_again_and_then_given_up(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    class Broken:
        def popleft(self) -> None:
            raise ZeroDivisionError

        def __bool__(self) -> bool:
            return True

    provider.submits.append(outcomes.SubmitUnknown("timeout"))
    provider.finds = Broken()  # type: ignore[assignment]
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.INTERNAL_ERROR)
    assert task.tries == 0 or task.tries < decide.FAULTS_MAX
    assert len(provider.orders) == 1
    await assert_released(gateway, account, task_id, CREDITS)


async def test_one_tasks_faults_do_not_hold_up_the_others(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    bad = await gateway.created(account, prompt="bad")

    async def break_down(order: object) -> None:
        if order.generation.prompt == "bad":  # type: ignore[attr-defined]
            raise ZeroDivisionError

    provider.before_poll = break_down
    good = [await gateway.created(account) for _ in range(10)]
    for task_id in good:
        assert (await until_end(gateway, task_id)).state is State.SUCCEEDED
    assert (await until_end(gateway, bad)).failure_code is FailureCode.INTERNAL_ERROR


async def test_a_submit_that_was_never_cleared_up_is_called_off_at_the_provider(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    """The task is given up after the provider's window, but there may be a job that nobody will fetch."""
    provider.submits.append(outcomes.SubmitUnknown("timeout"))
    provider.finds += repeat(outcomes.FindUnknown("timeout"), 10_000)
    task_id = await gateway.created(account)
    task = await until_end(gateway, task_id, step_s=60)
    assert task.failure_code is FailureCode.PROVIDER_UNAVAILABLE
    await gateway.until(lambda: provider.cancelled == [task_id])
