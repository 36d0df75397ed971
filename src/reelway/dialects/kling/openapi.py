"""The OpenAPI 3.1 document of the Kling dialect, made from the cards and from the tables that the code uses."""

from typing import Any, Final

from reelway.dialects.kling.openapi_schemas import answer_schemas, create_schema
from reelway.dialects.openapi import (
    EVERYWHERE,
    OF_TASK,
    REF,
    UUID_REQUEST_ID,
    Schema,
    document,
    idempotency_parameter,
    json_body,
    named_headers,
    path_parameter,
    query_parameter,
    success,
    with_errors,
)
from reelway.domain.catalog import Card, Catalog
from reelway.domain.generation import Product
from reelway.wire import kling

_VIDEOS: Final = "/kling/v1/videos"
_ALWAYS: Final = (400, 401, 403, 404, 429, 500, 503)
_ERROR: Final = {"$ref": REF + "Error"}
_TITLES: Final = {Product.TEXT_TO_VIDEO: "from a text", Product.IMAGE_TO_VIDEO: "from images"}
_BIG_INTEGER_MAX: Final = 10**18 - 1


def make_spec(catalog: Catalog) -> bytes:
    """The document as JSON text."""
    cards = [card for card in catalog if card.names.kling]
    paths: Schema = {}
    schemas: Schema = answer_schemas()
    for name, product in kling.PRODUCTS.items():
        schemas[f"Create-{name}"] = create_schema(cards, product)
        paths[f"{_VIDEOS}/{name}"] = {"post": _create(name, product, cards), "get": _list(name, product)}
        paths[f"{_VIDEOS}/{name}/{{task_id}}"] = {"get": _read(name, product)}
    paths["/kling/account/costs"] = {"get": _costs()}
    return document("Kling API", paths, schemas, UUID_REQUEST_ID)


def _create(name: str, product: Product, cards: list[Card]) -> Schema:
    headers = ("Idempotent-Replayed", "X-Reelway-Ignored")
    body: dict[str, Any] = {"model_name": cards[0].names.kling, "prompt": cards[0].example_prompt.en}
    if product is Product.IMAGE_TO_VIDEO:
        body["image"] = "https://cdn.example.com/reference-image.png"
    return {
        "operationId": f"create-{name}",
        "summary": f"Create a video {_TITLES[product]}",
        "parameters": [idempotency_parameter()],
        "requestBody": json_body({"$ref": f"{REF}Create-{name}"}, {"smallest": body}),
        "responses": with_errors(
            success("Accepted; credits are held.", {"$ref": REF + "Created"}, *headers), _ERROR, (*_ALWAYS, 413)
        ),
    }


def _read(name: str, product: Product) -> Schema:
    task_id = path_parameter(
        "task_id", {"type": "string", "minLength": 1}, "The task's id, or the external_task_id that it was given."
    )
    return {
        "operationId": f"read-{name}",
        "summary": f"State and result of a video {_TITLES[product]}",
        "parameters": [task_id],
        "responses": with_errors(
            success("The task as it is.", {"$ref": REF + "TaskAnswer"}, *OF_TASK), _ERROR, _ALWAYS
        ),
    }


def _list(name: str, product: Product) -> Schema:
    number = {"type": "integer", "minimum": 1, "maximum": kling.PAGE_NUMBER_MAX, "default": 1}
    size = {"type": "integer", "minimum": 1, "maximum": kling.PAGE_SIZE_MAX, "default": kling.PAGE_SIZE_DEFAULT}
    return {
        "operationId": f"list-{name}",
        "summary": f"Videos {_TITLES[product]}, newest first",
        "parameters": [
            query_parameter("pageNum", number, "Which page."),
            query_parameter("pageSize", size, "Tasks on a page."),
        ],
        "responses": with_errors(success("A page.", {"$ref": REF + "ListAnswer"}), _ERROR, _ALWAYS),
    }


def _costs() -> Schema:
    time_ms = {"type": "integer", "minimum": 0, "maximum": _BIG_INTEGER_MAX}
    return {
        "operationId": "costs",
        "summary": "The account's credits as a resource pack; at most once a second",
        "parameters": [
            query_parameter("start_time", time_ms, "Unix milliseconds.", is_required=True),
            query_parameter("end_time", time_ms, "Unix milliseconds, not before start_time.", is_required=True),
            query_parameter("resource_pack_name", {"type": "string"}, "Only the pack of this name."),
        ],
        "responses": with_errors(
            {
                "200": {
                    "description": "The packs.",
                    "headers": named_headers(*EVERYWHERE),
                    "content": {"application/json": {"schema": {"$ref": REF + "CostsAnswer"}}},
                }
            },
            _ERROR,
            _ALWAYS,
        ),
    }
