"""What the conformance tests of the APIXO dialect share: requests to send, and questions to an answer."""

import json
import re
from typing import Any

import httpx

from reelway.domain.ids import TaskId
from support.exchange import RATE_HEADERS, TASK_ID, ULID
from support.gateway import Account, TestGateway

MODEL = "kling-2-5-turbo-pro"
GENERATE = f"/api/v1/generateTask/{MODEL}"
STATUS = f"/api/v1/statusTask/{MODEL}"
PROMPT = "A glass bottle turns slowly on a black table"
IMAGE_URL = "https://cdn.example.com/start.jpg"
HOOK_URL = "https://hooks.example.com/apixo"
UNKNOWN_TASK = "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3"
PRICE_5_S = 42
"""Contract 11."""


def body_of(*, top: dict[str, Any] | None = None, **input_fields: Any) -> dict[str, Any]:
    """A small valid request; `input_fields` are keys of `input` (`...` removes one), `top` keys beside it."""
    inner = {"prompt": PROMPT} | input_fields
    return {"input": {key: value for key, value in inner.items() if value is not ...}} | (top or {})


def with_images(*urls: Any, **input_fields: Any) -> dict[str, Any]:
    return body_of(mode="image-to-video", image_urls=list(urls), **input_fields)


async def post(gateway: TestGateway, account: Account, body: Any, path: str = GENERATE, **more: Any) -> httpx.Response:
    headers = account.headers | more.pop("headers", {})
    return await gateway.http.post(path, json=body, headers=headers, **more)


async def status_of(gateway: TestGateway, account: Account, task_id: str, path: str = STATUS) -> httpx.Response:
    return await gateway.http.get(path, params={"taskId": task_id}, headers=account.headers)


async def created(gateway: TestGateway, account: Account, body: Any = None) -> TaskId:
    return id_of(await post(gateway, account, body_of() if body is None else body))


async def ended(gateway: TestGateway, account: Account, task_id: TaskId) -> httpx.Response:
    """The status answer when the task has ended."""
    await gateway.ended(account, task_id)
    return await status_of(gateway, account, task_id)


def envelope_of(answer: httpx.Response, status: int) -> dict[str, Any]:
    """The envelope of section 5.1 with the headers of 4.1, which every answer has."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert re.fullmatch(f"req_{ULID}", answer.headers["X-Request-Id"])
    limit, remaining, reset = (int(answer.headers[name]) for name in RATE_HEADERS)
    assert 0 <= remaining <= limit
    assert 0 <= reset <= 60
    if status in (429, 503):
        assert int(answer.headers["Retry-After"]) >= 1
    body: dict[str, Any] = answer.json()
    assert list(body) == ["code", "message", "data"]
    assert body["code"] == status
    return body


def data_of(answer: httpx.Response) -> dict[str, Any]:
    body = envelope_of(answer, 200)
    assert body["message"] == "success"
    found: dict[str, Any] = body["data"]
    return found


def id_of(answer: httpx.Response) -> TaskId:
    """The id that a create answered with, which is all that its data holds."""
    data = data_of(answer)
    assert list(data) == ["taskId"]
    assert re.fullmatch(TASK_ID, data["taskId"])
    return TaskId(data["taskId"])


def state_of(answer: httpx.Response) -> dict[str, Any]:
    """The data of a status answer, whose keys follow from its state. Contract 7.2."""
    data = data_of(answer)
    keys = {
        "pending": ["taskId", "state", "createTime"],
        "processing": ["taskId", "state", "createTime"],
        "success": ["taskId", "state", "resultJson", "createTime", "completeTime", "costTime"],
        "failed": ["taskId", "state", "failCode", "failMsg", "createTime", "completeTime", "costTime"],
    }
    assert sorted(data) == sorted(keys[data["state"]])
    assert None not in data.values()
    return data


def refused(answer: httpx.Response, status: int, message: str) -> None:
    """An error without details. Contract 5.2."""
    body = envelope_of(answer, status)
    assert (body["message"], body["data"]) == (message, None)


def problems_of(answer: httpx.Response) -> list[str]:
    """The texts of a 400 for a bad request. Contract 6.3."""
    body = envelope_of(answer, 400)
    assert body["message"] == "Invalid request"
    assert list(body["data"]) == ["error"]
    texts: list[str] = body["data"]["error"].split("; ")
    assert all(texts)
    return texts


def result_urls(data: dict[str, Any]) -> list[str]:
    """What `resultJson` holds, which is a text with JSON in it."""
    assert isinstance(data["resultJson"], str)
    found = json.loads(data["resultJson"])
    assert list(found) == ["resultUrls"]
    urls: list[str] = found["resultUrls"]
    return urls
