"""What the tests of this folder share: requests to send, states to bring a video into, questions to an answer."""

import asyncio
import base64
import re
from typing import Any

import httpx

from reelway.domain import outcomes
from reelway.domain.generation import Generation, generation_of
from reelway.domain.ids import TaskId
from reelway.domain.task import FailureCode, State
from support.gateway import Account, TestGateway
from support.provider import ScriptedProvider
from support.staging import rests

VIDEOS = "/v1/videos"
TURBO = "kling-v2-5-turbo-pro"
KLING_3 = "kling-3-0"
PROMPT = "A glass bottle turns slowly on a black table"
IMAGE_URL = "https://cdn.example.com/start.png"
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
ULID = "[0-9A-HJKMNP-TV-Z]{26}"
SIZES = [
    "1280x720",
    "720x1280",
    "720x720",
    "1920x1080",
    "1080x1920",
    "1080x1080",
    "1792x1024",
    "1024x1792",
    "3840x2160",
    "2160x3840",
    "2160x2160",
]
LATER_S = 7_200.0
"""A delay that passes only when the test turns the clock."""


def data_url(content: bytes, mime_type: str = "image/png") -> str:
    return f"data:{mime_type};base64,{base64.b64encode(content).decode()}"


def body_of(**changes: Any) -> dict[str, Any]:
    """The smallest request with fields replaced, added or (with `...`) removed."""
    found = {"prompt": PROMPT} | changes
    return {name: value for name, value in found.items() if value is not ...}


# --- sending ----------------------------------------------------------------------------------------------------------


async def create(gateway: TestGateway, account: Account, headers: Any = None, **changes: Any) -> httpx.Response:
    """POST a JSON body."""
    headers = account.headers | (headers or {})
    return await gateway.http.post(VIDEOS, json=body_of(**changes), headers=headers)


async def create_form(gateway: TestGateway, account: Account, files: Any = None, **changes: Any) -> httpx.Response:
    """POST a multipart body, as the SDKs do: also without a file."""
    parts: list[Any] = [(name, (None, str(value))) for name, value in body_of(**changes).items()]
    parts += [(name, (f"{name}.bin", content)) for name, content in (files or {}).items()]
    return await gateway.http.post(VIDEOS, files=parts, headers=account.headers)


async def create_urlencoded(gateway: TestGateway, account: Account, **changes: Any) -> httpx.Response:
    return await gateway.http.post(VIDEOS, data=body_of(**changes), headers=account.headers)


async def created(gateway: TestGateway, account: Account, **changes: Any) -> TaskId:
    return TaskId(video_of(await create(gateway, account, **changes))["id"])


async def get(gateway: TestGateway, account: Account, path: str = "", **query: Any) -> httpx.Response:
    return await gateway.http.get(f"{VIDEOS}{path}", params=query, headers=account.headers)


async def retrieve(gateway: TestGateway, account: Account, video_id: str) -> httpx.Response:
    return await get(gateway, account, f"/{video_id}")


async def delete(gateway: TestGateway, account: Account, video_id: str) -> httpx.Response:
    return await gateway.http.delete(f"{VIDEOS}/{video_id}", headers=account.headers)


async def remix(gateway: TestGateway, account: Account, video_id: str, headers: Any = None, **body: Any) -> Any:
    headers = account.headers | (headers or {})
    return await gateway.http.post(f"{VIDEOS}/{video_id}/remix", json=body, headers=headers)


async def generation_in(gateway: TestGateway, video_id: str) -> Generation:
    return generation_of((await gateway.task(TaskId(video_id))).generation)


# --- states -----------------------------------------------------------------------------------------------------------


def provider_of(stage: TestGateway) -> ScriptedProvider:
    assert stage.provider is not None
    return stage.provider


class Gate:
    """Holds the provider's calls until it is opened."""

    def __init__(self) -> None:
        self._opened = asyncio.Event()
        self.reached = asyncio.Event()

    async def __call__(self, _order: object) -> None:
        self.reached.set()
        await self._opened.wait()

    def open(self) -> None:
        self._opened.set()


async def until_state(stage: TestGateway, video_id: str, state: State) -> None:
    """Wait until the task rests in the state."""

    async def holds() -> bool:
        task = await stage.task(TaskId(video_id))
        return task.state is state and await rests(stage, task.id)

    await stage.until(holds)


async def in_state(stage: TestGateway, owner: Account, state: State, **changes: Any) -> TaskId:
    """A new video that is in this state and stays there by itself."""
    provider = provider_of(stage)
    match state:
        case State.QUEUED:
            provider.free_slots = 0
        case State.SUBMITTING:
            provider.submits.append(outcomes.SubmitUnknown("the answer was lost"))
        case State.RUNNING | State.EXPIRED | State.CANCELLED:
            provider.polls.append(outcomes.InProgress(0.41, poll_after_s=LATER_S))
        case State.STORING:
            provider.fetches.append(outcomes.StoreFailed("the host is away", is_final=False))
        case State.FAILED:
            provider.polls.append(outcomes.JobFailed(FailureCode.GENERATION_FAILED, ""))
        case State.SUCCEEDED:
            pass
    video_id = await created(stage, owner, **changes)
    if state in (State.RUNNING, State.EXPIRED, State.CANCELLED):
        await stage.until(lambda: not provider.polls)
        await until_state(stage, video_id, State.RUNNING)
    if state is State.EXPIRED:
        stage.clock.advance(3_600 + LATER_S)
    elif state is State.CANCELLED:
        answer = await stage.http.post(f"/api/v1/generations/{video_id}/cancel", headers=owner.headers)
        assert answer.status_code == 200, answer.text
    await until_state(stage, video_id, state)
    return video_id


async def finished(gateway: TestGateway, account: Account, **changes: Any) -> TaskId:
    """A completed video of a gateway whose provider finishes at once."""
    video_id = await created(gateway, account, **changes)
    await until_state(gateway, video_id, State.SUCCEEDED)
    return video_id


# --- asking an answer -------------------------------------------------------------------------------------------------


def assert_shared_headers(answer: httpx.Response) -> None:
    """What every answer carries. Contract 4.1."""
    assert re.fullmatch(f"req_{ULID}", answer.headers["X-Request-Id"])
    names = ("RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
    limit, remaining, reset = (int(answer.headers[name]) for name in names)
    assert 0 <= remaining <= limit
    assert 0 <= reset <= 60


def video_of(answer: httpx.Response) -> dict[str, Any]:
    """The video of an answer, which has exactly the 13 keys in every state. Contract 8.1."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/json"
    assert_shared_headers(answer)
    video: dict[str, Any] = answer.json()
    assert list(video) == KEYS
    assert re.fullmatch(f"task_{ULID}", video["id"])
    assert video["object"] == "video"
    assert video["status"] in ("queued", "in_progress", "completed", "failed")
    assert (video["error"] is not None) == (video["status"] == "failed")
    assert (video["progress"] == 100) == (video["status"] == "completed")
    assert (video["expires_at"] is not None) == (video["status"] == "completed")
    assert (video["completed_at"] is not None) == (video["status"] in ("completed", "failed"))
    return video


def error_of(answer: httpx.Response) -> tuple[int, str, str | None]:
    """Status, code and param of an error in the one envelope. Contract 5.1."""
    assert answer.headers["Content-Type"] == "application/json"
    assert_shared_headers(answer)
    body = answer.json()
    assert list(body) == ["error"], answer.text
    error = body["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert error["message"]
    if answer.status_code == 429 and error["code"] != "insufficient_quota":
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    return answer.status_code, error["code"], error["param"]
