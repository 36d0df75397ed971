"""Images of the Kling dialect: statements 38 to 43 of its contract."""

import base64
import struct
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from contract.kling.conformance import (
    IMAGE,
    IMAGE_URL,
    TAIL_URL,
    assert_refused,
    created,
    data_of,
    ended,
    generation,
    ignored,
    image_body,
    post,
    task_of,
)
from contract.rivya.wire import credits_of, uploaded
from reelway.domain.generation import Role
from reelway.wiring import Parts
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes
from support.picture_host import PRIVATE, PictureHost, picture_host
from support.staging import provider_of

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
CAMERA = {"camera_control": {"type": "down_back"}}


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def png(width: int, height: int) -> str:
    return encoded(image_bytes("PNG", (width, height)))


GOOD = png(640, 360)


def png_of_size(size_bytes: int) -> bytes:
    """A sound PNG of exactly so many bytes: a chunk that every reader passes over fills it. Source: PNG, 5.3."""
    raw = image_bytes("PNG", (640, 360))
    end = raw.rindex(b"IEND") - 4
    body = b"fiLl" + bytes(size_bytes - len(raw) - 12)
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    found = raw[:end] + chunk + raw[end:]
    assert len(found) == size_bytes
    return found


async def test_c38_image2video_needs_an_image(shared: TestGateway, account: Account) -> None:
    for absent in (..., None, ""):
        await assert_refused(shared, account, image_body(image=absent), "image", path=IMAGE)
    cases: list[tuple[dict[str, Any], tuple[bool, bool]]] = [
        ({}, (True, False)),
        ({"image_tail": TAIL_URL}, (True, True)),
        ({"image": ..., "image_tail": TAIL_URL}, (False, True)),
    ]
    for more, expected in cases:
        made = await generation(shared, await created(shared, account, image_body(**more), IMAGE))
        assert (made.start_frame is not None, made.last_frame is not None) == expected


async def test_c38_the_frames_reach_the_provider_as_first_and_last(stage: TestGateway, owner: Account) -> None:
    tail = png(360, 640)
    task_id = await created(stage, owner, image_body(image=GOOD, image_tail=tail), IMAGE)
    assert task_of(await ended(stage, owner, task_id, IMAGE))["task_status"] == "succeed"
    inputs = provider_of(stage).orders[-1].inputs
    assert [(item.role, item.width, item.height) for item in inputs] == [
        (Role.START_FRAME, 640, 360),
        (Role.LAST_FRAME, 360, 640),
    ]


def masks(count: int = 1, points: int = 2, mask: str = GOOD) -> dict[str, Any]:
    path = [{"x": n, "y": n + 1} for n in range(points)]
    return {"dynamic_masks": [{"mask": mask, "trajectories": path}] * count}


async def test_c39_a_last_frame_masks_and_a_camera_exclude_each_other(shared: TestGateway, account: Account) -> None:
    for more in (
        {"image_tail": TAIL_URL, **CAMERA},
        {"image_tail": TAIL_URL, "static_mask": GOOD},
        {"image_tail": TAIL_URL, **masks()},
        {"static_mask": GOOD, **CAMERA},
        {**masks(), **CAMERA},
    ):
        await assert_refused(shared, account, image_body(**more), "image_tail", path=IMAGE)
    for more in (CAMERA, {"static_mask": GOOD}, masks(), {"static_mask": GOOD, **masks(6, 77)}):
        data_of(await post(shared, account, image_body(image=GOOD, **more), IMAGE))


async def test_8_masks_and_elements_have_their_limits(shared: TestGateway, account: Account) -> None:
    faulty: list[tuple[dict[str, Any], str]] = [
        (masks(7), "dynamic_masks"),
        (masks(0), "dynamic_masks"),
        (masks(1, 1), "trajectories"),
        (masks(1, 78), "trajectories"),
        ({"dynamic_masks": [{"mask": GOOD, "trajectories": [{"x": 1.5, "y": 2}] * 2}]}, "trajectories"),
        ({"element_list": [{"element_id": n} for n in range(4)]}, "element_list"),
        ({"element_list": "x"}, "element_list"),
        ({"prompt": "A cat<<<element_1>>>"}, "element_1"),
        ({"prompt": "A cat<<<element_2>>>", "element_list": [{"element_id": 7}]}, "element_2"),
        ({"prompt": "As in<<<image_2>>>"}, "image_2"),
        ({"prompt": "As in<<<video_1>>>"}, "video_1"),
        ({"image": ..., "image_tail": GOOD, "static_mask": GOOD}, "image"),
    ]
    for more, word in faulty:
        await assert_refused(shared, account, image_body(**more), word, path=IMAGE)
    data_of(await post(shared, account, image_body(prompt="As in<<<image_1>>>"), IMAGE))
    body = image_body(prompt="A cat<<<element_2>>>", element_list=[{"element_id": 7}, {"element_id": "8"}])
    assert (await generation(shared, await created(shared, account, body, IMAGE))).elements == ("7", "8")


