"""Every adapter in front of a second Reelway that serves its dialect: what goes in, what comes out, and the money."""

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest

from providers.between import Line, line_to
from providers.front import OPTIONS, configured, ended, front_of, running, until
from providers.second import Second, second_reelway
from reelway.domain.decide import US
from reelway.domain.ids import TaskId
from reelway.domain.sandbox import FAILURES
from reelway.domain.task import FailureCode, State
from support.gateway import Account, TestGateway
from support.media import image_bytes
from worker.lives import money_of

pytestmark = pytest.mark.anyio

CREDITS = 10_000
MODEL = "kling-3-0"
QUICK = {"mode": "std", "duration": "3", "aspect_ratio": "1:1"}
PRICE = 90
PNG = image_bytes("PNG", (640, 480))
JPEG = image_bytes("JPEG", (640, 480), (20, 120, 220))
in_thread = anyio.to_thread.run_sync


@dataclass
class World:
    """The gateway under test, the line to its provider, and the provider."""

    gateway: TestGateway
    line: Line
    second: Second
    account: Account
    name: str

    async def created(self, prompt: str, **params: Any) -> TaskId:
        return await self.gateway.created(self.account, model=MODEL, prompt=prompt, params=QUICK | params)

    async def uploaded(self, image: bytes) -> dict[str, str]:
        form = {"kind": (None, "image"), "file": ("image", image)}
        answer = await self.gateway.http.post("/api/v1/files", files=form, headers=self.account.headers)
        assert answer.status_code == 201, answer.text
        return {"url": answer.json()["url"], "kind": "image"}

    async def result(self, task_id: TaskId) -> bytes:
        answer = await self.gateway.http.get(f"/v1/videos/{task_id}/content", headers=self.account.headers)
        assert answer.status_code == 200, answer.text
        return answer.content

    async def jobs_for(self, prompt: str) -> int:
        return (await in_thread(self.second.prompts)).count(prompt)

    async def shown(self, task_id: TaskId) -> str:
        """All that the caller is shown of a task."""
        answer = await self.gateway.http.get(f"/api/v1/generations/{task_id}", headers=self.account.headers)
        return answer.text + str(dict(answer.headers))


@pytest.fixture(params=OPTIONS)
async def world(request: pytest.FixtureRequest, tmp_path: Path, second: Second) -> AsyncIterator[World]:
    name = request.param
    kind, options = OPTIONS[name]
    async with (
        line_to(second.port) as line,
        front_of(tmp_path, configured(tmp_path, kind, line.url, *options), content_credentials="on") as gateway,
    ):
        yield World(gateway, line, second, await gateway.account(CREDITS), name)


async def assert_released(world: World, task_id: TaskId) -> None:
    money = await money_of(world.gateway, world.account, task_id)
    assert (money.kinds, money.available, money.pending) == (["release", "reserve"], CREDITS, 0)


# --- videos -----------------------------------------------------------------------------------------------------------


async def test_a_video_made_from_text_comes_through_byte_for_byte(world: World) -> None:
    task_id = await world.created(f"A red fox walks through deep snow, by {world.name}")
    task = await ended(world.gateway, task_id)
    assert (task.state, task.provider, task.failure_reason) == (State.SUCCEEDED, "upstream", None)
    assert task.job_id is not None
    made, got = await in_thread(world.second.video, task.job_id), await world.result(task_id)
    assert hashlib.sha256(got).hexdigest() == hashlib.sha256(made).hexdigest()
    assert (await in_thread(world.second.task, task.job_id))["model"] == MODEL
    money = await money_of(world.gateway, world.account, task_id)
    assert money.kinds == ["reserve", "settle"]


@pytest.mark.parametrize("images", [[PNG], [PNG, JPEG]], ids=["start frame", "start and last frame"])
async def test_a_video_made_from_images_comes_through_byte_for_byte(world: World, images: list[bytes]) -> None:
    if world.name == "apixo":
        return await assert_an_image_without_an_address_is_refused(world)
    items = [await world.uploaded(image) for image in images]
    task_id = await world.created(f"The bottle opens, {len(images)} by {world.name}", referenceMediaItems=items)
    task = await ended(world.gateway, task_id)
    assert (task.state, task.failure_reason) == (State.SUCCEEDED, None)
    assert task.job_id is not None
    made, got = await in_thread(world.second.video, task.job_id), await world.result(task_id)
    assert hashlib.sha256(got).hexdigest() == hashlib.sha256(made).hexdigest()
    return None


async def assert_an_image_without_an_address_is_refused(world: World) -> None:
    """This provider fetches images itself, and a gateway on plain http cannot be reached by it."""
    task_id = await world.created("The bottle opens", referenceMediaItems=[await world.uploaded(PNG)])
    task = await ended(world.gateway, task_id)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.PROVIDER_REJECTED)
    assert "public https address" in await world.shown(task_id)
    assert world.line.posts == []
    await assert_released(world, task_id)


