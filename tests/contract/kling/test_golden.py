# ruff: noqa: E501 - the bodies stand on one line, as the contract prints them
"""Golden bodies: what sections 5.3, 10, 11.3, 11.5, 12 and 13 print, rendered from constructed things.

A change of the wire is seen here at once.
"""

import hashlib
import json
from dataclasses import asdict, replace
from typing import Any

import pytest

from reelway.catalog import load_catalog
from reelway.dialects.base import RenderContext
from reelway.dialects.kling import KLING
from reelway.dialects.kling.errors import NEEDS_IN_ORDER, render_error
from reelway.dialects.kling.render import (
    FAILURE_MESSAGES,
    decimal_text,
    render_callback,
    render_costs,
    render_create,
    render_list,
    render_task,
    with_ignored,
)
from reelway.domain import errors
from reelway.domain.errors import BodyFault, KeyFault, Problem, ReelwayError, UploadFault
from reelway.domain.generation import Camera, CameraMove, Generation, Mode, Reference, generation_text
from reelway.domain.ids import AccountId, TaskId
from reelway.domain.intents import AccountView, PageView, ReplayView, TaskView
from reelway.domain.media import MediaKind
from reelway.domain.records import Page, StoredFile
from reelway.domain.routing import Need, UnsupportedError
from reelway.domain.task import FailureCode, State, StoredResult, Task, queued_task
from reelway.wire import kling

REQUEST_ID = "c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9"
TASK_ID = TaskId("task_01KB2R8T4NQ6V0X3Z5A7C9E1G3")
ACCOUNT_ID = AccountId("acct_01KB2R8T4NQ6V0X3Z5A7C9E1G3")
NINE_US = 1_795_251_600_000_000
S = 1_000_000
CATALOG = load_catalog()
GENERATION = Generation("kling-v2-5-turbo-pro", "A bottle", 5, "16:9", Mode.PRO)
RESULT = StoredResult("results/v", "results/p", 1, "00", 1920, 1080, 5.041666, "h264", "results/w")
MEDIA = "https://gw.example.com/media/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/k3Jd82"


class Links:
    """The addresses of the contract's examples."""

    def video_url(self, task: Task) -> str:
        return f"{MEDIA}/video.mp4"

    def watermark_url(self, task: Task) -> str:
        return f"{MEDIA}/watermark.mp4"

    def file_url(self, file: StoredFile) -> str:
        raise AssertionError("this dialect shows no files")

    def duration_token(self, file: StoredFile) -> str | None:
        raise AssertionError("this dialect shows no files")


CONTEXT = RenderContext(CATALOG, Links(), REQUEST_ID, lambda: b"{}", lambda _: 30.0)


def task_in(state: State, seconds: int = 0, *, watermark: bool = False, **changes: Any) -> Task:
    """The task of the examples, `seconds` after nine o'clock."""
    task = queued_task(
        TASK_ID,
        ACCOUNT_ID,
        dialect="kling",
        model="kling-v2-5-turbo-pro",
        generation=generation_text(replace(GENERATION, watermark=watermark)),
        price_credits=42,
        created_at_us=NINE_US + 123,
        deadline_at_us=NINE_US + 3_600 * S,
        result_ttl_s=30 * 86_400,
        external_task_id="order-7",
        wire='"2.5"',
    )
    at_us = NINE_US + seconds * S + 999
    task = replace(
        task, state=state, updated_at_us=at_us, state_at_us=at_us, due_at_us=None, provider="secret-provider"
    )
    return replace(task, **changes)


SUCCEEDED: dict[str, Any] = {"result": json.dumps(asdict(RESULT)), "result_expires_at_us": NINE_US + 30 * 86_400 * S}
REJECTED: dict[str, Any] = {"failure_code": FailureCode.CONTENT_REJECTED, "external_task_id": None}

