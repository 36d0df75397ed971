"""The fields of a create through the Kling dialect: statements 12, 19 to 37 and 39 of its contract."""

from typing import Any

import pytest

from contract.kling.conformance import (
    IMAGE,
    IMAGE_URL,
    KLING_3,
    NAMES,
    TAIL_URL,
    TEXT,
    TURBO,
    assert_refused,
    body_of,
    created,
    data_of,
    error_of,
    generation,
    ignored,
    image_body,
    post,
    shots_of,
)
from reelway.domain.generation import CFG_SCALE_NEUTRAL, CameraMove
from support.exchange import task_count
from support.gateway import Account, TestGateway
from support.staging import provider_of

pytestmark = pytest.mark.anyio


async def test_c12_model_names(shared: TestGateway, account: Account) -> None:
    for name in ("kling-v9", "KLING-V3", "kling-3-0", "kling-v2-5-turbo-pro", "kling-v3 "):
        error_of(await post(shared, account, body_of(model_name=name)), 404, 1203)
        error_of(await post(shared, account, body_of(model_name=..., model=name)), 404, 1203)
    for absent in (..., None):
        await assert_refused(shared, account, body_of(model_name=absent), "model_name")
    await assert_refused(shared, account, body_of(model_name=5), "model_name")
    alone = await post(shared, account, body_of(model_name=..., model=KLING_3))
    assert (await shared.task(data_of(alone)["task_id"])).model == "kling-3-0"
    assert "model" not in ignored(alone)
    both = await post(shared, account, body_of(model_name=TURBO, model=KLING_3))
    assert (await shared.task(data_of(both)["task_id"])).model == "kling-v2-5-turbo-pro"
    assert ignored(both) == {"model"}


async def test_c19_modes(shared: TestGateway, account: Account) -> None:
    for value in ("hd", "STD", 4, True):
        await assert_refused(shared, account, body_of(mode=value), "mode")
    for value in ("std", "pro", "4k"):
        assert (await generation(shared, await created(shared, account, body_of(mode=value)))).mode == value


async def test_c20_defaults(shared: TestGateway, account: Account) -> None:
    empty: dict[str, Any] = dict.fromkeys(["mode", "duration", "aspect_ratio", "sound"], "")
    null = dict.fromkeys(empty)
    full = {"mode": "std", "duration": "5", "aspect_ratio": "16:9", "sound": "off"}
    found = [await generation(shared, await created(shared, account, body_of(**more))) for more in ({}, null, full)]
    assert found[0] == found[1] == found[2]
    made = found[0]
    assert (made.mode, made.duration_s, made.aspect_ratio, made.sound) == ("std", 5, "16:9", False)
    assert (made.negative_prompt, made.multi_shots, made.camera, made.watermark) == ("", False, None, False)
    assert await generation(shared, await created(shared, account, body_of(**empty))) == made


async def test_c21_aspect_ratios(shared: TestGateway, account: Account) -> None:
    for value in ("4:3", "16x9", 1):
        await assert_refused(shared, account, body_of(aspect_ratio=value), "aspect_ratio")
        await assert_refused(shared, account, image_body(aspect_ratio=value), "aspect_ratio", path=IMAGE)
    for value in ("16:9", "9:16", "1:1"):
        task_id = await created(shared, account, body_of(aspect_ratio=value))
        assert (await generation(shared, task_id)).aspect_ratio == value


async def test_c22_cfg_scale_is_a_number_from_0_to_1_for_every_name(shared: TestGateway, account: Account) -> None:
    for name in NAMES:
        for value in (1.2, "0.5", -0.1, True, [0.5]):
            await assert_refused(shared, account, body_of(model_name=name, cfg_scale=value), "cfg_scale")
    for value in (0, 1, 0.37):
        task_id = await created(shared, account, body_of(model_name=KLING_3, cfg_scale=value))
        assert (await generation(shared, task_id)).cfg_scale == value


