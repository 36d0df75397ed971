"""Delivering: order, dead receivers that delay nobody, several workers, stops; callbacks are in `test_callbacks`."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import text

from reelway.domain.delivery import EXACTLY_200
from reelway.domain.ids import WorkerId
from reelway.store.store import Store
from support.gateway import Account, TestGateway, running_gateway
from support.receiver import receiving
from support.webhooks import WEBHOOKS, attempts, call, deliveries, ended, endpoint, telling_gateway
from worker.telling import empty_outbox, idle, patient_gateway, rows, task_with_callback
from worker.test_full_disk import unwritable

pytestmark = pytest.mark.anyio

DAY_S = 86_400
LATER_S = 7_200.0


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with patient_gateway(tmp_path) as found:
        yield found


@pytest.fixture
async def owner(gateway: TestGateway) -> Account:
    return await gateway.account()


# --- order, and others' misfortune ------------------------------------------------------------------------------------


async def test_a_healthy_receiver_is_told_in_the_order_of_events_one_at_a_time(
    gateway: TestGateway, owner: Account
) -> None:
    async with receiving() as receiver:
        await endpoint(gateway, owner, receiver.url)
        await asyncio.gather(*(ended(gateway, owner) for _ in range(60)))
        await empty_outbox(gateway)
        in_order = rows(gateway, "SELECT id FROM webhook_events ORDER BY created_at_us")
        assert [(told.json["id"],) for told in receiver.told] == in_order
        assert receiver.open_most == 1


async def test_after_a_failure_younger_messages_do_not_wait_for_the_failed_one(
    gateway: TestGateway, owner: Account
) -> None:
    async with receiving(statuses=deque([500])) as receiver:
        made = await endpoint(gateway, owner, receiver.url)
        first = await ended(gateway, owner)
        await attempts(gateway, owner, made["id"], 1)
        second = await ended(gateway, owner)
        await attempts(gateway, owner, made["id"], 2)
        gateway.clock.advance(7)
        await attempts(gateway, owner, made["id"], 3)
        assert [told.json["data"]["id"] for told in receiver.told] == [first, second, first]


async def test_a_secret_that_cannot_be_read_costs_an_attempt_and_a_new_one_mends_it(
    gateway: TestGateway, owner: Account
) -> None:
    async with receiving() as receiver:
        made = await endpoint(gateway, owner, receiver.url)
        store = gateway.core.store
        assert isinstance(store, Store)
        with store.engines.write.begin() as connection:
            connection.execute(text("UPDATE webhook_endpoints SET secret = 'damaged'"))
        await ended(gateway, owner)
        (failed,) = await attempts(gateway, owner, made["id"], 1)
        assert (failed["status"], failed["error"], receiver.told) == ("failed", "connect_failed", [])
        with store.engines.write.begin() as connection:  # `rotate-secret` lets the damaged one sign for a day more
            sealed = gateway.core.sealer.sealed("whsec_" + "A" * 43 + "=")
            connection.execute(text("UPDATE webhook_endpoints SET secret = :sealed"), {"sealed": sealed})
        gateway.clock.advance(7)
        again, _ = await attempts(gateway, owner, made["id"], 2)
        assert (again["status"], len(receiver.told)) == ("succeeded", 1)


async def test_dead_receivers_delay_no_healthy_one(tmp_path: Path) -> None:
    """Receivers that take a connection and never answer hold more places than there are; a healthy one waits for none
    of them longer than the second after which a silent receiver counts as slow."""

    async def never(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with (
        receiving(script=never) as dead,
        receiving() as healthy,
        telling_gateway(tmp_path, deliveries_max=3, deliveries_failing_max=2, shutdown_grace_seconds=0) as gateway,
    ):
        unlucky, lucky = await gateway.account(), await gateway.account()
        for _ in range(12):
            await endpoint(gateway, unlucky, dead.url)
        await endpoint(gateway, lucky, healthy.url)
        await ended(gateway, unlucky)
        await gateway.until(lambda: dead.open_now >= 3)
        await ended(gateway, lucky)
        await gateway.until(lambda: bool(healthy.told))
        await gateway.until(lambda: dead.open_now == 12)
        assert not await gateway.core.store.outbox.last_deliveries(unlucky.id, 1), "they are still waited for"


async def test_a_failing_receiver_has_a_room_of_its_own(tmp_path: Path) -> None:
    async with (
        receiving(status=500) as dead,
        receiving() as healthy,
        telling_gateway(tmp_path, deliveries_max=1, deliveries_failing_max=1) as gateway,
    ):
        unlucky, lucky = await gateway.account(), await gateway.account()
        made = await endpoint(gateway, unlucky, dead.url)
        await endpoint(gateway, lucky, healthy.url)
        for number in range(1, 4):
            await ended(gateway, unlucky)
            await ended(gateway, lucky)
            await gateway.until(lambda number=number: len(healthy.told) == number)  # type: ignore[misc]
            await attempts(gateway, unlucky, made["id"], number)


# --- several workers, stops -------------------------------------------------------------------------------------------


async def test_two_gateways_on_one_database_tell_once_and_in_order(tmp_path: Path, database_url: str) -> None:
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving())
        first, second = [
            await stack.enter_async_context(telling_gateway(tmp_path, database_url=database_url)) for _ in range(2)
        ]
        owner = await first.account()
        await endpoint(first, owner, receiver.url)
        await asyncio.gather(*(ended(gateway, owner) for gateway in (first, second) for _ in range(25)))
        await empty_outbox(first)
        told = [told.json["id"] for told in receiver.told]
        assert len(told) == len(set(told)) == 50
        assert receiver.open_most == 1


async def test_a_receiver_that_another_worker_serves_is_left_alone(gateway: TestGateway, owner: Account) -> None:
    store = gateway.core.store
    assert isinstance(store, Store)
    async with receiving(statuses=deque([500])) as receiver:
        made = await endpoint(gateway, owner, receiver.url)
        await ended(gateway, owner)
        await attempts(gateway, owner, made["id"], 1)
        await idle(gateway)
        now_us = gateway.clock.now_us()
        due_us = now_us + 10_000_000
        held = await store.outbox.claim(
            WorkerId("elsewhere"), is_failing=True, now_us=due_us, until_us=now_us + 3_600_000_000, limit=9
        )
        assert [one.id for one in held] == [made["id"]]
        gateway.clock.advance(20)
        await ended(gateway, owner)
        assert len(receiver.told) == 1
        await store.end_leases_of(WorkerId("elsewhere"), gateway.clock.now_us())
        await empty_outbox(gateway)
        assert len(receiver.told) == 3


async def test_a_worker_that_fell_silent_loses_its_receivers(gateway: TestGateway, owner: Account) -> None:
    store = gateway.core.store
    assert isinstance(store, Store)
    async with receiving(statuses=deque([500])) as receiver:
        made = await endpoint(gateway, owner, receiver.url)
        await ended(gateway, owner)
        await attempts(gateway, owner, made["id"], 1)
        await idle(gateway)
        now_us = gateway.clock.now_us()
        await store.outbox.claim(
            WorkerId("elsewhere"), is_failing=True, now_us=now_us + 10_000_000, until_us=now_us + 30_000_000, limit=9
        )
        gateway.clock.advance(31)
        await attempts(gateway, owner, made["id"], 2)


async def test_a_stop_gives_receivers_back_and_the_next_start_tells_the_rest(tmp_path: Path) -> None:
    release = asyncio.Event()

    async def slow(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await release.wait()
        writer.write(b"HTTP/1.1 204 Fine\r\n\r\n")
        await writer.drain()

    async with receiving(script=slow) as receiver:
        async with telling_gateway(tmp_path, shutdown_grace_seconds=0.1) as gateway:
            owner = await gateway.account()
            await endpoint(gateway, owner, receiver.url)
            tasks = [await ended(gateway, owner) for _ in range(3)]
            await gateway.until(lambda: bool(receiver.told))
        receiver.script = None
        release.set()
        receiver.told.clear()
        async with telling_gateway(tmp_path) as gateway:
            await empty_outbox(gateway)
            assert [told.json["data"]["id"] for told in receiver.told] == tasks


async def test_a_receiver_whose_release_was_refused_is_served_again_while_others_are_served(tmp_path: Path) -> None:
    reached, release = asyncio.Event(), asyncio.Event()

    async def once(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.set()
        await release.wait()
        writer.write(b"HTTP/1.1 204 Fine\r\n\r\n")
        await writer.drain()

    async def never(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    async with (
        receiving(script=once) as first,
        receiving(script=never) as second,
        telling_gateway(tmp_path, shutdown_grace_seconds=0) as gateway,
    ):
        owner, other = await gateway.account(), await gateway.account()
        await endpoint(gateway, owner, first.url)
        await endpoint(gateway, other, second.url)
        await ended(gateway, owner)
        await ended(gateway, other)
        await reached.wait()
        await gateway.until(lambda: second.open_now == 1)
        with unwritable(gateway):
            release.set()
            await gateway.until(lambda: len(gateway.receivers_served) == 1)
        first.script = None
        assert rows(gateway, "SELECT count(*) FROM receivers WHERE lease_owner IS NOT NULL") == [(2,)]
        gateway.clock.advance(31)
        await gateway.until(lambda: len(first.told) == 2)


# --- where it may go, what is kept ------------------------------------------------------------------------------------


async def test_a_url_that_the_operator_no_longer_allows_is_not_called(tmp_path: Path) -> None:
    async with receiving(status=500) as receiver:
        async with telling_gateway(tmp_path) as gateway:
            owner = await gateway.account()
            made = await endpoint(gateway, owner, receiver.url)
            await ended(gateway, owner)
            await attempts(gateway, owner, made["id"], 1)
        async with running_gateway(tmp_path) as gateway:
            gateway.clock.advance(10)
            newest, _ = await attempts(gateway, owner, made["id"], 2)
            assert newest["error"] == "address_blocked"
            assert len(receiver.told) == 1


async def test_events_and_attempts_are_kept_thirty_days(gateway: TestGateway, owner: Account) -> None:
    async with receiving(status=200) as receiver:
        made = await endpoint(gateway, owner, receiver.url)
        gone = await endpoint(gateway, owner, receiver.url)
        await call(gateway, owner, "DELETE", f"{WEBHOOKS}/{gone['id']}")
        await ended(gateway, owner)
        await task_with_callback(gateway, owner, receiver.url, EXACTLY_200)
        await attempts(gateway, owner, made["id"], 2)
        await empty_outbox(gateway)
        gateway.clock.advance(30 * DAY_S - 60)
        await asyncio.sleep(0)
        assert len(await deliveries(gateway, owner, made["id"])) == 2
        gateway.clock.advance(120)
        tables = ("webhook_events", "deliveries")
        await gateway.until(lambda: all(rows(gateway, f"SELECT count(*) FROM {table}") == [(0,)] for table in tables))
        await gateway.until(lambda: rows(gateway, "SELECT id FROM webhook_endpoints") == [(made["id"],)])
