"""What the official upstream alone can do, and what only the built-in engine can: section 6 of the contract."""

from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from contract.kling.wire import (
    IMAGE,
    IMAGE_URL,
    MINIMAL,
    PROMPT,
    SHOTS,
    TAIL_URL,
    TEXT,
    base64_image,
    data_of,
    error_of,
    post,
)
from reelway.catalog import load_catalog
from reelway.domain.routing import Offer, Tier
from reelway.domain.task import Task
from reelway.wire.kling import official_capabilities
from reelway.wiring import Parts
from support.gateway import Account, TestGateway, running_gateway
from support.media import video_bytes
from support.provider import ScriptedProvider, scripted_offer

pytestmark = pytest.mark.anyio

OFFICIAL = Offer("official", Tier.OFFICIAL, False, 10_000, {}, official_capabilities())
COMBINATION = "this combination of fields"
MASK = {"mask": IMAGE_URL, "trajectories": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}
SIMPLE = {"camera_control": {"type": "simple", "config": {"zoom": 1}}}
VOICE = {"sound": "on", "voice_list": [{"voice_id": "a"}]}
MULTI = {"multi_shot": True, "shot_type": "customize", "multi_prompt": SHOTS}
START, TAIL, BOTH = {"image": IMAGE_URL}, {"image_tail": TAIL_URL}, {"image": IMAGE_URL, "image_tail": TAIL_URL}
PRO, UHD, TEN = {"mode": "pro"}, {"mode": "4k"}, {"duration": "10"}


@pytest.fixture(scope="module")
async def official(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestGateway]:
    """A gateway with nobody but the official upstream."""
    provider = ScriptedProvider(OFFICIAL, video_bytes())
    async with running_gateway(tmp_path_factory.mktemp("official"), scripted=provider) as gateway:
        yield gateway


@pytest.fixture
async def customer(official: TestGateway) -> Account:
    return await official.account()


Case = tuple[str, str, dict[str, Any], str | None]
"""Model, path, fields, and what is told as not supported (None: it is accepted)."""