# --- failures ---------------------------------------------------------------------------------------------------------

_TOLD_AS = {
    FailureCode.STORAGE_FAILED: FailureCode.GENERATION_FAILED,
    FailureCode.INTERNAL_ERROR: FailureCode.GENERATION_FAILED,
}


async def test_each_failure_of_a_job_is_one_of_the_task_and_releases_the_hold(world: World) -> None:
    made = {name: await world.created(f"A still lake [[reelway: fail={name}]]") for name in FAILURES}
    for name, task_id in made.items():
        task = await ended(world.gateway, task_id)
        expected = _TOLD_AS.get(FAILURES[name], FAILURES[name])
        assert (name, task.state, task.failure_code) == (name, State.FAILED, expected)
        shown = await world.shown(task_id)
        assert task.job_id is not None
        for secret in (task.job_id, "upstream", "127.0.0.1:" + str(world.second.port), world.line.url):
            assert secret not in shown
    found = await world.gateway.core.store.account(world.account.id)
    assert found is not None
    assert (found.balance.available_credits, found.balance.pending_credits) == (CREDITS, 0)


async def test_a_job_that_is_gone_at_the_provider_fails_after_a_while(world: World) -> None:
    task_id = await world.created("A still lake [[reelway: hang]]")
    task = await running(world.gateway, task_id)
    assert task.job_id is not None
    assert (await in_thread(world.second.http.delete, f"/v1/videos/{task.job_id}")).status_code == 200
    gone_at_us = world.gateway.clock.now_us()
    task = await ended(world.gateway, task_id, step_s=2.0)
    assert (task.state, task.failure_code) == (State.FAILED, FailureCode.GENERATION_FAILED)
    assert task.final_at_us is not None
    assert task.final_at_us - gone_at_us > 60 * US
    await assert_released(world, task_id)


async def test_a_wrong_key_is_no_fault_of_the_request_and_says_nothing_to_the_caller(
    tmp_path: Path, second: Second
) -> None:
    for name, (kind, options) in OPTIONS.items():
        folder = tmp_path / kind / name
        folder.mkdir(parents=True)
        config = configured(folder, kind, second.url, *options)
        async with front_of(folder, config, key="rw_sk_wrong_key_0123456789", task_deadline_seconds=20) as gateway:
            world = World(gateway, Line(0), second, await gateway.account(CREDITS), name)
            task_id = await world.created("A still lake")
            task = await ended(gateway, task_id)  # it waits for somebody to put the key right
            assert (task.state, task.failure_code) == (State.EXPIRED, FailureCode.TIMEOUT)
            assert task.attempt == 1
            await assert_released(world, task_id)
            shown = await world.shown(task_id)
            assert "rw_sk" not in shown
            assert "upstream" not in shown


async def test_a_provider_that_is_not_there_made_no_job_for_certain(tmp_path: Path, second: Second) -> None:
    for name, (kind, options) in OPTIONS.items():
        folder = tmp_path / name
        folder.mkdir()
        config = configured(folder, kind, "http://127.0.0.1:1", *options)
        async with front_of(folder, config, submit_tries_max=3) as gateway:
            world = World(gateway, Line(0), second, await gateway.account(CREDITS), name)
            task_id = await world.created("A still lake")
            task = await ended(gateway, task_id)
            assert (task.failure_code, task.attempt) == (FailureCode.PROVIDER_UNAVAILABLE, 3)
            await assert_released(world, task_id)


# --- cancel -----------------------------------------------------------------------------------------------------------


async def test_a_cancel_stops_the_job_where_the_dialect_can(world: World) -> None:
    task_id = await world.created("A still lake [[reelway: hang]]")
    task = await running(world.gateway, task_id)
    assert task.job_id is not None
    path = f"/api/v1/generations/{task_id}/cancel"
    answer = await world.gateway.http.post(path, headers=world.account.headers)
    if world.name == "apixo":
        assert answer.json()["error"]["code"] == "generation_not_cancellable"
        await in_thread(world.second.cancel, task.job_id)  # so that nothing is left behind
        assert (await ended(world.gateway, task_id)).failure_code is FailureCode.GENERATION_FAILED
        return
    assert answer.status_code == 200, answer.text
    task = await ended(world.gateway, task_id)
    assert task.state is State.CANCELLED
    await assert_released(world, task_id)
    if world.name == "rivya":
        assert task.job_id is not None
        assert (await in_thread(world.second.task, task.job_id))["state"] == "cancelled"
    else:
        assert (await in_thread(world.second.http.get, f"/v1/videos/{task.job_id}")).status_code == 404


