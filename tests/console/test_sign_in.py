"""Signing in, in a real browser."""

import pytest

from console.browser import Tab
from support.gateway import TestGateway

pytestmark = pytest.mark.anyio


async def test_a_key_opens_the_console_and_sign_out_closes_it(gateway: TestGateway, tab: Tab) -> None:
    account = await gateway.account()
    await tab.go("/console/")
    assert "/console/sign-in" in tab.page.url
    await tab.check_accessibility()
    await tab.sign_in(account.key)
    assert await tab.page.title() == "Overview · Reelway"
    await tab.check_accessibility()
    await tab.page.locator(".menu > summary").click()
    await tab.page.get_by_role("button", name="Sign out", exact=True).click()
    await tab.page.get_by_text("You are signed out.").wait_for()
    await tab.go("/console/")
    assert "/console/sign-in" in tab.page.url
