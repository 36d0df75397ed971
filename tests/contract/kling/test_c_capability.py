"""What the configured providers can do: statements 13 to 18 of the Kling contract."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from contract.kling.conformance import (
    IMAGE,
    NAMES,
    PROMPT,
    TAIL_URL,
    TURBO,
    assert_refused,
    body_of,
    created,
    data_of,
    error_of,
    generation,
    image_body,
    official_provider,
    post,
)
from reelway.catalog import load_catalog
from reelway.settings import Role
from support.gateway import Account, TestGateway, parts_of, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer

pytestmark = pytest.mark.anyio

BEYOND_THE_OFFICIAL_ONE: dict[str, dict[str, Any]] = {
    "sound": {"sound": "on"},
    "multi_shot": {"multi_shot": True, "shot_type": "intelligence"},
    "mode": {"mode": "4k"},
    "camera_control": {"camera_control": {"type": "down_back"}},
}
"""What the official upstream cannot do for `kling-v2-5-turbo`, by the field that the answer names. Contract 6.3."""


@pytest.fixture(scope="module")
async def embedded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestGateway]:
    """A gateway with the built-in engine alone, which takes tasks and does not work on them."""
    folder = tmp_path_factory.mktemp("embedded")
    async with running_gateway(folder, scripted=False, roles=frozenset({Role.API})) as gateway:
        yield gateway


@pytest.fixture(scope="module")
async def official(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestGateway]:
    """A gateway whose only provider can do what the official upstream can."""
    folder = tmp_path_factory.mktemp("official")
    async with running_gateway(folder, scripted=official_provider()) as gateway:
        yield gateway


async def test_c13_all_nine_names_are_accepted(shared: TestGateway, account: Account) -> None:
    for name in NAMES:
        for path, body in ((IMAGE, image_body(model_name=name)), ("", body_of(model_name=name))):
            answer = await post(shared, account, body, *([path] if path else []))
            assert data_of(answer)["task_status"] == "submitted"


async def test_c13_a_name_without_a_provider_does_not_exist(tmp_path: Path) -> None:
    catalog = load_catalog()
    offer = scripted_offer(catalog)
    known = {model: boxes for model, boxes in offer.capabilities.items() if model == "kling-v2-5-turbo-pro"}
    provider = ScriptedProvider(scripted_offer(catalog), video_bytes())
    provider.offer = type(offer)("few", offer.tier, True, 9, {}, known)
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        owner = await gateway.account()
        data_of(await post(gateway, owner, body_of()))
        for name in NAMES:
            if name != TURBO:
                error_of(await post(gateway, owner, body_of(model_name=name)), 404, 1203)


async def test_c14_the_built_in_engine_takes_3_to_15_seconds(embedded: TestGateway) -> None:
    owner = await embedded.account()
    for wrong in ("2", "16", "5.5", True, 2, 16, 5.5, "0", "-5", " 5", "five", "", [5], {}, "٥", "5s", 0):
        if wrong != "":  # an empty text counts as absent
            await assert_refused(embedded, owner, body_of(duration=wrong), "duration")
    for seconds in range(3, 16):
        for given in (seconds, str(seconds)):
            task_id = await created(embedded, owner, body_of(duration=given))
            assert (await generation(embedded, task_id)).duration_s == seconds


async def test_c15_the_official_upstream_makes_5_and_10_seconds_of_turbo(official: TestGateway) -> None:
    owner = await official.account()
    for given in ("7", 7, "3", "15"):
        message = error_of(await post(official, owner, body_of(duration=given)), 400, 1201)
        assert "duration" in message
        assert TURBO in message
    assert error_of(await post(official, owner, body_of(duration="7")), 400, 1201) == (
        "duration 7 is not supported for model_name kling-v2-5-turbo"
    )
    for given in ("5", "10"):
        data_of(await post(official, owner, body_of(duration=given)))
    for seconds in range(3, 16):
        data_of(await post(official, owner, body_of(model_name="kling-v3", duration=str(seconds))))


@pytest.mark.parametrize("field", BEYOND_THE_OFFICIAL_ONE)
async def test_c16_the_official_upstream_cannot_do_everything(official: TestGateway, field: str) -> None:
    owner = await official.account()
    await assert_refused(official, owner, body_of(**BEYOND_THE_OFFICIAL_ONE[field]), field)


@pytest.mark.parametrize("field", BEYOND_THE_OFFICIAL_ONE)
async def test_c17_the_built_in_engine_can(embedded: TestGateway, field: str) -> None:
    owner = await embedded.account()
    for more in ({}, {"duration": "7"}):
        data_of(await post(embedded, owner, body_of(**BEYOND_THE_OFFICIAL_ONE[field], **more)))
    data_of(await post(embedded, owner, image_body(**BEYOND_THE_OFFICIAL_ONE[field]), IMAGE))


async def test_c18_what_only_one_can_do_never_goes_to_the_other(tmp_path: Path) -> None:
    able = ScriptedProvider(scripted_offer(load_catalog(), name="able"), video_bytes())
    official = official_provider()
    async with running_gateway(tmp_path, scripted=False, parts=parts_of(official, able)) as gateway:
        owner = await gateway.account()
        bodies = [body_of(**more) for more in BEYOND_THE_OFFICIAL_ONE.values()] + [body_of(duration="7")]
        for body in bodies:
            await gateway.ended(owner, await created(gateway, owner, body))
        assert (len(able.orders), official.orders) == (len(bodies), [])
        able.free_slots = 0  # busy or down: the request waits for who can do it
        waiting = [await created(gateway, owner, body) for body in bodies]
        plain = await created(gateway, owner)
        await gateway.ended(owner, plain)
        assert list(official.jobs) == [plain]
        for task_id in waiting:
            assert (await gateway.task(task_id)).state == "queued"
        able.free_slots = 100
        gateway.clock.advance(60)  # their next look for a slot comes due
        for task_id in waiting:
            await gateway.ended(owner, task_id)
        assert list(official.jobs) == [plain]


async def test_6_2_the_answer_names_the_first_need_that_nobody_covers(official: TestGateway) -> None:
    owner = await official.account()
    for name in ("kling-v1-5", "kling-v2-1"):  # image2video only
        await assert_refused(
            official, owner, body_of(model_name=name), f"text2video is not supported for model_name {name}"
        )
    data_of(await post(official, owner, image_body(model_name="kling-v1-5"), IMAGE))
    owner = await official.account()
    cases: list[tuple[str, dict[str, Any]]] = [
        ("sound", body_of(sound="on", duration="7")),
        ("mode", body_of(mode="4k", camera_control={"type": "down_back"})),
        ("image_tail", image_body(model_name="kling-v2-master", image_tail=TAIL_URL, mode="pro")),
        ("image_tail", image_body(model_name="kling-v2-5-turbo", image=..., image_tail=TAIL_URL, mode="pro")),
    ]
    for word, body in cases:
        path = IMAGE if "image" in body or "image_tail" in body else IMAGE.replace("image2", "text2")
        await assert_refused(official, owner, body, word, str(body["model_name"]), path=path)
    tail_in_std = image_body(image_tail=TAIL_URL)  # each is covered by some box, both together by none
    await assert_refused(official, owner, tail_in_std, TURBO, path=IMAGE)
    data_of(await post(official, owner, image_body(image_tail=TAIL_URL, mode="pro", prompt=PROMPT), IMAGE))
