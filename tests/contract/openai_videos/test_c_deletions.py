"""Videos that are deleted or remixed: statements 42 to 45 and 53 of the OpenAI Videos contract."""

import httpx
import pytest

from contract.openai_videos.conformance import (
    KLING_3,
    PROMPT,
    TURBO,
    UNKNOWN_VIDEO,
    VIDEOS,
    body_of,
    content,
    created,
    delete,
    ended,
    error_of,
    get,
    post,
    post_form,
    remix,
    retrieve,
    staged,
    video_of,
)
from contract.rivya.wire import credits_of, task_of, uploaded
from reelway.domain.generation import Role, generation_of
from reelway.domain.ids import TaskId
from reelway.domain.task import State
from support.exchange import task_count
from support.gateway import CREDITS, Account, TestGateway
from support.media import image_bytes, video_bytes
from support.staging import provider_of, script

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:The Sora API is scheduled")]

TERM_S = 1_296_000
"""15 days."""
FINAL = [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED]


# --- delete -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", FINAL)
async def test_c42_a_deleted_video_is_gone_in_every_dialect(stage: TestGateway, owner: Account, state: State) -> None:
    video_id = await staged(stage, owner, state, model=TURBO)
    kept = await staged(stage, owner, State.SUCCEEDED)
    before = await credits_of(stage, owner)
    url = None
    if state is State.SUCCEEDED:
        url = task_of(await get(stage, owner, f"/api/v1/generations/{video_id}"))["result"]["primary_url"]
    answer = await delete(stage, owner, video_id)
    assert answer.status_code == 200
    assert answer.json() == {"id": video_id, "object": "video.deleted", "deleted": True}
    for gone in (
        await retrieve(stage, owner, video_id),
        await content(stage, owner, video_id),
        await delete(stage, owner, video_id),
        await remix(stage, owner, video_id),
    ):
        error_of(gone, 404, "video_not_found")
    assert [video["id"] for video in (await get(stage, owner, VIDEOS)).json()["data"]] == [kept]
    for path in (
        f"/api/v1/generations/{video_id}",
        f"/kling/v1/videos/text2video/{video_id}",
        f"/api/v1/statusTask/kling-2-5-turbo-pro?taskId={video_id}",
    ):
        assert (await get_path(stage, owner, path)).status_code == 404, path
    if url is not None:
        assert (await stage.http.get(url)).status_code in (404, 410)
    assert await credits_of(stage, owner) == before


async def get_path(stage: TestGateway, owner: Account, path: str) -> httpx.Response:
    return await stage.http.get(path, headers=owner.headers)


async def test_c43_a_queued_video_is_stopped_and_its_credits_come_back(stage: TestGateway, owner: Account) -> None:
    video_id = await staged(stage, owner, State.QUEUED)
    assert await credits_of(stage, owner) == CREDITS - 54
    assert (await delete(stage, owner, video_id)).json()["deleted"] is True
    error_of(await retrieve(stage, owner, video_id), 404, "video_not_found")
    assert await credits_of(stage, owner) == CREDITS
    provider_of(stage).free_slots = 100
    other = await created(stage, owner)
    await ended(stage, owner, other)
    assert list(provider_of(stage).jobs) == [other]


async def test_10_a_running_video_is_gone_at_once_and_its_credits_come_back_when_it_has_stopped(
    stage: TestGateway, owner: Account
) -> None:
    video_id = await staged(stage, owner, State.RUNNING)
    assert (await delete(stage, owner, video_id)).status_code == 200
    error_of(await retrieve(stage, owner, video_id), 404, "video_not_found")

    async def is_paid_back() -> bool:
        return await credits_of(stage, owner) == CREDITS

    await stage.until(is_paid_back)
    assert provider_of(stage).cancelled == [video_id]


async def test_10_a_video_that_is_being_stored_cannot_be_deleted(stage: TestGateway, owner: Account) -> None:
    video_id = await staged(stage, owner, State.STORING)
    answer = await delete(stage, owner, video_id)
    error_of(answer, 409, "video_not_deletable")
    assert answer.headers["x-should-retry"] == "false"


# --- remix ------------------------------------------------------------------------------------------------------------


