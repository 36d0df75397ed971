# ruff: noqa: E501 - the bodies stand on one line, as the contract prints them
"""Golden bodies: what sections 5.3, 8.2, 10.2, 12.1, 12.3 and 12.4 print, rendered from constructed things.

A change of the wire is seen here at once.
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from reelway.catalog import load_catalog
from reelway.dialects.base import RenderContext
from reelway.dialects.rivya import RIVYA
from reelway.dialects.rivya.errors import render_error
from reelway.dialects.rivya.render import (
    render_create,
    render_credits,
    render_event,
    render_file,
    render_list,
    render_quote,
    render_task,
)
from reelway.domain import errors
from reelway.domain.errors import BodyFault, KeyFault, Problem, ReelwayError
from reelway.domain.generation import Generation, Mode, generation_text
from reelway.domain.ids import AccountId, FileId, TaskId
from reelway.domain.intents import (
    CreditsView,
    Estimate,
    FileView,
    PageView,
    PriceRule,
    QuoteView,
    ReplayView,
    Submission,
    TaskView,
)
from reelway.domain.media import MediaKind
from reelway.domain.records import KeptAnswer, Page, StoredFile
from reelway.domain.task import FailureCode, State, Task, queued_task

REQUEST_ID = "req_01KB2R8T4NQ6V0X3Z5A7C9E1G6"
TASK_ID = TaskId("task_01KB2R8T4NQ6V0X3Z5A7C9E1G3")
FILE_ID = FileId("file_01KB2R8T4NQ6V0X3Z5A7C9E1G5")
NINE_US = 1_795_251_600_000_000
"""2026-11-21T09:00:00Z."""
S = 1_000_000
CATALOG = load_catalog()
GENERATION = Generation("kling-v2-5-turbo-pro", "A bottle", 5, "16:9", Mode.PRO)


class Links:
    """The addresses of the contract's examples."""

    def video_url(self, task: Task) -> str:
        return f"https://gw.example.com/media/{task.id}/k3Jd82/video.mp4"

    def watermark_url(self, task: Task) -> str:
        return f"https://gw.example.com/media/{task.id}/k3Jd82/watermark.mp4"

    def file_url(self, file: StoredFile) -> str:
        return f"https://gw.example.com/files/{file.id}/q8Zr1b"

    def duration_token(self, file: StoredFile) -> str | None:
        return None if file.kind is MediaKind.IMAGE else "dt1.P.S"


CONTEXT = RenderContext(CATALOG, Links(), REQUEST_ID, lambda: b"{}", lambda _: 30.0)


def task_in(state: State, seconds: int = 0, **changes: Any) -> Task:
    """The task of the examples, `seconds` after nine o'clock."""
    task = queued_task(
        TASK_ID,
        AccountId("acct_01KB2R8T4NQ6V0X3Z5A7C9E1G3"),
        dialect="rivya",
        model="kling-v2-5-turbo-pro",
        generation=generation_text(GENERATION),
        price_credits=42,
        created_at_us=NINE_US + 123,
        deadline_at_us=NINE_US + 3_600 * S,
        result_ttl_s=15 * 86_400,
        client_request_id="order-7",
    )
    task = replace(
        task,
        state=state,
        updated_at_us=NINE_US + seconds * S + 999,
        state_at_us=NINE_US + seconds * S + 999,
        due_at_us=None,
        attempt=1,
        provider="secret-provider",
        progress=0.5,
    )
    return replace(task, **changes)


