# ruff: noqa: E501 - the bodies stand on one line, as the contract prints them
"""Golden bodies: what sections 5.3, 7.5, 8.5, 9, 10 and 12 print, rendered from constructed things.

A change of the wire is seen here at once.
"""

import json
from dataclasses import asdict
from typing import Any

import pytest

from reelway.catalog import load_catalog
from reelway.dialects.base import RenderContext
from reelway.dialects.openai_videos import OPENAI_VIDEOS
from reelway.dialects.openai_videos.errors import CODES, render_error
from reelway.dialects.openai_videos.fields import fault
from reelway.dialects.openai_videos.images import FILE_BYTES_MAX
from reelway.dialects.openai_videos.models import SIZES
from reelway.dialects.openai_videos.render import (
    FAILURES,
    STATUSES,
    render_create,
    render_deleted,
    render_list,
    render_read,
)
from reelway.domain import errors
from reelway.domain.errors import BodyFault, KeyFault, ReelwayError, UploadFault
from reelway.domain.generation import Generation, Mode, generation_text
from reelway.domain.ids import AccountId, JobId, TaskId
from reelway.domain.intents import DeletedView, PageView, ReplayView, TaskView
from reelway.domain.records import KeptAnswer, Page, StoredFile
from reelway.domain.routing import Need, UnsupportedError
from reelway.domain.task import FailureCode, State, StoredResult, Task, queued_task

TASK_ID = TaskId("task_01KB2R8T4NQ6V0X3Z5A7C9E1G3")
REMIX_ID = TaskId("task_01KB2R8T4NQ6V0X3Z5A7C9E1GB")
NINE_US = 1_795_251_600_000_000
"""2026-11-21T09:00:00Z."""
S = 1_000_000
CATALOG = load_catalog()
PROMPT = "A glass bottle turns slowly on a black table"
GENERATION = Generation("kling-3-0", PROMPT, 4, "9:16", Mode.STD)


class Links:
    """This dialect gives out no addresses."""

    def video_url(self, task: Task) -> str:
        raise AssertionError

    def watermark_url(self, task: Task) -> str:
        raise AssertionError

    def file_url(self, file: StoredFile) -> str:
        raise AssertionError

    def duration_token(self, file: StoredFile) -> str | None:
        raise AssertionError


def context(run_s: float = 30.0) -> RenderContext:
    return RenderContext(CATALOG, Links(), "req_01KB2R8T4NQ6V0X3Z5A7C9E1G6", lambda: b"{}", lambda _: run_s)


CONTEXT = context()


def task_in(state: State, task_id: TaskId = TASK_ID, generation: Generation = GENERATION, **changes: Any) -> Task:
    """The task of the examples."""
    given: dict[str, Any] = {
        "dialect": "openai_videos",
        "wire_model": "sora-2",
        "wire": '{"size":"720x1280"}',
        "created_at_us": NINE_US,
    }
    more = {
        name: changes.pop(name)
        for name in ("dialect", "wire_model", "wire", "created_at_us", "remixed_from")
        if name in changes
    }
    task = queued_task(
        task_id,
        AccountId("acct_01KB2R8T4NQ6V0X3Z5A7C9E1G3"),
        model=generation.model,
        generation=generation_text(generation),
        price_credits=54,
        deadline_at_us=NINE_US + 3_600 * S,
        result_ttl_s=15 * 86_400,
        **(given | more),
    )
    values = {name: getattr(task, name) for name in task.__slots__}
    return Task(**(values | {"state": state} | changes))


def result(width: int, height: int) -> str:
    folder = f"results/{TASK_ID}"
    return json.dumps(
        asdict(StoredResult(f"{folder}/video.mp4", f"{folder}/poster.jpg", 9, "ab" * 32, width, height, 4.0, "h264"))
    )


