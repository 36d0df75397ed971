"""Creates through the OpenAI Videos dialect: statements 7 to 17, 26 to 27 and 30 of its contract."""

from pathlib import Path
from typing import Any

import pytest

from contract.kling.conformance import official_provider
from contract.openai_videos.conformance import (
    IMAGE_URL,
    KLING_3,
    PROMPT,
    SIZES,
    TURBO,
    VIDEOS,
    body_of,
    created,
    error_of,
    generation,
    post,
    post_form,
    retrieve,
    video_of,
)
from reelway.domain.records import Scope
from reelway.settings import Settings
from support.exchange import task_count
from support.gateway import Account, TestGateway, running_gateway

pytestmark = pytest.mark.anyio

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
FIELDS = {"prompt": PROMPT, "model": KLING_3, "seconds": "8", "size": "1280x720"}


async def assert_refused(
    gateway: TestGateway, account: Account, body: Any, status: int, code: str, param: str | None
) -> None:
    """The create is refused with this code and parameter, and no task is made."""
    error_of(await post(gateway, account, body), status, code, param)
    assert await task_count(gateway, account) == 0


async def test_c07_a_form_without_a_file_is_accepted(shared: TestGateway, account: Account) -> None:
    video = video_of(await post_form(shared, account, FIELDS))
    assert {name: video[name] for name in FIELDS} == FIELDS
    assert video["status"] == "queued"


async def test_c08_json_and_urlencoded_bodies_mean_the_same(shared: TestGateway, account: Account) -> None:
    answers = [
        await post(shared, account, FIELDS),
        await shared.http.post(VIDEOS, data=FIELDS, headers=account.headers),
        await post_form(shared, account, FIELDS),
    ]
    assert answers[1].request.headers["Content-Type"] == FORM["Content-Type"]
    made = [await generation(shared, answer) for answer in answers]
    assert made[0] == made[1] == made[2]
    urdu = {"prompt": "بارش میں ایک پل & more=1"}
    made = [
        await generation(shared, await post(shared, account, urdu)),
        await generation(shared, await shared.http.post(VIDEOS, data=urdu, headers=account.headers)),
        await generation(shared, await post_form(shared, account, urdu)),
    ]
    assert [found.prompt for found in made] == [urdu["prompt"]] * 3


async def test_7_2_other_bodies_are_refused(shared: TestGateway, account: Account) -> None:
    for kind in ("text/plain", "application/xml"):
        answer = await shared.http.post(VIDEOS, content=b"{}", headers=account.headers | {"Content-Type": kind})
        error_of(answer, 400, "invalid_content_type")
    for raw in (b"", b"{", b"[]", b'"x"', b"null"):
        headers = account.headers | {"Content-Type": "application/json"}
        error_of(await shared.http.post(VIDEOS, content=raw, headers=headers), 400, "invalid_body")
    headers = account.headers | {"Content-Type": "multipart/form-data; boundary=XX"}
    error_of(await shared.http.post(VIDEOS, content=b"--YY nothing", headers=headers), 400, "invalid_body")
    headers = account.headers | {"Content-Type": "application/json"}
    answer = await shared.http.post(VIDEOS, content=b" " * (16 * 1_048_576 + 1), headers=headers)
    error_of(answer, 413, "request_too_large")
    assert await task_count(shared, account) == 0


async def test_c09_seconds_are_a_text_or_an_integer_and_the_answer_has_a_text(
    shared: TestGateway, account: Account
) -> None:
    answers = [await post(shared, account, body_of(model=KLING_3, seconds=value)) for value in ("5", 5)]
    assert [video_of(answer)["seconds"] for answer in answers] == ["5", "5"]
    assert await generation(shared, answers[0]) == await generation(shared, answers[1])
    for value in (True, 5.5, "5.0", " 5", "five", [5]):
        fresh = await shared.account()
        answer = await post(shared, fresh, body_of(model=KLING_3, seconds=value))
        assert answer.json()["error"]["param"] == "seconds"
        assert answer.status_code == 400


async def test_c10_seconds_that_the_card_does_not_allow_are_refused(shared: TestGateway, account: Account) -> None:
    for value in ("7", "4", "0", "15"):
        body = body_of(model=TURBO, seconds=value)
        await assert_refused(shared, account, body, 400, "invalid_value", "seconds")
    for value in range(3, 16):
        answer = await post(shared, account, body_of(model=KLING_3, seconds=str(value)))
        assert (await generation(shared, answer)).duration_s == value
    for value in ("5", "10"):
        video_of(await post(shared, account, body_of(model=TURBO, seconds=value)))


async def test_c11_the_vendors_seconds_pass_with_its_model(shared: TestGateway, account: Account) -> None:
    for value in ("16", "2"):
        await assert_refused(shared, account, body_of(model="sora-2", seconds=value), 400, "invalid_value", "seconds")
    for name in ("sora-2", "sora-2-2025-10-06", "sora-2-2025-12-08", "sora-2-pro", "sora-2-pro-2025-10-06"):
        for value in ("4", "8", "12"):
            video = video_of(await post(shared, account, body_of(model=name, seconds=value)))
            assert (video["model"], video["seconds"], video["size"]) == (name, value, "720x1280")


