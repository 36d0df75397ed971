"""Sandbox directives steer whole lives, as a payment provider's test cards do: states, money and what callers see."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reelway.catalog import load_catalog
from reelway.domain.sandbox import FAILURES
from reelway.domain.task import State
from reelway.gateway.core import Core
from reelway.providers.sandbox import SandboxProvider
from reelway.wiring import Parts
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer
from worker.lives import assert_charged, assert_held, assert_released, cancel, until_end, until_state

pytestmark = pytest.mark.anyio


@pytest.fixture
def inner() -> ScriptedProvider:
    return ScriptedProvider(scripted_offer(load_catalog()), video_bytes())


@pytest.fixture
async def sandbox(tmp_path: Path, inner: ScriptedProvider) -> AsyncIterator[TestGateway]:
    """A gateway in sandbox mode, with the desk around a scripted engine."""

    def providers(core: Core) -> dict[str, SandboxProvider]:
        return {inner.offer.provider: SandboxProvider(inner, core.clock)}

    parts = Parts(offers=lambda *_: (inner.offer,), providers=providers)
    async with running_gateway(tmp_path, scripted=False, parts=parts, sandbox=True) as found:
        yield found


@pytest.fixture
async def account(sandbox: TestGateway) -> Account:
    return await sandbox.account(CREDITS)


@pytest.mark.parametrize(("name", "code"), FAILURES.items())
async def test_a_failure_that_was_asked_for_comes_and_releases_the_hold(
    sandbox: TestGateway, inner: ScriptedProvider, account: Account, name: str, code: str
) -> None:
    task_id = await sandbox.created(account, prompt=f"A bottle [[reelway: fail={name}]]")
    task = await until_end(sandbox, task_id)
    assert (task.state, task.failure_code) == (State.FAILED, code)
    await assert_released(sandbox, account, task_id, CREDITS)
    assert inner.orders == []


async def test_a_delay_passes_before_the_render_begins(
    sandbox: TestGateway, inner: ScriptedProvider, account: Account
) -> None:
    task_id = await sandbox.created(account, prompt="A bottle [[reelway: delay=20s]]")
    task = await until_state(sandbox, task_id, State.RUNNING)
    assert inner.poll_count == 0
    await assert_held(sandbox, account, task_id, CREDITS)
    end = await until_end(sandbox, task_id, step_s=1)
    assert end.state is State.SUCCEEDED
    assert end.final_at_us is not None
    assert end.final_at_us - task.created_at_us >= 20_000_000
    await assert_charged(sandbox, account, task_id, CREDITS)


async def test_a_task_that_hangs_runs_into_its_deadline(
    sandbox: TestGateway, inner: ScriptedProvider, account: Account
) -> None:
    task_id = await sandbox.created(account, prompt="[[reelway: hang]] A bottle")
    await until_state(sandbox, task_id, State.RUNNING)
    end = await until_end(sandbox, task_id, step_s=120)
    assert end.state is State.EXPIRED
    assert inner.poll_count == 0
    await assert_released(sandbox, account, task_id, CREDITS)


async def test_a_task_that_hangs_can_be_cancelled(sandbox: TestGateway, account: Account) -> None:
    task_id = await sandbox.created(account, prompt="[[reelway: hang]] A bottle")
    await until_state(sandbox, task_id, State.RUNNING)
    assert (await cancel(sandbox, account, task_id)).status_code == 200
    assert (await until_end(sandbox, task_id)).state is State.CANCELLED


async def test_throttled_submits_are_put_off_and_no_try_is_counted(
    sandbox: TestGateway, inner: ScriptedProvider, account: Account
) -> None:
    task_id = await sandbox.created(account, prompt="A bottle [[reelway: throttle=3]]")
    end = await until_end(sandbox, task_id, step_s=0.5)
    assert (end.state, end.attempt) == (State.SUCCEEDED, 1)
    assert len(inner.orders) == 1


async def test_a_lost_answer_leads_to_one_job_and_one_charge(
    sandbox: TestGateway, inner: ScriptedProvider, account: Account
) -> None:
    task_id = await sandbox.created(account, prompt="A bottle [[reelway: lost-answer]]")
    end = await until_end(sandbox, task_id, step_s=0.5)
    assert end.state is State.SUCCEEDED
    assert inner.jobs == {task_id: 1}
    await assert_charged(sandbox, account, task_id, CREDITS)


async def test_the_engine_never_sees_a_directive(
    sandbox: TestGateway, inner: ScriptedProvider, account: Account
) -> None:
    task_id = await sandbox.created(account, prompt="A bottle [[reelway: delay=0s, throttle]] turns")
    await until_end(sandbox, task_id, step_s=0.5)
    assert inner.orders[0].generation.prompt == "A bottle  turns"


async def test_an_unknown_directive_is_refused_before_money_moves(sandbox: TestGateway, account: Account) -> None:
    answer = await sandbox.create(account, prompt="A bottle [[reelway: dance]]")
    assert answer.status_code == 400
    (problem,) = answer.json()["error"]["details"]
    assert (problem["field"], problem["message"]) == ("prompt", "Unknown sandbox directive: dance.")
    assert "hang" in problem["allowed"]
    assert await sandbox.available_credits(account) == CREDITS
    body = {"model": "kling-3-0", "prompt": "A bottle [[reelway: dance]]"}
    quote = await sandbox.http.post("/api/v1/generations/quote", json=body, headers=account.headers)
    assert (quote.json()["valid"], quote.json()["problems"]) == (False, [problem])


async def test_without_the_sandbox_a_directive_is_part_of_the_prompt(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway:
        assert not gateway.core.is_sandbox
        account = await gateway.account(CREDITS)
        task_id = await gateway.created(account, prompt="A bottle [[reelway: dance]]")
        assert (await until_end(gateway, task_id)).state is State.SUCCEEDED
        assert gateway.provider is not None
        assert gateway.provider.orders[0].generation.prompt == "A bottle [[reelway: dance]]"


@pytest.mark.parametrize(("setting", "expected"), [(None, True), (False, False), (True, True)])
async def test_the_built_in_engine_alone_is_a_sandbox_unless_told_otherwise(
    tmp_path: Path, setting: bool | None, expected: bool
) -> None:
    async with running_gateway(tmp_path, scripted=False, sandbox=setting) as gateway:
        assert gateway.core.is_sandbox is expected
