"""Jobs that run at a provider: held in memory, asked together, heard of at once; only news is written."""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path

import pytest

from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.ids import JobId, TaskId
from reelway.domain.task import State
from reelway.gateway.hint import take_hint
from reelway.providers.base import FetchedVideo, Order
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer
from worker.lives import Door, assert_charged, assert_released, cancel, settled, until_end, until_state

pytestmark = pytest.mark.anyio

LATER_S = 7_200.0


def scripted(poll: outcomes.PollOutcome) -> ScriptedProvider:
    return ScriptedProvider(scripted_offer(load_catalog()), video_bytes(), default_poll=poll)


async def at_rest(gateway: TestGateway, provider: ScriptedProvider, account: Account) -> TaskId:
    """A task whose job was asked for once and is not due for long."""
    provider.default_poll = outcomes.InProgress(0.25, LATER_S)
    polls = provider.poll_count
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count > polls)
    await settled(gateway)
    assert task_id in gateway.watched
    return task_id


# --- without news -----------------------------------------------------------------------------------------------------


async def test_a_poll_without_news_writes_nothing(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.InProgress(0.5, 10.0)
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count == 1)
    await settled(gateway)
    before = await gateway.task(task_id)
    for polls in range(2, 8):
        gateway.clock.advance(12)
        await gateway.until(lambda polls=polls: provider.poll_count == polls)
        await settled(gateway)
    after = await gateway.task(task_id)
    assert (after.version, after.progress) == (before.version, 0.5)