async def test_c12_all_eleven_sizes_pass_and_others_do_not(shared: TestGateway, account: Account) -> None:
    assert len(SIZES) == 11
    for value in ("640x480", "1280X720", "1280 x 720", "720p", "0x0"):
        await assert_refused(shared, account, body_of(size=value), 400, "invalid_value", "size")
    for model in (TURBO, KLING_3, "sora-2"):
        for size in SIZES:
            assert video_of(await post(shared, account, body_of(model=model, size=size)))["size"] == size


@pytest.mark.parametrize(("size", "meaning"), SIZES.items())
async def test_c13_a_size_decides_aspect_ratio_and_mode(
    shared: TestGateway, account: Account, size: str, meaning: tuple[str, str]
) -> None:
    made = await generation(shared, await post(shared, account, body_of(size=size)))
    assert (made.aspect_ratio, made.mode) == meaning


async def test_6_1_a_catalogue_model_has_its_cards_defaults(shared: TestGateway, account: Account) -> None:
    for model in (TURBO, KLING_3):
        video = video_of(await post(shared, account, body_of(model=model)))
        assert (video["model"], video["seconds"], video["size"]) == (model, "5", "1920x1080")


async def test_c14_what_no_configured_provider_can_do_is_unsupported(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, scripted=official_provider()) as gateway:
        owner = await gateway.account()
        for size in ("3840x2160", "2160x3840", "2160x2160"):
            body = body_of(model=TURBO, size=size)
            await assert_refused(gateway, owner, body, 400, "unsupported_value", "size")
        video_of(await post(gateway, owner, body_of(model=TURBO, size="1920x1080")))
        video_of(await post(gateway, owner, body_of(model=KLING_3, size="3840x2160")))


async def test_c15_prompts(shared: TestGateway, account: Account) -> None:
    cases: list[tuple[Any, str]] = [
        (..., "missing_required_parameter"),
        (None, "missing_required_parameter"),
        (5, "invalid_type"),
        (["x"], "invalid_type"),
        ("", "invalid_value"),
        ("   ", "invalid_value"),
        ("\n\t\u3000", "invalid_value"),
        ("x" * 2501, "string_above_max_length"),
        ("😀" * 2501, "string_above_max_length"),
    ]
    for value, code in cases:
        await assert_refused(shared, account, body_of(prompt=value, model=TURBO), 400, code, "prompt")
    for value in ("x" * 2001, "😀" * 2001):
        for model in (KLING_3, "sora-2"):
            body = body_of(prompt=value, model=model)
            await assert_refused(shared, account, body, 400, "string_above_max_length", "prompt")
    for model, length in ((TURBO, 2500), (KLING_3, 2000)):
        video = video_of(await post(shared, account, body_of(prompt="😀" * length, model=model)))
        assert video["prompt"] == "😀" * length


async def test_c16_an_unknown_model_is_not_found(shared: TestGateway, account: Account) -> None:
    for name in ("sora-9", "SORA-2", "kling-2-5-turbo-pro", "kling-v3"):
        await assert_refused(shared, account, body_of(model=name), 404, "model_not_found", "model")


async def test_c17_the_operator_may_move_an_alias_to_another_entry(tmp_path: Path) -> None:
    aliases = {"sora-2": {"model": TURBO}, "house": {"model": KLING_3, "sound": True}}
    async with running_gateway(tmp_path, openai_model_aliases=aliases) as gateway:
        owner = await gateway.account()
        answer = await post(gateway, owner, body_of(model="sora-2", seconds="5"))
        assert video_of(answer)["model"] == "sora-2"
        assert (await gateway.task(video_of(answer)["id"])).model == TURBO
        answer = await post(gateway, owner, body_of(model="house"))
        assert video_of(answer)["model"] == "house"
        made = await generation(gateway, answer)
        assert (made.model, made.sound) == (KLING_3, True)
        error_of(await post(gateway, owner, body_of(model="sora-2-pro")), 404, "model_not_found", "model")
    assert Settings(_env_file=None).openai_model_aliases["sora-2"]["model"] == KLING_3


