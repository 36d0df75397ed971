"""Callbacks of the APIXO dialect, to a real receiver: statements 12 and 44 to 47 of its contract."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contract.apixo.conformance import body_of, created, ended, state_of, status_of
from reelway.domain import outcomes
from reelway.domain.ids import TaskId
from reelway.domain.task import FailureCode, State
from reelway.gateway.webhooks import create_callback_secret
from reelway.net.signing import webhook_headers
from support.callbacks import RETRY_DELAYS_S, is_signed, signature, told, until_recorded
from support.clock import START_US
from support.gateway import TestGateway
from support.receiver import Receiver, receiving
from support.staging import brought_into, provider_of
from support.webhooks import telling_gateway

pytestmark = pytest.mark.anyio

VECTOR_BODY = (
    '{"code":200,"message":"success","data":{"taskId":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3","state":"failed",'
    '"failCode":"CONTENT_VIOLATION","failMsg":"Content violates the safety rules","createTime":1795251600000,'
    '"completeTime":1795251605000,"costTime":5000}}'
)
VECTOR_SECRET = "whsec_cmVlbHdheS1jb250cmFjdC10ZXN0LXNlY3JldC0zMmI="
VECTOR_ID = "evt_01KB2R8T4NQ6V0X3Z5A7C9E1G4"
VECTOR_SIGNATURE = "v1,D3dkDExxH+bbmX22zGALkZQNfQqJbyR1qmanPYAVmV4="


@pytest.fixture
async def telling(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with telling_gateway(tmp_path, backoff_base_seconds=30, backoff_max_seconds=30) as gateway:
        yield gateway


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(status=200) as found:
        yield found


def calling(receiver: Receiver, **input_fields: Any) -> dict[str, Any]:
    return body_of(top={"request_type": "callback", "callback_url": receiver.url}, **input_fields)


async def nothing_more(gateway: TestGateway, receiver: Receiver) -> None:
    """A later callback to the same receiver is the next thing that it hears, however late it is."""
    count = len(receiver.told)
    gateway.clock.advance(86_400)
    receiver.status = 200
    receiver.statuses.clear()
    owner = await gateway.account()
    task_id = await created(gateway, owner, calling(receiver))
    await gateway.ended(owner, task_id)
    last = await told(gateway, receiver, count + 1)
    assert last.json["data"]["taskId"] == task_id


async def test_c12_an_async_request_with_a_callback_url_is_accepted_and_not_called(
    telling: TestGateway, receiver: Receiver
) -> None:
    owner = await telling.account()
    for top in ({"request_type": "async"}, {}):
        task_id = await created(telling, owner, body_of(top=top | {"callback_url": receiver.url}))
        await telling.ended(owner, task_id)
    await nothing_more(telling, receiver)


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED])
async def test_c44_the_callback_is_the_status_answer(telling: TestGateway, receiver: Receiver, state: State) -> None:
    owner = await telling.account()

    async def make() -> TaskId:
        return await created(telling, owner, calling(receiver))

    task_id = await brought_into(telling, owner, state, make)
    call = await told(telling, receiver, 1)
    answer = await status_of(telling, owner, task_id)
    assert call.json == answer.json()
    assert state_of(answer)["state"] == ("success" if state is State.SUCCEEDED else "failed")
    assert call.headers["content-type"] == "application/json"
    assert call.headers["user-agent"] == "Reelway-Webhooks/1"
    await nothing_more(telling, receiver)


@pytest.mark.parametrize("status", [204, 201, 302, 500, 404, 410])
async def test_c45_only_a_200_is_an_acknowledgement(telling: TestGateway, receiver: Receiver, status: int) -> None:
    owner = await telling.account()
    receiver.statuses.append(status)
    task_id = await created(telling, owner, calling(receiver))
    await telling.ended(owner, task_id)
    first = await told(telling, receiver, 1)
    await until_recorded(telling, owner, 1)
    telling.clock.advance(RETRY_DELAYS_S[0] + 1)
    second = await told(telling, receiver, 2)
    assert second.body == first.body
    await nothing_more(telling, receiver)


async def test_c46_a_dead_receiver_gets_four_attempts_at_their_times(telling: TestGateway, receiver: Receiver) -> None:
    owner = await telling.account()
    receiver.status = 503
    provider_of(telling).polls.append(outcomes.JobFailed(FailureCode.GENERATION_FAILED, ""))
    task_id = await created(telling, owner, calling(receiver))
    await telling.ended(owner, task_id)
    for number, delay_s in enumerate(RETRY_DELAYS_S, start=1):
        call = await told(telling, receiver, number)
        await until_recorded(telling, owner, number)
        telling.clock.advance(delay_s - 2)  # not yet
        late = await created(telling, owner)
        await telling.ended(owner, late)  # whole steps have been made meanwhile
        assert len(receiver.told) == number
        telling.clock.advance(3)
    last = await told(telling, receiver, 4)
    await until_recorded(telling, owner, 4)
    assert {call.body, last.body} == {receiver.told[0].body}
    assert state_of(await ended(telling, owner, task_id))["state"] == "failed"  # the status call still works
    await nothing_more(telling, receiver)


async def test_c47_with_a_secret_a_callback_verifies_and_without_one_there_is_no_signature(
    telling: TestGateway, receiver: Receiver
) -> None:
    owner = await telling.account()
    await telling.ended(owner, await created(telling, owner, calling(receiver)))
    plain = await told(telling, receiver, 1)
    assert not [name for name in plain.headers if name.startswith("webhook-")]
    secret = await create_callback_secret(telling.core, owner.id)
    receiver.statuses.append(500)
    await telling.ended(owner, await created(telling, owner, calling(receiver)))
    first = await told(telling, receiver, 2)
    await until_recorded(telling, owner, 2)
    telling.clock.advance(RETRY_DELAYS_S[0] + 1)
    second = await told(telling, receiver, 3)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.headers["webhook-id"].startswith("evt_")
    elapsed_s = int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"])
    assert RETRY_DELAYS_S[0] <= elapsed_s <= RETRY_DELAYS_S[0] + 2
    assert int(first.headers["webhook-timestamp"]) == START_US // 1_000_000
    for call in (first, second):
        assert is_signed(call, secret)
    rotated = await create_callback_secret(telling.core, owner.id, grace_s=3600)
    await telling.ended(owner, await created(telling, owner, calling(receiver)))
    both = await told(telling, receiver, 4)
    assert len(both.headers["webhook-signature"].split(" ")) == 2
    assert is_signed(both, secret)
    assert is_signed(both, rotated)


def test_c47_the_contracts_vector_holds() -> None:
    assert signature(VECTOR_SECRET, VECTOR_ID, "1795251605", VECTOR_BODY) == VECTOR_SIGNATURE
    headers = webhook_headers([VECTOR_SECRET], VECTOR_ID, 1_795_251_605, VECTOR_BODY.encode())
    assert dict(headers)["webhook-signature"] == VECTOR_SIGNATURE
