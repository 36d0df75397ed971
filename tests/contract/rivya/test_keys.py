"""Keys and scopes, and the headers that every answer carries. C43 to C46, sections 3 and 4.1."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from contract.rivya.wire import (
    CREDITS,
    FILES,
    GENERATIONS,
    MODELS,
    QUOTE,
    ULID,
    assert_shared_headers,
    body_of,
    cancel,
    error_of,
    get,
    item,
    post,
    post_raw,
    status_of,
    task_of,
    upload,
    with_items,
    without_request_id,
)
from reelway.domain.ids import AccountId
from reelway.domain.records import Scope
from reelway.domain.task import FailureCode, State
from support.exchange import raw_exchange, revoke
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes
from support.staging import in_state

pytestmark = pytest.mark.anyio

UNKNOWN_TASK = "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3"
MISSING = "A valid Bearer API key is required."


def request_with(authorization: str | None, method: str = "GET", path: str = CREDITS) -> bytes:
    """A request whose header is sent as it stands."""
    line = "" if authorization is None else f"Authorization: {authorization}\r\n"
    return f"{method} {path} HTTP/1.1\r\nHost: gateway\r\n{line}\r\n".encode("latin-1")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "Bearer  ",
        "Basic dXNlcg==",
        "Token abc",
        "rw_sk_abc",
        "BearerX abc",
        "bearer:abc",
    ],
)
async def test_c43_no_usable_header_is_a_missing_key(shared: TestGateway, value: str | None) -> None:
    for method, path in (("GET", CREDITS), ("POST", GENERATIONS), ("POST", FILES), ("GET", GENERATIONS)):
        answer = await raw_exchange(shared, request_with(value, method, path))
        assert error_of(answer, 401, "api_key_missing")["message"] == MISSING


@pytest.mark.parametrize(
    "token", ["wrong", "rw_sk_" + "a" * 43, "rvya_sk_abc", "x" * 257, "x" * 5000, "a b", "é", "\xff"]
)
async def test_c43_an_unknown_key_is_invalid(shared: TestGateway, token: str) -> None:
    answer = await raw_exchange(shared, request_with(f"Bearer {token}"))
    assert error_of(answer, 401, "api_key_invalid")["message"] == "The API key is not valid."


async def test_c43_two_headers_with_keys_are_no_valid_key(shared: TestGateway, account: Account) -> None:
    one = request_with(f"Bearer {account.key}")
    two = one.replace(b"\r\n\r\n", f"\r\nAuthorization: Bearer {account.key}\r\n\r\n".encode())
    assert (await raw_exchange(shared, one)).status_code == 200
    error_of(await raw_exchange(shared, two), 401, "api_key_invalid")


async def test_c43_a_part_of_a_key_or_a_longer_one_is_invalid(shared: TestGateway, account: Account) -> None:
    for token in (account.key[:-1], account.key + "x", account.key.lower(), account.key[:12]):
        answer = await shared.http.get(CREDITS, headers={"Authorization": f"Bearer {token}"})
        error_of(answer, 401, "api_key_invalid")


async def test_c43_a_revoked_key_is_refused_from_the_next_request_on(shared: TestGateway, account: Account) -> None:
    spare = await shared.key(account)
    assert (await get(shared, spare, CREDITS)).status_code == 200
    await revoke(shared, spare)
    error = error_of(await get(shared, spare, CREDITS), 401, "api_key_revoked")
    assert error["message"] == "The API key was revoked."
    assert (await get(shared, account, CREDITS)).status_code == 200


async def test_c43_a_key_past_its_time_has_expired(stage: TestGateway, owner: Account) -> None:
    short = await stage.key(owner, expires_at_us=stage.clock.now_us() + 60_000_000)
    assert (await get(stage, short, CREDITS)).status_code == 200
    stage.clock.advance(60)
    error = error_of(await get(stage, short, CREDITS), 401, "api_key_expired")
    assert error["message"] == "The API key has expired."
    await revoke(stage, short)
    error_of(await get(stage, short, CREDITS), 401, "api_key_revoked")


async def test_3_the_scheme_word_may_have_any_case(shared: TestGateway, account: Account) -> None:
    for scheme in ("Bearer", "bearer", "BEARER", "bEaReR"):
        answer = await shared.http.get(CREDITS, headers={"Authorization": f"{scheme} {account.key}"})
        assert answer.status_code == 200


async def test_3_a_cookie_or_a_query_parameter_never_authenticates(shared: TestGateway, account: Account) -> None:
    cookies = "; ".join(f"{name}={account.key}" for name in ("Authorization", "session", "api_key", "token"))
    answer = await shared.http.get(
        CREDITS, params={"api_key": account.key, "token": account.key}, headers={"Cookie": cookies}
    )
    error_of(answer, 401, "api_key_missing")


async def test_3_a_key_of_any_look_works(shared: TestGateway) -> None:
    from reelway.gateway.account import create_account

    for secret in ("rvya_sk_0123456789abcdef", "!~" * 8, "k" * 256):
        fresh = await create_account(shared.core, "own key", 100, secret=secret)
        assert fresh is not None
        answer = await get(shared, Account(AccountId(fresh.key.account_id), secret), CREDITS)
        assert answer.json() == {"current_credits": 100}


async def test_c44_a_key_without_create_reads_and_does_not_create(shared: TestGateway, account: Account) -> None:
    task = task_of(await post(shared, account, body_of()), 202)
    reader = await shared.key(account, frozenset(Scope) - {Scope.GENERATIONS_CREATE})
    error = error_of(await post(shared, reader, body_of()), 403, "api_scope_denied")
    assert error["message"] == "The API key lacks the scope generations:create."
    assert task_of(await status_of(shared, reader, task["id"]))["id"] == task["id"]
    for path in (QUOTE, f"{GENERATIONS}/{task['id']}/cancel"):
        error_of(await post(shared, reader, body_of(), path), 403, "api_scope_denied")


async def test_c44_each_scope_opens_its_own_endpoints_only(shared: TestGateway, account: Account) -> None:
    task = task_of(await post(shared, account, body_of()), 202)
    file = (await upload(shared, account, image_bytes("PNG"))).json()
    scopes = {
        Scope.GENERATIONS_CREATE: [
            ("POST", GENERATIONS),
            ("POST", QUOTE),
            ("POST", f"{GENERATIONS}/{task['id']}/cancel"),
        ],
        Scope.GENERATIONS_READ: [
            ("GET", GENERATIONS),
            ("GET", f"{GENERATIONS}/{task['id']}"),
            ("GET", f"{GENERATIONS}/{task['id']}/events"),
        ],
        Scope.FILES_CREATE: [("POST", FILES)],
        Scope.FILES_READ: [("GET", f"{FILES}/{file['id']}")],
        Scope.CREDITS_READ: [("GET", CREDITS)],
    }
    await shared.ended(account, task["id"])
    for scope in Scope:
        holder = await shared.key(account, frozenset({scope}))
        for needed, endpoints in scopes.items():
            for method, path in endpoints:
                json: Any = body_of() if method == "POST" else None
                answer = await shared.http.request(method, path, json=json, headers=holder.headers)
                assert (answer.status_code == 403) == (scope is not needed), (scope, path)


# --- what every answer carries ----------------------------------------------------------------------------------------

ANSWERS: list[tuple[str, str, bool, int]] = [
    ("GET", CREDITS, True, 200),
    ("GET", CREDITS, False, 401),
    ("GET", MODELS, False, 200),
    ("GET", "/api/v1/openapi.json", False, 200),
    ("GET", GENERATIONS, True, 200),
    ("GET", f"{GENERATIONS}?limit=0", True, 400),
    ("GET", f"{GENERATIONS}/{UNKNOWN_TASK}", True, 404),
    ("GET", f"{GENERATIONS}/{UNKNOWN_TASK}", False, 401),
    ("GET", f"{GENERATIONS}/{UNKNOWN_TASK}/events", True, 404),
    ("POST", f"{GENERATIONS}/{UNKNOWN_TASK}/cancel", True, 404),
    ("GET", f"{GENERATIONS}/", True, 404),
    ("GET", f"{FILES}/file_01KB2R8T4NQ6V0X3Z5A7C9E1G5", True, 404),
    ("POST", FILES, True, 400),
    ("POST", GENERATIONS, True, 400),
    ("DELETE", CREDITS, True, 405),
    ("PUT", GENERATIONS, False, 405),
    ("GET", "/api/v1", False, 404),
    ("GET", "/api/v1/", True, 404),
    ("POST", "/api/v1/chat/completions", True, 404),
    ("GET", "/api/v1/chat/models", False, 404),
    ("GET", "/api/v1/nothing/here", True, 404),
]


@pytest.mark.parametrize(("method", "path", "with_key", "status"), ANSWERS)
async def test_c45_c46_every_answer_carries_a_request_id_and_the_three_rate_headers(
    shared: TestGateway, account: Account, method: str, path: str, with_key: bool, status: int
) -> None:
    answers = [await shared.http.request(method, path, headers=account.headers if with_key else {}) for _ in range(2)]
    for answer in answers:
        assert answer.status_code == status, answer.text
        assert_shared_headers(answer)
        assert answer.headers["RateLimit-Limit"] == "10000"
        if status >= 400:
            assert answer.json()["error"]["requestId"] == answer.headers["X-Request-Id"]
    assert answers[0].headers["X-Request-Id"] != answers[1].headers["X-Request-Id"]


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", GENERATIONS, {"GET", "POST"}),
        ("PATCH", f"{GENERATIONS}/{UNKNOWN_TASK}", {"GET"}),
        ("GET", QUOTE, {"POST"}),
        ("GET", f"{GENERATIONS}/{UNKNOWN_TASK}/cancel", {"POST"}),
        ("POST", f"{GENERATIONS}/{UNKNOWN_TASK}/events", {"GET"}),
        ("GET", FILES, {"POST"}),
        ("DELETE", f"{FILES}/file_01KB2R8T4NQ6V0X3Z5A7C9E1G5", {"GET"}),
        ("POST", CREDITS, {"GET"}),
        ("POST", MODELS, {"GET"}),
        ("OPTIONS", MODELS, {"GET"}),
        ("PROPFIND", MODELS, {"GET"}),
    ],
)
async def test_2_a_known_path_with_another_method_names_those_that_are_allowed(
    shared: TestGateway, account: Account, method: str, path: str, allow: set[str]
) -> None:
    request = f"{method} {path} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {account.key}\r\n\r\n"
    answer = await raw_exchange(shared, request.encode())
    assert error_of(answer, 405, "method_not_allowed")["message"] == "Method not allowed."
    assert {name.strip() for name in answer.headers["Allow"].split(",")} - {"HEAD"} == allow


async def test_5_2_unknown_paths_and_things_give_the_same_not_found(shared: TestGateway, account: Account) -> None:
    bodies = [
        without_request_id(await get(shared, account, path))
        for path in ("/api/v1/nothing", f"{GENERATIONS}/{UNKNOWN_TASK}", f"{GENERATIONS}/x", f"{FILES}/x")
    ]
    assert bodies == [{"error": {"code": "not_found", "message": "Not found."}}] * 4


async def test_4_1_a_create_and_an_upload_tell_where_the_new_object_is(shared: TestGateway, account: Account) -> None:
    created = await post(shared, account, body_of())
    assert created.headers["Location"] == f"{GENERATIONS}/{created.json()['id']}"
    assert (await get(shared, account, created.headers["Location"])).json()["id"] == created.json()["id"]
    taken = await upload(shared, account, image_bytes("PNG"))
    assert taken.headers["Location"] == f"{FILES}/{taken.json()['id']}"
    assert (await get(shared, account, taken.headers["Location"])).json() == taken.json()


@pytest.mark.parametrize("state", State)
async def test_4_1_a_single_task_answer_names_the_core_state_and_failure(
    stage: TestGateway, owner: Account, state: State
) -> None:
    task_id = await in_state(stage, owner, state)
    failure = {
        State.FAILED: FailureCode.GENERATION_FAILED,
        State.CANCELLED: FailureCode.CANCELLED,
        State.EXPIRED: FailureCode.TIMEOUT,
    }.get(state)
    for answer in (await status_of(stage, owner, task_id), await status_of(stage, owner, task_id, wait=0)):
        assert answer.headers["X-Reelway-State"] == state
        assert answer.headers.get("X-Reelway-Failure") == failure
    if state is State.CANCELLED:
        answer = await cancel(stage, owner, task_id)
        assert (answer.headers["X-Reelway-State"], answer.headers["X-Reelway-Failure"]) == ("cancelled", "cancelled")


async def test_4_1_a_created_and_a_replayed_answer_name_the_core_state_too(
    shared: TestGateway, account: Account
) -> None:
    headers = {"Idempotency-Key": "one"}
    assert (await post(shared, account, body_of(), headers=headers)).headers["X-Reelway-State"] == "queued"
    assert "X-Reelway-State" in (await post(shared, account, body_of(), headers=headers)).headers


async def test_4_1_a_list_names_no_single_state(shared: TestGateway, account: Account) -> None:
    await post(shared, account, body_of())
    assert "X-Reelway-State" not in (await get(shared, account, GENERATIONS)).headers


@pytest.fixture(scope="module")
async def switched_off(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestGateway]:
    async with running_gateway(tmp_path_factory.mktemp("off"), api_enabled=False) as gateway:
        yield gateway


@pytest.mark.parametrize(("method", "path", "with_key", "status"), ANSWERS)
async def test_3_a_switched_off_api_answers_everything_with_503_and_when_to_come_again(
    switched_off: TestGateway, method: str, path: str, with_key: bool, status: int
) -> None:
    account = await switched_off.account()
    answer = await switched_off.http.request(method, path, headers=account.headers if with_key else {})
    error = error_of(answer, 503, "public_api_disabled")  # with Retry-After of at least 1
    assert error["message"] == "The public API is switched off for the moment."


async def test_3_no_answer_shows_a_key(shared: TestGateway, account: Account) -> None:
    answers: list[httpx.Response] = [
        await get(shared, account, CREDITS),
        await post_raw(shared, account, b"{"),
        await post(shared, account, with_items(item(url=f"https://cdn.example.com/{account.key}"))),
    ]
    for answer in answers:
        assert account.key not in answer.text + str(answer.headers)
        assert re.fullmatch(f"req_{ULID}", answer.headers["X-Request-Id"])
