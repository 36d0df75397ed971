"""Parts of an OpenAPI 3.1 document that the dialects have in common: small schemas, headers, and the frame."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reelway import __version__
from reelway.domain.task import FailureCode, State
from reelway.wire import strict_json

Schema = dict[str, Any]
REF: Final = "#/components/schemas/"
ULID: Final = "[0-9A-HJKMNP-TV-Z]{26}"
TASK_ID: Final[Schema] = {"type": "string", "pattern": f"^task_{ULID}$"}
ULID_REQUEST_ID: Final[Schema] = {"type": "string", "pattern": f"^req_{ULID}$"}
UUID_REQUEST_ID: Final[Schema] = {"type": "string", "format": "uuid"}
EVERYWHERE: Final = ("X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset")
OF_TASK: Final = ("X-Reelway-State", "X-Reelway-Failure", "X-Reelway-Progress")
_WAITING: Final = frozenset({409, 429, 503})
"""Statuses that may come with a `Retry-After`."""


def document(title: str, paths: Schema, schemas: Schema, request_id: Schema) -> bytes:
    """The whole document as JSON text."""
    spec = {
        "openapi": "3.1.0",
        "info": {
            "title": f"{title}, served by Reelway",
            "version": __version__,
            "description": "Video generation: create a task, follow it, download the MP4.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
            "schemas": schemas,
            "headers": _headers(request_id),
        },
    }
    return strict_json.encode(spec)


# --- schemas ----------------------------------------------------------------------------------------------------------


def whole_object(properties: Schema, optional: Iterable[str] = ()) -> Schema:
    """An object with exactly these keys; those not in `optional` are always there."""
    left_out = frozenset(optional)
    return {
        "type": "object",
        "required": [key for key in properties if key not in left_out],
        "additionalProperties": False,
        "properties": properties,
    }


def nullable(schema: Schema) -> Schema:
    """`null` counts as absent."""
    return {"anyOf": [schema, {"type": "null"}]}


def described(schema: Schema, description: str) -> Schema:
    return schema | {"description": description}


# --- parameters and bodies --------------------------------------------------------------------------------------------


def path_parameter(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


def query_parameter(name: str, schema: Schema, description: str, *, is_required: bool = False) -> Schema:
    return {"name": name, "in": "query", "required": is_required, "schema": schema, "description": description}


def idempotency_parameter() -> Schema:
    return {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
        "description": "A repeat with the same key and body gets the first answer; kept 24 hours.",
    }


def json_body(schema: Schema, examples: Mapping[str, Any] | None = None) -> Schema:
    content: Schema = {"schema": schema}
    if examples:
        content["examples"] = {name: {"value": value} for name, value in examples.items()}
    return {"required": True, "content": {"application/json": content}}


# --- answers ----------------------------------------------------------------------------------------------------------


def success(description: str, schema: Schema, *headers: str) -> Schema:
    content = {"application/json": {"schema": schema}}
    return {"200": {"description": description, "headers": named_headers(*EVERYWHERE, *headers), "content": content}}


def with_errors(answers: Schema, schema: Schema, statuses: Iterable[int]) -> Schema:
    """The answers of an operation, and an error for each of the statuses."""
    return answers | {str(status): _error(status, schema) for status in sorted(set(statuses))}


def _error(status: int, schema: Schema) -> Schema:
    return {
        "description": "An error; its code and message tell which.",
        "headers": named_headers(*EVERYWHERE, *(("Retry-After",) if status in _WAITING else ())),
        "content": {"application/json": {"schema": schema}},
    }


def named_headers(*names: str) -> Schema:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _headers(request_id: Schema) -> Schema:
    whole = {"type": "integer", "minimum": 0}
    text = {"type": "string"}
    named: Mapping[str, tuple[str, Schema]] = {
        "X-Request-Id": ("Id of this request.", request_id),
        "RateLimit-Limit": ("Requests allowed in a window of 60 s.", whole),
        "RateLimit-Remaining": ("Requests left in this window.", whole),
        "RateLimit-Reset": ("Seconds until the window ends.", whole),
        "Retry-After": ("Seconds after which another try makes sense.", {"type": "integer", "minimum": 1}),
        "Idempotent-Replayed": ("The answer of an earlier request.", {"const": "true"}),
        "X-Reelway-Ignored": ("Fields that were accepted and have no effect.", text),
        "X-Reelway-State": ("The task's exact state.", {"enum": [state.value for state in State]}),
        "X-Reelway-Failure": (
            "Why the task ended without a result.",
            {"enum": [code.value for code in FailureCode]},
        ),
        "X-Reelway-Progress": ("Percent.", {"type": "integer", "minimum": 0, "maximum": 100}),
        "openai-poll-after-ms": ("When to look again.", {"type": "integer", "minimum": 1}),
        "x-should-retry": ("Whether an SDK should repeat the request by itself.", {"enum": ["true", "false"]}),
    }
    return {name: {"description": description, "schema": schema} for name, (description, schema) in named.items()}
