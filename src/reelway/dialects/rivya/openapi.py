"""The OpenAPI 3.1 document of the Rivya dialect."""

from typing import Final

from reelway import __version__
from reelway.dialects.rivya import parse
from reelway.dialects.rivya.openapi_schemas import (
    CURSOR_PATTERN,
    REF,
    Schema,
    all_headers,
    all_schemas,
    request_id_schema,
)
from reelway.dialects.rivya.openapi_webhooks import (
    ENDPOINT_PARAMETER,
    EVENT_PARAMETER,
    query_parameters,
    request_schemas,
    webhook_schemas,
)
from reelway.domain.catalog import Catalog
from reelway.domain.media import MediaKind
from reelway.domain.task import PublicStatus
from reelway.wire import strict_json
from reelway.wire.rivya import STATUSES


def make_spec(catalog: Catalog) -> bytes:
    """The document as JSON text."""
    spec = {
        "openapi": "3.1.0",
        "info": {
            "title": "Rivya Public API v1, served by Reelway",
            "version": __version__,
            "description": "Video generation: create a task, follow it, download the MP4.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": _collection_paths() | _task_paths() | _file_paths(catalog) | _webhook_paths() | _other_paths(),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": all_schemas(catalog) | webhook_schemas(REF),
            "headers": all_headers(),
        },
    }
    return strict_json.encode(spec)


def _answers(success: Schema, *codes: str) -> Schema:
    """Responses of an operation: its success, and the error body for each status that the codes stand for."""
    always = ("rate_limited", "public_api_disabled", "internal_error")
    statuses = {STATUSES[code] for code in (*codes, *always) if code != _BODY_CODE}
    if _BODY_CODE in codes:
        statuses |= {400, _TOO_LARGE}
    return success | {str(status): _error_answer(status) for status in sorted(statuses)}


def _error_answer(status: int) -> Schema:
    return {
        "description": "An error; the code tells which.",
        "headers": _named(*_EVERYWHERE, *(("Retry-After",) if status in _WAITING else ())),
        "content": {"application/json": {"schema": {"$ref": REF + "Error"}}},
    }


def _success(status: int, description: str, schema: str, *headers: str) -> Schema:
    content = {"application/json": {"schema": {"$ref": REF + schema}}}
    return {str(status): {"description": description, "headers": _named(*_EVERYWHERE, *headers), "content": content}}


def _named(*headers: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in headers}


_EVERYWHERE: Final = ("X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
_OF_TASK: Final = ("X-Reelway-State", "X-Reelway-Failure", "X-Reelway-Progress")
_WAITING: Final = frozenset({409, 429, 503})
_TOO_LARGE: Final = 413
_CREATED: Final = 201
_BODY_CODE: Final = "body_too_large"
"""Stands for operations with a body: 400 and 413."""
_KEY_CODES: Final = ("api_key_missing", "api_scope_denied")


_PLAIN_TEXT: Final = {"type": "string", "pattern": r"^[^\u0000]*$"}


def _path_id(name: str, description: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "description": description}


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": description}


def _json_body() -> Schema:
    return {"required": True, "content": {"application/json": {"schema": {"$ref": REF + "GenerationRequest"}}}}


def _collection_paths() -> Schema:
    created = _success(202, "Accepted; credits are held.", "Generation", *_OF_TASK, "Location", "Idempotent-Replayed")
    create_codes = (*_KEY_CODES, _BODY_CODE, "insufficient_credits", "idempotency_conflict")
    idempotency = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
        "description": "A repeat with the same key and body gets the first answer; kept 24 hours.",
    }
    return {
        "/api/v1/generations": {
            "post": {
                "operationId": "createGeneration",
                "summary": "Create a task",
                "parameters": [idempotency],
                "requestBody": _json_body(),
                "responses": _answers(created, *create_codes),
            },
            "get": {
                "operationId": "listGenerations",
                "summary": "List tasks, newest first",
                "parameters": _list_parameters(),
                "responses": _answers(_success(200, "A page.", "GenerationList"), *_KEY_CODES, "validation_failed"),
            },
        },
        "/api/v1/generations/quote": {
            "post": {
                "operationId": "quoteGeneration",
                "summary": "What a request would cost; creates nothing",
                "requestBody": _json_body(),
                "responses": _answers(_success(200, "The quote.", "Quote"), *_KEY_CODES, _BODY_CODE),
            }
        },
    }


