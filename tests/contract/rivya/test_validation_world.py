"""The rows of section 7.4 that depend on more than the request: uploaded files, other cards, what providers can do."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from contract.rivya.wire import (
    KLING_3,
    MODELS,
    QUOTE,
    TURBO,
    available_models,
    body_of,
    item,
    post,
    problem,
    problems_of,
    task_of,
    uploaded,
    with_items,
)
from reelway.catalog import load_catalog
from reelway.domain.generation import Mode, Product
from reelway.domain.media import MediaKind
from reelway.domain.routing import Capability
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes, video_bytes
from support.provider import EVERYTHING, ScriptedProvider, scripted_offer

pytestmark = pytest.mark.anyio

REFERENCES = "params.referenceMediaItems"
FIRST = f"{REFERENCES}[0]"


# --- our own files ----------------------------------------------------------------------------------------------------


async def test_v24_a_file_that_is_missing_or_another_accounts_is_unknown(shared: TestGateway, account: Account) -> None:
    own = await uploaded(shared, account, image_bytes("PNG"))
    task_of(await post(shared, account, with_items(item(url=own["url"]))), 202)
    foreign = await uploaded(shared, await shared.account(), image_bytes("PNG"))
    missing = own["url"].replace(own["id"], "file_01KB2R8T4NQ6V0X3Z5A7C9E1G5")
    wrong_token = own["url"][:-1] + ("A" if own["url"][-1] != "A" else "B")
    base = own["url"].partition("/files/")[0] + "/files/"
    for url in (foreign["url"], missing, wrong_token, own["url"] + "/x", own["url"] + "?a=b", base, base + own["id"]):
        answer = await post(shared, account, with_items(item(url=url)))
        assert problems_of(answer) == [problem(f"{FIRST}.url", "Unknown or expired file.")], url


async def test_v24_a_file_is_unknown_after_its_seven_days(stage: TestGateway, owner: Account) -> None:
    own = await uploaded(stage, owner, image_bytes("PNG"))
    stage.clock.advance(7 * 86_400 - 60)
    task_of(await post(stage, owner, with_items(item(url=own["url"]))), 202)
    stage.clock.advance(120)
    answer = await post(stage, owner, with_items(item(url=own["url"])))
    assert problems_of(answer) == [problem(f"{FIRST}.url", "Unknown or expired file.")]


async def test_v28_the_kind_must_be_that_of_the_uploaded_file(shared: TestGateway, account: Account) -> None:
    video = await uploaded(shared, account, video_bytes(), "video")
    answer = await post(shared, account, with_items(item(url=video["url"])))
    assert problems_of(answer) == [problem(f"{FIRST}.kind", "The file is of another kind.", ["video"])]


# --- rules that need other models or providers than the built-in ones ------------------------------------------------

VIDEO_MODEL = "takes-video"
VIDEO_CARD = """
id = "takes-video"
position = 90
display_name = "Takes video"
category = "video"
base_credits = 7
billing_type = "FIXED"
prompt_length_max = 100
fixed_mode = "pro"
example_prompt = { en = "x", ur = "x" }
names = {}
units_per_second = { pro = { silent = "1", sound = "1", voice = "1" } }
params = [
  { key = "duration", type = "select", control = "duration_s", default = "5", options = ["5"], label = { en = "x", ur = "x" }, description = { en = "x", ur = "x" } },
  { key = "aspect_ratio", type = "select", control = "aspect_ratio", default = "16:9", options = ["16:9"], label = { en = "x", ur = "x" }, description = { en = "x", ur = "x" } },
]

