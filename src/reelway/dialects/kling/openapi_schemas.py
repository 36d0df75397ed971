"""Schemas of the Kling dialect's requests and answers. Source: contract, sections 5 and 7 to 13.

A request's schema is never stricter than the reader: a field without effect may hold anything, `""` counts as absent.
"""

from collections.abc import Sequence
from typing import Any, Final

from reelway.dialects.kling.fields import NAME_LENGTH_MAX
from reelway.dialects.openapi import TASK_ID, UUID_REQUEST_ID, Schema, described, nullable, whole_object
from reelway.domain.catalog import Card
from reelway.domain.generation import CameraMove, Product
from reelway.wire import kling
from reelway.wire.kling import Code

_EMPTY: Final[Schema] = {"const": ""}
_TEXT: Final[Schema] = {"type": "string"}


def create_schema(cards: Sequence[Card], product: Product) -> Schema:
    """The body of a create."""
    fields = _text_fields(cards)
    if product is Product.IMAGE_TO_VIDEO:
        fields |= _image_fields()
    else:
        fields |= {name: {"type": "null"} for name in kling.IMAGE_FIELDS}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": fields,
        "anyOf": [{"required": ["model_name"]}, {"required": ["model"]}],
        "if": {
            "required": ["multi_shot", "shot_type"],
            "properties": {"multi_shot": {"enum": [True, "true"]}, "shot_type": {"const": "customize"}},
        },
        "then": {"required": ["multi_prompt"], "properties": {"multi_prompt": _shots()}},
    }


def _text_fields(cards: Sequence[Card]) -> Schema:
    names = [card.names.kling for card in cards]
    seconds = range(kling.DURATION_S_MIN, kling.DURATION_S_MAX + 1)
    url = {"type": "string", "format": "uri", "maxLength": 2048}
    return {
        "model_name": described(nullable(_TEXT | {"examples": names}), f"One of {', '.join(filter(None, names))}."),
        "model": {"description": "Another name of model_name; it counts only where that is absent."},
        "multi_shot": nullable({"enum": [True, False, "true", "false"]}),
        "shot_type": {"description": f"With multi_shot: {' or '.join(kling.SHOT_TYPES)}."},
        "prompt": nullable({"type": "string", "maxLength": kling.PROMPT_LENGTH_MAX}),
        "multi_prompt": {"description": "With shot_type customize: the shots."},
        "negative_prompt": nullable({"type": "string", "maxLength": kling.PROMPT_LENGTH_MAX}),
        "sound": _choice(kling.SOUNDS),
        "voice_list": _names("voice_id", kling.VOICES_MAX),
        "cfg_scale": nullable({"type": "number", "minimum": 0, "maximum": 1}),
        "mode": _choice(kling.MODES),
        "camera_control": nullable(_camera()),
        "aspect_ratio": _choice(kling.ASPECT_RATIOS),
        "duration": {"enum": [*seconds, *(str(second) for second in seconds), "", None]},
        "watermark_info": nullable(_open_object({"enabled": nullable({"type": "boolean"})})),
        "callback_url": nullable({"anyOf": [url, _EMPTY]}),
        "external_task_id": nullable({"type": "string", "maxLength": kling.EXTERNAL_ID_LENGTH_MAX}),
    }


def _image_fields() -> Schema:
    image = described(nullable(_TEXT), "A public https URL, a file URL of this gateway, or raw base64.")
    point = whole_object({"x": {"type": "integer"}, "y": {"type": "integer"}})
    path = {
        "type": "array",
        "minItems": kling.TRAJECTORY_POINTS_MIN,
        "maxItems": kling.TRAJECTORY_POINTS_MAX,
        "items": point,
    }
    brush = whole_object({"mask": {"type": "string", "minLength": 1}, "trajectories": path})
    return {
        "image": image,
        "image_tail": image,
        "element_list": _names("element_id", kling.ELEMENTS_MAX),
        "static_mask": image,
        "dynamic_masks": nullable(
            {"type": "array", "minItems": 1, "maxItems": kling.DYNAMIC_MASKS_MAX, "items": brush}
        ),
    }


def _choice(values: Sequence[str]) -> Schema:
    return {"enum": [*values, "", None]}


