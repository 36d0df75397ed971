"""Tasks: found again, watched as they move, stopped, told again; and what they say that could do harm."""

import json
import re

import httpx
import pytest

from console.browser import Tab
from console.client import Visitor
from console.seeding import EVIL
from reelway.console.pages.tasks import PAGE_SIZE
from reelway.domain import outcomes
from reelway.domain.task import FailureCode
from support.gateway import TestGateway
from support.provider import ScriptedProvider
from support.receiver import receiving
from support.webhooks import attempts, endpoint

pytestmark = pytest.mark.anyio


def provider_of(gateway: TestGateway) -> ScriptedProvider:
    assert gateway.provider is not None
    return gateway.provider


async def test_an_empty_console_makes_a_first_video_with_one_click(gateway: TestGateway, tab: Tab) -> None:
    await tab.sign_in((await gateway.account()).key)
    await tab.page.get_by_role("button", name="Make the first video").click()
    await tab.page.get_by_text("Your first video is being made.").wait_for()
    video = tab.page.locator("video")
    await video.wait_for()
    assert await video.evaluate(
        """async (video) => {
             video.muted = true;
             await video.play();
             while (video.currentTime <= 0.1) await new Promise((tick) => video.addEventListener("timeupdate", tick));
             return true;
           }"""
    )
    poster = await video.get_attribute("poster")
    assert poster is not None
    assert poster.startswith("/media/")


async def test_the_page_of_a_task_moves_along_by_itself(gateway: TestGateway, tab: Tab) -> None:
    provider = provider_of(gateway)
    provider.default_poll = outcomes.InProgress(0.3, 0.0)
    account = await gateway.account()
    task_id = await gateway.created(account)
    await tab.sign_in(account.key)
    await tab.go(f"/console/tasks/{task_id}")
    await tab.page.locator(".player .number", has_text="30%").wait_for()
    provider.default_poll = outcomes.InProgress(0.8, 0.0)
    gateway.clock.advance(10)  # progress is written at most every few seconds
    await tab.page.locator(".player .number", has_text="80%").wait_for()
    provider.default_poll = outcomes.Finished()
    await tab.page.locator("video").wait_for()
    assert await tab.page.locator(".badge", has_text="Succeeded").count() == 1
    assert await tab.page.locator(".stages li").count() == 3


async def test_a_running_task_is_cancelled_and_its_credits_come_back(gateway: TestGateway, tab: Tab) -> None:
    provider_of(gateway).default_poll = outcomes.InProgress(0.3, 0.0)
    account = await gateway.account(1_000)
    task_id = await gateway.created(account)
    await tab.sign_in(account.key)
    await tab.go(f"/console/tasks/{task_id}")
    await tab.page.get_by_role("button", name="Cancel").click()
    await tab.page.locator(".badge", has_text="Cancelled").first.wait_for()
    assert await gateway.available_credits(account) == 1_000


async def test_revoking_the_key_in_mid_session_ends_the_stream_and_the_session(gateway: TestGateway, tab: Tab) -> None:
    provider_of(gateway).default_poll = outcomes.InProgress(0.3, 0.0)
    account = await gateway.account()
    task_id = await gateway.created(account)
    await tab.sign_in(account.key)
    await tab.go(f"/console/tasks/{task_id}")
    await tab.page.locator(".player .number", has_text="30%").wait_for()
    for key in await gateway.core.store.keys(account.id):
        await gateway.core.store.revoke_key(key.id, gateway.clock.now_us())
    provider_of(gateway).default_poll = outcomes.Finished()
    await gateway.until(lambda: not gateway.core.streams_open)
    assert await tab.page.locator("video").count() == 0
    await tab.page.reload()
    assert "/console/sign-in" in tab.page.url


async def test_a_webhook_is_sent_again_from_the_page_of_its_task(gateway: TestGateway, tab: Tab) -> None:
    account = await gateway.account()
    async with receiving() as receiver:
        hook = await endpoint(gateway, account, receiver.url, name="Orders")
        task_id = await gateway.created(account)
        await gateway.ended(account, task_id)
        await attempts(gateway, account, hook["id"], 1)
        await tab.sign_in(account.key)
        await tab.go(f"/console/tasks/{task_id}")
        await tab.page.get_by_role("button", name="Send again").click()
        await tab.page.get_by_text("It is sent again now.").wait_for()
        await attempts(gateway, account, hook["id"], 2)
        await tab.page.reload()
        assert await tab.page.get_by_text("attempt 2").count() == 1
    assert receiver.told[0].body == receiver.told[1].body


