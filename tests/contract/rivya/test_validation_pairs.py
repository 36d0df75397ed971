"""All problems of a request stand in one answer, in the order of the tables, each rule apart from the others."""

from typing import Any

import pytest

from contract.rivya.wire import (
    BODY_KEYS,
    IMAGE_TYPES,
    ITEM_KEYS,
    KINDS,
    KLING_3,
    QUOTE,
    TURBO,
    TURBO_PARAMS,
    available_models,
    body_of,
    fields_of,
    item,
    post,
    problem,
    problems_of,
    with_items,
)
from support.gateway import Account, TestGateway

pytestmark = pytest.mark.anyio

REFERENCES = "params.referenceMediaItems"
CHOICE = "Must be one of the allowed values."
PUBLIC = "Must be a public https URL of at most 2048 characters."


async def test_7_4_the_contracts_example_of_several_problems_is_answered_as_it_stands(
    shared: TestGateway, account: Account
) -> None:
    body = {
        "model": TURBO,
        "prompt": "",
        "files": [],
        "params": {
            "seed": 1,
            "referenceMediaItems": [item(url="http://cdn.example.com/x.png")],
            "cfg_scale": 2,
            "duration": "6",
        },
    }
    assert problems_of(await post(shared, account, body)) == [
        problem("prompt", "Must not be empty."),
        problem("params.duration", CHOICE, ["5", "10"]),
        problem("params.cfg_scale", "Must be between 0 and 1."),
        problem(f"{REFERENCES}[0].url", PUBLIC),
        problem("params.seed", "Unknown parameter.", TURBO_PARAMS),
        problem("files", "Unknown field. Use params.referenceMediaItems.", BODY_KEYS),
    ]


async def test_5_1_everything_wrong_at_once_comes_in_the_order_of_the_tables_unknown_keys_last_and_sorted(
    shared: TestGateway, account: Account
) -> None:
    bad_item = {
        "zeta": 1,
        "alpha": 1,
        "durationToken": None,
        "durationSeconds": -1,
        "mimeType": "image/gif",
        "name": "",
        "kind": "photo",
        "url": 5,
    }
    body = {
        "zeta": 1,
        "alpha": 1,
        "files": 1,
        "client_request_id": "",
        "params": {
            "zeta": 1,
            "alpha": 1,
            "referenceMediaItems": [bad_item, 5],
            "cfg_scale": "1",
            "negative_prompt": 1,
            "aspect_ratio": "4:3",
            "duration": "6",
        },
        "prompt": "x" * 2501,
        "model": TURBO,
    }
    expected = [
        problem("prompt", "At most 2500 characters."),
        problem("params.duration", CHOICE, ["5", "10"]),
        problem("params.aspect_ratio", CHOICE, ["16:9", "9:16", "1:1"]),
        problem("params.negative_prompt", "Must be a string."),
        problem("params.cfg_scale", "Must be a number."),
        problem(f"{REFERENCES}[0].url", "Must be a string."),
        problem(f"{REFERENCES}[0].kind", CHOICE, KINDS),
        problem(f"{REFERENCES}[0].name", "Must be a string of 1 to 255 characters."),
        problem(f"{REFERENCES}[0].mimeType", CHOICE, IMAGE_TYPES),
        problem(f"{REFERENCES}[0].durationSeconds", "Must be a number of at least 0."),
        problem(f"{REFERENCES}[1]", "Must be an object."),
        problem("client_request_id", "Must be a string of 1 to 128 characters."),
        problem(f"{REFERENCES}[0].alpha", "Unknown field.", ITEM_KEYS),
        problem(f"{REFERENCES}[0].zeta", "Unknown field.", ITEM_KEYS),
        problem("params.alpha", "Unknown parameter.", TURBO_PARAMS),
        problem("params.zeta", "Unknown parameter.", TURBO_PARAMS),
        problem("alpha", "Unknown field.", BODY_KEYS),
        problem("files", "Unknown field. Use params.referenceMediaItems.", BODY_KEYS),
        problem("zeta", "Unknown field.", BODY_KEYS),
    ]
    assert problems_of(await post(shared, account, body)) == expected
    answer = await post(shared, account, body, QUOTE)
    assert answer.json()["problems"] == expected


