"""One job counts once against its provider, however often its fault is met."""

from itertools import repeat
from pathlib import Path

import pytest

from reelway.domain import outcomes
from reelway.domain.health import CircuitState
from reelway.domain.task import FailureCode, State
from support.failover import two_providers
from worker.lives import settled, until_end
from worker.test_circuits import gateway_of, made, states
from worker.test_full_disk import unwritable

pytestmark = pytest.mark.anyio


async def test_a_result_that_is_tried_many_times_in_vain_is_one_fault(tmp_path: Path) -> None:
    value, official = two_providers()
    value.fetches += repeat(outcomes.StoreFailed("the provider answered 500", is_final=False), 6)
    async with gateway_of(tmp_path, value, official) as gateway:
        (task,) = await made(gateway, await gateway.account(), 1)
        assert (await until_end(gateway, task)).failure_code is FailureCode.STORAGE_FAILED
        await settled(gateway)
        assert (await states(gateway))["value"] is CircuitState.CLOSED


async def test_results_that_no_try_brings_open_a_circuit(tmp_path: Path) -> None:
    value, official = two_providers()
    value.fetches += repeat(outcomes.StoreFailed("the video is gone", is_final=True), 3)
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        for task in await made(gateway, owner, 3):
            assert (await until_end(gateway, task)).state is State.FAILED
        await settled(gateway)
        assert (await states(gateway))["value"] is CircuitState.OPEN


async def test_a_job_without_an_answer_for_long_is_one_fault(tmp_path: Path) -> None:
    value, official = two_providers()
    value.polls += repeat(outcomes.PollUnknown("500"), 8)
    async with gateway_of(tmp_path, value, official) as gateway:
        (task,) = await made(gateway, await gateway.account(), 1)
        assert (await until_end(gateway, task)).state is State.SUCCEEDED
        await settled(gateway)
        assert (await states(gateway))["value"] is CircuitState.CLOSED


async def test_a_failed_job_that_cannot_be_written_at_once_is_one_fault(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_poll = outcomes.InProgress(0.1, 5.0)
    async with gateway_of(tmp_path, value, official) as gateway:
        (task,) = await made(gateway, await gateway.account(), 1)
        await gateway.until(lambda: value.poll_count >= 1)
        await settled(gateway)
        value.default_poll = outcomes.JobFailed(FailureCode.PROVIDER_UNAVAILABLE, "no capacity")
        asked = value.poll_count

        def is_asked_often() -> bool:
            gateway.clock.advance(0.5)  # it is asked for again after a while
            return value.poll_count >= asked + 8

        with unwritable(gateway):
            await gateway.until(is_asked_often)
        assert (await until_end(gateway, task)).state is State.FAILED
        await settled(gateway)
        assert (await states(gateway))["value"] is CircuitState.CLOSED
