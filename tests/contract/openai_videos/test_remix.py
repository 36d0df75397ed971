"""Remix: a new video that begins with the first frame of a finished one. Section 12."""

import asyncio
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from contract.openai_videos.test_content import moving_video, provider_with
from contract.openai_videos.wire import (
    KLING_3,
    PROMPT,
    TURBO,
    VIDEOS,
    created,
    error_of,
    finished,
    generation_in,
    in_state,
    provider_of,
    remix,
    until_state,
    video_of,
)
from reelway.domain.ids import TaskId
from reelway.domain.task import State
from support.gateway import CREDITS, Account, TestGateway, running_gateway

pytestmark = pytest.mark.anyio

NIGHT = "The same bottle at night"


async def test_12_a_remix_is_a_new_video_of_the_same_kind(shared: TestGateway, account: Account) -> None:
    fields = {"model": TURBO, "seconds": "10", "size": "1792x1024", "negative_prompt": "rain", "cfg_scale": 0.8}
    source = await finished(shared, account, **fields)
    answer = await remix(shared, account, source, prompt=NIGHT)
    video = video_of(answer)
    assert answer.headers["X-Reelway-State"] == "queued"
    assert video["id"] != source
    assert (video["status"], video["progress"], video["remixed_from_video_id"]) == ("queued", 0, source)
    assert (video["model"], video["seconds"], video["size"]) == (TURBO, "10", "1792x1024")
    assert video["prompt"] == NIGHT
    old, new = await generation_in(shared, source), await generation_in(shared, video["id"])
    assert new.start_frame is not None
    assert new.start_frame.file_id is not None
    assert (new.negative_prompt, new.cfg_scale, new.mode, new.aspect_ratio) == ("rain", 0.8, old.mode, old.aspect_ratio)
    assert (await shared.task(TaskId(video["id"]))).price_credits == (await shared.task(source)).price_credits


async def test_12_the_alias_of_the_source_and_its_sound_are_kept(shared: TestGateway, account: Account) -> None:
    source = await finished(shared, account, sound=True)
    video = video_of(await remix(shared, account, source, prompt=NIGHT))
    assert video["model"] == "sora-2"
    generation = await generation_in(shared, video["id"])
    assert (generation.model, generation.sound, generation.multi_shots) == (KLING_3, True, False)


async def test_12_the_first_frame_is_the_start_frame(tmp_path: Path) -> None:
    """The video grows brighter from black, so its first frame is known."""
    provider = provider_with(moving_video((1280, 720), seconds=1))
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        owner = await gateway.account()
        source = await finished(gateway, owner, size="1280x720")
        video = video_of(await remix(gateway, owner, source, prompt=NIGHT))
        await until_state(gateway, TaskId(video["id"]), State.SUCCEEDED)
        order = next(order for order in provider.orders if order.task_id == video["id"])
        (prepared,) = order.inputs
        assert (prepared.mime_type, prepared.width, prepared.height) == ("image/jpeg", 1280, 720)
        path = gateway.core.objects.local_path(prepared.object_name)
        assert path is not None
        picture = Image.open(io.BytesIO(path.read_bytes()))
        assert picture.size == (1280, 720)
        assert np.asarray(picture.convert("L")).mean() < 6
        assert list((gateway.settings.data_dir / "pictures").iterdir()) == []
        again = video_of(await remix(gateway, owner, video["id"], prompt=NIGHT))
        assert again["remixed_from_video_id"] == video["id"], "a remix can be remixed"


async def test_12_a_remix_of_another_dialects_video(shared: TestGateway, account: Account) -> None:
    source = await shared.created(account, params={"aspect_ratio": "9:16", "duration": "10", "cfg_scale": 0.1})
    await until_state(shared, source, State.SUCCEEDED)
    video = video_of(await remix(shared, account, source, prompt=NIGHT))
    assert (video["model"], video["seconds"], video["size"]) == (TURBO, "10", "1080x1920")
    assert (await shared.task(TaskId(video["id"]))).price_credits == 84, "by units, as any video of this dialect"


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (State.QUEUED, (404, "video_not_ready", None)),
        (State.SUBMITTING, (404, "video_not_ready", None)),
        (State.RUNNING, (404, "video_not_ready", None)),
        (State.STORING, (404, "video_not_ready", None)),
        (State.FAILED, (400, "video_failed", None)),
        (State.CANCELLED, (400, "video_failed", None)),
        (State.EXPIRED, (400, "video_failed", None)),
    ],
)
async def test_12_only_a_completed_video_can_be_remixed(
    stage: TestGateway, owner: Account, state: State, told: Any
) -> None:
    video_id = await in_state(stage, owner, state)
    assert error_of(await remix(stage, owner, video_id, prompt=NIGHT)) == told


