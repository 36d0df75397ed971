"""A gateway with its console, signed-in clients without JavaScript, and a real browser."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright

from console.browser import Tab, opened_tab
from console.chromium import chromium_path
from console.client import Visitor, visiting
from support.gateway import TestGateway
from support.webhooks import telling_gateway


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[TestGateway]:
    """With a scripted provider: a task ends after a few quick steps. It may tell receivers on loopback."""
    async with telling_gateway(tmp_path) as running:
        yield running


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, which is looked for, then installed; where neither is possible the test fails with the
    reason."""
    executable = chromium_path()
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        try:
            yield running
        finally:
            await running.close()


@pytest.fixture
async def tab(browser: Browser, gateway: TestGateway) -> AsyncIterator[Tab]:
    """A browser's page that fails the test for what a visitor should never meet: see `Tab`."""
    async with opened_tab(browser, gateway.base_url) as opened:
        yield opened


@pytest.fixture
async def visitor(gateway: TestGateway) -> AsyncIterator[Visitor]:
    """Not signed in."""
    async with visiting(str(gateway.http.base_url)) as found:
        yield found