async def test_a_callback_is_sent_again_in_the_same_words(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    async with receiving(status=200) as receiver:
        body = {"model_name": "kling-v2-5-turbo", "mode": "pro", "prompt": "A fox", "callback_url": receiver.url}
        answer = await gateway.http.post("/kling/v1/videos/text2video", json=body, headers=account.headers)
        task_id = answer.json()["data"]["task_id"]
        await gateway.ended(account, task_id)

        def ends() -> list[bytes]:
            return [told.body for told in receiver.told if told.json["task_status"] == "succeed"]

        await gateway.until(lambda: len(ends()) == 1)
        await visitor.sign_in(account.key)
        await visitor.get(f"/console/tasks/{task_id}")
        await visitor.post(f"/console/tasks/{task_id}/replay")
        await gateway.until(lambda: len(ends()) == 2)
    first, second = ends()
    assert {**json.loads(first)} == {**json.loads(second)}


async def test_a_callback_is_offered_again_only_when_it_is_told_of_the_tasks_state(
    gateway: TestGateway, visitor: Visitor
) -> None:
    """APIXO's callbacks tell of the end only."""
    provider_of(gateway).default_poll = outcomes.InProgress(0.3, 0.0)
    account = await gateway.account()
    async with receiving(status=200) as receiver:
        body = {"request_type": "callback", "callback_url": receiver.url, "input": {"prompt": "A fox"}}
        path = "/api/v1/generateTask/kling-2-5-turbo-pro"
        answer = await gateway.http.post(path, json=body, headers=account.headers)
        task_id = answer.json()["data"]["taskId"]
        await visitor.sign_in(account.key)
        await visitor.get(f"/console/tasks/{task_id}")
        assert receiver.url in visitor.text
        assert f"/tasks/{task_id}/replay" not in visitor.text
        provider_of(gateway).default_poll = outcomes.Finished()
        await gateway.ended(account, task_id)
        await visitor.get(f"/console/tasks/{task_id}")
        assert f"/tasks/{task_id}/replay" in visitor.text
        await gateway.until(lambda: bool(receiver.told))


async def test_times_and_lengths_stand_apart_on_an_urdu_page(gateway: TestGateway, visitor: Visitor) -> None:
    """Otherwise a length's number moves in between the time and its zone."""
    account = await gateway.account()
    task_id = await gateway.created(account)
    await gateway.ended(account, task_id)
    visitor.http.cookies.set("reelway_language", "ur")
    await visitor.sign_in(account.key)
    page = await visitor.get(f"/console/tasks/{task_id}")
    for line in re.findall(r'<span class="small quiet">.*?<time.*?</span>', page.text):
        assert re.fullmatch(r"(<bdi>(<time [^>]*>)?[^<]*(</time>)?</bdi>( · )?)+", line[26:-7]), line
    assert page.text.count(" · <bdi>") >= 3


async def test_a_task_without_callback_has_nothing_to_send_again(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    task_id = await gateway.created(account)
    await visitor.sign_in(account.key)
    await visitor.get("/console/")
    assert (await visitor.post(f"/console/tasks/{task_id}/replay")).status_code == 404


async def test_a_deleted_task_is_gone(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    task_id = await gateway.created(account)
    await gateway.ended(account, task_id)
    await visitor.sign_in(account.key)
    await visitor.get(f"/console/tasks/{task_id}")
    page = await visitor.post(f"/console/tasks/{task_id}/delete")
    assert "were deleted" in page.text
    assert task_id not in page.text
    assert (await visitor.get(f"/console/tasks/{task_id}")).status_code == 404


def _is_listed(page: httpx.Response, task_id: str) -> bool:
    return f'href="/console/tasks/{task_id}"' in page.text


# --- the table --------------------------------------------------------------------------------------------------------


async def test_the_table_goes_back_page_by_page(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    made = [await gateway.created(account) for _ in range(PAGE_SIZE + 3)]
    await visitor.sign_in(account.key)
    page = await visitor.get("/console/tasks")
    assert [_is_listed(page, task_id) for task_id in made] == [False] * 3 + [True] * PAGE_SIZE
    older = visitor.text.split('rel="next" href="')[1].split('"')[0]
    page = await visitor.get(older)
    assert [_is_listed(page, task_id) for task_id in made] == [True] * 3 + [False] * PAGE_SIZE


async def test_the_table_says_what_a_task_cost_in_the_end(gateway: TestGateway, visitor: Visitor) -> None:
    """Its price while it runs; once it has failed nothing, for its credits are back."""
    provider_of(gateway).default_poll = outcomes.InProgress(0.3, 0.0)
    account = await gateway.account(1_000)
    await gateway.created(account)
    price = 1_000 - await gateway.available_credits(account)
    assert price > 0
    await visitor.sign_in(account.key)

    async def shown() -> list[str]:
        page = await visitor.get("/console/tasks")
        return re.findall(r'class="amount"><span class="number">([^<]*)</span>', page.text)

    assert await shown() == [str(price)]
    provider_of(gateway).default_poll = outcomes.JobFailed(FailureCode.PROVIDER_REJECTED, "")
    await gateway.ended(account, await gateway.created(account))
    assert (await shown())[0] == "0"


async def test_a_task_is_found_by_every_id_and_by_its_words(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    wanted = await gateway.created(account, prompt="A lighthouse in fog", client_request_id="order-4711")
    other = await gateway.created(account, prompt="A fox")
    await visitor.sign_in(account.key)
    for query in (wanted, "order-4711", "LIGHTHOUSE in"):
        page = await visitor.get(f"/console/tasks?q={query}")
        assert wanted in page.text, query
        assert other not in page.text, query
    page = await visitor.get("/console/tasks?q=zeppelin")
    assert "Nothing found" in page.text
    stranger = await gateway.created(await gateway.account())
    assert f"/console/tasks/{stranger}" not in (await visitor.get(f"/console/tasks?q={stranger}")).text


@pytest.mark.parametrize(
    "query",
    ["before=nonsense", "status=nonsense", "since=2026-13-99", "until=x", "model=%00", "q=" + "x" * 5_000, "q=%FF"],
)
async def test_a_strange_address_shows_a_table_all_the_same(gateway: TestGateway, visitor: Visitor, query: str) -> None:
    await visitor.sign_in((await gateway.account()).key)
    assert (await visitor.get(f"/console/tasks?{query}")).status_code == 200


async def test_a_finished_video_has_its_pictures(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    task_id = await gateway.created(account)
    await gateway.ended(account, task_id)
    await visitor.sign_in(account.key)
    for name, kind in (("thumbnail", "image/webp"), ("spritesheet", "image/jpeg")):
        page = await visitor.get(f"/console/tasks/{task_id}/picture/{name}")
        assert page.headers["content-type"] == kind
        assert page.headers["cache-control"].startswith("private")
    assert (await visitor.get(f"/console/tasks/{task_id}/picture/video")).status_code == 404
    stranger = await gateway.created(await gateway.account())
    assert (await visitor.get(f"/console/tasks/{stranger}/picture/thumbnail")).status_code == 404


async def test_a_task_shows_what_each_dialect_says_of_it(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    task_id = await gateway.created(account)
    await gateway.ended(account, task_id)
    await visitor.sign_in(account.key)
    await visitor.get(f"/console/tasks/{task_id}")
    for words in ('"status": "succeeded"', '"state": "success"', '"task_status": "succeed"', '"status": "completed"'):
        assert words in visitor.text, words


# --- what could do harm -----------------------------------------------------------------------------------------------


async def test_what_users_and_providers_write_is_only_ever_text(gateway: TestGateway, visitor: Visitor) -> None:
    provider_of(gateway).default_poll = outcomes.JobFailed(FailureCode.PROVIDER_REJECTED, EVIL)
    account = await gateway.account()
    task_id = await gateway.created(account, prompt=EVIL, client_request_id=EVIL[:100])
    await gateway.ended(account, task_id)
    await visitor.sign_in(account.key)
    for path in ("/", "/tasks", f"/tasks/{task_id}", f"/tasks?q={EVIL}"):
        page = await visitor.get(f"/console{path}")
        assert page.status_code == 200
        assert "<img src=x" not in page.text, path
        assert "<script>alert" not in page.text, path
    assert "{{ 7 * 7 }}" in visitor.text


async def test_the_stream_of_a_task_ends_with_it(gateway: TestGateway, visitor: Visitor) -> None:
    account = await gateway.account()
    task_id = await gateway.created(account, prompt="two\nlines")
    await gateway.ended(account, task_id)
    await visitor.sign_in(account.key)
    page = await visitor.get(f"/console/tasks/{task_id}/events")
    assert page.headers["content-type"].startswith("text/event-stream")
    blocks = [block for block in page.text.split("\n\n") if block]
    assert [block.split("\n")[0] for block in blocks] == ["event: task", "event: end"]
    assert all(line.startswith(("data: ", "event: ")) for line in blocks[0].split("\n"))
