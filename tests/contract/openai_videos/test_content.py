"""Content: the video's bytes and the pictures made of it, with real files. Section 11."""

import asyncio
import hashlib
import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from contract.openai_videos.wire import (
    VIDEOS,
    created,
    delete,
    error_of,
    finished,
    get,
    in_state,
    until_state,
)
from reelway.catalog import load_catalog
from reelway.domain.ids import TaskId
from reelway.domain.task import State, result_object
from reelway.gateway import content as content_module
from reelway.net.media_derive import make_picture
from reelway.net.objects import Objects
from support.gateway import Account, TestGateway, running_gateway
from support.media import facts_of
from support.provider import ScriptedProvider, scripted_offer

pytestmark = pytest.mark.anyio

DAY_S = 86_400


def moving_video(size: tuple[int, int] = (1280, 720), seconds: int = 3, gop: int = 12) -> bytes:
    """A video whose grey grows with its time: from dark at its start to bright at its end."""
    buffer = io.BytesIO()
    count = 24 * seconds
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24, options={"g": str(gop), "bf": "2"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(count):
            pixels = np.full((size[1], size[0], 3), round(240 * number / (count - 1)), dtype=np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return buffer.getvalue()


def provider_with(video: bytes) -> ScriptedProvider:
    return ScriptedProvider(scripted_offer(load_catalog()), video, facts=facts_of(video))


@pytest.fixture(scope="module")
async def moving(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A gateway whose videos are three seconds of 1280 x 720, and one of them."""
    folder: Path = tmp_path_factory.mktemp("moving")
    async with running_gateway(folder, scripted=provider_with(moving_video())) as gateway:
        owner = await gateway.account()
        yield gateway, owner, await finished(gateway, owner)


async def content(
    gateway: TestGateway, account: Account, video_id: str, variant: str | None = None, **headers: str
) -> Any:
    query = {} if variant is None else {"variant": variant}
    return await gateway.http.get(f"{VIDEOS}/{video_id}/content", params=query, headers=account.headers | headers)


def grey_of(picture: Image.Image, box: tuple[int, int, int, int] | None = None) -> float:
    return float(np.asarray(picture.convert("L").crop(box)).mean())


async def test_11_the_video_comes_as_it_was_kept(moving: Any) -> None:
    gateway, owner, video_id = moving
    answer = await content(gateway, owner, video_id, Accept="application/binary")
    assert answer.status_code == 200
    assert answer.content[4:8] == b"ftyp"
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{video_id}.mp4"'
    assert answer.headers["X-Reelway-State"] == "succeeded"
    assert answer.headers["X-Request-Id"]
    assert answer.headers["RateLimit-Limit"]
    assert answer.content == (await content(gateway, owner, video_id, "video")).content


async def test_11_a_range_is_sent_alone(moving: Any) -> None:
    gateway, owner, video_id = moving
    for variant in ("video", "thumbnail"):
        whole = (await content(gateway, owner, video_id, variant)).content
        part = await content(gateway, owner, video_id, variant, Range="bytes=0-99")
        assert (part.status_code, part.content) == (206, whole[:100])
        assert part.headers["Content-Range"] == f"bytes 0-99/{len(whole)}"
        bad = await content(gateway, owner, video_id, variant, Range=f"bytes={len(whole)}-")
        assert (bad.status_code, bad.content) == (416, b"")
        head = await gateway.http.head(
            f"{VIDEOS}/{video_id}/content", params={"variant": variant}, headers=owner.headers
        )
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["Content-Length"] == str(len(whole))


async def test_11_the_thumbnail_is_the_middle_frame_at_most_640_wide(moving: Any) -> None:
    gateway, owner, video_id = moving
    answer = await content(gateway, owner, video_id, "thumbnail")
    assert answer.headers["Content-Type"] == "image/webp"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{video_id}.webp"'
    assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    picture = Image.open(io.BytesIO(answer.content))
    assert (picture.format, picture.size) == ("WEBP", (640, 360))
    assert abs(grey_of(picture) - 120) < 10


async def test_11_the_spritesheet_has_twelve_frames_in_the_order_of_time(moving: Any) -> None:
    gateway, owner, video_id = moving
    answer = await content(gateway, owner, video_id, "spritesheet")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{video_id}.jpg"'
    assert answer.headers["ETag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
    sheet = Image.open(io.BytesIO(answer.content))
    assert (sheet.format, sheet.size) == ("JPEG", (1280, 540))
    greys = []
    for number in range(12):
        row, column = divmod(number, 4)
        greys.append(grey_of(sheet, (320 * column, 180 * row, 320 * (column + 1), 180 * (row + 1))))
    steps = np.diff(greys)
    assert all(abs(step - 20) < 6 for step in steps), greys
    assert abs(greys[0] - 10) < 10


async def test_11_a_picture_is_made_once_and_kept(moving: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where many ask at the same time."""
    gateway, owner, _ = moving
    video_id = await finished(gateway, owner)
    made = []

    async def counted(*arguments: Any) -> Any:
        made.append(arguments[0])
        return await make_picture(*arguments)

    monkeypatch.setattr(content_module, "make_picture", counted)
    answers = await asyncio.gather(
        *(content(gateway, owner, video_id, variant) for variant in ("thumbnail", "spritesheet") * 6)
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 2
    assert sorted(made) == ["spritesheet", "thumbnail"]
    kept = await gateway.core.objects.head(result_object(video_id, "thumbnail.webp"))
    assert kept.size_bytes == len(answers[0].content)
    folder = gateway.settings.data_dir / content_module.PICTURES_FOLDER
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("size", [(64, 48), (720, 1280), (1080, 1080)])
async def test_11_pictures_follow_the_videos_form(tmp_path: Path, size: tuple[int, int]) -> None:
    async with running_gateway(tmp_path, scripted=provider_with(moving_video(size, seconds=1, gop=250))) as gateway:
        owner = await gateway.account()
        video_id = await finished(gateway, owner)
        thumbnail = Image.open(io.BytesIO((await content(gateway, owner, video_id, "thumbnail")).content))
        width = min(640, size[0])
        assert thumbnail.size == (width, round(size[1] * width / size[0]))
        sheet = Image.open(io.BytesIO((await content(gateway, owner, video_id, "spritesheet")).content))
        assert sheet.size == (1280, 3 * round(size[1] * 320 / size[0]))


@pytest.mark.parametrize("variant", ["gif", "", "Video"])
async def test_11_an_unknown_variant_is_refused(moving: Any, variant: str) -> None:
    gateway, owner, video_id = moving
    assert error_of(await content(gateway, owner, video_id, variant)) == (400, "invalid_value", "variant")


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
async def test_11_a_video_that_is_not_completed_has_no_content(
    stage: TestGateway, owner: Account, state: State, told: Any
) -> None:
    video_id = await in_state(stage, owner, state)
    for variant in ("video", "thumbnail", "spritesheet"):
        assert error_of(await content(stage, owner, video_id, variant)) == told


async def test_11_after_15_days_the_content_has_expired(stage: TestGateway, owner: Account) -> None:
    video_id = await finished(stage, owner)
    assert (await content(stage, owner, video_id, "thumbnail")).status_code == 200
    stage.clock.advance(15 * DAY_S - 60)
    assert (await content(stage, owner, video_id)).status_code == 200
    stage.clock.advance(60)
    for variant in ("video", "thumbnail", "spritesheet"):
        assert error_of(await content(stage, owner, video_id, variant)) == (410, "video_expired", None)
    folder = stage.core.objects.local_path(f"results/{video_id}")
    assert folder is not None
    await stage.until(lambda: not any(folder.glob("*")))


async def test_11_a_video_that_is_gone_from_the_storage_has_expired(stage: TestGateway, owner: Account) -> None:
    video_id = await finished(stage, owner)
    await stage.core.objects.delete((result_object(video_id, "video.mp4"),))
    for variant in ("video", "thumbnail", "spritesheet"):
        assert error_of(await content(stage, owner, video_id, variant)) == (410, "video_expired", None)


async def test_11_a_video_that_cannot_be_decoded_is_told_and_leaves_nothing(stage: TestGateway, owner: Account) -> None:
    video_id = await finished(stage, owner)
    path = stage.core.objects.local_path(result_object(video_id, "video.mp4"))
    assert path is not None
    path.write_bytes(b"\0" * 5_000)
    answer = await content(stage, owner, video_id, "thumbnail")
    assert error_of(answer) == (503, "service_unavailable", None)
    assert list((stage.settings.data_dir / content_module.PICTURES_FOLDER).iterdir()) == []
    assert not path.with_name("thumbnail.webp").exists()


async def test_11_a_picture_made_while_its_video_is_deleted_is_not_kept(
    stage: TestGateway, owner: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    video_id = await finished(stage, owner)
    decoding, goes_on = asyncio.Event(), asyncio.Event()

    async def held(*arguments: Any) -> Any:
        facts = await make_picture(*arguments)
        decoding.set()
        await goes_on.wait()
        return facts

    monkeypatch.setattr(content_module, "make_picture", held)
    asked = asyncio.create_task(content(stage, owner, video_id, "thumbnail"))
    await decoding.wait()
    assert (await delete(stage, owner, video_id)).status_code == 200
    goes_on.set()
    assert error_of(await asked) == (404, "video_not_found", None)
    folder = stage.core.objects.local_path(f"results/{video_id}")
    assert folder is not None
    assert not any(folder.glob("*"))


async def test_11_pictures_of_a_video_in_a_remote_storage_are_made_from_a_copy(moving: Any) -> None:
    """The storage in memory has no folder, as S3 has none."""
    gateway, owner, _ = moving
    video_id = await finished(gateway, owner)
    name = result_object(video_id, "video.mp4")
    folder, remote = gateway.core.objects, Objects("memory:///")
    await remote.put_file(name, folder.local_path(name), "video/mp4")
    expected = [(await content(gateway, owner, video_id, variant)).content for variant in ("thumbnail", "spritesheet")]
    gateway.core.objects = remote
    try:
        for variant, whole in zip(("thumbnail", "spritesheet"), expected, strict=True):
            for _ in range(2):
                assert (await content(gateway, owner, video_id, variant)).content == whole
        assert (await remote.head(result_object(video_id, "thumbnail.webp"))).size_bytes == len(expected[0])
        assert list((gateway.settings.data_dir / content_module.PICTURES_FOLDER).iterdir()) == []
    finally:
        gateway.core.objects = folder


async def test_11_a_video_made_in_another_dialect_has_content_too(moving: Any) -> None:
    gateway, owner, _ = moving
    task_id = await gateway.created(owner)
    await until_state(gateway, task_id, State.SUCCEEDED)
    assert (await content(gateway, owner, task_id)).content[4:8] == b"ftyp"


async def test_11_another_accounts_content_is_not_found(moving: Any) -> None:
    gateway, _, video_id = moving
    stranger = await gateway.account()
    assert error_of(await get(gateway, stranger, f"/{video_id}/content")) == (404, "video_not_found", None)
    assert TaskId(video_id) != await created(gateway, stranger)
