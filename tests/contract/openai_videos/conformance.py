"""What the conformance tests of this dialect share: the vendor's client, requests to send, questions to an answer."""

import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from openai import AsyncOpenAI

from reelway.domain.generation import Generation, generation_of
from reelway.domain.ids import TaskId
from reelway.domain.task import State
from support.exchange import RATE_HEADERS, TASK_ID, ULID
from support.gateway import Account, TestGateway
from support.staging import brought_into

VIDEOS = "/v1/videos"
TURBO = "kling-v2-5-turbo-pro"
KLING_3 = "kling-3-0"
PROMPT = "A glass bottle turns slowly on a black table"
IMAGE_URL = "https://cdn.example.com/start.png"
UNKNOWN_VIDEO = "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3"
KEYS = [
    "id",
    "object",
    "model",
    "status",
    "progress",
    "created_at",
    "completed_at",
    "expires_at",
    "prompt",
    "seconds",
    "size",
    "remixed_from_video_id",
    "error",
]
"""The thirteen keys of contract 8.1."""
SIZES = {
    "1280x720": ("16:9", "std"),
    "720x1280": ("9:16", "std"),
    "720x720": ("1:1", "std"),
    "1920x1080": ("16:9", "pro"),
    "1080x1920": ("9:16", "pro"),
    "1080x1080": ("1:1", "pro"),
    "1792x1024": ("16:9", "pro"),
    "1024x1792": ("9:16", "pro"),
    "3840x2160": ("16:9", "4k"),
    "2160x3840": ("9:16", "4k"),
    "2160x2160": ("1:1", "4k"),
}
"""Contract 6.3."""


def body_of(**changes: Any) -> dict[str, Any]:
    """The smallest request, with fields replaced, added or (with `...`) removed."""
    found = {"prompt": PROMPT} | changes
    return {key: value for key, value in found.items() if value is not ...}


def data_url(raw: bytes, mime_type: str = "image/png") -> str:
    return f"data:{mime_type};base64,{base64.b64encode(raw).decode()}"


async def post(gateway: TestGateway, account: Account, body: Any, path: str = VIDEOS, **more: Any) -> httpx.Response:
    """POST a JSON body."""
    headers = account.headers | more.pop("headers", {})
    return await gateway.http.post(path, json=body, headers=headers, **more)


async def post_form(
    gateway: TestGateway, account: Account, fields: dict[str, str], path: str = VIDEOS, **files: Any
) -> httpx.Response:
    """POST multipart/form-data, also without a file."""
    parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in fields.items()]
    return await gateway.http.post(path, files=parts + list(files.items()), headers=account.headers)


async def get(gateway: TestGateway, account: Account, path: str, **query: Any) -> httpx.Response:
    return await gateway.http.get(path, params=query, headers=account.headers)


async def retrieve(gateway: TestGateway, account: Account, video_id: str) -> httpx.Response:
    return await get(gateway, account, f"{VIDEOS}/{video_id}")


async def delete(gateway: TestGateway, account: Account, video_id: str) -> httpx.Response:
    return await gateway.http.delete(f"{VIDEOS}/{video_id}", headers=account.headers)


async def content(gateway: TestGateway, owner: Account, video_id: str, **query: str) -> httpx.Response:
    return await get(gateway, owner, f"{VIDEOS}/{video_id}/content", **query)


async def remix(gateway: TestGateway, owner: Account, video_id: str, prompt: Any = "At night") -> httpx.Response:
    return await post(gateway, owner, {"prompt": prompt}, f"{VIDEOS}/{video_id}/remix")


async def created(gateway: TestGateway, account: Account, body: Any = None) -> TaskId:
    return TaskId(video_of(await post(gateway, account, body_of() if body is None else body))["id"])


async def ended(gateway: TestGateway, account: Account, video_id: TaskId) -> httpx.Response:
    await gateway.ended(account, video_id)
    return await retrieve(gateway, account, video_id)


async def staged(stage: TestGateway, owner: Account, state: State, **changes: Any) -> TaskId:
    """A video that is in this core state and stays there by itself."""
    return await brought_into(stage, owner, state, lambda: created(stage, owner, body_of(**changes)))


async def generation(gateway: TestGateway, answer: httpx.Response) -> Generation:
    """What the core was asked to make by this create."""
    return generation_of((await gateway.task(TaskId(video_of(answer)["id"]))).generation)


def assert_shared_headers(answer: httpx.Response) -> None:
    """Contract 4.1."""
    assert re.fullmatch(f"req_{ULID}", answer.headers["X-Request-Id"])
    limit, remaining, reset = (int(answer.headers[name]) for name in RATE_HEADERS)
    assert 0 <= remaining <= limit
    assert 0 <= reset <= 60


def video_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert_shared_headers(answer)
    video: dict[str, Any] = answer.json()
    assert_video(video)
    return video


def assert_video(video: dict[str, Any]) -> None:
    """The thirteen keys, and what follows from the status. Contract 8.1 to 8.3."""
    assert sorted(video) == sorted(KEYS)
    assert re.fullmatch(TASK_ID, video["id"])
    assert video["object"] == "video"
    assert video["status"] in ("queued", "in_progress", "completed", "failed")
    assert type(video["progress"]) is type(video["created_at"]) is int
    assert 0 <= video["progress"] <= 100
    assert (video["progress"] == 100) == (video["status"] == "completed")
    is_over = video["status"] in ("completed", "failed")
    assert (video["completed_at"] is not None) == is_over
    assert (video["expires_at"] is not None) == (video["status"] == "completed")
    assert (video["error"] is not None) == (video["status"] == "failed")
    if video["error"] is not None:
        assert sorted(video["error"]) == ["code", "message"]
    assert isinstance(video["seconds"], str)


def error_of(answer: httpx.Response, status: int, code: str, param: str | None = None) -> dict[str, Any]:
    """The error in its envelope of four keys. Contract 5."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert_shared_headers(answer)
    body = answer.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    assert sorted(error) == ["code", "message", "param", "type"]
    assert (error["code"], error["param"]) == (code, param), answer.text
    kinds = {403: "permission_error", 429: "rate_limit_error", 500: "server_error", 503: "server_error"}
    expected = "insufficient_quota" if code == "insufficient_quota" else kinds.get(status, "invalid_request_error")
    assert error["type"] == expected
    assert error["message"]
    if status in (429, 503) and code != "insufficient_quota":
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    return error


@dataclass
class Sdk:
    """The vendor's Python client against the gateway, and every answer that it got, in order."""

    client: AsyncOpenAI
    answers: list[httpx.Response] = field(default_factory=list)


@asynccontextmanager
async def sdk(gateway: TestGateway, account: Account | str) -> AsyncIterator[Sdk]:
    answers: list[httpx.Response] = []

    async def keep(answer: httpx.Response) -> None:
        answers.append(answer)

    key = account if isinstance(account, str) else account.key
    http = httpx.AsyncClient(trust_env=False, event_hooks={"response": [keep]})
    async with AsyncOpenAI(base_url=f"{gateway.base_url}/v1", api_key=key, http_client=http) as client:
        yield Sdk(client, answers)