def _list_parameters() -> list[Schema]:
    limit = {"type": "integer", "minimum": 1, "maximum": parse.LIST_LIMIT_MAX, "default": parse.LIST_LIMIT_DEFAULT}
    return [
        _query("limit", limit, "Tasks on a page."),
        _query("cursor", {"type": "string", "pattern": CURSOR_PATTERN}, "next_cursor of the page before."),
        _query("status", {"enum": [status.value for status in PublicStatus]}, "Only tasks with this status."),
        _query("model", _PLAIN_TEXT, "Only tasks of this model."),
        _query("client_request_id", _PLAIN_TEXT, "Only tasks with this id of yours."),
    ]


def _task_paths() -> Schema:
    task_id = _path_id("taskId", "The id that create answered.")
    wait = _query("wait", {"type": "number", "minimum": 0, "maximum": 60}, "Seconds to wait for the task's end.")
    task = _success(200, "The task.", "Generation", *_OF_TASK)
    stream = {
        "200": {
            "description": "Events until the task ends.",
            "headers": _named(*_EVERYWHERE, *_OF_TASK),
            "content": {"text/event-stream": {"schema": {}}},
        }
    }
    last_event = {
        "name": "Last-Event-ID",
        "in": "header",
        "required": False,
        "schema": {"type": "string"},
        "description": "The id of the last event seen; earlier ones are skipped.",
    }
    codes = (*_KEY_CODES, "not_found")
    return {
        "/api/v1/generations/{taskId}": {
            "get": {
                "operationId": "readGeneration",
                "summary": "State and result of a task",
                "parameters": [task_id, wait],
                "responses": _answers(task, *codes, "validation_failed"),
            }
        },
        "/api/v1/generations/{taskId}/cancel": {
            "post": {
                "operationId": "cancelGeneration",
                "summary": "Stop a task",
                "parameters": [task_id],
                "responses": _answers(task, *codes, "generation_not_cancellable"),
            }
        },
        "/api/v1/generations/{taskId}/events": {
            "get": {
                "operationId": "watchGeneration",
                "summary": "Server-sent events: one for each change of status",
                "parameters": [task_id, last_event],
                "responses": _answers(stream, *codes),
            }
        },
        "/api/v1/generations/{taskId}/animatic": {
            "get": {
                "operationId": "readAnimatic",
                "summary": "How the built-in engine understood a task that it has made",
                "parameters": [task_id],
                "responses": _answers(_success(200, "What was read.", "Animatic", *_OF_TASK), *codes),
            }
        },
    }


def _file_paths(catalog: Catalog) -> Schema:
    upload = {
        "type": "object",
        "required": ["file", "kind"],
        "additionalProperties": False,
        "properties": {
            "file": {"type": "string", "contentMediaType": "application/octet-stream"},
            "kind": {"type": "string", "enum": [kind.value for kind in MediaKind]},
            "model": {"type": "string", "enum": [card.id for card in catalog]},
            "client_request_id": request_id_schema(),
        },
    }
    return {
        "/api/v1/files": {
            "post": {
                "operationId": "uploadFile",
                "summary": "Upload reference media",
                "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": upload}}},
                "responses": _answers(_success(201, "The file.", "File", "Location"), *_KEY_CODES, _BODY_CODE),
            }
        },
        "/api/v1/files/{fileId}": {
            "get": {
                "operationId": "readFile",
                "summary": "An uploaded file's facts",
                "parameters": [_path_id("fileId", "The id that the upload answered.")],
                "responses": _answers(_success(200, "The file.", "File"), *_KEY_CODES, "not_found"),
            }
        },
    }


