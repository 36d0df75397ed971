"""Every rule of section 9, broken one at a time: K1 to K28, and what passes right beside it."""

import base64
from typing import Any

import pytest

from contract.kling.wire import (
    IMAGE,
    IMAGE_URL,
    MINIMAL,
    MINIMAL_IMAGE,
    MULTI,
    PROMPT,
    SHOTS,
    TAIL_URL,
    TEXT,
    base64_image,
    data_of,
    post,
    problems_of,
    without,
)
from support.gateway import Account, TestGateway
from support.media import noise_png

pytestmark = pytest.mark.anyio

URL_OR_BASE64 = "must be a public https URL or base64"
LISTS = {
    "sound": "on, off",
    "mode": "std, pro, 4k",
    "aspect_ratio": "16:9, 9:16, 1:1",
}
MOVES = "simple, down_back, forward_up, right_turn_forward, left_turn_forward"
VOICED = {"sound": "on", "voice_list": [{"voice_id": "a"}]}
MASK = {"mask": IMAGE_URL, "trajectories": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}


def shot(number: int = 0, **changes: Any) -> list[dict[str, Any]]:
    """The two shots with one of them changed; `...` removes a key."""
    shots = [dict(found) for found in SHOTS]
    shots[number] = {key: value for key, value in (shots[number] | changes).items() if value is not ...}
    return shots


def camera(**config: Any) -> dict[str, Any]:
    return {"camera_control": {"type": "simple", "config": config}}


Case = tuple[dict[str, Any], str]

