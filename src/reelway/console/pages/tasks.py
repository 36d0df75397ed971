"""The table of tasks: filters and a search that live in the address, one page after the other, small pictures."""

import calendar
from dataclasses import dataclass
from datetime import date
from typing import Final

from starlette.responses import Response

from reelway.console.visit import CONSOLE, Page, Visit
from reelway.domain.decide import US
from reelway.domain.errors import ReelwayError
from reelway.domain.generation import generation_of
from reelway.domain.ids import AccountId, TaskId, is_task_id
from reelway.domain.intents import ReadContent, Variant
from reelway.domain.lookups import TEXT_LENGTH_MAX, TaskSearch
from reelway.domain.records import Scope
from reelway.domain.task import PublicStatus, State, Task
from reelway.gateway.content import read_content
from reelway.gateway.operator import acting_for, all_accounts, seen_task
from reelway.gateway.search import search_tasks

PAGE_SIZE: Final = 25
PATH: Final = f"{CONSOLE}/tasks"
_FILTERS: Final = ("q", "status", "model", "dialect", "since", "until", "account")
_DAY_US: Final = 86_400 * US
_PICTURE_S: Final = 86_400

TONES: Final = {
    State.QUEUED: "",
    State.SUBMITTING: "",
    State.RUNNING: "info",
    State.STORING: "info",
    State.SUCCEEDED: "good",
    State.FAILED: "bad",
    State.CANCELLED: "warn",
    State.EXPIRED: "bad",
}


@dataclass(frozen=True, slots=True)
class Row:
    """A task as the table shows it. `has_picture`: a video of it is kept."""

    task: Task
    prompt: str
    has_picture: bool


def row_of(visit: Visit, task: Task) -> Row:
    generation = generation_of(task.generation)
    prompt = generation.prompt or " · ".join(shot.prompt for shot in generation.shots)
    return Row(task, prompt, has_video(visit, task))


def has_video(visit: Visit, task: Task) -> bool:
    return (
        task.state is State.SUCCEEDED
        and task.result_expires_at_us is not None
        and visit.core.clock.now_us() < task.result_expires_at_us
    )


async def task_list(visit: Visit) -> Response:
    query = visit.query
    before = query.text("before")
    status = query.text("status")
    account = query.text("account") if visit.is_operator else ""
    wanted = TaskSearch(
        account_id=AccountId(account) if account else None,
        limit=PAGE_SIZE,
        before=TaskId(before) if is_task_id(before) else None,
        status=PublicStatus(status) if status in tuple(PublicStatus) else None,
        model=query.text("model") or None,
        dialect=query.text("dialect") or None,
        since_us=_day_us(query.text("since")),
        until_us=_day_us(query.text("until"), days_later=1),
        text=query.text("q")[:TEXT_LENGTH_MAX],
    )
    finds = await search_tasks(visit.core, visit.caller, wanted)
    accounts = await all_accounts(visit.core, visit.caller) if visit.is_operator else ()
    filters = {name: query.text(name)[:TEXT_LENGTH_MAX] for name in _FILTERS}
    return visit.render(
        "tasks.html",
        rows=[row_of(visit, task) for task in finds.tasks],
        finds=finds,
        filters=filters,
        is_filtered=any(filters.values()),
        is_first=wanted.before is None,
        models=[card.id for card in visit.core.catalog],
        dialects=[dialect.name for dialect in visit.site.around.dialects],
        statuses=[status.value for status in PublicStatus],
        accounts=accounts,
        names={account.id: account.name for account in accounts},
        tones=TONES,
    )


def _day_us(text: str, days_later: int = 0) -> int | None:
    """The beginning of a day in UTC, as date fields write it; None for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return calendar.timegm(day.timetuple()) * US + days_later * _DAY_US


async def picture(visit: Visit) -> Response:
    """A small picture of a finished video: the thumbnail, or the sheet that is scrubbed. Made when first asked for."""
    task_id, name = visit.part("task_id"), visit.part("picture")
    if not is_task_id(task_id) or name not in (Variant.THUMBNAIL, Variant.SPRITESHEET):
        return _no_picture(404)
    try:
        task = await seen_task(visit.core, visit.caller, TaskId(task_id))
        caller = acting_for(visit.caller, task.account_id)
        view = await read_content(visit.core, caller, ReadContent(task.id, Variant(name)))
    except ReelwayError:
        return _no_picture(404)
    assert view.data is not None, "a picture is small enough to be held"
    headers = {"cache-control": f"private, max-age={_PICTURE_S}, immutable", "x-content-type-options": "nosniff"}
    return visit.answer(Response(view.data, headers=headers, media_type=view.media_type))


def _no_picture(status: int) -> Response:
    return Response(b"", status, headers={"cache-control": "no-store"}, media_type="text/plain")


PAGES: Final = (
    Page("/tasks", task_list, Scope.GENERATIONS_READ),
    Page("/tasks/{task_id}/picture/{picture}", picture, Scope.GENERATIONS_READ),
)
