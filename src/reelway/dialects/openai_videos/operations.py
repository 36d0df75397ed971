"""The table of the OpenAI Videos dialect's endpoints. Source: the contract's section 2."""

from typing import Final

from reelway.dialects.base import BodyForm, Dialect, Operation
from reelway.dialects.openai_videos import images, parse, render
from reelway.dialects.openai_videos.errors import render_error
from reelway.dialects.openai_videos.openapi import make_spec
from reelway.dialects.openai_videos.shown import NAME
from reelway.domain.records import Scope

_VIDEO: Final = f"{render.PATH}/{{video_id}}"
_BODY_BYTES_MAX: Final = 16 * 1024 * 1024
"""Of JSON and urlencoded bodies; a multipart body may be twice as large. Source: contract 4.2."""
_WEBHOOK_ENDPOINTS: Final = "/v1/webhook_endpoints"
_WEBHOOK_EVENT_TYPES: Final = "/v1/webhook_event_types"

OPERATIONS: Final = (
    Operation(
        "create",
        "POST",
        render.PATH,
        Scope.GENERATIONS_CREATE,
        parse.parse_create,
        render.render_create,
        body=BodyForm.ANY,
        takes_idempotency_key=True,
        body_bytes_max=_BODY_BYTES_MAX,
        attachments=images.attachments,
        file_ids=images.file_ids,
        urls=images.own_urls,
        file_bytes_max=images.file_bytes_max,
    ),
    Operation("list", "GET", render.PATH, Scope.GENERATIONS_READ, parse.parse_list, render.render_list),
    Operation(
        "read",
        "GET",
        _VIDEO,
        Scope.GENERATIONS_READ,
        parse.parse_read,
        render.render_read,
        check_path=parse.check_path,
    ),
    Operation(
        "delete",
        "DELETE",
        _VIDEO,
        Scope.GENERATIONS_CREATE,
        parse.parse_delete,
        render.render_deleted,
        check_path=parse.check_path,
    ),
    Operation(
        "content",
        "GET",
        f"{_VIDEO}/content",
        Scope.GENERATIONS_READ,
        parse.parse_content,
        render.render_content,
        check_path=parse.check_path,
    ),
    Operation(
        "remix",
        "POST",
        f"{_VIDEO}/remix",
        Scope.GENERATIONS_CREATE,
        parse.parse_remix,
        render.render_create,
        body=BodyForm.ANY,
        takes_idempotency_key=True,
        body_bytes_max=_BODY_BYTES_MAX,
        check_path=parse.check_path,
        file_bytes_max=images.file_bytes_max,
    ),
)

UNSUPPORTED_PATHS: Final = tuple(
    path
    for name in (
        f"{render.PATH}/edits",
        f"{render.PATH}/extensions",
        f"{render.PATH}/characters",
        f"{render.PATH}/characters/{{rest:path}}",
        _WEBHOOK_ENDPOINTS,
        f"{_WEBHOOK_ENDPOINTS}/{{rest:path}}",
        _WEBHOOK_EVENT_TYPES,
    )
    for path in ((name,) if name.endswith("}") else (name, f"{name}/"))
)
"""What the SDKs call and we do not serve. Source: contract sections 2 and 13."""

OPENAI_VIDEOS: Final = Dialect(
    name=NAME,
    prefixes=(render.PATH, _WEBHOOK_ENDPOINTS, _WEBHOOK_EVENT_TYPES),
    operations=OPERATIONS,
    answer_to_create=render.kept_answer,
    render_error=render_error,
    make_spec=make_spec,
    takes_trailing_slash=True,
    unsupported_paths=UNSUPPORTED_PATHS,
)
