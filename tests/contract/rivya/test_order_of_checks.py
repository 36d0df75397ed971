"""Section 4.3: a request that breaks two rules gets the answer of the earlier one. One test a neighbouring pair."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.rivya.wire import (
    CREDITS,
    FILES,
    GENERATIONS,
    JSON,
    QUOTE,
    body_of,
    credits_of,
    error_of,
    fields_of,
    get,
    listed_ids,
    post,
    post_raw,
    task_of,
)
from reelway.domain.records import Scope
from support.gateway import Account, TestGateway, running_gateway

pytestmark = pytest.mark.anyio

TOO_LARGE = b'{"prompt":"' + b"x" * 1024 * 1024 + b'"}'
BAD_KEY = {"Idempotency-Key": "x" * 256}
READ_ONLY = frozenset({Scope.GENERATIONS_READ, Scope.CREDITS_READ})
REQUESTS_MAX = 8


@pytest.fixture
async def tight(tmp_path: Path) -> AsyncIterator[TestGateway]:
    """Eight requests a minute, one unfinished task, and a provider that takes no task."""
    async with running_gateway(tmp_path, requests_per_minute_max=REQUESTS_MAX, unfinished_tasks_max=1) as gateway:
        assert gateway.provider is not None
        gateway.provider.free_slots = 0
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


async def use_up(gateway: TestGateway, account: Account) -> None:
    for _ in range(REQUESTS_MAX):
        assert (await get(gateway, account, CREDITS)).status_code == 200
    error_of(await get(gateway, account, CREDITS), 429, "rate_limited")


async def test_4_3_switched_off_comes_before_the_key(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, api_enabled=False) as gateway:
        account = await gateway.account()
        for headers in ({}, {"Authorization": "Bearer wrong"}, account.headers):
            for method, path in (("POST", GENERATIONS), ("GET", GENERATIONS), ("GET", "/api/v1/models")):
                answer = await gateway.http.request(method, path, headers=headers)
                error_of(answer, 503, "public_api_disabled")


async def test_4_3_the_key_comes_before_the_request_limit(tight: TestGateway) -> None:
    owner = await tight.account()
    spare = await tight.key(owner)
    await use_up(tight, owner)
    error_of(await get(tight, spare, CREDITS), 429, "rate_limited")
    key = next(key for key in await tight.core.store.keys(owner.id) if spare.key.startswith(key.prefix))
    await tight.core.store.revoke_key(key.id, tight.clock.now_us())
    error_of(await post(tight, spare, body_of()), 401, "api_key_revoked")


async def test_4_3_the_request_limit_comes_before_the_scope(tight: TestGateway) -> None:
    owner = await tight.account()
    reader = await tight.key(owner, READ_ONLY)
    error_of(await post(tight, reader, body_of()), 403, "api_scope_denied")
    for _ in range(REQUESTS_MAX - 1):
        await get(tight, owner, CREDITS)
    error_of(await post(tight, reader, body_of()), 429, "rate_limited")


async def test_4_3_the_scope_comes_before_the_size(shared: TestGateway, account: Account) -> None:
    reader = await shared.key(account, READ_ONLY)
    error_of(await post_raw(shared, reader, TOO_LARGE), 403, "api_scope_denied")


@pytest.mark.parametrize("media_type", ["text/plain", "application/json"])
async def test_4_3_the_size_comes_before_media_type_and_syntax(
    shared: TestGateway, account: Account, media_type: str
) -> None:
    answer = await post_raw(shared, account, TOO_LARGE[:-1] + b"!", headers={"Content-Type": media_type})
    assert fields_of(answer, 413) == ["body"]


async def test_4_3_the_media_type_comes_before_the_syntax(shared: TestGateway, account: Account) -> None:
    answer = await post_raw(shared, account, b"{", headers={"Content-Type": "text/plain"})
    assert fields_of(answer) == ["Content-Type"]


@pytest.mark.parametrize(
    ("raw", "media_type", "field"),
    [(b"{}", "text/plain", "Content-Type"), (b"{", "application/json", "body"), (b"[]", "application/json", "body")],
)
async def test_4_3_the_body_comes_before_the_idempotency_key(
    shared: TestGateway, account: Account, raw: bytes, media_type: str, field: str
) -> None:
    answer = await post_raw(shared, account, raw, headers=BAD_KEY | {"Content-Type": media_type})
    assert fields_of(answer) == [field]


async def test_4_3_the_syntax_of_the_idempotency_key_comes_before_the_fields(
    shared: TestGateway, account: Account
) -> None:
    assert fields_of(await post(shared, account, {"prompt": 5}, headers=BAD_KEY)) == ["Idempotency-Key"]


async def test_4_3_the_idempotency_match_comes_before_the_fields(shared: TestGateway, account: Account) -> None:
    used = {"Idempotency-Key": "used"}
    task_of(await post(shared, account, body_of(), headers=used), 202)
    error_of(await post(shared, account, {"prompt": 5}, headers=used), 409, "idempotency_conflict")


async def test_4_3_the_fields_come_before_the_unfinished_limit(tight: TestGateway) -> None:
    owner = await tight.account()
    await tight.created(owner)
    assert fields_of(await post(tight, owner, body_of(prompt=""))) == ["prompt"]
    error_of(await post(tight, owner, body_of()), 429, "rate_limited")


async def test_4_3_the_unfinished_limit_comes_before_the_credits(tight: TestGateway) -> None:
    owner = await tight.account(credits=42)
    await tight.created(owner)
    assert await credits_of(tight, owner) == 0
    error = error_of(await post(tight, owner, body_of()), 429, "rate_limited")
    assert error["message"] == "Too many unfinished generations (limit 1)."


async def test_4_3_the_fields_come_before_the_credits(shared: TestGateway) -> None:
    poor = await shared.account(credits=0)
    assert fields_of(await post(shared, poor, body_of(prompt=""))) == ["prompt"]
    error_of(await post(shared, poor, body_of()), 402, "insufficient_credits")
    assert await listed_ids(shared, poor) == []


async def test_4_3_a_replay_comes_before_the_unfinished_limit_and_the_credits(tight: TestGateway) -> None:
    owner = await tight.account(credits=42)
    key = {"Idempotency-Key": "once"}
    first = await post(tight, owner, body_of(), headers=key)
    again = await post(tight, owner, body_of(), headers=key)
    assert (again.status_code, again.content) == (202, first.content)


ELSEWHERE = [
    ("GET", f"{GENERATIONS}?limit=0", Scope.GENERATIONS_READ, 400),
    ("GET", f"{GENERATIONS}/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3?wait=99", Scope.GENERATIONS_READ, 400),
    ("GET", f"{GENERATIONS}/unknown", Scope.GENERATIONS_READ, 404),
    ("GET", f"{GENERATIONS}/unknown/events", Scope.GENERATIONS_READ, 404),
    ("POST", f"{GENERATIONS}/unknown/cancel", Scope.GENERATIONS_CREATE, 404),
    ("POST", QUOTE, Scope.GENERATIONS_CREATE, 400),
    ("POST", FILES, Scope.FILES_CREATE, 400),
    ("GET", f"{FILES}/unknown", Scope.FILES_READ, 404),
]


@pytest.mark.parametrize(("method", "path", "scope", "status"), ELSEWHERE)
async def test_4_3_other_endpoints_ask_for_key_and_scope_before_anything_else(
    shared: TestGateway, account: Account, method: str, path: str, scope: Scope, status: int
) -> None:
    async def answer_to(headers: dict[str, Any]) -> httpx.Response:
        content = b"{" if method == "POST" else None
        return await shared.http.request(method, path, content=content, headers=JSON | headers)

    error_of(await answer_to({}), 401, "api_key_missing")
    without = await shared.key(account, frozenset(Scope) - {scope})
    error = error_of(await answer_to(without.headers), 403, "api_scope_denied")
    assert error["message"] == f"The API key lacks the scope {scope}."
    assert (await answer_to((await shared.key(account, frozenset({scope}))).headers)).status_code == status


async def test_4_3_an_upload_that_is_too_large_is_told_so_only_with_the_scope(
    shared: TestGateway, account: Account
) -> None:
    reader = await shared.key(account, READ_ONLY)
    parts = {"file": ("x.png", b"x" * 11 * 1024 * 1024)}
    answer = await shared.http.post(FILES, files=parts, data={"kind": "image"}, headers=reader.headers)
    error_of(answer, 403, "api_scope_denied")