TEXT_CASES: list[Case] = [
    ({"prompt": PROMPT}, "model_name: required"),  # K1
    (MINIMAL | {"model_name": None}, "model_name: required"),
    (MINIMAL | {"model_name": 7}, "model_name: must be a string"),  # K2
    ({"model": 7, "prompt": PROMPT}, "model: must be a string"),
    (MINIMAL | {"multi_shot": "yes"}, "multi_shot: must be a boolean"),
    (MINIMAL | {"multi_shot": 1}, "multi_shot: must be a boolean"),
    (MULTI | {"shot_type": 1}, "shot_type: must be a string"),
    (MINIMAL | {"prompt": ["x"]}, "prompt: must be a string"),
    (MULTI | {"multi_prompt": {}}, "multi_prompt: must be an array"),
    (MINIMAL | {"negative_prompt": 1}, "negative_prompt: must be a string"),
    (MINIMAL | {"sound": True}, "sound: must be a string"),
    (MINIMAL | {"voice_list": "a"}, "voice_list: must be an array"),
    (MINIMAL | {"sound": "on", "voice_list": ["a"]}, "voice_list[0]: must be an object"),
    (MINIMAL | {"sound": "on", "voice_list": [{}]}, "voice_list[0].voice_id: required"),
    (MINIMAL | {"sound": "on", "voice_list": [{"voice_id": True}]},
     "voice_list[0].voice_id: must be a string or a number"),
    (MINIMAL | {"cfg_scale": "0.5"}, "cfg_scale: must be a number"),
    (MINIMAL | {"cfg_scale": True}, "cfg_scale: must be a number"),
    (MINIMAL | {"mode": 4}, "mode: must be a string"),
    (MINIMAL | {"camera_control": "simple"}, "camera_control: must be an object"),
    (MINIMAL | {"watermark_info": True}, "watermark_info: must be an object"),
    (MINIMAL | {"watermark_info": {"enabled": "true"}}, "watermark_info.enabled: must be a boolean"),
    (MINIMAL | {"callback_url": 1}, "callback_url: must be a string"),
    (MINIMAL | {"external_task_id": 7}, "external_task_id: must be a string"),
    *((MINIMAL | {key: "hd"}, f"{key}: must be one of {allowed}") for key, allowed in LISTS.items()),  # K3
    (MINIMAL | {"aspect_ratio": "4:3"}, "aspect_ratio: must be one of 16:9, 9:16, 1:1"),
    (MULTI | {"shot_type": "auto"}, "shot_type: must be one of customize, intelligence"),
    *((MINIMAL | {"duration": value}, "duration: must be one of 3 to 15")  # K4
      for value in ("2", "16", "5.5", "05", "five", " 5", 2, 16, 5.5, -5, True, [], {}, "5" * 5000)),
    (without(MINIMAL, "prompt"), "prompt: must not be empty"),  # K5
    (MINIMAL | {"prompt": ""}, "prompt: must not be empty"),
    (MINIMAL | {"prompt": " \n\t"}, "prompt: must not be empty"),
    (MINIMAL | {"multi_shot": False, "prompt": None}, "prompt: must not be empty"),
    ({"model_name": "kling-v3", "multi_shot": True, "shot_type": "intelligence"}, "prompt: must not be empty"),
    (MINIMAL | {"prompt": "x" * 2501}, "prompt: at most 2500 characters"),  # K6
    (MULTI | {"prompt": "x" * 2501}, "prompt: at most 2500 characters"),
    (MINIMAL | {"negative_prompt": "x" * 2501}, "negative_prompt: at most 2500 characters"),  # K7
    *((MINIMAL | {"cfg_scale": value}, "cfg_scale: must be from 0 to 1") for value in (1.2, -0.1, 2)),  # K8
    (MINIMAL | {"model_name": "kling-v1", "cfg_scale": 1.01}, "cfg_scale: must be from 0 to 1"),
    (without(MULTI, "shot_type"), "shot_type: required when multi_shot is true"),  # K9
    (without(MULTI, "multi_prompt"), "multi_prompt: required when shot_type is customize"),  # K10
    (MULTI | {"multi_prompt": []}, "multi_prompt: needs 1 to 6 shots"),  # K11
    (MULTI | {"multi_prompt": [{"index": n, "prompt": "x", "duration": 1} for n in range(7)], "duration": 7},
     "multi_prompt: needs 1 to 6 shots"),
    (MULTI | {"multi_prompt": [*SHOTS, "x"]}, "multi_prompt[2]: must be an object"),
    *((MULTI | {"multi_prompt": shot(**{key: ...})}, f"multi_prompt[0].{key}: required")
      for key in ("index", "prompt", "duration")),
    (MULTI | {"multi_prompt": shot(more=1)}, "multi_prompt[0].more: unknown field"),
    *((MULTI | {"multi_prompt": shot(1, index=value)}, "multi_prompt[1].index: must be a unique integer")
      for value in (1, "1", -1, 1.5, "x", True, [1])),
    (MULTI | {"multi_prompt": shot(prompt="x" * 513)}, "multi_prompt[0].prompt: at most 512 characters"),
    (MULTI | {"multi_prompt": shot(prompt="")}, "multi_prompt[0].prompt: required"),
    (MULTI | {"multi_prompt": shot(prompt="  ")}, "multi_prompt[0].prompt: must not be empty"),
    (MULTI | {"multi_prompt": shot(prompt=1)}, "multi_prompt[0].prompt: must be a string"),
    *((MULTI | {"multi_prompt": shot(duration=value)}, "multi_prompt[0].duration: must be from 1 to 5")
      for value in ("0", 0, "6", 6, "2.5", 2.5, True, "x")),
    (MULTI | {"multi_prompt": shot(duration="3")}, "multi_prompt: the durations add up to 6, not 5"),
    (MULTI | {"duration": 7}, "multi_prompt: the durations add up to 5, not 7"),
    (MINIMAL | {"sound": "on", "voice_list": [{"voice_id": n} for n in "abc"]}, "voice_list: at most 2 voices"),  # K13
    (MINIMAL | VOICED | {"sound": "off"}, "sound: must be on when a voice is used"),  # K14
    (MINIMAL | without(VOICED, "sound"), "sound: must be on when a voice is used"),
    # K15
    (MINIMAL | VOICED | {"prompt": "A man<<<voice_2>>>says"}, "prompt: <<<voice_2>>> has no entry in voice_list"),
    (MINIMAL | VOICED | {"prompt": "A man<<<voice_0>>>says"}, "prompt: <<<voice_0>>> has no entry in voice_list"),
    (MINIMAL | {"sound": "on", "prompt": "A<<<voice_1>>>"}, "prompt: <<<voice_1>>> has no entry in voice_list"),
    (MINIMAL | {"prompt": "<<<element_1>>> walks"}, "prompt: <<<element_1>>> has no entry in element_list"),  # K16
    (MINIMAL | {"prompt": "as in <<<image_1>>>"}, "prompt: <<<image_1>>> has no input"),  # K17
    (MINIMAL | {"prompt": "as in <<<video_1>>>"}, "prompt: <<<video_1>>> has no input"),
    (MULTI | {"multi_prompt": shot(1, prompt="<<<video_1>>>")}, "multi_prompt[1].prompt: <<<video_1>>> has no input"),
    (MINIMAL | {"camera_control": {}}, f"camera_control.type: must be one of {MOVES}"),  # K18
    (MINIMAL | {"camera_control": {"type": "spin"}}, f"camera_control.type: must be one of {MOVES}"),
    (MINIMAL | {"camera_control": {"type": "simple"}}, "camera_control.config: required for simple"),
    (MINIMAL | {"camera_control": {"type": "simple", "config": 1}}, "camera_control.config: must be an object"),
    (MINIMAL | {"camera_control": {"type": "down_back", "config": {}}},
     "camera_control.config: not allowed for down_back"),
    (MINIMAL | {"camera_control": {"type": "down_back", "speed": 1}}, "camera_control.speed: unknown field"),
    *((MINIMAL | camera(**config), "camera_control.config: exactly one value must not be 0")
      for config in ({}, {"zoom": 0}, {"zoom": 1, "pan": 2}, {"zoom": None})),
    (MINIMAL | camera(zoom=11), "camera_control.config.zoom: must be from -10 to 10"),
    (MINIMAL | camera(zoom="1"), "camera_control.config.zoom: must be a number"),
    (MINIMAL | camera(zoom=1, dolly=1), "camera_control.config.dolly: unknown field"),
    *((MINIMAL | {"callback_url": url}, "callback_url: must be a public https URL")  # K26
      for url in ("http://example.com/x", "https://localhost/x", "https://10.0.0.1/", "ftp://a.com", "x")),
    *((MINIMAL | {"external_task_id": text}, "external_task_id: invalid")  # K27
      for text in ("a/b", "a\nb", "a\0b", "x" * 257, "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3")),
    (MINIMAL | {"seed": 7}, "seed: unknown field"),  # K28
    (MINIMAL | {"image": IMAGE_URL}, "image: not a field of text2video"),
    (MINIMAL | {"image_tail": IMAGE_URL}, "image_tail: not a field of text2video"),
    (MINIMAL | {"element_list": []}, "element_list: unknown field"),
    (MINIMAL | {"watermark_info": {"on": True}}, "watermark_info.on: unknown field"),
    (MINIMAL | {"sound": "on", "voice_list": [{"voice_id": 1, "x": 2}]}, "voice_list[0].x: unknown field"),
]  # fmt: skip

