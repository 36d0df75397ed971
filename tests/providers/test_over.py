"""A search for the job of a task that has ended: a provider that is asked by the same create once more is not asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from net.servers import Server, answer, serving
from providers.kling_desk import CATALOG, TASK_ID, order, storage
from reelway.clock import SystemClock
from reelway.domain import outcomes
from reelway.net.guard import Guard
from reelway.providers.base import Order, Provider
from reelway.providers.config import ProviderConfig
from reelway.providers.kinds import remote_provider
from reelway.providers.remote import Surroundings

pytestmark = pytest.mark.anyio

LIST = f"/api/v1/generations?client_request_id={TASK_ID}&limit=1"
NOTHING_LISTED = answer(b'{"data": [], "has_more": false}', content_type="application/json")
LONG_AGO = order(since_us=1)


@asynccontextmanager
async def asked(
    kind: str, folder: Path, answers: dict[str, bytes] | None = None
) -> AsyncIterator[tuple[Provider, Server]]:
    async with serving(dict(answers or {}), is_tls=False) as server:
        given: dict[str, Any] = {"name": "one", "kind": kind, "base_url": f"http://127.0.0.1:{server.port}"}
        config = ProviderConfig.model_validate(given | {"allow_private": True, "idempotent": True})
        around = Surroundings(
            catalog=CATALOG,
            objects=await storage(folder),
            clock=SystemClock(),
            result_bytes_max=10_000_000,
            public_url="https://gw.example.com",
            file_token=lambda file_id: file_id,
        )
        provider = remote_provider(config, Guard(), around)
        try:
            yield provider, server
        finally:
            await provider.aclose()


def over(wanted: Order) -> Order:
    return replace(wanted, is_over=True)


def creates(server: Server) -> list[str]:
    return [request for request in server.requests if request.startswith("POST")]


@pytest.mark.parametrize("kind", ["rivya", "apixo", "openai_videos"])
async def test_nothing_is_created_for_a_task_that_is_over(kind: str, tmp_path: Path) -> None:
    async with asked(kind, tmp_path) as (provider, server):
        await provider.find(LONG_AGO)
        assert len(creates(server)) == 1, "the same create once more, which is how it is asked while a task lives"
        server.requests.clear()
        assert isinstance(await provider.find(over(LONG_AGO)), outcomes.FindUnknown)
        assert creates(server) == []


async def test_a_list_without_the_job_is_the_last_word_on_a_task_that_is_over(tmp_path: Path) -> None:
    async with asked("rivya", tmp_path, {LIST: NOTHING_LISTED}) as (provider, server):
        assert await provider.find(over(LONG_AGO)) == outcomes.Absent()
        assert creates(server) == []
