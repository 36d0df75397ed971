"""What the conformance tests of the Kling dialect share: requests to send, tokens to sign, questions to an answer."""

import base64
import hashlib
import hmac
import json
import re
import uuid
from dataclasses import replace
from typing import Any

import httpx

from reelway.catalog import load_catalog
from reelway.domain.generation import Generation, generation_of
from reelway.domain.ids import TaskId
from reelway.domain.routing import Tier
from reelway.wire.kling import official_capabilities
from support.exchange import RATE_HEADERS, TASK_ID, task_count
from support.gateway import Account, TestGateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer

TEXT = "/kling/v1/videos/text2video"
IMAGE = "/kling/v1/videos/image2video"
COSTS = "/kling/account/costs"
TURBO = "kling-v2-5-turbo"
KLING_3 = "kling-v3"
NAMES = [
    "kling-v1",
    "kling-v1-5",
    "kling-v1-6",
    "kling-v2-master",
    "kling-v2-1",
    "kling-v2-1-master",
    TURBO,
    "kling-v2-6",
    KLING_3,
]
"""The nine names of contract 6.1."""
PROMPT = "A glass bottle turns slowly on a black table"
IMAGE_URL = "https://cdn.example.com/start.jpg"
TAIL_URL = "https://cdn.example.com/end.png"
HOOK_URL = "https://hooks.example.com/kling"
UNKNOWN_TASK = "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3"
ALWAYS = ["task_id", "task_status", "task_status_msg", "task_info", "watermark_info", "created_at", "updated_at"]
"""The keys that a task has in every state. Contract 11.3."""


def body_of(**changes: Any) -> dict[str, Any]:
    """A small valid text2video request with keys replaced, added or (with `...`) removed."""
    found = {"model_name": TURBO, "prompt": PROMPT} | changes
    return {key: value for key, value in found.items() if value is not ...}


def image_body(**changes: Any) -> dict[str, Any]:
    """The same for image2video."""
    return body_of(**({"image": IMAGE_URL} | changes))


def shots_of(*durations_s: Any, **changes: Any) -> dict[str, Any]:
    """A request of several shots whose seconds are those; `changes` as for `body_of`."""
    shots = [{"index": n, "prompt": f"Shot {n}", "duration": str(s)} for n, s in enumerate(durations_s, start=1)]
    several = {"multi_shot": True, "shot_type": "customize", "prompt": ..., "multi_prompt": shots}
    return body_of(**(several | {"duration": str(sum(durations_s))} | changes))


async def post(gateway: TestGateway, account: Account, body: Any, path: str = TEXT, **more: Any) -> httpx.Response:
    headers = account.headers | more.pop("headers", {})
    return await gateway.http.post(path, json=body, headers=headers, **more)


async def get(gateway: TestGateway, account: Account, path: str, **query: Any) -> httpx.Response:
    return await gateway.http.get(path, params=query, headers=account.headers)


async def query(gateway: TestGateway, account: Account, task_id: str, path: str = TEXT) -> httpx.Response:
    return await get(gateway, account, f"{path}/{task_id}")


async def created(gateway: TestGateway, account: Account, body: Any = None, path: str = TEXT) -> TaskId:
    answer = await post(gateway, account, body_of() if body is None else body, path)
    return TaskId(data_of(answer)["task_id"])


async def ended(gateway: TestGateway, account: Account, task_id: TaskId, path: str = TEXT) -> httpx.Response:
    await gateway.ended(account, task_id)
    return await query(gateway, account, task_id, path)


async def generation(gateway: TestGateway, task_id: TaskId) -> Generation:
    return generation_of((await gateway.task(task_id)).generation)


def data_of(answer: httpx.Response) -> Any:
    """The data of an answer that succeeded, in the envelope of 5.1."""
    body = _envelope(answer, 200)
    assert list(body) == ["code", "message", "request_id", "data"]
    assert (body["code"], body["message"]) == (0, "SUCCEED")
    return body["data"]


