"""Trials that end without a word about the provider: the next task gets its turn at once."""

from itertools import repeat
from pathlib import Path

import pytest

from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.health import CircuitState
from reelway.domain.routing import Tier
from reelway.domain.task import FailureCode, State
from support.failover import two_providers
from support.gateway import TestGateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer
from worker.lives import Door, cancel, settled, until_end, until_state
from worker.test_circuits import MIN, OPEN_S, all_end, gateway_of, made, states

pytestmark = pytest.mark.anyio

GOES_ON = outcomes.InProgress(0.1, 3_000.0)


async def until_open(gateway: TestGateway) -> None:
    async def is_open() -> bool:
        gateway.clock.advance(0.5)  # the next poll comes due
        return (await states(gateway))["value"] is CircuitState.OPEN

    await gateway.until(is_open)


async def test_a_trial_for_which_there_is_no_slot_is_given_back(tmp_path: Path) -> None:
    catalog, video = load_catalog(), video_bytes()
    value = ScriptedProvider(scripted_offer(catalog, name="value", slots=1), video)
    official = ScriptedProvider(scripted_offer(catalog, name="official", tier=Tier.OFFICIAL), video)
    value.polls += repeat(outcomes.PollUnknown("500"), 3)
    value.default_poll = GOES_ON
    async with gateway_of(tmp_path, value, official, health_observations_min=1) as gateway:
        owner = await gateway.account()
        (holder,) = await made(gateway, owner, 1)
        await until_open(gateway)
        gateway.clock.advance(OPEN_S + 1)
        (task,) = await made(gateway, owner, 1)
        assert (await until_end(gateway, task)).provider == "official"
        await cancel(gateway, owner, holder)
        await until_end(gateway, holder)
        value.default_poll = outcomes.Finished()
        gateway.clock.advance(2)
        assert await all_end(gateway, await made(gateway, owner, 1)) == {State.SUCCEEDED}
        assert [len(value.orders), (await states(gateway))["value"]] == [2, CircuitState.CLOSED]


async def test_a_trial_that_is_cancelled_is_given_back(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_poll = outcomes.JobFailed(FailureCode.PROVIDER_UNAVAILABLE, "no capacity")
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        for _ in range(MIN):
            await all_end(gateway, await made(gateway, owner, 1))
        await settled(gateway)
        value.default_poll = GOES_ON
        gateway.clock.advance(OPEN_S + 1)
        (trial,) = await made(gateway, owner, 1)
        assert (await until_state(gateway, trial, State.RUNNING, step_s=0)).provider == "value"
        await settled(gateway)
        await cancel(gateway, owner, trial)
        await until_end(gateway, trial)
        value.default_poll = outcomes.Finished()
        assert await all_end(gateway, await made(gateway, owner, 1)) == {State.SUCCEEDED}
        assert [len(value.orders), (await states(gateway))["value"]] == [MIN + 2, CircuitState.CLOSED]


async def test_a_trial_whose_job_fails_opens_the_circuit_again_and_is_not_given_back(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_poll = outcomes.JobFailed(FailureCode.PROVIDER_UNAVAILABLE, "no capacity")
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        for _ in range(MIN):
            await all_end(gateway, await made(gateway, owner, 1))
        await settled(gateway)
        gateway.clock.advance(OPEN_S + 1)
        assert await all_end(gateway, await made(gateway, owner, 1)) == {State.FAILED}
        await settled(gateway)
        assert await all_end(gateway, await made(gateway, owner, 2)) == {State.SUCCEEDED}
        assert (len(value.orders), len(official.orders)) == (MIN + 1, 2)


async def test_a_task_whose_trial_was_cut_short_by_a_stop_goes_on(tmp_path: Path) -> None:
    value, _ = two_providers()
    value.submits.append(outcomes.Unavailable("locked", opens_circuit=True))
    async with gateway_of(tmp_path, value, shutdown_grace_seconds=0) as gateway:
        owner = await gateway.account()
        (task,) = await made(gateway, owner, 1)
        await gateway.until(lambda: len(value.orders) == 1)
        await settled(gateway)
        door = Door()
        value.before_submit = door
        gateway.clock.advance(OPEN_S + 11)
        await door.until_reached()
        now_us = gateway.clock.now_us()
    value.before_submit = None
    async with gateway_of(tmp_path, value) as gateway:
        gateway.clock.advance((now_us - gateway.clock.now_us()) / 1e6)
        assert (await until_end(gateway, task, step_s=1)).state is State.SUCCEEDED
