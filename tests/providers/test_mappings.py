"""Each documented answer of each dialect, and what it means for a task, its money and the circuit."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelway.catalog import load_catalog
from reelway.domain import outcomes
from reelway.domain.generation import Camera, CameraMove, Generation, Mode, Product, Reference, Role, Shot
from reelway.domain.ids import FileId, JobId, TaskId
from reelway.domain.media import MediaKind
from reelway.domain.routing import Need
from reelway.domain.task import FailureCode, PreparedReference
from reelway.providers import apixo, openai_videos, rivya
from reelway.providers.base import Order
from reelway.providers.config import Extra, ProviderConfig, load_providers
from reelway.providers.http import Answered
from reelway.providers.remote import found_again
from reelway.wire.apixo import FAILURES as APIXO_FAILURES
from reelway.wire.apixo import STATUSES as APIXO_STATUSES
from reelway.wire.openai_videos import CODES
from reelway.wire.openai_videos import FAILURES as OPENAI_FAILURES
from reelway.wire.rivya import FAILURE_MESSAGES, STATUSES

CATALOG = load_catalog()
TASK = TaskId("task_01KB2R8T4NQ6V0X3Z5A7C9E1G3")
POLL_S = 3.0
SECRETS = ("acme", "job-17", "https://")
"""What a provider may say of itself, and no caller may see."""

Accepted, Refused, Unavailable = outcomes.Accepted, outcomes.Refused, outcomes.Unavailable
Throttled, SubmitUnknown = outcomes.Throttled, outcomes.SubmitUnknown


def told(status: int, body: Any, **headers: str) -> Answered:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Answered(status, {name.replace("_", "-"): value for name, value in headers.items()}, raw)


def assert_discreet(outcome: object) -> None:
    reason = getattr(outcome, "reason", "")
    assert not any(secret in reason for secret in SECRETS), reason


def entry(folder: Path, kind: str, *lines: str) -> ProviderConfig:
    text = "\n".join(
        ["[[providers]]", 'name = "upstream"', f'kind = "{kind}"', 'base_url = "https://api.example.com"', *lines]
    )
    path = folder / "reelway.toml"
    path.write_text(text + '\napi_key_env = "UPSTREAM_KEY"')
    (found,) = load_providers(path, {"UPSTREAM_KEY": "key"}, {card.id for card in CATALOG})
    return found


# --- Rivya ------------------------------------------------------------------------------------------------------------

_RIVYA_SUBMITS = {
    "validation_failed": Refused,
    "webhook_url_rejected": Refused,
    "content_violation": Refused,
    "api_key_missing": Unavailable,
    "api_key_invalid": Unavailable,
    "api_key_revoked": Unavailable,
    "api_key_expired": Unavailable,
    "insufficient_credits": Unavailable,
    "api_scope_denied": Unavailable,
    "not_found": Unavailable,
    "method_not_allowed": Unavailable,
    "idempotency_conflict": SubmitUnknown,
    "generation_not_cancellable": SubmitUnknown,
    "rate_limited": Throttled,
    "internal_error": SubmitUnknown,
    "public_api_disabled": Unavailable,
    "service_unavailable": Unavailable,
}


def rivya_error(code: str, status: int | None = None, **more: Any) -> Answered:
    error = {"code": code, "message": "acme: job-17 at https://acme.example", "requestId": "req_1"} | more
    return told(STATUSES[code] if status is None else status, {"error": error}, retry_after="12")


def test_every_documented_error_of_rivya_has_a_meaning() -> None:
    assert set(_RIVYA_SUBMITS) == set(STATUSES)


@pytest.mark.parametrize(("code", "meaning"), _RIVYA_SUBMITS.items())
def test_an_error_of_rivya_to_a_submit(code: str, meaning: type) -> None:
    outcome = rivya.read_create(rivya_error(code), POLL_S)
    assert isinstance(outcome, meaning)
    assert_discreet(outcome)
    if isinstance(outcome, Refused):
        assert (outcome.code is FailureCode.CONTENT_REJECTED) == (code == "content_violation")
    if isinstance(outcome, Throttled):
        assert outcome.retry_after_s == 12
    if isinstance(outcome, Unavailable):
        assert outcome.opens_circuit == (STATUSES[code] in (401, 402, 403))


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("prompt", "its prompt was not accepted"),
        ("params.duration", "its duration was not accepted"),
        ("params.referenceMediaItems[0].url", "its images were not accepted"),
        ("acme", "it was not accepted"),
    ],
)
def test_what_rivya_found_wrong_is_told_in_our_words(field: str, reason: str) -> None:
    details = [{"field": field, "message": "acme says no"}]
    outcome = rivya.read_create(rivya_error("validation_failed", details=details), POLL_S)
    assert outcome == Refused(FailureCode.PROVIDER_REJECTED, reason)


def test_a_model_that_rivya_does_not_have_is_the_operators_fault_and_not_the_callers() -> None:
    details = [{"field": "model", "message": "Unknown model.", "allowed": []}]
    outcome = rivya.read_create(rivya_error("validation_failed", details=details), POLL_S)
    assert isinstance(outcome, Unavailable)
    assert not outcome.opens_circuit


@pytest.mark.parametrize("code", ["content_policy_violation", "moderation_blocked", "nsfw_content"])
def test_a_refusal_of_the_content_at_the_create_is_told_apart(code: str) -> None:
    answer = told(400, {"error": {"code": code, "message": "acme"}})
    assert rivya.read_create(answer, POLL_S) == Refused(FailureCode.CONTENT_REJECTED, "")


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_job_of_rivya_is_accepted(status: int) -> None:
    assert rivya.read_create(told(status, {"id": "t1", "status": "queued"}), POLL_S) == Accepted(JobId("t1"), POLL_S)


@pytest.mark.parametrize("body", [b"<html>", {}, {"id": 7}, {"id": ""}, [1]])
def test_a_good_answer_that_cannot_be_read_leaves_the_outcome_unknown(body: Any) -> None:
    assert isinstance(rivya.read_create(told(202, body), POLL_S), SubmitUnknown)
    assert isinstance(apixo.read_create(told(200, body), POLL_S), SubmitUnknown)
    assert isinstance(openai_videos.read_create(told(200, body), POLL_S), SubmitUnknown)


@pytest.mark.parametrize("status", [500, 502, 503, 504, 520, 408])
@pytest.mark.parametrize("read", [rivya.read_create, apixo.read_create, openai_videos.read_create])
def test_a_fault_of_a_server_or_of_what_stands_before_it_leaves_the_outcome_unknown(read: Any, status: int) -> None:
    assert isinstance(read(told(status, b"<html>Bad gateway</html>"), POLL_S), SubmitUnknown)


@pytest.mark.parametrize("status", [301, 302, 307, 404, 405, 410])
@pytest.mark.parametrize("read", [rivya.read_create, apixo.read_create, openai_videos.read_create])
def test_an_answer_from_somewhere_else_made_no_job_and_is_not_the_callers_fault(read: Any, status: int) -> None:
    assert isinstance(read(told(status, b"<html>moved</html>"), POLL_S), Unavailable)


@pytest.mark.parametrize("status", [429])
@pytest.mark.parametrize("read", [rivya.read_create, apixo.read_create, openai_videos.read_create])
def test_a_throttle_is_one_whatever_its_body(read: Any, status: int) -> None:
    assert read(told(status, b"slow down", retry_after="30"), POLL_S) == Throttled(30)
    assert read(told(status, b"slow down"), POLL_S) == Throttled(5)


@pytest.mark.parametrize(
    ("failure", "ours"),
    [
        (failure, FailureCode.GENERATION_FAILED)
        if failure
        in (
            FailureCode.STORAGE_FAILED,
            FailureCode.TIMEOUT,
            FailureCode.CANCELLED,
            FailureCode.INTERNAL_ERROR,
        )
        else (failure, failure)
        for failure in FailureCode
    ],
)
class TestFailuresOfJobs:
    """The same in every dialect: by Reelway's own header, and by the documented words alone where they can tell."""

    def test_rivya(self, failure: FailureCode, ours: FailureCode) -> None:
        message = FAILURE_MESSAGES[failure].format(reason="acme job-17")
        body = {"id": "t1", "status": "failed", "error": {"code": "generation_failed", "message": message}}
        for answer in (told(200, body), told(200, body | {"error": None}, x_reelway_failure=failure.value)):
            outcome = rivya.read_status(answer, POLL_S)
            assert isinstance(outcome, outcomes.JobFailed)
            assert outcome.code is ours
            assert_discreet(outcome)

    def test_apixo(self, failure: FailureCode, ours: FailureCode) -> None:
        code, message = APIXO_FAILURES[failure]
        data = {"taskId": "t1", "state": "failed", "failCode": code, "failMsg": message.format(reason="acme job-17")}
        body = {"code": 200, "message": "success", "data": data}
        outcome = apixo.read_status(told(200, body), POLL_S)
        assert isinstance(outcome, outcomes.JobFailed)
        # This dialect has one word for all that is the provider's own matter.
        assert outcome.code is (FailureCode.GENERATION_FAILED if code == "GENERATION_FAILED" else ours)
        assert_discreet(outcome)
        told_ours = apixo.read_status(told(200, body, x_reelway_failure=failure.value), POLL_S)
        assert isinstance(told_ours, outcomes.JobFailed)
        assert told_ours.code is ours

    def test_openai(self, failure: FailureCode, ours: FailureCode) -> None:
        code, message = OPENAI_FAILURES[failure]
        body = {"id": "v1", "status": "failed", "error": {"code": code, "message": message.format(reason="acme")}}
        for answer in (told(200, body), told(200, body | {"error": None}, x_reelway_failure=failure.value)):
            outcome = openai_videos.read_status(answer, POLL_S)
            assert isinstance(outcome, outcomes.JobFailed)
            assert outcome.code is ours
            assert_discreet(outcome)