IMAGE_CASES: list[Case] = [
    (MULTI | {"image": IMAGE_URL, "image_tail": TAIL_URL}, "image_tail: not supported when multi_shot is true"),  # K12
    (MINIMAL_IMAGE | {"prompt": "<<<image_2>>>"}, "prompt: <<<image_2>>> has no input"),  # K17
    (MINIMAL_IMAGE | {"prompt": "<<<image_3>>>"}, "prompt: <<<image_3>>> has no input"),
    (MINIMAL | {"image_tail": TAIL_URL, "prompt": "<<<image_1>>>"}, "prompt: <<<image_1>>> has no input"),
    (MINIMAL_IMAGE | {"prompt": "<<<element_2>>>", "element_list": [{"element_id": 1}]},
     "prompt: <<<element_2>>> has no entry in element_list"),
    (MINIMAL, "image: one of image and image_tail is required"),  # K19
    (MINIMAL | {"image": "", "image_tail": None}, "image: one of image and image_tail is required"),
    *((MINIMAL_IMAGE | extra, "image_tail, masks and camera_control exclude each other") for extra in (  # K20
        {"image_tail": TAIL_URL, "static_mask": IMAGE_URL},
        {"image_tail": TAIL_URL, "dynamic_masks": [MASK]},
        {"image_tail": TAIL_URL} | camera(zoom=1),
        {"static_mask": IMAGE_URL} | camera(zoom=1),
    )),
    (MINIMAL_IMAGE | {"image": "data:image/png;base64," + base64_image()},
     "image: base64 without a data: prefix is required"),  # K22
    (MINIMAL_IMAGE | {"image_tail": "DATA:,x"}, "image_tail: base64 without a data: prefix is required"),
    *((MINIMAL_IMAGE | {"image": text}, f"image: {URL_OR_BASE64}") for text in (  # K23
        "http://cdn.example.com/a.png", "https://localhost/a.png", "ftp://a.com/b", "no base64!", "abc", "ab=c",
        "AAA=A", "AAAA=", "AAAA AAAA", "AAAA\nAAAA", "file:///etc/passwd")),
    (MINIMAL_IMAGE | {"static_mask": "???"}, f"static_mask: {URL_OR_BASE64}"),
    (MINIMAL_IMAGE | {"dynamic_masks": [MASK | {"mask": "???"}]}, f"dynamic_masks[0].mask: {URL_OR_BASE64}"),
    (MINIMAL_IMAGE | {"image": base64_image("GIF")}, "image: must be JPEG or PNG"),  # K24
    (MINIMAL_IMAGE | {"image": base64_image("WEBP")}, "image: must be JPEG or PNG"),
    (MINIMAL_IMAGE | {"image": "AAAA"}, "image: must be JPEG or PNG"),
    (MINIMAL_IMAGE | {"image": base64_image()[:400]}, "image: must be JPEG or PNG"),
    (MINIMAL_IMAGE | {"image": base64_image("PNG", (200, 200))}, "image: each side needs at least 300 pixels"),
    (MINIMAL_IMAGE | {"image": base64_image("JPEG", (299, 400))}, "image: each side needs at least 300 pixels"),
    (MINIMAL_IMAGE | {"image": base64_image("PNG", (3000, 1000))}, "image: ratio must be from 1:2.5 to 2.5:1"),
    (MINIMAL_IMAGE | {"image": base64_image("PNG", (300, 751))}, "image: ratio must be from 1:2.5 to 2.5:1"),
    (MINIMAL_IMAGE | {"image_tail": base64_image("PNG", (99, 400))}, "image_tail: each side needs at least 300 pixels"),
    (MINIMAL_IMAGE | {"static_mask": base64_image("GIF")}, "static_mask: must be JPEG or PNG"),
    (MINIMAL_IMAGE | {"element_list": [{"element_id": n} for n in range(4)]}, "element_list: at most 3 items"),  # K25
    (MINIMAL_IMAGE | {"element_list": [{}]}, "element_list[0].element_id: required"),
    (MINIMAL_IMAGE | {"dynamic_masks": []}, "dynamic_masks: needs 1 to 6 items"),
    (MINIMAL_IMAGE | {"dynamic_masks": [MASK] * 7}, "dynamic_masks: at most 6 items"),
    (MINIMAL_IMAGE | {"dynamic_masks": [without(MASK, "mask")]}, "dynamic_masks[0].mask: required"),
    *((MINIMAL_IMAGE | {"dynamic_masks": [MASK | {"trajectories": points}]},
       "dynamic_masks[0].trajectories: needs 2 to 77 points")
      for points in (None, [], [{"x": 1, "y": 1}], [{"x": 1, "y": 1}] * 78)),
    (MINIMAL_IMAGE | {"dynamic_masks": [MASK | {"trajectories": [{"x": 1, "y": 1}, {"x": 1.5, "y": 2}]}]},
     "dynamic_masks[0].trajectories[1].x: must be an integer"),
    (MINIMAL_IMAGE | {"dynamic_masks": [MASK | {"trajectories": [{"x": 1, "y": 1}, {"x": 1}]}]},
     "dynamic_masks[0].trajectories[1].y: required"),
    (MINIMAL_IMAGE | {"aspect_ratio": "4:3"}, "aspect_ratio: must be one of 16:9, 9:16, 1:1"),
    (MINIMAL_IMAGE | {"seed": 7}, "seed: unknown field"),  # K28
]  # fmt: skip


