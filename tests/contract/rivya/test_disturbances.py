"""Bad luck in the middle: keys revoked in mid-flight, a clock that jumps, a gateway that stops. Nothing is lost."""

import asyncio
from pathlib import Path

import httpx
import pytest

from contract.rivya.wire import (
    CREDITS,
    GENERATIONS,
    body_of,
    cancel,
    credits_of,
    error_of,
    get,
    listed_ids,
    post,
    status_of,
    task_of,
)
from reelway.domain import outcomes
from reelway.domain.task import State
from support.exchange import revoke
from support.gateway import CREDITS as FIRST_CREDITS
from support.gateway import Account, TestGateway, running_gateway
from support.staging import LATER_S, Gate, in_state, provider_of, until_state

pytestmark = pytest.mark.anyio

HOUR_S = 3_600.0


async def test_bad_input_a_key_revoked_between_create_and_status_leaves_the_task_to_its_account(
    stage: TestGateway, owner: Account
) -> None:
    gate = Gate()
    provider_of(stage).before_submit = gate
    spare = await stage.key(owner)
    task_id = await stage.created(spare)
    await revoke(stage, spare)
    for answer in (
        await status_of(stage, spare, task_id),
        await cancel(stage, spare, task_id),
        await post(stage, spare, body_of()),
        await get(stage, spare, f"{GENERATIONS}/{task_id}/events"),
    ):
        error_of(answer, 401, "api_key_revoked")
    gate.open()
    assert task_of(await stage.ended(owner, task_id))["status"] == "succeeded"
    assert await listed_ids(stage, owner) == [task_id]
    assert await credits_of(stage, owner) == FIRST_CREDITS - 42


async def test_bad_input_a_key_revoked_or_expired_during_a_wait_does_not_break_the_wait(
    stage: TestGateway, owner: Account
) -> None:
    gate = Gate()
    provider_of(stage).before_poll = gate
    spare = await stage.key(owner, expires_at_us=stage.clock.now_us() + 10_000_000)
    task_id = await stage.created(spare)
    waiting = asyncio.create_task(
        stage.http.get(f"{GENERATIONS}/{task_id}", params={"wait": 30}, headers=spare.headers, timeout=40)
    )
    await stage.until(lambda: stage.core.streams_open == 1)
    await revoke(stage, spare)
    stage.clock.advance(20)
    gate.open()
    assert task_of(await waiting)["status"] == "succeeded"
    error_of(await status_of(stage, spare, task_id), 401, "api_key_revoked")


async def test_bad_input_a_key_revoked_before_a_repeat_gets_no_replay(stage: TestGateway, owner: Account) -> None:
    spare = await stage.key(owner)
    headers = {"Idempotency-Key": "one"}
    first = await post(stage, spare, body_of(), headers=headers)
    task_of(first, 202)
    await revoke(stage, spare)
    error_of(await post(stage, spare, body_of(), headers=headers), 401, "api_key_revoked")
    assert (await post(stage, owner, body_of(), headers=headers)).content == first.content


# --- the clock --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [State.QUEUED, State.SUBMITTING, State.RUNNING, State.STORING])
@pytest.mark.parametrize("jump_s", [HOUR_S / 2, 30 * 24 * HOUR_S])
async def test_bad_input_a_clock_that_jumps_forward_ends_a_task_or_lets_it_go_on_and_its_money_is_right(
    stage: TestGateway, owner: Account, state: State, jump_s: float
) -> None:
    task_id = await in_state(stage, owner, state)
    stage.clock.advance(jump_s)
    provider_of(stage).free_slots = 100
    if state is State.RUNNING and jump_s < HOUR_S:  # its next poll is two hours away
        assert task_of(await status_of(stage, owner, task_id))["status"] == "processing"
        return
    is_late = jump_s > HOUR_S and state is not State.STORING  # a finished job is still brought home
    if state is State.SUBMITTING and not is_late:  # the submit never arrived: it is made again half a minute later
        await until_state(stage, task_id, State.QUEUED)
        stage.clock.advance(60)
    task = task_of(await stage.ended(owner, task_id))
    assert task["status"] == ("failed" if is_late else "succeeded")
    assert await credits_of(stage, owner) == FIRST_CREDITS - (0 if is_late else 42)