async def test_c23_cfg_scale_has_no_effect_for_names_that_begin_kling_v2(stage: TestGateway, owner: Account) -> None:
    for name in NAMES:
        for value in (0.5, 0.9):
            answer = await post(stage, owner, body_of(model_name=name, cfg_scale=value))
            assert ignored(answer) == ({"cfg_scale"} if name.startswith("kling-v2") else set())
            await stage.ended(owner, data_of(answer)["task_id"])
            sent = provider_of(stage).orders[-1].generation
            expected = CFG_SCALE_NEUTRAL if name.startswith("kling-v2") else value
            assert (sent.cfg_scale, sent.needs_cfg_scale) == (expected, expected != CFG_SCALE_NEUTRAL)


async def test_c24_a_single_shot_needs_a_prompt(shared: TestGateway, account: Account) -> None:
    for more in ({}, {"multi_shot": False}, {"multi_shot": "false"}, {"multi_shot": None}):
        for prompt in ("", " ", "\n\t", None, ...):
            await assert_refused(shared, account, body_of(prompt=prompt, **more), "prompt")
            await assert_refused(shared, account, image_body(prompt=prompt, **more), "prompt", path=IMAGE)


async def test_c25_several_shots_need_a_type_and_a_text_acts_as_a_boolean(
    shared: TestGateway, account: Account
) -> None:
    for value in (True, "true"):
        await assert_refused(shared, account, body_of(multi_shot=value), "shot_type")
        await assert_refused(shared, account, body_of(multi_shot=value, shot_type="wild"), "shot_type")
    for value in ("yes", 1, "TRUE", []):
        await assert_refused(shared, account, body_of(multi_shot=value, shot_type="intelligence"), "multi_shot")
    made = [
        await generation(shared, await created(shared, account, body_of(multi_shot=value, shot_type="intelligence")))
        for value in (True, "true")
    ]
    assert made[0] == made[1]
    assert made[0].multi_shots


async def test_c26_intelligence_needs_a_prompt(shared: TestGateway, account: Account) -> None:
    for prompt in ("", "  ", None, ...):
        body = body_of(multi_shot=True, shot_type="intelligence", prompt=prompt)
        await assert_refused(shared, account, body, "prompt")


async def test_c27_customize_needs_shots_and_no_prompt(shared: TestGateway, account: Account) -> None:
    for shots in (..., None, []):
        await assert_refused(shared, account, shots_of(5, multi_prompt=shots), "multi_prompt")
    task_id = await created(shared, account, shots_of(2, 3))
    made = await generation(shared, task_id)
    assert [(shot.prompt, shot.duration_s) for shot in made.shots] == [("Shot 1", 2), ("Shot 2", 3)]
    answer = await post(shared, account, shots_of(2, 3, prompt="without effect"))
    assert ignored(answer) == {"prompt"}
    assert (await generation(shared, data_of(answer)["task_id"])).shots == made.shots


async def test_c28_what_belongs_to_several_shots_is_not_looked_at_without_them(
    shared: TestGateway, account: Account
) -> None:
    rubbish: list[dict[str, Any]] = [
        {"shot_type": "rubbish", "multi_prompt": "rubbish"},
        {"shot_type": 5, "multi_prompt": [{"index": "x"}] * 9},
    ]
    for more in rubbish:
        for switch in ({}, {"multi_shot": False}, {"multi_shot": "false"}):
            answer = await post(shared, account, body_of(**more, **switch))
            assert ignored(answer) == {"shot_type", "multi_prompt"}
            assert not (await generation(shared, data_of(answer)["task_id"])).multi_shots


def shot(**changes: Any) -> dict[str, Any]:
    found = {"index": 1, "prompt": "A door opens", "duration": "5"} | changes
    return {key: value for key, value in found.items() if value is not ...}


async def test_c29_faulty_shots(shared: TestGateway, account: Account) -> None:
    faulty: list[list[Any]] = [
        [shot(index=n, duration="1") for n in range(7)],
        [shot(prompt="x" * 513)],
        [shot(duration="0"), shot(index=2)],
        [shot(duration="6")],
        [shot(duration="2"), shot(index=2, duration="2")],
        [shot(duration="3"), shot(index=2, duration="3")],
        [shot(duration="2"), shot(index=1, duration="3")],
        [shot(duration="2"), shot(index="1", duration="3")],
        [shot(index=-1)],
        [shot(index=1.5)],
        [shot(index=True)],
        [shot(index=...)],
        [shot(prompt=...)],
        [shot(prompt="")],
        [shot(duration=...)],
        [shot(duration="2.5"), shot(index=2, duration="2.5")],
        [shot(extra=1)],
        ["A door opens"],
    ]
    for shots in faulty:
        await assert_refused(shared, account, shots_of(5, multi_prompt=shots), "multi_prompt")
    await assert_refused(shared, account, shots_of(5, multi_prompt=shot()), "multi_prompt")
    data_of(await post(shared, account, shots_of(5, multi_prompt=[shot(prompt="x" * 512)])))
    data_of(await post(shared, account, shots_of(*[1] * 6)))


