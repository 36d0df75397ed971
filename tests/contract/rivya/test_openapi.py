"""The OpenAPI document: it is valid, it is complete, and the server does what it says. Section 13."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from contract.rivya.test_create import SEED_000, SEED_001, SEED_002, with_seed_item
from contract.rivya.test_validation_table import ROWS
from contract.rivya.wire import (
    CREDITS,
    FILES,
    GENERATIONS,
    KINDS,
    MODELS,
    QUOTE,
    available_models,
    body_of,
    cancel,
    get,
    item,
    post,
    post_raw,
    status_of,
    upload,
    with_items,
)
from reelway.domain.task import State
from support.gateway import Account, TestGateway, running_gateway
from support.media import image_bytes, video_bytes
from support.staging import in_state, provider_of
from support.webhooks import EVENTS, WEBHOOKS, call

pytestmark = pytest.mark.anyio

PATH = "/api/v1/openapi.json"
HOOK = f"{WEBHOOKS}/{{endpointId}}"
REPLAY = f"{EVENTS}/{{eventId}}/replay"
OPERATIONS = {
    ("post", GENERATIONS),
    ("get", GENERATIONS),
    ("post", QUOTE),
    ("get", f"{GENERATIONS}/{{taskId}}"),
    ("post", f"{GENERATIONS}/{{taskId}}/cancel"),
    ("get", f"{GENERATIONS}/{{taskId}}/events"),
    ("get", f"{GENERATIONS}/{{taskId}}/animatic"),
    ("post", FILES),
    ("get", f"{FILES}/{{fileId}}"),
    ("get", CREDITS),
    ("get", MODELS),
    ("get", WEBHOOKS),
    ("post", WEBHOOKS),
    ("get", HOOK),
    ("patch", HOOK),
    ("delete", HOOK),
    ("post", f"{HOOK}/rotate-secret"),
    ("post", f"{HOOK}/test"),
    ("get", f"{HOOK}/deliveries"),
    ("get", EVENTS),
    ("post", REPLAY),
    ("get", PATH),
}
"""Section 2."""
WITHOUT_KEY = {("get", MODELS), ("get", PATH)}

CONFIG = """
seed = 1
continue-on-failure = true

[generation]
max-examples = 20
database = "none"

# A quote answers 200 and lists what is wrong; only broken JSON is refused. Contract 12.3.
[[operations]]
include-name = "POST /api/v1/generations/quote"
checks.negative_data_rejection.enabled = false

# No schema can say that bytes are a sound image, so made-up files are refused. Contract 10.3.
[[operations]]
include-name = "POST /api/v1/files"
checks.positive_data_acceptance.enabled = false

