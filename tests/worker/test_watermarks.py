"""A task that asks for a watermark gets a second, visibly marked video; without one there is none, and no charge."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelway.domain.decide import result_of
from reelway.domain.ids import TaskId
from reelway.domain.task import FailureCode, State, result_object
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import video_bytes
from worker.lives import until_end

pytestmark = pytest.mark.anyio


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with running_gateway(tmp_path) as found:
        assert found.provider is not None
        found.provider.video = video_bytes(1, (320, 180))
        yield found


async def created(gateway: TestGateway, account: Account, **changes: Any) -> TaskId:
    body = {"model_name": "kling-v1", "prompt": "A glass bottle", "watermark_info": {"enabled": True}} | changes
    answer = await gateway.http.post("/kling/v1/videos/text2video", json=body, headers=account.headers)
    assert answer.status_code == 200, answer.text
    return TaskId(answer.json()["data"]["task_id"])


async def test_the_marked_video_is_kept_beside_the_plain_one(
    gateway: TestGateway, account: Account, tmp_path: Path
) -> None:
    task = await until_end(gateway, await created(gateway, account))
    assert task.state is State.SUCCEEDED
    result = result_of(task)
    assert result is not None
    assert result.watermark_object == result_object(task.id, "watermark.mp4")

    answer = await gateway.http.get(f"/kling/v1/videos/text2video/{task.id}", headers=account.headers)
    video = answer.json()["data"]["task_result"]["videos"][0]
    plain, marked = await gateway.http.get(video["url"]), await gateway.http.get(video["watermark_url"])
    assert plain.content == gateway.provider.video  # type: ignore[union-attr]
    assert (marked.status_code, marked.headers["content-type"]) == (200, "video/mp4")
    (tmp_path / "plain.mp4").write_bytes(plain.content)
    (tmp_path / "marked.mp4").write_bytes(marked.content)
    with av.open(str(tmp_path / "plain.mp4")) as before, av.open(str(tmp_path / "marked.mp4")) as after:
        olds = [frame.to_ndarray(format="gray").astype(int) for frame in before.decode(video=0)]
        news = [frame.to_ndarray(format="gray").astype(int) for frame in after.decode(video=0)]
    assert len(olds) == len(news) == 24
    for old, new in zip(olds, news, strict=True):
        assert np.abs(old - new)[140:, 200:].max() > 20
        assert np.abs(old - new)[:120].max() < 12


async def test_a_task_without_the_wish_has_no_marked_video(gateway: TestGateway, account: Account) -> None:
    task = await until_end(gateway, await created(gateway, account, watermark_info={"enabled": False}))
    result = result_of(task)
    assert result is not None
    assert result.watermark_object is None
    answer = await gateway.http.get(f"/kling/v1/videos/text2video/{task.id}", headers=account.headers)
    video = answer.json()["data"]["task_result"]["videos"][0]
    assert "watermark_url" not in video
    assert (await gateway.http.get(video["url"].replace("video.mp4", "watermark.mp4"))).status_code == 410


async def test_a_video_that_cannot_be_marked_is_not_charged(gateway: TestGateway, account: Account) -> None:
    assert gateway.provider is not None
    gateway.provider.video = b"no video at all"
    task = await until_end(gateway, await created(gateway, account), step_s=5)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.STORAGE_FAILED)
    assert await gateway.available_credits(account) == CREDITS
