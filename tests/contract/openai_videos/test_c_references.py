"""Input images of the OpenAI Videos dialect: statements 18 to 25 of its contract."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest

from contract.openai_videos.conformance import (
    IMAGE_URL,
    KLING_3,
    PROMPT,
    body_of,
    created,
    data_url,
    ended,
    error_of,
    generation,
    post,
    post_form,
    video_of,
)
from contract.rivya.wire import credits_of, uploaded
from reelway.domain.generation import Reference, Role
from reelway.wiring import Parts
from support.exchange import task_count
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes, noise_png, video_bytes
from support.picture_host import PRIVATE, PictureHost, picture_host
from support.staging import provider_of

pytestmark = pytest.mark.anyio

MB = 1024 * 1024
PNG = image_bytes("PNG", (640, 360))
NAMES = ("input_reference", "last_frame")


async def sent(gateway: TestGateway, account: Account, raw: bytes, name: str = "input_reference") -> Any:
    """A create with a file part, whose own content type is not to be believed."""
    files: dict[str, Any] = {name: ("picture", raw, "application/octet-stream")}
    if name == "last_frame":
        files = {"input_reference": ("start.png", PNG, "image/png"), **files}
    return await post_form(gateway, account, {"prompt": PROMPT, "model": KLING_3}, **files)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_c18_an_image_file_becomes_the_start_frame(shared: TestGateway, account: Account, kind: str) -> None:
    answer = await sent(shared, account, image_bytes(kind, (640, 360)))
    video = video_of(answer)
    assert (await generation(shared, answer)).start_frame is not None
    assert video_of(await ended(shared, account, video["id"]))["status"] == "completed"


@pytest.mark.parametrize("name", NAMES)
async def test_c18_a_file_that_is_no_such_image_is_refused(shared: TestGateway, account: Account, name: str) -> None:
    for raw in (
        image_bytes("GIF"),
        video_bytes(),
        b"plain text",
        b"",
        PNG[:60],
        b"\x89PNG\r\n\x1a\n" + b"x" * 100,
    ):
        error_of(await sent(shared, account, raw, name), 400, "invalid_image", name)
    assert await task_count(shared, account) == 0


@pytest.mark.parametrize("name", NAMES)
async def test_c19_an_image_of_11_mb_is_too_large(shared: TestGateway, account: Account, name: str) -> None:
    error_of(await sent(shared, account, noise_png(11 * MB), name), 413, "file_too_large", name)
    assert await task_count(shared, account) == 0
    large = noise_png(9 * MB)
    assert len(large) <= 10 * MB
    video_of(await sent(shared, account, large, name))


async def test_c20_an_https_url_is_a_reference_in_a_form_and_in_json(shared: TestGateway, account: Account) -> None:
    form = {"prompt": PROMPT, "input_reference[image_url]": IMAGE_URL}
    answers = [
        await post_form(shared, account, form),
        await shared.http.post("/v1/videos", data=form, headers=account.headers),
        await post(shared, account, body_of(input_reference={"image_url": IMAGE_URL})),
    ]
    for answer in answers:
        assert (await generation(shared, answer)).start_frame == Reference(url=IMAGE_URL)


@pytest.mark.parametrize("name", NAMES)
async def test_c21_a_data_url_holds_an_image(shared: TestGateway, account: Account, name: str) -> None:
    def body(url: str) -> dict[str, Any]:
        start = {"input_reference": {"image_url": IMAGE_URL}}
        return body_of(**(start | {name: {"image_url": url}}))

    jpeg, webp = image_bytes("JPEG", (640, 360)), image_bytes("WEBP", (640, 360))
    for url in (data_url(PNG), data_url(jpeg, "image/jpeg"), data_url(webp, "image/webp")):
        made = await generation(shared, await post(shared, account, body(url)))
        frame = made.start_frame if name == "input_reference" else made.last_frame
        assert frame is not None
        assert frame.url != url
    fresh = await shared.account()
    for url in (
        "data:text/plain,hello",
        data_url(b"hello", "text/plain"),
        data_url(image_bytes("GIF"), "image/gif"),
        "data:image/png;base64,!!!",
        "data:image/png," + "x" * 20,
    ):
        answer = await post(shared, fresh, body(url))
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, name), url[:40]
    answer = await post(shared, fresh, body(data_url(image_bytes("GIF"))))
    error_of(answer, 400, "invalid_image", name)
    assert await task_count(shared, fresh) == 0


async def test_c22_an_uploaded_image_is_named_by_its_id(stage: TestGateway, owner: Account) -> None:
    file = await uploaded(stage, owner, PNG)
    for answer in (
        await post_form(stage, owner, {"prompt": PROMPT, "input_reference[file_id]": file["id"]}),
        await post(stage, owner, body_of(input_reference={"file_id": file["id"]})),
    ):
        assert video_of(await ended(stage, owner, video_of(answer)["id"]))["status"] == "completed"
        (prepared,) = provider_of(stage).orders[-1].inputs
        assert (prepared.role, prepared.width) == (Role.START_FRAME, 640)
    stranger = await stage.account()
    clip = await uploaded(stage, stranger, video_bytes(2, (320, 240)), "video")
    for file_id in (file["id"], clip["id"], "file_01KB2R8T4NQ6V0X3Z5A7C9E1G5", "x", ""):
        answer = await post(stage, stranger, body_of(input_reference={"file_id": file_id}))
        error_of(answer, 400, "file_not_found", "input_reference")
    assert await task_count(stage, stranger) == 0


async def test_c22_an_expired_file_is_not_found(stage: TestGateway, owner: Account) -> None:
    file = await uploaded(stage, owner, PNG)
    stage.clock.advance(8 * 86_400)
    answer = await post(stage, owner, body_of(input_reference={"file_id": file["id"]}))
    error_of(answer, 400, "file_not_found", "input_reference")


@pytest.mark.parametrize("name", NAMES)
async def test_c23_a_url_that_is_not_public_is_refused(shared: TestGateway, account: Account, name: str) -> None:
    for url in (
        "http://cdn.example.com/start.png",
        "https://127.0.0.1/",
        "https://localhost/x.png",
        "https://10.0.0.1/x.png",
        "https://u:p@cdn.example.com/x.png",
        "https://cdn.example.com/x.png#f",
        "ftp://cdn.example.com/x.png",
        "start.png",
        "",
    ):
        start = {"input_reference": {"image_url": IMAGE_URL}}
        answer = await post(shared, account, body_of(**(start | {name: {"image_url": url}})))
        error_of(answer, 400, "invalid_value", name)
    assert await task_count(shared, account) == 0


@dataclass
class World:
    gateway: TestGateway
    host: PictureHost
    owner: Account

    async def error(self, url: str) -> dict[str, Any]:
        """The error of a video with this image, whose create answered 200. It has cost nothing."""
        before = await credits_of(self.gateway, self.owner)
        video_id = await created(self.gateway, self.owner, body_of(input_reference={"image_url": url}))
        video = video_of(await ended(self.gateway, self.owner, video_id))
        assert video["status"] == "failed"
        assert await credits_of(self.gateway, self.owner) == before
        found: dict[str, Any] = video["error"]
        return found


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(picture_host())
        folder = tmp_path_factory.mktemp("images")
        gateway = await stack.enter_async_context(running_gateway(folder, parts=Parts(guard=host.guard)))
        yield World(gateway, host, await gateway.account(10**9))
        assert not await gateway.core.store.unbalanced_accounts()


async def test_c23_a_host_with_a_private_address_ends_the_video(world: World) -> None:
    connections = world.host.server.connections
    error = await world.error(world.host.url("/wide.png", PRIVATE))
    assert error["code"] == "invalid_input_reference"
    assert "10.0.0.5" not in error["message"]
    assert world.host.server.connections == connections


@pytest.mark.parametrize("path", ["/missing", "/large.png", "/moving.gif", "/film.mp4"])
async def test_7_3_a_download_that_fails_ends_the_video(world: World, path: str) -> None:
    assert (await world.error(world.host.url(path)))["code"] == "invalid_input_reference"


async def test_c24_a_url_and_a_file_id_together_are_refused(shared: TestGateway, account: Account) -> None:
    file = await uploaded(shared, account, PNG)
    both = {"image_url": IMAGE_URL, "file_id": file["id"]}
    for value in (both, {}, {"url": IMAGE_URL}, {"image_url": IMAGE_URL, "detail": "high"}):
        error_of(await post(shared, account, body_of(input_reference=value)), 400, "invalid_value", "input_reference")
    form = {"prompt": PROMPT, "input_reference[image_url]": IMAGE_URL, "input_reference[file_id]": file["id"]}
    error_of(await post_form(shared, account, form), 400, "invalid_value", "input_reference")
    assert await task_count(shared, account) == 0


async def test_c25_a_last_frame_needs_a_start_frame(stage: TestGateway, owner: Account) -> None:
    tail = image_bytes("PNG", (360, 640))
    answer = await sent(stage, owner, tail, "last_frame")
    video_of(await ended(stage, owner, video_of(answer)["id"]))
    inputs = provider_of(stage).orders[-1].inputs
    assert [(item.role, item.width) for item in inputs] == [(Role.START_FRAME, 640), (Role.LAST_FRAME, 360)]
    fresh = await stage.account()
    alone = body_of(last_frame={"image_url": IMAGE_URL})
    error_of(await post(stage, fresh, alone), 400, "invalid_value", "last_frame")
    frame = {"image_url": IMAGE_URL}
    several = body_of(model=KLING_3, input_reference=frame, last_frame=frame, multi_shots=True)
    error_of(await post(stage, fresh, several), 400, "invalid_value", "last_frame")
    assert await task_count(stage, fresh) == 0
