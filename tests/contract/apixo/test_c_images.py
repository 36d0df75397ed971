"""Images that are fetched for the APIXO dialect: statements 28 to 30 of its contract."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from contract.apixo.conformance import created, ended, state_of, with_images
from contract.rivya.wire import credits_of
from reelway.wiring import Parts
from support.gateway import Account, TestGateway, running_gateway
from support.picture_host import PRIVATE, PictureHost, picture_host

pytestmark = pytest.mark.anyio

CREDITS = 10**9


@dataclass
class World:
    gateway: TestGateway
    host: PictureHost
    owner: Account

    async def outcome(self, *urls: str) -> tuple[str, str | None, str]:
        """State, code and message of a task with these images, whose create answered 200. A failure costs nothing."""
        before = await credits_of(self.gateway, self.owner)
        task_id = await created(self.gateway, self.owner, with_images(*urls))
        data = state_of(await ended(self.gateway, self.owner, task_id))
        if data["state"] == "failed":
            assert await credits_of(self.gateway, self.owner) == before
        return data["state"], data.get("failCode"), data.get("failMsg", "")


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(picture_host())
        folder = tmp_path_factory.mktemp("images")
        gateway = await stack.enter_async_context(
            running_gateway(folder, parts=Parts(guard=host.guard), reference_seconds_max=1)
        )
        yield World(gateway, host, await gateway.account(CREDITS))
        assert not await gateway.core.store.unbalanced_accounts()


@pytest.mark.parametrize("path", ["/missing", "/silent"])
async def test_c28_an_image_that_answers_404_or_not_at_all_cannot_be_accessed(world: World, path: str) -> None:
    for urls in ([world.host.url(path)], [world.host.url("/wide.png"), world.host.url(path)]):
        state, code, message = await world.outcome(*urls)
        assert (state, code) == ("failed", "INVALID_IMAGE_URL")
        assert message.startswith("Cannot access image URL: ")


async def test_c29_an_image_of_11_mb_is_too_large(world: World) -> None:
    expected = ("failed", "IMAGE_TOO_LARGE", "Image is larger than 10 MB")
    assert await world.outcome(world.host.url("/large.png")) == expected


async def test_c29_a_gif_is_no_supported_format(world: World) -> None:
    expected = ("failed", "UNSUPPORTED_FORMAT", "Image must be JPEG, PNG or WebP")
    for path in ("/moving.gif", "/page", "/film.mp4"):
        assert await world.outcome(world.host.url(path)) == expected


@pytest.mark.parametrize("path", ["/start.png", "/start.jpg", "/start.webp", "/lying.gif"])
async def test_6_2_an_image_is_judged_by_its_bytes(world: World, path: str) -> None:
    assert (await world.outcome(world.host.url(path)))[0] == "success"


@pytest.mark.parametrize("name", [PRIVATE, "mixed.example.com", "loopback.example.com", "mapped.example.com"])
async def test_c30_a_host_with_a_private_address_is_not_connected_to(world: World, name: str) -> None:
    connections = world.host.server.connections
    state, code, message = await world.outcome(world.host.url("/start.png", name))
    assert (state, code) == ("failed", "INVALID_IMAGE_URL")
    assert world.host.server.connections == connections
    assert name in world.host.names.asked
    for inner in ("10.0.0.5", "127.0.0.", name):
        assert inner not in message
