"""What the tests of this folder share: the contract's words, requests to send, and questions to an answer."""

import json
import re
from typing import Any

import httpx

from support.gateway import Account, TestGateway

TURBO = "kling-v2-5-turbo-pro"
KLING_3 = "kling-3-0"
GENERATIONS = "/api/v1/generations"
QUOTE = f"{GENERATIONS}/quote"
FILES = "/api/v1/files"
CREDITS = "/api/v1/credits"
MODELS = "/api/v1/models"
NINE_KEYS = [
    "id",
    "status",
    "model",
    "reserved_credits",
    "final_credits",
    "created_at",
    "updated_at",
    "result",
    "error",
]
KINDS = ["image", "video", "audio"]
IMAGE_TYPES = ["image/jpeg", "image/png", "image/webp"]
BODY_KEYS = ["model", "prompt", "params", "client_request_id"]
ITEM_KEYS = ["url", "kind", "name", "mimeType", "durationSeconds", "durationToken"]
TURBO_PARAMS = ["duration", "aspect_ratio", "negative_prompt", "cfg_scale", "referenceMediaItems"]
KLING_3_PARAMS = ["mode", "multi_shots", "duration", "sound", "aspect_ratio", "referenceMediaItems"]
IMAGE_URL = "https://cdn.example.com/reference-image.png"

ULID = "[0-9A-HJKMNP-TV-Z]{26}"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
JSON = {"Content-Type": "application/json"}
RATE_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")

PROMPT = "A glass bottle turns slowly on a black table"
MINIMAL = {"model": TURBO, "prompt": PROMPT}


def body_of(**changes: Any) -> dict[str, Any]:
    """The minimal request with keys replaced or added."""
    return MINIMAL | changes


def item(**changes: Any) -> dict[str, Any]:
    """A reference image with keys replaced, added or (with `...`) removed."""
    found = {"url": IMAGE_URL, "kind": "image"} | changes
    return {key: value for key, value in found.items() if value is not ...}


def with_items(*items: Any, model: str = TURBO, **params: Any) -> dict[str, Any]:
    return body_of(model=model, params=params | {"referenceMediaItems": list(items)})


def problem(field: str, message: str, allowed: list[str] | None = None) -> dict[str, Any]:
    """One entry of `details`, as the contract spells it."""
    return {"field": field, "message": message} | ({} if allowed is None else {"allowed": allowed})


# --- sending ----------------------------------------------------------------------------------------------------------


async def post(
    gateway: TestGateway, account: Account, body: Any, path: str = GENERATIONS, **more: Any
) -> httpx.Response:
    """POST a JSON body as the account."""
    headers = account.headers | more.pop("headers", {})
    return await gateway.http.post(path, json=body, headers=headers, **more)


async def post_raw(
    gateway: TestGateway,
    account: Account,
    raw: bytes,
    path: str = GENERATIONS,
    headers: dict[str, str] | None = None,
) -> httpx.Response:
    """POST bytes that say they are JSON."""
    return await gateway.http.post(path, content=raw, headers=account.headers | JSON | (headers or {}))


async def get(gateway: TestGateway, account: Account, path: str, **query: Any) -> httpx.Response:
    return await gateway.http.get(path, params=query, headers=account.headers)


async def status_of(gateway: TestGateway, account: Account, task_id: str, **query: Any) -> httpx.Response:
    return await get(gateway, account, f"{GENERATIONS}/{task_id}", **query)


async def cancel(gateway: TestGateway, account: Account, task_id: str) -> httpx.Response:
    return await gateway.http.post(f"{GENERATIONS}/{task_id}/cancel", headers=account.headers)


async def credits_of(gateway: TestGateway, account: Account) -> int:
    """What GET /credits says, which has one key."""
    answer = await get(gateway, account, CREDITS)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert list(body) == ["current_credits"]
    assert type(body["current_credits"]) is int
    return int(body["current_credits"])


async def listed_ids(gateway: TestGateway, account: Account, **query: Any) -> list[str]:
    answer = await get(gateway, account, GENERATIONS, **query)
    assert answer.status_code == 200, answer.text
    return [task["id"] for task in answer.json()["data"]]


async def upload(
    gateway: TestGateway,
    account: Account,
    content: bytes,
    kind: str = "image",
    name: str = "start.png",
    **fields: str,
) -> httpx.Response:
    return await gateway.http.post(
        FILES, files={"file": (name, content)}, data={"kind": kind} | fields, headers=account.headers
    )


