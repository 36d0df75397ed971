"""Errors in the words of the Kling dialect. Source: the contract's sections 3, 5, 6.2 and 16."""

from typing import Final, assert_never

from reelway.dialects.base import WireAnswer
from reelway.dialects.kling.fields import shown
from reelway.domain import errors
from reelway.domain.catalog import Catalog
from reelway.domain.errors import KeyFault, Problem, ReelwayError
from reelway.domain.generation import Generation, Product
from reelway.domain.routing import Need, UnsupportedError
from reelway.wire import kling, strict_json
from reelway.wire.kling import Code

_BODY_TOO_LARGE: Final = 413
_TASK_NOT_FOUND: Final = "Task not found"
_PATH_NOT_FOUND: Final = "Path not found"


def render_error(error: ReelwayError, request_id: str, catalog: Catalog) -> WireAnswer:
    """The envelope of contract 5.1 without `data`, and the headers that go with it."""
    code, message = _worded(error, catalog)
    is_too_large = isinstance(error, errors.BodyTooLargeError)
    body = {"code": int(code), "message": message, "request_id": request_id}
    status = _BODY_TOO_LARGE if is_too_large else kling.STATUSES[code]
    return WireAnswer(status, strict_json.encode(body), _headers(error))


def _headers(error: ReelwayError) -> tuple[tuple[str, str], ...]:
    """When to come back: with the codes 1302, 1303 and 5001."""
    match error:
        case errors.IdempotencyConflictError(is_in_progress=True):
            return (("Retry-After", "1"),)
        case (
            errors.RateLimitedError(retry_after_s=seconds)
            | errors.TooManyUnfinishedError(retry_after_s=seconds)
            | errors.ApiDisabledError(retry_after_s=seconds)
            | errors.UnavailableError(retry_after_s=seconds)
        ):
            return (("Retry-After", str(max(1, seconds))),)
        case _:
            return ()


def _worded(error: ReelwayError, catalog: Catalog) -> tuple[Code, str]:
    parameter = _parameter_message(error, catalog)
    if parameter is not None:
        return Code.PARAMETER_INVALID, parameter
    missing = _missing_message(error)
    if missing is not None:
        return Code.NOT_FOUND, missing
    if isinstance(error, errors.ApiKeyError):
        return _key_fault(error.fault)
    code = _plain_code(error)
    return code, kling.MESSAGES[code]


def _key_fault(fault: KeyFault) -> tuple[Code, str]:
    """Source: contract, section 3."""
    match fault:
        case KeyFault.MISSING:
            code = Code.AUTHORIZATION_EMPTY
        case KeyFault.OTHER_SCHEME:
            code = Code.AUTHENTICATION_FAILED
        case KeyFault.INVALID | KeyFault.REVOKED:
            return Code.AUTHORIZATION_INVALID, "api key not found"
        case KeyFault.TOKEN_INVALID:
            code = Code.AUTHORIZATION_INVALID
        case KeyFault.TOKEN_NOT_YET:
            code = Code.TOKEN_NOT_YET
        case KeyFault.EXPIRED | KeyFault.TOKEN_EXPIRED:
            code = Code.TOKEN_EXPIRED
        case _:
            assert_never(fault)
    return code, kling.MESSAGES[code]


def _parameter_message(error: ReelwayError, catalog: Catalog) -> str | None:
    """What code 1201 says; None for errors with another code."""
    match error:
        case errors.ValidationFailedError(problems=problems):
            return "; ".join(_problem_text(problem) for problem in problems)
        case UnsupportedError():
            return _unsupported_message(error, catalog)
        case errors.BodyTooLargeError():
            return "Request body too large"
        case errors.IdempotencyKeyError():
            return "Idempotency-Key: must be 1 to 255 printable ASCII characters"
        case errors.IdempotencyConflictError(is_in_progress=False):
            return "Idempotency-Key: used with a different request"
        case errors.ExternalIdTakenError():
            return "external_task_id: already used"
        case errors.SandboxDirectiveError(text=text, allowed=allowed):
            return f"prompt: unknown sandbox directive {shown(text)!r}; there are {', '.join(allowed)}"
        case errors.UploadRefusedError():
            return "image: must be JPEG or PNG"
        case errors.UnknownCursorError():
            return "pageNum: unknown page"
        case errors.NotCancellableError() | errors.NotDeletableError():
            return "task_id: the task can no longer be stopped"
        case errors.ResultNotReadyError():
            return "task_id: the task has not ended"
        case _:
            return None