def test_states_of_a_rivya_job() -> None:
    for word in ("queued", "processing"):
        assert rivya.read_status(told(200, {"status": word}), POLL_S) == outcomes.InProgress(None, POLL_S)
    assert rivya.read_status(told(200, {"status": "succeeded"}), POLL_S) == outcomes.Finished()
    assert rivya.read_status(told(429, b"", retry_after="9"), POLL_S) == outcomes.InProgress(None, 9)
    for answer in (told(200, {"status": "odd"}), told(200, b"x"), told(500, {}), told(401, {}), told(404, {})):
        assert isinstance(rivya.read_status(answer, POLL_S), outcomes.PollUnknown)


def test_cancels_at_rivya() -> None:
    assert rivya.read_cancel(told(200, {"status": "failed"})) == outcomes.CancelConfirmed()
    for word in ("queued", "processing"):
        assert isinstance(rivya.read_cancel(told(200, {"status": word})), outcomes.CancelUnknown)
    assert rivya.read_cancel(rivya_error("generation_not_cancellable")) == outcomes.CancelImpossible()
    assert isinstance(rivya.read_cancel(told(500, {})), outcomes.CancelUnknown)


def test_uploads_to_rivya() -> None:
    assert (
        rivya.read_upload(told(201, {"url": "https://gw.example.com/files/f/x"})) == "https://gw.example.com/files/f/x"
    )
    too_large = rivya_error("validation_failed", status=413)
    assert rivya.read_upload(too_large) == Refused(FailureCode.REFERENCE_TOO_LARGE, "")
    unfit = rivya_error("validation_failed", details=[{"field": "file", "message": "no"}])
    assert rivya.read_upload(unfit) == Refused(FailureCode.REFERENCE_UNSUPPORTED, "")
    assert rivya.read_upload(rivya_error("rate_limited")) == Throttled(12)
    for answer in (told(500, b""), told(201, {}), rivya_error("api_key_invalid"), rivya_error("internal_error")):
        assert isinstance(rivya.read_upload(answer), Unavailable)


