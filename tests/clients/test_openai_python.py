"""The official Python SDK, unmodified, against a running gateway. Source: OpenAI contract, section 17."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest

from reelway.domain import outcomes
from reelway.domain.task import FailureCode, State
from support.gateway import Account, TestGateway, running_gateway
from support.media import decoded, image_bytes
from support.provider import ScriptedProvider

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:The Sora API:DeprecationWarning")]

PROMPT = "A glass bottle turns slowly on a black table"
SOON: Any = {"poll_interval_ms": 20}
LATER_S = 7_200.0


@pytest.fixture
def sent() -> list[httpx2.Request]:
    """Every request that the client has sent, repeats included."""
    return []


@pytest.fixture
async def client(stage: TestGateway, owner: Account, sent: list[httpx2.Request]) -> AsyncIterator[openai.AsyncOpenAI]:
    async def note(request: httpx2.Request) -> None:
        sent.append(request)

    hooks: Any = {"request": [note]}
    transport = openai.DefaultAsyncHttpxClient(event_hooks=hooks)
    async with openai.AsyncOpenAI(base_url=f"{stage.base_url}/v1", api_key=owner.key, http_client=transport) as client:
        yield client


def script_of(stage: TestGateway) -> ScriptedProvider:
    assert stage.provider is not None
    return stage.provider


async def test_a_prompt_alone_makes_a_video(client: openai.AsyncOpenAI) -> None:
    video = await client.videos.create(prompt="x")
    assert (video.status, video.model, video.seconds, video.size) == ("queued", "sora-2", "4", "720x1280")
    assert video.object == "video"
    assert (video.error, video.completed_at, video.remixed_from_video_id) == (None, None, None)


async def test_create_and_poll_ends_with_completed(client: openai.AsyncOpenAI) -> None:
    video = await client.videos.create_and_poll(prompt="x", model="sora-2-pro", seconds="8", size="1280x720", **SOON)
    assert (video.status, video.progress, video.seconds) == ("completed", 100, "8")
    assert video.completed_at is not None
    assert video.expires_at == video.completed_at + 1_296_000


async def test_the_sdk_keeps_the_pace_that_the_gateway_names(
    stage: TestGateway, client: openai.AsyncOpenAI, sent: list[httpx2.Request], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its waiting is replaced: what it would wait is noted, and after some polls the provider finishes."""
    script_of(stage).free_slots = 0
    waits: list[float] = []

    async def noted(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            script_of(stage).free_slots = 10
        if len(waits) >= 3:
            stage.clock.advance(2)
            await stage.until(lambda: bool(script_of(stage).orders))

    monkeypatch.setattr(client.videos, "_sleep", noted)
    video = await client.videos.create_and_poll(prompt="x")
    assert video.status == "completed"
    assert set(waits) == {1.0}
    assert len(sent) == len(waits) + 2


async def test_a_poll_ends_on_every_kind_of_failure(stage: TestGateway, client: openai.AsyncOpenAI) -> None:
    provider = script_of(stage)
    provider.polls.append(outcomes.JobFailed(FailureCode.CONTENT_REJECTED, ""))
    video = await client.videos.create_and_poll(prompt="x", **SOON)
    assert video.error is not None
    assert (video.status, video.error.code) == ("failed", "moderation_blocked")
    provider.free_slots = 0
    video = await client.videos.create(prompt="x")
    stage.clock.advance(LATER_S)
    video = await client.videos.poll(video.id, **SOON)
    assert video.error is not None
    assert (video.status, video.error.code) == ("failed", "expired")


async def test_images_come_as_files_and_as_objects(stage: TestGateway, client: openai.AsyncOpenAI) -> None:
    png = image_bytes("PNG")
    for reference in (("start.png", png), ("start.png", png, "image/png"), png):
        video = await client.videos.create_and_poll(prompt="x", input_reference=reference, **SOON)
        assert video.status == "completed"
    assert all(order.inputs[0].mime_type == "image/png" for order in script_of(stage).orders)
    extra = {"input_reference": {"image_url": "https://cdn.example.com/start.png"}}
    video = await client.videos.create(prompt="x", extra_body=extra)
    task = await stage.task(video.id)  # type: ignore[arg-type]
    assert "https://cdn.example.com/start.png" in task.generation


async def test_our_own_fields_go_through_extra_body(stage: TestGateway, client: openai.AsyncOpenAI) -> None:
    extra = {"cfg_scale": 0.25, "negative_prompt": "rain"}
    video = await client.videos.create(prompt="x", model="kling-v2-5-turbo-pro", extra_body=extra)
    task = await stage.task(video.id)  # type: ignore[arg-type]
    assert '"cfg_scale":0.25' in task.generation
    video = await client.videos.create(prompt="x", extra_body={"sound": True})
    assert '"sound":true' in (await stage.task(video.id)).generation  # type: ignore[arg-type]


async def test_content_comes_in_its_three_variants(client: openai.AsyncOpenAI, tmp_path: Path) -> None:
    video = await client.videos.create_and_poll(prompt="x", **SOON)
    content = await client.videos.download_content(video.id)
    content.write_to_file(tmp_path / "video.mp4")
    assert decoded(tmp_path / "video.mp4") == (24, 64, 48)
    thumbnail = await client.videos.download_content(video.id, variant="thumbnail")
    assert thumbnail.content[8:12] == b"WEBP"
    sheet = await client.videos.download_content(video.id, variant="spritesheet")
    assert sheet.content[:3] == b"\xff\xd8\xff"
    with pytest.raises(openai.BadRequestError) as refused:
        await client.videos.download_content(video.id, variant="gif")  # type: ignore[arg-type]
    assert (refused.value.code, refused.value.param) == ("invalid_value", "variant")


async def test_a_remix_names_its_source(client: openai.AsyncOpenAI) -> None:
    source = await client.videos.create_and_poll(prompt="x", **SOON)
    remix = await client.videos.remix(source.id, prompt="The same at night")
    assert (remix.remixed_from_video_id, remix.model) == (source.id, "sora-2")
    assert (await client.videos.poll(remix.id, **SOON)).status == "completed"


async def test_the_list_pages_by_itself(client: openai.AsyncOpenAI, sent: list[httpx2.Request]) -> None:
    ids = [(await client.videos.create(prompt=f"{number}")).id for number in range(5)]
    sent.clear()
    assert [video.id async for video in client.videos.list(limit=2)] == ids[::-1]
    assert len(sent) == 3
    assert [video.id async for video in client.videos.list(limit=3, order="asc")] == ids


async def test_a_deleted_video_is_gone(client: openai.AsyncOpenAI) -> None:
    video = await client.videos.create_and_poll(prompt="x", **SOON)
    answer = await client.videos.delete(video.id)
    assert (answer.id, answer.object, answer.deleted) == (video.id, "video.deleted", True)
    for call in (client.videos.retrieve, client.videos.download_content, client.videos.delete):
        with pytest.raises(openai.NotFoundError) as refused:
            await call(video.id)
        assert refused.value.code == "video_not_found"
    assert [listed.id async for listed in client.videos.list()] == []


async def test_what_cannot_be_helped_is_sent_once(
    stage: TestGateway, client: openai.AsyncOpenAI, sent: list[httpx2.Request]
) -> None:
    poor = await stage.account(credits=0)
    with pytest.raises(openai.RateLimitError) as broke:
        await client.with_options(api_key=poor.key).videos.create(prompt="x")
    assert broke.value.code == "insufficient_quota"
    for call in (
        client.videos.edit(prompt="x", video=("a.mp4", b"0" * 1_000)),
        client.videos.extend(prompt="x", video=("a.mp4", b"0" * 1_000), seconds="4"),
        client.videos.create_character(name="x", video=("a.mp4", b"0" * 1_000)),
    ):
        with pytest.raises(openai.NotFoundError) as refused:
            await call
        assert refused.value.code == "unsupported_endpoint"
    key = {"Idempotency-Key": "k1"}
    first = await client.videos.create(prompt="x", extra_headers=key)
    assert (await client.videos.create(prompt="x", extra_headers=key)).id == first.id
    with pytest.raises(openai.ConflictError):
        await client.videos.create(prompt="y", extra_headers=key)
    assert len(sent) == 1 + 3 + 3


async def test_errors_have_their_classes_and_all_their_parts(stage: TestGateway, client: openai.AsyncOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as wrong:
        await client.with_options(api_key="wrong").videos.create(prompt="x")
    assert wrong.value.code == "invalid_api_key"
    with pytest.raises(openai.NotFoundError) as unknown:
        await client.videos.create(prompt="x", model="sora-9")
    error = unknown.value
    assert (error.code, error.type, error.param) == ("model_not_found", "invalid_request_error", "model")
    assert error.request_id == error.response.headers["X-Request-Id"]
    with pytest.raises(openai.APIStatusError) as large:
        await client.videos.create(prompt="x", input_reference=("a.png", bytes(11 * 1024 * 1024)))
    assert (large.value.status_code, large.value.code) == (413, "file_too_large")


async def test_a_running_video_that_cannot_be_stopped_is_asked_for_once(
    client: openai.AsyncOpenAI, stage: TestGateway, sent: list[httpx2.Request]
) -> None:
    script_of(stage).fetches.extend(outcomes.StoreFailed("away", is_final=False) for _ in range(3))
    video = await client.videos.create(prompt="x")

    async def is_storing() -> bool:
        return (await stage.task(video.id)).state is State.STORING  # type: ignore[arg-type]

    await stage.until(is_storing)
    sent.clear()
    with pytest.raises(openai.ConflictError) as refused:
        await client.videos.delete(video.id)
    assert refused.value.code == "video_not_deletable"
    assert len(sent) == 1


def test_the_plain_client_works_as_the_asynchronous_one(tmp_path: Path) -> None:
    """Written as a user writes it, in a thread of its own beside the gateway."""
    import asyncio

    def use(base_url: str, key: str) -> bytes:
        with openai.OpenAI(base_url=f"{base_url}/v1", api_key=key) as client:
            video = client.videos.create_and_poll(prompt=PROMPT, model="sora-2", **SOON)
            assert video.status == "completed"
            return client.videos.download_content(video.id).content

    async def main() -> bytes:
        async with running_gateway(tmp_path) as gateway:
            account = await gateway.account()
            return await asyncio.to_thread(use, gateway.base_url, account.key)

    assert asyncio.run(main())[4:8] == b"ftyp"


async def test_the_built_in_engine_makes_a_video_that_can_be_decoded(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, scripted=False) as gateway:
        account = await gateway.account()
        async with openai.AsyncOpenAI(base_url=f"{gateway.base_url}/v1", api_key=account.key) as client:
            video = await client.videos.create_and_poll(
                prompt=PROMPT, model="kling-3-0", seconds="4", size="1280x720", poll_interval_ms=200
            )
            assert (video.status, video.size) == ("completed", "1280x720")
            path = tmp_path / "video.mp4"
            (await client.videos.download_content(video.id)).write_to_file(path)
            frames, width, height = decoded(path)
            assert (width, height) == (1280, 720)
            assert frames >= 4 * 24 - 2
            remix = await client.videos.remix(video.id, prompt="The bottle at night")
            assert (await client.videos.poll(remix.id, poll_interval_ms=200)).status == "completed"