BODIES: list[tuple[Task, str]] = [
    *(
        (
            task_in(state),
            '{"code": 0, "message": "SUCCEED", "request_id": "c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9", "data": {"task_id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "task_status": "submitted", "task_status_msg": "", "task_info": {"external_task_id": "order-7"}, "watermark_info": {"enabled": false}, "created_at": 1795251600000, "updated_at": 1795251600000}}',
        )
        for state in (State.QUEUED, State.SUBMITTING)
    ),
    *(
        (
            task_in(state, 4),
            '{"code": 0, "message": "SUCCEED", "request_id": "c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9", "data": {"task_id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "task_status": "processing", "task_status_msg": "", "task_info": {"external_task_id": "order-7"}, "watermark_info": {"enabled": false}, "created_at": 1795251600000, "updated_at": 1795251604000}}',
        )
        for state in (State.RUNNING, State.STORING)
    ),
    (
        task_in(State.SUCCEEDED, 72, watermark=True, **SUCCEEDED),
        '{"code": 0, "message": "SUCCEED", "request_id": "c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9", "data": {"task_id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "task_status": "succeed", "task_status_msg": "", "task_info": {"external_task_id": "order-7"}, "task_result": {"videos": [{"id": "video_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "url": "https://gw.example.com/media/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/k3Jd82/video.mp4", "watermark_url": "https://gw.example.com/media/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/k3Jd82/watermark.mp4", "duration": "5.04"}]}, "watermark_info": {"enabled": true}, "final_unit_deduction": "2.5", "created_at": 1795251600000, "updated_at": 1795251672000}}',
    ),
    (
        task_in(State.FAILED, 9, **REJECTED),
        '{"code": 0, "message": "SUCCEED", "request_id": "c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9", "data": {"task_id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "task_status": "failed", "task_status_msg": "Failure to pass the risk control system", "task_info": {}, "watermark_info": {"enabled": false}, "final_unit_deduction": "0", "created_at": 1795251600000, "updated_at": 1795251609000}}',
    ),
    (
        task_in(State.CANCELLED, 9, failure_code=FailureCode.CANCELLED, external_task_id=None),
        '{"code": 0, "message": "SUCCEED", "request_id": "c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9", "data": {"task_id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "task_status": "failed", "task_status_msg": "The task was cancelled", "task_info": {}, "watermark_info": {"enabled": false}, "final_unit_deduction": "0", "created_at": 1795251600000, "updated_at": 1795251609000}}',
    ),
    (
        task_in(State.EXPIRED, 3_600, failure_code=FailureCode.TIMEOUT, external_task_id=None),
        '{"code": 0, "message": "SUCCEED", "request_id": "c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9", "data": {"task_id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "task_status": "failed", "task_status_msg": "The task timed out", "task_info": {}, "watermark_info": {"enabled": false}, "final_unit_deduction": "0", "created_at": 1795251600000, "updated_at": 1795255200000}}',
    ),
]  # fmt: skip


def assert_same(body: bytes, printed: str) -> None:
    """The same JSON with its keys in the same order."""
    assert json.dumps(json.loads(body)) == json.dumps(json.loads(printed))
    assert b"secret-provider" not in body


@pytest.mark.parametrize(("task", "body"), BODIES, ids=[task.state for task, _ in BODIES])
def test_11_3_a_task_is_rendered_as_the_contract_prints_it(task: Task, body: str) -> None:
    answer = render_task(TaskView(task), CONTEXT)
    assert (answer.status, answer.media_type) == (200, "application/json")
    assert_same(answer.body, body)


CREATED = '{"code": 0, "message": "SUCCEED", "request_id": "c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9", "data": {"task_id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "task_status": "submitted", "task_info": {"external_task_id": "order-7"}, "created_at": 1795251600000, "updated_at": 1795251600000}}'


def test_10_a_create_is_rendered_as_the_contract_prints_it() -> None:
    answer = render_create(TaskView(task_in(State.QUEUED), is_new=True), CONTEXT)
    assert (answer.status, answer.headers) == (200, ())
    assert_same(answer.body, CREATED)
    answer = render_create(TaskView(task_in(State.QUEUED), is_new=True, ignored=("model", "cfg_scale")), CONTEXT)
    assert answer.headers == (("X-Reelway-Ignored", "model, cfg_scale"),)
    answer = render_create(TaskView(task_in(State.QUEUED, external_task_id=None), is_new=True), CONTEXT)
    assert json.loads(answer.body)["data"]["task_info"] == {}


def test_16_a_kept_answer_is_replayed_with_its_request_id_and_what_was_ignored() -> None:
    kept = with_ignored(KLING.answer_to_create(task_in(State.QUEUED), CONTEXT), ("cfg_scale",))
    later = replace(CONTEXT, request_id="3b241101-e2bb-4255-8caf-4136c566a962")
    answer = render_create(ReplayView(kept), later)
    assert answer.status == 200
    assert dict(answer.headers) == {"X-Reelway-Ignored": "cfg_scale", "Idempotent-Replayed": "true"}
    assert_same(answer.body, CREATED)