[references]
files_max = 1
takes_tail_frame = false
requires_duration_token = true
summary = { en = "x", ur = "x" }
rule = { en = "x", ur = "x" }
uploads = [
  { kind = "image", size_bytes_max = 1000, mime_types = ["image/png"] },
  { kind = "video", size_bytes_max = 1000000, mime_types = ["video/mp4"] },
]
"""  # noqa: E501 - TOML of this version has inline tables on one line


@pytest.fixture
async def with_video_model(tmp_path: Path) -> AsyncIterator[TestGateway]:
    cards = tmp_path / "cards"
    cards.mkdir()
    (cards / f"{VIDEO_MODEL}.toml").write_text(VIDEO_CARD)
    capability = replace(EVERYTHING, reference_kinds=frozenset(MediaKind))
    offer = scripted_offer(load_catalog(cards), capability=capability)
    provider = ScriptedProvider(offer, video_bytes())
    async with running_gateway(tmp_path, scripted=provider, catalog_dir=cards) as gateway:
        yield gateway


async def test_v32_a_video_needs_its_duration_token_where_the_model_says_so(with_video_model: TestGateway) -> None:
    owner = await with_video_model.account()
    video = await uploaded(with_video_model, owner, video_bytes(), "video")
    for url in (video["url"], "https://cdn.example.com/x.mp4"):
        body = with_items(item(url=url, kind="video"), model=VIDEO_MODEL)
        answer = await post(with_video_model, owner, body)
        assert problems_of(answer) == [problem(f"{FIRST}.durationToken", "Required for this model.")]
    image = await uploaded(with_video_model, owner, image_bytes("PNG"))
    task_of(await post(with_video_model, owner, with_items(item(url=image["url"]), model=VIDEO_MODEL)), 202)


async def test_v33_a_duration_token_must_be_genuine_in_force_and_of_this_very_file(
    with_video_model: TestGateway,
) -> None:
    owner = await with_video_model.account()
    video = await uploaded(with_video_model, owner, video_bytes(), "video")
    other = await uploaded(with_video_model, owner, video_bytes(), "video")
    token = video["duration_token"]

    async def answer_to(url: str, token: Any) -> Any:
        body = with_items(item(url=url, kind="video", durationToken=token), model=VIDEO_MODEL)
        return await post(with_video_model, owner, body)

    bad = [problem(f"{FIRST}.durationToken", "Invalid or expired duration token.")]
    head, payload, signature = token.split(".")
    last = "A" if signature[-1] != "A" else "B"
    tokens = [
        *("", "dt1", "dt1..", token[:-1], token + "x", token[:-1] + last, f"dt2.{payload}.{signature}"),
        *(f"{head}.{payload[:-2]}.{signature}", other["duration_token"], "ٹوکن", "\0", 5, True, [], {}),
    ]
    for wrong in tokens:
        assert problems_of(await answer_to(video["url"], wrong)) == bad, wrong
    assert problems_of(await answer_to("https://cdn.example.com/x.mp4", token)) == bad
    task_of(await answer_to(video["url"], token), 202)
    with_video_model.clock.advance(7 * 86_400 + 1)  # the file goes with the token
    gone = problem(f"{FIRST}.url", "Unknown or expired file.")
    assert problems_of(await answer_to(video["url"], token)) == [gone, *bad]


@pytest.fixture(scope="module")
async def with_little(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestGateway]:
    """A provider for the turbo model alone, which makes silent 5-second text-to-video in 16:9 and no more."""
    little = Capability(
        products=frozenset({Product.TEXT_TO_VIDEO}),
        durations_s=frozenset({5}),
        aspect_ratios=frozenset({"16:9"}),
        modes=frozenset({Mode.PRO}),
        sound=False,
        multi_shots=False,
        negative_prompt=False,
        last_frame=False,
        reference_kinds=frozenset({MediaKind.IMAGE}),
    )
    offer = scripted_offer(load_catalog(), capability=little)
    offer = replace(offer, capabilities={TURBO: (little,)})
    provider = ScriptedProvider(offer, video_bytes())
    async with running_gateway(tmp_path_factory.mktemp("little"), scripted=provider) as gateway:
        yield gateway


async def test_v08_a_model_without_a_provider_is_listed_and_not_available(with_little: TestGateway) -> None:
    owner = await with_little.account()
    assert await available_models(with_little) == [TURBO]
    listed = (await with_little.http.get(MODELS)).json()["data"]
    assert {model["api_status"] for model in listed if model["id"] != TURBO} == {"coming_soon"}
    answer = await post(with_little, owner, body_of(model=KLING_3))
    assert problems_of(answer) == [problem("model", "This model is not available through the API.", [TURBO])]
    answer = await post(with_little, owner, body_of(model="kling-9"))
    assert problems_of(answer) == [problem("model", "Unknown model.", [TURBO])]


UNSUPPORTED = "Not supported by any configured provider."
BEYOND: list[tuple[Any, list[dict[str, Any]]]] = [
    (body_of(params={"duration": "10"}), [problem("params.duration", UNSUPPORTED, ["5"])]),
    (body_of(params={"aspect_ratio": "1:1"}), [problem("params.aspect_ratio", UNSUPPORTED, ["16:9"])]),
    (body_of(params={"negative_prompt": "blur"}), [problem("params.negative_prompt", UNSUPPORTED)]),
    (with_items(item()), [problem(REFERENCES, UNSUPPORTED)]),
    (body_of(params={"duration": "10", "aspect_ratio": "1:1"}), [problem("params.duration", UNSUPPORTED, ["5"])]),
    (with_items(item(), duration="10"), [problem("params.duration", UNSUPPORTED, ["5"])]),
    (with_items(item(), negative_prompt="blur"), [problem("params.negative_prompt", UNSUPPORTED)]),
]


@pytest.mark.parametrize(("body", "expected"), BEYOND)
async def test_v40_what_no_provider_can_do_is_refused_at_the_first_such_field(
    with_little: TestGateway, body: Any, expected: list[dict[str, Any]]
) -> None:
    owner = await with_little.account()
    answer = await post(with_little, owner, body)
    assert problems_of(answer) == expected
    task_of(await post(with_little, owner, body_of(params={"cfg_scale": 0.9})), 202)  # excludes no provider


@pytest.mark.parametrize(("body", "expected"), BEYOND)
async def test_v40_a_quote_lists_what_no_provider_can_do(
    with_little: TestGateway, body: Any, expected: list[dict[str, Any]]
) -> None:
    owner = await with_little.account()
    answer = await post(with_little, owner, body, QUOTE)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["valid"], answer.json()["problems"]) == (False, expected)


async def test_v40_is_checked_only_when_nothing_else_is_wrong(with_little: TestGateway) -> None:
    owner = await with_little.account()
    answer = await post(with_little, owner, body_of(params={"duration": "10", "cfg_scale": 2}))
    assert problems_of(answer) == [problem("params.cfg_scale", "Must be between 0 and 1.")]
