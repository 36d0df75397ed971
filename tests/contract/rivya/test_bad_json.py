"""Bad input, the body as a whole: whatever the bytes are, the answer is one of the contract and nothing is made."""

import asyncio
import json
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
    item,
    listed_ids,
    post,
    post_raw,
    problem,
    problems_of,
    task_of,
    with_items,
)
from reelway.settings import MIB
from support.gateway import CREDITS, Account, TestGateway

pytestmark = pytest.mark.anyio

NOT_JSON = [problem("body", "Body is not valid JSON.")]
HEAD = b'{"model":"kling-v2-5-turbo-pro","prompt":"x","params":{'


def nested(depth: int, opening: bytes = b"[", closing: bytes = b"]") -> bytes:
    return b'{"model":"x","prompt":' + opening * depth + closing * depth + b"}"


MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n\t",
    "cut off": b'{"model":"kling-v2-5',
    "trailing comma": b'{"model":"x",}',
    "comment": b'{"model":"x"} // why',
    "single quotes": b"{'model':'x'}",
    "bare word": b"{model:1}",
    "two values": b"{}{}",
    "nan": HEAD + b'"cfg_scale":NaN}}',
    "infinity": HEAD + b'"cfg_scale":Infinity}}',
    "minus infinity": HEAD + b'"cfg_scale":-Infinity}}',
    "a number beyond all floats": HEAD + b'"cfg_scale":1e999}}',
    "minus a number beyond all floats": HEAD + b'"cfg_scale":-1e999}}',
    "a number of 100000 digits": HEAD + b'"duration":' + b"9" * 100_000 + b"}}",
    "leading zero": HEAD + b'"duration":05}}',
    "hexadecimal": HEAD + b'"duration":0x5}}',
    "plus sign": HEAD + b'"duration":+5}}',
    "no digit after the point": HEAD + b'"cfg_scale":1.}}',
    "high surrogate": b'{"model":"x","prompt":"\\ud800"}',
    "low surrogate": b'{"model":"x","prompt":"\\udc00"}',
    "surrogates in the wrong order": b'{"model":"x","prompt":"\\udc00\\ud800"}',
    "surrogate in a key": b'{"\\ud83d":1}',
    "surrogate deep inside": HEAD + b'"referenceMediaItems":[{"name":"\\udfff"}]}}',
    "surrogate as bytes": b'{"prompt":"\xed\xa0\x80"}',
    "latin-1": '{"prompt":"é"}'.encode("latin-1"),
    "utf-16": '{"prompt":"x"}'.encode("utf-16"),
    "utf-32": '{"prompt":"x"}'.encode("utf-32"),
    "overlong utf-8": b'{"prompt":"\xc0\x80"}',
    "cut utf-8": b'{"prompt":"\xf0\x9f\x98"}',
    "beyond unicode": b'{"prompt":"\xf4\x90\x80\x80"}',
    "byte order mark": b"\xef\xbb\xbf{}",
    "raw newline in a text": b'{"prompt":"a\nb"}',
    "raw nul in a text": b'{"prompt":"a\0b"}',
    "nul after the end": b"{}\0",
    "bad escape": b'{"prompt":"\\x41"}',
    "short escape": b'{"prompt":"\\u12"}',
    "a key twice": b'{"model":"kling-3-0","model":"kling-v2-5-turbo-pro","prompt":"x"}',
    "a key of params twice": HEAD + b'"duration":"5","duration":"10"}}',
    "a key of an item twice": HEAD + b'"referenceMediaItems":[{"kind":"image","kind":"image"}]}}',
    "a key twice in two spellings": b'{"prompt":"x","pr\\u006fmpt":"y"}',
    "nested 1000 deep": nested(1_000),
    "nested 200000 deep": nested(200_000),
    "never closed": b"[" * 500_000,
    "objects 50000 deep": nested(50_000, b'{"a":', b"}").replace(b':}', b":1}"),
    "form data": b"model=x&prompt=y",
    "xml": b"<?xml version='1.0'?><model/>",
}  # fmt: skip


@pytest.mark.parametrize("raw", MALFORMED.values(), ids=MALFORMED)
async def test_bad_input_a_malformed_body_is_not_valid_json_and_makes_nothing(
    shared: TestGateway, account: Account, raw: bytes
) -> None:
    for path in (GENERATIONS, QUOTE):
        assert problems_of(await post_raw(shared, account, raw, path)) == NOT_JSON
    answer = await post_raw(shared, account, raw, headers={"Idempotency-Key": "one"})
    assert problems_of(answer) == NOT_JSON
    assert await listed_ids(shared, account) == []
    assert await credits_of(shared, account) == CREDITS


HUGE_NUMBERS = [
    b"1" + b"0" * 400,
    b"-1" + b"0" * 400,
    b"9" * 4_000,
    b"1e308",
    b"-1.7976931348623157e308",
    b"5e-324",
    b"-0.0",
]


