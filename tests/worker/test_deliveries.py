"""Delivering: order, dead receivers that delay nobody, several workers, stops, and callbacks by their own rules."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from reelway.domain import outcomes
from reelway.domain.delivery import EXACTLY_200, NEWEST_ONLY
from reelway.domain.ids import WorkerId
from reelway.gateway.webhooks import create_callback_secret
from reelway.net.signing import webhook_signature
from reelway.store.store import Store
from support.gateway import Account, TestGateway, running_gateway
from support.receiver import Receiver, receiving
from support.webhooks import WEBHOOKS, attempts, call, deliveries, ended, endpoint, telling_gateway
from worker.lives import settled
from worker.telling import PARTS, task_with_callback
from worker.test_full_disk import unwritable

pytestmark = pytest.mark.anyio

DAY_S = 86_400
LATER_S = 7_200.0


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with telling_gateway(tmp_path, parts=PARTS, backoff_base_seconds=30, backoff_max_seconds=30) as found:
        yield found


@pytest.fixture
async def owner(gateway: TestGateway) -> Account:
    return await gateway.account()


def rows(gateway: TestGateway, query: str) -> Sequence[Any]:
    store = gateway.core.store
    assert isinstance(store, Store)
    with store.engines.read.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


async def empty_outbox(gateway: TestGateway) -> None:
    await gateway.until(lambda: rows(gateway, "SELECT count(*) FROM messages") == [(0,)])


async def all_told(gateway: TestGateway, receiver: Receiver, count: int) -> None:
    """Wait until the receiver was told so often, and nothing more waits."""
    await gateway.until(lambda: len(receiver.told) >= count)
    await empty_outbox(gateway)
    assert len(receiver.told) == count


async def idle(gateway: TestGateway) -> None:
    """Wait until no receiver is served and none is due."""
    await gateway.until(lambda: rows(gateway, "SELECT count(*) FROM receivers WHERE lease_owner IS NOT NULL") == [(0,)])


def statuses(receiver: Receiver) -> list[str]:
    return [told.json["status"] for told in receiver.told]


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


# --- callbacks --------------------------------------------------------------------------------------------------------


async def test_exactly_200_is_told_once_at_the_end_and_only_200_counts(gateway: TestGateway, owner: Account) -> None:
    async with receiving(statuses=deque([204, 201, 302]), status=200) as receiver:
        task_id = await task_with_callback(gateway, owner, receiver.url, EXACTLY_200)
        for number, delay_s in enumerate((30, 120, 600), 1):
            await gateway.until(lambda number=number: len(receiver.told) == number)  # type: ignore[misc]
            await idle(gateway)
            gateway.clock.advance(delay_s + 1)
        await empty_outbox(gateway)
    assert [told.json for told in receiver.told] == [{"task": task_id, "status": "succeeded"}] * 4
    assert not any(name.startswith("webhook-") for told in receiver.told for name in told.headers)


async def test_a_callback_is_given_up_after_its_last_retry(gateway: TestGateway, owner: Account) -> None:
    async with receiving(status=500) as receiver:
        await task_with_callback(gateway, owner, receiver.url, EXACTLY_200)
        for number in range(1, 5):
            await gateway.until(lambda number=number: len(receiver.told) == number)  # type: ignore[misc]
            await idle(gateway)
            gateway.clock.advance(700)
        await empty_outbox(gateway)
        assert len(receiver.told) == 4
    last = (await gateway.core.store.outbox.last_deliveries(owner.id, 9))[0]
    assert (last.attempt, last.next_attempt_at_us, last.endpoint_id) == (4, None, None)


async def test_newest_only_is_told_of_every_status_in_order(gateway: TestGateway, owner: Account) -> None:
    assert gateway.provider is not None
    gateway.provider.polls.append(outcomes.InProgress(0.5, poll_after_s=LATER_S))
    gateway.provider.free_slots = 0
    async with receiving() as receiver:
        task_id = await task_with_callback(gateway, owner, receiver.url, NEWEST_ONLY)
        await gateway.until(lambda: statuses(receiver) == ["queued"])
        gateway.provider.free_slots = 9
        gateway.clock.advance(2)
        await gateway.until(lambda: statuses(receiver) == ["queued", "processing"])
        await gateway.until(lambda: not gateway.provider.polls)  # type: ignore[union-attr]
        await settled(gateway)
        gateway.clock.advance(LATER_S)
        await gateway.until(lambda: len(receiver.told) == 3)
    final = await gateway.task(task_id)
    assert statuses(receiver) == ["queued", "processing", final.public_status.value]
    assert final.is_final


async def test_a_newer_status_drops_an_undelivered_older_one(gateway: TestGateway, owner: Account) -> None:
    assert gateway.provider is not None
    gateway.provider.free_slots = 0
    async with receiving(statuses=deque([500, 500])) as receiver:
        await task_with_callback(gateway, owner, receiver.url, NEWEST_ONLY)
        await gateway.until(lambda: len(receiver.told) == 1)
        await idle(gateway)
        gateway.provider.free_slots = 9
        gateway.clock.advance(2)
        await gateway.until(lambda: rows(gateway, "SELECT sequence FROM messages") in ([(3,)], []))

        def is_told() -> bool:
            gateway.clock.advance(60)  # more than once: the second 500 may still be on its way, and be planned from now
            return rows(gateway, "SELECT count(*) FROM messages") == [(0,)]

        await gateway.until(is_told)
        found = statuses(receiver)
    assert found[0] == "queued"
    assert "queued" not in found[1:]
    assert found[-1] == "succeeded"
    ranks = [["queued", "processing", "succeeded"].index(status) for status in found]
    assert ranks == sorted(ranks), "an older status never comes after a newer one"


async def test_callbacks_are_signed_where_the_account_has_a_secret(gateway: TestGateway, owner: Account) -> None:
    first = await create_callback_secret(gateway.core, owner.id)
    second = await create_callback_secret(gateway.core, owner.id, grace_s=DAY_S)
    async with receiving(status=200) as receiver:
        for valid in ([second, first], [second]):
            receiver.told.clear()
            await task_with_callback(gateway, owner, receiver.url, EXACTLY_200)
            await all_told(gateway, receiver, 1)
            headers = receiver.told[0].headers
            stamp = int(headers["webhook-timestamp"])
            assert headers["webhook-id"].startswith("evt_")
            expected = [webhook_signature(one, headers["webhook-id"], stamp, receiver.told[0].body) for one in valid]
            assert headers["webhook-signature"].split(" ") == expected
            gateway.clock.advance(DAY_S)
        await gateway.core.store.outbox.set_callback_secrets(owner.id, None)
        receiver.told.clear()
        await task_with_callback(gateway, owner, receiver.url, EXACTLY_200)
        await all_told(gateway, receiver, 1)
        assert "webhook-signature" not in receiver.told[0].headers


async def test_a_task_with_a_callback_is_told_to_endpoints_too(gateway: TestGateway, owner: Account) -> None:
    async with receiving(status=200) as receiver, receiving() as hook:
        await endpoint(gateway, owner, hook.url)
        task_id = await task_with_callback(gateway, owner, receiver.url, EXACTLY_200)
        await all_told(gateway, receiver, 1)
        await all_told(gateway, hook, 1)
    assert receiver.told[0].json["task"] == task_id
    assert hook.told[0].json["data"]["id"] == task_id


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