_HOOKS: Final = "/api/v1/webhooks"
_HOOK: Final = f"{_HOOKS}/{{{ENDPOINT_PARAMETER}}}"
_EVENTS: Final = "/api/v1/webhook-events"
_HOOK_OPERATIONS: Final = (
    ("get", _HOOKS, "listWebhooks", "Your webhook endpoints, newest first", 200, "WebhookList"),
    ("post", _HOOKS, "createWebhook", "Register a URL that is told when generations end", 201, "Webhook"),
    ("get", _HOOK, "readWebhook", "A webhook endpoint and how it goes with it", 200, "Webhook"),
    ("patch", _HOOK, "updateWebhook", "Change, disable or revive an endpoint", 200, "Webhook"),
    ("delete", _HOOK, "deleteWebhook", "Delete an endpoint; nothing more is sent to it", 204, None),
    ("post", f"{_HOOK}/rotate-secret", "rotateWebhookSecret", "A new secret; the old one stays", 200, "Webhook"),
    ("post", f"{_HOOK}/test", "testWebhook", "Send a test event now", 200, "WebhookDelivery"),
    ("get", f"{_HOOK}/deliveries", "listWebhookDeliveries", "Attempts, newest first", 200, "WebhookDeliveryList"),
    ("get", _EVENTS, "listWebhookEvents", "Events, newest first", 200, "WebhookEventList"),
    (
        "post",
        f"{_EVENTS}/{{{EVENT_PARAMETER}}}/replay",
        "replayWebhookEvent",
        "Send an event again, as it was",
        200,
        "WebhookEvent",
    ),
)


def _webhook_paths() -> Schema:
    """Source: contract 11.2."""
    bodies = request_schemas()
    paths: Schema = {}
    for method, path, name, summary, status, schema in _HOOK_OPERATIONS:
        codes = [*_KEY_CODES, *(("not_found",) if "{" in path else ())]
        operation: Schema = {"operationId": name, "summary": summary, "parameters": _hook_parameters(path, name)}
        if name in bodies:
            codes.append(_BODY_CODE)
            content = {"application/json": {"schema": bodies[name]}}
            is_required = name in ("createWebhook", "updateWebhook")
            operation["requestBody"] = {"required": is_required, "content": content}
        elif query_parameters(name):
            codes.append("validation_failed")
        if schema is None:
            success = {str(status): {"description": "Done.", "headers": _named(*_EVERYWHERE)}}
        else:
            success = _success(status, "As asked.", schema, *(("Location",) if status == _CREATED else ()))
        operation["responses"] = _answers(success, *codes)
        paths.setdefault(path, {})[method] = operation
    return paths


def _hook_parameters(path: str, name: str) -> list[Schema]:
    in_path = [
        _path_id(parameter, "The id as it was answered.")
        for parameter in (ENDPOINT_PARAMETER, EVENT_PARAMETER)
        if f"{{{parameter}}}" in path
    ]
    return in_path + [_query(key, schema, text) for key, (schema, text) in query_parameters(name).items()]


def _other_paths() -> Schema:
    document = {
        "description": "OpenAPI.",
        "headers": _named(*_EVERYWHERE),
        "content": {"application/json": {"schema": {"type": "object"}}},
    }
    return {
        "/api/v1/credits": {
            "get": {
                "operationId": "readCredits",
                "summary": "Credits that may be spent",
                "responses": _answers(_success(200, "The balance.", "Credits"), *_KEY_CODES),
            }
        },
        "/api/v1/models": {
            "get": {
                "operationId": "listModels",
                "summary": "All models",
                "security": [],
                "responses": _answers(_success(200, "The models.", "ModelList")),
            }
        },
        "/api/v1/openapi.json": {
            "get": {
                "operationId": "readContract",
                "summary": "This document",
                "security": [],
                "responses": _answers({"200": document}),
            }
        },
    }
