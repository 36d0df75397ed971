"""One call that tells of many jobs, where the provider lists them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio.to_thread
import pytest
from pydantic import SecretStr

from providers.kling_desk import CATALOG, desk, generation, order, prepared, storage
from providers.second import KEY, PATIENCE_S, Second
from reelway.clock import SystemClock
from reelway.domain import outcomes
from reelway.domain.ids import JobId, TaskId
from reelway.domain.outcomes import Cost
from reelway.domain.task import FailureCode
from reelway.net.guard import Guard
from reelway.providers.base import ListingProvider, Order, Provider
from reelway.providers.config import Credentials, ProviderConfig
from reelway.providers.kinds import remote_provider
from reelway.providers.kling import KlingProvider
from reelway.providers.remote import Surroundings
from support.kling_server import Drop, KlingServer, Raw, Refuse, kling_server
from support.waiting import came_true

pytestmark = pytest.mark.anyio

VIDEO = b"\x00\x00\x00\x18ftypmp42" + b"v" * 500
DIALECTS = {"official": (False, "native"), "relay, native": (True, "native"), "relay, task": (True, "task")}


@asynccontextmanager
async def kling_jobs(
    folder: Path, name: str, count: int, **fields: Any
) -> AsyncIterator[tuple[KlingServer, KlingProvider, dict[JobId, Order]]]:
    """A Kling with so many jobs of ours."""
    is_relay, replies = DIALECTS[name]
    given = {"prefix": "/kling" if is_relay else "", "replies": replies} | fields
    with kling_server(VIDEO, **given) as server:
        async with desk(server.url, folder, relay=is_relay, concurrency_max=100) as provider:
            yield server, provider, await submitted(provider, *(order() for _ in range(count)))


async def submitted(provider: KlingProvider, *wanted: Order) -> dict[JobId, Order]:
    orders = {}
    for number, one in enumerate(wanted):
        mine = replace(one, task_id=TaskId(f"task_{len(wanted)}_{number}"))
        accepted = await provider.submit(mine)
        assert isinstance(accepted, outcomes.Accepted)
        orders[accepted.job_id] = mine
    return orders


@pytest.mark.parametrize("name", DIALECTS)
async def test_one_list_tells_of_all_jobs_what_single_answers_would(name: str, tmp_path: Path) -> None:
    async with kling_jobs(tmp_path, name, 8) as (server, provider, orders):
        found = await provider.poll_many(list(orders), orders)
        assert set(found) == set(orders)
        assert all(isinstance(outcome, outcomes.InProgress) for outcome in found.values())
        next(iter(server.jobs.values())).failure = "risk control"
        found = await provider.poll_many(list(orders), orders)
        first, *others = (found[job_id] for job_id in orders)
        assert isinstance(first, outcomes.JobFailed)
        assert first.code is FailureCode.CONTENT_REJECTED
        cost = None if name == "relay, task" else Cost(350_000, "2.5")
        assert others == [outcomes.Finished(cost)] * 7
        assert (len(server.listed), len(server.requests)) == (2, 8 + 2)
        assert provider.free_slots == 100


async def test_what_is_not_due_and_what_is_not_ours_does_no_harm(tmp_path: Path) -> None:
    async with kling_jobs(tmp_path, "official", 8) as (_, provider, orders):
        foreign = list(orders)[7]
        del orders[foreign]
        found = await provider.poll_many(list(orders)[:5], orders)
        assert set(found) == set(orders)


async def test_each_product_is_listed_by_itself_and_a_few_jobs_are_left_to_single_questions(tmp_path: Path) -> None:
    async with kling_jobs(tmp_path, "official", 6) as (server, provider, texts):
        images = await submitted(provider, *(order(prepared("start")) for _ in range(7)))
        few = dict(list(images.items())[:3])
        assert set(await provider.poll_many([*texts, *few], texts | few)) == set(texts)
        assert set(await provider.poll_many([*texts, *images], texts | images)) == {*texts, *images}
        assert [request.path.rpartition("/")[2] for request in server.listed] == [
            "text2video",
            "text2video",
            "image2video",
        ]


FAULTS: dict[str, tuple[dict[str, Any], tuple[Any, ...]]] = {
    "no list": ({"lists": False}, ()),
    "throttled": ({}, (Refuse(1302),)),
    "no JSON": ({}, (Raw(b"<html>"),)),
    "no answer": ({}, (Drop(),)),
    "a fault there": ({}, (Refuse(5000),)),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_without_a_list_nothing_is_said_of_any_job_and_no_list_is_asked_for_a_while(
    name: str, tmp_path: Path
) -> None:
    fields, faults = FAULTS[name]
    async with kling_jobs(tmp_path, "official", 6, **fields) as (server, provider, orders):
        server.queries.extend(faults)
        assert provider.list_page_max == 500
        assert await provider.poll_many(list(orders), orders) == {}
        assert provider.list_page_max == 0


async def test_an_entry_can_say_that_there_is_no_list(tmp_path: Path) -> None:
    with kling_server(VIDEO) as server:
        async with desk(server.url, tmp_path, lists=False) as provider:
            assert provider.list_page_max == 0


# --- another Reelway --------------------------------------------------------------------------------------------------

KINDS = {"rivya": {}, "openai_videos": {"lists": True, "models": {"kling-3-0": "kling-3-0"}}, "kling_relay": {}}
FATES = {
    "[[reelway: hang]]": outcomes.InProgress,
    "[[reelway: fail=CONTENT_VIOLATION]]": outcomes.JobFailed,
}


def jobs_of(second: Second, kind: str) -> dict[JobId, tuple[Order, type]]:
    """Three jobs of each fate, each with what is to be heard of it."""
    found = {}
    for fate, expected in FATES.items():
        for number in range(3):
            prompt = f"{kind} {number} {fate}"
            answer = second.http.post("/api/v1/generations", json={"model": "kling-3-0", "prompt": prompt})
            assert answer.status_code == 202, answer.text
            job_id = JobId(answer.json()["id"])
            made = generation(model="kling-3-0", prompt=prompt)
            found[job_id] = (Order(TaskId(f"task_{len(found)}"), made, ()), expected)
    for job_id, (_, expected) in found.items():
        wanted = ("failed",) if expected is outcomes.JobFailed else ("processing", "queued")
        assert came_true(lambda job_id=job_id, wanted=wanted: second.task(job_id)["status"] in wanted, PATIENCE_S)  # type: ignore[misc]
    return found


@asynccontextmanager
async def adapter(second: Second, kind: str, folder: Path) -> AsyncIterator[Provider]:
    given = {"name": "second", "kind": kind, "base_url": second.url, "allow_private": True, "api_key_env": "KEY"}
    config = ProviderConfig.model_validate(given | KINDS[kind])
    config._credentials = Credentials(api_key=SecretStr(KEY))
    around = Surroundings(CATALOG, await storage(folder), SystemClock(), 10_000_000, "", str)
    provider = remote_provider(config, Guard(), around)
    try:
        yield provider
    finally:
        await provider.aclose()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_reelway_lists_its_jobs_to_every_adapter_that_can_ask(
    kind: str, second: Second, tmp_path: Path
) -> None:
    made = await anyio.to_thread.run_sync(jobs_of, second, kind)
    orders = {job_id: one for job_id, (one, _) in made.items()}
    try:
        async with adapter(second, kind, tmp_path) as provider:
            assert isinstance(provider, ListingProvider)
            found: Mapping[JobId, Any] = await provider.poll_many(list(orders), orders)
        assert {job_id: type(outcome) for job_id, outcome in found.items()} == {
            job_id: expected for job_id, (_, expected) in made.items()
        }
        told = {outcome.code for outcome in found.values() if isinstance(outcome, outcomes.JobFailed)}
        assert told == {FailureCode.CONTENT_REJECTED}
    finally:
        hanging = [job_id for job_id, (_, expected) in made.items() if expected is outcomes.InProgress]
        await asyncio.gather(*(anyio.to_thread.run_sync(second.cancel, job_id) for job_id in hanging))
