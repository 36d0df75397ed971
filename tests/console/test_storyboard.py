"""The storyboard: shots that are moved about, a preview for nothing, and the same request to a provider for money."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from console.browser import Tab, opened_tab
from console.client import Visitor, visiting
from reelway.catalog import load_catalog
from reelway.console.cameras import SHOT_WORDS, shot_camera, shot_prompt
from reelway.console.drafts import DraftShot
from reelway.console.pages.storyboard import rearranged
from reelway.domain.generation import Shot, generation_of
from reelway.domain.ids import TaskId
from reelway.domain.task import Task
from reelway.providers.animatic.facts import CameraMove
from reelway.providers.animatic.reading import read
from support.gateway import Account, TestGateway, parts_of, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer

pytestmark = pytest.mark.anyio

STORYBOARD = "/console/storyboard"
WORDS = ["A fox at dawn", "It runs through snow", "It sleeps"]


@pytest.fixture
async def both(tmp_path: Path) -> AsyncIterator[tuple[TestGateway, ScriptedProvider, ScriptedProvider]]:
    """A gateway with the engine (its place taken by a scripted one) and somebody who costs money."""
    catalog, video = load_catalog(), video_bytes()
    engine = ScriptedProvider(scripted_offer(catalog, name="embedded"), video)
    paid = ScriptedProvider(scripted_offer(catalog, name="paid"), video)
    async with running_gateway(tmp_path, scripted=False, parts=parts_of(engine, paid)) as gateway:
        yield gateway, engine, paid


async def fill(page: Page) -> None:
    for number, words in enumerate(WORDS):
        await page.locator("[name=shot_prompt]").nth(number).fill(words)


async def written(page: Page) -> list[str]:
    return [await each.input_value() for each in await page.locator("[name=shot_prompt]").all()]


async def tasks_of(gateway: TestGateway, account: Account) -> list[Task]:
    answer = await gateway.http.get("/api/v1/generations", headers=account.headers)
    return [await gateway.task(TaskId(each["id"])) for each in reversed(answer.json()["data"])]


async def test_a_preview_is_free_and_one_click_sends_the_same_request_for_money(
    both: tuple[TestGateway, ScriptedProvider, ScriptedProvider], browser: Browser
) -> None:
    gateway, engine, paid = both
    account = await gateway.account(credits=1_000)
    async with opened_tab(browser, gateway.base_url) as tab:
        page = tab.page
        await tab.sign_in(account.key)
        await tab.go(STORYBOARD)
        await fill(page)
        await page.locator("[name=shot_camera]").nth(1).select_option("push_in")
        await expect(page.locator("[data-piece=quote] .price")).to_have_text("0 credits")
        await expect(page.locator("[data-piece=paid] .price")).to_have_text("162 credits")
        await tab.check_accessibility()
        await page.get_by_role("button", name="Preview for free").click()
        await page.locator("video").wait_for()
        assert (len(engine.orders), len(paid.orders)) == (1, 0)
        assert await gateway.available_credits(account) == 1_000
        await expect(page.locator("#run")).to_contain_text("Free preview")
        assert await written(page) == WORDS
        await expect(page.locator("[name=shot_camera]").nth(1)).to_have_value("push_in")
        await tab.check_accessibility()
        await page.locator("#run").get_by_role("button", name="Send to a paid provider").click()
        await expect(page.locator("#run")).not_to_contain_text("Free preview")
        await page.locator("video").wait_for()
        await expect(page.locator("#run .facts")).to_contain_text("162 credits")
        assert (len(engine.orders), len(paid.orders)) == (1, 1)
        assert await gateway.available_credits(account) == 1_000 - 162
        preview, real = await tasks_of(gateway, account)
        assert (preview.price_credits, preview.final_credits, real.final_credits) == (0, 0, 162)
        assert preview.generation == real.generation
        assert generation_of(real.generation).shots == (
            Shot(WORDS[0], 3),
            Shot(f"{WORDS[1]} Camera: dolly in.", 3),
            Shot(WORDS[2], 3),
        )
        assert not await gateway.core.store.unbalanced_accounts()
        answers = [
            await gateway.http.get(f"/kling/v1/videos/text2video/{task.id}", headers=account.headers)
            for task in (preview, real)
        ]
        assert [answer.json()["data"]["final_unit_deduction"] for answer in answers] == ["0", "7.2"]


async def test_shots_are_arranged_by_the_keyboard_alone(gateway: TestGateway, tab: Tab) -> None:
    account = await gateway.account()
    page, keys = tab.page, tab.page.keyboard
    await tab.sign_in(account.key)
    await tab.go(STORYBOARD)
    said = page.locator("[data-said]")
    await page.get_by_role("button", name="Add a shot").focus()
    await keys.press("Tab")
    await expect(page.get_by_role("button", name="Move shot 1")).to_be_focused()
    for _ in range(3):
        await keys.press("Tab")
    await keys.type(WORDS[0])
    await page.get_by_label("Prompt").nth(1).focus()
    await keys.type(WORDS[1])
    await page.get_by_role("button", name="Move shot 1").focus()
    await keys.press("ArrowRight")
    assert await written(page) == [WORDS[1], WORDS[0], ""]
    await expect(said).to_have_text("Shot 1 is number 2 of 3 now.")
    await expect(page.get_by_role("button", name="Move shot 2")).to_be_focused()
    await keys.press("End")
    assert await written(page) == [WORDS[1], "", WORDS[0]]
    await expect(said).to_have_text("Shot 2 is number 3 of 3 now.")
    await keys.press("ArrowUp")
    assert await written(page) == [WORDS[1], WORDS[0], ""]
    await page.get_by_role("button", name="Take shot 3 away").focus()
    await keys.press("Enter")
    assert await written(page) == [WORDS[1], WORDS[0]]
    await expect(said).to_have_text("Shot 3 is gone. 2 are left.")
    await page.get_by_role("button", name="Shot 2 earlier").focus()
    await keys.press("Space")
    assert await written(page) == WORDS[:2]
    await expect(page.locator(".total-words")).to_have_text("6 sec of 15 sec")
    await page.get_by_role("button", name="Generate").focus()
    await keys.press("Enter")
    await page.locator("video").wait_for()
    (task,) = await tasks_of(gateway, account)
    assert [shot.prompt for shot in generation_of(task.generation).shots] == WORDS[:2]


async def test_shots_are_arranged_by_dragging(gateway: TestGateway, tab: Tab) -> None:
    account = await gateway.account()
    page = tab.page
    await tab.sign_in(account.key)
    await tab.go(STORYBOARD)
    await fill(page)
    await page.locator("[data-handle]").nth(0).drag_to(page.locator("[data-shot]").nth(2))
    assert await written(page) == [WORDS[1], WORDS[2], WORDS[0]]
    assert await page.locator(".shot h3").all_text_contents() == ["Shot 1", "Shot 2", "Shot 3"]


async def test_the_total_is_held_against_the_limit(gateway: TestGateway, tab: Tab) -> None:
    tab.may.append("422")
    account = await gateway.account()
    page = tab.page
    await tab.sign_in(account.key)
    await tab.go(STORYBOARD)
    await fill(page)
    for seconds in await page.locator("[name=shot_seconds]").all():
        await seconds.select_option("6")
    await expect(page.locator(".total-words")).to_have_text("18 sec of 15 sec")
    await expect(page.locator("[data-piece=total] .problem")).to_have_text("From 3 to 15.")
    await page.get_by_role("button", name="Generate").click()
    await expect(page.locator("[data-piece=total] .problem")).to_have_text("From 3 to 15.")
    assert await written(page) == WORDS
    for _ in range(3):
        await page.get_by_role("button", name="Add a shot").click()
    await expect(page.get_by_role("button", name="Add a shot")).to_be_disabled()
    await expect(page.locator("[data-shot]")).to_have_count(6)
    await tab.check_accessibility()


async def test_a_shot_that_says_nothing_is_told_at_its_place(gateway: TestGateway, tab: Tab) -> None:
    tab.may.append("422")
    account = await gateway.account()
    page = tab.page
    await tab.sign_in(account.key)
    await tab.go(STORYBOARD)
    await page.locator("[name=shot_prompt]").nth(0).fill("Rain")
    await page.locator("[name=shot_prompt]").nth(2).fill("x" * 513)
    await page.get_by_role("button", name="Generate").click()
    await expect(page.locator("[data-faults=shot-1-prompt]")).to_be_empty()
    await expect(page.locator("[data-faults=shot-2-prompt]")).to_have_text("Required.")
    await expect(page.locator("[data-faults=shot-3-prompt]")).to_have_text("At most 512 characters.")


async def test_the_strip_is_mirrored_in_urdu(gateway: TestGateway, tab: Tab) -> None:
    account = await gateway.account()
    page = tab.page
    await tab.sign_in(account.key)
    await tab.go(STORYBOARD)
    await tab.choose("language", "ur")
    await fill(page)
    first, second = [await page.locator("[data-shot]").nth(number).bounding_box() for number in (0, 1)]
    assert first is not None
    assert second is not None
    assert first["x"] > second["x"]
    await page.locator("[data-handle]").nth(0).focus()
    await page.keyboard.press("ArrowLeft")
    assert await written(page) == [WORDS[1], WORDS[0], WORDS[2]]
    await tab.check_accessibility()
    await tab.check_width()


async def test_without_a_script_buttons_arrange_the_shots(
    both: tuple[TestGateway, ScriptedProvider, ScriptedProvider],
) -> None:
    gateway, engine, paid = both
    account = await gateway.account()
    async with visiting(gateway.base_url) as visitor:
        await visitor.sign_in(account.key)
        await visitor.get(STORYBOARD)
        shots = {"shot_prompt": WORDS, "shot_seconds": ["1", "2", "3"], "shot_camera": ["", "orbit", ""]}
        form = {"model": "kling-3-0", **shots}
        await visitor.post(STORYBOARD, form | {"act": "up-2"})
        moved = visitor.text
        assert moved.index(WORDS[1]) < moved.index(WORDS[0]) < moved.index(WORDS[2])
        await visitor.post(STORYBOARD, form | {"act": "preview"})
        (task,) = await tasks_of(gateway, account)
        await gateway.ended(account, task.id)
        assert (len(engine.orders), len(paid.orders)) == (1, 0)
        await visitor.get(f"{STORYBOARD}?task={task.id}")
        assert "<video" in visitor.text
        await visitor.post(f"{STORYBOARD}/tasks/{task.id}/send")
        await gateway.until(lambda: len(paid.orders) == 1)


@pytest.mark.parametrize("seconds", ["1e30", "9" * 310, "99999", "-3", "٣", "2.5"])
async def test_a_length_that_is_no_number_of_seconds_is_told_at_its_shot(
    gateway: TestGateway, visitor: Visitor, seconds: str
) -> None:
    await visitor.sign_in((await gateway.account()).key)
    shots = {"shot_prompt": WORDS, "shot_seconds": ["3", seconds, "3"], "shot_camera": ["", "", ""]}
    await visitor.get(STORYBOARD)
    page = await visitor.post(f"{STORYBOARD}/quote", {"model": "kling-3-0", **shots})
    assert (page.status_code, list(page.json()["problems"])) == (200, ["shot-2-seconds"])
    await visitor.get(STORYBOARD)
    page = await visitor.post(STORYBOARD, {"model": "kling-3-0", "act": "send", **shots})
    assert page.status_code == 422
    assert re.search(r'data-faults="shot-2-seconds"[^>]*><p class="problem">', page.text)


async def test_a_preview_of_another_account_is_not_sent(
    both: tuple[TestGateway, ScriptedProvider, ScriptedProvider],
) -> None:
    gateway, _, paid = both
    task_id = await gateway.created(await gateway.account())
    async with visiting(gateway.base_url) as visitor:
        await visitor.sign_in((await gateway.account()).key)
        await visitor.get(STORYBOARD)
        answer = await visitor.post(f"{STORYBOARD}/tasks/{task_id}/send")
    assert (answer.status_code, paid.orders) == (404, [])


def test_the_engine_understands_each_camera_of_a_shot() -> None:
    for choice, words in SHOT_WORDS.items():
        named = [mention.fact for mention in read(f"A glass. Camera: {words}.").mentions]
        assert CameraMove(choice) in named, choice


def test_a_camera_goes_into_a_shots_words_and_out_again() -> None:
    for choice in ("", *SHOT_WORDS):
        assert shot_camera(shot_prompt("A fox.", choice)) == ("A fox.", choice)
    assert shot_camera("A fox. Camera: upside down.") == ("A fox. Camera: upside down.", "")


def test_shots_change_places_only_where_there_is_a_place() -> None:
    shots = tuple(DraftShot(words) for words in WORDS)
    first, second, third = shots
    assert rearranged(shots, "up-1") == rearranged(shots, "down-3") == rearranged(shots, "up-9") == shots
    assert rearranged(shots, "down-1") == (second, first, third)
    assert rearranged(shots, "remove-2") == (first, third)
    assert rearranged((first,), "remove-1") == (first,)
    assert rearranged(shots, "up-" + "2" * 5_000) == rearranged(shots, "up-²") == rearranged(shots, "up-0") == shots
    assert len(rearranged(shots * 2, "add")) == 6
