"""Makes the pictures of docs/console: every page in both languages, light and dark, on a desk and on a phone.

    python -m tools.console_screenshots docs/console

A gateway of its own makes real videos with the built-in engine and is looked at with Chromium (CHROMIUM names another).
"""

import asyncio
import io
import os
import shutil
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from bench.filling import fill
from PIL import Image
from playwright.async_api import Browser, async_playwright

from reelway.clock import SystemClock
from reelway.domain.decide import US
from reelway.domain.routing import BUILT_IN
from reelway.gateway.account import create_account, give_credits
from reelway.gateway.sessions import make_ticket
from reelway.settings import Settings
from reelway.wiring import Gateway, Parts, open_core, open_gateway

KEY: Final = "rw_sk_screenshots_0123456789"
_PAST_TASKS: Final = 900
_QUALITY: Final = 36
_HEIGHT_MAX: Final = 1_800
_WAIT_S: Final = 600
_PROMPTS: Final = (
    "A lighthouse in a storm at night, waves break over the rocks, slow dolly in",
    "A red fox walks through deep snow at dawn",
    "بارش میں ایک موسیقار گلی میں ساز بجاتا ہے، لوگ گزرتے ہیں",
    '<b>Not bold</b> & "quoted": a teapot pours tea in slow motion',
)


@dataclass(frozen=True, slots=True)
class Look:
    language: str
    theme: str
    device: str
    size: tuple[int, int]


LOOKS: Final = tuple(
    Look(language, theme, device, size)
    for language in ("en", "ur")
    for theme in ("light", "dark")
    for device, size in (("desktop", (1280, 800)), ("phone", (390, 844)))
)


class _Past(SystemClock):
    """The time when the account was made, before its first tasks."""

    def now_us(self) -> int:
        return super().now_us() - 61 * 86_400 * US


async def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="reelway-screenshots-") as work:
        async with _gateway(Path(work)) as gateway:
            pages = await _pages(gateway)
            async with async_playwright() as playwright:
                executable = os.environ.get("CHROMIUM") or shutil.which("chromium")
                browser = await playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
                for look in LOOKS:
                    await _shoot(browser, gateway, pages, look, folder)
                await browser.close()


@asynccontextmanager
async def _gateway(work: Path) -> AsyncIterator[Gateway]:
    options: dict[str, Any] = {
        "data_dir": work / "data",
        "port": 0,
        "bootstrap_key": KEY,
        "dangerous_allow_private_callbacks": True,
        "log_level": "error",
        "_env_file": None,
    }
    settings = Settings(**options)
    async with open_core(settings, Parts(clock=_Past())) as core:
        made = await create_account(core, "Studio Nimbus", 25_000, key_name="Production", secret=KEY, only_first=True)
        assert made is not None
    fill(settings.data_dir, made.key.account_id, made.key.id, _PAST_TASKS, result_ttl_s=60)
    _tell_of_attempts(settings.data_dir)
    async with open_gateway(settings) as gateway:
        running = asyncio.create_task(gateway.run())
        try:
            yield gateway
        finally:
            gateway.stop()
            await running


def _tell_of_attempts(data_dir: Path) -> None:
    """The past has no attempts, which plots of the providers are made of; what has ended was made by the engine."""
    with closing(sqlite3.connect(data_dir / "reelway.db")) as database, database:
        database.execute("UPDATE tasks SET provider = ? WHERE provider IS NOT NULL AND final_at_us > 0", (BUILT_IN,))
        database.execute(
            "INSERT INTO attempts (task_id, number, provider, model, mode, duration_s, started_at_us, ended_at_us,"
            " ending, expected_microdollars, reconcile_tries) SELECT id, 1, provider, model, 'pro', 5,"
            " final_at_us - (4 + abs(random()) % 9) * 1000000, final_at_us,"
            " CASE state WHEN 'succeeded' THEN 'finished' ELSE 'failed' END, 0, 0"
            " FROM tasks WHERE provider IS NOT NULL AND final_at_us > 0"
        )