BAD_IMAGES: dict[str, Any] = {
    "data": f"data:image/png;base64,{GOOD}",
    "http": "http://cdn.example.com/start.png",
    "private": "https://127.0.0.1/start.png",
    "local": "https://localhost/start.png",
    "gif": encoded(image_bytes("GIF", (640, 360))),
    "webp": encoded(image_bytes("WEBP", (640, 360))),
    "small": png(200, 200),
    "narrow": png(299, 640),
    "wide": png(3000, 1000),
    "tall": png(400, 1001),
    "text": encoded(b"not an image at all" * 100),
    "cut": encoded(image_bytes("PNG", (640, 360))[:200]),
    "no base64": "!!!not base64!!!",
    "number": 5,
    "object": {"url": IMAGE_URL},
}


@pytest.mark.parametrize("name", BAD_IMAGES)
async def test_c40_an_image_that_breaks_a_rule_is_refused(shared: TestGateway, account: Account, name: str) -> None:
    await assert_refused(shared, account, image_body(image=BAD_IMAGES[name]), "image", path=IMAGE)
    if name not in ("wide", "tall"):  # the ratio counts for `image` alone
        await assert_refused(shared, account, image_body(image_tail=BAD_IMAGES[name]), "image_tail", path=IMAGE)


async def test_c41_raw_base64_of_a_sound_image_passes(shared: TestGateway, account: Account) -> None:
    jpeg = encoded(image_bytes("JPEG", (640, 360)))
    for image in (GOOD, jpeg, png(300, 300), png(750, 300), png(300, 750), encoded(png_of_size(10 * MB))):
        task_id = await created(shared, account, image_body(image=image), IMAGE)
        assert task_of(await ended(shared, account, task_id, IMAGE))["task_status"] == "succeed"
    message_of = "10 MB"
    over = encoded(png_of_size(10 * MB + 1))
    fresh = await shared.account()
    await assert_refused(shared, fresh, image_body(image=over), "image", message_of, path=IMAGE)
    await assert_refused(shared, fresh, image_body(image_tail=over), "image_tail", message_of, path=IMAGE)


async def test_8_our_own_file_is_an_image_too(stage: TestGateway, owner: Account) -> None:
    file = await uploaded(stage, owner, image_bytes("PNG", (640, 360)))
    task_id = await created(stage, owner, image_body(image=file["url"]), IMAGE)
    assert task_of(await ended(stage, owner, task_id, IMAGE))["task_status"] == "succeed"


@dataclass
class World:
    gateway: TestGateway
    host: PictureHost
    owner: Account

    async def outcome(self, **images: str) -> dict[str, Any]:
        """The task, whose create answered 200, when it has ended; one that failed has cost nothing."""
        before = await credits_of(self.gateway, self.owner)
        task_id = await created(self.gateway, self.owner, image_body(**images), IMAGE)
        task = task_of(await ended(self.gateway, self.owner, task_id, IMAGE))
        if task["task_status"] == "failed":
            assert await credits_of(self.gateway, self.owner) == before
        return task


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(picture_host())
        folder = tmp_path_factory.mktemp("images")
        gateway = await stack.enter_async_context(running_gateway(folder, parts=Parts(guard=host.guard)))
        yield World(gateway, host, await gateway.account(10**9))
        assert not await gateway.core.store.unbalanced_accounts()


async def test_c42_an_image_url_that_answers_404_ends_the_task_with_a_message(world: World) -> None:
    missing, sound = world.host.url("/missing"), world.host.url("/wide.png")
    for images in ({"image": missing}, {"image": sound, "image_tail": missing}):
        task = await world.outcome(**images)
        assert task["task_status"] == "failed"
        assert task["task_status_msg"].startswith("The input image could not be downloaded: ")
    assert (await world.outcome(image=sound))["task_status"] == "succeed"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/large.png", "The input image is larger than 10 MB"),
        ("/moving.gif", "The format, resolution or aspect ratio of the input image is invalid"),
        ("/start.webp", "The format, resolution or aspect ratio of the input image is invalid"),
        ("/start.png", "The format, resolution or aspect ratio of the input image is invalid"),
    ],
)
async def test_8_a_fetched_image_keeps_the_same_rules(world: World, path: str, message: str) -> None:
    task = await world.outcome(image=world.host.url(path))
    assert (task["task_status"], task["task_status_msg"]) == ("failed", message)


async def test_1_4_a_host_with_a_private_address_is_not_connected_to(world: World) -> None:
    connections = world.host.server.connections
    task = await world.outcome(image=world.host.url("/wide.png", PRIVATE))
    assert task["task_status"] == "failed"
    assert world.host.server.connections == connections
    assert "10.0.0.5" not in task["task_status_msg"]


async def test_8_a_static_mask_has_the_ratio_of_the_image(world: World) -> None:
    task = await world.outcome(image=world.host.url("/wide.png"), static_mask=world.host.url("/tall.png"))
    assert task["task_status"] == "failed"
    task = await world.outcome(image=world.host.url("/wide.png"), static_mask=world.host.url("/wide.jpg"))
    assert task["task_status"] == "succeed"


async def test_c43_an_aspect_ratio_has_no_effect_in_image2video(shared: TestGateway, account: Account) -> None:
    for value in ("16:9", "9:16", "1:1"):
        answer = await post(shared, account, image_body(aspect_ratio=value), IMAGE)
        assert ignored(answer) == {"aspect_ratio"}
    assert ignored(await post(shared, account, image_body(), IMAGE)) == set()
