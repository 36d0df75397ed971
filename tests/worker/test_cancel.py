"""Cancelling in every state: who ends when, who is asked, and what it costs. Source: Rivya contract, section 12.2."""

from pathlib import Path

import pytest

from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.task import FailureCode, State
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer
from worker.lives import (
    Door,
    assert_charged,
    assert_held,
    assert_released,
    cancel,
    settled,
    status,
    until_end,
    until_state,
)

pytestmark = pytest.mark.anyio


async def test_a_queued_task_ends_at_once_and_the_provider_never_hears_of_it(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.free_slots = 0
    task_id = await gateway.created(account)
    answer = await cancel(gateway, account, task_id)
    assert (answer.status_code, answer.json()["status"]) == (200, "failed")
    assert (answer.headers["x-reelway-state"], answer.headers["x-reelway-failure"]) == ("cancelled", "cancelled")
    await assert_released(gateway, account, task_id, CREDITS)
    provider.free_slots = 10
    await gateway.ended(account, await gateway.created(account))
    assert len(provider.orders) == 1


async def test_a_task_that_is_being_submitted_is_stopped_once_the_provider_has_it(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.before_submit = door = Door()
    task_id = await gateway.created(account)
    await door.until_reached()
    answer = await cancel(gateway, account, task_id)
    assert (answer.status_code, answer.json()["status"]) == (200, "queued")
    await assert_held(gateway, account, task_id, CREDITS)
    door.opened.set()
    task = await until_end(gateway, task_id)
    assert (task.state, task.failure_code) == (State.CANCELLED, FailureCode.CANCELLED)
    assert provider.cancelled == [task_id]
    await assert_released(gateway, account, task_id, CREDITS)


@pytest.mark.parametrize(
    "outcome", [outcomes.Unavailable("down"), outcomes.Throttled(0.01)], ids=["unavailable", "throttled"]
)
async def test_a_task_whose_submit_made_no_job_is_not_submitted_again_after_a_cancel(
    gateway: TestGateway, provider: ScriptedProvider, account: Account, outcome: outcomes.SubmitOutcome
) -> None:
    """The wish to cancel came while the submit was under way; it is certain that no video will come."""
    provider.before_submit = door = Door()
    provider.submits.append(outcome)
    task_id = await gateway.created(account)
    await door.until_reached()
    assert (await cancel(gateway, account, task_id)).status_code == 200
    door.opened.set()
    task = await until_end(gateway, task_id)
    assert task.state is State.CANCELLED
    assert (len(provider.orders), provider.jobs) == (1, {})
    await assert_released(gateway, account, task_id, CREDITS)


async def test_a_task_whose_submit_was_not_answered_is_cancelled_once_its_job_is_known_not_to_be(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits.append(outcomes.SubmitUnknown("timeout"))
    provider.finds += [outcomes.FindUnknown("timeout")] * 3
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.SUBMITTING)
    await settled(gateway)
    assert (await cancel(gateway, account, task_id)).status_code == 200
    await assert_held(gateway, account, task_id, CREDITS)
    task = await until_end(gateway, task_id)
    assert (task.state, len(provider.orders)) == (State.CANCELLED, 1)
    await assert_released(gateway, account, task_id, CREDITS)


async def test_a_running_task_is_stopped_at_the_provider_before_it_ends(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.InProgress(0.5, 60.0)
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count == 1)
    await settled(gateway)
    answer = await cancel(gateway, account, task_id)
    assert (answer.status_code, answer.json()["status"]) == (200, "processing")
    task = await until_end(gateway, task_id, step_s=0)
    assert (task.state, provider.cancelled) == (State.CANCELLED, [task_id])
    await assert_released(gateway, account, task_id, CREDITS)
    await gateway.until(lambda: provider.discarded == [f"job-{task_id}"])


async def test_a_cancel_while_a_poll_is_under_way_is_seen_before_the_next_one(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.before_poll = door = Door()
    provider.default_poll = outcomes.InProgress(0.5, 0.01)
    task_id = await gateway.created(account)
    await door.until_reached()
    assert (await cancel(gateway, account, task_id)).status_code == 200
    door.opened.set()
    task = await until_end(gateway, task_id)
    assert (task.state, provider.cancelled, provider.poll_count) == (State.CANCELLED, [task_id], 1)


async def test_a_job_that_was_faster_than_the_cancel_is_delivered_and_charged(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.before_poll = door = Door()
    task_id = await gateway.created(account)
    await door.until_reached()
    assert (await cancel(gateway, account, task_id)).status_code == 200
    door.opened.set()
    task = await until_end(gateway, task_id)
    assert task.state is State.SUCCEEDED
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_job_that_cannot_be_stopped_any_more_goes_on_as_if_nothing_had_been_asked(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.polls.append(outcomes.InProgress(0.5, 60.0))
    provider.cancels.append(outcomes.CancelImpossible())
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count == 1)
    await settled(gateway)
    assert (await cancel(gateway, account, task_id)).status_code == 200
    task = await until_end(gateway, task_id)
    assert (task.state, provider.cancelled, task.cancel_requested_at_us) == (State.SUCCEEDED, [task_id], None)
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_cancel_that_was_declined_may_be_asked_for_again(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.InProgress(0.5, 60.0)
    provider.cancels.append(outcomes.CancelImpossible())
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count == 1)
    await settled(gateway)
    assert (await cancel(gateway, account, task_id)).status_code == 200
    await gateway.until(lambda: provider.poll_count == 2)
    await settled(gateway)
    assert (await cancel(gateway, account, task_id)).status_code == 200
    assert (await until_end(gateway, task_id)).state is State.CANCELLED
    assert provider.cancelled == [task_id, task_id]


async def test_a_cancel_without_an_answer_is_repeated_and_the_hold_stays(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.InProgress(0.5, 60.0)
    provider.cancels += [outcomes.CancelUnknown("timeout")] * 3
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count == 1)
    await settled(gateway)
    await cancel(gateway, account, task_id)
    await gateway.until(lambda: len(provider.cancelled) == 1)
    await assert_held(gateway, account, task_id, CREDITS)
    task = await until_end(gateway, task_id, step_s=0.3)
    assert (task.state, len(provider.cancelled)) == (State.CANCELLED, 4)


async def test_asking_twice_is_asking_once(gateway: TestGateway, provider: ScriptedProvider, account: Account) -> None:
    provider.before_poll = door = Door()
    provider.default_poll = outcomes.InProgress(0.5, 0.01)
    task_id = await gateway.created(account)
    await door.until_reached()
    assert [(await cancel(gateway, account, task_id)).status_code for _ in range(3)] == [200, 200, 200]
    door.opened.set()
    assert (await until_end(gateway, task_id)).state is State.CANCELLED
    assert provider.cancelled == [task_id]
    answer = await cancel(gateway, account, task_id)
    assert (answer.status_code, answer.headers["x-reelway-state"]) == (200, "cancelled")


async def test_a_task_whose_result_is_being_kept_can_no_longer_be_cancelled(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.fetches += [outcomes.StoreFailed("away", is_final=False)] * 2
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.STORING, step_s=0)
    answer = await cancel(gateway, account, task_id)
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "generation_not_cancellable")
    assert (await until_end(gateway, task_id)).state is State.SUCCEEDED


@pytest.mark.parametrize("ending", [outcomes.Finished(), outcomes.JobFailed(FailureCode.GENERATION_FAILED, "")])
async def test_a_task_that_has_ended_can_no_longer_be_cancelled(
    gateway: TestGateway, provider: ScriptedProvider, account: Account, ending: outcomes.PollOutcome
) -> None:
    provider.default_poll = ending
    task_id = await gateway.created(account)
    before = (await gateway.ended(account, task_id)).json()
    assert (await cancel(gateway, account, task_id)).status_code == 409
    after = await status(gateway, account, task_id)
    assert {key: after[key] for key in before} == before


async def test_a_task_at_a_provider_that_cannot_cancel_goes_on(tmp_path: Path) -> None:
    provider = ScriptedProvider(scripted_offer(load_catalog(), can_cancel=False), video_bytes())
    provider.before_submit, provider.before_poll = submitting, polling = Door(), Door()
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        task_id = await gateway.created(account)
        for door in (submitting, polling):
            await door.until_reached()
            answer = await cancel(gateway, account, task_id)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "generation_not_cancellable")
            door.opened.set()
        assert (await until_end(gateway, task_id)).state is State.SUCCEEDED
        assert provider.cancelled == []


async def test_another_accounts_task_cannot_be_cancelled(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.free_slots = 0
    task_id = await gateway.created(account)
    stranger = await gateway.account()
    assert (await cancel(gateway, stranger, task_id)).status_code == 404
    assert (await gateway.task(task_id)).state is State.QUEUED
