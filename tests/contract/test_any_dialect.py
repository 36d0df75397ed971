"""A task belongs to its account and not to a dialect: whichever made it, every dialect reads it. Section 1.3 of each
contract. And the limits count all dialects together: section 4.2 of each."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.apixo import conformance as apixo
from contract.kling import conformance as kling
from contract.openai_videos import conformance as openai
from contract.rivya import wire as rivya
from reelway.domain.ids import TaskId
from reelway.domain.task import State
from support.exchange import ask_often
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.staging import brought_into, provider_of

pytestmark = pytest.mark.anyio

STATES = [
    State.QUEUED,
    State.SUBMITTING,
    State.RUNNING,
    State.STORING,
    State.SUCCEEDED,
    State.FAILED,
    State.CANCELLED,
    State.EXPIRED,
]


@dataclass(frozen=True)
class Seen:
    """What one dialect says of a task, in the core's words: 0 queued, 1 at work, 2 done, 3 failed."""

    step: int
    url: str | None


@dataclass(frozen=True)
class Dialect:
    name: str
    create: Callable[[TestGateway, Account], Awaitable[httpx.Response]]
    read: Callable[[TestGateway, Account, str], Awaitable[httpx.Response]]
    id_of: Callable[[httpx.Response], str]
    seen: Callable[[httpx.Response], Seen]


def rivya_seen(answer: httpx.Response) -> Seen:
    task = rivya.task_of(answer)
    step = ["queued", "processing", "succeeded", "failed"].index(task["status"])
    return Seen(step, task["result"]["primary_url"] if step == 2 else None)


def apixo_seen(answer: httpx.Response) -> Seen:
    data = apixo.state_of(answer)
    step = ["pending", "processing", "success", "failed"].index(data["state"])
    return Seen(step, apixo.result_urls(data)[0] if step == 2 else None)


def kling_seen(answer: httpx.Response) -> Seen:
    task = kling.task_of(answer)
    step = ["submitted", "processing", "succeed", "failed"].index(task["task_status"])
    return Seen(step, kling.video_of(task)["url"] if step == 2 else None)


def openai_seen(answer: httpx.Response) -> Seen:
    video = openai.video_of(answer)
    return Seen(["queued", "in_progress", "completed", "failed"].index(video["status"]), None)


RIVYA = Dialect(
    "rivya",
    lambda gateway, owner: rivya.post(gateway, owner, rivya.body_of()),
    rivya.status_of,
    lambda answer: str(rivya.task_of(answer, 202)["id"]),
    rivya_seen,
)
APIXO = Dialect(
    "apixo",
    lambda gateway, owner: apixo.post(gateway, owner, apixo.body_of()),
    apixo.status_of,
    apixo.id_of,
    apixo_seen,
)
KLING = Dialect(
    "kling",
    lambda gateway, owner: kling.post(gateway, owner, kling.body_of()),
    kling.query,
    lambda answer: str(kling.data_of(answer)["task_id"]),
    kling_seen,
)
OPENAI = Dialect(
    "openai_videos",
    lambda gateway, owner: openai.post(gateway, owner, openai.body_of(model=openai.TURBO)),
    openai.retrieve,
    lambda answer: str(openai.video_of(answer)["id"]),
    openai_seen,
)
DIALECTS = [RIVYA, APIXO, KLING, OPENAI]
"""All four make a text-to-video task of the same catalogue entry here, the one that APIXO names in its path."""
NAMES = [dialect.name for dialect in DIALECTS]


async def made(gateway: TestGateway, owner: Account, dialect: Dialect) -> TaskId:
    return TaskId(dialect.id_of(await dialect.create(gateway, owner)))


@pytest.mark.parametrize("maker", DIALECTS, ids=NAMES)
@pytest.mark.parametrize("state", STATES)
async def test_a_task_of_any_dialect_is_read_through_every_other_one_in_every_state(
    stage: TestGateway, owner: Account, maker: Dialect, state: State
) -> None:
    task_id = await brought_into(stage, owner, state, lambda: made(stage, owner, maker))
    found = []
    for reader in DIALECTS:
        answer = await reader.read(stage, owner, task_id)
        assert answer.headers["X-Reelway-State"] == state, reader.name
        found.append(reader.seen(answer))
    assert len({seen.step for seen in found}) == 1
    urls = {seen.url for seen in found if seen.url is not None}
    assert len(urls) == (1 if state is State.SUCCEEDED else 0)
    for url in urls:
        assert (await stage.http.get(url)).content == provider_of(stage).video


@pytest.mark.parametrize("maker", DIALECTS, ids=NAMES)
async def test_a_task_of_any_dialect_is_hidden_from_other_accounts_in_every_dialect(
    shared: TestGateway, account: Account, maker: Dialect
) -> None:
    task_id = await made(shared, account, maker)
    stranger = await shared.account()
    for reader in DIALECTS:
        foreign = await reader.read(shared, stranger, task_id)
        unknown = await reader.read(shared, stranger, "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3")
        assert foreign.status_code == unknown.status_code == 404
        assert without_ids(foreign) == without_ids(unknown)


