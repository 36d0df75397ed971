"""The table of the Rivya dialect's endpoints. Source: the contract's section 2."""

from typing import Final

from reelway.dialects.base import BodyForm, Dialect, Operation
from reelway.dialects.rivya import parse, parse_webhooks, render, render_webhooks
from reelway.dialects.rivya.errors import render_error
from reelway.dialects.rivya.openapi import make_spec
from reelway.domain.records import Scope

_TASK: Final = f"{render.PATH}/generations/{{task_id}}"

OPERATIONS: Final = (
    Operation(
        "quote",
        "POST",
        f"{render.PATH}/generations/quote",
        Scope.GENERATIONS_CREATE,
        parse.parse_quote,
        render.render_quote,
        body=BodyForm.JSON,
        urls=parse.own_file_urls,
    ),
    Operation("read", "GET", _TASK, Scope.GENERATIONS_READ, parse.parse_read, render.render_task),
    Operation(
        "create",
        "POST",
        f"{render.PATH}/generations",
        Scope.GENERATIONS_CREATE,
        parse.parse_create,
        render.render_create,
        body=BodyForm.JSON,
        takes_idempotency_key=True,
        urls=parse.own_file_urls,
    ),
    Operation(
        "list", "GET", f"{render.PATH}/generations", Scope.GENERATIONS_READ, parse.parse_list, render.render_list
    ),
    Operation("cancel", "POST", f"{_TASK}/cancel", Scope.GENERATIONS_CREATE, parse.parse_cancel, render.render_task),
    Operation("watch", "GET", f"{_TASK}/events", Scope.GENERATIONS_READ, parse.parse_watch, render.render_task),
    Operation(
        "animatic",
        "GET",
        f"{_TASK}/animatic",
        Scope.GENERATIONS_READ,
        parse.parse_animatic,
        render.render_animatic,
    ),
    Operation(
        "upload",
        "POST",
        f"{render.PATH}/files",
        Scope.FILES_CREATE,
        parse.parse_upload,
        render.render_file,
        body=BodyForm.MULTIPART,
        file_bytes_max=parse.upload_bytes_max,
    ),
    Operation(
        "read_file", "GET", f"{render.PATH}/files/{{file_id}}", Scope.FILES_READ, parse.parse_file, render.render_file
    ),
    Operation(
        "credits", "GET", f"{render.PATH}/credits", Scope.CREDITS_READ, parse.parse_credits, render.render_credits
    ),
    Operation("models", "GET", f"{render.PATH}/models", None, parse.parse_models, render.render_models),
    Operation("contract", "GET", f"{render.PATH}/openapi.json", None, parse.parse_contract, render.render_contract),
)

_HOOKS: Final = f"{render.PATH}/webhooks"
_HOOK: Final = f"{_HOOKS}/{{endpoint_id}}"
_EVENTS: Final = f"{render.PATH}/webhook-events"
_MANAGE: Final = Scope.WEBHOOKS_MANAGE

WEBHOOK_OPERATIONS: Final = (
    Operation(
        "list_webhooks", "GET", _HOOKS, _MANAGE, parse_webhooks.parse_endpoints, render_webhooks.render_endpoints
    ),
    Operation(
        "create_webhook",
        "POST",
        _HOOKS,
        _MANAGE,
        parse_webhooks.parse_create,
        render_webhooks.render_endpoint,
        body=BodyForm.JSON,
    ),
    Operation("read_webhook", "GET", _HOOK, _MANAGE, parse_webhooks.parse_read, render_webhooks.render_endpoint),
    Operation(
        "update_webhook",
        "PATCH",
        _HOOK,
        _MANAGE,
        parse_webhooks.parse_update,
        render_webhooks.render_endpoint,
        body=BodyForm.JSON,
    ),
    Operation("delete_webhook", "DELETE", _HOOK, _MANAGE, parse_webhooks.parse_delete, render_webhooks.render_gone),
    Operation(
        "rotate_webhook",
        "POST",
        f"{_HOOK}/rotate-secret",
        _MANAGE,
        parse_webhooks.parse_rotate,
        render_webhooks.render_endpoint,
        body=BodyForm.JSON_IF_ANY,
    ),
    Operation(
        "test_webhook",
        "POST",
        f"{_HOOK}/test",
        _MANAGE,
        parse_webhooks.parse_test,
        render_webhooks.render_delivery,
        body=BodyForm.JSON_IF_ANY,
    ),
    Operation(
        "list_deliveries",
        "GET",
        f"{_HOOK}/deliveries",
        _MANAGE,
        parse_webhooks.parse_deliveries,
        render_webhooks.render_deliveries,
    ),
    Operation("list_events", "GET", _EVENTS, _MANAGE, parse_webhooks.parse_events, render_webhooks.render_events),
    Operation(
        "replay_event",
        "POST",
        f"{_EVENTS}/{{event_id}}/replay",
        _MANAGE,
        parse_webhooks.parse_replay,
        render_webhooks.render_event,
        body=BodyForm.JSON_IF_ANY,
    ),
)

RIVYA: Final = Dialect(
    name=parse.NAME,
    prefixes=(render.PATH,),
    operations=(*OPERATIONS, *WEBHOOK_OPERATIONS),
    answer_to_create=render.kept_answer,
    render_error=render_error,
    render_event=render.render_event,
    render_webhook=render_webhooks.render_webhook,
    make_spec=make_spec,
)
