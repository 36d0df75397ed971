"""A browser's page under watch: whatever a visitor should never meet fails the test at its end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

AXE = Path(__file__).with_name("vendor") / "axe.min.js"
_WAIT_MS = 30_000


@dataclass(slots=True)
class Tab:
    """`faults` has console errors, script errors, violations of the content security policy, requests to other hosts
    and answers with 500 and above. `may` are words of faults that a test expects."""

    page: Page
    base_url: str
    faults: list[str] = field(default_factory=list)
    may: list[str] = field(default_factory=list)

    async def go(self, path: str) -> Response:
        response = await self.page.goto(self.base_url + path)
        assert response is not None
        return response

    async def sign_in(self, key: str) -> None:
        await self.go("/console/sign-in")
        await self.page.get_by_label("API key").or_(self.page.get_by_label("API کلید")).fill(key)
        await self.page.locator("main form button").click()
        await self.page.wait_for_url(lambda url: "/sign-in" not in url)

    async def choose(self, name: str, value: str) -> None:
        """The language or the theme, in the menu."""
        await self.page.locator(".menu > summary").click()
        await self.page.locator(f".menu button[name={name}][value={value}]").click()
        await self.page.wait_for_load_state()

    async def check_accessibility(self) -> None:
        """axe-core finds nothing serious on the page as it is."""
        await self.page.evaluate(AXE.read_text())  # through the debugger, so the page's policy does not matter
        found = await self.page.evaluate(
            """async () => {
                 const found = await axe.run(document, { resultTypes: ["violations"] });
                 return found.violations
                   .filter(({ impact }) => impact === "serious" || impact === "critical")
                   .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map((node) => node.html).join(" | ")}`);
               }"""
        )
        assert not found, "\n".join(found)

    async def check_width(self) -> None:
        """Nothing makes the page wider than the window."""
        wider_px = await self.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert wider_px <= 0, f"{self.page.url} is {wider_px} px too wide"

    def unexpected(self) -> list[str]:
        return [fault for fault in self.faults if not any(word in fault for word in self.may)]


@asynccontextmanager
async def opened_tab(browser: Browser, base_url: str, **options: Any) -> AsyncIterator[Tab]:
    """A page in a fresh profile; `options` are those of Playwright's `new_context`."""
    given: dict[str, Any] = {"locale": "en-GB", "timezone_id": "UTC", "viewport": {"width": 1280, "height": 900}}
    context = await browser.new_context(**(given | options))
    context.set_default_timeout(_WAIT_MS)
    try:
        page = await context.new_page()
        tab = Tab(page, base_url)
        _watch(tab, context)
        yield tab
        assert not tab.unexpected(), "\n".join(tab.unexpected())
    finally:
        await context.close()


def _watch(tab: Tab, context: BrowserContext) -> None:
    host = urlsplit(tab.base_url).netloc

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            tab.faults.append(f"console: {message.text}")

    def see_request(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https") and parts.netloc != host:
            tab.faults.append(f"request to another host: {request.url}")

    def see_response(response: Response) -> None:
        if response.status >= 500:
            tab.faults.append(f"{response.status}: {response.url}")

    context.on("console", hear)
    context.on("weberror", lambda error: tab.faults.append(f"script: {error.error}"))
    context.on("request", see_request)
    context.on("response", see_response)
