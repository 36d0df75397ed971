"""Circuits at work: who is asked, who is spared, and what tasks do meanwhile."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest

from reelway.domain import outcomes
from reelway.domain.decide import US
from reelway.domain.generation import Route
from reelway.domain.health import CircuitState
from reelway.domain.ids import TaskId
from reelway.domain.task import FailureCode, State
from reelway.gateway.health import provider_health
from support.failover import two_providers
from support.gateway import Account, TestGateway, parts_of, running_gateway
from support.provider import ScriptedProvider
from worker.lives import settled, until_end, until_state
from worker.test_default_routes import keyed

pytestmark = pytest.mark.anyio

OPEN_S = 30
MIN = 5
DOWN = outcomes.Unavailable("down")
OTHER_MODEL = "kling-3-0"


@asynccontextmanager
async def gateway_of(folder: Path, *providers: ScriptedProvider, **changes: Any) -> AsyncIterator[TestGateway]:
    settings = {"circuit_open_seconds": OPEN_S, "health_observations_min": MIN} | changes
    async with running_gateway(folder, scripted=False, parts=parts_of(*providers), **settings) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


async def made(gateway: TestGateway, owner: Account, count: int, **create: Any) -> list[TaskId]:
    return [await gateway.created(owner, **create) for _ in range(count)]


async def all_end(gateway: TestGateway, tasks: list[TaskId]) -> set[State]:
    return {(await until_end(gateway, task_id)).state for task_id in tasks}


async def states(gateway: TestGateway) -> dict[str, CircuitState]:
    return {found.provider: found.state for found in await provider_health(gateway.core)}


async def test_a_provider_that_is_down_is_left_alone_after_a_few_faults(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_submit = DOWN
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        for _ in range(MIN):
            assert await all_end(gateway, await made(gateway, owner, 1)) == {State.SUCCEEDED}
        assert await states(gateway) == {"value": CircuitState.OPEN, "official": CircuitState.CLOSED}
        asked = len(value.orders)
        assert await all_end(gateway, await made(gateway, owner, 10)) == {State.SUCCEEDED}
        assert (asked, len(value.orders), len(official.orders)) == (MIN, MIN, MIN + 10)


async def test_a_provider_that_is_back_gets_one_trial_and_then_its_tasks(tmp_path: Path) -> None:
    value, official = two_providers()
    value.submits += repeat(DOWN, MIN)
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        for _ in range(MIN):
            await all_end(gateway, await made(gateway, owner, 1))
        gateway.clock.advance(OPEN_S + 1)
        assert await all_end(gateway, await made(gateway, owner, 1)) == {State.SUCCEEDED}
        assert (len(value.orders), await states(gateway)) == (
            MIN + 1,
            {"value": CircuitState.CLOSED, "official": CircuitState.CLOSED},
        )
        assert await all_end(gateway, await made(gateway, owner, 3)) == {State.SUCCEEDED}
        assert (len(value.orders), len(official.orders)) == (MIN + 4, MIN)


async def test_an_empty_account_closes_the_door_at_once_and_for_all_models(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_submit = outcomes.Unavailable("the account is empty", opens_circuit=True)
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        await all_end(gateway, await made(gateway, owner, 1))
        await all_end(gateway, await made(gateway, owner, 2, model=OTHER_MODEL))
        assert (len(value.orders), len(official.orders)) == (1, 3)
        (found, _) = await provider_health(gateway.core)
        assert [(circuit.model, circuit.reason) for circuit in found.circuits] == [(None, "the account is empty")]


async def test_a_model_that_is_not_served_there_is_not_asked_for_again(tmp_path: Path) -> None:
    value, official = two_providers()
    value.submits.append(outcomes.Unavailable("no such model", opens_circuit=True, only_model=True))
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        await all_end(gateway, await made(gateway, owner, 1))
        await all_end(gateway, await made(gateway, owner, 2))
        assert (len(value.orders), len(official.orders)) == (1, 3)
        await all_end(gateway, await made(gateway, owner, 1, model=OTHER_MODEL))
        assert (len(value.orders), len(official.orders)) == (2, 3)


async def test_a_circuit_of_one_model_leaves_the_others_alone(tmp_path: Path) -> None:
    value, official = two_providers()
    value.submits += repeat(DOWN, MIN)
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        for _ in range(MIN):
            await all_end(gateway, await made(gateway, owner, 1))
        await all_end(gateway, await made(gateway, owner, 2, model=OTHER_MODEL))
        assert (len(value.orders), len(official.orders)) == (MIN + 2, MIN)


async def test_with_every_circuit_open_tasks_wait_and_burn_no_tries(tmp_path: Path) -> None:
    value, _ = two_providers()
    value.default_submit = outcomes.Unavailable("locked", opens_circuit=True)
    async with gateway_of(tmp_path, value, circuit_open_seconds_max=OPEN_S, submit_tries_max=2) as gateway:
        owner = await gateway.account()
        first = await gateway.created(owner)
        await until_state(gateway, first, State.SUBMITTING, State.QUEUED, step_s=0)
        await gateway.until(lambda: len(value.orders) == 1)
        tasks = [first, *await made(gateway, owner, 3)]
        for trials in range(1, 6):
            await settled(gateway)
            assert len(value.orders) == trials
            gateway.clock.advance(OPEN_S + 11)
            await gateway.until(lambda wanted=trials + 1: len(value.orders) >= wanted)  # type: ignore[misc]
        await settled(gateway)
        assert {(await gateway.task(task_id)).state for task_id in tasks} == {State.QUEUED}
        value.default_submit = None
        gateway.clock.advance(OPEN_S + 11)
        assert await all_end(gateway, tasks) == {State.SUCCEEDED}


async def test_with_every_circuit_open_a_task_ends_at_its_deadline(tmp_path: Path) -> None:
    value, _ = two_providers()
    value.default_submit = outcomes.Unavailable("locked", opens_circuit=True)
    async with gateway_of(tmp_path, value, task_deadline_seconds=20) as gateway:
        owner = await gateway.account()
        task_id = await gateway.created(owner)
        await gateway.until(lambda: len(value.orders) == 1)
        await settled(gateway)
        gateway.clock.advance(21)
        task = await until_end(gateway, task_id)
        assert (task.state, task.failure_code, len(value.orders)) == (State.EXPIRED, FailureCode.TIMEOUT, 1)


async def test_a_throttled_task_goes_elsewhere_at_once_and_others_keep_away(tmp_path: Path) -> None:
    value, official = two_providers()
    value.submits.append(outcomes.Throttled(60.0))
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        tasks = await made(gateway, owner, 1)
        assert await all_end(gateway, tasks) == {State.SUCCEEDED}
        assert await all_end(gateway, await made(gateway, owner, 2)) == {State.SUCCEEDED}
        assert (len(value.orders), len(official.orders)) == (1, 3)
        assert (await states(gateway))["value"] is CircuitState.CLOSED
        gateway.clock.advance(61)
        assert await all_end(gateway, await made(gateway, owner, 1)) == {State.SUCCEEDED}
        assert (len(value.orders), len(official.orders)) == (2, 3)


async def test_a_task_for_which_we_have_no_slot_waits_as_long_as_we_said(tmp_path: Path) -> None:
    value, _ = two_providers()
    value.default_submit = outcomes.Throttled(3.0, is_ours=True)
    async with gateway_of(tmp_path, value) as gateway:
        task_id = await gateway.created(await gateway.account())
        await gateway.until(lambda: len(value.orders) == 1)
        await settled(gateway)
        due_at_us = (await gateway.task(task_id)).due_at_us
        assert due_at_us is not None
        assert due_at_us > gateway.clock.now_us() + 2.9 * US


async def test_tasks_that_can_only_wait_are_not_taken_up_by_the_provider_of_another_route(tmp_path: Path) -> None:
    value, official = two_providers()
    official.default_submit = outcomes.Unavailable("locked", opens_circuit=True)
    long = {"circuit_open_seconds": 2_000, "circuit_open_seconds_max": 2_000}
    async with gateway_of(tmp_path, value, official, **long, default_route="official") as gateway:
        owner = await gateway.account(100_000)
        cheap = await keyed(gateway, owner, Route.VALUE)
        waiting = await made(gateway, owner, 20)
        await gateway.until(lambda: len(official.orders) >= 1)
        await settled(gateway)
        before = [await gateway.task(task_id) for task_id in waiting]
        for _ in range(6):
            gateway.clock.advance(10)
            assert await all_end(gateway, await made(gateway, cheap, 1)) == {State.SUCCEEDED}
        await settled(gateway)
        assert [await gateway.task(task_id) for task_id in waiting] == before


async def test_refusals_of_content_never_open_a_circuit(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_submit = outcomes.Refused(FailureCode.CONTENT_REJECTED, "")
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        assert await all_end(gateway, await made(gateway, owner, MIN * 2)) == {State.FAILED}
        value.default_submit = None
        value.default_poll = outcomes.JobFailed(FailureCode.CONTENT_REJECTED, "")
        assert await all_end(gateway, await made(gateway, owner, MIN * 2)) == {State.FAILED}
        assert (await states(gateway))["value"] is CircuitState.CLOSED
        assert official.orders == []


async def test_a_provider_whose_jobs_fail_for_its_own_reasons_is_left_alone(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_poll = outcomes.JobFailed(FailureCode.PROVIDER_UNAVAILABLE, "no capacity")
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        for _ in range(MIN):
            await all_end(gateway, await made(gateway, owner, 1))
        await settled(gateway)
        assert (await states(gateway))["value"] is CircuitState.OPEN
        assert await all_end(gateway, await made(gateway, owner, 2)) == {State.SUCCEEDED}
        assert len(official.orders) == 2


async def test_a_task_that_one_provider_could_not_take_does_not_return_to_it_at_once(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_submit = official.default_submit = DOWN
    async with gateway_of(tmp_path, value, official, submit_tries_max=4) as gateway:
        owner = await gateway.account()
        task = await until_end(gateway, await gateway.created(owner))
        assert (task.state, task.failure_code) == (State.FAILED, FailureCode.PROVIDER_UNAVAILABLE)
        assert (len(value.orders), len(official.orders)) == (2, 2)


async def test_a_task_that_a_provider_could_not_take_goes_at_once_to_one_that_has_not_seen_it(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_submit = official.default_submit = DOWN
    async with gateway_of(tmp_path, value, official, backoff_base_seconds=60, backoff_max_seconds=60) as gateway:
        owner = await gateway.account()
        task_id = await gateway.created(owner)
        await gateway.until(lambda: len(official.orders) == 1)  # the clock stands still
        await settled(gateway)
        assert (len(value.orders), len(official.orders)) == (1, 1)
        task = await gateway.task(task_id)
        assert task.due_at_us is not None
        assert task.due_at_us > gateway.clock.now_us() + 50 * 1_000_000


async def test_a_provider_that_dies_under_steady_traffic_is_soon_left_alone(tmp_path: Path) -> None:
    value, official = two_providers()
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        assert await all_end(gateway, await made(gateway, owner, MIN * 4)) == {State.SUCCEEDED}
        value.default_submit = DOWN
        for _ in range(MIN * 2):
            assert await all_end(gateway, await made(gateway, owner, 1)) == {State.SUCCEEDED}
        assert (await states(gateway))["value"] is CircuitState.OPEN
        asked = len(value.orders)
        assert await all_end(gateway, await made(gateway, owner, 2)) == {State.SUCCEEDED}
        assert len(value.orders) == asked


async def test_a_worker_that_starts_keeps_to_the_circuits_that_are_open(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_submit = outcomes.Unavailable("locked", opens_circuit=True)
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        await all_end(gateway, await made(gateway, owner, 1))
        key = owner
    value.orders.clear()
    async with gateway_of(tmp_path, value, official) as gateway:
        assert await all_end(gateway, await made(gateway, key, 2)) == {State.SUCCEEDED}
        assert (await states(gateway))["value"] is CircuitState.OPEN
        assert value.orders == []


async def test_what_workers_have_seen_is_shown_to_those_who_look(tmp_path: Path) -> None:
    value, official = two_providers()
    value.submits += repeat(DOWN, 2)
    async with gateway_of(tmp_path, value, official, health_share_seconds=0.02, health_window_seconds=3_600) as gateway:
        owner = await gateway.account()
        await all_end(gateway, await made(gateway, owner, 6))

        async def is_told() -> bool:
            seen = {found.provider: found.seen for found in await provider_health(gateway.core)}
            return (seen["value"].faults, seen["value"].successes + seen["official"].successes) == (2, 12)

        await gateway.until(is_told)