@pytest.mark.parametrize("model", [..., 5, "kling-9"])
async def test_7_4_without_a_known_model_the_rows_for_params_are_skipped_and_the_others_are_not(
    shared: TestGateway, account: Account, model: Any
) -> None:
    body = {
        "prompt": " ",
        "params": {"duration": "99", "seed": 1, "referenceMediaItems": [item(kind="photo")]},
        "client_request_id": "",
        "files": 1,
    } | ({} if model is ... else {"model": model})
    assert fields_of(await post(shared, account, body)) == ["model", "prompt", "client_request_id", "files"]


@pytest.mark.parametrize("model", [..., "kling-9"])
async def test_7_4_without_a_known_model_params_are_not_even_asked_to_be_an_object(
    shared: TestGateway, account: Account, model: Any
) -> None:
    body = {"prompt": "x", "params": 5} | ({} if model is ... else {"model": model})
    assert fields_of(await post(shared, account, body)) == ["model"]


async def test_7_4_without_a_known_model_a_prompt_has_no_limit_of_its_own(
    shared: TestGateway, account: Account
) -> None:
    answer = await post(shared, account, body_of(model="kling-9", prompt="x" * 9000))
    assert problems_of(answer) == [problem("model", "Unknown model.", await available_models(shared))]


async def test_7_4_params_that_are_no_object_do_not_hide_other_problems(shared: TestGateway, account: Account) -> None:
    answer = await post(shared, account, body_of(prompt="", params=[], client_request_id="", seed=1))
    assert fields_of(answer) == ["prompt", "params", "client_request_id", "seed"]


async def test_7_4_too_many_items_do_not_hide_what_is_wrong_with_them(shared: TestGateway, account: Account) -> None:
    answer = await post(shared, account, with_items(item(kind=...), item(), item()))
    assert fields_of(answer)[:2] == [REFERENCES, f"{REFERENCES}[0].kind"]


@pytest.mark.parametrize("broken", [item(url=...), item(kind="photo"), item(name=""), item(size=1)])
async def test_7_4_a_faulty_start_frame_does_not_hide_that_the_last_frame_is_not_allowed(
    shared: TestGateway, account: Account, broken: Any
) -> None:
    answer = await post(shared, account, with_items(broken, item(), model=KLING_3, multi_shots=True))
    fields = fields_of(answer)
    assert f"{REFERENCES}[1]" in fields
    assert any(field.startswith(f"{REFERENCES}[0].") for field in fields)


async def test_7_4_each_item_is_judged_by_itself(shared: TestGateway, account: Account) -> None:
    answer = await post(shared, account, with_items(item(url="ftp://x.example/1", kind="audio"), item(name="")))
    assert problems_of(answer) == [
        problem(f"{REFERENCES}[0].url", PUBLIC),
        problem(f"{REFERENCES}[0].kind", "This model does not accept this kind.", ["image"]),
        problem(f"{REFERENCES}[1].name", "Must be a string of 1 to 255 characters."),
    ]


async def test_7_4_unknown_keys_of_two_items_come_after_all_known_fields(shared: TestGateway, account: Account) -> None:
    answer = await post(shared, account, with_items(item(b=1), item(a=1, name=""), x=1) | {"client_request_id": ""})
    assert fields_of(answer) == [
        f"{REFERENCES}[1].name",
        "client_request_id",
        f"{REFERENCES}[0].b",
        f"{REFERENCES}[1].a",
        "params.x",
    ]


async def test_7_4_keys_that_differ_in_case_or_form_are_unknown(shared: TestGateway, account: Account) -> None:
    answer = await post(shared, account, body_of(params={"Duration": "5", "aspectRatio": "1:1", "reference": []}))
    assert fields_of(answer) == ["params.Duration", "params.aspectRatio", "params.reference"]
    answer = await post(shared, account, with_items(item(mime_type="image/png", URL="x")))
    assert fields_of(answer) == [f"{REFERENCES}[0].URL", f"{REFERENCES}[0].mime_type"]
