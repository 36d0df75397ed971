"""The table of the Kling dialect's endpoints. Source: the contract's section 2."""

from typing import Final

from reelway.dialects.base import BodyForm, Dialect, Operation, RequestIds
from reelway.dialects.kling import create, images, parse, render
from reelway.dialects.kling.errors import render_error
from reelway.dialects.kling.openapi import make_spec
from reelway.domain.records import Scope
from reelway.wire import kling

PREFIX: Final = "/kling"
_VIDEOS: Final = f"{PREFIX}/v1/videos"
_MIB: Final = 1024 * 1024

CREATES: Final = (
    Operation(
        "create_text2video",
        "POST",
        f"{_VIDEOS}/text2video",
        Scope.GENERATIONS_CREATE,
        create.parse_text2video,
        render.render_create,
        body=BodyForm.JSON,
        takes_idempotency_key=True,
        body_bytes_max=_MIB,
    ),
    Operation(
        "create_image2video",
        "POST",
        f"{_VIDEOS}/image2video",
        Scope.GENERATIONS_CREATE,
        create.parse_image2video,
        render.render_create,
        body=BodyForm.JSON,
        takes_idempotency_key=True,
        body_bytes_max=64 * _MIB,
        attachments=images.attachments,
        urls=images.own_file_urls,
    ),
)
READS: Final = tuple(
    Operation(
        f"read_{name}",
        "GET",
        f"{_VIDEOS}/{name}/{{task_id}}",
        Scope.GENERATIONS_READ,
        parse.parse_read_of[product],
        render.render_task,
    )
    for name, product in kling.PRODUCTS.items()
)
LISTS: Final = tuple(
    Operation(
        f"list_{name}",
        "GET",
        f"{_VIDEOS}/{name}",
        Scope.GENERATIONS_READ,
        parse.parse_list_of[product],
        render.render_list,
    )
    for name, product in kling.PRODUCTS.items()
)
COSTS: Final = Operation(
    "costs",
    "GET",
    f"{PREFIX}/account/costs",
    Scope.CREDITS_READ,
    parse.parse_costs,
    render.render_costs,
    is_paced=True,
)

KLING: Final = Dialect(
    name=render.NAME,
    prefixes=(PREFIX,),
    operations=(*CREATES, *READS, *LISTS, COSTS),
    answer_to_create=render.kept_answer,
    render_error=render_error,
    render_callback=render.render_callback,
    make_spec=make_spec,
    request_ids=RequestIds.UUID,
    takes_tokens=True,
    takes_trailing_slash=True,
)
