"""Cancel, in every state and with providers that can and cannot. Section 12.2."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.rivya.wire import cancel, credits_of, error_of, status_of, task_of
from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.ids import JobId, TaskId
from reelway.domain.task import State
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer
from support.staging import Gate, in_state, provider_of, until_state

pytestmark = pytest.mark.anyio

WORDS = "The generation was cancelled."
TOO_LATE = "The generation can no longer be cancelled."


@pytest.fixture
async def stubborn(tmp_path: Path) -> AsyncIterator[TestGateway]:
    """A gateway whose provider cannot cancel."""
    provider = ScriptedProvider(scripted_offer(load_catalog(), can_cancel=False), video_bytes())
    async with running_gateway(tmp_path, scripted=provider, backoff_base_seconds=30, backoff_max_seconds=30) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()
        assert not provider.cancelled


async def assert_cancelled(stage: TestGateway, owner: Account, task_id: TaskId) -> None:
    answer = await stage.ended(owner, task_id)
    task = task_of(answer)
    assert (task["status"], task["error"]["message"]) == ("failed", WORDS)
    assert answer.headers["X-Reelway-State"] == "cancelled"
    assert await credits_of(stage, owner) == CREDITS


async def test_12_2_a_queued_task_ends_at_once(stage: TestGateway, owner: Account) -> None:
    task_id = await in_state(stage, owner, State.QUEUED)
    answer = await cancel(stage, owner, task_id)
    task = task_of(answer)
    assert (task["status"], task["error"]["message"]) == ("failed", WORDS)
    assert (answer.headers["X-Reelway-State"], answer.headers["X-Reelway-Failure"]) == ("cancelled", "cancelled")
    assert (await status_of(stage, owner, task_id)).json() == task
    await assert_cancelled(stage, owner, task_id)
    assert not provider_of(stage).orders


async def test_12_2_a_running_task_is_cancelled_when_the_provider_confirms(stage: TestGateway, owner: Account) -> None:
    task_id = await in_state(stage, owner, State.RUNNING)
    assert task_of(await cancel(stage, owner, task_id))["status"] == "processing"
    await assert_cancelled(stage, owner, task_id)
    assert provider_of(stage).cancelled == [task_id]


async def test_12_2_a_submitting_task_is_cancelled_once_its_job_is_known(stage: TestGateway, owner: Account) -> None:
    gate = Gate()
    provider_of(stage).before_submit = gate
    task_id = await stage.created(owner)
    await until_state(stage, task_id, State.SUBMITTING)
    for _ in range(2):
        answer = await cancel(stage, owner, task_id)
        assert task_of(answer)["status"] == "queued"
        assert answer.headers["X-Reelway-State"] == "submitting"
    gate.open()
    await assert_cancelled(stage, owner, task_id)
    assert provider_of(stage).cancelled == [task_id]


async def test_12_2_a_submitting_task_whose_submit_never_arrived_is_cancelled_without_a_job(
    stage: TestGateway, owner: Account
) -> None:
    task_id = await in_state(stage, owner, State.SUBMITTING)
    assert task_of(await cancel(stage, owner, task_id))["status"] == "queued"
    await assert_cancelled(stage, owner, task_id)
    assert not provider_of(stage).jobs


async def test_12_2_a_task_that_was_faster_than_its_cancel_ends_normally(stage: TestGateway, owner: Account) -> None:
    provider = provider_of(stage)
    task_id = await in_state(stage, owner, State.RUNNING)
    provider.cancels.append(outcomes.CancelImpossible())
    assert task_of(await cancel(stage, owner, task_id))["status"] == "processing"
    await stage.until(lambda: bool(provider.cancelled))
    stage.clock.advance(7_200 - 3_700)
    task = task_of(await stage.ended(owner, task_id))
    assert task["status"] == "succeeded"
    assert await credits_of(stage, owner) == CREDITS - 42


async def test_12_2_a_cancel_that_the_provider_does_not_answer_is_asked_again(
    stage: TestGateway, owner: Account
) -> None:
    provider = provider_of(stage)
    task_id = await in_state(stage, owner, State.RUNNING)
    provider.cancels.append(outcomes.CancelUnknown("no answer"))
    assert task_of(await cancel(stage, owner, task_id))["status"] == "processing"
    await stage.until(lambda: len(provider.cancelled) == 1)
    stage.clock.advance(30)
    await assert_cancelled(stage, owner, task_id)
    assert provider.cancelled == [task_id] * 2


@pytest.mark.parametrize("state", [State.SUBMITTING, State.RUNNING])
async def test_12_2_a_task_at_a_provider_that_cannot_cancel_goes_on(stubborn: TestGateway, state: State) -> None:
    owner = await stubborn.account()
    task_id = await in_state(stubborn, owner, state)
    before = task_of(await status_of(stubborn, owner, task_id))
    answer = await cancel(stubborn, owner, task_id)
    assert error_of(answer, 409, "generation_not_cancellable")["message"] == TOO_LATE
    assert task_of(await status_of(stubborn, owner, task_id)) == before
    if state is State.SUBMITTING:
        provider_of(stubborn).finds.append(outcomes.Accepted(JobId("job"), poll_after_s=0))
        stubborn.clock.advance(60)
        assert task_of(await stubborn.ended(owner, task_id))["status"] == "succeeded"
        assert await credits_of(stubborn, owner) == CREDITS - 42


async def test_12_2_a_queued_task_ends_whatever_its_provider_can(stubborn: TestGateway) -> None:
    owner = await stubborn.account()
    task_id = await in_state(stubborn, owner, State.QUEUED)
    assert task_of(await cancel(stubborn, owner, task_id))["status"] == "failed"


@pytest.mark.parametrize("state", [State.STORING, State.SUCCEEDED, State.FAILED, State.EXPIRED])
async def test_12_2_it_is_too_late_once_the_result_is_on_its_way_or_the_task_has_ended(
    stage: TestGateway, owner: Account, state: State
) -> None:
    task_id = await in_state(stage, owner, state)
    before, balance = task_of(await status_of(stage, owner, task_id)), await credits_of(stage, owner)
    for _ in range(2):
        answer = await cancel(stage, owner, task_id)
        assert error_of(answer, 409, "generation_not_cancellable")["message"] == TOO_LATE
    assert task_of(await status_of(stage, owner, task_id)) == before
    assert await credits_of(stage, owner) == balance


async def test_12_2_a_cancelled_task_may_be_cancelled_again_and_stays_the_same(
    stage: TestGateway, owner: Account
) -> None:
    task_id = await in_state(stage, owner, State.CANCELLED)
    before = task_of(await status_of(stage, owner, task_id))
    stage.clock.advance(100)
    assert task_of(await cancel(stage, owner, task_id)) == before
    assert await credits_of(stage, owner) == CREDITS


async def test_12_2_a_cancel_needs_no_body_and_looks_at_none(stage: TestGateway, owner: Account) -> None:
    task_id = await in_state(stage, owner, State.QUEUED)
    path = f"/api/v1/generations/{task_id}/cancel"
    for content in (b"", b"{", b"x" * 100_000):
        task_of(await stage.http.post(path, content=content, headers=owner.headers))


async def test_12_2_only_the_owner_may_cancel(stage: TestGateway, owner: Account) -> None:
    task_id = await in_state(stage, owner, State.QUEUED)
    error_of(await cancel(stage, await stage.account(), task_id), 404, "not_found")
    assert task_of(await status_of(stage, owner, task_id))["status"] == "queued"