async def test_12_an_expired_video_cannot_be_remixed(stage: TestGateway, owner: Account) -> None:
    video_id = await finished(stage, owner)
    stage.clock.advance(15 * 86_400)
    assert error_of(await remix(stage, owner, video_id, prompt=NIGHT)) == (410, "video_expired", None)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, (400, "missing_required_parameter", "prompt")),
        ({"prompt": None}, (400, "missing_required_parameter", "prompt")),
        ({"prompt": 5}, (400, "invalid_type", "prompt")),
        ({"prompt": " "}, (400, "invalid_value", "prompt")),
        ({"prompt": "x" * 2001}, (400, "string_above_max_length", "prompt")),
        ({"prompt": NIGHT, "model": KLING_3}, (400, "unknown_parameter", "model")),
        ({"prompt": NIGHT, "seconds": "8"}, (400, "unknown_parameter", "seconds")),
    ],
)
async def test_12_the_prompt_has_the_rules_of_a_create(
    shared: TestGateway, account: Account, body: dict[str, Any], told: Any
) -> None:
    source = await finished(shared, account)
    assert error_of(await remix(shared, account, source, **body)) == told


async def test_12_a_remix_comes_in_every_body_form(shared: TestGateway, account: Account) -> None:
    source = await finished(shared, account)
    path, parts = f"{VIDEOS}/{source}/remix", [("prompt", (None, NIGHT))]
    for more in ({"json": {"prompt": NIGHT}}, {"files": parts}, {"data": {"prompt": NIGHT}}):
        answer = await shared.http.post(path, headers=account.headers, **more)  # type: ignore[arg-type]
        assert video_of(answer)["prompt"] == NIGHT
    answer = await shared.http.post(path, headers=account.headers, content=b"x")
    assert error_of(answer) == (400, "invalid_content_type", None)
    files = [*parts, ("input_reference", ("a.png", b"x"))]
    answer = await shared.http.post(path, headers=account.headers, files=files)
    assert error_of(answer) == (400, "unknown_parameter", "input_reference")


async def test_12_a_repeated_remix_gets_the_first_answer(shared: TestGateway, account: Account) -> None:
    source = await finished(shared, account)
    key = {"Idempotency-Key": "remix"}
    first = await remix(shared, account, source, key, prompt=NIGHT)
    again = await remix(shared, account, source, key, prompt=NIGHT)
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    answer = await remix(shared, account, source, key, prompt="another")
    assert error_of(answer) == (409, "idempotency_conflict", None)
    other = await finished(shared, account)
    assert "Idempotent-Replayed" not in (await remix(shared, account, other, key, prompt=NIGHT)).headers
    assert await shared.available_credits(account) == CREDITS - 4 * 54


async def test_15_of_two_remixes_at_once_with_one_key_one_is_made(shared: TestGateway, account: Account) -> None:
    source = await finished(shared, account)
    key = {"Idempotency-Key": "at once"}
    answers = await asyncio.gather(*(remix(shared, account, source, key, prompt=NIGHT) for _ in range(3)))
    told = [error_of(answer) for answer in answers if answer.status_code != 200]
    assert len(told) == 2
    assert set(told) == {(409, "idempotency_in_progress", None)}
    for answer in answers:
        if answer.status_code == 409:
            assert (answer.headers["x-should-retry"], answer.headers["Retry-After"]) == ("true", "1")
    assert await shared.available_credits(account) == CREDITS - 2 * 54


async def test_12_a_refused_remix_makes_and_keeps_nothing(shared: TestGateway) -> None:
    poor = await shared.account(credits=60)
    source = await finished(shared, poor)
    folder = shared.core.objects.local_path("files")
    assert folder is not None
    before = set(folder.glob("*"))
    answer = await remix(shared, poor, source, prompt=NIGHT)
    assert error_of(answer) == (429, "insufficient_quota", None)
    assert set(folder.glob("*")) == before
    assert await shared.available_credits(poor) == 6


async def test_12_a_remix_counts_as_unfinished(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, unfinished_tasks_max=1) as stage:
        owner = await stage.account()
        source = await finished(stage, owner)
        provider_of(stage).free_slots = 0
        await created(stage, owner, prompt=PROMPT)
        answer = await remix(stage, owner, source, prompt=NIGHT)
        assert error_of(answer) == (429, "concurrency_limit_exceeded", None)