async def test_c30_shots_add_up_as_texts_or_integers_and_play_in_rising_order(
    shared: TestGateway, account: Account
) -> None:
    for first, second in (("2", "3"), (2, 3)):
        shots = [shot(index=9, prompt="later", duration=second), shot(index=0, prompt="first", duration=first)]
        made = await generation(shared, await created(shared, account, shots_of(5, multi_prompt=shots)))
        assert [(found.prompt, found.duration_s) for found in made.shots] == [("first", 2), ("later", 3)]
    shots = [shot(index="2", duration="3"), shot(index="1", duration="2")]
    data_of(await post(shared, account, shots_of(5, multi_prompt=shots, duration=5)))


async def test_c31_several_shots_take_a_first_frame_and_no_last_one(shared: TestGateway, account: Account) -> None:
    for more in ({"image": IMAGE_URL, "image_tail": TAIL_URL}, {"image_tail": TAIL_URL}):
        await assert_refused(shared, account, shots_of(2, 3, **more), "image_tail", path=IMAGE)
    made = await generation(shared, await created(shared, account, shots_of(2, 3, image=IMAGE_URL), IMAGE))
    assert made.start_frame is not None
    assert len(made.shots) == 2


async def test_c32_texts_have_at_most_2500_characters(shared: TestGateway, account: Account) -> None:
    for field in ("prompt", "negative_prompt"):
        for path, base in ((TEXT, body_of()), (IMAGE, image_body())):
            for unit in ("x", "😀", "ک"):
                await assert_refused(shared, account, base | {field: unit * 2501}, field, path=path)
        await assert_refused(shared, account, body_of() | {field: 5}, field)
    for unit in ("x", "😀"):
        made = await generation(
            shared, await created(shared, account, body_of(prompt=unit * 2500, negative_prompt=unit * 2500))
        )
        assert (len(made.prompt), len(made.negative_prompt)) == (2500, 2500)


def voices(*ids: Any) -> list[dict[str, Any]]:
    return [{"voice_id": found} for found in ids]


async def test_c33_voices_that_do_not_fit(shared: TestGateway, account: Account) -> None:
    spoken = "The woman<<<voice_1>>>says: Welcome"
    faulty: list[tuple[dict[str, Any], str]] = [
        ({"sound": "on", "voice_list": voices("a", "b", "c")}, "voice_list"),
        ({"sound": "off", "voice_list": voices("a")}, "sound"),
        ({"voice_list": voices("a")}, "sound"),
        ({"sound": "on", "voice_list": voices("a"), "prompt": "He<<<voice_2>>>says"}, "voice_2"),
        ({"sound": "on", "prompt": spoken}, "voice_1"),
        ({"prompt": spoken, "voice_list": voices("a")}, "sound"),
        ({"sound": "on", "voice_list": [{"id": "a"}]}, "voice_list"),
        ({"sound": "on", "voice_list": [{"voice_id": ["a"]}]}, "voice_list"),
        ({"sound": "on", "voice_list": "a"}, "voice_list"),
        ({"sound": "loud"}, "sound"),
        ({"sound": True}, "sound"),
    ]
    for more, word in faulty:
        await assert_refused(shared, account, body_of(**more), word)
    shots = [shot(prompt="He<<<voice_2>>>says")]
    await assert_refused(
        shared, account, shots_of(5, multi_prompt=shots, sound="on", voice_list=voices("a")), "voice_2"
    )