BASE = {"id": TASK_ID, "object": "video", "model": "sora-2", "status": "queued", "progress": 0, "created_at": 1795251600, "completed_at": None, "expires_at": None, "prompt": PROMPT, "seconds": "4", "size": "720x1280", "remixed_from_video_id": None, "error": None}  # fmt: skip
RAN = {"job_id": JobId("job-1")}
SUCCESS = RAN | {
    "progress": 1.0,
    "final_at_us": NINE_US + 72 * S,
    "result": result(720, 1280),
    "result_expires_at_us": NINE_US + (72 + 15 * 86_400) * S,
}

STATES: list[tuple[str, Task, dict[str, Any]]] = [
    ("queued", task_in(State.QUEUED), {}),
    ("submitting", task_in(State.SUBMITTING), {}),
    ("running", task_in(State.RUNNING, progress=0.41, **RAN), {"status": "in_progress", "progress": 41}),
    ("storing", task_in(State.STORING, progress=0.99, **RAN), {"status": "in_progress", "progress": 99}),
    ("succeeded", task_in(State.SUCCEEDED, **SUCCESS), {"status": "completed", "progress": 100, "completed_at": 1795251672, "expires_at": 1796547672}),
    (
        "failed",
        task_in(State.FAILED, progress=0.12, failure_code=FailureCode.CONTENT_REJECTED, final_at_us=NINE_US + 9 * S, **RAN),
        {"status": "failed", "progress": 12, "completed_at": 1795251609, "error": {"code": "moderation_blocked", "message": "The content was refused by the safety rules."}},
    ),
    (
        "cancelled",
        task_in(State.CANCELLED, failure_code=FailureCode.CANCELLED, final_at_us=NINE_US + 9 * S),
        {"status": "failed", "progress": 0, "completed_at": 1795251609, "error": {"code": "cancelled", "message": "The video was cancelled."}},
    ),
    (
        "expired",
        task_in(State.EXPIRED, progress=0.97, failure_code=FailureCode.TIMEOUT, final_at_us=NINE_US + 3_600 * S, **RAN),
        {"status": "failed", "progress": 95, "completed_at": 1795255200, "error": {"code": "expired", "message": "The video expired before it finished."}},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("task", "changes"), [row[1:] for row in STATES], ids=[row[0] for row in STATES])
def test_8_5_a_video_is_rendered_as_the_contract_prints_it(task: Task, changes: dict[str, Any]) -> None:
    answer = render_read(TaskView(task), CONTEXT)
    assert (answer.status, json.loads(answer.body)) == (200, BASE | changes)
    assert list(json.loads(answer.body)) == list(BASE)
    is_final = task.state in (State.SUCCEEDED, State.FAILED, State.CANCELLED, State.EXPIRED)
    assert answer.headers == (() if is_final else (("openai-poll-after-ms", "2000"),))


@pytest.mark.parametrize(
    ("run_s", "pace_ms"), [(0.0, 1000), (14.9, 1000), (15.0, 2000), (59.9, 2000), (60.0, 5000), (900.0, 5000)]
)
def test_8_4_the_pace_follows_the_expected_time(run_s: float, pace_ms: int) -> None:
    answer = render_read(TaskView(task_in(State.QUEUED)), context(run_s))
    assert answer.headers == (("openai-poll-after-ms", str(pace_ms)),)


def test_7_5_an_accepted_video_is_rendered_as_the_contract_prints_it() -> None:
    task = task_in(
        State.QUEUED,
        generation=Generation("kling-3-0", PROMPT, 8, "16:9", Mode.STD),
        wire_model="kling-3-0",
        wire='{"size":"1280x720"}',
    )
    expected = BASE | {"model": "kling-3-0", "seconds": "8", "size": "1280x720"}
    answer = render_create(TaskView(task, is_new=True), CONTEXT)
    assert (answer.status, json.loads(answer.body), answer.headers) == (200, expected, ())
    answer = render_create(TaskView(task, is_new=True, ignored=("user",)), CONTEXT)
    assert answer.headers == (("X-Reelway-Ignored", "user"),)
    kept = KeptAnswer(200, (("X-Reelway-Ignored", "user"),), b"{}")
    replay = render_create(ReplayView(kept), CONTEXT)
    assert (replay.body, replay.headers) == (b"{}", (*kept.headers, ("Idempotent-Replayed", "true")))
    assert OPENAI_VIDEOS.answer_to_create(task, CONTEXT).body == render_create(TaskView(task), CONTEXT).body


def test_9_a_page_is_rendered_as_the_contract_prints_it() -> None:
    answer = render_list(PageView(Page((task_in(State.QUEUED),), False)), CONTEXT)
    assert json.loads(answer.body) == {
        "object": "list",
        "data": [BASE],
        "first_id": TASK_ID,
        "last_id": TASK_ID,
        "has_more": False,
    }
    two = (task_in(State.QUEUED, REMIX_ID), task_in(State.QUEUED))
    found = json.loads(render_list(PageView(Page(two, True)), CONTEXT).body)
    assert (found["first_id"], found["last_id"], found["has_more"]) == (REMIX_ID, TASK_ID, True)
    empty = json.loads(render_list(PageView(Page((), False)), CONTEXT).body)
    assert empty == {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}


def test_10_a_deleted_video_is_rendered_as_the_contract_prints_it() -> None:
    answer = render_deleted(DeletedView(TASK_ID), CONTEXT)
    assert json.loads(answer.body) == {"id": TASK_ID, "object": "video.deleted", "deleted": True}


def test_12_a_remix_is_rendered_as_the_contract_prints_it() -> None:
    task = task_in(
        State.QUEUED,
        REMIX_ID,
        Generation("kling-3-0", "The same bottle at night", 4, "9:16", Mode.STD),
        created_at_us=NINE_US + 100 * S,
        remixed_from=TASK_ID,
    )
    expected = BASE | {
        "id": REMIX_ID,
        "created_at": 1795251700,
        "prompt": "The same bottle at night",
        "remixed_from_video_id": TASK_ID,
    }
    assert json.loads(render_create(TaskView(task), CONTEXT).body) == expected


def test_6_1_a_video_of_another_dialect_shows_the_catalogue_id_and_a_size_of_its_mode() -> None:
    task = task_in(
        State.RUNNING,
        generation=Generation("kling-3-0", "", 5, "9:16", Mode.PRO),
        dialect="kling",
        wire_model="kling-v3",
        wire='{"whatever": 1}',
    )
    found = json.loads(render_read(TaskView(task), CONTEXT).body)
    assert (found["model"], found["seconds"], found["size"], found["prompt"]) == ("kling-3-0", "5", "1080x1920", None)


def test_6_3_the_size_is_the_requested_text_until_the_file_was_measured() -> None:
    wanted = {"wire": '{"size":"1792x1024"}', "generation": Generation("kling-3-0", PROMPT, 4, "16:9", Mode.PRO)}
    before = json.loads(render_read(TaskView(task_in(State.STORING, **wanted)), CONTEXT).body)
    after = json.loads(
        render_read(
            TaskView(task_in(State.SUCCEEDED, **wanted, **(SUCCESS | {"result": result(1920, 1080)}))), CONTEXT
        ).body
    )
    assert (before["size"], after["size"]) == ("1792x1024", "1920x1080")


@pytest.mark.parametrize("code", FailureCode)
def test_8_3_every_failure_has_a_code_and_a_message(code: FailureCode) -> None:
    task = task_in(State.FAILED, failure_code=code, failure_reason="the host did not answer", final_at_us=NINE_US)
    error = json.loads(render_read(TaskView(task), CONTEXT).body)["error"]
    word, message = FAILURES[code]
    assert error == {"code": word, "message": message.replace("{reason}", "the host did not answer")}


def test_8_2_every_state_has_one_of_the_four_words() -> None:
    assert set(STATUSES) == set(State)
    assert set(STATUSES.values()) == {"queued", "in_progress", "completed", "failed"}


@pytest.mark.parametrize(
    ("state", "share", "job", "percent"),
    [
        (State.RUNNING, 0.0, True, 1),
        (State.RUNNING, 0.999, True, 95),
        (State.FAILED, 0.0, True, 1),
        (State.FAILED, 0.0, False, 0),
        (State.FAILED, 0.97, True, 95),
        (State.FAILED, 0.99, True, 99),
        (State.CANCELLED, 0.5, True, 50),
        (State.QUEUED, 0.5, False, 0),
        (State.SUCCEEDED, 1.0, True, 100),
    ],
)
def test_8_2_progress_stays_what_was_last_told(state: State, share: float, job: bool, percent: int) -> None:
    changes: dict[str, Any] = {"progress": share, "job_id": JobId("job-1") if job else None}
    if state in (State.FAILED, State.CANCELLED):
        changes["failure_code"] = FailureCode.GENERATION_FAILED
    assert json.loads(render_read(TaskView(task_in(state, **changes)), CONTEXT).body)["progress"] == percent


# Section 5.3 in its order.
INVALID = "invalid_request_error"
SIZE_LIST = ", ".join(SIZES)
MB10 = FILE_BYTES_MAX
Row = tuple[ReelwayError, int, dict[str, str], str]
ERRORS: list[Row] = [
    (errors.ContentTypeError(("x",)), 400, {}, '{"error": {"message": "Content-Type must be multipart/form-data, application/json or application/x-www-form-urlencoded.", "type": "invalid_request_error", "param": null, "code": "invalid_content_type"}}'),
    (errors.MalformedBodyError(BodyFault.NOT_JSON), 400, {}, '{"error": {"message": "The request body cannot be parsed.", "type": "invalid_request_error", "param": null, "code": "invalid_body"}}'),
    (fault("missing_required_parameter", "prompt", "Missing required parameter: prompt."), 400, {}, '{"error": {"message": "Missing required parameter: prompt.", "type": "invalid_request_error", "param": "prompt", "code": "missing_required_parameter"}}'),
    (fault("invalid_type", "prompt", "prompt must be a string."), 400, {}, '{"error": {"message": "prompt must be a string.", "type": "invalid_request_error", "param": "prompt", "code": "invalid_type"}}'),
    (fault("invalid_value", "size", f"size must be one of {SIZE_LIST}."), 400, {}, '{"error": {"message": "size must be one of 1280x720, 720x1280, 720x720, 1920x1080, 1080x1920, 1080x1080, 1792x1024, 1024x1792, 3840x2160, 2160x3840, 2160x2160.", "type": "invalid_request_error", "param": "size", "code": "invalid_value"}}'),
    (fault("string_above_max_length", "prompt", "prompt may have at most 2500 characters."), 400, {}, '{"error": {"message": "prompt may have at most 2500 characters.", "type": "invalid_request_error", "param": "prompt", "code": "string_above_max_length"}}'),
    (fault("unknown_parameter", "n", "Unknown parameter: n."), 400, {}, '{"error": {"message": "Unknown parameter: n.", "type": "invalid_request_error", "param": "n", "code": "unknown_parameter"}}'),
    (fault("unsupported_parameter", "cfg_scale", "cfg_scale is not supported by kling-3-0."), 400, {}, '{"error": {"message": "cfg_scale is not supported by kling-3-0.", "type": "invalid_request_error", "param": "cfg_scale", "code": "unsupported_parameter"}}'),
    (fault("invalid_image", "input_reference", "input_reference must be a JPEG, PNG or WebP image."), 400, {}, '{"error": {"message": "input_reference must be a JPEG, PNG or WebP image.", "type": "invalid_request_error", "param": "input_reference", "code": "invalid_image"}}'),
    (fault("file_not_found", "input_reference", "No such file."), 400, {}, '{"error": {"message": "No such file.", "type": "invalid_request_error", "param": "input_reference", "code": "file_not_found"}}'),
    (errors.ApiKeyError(KeyFault.MISSING), 401, {}, '{"error": {"message": "No API key was provided.", "type": "invalid_request_error", "param": null, "code": "missing_api_key"}}'),
    (errors.ApiKeyError(KeyFault.INVALID), 401, {}, '{"error": {"message": "The API key is not valid.", "type": "invalid_request_error", "param": null, "code": "invalid_api_key"}}'),
    (errors.ContentRefusedError(), 400, {}, '{"error": {"message": "The content was refused by the safety rules.", "type": "invalid_request_error", "param": null, "code": "moderation_blocked"}}'),
    (errors.ScopeDeniedError("generations:create"), 403, {}, '{"error": {"message": "The API key lacks the scope generations:create.", "type": "permission_error", "param": null, "code": "insufficient_scope"}}'),
    (errors.UnknownModelError("sora-9"), 404, {}, '{"error": {"message": "The model sora-9 does not exist.", "type": "invalid_request_error", "param": "model", "code": "model_not_found"}}'),
    (errors.NotFoundError("task"), 404, {}, '{"error": {"message": "No such video.", "type": "invalid_request_error", "param": null, "code": "video_not_found"}}'),
    (errors.ResultNotReadyError(), 404, {}, '{"error": {"message": "The video is not ready yet.", "type": "invalid_request_error", "param": null, "code": "video_not_ready"}}'),
    (errors.ResultMissingError(), 400, {}, '{"error": {"message": "The video failed and has no content.", "type": "invalid_request_error", "param": null, "code": "video_failed"}}'),
    (errors.NotFoundError("endpoint"), 404, {}, '{"error": {"message": "This endpoint is not supported.", "type": "invalid_request_error", "param": null, "code": "unsupported_endpoint"}}'),
    (errors.NotFoundError("path"), 404, {}, '{"error": {"message": "Not found.", "type": "invalid_request_error", "param": null, "code": "not_found"}}'),
    (errors.MethodNotAllowedError(("GET", "POST")), 405, {"Allow": "GET, POST"}, '{"error": {"message": "Method not allowed.", "type": "invalid_request_error", "param": null, "code": "method_not_allowed"}}'),
    (errors.NotDeletableError(), 409, {"x-should-retry": "false"}, '{"error": {"message": "The video is being made and cannot be stopped.", "type": "invalid_request_error", "param": null, "code": "video_not_deletable"}}'),
    (errors.IdempotencyConflictError(is_in_progress=False), 409, {"x-should-retry": "false"}, '{"error": {"message": "This Idempotency-Key was used with a different request.", "type": "invalid_request_error", "param": null, "code": "idempotency_conflict"}}'),
    (errors.IdempotencyConflictError(is_in_progress=True), 409, {"x-should-retry": "true", "Retry-After": "1"}, '{"error": {"message": "A request with this Idempotency-Key is in progress.", "type": "invalid_request_error", "param": null, "code": "idempotency_in_progress"}}'),
    (errors.ResultExpiredError(), 410, {}, '{"error": {"message": "The content of this video has expired.", "type": "invalid_request_error", "param": null, "code": "video_expired"}}'),
    (errors.BodyTooLargeError("body", 16 * 1024 * 1024), 413, {}, '{"error": {"message": "The request body is too large.", "type": "invalid_request_error", "param": null, "code": "request_too_large"}}'),
    (errors.BodyTooLargeError("input_reference", MB10), 413, {}, '{"error": {"message": "input_reference may have at most 10 MB.", "type": "invalid_request_error", "param": "input_reference", "code": "file_too_large"}}'),
    (errors.RateLimitedError(12), 429, {"Retry-After": "12"}, '{"error": {"message": "Rate limit reached. Retry in 12 seconds.", "type": "rate_limit_error", "param": null, "code": "rate_limit_exceeded"}}'),
    (errors.TooManyUnfinishedError(1000), 429, {"Retry-After": "5"}, '{"error": {"message": "Too many unfinished videos (limit 1000).", "type": "rate_limit_error", "param": null, "code": "concurrency_limit_exceeded"}}'),
    (errors.InsufficientCreditsError(54, 17), 429, {"x-should-retry": "false"}, '{"error": {"message": "Not enough credits.", "type": "insufficient_quota", "param": null, "code": "insufficient_quota"}}'),
    (errors.InternalError(), 500, {}, '{"error": {"message": "Internal error.", "type": "server_error", "param": null, "code": "internal_error"}}'),
    (errors.ApiDisabledError(), 503, {"Retry-After": "60", "x-should-retry": "false"}, '{"error": {"message": "The API is switched off for the moment.", "type": "server_error", "param": null, "code": "service_unavailable"}}'),
]  # fmt: skip


@pytest.mark.parametrize(
    ("error", "status", "headers", "body"), ERRORS, ids=[json.loads(row[3])["error"]["code"] for row in ERRORS]
)
def test_5_3_an_error_is_rendered_as_the_contract_prints_it(
    error: ReelwayError, status: int, headers: dict[str, str], body: str
) -> None:
    answer = render_error(error, "req_01KB2R8T4NQ6V0X3Z5A7C9E1G6", CATALOG)
    assert (answer.status, dict(answer.headers)) == (status, headers)
    assert json.loads(answer.body) == json.loads(body)
    assert list(json.loads(answer.body)["error"]) == ["message", "type", "param", "code"]


def test_5_3_a_value_that_no_provider_can_do_names_the_first_field_in_the_order_of_7_1() -> None:
    """Its message alone differs from the printed one: it does not repeat the value."""
    error = UnsupportedError("kling-v2-5-turbo-pro", {Need.MODE: ("std", "pro")})
    found = json.loads(render_error(error, "", CATALOG).body)["error"]
    assert found.pop("message")
    assert found == {"type": INVALID, "param": "size", "code": "unsupported_value"}
    needs = [Need.SOUND, Need.LAST_FRAME, Need.MODE, Need.DURATION_S]
    params = []
    while needs:
        told = json.loads(render_error(UnsupportedError("kling-3-0", dict.fromkeys(needs)), "", CATALOG).body)
        params.append(told["error"]["param"])
        needs.pop()
    assert params == ["seconds", "size", "last_frame", "sound"]
    combination = json.loads(render_error(UnsupportedError("kling-3-0", {}), "", CATALOG).body)["error"]
    assert combination["code"] == "unsupported_value"


MORE: list[ReelwayError] = [
    UnsupportedError("kling-3-0", {Need.MODE: None}),
    errors.IdempotencyKeyError(),
    errors.UploadRefusedError(UploadFault.BROKEN),
    errors.NotCancellableError(),
    errors.UnknownCursorError(),
    errors.ExternalIdTakenError(),
    errors.SandboxDirectiveError("dance", ("hang", "throttle")),
    errors.UnavailableError("the disk is full"),
    errors.ValidationFailedError((errors.Problem("prompt", "No."),)),
]


def test_5_2_every_error_that_there_is_has_words_in_this_dialect() -> None:
    told = {type(error) for error, *_ in ERRORS} | {type(error) for error in MORE}
    assert {error.__name__ for error in errors.all_errors()} <= {kind.__name__ for kind in told}
    for error in MORE:
        answer = render_error(error, "", CATALOG)
        found = json.loads(answer.body)["error"]
        assert (answer.status, found["type"]) == CODES[found["code"]]


def test_5_2_every_code_is_told_by_some_error() -> None:
    told = {
        json.loads(render_error(error, "", CATALOG).body)["error"]["code"]
        for error in [*(row[0] for row in ERRORS), *MORE]
    }
    assert told == set(CODES)


@pytest.mark.parametrize("fault_kind", KeyFault)
def test_3_every_fault_of_a_key_has_one_of_two_codes(fault_kind: KeyFault) -> None:
    code = json.loads(render_error(errors.ApiKeyError(fault_kind), "", CATALOG).body)["error"]["code"]
    is_missing = fault_kind in (KeyFault.MISSING, KeyFault.OTHER_SCHEME)
    assert code == ("missing_api_key" if is_missing else "invalid_api_key")


def test_5_2_our_own_503_may_be_tried_again_because_nothing_was_changed() -> None:
    headers = dict(render_error(errors.UnavailableError("the disk is full"), "", CATALOG).headers)
    assert headers == {"Retry-After": "5"}
