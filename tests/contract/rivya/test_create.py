"""Create: the seeds' own requests, the nine keys, and every parameter of the two seed models. C1 to C8, C13 to C25."""

import json
from typing import Any

import pytest

from contract.rivya.wire import (
    GENERATIONS,
    IMAGE_URL,
    KLING_3,
    KLING_3_PARAMS,
    NINE_KEYS,
    PROMPT,
    QUOTE,
    TURBO,
    TURBO_PARAMS,
    body_of,
    fields_of,
    get,
    item,
    listed_ids,
    post,
    post_raw,
    problem,
    problems_of,
    status_of,
    task_of,
    with_items,
)
from reelway.domain.generation import generation_of
from reelway.domain.ids import TaskId
from support.gateway import Account, TestGateway

pytestmark = pytest.mark.anyio

SEED_PROMPT = "A cinematic product reveal with smooth camera movement"
URDU_NEGATIVE = "Describe کریں کہ video کو کن چیزوں سے بچنا چاہئے"
SEED_ITEM = {"url": IMAGE_URL, "kind": "image", "name": "reference-image.png", "mimeType": "image/png"}
SEED_000 = {
    "model": TURBO,
    "prompt": SEED_PROMPT,
    "params": {"duration": "5", "aspect_ratio": "16:9", "negative_prompt": URDU_NEGATIVE, "cfg_scale": 0.5},
}
SEED_001 = {
    "model": TURBO,
    "prompt": SEED_PROMPT,
    "params": {
        "duration": "5",
        "aspect_ratio": "16:9",
        "negative_prompt": "Describe what the video should avoid",
        "cfg_scale": 0.5,
    },
}
SEED_002 = {
    "model": KLING_3,
    "prompt": SEED_PROMPT,
    "params": {"mode": "pro", "multi_shots": "false", "duration": "5", "sound": "false", "aspect_ratio": "16:9"},
}


def with_seed_item(seed: dict[str, Any]) -> dict[str, Any]:
    return seed | {"params": seed["params"] | {"referenceMediaItems": [SEED_ITEM]}}


async def generation_in(gateway: TestGateway, answer: Any) -> Any:
    """What the core was asked to make."""
    task = await gateway.task(TaskId(task_of(answer, 202)["id"]))
    return generation_of(task.generation)


async def quoted_mode(gateway: TestGateway, account: Account, body: Any) -> str:
    answer = await post(gateway, account, body, QUOTE)
    assert answer.json()["valid"], answer.text
    return str(answer.json()["mode"])


async def test_c01_model_and_prompt_alone_make_a_queued_task(shared: TestGateway, account: Account) -> None:
    task = task_of(await post(shared, account, {"model": TURBO, "prompt": PROMPT}), 202)
    assert list(task) == NINE_KEYS
    assert task["status"] == "queued"
    assert task["model"] == TURBO


async def assert_taken(
    gateway: TestGateway, account: Account, seed: dict[str, Any], reserved_credits: int, mode: str
) -> None:
    """The request of a seed, as it stands, answers 202 and makes a task of this mode."""
    answer = await post(gateway, account, seed)
    task = task_of(answer, 202)
    assert {key: task[key] for key in ("status", "model", "reserved_credits", "final_credits", "result", "error")} == {
        "status": "queued",
        "model": seed["model"],
        "reserved_credits": reserved_credits,
        "final_credits": 0,
        "result": None,
        "error": None,
    }
    assert answer.headers["Location"] == f"{GENERATIONS}/{task['id']}"
    assert (await generation_in(gateway, answer)).product == mode
    assert await quoted_mode(gateway, account, seed) == mode


async def test_c02_the_minimal_request_of_seed_001_holds_42_credits(shared: TestGateway, account: Account) -> None:
    await assert_taken(shared, account, SEED_001, 42, "text-to-video")


async def test_c03_the_minimal_request_of_seed_000_is_taken(shared: TestGateway, account: Account) -> None:
    await assert_taken(shared, account, SEED_000, 42, "text-to-video")


async def test_c04_the_reference_request_of_seed_001_makes_an_image_to_video_task(
    shared: TestGateway, account: Account
) -> None:
    await assert_taken(shared, account, with_seed_item(SEED_001), 42, "image-to-video")


async def test_c05_the_minimal_request_of_seed_002_holds_90_credits(shared: TestGateway, account: Account) -> None:
    await assert_taken(shared, account, SEED_002, 90, "text-to-video")


