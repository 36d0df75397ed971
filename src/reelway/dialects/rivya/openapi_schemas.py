"""Schemas of the Rivya dialect's requests and answers, made from the cards and from the tables that the code uses."""

from typing import Any, Final

from reelway.dialects.rivya import parse
from reelway.domain.catalog import REFERENCES_KEY, Card, Catalog, Control, Param, ParamType
from reelway.domain.media import MediaKind
from reelway.domain.task import FailureCode, PublicStatus, State
from reelway.wire.rivya import STATUSES

Schema = dict[str, Any]
REF: Final = "#/components/schemas/"
_ULID: Final = "[0-9A-HJKMNP-TV-Z]{26}"
CURSOR_PATTERN: Final = f"^c1_{_ULID}$"
_TIME: Final = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}


def all_schemas(catalog: Catalog) -> Schema:
    """Every named schema of the document."""
    schemas = _task_schemas() | {"Animatic": _animatic_schema()} | _model_schemas() | _file_schemas() | _error_schemas()
    for card in catalog:
        schemas[_create_name(card)] = _create_schema(card)
    schemas["GenerationRequest"] = {
        "oneOf": [{"$ref": REF + _create_name(card)} for card in catalog],
        "discriminator": {
            "propertyName": "model",
            "mapping": {card.id: REF + _create_name(card) for card in catalog},
        },
    }
    return schemas


# --- requests ---------------------------------------------------------------------------------------------------------


def _create_name(card: Card) -> str:
    return "GenerationRequest-" + card.id


def _create_schema(card: Card) -> Schema:
    return {
        "type": "object",
        "required": ["model", "prompt"],
        "additionalProperties": False,
        "properties": {
            "model": {"const": card.id, "type": "string"},
            "prompt": {
                "type": "string",
                "minLength": 1,
                "maxLength": card.prompt_length_max,
                "pattern": r"[^\s\u001c-\u001f]",
                "examples": [card.example_prompt.en],
            },
            "params": _nullable(_params_schema(card)),
            "client_request_id": _nullable(request_id_schema()),
        },
    }


def request_id_schema() -> Schema:
    return {"type": "string", "minLength": 1, "maxLength": parse.REQUEST_ID_LENGTH_MAX, "pattern": r"^[^\u0000]*$"}


def _nullable(schema: Schema) -> Schema:
    """`null` counts as absent. Source: contract 7.1."""
    return {"anyOf": [schema, {"type": "null"}]}


def _params_schema(card: Card) -> Schema:
    properties = {param.key: _nullable(_param_schema(param)) for param in card.params}
    if card.references.files_max:
        properties[REFERENCES_KEY] = _nullable(
            {"type": "array", "maxItems": card.references.files_max, "items": _item_schema(card)}
        )
    return {"type": "object", "additionalProperties": False, "properties": properties} | _exclusions(card)


def _exclusions(card: Card) -> Schema:
    """What no two parameters of the card may say together: several shots and a last frame."""
    multi_shots = card.control(Control.MULTI_SHOTS)
    if multi_shots is None or not card.references.takes_tail_frame:
        return {}
    together = {
        multi_shots.key: {"enum": ["true", True]},
        REFERENCES_KEY: {"type": "array", "minItems": 2},
    }
    return {"not": {"required": list(together), "properties": together}}


def _param_schema(param: Param) -> Schema:
    match param.type:
        case ParamType.SELECT:
            values: list[Any] = list(param.options)
            values += [int(option) for option in param.options if option.isdecimal()]
            values += [option == "true" for option in param.options if option in ("true", "false")]
            return {"enum": values, "default": param.default, "description": param.description.en}
        case ParamType.NUMBER:
            limits = {"minimum": param.min, "maximum": param.max}
            return {"type": "number", "default": param.default, "description": param.description.en} | limits
        case ParamType.TEXT:
            return {"type": "string", "maxLength": param.length_max, "description": param.description.en}


