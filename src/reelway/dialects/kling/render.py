"""Views become answers of the Kling dialect. Source: contract, sections 5.1, 10 to 13."""

import hashlib
import json
from fractions import Fraction
from typing import Any, Final

from reelway.dialects.base import RenderContext, WireAnswer
from reelway.domain.catalog import Card
from reelway.domain.decide import result_of
from reelway.domain.generation import Generation, generation_of
from reelway.domain.intents import AccountView, PageView, ReplayView, TaskView, View
from reelway.domain.pricing import units_of
from reelway.domain.records import KeptAnswer
from reelway.domain.task import FailureCode, PublicStatus, Task
from reelway.wire import kling, strict_json

NAME: Final = "kling"

FAILURE_MESSAGES: Final = {
    FailureCode.CONTENT_REJECTED: "Failure to pass the risk control system",
    FailureCode.INVALID_REFERENCE: "The input image could not be downloaded: {reason}",
    FailureCode.REFERENCE_TOO_LARGE: "The input image is larger than 10 MB",
    FailureCode.REFERENCE_UNSUPPORTED: "The format, resolution or aspect ratio of the input image is invalid",
    FailureCode.PROVIDER_REJECTED: "The request was refused: {reason}",
    FailureCode.PROVIDER_UNAVAILABLE: "The model is not available at the moment",
    FailureCode.GENERATION_FAILED: "Video generation failed",
    FailureCode.STORAGE_FAILED: "The result could not be saved",
    FailureCode.TIMEOUT: "The task timed out",
    FailureCode.CANCELLED: "The task was cancelled",
    FailureCode.INTERNAL_ERROR: "Internal error",
}
"""Source: contract 11.4."""

IGNORED_HEADER: Final = "X-Reelway-Ignored"
_UNIT_DIGITS: Final = 6
PACK_NAME: Final = "credits"
_PACK_ENDS_AT_MS: Final = 4_102_444_800_000
"""2100-01-01: credits do not run out by themselves."""


def _enveloped(data: Any, request_id: str) -> bytes:
    """Source: contract 5.1."""
    code = kling.Code.SUCCEED
    return strict_json.encode(
        {"code": int(code), "message": kling.MESSAGES[code], "request_id": request_id, "data": data}
    )


def decimal_text(value: Fraction | float, digits: int) -> str:
    """A decimal without an exponent or trailing zeros: `5`, `5.04`."""
    return f"{float(value):.{digits}f}".rstrip("0").rstrip(".")


def _task_info(task: Task) -> dict[str, str]:
    return {} if task.external_task_id is None else {"external_task_id": task.external_task_id}


def _created_object(task: Task) -> dict[str, Any]:
    """`data` of a create. Source: contract, section 10."""
    created_at_ms = task.created_at_us // 1_000
    return {
        "task_id": task.id,
        "task_status": kling.TASK_STATUSES[task.public_status],
        "task_info": _task_info(task),
        "created_at": created_at_ms,
        "updated_at": task.updated_at_us // 1_000,
    }


def task_object(task: Task, context: RenderContext, *, is_callback: bool = False) -> dict[str, Any]:
    """`data` of one task. A callback tells nothing of watermarks. Source: contract 11.3 and 12."""
    generation = generation_of(task.generation)
    found: dict[str, Any] = {
        "task_id": task.id,
        "task_status": kling.TASK_STATUSES[task.public_status],
        "task_status_msg": _status_message(task),
        "task_info": _task_info(task),
    }
    if task.public_status is PublicStatus.SUCCEEDED:
        is_marked = generation.watermark and not is_callback
        found["task_result"] = {"videos": [_video_object(task, context, is_marked=is_marked)]}
    if not is_callback:
        found["watermark_info"] = {"enabled": generation.watermark}
    if task.public_status.is_final:
        found["final_unit_deduction"] = _deducted(task, generation, context)
    found["created_at"] = task.created_at_us // 1_000
    found["updated_at"] = task.updated_at_us // 1_000
    return found


def units_wire(card: Card, generation: Generation) -> str:
    """The units as a task of this dialect keeps them: as with its price, a later change of the card does not count."""
    return json.dumps(decimal_text(units_of(card, generation), _UNIT_DIGITS))


