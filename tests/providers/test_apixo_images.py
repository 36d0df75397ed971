"""Images for a provider that takes addresses only: it fetches them from us, or from where the caller has them."""

import contextlib
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio.to_thread
import httpx
import pytest

from net.servers import HOST, Names, Server, answer, authority_file, open_guard, server_tls, serving
from providers.between import Line, line_to
from providers.front import OPTIONS, configured, ended, front_of
from providers.second import Second, second_reelway
from reelway.domain.ids import TaskId
from reelway.domain.task import State
from support.gateway import Account, TestGateway
from support.media import image_bytes

pytestmark = pytest.mark.anyio

GATEWAY_HOST = "gateway.example.com"
PNG = image_bytes("PNG", (640, 480))
JPEG = image_bytes("JPEG", (640, 480), (20, 120, 220))
in_thread = anyio.to_thread.run_sync


class World:
    """A gateway that the world sees as https, its provider, and a server on the internet with images."""

    def __init__(self, gateway: TestGateway, front: Line, second: Second, images: Server, account: Account) -> None:
        self.gateway, self.second, self.images, self.account = gateway, second, images, account
        # TLS ends before the gateway; the tests themselves speak to it directly.
        self.http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{front.far_port}", headers=account.headers, timeout=60, trust_env=False
        )

    async def created(self, *urls: str) -> TaskId:
        items = [{"url": url, "kind": "image"} for url in urls]
        body = {
            "model": "kling-3-0",
            "prompt": f"The bottle opens, {len(urls)}",
            "params": {"mode": "std", "duration": "3", "referenceMediaItems": items},
        }
        created = await self.http.post("/api/v1/generations", json=body)
        assert created.status_code == 202, created.text
        return TaskId(created.json()["id"])

    async def uploaded(self, image: bytes) -> str:
        form = {"kind": (None, "image"), "file": ("image", image)}
        made = await self.http.post("/api/v1/files", files=form)
        assert made.status_code == 201, made.text
        url: str = made.json()["url"]
        return url


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    authority = authority_file(tmp_path / "authority.pem")
    names = Names().set(HOST, ["127.0.0.1"]).set(GATEWAY_HOST, ["127.0.0.1"])
    async with contextlib.AsyncExitStack() as stack:
        images = await stack.enter_async_context(serving({"/a.png": answer(PNG)}))
        second = stack.enter_context(second_reelway(tmp_path / "second", authority=authority))
        front = await stack.enter_async_context(line_to(0, server_tls(GATEWAY_HOST)))
        kind, options = OPTIONS["apixo"]
        config = configured(tmp_path, kind, second.url, *options)
        public_url = f"https://{GATEWAY_HOST}:{front.port}"
        gateway = await stack.enter_async_context(front_of(tmp_path, config, open_guard(names), public_url=public_url))
        assert gateway.gateway._socket is not None
        front.far_port = gateway.gateway._socket.getsockname()[1]
        world = World(gateway, front, second, images, await gateway.account())
        yield await stack.enter_async_context(_closing(world))


@contextlib.asynccontextmanager
async def _closing(world: World) -> AsyncIterator[World]:
    async with world.http:
        yield world


async def assert_came_through(world: World, task_id: TaskId) -> None:
    task = await ended(world.gateway, task_id)
    assert (task.state, task.failure_code, task.failure_reason) == (State.SUCCEEDED, None, None)
    assert task.job_id is not None
    made: Any = await in_thread(world.second.video, task.job_id)
    got = await world.http.get(f"/v1/videos/{task_id}/content")
    assert hashlib.sha256(got.content).hexdigest() == hashlib.sha256(made).hexdigest()


async def test_an_uploaded_image_is_fetched_from_our_own_signed_address(world: World) -> None:
    await assert_came_through(world, await world.created(await world.uploaded(PNG)))


async def test_a_start_frame_of_the_caller_and_an_uploaded_last_frame_go_together(world: World) -> None:
    task_id = await world.created(world.images.url("/a.png"), await world.uploaded(JPEG))
    await assert_came_through(world, task_id)
    assert len(world.images.requests) == 2  # by us, to check it, and by the provider
