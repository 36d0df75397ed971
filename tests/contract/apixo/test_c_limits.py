"""Limits, credits and repeats of the APIXO dialect: statements 41 to 43 and 49 of its contract."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contract.apixo.conformance import (
    GENERATE,
    PRICE_5_S,
    UNKNOWN_TASK,
    body_of,
    created,
    ended,
    envelope_of,
    id_of,
    post,
    problems_of,
    refused,
    status_of,
)
from contract.rivya.wire import credits_of
from support.exchange import RATE_HEADERS, task_count
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.staging import provider_of

pytestmark = pytest.mark.anyio

REQUESTS_MAX = 20
UNFINISHED_MAX = 3


@pytest.fixture
async def tight(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with running_gateway(
        tmp_path, requests_per_minute_max=REQUESTS_MAX, unfinished_tasks_max=UNFINISHED_MAX
    ) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


async def test_c41_too_few_credits_are_a_400_without_data_and_make_no_task(shared: TestGateway) -> None:
    poor = await shared.account(credits=PRICE_5_S - 1)
    refused(await post(shared, poor, body_of()), 400, "Insufficient credits")
    assert await task_count(shared, poor) == 0
    assert await credits_of(shared, poor) == PRICE_5_S - 1
    exact = await shared.account(credits=PRICE_5_S)
    id_of(await post(shared, exact, body_of()))
    refused(await post(shared, exact, body_of()), 400, "Insufficient credits")


async def test_c42_one_request_more_than_the_limit_waits_for_the_next_minute(tight: TestGateway) -> None:
    owner = await tight.account()
    for left in reversed(range(REQUESTS_MAX)):
        answer = await status_of(tight, owner, UNKNOWN_TASK)
        assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (404, str(left))
    for answer in (await status_of(tight, owner, UNKNOWN_TASK), await post(tight, owner, body_of())):
        refused(answer, 429, "Rate limit exceeded")
        assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]
    tight.clock.advance(int(answer.headers["Retry-After"]))
    id_of(await post(tight, owner, body_of()))


async def test_c42_the_rate_headers_are_on_every_answer(shared: TestGateway, account: Account) -> None:
    answers = [
        await post(shared, account, body_of()),
        await post(shared, account, {}),
        await status_of(shared, account, UNKNOWN_TASK),
        await shared.http.get(GENERATE),
        await shared.http.post(GENERATE, json=body_of()),
        await shared.http.get(f"{GENERATE}/deeper"),
    ]
    for answer in answers:
        assert set(RATE_HEADERS) <= {name.title().replace("Ratelimit", "RateLimit") for name in answer.headers}
        assert answer.headers["RateLimit-Limit"] == "10000"


async def test_c43_one_create_more_than_the_limit_of_unfinished_tasks_is_refused(tight: TestGateway) -> None:
    provider_of(tight).free_slots = 0
    owner = await tight.account()
    ids = [await created(tight, owner) for _ in range(UNFINISHED_MAX)]
    answer = await post(tight, owner, body_of())
    refused(answer, 429, "Concurrent task limit exceeded")
    assert answer.headers["Retry-After"] == "5"
    assert await task_count(tight, owner) == UNFINISHED_MAX
    provider_of(tight).free_slots = 100
    await tight.ended(owner, ids[0])
    await created(tight, owner)


async def test_4_3_unfinished_tasks_are_judged_before_credits(tight: TestGateway) -> None:
    provider_of(tight).free_slots = 0
    owner = await tight.account(credits=PRICE_5_S * UNFINISHED_MAX)
    for _ in range(UNFINISHED_MAX):
        await created(tight, owner)
    refused(await post(tight, owner, body_of()), 429, "Concurrent task limit exceeded")


def key(text: str) -> dict[str, Any]:
    return {"Idempotency-Key": text}


async def test_c49_a_repeat_with_the_same_key_gets_the_same_task_and_costs_once(
    stage: TestGateway, owner: Account
) -> None:
    first = await post(stage, owner, body_of(duration=5, cfg_scale=1), headers=key("one"))
    assert "Idempotent-Replayed" not in first.headers
    again = await post(stage, owner, body_of(cfg_scale=1.0, duration=5), headers=key("one"))
    assert id_of(again) == id_of(first)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    await ended(stage, owner, id_of(first))
    assert await task_count(stage, owner) == 1
    assert await credits_of(stage, owner) == CREDITS - PRICE_5_S


async def test_c49_the_same_key_with_another_body_is_a_conflict(stage: TestGateway, owner: Account) -> None:
    first = await post(stage, owner, body_of(), headers=key("one"))
    for body in (body_of(prompt="another"), body_of(duration="5"), {}):
        answer = await post(stage, owner, body, headers=key("one"))
        refused(answer, 409, "Idempotency-Key was used with a different request")
    stage.clock.advance(86_400 - 60)
    assert id_of(await post(stage, owner, body_of(), headers=key("one"))) == id_of(first)
    stage.clock.advance(120)
    assert id_of(await post(stage, owner, body_of(prompt="another"), headers=key("one"))) != id_of(first)


async def test_6_6_a_refused_request_frees_its_key_and_a_bad_key_is_refused(
    shared: TestGateway, account: Account
) -> None:
    problems_of(await post(shared, account, {}, headers=key("one")))
    id_of(await post(shared, account, body_of(), headers=key("one")))
    text = "Invalid Idempotency-Key: must be 1 to 255 printable ASCII characters"
    for bad in ("x" * 256, "a\tb", ""):
        assert problems_of(await post(shared, account, body_of(), headers=key(bad))) == [text]


async def test_c42_a_limit_counts_for_the_account_and_not_for_the_gateway(tight: TestGateway) -> None:
    owner = await tight.account()
    for _ in range(REQUESTS_MAX + 1):
        answer = await status_of(tight, owner, UNKNOWN_TASK)
    refused(answer, 429, "Rate limit exceeded")
    envelope_of(await status_of(tight, await tight.account(), UNKNOWN_TASK), 404)