def _deducted(task: Task, generation: Generation, context: RenderContext) -> str:
    """Units on success. Of a task from another dialect by its card; 0 where that was taken off the catalogue, and of
    what was free."""
    if task.public_status is not PublicStatus.SUCCEEDED or not task.price_credits:
        return "0"
    if task.dialect == NAME and task.wire is not None:
        return str(json.loads(task.wire))
    card = context.catalog.get(task.model)
    has_rates = card is not None and generation.mode in card.units_per_second
    return decimal_text(units_of(card, generation), _UNIT_DIGITS) if card is not None and has_rates else "0"


def _status_message(task: Task) -> str:
    if task.failure_code is None:
        return ""
    return FAILURE_MESSAGES[task.failure_code].format(reason=task.failure_reason or "unknown reason")


def _video_object(task: Task, context: RenderContext, *, is_marked: bool) -> dict[str, Any]:
    result = result_of(task)
    assert result is not None
    found = {"id": "video_" + task.id.removeprefix("task_"), "url": context.links.video_url(task)}
    if is_marked and result.watermark_object is not None:
        found["watermark_url"] = context.links.watermark_url(task)
    return found | {"duration": decimal_text(result.duration_s, 2)}


def kept_answer(task: Task, context: RenderContext) -> KeptAnswer:
    """The answer to a create, as it is kept for repeats, with this request's id in it."""
    return KeptAnswer(200, (), _enveloped(_created_object(task), context.request_id))


def with_ignored(answer: KeptAnswer, ignored: tuple[str, ...]) -> KeptAnswer:
    """A repeat is told the same fields without effect."""
    return KeptAnswer(answer.status, (*answer.headers, *_ignored_headers(ignored)), answer.body)


def _ignored_headers(ignored: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return ((IGNORED_HEADER, ", ".join(ignored)),) if ignored else ()


def render_create(view: View, context: RenderContext) -> WireAnswer:
    if isinstance(view, ReplayView):
        answer = view.answer
        return WireAnswer(answer.status, answer.body, (*answer.headers, ("Idempotent-Replayed", "true")))
    assert isinstance(view, TaskView)
    body = _enveloped(_created_object(view.task), context.request_id)
    return WireAnswer(200, body, _ignored_headers(view.ignored))


def render_task(view: View, context: RenderContext) -> WireAnswer:
    assert isinstance(view, TaskView)
    return WireAnswer(200, _enveloped(task_object(view.task, context), context.request_id))


def render_list(view: View, context: RenderContext) -> WireAnswer:
    assert isinstance(view, PageView)
    data = [task_object(task, context) for task in view.page.tasks]
    return WireAnswer(200, _enveloped(data, context.request_id))


def render_callback(task: Task, context: RenderContext) -> bytes:
    """The bare `data` object. Source: contract, section 12."""
    return strict_json.encode(task_object(task, context, is_callback=True))


def render_costs(view: View, context: RenderContext) -> WireAnswer:
    """The wallet as one pack; `wire` is the pack that the caller asked for. Source: contract, section 13."""
    assert isinstance(view, AccountView)
    data: dict[str, Any] = {"code": 0, "msg": "success"}
    if view.granted_credits and view.wire in (None, PACK_NAME):
        data["resource_pack_subscribe_infos"] = [_pack_object(view)]
    return WireAnswer(200, _enveloped(data, context.request_id))


def _pack_object(view: AccountView) -> dict[str, Any]:
    began_at_ms = view.created_at_us // 1_000
    return {
        "resource_pack_name": PACK_NAME,
        "resource_pack_id": hashlib.sha256(view.account_id.encode()).hexdigest()[:32],
        "resource_pack_type": "decreasing_total",
        "total_quantity": float(view.granted_credits),
        "remaining_quantity": float(view.available_credits),
        "purchase_time": began_at_ms,
        "effective_time": began_at_ms,
        "invalid_time": _PACK_ENDS_AT_MS,
        "status": "online" if view.available_credits > 0 else "runOut",
    }
