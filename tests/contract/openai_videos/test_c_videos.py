"""Videos after their creation: statements 31, 33 to 38, 40 and 41 of the OpenAI Videos contract."""

import hashlib
import io
from pathlib import Path

import httpx
import pytest
from PIL import Image

from contract.openai_videos.conformance import (
    TURBO,
    UNKNOWN_VIDEO,
    VIDEOS,
    assert_shared_headers,
    assert_video,
    body_of,
    content,
    created,
    delete,
    ended,
    error_of,
    get,
    retrieve,
    sdk,
    staged,
    video_of,
)
from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.generation import Mode
from reelway.domain.ids import TaskId
from reelway.domain.task import FailureCode, State
from support.failover import assert_never_back, statuses_seen
from support.gateway import Account, TestGateway, running_gateway
from support.media import facts_of, video_bytes
from support.provider import ScriptedProvider, scripted_offer
from support.staging import provider_of, rests, until_state

pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:The Sora API is scheduled")]

DAY_S = 86_400
TERM_S = 1_296_000
"""15 days."""
LATER_S = 7_200.0
FINAL = [State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED]
STATUSES = {
    State.QUEUED: "queued",
    State.SUBMITTING: "queued",
    State.RUNNING: "in_progress",
    State.STORING: "in_progress",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
    State.EXPIRED: "failed",
}


@pytest.mark.parametrize("state", State)
async def test_c31_only_a_video_that_is_not_over_tells_when_to_ask_again(
    stage: TestGateway, owner: Account, state: State
) -> None:
    answer = await retrieve(stage, owner, await staged(stage, owner, state))
    assert video_of(answer)["status"] == STATUSES[state]
    if state in FINAL:
        assert "openai-poll-after-ms" not in answer.headers
    else:
        assert answer.headers["openai-poll-after-ms"] in ("1000", "2000", "5000")


async def test_c33_status_and_progress_never_go_back_also_under_failover(tmp_path: Path) -> None:
    progress: list[int] = []

    async def read(gateway: TestGateway, owner: Account, video_id: TaskId) -> str:
        video = video_of(await retrieve(gateway, owner, video_id))
        progress.append(video["progress"])
        status: str = video["status"]
        return status

    assert_never_back(await statuses_seen(tmp_path, created, read), ["queued", "in_progress", "completed"])
    assert sorted(progress) == progress
    assert (progress[0], progress[-1]) == (0, 100)


async def test_c33_the_providers_own_figure_is_shown_and_never_falls(stage: TestGateway, owner: Account) -> None:
    provider = provider_of(stage)
    figures = [0.0, 0.41, 0.2, 0.9, 1.0]
    provider.polls.extend(outcomes.InProgress(figure, poll_after_s=10) for figure in figures)
    provider.polls.append(outcomes.JobFailed(FailureCode.GENERATION_FAILED, ""))
    video_id = await created(stage, owner)
    seen = []
    for left in range(len(figures), 0, -1):
        await stage.until(lambda left=left: len(provider.polls) == left)
        await stage.until(lambda: rests(stage, video_id))
        video = video_of(await retrieve(stage, owner, video_id))
        assert video["status"] == "in_progress"
        seen.append(video["progress"])
        stage.clock.advance(11)
    assert sorted(seen) == seen
    assert seen[0] >= 1
    assert seen[1] == seen[2] == 41
    assert seen[-1] <= 95
    assert video_of(await ended(stage, owner, video_id))["progress"] == seen[-1]


async def test_8_2_storing_is_99_and_stays_so_when_it_fails(stage: TestGateway, owner: Account) -> None:
    video_id = await staged(stage, owner, State.STORING)
    assert video_of(await retrieve(stage, owner, video_id))["progress"] == 99
    provider_of(stage).fetches.append(outcomes.StoreFailed("the file is broken", is_final=True))
    stage.clock.advance(60)
    video = video_of(await ended(stage, owner, video_id))
    assert (video["status"], video["progress"]) == ("failed", 99)


