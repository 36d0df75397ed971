"""Errors in the words of the OpenAI Videos dialect. Source: the contract's sections 3, 5 and 7.4."""

from dataclasses import dataclass
from typing import Final

from reelway.dialects.base import WireAnswer
from reelway.domain import errors
from reelway.domain.catalog import Catalog
from reelway.domain.errors import KeyFault, ReelwayError
from reelway.domain.routing import Need, UnsupportedError
from reelway.domain.task import FailureCode
from reelway.wire import strict_json
from reelway.wire.openai_videos import CODES, FAILURES

SHOULD_RETRY: Final = {
    "video_not_deletable": "false",
    "idempotency_conflict": "false",
    "idempotency_in_progress": "true",
    "insufficient_quota": "false",
    "service_unavailable": "false",
}
"""`x-should-retry` by `code`: where an SDK, left to itself, would do the wrong thing. Source: contract 5.2."""

_FIELDS: Final = {
    Need.DURATION_S: "seconds",
    Need.ASPECT_RATIO: "size",
    Need.MODE: "size",
    Need.PRODUCT: "input_reference",
    Need.REFERENCE_KIND: "input_reference",
    Need.LAST_FRAME: "last_frame",
    Need.LAST_FRAME_ALONE: "last_frame",
    Need.NEGATIVE_PROMPT: "negative_prompt",
    Need.CFG_SCALE: "cfg_scale",
    Need.SOUND: "sound",
    Need.MULTI_SHOTS: "multi_shots",
}
"""Which field asks for what, in the order of contract 7.1."""


@dataclass(frozen=True, slots=True)
class _Told:
    code: str
    message: str
    param: str | None = None
    retry_after_s: int | None = None
    may_be_repeated: bool = False
    """Whatever `SHOULD_RETRY` says: here the SDK's own repeat is welcome."""
    headers: tuple[tuple[str, str], ...] = ()


def render_error(error: ReelwayError, _request_id: str, _catalog: Catalog) -> WireAnswer:
    """The error envelope of contract 5.1, with the headers that go with it."""
    told = _told(error)
    status, kind = CODES[told.code]
    headers = list(told.headers)
    if told.retry_after_s is not None:
        headers.append(("Retry-After", str(told.retry_after_s)))
    should_retry = SHOULD_RETRY.get(told.code)
    if should_retry is not None and not told.may_be_repeated:
        headers.append(("x-should-retry", should_retry))
    body = {"message": told.message, "type": kind, "param": told.param, "code": told.code}
    return WireAnswer(status, strict_json.encode({"error": body}), tuple(headers))


def _told(error: ReelwayError) -> _Told:
    found = _of_the_request(error) or _of_the_video(error) or _of_the_account(error)
    if found is None:
        raise AssertionError(f"{type(error).__name__} has no words in this dialect")
    return found


def _of_the_request(error: ReelwayError) -> _Told | None:
    """The request is wrong in itself."""
    match error:
        case errors.ValidationFailedError(problems=(problem, *_)):
            return _Told(problem.code or "invalid_value", problem.message, problem.field)
        case errors.ContentTypeError():
            types = "multipart/form-data, application/json or application/x-www-form-urlencoded"
            return _Told("invalid_content_type", f"Content-Type must be {types}.")
        case errors.MalformedBodyError():
            return _Told("invalid_body", "The request body cannot be parsed.")
        case errors.IdempotencyKeyError():
            message = "Idempotency-Key must have 1 to 255 printable ASCII characters."
            return _Told("invalid_value", message, "Idempotency-Key")
        case errors.BodyTooLargeError(field="body"):
            return _Told("request_too_large", "The request body is too large.")
        case errors.BodyTooLargeError(field=field):
            return _Told("file_too_large", f"{field[:100]} may have at most 10 MB.", field[:100])
        case errors.UploadRefusedError():
            return _Told("invalid_image", "input_reference must be a JPEG, PNG or WebP image.", "input_reference")
        case errors.UnknownModelError(model=model):
            return _Told("model_not_found", f"The model {model} does not exist.", "model")
        case errors.UnknownCursorError():
            return _Told("invalid_value", "after must be the id of a video.", "after")
        case errors.SandboxDirectiveError(text=text, allowed=allowed):
            message = f"Unknown sandbox directive {text[:100]}; there are {', '.join(allowed)}."
            return _Told("invalid_value", message, "prompt")
        case errors.ContentRefusedError():
            return _Told(*FAILURES[FailureCode.CONTENT_REJECTED])
        case errors.ExternalIdTakenError():
            return _Told("invalid_value", "This id is in use.")
        case UnsupportedError():
            return _unsupported(error)
        case errors.MethodNotAllowedError(allowed=allowed):
            headers = (("Allow", ", ".join(allowed)),)
            return _Told("method_not_allowed", "Method not allowed.", headers=headers)
        case _:
            return None


