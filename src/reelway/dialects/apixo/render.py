"""Views become answers of the APIXO dialect. Source: the contract's sections 6.4, 7, 8 and 9."""

from typing import Any

from reelway.dialects.apixo.errors import envelope
from reelway.dialects.base import RenderContext, WireAnswer
from reelway.domain.intents import ReplayView, TaskView, View
from reelway.domain.records import KeptAnswer
from reelway.domain.task import PublicStatus, Task
from reelway.wire import strict_json
from reelway.wire.apixo import FAILURES, STATES, SUCCESS


def task_object(task: Task, context: RenderContext) -> dict[str, Any]:
    """`data` of a status answer; what is not known yet is left out. Source: contract 7.2."""
    data: dict[str, Any] = {"taskId": task.id, "state": STATES[task.public_status]}
    created_ms = task.created_at_us // 1_000
    if task.public_status is PublicStatus.SUCCEEDED:
        result = {"resultUrls": [context.links.video_url(task)]}
        data["resultJson"] = strict_json.encode(result).decode()
    elif task.failure_code is not None:
        code, message = FAILURES[task.failure_code]
        data |= {"failCode": code, "failMsg": message.format(reason=task.failure_reason or "unknown reason")}
    data["createTime"] = created_ms
    if task.final_at_us is not None:
        completed_ms = task.final_at_us // 1_000
        data |= {"completeTime": completed_ms, "costTime": completed_ms - created_ms}
    return data


def _created(task: Task) -> bytes:
    """Source: contract 6.4."""
    return envelope(200, SUCCESS, {"taskId": task.id})


def kept_answer(task: Task, _context: RenderContext) -> KeptAnswer:
    """The answer to a create, as it is kept for repeats."""
    return KeptAnswer(200, (), _created(task))


def render_create(view: View, _context: RenderContext) -> WireAnswer:
    if isinstance(view, ReplayView):
        answer = view.answer
        return WireAnswer(answer.status, answer.body, (*answer.headers, ("Idempotent-Replayed", "true")))
    assert isinstance(view, TaskView)
    return WireAnswer(200, _created(view.task))


def render_status(view: View, context: RenderContext) -> WireAnswer:
    assert isinstance(view, TaskView)
    return WireAnswer(200, render_callback(view.task, context))


def render_callback(task: Task, context: RenderContext) -> bytes:
    """The body of a callback is that of a status answer. Source: contract 9."""
    return envelope(200, SUCCESS, task_object(task, context))
