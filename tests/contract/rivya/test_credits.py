"""Credits: held at create, charged at success, given back otherwise. C29 to C31, section 9."""

import asyncio

import pytest

from contract.rivya.wire import (
    KLING_3,
    MODELS,
    TURBO,
    body_of,
    credits_of,
    error_of,
    item,
    listed_ids,
    post,
    problems_of,
    task_of,
    upload,
    with_items,
)
from reelway.domain import outcomes
from reelway.domain.task import FailureCode, State
from support.gateway import Account, TestGateway
from support.media import image_bytes
from support.staging import in_state, provider_of

pytestmark = pytest.mark.anyio


async def test_c29_too_few_credits_make_no_task_and_cost_nothing(shared: TestGateway) -> None:
    account = await shared.account(credits=41)
    error = error_of(await post(shared, account, body_of()), 402, "insufficient_credits")
    assert error["message"] == "This generation needs 42 credits; 41 are available."
    assert await credits_of(shared, account) == 41
    assert await listed_ids(shared, account) == []
    error = error_of(await post(shared, account, body_of(model=KLING_3)), 402, "insufficient_credits")
    assert error["message"] == "This generation needs 90 credits; 41 are available."


async def test_c29_an_account_without_any_credits_is_told_so(shared: TestGateway) -> None:
    account = await shared.account(credits=0)
    error = error_of(await post(shared, account, body_of()), 402, "insufficient_credits")
    assert error["message"] == "This generation needs 42 credits; 0 are available."
    assert await credits_of(shared, account) == 0


async def test_c29_credits_that_are_held_cannot_be_spent_twice(stage: TestGateway) -> None:
    owner = await stage.account(credits=42 * 2 + 41)
    provider_of(stage).free_slots = 0
    answers = await asyncio.gather(*(post(stage, owner, body_of()) for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [202] * 2 + [402] * 8
    assert await credits_of(stage, owner) == 41
    assert len(await listed_ids(stage, owner)) == 2


async def test_c29_the_last_credit_can_be_spent(shared: TestGateway) -> None:
    account = await shared.account(credits=42)
    task_of(await post(shared, account, body_of()), 202)
    assert await credits_of(shared, account) == 0


@pytest.mark.parametrize(("model", "price"), [(TURBO, 42), (KLING_3, 90)])
@pytest.mark.parametrize("state", State)
async def test_c30_credits_fall_at_create_and_are_back_when_there_is_no_result(
    stage: TestGateway, state: State, model: str, price: int
) -> None:
    owner = await stage.account(credits=1_000)
    provider = provider_of(stage)
    free_slots, provider.free_slots = provider.free_slots, 0
    waiting = await stage.created(owner, model=model)
    assert await credits_of(stage, owner) == 1_000 - price
    await stage.http.post(f"/api/v1/generations/{waiting}/cancel", headers=owner.headers)
    assert await credits_of(stage, owner) == 1_000
    provider.free_slots = free_slots
    await in_state(stage, owner, state, model=model)
    is_given_back = state in (State.FAILED, State.CANCELLED, State.EXPIRED)
    assert await credits_of(stage, owner) == (1_000 if is_given_back else 1_000 - price)


@pytest.mark.parametrize("duration", ["5", "10"])
async def test_c31_the_price_is_the_same_for_every_duration(
    shared: TestGateway, account: Account, duration: str
) -> None:
    before = await credits_of(shared, account)
    task_id = await shared.created(account, params={"duration": duration})
    task = task_of(await shared.ended(account, task_id))
    assert (task["reserved_credits"], task["final_credits"]) == (42, 42)
    assert await credits_of(shared, account) == before - 42


async def test_9_2_a_fixed_price_holds_for_every_choice_of_parameters(shared: TestGateway, account: Account) -> None:
    bodies = [
        (90, body_of(model=KLING_3, params={"mode": mode, "duration": duration, "sound": sound, "multi_shots": "true"}))
        for mode in ("std", "pro")
        for duration in ("3", "15")
        for sound in ("false", "true")
    ]
    bodies += [(42, body_of(params={"cfg_scale": 1, "aspect_ratio": "1:1", "negative_prompt": "x"}))]
    bodies += [(42, with_items(item(), item())), (90, with_items(item(), model=KLING_3))]
    for price, body in bodies:
        assert task_of(await post(shared, account, body), 202)["reserved_credits"] == price


async def test_9_2_the_price_of_every_listed_model_is_its_base_credits(shared: TestGateway, account: Account) -> None:
    for model in (await shared.http.get(MODELS)).json()["data"]:
        assert model["billing_type"] == "FIXED"
        task = task_of(await post(shared, account, body_of(model=model["id"])), 202)
        assert task["reserved_credits"] == model["base_credits"]


async def test_9_1_the_keys_of_an_account_share_one_wallet(shared: TestGateway) -> None:
    account = await shared.account(credits=100)
    spare = await shared.key(account)
    task_of(await post(shared, spare, body_of()), 202)
    assert await credits_of(shared, account) == await credits_of(shared, spare) == 58


async def test_10_1_an_upload_costs_nothing_and_makes_no_task(shared: TestGateway) -> None:
    account = await shared.account(credits=0)
    assert (await upload(shared, account, image_bytes("PNG"))).status_code == 201
    assert await credits_of(shared, account) == 0
    assert await listed_ids(shared, account) == []


async def test_9_2_a_refused_request_holds_nothing(shared: TestGateway) -> None:
    account = await shared.account(credits=42)
    problems_of(await post(shared, account, body_of(prompt="")))
    assert await credits_of(shared, account) == 42


async def test_9_2_a_result_that_cannot_be_stored_is_not_charged(stage: TestGateway) -> None:
    owner = await stage.account(credits=42)
    provider_of(stage).fetches.append(outcomes.StoreFailed("it is no video", is_final=True))
    answer = await stage.ended(owner, await stage.created(owner))
    assert answer.headers["X-Reelway-Failure"] == FailureCode.STORAGE_FAILED
    assert await credits_of(stage, owner) == 42
