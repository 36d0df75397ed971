"""The contract pages in a real browser: mirrored in Urdu, narrow on a phone, usable without JavaScript."""

from typing import Any

import pytest
from playwright.async_api import Browser

from console.browser import Tab, opened_tab
from support.gateway import TestGateway

pytestmark = pytest.mark.anyio
MODEL = "/docs/models/kling-3-0"
PATHS = ["/docs", "/docs/start", "/docs/webhooks", "/docs/sandbox", MODEL, f"{MODEL}#kling"]
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}}


def address(path: str, code: str) -> str:
    """The path in a language. The anchor stands in the query too, so that the page is loaded anew."""
    page, _, anchor = path.partition("#")
    return f"{page}?lang={code}&tab={anchor}#{anchor}"


async def left_px(tab: Tab, selector: str) -> float:
    box = await tab.page.locator(selector).first.bounding_box()
    assert box is not None
    return box["x"]


@pytest.mark.parametrize("code", ["en", "ur"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_pages_are_accessible_in_both_languages_and_looks(
    gateway: TestGateway, browser: Browser, code: str, scheme: str
) -> None:
    async with opened_tab(browser, gateway.base_url, color_scheme=scheme) as tab:
        for path in PATHS:
            await tab.go(address(path, code))
            await tab.check_accessibility()
            await tab.check_width()


@pytest.mark.parametrize("code", ["en", "ur"])
async def test_nothing_is_wider_than_a_phone(gateway: TestGateway, browser: Browser, code: str) -> None:
    async with opened_tab(browser, gateway.base_url, **PHONE) as tab:
        for path in [*PATHS, f"{MODEL}#apixo", f"{MODEL}#openai-videos"]:
            await tab.go(address(path, code))
            await tab.check_width()


async def test_the_urdu_page_is_mirrored_and_code_is_not(tab: Tab) -> None:
    await tab.go(f"{MODEL}?lang=en")
    english_px = await left_px(tab, ".side")
    await tab.page.get_by_role("link", name="اردو").click()
    await tab.page.wait_for_url("**/docs/models/kling-3-0?lang=ur")
    assert await tab.page.locator("html").get_attribute("dir") == "rtl"
    assert english_px == 0
    assert await left_px(tab, ".side") > 900
    direction = "element => getComputedStyle(element).direction"
    for selector, wanted in (
        (".part pre", "ltr"),
        (".part bdi.code", "ltr"),
        (".part .prose", "rtl"),
        ("table", "rtl"),
    ):
        assert await tab.page.locator(selector).first.evaluate(direction) == wanted, selector


async def test_tabs_work_without_javascript(gateway: TestGateway, browser: Browser) -> None:
    async with opened_tab(browser, gateway.base_url, java_script_enabled=False) as tab:
        await tab.go(MODEL)
        tabs = tab.page.get_by_role("navigation", name="APIs that serve this model")
        assert await tab.page.locator("#rivya").is_visible()
        assert not await tab.page.locator("#kling").is_visible()
        await tabs.get_by_role("link", name="Kling").click()
        assert await tab.page.locator("#kling").is_visible()
        assert not await tab.page.locator("#rivya").is_visible()
        await tab.page.locator("#kling .contents").get_by_role("link", name="Limits").click()
        assert await tab.page.locator("#kling-limits").is_visible()
        assert not await tab.page.locator("#rivya-limits").is_visible()
        await tab.page.locator("#kling-text-curl-text-label").click()
        assert await tab.page.locator("#kling-text-curl-text").is_visible()


async def test_paper_shows_every_dialect_and_no_buttons(tab: Tab) -> None:
    await tab.go(MODEL)
    await tab.page.emulate_media(media="print")
    for dialect in ("rivya", "apixo", "kling", "openai-videos"):
        assert await tab.page.locator(f"#{dialect}").is_visible()
    assert not await tab.page.locator(".side").is_visible()
    assert not await tab.page.locator("[data-copy]").first.is_visible()


async def test_a_listing_is_copied_as_it_is(gateway: TestGateway, browser: Browser) -> None:
    async with opened_tab(browser, gateway.base_url, permissions=["clipboard-read", "clipboard-write"]) as tab:
        await tab.go(MODEL)
        await tab.page.locator("[data-copy=rivya-minimal-text]").click()
        await tab.page.get_by_role("button", name="Copied", exact=True).wait_for()
        copied = await tab.page.evaluate("navigator.clipboard.readText()")
        assert copied == await tab.page.locator("#rivya-minimal-text").text_content()


async def test_a_first_visit_is_small(gateway: TestGateway, browser: Browser) -> None:
    async with opened_tab(browser, gateway.base_url) as tab:
        await tab.go(f"{MODEL}?lang=ur")
        await tab.page.evaluate("document.fonts.ready")
        size_bytes = await tab.page.evaluate(
            """performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource"))
                 .reduce((sum, { transferSize }) => sum + transferSize, 0)"""
        )
        assert 0 < size_bytes < 250_000