def _problem_text(problem: Problem) -> str:
    return f"{problem.field}: {problem.message}" if problem.field else problem.message


def _missing_message(error: ReelwayError) -> str | None:
    """What code 1203 says; None for errors with another code."""
    match error:
        case errors.UnknownModelError(model=model):
            return f"model_name {model} does not exist"
        case errors.NotFoundError(what=what):
            return _TASK_NOT_FOUND if what == "task" else _PATH_NOT_FOUND
        case errors.ResultMissingError() | errors.ResultExpiredError():
            return "Result not found"
        case _:
            return None


def _plain_code(error: ReelwayError) -> Code:
    """The code of an error whose message is the code's own."""
    match error:
        case errors.ContentTypeError() | errors.MalformedBodyError():
            return Code.BODY_INVALID
        case errors.ScopeDeniedError():
            return Code.NO_PERMISSION
        case errors.ContentRefusedError():
            return Code.CONTENT_REFUSED
        case errors.MethodNotAllowedError():
            return Code.METHOD_NOT_ALLOWED
        case errors.InsufficientCreditsError():
            return Code.BALANCE_NOT_ENOUGH
        case errors.RateLimitedError() | errors.IdempotencyConflictError():
            return Code.TOO_FREQUENT
        case errors.TooManyUnfinishedError():
            return Code.TOO_MANY_TASKS
        case errors.ApiDisabledError() | errors.UnavailableError():
            return Code.MAINTENANCE
        case errors.InternalError():
            return Code.INTERNAL_ERROR
        case _:
            raise AssertionError(f"{type(error).__name__} has no words in this dialect")


# --- capability -------------------------------------------------------------------------------------------------------

NEEDS_IN_ORDER: Final = (
    Need.PRODUCT,
    Need.MULTI_SHOTS,
    Need.NEGATIVE_PROMPT,
    Need.SOUND,
    Need.VOICES,
    Need.CFG_SCALE,
    Need.MODE,
    Need.CAMERA,
    Need.ASPECT_RATIO,
    Need.DURATION_S,
    Need.REFERENCE_KIND,
    Need.LAST_FRAME,
    Need.LAST_FRAME_ALONE,
    Need.ELEMENTS,
    Need.MASKS,
)
"""The needs in the order of the fields that they come from. Source: contract 6.2, sections 7 and 8."""


def _unsupported_message(error: UnsupportedError, catalog: Catalog) -> str:
    """Source: contract 6.2."""
    card = catalog.get(error.model)
    model_name = (card.names.kling if card is not None else None) or error.model
    need = next((need for need in NEEDS_IN_ORDER if need in error.unmet), None)
    what = "this combination of fields" if need is None else _field_and_value(need, error.generation)
    return f"{what} is not supported for model_name {model_name}"


def _field_and_value(need: Need, generation: Generation | None) -> str:
    """The field of a need, with its value where that is short."""
    assert generation is not None, "routing tells what was asked for"
    match need:
        case Need.PRODUCT:
            return "image2video" if generation.product is Product.IMAGE_TO_VIDEO else "text2video"
        case Need.MULTI_SHOTS:
            return "multi_shot true"
        case Need.NEGATIVE_PROMPT:
            return f"negative_prompt {shown(generation.negative_prompt)}"
        case Need.SOUND:
            return "sound on"
        case Need.VOICES:
            return f"voice_list {shown(', '.join(generation.voices))}"
        case Need.CFG_SCALE:
            return f"cfg_scale {generation.cfg_scale:g}"
        case Need.MODE:
            return f"mode {generation.mode}"
        case Need.CAMERA:
            return f"camera_control {generation.camera.move}" if generation.camera else "camera_control"
        case Need.ASPECT_RATIO:
            return f"aspect_ratio {generation.aspect_ratio}"
        case Need.DURATION_S:
            return f"duration {generation.duration_s}"
        case Need.REFERENCE_KIND:
            return "image"
        case Need.LAST_FRAME | Need.LAST_FRAME_ALONE:
            return "image_tail"
        case Need.ELEMENTS:
            return f"element_list {shown(', '.join(generation.elements))}"
        case Need.MASKS:
            return "static_mask" if generation.static_mask is not None else "dynamic_masks"
        case _:
            assert_never(need)
