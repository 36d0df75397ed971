"""Tasks and errors that there are not, shown through the dialects themselves: so an example is what a caller gets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from reelway.dialects.base import Dialect, RenderContext
from reelway.domain import errors
from reelway.domain.catalog import Card, Catalog
from reelway.domain.errors import BodyFault, KeyFault, Problem, ReelwayError
from reelway.domain.generation import Generation, Mode, generation_text
from reelway.domain.ids import AccountId, JobId, TaskId
from reelway.domain.intents import TaskView
from reelway.domain.records import StoredFile
from reelway.domain.task import FailureCode, State, StoredResult, Task, queued_task

_CREATED_AT_US: Final = 1_778_457_600_000_000
"""2026-05-11, as in the seeds."""
_RUN_US: Final = 38_000_000
REQUEST_ID: Final = "req_01KB2R8T4NQ6V0X3Z5A7C9E1G6"
UUID: Final = "3f0d7b1e-6f0c-4a52-9d3c-8a3d1f0e2b6c"
_SIDES: Final = {Mode.STD: 720, Mode.PRO: 1080, Mode.UHD: 2160}


@dataclass(frozen=True, slots=True)
class SampleLinks:
    """Fulfils `dialects.base.Links` for tasks that there are not."""

    base_url: str

    def video_url(self, task: Task) -> str:
        return f"{self.base_url}/media/{task.id}/k3Jd82/video.mp4"

    def watermark_url(self, task: Task) -> str:
        return f"{self.base_url}/media/{task.id}/k3Jd82/watermark.mp4"

    def file_url(self, file: StoredFile) -> str:
        return f"{self.base_url}/files/{file.id}/k3Jd82"

    def duration_token(self, file: StoredFile) -> str | None:
        return None if file.duration_s is None else "k3Jd82"


def sample_context(catalog: Catalog, base_url: str, *, is_uuid: bool = False) -> RenderContext:
    return RenderContext(
        catalog=catalog,
        links=SampleLinks(base_url),
        request_id=UUID if is_uuid else REQUEST_ID,
        spec=bytes,
        run_s=lambda _: _RUN_US / 1_000_000,
    )


def sample_task(card: Card, state: State, dialect: str, wire_model: str, price_credits: int) -> Task:
    """A task of the card with its defaults, in a state."""
    generation = Generation(
        model=card.id,
        prompt=card.example_prompt.en,
        duration_s=card.default_duration_s,
        aspect_ratio="16:9",
        mode=card.default_mode,
    )
    stem = card.id.replace("-", "_").replace(".", "_")
    task = queued_task(
        TaskId(f"task_{stem}_example"),
        AccountId("acc_example"),
        dialect=dialect,
        model=card.id,
        wire_model=wire_model,
        generation=generation_text(generation),
        price_credits=price_credits,
        created_at_us=_CREATED_AT_US,
        deadline_at_us=_CREATED_AT_US + 3_600_000_000,
        result_ttl_s=15 * 86_400,
    )
    if state is State.QUEUED:
        return task
    now_us = _CREATED_AT_US + _RUN_US
    task = replace(task, state=state, updated_at_us=now_us, job_id=JobId("job_example"), progress=0.4)
    if state is State.SUCCEEDED:
        side = _SIDES[card.default_mode]
        result = StoredResult("", "", 0, "", side * 16 // 9, side, float(card.default_duration_s), "h264")
        kept_until_us = now_us + task.result_ttl_s * 1_000_000
        return replace(
            task,
            final_at_us=now_us,
            final_credits=price_credits,
            result=json.dumps(asdict(result)),
            result_expires_at_us=kept_until_us,
        )
    if state is State.FAILED:
        return replace(task, final_at_us=now_us, failure_code=FailureCode.CONTENT_REJECTED)
    return task


def shown_task(dialect: Dialect, operation: str, task: Task, context: RenderContext) -> Any:
    """What an operation of the dialect answers of a task."""
    render = next(found.render for found in dialect.operations if found.name == operation)
    return json.loads(render(TaskView(task), context).body)


@dataclass(frozen=True, slots=True)
class ShownError:
    """One way in which a request can fail. `when` is the key of the words for it."""

    when: str
    status: int
    body: Mapping[str, Any]
    retry_after: str


def sample_errors(card: Card) -> Sequence[tuple[str, ReelwayError]]:
    """What a create can come to, most frequent first: the key of when it happens, and the error."""
    return (
        ("validation_failed", errors.ValidationFailedError((Problem("prompt", "Must not be empty."),))),
        ("insufficient_credits", errors.InsufficientCreditsError(card.base_credits, card.base_credits // 2)),
        ("idempotency_conflict", errors.IdempotencyConflictError(is_in_progress=False)),
        ("idempotency_running", errors.IdempotencyConflictError(is_in_progress=True)),
        ("rate_limited", errors.RateLimitedError(12)),
        ("too_many_unfinished", errors.TooManyUnfinishedError(1_000)),
        ("not_found", errors.NotFoundError("task")),
        ("unknown_model", errors.UnknownModelError("kling-9")),
        ("key_missing", errors.ApiKeyError(KeyFault.MISSING)),
        ("key_invalid", errors.ApiKeyError(KeyFault.INVALID)),
        ("key_expired", errors.ApiKeyError(KeyFault.EXPIRED)),
        ("scope_denied", errors.ScopeDeniedError("generations:create")),
        ("malformed_body", errors.MalformedBodyError(BodyFault.NOT_JSON)),
        ("body_too_large", errors.BodyTooLargeError("body", 1_048_576)),
        ("method_not_allowed", errors.MethodNotAllowedError(("GET",))),
        ("api_disabled", errors.ApiDisabledError()),
        ("internal_error", errors.InternalError()),
    )


def shown_errors(dialect: Dialect, card: Card, catalog: Catalog) -> list[ShownError]:
    """The errors in the dialect's own words."""
    found = []
    for when, error in sample_errors(card):
        if when == "unknown_model" and dialect.name == "rivya":
            continue  # that dialect finds the model while it checks the fields
        answer = dialect.render_error(error, REQUEST_ID, catalog)
        retry_after = dict(answer.headers).get("Retry-After", "")
        found.append(ShownError(when, answer.status, json.loads(answer.body), retry_after))
    return found
