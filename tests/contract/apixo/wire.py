"""What the tests of the validation rules share: requests to send, and the texts that come back."""

from typing import Any

import httpx

from support.gateway import Account, TestGateway

TURBO = "kling-2-5-turbo-pro"
PROMPT = "A glass bottle turns slowly on a black table"
START_URL = "https://cdn.example.com/start.jpg"
END_URL = "https://cdn.example.com/end.png"
HOOK_URL = "https://hooks.example.com/apixo"


def path_of(model: str = TURBO) -> str:
    return f"/api/v1/generateTask/{model}"


def request(top: dict[str, Any] | None = None, **values: Any) -> dict[str, Any]:
    """The smallest request, with keys of `input` and of the top level replaced, added or (with `...`) removed."""
    inside = {"prompt": PROMPT} | values
    whole = {"input": {key: value for key, value in inside.items() if value is not ...}} | (top or {})
    return {key: value for key, value in whole.items() if value is not ...}


def with_images(*urls: Any, **values: Any) -> dict[str, Any]:
    return request(mode="image-to-video", image_urls=list(urls), **values)


async def post(gateway: TestGateway, account: Account, body: Any, model: str = TURBO, **headers: str) -> httpx.Response:
    return await gateway.http.post(path_of(model), json=body, headers=account.headers | headers)


def problems_of(answer: httpx.Response) -> list[str]:
    """Every text of a refused request."""
    assert answer.status_code == 400, answer.text
    body = answer.json()
    assert (list(body), body["code"], body["message"]) == (["code", "message", "data"], 400, "Invalid request")
    assert list(body["data"]) == ["error"]
    texts: list[str] = body["data"]["error"].split("; ")
    return texts


def task_id_of(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    task_id: str = answer.json()["data"]["taskId"]
    return task_id
