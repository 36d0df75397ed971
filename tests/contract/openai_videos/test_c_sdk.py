"""What the vendor's Python SDK sees: statements 1, 3 to 6, 28, 29, 32, 46 to 48 and 51 of the contract."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from contract.openai_videos.conformance import (
    KEYS,
    PROMPT,
    VIDEOS,
    assert_video,
    body_of,
    created,
    ended,
    get,
    post,
    sdk,
    video_of,
)
from contract.rivya.wire import credits_of
from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.generation import Mode, Reference, generation_of
from reelway.domain.task import FailureCode, State
from support.exchange import task_count
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import image_bytes, video_bytes
from support.provider import ScriptedProvider, scripted_offer
from support.staging import brought_into, provider_of

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:The Sora API is scheduled")]

PRICE_4_S = 54
"""kling-3-0, 4 s, 720p. Contract 14."""


async def test_c01_create_with_only_a_prompt_makes_a_queued_sora_2_video(shared: TestGateway, account: Account) -> None:
    def create() -> Any:
        with (
            httpx.Client(trust_env=False) as http,
            openai.OpenAI(base_url=f"{shared.base_url}/v1", api_key=account.key, http_client=http) as client,
        ):
            return client.videos.create(prompt="x")

    video = await asyncio.to_thread(create)
    assert isinstance(video, openai.types.Video)
    assert (video.status, video.model, video.seconds, video.size) == ("queued", "sora-2", "4", "720x1280")
    assert (video.object, video.prompt, video.progress) == ("video", "x", 0)


async def test_c03_create_and_poll_ends_with_completed(stage: TestGateway, owner: Account) -> None:
    async with sdk(stage, owner) as own:
        video = await own.client.videos.create_and_poll(prompt=PROMPT, model="sora-2", seconds="4", size="720x1280")
    assert (video.status, video.progress, video.error) == ("completed", 100, None)
    assert all(answer.status_code == 200 for answer in own.answers)


async def test_c03_create_and_poll_does_not_raise_when_the_video_fails(stage: TestGateway, owner: Account) -> None:
    provider_of(stage).polls.append(outcomes.JobFailed(FailureCode.CONTENT_REJECTED, ""))
    async with sdk(stage, owner) as own:
        video = await own.client.videos.create_and_poll(prompt=PROMPT)
    assert video.status == "failed"
    assert video.error is not None
    assert video.error.code == "moderation_blocked"


@pytest.mark.parametrize("state", [State.CANCELLED, State.EXPIRED])
async def test_c04_poll_on_a_cancelled_or_expired_task_returns_failed(
    stage: TestGateway, owner: Account, state: State
) -> None:
    video_id = await brought_into(stage, owner, state, lambda: created(stage, owner))
    async with sdk(stage, owner) as own:
        video = await own.client.videos.poll(video_id)
    assert video.status == "failed"
    assert video.error is not None
    assert video.error.code == state
    assert len(own.answers) == 1


@pytest.mark.parametrize("state", State)
async def test_c05_a_video_has_exactly_thirteen_keys_in_every_state(
    stage: TestGateway, owner: Account, state: State
) -> None:
    video_id = await brought_into(stage, owner, state, lambda: created(stage, owner))
    answer = await get(stage, owner, f"{VIDEOS}/{video_id}")
    video = video_of(answer)
    assert sorted(video) == sorted(KEYS)
    assert (video["model"], video["seconds"], video["prompt"]) == ("sora-2", "4", PROMPT)
    assert video["remixed_from_video_id"] is None
    assert answer.headers["X-Reelway-State"] == state
    (listed,) = (await get(stage, owner, VIDEOS)).json()["data"]
    assert listed == video


async def test_c06_the_id_works_in_the_other_dialects(shared: TestGateway, account: Account) -> None:
    video_id = await created(shared, account)
    video_of(await ended(shared, account, video_id))
    rivya = await get(shared, account, f"/api/v1/generations/{video_id}")
    assert (rivya.json()["id"], rivya.json()["model"]) == (video_id, "kling-3-0")
    kling = await get(shared, account, f"/kling/v1/videos/text2video/{video_id}")
    assert kling.json()["data"]["task_id"] == video_id
    turbo = await created(shared, account, body_of(model="kling-v2-5-turbo-pro"))
    apixo = await get(shared, account, "/api/v1/statusTask/kling-2-5-turbo-pro", taskId=turbo)
    assert apixo.json()["data"]["taskId"] == turbo


async def test_c28_the_sdk_shows_code_type_param_and_request_id_of_an_error(
    shared: TestGateway, account: Account
) -> None:
    async with sdk(shared, account) as own:
        with pytest.raises(openai.BadRequestError) as caught:
            await own.client.videos.create(prompt=PROMPT, size="640x480")  # type: ignore[arg-type]
    error = caught.value
    assert (error.code, error.type, error.param) == ("invalid_value", "invalid_request_error", "size")
    (answer,) = own.answers
    assert error.request_id == answer.headers["X-Request-Id"]
    assert error.request_id
    assert error.request_id.startswith("req_")


async def test_c29_a_wrong_key_raises_an_authentication_error(shared: TestGateway) -> None:
    async with sdk(shared, "wrong") as own:
        with pytest.raises(openai.AuthenticationError) as caught:
            await own.client.videos.create(prompt=PROMPT)
        with pytest.raises(openai.AuthenticationError):
            await own.client.videos.list()
    assert caught.value.code == "invalid_api_key"
    assert len(own.answers) == 2


async def test_c16_an_unknown_model_raises_not_found(shared: TestGateway, account: Account) -> None:
    async with sdk(shared, account) as own:
        with pytest.raises(openai.NotFoundError) as caught:
            await own.client.videos.create(prompt=PROMPT, model="sora-9")
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
    assert len(own.answers) == 1


async def test_c32_with_a_pace_of_5_s_a_task_of_60_s_is_polled_at_most_14_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer = scripted_offer(load_catalog())
    slow = type(offer)(offer.provider, offer.tier, True, 9, dict.fromkeys(Mode, 60 / 4), offer.capabilities)
    provider = ScriptedProvider(slow, video_bytes(), default_poll=outcomes.InProgress(None, poll_after_s=1))
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        owner = await gateway.account()
        async with sdk(gateway, owner) as own:
            begun_us = gateway.clock.now_us()
            paces: list[float] = []

            async def sleep(seconds: float) -> None:
                """In the place of the SDK's own sleep: the time passes at once, on the gateway's clock."""
                paces.append(seconds)
                for _ in range(round(seconds)):
                    gateway.clock.advance(1)
                    if gateway.clock.now_us() - begun_us >= 60_000_000:
                        provider.default_poll = outcomes.Finished()
                    await asyncio.sleep(0.05)

            monkeypatch.setattr(own.client.videos, "_sleep", sleep)
            video = await own.client.videos.create_and_poll(prompt=PROMPT)
    assert video.status == "completed"
    assert set(paces) == {5.0}
    polls = [answer for answer in own.answers if answer.request.method == "GET"]
    assert 12 <= len(polls) <= 14


async def test_c46_what_is_not_offered_is_not_found_and_is_sent_once(shared: TestGateway, account: Account) -> None:
    clip = ("clip.mp4", video_bytes(), "video/mp4")
    async with sdk(shared, account) as own:
        videos = own.client.videos
        for call in (
            lambda: videos.edit(prompt=PROMPT, video=clip),
            lambda: videos.extend(prompt=PROMPT, seconds="4", video=clip),
            lambda: videos.create_character(name="Ann", video=clip),
            lambda: videos.get_character("char_1"),
        ):
            sent = len(own.answers)
            with pytest.raises(openai.NotFoundError) as caught:
                await call()
            assert caught.value.code == "unsupported_endpoint"
            assert len(own.answers) == sent + 1
    assert await task_count(shared, account) == 0


async def test_c47_too_few_credits_are_told_once_and_make_no_task(shared: TestGateway) -> None:
    poor = await shared.account(credits=PRICE_4_S - 1)
    async with sdk(shared, poor) as own:
        with pytest.raises(openai.RateLimitError) as caught:
            await own.client.videos.create(prompt=PROMPT)
    assert (caught.value.code, caught.value.type) == ("insufficient_quota", "insufficient_quota")
    (answer,) = own.answers
    assert answer.headers["x-should-retry"] == "false"
    assert "Retry-After" not in answer.headers
    assert await task_count(shared, poor) == 0
    assert await credits_of(shared, poor) == PRICE_4_S - 1


async def test_c48_the_sdk_waits_as_long_as_it_is_told_and_then_succeeds(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, requests_per_minute_max=5) as gateway:
        owner = await gateway.account()
        gateway.clock.advance(58.5)  # the minute is nearly over, so the wait is short
        for _ in range(5):
            assert (await get(gateway, owner, VIDEOS)).status_code == 200
        async with sdk(gateway, owner) as own:

            async def let_time_pass(answer: httpx.Response) -> None:
                if answer.status_code == 429:
                    gateway.clock.advance(int(answer.headers["Retry-After"]))

            own.client._client.event_hooks["response"].append(let_time_pass)
            page = await own.client.videos.list()
        assert page.data == []
        assert [answer.status_code for answer in own.answers] == [429, 200]
        assert own.answers[0].json()["error"]["code"] == "rate_limit_exceeded"
        assert own.answers[0].headers["Retry-After"] == own.answers[0].headers["RateLimit-Reset"]


async def test_c51_two_creates_with_one_key_are_one_task_and_one_charge(stage: TestGateway, owner: Account) -> None:
    key = {"Idempotency-Key": "k1"}
    async with sdk(stage, owner) as own:
        first = await own.client.videos.create(prompt=PROMPT, extra_headers=key)
        again = await own.client.videos.create(prompt=PROMPT, extra_headers=key)
        assert again == first
        assert own.answers[1].headers["Idempotent-Replayed"] == "true"
        sent = len(own.answers)
        with pytest.raises(openai.ConflictError) as caught:
            await own.client.videos.create(prompt="another", extra_headers=key)
        assert caught.value.code == "idempotency_conflict"
        assert len(own.answers) == sent + 1
    await ended(stage, owner, first.id)
    assert await task_count(stage, owner) == 1
    assert await credits_of(stage, owner) == CREDITS - PRICE_4_S


async def test_c52_a_file_counts_by_its_bytes_and_not_by_its_name(shared: TestGateway, account: Account) -> None:
    key = {"Idempotency-Key": "k1"}
    png, other = image_bytes("PNG", (640, 360)), image_bytes("PNG", (640, 360), (1, 2, 3))
    async with sdk(shared, account) as own:
        first = await own.client.videos.create(prompt=PROMPT, input_reference=("a.png", png), extra_headers=key)
        again = await own.client.videos.create(prompt=PROMPT, input_reference=("b.png", png), extra_headers=key)
        assert again.id == first.id
        with pytest.raises(openai.ConflictError):
            await own.client.videos.create(prompt=PROMPT, input_reference=("a.png", other), extra_headers=key)
    assert await task_count(shared, account) == 1


async def test_c39_list_pages_through_all_videos(stage: TestGateway, owner: Account) -> None:
    provider_of(stage).free_slots = 0
    ids = [await created(stage, owner) for _ in range(5)]
    async with sdk(stage, owner) as own:
        for order, expected in (("desc", ids[::-1]), ("asc", ids)):
            sent = len(own.answers)
            page = await own.client.videos.list(limit=2, order=order)  # type: ignore[arg-type]
            found = [video.id async for video in page]
            assert found == expected
            assert len(own.answers) == sent + 3
    for answer in own.answers:
        for video in answer.json()["data"]:
            assert_video(video)


async def test_c44_delete_of_a_video_that_cannot_be_stopped_is_a_conflict_once(tmp_path: Path) -> None:
    provider = ScriptedProvider(scripted_offer(load_catalog(), can_cancel=False), video_bytes())
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        owner = await gateway.account()
        video_id = await brought_into(gateway, owner, State.RUNNING, lambda: created(gateway, owner))
        async with sdk(gateway, owner) as own:
            with pytest.raises(openai.ConflictError) as caught:
                await own.client.videos.delete(video_id)
        assert caught.value.code == "video_not_deletable"
        (answer,) = own.answers
        assert answer.headers["x-should-retry"] == "false"
        assert video_of(await get(gateway, owner, f"{VIDEOS}/{video_id}"))["status"] == "in_progress"


async def test_c20_an_image_url_goes_through_extra_body(shared: TestGateway, account: Account) -> None:
    url = "https://cdn.example.com/start.png"
    async with sdk(shared, account) as own:
        video = await own.client.videos.create(prompt=PROMPT, extra_body={"input_reference": {"image_url": url}})
    sent = own.answers[0].request
    assert sent.headers["Content-Type"].startswith("multipart/form-data")
    made = generation_of((await shared.task(video.id)).generation)
    assert made.start_frame == Reference(url=url)
    answer = await post(shared, account, body_of(input_reference={"image_url": url}))
    assert generation_of((await shared.task(video_of(answer)["id"])).generation) == made
