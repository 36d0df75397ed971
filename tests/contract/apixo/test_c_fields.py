"""The fields of a create through the APIXO dialect: statements 9 to 13 and 17 to 27 of its contract."""

import json
from pathlib import Path
from typing import Any

import pytest

from contract.apixo.conformance import (
    GENERATE,
    HOOK_URL,
    IMAGE_URL,
    PROMPT,
    body_of,
    created,
    ended,
    id_of,
    post,
    problems_of,
    result_urls,
    state_of,
    with_images,
)
from contract.rivya.wire import uploaded
from reelway.domain.generation import Product, Role, generation_of
from reelway.domain.ids import TaskId
from support.exchange import task_count
from support.gateway import Account, TestGateway, running_gateway
from support.media import decoded, image_bytes
from support.staging import provider_of

pytestmark = pytest.mark.anyio

RENDER_S = 120.0


async def generation(gateway: TestGateway, task_id: TaskId) -> Any:
    return generation_of((await gateway.task(task_id)).generation)


async def assert_refused(gateway: TestGateway, account: Account, body: Any, *texts: str) -> None:
    """The request is refused for exactly these reasons, and no task is made."""
    assert problems_of(await post(gateway, account, body)) == list(texts), body
    assert await task_count(gateway, account) == 0


async def test_c09_request_type_is_async_or_callback_and_async_when_absent(
    shared: TestGateway, account: Account
) -> None:
    text = "Invalid value for request_type: must be one of async, callback"
    for value in ("sync", "", "ASYNC", 1, True, []):
        await assert_refused(shared, account, body_of(top={"request_type": value}), text)
    for top in ({"request_type": "async"}, {"request_type": None}, {}):
        id_of(await post(shared, account, body_of(top=top)))
    id_of(await post(shared, account, body_of(top={"request_type": "callback", "callback_url": HOOK_URL})))


async def test_c10_a_callback_needs_its_url(shared: TestGateway, account: Account) -> None:
    for top in ({}, {"callback_url": None}):
        body = body_of(top={"request_type": "callback"} | top)
        await assert_refused(shared, account, body, "Missing required field: callback_url")


BAD_CALLBACKS = [
    "http://hooks.example.com/apixo",
    "https://localhost/apixo",
    "https://a.localhost/apixo",
    "https://printer.local/apixo",
    "https://box.internal/apixo",
    "https://nas.home.arpa/apixo",
    "https://hooks/apixo",
    "https://10.0.0.1/apixo",
    "https://127.0.0.1/apixo",
    "https://[::1]/apixo",
    "https://169.254.169.254/apixo",
    "https://100.64.0.1/apixo",
    "https://[::ffff:10.0.0.1]/apixo",
    "https://user:word@hooks.example.com/apixo",
    "https://hooks.example.com/apixo#part",
    "https://hooks.example.com/" + "x" * 2048,
    "ftp://hooks.example.com/apixo",
    "",
    7,
]


@pytest.mark.parametrize("request_type", ["callback", "async"])
async def test_c11_a_callback_url_that_is_not_public_is_refused(
    shared: TestGateway, account: Account, request_type: str
) -> None:
    for url in BAD_CALLBACKS:
        body = body_of(top={"request_type": request_type, "callback_url": url})
        await assert_refused(shared, account, body, "Invalid value for callback_url: must be a public https URL")


async def test_c11_the_operator_may_allow_private_callbacks_and_http(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, dangerous_allow_private_callbacks=True) as gateway:
        owner = await gateway.account()
        for url in ("http://127.0.0.1:9/apixo", "http://10.0.0.1/", "https://localhost/", "http://hooks/x"):
            id_of(await post(gateway, owner, body_of(top={"request_type": "async", "callback_url": url})))
        image = await post(gateway, owner, with_images("http://127.0.0.1/start.png"))
        assert problems_of(image) == ["Invalid value for input.image_urls[0]: must be a public https URL"]


async def test_c13_provider_is_one_of_three_words_and_auto_when_absent(shared: TestGateway, account: Account) -> None:
    text = "Invalid value for provider: must be one of auto, value, official"
    for value in ("cheap", "", "AUTO", 3, False):
        await assert_refused(shared, account, body_of(top={"provider": value}), text)
    accepted = [{}, {"provider": None}, {"provider": "auto"}, {"provider": "value"}]
    routes = [(await shared.task(await created(shared, account, body_of(top=top)))).route for top in accepted]
    assert routes == ["auto", "auto", "auto", "value"]


async def test_c17_mode_is_one_of_two_words_and_text_to_video_when_absent(
    shared: TestGateway, account: Account
) -> None:
    text = "Invalid value for input.mode: must be one of text-to-video, image-to-video"
    for value in ("video-to-video", "", "Text-To-Video", 1):
        await assert_refused(shared, account, body_of(mode=value), text)
    for body in (body_of(), body_of(mode=None), body_of(mode="text-to-video")):
        task = await shared.task(await created(shared, account, body))
        assert task.product is Product.TEXT_TO_VIDEO
    task = await shared.task(await created(shared, account, with_images(IMAGE_URL)))
    assert task.product is Product.IMAGE_TO_VIDEO


