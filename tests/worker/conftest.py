"""A gateway with a scripted provider, an account with credits, and a gateway whose tasks have references."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from net.servers import HOST, Names, answer, open_guard, serving
from reelway.wiring import Parts
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.provider import ScriptedProvider
from worker import references
from worker.references import JPEG, PNG, World


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[TestGateway]:
    async with running_gateway(tmp_path) as found:
        yield found


@pytest.fixture
def provider(gateway: TestGateway) -> ScriptedProvider:
    assert gateway.provider is not None
    return gateway.provider


@pytest.fixture
async def account(gateway: TestGateway) -> Account:
    return await gateway.account(CREDITS)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    names = Names().set(HOST, ["127.0.0.1"])
    async with (
        serving({"/a.png": answer(PNG), "/b.jpg": answer(JPEG)}) as server,
        running_gateway(tmp_path, parts=Parts(guard=open_guard(names))) as gateway,
    ):
        yield World(gateway, server, names, tmp_path, await gateway.account(references.CREDITS))