def _open_object(properties: Schema) -> Schema:
    """An object that may have these keys and no others."""
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _names(key: str, items_max: int) -> Schema:
    name = {"anyOf": [{"type": "string", "minLength": 1, "maxLength": NAME_LENGTH_MAX}, {"type": "number"}]}
    return nullable({"type": "array", "maxItems": items_max, "items": whole_object({key: name})})


def _camera() -> Schema:
    limit = kling.CAMERA_VALUE_MAX
    axis = nullable({"type": "number", "minimum": -limit, "maximum": limit})
    config = _open_object(dict.fromkeys(kling.CAMERA_AXES, axis))
    named = [move for move in kling.CAMERA_MOVES if move != CameraMove.SIMPLE]
    return {
        "anyOf": [
            whole_object({"type": {"const": CameraMove.SIMPLE.value}, "config": config}),
            whole_object({"type": {"enum": named}, "config": {"type": "null"}}, ["config"]),
        ]
    }


def _shots() -> Schema:
    seconds = range(1, kling.DURATION_S_MAX + 1)
    shot = whole_object(
        {
            "index": {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+$"}]},
            "prompt": {"type": "string", "minLength": 1, "maxLength": kling.SHOT_PROMPT_LENGTH_MAX},
            "duration": {"enum": [*seconds, *(str(second) for second in seconds)]},
        }
    )
    return {"type": "array", "minItems": 1, "maxItems": kling.SHOTS_MAX, "items": shot}


# --- answers ----------------------------------------------------------------------------------------------------------


def _enveloped(data: Schema) -> Schema:
    return whole_object(
        {
            "code": {"const": int(Code.SUCCEED)},
            "message": {"const": kling.MESSAGES[Code.SUCCEED]},
            "request_id": UUID_REQUEST_ID,
            "data": data,
        }
    )


def answer_schemas() -> Schema:
    """Every answer: contract 5.1, 10, 11.3 and 13."""
    error = {
        "code": {"enum": [int(code) for code in kling.STATUSES if code is not Code.SUCCEED]},
        "message": _TEXT,
        "request_id": UUID_REQUEST_ID,
    }
    pack = whole_object(
        {
            "resource_pack_name": _TEXT,
            "resource_pack_id": _TEXT,
            "resource_pack_type": _TEXT,
            "total_quantity": {"type": "number"},
            "remaining_quantity": {"type": "number"},
            "purchase_time": _TIME_MS,
            "effective_time": _TIME_MS,
            "invalid_time": _TIME_MS,
            "status": {"enum": ["online", "runOut"]},
        }
    )
    packs = {"type": "array", "items": pack}
    costs = whole_object(
        {"code": {"const": 0}, "msg": _TEXT, "resource_pack_subscribe_infos": packs}, ["resource_pack_subscribe_infos"]
    )
    task = _task()
    return {
        "Created": _enveloped(_created()),
        "TaskAnswer": _enveloped(task),
        "ListAnswer": _enveloped({"type": "array", "items": task}),
        "CostsAnswer": _enveloped(costs),
        "Error": whole_object(error),
    }


_TIME_MS: Final[Schema] = {"type": "integer", "minimum": 0}
_INFO: Final[Schema] = whole_object({"external_task_id": _TEXT}, ["external_task_id"])
_STATUS: Final[Schema] = {"enum": list(kling.TASK_STATUSES.values())}


def _created() -> Schema:
    return whole_object(
        {
            "task_id": TASK_ID,
            "task_status": _STATUS,
            "task_info": _INFO,
            "created_at": _TIME_MS,
            "updated_at": _TIME_MS,
        }
    )


def _task() -> Schema:
    url = {"type": "string", "format": "uri"}
    video = whole_object({"id": _TEXT, "url": url, "watermark_url": url, "duration": _TEXT}, ["watermark_url"])
    fields: dict[str, Any] = {
        "task_id": TASK_ID,
        "task_status": _STATUS,
        "task_status_msg": _TEXT,
        "task_info": _INFO,
        "task_result": whole_object({"videos": {"type": "array", "items": video, "minItems": 1}}),
        "watermark_info": whole_object({"enabled": {"type": "boolean"}}),
        "final_unit_deduction": _TEXT,
        "created_at": _TIME_MS,
        "updated_at": _TIME_MS,
    }
    return whole_object(fields, ["task_result", "final_unit_deduction"])
