"""Views become answers of the Rivya dialect. Source: the contract's sections 6 to 10 and 12."""

import functools
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from reelway.dialects.base import RenderContext, WireAnswer
from reelway.dialects.rivya.parse import CURSOR_PREFIX
from reelway.dialects.rivya.wording import problem_object, refusal_problem
from reelway.domain.catalog import Param
from reelway.domain.intents import (
    ContractView,
    CreditsView,
    FileView,
    ModelsView,
    ModelView,
    PageView,
    QuoteView,
    ReplayView,
    TaskView,
    UnderstandingView,
    View,
)
from reelway.domain.records import KeptAnswer, StoredFile
from reelway.domain.task import PublicStatus, Task
from reelway.wire import strict_json
from reelway.wire.rivya import FAILURE_MESSAGES, params_of

PATH: Final = "/api/v1"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def time_text(time_us: int) -> str:
    """ISO 8601, UTC, milliseconds, suffix Z."""
    seconds, rest_us = divmod(time_us, 1_000_000)
    return f"{_second_text(seconds)}.{rest_us // 1_000:03d}Z"


@functools.lru_cache(maxsize=1024)
def _second_text(unix_s: int) -> str:
    """Tasks that are asked for were mostly made within the same minutes."""
    return (_EPOCH + timedelta(seconds=unix_s)).strftime("%Y-%m-%dT%H:%M:%S")


def task_object(task: Task, context: RenderContext) -> dict[str, Any]:
    """The nine keys. Source: contract 7.5 and 8.2."""
    result = error = None
    if task.public_status is PublicStatus.SUCCEEDED:
        url = context.links.video_url(task)
        result = {"primary_url": url, "urls": [url]}
    elif task.failure_code is not None:
        message = FAILURE_MESSAGES[task.failure_code].format(reason=task.failure_reason or "unknown reason")
        error = {"code": "generation_failed", "message": message}
    return {
        "id": task.id,
        "status": task.public_status.value,
        "model": task.model,
        "reserved_credits": task.price_credits,
        "final_credits": task.final_credits,
        "created_at": time_text(task.created_at_us),
        "updated_at": time_text(task.updated_at_us),
        "result": result,
        "error": error,
    }


def _location(task: Task) -> tuple[str, str]:
    return ("Location", f"{PATH}/generations/{task.id}")


def kept_answer(task: Task, context: RenderContext) -> KeptAnswer:
    """The answer to a create, as it is kept for repeats."""
    return KeptAnswer(202, (_location(task),), strict_json.encode(task_object(task, context)))


def render_create(view: View, context: RenderContext) -> WireAnswer:
    if isinstance(view, ReplayView):
        answer = view.answer
        return WireAnswer(answer.status, answer.body, (*answer.headers, ("Idempotent-Replayed", "true")))
    assert isinstance(view, TaskView)
    return WireAnswer(202, strict_json.encode(task_object(view.task, context)), (_location(view.task),))


def render_task(view: View, context: RenderContext) -> WireAnswer:
    assert isinstance(view, TaskView)
    return WireAnswer(200, strict_json.encode(task_object(view.task, context)))


def render_event(task: Task, context: RenderContext) -> bytes:
    """One event of the stream. Source: contract 12.4."""
    data = strict_json.encode(task_object(task, context))
    return b"id: %d\nevent: generation.status\ndata: %b\n\n" % (task.public_status.rank, data)


def render_list(view: View, context: RenderContext) -> WireAnswer:
    assert isinstance(view, PageView)
    page = view.page
    cursor = CURSOR_PREFIX + page.tasks[-1].id.removeprefix("task_") if page.has_more else None
    body = {
        "object": "list",
        "data": [task_object(task, context) for task in page.tasks],
        "has_more": page.has_more,
        "next_cursor": cursor,
    }
    return WireAnswer(200, strict_json.encode(body))


def render_animatic(view: View, _context: RenderContext) -> WireAnswer:
    """An extension: the engine's own words, below the id of the task."""
    assert isinstance(view, UnderstandingView)
    return WireAnswer(200, strict_json.encode({"object": "animatic", "id": view.task.id, **view.content}))