# The rows and columns of the table in 6.3.
CASES: list[Case] = [
    ("kling-v1", TEXT, {}, None),
    ("kling-v1", TEXT, TEN | PRO | {"cfg_scale": 0, "negative_prompt": "blur"}, None),
    ("kling-v1", TEXT, UHD, "mode 4k"),
    ("kling-v1", TEXT, {"duration": "7"}, "duration 7"),
    ("kling-v1", TEXT, {"sound": "on"}, "sound on"),
    ("kling-v1", TEXT, MULTI, "multi_shot true"),
    ("kling-v1", TEXT, SIMPLE, None),
    ("kling-v1", TEXT, {"camera_control": {"type": "down_back"}}, None),
    ("kling-v1", TEXT, SIMPLE | PRO, COMBINATION),
    ("kling-v1", TEXT, SIMPLE | TEN, COMBINATION),
    ("kling-v1", IMAGE, START | SIMPLE, COMBINATION),
    ("kling-v1", IMAGE, BOTH, None),
    ("kling-v1", IMAGE, BOTH | PRO, None),
    ("kling-v1", IMAGE, BOTH | TEN, COMBINATION),
    ("kling-v1", IMAGE, TAIL, "image_tail"),
    ("kling-v1", IMAGE, START | {"static_mask": IMAGE_URL}, None),
    ("kling-v1", IMAGE, START | TEN | {"dynamic_masks": [MASK]}, COMBINATION),
    ("kling-v1-5", TEXT, {}, "text2video"),
    ("kling-v1-5", TEXT, SIMPLE | {"sound": "on"}, "text2video"),
    ("kling-v1-5", IMAGE, START | TEN, None),
    ("kling-v1-5", IMAGE, BOTH | PRO | TEN, None),
    ("kling-v1-5", IMAGE, BOTH, COMBINATION),
    ("kling-v1-5", IMAGE, TAIL | PRO, None),
    ("kling-v1-5", IMAGE, TAIL, COMBINATION),
    ("kling-v1-5", IMAGE, START | SIMPLE | PRO, None),
    ("kling-v1-5", IMAGE, START | SIMPLE, COMBINATION),
    ("kling-v1-5", IMAGE, START | PRO | {"camera_control": {"type": "down_back"}}, "camera_control down_back"),
    ("kling-v1-5", IMAGE, START | PRO | {"static_mask": IMAGE_URL}, None),
    ("kling-v1-5", IMAGE, START | {"static_mask": IMAGE_URL}, COMBINATION),
    ("kling-v1-6", TEXT, {"cfg_scale": 1}, None),
    ("kling-v1-6", IMAGE, BOTH | PRO, None),
    ("kling-v1-6", IMAGE, TAIL | PRO, None),
    ("kling-v1-6", IMAGE, BOTH, COMBINATION),
    ("kling-v1-6", TEXT, SIMPLE, "camera_control simple"),
    ("kling-v1-6", IMAGE, START | {"dynamic_masks": [MASK]}, "dynamic_masks"),
    ("kling-v2-master", TEXT, TEN, None),
    ("kling-v2-master", IMAGE, START | PRO, None),
    ("kling-v2-master", IMAGE, BOTH, "image_tail"),
    ("kling-v2-master", IMAGE, TAIL, "image_tail"),
    ("kling-v2-1", TEXT, {}, "text2video"),
    ("kling-v2-1", IMAGE, BOTH | PRO, None),
    ("kling-v2-1", IMAGE, BOTH, COMBINATION),
    ("kling-v2-1", IMAGE, TAIL | PRO, "image_tail"),
    ("kling-v2-1-master", TEXT, PRO | TEN, None),
    ("kling-v2-1-master", IMAGE, BOTH | PRO, "image_tail"),
    ("kling-v2-5-turbo", TEXT, {"duration": "5"}, None),
    ("kling-v2-5-turbo", TEXT, TEN | {"cfg_scale": 1}, None),
    ("kling-v2-5-turbo", TEXT, {"duration": "7"}, "duration 7"),
    ("kling-v2-5-turbo", TEXT, {"sound": "on"}, "sound on"),
    ("kling-v2-5-turbo", TEXT, MULTI, "multi_shot true"),
    ("kling-v2-5-turbo", TEXT, UHD, "mode 4k"),
    ("kling-v2-5-turbo", TEXT, SIMPLE, "camera_control simple"),
    ("kling-v2-5-turbo", TEXT, UHD | {"duration": "7", "sound": "on"}, "sound on"),
    ("kling-v2-5-turbo", IMAGE, BOTH | PRO, None),
    ("kling-v2-5-turbo", IMAGE, BOTH, COMBINATION),
    ("kling-v2-5-turbo", IMAGE, START | {"element_list": [{"element_id": 7}]}, "element_list 7"),
    ("kling-v2-6", TEXT, {}, None),
    ("kling-v2-6", TEXT, PRO | {"sound": "on"}, None),
    ("kling-v2-6", TEXT, {"sound": "on"}, COMBINATION),
    ("kling-v2-6", TEXT, PRO | VOICE, COMBINATION),
    ("kling-v2-6", IMAGE, START | PRO | VOICE, None),
    ("kling-v2-6", IMAGE, START | VOICE, COMBINATION),
    ("kling-v2-6", IMAGE, BOTH | PRO, None),
    ("kling-v2-6", IMAGE, BOTH | PRO | {"sound": "on"}, COMBINATION),
    ("kling-v3", TEXT, MULTI | {"sound": "on"}, None),
    ("kling-v3", TEXT, UHD | {"duration": "15", "sound": "on", "cfg_scale": 0.1}, None),
    ("kling-v3", TEXT, VOICE, None),
    ("kling-v3", TEXT, VOICE | UHD, COMBINATION),
    ("kling-v3", IMAGE, BOTH | {"duration": 3, "element_list": [{"element_id": 7}]}, None),
    ("kling-v3", IMAGE, TAIL, "image_tail"),
    ("kling-v3", TEXT, SIMPLE, "camera_control simple"),
    ("kling-v3", IMAGE, START | {"static_mask": IMAGE_URL}, "static_mask"),
]  # fmt: skip