def test_11_5_a_page_is_rendered_as_the_contract_prints_it() -> None:
    page = Page((task_in(State.RUNNING, 4, external_task_id=None),), has_more=True)
    assert_same(
        render_list(PageView(page), CONTEXT).body,
        '{"code": 0, "message": "SUCCEED", "request_id": "c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9", "data": [{"task_id": "task_01KB2R8T4NQ6V0X3Z5A7C9E1G3", "task_status": "processing", "task_status_msg": "", "task_info": {}, "watermark_info": {"enabled": false}, "created_at": 1795251600000, "updated_at": 1795251604000}]}',
    )
    assert json.loads(render_list(PageView(Page((), has_more=False)), CONTEXT).body)["data"] == []


CALLBACKS = [
    (
        task_in(State.QUEUED),
        '{"task_id":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3","task_status":"submitted","task_status_msg":"","task_info":{"external_task_id":"order-7"},"created_at":1795251600000,"updated_at":1795251600000}',
    ),
    (
        task_in(State.RUNNING, 4),
        '{"task_id":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3","task_status":"processing","task_status_msg":"","task_info":{"external_task_id":"order-7"},"created_at":1795251600000,"updated_at":1795251604000}',
    ),
    (
        task_in(State.SUCCEEDED, 72, watermark=True, **SUCCEEDED),
        '{"task_id":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3","task_status":"succeed","task_status_msg":"","task_info":{"external_task_id":"order-7"},"task_result":{"videos":[{"id":"video_01KB2R8T4NQ6V0X3Z5A7C9E1G3","url":"https://gw.example.com/media/task_01KB2R8T4NQ6V0X3Z5A7C9E1G3/k3Jd82/video.mp4","duration":"5.04"}]},"final_unit_deduction":"2.5","created_at":1795251600000,"updated_at":1795251672000}',
    ),
    (
        task_in(State.FAILED, 9, failure_code=FailureCode.CONTENT_REJECTED),
        '{"task_id":"task_01KB2R8T4NQ6V0X3Z5A7C9E1G3","task_status":"failed","task_status_msg":"Failure to pass the risk control system","task_info":{"external_task_id":"order-7"},"final_unit_deduction":"0","created_at":1795251600000,"updated_at":1795251609000}',
    ),
]  # fmt: skip


@pytest.mark.parametrize(("task", "body"), CALLBACKS, ids=[task.state for task, _ in CALLBACKS])
def test_12_a_callback_is_the_bare_data_byte_for_byte(task: Task, body: str) -> None:
    assert render_callback(task, CONTEXT).decode() == body


def account_view(granted: int = 1000, available: int = 958, wire: str | None = None) -> AccountView:
    return AccountView(ACCOUNT_ID, 1_795_000_000_000_000, granted, available, wire)


def test_13_the_account_is_rendered_as_the_contract_prints_it() -> None:
    answer = render_costs(account_view(), CONTEXT)
    printed = '{"code": 0, "message": "SUCCEED", "request_id": "c0656403-1e6e-4b7e-b8f8-2cdd2595f2b9", "data": {"code": 0, "msg": "success", "resource_pack_subscribe_infos": [{"resource_pack_name": "credits", "resource_pack_id": "509f3fd3d4ab4a3f9eec5db27aa44f27", "resource_pack_type": "decreasing_total", "total_quantity": 1000.0, "remaining_quantity": 958.0, "purchase_time": 1795000000000, "effective_time": 1795000000000, "invalid_time": 4102444800000, "status": "online"}]}}'
    own_id = hashlib.sha256(ACCOUNT_ID.encode()).hexdigest()[:32]
    assert_same(answer.body, printed.replace("509f3fd3d4ab4a3f9eec5db27aa44f27", own_id))


def test_13_the_pack_is_empty_left_out_or_not_the_one_that_was_asked_for() -> None:
    def packs(view: AccountView) -> Any:
        return json.loads(render_costs(view, CONTEXT).body)["data"].get("resource_pack_subscribe_infos")

    assert packs(account_view(available=0))[0]["status"] == "runOut"
    assert packs(account_view(granted=0, available=0)) is None
    assert packs(account_view(wire="credits")) == packs(account_view())
    assert packs(account_view(wire="video pack")) is None


@pytest.mark.parametrize(
    ("value", "text"), [(5.0, "5"), (5.04, "5.04"), (5.0416, "5.04"), (9.999, "10"), (10.5, "10.5"), (100, "100")]
)
def test_11_3_decimals_have_no_trailing_zeros(value: float, text: str) -> None:
    assert decimal_text(value, 2) == text


