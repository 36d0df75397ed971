"""The console with 100,000 tasks on SQLite: how long each page takes, and a first visit in a real browser."""

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from playwright.async_api import Browser, async_playwright

from bench.figures import Report
from bench.filling import fill
from bench.servers import KEY, gateway
from reelway.domain.records import ALL_SCOPES, Scope
from reelway.gateway.account import create_account, make_key
from reelway.settings import Settings
from reelway.wiring import open_core

TASKS: Final = 100_000
OPERATOR_KEY: Final = "rw_sk_bench_operator_0123456789"
ROUNDS: Final = 40
PAGE_MS_MAX: Final = 60
VISIT_KB_MAX: Final = 250
PAINT_MS_MAX: Final = 500


def main() -> int:
    report = Report()
    with tempfile.TemporaryDirectory(prefix="reelway-bench-") as name:
        folder = Path(name, "data")
        asyncio.run(_filled(folder))
        with gateway(folder) as served:
            _pages(report, served.url)
            asyncio.run(_first_visit(report, served.url))
    return report.exit_code


async def _filled(folder: Path) -> None:
    options: dict[str, Any] = {"data_dir": folder, "_env_file": None}
    settings = Settings(**options)
    async with open_core(settings) as core:
        made = await create_account(core, "bench", 10**9, secret=KEY, only_first=True)
        assert made is not None
        scopes = ALL_SCOPES | {Scope.ADMIN}
        now_us = core.clock.now_us()
        operator = make_key(made.key.account_id, "operator", now_us, scopes=scopes, secret=OPERATOR_KEY)
        await core.store.create_key(operator.key)
    fill(folder, made.key.account_id, made.key.id, TASKS)


def _pages(report: Report, url: str) -> None:
    """One after the other from one visitor: what the server takes for a page, not how it does under load."""
    with _signed_in(url, KEY) as client:
        first = client.get("/console/tasks").text
        task = first.split('href="/console/tasks/task_')[1].split('"')[0]
        before = first.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        pages = {
            "overview": "/console/",
            "tasks, first page": "/console/tasks",
            "tasks, second page": before,
            "tasks, failed ones": "/console/tasks?status=failed",
            "tasks, under way": "/console/tasks?status=processing",
            "tasks, of one model": "/console/tasks?model=kling-v1",
            "tasks, by words that are frequent": "/console/tasks?q=lighthouse",
            "tasks, by words that are nowhere": "/console/tasks?q=zeppelin",
            "tasks, by an own id": "/console/tasks?q=order-77",
            "one task": f"/console/tasks/task_{task}",
            "playground": "/console/playground?model=kling-3-0",
            "storyboard": "/console/storyboard",
            "credits": "/console/credits",
            "keys": "/console/keys",
            "webhooks": "/console/webhooks",
            "documentation": "/docs",
            "documentation of a model": "/docs/models/kling-3-0",
        }
        _time(report, client, pages)
    with _signed_in(url, OPERATOR_KEY) as client:
        pages = {
            "operator: overview": "/console/",
            "operator: tasks, first page": "/console/tasks",
            "operator: one task": f"/console/tasks/task_{task}",
            "operator: credits": "/console/credits",
            "operator: providers": "/console/providers?span=day",
            "operator: accounts": "/console/accounts",
        }
        _time(report, client, pages)


@contextmanager
def _signed_in(url: str, key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=url, trust_env=False, follow_redirects=True, timeout=30) as client:
        token = client.get("/console/sign-in").text.split('name="form_token" value="')[1].split('"')[0]
        client.post("/console/sign-in", data={"form_token": token, "key": key}).raise_for_status()
        yield client


def _time(report: Report, client: httpx.Client, pages: dict[str, str]) -> None:
    for name, path in pages.items():
        client.get(path).raise_for_status()
        times_ms = []
        for _ in range(ROUNDS):
            started_s = time.perf_counter()
            client.get(path).raise_for_status()
            times_ms.append((time.perf_counter() - started_s) * 1_000)
        report.figure(f"{name}, p95", statistics.quantiles(times_ms, n=20)[-1], "ms", at_most=PAGE_MS_MAX)


async def _first_visit(report: Report, url: str) -> None:
    """Sign in and look at the tasks with an empty cache. Videos and their pictures do not count."""
    async with async_playwright() as playwright:
        executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
        browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        for language in ("en", "ur"):
            received, paint_ms = await _visit(browser, url, language)
            report.figure(f"first visit ({language}), transferred", received / 1_000, "kB", at_most=VISIT_KB_MAX)
            report.figure(f"largest paint ({language})", paint_ms, "ms", at_most=PAINT_MS_MAX)
        await browser.close()


async def _visit(browser: Browser, url: str, language: str) -> tuple[float, float]:
    """Bytes that came, and when the largest piece of the last page stood, in ms."""
    context = await browser.new_context(locale=language)
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    await session.send("Network.enable")
    # Playwright's own way to keep requests back would switch the cache off.
    await session.send("Network.setBlockedURLs", {"urls": ["*/picture/*"]})
    received: list[float] = []
    session.on("Network.loadingFinished", lambda event: received.append(event["encodedDataLength"]))
    await page.goto(f"{url}/console/sign-in")
    await page.locator("#key").fill(KEY)
    await page.locator("main form button").click()
    await page.wait_for_url("**/console/")
    await page.goto(f"{url}/console/tasks", wait_until="networkidle")
    paint_ms = await page.evaluate(_PAINT)
    await context.close()
    return sum(received), float(paint_ms)


_PAINT: Final = """() => new Promise((found) =>
  new PerformanceObserver((list) => found(list.getEntries().at(-1).startTime))
    .observe({ type: "largest-contentful-paint", buffered: true }))"""


if __name__ == "__main__":
    sys.exit(main())
