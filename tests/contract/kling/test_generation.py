"""What a create body becomes: every field that has an effect is in the generation that a provider gets."""

import json
from dataclasses import replace
from typing import Any

import pytest

from contract.kling.wire import IMAGE, IMAGE_URL, MINIMAL, PROMPT, TAIL_URL, TEXT, base64_image, data_of, post
from reelway.domain.generation import (
    Camera,
    CameraMove,
    Generation,
    ImageRule,
    Mode,
    MotionBrush,
    Product,
    Reference,
    Shot,
    generation_of,
)
from reelway.domain.media import MediaKind
from reelway.domain.task import Task
from support.gateway import Account, TestGateway
from support.media import image_bytes

pytestmark = pytest.mark.anyio

PLAIN = Generation("kling-v2-5-turbo-pro", PROMPT, 5, "16:9", Mode.STD)
RULE = ImageRule(("image/jpeg", "image/png"), 300, 2.5)
FRAMED = replace(PLAIN, start_frame=Reference(MediaKind.IMAGE, url=IMAGE_URL), image_rule=RULE)


async def made(gateway: TestGateway, account: Account, body: dict[str, Any], path: str = TEXT) -> Task:
    return await gateway.task(data_of(await post(gateway, account, body, path))["task_id"])


CASES: list[tuple[str, dict[str, Any], Generation]] = [
    (TEXT, {}, PLAIN),
    (TEXT, {"negative_prompt": "blur", "sound": "on", "mode": "4k", "aspect_ratio": "9:16", "duration": 7,
            "watermark_info": {"enabled": True}},
     replace(PLAIN, negative_prompt="blur", sound=True, mode=Mode.UHD, aspect_ratio="9:16", duration_s=7,
             watermark=True)),
    (TEXT, {"cfg_scale": 0}, PLAIN),
    (TEXT, {"model_name": "kling-v1", "cfg_scale": 0},
     replace(PLAIN, model="kling-v1", cfg_scale=0.0, needs_cfg_scale=True)),
    (TEXT, {"model_name": "kling-v3", "cfg_scale": 0.5}, replace(PLAIN, model="kling-3-0")),
    (TEXT, {"camera_control": {"type": "simple", "config": {"tilt": -2.5}}},
     replace(PLAIN, camera=Camera(CameraMove.SIMPLE, tilt=-2.5))),
    (TEXT, {"camera_control": {"type": "forward_up"}}, replace(PLAIN, camera=Camera(CameraMove.FORWARD_UP))),
    (TEXT, {"sound": "on", "voice_list": [{"voice_id": 829}, {"voice_id": "b"}]},
     replace(PLAIN, sound=True, voices=("829", "b"))),
    (TEXT, {"multi_shot": True, "shot_type": "intelligence"}, replace(PLAIN, multi_shots=True)),
    (TEXT, {"multi_shot": "true", "shot_type": "customize", "prompt": "unused", "multi_prompt": [
        {"index": "7", "prompt": "last", "duration": 3}, {"index": 2, "prompt": "first", "duration": "2"}]},
     replace(PLAIN, prompt="", multi_shots=True, shots=(Shot("first", 2), Shot("last", 3)))),
    (IMAGE, {"image": IMAGE_URL, "aspect_ratio": "1:1"}, FRAMED),
    (IMAGE, {"image": IMAGE_URL, "image_tail": TAIL_URL, "element_list": [{"element_id": 7}, {"element_id": "e"}]},
     replace(FRAMED, last_frame=Reference(url=TAIL_URL), elements=("7", "e"))),
    (IMAGE, {"image_tail": TAIL_URL}, replace(FRAMED, start_frame=None, last_frame=Reference(url=TAIL_URL))),
    (IMAGE, {"image": IMAGE_URL, "static_mask": TAIL_URL,
             "dynamic_masks": [{"mask": IMAGE_URL, "trajectories": [{"x": 1, "y": 2}, {"x": -3, "y": 4}]}]},
     replace(FRAMED, static_mask=Reference(url=TAIL_URL),
             motion_brushes=(MotionBrush(Reference(url=IMAGE_URL), ((1, 2), (-3, 4))),))),
]  # fmt: skip


@pytest.mark.parametrize(("path", "changes", "expected"), CASES)
async def test_15_every_field_with_an_effect_reaches_the_generation(
    shared: TestGateway, account: Account, path: str, changes: dict[str, Any], expected: Generation
) -> None:
    task = await made(shared, account, MINIMAL | changes, path)
    assert generation_of(task.generation) == expected
    assert task.product is (Product.IMAGE_TO_VIDEO if path == IMAGE else Product.TEXT_TO_VIDEO)


async def test_11_6_the_task_keeps_what_the_dialect_decides(shared: TestGateway, account: Account) -> None:
    body = MINIMAL | {"callback_url": "https://hooks.example.com/kling", "external_task_id": "order-7", "mode": "pro"}
    task = await made(shared, account, body)
    assert (task.dialect, task.wire_model, task.external_task_id) == ("kling", "kling-v2-5-turbo", "order-7")
    assert (task.callback_url, task.callback_policy) == ("https://hooks.example.com/kling", "newest_only")
    assert task.result_ttl_s == 30 * 86_400
    assert json.loads(task.wire or "") == "2.5"


