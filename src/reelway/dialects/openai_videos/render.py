"""Views become answers of the OpenAI Videos dialect. Source: the contract's sections 8 to 12."""

from typing import Any, Final

from reelway.dialects.base import RenderContext, WireAnswer
from reelway.dialects.openai_videos.parse import IGNORED_HEADER
from reelway.dialects.openai_videos.shown import model_of, size_wanted
from reelway.domain.decide import US, result_of
from reelway.domain.generation import generation_of
from reelway.domain.intents import DeletedView, PageView, ReplayView, TaskView, View
from reelway.domain.records import KeptAnswer
from reelway.domain.task import State, Task
from reelway.wire import strict_json
from reelway.wire.openai_videos import FAILURES, POLL_HEADER

PATH: Final = "/v1/videos"

STATUSES: Final = {
    State.QUEUED: "queued",
    State.SUBMITTING: "queued",
    State.RUNNING: "in_progress",
    State.STORING: "in_progress",
    State.SUCCEEDED: "completed",
    State.FAILED: "failed",
    State.CANCELLED: "failed",
    State.EXPIRED: "failed",
}
"""Source: contract 8.2. The SDK's `poll` ends on any word it does not know, so there is no fifth."""

_RUNNING_MAX: Final = 95
_STORING: Final = 99

_PACES: Final = ((15.0, 1_000), (60.0, 2_000))
_SLOWEST_PACE_MS: Final = 5_000
"""Milliseconds between two looks, by the seconds below which a video is expected. Source: contract 8.4."""


def progress_of(task: Task) -> int:
    """Whole percent; it never falls, and only a completed video has 100. Source: contract 8.2."""
    percent = int(task.progress * 100)
    match task.state:
        case State.QUEUED | State.SUBMITTING:
            return 0
        case State.SUCCEEDED:
            return 100
        case State.STORING:
            return _STORING
        case State.RUNNING:
            return min(_RUNNING_MAX, max(1, percent))
        case State.FAILED | State.CANCELLED | State.EXPIRED:
            if task.job_id is None:  # it never ran
                return 0
            return _STORING if percent >= _STORING else min(_RUNNING_MAX, max(1, percent))


def video_object(task: Task) -> dict[str, Any]:
    """The 13 keys. Source: contract 8.1."""
    generation = generation_of(task.generation)
    result = result_of(task)
    size = f"{result.width}x{result.height}" if result is not None else size_wanted(task, generation)
    error = None
    if task.failure_code is not None:
        code, message = FAILURES[task.failure_code]
        error = {"code": code, "message": message.format(reason=task.failure_reason or "unknown reason")}
    return {
        "id": task.id,
        "object": "video",
        "model": model_of(task),
        "status": STATUSES[task.state],
        "progress": progress_of(task),
        "created_at": task.created_at_us // US,
        "completed_at": _seconds(task.final_at_us),
        "expires_at": _seconds(task.result_expires_at_us),
        "prompt": generation.prompt or None,
        "seconds": str(generation.duration_s),
        "size": size,
        "remixed_from_video_id": task.remixed_from,
        "error": error,
    }


def _seconds(time_us: int | None) -> int | None:
    return None if time_us is None else time_us // US


def kept_answer(task: Task, _context: RenderContext) -> KeptAnswer:
    """The answer to a create or remix, as it is kept for repeats."""
    return KeptAnswer(200, (), strict_json.encode(video_object(task)))


def render_create(view: View, _context: RenderContext) -> WireAnswer:
    if isinstance(view, ReplayView):
        answer = view.answer
        return WireAnswer(answer.status, answer.body, (*answer.headers, ("Idempotent-Replayed", "true")))
    assert isinstance(view, TaskView)
    headers = ((IGNORED_HEADER, ", ".join(view.ignored)),) if view.ignored else ()
    return WireAnswer(200, strict_json.encode(video_object(view.task)), headers)


def render_read(view: View, context: RenderContext) -> WireAnswer:
    """The video; while it has not ended, with the pace at which the SDKs are to ask."""
    assert isinstance(view, TaskView)
    task = view.task
    headers = () if task.is_final else ((POLL_HEADER, str(poll_after_ms(task, context))),)
    return WireAnswer(200, strict_json.encode(video_object(task)), headers)


def poll_after_ms(task: Task, context: RenderContext) -> int:
    run_s = context.run_s(generation_of(task.generation))
    return next((pace_ms for below_s, pace_ms in _PACES if run_s < below_s), _SLOWEST_PACE_MS)


def render_list(view: View, _context: RenderContext) -> WireAnswer:
    assert isinstance(view, PageView)
    tasks = view.page.tasks
    body = {
        "object": "list",
        "data": [video_object(task) for task in tasks],
        "first_id": tasks[0].id if tasks else None,
        "last_id": tasks[-1].id if tasks else None,
        "has_more": view.page.has_more,
    }
    return WireAnswer(200, strict_json.encode(body))


def render_deleted(view: View, _context: RenderContext) -> WireAnswer:
    assert isinstance(view, DeletedView)
    return WireAnswer(200, strict_json.encode({"id": view.task_id, "object": "video.deleted", "deleted": True}))


def render_content(_view: View, _context: RenderContext) -> WireAnswer:
    raise AssertionError("the server sends a video's bytes by itself")