def _name(case: object) -> str:
    return case[:60] if isinstance(case, str) else ""


@pytest.mark.parametrize(("body", "message"), TEXT_CASES, ids=_name)
async def test_9_1_a_broken_rule_of_text2video_is_told_alone(
    shared: TestGateway, account: Account, body: dict[str, Any], message: str
) -> None:
    assert problems_of(await post(shared, account, body)) == [message]


@pytest.mark.parametrize(("body", "message"), IMAGE_CASES, ids=_name)
async def test_9_1_a_broken_rule_of_image2video_is_told_alone(
    shared: TestGateway, account: Account, body: dict[str, Any], message: str
) -> None:
    assert problems_of(await post(shared, account, body, IMAGE)) == [message]


async def test_k14_a_reference_to_a_voice_needs_sound_too(shared: TestGateway, account: Account) -> None:
    body = MINIMAL | {"prompt": "A man<<<voice_1>>>says"}
    assert problems_of(await post(shared, account, body)) == [
        "sound: must be on when a voice is used",
        "prompt: <<<voice_1>>> has no entry in voice_list",
    ]


async def test_k21_masks_alone_lack_both_an_image_and_the_image_that_they_lie_on(
    shared: TestGateway, account: Account
) -> None:
    assert problems_of(await post(shared, account, MINIMAL | {"static_mask": IMAGE_URL}, IMAGE)) == [
        "image: one of image and image_tail is required",
        "image: required with masks",
    ]
    body = MINIMAL | {"image_tail": TAIL_URL, "dynamic_masks": [MASK]}
    assert problems_of(await post(shared, account, body, IMAGE)) == [
        "image_tail, masks and camera_control exclude each other",
        "image: required with masks",
    ]