def render_quote(view: View, context: RenderContext) -> WireAnswer:
    assert isinstance(view, QuoteView)
    card = context.catalog.get(view.model or "")
    generation = view.submission.generation if view.submission is not None else None
    problems = view.problems
    if view.refusal is not None:
        problems = (refusal_problem(view.refusal, context.catalog),)
    body = {
        "object": "generation_quote",
        "valid": not problems,
        "model": view.model,
        "mode": generation.product.value if generation is not None else None,
        "params": None if card is None or generation is None else params_of(card, generation),
        "billing_type": card.billing_type.value if card is not None else None,
        "reserved_credits": view.price_credits,
        "current_credits": view.available_credits,
        "sufficient_credits": None if view.price_credits is None else view.price_credits <= view.available_credits,
        "provider": None if view.provider is None else {"name": view.provider, "route": view.route},
        "estimate": None
        if view.estimate is None
        else {
            "queue_seconds": view.estimate.queue_s,
            "run_seconds": view.estimate.run_s,
            "p50_seconds": view.estimate.p50_s,
            "p90_seconds": view.estimate.p90_s,
        },
        "problems": [problem_object(problem) for problem in problems],
    }
    return WireAnswer(200, strict_json.encode(body))


def render_credits(view: View, _context: RenderContext) -> WireAnswer:
    assert isinstance(view, CreditsView)
    return WireAnswer(200, strict_json.encode({"current_credits": view.available_credits}))


def render_models(view: View, _context: RenderContext) -> WireAnswer:
    assert isinstance(view, ModelsView)
    return WireAnswer(200, strict_json.encode({"object": "list", "data": [_model_object(m) for m in view.models]}))


def _model_object(model: ModelView) -> dict[str, Any]:
    """The 19 keys. Source: contract 6.2."""
    card = model.card
    rule = card.references
    takes_files = rule.files_max > 0
    return {
        "id": card.id,
        "display_name": card.display_name,
        "category": card.category,
        "runtime": "async_task",
        "base_credits": card.base_credits,
        "billing_type": card.billing_type.value,
        "supported_modes": ["text-to-video", "image-to-video"] if takes_files else ["text-to-video"],
        "max_prompt_length": card.prompt_length_max,
        "reference_media": {
            "max_files": rule.files_max,
            "accepted_kinds": [kind.value for kind in rule.kinds],
            "rule": rule.summary.en,
            "kinds": [
                {
                    "kind": upload.kind.value,
                    "max_size_bytes": upload.size_bytes_max,
                    "mime_types": list(upload.mime_types),
                }
                for upload in rule.uploads
            ],
            "duration_token_required": rule.requires_duration_token,
        },
        "params": [_param_object(param) for param in card.params],
        "api_status": "available" if model.is_available else "coming_soon",
        "api_input_status": "partial_requires_files" if takes_files else "available_text",
        "supported_api_inputs": ["text", "file"] if takes_files else ["text"],
        "requires_files_api": False,
        "requires_upload_for_modes": ["image-to-video"] if takes_files else [],
        "url_input_supported": takes_files,
        "file_kinds": [kind.value for kind in rule.kinds],
        "chat_capabilities": None,
        "notices": [notice.en for notice in card.notices],
    }


def _param_object(param: Param) -> dict[str, Any]:
    return {
        "key": param.key,
        "type": param.type.value,
        "required": False,
        "default": param.default,
        "min": param.min,
        "max": param.max,
        "options": list(param.options) or None,
        "description": param.label.en,
    }


def file_object(file: StoredFile, context: RenderContext) -> dict[str, Any]:
    """The 13 keys. Source: contract 10.2."""
    return {
        "id": file.id,
        "object": "file",
        "kind": file.kind.value,
        "name": file.name,
        "mime_type": file.mime_type,
        "size_bytes": file.size_bytes,
        "width": file.width,
        "height": file.height,
        "duration_seconds": file.duration_s,
        "duration_token": context.links.duration_token(file),
        "url": context.links.file_url(file),
        "created_at": time_text(file.created_at_us),
        "expires_at": time_text(file.expires_at_us),
    }


def render_file(view: View, context: RenderContext) -> WireAnswer:
    assert isinstance(view, FileView)
    body = strict_json.encode(file_object(view.file, context))
    if view.is_new:
        return WireAnswer(201, body, (("Location", f"{PATH}/files/{view.file.id}"),))
    return WireAnswer(200, body)


def render_contract(view: View, context: RenderContext) -> WireAnswer:
    assert isinstance(view, ContractView)
    return WireAnswer(200, context.spec())