def without_ids(answer: httpx.Response) -> Any:
    """An error's body without what names the request."""
    body = answer.json()
    body.pop("request_id", None)
    if "error" in body:
        body["error"].pop("requestId", None)
    return body


async def test_the_lists_show_the_tasks_of_all_dialects(stage: TestGateway, owner: Account) -> None:
    provider_of(stage).free_slots = 0
    newest = [await made(stage, owner, dialect) for dialect in DIALECTS][::-1]
    assert await rivya.listed_ids(stage, owner) == newest
    listed = kling.data_of(await kling.get(stage, owner, kling.TEXT))
    assert [task["task_id"] for task in listed] == newest
    page = (await openai.get(stage, owner, openai.VIDEOS)).json()
    assert [video["id"] for video in page["data"]] == newest


async def test_all_dialects_spend_one_wallet(shared: TestGateway, account: Account) -> None:
    for dialect in DIALECTS:
        await shared.ended(account, await made(shared, account, dialect))
    prices = {RIVYA.name: 42, APIXO.name: 42, KLING.name: 26, OPENAI.name: 42}  # Kling's default is std
    assert await rivya.credits_of(shared, account) == CREDITS - sum(prices.values())


async def test_an_image_task_of_rivya_is_an_image2video_task_of_kling(shared: TestGateway, account: Account) -> None:
    body = rivya.with_items(rivya.item(url=rivya.IMAGE_URL))
    task_id = rivya.task_of(await rivya.post(shared, account, body), 202)["id"]
    assert (await kling.query(shared, account, task_id, kling.IMAGE)).status_code == 200
    kling.error_of(await kling.query(shared, account, task_id, kling.TEXT), 404, 1203)


def assert_limited(answers: list[httpx.Response]) -> None:
    """Every dialect refuses in its own words; the four answers are in the order of `DIALECTS`."""
    by_rivya, by_apixo, by_kling, by_openai = answers
    rivya.error_of(by_rivya, 429, "rate_limited")
    assert apixo.envelope_of(by_apixo, 429)["message"] == "Rate limit exceeded"
    kling.error_of(by_kling, 429, 1302)
    openai.error_of(by_openai, 429, "rate_limit_exceeded")
    assert {answer.headers["RateLimit-Limit"] for answer in answers} == {"10000"}


async def test_request_10001_of_a_minute_is_refused_in_every_dialect(stage: TestGateway, owner: Account) -> None:
    """Statement 47 of Rivya, 42 of APIXO, 56 of Kling and 48 of OpenAI Videos, with the default limit."""
    for dialect in DIALECTS:
        await dialect.create(stage, owner)
        await dialect.read(stage, owner, "x")
    left = int((await rivya.get(stage, owner, rivya.CREDITS)).headers["RateLimit-Remaining"])
    assert left == 9_991  # 9 requests through four dialects have counted together
    await ask_often(stage, owner, left)
    assert_limited([await dialect.read(stage, owner, "x") for dialect in DIALECTS])
    assert_limited([await dialect.create(stage, owner) for dialect in DIALECTS])
    stage.clock.advance(60)
    for dialect in DIALECTS:
        dialect.id_of(await dialect.create(stage, owner))


async def test_task_1001_is_refused_in_every_dialect(stage: TestGateway, owner: Account) -> None:
    """Statement 48 of Rivya, 43 of APIXO, 56 of Kling and 49 of OpenAI Videos, with the default limit."""
    provider_of(stage).free_slots = 0
    for _ in range(25):
        answers = await asyncio.gather(*(dialect.create(stage, owner) for dialect in DIALECTS * 10))
        assert {answer.status_code for answer in answers} <= {200, 202}
    account = await stage.core.store.account(owner.id)
    assert account is not None
    assert account.unfinished_tasks == 1_000
    by_rivya, by_apixo, by_kling, by_openai = [await dialect.create(stage, owner) for dialect in DIALECTS]
    rivya.error_of(by_rivya, 429, "rate_limited")
    assert apixo.envelope_of(by_apixo, 429)["message"] == "Concurrent task limit exceeded"
    kling.error_of(by_kling, 429, 1303)
    openai.error_of(by_openai, 429, "concurrency_limit_exceeded")
    for answer in (by_rivya, by_apixo, by_kling, by_openai):
        assert answer.headers["Retry-After"] == "5"


async def test_one_key_works_in_every_dialect_until_it_expires(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway:
        owner = await gateway.account()
        short = await gateway.key(owner, expires_at_us=gateway.clock.now_us() + 60_000_000)
        for dialect in DIALECTS:
            dialect.id_of(await dialect.create(gateway, short))
        gateway.clock.advance(61)
        for dialect in DIALECTS:
            assert (await dialect.create(gateway, short)).status_code == 401
