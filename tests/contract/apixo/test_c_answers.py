"""The envelope, keys and scopes of the APIXO dialect: statements 1 to 8, 37 to 39 of its contract."""

import json
from typing import Any

import httpx
import pytest

from contract.apixo.conformance import (
    GENERATE,
    PROMPT,
    STATUS,
    UNKNOWN_TASK,
    body_of,
    created,
    data_of,
    ended,
    envelope_of,
    id_of,
    post,
    problems_of,
    refused,
    state_of,
    status_of,
)
from reelway.domain.records import Scope
from reelway.domain.task import State
from support.exchange import revoke
from support.gateway import Account, TestGateway, running_gateway
from support.staging import brought_into

pytestmark = pytest.mark.anyio

UNAUTHORISED = "Invalid or missing API key"


async def test_c01_a_request_with_only_a_prompt_is_accepted(shared: TestGateway, account: Account) -> None:
    answer = await post(shared, account, {"input": {"prompt": PROMPT}})
    assert answer.status_code == 200
    assert answer.json() == {"code": 200, "message": "success", "data": {"taskId": answer.json()["data"]["taskId"]}}


async def test_c02_the_answer_to_a_create_holds_a_task_id_and_nothing_else(
    shared: TestGateway, account: Account
) -> None:
    ids = {id_of(await post(shared, account, body_of())) for _ in range(3)}
    assert len(ids) == 3


async def answers_of_every_kind(gateway: TestGateway, account: Account) -> list[tuple[int, httpx.Response]]:
    """One answer for each status that needs no limit to be reached."""
    headers = account.headers
    reader = await gateway.key(account, frozenset({Scope.GENERATIONS_READ}))
    once = {"Idempotency-Key": "one"}
    large = json.dumps(body_of()) + " " * 1_048_576
    return [
        (200, await post(gateway, account, body_of(), headers=once)),
        (200, await post(gateway, account, body_of(), headers=once)),
        (200, await status_of(gateway, account, await created(gateway, account))),
        (400, await post(gateway, account, {})),
        (400, await gateway.http.post(GENERATE, content=b"{", headers=headers | {"Content-Type": "application/json"})),
        (400, await gateway.http.post(GENERATE, content=b"{}", headers=headers | {"Content-Type": "text/plain"})),
        (400, await gateway.http.get(STATUS, headers=headers)),
        (401, await gateway.http.post(GENERATE, json=body_of())),
        (401, await gateway.http.get(STATUS, params={"taskId": UNKNOWN_TASK})),
        (403, await post(gateway, reader, body_of())),
        (404, await status_of(gateway, account, UNKNOWN_TASK)),
        (404, await post(gateway, account, body_of(), "/api/v1/generateTask/kling-9")),
        (404, await post(gateway, account, body_of(), f"{GENERATE}/deeper")),
        (404, await gateway.http.get(f"{STATUS}/deeper", headers=headers)),
        (405, await gateway.http.get(GENERATE, headers=headers)),
        (405, await gateway.http.delete(STATUS, headers=headers)),
        (409, await post(gateway, account, body_of(prompt="another"), headers=once)),
        (413, await gateway.http.post(GENERATE, content=large, headers=headers | {"Content-Type": "application/json"})),
    ]


async def test_c03_the_code_in_the_body_equals_the_http_status(shared: TestGateway, account: Account) -> None:
    for status, answer in await answers_of_every_kind(shared, account):
        assert (answer.status_code, answer.json()["code"]) == (status, status), answer.request.url


async def test_c04_data_is_present_on_every_answer(shared: TestGateway, account: Account) -> None:
    for status, answer in await answers_of_every_kind(shared, account):
        body = envelope_of(answer, status)
        is_object = isinstance(body["data"], dict)
        assert is_object == (status in (200, 400)), answer.text


async def test_5_2_a_switched_off_api_says_so_in_the_same_envelope(tmp_path: Any) -> None:
    async with running_gateway(tmp_path, api_enabled=False) as gateway:
        account = await gateway.account()
        for answer in (await post(gateway, account, body_of()), await status_of(gateway, account, UNKNOWN_TASK)):
            refused(answer, 503, "Service temporarily unavailable")
            assert answer.headers["Retry-After"] == "60"


async def test_5_2_a_wrong_method_is_told_which_one_is_allowed(shared: TestGateway, account: Account) -> None:
    answer = await shared.http.get(GENERATE, headers=account.headers)
    refused(answer, 405, "Method not allowed")
    assert answer.headers["Allow"] == "POST"
    answer = await shared.http.post(STATUS, headers=account.headers)
    refused(answer, 405, "Method not allowed")
    assert "GET" in answer.headers["Allow"]


