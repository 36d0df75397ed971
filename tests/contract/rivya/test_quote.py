"""The quote: what a request would cost and who would serve it, without doing anything. Section 12.3 and C60."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from contract.rivya.wire import (
    KLING_3,
    QUOTE,
    TURBO,
    assert_shared_headers,
    body_of,
    credits_of,
    item,
    listed_ids,
    post,
    post_raw,
    problem,
    problems_of,
    with_items,
)
from reelway.domain import outcomes
from support.failover import two_providers
from support.gateway import Account, TestGateway, parts_of, running_gateway
from support.staging import Gate, provider_of

pytestmark = pytest.mark.anyio

KEYS = [
    "object",
    "valid",
    "model",
    "mode",
    "params",
    "billing_type",
    "reserved_credits",
    "current_credits",
    "sufficient_credits",
    "provider",
    "estimate",
    "problems",
]


async def quote_of(gateway: TestGateway, account: Account, body: Any) -> dict[str, Any]:
    answer = await post(gateway, account, body, QUOTE)
    assert answer.status_code == 200, answer.text
    assert_shared_headers(answer)
    quote: dict[str, Any] = answer.json()
    assert list(quote) == KEYS
    assert quote["object"] == "generation_quote"
    assert quote["valid"] is (quote["problems"] == [])
    return quote


async def test_12_3_a_valid_request_is_quoted_in_full(shared: TestGateway) -> None:
    account = await shared.account(credits=123)
    quote = await quote_of(shared, account, body_of())
    for key in ("run_seconds", "p50_seconds", "p90_seconds"):
        assert isinstance(quote["estimate"].pop(key), int)
    assert quote == {
        "object": "generation_quote",
        "valid": True,
        "model": TURBO,
        "mode": "text-to-video",
        "params": {"duration": "5", "aspect_ratio": "16:9", "cfg_scale": 0.5},
        "billing_type": "FIXED",
        "reserved_credits": 42,
        "current_credits": 123,
        "sufficient_credits": True,
        "provider": {"name": "value", "route": "value"},
        "estimate": {"queue_seconds": 0},
        "problems": [],
    }


async def test_12_3_the_contracts_example_with_a_problem_is_answered_as_it_stands(shared: TestGateway) -> None:
    account = await shared.account(credits=123)
    assert await quote_of(shared, account, body_of(params={"duration": "6"})) == {
        "object": "generation_quote",
        "valid": False,
        "model": TURBO,
        "mode": None,
        "params": None,
        "billing_type": "FIXED",
        "reserved_credits": None,
        "current_credits": 123,
        "sufficient_credits": None,
        "provider": None,
        "estimate": None,
        "problems": [problem("params.duration", "Must be one of the allowed values.", ["5", "10"])],
    }


@pytest.mark.parametrize(
    ("body", "mode", "params"),
    [
        (
            body_of(params={"duration": 10, "negative_prompt": "text", "cfg_scale": 1}),
            "text-to-video",
            {"duration": "10", "aspect_ratio": "16:9", "negative_prompt": "text", "cfg_scale": 1},
        ),
        (
            body_of(model=KLING_3, params={"sound": True, "duration": 15.0, "mode": "std", "multi_shots": "true"}),
            "text-to-video",
            {"mode": "std", "multi_shots": "true", "duration": "15", "sound": "true", "aspect_ratio": "16:9"},
        ),
        (
            with_items(item(), item(), aspect_ratio="1:1"),
            "image-to-video",
            {"duration": "5", "aspect_ratio": "1:1", "cfg_scale": 0.5},
        ),
    ],
)
async def test_12_3_the_params_of_a_quote_are_normalised(
    shared: TestGateway, account: Account, body: Any, mode: str, params: dict[str, Any]
) -> None:
    quote = await quote_of(shared, account, body)
    found = {key: value for key, value in quote["params"].items() if key != "referenceMediaItems"}
    assert (quote["mode"], found) == (mode, params)


async def test_12_3_too_few_credits_are_no_problem_but_a_fact(shared: TestGateway) -> None:
    account = await shared.account(credits=41)
    quote = await quote_of(shared, account, body_of())
    assert (quote["valid"], quote["reserved_credits"], quote["current_credits"]) == (True, 42, 41)
    assert quote["sufficient_credits"] is False
    exact = await shared.account(credits=42)
    assert (await quote_of(shared, exact, body_of()))["sufficient_credits"] is True


@pytest.mark.parametrize(
    ("body", "model"), [({}, None), ({"model": 5}, None), ({"model": "kling-9"}, "kling-9"), ({"model": None}, None)]
)
async def test_12_3_without_a_known_model_there_is_nothing_to_say_but_the_problems(
    shared: TestGateway, account: Account, body: Any, model: str | None
) -> None:
    quote = await quote_of(shared, account, body)
    assert [entry["field"] for entry in quote["problems"]] == ["model", "prompt"]
    assert quote["model"] == model
    for key in ("mode", "params", "billing_type", "reserved_credits", "sufficient_credits", "provider", "estimate"):
        assert quote[key] is None, key


async def test_12_3_broken_json_is_refused(shared: TestGateway, account: Account) -> None:
    for raw in (b"", b"{", b"NaN", b'{"a":1,}'):
        assert problems_of(await post_raw(shared, account, raw, QUOTE)) == [problem("body", "Body is not valid JSON.")]


async def test_c60_a_quote_changes_neither_balance_nor_list_nor_provider(stage: TestGateway, owner: Account) -> None:
    task_id = await stage.created(owner)
    await stage.ended(owner, task_id)
    before = await credits_of(stage, owner)
    transfers = await stage.core.store.transfers(owner.id, 100)
    for body in (body_of(), body_of(model=KLING_3), with_items(item()), {}, body_of(prompt="")):
        await quote_of(stage, owner, body)
    await asyncio.gather(*(quote_of(stage, owner, body_of()) for _ in range(20)))
    assert await credits_of(stage, owner) == before
    assert await stage.core.store.transfers(owner.id, 100) == transfers
    assert await listed_ids(stage, owner) == [task_id]
    assert len(provider_of(stage).orders) == 1


async def test_c60_a_quote_lists_all_problems_as_create_does(shared: TestGateway, account: Account) -> None:
    bodies: list[Any] = [
        {},
        {"model": TURBO, "prompt": " ", "params": {"duration": "6", "cfg_scale": 2, "seed": 7}, "files": ["a"]},
        with_items(item(kind="photo", x=1), 5, duration=[], cfg_scale="1") | {"client_request_id": ""},
        body_of(model=KLING_3, prompt="x" * 2001, params={"cfg_scale": 1, "duration": "2"}),
    ]
    for body in bodies:
        expected = problems_of(await post(shared, account, body))
        assert (await quote_of(shared, account, body))["problems"] == expected


async def test_12_3_what_such_tasks_took_is_told(stage: TestGateway, owner: Account) -> None:
    expected = (await quote_of(stage, owner, body_of()))["estimate"]
    assert expected["p50_seconds"] == expected["p90_seconds"] == expected["run_seconds"]
    provider = provider_of(stage)
    for seconds in (40, 40, 40, 40, 70):
        at_work = Gate()
        provider.before_poll = at_work
        task_id = await stage.created(owner)
        await stage.until(at_work.reached.is_set)
        stage.clock.advance(seconds)
        at_work.open()
        await stage.ended(owner, task_id)
    stage.clock.advance(11)  # what was read is kept for a while
    told = (await quote_of(stage, owner, body_of()))["estimate"]
    assert (told["run_seconds"], told["p50_seconds"], told["p90_seconds"]) in ((40, 40, 70), (41, 41, 71))
    others = (await quote_of(stage, owner, body_of(params={"duration": "10"})))["estimate"]
    assert others["p50_seconds"] == others["p90_seconds"] == others["run_seconds"]


async def test_12_3_only_the_built_in_engine_is_told_by_its_name(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, scripted=False) as gateway:
        quote = await quote_of(gateway, await gateway.account(), body_of())
        assert quote["provider"] == {"name": "embedded", "route": "value"}


async def test_12_3_a_provider_whose_circuit_is_open_is_not_quoted(tmp_path: Path) -> None:
    value, official = two_providers()
    value.default_submit = outcomes.Unavailable("locked", opens_circuit=True)
    async with running_gateway(tmp_path, scripted=False, parts=parts_of(value, official)) as gateway:
        owner = await gateway.account()
        assert (await quote_of(gateway, owner, body_of()))["provider"]["route"] == "value"
        await gateway.created(owner)

        async def is_open() -> bool:
            return bool(await gateway.core.store.circuits())

        await gateway.until(is_open)
        gateway.clock.advance(3)  # what was read is kept for two seconds
        assert (await quote_of(gateway, owner, body_of()))["provider"]["route"] == "official"


async def test_12_3_the_queue_makes_the_estimate_longer(stage: TestGateway, owner: Account) -> None:
    provider = provider_of(stage)
    provider.free_slots = 0
    empty = (await quote_of(stage, owner, body_of()))["estimate"]
    assert empty["queue_seconds"] == 0
    assert empty["run_seconds"] > 0
    longer = (await quote_of(stage, owner, body_of(params={"duration": "10"})))["estimate"]
    assert longer["run_seconds"] >= empty["run_seconds"]