async def test_c18_durations(shared: TestGateway, account: Account) -> None:
    text = "Invalid value for input.duration: must be 5 or 10"
    for value in (6, "6", True, False, 5.5, 0, -5, "5.0", " 5", "", [5], 3, 15):
        await assert_refused(shared, account, body_of(duration=value), text)
    accepted = [5, 10, "5", "10", 5.0, None, ...]
    tasks = [await created(shared, account, body_of(duration=value)) for value in accepted]
    found = [(await generation(shared, task_id)).duration_s for task_id in tasks]
    assert found == [5, 10, 5, 10, 5, 5, 5]
    raw = json.dumps(body_of(duration=0)).replace('"duration": 0', '"duration": 10.0')
    answer = await shared.http.post(
        GENERATE, content=raw, headers=account.headers | {"Content-Type": "application/json; charset=utf-8"}
    )
    assert (await generation(shared, id_of(answer))).duration_s == 10


async def test_c19_a_prompt_has_1_to_2500_code_points_and_is_not_blank(shared: TestGateway, account: Account) -> None:
    too_long = "Invalid value for input.prompt: at most 2500 characters"
    empty = "Invalid value for input.prompt: must not be empty"
    for value in ("x" * 2501, "😀" * 2501, "é" * 2501):
        await assert_refused(shared, account, body_of(prompt=value), too_long)
    for value in ("", " ", "   ", "\t\n", "\u3000"):
        await assert_refused(shared, account, body_of(prompt=value), empty)
    for value in (5, ["x"], {}, True):
        await assert_refused(shared, account, body_of(prompt=value), "Invalid value for input.prompt: must be a string")
    for value in ("x", "x" * 2500, "😀" * 2500, "ک" * 2500):
        assert (await generation(shared, await created(shared, account, body_of(prompt=value)))).prompt == value


async def test_c20_a_negative_prompt_has_at_most_2500_code_points(shared: TestGateway, account: Account) -> None:
    text = "Invalid value for input.negative_prompt: must be a string of at most 2500 characters"
    for value in ("x" * 2501, 5, ["blur"], True):
        await assert_refused(shared, account, body_of(negative_prompt=value), text)
    for value, kept in (("😀" * 2500, "😀" * 2500), ("blur", "blur"), ("", ""), (None, "")):
        task_id = await created(shared, account, body_of(negative_prompt=value))
        assert (await generation(shared, task_id)).negative_prompt == kept


async def test_c21_cfg_scale_is_a_number_from_0_to_1(shared: TestGateway, account: Account) -> None:
    text = "Invalid value for input.cfg_scale: must be a number from 0 to 1"
    for value in (-0.1, 1.1, "0.5", True, False, [0.5], 2):
        await assert_refused(shared, account, body_of(cfg_scale=value), text)
    for value, kept in ((0, 0), (0.37, 0.37), (1, 1), (None, 0.5), (..., 0.5)):
        task_id = await created(shared, account, body_of(cfg_scale=value))
        assert (await generation(shared, task_id)).cfg_scale == kept


async def test_c22_an_aspect_ratio_is_checked_in_both_modes(shared: TestGateway, account: Account) -> None:
    text = "Invalid value for input.aspect_ratio: must be one of 16:9, 9:16, 1:1"
    for value in ("4:3", "", "16x9", 1.78):
        await assert_refused(shared, account, body_of(aspect_ratio=value), text)
        await assert_refused(shared, account, with_images(IMAGE_URL, aspect_ratio=value), text)
    found = []
    for value in ("16:9", "9:16", "1:1", None, ...):
        task_id = await created(shared, account, body_of(aspect_ratio=value))
        found.append((await generation(shared, task_id)).aspect_ratio)
    assert found == ["16:9", "9:16", "1:1", "16:9", "16:9"]


async def test_c22_the_frame_follows_the_first_image_whatever_the_aspect_ratio_says(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, scripted=False) as gateway:
        owner = await gateway.account()
        image = await uploaded(gateway, owner, image_bytes("PNG", (640, 360)))
        answer = await post(gateway, owner, with_images(image["url"], aspect_ratio="9:16"))
        assert "X-Reelway-Ignored" not in answer.headers
        task_id = id_of(answer)
        await gateway.until(lambda: is_final(gateway, task_id), within_s=RENDER_S)
        (url,) = result_urls(state_of(await ended(gateway, owner, task_id)))
        path = tmp_path / "result.mp4"
        path.write_bytes((await gateway.http.get(url)).content)
        _, width, height = decoded(path)
        assert (width, height) == (1920, 1080)