async def test_8_2_without_a_figure_progress_is_the_share_of_the_expected_time(tmp_path: Path) -> None:
    offer = scripted_offer(load_catalog())
    slow = type(offer)(offer.provider, offer.tier, True, 9, dict.fromkeys(Mode, 25.0), offer.capabilities)
    waiting = outcomes.InProgress(None, poll_after_s=1.0)
    provider = ScriptedProvider(slow, video_bytes(), default_poll=waiting)
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        owner = await gateway.account()
        video_id = await created(gateway, owner)  # 4 s of video, 100 s of work
        await until_state(gateway, video_id, State.RUNNING)
        seen = []
        for seconds in (0, 25, 25, 400):
            polls = provider.poll_count
            gateway.clock.advance(seconds)
            if seconds:  # the share is written down with each poll, so that it never falls
                await gateway.until(lambda polls=polls: provider.poll_count > polls)
                await gateway.until(lambda: rests(gateway, video_id))
            seen.append(video_of(await retrieve(gateway, owner, video_id))["progress"])
    assert seen[0] in (1, 2)
    assert seen[1] in (25, 26)
    assert seen[2] in (50, 51)
    assert seen[3] == 95


@pytest.mark.parametrize("state", FINAL)
async def test_c34_both_ends_have_a_time_and_only_a_success_expires(
    stage: TestGateway, owner: Account, state: State
) -> None:
    stage.clock.advance(100)
    video = video_of(await retrieve(stage, owner, await staged(stage, owner, state)))
    now_s = stage.clock.now_us() // 1_000_000
    assert type(video["completed_at"]) is int
    assert video["created_at"] <= video["completed_at"] <= now_s
    assert video["expires_at"] == (video["completed_at"] + TERM_S if state is State.SUCCEEDED else None)


async def test_6_3_a_completed_video_shows_the_measured_size(stage: TestGateway, owner: Account) -> None:
    video_id = await created(stage, owner, body_of(size="1280x720"))
    assert video_of(await ended(stage, owner, video_id))["size"] == "64x48"  # what the provider made


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (FailureCode.CONTENT_REJECTED, "moderation_blocked"),
        (FailureCode.INVALID_REFERENCE, "invalid_input_reference"),
        (FailureCode.GENERATION_FAILED, "generation_failed"),
        (FailureCode.PROVIDER_REJECTED, "generation_failed"),
        (FailureCode.PROVIDER_UNAVAILABLE, "model_unavailable"),
        (FailureCode.INTERNAL_ERROR, "server_error"),
    ],
)
async def test_8_3_every_failure_has_its_code(
    stage: TestGateway, owner: Account, failure: FailureCode, code: str
) -> None:
    provider_of(stage).polls.append(outcomes.JobFailed(failure, "a reason"))
    answer = await ended(stage, owner, await created(stage, owner))
    assert video_of(answer)["error"]["code"] == code
    assert answer.headers["X-Reelway-Failure"] == failure


# --- content ----------------------------------------------------------------------------------------------------------


async def test_c35_the_content_is_the_mp4_itself(stage: TestGateway, owner: Account) -> None:
    video_id = await created(stage, owner)
    await ended(stage, owner, video_id)
    async with sdk(stage, owner) as own:
        downloaded = await own.client.videos.download_content(video_id)
        raw = await downloaded.aread()
    assert raw[4:8] == b"ftyp"
    assert raw == provider_of(stage).video
    (answer,) = own.answers
    assert_shared_headers(answer)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Length"] == str(len(raw))
    assert answer.headers["ETag"] == f'"{hashlib.sha256(raw).hexdigest()}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{video_id}.mp4"'


async def test_c36_pictures_of_a_video(stage: TestGateway, owner: Account) -> None:
    stage.provider = provider_of(stage)
    stage.provider.video = video_bytes(2, (1280, 720))
    stage.provider.facts = facts_of(stage.provider.video)
    video_id = await created(stage, owner)
    assert video_of(await ended(stage, owner, video_id))["size"] == "1280x720"
    expected = {
        "thumbnail": ("image/webp", "WEBP", (640, 360), "webp"),
        "spritesheet": ("image/jpeg", "JPEG", (1280, 540), "jpg"),
    }
    for variant, (mime_type, picture_format, size, ending) in expected.items():
        for _ in range(2):  # made once, then kept
            answer = await content(stage, owner, video_id, variant=variant)
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, mime_type)
            assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
            assert answer.headers["Content-Length"] == str(len(answer.content))
            assert answer.headers["Content-Disposition"] == f'attachment; filename="{video_id}.{ending}"'
            with Image.open(io.BytesIO(answer.content)) as picture:
                assert (picture.format, picture.size) == (picture_format, size)
                picture.load()
    for variant in ("gif", "", "VIDEO"):
        error_of(await content(stage, owner, video_id, variant=variant), 400, "invalid_value", "variant")
    assert (await content(stage, owner, video_id, variant="video")).content == stage.provider.video


