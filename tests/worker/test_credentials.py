"""A job is asked for with the credential that submitted it, and with no other."""

from pathlib import Path

import pytest

from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.attempts import Ending
from reelway.domain.ids import TaskId
from reelway.domain.task import FailureCode, State
from reelway.gateway.attempts import attempts_of
from support.gateway import TestGateway, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer
from worker.lives import assert_released, cancel, settled, until_end, until_state

pytestmark = pytest.mark.anyio

DEADLINE_S = 3_600


def provider_with(credential: str) -> ScriptedProvider:
    return ScriptedProvider(scripted_offer(load_catalog()), video_bytes(), credential=credential)


async def left_running(folder: Path, credential: str = "old") -> TaskId:
    """A job that is under way when its gateway stops."""
    provider = provider_with(credential)
    provider.default_poll = outcomes.InProgress(0.5, 60.0)
    async with running_gateway(folder, scripted=provider) as gateway:
        task_id = await gateway.created(await gateway.account(100))
        await gateway.until(lambda: provider.poll_count == 1)
    return task_id


async def looked_at(gateway: TestGateway, task_id: TaskId, times: int = 3) -> None:
    """The worker has had the task in its hands this often."""
    for _ in range(times):
        before = await gateway.task(task_id)
        assert before.due_at_us is not None
        gateway.clock.advance(max(0.0, (before.due_at_us - gateway.clock.now_us()) / 1e6) + 0.001)

        async def is_put_back(version: int = before.version) -> bool:
            return (await gateway.task(task_id)).version >= version + 2

        await gateway.until(is_put_back)


async def test_a_job_waits_while_its_provider_has_another_credential_and_goes_on_with_the_old_one(
    tmp_path: Path,
) -> None:
    task_id = await left_running(tmp_path)
    other = provider_with("new")
    async with running_gateway(tmp_path, scripted=other) as gateway:
        await looked_at(gateway, task_id)
        assert (await gateway.task(task_id)).state is State.RUNNING
    assert (other.poll_count, other.cancelled) == (0, [])
    again = provider_with("old")
    async with running_gateway(tmp_path, scripted=again) as gateway:
        assert (await until_end(gateway, task_id, step_s=5)).state is State.SUCCEEDED


async def test_a_job_that_nobody_may_ask_for_expires_at_its_deadline(tmp_path: Path) -> None:
    task_id = await left_running(tmp_path)
    other = provider_with("new")
    async with running_gateway(tmp_path, scripted=other) as gateway:
        gateway.clock.advance(DEADLINE_S + 1)
        task = await until_end(gateway, task_id, step_s=5)
        assert (task.state, task.failure_code) == (State.EXPIRED, FailureCode.TIMEOUT)
        assert (other.poll_count, other.cancelled) == (0, [])
        (attempt,) = (await attempts_of(gateway.core, None, task_id)).attempts
        assert attempt.ending is Ending.GIVEN_UP


async def test_a_given_up_job_is_not_looked_for_with_another_credential(tmp_path: Path) -> None:
    task_id = await left_running(tmp_path)
    other = provider_with("new")
    async with running_gateway(tmp_path, scripted=other) as gateway:
        gateway.clock.advance(DEADLINE_S + 1)
        await until_end(gateway, task_id, step_s=5)
        gateway.clock.advance(61)

        async def is_looked_for() -> bool:
            (attempt,) = (await attempts_of(gateway.core, None, task_id)).attempts
            return attempt.reconcile_tries > 0

        await gateway.until(is_looked_for)
        await settled(gateway)
    assert (other.poll_count, other.cancelled) == (0, [])


async def test_a_cancel_waits_with_its_job(tmp_path: Path) -> None:
    provider = provider_with("old")
    provider.default_poll = outcomes.InProgress(0.5, 60.0)
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account(100)
        task_id = await gateway.created(account)
        await gateway.until(lambda: provider.poll_count == 1)
        await settled(gateway)
        provider.credential = "new"
        assert (await cancel(gateway, account, task_id)).status_code == 200

        async def is_put_back() -> bool:
            return (await gateway.task(task_id)).lease_owner is None

        await gateway.until(is_put_back)
        await looked_at(gateway, task_id, times=1)
        assert provider.cancelled == []
        provider.credential = "old"
        assert (await until_end(gateway, task_id, step_s=5)).state is State.CANCELLED


async def test_a_lost_submit_is_not_looked_for_with_another_credential(tmp_path: Path) -> None:
    provider = provider_with("old")
    provider.submits.append(outcomes.SubmitUnknown("timeout"))
    provider.finds += [outcomes.FindUnknown("timeout")] * 10_000
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account(100)
        task_id = await gateway.created(account)
        await until_state(gateway, task_id, State.SUBMITTING)
        await settled(gateway)
        provider.credential = "new"
        asked = len(provider.finds)
        await looked_at(gateway, task_id)
        assert len(provider.finds) == asked
        assert len(provider.orders) == 1, "and it is not submitted again"
        gateway.clock.advance(DEADLINE_S + 1)
        assert (await until_end(gateway, task_id, step_s=5)).state is State.EXPIRED
        assert provider.cancelled == []
        await assert_released(gateway, account, task_id, 100)


async def test_a_result_is_not_fetched_with_another_credential(tmp_path: Path) -> None:
    provider = provider_with("old")
    provider.fetches += [outcomes.StoreFailed("away", is_final=False)] * 2
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account(100)
        task_id = await gateway.created(account)
        await until_state(gateway, task_id, State.STORING, step_s=0)
        await settled(gateway)
        provider.credential = "new"
        left = len(provider.fetches)
        await looked_at(gateway, task_id, times=1)
        assert (len(provider.fetches), (await gateway.task(task_id)).state) == (left, State.STORING)
        gateway.clock.advance(DEADLINE_S + 1)
        task = await until_end(gateway, task_id, step_s=5)
        assert (task.state, task.failure_code) == (State.FAILED, FailureCode.STORAGE_FAILED)
        await assert_released(gateway, account, task_id, 100)