async def is_final(gateway: TestGateway, task_id: TaskId) -> bool:
    return (await gateway.task(task_id)).is_final


async def test_c23_text_to_video_takes_no_images(shared: TestGateway, account: Account) -> None:
    text = "Invalid value for input.image_urls: not allowed in text-to-video"
    for body in (body_of(image_urls=[IMAGE_URL]), body_of(mode="text-to-video", image_urls=[IMAGE_URL] * 2)):
        await assert_refused(shared, account, body, text)
    for value in ([], None):
        id_of(await post(shared, account, body_of(image_urls=value)))


async def test_c24_image_to_video_takes_one_or_two_images(shared: TestGateway, account: Account) -> None:
    missing = "Missing required field: input.image_urls"
    wrong = "Invalid value for input.image_urls: must be an array of 1 or 2 URLs"
    for body in (with_images(), body_of(mode="image-to-video"), body_of(mode="image-to-video", image_urls=None)):
        await assert_refused(shared, account, body, missing)
    for value in ([IMAGE_URL] * 3, IMAGE_URL, {"url": IMAGE_URL}, 1):
        await assert_refused(shared, account, body_of(mode="image-to-video", image_urls=value), wrong)
    for index, urls in enumerate((["http://cdn.example.com/a.png", IMAGE_URL], [IMAGE_URL, 7])):
        await assert_refused(
            shared,
            account,
            with_images(*urls),
            f"Invalid value for input.image_urls[{index}]: must be a public https URL",
        )
    await assert_refused(shared, account, with_images(IMAGE_URL, prompt=...), "Missing required field: input.prompt")
    for count in (1, 2):
        id_of(await post(shared, account, with_images(*[IMAGE_URL] * count)))


async def test_c25_the_first_image_is_the_start_frame_and_the_second_the_end_frame(
    stage: TestGateway, owner: Account
) -> None:
    start = await uploaded(stage, owner, image_bytes("PNG", (640, 360)))
    end = await uploaded(stage, owner, image_bytes("PNG", (320, 180)))
    await ended(stage, owner, await created(stage, owner, with_images(start["url"], end["url"])))
    order = provider_of(stage).orders[-1]
    assert [(item.role, item.width) for item in order.inputs] == [(Role.START_FRAME, 640), (Role.LAST_FRAME, 320)]
    await ended(stage, owner, await created(stage, owner, with_images(end["url"])))
    assert [(item.role, item.width) for item in provider_of(stage).orders[-1].inputs] == [(Role.START_FRAME, 320)]


async def test_c26_unknown_fields_are_refused_by_name(shared: TestGateway, account: Account) -> None:
    await assert_refused(shared, account, body_of(seed=1), "Unknown field: input.seed")
    await assert_refused(shared, account, body_of(sound=True), "Unknown field: input.sound")
    await assert_refused(shared, account, body_of(top={"priority": 1}), "Unknown field: priority")
    for value in (None, ""):
        await assert_refused(shared, account, body_of(seed=value), "Unknown field: input.seed")
    both = body_of(top={"priority": 1}, seed=1)
    await assert_refused(shared, account, both, "Unknown field: input.seed", "Unknown field: priority")


async def test_c27_source_is_accepted_and_must_be_a_text(shared: TestGateway, account: Account) -> None:
    text = "Invalid value for source: must be a string"
    for value in (1, ["web"], {}, True):
        await assert_refused(shared, account, body_of(top={"source": value}), text)
    for value in ("web", "", None):
        id_of(await post(shared, account, body_of(top={"source": value})))


async def test_6_3_the_body_is_a_json_object_with_an_input_object(shared: TestGateway, account: Account) -> None:
    headers = account.headers | {"Content-Type": "application/json"}
    for raw in (b"", b"{", b"nothing", b'{"input": NaN}', b'{"input": {"prompt": "x", "cfg_scale": Infinity}}'):
        answer = await shared.http.post(GENERATE, content=raw, headers=headers)
        assert problems_of(answer) == ["Body is not valid JSON"]
    for raw in (b"[]", b'"x"', b"null", b"5"):
        answer = await shared.http.post(GENERATE, content=raw, headers=headers)
        assert problems_of(answer) == ["Body must be a JSON object"]
    for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x"):
        answer = await shared.http.post(GENERATE, content=b"{}", headers=headers | {"Content-Type": kind})
        assert problems_of(answer) == ["Content-Type must be application/json"]
    for value in ([], "x", 5):
        await assert_refused(shared, account, {"input": value}, "Invalid value for input: must be an object")
    for body in ({}, {"prompt": PROMPT}):
        assert "Missing required field: input" in problems_of(await post(shared, account, body))


async def test_6_2_the_task_runs_in_mode_pro(shared: TestGateway, account: Account) -> None:
    assert (await generation(shared, await created(shared, account))).mode == "pro"
