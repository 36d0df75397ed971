"""Reference media: fetched through the guard before the submit, judged by their bytes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from net.servers import HOST, Names, answer, redirect
from reelway.domain import outcomes
from reelway.domain.generation import Role
from reelway.domain.task import FailureCode, PreparedReference, State
from reelway.net.guard import Guard
from reelway.net.media import MediaFacts, MediaLimits, MediaProblem, inspect
from reelway.providers.base import Order
from reelway.wiring import Parts
from reelway.worker import prepare
from support.gateway import running_gateway
from support.media import image_bytes, noise_png, video_bytes
from unit.test_broken_cards import CARD
from worker.lives import assert_released, objects_under, settled, until_end, work_files
from worker.references import CREDITS, PNG, World

pytestmark = pytest.mark.anyio

# --- good ones --------------------------------------------------------------------------------------------------------


async def test_references_are_there_for_the_provider_start_frame_first(world: World) -> None:
    seen: list[list[str]] = []

    async def look(_order: Order) -> None:
        seen.append(await asyncio.to_thread(world.objects))

    world.provider.before_submit = look
    task_id = await world.created(world.server.url("/a.png"), world.server.url("/b.jpg"))
    task = await until_end(world.gateway, task_id)
    assert task.state is State.SUCCEEDED
    assert world.provider.orders[0].inputs == (
        PreparedReference(f"inputs/{task_id}/0", "image/png", 640, 480),
        PreparedReference(f"inputs/{task_id}/1", "image/jpeg", 320, 240, Role.LAST_FRAME),
    )
    assert seen == [[f"inputs/{task_id}/0", f"inputs/{task_id}/1"]]


async def test_what_is_handed_to_the_provider_is_what_was_fetched(world: World) -> None:
    kept: list[bytes] = []

    async def look(order: Order) -> None:
        path = world.folder / "data" / "objects" / order.inputs[0].object_name
        kept.append(await asyncio.to_thread(path.read_bytes))

    world.provider.before_submit = look
    await until_end(world.gateway, await world.created(world.server.url("/a.png")))
    assert kept == [PNG]


async def test_a_reference_is_fetched_once_however_often_the_task_is_submitted(world: World) -> None:
    world.provider.submits += [outcomes.Unavailable("down"), outcomes.Throttled(0.01)]
    task = await until_end(world.gateway, await world.created(world.server.url("/a.png")))
    assert (task.state, len(world.provider.orders), len(world.server.requests)) == (State.SUCCEEDED, 3, 1)
    assert {order.inputs for order in world.provider.orders} == {world.provider.orders[0].inputs}


async def test_a_server_that_stumbles_is_asked_again(world: World) -> None:
    turns = iter([answer(b"", "503 Service Unavailable"), answer(PNG)])

    async def stumble(_reader: Any, writer: asyncio.StreamWriter) -> None:
        writer.write(next(turns))
        await writer.drain()

    world.server.answers["/c.png"] = stumble
    task = await until_end(world.gateway, await world.created(world.server.url("/c.png")))
    assert (task.state, len(world.server.requests)) == (State.SUCCEEDED, 2)


async def test_an_uploaded_file_is_used_where_it_lies_and_stays_there(world: World) -> None:
    form = {"kind": (None, "image"), "file": ("start.png", PNG)}
    uploaded = await world.gateway.http.post("/api/v1/files", files=form, headers=world.account.headers)
    assert uploaded.status_code == 201, uploaded.text
    task = await until_end(world.gateway, await world.created(uploaded.json()["url"]))
    assert task.state is State.SUCCEEDED
    name = f"files/{uploaded.json()['id']}"
    assert world.provider.orders[0].inputs == (PreparedReference(name, "image/png", 640, 480),)
    assert world.server.connections == 0, "our own address is not reached over the network"
    await settled(world.gateway)
    assert objects_under(world.folder, "files") == [name]


async def test_an_uploaded_file_that_ended_meanwhile_ends_the_task(world: World) -> None:
    form = {"kind": (None, "image"), "file": ("start.png", PNG)}
    uploaded = await world.gateway.http.post("/api/v1/files", files=form, headers=world.account.headers)
    world.gateway.clock.advance(7 * 86_400 - 60)
    world.provider.free_slots = 0
    task_id = await world.created(uploaded.json()["url"])
    world.gateway.clock.advance(120)
    world.provider.free_slots = 1
    task = await until_end(world.gateway, task_id)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.INVALID_REFERENCE)
    await assert_released(world.gateway, world.account, task_id, CREDITS)


# --- bad ones ---------------------------------------------------------------------------------------------------------

BIG = noise_png(11 * 1024 * 1024)


async def _endless(_reader: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\n\r\n" + PNG)
    for _ in range(1_000):
        writer.write(b"x" * 65_536)
        await writer.drain()


async def _broken_off(_reader: Any, writer: asyncio.StreamWriter) -> None:
    writer.write(answer(PNG, length=len(PNG) * 2))
    await writer.drain()


BAD: dict[str, tuple[bytes | Callable[..., Awaitable[None]], FailureCode, str | None]] = {
    "missing": (answer(b"", "404 Not Found"), FailureCode.INVALID_REFERENCE, "HTTP 404"),
    "forbidden": (answer(b"", "403 Forbidden"), FailureCode.INVALID_REFERENCE, "HTTP 403"),
    "broken for good": (answer(b"", "500 Oops"), FailureCode.INVALID_REFERENCE, "HTTP 500"),
    "empty": (answer(b""), FailureCode.INVALID_REFERENCE, None),
    "broken off": (_broken_off, FailureCode.INVALID_REFERENCE, None),
    "too large, as announced": (answer(BIG), FailureCode.REFERENCE_TOO_LARGE, None),
    "too large, as it comes": (_endless, FailureCode.REFERENCE_TOO_LARGE, None),
    "a page": (answer(b"<html>hello</html>", Content_Type="image/png"), FailureCode.REFERENCE_UNSUPPORTED, None),
    "a GIF": (answer(image_bytes("GIF")), FailureCode.REFERENCE_UNSUPPORTED, None),
    "a video": (answer(video_bytes(), Content_Type="image/png"), FailureCode.REFERENCE_UNSUPPORTED, None),
    "cut off": (answer(PNG[: len(PNG) // 2]), FailureCode.REFERENCE_UNSUPPORTED, None),
    "to a private address": (redirect("https://10.0.0.1/a.png"), FailureCode.INVALID_REFERENCE, None),
    "to the cloud's own": (redirect("http://169.254.169.254/latest"), FailureCode.INVALID_REFERENCE, None),
    "to plain http": (redirect(f"http://{HOST}/a.png"), FailureCode.INVALID_REFERENCE, None),
    "round and round": (redirect("/x"), FailureCode.INVALID_REFERENCE, None),
}


@pytest.mark.parametrize("fault", BAD)
async def test_a_reference_that_cannot_be_used_ends_the_task_with_its_reason(world: World, fault: str) -> None:
    world.server.answers["/x"], code, reason = BAD[fault]  # type: ignore[assignment]
    task_id = await world.created(world.server.url("/x"))
    answered = await world.gateway.ended(world.account, task_id)
    assert (answered.json()["status"], answered.headers["x-reelway-failure"]) == ("failed", code)
    assert answered.json()["error"]["code"] == "generation_failed"
    if reason is not None:
        assert answered.json()["error"]["message"] == f"A reference file could not be fetched: {reason}."
    assert (world.provider.orders, world.provider.jobs) == ([], {})
    await assert_released(world.gateway, world.account, task_id, CREDITS)
    assert work_files(world.folder) == []
    assert world.objects() == []


@pytest.mark.parametrize(
    "addresses", [["10.0.0.7"], ["93.184.216.34", "127.0.0.1"], ["::1"], ["169.254.169.254"], ["::ffff:10.0.0.1"]]
)
async def test_a_host_with_any_address_that_is_not_public_is_never_connected_to(
    tmp_path: Path, addresses: list[str]
) -> None:
    names = Names().set("inside.example.com", addresses)
    async with running_gateway(tmp_path, parts=Parts(guard=Guard(resolve=names))) as gateway:
        account = await gateway.account(CREDITS)
        items = [{"url": "https://inside.example.com/a.png", "kind": "image"}]
        task_id = await gateway.created(account, params={"referenceMediaItems": items})
        answered = await gateway.ended(account, task_id)
        assert answered.headers["x-reelway-failure"] == "invalid_reference"
        message = answered.json()["error"]["message"]
        assert not any(address in message for address in addresses), "no internal address is told"
        await assert_released(gateway, account, task_id, CREDITS)
        assert names.asked


async def test_a_host_that_is_not_there_ends_the_task(world: World) -> None:
    world.names.answers["gone.example.com"] = [[]]
    task_id = await world.created("https://gone.example.com/a.png")
    answered = await world.gateway.ended(world.account, task_id)
    assert answered.headers["x-reelway-failure"] == "invalid_reference"


async def test_a_storage_that_is_away_is_waited_for(world: World) -> None:
    blockage = world.folder / "data" / "objects" / "inputs"
    blockage.write_text("in the way")
    task_id = await world.created(world.server.url("/a.png"))
    await world.gateway.until(lambda: len(world.server.requests) >= 1)
    await settled(world.gateway)
    assert (await world.gateway.task(task_id)).state is State.QUEUED
    blockage.unlink()
    assert (await until_end(world.gateway, task_id, step_s=1)).state is State.SUCCEEDED


@pytest.mark.parametrize(
    ("image", "code"),
    [
        (image_bytes("JPEG", (32, 24)), FailureCode.REFERENCE_UNSUPPORTED),
        (noise_png(2_000), FailureCode.REFERENCE_TOO_LARGE),
        (image_bytes("PNG", (32, 24)), None),
    ],
)
async def test_an_uploaded_file_must_fit_the_model_that_it_is_used_for(
    tmp_path: Path, image: bytes, code: FailureCode | None
) -> None:
    """A file may be uploaded without a model, under the widest rule of all; this card takes small PNGs only."""
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "my-model.toml").write_text(CARD)
    async with running_gateway(tmp_path, catalog_dir=tmp_path / "cards") as gateway:
        account = await gateway.account(CREDITS)
        form = {"kind": (None, "image"), "file": ("start", image)}
        uploaded = await gateway.http.post("/api/v1/files", files=form, headers=account.headers)
        assert uploaded.status_code == 201, uploaded.text
        items = [{"url": uploaded.json()["url"], "kind": "image"}]
        task_id = await gateway.created(account, model="my-model", params={"referenceMediaItems": items})
        assert (await until_end(gateway, task_id)).failure_code is code


LARGE_PNG = image_bytes("PNG", (6_000, 6_000))
"""Takes a tenth of a second and more to decode: no child is done with it before a deadline that has passed."""


def impatient(world: World, deadline_s: float) -> None:
    """Give whoever looks at media only so long."""
    worker = world.gateway.gateway._worker
    assert worker is not None
    for owner in (world.gateway.core, worker._around, worker._advancer._around):
        object.__setattr__(owner, "media_limits", replace(world.gateway.core.media_limits, deadline_s=deadline_s))


async def test_a_file_that_could_not_be_looked_at_is_not_blamed(world: World) -> None:
    """The process that looks may die of another's memory or of a busy machine: the same file is good a moment later."""
    patient_s = world.gateway.core.media_limits.deadline_s
    impatient(world, 0.001)
    world.server.answers["/a.png"] = answer(LARGE_PNG)
    form = {"kind": (None, "image"), "file": ("start.png", LARGE_PNG)}
    uploaded = await world.gateway.http.post("/api/v1/files", files=form, headers=world.account.headers)
    assert (uploaded.status_code, uploaded.json()["error"]["code"]) == (503, "service_unavailable")
    task_id = await world.created(world.server.url("/a.png"))
    await world.gateway.until(lambda: len(world.server.requests) >= 1)
    await settled(world.gateway)
    assert (await world.gateway.task(task_id)).state is State.QUEUED
    impatient(world, patient_s)
    assert (await until_end(world.gateway, task_id)).state is State.SUCCEEDED