async def test_k24_ten_megabytes_pass_and_a_byte_more_does_not(shared: TestGateway, account: Account) -> None:
    limit = 10 * 1024 * 1024
    image = noise_png(9 * 1024 * 1024)
    padded = image + bytes(limit - len(image))  # what follows the end of a PNG is not read
    body = MINIMAL_IMAGE | {"image": base64.b64encode(padded).decode()}
    data_of(await post(shared, account, body, IMAGE))
    body = MINIMAL_IMAGE | {"image": base64.b64encode(padded + b"\0").decode()}
    assert problems_of(await post(shared, account, body, IMAGE)) == ["image: at most 10 MB"]
    body = MINIMAL_IMAGE | {"image": base64.b64encode(padded + bytes(1000)).decode()}
    assert problems_of(await post(shared, account, body, IMAGE)) == ["image: at most 10 MB"]


PASSING: list[tuple[str, dict[str, Any]]] = [
    *((TEXT, MINIMAL | {"duration": value}) for value in ("3", "15", 3, 15, 5.0, "", None)),
    *((TEXT, MINIMAL | {"cfg_scale": value}) for value in (0, 1, 0.5)),
    *((TEXT, MINIMAL | {"mode": value}) for value in ("std", "pro", "4k")),
    (TEXT, {"model": "kling-v1", "prompt": PROMPT}),
    (TEXT, MINIMAL | {"model_name": "", "model": "kling-v1"}),
    (TEXT, MINIMAL | {"prompt": "x" * 2500, "negative_prompt": "é" * 2500}),
    (TEXT, MINIMAL | dict.fromkeys(("negative_prompt", "callback_url", "external_task_id", "mode", "sound"), "")),
    (TEXT, MINIMAL | dict.fromkeys(("voice_list", "camera_control", "watermark_info", "image", "static_mask"))),
    (TEXT, MINIMAL | {"multi_shot": "false", "shot_type": 7, "multi_prompt": "rubbish"}),
    (TEXT, MULTI | {"multi_shot": "true"}),
    (TEXT, MULTI | {"multi_prompt": shot(prompt="x" * 512), "prompt": "<<<voice_1>>> <<<video_1>>>"}),
    (TEXT, MULTI | {"multi_prompt": [{"index": "0", "prompt": "x", "duration": 2},
                                     {"index": 9, "prompt": "y", "duration": "3"}]}),
    (TEXT, MULTI | {"shot_type": "intelligence", "prompt": PROMPT, "multi_prompt": None}),
    (TEXT, MINIMAL | {"voice_list": [], "sound": "off"}),
    (TEXT, MINIMAL | {"sound": "on", "voice_list": [{"voice_id": 7}, {"voice_id": "b"}],
                      "prompt": 'The woman<<<voice_2>>>says: "Welcome in"'}),
    (TEXT, MINIMAL | camera(zoom=-10, pan=0)),
    (TEXT, MINIMAL | {"camera_control": {"type": "down_back", "config": None}}),
    (TEXT, MINIMAL | {"watermark_info": {}}),
    (TEXT, MINIMAL | {"prompt": "a <<<image>>> and <<<thing_1>>>, 3 <<< 4"}),
    (IMAGE, MINIMAL_IMAGE),
    (IMAGE, MINIMAL | {"image_tail": TAIL_URL, "prompt": "<<<image_2>>>"}),
    (IMAGE, MINIMAL_IMAGE | {"image_tail": TAIL_URL, "mode": "pro", "duration": "10", "prompt": "<<<image_1>>>"}),
    (IMAGE, MULTI | {"image": IMAGE_URL}),
    (IMAGE, MINIMAL_IMAGE | {"static_mask": IMAGE_URL, "dynamic_masks": [MASK] * 6}),
    (IMAGE, MINIMAL_IMAGE | {"dynamic_masks": [MASK | {"trajectories": [{"x": 1, "y": -1}] * 77}]}),
    (IMAGE, MINIMAL_IMAGE | camera(roll=1.5)),
    (IMAGE, MINIMAL_IMAGE | VOICED | {"element_list": [{"element_id": 1}, {"element_id": "b"}, {"element_id": 3}],
                                      "prompt": "<<<element_3>>><<<voice_1>>>"}),
    (IMAGE, MINIMAL_IMAGE | {"image": base64_image("PNG", (300, 750)), "image_tail": base64_image("JPEG", (300, 900))}),
]  # fmt: skip


@pytest.mark.parametrize(("path", "body"), PASSING)
async def test_9_1_what_keeps_the_rules_passes(
    shared: TestGateway, account: Account, path: str, body: dict[str, Any]
) -> None:
    data_of(await post(shared, account, body, path))
