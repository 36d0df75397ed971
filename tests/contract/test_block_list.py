"""The operator's block list in every dialect: refused as content, before money moves, without a hint at the term."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.apixo.wire import path_of
from contract.kling.wire import MINIMAL, MULTI, TEXT
from reelway.domain.ids import TaskId
from reelway.domain.task import FailureCode, State
from reelway.telemetry.metrics import registry
from support.exchange import task_count
from support.gateway import CREDITS, Account, TestGateway, running_gateway
from support.staging import provider_of

pytestmark = pytest.mark.anyio

TERM = "forbidden bottle"
PROMPT = "A Forbidden  Bottle turns"
SAFETY = "The content was refused by the safety rules."
RIVYA, OPENAI = "/api/v1/generations", "/v1/videos"


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[TestGateway]:
    terms = tmp_path / "terms.txt"
    terms.write_text("# what must not be made\nforbidden\\s+bottle\n")
    async with running_gateway(tmp_path, block_list_file=terms) as found:
        yield found
        assert not await found.core.store.unbalanced_accounts()


@pytest.fixture
async def owner(gateway: TestGateway) -> Account:
    return await gateway.account()


async def post(gateway: TestGateway, owner: Account, path: str, body: Any, **headers: str) -> httpx.Response:
    return await gateway.http.post(path, json=body, headers=owner.headers | headers)


def refusals(dialect: str) -> float:
    return registry.get_sample_value("reelway_content_refused_total", {"dialect": dialect, "reason": "listed"}) or 0.0


SHOTS = [
    {"index": 1, "prompt": "A door opens", "duration": "2"},
    {"index": 2, "prompt": PROMPT, "duration": "3"},
]
CREATES = [
    (RIVYA, {"model": "kling-v2-5-turbo-pro", "prompt": PROMPT}),
    (RIVYA, {"model": "kling-v2-5-turbo-pro", "prompt": "x", "params": {"negative_prompt": PROMPT}}),
    (TEXT, MINIMAL | {"prompt": PROMPT}),
    (TEXT, MINIMAL | {"negative_prompt": PROMPT}),
    (TEXT, MULTI | {"multi_prompt": SHOTS}),
    (OPENAI, {"prompt": PROMPT}),
]
TOLD = {
    RIVYA: {"code": "content_violation", "message": SAFETY},
    TEXT: {"code": 1301, "message": "Content does not pass the safety rules"},
    OPENAI: {"code": "moderation_blocked", "message": SAFETY, "param": None, "type": "invalid_request_error"},
}


@pytest.mark.parametrize(("path", "body"), CREATES)
async def test_a_listed_text_is_refused_as_content_before_money_is_touched(
    gateway: TestGateway, owner: Account, path: str, body: Any
) -> None:
    answer = await post(gateway, owner, path, body)
    assert answer.status_code == 400, answer.text
    found = answer.json()
    told = found.get("error", found)
    assert {key: told[key] for key in TOLD[path]} == TOLD[path]
    assert "bottle" not in answer.text.lower()
    assert (await gateway.available_credits(owner), await task_count(gateway, owner)) == (CREDITS, 0)
    assert [transfer.kind for transfer in await gateway.core.store.transfers(owner.id, 10)] == ["grant"]
    assert provider_of(gateway).orders == []


@pytest.mark.parametrize(("path", "body"), CREATES[::2])
async def test_a_refusal_comes_before_the_balance_is_looked_at(gateway: TestGateway, path: str, body: Any) -> None:
    poor = await gateway.account(credits=0)
    assert (await post(gateway, poor, path, body)).status_code == 400


async def test_other_texts_pass_in_every_dialect(gateway: TestGateway, owner: Account) -> None:
    for path, body in (
        (RIVYA, {"model": "kling-v2-5-turbo-pro", "prompt": "A bottle"}),
        (TEXT, MINIMAL),
        (OPENAI, {"prompt": "A bottle"}),
        (path_of(), {"input": {"prompt": "A bottle"}}),
    ):
        assert (await post(gateway, owner, path, body)).status_code in (200, 202)


async def test_apixo_accepts_the_task_which_has_ended_and_cost_nothing(gateway: TestGateway, owner: Account) -> None:
    """Source: APIXO contract, 8.1 and C31: refused content never gives an HTTP error."""
    before, key = refusals("apixo"), {"Idempotency-Key": "one"}
    body = {"input": {"prompt": PROMPT}}
    answer = await post(gateway, owner, path_of(), body, **key)
    assert answer.status_code == 200
    task_id = answer.json()["data"]["taskId"]
    again = await post(gateway, owner, path_of(), body, **key)
    assert again.json() == answer.json()
    status = await gateway.http.get(
        "/api/v1/statusTask/kling-2-5-turbo-pro", params={"taskId": task_id}, headers=owner.headers
    )
    data = status.json()["data"]
    assert (data["state"], data["failCode"]) == ("failed", "CONTENT_VIOLATION")
    assert data["failMsg"] == "Content violates the safety rules"
    task = await gateway.task(TaskId(task_id))
    assert (task.state, task.failure_code, task.price_credits) == (State.FAILED, FailureCode.CONTENT_REJECTED, 0)
    assert await gateway.available_credits(owner) == CREDITS
    assert [transfer.kind for transfer in await gateway.core.store.transfers(owner.id, 10)] == ["grant"]
    account = await gateway.core.store.account(owner.id)
    assert account is not None
    assert account.unfinished_tasks == 0
    assert provider_of(gateway).orders == []
    assert refusals("apixo") == before + 1


async def test_a_quote_tells_of_the_refusal_too(gateway: TestGateway, owner: Account) -> None:
    answer = await post(gateway, owner, f"{RIVYA}/quote", CREATES[0][1])
    assert answer.json()["problems"] == [{"field": "body", "message": SAFETY}]
    assert answer.json()["reserved_credits"] is None


async def test_a_refused_request_leaves_its_idempotency_key_free(gateway: TestGateway, owner: Account) -> None:
    key = {"Idempotency-Key": "one"}
    assert (await post(gateway, owner, RIVYA, CREATES[0][1], **key)).status_code == 400
    fine = {"model": "kling-v2-5-turbo-pro", "prompt": "A bottle"}
    assert (await post(gateway, owner, RIVYA, fine, **key)).status_code == 202