async def test_c06_the_reference_request_of_seed_002_is_taken(shared: TestGateway, account: Account) -> None:
    await assert_taken(shared, account, with_seed_item(SEED_002), 90, "image-to-video")


async def test_c03_the_urdu_negative_prompt_arrives_unchanged(shared: TestGateway, account: Account) -> None:
    generation = await generation_in(shared, await post(shared, account, SEED_000))
    assert generation.negative_prompt == URDU_NEGATIVE


async def test_c08_a_new_task_has_an_id_of_the_form_and_two_equal_times(shared: TestGateway, account: Account) -> None:
    first = task_of(await post(shared, account, body_of()), 202)
    second = task_of(await post(shared, account, body_of()), 202)
    for task in (first, second):  # `task_of` has checked the forms
        assert task["created_at"] == task["updated_at"]
    assert first["id"] != second["id"]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"prompt": PROMPT}, ["model"]),
        ({"model": TURBO}, ["prompt"]),
        ({}, ["model", "prompt"]),
        (body_of(model="kling-9"), ["model"]),
        (body_of(model=""), ["model"]),
        (body_of(model="KLING-3-0"), ["model"]),
        (body_of(model="kling-v2-5-turbo"), ["model"]),  # the name in another dialect
    ],
)
async def test_c13_a_missing_or_unknown_model_or_prompt_is_invalid_and_never_not_found(
    shared: TestGateway, account: Account, body: Any, fields: list[str]
) -> None:
    assert fields_of(await post(shared, account, body)) == fields


async def test_c14_a_duration_may_be_text_or_number_and_makes_the_same_task(
    shared: TestGateway, account: Account
) -> None:
    raws = [b'"5"', b"5", b"5.0", b"5e0", b"0.5E+1"]
    template = b'{"model":"%s","prompt":"A bottle","params":{"duration":%s}}'
    answers = [await post_raw(shared, account, template % (TURBO.encode(), raw)) for raw in raws]
    generations = [await generation_in(shared, answer) for answer in answers]
    assert generations[0].duration_s == 5
    assert len(set(generations)) == 1


@pytest.mark.parametrize("duration", ["6", 6, True, "5.0", "05", " 5", "", 5.5, -5, ["5"], {"5": "5"}])
async def test_c14_another_duration_is_refused_with_the_options(
    shared: TestGateway, account: Account, duration: Any
) -> None:
    answer = await post(shared, account, body_of(params={"duration": duration}))
    assert problems_of(answer) == [
        problem("params.duration", "Must be one of the allowed values.", ["5", "10"]),
    ]


@pytest.mark.parametrize("key", ["multi_shots", "sound"])
@pytest.mark.parametrize(("value", "means"), [("true", True), (True, True), ("false", False), (False, False)])
async def test_c15_a_switch_may_be_text_or_boolean(
    shared: TestGateway, account: Account, key: str, value: Any, means: bool
) -> None:
    answer = await post(shared, account, body_of(model=KLING_3, params={key: value}))
    assert getattr(await generation_in(shared, answer), key) is means


@pytest.mark.parametrize("key", ["multi_shots", "sound"])
@pytest.mark.parametrize("value", ["yes", 1, 0, "True", "1", "", [True]])
async def test_c15_another_word_for_a_switch_is_refused(
    shared: TestGateway, account: Account, key: str, value: Any
) -> None:
    answer = await post(shared, account, body_of(model=KLING_3, params={key: value}))
    assert problems_of(answer) == [
        problem(f"params.{key}", "Must be one of the allowed values.", ["false", "true"]),
    ]


async def test_c16_every_duration_from_3_to_15_passes_for_kling_3_0(shared: TestGateway, account: Account) -> None:
    for seconds in range(3, 16):
        for value in (str(seconds), seconds):
            answer = await post(shared, account, body_of(model=KLING_3, params={"duration": value}))
            assert (await generation_in(shared, answer)).duration_s == seconds


@pytest.mark.parametrize("duration", ["2", "16", 2, 16, 0, "-3", 3.5])
async def test_c16_a_duration_below_3_or_above_15_is_refused(
    shared: TestGateway, account: Account, duration: Any
) -> None:
    answer = await post(shared, account, body_of(model=KLING_3, params={"duration": duration}))
    options = [str(seconds) for seconds in range(3, 16)]
    assert problems_of(answer) == [problem("params.duration", "Must be one of the allowed values.", options)]


