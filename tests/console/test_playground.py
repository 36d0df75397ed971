"""The playground in a real browser: from a prompt to a video that plays, and everything that may go wrong before."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from console.browser import Tab, opened_tab
from reelway.domain.generation import generation_of
from reelway.domain.ids import TaskId
from reelway.domain.outcomes import InProgress
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes

pytestmark = pytest.mark.anyio

PLAYGROUND = "/console/playground"
RENDER_MS = 120_000
PLAY_S = 60
HOSTILE = '</textarea></pre><img src=x onerror="window.hit=1"><script>window.hit=1</script>{{7*7}}'


@pytest.fixture
async def owner(gateway: TestGateway, tab: Tab) -> Account:
    """Whoever is signed in."""
    account = await gateway.account()
    await tab.sign_in(account.key)
    return account


@pytest.fixture
async def without_script(browser: Browser, gateway: TestGateway) -> AsyncIterator[Tab]:
    async with opened_tab(browser, gateway.base_url, java_script_enabled=False) as opened:
        yield opened


async def newest(gateway: TestGateway, account: Account) -> TaskId:
    answer = await gateway.http.get("/api/v1/generations", headers=account.headers)
    return TaskId(answer.json()["data"][0]["id"])


async def count(gateway: TestGateway, account: Account) -> int:
    answer = await gateway.http.get("/api/v1/generations", headers=account.headers)
    return len(answer.json()["data"])


def image_file(name: str, colour: tuple[int, int, int] = (200, 40, 40)) -> dict[str, object]:
    return {"name": name, "mimeType": "image/png", "buffer": image_bytes("PNG", (320, 320), colour)}


async def play(page: Page) -> None:
    """The video plays: its time moves while we watch."""
    watch = """(video) => new Promise((resolve, reject) => {
        video.addEventListener("error", () => reject(video.error.message));
        video.addEventListener("timeupdate", () => video.currentTime > 0.2 && resolve(video.currentTime));
        video.play().catch(reject);
    })"""
    assert await asyncio.wait_for(page.locator("video").evaluate(watch), PLAY_S) > 0.2


# --- the video --------------------------------------------------------------------------------------------------------


async def test_a_prompt_becomes_a_playing_video_whose_end_begins_the_next(tmp_path: Path, browser: Browser) -> None:
    async with (
        running_gateway(tmp_path, scripted=False) as gateway,
        opened_tab(browser, gateway.base_url) as tab,
    ):
        page, account = tab.page, await gateway.account()
        await tab.sign_in(account.key)
        await tab.go(f"{PLAYGROUND}?model=kling-v1-6")
        await expect(page.locator("[data-piece=quote]")).to_contain_text("Built-in engine")
        await page.get_by_label("Prompt", exact=True).fill("A red fox walks through deep snow at dawn")
        await page.get_by_role("button", name="Generate").click()
        await page.wait_for_url("**/playground?task=*")
        video = page.locator("video")
        await video.wait_for(timeout=RENDER_MS)
        assert await page.locator(".player").get_attribute("data-state") == "succeeded"
        await play(page)
        assert (await video.get_attribute("loop"), await video.get_attribute("controls")) == ("", "")
        poster = await page.request.get(gateway.base_url + (await video.get_attribute("poster") or ""))
        assert poster.headers["content-type"] == "image/jpeg"
        await expect(page.locator("#run .facts")).to_contain_text("1280×720")
        await expect(page.locator("#run .facts")).to_contain_text("32 credits")
        assert await page.locator("[data-run-said]").text_content() == "Succeeded"
        async with page.expect_download() as downloading:
            await page.get_by_role("link", name="Download").click()
        assert (await downloading.value).suggested_filename.endswith(".mp4")
        await tab.check_accessibility()
        await page.get_by_role("button", name="Use the last frame as start frame").click()
        await page.get_by_text("The last frame is the start frame now.").wait_for()
        picture = page.locator("[data-frame=start_frame] img")
        await expect(picture).to_be_visible()
        assert await picture.evaluate("async (image) => (await image.decode(), image.naturalWidth)") == 1280
        await expect(page.get_by_label("Prompt", exact=True)).to_have_value("A red fox walks through deep snow at dawn")
        await expect(page.locator("[data-piece=snippets]")).to_contain_text("referenceMediaItems")


async def test_the_same_again_fills_the_form_with_what_was_asked_for(
    gateway: TestGateway, tab: Tab, owner: Account
) -> None:
    camera = {"type": "simple", "config": {"zoom": -7.5}}
    body = {"model_name": "kling-v1", "prompt": "Rain", "duration": "10", "mode": "pro", "camera_control": camera}
    answer = await gateway.http.post("/kling/v1/videos/text2video", json=body, headers=owner.headers)
    await gateway.ended(owner, TaskId(answer.json()["data"]["task_id"]))
    task_id = await newest(gateway, owner)
    page = tab.page
    await tab.go(f"{PLAYGROUND}?again={task_id}")
    await expect(page.get_by_label("Prompt", exact=True)).to_have_value("Rain")
    await expect(page.locator("[name=param-duration][value='10']")).to_be_checked()
    await expect(page.locator("#camera")).to_have_value("zoom_in")
    await expect(page.locator("#camera_strength")).to_have_value("7.5")
    await page.get_by_role("button", name="Generate").click()
    await page.locator("video").wait_for()
    again = await newest(gateway, owner)
    assert again != task_id
    first, second = [generation_of((await gateway.task(each)).generation) for each in (task_id, again)]
    assert first == second


async def test_a_task_under_way_is_cancelled(gateway: TestGateway, tab: Tab, owner: Account) -> None:
    assert gateway.provider is not None
    gateway.provider.default_poll = InProgress(0.4, poll_after_s=0.05)
    page = tab.page
    await tab.go(PLAYGROUND)
    await page.get_by_label("Prompt", exact=True).fill("Rain")
    await page.get_by_role("button", name="Generate").click()
    await expect(page.locator("#run")).to_contain_text("40%")
    await page.get_by_role("button", name="Cancel").click()
    await expect(page.locator(".player")).to_have_attribute("data-state", "cancelled")
    await expect(page.locator("#run")).to_contain_text("0 credits")
    assert gateway.provider.cancelled == [await newest(gateway, owner)]


# --- frames -----------------------------------------------------------------------------------------------------------


async def test_two_frames_are_chosen_shown_and_sent(gateway: TestGateway, tab: Tab, owner: Account) -> None:
    page = tab.page
    await tab.go(PLAYGROUND)
    for name in ("start_frame", "last_frame"):
        await page.set_input_files(f"[name={name}_file]", files=[image_file(f"{name}.png")])  # type: ignore[list-item]
        await expect(page.locator(f"[data-frame={name}] img")).to_have_attribute("alt", f"{name}.png")
    await page.get_by_label("Prompt", exact=True).fill("Rain")
    await page.get_by_role("button", name="Generate").click()
    await page.locator("video").wait_for()
    made = generation_of((await gateway.task(await newest(gateway, owner))).generation)
    assert made.start_frame is not None
    assert made.last_frame is not None
    assert made.start_frame.file_id != made.last_frame.file_id


@pytest.mark.parametrize("event", ["drop", "paste"])
async def test_a_frame_comes_by_drop_and_by_paste_and_goes_again(tab: Tab, owner: Account, event: str) -> None:
    page = tab.page
    await tab.go(PLAYGROUND)
    data = await page.evaluate_handle(
        """(bytes) => {
             const data = new DataTransfer();
             data.items.add(new File([new Uint8Array(bytes)], "here.png", { type: "image/png" }));
             return data;
           }""",
        list(image_bytes("PNG", (320, 320))),
    )
    if event == "drop":
        await page.dispatch_event("[data-frame=start_frame] .drop", "drop", {"dataTransfer": data})
    else:
        await page.evaluate(
            "(data) => document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))",
            data,
        )
    picture = page.locator("[data-frame=start_frame] img")
    await expect(picture).to_have_attribute("alt", "here.png")
    await expect(page.locator("[data-piece=snippets]")).to_contain_text("referenceMediaItems")
    await page.locator("[data-frame=start_frame]").get_by_role("button", name="Take away").click()
    await expect(picture).to_be_hidden()
    await expect(page.locator("[data-piece=snippets]")).not_to_contain_text("referenceMediaItems")


async def test_a_file_that_is_no_image_is_told_at_its_frame(tab: Tab, owner: Account) -> None:
    tab.may.append("422")
    page = tab.page
    await tab.go(PLAYGROUND)
    wrong = {"name": "a.png", "mimeType": "image/png", "buffer": b"not an image"}
    await page.set_input_files("[name=start_frame_file]", files=[wrong])  # type: ignore[list-item]
    await expect(page.locator("[data-faults=start_frame]")).to_have_text("The image must be JPEG, PNG or WebP.")
    await expect(page.locator("[name=start_frame_file]")).to_have_attribute("aria-invalid", "true")


# --- problems ---------------------------------------------------------------------------------------------------------


async def test_a_refused_value_is_told_at_its_field_before_and_after_it_is_sent(
    gateway: TestGateway, tab: Tab, owner: Account
) -> None:
    tab.may.append("422")
    page = tab.page
    await tab.go(f"{PLAYGROUND}?model=kling-3-0")
    prompt = page.get_by_label("Prompt", exact=True)
    await prompt.fill("😀" * 2_001)
    await expect(page.locator("[data-counts=prompt]")).to_have_text("2,001 / 2,000")
    await expect(page.locator("[data-faults=prompt]")).to_have_text("At most 2000 characters.")
    await expect(prompt).to_have_attribute("aria-invalid", "true")
    await expect(page.locator("[data-piece=quote]")).to_contain_text("The price is known when")
    await page.get_by_role("button", name="Generate").click()
    await expect(page.locator("[data-faults=prompt]")).to_have_text("At most 2000 characters.")
    await expect(prompt).to_have_value("😀" * 2_001)
    await tab.check_accessibility()
    assert await count(gateway, owner) == 0
    await prompt.fill("😀" * 2_000)
    await expect(prompt).not_to_have_attribute("aria-invalid", "true")
    await expect(page.locator("[data-piece=quote]")).to_contain_text("90 credits")


async def test_a_blank_form_is_refused_and_too_few_credits_are_told(gateway: TestGateway, tab: Tab) -> None:
    tab.may.append("422")
    account = await gateway.account(credits=1)
    page = tab.page
    await tab.sign_in(account.key)
    await tab.go(PLAYGROUND)
    await expect(page.locator("[data-piece=quote]")).to_contain_text("Your credits do not cover the price.")
    await page.get_by_role("button", name="Generate").click()
    await expect(page.locator("[data-faults=prompt]")).to_have_text("Write something.")
    await page.get_by_label("Prompt", exact=True).fill("Rain")
    await page.get_by_role("button", name="Generate").click()
    await expect(page.locator("[data-piece=quote] .problem")).to_contain_text("do not cover the price")
    assert await count(gateway, account) == 0


async def test_another_model_keeps_what_it_can(tab: Tab, owner: Account) -> None:
    page = tab.page
    await tab.go(f"{PLAYGROUND}?model=kling-v1-6")
    await page.get_by_label("Prompt", exact=True).fill("Rain on a tin roof")
    await page.locator("[name=param-aspect_ratio][value='9:16']").check()
    await page.locator("[name=param-duration][value='10']").check()
    await page.get_by_label("Model").select_option("kling-3-0")
    await page.locator("#param-duration").wait_for()
    await expect(page.get_by_label("Prompt", exact=True)).to_have_value("Rain on a tin roof")
    await expect(page.locator("#param-duration")).to_have_value("10")
    await expect(page.locator("[name=param-aspect_ratio][value='9:16']")).to_be_checked()


# --- safety -----------------------------------------------------------------------------------------------------------


async def test_a_prompt_and_a_file_name_stay_texts(gateway: TestGateway, tab: Tab, owner: Account) -> None:
    page = tab.page
    await tab.go(PLAYGROUND)
    name = '"><img src=x onerror=window.hit=1>.png'
    await page.set_input_files("[name=start_frame_file]", files=[image_file(name)])  # type: ignore[list-item]
    await expect(page.locator("[data-frame=start_frame] img")).to_have_attribute("alt", re.compile("onerror"))
    await page.get_by_label("Prompt", exact=True).fill(HOSTILE)
    await expect(page.locator("[data-piece=snippets]")).to_contain_text("onerror")
    await page.get_by_role("button", name="Generate").click()
    await page.locator("video").wait_for()
    await expect(page.get_by_label("Prompt", exact=True)).to_have_value(HOSTILE)
    assert generation_of((await gateway.task(await newest(gateway, owner))).generation).prompt == HOSTILE
    assert await page.evaluate("[window.hit, document.querySelectorAll('img[src=x]').length]") == [None, 0]


async def test_a_file_of_another_account_is_not_there(gateway: TestGateway, tab: Tab, owner: Account) -> None:
    other = await gateway.account()
    form = {"file": ("a.png", image_bytes("PNG", (320, 320)), "image/png")}
    answer = await gateway.http.post("/api/v1/files", data={"kind": "image"}, files=form, headers=other.headers)
    file_id = answer.json()["id"]
    page = tab.page
    await tab.go(f"{PLAYGROUND}?start_frame={file_id}")
    await expect(page.locator("[data-faults=start_frame]")).not_to_be_empty()
    assert answer.json()["url"].rpartition("/")[2] not in await page.content()


async def test_tasks_of_others_are_not_shown(gateway: TestGateway, tab: Tab, owner: Account) -> None:
    tab.may.append("404")
    other = await gateway.account()
    task_id = await gateway.created(other)
    for path in (f"{PLAYGROUND}?task={task_id}", f"{PLAYGROUND}?again={task_id}", f"/console/runs/{task_id}/events"):
        assert (await tab.go(path)).status == 404


# --- everybody --------------------------------------------------------------------------------------------------------


async def test_without_a_script_a_form_with_a_file_becomes_a_video(gateway: TestGateway, without_script: Tab) -> None:
    tab, account = without_script, await gateway.account()
    tab.may.append("422")
    page = tab.page
    await tab.sign_in(account.key)
    await tab.go(PLAYGROUND)
    await page.locator("#prompt").fill("x" * 3_000)
    await page.set_input_files("[name=start_frame_file]", files=[image_file("a.png")])  # type: ignore[list-item]
    await page.get_by_role("button", name="Generate").click()
    assert "At most 2500 characters." in await page.locator("[data-faults=prompt]").inner_text()
    assert await page.locator("[data-frame=start_frame] img").get_attribute("alt") == "a.png"
    await page.locator("#prompt").fill("Rain")
    await page.get_by_role("button", name="Generate").click()
    task_id = await newest(gateway, account)
    await gateway.ended(account, task_id)
    await tab.go(f"{PLAYGROUND}?task={task_id}")
    await page.locator("video").wait_for()
    made = generation_of((await gateway.task(task_id)).generation)
    assert made.start_frame is not None


async def test_a_form_that_is_sent_twice_makes_one_task(gateway: TestGateway, tab: Tab, owner: Account) -> None:
    page = tab.page
    await tab.go(PLAYGROUND)
    fields = {
        name: await page.locator(f"#compose [name={name}]").input_value() for name in ("form_token", "request_key")
    }
    sent = {**fields, "model": "kling-3-0", "prompt": "Rain", "act": "generate"}
    for cookie in await page.context.cookies():
        gateway.http.cookies.set(cookie["name"], cookie["value"])
    parts: dict[str, Any] = {name: (None, value) for name, value in sent.items()}
    answers = [await gateway.http.post(PLAYGROUND, files=parts) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303], answers[0].text
    assert answers[0].headers["location"] == answers[1].headers["location"]
    assert await count(gateway, owner) == 1


async def test_the_page_is_mirrored_and_speaks_urdu(tab: Tab, owner: Account) -> None:
    page = tab.page
    await tab.go(f"{PLAYGROUND}?model=kling-v1-6")
    await tab.choose("language", "ur")
    assert await page.locator("html").get_attribute("dir") == "rtl"
    await expect(page.get_by_role("button", name="بنائیں")).to_be_visible()
    await page.locator("#prompt").fill("x" * 2_501)
    await expect(page.locator("[data-faults=prompt]")).to_contain_text("2500 حروف")
    form, quote = [await page.locator(part).bounding_box() for part in ("#compose", ".quote")]
    assert form is not None
    assert quote is not None
    assert quote["x"] < form["x"]
    await tab.check_accessibility()
    await tab.check_width()


async def test_a_phone_shows_all_of_it(browser: Browser, gateway: TestGateway) -> None:
    account = await gateway.account()
    async with opened_tab(
        browser, gateway.base_url, viewport={"width": 360, "height": 740}, color_scheme="dark"
    ) as tab:
        await tab.sign_in(account.key)
        for model in ("kling-v1-6", "kling-3-0"):
            await tab.go(f"{PLAYGROUND}?model={model}")
            await tab.check_width()
            await tab.check_accessibility()