def _item_schema(card: Card) -> Schema:
    mime_types = [mime_type for upload in card.references.uploads for mime_type in upload.mime_types]
    return {
        "type": "object",
        "required": ["url", "kind"],
        "additionalProperties": False,
        "properties": {
            "url": {
                "type": "string",
                "format": "uri",
                "maxLength": 2048,
                "description": "A file URL of this gateway, or a public https URL.",
                "examples": ["https://cdn.example.com/reference-image.png"],
            },
            "kind": {"type": "string", "enum": [kind.value for kind in card.references.kinds]},
            "name": _nullable({"type": "string", "minLength": 1, "maxLength": 255}),
            "mimeType": _nullable({"type": "string", "enum": mime_types}),
            "durationSeconds": _nullable({"type": "number", "minimum": 0}),
            "durationToken": _nullable({}),
        },
    }


# --- answers ----------------------------------------------------------------------------------------------------------


def _object(properties: Schema) -> Schema:
    """An object with exactly these keys, all of them always present."""
    return {
        "type": "object",
        "required": list(properties),
        "additionalProperties": False,
        "properties": properties,
    }


def _task_schemas() -> Schema:
    url = {"type": "string", "format": "uri"}
    generation = _object(
        {
            "id": {"type": "string", "pattern": f"^task_{_ULID}$"},
            "status": {"type": "string", "enum": [status.value for status in PublicStatus]},
            "model": {"type": "string"},
            "reserved_credits": {"type": "integer", "minimum": 0},
            "final_credits": {"type": "integer", "minimum": 0},
            "created_at": _TIME,
            "updated_at": _TIME,
            "result": _nullable(_object({"primary_url": url, "urls": {"type": "array", "items": url, "minItems": 1}})),
            "error": _nullable(_object({"code": {"const": "generation_failed"}, "message": {"type": "string"}})),
        }
    )
    return {
        "Generation": generation,
        "GenerationList": _object(
            {
                "object": {"const": "list"},
                "data": {"type": "array", "items": {"$ref": REF + "Generation"}},
                "has_more": {"type": "boolean"},
                "next_cursor": {"type": ["string", "null"]},
            }
        ),
        "Quote": _object(
            {
                "object": {"const": "generation_quote"},
                "valid": {"type": "boolean"},
                "model": {"type": ["string", "null"]},
                "mode": {"type": ["string", "null"]},
                "params": {"type": ["object", "null"]},
                "billing_type": {"type": ["string", "null"]},
                "reserved_credits": {"type": ["integer", "null"]},
                "current_credits": {"type": "integer"},
                "sufficient_credits": {"type": ["boolean", "null"]},
                "provider": _nullable(_object({"name": {"type": "string"}, "route": {"type": "string"}})),
                "estimate": _nullable(
                    _object(
                        {
                            "queue_seconds": {"type": "integer"},
                            "run_seconds": {"type": "integer"},
                            "p50_seconds": {"type": "integer"},
                            "p90_seconds": {"type": "integer"},
                        }
                    )
                ),
                "problems": {"type": "array", "items": {"$ref": REF + "Problem"}},
            }
        ),
        "Credits": _object({"current_credits": {"type": "integer"}}),
    }


def _animatic_schema() -> Schema:
    """What may come to have more keys: it is for people to look at, and follows the engine."""
    anything = {"type": "object"}
    shot = {
        "type": "object",
        "required": ["number", "prompt", "first_frame", "frames", "scene", "sound"],
        "properties": {
            "number": {"type": "integer", "minimum": 1},
            "prompt": {"type": "string"},
            "first_frame": {"type": "integer", "minimum": 0},
            "frames": {"type": "integer", "minimum": 1},
            "begins_with_image": {"type": "boolean"},
            "ends_with_image": {"type": "boolean"},
            "scene": anything,
            "sound": _nullable(anything),
        },
    }
    return {
        "type": "object",
        "required": ["object", "id", "version", "request", "film", "shots"],
        "properties": {
            "object": {"const": "animatic"},
            "id": {"type": "string"},
            "version": {"type": "integer", "minimum": 1},
            "request": anything,
            "film": anything,
            "shots": {"type": "array", "minItems": 1, "items": shot},
        },
    }


