"""Rules that meet in one request: every problem is told, in the order of sections 7 to 9, and none twice."""

from typing import Any

import pytest

from contract.kling.wire import (
    IMAGE,
    IMAGE_URL,
    MINIMAL,
    MINIMAL_IMAGE,
    MULTI,
    PROMPT,
    TAIL_URL,
    TEXT,
    base64_image,
    data_of,
    error_of,
    ignored_of,
    post,
    problems_of,
    without,
)
from support.gateway import Account, TestGateway

pytestmark = pytest.mark.anyio

VOICES = [{"voice_id": name} for name in "abc"]
EXCLUDE = "image_tail, masks and camera_control exclude each other"
MOVES = "simple, down_back, forward_up, right_turn_forward, left_turn_forward"

EVERYTHING_WRONG: dict[str, Any] = {
    "zzz": 1,
    "aaa": 1,
    "dynamic_masks": [{"trajectories": []}],
    "static_mask": "data:,",
    "element_list": [{"element_id": n} for n in range(4)],
    "image_tail": "http://a.com/b",
    "image": base64_image("GIF"),
    "external_task_id": "a/b",
    "callback_url": "http://a.com",
    "watermark_info": 1,
    "duration": "2",
    "aspect_ratio": "4:3",
    "camera_control": {},
    "mode": "hd",
    "cfg_scale": 2,
    "voice_list": VOICES,
    "sound": "off",
    "negative_prompt": 1,
    "multi_prompt": [{"index": 1, "prompt": "<<<video_1>>><<<voice_4>>>", "duration": "99"}],
    "prompt": "x" * 2501,
    "shot_type": "customize",
    "multi_shot": True,
}


async def test_9_1_all_problems_are_told_in_the_order_of_the_tables(shared: TestGateway, account: Account) -> None:
    assert problems_of(await post(shared, account, EVERYTHING_WRONG, IMAGE)) == [
        "model_name: required",
        "prompt: at most 2500 characters",
        "multi_prompt[0].duration: must be from 1 to 15",
        "negative_prompt: must be a string",
        "voice_list: at most 2 voices",
        "cfg_scale: must be from 0 to 1",
        "mode: must be one of std, pro, 4k",
        f"camera_control.type: must be one of {MOVES}",
        "aspect_ratio: must be one of 16:9, 9:16, 1:1",
        "duration: must be one of 3 to 15",
        "watermark_info: must be an object",
        "callback_url: must be a public https URL",
        "external_task_id: invalid",
        "image: must be JPEG or PNG",
        "image_tail: must be a public https URL or base64",
        "element_list: at most 3 items",
        "static_mask: base64 without a data: prefix is required",
        "dynamic_masks[0].mask: required",
        "dynamic_masks[0].trajectories: needs 2 to 77 points",
        "image_tail: not supported when multi_shot is true",
        "sound: must be on when a voice is used",
        "multi_prompt[0].prompt: <<<voice_4>>> has no entry in voice_list",
        "multi_prompt[0].prompt: <<<video_1>>> has no input",
        EXCLUDE,
        "aaa: unknown field",
        "zzz: unknown field",
    ]


PAIRS: list[tuple[str, dict[str, Any], list[str]]] = [
    # An unreadable switch decides nothing that hangs on it.
    (TEXT, {"model_name": "kling-v3", "multi_shot": "maybe"}, ["multi_shot: must be a boolean"]),
    (TEXT, without(MULTI, "multi_prompt") | {"shot_type": "auto"},
     ["shot_type: must be one of customize, intelligence"]),
    (TEXT, MINIMAL | {"sound": "loud", "voice_list": [{"voice_id": 1}]}, ["sound: must be one of on, off"]),
    # An unreadable list has no known number of entries.
    (TEXT, MINIMAL | {"sound": "on", "voice_list": {}, "prompt": "<<<voice_3>>>"}, ["voice_list: must be an array"]),
    (IMAGE, MINIMAL_IMAGE | {"element_list": 1, "prompt": "<<<element_9>>>"}, ["element_list: must be an array"]),
    # K13 with K15: the third voice has an entry, although it is one too many.
    (TEXT, MINIMAL | {"sound": "on", "voice_list": VOICES, "prompt": "<<<voice_3>>>"},
     ["voice_list: at most 2 voices"]),
    # K13 with K14.
    (TEXT, MINIMAL | {"voice_list": VOICES},
     ["voice_list: at most 2 voices", "sound: must be on when a voice is used"]),
    # K9 stands for K5 and K10: without a shot_type neither is known to be needed.
    (TEXT, {"model_name": "kling-v3", "multi_shot": True}, ["shot_type: required when multi_shot is true"]),
    # K4 with K11: shots are judged against the longest video there is, and no sum is built.
    (TEXT, MULTI | {"duration": "99"}, ["duration: must be one of 3 to 15"]),
    (TEXT, MULTI | {"duration": "99", "multi_prompt": [{"index": 1, "prompt": "x", "duration": 16}]},
     ["multi_prompt[0].duration: must be from 1 to 15", "duration: must be one of 3 to 15"]),
    # A faulty shot keeps the sum from being judged.
    (TEXT, MULTI | {"multi_prompt": [{"index": 1, "prompt": "x", "duration": 1},
                                     {"index": 1, "prompt": "", "duration": 9}]},
     ["multi_prompt[1].index: must be a unique integer", "multi_prompt[1].prompt: required",
      "multi_prompt[1].duration: must be from 1 to 5"]),
    # K12 with K20 and K17.
    (IMAGE, MULTI | {"image_tail": TAIL_URL, "camera_control": {"type": "down_back"}},
     ["image_tail: not supported when multi_shot is true", EXCLUDE]),
    # K19 with K17: there is no first image.
    (IMAGE, MINIMAL | {"prompt": "<<<image_1>>>"},
     ["prompt: <<<image_1>>> has no input", "image: one of image and image_tail is required"]),
    # K22 with K19: something was given, so only its form is told.
    (IMAGE, MINIMAL | {"image": "data:image/png;base64,AAAA"}, ["image: base64 without a data: prefix is required"]),
    # K20 with all three groups is told once; K21 with K20.
    (IMAGE, MINIMAL | {"image_tail": TAIL_URL, "static_mask": IMAGE_URL, "camera_control": {"type": "down_back"}},
     [EXCLUDE, "image: required with masks"]),
    # K5 with K7 and K28.
    (TEXT, {"model_name": "kling-v1", "negative_prompt": "x" * 2501, "foo": None},
     ["prompt: must not be empty", "negative_prompt: at most 2500 characters", "foo: unknown field"]),
    # K1 with everything else; a wrong type of `model` is told where it counts.
    (TEXT, {"prompt": " ", "duration": 1},
     ["model_name: required", "prompt: must not be empty", "duration: must be one of 3 to 15"]),
    # The same mark twice is one problem, different marks are several.
    (TEXT, MINIMAL | {"prompt": "<<<video_1>>><<<video_1>>><<<element_2>>><<<image_1>>>"},
     ["prompt: <<<element_2>>> has no entry in element_list", "prompt: <<<video_1>>> has no input",
      "prompt: <<<image_1>>> has no input"]),
    # Marks in every shot.
    (TEXT, MULTI | {"sound": "on", "multi_prompt": [{"index": 2, "prompt": "<<<voice_1>>>", "duration": 2},
                                                    {"index": 1, "prompt": "<<<voice_1>>>", "duration": 3}]},
     ["multi_prompt[0].prompt: <<<voice_1>>> has no entry in voice_list",
      "multi_prompt[1].prompt: <<<voice_1>>> has no entry in voice_list"]),
    # Image fields do not belong to text2video, so their own rules are not told as well.
    (TEXT, MULTI | {"image_tail": "data:,", "static_mask": "x"},
     ["image_tail: not a field of text2video", "static_mask: unknown field"]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "messages"), PAIRS)
