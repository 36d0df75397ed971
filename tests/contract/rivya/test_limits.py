"""How much an account may do: requests a minute, unfinished tasks, the size of a body. C47 to C49, section 4.2."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from contract.rivya.wire import (
    CREDITS,
    GENERATIONS,
    JSON,
    MODELS,
    QUOTE,
    body_of,
    cancel,
    credits_of,
    error_of,
    get,
    listed_ids,
    post,
    post_raw,
    problem,
    problems_of,
    status_of,
    task_of,
)
from reelway.settings import MIB, Settings
from support.exchange import ask_often, raw_exchange
from support.gateway import Account, TestGateway, running_gateway
from support.staging import Gate, provider_of

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


def remaining(answer: httpx.Response) -> int:
    return int(answer.headers["RateLimit-Remaining"])


def test_4_2_the_default_limits_are_those_of_the_contract() -> None:
    settings = Settings(_env_file=None)
    assert settings.requests_per_minute_max == 10_000
    assert settings.unfinished_tasks_max == 1_000
    assert settings.json_body_bytes_max == 1_048_576


async def test_c47_one_request_more_than_the_limit_is_refused_until_the_minute_ends(tight: TestGateway) -> None:
    owner = await tight.account()
    for left in reversed(range(REQUESTS_MAX)):
        answer = await get(tight, owner, CREDITS)
        assert (answer.status_code, remaining(answer)) == (200, left)
    answer = await get(tight, owner, CREDITS)
    error = error_of(answer, 429, "rate_limited")
    retry_s = int(answer.headers["Retry-After"])
    assert answer.headers["RateLimit-Reset"] == answer.headers["Retry-After"]
    assert error["message"] == f"Too many requests. Retry in {retry_s} seconds."
    assert 1 <= retry_s <= 60
    assert remaining(answer) == 0
    tight.clock.advance(60)
    answer = await get(tight, owner, CREDITS)
    assert (answer.status_code, remaining(answer)) == (200, REQUESTS_MAX - 1)


@pytest.mark.parametrize("second", [0, 0.5, 17.2, 47.9, 59.0, 59.5, 59.999])
async def test_c47_who_waits_as_long_as_retry_after_says_is_let_in(tight: TestGateway, second: float) -> None:
    owner = await tight.account()
    tight.clock.advance(second)
    for _ in range(REQUESTS_MAX):
        await get(tight, owner, CREDITS)
    answer = await get(tight, owner, CREDITS)
    error_of(answer, 429, "rate_limited")
    tight.clock.advance(int(answer.headers["Retry-After"]))
    assert (await get(tight, owner, CREDITS)).status_code == 200


async def test_c47_ten_thousand_requests_pass_and_the_next_one_does_not(shared: TestGateway) -> None:
    owner = await shared.account()
    left = remaining(await get(shared, owner, CREDITS))
    assert left == 9_999
    await ask_often(shared, owner, left)
    answer = await get(shared, owner, CREDITS)
    error_of(answer, 429, "rate_limited")
    assert answer.headers["RateLimit-Limit"] == "10000"
    assert (await get(shared, await shared.account(), CREDITS)).status_code == 200


async def test_4_2_all_keys_and_endpoints_of_an_account_count_together(tight: TestGateway) -> None:
    owner = await tight.account()
    spare = await tight.key(owner)
    task = task_of(await post(tight, owner, body_of()), 202)
    answers = [
        await get(tight, owner, CREDITS),
        await get(tight, spare, GENERATIONS),
        await post(tight, spare, body_of(), QUOTE),
        await post(tight, owner, body_of(prompt="")),
        await get(tight, spare, f"{GENERATIONS}/unknown"),
        await status_of(tight, owner, task["id"], wait=5),
        await cancel(tight, owner, task["id"]),
        await get(tight, owner, CREDITS),
    ]
    assert [remaining(answer) for answer in answers] == [REQUESTS_MAX - 2 - number for number in range(8)]
    assert remaining(await get(tight, await tight.account(), CREDITS)) == REQUESTS_MAX - 1


async def test_4_2_a_refused_request_does_not_count(tight: TestGateway) -> None:
    owner = await tight.account()
    for _ in range(REQUESTS_MAX):
        await get(tight, owner, CREDITS)
    for _ in range(REQUESTS_MAX):
        assert remaining(await get(tight, owner, CREDITS)) == 0
    tight.clock.advance(60)
    assert remaining(await get(tight, owner, CREDITS)) == REQUESTS_MAX - 1


async def test_4_2_a_create_that_is_refused_for_unfinished_tasks_does_not_count_either(tight: TestGateway) -> None:
    provider_of(tight).free_slots = 0
    owner = await tight.account()
    for _ in range(UNFINISHED_MAX):
        await tight.created(owner)
    before = remaining(await get(tight, owner, CREDITS))
    error_of(await post(tight, owner, body_of()), 429, "rate_limited")
    assert remaining(await get(tight, owner, CREDITS)) == before - 1


async def test_4_2_requests_without_a_valid_key_are_counted_by_address(tight: TestGateway) -> None:
    owner = await tight.account()
    counted = [
        await tight.http.get(MODELS),
        await tight.http.get(CREDITS),
        await tight.http.get(CREDITS, headers={"Authorization": "Bearer wrong"}),
        await tight.http.get(MODELS, headers=owner.headers),
        await tight.http.get("/api/v1/openapi.json"),
        await tight.http.get("/api/v1/nothing"),
    ]
    assert [remaining(answer) for answer in counted] == [REQUESTS_MAX - 1 - number for number in range(6)]
    assert remaining(await get(tight, owner, CREDITS)) == REQUESTS_MAX - 1
    for _ in range(REQUESTS_MAX - 6):
        assert (await tight.http.get(MODELS)).status_code == 200
    error_of(await tight.http.get(MODELS), 429, "rate_limited")
    assert (await get(tight, owner, CREDITS)).status_code == 200


async def test_4_2_a_method_that_is_not_allowed_counts_like_any_request(tight: TestGateway) -> None:
    owner = await tight.account()
    answers = [await tight.http.request("DELETE", CREDITS, headers=owner.headers) for _ in range(2)]
    after = remaining(await get(tight, owner, CREDITS))
    assert [answer.status_code for answer in answers] == [405, 405]
    assert after == REQUESTS_MAX - 3


async def test_4_2_an_unknown_path_counts_for_the_account_whose_key_it_carries(tight: TestGateway) -> None:
    owner = await tight.account()
    assert (await get(tight, owner, "/api/v1/nothing")).status_code == 404
    assert remaining(await get(tight, owner, CREDITS)) == REQUESTS_MAX - 2


async def test_c48_one_create_more_than_the_limit_passes_only_after_a_task_has_ended(tight: TestGateway) -> None:
    gate = Gate()
    provider_of(tight).before_submit = gate
    owner = await tight.account()
    for _ in range(UNFINISHED_MAX):
        await tight.created(owner)
    before = await credits_of(tight, owner)
    answer = await post(tight, owner, body_of())
    error = error_of(answer, 429, "rate_limited")
    assert error["message"] == f"Too many unfinished generations (limit {UNFINISHED_MAX})."
    assert answer.headers["Retry-After"] == "5"
    assert await credits_of(tight, owner) == before
    ids = await listed_ids(tight, owner)
    assert len(ids) == UNFINISHED_MAX
    task_of(await post(tight, await tight.account(), body_of()), 202)  # others are not held up
    gate.open()
    for task_id in ids:
        await tight.ended(owner, task_id)
    task_of(await post(tight, owner, body_of()), 202)


async def test_c48_a_slot_is_free_again_after_a_cancel_and_after_an_expiry(tight: TestGateway) -> None:
    provider_of(tight).free_slots = 0
    owner = await tight.account()
    ids = [await tight.created(owner) for _ in range(UNFINISHED_MAX)]
    error_of(await post(tight, owner, body_of()), 429, "rate_limited")
    assert task_of(await cancel(tight, owner, ids[0]))["status"] == "failed"
    last = await tight.created(owner)
    error_of(await post(tight, owner, body_of()), 429, "rate_limited")
    tight.clock.advance(3_700)
    await tight.ended(owner, last)
    await tight.ended(owner, ids[1])
    task_of(await post(tight, owner, body_of()), 202)


async def test_4_2_replays_and_rejected_creates_take_no_slot(tight: TestGateway) -> None:
    provider_of(tight).free_slots = 0
    owner = await tight.account(credits=42 * UNFINISHED_MAX)
    key = {"Idempotency-Key": "one"}
    for _ in range(UNFINISHED_MAX + 1):
        task_of(await post(tight, owner, body_of(), headers=key), 202)
        problems_of(await post(tight, owner, body_of(prompt="")))
    for _ in range(2):
        error_of(await post(tight, owner, body_of(model="kling-3-0")), 402, "insufficient_credits")
    for _ in range(UNFINISHED_MAX - 1):
        task_of(await post(tight, owner, body_of()), 202)


# --- the size of a body -----------------------------------------------------------------------------------------------

MESSAGE = f"At most {MIB} bytes."


def padded(size_bytes: int) -> bytes:
    """A valid request of exactly so many bytes."""
    raw = json.dumps(body_of()).encode()
    return raw[:-1] + b" " * (size_bytes - len(raw)) + raw[-1:]


async def test_c49_a_body_of_1_mib_passes_and_one_byte_more_does_not(shared: TestGateway, account: Account) -> None:
    task_of(await post_raw(shared, account, padded(MIB)), 202)
    for path in (GENERATIONS, QUOTE):
        answer = await post_raw(shared, account, padded(MIB + 1), path)
        assert problems_of(answer, 413) == [problem("body", MESSAGE)]
        assert answer.json()["error"]["message"] == "The request body is too large."
    assert len(await listed_ids(shared, account)) == 1


async def test_c49_a_body_that_does_not_tell_its_size_is_cut_off_too(shared: TestGateway, account: Account) -> None:
    def pieces(size_bytes: int) -> AsyncIterator[bytes]:
        async def parts() -> AsyncIterator[bytes]:
            raw = padded(size_bytes)
            for start in range(0, len(raw), 65_536):
                yield raw[start : start + 65_536]

        return parts()

    headers = account.headers | JSON
    task_of(await shared.http.post(GENERATIONS, content=pieces(MIB), headers=headers), 202)
    answer = await shared.http.post(GENERATIONS, content=pieces(MIB + 1), headers=headers)
    assert problems_of(answer, 413) == [problem("body", MESSAGE)]


async def test_c49_a_huge_announced_body_is_refused_before_it_is_sent(shared: TestGateway, account: Account) -> None:
    for size in (str(MIB + 1), str(10**12), "9" * 18):
        request = (
            f"POST {GENERATIONS} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {account.key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {size}\r\n\r\n{{"
        )
        answer = await raw_exchange(shared, request.encode())
        assert problems_of(answer, 413) == [problem("body", MESSAGE)]
