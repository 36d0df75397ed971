"""Gateways for the vendors' own clients: real HTTP on loopback, one with a scripted provider and one that renders."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.gateway import Account, TestGateway, running_gateway


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """asyncio on uvloop: what `reelway serve` runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[TestGateway]:
    """A gateway of the test's own, whose scripted provider finishes at once. The books must balance in the end."""
    async with running_gateway(tmp_path) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


@pytest.fixture
async def owner(stage: TestGateway) -> Account:
    return await stage.account()