def _envelope(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    body: dict[str, Any] = answer.json()
    found = uuid.UUID(body["request_id"])
    assert (found.version, str(found)) == (4, body["request_id"])
    is_replay = "Idempotent-Replayed" in answer.headers
    assert (answer.headers["X-Request-Id"] == body["request_id"]) != is_replay
    limit, remaining, reset = (int(answer.headers[name]) for name in RATE_HEADERS)
    assert 0 <= remaining <= limit
    assert 0 <= reset <= 60
    return body


def error_of(answer: httpx.Response, status: int, code: int) -> str:
    """The message of an error, which has no data. Contract 5.1."""
    body = _envelope(answer, status)
    assert sorted(body) == ["code", "message", "request_id"]
    assert body["code"] == code, answer.text
    assert (type(body["code"]), type(body["message"])) == (int, str)
    assert body["message"]
    if code in (1302, 1303, 5001):
        assert int(answer.headers["Retry-After"]) >= 1
    message: str = body["message"]
    return message


def task_of(answer: httpx.Response) -> dict[str, Any]:
    """The task of a query, whose keys follow from its status. Contract 11.3."""
    data: dict[str, Any] = data_of(answer)
    assert_task(data)
    return data


def assert_task(data: dict[str, Any], *, is_callback: bool = False) -> None:
    more = {"succeed": ["task_result", "final_unit_deduction"], "failed": ["final_unit_deduction"]}
    keys = ALWAYS + more.get(data["task_status"], [])
    assert sorted(data) == sorted(key for key in keys if not (is_callback and key == "watermark_info"))
    assert re.fullmatch(TASK_ID, data["task_id"])
    assert data["task_status"] in ("submitted", "processing", "succeed", "failed")
    assert (data["task_status_msg"] != "") == (data["task_status"] == "failed")
    assert set(data["task_info"]) <= {"external_task_id"}
    assert type(data["created_at"]) is type(data["updated_at"]) is int
    assert data["created_at"] <= data["updated_at"]
    if data["task_status"] == "failed":
        assert data["final_unit_deduction"] == "0"


def video_of(task: dict[str, Any]) -> dict[str, Any]:
    """The one video of a task that succeeded."""
    assert list(task["task_result"]) == ["videos"]
    (video,) = task["task_result"]["videos"]
    found: dict[str, Any] = video
    return found


def ignored(answer: httpx.Response) -> set[str]:
    """The fields that an accepted create names as without effect."""
    data_of(answer)
    return {name.strip() for name in answer.headers.get("X-Reelway-Ignored", "").split(",")} - {""}


async def assert_refused(
    gateway: TestGateway, account: Account, body: Any, *words: str, path: str = TEXT, is_alone: bool = True
) -> None:
    """400 / 1201 with these words in the message. `is_alone`: it is the account's only request, so it has no task."""
    message = error_of(await post(gateway, account, body, path), 400, 1201)
    for word in words:
        assert word in message, (message, body)
    if is_alone:
        assert await task_count(gateway, account) == 0


def official_provider() -> ScriptedProvider:
    """A provider that can do what contract 6.3 says of the official upstream."""
    offer = scripted_offer(load_catalog(), name="official", tier=Tier.OFFICIAL)
    return ScriptedProvider(replace(offer, capabilities=official_capabilities()), video_bytes())


# --- tokens -----------------------------------------------------------------------------------------------------------


def signed(claims: dict[str, Any], secret: str, header: dict[str, Any] | None = None) -> str:
    """A JWT made by hand from RFC 7515 and RFC 7519: HS256, HS384, or `none`, which has no signature."""
    header = {"alg": "HS256", "typ": "JWT"} if header is None else header
    head = ".".join(_base64(json.dumps(part, separators=(",", ":")).encode()) for part in (header, claims))
    hashes = {"HS256": hashlib.sha256, "HS384": hashlib.sha384}
    if header.get("alg") not in hashes:
        return f"{head}."
    return f"{head}.{_base64(hmac.digest(secret.encode(), head.encode(), hashes[header['alg']]))}"


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