@pytest.mark.parametrize("value", [0, 0.0, 0.5, 1, 1.0, 0.000001])
async def test_c17_cfg_scale_passes_from_0_to_1(shared: TestGateway, account: Account, value: float) -> None:
    answer = await post(shared, account, body_of(params={"cfg_scale": value}))
    assert (await generation_in(shared, answer)).cfg_scale == value


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-0.01, "Must be between 0 and 1."),
        (1.01, "Must be between 0 and 1."),
        (1e308, "Must be between 0 and 1."),
        ("0.5", "Must be a number."),
        (True, "Must be a number."),
        ([0.5], "Must be a number."),
    ],
)
async def test_c17_another_cfg_scale_is_refused(
    shared: TestGateway, account: Account, value: Any, message: str
) -> None:
    answer = await post(shared, account, body_of(params={"cfg_scale": value}))
    assert problems_of(answer) == [problem("params.cfg_scale", message)]


async def test_c18_kling_3_0_has_neither_cfg_scale_nor_negative_prompt(shared: TestGateway, account: Account) -> None:
    answer = await post(shared, account, body_of(model=KLING_3, params={"negative_prompt": "text", "cfg_scale": 0.5}))
    assert problems_of(answer) == [
        problem("params.cfg_scale", "Unknown parameter.", KLING_3_PARAMS),
        problem("params.negative_prompt", "Unknown parameter.", KLING_3_PARAMS),
    ]


@pytest.mark.parametrize("key", ["mode", "multi_shots", "sound"])
async def test_c19_the_turbo_model_has_no_mode_sound_or_shots(shared: TestGateway, account: Account, key: str) -> None:
    answer = await post(shared, account, body_of(params={key: "pro" if key == "mode" else "false"}))
    assert problems_of(answer) == [problem(f"params.{key}", "Unknown parameter.", TURBO_PARAMS)]


async def test_c20_controls_and_files_at_the_top_level_are_refused(shared: TestGateway, account: Account) -> None:
    allowed = ["model", "prompt", "params", "client_request_id"]
    answer = await post(shared, account, body_of(duration="5"))
    assert problems_of(answer) == [problem("duration", "Unknown field.", allowed)]
    answer = await post(shared, account, body_of(files=[]))
    assert problems_of(answer) == [problem("files", "Unknown field. Use params.referenceMediaItems.", allowed)]


async def test_c21_five_faults_give_five_details(shared: TestGateway, account: Account) -> None:
    body = {
        "model": TURBO,
        "prompt": " ",
        "params": {"duration": "6", "cfg_scale": 2, "seed": 7},
        "files": ["a.png"],
    }
    assert fields_of(await post(shared, account, body)) == [
        "prompt",
        "params.duration",
        "params.cfg_scale",
        "params.seed",
        "files",
    ]


@pytest.mark.parametrize(
    ("items", "field"),
    [
        ([item(), item(), item()], "params.referenceMediaItems"),
        ([item(kind="video")], "params.referenceMediaItems[0].kind"),
        ([item(url="http://cdn.example.com/x.png")], "params.referenceMediaItems[0].url"),
        ([item(url="https://127.0.0.1/x.png")], "params.referenceMediaItems[0].url"),
        ([item(kind=...)], "params.referenceMediaItems[0].kind"),
        ([item(size=3)], "params.referenceMediaItems[0].size"),
        ([item(), item(kind="video")], "params.referenceMediaItems[1].kind"),
    ],
)
@pytest.mark.parametrize("model", [TURBO, KLING_3])
async def test_c22_a_bad_reference_is_refused_at_its_own_field(
    shared: TestGateway, account: Account, items: list[Any], field: str, model: str
) -> None:
    assert fields_of(await post(shared, account, with_items(*items, model=model))) == [field]
    assert await listed_ids(shared, account) == []


@pytest.mark.parametrize("model", [TURBO, KLING_3])
async def test_c23_one_image_is_the_start_frame_and_a_second_the_last(
    shared: TestGateway, account: Account, model: str
) -> None:
    first, last = item(url="https://cdn.example.com/a.png"), item(url="https://cdn.example.com/b.png")
    generation = await generation_in(shared, await post(shared, account, with_items(first, model=model)))
    assert generation.start_frame.url == first["url"]
    assert generation.last_frame is None
    generation = await generation_in(shared, await post(shared, account, with_items(first, last, model=model)))
    assert (generation.start_frame.url, generation.last_frame.url) == (first["url"], last["url"])
    assert await quoted_mode(shared, account, with_items(model=model)) == "text-to-video"


