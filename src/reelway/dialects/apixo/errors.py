"""Errors in the words of the APIXO dialect. Source: the contract's sections 3, 5 and 6.3."""

from typing import Any, Final

from reelway.dialects.apixo.wording import invalid, unsupported_problems
from reelway.dialects.base import WireAnswer
from reelway.dialects.headers import error_headers
from reelway.domain import errors
from reelway.domain.catalog import Catalog
from reelway.domain.errors import BodyFault, Problem, ReelwayError
from reelway.domain.routing import UnsupportedError
from reelway.domain.task import FailureCode
from reelway.wire import strict_json
from reelway.wire.apixo import FAILURES, STATUSES

_INVALID: Final = "Invalid request"

_BODY_TEXTS: Final = {
    BodyFault.NOT_JSON: "Body is not valid JSON",
    BodyFault.NOT_AN_OBJECT: "Body must be a JSON object",
    BodyFault.NOT_MULTIPART: "Body is not valid multipart data",
    BodyFault.NOT_URLENCODED: "Body is not valid form data",
    BodyFault.INCOMPLETE: "Body ended before it was complete",
}


def envelope(code: int, message: str, data: Any) -> bytes:
    """The one shape of every answer. Source: contract 5.1."""
    return strict_json.encode({"code": code, "message": message, "data": data})


def render_error(error: ReelwayError, _request_id: str, _catalog: Catalog) -> WireAnswer:
    problems = _problems(error)
    message = _INVALID if problems else _message(error)
    code = STATUSES[message]
    data = {"error": "; ".join(problem.message for problem in problems)} if problems else None
    return WireAnswer(code, envelope(code, message, data), error_headers(error))


def _problems(error: ReelwayError) -> tuple[Problem, ...]:
    """The problems of an invalid request; none for other errors."""
    match error:
        case errors.ValidationFailedError(problems=problems):
            return problems
        case errors.ContentTypeError(expected=expected):
            return (Problem("Content-Type", f"Content-Type must be {' or '.join(expected)}"),)
        case errors.MalformedBodyError(fault=fault):
            return (Problem("body", _BODY_TEXTS[fault]),)
        case errors.IdempotencyKeyError():
            text = "Invalid Idempotency-Key: must be 1 to 255 printable ASCII characters"
            return (Problem("Idempotency-Key", text),)
        case errors.SandboxDirectiveError(text=text, allowed=allowed):
            rule = f"unknown sandbox directive {text[:100]}, must be one of {', '.join(allowed)}"
            return (invalid("input.prompt", rule),)
        case errors.ContentRefusedError():
            return (Problem("input.prompt", FAILURES[FailureCode.CONTENT_REJECTED][1]),)
        case UnsupportedError():
            return unsupported_problems(error)
        case errors.UploadRefusedError(fault=fault):
            return (Problem("file", f"The file was refused: {fault.replace('_', ' ')}"),)
        case errors.UnknownCursorError():
            return (Problem("cursor", "Unknown cursor"),)
        case errors.ExternalIdTakenError():
            return (Problem("external_task_id", "The task id is in use"),)
        case errors.NotCancellableError() | errors.NotDeletableError():
            return (Problem("taskId", "The task can no longer be stopped"),)
        case errors.ResultNotReadyError():
            return (Problem("taskId", "The task has not ended"),)
        case _:
            return ()


def _message(error: ReelwayError) -> str:
    match error:
        case errors.InsufficientCreditsError():
            return "Insufficient credits"
        case errors.ApiKeyError():
            return "Invalid or missing API key"
        case errors.ScopeDeniedError():
            return "API key is not allowed to do this"
        case errors.UnknownModelError():
            return "Model not found"
        case errors.NotFoundError(what="task"):
            return "Task not found"
        case errors.NotFoundError() | errors.ResultMissingError() | errors.ResultExpiredError():
            return "Not found"
        case errors.MethodNotAllowedError():
            return "Method not allowed"
        case errors.IdempotencyConflictError(is_in_progress=True):
            return "A request with this Idempotency-Key is in progress"
        case errors.IdempotencyConflictError():
            return "Idempotency-Key was used with a different request"
        case errors.BodyTooLargeError():
            return "Request body too large"
        case errors.RateLimitedError():
            return "Rate limit exceeded"
        case errors.TooManyUnfinishedError():
            return "Concurrent task limit exceeded"
        case errors.UnavailableError(is_fate_known=False):
            return "It is not known whether the request was carried out"
        case errors.ApiDisabledError() | errors.UnavailableError():
            return "Service temporarily unavailable"
        case errors.InternalError():
            return "Internal error"
        case _:
            raise AssertionError(f"{type(error).__name__} has no words in this dialect")