async def test_c45_a_remix_begins_with_the_first_frame_of_its_source(stage: TestGateway, owner: Account) -> None:
    file = await uploaded(stage, owner, image_bytes("PNG", (640, 360)))
    stage_provider = provider_of(stage)
    stage_provider.video = video_bytes(10, (320, 180))
    stage_provider.is_checked = False
    source = await created(
        stage,
        owner,
        body_of(model=TURBO, seconds="10", size="1080x1920", cfg_scale=0.8, input_reference={"file_id": file["id"]}),
    )
    await ended(stage, owner, source)
    answer = await remix(stage, owner, source)
    video = video_of(answer)
    assert video["id"] != source
    assert (video["remixed_from_video_id"], video["status"], video["prompt"]) == (source, "queued", "At night")
    assert (video["model"], video["seconds"], video["progress"]) == (TURBO, "10", 0)
    assert video_of(await ended(stage, owner, video["id"]))["remixed_from_video_id"] == source
    order = stage_provider.orders[-1]
    assert [(item.role, item.width, item.height) for item in order.inputs] == [(Role.START_FRAME, 320, 180)]
    first, second = [generation_of((await stage.task(TaskId(found))).generation) for found in (source, video["id"])]
    for name in ("model", "duration_s", "mode", "sound", "negative_prompt", "cfg_scale"):
        assert getattr(first, name) == getattr(second, name), name
    assert await credits_of(stage, owner) == CREDITS - 2 * 84


async def test_c45_a_remix_needs_a_completed_video(stage: TestGateway, owner: Account) -> None:
    running = await staged(stage, owner, State.RUNNING)
    error_of(await remix(stage, owner, running), 404, "video_not_ready")
    failed = await staged(stage, owner, State.FAILED)
    error_of(await remix(stage, owner, failed), 400, "video_failed")
    done = await staged(stage, owner, State.SUCCEEDED)
    for prompt, code in ((None, "missing_required_parameter"), ("", "invalid_value"), (5, "invalid_type")):
        error_of(await remix(stage, owner, done, prompt), 400, code, "prompt")
    error_of(await remix(stage, owner, done, "x" * 2001), 400, "string_above_max_length", "prompt")
    before = await task_count(stage, owner)
    form = await post_form(stage, owner, {"prompt": "x"}, f"{VIDEOS}/{done}/remix")
    assert video_of(form)["remixed_from_video_id"] == done
    stage.clock.advance(TERM_S + 60)
    error_of(await remix(stage, owner, done), 410, "video_expired")
    assert await task_count(stage, owner) == before + 1


async def test_12_a_remix_is_limited_and_repeated_like_a_create(stage: TestGateway) -> None:
    owner = await stage.account(credits=2 * 54)
    script(stage, State.SUCCEEDED)
    source = await created(stage, owner)
    await ended(stage, owner, source)
    path, key = f"{VIDEOS}/{source}/remix", {"Idempotency-Key": "k1"}
    first = await post(stage, owner, {"prompt": PROMPT}, path, headers=key)
    again = await post(stage, owner, {"prompt": PROMPT}, path, headers=key)
    assert again.content == first.content
    assert again.headers["Idempotent-Replayed"] == "true"
    error_of(await post(stage, owner, {"prompt": "x"}, path, headers=key), 409, "idempotency_conflict")
    error_of(await remix(stage, owner, source), 429, "insufficient_quota")
    assert video_of(first)["model"] == "sora-2"
    assert (await stage.task(video_of(first)["id"])).model == KLING_3


async def test_c53_another_accounts_video_is_as_unknown_as_any(shared: TestGateway, account: Account) -> None:
    video_id = await created(shared, account)
    await ended(shared, account, video_id)
    stranger = await shared.account()
    for ask in (retrieve, content, delete, remix):
        foreign, unknown = await ask(shared, stranger, video_id), await ask(shared, stranger, UNKNOWN_VIDEO)
        assert error_of(foreign, 404, "video_not_found") == error_of(unknown, 404, "video_not_found")
    assert video_of(await retrieve(shared, account, video_id))["id"] == video_id
    for odd in ("x", video_id.lower()):
        error_of(await retrieve(shared, account, odd), 404, "video_not_found")
