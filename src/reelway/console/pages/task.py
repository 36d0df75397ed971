"""One task: its video, its way through the states, its money, whom it was told to, and how each dialect shows it."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from reelway.console import wire
from reelway.console.pages.runs import request_of
from reelway.console.pages.tasks import PATH, TONES, has_video, row_of
from reelway.console.visit import Page, Visit
from reelway.domain.decide import result_of
from reelway.domain.errors import NotFoundError, ReelwayError
from reelway.domain.events import event_of
from reelway.domain.generation import generation_of
from reelway.domain.ids import EndpointId, EventId, TaskId, is_endpoint_id, is_event_id, is_task_id
from reelway.domain.intents import Caller, CancelTask, DeleteTask
from reelway.domain.records import Scope
from reelway.domain.task import State, Task
from reelway.domain.webhook_intents import ReplayEvent
from reelway.gateway.attempts import attempts_of, tier_of
from reelway.gateway.cancel import can_cancel, cancel_task
from reelway.gateway.delete import delete_task
from reelway.gateway.history import TaskHistory, history_of, replay_callback
from reelway.gateway.live import live_task
from reelway.gateway.operator import acting_for, seen_task
from reelway.gateway.read import open_stream
from reelway.gateway.sessions import come_back
from reelway.gateway.webhooks import replay_event

_POSTER: Final = "poster.jpg"


def _task_id(visit: Visit) -> TaskId:
    """Raises: NotFoundError: the path has something that is no task's id."""
    text = visit.part("task_id")
    if not is_task_id(text):
        raise NotFoundError("task")
    return TaskId(text)


async def _acting(visit: Visit) -> Caller:
    """The visitor in the place of the task's owner. Raises: NotFoundError"""
    task = await seen_task(visit.core, visit.caller, _task_id(visit))
    return acting_for(visit.caller, task.account_id)


async def task_page(visit: Visit) -> Response:
    history = await history_of(visit.core, visit.caller, _task_id(visit))
    return visit.render(
        "task.html",
        **await _values(visit, history),
        answers=wire.shown_in(visit, history.task),
        snippets=await request_of(visit, history.task),
    )


async def _values(visit: Visit, history: TaskHistory) -> dict[str, Any]:
    """What the part of the page that moves is made of."""
    task = history.task
    links = visit.site.around.links
    video = visit.own(links.video_url(task)) if has_video(visit, task) else None
    found = await attempts_of(visit.core, None if visit.is_operator else visit.caller, task.id)
    is_cancellable = task.state is State.QUEUED or (
        task.state in (State.SUBMITTING, State.RUNNING) and can_cancel(visit.core, task)
    )
    return {
        "task": task,
        "row": row_of(visit, task),
        "generation": generation_of(task.generation),
        "result": result_of(task) if task.state is State.SUCCEEDED else None,
        "video": video,
        "poster": video.rpartition("/")[0] + f"/{_POSTER}" if video else None,
        "history": history,
        "attempts": found.attempts,
        "costs": {cost.attempt: cost for cost in found.costs},
        "tier_of": lambda provider: tier_of(visit.core, provider),
        "event_id": event_of(task).id,
        "now_us": visit.core.clock.now_us(),
        "is_cancellable": is_cancellable and task.cancel_requested_at_us is None,
        "may_change": visit.may(Scope.GENERATIONS_CREATE),
        "may_replay": visit.may(Scope.WEBHOOKS_MANAGE),
        "tones": TONES,
    }


async def task_events(visit: Visit) -> Response:
    """The moving part of the page, again at each change, as server-sent events for htmx."""
    task_id = _task_id(visit)
    await seen_task(visit.core, visit.caller, task_id)
    headers = {"x-accel-buffering": "no", "cache-control": "no-store"}
    return visit.answer(StreamingResponse(_stream(visit, task_id), headers=headers, media_type="text/event-stream"))


async def _stream(visit: Visit, task_id: TaskId) -> AsyncIterator[str]:
    secret = visit.request.cookies.get(visit.site.cookies.session, "")
    try:
        with open_stream(visit.core):
            async with aclosing(live_task(visit.core, visit.caller, task_id)) as changes:
                async for task in changes:
                    if await come_back(visit.core, secret) is None:
                        break
                    yield ": still here\n\n" if task is None else await _piece(visit, task)
    except ReelwayError:
        pass  # the task is gone, or too many watch: the page says so when it is loaded again
    yield "event: end\ndata:\n\n"


async def _piece(visit: Visit, task: Task) -> str:
    history = await history_of(visit.core, visit.caller, task.id)
    template = visit.site.templates.get_template("task_live.html")
    language = visit.language
    text = template.render(
        visit=visit, t=language.text, tn=language.count, lang=language, **await _values(visit, history)
    )
    data = "".join(f"data: {line}\n" for line in text.splitlines() if line.strip())
    return f"event: task\n{data}\n"


async def cancel(visit: Visit) -> Response:
    caller = await _acting(visit)
    task = (await cancel_task(visit.core, caller, CancelTask(_task_id(visit)))).task
    return visit.redirect(f"{PATH}/{task.id}", notice="cancelled" if task.is_final else "cancel_requested")


async def delete(visit: Visit) -> Response:
    await delete_task(visit.core, await _acting(visit), DeleteTask(_task_id(visit)))
    return visit.redirect(PATH, notice="task_deleted")


async def replay(visit: Visit) -> Response:
    """Tell again: one endpoint that the form names, or, without one, the task's own callback."""
    caller, task_id = await _acting(visit), _task_id(visit)
    endpoint, event = visit.form.text("endpoint"), visit.form.text("event")
    if endpoint or event:
        if not (is_endpoint_id(endpoint) and is_event_id(event)):
            raise NotFoundError("event")
        await replay_event(visit.core, caller, ReplayEvent(EventId(event), EndpointId(endpoint)))
    else:
        await replay_callback(visit.core, caller, task_id)
    return visit.redirect(f"{PATH}/{task_id}", notice="replayed")


PAGES: Final = (
    Page("/tasks/{task_id}", task_page, Scope.GENERATIONS_READ),
    Page("/tasks/{task_id}/events", task_events, Scope.GENERATIONS_READ),
    Page("/tasks/{task_id}/cancel", cancel, Scope.GENERATIONS_CREATE, "POST"),
    Page("/tasks/{task_id}/delete", delete, Scope.GENERATIONS_CREATE, "POST"),
    Page("/tasks/{task_id}/replay", replay, Scope.WEBHOOKS_MANAGE, "POST"),
)
