"""Callbacks of the Kling dialect, to a real receiver: statements 36 and 50 to 53 of its contract."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contract.kling.conformance import assert_task, body_of, created, query, task_of
from reelway.domain import outcomes
from reelway.domain.ids import TaskId
from reelway.domain.task import State
from reelway.gateway.webhooks import create_callback_secret
from reelway.net.signing import webhook_headers
from support.callbacks import RETRY_DELAYS_S, is_signed, signature, told, until_recorded
from support.gateway import TestGateway
from support.receiver import Receiver, Told, receiving
from support.staging import LATER_S, Gate, brought_into, provider_of, until_state
from support.webhooks import telling_gateway

pytestmark = pytest.mark.anyio

VECTORS = [
    (
        "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI=",
        "9876543210",
        "1781080794",
        '{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}',
        "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4=",
    ),
    (
        "whsec_cmVlbHdheS1jb250cmFjdC10ZXN0LXNlY3JldC0zMmI=",
        "evt_01KB2R8T4NQ6V0X3Z5A7C9E1G4",
        "1795251600",
        '{"task_id":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3","task_status":"submitted","task_status_msg":"",'
        '"task_info":{"external_task_id":"order-7"},"created_at":1795251600000,"updated_at":1795251600000}',
        "v1,Iw/NNXBHNv/d/gd9UGh4KU6GCPfpEOcVomuPW9CboT4=",
    ),
]


@pytest.fixture
async def telling(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with telling_gateway(tmp_path, backoff_base_seconds=30, backoff_max_seconds=30) as gateway:
        yield gateway


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


def calling(receiver: Receiver, **changes: Any) -> dict[str, Any]:
    return body_of(callback_url=receiver.url, **changes)


def statuses(receiver: Receiver) -> list[str]:
    return [call.json["task_status"] for call in receiver.told]


async def test_c50_every_status_is_told_in_order_with_the_callers_ids(telling: TestGateway, receiver: Receiver) -> None:
    submit, poll = Gate(), Gate()
    provider = provider_of(telling)
    provider.before_submit, provider.before_poll = submit, poll
    owner = await telling.account()
    task_id = await created(telling, owner, calling(receiver, external_task_id="order-7"))
    await told(telling, receiver, 1)
    submit.open()
    await told(telling, receiver, 2)
    poll.open()
    await told(telling, receiver, 3)
    assert statuses(receiver) == ["submitted", "processing", "succeed"]
    for call in receiver.told:
        assert_task(call.json, is_callback=True)  # the bare object, without an envelope
        assert (call.json["task_id"], call.json["task_info"]) == (task_id, {"external_task_id": "order-7"})
        assert call.headers["content-type"] == "application/json"
        assert call.headers["user-agent"] == "Reelway-Webhooks/1"
    final = task_of(await query(telling, owner, task_id))
    final.pop("watermark_info")
    assert receiver.told[-1].json == final


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
async def test_c50_the_end_of_a_task_that_failed_is_told_too(
    telling: TestGateway, receiver: Receiver, state: State
) -> None:
    owner = await telling.account()

    async def make() -> TaskId:
        return await created(telling, owner, calling(receiver))

    task_id = await brought_into(telling, owner, state, make)
    await telling.until(lambda: "failed" in statuses(receiver))
    last = receiver.told[-1].json
    final = task_of(await query(telling, owner, task_id))
    final.pop("watermark_info")
    assert last == final
    assert (last["task_status"], last["final_unit_deduction"]) == ("failed", "0")
    order = ["submitted", "processing", "failed"]
    assert sorted(statuses(receiver), key=order.index) == statuses(receiver)


async def test_c36_a_callback_shows_no_watermark(telling: TestGateway, receiver: Receiver) -> None:
    owner = await telling.account()
    task_id = await created(telling, owner, calling(receiver, watermark_info={"enabled": True}))
    await telling.until(lambda: "succeed" in statuses(receiver))
    (video,) = receiver.told[-1].json["task_result"]["videos"]
    assert set(video) == {"id", "url", "duration"}
    assert "watermark" not in receiver.told[-1].body.decode()
    (video,) = task_of(await query(telling, owner, task_id))["task_result"]["videos"]
    assert "watermark_url" in video


async def test_c51_a_dead_receiver_gets_four_attempts_for_a_status(telling: TestGateway, receiver: Receiver) -> None:
    provider_of(telling).free_slots = 0
    receiver.status = 500
    owner = await telling.account()
    await created(telling, owner, calling(receiver))
    for number, delay_s in enumerate(RETRY_DELAYS_S, start=1):
        await told(telling, receiver, number)
        await until_recorded(telling, owner, number)
        telling.clock.advance(delay_s - 2)  # not yet
        await telling.created(await telling.account())
        assert len(receiver.told) == number
        telling.clock.advance(3)
    await told(telling, receiver, 4)
    await until_recorded(telling, owner, 4)
    assert statuses(receiver) == ["submitted"] * 4
    telling.clock.advance(1_800)
    receiver.status = 200
    provider_of(telling).free_slots = 100
    await telling.until(lambda: len(receiver.told) > 4)
    await telling.until(lambda: statuses(receiver)[-1] == "succeed")
    assert "submitted" not in statuses(receiver)[4:]


async def test_c51_a_newer_status_drops_older_ones_that_were_not_delivered(
    telling: TestGateway, receiver: Receiver
) -> None:
    provider = provider_of(telling)
    gate = Gate()
    provider.before_submit = gate
    provider.default_poll = outcomes.InProgress(0.5, poll_after_s=LATER_S)
    receiver.status = 503
    owner = await telling.account()
    task_id = await created(telling, owner, calling(receiver))
    await told(telling, receiver, 1)
    await until_recorded(telling, owner, 1)
    gate.open()
    await until_state(telling, task_id, State.RUNNING)
    await told(telling, receiver, 2)
    await until_recorded(telling, owner, 2)
    for number, delay_s in enumerate(RETRY_DELAYS_S, start=3):
        telling.clock.advance(delay_s + 1)
        await told(telling, receiver, number)
        await until_recorded(telling, owner, number)
    assert statuses(receiver) == ["submitted"] + ["processing"] * 4
    receiver.status = 200
    provider.default_poll = outcomes.Finished()
    telling.clock.advance(LATER_S)
    await telling.until(lambda: statuses(receiver)[-1] in ("succeed", "failed"))
    assert statuses(receiver)[:-1] == ["submitted"] + ["processing"] * 4


async def test_12_any_2xx_is_a_success_and_a_redirect_is_not_followed(telling: TestGateway, receiver: Receiver) -> None:
    provider_of(telling).free_slots = 0
    for status in (200, 204, 299):
        receiver.status = status
        owner = await telling.account()
        before = len(receiver.told)
        await created(telling, owner, calling(receiver))
        await told(telling, receiver, before + 1)
        await until_recorded(telling, owner, 1)
        telling.clock.advance(RETRY_DELAYS_S[0] + 1)
    receiver.statuses.append(302)
    owner = await telling.account()
    before = len(receiver.told)
    await created(telling, owner, calling(receiver))
    await told(telling, receiver, before + 1)
    await until_recorded(telling, owner, 1)
    telling.clock.advance(RETRY_DELAYS_S[0] + 1)
    await told(telling, receiver, before + 2)


async def test_c53_with_a_secret_every_status_is_signed_under_its_own_id(
    telling: TestGateway, receiver: Receiver
) -> None:
    owner = await telling.account()
    submit = Gate()
    provider_of(telling).before_submit = submit
    await created(telling, owner, calling(receiver))
    plain = await told(telling, receiver, 1)
    assert not [name for name in plain.headers if name.startswith("webhook-")]
    secret = await create_callback_secret(telling.core, owner.id)
    submit.open()
    await telling.until(lambda: "succeed" in statuses(receiver))
    signed: list[Told] = receiver.told[1:]
    assert all(is_signed(call, secret) for call in signed)
    ids = [call.headers["webhook-id"] for call in signed]
    assert len(set(ids)) == len(ids)
    assert all(found.startswith("evt_") for found in ids)


@pytest.mark.parametrize(("secret", "message_id", "timestamp_s", "body", "expected"), VECTORS)
def test_c53_the_contracts_vectors_hold(
    secret: str, message_id: str, timestamp_s: str, body: str, expected: str
) -> None:
    assert signature(secret, message_id, timestamp_s, body) == expected
    headers = webhook_headers([secret], message_id, int(timestamp_s), body.encode())
    assert dict(headers)["webhook-signature"] == expected