def test_lists_of_rivya() -> None:
    assert rivya.listed_job(told(200, {"data": [{"id": "t1"}]})) == "t1"
    assert rivya.listed_job(told(200, {"data": []})) == ""
    for answer in (told(404, {}), told(200, {}), told(200, {"data": {}}), told(200, b"x")):
        assert rivya.listed_job(answer) is None


# --- APIXO ------------------------------------------------------------------------------------------------------------

_APIXO_SUBMITS: dict[str, tuple[int, type]] = {
    "Invalid request": (400, Refused),
    "Insufficient credits": (400, Unavailable),
    "Invalid or missing API key": (401, Unavailable),
    "API key is not allowed to do this": (403, Unavailable),
    "Model not found": (404, Unavailable),
    "Task not found": (404, Unavailable),
    "Not found": (404, Unavailable),
    "Method not allowed": (405, Unavailable),
    "Idempotency-Key was used with a different request": (409, SubmitUnknown),
    "A request with this Idempotency-Key is in progress": (409, SubmitUnknown),
    "Request body too large": (413, Refused),
    "Rate limit exceeded": (429, Throttled),
    "Concurrent task limit exceeded": (429, Throttled),
    "Internal error": (500, SubmitUnknown),
    "Service temporarily unavailable": (503, Unavailable),
}


