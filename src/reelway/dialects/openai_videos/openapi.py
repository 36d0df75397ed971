"""The OpenAPI 3.1 document of the OpenAI Videos dialect, made from the cards and from the tables that the code uses."""

from typing import Any, Final

from reelway.dialects.openai_videos.fields import IMAGE_FIELDS
from reelway.dialects.openai_videos.images import MIME_TYPES
from reelway.dialects.openai_videos.models import DEFAULT_NAME, durations
from reelway.dialects.openai_videos.parse import LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX, USER_LENGTH_MAX
from reelway.dialects.openai_videos.render import PATH, STATUSES
from reelway.dialects.openapi import (
    EVERYWHERE,
    OF_TASK,
    REF,
    TASK_ID,
    ULID_REQUEST_ID,
    Schema,
    described,
    document,
    idempotency_parameter,
    named_headers,
    nullable,
    path_parameter,
    query_parameter,
    success,
    whole_object,
    with_errors,
)
from reelway.domain.catalog import Catalog, Control
from reelway.domain.intents import Variant
from reelway.wire.openai_videos import CODES, FAILURES, POLL_HEADER, SIZES

_ALWAYS: Final = (400, 401, 403, 404, 429, 500, 503)
_ERROR: Final = {"$ref": REF + "Error"}
_VIDEO: Final = {"$ref": REF + "Video"}
_NOT_BLANK: Final = r"[^\s\u001c-\u001f]"
_CONTENT_TYPES: Final = ("video/mp4", "image/webp", "image/jpeg")


def make_spec(catalog: Catalog) -> bytes:
    """The document as JSON text."""
    paths: Schema = {
        PATH: {"post": _create(catalog), "get": _list()},
        f"{PATH}/{{video_id}}": {"get": _read(), "delete": _delete()},
        f"{PATH}/{{video_id}}/content": {"get": _content()},
        f"{PATH}/{{video_id}}/remix": {"post": _remix(catalog)},
    }
    schemas = _answer_schemas() | {
        "CreateVideo": _create_schema(catalog, is_form=False),
        "CreateVideoForm": _create_schema(catalog, is_form=True),
        "RemixVideo": _remix_schema(catalog),
    }
    return document("OpenAI Videos API", paths, schemas, ULID_REQUEST_ID)


def _video_id() -> Schema:
    return path_parameter("video_id", TASK_ID, "The id that the create answered.")


def _body(catalog: Catalog, schema: str, form_schema: str) -> Schema:
    example = {"model": next(card.id for card in catalog), "prompt": next(card.example_prompt.en for card in catalog)}
    smallest = {"smallest": {"value": example}} if schema == "CreateVideo" else {}
    content: Schema = {"application/json": {"schema": {"$ref": REF + schema}}}
    if smallest:
        content["application/json"]["examples"] = smallest
    content["multipart/form-data"] = {"schema": {"$ref": REF + form_schema}}
    return {"required": True, "content": content}


def _create(catalog: Catalog) -> Schema:
    return {
        "operationId": "createVideo",
        "summary": "Create a video",
        "parameters": [idempotency_parameter()],
        "requestBody": _body(catalog, "CreateVideo", "CreateVideoForm"),
        "responses": with_errors(
            success("Accepted; credits are held.", _VIDEO, *OF_TASK, "Idempotent-Replayed", "X-Reelway-Ignored"),
            _ERROR,
            (*_ALWAYS, 409, 413),
        ),
    }


def _remix(catalog: Catalog) -> Schema:
    return {
        "operationId": "remixVideo",
        "summary": "Make a video like another one, by a new prompt",
        "parameters": [_video_id(), idempotency_parameter()],
        "requestBody": _body(catalog, "RemixVideo", "RemixVideo"),
        "responses": with_errors(
            success("Accepted; credits are held.", _VIDEO, *OF_TASK, "Idempotent-Replayed"),
            _ERROR,
            (*_ALWAYS, 409, 410, 413),
        ),
    }


def _list() -> Schema:
    limit = {"type": "integer", "minimum": 1, "maximum": LIST_LIMIT_MAX, "default": LIST_LIMIT_DEFAULT}
    return {
        "operationId": "listVideos",
        "summary": "Your videos",
        "parameters": [
            query_parameter("limit", limit, "Videos on a page."),
            query_parameter("order", {"enum": ["asc", "desc"], "default": "desc"}, "By time of creation."),
            query_parameter("after", TASK_ID, "The last id of the page before."),
        ],
        "responses": with_errors(success("A page.", {"$ref": REF + "VideoList"}), _ERROR, _ALWAYS),
    }


def _read() -> Schema:
    return {
        "operationId": "readVideo",
        "summary": "State of a video",
        "parameters": [_video_id()],
        "responses": with_errors(success("The video.", _VIDEO, *OF_TASK, POLL_HEADER), _ERROR, _ALWAYS),
    }


def _delete() -> Schema:
    return {
        "operationId": "deleteVideo",
        "summary": "Delete a video, or stop one that waits",
        "parameters": [_video_id()],
        "responses": with_errors(success("Deleted.", {"$ref": REF + "Deleted"}), _ERROR, (*_ALWAYS, 409)),
    }