async def test_c26_a_field_that_is_not_on_the_models_card_is_unsupported(shared: TestGateway, account: Account) -> None:
    cases: list[tuple[str, dict[str, Any]]] = [
        (KLING_3, {"cfg_scale": 0.5}),
        (KLING_3, {"negative_prompt": "blur"}),
        ("sora-2", {"cfg_scale": 0.5}),
        (TURBO, {"sound": True}),
        (TURBO, {"sound": False}),
        (TURBO, {"multi_shots": True}),
    ]
    for model, more in cases:
        (name,) = more
        await assert_refused(shared, account, body_of(model=model, **more), 400, "unsupported_parameter", name)
    turbo = await generation(
        shared, await post(shared, account, body_of(model=TURBO, cfg_scale=0.8, negative_prompt="blur"))
    )
    assert (turbo.cfg_scale, turbo.negative_prompt) == (0.8, "blur")
    kling = await generation(shared, await post(shared, account, body_of(model=KLING_3, sound=True, multi_shots=True)))
    assert (kling.sound, kling.multi_shots) == (True, True)
    form = {"prompt": PROMPT, "model": KLING_3, "sound": "true", "multi_shots": "false"}
    made = await generation(shared, await post_form(shared, account, form))
    assert (made.sound, made.multi_shots) == (True, False)
    form = {"prompt": PROMPT, "model": TURBO, "cfg_scale": "0.8"}
    assert (await generation(shared, await post_form(shared, account, form))).cfg_scale == 0.8


async def test_7_4_extension_fields_have_their_rules(shared: TestGateway, account: Account) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"model": TURBO, "cfg_scale": 1.1}, "cfg_scale"),
        ({"model": TURBO, "cfg_scale": "high"}, "cfg_scale"),
        ({"model": TURBO, "cfg_scale": True}, "cfg_scale"),
        ({"model": TURBO, "negative_prompt": "x" * 2501}, "negative_prompt"),
        ({"model": TURBO, "negative_prompt": 5}, "negative_prompt"),
        ({"model": KLING_3, "sound": "loud"}, "sound"),
        ({"model": KLING_3, "sound": 1}, "sound"),
        ({"model": KLING_3, "multi_shots": "yes"}, "multi_shots"),
    ]
    for more, name in cases:
        answer = await post(shared, account, body_of(**more))
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == name
        assert answer.json()["error"]["code"] in ("invalid_type", "invalid_value", "string_above_max_length")
    assert await task_count(shared, account) == 0


async def test_c27_unknown_parameters_are_refused_and_user_is_ignored_by_name(
    shared: TestGateway, account: Account
) -> None:
    for name, value in (("n", 1), ("style", "vivid"), ("characters", []), ("duration", 5)):
        await assert_refused(shared, account, body_of(**{name: value}), 400, "unknown_parameter", name)
    answer = await post(shared, account, body_of(user="user-1"))
    video_of(answer)
    assert answer.headers["X-Reelway-Ignored"] == "user"
    assert "X-Reelway-Ignored" not in (await post(shared, account, body_of())).headers
    for user in ("x" * 257, 5):
        answer = await post(shared, account, body_of(user=user))
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, "user")


async def test_7_4_the_first_problem_in_the_tables_order_is_reported(shared: TestGateway, account: Account) -> None:
    wrong: dict[str, Any] = {
        "model": TURBO,
        "prompt": "",
        "seconds": "7",
        "size": "1x1",
        "input_reference": {},
        "last_frame": {},
        "sound": True,
        "cfg_scale": 9,
        "n": 2,
    }
    order = ["prompt", "seconds", "size", "input_reference", "last_frame", "sound", "cfg_scale", "n"]
    right = {"prompt": PROMPT, "seconds": "5", "size": "1280x720", "input_reference": {"image_url": IMAGE_URL}}
    for name in order:
        answer = await post(shared, account, wrong)
        assert answer.json()["error"]["param"] == name
        wrong = wrong | {name: right[name]} if name in right else {k: v for k, v in wrong.items() if k != name}
    video_of(await post(shared, account, wrong))


async def test_7_1_null_and_an_empty_form_value_count_as_absent(shared: TestGateway, account: Account) -> None:
    plain = await generation(shared, await post(shared, account, body_of()))
    absent = ["model", "seconds", "size", "input_reference", "last_frame", "negative_prompt", "cfg_scale", "sound"]
    answer = await post(shared, account, body_of(**dict.fromkeys(absent)))
    assert await generation(shared, answer) == plain
    form = {"prompt": PROMPT} | dict.fromkeys(absent, "")
    assert await generation(shared, await post_form(shared, account, form)) == plain


async def test_c30_a_key_without_create_may_read(shared: TestGateway, account: Account) -> None:
    reader = await shared.key(account, frozenset(Scope) - {Scope.GENERATIONS_CREATE})
    error_of(await post(shared, reader, body_of()), 403, "insufficient_scope")
    video_id = await created(shared, account)
    assert video_of(await retrieve(shared, reader, video_id))["id"] == video_id
    for method, path in (("DELETE", f"{VIDEOS}/{video_id}"), ("POST", f"{VIDEOS}/{video_id}/remix")):
        answer = await shared.http.request(method, path, json={"prompt": "x"}, headers=reader.headers)
        error_of(answer, 403, "insufficient_scope")
    writer = await shared.key(account, frozenset({Scope.GENERATIONS_CREATE}))
    for path in (VIDEOS, f"{VIDEOS}/{video_id}", f"{VIDEOS}/{video_id}/content"):
        error_of(await shared.http.get(path, headers=writer.headers), 403, "insufficient_scope")