async def _pages(gateway: Gateway) -> dict[str, str]:
    """Something to look at, and where it is: names of pictures and paths."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=gateway.base_url, headers=headers, trust_env=False, timeout=90) as http:
        await _tell_somebody(http, gateway)
        made = [await _created(http, prompt) for prompt in _PROMPTS]
        failed = await _created(http, "A glass bottle turns slowly [[reelway: fail=CONTENT_VIOLATION]]")
        for task_id in (*made, failed):
            await _ended(http, task_id)
        board = await _board(http)
        await _ended(http, board)
        running = await _created(http, "A dancer in slow motion under neon lights [[reelway: delay=600s]]")
        endpoint = (await http.get("/api/v1/webhooks")).json()["data"][0]["id"]
    other = await create_account(gateway.core, "Harbour Films", 3_000)
    assert other is not None
    await give_credits(gateway.core, other.key.account_id, 500, "Welcome")
    return {
        "overview": "/console/",
        "playground": "/console/playground",
        "playground-video": f"/console/playground?task={made[0]}",
        "storyboard": f"/console/storyboard?task={board}",
        "storyboard-empty": "/console/storyboard",
        "tasks": "/console/tasks",
        "tasks-none": "/console/tasks?q=zeppelin&status=failed",
        "task": f"/console/tasks/{made[2]}",
        "task-failed": f"/console/tasks/{failed}",
        "task-running": f"/console/tasks/{running}",
        "credits": "/console/credits",
        "keys": "/console/keys",
        "webhooks": "/console/webhooks",
        "webhook": f"/console/webhooks/{endpoint}",
        "providers": "/console/providers?span=day",
        "accounts": "/console/accounts",
        "docs": "/docs",
        "docs-webhooks": "/docs/webhooks",
        "docs-model": "/docs/models/kling-3-0",
        "not-found": "/console/tasks/nothing",
    }


async def _tell_somebody(http: httpx.AsyncClient, gateway: Gateway) -> None:
    for name, url in (("Orders", f"{gateway.base_url}/healthz"), ("Backup", "http://127.0.0.1:9/hooks")):
        answer = await http.post("/api/v1/webhooks", json={"name": name, "url": url})
        answer.raise_for_status()


async def _created(http: httpx.AsyncClient, prompt: str) -> str:
    params = {"mode": "std", "duration": "3"}
    body = {"model": "kling-3-0", "prompt": prompt, "params": params, "client_request_id": "order-4711"}
    answer = await http.post("/api/v1/generations", json=body)
    answer.raise_for_status()
    return str(answer.json()["id"])


async def _board(http: httpx.AsyncClient) -> str:
    prompts = ("A red fox walks through deep snow at dawn", "It looks up. Camera: dolly in.", "Northern lights")
    shots = [{"index": at, "prompt": prompt, "duration": str(at + 1)} for at, prompt in enumerate(prompts, 1)]
    body = {"model_name": "kling-v3", "duration": "9", "multi_shot": True, "shot_type": "customize"}
    answer = await http.post("/kling/v1/videos/text2video", json=body | {"multi_prompt": shots})
    answer.raise_for_status()
    return str(answer.json()["data"]["task_id"])


async def _ended(http: httpx.AsyncClient, task_id: str) -> None:
    async with asyncio.timeout(_WAIT_S):
        while True:
            answer = await http.get(f"/api/v1/generations/{task_id}", params={"wait": 60})
            if answer.json()["status"] in ("succeeded", "failed"):
                return


async def _shoot(browser: Browser, gateway: Gateway, pages: dict[str, str], look: Look, folder: Path) -> None:
    width, height = look.size
    options: dict[str, Any] = {"viewport": {"width": width, "height": height}, "timezone_id": "UTC"}
    context = await browser.new_context(**options, reduced_motion="reduce")
    cookies = {"reelway_language": look.language, "reelway_theme": look.theme}
    await context.add_cookies([{"name": n, "value": v, "url": gateway.base_url} for n, v in cookies.items()])
    page = await context.new_page()
    await page.goto(f"{gateway.base_url}/console/sign-in")
    await _keep(await page.screenshot(), folder, "sign-in", look)
    ticket = await make_ticket(gateway.core, gateway.tickets)
    await page.goto(f"{gateway.base_url}/console/enter?ticket={ticket}")
    for name, path in pages.items():
        await page.goto(gateway.base_url + path, wait_until="load")
        await page.wait_for_function("[...document.querySelectorAll('video')].every((video) => video.readyState > 1)")
        await page.wait_for_timeout(700)  # pictures that are made when first asked for
        await _keep(await page.screenshot(full_page=True), folder, name, look)
    await context.close()


async def _keep(png: bytes, folder: Path, name: str, look: Look) -> None:
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture = picture.crop((0, 0, picture.width, min(picture.height, _HEIGHT_MAX)))
    picture.save(folder / f"{name}-{look.language}-{look.theme}-{look.device}.webp", quality=_QUALITY, method=6)


def _folder(arguments: Sequence[str]) -> Path:
    if len(arguments) != 1:
        sys.exit("usage: python -m tools.console_screenshots FOLDER")
    return Path(arguments[0])


if __name__ == "__main__":
    target = _folder(sys.argv[1:])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    asyncio.run(main(target))
    sys.stdout.write(f"{len(list(target.iterdir()))} pictures in {target}\n")