def test_11_3_units_of_a_task_from_another_dialect_follow_from_its_card() -> None:
    def deducted(**changes: Any) -> str:
        task = replace(task_in(State.SUCCEEDED, 72, **SUCCEEDED), **changes)
        data = json.loads(render_task(TaskView(task), CONTEXT).body)["data"]
        return str(data["final_unit_deduction"])

    assert deducted(wire='"7.25"') == "7.25"
    assert deducted(dialect="rivya", wire=None) == "2.5"
    assert deducted(dialect="apixo", wire='{"a": 1}') == "2.5"
    assert deducted(dialect="rivya", wire=None, model="gone") == "0"


def test_11_4_every_failure_has_a_message() -> None:
    assert set(FAILURE_MESSAGES) == set(FailureCode)
    for code in FailureCode:
        task = task_in(State.FAILED, 9, failure_code=code, failure_reason=None)
        assert json.loads(render_task(TaskView(task), CONTEXT).body)["data"]["task_status_msg"]
    task = task_in(State.FAILED, 9, failure_code=FailureCode.INVALID_REFERENCE, failure_reason="HTTP 404")
    message = json.loads(render_task(TaskView(task), CONTEXT).body)["data"]["task_status_msg"]
    assert message == "The input image could not be downloaded: HTTP 404"


# --- errors -----------------------------------------------------------------------------------------------------------


def unsupported(*unmet: Need, **changes: Any) -> UnsupportedError:
    generation = replace(GENERATION, **({"duration_s": 7} | changes))
    return UnsupportedError(GENERATION.model, dict.fromkeys(unmet), generation=generation)


FIELD = errors.ValidationFailedError((Problem("duration", "must be one of 3 to 15"),))
TWO = errors.ValidationFailedError(
    (Problem("image", "required with masks"), Problem("", "a, b and c exclude each other"))
)
NAME = "kling-v2-5-turbo"
Retry = str | None

ERRORS: list[tuple[ReelwayError, int, int, str, Retry]] = [
    (errors.ApiKeyError(KeyFault.OTHER_SCHEME), 401, 1000, "Authentication failed", None),
    (errors.ApiKeyError(KeyFault.MISSING), 401, 1001, "Authorization is empty", None),
    (errors.ApiKeyError(KeyFault.INVALID), 401, 1002, "api key not found", None),
    (errors.ApiKeyError(KeyFault.REVOKED), 401, 1002, "api key not found", None),
    (errors.ApiKeyError(KeyFault.TOKEN_INVALID), 401, 1002, "Authorization is invalid", None),
    (errors.ApiKeyError(KeyFault.TOKEN_NOT_YET), 401, 1003, "Token is not valid yet", None),
    (errors.ApiKeyError(KeyFault.TOKEN_EXPIRED), 401, 1004, "Token has expired", None),
    (errors.ApiKeyError(KeyFault.EXPIRED), 401, 1004, "Token has expired", None),
    (errors.InsufficientCreditsError(42, 3), 429, 1102, "Account balance not enough", None),
    (errors.ScopeDeniedError("credits:read"), 403, 1103, "No permission for this API", None),
    (errors.ContentRefusedError(), 400, 1301, "Content does not pass the safety rules", None),
    (errors.MalformedBodyError(BodyFault.NOT_JSON), 400, 1200, "Request body is not valid JSON", None),
    (errors.ContentTypeError(("application/json",)), 400, 1200, "Request body is not valid JSON", None),
    (FIELD, 400, 1201, "duration: must be one of 3 to 15", None),
    (TWO, 400, 1201, "image: required with masks; a, b and c exclude each other", None),
    (errors.ExternalIdTakenError(), 400, 1201, "external_task_id: already used", None),
    (errors.IdempotencyKeyError(), 400, 1201, "Idempotency-Key: must be 1 to 255 printable ASCII characters", None),
    (errors.IdempotencyConflictError(is_in_progress=False), 400, 1201, "Idempotency-Key: used with a different request", None),
    (errors.BodyTooLargeError("body", 1), 413, 1201, "Request body too large", None),
    (errors.MethodNotAllowedError(("GET",)), 404, 1202, "Method not allowed", None),
    (errors.UnknownModelError("kling-v9"), 404, 1203, "model_name kling-v9 does not exist", None),
    (errors.NotFoundError("task"), 404, 1203, "Task not found", None),
    (errors.NotFoundError("path"), 404, 1203, "Path not found", None),
    (errors.RateLimitedError(17), 429, 1302, "Request too frequent", "17"),
    (errors.RateLimitedError(0), 429, 1302, "Request too frequent", "1"),
    (errors.IdempotencyConflictError(is_in_progress=True), 429, 1302, "Request too frequent", "1"),
    (errors.TooManyUnfinishedError(1000), 429, 1303, "parallel task over resource pack limit", "5"),
    (errors.InternalError(), 500, 5000, "Internal error", None),
    (errors.ApiDisabledError(), 503, 5001, "Service under maintenance", "60"),
    (errors.UnavailableError("the disk is full"), 503, 5001, "Service under maintenance", "5"),
    (unsupported(Need.DURATION_S), 400, 1201, f"duration 7 is not supported for model_name {NAME}", None),
    (unsupported(), 400, 1201, f"this combination of fields is not supported for model_name {NAME}", None),
    (unsupported(Need.PRODUCT), 400, 1201, f"text2video is not supported for model_name {NAME}", None),
]  # fmt: skip


