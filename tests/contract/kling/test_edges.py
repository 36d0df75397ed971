"""Paths, queries and headers at their edges: what must not become a fault of ours, and what a slash must not change."""

import asyncio
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import pytest

from contract.kling.wire import (
    COSTS,
    IMAGE,
    MINIMAL,
    TEXT,
    VIDEOS,
    data_of,
    error_of,
    get,
    ignored_of,
    post,
    problems_of,
)
from reelway.gateway.account import make_key
from support.clock import START_US
from support.gateway import Account, TestGateway

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("text", ["nix", "a\0b", "x" * 257, "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "ü" * 256, "..%2f", "%"])
async def test_11_1_an_id_that_names_nothing_is_not_found(shared: TestGateway, account: Account, text: str) -> None:
    for path in (TEXT, IMAGE):
        assert error_of(await get(shared, account, f"{path}/{quote(text, safe='')}"), 404, 1203)


@pytest.mark.parametrize("text", ["order-7", "Größe 7", "注文 7?#&=%41", "..;", "a+b c", "x" * 256])
async def test_9_4_any_external_task_id_works_in_the_path(shared: TestGateway, account: Account, text: str) -> None:
    task_id = data_of(await post(shared, account, MINIMAL | {"external_task_id": text}))["task_id"]
    found = data_of(await get(shared, account, f"{TEXT}/{quote(text, safe='')}"))
    assert (found["task_id"], found["task_info"]) == (task_id, {"external_task_id": text})
    assert data_of(await get(shared, account, f"{TEXT}/{quote(text, safe='')}/"))["task_id"] == task_id
    assert error_of(await get(shared, account, f"{IMAGE}/{quote(text, safe='')}"), 404, 1203) == "Task not found"


async def test_16_a_slash_at_the_end_is_the_same_endpoint_for_a_key(shared: TestGateway, account: Account) -> None:
    body = MINIMAL | {"cfg_scale": 0.5}
    first = await post(shared, account, body, TEXT, **{"Idempotency-Key": "k1"})
    again = await post(shared, account, body, f"{TEXT}/", **{"Idempotency-Key": "k1"})
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"] == first.json()["request_id"]
    assert ignored_of(again) == ignored_of(first) == ["cfg_scale"]
    assert len(data_of(await get(shared, account, TEXT))) == 1


@pytest.mark.parametrize(
    ("query", "messages"),
    [
        ({"pageNum": "0"}, ["pageNum: must be from 1 to 1000"]),
        ({"pageNum": "1001"}, ["pageNum: must be from 1 to 1000"]),
        ({"pageSize": "501"}, ["pageSize: must be from 1 to 500"]),
        ({"pageSize": "1.5", "pageNum": "x"}, ["pageNum: must be from 1 to 1000", "pageSize: must be from 1 to 500"]),
        ({"pageSize": "", "pageNum": "９"}, ["pageNum: must be from 1 to 1000", "pageSize: must be from 1 to 500"]),
        ({"pageNum": "9" * 5000}, ["pageNum: must be from 1 to 1000"]),
    ],
)
async def test_11_5_a_bad_page_is_told(
    shared: TestGateway, account: Account, query: dict[str, Any], messages: list[str]
) -> None:
    assert problems_of(await get(shared, account, TEXT, **query)) == messages


async def test_11_5_pages_follow_each_other(shared: TestGateway, account: Account) -> None:
    made = [data_of(await post(shared, account, MINIMAL))["task_id"] for _ in range(5)]
    pages = [data_of(await get(shared, account, TEXT, pageNum=number, pageSize=2)) for number in (1, 2, 3, 4)]
    assert [[task["task_id"] for task in page] for page in pages] == [made[:2:-1], made[2:0:-1], made[:1], []]
    assert data_of(await get(shared, account, IMAGE)) == []
    assert len(data_of(await get(shared, account, TEXT, pageNum=1, pageSize=500))) == 5


@pytest.mark.parametrize(
    ("query", "messages"),
    [
        ({}, ["start_time: required", "end_time: required"]),
        ({"start_time": "1"}, ["end_time: required"]),
        ({"start_time": "x", "end_time": "1.5"},
         ["start_time: must be an integer, unix milliseconds", "end_time: must be an integer, unix milliseconds"]),
        ({"start_time": "2", "end_time": "1"}, ["start_time: must not be later than end_time"]),
    ],
)  # fmt: skip
async def test_13_bad_times_are_told(
    shared: TestGateway, account: Account, query: dict[str, Any], messages: list[str]
) -> None:
    assert problems_of(await get(shared, account, COSTS, **query)) == messages


async def test_13_the_wallet_is_asked_by_its_name_once_a_second(stage: TestGateway) -> None:
    owner, other = await stage.account(1000), await stage.account(0)
    times = {"start_time": 1, "end_time": 2}
    data_of(await post(stage, owner, MINIMAL | {"mode": "pro"}))
    pack = data_of(await get(stage, owner, COSTS, **times, resource_pack_name="credits"))
    found = pack["resource_pack_subscribe_infos"][0]
    assert (found["total_quantity"], found["remaining_quantity"], found["status"]) == (1000.0, 958.0, "online")
    assert error_of(await get(stage, owner, COSTS, **times), 429, 1302)
    assert data_of(await get(stage, other, f"{COSTS}/", **times)) == {"code": 0, "msg": "success"}
    stage.clock.advance(1)
    assert data_of(await get(stage, owner, COSTS, **times, resource_pack_name="x")) == {"code": 0, "msg": "success"}


async def test_3_a_signed_token_acts_for_its_key_and_a_forged_one_for_nobody(stage: TestGateway) -> None:
    owner = await stage.account()
    now_us = stage.clock.now_us()
    fresh = make_key(owner.id, "kling", now_us, sealer=stage.core.sealer, expires_at_us=now_us + 60_000_000)
    await stage.core.store.create_key(fresh.key)
    now_s = START_US // 1_000_000

    async def status(secret: str | None = None, **claims: Any) -> tuple[int, int]:
        payload = {"iss": fresh.key.access_key, "exp": now_s + 1800, "nbf": now_s - 5} | claims
        token = jwt.encode(payload, secret or fresh.token_secret or "", algorithm="HS256")
        answer = await stage.http.get(TEXT, headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, answer.json()["code"]

    assert await status() == (200, 0)
    assert await status(secret="x" * 43) == (401, 1002)
    assert await status(iss="unknown") == (401, 1002)
    assert await status(iss="a\0b") == (401, 1002)
    assert await status(exp=now_s - 60) == (401, 1004)
    assert await status(nbf=now_s + 60) == (401, 1003)
    stage.clock.advance(61)
    assert await status() == (401, 1004)
    answer = await stage.http.get(TEXT, headers={"Authorization": f"Bearer {fresh.secret}"})
    assert error_of(answer, 401, 1004) == "Token has expired"


async def test_2_other_methods_and_paths_have_codes_of_their_own(shared: TestGateway, account: Account) -> None:
    for method, path in (("DELETE", f"{TEXT}/x"), ("PUT", TEXT), ("POST", COSTS), ("POST", f"{IMAGE}/x/")):
        answer = await shared.http.request(method, path, headers=account.headers)
        assert error_of(answer, 404, 1202) == "Method not allowed"
    for path in ("/kling", "/kling/", f"{VIDEOS}/omni-video", "/kling/v1/images/generations", f"{TEXT}/a/b", VIDEOS):
        assert error_of(await get(shared, account, path), 404, 1203) == "Path not found"


async def test_4_2_each_endpoint_has_its_own_body_limit(shared: TestGateway, account: Account) -> None:
    headers = account.headers | {"Content-Type": "application/json"}
    large = b'{"model_name": "' + b"x" * (1024 * 1024) + b'"}'
    answer = await shared.http.post(TEXT, content=large, headers=headers)
    assert error_of(answer, 413, 1201) == "Request body too large"
    assert error_of(await shared.http.post(IMAGE, content=large, headers=headers), 404, 1203)
    head = f"POST {IMAGE} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {account.key}\r\nContent-Length: "
    reader, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(shared.base_url).port)
    writer.write(f"{head}{64 * 1024 * 1024 + 1}\r\n\r\n".encode())
    async with asyncio.timeout(20):
        assert await reader.readuntil(b"\r\n") == b"HTTP/1.1 413 Request Entity Too Large\r\n"
        assert b'{"code":1201,"message":"Request body too large"' in await reader.read()
    writer.close()
