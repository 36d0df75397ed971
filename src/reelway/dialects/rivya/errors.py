"""Errors in the words of the Rivya dialect. Source: the contract's sections 3, 5, 7.4, 7.6 and 10.3."""

from typing import Any, Final, assert_never

from reelway.dialects.base import WireAnswer
from reelway.dialects.headers import error_headers
from reelway.dialects.rivya.wording import problem_object, refusal_problem
from reelway.domain import errors
from reelway.domain.catalog import Catalog
from reelway.domain.errors import BodyFault, KeyFault, Problem, ReelwayError, UploadFault
from reelway.domain.routing import UnsupportedError
from reelway.domain.task import FailureCode
from reelway.wire import strict_json
from reelway.wire.rivya import CONTENT_VIOLATION, FAILURE_MESSAGES, STATUSES, URL_REJECTED

_KEY_MESSAGES: Final = {
    KeyFault.MISSING: "A valid Bearer API key is required.",
    KeyFault.INVALID: "The API key is not valid.",
    KeyFault.REVOKED: "The API key was revoked.",
    KeyFault.EXPIRED: "The API key has expired.",
}
_TOLD_AS: Final = {
    KeyFault.OTHER_SCHEME: KeyFault.MISSING,
    KeyFault.TOKEN_INVALID: KeyFault.INVALID,
    KeyFault.TOKEN_NOT_YET: KeyFault.INVALID,
    KeyFault.TOKEN_EXPIRED: KeyFault.EXPIRED,
}
"""This dialect takes keys only; a signed token in the place of a key is an unknown key."""
_BODY_MESSAGES: Final = {
    BodyFault.NOT_JSON: "Body is not valid JSON.",
    BodyFault.NOT_AN_OBJECT: "Body must be a JSON object.",
    BodyFault.NOT_MULTIPART: "Body is not valid multipart data.",
    BodyFault.NOT_URLENCODED: "Body is not valid form data.",
    BodyFault.INCOMPLETE: "The body ended before it was complete.",
}
_INVALID: Final = "The request is invalid."


def render_error(error: ReelwayError, request_id: str, catalog: Catalog) -> WireAnswer:
    """The error envelope of contract 5.1, with the headers that go with it."""
    code, message, problems = _worded(error, catalog)
    body: dict[str, Any] = {"code": code, "message": message, "requestId": request_id}
    if problems:
        body["details"] = [problem_object(problem) for problem in problems]
    is_too_large = isinstance(error, errors.BodyTooLargeError)
    return WireAnswer(
        status=413 if is_too_large else STATUSES[code],
        body=strict_json.encode({"error": body}),
        headers=error_headers(error),
    )


def _worded(error: ReelwayError, catalog: Catalog) -> tuple[str, str, tuple[Problem, ...]]:
    """Code, message and details."""
    problems = _problems(error, catalog)
    if [problem.code for problem in problems] == [URL_REJECTED]:
        return URL_REJECTED, problems[0].message, ()
    if problems:
        message = _INVALID
        if isinstance(error, errors.BodyTooLargeError):
            message = "The request body is too large." if error.field == "body" else "The file is too large."
        return "validation_failed", message, problems
    match error:
        case errors.ApiKeyError(fault=fault):
            fault = _TOLD_AS.get(fault, fault)
            return f"api_key_{fault}", _KEY_MESSAGES[fault], ()
        case errors.ContentRefusedError():
            return CONTENT_VIOLATION, FAILURE_MESSAGES[FailureCode.CONTENT_REJECTED], ()
        case errors.ScopeDeniedError(scope=scope):
            return "api_scope_denied", f"The API key lacks the scope {scope}.", ()
        case errors.InsufficientCreditsError(needed_credits=needed, available_credits=available):
            message = f"This generation needs {needed} credits; {available} are available."
            return "insufficient_credits", message, ()
        case errors.NotFoundError() | errors.ResultMissingError() | errors.ResultExpiredError():
            return "not_found", "Not found.", ()
        case errors.MethodNotAllowedError():
            return "method_not_allowed", "Method not allowed.", ()
        case errors.IdempotencyConflictError(is_in_progress=True):
            return "idempotency_conflict", "A request with this Idempotency-Key is still in progress.", ()
        case errors.IdempotencyConflictError():
            return "idempotency_conflict", "This Idempotency-Key was used with a different request.", ()
        case errors.NotCancellableError() | errors.NotDeletableError() | errors.ResultNotReadyError():
            return "generation_not_cancellable", "The generation can no longer be cancelled.", ()
        case errors.RateLimitedError(retry_after_s=seconds):
            return "rate_limited", f"Too many requests. Retry in {seconds} seconds.", ()
        case errors.TooManyUnfinishedError(unfinished_tasks_max=limit):
            return "rate_limited", f"Too many unfinished generations (limit {limit}).", ()
        case errors.ApiDisabledError():
            return "public_api_disabled", "The public API is switched off for the moment.", ()
        case errors.UnavailableError(reason=reason, is_fate_known=False):
            return "service_unavailable", f"It is not known whether the request was carried out: {reason}.", ()
        case errors.UnavailableError(reason=reason):
            return "service_unavailable", f"Nothing was changed: {reason}. Try again later.", ()
        case errors.InternalError():
            return "internal_error", "Internal error.", ()
        case _:
            raise AssertionError(f"{type(error).__name__} has no words in this dialect")


def _problems(error: ReelwayError, catalog: Catalog) -> tuple[Problem, ...]:
    """The details of errors that this dialect calls `validation_failed`; none for the others."""
    match error:
        case errors.ValidationFailedError(problems=problems):
            return problems
        case errors.ContentTypeError(expected=expected):
            return (Problem("Content-Type", f"Content-Type must be {' or '.join(expected)}.", expected),)
        case errors.MalformedBodyError(fault=fault):
            return (Problem("body", _BODY_MESSAGES[fault]),)
        case errors.IdempotencyKeyError():
            return (Problem("Idempotency-Key", "Must be 1 to 255 printable ASCII characters."),)
        case errors.BodyTooLargeError(field=field, size_bytes_max=limit):
            return (Problem(field, f"At most {limit} bytes."),)
        case errors.UploadRefusedError():
            return (_upload_problem(error),)
        case UnsupportedError() | errors.SandboxDirectiveError():
            return (refusal_problem(error, catalog),)
        case errors.UnknownModelError():
            return (Problem("model", "Unknown model.", tuple(card.id for card in catalog)),)
        case errors.UnknownCursorError():
            return (Problem("query.cursor", "Unknown cursor."),)
        case errors.ExternalIdTakenError():
            return (Problem("external_task_id", "Already used."),)
        case _:
            return ()


def _upload_problem(error: errors.UploadRefusedError) -> Problem:
    match error.fault:
        case UploadFault.EMPTY:
            return Problem("file", "The file is empty.")
        case UploadFault.TYPE_NOT_ACCEPTED:
            return Problem("file", "This file type is not accepted.", error.accepted)
        case UploadFault.OTHER_KIND:
            return Problem("kind", "The file is of another kind.", None if error.kind is None else (error.kind.value,))
        case UploadFault.BROKEN:
            return Problem("file", "The file cannot be read as media.")
        case UploadFault.TOO_MANY_PIXELS:
            return Problem("file", f"The picture may have at most {error.limit} pixels.")
        case UploadFault.TOO_LONG:
            return Problem("file", f"The file may be at most {error.limit} seconds long.")
        case _:
            assert_never(error.fault)
