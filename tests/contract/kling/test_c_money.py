"""Limits, prices, costs and the provider's side: statements 52, 54 to 56, 58 and 59 of the Kling contract."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contract.kling.conformance import (
    COSTS,
    HOOK_URL,
    IMAGE,
    KLING_3,
    TEXT,
    UNKNOWN_TASK,
    assert_refused,
    body_of,
    created,
    data_of,
    ended,
    error_of,
    get,
    image_body,
    post,
    query,
    task_of,
)
from contract.rivya.wire import credits_of
from reelway.domain import outcomes
from reelway.domain.task import FailureCode, State
from reelway.gateway.account import give_credits
from reelway.providers.base import Order
from support.exchange import task_count
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.staging import brought_into, provider_of, until_state

pytestmark = pytest.mark.anyio

REQUESTS_MAX = 20
UNFINISHED_MAX = 3
DAY_MS = 86_400_000


@pytest.fixture
async def tight(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with running_gateway(
        tmp_path, requests_per_minute_max=REQUESTS_MAX, unfinished_tasks_max=UNFINISHED_MAX
    ) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


async def test_c52_a_callback_url_is_public_unless_the_operator_allows_others(
    shared: TestGateway, account: Account, tmp_path: Path
) -> None:
    private = ["http://hooks.example.com/k", "https://10.0.0.1/k", "https://localhost/k", "http://127.0.0.1:9/k"]
    never = ["https://u:p@hooks.example.com/", "https://hooks.example.com/#x", "ftp://hooks.example.com/", "hooks", 5]
    for url in private + never:
        await assert_refused(shared, account, body_of(callback_url=url), "callback_url")
        await assert_refused(shared, account, image_body(callback_url=url), "callback_url", path=IMAGE)
    data_of(await post(shared, account, body_of(callback_url=HOOK_URL)))
    async with running_gateway(tmp_path, dangerous_allow_private_callbacks=True) as gateway:
        provider_of(gateway).free_slots = 0
        owner = await gateway.account()
        for url in private:
            data_of(await post(gateway, owner, body_of(callback_url=url)))
        other = await gateway.account()
        for url in never:
            await assert_refused(gateway, other, body_of(callback_url=url), "callback_url")
        await assert_refused(gateway, other, image_body(image="http://127.0.0.1/a.png"), "image", path=IMAGE)


async def test_c54_the_provider_sees_our_id_and_nothing_that_belongs_to_the_caller(
    stage: TestGateway, owner: Account
) -> None:
    body = body_of(external_task_id="order-7-of-the-caller", callback_url=HOOK_URL)
    task_id = await created(stage, owner, body)
    await ended(stage, owner, task_id)
    (order,) = provider_of(stage).orders
    assert order.task_id == task_id
    for private in ("order-7-of-the-caller", HOOK_URL, owner.id, owner.key):
        assert private not in repr(order)


async def test_c55_a_create_without_an_answer_is_one_job_and_one_charge(stage: TestGateway, owner: Account) -> None:
    provider = provider_of(stage)

    async def arrived(order: Order) -> None:
        provider.jobs[order.task_id] = 1

    provider.before_submit = arrived
    provider.submits.append(outcomes.SubmitUnknown("the answer was lost"))
    provider.finds += [outcomes.FindUnknown("no answer either")] * 2
    task_id = await created(stage, owner)
    await until_state(stage, task_id, State.SUBMITTING)

    async def is_over() -> bool:
        stage.clock.advance(31)  # the next look comes due
        return (await stage.task(task_id)).is_final

    await stage.until(is_over)
    assert task_of(await query(stage, owner, task_id))["task_status"] == "succeed"
    assert provider.jobs == {task_id: 1}
    assert len(provider.orders) == 1
    assert not provider.finds
    assert await credits_of(stage, owner) == CREDITS - 26


async def test_c56_too_few_credits_are_1102_and_make_no_task(shared: TestGateway) -> None:
    poor = await shared.account(credits=25)
    error_of(await post(shared, poor, body_of()), 429, 1102)
    assert await task_count(shared, poor) == 0
    assert await credits_of(shared, poor) == 25
    assert await give_credits(shared.core, poor.id, 1, "a test")
    data_of(await post(shared, poor, body_of()))


async def test_c56_one_unfinished_task_more_than_the_limit_is_1303(tight: TestGateway) -> None:
    provider_of(tight).free_slots = 0
    owner = await tight.account(credits=26 * UNFINISHED_MAX + 26)
    for _ in range(UNFINISHED_MAX):
        await created(tight, owner)
    answer = await post(tight, owner, body_of())
    error_of(answer, 429, 1303)
    assert answer.headers["Retry-After"] == "5"
    assert await task_count(tight, owner) == UNFINISHED_MAX
    error_of(await post(tight, owner, body_of(duration="10")), 429, 1102)  # 4.3: the balance comes first


async def test_c56_one_request_more_than_the_limit_is_1302(tight: TestGateway) -> None:
    owner = await tight.account()
    for left in reversed(range(REQUESTS_MAX)):
        answer = await query(tight, owner, UNKNOWN_TASK)
        assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (404, str(left))
    for answer in (await query(tight, owner, UNKNOWN_TASK), await post(tight, owner, body_of())):
        error_of(answer, 429, 1302)
        assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]
    tight.clock.advance(int(answer.headers["Retry-After"]))
    data_of(await post(tight, owner, body_of()))


PRICES: list[tuple[dict[str, Any], int, str]] = [
    ({"mode": "pro"}, 42, "2.5"),
    ({"mode": "std"}, 26, "1.5"),  # 25.2, rounded up
    ({"mode": "pro", "duration": "10"}, 84, "5"),
    ({"model_name": KLING_3, "mode": "pro"}, 90, "4"),
    ({"model_name": KLING_3, "mode": "std"}, 68, "3"),  # 67.5
    ({"model_name": KLING_3, "mode": "4k", "sound": "on", "duration": "3"}, 203, "9"),  # 202.5
    ({"model_name": "kling-v2-6", "mode": "pro", "sound": "on"}, 110, "5"),
    ({"model_name": "kling-v1", "mode": "std"}, 16, "1"),
    ({"model_name": "kling-v1", "mode": "pro", "duration": "3"}, 34, "2.1"),  # 33.6
    ({"model_name": "kling-v2-1-master", "mode": "std"}, 160, "10"),
    ({"model_name": "kling-v1-6", "mode": "pro"}, 56, "3.5"),
]


@pytest.mark.parametrize(("changes", "credits", "units"), PRICES)
async def test_c58_a_success_takes_its_price_and_reports_its_units(
    shared: TestGateway, account: Account, changes: dict[str, Any], credits: int, units: str
) -> None:
    task = task_of(await ended(shared, account, await created(shared, account, body_of(**changes))))
    assert task["final_unit_deduction"] == units
    assert await credits_of(shared, account) == CREDITS - credits


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
async def test_c58_a_failure_takes_nothing(stage: TestGateway, owner: Account, state: State) -> None:
    task_id = await brought_into(stage, owner, state, lambda: created(stage, owner, body_of(mode="pro")))
    assert task_of(await query(stage, owner, task_id))["final_unit_deduction"] == "0"
    assert await credits_of(stage, owner) == CREDITS


async def test_c59_costs_need_both_times_in_order(stage: TestGateway, owner: Account) -> None:
    bad: list[dict[str, Any]] = [
        {},
        {"start_time": 1},
        {"end_time": 1},
        {"start_time": "x", "end_time": 1},
        {"start_time": 1, "end_time": "1.5"},
        {"start_time": 2, "end_time": 1},
    ]
    for times in bad:
        message = error_of(await get(stage, owner, COSTS, **times), 400, 1201)
        assert "_time" in message
        stage.clock.advance(1)


async def test_c59_the_wallet_is_one_pack(stage: TestGateway) -> None:
    owner = await stage.account(1000)
    provider_of(stage).default_poll = outcomes.InProgress(0.1, poll_after_s=7200)
    await created(stage, owner, body_of(mode="pro"))
    now_ms = stage.clock.now_us() // 1000
    times = {"start_time": now_ms - 30 * DAY_MS, "end_time": now_ms}

    async def costs(**more: Any) -> dict[str, Any]:
        stage.clock.advance(1)
        data: dict[str, Any] = data_of(await get(stage, owner, COSTS, **times, **more))
        assert (data["code"], data["msg"]) == (0, "success")
        return data

    (pack,) = (await costs())["resource_pack_subscribe_infos"]
    assert list(pack) == [
        "resource_pack_name",
        "resource_pack_id",
        "resource_pack_type",
        "total_quantity",
        "remaining_quantity",
        "purchase_time",
        "effective_time",
        "invalid_time",
        "status",
    ]
    assert (pack["resource_pack_name"], pack["resource_pack_type"]) == ("credits", "decreasing_total")
    assert (pack["total_quantity"], pack["remaining_quantity"], pack["status"]) == (1000.0, 958.0, "online")
    assert len(pack["resource_pack_id"]) == 32
    assert int(pack["resource_pack_id"], 16) >= 0
    assert (await costs(resource_pack_name="credits"))["resource_pack_subscribe_infos"] == [pack]
    assert "resource_pack_subscribe_infos" not in await costs(resource_pack_name="another")
    assert await give_credits(stage.core, owner.id, -958, "a test")
    (empty,) = (await costs())["resource_pack_subscribe_infos"]
    assert (empty["remaining_quantity"], empty["status"], empty["resource_pack_id"]) == (
        0.0,
        "runOut",
        pack["resource_pack_id"],
    )
    owner = await stage.account(0)
    assert "resource_pack_subscribe_infos" not in await costs()


async def test_c59_costs_twice_within_a_second_are_too_frequent(stage: TestGateway, owner: Account) -> None:
    times = {"start_time": 0, "end_time": 1}
    data_of(await get(stage, owner, COSTS, **times))
    answer = await get(stage, owner, COSTS, **times)
    error_of(answer, 429, 1302)
    assert answer.headers["Retry-After"] == "1"
    spare = await stage.key(owner)
    error_of(await get(stage, spare, COSTS, **times), 429, 1302)  # counted by account
    data_of(await get(stage, await stage.account(), COSTS, **times))
    stage.clock.advance(1)
    data_of(await get(stage, owner, COSTS, **times))
    assert data_of(await get(stage, owner, TEXT)) == []


async def test_11_4_a_refusal_by_a_provider_is_no_http_error(stage: TestGateway, owner: Account) -> None:
    provider_of(stage).submits.append(outcomes.Refused(FailureCode.PROVIDER_REJECTED, "the prompt is too odd"))
    task = task_of(await ended(stage, owner, await created(stage, owner)))
    assert task["task_status_msg"] == "The request was refused: the prompt is too odd"