def test_every_documented_error_of_apixo_has_a_meaning() -> None:
    assert {message: status for message, (status, _) in _APIXO_SUBMITS.items()} == APIXO_STATUSES


@pytest.mark.parametrize("is_outside_200", [False, True])
@pytest.mark.parametrize("message", _APIXO_SUBMITS)
def test_an_error_of_apixo_to_a_submit(message: str, is_outside_200: bool) -> None:
    """The code of the body counts, also where the HTTP status says 200."""
    status, meaning = _APIXO_SUBMITS[message]
    body = {"code": status, "message": message, "data": None}
    outcome = apixo.read_create(told(200 if is_outside_200 else status, body, retry_after="7"), POLL_S)
    assert isinstance(outcome, meaning)
    if isinstance(outcome, Throttled):
        assert outcome.retry_after_s == 7
    if isinstance(outcome, Unavailable):
        assert outcome.opens_circuit == (status in (401, 403) or message == "Insufficient credits")


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        ("Invalid value for input.duration: must be 5 or 10", "its duration was not accepted"),
        ("Missing required field: input.prompt; Unknown field: acme", "its prompt was not accepted"),
        ("Unknown field: input.cfg_scale", "its cfg_scale was not accepted"),
        ("acme is unwell", "it was not accepted"),
    ],
)
def test_what_apixo_found_wrong_is_told_in_our_words(problem: str, reason: str) -> None:
    body = {"code": 400, "message": "Invalid request", "data": {"error": problem}}
    assert apixo.read_create(told(400, body), POLL_S) == Refused(FailureCode.PROVIDER_REJECTED, reason)


def test_a_job_of_apixo() -> None:
    body = {"code": 200, "message": "success", "data": {"taskId": "t1"}}
    assert apixo.read_create(told(200, body), POLL_S) == Accepted(JobId("t1"), POLL_S)

    def state(**data: Any) -> Answered:
        return told(200, {"code": 200, "message": "success", "data": {"taskId": "t1"} | data})

    for word in ("pending", "processing"):
        assert apixo.read_status(state(state=word), POLL_S) == outcomes.InProgress(None, POLL_S)
    assert apixo.read_status(state(state="success"), POLL_S) == outcomes.Finished()
    assert apixo.read_status(told(429, {}, retry_after="9"), POLL_S) == outcomes.InProgress(None, 9)
    for answer in (state(state="odd"), state(), told(200, b"x"), told(500, {})):
        assert isinstance(apixo.read_status(answer, POLL_S), outcomes.PollUnknown)
    assert apixo.result_url(state(resultJson='{"resultUrls":["https://a/v.mp4"]}')) == "https://a/v.mp4"
    for text in ("", "x", "[]", '{"resultUrls":[]}', '{"resultUrls":[3]}', 7):
        assert apixo.result_url(state(resultJson=text)) is None


# --- OpenAI Videos ----------------------------------------------------------------------------------------------------

_UNAVAILABLE_CODES = {
    "missing_api_key",
    "invalid_api_key",
    "insufficient_scope",
    "model_not_found",
    "video_not_found",
    "video_not_ready",
    "unsupported_endpoint",
    "not_found",
    "method_not_allowed",
    "video_expired",
    "insufficient_quota",
    "service_unavailable",
}
_UNKNOWN_CODES = {"video_not_deletable", "idempotency_conflict", "idempotency_in_progress", "internal_error"}
_THROTTLE_CODES = {"rate_limit_exceeded", "concurrency_limit_exceeded"}