async def test_c24_two_images_cannot_be_combined_with_shots(shared: TestGateway, account: Account) -> None:
    for value in ("true", True):
        answer = await post(shared, account, with_items(item(), item(), model=KLING_3, multi_shots=value))
        assert problems_of(answer) == [
            problem("params.referenceMediaItems[1]", "A last frame cannot be combined with multi_shots."),
        ]
    task_of(await post(shared, account, with_items(item(), model=KLING_3, multi_shots="true")), 202)
    task_of(await post(shared, account, with_items(item(), item(), model=KLING_3, multi_shots="false")), 202)


@pytest.mark.parametrize("model", [TURBO, KLING_3])
async def test_c25_an_aspect_ratio_is_accepted_beside_images(shared: TestGateway, account: Account, model: str) -> None:
    for aspect_ratio in ("16:9", "9:16", "1:1"):
        task_of(await post(shared, account, with_items(item(), model=model, aspect_ratio=aspect_ratio)), 202)


async def test_c28_a_client_request_id_of_128_characters_finds_its_task(shared: TestGateway, account: Account) -> None:
    wanted = "order-" + "ی" * 122
    answer = await post(shared, account, body_of(client_request_id=wanted))
    task = task_of(answer, 202)
    assert wanted not in answer.text
    other = task_of(await post(shared, account, body_of(client_request_id="order-2")), 202)
    assert await listed_ids(shared, account, client_request_id=wanted) == [task["id"]]
    assert await listed_ids(shared, account, client_request_id="order-2") == [other["id"]]
    assert await listed_ids(shared, account, client_request_id="order-3") == []
    assert "order-2" not in (await status_of(shared, account, other["id"])).text


async def test_c28_a_client_request_id_need_not_be_unique(shared: TestGateway, account: Account) -> None:
    ids = [task_of(await post(shared, account, body_of(client_request_id="twice")), 202)["id"] for _ in range(2)]
    assert sorted(await listed_ids(shared, account, client_request_id="twice")) == sorted(ids)


@pytest.mark.parametrize("value", ["x" * 129, "", 5, True, ["a"], {}])
async def test_c28_another_client_request_id_is_refused(shared: TestGateway, account: Account, value: Any) -> None:
    answer = await post(shared, account, body_of(client_request_id=value))
    assert problems_of(answer) == [problem("client_request_id", "Must be a string of 1 to 128 characters.")]


async def test_7_1_null_counts_as_absent_for_what_is_optional(shared: TestGateway, account: Account) -> None:
    plain = await generation_in(shared, await post(shared, account, body_of(model=KLING_3)))
    nulls: dict[str, Any] = dict.fromkeys(KLING_3_PARAMS)
    for params in (None, {}, nulls):
        body = body_of(model=KLING_3, params=params, client_request_id=None)
        assert await generation_in(shared, await post(shared, account, body)) == plain
    optional = dict.fromkeys(("name", "mimeType", "durationSeconds", "durationToken"))
    task_of(await post(shared, account, with_items(item(**optional))), 202)


async def test_6_1_the_defaults_of_the_cards_hold(shared: TestGateway, account: Account) -> None:
    expected = {
        TURBO: {"duration": "5", "aspect_ratio": "16:9", "cfg_scale": 0.5},
        KLING_3: {"mode": "pro", "multi_shots": "false", "duration": "5", "sound": "false", "aspect_ratio": "16:9"},
    }
    for model, params in expected.items():
        answer = await post(shared, account, body_of(model=model), QUOTE)
        assert answer.json()["params"] == params


async def test_7_2_an_empty_text_counts_as_absent(shared: TestGateway, account: Account) -> None:
    answer = await post(shared, account, body_of(params={"negative_prompt": ""}), QUOTE)
    assert "negative_prompt" not in answer.json()["params"]
    task_of(await post(shared, account, body_of(params={"negative_prompt": ""})), 202)


async def test_7_1_the_answer_is_json_in_utf_8_whatever_the_request_said(shared: TestGateway, account: Account) -> None:
    raw = json.dumps(body_of(), ensure_ascii=True).encode()
    for media_type in ("application/json; charset=utf-8", "Application/JSON", "application/json ;x=y"):
        task_of(await post_raw(shared, account, raw, headers={"Content-Type": media_type}), 202)
    assert (await get(shared, account, GENERATIONS)).headers["Content-Type"] == "application/json"
