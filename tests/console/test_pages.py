"""Every page in a real browser: both languages, light and dark, desk and phone, with and without scripts."""

import re
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser

from console.browser import Tab, opened_tab
from console.seeding import seeded
from support.gateway import TestGateway
from support.receiver import receiving

pytestmark = pytest.mark.anyio
ALLOWED = {
    "API",
    "APIXO",
    "CSV",
    "English",
    "Kling",
    "OpenAI",
    "Reelway",
    "Rivya",
    "TLS",
    "URL",
    "UTC",
    "Videos",
    "https",
    "prompt",  # in the labels of model cards
}
"""Names and words that Urdu texts about this use as they are."""
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 740}


@dataclass(frozen=True, slots=True)
class Look:
    language: str
    theme: str
    viewport: dict[str, int]


LOOKS = [
    Look("en", "light", DESK),
    Look("en", "dark", PHONE),
    Look("ur", "dark", DESK),
    Look("ur", "light", PHONE),
]


async def chosen(tab: Tab, look: Look) -> None:
    await tab.page.context.add_cookies(
        [
            {"name": "reelway_language", "value": look.language, "url": tab.base_url},
            {"name": "reelway_theme", "value": look.theme, "url": tab.base_url},
        ]
    )


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.language} {look.theme} {look.viewport['width']}")
async def test_every_page_is_sound_in_every_look(gateway: TestGateway, browser: Browser, look: Look) -> None:
    """Accessible, as wide as the window, no error, no other host, and what is evil in it does nothing."""
    async with receiving() as receiver, opened_tab(browser, gateway.base_url, viewport=look.viewport) as tab:
        found = await seeded(gateway, receiver.url)
        await chosen(tab, look)
        await tab.sign_in(found.operator.key)
        for name, path in found.pages.items():
            response = await tab.go(path)
            assert response.status == 200, name
            await _check(tab, look, name)
        response = await tab.go("/console/nowhere")
        assert response.status == 404
        await tab.check_accessibility()
        tab.may.append("404")


async def _check(tab: Tab, look: Look, name: str) -> None:
    page = tab.page
    assert await page.locator("html").get_attribute("lang") == look.language, name
    assert await page.locator("html").get_attribute("dir") == ("rtl" if look.language == "ur" else "ltr"), name
    assert await page.locator("main img[src=x]").count() == 0, name
    await tab.check_width()
    await tab.check_accessibility()


async def test_the_urdu_page_is_the_english_one_mirrored(gateway: TestGateway, browser: Browser) -> None:
    account = await gateway.account()
    await gateway.ended(account, await gateway.created(account))
    left: dict[str, float] = {}
    for language in ("en", "ur"):
        async with opened_tab(browser, gateway.base_url, locale=language) as tab:
            await tab.sign_in(account.key)
            await tab.go("/console/tasks")
            assert await tab.page.locator("html").get_attribute("lang") == language
            box = await tab.page.locator("nav.side").bounding_box()
            assert box is not None
            left[language] = box["x"]
            family = await tab.page.evaluate("[...document.fonts].filter((font) => font.status === 'loaded').length")
            assert bool(family) == (language == "ur"), "the font for Urdu is fetched where it is needed only"
    assert left["en"] == 0
    assert left["ur"] > 900


async def test_the_urdu_pages_have_no_english_words(gateway: TestGateway, browser: Browser) -> None:
    """What people read, less what is the same in every language: ids, models, addresses and what users wrote."""
    async with receiving() as receiver, opened_tab(browser, gateway.base_url, locale="ur") as tab:
        found = await seeded(gateway, receiver.url)
        await tab.sign_in(found.operator.key)
        for name, path in found.pages.items():
            await tab.go(path)
            words = await tab.page.evaluate(
                """() => {
                     const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
                     const found = [];
                     while (walker.nextNode()) {
                       const parent = walker.currentNode.parentElement;
                       const foreign = "bdi, code, pre, option, textarea, script, .mono, .whole-prompt, svg, [lang=en]";
                       if (parent.closest(foreign)) continue;
                       found.push(walker.currentNode.textContent);
                     }
                     return found.join(" ");
                   }"""
            )
            english = set(re.findall(r"[A-Za-z]{3,}", words)) - ALLOWED
            assert not english, (name, english)


async def test_language_and_theme_are_kept_for_the_next_visit(gateway: TestGateway, tab: Tab) -> None:
    await tab.go("/console/sign-in")
    await tab.choose("language", "ur")
    assert await tab.page.locator("html").get_attribute("dir") == "rtl"
    await tab.choose("theme", "dark")
    await tab.go("/console/sign-in")
    assert await tab.page.locator("html").get_attribute("data-theme") == "dark"
    assert await tab.page.locator("html").get_attribute("lang") == "ur"


async def test_every_list_and_detail_shows_without_scripts(gateway: TestGateway, browser: Browser) -> None:
    async with (
        receiving() as receiver,
        opened_tab(browser, gateway.base_url, java_script_enabled=False) as tab,
    ):
        found = await seeded(gateway, receiver.url)
        await tab.sign_in(found.operator.key)
        for name, path in found.pages.items():
            response = await tab.go(path)
            assert response.status == 200, name
            assert await tab.page.locator("h1").count() == 1, name
        await tab.go(f"/console/tasks/{found.running}")
        await tab.page.get_by_role("button", name="Cancel").click()
        await tab.page.get_by_text("The provider is asked to stop.").wait_for()


async def test_the_keyboard_alone_reaches_everything(gateway: TestGateway, tab: Tab) -> None:
    await tab.sign_in((await gateway.account()).key)
    page = tab.page
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.className") == "skip off-screen"
    await page.keyboard.press("Enter")
    assert await page.evaluate("document.activeElement.id") == "main"
    await page.locator(".menu > summary").focus()
    await page.keyboard.press("Enter")
    assert await page.locator(".menu").get_attribute("open") is not None
    await page.keyboard.press("Escape")
    assert await page.locator(".menu").get_attribute("open") is None
    assert await page.evaluate("document.activeElement.tagName") == "SUMMARY"