async def test_9_1_rules_that_meet(
    shared: TestGateway, account: Account, path: str, body: dict[str, Any], messages: list[str]
) -> None:
    assert problems_of(await post(shared, account, body, path)) == messages


IGNORED: list[tuple[str, dict[str, Any], list[str]]] = [
    (TEXT, MINIMAL, []),
    (TEXT, MINIMAL | {"model": "whatever"}, ["model"]),
    (TEXT, MINIMAL | {"model": 7}, ["model"]),
    (TEXT, {"model": "kling-v1", "prompt": PROMPT, "cfg_scale": 0}, []),
    (TEXT, MINIMAL | {"cfg_scale": 0.5}, ["cfg_scale"]),
    (TEXT, MINIMAL | {"cfg_scale": 0, "model_name": "kling-v2-master"}, ["cfg_scale"]),
    (TEXT, MINIMAL | {"cfg_scale": 0, "model_name": "kling-v3"}, []),
    (TEXT, MINIMAL | {"shot_type": "rubbish", "multi_prompt": {"a": 1}}, ["shot_type", "multi_prompt"]),
    (TEXT, MULTI | {"prompt": "not used"}, ["prompt"]),
    (TEXT, MULTI | {"prompt": ""}, []),
    (TEXT, MULTI | {"shot_type": "intelligence", "prompt": PROMPT, "multi_prompt": 1}, ["multi_prompt"]),
    (IMAGE, MINIMAL_IMAGE | {"aspect_ratio": "1:1"}, ["aspect_ratio"]),
    (IMAGE, MINIMAL_IMAGE | {"aspect_ratio": "1:1", "cfg_scale": 1, "shot_type": 0, "model": "x"},
     ["model", "shot_type", "cfg_scale", "aspect_ratio"]),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body", "ignored"), IGNORED)
async def test_9_1_fields_without_effect_are_named_and_never_an_error(
    shared: TestGateway, account: Account, path: str, body: dict[str, Any], ignored: list[str]
) -> None:
    assert ignored_of(await post(shared, account, body, path)) == ignored


async def test_4_3_an_unknown_model_is_told_before_any_field(shared: TestGateway, account: Account) -> None:
    answer = await post(shared, account, {"model_name": "kling-v9", "duration": 1, "foo": 1})
    assert error_of(answer, 404, 1203) == "model_name kling-v9 does not exist"
    for name in ("KLING-V1", "kling-v2-5-turbo-pro", "kling-3-0", "x" * 5000):
        assert error_of(await post(shared, account, MINIMAL | {"model_name": name}), 404, 1203)


async def test_7_a_flood_of_unknown_keys_does_not_come_back(shared: TestGateway, account: Account) -> None:
    body = MINIMAL | {f"{number}{'k' * 900}": 1 for number in range(1000)}
    answer = await post(shared, account, body)
    assert len(problems_of(answer)) <= 101
    assert len(answer.content) < 20_000


async def test_16_a_used_external_task_id_is_told_and_makes_no_task(shared: TestGateway) -> None:
    mine, other = await shared.account(), await shared.account()
    data_of(await post(shared, mine, MINIMAL | {"external_task_id": "order-7"}))
    credits = await shared.available_credits(mine)
    for path, body in ((TEXT, MINIMAL), (IMAGE, MINIMAL_IMAGE)):
        answer = await post(shared, mine, body | {"external_task_id": "order-7"}, path)
        assert problems_of(answer) == ["external_task_id: already used"]
    assert await shared.available_credits(mine) == credits
    data_of(await post(shared, other, MINIMAL | {"external_task_id": "order-7"}))
