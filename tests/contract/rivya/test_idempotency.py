"""Idempotency-Key: a repeat gets the first answer, whatever happened since. C32 to C38 and section 7.6."""

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from contract.rivya.wire import (
    GENERATIONS,
    PROMPT,
    QUOTE,
    TURBO,
    body_of,
    credits_of,
    error_of,
    listed_ids,
    post,
    post_raw,
    problem,
    problems_of,
    task_of,
    upload,
)
from reelway.domain.task import State
from reelway.gateway.account import give_credits
from reelway.wire import strict_json
from support.gateway import Account, TestGateway
from support.media import image_bytes
from support.staging import reach, script

pytestmark = pytest.mark.anyio

DAY_S = 86_400
CREDITS = 1_000_000


def key(text: str | bytes) -> dict[str, Any]:
    return {"Idempotency-Key": text}


def assert_replay(answer: httpx.Response, first: httpx.Response) -> None:
    assert (answer.status_code, answer.content) == (202, first.content)
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert answer.headers["Location"] == first.headers["Location"]
    assert answer.headers["Content-Type"] == first.headers["Content-Type"]
    assert answer.headers["X-Request-Id"] != first.headers["X-Request-Id"]


@contextmanager
def locked_database(gateway: TestGateway) -> Iterator[None]:
    """Nothing can be written to the database inside the block: requests that write wait."""
    connection = sqlite3.connect(gateway.settings.data_dir / "reelway.db", isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


async def test_c32_the_same_key_and_meaning_make_one_task_and_one_charge(shared: TestGateway, account: Account) -> None:
    params = {"duration": "5", "cfg_scale": 1, "negative_prompt": "کچھ نہیں"}
    first = await post(shared, account, {"model": TURBO, "prompt": PROMPT, "params": params}, headers=key("one"))
    task = task_of(first, 202)
    assert "Idempotent-Replayed" not in first.headers
    spellings = [
        json.dumps({"params": params, "prompt": PROMPT, "model": TURBO}, indent=4).encode(),
        json.dumps({"prompt": PROMPT, "params": dict(reversed(params.items())), "model": TURBO}).encode(),
        json.dumps({"prompt": PROMPT, "params": params | {"cfg_scale": 1.0}, "model": TURBO}).encode(),
        b"\n\t " + json.dumps({"model": TURBO, "prompt": PROMPT, "params": params}, ensure_ascii=False).encode(),
    ]
    for raw in spellings:
        assert_replay(await post_raw(shared, account, raw, headers=key("one")), first)
    assert await listed_ids(shared, account) == [task["id"]]
    await shared.ended(account, task["id"])
    assert await credits_of(shared, account) == CREDITS - 42


@pytest.mark.parametrize(
    "other",
    [
        body_of(prompt=PROMPT + " "),
        body_of(params={}),
        body_of(params={"duration": "5"}),
        body_of(client_request_id="x"),
        {},
        {"model": TURBO},
    ],
)
async def test_c33_the_same_key_with_another_body_is_a_conflict(
    shared: TestGateway, account: Account, other: dict[str, Any]
) -> None:
    first = await post(shared, account, body_of(), headers=key("one"))
    error = error_of(await post(shared, account, other, headers=key("one")), 409, "idempotency_conflict")
    assert error["message"] == "This Idempotency-Key was used with a different request."
    assert_replay(await post(shared, account, body_of(), headers=key("one")), first)


async def test_c33_a_text_and_a_number_that_make_the_same_task_are_different_bodies(
    shared: TestGateway, account: Account
) -> None:
    await post(shared, account, body_of(params={"duration": "5"}), headers=key("one"))
    answer = await post(shared, account, body_of(params={"duration": 5}), headers=key("one"))
    error_of(answer, 409, "idempotency_conflict")


@pytest.mark.parametrize("second_body", [body_of(), body_of(prompt="another")])
async def test_c34_a_second_request_while_the_first_is_in_progress_is_told_to_come_again(
    stage: TestGateway, owner: Account, second_body: dict[str, Any]
) -> None:
    with locked_database(stage):
        both = [asyncio.create_task(post(stage, owner, body, headers=key("one"))) for body in (body_of(), second_body)]
        done, waiting = await asyncio.wait(both, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(waiting)) == (1, 1)
        answer = done.pop().result()
        error = error_of(answer, 409, "idempotency_conflict")
        assert error["message"] == "A request with this Idempotency-Key is still in progress."
        assert answer.headers["Retry-After"] == "1"
    task = task_of(await waiting.pop(), 202)
    assert await listed_ids(stage, owner) == [task["id"]]


async def test_7_6_the_mark_of_a_request_in_progress_ends_after_a_minute_and_still_only_one_task_is_made(
    stage: TestGateway, owner: Account
) -> None:
    async def one_of_two() -> asyncio.Task[httpx.Response]:
        """Two requests at once: one is turned away, the other is in progress."""
        both = [asyncio.create_task(post(stage, owner, body_of(), headers=key("one"))) for _ in range(2)]
        done, waiting = await asyncio.wait(both, timeout=20, return_when=asyncio.FIRST_COMPLETED)
        assert (len(done), len(waiting)) == (1, 1)
        error_of(done.pop().result(), 409, "idempotency_conflict")
        return waiting.pop()

    with locked_database(stage):
        first = await one_of_two()
        stage.clock.advance(61)
        late = await one_of_two()
    assert_replay(await late, await first)
    assert await listed_ids(stage, owner) == [(await first).json()["id"]]


@pytest.mark.parametrize("outcome", ["invalid", "poor"])
async def test_c35_a_refusal_does_not_use_up_the_key(shared: TestGateway, outcome: str) -> None:
    account = await shared.account(credits=0 if outcome == "poor" else 1000)
    if outcome == "poor":
        error_of(await post(shared, account, body_of(), headers=key("one")), 402, "insufficient_credits")
        assert await give_credits(shared.core, account.id, 42, "a test")
    else:
        problems_of(await post(shared, account, body_of(prompt=""), headers=key("one")))
    answer = await post(shared, account, body_of(), headers=key("one"))
    task_of(answer, 202)
    assert "Idempotent-Replayed" not in answer.headers


@pytest.mark.parametrize("state", State)
async def test_c36_a_replay_returns_the_first_body_whatever_became_of_the_task(
    stage: TestGateway, owner: Account, state: State
) -> None:
    script(stage, state)
    first = await post(stage, owner, body_of(), headers=key("one"))
    task = task_of(first, 202)
    assert task["status"] == "queued"
    await reach(stage, owner, task["id"], state)
    assert_replay(await post(stage, owner, body_of(), headers=key("one")), first)


@pytest.mark.parametrize("text", ["x" * 256, "a\tb", "é", "کلید", "", b"\xff"])
async def test_c37_a_key_that_is_not_1_to_255_printable_ascii_characters_is_refused(
    shared: TestGateway, account: Account, text: str | bytes
) -> None:
    raw = text.encode() if isinstance(text, str) else text
    headers = {b"Authorization": account.headers["Authorization"].encode(), b"Idempotency-Key": raw}
    answer = await shared.http.post(GENERATIONS, json=body_of(), headers=headers)
    assert problems_of(answer) == [problem("Idempotency-Key", "Must be 1 to 255 printable ASCII characters.")]


async def test_c37_every_printable_ascii_character_may_stand_in_a_key_of_up_to_255(
    shared: TestGateway, account: Account
) -> None:
    for text in ("x", "x" * 255, "".join(map(chr, range(0x21, 0x7F))), "a b", "case", "CASE"):
        answer = await post(shared, account, body_of(), headers=key(text))
        task_of(answer, 202)
        assert "Idempotent-Replayed" not in answer.headers, text
    assert len(await listed_ids(shared, account)) == 6


async def test_c38_two_accounts_use_the_same_key_without_touching_each_other(
    shared: TestGateway, account: Account
) -> None:
    other = await shared.account()
    first = task_of(await post(shared, account, body_of(), headers=key("one")), 202)
    second = task_of(await post(shared, other, body_of(prompt="another"), headers=key("one")), 202)
    assert first["id"] != second["id"]
    assert await listed_ids(shared, account) == [first["id"]]


async def test_c38_two_keys_of_one_account_share_its_idempotency_keys(shared: TestGateway, account: Account) -> None:
    first = await post(shared, account, body_of(), headers=key("one"))
    assert_replay(await post(shared, await shared.key(account), body_of(), headers=key("one")), first)


async def test_7_6_a_key_is_kept_for_24_hours(stage: TestGateway, owner: Account) -> None:
    first = await post(stage, owner, body_of(), headers=key("one"))
    await stage.ended(owner, task_of(first, 202)["id"])
    stage.clock.advance(DAY_S - 60)
    assert_replay(await post(stage, owner, body_of(), headers=key("one")), first)
    stage.clock.advance(120)
    later = await post(stage, owner, body_of(prompt="another"), headers=key("one"))
    assert task_of(later, 202)["id"] != first.json()["id"]


async def test_7_6_only_create_looks_at_the_header(shared: TestGateway, account: Account) -> None:
    task = task_of(await post(shared, account, body_of(), headers=key("one")), 202)
    await shared.ended(account, task["id"])
    for text in ("one", "x" * 999):
        answer = await post(shared, account, body_of(prompt="another"), QUOTE, headers=key(text))
        assert (answer.status_code, answer.json()["valid"]) == (200, True)
        answer = await post(shared, account, {}, f"{GENERATIONS}/{task['id']}/cancel", headers=key(text))
        error_of(answer, 409, "generation_not_cancellable")
    uploads = [await upload(shared, account, image_bytes("PNG")) for _ in range(2)]
    assert len({answer.json()["id"] for answer in uploads}) == 2


async def test_7_6_many_repeats_at_once_make_one_task(shared: TestGateway, account: Account) -> None:
    answers = await asyncio.gather(*(post(shared, account, body_of(), headers=key("storm")) for _ in range(20)))
    made = [answer for answer in answers if answer.status_code == 202]
    assert made
    assert len({answer.content for answer in made}) == 1
    for answer in answers:
        if answer.status_code != 202:
            error_of(answer, 409, "idempotency_conflict")
            assert answer.headers["Retry-After"] == "1"
    assert len(await listed_ids(shared, account)) == 1


def test_7_6_the_contracts_vector_holds() -> None:
    body = {
        "model": "kling-v2-5-turbo-pro",
        "prompt": "A glass bottle turns slowly on a black table",
        "params": {"duration": "5", "cfg_scale": 0.5},
    }
    canonical = (
        b'{"model":"kling-v2-5-turbo-pro","params":{"cfg_scale":0.5,"duration":"5"},'
        b'"prompt":"A glass bottle turns slowly on a black table"}'
    )
    assert strict_json.canonical(body) == canonical
    assert strict_json.fingerprint(body) == hashlib.sha256(canonical).hexdigest()
    assert strict_json.fingerprint(body) == "8f9becafc44822d039bd5b573e767a86612cdc0a1c0ade5b3ff5f166c1765591"


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        ({"b": 1, "a": [1.0, -0.0, 2.5]}, b'{"a":[1,0,2.5],"b":1}'),
        ({"ک": "کتاب", "é": "😀"}, '{"é":"😀","ک":"کتاب"}'.encode()),
        ({"\U0001f600": 1, "\uffff": 2}, '{"\uffff":2,"\U0001f600":1}'.encode()),  # by code point, not by UTF-16 unit
        ({"a": {"z": None, "y": True}}, b'{"a":{"y":true,"z":null}}'),
        ({"a": 1e21}, b'{"a":1000000000000000000000}'),
    ],
)
def test_7_6_canonical_json_follows_its_rules(value: Any, canonical: bytes) -> None:
    assert strict_json.canonical(value) == canonical