VIDEO_URL = "https://gw.example.com/media/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/k3Jd82/video.mp4"
SUCCEEDED = task_in(State.SUCCEEDED, 72, final_credits=42, result_expires_at_us=NINE_US + 15 * 86_400 * S)
# Section 8.2, with the states that share a body.
BODIES: list[tuple[Task, str]] = [
    *(
        (
            task_in(state),
            '{"id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "status": "queued", "model": "kling-v2-5-turbo-pro", "reserved_credits": 42, "final_credits": 0, "created_at": "2026-11-21T09:00:00.000Z", "updated_at": "2026-11-21T09:00:00.000Z", "result": null, "error": null}',
        )
        for state in (State.QUEUED, State.SUBMITTING)
    ),
    *(
        (
            task_in(state, 4),
            '{"id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "status": "processing", "model": "kling-v2-5-turbo-pro", "reserved_credits": 42, "final_credits": 0, "created_at": "2026-11-21T09:00:00.000Z", "updated_at": "2026-11-21T09:00:04.000Z", "result": null, "error": null}',
        )
        for state in (State.RUNNING, State.STORING)
    ),
    (
        SUCCEEDED,
        '{"id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "status": "succeeded", "model": "kling-v2-5-turbo-pro", "reserved_credits": 42, "final_credits": 42, "created_at": "2026-11-21T09:00:00.000Z", "updated_at": "2026-11-21T09:01:12.000Z", "result": {"primary_url": "https://gw.example.com/media/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/k3Jd82/video.mp4", "urls": ["https://gw.example.com/media/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/k3Jd82/video.mp4"]}, "error": null}',
    ),
    (
        task_in(State.FAILED, 9, failure_code=FailureCode.INVALID_REFERENCE, failure_reason="HTTP 404"),
        '{"id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "status": "failed", "model": "kling-v2-5-turbo-pro", "reserved_credits": 42, "final_credits": 0, "created_at": "2026-11-21T09:00:00.000Z", "updated_at": "2026-11-21T09:00:09.000Z", "result": null, "error": {"code": "generation_failed", "message": "A reference file could not be fetched: HTTP 404."}}',
    ),
    (
        task_in(State.CANCELLED, 9, failure_code=FailureCode.CANCELLED),
        '{"id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "status": "failed", "model": "kling-v2-5-turbo-pro", "reserved_credits": 42, "final_credits": 0, "created_at": "2026-11-21T09:00:00.000Z", "updated_at": "2026-11-21T09:00:09.000Z", "result": null, "error": {"code": "generation_failed", "message": "The generation was cancelled."}}',
    ),
    (
        task_in(State.EXPIRED, 3_600, failure_code=FailureCode.TIMEOUT),
        '{"id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "status": "failed", "model": "kling-v2-5-turbo-pro", "reserved_credits": 42, "final_credits": 0, "created_at": "2026-11-21T09:00:00.000Z", "updated_at": "2026-11-21T10:00:00.000Z", "result": null, "error": {"code": "generation_failed", "message": "The generation expired before it finished."}}',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("task", "body"), BODIES, ids=[task.state for task, _ in BODIES])
def test_8_2_a_task_is_rendered_as_the_contract_prints_it(task: Task, body: str) -> None:
    answer = render_task(TaskView(task), CONTEXT)
    assert (answer.status, answer.media_type) == (200, "application/json")
    assert json.loads(answer.body) == json.loads(body)
    assert list(json.loads(answer.body)) == list(json.loads(body))
    assert b"secret-provider" not in answer.body


def test_7_5_a_create_is_rendered_with_its_location() -> None:
    answer = render_create(TaskView(task_in(State.QUEUED), is_new=True), CONTEXT)
    assert answer.status == 202
    assert answer.headers == (("Location", f"/api/v1/generations/{TASK_ID}"),)
    assert json.loads(answer.body) == json.loads(BODIES[0][1])


def test_7_6_a_kept_answer_is_replayed_byte_for_byte() -> None:
    kept = RIVYA.answer_to_create(task_in(State.QUEUED), CONTEXT)
    assert isinstance(kept, KeptAnswer)
    answer = render_create(ReplayView(kept), CONTEXT)
    assert (answer.status, answer.body) == (202, kept.body)
    assert dict(answer.headers) == {
        "Location": f"/api/v1/generations/{TASK_ID}",
        "Idempotent-Replayed": "true",
    }


def test_12_1_a_page_is_rendered_as_the_contract_prints_it() -> None:
    queued = json.loads(BODIES[0][1])
    answer = render_list(PageView(Page((task_in(State.QUEUED),), has_more=True)), CONTEXT)
    assert json.loads(answer.body) == {
        "object": "list",
        "data": [queued],
        "has_more": True,
        "next_cursor": "c1_01KB2R8T4NQ6V0X3Z5A7C9E1G3",
    }
    answer = render_list(PageView(Page((), has_more=False)), CONTEXT)
    assert json.loads(answer.body) == {"object": "list", "data": [], "has_more": False, "next_cursor": None}


def test_12_4_an_event_is_rendered_as_the_contract_prints_it() -> None:
    assert render_event(task_in(State.QUEUED), CONTEXT) == (
        b'id: 1\nevent: generation.status\ndata: {"id":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3","status":"queued",'
        b'"model":"kling-v2-5-turbo-pro","reserved_credits":42,"final_credits":0,'
        b'"created_at":"2026-11-21T09:00:00.000Z","updated_at":"2026-11-21T09:00:00.000Z",'
        b'"result":null,"error":null}\n\n'
    )


def test_12_3_quotes_are_rendered_as_the_contract_prints_them() -> None:
    submission = Submission("rivya", GENERATION, GENERATION.model, PriceRule.FIXED)
    view = QuoteView(GENERATION.model, submission, 42, 123, "embedded", "value", Estimate(0, 38, 39, 55), ())
    found = json.loads(render_quote(view, CONTEXT).body)
    assert [found["estimate"].pop(key) for key in ("p50_seconds", "p90_seconds")] == [39, 55]  # an extension
    assert found == json.loads(
        """{"object": "generation_quote", "valid": true, "model": "kling-v2-5-turbo-pro", "mode": "text-to-video",
        "params": {"duration": "5", "aspect_ratio": "16:9", "cfg_scale": 0.5}, "billing_type": "FIXED",
        "reserved_credits": 42, "current_credits": 123, "sufficient_credits": true,
        "provider": {"name": "embedded", "route": "value"}, "estimate": {"queue_seconds": 0, "run_seconds": 38},
        "problems": []}"""
    )
    problem = Problem("params.duration", "Must be one of the allowed values.", ("5", "10"))
    view = QuoteView(GENERATION.model, None, None, 123, None, None, None, (problem,))
    assert json.loads(render_quote(view, CONTEXT).body) == json.loads(
        """{"object": "generation_quote", "valid": false, "model": "kling-v2-5-turbo-pro", "mode": null, "params": null,
        "billing_type": "FIXED", "reserved_credits": null, "current_credits": 123, "sufficient_credits": null,
        "provider": null, "estimate": null, "problems": [{"field": "params.duration",
        "message": "Must be one of the allowed values.", "allowed": ["5", "10"]}]}"""
    )


def test_9_1_credits_are_rendered_as_the_contract_prints_them() -> None:
    assert render_credits(CreditsView(123), CONTEXT).body == b'{"current_credits":123}'


def test_10_2_a_file_is_rendered_as_the_contract_prints_it() -> None:
    file = StoredFile(
        id=FILE_ID,
        account_id=AccountId("acct_01KB2R8T4NQ6V0X3Z5A7C9E1G3"),
        kind=MediaKind.IMAGE,
        name="start.png",
        mime_type="image/png",
        size_bytes=1_843_200,
        sha256="0" * 64,
        width=1920,
        height=1080,
        duration_s=None,
        client_request_id=None,
        created_at_us=NINE_US,
        expires_at_us=NINE_US + 7 * 86_400 * S,
        deleted_at_us=None,
    )
    expected = json.loads(
        """{"id": "file_01KB2R8T4NQ6V0X3Z5A7C9E1G5", "object": "file", "kind": "image", "name": "start.png",
        "mime_type": "image/png", "size_bytes": 1843200, "width": 1920, "height": 1080, "duration_seconds": null,
        "duration_token": null, "url": "https://gw.example.com/files/file_01KB2R8T4NQ6V0X3Z5A7C9E1G5/q8Zr1b",
        "created_at": "2026-11-21T09:00:00.000Z", "expires_at": "2026-11-28T09:00:00.000Z"}"""
    )
    answer = render_file(FileView(file), CONTEXT)
    assert (answer.status, answer.headers, json.loads(answer.body)) == (200, (), expected)
    assert list(json.loads(answer.body)) == list(expected)
    answer = render_file(FileView(file, is_new=True), CONTEXT)
    assert (answer.status, json.loads(answer.body)) == (201, expected)
    assert answer.headers == (("Location", f"/api/v1/files/{FILE_ID}"),)


# Section 5.3 in its order, then 5.1, 7.4 and 10.3.
ERRORS: list[tuple[ReelwayError, int, dict[str, str], str]] = [
    (errors.ApiKeyError(KeyFault.MISSING), 401, {}, '{"code": "api_key_missing", "message": "A valid Bearer API key is required."}'),
    (errors.ApiKeyError(KeyFault.INVALID), 401, {}, '{"code": "api_key_invalid", "message": "The API key is not valid."}'),
    (errors.ApiKeyError(KeyFault.REVOKED), 401, {}, '{"code": "api_key_revoked", "message": "The API key was revoked."}'),
    (errors.ApiKeyError(KeyFault.EXPIRED), 401, {}, '{"code": "api_key_expired", "message": "The API key has expired."}'),
    (errors.ContentRefusedError(), 400, {}, '{"code": "content_violation", "message": "The content was refused by the safety rules."}'),
    (errors.ScopeDeniedError("generations:create"), 403, {}, '{"code": "api_scope_denied", "message": "The API key lacks the scope generations:create."}'),
    (errors.InsufficientCreditsError(42, 17), 402, {}, '{"code": "insufficient_credits", "message": "This generation needs 42 credits; 17 are available."}'),
    (errors.NotFoundError("task"), 404, {}, '{"code": "not_found", "message": "Not found."}'),
    (errors.MethodNotAllowedError(("GET", "POST")), 405, {"Allow": "GET, POST"}, '{"code": "method_not_allowed", "message": "Method not allowed."}'),
    (errors.IdempotencyConflictError(is_in_progress=False), 409, {}, '{"code": "idempotency_conflict", "message": "This Idempotency-Key was used with a different request."}'),
    (errors.IdempotencyConflictError(is_in_progress=True), 409, {"Retry-After": "1"}, '{"code": "idempotency_conflict", "message": "A request with this Idempotency-Key is still in progress."}'),
    (errors.NotCancellableError(), 409, {}, '{"code": "generation_not_cancellable", "message": "The generation can no longer be cancelled."}'),
    (errors.RateLimitedError(12), 429, {"Retry-After": "12"}, '{"code": "rate_limited", "message": "Too many requests. Retry in 12 seconds."}'),
    (errors.TooManyUnfinishedError(1000), 429, {"Retry-After": "5"}, '{"code": "rate_limited", "message": "Too many unfinished generations (limit 1000)."}'),
    (errors.InternalError(), 500, {}, '{"code": "internal_error", "message": "Internal error."}'),
    (errors.ApiDisabledError(), 503, {"Retry-After": "60"}, '{"code": "public_api_disabled", "message": "The public API is switched off for the moment."}'),
    (errors.BodyTooLargeError("body", 1048576), 413, {}, '{"code": "validation_failed", "message": "The request body is too large.", "details": [{"field": "body", "message": "At most 1048576 bytes."}]}'),
    (errors.BodyTooLargeError("file", 10485760), 413, {}, '{"code": "validation_failed", "message": "The file is too large.", "details": [{"field": "file", "message": "At most 10485760 bytes."}]}'),
    (errors.MalformedBodyError(BodyFault.NOT_JSON), 400, {}, '{"code": "validation_failed", "message": "The request is invalid.", "details": [{"field": "body", "message": "Body is not valid JSON."}]}'),
    (errors.ContentTypeError(("application/json",)), 400, {}, '{"code": "validation_failed", "message": "The request is invalid.", "details": [{"field": "Content-Type", "message": "Content-Type must be application/json.", "allowed": ["application/json"]}]}'),
    (
        errors.ValidationFailedError((Problem("prompt", "At most 2500 characters."), Problem("params.duration", "Must be one of the allowed values.", ("5", "10")))),
        400,
        {},
        '{"code": "validation_failed", "message": "The request is invalid.", "details": [{"field": "prompt", "message": "At most 2500 characters."}, {"field": "params.duration", "message": "Must be one of the allowed values.", "allowed": ["5", "10"]}]}',
    ),
    (
        errors.ValidationFailedError((Problem("model", "Unknown model.", ("kling-v2-5-turbo-pro", "kling-3-0")),)),
        400,
        {},
        '{"code": "validation_failed", "message": "The request is invalid.", "details": [{"field": "model", "message": "Unknown model.", "allowed": ["kling-v2-5-turbo-pro", "kling-3-0"]}]}',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("error", "status", "headers", "body"), ERRORS, ids=[row[3][:60] for row in ERRORS])
def test_5_3_an_error_is_rendered_as_the_contract_prints_it(
    error: ReelwayError, status: int, headers: dict[str, str], body: str
) -> None:
    answer = render_error(error, REQUEST_ID, CATALOG)
    assert (answer.status, dict(answer.headers)) == (status, headers)
    found = json.loads(answer.body)
    assert found == {"error": json.loads(body) | {"requestId": REQUEST_ID}}
    assert list(found["error"])[:3] == ["code", "message", "requestId"]


def test_5_2_every_error_that_there_is_has_words_in_this_dialect() -> None:
    told = {type(error) for error, *_ in ERRORS}
    elsewhere = {"IdempotencyKeyError", "UploadRefusedError", "UnavailableError", "UnsupportedError"}
    never_raised = [
        errors.UnknownModelError("kling-9"),
        errors.UnknownCursorError(),
        errors.ExternalIdTakenError(),
        errors.SandboxDirectiveError("dance", ("hang", "throttle")),
        errors.NotDeletableError(),
        errors.ResultNotReadyError(),
        errors.ResultMissingError(),
        errors.ResultExpiredError(),
    ]
    for error in never_raised:
        assert 400 <= render_error(error, REQUEST_ID, CATALOG).status < 500
    told |= {type(error) for error in never_raised}
    assert {error.__name__ for error in errors.all_errors()} - {kind.__name__ for kind in told} <= elsewhere
