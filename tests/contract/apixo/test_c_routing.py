"""The route that a request of the APIXO dialect names: statements 14 to 16 of its contract."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contract.apixo.conformance import body_of, created, ended, id_of, post, problems_of, state_of
from reelway.domain import outcomes
from support.exchange import task_count
from support.failover import two_providers
from support.gateway import TestGateway, parts_of, running_gateway
from support.provider import ScriptedProvider
from support.staging import TASK_DEADLINE_S

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def gateway_of(folder: Path, *providers: ScriptedProvider) -> AsyncIterator[TestGateway]:
    async with running_gateway(folder, scripted=False, parts=parts_of(*providers)) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


async def test_c14_the_official_route_needs_an_official_provider(tmp_path: Path) -> None:
    value, _ = two_providers()
    async with gateway_of(tmp_path, value) as gateway:
        owner = await gateway.account()
        answer = await post(gateway, owner, body_of(top={"provider": "official"}))
        assert problems_of(answer) == ["Invalid value for provider: no official route is configured for this model"]
        assert await task_count(gateway, owner) == 0
        for route in ("auto", "value"):
            id_of(await post(gateway, owner, body_of(top={"provider": route})))


async def test_c15_the_value_route_never_uses_an_official_provider(tmp_path: Path) -> None:
    value, official = two_providers()
    async with gateway_of(tmp_path, official, value) as gateway:
        owner = await gateway.account()
        body = body_of(top={"provider": "value"})
        assert state_of(await ended(gateway, owner, await created(gateway, owner, body)))["state"] == "success"
        value.free_slots = 0
        waiting = await created(gateway, owner, body)
        gateway.clock.advance(TASK_DEADLINE_S + 60)
        assert state_of(await ended(gateway, owner, waiting))["failCode"] == "PROCESSING_TIMEOUT"
        value.free_slots = 100
        value.default_submit = outcomes.Unavailable("down")
        refused = await created(gateway, owner, body)
        await gateway.until(lambda: len(value.orders) > 1)

        async def is_over() -> bool:
            gateway.clock.advance(600)
            return (await gateway.task(refused)).is_final

        await gateway.until(is_over)
        assert state_of(await ended(gateway, owner, refused))["failCode"] in ("PROCESSING_TIMEOUT", "MODEL_UNAVAILABLE")
        assert official.orders == []


async def test_c15_the_official_route_never_uses_a_value_provider(tmp_path: Path) -> None:
    value, official = two_providers()
    async with gateway_of(tmp_path, value, official) as gateway:
        owner = await gateway.account()
        task_id = await created(gateway, owner, body_of(top={"provider": "official"}))
        assert state_of(await ended(gateway, owner, task_id))["state"] == "success"
        assert (len(value.orders), len(official.orders)) == (0, 1)


async def test_c16_auto_moves_to_an_official_provider_when_the_value_provider_refuses(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_submit = outcomes.Unavailable("full")
    async with gateway_of(tmp_path, official, value) as gateway:
        owner = await gateway.account()
        task_id = await created(gateway, owner)

        async def is_over() -> bool:
            gateway.clock.advance(0.1)  # its next try comes due
            return (await gateway.task(task_id)).is_final

        await gateway.until(is_over)
        answer = await ended(gateway, owner, task_id)
        assert state_of(answer)["state"] == "success"
        assert (len(value.orders), official.jobs) == (1, {task_id: 1})
        for name in ("official", "scripted"):
            assert name not in answer.text  # the answer does not tell which provider was used
        value.default_submit = None
        again = await created(gateway, owner)
        await ended(gateway, owner, again)
        assert value.jobs == {again: 1}