def _of_the_video(error: ReelwayError) -> _Told | None:
    """The thing that the request names is not there, or not in a state for it."""
    match error:
        case errors.NotFoundError(what="task"):
            return _Told("video_not_found", "No such video.")
        case errors.NotFoundError(what="endpoint"):
            return _Told("unsupported_endpoint", "This endpoint is not supported.")
        case errors.NotFoundError():
            return _Told("not_found", "Not found.")
        case errors.NotDeletableError() | errors.NotCancellableError():
            return _Told("video_not_deletable", "The video is being made and cannot be stopped.")
        case errors.ResultNotReadyError():
            return _Told("video_not_ready", "The video is not ready yet.")
        case errors.ResultMissingError():
            return _Told("video_failed", "The video failed and has no content.")
        case errors.ResultExpiredError():
            return _Told("video_expired", "The content of this video has expired.")
        case _:
            return None


def _of_the_account(error: ReelwayError) -> _Told | None:
    """The caller may not, may not yet, or not at present."""
    match error:
        case errors.ApiKeyError(fault=KeyFault.MISSING | KeyFault.OTHER_SCHEME):
            return _Told("missing_api_key", "No API key was provided.")
        case errors.ApiKeyError():
            return _Told("invalid_api_key", "The API key is not valid.")
        case errors.ScopeDeniedError(scope=scope):
            return _Told("insufficient_scope", f"The API key lacks the scope {scope}.")
        case errors.IdempotencyConflictError(is_in_progress=True):
            message = "A request with this Idempotency-Key is in progress."
            return _Told("idempotency_in_progress", message, retry_after_s=1)
        case errors.IdempotencyConflictError():
            return _Told("idempotency_conflict", "This Idempotency-Key was used with a different request.")
        case errors.RateLimitedError(retry_after_s=seconds):
            message = f"Rate limit reached. Retry in {seconds} seconds."
            return _Told("rate_limit_exceeded", message, retry_after_s=seconds)
        case errors.TooManyUnfinishedError(unfinished_tasks_max=limit, retry_after_s=seconds):
            message = f"Too many unfinished videos (limit {limit})."
            return _Told("concurrency_limit_exceeded", message, retry_after_s=seconds)
        case errors.InsufficientCreditsError():
            return _Told("insufficient_quota", "Not enough credits.")
        case errors.ApiDisabledError(retry_after_s=seconds):
            return _Told("service_unavailable", "The API is switched off for the moment.", retry_after_s=seconds)
        case errors.UnavailableError(reason=reason, retry_after_s=seconds, is_fate_known=False):
            # An SDK that repeats by itself might make a second video: `x-should-retry` stays `false`.
            message = f"It is not known whether the request was carried out: {reason}."
            return _Told("service_unavailable", message, retry_after_s=seconds)
        case errors.UnavailableError(reason=reason, retry_after_s=seconds):
            message = f"Nothing was changed: {reason}. Try again later."
            return _Told("service_unavailable", message, retry_after_s=seconds, may_be_repeated=True)
        case errors.InternalError():
            return _Told("internal_error", "Internal error.")
        case _:
            return None


def _unsupported(error: UnsupportedError) -> _Told:
    """The first field, in the order of contract 7.1, that no provider can do. Source: contract 7.4, O16."""
    need = next((need for need in _FIELDS if need in error.unmet), None)
    if need is None:
        return _Told("unsupported_value", f"No configured provider of {error.model} can do this combination.", "size")
    field = _FIELDS[need]
    return _Told("unsupported_value", f"{field} is not supported for {error.model} with this value.", field)