# --- lost answers -----------------------------------------------------------------------------------------------------


async def test_a_lost_answer_is_found_again_and_there_is_one_job(world: World) -> None:
    world.line.losing, world.line.loses = 1, "enerat" if world.name != "rivya" else "generations"
    if "openai" in world.name:
        world.line.loses = "videos"
    prompt = f"A still lake by {world.name} [[reelway: fail=GENERATION_FAILED]]"
    task_id = await world.created(prompt)
    task = await ended(world.gateway, task_id)
    assert (task.failure_code, task.attempt) == (FailureCode.GENERATION_FAILED, 1)
    assert world.line.losing == 0
    assert await world.jobs_for(prompt) == 1


async def test_a_lost_answer_to_a_submit_with_an_image_is_found_again(world: World) -> None:
    if world.name == "apixo":
        return
    world.line.losing, world.line.loses = 1, "videos" if "openai" in world.name else "generations"
    prompt = f"The bottle opens by {world.name} [[reelway: fail=CONTENT_VIOLATION]]"
    task_id = await world.created(prompt, referenceMediaItems=[await world.uploaded(PNG)])
    task = await ended(world.gateway, task_id)
    assert (task.failure_code, task.attempt) == (FailureCode.CONTENT_REJECTED, 1)
    assert await world.jobs_for(prompt) == 1


@pytest.mark.parametrize("kind", ["apixo", "openai_videos"])
async def test_without_idempotency_a_lost_answer_stays_unknown_and_is_not_repeated(
    tmp_path: Path, second: Second, kind: str
) -> None:
    name, options = ("apixo", []) if kind == "apixo" else ("openai multipart", OPTIONS["openai multipart"][1][1:])
    async with (
        line_to(second.port) as line,
        front_of(
            tmp_path,
            configured(tmp_path, kind, line.url, *options, "unknown_window_seconds = 5"),
            unknown_window_seconds=5,
            backoff_max_seconds=1,
        ) as gateway,
    ):
        world = World(gateway, line, second, await gateway.account(CREDITS), name)
        line.losing, line.loses = 1, "v1"
        prompt = f"A still lake, once by {kind} [[reelway: hang]]"
        task_id = await world.created(prompt)
        await until(gateway, task_id, lambda task: task.state is State.SUBMITTING and task.tries > 1)
        money = await money_of(gateway, world.account, task_id)
        assert (money.kinds, money.pending) == (["reserve"], PRICE)
        task = await ended(gateway, task_id)
        assert (task.state, task.failure_code) == (State.FAILED, FailureCode.PROVIDER_UNAVAILABLE)
        await assert_released(world, task_id)
        assert len(line.posts) == 1
        assert await world.jobs_for(prompt) == 1
        (job,) = await in_thread(second.newest, 1)
        await in_thread(second.cancel, job["id"])


async def test_a_rivya_service_without_idempotency_is_asked_for_its_list(tmp_path: Path, second: Second) -> None:
    async with (
        line_to(second.port) as line,
        front_of(tmp_path, configured(tmp_path, "rivya", line.url)) as gateway,
    ):
        world = World(gateway, line, second, await gateway.account(CREDITS), "rivya")
        line.losing, line.loses = 1, "generations"
        prompt = "A still lake, listed [[reelway: fail=GENERATION_FAILED]]"
        task = await ended(gateway, await world.created(prompt))
        assert (task.failure_code, task.attempt) == (FailureCode.GENERATION_FAILED, 1)
        assert (len(line.posts), await world.jobs_for(prompt)) == (1, 1)


# --- throttling -------------------------------------------------------------------------------------------------------


async def test_a_provider_whose_slots_are_taken_is_waited_for(tmp_path: Path) -> None:
    with second_reelway(tmp_path / "second", REELWAY_UNFINISHED_TASKS_MAX="1") as second:
        for name, (kind, options) in OPTIONS.items():
            folder = tmp_path / name
            folder.mkdir()
            in_the_way = await in_thread(second.hang)
            async with (
                line_to(second.port) as line,
                front_of(folder, configured(folder, kind, line.url, *options)) as gateway,
            ):
                world = World(gateway, line, second, await gateway.account(CREDITS), name)
                task_id = await world.created("A still lake [[reelway: fail=GENERATION_FAILED]]")
                await until(gateway, task_id, lambda _: len(line.posts) >= 2, step_s=0.5)
                task = await gateway.task(task_id)
                assert (task.state in (State.QUEUED, State.SUBMITTING), task.attempt <= 1) == (True, True)
                await in_thread(second.cancel, in_the_way)
                task = await ended(gateway, task_id, step_s=0.5)
                assert (task.failure_code, task.attempt) == (FailureCode.GENERATION_FAILED, 1)