@pytest.mark.parametrize("code", CODES)
def test_an_error_of_openai_to_a_submit(code: str) -> None:
    status, kind = CODES[code]
    error = {"message": "acme: job-17 at https://acme.example", "type": kind, "param": "seconds", "code": code}
    outcome = openai_videos.read_create(told(status, {"error": error}, retry_after="12"), POLL_S)
    match outcome:
        case Unavailable(opens_circuit=opens_circuit):
            assert code in _UNAVAILABLE_CODES
            assert opens_circuit == (status in (401, 403) or code == "insufficient_quota")
        case SubmitUnknown():
            assert code in _UNKNOWN_CODES
        case Throttled(retry_after_s):
            assert (code in _THROTTLE_CODES, retry_after_s) == (True, 12)
        case Refused(failure, reason):
            assert code not in _UNAVAILABLE_CODES | _UNKNOWN_CODES | _THROTTLE_CODES
            refusal = (FailureCode.PROVIDER_REJECTED, "its duration was not accepted")
            assert (failure, reason) == (
                (FailureCode.CONTENT_REJECTED, "") if code == "moderation_blocked" else refusal
            )
    assert_discreet(outcome)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, {"error": {"code": "moderation_blocked", "type": "invalid_request_error", "message": "No."}}),
        (400, {"error": {"code": None, "type": "image_generation_user_error", "message": "Our safety system says no"}}),
        (403, {"error": {"code": "content_policy_violation", "message": "acme"}}),
        (422, {"detail": "The prompt contains sensitive words"}),
        (400, {"error": "NSFW content was found"}),
    ],
)
def test_refusals_of_content_by_openai_servers(status: int, body: Any) -> None:
    assert openai_videos.read_create(told(status, body), POLL_S) == Refused(FailureCode.CONTENT_REJECTED, "")


@pytest.mark.parametrize("body", [{"detail": [{"loc": ["body", "size"]}]}, {"detail": "Bad size"}, b"no", {}])
def test_servers_with_errors_of_their_own_shape_are_understood_by_their_status(body: Any) -> None:
    assert openai_videos.read_create(told(422, body), POLL_S) == Refused(
        FailureCode.PROVIDER_REJECTED, "it was not accepted"
    )


def test_states_of_an_openai_video() -> None:
    def video(status: str, **more: Any) -> Any:
        return openai_videos.read_status(told(200, {"id": "v1", "status": status, **more}), POLL_S)

    assert video("queued", progress=0) == outcomes.InProgress(0.0, POLL_S)
    assert video("in_progress", progress=41) == outcomes.InProgress(0.41, POLL_S)
    assert video("in_progress", progress=400) == outcomes.InProgress(1.0, POLL_S)
    assert video("processing") == outcomes.InProgress(None, POLL_S)
    assert video("completed") == outcomes.Finished()
    for word in ("failed", "cancelled", "expired"):
        assert video(word) == outcomes.JobFailed(FailureCode.GENERATION_FAILED, "")
    assert video("failed", error="blocked by moderation") == outcomes.JobFailed(FailureCode.CONTENT_REJECTED, "")
    assert isinstance(video("odd"), outcomes.PollUnknown)
    for answer in (told(200, b"x"), told(200, {}), told(500, {}), told(401, {})):
        assert isinstance(openai_videos.read_status(answer, POLL_S), outcomes.PollUnknown)
    assert openai_videos.read_status(told(429, b"", retry_after="9"), POLL_S) == outcomes.InProgress(None, 9)


@pytest.mark.parametrize(("told_ms", "pace_s"), [("5000", 5.0), ("1000", POLL_S), ("9999999", 60.0), ("soon", POLL_S)])
def test_the_pace_that_a_server_asks_for_is_kept(told_ms: str, pace_s: float) -> None:
    answer = told(200, {"id": "v1", "status": "queued"}, openai_poll_after_ms=told_ms)
    assert openai_videos.read_status(answer, POLL_S) == outcomes.InProgress(None, pace_s)


def test_deletes_at_openai_servers() -> None:
    def outcome(status: int, code: str = "") -> outcomes.CancelOutcome:
        return openai_videos.read_delete(told(status, {"error": {"code": code, "message": ""}} if code else {}))

    assert outcome(200) == outcome(204) == outcome(404, "video_not_found") == outcomes.CancelConfirmed()
    assert outcome(409, "video_not_deletable") == outcome(405) == outcome(404) == outcomes.CancelImpossible()
    assert isinstance(outcome(500), outcomes.CancelUnknown)


