# ruff: noqa: E501 - the bodies stand on one line, as the contract prints them
"""Golden bodies: what sections 5.1, 5.3, 6.3, 6.4, 7.4, 8.1 and 9 print, rendered from constructed things.

A change of the wire is seen here at once.
"""

import json
from dataclasses import replace
from typing import Any

import pytest

from reelway.catalog import load_catalog
from reelway.dialects.apixo import APIXO
from reelway.dialects.apixo.errors import render_error
from reelway.dialects.apixo.render import render_callback, render_create, render_status
from reelway.dialects.base import RenderContext
from reelway.domain import errors
from reelway.domain.errors import BodyFault, KeyFault, Problem, ReelwayError, UploadFault
from reelway.domain.generation import Generation, Mode, Route, generation_text
from reelway.domain.ids import AccountId, TaskId
from reelway.domain.intents import ReplayView, TaskView
from reelway.domain.records import StoredFile
from reelway.domain.routing import Need, UnsupportedError
from reelway.domain.task import FINAL_STATES, FailureCode, PublicStatus, State, Task, queued_task
from reelway.wire.apixo import FAILURES, STATES, STATUSES

REQUEST_ID = "req_01KB2R8T4NQ6V0X3Z5A7C9E1G6"
TASK_ID = TaskId("task_01KB2R8T4NQ6V0X3Z5A7C9E1G3")
CREATED_US = 1_795_251_600_000_000
S = 1_000_000
CATALOG = load_catalog()
GENERATION = Generation("kling-v2-5-turbo-pro", "A bottle", 5, "16:9", Mode.PRO)


class Links:
    """The addresses of the contract's examples."""

    def video_url(self, task: Task) -> str:
        return f"https://gw.example.com/media/{task.id}/k3Jd82/video.mp4"

    def watermark_url(self, task: Task) -> str:
        raise AssertionError("this dialect has no marked videos")

    def file_url(self, file: StoredFile) -> str:
        raise AssertionError("this dialect has no uploads")

    def duration_token(self, file: StoredFile) -> str | None:
        raise AssertionError("this dialect has no uploads")


CONTEXT = RenderContext(CATALOG, Links(), REQUEST_ID, lambda: b"{}", lambda _: 30.0)


def task_in(state: State, seconds: int = 0, **changes: Any) -> Task:
    """The task of the examples, `seconds` after it was made. The microseconds are cut off on the wire."""
    now_us = CREATED_US + seconds * S + 456
    task = queued_task(
        TASK_ID,
        AccountId("acct_01KB2R8T4NQ6V0X3Z5A7C9E1G3"),
        dialect="apixo",
        model="kling-v2-5-turbo-pro",
        generation=generation_text(GENERATION),
        price_credits=42,
        created_at_us=CREATED_US + 123,
        deadline_at_us=CREATED_US + 3_600 * S,
        result_ttl_s=15 * 86_400,
        wire_model="kling-2-5-turbo-pro",
    )
    ended = {"final_at_us": now_us, "due_at_us": None} if state in FINAL_STATES else {}
    task = replace(task, state=state, updated_at_us=now_us, state_at_us=now_us, provider="secret-provider", **ended)
    return replace(task, **changes)


