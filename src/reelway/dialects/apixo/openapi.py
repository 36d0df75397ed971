"""The OpenAPI 3.1 document of the APIXO dialect, made from the cards and from the tables that the code uses."""

from typing import Any, Final

from reelway.dialects.apixo.inputs import NEGATIVE_PROMPT_LENGTH_MAX
from reelway.dialects.openapi import (
    OF_TASK,
    REF,
    TASK_ID,
    ULID_REQUEST_ID,
    Schema,
    described,
    document,
    idempotency_parameter,
    json_body,
    nullable,
    query_parameter,
    success,
    whole_object,
    with_errors,
)
from reelway.domain.catalog import Card, Catalog, Control
from reelway.domain.generation import Product, Route
from reelway.wire.apixo import FAILURES, STATES, STATUSES, SUCCESS

_ALWAYS: Final = (400, 401, 403, 429, 500, 503)
_NOT_BLANK: Final = r"[^\s\u001c-\u001f]"
_ERROR: Final = {"$ref": REF + "Error"}


def make_spec(catalog: Catalog) -> bytes:
    """The document as JSON text: two paths for each name under which a card is offered here."""
    paths: Schema = {}
    schemas: Schema = _answer_schemas()
    for card in catalog:
        for name in card.names.apixo:
            schemas[f"CreateRequest-{name}"] = _create_schema(card)
            paths[f"/api/v1/generateTask/{name}"] = {"post": _create(name, card)}
            paths[f"/api/v1/statusTask/{name}"] = {"get": _status(name)}
    return document("APIXO generation API", paths, schemas, ULID_REQUEST_ID)


def _create(name: str, card: Card) -> Schema:
    answers = success("Accepted; the task waits.", {"$ref": REF + "Created"}, "Idempotent-Replayed")
    return {
        "operationId": f"create-{name}",
        "summary": f"Create a task of {card.display_name}",
        "parameters": [idempotency_parameter()],
        "requestBody": json_body({"$ref": f"{REF}CreateRequest-{name}"}, {"smallest": _smallest(card)}),
        "responses": with_errors(answers, _ERROR, (*_ALWAYS, 404, 409, 413)),
    }


def _smallest(card: Card) -> dict[str, Any]:
    return {"input": {"prompt": card.example_prompt.en}}


def _status(name: str) -> Schema:
    task_id = query_parameter("taskId", TASK_ID, "The id that the create answered.", is_required=True)
    return {
        "operationId": f"status-{name}",
        "summary": "State and result of a task",
        "parameters": [task_id],
        "responses": with_errors(
            success("The task as it is.", {"$ref": REF + "Status"}, *OF_TASK), _ERROR, (*_ALWAYS, 404)
        ),
    }


# --- requests: contract 6.1 and 6.2 -----------------------------------------------------------------------------------


def _create_schema(card: Card) -> Schema:
    request_type = described(nullable({"enum": ["async", "callback"]}), "Whether you poll or are called.")
    return {
        "type": "object",
        "required": ["input"],
        "additionalProperties": False,
        "properties": {
            "request_type": request_type,
            "callback_url": nullable({"type": "string", "format": "uri", "maxLength": 2048}),
            "provider": nullable({"enum": [route.value for route in Route]}),
            "input": _input_schema(card),
            "source": nullable({"type": "string"}),
        },
        "if": {"required": ["request_type"], "properties": {"request_type": {"const": "callback"}}},
        "then": {"required": ["callback_url"], "properties": {"callback_url": {"type": "string"}}},
    }


def _input_schema(card: Card) -> Schema:
    files_max = card.references.files_max
    products = [product.value for product in Product] if files_max else [Product.TEXT_TO_VIDEO.value]
    url = {"type": "string", "format": "uri", "maxLength": 2048}
    negative = card.control(Control.NEGATIVE_PROMPT)
    length_max = (negative.length_max if negative is not None else None) or NEGATIVE_PROMPT_LENGTH_MAX
    properties: Schema = {
        "mode": nullable({"enum": products}),
        "prompt": {
            "type": "string",
            "minLength": 1,
            "maxLength": card.prompt_length_max,
            "pattern": _NOT_BLANK,
        },
        "duration": nullable({"enum": _durations(card)}),
        "image_urls": nullable({"type": "array", "maxItems": files_max, "items": url}),
        "aspect_ratio": nullable({"enum": list(_options(card, Control.ASPECT_RATIO))}),
        "negative_prompt": nullable({"type": "string", "maxLength": length_max}),
        "cfg_scale": nullable({"type": "number", "minimum": 0, "maximum": 1}),
    }
    schema = {"type": "object", "required": ["prompt"], "additionalProperties": False, "properties": properties}
    if not files_max:
        return schema
    wants_image = {"required": ["mode"], "properties": {"mode": {"const": Product.IMAGE_TO_VIDEO.value}}}
    some = {"required": ["image_urls"], "properties": {"image_urls": {"type": "array", "minItems": 1}}}
    none = {"properties": {"image_urls": nullable({"type": "array", "maxItems": 0})}}
    return schema | {"if": wants_image, "then": some, "else": none}


def _durations(card: Card) -> list[Any]:
    options = _options(card, Control.DURATION_S)
    return [*(int(option) for option in options), *options]


def _options(card: Card, control: Control) -> tuple[str, ...]:
    param = card.control(control)
    assert param is not None
    return param.options


# --- answers: contract 5 and 7 ----------------------------------------------------------------------------------------


def _enveloped(data: Schema) -> Schema:
    return whole_object({"code": {"const": 200}, "message": {"const": SUCCESS}, "data": data})


def _answer_schemas() -> Schema:
    time_ms = {"type": "integer", "minimum": 0}
    task: Schema = {
        "taskId": TASK_ID,
        "state": {"enum": list(STATES.values())},
        "resultJson": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "JSON with the array resultUrls.",
        },
        "failCode": {"enum": sorted({code for code, _ in FAILURES.values()})},
        "failMsg": {"type": "string"},
        "createTime": time_ms,
        "completeTime": time_ms,
        "costTime": time_ms,
    }
    may_lack = ("resultJson", "failCode", "failMsg", "completeTime", "costTime")
    error = {
        "code": {"enum": sorted(set(STATUSES.values()))},
        "message": {"enum": list(STATUSES)},
        "data": nullable(whole_object({"error": {"type": "string"}})),
    }
    return {
        "Created": _enveloped(whole_object({"taskId": TASK_ID})),
        "Status": _enveloped(whole_object(task, may_lack)),
        "Error": whole_object(error),
    }