async def uploaded(gateway: TestGateway, account: Account, content: bytes, kind: str = "image") -> dict[str, Any]:
    """The object of a file that was taken."""
    answer = await upload(gateway, account, content, kind)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def available_models(gateway: TestGateway) -> list[str]:
    """What `allowed` lists for a model. Contract 7.4, V7."""
    models = (await gateway.http.get(MODELS)).json()["data"]
    return [model["id"] for model in models if model["api_status"] == "available"]


# --- asking an answer -------------------------------------------------------------------------------------------------


def assert_shared_headers(answer: httpx.Response) -> None:
    """What every answer of the API carries. Contract 4.1."""
    assert re.fullmatch(f"req_{ULID}", answer.headers["X-Request-Id"])
    limit, remaining, reset = (int(answer.headers[name]) for name in RATE_HEADERS)
    assert 0 <= remaining <= limit
    assert 0 <= reset <= 60


def task_of(answer: httpx.Response, status: int = 200) -> dict[str, Any]:
    """The task of an answer, which has exactly the nine keys in every state. Contract 7.5 and 8."""
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert_shared_headers(answer)
    task: dict[str, Any] = answer.json()
    assert_task(task)
    return task


def assert_task(task: dict[str, Any]) -> None:
    assert sorted(task) == sorted(NINE_KEYS)
    assert re.fullmatch(f"task_{ULID}", task["id"])
    assert TIME.fullmatch(task["created_at"])
    assert TIME.fullmatch(task["updated_at"])
    assert task["status"] in ("queued", "processing", "succeeded", "failed")
    assert (task["result"] is not None) == (task["status"] == "succeeded")
    assert (task["error"] is not None) == (task["status"] == "failed")
    assert task["final_credits"] == (task["reserved_credits"] if task["status"] == "succeeded" else 0)
    if task["result"] is not None:
        assert sorted(task["result"]) == ["primary_url", "urls"]
        assert task["result"]["urls"] == [task["result"]["primary_url"]]
    if task["error"] is not None:
        assert sorted(task["error"]) == ["code", "message"]
        assert task["error"]["code"] == "generation_failed"


def error_of(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The error of an answer in the one envelope. Contract 5.1."""
    assert (answer.status_code, code) == (status, answer.json()["error"]["code"]), answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert_shared_headers(answer)
    body = answer.json()
    assert list(body) == ["error"]
    error: dict[str, Any] = body["error"]
    expected = {"code", "message", "requestId"} | ({"details"} if code == "validation_failed" else set())
    assert set(error) == expected
    assert error["message"]
    assert error["requestId"] == answer.headers["X-Request-Id"]
    if status in (429, 503):
        assert int(answer.headers["Retry-After"]) >= 1
    return error


def problems_of(answer: httpx.Response, status: int = 400) -> list[dict[str, Any]]:
    """The details of a `validation_failed`, each in its shape."""
    details: list[dict[str, Any]] = error_of(answer, status, "validation_failed")["details"]
    assert details
    for entry in details:
        assert {"field", "message"} <= set(entry) <= {"field", "message", "allowed"}
        assert all(isinstance(entry[key], str) for key in ("field", "message"))
        assert isinstance(entry.get("allowed", []), list)
    return details


def fields_of(answer: httpx.Response, status: int = 400) -> list[str]:
    return [entry["field"] for entry in problems_of(answer, status)]


def without_request_id(answer: httpx.Response) -> dict[str, Any]:
    """An error's body, with what differs from request to request taken out."""
    body = answer.json()
    assert body["error"].pop("requestId")
    found: dict[str, Any] = body
    return found


def events_in(text: str) -> list[dict[str, Any]]:
    """The events of a stream, and its comments as `{"comment": ...}`, in their order. Source: WHATWG HTML, 9.2.6."""
    found: list[dict[str, Any]] = []
    for block in text.split("\n\n"):
        event: dict[str, Any] = {}
        for line in block.splitlines():
            name, _, value = line.partition(":")
            if not name:
                found.append({"comment": value.strip()})
            else:
                event[name] = value.removeprefix(" ")
        if "data" in event:
            event["data"] = json.loads(event["data"])
        if event:
            found.append(event)
    return found