@pytest.mark.parametrize(("model_name", "path", "changes", "refused"), CASES)
async def test_6_3_the_official_upstream_alone_takes_what_its_card_says(
    official: TestGateway, customer: Account, model_name: str, path: str, changes: dict[str, Any], refused: str | None
) -> None:
    answer = await post(official, customer, {"model_name": model_name, "prompt": PROMPT} | changes, path)
    if refused is None:
        data_of(answer)
    else:
        message = error_of(answer, 400, 1201)
        assert message == f"{refused} is not supported for model_name {model_name}"


@pytest.mark.parametrize(("model_name", "path", "changes"), [case[:3] for case in CASES if case[3] is not None])
async def test_6_2_a_provider_for_everything_takes_each_of_them(
    shared: TestGateway, account: Account, model_name: str, path: str, changes: dict[str, Any]
) -> None:
    data_of(await post(shared, account, {"model_name": model_name, "prompt": PROMPT} | changes, path))


async def test_6_2_a_watermark_is_never_a_need(official: TestGateway, customer: Account) -> None:
    data_of(await post(official, customer, MINIMAL | {"watermark_info": {"enabled": True}}))


def test_6_3_the_card_covers_every_entry_of_the_catalogue() -> None:
    assert set(official_capabilities()) == {card.id for card in load_catalog()}


async def test_6_2_what_the_official_upstream_cannot_do_is_never_sent_to_it(tmp_path: Path) -> None:
    everything = ScriptedProvider(scripted_offer(load_catalog(), name="everything"), video_bytes())
    limited = ScriptedProvider(OFFICIAL, video_bytes())
    parts = Parts(
        offers=lambda *_: (everything.offer, limited.offer),
        providers=lambda *_: {"everything": everything, "official": limited},
    )
    everything.free_slots = 0  # whatever fits the official upstream goes there
    async with running_gateway(tmp_path, scripted=False, parts=parts) as gateway:
        account = await gateway.account()

        async def created(**changes: Any) -> Task:
            task_id = data_of(await post(gateway, account, MINIMAL | changes))["task_id"]
            return await gateway.task(task_id)

        plain = await created()
        await gateway.until(lambda: len(limited.orders) == 1)
        demanding = [await created(**changes) for changes in ({"duration": "7"}, UHD, SIMPLE, {"sound": "on"}, MULTI)]
        everything.free_slots = 10_000
        gateway.clock.advance(5)
        await gateway.until(lambda: len(everything.orders) == len(demanding))
        assert [order.task_id for order in limited.orders] == [plain.id]
        assert {order.task_id for order in everything.orders} == {task.id for task in demanding}


async def test_6_1_a_name_that_nobody_serves_does_not_exist(tmp_path: Path) -> None:
    served = {"kling-3-0": official_capabilities()["kling-3-0"]}
    provider = ScriptedProvider(Offer("official", Tier.OFFICIAL, False, 10_000, {}, served), video_bytes())
    async with running_gateway(tmp_path, scripted=provider) as gateway:
        account = await gateway.account()
        data_of(await post(gateway, account, MINIMAL | {"model_name": "kling-v3"}))
        message = error_of(await post(gateway, account, MINIMAL), 404, 1203)
        assert message == "model_name kling-v2-5-turbo does not exist"


async def test_6_2_a_mode_without_a_price_is_not_supported(tmp_path: Path) -> None:
    """An operator's own card may have a Kling name and lack units for a mode."""
    text = resources.files("reelway.catalog").joinpath("cards", "kling-v2-1.toml").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("4k = ")]
    own = "\n".join(lines).replace('"kling-v2-1"', '"my-model"')
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "my-model.toml").write_text(own.replace("apixo = ", "# apixo = "))
    async with running_gateway(tmp_path, catalog_dir=tmp_path / "cards") as gateway:
        account = await gateway.account()
        data_of(await post(gateway, account, MINIMAL | {"model_name": "my-model"}))
        message = error_of(await post(gateway, account, MINIMAL | {"model_name": "my-model"} | UHD), 400, 1201)
        assert message == "mode 4k is not supported for model_name my-model"


async def test_6_2_a_base64_image_counts_like_any_other(official: TestGateway, customer: Account) -> None:
    body = {"model_name": "kling-v2-1-master", "prompt": PROMPT, "image_tail": base64_image()}
    message = error_of(await post(official, customer, body, IMAGE), 400, 1201)
    assert message == "image_tail is not supported for model_name kling-v2-1-master"
