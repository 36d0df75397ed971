"""Keys, limits, faults and prices: statements 28, 29, 48 to 50, 54 and 56 of the OpenAI Videos contract."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from contract.openai_videos.conformance import (
    KLING_3,
    TURBO,
    UNKNOWN_VIDEO,
    VIDEOS,
    assert_shared_headers,
    body_of,
    created,
    delete,
    ended,
    error_of,
    get,
    post,
    retrieve,
    sdk,
    video_of,
)
from contract.rivya.wire import credits_of
from reelway.domain.task import State
from support.exchange import revoke, task_count
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.staging import brought_into, provider_of

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:The Sora API is scheduled")]

REQUESTS_MAX = 20
UNFINISHED_MAX = 3


@pytest.fixture
async def tight(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with running_gateway(
        tmp_path, requests_per_minute_max=REQUESTS_MAX, unfinished_tasks_max=UNFINISHED_MAX
    ) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


async def answers_of_every_kind(gateway: TestGateway, account: Account) -> list[httpx.Response]:
    video_id = await created(gateway, account)
    await ended(gateway, account, video_id)
    return [
        await post(gateway, account, body_of()),
        await retrieve(gateway, account, video_id),
        await get(gateway, account, VIDEOS),
        await get(gateway, account, f"{VIDEOS}/{video_id}/content"),
        await get(gateway, account, f"{VIDEOS}/{video_id}/content", variant="gif"),
        await delete(gateway, account, video_id),
        await retrieve(gateway, account, UNKNOWN_VIDEO),
        await post(gateway, account, {}),
        await post(gateway, account, body_of(model="sora-9")),
        await post(gateway, account, body_of(), f"{VIDEOS}/edits"),
        await gateway.http.put(VIDEOS, headers=account.headers),
        await get(gateway, account, f"{VIDEOS}/{video_id}/deeper"),
        await gateway.http.post(VIDEOS, json=body_of()),
    ]


async def test_c28_every_error_has_the_four_keys(shared: TestGateway, account: Account) -> None:
    errors = [answer for answer in await answers_of_every_kind(shared, account) if answer.status_code >= 400]
    assert len(errors) == 8
    for answer in errors:
        error = answer.json()["error"]
        error_of(answer, answer.status_code, error["code"], error["param"])


async def test_c54_request_id_and_rate_headers_are_on_every_answer(shared: TestGateway, account: Account) -> None:
    answers = await answers_of_every_kind(shared, account)
    for answer in answers:
        assert_shared_headers(answer)
        assert answer.headers["RateLimit-Limit"] == "10000"
    assert len({answer.headers["X-Request-Id"] for answer in answers}) == len(answers)


async def test_2_paths_and_methods(shared: TestGateway, account: Account) -> None:
    for method, path in (
        ("POST", f"{VIDEOS}/edits"),
        ("POST", f"{VIDEOS}/extensions"),
        ("POST", f"{VIDEOS}/characters"),
        ("GET", f"{VIDEOS}/characters/char_1"),
        ("GET", f"{VIDEOS}/characters"),
        ("GET", f"{VIDEOS}/edits"),
        ("DELETE", f"{VIDEOS}/extensions"),
    ):
        answer = await shared.http.request(method, path, headers=account.headers)
        error_of(answer, 404, "unsupported_endpoint")
    for method, path in (("PUT", VIDEOS), ("PATCH", f"{VIDEOS}/{UNKNOWN_VIDEO}"), ("GET", f"{VIDEOS}/x/remix")):
        answer = await shared.http.request(method, path, headers=account.headers)
        error_of(answer, 405, "method_not_allowed")
    error_of(await get(shared, account, f"{VIDEOS}/{UNKNOWN_VIDEO}/deeper"), 404, "not_found")
    video_id = video_of(await post(shared, account, body_of(), f"{VIDEOS}/"))["id"]
    assert video_of(await get(shared, account, f"{VIDEOS}/{video_id}/"))["id"] == video_id


async def test_c29_a_missing_key_and_a_wrong_one(stage: TestGateway, owner: Account) -> None:
    revoked = await stage.key(owner)
    await revoke(stage, revoked)
    expired = await stage.key(owner, expires_at_us=stage.clock.now_us())
    cases: list[tuple[dict[str, str], str]] = [
        ({}, "missing_api_key"),
        ({"Authorization": ""}, "missing_api_key"),
        ({"Authorization": "Bearer"}, "missing_api_key"),
        ({"Authorization": "Basic eA=="}, "missing_api_key"),
        ({"Authorization": "Bearer wrong"}, "invalid_api_key"),
        (revoked.headers, "invalid_api_key"),
        (expired.headers, "invalid_api_key"),
    ]
    for headers, code in cases:
        error_of(await stage.http.post(VIDEOS, json=body_of(), headers=headers), 401, code)
        error_of(await stage.http.get(VIDEOS, headers=headers), 401, code)
        error_of(await stage.http.get(f"{VIDEOS}/{UNKNOWN_VIDEO}/content", headers=headers), 401, code)
    vendors = {"OpenAI-Organization": "o", "OpenAI-Project": "p", "OpenAI-Beta": "x", "X-Stainless-Lang": "python"}
    video_of(await post(stage, owner, body_of(), headers=vendors))


async def test_c48_one_request_more_than_the_limit_is_told_when_to_come_again(tight: TestGateway) -> None:
    owner = await tight.account()
    for left in reversed(range(REQUESTS_MAX)):
        answer = await retrieve(tight, owner, UNKNOWN_VIDEO)
        assert (answer.status_code, answer.headers["RateLimit-Remaining"]) == (404, str(left))
    for answer in (await retrieve(tight, owner, UNKNOWN_VIDEO), await post(tight, owner, body_of())):
        error_of(answer, 429, "rate_limit_exceeded")
        assert answer.headers["Retry-After"] == answer.headers["RateLimit-Reset"]
        assert answer.headers.get("x-should-retry", "true") == "true"
    tight.clock.advance(int(answer.headers["Retry-After"]))
    video_of(await post(tight, owner, body_of()))


async def test_c49_one_unfinished_task_more_than_the_limit_is_refused(tight: TestGateway) -> None:
    provider_of(tight).free_slots = 0
    owner = await tight.account()
    for _ in range(UNFINISHED_MAX):
        await created(tight, owner)
    answer = await post(tight, owner, body_of())
    error_of(answer, 429, "concurrency_limit_exceeded")
    assert answer.headers["Retry-After"] == "5"
    assert await task_count(tight, owner) == UNFINISHED_MAX


async def test_4_3_unfinished_tasks_are_judged_before_credits(tight: TestGateway) -> None:
    provider_of(tight).free_slots = 0
    owner = await tight.account(credits=54 * UNFINISHED_MAX)
    for _ in range(UNFINISHED_MAX):
        await created(tight, owner)
    error_of(await post(tight, owner, body_of()), 429, "concurrency_limit_exceeded")


@contextmanager
def broken_tasks(gateway: TestGateway) -> Iterator[None]:
    """The database refuses every new task inside the block."""
    connection = sqlite3.connect(gateway.settings.data_dir / "reelway.db", isolation_level=None)
    try:
        connection.execute(
            "CREATE TRIGGER broken BEFORE INSERT ON tasks BEGIN SELECT RAISE(ABORT, 'the disk is broken'); END"
        )
        yield
        connection.execute("DROP TRIGGER broken")
    finally:
        connection.close()


async def test_c50_a_create_answered_with_500_has_made_no_task(stage: TestGateway, owner: Account) -> None:
    with broken_tasks(stage):
        error = error_of(await post(stage, owner, body_of()), 500, "internal_error")
        assert "disk" not in error["message"]
    assert await task_count(stage, owner) == 0
    assert await credits_of(stage, owner) == CREDITS
    async with sdk(stage, owner) as own:
        with broken_tasks(stage), pytest.raises(openai.InternalServerError):
            await own.client.with_options(max_retries=0).videos.create(prompt="x")
        await own.client.videos.create(prompt="x")
    assert await task_count(stage, owner) == 1


async def test_5_2_a_switched_off_api_is_not_asked_again(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, api_enabled=False) as gateway:
        owner = await gateway.account()
        answer = await post(gateway, owner, body_of())
        error_of(answer, 503, "service_unavailable")
        assert (answer.headers["Retry-After"], answer.headers["x-should-retry"]) == ("60", "false")


PRICES: list[tuple[dict[str, Any], int]] = [
    ({"model": KLING_3, "seconds": "4", "size": "720x1280"}, 54),
    ({}, 54),
    ({"model": TURBO, "seconds": "5", "size": "1920x1080"}, 42),
    ({"model": TURBO, "seconds": "5", "size": "1280x720"}, 26),  # 25.2, rounded up
    ({"model": TURBO, "seconds": "10"}, 84),
    ({"model": TURBO, "seconds": "5", "size": "3840x2160"}, 252),
    ({"model": KLING_3, "seconds": "5"}, 90),
    ({"model": KLING_3, "seconds": "15", "size": "2160x2160", "sound": True}, 1013),  # 1012.5
    ({"model": KLING_3, "seconds": "5", "sound": True}, 135),
]


@pytest.mark.parametrize(("changes", "credits"), PRICES)
async def test_c56_a_completed_video_takes_its_price(
    shared: TestGateway, account: Account, changes: dict[str, Any], credits: int
) -> None:
    video_id = await created(shared, account, body_of(**changes))
    assert await credits_of(shared, account) == CREDITS - credits
    assert video_of(await ended(shared, account, video_id))["status"] == "completed"
    assert await credits_of(shared, account) == CREDITS - credits


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED, State.EXPIRED])
async def test_c56_a_failed_video_takes_nothing(stage: TestGateway, owner: Account, state: State) -> None:
    await brought_into(stage, owner, state, lambda: created(stage, owner))
    assert await credits_of(stage, owner) == CREDITS


async def test_15_a_key_has_a_syntax_and_is_freed_by_a_refusal(shared: TestGateway, account: Account) -> None:
    for bad in ("x" * 256, "a\tb", ""):
        answer = await post(shared, account, body_of(), headers={"Idempotency-Key": bad})
        error_of(answer, 400, "invalid_value", "Idempotency-Key")
    key = {"Idempotency-Key": "k1"}
    error_of(await post(shared, account, {}, headers=key), 400, "missing_required_parameter", "prompt")
    video_of(await post(shared, account, body_of(), headers=key))