async def test_c34_a_voice_that_is_called_is_priced_by_the_voice_column(shared: TestGateway, account: Account) -> None:
    spoken = "The woman<<<voice_1>>>says: Welcome"
    with_voice = {"sound": "on", "voice_list": voices("a")}
    cases: list[tuple[dict[str, Any], int]] = [
        (body_of(prompt=spoken, **with_voice), 55),  # ceil(42 x 0.65 x 5 / 2.5)
        (body_of(prompt=spoken, mode="pro", **with_voice), 80),  # ceil(42 x 0.95 x 5 / 2.5)
        (body_of(**with_voice), 38),  # not called: the sound column, ceil(42 x 0.45 x 5 / 2.5)
        (body_of(sound="on", mode="pro"), 63),  # 42 x 0.75 x 5 / 2.5
        (body_of(model_name=KLING_3, mode="pro", prompt=spoken, **with_voice), 158),  # ceil(90 x 1.4 x 5 / 4)
        (body_of(model_name="kling-v2-6", mode="pro", prompt=spoken, **with_voice), 132),  # 55 x 1.2 x 5 / 2.5
    ]
    for body, credits in cases:
        task = await shared.task(await created(shared, account, body))
        assert task.price_credits == credits, body
    numbered = await created(shared, account, body_of(prompt=spoken, sound="on", voice_list=voices(829_836)))
    assert (await generation(shared, numbered)).voices == ("829836",)


def camera(kind: Any = "simple", **config: Any) -> dict[str, Any]:
    return {"camera_control": {"type": kind, "config": config}}


async def test_c35_camera_control(shared: TestGateway, account: Account) -> None:
    faulty: list[dict[str, Any]] = [
        camera(zoom=1, pan=1),
        camera(),
        camera(zoom=0),
        camera(zoom=11),
        camera(zoom=-10.5),
        camera(zoom="5"),
        camera(zoom=True),
        camera(depth=5),
        {"camera_control": {"type": "simple"}},
        {"camera_control": {"type": "simple", "config": None}},
        {"camera_control": {"config": {"zoom": 5}}},
        {"camera_control": {"type": "spin"}},
        {"camera_control": {"type": "down_back", "config": {"zoom": 5}}},
        {"camera_control": {"type": "down_back", "config": {"zoom": 0}}},
        {"camera_control": "down_back"},
    ]
    for more in faulty:
        await assert_refused(shared, account, body_of(**more), "camera_control")
    for name in ("horizontal", "vertical", "pan", "tilt", "roll", "zoom"):
        for value in (-10, 10, 2.5):
            made = await generation(shared, await created(shared, account, body_of(**camera(**{name: value}))))
            assert made.camera is not None
            assert (made.camera.move, getattr(made.camera, name)) == (CameraMove.SIMPLE, value)
    six = dict.fromkeys(["horizontal", "vertical", "pan", "tilt", "roll"], 0) | {"zoom": 3}
    data_of(await post(shared, account, body_of(**camera(**six))))
    for kind in ("down_back", "forward_up", "right_turn_forward", "left_turn_forward"):
        for more in ({"type": kind}, {"type": kind, "config": None}):
            made = await generation(shared, await created(shared, account, body_of(camera_control=more)))
            assert made.camera is not None
            assert made.camera.move == kind


async def test_c37_what_is_no_field_of_text2video_is_refused(shared: TestGateway, account: Account) -> None:
    for name, value in (("image", IMAGE_URL), ("image_tail", TAIL_URL), ("element_list", []), ("seed", 1), ("n", 1)):
        await assert_refused(shared, account, body_of(**{name: value}), name)
    for name in ("seed", "Prompt", "images"):
        await assert_refused(shared, account, image_body(**{name: "x"}), name, path=IMAGE)
    message = error_of(await post(shared, account, body_of(seed=1, mode="hd", duration="99")), 400, 1201)
    assert len(message.split("; ")) == 3
    for name in ("seed", "mode", "duration"):
        assert name in message
    assert await task_count(shared, account) == 0


async def test_c36_watermark_info_is_an_object_with_a_boolean(shared: TestGateway, account: Account) -> None:
    for value in (True, "on", {"enabled": "true"}, {"enabled": 1}, [True]):
        await assert_refused(shared, account, body_of(watermark_info=value), "watermark_info")
    for value, expected in (({"enabled": True}, True), ({"enabled": False}, False), (None, False)):
        task_id = await created(shared, account, body_of(watermark_info=value))
        assert (await generation(shared, task_id)).watermark == expected
