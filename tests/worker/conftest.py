"""A gateway with a scripted provider, and an account with credits."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.provider import ScriptedProvider


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