async def test_a_file_that_can_never_be_looked_at_ends_the_task_as_our_fault(world: World) -> None:
    impatient(world, 0.001)
    world.server.answers["/a.png"] = answer(LARGE_PNG)
    task = await until_end(world.gateway, await world.created(world.server.url("/a.png")), step_s=5)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.INTERNAL_ERROR)
    assert world.provider.orders == []
    assert work_files(world.folder) == []


async def test_what_is_no_image_is_not_even_decoded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A video that is small to send and long to decode would hold up others."""
    looked_at: list[Path] = []

    async def look(path: Path, _limits: MediaLimits) -> MediaProblem:
        looked_at.append(path)
        return MediaProblem.PROBE_FAILED

    monkeypatch.setattr(prepare, "inspect", look)
    world.server.answers["/a.png"] = answer(video_bytes())
    task = await until_end(world.gateway, await world.created(world.server.url("/a.png")))
    assert (task.failure_code, looked_at) == (FailureCode.REFERENCE_UNSUPPORTED, [])


async def test_references_that_are_looked_at_for_long_hold_up_no_result(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, waiting = asyncio.Event(), asyncio.Semaphore(0)

    async def look(path: Path, limits: MediaLimits) -> MediaFacts | MediaProblem:
        waiting.release()
        await opened.wait()
        return await inspect(path, limits)

    monkeypatch.setattr(prepare, "inspect", look)
    held_up = [await world.created(world.server.url("/a.png")) for _ in range(8)]
    await waiting.acquire()
    world.provider.is_checked, world.provider.video = False, video_bytes(seconds=5)
    plain = await until_end(world.gateway, await world.gateway.created(world.account))
    assert plain.state is State.SUCCEEDED
    opened.set()
    for task_id in held_up:
        assert (await until_end(world.gateway, task_id)).state is State.SUCCEEDED


async def test_a_deadline_that_passes_while_references_are_prepared_makes_no_job(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, reached = asyncio.Event(), asyncio.Event()

    async def look(path: Path, limits: MediaLimits) -> MediaFacts | MediaProblem:
        reached.set()
        await opened.wait()
        return await inspect(path, limits)

    monkeypatch.setattr(prepare, "inspect", look)
    task_id = await world.created(world.server.url("/a.png"))
    await reached.wait()
    world.gateway.clock.advance(world.gateway.core.settings.task_deadline_seconds + 1)
    opened.set()
    task = await until_end(world.gateway, task_id)
    assert (task.state, world.provider.orders, world.provider.jobs) == (State.EXPIRED, [], {})
    await assert_released(world.gateway, world.account, task_id, CREDITS)
    await world.gateway.until(lambda: world.objects() == [])
