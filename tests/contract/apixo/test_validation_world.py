"""Rules that depend on more than the request: the providers, own files, the sandbox, the model in the path."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from contract.apixo.wire import END_URL, START_URL, TURBO, path_of, post, problems_of, request, task_id_of, with_images
from reelway.catalog import load_catalog
from reelway.domain.generation import Mode, Product, generation_of
from reelway.domain.ids import TaskId
from reelway.domain.records import Scope
from reelway.domain.routing import Offer, Tier
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes, video_bytes
from support.provider import EVERYTHING, ScriptedProvider, scripted_offer

pytestmark = pytest.mark.anyio

UNKNOWN_TASK = "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3"
NARROW = replace(
    EVERYTHING,
    durations_s=frozenset({5}),
    aspect_ratios=frozenset({"16:9"}),
    modes=frozenset({Mode.PRO}),
    negative_prompt=False,
    last_frame=False,
    cfg_scale=False,
)


def unsupported(field: str) -> str:
    return f"Invalid value for {field}: not supported by any configured provider"


def no_route(route: str) -> str:
    return f"Invalid value for provider: no {route} route is configured for this model"


def provider_with(offer: Offer) -> ScriptedProvider:
    return ScriptedProvider(offer, video_bytes())


# --- A9: routes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "is_alone", "refused"),
    [(Tier.VALUE, False, {"official"}), (Tier.OFFICIAL, False, {"value"}), (Tier.VALUE, True, set())],
)
async def test_a9_a_route_without_a_provider_is_refused(
    tmp_path: Path, tier: Tier, is_alone: bool, refused: set[str]
) -> None:
    offer = scripted_offer(load_catalog(), tier=tier, is_alone=is_alone)
    async with running_gateway(tmp_path, scripted=provider_with(offer)) as gateway:
        owner = await gateway.account()
        for route in ("auto", "value", "official"):
            answer = await post(gateway, owner, request({"provider": route}))
            if route in refused:
                assert problems_of(answer) == [no_route(route)]
            else:
                assert (await gateway.task(TaskId(task_id_of(answer)))).route == route


# --- A28: capabilities ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def narrow(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TestGateway]:
    """A gateway whose only provider can do little."""
    offer = scripted_offer(load_catalog(), capability=NARROW)
    async with running_gateway(tmp_path_factory.mktemp("narrow"), scripted=provider_with(offer)) as gateway:
        yield gateway


A28: list[tuple[dict[str, Any], list[str]]] = [
    (request(duration=10), ["input.duration"]),
    (request(aspect_ratio="9:16"), ["input.aspect_ratio"]),
    (request(negative_prompt="blur"), ["input.negative_prompt"]),
    (with_images(START_URL, END_URL), ["input.image_urls[1]"]),
    (
        with_images(START_URL, END_URL, duration=10, negative_prompt="blur", aspect_ratio="1:1"),
        ["input.duration", "input.image_urls[1]", "input.negative_prompt"],
    ),
]


@pytest.mark.parametrize(("body", "fields"), A28)
async def test_a28_what_no_provider_can_do_is_refused(
    narrow: TestGateway, body: dict[str, Any], fields: list[str]
) -> None:
    account = await narrow.account()
    assert problems_of(await post(narrow, account, body)) == [unsupported(field) for field in fields]


async def test_a28_is_looked_at_only_when_nothing_else_was_found(narrow: TestGateway) -> None:
    account = await narrow.account()
    answer = await post(narrow, account, request(duration=10, seed=1))
    assert problems_of(answer) == ["Unknown field: input.seed"]


async def test_6_2_cfg_scale_and_an_aspect_ratio_without_effect_exclude_no_provider(narrow: TestGateway) -> None:
    account = await narrow.account()
    task_id_of(await post(narrow, account, request(cfg_scale=0.9)))
    task_id_of(await post(narrow, account, with_images(START_URL, aspect_ratio="9:16", cfg_scale=0)))


async def test_a28_a_mode_that_the_name_stands_for_is_told_at_the_input(narrow: TestGateway) -> None:
    account = await narrow.account()
    assert problems_of(await post(narrow, account, request(), "kling-3-0-std")) == [unsupported("input")]


async def test_a28_a_product_is_told_at_the_mode(tmp_path: Path) -> None:
    capability = replace(EVERYTHING, products=frozenset({Product.TEXT_TO_VIDEO}))
    offer = scripted_offer(load_catalog(), capability=capability)
    async with running_gateway(tmp_path, scripted=provider_with(offer)) as gateway:
        owner = await gateway.account()
        assert problems_of(await post(gateway, owner, with_images(START_URL))) == [unsupported("input.mode")]


async def test_a28_a_combination_that_no_single_provider_can_do_is_told_at_the_input(tmp_path: Path) -> None:
    only_short = replace(EVERYTHING, durations_s=frozenset({5}))
    only_wide = replace(EVERYTHING, aspect_ratios=frozenset({"16:9"}))
    catalog = load_catalog()
    offer = replace(scripted_offer(catalog), capabilities={card.id: (only_short, only_wide) for card in catalog})
    async with running_gateway(tmp_path, scripted=provider_with(offer)) as gateway:
        owner = await gateway.account()
        answer = await post(gateway, owner, request(duration=10, aspect_ratio="9:16"))
        assert problems_of(answer) == [unsupported("input")]
        task_id_of(await post(gateway, owner, request(duration=10)))


# --- own files --------------------------------------------------------------------------------------------------------


async def uploaded(gateway: TestGateway, account: Account, content: bytes, kind: str = "image") -> dict[str, Any]:
    answer = await gateway.http.post(
        "/api/v1/files", files={"file": ("x", content)}, data={"kind": kind}, headers=account.headers
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_6_2_a_file_of_the_account_may_be_a_frame(shared: TestGateway, account: Account) -> None:
    first, last = [await uploaded(shared, account, image_bytes(kind)) for kind in ("PNG", "WEBP")]
    task_id = task_id_of(await post(shared, account, with_images(first["url"], last["url"])))
    found = generation_of((await shared.task(TaskId(task_id))).generation)
    assert found.start_frame is not None
    assert found.last_frame is not None
    assert (found.start_frame.file_id, found.last_frame.file_id) == (first["id"], last["id"])


async def test_6_2_a_file_that_is_not_the_callers_or_no_image_is_refused(shared: TestGateway, account: Account) -> None:
    stranger = await shared.account()
    foreign = (await uploaded(shared, stranger, image_bytes("PNG")))["url"]
    video = (await uploaded(shared, account, video_bytes(), "video"))["url"]
    own = (await uploaded(shared, account, image_bytes("PNG")))["url"]
    unknown = "unknown or expired file"
    for url, rule in (
        (foreign, unknown),
        (own + "x", unknown),
        (f"{shared.base_url}/files/", unknown),
        (video, "the file must be an image"),
    ):
        answer = await post(shared, account, with_images(own, url))
        assert problems_of(answer) == [f"Invalid value for input.image_urls[1]: {rule}"]


# --- sandbox ----------------------------------------------------------------------------------------------------------


async def test_an_unknown_sandbox_directive_is_told_at_the_prompt(tmp_path: Path) -> None:
    async with running_gateway(tmp_path, scripted=False, roles={"api"}) as gateway:
        owner = await gateway.account()
        text = problems_of(await post(gateway, owner, request(prompt="A cat [[reelway: dance]]")))[0]
        assert text.startswith("Invalid value for input.prompt: unknown sandbox directive dance, must be one of delay=")
        task_id_of(await post(gateway, owner, request(prompt="A cat [[reelway: hang]]")))


# --- the model in the path --------------------------------------------------------------------------------------------


def refused(answer: httpx.Response, code: int, message: str) -> None:
    assert (answer.status_code, answer.json()) == (code, {"code": code, "message": message, "data": None})


@pytest.mark.parametrize("model", ["kling-9", "Kling-2-6", "kling-v2-5-turbo-pro", "kling-3-0", "kling-2-6%20", "%00"])
async def test_2_a_name_that_is_not_offered_is_not_found(shared: TestGateway, account: Account, model: str) -> None:
    refused(await post(shared, account, request(), model), 404, "Model not found")
    for query in (f"?taskId={UNKNOWN_TASK}", "?taskId=x", ""):
        answer = await shared.http.get(f"/api/v1/statusTask/{model}{query}", headers=account.headers)
        refused(answer, 404, "Model not found")


async def test_4_3_the_model_comes_after_scope_and_size_and_before_the_body(
    shared: TestGateway, account: Account
) -> None:
    path, reader = path_of("kling-9"), await shared.key(account, frozenset({Scope.GENERATIONS_READ}))
    large = b"x" * (1024 * 1024 + 1)
    refused(await shared.http.post(path, content=large), 401, "Invalid or missing API key")
    answer = await shared.http.post(path, content=large, headers=reader.headers)
    refused(answer, 403, "API key is not allowed to do this")
    answer = await shared.http.post(path, content=large, headers=account.headers)
    refused(answer, 413, "Request body too large")
    for more in ({}, {"Content-Type": "application/json"}, {"Idempotency-Key": "x" * 256}):
        answer = await shared.http.post(path, content=b"{", headers=account.headers | more)
        refused(answer, 404, "Model not found")


async def test_2_a_model_that_nobody_is_configured_for_is_not_found_and_its_tasks_stay_readable(tmp_path: Path) -> None:
    async with running_gateway(tmp_path) as gateway:
        owner = await gateway.account()
        task_id = task_id_of(await post(gateway, owner, request()))
    async with running_gateway(tmp_path, animatic_enabled=False, scripted=False) as gateway:
        refused(await post(gateway, owner, request()), 404, "Model not found")
        status = f"/api/v1/statusTask/{TURBO}"
        answer = await gateway.http.get(status, params={"taskId": task_id}, headers=owner.headers)
        assert answer.json()["data"]["taskId"] == task_id


async def test_7_1_a_status_names_its_task_and_its_model(shared: TestGateway, account: Account) -> None:
    task_id = task_id_of(await post(shared, account, request()))
    status = f"/api/v1/statusTask/{TURBO}"
    for query in ("", "?taskId=", "?taskid=x", "?task_id=x"):
        answer = await shared.http.get(status + query, headers=account.headers)
        assert problems_of(answer) == ["Missing required parameter: taskId"]
    for wrong in (UNKNOWN_TASK, task_id.lower(), task_id[:-1], f" {task_id}", "x" * 5_000, "\0"):
        answer = await shared.http.get(status, params={"taskId": wrong}, headers=account.headers)
        refused(answer, 404, "Task not found")
    stranger = await shared.account()
    answer = await shared.http.get(status, params={"taskId": task_id}, headers=stranger.headers)
    refused(answer, 404, "Task not found")
    answer = await shared.http.get("/api/v1/statusTask/kling-2-6", params={"taskId": task_id}, headers=account.headers)
    refused(answer, 404, "Task not found")
    answer = await shared.http.get(status, params={"taskId": task_id, "more": "x"}, headers=account.headers)
    assert answer.json()["data"]["taskId"] == task_id


async def test_1_3_a_task_of_another_dialect_is_read_by_its_card(shared: TestGateway, account: Account) -> None:
    params = {"mode": "pro", "duration": "3", "multi_shots": "true"}
    task_id = await shared.created(account, model="kling-3-0", params=params)
    answer = await shared.http.get(
        "/api/v1/statusTask/kling-3-0-std", params={"taskId": task_id}, headers=account.headers
    )
    assert answer.json()["data"]["taskId"] == task_id
