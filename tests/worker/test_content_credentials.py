"""Every kept video is marked as made by a machine; one that cannot be is kept all the same, or not, as the operator
says. What is told of a video's size and hash is that of the bytes that are given out."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from reelway.domain.decide import result_of
from reelway.domain.ids import TaskId
from reelway.domain.media import DigitalSourceType
from reelway.domain.task import FailureCode, State
from reelway.net.certificate import AUTHORITY_NAME, kept_certificate
from reelway.net.content_credentials import Credentials, CredentialsState, Signing, read_credentials, sign_video
from reelway.net.media import MediaLimits
from reelway.telemetry.metrics import registry
from reelway.worker import credentials, results
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.media import image_bytes, video_bytes
from worker.lives import assert_charged, until_end, work_files

pytestmark = pytest.mark.anyio
LIMITS = MediaLimits()


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with running_gateway(tmp_path, content_credentials="on") as found:
        yield found


async def made(gateway: TestGateway, account: Account, **changes: Any) -> bytes:
    """The bytes of a task's video, which are what the task says they are."""
    task = await until_end(gateway, await gateway.created(account, **changes))
    assert task.state is State.SUCCEEDED, task.failure_reason
    result = result_of(task)
    assert result is not None
    answer = await gateway.http.get(f"/api/v1/generations/{task.id}", headers=account.headers)
    data = (await gateway.http.get(answer.json()["result"]["primary_url"])).content
    assert (result.size_bytes, result.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    return data


async def read(folder: Path, data: bytes, anchors_pem: str = "") -> Credentials:
    path = folder / "given.mp4"
    path.write_bytes(data)
    found = await read_credentials(path, LIMITS, anchors_pem)
    assert found is not None
    return found


def count(outcome: Signing, found: CollectorRegistry = registry) -> float:
    return found.get_sample_value("reelway_content_credentials_total", {"outcome": outcome.value}) or 0.0


@pytest.mark.parametrize("is_checked", [True, False], ids=["measured by its maker", "measured here"])
async def test_a_providers_video_is_marked_as_made_by_a_trained_model(
    gateway: TestGateway, account: Account, tmp_path: Path, is_checked: bool
) -> None:
    assert gateway.provider is not None
    gateway.provider.is_checked = is_checked
    gateway.provider.video = video_bytes(seconds=5)
    before = count(Signing.SIGNED)
    found = await read(tmp_path, await made(gateway, account), (gateway.settings.data_dir / AUTHORITY_NAME).read_text())
    assert (found.state, found.is_trusted, found.actions) == (CredentialsState.INTACT, True, ("c2pa.created",))
    assert found.source_type == found.xmp_source_type == DigitalSourceType.TRAINED_ALGORITHMIC.uri
    assert count(Signing.SIGNED) == before + 1
    assert work_files(tmp_path) == []


async def test_many_jobs_that_finish_at_once_are_looked_at_and_marked_a_few_at_a_time(
    gateway: TestGateway, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert gateway.provider is not None
    gateway.provider.is_checked = False
    gateway.provider.video = video_bytes(seconds=5)
    at_once, most = 0, 0

    def counted(function: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def count_it(*arguments: Any) -> Any:
            nonlocal at_once, most
            at_once += 1
            most = max(most, at_once)
            try:
                return await function(*arguments)
            finally:
                at_once -= 1

        return count_it

    monkeypatch.setattr(results, "make_poster", counted(results.make_poster))
    monkeypatch.setattr(credentials, "sign_video", counted(credentials.sign_video))
    tasks = await asyncio.gather(*(gateway.created(account) for _ in range(24)))
    ended = [await until_end(gateway, task_id) for task_id in tasks]
    assert {task.state for task in ended} == {State.SUCCEEDED}
    assert 2 <= most <= max(2, os.cpu_count() or 1)


async def test_a_marked_video_tells_neither_the_provider_nor_the_prompt(
    gateway: TestGateway, account: Account, tmp_path: Path
) -> None:
    data = await made(gateway, account, prompt="A secret orchard")
    for word in (b"scripted", b"job-", b"orchard", b"task_"):
        assert word not in data


async def test_both_videos_of_a_task_with_a_watermark_are_marked(
    gateway: TestGateway, account: Account, tmp_path: Path
) -> None:
    assert gateway.provider is not None
    gateway.provider.video = video_bytes(1, (320, 180))
    body = {"model_name": "kling-v1", "prompt": "A glass bottle", "watermark_info": {"enabled": True}}
    answer = await gateway.http.post("/kling/v1/videos/text2video", json=body, headers=account.headers)
    task = await until_end(gateway, TaskId(answer.json()["data"]["task_id"]))
    assert task.state is State.SUCCEEDED
    shown = await gateway.http.get(f"/kling/v1/videos/text2video/{task.id}", headers=account.headers)
    video = shown.json()["data"]["task_result"]["videos"][0]
    for url in (video["url"], video["watermark_url"]):
        found = await read(tmp_path, (await gateway.http.get(url)).content)
        assert (found.state, found.source_type) == (
            CredentialsState.INTACT,
            DigitalSourceType.TRAINED_ALGORITHMIC.uri,
        )


async def test_a_video_with_credentials_of_its_own_comes_through_byte_for_byte(
    gateway: TestGateway, account: Account, tmp_path: Path
) -> None:
    plain, signed = tmp_path / "plain.mp4", tmp_path / "signed.mp4"
    plain.write_bytes(video_bytes(1, (320, 180)))
    theirs = kept_certificate(tmp_path / "theirs")
    await sign_video(plain, signed, DigitalSourceType.TRAINED_ALGORITHMIC, theirs, LIMITS)
    assert gateway.provider is not None
    gateway.provider.video = signed.read_bytes()
    assert await made(gateway, account) == signed.read_bytes()

    body = {"model_name": "kling-v1", "prompt": "A glass bottle", "watermark_info": {"enabled": True}}
    answer = await gateway.http.post("/kling/v1/videos/text2video", json=body, headers=account.headers)
    task = await until_end(gateway, TaskId(answer.json()["data"]["task_id"]))
    shown = await gateway.http.get(f"/kling/v1/videos/text2video/{task.id}", headers=account.headers)
    video = shown.json()["data"]["task_result"]["videos"][0]
    found = await read(tmp_path, (await gateway.http.get(video["watermark_url"])).content)
    assert (found.state, found.parents) == (CredentialsState.INTACT, 1), "theirs are kept as those of its parent"


async def test_a_video_that_cannot_be_marked_is_kept_as_it_came(gateway: TestGateway, account: Account) -> None:
    assert gateway.provider is not None
    gateway.provider.video = video_bytes(container_format="matroska")
    before = count(Signing.UNSUITABLE)
    assert await made(gateway, account) == gateway.provider.video
    assert count(Signing.UNSUITABLE) == before + 1


async def test_where_a_mark_is_required_a_video_without_one_is_not_charged(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, content_credentials="required") as gateway:
        account = await gateway.account(CREDITS)
        assert gateway.provider is not None
        assert (await read(tmp_path, await made(gateway, account))).state is CredentialsState.INTACT
        charged = CREDITS - await gateway.available_credits(account)
        gateway.provider.video = video_bytes(container_format="matroska")
        task = await until_end(gateway, await gateway.created(account), step_s=5)
        assert (task.state, task.failure_code) == (State.FAILED, FailureCode.STORAGE_FAILED)
        assert await gateway.available_credits(account) == CREDITS - charged


async def test_switched_off_it_makes_no_certificate_and_changes_nothing(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, content_credentials="off") as gateway:
        account = await gateway.account(CREDITS)
        assert gateway.provider is not None
        assert await made(gateway, account) == gateway.provider.video
        assert not (gateway.settings.data_dir / AUTHORITY_NAME).exists()


async def test_the_engines_videos_say_whether_a_picture_of_the_callers_is_in_them(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, scripted=False, content_credentials="on", animatic_slots=1) as gateway:
        account = await gateway.account(CREDITS)
        plain = {"model": "kling-3-0", "prompt": "Dunes", "params": {"duration": "3"}}
        found = await read(tmp_path, await made(gateway, account, **plain))
        assert found.source_type == found.xmp_source_type == DigitalSourceType.ALGORITHMIC.uri

        answer = await gateway.http.post(
            "/api/v1/files",
            data={"kind": "image"},
            files={"file": ("a.png", image_bytes("PNG", (640, 360)), "image/png")},
            headers=account.headers,
        )
        file = answer.json()
        item = {"url": file["url"], "kind": "image", "name": file["name"], "mimeType": file["mime_type"]}
        with_image = plain | {"params": {"duration": "3", "referenceMediaItems": [item]}}
        found = await read(tmp_path, await made(gateway, account, **with_image))
        assert found.source_type == found.xmp_source_type == DigitalSourceType.COMPOSITE.uri


async def test_a_task_is_charged_as_ever(gateway: TestGateway, account: Account) -> None:
    task = await until_end(gateway, await gateway.created(account))
    await assert_charged(gateway, account, task.id, of=CREDITS)
