"""Leases in a running gateway: kept while a step runs, lost by the dead, given back at a stop; nothing done twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from contract.store.rows import Rows
from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.decide import Transition
from reelway.domain.ids import TaskId, WorkerId
from reelway.domain.task import State
from reelway.providers.base import Order
from reelway.store.store import Store
from reelway.worker.identity import WORKERS_FOLDER, WorkerIdentity, is_dead
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer
from worker.lives import (
    Door,
    assert_charged,
    assert_held,
    settled,
    until_end,
    until_state,
)

pytestmark = pytest.mark.anyio


def store_of(gateway: TestGateway) -> Store:
    assert isinstance(gateway.core.store, Store)
    return gateway.core.store


def scripted() -> ScriptedProvider:
    return ScriptedProvider(scripted_offer(load_catalog()), video_bytes())


async def swept(gateway: TestGateway, account: Account) -> None:
    """A whole sweep has run since: it has deleted a file whose time was over."""
    store = store_of(gateway)
    old = Rows(store, gateway.clock).file(account.id, expires_at_us=gateway.clock.now_us())
    await store.add_file(old)

    async def is_deleted() -> bool:
        file = await store.file(old.id)
        return file is not None and file.deleted_at_us is not None

    await gateway.until(is_deleted)


# --- keeping ----------------------------------------------------------------------------------------------------------


async def test_a_step_that_takes_long_keeps_its_lease(tmp_path: Path) -> None:
    provider = scripted()
    provider.before_poll = door = Door()
    async with running_gateway(tmp_path, scripted=provider, lease_seconds=1) as gateway:
        account = await gateway.account()
        task_id = await gateway.created(account)
        await door.until_reached()
        owner = (await gateway.task(task_id)).lease_owner
        for _ in range(4):
            gateway.clock.advance(0.6)
            now_us = gateway.clock.now_us()

            async def is_prolonged(now_us: int = now_us) -> bool:
                until_us = (await gateway.task(task_id)).lease_until_us
                return until_us is not None and until_us >= now_us + 900_000

            await gateway.until(is_prolonged)
        assert (await gateway.task(task_id)).lease_owner == owner
        door.opened.set()
        assert (await until_end(gateway, task_id)).state is State.SUCCEEDED
        assert (provider.jobs, provider.poll_count) == ({task_id: 1}, 1)


@pytest.mark.parametrize("seconds", [40, 600])
async def test_a_clock_that_jumps_ahead_does_not_make_a_worker_submit_twice(
    gateway: TestGateway, provider: ScriptedProvider, account: Account, seconds: float
) -> None:
    """A machine that slept, or whose clock was set: our own steps are still under way, and their leases are ours."""
    door = Door()

    async def hang(order: Order) -> None:
        if order.generation.prompt == "slow":
            await door(order)

    provider.before_submit = hang
    task_id = await gateway.created(account, prompt="slow")
    await door.until_reached()
    gateway.clock.advance(seconds)
    others = await gateway.account()
    for _ in range(3):
        await swept(gateway, others)
        gateway.clock.advance(1)
        await gateway.ended(others, await gateway.created(others))  # the worker has looked for work since the sweep
    door.opened.set()
    task = await until_end(gateway, task_id)
    assert task.state is State.SUCCEEDED
    assert provider.jobs[task_id] == 1, "the provider was asked to make the same video twice"
    await assert_charged(gateway, account, task_id, CREDITS)


# --- losing -----------------------------------------------------------------------------------------------------------


async def test_a_task_of_a_worker_that_fell_silent_is_taken_over(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    provider.free_slots = 0
    task_id = await gateway.created(account)
    now_us = gateway.clock.now_us()
    models = ("kling-v2-5-turbo-pro",)
    await store_of(gateway).claim(
        WorkerId("far-away"), models=models, now_us=now_us, until_us=now_us + 30_000_000, limit=1
    )
    provider.free_slots = 5
    gateway.clock.advance(29)
    marker = await gateway.created(account)
    await gateway.ended(account, marker)
    assert (await gateway.task(task_id)).lease_owner == "far-away"
    gateway.clock.advance(2)
    await gateway.ended(account, task_id)
    assert provider.jobs == {marker: 1, task_id: 1}


async def test_a_worker_that_wakes_up_too_late_writes_nothing(
    gateway: TestGateway, provider: ScriptedProvider, account: Account
) -> None:
    """Its task was given to somebody else while it was silent; what it then wants to write is void."""
    provider.before_poll = door = Door()
    task_id = await gateway.created(account)
    await door.until_reached()
    store = store_of(gateway)
    task = await gateway.task(task_id)
    assert task.lease_owner is not None
    taken = replace(
        task, lease_owner=WorkerId("other"), lease_until_us=gateway.clock.now_us() + 10**12, version=task.version + 1
    )
    assert await store.apply(Transition(taken, task.version, transfer=None, event=None)), (
        "in one step: no gap to claim it in"
    )
    door.opened.set()
    await gateway.until(lambda: provider.poll_count == 1)
    marker = await gateway.created(account)
    await gateway.ended(account, marker)
    assert await gateway.task(task_id) == taken


# --- stopping ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def stopped_in_the_middle(gateway: TestGateway) -> AsyncIterator[None]:
    """The gateway has been told to stop; what is inside the block happens meanwhile."""
    gateway.gateway.stop()
    yield
    await settled(gateway)


async def test_a_stop_lets_the_step_under_way_end(tmp_path: Path) -> None:
    provider = scripted()
    provider.before_poll = door = Door()
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        task_id = await gateway.created(account)
        await door.until_reached()
        async with stopped_in_the_middle(gateway):
            door.opened.set()
        assert (await gateway.task(task_id)).state is State.SUCCEEDED
        await assert_charged(gateway, account, task_id, CREDITS)


async def test_a_stop_claims_nothing_more(tmp_path: Path) -> None:
    provider = scripted()
    provider.before_poll = door = Door()
    provider.free_slots = 1
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        await gateway.created(account)
        await door.until_reached()
        provider.free_slots = 0
        waiting = await gateway.created(account)
        async with stopped_in_the_middle(gateway):
            provider.free_slots = 10
            door.opened.set()
        assert (await gateway.task(waiting)).state is State.QUEUED
        assert len(provider.orders) == 1


async def test_a_step_that_outlasts_the_grace_is_broken_off_and_the_next_gateway_goes_on(tmp_path: Path) -> None:
    provider = scripted()
    provider.before_poll = door = Door()
    async with running_gateway(tmp_path, scripted=provider, shutdown_grace_seconds=0) as gateway:
        account = await gateway.account()
        task_id = await gateway.created(account)
        await door.until_reached()
        async with stopped_in_the_middle(gateway):
            pass
        task = await gateway.task(task_id)
        assert (task.state, task.lease_owner) == (State.RUNNING, None)
        await assert_held(gateway, account, task_id, CREDITS)
    provider.before_poll = None
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        assert (await until_end(gateway, task_id)).state is State.SUCCEEDED
        assert provider.jobs == {task_id: 1}
        await assert_charged(gateway, account, task_id, CREDITS)


@pytest.mark.parametrize("has_arrived", [True, False], ids=["arrived", "never arrived"])
async def test_a_submit_that_a_stop_broke_off_is_looked_for_before_it_is_made_again(
    tmp_path: Path, has_arrived: bool
) -> None:
    provider = scripted()
    door = Door()

    async def hang(order: object) -> None:
        if has_arrived:
            provider.jobs[order.task_id] = 1  # type: ignore[attr-defined]
        await door(order)

    provider.before_submit = hang
    async with running_gateway(tmp_path, scripted=provider, shutdown_grace_seconds=0) as gateway:
        account = await gateway.account()
        task_id = await gateway.created(account)
        await door.until_reached()
        async with stopped_in_the_middle(gateway):
            pass
        assert (await gateway.task(task_id)).state is State.SUBMITTING
    provider.before_submit = None
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        task = await until_end(gateway, task_id)
        assert (task.state, provider.jobs) == (State.SUCCEEDED, {task_id: 1})
        assert len(provider.orders) == (0 if has_arrived else 1)
        await assert_charged(gateway, account, task_id, CREDITS)


async def test_nothing_is_lost_or_done_twice_over_many_stops(tmp_path: Path) -> None:
    provider = scripted()
    provider.polls += [outcomes.InProgress(0.1, 0.0)] * 200
    made: list[TaskId] = []
    account: Account | None = None
    for _ in range(4):
        async with running_gateway(tmp_path, scripted=provider, shutdown_grace_seconds=0) as gateway:
            account = account or await gateway.account()
            made += [await gateway.created(account) for _ in range(8)]
    provider.polls.clear()
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        for task_id in made:
            assert (await until_end(gateway, task_id)).state is State.SUCCEEDED
        assert provider.jobs == dict.fromkeys(made, 1)
        assert account is not None
        assert await gateway.available_credits(account) == CREDITS - 42 * len(made)
        assert await store_of(gateway).unbalanced_accounts() == []


async def test_callers_are_answered_while_the_gateway_stops(tmp_path: Path) -> None:
    """A long poll ends with the task as it is, and the process does not wait for the poll's own end."""
    provider = scripted()
    provider.free_slots = 0
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        task_id = await gateway.created(account)
        polling = asyncio.create_task(
            gateway.http.get(f"/api/v1/generations/{task_id}?wait=60", headers=account.headers, timeout=30)
        )
        await gateway.until(lambda: gateway.core.streams_open == 1)
        gateway.gateway.stop()
        async with asyncio.timeout(10):
            answer = await polling
        assert (answer.status_code, answer.json()["status"]) == (200, "queued")


