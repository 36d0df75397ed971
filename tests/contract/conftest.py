"""Gateways for the conformance tests: one that all share, and fresh ones to turn the clock or script the provider."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from support.gateway import Account, TestGateway, running_gateway


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """asyncio on uvloop: what `reelway serve` runs on."""
    return "asyncio", {"use_uvloop": True}


@pytest.fixture(scope="session")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestGateway]:
    """A gateway whose provider finishes at once. Its clock stands still, and no test changes its provider."""
    async with running_gateway(tmp_path_factory.mktemp("shared")) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


@pytest.fixture
async def account(shared: TestGateway) -> Account:
    """A fresh account of the shared gateway."""
    return await shared.account()


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[TestGateway]:
    """A gateway of the test's own, with a scripted provider. Whatever happened, the books must balance in the end.

    What waits for another try waits half a minute of the clock, so it stays put until the test turns the clock.
    """
    async with running_gateway(tmp_path, backoff_base_seconds=30, backoff_max_seconds=30) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


@pytest.fixture
async def owner(stage: TestGateway) -> Account:
    """An account of the test's own gateway."""
    return await stage.account()