# --- what all of them share -------------------------------------------------------------------------------------------


def test_only_a_refusal_of_the_repeated_create_proves_that_there_was_no_job() -> None:
    accepted = Accepted(JobId("t1"), 1.0)
    assert found_again(accepted) is accepted
    assert found_again(Refused(FailureCode.PROVIDER_REJECTED, "")) == outcomes.Absent()
    for outcome in (Unavailable("x"), SubmitUnknown("x"), Throttled(3.0)):
        assert isinstance(found_again(outcome), outcomes.FindUnknown)


# --- requests ---------------------------------------------------------------------------------------------------------

PLAIN = Generation("kling-v2-5-turbo-pro", "A fox", 5, "16:9", Mode.PRO)
START = Reference(MediaKind.IMAGE, file_id=FileId("file_01KB2R8T4NQ6V0X3Z5A7C9E1G5"))
LAST = Reference(MediaKind.IMAGE, url="https://cdn.example.com/end.webp")
FRAMES = Order(
    TASK,
    replace(PLAIN, start_frame=START, last_frame=LAST, negative_prompt="blur", cfg_scale=0.7),
    (
        PreparedReference("inputs/a", "image/png", 64, 64),
        PreparedReference("inputs/b", "image/webp", 64, 64, Role.LAST_FRAME),
    ),
)
LOUD = Order(TASK, Generation("kling-3-0", "A fox", 7, "9:16", Mode.STD, sound=True, multi_shots=True), ())


def test_what_rivya_is_sent() -> None:
    card = CATALOG["kling-v2-5-turbo-pro"]
    assert rivya.create_body(FRAMES, card, "turbo", ("https://u/1", "https://u/2")) == {
        "model": "turbo",
        "prompt": "A fox",
        "params": {
            "duration": "5",
            "aspect_ratio": "16:9",
            "negative_prompt": "blur",
            "cfg_scale": 0.7,
            "referenceMediaItems": [
                {"url": "https://u/1", "kind": "image", "mimeType": "image/png"},
                {"url": "https://u/2", "kind": "image", "mimeType": "image/webp"},
            ],
        },
        "client_request_id": TASK,
    }
    loud = rivya.create_body(LOUD, CATALOG["kling-3-0"], "k3", ())["params"]
    assert loud == {"mode": "std", "multi_shots": "true", "duration": "7", "sound": "true", "aspect_ratio": "9:16"}


def test_what_apixo_is_sent() -> None:
    card = CATALOG["kling-v2-5-turbo-pro"]
    assert apixo.create_body(FRAMES.generation, card, ("https://u/1", "https://u/2")) == {
        "request_type": "async",
        "input": {
            "mode": "image-to-video",
            "prompt": "A fox",
            "duration": 5,
            "aspect_ratio": "16:9",
            "image_urls": ["https://u/1", "https://u/2"],
            "negative_prompt": "blur",
            "cfg_scale": 0.7,
        },
    }
    plain = apixo.create_body(PLAIN, card, ())["input"]
    assert plain == {"mode": "text-to-video", "prompt": "A fox", "duration": 5, "aspect_ratio": "16:9"}


def test_what_openai_servers_are_sent(tmp_path: Path) -> None:
    models = 'models = { "kling-3-0" = "wan" }'
    config = entry(tmp_path, "openai_videos", models, 'takes = ["cfg_scale", "negative_prompt", "last_frame"]')
    fields = openai_videos.create_fields(FRAMES.generation, "wan", config)
    assert fields == {
        "model": "wan",
        "prompt": "A fox",
        "seconds": "5",
        "size": "1920x1080",
        "negative_prompt": "blur",
        "cfg_scale": 0.7,
    }
    images = (b"one", b"two")
    body = openai_videos.json_body(fields, FRAMES, images)
    assert body["input_reference"] == {"image_url": "data:image/png;base64,b25l"}
    assert body["last_frame"] == {"image_url": "data:image/webp;base64,dHdv"}
    parts = openai_videos.form_parts(fields, FRAMES, images)
    assert parts[-2:] == [
        ("input_reference", b"one", "image.png", "image/png"),
        ("last_frame", b"two", "image.webp", "image/webp"),
    ]
    loud = openai_videos.form_parts(openai_videos.create_fields(LOUD.generation, "wan", config), LOUD, ())
    assert ("sound", "true", None, None) in loud
    assert ("size", "720x1280", None, None) in loud


