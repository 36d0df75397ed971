"""References that are fetched: what goes wrong ends the task with its reason, and nothing private is ever reached.

C26, C27, sections 1.5 and 7.3, and the reference URLs under "Bad input" of the issue.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest

from contract.rivya.wire import KLING_3, TURBO, credits_of, item, post, status_of, task_of, uploaded, with_items
from net.servers import Names, Server
from reelway.wiring import Parts
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes
from support.picture_host import PNG, PRIVATE, picture_host
from support.staging import provider_of

pytestmark = pytest.mark.anyio

FETCHED = "A reference file could not be fetched: {}."
TOO_LARGE = "A reference file is larger than 10 MB."
UNSUPPORTED = "A reference file has an unsupported format or pixel size."


@dataclass
class World:
    """A gateway whose references come from one server, and all that the server and the resolver were asked."""

    gateway: TestGateway
    server: Server
    names: Names
    owner: Account

    async def outcome(self, *urls: str, model: str = TURBO) -> tuple[str, str | None, str | None]:
        """Wire status, the failure header and the message of a task with these references. Create answers 202."""
        before = await credits_of(self.gateway, self.owner)
        items = [item(url=url) for url in urls]
        task = task_of(await post(self.gateway, self.owner, with_items(*items, model=model)), 202)
        answer = await self.gateway.ended(self.owner, task["id"])
        ended = task_of(answer)
        is_charged = ended["status"] == "succeeded"
        spent = before - await credits_of(self.gateway, self.owner)
        assert spent == (ended["reserved_credits"] if is_charged else 0)
        message = None if ended["error"] is None else ended["error"]["message"]
        return ended["status"], answer.headers.get("X-Reelway-Failure"), message


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    async with AsyncExitStack() as stack:
        host = await stack.enter_async_context(picture_host())
        folder = tmp_path_factory.mktemp("references")
        gateway = await stack.enter_async_context(running_gateway(folder, parts=Parts(guard=host.guard)))
        yield World(gateway, host.server, host.names, await gateway.account(10**9))
        assert not await gateway.core.store.unbalanced_accounts()


@pytest.mark.parametrize("path", ["/start.png", "/start.jpg", "/start.webp", "/lying.gif", "/once", "/1"])
@pytest.mark.parametrize("model", [TURBO, KLING_3])
async def test_7_3_an_image_is_judged_by_its_bytes_and_up_to_three_redirects_are_followed(
    world: World, path: str, model: str
) -> None:
    assert await world.outcome(world.server.url(path), model=model) == ("succeeded", None, None)


@pytest.mark.parametrize(
    ("path", "failure", "message"),
    [
        ("/missing", "invalid_reference", FETCHED.format("HTTP 404")),
        ("/error", "invalid_reference", FETCHED.format("HTTP 500")),
        ("/gone", "invalid_reference", FETCHED.format("HTTP 410")),
        ("/large.png", "reference_too_large", TOO_LARGE),
        ("/endless.png", "reference_too_large", TOO_LARGE),
        ("/moving.gif", "reference_unsupported", UNSUPPORTED),
        ("/page", "reference_unsupported", UNSUPPORTED),
        ("/film.mp4", "reference_unsupported", UNSUPPORTED),
        ("/huge.png", "reference_unsupported", UNSUPPORTED),
        ("/cut.jpg", "reference_unsupported", UNSUPPORTED),
    ],
)
async def test_c26_a_reference_that_cannot_be_used_fails_the_task_and_the_header_tells_why(
    world: World, path: str, failure: str, message: str
) -> None:
    assert await world.outcome(world.server.url(path)) == ("failed", failure, message)


async def test_c26_a_bad_last_frame_fails_the_task_as_a_bad_start_frame_does(world: World) -> None:
    good, bad = world.server.url("/start.png"), world.server.url("/missing")
    expected = ("failed", "invalid_reference", FETCHED.format("HTTP 404"))
    assert await world.outcome(good, bad) == expected
    assert await world.outcome(bad, good) == expected
    assert (await world.outcome(good, good))[0] == "succeeded"


@pytest.mark.parametrize("path", ["/empty", "/0", "/round", "/to-nothing"])
async def test_c26_an_empty_file_or_too_many_redirects_fail_the_task(world: World, path: str) -> None:
    status, failure, message = await world.outcome(world.server.url(path))
    assert (status, failure) == ("failed", "invalid_reference")
    assert message is not None
    assert message.startswith("A reference file could not be fetched: ")


PRIVATE_HOSTS = [
    PRIVATE,
    "mixed.example.com",
    "mixed-first.example.com",
    "loopback.example.com",
    "loopback6.example.com",
    "linklocal.example.com",
    "cgnat.example.com",
    "mapped.example.com",
    "unique.example.com",
    "zero.example.com",
    "multicast.example.com",
    "none.example.com",
]


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
async def test_c27_a_host_with_any_private_address_fails_the_task_without_a_connection(world: World, host: str) -> None:
    connections = world.server.connections
    status, failure, message = await world.outcome(world.server.url("/start.png", host))
    assert (status, failure) == ("failed", "invalid_reference")
    assert host in world.names.asked
    assert world.server.connections == connections
    assert message is not None
    for inner in ("10.0.0.5", "127.0.0.", "169.254", "fd00", host):  # 8.3: no internal addresses
        assert inner not in message


@pytest.mark.parametrize("path", ["/to-metadata", "/to-loopback", "/to-http", "/to-private-name", "/to-file"])
async def test_c27_a_redirect_to_a_place_that_is_not_public_is_not_followed(world: World, path: str) -> None:
    asked = len(world.server.requests)
    status, failure, message = await world.outcome(world.server.url(path))
    assert (status, failure) == ("failed", "invalid_reference")
    assert len(world.server.requests) == asked + 1
    assert message is not None
    for inner in ("169.254", "127.0.0.1", "meta-data", "passwd", PRIVATE, str(world.server.port)):
        assert inner not in message


async def test_c27_a_name_is_judged_again_at_every_connection(world: World) -> None:
    """The name leads to a good address at the first look and to a private one at the second."""
    url = world.server.url("/closing.png", "rebind.example.com")
    assert (await world.outcome(url))[0] == "succeeded"
    connections = world.server.connections
    status, failure, _ = await world.outcome(url)
    assert (status, failure) == ("failed", "invalid_reference")
    assert world.server.connections == connections


async def test_7_3_our_own_file_is_used_without_going_through_the_network(world: World) -> None:
    own = await uploaded(world.gateway, world.owner, PNG)
    asked, connections = len(world.names.asked), world.server.connections
    assert (await world.outcome(own["url"]))[0] == "succeeded"
    assert (len(world.names.asked), world.server.connections) == (asked, connections)
    order = provider_of(world.gateway).orders[-1]
    assert [prepared.object_name for prepared in order.inputs] == [f"files/{own['id']}"]


async def test_c23_the_images_reach_the_provider_as_start_and_last_frame(world: World) -> None:
    first, last = image_bytes("PNG", (32, 24)), image_bytes("PNG", (48, 80))
    start = await uploaded(world.gateway, world.owner, first)
    end = await uploaded(world.gateway, world.owner, last)
    assert (await world.outcome(start["url"], end["url"]))[0] == "succeeded"
    order = provider_of(world.gateway).orders[-1]
    assert [(prepared.width, prepared.height) for prepared in order.inputs] == [(32, 24), (48, 80)]
    assert (await world.outcome(start["url"]))[0] == "succeeded"
    assert len(provider_of(world.gateway).orders[-1].inputs) == 1


async def test_c26_nothing_is_downloaded_at_create_or_for_a_quote(world: World) -> None:
    provider_of(world.gateway).free_slots = 0
    try:
        requests = len(world.server.requests)
        task = task_of(await post(world.gateway, world.owner, with_items(item(url=world.server.url("/missing")))), 202)
        quote = await post(
            world.gateway,
            world.owner,
            with_items(item(url=world.server.url("/missing"))),
            "/api/v1/generations/quote",
        )
        assert quote.json()["valid"] is True
        assert len(world.server.requests) == requests
        assert task_of(await status_of(world.gateway, world.owner, task["id"]))["status"] == "queued"
    finally:
        provider_of(world.gateway).free_slots = 10_000
    assert task_of(await world.gateway.ended(world.owner, task["id"]))["status"] == "failed"
