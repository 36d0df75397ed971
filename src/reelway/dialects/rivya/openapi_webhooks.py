"""The part of the OpenAPI document that describes webhooks. Source: contract 11."""

from typing import Any, Final

from reelway.dialects.rivya.parse import LIST_LIMIT_DEFAULT, LIST_LIMIT_MAX
from reelway.dialects.rivya.render_webhooks import API_VERSION
from reelway.domain.events import EventType
from reelway.domain.webhooks import GRACE_HOURS_MAX, NAME_LENGTH_MAX, EndpointStatus, SendFault

Schema = dict[str, Any]
_ULID: Final = "[0-9A-HJKMNP-TV-Z]{26}"
_TYPE: Final = {"type": "string", "enum": [kind.value for kind in EventType]}
_STATUS: Final = {"type": "string", "enum": [status.value for status in EndpointStatus]}
_TIME: Final = {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$"}
_MAYBE_TIME: Final = {"anyOf": [_TIME, {"type": "null"}]}
_COUNT: Final = {"type": "integer", "minimum": 0}
ENDPOINT_PARAMETER: Final = "endpointId"
EVENT_PARAMETER: Final = "eventId"


def _id(prefix: str) -> Schema:
    return {"type": "string", "pattern": f"^{prefix}_{_ULID}$"}


def _nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(properties: Schema, *optional: str) -> Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "additionalProperties": False, "properties": properties}


# --- requests ---------------------------------------------------------------------------------------------------------


def _fields() -> Schema:
    return {
        "url": {
            "type": "string",
            "format": "uri",
            "maxLength": 2048,
            "description": "A public https URL.",
            "examples": ["https://hooks.example.com/reelway"],
        },
        "name": {"type": "string", "minLength": 1, "maxLength": NAME_LENGTH_MAX, "pattern": r"^[^\u0000]*$"},
        "event_types": {"type": "array", "minItems": 1, "uniqueItems": True, "items": _TYPE},
    }


def _request(properties: Schema, *required: str) -> Schema:
    """A body whose optional keys may be null, which counts as absent."""
    return {
        "type": "object",
        "required": list(required),
        "additionalProperties": False,
        "properties": {name: schema if name in required else _nullable(schema) for name, schema in properties.items()},
    }


def request_schemas() -> Schema:
    """The body of each operation that takes one, by its operationId."""
    hours = {"type": "integer", "minimum": 0, "maximum": GRACE_HOURS_MAX, "default": GRACE_HOURS_MAX}
    return {
        "createWebhook": _request(_fields(), "url"),
        "updateWebhook": _request(_fields() | {"status": _STATUS}),
        "rotateWebhookSecret": _request({"grace_hours": hours}),
        "testWebhook": _request({"event_type": _TYPE}),
        "replayWebhookEvent": _request({"endpoint_id": _id("whend")}),
    }


def query_parameters(operation_id: str) -> Schema:
    """Name, schema and description of an operation's query parameters."""
    limit = {"type": "integer", "minimum": 1, "maximum": LIST_LIMIT_MAX, "default": LIST_LIMIT_DEFAULT}
    page = {
        "limit": (limit, "Items on a page."),
        "cursor": ({"type": "string", "pattern": f"^c1_{_ULID}$"}, "next_cursor of the page before."),
    }
    match operation_id:
        case "listWebhookDeliveries":
            return page | {"event_id": (_id("evt"), "Only attempts to tell this event.")}
        case "listWebhookEvents":
            return page | {
                "type": (_TYPE, "Only events of this type."),
                "generation_id": (_id("task"), "Only events of this generation."),
            }
        case _:
            return {}


# --- answers ----------------------------------------------------------------------------------------------------------


def webhook_schemas(ref: str) -> Schema:
    """`ref` is where named schemas are referred to."""
    endpoint = _object(
        {
            "id": _id("whend"),
            "object": {"const": "webhook_endpoint"},
            "name": {"type": "string"},
            "url": {"type": "string", "format": "uri"},
            "event_types": {"type": "array", "items": _TYPE},
            "status": _STATUS,
            "secret_preview": {"type": "string"},
            "signing_secret": {"type": "string", "description": "Shown once, when it is made."},
            "last_success_at": _MAYBE_TIME,
            "last_failure_at": _MAYBE_TIME,
            "failure_count": _COUNT,
            "created_at": _TIME,
            "updated_at": _TIME,
            "disabled_at": _MAYBE_TIME,
            "revoked_at": _MAYBE_TIME,
        },
        "signing_secret",
    )
    delivery = _object(
        {
            "id": _id("whd"),
            "object": {"const": "webhook_delivery"},
            "endpoint_id": _id("whend"),
            "event_id": _id("evt"),
            "event_type": _TYPE,
            "attempt": {"type": "integer", "minimum": 1},
            "status": {"enum": ["succeeded", "failed"]},
            "status_code": {"type": ["integer", "null"]},
            "error": {"enum": [*(fault.value for fault in SendFault), None]},
            "duration_ms": _COUNT,
            "created_at": _TIME,
            "next_attempt_at": _MAYBE_TIME,
        }
    )
    event = _object(
        {
            "id": _id("evt"),
            "object": {"const": "webhook_event"},
            "type": _TYPE,
            "api_version": {"const": API_VERSION},
            "created_at": _TIME,
            "generation_id": _id("task"),
            "attempts": _COUNT,
            "delivered": {"type": "boolean"},
        }
    )
    endpoints = {"object": {"const": "list"}, "data": {"type": "array", "items": {"$ref": ref + "Webhook"}}}
    return {
        "Webhook": endpoint,
        "WebhookDelivery": delivery,
        "WebhookEvent": event,
        "WebhookList": _object(endpoints),
        "WebhookDeliveryList": _page(ref + "WebhookDelivery"),
        "WebhookEventList": _page(ref + "WebhookEvent"),
    }


def _page(item: str) -> Schema:
    return _object(
        {
            "object": {"const": "list"},
            "data": {"type": "array", "items": {"$ref": item}},
            "has_more": {"type": "boolean"},
            "next_cursor": {"type": ["string", "null"]},
        }
    )