@pytest.mark.parametrize("number", HUGE_NUMBERS, ids=[number[:12].decode() for number in HUGE_NUMBERS])
@pytest.mark.parametrize(
    "key", ["duration", "aspect_ratio", "cfg_scale", "negative_prompt", "referenceMediaItems", "seed"]
)
async def test_bad_input_a_number_of_any_size_is_judged_like_any_other(
    shared: TestGateway, account: Account, key: str, number: bytes
) -> None:
    raw = HEAD + f'"{key}":'.encode() + number + b"}}"
    for headers in ({}, {"Idempotency-Key": "one"}):
        answer = await post_raw(shared, account, raw, headers=headers)
        if key == "cfg_scale" and number in (b"5e-324", b"-0.0"):
            task_of(answer, 202)
        else:
            assert [entry["field"] for entry in problems_of(answer)] == [f"params.{key}"]


@pytest.mark.parametrize("number", HUGE_NUMBERS, ids=[number[:12].decode() for number in HUGE_NUMBERS])
async def test_bad_input_a_number_of_any_size_may_be_a_hint_of_a_length(
    shared: TestGateway, account: Account, number: bytes
) -> None:
    raw = json.dumps(with_items(item(durationSeconds=7))).encode().replace(b": 7", b":" + number)
    answer = await post_raw(shared, account, raw, headers={"Idempotency-Key": "one"})
    if number.startswith(b"-") and number != b"-0.0":
        assert [entry["field"] for entry in problems_of(answer)] == ["params.referenceMediaItems[0].durationSeconds"]
    else:
        task_of(answer, 202)


@pytest.mark.parametrize("depth", [1, 10, 50])
async def test_bad_input_a_moderately_nested_value_is_just_of_the_wrong_type(
    shared: TestGateway, account: Account, depth: int
) -> None:
    fields = [entry["field"] for entry in problems_of(await post_raw(shared, account, nested(depth)))]
    assert fields == ["model", "prompt"]


async def test_bad_input_a_valid_pair_of_surrogates_is_one_character(shared: TestGateway, account: Account) -> None:
    raw = b'{"model":"kling-v2-5-turbo-pro","prompt":"\\uD83D\\uDE00\\ud83c\\udfac"}'
    task_of(await post_raw(shared, account, raw), 202)


async def test_bad_input_a_body_of_a_mebibyte_of_problems_gets_its_answer(
    shared: TestGateway, account: Account
) -> None:
    many_keys = json.dumps({f"k{number}": 1 for number in range(60_000)}).encode()
    many_items = json.dumps(body_of(params={"referenceMediaItems": [{}] * 200_000})).encode()
    many_params = json.dumps(body_of(params={f"k{number}": [] for number in range(50_000)})).encode()
    long_key = json.dumps({"k" * 1_000_000: 1}).encode()
    for raw in (many_keys, many_items, many_params, long_key):
        assert len(raw) <= MIB
        for path in (GENERATIONS, QUOTE):
            answer = await post_raw(shared, account, raw, path)
            assert answer.status_code == (400 if path == GENERATIONS else 200)
            assert len(answer.content) < 32 * MIB
    assert await credits_of(shared, account) == CREDITS


async def test_bad_input_a_huge_model_name_or_prompt_is_no_reason_to_send_it_back(
    shared: TestGateway, account: Account
) -> None:
    for body in ({"model": "x" * 900_000, "prompt": PROMPT}, {"model": TURBO, "prompt": "x" * 900_000}):
        answer = await post(shared, account, body)
        assert len(problems_of(answer)) == 1
        assert len(answer.content) < 10_000


async def test_bad_input_the_server_goes_on_after_all_of_it(shared: TestGateway, account: Account) -> None:
    for raw in MALFORMED.values():
        error_of(await post_raw(shared, account, raw), 400, "validation_failed")
    task = task_of(await post(shared, account, body_of()), 202)
    assert task_of(await shared.ended(account, task["id"]))["status"] == "succeeded"


async def test_bad_input_a_body_that_never_comes_is_given_up(stage: TestGateway, owner: Account) -> None:
    """The client announces more than it sends and leaves: nothing is made, and the server is well."""
    request = (
        f"POST {GENERATIONS} HTTP/1.1\r\nHost: gateway\r\nAuthorization: Bearer {owner.key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 500\r\n\r\n" + json.dumps(body_of())
    ).encode()
    _, writer = await asyncio.open_connection("127.0.0.1", httpx.URL(stage.base_url).port)
    writer.write(request)
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await listed_ids(stage, owner) == []
    task_of(await post(stage, owner, body_of()), 202)


def test_7_1_the_minimal_body_is_valid_by_itself() -> None:
    """The rows above are wrong for one reason only: what they are made of is right."""
    whole: dict[str, Any] = json.loads(HEAD + b"}}")
    assert whole == {"model": TURBO, "prompt": "x", "params": {}}