async def test_c37_a_range_gets_its_part(stage: TestGateway, owner: Account) -> None:
    video_id = await created(stage, owner)
    await ended(stage, owner, video_id)
    video = provider_of(stage).video

    async def ranged(wanted: str) -> httpx.Response:
        path = f"{VIDEOS}/{video_id}/content"
        return await stage.http.get(path, headers=owner.headers | {"Range": wanted})

    answer = await ranged("bytes=0-99")
    assert (answer.status_code, answer.content, len(answer.content)) == (206, video[:100], 100)
    assert answer.headers["Content-Range"] == f"bytes 0-99/{len(video)}"
    answer = await ranged("bytes=-10")
    assert (answer.status_code, answer.content) == (206, video[-10:])
    answer = await ranged(f"bytes={len(video)}-")
    assert (answer.status_code, answer.content) == (416, b"")


async def test_c38_content_that_is_not_there(stage: TestGateway, owner: Account) -> None:
    for variant in ({}, {"variant": "thumbnail"}):
        for state in (State.RUNNING, State.QUEUED):
            video_id = await staged(stage, owner, state)
            error_of(await content(stage, owner, video_id, **variant), 404, "video_not_ready")
            assert (await delete(stage, owner, video_id)).status_code == 200
            provider_of(stage).free_slots = 10_000
        failed = await staged(stage, owner, State.FAILED)
        error_of(await content(stage, owner, failed, **variant), 400, "video_failed")
    video_id = await staged(stage, owner, State.SUCCEEDED)
    stage.clock.advance(TERM_S - 60)
    assert (await content(stage, owner, video_id)).status_code == 200
    stage.clock.advance(120)
    error_of(await content(stage, owner, video_id), 410, "video_expired")
    error_of(await content(stage, owner, video_id, variant="spritesheet"), 410, "video_expired")
    assert video_of(await retrieve(stage, owner, video_id))["status"] == "completed"


# --- list -------------------------------------------------------------------------------------------------------------


async def test_c40_an_empty_list(shared: TestGateway, account: Account) -> None:
    answer = await get(shared, account, VIDEOS)
    assert_shared_headers(answer)
    assert answer.json() == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


async def test_c41_list_parameters_have_bounds(shared: TestGateway, account: Account) -> None:
    for name, values in (
        ("limit", ("0", "101", "-1", "x", "2.5")),
        ("order", ("up", "DESC")),
        ("after", ("task_x", UNKNOWN_VIDEO, "x")),
    ):
        for value in values:
            error_of(await get(shared, account, VIDEOS, **{name: value}), 400, "invalid_value", name)
    foreign = await created(shared, await shared.account())
    error_of(await get(shared, account, VIDEOS, after=foreign), 400, "invalid_value", "after")
    for query in ({"limit": 1}, {"limit": 100}, {"unknown": "x"}):
        assert (await get(shared, account, VIDEOS, **query)).json()["data"] == []


async def test_9_a_page_names_its_ends_and_holds_20(stage: TestGateway, owner: Account) -> None:
    provider_of(stage).free_slots = 0
    ids = [await created(stage, owner) for _ in range(20)]
    ids.append(await stage.created(owner, prompt="made elsewhere"))
    newest = ids[::-1]
    page = (await get(stage, owner, VIDEOS)).json()
    assert [video["id"] for video in page["data"]] == newest[:20]
    assert (page["first_id"], page["last_id"], page["has_more"]) == (newest[0], newest[19], True)
    assert page["data"][0]["model"] == TURBO  # a video of another dialect shows the catalogue id
    for video in page["data"]:
        assert_video(video)
    page = (await get(stage, owner, VIDEOS, after=newest[19])).json()
    assert ([video["id"] for video in page["data"]], page["has_more"]) == (newest[20:], False)
