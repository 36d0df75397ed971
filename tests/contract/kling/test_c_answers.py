"""The envelope of the Kling dialect: statements 1 to 5, 11, 57 and 60 of its contract."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.kling.conformance import (
    COSTS,
    IMAGE,
    TEXT,
    TURBO,
    UNKNOWN_TASK,
    body_of,
    created,
    data_of,
    ended,
    error_of,
    get,
    image_body,
    post,
    query,
)
from contract.rivya.wire import credits_of
from support.exchange import raw_exchange, task_count
from support.gateway import CREDITS, Account, TestGateway, running_gateway

pytestmark = pytest.mark.anyio

JSON = {"Content-Type": "application/json"}


async def test_c01_a_model_name_and_a_prompt_make_a_task(shared: TestGateway, account: Account) -> None:
    answer = await post(shared, account, {"model_name": TURBO, "prompt": "A bottle"})
    body = answer.json()
    assert (answer.status_code, body["code"], body["message"]) == (200, 0, "SUCCEED")
    assert (body["data"]["task_status"], body["data"]["task_info"]) == ("submitted", {})


async def test_c02_the_answer_to_a_create_has_five_keys_and_one_time(shared: TestGateway, account: Account) -> None:
    before_ms = shared.clock.now_us() // 1000
    for path, body in ((TEXT, body_of()), (IMAGE, image_body())):
        data = data_of(await post(shared, account, body | {"external_task_id": path[-10:]}, path))
        assert list(data) == ["task_id", "task_status", "task_info", "created_at", "updated_at"]
        assert data["task_info"] == {"external_task_id": path[-10:]}
        assert type(data["created_at"]) is type(data["updated_at"]) is int
        assert before_ms <= data["created_at"] == data["updated_at"] <= shared.clock.now_us() // 1000
        assert data["task_id"].startswith("task_")
        assert len(data["task_id"]) == 31


async def test_c03_a_trailing_slash_changes_nothing(shared: TestGateway, account: Account) -> None:
    for path, body in ((f"{TEXT}/", body_of()), (f"{IMAGE}/", image_body())):
        task_id = await created(shared, account, body, path)
        await ended(shared, account, task_id, path[:-1])
        one = data_of(await get(shared, account, f"{path}{task_id}"))
        assert data_of(await get(shared, account, f"{path}{task_id}/")) == one
        assert data_of(await get(shared, account, path)) == [one]
    error_of(await get(shared, account, f"{COSTS}/"), 400, 1201)


async def answers_of_every_kind(gateway: TestGateway, account: Account) -> list[httpx.Response]:
    headers = account.headers
    return [
        await post(gateway, account, body_of()),
        await get(gateway, account, TEXT),
        await query(gateway, account, await created(gateway, account)),
        await get(gateway, account, COSTS, start_time=0, end_time=1),
        await get(gateway, account, COSTS),
        await post(gateway, account, {}),
        await post(gateway, account, body_of(model_name="kling-v9")),
        await gateway.http.post(TEXT, content=b"{", headers=headers | JSON),
        await gateway.http.post(TEXT, json=body_of()),
        await query(gateway, account, UNKNOWN_TASK),
        await gateway.http.delete(f"{TEXT}/{UNKNOWN_TASK}", headers=headers),
        await get(gateway, account, "/kling/v1/videos/lip-sync"),
        await get(gateway, account, TEXT, pageNum=0),
    ]


async def test_c04_every_answer_has_a_uuid_that_the_header_repeats(shared: TestGateway, account: Account) -> None:
    answers = await answers_of_every_kind(shared, account)
    ids = [answer.json()["request_id"] for answer in answers]
    assert ids == [answer.headers["X-Request-Id"] for answer in answers]
    assert len(set(ids)) == len(ids)
    for answer in answers:
        if answer.status_code == 200:
            data_of(answer)
        else:
            error_of(answer, answer.status_code, answer.json()["code"])


async def test_c05_an_error_has_three_keys_and_no_data(shared: TestGateway, account: Account) -> None:
    answers = [answer for answer in await answers_of_every_kind(shared, account) if answer.status_code != 200]
    assert len(answers) == 9
    for answer in answers:
        assert sorted(answer.json()) == ["code", "message", "request_id"]


async def test_c11_a_body_that_is_no_json_object_is_1200(shared: TestGateway, account: Account) -> None:
    for path in (TEXT, IMAGE):
        for raw in (b"", b"{", b"model_name=kling", b"[]", b'[{"model_name": "x"}]', b'"x"', b"null", b"5", b"\xff{}"):
            answer = await shared.http.post(path, content=raw, headers=account.headers | JSON)
            error_of(answer, 400, 1200)
        for kind in ("text/plain", "multipart/form-data; boundary=x"):
            answer = await shared.http.post(path, content=b"{}", headers=account.headers | {"Content-Type": kind})
            error_of(answer, 400, 1200)
    answer = await shared.http.post(
        TEXT,
        content=json.dumps(body_of()),
        headers=account.headers | {"Content-Type": "application/json; charset=utf-8"},
    )
    data_of(answer)


async def test_4_2_a_body_that_is_too_large_is_413(shared: TestGateway, account: Account) -> None:
    raw = json.dumps(body_of()) + " " * 1_048_576
    error_of(await shared.http.post(TEXT, content=raw, headers=account.headers | JSON), 413, 1201)
    raw = json.dumps(image_body()) + " " * 1_048_576
    data_of(await shared.http.post(IMAGE, content=raw, headers=account.headers | JSON))
    request = (
        f"POST {IMAGE} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {account.key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {64 * 1_048_576 + 1}\r\n\r\n{{"
    )
    error_of(await raw_exchange(shared, request.encode()), 413, 1201)


async def test_4_2_a_switched_off_api_is_5001(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, api_enabled=False) as gateway:
        account = await gateway.account()
        error_of(await post(gateway, account, body_of()), 503, 5001)
        error_of(await gateway.http.get(TEXT), 503, 5001)


async def test_c57_an_unknown_path_is_1203_and_another_method_1202(shared: TestGateway, account: Account) -> None:
    task_id = await created(shared, account)
    for path in (
        "/kling",
        "/kling/v1",
        "/kling/v1/videos",
        "/kling/v1/videos/omni-video",
        "/kling/v1/videos/multi-image2video",
        "/kling/account",
        f"{TEXT}/{task_id}/deeper",
    ):
        error_of(await get(shared, account, path), 404, 1203)
    for method, path in (
        ("DELETE", f"{TEXT}/{task_id}"),
        ("POST", f"{TEXT}/{task_id}"),
        ("PUT", TEXT),
        ("DELETE", IMAGE),
        ("POST", COSTS),
    ):
        error_of(await shared.http.request(method, path, headers=account.headers), 404, 1202)


def key(text: str) -> dict[str, Any]:
    return {"Idempotency-Key": text}


async def test_c60_a_repeat_with_the_same_key_and_body_is_one_task(stage: TestGateway, owner: Account) -> None:
    first = await post(stage, owner, body_of(cfg_scale=1), headers=key("one"))
    again = await post(stage, owner, body_of(cfg_scale=1.0), headers=key("one"))
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"] == first.json()["request_id"]
    assert data_of(again) == data_of(first)
    await ended(stage, owner, data_of(first)["task_id"])
    assert await task_count(stage, owner) == 1
    assert await credits_of(stage, owner) == CREDITS - 26
    error_of(await post(stage, owner, body_of(prompt="another"), headers=key("one")), 400, 1201)
    elsewhere = await post(stage, owner, image_body(), IMAGE, headers=key("one"))  # the path belongs to the scope
    assert data_of(elsewhere)["task_id"] != data_of(first)["task_id"]


async def test_c60_a_key_has_1_to_255_printable_characters(shared: TestGateway, account: Account) -> None:
    for bad in ("x" * 256, "a\tb", ""):
        message = error_of(await post(shared, account, body_of(), headers=key(bad)), 400, 1201)
        assert message == "Idempotency-Key: must be 1 to 255 printable ASCII characters"
    error_of(await post(shared, account, {}, headers=key("k" * 255)), 400, 1201)
    data_of(await post(shared, account, body_of(), headers=key("k" * 255)))