# --- offers -----------------------------------------------------------------------------------------------------------


def unmet(offer: Any, generation: Generation) -> list[set[Need]]:
    return [set(box.unmet(generation)) for box in offer.capabilities[generation.model]]


def test_rivya_offers_what_the_cards_say_and_no_more(tmp_path: Path) -> None:
    offer = rivya.rivya_offer(entry(tmp_path, "rivya"), CATALOG)
    assert set(offer.capabilities) == {card.id for card in CATALOG}
    assert offer.covers(FRAMES.generation)
    assert offer.covers(LOUD.generation)
    frames = replace(FRAMES.generation, model="kling-3-0", negative_prompt="")
    assert offer.covers(frames)
    assert not offer.covers(replace(frames, multi_shots=True))
    own = replace(LOUD.generation, prompt="", shots=(Shot("a", 3), Shot("b", 4)))
    assert not offer.covers(own)
    assert not offer.covers(replace(PLAIN, mode=Mode.STD))
    assert not offer.covers(replace(PLAIN, camera=Camera(CameraMove.SIMPLE, pan=3)))
    assert not offer.covers(replace(PLAIN, last_frame=LAST))


def test_apixo_offers_each_card_in_the_modes_of_its_names(tmp_path: Path) -> None:
    offer = apixo.apixo_offer(entry(tmp_path, "apixo"), CATALOG)
    assert set(offer.capabilities) == {card.id for card in CATALOG if card.names.apixo}
    assert offer.covers(FRAMES.generation)
    assert not offer.can_cancel
    assert {Need.SOUND, Need.MULTI_SHOTS} <= unmet(offer, LOUD.generation)[0]
    named = apixo.apixo_offer(entry(tmp_path, "apixo", 'models = { "kling-3-0" = "kling-3-0-std" }'), CATALOG)
    assert set(named.capabilities) == {"kling-3-0"}
    quiet = replace(LOUD.generation, sound=False, multi_shots=False)
    assert named.covers(quiet)
    assert not named.covers(replace(quiet, mode=Mode.PRO))


def test_an_openai_server_offers_what_its_entry_says_that_it_takes(tmp_path: Path) -> None:
    models = 'models = { "kling-3-0" = "wan", "kling-v2-5-turbo-pro" = "wan" }'
    plain = openai_videos.openai_offer(entry(tmp_path, "openai_videos", models), CATALOG)
    start_only = replace(FRAMES.generation, last_frame=None, negative_prompt="")
    assert plain.covers(PLAIN)
    assert plain.covers(replace(PLAIN, mode=Mode.STD))
    assert plain.covers(start_only)
    for beyond in (
        replace(start_only, last_frame=LAST),
        replace(PLAIN, negative_prompt="blur"),
        LOUD.generation,
        replace(PLAIN, needs_cfg_scale=True, cfg_scale=0.7),
    ):
        assert not plain.covers(beyond)
    takes = f"takes = [{', '.join(json.dumps(extra.value) for extra in Extra)}]"
    full = openai_videos.openai_offer(entry(tmp_path, "openai_videos", models, takes, "can_cancel = true"), CATALOG)
    assert full.can_cancel
    assert full.covers(FRAMES.generation)
    assert full.covers(LOUD.generation)


def test_an_entrys_own_words_go_before_what_its_kind_can_usually_do(tmp_path: Path) -> None:
    config = entry(
        tmp_path,
        "openai_videos",
        "unit_microdollars = 100",
        'models."kling-3-0" = { name = "wan", job_microdollars = 7, capability = { durations_s = [5, 8] } }',
    )
    offer = openai_videos.openai_offer(config, CATALOG)
    (box,) = offer.capabilities["kling-3-0"]
    assert (box.durations_s, box.products, box.own_shots) == (frozenset({5, 8}), frozenset(Product), False)
    assert (offer.price_of("kling-3-0").job_microdollars, offer.price_of("kling-3-0").unit_microdollars) == (7, 100)
