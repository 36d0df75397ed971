"""What the tests of this folder share: paths, small valid bodies, images, and questions to an answer."""

import base64
import re
from typing import Any

import httpx

from support.gateway import Account, TestGateway
from support.media import image_bytes

VIDEOS = "/kling/v1/videos"
TEXT = f"{VIDEOS}/text2video"
IMAGE = f"{VIDEOS}/image2video"
COSTS = "/kling/account/costs"
PROMPT = "A glass bottle turns slowly on a black table"
IMAGE_URL = "https://cdn.example.com/start.jpg"
TAIL_URL = "https://cdn.example.com/end.png"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
RATE_HEADERS = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")

MINIMAL = {"model_name": "kling-v2-5-turbo", "prompt": PROMPT}
MINIMAL_IMAGE = MINIMAL | {"image": IMAGE_URL}
SHOTS = [
    {"index": 1, "prompt": "A door opens", "duration": "2"},
    {"index": 2, "prompt": "Light floods in", "duration": "3"},
]
MULTI = {"model_name": "kling-v3", "multi_shot": True, "shot_type": "customize", "multi_prompt": SHOTS}


def without(body: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in keys}


def base64_image(image_format: str = "PNG", size: tuple[int, int] = (400, 400)) -> str:
    return base64.b64encode(image_bytes(image_format, size)).decode()


async def post(gateway: TestGateway, account: Account, body: Any, path: str = TEXT, **headers: str) -> httpx.Response:
    return await gateway.http.post(path, json=body, headers=account.headers | headers)


async def get(gateway: TestGateway, account: Account, path: str, **query: Any) -> httpx.Response:
    return await gateway.http.get(path, params=query, headers=account.headers)


def assert_shared_headers(answer: httpx.Response) -> None:
    """What every answer carries. Contract 4.1."""
    assert UUID.fullmatch(answer.headers["X-Request-Id"])
    assert all(int(answer.headers[name]) >= 0 for name in RATE_HEADERS)


def data_of(answer: httpx.Response) -> Any:
    """`data` of a success in the one envelope. Contract 5.1."""
    assert answer.status_code == 200, answer.text
    assert_shared_headers(answer)
    body = answer.json()
    assert list(body) == ["code", "message", "request_id", "data"]
    assert (body["code"], body["message"]) == (0, "SUCCEED")
    if "Idempotent-Replayed" not in answer.headers:
        assert body["request_id"] == answer.headers["X-Request-Id"]
    return body["data"]


def error_of(answer: httpx.Response, status: int, code: int) -> str:
    """The message of an error in the one envelope. Contract 5.1."""
    body = answer.json()
    assert (answer.status_code, body["code"]) == (status, code), answer.text
    assert_shared_headers(answer)
    assert list(body) == ["code", "message", "request_id"]
    assert body["request_id"] == answer.headers["X-Request-Id"]
    assert ("Retry-After" in answer.headers) == (code in (1302, 1303, 5001))
    message: str = body["message"]
    assert message
    return message


def problems_of(answer: httpx.Response) -> list[str]:
    """Every problem of a request, in their order."""
    return error_of(answer, 400, 1201).split("; ")


def ignored_of(answer: httpx.Response) -> list[str]:
    data_of(answer)
    text = answer.headers.get("X-Reelway-Ignored", "")
    return text.split(", ") if text else []