# No schema can say which URLs are public, nor that an account has twenty endpoints already. Contract 11.1.
[[operations]]
include-path-regex = "^/api/v1/webhooks"
include-method = ["POST", "PATCH"]
checks.positive_data_acceptance.enabled = false
"""


@pytest.fixture
async def document(shared: TestGateway) -> dict[str, Any]:
    answer = await shared.http.get(PATH)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/json"
    found: dict[str, Any] = answer.json()
    return found


def operations_in(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): found for path, methods in document["paths"].items() for method, found in methods.items()}


def validator_of(document: dict[str, Any], schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema | {"components": document["components"]})


def response_schema(document: dict[str, Any], method: str, path: str, status: int) -> dict[str, Any]:
    content = operations_in(document)[method, path]["responses"][str(status)]["content"]
    found: dict[str, Any] = content["application/json"]["schema"]
    return found


async def test_13_the_document_is_valid_openapi_3_1_and_needs_no_key(
    shared: TestGateway, document: dict[str, Any]
) -> None:
    assert document["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(document).validate()
    bad_key = await shared.http.get(PATH, headers={"Authorization": "Bearer wrong"})
    assert bad_key.json() == document


async def test_13_the_document_has_every_operation_and_no_other(document: dict[str, Any]) -> None:
    found = operations_in(document)
    assert set(found) == OPERATIONS
    identifiers = [operation["operationId"] for operation in found.values()]
    assert len(set(identifiers)) == len(identifiers)
    for key, operation in found.items():
        security = operation.get("security", document["security"])
        assert security == ([] if key in WITHOUT_KEY else [{"bearer": []}])
        assert operation["summary"]


async def test_13_the_document_names_the_statuses_that_every_operation_may_answer(
    document: dict[str, Any],
) -> None:
    for key, operation in operations_in(document).items():
        statuses = {"429", "500", "503"} | (set() if key in WITHOUT_KEY else {"401", "403"})
        assert statuses <= set(operation["responses"]), key


async def test_13_the_document_names_the_headers_of_section_4_1(document: dict[str, Any]) -> None:
    every = {"X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"}
    for key, operation in operations_in(document).items():
        for status, response in operation["responses"].items():
            expected = set(every)
            if status in ("429", "503"):
                expected.add("Retry-After")
            if status in ("201", "202"):
                expected.add("Location")
            if key == ("post", GENERATIONS) and status == "202":
                expected |= {"Idempotent-Replayed", "X-Reelway-State"}
            assert expected <= set(response.get("headers", {})), (key, status)


async def test_13_the_document_names_the_parameters_of_each_operation(document: dict[str, Any]) -> None:
    expected = {
        ("post", GENERATIONS): {("header", "Idempotency-Key")},
        ("get", GENERATIONS): {("query", name) for name in ("limit", "cursor", "status", "model", "client_request_id")},
        ("get", f"{GENERATIONS}/{{taskId}}"): {("path", "taskId"), ("query", "wait")},
        ("get", f"{GENERATIONS}/{{taskId}}/events"): {("path", "taskId"), ("header", "Last-Event-ID")},
        ("get", f"{GENERATIONS}/{{taskId}}/animatic"): {("path", "taskId")},
        ("post", f"{GENERATIONS}/{{taskId}}/cancel"): {("path", "taskId")},
        ("get", f"{FILES}/{{fileId}}"): {("path", "fileId")},
        **{(method, path): {("path", "endpointId")} for method, path in OPERATIONS if path.startswith(HOOK)},
        ("get", f"{HOOK}/deliveries"): {
            ("path", "endpointId"),
            *(("query", name) for name in ("limit", "cursor", "event_id")),
        },
        ("get", EVENTS): {("query", name) for name in ("limit", "cursor", "type", "generation_id")},
        ("post", REPLAY): {("path", "eventId")},
    }
    for key, operation in operations_in(document).items():
        found = {(parameter["in"], parameter["name"]) for parameter in operation.get("parameters", [])}
        assert found == expected.get(key, set()), key


# --- requests ---------------------------------------------------------------------------------------------------------

GOOD_BODIES = [
    SEED_000,
    SEED_001,
    SEED_002,
    with_seed_item(SEED_001),
    with_seed_item(SEED_002),
    body_of(),
    body_of(params=None, client_request_id=None),
    body_of(client_request_id="x" * 128),
    body_of(params={"duration": 10, "negative_prompt": "", "cfg_scale": None}),
    with_items(item(name="a", mimeType="image/png", durationSeconds=0, durationToken=None)),
    body_of(model="kling-3-0", params={"sound": True, "multi_shots": False, "duration": 15.0}),
]
BEYOND_A_SCHEMA = ("v23", "v35")
"""Which hosts are public, and one rule across two fields."""


@pytest.mark.parametrize("body", GOOD_BODIES)
@pytest.mark.parametrize("path", [GENERATIONS, QUOTE])
async def test_13_the_document_allows_what_the_server_takes(
    shared: TestGateway, account: Account, document: dict[str, Any], path: str, body: Any
) -> None:
    answer = await post(shared, account, body, path)
    assert answer.status_code == (202 if path == GENERATIONS else 200), answer.text
    content = operations_in(document)["post", path]["requestBody"]["content"]
    validator_of(document, content["application/json"]["schema"]).validate(body)


async def test_13_the_document_forbids_what_the_server_refuses(document: dict[str, Any]) -> None:
    content = operations_in(document)["post", GENERATIONS]["requestBody"]["content"]
    validator = validator_of(document, content["application/json"]["schema"])
    allowed = [(rule, body) for rule, rows in ROWS.items() for body, _ in rows if validator.is_valid(body)]
    assert [(rule, body) for rule, body in allowed if rule not in BEYOND_A_SCHEMA] == []


async def test_13_the_document_describes_the_form_of_an_upload(shared: TestGateway, document: dict[str, Any]) -> None:
    form = operations_in(document)["post", FILES]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"file", "kind", "model", "client_request_id"}
    assert set(form["required"]) == {"file", "kind"}
    assert form["properties"]["kind"]["enum"] == KINDS
    assert form["properties"]["model"]["enum"] == await available_models(shared)


# --- answers ----------------------------------------------------------------------------------------------------------


async def test_13_real_answers_fit_the_schemas_of_the_document(stage: TestGateway, owner: Account) -> None:
    document: dict[str, Any] = (await stage.http.get(PATH)).json()
    task_path = f"{GENERATIONS}/{{taskId}}"
    tasks = [await in_state(stage, owner, state) for state in (State.SUCCEEDED, State.FAILED, State.CANCELLED)]
    file = await upload(stage, owner, video_bytes(), "video")
    expired = await stage.key(owner, expires_at_us=0)
    provider_of(stage).free_slots = 0
    answers: list[tuple[str, str, httpx.Response]] = [
        *[("get", task_path, await status_of(stage, owner, task)) for task in tasks],
        ("get", task_path, await status_of(stage, owner, tasks[0], wait="x")),
        ("get", task_path, await status_of(stage, owner, "x")),
        ("post", GENERATIONS, await post(stage, owner, body_of())),
        ("post", GENERATIONS, await post(stage, owner, {})),
        ("post", GENERATIONS, await post_raw(stage, owner, b"{" + b" " * 2**20)),
        ("post", GENERATIONS, await post(stage, await stage.account(0), body_of())),
        ("get", GENERATIONS, await get(stage, owner, GENERATIONS, limit=2)),
        ("get", GENERATIONS, await get(stage, owner, GENERATIONS)),
        ("post", QUOTE, await post(stage, owner, body_of(), QUOTE)),
        ("post", QUOTE, await post(stage, owner, {"model": "kling-9"}, QUOTE)),
        *[("post", f"{task_path}/cancel", await cancel(stage, owner, task)) for task in (tasks[0], tasks[2])],
        ("post", FILES, await upload(stage, owner, image_bytes("PNG"))),
        ("post", FILES, file),
        ("post", FILES, await upload(stage, owner, b"text")),
        ("get", f"{FILES}/{{fileId}}", await get(stage, owner, f"{FILES}/{file.json()['id']}")),
        ("get", CREDITS, await get(stage, owner, CREDITS)),
        ("get", CREDITS, await get(stage, expired, CREDITS)),
        ("get", MODELS, await stage.http.get(MODELS)),
        *await about_webhooks(stage, owner),
    ]  # fmt: skip
    for method, path, answer in answers:
        schema = response_schema(document, method, path, answer.status_code)
        validator_of(document, schema).validate(answer.json())
    statuses = {answer.status_code for *_, answer in answers}
    assert statuses == {200, 201, 202, 400, 401, 402, 404, 409, 413}


async def about_webhooks(stage: TestGateway, owner: Account) -> list[tuple[str, str, httpx.Response]]:
    made = await call(stage, owner, "POST", WEBHOOKS, {"url": "https://hooks.example.com/x"})
    mine = f"{WEBHOOKS}/{made.json()['id']}"
    events = await call(stage, owner, "GET", EVENTS)
    event_id = events.json()["data"][0]["id"]
    return [
        ("post", WEBHOOKS, made),
        ("post", WEBHOOKS, await call(stage, owner, "POST", WEBHOOKS, {"url": "https://10.0.0.1/"})),
        ("get", WEBHOOKS, await call(stage, owner, "GET", WEBHOOKS)),
        ("get", HOOK, await call(stage, owner, "GET", mine)),
        ("patch", HOOK, await call(stage, owner, "PATCH", mine, {"status": "disabled"})),
        ("post", f"{HOOK}/rotate-secret", await call(stage, owner, "POST", f"{mine}/rotate-secret")),
        ("post", f"{HOOK}/test", await call(stage, owner, "POST", f"{mine}/test")),
        ("get", f"{HOOK}/deliveries", await call(stage, owner, "GET", f"{mine}/deliveries")),
        ("get", EVENTS, events),
        ("post", REPLAY, await call(stage, owner, "POST", f"{EVENTS}/{event_id}/replay")),
    ]


async def test_13_the_document_lists_the_codes_of_section_5_2(document: dict[str, Any]) -> None:
    codes = document["components"]["schemas"]["Error"]["properties"]["error"]["properties"]["code"]["enum"]
    assert {
        "validation_failed",
        "api_key_missing",
        "api_key_invalid",
        "api_key_revoked",
        "api_key_expired",
        "insufficient_credits",
        "api_scope_denied",
        "not_found",
        "method_not_allowed",
        "idempotency_conflict",
        "generation_not_cancellable",
        "webhook_url_rejected",
        "rate_limited",
        "internal_error",
        "public_api_disabled",
    } <= set(codes)


# --- schemathesis -----------------------------------------------------------------------------------------------------


@pytest.fixture
async def patient(tmp_path: Path) -> AsyncIterator[TestGateway]:
    """A gateway that takes any number of requests and ends every task at once."""
    async with running_gateway(tmp_path, requests_per_minute_max=10**9, unfinished_tasks_max=10**9) as gateway:
        yield gateway
        assert not await gateway.core.store.unbalanced_accounts()


async def test_13_schemathesis_finds_nothing_with_all_its_checks_and_phases(
    patient: TestGateway, tmp_path: Path
) -> None:
    """Examples, coverage, fuzzing and call sequences against the live server, by its own command in its own process."""
    owner = await patient.account(10**12)
    folder = tmp_path / "schemathesis"
    folder.mkdir()
    (folder / "schemathesis.toml").write_text(CONFIG)
    command = Path(sys.executable).with_name("schemathesis")
    process = await asyncio.create_subprocess_exec(
        str(command),
        *("--config-file", "schemathesis.toml", "run", patient.base_url + PATH, "--no-color"),
        *("-H", f"Authorization: Bearer {owner.key}"),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(600):  # some 25 s on an idle machine
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    generated = re.search(rb"(\d+) generated", output)
    assert generated is not None
    assert int(generated[1]) > 500
    assert len((await get(patient, owner, GENERATIONS, limit=20)).json()["data"]) == 20, "it has created tasks"