def _content() -> Schema:
    variant = {"enum": [known.value for known in Variant], "default": Variant.VIDEO.value}
    data = {kind: {"schema": {"type": "string", "contentMediaType": kind}} for kind in _CONTENT_TYPES}
    found = {"description": "The bytes.", "headers": named_headers(*EVERYWHERE), "content": data}
    return {
        "operationId": "readVideoContent",
        "summary": "The MP4, or a picture of it; takes range requests",
        "parameters": [_video_id(), query_parameter("variant", variant, "What is sent.")],
        "responses": with_errors({"200": found, "206": found}, _ERROR, (*_ALWAYS, 410)),
    }


# --- requests: contract 7.1 -------------------------------------------------------------------------------------------


def _prompt(catalog: Catalog) -> Schema:
    longest = max(card.prompt_length_max for card in catalog)
    limits = ", ".join(f"{card.id} {card.prompt_length_max}" for card in catalog)
    schema = {"type": "string", "minLength": 1, "maxLength": longest, "pattern": _NOT_BLANK}
    return described(schema, f"Most characters, by model: {limits}.")


def _create_schema(catalog: Catalog, *, is_form: bool) -> Schema:
    """In a form every value is a text, and an image is a file part."""
    seconds = sorted({int(option) for card in catalog for option in durations(card)})
    negative = [card.control(Control.NEGATIVE_PROMPT) for card in catalog]
    length_max = max((param.length_max or 0 for param in negative if param is not None), default=0)
    names = [card.id for card in catalog]
    flag: Schema = {"enum": ["true", "false"]} if is_form else {"type": "boolean"}
    values: list[Any] = [str(second) for second in seconds] + ([] if is_form else list(seconds))
    image = _file() if is_form else _image()
    fields: Schema = {
        "model": {"type": "string", "examples": names, "description": f"Default {DEFAULT_NAME}."},
        "seconds": {"enum": values},
        "size": {"enum": list(SIZES)},
        **dict.fromkeys(IMAGE_FIELDS, image),
        "negative_prompt": {"type": "string", "maxLength": length_max},
        "cfg_scale": {"type": "number", "minimum": 0, "maximum": 1},
        "sound": flag,
        "multi_shots": flag,
        "user": {"type": "string", "maxLength": USER_LENGTH_MAX},
    }
    if not is_form:
        fields = {name: nullable(schema) for name, schema in fields.items()}
    schema = whole_object({"prompt": _prompt(catalog)} | fields, fields)
    if is_form:
        return schema
    frame = {"required": ["last_frame"], "properties": {"last_frame": {"type": "object"}}}
    both = {"required": ["input_reference"], "properties": {"input_reference": {"type": "object"}}}
    return schema | {"if": frame, "then": both}


def _remix_schema(catalog: Catalog) -> Schema:
    return whole_object({"prompt": _prompt(catalog)})


def _image() -> Schema:
    """Exactly one of the two keys; what is null counts as absent."""
    url = described({"type": "string"}, "A public https URL, a file URL of this gateway, or a data: URL.")
    file_id = described({"type": "string"}, "The id of an uploaded file.")
    nothing = {"type": "null"}
    return {
        "type": "object",
        "additionalProperties": nothing,
        "oneOf": [
            {"required": ["image_url"], "properties": {"image_url": url, "file_id": nothing}},
            {"required": ["file_id"], "properties": {"file_id": file_id, "image_url": nothing}},
        ],
        "properties": {"image_url": nullable(url), "file_id": nullable(file_id)},
    }


def _file() -> Schema:
    return {
        "type": "string",
        "contentMediaType": "application/octet-stream",
        "description": f"A file: {', '.join(MIME_TYPES)}.",
    }


# --- answers: contract 5.1 and 8 to 12 --------------------------------------------------------------------------------


def _answer_schemas() -> Schema:
    time_s = {"type": ["integer", "null"]}
    failure = whole_object(
        {"code": {"enum": sorted({code for code, _ in FAILURES.values()})}, "message": {"type": "string"}}
    )
    video = {
        "id": TASK_ID,
        "object": {"const": "video"},
        "model": {"type": "string"},
        "status": {"enum": sorted(set(STATUSES.values()))},
        "progress": {"type": "integer", "minimum": 0, "maximum": 100},
        "created_at": {"type": "integer"},
        "completed_at": time_s,
        "expires_at": time_s,
        "prompt": {"type": ["string", "null"]},
        "seconds": {"type": "string"},
        "size": {"type": "string", "pattern": r"^\d+x\d+$"},
        "remixed_from_video_id": nullable(TASK_ID),
        "error": nullable(failure),
    }
    page = {
        "object": {"const": "list"},
        "data": {"type": "array", "items": _VIDEO},
        "first_id": nullable(TASK_ID),
        "last_id": nullable(TASK_ID),
        "has_more": {"type": "boolean"},
    }
    error = {
        "message": {"type": "string"},
        "type": {"enum": sorted({kind for _, kind in CODES.values()})},
        "param": {"type": ["string", "null"]},
        "code": {"enum": list(CODES)},
    }
    deleted = {"id": TASK_ID, "object": {"const": "video.deleted"}, "deleted": {"const": True}}
    return {
        "Video": whole_object(video),
        "VideoList": whole_object(page),
        "Deleted": whole_object(deleted),
        "Error": whole_object({"error": whole_object(error)}),
    }