@pytest.mark.parametrize(("error", "status", "code", "message", "retry"), ERRORS)
def test_5_3_an_error_is_rendered_as_the_contract_prints_it(
    error: ReelwayError, status: int, code: int, message: str, retry: Retry
) -> None:
    answer = render_error(error, REQUEST_ID, CATALOG)
    assert answer.status == status
    assert_same(answer.body, json.dumps({"code": code, "message": message, "request_id": REQUEST_ID}))
    assert dict(answer.headers).get("Retry-After") == retry


def test_5_2_every_error_that_there_is_has_words_in_this_dialect() -> None:
    told = {type(error) for error, *_ in ERRORS}
    others = [
        errors.UnknownCursorError(),
        errors.NotCancellableError(),
        errors.NotDeletableError(),
        errors.ResultNotReadyError(),
        errors.ResultMissingError(),
        errors.ResultExpiredError(),
        errors.SandboxDirectiveError("dance", ("hang", "throttle")),
        errors.UploadRefusedError(UploadFault.BROKEN),
    ]
    for error in others:
        answer = render_error(error, REQUEST_ID, CATALOG)
        assert 400 <= answer.status < 500
        assert json.loads(answer.body)["code"] in (1201, 1203)
    told |= {type(error) for error in others}
    assert set(errors.all_errors()) == told


def test_5_2_codes_statuses_and_messages_belong_together() -> None:
    """Four codes of the vendor are never sent by us; its own service may send them to us. Source: contract 5.2."""
    never_sent = {1100, 1101, 1300, 1304}
    assert {code.value for code in set(kling.Code) - set(kling.STATUSES)} == never_sent
    worded = set(kling.STATUSES) - set(kling.MESSAGES)
    assert worded == {kling.Code.PARAMETER_INVALID, kling.Code.NOT_FOUND}


NEEDS: list[tuple[Need, dict[str, Any], str]] = [
    (Need.PRODUCT, {"start_frame": Reference(url="https://a.com")}, "image2video"),
    (Need.MULTI_SHOTS, {"multi_shots": True}, "multi_shot true"),
    (Need.NEGATIVE_PROMPT, {"negative_prompt": "blur"}, "negative_prompt blur"),
    (Need.SOUND, {"sound": True}, "sound on"),
    (Need.VOICES, {"voices": ("a", "b")}, "voice_list a, b"),
    (Need.CFG_SCALE, {"cfg_scale": 0.75}, "cfg_scale 0.75"),
    (Need.MODE, {"mode": Mode.UHD}, "mode 4k"),
    (Need.CAMERA, {"camera": Camera(CameraMove.DOWN_BACK)}, "camera_control down_back"),
    (Need.ASPECT_RATIO, {"aspect_ratio": "1:1"}, "aspect_ratio 1:1"),
    (Need.DURATION_S, {}, "duration 7"),
    (Need.REFERENCE_KIND, {}, "image"),
    (Need.LAST_FRAME, {}, "image_tail"),
    (Need.LAST_FRAME_ALONE, {}, "image_tail"),
    (Need.ELEMENTS, {"elements": ("7",)}, "element_list 7"),
    (Need.MASKS, {"static_mask": Reference(MediaKind.IMAGE, url="https://a.com")}, "static_mask"),
]


@pytest.mark.parametrize(("need", "changes", "words"), NEEDS)
def test_6_2_a_need_is_told_by_its_field_and_value(need: Need, changes: dict[str, Any], words: str) -> None:
    answer = render_error(unsupported(need, **changes), REQUEST_ID, CATALOG)
    assert json.loads(answer.body)["message"] == f"{words} is not supported for model_name {NAME}"


def test_6_2_the_first_field_of_the_tables_is_told() -> None:
    assert set(NEEDS_IN_ORDER) == set(Need)
    message = json.loads(render_error(unsupported(Need.DURATION_S, Need.SOUND, Need.MASKS), REQUEST_ID, CATALOG).body)
    assert message["message"].startswith("sound on")