PENDING = '{"code": 200, "message": "success", "data": {"taskId": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "state": "pending", "createTime": 1795251600000}}'
PROCESSING = '{"code": 200, "message": "success", "data": {"taskId": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "state": "processing", "createTime": 1795251600000}}'
BODIES: list[tuple[Task, str]] = [
    (task_in(State.QUEUED), PENDING),
    (task_in(State.SUBMITTING), PENDING),
    (task_in(State.RUNNING, 4), PROCESSING),
    (task_in(State.STORING, 4), PROCESSING),
    (
        task_in(State.SUCCEEDED, 42, final_credits=42, result_expires_at_us=CREATED_US + 15 * 86_400 * S),
        r'{"code": 200, "message": "success", "data": {"taskId": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "state": "success", "resultJson": "{\"resultUrls\":[\"https://gw.example.com/media/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/k3Jd82/video.mp4\"]}", "createTime": 1795251600000, "completeTime": 1795251642000, "costTime": 42000}}',
    ),
    (
        task_in(State.FAILED, 5, failure_code=FailureCode.CONTENT_REJECTED),
        '{"code": 200, "message": "success", "data": {"taskId": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "state": "failed", "failCode": "CONTENT_VIOLATION", "failMsg": "Content violates the safety rules", "createTime": 1795251600000, "completeTime": 1795251605000, "costTime": 5000}}',
    ),
    (
        task_in(State.CANCELLED, 5, failure_code=FailureCode.CANCELLED),
        '{"code": 200, "message": "success", "data": {"taskId": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "state": "failed", "failCode": "GENERATION_FAILED", "failMsg": "The task was cancelled", "createTime": 1795251600000, "completeTime": 1795251605000, "costTime": 5000}}',
    ),
    (
        task_in(State.EXPIRED, 3_600, failure_code=FailureCode.TIMEOUT),
        '{"code": 200, "message": "success", "data": {"taskId": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "state": "failed", "failCode": "PROCESSING_TIMEOUT", "failMsg": "The task took too long", "createTime": 1795251600000, "completeTime": 1795255200000, "costTime": 3600000}}',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("task", "body"), BODIES, ids=[task.state for task, _ in BODIES])
def test_7_4_a_task_is_rendered_as_the_contract_prints_it(task: Task, body: str) -> None:
    answer = render_status(TaskView(task), CONTEXT)
    assert (answer.status, answer.media_type, answer.headers) == (200, "application/json", ())
    assert answer.body == json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert b"secret-provider" not in answer.body


# Section 9, as it stands there, byte for byte.
CALLBACKS = {
    State.SUCCEEDED: r'{"code":200,"message":"success","data":{"taskId":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3","state":"success","resultJson":"{\"resultUrls\":[\"https://gw.example.com/media/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/k3Jd82/video.mp4\"]}","createTime":1795251600000,"completeTime":1795251642000,"costTime":42000}}',
    State.FAILED: '{"code":200,"message":"success","data":{"taskId":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3","state":"failed","failCode":"CONTENT_VIOLATION","failMsg":"Content violates the safety rules","createTime":1795251600000,"completeTime":1795251605000,"costTime":5000}}',
}


@pytest.mark.parametrize("state", CALLBACKS)
def test_9_a_callback_has_the_bytes_that_the_contract_prints(state: State) -> None:
    task = next(task for task, _ in BODIES if task.state is state)
    assert render_callback(task, CONTEXT) == CALLBACKS[state].encode()
    assert APIXO.render_callback is render_callback


CREATED = b'{"code":200,"message":"success","data":{"taskId":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3"}}'


def test_6_4_a_create_is_rendered_as_the_contract_prints_it() -> None:
    answer = render_create(TaskView(task_in(State.QUEUED), is_new=True), CONTEXT)
    assert (answer.status, answer.body, answer.headers) == (200, CREATED, ())


def test_6_6_a_kept_answer_is_replayed_byte_for_byte() -> None:
    kept = APIXO.answer_to_create(task_in(State.QUEUED), CONTEXT)
    assert (kept.status, kept.body) == (200, CREATED)
    answer = render_create(ReplayView(kept), CONTEXT)
    assert (answer.status, answer.body, answer.headers) == (200, CREATED, (("Idempotent-Replayed", "true"),))


# Section 8.1.
FAILED: list[tuple[FailureCode, str, str]] = [
    (FailureCode.CONTENT_REJECTED, "CONTENT_VIOLATION", "Content violates the safety rules"),
    (FailureCode.INVALID_REFERENCE, "INVALID_IMAGE_URL", "Cannot access image URL: HTTP 404"),
    (FailureCode.REFERENCE_TOO_LARGE, "IMAGE_TOO_LARGE", "Image is larger than 10 MB"),
    (FailureCode.REFERENCE_UNSUPPORTED, "UNSUPPORTED_FORMAT", "Image must be JPEG, PNG or WebP"),
    (FailureCode.TIMEOUT, "PROCESSING_TIMEOUT", "The task took too long"),
    (FailureCode.PROVIDER_UNAVAILABLE, "MODEL_UNAVAILABLE", "The model is not available at the moment"),
    (FailureCode.GENERATION_FAILED, "GENERATION_FAILED", "Generation failed"),
    (FailureCode.PROVIDER_REJECTED, "GENERATION_FAILED", "Generation failed"),
    (FailureCode.STORAGE_FAILED, "GENERATION_FAILED", "Generation failed"),
    (FailureCode.INTERNAL_ERROR, "GENERATION_FAILED", "Generation failed"),
    (FailureCode.CANCELLED, "GENERATION_FAILED", "The task was cancelled"),
]


@pytest.mark.parametrize(("code", "fail_code", "fail_msg"), FAILED)
def test_8_1_a_failure_has_the_words_of_its_row(code: FailureCode, fail_code: str, fail_msg: str) -> None:
    task = task_in(State.FAILED, 5, failure_code=code, failure_reason="HTTP 404")
    data = json.loads(render_status(TaskView(task), CONTEXT).body)["data"]
    assert (data["failCode"], data["failMsg"]) == (fail_code, fail_msg)


def test_8_1_every_failure_and_every_state_has_words() -> None:
    assert {code for code, *_ in FAILED} == set(FailureCode) == set(FAILURES)
    assert set(STATES) == set(PublicStatus)
    assert len({code for code, _ in FAILURES.values()}) == 7


def test_8_1_a_failure_without_a_reason_is_still_a_sentence() -> None:
    task = task_in(State.FAILED, 5, failure_code=FailureCode.INVALID_REFERENCE, failure_reason="{reason}")
    assert b"Cannot access image URL: {reason}" in render_status(TaskView(task), CONTEXT).body
    body = render_status(TaskView(replace(task, failure_reason=None)), CONTEXT).body
    assert b"Cannot access image URL: unknown reason" in body


def invalid(*texts: str) -> ReelwayError:
    return errors.ValidationFailedError(tuple(Problem("x", text) for text in texts))


# Section 5.3 in its order, then 6.3.
ERRORS: list[tuple[ReelwayError, int, dict[str, str], str]] = [
    (invalid("Missing required field: input.prompt"), 400, {}, '{"code": 400, "message": "Invalid request", "data": {"error": "Missing required field: input.prompt"}}'),
    (errors.InsufficientCreditsError(42, 17), 400, {}, '{"code": 400, "message": "Insufficient credits", "data": null}'),
    *((errors.ApiKeyError(fault), 401, {}, '{"code": 401, "message": "Invalid or missing API key", "data": null}') for fault in KeyFault),
    (errors.ScopeDeniedError("generations:create"), 403, {}, '{"code": 403, "message": "API key is not allowed to do this", "data": null}'),
    (errors.UnknownModelError("kling-9"), 404, {}, '{"code": 404, "message": "Model not found", "data": null}'),
    (errors.NotFoundError("task"), 404, {}, '{"code": 404, "message": "Task not found", "data": null}'),
    (errors.NotFoundError("path"), 404, {}, '{"code": 404, "message": "Not found", "data": null}'),
    (errors.MethodNotAllowedError(("POST",)), 405, {"Allow": "POST"}, '{"code": 405, "message": "Method not allowed", "data": null}'),
    (errors.IdempotencyConflictError(is_in_progress=False), 409, {}, '{"code": 409, "message": "Idempotency-Key was used with a different request", "data": null}'),
    (errors.IdempotencyConflictError(is_in_progress=True), 409, {"Retry-After": "1"}, '{"code": 409, "message": "A request with this Idempotency-Key is in progress", "data": null}'),
    (errors.BodyTooLargeError("body", 1_048_576), 413, {}, '{"code": 413, "message": "Request body too large", "data": null}'),
    (errors.RateLimitedError(12), 429, {"Retry-After": "12"}, '{"code": 429, "message": "Rate limit exceeded", "data": null}'),
    (errors.TooManyUnfinishedError(1000), 429, {"Retry-After": "5"}, '{"code": 429, "message": "Concurrent task limit exceeded", "data": null}'),
    (errors.InternalError(), 500, {}, '{"code": 500, "message": "Internal error", "data": null}'),
    (errors.ApiDisabledError(), 503, {"Retry-After": "60"}, '{"code": 503, "message": "Service temporarily unavailable", "data": null}'),
    (errors.UnavailableError("the disk is full"), 503, {"Retry-After": "5"}, '{"code": 503, "message": "Service temporarily unavailable", "data": null}'),
    (
        invalid("Missing required field: callback_url", "Invalid value for input.duration: must be 5 or 10", "Unknown field: input.seed"),
        400,
        {},
        '{"code": 400, "message": "Invalid request", "data": {"error": "Missing required field: callback_url; Invalid value for input.duration: must be 5 or 10; Unknown field: input.seed"}}',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("error", "status", "headers", "body"), ERRORS, ids=[repr(row[0]) for row in ERRORS])
def test_5_3_an_error_is_rendered_as_the_contract_prints_it(
    error: ReelwayError, status: int, headers: dict[str, str], body: str
) -> None:
    answer = render_error(error, REQUEST_ID, CATALOG)
    assert (answer.status, dict(answer.headers)) == (status, headers)
    assert answer.body == json.dumps(json.loads(body), separators=(",", ":")).encode()
    assert json.loads(answer.body)["code"] == status


# Errors that are told as an invalid request: 6.3, and those that this dialect has no endpoint for.
TEXTS: list[tuple[ReelwayError, str]] = [
    (errors.ContentTypeError(("application/json",)), "Content-Type must be application/json"),
    (errors.MalformedBodyError(BodyFault.NOT_JSON), "Body is not valid JSON"),
    (errors.MalformedBodyError(BodyFault.NOT_AN_OBJECT), "Body must be a JSON object"),
    (errors.MalformedBodyError(BodyFault.NOT_MULTIPART), "Body is not valid multipart data"),
    (errors.MalformedBodyError(BodyFault.NOT_URLENCODED), "Body is not valid form data"),
    (errors.MalformedBodyError(BodyFault.INCOMPLETE), "Body ended before it was complete"),
    (errors.IdempotencyKeyError(), "Invalid Idempotency-Key: must be 1 to 255 printable ASCII characters"),
    (errors.SandboxDirectiveError("dance", ("hang", "throttle")), "Invalid value for input.prompt: unknown sandbox directive dance, must be one of hang, throttle"),
    (UnsupportedError("kling-2-6", {Need.DURATION_S: ("5",)}), "Invalid value for input.duration: not supported by any configured provider"),
    (UnsupportedError("kling-2-6", {}, route=Route.OFFICIAL), "Invalid value for provider: no official route is configured for this model"),
    (errors.UploadRefusedError(UploadFault.TOO_LONG), "The file was refused: too long"),
    (errors.ContentRefusedError(), "Content violates the safety rules"),
    (errors.UnknownCursorError(), "Unknown cursor"),
    (errors.ExternalIdTakenError(), "The task id is in use"),
    (errors.NotCancellableError(), "The task can no longer be stopped"),
    (errors.NotDeletableError(), "The task can no longer be stopped"),
    (errors.ResultNotReadyError(), "The task has not ended"),
]  # fmt: skip
GONE = [errors.ResultMissingError(), errors.ResultExpiredError()]


@pytest.mark.parametrize(("error", "text"), TEXTS, ids=[repr(row[0]) for row in TEXTS])
def test_6_3_an_invalid_request_is_told_in_data_error(error: ReelwayError, text: str) -> None:
    answer = render_error(error, REQUEST_ID, CATALOG)
    assert json.loads(answer.body) == {"code": 400, "message": "Invalid request", "data": {"error": text}}
    assert answer.status == 400


@pytest.mark.parametrize("error", GONE)
def test_5_2_what_is_gone_is_not_found(error: ReelwayError) -> None:
    answer = render_error(error, REQUEST_ID, CATALOG)
    assert json.loads(answer.body) == {"code": 404, "message": "Not found", "data": None}


def test_5_2_every_error_that_there_is_has_words_in_this_dialect() -> None:
    told = {type(error) for error, *_ in (*ERRORS, *TEXTS, *((error,) for error in GONE))}
    assert told == set(errors.all_errors())


def test_5_2_every_message_of_the_table_is_sent_by_some_error() -> None:
    assert {json.loads(body)["message"] for *_, body in ERRORS} == set(STATUSES)