@pytest.mark.parametrize("state", [State.QUEUED, State.SUBMITTING, State.RUNNING, State.STORING])
@pytest.mark.parametrize("jump_s", [0.5, HOUR_S, 365 * 24 * HOUR_S])
async def test_bad_input_a_clock_that_jumps_back_and_catches_up_loses_no_task(
    stage: TestGateway, owner: Account, state: State, jump_s: float
) -> None:
    task_id = await in_state(stage, owner, state)
    before = task_of(await status_of(stage, owner, task_id))
    provider = provider_of(stage)
    if state is State.RUNNING:  # a clock that was set back brings a look at every running job: it goes on
        provider.default_poll = outcomes.InProgress(0.25, poll_after_s=LATER_S)
    stage.clock.advance(-jump_s)
    after = await status_of(stage, owner, task_id)
    assert task_of(after) == before
    assert await listed_ids(stage, owner) == [task_id]
    stage.clock.advance(jump_s + 7_201 if state is State.RUNNING else jump_s + 60)
    if state is State.SUBMITTING:
        await until_state(stage, task_id, State.QUEUED)
        stage.clock.advance(60)
    provider.free_slots = 100
    task = task_of(await stage.ended(owner, task_id))
    is_late = state is State.RUNNING  # by then its deadline has passed
    assert task["status"] == ("failed" if is_late else "succeeded")
    assert task["updated_at"] >= task["created_at"]
    assert await credits_of(stage, owner) == FIRST_CREDITS - (0 if is_late else 42)


async def test_bad_input_after_a_jump_back_new_tasks_are_made_and_old_ones_can_be_cancelled(
    stage: TestGateway, owner: Account
) -> None:
    old = await in_state(stage, owner, State.RUNNING)
    waiting = await in_state(stage, owner, State.QUEUED)
    provider = provider_of(stage)
    # A clock that was set back brings a look at every running job: this one must not have finished by then.
    provider.default_poll = outcomes.InProgress(0.25, poll_after_s=LATER_S)
    stage.clock.advance(-24 * HOUR_S)
    assert task_of(await cancel(stage, owner, waiting))["error"]["message"] == "The generation was cancelled."
    assert task_of(await cancel(stage, owner, old))["status"] in ("processing", "failed")
    task = task_of(await stage.ended(owner, old))
    assert task["error"]["message"] == "The generation was cancelled."
    assert task["updated_at"] >= task["created_at"]
    assert await credits_of(stage, owner) == FIRST_CREDITS
    provider.default_poll = outcomes.Finished()
    provider.free_slots = 100
    fresh = await stage.created(owner)
    assert task_of(await stage.ended(owner, fresh))["status"] == "succeeded"
    assert await credits_of(stage, owner) == FIRST_CREDITS - 42


async def test_bad_input_a_jump_back_in_the_middle_of_a_providers_call_never_turns_times_round(
    stage: TestGateway, owner: Account
) -> None:
    gate = Gate()
    provider_of(stage).before_submit = gate
    task_id = await stage.created(owner)
    await stage.until(gate.reached.is_set)
    stage.clock.advance(-10 * HOUR_S)
    gate.open()
    task = task_of(await stage.ended(owner, task_id))
    assert task["status"] == "succeeded"
    assert task["updated_at"] >= task["created_at"]
    url = task["result"]["primary_url"]
    assert (await stage.http.get(url)).status_code == 200


async def test_bad_input_a_jump_back_does_not_bring_an_expired_key_or_window_into_trouble(
    stage: TestGateway, owner: Account
) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await post(stage, owner, body_of(), headers=headers)
    await stage.ended(owner, task_of(first, 202)["id"])
    for seconds in (-HOUR_S, 2 * HOUR_S, -HOUR_S):
        stage.clock.advance(seconds)
        again = await post(stage, owner, body_of(), headers=headers)
        assert (again.status_code, again.content) == (202, first.content)
        answer = await get(stage, owner, CREDITS)
        assert 0 <= int(answer.headers["RateLimit-Reset"]) <= 60
    assert len(await listed_ids(stage, owner)) == 1


# --- stop and start ---------------------------------------------------------------------------------------------------


async def test_bad_input_a_stop_in_the_middle_answers_who_waits_and_the_next_start_ends_the_task(
    tmp_path: Path,
) -> None:
    async with running_gateway(tmp_path) as gateway:
        owner = await gateway.account()
        running = await in_state(gateway, owner, State.RUNNING)
        queued = await in_state(gateway, owner, State.QUEUED)
        waiting = asyncio.create_task(
            gateway.http.get(f"{GENERATIONS}/{running}", params={"wait": 60}, headers=owner.headers, timeout=70)
        )
        streaming = asyncio.create_task(gateway.http.get(f"{GENERATIONS}/{running}/events", headers=owner.headers))
        await gateway.until(lambda: gateway.core.streams_open == 2)
        gateway.gateway.stop()
        assert task_of(await waiting)["status"] == "processing"
        assert "generation.status" in (await streaming).text
    async with running_gateway(tmp_path) as gateway:
        gateway.clock.advance(3_000)
        assert task_of(await gateway.ended(owner, queued))["status"] == "succeeded"
        provider_of(gateway).polls.append(outcomes.Finished())
        gateway.clock.advance(7_200)
        answer: httpx.Response = await gateway.ended(owner, running)
        assert answer.headers["X-Reelway-State"] in ("succeeded", "expired")
        spent = 42 + (42 if answer.headers["X-Reelway-State"] == "succeeded" else 0)
        assert await credits_of(gateway, owner) == FIRST_CREDITS - spent
        assert not await gateway.core.store.unbalanced_accounts()