PRICES = [
    ("kling-v2-5-turbo", {"mode": "pro"}, 42, "2.5"),
    ("kling-v2-5-turbo", {}, 26, "1.5"),
    ("kling-v2-5-turbo", {"mode": "pro", "duration": 10}, 84, "5"),
    ("kling-v3", {"mode": "pro"}, 90, "4"),
    ("kling-v3", {}, 68, "3"),
    ("kling-v3", {"sound": "on"}, 102, "4.5"),
    ("kling-v3", {"sound": "on", "voice_list": [{"voice_id": 1}]}, 102, "4.5"),
    ("kling-v3", {"sound": "on", "voice_list": [{"voice_id": 1}], "prompt": "A<<<voice_1>>>"}, 124, "5.5"),
    ("kling-v3", {"mode": "4k", "sound": "on", "voice_list": [{"voice_id": 1}], "prompt": "A<<<voice_1>>>"}, 338, "15"),
    ("kling-v2-6", {"mode": "pro", "sound": "on"}, 110, "5"),
    ("kling-v2-master", {}, 160, "10"),
    ("kling-v2-1-master", {"mode": "pro", "duration": 7}, 224, "14"),
    ("kling-v2-1", {"mode": "pro"}, 56, "3.5"),
    ("kling-v1-6", {"duration": 3}, 20, "1.2"),
    ("kling-v1-5", {"mode": "4k"}, 240, "15"),
    ("kling-v1", {"sound": "on"}, 24, "1.5"),
]


@pytest.mark.parametrize(("model_name", "changes", "credits", "units"), PRICES)
async def test_14_credits_and_units_follow_the_table(
    shared: TestGateway, account: Account, model_name: str, changes: dict[str, Any], credits: int, units: str
) -> None:
    task = await made(shared, account, MINIMAL | {"model_name": model_name} | changes)
    assert task.price_credits == credits
    assert json.loads(task.wire or "") == units


async def test_8_base64_images_become_files_of_the_account(stage: TestGateway, owner: Account) -> None:
    body = MINIMAL | {
        "image": base64_image("PNG", (400, 400)),
        "static_mask": base64_image("PNG", (800, 800)),
        "dynamic_masks": [{"mask": base64_image("PNG", (800, 800)), "trajectories": [{"x": 1, "y": 1}] * 2}],
    }
    assert stage.provider is not None
    task = await made(stage, owner, body, IMAGE)
    await stage.until(lambda: len(stage.provider.orders) == 1)  # type: ignore[union-attr]
    sizes = [(image.role, image.width, image.height) for image in stage.provider.orders[0].inputs]
    assert sizes == [("start_frame", 400, 400), ("static_mask", 800, 800), ("dynamic_mask", 800, 800)]
    for reference in generation_of(task.generation).references:
        assert reference.file_id is not None
        file = await stage.core.store.file(reference.file_id)
        assert file is not None
        assert (file.account_id, file.mime_type) == (owner.id, "image/png")


FAULTS = [
    ({"static_mask": base64_image("PNG", (400, 300))}, "the ratio of the mask is not the image's"),
    ({"static_mask": base64_image("PNG", (400, 400)),
      "dynamic_masks": [{"mask": base64_image("PNG", (500, 500)), "trajectories": [{"x": 1, "y": 1}] * 2}]},
     "the masks have different sizes"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "_why"), FAULTS)
async def test_8_masks_that_do_not_fit_end_the_task_and_cost_nothing(
    stage: TestGateway, owner: Account, changes: dict[str, Any], _why: str
) -> None:
    before = await stage.available_credits(owner)
    task = await made(stage, owner, MINIMAL | {"image": base64_image("PNG", (400, 400))} | changes, IMAGE)
    await stage.ended(owner, task.id)
    answer = await stage.http.get(f"{IMAGE}/{task.id}", headers=owner.headers)
    data = data_of(answer)
    assert (data["task_status"], data["final_unit_deduction"]) == ("failed", "0")
    assert data["task_status_msg"] == "The format, resolution or aspect ratio of the input image is invalid"
    assert answer.headers["X-Reelway-Failure"] == "reference_unsupported"
    assert await stage.available_credits(owner) == before


async def test_8_an_own_file_is_checked_when_the_task_is_prepared(stage: TestGateway, owner: Account) -> None:
    """It was uploaded under the rules of another dialect, which takes smaller pictures and WebP."""
    for image_format, size, status in (
        ("PNG", (400, 400), "succeed"),
        ("PNG", (200, 200), "failed"),
        ("WEBP", (400, 400), "failed"),
        ("PNG", (900, 350), "failed"),
    ):
        content = image_bytes(image_format, size)
        uploaded = await stage.http.post(
            "/api/v1/files", files={"file": ("a.png", content)}, data={"kind": "image"}, headers=owner.headers
        )
        task = await made(stage, owner, MINIMAL | {"image": uploaded.json()["url"]}, IMAGE)
        await stage.ended(owner, task.id)
        data = data_of(await stage.http.get(f"{IMAGE}/{task.id}", headers=owner.headers))
        assert data["task_status"] == status


async def test_8_an_own_file_that_is_not_the_callers_is_unknown(stage: TestGateway, owner: Account) -> None:
    other = await stage.account()
    uploaded = await stage.http.post(
        "/api/v1/files",
        files={"file": ("a.png", image_bytes("PNG", (400, 400)))},
        data={"kind": "image"},
        headers=other.headers,
    )
    answer = await post(stage, owner, MINIMAL | {"image": uploaded.json()["url"]}, IMAGE)
    assert (answer.status_code, answer.json()["message"]) == (400, "image: unknown or expired file")
