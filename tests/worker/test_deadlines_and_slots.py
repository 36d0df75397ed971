"""Deadlines in every state, and what waits while no slot is free."""

from pathlib import Path

import pytest

from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.ids import JobId
from reelway.domain.routing import Tier
from reelway.domain.task import FailureCode, State
from reelway.providers.base import Order
from reelway.wiring import Parts
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import video_bytes
from support.provider import EVERYTHING, ScriptedProvider, scripted_offer
from worker.lives import (
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

DEADLINE_S = 3_600


# --- deadlines --------------------------------------------------------------------------------------------------------


async def test_a_task_that_waits_past_its_deadline_expires_and_a_younger_one_does_not(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.free_slots = 0
    task_id = await gateway.created(account)
    gateway.clock.advance(2)
    younger_account = await gateway.account()
    younger = await gateway.created(younger_account)
    gateway.clock.advance(DEADLINE_S - 1)
    answer = await gateway.ended(account, task_id)
    assert (answer.headers["x-reelway-state"], answer.headers["x-reelway-failure"]) == ("expired", "timeout")
    assert answer.json()["error"]["message"] == "The generation expired before it finished."
    await assert_released(gateway, account, task_id, CREDITS)
    assert (await status(gateway, younger_account, younger))["status"] == "queued"
    await assert_held(gateway, younger_account, younger, CREDITS)
    assert provider.orders == []


async def test_a_task_that_runs_past_its_deadline_is_stopped_at_the_provider(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.InProgress(0.5, 60.0)
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count == 1)
    await settled(gateway)
    gateway.clock.advance(DEADLINE_S + 1)
    task = await until_end(gateway, task_id)
    assert (task.state, task.failure_code) == (State.EXPIRED, FailureCode.TIMEOUT)
    assert provider.cancelled == [task_id]
    await gateway.until(lambda: provider.discarded == [f"job-{task_id}"])
    await assert_released(gateway, account, task_id, CREDITS)


async def test_an_unanswered_submit_past_the_deadline_expires_without_another_submit(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits.append(outcomes.SubmitUnknown("timeout"))
    provider.finds += [outcomes.FindUnknown("timeout")] * 1_000
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.SUBMITTING)
    await settled(gateway)
    gateway.clock.advance(DEADLINE_S + 1)
    task = await until_end(gateway, task_id)
    assert (task.state, len(provider.orders)) == (State.EXPIRED, 1)
    await assert_released(gateway, account, task_id, CREDITS)


async def test_a_job_that_turns_up_after_the_deadline_is_stopped_at_the_provider(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits.append(outcomes.SubmitUnknown("timeout"))
    provider.finds.append(outcomes.Accepted(JobId("job-late"), 0.0))
    provider.default_poll = outcomes.InProgress(0.5, 60.0)
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.SUBMITTING, step_s=0)
    await settled(gateway)
    gateway.clock.advance(DEADLINE_S + 1)
    task = await until_end(gateway, task_id)
    assert (task.state, provider.cancelled) == (State.EXPIRED, [task_id])


async def test_a_submit_that_never_arrived_is_not_made_after_the_deadline(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.submits.append(outcomes.Unavailable("down"))
    task_id = await gateway.created(account)
    await gateway.until(lambda: len(provider.orders) == 1)
    gateway.clock.advance(DEADLINE_S + 1)
    task = await until_end(gateway, task_id)
    assert (task.state, len(provider.orders)) == (State.EXPIRED, 1)
    await assert_released(gateway, account, task_id, CREDITS)


class Searched(ScriptedProvider):
    """Notes how it is asked for jobs, of which it knows nothing at first."""

    searches: list[Order]

    async def find(self, order: Order) -> outcomes.FindOutcome:
        self.searches.append(order)
        return await ScriptedProvider.find(self, order)


@pytest.mark.parametrize("end", ["deadline", "cancel"])
async def test_a_search_makes_no_job_for_a_task_whose_time_is_over(tmp_path: Path, end: str) -> None:
    """Some providers are asked by the same create once more, which makes the job where there is none. One that is to be
    cancelled is looked for that way: it can be stopped, and may be there."""
    provider = Searched(scripted_offer(load_catalog()), video_bytes())
    provider.searches = []
    provider.submits.append(outcomes.SubmitUnknown("the answer was lost"))
    provider.finds.append(outcomes.FindUnknown("not yet"))
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        task_id = await gateway.created(account)
        await until_state(gateway, task_id, State.SUBMITTING)
        await settled(gateway)
        gateway.clock.advance(1)
        await gateway.until(lambda: len(provider.searches) == 1)
        await settled(gateway)
        if end == "deadline":
            gateway.clock.advance(DEADLINE_S)
        else:
            assert (await cancel(gateway, account, task_id)).status_code == 200
        task = await until_end(gateway, task_id)
        assert task.state is (State.EXPIRED if end == "deadline" else State.CANCELLED)
        is_over = [order.is_over for order in provider.searches]
        assert is_over == [False, end == "deadline"]


async def test_a_finished_video_is_kept_though_the_deadline_passes_meanwhile(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.fetches += [outcomes.StoreFailed("away", is_final=False)] * 2
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.STORING, step_s=0)
    gateway.clock.advance(DEADLINE_S + 1)
    assert (await until_end(gateway, task_id)).state is State.SUCCEEDED
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_clock_that_jumps_back_neither_ends_nor_stops_a_task(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.polls.append(outcomes.InProgress(0.5, 0.0))
    provider.before_poll = _jump_back(gateway)
    task_id = await gateway.created(account)
    await gateway.until(lambda: bool(provider.orders))  # steps as long as these would pass the deadline while it queues
    task = await until_end(gateway, task_id, step_s=300)
    assert task.state is State.SUCCEEDED
    assert task.final_at_us is not None
    assert task.created_at_us <= task.updated_at_us <= task.final_at_us
    await assert_charged(gateway, account, task_id, CREDITS)


def _jump_back(gateway: TestGateway):  # type: ignore[no-untyped-def]
    jumps = iter([-3_000.0])

    async def jump(_order: Order) -> None:
        gateway.clock.advance(next(jumps, 0.0))

    return jump


# --- slots ------------------------------------------------------------------------------------------------------------


class SlottedProvider(ScriptedProvider):
    """A provider with room for so many jobs; a slot is free again when its job is discarded."""

    most: int = 0
    taken: int = 0

    async def submit(self, order: Order) -> outcomes.SubmitOutcome:
        assert self.free_slots > 0, "more jobs than slots"
        self.free_slots -= 1
        self.taken += 1
        self.most = max(self.most, self.taken)
        return await ScriptedProvider.submit(self, order)

    async def discard(self, job_id: JobId) -> None:
        self.free_slots += 1
        self.taken -= 1
        await ScriptedProvider.discard(self, job_id)


async def test_a_task_waits_in_the_queue_while_no_slot_is_free(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.free_slots = 0
    task_id = await gateway.created(account)
    gateway.clock.advance(100)
    assert (await status(gateway, account, task_id))["status"] == "queued"
    task = await gateway.task(task_id)
    assert (task.state, task.attempt, task.lease_owner, provider.orders) == (State.QUEUED, 0, None, [])
    provider.free_slots = 1
    await gateway.ended(account, task_id)
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_provider_never_gets_more_jobs_than_it_has_slots(tmp_path: Path) -> None:
    provider = SlottedProvider(scripted_offer(load_catalog(), slots=3), video_bytes())
    provider.free_slots = 3
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        made = [await gateway.created(account) for _ in range(25)]
        for task_id in made:
            assert (await until_end(gateway, task_id, step_s=0.5)).state is State.SUCCEEDED
        assert 1 <= provider.most <= 3
        assert provider.jobs == dict.fromkeys(made, 1)


async def test_the_longest_waiting_task_is_started_first(tmp_path: Path) -> None:
    provider = SlottedProvider(scripted_offer(load_catalog(), slots=1), video_bytes())
    provider.free_slots = 0
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        made = [await gateway.created(account) for _ in range(6)]
        provider.free_slots = 1
        for task_id in made:
            await until_end(gateway, task_id, step_s=0.5)
        assert [order.task_id for order in provider.orders] == made


async def test_a_task_goes_to_the_next_provider_when_the_first_has_no_slot(tmp_path: Path) -> None:
    catalog = load_catalog()
    value = ScriptedProvider(scripted_offer(catalog, name="value"), video_bytes())
    official = ScriptedProvider(scripted_offer(catalog, name="official", tier=Tier.OFFICIAL), video_bytes())
    value.free_slots = 0
    parts = Parts(
        offers=lambda *_: (value.offer, official.offer), providers=lambda *_: {"value": value, "official": official}
    )
    async with running_gateway(tmp_path, scripted=False, parts=parts) as gateway:
        account = await gateway.account()
        first = await gateway.created(account)
        await until_end(gateway, first, step_s=0.5)
        value.free_slots = 10
        second = await gateway.created(account)
        await until_end(gateway, second, step_s=0.5)
    assert [order.task_id for order in official.orders] == [first]
    assert [order.task_id for order in value.orders] == [second]


async def test_a_task_that_no_configured_provider_can_do_any_more_fails(tmp_path: Path) -> None:
    """It was accepted; then the operator took the provider away."""
    catalog = load_catalog()
    able = ScriptedProvider(scripted_offer(catalog), video_bytes())
    able.free_slots = 0
    async with running_gateway(tmp_path, scripted=able) as gateway:
        account = await gateway.account(100)
        task_id = await gateway.created(account)
    short = EVERYTHING.__class__(
        **{name: getattr(EVERYTHING, name) for name in EVERYTHING.__slots__} | {"durations_s": frozenset({10})}
    )
    unable = ScriptedProvider(scripted_offer(catalog, capability=short), video_bytes())
    async with running_gateway(tmp_path, scripted=unable) as gateway:
        task = await until_end(gateway, task_id)
        assert (task.state, task.failure_code) == (State.FAILED, FailureCode.PROVIDER_UNAVAILABLE)
        await assert_released(gateway, account, task_id, 100)


async def test_a_running_task_whose_provider_is_gone_ends_with_its_money_back(tmp_path: Path) -> None:
    catalog = load_catalog()
    first = ScriptedProvider(scripted_offer(catalog, name="first"), video_bytes())
    first.default_poll = outcomes.InProgress(0.5, 60.0)
    async with running_gateway(tmp_path, scripted=first) as gateway:
        account = await gateway.account(100)
        task_id = await gateway.created(account)
        await gateway.until(lambda: first.poll_count == 1)
    second = ScriptedProvider(scripted_offer(catalog, name="second"), video_bytes())
    async with running_gateway(tmp_path, scripted=second) as gateway:
        task = await until_end(gateway, task_id, step_s=5)
        assert (task.state, task.failure_code) == (State.FAILED, FailureCode.PROVIDER_UNAVAILABLE)
        assert second.orders == []
        await assert_released(gateway, account, task_id, 100)