def _model_schemas() -> Schema:
    text, texts = {"type": "string"}, {"type": "array", "items": {"type": "string"}}
    param = _object(
        {
            "key": text,
            "type": {"enum": [kind.value for kind in ParamType]},
            "required": {"type": "boolean"},
            "default": {"type": ["string", "number", "null"]},
            "min": {"type": ["number", "null"]},
            "max": {"type": ["number", "null"]},
            "options": _nullable(texts),
            "description": text,
        }
    )
    kind = _object({"kind": text, "max_size_bytes": {"type": "integer"}, "mime_types": texts})
    reference_media = _object(
        {
            "max_files": {"type": "integer"},
            "accepted_kinds": texts,
            "rule": text,
            "kinds": {"type": "array", "items": kind},
            "duration_token_required": {"type": "boolean"},
        }
    )
    model = _object(
        {
            "id": text,
            "display_name": text,
            "category": text,
            "runtime": {"const": "async_task"},
            "base_credits": {"type": "integer"},
            "billing_type": text,
            "supported_modes": texts,
            "max_prompt_length": {"type": "integer"},
            "reference_media": reference_media,
            "params": {"type": "array", "items": param},
            "api_status": {"enum": ["available", "coming_soon", "studio_only"]},
            "api_input_status": {
                "enum": ["available_text", "available_url_input", "partial_requires_files", "requires_files_api"]
            },
            "supported_api_inputs": texts,
            "requires_files_api": {"type": "boolean"},
            "requires_upload_for_modes": texts,
            "url_input_supported": {"type": "boolean"},
            "file_kinds": texts,
            "chat_capabilities": {"type": "null"},
            "notices": texts,
        }
    )
    models = {"object": {"const": "list"}, "data": {"type": "array", "items": {"$ref": REF + "Model"}}}
    return {"Model": model, "ModelList": _object(models)}


def _file_schemas() -> Schema:
    pixels = {"type": ["integer", "null"]}
    return {
        "File": _object(
            {
                "id": {"type": "string", "pattern": f"^file_{_ULID}$"},
                "object": {"const": "file"},
                "kind": {"enum": [kind.value for kind in MediaKind]},
                "name": {"type": "string"},
                "mime_type": {"type": "string"},
                "size_bytes": {"type": "integer"},
                "width": pixels,
                "height": pixels,
                "duration_seconds": {"type": ["number", "null"]},
                "duration_token": {"type": ["string", "null"]},
                "url": {"type": "string", "format": "uri"},
                "created_at": _TIME,
                "expires_at": _TIME,
            }
        )
    }


def _error_schemas() -> Schema:
    problem = {
        "type": "object",
        "required": ["field", "message"],
        "additionalProperties": False,
        "properties": {
            "field": {"type": "string"},
            "message": {"type": "string"},
            "allowed": {"type": "array", "items": {"type": "string"}},
        },
    }
    error = {
        "type": "object",
        "required": ["code", "message", "requestId"],
        "additionalProperties": False,
        "properties": {
            "code": {"type": "string", "enum": list(STATUSES)},
            "message": {"type": "string"},
            "requestId": {"type": "string", "pattern": f"^req_{_ULID}$"},
            "details": {"type": "array", "items": {"$ref": REF + "Problem"}, "minItems": 1},
        },
    }
    return {"Problem": problem, "Error": _object({"error": error})}


def all_headers() -> Schema:
    def header(description: str, schema: Schema) -> Schema:
        return {"description": description, "schema": schema}

    whole = {"type": "integer", "minimum": 0}
    return {
        "X-Request-Id": header("Id of this request.", {"type": "string", "pattern": f"^req_{_ULID}$"}),
        "RateLimit-Limit": header("Requests allowed in a window of 60 s.", whole),
        "RateLimit-Remaining": header("Requests left in this window.", whole),
        "RateLimit-Reset": header("Seconds until the window ends.", whole),
        "Retry-After": header("Seconds after which another try makes sense.", {"type": "integer", "minimum": 1}),
        "Location": header("Path of the new object.", {"type": "string"}),
        "Idempotent-Replayed": header("The answer of an earlier request.", {"const": "true"}),
        "X-Reelway-State": header("The task's exact state.", {"enum": [state.value for state in State]}),
        "X-Reelway-Failure": header(
            "Why the task ended without a result.", {"enum": [code.value for code in FailureCode]}
        ),
        "X-Reelway-Progress": header("Percent.", {"type": "integer", "minimum": 0, "maximum": 100}),
    }
