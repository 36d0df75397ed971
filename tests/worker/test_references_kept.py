"""Fetched references are kept while their task may need them, and go when it ends, however it ends."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from net.servers import HOST, Names, answer, open_guard, serving
from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.task import FailureCode, State
from reelway.wiring import Parts
from support.gateway import running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer
from worker.lives import cancel, settled, until_end, until_state, work_files
from worker.references import CREDITS, PNG, World

pytestmark = pytest.mark.anyio

ENDS: dict[str, outcomes.SubmitOutcome | outcomes.PollOutcome] = {
    "success": outcomes.Finished(),
    "failed job": outcomes.JobFailed(FailureCode.GENERATION_FAILED, ""),
    "refused": outcomes.Refused(FailureCode.CONTENT_REJECTED, ""),
}


@pytest.mark.parametrize("end", ENDS)
async def test_fetched_references_go_when_the_task_ends(world: World, end: str) -> None:
    outcome = ENDS[end]
    if isinstance(outcome, outcomes.Refused):
        world.provider.submits.append(outcome)
    else:
        world.provider.default_poll = outcome  # type: ignore[assignment]
    await until_end(world.gateway, await world.created(world.server.url("/a.png"), world.server.url("/b.jpg")))
    await world.gateway.until(lambda: world.objects() == [])


async def test_a_good_reference_goes_when_the_other_one_is_bad(world: World) -> None:
    task_id = await world.created(world.server.url("/a.png"), world.server.url("/none.png"))
    assert (await until_end(world.gateway, task_id)).failure_code is FailureCode.INVALID_REFERENCE
    await world.gateway.until(lambda: world.objects() == [])


async def queued_with_inputs(world: World, orders: int = 1) -> Any:
    """A task back in the queue after a vain submit, with its references kept."""
    world.provider.submits.append(outcomes.Throttled(600.0))
    task_id = await world.created(world.server.url("/a.png"))
    await world.gateway.until(lambda: len(world.provider.orders) == orders)
    await settled(world.gateway)
    task = await until_state(world.gateway, task_id, State.QUEUED, step_s=0)
    assert task.inputs is not None
    assert len(world.objects()) == 1
    return task_id


async def test_fetched_references_go_when_a_queued_task_is_cancelled(world: World) -> None:
    task_id = await queued_with_inputs(world)
    assert (await cancel(world.gateway, world.account, task_id)).status_code == 200
    await world.gateway.until(lambda: world.objects() == [])


async def test_fetched_references_go_when_a_queued_task_expires(world: World) -> None:
    world.provider.free_slots = 10
    task_id = await queued_with_inputs(world)
    world.provider.free_slots = 0
    world.gateway.clock.advance(3_700)
    assert (await until_end(world.gateway, task_id)).state is State.EXPIRED
    await world.gateway.until(lambda: world.objects() == [])


async def test_fetched_references_go_when_the_provider_stays_away(world: World) -> None:
    world.provider.default_submit = outcomes.Unavailable("down")
    task = await until_end(world.gateway, await world.created(world.server.url("/a.png")))
    assert task.failure_code is FailureCode.PROVIDER_UNAVAILABLE
    await world.gateway.until(lambda: world.objects() == [])


async def test_references_that_were_fetched_after_a_cancel_go_as_well(world: World) -> None:
    """The caller cancelled while they were on their way; whoever cancelled could not delete them yet."""
    asked, opened = asyncio.Event(), asyncio.Event()

    async def slow(_reader: Any, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await opened.wait()
        writer.write(answer(PNG))
        await writer.drain()

    world.server.answers["/slow.png"] = slow
    task_id = await world.created(world.server.url("/a.png"), world.server.url("/slow.png"))
    await asked.wait()
    assert len(world.objects()) == 1
    assert (await cancel(world.gateway, world.account, task_id)).status_code == 200
    opened.set()
    await world.gateway.until(lambda: len(world.server.requests) == 2 and work_files(world.folder) == [])
    await world.gateway.until(lambda: world.objects() == [])


async def test_references_that_a_crash_left_are_swept_away_and_those_of_a_waiting_task_are_not(tmp_path: Path) -> None:
    provider = ScriptedProvider(scripted_offer(load_catalog()), video_bytes())
    parts = Parts(guard=open_guard(Names().set(HOST, ["127.0.0.1"])))
    async with serving({"/a.png": answer(PNG)}) as server:
        async with running_gateway(tmp_path, scripted=provider, parts=parts) as gateway:
            world = World(gateway, server, Names(), tmp_path, await gateway.account(CREDITS))
            ended = await gateway.created(world.account)
            await until_end(gateway, ended)
            waiting = await queued_with_inputs(world, orders=2)
        for name in (ended, "task_01ARZ3NDEKTSV4RRFFQ69G5FAV"):
            folder = tmp_path / "data" / "objects" / "inputs" / name
            folder.mkdir(parents=True)
            (folder / "0").write_bytes(PNG)
        async with running_gateway(tmp_path, scripted=provider, parts=parts) as gateway:
            await gateway.until(lambda: world.objects() == [f"inputs/{waiting}/0"])
            assert (await gateway.task(waiting)).state is State.QUEUED