async def test_c05_a_missing_wrong_revoked_or_expired_key_gives_one_and_the_same_answer(
    stage: TestGateway, owner: Account
) -> None:
    revoked = await stage.key(owner)
    await revoke(stage, revoked)
    expired = await stage.key(owner, expires_at_us=stage.clock.now_us() + 60_000_000)
    assert (await status_of(stage, expired, UNKNOWN_TASK)).status_code == 404
    stage.clock.advance(61)
    headers: list[dict[str, str]] = [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": f"Basic {owner.key}"},
        {"Authorization": owner.key},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer " + "x" * 257},
        revoked.headers,
        expired.headers,
    ]
    for given in headers:
        for answer in (
            await stage.http.post(GENERATE, json=body_of(), headers=given),
            await stage.http.get(STATUS, params={"taskId": UNKNOWN_TASK}, headers=given),
        ):
            refused(answer, 401, UNAUTHORISED)


async def test_c06_a_key_without_create_cannot_create_and_can_read(shared: TestGateway, account: Account) -> None:
    reader = await shared.key(account, frozenset(Scope) - {Scope.GENERATIONS_CREATE})
    refused(await post(shared, reader, body_of()), 403, "API key is not allowed to do this")
    task_id = await created(shared, account)
    assert state_of(await status_of(shared, reader, task_id))["taskId"] == task_id
    writer = await shared.key(account, frozenset({Scope.GENERATIONS_CREATE}))
    refused(await status_of(shared, writer, task_id), 403, "API key is not allowed to do this")
    id_of(await post(shared, writer, body_of()))


async def test_c07_a_missing_prompt_is_named_in_the_vendors_words(shared: TestGateway, account: Account) -> None:
    for body in (body_of(prompt=...), body_of(prompt=..., duration=5)):
        assert problems_of(await post(shared, account, body)) == ["Missing required field: input.prompt"]


async def test_c08_all_faults_of_a_request_are_told_at_once_in_the_tables_order(
    shared: TestGateway, account: Account
) -> None:
    body = body_of(top={"request_type": "callback"}, seed=1, duration=6)
    assert problems_of(await post(shared, account, body)) == [
        "Missing required field: callback_url",
        "Invalid value for input.duration: must be 5 or 10",
        "Unknown field: input.seed",
    ]


async def test_c37_a_failed_task_is_told_of_in_a_successful_envelope(stage: TestGateway, owner: Account) -> None:
    task_id = await brought_into(stage, owner, State.FAILED, lambda: created(stage, owner))
    answer = await ended(stage, owner, task_id)
    assert data_of(answer)["state"] == "failed"
    assert (answer.json()["code"], answer.json()["message"]) == (200, "success")


async def test_c38_a_status_call_without_task_id_is_invalid(shared: TestGateway, account: Account) -> None:
    for query in ({}, {"taskId": ""}, {"taskid": UNKNOWN_TASK}, {"task_id": UNKNOWN_TASK}):
        answer = await shared.http.get(STATUS, params=query, headers=account.headers)
        assert problems_of(answer) == ["Missing required parameter: taskId"]


async def test_c38_an_unknown_or_foreign_task_or_another_model_is_not_found(
    shared: TestGateway, account: Account
) -> None:
    task_id = await created(shared, account)
    stranger = await shared.account()
    for caller, asked in (
        (account, UNKNOWN_TASK),
        (account, task_id.lower()),
        (account, "x"),
        (account, f"{task_id} "),
        (stranger, task_id),
    ):
        refused(await status_of(shared, caller, asked), 404, "Task not found")
    other_model = await shared.created(account, model="kling-3-0", prompt=PROMPT)
    refused(await status_of(shared, account, other_model), 404, "Task not found")
    for path in ("/api/v1/statusTask/kling-9", "/api/v1/statusTask/kling-3-0"):
        assert envelope_of(await status_of(shared, account, task_id, path), 404)["data"] is None


async def test_7_1_unknown_query_parameters_are_ignored(shared: TestGateway, account: Account) -> None:
    task_id = await created(shared, account)
    answer = await shared.http.get(STATUS, params={"taskId": task_id, "x": "1"}, headers=account.headers)
    assert state_of(answer)["taskId"] == task_id


async def test_c39_an_unknown_model_in_the_path_is_not_found(shared: TestGateway, account: Account) -> None:
    for name in ("kling-9", "kling-v2-5-turbo-pro", "kling-3-0", "KLING-2-5-TURBO-PRO", "kling-2-5-turbo-pro%20"):
        refused(await post(shared, account, body_of(), f"/api/v1/generateTask/{name}"), 404, "Model not found")
