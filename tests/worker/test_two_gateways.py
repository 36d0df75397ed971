"""Two gateways on one PostgreSQL: they share the queue, the money and the callers, and do nothing twice."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.ids import TaskId
from reelway.domain.task import State
from reelway.gateway.hint import take_hint
from reelway.providers.base import Order
from reelway.store.store import Store
from support.databases import migrated_postgres
from support.gateway import CREDITS, WAIT_S, TestGateway, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer
from worker.lives import Door

pytestmark = pytest.mark.anyio

SECRET = "one-secret-for-both-of-the-gateways"


def scripted(jobs: dict[str, int]) -> ScriptedProvider:
    """Each gateway has its own way to the same provider."""
    return ScriptedProvider(scripted_offer(load_catalog()), video_bytes(), jobs=jobs)


@asynccontextmanager
async def pair(
    folder: Path, database_url: str, one: ScriptedProvider, other: ScriptedProvider, **changes: object
) -> AsyncIterator[tuple[TestGateway, TestGateway]]:
    common = {
        "database_url": database_url,
        "storage_url": (folder / "objects").as_uri(),
        "secret_key": SECRET,
        "shutdown_grace_seconds": 1,
    } | changes
    async with (
        running_gateway(folder / "one", scripted=one, **common) as first,
        running_gateway(folder / "other", scripted=other, **common) as second,
    ):
        yield first, second


@pytest.fixture
def database_url(postgres_url: str) -> str:
    return migrated_postgres(postgres_url)


async def all_ended(first: TestGateway, second: TestGateway, made: list[TaskId]) -> list[State]:
    async with asyncio.timeout(WAIT_S):
        while True:
            tasks = [await first.task(task_id) for task_id in made]
            if all(task.is_final for task in tasks):
                return [task.state for task in tasks]
            for gateway in (first, second):
                gateway.clock.advance(0.05)
            await asyncio.sleep(0.01)


async def test_two_gateways_share_the_queue_and_make_every_video_once(tmp_path: Path, database_url: str) -> None:
    jobs: dict[str, int] = {}
    one, other = scripted(jobs), scripted(jobs)
    submitting: set[str] = set()
    both_work = asyncio.Event()

    def wait_for_both(name: str) -> Callable[[Order], Awaitable[None]]:
        async def wait(_order: Order) -> None:
            submitting.add(name)
            if len(submitting) == 2:
                both_work.set()
            await both_work.wait()

        return wait

    one.before_submit, other.before_submit = wait_for_both("one"), wait_for_both("other")
    async with pair(tmp_path, database_url, one, other, worker_steps_max=4) as (first, second):
        account = await first.account()
        made = [await (first, second)[number % 2].created(account) for number in range(40)]
        assert await all_ended(first, second, made) == [State.SUCCEEDED] * 40
        assert jobs == dict.fromkeys(made, 1)
        assert len(one.orders) + len(other.orders) == 40
        assert await first.available_credits(account) == CREDITS - 40 * 42
        store = first.core.store
        assert isinstance(store, Store)
        assert await store.unbalanced_accounts() == []


async def test_a_change_made_by_one_wakes_a_caller_who_waits_at_the_other(tmp_path: Path, database_url: str) -> None:
    jobs: dict[str, int] = {}
    one, other = scripted(jobs), scripted(jobs)
    one.free_slots = other.free_slots = 0
    async with pair(tmp_path, database_url, one, other) as (first, second):
        account = await first.account()
        task_id = await first.created(account)
        waiting = asyncio.create_task(second.ended(account, task_id))
        await second.until(lambda: second.core.streams_open == 1)
        cancelled = await first.http.post(f"/api/v1/generations/{task_id}/cancel", headers=account.headers)
        assert cancelled.status_code == 200
        assert (await waiting).headers["x-reelway-state"] == "cancelled"


async def test_a_result_made_by_one_is_served_by_the_other(tmp_path: Path, database_url: str) -> None:
    one, other = scripted({}), scripted({})
    other.free_slots = 0
    async with pair(tmp_path, database_url, one, other) as (_first, second):
        account = await second.account()
        task_id = await second.created(account)
        answer = await second.ended(account, task_id)
        url = answer.json()["result"]["primary_url"]
        assert url.startswith(second.base_url)
        got = await second.http.get(url)
        assert (got.status_code, got.content) == (200, one.video)
        assert (one.jobs, other.jobs) == ({task_id: 1}, {})


async def test_a_cancel_at_one_reaches_the_step_of_the_other(tmp_path: Path, database_url: str) -> None:
    jobs: dict[str, int] = {}
    one, other = scripted(jobs), scripted(jobs)
    other.free_slots = 0
    one.before_poll = door = Door()
    one.default_poll = other.default_poll = outcomes.InProgress(0.5, 0.0)
    async with pair(tmp_path, database_url, one, other) as (first, second):
        account = await second.account()
        task_id = await second.created(account)
        await door.until_reached()
        answer = await second.http.post(f"/api/v1/generations/{task_id}/cancel", headers=account.headers)
        assert answer.status_code == 200
        door.opened.set()
        assert await all_ended(first, second, [task_id]) == [State.CANCELLED]
        assert one.cancelled + other.cancelled == [task_id]


async def test_the_same_idempotency_key_at_both_makes_one_task(tmp_path: Path, database_url: str) -> None:
    jobs: dict[str, int] = {}
    one, other = scripted(jobs), scripted(jobs)
    async with pair(tmp_path, database_url, one, other) as (first, second):
        account = await first.account()
        body = {"model": "kling-v2-5-turbo-pro", "prompt": "A glass bottle turns slowly"}
        for number in range(8):
            headers = account.headers | {"Idempotency-Key": f"order-{number}"}
            answers = await asyncio.gather(
                *(
                    gateway.http.post("/api/v1/generations", json=body, headers=headers)
                    for gateway in (first, second, first, second)
                )
            )
            assert {answer.status_code for answer in answers} <= {202, 409}
            made = [answer for answer in answers if answer.status_code == 202]
            assert len({answer.json()["id"] for answer in made}) == 1
            assert sum("idempotent-replayed" not in answer.headers for answer in made) == 1
        listed = await first.http.get("/api/v1/generations?limit=100", headers=account.headers)
        assert len(listed.json()["data"]) == 8


async def test_one_gateway_goes_on_with_what_the_other_left(tmp_path: Path, database_url: str) -> None:
    jobs: dict[str, int] = {}
    one, other = scripted(jobs), scripted(jobs)
    one.before_poll = door = Door()
    other.free_slots = 0
    common = {
        "database_url": database_url,
        "storage_url": (tmp_path / "objects").as_uri(),
        "secret_key": SECRET,
    }
    async with running_gateway(tmp_path / "other", scripted=other, **common) as second:
        async with running_gateway(tmp_path / "one", scripted=one, shutdown_grace_seconds=0, **common) as first:
            account = await second.account()
            made = [await second.created(account) for _ in range(5)]
            await door.until_reached()
            await first.until(lambda: len(jobs) == 5)
        assert await all_ended(second, second, made) == [State.SUCCEEDED] * 5
        assert jobs == dict.fromkeys(made, 1)
        assert await second.available_credits(account) == CREDITS - 5 * 42


async def test_two_gateways_together_have_no_more_jobs_than_the_provider_has_slots(
    tmp_path: Path, database_url: str
) -> None:
    """Each of them believes that all slots are free; the database knows better."""
    at_work: set[TaskId] = set()
    counts: list[int] = []

    async def begin(order: Order) -> None:
        at_work.add(order.task_id)
        counts.append(len(at_work))

    async def end(order: Order) -> None:
        at_work.discard(order.task_id)

    jobs: dict[str, int] = {}
    one, other = scripted(jobs), scripted(jobs)
    one.offer = other.offer = scripted_offer(load_catalog(), slots=3)
    one.before_submit, one.before_poll = begin, end
    other.before_submit, other.before_poll = begin, end
    async with pair(tmp_path, database_url, one, other) as (first, second):
        account = await first.account()
        made = [await (first, second)[number % 2].created(account) for number in range(24)]
        assert await all_ended(first, second, made) == [State.SUCCEEDED] * 24
    assert max(counts) <= 3
    assert jobs == dict.fromkeys(made, 1)


async def test_a_hint_that_arrives_at_one_gateway_reaches_the_holder_at_the_other(
    tmp_path: Path, database_url: str
) -> None:
    jobs: dict[str, int] = {}
    one, other = scripted(jobs), scripted(jobs)
    other.free_slots = 0
    one.default_poll = outcomes.InProgress(0.5, 1_000.0)
    async with pair(tmp_path, database_url, one, other) as (first, second):
        account = await second.account()
        task_id = await second.created(account)
        await first.until(lambda: first.watched == {task_id} and one.poll_count == 1)
        one.default_poll = outcomes.Finished()
        await take_hint(second.core, "scripted", task_id)
        answer = await second.ended(account, task_id)  # the clocks stand still
        assert answer.json()["status"] == "succeeded"
