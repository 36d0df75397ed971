"""Callbacks of tasks: told by their own rules, signed where the account has a secret, beside its endpoints."""

from collections import deque
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reelway.domain import outcomes
from reelway.domain.delivery import EXACTLY_200, NEWEST_ONLY
from reelway.gateway.webhooks import create_callback_secret
from reelway.net.signing import webhook_signature
from support.gateway import Account, TestGateway
from support.receiver import receiving
from support.webhooks import endpoint
from worker.lives import settled
from worker.telling import all_told, empty_outbox, idle, patient_gateway, rows, statuses, task_with_callback

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