async def test_progress_that_moves_quickly_is_written_only_now_and_then(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.polls += [outcomes.InProgress(number / 100, 0.1) for number in range(10, 90)]
    task_id = await gateway.created(account)
    await until_state(gateway, task_id, State.RUNNING)
    before, begun_us = (await gateway.task(task_id)).version, gateway.clock.now_us()
    await gateway.until(lambda: _turned(gateway, provider))
    await settled(gateway)
    passed_s = (gateway.clock.now_us() - begun_us) / 1e6
    assert (await gateway.task(task_id)).version - before <= 2 + passed_s / 5


def _turned(gateway: TestGateway, provider: ScriptedProvider) -> bool:
    if not gateway.is_at_work:
        gateway.clock.advance(0.05)
    return len(provider.polls) <= 2


async def test_a_held_job_keeps_its_lease(tmp_path: Path) -> None:
    provider = scripted(outcomes.InProgress(0.25, LATER_S))
    async with running_gateway(tmp_path, scripted=provider, lease_seconds=1) as gateway:
        account = await gateway.account()
        task_id = await at_rest(gateway, provider, account)
        owner = (await gateway.task(task_id)).lease_owner
        for _ in range(4):
            gateway.clock.advance(0.6)
            now_us = gateway.clock.now_us()

            async def is_prolonged(now_us: int = now_us) -> bool:
                until_us = (await gateway.task(task_id)).lease_until_us
                return until_us is not None and until_us >= now_us + 900_000

            await gateway.until(is_prolonged)
        assert (await gateway.task(task_id)).lease_owner == owner
        assert provider.poll_count == 1


async def test_many_held_jobs_take_no_room_from_steps(tmp_path: Path) -> None:
    provider = scripted(outcomes.InProgress(0.25, LATER_S))
    async with running_gateway(tmp_path, scripted=provider, worker_steps_max=1) as gateway:
        account = await gateway.account()
        made = {await gateway.created(account) for _ in range(20)}
        await gateway.until(lambda: gateway.watched == made)


async def test_no_more_jobs_are_begun_than_may_be_held(tmp_path: Path) -> None:
    provider = scripted(outcomes.InProgress(0.25, LATER_S))
    async with running_gateway(tmp_path, scripted=provider, jobs_held_max=3) as gateway:
        account = await gateway.account()
        made = [await gateway.created(account) for _ in range(8)]
        await gateway.until(lambda: len(gateway.watched) == 3)
        await settled(gateway)
        assert len(provider.orders) == 3
        for task_id in made[:3]:
            await cancel(gateway, account, task_id)
        await gateway.until(lambda: len(provider.orders) == 6)


# --- what is heard ----------------------------------------------------------------------------------------------------


async def test_a_cancel_reaches_the_holder_long_before_the_next_poll(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await at_rest(gateway, provider, account)
    assert (await cancel(gateway, account, task_id)).status_code == 200
    answer = await gateway.ended(account, task_id)  # the clock stands still
    assert answer.headers["x-reelway-state"] == "cancelled"
    assert (provider.cancelled, provider.poll_count) == ([task_id], 1)
    await assert_released(gateway, account, task_id, CREDITS)


async def test_a_cancel_that_the_provider_declines_brings_the_job_back_to_its_holder(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await at_rest(gateway, provider, account)
    provider.cancels.append(outcomes.CancelImpossible())
    await cancel(gateway, account, task_id)
    await gateway.until(lambda: provider.cancelled == [task_id])
    await gateway.until(lambda: gateway.watched == {task_id})
    provider.default_poll = outcomes.Finished()
    gateway.clock.advance(LATER_S / 4)  # before the task's own deadline
    await take_hint(gateway.core, "scripted", task_id)
    assert (await until_end(gateway, task_id)).state is State.SUCCEEDED


async def test_a_hint_makes_the_holder_ask_at_once(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await at_rest(gateway, provider, account)
    provider.default_poll = outcomes.Finished()
    await take_hint(gateway.core, "another", task_id)
    await take_hint(gateway.core, "scripted", task_id)
    await gateway.ended(account, task_id)  # the clock stands still
    assert provider.poll_count == 2
    await assert_charged(gateway, account, task_id, CREDITS)


async def test_each_hint_counts_however_soon_after_another_it_comes(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    """A provider tells of a job's begin, and a moment later of its end."""
    task_id = await at_rest(gateway, provider, account)
    await take_hint(gateway.core, "scripted", task_id)
    await gateway.until(lambda: provider.poll_count == 2)
    await settled(gateway)
    provider.default_poll = outcomes.Finished()
    await take_hint(gateway.core, "scripted", task_id)
    await gateway.ended(account, task_id)


async def test_a_hint_during_a_poll_makes_the_holder_ask_again(tmp_path: Path) -> None:
    provider = scripted(outcomes.Finished())
    provider.polls.append(outcomes.InProgress(0.25, LATER_S))
    provider.before_poll = door = Door()
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        task_id = await gateway.created(account)
        await door.until_reached()
        gateway.clock.advance(2)
        await take_hint(gateway.core, "scripted", task_id)
        await gateway.until(lambda: all(held.is_hurried for held in gateway.gateway._worker._watcher._held.values()))  # type: ignore[union-attr]
        door.opened.set()
        await gateway.ended(account, task_id)


# --- news -------------------------------------------------------------------------------------------------------------


class SlowFetches(ScriptedProvider):
    """Its videos can be fetched when the test says so."""

    door: Door

    async def fetch(self, order: Order, job_id: JobId, folder: Path) -> FetchedVideo | outcomes.StoreFailed:
        await self.door(order)
        return await ScriptedProvider.fetch(self, order, job_id, folder)


async def test_news_is_written_while_every_step_is_taken(tmp_path: Path) -> None:
    """Results wait for their turn; that a job has ended does not."""
    provider = SlowFetches(scripted_offer(load_catalog()), video_bytes())
    provider.door = Door()
    provider.default_poll = outcomes.InProgress(0.25, 1.0)
    async with running_gateway(tmp_path, scripted=provider, worker_steps_max=1) as gateway:
        account = await gateway.account()
        made = [await gateway.created(account) for _ in range(6)]
        await gateway.until(lambda: gateway.watched == set(made))
        provider.default_poll = outcomes.Finished()
        gateway.clock.advance(2)
        for task_id in made:
            await until_state(gateway, task_id, State.STORING, step_s=0.2)
        provider.door.opened.set()
        for task_id in made:
            assert (await until_end(gateway, task_id)).state is State.SUCCEEDED


async def test_cancels_and_deadlines_are_heeded_while_every_step_is_taken(tmp_path: Path) -> None:
    """Several at once, for one step more than those that wait: each has its turn."""
    provider = SlowFetches(scripted_offer(load_catalog()), video_bytes())
    provider.door = Door()
    provider.default_poll = outcomes.InProgress(0.25, LATER_S)
    async with running_gateway(tmp_path, scripted=provider, worker_steps_max=1) as gateway:
        account = await gateway.account()
        made = [await gateway.created(account) for _ in range(9)]
        done, unwanted, late = made[0], made[1:5], made[5:]
        await gateway.until(lambda: gateway.watched == set(made) and provider.poll_count == len(made))
        await settled(gateway)
        provider.polls.append(outcomes.Finished())
        await take_hint(gateway.core, "scripted", done)
        await until_state(gateway, done, State.STORING)
        for answer in await asyncio.gather(*(cancel(gateway, account, task_id) for task_id in unwanted)):
            assert answer.status_code == 200
        for task_id in unwanted:
            assert (await until_end(gateway, task_id, step_s=0.1)).state is State.CANCELLED
        gateway.clock.advance(gateway.core.settings.task_deadline_seconds)
        for task_id in late:
            assert (await until_end(gateway, task_id, step_s=0.1)).state is State.EXPIRED
        assert sorted(provider.cancelled) == sorted(made[1:])
        assert (await gateway.task(done)).state is State.STORING
        provider.door.opened.set()
        assert (await until_end(gateway, done)).state is State.SUCCEEDED


async def test_the_next_gateway_takes_over_many_running_jobs_at_once(tmp_path: Path) -> None:
    provider = scripted(outcomes.InProgress(0.25, LATER_S))
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        made = {await gateway.created(account) for _ in range(60)}
        await gateway.until(lambda: gateway.watched == made)
    async with running_gateway(tmp_path, scripted=provider, worker_steps_max=1) as gateway:
        await gateway.until(lambda: gateway.watched == made)
        provider.default_poll = outcomes.Finished()
        gateway.clock.advance(LATER_S / 4)
        for task_id in made:
            await take_hint(gateway.core, "scripted", task_id)
        for task_id in made:
            assert (await until_end(gateway, task_id)).state is State.SUCCEEDED
    assert provider.jobs == dict.fromkeys(made, 1)


# --- lists ------------------------------------------------------------------------------------------------------------


class Lister(ScriptedProvider):
    """Lists its jobs, but for those that are `hidden`; `asked` holds the due jobs of each list."""

    list_page_max: int = 100
    is_broken: bool = False

    asked: list[set[JobId]]
    hidden: frozenset[JobId] = frozenset()

    async def poll_many(
        self, due: Collection[JobId], orders: Mapping[JobId, Order]
    ) -> Mapping[JobId, outcomes.PollOutcome]:
        self.asked.append(set(due))
        if self.is_broken:
            raise ZeroDivisionError
        return {job_id: self.default_poll for job_id in orders if job_id not in self.hidden}


def lister() -> Lister:
    provider = Lister(scripted_offer(load_catalog()), video_bytes())
    provider.default_poll = outcomes.InProgress(0.25, 5.0)
    provider.asked = []
    return provider


async def many(gateway: TestGateway, count: int) -> tuple[Account, list[TaskId]]:
    """So many tasks whose jobs run, none of which has been asked for alone lately."""
    account = await gateway.account()
    made = [await gateway.created(account) for _ in range(count)]
    await gateway.until(lambda: gateway.watched == set(made))
    return account, made


async def test_many_due_jobs_are_asked_for_with_one_list(tmp_path: Path) -> None:
    provider = lister()
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account, made = await many(gateway, 12)
        await settled(gateway)
        polls = provider.poll_count
        provider.default_poll = outcomes.Finished()
        gateway.clock.advance(20)
        for task_id in made:
            await gateway.ended(account, task_id)
        assert provider.poll_count == polls
        assert set.union(*provider.asked) >= {JobId(f"job-{task_id}") for task_id in made}


async def test_a_due_job_that_is_not_in_the_list_is_asked_for_alone(tmp_path: Path) -> None:
    provider = lister()
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account, made = await many(gateway, 12)
        await settled(gateway)
        polls = provider.poll_count
        provider.hidden = frozenset(JobId(f"job-{task_id}") for task_id in made[:2])
        provider.default_poll = outcomes.Finished()
        gateway.clock.advance(20)
        for task_id in made:
            await gateway.ended(account, task_id)
        assert provider.poll_count == polls + 2


async def test_a_list_that_fails_by_a_fault_of_ours_loses_nothing(tmp_path: Path) -> None:
    provider = lister()
    provider.is_broken = True
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account, made = await many(gateway, 12)
        provider.default_poll = outcomes.Finished()
        gateway.clock.advance(20)
        for task_id in made:
            assert (await gateway.ended(account, task_id)).json()["status"] == "succeeded"
        assert provider.asked


async def test_a_few_jobs_are_asked_for_one_by_one(tmp_path: Path) -> None:
    provider = lister()
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account, made = await many(gateway, 4)
        provider.default_poll = outcomes.Finished()
        gateway.clock.advance(20)
        await asyncio.gather(*(gateway.ended(account, task_id) for task_id in made))
        assert provider.asked == []