# --- who is alive -----------------------------------------------------------------------------------------------------


async def test_tasks_of_a_worker_of_this_machine_that_died_are_taken_over_at_the_next_start(tmp_path: Path) -> None:
    """At once, though the lease has long to run and the clock stands still."""
    provider = scripted()
    provider.free_slots = 0
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        task_id = await gateway.created(account)
        await settled(gateway)
    store = Store.open(f"sqlite:///{tmp_path / 'data' / 'reelway.db'}")
    dead = WorkerId("this-machine-1-dead")
    (tmp_path / "data" / WORKERS_FOLDER / f"{dead}.lock").touch()
    now_us = (await store.task(task_id)).due_at_us  # type: ignore[union-attr]
    assert now_us is not None
    assert await store.claim(dead, models=("kling-v2-5-turbo-pro",), now_us=now_us, until_us=now_us + 10**12, limit=1)
    await store.aclose()
    provider.free_slots = 1
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        task = await until_state(gateway, task_id, State.SUCCEEDED, step_s=0.001)
        assert task.attempt == 1


def test_a_worker_is_alive_as_long_as_it_holds_its_lock(tmp_path: Path) -> None:
    identity = WorkerIdentity(tmp_path)
    assert not is_dead(tmp_path, identity.id)
    identity.close()
    assert not is_dead(tmp_path, identity.id), "one that stopped properly gave everything back and left no lock"
    assert list(tmp_path.iterdir()) == []


def test_a_lock_that_nobody_holds_is_a_dead_workers_and_goes(tmp_path: Path) -> None:
    path = tmp_path / "host-1-abc.lock"
    path.touch()
    assert is_dead(tmp_path, WorkerId("host-1-abc"))
    assert not path.exists()


def test_a_worker_of_another_machine_is_not_judged(tmp_path: Path) -> None:
    assert not is_dead(tmp_path, WorkerId("elsewhere-1-abc"))


def test_no_two_workers_have_the_same_id(tmp_path: Path) -> None:
    identities = [WorkerIdentity(tmp_path) for _ in range(5)]
    assert len({identity.id for identity in identities}) == 5
    for identity in identities:
        identity.close()
