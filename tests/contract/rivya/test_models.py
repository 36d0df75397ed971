"""The list of models: the cards of the seeds as section 6.2 prints them. C50."""

from typing import Any

import pytest

from contract.rivya.wire import IMAGE_TYPES, KLING_3, MODELS, TURBO, assert_shared_headers
from support.gateway import Account, TestGateway

pytestmark = pytest.mark.anyio

MODEL_KEYS = [
    "id",
    "display_name",
    "category",
    "runtime",
    "base_credits",
    "billing_type",
    "supported_modes",
    "max_prompt_length",
    "reference_media",
    "params",
    "api_status",
    "api_input_status",
    "supported_api_inputs",
    "requires_files_api",
    "requires_upload_for_modes",
    "url_input_supported",
    "file_kinds",
    "chat_capabilities",
    "notices",
]
PARAM_KEYS = ["key", "type", "required", "default", "min", "max", "options", "description"]
REFERENCE_KEYS = ["max_files", "accepted_kinds", "rule", "kinds", "duration_token_required"]


def select(key: str, default: str, options: list[str], description: str) -> dict[str, Any]:
    found = {"key": key, "type": "select", "required": False, "default": default, "min": None, "max": None}
    return found | {"options": options, "description": description}


RATIO = select("aspect_ratio", "16:9", ["16:9", "9:16", "1:1"], "Aspect ratio")
SHARED_BY_BOTH = {
    "category": "video",
    "runtime": "async_task",
    "billing_type": "FIXED",
    "supported_modes": ["text-to-video", "image-to-video"],
    "reference_media": {
        "max_files": 2,
        "accepted_kinds": ["image"],
        "rule": "0 to 2 images; the first is the start frame, the second the last frame",
        "kinds": [{"kind": "image", "max_size_bytes": 10_485_760, "mime_types": IMAGE_TYPES}],
        "duration_token_required": False,
    },
    "api_status": "available",
    "api_input_status": "partial_requires_files",
    "supported_api_inputs": ["text", "file"],
    "requires_files_api": False,
    "requires_upload_for_modes": ["image-to-video"],
    "url_input_supported": True,
    "file_kinds": ["image"],
    "chat_capabilities": None,
    "notices": [],
}
EXPECTED = {
    TURBO: SHARED_BY_BOTH
    | {
        "id": TURBO,
        "display_name": "Kling V2.5 Turbo Pro",
        "base_credits": 42,
        "max_prompt_length": 2500,
        "params": [
            select("duration", "5", ["5", "10"], "Duration"),
            RATIO,
            {
                "key": "negative_prompt",
                "type": "text",
                "required": False,
                "default": None,
                "min": None,
                "max": None,
                "options": None,
                "description": "Negative prompt",
            },
            {
                "key": "cfg_scale",
                "type": "number",
                "required": False,
                "default": 0.5,
                "min": 0,
                "max": 1,
                "options": None,
                "description": "Prompt adherence",
            },
        ],
    },
    KLING_3: SHARED_BY_BOTH
    | {
        "id": KLING_3,
        "display_name": "Kling 3.0",
        "base_credits": 90,
        "max_prompt_length": 2000,
        "params": [
            select("mode", "pro", ["std", "pro"], "Generation mode"),
            select("multi_shots", "false", ["false", "true"], "Shot mode"),
            select("duration", "5", [str(seconds) for seconds in range(3, 16)], "Duration"),
            select("sound", "false", ["false", "true"], "Generate audio"),
            RATIO,
        ],
    },
}


async def listed(gateway: TestGateway, **headers: str) -> list[dict[str, Any]]:
    answer = await gateway.http.get(MODELS, headers=headers)
    assert answer.status_code == 200
    assert_shared_headers(answer)
    body = answer.json()
    assert list(body) == ["object", "data"]
    assert body["object"] == "list"
    models: list[dict[str, Any]] = body["data"]
    return models


@pytest.mark.parametrize("model", [TURBO, KLING_3])
async def test_c50_the_seed_models_are_listed_with_the_very_values_of_the_contract(
    shared: TestGateway, model: str
) -> None:
    (found,) = (entry for entry in await listed(shared) if entry["id"] == model)
    assert found == EXPECTED[model]


async def test_c50_every_model_has_exactly_19_keys_and_each_part_its_own(shared: TestGateway) -> None:
    models = await listed(shared)
    assert [model["id"] for model in models][:2] == [TURBO, KLING_3]
    assert len({model["id"] for model in models}) == len(models)
    assert len(MODEL_KEYS) == 19
    for model in models:
        assert list(model) == MODEL_KEYS
        assert list(model["reference_media"]) == REFERENCE_KEYS
        for param in model["params"]:
            assert list(param) == PARAM_KEYS
            assert param["type"] in ("select", "number", "text")
        assert model["api_status"] in ("available", "coming_soon", "studio_only")
        statuses = ("available_text", "available_url_input", "partial_requires_files", "requires_files_api")
        assert model["api_input_status"] in statuses


async def test_c50_a_key_good_or_bad_changes_nothing(shared: TestGateway, account: Account) -> None:
    plain = await listed(shared)
    for value in (account.headers["Authorization"], "Bearer wrong", "Basic x", ""):
        assert await listed(shared, Authorization=value) == plain


async def test_6_2_there_is_neither_paging_nor_filter(shared: TestGateway) -> None:
    plain = await shared.http.get(MODELS)
    filtered = await shared.http.get(MODELS, params={"limit": "1", "category": "image", "id": TURBO})
    assert filtered.json() == plain.json()
