"""Held jobs when something goes wrong: slow lists, odd answers, claims that fail, clocks that are set, many hints."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import text

from reelway.domain import outcomes
from reelway.domain.ids import JobId
from reelway.domain.task import State
from reelway.gateway.hint import take_hint
from reelway.providers.base import Order
from reelway.store.store import Store
from support.gateway import Account, TestGateway, running_gateway
from support.provider import ScriptedProvider
from worker.lives import Door, cancel, settled, until_end
from worker.test_watching import LATER_S, Lister, at_rest, lister, many, scripted

pytestmark = pytest.mark.anyio


def store_of(gateway: TestGateway) -> Store:
    assert isinstance(gateway.core.store, Store)
    return gateway.core.store


class SlowLister(Lister):
    """Its lists are answered when the test says so."""

    door: Door

    async def poll_many(
        self, due: Collection[JobId], orders: Mapping[JobId, Order]
    ) -> Mapping[JobId, outcomes.PollOutcome]:
        await self.door(None)
        return await Lister.poll_many(self, due, orders)


def slow_lister() -> SlowLister:
    plain = lister()
    provider = SlowLister(plain.offer, plain.video, default_poll=plain.default_poll)
    provider.asked, provider.door = [], Door()
    return provider


# --- odd lists --------------------------------------------------------------------------------------------------------


async def test_two_tasks_whose_provider_gave_one_job_id_both_end(tmp_path: Path) -> None:
    provider = lister()
    provider.submits += [outcomes.Accepted(JobId("same"), 0.0)] * 2
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        _, made = await many(gateway, 12)
        gateway.clock.advance(20)
        await gateway.until(lambda: len(provider.asked) >= 1)
        await settled(gateway)
        provider.default_poll = outcomes.Finished()
        for task_id in made:
            assert (await until_end(gateway, task_id)).state is State.SUCCEEDED


async def test_an_answer_that_cannot_be_used_keeps_no_other_from_being_used(tmp_path: Path) -> None:
    class Odd(Lister):
        async def poll_many(
            self, due: Collection[JobId], orders: Mapping[JobId, Order]
        ) -> Mapping[JobId, outcomes.PollOutcome]:
            found = dict(await Lister.poll_many(self, due, orders))
            found[next(iter(found))] = cast(outcomes.PollOutcome, "an odd answer")
            return found

    plain = lister()
    provider = Odd(plain.offer, plain.video, default_poll=plain.default_poll)
    provider.asked = []
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        _, made = await many(gateway, 12)
        await settled(gateway)
        provider.default_poll = outcomes.Finished()
        gateway.clock.advance(20)
        for task_id in made:
            assert (await until_end(gateway, task_id)).state is State.SUCCEEDED


# --- slow lists -------------------------------------------------------------------------------------------------------


async def test_a_cancel_does_not_wait_for_a_list(tmp_path: Path) -> None:
    provider = slow_lister()
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account, made = await many(gateway, 12)
        gateway.clock.advance(20)
        await provider.door.until_reached()
        await cancel(gateway, account, made[0])
        answer = await gateway.ended(account, made[0])  # while the list is under way
        assert answer.headers["x-reelway-state"] == "cancelled"
        assert provider.cancelled == [made[0]]
        provider.default_poll = outcomes.Finished()
        provider.door.opened.set()
        for task_id in made[1:]:
            assert (await until_end(gateway, task_id)).state is State.SUCCEEDED


async def test_a_deadline_does_not_wait_for_a_list(tmp_path: Path) -> None:
    provider = slow_lister()
    async with running_gateway(tmp_path, scripted=provider, task_deadline_seconds=600) as gateway:
        account, made = await many(gateway, 12)
        gateway.clock.advance(20)
        await provider.door.until_reached()
        gateway.clock.advance(700)
        for task_id in made:
            answer = await gateway.ended(account, task_id)  # while the list is under way
            assert answer.headers["x-reelway-state"] == "expired"
        assert not provider.door.opened.is_set()
        provider.door.opened.set()


# --- claims -----------------------------------------------------------------------------------------------------------


async def test_what_one_claim_brought_is_looked_after_though_another_fails(tmp_path: Path) -> None:
    provider = scripted(outcomes.InProgress(0.25, LATER_S))
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        running = {await gateway.created(account) for _ in range(20)}
        await gateway.until(lambda: gateway.watched == running)
        provider.free_slots = 0
        queued = await gateway.created(account)
        with store_of(gateway).engines.write.begin() as connection:
            connection.execute(
                text(
                    "CREATE TRIGGER no_lease BEFORE UPDATE ON tasks WHEN OLD.state = 'queued' AND NEW.lease_owner"
                    " IS NOT NULL BEGIN SELECT RAISE(ABORT, 'not today'); END"
                )
            )
    provider.free_slots = 100
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        gateway.clock.advance(10)
        await gateway.until(lambda: gateway.watched == running)
        with store_of(gateway).engines.write.begin() as connection:
            connection.execute(text("DROP TRIGGER no_lease"))
        await gateway.until(lambda: gateway.watched == {*running, queued})


# --- clocks -----------------------------------------------------------------------------------------------------------


async def test_held_jobs_are_looked_at_though_the_clock_is_set_back(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.default_poll = outcomes.InProgress(0.25, 5.0)
    task_id = await gateway.created(account)
    await gateway.until(lambda: provider.poll_count >= 1)
    await settled(gateway)
    gateway.clock.advance(-3_000)
    provider.default_poll = outcomes.Finished()
    await gateway.ended(account, task_id)  # the clock stands still
    assert (await gateway.task(task_id)).state is State.SUCCEEDED


async def test_a_held_job_keeps_its_lease_though_the_clock_is_set_back(tmp_path: Path) -> None:
    provider = scripted(outcomes.InProgress(0.25, LATER_S))
    async with running_gateway(tmp_path, scripted=provider, lease_seconds=1) as gateway:
        task_id = await at_rest(gateway, provider, await gateway.account())

        async def is_prolonged() -> bool:
            left_us = ((await gateway.task(task_id)).lease_until_us or 0) - gateway.clock.now_us()
            return 900_000 <= left_us <= 1_000_000

        gateway.clock.advance(0.6)
        await gateway.until(is_prolonged)
        gateway.clock.advance(-3_000)
        await gateway.until(is_prolonged)


# --- hints ------------------------------------------------------------------------------------------------------------


async def test_a_flood_of_hints_brings_two_writes_and_at_most_two_looks(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    task_id = await at_rest(gateway, provider, account)
    gateway.clock.advance(10)
    before = (await gateway.task(task_id)).version
    for _ in range(20):
        await take_hint(gateway.core, "scripted", task_id)
    await settled(gateway)
    assert (await gateway.task(task_id)).version == before + 2
    provider.default_poll = outcomes.Finished()  # any of the hints may have told of it
    gateway.clock.advance(1)
    await gateway.ended(account, task_id)
    assert provider.poll_count <= 3


async def test_a_hint_that_comes_soon_after_another_while_the_job_is_asked_is_kept(tmp_path: Path) -> None:
    provider = scripted(outcomes.InProgress(0.25, LATER_S))
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        task_id = await at_rest(gateway, provider, account)
        gateway.clock.advance(10)
        provider.before_poll = door = Door()
        await take_hint(gateway.core, "scripted", task_id)
        await door.until_reached()
        await take_hint(gateway.core, "scripted", task_id)
        await gateway.until(lambda: all(held.is_hurried for held in gateway.gateway._worker._watcher._held.values()))  # type: ignore[union-attr]
        door.opened.set()
        await gateway.until(lambda: provider.poll_count == 2)
        provider.default_poll = outcomes.Finished()
        gateway.clock.advance(1)
        await gateway.ended(account, task_id)
