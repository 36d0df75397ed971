"""A task while it is made and when it is done, as the playground and the storyboard show it beside their forms."""

import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from reelway.clock import new_id
from reelway.console.composing import answer_of, context_for, own_frame
from reelway.console.pages.tasks import TONES, has_video
from reelway.console.snippets.bodies import calls
from reelway.console.snippets.programs import LANGUAGES, programs
from reelway.console.visit import CONSOLE, Page, Visit
from reelway.domain.catalog import Card
from reelway.domain.decide import US, result_of
from reelway.domain.errors import NotFoundError, ReelwayError
from reelway.domain.generation import Generation, Reference, generation_of, generation_text
from reelway.domain.ids import TaskId, is_task_id
from reelway.domain.intents import CancelTask, IdempotencyKey, ReplayView, Submission, Submit
from reelway.domain.records import Scope, StoredFile
from reelway.domain.task import State, Task
from reelway.gateway.attempts import tier_of
from reelway.gateway.cancel import can_cancel, cancel_task
from reelway.gateway.frames import keep_last_frame
from reelway.gateway.idempotency import Idempotency
from reelway.gateway.live import live_task
from reelway.gateway.operator import acting_for
from reelway.gateway.preview import is_preview
from reelway.gateway.read import open_stream, own_task
from reelway.gateway.sessions import come_back
from reelway.gateway.submit import submit

PLAYGROUND: Final = f"{CONSOLE}/playground"
STORYBOARD: Final = f"{CONSOLE}/storyboard"
DIALECTS: Final = ("rivya", "apixo", "kling", "openai_videos")
_POSTER: Final = "poster.jpg"
_KEY_LENGTH_MAX: Final = 64


async def run_named(visit: Visit, text: str) -> Task | None:
    """The visitor's task of that id; None where the address names none. Raises: NotFoundError"""
    if not text:
        return None
    if not is_task_id(text):
        raise NotFoundError("task")
    return await own_task(visit.core, visit.caller, TaskId(text))


def run_values(visit: Visit, task: Task) -> dict[str, Any]:
    """What the panel of a task is made of."""
    core, links = visit.core, visit.site.around.links
    result = result_of(task) if task.state is State.SUCCEEDED else None
    video = visit.own(links.video_url(task)) if has_video(visit, task) else None
    is_cancellable = task.state is State.QUEUED or (
        task.state in (State.SUBMITTING, State.RUNNING) and can_cancel(core, task)
    )
    generation = generation_of(task.generation)
    return {
        "task": task,
        "tone": TONES[task.state],
        "generation": generation,
        "result": result,
        "video": video,
        "poster": f"{video.rpartition('/')[0]}/{_POSTER}" if video else None,
        "is_cancellable": is_cancellable and task.cancel_requested_at_us is None,
        "is_preview": is_preview(task),
        "tier": tier_of(visit.core, task.provider or ""),
        "is_board": bool(generation.shots),
        "took_s": None if task.final_at_us is None else (task.final_at_us - task.created_at_us) / US,
    }


def new_request_key(visit: Visit) -> str:
    """What makes the same form sent twice one request."""
    return new_id("req", visit.core.clock.now_us())


async def submitted(visit: Visit, submission: Submission, request_key: str) -> TaskId:
    """The task that the request makes, or has made when it came before.

    Raises:
        ReelwayError: what `submit` raises; nothing was made.
    """
    claim = None
    if 0 < len(request_key) <= _KEY_LENGTH_MAX:
        wanted = f"{generation_text(submission.generation)}\n{submission.route}\n{submission.price_rule}"
        fingerprint = hashlib.sha256(wanted.encode()).hexdigest()
        # Another request of the same page is no conflict but another request: the fingerprint is part of the key.
        key = IdempotencyKey(CONSOLE, f"{request_key} {fingerprint}", fingerprint)
        claim = Idempotency(visit.core).claim(visit.caller, key)
    view = await submit(visit.core, visit.caller, Submit(submission, answer_of), claim)
    return TaskId(view.answer.body.decode()) if isinstance(view, ReplayView) else view.task.id


def snippets_of(visit: Visit, card: Card, generation: Generation, frames: dict[str, StoredFile]) -> dict[str, Any]:
    """The request as programs, by dialect and language; a dialect that cannot say it has none."""
    around = visit.site.around

    def url_of(reference: Reference) -> str:
        file = frames.get(reference.file_id or "")
        return around.links.file_url(file) if file is not None else reference.url or ""

    served = tuple(dialect for dialect in around.dialects if dialect.name in DIALECTS)
    found = calls(served, card, generation, url_of, context_for(visit, frames))
    return {
        "dialects": [name for name in DIALECTS if any(dialect.name == name for dialect in served)],
        "languages": LANGUAGES,
        "programs": {name: programs(call, around.base_url) for name, call in found.items()},
    }


async def request_of(visit: Visit, task: Task) -> dict[str, Any] | None:
    """A task's own request as programs; None where its model or a frame of it is not there any more."""
    card = visit.core.catalog.get(task.model)
    generation = generation_of(task.generation)
    frames: dict[str, StoredFile] = {}
    for reference in (generation.start_frame, generation.last_frame):
        if reference is not None and reference.file_id is not None:
            file = await own_frame(visit, acting_for(visit.caller, task.account_id), reference.file_id)
            if file is None:
                return None
            frames[file.id] = file
    return None if card is None else snippets_of(visit, card, generation, frames)


# --- what a panel does ------------------------------------------------------------------------------------------------


def _task_id(visit: Visit) -> TaskId:
    """Raises: NotFoundError: the path has something that is no task's id."""
    text = visit.part("task_id")
    if not is_task_id(text):
        raise NotFoundError("task")
    return TaskId(text)


async def run_events(visit: Visit) -> Response:
    """The panel again at each change, as server-sent events for htmx."""
    task_id = _task_id(visit)
    await own_task(visit.core, visit.caller, task_id)
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
                    yield ": still here\n\n" if task is None else _piece(visit, task)
    except ReelwayError:
        pass  # the task is gone, or too many watch: the page says so when it is loaded again
    yield "event: end\ndata:\n\n"


def _piece(visit: Visit, task: Task) -> str:
    text = visit.piece("run_panel.html", **run_values(visit, task))
    data = "".join(f"data: {line}\n" for line in text.splitlines() if line.strip())
    return f"event: run\n{data}\n"


async def cancel_run(visit: Visit) -> Response:
    task = (await cancel_task(visit.core, visit.caller, CancelTask(_task_id(visit)))).task
    notice = "run_cancelled" if task.is_final else "run_cancel_asked"
    home = STORYBOARD if generation_of(task.generation).shots else PLAYGROUND
    return visit.redirect(home, task=task.id, notice=notice)


async def go_on_from_run(visit: Visit) -> Response:
    """The next video begins where this one ends."""
    task_id = _task_id(visit)
    file = (await keep_last_frame(visit.core, visit.caller, task_id)).file
    return visit.redirect(PLAYGROUND, again=task_id, start_frame=file.id, notice="frame_taken")


PAGES: Final = (
    Page("/runs/{task_id}/events", run_events, Scope.GENERATIONS_READ),
    Page("/runs/{task_id}/cancel", cancel_run, Scope.GENERATIONS_CREATE, "POST"),
    Page("/runs/{task_id}/last-frame", go_on_from_run, Scope.GENERATIONS_CREATE, "POST"),
)
